//! Checkpoints: a signed note with the Merkle root of a chain (C2SP `tlog-checkpoint`), and proofs against it.
//!
//! The text is `agentfirewall/audit/CHAIN`, the number of records, the root in base64, and two further lines that other
//! readers pass over: `head HASH` (the last record's `_hash`) and `time RFC3339`.

use std::fmt::Write as _;
use std::io::BufReader;
use std::path::Path;

use jiff::Timestamp;
use thiserror::Error;

use super::error::AuditError;
use super::hash::{Hash, is_hex};
use super::line::{Prefix, split};
use super::lines::{Lines, Next};
use super::merkle::{self, Node, Tree, leaf};
use super::note::{self, NoteError, PrivateKey, PublicKey};
use super::open_for_reading;
use super::retention;
use super::segment::Files;
use super::verify::{ChainTree, Report};

/// What a checkpoint's first line begins with; the chain follows.
const ORIGIN: &str = "agentfirewall/audit/";
/// The first line of an inclusion proof: C2SP `tlog-proof`, version 1.
const PROOF: &str = "c2sp.org/tlog-proof@v1";
/// The first line of a consistency proof. C2SP has no file format for one.
const CONSISTENCY: &str = "agentfirewall/tlog-consistency@v1";

/// Why there is no checkpoint or proof, or why one is not accepted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// The note or its signature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no checkpoint of ours.
    #[error("not a checkpoint: {0}")]
    Form(&'static str),
    /// Nothing is signed that is not intact.
    #[error("the log has {0} fault(s), and what is not intact is not signed")]
    Faulty(u64),
    /// The log has no record with a chain and a number.
    #[error("the log has no records to sign")]
    Empty,
    /// What is to be proved is not in the log (any more).
    #[error("{0}")]
    Unprovable(String),
    /// A proof does not lead to the root.
    #[error("the proof is wrong: it does not lead to the checkpoint's root")]
    Wrong,
}

/// The state of a chain at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain.
    pub chain: String,
    /// How many records it had.
    pub size: u64,
    /// The root of its tree.
    pub root: Node,
    /// The last record's hash.
    pub head: Option<Hash>,
    /// When it was made.
    pub time: Option<Timestamp>,
}

impl Checkpoint {
    /// The checkpoint of a log that was verified with its tree.
    pub fn of(report: &Report, tree: Option<&ChainTree>, now: Timestamp) -> Result<Self, CheckpointError> {
        if !report.is_intact() {
            return Err(CheckpointError::Faulty(report.fault_count));
        }
        let tree = tree.ok_or(CheckpointError::Empty)?;
        let (chain, frontier) = (tree.chain.clone(), &tree.frontier);
        Ok(Self { chain, size: frontier.size(), root: frontier.root(), head: report.head, time: Some(now) })
    }

    /// The text that is signed.
    pub fn text(&self) -> String {
        let mut text = format!("{ORIGIN}{}\n{}\n{}\n", self.chain, self.size, note::base64(&self.root));
        if let Some(head) = self.head {
            let _infallible = writeln!(text, "head {head}");
        }
        if let Some(time) = self.time {
            let _infallible = writeln!(text, "time {time:.0}");
        }
        text
    }

    /// The signed note.
    pub fn sign(&self, key: &PrivateKey) -> String {
        key.sign(&self.text())
    }

    /// Reads a note that one of the keys must have signed.
    pub fn open<'k>(note: &str, keys: &'k [PublicKey]) -> Result<(Self, &'k PublicKey), CheckpointError> {
        let (text, key) = note::open(note, keys)?;
        Ok((Self::parse(text)?, key))
    }

    /// Reads the text of a checkpoint, signed or not.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let form = CheckpointError::Form;
        let mut lines = text.strip_suffix('\n').ok_or(form("it does not end with a line break"))?.split('\n');
        let origin = lines.next().unwrap_or_default();
        let chain = origin.strip_prefix(ORIGIN).ok_or(form("it is of another kind of log"))?;
        if chain.len() != 32 || !chain.bytes().all(is_hex) {
            return Err(form("it names no chain"));
        }
        let digits = lines.next().unwrap_or_default();
        let plain =
            digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
        let size = digits.parse().ok().filter(|_| plain).ok_or(form("its size is no number"))?;
        let root = note::from_base64(lines.next().unwrap_or_default()).and_then(|root| root.try_into().ok());
        let root = root.ok_or(form("its root is no SHA-256 in base64"))?;
        let mut checkpoint = Self { chain: chain.to_owned(), size, root, head: None, time: None };
        for line in lines {
            match line.split_once(' ') {
                Some(("head", hash)) => checkpoint.head = Hash::parse(hash.as_bytes()),
                Some(("time", time)) => checkpoint.time = time.parse().ok(),
                _ if line.is_empty() => return Err(form("it has an empty line")),
                _ => {}
            }
        }
        Ok(checkpoint)
    }
}

