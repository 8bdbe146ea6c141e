//! Both locks in the form that a hook reads: the items of the installed plugins, and which stat proved which hash.
//!
//! The index is a cache in the private state. It is found by the places and the target, trusted by the stats of the
//! locks, and made anew whenever one of them changed; without a lock file it is not even looked for.
//!
//! ```text
//! magic 8 | checksum 8 | postcard
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::sha256::Sha256;
use agentfirewall_sdk::Kind;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::lock::{self, Lock, LockedPlugin, Snapshot};
use super::pins::{self, At, InstalledPlugin, Origin, Pin, lasting};
use super::{Scope, this_triple};
use crate::places::Places;
use crate::private;
use crate::stamp::{Stamp, is_racy, nanoseconds, stamp};

/// Changes with every change of the format.
const MAGIC: [u8; 8] = *b"AFWPLG02";

/// The plugins of this user on this machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Installed {
    /// The managed ones first, each scope by name.
    pub plugins: Vec<InstalledPlugin>,
    /// Changes with every change of the locks; 0 if nothing is installed. Part of the key of what is cached of the
    /// policies that name the plugins.
    pub fingerprint: u64,
}

impl Installed {
    /// One plugin.
    pub fn find(&self, name: &str) -> Option<&InstalledPlugin> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// The plugin that has an item.
    pub fn owner(&self, kind: Kind, id: &str) -> Option<&InstalledPlugin> {
        self.plugins.iter().find(|plugin| plugin.items.iter().any(|item| item.kind == kind && item.id == id))
    }
}

/// Finds what is installed. Without a lock file this costs two stats, and with a good index a third and one read.
///
/// A lock file that cannot be read, that another user could have written or that contradicts the other one is an
/// error. A library that is missing or was changed is none before it is opened.
pub fn installed(places: &Places) -> Result<Installed, StoreError> {
    let locks = locks(places);
    let mut stamps = [Stamp::default(); 2];
    for (stamp, (_, path)) in stamps.iter_mut().zip(&locks) {
        *stamp = look(path)?;
    }
    if stamps.iter().all(|stamp| !stamp.exists) {
        return Ok(Installed::default());
    }
    let place = Place::of(places);
    let known = place.read();
    let holds = |index: &Index| {
        let racy = |known: &LockState| known.stamp.exists && is_racy(&known.stamp, index.made_ns);
        index.locks.iter().zip(&stamps).all(|(known, now)| known.stamp == *now)
            && !index.locks.iter().any(racy)
    };
    match known {
        Some(index) if holds(&index) => Ok(index.open(places, place)),
        known => rebuild(places, place, &locks, known),
    }
}

fn locks(places: &Places) -> [(Scope, PathBuf); 2] {
    [(Scope::Managed, places.managed_plugins_lock()), (Scope::User, places.plugins_lock())]
}

fn store(places: &Places, scope: Scope) -> PathBuf {
    match scope {
        Scope::Managed => places.managed_plugins_store(),
        Scope::User => places.plugins_store(),
    }
}

/// The file of a library in a store.
pub(super) fn library_file(store: &Path, sha256: &str) -> PathBuf {
    store.join(format!("{sha256}.{}", std::env::consts::DLL_EXTENSION))
}

/// The stamp of a lock file, by one stat unless it is a link.
fn look(path: &Path) -> Result<Stamp, StoreError> {
    let unreadable = |error| StoreError::io("read", path, error);
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => Ok(stamp(&fs::metadata(path).map_err(unreadable)?)),
        Ok(metadata) => Ok(stamp(&metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Stamp::default()),
        Err(error) => Err(unreadable(error)),
    }
}

/// Reads the locks. What the old index knows of libraries stays known: it is about their content.
fn rebuild(
    places: &Places,
    place: Place,
    locks: &[(Scope, PathBuf); 2],
    known: Option<Index>,
) -> Result<Installed, StoreError> {
    let made_ns = nanoseconds(SystemTime::now());
    let mut states = [LockState::default(); 2];
    let mut plugins: Vec<InstalledPlugin> = Vec::new();
    let pins = known.as_ref().map(Index::pins).unwrap_or_default();
    for (state, (scope, path)) in states.iter_mut().zip(locks) {
        let Some(Snapshot { bytes, stamp }) = lock::read(path)? else { continue };
        *state = LockState { stamp, sha256: Sha256::digest(&bytes) };
        for locked in Lock::parse(path, &bytes)?.plugins {
            let plugin = plugin(&locked, *scope, &pins);
            // Both want the same content: the administrator's copy is the one that is used.
            if !is_same(&plugins, &plugin)? {
                is_free(&plugins, &plugin)?;
                plugins.push(plugin);
            }
        }
    }
    let fingerprint = if plugins.is_empty() { 0 } else { fingerprint(&states) };
    let index = Index {
        program: env!("CARGO_PKG_VERSION"),
        triple: this_triple(),
        places: Place::key(places),
        made_ns,
        locks: states,
        fingerprint,
        plugins,
    };
    // An index that is too young to be believed is rewritten only if that brings anything: not at every hook.
    let settled = !states.iter().any(|state| state.stamp.exists && is_racy(&state.stamp, made_ns));
    if settled || known.is_none_or(|known| known.locks != index.locks) {
        place.write(&index);
    }
    Ok(index.open(places, place))
}

