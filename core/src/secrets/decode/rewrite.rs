//! Escapes and joined string literals: the text around them, as it would read without.
//!
//! What marks an escape is found by comparing every two neighbouring bytes, 32 places at a time. An escape counts if it
//! lies in (or just before) a run of characters as long as a token; the text is then written anew from a little before the
//! first such escape to a little after the last, so that a keyword and its value stay together.

use std::ops::Range;

use super::piece::Piece;
use super::{SHORTEST, entity, escape, hex, join, percent};

/// How much text before the first escape and after the last one belongs to it, in bytes.
const BEFORE: usize = 96;
const AFTER: usize = 512;
/// How much further the text goes on where it would cut a word.
const WORD: usize = 512;
/// Escapes so near each other (in bytes) are parts of one encoded text.
const NEAR: usize = 6;
/// The places that are compared at once.
const LANE: usize = 32;
/// A value this long behind an escaped sign (`password%3D...`) may be a secret.
const VALUE: usize = 10;

/// A place in a text and the character that it stands for; none where it stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// The bytes of the escape.
    pub place: Range<usize>,
    /// What it stands for.
    pub with: Option<u8>,
}

impl Edit {
    /// An escape of an ASCII character that can be read. Others are of no interest: no token has them.
    pub(super) const fn of(place: Range<usize>, byte: u8) -> Option<Self> {
        match byte {
            b' '..=b'~' | b'\t' | b'\n' | b'\r' => Some(Self { place, with: Some(byte) }),
            _ => None,
        }
    }

    /// A place that stands for nothing.
    pub(super) const fn gone(place: Range<usize>) -> Self {
        Self { place, with: None }
    }
}

/// What tokens, addresses and their names consist of, and escapes of them.
const fn inside(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~')
        && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'(' | b')' | b'[' | b']' | b',' | b'\\')
}

/// Whether a byte between its neighbours can be the start of an escape or the seam of two literals. Without branches, so
/// that the compiler compares many at once.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "branches would keep the compiler from comparing many at once"
)]
const fn telling(before: u8, first: u8, second: u8) -> bool {
    let lower = second | 0x20;
    let word =
        ((before | 0x20).wrapping_sub(b'a') < 26) | (before.wrapping_sub(b'-') < 13) | (before == b'_');
    let next_word = (lower.wrapping_sub(b'a') < 26) | (second.wrapping_sub(b'-') < 13) | (second == b'_');
    let quote = (first == b'"') | (first == b'\'') | (first == b'`');
    let seam = (second == b' ')
        | (second == b'\n')
        | (second == b'\r')
        | (second == b'\\')
        | (second == b'+')
        | (second == b'.')
        | (second == b'&')
        | (second == b'|')
        | (second == b'~')
        | (second == b'<')
        | (second == b'}')
        | (second == b'"')
        | (second == b'\'')
        | (second == b'`');
    // The letters that are no escape anywhere: see `escape`.
    let plain = (second.wrapping_sub(b'g') < 7)
        | (second.wrapping_sub(b'o') < 3)
        | (second == b'y')
        | (second.wrapping_sub(b'C') < 23)
        | (second == b'_');
    let escape = (second == b'x')
        | (second == b'u')
        | (second == b'U')
        | (second.wrapping_sub(b'0') < 2)
        | (second == b'\n')
        | (second == b'\r')
        | (second == b'/');
    (quote & (seam | (word & next_word)))
        | ((first == b'%') & (second.wrapping_sub(b'0') < 8))
        | ((first == b'&') & (second == b'#'))
        | ((first == b'\\') & (escape | (plain & word)))
        | ((first == b'0') & (lower == b'x'))
        | ((first == b'$') & (second == b'{'))
}

/// The same for one place, where branches are quicker.
fn told(before: u8, first: u8, second: u8) -> bool {
    matches!(first, b'"' | b'\'' | b'`' | b'%' | b'&' | b'\\' | b'0' | b'$') && single(before, first, second)
}

#[inline(never)]
const fn single(before: u8, first: u8, second: u8) -> bool {
    telling(before, first, second)
}

