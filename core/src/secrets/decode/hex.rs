//! Hexadecimal digits: a plain run, or a list of bytes as in `0x67, 0x68`.

use std::ops::Range;

use super::runs::stretches;

/// How many bytes of ASCII text follow each other before digits are text: not in any hash.
const LEAST: usize = 10;

/// The value of a hexadecimal digit.
pub(super) const fn value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The byte that two digits stand for.
pub(super) const fn byte(high: u8, low: u8) -> Option<u8> {
    match (value(high), value(low)) {
        (Some(high), Some(low)) => Some(high << 4 | low),
        _ => None,
    }
}

fn texty(pair: &[u8]) -> bool {
    let &[high, low] = pair else { return false };
    matches!(byte(high, low), Some(b' '..=b'~' | b'\t' | b'\n' | b'\r'))
}

/// The parts of a run that are text in hexadecimal digits.
pub(super) fn texts(digits: &[u8], found: &mut Vec<Range<usize>>) {
    for start in 0..2.min(digits.len()) {
        let (pairs, _) = digits.get(start..).unwrap_or_default().as_chunks::<2>();
        stretches(
            pairs.len(),
            LEAST,
            |number| pairs.get(number).is_some_and(|pair| texty(pair)),
            |range| found.push(start + range.start * 2..start + range.end * 2),
        );
    }
}

/// What digits say.
pub(super) fn decode(digits: &[u8]) -> String {
    let (pairs, _) = digits.as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| byte(*high, *low).filter(u8::is_ascii).unwrap_or(1));
    bytes.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_hashes() {
        let mut found = Vec::new();
        texts(b"73656372657420746578742068657265", &mut found);
        assert_eq!((found.first(), decode(b"7365637265").as_str()), (Some(&(0..32)), "secre"));
        found.clear();
        texts(b"b9102f29a422eb14ab2f2d0f0cc022238daceee2092f073ff80b9465aef7ac86", &mut found);
        assert!(found.is_empty());
    }
}
