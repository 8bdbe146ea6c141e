//! Understanding a call: from its words to what it does.

mod doing;
mod fuel;

pub(crate) use doing::{Contact, Content, Doing, Effect, Language, Output, Run, Taint, Touch, UNKNOWN, Word};
pub(crate) use fuel::Fuel;
