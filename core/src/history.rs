//! The calls before one, as matchers see them: from the audit log, the newest first.

use std::fs::File;
use std::path::PathBuf;

use agentfirewall_sdk::{Action, History, PastCall, PluginError, ToolCall};
use jiff::Timestamp;

use crate::audit::{AuditError, Backwards, EventType, View, open_written, segments, settled_length};

/// How many records are looked at, at most. A hook has milliseconds.
const MOST_RECORDS: usize = 10_000;
/// How much is read from the end at once: a few dozen records.
const BLOCK: usize = 32 << 10;

/// The calls that a log has.
#[derive(Debug, Clone)]
pub struct LogHistory {
    log: PathBuf,
    now: Option<Timestamp>,
}

impl LogHistory {
    /// The calls of a log, which need not exist yet, before a call that is made when it is asked about.
    pub const fn new(log: PathBuf) -> Self {
        Self { log, now: None }
    }

    /// The same before a call that is made at another time.
    pub const fn at(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self
    }

    /// The calls of a session that were not denied and in whose record a text stands, the newest first, as they were recorded:
    /// with secrets masked and long texts cut.
    pub(crate) fn naming(
        &self,
        session: &str,
        text: &str,
        newest_first: &mut dyn FnMut(&ToolCall) -> bool,
    ) -> Result<(), AuditError> {
        let (quoted_session, text) = (quoted(session), quoted(text));
        self.lines(&mut |line| {
            let named = std::str::from_utf8(line)
                .is_ok_and(|line| line.contains(&text) && line.contains(&quoted_session));
            !named || past_call(line, session).is_none_or(|call| newest_first(&call))
        })
    }

