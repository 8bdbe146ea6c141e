//! Microsoft Azure: keys in connection strings and the secrets of Entra applications.

use super::text::{from, piece, run, run_back, variety};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

const fn secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'~' | b'.' | b'-')
}

/// Three characters, a digit, `Q~`, and 31 to 34 more.
fn client_secret(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        if !matches!(from(bytes, at), [_, b'Q', b'~', ..]) || run_back(bytes, at, 4, secret) != 3 {
            continue;
        }
        let start = at - 3;
        let length = run(bytes, at + 3, 35, secret);
        let end = at + 3 + length;
        if (31..=34).contains(&length) && variety(piece(bytes, start, end)) >= 16 {
            scan.report(Finding::new(start..end, Confidence::High, Severity::High));
        }
    }
}

coded! {
    ClientSecret => client_secret;
    id: "azure-client-secret",
    summary: "client secrets of Entra (Azure AD) applications",
    why: "the secret is the application's login, with every permission it was granted",
    examples: [concat!("client_secret: Kx1", "8Q~T8zbUra8tOBe9JwEqdFkCAleyZChyOuUc5")],
    negatives: ["Kx18Q~short", "aaa8Q~aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    keywords: ["0Q~", "1Q~", "2Q~", "3Q~", "4Q~", "5Q~", "6Q~", "7Q~", "8Q~", "9Q~"],
}
