//! Finding the newest records that match, without reading the log from its beginning.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::backwards::Backwards;
use super::error::AuditError;
use super::line::Place;
use super::lines::{Lines, Next};
use super::{open_for_reading, settled_length};

/// How much is read from the end at once.
const BLOCK: usize = 64 << 10;

/// Records are written in the order of their time, but for clocks that are set back and calls that wait for each other:
/// the search for old records ends at one that is older by this much.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_hours(24);

/// A record as it is shown: ours or the original's. What a record does not have is empty.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct View<'a> {
    /// RFC 3339.
    #[serde(borrow)]
    pub timestamp: Cow<'a, str>,
    /// See [`EventType`](super::EventType).
    #[serde(borrow)]
    pub event_type: Cow<'a, str>,
    /// The tool.
    #[serde(borrow, default)]
    pub tool_name: Cow<'a, str>,
    /// The answer.
    #[serde(borrow, default)]
    pub action_taken: Cow<'a, str>,
    /// What would have happened without monitor mode.
    #[serde(borrow, default)]
    pub would: Cow<'a, str>,
    /// The rule that decided.
    #[serde(borrow, default)]
    pub rule: Option<RuleView<'a>>,
    /// Why.
    #[serde(borrow, default)]
    pub reason: Cow<'a, str>,
    /// The session.
    #[serde(borrow, default)]
    pub session_id: Cow<'a, str>,
    /// The project's folder.
    #[serde(borrow, default)]
    pub project: Cow<'a, str>,
    /// The secrets found.
    #[serde(borrow, default)]
    pub violations: Vec<&'a RawValue>,
    /// The masked parameters, as JSON.
    #[serde(borrow, default)]
    pub parameters: Option<&'a RawValue>,
    /// Anything else, as JSON.
    #[serde(borrow, default)]
    pub metadata: Option<&'a RawValue>,
}

/// The rule of a [`View`].
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct RuleView<'a> {
    /// The policy's layer.
    #[serde(borrow, default)]
    pub layer: Cow<'a, str>,
    /// The rule's name.
    #[serde(borrow, default)]
    pub name: Cow<'a, str>,
    /// Its line in the policy file.
    #[serde(default)]
    pub line: u32,
}

impl<'a> View<'a> {
    /// Reads a line; `None` if it is no record.
    pub fn of(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// The time. The original's texts without an offset are in UTC.
    pub fn time(&self) -> Option<Timestamp> {
        self.timestamp.parse().ok().or_else(|| {
            let civil: DateTime = self.timestamp.parse().ok()?;
            Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
        })
    }
}

/// Which records are wanted. The default wants all.
#[derive(Default)]
pub struct Filter<'a> {
    /// Whether a tool's name is wanted.
    pub tool: Option<&'a dyn Fn(&str) -> bool>,
    /// The action.
    pub action: Option<&'a str>,
    /// The rule's name.
    pub rule: Option<&'a str>,
    /// The session.
    pub session: Option<&'a str>,
    /// The earliest time.
    pub since: Option<Timestamp>,
    /// The time before which it was.
    pub until: Option<Timestamp>,
}

impl std::fmt::Debug for Filter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Filter")
            .field("tool", &self.tool.is_some())
            .field("action", &self.action)
            .field("rule", &self.rule)
            .field("session", &self.session)
            .field("since", &self.since)
            .field("until", &self.until)
            .finish()
    }
}

impl Filter<'_> {
    /// Whether every record is wanted.
    pub fn is_empty(&self) -> bool {
        self.tool.is_none()
            && self.action.is_none()
            && self.rule.is_none()
            && self.session.is_none()
            && self.since.is_none()
            && self.until.is_none()
    }

    /// Whether a record is wanted. One without a readable time passes no filter of time.
    pub fn wants(&self, view: &View<'_>) -> bool {
        self.tool.is_none_or(|wanted| wanted(&view.tool_name))
            && self.action.is_none_or(|action| action == view.action_taken)
            && self.rule.is_none_or(|name| view.rule.as_ref().is_some_and(|rule| rule.name == name))
            && self.session.is_none_or(|session| session == view.session_id)
            && (self.since.is_none() && self.until.is_none() || self.wants_time(view))
    }

    fn wants_time(&self, view: &View<'_>) -> bool {
        view.time().is_some_and(|time| {
            self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
        })
    }

    /// Whether no older record than this one can be wanted.
    fn ends_before(&self, view: &View<'_>) -> bool {
        let Some(earliest) = self.since.and_then(|since| since.checked_sub(CLOCK_SLACK).ok()) else {
            return false;
        };
        view.time().is_some_and(|time| time < earliest)
    }
}

