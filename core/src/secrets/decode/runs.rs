//! Runs of digits of base64, found by a bit for each byte, and what they decode to.

use std::ops::Range;

use super::piece::{Digits, Piece};
use super::{base64, hex};
use crate::base64::value;
use crate::secrets::places::{LANE, marked};

/// The shortest run that is looked at: 12 bytes of text.
const RUN: usize = 16;
/// What may stand before a line of a wrapped run: indentation, signs of quotes, diffs and comments.
const INDENT: usize = 40;

fn digit(byte: u8) -> bool {
    value(byte) < 64
}

/// As [`digit`], told without a table and without branches.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "branches would keep the compiler from comparing many at once"
)]
const fn is_digit(byte: u8) -> bool {
    ((byte | 0x20).wrapping_sub(b'a') < 26)
        | (byte.wrapping_sub(b'/') < 11)
        | (byte == b'+')
        | (byte == b'-')
        | (byte == b'_')
}

/// The first place from one on at which a run of [`RUN`] digits or more begins.
///
/// `from` is where a run may begin: the beginning of the text, or behind what is no digit.
fn run(bytes: &[u8], from: usize) -> Option<usize> {
    // How many digits stand before this block.
    let mut before = 0;
    for (number, block) in bytes.get(from..)?.chunks(LANE).enumerate() {
        let at = from + LANE * number;
        let digits = marked(block, is_digit);
        let first = digits.trailing_ones() as usize;
        if before + first >= RUN {
            return Some(at - before);
        }
        // A bit is left where it and the fifteen behind it were set.
        let mut begins = digits;
        for step in [1, 2, 4, 8] {
            begins &= begins >> step;
        }
        if begins != 0 {
            return Some(at + begins.trailing_zeros() as usize);
        }
        before = digits.leading_ones() as usize;
    }
    None
}

/// The stretches of at least `least` numbers below `count` for which `holds` is true. Looks at every `least`th number
/// first. Stretches with no more than two others between them are one.
pub(super) fn stretches(
    count: usize,
    least: usize,
    holds: impl Fn(usize) -> bool,
    mut found: impl FnMut(Range<usize>),
) {
    let mut pending: Option<Range<usize>> = None;
    let mut from = 0;
    while from + least <= count {
        let window = from..from + least;
        if let Some(failing) = window.clone().rev().find(|number| !holds(*number)) {
            from = failing + 1;
            continue;
        }
        let end = (window.end..count).find(|number| !holds(*number)).unwrap_or(count);
        pending = match pending.take() {
            Some(last) if from - last.end <= 2 => Some(last.start..end),
            other => {
                if let Some(last) = other {
                    found(last);
                }
                Some(from..end)
            }
        };
        from = end + 1;
    }
    if let Some(last) = pending {
        found(last);
    }
}

/// Calls for every decoded run of a text.
pub(super) fn pieces<E>(text: &str, each: &mut impl FnMut(&Piece) -> Result<(), E>) -> Result<(), E> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(begin) = run(bytes, from) {
        from = begin;
        let length = bytes.get(from + RUN..).unwrap_or_default().iter().position(|byte| !digit(*byte));
        let end = length.map_or(bytes.len(), |length| from + RUN + length);
        let run = bytes.get(from..end).unwrap_or_default();
        base64::texts(run, &mut found);
        hex::texts(run, &mut found);
        if found.is_empty() {
            from = end + 1;
            continue;
        }
        from = decoded(bytes, from..end, &mut found, each)? + 1;
    }
    Ok(())
}

/// Whether a line ends in a run that is text.
pub(super) fn goes_on(line: &[u8]) -> bool {
    let run = line.iter().rev().take_while(|byte| digit(**byte)).count();
    let run = line.get(line.len() - run..).filter(|run| run.len() >= RUN).unwrap_or_default();
    let mut found = Vec::new();
    base64::texts(run, &mut found);
    hex::texts(run, &mut found);
    // Lists of bytes: `0x67, 0x68,`.
    let listed = line.strip_suffix(b",").unwrap_or(line);
    !found.is_empty() || listed.last_chunk::<4>().is_some_and(|last| last.starts_with(b"0x"))
}

