//! OCSF 1.8: a decision as API Activity (class 6003), a denial, an alert or a found secret as Detection Finding (2004).
//!
//! Classes, objects and numbers are those of the schema of version 1.8.0. What it has no place for stands in
//! `unmapped`, under the names that the record has. The profiles `ai_operation` and `record_integrity` come with 1.9 on
//! these classes, so agent and chain are in `unmapped` too.

use agentfirewall_sdk::{Action, Event};
use serde_json::{Map, Value, json};

use super::{PRODUCT, Record, Severity, VERSION, put};

/// The version of the schema.
pub const SCHEMA: &str = "1.8.0";

/// The document of an event: [`detection_finding`] for what a person should look at, else [`api_activity`]. Every event
/// has exactly one, so that its hash can be the document's key.
pub fn document(event: &Event) -> Value {
    let record = Record::of(event);
    if matches!(event.action, Action::Deny | Action::Alert) || !record.violations().is_empty() {
        detection_finding(event)
    } else {
        api_activity(event)
    }
}

/// A call as API Activity.
pub fn api_activity(event: &Event) -> Value {
    let record = Record::of(event);
    let (activity, activity_name) = activity(record);
    let mut document =
        base(record, (6, "Application Activity"), (6003, "API Activity"), activity, activity_name);
    let (status_id, status) = status(record);
    put(&mut document, "status_id", status_id);
    put(&mut document, "status", status);
    if event.action.stops() {
        put(&mut document, "status_detail", record.text("reason"));
    }
    put(&mut document, "actor", actor(record));
    put(&mut document, "api", api(record));
    put(&mut document, "src_endpoint", json!({"svc_name": agent(record)}));
    put(&mut document, "resources", resources(record));
    security_control(&mut document, record);
    Value::Object(document)
}

/// What was stopped, reported or found, as a Detection Finding.
pub fn detection_finding(event: &Event) -> Value {
    let record = Record::of(event);
    let mut document = base(record, (2, "Findings"), (2004, "Detection Finding"), 1, "Create");
    put(&mut document, "status_id", 1);
    put(&mut document, "status", "New");
    put(&mut document, "is_alert", true);
    let confidence =
        record.violations().iter().filter_map(|found| match found.get("confidence")?.as_str()? {
            "high" => Some((3, "High")),
            "medium" => Some((2, "Medium")),
            _ => Some((1, "Low")),
        });
    if let Some((id, name)) = confidence.max() {
        put(&mut document, "confidence_id", id);
        put(&mut document, "confidence", name);
    }
    let mut finding = Map::new();
    put(&mut finding, "uid", event.id.as_str());
    put(&mut finding, "title", title(record));
    put(&mut finding, "desc", record.text("reason"));
    put(&mut finding, "created_time", record.time().as_millisecond());
    let types: Vec<&str> =
        record.violations().iter().filter_map(|found| found.get("detector")?.as_str()).collect();
    put(&mut finding, "types", types);
    if record.has_rule() {
        put(
            &mut finding,
            "analytic",
            json!({"type_id": 1, "type": "Rule", "name": record.rule("name"), "uid": record.rule_uid()}),
        );
    }
    put(&mut document, "finding_info", finding);
    put(&mut document, "evidences", evidences(record));
    put(&mut document, "resources", resources(record));
    security_control(&mut document, record);
    Value::Object(document)
}

fn title(record: Record<'_>) -> String {
    let what = if record.violations().is_empty() { "" } else { " with a secret" };
    let verb = match record.event.action {
        Action::Deny => "Blocked",
        Action::Ask => "Held for approval",
        Action::Alert => "Reported",
        Action::Allow | Action::Log => "Seen",
    };
    format!("{verb}: {}{what}", record.operation())
}