/// Where the newest matching records are. Nothing of them is held in memory.
#[derive(Debug)]
pub struct Found {
    log: PathBuf,
    file: File,
    start: u64,
    /// How long the log was: where [`Follow`](super::Follow) goes on.
    pub end: u64,
    /// How many records match, at most as many as were asked for.
    pub count: usize,
    /// Whether older records match too.
    pub more: bool,
    /// How many records the whole log has, where that is known without reading it and no filter was given.
    pub total: Option<u64>,
    /// How many lines were passed over because they are no records.
    pub unreadable: u64,
}

/// Finds the newest matching records, reading the log backwards in blocks, only as far as needed.
pub fn find(log: &Path, filter: &Filter<'_>, newest: usize) -> Result<Found, AuditError> {
    let file = open_for_reading(log)?;
    let end = settled_length(&file, log)?;
    let io = |error| AuditError::io("read", log, error);
    let (mut start, mut count, mut more, mut unreadable) = (end, 0, false, 0);
    let mut last_seq = None;
    let mut lines = Backwards::new(&file, end, BLOCK);
    while let Some((offset, line)) = lines.next().map_err(io)? {
        let Some(view) = View::of(line) else {
            unreadable += 1;
            continue;
        };
        if last_seq.is_none() {
            last_seq = Some(position(line));
        }
        if filter.wants(&view) {
            if count == newest {
                more = true;
                break;
            }
            start = offset;
            count += 1;
        }
        if filter.ends_before(&view) {
            break;
        }
    }
    let total = if !filter.is_empty() {
        None
    } else if more {
        total(&file, last_seq.flatten()).map_err(io)?
    } else {
        Some(count as u64)
    };
    Ok(Found { log: log.to_owned(), file, start, end, count, more, total, unreadable })
}

impl Found {
    /// Calls back with every record, the oldest first.
    pub fn each(
        &mut self,
        filter: &Filter<'_>,
        each: &mut dyn FnMut(&[u8], &View<'_>),
    ) -> Result<(), AuditError> {
        let io = |error| AuditError::io("read", &self.log, error);
        self.file.seek(SeekFrom::Start(self.start)).map_err(io)?;
        let reader =
            BufReader::with_capacity(BLOCK, Read::by_ref(&mut self.file).take(self.end - self.start));
        let mut lines = Lines::new(reader, self.start);
        let mut line = Vec::new();
        loop {
            match lines.next(&mut line).map_err(io)? {
                Next::Line | Next::Unfinished => {}
                Next::TooLong => continue,
                Next::End => return Ok(()),
            }
            if let Some(view) = View::of(&line)
                && filter.wants(&view)
            {
                each(&line, &view);
            }
        }
    }
}

fn position(line: &[u8]) -> Option<(String, u64)> {
    let place = Place::of(line)?;
    place.position().map(|(chain, seq)| (chain.to_owned(), seq))
}

/// How many records a log has in which every one is of the newest one's chain: that one's number, then.
fn total(mut file: &File, newest: Option<(String, u64)>) -> std::io::Result<Option<u64>> {
    let Some((chain, seq)) = newest else { return Ok(None) };
    file.seek(SeekFrom::Start(0))?;
    let mut first = Vec::new();
    Lines::new(BufReader::new(file), 0).next(&mut first)?;
    Ok(position(&first).filter(|first| first.0 == chain && first.1 == 1).map(|_| seq))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Entry, EventType, append};
    use agentfirewall_sdk::{Action, RuleRef};
    use std::time::Duration;

