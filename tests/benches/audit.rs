//! Verification of a log, and SHA-256 of the same bytes: what verification costs beside what it cannot do without.

#![allow(clippy::unwrap_used, reason = "a benchmark: a failure ends it")]

use std::sync::OnceLock;
use std::time::Duration;

use agentfirewall_core::audit::{Entry, EventType, Filter, append, find, sha256_base64, verify};
use agentfirewall_sdk::Action;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use jiff::Timestamp;
use serde_json::json;

/// The bytes of the log: more than any cache of the processor holds.
const BYTES: usize = 64 << 20;

fn main() {
    divan::main();
}

/// A log with records as the hook writes them, one of a thousand denied.
fn log() -> &'static std::path::Path {
    static LOG: OnceLock<tempfile::TempPath> = OnceLock::new();
    LOG.get_or_init(|| {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let mut number = 0_u32;
        while path.metadata().unwrap().len() < BYTES as u64 {
            let parameters =
                json!({"command": format!("cargo test -p package-{number}"), "description": "Run the tests"});
            let entry = Entry {
                tool: "Bash",
                action: if number == 7 { Action::Deny } else { Action::Allow },
                reason: "no rule of the project policy is about this Bash call",
                session: "6ffbd2c5-5ea9-43a3-80f2-a98ab824d9b3",
                call_id: "toolu_01A09q90qw90lq917835lq9",
                agent: "claude-code",
                project: "/home/dev/project".into(),
                // A wait for the disk would make the log slow to build.
                ..Entry::new(
                    EventType::PolicyCheck,
                    Timestamp::from_second(1_800_000_000 + i64::from(number)).unwrap(),
                )
            };
            append(&path, &entry.with_parameters(&parameters), Duration::from_secs(9)).unwrap();
            number += 1;
        }
        path
    })
}

#[divan::bench(sample_count = 10)]
fn verification(bencher: Bencher<'_, '_>) {
    let log = log();
    let bytes = log.metadata().unwrap().len();
    bencher.counter(BytesCount::new(bytes)).bench_local(|| {
        assert!(verify(black_box(log), &mut |_, _| {}).unwrap().is_intact());
    });
}

#[divan::bench(sample_count = 10)]
fn sha256_of_the_same_bytes(bencher: Bencher<'_, '_>) {
    let bytes = std::fs::read(log()).unwrap();
    bencher.counter(BytesCount::new(bytes.len())).bench_local(|| sha256_base64(black_box(&bytes)));
}

#[divan::bench(sample_count = 10)]
fn the_newest_denied_record_is_the_oldest(bencher: Bencher<'_, '_>) {
    let filter = Filter { action: Some("deny"), ..Filter::default() };
    bencher
        .counter(BytesCount::new(log().metadata().unwrap().len()))
        .bench_local(|| assert_eq!(find(black_box(log()), &filter, 1).unwrap().count, 1));
}