/// The members that every class has.
fn base(
    record: Record<'_>,
    category: (u32, &str),
    class: (u32, &str),
    activity: u32,
    activity_name: &str,
) -> Map<String, Value> {
    let severity = record.severity();
    let mut document = Map::new();
    put(&mut document, "activity_id", activity);
    put(&mut document, "activity_name", activity_name);
    put(&mut document, "category_uid", category.0);
    put(&mut document, "category_name", category.1);
    put(&mut document, "class_uid", class.0);
    put(&mut document, "class_name", class.1);
    put(&mut document, "type_uid", class.0 * 100 + activity);
    put(&mut document, "type_name", format!("{}: {activity_name}", class.1));
    put(&mut document, "time", record.time().as_millisecond());
    put(&mut document, "timezone_offset", 0);
    put(&mut document, "severity_id", severity_id(severity));
    put(&mut document, "severity", severity.name());
    put(&mut document, "message", record.message());
    put(&mut document, "metadata", metadata(record));
    put(&mut document, "unmapped", unmapped(record));
    document
}

const fn severity_id(severity: Severity) -> u32 {
    match severity {
        Severity::Informational => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

fn metadata(record: Record<'_>) -> Map<String, Value> {
    let mut metadata = Map::new();
    put(&mut metadata, "version", SCHEMA);
    put(&mut metadata, "product", json!({"name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION}));
    put(&mut metadata, "profiles", json!(["security_control"]));
    put(&mut metadata, "uid", record.event.id.as_str());
    put(&mut metadata, "sequence", record.event.sequence);
    put(&mut metadata, "log_name", "audit");
    put(&mut metadata, "log_provider", PRODUCT);
    put(&mut metadata, "event_code", record.text("event_type"));
    put(&mut metadata, "correlation_uid", record.text("session_id"));
    put(&mut metadata, "original_time", record.text("timestamp"));
    metadata
}

/// What the schema has no place for, by its name in the record.
fn unmapped(record: Record<'_>) -> Map<String, Value> {
    let mut unmapped = Map::new();
    let names = [
        "chain",
        "prev",
        "agent",
        "subagent",
        "mode",
        "would",
        "suggestion",
        "violations",
        "parameters",
        "metadata",
    ];
    for name in names {
        if let Some(value) = record.get(name) {
            put(&mut unmapped, name, value.clone());
        }
    }
    put(&mut unmapped, "_hash", record.event.id.as_str());
    unmapped
}

fn security_control(document: &mut Map<String, Value>, record: Record<'_>) {
    let (action_id, action, disposition_id, disposition) = match record.event.action {
        Action::Allow => (1, "Allowed", 1, "Allowed"),
        Action::Log => (3, "Observed", 17, "Logged"),
        Action::Alert => (3, "Observed", 19, "Alert"),
        // The schema has no word for a call that waits for a person.
        Action::Ask => (99, "Ask", 99, "Needs approval"),
        Action::Deny => (2, "Denied", 2, "Blocked"),
    };
    put(document, "action_id", action_id);
    put(document, "action", action);
    put(document, "disposition_id", disposition_id);
    put(document, "disposition", disposition);
    if record.has_rule() {
        let mut rule = Map::new();
        put(&mut rule, "name", record.rule("name"));
        put(&mut rule, "uid", record.rule_uid());
        put(&mut rule, "category", record.rule("layer"));
        put(&mut rule, "desc", record.text("reason"));
        put(document, "firewall_rule", rule);
    }
}

fn agent(record: Record<'_>) -> &str {
    let agent = record.text("agent");
    if agent.is_empty() { "unknown-agent" } else { agent }
}

fn actor(record: Record<'_>) -> Map<String, Value> {
    let mut actor = Map::new();
    put(&mut actor, "app_name", agent(record));
    if !record.text("session_id").is_empty() {
        put(&mut actor, "session", json!({"uid": record.text("session_id")}));
    }
    actor
}

fn api(record: Record<'_>) -> Map<String, Value> {
    let mut api = Map::new();
    let operation = record.operation();
    put(&mut api, "operation", if operation.is_empty() { "unknown" } else { operation });
    if !record.text("call_id").is_empty() {
        put(&mut api, "request", json!({"uid": record.text("call_id")}));
    }
    if !record.metadata("mcp_server").is_empty() {
        put(&mut api, "service", json!({"name": record.metadata("mcp_server")}));
    }
    api
}

fn resources(record: Record<'_>) -> Vec<Value> {
    let mut resources = Vec::new();
    if !record.text("project").is_empty() {
        resources.push(json!({"name": record.text("project"), "type": "project"}));
    }
    if let Some(path) = record.path() {
        resources.push(json!({"name": path, "type": "file"}));
    }
    resources
}

fn evidences(record: Record<'_>) -> Vec<Value> {
    let mut evidence = Map::new();
    put(&mut evidence, "actor", actor(record));
    put(&mut evidence, "api", api(record));
    let mut data = Map::new();
    for name in ["parameters", "violations"] {
        if let Some(value) = record.get(name) {
            put(&mut data, name, value.clone());
        }
    }
    put(&mut evidence, "data", data);
    vec![Value::Object(evidence)]
}

/// What the tool does to what it names. A command can do anything.
fn activity(record: Record<'_>) -> (u32, &'static str) {
    match record.text("tool_name") {
        "Read" | "Grep" | "Glob" | "LS" | "WebFetch" | "WebSearch" | "NotebookRead" => (2, "Read"),
        "Write" => (1, "Create"),
        "Edit" | "MultiEdit" | "NotebookEdit" => (3, "Update"),
        _ => (99, "Execute"),
    }
}

fn status(record: Record<'_>) -> (u32, &'static str) {
    match (record.event.action, record.text("event_type")) {
        (Action::Deny, _) | (_, "tool_failure") => (2, "Failure"),
        // What was only judged has not happened yet.
        _ if record.is_decision() => (0, "Unknown"),
        _ => (1, "Success"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::samples;

    #[test]
    fn a_denied_call_is_a_finding_that_names_rule_secret_and_chain() {
        let document = document(&samples::denied());
        assert_eq!((&document["class_uid"], &document["type_uid"]), (&json!(2004), &json!(200_401)));
        assert_eq!((&document["action_id"], &document["disposition_id"]), (&json!(2), &json!(2)));
        assert_eq!((&document["severity_id"], &document["confidence_id"]), (&json!(5), &json!(3)));
        assert_eq!(document["finding_info"]["uid"], samples::HASH);
        assert_eq!(document["finding_info"]["types"], json!(["aws-key"]));
        assert_eq!(document["firewall_rule"]["uid"], "user/no-push");
        assert_eq!(document["time"], 1_795_000_000_000_i64);
        assert_eq!(document["unmapped"]["chain"], "0123456789abcdef0123456789abcdef");
        assert_eq!(document["metadata"]["sequence"], 7);
    }

    #[test]
    fn every_action_has_its_numbers() {
        for (word, class, numbers) in [
            ("allow", 6003, (1, 1)),
            ("log", 6003, (3, 17)),
            ("alert", 2004, (3, 19)),
            ("ask", 6003, (99, 99)),
            ("deny", 2004, (2, 2)),
        ] {
            let mut record = samples::denied().record;
            record["action_taken"] = word.into();
            record["violations"] = json!([]);
            let document = document(&samples::of(record));
            assert_eq!(document["class_uid"], class, "{word}");
            let seen = (document["action_id"].as_i64(), document["disposition_id"].as_i64());
            assert_eq!(seen, (Some(numbers.0), Some(numbers.1)), "{word}");
        }
    }

    #[test]
    fn a_record_of_the_original_has_every_required_member() {
        let document = document(&samples::original());
        for name in
            ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"]
        {
            assert!(document.get(name).is_some(), "{name}");
        }
        let activity = api_activity(&samples::original());
        assert!(
            activity["actor"]["app_name"].is_string() && activity["src_endpoint"]["svc_name"].is_string()
        );
    }
}
