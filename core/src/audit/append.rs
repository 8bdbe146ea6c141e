//! Appending a record: lock, look at the end, write one line.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::backwards::Backwards;
use super::entry::{Entry, EventType};
use super::error::AuditError;
use super::hash::{Hash, write_hex};
use super::line::{Place, Position, Prefix, Rendered, split};
use super::same_file;
use super::segment::{Link, Previous, Rotation, Segment, close, segments};
use crate::private::{OWNER_ONLY, create_folder};

/// How much is read from the end at first: more than nearly every record.
const TAIL_BLOCK: usize = 2 << 10;

/// The most bytes after the last whole record that are taken for a torn write. Every record is written at once and has
/// at most [`super::MAX_RECORD`] bytes, so that more than this is not the log's own damage.
const MAX_TORN: u64 = 4 << 20;

/// Where a record went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The log's chain.
    pub chain: String,
    /// The record's number in it.
    pub seq: u64,
    /// The record's hash.
    pub hash: Hash,
    /// Whether the log was full and a new file was begun for it.
    pub rotated: bool,
}

/// Appends a record and returns once it is written; with an action of `alert`, `ask` or `deny`, once it is on the disk.
///
/// The cost does not depend on the log's length. Any number of processes may append at once: each waits at most
/// `lock_wait` for the others. A log that does not exist is created for the user alone, and its folders with it. After
/// an error the log is as long as it was.
pub fn append(log: &Path, entry: &Entry<'_>, lock_wait: Duration) -> Result<Appended, AuditError> {
    append_rotating(log, entry, lock_wait, &Rotation::default())
}

/// Appends a record as [`append`] does, to a new file if the log is full.
///
/// A rotation costs a wait for the disk and a look at the names in the log's folder, once in a file. One that the system
/// refuses is left to the next record: a log that is too long is better than none.
pub fn append_rotating(
    log: &Path,
    entry: &Entry<'_>,
    lock_wait: Duration,
    rotation: &Rotation,
) -> Result<Appended, AuditError> {
    let written = write_record(log, &Rendered::new(entry)?, entry, lock_wait, rotation)?;
    written.settle(log)
}

/// What became of a log by a record: what the next record of the same writer goes on from.
#[derive(Debug)]
struct Written {
    file: File,
    /// How long the log is now, in bytes.
    end: u64,
    /// Whether the disk has to be waited for.
    sync: bool,
    appended: Appended,
}

impl Written {
    /// Waits for the disk where the record is worth it: the lock is not held meanwhile.
    fn settle(self, log: &Path) -> Result<Appended, AuditError> {
        if self.sync {
            self.file.sync_data().map_err(|error| AuditError::io("write", log, error))?;
        }
        Ok(self.appended)
    }
}

/// Writes a record to a log of which nothing is known, and lets the next writer in.
fn write_record(
    log: &Path,
    rendered: &Rendered,
    entry: &Entry<'_>,
    lock_wait: Duration,
    rotation: &Rotation,
) -> Result<Written, AuditError> {
    let (mut file, mut length) = open_locked(log, lock_wait)?;
    let mut tail = Tail::read(&file, log, length)?;
    let mut rotated = false;
    if tail.good == length
        && rotation
            .is_due(&file, length, tail.seq(), entry.timestamp)
            .map_err(|error| AuditError::io("read", log, error))?
        && close(log, &file).is_ok()
    {
        rotated = true;
        drop(file);
        (file, length) = open_locked(log, lock_wait)?;
        tail = Tail::read(&file, log, length)?;
    }
    let mut lines = Vec::new();
    let (mut position, mut repaired) = (tail.next_position(log, entry.timestamp, &mut lines)?, false);
    let torn = length - tail.good;
    let mut torn_bytes = Vec::new();
    if torn > 0 {
        repaired = true;
        torn_bytes =
            read_range(&file, tail.good, torn).map_err(|error| AuditError::io("read", log, error))?;
        let metadata = recovery_metadata(&torn_bytes, position.seq);
        let recovery = Entry::new(EventType::Recovery, entry.timestamp).with_metadata(&metadata);
        let hash = Rendered::new(&recovery)?.seal(&position, &mut lines);
        position = Position { chain: position.chain, seq: position.seq + 1, prev: hash };
    }
    let hash = rendered.seal(&position, &mut lines);
    let end = tail.good + lines.len() as u64;
    if repaired {
        let mut over = overwriting(log, &file).map_err(|error| AuditError::io("repair", log, error))?;
        replace_tail(&mut over, tail.good, &torn_bytes, &lines)
            .map_err(|error| AuditError::io("repair", log, error))?;
    } else {
        write_or_restore(&mut &file, length, &lines).map_err(|error| AuditError::io("write", log, error))?;
    }
    file.unlock().map_err(|error| AuditError::io("unlock", log, error))?;
    Ok(Written {
        file,
        end,
        sync: repaired || entry.is_weighty(),
        appended: Appended { chain: position.chain, seq: position.seq, hash, rotated },
    })
}

