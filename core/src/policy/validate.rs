//! From a text to a checked policy: the schema, the plugins it refers to, and what a layer may say.

use agentfirewall_sdk::{Action, Kind};

use super::diagnostic::{Diagnostic, Mark, Problems, advice};
use super::layers::LayerKind;
use super::model::{
    AskFallback, OnError, OwnedCondition, OwnedDetector, OwnedRule, OwnedSink, Policy, SecretsSettings,
};
use super::raw::{Fields, action, elements, entries, one_line};
use super::yaml::{self, Key, Node, Value};
use super::{raw, shadow};
use crate::guard::{Fault, guarded};
use crate::registry::{Entry, Registry};

const POLICY_KEYS: &[&str] = &[
    "version",
    "name",
    "description",
    "default_action",
    "rules",
    "mode",
    "ask",
    "on_error",
    "secrets",
    "detectors",
    "sinks",
];
const RULE_KEYS: &[&str] =
    &["name", "tools", "resources", "action", "reason", "mode", "suggest", "approve", "match"];
const CONDITION_WORDS: [&str; 3] = ["all", "any", "not"];
const NO_PERSON: [Action; 4] = [Action::Deny, Action::Alert, Action::Log, Action::Allow];

/// What came of reading a policy's text.
#[derive(Debug)]
pub struct Checked {
    /// The policy, if there is no error.
    pub policy: Option<Policy>,
    /// Every problem, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks a policy's text as a policy of the given layer, with everything a person wants to know of it.
pub fn check(text: &str, kind: LayerKind, registry: &Registry) -> Checked {
    let mut problems = Problems::default();
    let read = read(text, kind, registry, &mut problems);
    if let Some((policy, marks)) = &read {
        shadow::report(&policy.rules, marks, &mut problems);
    }
    let policy = if problems.errors() > 0 { None } else { read.map(|(policy, _)| policy) };
    Checked { policy, diagnostics: problems.into_sorted() }
}

/// The same without the warnings, whose search is no work for a hook.
pub(super) fn check_errors(
    text: &str,
    kind: LayerKind,
    registry: &Registry,
) -> Result<Policy, Vec<Diagnostic>> {
    let mut problems = Problems::default();
    match read(text, kind, registry, &mut problems) {
        Some((policy, _)) if problems.errors() == 0 => Ok(policy),
        _ => Err(problems.into_sorted()),
    }
}

fn read(
    text: &str,
    kind: LayerKind,
    registry: &Registry,
    problems: &mut Problems,
) -> Option<(Policy, Vec<Mark>)> {
    let tree = yaml::parse(text, problems)?;
    Reader { kind, registry, problems }.policy(&tree)
}

struct Reader<'r> {
    kind: LayerKind,
    registry: &'r Registry,
    problems: &'r mut Problems,
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
        let fields = Fields::open(tree, "the policy", POLICY_KEYS, self.problems)?;
        let standard = Policy::default();
        for key in ["on_error", "secrets", "detectors", "sinks"] {
            self.not_in_project(fields.entry(key).map(|(key, _)| key));
        }
        let mut policy = Policy {
            version: fields.text("version", self.problems).unwrap_or(standard.version),
            name: fields.text("name", self.problems).unwrap_or(standard.name),
            description: fields.optional_text("description", self.problems).unwrap_or_default(),
            default_action: fields
                .action("default_action", &Action::ALL, self.problems)
                .unwrap_or(standard.default_action),
            monitor: fields.monitor(self.problems),
            ask: self.ask(fields.get("ask")),
            on_error: fields
                .word("on_error", &[("deny", OnError::Deny), ("allow", OnError::Allow)], self.problems)
                .unwrap_or_default(),
            secrets: self.secrets(fields.get("secrets")),
            detectors: self.detectors(fields.get("detectors")),
            sinks: self.sinks(fields.get("sinks")),
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
        let Some(fields) =
            node.and_then(|node| Fields::open(node, "`ask`", &["headless", "bypass"], self.problems))
        else {
            return standard;
        };
        AskFallback {
            headless: fields.action("headless", &NO_PERSON, self.problems).unwrap_or(standard.headless),
            bypass: fields.action("bypass", &NO_PERSON, self.problems).unwrap_or(standard.bypass),
        }
    }

    fn secrets(&mut self, node: Option<&Node>) -> SecretsSettings {
        let standard = SecretsSettings::default();
        let Some(fields) = node.and_then(|node| {
            Fields::open(node, "`secrets`", &["parameters", "results", "prompts"], self.problems)
        }) else {
            return standard;
        };
        let parameters = [Action::Deny, Action::Ask, Action::Alert, Action::Log];
        let prompts = [Action::Deny, Action::Alert, Action::Log];
        SecretsSettings {
            parameters: fields
                .action("parameters", &parameters, self.problems)
                .unwrap_or(standard.parameters),
            results_mask: fields
                .word("results", &[("mask", true), ("log", false)], self.problems)
                .unwrap_or(standard.results_mask),
            prompts: fields.action("prompts", &prompts, self.problems).unwrap_or(standard.prompts),
        }
    }

