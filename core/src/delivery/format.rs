//! The formats of a record on its way out. Which sink carries it is another question.
//!
//! A format is a function from an event to a document: an object, or a text where the format is a line of text. The log
//! itself is never in another format than its own.

use std::fmt::Write as _;

use agentfirewall_sdk::{Event, Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The shape of a document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// The record as the log holds it.
    #[default]
    Native,
    /// ArcSight Common Event Format, version 0: one line of text.
    Cef,
}

impl Format {
    /// The words of a policy.
    pub const WORDS: [(&'static str, Self); 2] = [("native", Self::Native), ("cef", Self::Cef)];

    /// Adds the document to an event.
    pub(super) fn apply(self, event: &mut Event) {
        event.formatted = match self {
            Self::Native => None,
            Self::Cef => Some(Value::String(cef(event))),
        };
    }
}

/// An event as CEF (ArcSight "Implementing ArcSight Common Event Format", revision 26): `|` and `\` are escaped in the
/// header, `=`, `\` and line breaks in the extension.
fn cef(event: &Event) -> String {
    let text = |pointer: &str| event.record.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = text("/event_type");
    let name = match text("/rule/name") {
        "" => kind,
        rule => rule,
    };
    let mut line = "CEF:0".to_owned();
    for part in [
        "agentfirewall",
        "agentfirewall",
        env!("CARGO_PKG_VERSION"),
        &format!("{kind}:{}", event.action),
        name,
    ] {
        line.push('|');
        escape(&mut line, part, '|');
    }
    let _infallible = write!(line, "|{}|", level(event.severity()));
    let number = event.sequence.to_string();
    let time = text("/timestamp").parse::<jiff::Timestamp>();
    let time = time.map_or_else(|_| String::new(), |time| time.as_millisecond().to_string());
    let count = if event.count > 1 { event.count.to_string() } else { String::new() };
    let members = [
        ("rt", time.as_str()),
        ("act", event.action.as_str()),
        ("externalId", event.id.as_str()),
        ("cnt", count.as_str()),
        ("deviceProcessName", text("/agent")),
        ("deviceFacility", text("/tool_name")),
        ("msg", text("/reason")),
        ("request", text("/metadata/part")),
        ("cs1Label", "chain"),
        ("cs1", event.chain.as_str()),
        ("cs2Label", "previousHash"),
        ("cs2", text("/prev")),
        ("cs3Label", "session"),
        ("cs3", text("/session_id")),
        ("cs4Label", "project"),
        ("cs4", text("/project")),
        ("cs5Label", "layer"),
        ("cs5", text("/rule/layer")),
        ("cn1Label", "sequence"),
        ("cn1", number.as_str()),
    ];
    let mut first = true;
    for (index, (name, value)) in members.iter().enumerate() {
        // A label of nothing says nothing.
        let labelled =
            if name.ends_with("Label") { members.get(index + 1).map_or("", |next| next.1) } else { value };
        if labelled.is_empty() {
            continue;
        }
        if !std::mem::take(&mut first) {
            line.push(' ');
        }
        line.push_str(name);
        line.push('=');
        escape(&mut line, value, '=');
    }
    line
}

/// The severity from 0 to 10.
const fn level(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Low => 3,
        Severity::Medium => 5,
        Severity::High => 8,
        Severity::Critical => 10,
    }
}

fn escape(out: &mut String, text: &str, special: char) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' if special == '=' => out.push_str("\\n"),
            '\r' if special == '=' => out.push_str("\\r"),
            '\n' | '\r' => out.push(' '),
            _ if character == special => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentfirewall_sdk::Action;
    use serde_json::json;

    #[test]
    fn cef_is_one_line_whose_parts_cannot_be_forged() {
        let record = json!({
            "timestamp": "2026-11-18T11:06:40.5Z", "event_type": "policy_check", "tool_name": "Bash", "prev": "aa",
            "rule": {"layer": "user", "name": "no|push"}, "reason": "a=b\nact=allow \\ end", "session_id": "s"
        });
        let line = {
            let mut event = Event::new("ab12", "c0ffee", 7, Action::Deny, record);
            Format::Cef.apply(&mut event);
            event.text().into_owned()
        };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            line,
            format!(
                "CEF:0|agentfirewall|agentfirewall|{version}|policy_check:deny|no\\|push|8|rt=1794999999500 act=deny \
                 externalId=ab12 deviceFacility=Bash msg=a\\=b\\nact\\=allow \\\\ end cs1Label=chain cs1=c0ffee \
                 cs2Label=previousHash cs2=aa cs3Label=session cs3=s cs5Label=layer cs5=user cn1Label=sequence cn1=7"
            )
            .replace("1794999999500", &"2026-11-18T11:06:40.5Z".parse::<jiff::Timestamp>().unwrap().as_millisecond().to_string())
        );
    }
}
