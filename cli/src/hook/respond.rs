//! The answer to each event.

use std::path::{Path, PathBuf};

use agentfirewall_core::agents::{Answer, ConfigChange, Payload, Session, claude_code};
use agentfirewall_core::audit::EventType;
use agentfirewall_core::claude_settings;
use agentfirewall_core::history::LogHistory;
use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::places::Places;
use agentfirewall_core::protection::Protection;
use agentfirewall_core::secrets::{Scanned, mask_value};
use agentfirewall_core::tolerance::Failure;
use agentfirewall_sdk::{Action, Confidence, Decision, HookEvent, LocatedFinding, RuleRef, ToolCall};
use serde_json::{Value, json};

use super::record::{self, Recorder, failure};
use super::{Outcome, Refusal};

pub(super) fn answer(
    event: HookEvent,
    payload: Payload,
    places: &Places,
    interceptor: Interceptor<'_>,
) -> Result<Outcome, Refusal> {
    let recorder = Recorder::new(places, interceptor.layers())?;
    let interceptor = interceptor.with_history(LogHistory::new(recorder.log().to_owned()));
    let answered = answer_recorded(event, payload, places, interceptor, &recorder);
    let mut outcome = match answered {
        // What other failures come to plays no part: the policy says what a missing record does. After the call nothing
        // can be stopped.
        Err(refusal) if recorder.refuses() && event != HookEvent::PostToolUse => {
            return Ok(super::refused(event, &refusal));
        }
        answered => answered?,
    };
    outcome.prune = recorder.to_prune();
    if let Some(error) = recorder.unrecorded()
        && outcome.answer == claude_code::pass()
    {
        outcome.answer =
            claude_code::tell_person(&format!("agentfirewall let this pass without a record: {error}"));
    }
    Ok(outcome)
}

fn answer_recorded(
    event: HookEvent,
    payload: Payload,
    places: &Places,
    interceptor: Interceptor<'_>,
    recorder: &Recorder<'_>,
) -> Result<Outcome, Refusal> {
    match payload {
        Payload::Call(call) if event == HookEvent::PreToolUse => {
            before_call(&call, places, interceptor, recorder)
        }
        Payload::Call(call) => after_call(event, *call, &interceptor, recorder),
        Payload::Prompt(session, prompt) => prompted(&session, &prompt, &interceptor, recorder),
        Payload::SessionStart(session, source) => {
            recorder.session(EventType::SessionStart, &session, &[("source", &source)], None)?;
            Ok(claude_code::pass().into())
        }
        Payload::ConfigChange(session, change) => config_changed(&session, &change, places, recorder),
    }
}

fn before_call(
    call: &ToolCall,
    places: &Places,
    interceptor: Interceptor<'_>,
    recorder: &Recorder<'_>,
) -> Result<Outcome, Refusal> {
    let interceptor = interceptor.protecting(protection(places));
    let (mut decision, failed) = match interceptor.check(call) {
        Ok(decision) => (decision, false),
        // The failure is a decision too, and the log names who failed.
        Err(error) => (Decision::new(on_failure(&interceptor), failure(), error.to_string()), true),
    };
    recorder.mask(&interceptor, &mut decision)?;
    let recorded = if failed {
        let (call, findings) = recordable(&interceptor, call);
        decision.findings = findings;
        recorder.decision(&call, &decision)
    } else {
        recorder.decision(call, &decision)
    };
    let deliver = match recorded {
        Ok(deliver) => deliver,
        // A policy that lets calls pass when the firewall fails does not let pass what was judged and stopped.
        Err(Refusal(unrecorded)) if decision.action.stops() => {
            let reason = format!("{}; besides, {unrecorded}", explanation("Blocked", &decision));
            return Ok(claude_code::deny(HookEvent::PreToolUse, &reason).into());
        }
        Err(refusal) => return Err(refusal),
    };
    let answer = match decision.action {
        Action::Deny => claude_code::deny(HookEvent::PreToolUse, &explanation("Blocked", &decision)),
        Action::Ask => claude_code::ask(&explanation("Needs approval", &decision)),
        _ if failed => claude_code::tell_person(&format!("agentfirewall let this pass: {}", decision.reason)),
        _ if decision.approve => claude_code::approve(&explanation("Approved", &decision)),
        _ => claude_code::pass(),
    };
    Ok(Outcome { deliver, ..Outcome::from(answer) })
}

