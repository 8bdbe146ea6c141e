//! The formats in which other systems read an audit record: pure functions from an [`Event`] to a document.
//!
//! A format is not a transport: [`ocsf`], [`ecs`] and [`cef`] know no server. Exports use them, and so can whoever
//! delivers. Each document names chain, number, previous hash and hash of its record, so that a store of documents is an
//! anchor of the log they come from. Records are masked before they are made, so nothing here looks for secrets.

pub mod cef;
pub mod csv;
pub mod ecs;
pub mod ocsf;

use agentfirewall_sdk::{Action, Event};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::audit::split_sealed;

/// Who makes the records, as the documents name the product.
const PRODUCT: &str = "agentfirewall";
/// The product's version, as the documents name it.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The event of a line of the log; `None` if the line is no record. A record without an action counts as one that is
/// only logged, so that an export is complete.
pub fn event(line: &[u8]) -> Option<Event> {
    let (_, hash) = split_sealed(line)?;
    let record = serde_json::from_slice::<Value>(line).ok()?;
    let action = record.get("action_taken").and_then(Value::as_str).and_then(|word| word.parse().ok());
    let chain = record.get("chain").and_then(Value::as_str).unwrap_or_default().to_owned();
    let sequence = record.get("seq").and_then(Value::as_u64).unwrap_or_default();
    Some(Event::new(hash.as_str(), chain, sequence, action.unwrap_or(Action::Log), record))
}

/// A record read by the names of its members. What is not there is empty.
#[derive(Clone, Copy)]
struct Record<'e> {
    event: &'e Event,
}

impl<'e> Record<'e> {
    const fn of(event: &'e Event) -> Self {
        Self { event }
    }

    fn get(self, name: &str) -> Option<&'e Value> {
        self.event.record.get(name).filter(|value| !value.is_null())
    }

    fn text(self, name: &str) -> &'e str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A member of the record's rule.
    fn rule(self, name: &str) -> &'e str {
        self.get("rule").and_then(|rule| rule.get(name)).and_then(Value::as_str).unwrap_or_default()
    }

    /// The rule as one identifier: `layer/name`.
    fn rule_uid(self) -> String {
        format!("{}/{}", self.rule("layer"), self.rule("name"))
    }

    fn has_rule(self) -> bool {
        !self.rule("name").is_empty()
    }

    /// A text out of the call's parameters.
    fn parameter(self, name: &str) -> Option<&'e str> {
        self.get("parameters")?.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn metadata(self, name: &str) -> &'e str {
        self.get("metadata")
            .and_then(|metadata| metadata.get(name))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The file that the call names.
    fn path(self) -> Option<&'e str> {
        ["file_path", "notebook_path", "path"].iter().find_map(|name| self.parameter(name))
    }

    fn time(self) -> Timestamp {
        let text = self.text("timestamp");
        // The original wrote no offset; its times are in UTC.
        let civil = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
        text.parse().ok().or_else(civil).unwrap_or_default()
    }

    fn violations(self) -> &'e [Value] {
        self.get("violations").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the record is an answer to a call, not one of something that has happened.
    fn is_decision(self) -> bool {
        self.text("event_type") == "policy_check"
    }

    /// What was called: the tool, else what happened.
    fn operation(self) -> &'e str {
        let tool = self.text("tool_name");
        if tool.is_empty() { self.text("event_type") } else { tool }
    }

    fn severity(self) -> Severity {
        let of_action = match self.event.action {
            Action::Deny => Severity::High,
            Action::Ask | Action::Alert => Severity::Medium,
            Action::Allow | Action::Log => Severity::Informational,
        };
        let word = |violation: &Value| violation.get("severity").and_then(Value::as_str).map(Severity::of);
        self.violations().iter().filter_map(word).max().map_or(of_action, |found| found.max(of_action))
    }

    /// One line for a person.
    fn message(self) -> String {
        let reason = self.text("reason");
        let head = format!("{} {}", self.event.action, self.operation());
        if reason.is_empty() { head } else { format!("{head}: {reason}") }
    }
}

/// How bad it is, on the scale that the formats share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    fn of(word: &str) -> Self {
        match word {
            "critical" => Self::Critical,
            "high" => Self::High,
            "medium" => Self::Medium,
            "low" => Self::Low,
            _ => Self::Informational,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Informational => "Informational",
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Critical => "Critical",
        }
    }
}

/// Adds a member unless it is empty.
fn put(object: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    let value = value.into();
    let empty = match &value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    };
    if !empty {
        object.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod samples;
