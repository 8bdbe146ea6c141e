//! Calls that come too often, by the host's log.

use std::sync::Mutex;

use agentfirewall_sdk::{Action, History, Matcher, PastCall, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;

use super::words::{self, OneOrMany};

/// The most calls that can be asked for: the host looks at a few thousand at most.
const MOST_CALLS: u32 = 1_000;
/// The longest window: a day.
const LONGEST_SECONDS: u32 = 24 * 60 * 60;
/// How far a clock that was set back may have put calls out of order before the search ends at one that is too old.
const CLOCK_SLACK_MS: i64 = 5 * 60 * 1000;

/// How many calls before this one are too many.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// So many calls before this one, or more; at most 1000.
    calls: u32,
    /// How long ago the oldest of them may be: `60s`, `5m`, `1h`; at most 24 hours.
    window: String,
    /// The tools whose calls count; wildcards. Without it, every tool's do.
    #[serde(default)]
    tool: Option<OneOrMany>,
    /// The answers that count: `allow`, `log`, `alert`, `ask`, `deny`. Without it, every answer does.
    #[serde(default)]
    action: Option<OneOrMany<Answer>>,
    /// Whose calls count: those of the same session, or those of the whole project.
    #[serde(default)]
    scope: Scope,
}

/// An answer to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Answer {
    /// It passed.
    Allow,
    /// It passed and was noted.
    Log,
    /// It passed and was reported.
    Alert,
    /// A person was asked.
    Ask,
    /// It was stopped.
    Deny,
}

/// Whose calls count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    /// Those of the same session.
    #[default]
    Session,
    /// Those of every session in the project.
    Project,
}

/// Matches calls that come too often.
#[derive(Debug)]
pub(crate) struct Rate {
    calls: u32,
    window_ms: i64,
    tool: Option<Vec<String>>,
    action: Option<Vec<Answer>>,
    scope: Scope,
    /// The answer to the last numbered call: it is the same for all of its parts, and the log is read once.
    last: Mutex<Option<(u64, bool)>>,
}

impl Plugin for Rate {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        if !(1..=MOST_CALLS).contains(&config.calls) {
            return Err(PluginError::new(format!("`calls` must be from 1 to {MOST_CALLS}")));
        }
        Ok(Self {
            calls: config.calls,
            window_ms: milliseconds(&config.window)?,
            tool: words::list("tool", config.tool)?,
            action: words::list("action", config.action)?,
            scope: config.scope,
            last: Mutex::new(None),
        })
    }
}

impl Matcher for Rate {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let Some(history) = subject.history else { return Ok(false) };
        let number = subject.number();
        if number != 0
            && let Ok(last) = self.last.lock()
            && let Some((known, answer)) = *last
            && known == number
        {
            return Ok(answer);
        }
        let answer = self.are_too_many(subject, history)?;
        if let Ok(mut last) = self.last.lock() {
            *last = Some((number, answer));
        }
        Ok(answer)
    }
}

register! {
    matcher Rate {
        id: "rate",
        summary: "calls that come too often: so many before this one within a window, by the audit log",
        why: "stops a loop that burns money or tries one way around a rule after the other",
        examples: [
            r#"{"calls": 2, "window": "1m"} => {"tool": "Bash", "input": {"command": "ls"}, "past": [{"seconds_ago": 1}, {"seconds_ago": 59}]}"#,
            r#"{"calls": 1, "window": "1h", "tool": "mcp__*", "action": ["deny", "ask"]} => {"tool": "Bash", "input": {"command": "ls"}, "past": [{"seconds_ago": 5}, {"seconds_ago": 1800, "tool": "mcp__x__y", "action": "deny"}]}"#,
            r#"{"calls": 1, "window": "5m", "scope": "project"} => {"tool": "Bash", "input": {"command": "ls"}, "session": "b", "past": [{"seconds_ago": 5, "session": "a"}]}"#,
        ],
        negatives: [
            r#"{"calls": 2, "window": "1m"} => {"tool": "Bash", "input": {"command": "ls"}, "past": [{"seconds_ago": 1}, {"seconds_ago": 61}]}"#,
            r#"{"calls": 1, "window": "1h", "action": "deny"} => {"tool": "Bash", "input": {"command": "ls"}, "past": [{"seconds_ago": 5}]}"#,
            r#"{"calls": 1, "window": "5m"} => {"tool": "Bash", "input": {"command": "ls"}, "session": "b", "past": [{"seconds_ago": 5, "session": "a"}]}"#,
            r#"{"calls": 1, "window": "5m"} => ls"#,
        ],
        keywords: ["rate", "limit", "loop", "budget", "history"],
        since: "0.3.0",
    }
}

impl Rate {
    fn are_too_many(&self, subject: &Subject<'_>, history: &dyn History) -> Result<bool, PluginError> {
        let begin = history.now_ms().saturating_sub(self.window_ms);
        let project = subject.call.project.to_string_lossy();
        let mut counted = 0;
        history.recent(&mut |past| {
            // What is later than now was written before a clock was set back: it counts.
            counted += u32::from(past.at_ms >= begin && self.counts(past, &subject.call.session, &project));
            counted < self.calls && past.at_ms >= begin.saturating_sub(CLOCK_SLACK_MS)
        })?;
        Ok(counted >= self.calls)
    }