/// Opens and locks the log, and says how long it is. If it was moved away while the lock was waited for, the new one
/// is taken.
fn open_locked(log: &Path, lock_wait: Duration) -> Result<(File, u64), AuditError> {
    let deadline = Instant::now() + lock_wait;
    loop {
        let file = open_or_create(log)?;
        let remaining = deadline.saturating_duration_since(Instant::now());
        let locked =
            poll(remaining, || file.try_lock()).map_err(|error| AuditError::io("lock", log, error))?;
        let metadata = file.metadata().map_err(|error| AuditError::io("read", log, error))?;
        if !locked {
            return Err(AuditError::Locked { path: log.to_owned(), waited: lock_wait });
        }
        if log.symlink_metadata().is_ok_and(|now| same_file(&now, &metadata)) {
            return Ok((file, metadata.len()));
        }
        if Instant::now() >= deadline {
            return Err(AuditError::Locked { path: log.to_owned(), waited: lock_wait });
        }
    }
}

/// Tries until the lock is there or the time is over. A blocking lock would hang on a process that was stopped.
pub(crate) fn poll(
    wait: Duration,
    mut try_lock: impl FnMut() -> Result<(), TryLockError>,
) -> io::Result<bool> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(50);
    loop {
        match try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(error);
            }
            Err(_) => {}
        }
        let left = wait.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(2));
    }
}

fn open_or_create(log: &Path) -> Result<File, AuditError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    let append = {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
        // With O_APPEND not even a writer that ignores the lock can be overwritten.
        libc::O_APPEND
    };
    #[cfg(not(unix))]
    let append = 0;
    match super::open(log, &mut options, append) {
        Err(AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = log.parent() {
                create_folder(folder, OWNER_ONLY).map_err(|error| AuditError::io("create", log, error))?;
            }
            super::open(log, &mut options, append)
        }
        other => other,
    }
}

/// A handle that can write before the end: appending handles cannot.
#[cfg(unix)]
fn overwriting(log: &Path, locked: &File) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = super::open(log, &mut options, 0).map_err(io::Error::other)?;
    if same_file(&file.metadata()?, &locked.metadata()?) {
        Ok(file)
    } else {
        Err(io::Error::other("the file was replaced while it was locked"))
    }
}

#[cfg(not(unix))]
fn overwriting(_: &Path, locked: &File) -> io::Result<File> {
    locked.try_clone()
}

/// The end of a log.
#[derive(Debug)]
struct Tail {
    /// How many bytes are whole lines up to the last record.
    good: u64,
    /// The last record's hash.
    hash: Hash,
    /// The last record's chain and number, where it has them.
    position: Option<(String, u64)>,
}

