//! What a policy can answer to a tool call.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::detector::{Finding, Severity};

/// The answer to a tool call, ordered from the mildest to the strictest.
///
/// `Allow`, `Log` and `Alert` let the call pass silently: the agent's own permission flow goes on.
///
/// ```
/// use agentfirewall_sdk::Action;
///
/// assert!(Action::Deny > Action::Ask && Action::Ask > Action::Alert);
/// assert_eq!("log".parse::<Action>().unwrap(), Action::Log);
/// assert!(!Action::Alert.stops());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Permit the call.
    Allow,
    /// Permit the call; the audit trail records it as worth keeping.
    Log,
    /// Permit the call, record it and tell the sinks.
    Alert,
    /// Put the call before a person.
    Ask,
    /// Block the call.
    Deny,
}

impl Action {
    /// Every action, from the mildest to the strictest.
    pub const ALL: [Self; 5] = [Self::Allow, Self::Log, Self::Alert, Self::Ask, Self::Deny];

    /// Whether the call does not simply go on (`Ask` and `Deny`).
    pub const fn stops(self) -> bool {
        matches!(self, Self::Ask | Self::Deny)
    }

    /// Whether a rule with this action loosens (`Allow` and `Log`), so that its patterns have to hold for every
    /// reading of a part instead of for any one.
    pub const fn is_permissive(self) -> bool {
        matches!(self, Self::Allow | Self::Log)
    }

    /// How serious an event with this action is, before what was found in it is looked at.
    pub const fn severity(self) -> Severity {
        match self {
            Self::Allow => Severity::Info,
            Self::Log => Severity::Low,
            Self::Alert | Self::Ask => Severity::Medium,
            Self::Deny => Severity::High,
        }
    }

    /// The word used in policy files, audit records and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Log => "log",
            Self::Alert => "alert",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is none of `allow`, `log`, `alert`, `ask`, `deny`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseActionError(pub(crate) String);

impl fmt::Display for ParseActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown action `{}` (allow, log, alert, ask or deny)", self.0)
    }
}

impl std::error::Error for ParseActionError {}

impl FromStr for Action {
    type Err = ParseActionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| ParseActionError(text.to_owned()))
    }
}

/// Where the rule behind a decision stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleRef {
    /// The policy's layer: `managed`, `user`, `project`, `default` or `protection`.
    pub layer: String,
    /// The rule's name; `default_action` where no rule matched, `secrets` for a detector's verdict, `plugins` where
    /// an installed plugin failed and the policy goes on without it.
    pub name: String,
    /// Its line in the policy file, 0 where there is none.
    pub line: u32,
}

impl RuleRef {
    /// A reference to a rule.
    pub fn new(layer: impl Into<String>, name: impl Into<String>, line: u32) -> Self {
        Self { layer: layer.into(), name: name.into(), line }
    }
}

/// A finding and where in the call it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LocatedFinding {
    /// The JSON pointer (RFC 6901) of the string in the call's parameters or result.
    pub pointer: String,
    /// What was found there.
    pub finding: Finding,
}

impl LocatedFinding {
    /// A finding at a JSON pointer.
    pub fn new(pointer: impl Into<String>, finding: Finding) -> Self {
        Self { pointer: pointer.into(), finding }
    }
}

/// The answer to one tool call, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Decision {
    /// What happens to the call.
    pub action: Action,
    /// Why, in one line a person or a model can act on. Never holds a secret.
    pub reason: String,
    /// The part of the call the reason is about, where a call has several: one command of a script, one path.
    pub part: Option<String>,
    /// What to do instead, if the policy's author said so.
    pub suggestion: Option<String>,
    /// The rule that decided.
    pub rule: RuleRef,
    /// Secrets in the parameters.
    pub findings: Vec<LocatedFinding>,
    /// What would have happened, where monitor mode let a stopped call pass.
    pub would: Option<Action>,
    /// Whether the rule's author asked for an explicit approval that skips the agent's own prompt.
    pub approve: bool,
    /// The installed plugins whose code took part, each as `NAME VERSION sha256:HASH`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// The installed plugins that failed and that the policy goes on without, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugin_failures: Vec<String>,
}

impl Decision {
    /// A decision with its reason, and nothing else.
    pub fn new(action: Action, rule: RuleRef, reason: impl Into<String>) -> Self {
        Self {
            action,
            reason: reason.into(),
            part: None,
            suggestion: None,
            rule,
            findings: Vec::new(),
            would: None,
            approve: false,
            plugins: Vec::new(),
            plugin_failures: Vec::new(),
        }
    }
}
