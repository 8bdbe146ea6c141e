//! What retention must keep: the records in closed files that a sink wants and has not received.

use std::path::Path;

use super::cursor::Cursor;
use super::filter::Filter;
use super::spool::{Item, NextItem, Spool};
use super::{DeliveryError, Options, state_folder};
use crate::audit::{Awaited, Span, segments};

/// Looks what each sink, by its name and filter, still has to get of the log's closed files; changes nothing. A sink
/// that was never delivered to waits for what a new sink gets. Those that wait for nothing are left out.
pub fn awaited(
    log: &Path,
    state: &Path,
    sinks: &[(&str, &Filter)],
    options: &Options,
) -> Result<Vec<Awaited>, DeliveryError> {
    let folder = state_folder(log, state);
    let mut all = Vec::new();
    if segments(log)?.is_empty() {
        return Ok(all);
    }
    for (name, filter) in sinks {
        let cursor = Cursor::of(&folder, name)?;
        let (mut spool, _) = Spool::open(log, cursor, options.earliest((options.now)()))?;
        let mut awaited = Awaited { sink: (*name).to_owned(), ..Awaited::default() };
        loop {
            let next = spool.next(filter).map_err(|error| DeliveryError::state(log, error))?;
            // Nothing after the closed files is in danger.
            let Some(segment) = spool.segment() else { break };
            match next {
                NextItem::Item(Item::Event { event, .. }) => {
                    let span = Span { records: 0, first_seq: event.sequence, last_seq: event.sequence };
                    let span = awaited.segments.entry(segment).or_insert(span);
                    span.records += 1;
                    span.last_seq = event.sequence;
                }
                NextItem::Item(Item::End) => break,
                NextItem::Item(Item::Unreadable) | NextItem::Passed(_) => {}
            }
        }
        if !awaited.segments.is_empty() {
            all.push(awaited);
        }
    }
    Ok(all)
}
