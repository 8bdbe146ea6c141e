//! What a stat says of a file between two runs, and when it cannot be believed.
//!
//! A file that is still what its stamp says need not be read again. The clock of a file system is coarse: a file that
//! changed shortly before it was looked at can change once more and keep its stamp.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How long before the look a change may lie so that another one could hide behind the same stamp: the coarsest clock
/// of a file system in use (FAT) ticks every two seconds.
const RACY_NS: i128 = 2_000_000_000;

/// A file as it was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stamp {
    /// Whether the file existed. Everything else is zero if not.
    pub exists: bool,
    /// The device.
    pub dev: u64,
    /// The inode.
    pub ino: u64,
    /// The size in bytes.
    pub size: u64,
    /// The last change of the content, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// The last change of the inode, in nanoseconds since 1970.
    pub ctime_ns: i128,
}

/// Whether a file could have changed after the look of `made_ns` and still have this stamp.
pub(crate) const fn is_racy(stamp: &Stamp, made_ns: i128) -> bool {
    stamp.mtime_ns.saturating_add(RACY_NS) >= made_ns || stamp.ctime_ns.saturating_add(RACY_NS) >= made_ns
}

/// The stamp of a file that exists.
#[cfg(unix)]
pub(crate) fn stamp(metadata: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;

    let time = |seconds: i64, nanoseconds: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    Stamp {
        exists: true,
        dev: metadata.dev(),
        ino: metadata.ino(),
        size: metadata.size(),
        mtime_ns: time(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: time(metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// The stamp of a file that exists.
#[cfg(not(unix))]
pub(crate) fn stamp(metadata: &Metadata) -> Stamp {
    let time = metadata.modified().map(nanoseconds).unwrap_or(i128::MAX / 2);
    Stamp { exists: true, dev: 0, ino: 0, size: metadata.len(), mtime_ns: time, ctime_ns: time }
}

/// A moment in nanoseconds since 1970.
pub(crate) fn nanoseconds(time: SystemTime) -> i128 {
    let whole = |nanoseconds: u128| i128::try_from(nanoseconds).unwrap_or(i128::MAX / 2);
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => whole(after.as_nanos()),
        Err(before) => -whole(before.duration().as_nanos()),
    }
}
