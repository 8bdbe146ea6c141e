//! What the hook makes of secrets: parameters, results in the shape of every tool, prompts.

use agentfirewall_tests::payload::Payload;
use agentfirewall_tests::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::samples;

/// A secret as it is and in the encodings in which it may come out of a tool, each in a text around it.
pub(crate) fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let each = |form: &dyn Fn(u8) -> String| secret.bytes().map(form).collect::<String>();
    let in_json = Value::from(format!("{{\"token\":{}}}", Value::from(secret))).to_string();
    let (left, right) = secret.split_at(12);
    vec![
        ("plain", secret.to_owned()),
        ("base64", samples::base64(secret.as_bytes())),
        ("a file in base64", samples::base64(format!("# settings\ntoken={secret}\n").as_bytes())),
        ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("percent", each(&|byte| format!("%{byte:02X}"))),
        ("JSON in JSON", in_json),
        ("\\u", each(&|byte| format!("\\u{byte:04x}"))),
        ("two literals", format!("\"{left}\" + \"{right}\"")),
        ("twice base64", samples::base64(samples::base64(secret.as_bytes()).as_bytes())),
    ]
}

/// The result of every tool as the client reports it, with one text in every place that a tool fills, and no secret in
/// the others.
fn results(text: &str) -> Vec<(&'static str, Value)> {
    let lines = [" before", &format!("+{text}"), " after"];
    let patch = json!([{"oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 3, "lines": lines}]);
    vec![
        (
            "Bash",
            json!({"stdout": text, "stderr": text, "interrupted": false, "isImage": false, "noOutputExpected": false}),
        ),
        (
            "Read",
            json!({"type": "text", "file": {"filePath": "/p/a.txt", "content": text, "numLines": 3, "startLine": 1, "totalLines": 3}}),
        ),
        (
            "Read",
            json!({"type": "notebook", "file": {"filePath": "/p/a.ipynb", "cells": [{"cellType": "code", "source": text, "outputs": [{"output_type": "stream", "text": text}], "cell_id": "c1"}]}}),
        ),
        (
            "Write",
            json!({"type": "update", "filePath": "/p/a.txt", "content": text, "structuredPatch": patch, "originalFile": text, "userModified": false}),
        ),
        (
            "Edit",
            json!({"filePath": "/p/a.txt", "oldString": "x", "newString": text, "originalFile": text, "structuredPatch": patch, "userModified": false, "replaceAll": false}),
        ),
        (
            "NotebookEdit",
            json!({"new_source": text, "cell_id": "c1", "cell_type": "code", "language": "python", "edit_mode": "replace", "error": "", "notebook_path": "/p/a.ipynb"}),
        ),
        (
            "Grep",
            json!({"mode": "content", "numFiles": 0, "filenames": [], "content": text, "numLines": 1, "totalLines": 1}),
        ),
        (
            "Glob",
            json!({"filenames": ["a.txt", text], "durationMs": 37, "numFiles": 2, "truncated": false, "totalMatches": 2, "countIsComplete": true}),
        ),
        (
            "WebFetch",
            json!({"bytes": 12, "code": 200, "codeText": "OK", "result": text, "durationMs": 9, "url": "https://example.org/"}),
        ),
        (
            "WebSearch",
            json!({"query": "abc", "results": [{"tool_use_id": "s", "content": [{"title": text, "url": "https://example.org/"}]}], "durationSeconds": 0.012_512_494_999_999_036, "searchCount": 1}),
        ),
        (
            "Agent",
            json!({"status": "completed", "prompt": "go", "agentId": "a1", "content": [{"type": "text", "text": text}], "totalDurationMs": 3361, "usage": {"input_tokens": 100}}),
        ),
        (
            "TaskOutput",
            json!({"retrieval_status": "success", "task": {"task_id": "t", "output": text, "exitCode": 0}}),
        ),
        ("mcp__demo__read", json!([{"type": "text", "text": text}])),
        (
            "mcp__demo__read",
            json!({"content": [{"type": "text", "text": text}], "structuredContent": {"a": {"b": [text, 1, null]}}}),
        ),
        ("mcp__demo__read", json!(text)),
    ]
}

/// Says where two values differ other than by the text at a place that held the secret.
fn compare(before: &Value, after: &Value, text: &str, at: &str) {
    match (before, after) {
        (Value::Object(left), Value::Object(right)) => {
            assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "{at}");
            left.iter().for_each(|(name, value)| compare(value, &right[name], text, &format!("{at}/{name}")));
        }
        (Value::Array(left), Value::Array(right)) => {
            assert_eq!(left.len(), right.len(), "{at}");
            left.iter().zip(right).for_each(|(left, right)| compare(left, right, text, at));
        }
        (Value::String(left), Value::String(right)) if left.contains(text) => {
            assert!(right.contains("[secret:github-token#"), "{at}: {right}");
            let (head, tail) = left.split_once(text).unwrap();
            assert!(right.starts_with(head) && right.ends_with(tail), "{at}: {right}");
        }
        _ => assert_eq!(before, after, "{at}"),
    }
}

#[test]
fn results_of_every_tool_keep_their_shape_and_lose_the_secret_in_every_form() {
    let sandbox = Sandbox::new();
    let secret = samples::github_token(31);
    for (form, hidden) in forms(&secret) {
        let text = format!("first line\nvalue: {hidden}\nlast line");
        for (tool, result) in results(&text) {
            let payload =
                Payload::post(&sandbox.project, tool, json!({"file_path": "/p/a.txt"}), result.clone());
            let outcome = sandbox.hook("post-tool-use", payload);
            outcome.exits(0);
            let answer = outcome.json();
            let masked = &answer["hookSpecificOutput"]["updatedToolOutput"];
            compare(&result, masked, &text, &format!("{form}, {tool}"));
            assert!(!outcome.stdout.contains(&hidden), "{form}, {tool}: {}", outcome.stdout);
            assert_eq!(outcome.stderr, "");
        }
    }
    let stored = String::from_utf8_lossy(&sandbox.everything_stored()).into_owned();
    for (form, hidden) in forms(&secret) {
        assert!(!stored.contains(&hidden), "{form} is in the log");
    }
}

#[test]
fn a_key_is_masked_line_by_line_too() {
    let sandbox = Sandbox::new();
    let key = samples::private_key();
    let lines: Vec<String> = key.lines().map(|line| format!(" {line}")).collect();
    let numbered: String =
        key.lines().zip(1..).map(|(line, number)| format!("keys.pem:{number}:{line}\n")).collect();
    for (tool, result) in [
        (
            "Edit",
            json!({"filePath": "/p/a", "originalFile": key, "structuredPatch": [{"oldStart": 1, "lines": lines}]}),
        ),
        (
            "Grep",
            json!({"mode": "content", "numFiles": 0, "filenames": [], "content": numbered, "numLines": 14}),
        ),
        (
            "Bash",
            json!({"stdout": samples::base64(key.as_bytes()), "stderr": "", "interrupted": false, "isImage": false}),
        ),
    ] {
        let outcome = sandbox.hook("post-tool-use", Payload::post(&sandbox.project, tool, json!({}), result));
        outcome.exits(0);
        let answer = outcome.json()["hookSpecificOutput"]["updatedToolOutput"].to_string();
        assert!(answer.contains("[secret:private-key"), "{tool}: {outcome:?}");
        for line in key.lines().filter(|line| !line.starts_with('-')) {
            assert!(
                !answer.contains(line) && !answer.contains(&samples::base64(&line.as_bytes()[..48])),
                "{tool}: {answer}"
            );
        }
    }
}

#[test]
fn pictures_and_hashes_are_not_touched() {
    let sandbox = Sandbox::new();
    let noise: Vec<u8> =
        (0..60_000_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[1] ^ 0x5a).collect();
    let picture = samples::base64(&[&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &noise].concat());
    for (tool, result) in [
        (
            "Read",
            json!({"type": "image", "file": {"base64": picture, "type": "image/png", "originalSize": 60_016}}),
        ),
        ("mcp__demo__shot", json!([{"type": "image", "data": picture, "mimeType": "image/png"}])),
        (
            "Bash",
            json!({"stdout": format!("data:image/png;base64,{picture}"), "stderr": "", "isImage": true}),
        ),
        (
            "Bash",
            json!({"stdout": "sha256:b9102f29a422eb14ab2f2d0f0cc022238daceee2092f073ff80b9465aef7ac86  a.tar", "stderr": ""}),
        ),
    ] {
        let outcome = sandbox.hook("post-tool-use", Payload::post(&sandbox.project, tool, json!({}), result));
        outcome.passed();
    }
}

#[test]
fn parameters_and_prompts_with_a_secret_in_any_form_are_stopped() {
    let sandbox = Sandbox::new();
    let secret = samples::github_token(32);
    for (form, hidden) in forms(&secret) {
        let content = format!("first line\nvalue: {hidden}\nlast line\n");
        let file = sandbox.project.join("config.txt");
        for outcome in [
            sandbox.call("Write", json!({"file_path": file, "content": content})),
            sandbox.call("Edit", json!({"file_path": file, "old_string": "a", "new_string": content})),
            sandbox.call("mcp__demo__send", json!({"body": {"parts": [content]}})),
        ] {
            let reason = outcome.denied();
            assert!(reason.contains("github-token"), "{form}: {reason}");
            assert!(!format!("{outcome:?}").contains(&hidden), "{form}: {outcome:?}");
        }
        let prompt = Payload::event("UserPromptSubmit", &sandbox.project).with("prompt", json!(content));
        let outcome = sandbox.hook("user-prompt-submit", prompt);
        assert_eq!(outcome.json()["decision"], "block", "{form}: {outcome:?}");
    }
    let stored = String::from_utf8_lossy(&sandbox.everything_stored()).into_owned();
    for (form, hidden) in forms(&secret) {
        assert!(!stored.contains(&hidden), "{form} is in the log");
    }
}

#[test]
fn equal_secrets_have_equal_tags_from_call_to_call() {
    let sandbox = Sandbox::new();
    let secret = samples::github_token(33);
    let tag = || {
        let result = json!({"stdout": format!("T={secret}\n"), "stderr": "", "interrupted": false});
        let outcome =
            sandbox.hook("post-tool-use", Payload::post(&sandbox.project, "Bash", json!({}), result));
        outcome.json()["hookSpecificOutput"]["updatedToolOutput"]["stdout"].as_str().unwrap().to_owned()
    };
    assert_eq!(tag(), tag());
}

#[test]
fn what_cannot_be_masked_is_told_to_the_person_and_recorded() {
    let sandbox = Sandbox::new();
    let secret = samples::github_token(34);
    let payload = Payload::event("PostToolUseFailure", &sandbox.project)
        .with("tool_name", json!("Bash"))
        .with("tool_input", json!({"command": "./run"}))
        .with("error", json!(format!("Exit code 3\n{secret}")));
    let outcome = sandbox.hook("post-tool-use-failure", payload);
    outcome.exits(0);
    assert!(
        outcome.json()["systemMessage"].as_str().unwrap().contains("treat them as leaked"),
        "{outcome:?}"
    );
    assert!(!String::from_utf8_lossy(&sandbox.everything_stored()).contains(&secret));
}
