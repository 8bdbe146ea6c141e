//! How far a sink is: a small file that is replaced as a whole.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::DeliveryError;
use crate::audit::Hash;

/// A sink's place in the log, as its file holds it (JSON).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The offset after the last line that is dealt with.
    pub(super) offset: u64,
    /// That line's hash, by which a replaced log is noticed; empty at the beginning of a log.
    pub(super) hash: String,
    /// How many runs in a row failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) failures: u32,
    /// Until when the sink is left alone, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<i64>,
    /// Why the last run failed, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// What was told of a window, where floods are summed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<Window>,
}

/// A stretch of time in which only so many events are told one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// When it began, in milliseconds since 1970.
    pub(super) begun: i64,
    /// How many events were told.
    pub(super) told: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Cursor {
    /// The same sink after one more line.
    pub(super) fn after(&self, offset: u64, hash: &Hash) -> Self {
        Self { offset, hash: hash.as_str().to_owned(), window: self.window, ..Self::default() }
    }

    /// Reads a cursor; `None` if there is none. One that cannot be understood counts as none: the sink then gets the
    /// recent records again.
    pub(super) fn load(file: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(file) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the cursor of a sink in a log's folder.
    pub(super) fn of(folder: &Path, sink: &str) -> Result<Option<Self>, DeliveryError> {
        let file = file_of(folder, sink, "cursor");
        Self::load(&file).map_err(|error| DeliveryError::state(&file, error))
    }

    /// Replaces the file at once, so that a crash leaves the old or the new one.
    pub(super) fn store(&self, file: &Path) -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        // Temporary files are the user's alone.
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(&serde_json::to_vec(self)?)?;
        temporary.persist(file).map_err(|error| error.error)?;
        Ok(())
    }
}

/// A file of a sink. Names are the policy author's: what cannot stand in a file name is written as `%XX`.
pub(super) fn file_of(folder: &Path, sink: &str, suffix: &str) -> PathBuf {
    let mut name = String::new();
    for byte in sink.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            name.push(char::from(byte));
        } else {
            let _infallible = write!(name, "%{byte:02X}");
        }
    }
    folder.join(format!("{name}.{suffix}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_folder_and_apart() {
        let folder = Path::new("/state");
        let name = |sink| file_of(folder, sink, "cursor").file_name().unwrap().to_owned();
        assert_eq!(name("team-slack_1"), "team-slack_1.cursor");
        assert_eq!(name("../x"), "%2E%2E%2Fx.cursor");
        assert_ne!(name("a b"), name("a%20b"));
    }

    #[test]
    fn comes_back_as_it_was_stored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.cursor");
        assert_eq!(Cursor::load(&file).unwrap(), None);
        let cursor =
            Cursor { offset: 9, hash: "ab".to_owned(), failures: 2, until: Some(7), ..Cursor::default() };
        cursor.store(&file).unwrap();
        assert_eq!(Cursor::load(&file).unwrap(), Some(cursor));
        std::fs::write(&file, "broken").unwrap();
        assert_eq!(Cursor::load(&file).unwrap(), None);
    }
}
