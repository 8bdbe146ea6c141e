//! The built-in matchers.

mod command;
mod effect;
mod glob;
mod host;
mod regex;
mod words;
