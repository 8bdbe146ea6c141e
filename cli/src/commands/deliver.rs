//! `agentfirewall deliver`: brings new audit records to the configured sinks. The hook starts it after its answer.

mod isolated;
mod serve;

use std::io::IsTerminal;

use agentfirewall_core::delivery::{NamedSink, Options, Outcome, SinkEnd, SinkOutcome, deliver};
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

pub(crate) fn run(args: DeliverArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    if let Some(name) = &args.serve {
        return serve::run(name, &places);
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
    options.respect_pauses = !std::io::stderr().is_terminal();
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

/// The sinks of every policy layer, made from their settings. Those of libraries get a process each.
fn configured_sinks(places: &Places, registry: &Registry) -> Result<Vec<NamedSink>, Failure> {
    let compiled = policy::load(places, registry).map_err(invalid)?;
    let mut sinks = Vec::new();
    for setting in compiled.layers().map_err(invalid)?.iter().flat_map(|layer| &layer.sinks) {
        let plugin = plugin_of(setting, registry)?;
        let sink: Box<dyn Sink> = match plugin.library() {
            Some(library) => Box::new(IsolatedSink::new(setting.name, library.plugin.name)),
            None => plugin.sink(setting.config).map_err(|error| failed(setting, &error.to_string()))?,
        };
        sinks.push(NamedSink {
            name: setting.name.to_owned(),
            sink,
            filter: setting.filter.clone(),
            format: setting.format,
            group: setting.group,
        });
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
    run(setting, plugin_of(setting, registry)?).map_err(|error| failed(setting, &error.to_string()))
}

fn plugin_of<'r>(setting: &SinkSetting<'_>, registry: &'r Registry) -> Result<&'r Entry, Failure> {
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
