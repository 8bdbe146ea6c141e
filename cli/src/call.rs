//! A call given to a human command: by flags, or as JSON on standard input.

use std::io::Read;
use std::path::PathBuf;

use agentfirewall_core::agents::{Payload, Surroundings, claude_code};
use agentfirewall_core::places::Places;
use agentfirewall_sdk::ToolCall;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::CallArgs;
use crate::failure::{Exit, Failure};

/// The longest call that is read, in bytes; as for the hook.
const MAX_INPUT: u64 = 32 * 1024 * 1024;

/// A call on standard input: `{"tool": ..., "input": {...}}`, or the payload of a hook.
#[derive(Deserialize)]
struct Given {
    #[serde(alias = "tool_name")]
    tool: String,
    #[serde(alias = "tool_input", alias = "parameters", default)]
    input: Value,
    #[serde(default)]
    cwd: PathBuf,
    #[serde(default, alias = "session_id")]
    session: String,
    #[serde(default, alias = "tool_use_id")]
    call_id: String,
    #[serde(default)]
    headless: bool,
}

/// Says where a call that was given is made.
pub(crate) fn placed(mut call: ToolCall, places: &Places) -> Result<ToolCall, Failure> {
    call.project.clone_from(&places.project);
    if call.cwd.as_os_str().is_empty() {
        call.cwd = std::env::current_dir().map_err(|error| Failure::io("the working folder", &error))?;
    }
    Ok(call)
}

/// The call of the flags; without any the one on standard input.
pub(crate) fn given(args: &CallArgs) -> Result<ToolCall, Failure> {
    let usage = |message: &str| {
        Failure::new(Exit::Usage, message)
            .help("for example: agentfirewall check --tool Bash --command 'rm -rf build'")
    };
    let Some(tool) = &args.tool else {
        if args.command.is_some() || args.path.is_some() || args.input.is_some() {
            return Err(usage("`--tool` is missing"));
        }
        return from_json(&from_stdin()?);
    };
    let input = match (&args.input, &args.command, &args.path) {
        (Some(text), _, _) => {
            serde_json::from_str(text).map_err(|error| usage(&format!("`--input` is not JSON: {error}")))?
        }
        (None, Some(command), _) => json!({"command": command}),
        (None, None, Some(path)) => match tool.as_str() {
            "NotebookEdit" => json!({"notebook_path": path}),
            "Glob" | "Grep" => json!({"path": path, "pattern": ""}),
            _ => json!({"file_path": path}),
        },
        (None, None, None) => json!({}),
    };
    if !input.is_object() {
        return Err(usage("`--input` is not a JSON object"));
    }
    Ok(ToolCall::new(tool.as_str(), input))
}

/// The call of a payload that Claude Code gave to a hook, recorded and now on standard input.
pub(crate) fn of_claude_code(text: &str, places: &Places) -> Result<ToolCall, Failure> {
    #[derive(Deserialize)]
    struct Named {
        hook_event_name: String,
    }
    let invalid = |message: String| Failure::new(Exit::Usage, message);
    let named: Named = serde_json::from_str(text)
        .map_err(|error| invalid(format!("standard input is no payload of Claude Code: {error}")))?;
    let event = claude_code::event(&named.hook_event_name)
        .ok_or_else(|| invalid(format!("no event is called `{}`", named.hook_event_name.escape_debug())))?;
    let around = Surroundings { project: places.project.clone(), headless: false };
    match claude_code::parse(event, text.as_bytes(), &around).map_err(|error| invalid(error.to_string()))? {
        Payload::Call(call) => Ok(*call),
        _ => Err(invalid(format!("a payload of {} holds no call", event.as_str()))),
    }
}

/// Standard input as text.
pub(crate) fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_INPUT)
        .read_to_string(&mut text)
        .map_err(|error| Failure::io("standard input", &error))?;
    Ok(text)
}

/// A call as JSON.
pub(crate) fn from_json(text: &str) -> Result<ToolCall, Failure> {
    let given: Given = serde_json::from_str(text).map_err(|error| {
        Failure::new(Exit::Usage, format!("standard input is no call: {error}"))
            .help("give {\"tool\": \"Bash\", \"input\": {\"command\": \"ls\"}}, or flags such as --tool and --command")
    })?;
    let input = if given.input.is_null() { json!({}) } else { given.input };
    if !input.is_object() {
        return Err(Failure::new(Exit::Usage, "the call's `input` is not a JSON object"));
    }
    let mut call = ToolCall::new(given.tool, input);
    call.cwd = given.cwd;
    call.session = given.session;
    call.call_id = given.call_id;
    call.headless = given.headless;
    Ok(call)
}
