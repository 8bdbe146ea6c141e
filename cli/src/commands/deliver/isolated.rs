//! A sink of an installed library, in a process of its own: if it crashes, hangs or exits, the other sinks go on.
//!
//! The process is this program again (`deliver --serve NAME`). Requests and answers are JSON, one a line; what the
//! library prints goes to standard error, so that it is no answer.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use agentfirewall_sdk::{Event, Manner, Sink, SinkError};
use serde::{Deserialize, Serialize};

/// How long one delivery may take. A sink has time-outs of its own; this is for one that has none.
const LIMIT: Duration = Duration::from_mins(2);

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Request {
    /// Deliver this.
    Deliver(Box<Event>),
    /// Deliver these, or the first of them.
    Batch(Vec<Event>),
    /// Say how you want to be called.
    Manner,
    /// See whether the receiver can be reached.
    Check,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    /// Done; for a check, what it says.
    Done(String),
    /// What became of the first events of a batch.
    Each(Vec<Answer>),
    /// How it wants to be called.
    Manner(Manner),
    /// It may be taken later.
    Retry {
        message: String,
        /// Milliseconds.
        after: Option<u64>,
    },
    /// It never will.
    Reject { message: String },
}

impl Answer {
    pub(super) fn of(result: Result<String, SinkError>) -> Self {
        match result {
            Ok(text) => Self::Done(text),
            Err(SinkError::Retry { message, after }) => Self::Retry {
                message,
                after: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            },
            Err(SinkError::Reject { message }) => Self::Reject { message },
        }
    }

    pub(super) fn of_batch(result: Result<Vec<Result<(), SinkError>>, SinkError>) -> Self {
        match result {
            Ok(each) => {
                Self::Each(each.into_iter().map(|one| Self::of(one.map(|()| String::new()))).collect())
            }
            Err(error) => Self::of(Err(error)),
        }
    }

    fn into_result(self) -> Result<String, SinkError> {
        match self {
            Self::Done(text) => Ok(text),
            Self::Each(_) | Self::Manner(_) => {
                Err(SinkError::retry("the plugin's process answered something else"))
            }
            Self::Retry { message, after } => {
                Err(SinkError::Retry { message, after: after.map(Duration::from_millis) })
            }
            Self::Reject { message } => Err(SinkError::Reject { message }),
        }
    }
}

/// A sink whose library runs elsewhere.
#[derive(Debug)]
pub(super) struct IsolatedSink {
    /// The sink's name in the policy.
    name: String,
    /// The library's name.
    plugin: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    process: Option<Process>,
    /// The event during which the process died last.
    fatal: Option<String>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<String>,
}

impl IsolatedSink {
    pub(super) fn new(name: &str, plugin: &str) -> Self {
        Self { name: name.to_owned(), plugin: plugin.to_owned(), state: Mutex::default() }
    }

    fn ask(&self, request: &Request) -> Result<Answer, SinkError> {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match self.exchange(&mut state, request) {
            Ok(answer) => Ok(answer),
            Err(how) => {
                let how = state.process.take().map_or(how.clone(), |mut process| {
                    let _gone = process.child.kill();
                    let status = process.child.wait().map(|status| status.to_string());
                    if how.is_empty() { status.unwrap_or_default() } else { how }
                });
                let message = format!("plugin `{}` failed: its process ended ({how})", self.plugin);
                let event = match request {
                    Request::Deliver(event) => Some(event.id.clone()),
                    Request::Batch(events) => events.first().map(|event| event.id.clone()),
                    Request::Check | Request::Manner => None,
                };
                // The first time it may have been chance; the second time it is this event.
                if event.is_some() && state.fatal == event {
                    return Err(SinkError::Reject { message });
                }
                state.fatal = event;
                Err(SinkError::retry(message))
            }
        }
    }

    /// One question and its answer; an error says how the process failed, if the status does not.
    fn exchange(&self, state: &mut State, request: &Request) -> Result<Answer, String> {
        if state.process.is_none() {
            state.process = Some(self.start().map_err(|error| format!("it cannot be started: {error}"))?);
        }
        let Some(process) = state.process.as_mut() else { return Err(String::new()) };
        let mut line = serde_json::to_vec(request).map_err(|error| error.to_string())?;
        line.push(b'\n');
        let sent = process.requests.write_all(&line).and_then(|()| process.requests.flush());
        sent.map_err(|_| String::new())?;
        let answer = process.answers.recv_timeout(LIMIT).map_err(|error| match error {
            RecvTimeoutError::Timeout => format!("no answer within {} s", LIMIT.as_secs()),
            RecvTimeoutError::Disconnected => String::new(),
        })?;
        serde_json::from_str(&answer).map_err(|error| format!("its answer cannot be read: {error}"))
    }

    fn start(&self) -> std::io::Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["deliver", "--serve", &self.name]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn()?;
        let requests = child.stdin.take().ok_or_else(|| std::io::Error::other("no standard input"))?;
        let output = child.stdout.take().ok_or_else(|| std::io::Error::other("no standard output"))?;
        let (send, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { return };
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Process { child, requests, answers })
    }
}

impl Drop for IsolatedSink {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(Process { mut child, requests, answers: _ }) = state.process.take() {
            // Without requests it ends by itself, with time to flush; one that does not is ended.
            drop(requests);
            for _ in 0..100 {
                if !matches!(child.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

impl Sink for IsolatedSink {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.ask(&Request::Deliver(Box::new(event.clone())))?.into_result().map(drop)
    }

    fn manner(&self) -> Manner {
        match self.ask(&Request::Manner) {
            Ok(Answer::Manner(manner)) => manner,
            _ => Manner::single(),
        }
    }

    fn deliver_batch(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        match self.ask(&Request::Batch(events.to_vec()))? {
            Answer::Each(each) => Ok(each.into_iter().map(|answer| answer.into_result().map(drop)).collect()),
            answer => answer.into_result().map(|_| Vec::new()),
        }
    }

    fn check(&self) -> Result<String, SinkError> {
        self.ask(&Request::Check)?.into_result()
    }
}
