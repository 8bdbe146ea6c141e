//! Claude Code's hooks, as measured on 2.1.197 and 2.1.330.
//!
//! A deny is exit code 2, the deny JSON on standard output and one line on standard error: two channels, each of which
//! blocks alone. Whatever passes is answered with silence, so that the client's own permission flow goes on. Standard
//! output never holds anything but one JSON object: text around it makes the client ignore the verdict.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;

use agentfirewall_sdk::{AgentInfo, HookEvent, McpServer, PermissionMode, ToolCall};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, ConfigChange, Payload, PayloadError, Session, Surroundings};

/// The client's name in audit records.
pub const CLIENT: &str = "claude-code";

/// The longest payload that is read, in bytes. A longer one is refused: a hook that runs into the client's time-out
/// does not block.
pub const MAX_PAYLOAD: usize = 32 * 1024 * 1024;

/// Finds the event of a command-line argument such as `pre-tool-use`; Claude Code's own spelling is accepted too.
pub fn event(argument: &str) -> Option<HookEvent> {
    HookEvent::ALL.into_iter().find(|event| event.as_argument() == argument || event.as_str() == argument)
}

/// Whether the client runs without a person who could answer a question (`claude -p`).
///
/// 2.1.330 says so itself in `CLAUDE_CODE_SESSION_ATTENDED` (`0` or `1`); 2.1.197 does not have it, but gives
/// `CLAUDE_CODE_ENTRYPOINT`, which is `sdk-cli` for `-p` and `cli` for the terminal (both seen in real hooks).
pub fn is_headless(environment: &dyn Fn(&str) -> Option<OsString>) -> bool {
    match environment("CLAUDE_CODE_SESSION_ATTENDED") {
        Some(attended) => attended != "1",
        None => environment("CLAUDE_CODE_ENTRYPOINT").is_some_and(|entrypoint| entrypoint == "sdk-cli"),
    }
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow, default)]
    hook_event_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    session_id: Cow<'a, str>,
    #[serde(borrow, default)]
    cwd: Cow<'a, str>,
    #[serde(borrow, default)]
    permission_mode: Cow<'a, str>,
    #[serde(borrow, default)]
    agent_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    agent_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(default)]
    tool_input: Option<Value>,
    #[serde(default)]
    tool_response: Option<Value>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(borrow, default)]
    tool_use_id: Cow<'a, str>,
    #[serde(default)]
    mcp_server: Option<RawServer>,
    #[serde(borrow, default)]
    prompt: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Cow<'a, str>,
    #[serde(borrow, default)]
    file_path: Option<Cow<'a, str>>,
}

#[derive(Deserialize, Default)]
struct RawServer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    source: String,
}

/// Parses the bytes of standard input.
///
/// # Errors
///
/// Anything but one JSON object with the event's documented fields: one line that says what is wrong.
pub fn parse(event: HookEvent, bytes: &[u8], around: &Surroundings) -> Result<Payload, PayloadError> {
    let fail = |message: String| PayloadError(message);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(fail("the hook got no payload on standard input".to_owned()));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| fail(format!("the hook's payload is not UTF-8 (byte {})", error.valid_up_to())))?;
    let raw: Raw<'_> = serde_json::from_str(text)
        .map_err(|error| fail(format!("the hook's payload is not the JSON the client documents: {error}")))?;
    if let Some(name) = &raw.hook_event_name
        && name != event.as_str()
    {
        return Err(fail(format!(
            "the hook was called for {} with a payload for `{}`",
            event.as_str(),
            name.escape_debug()
        )));
    }
    let session = Session { id: raw.session_id.clone().into_owned(), cwd: PathBuf::from(raw.cwd.as_ref()) };
    match event {
        HookEvent::UserPromptSubmit => {
            let prompt = raw.prompt.ok_or_else(|| fail("the payload has no `prompt`".to_owned()))?;
            Ok(Payload::Prompt(session, prompt.into_owned()))
        }
        HookEvent::SessionStart => Ok(Payload::SessionStart(session, raw.source.into_owned())),
        HookEvent::ConfigChange => Ok(Payload::ConfigChange(
            session,
            ConfigChange {
                source: raw.source.into_owned(),
                file: raw.file_path.map(|path| PathBuf::from(path.as_ref())),
            },
        )),
        _ => call(event, raw, session, around).map(|call| Payload::Call(Box::new(call))),
    }
}

