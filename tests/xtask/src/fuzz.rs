//! The fuzz targets: compiled and replayed on the stable toolchain in the gate, run by hand on nightly.

use std::path::PathBuf;

use crate::process::{Run, Stream, answers};
use crate::workshop::{Outcome, Workshop};
use crate::{Result, say, suite};

/// The targets; each is a function of `tests/fuzz/src/lib.rs` and a file of `tests/fuzz/fuzz_targets`.
const TARGETS: [&str; 11] = [
    "hook_stdin",
    "policy",
    "shell",
    "call",
    "audit_log",
    "note",
    "plugin_library",
    "plugins_lock",
    "decode",
    "archive",
    "detection_rules",
];

/// Compiles the targets without the fuzzing engine and runs every committed seed through them.
pub(crate) fn build(workshop: &Workshop) -> Result<Outcome> {
    let cargo = |verb: &str| {
        Run::cargo()
            .args([verb, "--no-default-features", "--manifest-path"])
            .arg(manifest(workshop))
            .env("CARGO_TARGET_DIR", workshop.target("fuzz"))
    };
    cargo("check").arg("--bins").folder(workshop.root()).run()?;
    suite::counted(workshop, cargo("test").arg("--lib"), Stream::Output)
}

/// Runs one target for so many seconds with `cargo fuzz`.
pub(crate) fn run(workshop: &Workshop, target: &str, seconds: &str) -> Result<Outcome> {
    if !TARGETS.contains(&target) {
        return Err(format!("there is no fuzz target `{target}` ({})", TARGETS.join(", ")));
    }
    let seconds: u32 = seconds.parse().map_err(|_error| format!("`{seconds}` is not a number of seconds"))?;
    if !answers("cargo", &["+nightly", "--version"]) {
        return Ok(Outcome::LeftOut("no nightly toolchain: `rustup toolchain install nightly`".to_owned()));
    }
    if !answers("cargo", &["+nightly", "fuzz", "--version"]) {
        return Ok(Outcome::LeftOut("cargo-fuzz is missing: `cargo install --locked cargo-fuzz`".to_owned()));
    }
    let corpus = workshop.target("fuzz/corpus").join(target);
    std::fs::create_dir_all(&corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let seeds = workshop.path("tests/fuzz/seeds").join(target);
    // What the engine finds goes to the first folder; the committed seeds are only read.
    Run::new("cargo")
        .args(["+nightly", "fuzz", "run", "--fuzz-dir"])
        .arg(workshop.path("tests/fuzz"))
        .arg("--target-dir")
        .arg(workshop.target("fuzz"))
        .args([target])
        .arg(&corpus)
        .arg(&seeds)
        .args(["--", &format!("-max_total_time={seconds}"), "-max_len=65536", "-rss_limit_mb=2048"])
        .folder(workshop.root())
        .run()?;
    say::line(&format!("no crash in {seconds} s"));
    Ok(Outcome::Done)
}

fn manifest(workshop: &Workshop) -> PathBuf {
    workshop.path("tests/fuzz/Cargo.toml")
}
