//! For test reports: JUnit's XML, one test case a finding, or one that passes where there is none.

use std::fmt::Write;

use super::message;
use crate::commands::scan::found::Report;

pub(super) fn render(report: &Report) -> String {
    let findings = report.findings.len();
    let errors = report.problems.iter().filter(|problem| problem.kind.is_incomplete()).count();
    let tests = (findings + errors).max(1);
    let counts = format!("tests=\"{tests}\" failures=\"{findings}\" errors=\"{errors}\"");
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"agentfirewall scan\" {counts}>\n"
    );
    for located in &report.findings {
        let found = &located.found;
        let _written = writeln!(
            text,
            "    <testcase classname=\"{}\" name=\"{}:{}:{}\" file=\"{}\" line=\"{}\">\n      <failure type=\"{}\" message=\"{}\">{}/{} {}</failure>\n    </testcase>",
            escaped(&found.detector),
            escaped(&located.path),
            found.line,
            found.column,
            escaped(&located.path),
            found.line,
            escaped(&found.detector),
            escaped(&message(located, &[])),
            found.severity.as_str(),
            found.confidence.as_str(),
            escaped(&found.snippet),
        );
    }
    for problem in report.problems.iter().filter(|problem| problem.kind.is_incomplete()) {
        let _written = writeln!(
            text,
            "    <testcase classname=\"not-scanned\" name=\"{}\">\n      <error message=\"{}\"/>\n    </testcase>",
            escaped(&problem.path),
            escaped(&problem.message),
        );
    }
    if findings + errors == 0 {
        text.push_str("    <testcase classname=\"agentfirewall\" name=\"scan\"/>\n");
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// Escapes markup. Control characters have no place in XML 1.0, escaped or not.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push_str("&#10;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
