//! One sink's run: read, offer, wait, remember.
//!
//! A receiver that is down and one that fails over one event look the same from that event. So after some runs that got
//! nowhere the events behind it are offered one at a time: if one of them is taken and the first is not even then, the
//! first is to blame. If none is taken, the receiver is down and everything waits.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentfirewall_sdk::{Event, Manner, SinkError};
use jiff::{SignedDuration, Timestamp};

use super::cursor::{Cursor, Window, file_of};
use super::filter::Group;
use super::flood::Flood;
use super::letters::{self, DeadLetter};
use super::retry::{LONGEST_ASKED, pause};
use super::spool::{Item, NextItem, Spool};
use super::{NamedSink, Options, SinkEnd, SinkOutcome, step};

/// How many records pass before the cursor is stored, where a receiver knows repetitions. After a crash at most this many
/// are delivered again.
const STORE_EVERY: u32 = 32;
/// After how many runs in a row that got nowhere the first event may be the one to blame.
const SUSPECT_AFTER: u32 = 3;
/// How many events behind it are tried then.
const PROBES: usize = 4;
/// How long to sleep at once while a window is open.
const GLANCE: Duration = Duration::from_millis(200);

pub(super) struct Worker<'a> {
    log: &'a Path,
    sink: &'a NamedSink,
    options: &'a Options,
    manner: Manner,
    group: Group,
    cursor_file: PathBuf,
    dead_letters: PathBuf,
    cursor: Cursor,
    /// How many records passed since the cursor was stored.
    unstored: u32,
    /// How many runs in a row got nowhere before this one.
    fruitless: u32,
    /// Whether the first event may be what the receiver fails over.
    suspicious: bool,
    pub(super) outcome: SinkOutcome,
}

/// An event that waits to be offered, its line, and where the cursor is once it is dealt with.
struct Piece {
    line: Vec<u8>,
    after: Cursor,
    /// Whether the receiver has it already, ahead of one that it fails over.
    taken: bool,
}

/// Why an event is to be tried again, and the pause that was asked for.
type Failure = (String, Option<Duration>);

/// What is offered together.
#[derive(Default)]
struct Batch {
    events: Vec<Event>,
    pieces: Vec<Piece>,
    bytes: usize,
}

impl<'a> Worker<'a> {
    pub(super) fn new(log: &'a Path, folder: &Path, sink: &'a NamedSink, options: &'a Options) -> Self {
        let manner = sink.sink.manner();
        let of_the_kind = if manner.people { Group::PEOPLE } else { Group::NEVER };
        Self {
            log,
            sink,
            options,
            manner,
            group: sink.group.unwrap_or(of_the_kind),
            cursor_file: file_of(folder, &sink.name, "cursor"),
            dead_letters: letters::file(folder, &sink.name),
            cursor: Cursor::default(),
            unstored: 0,
            fruitless: 0,
            suspicious: false,
            outcome: SinkOutcome {
                name: sink.name.clone(),
                delivered: 0,
                rejected: 0,
                unreadable: 0,
                end: SinkEnd::Drained,
            },
        }
    }

    /// Delivers what is in the log now, as far as the sink takes it.
    pub(super) fn pass(&mut self, respect_pause: bool) {
        self.outcome.end = loop {
            match self.drain(respect_pause) {
                Ok(None) => {}
                Ok(Some(end)) => break end,
                Err(message) => break SinkEnd::Broken(message),
            }
        };
    }

