//! Claude Code's settings files: what the client makes of them, and how to put our hooks in and take them out.
//!
//! The client is strict in a way that matters here: one malformed hook voids the whole file, permissions included,
//! without a word in `-p` mode. So a file is judged as the client judges it before anything is said or changed.
//! Everything here was measured on Claude Code 2.1.197 and 2.1.330. Only [`files`] touches the disk.

mod additions;
pub mod check;
pub mod edit;
pub mod files;
pub mod judge;
pub mod mirror;
mod removals;
pub mod schema;
mod style;
mod surgery;
#[cfg(test)]
mod tests;
pub mod tree;
pub mod wiring;

pub use edit::{Change, EditError, Record, Removal, Request, plan_install, plan_uninstall};
pub use files::{Content, Scope, SettingsFile, SettingsFiles};
pub use judge::judge_config_change;
pub use tree::{Effect, Problem, Settings};
pub use wiring::{EventWiring, Redirect, State, Wiring};

/// An event of the client that carries our hook.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// The client's name, the key under `hooks`.
    pub name: &'static str,
    /// Our name: the argument after `hook`.
    pub argument: &'static str,
    /// Whether `matcher` names tools. On the other events it would filter reasons, or is ignored; we leave it out.
    pub matches_tools: bool,
    /// Whether a failing hook must stop what the event guards (`"onFailure": "block"`, honoured since 2.1.295 and
    /// harmless before). After a tool has run there is nothing left to stop, and a session that cannot tell us that it
    /// started is still guarded by the rest.
    pub blocks_on_failure: bool,
}

/// The events `install` writes, in the order in which it writes them.
pub const EVENTS: [Event; 6] = [
    Event { name: "PreToolUse", argument: "pre-tool-use", matches_tools: true, blocks_on_failure: true },
    Event { name: "PostToolUse", argument: "post-tool-use", matches_tools: true, blocks_on_failure: false },
    Event {
        name: "PostToolUseFailure",
        argument: "post-tool-use-failure",
        matches_tools: true,
        blocks_on_failure: false,
    },
    Event {
        name: "UserPromptSubmit",
        argument: "user-prompt-submit",
        matches_tools: false,
        blocks_on_failure: true,
    },
    Event { name: "SessionStart", argument: "session-start", matches_tools: false, blocks_on_failure: false },
    Event { name: "ConfigChange", argument: "config-change", matches_tools: false, blocks_on_failure: true },
];

/// Seconds the client gives our hook. It needs a millisecond; the rest is for a machine that swaps.
pub const TIMEOUT_SECONDS: u32 = 30;

/// The file names the program goes by.
pub const PROGRAM_NAMES: [&str; 2] = ["agentfirewall", "agentfirewall.exe"];

/// The hooks of the Python program of the same name ran this module.
pub(crate) const PYTHON_MODULE: &str = "agentfirewall.hooks";
