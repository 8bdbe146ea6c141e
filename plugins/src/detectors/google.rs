//! Google Cloud: API keys, OAuth clients, service accounts.

use super::private_key::key_at;
use super::text::{Shape, dotted, from, url_safe};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

tokens! {
    GoogleApiKey {
        id: "google-api-key",
        summary: "Google API keys (AIza...), OAuth client secrets and access tokens",
        why: "a key without restrictions pays for Maps, Gemini and every other API its project has switched on",
        shapes: [
            Shape::sure("AIza", url_safe, (35, 35)).severity(Severity::Medium),
            Shape::sure("GOCSPX-", url_safe, (28, 28)),
            Shape::likely("ya29.", dotted, (30, 1000)).severity(Severity::Medium),
        ],
        examples: [concat!("AI", "zaSyVhKjrrdSK4r2Htc2hjHaMJfoa1f8PTC1n"), concat!("GOC", "SPX-Fn9o3e7S6eYfepNz4hCCqUGBj0mU")],
        negatives: ["AIzaSy...", "AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", concat!("xAI", "zaSyVhKjrrdSK4r2Htc2hjHaMJfoa1f8PTC1n")],
        keywords: ["AIza", "GOCSPX-", "ya29."],
    }
}

/// A key file is about 2,400 bytes long.
const FILE: usize = 4096;

/// The private key in a service account's JSON file, whichever of its members comes first.
fn service_account(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    let mut last = None;
    for &at in scan.hits() {
        let start = at.saturating_sub(FILE);
        let around = from(bytes, start);
        let window = around.get(..FILE * 2).unwrap_or(around);
        let key = window
            .windows(10)
            .enumerate()
            .filter(|(_, here)| *here == b"-----BEGIN")
            .find_map(|(offset, _)| key_at(bytes, start + offset));
        if let Some(key) = key
            && last != Some(key.span.start)
        {
            last = Some(key.span.start);
            scan.report(Finding::new(key.span, Confidence::High, Severity::Critical));
        }
    }
}

coded! {
    ServiceAccount => service_account;
    id: "gcp-service-account",
    summary: "the private key of a Google Cloud service account (JSON key file)",
    why: "the file is a login without a second factor and works until somebody revokes it",
    examples: [concat!(
        r#"{"type": "service_account", "private_key": "-----BEGIN PRIVATE"#, r" KEY-----\n",
        r"oLjEw/A+whi386pTh/8QZIeuinc/ZSttd9vpg8gcxVoTzhluoiPINRGJ1plGBIdf\nEhdkA9M8TqJJtXazCvV2Cp2cIdhX9UQzU6hnLmjLb2i7ITZ09KcMXDICRb0xBsVe\n",
        r#"-----END PRIVATE KEY-----\n"}"#
    )],
    negatives: [
        r#"{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n"}"#,
        "resource google_service_account",
    ],
    keywords: ["\"service_account\"", "service_account\\\""],
}