fn call(
    event: HookEvent,
    raw: Raw<'_>,
    session: Session,
    around: &Surroundings,
) -> Result<ToolCall, PayloadError> {
    let tool = match raw.tool_name {
        Some(name) if !name.is_empty() => name.into_owned(),
        _ => return Err(PayloadError("the payload has no `tool_name`".to_owned())),
    };
    let input = raw.tool_input.ok_or_else(|| PayloadError("the payload has no `tool_input`".to_owned()))?;
    let mut call = ToolCall::new(shared_name(&tool), object(input)?);
    call.raw_tool = tool;
    if event == HookEvent::PreToolUse {
        judgeable(&call)?;
    }
    CLIENT.clone_into(&mut call.client);
    call.event = event;
    call.response = raw.tool_response.or(raw.error);
    call.cwd = session.cwd;
    call.project.clone_from(&around.project);
    call.session = session.id;
    call.call_id = raw.tool_use_id.into_owned();
    call.mode = mode(&raw.permission_mode);
    call.headless = around.headless;
    call.agent = raw.agent_id.map(|id| AgentInfo {
        id: id.into_owned(),
        kind: raw.agent_type.map(Cow::into_owned).unwrap_or_default(),
    });
    call.mcp = raw
        .mcp_server
        .map(|server| McpServer { name: server.name, source: server.source })
        .or_else(|| server_of(&call.tool));
    Ok(call)
}

/// Names the client itself still answers to.
fn shared_name(tool: &str) -> &str {
    match tool {
        "Task" => "Agent",
        "MultiEdit" => "Edit",
        "LS" => "Glob",
        other => other,
    }
}

/// Older clients do not send `mcp_server`; the name of the tool says which server it is.
fn server_of(tool: &str) -> Option<McpServer> {
    let (server, _) = tool.strip_prefix("mcp__")?.split_once("__")?;
    Some(McpServer { name: server.to_owned(), source: String::new() })
}

/// Refuses a call of a built-in tool whose telling parameter is there and no text: it would be judged without it.
fn judgeable(call: &ToolCall) -> Result<(), PayloadError> {
    let (name, compulsory) = match call.tool.as_str() {
        "Bash" | "PowerShell" => ("command", true),
        "Monitor" => ("command", false),
        "Read" | "Write" | "Edit" => ("file_path", false),
        "NotebookEdit" => ("notebook_path", false),
        "WebFetch" => ("url", false),
        "WebSearch" => ("query", false),
        "Agent" => ("prompt", false),
        _ => return Ok(()),
    };
    match call.input.get(name) {
        Some(Value::String(_)) => Ok(()),
        None if !compulsory => Ok(()),
        _ => Err(PayloadError(format!("`{name}` of the {} call is not a text", call.tool))),
    }
}

fn object(mut input: Value) -> Result<Value, PayloadError> {
    // Some clients send the parameters as a string of JSON.
    if let Value::String(text) = &input {
        input = serde_json::from_str(text).map_err(|error| {
            PayloadError(format!("`tool_input` is a string that is no JSON object: {error}"))
        })?;
    }
    if input.is_object() {
        Ok(input)
    } else {
        Err(PayloadError("`tool_input` is not a JSON object".to_owned()))
    }
}

