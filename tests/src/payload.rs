//! Hook payloads in the shape Claude Code sends them.

use std::path::Path;

use serde_json::{Map, Value, json};

/// Builds one payload field by field; starts as a `PreToolUse` in the default mode.
#[derive(Debug, Clone)]
pub struct Payload(Map<String, Value>);

impl Payload {
    /// A payload of any event with what every event carries.
    pub fn event(name: &str, cwd: &Path) -> Self {
        let mut map = Map::new();
        map.insert("session_id".into(), json!("6ffbd2c5-5ea9-43a3-80f2-a98ab824d9b3"));
        map.insert("transcript_path".into(), json!("/nowhere/transcript.jsonl"));
        map.insert("cwd".into(), json!(cwd));
        map.insert("hook_event_name".into(), json!(name));
        Self(map)
    }

    /// Before a tool runs.
    pub fn pre(cwd: &Path, tool: &str, input: Value) -> Self {
        Self::event("PreToolUse", cwd).tool(tool, input)
    }

    /// A `Bash` call.
    pub fn bash(cwd: &Path, command: &str) -> Self {
        Self::pre(cwd, "Bash", json!({"command": command, "description": "d"}))
    }

    /// A `Write` of this code, again and again until the file has so many characters.
    pub fn write(project: &Path, code: &str, length: usize) -> Self {
        let content: String = code.chars().cycle().take(length).collect();
        Self::pre(project, "Write", json!({"file_path": project.join("notes.rs"), "content": content}))
    }

    /// After a tool ran.
    pub fn post(cwd: &Path, tool: &str, input: Value, response: Value) -> Self {
        Self::event("PostToolUse", cwd)
            .tool(tool, input)
            .with("tool_response", response)
            .with("duration_ms", json!(8))
    }

    fn tool(self, tool: &str, input: Value) -> Self {
        self.with("permission_mode", json!("default"))
            .with("effort", json!({"level": "medium"}))
            .with("tool_name", json!(tool))
            .with("tool_input", input)
            .with("tool_use_id", json!("toolu_e2e_0000"))
    }

    /// Sets or replaces a field.
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.0.insert(field.to_owned(), value);
        self
    }

    /// Sets the call's identifier.
    pub fn id(self, id: &str) -> Self {
        self.with("tool_use_id", json!(id))
    }

    /// Sets the permission mode.
    pub fn mode(self, mode: &str) -> Self {
        self.with("permission_mode", json!(mode))
    }

    /// The bytes on the hook's standard input.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap()
    }
}

impl From<Payload> for Vec<u8> {
    fn from(payload: Payload) -> Self {
        payload.bytes()
    }
}
