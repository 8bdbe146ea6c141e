//! `agentfirewall check`: the neutral verb for scripts.

use std::io::Read;
use std::path::PathBuf;

use agentfirewall_core::history::LogHistory;
use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::protection::Protection;
use agentfirewall_sdk::{Action, Decision, ToolCall};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::CheckArgs;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::hook::Recorder;
use crate::ui::{self, Ui};

/// The longest call that is read, in bytes; as for the hook.
const MAX_INPUT: u64 = 32 * 1024 * 1024;

pub(crate) fn run(args: CheckArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    let mut call = call(&args)?;
    call.project.clone_from(&places.project);
    if call.cwd.as_os_str().is_empty() {
        call.cwd = std::env::current_dir().map_err(|error| Failure::io("the working folder", &error))?;
    }
    let registry = composition::with_plugins(&places, &args.plugin)?;
    let compiled = composition::policy(args.policy.as_deref(), &places, &registry)?;
    let internal = |error: &dyn std::fmt::Display| Failure::new(Exit::Internal, error.to_string());
    let binary: Vec<PathBuf> = std::env::current_exe().into_iter().collect();
    let interceptor = Interceptor::new(&compiled, &registry, &places.home)
        .map_err(|error| internal(&error))?
        .protecting(Protection::new(&places, None, &binary))
        .with_history(Box::new(LogHistory::new(places.audit_log())));
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
        say(ui, &decision);
    }
    Ok(match decision.action {
        Action::Deny => Exit::Deny,
        Action::Ask => Exit::Ask,
        _ => Exit::Success,
    })
}

fn say(ui: &Ui, decision: &Decision) {
    let style = ui::style_of(decision.action);
    let part = decision.part.as_ref().map(|part| format!(": `{part}`")).unwrap_or_default();
    ui.line(format!("{style}{}{style:#}: {}{part}", decision.action, decision.reason));
    let place = if decision.rule.line > 0 { format!(", line {}", decision.rule.line) } else { String::new() };
    ui.line(format!("  rule `{}` of the {} policy{place}", decision.rule.name, decision.rule.layer));
    if let Some(suggestion) = decision.suggestion.as_ref().filter(|_| decision.action.stops()) {
        ui.line(format!("  instead: {suggestion}"));
    }
    for failure in &decision.plugin_failures {
        ui.line(format!("  judged without a plugin that failed: {failure}"));
    }
    if let Some(would) = decision.would {
        ui.line(format!("  monitor mode: without it the answer would be {would}"));
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

/// A call on standard input: `{"tool": ..., "input": {...}}`, or the payload of a hook.
#[derive(Deserialize)]
struct Given {
    #[serde(alias = "tool_name")]
    tool: String,
    #[serde(alias = "tool_input", alias = "parameters", default)]
    input: Value,
    #[serde(default)]
    cwd: PathBuf,
    #[serde(default, alias = "session_id")]
    session: String,
    #[serde(default, alias = "tool_use_id")]
    call_id: String,
    #[serde(default)]
    headless: bool,
}

fn call(args: &CheckArgs) -> Result<ToolCall, Failure> {
    let usage = |message: &str| {
        Failure::new(Exit::Usage, message)
            .help("for example: agentfirewall check --tool Bash --command 'rm -rf build'")
    };
    let Some(tool) = &args.tool else {
        if args.command.is_some() || args.path.is_some() || args.input.is_some() {
            return Err(usage("`--tool` is missing"));
        }
        return from_stdin();
    };
    let input = match (&args.input, &args.command, &args.path) {
        (Some(text), _, _) => {
            serde_json::from_str(text).map_err(|error| usage(&format!("`--input` is not JSON: {error}")))?
        }
        (None, Some(command), _) => json!({"command": command}),
        (None, None, Some(path)) => match tool.as_str() {
            "NotebookEdit" => json!({"notebook_path": path}),
            "Glob" | "Grep" => json!({"path": path, "pattern": ""}),
            _ => json!({"file_path": path}),
        },
        (None, None, None) => json!({}),
    };
    if !input.is_object() {
        return Err(usage("`--input` is not a JSON object"));
    }
    Ok(ToolCall::new(tool.as_str(), input))
}

fn from_stdin() -> Result<ToolCall, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MAX_INPUT)
        .read_to_string(&mut text)
        .map_err(|error| Failure::io("standard input", &error))?;
    let given: Given = serde_json::from_str(&text).map_err(|error| {
        Failure::new(Exit::Usage, format!("standard input is no call: {error}"))
            .help("give {\"tool\": \"Bash\", \"input\": {\"command\": \"ls\"}}, or flags such as --tool and --command")
    })?;
    let input = if given.input.is_null() { json!({}) } else { given.input };
    if !input.is_object() {
        return Err(Failure::new(Exit::Usage, "the call's `input` is not a JSON object"));
    }
    let mut call = ToolCall::new(given.tool, input);
    call.cwd = given.cwd;
    call.session = given.session;
    call.call_id = given.call_id;
    call.headless = given.headless;
    Ok(call)
}
