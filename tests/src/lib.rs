//! Shared helpers of the integration tests: a sandboxed project, payloads as the agent sends them, a scripted stand-in
//! for the model, and the real client run against it.
//!
//! Helpers fail loudly: a broken expectation in here is a broken test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "helpers of tests: a panic is how a test fails"
)]

pub mod cargo;
pub mod client;
pub mod deliveries;
pub mod fixtures;
pub mod measure;
pub mod model;
pub mod payload;
pub mod program;
pub mod rules;
pub mod sandbox;
pub mod soak;

use std::io::Write;

/// Writes a line where the test harness does not swallow it: for reasons of skipping and for tables of measurements.
pub fn say(text: impl AsRef<str>) {
    let mut stderr = std::io::stderr().lock();
    let _closed = stderr.write_all(text.as_ref().as_bytes()).and_then(|()| stderr.write_all(b"\n"));
}

/// Whether this is the gate, where nothing may be left out.
pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

/// Leaves a test out with a printed reason. In the gate that is a failure.
pub fn skip(what: &str, reason: &str) {
    assert!(!in_ci(), "{what} must run in the gate, but {reason}");
    say(format!("left out: {what}: {reason}"));
}
