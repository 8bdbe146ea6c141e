//! Checking a log: the hash chain from the first line of its first file to the last, and what is known of it elsewhere.

mod chain;
mod collected;
mod copies;
mod found;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Serialize;

use super::checkpoint::Checkpoint;
use super::error::AuditError;
use super::hash::Hash;
use super::lines::{Lines, Next};
use super::merkle::Frontier;
use super::retention::{self, Removed};
use super::segment::{Files, Segment, number_of_written};
use super::{open_for_reading, settled_length};

use chain::Verifier;
pub use collected::{Collected, CollectedChain, CollectedFault, CollectedReport};
pub use copies::Copies;

/// The most faults a report lists; all are counted.
pub(super) const LISTED_FAULTS: usize = 1000;

/// How many lines pass between two calls of the progress function.
const PROGRESS_LINES: u64 = 4096;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// The line does not fit its hash: it was changed. In the original's format, the line before it may be missing
    /// or moved as well: there the two cannot be told apart.
    Modified,
    /// Records before this one were removed.
    Missing,
    /// The record stands in the wrong place or stands there twice.
    Misplaced,
    /// The record does not follow the one before it, in a way that its number does not explain.
    Unlinked,
    /// The line is not a record: no JSON object that ends with a hash.
    Unreadable,
    /// The log ends in the middle of a line. The next record repairs this and says so.
    Torn,
    /// Two records follow the same one, or the log is not the one that a copy or a checkpoint is of.
    Forked,
    /// The newest records that a copy or a checkpoint has are gone.
    Truncated,
    /// A copy or a checkpoint is of records that retention has removed: nothing can be said of them.
    Unverifiable,
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The name of the log's file.
    pub file: String,
    /// The line in it, from 1; 0 where the fault is none of a line.
    pub line: u64,
    /// How many lines it covers.
    pub lines: u64,
    /// What it is.
    pub kind: FaultKind,
    /// One line for a person.
    pub detail: String,
}

/// A torn end that was repaired: no fault, but worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// The name of the log's file.
    pub file: String,
    /// The line of the record that says so.
    pub line: u64,
    /// That record's number.
    pub seq: u64,
}

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many bytes were read.
    pub bytes: u64,
    /// How many files the log has.
    pub files: u64,
    /// How many lines there are.
    pub lines: u64,
    /// How many records are as they were written.
    pub records: u64,
    /// How many of them the Python original wrote.
    pub original_records: u64,
    /// How many chains begin in the log: one, unless records of the original or damaged ones stand between.
    pub chains: u64,
    /// How many times a torn end was repaired.
    pub recoveries: u64,
    /// Where the first of them were.
    pub recovered: Vec<Recovered>,
    /// What retention removed before the first file, where something is missing there.
    pub removed: Option<Removed>,
    /// The last record's stored hash: compare it with what a sink has to find a log that was cut off or rewritten.
    pub head: Option<Hash>,
    /// The last record's chain and number.
    pub last: Option<(String, u64)>,
    /// How many records of a copy were compared and are the same.
    pub compared: u64,
    /// How many records a checkpoint was checked for: all up to its size.
    pub checkpoint: Option<u64>,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first of them.
    pub faults: Vec<Fault>,
}

impl Report {
    /// What no check of a log alone can find. To be shown beside every good report.
    pub const LIMIT: &'static str = "a log that lost its newest records, or was rewritten as a whole, passes too: \
        compare the head with what a sink outside this machine received";

    /// Whether nothing is wrong.
    pub const fn is_intact(&self) -> bool {
        self.fault_count == 0
    }
}

/// What a log is checked against beside itself.
#[derive(Debug, Default)]
pub struct Checks<'a> {
    /// A checkpoint whose signature was checked.
    pub checkpoint: Option<&'a Checkpoint>,
    /// Records that left the machine.
    pub copies: Option<Copies>,
    /// Whether the Merkle tree of the newest chain is wanted.
    pub tree: bool,
}

/// The Merkle tree of a log's newest chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainTree {
    /// The chain.
    pub chain: String,
    /// Its tree.
    pub frontier: Frontier,
}

