//! One sink's run: read, offer, wait, remember.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_sdk::{Event, SinkError};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use super::cursor::{Cursor, file_of};
use super::retry::pause;
use super::spool::{Item, NextItem, Spool};
use super::{NamedSink, Options, SinkEnd, SinkOutcome, private};

/// How many records pass before the cursor is stored. After a crash at most this many are delivered again.
const STORE_EVERY: u32 = 32;

pub(super) fn run(log: &Path, folder: &Path, sink: &NamedSink, options: &Options) -> SinkOutcome {
    let mut worker = Worker {
        sink,
        options,
        cursor_file: file_of(folder, &sink.name, "cursor"),
        dead_letters: file_of(folder, &sink.name, "dead.jsonl"),
        outcome: SinkOutcome {
            name: sink.name.clone(),
            delivered: 0,
            rejected: 0,
            unreadable: 0,
            end: SinkEnd::Drained,
        },
    };
    worker.outcome.end = worker.drain(log).unwrap_or_else(SinkEnd::Broken);
    worker.outcome
}

struct Worker<'a> {
    sink: &'a NamedSink,
    options: &'a Options,
    cursor_file: PathBuf,
    dead_letters: PathBuf,
    outcome: SinkOutcome,
}

/// What became of one record.
enum Offered {
    Taken,
    Rejected(String),
    GaveUp { message: String, asked: Option<Duration> },
}

impl Worker<'_> {
    fn drain(&mut self, log: &Path) -> Result<SinkEnd, String> {
        let now = (self.options.now)();
        let stored = Cursor::load(&self.cursor_file).map_err(|error| self.cursor_error(&error))?;
        if let Some(until) = stored.as_ref().and_then(|cursor| cursor.until)
            && self.options.respect_pauses
            && let Ok(until) = Timestamp::from_second(until)
            && now < until
        {
            return Ok(SinkEnd::Paused { until });
        }
        let earliest = now.saturating_sub(self.options.backlog).unwrap_or(Timestamp::MIN);
        let opened = Spool::open(log, stored.clone(), earliest).map_err(|error| error.to_string())?;
        let (mut spool, mut cursor) = opened;
        // A sink seen for the first time keeps its place even if it is down now.
        if stored.as_ref() != Some(&cursor) {
            self.store(&cursor)?;
        }
        let mut unstored = 0;
        loop {
            let next = spool.next(&self.sink.actions);
            let next = next.map_err(|error| format!("cannot read the audit log: {error}"))?;
            let hash = match next {
                NextItem::Passed(hash) => hash,
                NextItem::Item(Item::End) => {
                    if unstored > 0 {
                        self.store(&cursor)?;
                    }
                    return Ok(SinkEnd::Drained);
                }
                NextItem::Item(Item::Unreadable) => {
                    self.outcome.unreadable += 1;
                    continue;
                }
                NextItem::Item(Item::Event { hash, event }) => {
                    match self.offer(&event) {
                        Offered::Taken => self.outcome.delivered += 1,
                        Offered::Rejected(reason) => {
                            self.bury(&reason, spool.line())
                                .map_err(|error| format!("cannot write the dead-letter file: {error}"))?;
                            self.outcome.rejected += 1;
                        }
                        Offered::GaveUp { message, asked } => {
                            return self.give_up(cursor, message, asked);
                        }
                    }
                    hash
                }
            };
            cursor =
                Cursor { offset: spool.offset(), hash: hash.as_str().to_owned(), failures: 0, until: None };
            unstored += 1;
            if unstored >= STORE_EVERY {
                self.store(&cursor)?;
                unstored = 0;
            }
        }
    }

    /// Offers one record until it is taken, refused, or the attempts of this run are used up.
    fn offer(&self, event: &Event) -> Offered {
        let mut failures = 0;
        loop {
            let (message, asked) = match self.call(event) {
                Ok(()) => return Offered::Taken,
                Err(SinkError::Reject { message }) => return Offered::Rejected(message),
                Err(SinkError::Retry { message, after }) => (message, after),
            };
            failures += 1;
            let wait = pause(self.options, failures, asked);
            if failures >= self.options.attempts || wait > self.options.patience {
                return Offered::GaveUp { message, asked };
            }
            (self.options.sleep)(wait);
        }
    }

    /// Calls the sink. A panic on one record would come back with every attempt, so it is a refusal.
    fn call(&self, event: &Event) -> Result<(), SinkError> {
        catch_unwind(AssertUnwindSafe(|| self.sink.sink.deliver(event)))
            .unwrap_or_else(|_| Err(SinkError::reject("the sink panicked")))
    }

    fn give_up(&self, cursor: Cursor, message: String, asked: Option<Duration>) -> Result<SinkEnd, String> {
        // Runs fail further apart each time; the attempts of this one count as the first steps.
        let failures = cursor.failures.saturating_add(1);
        let wait = pause(self.options, failures.saturating_add(self.options.attempts), asked);
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let until = (self.options.now)().saturating_add(wait).unwrap_or(Timestamp::MAX);
        // Whole seconds, rounded up: never earlier than the receiver asked for.
        let second = until.as_second().saturating_add(1);
        let until = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        self.store(&Cursor { failures, until: Some(second), ..cursor })?;
        Ok(SinkEnd::Failing { message, until })
    }

    fn store(&self, cursor: &Cursor) -> Result<(), String> {
        cursor.store(&self.cursor_file).map_err(|error| self.cursor_error(&error))
    }

    fn cursor_error(&self, error: &io::Error) -> String {
        format!("cannot use the cursor `{}`: {error}", self.cursor_file.display())
    }

    /// Keeps a record that the sink will never take, on the disk before the cursor passes it.
    fn bury(&self, reason: &str, line: &[u8]) -> io::Result<()> {
        let letter = DeadLetter {
            timestamp: (self.options.now)().to_string(),
            sink: &self.sink.name,
            reason,
            record: serde_json::from_slice(line)?,
        };
        let mut bytes = serde_json::to_vec(&letter)?;
        bytes.push(b'\n');
        let mut file = private(OpenOptions::new().append(true).create(true)).open(&self.dead_letters)?;
        file.write_all(&bytes)?;
        file.sync_data()
    }
}

#[derive(Serialize)]
struct DeadLetter<'a> {
    timestamp: String,
    sink: &'a str,
    reason: &'a str,
    record: &'a RawValue,
}
