//! Services that send mail: SendGrid and Mailgun.

use super::text::{Shape, dotted, hex, run};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// 22 characters, a point, 43 characters.
fn sendgrid(token: &[u8]) -> Option<Confidence> {
    let mut parts = token.split(|byte| *byte == b'.').map(<[u8]>::len);
    (parts.next() == Some(2) && parts.next() == Some(22) && parts.next() == Some(43))
        .then_some(Confidence::High)
}

tokens! {
    SendGrid {
        id: "sendgrid-key",
        summary: "SendGrid API keys (SG....)",
        why: "the key sends mail in the company's name to anybody",
        shapes: [Shape::sure("SG.", dotted, (66, 66)).judged(sendgrid)],
        examples: [concat!("SG", ".RryQYoj8CPehp16CahMwqz.N7jWemLWhrCp4U612mZdWvaU9CB7DBrAIxh6b38yhT4")],
        negatives: ["SG.xxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", concat!("MS", "G.RryQYoj8CPehp16CahMwqz.N7jWemLWhrCp4U612mZdWvaU9CB7DBrAIxh6b38yhT4"), "SG.short.short"],
        keywords: ["SG."],
    }
}

/// How far behind the word a key is looked for, in bytes.
const NEAR: usize = 96;

/// `key-` and 32 hexadecimal digits, or 32, 8 and 8 of them joined by hyphens.
fn mailgun(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    let mut done = 0;
    for &hit in scan.hits() {
        let mut at = hit.max(done);
        while at < (hit + NEAR).min(bytes.len()) {
            let length = run(bytes, at, 33, hex);
            let before = bytes.get(..at).unwrap_or_default();
            let second = bytes.get(at + 32) == Some(&b'-') && run(bytes, at + 33, 9, hex) == 8;
            let parts = second && bytes.get(at + 41) == Some(&b'-') && run(bytes, at + 42, 9, hex) == 8;
            if length == 32 && !before.ends_with(b"pubkey-") && (parts || before.ends_with(b"key-")) {
                let (start, end) = if parts { (at, at + 50) } else { (at - 4, at + 32) };
                scan.report(Finding::new(start..end, Confidence::High, Severity::High));
                at = end;
            } else {
                at += length.max(1);
            }
        }
        done = done.max(at);
    }
}

coded! {
    Mailgun => mailgun;
    id: "mailgun-key",
    summary: "Mailgun private API keys near the word mailgun",
    why: "the key sends mail in the company's name and reads what was sent",
    examples: [
        concat!("MAILGUN_API_KEY=ke", "y-f95247f2866028de71159b42b4ea410f"),
        concat!("mailgun: f95247f2866028de71159b42b4ea410f", "-0f0cc022-238dacee"),
    ],
    negatives: ["mailgun sha f95247f2866028de71159b42b4ea410f", "MAILGUN_API_KEY=key-xxxx", "mailgun pubkey-f95247f2866028de71159b42b4ea410f"],
    keywords: ["mailgun"],
}
