//! How each sink stands, and another try for what it refused.

use std::fs;
use std::path::Path;

use agentfirewall_sdk::SinkError;
use jiff::Timestamp;
use serde::Serialize;

use super::cursor::Cursor;
use super::letters::{self, DeadLetter};
use super::spool::{Item, NextItem, Spool, event_of};
use super::{DeliveryError, NamedSink, Options, lock, open_state};

/// How a sink stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SinkStatus {
    /// Its name in the policy.
    pub name: String,
    /// The byte of the log behind the last record that is dealt with; `None` if it was never delivered to.
    pub offset: Option<u64>,
    /// How many records wait for it.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub oldest: Option<String>,
    /// How many runs in a row failed.
    pub failures: u32,
    /// Until when it is left alone.
    pub until: Option<String>,
    /// Why the last run failed.
    pub error: Option<String>,
    /// How many records it refused for good.
    pub dead_letters: u64,
    /// The reason of the newest of them.
    pub dead_reason: Option<String>,
}

/// Looks at every sink's place in the log; changes nothing.
pub fn status(
    log: &Path,
    state: &Path,
    sinks: &[NamedSink],
    options: &Options,
) -> Result<Vec<SinkStatus>, DeliveryError> {
    let folder = super::state_folder(log, state);
    sinks
        .iter()
        .map(|sink| {
            let cursor = Cursor::of(&folder, &sink.name)?;
            let (waiting, oldest) = waiting(log, cursor.clone(), sink, options)?;
            let letters = letters::lines(&letters::file(&folder, &sink.name));
            let dead_reason = letters.last().and_then(|line| {
                serde_json::from_slice::<serde_json::Value>(line)
                    .ok()?
                    .get("reason")?
                    .as_str()
                    .map(str::to_owned)
            });
            let known = cursor.unwrap_or_default();
            Ok(SinkStatus {
                name: sink.name.clone(),
                offset: (!known.hash.is_empty() || known.offset > 0).then_some(known.offset),
                waiting,
                oldest,
                failures: known.failures,
                until: known
                    .until
                    .and_then(|second| Timestamp::from_second(second).ok())
                    .map(|until| until.to_string()),
                error: known.error,
                dead_letters: letters::count(&folder, &sink.name),
                dead_reason,
            })
        })
        .collect()
}

fn waiting(
    log: &Path,
    cursor: Option<Cursor>,
    sink: &NamedSink,
    options: &Options,
) -> Result<(u64, Option<String>), DeliveryError> {
    if !log.exists() {
        return Ok((0, None));
    }
    let (mut spool, _) = Spool::open(log, cursor, options.earliest((options.now)()))?;
    let (mut waiting, mut oldest) = (0, None);
    loop {
        match spool.next(&sink.filter).map_err(|error| DeliveryError::state(log, error))? {
            NextItem::Item(Item::End) => return Ok((waiting, oldest)),
            NextItem::Item(Item::Event { event, .. }) => {
                waiting += 1;
                if oldest.is_none() {
                    oldest = event.record.get("timestamp").and_then(|time| time.as_str()).map(str::to_owned);
                }
            }
            NextItem::Item(Item::Unreadable) | NextItem::Passed(_) => {}
        }
    }
}

/// What became of dead letters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Retried {
    /// Taken after all.
    pub delivered: u64,
    /// Refused again; they are dead letters again.
    pub rejected: u64,
    /// Not tried, because the receiver cannot be reached; they are dead letters still.
    pub left: u64,
    /// Why they were not tried.
    pub error: Option<String>,
}

/// Offers a sink what it refused, in the order in which it did. `None` if another process is delivering.
pub fn retry_letters(
    log: &Path,
    state: &Path,
    sink: &NamedSink,
    options: &Options,
) -> Result<Option<Retried>, DeliveryError> {
    let folder = open_state(log, state)?;
    let Some(_lock) = lock(&folder)? else { return Ok(None) };
    let (dead, taken) = (letters::file(&folder, &sink.name), letters::taken(&folder, &sink.name));
    let failed = |error| DeliveryError::state(&taken, error);
    if !taken.exists() {
        match fs::rename(&dead, &taken) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Some(Retried::default()));
            }
            result => result.map_err(failed)?,
        }
    }
    let mut retried = Retried::default();
    for line in letters::lines(&taken) {
        let letter = serde_json::from_slice::<DeadLetter<'_>>(&line).ok();
        let event = letter.as_ref().and_then(|letter| event_of(letter.record.get().as_bytes()));
        let (Some(letter), Some(mut event)) = (letter, event) else {
            // A summary, or a line that somebody changed: nothing to offer, and nothing to lose.
            letters::keep(&dead, &line).map_err(failed)?;
            retried.rejected += 1;
            continue;
        };
        if retried.error.is_some() {
            letters::keep(&dead, &line).map_err(failed)?;
            retried.left += 1;
            continue;
        }
        sink.format.apply(&mut event);
        match sink.sink.deliver(&event) {
            Ok(()) => retried.delivered += 1,
            Err(SinkError::Reject { message }) => {
                let again = DeadLetter { timestamp: (options.now)().to_string(), reason: &message, ..letter };
                let bytes = serde_json::to_vec(&again).map_err(|error| failed(error.into()))?;
                letters::keep(&dead, &bytes).map_err(failed)?;
                retried.rejected += 1;
            }
            Err(SinkError::Retry { message, .. }) => {
                letters::keep(&dead, &line).map_err(failed)?;
                retried.left += 1;
                retried.error = Some(message);
            }
        }
    }
    fs::remove_file(&taken).map_err(failed)?;
    Ok(Some(retried))
}
