//! One layer's verdict: each part by the first rule that matches it, the call by the strictest part.

use agentfirewall_sdk::{Action, Decision, PartKind, RuleRef, ToolCall};

use super::CheckError;
use super::explain::{Answer, Asked, LayerTrace, note};
use super::matching::{Case, Held, Matchers};
use crate::facts::{Facts, Part, Weight};
use crate::policy::{Layer, Rule};

/// What stands for a rule's name where none matched.
pub(super) const DEFAULT_ACTION: &str = "default_action";

/// The strictest answer of a layer.
pub(super) struct Verdict<'l> {
    action: Action,
    rule: Option<Rule<'l>>,
    /// The text of the part that decided, where the call has more than one.
    part: Option<String>,
    /// The strictest answer that monitor mode held back.
    would: Option<Action>,
    /// Whether every primary part was matched by a rule with `approve`.
    pub(super) approve: bool,
}

/// Judges a call by one layer. Notes what it asked and heard, if somebody wants to know.
pub(super) fn layer<'l>(
    layer: &'l Layer<'_>,
    matchers: &Matchers<'_>,
    case: Case<'_>,
    facts: &Facts,
    mut trace: Option<&mut LayerTrace>,
) -> Result<Verdict<'l>, CheckError> {
    let rules = Candidates::gather(layer, matchers, case, facts, trace.as_deref_mut())?;
    let mut verdict = Verdict { action: Action::Allow, rule: None, part: None, would: None, approve: true };
    let mut judged = false;
    // The place of the last rule that a primary part was judged by: a composite is its parts, so a rule that comes
    // after all of theirs has no say in it.
    let mut last = 0;
    let (primary, mentions): (Vec<&Part>, Vec<&Part>) =
        facts.parts.iter().partition(|part| part.weight == Weight::Primary);
    for part in primary.into_iter().chain(mentions) {
        let limit = if part.kind == PartKind::Script { last } else { usize::MAX };
        let mut asked = Vec::new();
        let noted = trace.is_some().then_some(&mut asked);
        let Match { rule: matched, settles, would } =
            rules.first_match(part, limit, matchers, case, noted)?;
        verdict.would = verdict.would.max(would);
        let falls = part.weight == Weight::Primary && !settles;
        let outcome = match matched {
            Some((_, rule)) if falls && rule.action < layer.default_action => {
                Some((None, layer.default_action))
            }
            Some((_, rule)) => Some((matched, rule.action)),
            None if falls => Some((None, layer.default_action)),
            None => None,
        };
        if let Some(trace) = trace.as_deref_mut() {
            let rule = outcome.and_then(|(matched, _)| matched).map(|(_, rule)| rule);
            trace.part(part, asked, rule, outcome.map(|(_, action)| action));
        }
        let Some((matched, action)) = outcome else { continue };
        if part.weight == Weight::Primary {
            last = last.max(matched.map_or(usize::MAX, |(place, _)| place));
            verdict.approve &= matched.is_some_and(|(_, rule)| rule.approve);
        }
        // A default action gives way to a rule that says the same, so that the reason is the author's.
        let replaces = !judged
            || action > verdict.action
            || (action == verdict.action && verdict.rule.is_none() && matched.is_some());
        if replaces {
            judged = true;
            if let Some(trace) = trace.as_deref_mut() {
                trace.decides();
            }
            verdict.action = action;
            verdict.rule = matched.map(|(_, rule)| rule.clone());
            let spelling = || part.readings.first().and_then(|reading| reading.first()).cloned();
            verdict.part = part.shown.clone().or_else(spelling);
        }
    }
    verdict.approve &= judged;
    if facts.parts.len() < 2 {
        verdict.part = None;
    }
    if layer.monitor && verdict.action.stops() {
        verdict.would = verdict.would.max(Some(verdict.action));
        verdict.action = Action::Log;
    }
    Ok(verdict)
}

/// The rules that can match the call at all, decoded once.
struct Candidates<'l> {
    rules: Vec<Candidate<'l>>,
}

struct Candidate<'l> {
    rule: Rule<'l>,
    /// Whether it is about everything its tools touch. Looked at only for mentions, so false without any.
    universal: bool,
}

/// What the rules say of one part.
struct Match<'r, 'l> {
    /// The strictest of the rules that judge it, and its place in the order of the policy.
    rule: Option<(usize, &'r Rule<'l>)>,
    /// Whether one of them is about every reading of the part, so that it does not fall to the default action.
    settles: bool,
    /// The strictest answer of the monitored rules before.
    would: Option<Action>,
}

impl<'l> Candidates<'l> {
    fn gather(
        layer: &'l Layer<'_>,
        matchers: &Matchers<'_>,
        case: Case<'_>,
        facts: &Facts,
        mut trace: Option<&mut LayerTrace>,
    ) -> Result<Self, CheckError> {
        let names: Vec<&str> = case.call.names().collect();
        let texts: Vec<&str> = facts
            .parts
            .iter()
            .flat_map(|part| part.readings.iter().flatten().chain(&part.hints))
            .map(String::as_str)
            .collect();
        let mut ids = Vec::new();
        layer.candidates(&names, &texts, &mut ids);
        let mentions = facts.parts.iter().any(|part| part.weight == Weight::Mention);
        let mut rules = Vec::with_capacity(ids.len());
        for id in ids {
            let rule = layer.rule(id)?;
            if matchers.tools(rule.tools, case)? {
                let universal = mentions && matchers.is_universal(&rule, case)?;
                rules.push(Candidate { rule, universal });
            } else if let Some(trace) = trace.as_deref_mut() {
                trace.other_tools(&rule);
            }
        }
        Ok(Self { rules })
    }

