//! The hook: one payload in, one answer out, and never an open door.
//!
//! This path is dispatched before the command line is parsed and shares nothing with the human commands. Whatever goes
//! wrong on it (arguments, payload, policy, plugin, log, a panic) is an answer with exit code 2 and one line of reason.

mod record;
mod respond;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use agentfirewall_core::agents::claude_code::{self, MAX_PAYLOAD};
use agentfirewall_core::agents::{Answer, Payload, Surroundings};
use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, Layer, LayerKind, OnError};
use agentfirewall_core::registry::Registry;
use agentfirewall_sdk::HookEvent;

pub(crate) use record::Recorder;

/// Why the hook cannot decide: one line for a person and the model.
#[derive(Debug)]
pub(crate) struct Refusal(String);

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// What the hook leaves behind: its answer, and whether a sink wants to hear of it.
struct Outcome {
    answer: Answer,
    deliver: Option<PathBuf>,
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self { answer, deliver: None }
    }
}

/// Answers the hook named by the arguments after `hook`.
pub(crate) fn run(arguments: &[OsString]) -> u8 {
    // The default hook would print the panic's message, which may hold part of what is judged.
    std::panic::set_hook(Box::new(|_| {}));
    let named = match arguments {
        [event] => event.to_str().and_then(claude_code::event),
        _ => None,
    };
    let outcome = match named {
        Some(event) => catch_unwind(|| decide(event)).unwrap_or_else(|payload| {
            std::mem::forget(payload);
            refuse(
                event,
                "the firewall failed (a panic); please report it with `agentfirewall doctor --json`",
            )
            .into()
        }),
        None => refuse(
            HookEvent::PreToolUse,
            &format!("`agentfirewall hook` takes one event, one of {}", events()),
        )
        .into(),
    };
    let code = say(&outcome.answer);
    if let Some(log) = outcome.deliver {
        start_delivery(&log);
    }
    code
}

fn events() -> String {
    HookEvent::ALL.map(HookEvent::as_argument).join(", ")
}

fn refuse(event: HookEvent, reason: &str) -> Answer {
    claude_code::deny(event, &format!("agentfirewall: {reason}"))
}

/// Prints the answer. An answer that cannot be printed is a deny by exit code.
fn say(answer: &Answer) -> u8 {
    let mut code = answer.code;
    if !answer.stdout.is_empty() {
        let mut out = std::io::stdout().lock();
        if out.write_all(answer.stdout.as_bytes()).and_then(|()| out.flush()).is_err() {
            code = 2;
        }
    }
    if !answer.stderr.is_empty() {
        let mut error = std::io::stderr().lock();
        // The exit code says it too.
        let _closed = writeln!(error, "{}", answer.stderr);
    }
    code
}

fn decide(event: HookEvent) -> Outcome {
    match try_decide(event) {
        Ok(outcome) => outcome,
        Err(Refusal(reason)) => refuse(event, &reason).into(),
    }
}

fn try_decide(event: HookEvent) -> Result<Outcome, Refusal> {
    let mut bytes = Vec::with_capacity(4 * 1024);
    let read = std::io::stdin().lock().take(MAX_PAYLOAD as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Refusal(format!("the hook's payload cannot be read: {error}")))?;
    if bytes.len() > MAX_PAYLOAD {
        return Err(Refusal(format!("the hook's payload is longer than {} MiB", MAX_PAYLOAD / 1024 / 1024)));
    }
    let environment = |name: &str| std::env::var_os(name);
    let working_folder = std::env::current_dir()
        .map_err(|error| Refusal(format!("the working folder cannot be used: {error}")))?;
    let places = Places::discover(&environment, &working_folder);
    let around =
        Surroundings { project: places.project.clone(), headless: claude_code::is_headless(&environment) };
    let payload = claude_code::parse(event, &bytes, &around)?;
    judge(event, payload, &places).or_else(|refusal| {
        if event != HookEvent::PostToolUse {
            return Err(refusal);
        }
        // The tool has run, and its result goes to the model unless the answer replaces it: what nobody could look at
        // is withheld.
        respond::withheld(claude_code::parse(event, &bytes, &around)?, &refusal)
    })
}

fn judge(event: HookEvent, payload: Payload, places: &Places) -> Result<Outcome, Refusal> {
    let registry = Registry::from_linked()?;
    let compiled = policy::load(places, &registry)?;
    let interceptor = Interceptor::new(&compiled, &registry, &places.home).map_err(Refusal::from);
    let answer = interceptor.and_then(|interceptor| respond::answer(event, payload, places, interceptor));
    answer.or_else(|Refusal(reason)| {
        if may_pass_on_error(&compiled.layers()?) {
            // The author of a trusted policy prefers availability; the reason still reaches the person.
            Ok(claude_code::tell_person(&format!("agentfirewall let this pass: {reason}")).into())
        } else {
            Err(Refusal(reason))
        }
    })
}

/// Whether every trusted layer says that a failure of the firewall lets calls pass. A project cannot say so.
fn may_pass_on_error(layers: &[Layer<'_>]) -> bool {
    let mut trusted =
        layers.iter().filter(|layer| matches!(layer.kind, LayerKind::Managed | LayerKind::User)).peekable();
    trusted.peek().is_some() && trusted.all(|layer| layer.on_error == OnError::Allow)
}

/// Starts the delivery of the log, detached: the agent waits for the end of inherited pipes, so it gets none.
fn start_delivery(log: &std::path::Path) {
    let Ok(program) = std::env::current_exe() else { return };
    let mut command = Command::new(program);
    command.arg("deliver").arg("--log").arg(log);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    // The records are in the log: the next delivery takes them along if this one cannot start.
    let _started = command.spawn();
}
