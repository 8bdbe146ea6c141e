//! `agentfirewall audit verify`

use agentfirewall_core::audit::{Report, verify};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::row::escaped;
use super::{failure, log_path};
use crate::args::AuditVerifyArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// How many faults are printed.
const SHOWN: usize = 50;

pub(super) fn run(args: &AuditVerifyArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.log.as_deref())?;
    let bar = if ui.progress() { bar() } else { ProgressBar::hidden() };
    let report = verify(&log, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let report = report.map_err(failure)?;
    if args.json {
        ui.line(json(&report)?);
    } else {
        for line in text(&report, &escaped(&log.display().to_string())) {
            ui.line(line);
        }
    }
    Ok(if report.is_intact() { Exit::Success } else { Exit::Findings })
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("  verifying {wide_bar} {bytes}/{total_bytes}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn json(report: &Report) -> Result<String, Failure> {
    let internal = |error: serde_json::Error| Failure::new(Exit::Internal, error.to_string());
    let mut value = serde_json::to_value(report).map_err(internal)?;
    if let Some(members) = value.as_object_mut() {
        members.insert("intact".to_owned(), report.is_intact().into());
        members.insert("limit".to_owned(), Report::LIMIT.into());
    }
    serde_json::to_string_pretty(&value).map_err(internal)
}

fn text(report: &Report, log: &str) -> Vec<String> {
    let colour = |colour: AnsiColor| Style::new().bold().fg_color(Some(colour.into()));
    let (good, bad) = (colour(AnsiColor::Green), colour(AnsiColor::Red));
    let mut lines = vec![if report.is_intact() {
        format!("{good}intact{good:#}: {log}")
    } else {
        format!("{bad}{}{bad:#}: {log}", counted(report.fault_count, "fault"))
    }];
    for fault in report.faults.iter().take(SHOWN) {
        let place = match fault.lines {
            1 => format!("line {}", fault.line),
            lines => format!("lines {} to {}", fault.line, fault.line + lines - 1),
        };
        lines.push(format!("  {place}: {}", fault.detail));
    }
    let hidden = report.fault_count.saturating_sub(report.faults.len().min(SHOWN) as u64);
    if hidden > 0 {
        lines.push(format!("  and {} more", counted(hidden, "fault")));
    }
    let mut sum = vec![counted(report.records, "record")];
    if report.original_records > 0 {
        sum.push(format!("{} in the Python original's format", report.original_records));
    }
    if report.recoveries > 0 {
        sum.push(counted(report.recoveries, "repaired end"));
    }
    if report.chains > 1 {
        sum.push(counted(report.chains, "chain"));
    }
    lines.push(format!("  {}", sum.join(", ")));
    if let Some((chain, seq)) = &report.last {
        lines.push(format!("  last: record {seq} of chain {chain}"));
    }
    if let Some(head) = report.head {
        lines.push(format!("  head: {head}"));
    }
    lines.push(format!("  {}", Report::LIMIT));
    lines
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
