//! A compiled policy with its plugins and its open log, which many calls are given to.

use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use agentfirewall_core::audit::{self, Appender};
use agentfirewall_core::delivery::{self, Filter, NamedSink};
use agentfirewall_core::guard::{Guard, Unguarded};
use agentfirewall_core::history::LogHistory;
use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{
    self, AuditSettings, Compiled, LayerKind, PolicyError, audit_settings, compile_text, load_file,
};
use agentfirewall_core::protection::Protection;
use agentfirewall_core::recording::{self, CallRecord};
use agentfirewall_core::registry::Registry;
use agentfirewall_core::secrets::{Redactor, Salt};
use agentfirewall_core::store;
use agentfirewall_sdk::{Confidence, Decision, Kind, ToolCall};
use jiff::Timestamp;
use pyo3::prelude::*;
use serde_json::Value;

use crate::answer::{Answer, Found, found, refusal};
use crate::{convert, errors, gate, plugins};

/// How long a record waits for other processes; as for the hook.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// The installed plugins and those of Python, by the numbers of their sets, and the state folder.
type PluginsKey = (u64, u64, PathBuf);

/// Registries and policies stay until the process ends: what judges borrows from them. The same one is used again.
static REGISTRIES: Mutex<Vec<(PluginsKey, &'static Registry)>> = Mutex::new(Vec::new());
static POLICIES: Mutex<Vec<(usize, &'static Compiled)>> = Mutex::new(Vec::new());

/// What an interceptor is made with.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Settings {
    /// The project's folder; where it is not given, what the environment and the working folder say.
    project: Option<PathBuf>,
    session: String,
    agent: String,
    /// Whether the program can put a question to a person.
    asks: bool,
    /// What belongs to the firewall beside its folders.
    own: Vec<PathBuf>,
}

#[pyclass(frozen, module = "agentfirewall._native")]
pub(crate) struct Firewall {
    interceptor: Interceptor<'static>,
    registry: &'static Registry,
    compiled: &'static Compiled,
    places: Places,
    agent: String,
    session: String,
    headless: bool,
    log: Option<Appender>,
    wanted: Vec<Filter>,
    audit: AuditSettings,
    /// Whether a call passes though its record cannot be written.
    lenient: bool,
    salt: OnceLock<Salt>,
}

#[pymethods]
impl Firewall {
    /// A policy that is a text, under the name of its file.
    #[staticmethod]
    fn from_text(py: Python<'_>, text: &str, log: Option<PathBuf>, settings: Settings) -> PyResult<Self> {
        Self::made(py, settings, |_, registry| Ok((compile_text(text, LayerKind::User, registry)?, log)))
    }

    /// A policy in a file, which is the only one.
    #[staticmethod]
    fn from_file(py: Python<'_>, file: PathBuf, log: Option<PathBuf>, settings: Settings) -> PyResult<Self> {
        Self::made(py, settings, |_, registry| Ok((load_file(&file, LayerKind::User, registry)?, log)))
    }

    /// The layers that apply in the project, with the project's log unless `log` is another one.
    #[staticmethod]
    #[pyo3(signature = (log, logs, settings))]
    fn from_layers(py: Python<'_>, log: Option<PathBuf>, logs: bool, settings: Settings) -> PyResult<Self> {
        Self::made(py, settings, |places, registry| {
            let log = log.or_else(|| logs.then(|| places.audit_log()));
            Ok((policy::load(places, registry)?, log))
        })
    }

    /// The log's file.
    #[getter]
    fn log(&self) -> Option<&OsStr> {
        self.log.as_ref().map(|log| log.log().as_os_str())
    }

    /// The project's folder.
    #[getter]
    fn project(&self) -> &OsStr {
        self.places.project.as_os_str()
    }

    /// Whether a policy names sinks.
    #[getter]
    fn has_sinks(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Judges a call and records the answer.
    fn check(&self, py: Python<'_>, tool: &str, parameters: &Bound<'_, PyAny>) -> PyResult<Answer> {
        let input = convert::parameters(parameters)?;
        Ok(py.detach(|| {
            let _inside = gate::enter();
            let call = self.call(tool, input);
            let (decision, wanted) = self.decide(&call);
            Answer::new(&call.input, decision, wanted)
        }))
    }

    /// Why a call is decided as it is, as JSON. Nothing is recorded.
    fn explain(&self, py: Python<'_>, tool: &str, parameters: &Bound<'_, PyAny>) -> PyResult<String> {
        let input = convert::parameters(parameters)?;
        let text = py.detach(|| {
            let _inside = gate::enter();
            let call = self.call(tool, input);
            let explanation = self.interceptor.explain(&call).map_err(failed)?;
            let masked = explanation.masked(&call, &self.interceptor, &self.salt()).map_err(failed)?;
            serde_json::to_string(&masked).map_err(failed)
        });
        text.map_err(errors::firewall)
    }

    /// The secrets in a text.
    fn scan_text(&self, py: Python<'_>, text: &str) -> PyResult<Vec<Found>> {
        self.scan(py, &Value::String(text.to_owned()))
    }

    /// The secrets in a value, each with the place where it stands.
    fn scan_value(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Vec<Found>> {
        self.scan(py, &convert::json(value, 0)?)
    }

    /// A text with tags in the place of its secrets.
    fn redact(&self, py: Python<'_>, text: &str) -> PyResult<String> {
        let masked = py.detach(|| {
            let _inside = gate::enter();
            let salt = self.salt();
            let mut text = text.to_owned();
            for engine in self.interceptor.engines() {
                let mut redactor = Redactor::new(engine, &salt, Confidence::Medium);
                let mut out = Vec::with_capacity(text.len());
                redactor.push(text.as_bytes(), &mut out).map_err(failed)?;
                redactor.finish(&mut out).map_err(failed)?;
                text = String::from_utf8(out).map_err(failed)?;
            }
            Ok(text)
        });
        masked.map_err(errors::firewall)
    }

    /// Brings what is new in the log to the sinks of the policy: what became of each, in one line.
    fn deliver(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let Some(log) = self.log.as_ref().map(Appender::log) else { return Ok(Vec::new()) };
        let outcome = py.detach(|| {
            let sinks = self.sinks()?;
            let mut options = delivery::Options::default();
            options.respect_pauses = false;
            options.wait_for_windows = false;
            delivery::deliver(log, &self.places.state, &sinks, &options).map_err(failed)
        });
        Ok(match outcome.map_err(errors::firewall)? {
            delivery::Outcome::Busy => Vec::new(),
            delivery::Outcome::Done(sinks) => {
                sinks.into_iter().map(|sink| format!("{}: {:?}", sink.name, sink.end)).collect()
            }
        })
    }
}

impl Firewall {
    /// Compiles a policy, says where its log is, and makes the firewall of both, without the interpreter.
    fn made(
        py: Python<'_>,
        settings: Settings,
        compile: impl FnOnce(&Places, &Registry) -> Result<(Compiled, Option<PathBuf>), PolicyError> + Send,
    ) -> PyResult<Self> {
        let made = py.detach(|| {
            let _inside = gate::enter();
            let (places, registry) = ground(&settings)?;
            let (compiled, log) = compile(&places, registry).map_err(failed)?;
            Self::new(places, registry, compiled, log, settings)
        });
        made.map_err(errors::policy)
    }

    fn scan(&self, py: Python<'_>, value: &Value) -> PyResult<Vec<Found>> {
        let found = py.detach(|| {
            let _inside = gate::enter();
            let scanned = self.interceptor.scan(value).map_err(failed)?;
            Ok(scanned.findings.into_iter().map(|located| found(value, located)).collect())
        });
        found.map_err(errors::firewall)
    }

    fn new(
        places: Places,
        registry: &'static Registry,
        compiled: Compiled,
        log: Option<PathBuf>,
        settings: Settings,
    ) -> Result<Self, String> {
        let compiled = kept(registry, compiled);
        let protection = Protection::new(&places, None, &settings.own);
        let mut interceptor =
            Interceptor::new(compiled, registry, &places.home).map_err(failed)?.protecting(protection);
        if let Some(log) = &log {
            interceptor = interceptor.with_history(LogHistory::new(log.clone()));
        }
        let layers = interceptor.layers();
        let wanted = layers.iter().flat_map(|layer| &layer.sinks).map(|sink| sink.filter.clone()).collect();
        let audit = audit_settings(layers);
        let lenient = policy::may_pass_unrecorded(layers);
        places.make_state()?;
        Ok(Self {
            interceptor,
            registry,
            compiled,
            places,
            agent: settings.agent,
            session: settings.session,
            headless: !settings.asks,
            log: log.map(|log| Appender::new(log, audit.rotate, LOCK_WAIT)),
            wanted,
            audit,
            lenient,
            salt: OnceLock::new(),
        })
    }

    fn salt(&self) -> Salt {
        self.salt.get_or_init(|| Salt::load_or_create(&self.places.state)).clone()
    }

    fn call(&self, tool: &str, input: Value) -> ToolCall {
        let mut call = ToolCall::new(tool, input);
        call.client.clone_from(&self.agent);
        call.session.clone_from(&self.session);
        call.project.clone_from(&self.places.project);
        // A program may change its folder; a path that is relative leads from there.
        call.cwd = std::env::current_dir().unwrap_or_else(|_| self.places.project.clone());
        call.headless = self.headless;
        call
    }

    /// The decision, and whether a sink wants to hear of it. Whatever fails is a deny.
    fn decide(&self, call: &ToolCall) -> (Decision, bool) {
        let salt = || self.salt();
        // The message of a panic may quote the call, so it is told to nobody.
        let judged = catch_unwind(AssertUnwindSafe(|| self.interceptor.check(call).map_err(failed)))
            .unwrap_or_else(|_| Err("the judgement panicked".to_owned()));
        let mut decision = judged.unwrap_or_else(|reason| refusal(&reason));
        if let Err(error) = recording::mask(&self.interceptor, &mut decision, &salt) {
            decision = refusal(&failed(error));
            // What the engine says of a failure quotes nothing of the call.
            let _the_same_failure = recording::mask(&self.interceptor, &mut decision, &salt);
        }
        let Some(log) = &self.log else { return (decision, false) };
        let recorded = CallRecord::new(call, &decision, &salt).map_err(failed).and_then(|record| {
            let entry = record.entry(call, &decision, Timestamp::now());
            let appended = log.append(&entry).map_err(failed)?;
            if appended.rotated {
                self.prune(log.log());
            }
            Ok(self.wanted.iter().any(|filter| filter.wants_entry(&entry)))
        });
        match recorded {
            Ok(wanted) => (decision, wanted),
            Err(_) if self.lenient => (decision, false),
            Err(reason) => (refusal(&reason), false),
        }
    }

    /// Removes old files of the log as the policy says, once a new one was begun.
    fn prune(&self, log: &Path) {
        if !self.audit.retain.keeps_everything() {
            // What could not be removed is removed after the next new file.
            let _later = audit::prune(log, &self.audit.retain, Timestamp::now(), LOCK_WAIT);
        }
    }

    fn sinks(&self) -> Result<Vec<NamedSink>, String> {
        let layers = self.compiled.layers().map_err(failed)?;
        let mut sinks = Vec::new();
        for setting in layers.iter().flat_map(|layer| &layer.sinks) {
            let plugin = self.registry.find(Kind::Sink, setting.plugin).ok_or_else(|| {
                format!("sink `{}`: no plugin is called `{}`", setting.name, setting.plugin)
            })?;
            let sink =
                plugin.sink(setting.config).map_err(|error| format!("sink `{}`: {error}", setting.name))?;
            sinks.push(NamedSink::new(setting, sink));
        }
        Ok(sinks)
    }
}

/// The places of a program, and the plugins it has: the built-in ones, the installed ones, its own.
fn ground(settings: &Settings) -> Result<(Places, &'static Registry), String> {
    let environment = |name: &str| std::env::var_os(name);
    let folder = std::env::current_dir().map_err(failed)?;
    let mut places = Places::discover(&environment, &folder);
    if let Some(project) = &settings.project {
        places.project = std::path::absolute(project).map_err(failed)?;
    }
    let registry = registry(&places)?;
    Ok((places, registry))
}

fn registry(places: &Places) -> Result<&'static Registry, String> {
    let installed = store::installed(places).map_err(failed)?;
    let (hosted, generation) = plugins::hosted();
    let key = (installed.fingerprint, generation, places.state.clone());
    let mut known = REGISTRIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, registry)) = known.iter().find(|(other, _)| *other == key) {
        return Ok(registry);
    }
    // The program answers for the libraries it has, as for every other library it loads.
    let guard: std::sync::Arc<dyn Guard> = std::sync::Arc::new(Unguarded);
    let registry = Registry::from_linked()
        .and_then(|registry| registry.with_installed(installed, &guard))
        .and_then(|registry| registry.with_hosted(hosted))
        .map_err(failed)?;
    let registry: &'static Registry = Box::leak(Box::new(registry));
    known.push((key, registry));
    Ok(registry)
}

fn kept(registry: &'static Registry, compiled: Compiled) -> &'static Compiled {
    let registry = std::ptr::from_ref(registry) as usize;
    let mut known = POLICIES.lock().unwrap_or_else(PoisonError::into_inner);
    let same = known.iter().find(|(other, policy)| *other == registry && policy.bytes() == compiled.bytes());
    if let Some((_, policy)) = same {
        return policy;
    }
    let compiled: &'static Compiled = Box::leak(Box::new(compiled));
    known.push((registry, compiled));
    compiled
}

/// One line without control characters.
pub(crate) fn failed(error: impl std::fmt::Display) -> String {
    error.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A path as Python gave it, which must not change its meaning when the program changes its folder.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
