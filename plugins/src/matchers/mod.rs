//! The built-in matchers.

mod command;
mod effect;
mod glob;
mod regex;
mod words;
