//! Findings that are known: a file in the repository that says which, and not what they are.
//!
//! A secret's mark is PBKDF2-HMAC-SHA-256 (RFC 8018) of the secret under a random salt of the file's own. Whoever has the
//! file can try out guesses one by one, each at the price of the iterations: for a token of a service that is hopeless,
//! for a short password it is not, which the manual says.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;

use agentfirewall_core::sha256::Sha256;
use serde::{Deserialize, Serialize};

use super::found::Located;

/// The version of the file's format.
const VERSION: u32 = 1;
/// How often a new file's marks are hashed: about a millisecond a secret.
const ITERATIONS: u32 = 10_000;
/// A file that asks for more would only keep the scan busy.
const MOST_ITERATIONS: u32 = 1_000_000;
/// The length of a salt and of a mark, in bytes.
const SALT: usize = 16;
const MARK: usize = 8;
/// The block length of SHA-256 (RFC 2104).
const BLOCK: usize = 64;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u32,
    /// In hexadecimal.
    salt: String,
    iterations: u32,
    findings: Vec<Entry>,
}

/// A known finding. The line is there for people; it takes no part in the comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Entry {
    path: String,
    #[serde(default)]
    line: usize,
    detector: String,
    fingerprint: String,
}

type Key = (String, String);

/// A baseline and what of it was seen in this run.
pub(super) struct Baseline {
    salt: Vec<u8>,
    iterations: u32,
    entries: Vec<Entry>,
    /// What is known of a path and a detector: nothing else needs a mark.
    known: HashMap<Key, HashSet<String>>,
    /// Every finding gets a mark, because the file is written anew.
    updating: bool,
    /// Marks that were made, by a plain hash of the secret that does not leave this process.
    made: Mutex<HashMap<[u8; 32], String>>,
}

impl std::fmt::Debug for Baseline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Baseline").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Baseline {
    /// Reads a baseline. One that is to be written may be missing.
    pub(super) fn load(path: &Path, updating: bool) -> Result<Self, String> {
        let file = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice::<File>(&bytes).map_err(|error| error.to_string())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && updating => {
                File { version: VERSION, salt: random_salt()?, iterations: ITERATIONS, findings: Vec::new() }
            }
            Err(error) => return Err(error.to_string()),
        };
        if file.version != VERSION {
            return Err(format!("version {} is not known here", file.version));
        }
        if file.iterations == 0 || file.iterations > MOST_ITERATIONS {
            return Err(format!("`iterations` is not between 1 and {MOST_ITERATIONS}"));
        }
        let salt = unhex(&file.salt).filter(|salt| salt.len() >= SALT).ok_or("`salt` is no salt")?;
        let mut known: HashMap<Key, HashSet<String>> = HashMap::new();
        for entry in &file.findings {
            known
                .entry((entry.path.clone(), entry.detector.clone()))
                .or_default()
                .insert(entry.fingerprint.clone());
        }
        Ok(Self {
            salt,
            iterations: file.iterations,
            entries: file.findings,
            known,
            updating,
            made: Mutex::default(),
        })
    }

    /// The mark of a secret, if this finding can be known or is to be.
    pub(super) fn mark(&self, path: &str, detector: &str, secret: &str) -> Option<String> {
        if !self.updating && !self.known.contains_key(&(path.to_owned(), detector.to_owned())) {
            return None;
        }
        let name: [u8; 32] =
            Sha256::new().chain_update(detector).chain_update([0]).chain_update(secret).finalize();
        let lock = || self.made.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(mark) = lock().get(&name) {
            return Some(mark.clone());
        }
        let salt = [self.salt.as_slice(), detector.as_bytes()].concat();
        let block = pbkdf2(secret.as_bytes(), &salt, self.iterations);
        let mark = hex(block.get(..MARK).unwrap_or_default());
        lock().insert(name, mark.clone());
        Some(mark)
    }

    /// Splits findings into new and known ones, and counts the entries that were in the scan's reach and not found.
    pub(super) fn split(
        &self,
        findings: Vec<Located>,
        covered: &dyn Fn(&str) -> bool,
    ) -> (Vec<Located>, Vec<Located>, usize) {
        let mut seen: HashSet<(Key, String)> = HashSet::new();
        let (known, new): (Vec<Located>, Vec<Located>) = findings.into_iter().partition(|located| {
            let key = (located.path.clone(), located.found.detector.clone());
            let Some(mark) = &located.found.mark else { return false };
            let known = self.known.get(&key).is_some_and(|marks| marks.contains(mark));
            if known {
                seen.insert((key, mark.clone()));
            }
            known
        });
        let stale = self.entries.iter().filter(|entry| {
            let key = (entry.path.clone(), entry.detector.clone());
            covered(&entry.path) && !seen.contains(&(key, entry.fingerprint.clone()))
        });
        let stale = stale.count();
        (new, known, stale)
    }

    /// Writes the baseline anew: what was found, and the entries that were out of the scan's reach.
    pub(super) fn write(
        &self,
        path: &Path,
        findings: &[Located],
        covered: &dyn Fn(&str) -> bool,
    ) -> io::Result<usize> {
        let mut entries: Vec<Entry> =
            self.entries.iter().filter(|entry| !covered(&entry.path)).cloned().collect();
        entries.extend(findings.iter().filter_map(|located| {
            Some(Entry {
                path: located.path.clone(),
                line: located.found.line,
                detector: located.found.detector.clone(),
                fingerprint: located.found.mark.clone()?,
            })
        }));
        entries.sort();
        // A secret that stands in a file twice is one entry.
        let mut seen = HashSet::new();
        entries.retain(|entry| {
            seen.insert((entry.path.clone(), entry.detector.clone(), entry.fingerprint.clone()))
        });
        let count = entries.len();
        let file =
            File { version: VERSION, salt: hex(&self.salt), iterations: self.iterations, findings: entries };
        let text = serde_json::to_string_pretty(&file)? + "\n";
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut temporary = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        temporary.write_all(text.as_bytes())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // It belongs into the repository, so it gets the rights of a file there.
            let rights = fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode() & 0o777);
            temporary.as_file().set_permissions(fs::Permissions::from_mode(rights))?;
        }
        temporary.persist(path).map_err(|error| error.error)?;
        Ok(count)
    }
}

