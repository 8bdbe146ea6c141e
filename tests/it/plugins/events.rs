//! Misbehaving detectors after a call, where its result must not reach the model, and in prompts.

use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::sandbox::Sandbox;
use serde_json::json;

use super::{MISBEHAVING, only_record, recorded, silent, told, with_plugin};

fn result(sandbox: &Sandbox, text: &str) -> Payload {
    let response = json!({"stdout": text, "stderr": "", "interrupted": false, "isImage": false});
    Payload::post(&sandbox.project, "Bash", json!({"command": "cat x"}), response)
}

fn withheld(word: &str, cause: &str) {
    let sandbox = with_plugin(MISBEHAVING);
    let outcome = sandbox.hook("post-tool-use", result(&sandbox, &format!("é {word} hunter2-4711")));
    outcome.exits(0);
    let shown = outcome.json()["hookSpecificOutput"]["updatedToolOutput"].clone();
    let shown_text = shown["stdout"].as_str().unwrap_or_default();
    assert!(shown_text.starts_with("[withheld by agentfirewall: "), "{outcome:?}");
    assert!(!outcome.stdout.contains("hunter2") && !outcome.stderr.contains("hunter2"), "{outcome:?}");
    told(shown_text, MISBEHAVING, cause);
    told(outcome.one_line(), MISBEHAVING, cause);
    assert_eq!(only_record(&sandbox)["event_type"], "tool_execution");
    recorded(&sandbox, MISBEHAVING, cause);
    assert!(!sandbox.log_text().contains("hunter2"), "{}", sandbox.log_text());
}

fn blocked(word: &str, cause: &str) {
    let sandbox = with_plugin(MISBEHAVING);
    let prompt = format!("é {word} hunter2-4711");
    let payload = Payload::event("UserPromptSubmit", &sandbox.project).with("prompt", json!(prompt));
    let outcome = sandbox.hook("user-prompt-submit", payload);
    outcome.exits(2);
    let answer = outcome.json();
    assert_eq!(answer["decision"], "block", "{outcome:?}");
    assert_eq!(answer["reason"], outcome.one_line());
    told(outcome.one_line(), MISBEHAVING, cause);
    assert!(!outcome.stdout.contains("hunter2"), "{outcome:?}");
    assert_eq!(only_record(&sandbox)["event_type"], "user_prompt");
    recorded(&sandbox, MISBEHAVING, cause);
    assert!(!sandbox.log_text().contains("hunter2"), "{}", sandbox.log_text());
}

macro_rules! rows {
    ($($run:ident, $test:ident, $word:literal, $cause:literal;)*) => {
        $(#[test]
        fn $test() {
            $run($word, $cause);
        })*
    };
}

rows! {
    withheld, result_panic, "mb-panic", "panicked: two lines of a panic";
    withheld, result_quotes, "mb-quotes", "quotes the text and is withheld";
    withheld, result_abort, "mb-abort", "crashed (SIGABRT";
    withheld, result_stack_overflow, "mb-overflow", "crashed (SIG";
    withheld, result_exit, "mb-exit", "ended the process (exit code 0)";
    withheld, result_span, "mb-inside", "is no place in the text";
    withheld, result_closed, "mb-closes", "closed descriptors that are not its own";
    withheld, result_constructor, "mb-new-aborts", "crashed (SIGABRT";
    blocked, prompt_panic, "mb-panic", "panicked: two lines of a panic";
    blocked, prompt_quotes, "mb-quotes", "quotes the text and is withheld";
    blocked, prompt_segv, "mb-segv", "crashed (SIGSEGV";
    blocked, prompt_exit, "mb-hard-exit", "ended the process (exit code 0)";
    blocked, prompt_kill, "mb-kill", "crashed (SIGKILL";
    blocked, prompt_span, "mb-backwards", "is no place in the text";
}

#[test]
fn results_and_prompts_without_the_words_go_on() {
    let mut sandbox = with_plugin(MISBEHAVING);
    sandbox.extra.push(("FIXTURE_AT_LOAD".into(), "abort".into()));
    silent(&sandbox.hook("post-tool-use", result(&sandbox, "an ordinary result")));
    let payload = Payload::event("UserPromptSubmit", &sandbox.project).with("prompt", json!("hello"));
    silent(&sandbox.hook("user-prompt-submit", payload));
    let payload = Payload::event("SessionStart", &sandbox.project).with("source", json!("startup"));
    silent(&sandbox.hook("session-start", payload));
}
