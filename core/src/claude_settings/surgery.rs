//! Changes of a text by ranges: every byte outside them stays.

use jsonc_parser::common::Range;
use serde::{Deserialize, Serialize};

use super::style::{Style, indentation};

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub insert: String,
}

/// The way back over one replacement, in offsets of the text it was made in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undo {
    /// Where the inserted text starts, in bytes.
    pub at: usize,
    /// How many bytes were inserted there.
    pub length: usize,
    /// What stood there before.
    pub before: String,
}

/// Applies replacements that do not overlap. None: a range is not one of this text.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> Option<(String, Vec<Undo>)> {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut out = String::with_capacity(text.len() + 1024);
    let mut undo = Vec::new();
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.start)?);
        undo.push(Undo {
            at: out.len(),
            length: edit.insert.len(),
            before: text.get(edit.start..edit.end)?.to_owned(),
        });
        out.push_str(&edit.insert);
        done = edit.end;
    }
    out.push_str(text.get(done..)?);
    Some((out, undo))
}

/// Takes the way back.
pub(super) fn revert(text: &str, undo: &[Undo]) -> Option<String> {
    let edits = undo.iter().map(|step| {
        Some(Edit { start: step.at, end: step.at.checked_add(step.length)?, insert: step.before.clone() })
    });
    apply(text, edits.collect::<Option<_>>()?).map(|(text, _)| text)
}

/// Adds items at the end of an object or list. `items` are the ranges of those it has; `make` renders the new ones for
/// an indentation.
pub(super) fn append(
    text: &str,
    style: &Style,
    container: Range,
    items: &[Range],
    make: &dyn Fn(&str) -> Vec<String>,
) -> Edit {
    let Some((first, last)) = items.first().zip(items.last()) else {
        let (start, end) = (container.start + 1, container.end.saturating_sub(1));
        let outer = indentation(text, container.start);
        let inner = style.deeper(outer);
        let new = make(&inner);
        let insert = if style.one_line {
            new.join(", ")
        } else {
            let separator = format!(",{}", style.line(&inner));
            format!("{}{}{}", style.line(&inner), new.join(&separator), style.line(outer))
        };
        return Edit { start, end, insert };
    };
    let multi_line = text.get(container.start..first.start).is_some_and(|gap| gap.contains('\n'));
    let indent = indentation(text, last.start);
    let mut insert = String::new();
    for item in make(indent) {
        insert.push(',');
        if multi_line {
            insert.push_str(&style.line(indent));
        } else {
            insert.push(' ');
        }
        insert.push_str(&item);
    }
    Edit { start: last.end, end: last.end, insert }
}

/// Takes items out of an object or list, with the comma and the white space that belonged to each.
pub(super) fn remove(container: Range, items: &[(Range, bool)]) -> Vec<Edit> {
    if items.iter().all(|(_, goes)| *goes) {
        return vec![Edit {
            start: container.start + 1,
            end: container.end.saturating_sub(1),
            insert: String::new(),
        }];
    }
    let mut edits = Vec::new();
    let mut kept: Option<Range> = None;
    let mut run: Option<Range> = None;
    for (item, goes) in items {
        if *goes {
            let start = run.map_or(item.start, |run| run.start);
            run = Some(Range { start, end: item.end });
            continue;
        }
        if let Some(run) = run.take() {
            edits.push(match kept {
                Some(kept) => Edit { start: kept.end, end: run.end, insert: String::new() },
                None => Edit { start: run.start, end: item.start, insert: String::new() },
            });
        }
        kept = Some(*item);
    }
    if let (Some(run), Some(kept)) = (run, kept) {
        edits.push(Edit { start: kept.end, end: run.end, insert: String::new() });
    }
    edits
}
