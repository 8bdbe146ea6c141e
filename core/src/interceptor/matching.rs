//! Asking matcher plugins: made when first needed, kept, and never trusted to return.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use agentfirewall_sdk::{Access, History, Kind, Matcher, PartKind, Subject, ToolCall};

use super::CheckError;
use crate::facts::Part;
use crate::guard::guarded;
use crate::policy::{Condition, Patterns, Rule};
use crate::registry::{Entry, Registry};
use crate::tolerance::{Failure, OnFailure, PluginSetting};

/// A call as a layer judges it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) call: &'a ToolCall,
    /// Unique in the process, so that a matcher can keep what it made of the call.
    number: u64,
    /// What the layer makes of installed plugins.
    plugins: &'a [PluginSetting<'a>],
    /// The failures it tolerates.
    failures: &'a RefCell<Vec<Failure>>,
    /// The calls before this one, where they are known.
    history: Option<&'a dyn History>,
}

/// The number of the next call.
pub(super) fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Yes,
    No,
    /// A matcher it asked failed, and the layer goes on as if neither the matcher nor the rule were there.
    Absent,
}

/// Why a condition has no answer.
enum Unanswered {
    Refused(CheckError),
    Absent,
}

impl From<CheckError> for Unanswered {
    fn from(error: CheckError) -> Self {
        Self::Refused(error)
    }
}

impl<'a> Case<'a> {
    pub(super) const fn new(
        call: &'a ToolCall,
        number: u64,
        plugins: &'a [PluginSetting<'a>],
        failures: &'a RefCell<Vec<Failure>>,
    ) -> Self {
        Self { call, number, plugins, failures, history: None }
    }

    /// The same case with the calls before.
    pub(super) const fn with_history(mut self, history: Option<&'a dyn History>) -> Self {
        self.history = history;
        self
    }

    /// Goes on without a matcher that failed, if the layer says so.
    fn unanswered(&self, entry: &Entry, error: CheckError) -> Unanswered {
        let name = entry.library().map(|library| library.plugin.name);
        let setting = self.plugins.iter().find(|plugin| Some(plugin.name) == name);
        let on_error = setting.map_or(OnFailure::Deny, |plugin| plugin.on_error);
        match error {
            CheckError::Matcher { plugin, message } if on_error != OnFailure::Deny => {
                Failure::new(&format!("{plugin} {message}"), on_error).note(&mut self.failures.borrow_mut());
                Unanswered::Absent
            }
            error => Unanswered::Refused(error),
        }
    }

    fn subject(&self, kind: PartKind, text: &'a str, access: Access) -> Subject<'a> {
        Subject::new(self.call, kind, text, access).numbered(self.number).with_history(self.history)
    }
}

/// A configured matcher by the addresses of its configuration in the compiled policy and of its entry.
type Made = BTreeMap<(usize, usize), Arc<dyn Matcher>>;

/// The matchers of a policy, made when first needed.
pub(super) struct Matchers<'c> {
    pub(super) registry: &'c Registry,
    patterns: &'c Entry,
    made: RwLock<Made>,
}

impl<'c> Matchers<'c> {
    pub(super) fn new(registry: &'c Registry) -> Result<Self, CheckError> {
        Ok(Self { registry, patterns: registry.patterns()?, made: RwLock::default() })
    }

    fn get(&self, entry: &Entry, config: &str) -> Result<Arc<dyn Matcher>, CheckError> {
        // The configuration lives as long as the compiled policy and the entry as long as the registry, so their
        // addresses are their names.
        let key = (config.as_ptr() as usize, std::ptr::from_ref(entry) as usize);
        if let Ok(made) = self.made.read()
            && let Some(matcher) = made.get(&key)
        {
            return Ok(Arc::clone(matcher));
        }
        let matcher: Arc<dyn Matcher> =
            guarded(|| entry.matcher(config).map(Arc::from)).map_err(|fault| CheckError::Matcher {
                plugin: entry.label(),
                message: format!("cannot be used: it {fault}"),
            })?;
        if let Ok(mut made) = self.made.write() {
            made.insert(key, Arc::clone(&matcher));
        }
        Ok(matcher)
    }

    fn ask(&self, entry: &Entry, config: &str, subject: &Subject<'_>) -> Result<bool, CheckError> {
        let matcher = self.get(entry, config)?;
        guarded(|| matcher.matches(subject)).map_err(|fault| {
            let judged = [subject.text, &subject.call.input.to_string()];
            CheckError::Matcher { plugin: entry.label(), message: fault.tellable(&judged).to_string() }
        })
    }

