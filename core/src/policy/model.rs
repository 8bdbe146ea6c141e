//! A validated policy, owned: what `validate` prints and what the compiler takes.

use std::path::PathBuf;

use agentfirewall_sdk::{Action, DetectionRule};
use serde::{Deserialize, Serialize};

use crate::audit::{Retention, Rotation};
use crate::delivery::{Filter, Format, Group};
use crate::stamp::Stamp;
use crate::tolerance::OnFailure;

/// What an `ask` becomes where no person can answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskFallback {
    /// Where the agent runs without a person (`claude -p`, CI).
    pub headless: Action,
    /// Where the person told the agent never to ask.
    pub bypass: Action,
}

impl Default for AskFallback {
    fn default() -> Self {
        Self { headless: Action::Deny, bypass: Action::Deny }
    }
}

/// What a failure of the firewall itself becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The call is denied.
    #[default]
    Deny,
    /// The call passes; only user and managed policies may say so.
    Allow,
}

/// What happens where a secret is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsSettings {
    /// In the parameters of a call.
    pub parameters: Action,
    /// Whether a secret in a tool's result is masked before the model sees it.
    pub results_mask: bool,
    /// In a person's prompt.
    pub prompts: Action,
}

impl Default for SecretsSettings {
    fn default() -> Self {
        Self { parameters: Action::Deny, results_mask: true, prompts: Action::Deny }
    }
}

/// When the log begins a new file and what is kept of the old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditSettings {
    /// When a new file is begun.
    pub rotate: Rotation,
    /// What is kept.
    pub retain: Retention,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { rotate: Rotation::STANDARD, retain: Retention::default() }
    }
}

/// What is said of one installed plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedPlugin {
    /// The plugin's name.
    pub name: String,
    /// Whether its detectors take part.
    pub enabled: bool,
    /// What a failure of it becomes.
    pub on_error: OnFailure,
}

/// The settings of one detector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedDetector {
    /// The detector's id.
    pub id: String,
    /// Whether it runs.
    pub enabled: bool,
    /// Its configuration, JSON.
    pub config: String,
}

/// A detection rule that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnedDetectionRule {
    /// The rule.
    pub rule: DetectionRule,
    /// The literals by which the host knows a text to show to its detector; none means every text.
    pub keywords: Vec<String>,
    /// The file it is from where that is not the policy's own.
    pub file: Option<PathBuf>,
}

/// A file that a policy takes detection rules from, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it was.
    pub stamp: Stamp,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
}

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedSink {
    /// The sink's own name.
    pub name: String,
    /// The id of the plugin that delivers.
    pub plugin: String,
    /// The plugin's configuration, JSON.
    pub config: String,
    /// What it is told of.
    pub filter: Filter,
    /// In which format.
    pub format: Format,
    /// When a flood is summed up.
    pub group: Option<Group>,
}

/// A condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedCondition {
    /// Every one holds.
    All(Vec<OwnedCondition>),
    /// At least one holds.
    Any(Vec<OwnedCondition>),
    /// It does not hold.
    Not(Box<OwnedCondition>),
    /// A matcher plugin says so.
    Matcher {
        /// The matcher's id.
        id: String,
        /// Its configuration, JSON.
        config: String,
    },
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRule {
    /// Its name.
    pub name: String,
    /// What happens to a part it matches.
    pub action: Action,
    /// Why, empty if the author did not say.
    pub reason: String,
    /// What the model is told to do instead.
    pub suggest: Option<String>,
    /// Whether a match skips the agent's own prompt.
    pub approve: bool,
    /// Whether it only records what it would have done.
    pub monitor: bool,
    /// The patterns of the tools' names; none means every tool.
    pub tools: Option<Vec<String>>,
    /// The patterns of what is touched; none means everything.
    pub resources: Option<Vec<String>>,
    /// The patterns of what the call does, by the names of `knowledge/effects.yaml`; none means the rule is about what
    /// is touched.
    pub effects: Option<Vec<String>>,
    /// The built-in pack it comes from; empty for a rule of the file itself.
    pub pack: &'static str,
    /// The further condition.
    pub condition: Option<OwnedCondition>,
    /// Its line in the file, from 1.
    pub line: u32,
}

/// One file's policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The author's version of it, as it is written.
    pub version: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What happens to a part no rule matches.
    pub default_action: Action,
    /// Whether the whole policy only records what it would have done.
    pub monitor: bool,
    /// What an `ask` becomes without a person.
    pub ask: AskFallback,
    /// What a failure becomes.
    pub on_error: OnError,
    /// What a record that cannot be written becomes; `None` if the policy does not say.
    pub on_audit_error: Option<OnError>,
    /// The log's files; `None` if the policy does not say.
    pub audit: Option<AuditSettings>,
    /// What a secret leads to.
    pub secrets: SecretsSettings,
    /// The built-in packs whose rules follow its own, in the order in which they are written.
    pub extends: Vec<String>,
    /// A team's rows of the table of programs, checked and in the table's own form; empty if there are none.
    pub programs: Vec<u8>,
    /// The installed plugins it names, in the order of the file.
    pub plugins: Vec<OwnedPlugin>,
    /// Settings of detectors, in the order of the file.
    pub detectors: Vec<OwnedDetector>,
    /// The detection rules: its own, then those of the files it imports.
    pub detection: Vec<OwnedDetectionRule>,
    /// The files that it takes them from.
    pub imports: Vec<ImportedFile>,
    /// The sinks, in the order of the file.
    pub sinks: Vec<OwnedSink>,
    /// The rules, in the order of the file.
    pub rules: Vec<OwnedRule>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            version: "1.0".to_owned(),
            name: "default".to_owned(),
            description: String::new(),
            default_action: Action::Deny,
            monitor: false,
            ask: AskFallback::default(),
            on_error: OnError::default(),
            on_audit_error: None,
            audit: None,
            secrets: SecretsSettings::default(),
            extends: Vec::new(),
            programs: Vec::new(),
            plugins: Vec::new(),
            detectors: Vec::new(),
            detection: Vec::new(),
            imports: Vec::new(),
            sinks: Vec::new(),
            rules: Vec::new(),
        }
    }
}
