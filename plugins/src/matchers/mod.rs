//! The built-in matchers.

mod effect;
mod glob;
mod regex;
