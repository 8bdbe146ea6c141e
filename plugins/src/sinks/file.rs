//! `file`: records as JSON Lines in a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use agentfirewall_sdk::{Event, Plugin, PluginError, Sink, SinkError, register};
use schemars::JsonSchema;
use serde::Deserialize;

/// Where to write.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The file: an absolute path, or one that begins with `~/`. It is created for the user alone; its folder must
    /// exist.
    path: String,
}

struct File {
    path: PathBuf,
}

impl Plugin for File {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let path = match config.path.strip_prefix("~/") {
            Some(rest) => std::env::home_dir()
                .filter(|home| home.is_absolute())
                .ok_or_else(|| PluginError::new("`path` begins with `~/`, but the home folder is not known"))?
                .join(rest),
            None => PathBuf::from(&config.path),
        };
        if !path.is_absolute() {
            return Err(PluginError::new(format!(
                "`path` must be absolute or begin with `~/`: the folder in which `{}` would be searched for is not fixed",
                config.path
            )));
        }
        Ok(Self { path })
    }
}

impl File {
    fn failure(&self, error: &io::Error) -> SinkError {
        SinkError::retry(format!("`{}`: {error}", self.path.display()))
    }

    /// A pipe without a reader would block the delivery for ever.
    fn refuse_special(path: &Path) -> io::Result<()> {
        match path.metadata() {
            Ok(metadata) if !metadata.is_file() => Err(io::Error::other("not a regular file")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn append(&self, event: &Event) -> io::Result<()> {
        Self::refuse_special(&self.path)?;
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let mut file = options.open(&self.path)?;
        let length = file.metadata()?.len();
        let mut line = event.text().into_owned();
        line.push('\n');
        file.write_all(line.as_bytes()).inspect_err(|_| {
            // Half a line would damage the next one; if it cannot be taken back, the reader sees it.
            let _torn = file.set_len(length);
        })
    }
}

impl Sink for File {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        self.append(event).map_err(|error| self.failure(&error))
    }

    fn check(&self) -> Result<String, SinkError> {
        Self::refuse_special(&self.path).map_err(|error| self.failure(&error))?;
        match self.path.parent() {
            Some(folder) if folder.is_dir() => {
                Ok(format!("`{}` can be created or appended to", self.path.display()))
            }
            _ => Err(self.failure(&io::Error::other("its folder does not exist"))),
        }
    }
}

register! {
    sink File {
        id: "file",
        summary: "Appends records as JSON Lines to a file of your choice",
        why: "Feeds a log shipper, or keeps a second copy of the log where the agent's user cannot rewrite it",
        examples: [r#"{"path": "/var/log/agentfirewall.jsonl"}"#],
        negatives: [r#"{"path": "relative.jsonl"}"#, r#"{"file": "/var/log/x"}"#],
        keywords: ["file", "copy", "log shipper", "json lines"],
        since: "0.2.0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentfirewall_sdk::Action;
    use serde_json::json;

    fn event(number: u64) -> Event {
        Event::new("id", "chain", number, Action::Deny, json!({"v": 1, "seq": number, "reason": "é\n"}))
    }

    fn sink(path: &Path) -> Result<File, PluginError> {
        File::new(Config { path: path.to_str().unwrap().to_owned() })
    }

    #[test]
    fn appends_lines_to_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        let sink = sink(&path).unwrap();
        sink.check().unwrap();
        sink.deliver(&event(1)).unwrap();
        sink.deliver(&event(2)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"v\":1,\"seq\":1,\"reason\":\"é\\n\"}\n{\"v\":1,\"seq\":2,\"reason\":\"é\\n\"}\n"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_relative_path_is_refused_and_home_is_found() {
        assert!(sink(Path::new("out.jsonl")).is_err());
        assert!(sink(Path::new("~/out.jsonl")).unwrap().path.is_absolute());
    }

    #[test]
    fn what_cannot_be_written_is_tried_again_later() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none/out.jsonl")] {
            let sink = sink(&path).unwrap();
            assert!(matches!(sink.deliver(&event(1)), Err(SinkError::Retry { .. })));
            sink.check().unwrap_err();
        }
    }
}
