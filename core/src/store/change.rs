//! Installing, removing and trusting: the only code that changes a lock file or a store.
//!
//! Every change holds the store's file lock from reading `plugins.lock` to writing it, so that two commands at once do
//! not lose one another's entry. A library is in the store before the lock names it.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_sdk::{Kind, Manifest};
use jiff::Timestamp;

use super::elf::{LibraryError, LibraryFile, inspect};
use super::error::StoreError;
use super::index::library_file;
use super::lock::{Lock, LockedLibrary, LockedPlugin, check_manifest, is_sha256, is_triple, quoted};
use super::pins::sha256;
use super::rights::{self, Links, Writers};
use super::{Scope, this_triple};
use crate::audit::poll;
use crate::places::Places;

/// The most bytes of a library: one with all its debug information has less.
const MAX_LIBRARY: u64 = 512 << 20;
/// How long another command may keep the store to itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// A library that a person wants to add, read once: what is inspected here is what comes into the store.
#[derive(Debug, Clone)]
pub struct Library {
    from: String,
    bytes: Vec<u8>,
    sha256: String,
    file: LibraryFile,
}

impl Library {
    /// Reads and inspects a library. It is not loaded.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let not_a_library = |source| StoreError::Library { path: path.to_owned(), source };
        let unreadable = |error| StoreError::io("read", path, error);
        let (file, _) = rights::open(path, Links::Follow)?
            .ok_or_else(|| unreadable(std::io::ErrorKind::NotFound.into()))?;
        let mut bytes = Vec::new();
        file.take(MAX_LIBRARY + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > MAX_LIBRARY {
            return Err(not_a_library(LibraryError::TooLarge { limit: MAX_LIBRARY }));
        }
        let file = inspect(&bytes).map_err(not_a_library)?;
        let from = path.file_name().unwrap_or_default().to_string_lossy();
        let from = from.replace(|c: char| c.is_control() || c == '\\', "_");
        Ok(Self { from, sha256: sha256(&bytes), bytes, file })
    }

    /// Writes exactly what was read into a new file that only this user can read and nobody change: what a guard examines
    /// there is what [`Store::add`] adds.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        rights::put(path, &self.bytes, 0o400)
    }

    /// The SHA-256 of its content, as 64 hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// What its bytes say of it.
    pub const fn file(&self) -> &LibraryFile {
        &self.file
    }
}

/// How a library is added.
pub struct Adding<'a> {
    /// Replace another library of the same name.
    pub replace: bool,
    /// Who has an id that no library may have, such as the built-in plugins; `None` if it is free.
    pub taken: &'a dyn Fn(Kind, &str) -> Option<String>,
}

impl std::fmt::Debug for Adding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adding").field("replace", &self.replace).finish_non_exhaustive()
    }
}

/// What came of adding a library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// A plugin nobody knew here.
    New,
    /// The lock knew the plugin, and now this machine has its library.
    Completed,
    /// Another library was replaced.
    Replaced {
        /// Its version.
        version: String,
        /// The other targets whose libraries were of that version, so that the lock no longer names them.
        dropped: Vec<String>,
    },
    /// It was there already.
    Unchanged,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// What the lock said of it.
    pub plugin: LockedPlugin,
    /// How many libraries were deleted, because no entry names them any more.
    pub libraries: usize,
}

/// The lock file and the libraries of one scope, for the commands that change them.
#[derive(Debug, Clone)]
pub struct Store {
    scope: Scope,
    lock: PathBuf,
    folder: PathBuf,
    /// The lock file of the other scope, which must not contradict this one.
    other: PathBuf,
}

impl Store {
    /// The user's.
    pub fn user(places: &Places) -> Self {
        Self {
            scope: Scope::User,
            lock: places.plugins_lock(),
            folder: places.plugins_store(),
            other: places.managed_plugins_lock(),
        }
    }

    /// The administrator's, for all users of the machine.
    pub fn managed(places: &Places) -> Self {
        Self {
            scope: Scope::Managed,
            lock: places.managed_plugins_lock(),
            folder: places.managed_plugins_store(),
            other: places.plugins_lock(),
        }
    }

    /// Whose it is.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// What the lock file says.
    pub fn lock(&self) -> Result<Lock, StoreError> {
        Lock::load(&self.lock)
    }

    /// Copies a library into the store and pins its content for this machine's target.
    ///
    /// Another library of the same name is replaced only on request, or if its content was trusted in advance; a
    /// content that contradicts a trusted one is always refused, and so is an id that somebody else has.
    pub fn add(
        &self,
        library: &Library,
        manifest: &Manifest,
        adding: &Adding<'_>,
    ) -> Result<Added, StoreError> {
        check_manifest(manifest)
            .map_err(|message| StoreError::Manifest { name: printable(&manifest.name), message })?;
        let _held = self.hold()?;
        let mut lock = self.lock()?;
        self.check_claims(&lock, library, manifest, adding)?;
        let added = judge(lock.find(&manifest.name), library, manifest, adding.replace)?;
        let stored = self.put(library)?;
        if added == Added::Unchanged {
            return Ok(if stored { Added::Completed } else { Added::Unchanged });
        }
        let previous = lock.find(&manifest.name).cloned();
        lock.insert(entry(previous, library, manifest));
        lock.save(&self.lock, self.scope)?;
        self.sweep(&lock);
        Ok(added)
    }