/// The next place at which something may begin.
fn next(bytes: &[u8], mut from: usize) -> Option<usize> {
    if from == 0 {
        if let [first, second, ..] = bytes
            && telling(b' ', *first, *second)
        {
            return Some(0);
        }
        from = 1;
    }
    while let Some(window) = bytes.get(from - 1..).and_then(<[u8]>::first_chunk::<{ LANE + 2 }>) {
        let places = || window[..LANE].iter().zip(&window[1..=LANE]).zip(&window[2..]);
        let here = |((before, first), second): ((&u8, &u8), &u8)| telling(*before, *first, *second);
        if places().fold(false, |any, place| any | here(place)) {
            let place = places().position(|((before, first), second)| told(*before, *first, *second))?;
            return Some(from + place);
        }
        from += LANE;
    }
    let rest = bytes.get(from - 1..)?;
    let place = rest
        .windows(3)
        .position(|window| matches!(window, [before, first, second] if telling(*before, *first, *second)));
    place.map(|place| from + place)
}

fn edit(bytes: &[u8], at: usize) -> Option<Edit> {
    match bytes.get(at)? {
        b'%' => percent::at(bytes, at),
        b'\\' => escape::at(bytes, at),
        b'&' => entity::at(bytes, at),
        b'0' => listed(bytes, at),
        b'$' => join::template(bytes, at),
        _ => join::at(bytes, at),
    }
}

/// A byte of a list (`0x67, 0x68`) with what separates it from the next one.
fn listed(bytes: &[u8], at: usize) -> Option<Edit> {
    let byte_at = |at: usize| match bytes.get(at..)? {
        [b'0', b'x' | b'X', high, low, rest @ ..] => {
            let alone = !rest.first().is_some_and(u8::is_ascii_alphanumeric);
            hex::byte(*high, *low).filter(|_| alone)
        }
        _ => None,
    };
    let byte = byte_at(at)?;
    let end = at + 4;
    let separates = |byte: &&u8| matches!(**byte, b',' | b' ' | b'\n' | b'\r' | b'\t');
    let gap = bytes.get(end..)?.iter().take(64).take_while(separates).count();
    let followed = gap > 0 && byte_at(end + gap).is_some();
    let end = if followed { end + gap } else { end };
    // One alone is a number.
    let gap = bytes.get(..at)?.iter().rev().take(64).take_while(separates).count();
    let follows = gap > 0 && at.checked_sub(gap + 4).is_some_and(|at| byte_at(at).is_some());
    if !followed && !follows {
        return None;
    }
    Edit::of(at..end, byte)
}

/// Edits that stand near each other.
#[derive(Debug, Default)]
struct Group {
    edits: Vec<Edit>,
    /// Whether one of them lies in a run as long as a token.
    worth: bool,
    /// The length of the run that ends with the last edit.
    run: usize,
    /// How many edits follow each other closely up to the last one.
    chain: usize,
}

impl Group {
    fn add(&mut self, bytes: &[u8], edit: Edit) {
        let start = edit.place.start;
        let seen = self.edits.last().map_or(0, |last| last.place.end);
        let distance = start.saturating_sub(seen);
        let left = bytes.get(seen..start).unwrap_or_default();
        let left = left.iter().rev().take(SHORTEST).take_while(|byte| inside(**byte)).count();
        self.chain = if distance <= NEAR { self.chain + 1 } else { 1 };
        // Nobody writes so many escapes in a row but to encode a text, whatever it says.
        self.worth |= self.chain >= SHORTEST;
        let before = if left == distance { self.run + left } else { left };
        let right = bytes.get(edit.place.end..).unwrap_or_default();
        let right = right.iter().take(SHORTEST).take_while(|byte| inside(**byte)).count();
        if edit.with.is_none_or(|byte| byte.is_ascii_graphic()) {
            self.run = before + usize::from(edit.with.is_some());
            self.worth |= self.run + right >= SHORTEST && self.run > 0;
        } else {
            self.run = 0;
            self.worth |= right >= VALUE;
        }
        self.edits.push(edit);
    }

    /// The text around the edits as it reads without them.
    fn piece(&self, text: &str) -> Option<Piece> {
        let bytes = text.as_bytes();
        let (first, last) = (self.edits.first()?, self.edits.last()?);
        let blank = |byte: &&u8| byte.is_ascii_whitespace();
        let from = first.place.start.saturating_sub(BEFORE);
        let word = bytes.get(..from)?.iter().rev().take(WORD).position(|byte| blank(&byte));
        let from = text.floor_char_boundary(from - word.unwrap_or_else(|| from.min(WORD)));
        let to = (last.place.end + AFTER).min(bytes.len());
        let word = bytes.get(to..)?.iter().take(WORD).position(|byte| blank(&byte));
        let to = text.ceil_char_boundary((to + word.unwrap_or(WORD)).min(bytes.len()));
        let mut piece = Piece::edited();
        let mut done = from;
        for edit in &self.edits {
            piece.copy(text, done..edit.place.start);
            if let Some(byte) = edit.with {
                piece.replace(edit.place.clone(), char::from(byte));
            }
            done = edit.place.end;
        }
        piece.copy(text, done..to);
        let inner = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|byte| inside(*byte));
        piece.cut(inner(from.checked_sub(1)), inner(Some(to)));
        Some(piece)
    }
}

