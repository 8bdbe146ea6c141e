//! The words of a policy file: the reader refuses every other, and the JSON Schema offers these.

use agentfirewall_sdk::{Action, AllowTarget, Confidence, Severity};

use super::model::OnError;
use crate::tolerance::OnFailure;

/// Of a policy.
pub(super) const POLICY: &[&str] = &[
    "version",
    "name",
    "description",
    "default_action",
    "extends",
    "rules",
    "programs",
    "mode",
    "ask",
    "on_error",
    "on_audit_error",
    "audit",
    "secrets",
    "plugins",
    "detectors",
    "sinks",
];
/// The keys of a policy by which a project could loosen what is above it, or send data out.
pub(super) const NOT_IN_PROJECT: &[&str] =
    &["on_error", "on_audit_error", "audit", "secrets", "detectors", "sinks", "programs"];
/// Of a rule.
pub(super) const RULE: &[&str] =
    &["name", "tools", "resources", "effects", "action", "reason", "mode", "suggest", "approve", "match"];
/// Of a condition, beside the matchers' ids.
pub(super) const CONDITION: [&str; 3] = ["all", "any", "not"];
/// Of `ask`.
pub(super) const ASK: &[&str] = &["headless", "bypass"];
/// Of `secrets`.
pub(super) const SECRETS: &[&str] = &["parameters", "results", "prompts", "rules", "import"];
/// Of a detection rule: the fields of [`DetectionRule`](agentfirewall_sdk::DetectionRule).
pub(super) const DETECTION_RULE: &[&str] = &[
    "id",
    "summary",
    "why",
    "leaked",
    "pattern",
    "secret_group",
    "near",
    "values",
    "keywords",
    "entropy",
    "severity",
    "confidence",
    "allow",
    "examples",
    "negatives",
];
/// Of what a detection rule allows.
pub(super) const ALLOW: &[&str] = &["patterns", "target", "words", "both"];
/// Of `audit`.
pub(super) const AUDIT: &[&str] = &["rotate", "retain"];
/// Of `audit: {rotate: ...}`.
pub(super) const ROTATE: &[&str] = &["size", "age", "records"];
/// Of `audit: {retain: ...}`.
pub(super) const RETAIN: &[&str] = &["segments", "age", "undelivered"];
/// Of an installed plugin.
pub(super) const PLUGIN: &[&str] = &["enabled", "on_error"];
/// Of a detector.
pub(super) const DETECTOR: &[&str] = &["enabled", "with"];
/// Of a sink.
pub(super) const SINK: &[&str] =
    &["name", "use", "with", "actions", "severity", "rules", "tools", "format", "group"];
/// Of a sink's `group`.
pub(super) const GROUP: &[&str] = &["after", "seconds"];

/// `mode`, as whether it only monitors.
pub(super) const MODE_WORDS: [(&str, bool); 2] = [("enforce", false), ("monitor", true)];
/// A policy's `on_error`.
pub(super) const ON_ERROR_WORDS: [(&str, OnError); 2] = [("deny", OnError::Deny), ("allow", OnError::Allow)];
/// A policy's `on_audit_error`.
pub(super) const ON_AUDIT_ERROR_WORDS: [(&str, OnError); 2] = ON_ERROR_WORDS;
/// A plugin's `on_error`.
pub(super) const ON_FAILURE_WORDS: [(&str, OnFailure); 3] =
    [("deny", OnFailure::Deny), ("alert", OnFailure::Alert), ("ignore", OnFailure::Ignore)];
/// `secrets: {results: ...}`, as whether they are masked.
pub(super) const RESULTS_WORDS: [(&str, bool); 2] = [("mask", true), ("log", false)];
/// A detection rule's `severity`.
pub(super) const SEVERITY_WORDS: [(&str, Severity); 5] = [
    ("info", Severity::Info),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];
/// A detection rule's `confidence`.
pub(super) const CONFIDENCE_WORDS: [(&str, Confidence); 3] =
    [("low", Confidence::Low), ("medium", Confidence::Medium), ("high", Confidence::High)];
/// What the patterns of an allowance are looked for in.
pub(super) const TARGET_WORDS: [(&str, AllowTarget); 3] =
    [("secret", AllowTarget::Secret), ("match", AllowTarget::Match), ("line", AllowTarget::Line)];
/// What `ask` can become where no person is.
pub(super) const NO_PERSON: [Action; 4] = [Action::Deny, Action::Alert, Action::Log, Action::Allow];
/// `secrets: {parameters: ...}`.
pub(super) const PARAMETERS: [Action; 4] = [Action::Deny, Action::Ask, Action::Alert, Action::Log];
/// `secrets: {prompts: ...}`.
pub(super) const PROMPTS: [Action; 3] = [Action::Deny, Action::Alert, Action::Log];
/// A sink's `severity`: so serious at least.
pub(super) const SEVERITY: [(&str, Severity); 5] = [
    ("info", Severity::Info),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];
