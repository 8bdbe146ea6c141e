//! For tables (RFC 4180). Spreadsheets run what looks like a formula: such fields begin with an apostrophe.

use std::borrow::Cow;
use std::fmt::Write;

use crate::commands::scan::found::Report;

/// With these characters a field is a formula somewhere (OWASP, "CSV Injection").
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

pub(super) fn render(report: &Report) -> String {
    let mut text = String::from(
        "path,line,column,end_line,end_column,detector,severity,confidence,fingerprint,commit,author,email,date,message,advice\r\n",
    );
    for located in &report.findings {
        let found = &located.found;
        let _written = write!(
            text,
            "{},{},{},{},{},{},{},{},{}",
            field(&located.path),
            found.line,
            found.column,
            found.end_line,
            found.end_column,
            field(&found.detector),
            found.severity.as_str(),
            found.confidence.as_str(),
            field(&found.fingerprint),
        );
        let commit = found.commit.as_deref();
        let commit = commit.map(|commit| [&commit.hash, &commit.author, &commit.email, &commit.date]);
        for value in commit.unwrap_or_default_fields() {
            let _written = write!(text, ",{}", field(value));
        }
        for value in [&found.message, &found.advice] {
            let _written = write!(text, ",{}", field(value.as_deref().unwrap_or_default()));
        }
        text.push_str("\r\n");
    }
    text
}

/// Empty fields where there is no commit.
trait Fields<'f> {
    fn unwrap_or_default_fields(self) -> [&'f str; 4];
}

impl<'f> Fields<'f> for Option<[&'f String; 4]> {
    fn unwrap_or_default_fields(self) -> [&'f str; 4] {
        self.map_or([""; 4], |fields| fields.map(String::as_str))
    }
}

fn field(text: &str) -> Cow<'_, str> {
    let text = if text.starts_with(FORMULA) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) };
    if text.contains([',', '"', '\n', '\r']) {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    text
}
