//! Matchers: what a rule's `tools:`, `resources:` and `match:` are answered by.

use crate::call::ToolCall;
use crate::facts::{CommandFact, Fact, HostFact, PathFact};
use crate::history::History;
use crate::plugin::PluginError;

/// What kind of thing a part of a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartKind {
    /// The tool's name: the subject of `tools:`.
    Tool,
    /// The call itself, for tools without a more precise resource.
    Call,
    /// One simple command of a shell script.
    Command,
    /// A composite text: a pipeline or a whole script.
    Script,
    /// A file or folder.
    Path,
    /// A host or URL.
    Host,
    /// Something the call does, by a name such as `git.force-push`. Only `match:` conditions see it.
    Effect,
    /// A kind that came after the SDK this plugin was built with.
    Other,
}

impl PartKind {
    /// The kind as one word, for people and programs: `command`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Call => "call",
            Self::Command => "command",
            Self::Script => "script",
            Self::Path => "path",
            Self::Host => "host",
            Self::Effect => "effect",
            Self::Other => "other",
        }
    }
}

/// How a path is touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// Its content or its name is read.
    Read,
    /// It is created, changed or replaced.
    Write,
    /// It is removed.
    Delete,
    /// It is run.
    Execute,
    /// It is named by a command and nobody knows what for.
    Unknown,
}

impl Access {
    /// The access as one word, for people and programs: `read`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Execute => "execute",
            Self::Unknown => "unknown",
        }
    }
}

/// One text under judgement, and the call it comes from.
///
/// The host shows a matcher every spelling of every reading of a part, one after the other: the raw command and its
/// unquoted form, the absolute path, the path inside the project, the path with its links resolved.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Subject<'a> {
    /// The whole call.
    pub call: &'a ToolCall,
    /// What [`Self::text`] is.
    pub kind: PartKind,
    /// The spelling under judgement.
    pub text: &'a str,
    /// How a path is touched; [`Access::Unknown`] for everything else.
    pub access: Access,
    /// What was understood of the part; `None` where nothing was.
    pub fact: Option<&'a Fact>,
    /// The calls before this one; `None` where the host keeps no log, and always in a library.
    pub history: Option<&'a dyn History>,
    number: u64,
}

impl<'a> Subject<'a> {
    /// A subject as the host makes it.
    pub const fn new(call: &'a ToolCall, kind: PartKind, text: &'a str, access: Access) -> Self {
        Self { call, kind, text, access, fact: None, history: None, number: 0 }
    }

    /// The same subject with what was understood of the part.
    pub const fn with_fact(mut self, fact: Option<&'a Fact>) -> Self {
        self.fact = fact;
        self
    }

    /// The same subject with the calls before.
    pub const fn with_history(mut self, history: Option<&'a dyn History>) -> Self {
        self.history = history;
        self
    }

    /// The command, for a command and for an effect of one.
    pub fn command(&self) -> Option<&'a CommandFact> {
        match origin(self.fact)? {
            Fact::Command(command) => Some(command),
            _ => None,
        }
    }

    /// The path, for a path and for an effect on one.
    pub fn path(&self) -> Option<&'a PathFact> {
        match origin(self.fact)? {
            Fact::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The host, for a host and for an effect on one.
    pub fn host(&self) -> Option<&'a HostFact> {
        match origin(self.fact)? {
            Fact::Host(host) => Some(host),
            _ => None,
        }
    }

    /// The same subject with the number of the judgement it belongs to: as long as it stays the same, so does the
    /// call, and what was made from the call can be kept.
    #[doc(hidden)]
    pub const fn numbered(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// The number of the judgement; 0 if it has none.
    #[doc(hidden)]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

/// What an effect comes from, or the fact itself.
fn origin(fact: Option<&Fact>) -> Option<&Fact> {
    match fact? {
        Fact::Effect { by, .. } => by.as_deref(),
        fact => Some(fact),
    }
}

/// The literals of which at least one stands in every text that a configured matcher can match.
///
/// The host puts them into an index when it compiles a policy, and builds and asks the matcher only where one of them
/// occurs. They are compared byte by byte; a literal under two bytes is no use and counts as [`Anchors::Always`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchors {
    /// Nothing is known in advance: ask for every text.
    Always,
    /// At least one of these occurs in the text.
    AnyOf(Vec<String>),
}

/// Answers whether a subject satisfies one configured condition.
///
/// ```
/// use agentfirewall_sdk::{Matcher, NoConfig, Plugin, PluginError, Subject, ToolCall, PartKind, Access};
///
/// struct Subagent;
///
/// impl Plugin for Subagent {
///     type Config = NoConfig;
///     fn new(_: NoConfig) -> Result<Self, PluginError> {
///         Ok(Self)
///     }
/// }
///
/// impl Matcher for Subagent {
///     fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
///         Ok(subject.call.agent.is_some())
///     }
/// }
///
/// let call = ToolCall::new("Bash", serde_json::json!({"command": "ls"}));
/// let subject = Subject::new(&call, PartKind::Command, "ls", Access::Unknown);
/// assert!(!Subagent.matches(&subject).unwrap());
/// ```
pub trait Matcher: Send + Sync {
    /// Whether the subject matches. An error is a refusal of the call, never a mismatch.
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError>;

    /// The literals that every matching text contains; see [`Anchors`].
    fn anchors(&self) -> Anchors {
        Anchors::Always
    }
}
