//! The compiled policy between two hooks: found by the sources' paths, trusted by their stat, proven by their content.
//!
//! The common hook reads no policy file: three stats say that nothing changed. A file changed so shortly before the
//! compilation that a second change could have left the same stat (the clock of a file system is coarse) is compared
//! by its content. A cache that cannot be trusted is ignored; a cache that cannot be written is no fault of the policy.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::sha256::Sha256;

use super::compile::{self, VERSION, compile};
use super::compiled::{Compiled, Head, LayerSource};
use super::detection::MAX_IMPORT;
use super::diagnostic::PolicyError;
use super::layers::{self, LayerKind, Source};
use crate::places::Places;
use crate::private;
use crate::registry::Registry;
use crate::stamp::{Stamp, is_racy, nanoseconds, stamp};

/// The policies that apply, compiled; from the cache if it still holds.
pub fn load(places: &Places, registry: &Registry) -> Result<Compiled, PolicyError> {
    let now = nanoseconds(SystemTime::now());
    let paths = layers::paths(places);
    let file = cache_file(places, &paths);
    if let Some(cached) = private::read(&places.cache(), &file)
        && let Ok(compiled) = Compiled::open(cached, Some(file.clone()))
        && let Some(state) = compare(&compiled, &paths, registry)?
    {
        match state {
            State::Fresh => return Ok(compiled),
            State::Restamp(sources) => {
                if let Some(bytes) = restamped(&compiled, sources, now) {
                    private::write(&places.cache(), &file, &bytes);
                }
                return Ok(compiled);
            }
            State::Racy => return Ok(compiled),
        }
    }
    let snapshot = Snapshot::take(&paths)?;
    let bytes = compile(&snapshot.sources, &snapshot.stamps(&paths), now, registry)?;
    let compiled = Compiled::open(bytes, Some(file.clone()))?;
    private::write(&places.cache(), &file, compiled.bytes());
    Ok(compiled)
}

/// What the sources are compared with what they were.
enum State {
    /// Nothing changed, by stat.
    Fresh,
    /// Nothing changed, by content, and it is too early to trust the stat.
    Racy,
    /// Nothing changed, by content: these are the new stamps.
    Restamp(Vec<(Stamp, [u8; 32])>),
}

/// Compares the cached sources with the files. `None` if the policy has to be compiled anew.
fn compare(
    compiled: &Compiled,
    paths: &[(LayerKind, PathBuf); 3],
    registry: &Registry,
) -> Result<Option<State>, PolicyError> {
    let head = compiled.head()?;
    let same_build = head.version == VERSION && head.fingerprint == compile::fingerprint(registry);
    let same_paths = head.sources.len() >= paths.len()
        && head.sources.iter().zip(paths).all(|(source, (kind, path))| {
            source.kind == *kind && source.path == path.as_os_str().as_encoded_bytes()
        });
    if !same_build || !same_paths {
        return Ok(None);
    }
    let mut fresh = true;
    let mut stamps = Vec::with_capacity(paths.len());
    for source in &head.sources {
        let Some(path) = path(source.path) else { return Ok(None) };
        let stamp = layers::stat(path, source.kind)?.as_ref().map(stamp).unwrap_or_default();
        if stamp.exists != source.stamp.exists {
            return Ok(None);
        }
        if stamp.exists && (stamp != source.stamp || is_racy(&stamp, head.made_ns)) {
            fresh = false;
        }
        stamps.push((stamp, source.sha256));
    }
    if fresh {
        return Ok(Some(State::Fresh));
    }
    same_content(&head, paths)
}

/// A path that was stored. `None` where it has no such form any more.
#[cfg(unix)]
fn path(bytes: &[u8]) -> Option<&Path> {
    use std::os::unix::ffi::OsStrExt;

    Some(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// A path that was stored. `None` where it has no such form any more.
#[cfg(not(unix))]
fn path(bytes: &[u8]) -> Option<&Path> {
    std::str::from_utf8(bytes).ok().map(Path::new)
}

/// The slow comparison: reads the files.
fn same_content(head: &Head<'_>, paths: &[(LayerKind, PathBuf); 3]) -> Result<Option<State>, PolicyError> {
    let now = nanoseconds(SystemTime::now());
    let mut snapshot = Snapshot::take(paths)?;
    for source in head.sources.iter().skip(paths.len()) {
        let Some(path) = path(source.path) else { return Ok(None) };
        snapshot.stamps.push(match layers::read_up_to(path, source.kind, MAX_IMPORT)? {
            None => (Stamp::default(), [0; 32]),
            Some(file) => (stamp(&file.metadata), Sha256::digest(&file.text)),
        });
    }
    let same = head
        .sources
        .iter()
        .zip(&snapshot.stamps)
        .all(|(source, (stamp, sha256))| source.stamp.exists == stamp.exists && source.sha256 == *sha256);
    if !same {
        return Ok(None);
    }
    // Stamps that are racy again would only be written at every hook.
    let settled = snapshot.stamps.iter().all(|(stamp, _)| !stamp.exists || !is_racy(stamp, now));
    Ok(Some(if settled { State::Restamp(snapshot.stamps) } else { State::Racy }))
}

/// The policy files at one moment.
struct Snapshot {
    sources: Vec<Source>,
    stamps: Vec<(Stamp, [u8; 32])>,
}

impl Snapshot {
    fn take(paths: &[(LayerKind, PathBuf); 3]) -> Result<Self, PolicyError> {
        let mut snapshot = Self { sources: Vec::new(), stamps: Vec::new() };
        for (kind, path) in paths {
            match layers::read(path, *kind)? {
                None => snapshot.stamps.push((Stamp::default(), [0; 32])),
                Some(file) => {
                    let sha256 = Sha256::digest(&file.text);
                    snapshot.stamps.push((stamp(&file.metadata), sha256));
                    snapshot.sources.push(Source { kind: *kind, path: path.clone(), text: file.text });
                }
            }
        }
        snapshot.sources.extend(layers::embedded_beside(&snapshot.sources));
        Ok(snapshot)
    }

    fn stamps<'p>(&self, paths: &'p [(LayerKind, PathBuf); 3]) -> Vec<LayerSource<'p>> {
        paths
            .iter()
            .zip(&self.stamps)
            .map(|((kind, path), (stamp, sha256))| LayerSource {
                kind: *kind,
                path: path.as_os_str().as_encoded_bytes(),
                stamp: *stamp,
                sha256: *sha256,
            })
            .collect()
    }
}

fn restamped(compiled: &Compiled, stamps: Vec<(Stamp, [u8; 32])>, made_ns: i128) -> Option<Vec<u8>> {
    let mut head = compiled.head().ok()?;
    for (source, (stamp, sha256)) in head.sources.iter_mut().zip(stamps) {
        source.stamp = stamp;
        source.sha256 = sha256;
    }
    head.made_ns = made_ns;
    Compiled::assemble(&head, compiled.body()).ok()
}

/// One file for each set of paths. The name is short; the paths inside say whether it is the right one.
fn cache_file(places: &Places, paths: &[(LayerKind, PathBuf); 3]) -> PathBuf {
    // FNV-1a: a collision only costs a compilation.
    let hash = paths
        .iter()
        .flat_map(|(_, path)| path.as_os_str().as_encoded_bytes().iter().chain(&[0]))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    places.cache().join(format!("policy-{hash:016x}.bin"))
}
