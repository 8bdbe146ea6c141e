//! Base64 and base64url (RFC 4648), with or without padding, anywhere in a run.

use std::ops::Range;

use super::runs::stretches;
use crate::base64::value;

/// How many characters of a group say that it is ASCII text; four such groups follow each other by chance once in 10,000
/// places.
const LEAST: usize = 4;

/// Which of the first three of four digits a byte may be, a bit each, if the four are text: their upper bits are those of ASCII.
static PLACES: [u8; 256] = {
    let mut places = [0; 256];
    let mut byte = 0_u8;
    loop {
        let digit = value(byte);
        // The first byte's six upper bits; the upper bit of the second; that of the third.
        let first = matches!(digit, 2 | 3 | 8..=31);
        let (second, third) = (digit < 64 && digit & 8 == 0, digit < 64 && digit & 2 == 0);
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, a byte is below 256")]
        {
            places[byte as usize] = first as u8 | (second as u8) << 1 | (third as u8) << 2;
        }
        if byte == u8::MAX {
            break places;
        }
        byte += 1;
    }
};

/// Whether four digits are three bytes of ASCII text: printable, or a tab or a line's end.
fn texty([a, b, c, d]: [u8; 4]) -> bool {
    let may = |byte: u8| PLACES.get(usize::from(byte)).copied().unwrap_or(0);
    if may(a) & may(b) >> 1 & may(c) >> 2 & 1 == 0 {
        return false;
    }
    let [b, c, d] = [value(b), value(c), value(d)];
    let (second, third) = ((b & 15) << 4 | c >> 2, (c & 3) << 6 | d);
    printable(second) && printable(third)
}

const fn printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')
}

/// The parts of a run of digits that decode to text, for each of the four ways to begin, widened by a group each way.
pub(super) fn texts(digits: &[u8], found: &mut Vec<Range<usize>>) {
    for start in 0..4.min(digits.len()) {
        let (groups, _) = digits.get(start..).unwrap_or_default().as_chunks::<4>();
        stretches(
            groups.len(),
            LEAST,
            |number| groups.get(number).is_some_and(|group| texty(*group)),
            |range| {
                let end =
                    if range.end + 1 >= groups.len() { digits.len() } else { start + (range.end + 1) * 4 };
                found.push(start + range.start.saturating_sub(1) * 4..end);
            },
        );
    }
}

/// What digits say. What is no ASCII becomes a sign that belongs to no token.
pub(super) fn decode(digits: &[u8]) -> String {
    let mut text = String::with_capacity(digits.len() / 4 * 3 + 3);
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0_u32, |bits, digit| bits << 6 | u32::from(value(*digit) & 63));
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        for byte in bytes.iter().skip(1).take(group.len().saturating_sub(1)) {
            text.push(if byte.is_ascii() { char::from(*byte) } else { '\u{1}' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_vectors_of_rfc_4648() {
        for (digits, text) in [("", ""), ("Zg", "f"), ("Zm8", "fo"), ("Zm9v", "foo"), ("Zm9vYmE", "fooba")] {
            assert_eq!(decode(digits.as_bytes()), text);
        }
        assert_eq!(decode(b"-_-_"), "\u{1}\u{1}\u{1}");
    }

    #[test]
    fn text_is_told_from_names_hashes_and_pictures() {
        let found = |digits: &str| {
            let mut found = Vec::new();
            texts(digits.as_bytes(), &mut found);
            found
        };
        assert_eq!(found("c2VjcmV0IHRleHQgaGVyZQ").first(), Some(&(0..22)));
        assert_eq!(found("xc2VjcmV0IHRleHQgaGVyZQ").first(), Some(&(1..23)));
        for other in [
            "getElementsByTagNameAndClass",
            "XRdewiFskfTxkIwLrp7sYq+PHu7jTUjwmkbxKFuBymIfXcV40YBW+CyfSytpWA3bInXafi96vYrzvXWcs024mA",
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg",
            "b9102f29a422eb14ab2f2d0f0cc022238daceee2092f073ff80b9465aef7ac86",
        ] {
            assert!(found(other).is_empty(), "{other}");
        }
    }
}
