//! Understanding a call: from its words to what it does.

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
    /// The text of a file that is run, as it is now, where it is the project's or a temporary one.
    pub(crate) scripts: &'a dyn Fn(&Path) -> Option<String>,
}