    /// The first rule before `limit` that matches a part.
    ///
    /// An `alert` or `ask` that hits one reading of several (the link, not the file behind it; one string of an MCP
    /// call) tightens, and the search goes on: it must not let the other readings past a `deny` that comes later, which
    /// an `allow` in its place would not do either.
    fn first_match(
        &self,
        part: &Part,
        limit: usize,
        matchers: &Matchers<'_>,
        case: Case<'_>,
        mut asked: Option<&mut Vec<Asked>>,
    ) -> Result<Match<'_, 'l>, CheckError> {
        let mut would = None;
        let mut partial: Option<(usize, &Rule<'l>)> = None;
        for (place, Candidate { rule, universal }) in self.rules.iter().enumerate().take(limit) {
            let permissive = rule.action.is_permissive();
            if part.weight == Weight::Mention {
                match (permissive, universal) {
                    // What a rule says of an effect by its name is about this very thing.
                    _ if part.kind == PartKind::Effect && rule.effects.is_some() => {}
                    // Everything passes from here on.
                    (true, true) => {
                        note(&mut asked, rule, Answer::EndsMentions);
                        break;
                    }
                    // A permissive pattern says nothing about a composite, and a rule about everything was asked
                    // about the primary parts.
                    (true, false) | (false, true) => {
                        note(&mut asked, rule, Answer::NotForMentions);
                        continue;
                    }
                    (false, false) => {}
                }
            }
            if !matchers.resources(rule, part, case, permissive)? {
                let unclear = permissive && !part.understood;
                note(&mut asked, rule, if unclear { Answer::NotUnderstood } else { Answer::Resources });
                continue;
            }
            if let Some(condition) = &rule.condition {
                let held = matchers.condition(condition, part, case, permissive)?;
                if held != Held::Yes {
                    note(&mut asked, rule, unheld(held));
                    continue;
                }
            }
            if rule.monitor && rule.action.stops() {
                note(&mut asked, rule, Answer::Monitored);
                // Monitored: as if it were not there, but for what is recorded.
                would = would.max(Some(rule.action));
                continue;
            }
            let lets_pass_or_asks = !permissive && rule.action < Action::Deny;
            if lets_pass_or_asks {
                match whole(rule, part, matchers, case)? {
                    Held::Yes => {}
                    Held::No => {
                        note(&mut asked, rule, Answer::MatchesPartly);
                        if partial.is_none_or(|(_, kept)| rule.action > kept.action) {
                            partial = Some((place, rule));
                        }
                        continue;
                    }
                    Held::Absent => {
                        note(&mut asked, rule, Answer::PluginFailed);
                        continue;
                    }
                }
            }
            note(&mut asked, rule, Answer::Matches);
            let stricter = partial.filter(|(_, kept)| kept.action > rule.action);
            return Ok(Match { rule: stricter.or(Some((place, rule))), settles: true, would });
        }
        Ok(Match { rule: partial, settles: false, would })
    }
}

/// Why a rule does not match whose condition does not hold.
fn unheld(held: Held) -> Answer {
    if held == Held::Absent { Answer::PluginFailed } else { Answer::Match }
}

/// Whether a rule is about every reading of a part.
fn whole(rule: &Rule<'_>, part: &Part, matchers: &Matchers<'_>, case: Case<'_>) -> Result<Held, CheckError> {
    if !matchers.resources(rule, part, case, true)? {
        return Ok(Held::No);
    }
    match &rule.condition {
        None => Ok(Held::Yes),
        Some(condition) => matchers.condition(condition, part, case, true),
    }
}

impl Verdict<'_> {
    /// The verdict as the call's decision, with a reason a person or a model can act on.
    pub(super) fn into_decision(self, layer: &Layer<'_>, call: &ToolCall) -> Decision {
        let source = layer.kind.as_str();
        // The line of a rule of a pack is no line of the policy's file.
        let line = |rule: &Rule<'_>| if rule.pack.is_empty() { rule.line } else { 0 };
        let (name, line) = self.rule.as_ref().map_or((DEFAULT_ACTION, 0), |rule| (rule.name, line(rule)));
        let reason = match &self.rule {
            Some(rule) if !rule.reason.is_empty() => rule.reason.to_owned(),
            Some(rule) => format!("rule `{}` of the {source} policy says {}", rule.name, rule.action),
            // What most calls are told; put together without the machinery of formats, which a hook touches for nothing else.
            None => ["no rule of the ", source, " policy is about this ", &call.tool, " call"].concat(),
        };
        let mut decision = Decision::new(self.action, RuleRef::new(source, name, line), reason);
        decision.part = self.part.filter(|_| self.action > Action::Log).map(|part| one_line(&part));
        decision.suggestion = self.rule.as_ref().and_then(|rule| rule.suggest).map(str::to_owned);
        decision.would = self.would.filter(|would| *would > self.action);
        decision
    }
}

/// A part on one line. It is whole, so that what has to be masked in it can be found; see [`shortened`].
fn one_line(part: &str) -> String {
    part.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The beginning of a decision's part, for people. Only after it was masked: half a secret is none that a detector knows.
pub fn shortened(part: &str) -> String {
    const LONGEST: usize = 120;
    let mut text: String = part.chars().take(LONGEST).collect();
    if part.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}
