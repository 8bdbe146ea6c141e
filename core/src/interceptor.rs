//! The judgement: every part of a call by every layer of the policy, its parameters by the detectors, and the
//! strictest of all answers.
//!
//! Nothing here depends on the order in which parts or layers are looked at, but for which of two equally strict
//! reasons is given.

pub mod explain;
mod judge;
mod matching;
mod plugins;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use agentfirewall_sdk::{Action, Confidence, Decision, LocatedFinding, PermissionMode, RuleRef, ToolCall};

pub use judge::shortened;

use crate::facts;
use crate::history::LogHistory;
use crate::knowledge::Knowledge;
use crate::paths::{Ground, Links};
use crate::policy::{Compiled, Layer, PolicyError};
use crate::protection::{self, Protection};
use crate::recall::recalled;
use crate::registry::Registry;
use crate::scripts::Scripts;
use crate::secrets::{DetectorSetting, Engine, EngineError, Scanned};
use crate::tolerance::{Failure, PluginSetting};
use crate::understand::World;
use explain::{LayerTrace, Trace};
use matching::{Case, Matchers};

/// Why a call could not be judged. The caller denies it.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The compiled policy is damaged.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A detector failed.
    #[error(transparent)]
    Detector(#[from] EngineError),
    /// A matcher failed.
    #[error("{plugin} {message}")]
    Matcher {
        /// Its label.
        plugin: String,
        /// What happened, in one line.
        message: String,
    },
    /// The binary has no pattern matcher.
    #[error(transparent)]
    Composition(#[from] crate::registry::CompositionError),
}

/// Judges calls by a compiled policy. Made once, asked any number of times, from any number of threads.
pub struct Interceptor<'c> {
    layers: Vec<Layer<'c>>,
    /// What each layer makes of installed plugins.
    plugins: Vec<Vec<PluginSetting<'c>>>,
    /// One engine for all layers of the same settings.
    engines: Vec<Engine<'c>>,
    engine_of_layer: Vec<usize>,
    matchers: Matchers<'c>,
    protection: Option<Protection>,
    knowledge: Knowledge,
    home: PathBuf,
    history: Option<LogHistory>,
}

impl std::fmt::Debug for Interceptor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interceptor").field("layers", &self.layers.len()).finish_non_exhaustive()
    }
}

impl<'c> Interceptor<'c> {
    /// An interceptor for a compiled policy. Without a protection the firewall's own files are judged by the policy
    /// alone, which is right for a script that asks about a call it does not make.
    pub fn new(compiled: &'c Compiled, registry: &'c Registry, home: &Path) -> Result<Self, CheckError> {
        let layers = compiled.layers()?;
        let plugins = plugins::settings(&layers);
        let mut engines = Vec::with_capacity(1);
        let mut engine_of_layer: Vec<usize> = Vec::with_capacity(layers.len());
        for (layer, own) in layers.iter().zip(&plugins) {
            let same = layers.iter().zip(&plugins).zip(&engine_of_layer).find(|((other, others), _)| {
                other.detectors == layer.detectors && other.detection == layer.detection && *others == own
            });
            if let Some((_, &engine)) = same {
                engine_of_layer.push(engine);
                continue;
            }
            let settings: Vec<DetectorSetting<'c>> = layer
                .detectors
                .iter()
                .map(|setting| DetectorSetting {
                    id: setting.id,
                    enabled: setting.enabled,
                    config: setting.config,
                })
                .collect();
            engine_of_layer.push(engines.len());
            engines.push(Engine::with_rules(registry, &settings, &layer.detection)?.for_plugins(own));
        }
        let tables = layers.iter().map(|layer| layer.programs).filter(|table| !table.is_empty());
        let knowledge = Knowledge::with(tables.map(<[u8]>::to_vec).collect());
        Ok(Self {
            layers,
            plugins,
            engines,
            engine_of_layer,
            matchers: Matchers::new(registry)?,
            protection: None,
            knowledge,
            home: home.to_owned(),
            history: None,
        })
    }

    /// Adds the layer that protects the firewall's own files.
    pub fn protecting(mut self, protection: Protection) -> Self {
        self.protection = Some(protection);
        self
    }

    /// Adds the calls before the ones that are judged, for matchers that judge by them and for scripts that the session wrote
    /// and that are not there. Without them such matchers match nothing.
    pub fn with_history(mut self, history: LogHistory) -> Self {
        self.history = Some(history);
        self
    }

