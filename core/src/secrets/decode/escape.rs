//! Backslash escapes of characters in source code and JSON: `\x67`, `\u0067`, `\u{67}`, `\U00000067`, `\147`, the shell's
//! `\g`, and a line that goes on after its end. Escaped once more (`\\u0067`), they are read all the same.

use super::hex;
use super::rewrite::Edit;

/// How many further backslashes before one belong to it.
const NESTED: usize = 7;

/// The escape at a place.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<Edit> {
    let rest = bytes.get(at..)?.strip_prefix(b"\\")?;
    let nested = bytes.get(..at)?.iter().rev().take(NESTED).take_while(|byte| **byte == b'\\').count();
    let start = at - nested;
    let edit = |length: usize, byte| Edit::of(start..at + 1 + length, byte);
    match rest {
        [b'x' | b'u', b'{', digits @ ..] => {
            let count = digits.iter().take(9).position(|byte| *byte == b'}').filter(|count| *count > 0)?;
            edit(3 + count, number(digits.get(..count)?)?)
        }
        [b'x', high, low, ..] => edit(3, hex::byte(*high, *low)?),
        [b'u', digits @ ..] => edit(5, number(digits.get(..4)?)?),
        [b'U', digits @ ..] => edit(9, number(digits.get(..8)?)?),
        [a @ b'0'..=b'1', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            edit(3, (a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
        }
        [b'\n', ..] => continued(bytes, start, at + 2),
        [b'\r', b'\n', ..] => continued(bytes, start, at + 3),
        // JSON may escape a slash; a shell takes any letter that no language gives a meaning.
        [b'/', after, ..] if between(bytes, start, *after) => edit(1, b'/'),
        [
            letter @ (b'g'..=b'm'
            | b'o'
            | b'p'
            | b'q'
            | b'y'
            | b'C'
            | b'E'..=b'R'
            | b'T'
            | b'V'
            | b'X'
            | b'Y'
            | b'_'),
            ..,
        ] if between(bytes, start, *letter) => edit(1, *letter),
        _ => None,
    }
}

/// A line that ends in a backslash goes on where the next one begins.
fn continued(bytes: &[u8], start: usize, end: usize) -> Option<Edit> {
    let after = bytes.get(end)?;
    between(bytes, start, *after).then(|| Edit::gone(start..end))
}

/// Whether the escape stands inside a word.
fn between(bytes: &[u8], start: usize, after: u8) -> bool {
    let part = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=' | b'.' | b':')
    };
    part(after) && start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| part(*byte))
}

fn number(digits: &[u8]) -> Option<u8> {
    let value = digits
        .iter()
        .try_fold(0_u32, |value, digit| Some(value.checked_mul(16)? + u32::from(hex::value(*digit)?)))?;
    u8::try_from(value).ok()
}
