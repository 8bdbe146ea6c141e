//! Checking the hash chain from the first line to the last.

use std::io::{BufReader, Read};
use std::path::Path;

use serde::Serialize;

use super::error::AuditError;
use super::hash::Hash;
use super::line::{Place, SEAL, hash_after, seal_hash, split};
use super::lines::{Lines, Next};
use super::{open_for_reading, settled_length};

/// The most faults a report lists; all are counted.
const LISTED_FAULTS: usize = 1000;

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
}

/// A fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// How many lines it covers.
    pub lines: u64,
    /// What it is.
    pub kind: FaultKind,
    /// One line for a person.
    pub detail: String,
}

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many bytes were read.
    pub bytes: u64,
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
    /// The last record's stored hash: compare it with what a sink has to find a log that was cut off or rewritten.
    pub head: Option<Hash>,
    /// The last record's chain and number.
    pub last: Option<(String, u64)>,
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

/// Checks every line of a log as long as it is now. `progress` is called now and then with the bytes done and all
/// bytes. Memory stays bounded whatever the file holds. Faults are not errors: an error means that the log cannot be
/// read.
///
/// After a fault the check goes on from the stored hash, so that one changed byte is one fault.
pub fn verify(log: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Report, AuditError> {
    let file = open_for_reading(log)?;
    let length = settled_length(&file, log)?;
    let mut lines = Lines::new(BufReader::with_capacity(1 << 20, file.take(length)), 0);
    let mut verifier = Verifier::default();
    let mut line = Vec::new();
    loop {
        match lines.next(&mut line).map_err(|error| AuditError::io("read", log, error))? {
            Next::Line => verifier.line(&line),
            Next::Unfinished => verifier.torn(&line),
            Next::TooLong => verifier.unreadable(&[], "the line is too long for a record"),
            Next::End => break,
        }
        if verifier.report.lines.is_multiple_of(PROGRESS_LINES) {
            progress(lines.offset, length);
        }
    }
    progress(lines.offset, length);
    Ok(Report { bytes: lines.offset, ..verifier.report })
}

/// The line before.
#[derive(Debug)]
enum Before {
    /// There is none.
    Start,
    /// An intact record with its chain and number.
    Record(String, u64),
    /// An intact record of the original: a chain of ours begins after it.
    Original,
    /// A faulty line, after which numbers prove nothing.
    Faulty,
}

#[derive(Debug)]
struct Verifier {
    report: Report,
    /// The hashes the next line may follow: one after an intact line; after a changed one its stored hash and what it
    /// would be if only the hash itself was changed.
    links: Vec<Hash>,
    /// Whether the line before was no record, so that a line that follows something unknown is no further fault.
    lost: bool,
    before: Before,
    /// The chain of the last record that has one.
    chain: Option<String>,
}

impl Default for Verifier {
    fn default() -> Self {
        Self {
            report: Report::default(),
            links: vec![Hash::genesis()],
            lost: false,
            before: Before::Start,
            chain: None,
        }
    }
}

impl Verifier {
    fn line(&mut self, line: &[u8]) {
        let Some((body, stored)) = split(line) else {
            return self.unreadable(line, "not a record: no JSON object that ends with a hash");
        };
        self.report.lines += 1;
        self.report.head = Some(stored);
        let place = Place::of(line);
        let own_prev = place.as_ref().and_then(|place| Hash::parse(place.prev?.as_bytes()));
        match (own_prev, place) {
            (Some(prev), Some(place)) if hash_after(&prev, body) == stored => {
                self.numbered(&place, prev, stored);
            }
            _ => self.plain(body, own_prev, stored),
        }
        self.lost = false;
    }

    /// A record that carries the hash before it, and fits it.
    fn numbered(&mut self, place: &Place<'_>, prev: Hash, stored: Hash) {
        let linked = self.links.contains(&prev);
        self.links = vec![stored];
        let Some((chain, seq)) = place.position() else {
            self.before = Before::Faulty;
            return self.fault(FaultKind::Unlinked, "the record has no chain and number".to_owned());
        };
        let fault = if linked {
            self.number_fault(chain, seq)
        } else if self.lost {
            None
        } else {
            Some(self.link_fault(chain, seq))
        };
        if let Some((kind, detail)) = fault {
            self.fault(kind, detail);
        }
        if self.chain.as_deref() != Some(chain) {
            self.report.chains += 1;
            self.chain = Some(chain.to_owned());
        }
        self.report.records += 1;
        self.report.recoveries += u64::from(place.event_type == Some("recovery"));
        self.report.last = Some((chain.to_owned(), seq));
        self.before = Before::Record(chain.to_owned(), seq);
    }

    /// What is wrong with the number of a record that follows the line before it.
    fn number_fault(&self, chain: &str, seq: u64) -> Option<(FaultKind, String)> {
        let fits = match &self.before {
            Before::Start | Before::Original => seq == 1,
            Before::Record(before, last) => before == chain && last.checked_add(1) == Some(seq),
            Before::Faulty => true,
        };
        (!fits).then(|| {
            (FaultKind::Unlinked, format!("the number {seq} does not continue the chain of the line before"))
        })
    }

    /// Why a record does not follow the line before it.
    fn link_fault(&self, chain: &str, seq: u64) -> (FaultKind, String) {
        match &self.before {
            Before::Start => (
                FaultKind::Missing,
                format!("the log begins with record {seq}: what was before it is missing"),
            ),
            Before::Record(before, last) if before == chain && seq <= *last => {
                (FaultKind::Misplaced, format!("record {seq} stands after record {last}"))
            }
            Before::Record(before, last) if before == chain && seq - last > 1 => (
                FaultKind::Missing,
                format!("{} records are missing between record {last} and record {seq}", seq - last - 1),
            ),
            _ => (FaultKind::Unlinked, format!("record {seq} does not follow the line before it")),
        }
    }

    /// A record of the original, or a damaged one of ours.
    fn plain(&mut self, body: &[u8], own_prev: Option<Hash>, stored: Hash) {
        let follows = self.links.iter().any(|link| hash_after(link, body) == stored);
        if own_prev.is_none() && follows {
            self.report.records += 1;
            self.report.original_records += 1;
            self.links = vec![stored];
            self.before = Before::Original;
            return;
        }
        self.before = Before::Faulty;
        let rehashed = self.links.first().map(|link| hash_after(link, body));
        self.links = [stored].into_iter().chain(rehashed).collect();
        // A record of the original can only be checked against the line before: after an unreadable one, which is a
        // fault already, there is nothing to say about it.
        if own_prev.is_some() || !self.lost {
            let detail = match own_prev {
                Some(_) => "the record was changed after it was written",
                None => "the record was changed, or records before it were removed or moved",
            };
            self.fault(FaultKind::Modified, detail.to_owned());
        }
    }

    /// A line that is no record. Several in a row are one fault.
    fn unreadable(&mut self, line: &[u8], why: &str) {
        self.report.lines += 1;
        match self.report.faults.last_mut() {
            Some(last) if self.lost && last.kind == FaultKind::Unreadable => last.lines += 1,
            _ if self.lost => {}
            _ => self.fault(FaultKind::Unreadable, why.to_owned()),
        }
        // If only its last bytes were changed, the next line follows what they would have been.
        let sealed = line.len().checked_sub(SEAL).and_then(|at| line.split_at_checked(at));
        self.links = sealed.map_or_else(Vec::new, |(body, seal)| {
            let rehashed = self.links.first().map(|link| hash_after(link, body));
            seal_hash(seal).into_iter().chain(rehashed).collect()
        });
        self.before = Before::Faulty;
        self.lost = true;
    }

    fn torn(&mut self, rest: &[u8]) {
        self.report.lines += 1;
        let detail = format!("the log ends with {} bytes that are no whole line", rest.len());
        self.fault(FaultKind::Torn, detail);
    }

    fn fault(&mut self, kind: FaultKind, detail: String) {
        self.report.fault_count += 1;
        if self.report.faults.len() < LISTED_FAULTS {
            self.report.faults.push(Fault { line: self.report.lines, lines: 1, kind, detail });
        }
    }
}

#[cfg(test)]
mod tests;
