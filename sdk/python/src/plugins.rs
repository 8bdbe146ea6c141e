//! Plugins written in Python: functions that are called on a thread of their own, with a deadline.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use agentfirewall_core::registry::{Host, Hosted};
use agentfirewall_sdk::{
    Confidence, Detector, Event, Finding, Kind, Matcher, PluginError, Scan, Severity, Sink, SinkError,
    Subject,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyTuple};
use serde_json::Value;

use crate::convert;
use crate::gate;

/// What is registered, in the order of registration, and a number that changes with it.
static REGISTERED: Mutex<Vec<(&'static Hosted, Arc<Function>)>> = Mutex::new(Vec::new());
static GENERATION: AtomicU64 = AtomicU64::new(0);

/// A function, and what is known of its calls.
struct Function {
    label: String,
    call: Py<PyAny>,
    timeout: Duration,
    confidence: Confidence,
    severity: Severity,
    /// How many calls have not come back after their deadline.
    stuck: AtomicUsize,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// What a call gave.
enum Reply {
    Spans(Vec<(usize, usize, Confidence, Severity)>),
    Truth(bool),
    Nothing,
}

#[derive(Default)]
struct State {
    reply: Option<Result<Reply, String>>,
    /// Nobody waits any more.
    given_up: bool,
}

/// A call of a Python plugin, and the place for its answer.
#[pyclass(frozen, module = "agentfirewall._native")]
pub(crate) struct Call {
    function: Arc<Function>,
    kind: Kind,
    state: Mutex<State>,
    done: Condvar,
}

#[pymethods]
impl Call {
    /// This thread works for the call from now on, or does not any more.
    #[staticmethod]
    fn works(working: bool) {
        gate::works_for_one_inside(working);
    }

    /// Takes the answer.
    fn answer(&self, value: &Bound<'_, PyAny>) {
        let reply = self.read(value);
        self.finish(reply);
    }

    /// Takes the kind and the text of an exception.
    fn failed(&self, kind: &str, message: &str) {
        self.finish(Err(if message.is_empty() { kind.to_owned() } else { format!("{kind}: {message}") }));
    }
}

impl Call {
    fn read(&self, value: &Bound<'_, PyAny>) -> Result<Reply, String> {
        match self.kind {
            Kind::Matcher => match value.cast::<PyBool>() {
                Ok(truth) => Ok(Reply::Truth(truth.is_true())),
                Err(_) => Err(format!("it answered with {} instead of True or False", kind_of(value))),
            },
            Kind::Sink => Ok(Reply::Nothing),
            Kind::Detector => {
                let items = value
                    .cast::<PyList>()
                    .map_err(|_| format!("it answered with {} instead of places", kind_of(value)))?;
                items.iter().map(|item| self.place(&item)).collect::<Result<_, _>>().map(Reply::Spans)
            }
        }
    }

    /// A pair of numbers, or a `Span`.
    fn place(&self, item: &Bound<'_, PyAny>) -> Result<(usize, usize, Confidence, Severity), String> {
        let nonsense = || format!("one of its places is {} instead of two numbers", kind_of(item));
        let number = |value: &Bound<'_, PyAny>| {
            (value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>())
                .then(|| value.extract::<usize>().ok())
                .flatten()
        };
        if let Ok(pair) = item.cast::<PyTuple>() {
            let (Ok(start), Ok(end), 2) = (pair.get_item(0), pair.get_item(1), pair.len()) else {
                return Err(nonsense());
            };
            return match (number(&start), number(&end)) {
                (Some(start), Some(end)) => {
                    Ok((start, end, self.function.confidence, self.function.severity))
                }
                _ => Err("one of its places is not two numbers from 0".to_owned()),
            };
        }
        let member = |name: &str| item.getattr(name).map_err(|_| nonsense());
        let (start, end) = (member("start")?, member("end")?);
        let word = |name: &str| member(name)?.extract::<Option<String>>().map_err(|_| nonsense());
        let confidence = match word("confidence")? {
            Some(word) => confidence(&word).ok_or_else(|| format!("`{word}` is no confidence"))?,
            None => self.function.confidence,
        };
        let severity = match word("severity")? {
            Some(word) => severity(&word).ok_or_else(|| format!("`{word}` is no severity"))?,
            None => self.function.severity,
        };
        match (number(&start), number(&end)) {
            (Some(start), Some(end)) => Ok((start, end, confidence, severity)),
            _ => Err("one of its places is not two numbers from 0".to_owned()),
        }
    }

    fn finish(&self, reply: Result<Reply, String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.given_up {
            drop(state);
            self.function.stuck.fetch_sub(1, Ordering::SeqCst);
            return;
        }
        state.reply.get_or_insert(reply);
        drop(state);
        self.done.notify_all();
    }
}

fn kind_of(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "something".to_owned(), |name| format!("a {name}"))
}

