//! What a page of the web hands to every visitor: it is called a key or a secret, and is none.

use super::text::{from, has_word, piece};

/// How far a description of such a key reaches, in bytes.
const REACH: usize = 400;

/// How far before a key its own name stands, in bytes.
const NAME: usize = 40;

/// Whether one of the words that make a key one for visitors stands beside it, such as `authDomain` beside the key of a Firebase app
/// (<https://firebase.google.com/docs/projects/api-keys>), and its own name does not say otherwise.
pub(super) fn beside(bytes: &[u8], start: usize, end: usize, words: &[&str]) -> bool {
    let around = || piece(bytes, start.saturating_sub(REACH), (end + REACH).min(bytes.len()));
    let named = || piece(bytes, start.saturating_sub(NAME), start);
    !words.is_empty()
        && has_word(around(), words)
        && !has_word(named(), &["admin", "write", "secret", "private"])
}

/// Parts of a page that ask for such a key, and what they call it, without hyphens and in lower case.
const WIDGETS: [(&str, &str); 4] = [
    // https://github.com/gitalk/gitalk: the page itself asks GitHub for the visitor's token.
    ("gitalk", "clientsecret"),
    ("gitment", "clientsecret"),
    // https://valine.js.org/en/quickstart.html
    ("valine", "appkey"),
    // https://docsearch.algolia.com/docs/api: a key that can only search.
    ("docsearch", "apikey"),
];

/// Whether a name is that of such a key in the settings of a widget: they begin before it and have not ended.
pub(super) fn of_widget(bytes: &[u8], name: std::ops::Range<usize>) -> bool {
    let plain: Vec<u8> = piece(bytes, name.start, name.end)
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .map(u8::to_ascii_lowercase)
        .collect();
    let before = piece(bytes, name.start.saturating_sub(REACH), name.start);
    WIDGETS.iter().filter(|(_, called)| plain == called.as_bytes()).any(|(widget, _)| {
        (0..before.len()).rev().any(|at| {
            let here = from(before, at);
            let (called, rest) = here.split_at_checked(widget.len()).unwrap_or_default();
            called.eq_ignore_ascii_case(widget.as_bytes())
                && match rest.split_first() {
                    Some((b'(', settings)) => !settings.contains(&b')'),
                    Some((b':', settings)) => !outdented(settings),
                    _ => false,
                }
        })
    })
}

/// Whether one of the lines that follow is empty or stands as far out as the first key of a file.
fn outdented(settings: &[u8]) -> bool {
    settings.ends_with(b"\n")
        || settings.windows(2).any(|pair| matches!(pair, [b'\n', b'\n' | b'\r' | b'a'..=b'z' | b'A'..=b'Z']))
}
