//! Policies: from YAML files to the compiled form that the hook reads.
//!
//! `yaml` turns a text into a tree that knows its places, `raw` reads the tree against the keys, `validate` checks
//! what the keys cannot say, `layers` finds the files that apply, `compile` makes the blob with its index and `cache`
//! keeps it between two hooks. Every problem of a file is found in one go and is a [`Diagnostic`].

mod cache;
mod compile;
mod compiled;
mod detection;
mod diagnostic;
mod index;
mod keys;
mod layers;
mod model;
mod packs;
mod raw;
mod schema;
mod shadow;
mod validate;
mod yaml;

#[cfg(test)]
mod tests;

pub use cache::load;
pub use compile::{compile_text, load_file};
pub use compiled::{
    Compiled, Condition, DetectionSetting, DetectorSetting, Layer, LayerSource, Patterns, Rule, SinkSetting,
    audit_settings, may_pass_unrecorded,
};
pub use detection::{RulesFile, rules_of_file};
pub use diagnostic::{Diagnostic, InvalidPolicy, PolicyError, PolicyErrorKind, Severity};
pub use layers::{DEFAULT_POLICY, DEFAULT_SOURCE, LayerKind, Source, source, sources};
pub use model::{
    AskFallback, AuditSettings, ImportedFile, OnError, OwnedCondition, OwnedDetectionRule, OwnedDetector,
    OwnedPlugin, OwnedRule, OwnedSink, Policy, SecretsSettings,
};
pub use packs::{ALL as PACKS, Pack, effects, find as pack};
pub use schema::schema;
pub use validate::{Checked, check, check_source};
