//! What a command is composed of: the built-in plugins, the installed libraries, and libraries named for one run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agentfirewall_core::guard::Guard;
use agentfirewall_core::history::LogHistory;
use agentfirewall_core::interceptor::{CheckError, Interceptor};
use agentfirewall_core::loader::{LayoutCheck, load};
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, Compiled, LayerKind, PolicyError};
use agentfirewall_core::protection::Protection;
use agentfirewall_core::registry::{CompositionError, Registry};
use agentfirewall_core::store::{self, InstalledPlugin, StoreError, is_name};
use agentfirewall_sdk::Manifest;
use agentfirewall_sdk::wire::Imported;

use crate::failure::{Exit, Failure};
use crate::supervise::{Death, Supervisor, Watch};
use crate::ui::Ui;

/// How libraries are watched in commands: a person waits, or a job with a time limit of its own, and a file may be large.
pub(crate) const WATCH: Watch = Watch { call: Duration::from_mins(1), total: None, silent: false };

/// Everything that is installed here.
pub(crate) fn installed(places: &Places) -> Result<Registry, Failure> {
    with_plugins(places, &[])
}

/// Everything that is installed here and what `--plugin` names: an installed plugin, or the file of a library that is
/// used for this run. To name a file on the command line is to trust it.
pub(crate) fn with_plugins(places: &Places, named: &[String]) -> Result<Registry, Failure> {
    compose(places, named, |names| {
        Arc::new(Supervisor::new(names, Vec::new(), WATCH, Box::new(end_of_command)))
    })
}

/// The same with another guard.
pub(crate) fn compose(
    places: &Places,
    named: &[String],
    guard: impl FnOnce(Vec<&'static str>) -> Arc<dyn Guard>,
) -> Result<Registry, Failure> {
    let linked = linked()?;
    let installed = store::installed(places).map_err(|error| unusable(&error))?;
    let (names, files): (Vec<&String>, Vec<&String>) = named.iter().partition(|value| is_name(value));
    for name in names {
        if installed.find(name).is_none() {
            let known: Vec<_> = installed.plugins.iter().map(|plugin| plugin.name).collect();
            return Err(not_installed(name, &known));
        }
    }
    if installed.plugins.is_empty() && files.is_empty() {
        return Ok(linked);
    }
    let mut all: Vec<&'static str> = installed.plugins.iter().map(|plugin| plugin.name).collect();
    let mut number = u32::try_from(all.len()).unwrap_or(u32::MAX);
    all.extend(files.iter().map(|file| label(Path::new(file))));
    let guard = guard(all);
    let invalid = |error: CompositionError| Failure::new(Exit::Data, error.to_string());
    let mut registry = linked.with_installed(installed, &guard).map_err(invalid)?;
    for file in files {
        number = number.saturating_add(1);
        let path = PathBuf::from(file);
        store::Library::read(&path).map_err(|error| unusable(&error))?;
        let (_, manifest) = inspect(&path, number, &*guard)?;
        registry =
            registry.with_library(InstalledPlugin::unpinned(&path, &manifest), &guard).map_err(invalid)?;
    }
    Ok(registry)
}

/// The compiled policy of a file alone, or of every layer that applies here.
pub(crate) fn policy(file: Option<&Path>, places: &Places, registry: &Registry) -> Result<Compiled, Failure> {
    match file {
        Some(file) => policy::load_file(file, LayerKind::User, registry),
        None => policy::load(places, registry),
    }
    .map_err(|error| invalid_policy(&error))
}

/// A policy that cannot be used, and what to do about it.
pub(crate) fn invalid_policy(error: &PolicyError) -> Failure {
    Failure::new(Exit::Data, error.to_string()).help("run `agentfirewall validate` to see every problem")
}

/// What this binary alone is composed of; one that lacks the built-in plugins refuses every command.
pub(crate) fn linked() -> Result<Registry, Failure> {
    Registry::from_linked().map_err(|error| Failure::new(Exit::Internal, error.to_string()))
}

/// Loads a library that nobody has checked yet and asks what it is.
pub(crate) fn inspect(path: &Path, number: u32, guard: &dyn Guard) -> Result<(Imported, Manifest), Failure> {
    let named =
        |what: &dyn std::fmt::Display| Failure::new(Exit::Data, format!("`{}`: {what}", path.display()));
    let file = File::open(path).map_err(|error| Failure::io(format!("`{}`", path.display()), &error))?;
    guard.before_load(number, label(path)).map_err(|error| named(&error))?;
    guard.enter(number);
    let result = load(&file, path, LayoutCheck::Full).map_err(|error| named(&error)).and_then(|imported| {
        imported.manifest().map(|manifest| (imported, manifest)).map_err(|error| named(&error))
    });
    guard.leave();
    result
}

/// How a library is called before it has said its name.
pub(crate) fn label(path: &Path) -> &'static str {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned().leak()
}

/// The store says no.
pub(crate) fn unusable(error: &StoreError) -> Failure {
    Failure::new(Exit::Data, error.to_string())
}

/// There is no such plugin.
pub(crate) fn not_installed(name: &str, known: &[&str]) -> Failure {
    let failure = Failure::new(Exit::Data, format!("no plugin `{name}` is installed"));
    if known.is_empty() {
        failure.help("`agentfirewall plugins add LIBRARY` installs one")
    } else {
        failure.help(format!("installed: {}", known.join(", ")))
    }
}

/// The parent's part of a command whose child has done the work, or has died of a library.
pub(crate) fn end_of_command(result: Result<Vec<u8>, Death>) -> u8 {
    match result {
        Ok(code) => code.first().copied().unwrap_or(Exit::Internal as u8),
        Err(death) => {
            let failure = Failure::new(Exit::Internal, death.to_string());
            report(&failure.help("`agentfirewall plugins remove` takes a plugin out"))
        }
    }
}

/// Prints why a command failed and gives its exit code.
pub(crate) fn report(failure: &Failure) -> u8 {
    Ui.failure(failure);
    failure.exit as u8
}

/// The judge of the commands that are asked about a call: with the protection of the firewall's own files, and with the calls
/// before this one for whoever counts them.
pub(crate) fn judge<'c>(
    compiled: &'c Compiled,
    registry: &'c Registry,
    places: &Places,
) -> Result<Interceptor<'c>, CheckError> {
    Ok(Interceptor::new(compiled, registry, &places.home)?
        .protecting(Protection::new(places, None, &crate::host::files()))
        .with_history(LogHistory::new(places.audit_log())))
}
