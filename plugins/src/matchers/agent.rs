//! Who makes a call: the agent, its permission mode, a subagent, and whether a person is there.

use agentfirewall_sdk::{Matcher, PermissionMode, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;

use super::glob;
use super::words::{self, OneOrMany};

/// Who makes the call. All that is given must hold.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The agent, such as `claude-code`; wildcards, of which one must match.
    client: Option<OneOrMany>,
    /// The permission modes of which the agent is in one.
    mode: Option<OneOrMany<Mode>>,
    /// Whether a subagent calls, or wildcards of which one matches its type, such as `Explore`.
    subagent: Option<Subagent>,
    /// Whether no person can be reached.
    headless: Option<bool>,
}

/// A permission mode, in Claude Code's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Mode {
    /// The agent asks before anything it has no rule for.
    Default,
    /// File edits pass without a question.
    AcceptEdits,
    /// The agent plans and changes nothing.
    Plan,
    /// A classifier of the agent decides.
    Auto,
    /// Whatever would be asked is refused.
    DontAsk,
    /// Nothing is asked.
    BypassPermissions,
}

/// Whether a subagent calls, and which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Subagent {
    /// Whether one does.
    Is(bool),
    /// Which types.
    Types(OneOrMany),
}

/// Matches calls by who makes them.
#[derive(Debug)]
pub(crate) struct Agent {
    client: Option<Vec<String>>,
    mode: Option<Vec<Mode>>,
    subagent: Option<Subagents>,
    headless: Option<bool>,
}

#[derive(Debug)]
enum Subagents {
    Is(bool),
    Types(Vec<String>),
}

impl Plugin for Agent {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let subagent = match config.subagent {
            None => None,
            Some(Subagent::Is(is)) => Some(Subagents::Is(is)),
            Some(Subagent::Types(types)) => words::list("subagent", Some(types))?.map(Subagents::Types),
        };
        let made = Self {
            client: words::list("client", config.client)?,
            mode: words::list("mode", config.mode)?,
            subagent,
            headless: config.headless,
        };
        let nothing = made.client.is_none()
            && made.mode.is_none()
            && made.subagent.is_none()
            && made.headless.is_none();
        if nothing { Err(words::says_nothing("headless: true")) } else { Ok(made) }
    }
}

impl Matcher for Agent {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let call = subject.call;
        let subagent = match &self.subagent {
            None => true,
            Some(Subagents::Is(is)) => call.agent.is_some() == *is,
            Some(Subagents::Types(types)) => call
                .agent
                .as_ref()
                .is_some_and(|agent| types.iter().any(|pattern| glob::matches(pattern, &agent.kind))),
        };
        Ok(subagent
            && words::any(self.client.as_deref(), &call.client)
            && self.mode.as_ref().is_none_or(|modes| modes.iter().any(|mode| mode.is(call.mode)))
            && self.headless.is_none_or(|headless| headless == call.headless))
    }
}

register! {
    matcher Agent {
        id: "agent",
        summary: "who makes the call: agent, permission mode, subagent, and whether a person is there",
        why: "is stricter where nobody watches: without a person, in bypass mode, in a subagent",
        examples: [
            r#"{"headless": true} => {"tool": "Bash", "input": {"command": "ls"}, "headless": true}"#,
            r#"{"client": "claude-code", "mode": ["bypassPermissions", "dontAsk"]} => {"tool": "Bash", "input": {"command": "ls"}, "client": "claude-code", "mode": "bypassPermissions"}"#,
            r#"{"subagent": "general-*"} => {"tool": "Bash", "input": {"command": "ls"}, "agent": {"id": "1", "kind": "general-purpose"}}"#,
            r#"{"subagent": true} => {"tool": "Bash", "input": {"command": "ls"}, "agent": {"id": "1", "kind": "Explore"}}"#,
        ],
        negatives: [
            r#"{"headless": true} => {"tool": "Bash", "input": {"command": "ls"}}"#,
            r#"{"subagent": "general-*"} => {"tool": "Bash", "input": {"command": "ls"}, "agent": {"id": "1", "kind": "Explore"}}"#,
            r#"{"mode": "plan"} => {"tool": "Bash", "input": {"command": "ls"}, "mode": "default"}"#,
        ],
        keywords: ["agent", "subagent", "permission mode", "headless"],
        since: "0.3.0",
    }
}

impl Mode {
    const fn is(self, mode: PermissionMode) -> bool {
        matches!(
            (self, mode),
            (Self::Default, PermissionMode::Default)
                | (Self::AcceptEdits, PermissionMode::AcceptEdits)
                | (Self::Plan, PermissionMode::Plan)
                | (Self::Auto, PermissionMode::Auto)
                | (Self::DontAsk, PermissionMode::DontAsk)
                | (Self::BypassPermissions, PermissionMode::BypassPermissions)
        )
    }
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, AgentInfo, PartKind, ToolCall};
    use serde_json::{Value, json};

    use super::*;

    fn matches(config: Value, call: &ToolCall) -> bool {
        let matcher = Agent::new(serde_json::from_value(config).unwrap()).unwrap();
        matcher.matches(&Subject::new(call, PartKind::Call, "", Access::Unknown)).unwrap()
    }

    #[test]
    fn all_that_is_given_must_hold() {
        let mut call = ToolCall::new("Bash", json!({}));
        call.client = "claude-code".to_owned();
        assert!(matches(
            json!({"client": ["codex", "claude-*"], "headless": false, "subagent": false}),
            &call
        ));
        assert!(!matches(json!({"client": "claude-*", "headless": true}), &call));
        call.agent = Some(AgentInfo { id: "1".into(), kind: "Explore".into() });
        assert!(matches(json!({"subagent": ["Plan", "Exp*"]}), &call));
        assert!(!matches(json!({"subagent": false}), &call));
    }

    #[test]
    fn a_mode_nobody_knows_is_none_of_those_that_are_known() {
        let mut call = ToolCall::new("Bash", json!({}));
        call.mode = PermissionMode::Other;
        let all = json!(["default", "acceptEdits", "plan", "auto", "dontAsk", "bypassPermissions"]);
        assert!(!matches(json!({"mode": all}), &call));
        call.mode = PermissionMode::Plan;
        assert!(matches(json!({"mode": all}), &call));
    }

    #[test]
    fn a_typo_is_refused() {
        assert!(serde_json::from_value::<Config>(json!({"mode": "bypass"})).is_err());
        assert!(Agent::new(Config::default()).is_err());
        assert!(Agent::new(serde_json::from_value(json!({"subagent": []})).unwrap()).is_err());
    }
}
