//! The key of the tags that stand for secrets.

use std::fmt;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::path::Path;

use crate::sha256::Sha256;

use crate::private::{OWNER_ONLY, create_folder};

/// The key's file in the private state folder.
const FILE: &str = "salt";
/// The key's length in bytes.
const LENGTH: usize = 32;
/// The block length of SHA-256, which HMAC (RFC 2104) pads its key to.
const BLOCK: usize = 64;

/// A random key, one for each installation. With it equal secrets get equal tags; without it nobody can try out which
/// secret a tag stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Salt([u8; LENGTH]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(..)")
    }
}

impl Salt {
    /// A key for this process alone.
    pub fn random() -> Self {
        // `RandomState` is seeded by the operating system too: it stands in where there is no such device.
        let mut digest = Sha256::new();
        let mut device = [0; LENGTH];
        let read = fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut device));
        if read.is_ok() {
            digest.update(device);
        }
        for number in 0..4_u64 {
            let mut hasher = RandomState::new().build_hasher();
            hasher.write_u64(number);
            digest.update(hasher.finish().to_le_bytes());
        }
        Self(digest.finalize())
    }

    /// The installation's key, made on first use. Where it cannot be kept (a read-only home, a full disk) the process
    /// gets a key of its own: tags then differ from run to run, and nothing else changes.
    pub fn load_or_create(state_dir: &Path) -> Self {
        Self::stored(state_dir).unwrap_or_else(|_| Self::random())
    }

    fn stored(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(FILE);
        let mut damaged = false;
        match fs::read(&path) {
            Ok(bytes) => match <[u8; LENGTH]>::try_from(bytes) {
                Ok(key) => return Ok(Self(key)),
                Err(_) => damaged = true,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_folder(state_dir, OWNER_ONLY)?,
            Err(error) => return Err(error),
        }
        let salt = Self::random();
        // The file appears under its name complete and readable by its owner alone, or not at all.
        let mut file = tempfile::Builder::new().prefix(".salt").tempfile_in(state_dir)?;
        file.write_all(&salt.0)?;
        let kept = if damaged { file.persist(&path) } else { file.persist_noclobber(&path) };
        match kept {
            Ok(_) => Ok(salt),
            // Another process was faster: its key counts.
            Err(lost) if lost.error.kind() == io::ErrorKind::AlreadyExists => {
                <[u8; LENGTH]>::try_from(fs::read(&path)?)
                    .map(Self)
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the key has the wrong length"))
            }
            Err(lost) => Err(lost.error),
        }
    }

    /// Sixteen hexadecimal digits that are the same for the same secret and say nothing else about it: the start of
    /// its HMAC-SHA-256 under this key.
    pub fn fingerprint(&self, secret: &str) -> String {
        let pad = |byte: u8| {
            let mut block = [byte; BLOCK];
            for (padded, key) in block.iter_mut().zip(self.0) {
                *padded ^= key;
            }
            block
        };
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(secret).finalize();
        let outer = Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize();
        hex(&outer, 8)
    }

    /// What stands in the place of a secret: `[secret:github-token#1f9c]`.
    pub fn tag(&self, detector: &str, secret: &str) -> String {
        let digits: String = self.fingerprint(secret).chars().take(4).collect();
        format!("[secret:{detector}#{digits}]")
    }
}

/// The first bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8], count: usize) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().take(count).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_hmac_sha_256() {
        // RFC 4231, test case 2 has a shorter key; HMAC pads it with zeros, and so does this.
        let mut key = [0; LENGTH];
        key[..4].copy_from_slice(b"Jefe");
        assert_eq!(Salt(key).fingerprint("what do ya want for nothing?"), "5bdcc146bf60754e");
    }

    #[test]
    fn one_key_for_all_processes_that_start_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("deep/state");
        let salts: Vec<Salt> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..8).map(|_| scope.spawn(|| Salt::load_or_create(&state))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(salts.iter().all(|salt| *salt == salts[0]));
        assert_eq!(Salt::load_or_create(&state), salts[0]);
        assert_ne!(Salt::random(), Salt::random());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_private_and_a_damaged_one_is_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), b"short").unwrap();
        let salt = Salt::load_or_create(folder.path());
        assert_eq!(Salt::load_or_create(folder.path()), salt);
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_made_still_gives_a_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let state = file.join("state");
        assert_ne!(Salt::load_or_create(&state), Salt::load_or_create(&state));
        assert_eq!(format!("{:?}", Salt::random()), "Salt(..)");
    }
}
