//! The audit log: written by whoever has an event of its own, read, checked and exported.

use std::path::PathBuf;
use std::time::Duration;

use agentfirewall_core::audit::{self, Appender, Entry, EventType, Filter, Rotation, View};
use agentfirewall_core::formats::{self, cef, csv, ecs, ocsf};
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, LayerKind};
use agentfirewall_core::registry::Registry;
use agentfirewall_core::secrets::{Engine, Salt, mask_value};
use agentfirewall_sdk::Action;
use jiff::Timestamp;
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::firewall::{absolute, failed};
use crate::{convert, errors, gate};

const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What a program may record itself. Any other kind of event is a tool's execution with its kind in the metadata.
const EVENTS: [EventType; 6] = [
    EventType::PolicyCheck,
    EventType::ToolExecution,
    EventType::ToolFailure,
    EventType::UserPrompt,
    EventType::SessionStart,
    EventType::ConfigChange,
];

/// A writer of events that are not decisions of an interceptor.
#[pyclass(frozen, module = "agentfirewall._native")]
pub(crate) struct Writer {
    log: Appender,
    state: PathBuf,
}

#[pymethods]
impl Writer {
    #[new]
    fn new(py: Python<'_>, log: PathBuf) -> PyResult<Self> {
        py.detach(|| {
            let folder = std::env::current_dir().map_err(failed)?;
            let places = Places::discover(&|name| std::env::var_os(name), &folder);
            Ok(Self {
                log: Appender::new(absolute(&log), Rotation::STANDARD, LOCK_WAIT),
                state: places.state,
            })
        })
        .map_err(errors::audit)
    }

    /// Appends an event. The secrets in its parameters and metadata are masked first.
    fn append(
        &self,
        py: Python<'_>,
        event_type: &str,
        tool: &str,
        action: &str,
        parameters: &Bound<'_, PyAny>,
        metadata: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (parameters, metadata) = (convert::parameters(parameters)?, convert::parameters(metadata)?);
        let appended = py.detach(|| {
            let _inside = gate::enter();
            let action: Action = action.parse().map_err(failed)?;
            let mut both = json!({"parameters": parameters, "metadata": metadata});
            let registry = Registry::from_linked().map_err(failed)?;
            let engine = Engine::new(&registry, &[]).map_err(failed)?;
            let findings = engine.scan_value(&both).map_err(failed)?.findings;
            if !findings.is_empty() {
                mask_value(&mut both, &findings, &Salt::load_or_create(&self.state)).map_err(failed)?;
            }
            let known = EVENTS.into_iter().find(|known| known.as_str() == event_type);
            if known.is_none()
                && let Some(metadata) = both.get_mut("metadata").and_then(Value::as_object_mut)
            {
                metadata.insert("event_type".to_owned(), event_type.into());
            }
            let entry = Entry {
                tool,
                action,
                findings: &findings,
                parameters: both.get("parameters"),
                metadata: both.get("metadata").and_then(Value::as_object),
                ..Entry::new(known.unwrap_or(EventType::ToolExecution), Timestamp::now())
            };
            self.log.append(&entry).map(drop).map_err(failed)
        });
        appended.map_err(errors::audit)
    }
}

fn moment(text: Option<&str>) -> Result<Option<Timestamp>, String> {
    text.map(|text| text.parse().map_err(failed)).transpose()
}

