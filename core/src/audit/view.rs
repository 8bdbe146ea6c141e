//! A record as it is read for people and filters.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A record as it is shown: ours or the original's. What a record does not have is empty.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct View<'a> {
    /// RFC 3339.
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    /// See [`EventType`](super::EventType).
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    /// The number in its chain; 0 where it has none.
    #[serde(default)]
    pub seq: u64,
    /// The tool.
    #[serde(borrow, default)]
    pub tool_name: Cow<'a, str>,
    /// The answer.
    #[serde(borrow, default)]
    pub action_taken: Cow<'a, str>,
    /// What would have happened without monitor mode.
    #[serde(borrow, default)]
    pub would: Cow<'a, str>,
    /// The rule that decided.
    #[serde(borrow, default)]
    pub rule: Option<RuleView<'a>>,
    /// Why.
    #[serde(borrow, default)]
    pub reason: Cow<'a, str>,
    /// The session.
    #[serde(borrow, default)]
    pub session_id: Cow<'a, str>,
    /// The agent.
    #[serde(borrow, default)]
    pub agent: Cow<'a, str>,
    /// The project's folder.
    #[serde(borrow, default)]
    pub project: Cow<'a, str>,
    /// The secrets found.
    #[serde(borrow, default)]
    pub violations: Vec<&'a RawValue>,
    /// The masked parameters, as JSON.
    #[serde(borrow, default)]
    pub parameters: Option<&'a RawValue>,
    /// Anything else, as JSON.
    #[serde(borrow, default)]
    pub metadata: Option<&'a RawValue>,
}

/// The rule of a [`View`].
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct RuleView<'a> {
    /// The policy's layer.
    #[serde(borrow, default)]
    pub layer: Cow<'a, str>,
    /// The rule's name.
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    /// Its line in the policy file.
    #[serde(default)]
    pub line: u32,
}

impl<'a> View<'a> {
    /// Reads a line; `None` if it is no record.
    pub fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The time. The original's texts without an offset are in UTC.
    pub fn time(&self) -> Option<Timestamp> {
        self.timestamp.parse().ok().or_else(|| {
            let civil: DateTime = self.timestamp.parse().ok()?;
            Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
        })
    }
}
