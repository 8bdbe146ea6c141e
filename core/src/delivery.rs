//! Delivery: the audit log is the spool, and each sink has a cursor in it.
//!
//! Runs in a process of its own, after the agent has its answer. One process at a time delivers a log; each sink has a
//! thread, so that one that is down does not stop the others. A sink gets its records in order and at least once: the
//! record's hash is the key by which a receiver knows a repetition. What a sink refuses for good goes to its
//! dead-letter file; what it cannot take now is tried again, in this run with growing pauses, then in a later run.

mod cursor;
mod filter;
mod flood;
mod format;
mod hold;
mod letters;
mod retry;
mod run;
mod spool;
mod status;
mod worker;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_sdk::Sink;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::audit::{AuditError, Hash};
use crate::policy::SinkSetting;
use crate::private::{OWNER_ONLY, create_folder};

pub use filter::{Filter, Group};
pub use format::Format;
pub use hold::awaited;
pub use run::{deliver, follow};
pub use status::{Retried, SinkStatus, retry_letters, status};

/// A sink as a policy configures it.
pub struct NamedSink {
    /// Its name in the policy: the name of its cursor.
    pub name: String,
    /// Who delivers.
    pub sink: Box<dyn Sink>,
    /// Which records it gets.
    pub filter: Filter,
    /// In which format.
    pub format: Format,
    /// When a flood is summed up; `None` as is usual for the kind of sink.
    pub group: Option<Group>,
}

impl NamedSink {
    /// A sink as its setting says, delivered to by whom the caller made.
    pub fn new(setting: &SinkSetting<'_>, sink: Box<dyn Sink>) -> Self {
        Self {
            name: setting.name.to_owned(),
            sink,
            filter: setting.filter.clone(),
            format: setting.format,
            group: setting.group,
        }
    }
}

impl std::fmt::Debug for NamedSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NamedSink")
            .field("name", &self.name)
            .field("filter", &self.filter)
            .finish_non_exhaustive()
    }
}

/// Gives an event the format that the sink wants.
pub fn prepare(sink: &NamedSink, event: &mut agentfirewall_sdk::Event) {
    sink.format.apply(event);
}

/// How delivery behaves. The default is right for everything but tests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// How often a record is offered to a sink in one run.
    pub attempts: u32,
    /// The pause after the first failure; it doubles with each further one. The real pause is random, between nothing
    /// and this, so that many machines do not come back at once.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// The longest pause that is waited for inside a run; if a receiver asks for more, a later run goes on.
    pub patience: Duration,
    /// How old records may be that a sink gets which was never seen before: a new sink is not flooded with history.
    pub backlog: SignedDuration,
    /// Whether a sink that failed for a whole run is left alone until its pause is over.
    pub respect_pauses: bool,
    /// Whether the end of a window is waited for, in which a flood is summed up.
    pub wait_for_windows: bool,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// How to wait.
    pub sleep: fn(Duration),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_mins(15),
            patience: Duration::from_secs(30),
            backlog: SignedDuration::from_hours(1),
            respect_pauses: true,
            wait_for_windows: true,
            now: Timestamp::now,
            sleep: std::thread::sleep,
        }
    }
}

impl Options {
    /// When the oldest record was made that a sink gets which was never seen before.
    fn earliest(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(self.backlog).unwrap_or(Timestamp::MIN)
    }
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Another process delivers this log; it sees everything that was in the log when this one looked.
    Busy,
    /// Every sink was served as far as it could be.
    Done(Vec<SinkOutcome>),
}

/// What a run did for one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkOutcome {
    /// The sink.
    pub name: String,
    /// How many records it took.
    pub delivered: u64,
    /// How many records it refused for good: they are in its dead-letter file.
    pub rejected: u64,
    /// How many lines were passed over because they are no records.
    pub unreadable: u64,
    /// How it ended.
    pub end: SinkEnd,
}

/// How a run ended for one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkEnd {
    /// It has everything.
    Drained,
    /// It failed too often; a later run goes on where this one stopped.
    Failing {
        /// The last failure, in one line.
        message: String,
        /// When it is tried again.
        until: Timestamp,
    },
    /// It failed in an earlier run and its pause is not over.
    Paused {
        /// When it is tried again.
        until: Timestamp,
    },
    /// The log, the cursor or the dead-letter file cannot be used.
    Broken(String),
}

/// Why nothing could be delivered at all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] AuditError),
    /// The folder of cursors cannot be used.
    #[error("cannot use the delivery state `{}`: {source}", path.display())]
    State {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Two sinks would share a cursor.
    #[error("two sinks are called `{0}`")]
    SameName(String),
}

impl DeliveryError {
    fn state(path: &Path, source: io::Error) -> Self {
        Self::State { path: path.to_owned(), source }
    }
}

fn length(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |metadata| metadata.len())
}

/// Where the cursors of a log are: below the state, by the log's real path.
fn state_folder(log: &Path, state: &Path) -> PathBuf {
    let real = log.canonicalize().unwrap_or_else(|_| log.to_owned());
    let hash = Hash::of([real.as_os_str().as_encoded_bytes()]);
    state.join("delivery").join(hash.as_str().get(..16).unwrap_or_default())
}

/// The folder of a log's cursors, made if it is not there.
fn open_state(log: &Path, state: &Path) -> Result<PathBuf, DeliveryError> {
    let folder = state_folder(log, state);
    create_folder(&folder, OWNER_ONLY).map_err(|error| DeliveryError::state(&folder, error))?;
    Ok(folder)
}

/// A place at which the process may die in a test: the one whose number is in the environment. Only in builds for tests.
fn step(place: &str) {
    #[cfg(all(debug_assertions, unix))]
    {
        use std::sync::OnceLock;
        use std::sync::atomic::{AtomicU64, Ordering};

        static DIE_AT: OnceLock<Option<u64>> = OnceLock::new();
        static STEPS: AtomicU64 = AtomicU64::new(0);
        let number = STEPS.fetch_add(1, Ordering::Relaxed) + 1;
        let die_at = DIE_AT.get_or_init(|| {
            std::env::var("AGENTFIREWALL_TEST_DIE_AT_STEP").ok().and_then(|text| text.parse().ok())
        });
        if *die_at == Some(number) {
            // As a loss of power would end it: nothing is flushed, nothing is unwound.
            let _gone =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        }
    }
    let _ = place;
}

fn lock(folder: &Path) -> Result<Option<File>, DeliveryError> {
    let path = folder.join("lock");
    let open = private(OpenOptions::new().create(true).write(true)).open(&path);
    let file = open.map_err(|error| DeliveryError::state(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(DeliveryError::state(&path, error)),
    }
}

/// A file that is created for the user alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

#[cfg(test)]
mod tests;
