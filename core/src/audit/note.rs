//! Signed notes as C2SP has them (`signed-note`, version 1): a text, an empty line, and lines with signatures.
//!
//! The keys are those of Go's `golang.org/x/mod/sumdb/note`, so that its tools read and make the same files. Only Ed25519
//! (algorithm 1) is made and accepted; signatures of others, such as witnesses, are passed over.

use crate::sha256::Sha256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use thiserror::Error;

/// The algorithm's number in keys and key identifiers.
const ED25519_ALGORITHM: u8 = 1;
/// The longest note that is read, in bytes; a note of ours has some hundred.
const MAX_NOTE: usize = 1 << 20;
/// The most signatures that are looked at, as C2SP allows to limit.
const MAX_SIGNATURES: usize = 100;

/// Why a note is not accepted.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteError {
    /// The text is no signed note.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// A key's text is no key.
    #[error("not a key: {0}")]
    Key(&'static str),
    /// None of the accepted keys signed it.
    #[error("no accepted key signed it; it names {0}")]
    Unsigned(String),
    /// It names an accepted key, whose signature does not fit.
    #[error("the signature by `{0}` is wrong: the text or the signature was changed")]
    Wrong(String),
}

/// A public key: `NAME+IDENTIFIER+BASE64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: [u8; 32],
}

impl PublicKey {
    /// Reads a key's text.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it has not the form NAME+IDENTIFIER+BASE64"));
        };
        if !is_name(name) {
            return Err(NoteError::Key("its name is empty or has a space"));
        }
        let bytes = BASE64.decode(key).map_err(|_| NoteError::Key("it is no base64"))?;
        let Some((ED25519_ALGORITHM, key)) = bytes.split_first().map(|(first, rest)| (*first, rest)) else {
            return Err(NoteError::Key("it is for another algorithm than Ed25519"));
        };
        let key = key.try_into().map_err(|_| NoteError::Key("an Ed25519 key has 32 bytes"))?;
        let key = Self { name: name.to_owned(), key };
        if id != hex(key.id()) {
            return Err(NoteError::Key("its identifier does not fit the key"));
        }
        Ok(key)
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The four bytes by which a signature names the key.
    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519_ALGORITHM])
            .chain_update(self.key)
            .finalize();
        let mut id = [0; 4];
        id.iter_mut().zip(hash).for_each(|(id, byte)| *id = byte);
        id
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = vec![ED25519_ALGORITHM];
        bytes.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, hex(self.id()), BASE64.encode(bytes))
    }
}

/// A private key. It has no form for people: what stands in its file is made by `file_text` alone.
pub struct PrivateKey {
    public: PublicKey,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.public).finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// The key of a seed.
    pub fn of_seed(name: &str, seed: [u8; 32]) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Key("its name is empty or has a space"));
        }
        let pair =
            Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NoteError::Key("its seed is wrong"))?;
        let key = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Key("its seed is wrong"))?;
        Ok(Self { public: PublicKey { name: name.to_owned(), key }, seed, pair })
    }

    /// Reads what `file_text` wrote.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(NoteError::Key("it is no private key"))?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key("it has not the form PRIVATE+KEY+NAME+IDENTIFIER+BASE64"));
        };
        let bytes = BASE64.decode(key).map_err(|_| NoteError::Key("it is no base64"))?;
        let Some((ED25519_ALGORITHM, seed)) = bytes.split_first().map(|(first, rest)| (*first, rest)) else {
            return Err(NoteError::Key("it is for another algorithm than Ed25519"));
        };
        let seed = seed.try_into().map_err(|_| NoteError::Key("an Ed25519 seed has 32 bytes"))?;
        let key = Self::of_seed(name, seed)?;
        if id == hex(key.public.id()) {
            Ok(key)
        } else {
            Err(NoteError::Key("its identifier does not fit the key"))
        }
    }

    /// What the key's file holds, and nothing else may.
    pub(super) fn file_text(&self) -> String {
        let mut bytes = vec![ED25519_ALGORITHM];
        bytes.extend_from_slice(&self.seed);
        format!("PRIVATE+KEY+{}+{}+{}\n", self.public.name, hex(self.public.id()), BASE64.encode(bytes))
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// A note of a text, which must end with a line break.
    pub fn sign(&self, text: &str) -> String {
        let mut signature = self.public.id().to_vec();
        signature.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.public.name, BASE64.encode(signature))
    }
}

/// The text of a note that one of the keys signed, and that key. A wrong signature that names one of the keys is an
/// error even if another one fits.
pub fn open<'n, 'k>(note: &'n str, keys: &'k [PublicKey]) -> Result<(&'n str, &'k PublicKey), NoteError> {
    let (text, signatures) = take_apart(note)?;
    let mut signer = None;
    let mut named = Vec::new();
    for (name, id, signature) in signatures {
        let Some(key) = keys.iter().find(|key| key.name == name && key.id() == id) else {
            named.push(name.to_owned());
            continue;
        };
        UnparsedPublicKey::new(&ED25519, key.key)
            .verify(text.as_bytes(), &signature)
            .map_err(|_| NoteError::Wrong(name.to_owned()))?;
        signer = signer.or(Some(key));
    }
    signer.map(|key| (text, key)).ok_or_else(|| NoteError::Unsigned(named.join(", ")))
}

