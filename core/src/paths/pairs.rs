//! Which pairs of neighbouring bytes a text has, roughly: most patterns are told from most paths by one of theirs.
//!
//! Part of the build, too: what each pattern needs is worked out there.

/// The pairs of a text as bits of a hash. A text that stands in another has no pair that the other lacks.
pub(crate) fn of(text: &str) -> u128 {
    text.as_bytes().windows(2).map(bit).fold(0, |bits, bit| bits | bit)
}

fn bit(pair: &[u8]) -> u128 {
    let hash = pair.iter().fold(0_u8, |hash, byte| hash.wrapping_mul(37).wrapping_add(*byte));
    1 << (hash & 127)
}
