//! From a text to a checked policy: the schema, the plugins it refers to, and what a layer may say.

mod audit;
mod detection;
mod extends;
mod items;
mod plugins;

use std::path::Path;

use agentfirewall_sdk::{Action, Kind};

use super::diagnostic::{Diagnostic, Mark, Problems};
use super::layers::{LayerKind, Source};
use super::model::{AskFallback, OwnedCondition, OwnedPlugin, OwnedRule, Policy, SecretsSettings};
use super::raw::{Fields, elements, entries};
use super::yaml::{self, Key, Node, Value};
use super::{keys, shadow};
use crate::registry::Registry;

/// What came of reading a policy's text.
#[derive(Debug)]
pub struct Checked {
    /// The policy, if there is no error.
    pub policy: Option<Policy>,
    /// Every problem, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks a policy's text as a policy of the given layer, with everything a person wants to know of it. A text that
/// is in no file can import none.
pub fn check(text: &str, kind: LayerKind, registry: &Registry) -> Checked {
    thoroughly(text, kind, None, registry)
}

/// The same for the text of a file.
pub fn check_source(source: &Source, registry: &Registry) -> Checked {
    thoroughly(&source.text, source.kind, source.path.parent(), registry)
}

fn thoroughly(text: &str, kind: LayerKind, folder: Option<&Path>, registry: &Registry) -> Checked {
    let mut problems = Problems::default();
    let read = read(text, Reading { kind, folder, thorough: true }, registry, &mut problems);
    if let Some((policy, marks)) = &read {
        shadow::report(&policy.rules, marks, &mut problems);
    }
    let policy = if problems.errors() > 0 { None } else { read.map(|(policy, _)| policy) };
    Checked { policy, diagnostics: problems.into_sorted() }
}

/// The same without the warnings, whose search is no work for a hook.
pub(super) fn check_errors(source: &Source, registry: &Registry) -> Result<Policy, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    let reading = Reading { kind: source.kind, folder: source.path.parent(), thorough: false };
    match read(&source.text, reading, registry, &mut problems) {
        Some((policy, _)) if problems.errors() == 0 => Ok(policy),
        _ => Err(problems.into_sorted()),
    }
}

/// What is read, and how.
#[derive(Clone, Copy)]
pub(super) struct Reading<'r> {
    pub(super) kind: LayerKind,
    /// The folder of the policy's file.
    pub(super) folder: Option<&'r Path>,
    /// Whether a person wants to know everything: examples are tried, too.
    pub(super) thorough: bool,
}

fn read(
    text: &str,
    reading: Reading<'_>,
    registry: &Registry,
    problems: &mut Problems,
) -> Option<(Policy, Vec<Mark>)> {
    let tree = yaml::parse(text, problems)?;
    Reader::new(reading, registry, problems).policy(&tree)
}

pub(super) struct Reader<'r> {
    kind: LayerKind,
    folder: Option<&'r Path>,
    thorough: bool,
    registry: &'r Registry,
    problems: &'r mut Problems,
    /// What this policy says of installed plugins.
    plugins: Vec<OwnedPlugin>,
    /// The ids of its detection rules.
    detection: Vec<String>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(reading: Reading<'r>, registry: &'r Registry, problems: &'r mut Problems) -> Self {
        let Reading { kind, folder, thorough } = reading;
        Self { kind, folder, thorough, registry, problems, plugins: Vec::new(), detection: Vec::new() }
    }
}