    fn read(&self, newest_first: &mut dyn FnMut(&PastCall<'_>) -> bool) -> Result<(), AuditError> {
        self.lines(&mut |line| {
            let Some(view) = check(line) else { return true };
            let Some(time) = view.time() else { return true };
            let mut call = PastCall::new(time.as_millisecond(), &view.tool_name);
            call.action = view.action_taken.parse().ok();
            call.session = &view.session_id;
            call.project = &view.project;
            newest_first(&call)
        })
    }

    fn lines(&self, newest_first: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), AuditError> {
        let mut left = MOST_RECORDS;
        if let Some(file) = open_written(&self.log)? {
            let length = settled_length(&file, &self.log)?;
            if !self.read_file(&file, length, &mut left, newest_first)? {
                return Ok(());
            }
        }
        // Shortly after a rotation most of the calls before are in the file before.
        for segment in segments(&self.log)?.iter().rev() {
            if left == 0 {
                break;
            }
            let Some(file) = open_written(&segment.path)? else { continue };
            let length = file.metadata().map_err(|error| AuditError::io("read", &segment.path, error))?.len();
            if !self.read_file(&file, length, &mut left, newest_first)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads one file from its end; `false` if that is enough.
    fn read_file(
        &self,
        file: &File,
        length: u64,
        left: &mut usize,
        newest_first: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<bool, AuditError> {
        let mut lines = Backwards::new(file, length, BLOCK);
        while *left > 0 {
            *left -= 1;
            let line = lines.next().map_err(|error| AuditError::io("read", &self.log, error))?;
            let Some((_, line)) = line else { return Ok(true) };
            if !newest_first(line) {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

/// The check that a line of the log records.
fn check(line: &[u8]) -> Option<View<'_>> {
    View::of(line).filter(|view| view.event_type == EventType::PolicyCheck.as_str())
}

/// A text as it stands inside of a JSON string.
fn quoted(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

/// What the metadata of a record says of where its call started.
#[derive(Default, serde::Deserialize)]
struct Metadata {
    #[serde(default)]
    cwd: PathBuf,
}

/// The call of a session that a line records, if it was not denied.
fn past_call(line: &[u8], session: &str) -> Option<ToolCall> {
    let view = check(line).filter(|view| view.session_id == session)?;
    if view.action_taken == Action::Deny.as_str() {
        return None;
    }
    let mut call =
        ToolCall::new(view.tool_name.into_owned(), serde_json::from_str(view.parameters?.get()).ok()?);
    call.project = PathBuf::from(view.project.as_ref());
    let metadata = view.metadata.and_then(|metadata| serde_json::from_str(metadata.get()).ok());
    call.cwd = metadata.unwrap_or_else(Metadata::default).cwd;
    Some(call)
}

impl History for LogHistory {
    fn now_ms(&self) -> i64 {
        self.now.unwrap_or_else(Timestamp::now).as_millisecond()
    }

    fn recent(&self, newest_first: &mut dyn FnMut(&PastCall<'_>) -> bool) -> Result<(), PluginError> {
        self.read(newest_first).map_err(|error| PluginError::new(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::audit::{Entry, Rotation, append, append_rotating};
    use crate::interceptor::Interceptor;
    use crate::policy::{LayerKind, compile_text};
    use crate::registry::Registry;

    const START: i64 = 1_800_000_000;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(START + second).unwrap()
    }

    /// A call each ten seconds: every second one denied, with what is no call in between.
    fn log(folder: &Path) -> PathBuf {
        let log = folder.join("log");
        for number in 0..10 {
            let entry = Entry {
                tool: "Bash",
                action: if number % 2 == 0 { Action::Deny } else { Action::Allow },
                session: "one",
                project: "/p".into(),
                ..Entry::new(EventType::PolicyCheck, second(number * 10))
            };
            append(&log, &entry, Duration::from_secs(9)).unwrap();
            let ran = Entry { tool: "Bash", ..Entry::new(EventType::ToolExecution, second(number * 10)) };
            append(&log, &ran, Duration::from_secs(9)).unwrap();
        }
        log
    }

    fn seen(history: &LogHistory, most: usize) -> Vec<(i64, Option<Action>)> {
        let mut seen = Vec::new();
        history
            .recent(&mut |call| {
                assert_eq!((call.tool, call.session, call.project), ("Bash", "one", "/p"));
                seen.push((call.at_ms / 1000 - START, call.action));
                seen.len() < most
            })
            .unwrap();
        seen
    }

    #[test]
    fn calls_come_newest_first_and_without_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let history = LogHistory::new(log(folder.path()));
        assert_eq!(seen(&history, 2), [(90, Some(Action::Allow)), (80, Some(Action::Deny))]);
        assert_eq!(seen(&history, 100).len(), 10);
    }

    #[test]
    fn calls_of_the_files_before_count_too() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        for number in 0..10 {
            let entry = Entry {
                tool: "Bash",
                session: "one",
                project: "/p".into(),
                ..Entry::new(EventType::PolicyCheck, second(number))
            };
            let rotation = Rotation { records: Some(3), ..Rotation::default() };
            append_rotating(&log, &entry, Duration::from_secs(9), &rotation).unwrap();
        }
        assert!(segments(&log).unwrap().len() > 2);
        let times: Vec<i64> = seen(&LogHistory::new(log), 100).into_iter().map(|(time, _)| time).collect();
        assert_eq!(times, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn no_log_is_no_calls_and_one_that_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(seen(&LogHistory::new(folder.path().join("none")), 9).is_empty());
        assert!(LogHistory::new(folder.path().to_owned()).recent(&mut |_| true).is_err());
    }

    #[test]
    fn a_policy_limits_how_often_calls_come() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path());
        agentfirewall_plugins::link();
        let registry = Registry::from_linked().unwrap();
        let text = "version: 1\ndefault_action: allow\nrules:\n\
            - {name: too-often, match: {rate: {calls: 3, window: 30s, tool: Bash}}, action: deny}\n";
        let compiled = compile_text(text, LayerKind::User, &registry).unwrap();
        let answer = |now: Option<i64>, session: &str| {
            let mut interceptor = Interceptor::new(&compiled, &registry, folder.path()).unwrap();
            if let Some(now) = now {
                interceptor = interceptor.with_history(LogHistory::new(log.clone()).at(second(now)));
            }
            let mut call = ToolCall::new("Bash", json!({"command": "ls; pwd"}));
            call.session = session.to_owned();
            interceptor.check(&call).unwrap().action
        };
        assert_eq!(answer(Some(95), "one"), Action::Deny);
        assert_eq!(answer(Some(100), "one"), Action::Deny);
        assert_eq!(answer(Some(101), "one"), Action::Allow, "the third is out of the window");
        assert_eq!(answer(Some(95), "two"), Action::Allow);
        assert_eq!(answer(None, "one"), Action::Allow, "without a log nothing is known of calls before");
    }
}
