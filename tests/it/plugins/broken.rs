//! The table of misbehaving detectors, asked before a call. One row is one test.

use std::thread;

use super::{MISBEHAVING, denied_by, silent, with_plugin};

/// Asks about a call with the word that wakes a detector.
fn judge(word: &str, cause: &str) {
    let sandbox = with_plugin(MISBEHAVING);
    let outcome = sandbox.bash(&format!("echo é {word} hunter2-4711"));
    denied_by(&sandbox, &outcome, MISBEHAVING, cause);
    let stored = String::from_utf8_lossy(&sandbox.everything_stored()).into_owned();
    let log = sandbox.log_text();
    assert!(!log.contains("hunter2") && !outcome.stdout.contains("hunter2"), "{outcome:?}\n{log}");
    assert!(stored.contains(word), "the store is not looked at");
    // What it did is over with its call.
    silent(&sandbox.bash("git status"));
}

macro_rules! rows {
    ($($test:ident, $word:literal, $cause:literal;)*) => {
        $(#[test]
        fn $test() {
            judge($word, $cause);
        })*
    };
}

rows! {
    panic, "mb-panic", "panicked: two lines of a panic";
    panic_with_a_panicking_payload, "mb-any-panic", "panicked";
    error, "mb-error", "failed: the service is not there";
    error_that_quotes_the_text, "mb-quotes", "quotes the text and is withheld";
    abort, "mb-abort", "crashed (SIGABRT";
    invalid_memory, "mb-segv", "crashed (SIGSEGV";
    stack_overflow, "mb-overflow", "crashed (SIG";
    stack_overflow_in_a_thread, "mb-deep-thread", "crashed (SIG";
    exit_with_success, "mb-exit", "ended the process (exit code 0)";
    exit_without_handlers, "mb-hard-exit", "ended the process (exit code 0)";
    killed, "mb-kill", "crashed (SIGKILL";
    span_outside, "mb-outside", "is no place in the text";
    span_inside_a_character, "mb-inside", "is no place in the text";
    span_backwards, "mb-backwards", "6..2, which is no place in the text";
    span_empty, "mb-empty", "3..3, which is no place in the text";
    descriptors_closed, "mb-closes", "closed descriptors that are not its own";
    descriptors_closed_for_ever, "mb-cut-off", "closed descriptors that are not its own";
    constructor_panics, "mb-new-panics", "panicked: no such thing";
    constructor_aborts, "mb-new-aborts", "crashed (SIGABRT";
    constructor_fails, "mb-new-fails", "cannot be used: line one line two";
}

/// Each takes the five seconds that a call of a library may take, so they wait together.
#[test]
fn what_never_returns_is_ended() {
    thread::scope(|scope| {
        for word in ["mb-loop", "mb-sleep"] {
            scope.spawn(move || judge(word, "did not return within 5 s"));
        }
        scope.spawn(|| super::matchers::judge("loop", "did not return within 5 s"));
        scope.spawn(|| super::loading::misbehaves_at_load("loop", "did not return within 5 s"));
    });
}

#[test]
fn what_a_plugin_prints_reaches_nobody() {
    let sandbox = with_plugin(MISBEHAVING);
    silent(&sandbox.bash("echo mb-prints"));
    // Not even where the call is denied for a reason of its own.
    let outcome = sandbox.bash("echo mb-prints mb-error");
    outcome.denied();
    assert!(!outcome.stderr.contains("a line of a library"), "{outcome:?}");
}

#[test]
fn a_panic_in_a_thread_of_the_plugin_stays_there() {
    silent(&with_plugin(MISBEHAVING).bash("echo mb-own-thread"));
}

#[test]
fn nothing_waits_for_what_a_plugin_registered_for_the_end_of_the_process() {
    silent(&with_plugin(MISBEHAVING).bash("echo mb-at-exit"));
}

#[test]
fn a_thread_that_crashes_later_is_too_late_or_a_deny() {
    let sandbox = with_plugin(MISBEHAVING);
    let outcome = sandbox.bash("echo mb-late-crash");
    // How far the judgement has come after its 50 ms is the machine's affair.
    if outcome.code == Some(0) {
        silent(&outcome);
    } else {
        super::told(&outcome.denied(), MISBEHAVING, "crashed (SIGSEGV");
    }
    sandbox.run(["audit", "verify"]).exits(0);
}

#[test]
fn a_trusted_policy_may_prefer_to_go_on_and_never_lets_pass_what_was_denied() {
    let sandbox = with_plugin(MISBEHAVING);
    let folder = sandbox.home.join(".config/agentfirewall");
    std::fs::write(
        folder.join("policy.yaml"),
        "version: \"1.0\"\nname: available\ndefault_action: allow\non_error: allow\nrules:\n  \
         - {name: no, tools: [Bash], resources: [\"rm *\"], action: deny, reason: kept}\n",
    )
    .unwrap();
    let passed = sandbox.bash("echo mb-abort");
    passed.exits(0);
    let message = passed.json()["systemMessage"].as_str().unwrap_or_default().to_owned();
    super::told(&message, MISBEHAVING, "crashed (SIGABRT");
    assert_eq!(super::only_record(&sandbox)["action_taken"], "alert");
    assert!(sandbox.bash("rm mb-fine").denied().contains("kept"));
}

#[test]
fn two_words_are_one_deny_that_names_the_first_to_fail() {
    let sandbox = with_plugin(MISBEHAVING);
    denied_by(&sandbox, &sandbox.bash("echo mb-abort mb-segv mb-exit"), MISBEHAVING, "crashed");
}
