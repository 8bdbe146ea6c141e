//! `agentfirewall audit verify --from`: records of many logs, as a store has them.

use std::fs::File;
use std::path::Path;

use agentfirewall_core::audit::{Checkpoint, Collected, CollectedChain, CollectedReport};

use super::super::failure;
use super::super::row::escaped;
use super::super::select::bar;
use super::{SHOWN, counted, hidden, printed, verdict};
use crate::args::AuditVerifyArgs;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(super) fn run(
    from: &Path,
    checkpoint: Option<&Checkpoint>,
    args: &AuditVerifyArgs,
    ui: &Ui,
) -> Result<Exit, Failure> {
    let bar = bar("verifying", ui);
    let mut progress = |done| bar.set_position(done);
    let read = if from == Path::new("-") {
        Collected::read(std::io::stdin().lock(), from, &mut progress)
    } else {
        let io = |error| Failure::io(format!("`{}`", from.display()), &error);
        let file = File::open(from).map_err(io)?;
        bar.set_length(file.metadata().map_err(io)?.len());
        Collected::read(file, from, &mut progress)
    };
    bar.finish_and_clear();
    let report = read.map_err(failure)?.verify(args.partial, checkpoint);
    let name = escaped(&from.display().to_string());
    if report.chains.is_empty() && report.is_intact() {
        // Nothing is no proof of anything.
        return Err(Failure::new(Exit::Data, format!("`{name}` has no record")));
    }
    printed(&report, report.is_intact(), CollectedReport::LIMIT, || text(&report, &name), args.json, ui)
}

fn text(report: &CollectedReport, name: &str) -> Vec<String> {
    let sum =
        format!("{} of {}", counted(report.records, "record"), counted(report.chains.len() as u64, "chain"));
    let mut lines = vec![format!("{}: {name}: {sum}", verdict(report.fault_count))];
    for fault in report.faults.iter().take(SHOWN) {
        let chain = if fault.chain.is_empty() { String::new() } else { format!("chain {}: ", fault.chain) };
        lines.push(format!("  {}{}", escaped(&chain), fault.detail));
    }
    lines.extend(hidden(report.fault_count, report.faults.len()));
    lines.extend(report.chains.iter().take(SHOWN).map(of_chain));
    if let Some(more) = report.chains.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("  and {} more; `--json` has all", counted(more as u64, "chain")));
    }
    if report.others > 0 {
        lines.push(format!("  {} of no chain (tests, sums of floods)", counted(report.others, "event")));
    }
    if let Some(size) = report.checkpoint {
        lines.push(format!("  the checkpoint fits: record {size} is the one it names"));
    }
    lines.push(format!("  {}", CollectedReport::LIMIT));
    lines
}

fn of_chain(chain: &CollectedChain) -> String {
    let mut parts =
        vec![format!("  chain {}: records {} to {}", escaped(&chain.chain), chain.first, chain.last)];
    for (count, what) in [
        (chain.missing, "missing"),
        (chain.repeated, "repeated"),
        (chain.out_of_order, "out of order"),
        (chain.records - chain.recomputed, "without their content: linked, not recomputed"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.push(format!("head {}", chain.head));
    parts.join(", ")
}
