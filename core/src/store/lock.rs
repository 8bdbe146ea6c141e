//! `plugins.lock`: which plugins a person installed, and by which hash each is known on each target.
//!
//! Nothing in it belongs to one machine, so that a team can share it: where a library lies and what a stat says of it
//! is in the store and in the index. JSON, version 1:
//!
//! ```json
//! {
//!   "version": 1,
//!   "plugins": [
//!     {
//!       "name": "acme", "version": "1.2.0", "added": "2026-11-22T10:00:00Z", "from": "libacme.so",
//!       "libraries": { "x86_64-unknown-linux-gnu": { "sha256": "…64 digits…", "size": 422120 } },
//!       "trusted": { "aarch64-apple-darwin": "…64 digits…" },
//!       "manifest": { "…": "what the library says of itself" }
//!     }
//!   ]
//! }
//! ```
//!
//! `trusted` is there only if a hash was pinned for a library that is still to be added.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::Path;

use agentfirewall_sdk::{Kind, LONGEST_NAME, Manifest};
use jiff::Timestamp;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::rights::{self, Links, Writers};
use super::{Scope, is_name};
use crate::audit::is_hex;
use crate::stamp::{Stamp, stamp};

/// The format's version.
const VERSION: u64 = 1;
/// The most bytes of a lock file: hundreds of plugins with long schemas have less.
const MAX_BYTES: u64 = 16 << 20;
/// The most bytes of a plugin's version.
const MAX_VERSION: usize = 64;

/// A lock file's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u64,
    /// The plugins, by name.
    pub plugins: Vec<LockedPlugin>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { version: VERSION, plugins: Vec::new() }
    }
}

/// One installed plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LockedPlugin {
    /// Its name; see [`is_name`].
    pub name: String,
    /// Its own version.
    pub version: String,
    /// When this version was installed first (RFC 3339).
    pub added: String,
    /// The name of the file it came from, without folders.
    pub from: String,
    /// The libraries, by target triple.
    #[serde(deserialize_with = "no_duplicates")]
    pub libraries: BTreeMap<String, LockedLibrary>,
    /// The SHA-256 of libraries that may be added later, by target triple.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "no_duplicates")]
    pub trusted: BTreeMap<String, String>,
    /// What the library says of itself.
    pub manifest: Manifest,
}

/// The library of one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct LockedLibrary {
    /// The SHA-256 of its content, as 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
}

/// A lock file as it was at one moment.
pub(super) struct Snapshot {
    pub(super) bytes: Vec<u8>,
    pub(super) stamp: Stamp,
}

impl Lock {
    /// Reads a lock file; without one nothing is installed. Refuses a file that another user could have written.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        match read(path)? {
            Some(snapshot) => Self::parse(path, &snapshot.bytes),
            None => Ok(Self::default()),
        }
    }

    pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, StoreError> {
        // Asked first and alone: another version may have other fields.
        #[derive(Deserialize)]
        struct Version {
            version: Option<serde_json::Value>,
        }
        let error = |message: String| StoreError::lock(path, message);
        let not_json = |json: serde_json::Error| {
            error(format!("cannot be read: {}", json.to_string().replace('\n', " ")))
        };
        let version = serde_json::from_slice::<Version>(bytes).map_err(not_json)?.version;
        match version {
            Some(version) if version == VERSION => {}
            Some(version) => {
                let version = version.to_string();
                let short: String = version.chars().take(20).collect();
                return Err(error(format!(
                    "has version {short}, and this agentfirewall knows version {VERSION}; update agentfirewall"
                )));
            }
            None => return Err(error("has no `version`".to_owned())),
        }
        let mut lock: Self = serde_json::from_slice(bytes).map_err(not_json)?;
        lock.plugins.sort_by(|one, two| one.name.cmp(&two.name));
        lock.check().map_err(error)?;
        Ok(lock)
    }

    /// One plugin.
    pub fn find(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// Puts a plugin in, in place of one of the same name.
    pub(super) fn insert(&mut self, plugin: LockedPlugin) {
        self.plugins.retain(|other| other.name != plugin.name);
        let at = self.plugins.partition_point(|other| other.name < plugin.name);
        self.plugins.insert(at, plugin);
    }

    /// Writes the lock file in one step. If it is a link, what it leads to is replaced.
    pub(super) fn save(&self, path: &Path, scope: Scope) -> Result<(), StoreError> {
        self.check().map_err(|message| StoreError::lock(path, message))?;
        let mut bytes = serde_json::to_vec_pretty(self)
            .map_err(|error| StoreError::lock(path, format!("cannot be written: {error}")))?;
        bytes.push(b'\n');
        let (folder_mode, mode) = match scope {
            Scope::User => (0o700, 0o600),
            Scope::Managed => (0o755, 0o644),
        };
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if let Some(folder) = target.parent() {
            rights::make_folder(folder, folder_mode)?;
        }
        rights::put(&target, &bytes, mode)
    }

    fn check(&self) -> Result<(), String> {
        for pair in self.plugins.windows(2) {
            if let [first, second] = pair
                && first.name == second.name
            {
                return Err(format!("names the plugin {} twice", quoted(&first.name)));
            }
        }
        let mut items: Vec<(Kind, &str, &str)> = Vec::new();
        for plugin in &self.plugins {
            plugin
                .check()
                .map_err(|message| format!("is wrong about {}: {message}", quoted(&plugin.name)))?;
            items.extend(
                plugin.manifest.items.iter().map(|item| (item.kind, item.id.as_str(), plugin.name.as_str())),
            );
        }
        items.sort_unstable();
        for pair in items.windows(2) {
            if let [first, second] = pair
                && (first.0, first.1) == (second.0, second.1)
            {
                return Err(format!(
                    "has the {} `{}` twice, in `{}` and `{}`",
                    first.0.as_str(),
                    first.1,
                    first.2,
                    second.2
                ));
            }
        }
        Ok(())
    }
}

