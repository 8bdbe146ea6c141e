//! The hook: one payload in, one answer out, and never an open door.
//!
//! This path is dispatched before the command line is parsed and shares nothing with the human commands. Whatever goes
//! wrong on it (arguments, payload, policy, plugin, log, a panic) is an answer with exit code 2 and one line of reason.

mod record;
mod respond;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agentfirewall_core::agents::claude_code::{self, MAX_PAYLOAD};
use agentfirewall_core::agents::{Answer, Payload, Surroundings};
use agentfirewall_core::guard::Guard;
use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, Layer, OnError};
use agentfirewall_core::registry::Registry;
use agentfirewall_core::store;
use agentfirewall_sdk::{HookEvent, PluginError};
use serde::{Deserialize, Serialize};

pub(crate) use record::Recorder;

use crate::supervise::{Death, Supervisor, Watch, end, send_if_child};
use crate::{host, memory};

/// How libraries are watched here. The client waits 30 seconds for the hook; whatever happens, the answer is out before.
const WATCH: Watch = Watch { call: Duration::from_secs(5), total: Some(TOTAL), silent: true };
/// How long all attempts to judge a call may take together.
const TOTAL: Duration = Duration::from_secs(15);

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
#[derive(Serialize, Deserialize)]
struct Outcome {
    answer: Answer,
    deliver: Option<PathBuf>,
    /// The log whose old files may have to go.
    prune: Option<PathBuf>,
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self { answer, deliver: None, prune: None }
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
        Some(event) => caught(event, || {
            Attempt::read(event).map_or_else(|refusal| refused(event, &refusal), |attempt| attempt.outcome())
        }),
        None => refuse(
            HookEvent::PreToolUse,
            &format!("`agentfirewall hook` takes one event, one of {}", events()),
        )
        .into(),
    };
    conclude(outcome)
}

/// A panic of ours is a deny.
fn caught(event: HookEvent, run: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        refuse(event, "the firewall failed (a panic); please report it with `agentfirewall doctor --json`")
            .into()
    })
}