/// What a failure comes to.
fn on_failure(interceptor: &Interceptor<'_>) -> Action {
    if super::may_pass_on_error(interceptor.layers()) { Action::Alert } else { Action::Deny }
}

/// A call that was not judged to its end, as it may be recorded: with the secrets that are found after all, so that they
/// are masked, and without its parameters if nobody can look for them.
fn recordable(interceptor: &Interceptor<'_>, call: &ToolCall) -> (ToolCall, Vec<LocatedFinding>) {
    let mut call = call.clone();
    if let Ok(scanned) = interceptor.scan(&call.input) {
        return (call, scanned.findings);
    }
    call.input = json!({"omitted": "a detector failed, so nobody knows whether they hold secrets"});
    (call, Vec::new())
}

/// What the model and the person read.
fn explanation(verb: &str, decision: &Decision) -> String {
    let part = decision.part.as_ref().map(|part| format!(": `{part}`")).unwrap_or_default();
    let mut text = format!(
        "{verb} by agentfirewall: {}{part} (rule `{}`, {} policy)",
        decision.reason.trim_end_matches('.'),
        decision.rule.name,
        decision.rule.layer
    );
    if let Some(suggestion) = &decision.suggestion {
        text.push_str(". ");
        text.push_str(suggestion);
    }
    text
}

fn protection(places: &Places) -> Protection {
    let config = std::env::var_os("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    Protection::new(places, config.as_deref(), &[]).with_binaries(|| {
        let named = std::env::args_os().next().map(PathBuf::from).filter(|path| path.is_absolute());
        crate::host::files().into_iter().chain(named).collect()
    })
}

/// After a call nothing can be stopped; what can be done is to keep secrets in its result from the model.
fn after_call(
    event: HookEvent,
    mut call: ToolCall,
    interceptor: &Interceptor<'_>,
    recorder: &Recorder<'_>,
) -> Result<Outcome, Refusal> {
    let mut result = call.response.take().unwrap_or(Value::Null);
    let mut seen = match interceptor.scan(&result).map_err(Refusal::from) {
        Ok(seen) => seen,
        Err(refusal) => {
            recorder.result(event, &call, on_failure(interceptor), &refusal.0, &Scanned::nothing())?;
            return Err(refusal);
        }
    };
    seen.findings.retain(|found| found.finding.confidence >= Confidence::Medium);
    if seen.findings.is_empty() {
        let (action, reason) = match alerting(&seen.failures) {
            Some(failure) => {
                (Action::Alert, format!("the result was looked at without a plugin that failed: {failure}"))
            }
            None => (Action::Log, String::new()),
        };
        let deliver = recorder.result(event, &call, action, &reason, &seen)?;
        return Ok(Outcome { deliver, ..Outcome::from(claude_code::pass()) });
    }
    let mask = interceptor.layers().iter().any(|layer| layer.secrets.results_mask)
        && event == HookEvent::PostToolUse;
    let reason = if mask {
        "the result held secrets; they were masked before the model saw it"
    } else {
        "the result held secrets and the model saw them: treat them as leaked"
    };
    let deliver = recorder.result(event, &call, Action::Alert, reason, &seen)?;
    let answer = if mask {
        mask_value(&mut result, &seen.findings, &recorder.salt())?;
        claude_code::replace_result(result)
    } else {
        claude_code::tell_person(&format!("agentfirewall: {reason}"))
    };
    Ok(Outcome { deliver, ..Outcome::from(answer) })
}

/// The failure that makes a record an alert.
fn alerting(failures: &[Failure]) -> Option<&str> {
    failures.iter().find(|failure| failure.alerts).map(|failure| failure.message.as_str())
}

/// A result nobody could look at, replaced in its own shape so that the client takes the replacement.
pub(super) fn withheld(payload: Payload, refusal: &Refusal) -> Result<Outcome, Refusal> {
    let Payload::Call(mut call) = payload else { return Err(Refusal(refusal.0.clone())) };
    let mut result = call.response.take().unwrap_or(Value::Null);
    withhold(&mut result, &refusal.0);
    let mut answer = claude_code::replace_result(result);
    answer.stderr = format!("agentfirewall withheld the tool's result: {}", refusal.0);
    Ok(answer.into())
}

