//! Calls the detectors that a text gives reason to call, and nothing else.

use std::sync::OnceLock;

use agentfirewall_sdk::{Detector, Finding, Kind, LocatedFinding, PluginError, Rows, Scan, tables};
use serde_json::Value;

use super::prefilter::{Hit, Prefilter};
use super::shelf::Shelf;
use super::{decode, value};
use crate::guard::{Fault, guarded};
use crate::policy::DetectionSetting;
use crate::registry::{CompositionError, Entry, Origin, Registry};
use crate::tolerance::{Failure, OnFailure, PluginSetting};

/// Above this length (in bytes) the name of a member is no longer shown to the detectors together with its value: what
/// is only a secret beside its name is short.
const NAMED_VALUE_LIMIT: usize = 1024;

/// What a policy says of one detector. A detector nobody speaks of is active with its defaults.
#[derive(Debug, Clone, Copy)]
pub struct DetectorSetting<'r> {
    /// The detector's id.
    pub id: &'r str,
    /// Whether it takes part at all.
    pub enabled: bool,
    /// Its configuration as a JSON object; empty for the defaults.
    pub config: &'r str,
}

/// Why a text could not be judged. The caller denies the call: a text nobody looked at is not a clean text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A setting names a detector that this binary does not have.
    #[error("no detector is called `{id}`")]
    Unknown {
        /// The name.
        id: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// A detector cannot be made: it refuses its configuration, or its library cannot be loaded.
    #[error("{plugin} cannot be used: {message}")]
    Config {
        /// The detector.
        plugin: String,
        /// What the detector says.
        message: String,
    },
    /// This binary cannot make a detector of a rule.
    #[error(transparent)]
    Composition(#[from] CompositionError),
    /// A detector returned an error.
    #[error("{plugin} failed: {message}")]
    Failed {
        /// The detector.
        plugin: String,
        /// What the detector says.
        message: String,
    },
    /// A detector panicked.
    #[error("{plugin} panicked: {message}")]
    Panicked {
        /// The detector.
        plugin: String,
        /// The panic's message.
        message: String,
    },
    /// A detector reported a place that is empty, outside the text or inside a character.
    #[error("{plugin} reported a finding at bytes {start}..{end}, which is no place in the text")]
    Span {
        /// The detector.
        plugin: String,
        /// The reported start.
        start: usize,
        /// The reported end.
        end: usize,
    },
}

/// What came of looking at a text or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned<F> {
    /// The secrets.
    pub findings: Vec<F>,
    /// The failures that the engine was told to tolerate; whatever these plugins would have found is missing.
    pub failures: Vec<Failure>,
}

impl<F> Scanned<F> {
    /// Nothing was found, and nothing failed.
    pub const fn nothing() -> Self {
        Self { findings: Vec::new(), failures: Vec::new() }
    }
}

impl<F> Default for Scanned<F> {
    fn default() -> Self {
        Self::nothing()
    }
}

type Built = Result<Box<dyn Detector>, EngineError>;

/// An active detector, made when it is first needed.
pub(super) struct Slot<'r> {
    pub(super) entry: Entry,
    config: &'r str,
    on_failure: OnFailure,
    built: OnceLock<Built>,
}

impl<'r> Slot<'r> {
    pub(super) const fn new(entry: Entry) -> Self {
        Self { entry, config: "{}", on_failure: OnFailure::Deny, built: OnceLock::new() }
    }

    pub(super) fn follow(&mut self, setting: &DetectorSetting<'r>) {
        if !setting.config.trim().is_empty() {
            self.config = setting.config;
        }
    }
}

/// The active detectors behind one prefilter. Neither the prefilter nor any detector is made before a text needs it.
pub struct Engine<'r> {
    /// Those that are no row of a table.
    slots: Vec<Slot<'r>>,
    /// The tables, whose rows are numbered after the slots.
    shelves: Vec<Shelf<'r>>,
    /// The detectors that declare no keyword and see every text.
    always: Vec<u16>,
    prefilter: OnceLock<Prefilter>,
}

