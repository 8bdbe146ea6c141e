//! Finds the tokens of plugin-name: `plugin_name_`, then letters and digits.

use agentfirewall_sdk::{
    Confidence, Detector, Finding, Plugin, PluginError, Scan, Severity, register,
};
use schemars::JsonSchema;
use serde::Deserialize;

// Makes this crate a library that agentfirewall loads.
#[cfg(feature = "export")]
agentfirewall_sdk::export!();

/// Call it from a binary that links this crate in: the linker drops a crate that nothing refers to.
pub fn link() {}

/// What every token begins with.
const PREFIX: &str = "plugin_name_";
/// A shorter token could be anything.
const SHORTEST: usize = 8;

/// The options, as a policy gives them. An unknown one is an error of the policy, with its line.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// How many letters and digits follow the prefix.
    length: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { length: 24 }
    }
}

#[derive(Debug)]
pub struct PluginName {
    options: Options,
}

impl Plugin for PluginName {
    type Config = Options;

    fn new(options: Options) -> Result<Self, PluginError> {
        if options.length < SHORTEST {
            return Err(PluginError::new(format!(
                "`length` must be at least {SHORTEST}"
            )));
        }
        Ok(Self { options })
    }
}

impl Detector for PluginName {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let text = scan.text();
        // Where a keyword begins. A text without one never gets here.
        for &at in scan.hits() {
            if let Some(length) = self.token(text, at) {
                let place = at..at + length;
                scan.report(Finding::new(place, Confidence::High, Severity::High));
            }
        }
        Ok(())
    }
}

impl PluginName {
    /// The length of the token that begins here, if one does.
    fn token(&self, text: &str, at: usize) -> Option<usize> {
        let (before, rest) = text.split_at_checked(at)?;
        if before.ends_with(|last: char| last == '_' || last.is_ascii_alphanumeric()) {
            return None;
        }
        // Keywords are found in any case; a token is spelled exactly so.
        let rest = rest.strip_prefix(PREFIX)?;
        // Look no further than you must: the text may be megabytes long.
        let most = self.options.length.saturating_add(1);
        let characters = rest.bytes().take(most);
        let found = characters.take_while(u8::is_ascii_alphanumeric).count();
        if found != self.options.length {
            return None;
        }
        verified(rest.get(..found)?).then_some(PREFIX.len() + found)
    }
}

/// The verify step: a placeholder such as `xxxxxxxx` is no secret. If your tokens have a checksum, compare it here.
fn verified(token: &str) -> bool {
    token.contains(|c: char| c.is_ascii_digit())
        && token.contains(|c: char| c.is_ascii_alphabetic())
}

register! {
    detector PluginName {
        id: "plugin-name",
        summary: "finds the tokens of plugin-name",
        why: "say here what somebody can do who has such a token",
        // In two pieces, so that no scanner takes this file for a leak.
        examples: [concat!("plugin_name_", "4f9K2mQ7xW1nB8vC3zL6tR5p")],
        negatives: [
            "plugin_name_xxxxxxxxxxxxxxxxxxxxxxxx",
            "plugin_name_4f9K2mQ7",
            "my_plugin_name_4f9K2mQ7xW1nB8vC3zL6tR5p",
        ],
        keywords: [PREFIX],
        since: "0.1.0",
    }
}
