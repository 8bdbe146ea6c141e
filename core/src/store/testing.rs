//! What the tests of the store share: a place of its own, and libraries written byte by byte.

use std::path::{Path, PathBuf};

use agentfirewall_sdk::Manifest;
use agentfirewall_sdk::wire::HANDSHAKE_SYMBOL;
use serde_json::json;
use tempfile::TempDir;

use super::{Added, Adding, Library, Store, StoreError};
use crate::places::Places;

/// A machine with one user, and nothing installed.
pub(super) struct Machine {
    pub(super) places: Places,
    root: TempDir,
}

impl Machine {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let places = Places::inside(root.path());
        Self { places, root }
    }

    pub(super) fn user(&self) -> Store {
        Store::user(&self.places)
    }

    /// Writes a library that differs from others by its content's mark.
    pub(super) fn library(&self, mark: &str) -> PathBuf {
        self.file(&format!("lib{mark}.so"), &Elf { mark, ..Elf::default() }.bytes())
    }

    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.root.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Adds a plugin with one detector of the same name.
    pub(super) fn add(&self, name: &str, version: &str, mark: &str) -> Result<Added, StoreError> {
        add(&self.user(), &self.library(mark), &manifest(name, version, &[("detector", name)]), false)
    }

    /// The library of the only plugin that is in the store.
    pub(super) fn stored(&self) -> PathBuf {
        let libraries = libraries(&self.places.plugins_store());
        assert_eq!(libraries.len(), 1, "{libraries:?}");
        libraries[0].clone()
    }
}

pub(super) fn libraries(store: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some());
    paths.sort();
    paths
}

pub(super) fn add(
    store: &Store,
    library: &Path,
    manifest: &Manifest,
    replace: bool,
) -> Result<Added, StoreError> {
    store.add(&Library::read(library)?, manifest, &Adding { replace, taken: &|_, _| None })
}

pub(super) fn manifest(name: &str, version: &str, items: &[(&str, &str)]) -> Manifest {
    let item = |(kind, id): &(&str, &str)| {
        json!({
            "kind": kind, "id": id, "summary": format!("a {kind}"), "why": "for tests", "keywords": ["key"],
            "schema": {"type": "object", "additionalProperties": false}
        })
    };
    let items: Vec<_> = items.iter().map(item).collect();
    serde_json::from_value(json!({"name": name, "version": version, "summary": "a test", "items": items}))
        .unwrap()
}

#[cfg(unix)]
pub(super) fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
pub(super) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A minimal shared library: header, two segments, dynamic symbols, needed versions, sections.
pub(super) struct Elf<'a> {
    pub(super) machine: u16,
    pub(super) kind: u16,
    pub(super) symbol: &'a str,
    /// Whether the symbol is defined in it or only used.
    pub(super) defined: bool,
    pub(super) needs: &'a [&'a str],
    pub(super) mark: &'a str,
}

impl Default for Elf<'_> {
    fn default() -> Self {
        let machine = match std::env::consts::ARCH {
            "x86_64" => 62,
            "aarch64" => 183,
            "riscv64" => 243,
            _ => 0,
        };
        let needs = &["GLIBC_2.2.5", "GLIBC_2.14"];
        Self { machine, kind: 3, symbol: HANDSHAKE_SYMBOL, defined: true, needs, mark: "" }
    }
}

impl Elf<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        const HEADERS: usize = 64 + 2 * 56;
        let mut strings = b"\0libc.so.6\0".to_vec();
        let mut string = |text: &str| {
            let at = u32::try_from(strings.len()).unwrap();
            strings.extend(text.bytes().chain([0]));
            at
        };
        let symbol = string(self.symbol);
        let needs: Vec<u32> = self.needs.iter().map(|need| string(need)).collect();
        string(self.mark);
        let align = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(8), 0);
        let mut body = strings.clone();
        align(&mut body);

        let symbols_at = body.len();
        body.extend([0; 24]);
        body.extend(symbol.to_ne_bytes());
        // Global object, default visibility; any section that exists.
        body.extend([0x11, 0]);
        body.extend(u16::from(self.defined).to_ne_bytes());
        body.extend([0; 16]);

        let needs_at = body.len();
        if !needs.is_empty() {
            for short in [1_u16, u16::try_from(needs.len()).unwrap()] {
                body.extend(short.to_ne_bytes());
            }
            for word in [1_u32, 16, 0] {
                body.extend(word.to_ne_bytes());
            }
            for (index, name) in needs.iter().enumerate() {
                body.extend(0_u32.to_ne_bytes());
                body.extend(0_u16.to_ne_bytes());
                body.extend(u16::try_from(index + 2).unwrap().to_ne_bytes());
                body.extend(name.to_ne_bytes());
                let next: u32 = if index + 1 == needs.len() { 0 } else { 16 };
                body.extend(next.to_ne_bytes());
            }
        }
        let dynamic_at = body.len();
        body.extend([0; 16]);
        let sections_at = HEADERS + body.len();

        let mut file = vec![0x7f, b'E', b'L', b'F', 2, if cfg!(target_endian = "big") { 2 } else { 1 }, 1];
        file.resize(16, 0);
        let short = |file: &mut Vec<u8>, value: u16| file.extend(value.to_ne_bytes());
        let word = |file: &mut Vec<u8>, value: u32| file.extend(value.to_ne_bytes());
        let long = |file: &mut Vec<u8>, value: usize| file.extend((value as u64).to_ne_bytes());
        short(&mut file, self.kind);
        short(&mut file, self.machine);
        word(&mut file, 1);
        for value in [0, 64, sections_at] {
            long(&mut file, value);
        }
        word(&mut file, 0);
        for value in [64, 56, 2, 64, 4, 1] {
            short(&mut file, value);
        }
        for (kind, at, size) in [(1, 0, sections_at), (2, HEADERS + dynamic_at, 16)] {
            word(&mut file, kind);
            word(&mut file, 4);
            for value in [at, at, at, size, size, 8] {
                long(&mut file, value);
            }
        }
        file.extend(&body);
        let needs_size = dynamic_at - needs_at;
        let sections = [
            (0, 0, 0, 0, 0),
            (3, 0, strings.len(), 0, 0),
            (11, symbols_at, 48, 1, 24),
            (if needs.is_empty() { 0 } else { 0x6fff_fffe }, needs_at, needs_size, 1, 0),
        ];
        for (kind, at, size, link, entry) in sections {
            word(&mut file, 0);
            word(&mut file, kind);
            for value in [0, 0, HEADERS + at, size] {
                long(&mut file, value);
            }
            word(&mut file, link);
            word(&mut file, 1);
            for value in [8, entry] {
                long(&mut file, value);
            }
        }
        file
    }
}
