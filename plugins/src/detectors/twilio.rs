//! Twilio: 32 hexadecimal digits near the name. The account's identifier (`AC...`) is no secret.

use super::text::{begins, dummy, hex, piece, run};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// How far behind the name a key is looked for, in bytes.
const NEAR: usize = 120;

fn detect(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    let mut done = 0;
    for &hit in scan.hits() {
        let mut at = hit.max(done);
        while at < (hit + NEAR).min(bytes.len()) {
            let length = run(bytes, at, 33, hex);
            let before = bytes.get(..at).unwrap_or_default();
            let key = before.ends_with(b"SK") && begins(bytes, at.saturating_sub(2));
            let next = bytes.get(at + 32).is_some_and(u8::is_ascii_alphanumeric);
            if length == 32 && !next && (key || begins(bytes, at)) && !dummy(piece(bytes, at, at + 32)) {
                // A key's identifier needs its secret; a bare number beside the name is the account's password.
                let (start, confidence) =
                    if key { (at - 2, Confidence::Medium) } else { (at, Confidence::Medium) };
                scan.report(Finding::new(start..at + 32, confidence, Severity::High));
            }
            at += length.max(1);
        }
        done = done.max(at);
    }
}

coded! {
    Twilio => detect;
    id: "twilio-key",
    summary: "Twilio auth tokens and API keys near the word twilio",
    why: "the token sends messages and makes calls on the account's bill",
    examples: [
        concat!("TWILIO_AUTH_TOKEN=f95247f2866028de", "71159b42b4ea410f"),
        concat!("twilio key SK", "f95247f2866028de71159b42b4ea410f"),
    ],
    negatives: [
        "TWILIO_ACCOUNT_SID=ACf95247f2866028de71159b42b4ea410f",
        "TWILIO_AUTH_TOKEN=00000000000000000000000000000000",
        "twilio-9.0.0 sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ],
    keywords: ["twilio"],
}
