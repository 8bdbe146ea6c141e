//! Understanding a call: from its words to what it does.

mod carried;
mod doing;
mod fuel;
mod hosts;
mod seen;

pub(crate) use doing::{
    Contact, Content, Doing, Effect, HOLE, Language, Output, Run, Taint, Touch, UNKNOWN, Word,
};
pub(crate) use fuel::Fuel;
pub(crate) use hosts::Address;
pub(crate) use seen::{Contacted, Origin, Touched, Understanding, Understood, readable};

use std::path::Path;

use crate::knowledge::Knowledge;
use crate::paths::Ground;

/// What calls are understood against.
pub(crate) struct World<'a> {
    pub(crate) knowledge: &'a Knowledge,
    pub(crate) ground: Ground<'a>,
    /// The folder the call starts in.
    pub(crate) folder: &'a Path,
    /// What is known of a file that is run.
    pub(crate) scripts: &'a dyn Fn(&Path) -> Option<Script>,
}

/// What a call did to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Left {
    /// It wrote it: the text, if that is known.
    Wrote(Option<String>),
    Removed,
}

/// What is known of a file that is run, where it is the project's or a temporary one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Script {
    /// Its text, as it is now.
    Here(String),
    /// It is not there, but the session wrote it before: what it wrote, as far as that is known.
    Gone(Option<String>),
}
