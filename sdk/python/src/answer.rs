//! A decision as Python sees it: a member becomes a value of Python when somebody asks for it, and most are never asked for.

use agentfirewall_core::recording;
use agentfirewall_sdk::{Action, Decision, LocatedFinding};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;
use serde_json::Value;

use crate::convert;

/// A secret: detector, pointer, severity, confidence, start and end in characters, line from 1.
pub(crate) type Found = (String, String, &'static str, &'static str, usize, usize, usize);

/// The answer to a call.
#[pyclass(frozen, module = "agentfirewall._native")]
pub(crate) struct Answer {
    decision: Decision,
    findings: Vec<Found>,
    wanted: bool,
}

impl Answer {
    /// The decision of a call with these parameters, and whether a sink wants to hear of it.
    pub(crate) fn new(input: &Value, mut decision: Decision, wanted: bool) -> Self {
        let findings =
            std::mem::take(&mut decision.findings).into_iter().map(|located| found(input, located)).collect();
        Self { decision, findings, wanted }
    }
}

#[pymethods]
impl Answer {
    /// The action's word.
    #[getter]
    fn action(&self, py: Python<'_>) -> Py<PyString> {
        word(py, self.decision.action)
    }

    #[getter]
    fn reason(&self) -> &str {
        &self.decision.reason
    }

    #[getter]
    fn layer(&self) -> &str {
        &self.decision.rule.layer
    }

    /// The rule's name.
    #[getter]
    fn rule(&self) -> &str {
        &self.decision.rule.name
    }

    /// The rule's line, 0 where it has none.
    #[getter]
    fn line(&self) -> u32 {
        self.decision.rule.line
    }

    #[getter]
    fn part(&self) -> Option<&str> {
        self.decision.part.as_deref()
    }

    #[getter]
    fn suggestion(&self) -> Option<&str> {
        self.decision.suggestion.as_deref()
    }

    /// The word of the action without monitor mode.
    #[getter]
    fn would(&self, py: Python<'_>) -> Option<Py<PyString>> {
        self.decision.would.map(|action| word(py, action))
    }

    #[getter]
    fn findings(&self) -> Vec<Found> {
        self.findings.clone()
    }

    #[getter]
    fn plugins(&self) -> Vec<String> {
        self.decision.plugins.clone()
    }

    #[getter]
    fn plugin_failures(&self) -> Vec<String> {
        self.decision.plugin_failures.clone()
    }

    /// Whether a sink wants to hear of it.
    #[getter]
    fn wanted(&self) -> bool {
        self.wanted
    }
}

/// An action's word as one and the same text, whose hash Python knows.
fn word(py: Python<'_>, action: Action) -> Py<PyString> {
    let known = match action {
        Action::Allow => intern!(py, "allow"),
        Action::Log => intern!(py, "log"),
        Action::Alert => intern!(py, "alert"),
        Action::Ask => intern!(py, "ask"),
        Action::Deny => intern!(py, "deny"),
    };
    known.clone().unbind()
}

/// What is said of a call that cannot be judged.
pub(crate) fn refusal(reason: &str) -> Decision {
    Decision::new(
        Action::Deny,
        recording::failure(),
        format!("the firewall cannot judge this call: {reason}"),
    )
}

/// The place of a finding, in characters.
pub(crate) fn found(value: &Value, located: LocatedFinding) -> Found {
    let LocatedFinding { pointer, finding, .. } = located;
    let text = value.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
    let before = text.get(..finding.span.start).unwrap_or_default();
    (
        finding.detector,
        pointer,
        finding.severity.as_str(),
        finding.confidence.as_str(),
        convert::characters(text, finding.span.start),
        convert::characters(text, finding.span.end),
        1 + before.matches('\n').count(),
    )
}
