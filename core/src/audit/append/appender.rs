//! A log that a process writes to again and again: the file stays open, and where the next record stands is known.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Appended, poll, write_or_restore, write_record};
use crate::audit::entry::Entry;
use crate::audit::error::AuditError;
use crate::audit::line::{Position, Rendered};
use crate::audit::same_file;
use crate::audit::segment::Rotation;

/// Appends records as [`append_rotating`](super::append_rotating) does, from any number of threads, and does not read the
/// log's end again while nobody else has written.
///
/// Every record takes the lock of the file, and looks whether the file is still the log and as long as this writer left it.
/// If another process appended, rotated, cut or replaced it, the record is written as the first one was. In a process that
/// was forked the file is opened anew: a lock belongs to an open file, which both processes would share.
#[derive(Debug)]
pub struct Appender {
    log: PathBuf,
    rotation: Rotation,
    lock_wait: Duration,
    open: Mutex<Option<Open>>,
}

/// The log as this process left it.
#[derive(Debug)]
struct Open {
    file: Arc<File>,
    /// What the file was when it was opened: says which file it is.
    opened: Metadata,
    /// The process that opened it.
    process: u32,
    /// How long it was, in bytes.
    end: u64,
    /// Where the next record stands.
    next: Position,
}

impl Appender {
    /// A writer of a log, which need not exist yet. A record waits at most `lock_wait` for other processes.
    pub fn new(log: impl Into<PathBuf>, rotation: Rotation, lock_wait: Duration) -> Self {
        Self { log: log.into(), rotation, lock_wait, open: Mutex::new(None) }
    }

