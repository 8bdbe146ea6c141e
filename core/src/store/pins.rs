//! Why the library of an installed plugin may be loaded: it is the file whose content a person accepted.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::sha256::Sha256;
use agentfirewall_sdk::Manifest;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::rights::{self, Links, Writers};
use super::{InstalledItem, Scope, index, this_triple};
use crate::audit::write_hex;
use crate::stamp::{Stamp, is_racy, nanoseconds, stamp};

/// A plugin that a policy can refer to. It says what the library holds; only [`open`](Self::open) says that the
/// library may be loaded.
///
/// Its texts live as long as the process, as a library does that was loaded: a hook reads them where the index has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InstalledPlugin {
    /// Its name.
    pub name: &'static str,
    /// Its own version.
    pub version: &'static str,
    /// Who installed it.
    pub scope: Scope,
    /// The SHA-256 of the library for this machine, as 64 hexadecimal digits. `None` if the lock has none for it, and
    /// for a library that was named for one run.
    pub sha256: Option<&'static str>,
    /// What is in it.
    pub items: Vec<InstalledItem>,
    /// Where the library came from.
    pub(super) origin: Origin,
    /// The index to note in that a stat was proven.
    #[serde(skip)]
    pub(super) index: Option<Arc<index::Place>>,
    /// Where the library is.
    #[serde(skip)]
    pub(super) at: At,
}

/// Where a library is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum At {
    /// Nobody has said yet.
    #[default]
    Unknown,
    /// In this store, under its hash.
    Store(Arc<Path>),
    /// Where a person named it.
    File(PathBuf),
}

/// Why a library is believed to be what it should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Origin {
    /// The lock names its content; maybe a stat is known under which it had that content.
    Store(Option<Pin>),
    /// The lock has no library for this machine, but for these.
    Elsewhere(Vec<String>),
    /// A person named the file for one run.
    Named,
}

/// The stat of a library whose content was hashed and was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pin {
    pub(super) stamp: Stamp,
    /// When the hashing began, in nanoseconds since 1970.
    pub(super) proven_ns: i128,
}

impl InstalledPlugin {
    /// A library that a person names for one run, with what it says of itself. Its content is pinned by nothing; the
    /// file must not be one that any user of the machine can write.
    pub fn unpinned(path: &Path, manifest: &Manifest) -> Self {
        Self {
            name: lasting(&manifest.name),
            version: lasting(&manifest.version),
            scope: Scope::User,
            sha256: None,
            items: items(manifest),
            origin: Origin::Named,
            index: None,
            at: At::File(path.to_owned()),
        }
    }

    /// The library: in the store, or where it was named. It may be missing; see [`open`](Self::open).
    pub fn path(&self) -> PathBuf {
        match (&self.at, &self.sha256) {
            (At::File(path), _) => path.clone(),
            (At::Store(store), Some(sha256)) => index::library_file(store, sha256),
            (At::Store(store), None) => store.to_path_buf(),
            (At::Unknown, _) => PathBuf::new(),
        }
    }

    /// Whether a person named the library for one run, so that nothing pins its content.
    pub const fn is_unpinned(&self) -> bool {
        matches!(self.origin, Origin::Named)
    }

    /// Opens the library if it may be loaded: what is read from this file, and from no path, is what was accepted.
    ///
    /// The file and its folder must be writable by nobody but their owner, who is this user or root; the content must
    /// have the hash of the lock. It is hashed only if the file is not the one that was hashed before.
    pub fn open(&self) -> Result<File, StoreError> {
        let pin = match &self.origin {
            Origin::Named => return self.open_named(),
            Origin::Elsewhere(triples) => return Err(self.not_for_this_machine(triples)),
            Origin::Store(pin) => pin,
        };
        let Some(expected) = &self.sha256 else { return Err(self.not_for_this_machine(&[])) };
        let path = self.path();
        let Some((mut file, metadata)) = rights::open(&path, Links::Refuse)? else {
            return Err(self.missing(expected));
        };
        rights::check_folder_of(&path)?;
        rights::check(&path, &metadata, Writers::OwnerOnly)?;
        let now = stamp(&metadata);
        if pin.is_some_and(|pin| pin.stamp == now && !is_racy(&now, pin.proven_ns)) {
            return Ok(file);
        }
        let pin = self.prove(&mut file, &metadata, expected)?;
        if let Some(place) = &self.index
            && !is_racy(&pin.stamp, pin.proven_ns)
        {
            place.note(expected, pin);
        }
        Ok(file)
    }

    fn open_named(&self) -> Result<File, StoreError> {
        let path = self.path();
        let (file, metadata) = rights::open(&path, Links::Follow)?
            .ok_or_else(|| StoreError::io("open", &path, std::io::ErrorKind::NotFound.into()))?;
        rights::check(&path, &metadata, Writers::Group)?;
        Ok(file)
    }

    fn prove(&self, file: &mut File, metadata: &Metadata, expected: &str) -> Result<Pin, StoreError> {
        let pin = Pin { stamp: stamp(metadata), proven_ns: nanoseconds(SystemTime::now()) };
        let found = hash(file).map_err(|error| StoreError::io("read", &self.path(), error))?;
        if found != *expected {
            return Err(StoreError::Changed {
                name: self.name.to_owned(),
                expected: expected.to_owned(),
                found,
            });
        }
        Ok(pin)
    }

    fn missing(&self, expected: &str) -> StoreError {
        StoreError::Missing { name: self.name.to_owned(), path: self.path(), expected: expected.to_owned() }
    }

    fn not_for_this_machine(&self, triples: &[String]) -> StoreError {
        let pinned = if triples.is_empty() { "no machine".to_owned() } else { triples.join(", ") };
        StoreError::NotForThisMachine { name: self.name.to_owned(), pinned, triple: this_triple() }
    }
}

/// What a hook has to know of a library's items.
pub(super) fn items(manifest: &Manifest) -> Vec<InstalledItem> {
    let item = |item: &agentfirewall_sdk::Item| InstalledItem {
        kind: item.kind,
        id: lasting(&item.id),
        keywords: item.keywords.iter().map(|keyword| lasting(keyword)).collect(),
    };
    manifest.items.iter().map(item).collect()
}

/// A text for the rest of the process.
pub(super) fn lasting(text: &str) -> &'static str {
    text.to_owned().leak()
}

/// The SHA-256 of a file from its beginning, where it stands again afterwards.
fn hash(file: &mut File) -> std::io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hasher.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(hex(&hasher.finalize()))
}

/// The SHA-256 of bytes, as 64 hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(hash: &[u8]) -> String {
    let mut digits = vec![0; hash.len() * 2];
    write_hex(hash, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests;
