//! The outputs, one file each. All of them say the same in the same order.

mod csv;
mod github;
mod json;
mod junit;
mod sarif;
mod text;

use super::found::{Located, Report};
use crate::args::Format;

/// What a rule is: for the formats that describe them.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub id: String,
    pub summary: String,
    pub why: String,
}

impl Rule {
    pub(super) fn new(id: &str, summary: &str, why: &str) -> Self {
        Self { id: id.to_owned(), summary: summary.to_owned(), why: why.to_owned() }
    }
}

/// The report in a format. Only the text for people has colours.
pub(super) fn render(format: Format, report: &Report, rules: &[Rule]) -> String {
    match format {
        Format::Text => text::render(report),
        Format::Json => json::document(report),
        Format::Jsonl => json::lines(report),
        Format::Sarif => sarif::render(report, rules),
        Format::Junit => junit::render(report),
        Format::Csv => csv::render(report),
        Format::Github => github::render(report),
    }
}

/// What a finding is, in one sentence. It says nothing of the secret.
fn message(located: &Located, rules: &[Rule]) -> String {
    let found = &located.found;
    if let Some(message) = &found.message {
        return match &found.advice {
            Some(advice) => format!("{message}; {advice}"),
            None => message.clone(),
        };
    }
    let summary = rules.iter().find(|rule| rule.id == found.detector).map(|rule| rule.summary.as_str());
    let what =
        summary.map_or_else(|| found.detector.clone(), |summary| format!("{}: {summary}", found.detector));
    match &found.commit {
        Some(commit) => format!("{what}, added by commit {} of {}", short(&commit.hash), commit.date),
        None => what,
    }
}

/// The beginning of a commit's hash, as people quote it.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn counted(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
