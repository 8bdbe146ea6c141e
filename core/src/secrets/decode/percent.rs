//! Percent-encoding (RFC 3986, section 2.1).

use super::hex;
use super::rewrite::Edit;

/// The escape at a place.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<Edit> {
    match bytes.get(at..)? {
        [b'%', high, low, ..] => Edit::of(at..at + 3, hex::byte(*high, *low)?),
        _ => None,
    }
}
