//! `agentfirewall check`: the neutral verb for scripts.

use agentfirewall_sdk::{Action, Decision, ToolCall};
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::call;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::hook::Recorder;
use crate::ui::{self, Ui};

pub(crate) fn run(args: CheckArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    let call = call::placed(call::given(&args.call)?, &places)?;
    let registry = composition::with_plugins(&places, &args.plugin)?;
    let compiled = composition::policy(args.policy.as_deref(), &places, &registry)?;
    let internal = |error: &dyn std::fmt::Display| Failure::new(Exit::Internal, error.to_string());
    let interceptor = composition::judge(&compiled, &registry, &places).map_err(|error| internal(&error))?;
    let mut decision = interceptor.check(&call).map_err(|error| internal(&error))?;
    let recorder = Recorder::new(&places, interceptor.layers())
        .map_err(|refusal| Failure::new(Exit::Io, refusal.to_string()))?;
    recorder.mask(&interceptor, &mut decision).map_err(|refusal| internal(&refusal))?;
    if args.record {
        recorder.decision(&call, &decision).map_err(|refusal| Failure::new(Exit::Io, refusal.to_string()))?;
    }
    if args.json {
        ui.line(report(&call, &decision).to_string());
    } else {
        say(ui, &decision, "");
    }
    Ok(exit(decision.action))
}

/// The exit code of an answer.
pub(super) const fn exit(action: Action) -> Exit {
    match action {
        Action::Deny => Exit::Deny,
        Action::Ask => Exit::Ask,
        _ => Exit::Success,
    }
}

/// Prints a decision, each line after a margin.
pub(super) fn say(ui: &Ui, decision: &Decision, margin: &str) {
    let style = ui::style_of(decision.action);
    let line = |text: String| ui.line(format!("{margin}{text}"));
    let part = decision.part.as_ref().map(|part| format!(": `{part}`")).unwrap_or_default();
    line(format!("{style}{}{style:#}: {}{part}", decision.action, decision.reason));
    let place = if decision.rule.line > 0 { format!(", line {}", decision.rule.line) } else { String::new() };
    line(format!("  rule `{}` of the {} policy{place}", decision.rule.name, decision.rule.layer));
    if let Some(suggestion) = decision.suggestion.as_ref().filter(|_| decision.action.stops()) {
        line(format!("  instead: {suggestion}"));
    }
    for failure in &decision.plugin_failures {
        line(format!("  judged without a plugin that failed: {failure}"));
    }
    if let Some(would) = decision.would {
        line(format!("  monitor mode: without it the answer would be {would}"));
    }
}

fn report(call: &ToolCall, decision: &Decision) -> Value {
    json!({
        "tool": call.tool,
        "action": decision.action,
        "reason": decision.reason,
        "part": decision.part,
        "suggestion": decision.suggestion,
        "rule": decision.rule,
        "findings": decision.findings,
        "would": decision.would,
        "plugins": decision.plugins,
        "plugin_failures": decision.plugin_failures,
        "approve": decision.approve,
    })
}