fn mode(name: &str) -> PermissionMode {
    match name {
        "acceptEdits" => PermissionMode::AcceptEdits,
        "plan" => PermissionMode::Plan,
        "auto" => PermissionMode::Auto,
        "dontAsk" => PermissionMode::DontAsk,
        "bypassPermissions" => PermissionMode::BypassPermissions,
        _ => PermissionMode::Default,
    }
}

/// Silence: the client's own permission flow goes on.
pub fn pass() -> Answer {
    Answer::default()
}

/// Blocks, whatever the event. For the events after a call there is nothing left to block: the client shows the reason
/// to the model beside the unchanged result.
pub fn deny(event: HookEvent, reason: &str) -> Answer {
    let reason = one_line(reason);
    let object = if event == HookEvent::PreToolUse {
        json!({"hookSpecificOutput": {
            "hookEventName": event.as_str(),
            "permissionDecision": "deny",
            "permissionDecisionReason": reason,
        }})
    } else {
        json!({"decision": "block", "reason": reason})
    };
    Answer { stdout: object.to_string(), stderr: reason, code: 2 }
}

/// Puts the call before a person (`PreToolUse` alone).
pub fn ask(reason: &str) -> Answer {
    permission("ask", reason)
}

/// Approves the call, so that the client does not ask: only for a rule whose author said so.
pub fn approve(reason: &str) -> Answer {
    permission("allow", reason)
}

fn permission(decision: &str, reason: &str) -> Answer {
    let object = json!({"hookSpecificOutput": {
        "hookEventName": HookEvent::PreToolUse.as_str(),
        "permissionDecision": decision,
        "permissionDecisionReason": one_line(reason),
    }});
    Answer { stdout: object.to_string(), ..Answer::default() }
}

/// Replaces what the model sees of a result. The value must have the tool's own shape, else the client ignores it and
/// shows the original.
pub fn replace_result(result: Value) -> Answer {
    let object = json!({"hookSpecificOutput": {
        "hookEventName": HookEvent::PostToolUse.as_str(),
        "updatedToolOutput": result,
    }});
    Answer { stdout: object.to_string(), ..Answer::default() }
}

/// A line for the person at the terminal; the model does not see it.
pub fn tell_person(message: &str) -> Answer {
    Answer { stdout: json!({"systemMessage": one_line(message)}).to_string(), ..Answer::default() }
}

