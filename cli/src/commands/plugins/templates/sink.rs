//! Appends what happened to a file, one line each.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use agentfirewall_sdk::{Event, Plugin, PluginError, Sink, SinkError, register};
use schemars::JsonSchema;
use serde::Deserialize;

// Makes this crate a library that agentfirewall loads.
#[cfg(feature = "export")]
agentfirewall_sdk::export!();

/// Call it from a binary that links this crate in: the linker drops a crate that nothing refers to.
pub fn link() {}

/// The longest line that whoever reads the file takes, in bytes.
const LONGEST: usize = 1 << 20;

/// What stands below `with:` in a policy. An unknown option is an error of the policy, with its line.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The file, as an absolute path. It is created; its folder must exist.
    path: PathBuf,
}

#[derive(Debug)]
pub struct PluginName {
    path: PathBuf,
}

impl Plugin for PluginName {
    type Config = Options;

    fn new(options: Options) -> Result<Self, PluginError> {
        if !options.path.is_absolute() {
            return Err(PluginError::new("`path` must be an absolute path"));
        }
        Ok(Self { path: options.path })
    }
}

impl Sink for PluginName {
    // Runs in the delivery process, after the agent has its answer: it may wait for a network, within reason.
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        // An event may come twice, after a crash for example. Its id stays: give it to the receiver, so that it can
        // drop the second one.
        let line = format!("{} {} {}\n", event.id, event.action, event.record);
        if line.len() > LONGEST {
            // Will never be taken: it goes to the dead letters, and the next event follows.
            return Err(SinkError::reject(format!(
                "the record has more than {LONGEST} bytes"
            )));
        }
        // May be taken later: the same event is tried again, with growing pauses, and the others wait behind it.
        // No message may quote the event, nor an address or a token from the options.
        self.append(&line)
            .map_err(|error| SinkError::retry(format!("the file cannot be written: {error}")))
    }

    // Can events be delivered? Leaves nothing at the receiver.
    fn check(&self) -> Result<String, SinkError> {
        match self.path.parent() {
            Some(folder) if folder.is_dir() => Ok("the file's folder is there".to_owned()),
            _ => Err(SinkError::retry("the file's folder does not exist")),
        }
    }
}

impl PluginName {
    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = self.open()?;
        let length = file.metadata()?.len();
        file.write_all(line.as_bytes()).inspect_err(|_| {
            // Half a line would spoil the next one.
            let _torn = file.set_len(length);
        })
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        // Records name files and commands: they are nobody else's business.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)
    }
}

register! {
    sink PluginName {
        id: "plugin-name",
        summary: "appends events to a file",
        why: "say here who reads it and what for",
        examples: [r#"{"path": "/var/log/plugin-name.log"}"#],
        negatives: [r#"{"path": "relative.log"}"#, r#"{"file": "/var/log/plugin-name.log"}"#],
        keywords: ["file", "log"],
        since: "0.1.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentfirewall_sdk::Action;
    use std::error::Error;

    #[test]
    fn appends_one_line_for_each_event() -> Result<(), Box<dyn Error>> {
        let name = format!("plugin-name-{}.log", std::process::id());
        let path = std::env::temp_dir().join(name);
        let sink = PluginName::new(Options { path: path.clone() })?;
        for (number, id) in [(1, "one"), (2, "two")] {
            let record = serde_json::json!({"seq": number});
            sink.deliver(&Event::new(id, "chain", number, Action::Alert, record))?;
        }
        let text = std::fs::read_to_string(&path)?;
        std::fs::remove_file(&path)?;
        assert_eq!(text, "one alert {\"seq\":1}\ntwo alert {\"seq\":2}\n");
        Ok(())
    }

    #[test]
    fn a_folder_that_is_not_there_yet_may_come() -> Result<(), Box<dyn Error>> {
        let path = std::env::temp_dir().join("plugin-name-no-such-folder/events.log");
        let sink = PluginName::new(Options { path })?;
        let event = Event::new("one", "chain", 1, Action::Alert, serde_json::json!({}));
        assert!(matches!(sink.deliver(&event), Err(SinkError::Retry { .. })));
        assert!(sink.check().is_err());
        Ok(())
    }
}
