//! SHA-256 (FIPS 180-4), of the library that is here for signatures and TLS anyway.

use ring::digest::{Context, SHA256};

/// The hash of bytes that come one part after the other.
#[derive(Clone)]
pub struct Sha256(Context);

impl Sha256 {
    /// The hash of nothing yet.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// The hash of these bytes alone.
    pub fn digest(bytes: impl AsRef<[u8]>) -> [u8; 32] {
        Self::new().chain_update(bytes).finalize()
    }

    /// Takes the next part.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }

    /// The same with the next part.
    #[must_use]
    pub fn chain_update(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.update(bytes);
        self
    }

    /// The hash of all parts.
    pub fn finalize(self) -> [u8; 32] {
        let mut digest = [0; 32];
        // Both have 32 bytes: the algorithm says so.
        digest.iter_mut().zip(self.0.finish().as_ref()).for_each(|(to, byte)| *to = *byte);
        digest
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What went into it may be a secret.
        f.write_str("Sha256")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-4's annex, and of nothing.
    #[test]
    fn it_is_the_hash_of_the_standard() {
        let hex = |digest: [u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        for (text, wanted) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ] {
            assert_eq!(hex(Sha256::digest(text)), wanted);
            let (one, other) = text.split_at(text.len() / 2);
            assert_eq!(hex(Sha256::new().chain_update(one).chain_update(other).finalize()), wanted);
        }
    }
}
