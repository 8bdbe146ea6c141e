//! `agentfirewall deliver`: brings new audit records to the configured sinks. The hook starts it after its answer.

mod isolated;
mod serve;
mod unit;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use agentfirewall_core::delivery::{NamedSink, Options, Outcome, SinkEnd, SinkOutcome, deliver, follow};
use agentfirewall_core::places::Places;
use agentfirewall_core::policy::{self, PolicyError, SinkSetting};
use agentfirewall_core::registry::{Entry, Registry};
use agentfirewall_sdk::{Kind, PluginError, Sink};

use self::isolated::IsolatedSink;
use super::audit::escaped;
use crate::args::DeliverArgs;
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// How often a service looks whether its policy changed.
const LOOK_AT_POLICY: Duration = Duration::from_secs(2);

pub(crate) fn run(args: DeliverArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    if let Some(name) = &args.serve {
        return serve::run(name, &places);
    }
    if args.unit {
        ui.line(unit::text(&places)?);
        return Ok(Exit::Success);
    }
    if args.follow {
        let log = args.log.unwrap_or_else(|| places.audit_log());
        return stay(&places, &log, ui);
    }
    let registry = composition::installed(&places)?;
    let sinks = configured_sinks(&places, &registry)?;
    if sinks.is_empty() {
        ui.note("no sinks are configured; `sinks:` in a policy says who is told");
        return Ok(Exit::Success);
    }
    let log = args.log.unwrap_or_else(|| places.audit_log());
    let mut options = Options::default();
    // A person who calls this has put something right and will not wait for a pause to pass.
    let hurry = args.once || std::io::stderr().is_terminal();
    options.respect_pauses = !hurry;
    options.wait_for_windows = !hurry;
    let outcome = deliver(&log, &places.state, &sinks, &options)
        .map_err(|error| Failure::new(Exit::Io, escaped(&error.to_string())))?;
    match outcome {
        Outcome::Busy => {
            ui.note("another process is delivering this log already");
            Ok(Exit::Success)
        }
        Outcome::Done(sinks) => {
            for sink in &sinks {
                ui.note(summary(sink));
            }
            let all = sinks.iter().all(|sink| sink.end == SinkEnd::Drained);
            Ok(if all { Exit::Success } else { Exit::Io })
        }
    }
}

/// Delivers until the process is ended. A policy that changes is read again; one that cannot be read leaves what was.
fn stay(places: &Places, log: &Path, ui: &Ui) -> Result<Exit, Failure> {
    loop {
        let registry = composition::installed(places)?;
        let sinks = configured_sinks(places, &registry)?;
        if sinks.is_empty() {
            ui.note("no sinks are configured yet; waiting for a policy with `sinks:`");
        }
        let before = fingerprint(places);
        let looked = Mutex::new(Instant::now());
        let go_on = || {
            let Ok(mut looked) = looked.lock() else { return false };
            if looked.elapsed() < LOOK_AT_POLICY {
                return true;
            }
            *looked = Instant::now();
            // A policy with a mistake is put right soon; until then the old sinks are better than none.
            fingerprint(places) == before || policy::load(places, &registry).is_err()
        };
        if sinks.is_empty() {
            while go_on() {
                std::thread::sleep(LOOK_AT_POLICY);
            }
            continue;
        }
        let outcome = follow(log, &places.state, &sinks, &Options::default(), &go_on)
            .map_err(|error| Failure::new(Exit::Io, escaped(&error.to_string())))?;
        if outcome == Outcome::Busy {
            // A hook's delivery, which ends soon, or another service.
            std::thread::sleep(LOOK_AT_POLICY);
        }
    }
}

/// What changes when a policy file or the list of plugins does.
fn fingerprint(places: &Places) -> Vec<Option<(u64, SystemTime)>> {
    let files =
        [places.managed_policy(), places.user_policy(), places.managed_plugins_lock(), places.plugins_lock()];
    let stat = |file: &PathBuf| {
        let metadata = file.metadata().ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
    };
    files.iter().map(stat).collect()
}

/// The sinks of every policy layer, made from their settings. Those of libraries get a process each.
pub(super) fn configured_sinks(places: &Places, registry: &Registry) -> Result<Vec<NamedSink>, Failure> {
    let compiled = policy::load(places, registry).map_err(invalid)?;
    let mut sinks = Vec::new();
    for setting in compiled.layers().map_err(invalid)?.iter().flat_map(|layer| &layer.sinks) {
        let plugin = plugin_of(setting, registry)?;
        let sink: Box<dyn Sink> = match plugin.library() {
            Some(library) => Box::new(IsolatedSink::new(setting.name, library.plugin.name)),
            None => plugin.sink(setting.config).map_err(|error| failed(setting, &error.to_string()))?,
        };
        sinks.push(NamedSink::new(setting, sink));
    }
    Ok(sinks)
}

/// Does something with one sink's setting and plugin.
fn with_setting<T>(
    places: &Places,
    registry: &Registry,
    name: &str,
    run: impl FnOnce(&SinkSetting<'_>, &Entry) -> Result<T, PluginError>,
) -> Result<T, Failure> {
    let compiled = policy::load(places, registry).map_err(invalid)?;
    let layers = compiled.layers().map_err(invalid)?;
    let setting = layers.iter().flat_map(|layer| &layer.sinks).find(|setting| setting.name == name);
    let setting = setting.ok_or_else(|| {
        Failure::new(Exit::Data, format!("no policy has a sink called `{}`", escaped(name)))
    })?;
    run(setting, &plugin_of(setting, registry)?).map_err(|error| failed(setting, &error.to_string()))
}

fn plugin_of(setting: &SinkSetting<'_>, registry: &Registry) -> Result<Entry, Failure> {
    registry
        .find(Kind::Sink, setting.plugin)
        .ok_or_else(|| failed(setting, &format!("no sink plugin is called `{}`", setting.plugin)))
}

fn invalid(error: PolicyError) -> Failure {
    Failure::new(Exit::Data, escaped(&error.to_string()))
}

fn failed(setting: &SinkSetting<'_>, message: &str) -> Failure {
    Failure::new(Exit::Data, format!("sink `{}`: {}", escaped(setting.name), escaped(message)))
}

fn summary(sink: &SinkOutcome) -> String {
    let mut parts = vec![format!("{}: {} delivered", escaped(&sink.name), sink.delivered)];
    if sink.rejected > 0 {
        parts.push(format!("{} refused (kept in the dead-letter file)", sink.rejected));
    }
    if sink.unreadable > 0 {
        parts.push(format!("{} lines passed over that are no records", sink.unreadable));
    }
    match &sink.end {
        SinkEnd::Drained => {}
        SinkEnd::Failing { message, until } => {
            parts.push(format!("failing ({}), tried again after {until:.0}", escaped(message)));
        }
        SinkEnd::Paused { until } => parts.push(format!("left alone until {until:.0}")),
        SinkEnd::Broken(message) => parts.push(format!("stopped: {}", escaped(message))),
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_what_happened_and_nothing_drives_the_terminal() {
        let sink = SinkOutcome {
            name: "team\u{1b}[2J".to_owned(),
            delivered: 3,
            rejected: 1,
            unreadable: 0,
            end: SinkEnd::Failing { message: "HTTP 503".to_owned(), until: jiff::Timestamp::UNIX_EPOCH },
        };
        assert_eq!(
            summary(&sink),
            "team\\u{1b}[2J: 3 delivered, 1 refused (kept in the dead-letter file), failing (HTTP 503), \
             tried again after 1970-01-01T00:00:00Z"
        );
    }
}
