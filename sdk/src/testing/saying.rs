//! Checks of what an item says of itself.

use super::report::{Notes, Verdict, counted, quoted};
use super::specimen::Specimen;
use crate::{Item, Kind, LONGEST_NAME, is_hyphenated};

/// Keywords shorter than this stand in nearly every text.
const SHORTEST_KEYWORD: usize = 3;

pub(super) fn id(item: &Item, twins: usize) -> Verdict {
    let mut notes = Notes::default();
    let id = &item.id;
    if !is_hyphenated(id) {
        notes.fail(format!(
            "{} is no id: lower-case letters and digits in words joined by single hyphens, a letter first",
            quoted(id)
        ));
    }
    if id.len() > LONGEST_NAME {
        notes.fail(format!("it has {} bytes, more than {LONGEST_NAME}", id.len()));
    }
    if twins > 1 {
        notes.fail(format!("{} are called {}", counted(twins, item.kind.as_str()), quoted(id)));
    }
    notes.verdict(|| quoted(id))
}

pub(super) fn metadata(specimen: &Specimen) -> Verdict {
    let item = specimen.item();
    let mut notes = Notes::default();
    for (name, text) in [("summary", &item.summary), ("why", &item.why), ("since", &item.since)] {
        if text.trim().is_empty() {
            notes.fail(format!("`{name}` is empty"));
        } else if text.chars().any(char::is_control) {
            notes.fail(format!("`{name}` is more than one line: {}", quoted(text)));
        }
    }
    for (name, cases) in [("example", &item.examples), ("negative", &item.negatives)] {
        if cases.is_empty() {
            match item.kind {
                Kind::Sink => notes.warn(format!("it has no {name}: nothing shows how it is configured")),
                _ => notes.fail(format!("it has no {name}: nothing can be checked")),
            }
        }
    }
    if item.patterns && specimen.is_loaded() {
        notes.fail(
            "it wants to serve the patterns of `tools:` and `resources:`: a library may not, use `matcher`",
        );
    }
    notes.verdict(|| {
        format!(
            "{}, {}, since {}",
            counted(item.examples.len(), "example"),
            counted(item.negatives.len(), "negative"),
            item.since
        )
    })
}

pub(super) fn keywords(item: &Item) -> Verdict {
    let mut notes = Notes::default();
    let keywords = &item.keywords;
    if keywords.iter().any(|keyword| keyword.trim().is_empty()) {
        notes.fail("one is empty");
    }
    if item.kind == Kind::Detector {
        if keywords.is_empty() {
            notes.warn(
                "none: it is asked about every text, and the host has to load its library for every call",
            );
        }
        for keyword in keywords.iter().filter(|keyword| (1..SHORTEST_KEYWORD).contains(&keyword.len())) {
            notes.warn(format!(
                "{} has {}: it stands in nearly every text",
                quoted(keyword),
                counted(keyword.len(), "byte")
            ));
        }
        for (number, keyword) in keywords.iter().enumerate() {
            if keywords.iter().take(number).any(|other| other.eq_ignore_ascii_case(keyword)) {
                notes.warn(format!("{} stands there twice: case is the same", quoted(keyword)));
            }
        }
    }
    notes.verdict(|| counted(keywords.len(), "keyword"))
}
