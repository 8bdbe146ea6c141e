//! Asking matcher plugins: made when first needed, kept, and never trusted to return.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, RwLock};

use agentfirewall_sdk::{Access, Factory, Kind, Matcher, PartKind, PluginError, Subject, ToolCall};

use super::CheckError;
use crate::facts::Part;
use crate::policy::{Condition, Patterns, Rule};
use crate::registry::Registry;

/// A configured matcher by the address of its configuration in the compiled policy and its id.
type Made = BTreeMap<(usize, &'static str), Arc<dyn Matcher>>;

/// The matchers of a policy, made when first needed.
pub(super) struct Matchers<'c> {
    registry: &'c Registry,
    patterns: &'static str,
    made: RwLock<Made>,
}

impl<'c> Matchers<'c> {
    pub(super) fn new(registry: &'c Registry) -> Result<Self, CheckError> {
        Ok(Self { registry, patterns: registry.patterns()?.meta.id, made: RwLock::default() })
    }

    fn get(&self, id: &str, config: &str) -> Result<(&'static str, Arc<dyn Matcher>), CheckError> {
        let failed = |message: String| CheckError::Matcher { id: id.to_owned(), message };
        let registration = self
            .registry
            .find(Kind::Matcher, id)
            .ok_or_else(|| failed("is named by the policy and not linked into this binary".to_owned()))?;
        // The configuration lives as long as the compiled policy, so its address is its name.
        let key = (config.as_ptr() as usize, registration.meta.id);
        if let Ok(made) = self.made.read()
            && let Some(matcher) = made.get(&key)
        {
            return Ok((registration.meta.id, Arc::clone(matcher)));
        }
        let Factory::Matcher { build, .. } = registration.factory else {
            return Err(failed("is no matcher".to_owned()));
        };
        let matcher: Arc<dyn Matcher> = Arc::from(
            guarded(|| build(config)).map_err(|message| failed(format!("cannot be made: {message}")))?,
        );
        if let Ok(mut made) = self.made.write() {
            made.insert(key, Arc::clone(&matcher));
        }
        Ok((registration.meta.id, matcher))
    }

    fn ask(&self, id: &str, config: &str, subject: &Subject<'_>) -> Result<bool, CheckError> {
        let (id, matcher) = self.get(id, config)?;
        guarded(|| matcher.matches(subject))
            .map_err(|message| CheckError::Matcher { id: id.to_owned(), message })
    }

    /// Whether one of the call's names matches a rule's `tools`.
    pub(super) fn tools(&self, tools: Patterns<'_>, call: &ToolCall) -> Result<bool, CheckError> {
        let Patterns::Of(config) = tools else { return Ok(true) };
        for name in call.names() {
            if self.ask(self.patterns, config, &Subject::new(call, PartKind::Tool, name, Access::Unknown))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a part matches a rule's `resources`: for a restrictive rule any spelling of any reading, for a
    /// permissive one a spelling of every reading.
    pub(super) fn resources(
        &self,
        resources: Patterns<'_>,
        part: &Part,
        call: &ToolCall,
        permissive: bool,
    ) -> Result<bool, CheckError> {
        let Patterns::Of(config) = resources else { return Ok(true) };
        if permissive && !part.understood {
            return Ok(false);
        }
        every_reading(part, permissive, |text| {
            self.ask(self.patterns, config, &Subject::new(call, part.kind, text, part.access))
        })
    }

    /// Whether a part satisfies a rule's `match`.
    pub(super) fn condition(
        &self,
        condition: &Condition<'_>,
        part: &Part,
        call: &ToolCall,
        permissive: bool,
    ) -> Result<bool, CheckError> {
        every_reading(part, permissive, |text| {
            self.holds(condition, &Subject::new(call, part.kind, text, part.access))
        })
    }

    /// Whether a rule is about everything its tools touch: it matches a text that nothing ever is. A restrictive rule of
    /// that kind is answered by the primary parts; asked about mentions too, `allow git *` before `deny *` would deny
    /// `git add file`.
    pub(super) fn is_universal(&self, rule: &Rule<'_>, call: &ToolCall) -> Result<bool, CheckError> {
        let subject = Subject::new(call, PartKind::Call, "\u{1}nothing\u{1}", Access::Unknown);
        let any = match rule.resources {
            Patterns::Any => true,
            Patterns::Of(config) => self.ask(self.patterns, config, &subject)?,
        };
        Ok(any
            && match &rule.condition {
                None => true,
                Some(condition) => self.holds(condition, &subject)?,
            })
    }

    fn holds(&self, condition: &Condition<'_>, subject: &Subject<'_>) -> Result<bool, CheckError> {
        Ok(match condition {
            Condition::All(all) => {
                for condition in all {
                    if !self.holds(condition, subject)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Any(any) => {
                for condition in any {
                    if self.holds(condition, subject)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::Not(inner) => !self.holds(inner, subject)?,
            Condition::Matcher { id, config } => self.ask(id, config, subject)?,
        })
    }
}

fn every_reading(
    part: &Part,
    permissive: bool,
    mut matches: impl FnMut(&str) -> Result<bool, CheckError>,
) -> Result<bool, CheckError> {
    for reading in &part.readings {
        let mut hit = false;
        for spelling in reading {
            if matches(spelling)? {
                hit = true;
                break;
            }
        }
        if hit != permissive {
            return Ok(hit);
        }
    }
    if permissive {
        return Ok(!part.readings.is_empty());
    }
    for hint in &part.hints {
        if matches(hint)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs foreign code. A panic is an error with the panic's message in one line.
fn guarded<T>(run: impl FnOnce() -> Result<T, PluginError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(format!("failed: {error}")),
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "without a message".to_owned());
            // Dropping a foreign payload runs foreign code again.
            std::mem::forget(payload);
            Err(format!("panicked: {}", message.replace(['\n', '\r'], " ")))
        }
    }
}
