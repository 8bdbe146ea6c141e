//! `agentfirewall audit verify`

mod collected;

use std::path::Path;

use agentfirewall_core::audit::{Checks, Copies, Hash, Report, Shown, verify_inclusion, verify_with};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

use super::row::escaped;
use super::select::bar;
use super::{failure, log_path, sign};
use crate::args::AuditVerifyArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// How many faults are printed.
const SHOWN: usize = 50;

pub(super) fn run(args: AuditVerifyArgs, ui: &Ui) -> Result<Exit, Failure> {
    if let (Some(proof), Some(record)) = (&args.proof, &args.record) {
        return proved(proof, record, &args, ui);
    }
    let checkpoint = match &args.checkpoint {
        Some(file) => Some(sign::open(file, args.key.as_deref())?.0),
        None => None,
    };
    if let Some(from) = &args.from {
        return collected::run(from, checkpoint.as_ref(), &args, ui);
    }
    let log = log_path(args.log.as_deref())?;
    let copies = match &args.against {
        Some(file) => Some(Copies::read(file).map_err(failure)?),
        None => None,
    };
    if let Some(copies) = &copies
        && (copies.records == 0 || copies.unreadable > 0)
    {
        let (records, unreadable) = (copies.records, copies.unreadable);
        ui.note(format!(
            "note: the copy names {}, {} of its lines name none",
            counted(records, "record"),
            unreadable
        ));
    }
    let bar = bar("verifying", ui);
    let checks = Checks { checkpoint: checkpoint.as_ref(), copies, tree: false };
    let verified = verify_with(&log, checks, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let (report, _) = verified.map_err(failure)?;
    let name = escaped(&log.display().to_string());
    printed(&report, report.is_intact(), Report::LIMIT, || text(&report, &name), args.json, ui)
}

/// Checks a proof of one record.
fn proved(proof: &Path, record: &str, args: &AuditVerifyArgs, ui: &Ui) -> Result<Exit, Failure> {
    let hash = Hash::from_hex(record)
        .ok_or_else(|| Failure::new(Exit::Usage, "`--record` takes the 64 digits of a record's `_hash`"))?;
    let keys = sign::accepted(args.key.as_deref())?;
    let shown = verify_inclusion(&sign::read(proof)?, &hash, &keys).map_err(sign::refused)?;
    let Shown { checkpoint, seq, signer } = shown;
    if args.json {
        let value = json!({"proved": true, "seq": seq, "chain": checkpoint.chain, "size": checkpoint.size, "signer": signer});
        ui.line(value.to_string());
    } else {
        ui.line(format!(
            "proved: this is record {seq} of the {} of chain {}, signed by {}",
            checkpoint.size,
            checkpoint.chain,
            escaped(&signer)
        ));
    }
    Ok(Exit::Success)
}

/// Prints a report, as JSON with what it comes to and what it cannot see, or as a text.
fn printed(
    report: &impl Serialize,
    intact: bool,
    limit: &str,
    text: impl FnOnce() -> Vec<String>,
    as_json: bool,
    ui: &Ui,
) -> Result<Exit, Failure> {
    if as_json {
        let internal = |error: serde_json::Error| Failure::new(Exit::Internal, error.to_string());
        let mut value = serde_json::to_value(report).map_err(internal)?;
        if let Some(members) = value.as_object_mut() {
            members.insert("intact".to_owned(), intact.into());
            members.insert("limit".to_owned(), limit.into());
        }
        ui.line(serde_json::to_string_pretty(&value).map_err(internal)?);
    } else {
        text().into_iter().for_each(|line| ui.line(line));
    }
    Ok(if intact { Exit::Success } else { Exit::Findings })
}

/// The word that a text begins with: intact, or how many faults there are.
fn verdict(faults: u64) -> String {
    let (colour, word) = match faults {
        0 => (AnsiColor::Green, "intact".to_owned()),
        _ => (AnsiColor::Red, counted(faults, "fault")),
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    format!("{style}{word}{style:#}")
}

/// How many faults are not shown, of a report that lists so many.
fn hidden(faults: u64, listed: usize) -> Option<String> {
    let hidden = faults.saturating_sub(listed.min(SHOWN) as u64);
    (hidden > 0).then(|| format!("  and {} more", counted(hidden, "fault")))
}

fn text(report: &Report, log: &str) -> Vec<String> {
    let mut lines = vec![format!("{}: {log}", verdict(report.fault_count))];
    for fault in report.faults.iter().take(SHOWN) {
        let place = match fault.lines {
            1 => format!("line {}", fault.line),
            lines => format!("lines {} to {}", fault.line, fault.line + lines - 1),
        };
        let file = if report.files > 1 { format!("{}, ", escaped(&fault.file)) } else { String::new() };
        let place = if fault.line == 0 { "the log".to_owned() } else { format!("{file}{place}") };
        lines.push(format!("  {place}: {}", fault.detail));
    }
    lines.extend(hidden(report.fault_count, report.faults.len()));
    let mut sum = vec![counted(report.records, "record")];
    if report.original_records > 0 {
        sum.push(format!("{} in the Python original's format", report.original_records));
    }
    if report.recoveries > 0 {
        sum.push(counted(report.recoveries, "repaired end"));
    }
    if report.files > 1 {
        sum.push(counted(report.files, "file"));
    }
    if report.chains > 1 {
        sum.push(counted(report.chains, "chain"));
    }
    lines.push(format!("  {}", sum.join(", ")));
    if let Some(removed) = &report.removed {
        let (segment, seq) = (removed.segment, removed.last_seq);
        lines.push(format!("  retention removed files 1 to {segment}, records up to {seq}"));
    }
    for recovered in report.recovered.iter().take(SHOWN) {
        let (file, line, seq) = (escaped(&recovered.file), recovered.line, recovered.seq);
        lines.push(format!("  repaired end: {file}, line {line} (record {seq})"));
    }
    if let Some(size) = report.checkpoint {
        lines.push(format!("  the checkpoint fits: records 1 to {size}"));
    }
    if report.compared > 0 {
        lines.push(format!("  the copy fits: {}", counted(report.compared, "record")));
    }
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
