//! For programs: one document, or a line a finding.

use serde::Serialize;
use serde_json::{Value, json};

use crate::commands::scan::found::Report;

pub(super) fn document(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// Every line has a `type`: `finding`, `problem`, and at the end `summary`.
pub(super) fn lines(report: &Report) -> String {
    let mut text = String::new();
    let mut line = |kind: &str, value: &dyn ErasedValue| {
        let mut object = json!({ "type": kind });
        if let (Some(object), Value::Object(members)) = (object.as_object_mut(), value.value()) {
            object.extend(members);
        }
        text.push_str(&object.to_string());
        text.push('\n');
    };
    report.findings.iter().for_each(|finding| line("finding", finding));
    report.problems.iter().for_each(|problem| line("problem", problem));
    line("summary", &report.summary);
    text
}

trait ErasedValue {
    fn value(&self) -> Value;
}

impl<T: Serialize> ErasedValue for T {
    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}
