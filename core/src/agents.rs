//! Agents' dialects: what each client's hook sends, and the exact answers it honours.
//!
//! One file a client. Nothing outside of it knows the client's field names.

pub mod claude_code;

use std::path::PathBuf;

use agentfirewall_sdk::ToolCall;
use serde::{Deserialize, Serialize};

/// What a hook was called with.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A tool is about to run, ran or failed. Boxed: the other variants are small.
    Call(Box<ToolCall>),
    /// A person's prompt.
    Prompt(Session, String),
    /// A session begins: why (`startup`, `resume`, ...).
    SessionStart(Session, String),
    /// A settings file changed on disk.
    ConfigChange(Session, ConfigChange),
}

/// What every event says of the session it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Session {
    /// The agent's identifier of the session.
    pub id: String,
    /// The folder the agent says it works in.
    pub cwd: PathBuf,
}

/// A changed settings file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigChange {
    /// Which settings: `user_settings`, `project_settings`, `local_settings`, `policy_settings` or `skills`.
    pub source: String,
    /// The file, where the client names one.
    pub file: Option<PathBuf>,
}

/// What the hook's process knows beside the payload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The project's root.
    pub project: PathBuf,
    /// Whether no person can be reached.
    pub headless: bool,
}

/// The bytes on standard input are not what the client documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PayloadError(String);

/// An answer as the client wants it: what to print and the exit code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Standard output: empty or exactly one JSON object.
    pub stdout: String,
    /// Standard error: empty or one line.
    pub stderr: String,
    /// The process's exit code: 0 or 2.
    pub code: u8,
}
