//! CEF, version 0: a record as one line of the Common Event Format of ArcSight.
//!
//! In the header `\` and `|` are escaped, in the extension `\`, `=` and line breaks, as "Implementing ArcSight Common
//! Event Format" says. Keys are those of its dictionary; what it has none for is in custom strings with their labels.

use std::fmt::Write as _;

use agentfirewall_sdk::Event;

use super::{PRODUCT, Record, Severity, VERSION};

/// The longest value of the extension, in bytes: the dictionary's limit of `msg` and `request`.
const LONGEST: usize = 1023;

/// The line of an event, without a line break.
pub fn line(event: &Event) -> String {
    let record = Record::of(event);
    let mut line = String::from("CEF:0");
    let name = format!("{} {}", event.action, record.operation());
    for field in [PRODUCT, PRODUCT, VERSION, record.text("event_type"), &name, severity(record.severity())] {
        line.push('|');
        header(&mut line, field);
    }
    line.push('|');
    let time = record.time().as_millisecond().to_string();
    let sequence = event.sequence.to_string();
    let detectors: Vec<&str> =
        record.violations().iter().filter_map(|found| found.get("detector")?.as_str()).collect();
    let detectors = detectors.join(" ");
    let rule = if record.has_rule() { record.rule_uid() } else { String::new() };
    let pairs = [
        ("rt", time.as_str()),
        ("externalId", &event.id),
        ("act", event.action.as_str()),
        ("app", record.text("agent")),
        ("reason", record.text("reason")),
        ("msg", record.parameter("command").unwrap_or_default()),
        ("filePath", record.path().unwrap_or_default()),
        ("request", record.parameter("url").unwrap_or_default()),
        ("cs1", &rule),
        ("cs1Label", "rule"),
        ("cs2", record.text("session_id")),
        ("cs2Label", "session"),
        ("cs3", &event.chain),
        ("cs3Label", "chain"),
        ("cs4", record.text("prev")),
        ("cs4Label", "previousHash"),
        ("cs5", record.text("project")),
        ("cs5Label", "project"),
        ("cs6", &detectors),
        ("cs6Label", "detectors"),
        ("cn1", &sequence),
        ("cn1Label", "sequence"),
    ];
    let mut first = true;
    let mut values = pairs.iter().peekable();
    while let Some((key, value)) = values.next() {
        if value.is_empty() {
            // A label without its value says nothing.
            let _label = values.next_if(|(next, _)| next.strip_suffix("Label") == Some(key));
            continue;
        }
        if !first {
            line.push(' ');
        }
        first = false;
        let _infallible = write!(line, "{key}=");
        extension(&mut line, value);
    }
    line
}

/// The scale of CEF, 0 to 10.
const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "1",
        Severity::Low => "3",
        Severity::Medium => "5",
        Severity::High => "8",
        Severity::Critical => "10",
    }
}

fn header(line: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\\' | '|' => line.extend(['\\', character]),
            character if character.is_control() => line.push(' '),
            character => line.push(character),
        }
    }
}

fn extension(line: &mut String, text: &str) {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    for character in text.get(..end).unwrap_or_default().chars() {
        match character {
            '\\' | '=' => line.extend(['\\', character]),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            character if character.is_control() => line.push(' '),
            character => line.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::samples;
    use serde_json::json;

    #[test]
    fn a_denied_command_on_one_line() {
        let expected = format!(
            "CEF:0|agentfirewall|agentfirewall|{VERSION}|policy_check|deny Bash|10|rt=1795000000000 externalId={} \
             act=deny app=claude-code reason=no push | to \\= main\\nplease msg=git push cs1=user/no-push cs1Label=rule \
             cs2=s-1 cs2Label=session cs3=0123456789abcdef0123456789abcdef cs3Label=chain cs4={} cs4Label=previousHash \
             cs5=/srv/app cs5Label=project cs6=aws-key cs6Label=detectors cn1=7 cn1Label=sequence",
            samples::HASH,
            "ab".repeat(32)
        );
        assert_eq!(line(&samples::denied()), expected);
    }

    #[test]
    fn a_header_cannot_be_broken_out_of() {
        let mut record = samples::denied().record;
        record["tool_name"] = json!("a|b\\c\nd");
        record["parameters"] = json!({"command": "é".repeat(2000)});
        let line = line(&samples::of(record));
        assert!(line.contains("|deny a\\|b\\\\c d|10|"), "{line}");
        assert_eq!(line.lines().count(), 1);
        assert!(line.len() < 2200);
    }
}