impl Function {
    /// Calls the function on a thread of its own and waits for it without the interpreter. A plugin that keeps the
    /// interpreter to itself cannot be interrupted; but the answer is a refusal, and it is in the log before anybody waits
    /// for the interpreter again.
    fn ask(
        self: &Arc<Self>,
        kind: Kind,
        arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyTuple>>,
    ) -> Result<Reply, PluginError> {
        let seconds = self.timeout.as_secs_f64();
        if self.stuck.load(Ordering::SeqCst) > 0 {
            return Err(PluginError::new(format!(
                "an earlier call did not answer within {seconds} s and has not ended yet"
            )));
        }
        let call = Python::attach(|py| -> PyResult<Py<Call>> {
            let arguments = arguments(py)?;
            let call = Py::new(
                py,
                Call { function: Arc::clone(self), kind, state: Mutex::default(), done: Condvar::new() },
            )?;
            let run = py.import("agentfirewall._plugins")?.getattr("run_plugin")?;
            let work = (self.call.bind(py), arguments, &call, kind == Kind::Detector).into_pyobject(py)?;
            py.import("_thread")?.getattr("start_new_thread")?.call1((run, work))?;
            Ok(call)
        })
        .map_err(|error| PluginError::new(format!("it cannot be called: {error}")))?;
        let call = call.get();
        let deadline = Instant::now() + self.timeout;
        let mut state = call.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(reply) = state.reply.take() {
                return reply.map_err(PluginError::new);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.given_up = true;
                self.stuck.fetch_add(1, Ordering::SeqCst);
                return Err(PluginError::new(format!("it did not answer within {seconds} s")));
            }
            state = call.done.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Makes a plugin of a function for the core.
#[derive(Debug)]
struct Maker(Arc<Function>);

impl Host for Maker {
    fn matcher(&self, config: &str) -> Result<Box<dyn Matcher>, PluginError> {
        let config = parsed(config)?;
        Ok(Box::new(PythonMatcher { function: Arc::clone(&self.0), config }))
    }

    fn detector(&self, _config: &str) -> Result<Box<dyn Detector>, PluginError> {
        Ok(Box::new(PythonDetector(Arc::clone(&self.0))))
    }

    fn sink(&self, config: &str) -> Result<Box<dyn Sink>, PluginError> {
        let config = parsed(config)?;
        Ok(Box::new(PythonSink { function: Arc::clone(&self.0), config }))
    }
}

fn parsed(config: &str) -> Result<Value, PluginError> {
    if config.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_str(config).map_err(|error| PluginError::new(error.to_string()))
}

struct PythonDetector(Arc<Function>);

impl Detector for PythonDetector {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let text = scan.text();
        let Reply::Spans(spans) = self.0.ask(Kind::Detector, |py| PyTuple::new(py, [text]))? else {
            return Err(PluginError::new("it answered with no places"));
        };
        for (start, end, confidence, severity) in spans {
            match (convert::byte(text, start), convert::byte(text, end)) {
                (Some(from), Some(to)) if from < to => {
                    scan.report(Finding::new(from..to, confidence, severity));
                }
                _ => {
                    return Err(PluginError::new(format!("{start}..{end} is no place in the text")));
                }
            }
        }
        Ok(())
    }
}

struct PythonMatcher {
    function: Arc<Function>,
    config: Value,
}

impl Matcher for PythonMatcher {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let reply = self.function.ask(Kind::Matcher, |py| {
            let call = subject.call;
            let made = py.import("agentfirewall._plugins")?.getattr("Subject")?.call1((
                call.tool.as_str(),
                subject.kind.as_str(),
                subject.text,
                subject.access.as_str(),
                convert::python(py, &call.input)?,
                call.session.as_str(),
                call.client.as_str(),
                call.project.to_string_lossy().as_ref(),
            ))?;
            PyTuple::new(py, [made, convert::python(py, &self.config)?])
        })?;
        match reply {
            Reply::Truth(truth) => Ok(truth),
            _ => Err(PluginError::new("it answered neither True nor False")),
        }
    }
}

