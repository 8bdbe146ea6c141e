//! The log as a sink sees it: where to begin, and one event after the other.

use std::path::Path;

use agentfirewall_sdk::{Action, Event};
use jiff::Timestamp;
use serde_json::Value;

use super::cursor::Cursor;
use super::filter::Filter;
use crate::audit::{AuditError, Hash, Next, Onward, View, split_sealed};

/// The whole lines after a cursor.
#[derive(Debug)]
pub(super) struct Spool {
    lines: Onward,
    line: Vec<u8>,
}

/// The next line of the spool.
#[derive(Debug)]
pub(super) enum Item {
    /// A record with an action.
    Event {
        /// The record's hash.
        hash: Hash,
        /// What is delivered.
        event: Box<Event>,
    },
    /// A line that is no record.
    Unreadable,
    /// Nothing more for now.
    End,
}

impl Spool {
    /// Opens the log where the cursor stands. Without a cursor that is at the first record not older than `earliest`;
    /// in a log that is another one than the cursor's, at the beginning.
    pub(super) fn open(
        log: &Path,
        cursor: Option<Cursor>,
        earliest: Timestamp,
    ) -> Result<(Self, Cursor), AuditError> {
        let (lines, cursor) = match cursor {
            None => {
                let (lines, place) = Onward::since(log, earliest)?;
                let (offset, hash) = place.map_or((0, String::new()), |(at, hash)| (at, hash.to_string()));
                (lines, Cursor { offset, hash, ..Cursor::default() })
            }
            Some(cursor) => match Onward::after(log, cursor.offset, &cursor.hash)? {
                Some(lines) => (lines, cursor),
                None => {
                    (Onward::from_the_beginning(log)?, Cursor { offset: 0, hash: String::new(), ..cursor })
                }
            },
        };
        Ok((Self { lines, line: Vec::new() }, cursor))
    }

    /// The offset after the line that was given last.
    pub(super) const fn offset(&self) -> u64 {
        self.lines.offset()
    }

    /// The number of the closed file that the line is in which was given last.
    pub(super) const fn segment(&self) -> Option<u64> {
        self.lines.segment()
    }

    /// The line that was given last.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    pub(super) fn next(&mut self, filter: &Filter) -> std::io::Result<NextItem> {
        match self.lines.next(&mut self.line)? {
            Next::Line => Ok(item(&self.line, filter)),
            Next::TooLong => Ok(NextItem::Item(Item::Unreadable)),
            // An unfinished line is repaired by the next writer.
            Next::Unfinished | Next::End => Ok(NextItem::Item(Item::End)),
        }
    }
}

/// An item, or a record that the sink does not want.
#[derive(Debug)]
pub(super) enum NextItem {
    /// For the sink.
    Item(Item),
    /// Not for this sink; its hash.
    Passed(Hash),
}

fn item(line: &[u8], filter: &Filter) -> NextItem {
    let unreadable = NextItem::Item(Item::Unreadable);
    let Some((_, hash)) = split_sealed(line) else { return unreadable };
    let Some(view) = View::of(line) else { return unreadable };
    let Ok(action) = view.action_taken.parse::<Action>() else { return NextItem::Passed(hash) };
    if !filter.actions.contains(&action) {
        return NextItem::Passed(hash);
    }
    let Ok(record) = serde_json::from_slice::<Value>(line) else { return unreadable };
    let event = Box::new(event(&hash, action, record));
    if !filter.wants(&event) {
        return NextItem::Passed(hash);
    }
    NextItem::Item(Item::Event { hash, event })
}

/// The event of a sealed line, such as one that was put aside.
pub(super) fn event_of(line: &[u8]) -> Option<Event> {
    let (_, hash) = split_sealed(line)?;
    let action = View::of(line)?.action_taken.parse().ok()?;
    Some(event(&hash, action, serde_json::from_slice(line).ok()?))
}

fn event(hash: &Hash, action: Action, record: Value) -> Event {
    let chain = record.get("chain").and_then(Value::as_str).unwrap_or_default().to_owned();
    let sequence = record.get("seq").and_then(Value::as_u64).unwrap_or_default();
    Event::new(hash.as_str(), chain, sequence, action, record)
}
