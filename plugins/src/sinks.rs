//! The built-in sinks.

mod file;
mod setting;
mod stdout;
mod webhook;
