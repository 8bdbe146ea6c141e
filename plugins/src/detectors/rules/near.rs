//! Values without a form of their own, beside a name that says whose they are.

use std::ops::Range;

use agentfirewall_sdk::Confidence;

use crate::detectors::text::{dummy, entropy, from, has_word, hex, piece, run_back, word};
use crate::detectors::wordlike::surprise;

/// A name and a form make it likely, never sure.
pub(in crate::detectors) const CONFIDENCE: Confidence = Confidence::Medium;

/// How far behind a name its value may begin, and how much before the name may belong to it, in bytes.
const BEHIND: usize = 80;
const BEFORE: usize = 32;
/// Up to this length, the name has to be a word of its own: `here` is in `there`.
const SHORT: usize = 5;

/// Words of which one says that a value is a secret.
const TELLING: [&str; 23] = [
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "auth",
    "cred",
    "api",
    "bearer",
    "pat",
    "private",
    "access",
    "webhook",
    "dsn",
    "sid",
    "license",
    "signing",
    "signature",
    "client_s",
    "session",
    "cookie",
    "login",
    "jwt",
];

/// What a rule says of the values beside its names.
pub(in crate::detectors) trait Form {
    /// The length of the longest value that begins here.
    fn longest(&self, bytes: &[u8]) -> Option<usize>;

    /// The next place from one on and before another at which a value may begin, as far as that can be told quickly.
    fn next(&self, _bytes: &[u8], at: usize, _limit: usize) -> Option<usize> {
        Some(at)
    }

    /// The least entropy in bits a character; 0 for the usual.
    fn entropy(&self) -> f32;

    /// Whether a value of the form passes what else is asked of it.
    fn accepts(&self, value: &[u8]) -> bool;

    /// Whether the words of the rule's own stand in what is around the name; `None` if the usual ones are meant.
    fn telling(&self, context: &[u8]) -> Option<bool>;
}

/// The value that belongs to a name, if there is one of the rule's form.
pub(in crate::detectors) fn find(bytes: &[u8], name: Range<usize>, form: &impl Form) -> Option<Range<usize>> {
    if !is_word(bytes, &name) {
        return None;
    }
    // Behind most names nothing is as long as a value: that is told before anything else is looked at.
    let mut at = form.next(bytes, name.end, name.end + BEHIND)?;
    let limit = window(bytes, name.end);
    while at < limit {
        let start = candidate(bytes, at, limit)?;
        if let Some(length) = form.longest(from(bytes, start))
            && ends(bytes, start + length)
            && drawn(piece(bytes, start, start + length), form.entropy())
            && form.accepts(piece(bytes, start, start + length))
            && belongs(bytes, &name, start, form)
        {
            return Some(start..start + length);
        }
        // On to the next place at which something begins.
        at = start + 1;
        while at < limit && bytes.get(at).is_some_and(|byte| word(*byte)) {
            at += 1;
        }
        at = form.next(bytes, at, limit)?;
    }
    None
}