    /// Delivers up to the end of the log, or to the end of a flood: then `None`.
    fn drain(&mut self, respect_pause: bool) -> Result<Option<SinkEnd>, String> {
        let now = (self.options.now)();
        let stored = Cursor::load(&self.cursor_file).map_err(|error| self.cursor_error(&error))?;
        if let Some(until) = stored.as_ref().and_then(|cursor| cursor.until)
            && respect_pause
            && let Ok(until) = Timestamp::from_second(until)
            && now < until
            // A pause that no receiver could have asked for was made before the clock was put back.
            && now.duration_until(until) <= longest_pause()
        {
            return Ok(Some(SinkEnd::Paused { until }));
        }
        let opened = Spool::open(self.log, stored.clone(), self.options.earliest(now))
            .map_err(|error| error.to_string())?;
        let mut spool = opened.0;
        self.cursor = opened.1;
        self.unstored = 0;
        self.fruitless = self.cursor.failures;
        self.suspicious = self.fruitless >= SUSPECT_AFTER;
        // A sink seen for the first time keeps its place even if it is down now.
        if stored.as_ref() != Some(&self.cursor) {
            self.store()?;
        }
        let mut batch = Batch::default();
        // Where the log is read, ahead of the cursor while something waits to be offered.
        let mut read = self.cursor.clone();
        let mut probed = false;
        loop {
            let next = spool.next(&self.sink.filter);
            let next = next.map_err(|error| format!("cannot read the audit log: {error}"))?;
            let (hash, event) = match next {
                NextItem::Passed(hash) => (hash, None),
                NextItem::Item(Item::Event { hash, event }) => (hash, Some(event)),
                NextItem::Item(Item::Unreadable) => {
                    self.outcome.unreadable += 1;
                    continue;
                }
                NextItem::Item(Item::End) => {
                    if let Some(end) = self.offer(&mut batch)? {
                        return Ok(Some(end));
                    }
                    if self.unstored > 0 {
                        self.store()?;
                    }
                    return Ok(Some(SinkEnd::Drained));
                }
            };
            read = read.after(spool.offset(), &hash);
            let Some(event) = event else {
                if batch.events.is_empty() {
                    self.advance(read.clone(), STORE_EVERY)?;
                }
                continue;
            };
            if !std::mem::replace(&mut probed, true) {
                // What cannot be remembered is not begun: it would be told again by every later run.
                self.store()?;
            }
            // While an event is suspected, each is told alone: a sum could not be told apart from what is in it.
            if self.group.after > 0 && !self.suspicious && self.full(&read) {
                if let Some(end) = self.offer(&mut batch)? {
                    return Ok(Some(end));
                }
                if let Some(end) = self.sum_up(*event, read, spool)? {
                    return Ok(Some(end));
                }
                // The summary read on: begin again behind it.
                self.store()?;
                return Ok(None);
            }
            if self.group.after > 0 {
                self.tell_one(&mut read);
            }
            batch.push(*event, spool.line(), read.clone());
            let wanted = if self.suspicious { PROBES + 1 } else { 1 };
            if (batch.events.len() >= self.manner.events.max(wanted) || batch.bytes >= self.manner.bytes)
                && let Some(end) = self.offer(&mut batch)?
            {
                return Ok(Some(end));
            }
        }
    }

    /// Whether so many events were told in this window that the next ones are summed up.
    fn full(&self, at: &Cursor) -> bool {
        at.window.is_some_and(|window| self.left(window).is_some() && window.told >= self.group.after)
    }

    /// How long a window is still open. One that begins in the future was made before the clock was put back.
    fn left(&self, window: Window) -> Option<Duration> {
        let now = (self.options.now)().as_millisecond();
        let over = now.checked_sub(window.begun).and_then(|over| u64::try_from(over).ok())?;
        let length = u64::from(self.group.seconds) * 1000;
        (over < length).then(|| Duration::from_millis(length - over))
    }

    fn tell_one(&self, cursor: &mut Cursor) {
        let window = cursor.window.filter(|window| self.left(*window).is_some());
        let window = window.unwrap_or(Window { begun: (self.options.now)().as_millisecond(), told: 0 });
        cursor.window = Some(Window { told: window.told.saturating_add(1), ..window });
    }

    /// Counts what comes until the window is over, then tells it as one event.
    fn sum_up(
        &mut self,
        first: Event,
        mut read: Cursor,
        mut spool: Spool,
    ) -> Result<Option<SinkEnd>, String> {
        let mut flood = Flood::default();
        flood.add(first);
        loop {
            let next = spool.next(&self.sink.filter);
            match next.map_err(|error| format!("cannot read the audit log: {error}"))? {
                NextItem::Passed(hash) => read = read.after(spool.offset(), &hash),
                NextItem::Item(Item::Event { hash, event }) => {
                    read = read.after(spool.offset(), &hash);
                    flood.add(*event);
                }
                NextItem::Item(Item::Unreadable) => self.outcome.unreadable += 1,
                NextItem::Item(Item::End) => {
                    let left = self.cursor.window.and_then(|window| self.left(window));
                    let Some(left) = left.filter(|_| self.options.wait_for_windows) else { break };
                    (self.options.sleep)(left.min(GLANCE));
                    spool = Spool::open(self.log, Some(read.clone()), Timestamp::MIN)
                        .map_err(|error| error.to_string())?
                        .0;
                }
            }
        }
        let Some(event) = flood.event() else { return Ok(None) };
        read.window = None;
        let line = event.record.to_string().into_bytes();
        let mut batch = Batch::default();
        batch.push(event, &line, read);
        let delivered = self.outcome.delivered;
        let end = self.offer(&mut batch)?;
        if self.outcome.delivered > delivered && !flood.is_empty() {
            self.outcome.delivered += flood.count() - 1;
        }
        Ok(end)
    }

