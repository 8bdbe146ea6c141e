//! What happened before a call, for matchers that judge by it.

use std::fmt;

use crate::decision::Action;
use crate::plugin::PluginError;

/// A call that was judged before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastCall<'a> {
    /// When it was judged, in milliseconds since 1970.
    pub at_ms: i64,
    /// The tool.
    pub tool: &'a str,
    /// The answer; nothing for one that this version does not know.
    pub action: Option<Action>,
    /// The agent's session; empty if it had none.
    pub session: &'a str,
    /// The project's folder; empty if it is not known.
    pub project: &'a str,
}

impl<'a> PastCall<'a> {
    /// A call of which nothing is known but when it was and what tool it was of.
    pub const fn new(at_ms: i64, tool: &'a str) -> Self {
        Self { at_ms, tool, action: None, session: "", project: "" }
    }
}

/// The calls that were judged before this one, this one not among them. The host makes it from its log.
pub trait History: Sync + fmt::Debug {
    /// The time of the call under judgement, in milliseconds since 1970. Plugins ask no clock.
    fn now_ms(&self) -> i64;

    /// Calls back with the calls before, the newest first, until there are no more, the host's limit is reached or the
    /// answer is `false`. They stand in the order in which they were written down, which is that of their times but for
    /// a clock that was set back.
    fn recent(&self, newest_first: &mut dyn FnMut(&PastCall<'_>) -> bool) -> Result<(), PluginError>;
}
