//! The other end of an isolated sink: answers requests on standard input until there are no more.

use std::io::{BufRead, Write};
use std::sync::Arc;

use agentfirewall_core::guard::Unguarded;
use agentfirewall_core::places::Places;
use agentfirewall_sdk::{Sink, SinkError};

use super::isolated::{Answer, Request};
use crate::composition::compose;
use crate::failure::{Exit, Failure};
use crate::supervise::own_stdout;

pub(super) fn run(name: &str, places: &Places) -> Result<Exit, Failure> {
    let unusable = |error: std::io::Error| Failure::io("standard output", &error);
    let mut answers = own_stdout().map_err(unusable)?;
    // This process is the guard: it has no other purpose than to be allowed to die.
    let registry = compose(places, &[], |_| Arc::new(Unguarded))?;
    let mut sink: Option<Result<Box<dyn Sink>, String>> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::io("standard input", &error))?;
        let request: Request = serde_json::from_str(&line)
            .map_err(|error| Failure::new(Exit::Data, format!("the request cannot be read: {error}")))?;
        let sink = sink.get_or_insert_with(|| {
            super::with_setting(places, &registry, name, |setting, plugin| plugin.sink(setting.config))
                .map_err(|failure| failure.message)
        });
        let result = match (sink, request) {
            // It may be put right: nothing is lost meanwhile.
            (Err(message), _) => Answer::of(Err(SinkError::retry(message.clone()))),
            (Ok(sink), Request::Deliver(event)) => Answer::of(sink.deliver(&event).map(|()| String::new())),
            (Ok(sink), Request::Batch(events)) => Answer::of_batch(sink.deliver_batch(&events)),
            (Ok(sink), Request::Manner) => Answer::Manner(sink.manner()),
            (Ok(sink), Request::Check) => Answer::of(sink.check()),
        };
        let mut line =
            serde_json::to_vec(&result).map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        line.push(b'\n');
        answers.write_all(&line).and_then(|()| answers.flush()).map_err(unusable)?;
    }
    Ok(Exit::Success)
}
