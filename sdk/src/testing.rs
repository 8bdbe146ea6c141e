//! The conformance kit: whether matchers, detectors and sinks keep the promises the host relies on.
//!
//! One test in the plugin's crate is all an author writes; its examples and negatives come from
//! [`register!`](crate::register):
//!
//! ```no_run
//! #[test]
//! fn conforms() {
//!     agentfirewall_sdk::testing::assert_conforms();
//! }
//! ```
//!
//! with `agentfirewall-sdk = { version = "1", features = ["testing"] }` in `[dev-dependencies]`. The whole of it:
//!
//! ```standalone_crate
//! use agentfirewall_sdk::{Confidence, Detector, Finding, NoConfig, Plugin, PluginError, Scan, Severity, register};
//!
//! /// `acme_` and eight digits.
//! struct Acme;
//!
//! impl Plugin for Acme {
//!     type Config = NoConfig;
//!     fn new(_: NoConfig) -> Result<Self, PluginError> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl Detector for Acme {
//!     fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
//!         for &at in scan.hits() {
//!             let digits = scan.text().bytes().skip(at + 5).take_while(u8::is_ascii_digit).count();
//!             if digits == 8 {
//!                 scan.report(Finding::new(at..at + 13, Confidence::High, Severity::High));
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! register! {
//!     detector Acme {
//!         id: "acme-token",
//!         summary: "Acme's access tokens",
//!         why: "A leaked token opens every repository of the team",
//!         examples: ["acme_12345678", "token: acme_00000001"],
//!         negatives: ["acme_1234", "acme_token"],
//!         keywords: ["acme_"],
//!         since: "1.0.0",
//!     }
//! }
//!
//! agentfirewall_sdk::testing::assert_conforms();
//! ```
//!
//! What is checked of each item, one line of the report each:
//!
//! | check | what it says |
//! |---|---|
//! | `id` | lower-case words joined by hyphens, at most 64 bytes, unique in its kind |
//! | `metadata` | summary, reason and release are there, in one line each; examples and negatives too |
//! | `keywords` | a detector has some, so that it is not called for every text; none is empty or very short |
//! | `schema` | the configuration's JSON Schema refuses unknown options |
//! | `unknown-option` | so does the constructor: a typo in a policy is an error |
//! | `default-config` | `{}` is accepted, or refused in one clear line where options are compulsory |
//! | `odd-config` | no configuration makes the constructor panic or answer with a page |
//! | `examples` | every example is found or matches; a sink accepts it |
//! | `negatives` | no negative is found or matches; a sink refuses it |
//! | `embedded` | what a detector finds alone it finds inside other text, at its end, and a hundred times over |
//! | `anchors` | whatever a matcher matches contains one of the anchors it promised |
//! | `ordinary` | on ordinary source code there is no error and no false alarm |
//! | `robust` | no panic, and no place outside the text, on a few hundred hostile texts |
//! | `deterministic` | the same text gets the same answer: again, from a new instance, from four threads |
//! | `time` | milliseconds for each MiB of ordinary text and of text made of its keywords |
//! | `linear` | sixteen times the text takes no more than 128 times as long |
//! | `round-trip` | through the border of a library the answers are the same |
//!
//! A detector is asked as the host asks it: with the places of its keywords, and not at all where there are none. A
//! matcher is asked about an example's text as each kind of part. Where a matcher judges the call instead of the text,
//! the text of an example is the call, a JSON object with `tool` and `input` and any other member of
//! [`ToolCall`](crate::ToolCall): `{} => {"tool": "Bash", "input": {"command": "ls"}, "headless": true}`. Where it
//! judges what is known of a part, the text is `{"command": {...}}`, `{"path": {...}}`, `{"host": {...}}` with the
//! members of [`CommandFact`](crate::CommandFact), [`PathFact`](crate::PathFact), [`HostFact`](crate::HostFact), or
//! `{"effect": "git.force-push", "detail": "main", "by": {"command": {...}}}`; beside it may stand `access` (`"read"`,
//! `"write"`, `"delete"`, `"execute"`), `text`, and the `call` the part is of. A whole call may have `past`, the
//! calls before it, the newest first: `[{"seconds_ago": 5, "tool": "Bash", "action": "deny"}]`; what is left out there
//! (`tool`, `session`, `project`) is as in the call. The past does not cross into libraries. Sinks are only made; nothing
//! is delivered and nobody is asked.
//!
//! [`examine`] gives a [`Report`] instead of a panic, and takes items of a loaded library as well as registered ones.

mod asking;
mod config;
mod cost;
mod judging;
mod report;
mod robust;
mod saying;
mod specimen;
mod texts;
mod told;

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub use report::{Check, ItemReport, Outcome, Report};
pub use specimen::{Maker, Specimen};

use crate::Kind;
use report::Verdict;
use texts::Corpus;

/// How hard and with which clock to look.
///
/// ```standalone_crate
/// use agentfirewall_sdk::testing::{Options, Specimen, examine};
/// use std::time::Duration;
///
/// // Short texts, and a clock that stands still: for a test that must be quick and must not depend on the machine.
/// let options = Options::default().quick().with_clock(|| Duration::ZERO);
/// let report = examine(&Specimen::registered(), &options);
/// assert!(!report.passed(), "nothing is registered here");
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Options {
    /// Whether texts are as long as an agent's can be (megabytes) instead of a few kilobytes.
    pub thorough: bool,
    /// A clock that never goes back: the time since any fixed moment.
    pub clock: fn() -> Duration,
    /// Of how many rows of a table one is examined in full, here and through the border of a library; of the others only
    /// what they say of themselves, their examples and their counter-examples. Rows of a table are the same code.
    pub one_row_in: usize,
}

impl Default for Options {
    /// Thorough, with the system's monotonic clock.
    fn default() -> Self {
        Self { thorough: true, clock: monotonic, one_row_in: 1 }
    }
}

impl Options {
    /// The same with short texts.
    pub const fn quick(mut self) -> Self {
        self.thorough = false;
        self
    }

    /// The same with one in so many rows of a table examined in full.
    pub const fn with_one_row_in(mut self, many: usize) -> Self {
        self.one_row_in = many;
        self
    }

    /// The same with another clock.
    pub const fn with_clock(mut self, clock: fn() -> Duration) -> Self {
        self.clock = clock;
        self
    }
}

fn monotonic() -> Duration {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}

/// Examines everything that is registered in this binary, directly and through the border of a library, and panics with
/// the report if anything fails, or if nothing is registered.
///
/// # Panics
///
/// When an item does not conform: the message is the report of what is not in order.
#[track_caller]
pub fn assert_conforms() {
    let report = examine_registered(&Options::default());
    assert!(report.passed(), "the plugin does not conform:\n{report:#}");
}

/// Examines everything that is registered in this binary, directly and through the border of a library, and whether
/// both give the same answers.
pub fn examine_registered(options: &Options) -> Report {
    let corpus = Corpus::new(options.thorough);
    let mut registered = Specimen::registered();
    let mut through_wire = Specimen::through_wire();
    for (number, row) in registered.iter_mut().filter(|specimen| specimen.is_row()).enumerate() {
        row.set_brief(!number.is_multiple_of(options.one_row_in.max(1)));
    }
    let brief: BTreeSet<String> = registered
        .iter()
        .filter(|specimen| specimen.is_brief())
        .map(|specimen| specimen.item().id.clone())
        .collect();
    through_wire
        .retain(|specimen| specimen.item().kind != Kind::Detector || !brief.contains(&specimen.item().id));
    let mut report = with_corpus(&registered, options, &corpus);
    report.items.extend(with_corpus(&through_wire, options, &corpus).items);
    // Long texts were judged above; what is compared here is the translation.
    let corpus = Corpus::new(false);
    let whole = registered.iter().zip(&mut report.items).filter(|(specimen, _)| !specimen.is_brief());
    for (specimen, item) in whole {
        item.check("round-trip", || {
            let other = through_wire.iter().find(|other| {
                other.item().kind == specimen.item().kind && other.item().id == specimen.item().id
            });
            match other {
                Some(other) => robust::same_answers(specimen, other, &corpus),
                None => Verdict::Fail("the library's manifest does not have it".to_owned()),
            }
        });
    }
    report
}

/// Examines items. Whatever one of them does, a panic included, ends in the report.
pub fn examine(specimens: &[Specimen], options: &Options) -> Report {
    with_corpus(specimens, options, &Corpus::new(options.thorough))
}

fn with_corpus(specimens: &[Specimen], options: &Options, corpus: &Corpus) -> Report {
    let twins = |specimen: &Specimen| {
        specimens
            .iter()
            .filter(|other| {
                other.item().kind == specimen.item().kind && other.item().id == specimen.item().id
            })
            .count()
    };
    Report {
        items: specimens.iter().map(|specimen| one(specimen, twins(specimen), options, corpus)).collect(),
    }
}

fn one(specimen: &Specimen, twins: usize, options: &Options, corpus: &Corpus) -> ItemReport {
    let item = specimen.item();
    let mut report = ItemReport::new(specimen);
    report.check("id", || saying::id(item, twins));
    report.check("metadata", || saying::metadata(specimen));
    report.check("keywords", || saying::keywords(item));
    report.check("schema", || config::schema(&item.schema));
    report.check("unknown-option", || config::unknown_option(specimen));
    report.check("default-config", || config::default(specimen));
    report.check("odd-config", || config::odd(specimen));
    report.check("examples", || judging::examples(specimen));
    report.check("negatives", || judging::negatives(specimen));
    if item.kind == Kind::Sink || specimen.is_brief() {
        return report;
    }
    if let Err(trouble) = judging::judges(specimen) {
        // The checks above say more; the ones below have nothing to ask.
        report.check("robust", || Verdict::Fail(format!("it cannot be made: {trouble}")));
        return report;
    }
    match item.kind {
        Kind::Detector => report.check("embedded", || judging::embedded(specimen)),
        Kind::Matcher | Kind::Sink => report.check("anchors", || judging::anchors(specimen, corpus)),
    }
    report.check("ordinary", || judging::ordinary(specimen, corpus));
    let linear = cost::check(&mut report, specimen, options, corpus);
    // What takes the square of a text's length would not come back from the long ones.
    let short;
    let corpus = if linear {
        corpus
    } else {
        short = Corpus::new(false);
        &short
    };
    report.check("robust", || robust::hostile(specimen, corpus));
    report.check("deterministic", || robust::deterministic(specimen, corpus));
    report
}

#[cfg(test)]
mod tests;
