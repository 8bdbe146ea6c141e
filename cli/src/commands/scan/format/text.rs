//! For people: the findings, a table of them by detector, and what was looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use agentfirewall_sdk::Confidence;
use anstyle::{AnsiColor, Style};

use super::{counted, short};
use crate::commands::scan::found::{Located, Report, Summary};
use crate::commands::scan::printable;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for located in &report.findings {
        // Writing to a string cannot fail.
        let _written = finding(&mut text, located);
    }
    if !report.findings.is_empty() {
        text.push('\n');
        table(&mut text, &report.findings);
    }
    text.push_str(&summary(&report.summary));
    text.push('\n');
    text
}

fn finding(text: &mut String, Located { path, found }: &Located) -> std::fmt::Result {
    let bold = Style::new().bold();
    let colour = match found.confidence {
        Confidence::High => AnsiColor::Red,
        Confidence::Medium => AnsiColor::Yellow,
        Confidence::Low => AnsiColor::Cyan,
    };
    let style = Style::new().fg_color(Some(colour.into()));
    writeln!(
        text,
        "{bold}{}:{}:{}{bold:#}: {} {style}{}/{}{style:#}",
        printable(path),
        found.line,
        found.column,
        found.detector,
        found.severity.as_str(),
        found.confidence.as_str(),
    )?;
    if !found.snippet.is_empty() {
        writeln!(text, "    {}", found.snippet)?;
    }
    if let Some(commit) = &found.commit {
        let (author, email) = (printable(&commit.author), printable(&commit.email));
        writeln!(
            text,
            "    commit {} of {author} <{email}>, {}",
            short(&commit.hash),
            printable(&commit.date)
        )?;
    }
    if let Some(message) = &found.message {
        writeln!(text, "    {}", printable(message))?;
    }
    if let Some(advice) = &found.advice {
        writeln!(text, "    -> {}", printable(advice))?;
    }
    Ok(())
}

/// Findings and files by detector: shown once there is more than one detector to compare.
fn table(text: &mut String, findings: &[Located]) {
    let mut rows: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for Located { path, found } in findings {
        let (count, files) = rows.entry(&found.detector).or_default();
        *count += 1;
        files.insert(path);
    }
    if rows.len() < 2 {
        return;
    }
    let width = rows.keys().map(|id| id.len()).max().unwrap_or(0).max(8);
    let mut rows: Vec<_> = rows.into_iter().map(|(id, (count, files))| (id, count, files.len())).collect();
    rows.sort_by_key(|(id, count, _)| (std::cmp::Reverse(*count), *id));
    let _written = writeln!(text, "{:width$}  findings  files", "detector");
    for (id, count, files) in rows {
        let _written = writeln!(text, "{id:width$}  {count:>8}  {files:>5}");
    }
    text.push('\n');
}

fn summary(summary: &Summary) -> String {
    let mut looked =
        format!("{} scanned, {} skipped", counted(summary.files_scanned, "file"), summary.files_skipped);
    for (number, what) in [
        (summary.commits, "commits"),
        (summary.archives, "archives opened"),
        (summary.unreadable, "unreadable"),
        (summary.bounded, "not unpacked to the end"),
    ] {
        if number > 0 {
            let _written = write!(looked, ", {number} {what}");
        }
    }
    let mut line = format!(
        "{} in {} ({looked})",
        counted(summary.findings, "finding"),
        counted(summary.files_with_findings, "file"),
    );
    for (number, what) in [
        (summary.allowed, "allowed by comments"),
        (summary.baselined, "known to the baseline"),
        (summary.stale, "in the baseline and not found any more"),
    ] {
        if number > 0 {
            let _written = write!(line, "; {number} {what}");
        }
    }
    line
}