    /// The layers, strictest source first.
    pub fn layers(&self) -> &[Layer<'c>] {
        &self.layers
    }

    /// The engines of all layers, each once.
    pub fn engines(&self) -> &[Engine<'c>] {
        &self.engines
    }

    /// Decides a call.
    ///
    /// # Errors
    ///
    /// A plugin that fails or a policy that cannot be read. The caller denies.
    pub fn check(&self, call: &ToolCall) -> Result<Decision, CheckError> {
        self.judge(call, &self.facts(call), None)
    }

    /// Decides a call of which the facts are known. Takes notes, if somebody wants to know why.
    fn judge(
        &self,
        call: &ToolCall,
        facts: &facts::Facts,
        mut trace: Option<&mut Trace>,
    ) -> Result<Decision, CheckError> {
        let mut found: Vec<Option<Scanned<LocatedFinding>>> = self.engines.iter().map(|_| None).collect();
        let mut tolerated: Vec<Failure> = Vec::new();
        let mut best: Option<Decision> = None;
        let mut approvals = 0;
        let number = matching::next_number();
        for ((layer, plugins), &engine) in self.layers.iter().zip(&self.plugins).zip(&self.engine_of_layer) {
            let scanned = self.scanned(&mut found, engine, call)?;
            let findings = scanned.findings.as_slice();
            let failures = RefCell::new(scanned.failures.clone());
            let history = self.history.as_ref().map(|history| history as _);
            let case = Case::new(call, number, plugins, &failures).with_history(history);
            let mut notes = trace.is_some().then(LayerTrace::default);
            let verdict = judge::layer(layer, &self.matchers, case, facts, notes.as_mut())?;
            let approve = verdict.approve;
            let decision = with_secrets(layer, verdict.into_decision(layer, call), findings);
            let decision = with_failures(layer, decision, &failures.borrow());
            let decision = reach_a_person(layer, call, decision);
            approvals += usize::from(approve && decision.action == Action::Allow && findings.is_empty());
            failures.into_inner().into_iter().for_each(|failure| failure.note(&mut tolerated));
            if let (Some(trace), Some(notes)) = (trace.as_deref_mut(), notes) {
                trace.layer(layer, notes);
                trace.verdict(&decision);
            }
            keep_strictest(&mut best, decision);
        }
        let unconfigured = [
            facts.seen.undecidable.map(|why| undecidable(call, why)),
            self.protection.as_ref().and_then(|protection| protection.check(facts)),
        ];
        for decision in unconfigured.into_iter().flatten() {
            if let Some(trace) = trace.as_deref_mut() {
                trace.verdict(&decision);
            }
            keep_strictest(&mut best, decision);
        }
        let mut decision = best.unwrap_or_else(|| {
            Decision::new(
                Action::Deny,
                RuleRef::new("none", "none", 0),
                "no policy layer applies to this call",
            )
        });
        // An approval skips the agent's own question: it takes every layer to let the call pass for good, and one
        // author who asked for it.
        decision.approve = approvals > 0 && decision.action <= Action::Log && decision.would.is_none();
        decision.plugins =
            self.matchers.registry.libraries().iter().filter_map(|library| library.took_part()).collect();
        decision.plugin_failures = tolerated.into_iter().map(|failure| failure.message).collect();
        for finding in found.into_iter().flatten().flat_map(|scanned| scanned.findings) {
            if !decision.findings.contains(&finding) {
                decision.findings.push(finding);
            }
        }
        Ok(decision)
    }

    /// What is understood of a call.
    fn facts(&self, call: &ToolCall) -> facts::Facts {
        let folder = facts::folder(call, &call.project);
        let ground = Ground {
            project: &call.project,
            home: &self.home,
            user: None,
            own: self.protection.as_ref().map(Protection::own),
            links: Links::default(),
        };
        let recall = |path: &Path| recalled(self.history.as_ref()?, call, &self.knowledge, &ground, path);
        let scripts = Scripts::of(&call.project, folder, &recall);
        let world = World {
            knowledge: &self.knowledge,
            ground: ground.clone(),
            folder,
            scripts: &|path| scripts.script(path),
        };
        facts::of(call, &world)
    }

    /// Looks for secrets in a value, such as a tool's result, as every layer would.
    pub fn scan(&self, value: &serde_json::Value) -> Result<Scanned<LocatedFinding>, EngineError> {
        let mut all = Scanned::default();
        for engine in &self.engines {
            let scanned = engine.scan_value(value)?;
            for finding in scanned.findings {
                if !all.findings.contains(&finding) {
                    all.findings.push(finding);
                }
            }
            scanned.failures.into_iter().for_each(|failure| failure.note(&mut all.failures));
        }
        Ok(all)
    }

