//! One engine for the paths of all tools: where a path leads, which named sets it is in, and what it means to touch it.

mod consequences;
mod links;
mod own;
mod pairs;
mod place;
mod sets;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub(crate) use links::Links;
pub(crate) use own::Own;
pub(crate) use sets::{TEMPS, composed, decomposed};

use crate::understand::{Effect, Touch, Word};

/// What paths are judged against.
#[derive(Debug, Clone)]
pub(crate) struct Ground<'a> {
    /// The project's root.
    pub(crate) project: &'a Path,
    /// The home folder.
    pub(crate) home: &'a Path,
    /// The user's name, where it is known.
    pub(crate) user: Option<&'a str>,
    /// The firewall's own files, where they are protected.
    pub(crate) own: Option<&'a Own>,
    /// Where folders lead, as far as it was asked.
    pub(crate) links: Links,
}

/// A path and where it leads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Placed {
    /// Absolute, without `.` and `..`; up to the first component that is not known.
    pub(crate) lexical: PathBuf,
    /// With links resolved as far as the path exists.
    pub(crate) canonical: PathBuf,
    /// Whether the whole path is known. Otherwise the path is somewhere at or below what is said here; where nothing
    /// is known at all, both forms are empty.
    pub(crate) known: bool,
    /// Whether it is a pattern for several paths.
    pub(crate) wild: bool,
    /// The names of the sets it is in.
    pub(crate) sets: Vec<&'static str>,
}

impl Placed {
    /// This path, where a link on it leads to another one: as for links that are there, what is bad about either form counts,
    /// and what is good only if it is so for both.
    pub(crate) fn leading_to(mut self, target: &Self) -> Self {
        self.sets.retain(|set| !matches!(*set, "project" | "temp") || target.is_in(set));
        for set in target.sets.iter().filter(|set| !matches!(**set, "project" | "temp")) {
            if !self.is_in(set) {
                self.sets.push(set);
            }
        }
        self.canonical.clone_from(&target.canonical);
        self.known &= target.known;
        self
    }

    /// Whether it is in a set.
    pub(crate) fn is_in(&self, set: &str) -> bool {
        self.sets.contains(&set)
    }
}

impl Ground<'_> {
    /// Where a word leads, from a folder.
    pub(crate) fn place(&self, word: &Word, folder: &Path) -> Placed {
        place::place(self, word, folder)
    }

    /// What it means to touch a path. `elsewhere`: on another machine or in a container.
    pub(crate) fn consequences(&self, touch: &Touch, placed: &Placed, elsewhere: bool) -> Vec<Effect> {
        consequences::of(self, touch, placed, elsewhere)
    }

    /// Whether a variable of that name in a program's environment switches the firewall off or leads it elsewhere.
    pub(crate) fn redirects_firewall(&self, name: &str) -> bool {
        name.starts_with("AGENTFIREWALL_")
            || matches!(name, "CLAUDE_CONFIG_DIR" | "XDG_CONFIG_HOME" | "XDG_STATE_HOME")
                && self.own.is_some()
    }

    /// Whether what is read there are credentials, so that they must not be sent.
    pub(crate) fn is_secret(&self, placed: &Placed) -> bool {
        sets::SECRETS.iter().any(|set| placed.is_in(set)) || placed.is_in("environment-files")
    }
}
