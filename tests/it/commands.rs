//! The commands as a person and a program see them: texts, JSON, exit codes, and what they leave on disk.

mod explaining;
mod help;
mod judging;
mod records;
mod redacting;
mod rules;
mod scaffold;
mod schema;
mod shells;
mod wiring;

use agentfirewall_tests::sandbox::{Outcome, Sandbox};
use regex::Regex;
use serde_json::json;

use crate::samples;

const PAGE: &str = include_str!("page.yaml");

/// A text without what changes from run to run: paths, times, hashes, counts of milliseconds.
pub(crate) fn plain(sandbox: &Sandbox, text: &str) -> String {
    let mut text = text.to_owned();
    let root = sandbox.home.parent().unwrap();
    let folder = sandbox.program.parent().unwrap();
    for (path, name) in [
        (sandbox.program.as_path(), "[PROGRAM]"),
        (folder, "[BIN]"),
        (&sandbox.project, "[PROJECT]"),
        (&sandbox.home, "[HOME]"),
        (root, "[ROOT]"),
    ] {
        text = text.replace(path.to_str().unwrap(), name);
    }
    for (pattern, name) in [
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", "[TIME]"),
        (r"\b\d{8}T?-?\d{6}(-\d+)?\b", "[TIME]"),
        (r"\b[0-9a-f]{64}\b", "[HASH]"),
        (r"\b[0-9a-f]{32}\b", "[CHAIN]"),
        (r"\b\d+(\.\d+)? ?(ms|µs|us|s)\b", "[DURATION]"),
        (r"agentfirewall(\s+)\d+\.\d+\.\d+", "agentfirewall$1[VERSION]"),
        (r"#[0-9a-f]{4}\]", "#[TAG]]"),
        // True of a binary under test, not of an installed one.
        (r"(?m)^warning: `\[PROGRAM\]` looks like a build .*\n", ""),
        // Trailing blanks are invisible in a snapshot.
        (r"(?m)[ \t]+$", ""),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
    }
    text
}

/// Exit code and both streams as one text.
fn shown(sandbox: &Sandbox, outcome: &Outcome) -> String {
    let mut text =
        format!("exit {}\n", outcome.code.map_or("by a signal".to_owned(), |code| code.to_string()));
    for (name, stream) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        if !stream.is_empty() {
            text += &format!("-- {name}\n{stream}");
        }
    }
    plain(sandbox, &text)
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> String {
    shown(sandbox, &sandbox.run(arguments))
}

/// A sandbox after `init` and `install`, with a few records.
fn lived_in() -> Sandbox {
    let sandbox = Sandbox::with_policy(PAGE);
    sandbox.bash("git status").passed();
    sandbox.bash("sudo ls").denied();
    sandbox.call("Read", json!({"file_path": sandbox.project.join("a.txt")})).passed();
    sandbox.call("mcp__demo__send_mail", json!({"to": "a@example.org"})).passed();
    sandbox
}
