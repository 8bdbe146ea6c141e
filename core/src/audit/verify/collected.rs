//! Records of many logs that were collected elsewhere, checked without the logs they come from.
//!
//! A store of a SIEM has the records of many machines, in any order, some twice, each in whatever the sink and the store
//! put around it. What is checked is that each record's content fits its hash, where the store has the content, and that
//! the records of each chain follow each other without a gap. A document of another schema (OCSF, ECS) has chain, number
//! and both hashes, but not the bytes they are of: it is linked, not recomputed.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::found::{Found, find};
use super::{Checkpoint, FaultKind, LISTED_FAULTS};
use crate::audit::error::AuditError;
use crate::audit::hash::Hash;
use crate::audit::line::{Prefix, hash_after, split};
use crate::audit::lines::{Lines, Next};

/// What is wrong with the records of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectedFault {
    /// The chain; empty for a line that names none.
    pub chain: String,
    /// The first record it is about; 0 for a line that names none.
    pub from: u64,
    /// The last one.
    pub to: u64,
    /// What it is.
    pub kind: FaultKind,
    /// One line for a person.
    pub detail: String,
}

/// What is there of one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectedChain {
    /// The chain.
    pub chain: String,
    /// How many different records.
    pub records: u64,
    /// How many of them fit their hash; of the others the content is not there.
    pub recomputed: u64,
    /// The number of the first.
    pub first: u64,
    /// The number of the last.
    pub last: u64,
    /// The hash of the last.
    pub head: Hash,
    /// How many between them are missing.
    pub missing: u64,
    /// How many came more than once, each further time counted.
    pub repeated: u64,
    /// How many came after one with a higher number.
    pub out_of_order: u64,
    /// How many faults it has.
    pub faults: u64,
}

/// What verification of collected records found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CollectedReport {
    /// How many lines there are.
    pub lines: u64,
    /// How many different records, of all chains.
    pub records: u64,
    /// Test events and sums of floods, which are of no chain.
    pub others: u64,
    /// The chains, by name.
    pub chains: Vec<CollectedChain>,
    /// The size of the checkpoint that fits.
    pub checkpoint: Option<u64>,
    /// How many faults there are.
    pub fault_count: u64,
    /// The first of them.
    pub faults: Vec<CollectedFault>,
}

impl CollectedReport {
    /// What records alone cannot show. To be shown beside every good report.
    pub const LIMIT: &'static str = "what came after a chain's last record, or before its first, is not seen here: \
        compare the numbers with the machine's log, or with a checkpoint";

    /// Whether nothing is wrong.
    pub const fn is_intact(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, fault: CollectedFault) {
        self.fault_count += 1;
        if self.faults.len() < LISTED_FAULTS {
            self.faults.push(fault);
        }
    }
}

/// One record as it came.
#[derive(Debug, Clone, Copy)]
struct Piece {
    seq: u64,
    hash: [u8; 32],
    prev: Option<[u8; 32]>,
    /// Whether its content fits its hash; `None` if the content is not there.
    fits: Option<bool>,
}

/// Records by their chain. About a hundred bytes of memory each.
#[derive(Debug, Default)]
pub struct Collected {
    chains: BTreeMap<String, Vec<Piece>>,
    report: CollectedReport,
}

impl Collected {
    /// Reads JSON Lines: on each line one record or several, as the log has them or in whatever a sink or a store puts
    /// around them. `name` is what an error calls the source; `progress` is called with the bytes that were read.
    pub fn read(source: impl Read, name: &Path, progress: &mut dyn FnMut(u64)) -> Result<Self, AuditError> {
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, source), 0);
        let mut collected = Self::default();
        let mut line = Vec::new();
        loop {
            match lines.next(&mut line).map_err(|error| AuditError::io("read", name, error))? {
                Next::Line | Next::Unfinished => collected.line(&line),
                Next::TooLong => collected.unreadable(),
                Next::End => return Ok(collected),
            }
            if collected.report.lines.is_multiple_of(super::PROGRESS_LINES) {
                progress(lines.offset);
            }
        }
    }

    fn unreadable(&mut self) {
        self.report.lines += 1;
        let line = self.report.lines;
        self.report.fault(CollectedFault {
            chain: String::new(),
            from: 0,
            to: 0,
            kind: FaultKind::Unreadable,
            detail: format!("line {line} names no record"),
        });
    }

    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        if let Some((prefix, (body, hash))) = Prefix::of(line).zip(split(line))
            && hash_after(&prefix.prev, body) == hash
        {
            self.report.lines += 1;
            return self.add(prefix.chain, prefix.seq, hash, Some(prefix.prev), Some(true));
        }
        let value: Value = serde_json::from_slice(line).unwrap_or_default();
        let mut others = 0;
        let found = find(&value, &mut |found| match found {
            Found::Record(record) => {
                self.add(record.chain, record.seq, record.hash, record.prev, record.fits());
            }
            Found::Other => others += 1,
        });
        self.report.others += others;
        if found {
            self.report.lines += 1;
        } else {
            self.unreadable();
        }
    }

    fn add(&mut self, chain: &str, seq: u64, hash: Hash, prev: Option<Hash>, fits: Option<bool>) {
        if !self.chains.contains_key(chain) {
            self.chains.insert(chain.to_owned(), Vec::new());
        }
        let Some(pieces) = self.chains.get_mut(chain) else { return };
        pieces.push(Piece { seq, hash: hash.digest(), prev: prev.map(|prev| prev.digest()), fits });
    }

    /// Checks every chain. With `partial` the sink was told of some records only: what is missing between them is
    /// counted and no fault.
    pub fn verify(mut self, partial: bool, checkpoint: Option<&Checkpoint>) -> CollectedReport {
        let mut checkpoint = checkpoint.map(|checkpoint| (checkpoint, None));
        for (name, pieces) in std::mem::take(&mut self.chains) {
            let mut chain = Chain::new(&name, partial, &mut self.report);
            chain.check(pieces, checkpoint.as_mut().filter(|(checkpoint, _)| checkpoint.chain == name));
        }
        if let Some((checkpoint, found)) = checkpoint {
            self.compare(checkpoint, found);
        }
        self.report
    }

    fn compare(&mut self, checkpoint: &Checkpoint, found: Option<[u8; 32]>) {
        let size = checkpoint.size;
        let fault = match (found, checkpoint.head) {
            (Some(hash), Some(head)) if hash == head.digest() => {
                self.report.checkpoint = Some(size);
                return;
            }
            (Some(_), Some(_)) => (FaultKind::Forked, "is another one than the checkpoint has"),
            (Some(_), None) => (FaultKind::Unverifiable, "cannot be compared: the checkpoint has no `head`"),
            (None, _) => (FaultKind::Truncated, "of the checkpoint is not there"),
        };
        self.report.fault(CollectedFault {
            chain: checkpoint.chain.clone(),
            from: size,
            to: size,
            kind: fault.0,
            detail: format!("record {size} {}", fault.1),
        });
    }
}

