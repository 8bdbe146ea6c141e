//! Records that left the machine: what a sink received, or an export.

use std::collections::{BTreeMap, HashMap};
use std::io::BufReader;
use std::path::Path;

use serde_json::Value;

use super::FaultKind;
use super::found::{Found, Record, find};
use crate::audit::error::AuditError;
use crate::audit::hash::Hash;
use crate::audit::line::{Prefix, split};
use crate::audit::lines::{Lines, Next};
use crate::audit::open_for_reading;

/// The hashes of the records of a copy, by chain and number. In any order, each as often as it was delivered.
#[derive(Debug, Default)]
pub struct Copies {
    chains: HashMap<String, HashMap<u64, Hash>>,
    /// The numbers whose hashes differ.
    different: BTreeMap<String, Vec<u64>>,
    /// The numbers that the copy has with two hashes.
    doubled: BTreeMap<String, Vec<u64>>,
    /// How many records the copy has.
    pub records: u64,
    /// How many of its lines name no record.
    pub unreadable: u64,
}

impl Copies {
    /// Reads a copy: JSON Lines of records, of events as sinks get them, or in the formats OCSF and ECS.
    pub fn read(file: &Path) -> Result<Self, AuditError> {
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, open_for_reading(file)?), 0);
        let mut copies = Self::default();
        let mut line = Vec::new();
        loop {
            match lines.next(&mut line).map_err(|error| AuditError::io("read", file, error))? {
                Next::Line | Next::Unfinished => copies.line(&line),
                Next::TooLong => copies.unreadable += 1,
                Next::End => return Ok(copies),
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let known = Prefix::of(line).zip(split(line));
        if let Some((prefix, (_, hash))) = known {
            return self.add(prefix.chain, prefix.seq, hash);
        }
        let value: Value = serde_json::from_slice(line).unwrap_or_default();
        let named = find(&value, &mut |found| {
            if let Found::Record(Record { chain, seq, hash, .. }) = found {
                self.add(chain, seq, hash);
            }
        });
        self.unreadable += u64::from(!named);
    }

    fn add(&mut self, chain: &str, seq: u64, hash: Hash) {
        self.records += 1;
        if !self.chains.contains_key(chain) {
            self.chains.insert(chain.to_owned(), HashMap::new());
        }
        let Some(records) = self.chains.get_mut(chain) else { return };
        if let Some(before) = records.insert(seq, hash)
            && before != hash
        {
            self.doubled.entry(chain.to_owned()).or_default().push(seq);
        }
    }

    /// The hash that the copy has of a record, once.
    pub(super) fn take(&mut self, chain: &str, seq: u64) -> Option<Hash> {
        self.chains.get_mut(chain)?.remove(&seq)
    }

    /// Notes that the log has another record there.
    pub(super) fn differs(&mut self, chain: &str, seq: u64) {
        self.different.entry(chain.to_owned()).or_default().push(seq);
    }

    /// What the copy has and the log has not.
    pub(super) fn into_faults(
        self,
        last: Option<&(String, u64)>,
        removed: Option<(&str, u64)>,
    ) -> Vec<(FaultKind, String)> {
        let mut faults = Vec::new();
        for (chain, numbers) in &self.doubled {
            for (from, to) in ranges(numbers.clone()) {
                let detail = format!("the copy has two different {} of chain {chain}", records(from, to));
                faults.push((FaultKind::Forked, detail));
            }
        }
        for (chain, numbers) in &self.different {
            for (from, to) in ranges(numbers.clone()) {
                let detail =
                    format!("{} of chain {chain}: the log has others than the copy", records(from, to));
                faults.push((FaultKind::Forked, detail));
            }
        }
        let mut chains: Vec<_> = self.chains.into_iter().collect();
        chains.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        for (chain, left) in chains {
            for (from, to) in ranges(left.into_keys().collect()) {
                let gone = removed.filter(|(of, _)| *of == chain).map_or(0, |(_, gone)| gone);
                if to <= gone {
                    // Removed as the policy says: the copy is all that is left, and nothing speaks against it.
                    continue;
                }
                let what = records(from.max(gone + 1), to);
                let (kind, detail) = match last {
                    Some((of, last)) if *of == chain && from > *last => (
                        FaultKind::Truncated,
                        format!("{what} of the copy are gone: the log ends with record {last}"),
                    ),
                    Some((of, _)) if *of == chain => {
                        (FaultKind::Missing, format!("{what} of the copy are missing in the log"))
                    }
                    _ => (
                        FaultKind::Forked,
                        format!(
                            "{what} of chain {chain} are not in the log: it was begun anew, or the copy is of another"
                        ),
                    ),
                };
                faults.push((kind, detail));
            }
        }
        faults
    }
}

/// Numbers as ranges of those that follow each other.
fn ranges(mut numbers: Vec<u64>) -> Vec<(u64, u64)> {
    numbers.sort_unstable();
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, to)) if to.saturating_add(1) >= number => *to = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

fn records(from: u64, to: u64) -> String {
    if from == to { format!("record {from}") } else { format!("records {from} to {to}") }
}