/// The client shows the text to the model and, on standard error, to a person: one line, no control characters.
fn one_line(text: &str) -> String {
    crate::line::one_line(text, usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(event: HookEvent, payload: &str) -> Result<Payload, PayloadError> {
        parse(event, payload.as_bytes(), &Surroundings { project: "/p".into(), headless: false })
    }

    #[test]
    fn a_recorded_call_of_a_subagent_is_understood() {
        let payload = r#"{"session_id":"s","transcript_path":"/t","cwd":"/p/sub","prompt_id":"x","permission_mode":"bypassPermissions",
            "agent_id":"a1","agent_type":"general-purpose","effort":{"level":"medium"},"hook_event_name":"PreToolUse",
            "tool_name":"Task","tool_input":{"prompt":"go"},"tool_use_id":"toolu_1"}"#;
        let Payload::Call(call) = parsed(HookEvent::PreToolUse, payload).unwrap() else { panic!("a call") };
        assert_eq!((call.tool.as_str(), call.raw_tool.as_str()), ("Agent", "Task"));
        assert_eq!(call.mode, PermissionMode::BypassPermissions);
        assert_eq!(call.agent.unwrap().id, "a1");
        assert_eq!((call.session.as_str(), call.call_id.as_str()), ("s", "toolu_1"));
    }

    #[test]
    fn an_mcp_server_is_known_with_and_without_the_field() {
        let with =
            r#"{"tool_name":"mcp__demo__send","tool_input":{},"mcp_server":{"name":"demo","source":"user"}}"#;
        let without = r#"{"tool_name":"mcp__demo__send","tool_input":{}}"#;
        for (payload, source) in [(with, "user"), (without, "")] {
            let Payload::Call(call) = parsed(HookEvent::PreToolUse, payload).unwrap() else {
                panic!("a call")
            };
            assert_eq!(call.mcp.unwrap(), McpServer { name: "demo".into(), source: source.into() });
        }
    }

    #[test]
    fn both_clients_say_whether_a_person_is_there() {
        let headless = |set: &'static [(&str, &str)]| {
            is_headless(&|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
            })
        };
        assert!(headless(&[("CLAUDE_CODE_SESSION_ATTENDED", "0"), ("CLAUDE_CODE_ENTRYPOINT", "cli")]));
        assert!(!headless(&[("CLAUDE_CODE_SESSION_ATTENDED", "1"), ("CLAUDE_CODE_ENTRYPOINT", "sdk-cli")]));
        assert!(headless(&[("CLAUDE_CODE_ENTRYPOINT", "sdk-cli")]));
        assert!(!headless(&[("CLAUDE_CODE_ENTRYPOINT", "cli")]));
        assert!(!headless(&[]));
    }

    #[test]
    fn parameters_in_a_string_are_parsed_again() {
        let payload = r#"{"tool_name":"Bash","tool_input":"{\"command\":\"ls\"}"}"#;
        let Payload::Call(call) = parsed(HookEvent::PreToolUse, payload).unwrap() else { panic!("a call") };
        assert_eq!(call.text("command"), Some("ls"));
    }

    #[test]
    fn what_is_not_the_documented_payload_is_refused_in_one_line() {
        let nested = format!("{{\"tool_name\":\"Bash\",\"tool_input\":{}", "[".repeat(100_000));
        let closed = format!(
            "{{\"tool_name\":\"Bash\",\"tool_input\":{{\"a\":{}{}}}}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        for bad in [
            "",
            "  \n",
            "null",
            "[]",
            "{}",
            "{\"tool_name\":\"Bash\"}",
            "{\"tool_name\":\"\",\"tool_input\":{}}",
            "{\"tool_name\":\"Bash\",\"tool_input\":\"rm\"}",
            "{\"tool_name\":\"Bash\",\"tool_input\":[]}",
            "{\"tool_name\":\"Bash\",\"tool_input\":{}}",
            "{\"tool_name\":\"Bash\",\"tool_input\":{\"command\":5}}",
            "{\"tool_name\":\"Bash\",\"tool_input\":{\"command\":[\"rm\",\"-rf\",\"x\"]}}",
            "{\"tool_name\":\"Write\",\"tool_input\":{\"file_path\":7}}",
            "{\"tool_name\":\"Bash\",\"tool_input\":{}",
            "{\"tool_name\":\"Bash\",\"tool_input\":{}} trailing",
            "{\"hook_event_name\":\"PostToolUse\",\"tool_name\":\"Bash\",\"tool_input\":{}}",
            &nested,
            &closed,
        ] {
            let error = parsed(HookEvent::PreToolUse, bad).unwrap_err().to_string();
            assert!(!error.is_empty() && !error.contains('\n'), "{bad}: {error}");
        }
        assert!(parse(HookEvent::PreToolUse, b"{\"tool_name\":\"\xff\"}", &Surroundings::default()).is_err());
    }

    #[test]
    fn a_deny_blocks_by_two_channels_and_stays_on_one_line() {
        let answer = deny(HookEvent::PreToolUse, "no\nway \u{1b}[31m");
        assert_eq!((answer.code, answer.stderr.as_str()), (2, "no way  [31m"));
        let object: Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!(object["hookSpecificOutput"]["permissionDecision"], "deny");
        assert_eq!(object["hookSpecificOutput"]["hookEventName"], "PreToolUse");
        let prompt: Value = serde_json::from_str(&deny(HookEvent::UserPromptSubmit, "x").stdout).unwrap();
        assert_eq!(prompt["decision"], "block");
        assert_eq!(pass(), Answer::default());
    }
}