    fn counts(&self, past: &PastCall<'_>, session: &str, project: &str) -> bool {
        let in_scope = match self.scope {
            Scope::Session => past.session == session,
            Scope::Project => past.project == project,
        };
        in_scope
            && words::any(self.tool.as_deref(), past.tool)
            && self.action.as_ref().is_none_or(|answers| {
                past.action.is_some_and(|action| answers.iter().any(|answer| answer.is(action)))
            })
    }
}

impl Answer {
    const fn is(self, action: Action) -> bool {
        matches!(
            (self, action),
            (Self::Allow, Action::Allow)
                | (Self::Log, Action::Log)
                | (Self::Alert, Action::Alert)
                | (Self::Ask, Action::Ask)
                | (Self::Deny, Action::Deny)
        )
    }
}

fn milliseconds(window: &str) -> Result<i64, PluginError> {
    let unit = |text: &str| match text {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(60 * 60),
        _ => None,
    };
    let digits = window.bytes().take_while(u8::is_ascii_digit).count();
    window
        .split_at_checked(digits)
        .and_then(|(count, rest)| count.parse::<u32>().ok()?.checked_mul(unit(rest)?))
        .filter(|seconds| (1..=LONGEST_SECONDS).contains(seconds))
        .map(|seconds| i64::from(seconds) * 1000)
        .ok_or_else(|| {
            PluginError::new(format!(
                "`{}` is no window: one is like `60s`, `5m` or `1h`, and at most `24h`",
                window.escape_debug()
            ))
        })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use agentfirewall_sdk::{Access, PartKind, ToolCall};
    use serde_json::{Value, json};

    use super::*;

    /// The calls of a session, and how often somebody asked for them.
    #[derive(Debug, Default)]
    struct Log {
        at_ms: Vec<i64>,
        asked: AtomicU32,
        seen: AtomicU32,
        broken: bool,
    }

    impl History for Log {
        fn now_ms(&self) -> i64 {
            1_000_000
        }

        fn recent(&self, newest_first: &mut dyn FnMut(&PastCall<'_>) -> bool) -> Result<(), PluginError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            for at in &self.at_ms {
                self.seen.fetch_add(1, Ordering::Relaxed);
                if !newest_first(&PastCall::new(*at, "Bash")) {
                    break;
                }
            }
            if self.broken { Err(PluginError::new("the log cannot be read")) } else { Ok(()) }
        }
    }

    fn new(config: Value) -> Result<Rate, PluginError> {
        Rate::new(serde_json::from_value(config).map_err(|error| PluginError::new(error.to_string()))?)
    }

    fn ask(matcher: &Rate, log: &Log, number: u64) -> Result<bool, PluginError> {
        let call = ToolCall::new("Bash", json!({}));
        let subject = Subject::new(&call, PartKind::Command, "ls", Access::Unknown);
        matcher.matches(&subject.with_history(Some(log)).numbered(number))
    }

    #[test]
    fn the_log_is_read_once_for_all_parts_of_a_call() {
        let matcher = new(json!({"calls": 1, "window": "60s"})).unwrap();
        let log = Log { at_ms: vec![999_000], ..Log::default() };
        for number in [1, 1, 1, 2, 2] {
            assert!(ask(&matcher, &log, number).unwrap());
        }
        assert_eq!(log.asked.load(Ordering::Relaxed), 2);
        let empty = Log::default();
        assert!(ask(&matcher, &empty, 2).unwrap() && !ask(&matcher, &empty, 0).unwrap());
    }

    #[test]
    fn no_more_is_read_than_is_needed() {
        let matcher = new(json!({"calls": 2, "window": "10s"})).unwrap();
        let enough = Log { at_ms: vec![999_000; 100], ..Log::default() };
        assert!(ask(&matcher, &enough, 1).unwrap());
        assert_eq!(enough.seen.load(Ordering::Relaxed), 2);
        let old = Log { at_ms: vec![0; 100], ..Log::default() };
        assert!(!ask(&matcher, &old, 2).unwrap());
        assert_eq!(old.seen.load(Ordering::Relaxed), 1);
        // A clock that was set back: one that looks too old stands before one that is not.
        let set_back = Log { at_ms: vec![2_000_000, 980_000, 995_000], ..Log::default() };
        assert!(ask(&matcher, &set_back, 3).unwrap());
    }

    #[test]
    fn a_log_that_cannot_be_read_is_an_error() {
        let matcher = new(json!({"calls": 1, "window": "10s"})).unwrap();
        assert!(ask(&matcher, &Log { broken: true, ..Log::default() }, 1).is_err());
    }

    #[test]
    fn what_is_no_limit_is_refused() {
        for window in ["", "s", "60", "60 s", "1d", "0s", "25h", "-1s", "99999999999h", "é"] {
            assert!(new(json!({"calls": 1, "window": window})).is_err(), "{window}");
        }
        assert_eq!(new(json!({"calls": 1, "window": "24h"})).unwrap().window_ms, 86_400_000);
        for config in [
            json!({"calls": 0, "window": "1m"}),
            json!({"calls": 1001, "window": "1m"}),
            json!({"calls": 1, "window": "1m", "action": "block"}),
            json!({"calls": 1, "window": "1m", "tool": []}),
            json!({"window": "1m"}),
        ] {
            assert!(new(config.clone()).is_err(), "{config}");
        }
    }
}
