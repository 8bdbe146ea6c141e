//! String literals in pieces: `"a" + "b"`, `'a' 'b'`, `"a" . "b"`, a shell's `"a"'b'`, `${"b"}` in a template.

use super::rewrite::Edit;

/// How much white space lies between two literals, at most.
const GAP: usize = 160;
/// What joins two literals in some language, the longer ones first. Nothing at all joins them too.
const OPERATORS: [&[u8]; 10] = [b"++", b"<>", b"||", b"..", b"<<", b"+", b".", b"&", b"~", b""];

const fn quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

const fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The seam at a quote: of two literals, or of the quoted part of a word with the rest.
pub(super) fn at(bytes: &[u8], at: usize) -> Option<Edit> {
    let opening = seam(bytes, at + 1);
    if let Some(opening) = opening {
        return Some(Edit::gone(at..opening + 1));
    }
    if bytes.get(at + 1) == Some(&b'}') {
        let literal = bytes.get(..at)?;
        let opening = literal.iter().rev().take(GAP).position(|byte| quote(*byte))?;
        return literal.get(..at - opening - 1)?.ends_with(b"${").then(|| Edit::gone(at..at + 2));
    }
    let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().filter(|byte| word(*byte))?;
    bytes.get(at + 1).filter(|byte| word(**byte))?;
    // `f"..."`, `rb"..."`, `u8"..."`, `L"..."` begin literals of their own.
    let earlier = at.checked_sub(2).and_then(|at| bytes.get(at)).is_some_and(|byte| word(*byte));
    let prefix = matches!(before.to_ascii_lowercase(), b'f' | b'r' | b'b' | b'u' | b'l' | b'n' | b'8');
    (earlier || !prefix).then(|| Edit::gone(at..at + 1))
}

/// Where the quote of the next literal stands, if nothing but a seam lies before it.
fn seam(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = blank(bytes, from);
    let rest = bytes.get(at..)?;
    // Most quotes end a literal that nothing joins with another.
    let operator = match rest.first() {
        Some(b'+' | b'<' | b'|' | b'.' | b'&' | b'~') => {
            OPERATORS.into_iter().find(|operator| rest.starts_with(operator))?
        }
        _ => b"",
    };
    at += operator.len();
    if !operator.is_empty() {
        at = blank(bytes, at);
    }
    let rest = bytes.get(at..)?;
    let prefix = rest
        .iter()
        .take(2)
        .take_while(|byte| matches!(byte.to_ascii_lowercase(), b'f' | b'r' | b'b' | b'u' | b'$' | b'@'));
    let prefix = prefix.count();
    // A letter that touches the first quote is no prefix: `"a"b"c"`.
    let prefix = if at == from { 0 } else { prefix };
    rest.get(prefix).filter(|byte| quote(**byte)).map(|_| at + prefix)
}

/// Past white space, ends of lines and the signs that let a line go on.
fn blank(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < from + GAP {
        let here = match bytes.get(at..).unwrap_or_default() {
            [b'\\' | b'_', b'\n' | b'\r', ..] => true,
            [byte, ..] => byte.is_ascii_whitespace(),
            [] => false,
        };
        if !here {
            break;
        }
        at += 1;
    }
    at
}

/// Whether a line ends in a literal, in what joins it with the next one, or in a backslash.
pub(super) fn goes_on(line: &[u8]) -> bool {
    if line.ends_with(b"\\") {
        return true;
    }
    let line = line.strip_suffix(b"_").unwrap_or(line).trim_ascii_end();
    let operator = OPERATORS.into_iter().find(|operator| line.ends_with(operator)).unwrap_or_default();
    let line = line.strip_suffix(operator).unwrap_or(line).trim_ascii_end();
    line.last().is_some_and(|byte| quote(*byte))
}

/// The start of a literal in a template: `${"b"}`. Its end is a seam.
pub(super) fn template(bytes: &[u8], at: usize) -> Option<Edit> {
    match bytes.get(at..)? {
        [b'$', b'{', opening, ..] if quote(*opening) => Some(Edit::gone(at..at + 3)),
        _ => None,
    }
}
