//! `stdout`: records as JSON Lines on the standard output of the delivery process.

use std::io::Write;

use agentfirewall_sdk::{Event, NoConfig, Plugin, PluginError, Sink, SinkError, register};

struct Stdout;

impl Plugin for Stdout {
    type Config = NoConfig;

    fn new(_: NoConfig) -> Result<Self, PluginError> {
        Ok(Self)
    }
}

impl Sink for Stdout {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let mut line = event.text().into_owned();
        line.push('\n');
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(line.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| SinkError::retry(format!("standard output: {error}")))
    }

    fn check(&self) -> Result<String, SinkError> {
        Ok("standard output needs no check".to_owned())
    }
}

register! {
    sink Stdout {
        id: "stdout",
        summary: "Writes records as JSON Lines to the standard output of `agentfirewall deliver`",
        why: "Pipes records into a collector that you start yourself, such as a container's log driver",
        examples: ["{}"],
        negatives: [r#"{"pretty": true}"#],
        keywords: ["stdout", "pipe", "container", "json lines"],
        since: "0.2.0",
    }
}
