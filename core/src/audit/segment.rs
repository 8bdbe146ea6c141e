//! The files of one log: the one that is written, and the closed ones before it.
//!
//! `audit.jsonl` is written; when it is full it becomes `audit.jsonl.000001`, the next one `audit.jsonl.000002`, and so
//! on. Whoever renames holds the file's lock, and whoever waited for that lock looks again what stands under the name
//! (see [`append`](super::append())), so that a closed segment is never written again. A new file is made by whoever
//! writes next; its first record is of the type `segment` and names the file before it. So a process that dies between
//! the two steps leaves nothing to repair.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::AuditError;
use super::line::Prefix;
use super::{open_for_reading, same_file};

/// How much is read to see a file's first record: more than its members up to `metadata` take.
const HEAD_BLOCK: u64 = 4 << 10;

/// The digits of a segment's number in its name, at least.
const DIGITS: usize = 6;

/// When the log is closed and a new file begun. The default never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rotation {
    /// At how many bytes.
    pub size: Option<u64>,
    /// How many seconds after its first record.
    pub age: Option<u64>,
    /// At how many records.
    pub records: Option<u64>,
}

impl Rotation {
    /// What a policy has that says nothing of it: 64 MiB, some weeks of a busy machine.
    pub const STANDARD: Self = Self { size: Some(64 << 20), age: None, records: None };

    /// Whether a record more is one too many. The file's beginning is read only where age or number matter.
    pub(super) fn is_due(&self, file: &File, length: u64, last_seq: u64, now: Timestamp) -> io::Result<bool> {
        if length == 0 {
            return Ok(false);
        }
        if self.size.is_some_and(|size| length >= size) {
            return Ok(true);
        }
        if self.age.is_none() && self.records.is_none() {
            return Ok(false);
        }
        let head = head(file)?;
        let Some(first) = Prefix::of(&head) else { return Ok(false) };
        let written = (last_seq + 1).saturating_sub(first.seq);
        if self.records.is_some_and(|records| written >= records) {
            return Ok(true);
        }
        Ok(self.age.is_some_and(|age| {
            let age = SignedDuration::from_secs(i64::try_from(age).unwrap_or(i64::MAX));
            let begun =
                std::str::from_utf8(first.timestamp).ok().and_then(|text| text.parse::<Timestamp>().ok());
            begun.is_some_and(|begun| now.duration_since(begun) >= age)
        }))
    }
}

/// A closed file of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its number, from 1.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
}

/// The closed files of a log, the oldest first.
pub fn segments(log: &Path) -> Result<Vec<Segment>, AuditError> {
    let Some(name) = log.file_name() else { return Ok(Vec::new()) };
    let folder = log.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let io = |error| AuditError::io("list the segments of", log, error);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(io)?;
        if let Some(number) = number_of(&entry.file_name(), name) {
            found.push(Segment { number, path: log.with_file_name(entry.file_name()) });
        }
    }
    found.sort_unstable_by_key(|segment| segment.number);
    Ok(found)
}

/// The name of a closed file.
pub(super) fn path_of(log: &Path, number: u64) -> PathBuf {
    let mut name = log.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{number:0DIGITS$}"));
    log.with_file_name(name)
}

fn number_of(name: &OsStr, log: &OsStr) -> Option<u64> {
    let digits = name.as_encoded_bytes().strip_prefix(log.as_encoded_bytes())?.strip_prefix(b".")?;
    let plain = digits.len() >= DIGITS && digits.iter().all(u8::is_ascii_digit);
    // Of two names of one number only the one that is written counts.
    if !plain || (digits.len() > DIGITS && digits.first() == Some(&b'0')) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number > 0)
}

/// What the first record of a later file says of the one before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    /// The number of the file that begins with it.
    pub(super) segment: u64,
    /// The file before.
    pub(super) previous: Previous,
}

/// The file before, as it was when it was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Previous {
    /// Its name.
    pub(super) file: String,
    /// Its bytes.
    pub(super) bytes: u64,
    /// The number of its last record, where that has one.
    #[serde(default)]
    pub(super) last_seq: u64,
    /// The hash of its last record.
    pub(super) last_hash: String,
}

/// What a file's first record says of the file before; `None` if it is no `segment` record.
pub(super) fn link_of(line: &[u8]) -> Option<Link> {
    #[derive(Deserialize)]
    struct First {
        metadata: Link,
    }
    if Prefix::of(line)?.event_type != b"segment" {
        return None;
    }
    serde_json::from_slice::<First>(line).ok().map(|first| first.metadata)
}

/// The bytes at the beginning of a file: its first line, where that is not very long.
fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    file.take(HEAD_BLOCK).read_to_end(&mut bytes)?;
    if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        bytes.truncate(end);
    }
    Ok(bytes)
}

/// The number of a file that is written: what its first record says, else that after the closed ones.
pub(super) fn number_of_written(file: &File, closed: &[Segment]) -> io::Result<u64> {
    let own = link_of(&head(file)?).map_or(1, |link| link.segment);
    Ok(closed.last().map_or(own, |last| own.max(last.number + 1)))
}

/// Gives the written file its name as a closed one. The caller holds its lock, and has seen that it ends with a whole
/// record. What it holds is on the disk before the name changes, so that no loss of power can make a hole in the chain.
pub(super) fn close(log: &Path, file: &File) -> Result<(), AuditError> {
    let io = |error| AuditError::io("rotate", log, error);
    file.sync_data().map_err(io)?;
    let number = number_of_written(file, &segments(log)?).map_err(io)?;
    std::fs::rename(log, path_of(log, number)).map_err(io)
}

/// The files of a log as they are at one moment.
#[derive(Debug)]
pub(super) struct Files {
    /// The closed ones, the oldest first.
    pub(super) closed: Vec<Segment>,
    /// The one that is written, if there is one.
    pub(super) written: Option<File>,
}

impl Files {
    /// Looks at all of them. A rotation in between is seen and the look repeated.
    pub(super) fn of(log: &Path) -> Result<Self, AuditError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let written = open_written(log)?;
            let closed = segments(log)?;
            let again = open_written(log)?;
            let io = |error| AuditError::io("read", log, error);
            let same = match (&written, &again) {
                (Some(one), Some(other)) => {
                    same_file(&one.metadata().map_err(io)?, &other.metadata().map_err(io)?)
                }
                (None, None) => true,
                _ => false,
            };
            if same || attempts >= 100 {
                return Ok(Self { closed, written });
            }
        }
    }
}

/// The file that is written; `None` where there is none, as between two segments.
pub(crate) fn open_written(log: &Path) -> Result<Option<File>, AuditError> {
    match open_for_reading(log) {
        Ok(file) => Ok(Some(file)),
        Err(AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_form_are_segments() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        for name in [
            "audit.jsonl",
            "audit.jsonl.000002",
            "audit.jsonl.1000000",
            "audit.jsonl.000010",
            "audit.jsonl.7",
            "audit.jsonl.000000",
            "audit.jsonl.0000003",
            "audit.jsonl.00000x",
            "other.jsonl.000001",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let numbers: Vec<u64> = segments(&log).unwrap().iter().map(|segment| segment.number).collect();
        assert_eq!(numbers, [2, 10, 1_000_000]);
        assert_eq!(path_of(&log, 7), folder.path().join("audit.jsonl.000007"));
        assert_eq!(segments(&folder.path().join("none/audit.jsonl")).unwrap(), []);
    }
}
