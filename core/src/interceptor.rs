//! The judgement: every part of a call by every layer of the policy, its parameters by the detectors, and the
//! strictest of all answers.
//!
//! Nothing here depends on the order in which parts or layers are looked at, but for which of two equally strict
//! reasons is given.

mod judge;
mod matching;

use std::path::{Path, PathBuf};

use agentfirewall_sdk::{Action, Confidence, Decision, LocatedFinding, PermissionMode, RuleRef, ToolCall};

use crate::facts::{self, Roots};
use crate::policy::{Compiled, Layer, PolicyError};
use crate::protection::{self, Protection};
use crate::registry::Registry;
use crate::secrets::{DetectorSetting, Engine, EngineError};
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
    /// One engine for each layer that sets detectors, and one for all others.
    engines: Vec<Engine<'c>>,
    engine_of_layer: Vec<usize>,
    matchers: Matchers<'c>,
    protection: Option<Protection>,
    home: PathBuf,
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
        let mut engines = vec![Engine::new(registry, &[])?];
        let mut engine_of_layer = Vec::with_capacity(layers.len());
        for layer in &layers {
            if layer.detectors.is_empty() {
                engine_of_layer.push(0);
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
            engines.push(Engine::new(registry, &settings)?);
        }
        Ok(Self {
            layers,
            engines,
            engine_of_layer,
            matchers: Matchers::new(registry)?,
            protection: None,
            home: home.to_owned(),
        })
    }

    /// Adds the layer that protects the firewall's own files.
    pub fn protecting(mut self, protection: Protection) -> Self {
        self.protection = Some(protection);
        self
    }

    /// The layers, strictest source first.
    pub fn layers(&self) -> &[Layer<'c>] {
        &self.layers
    }

    /// The engines of all layers, the default one first.
    pub fn engines(&self) -> &[Engine<'c>] {
        &self.engines
    }

    /// Decides a call.
    ///
    /// # Errors
    ///
    /// A plugin that fails or a policy that cannot be read. The caller denies.
    pub fn check(&self, call: &ToolCall) -> Result<Decision, CheckError> {
        let roots = Roots { project: &call.project, home: &self.home };
        let facts = facts::of(call, &roots);
        let mut found: Vec<Option<Vec<LocatedFinding>>> = self.engines.iter().map(|_| None).collect();
        let mut best: Option<Decision> = None;
        let mut approvals = 0;
        let case = Case::new(call);
        for (layer, &engine) in self.layers.iter().zip(&self.engine_of_layer) {
            let findings = self.findings(&mut found, engine, call)?;
            let verdict = judge::layer(layer, &self.matchers, case, &facts)?;
            let approve = verdict.approve;
            let decision = with_secrets(layer, verdict.into_decision(layer, call), findings);
            let decision = reach_a_person(layer, call, decision);
            approvals += usize::from(approve && decision.action == Action::Allow && findings.is_empty());
            keep_strictest(&mut best, decision);
        }
        if let Some(why) = facts.undecidable {
            keep_strictest(&mut best, undecidable(call, why));
        }
        if let Some(protection) = &self.protection
            && let Some(decision) = protection.check(call, &facts, &roots)
        {
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
        for finding in found.into_iter().flatten().flatten() {
            if !decision.findings.contains(&finding) {
                decision.findings.push(finding);
            }
        }
        Ok(decision)
    }

    fn findings<'f>(
        &self,
        found: &'f mut [Option<Vec<LocatedFinding>>],
        engine: usize,
        call: &ToolCall,
    ) -> Result<&'f [LocatedFinding], CheckError> {
        let (Some(slot), Some(engine)) = (found.get_mut(engine), self.engines.get(engine)) else {
            return Ok(&[]);
        };
        if slot.is_none() {
            *slot = Some(engine.scan_value(&call.input)?);
        }
        Ok(slot.as_deref().unwrap_or(&[]))
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