impl Tail {
    fn read(file: &File, log: &Path, length: u64) -> Result<Self, AuditError> {
        let not_a_log = || AuditError::NotALog { path: log.to_owned() };
        let mut lines = Backwards::new(file, length, TAIL_BLOCK);
        let mut oldest_is_a_start = true;
        loop {
            let next = lines.next().map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => not_a_log(),
                _ => AuditError::io("read", log, error),
            })?;
            let Some((start, line)) = next else {
                // Not one record: what is there is removed only if it can be the beginning of the first one.
                return if oldest_is_a_start {
                    Ok(Self { good: 0, hash: Hash::genesis(), position: None })
                } else {
                    Err(not_a_log())
                };
            };
            if let Some(text) = line.strip_suffix(b"\n")
                && let Some((_, hash)) = split(text)
            {
                // A record that does not fit its own hash is evidence: it stays, and its stored hash is continued.
                let position = match Prefix::of(text) {
                    Some(prefix) => Some((prefix.chain.to_owned(), prefix.seq)),
                    None => Place::of(text)
                        .and_then(|place| place.position().map(|(chain, seq)| (chain.to_owned(), seq))),
                };
                return Ok(Self { good: start + line.len() as u64, hash, position });
            }
            if length - start > MAX_TORN {
                return Err(not_a_log());
            }
            oldest_is_a_start = start + line.len() as u64 == length && is_a_start(line);
        }
    }

    /// The number of the last record, where it has one.
    fn seq(&self) -> u64 {
        self.position.as_ref().map_or(0, |(_, seq)| *seq)
    }

    /// Where the next record stands. In a file without a record that is after those of the file before, if there is
    /// one: then the record that says so is put in front.
    fn next_position(
        &self,
        log: &Path,
        now: jiff::Timestamp,
        lines: &mut Vec<u8>,
    ) -> Result<Position, AuditError> {
        if self.good > 0 {
            return self.following();
        }
        let Some(last) = segments(log)?.pop() else { return self.following() };
        let (tail, bytes) = Self::of_closed(&last)?;
        let position = tail.following()?;
        let link = Link {
            segment: last.number + 1,
            previous: Previous {
                file: last.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                bytes,
                last_seq: tail.seq(),
                last_hash: tail.hash.as_str().to_owned(),
            },
        };
        let metadata = serde_json::to_value(link)?;
        let entry = Entry { metadata: metadata.as_object(), ..Entry::new(EventType::Segment, now) };
        let hash = Rendered::new(&entry)?.seal(&position, lines);
        Ok(Position { seq: position.seq + 1, prev: hash, ..position })
    }

    /// The end of a closed file, and its length.
    fn of_closed(segment: &Segment) -> Result<(Self, u64), AuditError> {
        let file = super::open_for_reading(&segment.path)?;
        let length = file.metadata().map_err(|error| AuditError::io("read", &segment.path, error))?.len();
        Ok((Self::read(&file, &segment.path, length)?, length))
    }

    fn following(&self) -> Result<Position, AuditError> {
        let next = self.position.as_ref().and_then(|(chain, seq)| Some((chain, seq.checked_add(1)?)));
        let (chain, seq) = match next {
            Some((chain, seq)) => (chain.clone(), seq),
            None => (new_chain()?, 1),
        };
        Ok(Position { chain, seq, prev: self.hash })
    }
}

/// Whether bytes without a line break can be what is left of a first record.
fn is_a_start(bytes: &[u8]) -> bool {
    let blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    bytes.starts_with(b"{\"") || bytes == b"{" || bytes.iter().all(blank)
}

fn new_chain() -> Result<String, AuditError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    let mut hex = vec![0; 32];
    write_hex(&bytes, &mut hex);
    Ok(String::from_utf8(hex).unwrap_or_default())
}

fn recovery_metadata(torn: &[u8], seq: u64) -> Map<String, Value> {
    let mut metadata = Map::new();
    metadata.insert("removed_bytes".to_owned(), torn.len().into());
    metadata.insert("removed_sha256".to_owned(), Hash::of([torn]).as_str().into());
    if seq > 1 {
        metadata.insert("last_good_seq".to_owned(), (seq - 1).into());
    }
    metadata
}

fn read_range(mut file: &File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// What appending needs of a file; a test makes one that fills up.
trait Device: Write + Seek {
    fn set_len(&self, length: u64) -> io::Result<()>;
}

impl Device for &File {
    fn set_len(&self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }
}

impl Device for File {
    fn set_len(&self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }
}

/// Writes the lines at the end. If that fails, no part of them stays.
fn write_or_restore(device: &mut impl Device, length: u64, lines: &[u8]) -> io::Result<()> {
    #[cfg(not(unix))]
    device.seek(SeekFrom::Start(length))?;
    device.write_all(lines).inspect_err(|_| {
        // If even this fails, what was written is a torn tail, which the next writer repairs and records.
        let _torn = device.set_len(length);
    })
}

/// Writes the lines over a torn tail. The tail is cut only after the record of its removal is in its place: whenever
/// this is interrupted, either that record or a torn tail is there. If it fails, the torn tail is put back.
fn replace_tail(device: &mut impl Device, good: u64, torn: &[u8], lines: &[u8]) -> io::Result<()> {
    let length = good + torn.len() as u64;
    let mut replace = || {
        device.seek(SeekFrom::Start(good))?;
        device.write_all(lines)?;
        device.set_len(good + lines.len() as u64)
    };
    replace().inspect_err(|_| {
        let _restored = device
            .seek(SeekFrom::Start(good))
            .and_then(|_| device.write_all(torn))
            .and_then(|()| device.set_len(length));
    })
}

mod appender;
#[cfg(test)]
mod tests;

pub use appender::Appender;
