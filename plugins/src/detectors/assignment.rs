//! From a name to the value it is given, in whatever language: `name = "value"`, `"name": "value"`, `name=value`,
//! `name => 'value'`, `<name>value</name>`, `--name value`.

use std::ops::Range;

use super::text::{from, run, run_back};

/// The longest name, value and gap that are looked at, in bytes.
const NAME: usize = 64;
const VALUE: usize = 512;
const GAP: usize = 12;

/// A name and its value.
#[derive(Debug)]
pub(super) struct Assignment {
    /// The whole name around the keyword.
    pub name: Range<usize>,
    /// The value without its quotes.
    pub value: Range<usize>,
    /// Whether it stands in quotes.
    pub quoted: bool,
}

const fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

const fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

const fn white(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

const fn closer(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`' | b']' | b'\\')
}

const fn operator(byte: u8) -> bool {
    matches!(byte, b'=' | b':' | b'>' | b'?' | b'.' | b'+' | b'|' | b'(' | b',' | b'-')
}

/// What may stand in a value without quotes. `&` and `;` end it in an address and a shell line.
const fn bare(byte: u8) -> bool {
    !matches!(
        byte,
        0..=b' '
            | b'"'
            | b'\''
            | b'`'
            | b','
            | b';'
            | b'&'
            | b'<'
            | b'>'
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'\\'
    )
}

/// The assignment to the name in which a keyword stands.
pub(super) fn assignment(bytes: &[u8], keyword: Range<usize>) -> Option<Assignment> {
    let name_start = keyword.start - run_back(bytes, keyword.start, NAME, name_byte);
    let name_end = keyword.end + run(bytes, keyword.end, NAME, name_byte);
    let name = name_start..name_end;
    let mut at = name_end + run(bytes, name_end, 3, closer);
    let closed = at > name_end;
    at += run(bytes, at, GAP, blank);
    // `var token string = "..."` puts the type behind the name without a sign.
    let kind = run(bytes, at, 16, letter);
    let behind = at + kind + run(bytes, at + kind, GAP, blank);
    if kind > 0 && behind > at + kind && matches!(from(bytes, behind), [b'=', b' ', b'"' | b'`', ..]) {
        at = behind;
    }
    let operator_length = run(bytes, at, 5, operator);
    let signs = bytes.get(at..at + operator_length).unwrap_or_default();
    let markup = signs == b">";
    if signs.iter().any(|sign| matches!(sign, b'=' | b':' | b'>')) {
        at += operator_length;
    } else if matches!(signs, b"(") || (matches!(signs, b",") && closed) {
        at += 1;
        let gap = run(bytes, at, GAP, blank);
        if !from(bytes, at + gap).first().is_some_and(|byte| matches!(byte, b'"' | b'\'' | b'`')) {
            return None;
        }
    } else if !(signs.is_empty() && at > name_end && from(bytes, name_start).starts_with(b"--")) {
        return None;
    }
    at += run(bytes, at, if markup { 4 * GAP } else { GAP }, if markup { white } else { blank });
    value(bytes, at).map(|(value, quoted)| Assignment { name, value, quoted })
}

fn value(bytes: &[u8], mut at: usize) -> Option<(Range<usize>, bool)> {
    // `password: str = "..."`, `token: Option<&str> = ...`: the type is passed over.
    let word = run(bytes, at, 16, letter);
    let after = at + word + run(bytes, at + word, GAP, blank);
    if word > 0 && from(bytes, after).first() == Some(&b'=') {
        at = after + 1 + run(bytes, after + 1, GAP, blank);
    }
    // String prefixes of Python, C#, Rust.
    if let [b'b' | b'r' | b'u' | b'B' | b'R' | b'U' | b'@', b'"' | b'\'', ..] = from(bytes, at) {
        at += 1;
    }
    // Quotes inside a quoted text: `{\"password\": \"...\"}`.
    let escapes = run(bytes, at, 3, |byte| byte == b'\\');
    let quote_at = at + escapes;
    let Some(quote @ (b'"' | b'\'' | b'`')) = bytes.get(quote_at).copied() else {
        let length = run(bytes, at, VALUE + 1, bare);
        return (1..=VALUE).contains(&length).then_some((at..at + length, false));
    };
    let start = quote_at + 1;
    let rest = from(bytes, start);
    let length = rest
        .iter()
        .take(VALUE + 1)
        .position(|byte| *byte == quote || *byte == b'\n' || (escapes > 0 && *byte == b'\\'))?;
    let ended = rest.get(length).is_some_and(|byte| *byte != b'\n');
    (ended && length > 0).then_some((start..start + length, true))
}

const fn letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value_of(text: &str) -> Option<&str> {
        let at = text.find("token").unwrap();
        assignment(text.as_bytes(), at..at + 5).and_then(|found| text.get(found.value))
    }

    #[test]
    fn values_in_many_languages() {
        for text in [
            "token=VALUE",
            "token = 'VALUE'",
            "\"token\": \"VALUE\"",
            "my_token_x := `VALUE`",
            "token => \"VALUE\",",
            "token ::= \"VALUE\"",
            "$token .= 'VALUE'",
            "<token>VALUE</token>",
            "<token>\n    VALUE\n</token>",
            "--token VALUE",
            "--token=VALUE",
            "token: str = b\"VALUE\"",
            "var token string = \"VALUE\"",
            r#"{\"token\": \"VALUE\"}"#,
            "setToken_token(\"VALUE\")",
            "put(\"token\", \"VALUE\")",
            "?a=b&token=VALUE&c=d",
            "os.environ['token'] = 'VALUE'",
        ] {
            assert_eq!(value_of(text), Some("VALUE"), "{text}");
        }
    }

    #[test]
    fn no_value_where_none_is_given() {
        for text in [
            "token",
            "the token is here",
            "token VALUE",
            "token(VALUE)",
            "token = \"open",
            "token = \"\"",
            "token;",
        ] {
            assert_eq!(value_of(text), None, "{text}");
        }
    }
}