    /// Offers a batch until all of it is dealt with, or the attempts of this run are used up.
    fn offer(&mut self, batch: &mut Batch) -> Result<Option<SinkEnd>, String> {
        let Batch { mut events, pieces, .. } = std::mem::take(batch);
        for event in &mut events {
            self.sink.format.apply(event);
        }
        let mut pieces = VecDeque::from(pieces);
        let most = self.manner.events.max(1);
        let mut size = if self.suspicious { 1 } else { most };
        let mut failures = 0;
        while !events.is_empty() {
            if let Some(piece) = pieces.pop_front_if(|piece| piece.taken) {
                events.drain(..1);
                self.advance(piece.after, u32::MAX)?;
                continue;
            }
            let ahead = pieces.iter().position(|piece| piece.taken).unwrap_or(events.len());
            let offered = events.get(..size.clamp(1, most).min(ahead)).unwrap_or(&events);
            let together = offered.len();
            let results = match self.call(offered) {
                // One of them is to blame: the halves say which.
                Err(SinkError::Reject { .. }) if together > 1 => {
                    size = together.div_ceil(2);
                    continue;
                }
                Err(error) => vec![Err(error)],
                Ok(results) if results.is_empty() => {
                    vec![Err(SinkError::retry("the sink took none of the events"))]
                }
                Ok(mut results) => {
                    results.truncate(together);
                    results
                }
            };
            let (done, failure) = self.deal_with(results, &mut pieces, events.len() > 1)?;
            events.drain(..done);
            if done > 0 {
                failures = 0;
                size = size.saturating_mul(2);
                if self.manner.people || self.manner.events > 1 {
                    self.store()?;
                }
            }
            let Some((message, asked)) = failure else { continue };
            failures += 1;
            if self.suspicious && asked.is_none() {
                if together > 1 {
                    size = together.div_ceil(2);
                    continue;
                }
                let wait = pause(self.options, failures, None);
                if let Some(end) = self.judge_first(&events, &mut pieces, message, wait)? {
                    return Ok(Some(end));
                }
                events.drain(..1);
                continue;
            }
            let wait = pause(self.options, failures, asked);
            if failures >= self.options.attempts || wait > self.options.patience {
                return self.give_up(message, asked).map(Some);
            }
            (self.options.sleep)(wait);
        }
        // What was taken says that the receiver is there.
        self.suspicious = false;
        Ok(None)
    }

    /// Notes what became of the first events, up to one that is to be tried again: how many are dealt with, and why the
    /// next one is not.
    fn deal_with(
        &mut self,
        results: Vec<Result<(), SinkError>>,
        pieces: &mut VecDeque<Piece>,
        several: bool,
    ) -> Result<(usize, Option<Failure>), String> {
        let mut done = 0;
        for result in results {
            let reason = match result {
                Ok(()) => None,
                Err(SinkError::Reject { message }) => Some(message),
                Err(SinkError::Retry { message, after }) => return Ok((done, Some((message, after)))),
            };
            let Some(piece) = pieces.pop_front() else { break };
            match reason {
                None => self.outcome.delivered += 1,
                Some(reason) => {
                    self.bury(&reason, &piece.line)
                        .map_err(|error| format!("cannot write the dead-letter file: {error}"))?;
                    self.outcome.rejected += 1;
                }
            }
            done += 1;
            let every = if self.manner.people || several { u32::MAX } else { STORE_EVERY };
            self.advance(piece.after, every)?;
        }
        Ok((done, None))
    }

