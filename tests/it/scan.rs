//! `scan` as a program and a person use it: sources, formats, baselines, exit codes.

mod archives;
mod baselines;
mod config;
mod files;
mod formats;
mod history;

use agentfirewall_tests::sandbox::{Outcome, Sandbox};
use serde_json::Value;

use crate::samples;

/// Runs `scan --json` with these arguments, whatever it ends with.
fn scan(sandbox: &Sandbox, arguments: &[&str]) -> (Option<i32>, Value) {
    let outcome = sandbox.run(["scan", "--json"].iter().chain(arguments));
    (outcome.code, outcome.json())
}

/// Where findings are, as `path:line`.
fn places(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|found| format!("{}:{}", found["path"].as_str().unwrap(), found["line"])).collect()
}

/// Runs git in the sandbox's project and expects it to succeed.
fn git(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    let mut command = sandbox.process("git");
    command.args([
        "-c",
        "user.name=A. Author",
        "-c",
        "user.email=a@example.org",
        "-c",
        "commit.gpgsign=false",
    ]);
    command.args(["-c", "init.defaultBranch=main", "-c", "protocol.file.allow=always"]);
    let outcome = agentfirewall_tests::sandbox::feed(command.args(arguments), b"");
    assert_eq!(outcome.code, Some(0), "git {arguments:?}: {outcome:?}");
    outcome
}
