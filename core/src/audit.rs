//! The audit log: one JSON object a line, chained by SHA-256, appended in the same time however long the log is.
//!
//! # Format, version 1
//!
//! The last member of every line is `_hash`, the lower-case hexadecimal SHA-256 of the previous line's `_hash` (64
//! ASCII bytes) followed by the exact bytes of the line without `,"_hash":"..."`. Before the first line stands the
//! SHA-256 of `genesis`. The Python original used the same formula, so its logs are read and verified by the same code,
//! and records appended to one of them continue its chain.
//!
//! The members of a record, in this order; those that would be empty are left out:
//!
//! | member | meaning |
//! |---|---|
//! | `v` | 1 |
//! | `timestamp` | RFC 3339 in UTC with microseconds |
//! | `event_type` | see [`EventType`] |
//! | `chain` | 128 random bits in hexadecimal, made with the log's first record of this version |
//! | `seq` | the record's number in its chain, from 1 |
//! | `prev` | the `_hash` of the line before |
//! | `tool_name`, `action_taken` | the call and the answer |
//! | `rule` | `layer`, `name` and `line` of the rule that decided |
//! | `reason`, `suggestion` | the answer's words |
//! | `would` | what would have happened without monitor mode |
//! | `violations` | `detector`, `pointer`, `severity`, `confidence` of every secret found |
//! | `parameters` | the call's parameters, masked; `{"omitted": BYTES}` where the record would pass [`MAX_RECORD`] |
//! | `session_id`, `call_id`, `agent`, `subagent`, `mode`, `project` | where the call comes from |
//! | `metadata` | anything else, an object |
//! | `_hash` | see above |
//!
//! Control characters and characters that hide or reorder text are always written as `\uXXXX`: printing the log raw
//! cannot drive a terminal.
//!
//! A `recovery` record says that bytes after the last whole record were removed (a process died or the disk filled
//! up while writing): `metadata` has `removed_bytes`, `removed_sha256` and, where there was one, `last_good_seq`.
//!
//! A later file of the log begins with a record of the type `segment` that keeps `chain`, goes on with `seq`, has the
//! former file's last `_hash` as its `prev`, and names that file, its bytes and its last record in `metadata`. A
//! `retention` record keeps what is needed to verify the rest after old files were removed; a `key` record names the
//! public key that signs from then on.
//!
//! # What it proves
//!
//! Verification finds every changed, removed, repeated or reordered record. It cannot find that the newest records
//! were cut off, or that everything was rewritten: whoever can write the file can do that. Each record carries `chain`,
//! `seq` and its hash, so that any sink outside the machine is an anchor against both; a signed [`Checkpoint`] is another.

mod append;
mod backwards;
mod checkpoint;
mod entry;
mod error;
mod follow;
mod hash;
mod index;
mod keys;
mod line;
mod lines;
pub mod merkle;
mod moment;
pub mod note;
mod query;
mod retention;
mod segment;
mod verify;
mod view;

pub(crate) use append::poll;
pub use append::{Appended, Appender, append, append_rotating};
pub(crate) use backwards::Backwards;
pub use checkpoint::{
    Checkpoint, CheckpointError, Shown, prove_consistency, prove_inclusion, tree_of, verify_inclusion,
};
pub use entry::{Entry, EventType};
pub use error::AuditError;
pub use follow::Follow;
pub(crate) use follow::Onward;
pub use hash::{Hash, sha256_base64};
pub(crate) use hash::{is_hex, write_hex};
pub use keys::{KeyError, KeyRing, KnownKey};
pub(crate) use line::split as split_sealed;
pub use line::{MAX_RECORD, is_hidden};
pub(crate) use lines::Next;
pub use query::{Filter, Found, find, find_indexed, scan};
pub use retention::{Awaited, Holds, Lost, Pruned, Removed, Retention, Span, prune, prune_held};
pub(crate) use segment::open_written;
pub use segment::{Rotation, Segment, segments};
pub use verify::{
    ChainTree, Checks, Collected, CollectedChain, CollectedFault, CollectedReport, Copies, Fault, FaultKind,
    Recovered, Report, verify, verify_with,
};
pub use view::{RuleView, View};

use std::fs::{File, OpenOptions};
use std::path::Path;

/// The longest line that is held in memory. The original did not limit its records, hence far above [`MAX_RECORD`].
pub(crate) const MAX_LINE: usize = 64 << 20;

/// Opens a log for reading: a regular file, never a pipe that would block or a link to somewhere else.
pub(crate) fn open_for_reading(log: &Path) -> Result<File, AuditError> {
    let mut options = OpenOptions::new();
    options.read(true);
    open(log, &mut options, 0)
}

/// Opens the log without following a link and without blocking on a pipe, and refuses what is not a regular file.
fn open(log: &Path, options: &mut OpenOptions, extra_flags: i32) -> Result<File, AuditError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | extra_flags);
    }
    #[cfg(not(unix))]
    {
        let _ = extra_flags;
        if log.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(AuditError::NotAFile { path: log.to_owned() });
        }
    }
    let file = options.open(log).map_err(|error| {
        if log.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
            AuditError::NotAFile { path: log.to_owned() }
        } else {
            AuditError::io("open", log, error)
        }
    })?;
    let metadata = file.metadata().map_err(|error| AuditError::io("read", log, error))?;
    if metadata.is_file() { Ok(file) } else { Err(AuditError::NotAFile { path: log.to_owned() }) }
}

/// The length of the log at a moment at which nobody is in the middle of writing a record. A writer that hangs is not
/// waited for longer than two seconds: then the length is what it is.
pub(crate) fn settled_length(file: &File, log: &Path) -> Result<u64, AuditError> {
    let locked = append::poll(std::time::Duration::from_secs(2), || file.try_lock_shared());
    let length = file.metadata().map_err(|error| AuditError::io("read", log, error))?.len();
    if matches!(locked, Ok(true)) {
        // Closing the file releases the lock too; a failure here costs a writer some milliseconds.
        let _released = file.unlock();
    }
    Ok(length)
}

/// Whether two descriptions are of one file.
#[cfg(unix)]
pub(crate) fn same_file(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    one.dev() == other.dev() && one.ino() == other.ino()
}

/// Whether two descriptions are of one file: the platform does not say, so a replaced log is not noticed.
#[cfg(not(unix))]
pub(crate) fn same_file(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    true
}
