//! Why the audit log cannot be written or read.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

/// The audit log failed. On the hook's path every one of these is a refusal of the call.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The path leads to a folder, a link, a pipe or a device.
    #[error("the audit log `{}` is not a regular file", path.display())]
    NotAFile {
        /// The log.
        path: PathBuf,
    },
    /// The file holds something else than audit records, so appending would destroy it.
    #[error("`{}` does not look like an audit log", path.display())]
    NotALog {
        /// The log.
        path: PathBuf,
    },
    /// Another process kept the lock for the whole time that was allowed.
    #[error("the audit log `{}` stayed locked by another process for {} ms", path.display(), waited.as_millis())]
    Locked {
        /// The log.
        path: PathBuf,
        /// How long the lock was waited for.
        waited: Duration,
    },
    /// The operating system refused.
    #[error("cannot {doing} the audit log `{}`: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The log.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A file that retention would remove has faults, so it is kept.
    #[error("`{}` or a file before it has faults, so nothing is removed", path.display())]
    Evidence {
        /// The newest file that was to be removed.
        path: PathBuf,
    },
    /// A record is too long even without its parameters.
    #[error("the audit record has {bytes} bytes without its parameters, more than a record may have")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A value has no JSON form.
    #[error("the audit record cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The system has no random numbers.
    #[error("cannot make the identifier of a new audit chain: {0}")]
    Random(#[from] getrandom::Error),
}

impl AuditError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    /// What a person can do about it, as something to type or change.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::NotAFile { path } | Self::NotALog { path } => {
                Some(format!("move `{}` away; the next call starts a new log", path.display()))
            }
            Self::Locked { .. } => Some("find the stopped agentfirewall process and end it".to_owned()),
            Self::Io { source, path, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => {
                    Some(format!("give your user read and write access to `{}`", path.display()))
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some(format!("make room on the disk that holds `{}`", path.display()))
                }
                _ => None,
            },
            Self::Evidence { .. } => Some(
                "`agentfirewall audit verify` says what is wrong; move the files away by hand".to_owned(),
            ),
            Self::TooLong { .. } | Self::Json(_) | Self::Random(_) => None,
        }
    }
}