    fn scanned<'f>(
        &self,
        found: &'f mut [Option<Scanned<LocatedFinding>>],
        engine: usize,
        call: &ToolCall,
    ) -> Result<&'f Scanned<LocatedFinding>, CheckError> {
        const NOTHING: &Scanned<LocatedFinding> = &Scanned::nothing();
        let (Some(slot), Some(engine)) = (found.get_mut(engine), self.engines.get(engine)) else {
            return Ok(NOTHING);
        };
        if slot.is_none() {
            *slot = Some(engine.scan_value(&call.input)?);
        }
        Ok(slot.as_ref().unwrap_or(NOTHING))
    }
}

/// Replaces the best decision by a stricter one. Of two equally strict ones the first stays, but for a default action
/// that gives way to a rule.
fn keep_strictest(best: &mut Option<Decision>, mut decision: Decision) {
    match best {
        None => *best = Some(decision),
        Some(current) => {
            let stricter = decision.action > current.action
                || (decision.action == current.action
                    && current.rule.name == judge::DEFAULT_ACTION
                    && decision.rule.name != judge::DEFAULT_ACTION);
            let would = current.would.max(decision.would);
            if stricter {
                decision.would = would;
                *current = decision;
            } else {
                current.would = would;
            }
        }
    }
}

/// What the detectors say, in the words of the layer's `secrets` settings.
fn with_secrets(layer: &Layer<'_>, verdict: Decision, findings: &[LocatedFinding]) -> Decision {
    let Some(worst) = findings.iter().max_by_key(|found| found.finding.confidence) else { return verdict };
    let action = match worst.finding.confidence {
        Confidence::High => layer.secrets.parameters,
        Confidence::Medium => layer.secrets.parameters.min(Action::Alert),
        Confidence::Low => Action::Log.min(layer.secrets.parameters),
    };
    let reason = format!(
        "a secret ({}) is in the call's `{}`",
        worst.finding.detector,
        worst.pointer.trim_start_matches('/').escape_debug()
    );
    let mut decision = Decision::new(action, RuleRef::new(layer.kind.as_str(), "secrets", 0), reason);
    decision.suggestion = Some(
        "Refer to it by the name of an environment variable or a file instead of writing it out.".to_owned(),
    );
    if layer.monitor && action.stops() {
        decision.would = Some(action);
        decision.action = Action::Log;
    }
    let mut best = Some(verdict);
    keep_strictest(&mut best, decision.clone());
    best.unwrap_or(decision)
}

/// What a layer says of plugins that failed and that it does without.
fn with_failures(layer: &Layer<'_>, decision: Decision, failures: &[Failure]) -> Decision {
    let Some(alert) = plugins::alert(layer.kind.as_str(), failures) else { return decision };
    let mut best = Some(decision);
    keep_strictest(&mut best, alert.clone());
    best.unwrap_or(alert)
}

/// An `ask` that cannot reach a person becomes what the layer says.
fn reach_a_person(layer: &Layer<'_>, call: &ToolCall, mut decision: Decision) -> Decision {
    if decision.action != Action::Ask {
        return decision;
    }
    let bypass = matches!(call.mode, PermissionMode::BypassPermissions | PermissionMode::DontAsk);
    let fallback = match (call.headless, bypass) {
        (true, true) => layer.ask.headless.max(layer.ask.bypass),
        (true, false) => layer.ask.headless,
        (false, true) => layer.ask.bypass,
        (false, false) => return decision,
    };
    if fallback != Action::Ask {
        decision.action = fallback;
        decision.reason.push_str(if fallback == Action::Deny {
            "; it needs a person's approval and none can be asked here"
        } else {
            "; nobody could be asked, and the policy lets it pass"
        });
    }
    decision
}

fn undecidable(call: &ToolCall, why: &str) -> Decision {
    let alone =
        call.headless || matches!(call.mode, PermissionMode::BypassPermissions | PermissionMode::DontAsk);
    let mut decision = Decision::new(
        if alone { Action::Deny } else { Action::Ask },
        RuleRef::new(protection::LAYER, "undecidable-script", 0),
        format!("the script cannot be understood: {why}"),
    );
    decision.suggestion = Some("Split it into plain commands.".to_owned());
    decision
}
