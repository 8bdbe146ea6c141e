//! Misbehaving matchers in a policy's rules.

use agentfirewall_tests::fixtures::{install, library};
use agentfirewall_tests::sandbox::Sandbox;

use super::{MISBEHAVING, OPEN, denied_by, silent};

/// A policy that asks the matcher about every Bash call, and a call.
pub(super) fn judge(does: &str, cause: &str) {
    let sandbox = with_matcher(does);
    denied_by(&sandbox, &sandbox.bash("echo hunter2-4711"), MISBEHAVING, cause);
    // The rule is about another tool's calls no more than before.
    silent(&sandbox.call("WebSearch", serde_json::json!({"query": "x"})));
}

fn with_matcher(does: &str) -> Sandbox {
    let rule = format!(
        "rules:\n  - {{name: own, tools: [Bash], match: {{mb-matcher: {{does: \"{does}\"}}}}, action: deny, \
         reason: told}}\n"
    );
    let sandbox = Sandbox::with_policy(&OPEN.replace("rules: []\n", &rule));
    install(&sandbox, &library(MISBEHAVING));
    sandbox
}

macro_rules! rows {
    ($($test:ident, $does:literal, $cause:literal;)*) => {
        $(#[test]
        fn $test() {
            judge($does, $cause);
        })*
    };
}

rows! {
    panic, "panic", "panicked: as the policy wished";
    error, "fail", "failed: as the policy wished";
    abort, "abort", "crashed (SIGABRT";
    invalid_memory, "segv", "crashed (SIGSEGV";
    exit_with_success, "exit", "ended the process (exit code 0)";
}

#[test]
fn the_answers_of_a_matcher_count() {
    let sandbox = with_matcher("true");
    assert!(sandbox.bash("echo x").denied().contains("told"));
    silent(&with_matcher("false").bash("echo x"));
}

#[test]
fn a_configuration_that_the_library_refuses_is_an_error_of_the_policy() {
    let sandbox = with_matcher("dance");
    let reason = sandbox.bash("echo x").denied();
    assert!(reason.contains("mb-matcher") && reason.contains("dance"), "{reason}");
    let outcome = sandbox.run(["validate"]);
    outcome.exits(65);
    assert!(outcome.stderr.contains("AF009"), "{outcome:?}");
}
