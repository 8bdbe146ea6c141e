//! `agentfirewall audit`: the newest records as a table or as JSON Lines, followed if asked.

mod export;
mod report;
mod row;
mod select;
mod sign;
mod stats;
mod time;
mod verify;

use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_core::audit::{AuditError, Filter, Follow, Found, View, find_indexed, segments};

pub(super) use row::escaped;
use select::Selection;

use crate::args::{AuditArgs, AuditCommand, AuditQueryArgs};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// How often a followed log is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);

pub(crate) fn run(args: AuditArgs, ui: &Ui) -> Result<Exit, Failure> {
    match args.command {
        Some(AuditCommand::Verify(args)) => verify::run(args, ui),
        Some(AuditCommand::Stats(args)) => stats::run(&args, ui),
        Some(AuditCommand::Export(args)) => export::run(&args, ui),
        Some(AuditCommand::Report(args)) => report::run(&args, ui),
        Some(AuditCommand::Checkpoint(args)) => sign::checkpoint(&args, ui),
        Some(AuditCommand::Prove(args)) => sign::prove(&args, ui),
        Some(AuditCommand::Key(command)) => sign::key(&command, ui),
        Some(AuditCommand::Prune(args)) => sign::prune(&args, ui),
        None => query(&args.query, ui),
    }
}

fn query(args: &AuditQueryArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.filter.log.as_deref())?;
    let selection = Selection::new(&args.filter)?;
    let filter = selection.filter();
    let missing = !log.try_exists().unwrap_or(true) && segments(&log).is_ok_and(|closed| closed.is_empty());
    if missing && !args.follow {
        return Err(Failure::new(Exit::Io, format!("there is no audit log at `{}`", log.display())).help(
            "it is made with the first call; `agentfirewall install` adds the hooks that record calls",
        ));
    }
    let end = if missing { 0 } else { show(&log, &filter, args, ui)? };
    if args.follow { follow(&log, end, &filter, args.json, ui) } else { Ok(Exit::Success) }
}

/// Prints what is in the log, and says where it ended.
fn show(log: &Path, filter: &Filter<'_>, args: &AuditQueryArgs, ui: &Ui) -> Result<u64, Failure> {
    // Without a home there is no cache, and the search is only slower.
    let cache = super::places().ok().map(|places| places.cache());
    let mut found = find_indexed(log, filter, args.tail, cache.as_deref()).map_err(failure)?;
    if !args.json {
        ui.line(header(&found, filter.is_empty()));
    }
    let print = &mut |line: &[u8], view: &View<'_>| ui.line(shown(line, view, args.json));
    found.each(filter, print).map_err(failure)?;
    if found.unreadable > 0 {
        ui.note(format!(
            "note: {} of the lines that were read are no records; `agentfirewall audit verify` says which",
            found.unreadable
        ));
    }
    Ok(found.end)
}

fn header(found: &Found, unfiltered: bool) -> String {
    let count = found.count;
    match (found.total, found.more) {
        (Some(total), _) if count > 0 => format!("Showing {count} of {total} events:"),
        (None, false) if count > 0 => format!("Showing {count} of {count} events:"),
        (None, true) if count > 0 => format!("Showing the newest {count} events; there are older ones:"),
        (_, true) => "Showing no events, though there are some.".to_owned(),
        _ if unfiltered => "No events yet.".to_owned(),
        _ => "No matching events found.".to_owned(),
    }
}

/// Prints records as they come, until the process is ended.
fn follow(log: &Path, end: u64, filter: &Filter<'_>, json: bool, ui: &Ui) -> Result<Exit, Failure> {
    let mut follow = Follow::new(log, end);
    loop {
        let print = &mut |line: &[u8]| {
            if let Some(view) = View::of(line)
                && filter.wants(&view)
            {
                ui.line(shown(line, &view, json));
            }
        };
        follow.poll(print).map_err(failure)?;
        std::thread::sleep(FOLLOW_EVERY);
    }
}

fn shown(line: &[u8], view: &View<'_>, json: bool) -> String {
    if json { row::raw(line) } else { row::table(view) }
}

/// The log that was named, or the project's.
pub(super) fn log_path(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(log) = named {
        return Ok(log.to_owned());
    }
    Ok(super::places()?.audit_log())
}

/// An error of the log for a person.
pub(super) fn failure(error: AuditError) -> Failure {
    let advice = error.advice();
    let failure = Failure::new(Exit::Io, row::escaped(&error.to_string()));
    match advice {
        Some(advice) => failure.help(row::escaped(&advice)),
        None => failure,
    }
}
