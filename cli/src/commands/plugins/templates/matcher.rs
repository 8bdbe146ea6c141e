//! Matches texts in which one of some words stands: the names of your production hosts, say.

use agentfirewall_sdk::{Anchors, Matcher, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;

// Makes this crate a library that agentfirewall loads.
#[cfg(feature = "export")]
agentfirewall_sdk::export!();

/// Call it from a binary that links this crate in: the linker drops a crate that nothing refers to.
pub fn link() {}

/// What stands below the matcher's name in a rule. An unknown option is an error of the policy, with its line.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The words, as they are spelled.
    words: Vec<String>,
}

#[derive(Debug)]
pub struct PluginName {
    words: Vec<String>,
}

impl Plugin for PluginName {
    type Config = Options;

    fn new(options: Options) -> Result<Self, PluginError> {
        if options.words.is_empty() || options.words.iter().any(String::is_empty) {
            return Err(PluginError::new(
                "`words` needs at least one word, and none may be empty",
            ));
        }
        Ok(Self {
            words: options.words,
        })
    }
}

impl Matcher for PluginName {
    // Asked about every spelling of every part: each command of a script, each path. `subject.kind` says which it is,
    // `subject.call` is the whole call. An error is no "no": it denies the call.
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        Ok(self.words.iter().any(|word| stands_in(subject.text, word)))
    }

    // One of these stands in every text that can match. Where none does, the library is not even loaded.
    fn anchors(&self) -> Anchors {
        Anchors::AnyOf(self.words.clone())
    }
}

/// Whether the word stands in the text and is not part of a longer one.
fn stands_in(text: &str, word: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at + word.len()..).unwrap_or_default();
        !before.ends_with(goes_on) && !after.starts_with(goes_on)
    })
}

register! {
    matcher PluginName {
        id: "plugin-name",
        summary: "one of these words stands in the text",
        why: "say here what a team can forbid with it",
        examples: [
            r#"{"words": ["prod-db"]} => ssh prod-db uptime"#,
            r#"{"words": ["prod-web", "prod-db"]} => /mnt/prod-db/dump.sql"#,
        ],
        negatives: [
            r#"{"words": ["prod-db"]} => ssh prod-db-copy uptime"#,
            r#"{"words": ["prod-db"]} => ssh test-db uptime"#,
        ],
        keywords: ["words", "hosts"],
        since: "0.1.0",
    }
}