/// Calls for every part of a text that reads otherwise without its escapes.
pub(super) fn pieces<E>(text: &str, each: &mut impl FnMut(&Piece) -> Result<(), E>) -> Result<(), E> {
    let bytes = text.as_bytes();
    let mut group = Group::default();
    let mut flush = |group: &mut Group| {
        let done = if group.worth { group.piece(text).map_or(Ok(()), |piece| each(&piece)) } else { Ok(()) };
        group.edits.clear();
        (group.worth, group.run, group.chain) = (false, 0, 0);
        done
    };
    let mut from = 0;
    while let Some(at) = next(bytes, from) {
        from = at + 1;
        let Some(edit) = edit(bytes, at) else { continue };
        if group.edits.last().is_some_and(|last| last.place.end + AFTER < edit.place.start) {
            flush(&mut group)?;
        }
        from = edit.place.end.max(at + 1);
        group.add(bytes, edit);
    }
    flush(&mut group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::decode::tests;

    fn read(text: &str) -> Vec<String> {
        tests::texts_of(|mut each| pieces(text, &mut each))
    }

    const PLAIN: &str = "the acme_0123456789abcdef key";

    #[test]
    fn escapes_of_every_kind_are_read() {
        for text in [
            "the %61cme_0123456789abcde%66 key",
            "the \\x61cme_0123456789abcde\\x66 key",
            "the \\u0061cme_0123456789abcde\\U00000066 key",
            "the \\u{61}cme_0123456789abcde\\x{66} key",
            "the \\\\u0061cme_0123456789abcde\\\\\\\\u0066 key",
            "the \\141cme_0123456789abcde\\146 key",
            "the &#97;cme_0123456789abcde&#x66; key",
            "the acme_0123\\\n456789abcdef key",
            "the ac\"me_01\"23456789abcdef key",
            "the ac\"\"me_0123456789ab''cdef key",
            "the acme_0123${'456'}789abcdef key",
        ] {
            assert_eq!(read(text), [PLAIN], "{text}");
        }
    }

    #[test]
    fn literals_in_pieces_are_joined() {
        for text in [
            "x = \"acme_\" + \"0123456789abcdef\"",
            "x = \"acme_\" \"0123456789abcdef\"",
            "x = \"acme_\" . \"0123456789abcdef\"",
            "x = \"acme_\" .. \"0123456789abcdef\"",
            "x = \"acme_\" +\n        \"0123456789abcdef\"",
            "x = \"acme_\" \\\n  \"0123456789abcdef\"",
            "x = \"acme_\" & _\n  \"0123456789abcdef\"",
            "x = \"acme_\" f\"0123456789abcdef\"",
            "x = \"acme_\"'0123456789abcdef\"",
            "x = \"acme_0123\" ++ \"4567\" ++ \"89abcdef\"",
        ] {
            assert_eq!(read(text), ["x = \"acme_0123456789abcdef\""], "{text}");
        }
    }

    #[test]
    fn a_list_of_bytes_is_a_word() {
        let list: Vec<String> = "acme_0123456789abcdef".bytes().map(|byte| format!("0x{byte:02x}")).collect();
        let joined = format!("{{{}}}", list.join(", "));
        assert_eq!(read(&joined), ["{acme_0123456789abcdef}"]);
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "it doesn't matter; \"quoted\" words, 'a' and \"b\", \"\" and ''",
            "{\"name\": \"value\", \"list\": [\"a\", \"b\"]}",
            "printf(\"%d of %s\\n\", 0x1F, 100%2);",
            "re.match(r'\\w+\\s*\\d{3}', f\"{x}\")",
            "café \\u00e9 &amp; &#233; %C3%A9",
        ] {
            assert_eq!(read(text), Vec::<String>::new(), "{text}");
        }
    }
}
