//! Removing old files of a log without breaking what can be proved of the rest.
//!
//! Before a file goes, its records are verified, and a record of the type `retention` is written that keeps of
//! everything removed until then: the last file's number, the last record's chain, number and hash, and the frontier of
//! the Merkle tree. So the chain of what is left begins at a hash that the log itself names, and the tree's root, and
//! with it every newer checkpoint, can be computed without what is gone. A file with a fault is evidence and stays.

use std::collections::BTreeMap;
use std::io::{BufReader, ErrorKind};
use std::path::Path;
use std::time::Duration;

use agentfirewall_sdk::Action;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::append::append;
use super::backwards::Backwards;
use super::entry::{Entry, EventType};
use super::error::AuditError;
use super::hash::Hash;
use super::line::Prefix;
use super::lines::{Lines, Next};
use super::merkle::Frontier;
use super::open_for_reading;
use super::segment::{Segment, segments};
use super::verify::verify_closed;
use super::view::View;

/// How much is read at once.
const BLOCK: usize = 1 << 20;

/// What is kept of a log. The default keeps everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Retention {
    /// How many closed files at most; never less than one.
    pub segments: Option<u64>,
    /// How many seconds a file is kept after its last record.
    pub age: Option<u64>,
    /// How many bytes of files at most stay only because a sink has not received what is in them; without it all stay.
    #[serde(default)]
    pub undelivered: Option<u64>,
}

/// What a sink has not received yet of a log's closed files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Awaited {
    /// The sink's name in the policy.
    pub sink: String,
    /// The records it waits for, by the number of the file they are in.
    pub segments: BTreeMap<u64, Span>,
}

/// Some records of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// How many.
    pub records: u64,
    /// The number of the first in its chain.
    pub first_seq: u64,
    /// The number of the last.
    pub last_seq: u64,
}

/// What a removal must not touch.
#[derive(Debug, Clone, Default)]
pub struct Holds {
    /// What the sinks wait for.
    pub awaited: Vec<Awaited>,
    /// Whether it goes all the same.
    pub force: bool,
}

/// What a sink never got, because retention removed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// The sink's name in the policy.
    pub sink: String,
    /// How many records.
    pub records: u64,
    /// The number of the first in its chain.
    pub first_seq: u64,
    /// The number of the last.
    pub last_seq: u64,
}

impl Retention {
    /// Whether nothing is ever removed.
    pub const fn keeps_everything(&self) -> bool {
        self.segments.is_none() && self.age.is_none()
    }
}

/// Everything that retention ever removed from a log, as its newest `retention` record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The number of the last file.
    pub segment: u64,
    /// The bytes that this record's removal freed.
    pub bytes: u64,
    /// The last record's chain.
    pub chain: String,
    /// The last record's number.
    pub last_seq: u64,
    /// The last record's hash.
    pub last_hash: String,
    /// The root of the chain's tree up to that record, in hexadecimal.
    pub root: String,
    /// The nodes of its [`Frontier`], in hexadecimal.
    pub frontier: Vec<String>,
    /// What sinks never got of what this record's removal took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Lost>,
}

impl Removed {
    /// The frontier of the chain's tree. One that was tampered with has a wrong root, or is empty.
    pub(super) fn frontier(&self) -> Frontier {
        let nodes: Option<Vec<_>> =
            self.frontier.iter().map(|node| Hash::parse(node.as_bytes()).map(|hash| hash.digest())).collect();
        nodes.and_then(|nodes| Frontier::new(self.last_seq, nodes)).unwrap_or_default()
    }
}

/// What a removal did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// How many files are gone.
    pub files: u64,
    /// How many bytes they had.
    pub bytes: u64,
    /// How many files stay only because a sink waits for what is in them.
    pub held: u64,
    /// What sinks never got of what is gone.
    pub lost: Vec<Lost>,
}