struct PythonSink {
    function: Arc<Function>,
    config: Value,
}

impl Sink for PythonSink {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.function
            .ask(Kind::Sink, |py| {
                PyTuple::new(py, [convert::python(py, event.document())?, convert::python(py, &self.config)?])
            })
            .map(drop)
            .map_err(|error| SinkError::retry(error.to_string()))
    }
}

pub(crate) fn confidence(word: &str) -> Option<Confidence> {
    [Confidence::Low, Confidence::Medium, Confidence::High].into_iter().find(|known| known.as_str() == word)
}

pub(crate) fn severity(word: &str) -> Option<Severity> {
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|known| known.as_str() == word)
}

/// What is registered now, and the number of this state.
pub(crate) fn hosted() -> (Vec<&'static Hosted>, u64) {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    (registered.iter().map(|(hosted, _)| *hosted).collect(), GENERATION.load(Ordering::SeqCst))
}

/// In a forked process no call is left that could come back.
pub(crate) fn forget_calls() {
    for (_, function) in REGISTERED.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        function.stuck.store(0, Ordering::SeqCst);
    }
}

/// Registers a plugin for every interceptor that is made from now on.
#[pyfunction]
#[pyo3(signature = (kind, id, keywords, function, timeout, confidence, severity))]
pub(crate) fn register(
    kind: &str,
    id: String,
    keywords: Vec<String>,
    function: Py<PyAny>,
    timeout: f64,
    confidence: &str,
    severity: &str,
) -> PyResult<()> {
    let invalid = |what: &str| PyValueError::new_err(what.to_owned());
    let kind = match kind {
        "matcher" => Kind::Matcher,
        "detector" => Kind::Detector,
        "sink" => Kind::Sink,
        _ => return Err(invalid("a plugin is a detector, a matcher or a sink")),
    };
    let timeout = Duration::try_from_secs_f64(timeout)
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| invalid("`timeout` is a number of seconds above 0"))?;
    let function = Arc::new(Function {
        label: format!("Python {} `{id}`", kind.as_str()),
        call: function,
        timeout,
        confidence: self::confidence(confidence)
            .ok_or_else(|| invalid("`confidence` is low, medium or high"))?,
        severity: self::severity(severity)
            .ok_or_else(|| invalid("`severity` is info, low, medium, high or critical"))?,
        stuck: AtomicUsize::new(0),
    });
    let hosted = Hosted { kind, id, keywords, host: "Python", maker: Box::new(Maker(Arc::clone(&function))) };
    let hosted: &'static Hosted = Box::leak(Box::new(hosted));
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    // A module that is loaded again registers again.
    registered.retain(|(other, _)| other.kind != hosted.kind || other.id != hosted.id);
    registered.push((hosted, function));
    GENERATION.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

/// Takes a plugin out for every interceptor that is made from now on. Whether it was there.
#[pyfunction]
pub(crate) fn unregister(kind: &str, id: &str) -> bool {
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let before = registered.len();
    registered.retain(|(hosted, _)| hosted.kind.as_str() != kind || hosted.id != id);
    GENERATION.fetch_add(1, Ordering::SeqCst);
    registered.len() != before
}

/// The plugins that are registered, by kind and id.
#[pyfunction]
pub(crate) fn registered() -> Vec<(&'static str, String)> {
    hosted().0.iter().map(|hosted| (hosted.kind.as_str(), hosted.id.clone())).collect()
}

/// A number that changes with what is registered.
#[pyfunction]
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::SeqCst)
}