    fn log(folder: &Path, start: &[u8]) -> PathBuf {
        let log = folder.join("log");
        std::fs::write(&log, start).unwrap();
        let rule = RuleRef::new("project", "no-push", 3);
        for number in 0..50 {
            let deny = number % 5 == 0;
            let entry = Entry {
                tool: if number % 2 == 0 { "Bash" } else { "mcp__x__y" },
                action: if deny { Action::Deny } else { Action::Allow },
                rule: deny.then_some(&rule),
                session: if number < 25 { "one" } else { "two" },
                ..Entry::new(EventType::PolicyCheck, Timestamp::from_second(1_800_000_000 + number).unwrap())
            };
            append(&log, &entry, Duration::from_secs(9)).unwrap();
        }
        log
    }

    fn seconds(log: &Path, filter: &Filter<'_>, newest: usize) -> (Vec<i64>, Found) {
        let mut found = find(log, filter, newest).unwrap();
        let mut times = Vec::new();
        found
            .each(filter, &mut |_, view| times.push(view.time().unwrap().as_second() - 1_800_000_000))
            .unwrap();
        (times, found)
    }

    #[test]
    fn newest_records_in_their_order_with_what_is_known_of_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), b"");
        let (times, found) = seconds(&log, &Filter::default(), 3);
        assert_eq!(times, [47, 48, 49]);
        assert_eq!((found.count, found.more, found.total), (3, true, Some(50)));
        let (times, found) = seconds(&log, &Filter::default(), 100);
        assert_eq!((times.len(), found.more, found.total), (50, false, Some(50)));
        assert_eq!(seconds(&log, &Filter::default(), 0).1.count, 0);
    }

    #[test]
    fn every_filter_filters() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), b"");
        let count = |filter: Filter<'_>| seconds(&log, &filter, 100).0.len();
        let time = |second: i64| Some(Timestamp::from_second(1_800_000_000 + second).unwrap());
        assert_eq!(count(Filter { tool: Some(&|tool| tool.starts_with("mcp")), ..Filter::default() }), 25);
        assert_eq!(count(Filter { action: Some("deny"), ..Filter::default() }), 10);
        assert_eq!(count(Filter { rule: Some("no-push"), ..Filter::default() }), 10);
        assert_eq!(count(Filter { rule: Some("other"), ..Filter::default() }), 0);
        assert_eq!(count(Filter { session: Some("two"), action: Some("deny"), ..Filter::default() }), 5);
        assert_eq!(count(Filter { since: time(10), until: time(12), ..Filter::default() }), 2);
    }

    #[test]
    fn the_original_s_records_are_found_and_lines_that_are_none_counted() {
        let folder = tempfile::tempdir().unwrap();
        let log = log(folder.path(), include_bytes!("fixtures/original.jsonl"));
        let alert = Filter { action: Some("alert"), ..Filter::default() };
        assert_eq!(seconds(&log, &alert, 9).0.len(), 1);
        assert_eq!(seconds(&log, &Filter::default(), 9).1.total, None);
        let mut bytes = std::fs::read(&log).unwrap();
        bytes.extend_from_slice(b"garbage\n{\"torn\":");
        std::fs::write(&log, bytes).unwrap();
        let (times, found) = seconds(&log, &Filter::default(), 1000);
        assert_eq!((times.len(), found.unreadable), (54, 2));
    }

    #[test]
    fn a_time_filter_does_not_read_the_whole_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        for second in [0, 200_000, 300_000, 300_001] {
            let entry = Entry::new(EventType::PolicyCheck, Timestamp::from_second(second).unwrap());
            append(&log, &entry, Duration::from_secs(9)).unwrap();
        }
        let mut bytes = std::fs::read(&log).unwrap();
        bytes.splice(0..0, b"garbage\n".iter().copied());
        std::fs::write(&log, bytes).unwrap();
        let since = Filter { since: Timestamp::from_second(300_000).ok(), ..Filter::default() };
        let found = find(&log, &since, 100).unwrap();
        assert_eq!((found.count, found.unreadable), (2, 0), "the search stopped before the first line");
    }
}
