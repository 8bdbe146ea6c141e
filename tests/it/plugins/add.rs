//! `agentfirewall plugins add`: what is broken does not get in, and says why.

use std::path::Path;

use agentfirewall_tests::fixtures::{
    self, flipped_byte, library, manifest, padded, patched_abi, truncated, without_unwind_flag,
};
use agentfirewall_tests::sandbox::{Outcome, Sandbox};

use super::{MISBEHAVING, OPEN, silent};

fn add(sandbox: &Sandbox, library: &Path) -> Outcome {
    sandbox.run(["plugins".as_ref(), "add".as_ref(), library.as_os_str()])
}

/// The library is refused for the reason, in words without a line for machines, and nothing is left.
fn refused(sandbox: &Sandbox, library: &Path, cause: &str) {
    let outcome = add(sandbox, library);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(65), ""), "{outcome:?}");
    assert!(outcome.stderr.contains(cause), "`{cause}`: {outcome:?}");
    let installed = agentfirewall_core::store::installed(&fixtures::places(sandbox)).unwrap();
    assert!(installed.plugins.is_empty(), "{installed:?}");
    let log = sandbox.log_text();
    silent(&sandbox.bash("echo v1tok_12345678 mb-abort"));
    assert!(sandbox.log_text().len() > log.len());
}

#[test]
fn a_plugin_of_sdk_1_0_is_installed_and_works_whatever_its_size() {
    let sandbox = Sandbox::with_policy(OPEN);
    let outcome = add(&sandbox, &padded(&library("fixture-wire-v1"), sandbox.root(), 32 << 20));
    outcome.exits(0);
    assert!(outcome.stdout.contains("fixture-wire-v1 1.0.0"), "{outcome:?}");
    let reason = sandbox.bash("echo v1tok_12345678").denied();
    assert!(reason.contains("v1-token"), "{reason}");
    silent(&sandbox.bash("echo v1tok_1234"));
}

#[test]
fn damaged_files() {
    let sandbox = Sandbox::with_policy(OPEN);
    let whole = library("fixture-wire-v1");
    for (bytes, cause) in [(0, "empty"), (20, "cut off"), (4096, "cut off"), (400_000, "cut off")] {
        refused(&sandbox, &truncated(&whole, sandbox.root(), bytes), cause);
    }
    let text = sandbox.write("text.so", "not a library\n");
    refused(&sandbox, &text, "is no shared library");
    refused(&sandbox, &sandbox.project, "project");
    // A byte somewhere in the middle is not always a fault, but never a crash of the command.
    let outcome = add(&sandbox, &flipped_byte(&whole, sandbox.root()));
    assert!(matches!(outcome.code, Some(0 | 65)), "{outcome:?}");
}

#[test]
fn other_wires() {
    let sandbox = Sandbox::with_policy(OPEN);
    let whole = library("fixture-wire-v1");
    refused(&sandbox, &patched_abi(&whole, sandbox.root(), 1, 1), "update agentfirewall");
    refused(&sandbox, &patched_abi(&whole, sandbox.root(), 2, 0), "plugin ABI 2.0");
    refused(&sandbox, &patched_abi(&whole, sandbox.root(), 0, 9), "build the plugin again");
    refused(&sandbox, &without_unwind_flag(&whole, sandbox.root()), "panic = \"abort\"");
}

#[test]
fn what_misbehaves_when_it_is_loaded_or_examined() {
    let mut sandbox = Sandbox::with_policy(OPEN);
    let library = library(MISBEHAVING);
    refused(&sandbox, &library, "crashed (SIGABRT");
    for (how, cause) in [("abort", "SIGABRT"), ("exit", "exit code 0"), ("segv", "SIGSEGV")] {
        sandbox.extra = vec![("FIXTURE_AT_LOAD".into(), how.into())];
        refused(&sandbox, &library, cause);
    }
}

#[test]
fn ids_have_one_owner() {
    let sandbox = Sandbox::with_policy(OPEN);
    let library = library("fixture-duplicate-ids");
    refused(&sandbox, &library, "di-twice");
    // Without the repetition it is the built-in detector's id that is taken; this is an entry that no command makes.
    let mut once = manifest(&library);
    once.items.dedup_by(|one, two| one.id == two.id);
    fixtures::add(&sandbox, &library, &once).unwrap();
    let reason = sandbox.bash("git status").denied();
    assert!(
        reason.contains("two detectors are called `github-token`")
            && reason.contains("built-in")
            && reason.contains("plugin fixture-duplicate-ids 0.1.0"),
        "{reason}"
    );
}