/// Checks every line of a log as long as it is now. `progress` is called now and then with the bytes done and all
/// bytes. Memory stays bounded whatever the file holds. Faults are not errors: an error means that the log cannot be
/// read.
///
/// After a fault the check goes on from the stored hash, so that one changed byte is one fault.
pub fn verify(log: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, AuditError> {
    verify_with(log, Checks::default(), progress).map(|(report, _)| report)
}

/// Checks a log as [`verify`] does, and against what is known of it elsewhere.
pub fn verify_with(
    log: &Path,
    checks: Checks<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(Report, Option<ChainTree>), AuditError> {
    let files = Files::of(log)?;
    if files.closed.is_empty() && files.written.is_none() {
        // Says why it cannot be opened.
        open_for_reading(log)?;
    }
    let mut verifier = Verifier::new(checks);
    let mut parts = parts(log, files)?;
    let first = parts.first().map_or(1, |part| part.number);
    if first > 1 {
        let removed = retention::newest(log)?;
        if let Some(removed) = removed.filter(|removed| removed.segment + 1 >= first) {
            // What was to be removed and is still there, because somebody was interrupted, belongs to the rest no more.
            parts.retain(|part| part.number > removed.segment);
            verifier.starts_after(removed);
        } else {
            verifier.starts_without(first);
        }
    }
    let (bytes, verifier) = read(log, parts, verifier, progress)?;
    let (report, tree) = verifier.finish();
    Ok((Report { bytes, ..report }, tree))
}

/// Checks some closed files of a log that follow each other, with their tree.
pub(super) fn verify_closed(
    log: &Path,
    closed: &[Segment],
    removed: Option<Removed>,
) -> Result<(Report, Option<ChainTree>), AuditError> {
    let mut verifier = Verifier::new(Checks { tree: true, ..Checks::default() });
    let first = closed.first().map_or(1, |segment| segment.number);
    match removed {
        Some(removed) if removed.segment + 1 == first => verifier.starts_after(removed),
        _ if first > 1 => verifier.starts_without(first),
        _ => {}
    }
    let parts = parts(log, Files { closed: closed.to_vec(), written: None })?;
    let (bytes, verifier) = read(log, parts, verifier, &mut |_, _| {})?;
    let (report, tree) = verifier.finish();
    Ok((Report { bytes, ..report }, tree))
}

fn read<'c>(
    log: &Path,
    parts: Vec<Part>,
    mut verifier: Verifier<'c>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(u64, Verifier<'c>), AuditError> {
    let all = parts.iter().map(|part| part.length).sum();
    let mut done = 0;
    for part in parts {
        verifier.begin(&part.name, part.number);
        let path = log.with_file_name(&part.name);
        let io = |error| AuditError::io("read", &path, error);
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, part.file.take(part.length)), 0);
        let mut line = Vec::new();
        loop {
            match lines.next(&mut line).map_err(io)? {
                Next::Line => verifier.line(&line),
                Next::Unfinished => verifier.torn(&line),
                Next::TooLong => verifier.unreadable(&[], "the line is too long for a record"),
                Next::End => break,
            }
            if verifier.lines().is_multiple_of(PROGRESS_LINES) {
                progress(done + lines.offset, all);
            }
        }
        done += lines.offset;
        progress(done, all);
    }
    Ok((done, verifier))
}

/// One file that is read.
struct Part {
    name: String,
    number: u64,
    file: File,
    length: u64,
}

fn parts(log: &Path, files: Files) -> Result<Vec<Part>, AuditError> {
    let mut parts = Vec::with_capacity(files.closed.len() + 1);
    for Segment { number, path } in &files.closed {
        let file = open_for_reading(path)?;
        let length = file.metadata().map_err(|error| AuditError::io("read", path, error))?.len();
        parts.push(Part { name: name_of(path), number: *number, file, length });
    }
    if let Some(mut file) = files.written {
        let number =
            number_of_written(&file, &files.closed).map_err(|error| AuditError::io("read", log, error))?;
        let length = settled_length(&file, log)?;
        std::io::Seek::rewind(&mut file).map_err(|error| AuditError::io("read", log, error))?;
        parts.push(Part { name: name_of(log), number, file, length });
    }
    Ok(parts)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
