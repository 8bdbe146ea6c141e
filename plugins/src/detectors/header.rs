//! `Authorization: Basic ...` and `Authorization: Bearer ...`, in requests, code and command lines.

use super::encoded::decode;
use super::generic::drawn;
use super::text::{base64, from, has_word, piece, placeholder, run};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// How far before the scheme the header's name may stand, in bytes.
const BEFORE: usize = 40;

const fn bearer(byte: u8) -> bool {
    base64(byte) || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// `user:password` behind a Basic credential.
fn basic(value: &[u8]) -> bool {
    let Some(plain) = decode(value) else { return false };
    let Some(colon) = plain.iter().position(|byte| *byte == b':') else { return false };
    let printable = plain.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let (user, password) = (piece(&plain, 0, colon), from(&plain, colon + 1));
    let words: [&[u8]; 5] = [b"password", b"pass", b"secret", b"passwd", b"open sesame"];
    printable
        && password.len() >= 3
        && user != password
        && !words.contains(&password)
        && !placeholder(password)
}

fn detect(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        let here = from(bytes, at);
        let is_basic = here.first().is_some_and(|byte| byte.eq_ignore_ascii_case(&b'b'))
            && here.get(1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'a'));
        let word = if is_basic { 6 } else { 7 };
        if at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        let start = at + word;
        let length = run(bytes, start, 2048, if is_basic { base64 } else { bearer });
        let value = piece(bytes, start, start + length);
        let real = if is_basic {
            value.len() >= 8 && basic(value)
        } else {
            value.len() >= 16 && drawn(value) && !placeholder(value)
        };
        if real {
            let named = has_word(piece(bytes, at.saturating_sub(BEFORE), at), &["authorization"]);
            let confidence = if named { Confidence::Medium } else { Confidence::Low };
            scan.report(Finding::new(start..start + length, confidence, Severity::High));
        }
    }
}

coded! {
    AuthorizationHeader => detect;
    id: "authorization-header",
    summary: "credentials in Authorization headers (Basic, Bearer)",
    why: "the header is the login of whoever sends it",
    examples: [
        concat!("curl -H 'Authorization: Basic YXBwOnM0bHQt", "YW5kLXA0cHBlcg=='"),
        concat!("Authorization: Bearer G0ndLrIO445DbeF0", "cNNdK6CQd1xG8in12C9E0hIK"),
    ],
    negatives: [
        "Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Bearer <token>", "Authorization: Bearer ${TOKEN}",
        "a basic understanding", "the bearer of this letter", "Authorization: Bearer your-access-token-goes-here",
    ],
    keywords: ["basic ", "bearer "],
}
