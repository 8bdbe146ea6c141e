//! Sinks: who is told what happened.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::decision::Action;
use crate::detector::Severity;

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
    /// The record in the format that the policy asks for, if that is not the log's own: an object, or a text for formats
    /// that are one line of text. Read it through [`document`](Self::document) or [`text`](Self::text).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formatted: Option<Value>,
    /// How many records this event stands for: more than one if a flood was summed up for a sink that people read.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
}

const fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
const fn is_one(number: &u64) -> bool {
    *number == 1
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
        Self { id: id.into(), chain: chain.into(), sequence, action, record, formatted: None, count: 1 }
    }

    /// What a sink for machines sends: the record in the format that the policy asks for.
    pub fn document(&self) -> &Value {
        self.formatted.as_ref().unwrap_or(&self.record)
    }

    /// The document as one line of text: JSON, or the text itself where the format is one.
    pub fn text(&self) -> Cow<'_, str> {
        match self.document() {
            Value::String(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }

    /// How serious it is: what the action says, raised by the secrets that were found.
    ///
    /// ```
    /// use agentfirewall_sdk::{Action, Event, Severity};
    /// use serde_json::json;
    ///
    /// let event = Event::new("id", "chain", 1, Action::Log, json!({"violations": [{"severity": "critical"}]}));
    /// assert_eq!(event.severity(), Severity::Critical);
    /// ```
    pub fn severity(&self) -> Severity {
        let violations = self.record.get("violations").and_then(Value::as_array);
        let found = violations
            .into_iter()
            .flatten()
            .filter_map(|violation| Severity::deserialize(violation.get("severity")?).ok());
        found.fold(self.action.severity(), Severity::max)
    }
}

/// How a sink wants to be called. What is not said has the default: one event at a time, for a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Manner {
    /// The most events in one call of [`Sink::deliver_batch`], at least 1.
    pub events: usize,
    /// The most bytes of their documents together, unless a single one is larger.
    pub bytes: usize,
    /// Whether people read it, so that a flood is summed up and nothing is repeated without need.
    pub people: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self::single()
    }
}

impl Manner {
    /// One event after the other.
    pub const fn single() -> Self {
        Self { events: 1, bytes: 1 << 20, people: false }
    }

    /// Many events in one request.
    pub const fn batches(events: usize, bytes: usize) -> Self {
        Self { events, bytes, people: false }
    }

    /// One event after the other, read by people.
    pub const fn people() -> Self {
        Self { people: true, ..Self::single() }
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

    /// How it wants to be called.
    fn manner(&self) -> Manner {
        Manner::single()
    }

    /// Delivers several events, in order and at most as many as [`manner`](Self::manner) says. The results are those of
    /// the first events; what has none was not tried. An error is one of the whole: with [`SinkError::Reject`] the engine
    /// tries the halves, until it has found the event that is to blame.
    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let mut results = Vec::with_capacity(events.len());
        for event in events {
            let result = self.deliver(event);
            let stop = matches!(result, Err(SinkError::Retry { .. }));
            results.push(result);
            if stop {
                break;
            }
        }
        Ok(results)
    }

    /// Asks whether the receiver can be reached, without leaving anything there. One line for a person.
    fn check(&self) -> Result<String, SinkError> {
        Ok("no check defined".to_owned())
    }
}
