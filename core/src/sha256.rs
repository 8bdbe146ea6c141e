//! SHA-256 (FIPS 180-4), of two libraries: what a hook hashes is too short for the one that asks the processor first.

use std::sync::atomic::{AtomicUsize, Ordering};

use ring::digest::{Context, SHA256};

/// How many bytes a process hashes without the processor's own instructions.
///
/// Before its first hash `ring` asks the processor what it can do. On a virtual machine each of the three questions is an exit to
/// the host, 5 to 9 µs; a hash of that many bytes in software takes about as long as the questions.
const UNASKED: usize = 4096;

/// How many bytes have been taken for hashes in software so far. A race costs a few bytes more.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The hash of bytes that come one part after the other.
#[derive(Clone)]
pub struct Sha256(State);

#[derive(Clone)]
enum State {
    /// Nothing came yet.
    Empty,
    Software(hmac_sha256::Hash),
    Ring(Context),
}

impl Sha256 {
    /// The hash of nothing yet.
    pub fn new() -> Self {
        Self(State::Empty)
    }

    /// The hash of these bytes alone.
    pub fn digest(bytes: impl AsRef<[u8]>) -> [u8; 32] {
        Self::new().chain_update(bytes).finalize()
    }

    /// Takes the next part.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if matches!(self.0, State::Empty) {
            self.0 = State::of(bytes.len());
        }
        match &mut self.0 {
            State::Empty => {}
            State::Software(hash) => {
                TAKEN.fetch_add(bytes.len(), Ordering::Relaxed);
                hash.update(bytes);
            }
            State::Ring(context) => context.update(bytes),
        }
    }

    /// The same with the next part.
    #[must_use]
    pub fn chain_update(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.update(bytes);
        self
    }

    /// The hash of all parts.
    pub fn finalize(self) -> [u8; 32] {
        match self.0 {
            State::Empty => hmac_sha256::Hash::hash(&[]),
            State::Software(hash) => hash.finalize(),
            State::Ring(context) => {
                let mut digest = [0; 32];
                // Both have 32 bytes: the algorithm says so.
                digest.iter_mut().zip(context.finish().as_ref()).for_each(|(to, byte)| *to = *byte);
                digest
            }
        }
    }
}

impl State {
    /// What hashes from here on, when the first part has this length.
    fn of(length: usize) -> Self {
        if length <= UNASKED.saturating_sub(TAKEN.load(Ordering::Relaxed)) {
            Self::Software(hmac_sha256::Hash::new())
        } else {
            Self::Ring(Context::new(&SHA256))
        }
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

    /// Whatever was hashed before, and in however many parts it comes.
    #[test]
    fn both_libraries_hash_alike() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * UNASKED).collect();
        for length in [0, 1, 55, 56, 64, 1000, UNASKED, UNASKED + 1, 3 * UNASKED] {
            let part = bytes.get(..length).unwrap_or_default();
            let software = hmac_sha256::Hash::hash(part);
            assert_eq!(Sha256::digest(part), software, "{length}");
            let ring = Sha256(State::Ring(Context::new(&SHA256)));
            assert_eq!(ring.chain_update(part).finalize(), software, "{length}");
            let pieces = part.chunks(100).fold(Sha256::new(), Sha256::chain_update);
            assert_eq!(pieces.finalize(), software, "{length}");
        }
    }

    #[test]
    fn a_process_that_hashes_much_asks_the_processor() {
        assert!(matches!(State::of(UNASKED + 1), State::Ring(_)));
        Sha256::digest([0; UNASKED]);
        assert!(matches!(State::of(1), State::Ring(_)));
    }
}
