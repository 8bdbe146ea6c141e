//! Annotations of GitHub Actions: workflow commands on standard output.

use agentfirewall_sdk::Severity;

use super::{counted, message};
use crate::commands::scan::found::Report;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for located in &report.findings {
        let found = &located.found;
        let level = match found.severity {
            Severity::Critical | Severity::High => "error",
            Severity::Medium => "warning",
            Severity::Low | Severity::Info => "notice",
        };
        // A column is only understood where the place lies in one line.
        let columns = if found.line == found.end_line {
            format!(
                ",col={},endColumn={}",
                found.column,
                found.end_column.saturating_sub(1).max(found.column)
            )
        } else {
            String::new()
        };
        text.push_str(&format!(
            "::{level} file={},line={},endLine={}{columns},title={}::{}\n",
            property(&located.path),
            found.line,
            found.end_line,
            property(&found.detector),
            data(&message(located, &[])),
        ));
    }
    for problem in &report.problems {
        text.push_str(&format!(
            "::warning file={},title=not scanned::{}\n",
            property(&problem.path),
            data(&problem.message)
        ));
    }
    text.push_str(&format!("{}\n", counted(report.summary.findings, "finding")));
    text
}

/// As the runner's toolkit escapes what follows the second pair of colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// As it escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
