//! The test plugins of `tests/fixtures`: built when first needed, damaged on request, put into a sandbox's store.

use std::collections::BTreeMap;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use agentfirewall_core::loader::{LayoutCheck, load};
use agentfirewall_core::places::Places;
use agentfirewall_core::store::{Added, Adding, Library, Store, StoreError, installed};
use agentfirewall_sdk::Manifest;
use agentfirewall_sdk::wire::{Handshake, MAGIC};

use crate::program::cargo_build;
use crate::sandbox::Sandbox;

/// The library of a package of this workspace, built on the spot in the profile the tests run in.
pub fn library(package: &str) -> PathBuf {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(path) = built.get(package) {
        return path.clone();
    }
    let folder = cargo_build(&["--package", package]);
    let path = folder.join(format!("{DLL_PREFIX}{}{DLL_SUFFIX}", package.replace('-', "_")));
    assert!(path.is_file(), "{} was not built", path.display());
    built.insert(package.to_owned(), path.clone());
    path
}

/// What a library says of itself. It is loaded into this process for the answer.
pub fn manifest(library: &Path) -> Manifest {
    let file = File::open(library).unwrap();
    let imported = load(&file, library, LayoutCheck::Full);
    imported.unwrap_or_else(|error| panic!("{}: {error}", library.display())).manifest().unwrap()
}

/// The places as the program finds them in a sandbox.
pub fn places(sandbox: &Sandbox) -> Places {
    let home = |name: &str| (name == "HOME").then(|| sandbox.home.clone().into_os_string());
    Places::discover(&home, &sandbox.project)
}

/// Puts a library into a sandbox's store under a manifest, without the examination of `agentfirewall plugins add`, which
/// many a fixture could not pass.
pub fn add(sandbox: &Sandbox, library: &Path, manifest: &Manifest) -> Result<Added, StoreError> {
    let adding = Adding { replace: false, taken: &|_, _| None };
    Store::user(&places(sandbox)).add(&Library::read(library)?, manifest, &adding)
}

/// Installs a library in a sandbox. Returns its file in the store.
pub fn install(sandbox: &Sandbox, library: &Path) -> PathBuf {
    let manifest = manifest(library);
    add(sandbox, library, &manifest).unwrap_or_else(|error| panic!("{}: {error}", library.display()));
    stored(sandbox, &manifest.name)
}

/// The file in the store of an installed plugin.
pub fn stored(sandbox: &Sandbox, name: &str) -> PathBuf {
    installed(&places(sandbox)).unwrap().find(name).unwrap().path()
}

/// A copy that says it speaks another version of the wire.
pub fn patched_abi(library: &Path, folder: &Path, major: u32, minor: u32) -> PathBuf {
    let name = format!("abi-{major}-{minor}");
    with_handshake(library, folder, &name, |handshake| {
        handshake[12..16].copy_from_slice(&major.to_ne_bytes());
        handshake[16..20].copy_from_slice(&minor.to_ne_bytes());
    })
}

/// A copy that says it aborts on a panic.
pub fn without_unwind_flag(library: &Path, folder: &Path) -> PathBuf {
    with_handshake(library, folder, "aborting", |handshake| handshake[20..24].fill(0))
}

/// A copy of its first bytes.
pub fn truncated(library: &Path, folder: &Path, bytes: usize) -> PathBuf {
    changed(library, folder, "truncated", |content| content.truncate(bytes))
}

/// A copy with zeros behind it, so that it has so many bytes.
pub fn padded(library: &Path, folder: &Path, bytes: usize) -> PathBuf {
    changed(library, folder, "padded", |content| {
        assert!(content.len() < bytes, "it has {} bytes already", content.len());
        content.resize(bytes, 0);
    })
}

/// A copy with one bit changed in its middle.
pub fn flipped_byte(library: &Path, folder: &Path) -> PathBuf {
    changed(library, folder, "flipped", |content| {
        let middle = content.len() / 2;
        content[middle] ^= 1;
    })
}

/// A copy with another handshake, which is found by its magic and its size.
fn with_handshake(library: &Path, folder: &Path, name: &str, change: impl Fn(&mut [u8])) -> PathBuf {
    let size = size_of::<Handshake>();
    let begin = [&MAGIC[..], &u32::try_from(size).unwrap().to_ne_bytes()].concat();
    changed(library, folder, name, |content| {
        let places: Vec<usize> = content
            .windows(begin.len())
            .enumerate()
            .filter(|(_, window)| *window == begin)
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty(), "{} has no handshake", library.display());
        // The compiler may have kept a copy of the constant beside the symbol.
        for at in places {
            change(&mut content[at..at + size]);
        }
    })
}

fn changed(library: &Path, folder: &Path, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut content = std::fs::read(library).unwrap();
    change(&mut content);
    let stem = library.file_stem().unwrap().to_string_lossy();
    let copy = folder.join(format!("{stem}-{name}{DLL_SUFFIX}"));
    std::fs::write(&copy, content).unwrap();
    copy
}
