//! What is known of a part of a call, for matchers: commands, paths, hosts, effects.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// In which direction a command or tool talks to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Direction {
    /// It fetches from there.
    Fetch,
    /// It sends something there.
    Send,
    /// It connects, and either side may send.
    Connect,
    /// It waits for others to connect.
    Listen,
}

/// One command as it was understood: its words after all expansions that could be made.
///
/// U+FFFC stands in a text for what is not known before the command runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CommandFact {
    /// The program's name without its folder, its version and `.exe`.
    pub program: String,
    /// Its subcommands, such as `["compute", "instances", "delete"]`.
    pub subcommand: Vec<String>,
    /// Its options, each with its value if it has one; an abbreviated option is written out where the program is known.
    pub options: Vec<(String, Option<String>)>,
    /// What is neither an option, nor its value, nor a subcommand.
    pub operands: Vec<String>,
    /// All words, the program's included, as the program would get them.
    pub argv: Vec<String>,
    /// The programs it is wrapped in, outermost first: `["sudo", "env"]`.
    pub wrappers: Vec<String>,
    /// Whether every word is known.
    pub known: bool,
}

/// One path as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct PathFact {
    /// Absolute, without `.` and `..`.
    pub lexical: PathBuf,
    /// With links resolved as far as the path exists.
    pub canonical: PathBuf,
    /// The named sets it is in, such as `credentials`, `startup`, `temp`, `project`.
    pub sets: Vec<String>,
    /// Whether all that lies below it is touched too.
    pub tree: bool,
}

/// One host as it was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HostFact {
    /// In lower case, without user, port and trailing dot; empty if unknown.
    pub host: String,
    /// The port, where it is written.
    pub port: Option<u16>,
    /// The direction.
    pub direction: Direction,
}

/// What a part is, beyond its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Fact {
    /// A command.
    Command(CommandFact),
    /// A file or folder.
    Path(PathFact),
    /// A host.
    Host(HostFact),
    /// Something the call does, by name; its text is the name. Which command or path it comes from, where it is one.
    Effect {
        /// What exactly, for the reason.
        detail: String,
        /// What does it.
        by: Option<Box<Fact>>,
    },
}

impl Default for HostFact {
    fn default() -> Self {
        Self { host: String::new(), port: None, direction: Direction::Connect }
    }
}
