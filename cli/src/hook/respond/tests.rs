//! What is answered and recorded when an installed plugin fails. Its library is not there.

use std::fs;
use std::sync::Arc;

use agentfirewall_core::guard::{Guard, Unguarded};
use agentfirewall_core::policy::{LayerKind, compile_text};
use agentfirewall_core::registry::Registry;
use agentfirewall_core::store::InstalledPlugin;
use agentfirewall_sdk::Manifest;

use super::*;

const DETECTOR: &str = "plugin `acme` (detector `acme-token`) cannot be used: ";

fn registry() -> Registry {
    agentfirewall_plugins::link();
    let manifest: Manifest = serde_json::from_value(json!({"name": "acme", "version": "1.0.0", "items": [
        {"kind": "detector", "id": "acme-token", "keywords": ["acme_"]},
    ]}))
    .unwrap();
    let guard: Arc<dyn Guard> = Arc::new(Unguarded);
    let plugin = InstalledPlugin::unpinned(Path::new("/nonexistent/libacme.so"), &manifest);
    Registry::from_linked().unwrap().with_library(plugin, &guard).unwrap()
}

/// The answer under a user's policy, and the last record.
fn answered(event: HookEvent, on_error: &str, payload: Payload) -> (Result<Answer, String>, Value) {
    let root = tempfile::tempdir().unwrap();
    let places = Places::inside(root.path());
    fs::create_dir_all(places.project_folder()).unwrap();
    let registry = registry();
    let policy = format!(
        "default_action: log\nsecrets: {{prompts: log}}\nplugins: {{acme: {{on_error: {on_error}}}}}\nsinks: [{{name: s, use: stdout}}]\n"
    );
    let compiled = compile_text(&policy, LayerKind::User, &registry).unwrap();
    let interceptor = Interceptor::new(&compiled, &registry, &places.home).unwrap();
    let result = answer(event, payload, &places, interceptor);
    let log = fs::read_to_string(places.audit_log()).unwrap_or_default();
    let record = log.lines().last().map_or(Value::Null, |line| serde_json::from_str(line).unwrap());
    let result = result.map_err(|refusal| refusal.to_string()).map(|outcome| {
        assert_eq!(outcome.deliver.is_some(), record["action_taken"] == "alert");
        outcome.answer
    });
    (result, record)
}

fn call(event: HookEvent, response: Option<Value>) -> Payload {
    let mut call = ToolCall::new("Bash", json!({"command": "echo acme_1"}));
    call.event = event;
    call.response = response;
    Payload::Call(Box::new(call))
}

#[track_caller]
fn names_the_failure(record: &Value, action: &str) {
    assert_eq!(record["action_taken"], action, "{record}");
    let failures = record["metadata"]["plugin_failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{record}");
    assert!(failures[0].as_str().unwrap().starts_with(DETECTOR), "{record}");
}

#[test]
fn before_a_call() {
    let ask = |on_error| answered(HookEvent::PreToolUse, on_error, call(HookEvent::PreToolUse, None));
    let (answer, record) = ask("deny");
    assert_eq!((answer.unwrap().code, &record["action_taken"]), (2, &json!("deny")));
    for (on_error, action) in [("alert", "alert"), ("ignore", "log")] {
        let (answer, record) = ask(on_error);
        assert_eq!(answer.unwrap(), claude_code::pass());
        names_the_failure(&record, action);
    }
}

#[test]
fn after_a_call() {
    let ask = |on_error, result: &str| {
        answered(
            HookEvent::PostToolUse,
            on_error,
            call(HookEvent::PostToolUse, Some(json!({"stdout": result}))),
        )
    };
    let (answer, record) = ask("deny", "acme_1");
    assert!(answer.unwrap_err().starts_with(DETECTOR));
    assert_eq!(record["action_taken"], "deny");
    for (on_error, action) in [("alert", "alert"), ("ignore", "log")] {
        let (answer, record) = ask(on_error, "acme_1");
        assert_eq!(answer.unwrap(), claude_code::pass());
        names_the_failure(&record, action);
    }
    // What the others find is masked all the same.
    let token = concat!("acme_1 ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");
    let (answer, record) = ask("ignore", token);
    assert!(!answer.unwrap().stdout.contains("StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk"));
    names_the_failure(&record, "alert");
    let (answer, record) = ask("alert", "nothing of that kind");
    assert_eq!((answer.unwrap(), &record["metadata"]), (claude_code::pass(), &Value::Null));
}

#[test]
fn a_prompt() {
    let ask = |on_error, prompt: &str| {
        let payload = Payload::Prompt(Session::default(), prompt.to_owned());
        answered(HookEvent::UserPromptSubmit, on_error, payload)
    };
    assert!(ask("deny", "acme_1").0.unwrap_err().starts_with(DETECTOR));
    let token = concat!("acme_1 ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");
    for prompt in ["acme_1", token] {
        for (on_error, action) in [("alert", "alert"), ("ignore", "log")] {
            let (answer, record) = ask(on_error, prompt);
            assert_eq!(answer.unwrap(), claude_code::pass());
            names_the_failure(&record, action);
        }
    }
    let (answer, record) = ask("alert", "hello");
    assert_eq!((answer.unwrap(), &record["metadata"]), (claude_code::pass(), &Value::Null));
}

#[test]
fn what_is_said_of_a_failure_is_masked_too() {
    let secret = concat!("ghp", "_StZsxnTSWsbCBpWUedoB6SJ95Ypuie0AKxrk");
    let root = tempfile::tempdir().unwrap();
    let places = Places::inside(root.path());
    let registry = registry();
    let compiled = compile_text("plugins: {acme: {on_error: ignore}}\n", LayerKind::User, &registry).unwrap();
    let interceptor = Interceptor::new(&compiled, &registry, &places.home).unwrap();
    let recorder = Recorder::new(&places, interceptor.layers()).unwrap();
    let mut decision = Decision::new(Action::Allow, RuleRef::new("user", "x", 1), "fine");
    decision.plugin_failures = vec![format!("plugin `acme` failed: {secret} is wrong")];
    recorder.mask(&interceptor, &mut decision).unwrap();
    assert!(!decision.plugin_failures[0].contains(secret), "{decision:?}");
    assert!(decision.plugin_failures[0].starts_with("plugin `acme` failed: "), "{decision:?}");
    // A detector that fails over what it is shown is named as well.
    decision.part = Some("echo acme_1".to_owned());
    recorder.mask(&interceptor, &mut decision).unwrap();
    assert_eq!(decision.plugin_failures.len(), 2);
    assert!(decision.plugin_failures[1].starts_with(DETECTOR), "{decision:?}");
}
