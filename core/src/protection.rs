//! The layer nobody can loosen: the firewall's own files and the settings that wire it.
//!
//! Reading them is fine. What may change or remove them, switch the firewall off or speak in its place is denied,
//! whichever tool tries: it has the effect `firewall.tamper`. What a hook cannot see (a program that builds the name at
//! run time) is said in the threat model.

use std::path::{Path, PathBuf};

use agentfirewall_sdk::{Action, Decision, RuleRef};

use crate::facts::Facts;
use crate::paths::Own;
use crate::places::Places;

/// The layer's name in decisions and records.
pub const LAYER: &str = "protection";
/// The effect that is denied.
const TAMPER: &str = "firewall.tamper";

/// What is protected on this machine, for this project.
#[derive(Debug, Clone)]
pub struct Protection {
    own: Own,
}

impl Protection {
    /// The protection of these places and of the running binary.
    pub fn new(places: &Places, claude_config: Option<&Path>, binary: &[PathBuf]) -> Self {
        let user = claude_config.map_or_else(|| places.home.join(".claude"), Path::to_owned);
        let mut paths = vec![
            places.project_folder(),
            places.config.clone(),
            places.state.clone(),
            places.managed.clone(),
            PathBuf::from("/etc/claude-code"),
            PathBuf::from("/Library/Application Support/ClaudeCode"),
            PathBuf::from("/c:/Program Files/ClaudeCode"),
        ];
        for folder in [places.project.join(".claude"), user] {
            paths.push(folder.join("settings.json"));
            paths.push(folder.join("settings.local.json"));
        }
        paths.extend_from_slice(binary);
        Self { own: Own::new(paths) }
    }

    /// The same for binaries that are only asked for when a call changes something: to ask the system which program runs takes as long as
    /// some calls are judged.
    #[must_use]
    pub fn with_binaries(self, binaries: fn() -> Vec<PathBuf>) -> Self {
        Self { own: self.own.with(binaries) }
    }

    /// What paths are judged against.
    pub(crate) const fn own(&self) -> &Own {
        &self.own
    }

    /// Denies a call that would change what is protected.
    pub(crate) fn check(&self, facts: &Facts) -> Option<Decision> {
        let (effect, _) = facts.seen.effects.iter().find(|(effect, _)| effect.id == TAMPER)?;
        let mut decision = Decision::new(
            Action::Deny,
            RuleRef::new(LAYER, "self-protection", 0),
            format!(
                "`{}` belongs to the firewall or wires it into the agent, and an agent may not change it",
                effect.detail.escape_debug()
            ),
        );
        decision.suggestion = Some("Ask the person to make this change outside of the agent.".to_owned());
        Some(decision)
    }
}

#[cfg(test)]
mod tests;
