//! The records of installations, in the firewall's private state: what `uninstall` takes back.

use std::io;
use std::path::{Path, PathBuf};

use agentfirewall_core::claude_settings::Record;
use agentfirewall_core::places::Places;
use agentfirewall_core::private::{OWNER_ONLY, create_folder};

use super::write::{Expected, replace};

/// The folder of the records.
#[derive(Debug)]
pub(crate) struct Records {
    folder: PathBuf,
}

impl Records {
    /// The records of these places.
    pub fn of(places: &Places) -> Self {
        Self { folder: places.state.join("settings") }
    }

    fn path(&self, settings: &Path) -> PathBuf {
        self.folder.join(Record::file_name(settings))
    }

    /// The record of a settings file. One that cannot be understood counts as none: then our entries are found by what
    /// they are.
    pub fn load(&self, settings: &Path) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(self.path(settings)).ok()?).ok()
    }

    /// Keeps a record.
    pub fn save(&self, settings: &Path, record: &Record) -> io::Result<()> {
        create_folder(&self.folder, OWNER_ONLY)?;
        replace(&self.path(settings), &serde_json::to_vec(record)?, Expected::Anything, 0o600)
    }

    /// Forgets a record.
    pub fn forget(&self, settings: &Path) -> io::Result<()> {
        match std::fs::remove_file(self.path(settings)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
