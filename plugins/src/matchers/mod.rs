//! The built-in matchers.

mod command;
mod effect;
mod glob;
mod host;
mod mcp;
mod regex;
mod words;
