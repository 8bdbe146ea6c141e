//! The test suite, and the count of what ran.

use crate::process::{Run, Stream, answers};
use crate::workshop::{Outcome, Workshop};
use crate::{Result, order, tools};

/// Unit and integration tests, but for those with the real client, which have a step of their own that installs it.
/// Nextest runs them if it is there, plain `cargo test` if not: both run the same tests.
pub(crate) fn tests(workshop: &Workshop) -> Result<Outcome> {
    // One test asks every shell whether it can read its completions, some ask a server, one a browser; without them they
    // ask less.
    let helpers = tools::shells().and_then(|()| tools::servers(workshop)).and_then(|()| tools::browser());
    match (everything(workshop)?, helpers) {
        (Outcome::Done, Err(why)) => Ok(Outcome::LeftOut(why)),
        (outcome, _) => Ok(outcome),
    }
}

/// A test binary of the extension module would have to link libpython; its tests are those of `cargo xtask python`.
const NO_LIBPYTHON: [&str; 2] = ["--exclude", "agentfirewall-python"];

fn everything(workshop: &Workshop) -> Result<Outcome> {
    if answers("cargo-nextest", &["nextest", "--version"]) {
        let run = Run::cargo()
            .args(["nextest", "run", "--workspace", "--locked", "--no-fail-fast"])
            .args(NO_LIBPYTHON);
        let run = run.args(["-E", "not (binary(it) and test(/^client::/))"]);
        return counted(workshop, run, Stream::Error);
    }
    let run = Run::cargo()
        .args(["test", "--workspace", "--locked", "--no-fail-fast", "--lib", "--bins", "--tests"])
        .args(NO_LIBPYTHON)
        .args(["--", "--skip", "client::"]);
    counted(workshop, run, Stream::Output)
}

/// The tests of what a program with the C library inside becomes its other half for, and of its hook, against the release build.
pub(crate) fn release(workshop: &Workshop) -> Result<Outcome> {
    let program = order::built(workshop, |run| run)?;
    let run = Run::cargo()
        .args(["test", "--locked", "--package", "agentfirewall-tests", "--test", "it", "--"])
        .args(["plugins::", "sinks::", "fail_closed::", "masking::", "commands::"])
        // It kills the program at steps that only a debug build has.
        .args(["--skip", "killed_at_every_step"])
        .env("AGENTFIREWALL_BIN", program);
    counted(workshop, run, Stream::Output)
}

/// The examples in the documentation, which nextest does not run.
pub(crate) fn doctests(workshop: &Workshop) -> Result<Outcome> {
    let run =
        Run::cargo().args(["test", "--workspace", "--locked", "--no-fail-fast", "--doc"]).args(NO_LIBPYTHON);
    counted(workshop, run, Stream::Output)
}

/// Runs a test command and adds its results to the gate's count. A run without a single test is a failure: it means
/// that the tests were not found.
pub(crate) fn counted(workshop: &Workshop, run: Run, stream: Stream) -> Result<Outcome> {
    let (mut passed, mut failed) = (0, 0);
    let succeeded = run.folder(workshop.root()).watch(stream, |line| {
        if let Some((more_passed, more_failed)) = results(line) {
            passed += more_passed;
            failed += more_failed;
        }
    })?;
    workshop.count(passed, failed);
    if !succeeded {
        return Err(format!("{failed} tests failed, or the tests did not build"));
    }
    if failed > 0 {
        return Err(format!("{failed} tests failed"));
    }
    if passed == 0 {
        return Err("no test ran".to_owned());
    }
    Ok(Outcome::Done)
}

/// Passed and failed tests in a closing line of `cargo test` or nextest.
fn results(line: &str) -> Option<(u64, u64)> {
    let line = without_colours(line);
    let line = line.trim();
    let counts = if let Some((_, counts)) = line.split_once("test result: ") {
        counts
    } else if line.starts_with("Summary [") {
        line.split_once(" run: ")?.1
    } else {
        return None;
    };
    let number_before = |word: &str| {
        counts
            .split([';', ',', '.', '('])
            .filter_map(|part| part.trim().strip_suffix(word)?.trim().rsplit(' ').next()?.parse::<u64>().ok())
            .sum::<u64>()
    };
    // Nextest says `timed out` for a test that hung, beside `failed`.
    Some((number_before("passed"), number_before("failed") + number_before("timed out")))
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        if character == '\u{1b}' {
            // `ESC [ ... letter`
            rest.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_counted_and_nothing_else_is() {
        let cases = [
            (
                "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
                Some((12, 0)),
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s",
                Some((3, 2)),
            ),
            ("     Summary [   0.012s] 9 tests run: 9 passed, 0 skipped", Some((9, 0))),
            (
                "     Summary [   1.0s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 4 skipped",
                Some((6, 3)),
            ),
            (
                "\u{1b}[32;1m     Summary\u{1b}[0m [   0.0s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m passed, \u{1b}[1m0\u{1b}[0m skipped",
                Some((2, 0)),
            ),
            ("test tests::one ... ok", None),
            ("running 3 tests", None),
        ];
        for (line, expected) in cases {
            assert_eq!(results(line), expected, "{line}");
        }
    }
}
