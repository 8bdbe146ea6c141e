//! Whether a plugin takes part here, and why: by the policies that apply.

use std::collections::{BTreeMap, BTreeSet};

use agentfirewall_core::library::Library;
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, Compiled, Condition, PolicyError};
use agentfirewall_core::registry::{Entry, Registry};
use agentfirewall_sdk::Kind;
use serde::Serialize;

/// Whether a plugin takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It judges or reports.
    Active,
    /// A policy has switched it off.
    Off,
    /// No policy asks for it.
    Idle,
    /// Its library must not be loaded: calls that need it are denied.
    Broken,
    /// The policies cannot be read, so nobody knows; every call is denied.
    Unknown,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Off => "off",
            Self::Idle => "idle",
            Self::Broken => "BROKEN",
            Self::Unknown => "unknown",
        }
    }
}

/// The same plugins, and the detectors that the rules of the policies here become. Where the policies cannot be used there are
/// none; [`Uses`] says so.
pub(super) fn with_rules(places: &Places, registry: Registry) -> Registry {
    let Ok(compiled) = policy::load(places, &registry) else { return registry };
    let Ok(layers) = compiled.layers() else { return registry };
    let rules: Vec<_> = layers.iter().flat_map(|layer| layer.detection.iter().cloned()).collect();
    if rules.is_empty() {
        return registry;
    }
    registry.clone().with_rules(&rules).unwrap_or(registry)
}

/// What the policies here say of the plugins.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Matchers by id: the first rule that names each.
    matchers: BTreeMap<String, String>,
    /// Sinks by the plugin's id: the first sink of a policy that uses each.
    sinks: BTreeMap<String, String>,
    /// Detectors by id: which policies switched them off.
    off: BTreeMap<String, Vec<&'static str>>,
    /// Detectors by id that a policy switches on.
    on: BTreeSet<String>,
    /// Libraries that must not be loaded, by their plugin's name, and why.
    broken: BTreeMap<&'static str, String>,
    layers: usize,
    invalid: Option<String>,
}

impl Uses {
    /// Reads the policies that apply here.
    pub(super) fn read(places: &Places, registry: &Registry) -> Self {
        // Once for each library, however much is in it: one that is new may have to be hashed.
        let broken = registry.libraries().iter().filter_map(|library| {
            library.plugin.open().err().map(|error| (library.plugin.name, error.to_string()))
        });
        let mut uses = Self { broken: broken.collect(), ..Self::default() };
        if let Err(error) =
            policy::load(places, registry).and_then(|compiled| uses.gather(&compiled, registry))
        {
            uses.invalid = Some(error.to_string());
        }
        uses
    }

    fn gather(&mut self, compiled: &Compiled, registry: &Registry) -> Result<(), PolicyError> {
        let layers = compiled.layers()?;
        self.layers = layers.len();
        for layer in &layers {
            let whose = layer.kind.as_str();
            for setting in layer.detectors.iter().filter(|setting| !setting.enabled) {
                self.off.entry(setting.id.to_owned()).or_default().push(whose);
            }
            for setting in layer.detectors.iter().filter(|setting| setting.enabled) {
                self.on.insert(setting.id.to_owned());
            }
            for setting in layer.plugins.iter().filter(|setting| !setting.enabled) {
                let of_it = |entry: &&Entry| {
                    entry.library().is_some_and(|library| library.plugin.name == setting.name)
                };
                for entry in registry.of(Kind::Detector).filter(of_it) {
                    let off = self.off.entry(entry.id().to_owned()).or_default();
                    if !off.contains(&whose) {
                        off.push(whose);
                    }
                }
            }
            for sink in &layer.sinks {
                self.sinks
                    .entry(sink.plugin.to_owned())
                    .or_insert_with(|| format!("the sink `{}` of the {whose} policy", sink.name));
            }
            for id in 0..layer.rule_count() {
                let rule = layer.rule(id)?;
                if let Some(condition) = &rule.condition {
                    self.conditions(condition, &format!("the rule `{}` of the {whose} policy", rule.name));
                }
            }
        }
        Ok(())
    }

    fn conditions(&mut self, condition: &Condition<'_>, user: &str) {
        match condition {
            Condition::All(inner) | Condition::Any(inner) => {
                for condition in inner {
                    self.conditions(condition, user);
                }
            }
            Condition::Not(inner) => self.conditions(inner, user),
            Condition::Matcher { id, .. } => {
                self.matchers.entry((*id).to_owned()).or_insert_with(|| user.to_owned());
            }
        }
    }

    /// Whether a plugin takes part, and why.
    pub(super) fn of(&self, entry: &Entry) -> (State, String) {
        if let Some(why) = entry.library().and_then(|library| self.broken(library)) {
            return (State::Broken, why.to_owned());
        }
        if let Some(error) = &self.invalid {
            return (State::Unknown, format!("the policies here cannot be used: {error}"));
        }
        match entry.kind() {
            Kind::Detector => match self.off.get(entry.id()) {
                Some(layers) if layers.len() >= self.layers => {
                    (State::Off, format!("switched off by the {} policy", layers.join(" and the ")))
                }
                Some(layers) => (
                    State::Active,
                    format!("though switched off for the {} policy", layers.join(" and the ")),
                ),
                None if entry.off() && !self.on.contains(entry.id()) => {
                    (State::Off, "it takes part only where a policy says `enabled: true`".to_owned())
                }
                None => (State::Active, "detectors are on unless a policy switches them off".to_owned()),
            },
            Kind::Matcher if entry.serves_patterns() => {
                (State::Active, "serves `tools:` and `resources:`".to_owned())
            }
            Kind::Matcher => self.used(self.matchers.get(entry.id()), "no rule names it under `match:`"),
            Kind::Sink => self.used(self.sinks.get(entry.id()), "no policy has a sink that uses it"),
        }
    }

    /// Why a library must not be loaded, if it must not.
    pub(super) fn broken(&self, library: &Library) -> Option<&str> {
        self.broken.get(library.plugin.name).map(String::as_str)
    }

    fn used(&self, user: Option<&String>, idle: &str) -> (State, String) {
        match user {
            Some(user) => (State::Active, format!("used by {user}")),
            None => (State::Idle, idle.to_owned()),
        }
    }
}