    /// Removes a plugin from the lock, and its libraries from the store.
    pub fn remove(&self, name: &str) -> Result<Removed, StoreError> {
        let _held = self.hold()?;
        let mut lock = self.lock()?;
        let plugin = known(&lock, name)?.clone();
        lock.plugins.retain(|other| other.name != name);
        lock.save(&self.lock, self.scope)?;
        Ok(Removed { plugin, libraries: self.sweep(&lock) })
    }

    /// Says in advance which content an installed plugin may have on a target: a library with it is then added without
    /// asking, and no other one is. What is installed stays until then.
    pub fn trust(&self, name: &str, triple: &str, sha256: &str) -> Result<(), StoreError> {
        let malformed = |given: &str, what| Err(StoreError::Malformed { given: printable(given), what });
        if !is_triple(triple) {
            return malformed(triple, "target triple (such as `x86_64-unknown-linux-gnu`)");
        }
        if !is_sha256(sha256) {
            return malformed(sha256, "SHA-256 (64 hexadecimal digits in lower case)");
        }
        let _held = self.hold()?;
        let mut lock = self.lock()?;
        let mut plugin = known(&lock, name)?.clone();
        if plugin.libraries.get(triple).is_some_and(|library| library.sha256 == sha256) {
            // It is what is installed: an older wish for another one is over.
            plugin.trusted.remove(triple);
        } else {
            plugin.trusted.insert(triple.to_owned(), sha256.to_owned());
        }
        lock.insert(plugin);
        lock.save(&self.lock, self.scope)
    }

    /// Keeps other commands out until the file is closed.
    fn hold(&self) -> Result<File, StoreError> {
        let mode = match self.scope {
            Scope::User => 0o700,
            Scope::Managed => 0o755,
        };
        rights::make_folder(&self.folder, mode)?;
        let path = self.folder.join(".lock");
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
        }
        let failed = |error| StoreError::io("lock", &path, error);
        let file = options.open(&path).map_err(failed)?;
        if poll(PATIENCE, || file.try_lock()).map_err(failed)? {
            Ok(file)
        } else {
            Err(StoreError::Busy { path: self.folder.clone() })
        }
    }

    fn check_claims(
        &self,
        lock: &Lock,
        library: &Library,
        manifest: &Manifest,
        adding: &Adding<'_>,
    ) -> Result<(), StoreError> {
        let other_scope = match self.scope {
            Scope::Managed => Scope::User,
            Scope::User => Scope::Managed,
        };
        let other = Lock::load(&self.other)?;
        if let Some(plugin) = other.find(&manifest.name) {
            let same =
                plugin.libraries.get(this_triple()).is_some_and(|there| there.sha256 == library.sha256);
            if !same {
                return Err(StoreError::Conflict { name: manifest.name.clone() });
            }
        }
        let installed = lock
            .plugins
            .iter()
            .map(|plugin| (self.scope, plugin))
            .chain(other.plugins.iter().map(|plugin| (other_scope, plugin)));
        let others: Vec<_> = installed.filter(|(_, plugin)| plugin.name != manifest.name).collect();
        for item in &manifest.items {
            let has = |plugin: &LockedPlugin| {
                plugin.manifest.items.iter().any(|there| (there.kind, &there.id) == (item.kind, &item.id))
            };
            let installed = others
                .iter()
                .find(|(_, plugin)| has(plugin))
                .map(|(scope, plugin)| format!("the {} plugin `{}`", scope.as_str(), plugin.name));
            if let Some(owner) = (adding.taken)(item.kind, &item.id).or(installed) {
                return Err(StoreError::Claimed {
                    name: manifest.name.clone(),
                    kind: item.kind,
                    id: item.id.clone(),
                    owner,
                });
            }
        }
        Ok(())
    }

    /// Puts a library into the store unless it is there and whole. Says whether it had to.
    fn put(&self, library: &Library) -> Result<bool, StoreError> {
        let path = library_file(&self.folder, &library.sha256);
        if is_whole(&path, library) {
            return Ok(false);
        }
        // Nobody has a reason to change it; every user of the machine reads a managed one.
        let mode = match self.scope {
            Scope::User => 0o400,
            Scope::Managed => 0o444,
        };
        rights::put(&path, &library.bytes, mode)?;
        Ok(true)
    }

    /// Deletes what no entry names, and what an interrupted command left. The change is made already: what cannot be
    /// deleted now is deleted by the next one.
    fn sweep(&self, lock: &Lock) -> usize {
        let named = |sha256: &str| {
            let libraries =
                |plugin: &LockedPlugin| plugin.libraries.values().any(|library| library.sha256 == sha256);
            lock.plugins.iter().any(libraries)
        };
        let Ok(entries) = fs::read_dir(&self.folder) else { return 0 };
        let mut deleted = 0;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            let sha256 = name.split('.').next().unwrap_or_default();
            let is_library = is_sha256(sha256) && library_file(&self.folder, sha256) == entry.path();
            if is_library && !named(sha256) && fs::remove_file(entry.path()).is_ok() {
                deleted += 1;
            }
            if name.starts_with(rights::TEMPORARY) {
                let _next_time = fs::remove_file(entry.path());
            }
        }
        deleted
    }
}

