//! What an examination found, for people and for programs.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use super::asking::panic_message;
use super::specimen::Specimen;
use crate::Kind;

/// The most characters of a detail that are kept: reports are read in a terminal.
const LONGEST_DETAIL: usize = 400;
/// How many faults of one check are told; the rest are counted.
const TOLD: usize = 3;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The promise is kept.
    Pass,
    /// It is kept, but there is something the author should know.
    Warn,
    /// The host cannot rely on the item.
    Fail,
}

impl Outcome {
    /// The word in a report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One promise and whether it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// The check's name, such as `examples`: see the table in the documentation of [`testing`](crate::testing).
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was seen, in one line without control characters.
    pub detail: String,
}

/// What was found about one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ItemReport {
    /// What the item is.
    pub kind: Kind,
    /// Its id, without control characters.
    pub id: String,
    /// How it came to the kit: `registered`, `through the wire`, `library` or `given`.
    pub way: &'static str,
    /// Every check that was made, in order.
    pub checks: Vec<Check>,
}

/// What was found about all items.
///
/// Its `Display` has one line for each check; with `{:#}` those that are in order are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// One entry for each item, in the order of the specimens.
    pub items: Vec<ItemReport>,
}

impl Report {
    /// Whether there was something to examine and no check failed. Warnings pass.
    pub fn passed(&self) -> bool {
        !self.items.is_empty() && self.count(Outcome::Fail) == 0
    }

    /// How many checks ended so.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.items.iter().flat_map(|item| &item.checks).filter(|check| check.outcome == outcome).count()
    }
}

impl ItemReport {
    pub(super) fn new(specimen: &Specimen) -> Self {
        let item = specimen.item();
        Self { kind: item.kind, id: clean(&item.id), way: specimen.way(), checks: Vec::new() }
    }

    /// Makes one check. Its panic is its failure, and the next one is made all the same.
    pub(super) fn check(&mut self, name: &'static str, make: impl FnOnce() -> Verdict) {
        let verdict = catch_unwind(AssertUnwindSafe(make))
            .unwrap_or_else(|payload| Verdict::Fail(format!("panics: {}", panic_message(payload))));
        self.add(name, verdict);
    }

    pub(super) fn add(&mut self, name: &'static str, verdict: Verdict) {
        let (outcome, detail) = match verdict {
            Verdict::Pass(detail) => (Outcome::Pass, detail),
            Verdict::Warn(detail) => (Outcome::Warn, detail),
            Verdict::Fail(detail) => (Outcome::Fail, detail),
        };
        self.checks.push(Check { name, outcome, detail: clean(&detail) });
    }

    /// The worst outcome of its checks.
    pub fn outcome(&self) -> Outcome {
        self.checks.iter().map(|check| check.outcome).max().unwrap_or(Outcome::Pass)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brief = f.alternate();
        let widest = self.items.iter().flat_map(|item| &item.checks).map(|check| check.name.len()).max();
        let width = widest.unwrap_or(0);
        for item in &self.items {
            if brief && item.outcome() == Outcome::Pass {
                continue;
            }
            writeln!(f, "{} {} ({})", item.kind.as_str(), item.id, item.way)?;
            for check in &item.checks {
                if brief && check.outcome == Outcome::Pass {
                    continue;
                }
                writeln!(f, "  {:<4}  {:<width$}  {}", check.outcome.as_str(), check.name, check.detail)?;
            }
        }
        let items = self.items.len();
        if items == 0 {
            return f.write_str("nothing to examine: no matcher, detector or sink is registered");
        }
        let checks: usize = self.items.iter().map(|item| item.checks.len()).sum();
        let (failed, warned) = (self.count(Outcome::Fail), self.count(Outcome::Warn));
        write!(
            f,
            "{} examined, {}: {failed} failed, {}",
            counted(items, "item"),
            counted(checks, "check"),
            counted(warned, "warning")
        )
    }
}

/// What a check says.
#[derive(Debug)]
pub(super) enum Verdict {
    Pass(String),
    Warn(String),
    Fail(String),
}

/// What a check collects before it says something.
#[derive(Debug, Default)]
pub(super) struct Notes {
    failures: Vec<String>,
    warnings: Vec<String>,
}

impl Notes {
    pub(super) fn fail(&mut self, what: impl Into<String>) {
        self.failures.push(what.into());
    }

    pub(super) fn warn(&mut self, what: impl Into<String>) {
        self.warnings.push(what.into());
    }

    /// Whether so much failed that more of the same tells nothing.
    pub(super) fn is_enough(&self) -> bool {
        self.failures.len() >= TOLD
    }

    /// Failures hide warnings, and warnings what passed.
    pub(super) fn verdict(self, passed: impl FnOnce() -> String) -> Verdict {
        if !self.failures.is_empty() {
            Verdict::Fail(listed(&self.failures))
        } else if !self.warnings.is_empty() {
            Verdict::Warn(listed(&self.warnings))
        } else {
            Verdict::Pass(passed())
        }
    }
}

fn listed(all: &[String]) -> String {
    let told: Vec<&str> = all.iter().take(TOLD).map(String::as_str).collect();
    let told = told.join("; ");
    if all.len() > TOLD { format!("{told}; and {} more", all.len() - TOLD) } else { told }
}

/// `1 item`, `2 items`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A text of a plugin for a report: its beginning, in one line, in backticks.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    format!("`{}`", clean(&shown))
}

/// What a plugin says may hold anything, and a report is shown in a terminal: no control characters, not too long.
fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars().take(LONGEST_DETAIL) {
        // Marks that turn the direction of writing are no control characters and hide text all the same.
        let hides = matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if character.is_control() || hides {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}
