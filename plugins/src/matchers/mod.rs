//! The built-in matchers.

mod agent;
mod args;
mod command;
mod effect;
mod glob;
mod host;
mod mcp;
mod path;
mod rate;
mod regex;
mod words;
