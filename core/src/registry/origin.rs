//! Where a plugin comes from.

use std::fmt;

/// Where a plugin comes from, as a person reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'e> {
    /// It is part of the program.
    BuiltIn,
    /// The program that links the core brings it along.
    Host {
        /// What the program calls itself.
        host: &'e str,
    },
    /// It is a rule of a policy, or of a file that a policy imports.
    Rule {
        /// The file.
        file: &'e str,
    },
    /// It is in an installed library.
    Plugin {
        /// The library's name.
        name: &'e str,
        /// Its version.
        version: &'e str,
    },
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in"),
            Self::Host { host } => write!(f, "of this program ({host})"),
            Self::Rule { file } => write!(f, "rule of {file}"),
            Self::Plugin { name, version } => write!(f, "plugin {name} {version}"),
        }
    }
}
