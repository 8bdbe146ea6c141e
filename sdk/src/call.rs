//! One tool call, whichever agent made it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The moment in an agent's life at which its hook ran. The names are Claude Code's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HookEvent {
    /// Before a tool runs: the only event that can stop it.
    PreToolUse,
    /// After a tool ran.
    PostToolUse,
    /// After a tool failed.
    PostToolUseFailure,
    /// A person's prompt, before the model sees it.
    UserPromptSubmit,
    /// A session begins or resumes.
    SessionStart,
    /// A settings file of the agent changed on disk.
    ConfigChange,
    /// An event that came after the SDK this plugin was built with.
    #[serde(other)]
    Other,
}

impl HookEvent {
    /// Every event this version answers.
    pub const ALL: [Self; 6] = [
        Self::PreToolUse,
        Self::PostToolUse,
        Self::PostToolUseFailure,
        Self::UserPromptSubmit,
        Self::SessionStart,
        Self::ConfigChange,
    ];

    /// The agent's own spelling, as in `hook_event_name`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreToolUse => "PreToolUse",
            Self::PostToolUse => "PostToolUse",
            Self::PostToolUseFailure => "PostToolUseFailure",
            Self::UserPromptSubmit => "UserPromptSubmit",
            Self::SessionStart => "SessionStart",
            Self::ConfigChange => "ConfigChange",
            Self::Other => "Other",
        }
    }

    /// The spelling of the command line, as in `agentfirewall hook pre-tool-use`.
    pub const fn as_argument(self) -> &'static str {
        match self {
            Self::PreToolUse => "pre-tool-use",
            Self::PostToolUse => "post-tool-use",
            Self::PostToolUseFailure => "post-tool-use-failure",
            Self::UserPromptSubmit => "user-prompt-submit",
            Self::SessionStart => "session-start",
            Self::ConfigChange => "config-change",
            Self::Other => "other",
        }
    }
}

/// The permission mode the agent said it is in, in Claude Code's words. It decides where an `ask` can reach a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum PermissionMode {
    /// The agent asks before anything it has no rule for.
    #[default]
    Default,
    /// File edits pass without a question.
    AcceptEdits,
    /// The agent plans and changes nothing.
    Plan,
    /// A classifier of the agent decides.
    Auto,
    /// Whatever would be asked is refused.
    DontAsk,
    /// Nothing is asked (`--dangerously-skip-permissions`).
    BypassPermissions,
    /// A mode that came after the SDK this plugin was built with.
    #[serde(other)]
    Other,
}

/// The subagent a call comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentInfo {
    /// The agent's identifier inside its session.
    pub id: String,
    /// Its type, such as `general-purpose`.
    pub kind: String,
}

/// The MCP server that serves a tool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct McpServer {
    /// The server's name in the agent's configuration.
    pub name: String,
    /// Where it was configured: `user`, `project`, `plugin`, ... Empty when the agent is too old to say.
    pub source: String,
}

/// One tool call in the vocabulary shared by all agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ToolCall {
    /// The agent, such as `claude-code`; `check` for calls that a script asks about.
    pub client: String,
    /// When the hook ran.
    pub event: HookEvent,
    /// The tool's name in the shared vocabulary, which is Claude Code's (`Bash`, `Edit`, `mcp__server__tool`).
    pub tool: String,
    /// The name the agent sent, where it is another one.
    pub raw_tool: String,
    /// The tool's parameters: always a JSON object.
    pub input: Value,
    /// What the tool returned, for the events after a call.
    pub response: Option<Value>,
    /// The folder the agent says it works in. The model can move it: never take a policy or a root from it.
    pub cwd: PathBuf,
    /// The project's folder, from the agent's environment or the process's own working folder.
    pub project: PathBuf,
    /// The agent's session, empty when it has none.
    pub session: String,
    /// The agent's identifier of this call, empty when it has none.
    pub call_id: String,
    /// The agent's permission mode.
    pub mode: PermissionMode,
    /// Whether no person can be reached (`claude -p`, an SDK, CI).
    pub headless: bool,
    /// The subagent that calls, if one does.
    pub agent: Option<AgentInfo>,
    /// The MCP server behind the tool, if the agent says.
    pub mcp: Option<McpServer>,
}

impl ToolCall {
    /// A call with everything unknown but the tool and its parameters.
    ///
    /// ```
    /// use agentfirewall_sdk::ToolCall;
    ///
    /// let call = ToolCall::new("Bash", serde_json::json!({"command": "git status"}));
    /// assert_eq!(call.text("command"), Some("git status"));
    /// assert_eq!(call.names().collect::<Vec<_>>(), ["Bash"]);
    /// ```
    pub fn new(tool: impl Into<String>, input: Value) -> Self {
        let tool = tool.into();
        Self {
            client: "check".to_owned(),
            event: HookEvent::PreToolUse,
            raw_tool: tool.clone(),
            tool,
            input,
            response: None,
            cwd: PathBuf::new(),
            project: PathBuf::new(),
            session: String::new(),
            call_id: String::new(),
            mode: PermissionMode::Default,
            headless: false,
            agent: None,
            mcp: None,
        }
    }

    /// A string parameter.
    pub fn text(&self, parameter: &str) -> Option<&str> {
        self.input.get(parameter).and_then(Value::as_str)
    }

    /// Every name a rule's `tools:` may know this call by: the shared one, the agent's own, old names of the same
    /// tool, and `Bash` for every tool that runs shell commands.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let aliases: &[&str] = match self.tool.as_str() {
            "Monitor" | "PowerShell" => &["Bash"],
            "Agent" => &["Task"],
            "Edit" => &["MultiEdit"],
            "Glob" => &["LS"],
            _ => &[],
        };
        let raw = (self.raw_tool != self.tool).then_some(self.raw_tool.as_str());
        std::iter::once(self.tool.as_str()).chain(raw).chain(aliases.iter().copied())
    }
}