/// Whether a name is not a part of a longer word of letters. A long name is distinctive enough to stand anywhere.
fn is_word(bytes: &[u8], name: &Range<usize>) -> bool {
    if name.len() >= SHORT {
        return true;
    }
    let case = |byte: &u8| (byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
    let goes_on = |inside: Option<&u8>, outside: Option<&u8>| match (inside, outside) {
        (Some(inside), Some(outside)) => {
            inside.is_ascii_alphabetic() && outside.is_ascii_alphabetic() && case(inside) == case(outside)
        }
        _ => false,
    };
    let before = name.start.checked_sub(1).and_then(|at| bytes.get(at));
    let first = bytes.get(name.start);
    let last = name.end.checked_sub(1).and_then(|at| bytes.get(at));
    let behind = bytes.get(name.end);
    // `hereApiKey` is `here`, and `herekey` too.
    let joined =
        has_word(piece(bytes, name.end, name.end + 7), &["key", "token", "secret", "api", "pass", "auth"])
            && TELLING.iter().any(|telling| {
                from(bytes, name.end)
                    .get(..telling.len())
                    .is_some_and(|here| here.eq_ignore_ascii_case(telling.as_bytes()))
            });
    !goes_on(first, before) && (joined || !goes_on(last, behind))
}

/// The end of what is looked at: the second line break behind the name, or so many bytes.
fn window(bytes: &[u8], from_here: usize) -> usize {
    let behind = piece(bytes, from_here, (from_here + BEHIND).min(bytes.len()));
    let mut breaks = behind.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let _first = breaks.next();
    breaks.next().map_or(from_here + behind.len(), |second| from_here + second)
}

/// The next place from here on at which a value can begin.
fn candidate(bytes: &[u8], mut at: usize, limit: usize) -> Option<usize> {
    while at < limit {
        let here = bytes.get(at)?;
        let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
        let opened = before.is_ascii_whitespace()
            || matches!(before, b'"' | b'\'' | b'`' | b'=' | b':' | b'(' | b'>' | b',' | b'[' | b'{');
        let begun = if word(*here) {
            let escape = matches!(before, b'n' | b't' | b'r') && at >= 2 && bytes.get(at - 2) == Some(&b'\\');
            (!word(before) && !matches!(before, b'-' | b'+' | b'.')) || escape
        } else {
            opened && matches!(here, b'+' | b'-' | b'.' | b'/' | b'*' | b'$' | b'!' | b'(')
        };
        if begun {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Whether a value may end here.
fn ends(bytes: &[u8], end: usize) -> bool {
    match from(bytes, end) {
        [] => true,
        [byte, ..] if word(*byte) => false,
        [b'-' | b'+' | b'/' | b'.' | b':', next, ..] => !word(*next),
        [b'=', b'=' | b'"' | b'\'' | b'`', ..] => true,
        _ => true,
    }
}

/// Words in a value that somebody is to replace.
const HINTS: [&str; 12] = [
    "example",
    "xxxx",
    "your",
    "changeme",
    "change_me",
    "placeholder",
    "redacted",
    "dummy",
    "sample",
    "insert",
    "replace",
    "notreal",
];

/// Whether a value looks drawn at random, not typed.
fn drawn(value: &[u8], least: f32) -> bool {
    if dummy(value) || has_word(value, &HINTS) {
        return false;
    }
    let digits = value.iter().any(u8::is_ascii_digit);
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    // Without a digit it may be words.
    if least <= 0.0 && value.len() >= 16 && letters && !digits && !mixed(value) && surprise(value) < 4.5 {
        return false;
    }
    let needed = if least > 0.0 {
        least
    } else if !letters {
        1.8
    } else if value.iter().all(|byte| hex(byte.to_ascii_lowercase())) || value.len() < 20 {
        2.5
    } else {
        3.0
    };
    entropy(value) >= needed
}

/// Whether capitals stand where no writer puts them.
fn mixed(value: &[u8]) -> bool {
    let ups = value
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    ups.count() >= 3
}

/// Whether a value belongs to a name: the name is that of its assignment, or stands in the same text with a word in between
/// that says what the value is.
fn belongs(bytes: &[u8], name: &Range<usize>, value: usize, form: &impl Form) -> bool {
    let between = piece(bytes, name.end, value);
    let linked =
        between.iter().any(|byte| matches!(byte, b'=' | b':' | b'>' | b',' | b'(' | b'"' | b'\'' | b'`'))
            || between.iter().all(|byte| matches!(byte, b' ' | b'\t') || word(*byte) || *byte == b'-');
    if !linked || between.ends_with(b"#") {
        return false;
    }
    let start =
        name.start - run_back(bytes, name.start, BEFORE, |byte| word(byte) || matches!(byte, b'-' | b'.'));
    let context = piece(bytes, start, value);
    // The name itself may hold such a word: `datadog_api`.
    form.telling(context).unwrap_or_else(|| has_word(context, &TELLING))
}
