//! ECS: a record in the fields of the Elastic Common Schema.
//!
//! Every document has the category `api`, for a tool call is one and that category knows `allowed` and `denied`; the
//! category of what the tool works on stands beside it. What ECS has no field for stands under `agentfirewall`, a name
//! that the schema leaves to the product.

use agentfirewall_sdk::{Action, Event};
use serde_json::{Map, Value, json};

use super::{PRODUCT, Record, Severity, VERSION, put};

/// The version of the schema.
pub const SCHEMA: &str = "9.4.0";

/// The document of an event. `event.hash` is the record's hash: the key by which a repetition is known.
pub fn document(event: &Event) -> Value {
    let record = Record::of(event);
    let mut document = Map::new();
    put(&mut document, "@timestamp", format!("{:.6}", record.time()));
    put(&mut document, "ecs", json!({"version": SCHEMA}));
    put(&mut document, "message", record.message());
    put(&mut document, "event", event_fields(record));
    put(
        &mut document,
        "observer",
        json!({"vendor": PRODUCT, "product": PRODUCT, "type": "firewall", "version": VERSION}),
    );
    if record.has_rule() {
        let mut rule = Map::new();
        put(&mut rule, "name", record.rule("name"));
        put(&mut rule, "id", record.rule_uid());
        put(&mut rule, "ruleset", record.rule("layer"));
        put(&mut rule, "description", record.text("reason"));
        put(&mut document, "rule", rule);
    }
    if let Some(command) = record.parameter("command") {
        put(&mut document, "process", json!({"command_line": command}));
    }
    if let Some(path) = record.path() {
        put(&mut document, "file", json!({"path": path}));
    }
    if let Some(url) = record.parameter("url") {
        put(&mut document, "url", json!({"original": url}));
    }
    if !record.text("agent").is_empty() {
        put(&mut document, "user_agent", json!({"name": record.text("agent")}));
    }
    put(&mut document, PRODUCT, own(record));
    Value::Object(document)
}

fn event_fields(record: Record<'_>) -> Map<String, Value> {
    let event = record.event;
    let alarming = matches!(event.action, Action::Deny | Action::Alert) || !record.violations().is_empty();
    let (category, kind_of_use) = category(record);
    let mut types = vec![match event.action {
        Action::Deny => "denied",
        Action::Allow | Action::Alert if record.is_decision() => "allowed",
        Action::Allow | Action::Log | Action::Alert | Action::Ask => "info",
    }];
    types.extend(kind_of_use);
    let mut categories = vec!["api"];
    categories.extend(category);
    let mut fields = Map::new();
    put(&mut fields, "kind", if alarming { "alert" } else { "event" });
    put(&mut fields, "category", categories);
    put(&mut fields, "type", types);
    put(&mut fields, "action", event.action.as_str());
    put(&mut fields, "code", record.text("event_type"));
    put(&mut fields, "outcome", outcome(record));
    put(&mut fields, "reason", record.text("reason"));
    put(&mut fields, "severity", severity(record.severity()));
    put(&mut fields, "id", event.id.as_str());
    put(&mut fields, "hash", event.id.as_str());
    put(&mut fields, "sequence", event.sequence);
    put(&mut fields, "module", PRODUCT);
    put(&mut fields, "dataset", "agentfirewall.audit");
    put(&mut fields, "provider", PRODUCT);
    fields
}

/// What ECS has no field for.
fn own(record: Record<'_>) -> Map<String, Value> {
    let mut own = Map::new();
    let names = [
        ("chain", "chain"),
        ("prev", "previous"),
        ("tool_name", "tool"),
        ("session_id", "session"),
        ("call_id", "call"),
        ("subagent", "subagent"),
        ("mode", "mode"),
        ("project", "project"),
        ("would", "would"),
        ("suggestion", "suggestion"),
        ("violations", "violations"),
        ("metadata", "metadata"),
    ];
    for (name, field) in names {
        if let Some(value) = record.get(name) {
            put(&mut own, field, value.clone());
        }
    }
    // As a text: the members differ from tool to tool, and an index would grow a field for each.
    if let Some(parameters) = record.get("parameters") {
        put(&mut own, "parameters", parameters.to_string());
    }
    own
}

/// The category of what the tool works on, and what it does there.
fn category(record: Record<'_>) -> (Option<&'static str>, Option<&'static str>) {
    match (record.text("tool_name"), record.text("event_type")) {
        (_, "session_start") => (Some("session"), Some("start")),
        (_, "config_change") => (Some("configuration"), Some("change")),
        ("Bash" | "PowerShell", _) => (Some("process"), Some("start")),
        ("Read" | "Grep" | "Glob" | "LS" | "NotebookRead", _) => (Some("file"), Some("access")),
        ("Write", _) => (Some("file"), Some("creation")),
        ("Edit" | "MultiEdit" | "NotebookEdit", _) => (Some("file"), Some("change")),
        ("WebFetch" | "WebSearch", _) => (Some("web"), Some("access")),
        _ => (None, None),
    }
}

fn outcome(record: Record<'_>) -> &'static str {
    match (record.event.action, record.text("event_type")) {
        (Action::Deny, _) | (_, "tool_failure") => "failure",
        (_, "tool_execution") => "success",
        // A decision says nothing of what came of the call.
        _ => "unknown",
    }
}

/// The number, on the scale from 0 to 99 that Elastic Security gives to low, medium, high and critical risk.
const fn severity(severity: Severity) -> u32 {
    match severity {
        Severity::Informational => 0,
        Severity::Low => 21,
        Severity::Medium => 47,
        Severity::High => 73,
        Severity::Critical => 99,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::samples;

    #[test]
    fn a_denied_command_in_the_schema_s_fields() {
        let document = document(&samples::denied());
        assert_eq!(document["@timestamp"], "2026-11-18T11:06:40.000042Z");
        assert_eq!(document["event"]["kind"], "alert");
        assert_eq!(document["event"]["category"], json!(["api", "process"]));
        assert_eq!(document["event"]["type"], json!(["denied", "start"]));
        assert_eq!(document["event"]["hash"], samples::HASH);
        assert_eq!(document["event"]["severity"], 99);
        assert_eq!(document["process"]["command_line"], "git push");
        assert_eq!(document["rule"]["id"], "user/no-push");
        assert_eq!(document["agentfirewall"]["chain"], "0123456789abcdef0123456789abcdef");
        assert_eq!(document["agentfirewall"]["parameters"], r#"{"command":"git push"}"#);
    }

    #[test]
    fn a_record_of_the_original_has_time_and_version() {
        let document = document(&samples::original());
        assert!(document["@timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(document["ecs"]["version"], SCHEMA);
    }
}