/// The tree of a chain of a log, as it stands in the log: nothing is verified.
pub fn tree_of(log: &Path, chain: &str) -> Result<Tree, AuditError> {
    let files = Files::of(log)?;
    let mut tree = Tree::default();
    let mut skip = 0;
    if files.closed.first().is_some_and(|first| first.number > 1)
        && let Some(removed) = retention::newest(log)?.filter(|removed| removed.chain == chain)
    {
        skip = removed.segment;
        tree = Tree::after(removed.frontier());
    }
    let mut line = Vec::new();
    let closed = files.closed.iter().filter(|segment| segment.number > skip);
    let opened = closed.map(|segment| open_for_reading(&segment.path));
    for file in opened.chain(files.written.map(Ok)) {
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, file?), 0);
        while let next @ (Next::Line | Next::TooLong) =
            lines.next(&mut line).map_err(|error| AuditError::io("read", log, error))?
        {
            if next == Next::Line
                && let Some(prefix) = Prefix::of(&line)
                && prefix.chain == chain
                && let Some((_, hash)) = split(&line)
            {
                tree.push(leaf(&hash.digest()));
            }
        }
    }
    Ok(tree)
}

/// The proof that a record is in the log that a checkpoint is of: a file that `verify_inclusion` reads, and every other
/// reader of C2SP's `tlog-proof`.
pub fn prove_inclusion(
    log: &Path,
    seq: u64,
    checkpoint: &Checkpoint,
    note: &str,
) -> Result<String, CheckpointError> {
    let tree = checked_tree(log, checkpoint)?;
    let index = seq.checked_sub(1).filter(|index| *index < checkpoint.size);
    let index = index.ok_or_else(|| {
        CheckpointError::Unprovable(format!(
            "the checkpoint is of records 1 to {}, not of {seq}",
            checkpoint.size
        ))
    })?;
    let path = tree.inclusion(index, checkpoint.size).ok_or_else(|| {
        CheckpointError::Unprovable(format!("record {seq} was removed by retention, and its proof with it"))
    })?;
    let mut proof = format!("{PROOF}\nindex {index}\n");
    for node in path {
        let _infallible = writeln!(proof, "{}", note::base64(&node));
    }
    Ok(format!("{proof}\n{note}"))
}

/// The proof that an older checkpoint is of a beginning of the log that a newer one is of.
pub fn prove_consistency(
    log: &Path,
    old: (&Checkpoint, &str),
    new: (&Checkpoint, &str),
) -> Result<String, CheckpointError> {
    let ((old, old_note), (new, new_note)) = (old, new);
    if old.chain != new.chain {
        return Err(CheckpointError::Unprovable("the checkpoints are of different chains".to_owned()));
    }
    let tree = checked_tree(log, new)?;
    let proof = tree.consistency(old.size, new.size).ok_or_else(|| {
        CheckpointError::Unprovable(
            "the older checkpoint is empty, larger, or of records that are gone".to_owned(),
        )
    })?;
    if !merkle::verify_consistency(old.size, new.size, &proof, &old.root, &new.root) {
        return Err(CheckpointError::Wrong);
    }
    let nodes: String = proof.iter().map(|node| note::base64(node) + "\n").collect();
    Ok(format!("{CONSISTENCY}\n{nodes}\n{old_note}\n{new_note}"))
}

fn checked_tree(log: &Path, checkpoint: &Checkpoint) -> Result<Tree, CheckpointError> {
    let tree = tree_of(log, &checkpoint.chain)?;
    match tree.root(checkpoint.size) {
        Some(root) if root == checkpoint.root => Ok(tree),
        Some(_) => Err(CheckpointError::Unprovable(
            "the log is not the one of the checkpoint: `agentfirewall audit verify --checkpoint` says more"
                .to_owned(),
        )),
        None => Err(CheckpointError::Unprovable(
            "the log has not the records of the checkpoint (any more)".to_owned(),
        )),
    }
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The checkpoint that it leads to.
    pub checkpoint: Checkpoint,
    /// The record's number, from 1.
    pub seq: u64,
    /// The name of the key that signed.
    pub signer: String,
}

/// Checks an inclusion proof of a record, given by its hash, with the keys that are accepted.
pub fn verify_inclusion(proof: &str, record: &Hash, keys: &[PublicKey]) -> Result<Shown, CheckpointError> {
    let form = || CheckpointError::Form("the proof has not the form of tlog-proof, version 1");
    let rest = proof.strip_prefix(PROOF).and_then(|rest| rest.strip_prefix("\nindex ")).ok_or_else(form)?;
    let (index, rest) = rest.split_once('\n').ok_or_else(form)?;
    let index: u64 = index.parse().map_err(|_| form())?;
    let (nodes, note) = match rest.strip_prefix('\n') {
        Some(note) => ("", note),
        None => rest.split_once("\n\n").ok_or_else(form)?,
    };
    let nodes: Option<Vec<Node>> =
        nodes.lines().map(|line| note::from_base64(line).and_then(|node| node.try_into().ok())).collect();
    let nodes = nodes.ok_or_else(form)?;
    let (checkpoint, key) = Checkpoint::open(note, keys)?;
    let own = leaf(&record.digest());
    if !merkle::verify_inclusion(own, index, checkpoint.size, &nodes, &checkpoint.root) {
        return Err(CheckpointError::Wrong);
    }
    Ok(Shown { checkpoint, seq: index + 1, signer: key.name().to_owned() })
}

#[cfg(test)]
mod tests;