/// Gives the outcome to the agent; in a child that loaded libraries, to the parent, which does.
fn conclude(outcome: Outcome) -> u8 {
    send_if_child(|| serde_json::to_vec(&outcome).unwrap_or_default());
    let code = say(&outcome.answer);
    if let Some(log) = outcome.deliver {
        start_delivery(&log);
    }
    if let Some(log) = outcome.prune {
        start_detached(&["audit", "prune", "--log"], &log);
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

fn refused(event: HookEvent, refusal: &Refusal) -> Outcome {
    refuse(event, &refusal.0).into()
}

/// One judgement of what came on standard input.
struct Attempt {
    event: HookEvent,
    bytes: Vec<u8>,
    places: Places,
    around: Surroundings,
    /// The libraries that took an earlier attempt with them.
    dead: Vec<Death>,
    /// When the first attempt began.
    begun: Instant,
}

impl Attempt {
    fn read(event: HookEvent) -> Result<Arc<Self>, Refusal> {
        // Nothing is allocated behind it before it has all bytes, so it grows where it stands.
        let mut bytes = Vec::with_capacity(8 * 1024);
        let read = std::io::stdin().lock().take(MAX_PAYLOAD as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| Refusal(format!("the hook's payload cannot be read: {error}")))?;
        memory::ahead(&bytes);
        if bytes.len() > MAX_PAYLOAD {
            return Err(Refusal(format!(
                "the hook's payload is longer than {} MiB",
                MAX_PAYLOAD / 1024 / 1024
            )));
        }
        let environment = |name: &str| std::env::var_os(name);
        let working_folder = std::env::current_dir()
            .map_err(|error| Refusal(format!("the working folder cannot be used: {error}")))?;
        let places = Places::discover(&environment, &working_folder);
        let around = Surroundings {
            project: places.project.clone(),
            headless: claude_code::is_headless(&environment),
        };
        Ok(Arc::new(Self { event, bytes, places, around, dead: Vec::new(), begun: Instant::now() }))
    }

    fn outcome(self: &Arc<Self>) -> Outcome {
        self.judge().unwrap_or_else(|refusal| refused(self.event, &refusal))
    }

    fn judge(self: &Arc<Self>) -> Result<Outcome, Refusal> {
        let payload = claude_code::parse(self.event, &self.bytes, &self.around)?;
        self.judge_payload(payload).or_else(|refusal| self.withhold(refusal))
    }

    /// The tool has run, and its result goes to the model unless the answer replaces it: what nobody could look at is
    /// withheld.
    fn withhold(&self, refusal: Refusal) -> Result<Outcome, Refusal> {
        if self.event != HookEvent::PostToolUse {
            return Err(refusal);
        }
        respond::withheld(claude_code::parse(self.event, &self.bytes, &self.around)?, &refusal)
    }

    /// The end of all attempts.
    fn give_up(&self, refusal: Refusal) -> Outcome {
        self.withhold(refusal).unwrap_or_else(|refusal| refused(self.event, &refusal))
    }

    fn judge_payload(self: &Arc<Self>, payload: Payload) -> Result<Outcome, Refusal> {
        // The process ends with the answer; to take the registry apart before would only take time.
        let registry = std::mem::ManuallyDrop::new(self.registry()?);
        let compiled = policy::load(&self.places, &registry)?;
        let interceptor = Interceptor::new(&compiled, &registry, &self.places.home).map_err(Refusal::from);
        let answer = interceptor
            .and_then(|interceptor| respond::answer(self.event, payload, &self.places, interceptor));
        answer.or_else(|Refusal(reason)| {
            if may_pass_on_error(&compiled.layers()?) {
                // The author of a trusted policy prefers availability; the reason still reaches the person.
                Ok(claude_code::tell_person(&format!("agentfirewall let this pass: {reason}")).into())
            } else {
                Err(Refusal(reason))
            }
        })
    }

    /// The built-in plugins and the installed ones, with somebody standing by.
    fn registry(self: &Arc<Self>) -> Result<Registry, Refusal> {
        let linked = Registry::from_linked()?;
        let installed = store::installed(&self.places)?;
        if installed.plugins.is_empty() {
            return Ok(linked);
        }
        let names = installed.plugins.iter().map(|plugin| plugin.name).collect();
        let attempt = Arc::clone(self);
        if !host::is_this() {
            let guard: Arc<dyn Guard> = Arc::new(Handover { attempt });
            return Ok(linked.with_installed(installed, &guard)?);
        }
        let on_end = move |result| conclude(attempt.after(result));
        let watch = Watch { total: Some(TOTAL.saturating_sub(self.begun.elapsed())), ..WATCH };
        let guard: Arc<dyn Guard> =
            Arc::new(Supervisor::new(names, self.dead.clone(), watch, Box::new(on_end)));
        Ok(linked.with_installed(installed, &guard)?)
    }

    /// The outcome that a child sent; if it died of a library, that of another attempt without the library.
    fn after(&self, result: Result<Vec<u8>, Death>) -> Outcome {
        caught(self.event, || match result {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                self.give_up(Refusal(format!("the judging process sent no answer: {error}")))
            }),
            Err(death) if self.dead.iter().any(|known| known.plugin == death.plugin) => {
                self.give_up(Refusal(format!("{death}, again")))
            }
            Err(death) if self.begun.elapsed() >= TOTAL => {
                self.give_up(Refusal(format!("{death}, and there is no time left to judge without it")))
            }
            Err(death) => {
                let mut dead = self.dead.clone();
                dead.push(death);
                let again = Self {
                    event: self.event,
                    bytes: self.bytes.clone(),
                    places: self.places.clone(),
                    around: self.around.clone(),
                    dead,
                    begun: self.begun,
                };
                Arc::new(again).outcome()
            }
        })
    }
}

/// The guard of a process that cannot load libraries: the first that is needed has one that can judge the call from the beginning.
struct Handover {
    attempt: Arc<Attempt>,
}

impl std::fmt::Debug for Handover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handover").finish_non_exhaustive()
    }
}

impl Guard for Handover {
    fn before_load(&self, _number: u32, _plugin: &str) -> Result<(), PluginError> {
        let arguments = ["hook", self.attempt.event.as_argument()].map(OsString::from);
        match host::answer(&arguments, &self.attempt.bytes) {
            Ok(code) => end(code),
            Err(error) => Err(PluginError::new(host::missing(&error))),
        }
    }
}

/// Whether every trusted layer says that a failure of the firewall lets calls pass. A project cannot say so.
fn may_pass_on_error(layers: &[Layer<'_>]) -> bool {
    let mut trusted = layers.iter().filter(|layer| layer.kind.is_trusted()).peekable();
    trusted.peek().is_some() && trusted.all(|layer| layer.on_error == OnError::Allow)
}

/// Starts the delivery of the log.
fn start_delivery(log: &std::path::Path) {
    start_detached(&["deliver", "--log"], log);
}

/// Starts one of our commands on the log, detached: the agent waits for the end of inherited pipes, so it gets none.
fn start_detached(arguments: &[&str], log: &std::path::Path) {
    let Ok(program) = host::program() else { return };
    let mut command = Command::new(program);
    command.args(arguments).arg(log);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        command.process_group(0);
    }
    // What could not start is done by the next one: the records stay in the log, and the old files on the disk.
    let _started = command.spawn();
}
