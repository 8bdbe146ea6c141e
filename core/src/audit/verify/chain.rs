//! The chain, line after line.

use super::copies::Copies;
use super::{ChainTree, Checks, Fault, FaultKind, LISTED_FAULTS, Recovered, Report};
use crate::audit::checkpoint::Checkpoint;
use crate::audit::hash::Hash;
use crate::audit::line::{Place, Prefix, SEAL, hash_after, seal_hash, split};
use crate::audit::merkle::{Frontier, leaf};
use crate::audit::retention::Removed;

/// The line before.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// There is none.
    Start,
    /// An intact record of the current chain, with its number and the hash it follows.
    Record(u64, Hash),
    /// An intact record of the original: a chain of ours begins after it.
    Original,
    /// A faulty line, after which numbers prove nothing.
    Faulty,
}

/// The members that place a record which carries the hash before it.
struct Placed<'a> {
    chain: &'a str,
    seq: u64,
    prev: Hash,
    is_recovery: bool,
}

#[derive(Debug)]
pub(super) struct Verifier<'c> {
    report: Report,
    /// The hashes the next line may follow: one after an intact line; after a changed one its stored hash and what it
    /// would be if only the hash itself was changed.
    links: [Option<Hash>; 2],
    /// Whether the line before was no record, so that a line that follows something unknown is no further fault.
    lost: bool,
    before: Before,
    /// The chain of the last record that has one.
    chain: String,
    /// The number of the last record that has one.
    last: Option<u64>,
    file: String,
    /// The number of the file.
    number: u64,
    /// The files that are missing before the current one, until a fault has named them.
    gap: Option<(u64, u64)>,
    line: u64,
    checkpoint: Option<&'c Checkpoint>,
    copies: Option<Copies>,
    tree: Option<Frontier>,
}

impl<'c> Verifier<'c> {
    pub(super) fn new(checks: Checks<'c>) -> Self {
        let wants_tree = checks.tree || checks.checkpoint.is_some();
        Self {
            report: Report::default(),
            links: [Some(Hash::genesis()), None],
            lost: false,
            before: Before::Start,
            chain: String::new(),
            last: None,
            file: String::new(),
            number: 0,
            gap: None,
            line: 0,
            checkpoint: checks.checkpoint,
            copies: checks.copies,
            tree: wants_tree.then(Frontier::default),
        }
    }

    pub(super) const fn lines(&self) -> u64 {
        self.report.lines
    }

    /// The log begins after what retention removed.
    pub(super) fn starts_after(&mut self, removed: Removed) {
        self.links = [Hash::parse(removed.last_hash.as_bytes()), None];
        // The hash before the last removed record is not needed: nothing can fork from what is gone.
        self.before = Before::Record(removed.last_seq, Hash::genesis());
        self.chain.clone_from(&removed.chain);
        self.report.chains = 1;
        self.last = Some(removed.last_seq);
        self.number = removed.segment;
        if let Some(checkpoint) = self.checkpoint
            && checkpoint.chain == removed.chain
            && checkpoint.size < removed.last_seq
        {
            self.checkpoint = None;
            let (size, gone) = (checkpoint.size, removed.last_seq);
            let detail = format!(
                "the checkpoint is of {size} records, and retention has removed the records up to {gone}: take a newer one"
            );
            self.fault(FaultKind::Unverifiable, detail);
        }
        if self.tree.is_some() {
            self.tree = Some(removed.frontier());
        }
        self.check_root();
        self.report.removed = Some(removed);
    }

    /// The log begins with a later file, and nothing says why.
    pub(super) fn starts_without(&mut self, first: u64) {
        self.links = [None, None];
        self.lost = true;
        self.before = Before::Faulty;
        self.number = first - 1;
        let detail = format!("{} missing, and no retention record says so", files(1, first - 1));
        self.fault(FaultKind::Missing, detail);
    }

    /// A file begins.
    pub(super) fn begin(&mut self, name: &str, number: u64) {
        name.clone_into(&mut self.file);
        self.line = 0;
        self.report.files += 1;
        if number > self.number + 1 {
            self.gap = Some((self.number + 1, number - 1));
        }
        self.number = number;
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        let Some((body, stored)) = split(line) else {
            return self.unreadable(line, "not a record: no JSON object that ends with a hash");
        };
        self.count();
        self.report.head = Some(stored);
        // What this version writes is found without a JSON parser. Whatever stands elsewhere in the line, the hash
        // covers it.
        if let Some(prefix) = Prefix::of(line) {
            let placed = Placed {
                chain: prefix.chain,
                seq: prefix.seq,
                prev: prefix.prev,
                is_recovery: prefix.event_type == b"recovery",
            };
            if hash_after(&prefix.prev, body) == stored {
                self.numbered(&placed, stored);
            } else {
                self.plain(body, Some(prefix.prev), stored);
            }
            self.seen(prefix.chain, prefix.seq, stored);
        } else {
            self.foreign(line, body, stored);
        }
        self.lost = false;
    }

