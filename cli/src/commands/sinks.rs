//! `agentfirewall sinks`: how the sinks stand, whether they work, and another try for what they refused.

use agentfirewall_core::delivery::{NamedSink, Options, SinkStatus, prepare, retry_letters, status};
use agentfirewall_core::places::Places;
use agentfirewall_sdk::{Action, Event};
use jiff::Timestamp;
use serde_json::json;

use super::audit::escaped;
use super::deliver::configured_sinks;
use crate::args::{SinksArgs, SinksCommand, SinksRetryArgs, SinksStatusArgs, SinksTestArgs};
use crate::composition;
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

pub(crate) fn run(args: SinksArgs, ui: &Ui) -> Result<Exit, Failure> {
    let places = super::places()?;
    let registry = composition::installed(&places)?;
    let sinks = configured_sinks(&places, &registry)?;
    match args.command {
        SinksCommand::Status(args) => show(args, &places, &sinks, ui),
        SinksCommand::Test(args) => test(args, &sinks, ui),
        SinksCommand::Retry(args) => retry(args, &places, &sinks, ui),
    }
}

fn named<'s>(sinks: &'s [NamedSink], name: Option<&str>) -> Result<Vec<&'s NamedSink>, Failure> {
    let found: Vec<_> = sinks.iter().filter(|sink| name.is_none_or(|name| sink.name == name)).collect();
    match name {
        Some(name) if found.is_empty() => {
            Err(Failure::new(Exit::Data, format!("no policy has a sink called `{}`", escaped(name))))
        }
        _ if found.is_empty() => {
            Err(Failure::new(Exit::Data, "no sinks are configured; `sinks:` in a policy says who is told"))
        }
        _ => Ok(found),
    }
}

fn show(args: SinksStatusArgs, places: &Places, sinks: &[NamedSink], ui: &Ui) -> Result<Exit, Failure> {
    let log = args.log.unwrap_or_else(|| places.audit_log());
    let all = status(&log, &places.state, sinks, &Options::default())
        .map_err(|error| Failure::new(Exit::Io, escaped(&error.to_string())))?;
    if args.json {
        let text = serde_json::to_string_pretty(&json!({"log": log.to_string_lossy(), "sinks": all}));
        ui.line(text.map_err(|error| Failure::new(Exit::Internal, error.to_string()))?);
    } else if all.is_empty() {
        ui.note("no sinks are configured; `sinks:` in a policy says who is told");
    }
    for sink in &all {
        if !args.json {
            line(sink, ui);
        }
    }
    let well = all.iter().all(|sink| sink.error.is_none() && sink.dead_letters == 0);
    Ok(if well { Exit::Success } else { Exit::Io })
}

fn line(sink: &SinkStatus, ui: &Ui) {
    let mut parts = vec![format!("{}: {} waiting", escaped(&sink.name), sink.waiting)];
    if let Some(oldest) = &sink.oldest {
        parts.push(format!("the oldest since {}", escaped(oldest)));
    }
    if sink.offset.is_none() {
        parts.push("nothing delivered yet".to_owned());
    }
    if let Some(error) = &sink.error {
        parts.push(format!("failing ({} runs): {}", sink.failures, escaped(error)));
    }
    if let Some(until) = &sink.until {
        parts.push(format!("left alone until {}", escaped(until)));
    }
    if sink.dead_letters > 0 {
        let reason = sink.dead_reason.as_deref().unwrap_or("unknown");
        parts.push(format!("{} dead letters, the newest: {}", sink.dead_letters, escaped(reason)));
    }
    ui.line(parts.join(", "));
}

fn test(args: SinksTestArgs, sinks: &[NamedSink], ui: &Ui) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for sink in named(sinks, args.name.as_deref())? {
        let mut outcome = sink.sink.check().map(|answer| format!("check: {answer}"));
        if outcome.is_ok() && !args.check {
            let mut event = test_event();
            prepare(sink, &mut event);
            outcome = sink.sink.deliver(&event).map(|()| "the test event was taken".to_owned());
        }
        match outcome {
            Ok(answer) => ui.line(format!("{}: {}", escaped(&sink.name), escaped(&answer))),
            Err(error) => {
                ui.line(format!("{}: FAILED: {}", escaped(&sink.name), escaped(&error.to_string())));
                exit = Exit::Io;
            }
        }
    }
    Ok(exit)
}

/// An event that nobody takes for a real one: it is of no chain and says so.
fn test_event() -> Event {
    let now = Timestamp::now();
    let id = format!("test-{}", now.as_nanosecond());
    let record = json!({
        "v": 1,
        "timestamp": format!("{now:.6}"),
        "event_type": "test",
        "chain": "test",
        "seq": 0,
        "tool_name": "Test",
        "action_taken": "alert",
        "rule": {"layer": "test", "name": "sinks-test", "line": 0},
        "reason": "A test by `agentfirewall sinks test`: nothing happened",
        "_hash": id,
    });
    Event::new(id, "test", 0, Action::Alert, record)
}

fn retry(args: SinksRetryArgs, places: &Places, sinks: &[NamedSink], ui: &Ui) -> Result<Exit, Failure> {
    let log = args.log.unwrap_or_else(|| places.audit_log());
    let mut exit = Exit::Success;
    for sink in named(sinks, args.name.as_deref())? {
        let retried = retry_letters(&log, &places.state, sink, &Options::default())
            .map_err(|error| Failure::new(Exit::Io, escaped(&error.to_string())))?;
        let Some(retried) = retried else {
            ui.note("another process is delivering this log: try again when it has ended, or stop the service first");
            return Ok(Exit::Io);
        };
        let mut parts = vec![format!("{}: {} delivered", escaped(&sink.name), retried.delivered)];
        if retried.rejected > 0 {
            parts.push(format!("{} refused again", retried.rejected));
        }
        if let Some(error) = &retried.error {
            parts.push(format!("{} left: {}", retried.left, escaped(error)));
        }
        if retried.rejected > 0 || retried.left > 0 {
            exit = Exit::Io;
        }
        ui.line(parts.join(", "));
    }
    Ok(exit)
}