/// Whether the library may be added, and what that would be.
fn judge(
    known: Option<&LockedPlugin>,
    library: &Library,
    manifest: &Manifest,
    replace: bool,
) -> Result<Added, StoreError> {
    let Some(known) = known else { return Ok(Added::New) };
    let triple = this_triple();
    let here = known.libraries.get(triple);
    if here.is_some_and(|here| here.sha256 == library.sha256) {
        return Ok(Added::Unchanged);
    }
    let trusted = known.trusted.get(triple);
    if let Some(expected) = trusted
        && *expected != library.sha256
    {
        return Err(StoreError::Untrusted {
            name: manifest.name.clone(),
            triple: triple.to_owned(),
            expected: expected.clone(),
            found: library.sha256.clone(),
        });
    }
    let same = is_same_version(known, manifest);
    if here.is_none() && same {
        return Ok(Added::Completed);
    }
    if !replace && trusted.is_none() {
        let elsewhere = || known.libraries.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(StoreError::Exists {
            name: manifest.name.clone(),
            version: known.version.clone(),
            installed: here.map_or_else(elsewhere, |here| here.sha256.clone()),
            other: manifest.version.clone(),
            found: library.sha256.clone(),
        });
    }
    let others = known.libraries.keys().filter(|other| *other != triple && !same);
    Ok(Added::Replaced { version: known.version.clone(), dropped: others.cloned().collect() })
}

/// The entry of the lock after a library was added. Libraries of other targets stay if they are of the same version.
fn entry(previous: Option<LockedPlugin>, library: &Library, manifest: &Manifest) -> LockedPlugin {
    let mut entry = LockedPlugin {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        added: now(),
        from: library.from.clone(),
        libraries: std::collections::BTreeMap::new(),
        trusted: std::collections::BTreeMap::new(),
        manifest: manifest.clone(),
    };
    if let Some(previous) = previous {
        if is_same_version(&previous, manifest) {
            entry.added = previous.added;
            entry.libraries = previous.libraries;
        }
        entry.trusted = previous.trusted;
    }
    let pinned = LockedLibrary { sha256: library.sha256.clone(), size: library.size() };
    entry.libraries.insert(this_triple().to_owned(), pinned);
    entry.trusted.remove(this_triple());
    entry
}

/// Whether two libraries can stand side by side in one entry, for different targets.
fn is_same_version(known: &LockedPlugin, manifest: &Manifest) -> bool {
    let ids = |manifest: &Manifest| -> Vec<(Kind, String)> {
        let mut ids: Vec<_> = manifest.items.iter().map(|item| (item.kind, item.id.clone())).collect();
        ids.sort();
        ids
    };
    known.version == manifest.version && ids(&known.manifest) == ids(manifest)
}

fn known<'l>(lock: &'l Lock, name: &str) -> Result<&'l LockedPlugin, StoreError> {
    lock.find(name).ok_or_else(|| {
        let names: Vec<_> = lock.plugins.iter().map(|plugin| format!("`{}`", plugin.name)).collect();
        let hint = if names.is_empty() { String::new() } else { format!("; there is {}", names.join(", ")) };
        StoreError::NotInstalled { name: printable(name), hint }
    })
}

fn is_whole(path: &Path, library: &Library) -> bool {
    let Ok(Some((file, metadata))) = rights::open(path, Links::Refuse) else { return false };
    if metadata.len() != library.size() || rights::check(path, &metadata, Writers::OwnerOnly).is_err() {
        return false;
    }
    let mut bytes = Vec::with_capacity(library.bytes.len());
    file.take(library.size() + 1).read_to_end(&mut bytes).is_ok() && bytes == library.bytes
}

fn now() -> String {
    let now = Timestamp::now();
    // Whole seconds: it is for people.
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

fn printable(text: &str) -> String {
    quoted(text).trim_matches('`').to_owned()
}

#[cfg(test)]
mod tests;