    /// A line that does not begin as this version's do: the original's, or one that was changed.
    fn foreign(&mut self, line: &[u8], body: &[u8], stored: Hash) {
        let place = Place::of(line);
        let own_prev = place.as_ref().and_then(|place| Hash::parse(place.prev?.as_bytes()));
        match (own_prev, place) {
            (Some(prev), Some(place)) if hash_after(&prev, body) == stored => {
                if let Some((chain, seq)) = place.position() {
                    let is_recovery = place.event_type == Some("recovery");
                    self.numbered(&Placed { chain, seq, prev, is_recovery }, stored);
                    self.seen(chain, seq, stored);
                } else {
                    self.links = [Some(stored), None];
                    self.before = Before::Faulty;
                    self.fault(FaultKind::Unlinked, "the record has no chain and number".to_owned());
                }
            }
            _ => self.plain(body, own_prev, stored),
        }
    }

    /// A record that carries the hash before it, and fits it.
    fn numbered(&mut self, placed: &Placed<'_>, stored: Hash) {
        let linked = self.links.contains(&Some(placed.prev));
        self.links = [Some(stored), None];
        let fault = if linked {
            self.number_fault(placed)
        } else if self.lost {
            None
        } else {
            Some(self.link_fault(placed))
        };
        if let Some((kind, detail)) = fault {
            self.fault(kind, detail);
        }
        self.gap = None;
        if self.chain != placed.chain {
            self.report.chains += 1;
            placed.chain.clone_into(&mut self.chain);
            if self.tree.is_some() {
                self.tree = Some(Frontier::default());
            }
        }
        self.report.records += 1;
        if placed.is_recovery {
            self.report.recoveries += 1;
            if self.report.recovered.len() < LISTED_FAULTS {
                let recovered = Recovered { file: self.file.clone(), line: self.line, seq: placed.seq };
                self.report.recovered.push(recovered);
            }
        }
        self.before = Before::Record(placed.seq, placed.prev);
    }

    /// A record's hash as the log has it, for the tree and the copies.
    fn seen(&mut self, chain: &str, seq: u64, stored: Hash) {
        self.last = Some(seq);
        if let Some(copies) = &mut self.copies
            && let Some(other) = copies.take(chain, seq)
        {
            if other == stored {
                self.report.compared += 1;
            } else {
                copies.differs(chain, seq);
            }
        }
        if chain == self.chain
            && let Some(tree) = &mut self.tree
        {
            tree.push(leaf(&stored.digest()));
            self.check_root();
        }
    }

    /// Compares the root once the tree is as large as the checkpoint's.
    fn check_root(&mut self) {
        let (Some(checkpoint), Some(tree)) = (self.checkpoint, &self.tree) else { return };
        if checkpoint.chain != self.chain || checkpoint.size != tree.size() {
            return;
        }
        self.checkpoint = None;
        let size = checkpoint.size;
        if tree.root() == checkpoint.root {
            self.report.checkpoint = Some(size);
        } else {
            let detail =
                format!("the records up to {size} are not those of the checkpoint: they were rewritten");
            self.fault(FaultKind::Forked, detail);
        }
    }

    /// What is wrong with the number of a record that follows the line before it.
    fn number_fault(&self, placed: &Placed<'_>) -> Option<(FaultKind, String)> {
        let fits = match self.before {
            Before::Start | Before::Original => placed.seq == 1,
            Before::Record(last, _) => self.chain == placed.chain && last.checked_add(1) == Some(placed.seq),
            Before::Faulty => true,
        };
        (!fits).then(|| {
            let seq = placed.seq;
            (FaultKind::Unlinked, format!("the number {seq} does not continue the chain of the line before"))
        })
    }

