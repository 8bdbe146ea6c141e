//! Delivery from outside: the program, its sinks, and servers: real ones where they can be installed, else a strict stand-in
//! that answers as the vendors document.

mod faults;
mod fleet;
mod hook;
mod servers;
mod stand_in;
mod vendors;

use std::path::{Path, PathBuf};
use std::process::Command;

use agentfirewall_tests::deliveries::{alerts, dead_letters};
use agentfirewall_tests::sandbox::Sandbox;

/// A user's policy that alerts on everything and has these sinks (YAML, a list).
fn sandbox(sinks: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sandbox.home.join(".config/agentfirewall");
    std::fs::create_dir_all(&folder).unwrap();
    let policy = format!("name: sinks\ndefault_action: alert\nsinks:\n{sinks}\n");
    std::fs::write(folder.join("policy.yaml"), policy).unwrap();
    sandbox.run(["validate"]).exits(0);
    sandbox
}

/// The hashes in the log, in order, of what is told.
fn hashes(sandbox: &Sandbox) -> Vec<String> {
    let alerts = sandbox.log().into_iter().filter(|record| record["action_taken"] == "alert");
    alerts.map(|record| record["_hash"].as_str().unwrap().to_owned()).collect()
}

/// The first occurrence of each, in order: what a store that knows repetitions holds.
fn distinct(all: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    all.into_iter().filter(|one| seen.insert(one.clone())).collect()
}

/// Whether a program is there. Where nothing may be left out, it has to be.
fn there(program: &str, argument: &str) -> bool {
    let asked = Command::new(program).arg(argument).output();
    let there = asked.is_ok_and(|output| output.status.success());
    if !there {
        agentfirewall_tests::skip("a test with a real server", &format!("`{program}` is not installed"));
    }
    there
}

/// The Python with the packages that judge what is sent: `cargo xtask setup` makes it.
pub(crate) fn python() -> Option<PathBuf> {
    let target = std::env::current_exe().unwrap();
    let found = target
        .ancestors()
        .map(|folder| folder.join("python/sinks/bin/python3"))
        .find(|python| python.is_file());
    if found.is_none() {
        agentfirewall_tests::skip(
            "a test with packages of Python",
            "`cargo xtask setup` has not made `target/python/sinks`",
        );
    }
    found
}

/// Runs a Python script with arguments and returns what it says.
pub(crate) fn python_says(python: &Path, script: &str, arguments: &[&str]) -> String {
    let output = Command::new(python).arg("-c").arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
