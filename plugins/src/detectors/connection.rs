//! Passwords in addresses: `scheme://user:password@host`.

use super::text::{entropy, from, has_word, piece, placeholder, run, run_back, typed};
use super::wordlike::surprise;
use agentfirewall_sdk::{Confidence, Finding, Scan, Severity};

/// The longest authority that is looked at, in bytes.
const AUTHORITY: usize = 512;

const fn scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

const fn authority(byte: u8) -> bool {
    !matches!(byte, 0..=b' ' | b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\' | b'/' | b'?' | b'#' | b'|')
}

/// What people write where a password belongs.
const WORDS: [&str; 27] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "pw",
    "secret",
    "user",
    "username",
    "root",
    "admin",
    "guest",
    "postgres",
    "mysql",
    "mongo",
    "redis",
    "rabbitmq",
    "token",
    "key",
    "hunter2",
    "p",
    "foo",
    "bar",
    "abc",
    "abc123",
    "123456",
    "mypassword",
    "mypass",
];

fn local(host: &[u8]) -> bool {
    let end = host.iter().position(|byte| *byte == b':').unwrap_or(host.len());
    let name = piece(host, 0, end);
    !name.contains(&b'.') || name.starts_with(b"127.") || name.starts_with(b"0.0.0.0")
}

fn judge(user: &[u8], password: &[u8], host: &[u8]) -> Option<Confidence> {
    let word = WORDS.iter().any(|word| password.eq_ignore_ascii_case(word.as_bytes()));
    if password.len() < 3
        || password.eq_ignore_ascii_case(user)
        || word
        || placeholder(password)
        || typed(password)
        || !host.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'[')
    {
        return None;
    }
    let digits = password.iter().any(u8::is_ascii_digit);
    let letters = password.iter().any(u8::is_ascii_alphabetic);
    let random = password.len() >= 12 && digits && letters && entropy(password) > 3.0;
    let example = local(host) || has_word(host, &["example.", "host"]);
    let strange = password.len() >= 8 && (digits && letters || surprise(password) >= 5.3);
    Some(match (random, example) {
        (true, false) => Confidence::High,
        (true, true) | (false, false) => Confidence::Medium,
        (false, true) if strange => Confidence::Medium,
        (false, true) => Confidence::Low,
    })
}

fn detect(scan: &mut Scan<'_>) {
    let bytes = scan.text().as_bytes();
    for &at in scan.hits() {
        if run_back(bytes, at, 32, scheme) < 2 {
            continue;
        }
        let start = at + 3;
        let length = run(bytes, start, AUTHORITY, authority);
        let whole = piece(bytes, start, start + length);
        // A password may hold `@` itself: the last one counts.
        let Some(host) = whole.iter().rposition(|byte| *byte == b'@') else { continue };
        let Some(colon) = whole.iter().take(host).position(|byte| *byte == b':') else { continue };
        let password = start + colon + 1..start + host;
        let (user, secret) = (piece(whole, 0, colon), piece(bytes, password.start, password.end));
        if let Some(confidence) = judge(user, secret, from(whole, host + 1)) {
            scan.report(Finding::new(password, confidence, Severity::High));
        }
    }
}

coded! {
    ConnectionString => detect;
    id: "connection-string",
    summary: "passwords in addresses (scheme://user:password@host)",
    why: "the address of a database with its password is all one needs to read it",
    examples: [
        concat!("DATABASE_URL=postgres://app:Fn9o3e7S6eYf", "epNz@db.acme.io:5432/prod"),
        concat!("amqp://svc:", "correct-horse@mq.internal.acme.io"),
        concat!("redis://:K6CQd1xG8in1", "@cache:6379/0"),
    ],
    negatives: [
        "postgres://user:password@localhost/db", "https://example.com:8080/@scope", "mysql://root:${DB_PASS}@db/app",
        "postgres://postgres:postgres@db:5432/app", "mongodb://<user>:<password>@host/db", "git@github.com:a/b.git",
        "https://registry.npmjs.org/@types/node", "https://{user}:{token}@github.com/x",
    ],
    keywords: ["://"],
}
