//! `agentfirewall explain`: why a call is decided as it is.

mod text;

use agentfirewall_core::places::Places;
use agentfirewall_sdk::ToolCall;
use serde_json::json;

use crate::args::ExplainArgs;
use crate::call;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::hook::Recorder;
use crate::ui::Ui;

pub(crate) fn run(args: ExplainArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    let call = call::placed(given(&args, &places)?, &places)?;
    let registry = composition::with_plugins(&places, &args.plugin)?;
    let compiled = composition::policy(args.policy.as_deref(), &places, &registry)?;
    let internal = |error: &dyn std::fmt::Display| Failure::new(Exit::Internal, error.to_string());
    let interceptor = composition::judge(&compiled, &registry, &places).map_err(|error| internal(&error))?;
    let recorder = Recorder::new(&places, interceptor.layers())
        .map_err(|refusal| Failure::new(Exit::Io, refusal.to_string()))?;
    let explanation = interceptor
        .explain(&call)
        .map_err(|error| internal(&error))?
        .masked(&call, &interceptor, &recorder.salt())
        .map_err(|error| internal(&error))?;
    if args.json {
        let value = serde_json::to_value(&explanation).map_err(|error| internal(&error))?;
        ui.line(value.to_string());
    } else {
        text::print(&explanation, args.all, ui);
    }
    Ok(super::check::exit(explanation.decision.action))
}

/// The call of the arguments: a bare script, a payload of a hook, or what `check` takes.
fn given(args: &ExplainArgs, places: &Places) -> Result<ToolCall, Failure> {
    if args.hook.is_some() {
        return call::of_claude_code(&call::from_stdin()?, places);
    }
    match args.script.as_deref() {
        Some("-") => {
            let text = call::from_stdin()?;
            let is_payload = serde_json::from_str::<serde_json::Value>(&text)
                .is_ok_and(|value| value.get("hook_event_name").is_some());
            if is_payload { call::of_claude_code(&text, places) } else { call::from_json(&text) }
        }
        Some(script) => Ok(ToolCall::new("Bash", json!({"command": script}))),
        None => call::given(&args.call),
    }
}