/// Decodes a run with the lines that continue it. Returns where it ends.
fn decoded<E>(
    bytes: &[u8],
    run: Range<usize>,
    found: &mut Vec<Range<usize>>,
    each: &mut impl FnMut(&Piece) -> Result<(), E>,
) -> Result<usize, E> {
    let mut lines = vec![(0, run.start)];
    let mut digits = bytes.get(run.clone()).unwrap_or_default().to_vec();
    let mut end = run.end;
    let mut last = run.len();
    while last >= RUN
        && let Some(next) = continued(bytes, end)
    {
        lines.push((digits.len(), next.start));
        last = next.len();
        end = next.end;
        digits.extend_from_slice(bytes.get(next).unwrap_or_default());
    }
    let filled =
        bytes.get(end..).unwrap_or_default().iter().take(2).take_while(|byte| **byte == b'=').count();
    for (texts, decode, group) in [
        (base64::texts as fn(&[u8], &mut Vec<Range<usize>>), base64::decode as fn(&[u8]) -> String, (4, 3)),
        (hex::texts, hex::decode, (2, 1)),
    ] {
        found.clear();
        texts(&digits, found);
        for range in found.iter() {
            let text = decode(digits.get(range.clone()).unwrap_or_default());
            let first = range.start;
            let map = Digits { lines: lines.clone(), count: digits.len(), filled, first, group };
            each(&Piece::of_digits(text, map))?;
        }
    }
    found.clear();
    Ok(end + filled)
}

/// The line that continues a wrapped run: a line's end, a little that belongs to no run, and digits.
/// Digits that are none of it do no harm: each part of a run is decoded for itself.
fn continued(bytes: &[u8], end: usize) -> Option<Range<usize>> {
    let rest = bytes.get(end..)?;
    let broken = [&b"\r\n"[..], b"\n", b"\\r\\n", b"\\n", b"\\\r\n", b"\\\n"];
    let line_end = broken.into_iter().find(|line_end| rest.starts_with(line_end))?.len();
    let inner = rest.get(line_end..)?;
    let indent = inner
        .iter()
        .take(INDENT)
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'>' | b'#' | b'*' | b'|'))
        .count();
    let start = end + line_end + indent;
    let line = bytes.get(start..)?;
    let length = line.iter().position(|byte| !digit(*byte)).unwrap_or(line.len());
    (length > 0).then_some(start..start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secrets::decode::tests;

    fn texts(text: &str) -> Vec<String> {
        tests::texts_of(|mut each| pieces(text, &mut each))
    }

    #[test]
    fn wrapped_runs_are_one() {
        for text in [
            "x: |\n  c2VjcmV0IHRleHQg\n  dGhhdCBpcyBsb25n\n  ZXI=\nnext: 1",
            "c2VjcmV0IHRleHQg\r\ndGhhdCBpcyBsb25n\r\nZXI=",
            "\"c2VjcmV0IHRleHQg\\ndGhhdCBpcyBsb25n\\nZXI=\"",
            "> c2VjcmV0IHRleHQg\n> dGhhdCBpcyBsb25n\n> ZXI",
        ] {
            assert_eq!(texts(text), ["secret text that is longer"], "{text}");
        }
        assert_eq!(texts("c2VjcmV0IHRleHQgaGVyZQ==\nnot-a-digit: 1"), ["secret text here"]);
    }

    #[test]
    fn code_and_hashes_decode_to_nothing() {
        for text in [
            "let the_longest_identifier_of_all = someFunctionCalledLikeThis(withParameters);",
            "sha256:b9102f29a422eb14ab2f2d0f0cc022238daceee2092f073ff80b9465aef7ac86",
            "/usr/local/share/applications/and/so/on/until/the/end",
        ] {
            assert_eq!(texts(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn digits_are_told_without_a_table() {
        for byte in 0..=u8::MAX {
            assert_eq!(is_digit(byte), digit(byte), "{byte}");
        }
    }

    proptest! {
        #[test]
        fn runs_are_found_wherever_they_stand(parts in prop::collection::vec("[A-Za-z0-9+/_-]{0,90}[ .,\\n\u{e9}]{0,3}", 0..12), skip in 0_usize..4) {
            let text = parts.concat();
            let bytes = text.as_bytes();
            let mut starts = (0..=bytes.len()).filter(|at| *at == 0 || !digit(bytes[at - 1]));
            let from = starts.nth(skip).unwrap_or(0);
            let plain = (from..bytes.len()).find(|at| {
                bytes.get(*at..at + RUN).is_some_and(|window| window.iter().all(|byte| digit(*byte)))
            });
            prop_assert_eq!(run(bytes, from), plain);
        }
    }

    #[test]
    fn stretches_join_over_small_gaps() {
        let holds = |number: usize| !matches!(number, 3 | 9 | 10 | 11);
        let mut found = Vec::new();
        stretches(20, 3, holds, |range| found.push(range));
        assert_eq!(found, [0..9, 12..20]);
    }
}