    /// Decides about the first event, over which the receiver failed alone, by what it makes of those behind it: afterwards
    /// it is delivered or a dead letter, or this run ends.
    fn judge_first(
        &mut self,
        events: &[Event],
        pieces: &mut VecDeque<Piece>,
        message: String,
        wait: Duration,
    ) -> Result<Option<SinkEnd>, String> {
        if !self.another_is_taken(events, pieces) {
            return self.give_up(message, None).map(Some);
        }
        // Perhaps the receiver came back in between: once more, then it is this event.
        (self.options.sleep)(wait);
        let again = self.call(events.get(..1).unwrap_or_default());
        let result = match again.map_or_else(Err, |mut results| results.pop().unwrap_or(Ok(()))) {
            Err(SinkError::Retry { message, after: None }) => Err(SinkError::reject(format!(
                "{message} ({} runs failed over this record, and a later one was taken)",
                self.fruitless.saturating_add(1)
            ))),
            Err(SinkError::Retry { message, after }) => return self.give_up(message, after).map(Some),
            dealt_with => dealt_with,
        };
        self.deal_with(vec![result], pieces, true)?;
        self.store()?;
        Ok(None)
    }

    /// Whether the receiver takes an event behind the first, which it fails over. What it takes is not offered again.
    fn another_is_taken(&mut self, events: &[Event], pieces: &mut VecDeque<Piece>) -> bool {
        if pieces.iter().any(|piece| piece.taken) {
            return true;
        }
        for (event, piece) in events.iter().zip(pieces.iter_mut()).skip(1).take(PROBES) {
            match self.call(std::slice::from_ref(event)).map(|mut results| results.pop()) {
                Ok(Some(Ok(()))) => {
                    piece.taken = true;
                    self.outcome.delivered += 1;
                    return true;
                }
                // It says itself when it wants to be asked again.
                Ok(Some(Err(SinkError::Retry { after: Some(_), .. }))) => return false,
                _ => {}
            }
        }
        false
    }

    /// Calls the sink. A panic would come back with every attempt, so it is a refusal.
    fn call(&self, events: &[Event]) -> Result<Vec<Result<(), SinkError>>, SinkError> {
        let sink = &self.sink.sink;
        step("before the sink is called");
        let result = catch_unwind(AssertUnwindSafe(|| match events {
            [event] => Ok(vec![sink.deliver(event)]),
            events => sink.deliver_batch(events),
        }));
        step("after the sink was called");
        result.unwrap_or_else(|_| Err(SinkError::reject("the sink panicked")))
    }

    /// Moves the cursor, and stores it if that is due.
    fn advance(&mut self, to: Cursor, every: u32) -> Result<(), String> {
        self.cursor = to;
        self.unstored = self.unstored.saturating_add(1);
        if self.unstored >= every { self.store() } else { Ok(()) }
    }

    fn give_up(&mut self, message: String, asked: Option<Duration>) -> Result<SinkEnd, String> {
        // Runs fail further apart each time; the attempts of this one count as the first steps.
        let failures = self.cursor.failures.saturating_add(1);
        let wait = pause(self.options, failures.saturating_add(self.options.attempts), asked);
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let until = (self.options.now)().saturating_add(wait).unwrap_or(Timestamp::MAX);
        // Whole seconds, rounded up: never earlier than the receiver asked for.
        let second = until.as_second().saturating_add(1);
        let until = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        self.cursor.failures = failures;
        self.cursor.until = Some(second);
        self.cursor.error = Some(message.clone());
        self.store()?;
        Ok(SinkEnd::Failing { message, until })
    }

    fn store(&mut self) -> Result<(), String> {
        step("before the cursor is stored");
        self.cursor.store(&self.cursor_file).map_err(|error| self.cursor_error(&error))?;
        step("after the cursor was stored");
        self.unstored = 0;
        Ok(())
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
        letters::keep(&self.dead_letters, &serde_json::to_vec(&letter)?)
    }
}

impl Batch {
    fn push(&mut self, event: Event, line: &[u8], after: Cursor) {
        self.bytes += line.len();
        self.events.push(event);
        self.pieces.push(Piece { line: line.to_vec(), after, taken: false });
    }
}

fn longest_pause() -> SignedDuration {
    SignedDuration::try_from(LONGEST_ASKED)
        .unwrap_or(SignedDuration::MAX)
        .saturating_add(SignedDuration::from_mins(1))
}
