//! What several matchers' configurations have in common: one text or a list of them.

use agentfirewall_sdk::PluginError;
use schemars::JsonSchema;
use serde::Deserialize;

use super::glob;

/// One text, or several of which one is enough unless the option says otherwise.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany<T = String> {
    /// The only one.
    One(T),
    /// All of them.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// As a list.
    pub(super) fn into_list(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// The list of an option: nothing if it is not there, an error if it is there and empty.
pub(super) fn list<T>(name: &str, given: Option<OneOrMany<T>>) -> Result<Option<Vec<T>>, PluginError> {
    match given.map(OneOrMany::into_list) {
        Some(list) if list.is_empty() => Err(PluginError::new(format!("`{name}` is an empty list"))),
        list => Ok(list),
    }
}

/// The error of a configuration without a condition: it would match everything, which nobody writes on purpose.
pub(super) fn says_nothing(example: &str) -> PluginError {
    PluginError::new(format!("it has no condition and would match everything; for example `{example}`"))
}

/// Whether one of the wildcards matches the text; without wildcards every text does.
pub(super) fn any(patterns: Option<&[String]>, text: &str) -> bool {
    patterns.is_none_or(|patterns| patterns.iter().any(|pattern| glob::matches(pattern, text)))
}
