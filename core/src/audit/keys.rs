//! The key that signs checkpoints, and the public keys that ever did.
//!
//! Both are in the private state folder: `audit-keys/signing.key` (mode 0600, in the form of Go's `note` package) and
//! `audit-keys/known.json`. Whoever can read that folder can sign; a public key that was noted elsewhere, and
//! checkpoints that were, are what a rewritten log does not fit.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::note::{NoteError, PrivateKey, PublicKey};
use crate::private::{OWNER_ONLY, create_folder};

const FOLDER: &str = "audit-keys";
const SIGNING: &str = "signing.key";
const KNOWN: &str = "known.json";

/// Why a key cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The operating system refused.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds something else.
    #[error("`{}`: {source}", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// Why.
        source: NoteError,
    },
    /// The list of known keys is damaged.
    #[error("`{}` cannot be read: {source}", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Others can read the key.
    #[error("others can read the signing key `{}`", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The system has no random numbers.
    #[error("cannot make a key: {0}")]
    Random(#[from] getrandom::Error),
}

/// A public key that signs or signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKey {
    /// The key, in the form `NAME+IDENTIFIER+BASE64`.
    pub key: String,
    /// Since when it signs, RFC 3339.
    pub from: String,
    /// Until when it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The keys of this installation.
#[derive(Debug)]
pub struct KeyRing {
    folder: PathBuf,
}

impl KeyRing {
    /// The keys in a private state folder.
    pub fn new(state: &Path) -> Self {
        Self { folder: state.join(FOLDER) }
    }

    /// The key that signs; `None` before one was made.
    pub fn signer(&self) -> Result<Option<PrivateKey>, KeyError> {
        let path = self.folder.join(SIGNING);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(KeyError::Io { path, source }),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = path.metadata().map_err(|source| KeyError::Io { path: path.clone(), source })?;
            if metadata.permissions().mode() & 0o077 != 0 {
                return Err(KeyError::Exposed { path });
            }
        }
        PrivateKey::parse(&text).map(Some).map_err(|source| KeyError::Note { path, source })
    }

    /// The key that signs, made now if there is none.
    pub fn signer_or_new(&self, now: Timestamp) -> Result<PrivateKey, KeyError> {
        match self.signer()? {
            Some(key) => Ok(key),
            None => self.replace(now),
        }
    }

    /// Makes a new key; the old one signs no more and stays known.
    pub fn rotate(&self, now: Timestamp) -> Result<(Option<PublicKey>, PrivateKey), KeyError> {
        let old = self.signer()?.map(|key| key.public().clone());
        Ok((old, self.replace(now)?))
    }

    fn replace(&self, now: Timestamp) -> Result<PrivateKey, KeyError> {
        let path = self.folder.join(SIGNING);
        let (mut seed, mut name) = ([0; 32], [0; 4]);
        getrandom::fill(&mut seed)?;
        getrandom::fill(&mut name)?;
        let name = format!("agentfirewall-audit-{:08x}", u32::from_be_bytes(name));
        let key = PrivateKey::of_seed(&name, seed)
            .map_err(|source| KeyError::Note { path: path.clone(), source })?;
        let mut known = self.known()?;
        for old in known.iter_mut().filter(|old| old.until.is_none()) {
            old.until = Some(now.to_string());
        }
        known.push(KnownKey { key: key.public().to_string(), from: now.to_string(), until: None });
        create_folder(&self.folder, OWNER_ONLY)
            .map_err(|source| KeyError::Io { path: self.folder.clone(), source })?;
        // The list first: a key that signs and is not known would be worse than one that is known and never signed.
        let list = self.folder.join(KNOWN);
        let text = serde_json::to_string_pretty(&known)
            .map_err(|source| KeyError::List { path: list.clone(), source })?;
        self.write(&list, &(text + "\n"))?;
        self.write(&path, &key.file_text())?;
        Ok(key)
    }

    /// Every key that signs or signed, the oldest first.
    pub fn known(&self) -> Result<Vec<KnownKey>, KeyError> {
        let path = self.folder.join(KNOWN);
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| KeyError::List { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(KeyError::Io { path, source }),
        }
    }

    /// The public keys of [`known`](Self::known).
    pub fn public(&self) -> Result<Vec<PublicKey>, KeyError> {
        let path = self.folder.join(KNOWN);
        let parse = |known: &KnownKey| {
            PublicKey::parse(&known.key).map_err(|source| KeyError::Note { path: path.clone(), source })
        };
        self.known()?.iter().map(parse).collect()
    }

    /// Replaces a file at once, readable for the user alone.
    fn write(&self, path: &Path, text: &str) -> Result<(), KeyError> {
        let io = |source| KeyError::Io { path: path.to_owned(), source };
        // Temporary files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(io)?;
        file.write_all(text.as_bytes()).map_err(io)?;
        file.as_file().sync_all().map_err(io)?;
        file.persist(path).map_err(|error| io(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_is_the_user_s_alone_and_stays_known_after_its_successor() {
        let state = tempfile::tempdir().unwrap();
        let ring = KeyRing::new(state.path());
        assert!(ring.signer().unwrap().is_none());
        let time = |second| Timestamp::from_second(second).unwrap();
        let first = ring.signer_or_new(time(1)).unwrap().public().clone();
        assert_eq!(ring.signer_or_new(time(2)).unwrap().public(), &first);
        let (old, new) = ring.rotate(time(3)).unwrap();
        assert_eq!(old.as_ref(), Some(&first));
        assert_eq!(ring.public().unwrap(), [first, new.public().clone()]);
        let known = ring.known().unwrap();
        let third = time(3).to_string();
        assert_eq!((&known[0].until, &known[1].from, &known[1].until), (&Some(third.clone()), &third, &None));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let file = state.path().join("audit-keys/signing.key");
            let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
            assert!(matches!(ring.signer(), Err(KeyError::Exposed { .. })));
        }
    }
}
