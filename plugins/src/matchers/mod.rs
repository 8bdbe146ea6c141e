//! The built-in matchers that know nothing but a text.

mod glob;
mod regex;