impl std::fmt::Debug for Engine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = self.shelves.iter().flat_map(Shelf::active).map(|slot| slot.entry.id().to_owned());
        f.debug_list().entries(self.slots.iter().map(|slot| slot.entry.id().to_owned()).chain(rows)).finish()
    }
}

impl<'r> Engine<'r> {
    /// An engine with every detector of the registry that no setting disables. Configurations are checked when the
    /// detector is first needed, or by [`Engine::check`].
    pub fn new(registry: &Registry, settings: &[DetectorSetting<'r>]) -> Result<Self, EngineError> {
        Self::made(registry.singles().iter().cloned(), tables(), settings)
    }

    /// The same with detectors that a policy's own rules become.
    pub fn with_rules(
        registry: &Registry,
        settings: &[DetectorSetting<'r>],
        rules: &[DetectionSetting<'_>],
    ) -> Result<Self, EngineError> {
        if rules.is_empty() {
            return Self::new(registry, settings);
        }
        let own = registry.entries_of_rules(rules)?;
        Self::made(registry.singles().iter().cloned().chain(own), tables(), settings)
    }

    /// The same from any set of plugins; those of other kinds are passed over.
    pub fn from_entries<E: Into<Entry>>(
        entries: impl Iterator<Item = E>,
        settings: &[DetectorSetting<'r>],
    ) -> Result<Self, EngineError> {
        Self::made(entries.map(Into::into), std::iter::empty(), settings)
    }

    fn made(
        entries: impl Iterator<Item = Entry>,
        tables: impl Iterator<Item = &'static dyn Rows>,
        settings: &[DetectorSetting<'r>],
    ) -> Result<Self, EngineError> {
        let mut slots: Vec<Slot<'r>> = Vec::with_capacity(32);
        slots.extend(entries.filter(|entry| entry.kind() == Kind::Detector).map(Slot::new));
        let mut shelves: Vec<Shelf<'r>> = tables.map(Shelf::new).collect();
        for setting in settings {
            if let Some(slot) = slots.iter_mut().find(|slot| slot.entry.id() == setting.id) {
                slot.follow(setting);
            } else if !shelves.iter_mut().any(|shelf| shelf.follow(setting)) {
                return Err(unknown(setting.id, &slots, &shelves));
            }
        }
        slots.retain(|slot| {
            let mut said = settings.iter().filter(|setting| setting.id == slot.entry.id()).peekable();
            (said.peek().is_some() || !slot.entry.off()) && said.all(|setting| setting.enabled)
        });
        let always = always(&slots);
        Ok(Self { slots, shelves, always, prefilter: OnceLock::new() })
    }

    /// The same engine with what a policy says of installed plugins: without the detectors of those that are disabled,
    /// and going on without a detector that fails where a failure is not to deny the call.
    pub fn for_plugins(mut self, plugins: &[PluginSetting<'_>]) -> Self {
        if plugins.is_empty() {
            return self;
        }
        let setting = |entry: &Entry| {
            let library = entry.library()?;
            plugins.iter().find(|plugin| plugin.name == library.plugin.name)
        };
        self.slots.retain(|slot| setting(&slot.entry).is_none_or(|plugin| plugin.enabled));
        for slot in &mut self.slots {
            slot.on_failure = setting(&slot.entry).map_or(OnFailure::Deny, |plugin| plugin.on_error);
        }
        self.always = always(&self.slots);
        // The numbers of the slots are in it.
        self.prefilter = OnceLock::new();
        self
    }

    /// Makes every active detector, so that a wrong configuration is known before a call needs it.
    pub fn check(&self) -> Result<(), EngineError> {
        self.slots.iter().try_for_each(|slot| Self::detector(slot).map(drop))?;
        self.shelves.iter().flat_map(Shelf::active).try_for_each(|slot| Self::detector(&slot).map(drop))
    }

    /// Makes every active detector that is in a library: for a caller who goes on with threads, which must not load one.
    pub fn load_libraries(&self) -> Result<(), EngineError> {
        let mut installed = self.slots.iter().filter(|slot| slot.entry.library().is_some());
        installed.try_for_each(|slot| Self::detector(slot).map(drop))
    }

    /// The secrets in a text, in the order in which they stand there and without overlaps.
    pub fn scan_text(&self, text: &str) -> Result<Scanned<Finding>, EngineError> {
        let mut failures = Vec::new();
        let findings = self.findings(text, &mut failures)?;
        Ok(Scanned { findings, failures })
    }

    /// The secrets in every string of a JSON value, names of members included, with the place of each.
    ///
    /// A place is a JSON pointer (RFC 6901) with two additions that keep a secret out of it: a member whose name is a
    /// finding itself, is over 200 bytes or begins with `#` is addressed by its number (`/env/#2`), and a finding in
    /// the name of that member stands at `/env/#2/#name`. [`mask_value`](super::mask_value) reads the same places.
    ///
    /// A short value is shown to the detectors together with its name too, so that `{"password": "..."}` is judged as
    /// `password="..."` would be.
    pub fn scan_value(&self, value: &Value) -> Result<Scanned<LocatedFinding>, EngineError> {
        let mut failures = Vec::new();
        let findings = value::scan(self, value, &mut failures)?;
        Ok(Scanned { findings, failures })
    }

    /// What a text holds.
    pub(super) fn findings(
        &self,
        text: &str,
        failures: &mut Vec<Failure>,
    ) -> Result<Vec<Finding>, EngineError> {
        let mut findings = self.findings_as_written(text, failures)?;
        let plain = findings.len();
        decode::through(text, &mut Looking { engine: self, failures }, &mut findings)?;
        Ok(if findings.len() > plain { resolve(findings) } else { findings })
    }

    /// What a text holds, without a look behind encodings.
    fn findings_as_written(
        &self,
        text: &str,
        failures: &mut Vec<Failure>,
    ) -> Result<Vec<Finding>, EngineError> {
        self.judge(text, self.hits(text), failures)
    }

    /// What a member's name holds, and whether a detector's keyword stands in it.
    pub(super) fn findings_in_name(
        &self,
        name: &str,
        failures: &mut Vec<Failure>,
    ) -> Result<(Vec<Finding>, bool), EngineError> {
        let hits = self.hits(name);
        let telling = self.is_telling(&hits);
        Ok((self.judge(name, hits, failures)?, telling))
    }

    /// What a member's value holds, seen alone and beside its name.
    pub(super) fn findings_beside(
        &self,
        name: &str,
        text: &str,
        failures: &mut Vec<Failure>,
    ) -> Result<Vec<Finding>, EngineError> {
        let mut findings = self.findings(text, failures)?;
        if text.len() > NAMED_VALUE_LIMIT {
            return Ok(findings);
        }
        let quote = ["\"", "'", "`"].into_iter().find(|quote| !text.contains(quote)).unwrap_or_default();
        let composed = format!("{name}={quote}{text}{quote}");
        let start = name.len() + 1 + quote.len();
        let end = start + text.len();
        let beside = self.findings(&composed, failures)?;
        findings.extend(
            beside.into_iter().filter(|finding| finding.span.start >= start && finding.span.end <= end).map(
                |mut finding| {
                    finding.span = finding.span.start - start..finding.span.end - start;
                    finding
                },
            ),
        );
        Ok(resolve(findings))
    }

    fn prefilter(&self) -> &Prefilter {
        self.prefilter.get_or_init(|| {
            let slots = numbered(&self.slots)
                .flat_map(|(slot, number)| slot.entry.keywords().map(move |keyword| (keyword, number)));
            let rows = self.numbered_shelves().flat_map(|(shelf, first)| {
                shelf.switched_on().map(move |(row, keyword)| (keyword, first + row))
            });
            let tables = self.numbered_shelves().map(|(shelf, first)| (shelf.rows(), first));
            Prefilter::new(tables, slots.chain(rows))
        })
    }

    /// The keywords in a text. The index of a table holds those of all rows that take part unless a policy says otherwise.
    fn hits(&self, text: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        self.prefilter().find(text, &mut hits);
        hits
    }

    /// Whether one of the keywords is that of an active detector.
    fn is_telling(&self, hits: &[Hit]) -> bool {
        hits.iter().any(|hit| self.is_active(hit.owner))
    }

    fn is_active(&self, owner: u16) -> bool {
        self.row(owner).is_none_or(|(shelf, row)| shelf.is_active(row))
    }

    /// The tables, each with the number of its first row.
    fn numbered_shelves(&self) -> impl Iterator<Item = (&Shelf<'r>, u16)> {
        let mut next = u16::try_from(self.slots.len()).unwrap_or(u16::MAX);
        self.shelves.iter().map(move |shelf| {
            let first = next;
            next = next.saturating_add(shelf.rows().count());
            (shelf, first)
        })
    }

    /// Sorts the program's own detectors by id, rows among the others, before those of libraries and policies.
    fn order(&self, owner: u16) -> (bool, &str) {
        if let Some((shelf, row)) = self.row(owner) {
            return (false, shelf.rows().id(row));
        }
        match self.slots.get(usize::from(owner)) {
            Some(slot) if slot.entry.origin() == Origin::BuiltIn => (false, slot.entry.id()),
            _ => (true, ""),
        }
    }

    /// The row that has a number; `None` for the number of a slot.
    fn row(&self, owner: u16) -> Option<(&Shelf<'r>, u16)> {
        if usize::from(owner) < self.slots.len() {
            return None;
        }
        self.numbered_shelves()
            .map(|(shelf, first)| (shelf, owner.checked_sub(first)))
            .find_map(|(shelf, row)| Some((shelf, row.filter(|row| *row < shelf.rows().count())?)))
    }

    fn judge(
        &self,
        text: &str,
        mut hits: Vec<Hit>,
        failures: &mut Vec<Failure>,
    ) -> Result<Vec<Finding>, EngineError> {
        if hits.is_empty() && self.always.is_empty() {
            return Ok(Vec::new());
        }
        hits.sort_unstable();
        hits.dedup();
        let mut places = Vec::new();
        let mut findings = Vec::new();
        let mut found = Vec::new();
        for group in hits.chunk_by(|left, right| left.owner == right.owner) {
            let Some(owner) = group.first().map(|hit| hit.owner) else { continue };
            if self.always.contains(&owner) || !self.is_active(owner) {
                continue;
            }
            places.clear();
            places.extend(group.iter().map(|hit| hit.at));
            self.call(owner, text, &places, &mut findings, failures)?;
            if !findings.is_empty() {
                found.push((owner, std::mem::take(&mut findings)));
            }
        }
        // Of two that are equally sure of one place the first gives it its name.
        found.sort_by(|one, other| self.order(one.0).cmp(&self.order(other.0)));
        findings.extend(found.into_iter().flat_map(|(_, found)| found));
        for &owner in &self.always {
            self.call(owner, text, &[], &mut findings, failures)?;
        }
        Ok(resolve(findings))
    }

    fn detector<'s>(slot: &'s Slot<'r>) -> Result<&'s dyn Detector, EngineError> {
        let built = slot.built.get_or_init(|| {
            guarded(|| slot.entry.detector(slot.config)).map_err(|fault| {
                let plugin = slot.entry.label();
                match fault.tellable(&[]) {
                    Fault::Failed(message) => EngineError::Config { plugin, message },
                    Fault::Panicked(message) => EngineError::Panicked { plugin, message },
                }
            })
        });
        built.as_ref().map(AsRef::as_ref).map_err(Clone::clone)
    }

    /// Calls a detector, and goes on without it where its failure is tolerated.
    fn call(
        &self,
        owner: u16,
        text: &str,
        places: &[usize],
        findings: &mut Vec<Finding>,
        failures: &mut Vec<Failure>,
    ) -> Result<(), EngineError> {
        // A row's detector is a view of its table: to make it again costs less than to keep a place for each of a thousand.
        let row = match self.row(owner) {
            Some((shelf, row)) if shelf.is_plain(row) => {
                let entry = Entry::of_row(shelf.rows(), row);
                let detect = |scan: &mut Scan<'_>| shelf.rows().detect(row, scan);
                return Self::ask(&entry, &detect, text, places, findings);
            }
            Some((shelf, row)) => Some(shelf.slot(row)),
            None => None,
        };
        let Some(slot) = row.as_ref().or_else(|| self.slots.get(usize::from(owner))) else { return Ok(()) };
        let before = findings.len();
        match Self::detect(slot, text, places, findings) {
            Err(error) if slot.on_failure != OnFailure::Deny => {
                findings.truncate(before);
                Failure::new(&error.to_string(), slot.on_failure).note(failures);
                Ok(())
            }
            other => other,
        }
    }

    fn detect(
        slot: &Slot<'r>,
        text: &str,
        places: &[usize],
        findings: &mut Vec<Finding>,
    ) -> Result<(), EngineError> {
        let detector = Self::detector(slot)?;
        Self::ask(&slot.entry, &|scan| detector.detect(scan), text, places, findings)
    }

    fn ask(
        entry: &Entry,
        detect: &dyn Fn(&mut Scan<'_>) -> Result<(), PluginError>,
        text: &str,
        places: &[usize],
        findings: &mut Vec<Finding>,
    ) -> Result<(), EngineError> {
        let mut reported = Vec::new();
        guarded(|| detect(&mut Scan::new(text, places, &mut reported))).map_err(|fault| {
            let plugin = entry.label();
            match fault.tellable(&[text]) {
                Fault::Failed(message) => EngineError::Failed { plugin, message },
                Fault::Panicked(message) => EngineError::Panicked { plugin, message },
            }
        })?;
        for mut finding in reported {
            // An empty or backward range has no text either.
            if text.get(finding.span.clone()).is_none_or(str::is_empty) {
                let std::ops::Range { start, end } = finding.span;
                return Err(EngineError::Span { plugin: entry.label(), start, end });
            }
            entry.id().clone_into(&mut finding.detector);
            findings.push(finding);
        }
        Ok(())
    }
}

/// The engine as the judge of what was decoded.
struct Looking<'e, 'r, 'f> {
    engine: &'e Engine<'r>,
    failures: &'f mut Vec<Failure>,
}

impl decode::Look for Looking<'_, '_, '_> {
    type Error = EngineError;

    fn look(&mut self, text: &str) -> Result<Vec<Finding>, EngineError> {
        self.engine.findings_as_written(text, self.failures)
    }

    fn telling(&mut self, name: &str) -> bool {
        self.engine.is_telling(&self.engine.hits(name))
    }
}

fn numbered<'s, 'r>(slots: &'s [Slot<'r>]) -> impl Iterator<Item = (&'s Slot<'r>, u16)> {
    slots.iter().zip(0_u16..)
}

/// The detectors without a keyword.
fn always(slots: &[Slot<'_>]) -> Vec<u16> {
    numbered(slots)
        .filter(|(slot, _)| slot.entry.keywords().all(str::is_empty))
        .map(|(_, number)| number)
        .collect()
}

fn unknown(id: &str, slots: &[Slot<'_>], shelves: &[Shelf<'_>]) -> EngineError {
    let nearest = slots
        .iter()
        .map(|slot| slot.entry.id())
        .chain(shelves.iter().flat_map(Shelf::ids))
        .map(|other| (strsim::jaro_winkler(id, other), other))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, id)| id.to_owned());
    EngineError::Unknown { id: id.to_owned(), nearest }
}

/// Sorts findings and joins those that overlap: the surest, then the longest gives the name, and the place covers all
/// of them, so that masking leaves nothing of any.
fn resolve(mut findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() < 2 {
        return findings;
    }
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    let mut kept: Vec<(Finding, usize)> = Vec::with_capacity(findings.len());
    for finding in findings {
        let length = finding.span.len();
        match kept.last_mut() {
            Some((last, last_length)) if finding.span.start < last.span.end => {
                let joined = last.span.start..last.span.end.max(finding.span.end);
                let rank = |finding: &Finding, length| (finding.confidence, length, finding.severity);
                if rank(&finding, length) > rank(last, *last_length) {
                    *last = finding;
                    *last_length = length;
                }
                last.span = joined;
            }
            _ => kept.push((finding, length)),
        }
    }
    kept.into_iter().map(|(finding, _)| finding).collect()
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