/// The check of one chain.
struct Chain<'r> {
    name: &'r str,
    partial: bool,
    report: &'r mut CollectedReport,
    faults: u64,
}

impl<'r> Chain<'r> {
    const fn new(name: &'r str, partial: bool, report: &'r mut CollectedReport) -> Self {
        Self { name, partial, report, faults: 0 }
    }

    fn fault(&mut self, kind: FaultKind, from: u64, to: u64, detail: String) {
        self.faults += 1;
        self.report.fault(CollectedFault { chain: self.name.to_owned(), from, to, kind, detail });
    }

    /// `known`: a checkpoint of this chain, and where the hash of its last record goes.
    fn check(&mut self, mut pieces: Vec<Piece>, known: Option<&mut (&Checkpoint, Option<[u8; 32]>)>) {
        let mut highest = 0;
        let mut out_of_order = 0;
        for piece in &pieces {
            out_of_order += u64::from(piece.seq < highest);
            highest = highest.max(piece.seq);
        }
        // Of the copies of one record one that fits is looked at first.
        pieces.sort_by_key(|piece| (piece.seq, piece.fits != Some(true)));
        let all = pieces.len() as u64;
        let (mut kept, mut recomputed, mut missing): (Vec<Piece>, u64, u64) = (Vec::new(), 0, 0);
        for piece in pieces {
            let seq = piece.seq;
            if piece.fits == Some(false) {
                let detail = format!("record {seq}: its content does not fit its hash");
                self.fault(FaultKind::Modified, seq, seq, detail);
            }
            let before = kept.last().copied();
            if let Some(before) = before
                && before.seq == seq
            {
                if before.hash != piece.hash {
                    let detail = format!("there are two different records {seq}");
                    self.fault(FaultKind::Forked, seq, seq, detail);
                }
                continue;
            }
            if let Some(before) = before {
                missing += self.follows(&before, &piece);
            }
            recomputed += u64::from(piece.fits == Some(true));
            kept.push(piece);
        }
        if let Some((checkpoint, found)) = known {
            let at = kept.binary_search_by_key(&checkpoint.size, |piece| piece.seq).ok();
            *found = at.and_then(|at| kept.get(at)).map(|piece| piece.hash);
        }
        let (Some(first), Some(last)) = (kept.first(), kept.last()) else { return };
        let records = kept.len() as u64;
        self.report.records += records;
        self.report.chains.push(CollectedChain {
            chain: self.name.to_owned(),
            records,
            recomputed,
            first: first.seq,
            last: last.seq,
            head: Hash::of_digest(&last.hash),
            missing,
            repeated: all - records,
            out_of_order,
            faults: self.faults,
        });
    }

    /// Checks that a record follows another one; how many are missing between them.
    fn follows(&mut self, before: &Piece, piece: &Piece) -> u64 {
        let (from, to) = (before.seq.saturating_add(1), piece.seq.saturating_sub(1));
        if from <= to {
            let missing = to - from + 1;
            if !self.partial {
                let what = if missing == 1 {
                    format!("record {from} is")
                } else {
                    format!("records {from} to {to} are")
                };
                self.fault(FaultKind::Missing, from, to, format!("{what} missing"));
            }
            return missing;
        }
        if piece.prev.is_some_and(|prev| prev != before.hash) {
            let (seq, last) = (piece.seq, before.seq);
            let detail = format!("record {seq} does not follow record {last}: one of them is of another log");
            self.fault(FaultKind::Unlinked, last, seq, detail);
        }
        0
    }
}

#[cfg(test)]
mod tests;