impl LockedPlugin {
    fn check(&self) -> Result<(), String> {
        check_manifest(&self.manifest)?;
        if self.name != self.manifest.name || self.version != self.manifest.version {
            return Err(format!(
                "its manifest is that of {} {}",
                quoted(&self.manifest.name),
                quoted(&self.manifest.version)
            ));
        }
        if self.added.parse::<Timestamp>().is_err() {
            return Err(format!("{} is no time (RFC 3339)", quoted(&self.added)));
        }
        if self.from.contains(['/', '\\']) || self.from.contains(char::is_control) {
            return Err(format!("{} is no file name", quoted(&self.from)));
        }
        let hashes = self.libraries.iter().map(|(triple, library)| (triple, &library.sha256));
        for (triple, sha256) in hashes.chain(&self.trusted) {
            if !is_triple(triple) {
                return Err(format!("{} is no target triple", quoted(triple)));
            }
            if !is_sha256(sha256) {
                return Err(format!(
                    "{} is no SHA-256 (64 hexadecimal digits in lower case)",
                    quoted(sha256)
                ));
            }
        }
        Ok(())
    }
}

/// Whether the store can hold what a library says of itself. The text goes on after the plugin's name.
pub fn check_manifest(manifest: &Manifest) -> Result<(), String> {
    const NAME: &str = "lower-case words joined by hyphens, at most 64 bytes";
    if !is_name(&manifest.name) {
        return Err(format!("has no valid name ({NAME})"));
    }
    let version = &manifest.version;
    if version.is_empty()
        || version.len() > MAX_VERSION
        || !version.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(format!("has no valid version: {}", quoted(version)));
    }
    if manifest.items.is_empty() {
        return Err("has no matcher, no detector and no sink in it".to_owned());
    }
    for (at, item) in manifest.items.iter().enumerate() {
        let kind = item.kind.as_str();
        if !is_name(&item.id) {
            return Err(format!("has a {kind} with an invalid id: {} ({NAME})", quoted(&item.id)));
        }
        let same = |other: &agentfirewall_sdk::Item| (other.kind, &other.id) == (item.kind, &item.id);
        if manifest.items.iter().take(at).any(same) {
            return Err(format!("has two {kind}s with the id `{}`", item.id));
        }
        if item.patterns {
            return Err(format!(
                "wants its matcher `{}` to serve the patterns of `tools:` and `resources:`, which no library may; \
                 register it with `matcher` instead of `patterns`",
                item.id
            ));
        }
    }
    // Listings print them: a terminal must not be told anything by them.
    let summaries = manifest.items.iter().map(|item| &item.summary).chain([&manifest.summary]);
    if summaries.into_iter().any(|summary| summary.contains(char::is_control)) {
        return Err("has a summary that is more than one line of text".to_owned());
    }
    Ok(())
}

/// A text of somebody else's in a message: short and printable.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(LONGEST_NAME).collect();
    let cut = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{cut}`", short.escape_debug())
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(is_hex)
}

/// Whether a text has the form of a target triple: words of letters, digits, `_` and `.`, joined by hyphens.
pub(super) fn is_triple(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.')
    };
    text.len() <= LONGEST_NAME && text.contains('-') && text.split('-').all(word)
}

/// Reads a lock file; `None` if there is none. Refuses one that another user could have written.
pub(super) fn read(path: &Path) -> Result<Option<Snapshot>, StoreError> {
    let Some((file, metadata)) = rights::open(path, Links::Follow)? else { return Ok(None) };
    rights::check(path, &metadata, Writers::OwnerOnly)?;
    rights::check_folder_of(path)?;
    if let Ok(target) = fs::canonicalize(path)
        && target.parent() != path.parent()
    {
        rights::check_folder_of(&target)?;
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| StoreError::io("read", path, error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(StoreError::lock(path, format!("has more than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(Some(Snapshot { bytes, stamp: stamp(&metadata) }))
}

/// A map that names nothing twice: of two hashes for one target only one could be meant.
fn no_duplicates<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, T>, D::Error> {
    struct Unique<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Unique<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object by target triple")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((triple, value)) = access.next_entry::<String, T>()? {
                if map.contains_key(&triple) {
                    return Err(de::Error::custom(format!("{} is there twice", quoted(&triple))));
                }
                map.insert(triple, value);
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Unique(std::marker::PhantomData))
}

#[cfg(test)]
mod tests;
