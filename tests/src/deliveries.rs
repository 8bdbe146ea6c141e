//! What tests of sinks share: something to tell, and what was refused.

use serde_json::Value;

use crate::sandbox::Sandbox;

/// What `check --record` writes, `deliver` brings; the hook would start it by itself.
pub fn alerts(sandbox: &Sandbox, count: usize) {
    for number in 0..count {
        let command = format!("echo {number}");
        sandbox.run(["check", "--record", "--tool", "Bash", "--command", command.as_str()]).exits(0);
    }
}

/// The dead letters of every sink.
pub fn dead_letters(sandbox: &Sandbox) -> Vec<Value> {
    let mut found = Vec::new();
    let mut folders = vec![sandbox.state().join("delivery")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with("dead.jsonl") {
                let text = std::fs::read_to_string(path).unwrap();
                found.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            }
        }
    }
    found
}
