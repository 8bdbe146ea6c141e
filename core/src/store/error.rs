//! Why a plugin is not installed, or is installed and must not be loaded.

use std::io;
use std::path::{Path, PathBuf};

use agentfirewall_sdk::Kind;
use thiserror::Error;

use super::elf::LibraryError;

/// The store failed or refused. On the hook's path every one of these is a refusal of the call.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Somebody else could have put or changed something here.
    #[error("`{}` {problem}; {remedy}", path.display())]
    Insecure {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// What to type or to change.
        remedy: String,
    },
    /// A lock file that cannot be understood.
    #[error("the lock file `{}` {message}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What is wrong with it, in one line.
        message: String,
    },
    /// Another process kept the store to itself.
    #[error("another process is changing the plugins in `{}`; try again when it has finished", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// A file that is no plugin library for this machine.
    #[error("`{}` {source}", path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: LibraryError,
    },
    /// What a library says of itself cannot be accepted.
    #[error("the plugin `{name}` {message}")]
    Manifest {
        /// The plugin, as text that can be printed.
        name: String,
        /// What is wrong, in one line.
        message: String,
    },
    /// The same item in two plugins.
    #[error("the {} `{id}` of the plugin `{name}` is taken: {owner} has one of that id", kind.as_str())]
    Claimed {
        /// The plugin that came later.
        name: String,
        /// The item's kind.
        kind: Kind,
        /// The item's id.
        id: String,
        /// Who has it.
        owner: String,
    },
    /// The managed and the user's lock name different libraries for one plugin.
    #[error(
        "the plugin `{name}` is installed for all users and by this user with different content; \
         run `agentfirewall plugins remove {name}`"
    )]
    Conflict {
        /// The plugin.
        name: String,
    },
    /// Another library of this name is installed.
    #[error(
        "the plugin `{name}` is installed as version {version} with SHA-256 {installed}, and this library (version \
         {other}) has {found}; add `--replace` to replace it"
    )]
    Exists {
        /// The plugin.
        name: String,
        /// The installed version.
        version: String,
        /// The installed content, or for which other machines it is pinned.
        installed: String,
        /// The version of the library that was to be added.
        other: String,
        /// Its content.
        found: String,
    },
    /// A library that is not the one a person trusts.
    #[error(
        "the plugin `{name}` must have SHA-256 {expected} on {triple}, and this library has {found}; get the trusted \
         library, or run `agentfirewall plugins trust` with the other hash"
    )]
    Untrusted {
        /// The plugin.
        name: String,
        /// The target.
        triple: String,
        /// The trusted content.
        expected: String,
        /// The content of the library that was to be added.
        found: String,
    },
    /// No plugin of this name.
    #[error("no plugin `{name}` is installed{hint}")]
    NotInstalled {
        /// The name, as text that can be printed.
        name: String,
        /// Nothing, or which there are.
        hint: String,
    },
    /// Not a SHA-256 or not a target triple.
    #[error("`{given}` is no {what}")]
    Malformed {
        /// What was given, as text that can be printed.
        given: String,
        /// What it should have been, with its form.
        what: &'static str,
    },
    /// The library is not what was installed.
    #[error(
        "the library of the plugin `{name}` was changed after it was installed: its SHA-256 must be {expected} and is \
         {found}; run `agentfirewall plugins remove {name}`, then `agentfirewall plugins add` with the library you trust"
    )]
    Changed {
        /// The plugin.
        name: String,
        /// What the lock says.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// The lock names a library that is not in the store.
    #[error(
        "the library of the plugin `{name}` is not on this machine (`{}` is missing); run `agentfirewall plugins add` \
         with the library of SHA-256 {expected}", path.display()
    )]
    Missing {
        /// The plugin.
        name: String,
        /// Where it should be.
        path: PathBuf,
        /// What the lock says.
        expected: String,
    },
    /// The lock has no library for this machine.
    #[error(
        "the plugin `{name}` is pinned for {pinned} and not for this machine ({triple}); run `agentfirewall plugins \
         add` with a library built for it"
    )]
    NotForThisMachine {
        /// The plugin.
        name: String,
        /// The targets it is pinned for.
        pinned: String,
        /// This machine's.
        triple: &'static str,
    },
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    pub(super) fn lock(path: &Path, message: impl Into<String>) -> Self {
        Self::Lock { path: path.to_owned(), message: message.into() }
    }
}
