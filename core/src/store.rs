//! The installed plugin libraries: where they are, and why one may be loaded. Nothing here loads code.
//!
//! ```text
//! plugins.lock   what a person installed: names, hashes per target, what each library says of itself   (to share)
//! plugins/       the libraries, each named by its SHA-256                                              (this machine)
//! cache/         the index: both locks in the form that a hook reads, and which stat proved which hash (this machine)
//! ```
//!
//! Only the user's and the managed configuration have a lock file: nothing in a project can bring a library in.
//! A library is opened only if its content is the content the lock names ([`InstalledPlugin::open`]).

mod change;
mod elf;
mod error;
mod index;
mod lock;
mod pins;
mod rights;

#[cfg(test)]
pub(crate) mod testing;

use agentfirewall_sdk::{Kind, LONGEST_NAME, is_hyphenated};
use serde::{Deserialize, Serialize};

pub use change::{Added, Adding, Library, Removed, Store};
pub use elf::{Glibc, LibraryError, LibraryFile, inspect, running_glibc};
pub use error::StoreError;
pub use index::{Installed, installed};
pub use lock::{Lock, LockedLibrary, LockedPlugin, check_manifest};
pub use pins::InstalledPlugin;

/// Who installed a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The machine's administrator, for every user.
    Managed,
    /// The user.
    User,
}

impl Scope {
    /// The word used in listings and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::User => "user",
        }
    }
}

/// What a hook knows of one item without loading its library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledItem {
    /// What it is.
    pub kind: Kind,
    /// Its id, unique among the installed items of its kind.
    pub id: &'static str,
    /// See [`Meta::keywords`](agentfirewall_sdk::Meta). A detector without any is asked about every text.
    pub keywords: Vec<&'static str>,
}

/// Whether a text can be the name of a plugin or the id of an item: lower-case words joined by hyphens, at most 64
/// bytes, each word of ASCII letters and digits, the first beginning with a letter.
pub fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && is_hyphenated(text)
}

/// The target triple this program was built for: a library for another one cannot be loaded.
pub const fn this_triple() -> &'static str {
    env!("AGENTFIREWALL_TARGET")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_joined_by_hyphens() {
        for name in ["a", "acme", "acme-keys", "a1-2b-c", &"a".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        let long = "a".repeat(65);
        for name in [
            "", "-", "-a", "a-", "a--b", "1a", "A", "aB", "a_b", "a.b", "a/b", "../a", "a b", "a\n", "ä",
            "a\0", &long,
        ] {
            assert!(!is_name(name), "{name:?}");
        }
    }

    #[test]
    fn the_triple_is_the_compilers() {
        let Ok(rustc) = std::process::Command::new("rustc").arg("-vV").output() else { return };
        let text = String::from_utf8(rustc.stdout).unwrap();
        let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        // Tests run on the machine that compiled them.
        assert_eq!(this_triple(), host);
    }
}
