//! CSV as RFC 4180 has it, for spreadsheets. A value that a spreadsheet would take for a formula gets a `'` in front.

use agentfirewall_sdk::Event;
use serde_json::Value;

use super::Record;

/// The names of the columns.
pub const COLUMNS: [&str; 18] = [
    "timestamp",
    "event_type",
    "chain",
    "seq",
    "tool_name",
    "action_taken",
    "would",
    "layer",
    "rule",
    "reason",
    "violations",
    "session_id",
    "call_id",
    "agent",
    "mode",
    "project",
    "parameters",
    "_hash",
];

/// The line with the names of the columns, without a line break.
pub fn header() -> String {
    COLUMNS.join(",")
}

/// What an event has in each column, as it is; empty for what it has not.
pub fn cells(event: &Event) -> [String; 18] {
    let record = Record::of(event);
    COLUMNS.map(|column| match column {
        "layer" => record.rule("layer").to_owned(),
        "rule" => record.rule("name").to_owned(),
        "seq" => event.sequence.to_string(),
        "violations" => {
            let name = |found: &Value| found.get("detector").and_then(Value::as_str).map(str::to_owned);
            record.violations().iter().filter_map(name).collect::<Vec<_>>().join(" ")
        }
        "parameters" => record.get("parameters").map(Value::to_string).unwrap_or_default(),
        name => record.text(name).to_owned(),
    })
}

/// The line of an event, without a line break.
pub fn line(event: &Event) -> String {
    cells(event).map(|cell| quoted(&cell)).join(",")
}

fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::samples;

    #[test]
    fn quotes_double_and_formulas_are_texts() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        let line = line(&samples::denied());
        assert!(line.starts_with("2026-11-18T11:06:40.000042Z,policy_check,0123"), "{line}");
        assert!(line.contains(",deny,,user,no-push,\"no push | to = main\nplease\",aws-key,s-1,"), "{line}");
        assert!(line.ends_with(samples::HASH));
    }
}
