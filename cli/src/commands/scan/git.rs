//! What a git repository holds: its whole history, or what is about to be committed. Only lines that were added count.

mod command;
mod diff;
mod history;
mod staged;

pub(super) use command::top;
pub(super) use diff::Patches;
pub(super) use history::history;
pub(super) use staged::staged;
