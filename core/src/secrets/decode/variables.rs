//! A secret in pieces that are given to a shell's variables one after the other and written together again:
//! `A=ghp_...; B=...; curl -H "$A$B"`.
//!
//! Only variables that stand side by side somewhere are of interest, and only in the order in which they were set: then the
//! values read as one, and each byte of the text is read once.

use std::collections::BTreeSet;
use std::ops::Range;

use super::piece::Piece;
use crate::secrets::places;

/// How much may stand between a value and the next name (in bytes): `; export `, a comment, a line of another kind.
const GAP: usize = 128;
/// The longest name and the longest value, in bytes.
const NAME: usize = 64;
const VALUE: usize = 4096;

const fn named(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Calls for the values of variables that are set one after the other and written side by side.
pub(super) fn pieces<E>(text: &str, each: &mut impl FnMut(&Piece) -> Result<(), E>) -> Result<(), E> {
    let pairs = pairs(text);
    if pairs.is_empty() {
        return Ok(());
    }
    let mut group: Vec<Set<'_>> = Vec::new();
    for at in places::each(text.as_bytes(), b'=') {
        let Some(set) = Set::at(text, at) else { continue };
        let follows = group.last().is_some_and(|last| {
            let gap = set.start.checked_sub(last.value.end);
            gap.is_some_and(|gap| gap <= GAP) && pairs.contains(&(last.name, set.name))
        });
        if !follows {
            flush(text, &group, each)?;
            group.clear();
        }
        group.push(set);
    }
    flush(text, &group, each)
}

fn flush<E>(text: &str, group: &[Set<'_>], each: &mut impl FnMut(&Piece) -> Result<(), E>) -> Result<(), E> {
    if group.len() < 2 {
        return Ok(());
    }
    let mut piece = Piece::edited();
    for set in group {
        piece.copy(text, set.value.clone());
    }
    each(&piece)
}

/// The names that stand side by side: `$A$B`, `${A}${B}`, `"$A""$B"`.
fn pairs(text: &str) -> BTreeSet<(&str, &str)> {
    let mut pairs = BTreeSet::new();
    let mut last: Option<(&str, usize)> = None;
    for at in places::each(text.as_bytes(), b'$') {
        let Some((name, end)) = expansion(text, at) else { continue };
        if let Some((before, seen)) = last
            && let Some(between) = text.get(seen..at)
            && between.len() <= 2
            && between.bytes().all(|byte| matches!(byte, b'"' | b'\''))
        {
            pairs.insert((before, name));
        }
        last = Some((name, end));
    }
    pairs
}

/// The name that is written at a `$`, and where the expansion ends.
fn expansion(text: &str, at: usize) -> Option<(&str, usize)> {
    let rest = text.get(at + 1..)?;
    let inner = rest.strip_prefix('{').unwrap_or(rest);
    let braced = inner.len() < rest.len();
    let length = inner.bytes().take(NAME).take_while(|byte| named(*byte)).count();
    let name = inner.get(..length).filter(|name| !name.is_empty())?;
    if braced && inner.as_bytes().get(length) != Some(&b'}') {
        return None;
    }
    Some((name, at + 1 + length + if braced { 2 } else { 0 }))
}

/// A variable that is set.
struct Set<'t> {
    name: &'t str,
    /// Where the name begins.
    start: usize,
    value: Range<usize>,
}

impl<'t> Set<'t> {
    /// What is set at a `=`.
    fn at(text: &'t str, at: usize) -> Option<Self> {
        let bytes = text.as_bytes();
        let length = bytes.get(..at)?.iter().rev().take(NAME).take_while(|byte| named(**byte)).count();
        let start = at - length;
        let name = text.get(start..at).filter(|name| !name.is_empty())?;
        let quote = bytes.get(at + 1).copied().filter(|byte| matches!(byte, b'"' | b'\''));
        let from = at + 1 + usize::from(quote.is_some());
        let inside = |byte: &u8| match quote {
            Some(quote) => *byte != quote && *byte != b'\n',
            None => matches!(byte, b'!'..=b'~') && !matches!(byte, b';' | b'&' | b'|' | b'"' | b'\'' | b')'),
        };
        let length = bytes.get(from..)?.iter().take(VALUE).take_while(|byte| inside(byte)).count();
        let value = from..from + length;
        // Of a value that is made of others nothing is known here.
        let known = text.get(value.clone()).is_some_and(|value| !value.is_empty() && !value.contains('$'));
        known.then_some(Self { name, start, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let done: Result<(), ()> = pieces(text, &mut |piece| {
            texts.push(piece.text.clone());
            let whole = piece.back(0..piece.text.len()).unwrap();
            assert!(text.get(whole).is_some());
            Ok(())
        });
        done.unwrap();
        texts
    }

    #[test]
    fn values_that_are_written_side_by_side_are_one() {
        for text in [
            "A=\"acme_01\"\nB=\"234\"\nexport T=\"$A$B\"",
            "A=acme_01; B='234'; curl -H \"x: ${A}${B}\"",
            "export A=acme_01 && export B=234 && echo \"$A\"\"$B\"",
            "echo $A$B\nA=acme_01\n# a comment\nB=234\n",
        ] {
            assert_eq!(read(text), ["acme_01234"], "{text}");
        }
        assert_eq!(read("A=ab;B=cd;C=ef; echo $A$B$C"), ["abcdef"]);
    }

    #[test]
    fn other_variables_are_left_alone() {
        for text in [
            "A=acme_01\nB=234\necho \"$A $B\"",
            "A=acme_01\nB=234\n",
            "B=234\nA=acme_01\necho $A$B",
            "A=acme_01\nB=$C\necho $A$B$",
            "echo $A$B ${A}${B",
            "price = 3$ and 4$$",
        ] {
            assert_eq!(read(text), Vec::<String>::new(), "{text}");
        }
    }
}