    /// The log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Appends a record; see [`append`](super::append).
    pub fn append(&self, entry: &Entry<'_>) -> Result<Appended, AuditError> {
        let rendered = Rendered::new(entry)?;
        let (appended, file, sync) = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            // Taken out, so that after an error the next record trusts nothing.
            match open.take().map(|known| self.go_on(known, &rendered, entry)).transpose()?.flatten() {
                Some((known, appended)) => {
                    let file = Arc::clone(&known.file);
                    *open = Some(known);
                    (appended, file, entry.is_weighty())
                }
                None => {
                    let written = write_record(&self.log, &rendered, entry, self.lock_wait, &self.rotation)?;
                    let (file, appended) = (Arc::new(written.file), written.appended);
                    let next = Position {
                        chain: appended.chain.clone(),
                        seq: appended.seq.saturating_add(1),
                        prev: appended.hash,
                    };
                    let process = std::process::id();
                    let end = written.end;
                    // Without it the next record is written as this one was.
                    *open = (file.metadata().ok()).map(|opened| Open {
                        file: Arc::clone(&file),
                        opened,
                        process,
                        end,
                        next,
                    });
                    (appended, file, written.sync)
                }
            }
        };
        // Neither the threads of this process nor other processes wait for the disk.
        if sync {
            file.sync_data().map_err(|error| AuditError::io("write", &self.log, error))?;
        }
        Ok(appended)
    }

    /// Appends to the log as this process left it; `None` if it is not like that any more.
    fn go_on(
        &self,
        mut known: Open,
        rendered: &Rendered,
        entry: &Entry<'_>,
    ) -> Result<Option<(Open, Appended)>, AuditError> {
        let io = |doing, error| AuditError::io(doing, &self.log, error);
        if known.process != std::process::id() || known.next.seq == u64::MAX {
            return Ok(None);
        }
        let file = &*known.file;
        let started = Instant::now();
        if !poll(self.lock_wait, || file.try_lock()).map_err(|error| io("lock", error))? {
            return Err(AuditError::Locked { path: self.log.clone(), waited: started.elapsed() });
        }
        let unlock = || file.unlock().map_err(|error| io("unlock", error));
        // The file is open, so that no other one can have its place on the disk: one look at the name says both which file
        // the log is now and how long.
        let same = self
            .log
            .symlink_metadata()
            .is_ok_and(|now| now.len() == known.end && same_file(&now, &known.opened))
            && !self
                .rotation
                .is_due(file, known.end, known.next.seq - 1, entry.timestamp)
                .map_err(|error| io("read", error))?;
        if !same {
            unlock()?;
            return Ok(None);
        }
        let mut line = Vec::new();
        let hash = rendered.seal(&known.next, &mut line);
        let result = write_or_restore(&mut &*file, known.end, &line);
        unlock()?;
        result.map_err(|error| io("write", error))?;
        let (chain, seq) = (known.next.chain.clone(), known.next.seq);
        known.end += line.len() as u64;
        known.next.seq += 1;
        known.next.prev = hash;
        Ok(Some((known, Appended { chain, seq, hash, rotated: false })))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use agentfirewall_sdk::Action;
    use jiff::Timestamp;

    use super::*;
    use crate::audit::{EventType, append, segments, verify};

    const WAIT: Duration = Duration::from_secs(30);

    fn entry() -> Entry<'static> {
        Entry {
            tool: "Bash",
            action: Action::Allow,
            ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH)
        }
    }

    fn made(rotation: Rotation) -> (tempfile::TempDir, Appender) {
        let folder = tempfile::tempdir().unwrap();
        let appender = Appender::new(folder.path().join("state/audit.jsonl"), rotation, WAIT);
        (folder, appender)
    }

    fn holds(appender: &Appender, records: u64) {
        let report = verify(appender.log(), &mut |_, _| {}).unwrap();
        assert!(report.is_intact(), "{:?}", report.faults);
        assert_eq!((report.records, report.chains), (records, 1));
    }

    #[test]
    fn records_of_one_writer_and_of_others_are_one_chain() {
        let (_folder, appender) = made(Rotation::default());
        for seq in [1, 2, 4, 5, 7] {
            assert_eq!(appender.append(&entry()).unwrap().seq, seq);
            if [2, 5].contains(&seq) {
                append(appender.log(), &entry(), WAIT).unwrap();
            }
        }
        holds(&appender, 7);
    }

    #[test]
    fn threads_of_one_writer_write_one_chain() {
        let (_folder, appender) = made(Rotation { size: Some(4096), ..Rotation::default() });
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25).for_each(|_| drop(appender.append(&entry()).unwrap())));
            }
        });
        let files = segments(appender.log()).unwrap().len() as u64;
        assert!(files > 1);
        // Each later file begins with a record that links it.
        holds(&appender, 100 + files);
    }

    #[test]
    fn a_torn_end_is_repaired_and_a_log_that_was_replaced_is_left_alone() {
        let (folder, appender) = made(Rotation::default());
        appender.append(&entry()).unwrap();
        let whole = fs::read(appender.log()).unwrap();
        fs::write(appender.log(), [&whole[..], b"{\"torn"].concat()).unwrap();
        assert_eq!(appender.append(&entry()).unwrap().seq, 3);
        holds(&appender, 3);
        let moved = folder.path().join("moved");
        fs::rename(appender.log(), &moved).unwrap();
        let length = fs::metadata(&moved).unwrap().len();
        assert_eq!(appender.append(&entry()).unwrap().seq, 1);
        assert_eq!(fs::metadata(&moved).unwrap().len(), length);
        fs::remove_file(appender.log()).unwrap();
        assert_eq!(appender.append(&entry()).unwrap().seq, 1);
        holds(&appender, 1);
    }

    #[test]
    fn after_a_log_was_cut_the_chain_goes_on_from_what_is_there() {
        let (_folder, appender) = made(Rotation::default());
        appender.append(&entry()).unwrap();
        let first = fs::read(appender.log()).unwrap();
        appender.append(&entry()).unwrap();
        fs::write(appender.log(), first).unwrap();
        assert_eq!(appender.append(&entry()).unwrap().seq, 2);
        holds(&appender, 2);
    }

    #[test]
    fn a_lock_that_is_not_given_is_an_error_and_the_next_record_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let appender =
            Appender::new(folder.path().join("audit.jsonl"), Rotation::default(), Duration::from_millis(20));
        appender.append(&entry()).unwrap();
        let other = fs::File::open(appender.log()).unwrap();
        other.lock().unwrap();
        assert!(matches!(appender.append(&entry()), Err(AuditError::Locked { .. })));
        other.unlock().unwrap();
        appender.append(&entry()).unwrap();
        holds(&appender, 2);
    }
}