/// The newest records that match, the oldest first, each as the line of the log.
#[pyfunction]
#[pyo3(signature = (log, tool, action, session, since, until, newest))]
#[expect(clippy::too_many_arguments, reason = "one for each condition")]
pub(crate) fn audit_find(
    py: Python<'_>,
    log: PathBuf,
    tool: Option<&str>,
    action: Option<&str>,
    session: Option<&str>,
    since: Option<&str>,
    until: Option<&str>,
    newest: Option<usize>,
) -> PyResult<Vec<String>> {
    let found = py.detach(|| {
        let _inside = gate::enter();
        let filter = Filter {
            exact_tool: tool,
            action,
            session,
            since: moment(since)?,
            until: moment(until)?,
            ..Filter::default()
        };
        let mut lines = Vec::new();
        let mut each = |line: &[u8], _: &View<'_>| {
            lines.push(String::from_utf8_lossy(line).trim_end().to_owned());
        };
        match newest {
            Some(newest) => audit::find(&log, &filter, newest)
                .and_then(|mut found| found.each(&filter, &mut each))
                .map_err(failed)?,
            None => audit::scan(&log, &filter, &mut |_, _| {}, &mut each).map_err(failed)?,
        }
        Ok(lines)
    });
    found.map_err(errors::audit)
}

/// Checks every record: the report as JSON, and what no check of a log alone finds.
#[pyfunction]
pub(crate) fn audit_verify(py: Python<'_>, log: PathBuf) -> PyResult<(bool, String, &'static str)> {
    let report = py.detach(|| {
        let _inside = gate::enter();
        let report = audit::verify(&log, &mut |_, _| {}).map_err(failed)?;
        Ok((report.is_intact(), serde_json::to_string(&report).map_err(failed)?, audit::Report::LIMIT))
    });
    report.map_err(errors::audit)
}

/// Every record in a format: `jsonl`, `csv`, `cef`, `ecs` or `ocsf`, line by line.
#[pyfunction]
pub(crate) fn audit_export(py: Python<'_>, log: PathBuf, format: &str) -> PyResult<Vec<String>> {
    let lines = py.detach(|| {
        let _inside = gate::enter();
        if !["jsonl", "csv", "cef", "ecs", "ocsf"].contains(&format) {
            return Err(format!("no format is called `{format}` (jsonl, csv, cef, ecs or ocsf)"));
        }
        let mut lines = Vec::new();
        if format == "csv" {
            lines.push(csv::header().trim_end().to_owned());
        }
        audit::scan(&log, &Filter::default(), &mut |_, _| {}, &mut |line, _| {
            let line = line.trim_ascii_end();
            if format == "jsonl" {
                lines.push(String::from_utf8_lossy(line).into_owned());
                return;
            }
            let Some(event) = formats::event(line) else { return };
            let text = match format {
                "csv" => csv::line(&event),
                "cef" => cef::line(&event),
                "ecs" => ecs::document(&event).to_string(),
                _ => ocsf::document(&event).to_string(),
            };
            lines.push(text.trim_end().to_owned());
        })
        .map_err(failed)?;
        Ok(lines)
    });
    lines.map_err(errors::audit)
}

/// A policy's text as the original's members, as JSON.
#[pyfunction]
pub(crate) fn policy_of(py: Python<'_>, text: &str, file: PathBuf) -> PyResult<String> {
    let policy = py.detach(|| {
        let registry = Registry::from_linked()
            .and_then(|registry| registry.with_hosted(crate::plugins::hosted().0))
            .map_err(failed)?;
        // Says every problem in the words of `check`.
        policy::compile_text(text, LayerKind::User, &registry).map_err(failed)?;
        let source = policy::Source { kind: LayerKind::User, path: file, text: text.to_owned() };
        let policy = policy::check_source(&source, &registry).policy.ok_or("the policy cannot be read")?;
        let rules: Vec<Value> = policy
            .rules
            .iter()
            .map(|rule| {
                json!({
                    "name": rule.name,
                    "tools": rule.tools.clone().unwrap_or_default(),
                    "resources": rule.resources.clone().unwrap_or_default(),
                    "action": rule.action.as_str(),
                    "reason": rule.reason,
                })
            })
            .collect();
        Ok(json!({
            "version": policy.version,
            "name": policy.name,
            "description": policy.description,
            "default_action": policy.default_action.as_str(),
            "rules": rules,
        })
        .to_string())
    });
    policy.map_err(errors::policy)
}