    fn detectors(&mut self, node: Option<&Node>) -> Vec<OwnedDetector> {
        let Some(node) = node else { return Vec::new() };
        let mut detectors = Vec::new();
        for (key, node) in entries(node, "`detectors`", self.problems) {
            self.known_plugin(Kind::Detector, &key.text, &key.at);
            let what = format!("the detector `{}`", one_line(&key.text));
            let Some(fields) = Fields::open(node, &what, &["enabled", "with"], self.problems) else {
                continue;
            };
            detectors.push(OwnedDetector {
                id: key.text.clone(),
                enabled: fields.flag("enabled", self.problems).unwrap_or(true),
                config: self.config(Kind::Detector, &key.text, fields.get("with"), &key.at),
            });
        }
        detectors
    }

    fn sinks(&mut self, node: Option<&Node>) -> Vec<OwnedSink> {
        let Some(node) = node else { return Vec::new() };
        let mut sinks: Vec<OwnedSink> = Vec::new();
        for node in elements(node, "`sinks`", self.problems) {
            let Some(fields) =
                Fields::open(node, "a sink", &["name", "use", "with", "actions"], self.problems)
            else {
                continue;
            };
            let name = self.required(&fields, "a sink", "name");
            let plugin = self.required(&fields, "a sink", "use");
            let actions = self.sink_actions(fields.get("actions"));
            let (Some(name), Some(plugin)) = (name, plugin) else { continue };
            if sinks.iter().any(|sink| sink.name == name) {
                let at = fields.get("name").map_or(fields.at, |node| &node.at);
                // A sink's name is the key of its delivery cursor.
                let message = format!("two sinks are called `{}`", one_line(&name));
                self.problems.error("AF011", at, message, Some("give each a name of its own".to_owned()));
            }
            let at = fields.get("use").map_or(fields.at, |node| &node.at);
            self.known_plugin(Kind::Sink, &plugin, at);
            let config = self.config(Kind::Sink, &plugin, fields.get("with"), at);
            sinks.push(OwnedSink { name, plugin, config, actions });
        }
        sinks
    }

    fn sink_actions(&mut self, node: Option<&Node>) -> Vec<Action> {
        let Some(node) = node else { return vec![Action::Alert] };
        let nodes = match &node.value {
            Value::List(items) if items.is_empty() => {
                self.problems.error(
                    "AF007",
                    &node.at,
                    "`actions` is an empty list, so the sink would never be told anything".to_owned(),
                    Some("leave `actions` out for alerts only, or list actions".to_owned()),
                );
                return Vec::new();
            }
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut actions: Vec<_> =
            nodes.iter().filter_map(|node| action(node, "actions", &Action::ALL, self.problems)).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }

    fn rule(&mut self, node: &Node) -> Option<(OwnedRule, Mark)> {
        let fields = Fields::open(node, "a rule", RULE_KEYS, self.problems)?;
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
                    self.known_plugin(Kind::Matcher, id, &key.at);
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

    fn known_plugin(&mut self, kind: Kind, id: &str, at: &Mark) {
        if self.registry.find(kind, id).is_some() {
            return;
        }
        let mut ids: Vec<_> = self.registry.of(kind).map(Entry::id).collect();
        if kind == Kind::Matcher {
            ids.extend(CONDITION_WORDS);
        }
        // A long list helps nobody: the command prints it with what each plugin does.
        let help = super::diagnostic::meant(id, ids.iter().copied())
            .map(|candidate| format!("did you mean `{candidate}`?"))
            .or_else(|| if ids.len() <= 12 { advice(id, ids.iter().copied()) } else { None })
            .unwrap_or_else(|| "`agentfirewall plugins list` shows what there is".to_owned());
        let message = format!("no {} is called `{}`", kind.as_str(), one_line(id));
        self.problems.error("AF008", at, message, Some(help));
    }

    /// The configuration as JSON, proven to be acceptable by making the plugin once.
    fn config(&mut self, kind: Kind, id: &str, node: Option<&Node>, fallback: &Mark) -> String {
        let json = match node {
            None | Some(Node { value: Value::Null, .. }) => "{}".to_owned(),
            Some(node) => node.to_json().to_string(),
        };
        if let Some(plugin) = self.registry.find(kind, id) {
            let at = node.map_or(fallback, |node| &node.at);
            self.build(plugin, &json, &format!("the {} `{id}`", kind.as_str()), at);
        }
        json
    }

    fn build(&mut self, plugin: &Entry, json: &str, what: &str, at: &Mark) {
        if let Err(fault) = guarded(|| plugin.accepts(json)) {
            let (Fault::Failed(message) | Fault::Panicked(message)) = &fault;
            // The position counts in the JSON made from the YAML, which nobody sees.
            let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(before, _)| before);
            self.problems.error(
                "AF009",
                at,
                format!("{what} refuses this: {}", raw::one_line_long(message)),
                None,
            );
        }
    }
}