fn random_salt() -> Result<String, String> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    Ok(hex(&salt))
}

/// The first block of PBKDF2-HMAC-SHA-256 (RFC 8018, section 5.2).
fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut key = [0; BLOCK];
    if password.len() > BLOCK {
        let digest: [u8; 32] = Sha256::digest(password);
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    } else {
        key.iter_mut().zip(password).for_each(|(to, from)| *to = *from);
    }
    let padded = |byte: u8| Sha256::new().chain_update(key.map(|part| part ^ byte));
    let (inner, outer) = (padded(0x36), padded(0x5c));
    let hmac = |parts: &[&[u8]]| -> [u8; 32] {
        let mut digest = inner.clone();
        parts.iter().for_each(|part| digest.update(part));
        outer.clone().chain_update(digest.finalize()).finalize()
    };
    let mut block = hmac(&[salt, &1_u32.to_be_bytes()]);
    let mut sum = block;
    for _ in 1..iterations {
        block = hmac(&[&block]);
        sum.iter_mut().zip(block).for_each(|(to, from)| *to ^= from);
    }
    sum
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_pbkdf2() {
        // RFC 7914, section 11.
        assert_eq!(
            hex(&pbkdf2(b"passwd", b"salt", 1)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        );
        assert_eq!(
            hex(&pbkdf2(b"Password", b"NaCl", 80_000)),
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        );
        // A password that is longer than a block is hashed first (RFC 2104).
        let long = [b'x'; 100];
        let short: [u8; 32] = Sha256::digest(long);
        assert_eq!(pbkdf2(&long, b"s", 2), pbkdf2(&short, b"s", 2));
    }

    #[test]
    fn damaged_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.json");
        assert!(Baseline::load(&path, false).is_err());
        assert!(Baseline::load(&path, true).is_ok());
        let salt = "00".repeat(SALT);
        for text in [
            "{",
            "{}",
            &format!("{{\"version\":2,\"salt\":\"{salt}\",\"iterations\":1,\"findings\":[]}}"),
            &format!("{{\"version\":1,\"salt\":\"{salt}\",\"iterations\":0,\"findings\":[]}}"),
            &format!("{{\"version\":1,\"salt\":\"{salt}\",\"iterations\":4000000000,\"findings\":[]}}"),
            "{\"version\":1,\"salt\":\"00\",\"iterations\":1,\"findings\":[]}",
            "{\"version\":1,\"salt\":\"zz\",\"iterations\":1,\"findings\":[]}",
        ] {
            fs::write(&path, text).unwrap();
            assert!(Baseline::load(&path, true).is_err(), "{text}");
        }
        fs::write(&path, format!("{{\"version\":1,\"salt\":\"{salt}\",\"iterations\":1,\"findings\":[]}}"))
            .unwrap();
        assert!(Baseline::load(&path, false).is_ok());
    }
}
