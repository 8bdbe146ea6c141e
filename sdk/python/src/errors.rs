//! Errors as the exceptions of the package.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// An exception of `agentfirewall._errors`.
fn of(class: &str, message: String) -> PyErr {
    Python::attach(|py| {
        let made = py
            .import("agentfirewall._errors")
            .and_then(|module| module.getattr(class))
            .and_then(|class| class.call1((message.as_str(),)));
        made.map_or_else(|_| PyRuntimeError::new_err(message), PyErr::from_value)
    })
}

pub(crate) fn policy(message: String) -> PyErr {
    of("PolicyError", message)
}

pub(crate) fn audit(message: String) -> PyErr {
    of("AuditError", message)
}

pub(crate) fn firewall(message: String) -> PyErr {
    of("FirewallError", message)
}
