//! JSON Web Tokens (RFC 7519): three parts in base64url, the first a JSON object that names an algorithm.

use serde::Deserialize;

use super::encoded::decode;
use super::text::{has_word, piece, run, url_safe};
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

#[derive(Deserialize)]
struct Header {
    alg: String,
}

/// The names in the examples of the standard, of the well-known debugger and of what Supabase starts on a developer's machine
/// (<https://supabase.com/docs/guides/local-development/cli/getting-started>).
const SAMPLES: [&str; 3] = ["john doe", "\"iss\":\"joe\"", "supabase-demo"];
/// A key that passes by every rule of its database (<https://supabase.com/docs/guides/api/api-keys>).
const MASTER: [&str; 1] = ["\"role\":\"service_role\""];

fn detect(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        // Only the first hit in a run of such characters can be a header: this keeps the work linear.
        if at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| url_safe(*byte) || *byte == b'.')
        {
            continue;
        }
        let header = run(bytes, at, 2048, url_safe);
        let payload_at = at + header + 1;
        let payload = run(bytes, payload_at, 8192, url_safe);
        let signature_at = payload_at + payload + 1;
        let signature = run(bytes, signature_at, 1024, url_safe);
        let point = |at: usize| bytes.get(at) == Some(&b'.');
        let signed = point(payload_at + payload) && signature >= 20;
        if !point(at + header) || payload < 8 || (!signed && point(payload_at + payload)) {
            continue;
        }
        let Some(parsed) = decode(piece(bytes, at, at + header))
            .and_then(|json| serde_json::from_slice::<Header>(&json).ok())
            .filter(|header| !header.alg.is_empty())
        else {
            continue;
        };
        let body = decode(piece(bytes, payload_at, payload_at + payload)).unwrap_or_default();
        if has_word(&body, &SAMPLES) {
            continue;
        }
        let known = ["HS", "RS", "ES", "PS", "Ed"].iter().any(|family| parsed.alg.starts_with(family));
        // A token that lost its signature tells who is meant, and signs nobody in.
        let (confidence, severity) = match (known && body.starts_with(b"{"), signed) {
            (true, true) if has_word(&body, &MASTER) => (Confidence::High, Severity::Critical),
            (true, true) => (Confidence::Medium, Severity::Medium),
            (true, false) => (Confidence::Medium, Severity::Low),
            (false, true) => (Confidence::Low, Severity::Medium),
            (false, false) => continue,
        };
        let end = if signed { signature_at + signature } else { payload_at + payload };
        scan.report(Finding::new(at..end, confidence, severity));
    }
}

coded! {
    Jwt => detect;
    id: "jwt",
    summary: "signed JSON Web Tokens",
    why: "a bearer token is a login until it expires, and many never do",
    examples: [
        concat!("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiJ1LTgzMSIsInNjb3BlIjoiYWRtaW4ifQ", ".N7jWemLWhrCp4U612mZdWvaU9CB7DBrAIxh6b38yhT4"),
        // A number that examples have too makes none of a token.
        concat!("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIiwic2NvcGUiOiJhZG1pbiJ9", ".N7jWemLWhrCp4U612mZdWvaU9CB7DBrAIxh6b38yhT4"),
        concat!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", ".eyJpc3MiOiJzdXBhYmFzZSIsInJlZiI6ImFiY2QiLCJyb2xlIjoic2VydmljZV9yb2xlIiwiaWF0IjoxNzQxMDAwMDAwfQ", ".N7jWemLWhrCp4U612mZdWvaU9CB7DBrAIxh6b38yhT4"),
    ],
    negatives: [
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6InNlcnZpY2Vfcm9sZSIsImV4cCI6MTk4MzgxMjk5Nn0.EGIM96RAZx35lJzdJsyH-qQwv8Hdp7fsn3W0YpN81IU",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
        "eyJhbGciOiJIUzI1NiJ9.eyJshort.payload",
        "eyJub3QiOiJhIGhlYWRlciJ9.eyJzdWIiOiJ1LTgzMSIsInNjb3BlIjoiYWRtaW4ifQ.N7jWemLWhrCp4U612mZdWvaU9CB7DBrAIxh6b38yhT4",
    ],
    keywords: ["eyJ"],
}