impl Reader<'_> {
    fn policy(&mut self, tree: &Node) -> Option<(Policy, Vec<Mark>)> {
        if tree.value == Value::Null {
            self.problems.error(
                "AF004",
                &tree.at,
                "the policy is empty".to_owned(),
                Some("write `default_action:` and `rules:`, or remove the file".to_owned()),
            );
            return None;
        }
        let fields = Fields::open(tree, "the policy", keys::POLICY, self.problems)?;
        let standard = Policy::default();
        for key in keys::NOT_IN_PROJECT {
            self.not_in_project(fields.entry(key).map(|(key, _)| key));
        }
        // Before anything that can name a plugin's items.
        self.plugins = self.plugins(fields.get("plugins"));
        // Before the detectors, which can be these.
        let (detection, imports) = self.detection(fields.get("secrets"));
        let mut policy = Policy {
            version: fields.text("version", self.problems).unwrap_or(standard.version),
            name: fields.text("name", self.problems).unwrap_or(standard.name),
            description: fields.optional_text("description", self.problems).unwrap_or_default(),
            default_action: fields
                .action("default_action", &Action::ALL, self.problems)
                .unwrap_or(standard.default_action),
            monitor: fields.monitor(self.problems),
            ask: self.ask(fields.get("ask")),
            on_error: fields.word("on_error", &keys::ON_ERROR_WORDS, self.problems).unwrap_or_default(),
            on_audit_error: fields.word("on_audit_error", &keys::ON_AUDIT_ERROR_WORDS, self.problems),
            audit: fields.get("audit").map(|node| self.audit(node)),
            secrets: self.secrets(fields.get("secrets")),
            plugins: self.plugins.clone(),
            detection,
            imports,
            detectors: self.detectors(fields.get("detectors")),
            sinks: self.sinks(fields.get("sinks")),
            extends: self.extends(fields.get("extends")),
            programs: self.programs(fields.get("programs")),
            rules: Vec::new(),
        };
        let mut marks = Vec::new();
        if let Some(node) = fields.get("rules").filter(|node| node.value != Value::Null) {
            for rule in elements(node, "`rules`", self.problems) {
                let before = self.problems.errors();
                // A rule with an error would be compared with the others as something it is not.
                if let Some((rule, mark)) = self.rule(rule).filter(|_| self.problems.errors() == before) {
                    policy.rules.push(rule);
                    marks.push(mark);
                }
            }
        }
        let packs = self.rules_of_packs(&policy.extends);
        policy.rules.extend(packs);
        Some((policy, marks))
    }

    /// Refuses a key by which a project could loosen what is above it, or send data out.
    fn not_in_project(&mut self, key: Option<&Key>) {
        if let Some(key) = key
            && self.kind == LayerKind::Project
        {
            self.problems.error(
                "AF010",
                &key.at,
                format!("`{}` is not permitted in a project's policy", key.text),
                Some(
                    "a project may only tighten and must not send data out: set it in the user or managed policy"
                        .to_owned(),
                ),
            );
        }
    }

    fn ask(&mut self, node: Option<&Node>) -> AskFallback {
        let standard = AskFallback::default();
        let Some(fields) = node.and_then(|node| Fields::open(node, "`ask`", keys::ASK, self.problems)) else {
            return standard;
        };
        AskFallback {
            headless: fields.action("headless", &keys::NO_PERSON, self.problems).unwrap_or(standard.headless),
            bypass: fields.action("bypass", &keys::NO_PERSON, self.problems).unwrap_or(standard.bypass),
        }
    }

    fn secrets(&mut self, node: Option<&Node>) -> SecretsSettings {
        let standard = SecretsSettings::default();
        let Some(fields) =
            node.and_then(|node| Fields::open(node, "`secrets`", keys::SECRETS, self.problems))
        else {
            return standard;
        };
        SecretsSettings {
            parameters: fields
                .action("parameters", &keys::PARAMETERS, self.problems)
                .unwrap_or(standard.parameters),
            results_mask: fields
                .word("results", &keys::RESULTS_WORDS, self.problems)
                .unwrap_or(standard.results_mask),
            prompts: fields.action("prompts", &keys::PROMPTS, self.problems).unwrap_or(standard.prompts),
        }
    }

    fn rule(&mut self, node: &Node) -> Option<(OwnedRule, Mark)> {
        let fields = Fields::open(node, "a rule", keys::RULE, self.problems)?;
        let name = self.required(&fields, "a rule", "name");
        let at = fields.get("name").map_or(fields.at, |node| &node.at).clone();
        self.not_in_project(fields.entry("approve").map(|(key, _)| key));
        let action = fields.action("action", &Action::ALL, self.problems);
        let approve = fields.flag("approve", self.problems).unwrap_or_default();
        if approve
            && action != Some(Action::Allow)
            && !(action.is_none() && fields.get("action").is_some())
            && let Some((key, _)) = fields.entry("approve")
        {
            self.problems.error(
                "AF013",
                &key.at,
                "`approve: true` goes only with `action: allow`".to_owned(),
                Some("remove `approve`, or make the action `allow`".to_owned()),
            );
        }
        let rule = OwnedRule {
            name: name.unwrap_or_default(),
            action: action.unwrap_or(Action::Deny),
            reason: fields.optional_text("reason", self.problems).unwrap_or_default(),
            suggest: fields.optional_text("suggest", self.problems).filter(|text| !text.is_empty()),
            approve,
            monitor: fields.monitor(self.problems),
            tools: self.patterns(&fields, "tools"),
            resources: self.patterns(&fields, "resources"),
            effects: self.effects(&fields),
            pack: "",
            condition: fields.get("match").and_then(|node| self.condition(node)),
            line: node.at.line,
        };
        Some((rule, at))
    }

    fn required(&mut self, fields: &Fields<'_>, what: &str, key: &str) -> Option<String> {
        match fields.get(key) {
            None if fields.mistyped(key) => None,
            None => {
                self.problems.error("AF005", fields.at, format!("{what} has no `{key}`"), {
                    Some(format!("add `{key}:`; decisions and logs refer to it"))
                });
                None
            }
            Some(node) => {
                let text = fields.text(key, self.problems)?;
                if text.trim().is_empty() {
                    self.problems.error("AF005", &node.at, format!("{what} has an empty `{key}`"), None);
                    return None;
                }
                Some(text)
            }
        }
    }

    fn patterns(&mut self, fields: &Fields<'_>, key: &str) -> Option<Vec<String>> {
        let (patterns, at) = fields.patterns(key, self.problems)?;
        match self.registry.patterns() {
            Ok(plugin) => {
                let json = serde_json::Value::from(patterns.clone()).to_string();
                self.build(plugin, &json, &format!("`{key}`"), at);
            }
            Err(error) => self.problems.error("AF008", at, error.to_string(), None),
        }
        Some(patterns)
    }

    fn condition(&mut self, node: &Node) -> Option<OwnedCondition> {
        let mut parts = Vec::new();
        let entries = entries(node, "a condition", self.problems);
        if entries.is_empty() && matches!(node.value, Value::Map(_)) {
            self.problems.error(
                "AF007",
                &node.at,
                "the condition is empty".to_owned(),
                Some("leave `match` out, or name a matcher".to_owned()),
            );
        }
        for (key, node) in entries {
            let part = match key.text.as_str() {
                "all" => self.conditions(node, "all").map(OwnedCondition::All),
                "any" => self.conditions(node, "any").map(OwnedCondition::Any),
                "not" => self.condition(node).map(|inner| OwnedCondition::Not(Box::new(inner))),
                id => {
                    self.known_item(Kind::Matcher, id, &key.at);
                    let config = self.config(Kind::Matcher, id, Some(node), &node.at);
                    Some(OwnedCondition::Matcher { id: id.to_owned(), config })
                }
            };
            parts.extend(part);
        }
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(OwnedCondition::All(parts)),
        }
    }

    fn conditions(&mut self, node: &Node, word: &str) -> Option<Vec<OwnedCondition>> {
        let nodes = elements(node, &format!("`{word}`"), self.problems);
        if nodes.is_empty() && matches!(node.value, Value::List(_)) {
            self.problems.error("AF007", &node.at, format!("`{word}` is an empty list"), None);
        }
        let inner: Vec<_> = nodes.iter().filter_map(|node| self.condition(node)).collect();
        (!inner.is_empty()).then_some(inner)
    }
}
