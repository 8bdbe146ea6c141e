//! Escapes and joined string literals: the text around them, as it would read without.
//!
//! What marks an escape is found by comparing bytes with the few that may begin one, 64 at a time, and those with what stands beside
//! them. An escape counts if it
//! lies in (or just before) a run of characters as long as a token; the text is then written anew from a little before the
//! first such escape to a little after the last, so that a keyword and its value stay together.

use std::ops::Range;

use super::piece::Piece;
use super::{SHORTEST, entity, escape, hex, join, percent};
use crate::secrets::places::{CHUNK, LANE, Places, marked};

/// How much text before the first escape and after the last one belongs to it, in bytes.
const BEFORE: usize = 96;
const AFTER: usize = 512;
/// How much further the text goes on where it would cut a word.
const WORD: usize = 512;
/// Escapes so near each other (in bytes) are parts of one encoded text.
const NEAR: usize = 6;
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

/// Whether a byte may begin an escape or the seam of two literals: `"$%&'`, `0`, a backslash, a backquote. `#` is among them
/// because it lies between the others. Without branches, so that the compiler compares many at once.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "branches would keep the compiler from comparing many at once"
)]
const fn opens(byte: u8) -> bool {
    (byte.wrapping_sub(b'"') < 6) | (byte == b'0') | (byte == b'\\') | (byte == b'`')
}

/// The kinds of pairs of bytes at which something begins. Those of the last two begin only inside a word.
const SEAM: u8 = 1;
const PERCENT: u8 = 1 << 1;
const ENTITY: u8 = 1 << 2;
const ESCAPE: u8 = 1 << 3;
const LISTED: u8 = 1 << 4;
const TEMPLATE: u8 = 1 << 5;
const PLAIN: u8 = 1 << 6;
const QUOTED: u8 = 1 << 7;

/// What may begin with a byte.
const fn as_first(byte: u8) -> u8 {
    match byte {
        b'"' | b'\'' | b'`' => SEAM | QUOTED,
        b'%' => PERCENT,
        b'&' => ENTITY,
        b'\\' => ESCAPE | PLAIN,
        b'0' => LISTED,
        b'$' => TEMPLATE,
        _ => 0,
    }
}

/// What may go on with a byte.
const fn as_second(byte: u8) -> u8 {
    let mut kinds = 0;
    if matches!(
        byte,
        b' ' | b'\n' | b'\r' | b'\\' | b'+' | b'.' | b'&' | b'|' | b'~' | b'<' | b'}' | b'"' | b'\'' | b'`'
    ) {
        kinds |= SEAM;
    }
    if wordy(byte) {
        kinds |= QUOTED;
    }
    if matches!(byte, b'0'..=b'7') {
        kinds |= PERCENT;
    }
    if byte == b'#' {
        kinds |= ENTITY;
    }
    if matches!(byte, b'x' | b'u' | b'U' | b'0' | b'1' | b'\n' | b'\r' | b'/') {
        kinds |= ESCAPE;
    }
    // The letters that are no escape anywhere: see `escape`.
    if matches!(byte, b'g'..=b'm' | b'o'..=b'q' | b'y' | b'C'..=b'Y' | b'_') {
        kinds |= PLAIN;
    }
    if matches!(byte, b'x' | b'X') {
        kinds |= LISTED;
    }
    if byte == b'{' {
        kinds |= TEMPLATE;
    }
    kinds
}

/// What may begin behind a byte.
const fn as_before(byte: u8) -> u8 {
    if wordy(byte) { u8::MAX } else { !(PLAIN | QUOTED) }
}

const fn wordy(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'-'..=b'9' | b'_')
}

/// The three for every byte, side by side.
static KINDS: [[u8; 256]; 3] = {
    let mut kinds = [[0; 256]; 3];
    let mut byte = 0_u8;
    loop {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, a byte is below 256")]
        {
            kinds[0][byte as usize] = as_before(byte);
            kinds[1][byte as usize] = as_first(byte);
            kinds[2][byte as usize] = as_second(byte);
        }
        if byte == u8::MAX {
            break kinds;
        }
        byte += 1;
    }
};

