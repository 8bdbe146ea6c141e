//! What a caller says about an event before it becomes a record.

use std::borrow::Cow;
use std::path::Path;

use agentfirewall_sdk::{
    Action, AgentInfo, Decision, HookEvent, LocatedFinding, PermissionMode, RuleRef, ToolCall,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventType {
    /// A call was judged.
    PolicyCheck,
    /// A tool ran.
    ToolExecution,
    /// A tool failed.
    ToolFailure,
    /// A person wrote a prompt.
    UserPrompt,
    /// A session began or resumed.
    SessionStart,
    /// The agent's settings changed.
    ConfigChange,
    /// The end of the log was damaged and repaired. Written by [`append`](super::append()) itself.
    Recovery,
    /// A later file of the log begins. Written by [`append`](super::append()) itself.
    Segment,
    /// Old files of the log were removed, as the policy says.
    Retention,
    /// Another key signs the log's checkpoints from now on.
    Key,
}

impl EventType {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PolicyCheck => "policy_check",
            Self::ToolExecution => "tool_execution",
            Self::ToolFailure => "tool_failure",
            Self::UserPrompt => "user_prompt",
            Self::SessionStart => "session_start",
            Self::ConfigChange => "config_change",
            Self::Recovery => "recovery",
            Self::Segment => "segment",
            Self::Retention => "retention",
            Self::Key => "key",
        }
    }
}

impl From<HookEvent> for EventType {
    fn from(event: HookEvent) -> Self {
        match event {
            HookEvent::PostToolUse => Self::ToolExecution,
            HookEvent::PostToolUseFailure => Self::ToolFailure,
            HookEvent::UserPromptSubmit => Self::UserPrompt,
            HookEvent::SessionStart => Self::SessionStart,
            HookEvent::ConfigChange => Self::ConfigChange,
            // Everything that waits for an answer is a check.
            _ => Self::PolicyCheck,
        }
    }
}

/// One event, borrowed from whoever records it. Empty fields are left out of the record.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// When it happened.
    pub timestamp: Timestamp,
    /// What happened.
    pub event_type: EventType,
    /// The tool in the shared vocabulary.
    pub tool: &'a str,
    /// The answer; [`Action::Log`] for what is only recorded.
    pub action: Action,
    /// The rule that decided.
    pub rule: Option<&'a RuleRef>,
    /// Why, in one line.
    pub reason: &'a str,
    /// What to do instead.
    pub suggestion: Option<&'a str>,
    /// What would have happened without monitor mode.
    pub would: Option<Action>,
    /// The secrets found.
    pub findings: &'a [LocatedFinding],
    /// The parameters, with every secret already masked and long texts already cut.
    pub parameters: Option<&'a Value>,
    /// The agent's session.
    pub session: &'a str,
    /// The agent's identifier of the call.
    pub call_id: &'a str,
    /// The agent.
    pub agent: &'a str,
    /// The subagent that called.
    pub subagent: Option<&'a AgentInfo>,
    /// The agent's permission mode, in Claude Code's words.
    pub mode: &'a str,
    /// The project's folder.
    pub project: Cow<'a, str>,
    /// Anything else.
    pub metadata: Option<&'a Map<String, Value>>,
}

impl<'a> Entry<'a> {
    /// An event of which nothing is known but its type and time.
    pub const fn new(event_type: EventType, timestamp: Timestamp) -> Self {
        Self {
            timestamp,
            event_type,
            tool: "",
            action: Action::Log,
            rule: None,
            reason: "",
            suggestion: None,
            would: None,
            findings: &[],
            parameters: None,
            session: "",
            call_id: "",
            agent: "",
            subagent: None,
            mode: "",
            project: Cow::Borrowed(""),
            metadata: None,
        }
    }

    /// The event of a call: everything but its parameters, which the caller masks first.
    pub fn of_call(call: &'a ToolCall, timestamp: Timestamp) -> Self {
        Self {
            tool: &call.tool,
            session: &call.session,
            call_id: &call.call_id,
            agent: &call.client,
            subagent: call.agent.as_ref(),
            mode: mode_word(call.mode),
            project: path_text(&call.project),
            ..Self::new(call.event.into(), timestamp)
        }
    }

    /// Adds what was decided.
    pub fn decided(self, decision: &'a Decision) -> Self {
        Self {
            action: decision.action,
            rule: Some(&decision.rule),
            reason: &decision.reason,
            suggestion: decision.suggestion.as_deref(),
            would: decision.would,
            findings: &decision.findings,
            ..self
        }
    }

    /// Adds the parameters, already masked.
    pub fn with_parameters(self, parameters: &'a Value) -> Self {
        Self { parameters: Some(parameters), ..self }
    }

    /// Adds anything else.
    pub fn with_metadata(self, metadata: &'a Map<String, Value>) -> Self {
        Self { metadata: Some(metadata), ..self }
    }

    /// Whether the record must survive a loss of power: what stopped or reported a call, and every repair.
    pub(crate) fn is_weighty(&self) -> bool {
        use EventType::{Key, Recovery, Retention};
        self.action >= Action::Alert || matches!(self.event_type, Recovery | Retention | Key)
    }
}

fn path_text(path: &Path) -> Cow<'_, str> {
    path.to_string_lossy()
}

const fn mode_word(mode: PermissionMode) -> &'static str {
    match mode {
        PermissionMode::Default => "default",
        PermissionMode::AcceptEdits => "acceptEdits",
        PermissionMode::Plan => "plan",
        PermissionMode::Auto => "auto",
        PermissionMode::DontAsk => "dontAsk",
        PermissionMode::BypassPermissions => "bypassPermissions",
        _ => "other",
    }
}
