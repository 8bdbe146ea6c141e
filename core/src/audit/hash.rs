//! The hash of a record, in the form in which it enters the next one.

use std::fmt;

use crate::sha256::Sha256;
use serde::{Serialize, Serializer};

/// A SHA-256 in lower-case hexadecimal: the form in which it is stored and hashed again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 64]);

impl Hash {
    /// What stands before the first record of a log: the SHA-256 of `genesis`.
    pub fn genesis() -> Self {
        Self::of([b"genesis".as_slice()])
    }

    /// The hash of the parts, one after the other.
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        let mut hex = [0; 64];
        write_hex(&hasher.finalize(), &mut hex);
        Self(hex)
    }

    /// The hash whose bytes these are.
    pub(crate) fn of_digest(digest: &[u8; 32]) -> Self {
        let mut hex = [0; 64];
        write_hex(digest, &mut hex);
        Self(hex)
    }

    /// The hash as its 32 bytes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let value = |digit: u8| if digit < b'a' { digit - b'0' } else { digit - b'a' + 10 };
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(self.0.as_chunks::<2>().0) {
            let [high, low] = *pair;
            *byte = value(high) << 4 | value(low);
        }
        digest
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        Self::parse(text.as_bytes())
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let hex: [u8; 64] = text.try_into().ok()?;
        hex.iter().all(|byte| is_hex(*byte)).then_some(Self(hex))
    }

    pub(crate) const fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        // Only digits are ever stored.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The SHA-256 of a text in base64, as content security policies name it.
pub fn sha256_base64(text: &[u8]) -> String {
    super::note::base64(&Sha256::digest(text))
}

pub(crate) const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Writes bytes as hexadecimal digits into a buffer of twice their length.
pub(crate) fn write_hex(bytes: &[u8], hex: &mut [u8]) {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    for (byte, pair) in bytes.iter().zip(hex.chunks_exact_mut(2)) {
        if let [high, low] = pair {
            *high = digit(byte >> 4);
            *low = digit(byte & 15);
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genesis_is_the_documented_constant() {
        assert_eq!(
            Hash::genesis().as_str(),
            "aeebad4a796fcc2e15dc4c6061b45ed9b373f26adfc798ca7d2d8cc58182718e"
        );
    }

    #[test]
    fn only_lower_case_digits_are_a_hash() {
        let hash = Hash::genesis();
        assert_eq!(Hash::parse(hash.as_str().as_bytes()), Some(hash));
        assert_eq!(Hash::parse(hash.as_str().to_uppercase().as_bytes()), None);
        assert_eq!(Hash::parse(b"aeeb"), None);
    }
}
