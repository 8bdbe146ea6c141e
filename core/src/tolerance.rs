//! What a failure of an installed plugin becomes: a denied call, unless a trusted policy prefers to do without it.
//!
//! A plugin that is done without leaves a trace: whoever goes on says what failed, and the audit record names it.

use serde::{Deserialize, Serialize};

use crate::line::one_line;

/// The longest line about a failure, in characters.
const LONGEST: usize = 300;

/// What a failure of an installed plugin becomes, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The plugin is treated as absent, and the record names the failure.
    Ignore,
    /// The same, and the decision is at least an alert.
    Alert,
    /// The call is denied.
    #[default]
    Deny,
}

/// What a policy says of one installed plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginSetting<'a> {
    /// The plugin's name.
    pub name: &'a str,
    /// Whether its detectors take part.
    pub enabled: bool,
    /// What a failure of it becomes.
    pub on_error: OnFailure,
}

/// A failure that a policy tolerates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which plugin failed and how, in one line without control characters.
    pub message: String,
    /// Whether the decision has to be at least an alert.
    pub alerts: bool,
}

impl Failure {
    /// A failure under a setting that is not [`OnFailure::Deny`].
    pub(crate) fn new(message: &str, on_error: OnFailure) -> Self {
        Self { message: one_line(message, LONGEST), alerts: on_error != OnFailure::Ignore }
    }

    /// Adds it to what failed already, once.
    pub(crate) fn note(self, failures: &mut Vec<Self>) {
        match failures.iter_mut().find(|known| known.message == self.message) {
            Some(known) => known.alerts |= self.alerts,
            None => failures.push(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_short_line_and_is_noted_once() {
        let mut failures = Vec::new();
        Failure::new("a\nb\u{1b}[2J", OnFailure::Ignore).note(&mut failures);
        Failure::new("a\nb\u{1b}[2J", OnFailure::Alert).note(&mut failures);
        Failure::new(&"x".repeat(1000), OnFailure::Ignore).note(&mut failures);
        let [first, second] = failures.as_slice() else { panic!("{failures:?}") };
        assert_eq!((first.message.as_str(), first.alerts), ("a b [2J", true));
        assert_eq!((second.message.len(), second.alerts), (LONGEST, false));
    }

    #[test]
    fn the_strictest_is_the_greatest_and_the_default() {
        assert!(OnFailure::Deny > OnFailure::Alert && OnFailure::Alert > OnFailure::Ignore);
        assert_eq!(OnFailure::default(), OnFailure::Deny);
    }
}
