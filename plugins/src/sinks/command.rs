//! `command`: a program of yours, without a shell, with the event on its standard input.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use agentfirewall_sdk::{Event, Plugin, PluginError, Sink, SinkError, register};
use schemars::JsonSchema;
use serde::Deserialize;

/// The exit code by which a program refuses an event for good (`EX_DATAERR` of `sysexits.h`).
const REFUSED: i32 = 65;

/// What to start.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The program, by an absolute path, and its arguments. No shell reads them.
    command: Vec<String>,
    /// How long it may take; then it is ended.
    #[serde(default = "timeout")]
    #[schemars(range(min = 1, max = 300))]
    timeout_seconds: u64,
}

const fn timeout() -> u64 {
    10
}

struct Program {
    path: String,
    arguments: Vec<String>,
    timeout: Duration,
}

impl Plugin for Program {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let mut words = config.command.into_iter();
        let program = words.next().ok_or_else(|| PluginError::new("`command` is empty"))?;
        if !Path::new(&program).is_absolute() {
            return Err(PluginError::new(
                "`command` must begin with an absolute path: who could change what it finds?",
            ));
        }
        if !(1..=300).contains(&config.timeout_seconds) {
            return Err(PluginError::new("`timeout_seconds` must be from 1 to 300"));
        }
        let timeout = Duration::from_secs(config.timeout_seconds);
        Ok(Self { path: program, arguments: words.collect(), timeout })
    }
}

impl Sink for Program {
    fn deliver(&self, event: &Event) -> Result<(), SinkError> {
        let failed = |what: String| SinkError::retry(format!("`{}`: {what}", self.path));
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .env("AGENTFIREWALL_ACTION", event.action.as_str())
            .env("AGENTFIREWALL_EVENT_ID", &event.id)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let text = event.text().into_owned();
        let input = child.stdin.take();
        // A program that does not read must not stop us: its end closes the pipe, and with it the thread's writing.
        let writer = std::thread::spawn(move || {
            if let Some(mut input) = input {
                let _may_not_read = input.write_all(text.as_bytes()).and_then(|()| input.write_all(b"\n"));
            }
        });
        let until = Instant::now() + self.timeout;
        let mut nap = Duration::from_millis(1);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < until => {
                    std::thread::sleep(nap);
                    nap = (nap * 2).min(Duration::from_millis(50));
                }
                Ok(None) => {
                    let _gone = child.kill();
                    let _reaped = child.wait();
                    return Err(failed(format!("no end within {} s", self.timeout.as_secs())));
                }
                Err(error) => return Err(failed(error.to_string())),
            }
        };
        drop(writer);
        match status.code() {
            Some(0) => Ok(()),
            Some(REFUSED) => Err(SinkError::reject(format!("`{}` refused it (exit code 65)", self.path))),
            _ => Err(failed(status.to_string())),
        }
    }

    fn check(&self) -> Result<String, SinkError> {
        let metadata = std::fs::metadata(&self.path);
        match metadata {
            Ok(metadata) if metadata.is_file() => Ok(format!("`{}` is there", self.path)),
            Ok(_) => Err(SinkError::retry(format!("`{}` is no file", self.path))),
            Err(error) => Err(SinkError::retry(format!("`{}`: {error}", self.path))),
        }
    }
}

register! {
    sink Program {
        id: "command",
        summary: "Starts a program of yours for each record, with the record on its standard input",
        why: "Whatever no other sink does: a desktop notification, a ticket, a lamp",
        examples: [
            r#"{"command": ["/usr/local/bin/notify-me"]}"#,
            r#"{"command": ["/usr/bin/logger", "-t", "agentfirewall"], "timeout_seconds": 5}"#,
        ],
        negatives: [
            r#"{"command": []}"#,
            r#"{"command": ["notify-me"]}"#,
            r#"{"command": "/bin/sh -c 'x'"}"#,
            r#"{"command": ["/bin/true"], "timeout_seconds": 0}"#,
        ],
        keywords: ["command", "program", "script", "notification"],
        since: "0.3.0",
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use agentfirewall_sdk::Action;
    use serde_json::json;

    fn deliver(script: &str, seconds: u64) -> Result<(), SinkError> {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        let event = Event::new(
            "ab12",
            "c0ffee",
            7,
            Action::Deny,
            json!({"reason": "no", "pad": "x".repeat(200_000)}),
        );
        Program::new(Config { command, timeout_seconds: seconds }).unwrap().deliver(&event)
    }

    #[test]
    fn gets_the_event_and_says_by_its_exit_code_what_became_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("event");
        deliver(&format!("cat > '{}'; test \"$AGENTFIREWALL_ACTION\" = deny", file.display()), 10).unwrap();
        let event: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(event["reason"], "no");
        assert!(matches!(deliver("exit 65", 10), Err(SinkError::Reject { .. })));
        assert!(matches!(deliver("exit 1", 10), Err(SinkError::Retry { .. })));
        // One that reads nothing and one that never ends.
        deliver("exit 0", 10).unwrap();
        let Err(SinkError::Retry { message, .. }) = deliver("exec sleep 60", 1) else { panic!() };
        assert!(message.ends_with("no end within 1 s"), "{message}");
    }
}
