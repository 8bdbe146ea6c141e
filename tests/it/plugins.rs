//! Installed libraries, above all broken ones: whatever a plugin does, the answer is a deny that names it, the log holds
//! exactly one record that says so, and a call that does not need the plugin never notices.

mod add;
mod broken;
mod events;
mod halves;
mod healthy;
mod loading;
mod matchers;
mod sinks;
mod wire;

use std::path::{Path, PathBuf};

use agentfirewall_tests::fixtures::{install, library};
use agentfirewall_tests::sandbox::{Outcome, Sandbox};
use serde_json::Value;

/// The library that misbehaves.
const MISBEHAVING: &str = "fixture-misbehaving";

/// Lets everything pass that nothing finds fault with.
const OPEN: &str = "version: \"1.0\"\nname: open\ndefault_action: allow\nrules: []\n";

/// A sandbox with an open policy and an installed plugin.
fn with_plugin(package: &str) -> Sandbox {
    let sandbox = Sandbox::with_policy(OPEN);
    install(&sandbox, &library(package));
    sandbox
}

/// The same, and the library's file in the store.
fn with_stored(package: &str) -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::with_policy(OPEN);
    let stored = install(&sandbox, &library(package));
    (sandbox, stored)
}

/// The call was denied because of a plugin: one line that names it and the cause, and one record that does too.
fn denied_by(sandbox: &Sandbox, outcome: &Outcome, plugin: &str, cause: &str) {
    let reason = outcome.denied();
    assert_eq!(outcome.one_line(), reason, "{outcome:?}");
    told(&reason, plugin, cause);
    assert_eq!(only_record(sandbox)["event_type"], "policy_check");
    recorded(sandbox, plugin, cause);
}

/// A reason that a person can act on.
fn told(reason: &str, plugin: &str, cause: &str) {
    assert!(reason.contains(&format!("`{plugin}`")), "the plugin is not named: {reason}");
    assert!(reason.contains(cause), "`{cause}` is not the cause: {reason}");
    assert!(reason.len() < 1000 && !reason.contains('\n'), "the reason is no line for a person: {reason}");
}

/// The log holds one record, a deny because of the plugin, and is whole.
fn recorded(sandbox: &Sandbox, plugin: &str, cause: &str) {
    let record = only_record(sandbox);
    assert_eq!(record["action_taken"], "deny", "{record}");
    told(record["reason"].as_str().unwrap_or_default(), plugin, cause);
    sandbox.run(["audit", "verify"]).exits(0);
}

fn only_record(sandbox: &Sandbox) -> Value {
    let mut records = sandbox.log();
    assert_eq!(records.len(), 1, "one call, one record: {records:?}");
    records.remove(0)
}

/// The call went on in silence, on both streams.
fn silent(outcome: &Outcome) {
    outcome.passed();
    assert_eq!(outcome.stderr, "", "{outcome:?}");
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}
