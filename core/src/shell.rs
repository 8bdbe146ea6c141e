//! The shell's interpreter: it runs a script without doing anything.
//!
//! It follows what can be known before a script runs: variables, expansions, branches, functions, redirections, what goes
//! through pipes and into files, and what of that is run in turn. What it cannot know is [`UNKNOWN`], and what that
//! means is decided where it matters: as the name of a program, as the target of a delete. Its cost is bounded by fuel,
//! not by time; a script that is over the limits is undecidable, never harmless.
//!
//! [`UNKNOWN`]: crate::understand::UNKNOWN

mod act;
mod assign;
mod braces;
mod cases;
mod commands;
mod control;
mod declare;
mod environment;
mod expand;
mod files;
mod limits;
mod local;
mod machine;
mod made;
mod params;
mod pattern;
mod plain;
mod programs;
mod reading;
mod redirect;
mod state;
mod streams;
mod substitute;
mod texts;
mod told;
mod trials;
mod value;

pub(crate) use machine::Machine;
pub(crate) use texts::{base64_bytes, quoted};
pub(crate) use trials::{is_test_address as is_for_tests, spares};

#[cfg(test)]
mod tests;
