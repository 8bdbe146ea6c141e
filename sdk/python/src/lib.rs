//! The extension module `agentfirewall._native`: the core for Python.
//!
//! It decides nothing. `firewall` gives calls to the core's interceptor and records the answers, `answer` shows them, `plugins` lets functions of
//! Python be plugins, `log` reads the audit log, `gate` makes forks safe and `convert` turns values around. What a program
//! sees is written in Python, beside this.

mod answer;
mod convert;
mod errors;
mod firewall;
mod gate;
mod log;
mod plugins;

use pyo3::prelude::*;

/// Called before the process is forked.
#[pyfunction]
fn before_fork(py: Python<'_>) {
    py.detach(gate::close);
}

/// Called in the process that forked.
#[pyfunction]
fn after_fork() {
    gate::open();
}

/// Called in the process that came of it.
#[pyfunction]
fn after_fork_in_child() {
    gate::open_in_child();
    plugins::forget_calls();
}

/// The extension module; private.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    agentfirewall_plugins::link();
    // The default prints the message, which may quote what is judged. This is the hook of this module's own code alone.
    std::panic::set_hook(Box::new(|_| {}));
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<answer::Answer>()?;
    module.add_class::<firewall::Firewall>()?;
    module.add_class::<log::Writer>()?;
    module.add_class::<plugins::Call>()?;
    module.add_function(wrap_pyfunction!(plugins::register, module)?)?;
    module.add_function(wrap_pyfunction!(plugins::unregister, module)?)?;
    module.add_function(wrap_pyfunction!(plugins::registered, module)?)?;
    module.add_function(wrap_pyfunction!(plugins::generation, module)?)?;
    module.add_function(wrap_pyfunction!(log::audit_find, module)?)?;
    module.add_function(wrap_pyfunction!(log::audit_verify, module)?)?;
    module.add_function(wrap_pyfunction!(log::audit_export, module)?)?;
    module.add_function(wrap_pyfunction!(log::policy_of, module)?)?;
    module.add_function(wrap_pyfunction!(before_fork, module)?)?;
    module.add_function(wrap_pyfunction!(after_fork, module)?)?;
    module.add_function(wrap_pyfunction!(after_fork_in_child, module)?)?;
    Ok(())
}