    fn named(&self, id: &str) -> Result<Entry, CheckError> {
        self.registry.find(Kind::Matcher, id).ok_or_else(|| CheckError::Matcher {
            plugin: format!("matcher `{id}`"),
            message: "is named by the policy and not there".to_owned(),
        })
    }

    /// Whether one of the call's names matches a rule's `tools`.
    pub(super) fn tools(&self, tools: Patterns<'_>, case: Case<'_>) -> Result<bool, CheckError> {
        let Patterns::Of(config) = tools else { return Ok(true) };
        for name in case.call.names() {
            if self.ask(self.patterns, config, &case.subject(PartKind::Tool, name, Access::Unknown))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a part matches a rule's `resources`: for a restrictive rule any spelling of any reading, for a
    /// permissive one a spelling of every reading.
    pub(super) fn resources(
        &self,
        rule: &Rule<'_>,
        part: &Part,
        case: Case<'_>,
        permissive: bool,
    ) -> Result<bool, CheckError> {
        if let Some(effects) = rule.effects {
            if part.kind != PartKind::Effect {
                return Ok(false);
            }
            return every_reading(part, permissive, |text| {
                self.ask(self.patterns, effects, &case.subject(part.kind, text, part.access))
            });
        }
        let resources = rule.resources;
        // An effect is what a call does, not what it names: patterns of names say nothing about it.
        if part.kind == PartKind::Effect && !matches!(resources, Patterns::Any) {
            return Ok(false);
        }
        let Patterns::Of(config) = resources else { return Ok(true) };
        if permissive && !part.understood {
            return Ok(false);
        }
        every_reading(part, permissive, |text| {
            let subject = case.subject(part.kind, text, part.access).with_fact(part.fact.as_ref());
            self.ask(self.patterns, config, &subject)
        })
    }

    /// Whether a part satisfies a rule's `match`.
    pub(super) fn condition(
        &self,
        condition: &Condition<'_>,
        part: &Part,
        case: Case<'_>,
        permissive: bool,
    ) -> Result<Held, CheckError> {
        held(every_reading(part, permissive, |text| {
            let subject = case.subject(part.kind, text, part.access).with_fact(part.fact.as_ref());
            self.holds(condition, &subject, case)
        }))
    }

    /// Whether a rule is about everything its tools touch: it matches a text that nothing ever is. A restrictive rule of
    /// that kind is answered by the primary parts; asked about mentions too, `allow git *` before `deny *` would deny
    /// `git add file`.
    pub(super) fn is_universal(&self, rule: &Rule<'_>, case: Case<'_>) -> Result<bool, CheckError> {
        if rule.effects.is_some() {
            return Ok(false);
        }
        let subject = case.subject(PartKind::Call, "\u{1}nothing\u{1}", Access::Unknown);
        let any = match rule.resources {
            Patterns::Any => true,
            Patterns::Of(config) => self.ask(self.patterns, config, &subject)?,
        };
        Ok(any
            && match &rule.condition {
                None => true,
                Some(condition) => held(self.holds(condition, &subject, case))? == Held::Yes,
            })
    }

    fn holds(
        &self,
        condition: &Condition<'_>,
        subject: &Subject<'_>,
        case: Case<'_>,
    ) -> Result<bool, Unanswered> {
        Ok(match condition {
            Condition::All(all) => {
                for condition in all {
                    if !self.holds(condition, subject, case)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Any(any) => {
                for condition in any {
                    if self.holds(condition, subject, case)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::Not(inner) => !self.holds(inner, subject, case)?,
            Condition::Matcher { id, config } => {
                let entry = self.named(id)?;
                self.ask(&entry, config, subject).map_err(|error| case.unanswered(&entry, error))?
            }
        })
    }
}

fn held(answer: Result<bool, Unanswered>) -> Result<Held, CheckError> {
    match answer {
        Ok(true) => Ok(Held::Yes),
        Ok(false) => Ok(Held::No),
        Err(Unanswered::Absent) => Ok(Held::Absent),
        Err(Unanswered::Refused(error)) => Err(error),
    }
}

fn every_reading<E>(
    part: &Part,
    permissive: bool,
    mut matches: impl FnMut(&str) -> Result<bool, E>,
) -> Result<bool, E> {
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