    /// Why a record does not follow the line before it.
    fn link_fault(&self, placed: &Placed<'_>) -> (FaultKind, String) {
        let seq = placed.seq;
        match self.before {
            Before::Start => (
                FaultKind::Missing,
                format!("the log begins with record {seq}: what was before it is missing"),
            ),
            Before::Record(last, prev)
                if self.chain == placed.chain && seq == last && placed.prev == prev =>
            {
                (
                    FaultKind::Forked,
                    format!("a second record {seq} follows record {}", last.saturating_sub(1)),
                )
            }
            Before::Record(last, _) if self.chain == placed.chain && seq <= last => {
                (FaultKind::Misplaced, format!("record {seq} stands after record {last}"))
            }
            Before::Record(last, _) if self.chain == placed.chain && seq - last > 1 => {
                let missing = seq - last - 1;
                let between = format!("{missing} records are missing between record {last} and record {seq}");
                let gap = self.gap.map(|(from, to)| format!(" ({} missing)", files(from, to)));
                (FaultKind::Missing, between + &gap.unwrap_or_default())
            }
            _ => (FaultKind::Unlinked, format!("record {seq} does not follow the line before it")),
        }
    }

    /// A record of the original, or a damaged one of ours.
    fn plain(&mut self, body: &[u8], own_prev: Option<Hash>, stored: Hash) {
        let follows = self.links.iter().flatten().any(|link| hash_after(link, body) == stored);
        if own_prev.is_none() && follows {
            self.report.records += 1;
            self.report.original_records += 1;
            self.links = [Some(stored), None];
            self.before = Before::Original;
            return;
        }
        self.before = Before::Faulty;
        let [link, _] = self.links;
        self.links = [Some(stored), link.map(|link| hash_after(&link, body))];
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
    pub(super) fn unreadable(&mut self, line: &[u8], why: &str) {
        self.count();
        match self.report.faults.last_mut() {
            Some(last) if self.lost && last.kind == FaultKind::Unreadable && last.file == self.file => {
                last.lines += 1;
            }
            _ if self.lost => {}
            _ => self.fault(FaultKind::Unreadable, why.to_owned()),
        }
        // If only its last bytes were changed, the next line follows what they would have been.
        let sealed = line.len().checked_sub(SEAL).and_then(|at| line.split_at_checked(at));
        let [link, _] = self.links;
        self.links = sealed
            .map_or([None, None], |(body, seal)| [seal_hash(seal), link.map(|link| hash_after(&link, body))]);
        self.before = Before::Faulty;
        self.lost = true;
    }

    pub(super) fn torn(&mut self, rest: &[u8]) {
        self.count();
        let detail = format!("the file ends with {} bytes that are no whole line", rest.len());
        self.fault(FaultKind::Torn, detail);
    }

    /// The end of the log: what should have come is missing.
    pub(super) fn finish(mut self) -> (Report, Option<ChainTree>) {
        self.line = 0;
        if let Some(last) = self.last {
            self.report.last = Some((self.chain.clone(), last));
        }
        if let Some(checkpoint) = self.checkpoint.take() {
            let size = checkpoint.size;
            let has = self.tree.as_ref().map_or(0, Frontier::size);
            if checkpoint.chain != self.chain {
                let detail = "the checkpoint is of another chain: the log was begun anew".to_owned();
                self.fault(FaultKind::Forked, detail);
            } else if has < size {
                let detail = format!(
                    "the log ends with record {has}, the checkpoint has {size}: {} are gone",
                    size - has
                );
                self.fault(FaultKind::Truncated, detail);
            } else {
                // The tree has more leaves than the checkpoint and never had as many: it began later.
                let detail = format!("the records up to {size} are not in the log any more");
                self.fault(FaultKind::Unverifiable, detail);
            }
        }
        if let Some(copies) = self.copies.take() {
            let removed =
                self.report.removed.as_ref().map(|removed| (removed.chain.as_str(), removed.last_seq));
            for (kind, detail) in copies.into_faults(self.report.last.as_ref(), removed) {
                self.fault(kind, detail);
            }
        }
        let tree = self.tree.filter(|tree| tree.size() > 0);
        (self.report, tree.map(|frontier| ChainTree { chain: self.chain, frontier }))
    }

    fn count(&mut self) {
        self.report.lines += 1;
        self.line += 1;
    }

    fn fault(&mut self, kind: FaultKind, detail: String) {
        self.report.fault_count += 1;
        if self.report.faults.len() < LISTED_FAULTS {
            let fault = Fault { file: self.file.clone(), line: self.line, lines: 1, kind, detail };
            self.report.faults.push(fault);
        }
    }
}

fn files(from: u64, to: u64) -> String {
    if from == to { format!("file {from} is") } else { format!("files {from} to {to} are") }
}
