//! Private keys whose lines have something before them: the number of a line, the name of a file, as `cat -n` and
//! `grep -n` print them.

use std::ops::Range;

use super::piece::Piece;
use crate::secrets::places;

const BEGIN: &[u8] = b"-----BEGIN";
/// The longest thing before a line, and the longest key (in lines).
const PREFIX: usize = 300;
const LINES: usize = 400;

/// Calls for every key behind prefixes.
pub(super) fn pieces<E>(text: &str, each: &mut impl FnMut(&Piece) -> Result<(), E>) -> Result<(), E> {
    let bytes = text.as_bytes();
    let mut done = 0;
    for letter in places::each(bytes, b'B') {
        let Some(at) =
            letter.checked_sub(5).filter(|at| bytes.get(*at..).is_some_and(|rest| rest.starts_with(BEGIN)))
        else {
            continue;
        };
        if at < done {
            continue;
        }
        if let Some((piece, end)) = key(text, at) {
            done = end;
            each(&piece)?;
        }
    }
    Ok(())
}

fn key(text: &str, at: usize) -> Option<(Piece, usize)> {
    let bytes = text.as_bytes();
    let line = bytes.get(..at)?.iter().rev().take(PREFIX).position(|byte| *byte == b'\n');
    let start = line.map_or_else(|| at.saturating_sub(PREFIX), |length| at - length);
    let prefix = bytes.get(start..at)?;
    // Signs that the detector of keys passes over need no help.
    if !prefix.iter().any(u8::is_ascii_alphanumeric) {
        return None;
    }
    let mut piece = Piece::edited();
    let mut from = at;
    for _ in 0..LINES {
        let rest = bytes.get(from..)?;
        let end = from + rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |length| length + 1);
        piece.copy(text, from..end);
        let closing = bytes.get(from..end)?.windows(8).any(|window| window == b"-----END");
        from = end;
        let next = bytes.get(end..).unwrap_or_default();
        let Some(behind) = behind(next, prefix).filter(|_| !closing) else { break };
        from = end + behind;
    }
    Some((piece, from))
}

/// How long the prefix of a line is, if it is of the kind of the first one: the same but for numbers and blanks.
fn behind(line: &[u8], first: &[u8]) -> Option<usize> {
    let (mut at, mut expected) = (0, 0);
    let number = |bytes: &[u8], at: usize| -> Range<usize> {
        let digits = bytes.get(at..).unwrap_or_default();
        let blanks = digits.iter().take(PREFIX).take_while(|byte| **byte == b' ').count();
        let count = digits.iter().skip(blanks).take(12).take_while(|byte| byte.is_ascii_digit()).count();
        if count > 0 { at..at + blanks + count } else { at..at }
    };
    while expected < first.len() {
        let (here, there) = (number(line, at), number(first, expected));
        if !there.is_empty() {
            if here.is_empty() {
                return None;
            }
            (at, expected) = (here.end, there.end);
        } else if matches!((line.get(at)?, first.get(expected)?), (left, right) if left == right || matches!((left, right), (b':' | b'-', b':' | b'-')))
        {
            (at, expected) = (at + 1, expected + 1);
        } else {
            return None;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_taken_off() {
        let (head, tail) = ("-----BEGIN X-----", "-----END X-----");
        for text in [
            format!("keys.pem:8:{head}\nkeys.pem:9:AAAA\nkeys.pem:10:BBBB\nkeys.pem:11:{tail}\n"),
            format!("     8\t{head}\n     9\tAAAA\n    10\tBBBB\n    11\t{tail}\nafter"),
            format!("a/keys.pem:8:{head}\na/keys.pem-9-AAAA\na/keys.pem-10-BBBB\na/keys.pem-11-{tail}\n"),
        ] {
            let mut seen = Vec::new();
            let done: Result<(), ()> = pieces(&text, &mut |piece| {
                seen.push(piece.text.clone());
                let whole = piece.back(0..piece.text.len() - 1).unwrap();
                let whole = text.get(whole).unwrap();
                assert!(whole.starts_with(head) && whole.ends_with(tail));
                Ok(())
            });
            done.unwrap();
            assert_eq!(seen, [format!("{head}\nAAAA\nBBBB\n{tail}\n")], "{text}");
        }
    }
}
