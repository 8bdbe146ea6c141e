//! `ExportLogsServiceRequest` in both encodings. The fields' numbers are those of `opentelemetry/proto/logs/v1/logs.proto` and
//! `common/v1/common.proto` (opentelemetry-proto 1.x).

use std::collections::BTreeMap;

use agentfirewall_sdk::{Event, Severity};
use serde_json::{Value, json};

use super::text_of;
use crate::sinks::message::{Message, nanoseconds};

/// What is sent.
pub(super) struct Request<'a> {
    pub(super) resource: &'a BTreeMap<String, String>,
    pub(super) events: &'a [Event],
}

/// A record before it has an encoding.
struct Log {
    time: u64,
    severity: u32,
    severity_text: String,
    body: String,
    attributes: Vec<(String, String)>,
    event_name: &'static str,
}

impl Log {
    fn of(event: &Event) -> Self {
        let message = Message::of(event);
        let mut attributes = vec![
            ("log.record.uid".to_owned(), event.id.clone()),
            ("agentfirewall.chain".to_owned(), event.chain.clone()),
            ("agentfirewall.sequence".to_owned(), event.sequence.to_string()),
            ("agentfirewall.action".to_owned(), event.action.to_string()),
        ];
        for (name, pointer) in [
            ("agentfirewall.hash", "/_hash"),
            ("agentfirewall.prev", "/prev"),
            ("agentfirewall.event_type", "/event_type"),
            ("agentfirewall.tool", "/tool_name"),
            ("agentfirewall.rule", "/rule/name"),
            ("agentfirewall.layer", "/rule/layer"),
            ("agentfirewall.reason", "/reason"),
            ("agentfirewall.agent", "/agent"),
            ("session.id", "/session_id"),
            ("agentfirewall.project", "/project"),
        ] {
            let value = event.record.pointer(pointer).and_then(text_of);
            attributes.extend(value.map(|value| (name.to_owned(), value)));
        }
        // https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber
        let (severity, severity_text) = match message.severity {
            Severity::Info => (9, "INFO"),
            Severity::Low => (10, "INFO2"),
            Severity::Medium => (13, "WARN"),
            Severity::High => (17, "ERROR"),
            Severity::Critical => (21, "FATAL"),
        };
        Self {
            time: u64::try_from(nanoseconds(event)).unwrap_or_default(),
            severity,
            severity_text: severity_text.to_owned(),
            // The whole document, so that nothing of the record is lost on the way and its hash can be verified.
            body: event.text().into_owned(),
            attributes,
            event_name: "agentfirewall.decision",
        }
    }
}

const SCOPE: &str = "agentfirewall";

impl Request<'_> {
    /// As JSON: 64-bit numbers are strings there.
    pub(super) fn json(&self) -> Value {
        let attribute =
            |(name, value): (&String, &String)| json!({"key": name, "value": {"stringValue": value}});
        let records: Vec<Value> = self
            .events
            .iter()
            .map(|event| {
                let log = Log::of(event);
                json!({
                    "timeUnixNano": log.time.to_string(),
                    "observedTimeUnixNano": log.time.to_string(),
                    "severityNumber": log.severity,
                    "severityText": log.severity_text,
                    "body": {"stringValue": log.body},
                    "attributes": log.attributes.iter().map(|(name, value)| attribute((name, value))).collect::<Vec<_>>(),
                    "eventName": log.event_name,
                })
            })
            .collect();
        json!({"resourceLogs": [{
            "resource": {"attributes": self.resource.iter().map(attribute).collect::<Vec<_>>()},
            "scopeLogs": [{"scope": {"name": SCOPE, "version": env!("CARGO_PKG_VERSION")}, "logRecords": records}],
        }]})
    }

    /// As Protocol Buffers.
    pub(super) fn protobuf(&self) -> Vec<u8> {
        let mut resource = Vec::new();
        for (name, value) in self.resource {
            bytes(&mut resource, 1, &key_value(name, value));
        }
        let mut scope = Vec::new();
        bytes(&mut scope, 1, SCOPE.as_bytes());
        bytes(&mut scope, 2, env!("CARGO_PKG_VERSION").as_bytes());
        let mut scope_logs = Vec::new();
        bytes(&mut scope_logs, 1, &scope);
        for event in self.events {
            bytes(&mut scope_logs, 2, &record(&Log::of(event)));
        }
        let mut resource_logs = Vec::new();
        bytes(&mut resource_logs, 1, &resource);
        bytes(&mut resource_logs, 2, &scope_logs);
        let mut request = Vec::new();
        bytes(&mut request, 1, &resource_logs);
        request
    }
}

fn record(log: &Log) -> Vec<u8> {
    let mut out = Vec::new();
    fixed64(&mut out, 1, log.time);
    number(&mut out, 2, u64::from(log.severity));
    bytes(&mut out, 3, log.severity_text.as_bytes());
    bytes(&mut out, 5, &any_value(&log.body));
    for (name, value) in &log.attributes {
        bytes(&mut out, 6, &key_value(name, value));
    }
    fixed64(&mut out, 11, log.time);
    bytes(&mut out, 12, log.event_name.as_bytes());
    out
}

fn any_value(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, text.as_bytes());
    out
}

fn key_value(name: &str, value: &str) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, name.as_bytes());
    bytes(&mut out, 2, &any_value(value));
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn fixed64(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// `partial_success.rejected_log_records` of an `ExportLogsServiceResponse`; 0 if it says nothing that can be read.
pub(super) fn refused(answer: &[u8]) -> u64 {
    let Some(Field::Bytes(partial)) = find(answer, 1) else { return 0 };
    match find(partial, 1) {
        Some(Field::Number(count)) => count,
        _ => 0,
    }
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The first field of a number in a message.
fn find(mut message: &[u8], wanted: u64) -> Option<Field<'_>> {
    loop {
        let tag = take(&mut message)?;
        let field = match tag & 7 {
            0 => Field::Number(take(&mut message)?),
            1 => Field::Bytes(message.split_off(..8)?),
            2 => {
                let length = usize::try_from(take(&mut message)?).ok()?;
                Field::Bytes(message.split_off(..length)?)
            }
            5 => Field::Bytes(message.split_off(..4)?),
            _ => return None,
        };
        if tag >> 3 == wanted {
            return Some(field);
        }
    }
}

fn take(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *message.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_refused_is_read_and_rubbish_is_nothing() {
        assert_eq!(refused(&[]), 0);
        assert_eq!(refused(&[0x0a, 0x02, 0x08, 0x05]), 5);
        assert_eq!(refused(&[0x0a, 0x06, 0x12, 0x01, b'x', 0x08, 0xac, 0x02]), 300);
        for cut in 0..6 {
            let _no_panic = refused([0x0a, 0x06, 0x12, 0xff, 0xff, 0xff].get(..cut).unwrap());
        }
        assert_eq!(refused(&[0xff; 40]), 0);
    }
}