/// The newest `retention` record of a log.
pub(super) fn newest(log: &Path) -> Result<Option<Removed>, AuditError> {
    #[derive(Deserialize)]
    struct Record {
        metadata: Removed,
    }
    let closed = segments(log)?;
    let newest_first = [log].into_iter().chain(closed.iter().rev().map(|segment| segment.path.as_path()));
    for path in newest_first {
        let file = match open_for_reading(path) {
            Ok(file) => file,
            Err(AuditError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut lines = Lines::new(BufReader::with_capacity(BLOCK, file), 0);
        let (mut line, mut found) = (Vec::new(), None);
        loop {
            match lines.next(&mut line).map_err(|error| AuditError::io("read", path, error))? {
                Next::Line if Prefix::of(&line).is_some_and(|prefix| prefix.event_type == b"retention") => {
                    found = serde_json::from_slice::<Record>(&line).ok().or(found);
                }
                Next::Line | Next::TooLong => {}
                Next::Unfinished | Next::End => break,
            }
        }
        if let Some(record) = found {
            return Ok(Some(record.metadata));
        }
    }
    Ok(None)
}

/// Removes the closed files that need not be kept, whatever any sink waits for; see [`prune_held`].
pub fn prune(
    log: &Path,
    retention: &Retention,
    now: Timestamp,
    lock_wait: Duration,
) -> Result<Pruned, AuditError> {
    prune_held(log, retention, &Holds::default(), now, lock_wait)
}

/// Removes the closed files that need not be kept and that no sink waits for. One process at a time: a second one finds
/// nothing to do.
pub fn prune_held(
    log: &Path,
    retention: &Retention,
    holds: &Holds,
    now: Timestamp,
    lock_wait: Duration,
) -> Result<Pruned, AuditError> {
    let mut done = Pruned { files: 0, bytes: 0, held: 0, lost: Vec::new() };
    let Some(oldest) = segments(log)?.into_iter().next() else { return Ok(done) };
    let Ok(lock) = open_for_reading(&oldest.path) else { return Ok(done) };
    if lock.try_lock().is_err() {
        return Ok(done);
    }
    let mut closed = segments(log)?;
    if closed.first() != Some(&oldest) {
        return Ok(done);
    }
    let before = newest(log)?;
    if let Some(before) = &before {
        // Somebody was interrupted after the record and before the removal.
        let kept = closed.iter().position(|segment| segment.number > before.segment).unwrap_or(closed.len());
        if oldest.number > 1 || kept > 0 {
            let rest = closed.split_off(kept);
            remove(&closed, &mut done)?;
            closed = rest;
        }
    }
    let old = count_of_old(&closed, retention, now)?;
    let free = count_of_free(closed.get(..old).unwrap_or_default(), retention, holds);
    done.held = u64::try_from(old - free).unwrap_or_default();
    let old = closed.get(..free).unwrap_or_default();
    let Some(last) = old.last() else { return Ok(done) };
    let lost = lost(old, holds);
    let (report, tree) = verify_closed(log, old, before)?;
    let (Some(tree), true) = (tree, report.is_intact()) else {
        return Err(AuditError::Evidence { path: last.path.clone() });
    };
    let (Some((chain, last_seq)), Some(head)) = (report.last, report.head) else {
        return Err(AuditError::Evidence { path: last.path.clone() });
    };
    let removed = Removed {
        segment: last.number,
        bytes: report.bytes,
        chain,
        last_seq,
        last_hash: head.as_str().to_owned(),
        root: Hash::of_digest(&tree.frontier.root()).as_str().to_owned(),
        frontier: tree
            .frontier
            .nodes()
            .iter()
            .map(|node| Hash::of_digest(node).as_str().to_owned())
            .collect(),
        lost: lost.clone(),
    };
    let reason = reason(&lost);
    // What was lost is told to whoever is told of anything.
    let action = if lost.is_empty() { Action::Log } else { Action::Alert };
    done.lost = lost;
    let metadata = match serde_json::to_value(removed)? {
        Value::Object(metadata) => metadata,
        _ => Map::new(),
    };
    // On the disk before anything goes: records of this type are waited for.
    let entry = Entry { action, reason: &reason, ..Entry::new(EventType::Retention, now) };
    append(log, &entry.with_metadata(&metadata), lock_wait)?;
    remove(old, &mut done)?;
    Ok(done)
}

/// How many of the oldest files go. The newest closed one always stays: a file that is begun after it names it.
fn count_of_old(closed: &[Segment], retention: &Retention, now: Timestamp) -> Result<usize, AuditError> {
    let most = closed.len().saturating_sub(1);
    let by_number = retention
        .segments
        .map_or(0, |keep| closed.len().saturating_sub(usize::try_from(keep.max(1)).unwrap_or(usize::MAX)));
    let mut by_age = 0;
    if let Some(age) = retention.age {
        let age = SignedDuration::from_secs(i64::try_from(age).unwrap_or(i64::MAX));
        for segment in closed {
            if last_time(segment)?.is_none_or(|time| now.duration_since(time) < age) {
                break;
            }
            by_age += 1;
        }
    }
    Ok(by_number.max(by_age).min(most))
}

/// How many of the old files may go: those before the first that a sink waits for, and as many more as the files that
/// are kept for sinks are too large together.
fn count_of_free(old: &[Segment], retention: &Retention, holds: &Holds) -> usize {
    if holds.force {
        return old.len();
    }
    let needed = holds.awaited.iter().filter_map(|awaited| awaited.segments.keys().next()).min();
    let Some(needed) = needed else { return old.len() };
    let free = old.iter().position(|segment| segment.number >= *needed).unwrap_or(old.len());
    let Some(most) = retention.undelivered else { return free };
    let bytes = |segment: &Segment| segment.path.metadata().map_or(0, |metadata| metadata.len());
    let mut kept: u64 = old.iter().skip(free).map(bytes).sum();
    let mut gone = free;
    for segment in old.iter().skip(free) {
        if kept <= most {
            break;
        }
        kept -= bytes(segment);
        gone += 1;
    }
    gone
}

/// What the sinks wait for in these files.
fn lost(old: &[Segment], holds: &Holds) -> Vec<Lost> {
    let Some(last) = old.last() else { return Vec::new() };
    let of = |awaited: &Awaited| {
        let mut spans = awaited.segments.range(..=last.number).map(|(_, span)| *span);
        let first = spans.next()?;
        let sum = spans.fold(first, |sum, span| Span {
            records: sum.records + span.records,
            last_seq: span.last_seq,
            ..sum
        });
        let (records, first_seq, last_seq) = (sum.records, sum.first_seq, sum.last_seq);
        Some(Lost { sink: awaited.sink.clone(), records, first_seq, last_seq })
    };
    holds.awaited.iter().filter_map(of).collect()
}

fn reason(lost: &[Lost]) -> String {
    let one = |lost: &Lost| {
        let Lost { sink, records, first_seq, last_seq } = lost;
        format!("sink `{sink}` never got {records} of the records {first_seq} to {last_seq}")
    };
    lost.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// When the newest record of a file was written.
fn last_time(segment: &Segment) -> Result<Option<Timestamp>, AuditError> {
    let io = |error| AuditError::io("read", &segment.path, error);
    let file = open_for_reading(&segment.path)?;
    let mut lines = Backwards::new(&file, file.metadata().map_err(io)?.len(), 8 << 10);
    while let Some((_, line)) = lines.next().map_err(io)? {
        if let Some(time) = View::of(line).and_then(|view| view.time()) {
            return Ok(Some(time));
        }
    }
    Ok(None)
}

fn remove(segments: &[Segment], done: &mut Pruned) -> Result<(), AuditError> {
    for Segment { path, .. } in segments {
        let bytes = path.metadata().map_or(0, |metadata| metadata.len());
        match std::fs::remove_file(path) {
            Ok(()) => {
                done.files += 1;
                done.bytes += bytes;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(AuditError::io("remove an old file of", path, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
