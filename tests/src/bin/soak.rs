//! `cargo xtask soak`: the audit log under many writers, rotation and kills for a long time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measuring program: a failure ends it"
)]

use std::path::Path;
use std::time::Duration;

use agentfirewall_tests::{say, soak};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["writer", log, notes] => soak::write(Path::new(log), Path::new(notes)),
        [seconds] => long(seconds.parse().expect("a number of seconds")),
        _ => panic!("usage: soak SECONDS"),
    }
}

fn long(seconds: u64) {
    let program = std::env::current_exe().unwrap();
    let seed = u64::from(std::process::id()) << 20 | 0x9E37;
    for keep in [None, Some(5)] {
        let folder = tempfile::tempdir().unwrap();
        let soaked = soak::run(&program, folder.path(), Duration::from_secs(seconds), seed, keep);
        assert!(soaked.report.is_intact(), "{:?}", soaked.report.faults);
        if keep.is_none() {
            soak::tampering_is_found(&folder.path().join("audit.jsonl"), folder.path());
        }
        say(format!(
            "soak: {seconds} s, {} writers, {} killed, {} records in {} files ({} bytes), {} acknowledged, {} followed, \
             {} repaired ends; verified: intact",
            soak::WRITERS,
            soaked.killed,
            soaked.report.records,
            soaked.report.files,
            soaked.report.bytes,
            soaked.acknowledged,
            soaked.followed,
            soaked.report.recoveries
        ));
    }
}
