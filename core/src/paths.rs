//! One engine for the paths of all tools: where a path leads, which named sets it is in, and what it means to touch it.

use std::path::{Path, PathBuf};

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
    /// The names of the sets it is in.
    pub(crate) sets: Vec<&'static str>,
}

impl Ground<'_> {
    /// Where a word leads, from a folder.
    pub(crate) fn place(&self, word: &Word, folder: &Path) -> Placed {
        let lexical = folder.join(&word.text);
        Placed { canonical: lexical.clone(), lexical, known: word.known(), sets: Vec::new() }
    }

    /// What it means to touch a path. `elsewhere`: on another machine or in a container.
    pub(crate) fn consequences(&self, touch: &Touch, placed: &Placed, elsewhere: bool) -> Vec<Effect> {
        let _todo = (touch, placed, elsewhere);
        Vec::new()
    }

    /// Whether a variable of that name in a program's environment switches the firewall off or leads it elsewhere.
    pub(crate) fn redirects_firewall(&self, name: &str) -> bool {
        name.starts_with("AGENTFIREWALL_")
    }

    /// Whether what is read there are credentials, so that they must not be sent.
    pub(crate) fn is_secret(&self, placed: &Placed) -> bool {
        let _todo = placed;
        false
    }
}