/// Whether a byte between its neighbours can be the start of an escape or the seam of two literals.
fn telling(before: u8, first: u8, second: u8) -> bool {
    let [befores, firsts, seconds] = &KINDS;
    let kinds = |table: &[u8; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    kinds(firsts, first) & kinds(seconds, second) & kinds(befores, before) != 0
}

/// The places at which something may begin, in ascending order.
#[derive(Debug)]
struct Openings<'t> {
    bytes: &'t [u8],
    /// Where the last chunk begins, and what was found in it.
    chunk: usize,
    found: Places,
    /// The number of the next one of them.
    next: usize,
    /// Where the next chunk begins.
    behind: usize,
}

impl<'t> Openings<'t> {
    const fn of(bytes: &'t [u8]) -> Self {
        Self { bytes, chunk: 0, found: Places::none(), next: 0, behind: 0 }
    }

    /// The next place from here on.
    fn from(&mut self, from: usize) -> Option<usize> {
        loop {
            while let Some(place) = self.found.get(self.next) {
                self.next += 1;
                let at = self.chunk + usize::from(place);
                if at >= from {
                    return Some(at);
                }
            }
            // What an edit takes up may be longer than a chunk.
            self.chunk = self.behind.max(from);
            self.bytes.get(self.chunk..).filter(|rest| !rest.is_empty())?;
            self.behind = self.chunk + CHUNK;
            self.look();
        }
    }

    fn look(&mut self) {
        self.found.clear();
        self.next = 0;
        let rest = self.bytes.get(self.chunk..).unwrap_or_default();
        for (number, block) in rest.chunks(LANE).take(CHUNK / LANE).enumerate() {
            self.found.add(marked(block, opens), LANE * number, 1);
        }
        let (bytes, chunk) = (self.bytes, self.chunk);
        self.found.sift(|place| (place, told(bytes, chunk + usize::from(place))));
    }
}

/// The same of a place in a text.
fn told(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
    match bytes.get(at..) {
        Some([first, second, ..]) => telling(before, *first, *second),
        _ => false,
    }
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
    let mut places = Openings::of(bytes);
    let mut from = 0;
    while let Some(at) = places.from(from) {
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

    use proptest::prelude::*;

    fn read(text: &str) -> Vec<String> {
        tests::texts_of(|mut each| pieces(text, &mut each))
    }

    /// [`telling`] in plain words.
    fn plainly(before: u8, first: u8, second: u8) -> bool {
        let inside = wordy(before);
        match first {
            b'"' | b'\'' | b'`' => b" \n\r\\+.&|~<}\"'`".contains(&second) || (inside && wordy(second)),
            b'%' => (b'0'..b'8').contains(&second),
            b'&' => second == b'#',
            b'\\' => {
                let plain = matches!(second, b'g'..=b'm' | b'o'..=b'q' | b'y' | b'C'..=b'Y' | b'_');
                b"xuU01\n\r/".contains(&second) || (plain && inside)
            }
            b'0' => second.eq_ignore_ascii_case(&b'x'),
            b'$' => second == b'{',
            _ => false,
        }
    }

    #[test]
    fn the_tables_say_what_is_said_in_words() {
        for before in [b' ', b'"', b'-', b'.', b'/', b'9', b'_', b'a', b'Z', b':', 0, 0xff] {
            for first in 0..=u8::MAX {
                for second in 0..=u8::MAX {
                    let told = telling(before, first, second);
                    assert_eq!(told, plainly(before, first, second), "{before} {first} {second}");
                    assert!(!told || opens(first));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_place_is_passed_over(
            parts in prop::collection::vec(
                prop_oneof![Just("\\x6".to_owned()), Just("%41".to_owned()), Just("\" \"".to_owned()),
                            Just("a'b".to_owned()), Just("0x41, ".to_owned()), Just("${'".to_owned()),
                            "[a-z ]{0,70}", "\\PC{0,5}"], 0..24),
            steps in prop::collection::vec(1_usize..90, 1..40),
        ) {
            let text = parts.concat();
            let bytes = text.as_bytes();
            let plain = |from: usize| (from..bytes.len()).find(|at| {
                let before = at.checked_sub(1).map_or(b' ', |at| bytes[at]);
                bytes.get(at + 1).is_some_and(|second| plainly(before, bytes[*at], *second))
            });
            let (mut places, mut from) = (Openings::of(bytes), 0);
            for step in steps {
                let found = places.from(from);
                prop_assert_eq!(found, plain(from));
                let Some(at) = found else { break };
                from = at + step;
            }
        }
    }

    const PLAIN_TEXT: &str = "the acme_0123456789abcdef key";

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
            assert_eq!(read(text), [PLAIN_TEXT], "{text}");
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
