//! SARIF 2.1.0 (OASIS), for code scanning.

use std::collections::BTreeMap;
use std::fmt::Write;

use agentfirewall_sdk::{Confidence, Severity};
use serde_json::{Value, json};

use super::{Rule, message};
use crate::commands::scan::found::{Located, ProblemKind, Report};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
const INFORMATION: &str = "https://github.com/agentfirewall/agentfirewall";
/// The name of the fingerprint that tells a result again after lines moved, with the version of how it is made.
const PLACE: &str = "agentfirewallPlace/v1";

const KINDS: [ProblemKind; 4] =
    [ProblemKind::Unreadable, ProblemKind::Bounded, ProblemKind::Unsupported, ProblemKind::Vanished];

pub(super) fn render(report: &Report, rules: &[Rule]) -> String {
    // Rules that have results, in the order of their ids; a result names its rule by number too.
    let mut used: BTreeMap<&str, Severity> = BTreeMap::new();
    let all = || report.findings.iter().chain(&report.baselined);
    for Located { found, .. } in all() {
        let severity = used.entry(&found.detector).or_insert(found.severity);
        *severity = (*severity).max(found.severity);
    }
    let descriptors: Vec<Value> =
        used.iter().map(|(id, severity)| descriptor(id, *severity, rules)).collect();
    let number = |id: &str| used.keys().position(|known| *known == id);
    let results: Vec<Value> = report
        .findings
        .iter()
        .map(|located| result(located, rules, number(&located.found.detector), false))
        .chain(
            report
                .baselined
                .iter()
                .map(|located| result(located, rules, number(&located.found.detector), true)),
        )
        .collect();
    let notifications: Vec<Value> = report
        .problems
        .iter()
        .map(|problem| {
            json!({
                "level": if problem.kind.is_incomplete() { "error" } else { "note" },
                "descriptor": { "id": kind(problem.kind) },
                "message": { "text": problem.message },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&problem.path) } } }],
            })
        })
        .collect();
    let complete = !report.problems.iter().any(|problem| problem.kind.is_incomplete());
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "agentfirewall",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": INFORMATION,
                "rules": descriptors,
                "notifications": KINDS.map(|problem| json!({ "id": kind(problem) })),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": complete, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn kind(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Unreadable => "unreadable",
        ProblemKind::Bounded => "bounded",
        ProblemKind::Unsupported => "unsupported",
        ProblemKind::Vanished => "vanished",
    }
}

fn descriptor(id: &str, severity: Severity, rules: &[Rule]) -> Value {
    let rule = rules.iter().find(|rule| rule.id == id);
    let summary = rule.map_or(id, |rule| rule.summary.as_str());
    let why = rule.map_or(summary, |rule| rule.why.as_str());
    json!({
        "id": id,
        "name": id,
        "shortDescription": { "text": summary },
        "fullDescription": { "text": why },
        "help": { "text": format!("{why} Revoke a secret that was shared; if it is none, `agentfirewall:allow {id}` in its line says so.") },
        "defaultConfiguration": { "level": level(severity) },
        // GitHub sorts by this number, which has CVSS's range.
        "properties": { "security-severity": score(severity), "tags": ["security", "secret"] },
    })
}

fn result(located: &Located, rules: &[Rule], index: Option<usize>, known: bool) -> Value {
    let found = &located.found;
    let mut region = json!({
        "startLine": found.line,
        "startColumn": found.column,
        "endLine": found.end_line,
        "endColumn": found.end_column,
    });
    if !found.snippet.is_empty()
        && let Some(region) = region.as_object_mut()
    {
        region.insert("snippet".to_owned(), json!({ "text": found.snippet }));
    }
    let mut result = json!({
        "ruleId": found.detector,
        "ruleIndex": index,
        "level": level(found.severity),
        "message": { "text": message(located, rules) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&located.path) },
            "region": region,
        } }],
        "partialFingerprints": { PLACE: found.place },
        "rank": match found.confidence {
            Confidence::High => 95.0,
            Confidence::Medium => 60.0,
            Confidence::Low => 20.0,
        },
        "properties": { "confidence": found.confidence.as_str() },
    });
    if let Some(result) = result.as_object_mut() {
        if known {
            let suppression =
                json!({ "kind": "external", "status": "accepted", "justification": "in the baseline" });
            result.insert("suppressions".to_owned(), json!([suppression]));
        }
        if let (Some(commit), Some(properties)) =
            (&found.commit, result.get_mut("properties").and_then(Value::as_object_mut))
        {
            properties.insert("commit".to_owned(), json!(commit.hash));
            properties.insert("author".to_owned(), json!(format!("{} <{}>", commit.author, commit.email)));
            properties.insert("date".to_owned(), json!(commit.date));
        }
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.5",
    }
}

/// A path as the relative reference that SARIF wants (RFC 3986): everything that is not a plain character is escaped.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    if path.starts_with('/') {
        uri.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'!' => {
                uri.push(char::from(byte));
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            byte => {
                let _written = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri
}
