//! A log that a process writes to again and again: the file stays open, and where the next record stands is known.

use std::fs::File;
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
                    let written =
                        write_record(&self.log, &rendered, entry, self.lock_wait, &self.rotation)?;
                    let (file, appended) = (Arc::new(written.file), written.appended);
                    let next = Position {
                        chain: appended.chain.clone(),
                        seq: appended.seq.saturating_add(1),
                        prev: appended.hash,
                    };
                    let process = std::process::id();
                    *open = Some(Open { file: Arc::clone(&file), process, end: written.end, next });
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
        let metadata = file.metadata().map_err(|error| io("read", error))?;
        let same = metadata.len() == known.end
            && self.log.symlink_metadata().is_ok_and(|now| same_file(&now, &metadata))
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