fn plugin(locked: &LockedPlugin, scope: Scope, pins: &[(&str, Pin)]) -> InstalledPlugin {
    let library = locked.libraries.get(this_triple());
    let origin = match library {
        Some(library) => {
            let known = pins.iter().find(|(sha256, _)| *sha256 == library.sha256);
            Origin::Store(known.map(|(_, pin)| *pin))
        }
        None => Origin::Elsewhere(locked.libraries.keys().cloned().collect()),
    };
    InstalledPlugin {
        name: lasting(&locked.name),
        version: lasting(&locked.version),
        scope,
        sha256: library.map(|library| lasting(&library.sha256)),
        at: At::Unknown,
        items: pins::items(&locked.manifest),
        origin,
        index: None,
    }
}

/// Whether a plugin is there already, with the same content.
fn is_same(plugins: &[InstalledPlugin], plugin: &InstalledPlugin) -> Result<bool, StoreError> {
    match plugins.iter().find(|other| other.name == plugin.name) {
        None => Ok(false),
        Some(other) if other.sha256 == plugin.sha256 && other.items == plugin.items => Ok(true),
        Some(_) => Err(StoreError::Conflict { name: plugin.name.to_owned() }),
    }
}

fn is_free(plugins: &[InstalledPlugin], plugin: &InstalledPlugin) -> Result<(), StoreError> {
    for item in &plugin.items {
        let has = |other: &&InstalledPlugin| {
            other.items.iter().any(|taken| (taken.kind, &taken.id) == (item.kind, &item.id))
        };
        if let Some(other) = plugins.iter().find(has) {
            return Err(StoreError::Claimed {
                name: plugin.name.to_owned(),
                kind: item.kind,
                id: item.id.to_owned(),
                owner: format!("the {} plugin `{}`", other.scope.as_str(), other.name),
            });
        }
    }
    Ok(())
}

/// Over the hashes of the locks: it says that something changed, not that nothing was forged. Never 0.
fn fingerprint(states: &[LockState; 2]) -> u64 {
    private::checksum(states.map(|state| state.sha256).as_flattened()).max(1)
}

/// A lock file as it was when the index was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct LockState {
    stamp: Stamp,
    /// Of its content; zeros where there was none.
    sha256: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Index {
    program: &'static str,
    triple: &'static str,
    places: Vec<u8>,
    /// When the locks were read, in nanoseconds since 1970.
    made_ns: i128,
    /// The managed and the user's.
    locks: [LockState; 2],
    fingerprint: u64,
    plugins: Vec<InstalledPlugin>,
}

impl Index {
    fn open(self, places: &Places, place: Place) -> Installed {
        let place = Arc::new(place);
        let [managed, user] =
            [Scope::Managed, Scope::User].map(|scope| Arc::<Path>::from(store(places, scope)));
        let mut plugins = self.plugins;
        for plugin in &mut plugins {
            plugin.at = At::Store(Arc::clone(if plugin.scope == Scope::Managed { &managed } else { &user }));
            plugin.index = Some(Arc::clone(&place));
        }
        Installed { plugins, fingerprint: self.fingerprint }
    }

    fn pins(&self) -> Vec<(&'static str, Pin)> {
        let pin = |plugin: &InstalledPlugin| match (&plugin.sha256, &plugin.origin) {
            (Some(sha256), Origin::Store(Some(pin))) => Some((*sha256, *pin)),
            _ => None,
        };
        self.plugins.iter().filter_map(pin).collect()
    }
}

/// Where the index of some places is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    folder: PathBuf,
    file: PathBuf,
    key: Vec<u8>,
}

impl Place {
    pub(super) fn of(places: &Places) -> Self {
        let key = Self::key(places);
        // A collision only costs a reading of the locks.
        let hash = private::checksum(&key) ^ private::checksum(this_triple().as_bytes());
        let folder = places.cache();
        Self { file: folder.join(format!("plugins-{hash:016x}.bin")), folder, key }
    }

    /// What the index is about.
    fn key(places: &Places) -> Vec<u8> {
        let mut key = Vec::with_capacity(256);
        for path in [places.managed_plugins_lock(), places.plugins_lock(), places.plugins_store()] {
            key.extend_from_slice(path.as_os_str().as_encoded_bytes());
            key.push(0);
        }
        key
    }

    /// The index, if nobody but this user can have written it and this program did, for this machine and these places.
    fn read(&self) -> Option<Index> {
        // It is read once in a hook; who reads it again and again keeps what came of it.
        let bytes: &'static [u8] = private::read(&self.folder, &self.file)?.leak();
        let (magic, rest) = bytes.split_first_chunk::<8>()?;
        let (sum, body) = rest.split_first_chunk::<8>()?;
        if *magic != MAGIC || u64::from_le_bytes(*sum) != private::checksum(body) {
            return None;
        }
        let index: Index = postcard::from_bytes(body).ok()?;
        let fits = index.program == env!("CARGO_PKG_VERSION")
            && index.triple == this_triple()
            && index.places == self.key;
        fits.then_some(index)
    }

    fn write(&self, index: &Index) {
        let Ok(body) = postcard::to_stdvec(index) else { return };
        let mut bytes = MAGIC.to_vec();
        bytes.extend(private::checksum(&body).to_le_bytes());
        bytes.extend(body);
        private::write(&self.folder, &self.file, &bytes);
    }

    /// Notes that a library had its content under this stat, so that it is not hashed again.
    ///
    /// Another process may write the index at the same moment: whichever is lost is noted again, or the locks are
    /// read again.
    pub(super) fn note(&self, sha256: &str, pin: Pin) {
        let Some(mut index) = self.read() else { return };
        for plugin in &mut index.plugins {
            if plugin.sha256 == Some(sha256)
                && let Origin::Store(known) = &mut plugin.origin
            {
                *known = Some(pin);
            }
        }
        self.write(&index);
    }
}

#[cfg(test)]
mod tests;
