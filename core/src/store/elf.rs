//! Whether a file can be a plugin library for this machine, said from its bytes before anything loads it.
//!
//! The system's loader trusts what it maps: a library that is cut off kills the process with SIGBUS, and an agent takes
//! a killed hook for a permission. What is wrong with a file should also be said in words that help, which the loader's
//! are not.

use std::fmt;

use thiserror::Error;

/// What a library's bytes say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LibraryFile {
    /// The newest version of the C library it needs, if it needs GNU's.
    pub glibc: Option<Glibc>,
}

/// A version of the GNU C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
    /// The third number, mostly zero.
    pub patch: u32,
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch == 0 { Ok(()) } else { write!(f, ".{}", self.patch) }
    }
}

/// Why a file is no plugin library for this machine. The text goes on after the file's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// Too large to be meant.
    #[error("has more than {} MiB", limit >> 20)]
    TooLarge {
        /// The most bytes a library may have.
        limit: u64,
    },
    /// Not what compilers make.
    #[error("is no shared library, but {0}")]
    NotALibrary(&'static str),
    /// A shared library of another machine.
    #[error("is built for {found}, and this machine is {expected}; build it for {triple}")]
    ForeignMachine {
        /// The machine it is for.
        found: String,
        /// This one.
        expected: &'static str,
        /// The target to build for.
        triple: &'static str,
    },
    /// The end is missing.
    #[error("is cut off: it has {size} bytes and says that it has at least {needed}; copy or build it again")]
    CutOff {
        /// The bytes that are there.
        size: u64,
        /// The bytes that should be there.
        needed: u64,
    },
    /// Contradicts itself.
    #[error("is damaged: {0}; copy or build it again")]
    Damaged(&'static str),
    /// A library, but no plugin.
    #[error(
        "is no agentfirewall plugin: it does not export `{symbol}` (is `agentfirewall_sdk::export!()` in it?)"
    )]
    NotAPlugin {
        /// The symbol every plugin exports.
        symbol: &'static str,
    },
    /// A library for a newer system.
    #[error(
        "needs glibc {needed}, and this machine has {running}; build it on a system that is as old as this one, for \
         example in a container"
    )]
    NewerGlibc {
        /// What it needs.
        needed: Glibc,
        /// What this machine has.
        running: Glibc,
    },
}

/// Judges a library's bytes for this machine.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub fn inspect(bytes: &[u8]) -> Result<LibraryFile, LibraryError> {
    let file = linux::structure(bytes)?;
    match (file.glibc, running_glibc()) {
        (Some(needed), Some(running)) if needed > running => {
            Err(LibraryError::NewerGlibc { needed, running })
        }
        _ => Ok(file),
    }
}

/// Judges a library's bytes for this machine. Elsewhere than on Linux only the loader can.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn inspect(bytes: &[u8]) -> Result<LibraryFile, LibraryError> {
    if bytes.is_empty() { Err(LibraryError::Empty) } else { Ok(LibraryFile { glibc: None }) }
}

/// The version of the GNU C library that this process runs with: the newest that its file defines. `None` if it runs
/// with another one, or with none of its own.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub fn running_glibc() -> Option<Glibc> {
    linux::running_glibc()
}

/// The version of the GNU C library that this process runs with: only Linux has one.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
pub fn running_glibc() -> Option<Glibc> {
    None
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod linux;
