//! Sinks: who is told what happened.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decision::Action;

/// One audit record on its way to a sink. Secrets were masked before the record was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The record's hash: the idempotency key to give to the receiver.
    pub id: String,
    /// The chain the record belongs to.
    pub chain: String,
    /// The record's number in its chain, from 1.
    pub sequence: u64,
    /// What was decided.
    pub action: Action,
    /// The whole record as the audit log holds it.
    pub record: Value,
}

impl Event {
    /// An event as the delivery engine makes it from a record.
    pub fn new(
        id: impl Into<String>,
        chain: impl Into<String>,
        sequence: u64,
        action: Action,
        record: Value,
    ) -> Self {
        Self { id: id.into(), chain: chain.into(), sequence, action, record }
    }
}

/// Why a sink did not take an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkError {
    /// The receiver may take it later, at the earliest after the given time if it said one.
    Retry {
        /// One line for a person.
        message: String,
        /// What the receiver asked for (`Retry-After`).
        after: Option<Duration>,
    },
    /// The receiver will never take this event: it goes to the dead-letter file.
    Reject {
        /// One line for a person.
        message: String,
    },
}

impl SinkError {
    /// A failure that may pass.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::Retry { message: message.into(), after: None }
    }

    /// A failure that will not pass.
    pub fn reject(message: impl Into<String>) -> Self {
        Self::Reject { message: message.into() }
    }
}

impl fmt::Display for SinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { message, .. } | Self::Reject { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for SinkError {}

/// Delivers events to a person or a system. Runs in the delivery process, after the agent has its answer, never in the
/// hook.
///
/// ```
/// use agentfirewall_sdk::{Event, NoConfig, Plugin, PluginError, Sink, SinkError};
///
/// struct Nowhere;
///
/// impl Plugin for Nowhere {
///     type Config = NoConfig;
///     fn new(_: NoConfig) -> Result<Self, PluginError> {
///         Ok(Self)
///     }
/// }
///
/// impl Sink for Nowhere {
///     fn deliver(&self, _event: &Event) -> Result<(), SinkError> {
///         Ok(())
///     }
/// }
/// ```
pub trait Sink: Send + Sync {
    /// Delivers one event. `Ok` means that the receiver has it; the engine then never sends it again.
    fn deliver(&self, event: &Event) -> Result<(), SinkError>;

    /// Asks whether the receiver can be reached, without leaving anything there. One line for a person.
    fn check(&self) -> Result<String, SinkError> {
        Ok("no check defined".to_owned())
    }
}