fn withhold(value: &mut Value, why: &str) {
    match value {
        Value::String(text) => *text = format!("[withheld by agentfirewall: {why}]"),
        Value::Array(items) => items.iter_mut().for_each(|item| withhold(item, why)),
        Value::Object(members) => members.values_mut().for_each(|member| withhold(member, why)),
        _ => {}
    }
}

fn prompted(
    session: &Session,
    prompt: &str,
    interceptor: &Interceptor<'_>,
    recorder: &Recorder<'_>,
) -> Result<Outcome, Refusal> {
    let scanned = interceptor.scan(&Value::String(prompt.to_owned())).map_err(Refusal::from);
    let Scanned { findings, failures } = match scanned {
        Ok(scanned) => scanned,
        Err(refusal) => {
            let decision = Decision::new(on_failure(interceptor), failure(), refusal.0.clone());
            recorder.session(EventType::UserPrompt, session, &[], Some(&decision))?;
            return Err(refusal);
        }
    };
    let certain = findings.iter().find(|found| found.finding.confidence == Confidence::High);
    let Some(certain) = certain else {
        let deliver = recorder.session(EventType::UserPrompt, session, &[], unseen(&failures).as_ref())?;
        return Ok(Outcome { deliver, ..Outcome::from(claude_code::pass()) });
    };
    let action = interceptor.layers().iter().map(|layer| layer.secrets.prompts).max().unwrap_or(Action::Deny);
    let mut decision = Decision::new(
        action,
        RuleRef::new("policy", "secrets", 0),
        format!("the prompt holds a secret ({})", certain.finding.detector),
    );
    decision.suggestion = Some(
        "Remove it, or let the policy say `secrets: {prompts: log}` if it is meant to be sent.".to_owned(),
    );
    decision.findings.clone_from(&findings);
    decision.plugin_failures = record::lines(&failures);
    if decision.action < Action::Alert && alerting(&failures).is_some() {
        decision.action = Action::Alert;
    }
    let deliver = recorder.session(EventType::UserPrompt, session, &[], Some(&decision))?;
    let answer: Answer = if action.stops() {
        claude_code::deny(HookEvent::UserPromptSubmit, &explanation("Blocked", &decision))
    } else {
        claude_code::pass()
    };
    Ok(Outcome { deliver, ..Outcome::from(answer) })
}

/// What is recorded of a prompt that was not looked at by every plugin.
fn unseen(failures: &[Failure]) -> Option<Decision> {
    let first = failures.first()?;
    let alerting = alerting(failures);
    let action = if alerting.is_some() { Action::Alert } else { Action::Log };
    let mut decision = Decision::new(
        action,
        RuleRef::new("policy", "plugins", 0),
        format!(
            "the prompt was looked at without a plugin that failed: {}",
            alerting.unwrap_or(first.message.as_str())
        ),
    );
    decision.plugin_failures = record::lines(failures);
    Some(decision)
}

fn config_changed(
    session: &Session,
    change: &ConfigChange,
    places: &Places,
    recorder: &Recorder<'_>,
) -> Result<Outcome, Refusal> {
    let config = std::env::var_os("CLAUDE_CONFIG_DIR").map(PathBuf::from);
    let binary = crate::host::program()?;
    // The client reads project settings from the folder it was started in, which need not be the project's root.
    let launch = std::env::var_os("CLAUDE_PROJECT_DIR").map_or_else(|| places.project.clone(), PathBuf::from);
    let files = claude_settings::SettingsFiles::read(&launch, &places.home, config.as_deref());
    let verdict =
        claude_settings::judge_config_change(change.file.as_deref(), &change.source, &files, &binary);
    let file = change.file.as_deref().map(Path::to_string_lossy).unwrap_or_default();
    let details = [("source", change.source.as_str()), ("file", file.as_ref())];
    match verdict {
        Ok(()) => {
            recorder.session(EventType::ConfigChange, session, &details, None)?;
            Ok(claude_code::pass().into())
        }
        Err(reason) => {
            let decision =
                Decision::new(Action::Deny, RuleRef::new("protection", "config-change", 0), reason);
            let deliver = recorder.session(EventType::ConfigChange, session, &details, Some(&decision))?;
            let answer = claude_code::deny(HookEvent::ConfigChange, &explanation("Blocked", &decision));
            Ok(Outcome { deliver, ..Outcome::from(answer) })
        }
    }
}

#[cfg(test)]
mod tests;
