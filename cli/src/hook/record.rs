//! The audit record of what the hook did, written before the answer.

use std::cell::{Cell, OnceCell, RefCell};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_core::agents::{Session, claude_code};
use agentfirewall_core::audit::{self, Entry, EventType};
use agentfirewall_core::delivery::Filter;
use agentfirewall_core::interceptor::Interceptor;
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{AuditSettings, Layer, audit_settings, may_pass_unrecorded};
pub(crate) use agentfirewall_core::recording::failure;
use agentfirewall_core::recording::{self, CallRecord, metadata, name_failures};
use agentfirewall_core::secrets::{Salt, Scanned};
use agentfirewall_core::tolerance::Failure;
use agentfirewall_sdk::{Action, Decision, HookEvent, LocatedFinding, ToolCall};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Refusal;

/// How long a record waits for other writers. A stopped writer must not hang the agent.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Writes the records of one hook process.
pub(crate) struct Recorder<'p> {
    places: &'p Places,
    log: PathBuf,
    project: String,
    /// What the sinks want to hear of.
    wanted: Vec<Filter>,
    /// The log's files.
    settings: AuditSettings,
    /// Whether a call passes though its record cannot be written.
    lenient: bool,
    /// Why a record could not be written that a call passes without.
    unrecorded: RefCell<Option<String>>,
    /// Whether a record could not be written without which no call passes.
    refuses: Cell<bool>,
    /// Whether a new file of the log was begun.
    rotated: Cell<bool>,
    salt: OnceCell<Salt>,
}

impl<'p> Recorder<'p> {
    /// Finds the log and makes the private state folder.
    pub(crate) fn new(places: &'p Places, layers: &[Layer<'_>]) -> Result<Self, Refusal> {
        places.make_state().map_err(Refusal)?;
        let wanted = layers.iter().flat_map(|layer| &layer.sinks).map(|sink| sink.filter.clone()).collect();
        Ok(Self {
            places,
            log: places.audit_log(),
            project: places.project.to_string_lossy().into_owned(),
            wanted,
            settings: audit_settings(layers),
            lenient: may_pass_unrecorded(layers),
            unrecorded: RefCell::new(None),
            refuses: Cell::new(false),
            rotated: Cell::new(false),
            salt: OnceCell::new(),
        })
    }

    /// The file that is written to.
    pub(super) fn log(&self) -> &Path {
        &self.log
    }

    /// Why a record is missing that the policy lets a call pass without.
    pub(super) fn unrecorded(&self) -> Option<String> {
        self.unrecorded.borrow().clone()
    }

    /// Whether a record is missing without which the policy lets no call pass.
    pub(super) fn refuses(&self) -> bool {
        self.refuses.get()
    }

    /// The log, if a new file of it was begun and the policy does not keep every old one.
    pub(super) fn to_prune(&self) -> Option<PathBuf> {
        (self.rotated.get() && !self.settings.retain.keeps_everything()).then(|| self.log.clone())
    }

    /// The installation's key for masks.
    pub(crate) fn salt(&self) -> Salt {
        self.salt.get_or_init(|| Salt::load_or_create(&self.places.state)).clone()
    }

    /// Takes the secrets out of what a decision says.
    pub(crate) fn mask(&self, interceptor: &Interceptor<'_>, decision: &mut Decision) -> Result<(), Refusal> {
        Ok(recording::mask(interceptor, decision, &|| self.salt())?)
    }

    /// Records a decision. Gives the log if a sink wants to hear of it.
    pub(crate) fn decision(&self, call: &ToolCall, decision: &Decision) -> Result<Option<PathBuf>, Refusal> {
        let record = CallRecord::new(call, decision, &|| self.salt())?;
        let entry = record.entry(call, decision, Timestamp::now());
        self.write(&entry)
    }

    /// Records what happened after a call.
    pub(crate) fn result(
        &self,
        event: HookEvent,
        call: &ToolCall,
        action: Action,
        reason: &str,
        seen: &Scanned<LocatedFinding>,
    ) -> Result<Option<PathBuf>, Refusal> {
        let mut metadata = metadata(call);
        name_failures(&mut metadata, &lines(&seen.failures));
        let mut entry = Entry::of_call(call, Timestamp::now()).with_metadata(&metadata);
        entry.event_type = EventType::from(event);
        entry.action = action;
        entry.reason = reason;
        entry.findings = &seen.findings;
        self.write(&entry)
    }

    /// Records an event of a session that is no call.
    pub(crate) fn session(
        &self,
        event: EventType,
        session: &Session,
        details: &[(&str, &str)],
        decision: Option<&Decision>,
    ) -> Result<Option<PathBuf>, Refusal> {
        let mut metadata: Map<String, Value> = details
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        name_failures(&mut metadata, decision.map_or(&[], |decision| &decision.plugin_failures));
        let mut entry = Entry::new(event, Timestamp::now()).with_metadata(&metadata);
        if let Some(decision) = decision {
            entry = entry.decided(decision);
        }
        entry.session = &session.id;
        entry.agent = claude_code::CLIENT;
        entry.project = self.project.as_str().into();
        self.write(&entry)
    }

    fn write(&self, entry: &Entry<'_>) -> Result<Option<PathBuf>, Refusal> {
        match audit::append_rotating(&self.log, entry, LOCK_WAIT, &self.settings.rotate) {
            Ok(appended) => self.rotated.set(self.rotated.get() || appended.rotated),
            Err(error) if self.lenient => {
                *self.unrecorded.borrow_mut() = Some(error.to_string());
                return Ok(None);
            }
            Err(error) => {
                self.refuses.set(true);
                return Err(error.into());
            }
        }
        Ok(self.wanted.iter().any(|filter| filter.wants_entry(entry)).then(|| self.log.clone()))
    }
}

/// The lines that a record and a decision hold of tolerated failures.
pub(crate) fn lines(failures: &[Failure]) -> Vec<String> {
    failures.iter().map(|failure| failure.message.clone()).collect()
}
