//! Documents in the formats of others, against what those publish.
//!
//! `formats/ocsf-*.json` are the classes of the OCSF schema 1.8.0 with the profile `security_control`, made with the
//! PyPI package `ocsf-json-schema` 1.2.0 and cut down to the members that we write and those that are required; nothing
//! else passes. `formats/ecs-*.json` is the same of the npm package `@elastic/ecs` 9.4.0, by the fields' flat names.

use agentfirewall_core::formats::{ecs, event, ocsf};
use agentfirewall_sdk::Event;
use boon::{Compiler, Schemas};
use serde_json::{Map, Value, json};

/// Records of every kind, as the log has them: what a hook writes, what the original wrote, and odd ones.
fn events() -> Vec<Event> {
    let mut records = Vec::new();
    let full = json!({
        "v": 1, "timestamp": "2026-11-18T11:06:40.000042Z", "event_type": "policy_check",
        "chain": "0123456789abcdef0123456789abcdef", "seq": 7, "prev": "ab".repeat(32), "tool_name": "Bash",
        "action_taken": "deny", "rule": {"layer": "user", "name": "no-push", "line": 12}, "reason": "no push",
        "suggestion": "open a request", "would": "ask",
        "violations": [{"detector": "aws-key", "pointer": "/command", "severity": "critical", "confidence": "high"}],
        "parameters": {"command": "git push", "url": "https://example.org/a", "file_path": "/srv/app/a.rs"},
        "session_id": "s-1", "call_id": "c-1", "agent": "claude-code",
        "subagent": {"id": "a1", "kind": "general-purpose"}, "mode": "plan", "project": "/srv/app",
        "metadata": {"mcp_server": "github", "part": "git push"}, "_hash": "cd".repeat(32),
    });
    for action in ["allow", "log", "alert", "ask", "deny"] {
        for tool in ["Bash", "Read", "Write", "Edit", "WebFetch", "mcp__github__push", ""] {
            for found in [true, false] {
                let mut record = full.clone();
                record["action_taken"] = action.into();
                record["tool_name"] = tool.into();
                if !found {
                    record["violations"] = json!([]);
                }
                records.push(record);
            }
        }
    }
    for kind in [
        "tool_execution",
        "tool_failure",
        "user_prompt",
        "session_start",
        "config_change",
        "recovery",
        "segment",
        "retention",
        "key",
    ] {
        records.push(json!({
            "timestamp": "2026-11-18T11:06:40.000042Z", "event_type": kind, "action_taken": "log",
            "metadata": {"removed_bytes": 7}, "_hash": "cd".repeat(32),
        }));
    }
    records.push(
        json!({"timestamp": "2026-11-03T09:30:01", "event_type": "policy_check", "_hash": "cd".repeat(32)}),
    );
    records.iter().map(|record| event(record.to_string().as_bytes()).unwrap()).collect()
}

#[test]
fn every_document_is_valid_by_the_published_ocsf_schema() {
    let mut schemas = Schemas::new();
    let mut class = |text: &str| {
        let schema: Value = serde_json::from_str(text).unwrap();
        let id = schema["$id"].as_str().unwrap().to_owned();
        let mut compiler = Compiler::new();
        compiler.add_resource(&id, schema).unwrap();
        compiler.compile(&id, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"))
    };
    let activity = class(include_str!("formats/ocsf-1.8.0-api_activity.json"));
    let finding = class(include_str!("formats/ocsf-1.8.0-detection_finding.json"));
    let judge = |document: &Value, index| {
        schemas.validate(document, index).map_err(|error| format!("{error:#}\n{document:#}"))
    };
    for event in events() {
        judge(&ocsf::api_activity(&event), activity).unwrap();
        judge(&ocsf::detection_finding(&event), finding).unwrap();
        let document = ocsf::document(&event);
        let index = if document["class_uid"] == 6003 { activity } else { finding };
        judge(&document, index).unwrap();
        for required in ["time", "metadata"] {
            let mut without = document.clone();
            without.as_object_mut().unwrap().shift_remove(required);
            judge(&without, index).unwrap_err();
        }
        let mut other = document;
        other["action_id"] = 77.into();
        judge(&other, index).unwrap_err();
    }
}

/// Flat names and values of a nested document, but for the product's own.
fn flat(prefix: &str, value: &Value, into: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                if name != "agentfirewall" {
                    flat(&name, value, into);
                }
            }
        }
        value => {
            into.insert(prefix.to_owned(), value.clone());
        }
    }
}

fn check_field(name: &str, value: &Value, field: &Value) -> Result<(), String> {
    let values = match (value, field["array"] == true) {
        (Value::Array(values), true) => values.as_slice(),
        (Value::Array(_), false) | (_, true) => {
            return Err(format!("{name}: a list, or none where one is due"));
        }
        (value, false) => std::slice::from_ref(value),
    };
    for value in values {
        let fits = match field["type"].as_str().unwrap() {
            "long" => value.is_u64(),
            "date" => value.as_str().is_some_and(is_date),
            _ => value.is_string(),
        };
        let allowed =
            field.get("allowed").is_none_or(|allowed| allowed.get(value.as_str().unwrap_or("")).is_some());
        if !fits || !allowed {
            return Err(format!("{name}: {value}"));
        }
    }
    Ok(())
}

/// A date as Elasticsearch takes it without a mapping of its own.
fn is_date(text: &str) -> bool {
    let form = regex::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$").unwrap();
    form.is_match(text)
}

#[test]
fn every_document_has_only_fields_of_ecs_with_values_that_it_allows() {
    let fields: Value = serde_json::from_str(include_str!("formats/ecs-9.4.0.json")).unwrap();
    let judge = |document: &Value| -> Result<(), String> {
        let mut members = Map::new();
        flat("", document, &mut members);
        for (name, value) in &members {
            let field = fields.get(name).ok_or_else(|| format!("no field `{name}`"))?;
            check_field(name, value, field)?;
        }
        // Each type must be one that some of the document's categories expects.
        let categories = document["event"]["category"].as_array().unwrap();
        let expected: Vec<&Value> = categories
            .iter()
            .flat_map(|category| {
                fields["event.category"]["allowed"][category.as_str().unwrap()].as_array().unwrap()
            })
            .collect();
        for kind in document["event"]["type"].as_array().unwrap() {
            if !expected.contains(&kind) {
                return Err(format!("{kind} is no type of {categories:?}"));
            }
        }
        Ok(())
    };
    for event in events() {
        let document = ecs::document(&event);
        judge(&document).unwrap();
        for (pointer, wrong) in [
            ("/event/kind", json!("alarm")),
            ("/event/category", json!("api")),
            ("/event/sequence", json!("7")),
            ("/event/type", json!(["allowed", "group"])),
            ("/@timestamp", json!("yesterday")),
        ] {
            let mut other = document.clone();
            *other.pointer_mut(pointer).unwrap() = wrong;
            judge(&other).unwrap_err();
        }
    }
}