type Signature<'n> = (&'n str, [u8; 4], Vec<u8>);

/// The text with its last line break, and the signatures as they are claimed.
pub fn take_apart(note: &str) -> Result<(&str, Vec<Signature<'_>>), NoteError> {
    if note.len() > MAX_NOTE {
        return Err(NoteError::Form("it is too long"));
    }
    if note.chars().any(|character| character < ' ' && character != '\n') {
        return Err(NoteError::Form("it has control characters"));
    }
    let at = note.rfind("\n\n").ok_or(NoteError::Form("it has no empty line before its signatures"))?;
    let (text, rest) = note.split_at_checked(at + 1).ok_or(NoteError::Form("it is cut short"))?;
    let lines = rest.strip_prefix('\n').and_then(|rest| rest.strip_suffix('\n'));
    let lines = lines.filter(|lines| !lines.is_empty()).ok_or(NoteError::Form("it has no signature"))?;
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        let form = NoteError::Form("a signature has not the form `\u{2014} NAME BASE64`");
        let Some((name, signature)) = line
            .strip_prefix("\u{2014} ")
            .and_then(|line| line.split_once(' '))
            .filter(|(name, _)| is_name(name))
        else {
            return Err(form);
        };
        let bytes = BASE64.decode(signature).map_err(|_| form)?;
        let Some((id, signature)) = bytes.split_first_chunk::<4>().filter(|(_, rest)| !rest.is_empty())
        else {
            return Err(NoteError::Form("a signature is too short"));
        };
        if signatures.len() == MAX_SIGNATURES {
            return Err(NoteError::Form("it has too many signatures"));
        }
        signatures.push((name, *id, signature.to_vec()));
    }
    Ok((text, signatures))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|character: char| character.is_whitespace() || character == '+')
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

/// Base64 as notes and proofs have it.
pub fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Reads what [`base64()`] writes.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the note specification and of Go's package `note`: key, text and signature.
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const SKEY: &str =
        concat!("PRIVATE+KEY", "+PeterNeumann+c74f20a3+", "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz");
    const NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_example_opens_and_is_made_again_byte_by_byte() {
        let key = PublicKey::parse(VKEY).unwrap();
        assert_eq!(key.to_string(), VKEY);
        let keys = [key];
        let (text, signer) = open(NOTE, &keys).unwrap();
        assert!(text.ends_with("problem is.\n"));
        assert_eq!(signer.name(), "PeterNeumann");
        let private = PrivateKey::parse(SKEY).unwrap();
        assert_eq!(private.public(), signer);
        assert_eq!(private.sign(text), NOTE);
        assert_eq!(private.file_text().trim(), SKEY);
        assert!(!format!("{private:?}").contains("AYEKFALV"));
    }

    #[test]
    fn another_key_and_a_changed_text_are_told_apart() {
        let other = PrivateKey::of_seed("other", [7; 32]).unwrap();
        assert_eq!(
            open(NOTE, &[other.public().clone()]),
            Err(NoteError::Unsigned("PeterNeumann".to_owned()))
        );
        let keys = [PublicKey::parse(VKEY).unwrap()];
        let changed = NOTE.replace("don't", "do");
        assert_eq!(open(&changed, &keys), Err(NoteError::Wrong("PeterNeumann".to_owned())));
        let witnessed = format!("{NOTE}\u{2014} witness AAAAAAAA\n");
        assert!(open(&witnessed, &keys).is_ok());
    }

    #[test]
    fn what_is_no_note_or_key_is_refused() {
        for note in [
            "",
            "\n",
            "a\n",
            "a\n\n",
            "a\n\nb\n",
            "a\n\n- n AAAAAAAA\n",
            "a\n\n\u{2014} n AAA\n",
            "a\r\n\n\u{2014} n AAAAAAAA\n",
        ] {
            assert!(take_apart(note).is_err(), "{note:?}");
        }
        for key in ["", "a+b", "a+c74f20a3+AAAA", "a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
        {
            assert!(PublicKey::parse(key).is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn every_note_opens_and_no_changed_one_does(text in "[a-z0-9 ]{1,20}\n([^\r\n\\p{Cc}]{1,20}\n){0,3}", at in any::<prop::sample::Index>(), bit in 0_u8..7) {
            let key = PrivateKey::of_seed("k", [3; 32]).unwrap();
            let keys = [key.public().clone()];
            let note = key.sign(&text);
            prop_assert_eq!(open(&note, &keys).unwrap().0, text.as_str());
            let mut bytes = note.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            if let Ok(changed) = String::from_utf8(bytes) {
                prop_assert!(open(&changed, &keys).is_err());
            }
        }

        #[test]
        fn nothing_makes_the_reader_panic(text in ".{0,200}") {
            let _either = take_apart(&text);
            let _either = PublicKey::parse(&text);
        }
    }
}
