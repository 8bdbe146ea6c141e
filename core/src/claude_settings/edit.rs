//! What to write into a settings file, and how to take it out again: every other byte, order and indentation stays.
//!
//! An installation leaves a [`Record`] for the uninstallation: the way back, valid while the file is byte for byte as
//! installed. Once somebody else has edited the file, our entries are found by what they are, and the record says
//! only which empty containers and which permission rules were ours.

use std::borrow::Cow;
use std::path::Path;

use crate::sha256::Sha256;
use jsonc_parser::ast::Value;
use jsonc_parser::common::Ranged;
use serde::{Deserialize, Serialize};

use super::additions::additions;
use super::removals::removals;
use super::surgery::{Undo, apply, remove, revert};
use super::tree::{Effect, Problem, Settings, property};
use super::wiring::{State, Wiring, is_python, ours};
use super::{EVENTS, PYTHON_MODULE};

/// What is to be installed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The program's absolute path, as it is to stand in the file.
    pub command: &'a str,
    /// Rules for `permissions.deny`.
    pub deny_rules: &'a [String],
}

/// What an installation did, kept beside the firewall's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// SHA-256 of the file as installed, in hex.
    pub installed: String,
    /// The way back from those bytes; empty if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo: Vec<Undo>,
    /// There was no file before.
    #[serde(default)]
    pub created_file: bool,
    /// The containers that were not there before: `hooks`, `hooks.<event>`, `permissions`, `permissions.deny`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created: Vec<String>,
    /// The rules added to `permissions.deny`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny_rules: Vec<String>,
}

impl Record {
    /// The name of the file that keeps the record of one settings file.
    pub fn file_name(settings: &Path) -> String {
        let name = fingerprint(settings.as_os_str().as_encoded_bytes());
        format!("{}.json", name.get(..16).unwrap_or(&name))
    }
}

/// A planned installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The file's new text, with the byte order mark it had.
    pub text: String,
    /// Whether it differs from the old.
    pub changed: bool,
    /// What to keep for the uninstallation.
    pub record: Record,
    /// How many hooks of the Python program go.
    pub python_hooks: usize,
    /// Problems that do not stop the installation.
    pub warnings: Vec<Problem>,
}

/// A planned uninstallation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The file's new text; none if the file itself was made by the installation and nothing is left in it.
    pub text: Option<String>,
    /// Whether there is anything to do.
    pub changed: bool,
    /// How many handlers go, the Python program's included.
    pub handlers: usize,
    /// The permission rules that go.
    pub deny_rules: Vec<String>,
}

/// Why a file is not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The client would drop the file, or an edit would not be safe.
    #[error("the file has {} that must be corrected first", count(.0.len()))]
    Rejected(Vec<Problem>),
    /// `hooks` is a list with entries that are not ours.
    #[error("`hooks` is a list and holds entries that are not ours; the client runs none of them")]
    ForeignList,
    /// The planned text is not what it should be: a fault of this program.
    #[error("the edit could not be planned ({0})")]
    Internal(&'static str),
}

fn count(problems: usize) -> String {
    if problems == 1 { "a problem".into() } else { format!("{problems} problems") }
}

/// Plans an installation. `before` is the file's content, none if there is no file; `record` is the one of an earlier
/// installation into the same file.
pub fn plan_install(
    before: Option<&[u8]>,
    request: &Request<'_>,
    record: Option<&Record>,
) -> Result<Change, EditError> {
    let original = before.unwrap_or_default();
    // As installed and untouched: start from what was there before, so that one record says it all.
    let reverted = record.and_then(|record| way_back(original, record).map(|text| (text, record)));
    let (base, earlier, created_file) = match &reverted {
        Some((text, record)) => (text.as_bytes(), None, record.created_file),
        None => (original, record, before.is_none()),
    };
    let (text, bom, python_hooks) = without_python(base)?;
    let settings = Settings::parse(text.as_bytes());
    let warnings = editable(&settings)?;
    let binary = Path::new(request.command);
    let had_ours = python_hooks > 0 || count_ours(&settings, Some(binary)) > 0;

    let added = additions(&settings.text, settings.root().as_ref(), request)?;
    let (created, deny_rules) = (added.created, added.deny_rules);
    let (after, undo) = apply(&settings.text, added.edits).ok_or(EditError::Internal("ranges"))?;

    let check = Settings::parse(after.as_bytes());
    if check.is_void() || !wires(&check, binary) {
        return Err(EditError::Internal("the result is not wired"));
    }
    let after = if bom { format!("\u{feff}{after}") } else { after };
    let changed = after.as_bytes() != original;
    let stale = earlier.filter(|_| had_ours);
    let keep = |ours: &dyn Fn(&Record) -> &[String], new: Vec<String>| -> Vec<String> {
        let old = stale.map(|record| ours(record).to_vec()).unwrap_or_default();
        let added: Vec<_> = new.into_iter().filter(|name| !old.contains(name)).collect();
        [old, added].concat()
    };
    let offset = if bom { '\u{feff}'.len_utf8() } else { 0 };
    let exact = !had_ours && stale.is_none();
    let new = Record {
        installed: fingerprint(after.as_bytes()),
        undo: if exact {
            undo.into_iter().map(|step| Undo { at: step.at + offset, ..step }).collect()
        } else {
            Vec::new()
        },
        created_file: created_file || stale.is_some_and(|record| record.created_file),
        // Ours were there without a record: what then holds nothing but ours was made for them.
        created: if had_ours && stale.is_none() {
            all_containers()
        } else {
            keep(&|record| &record.created, created)
        },
        deny_rules: keep(&|record| &record.deny_rules, deny_rules),
    };
    let record = match record {
        Some(record) if !changed => record.clone(),
        _ => new,
    };
    Ok(Change { text: after, changed, record, python_hooks, warnings })
}

/// Plans an uninstallation: our hooks, the Python program's, the recorded permission rules, and the containers that an
/// installation made and that are empty now.
pub fn plan_uninstall(
    before: &[u8],
    binary: Option<&Path>,
    record: Option<&Record>,
) -> Result<Removal, EditError> {
    if let Some(record) = record
        && let Some(text) = way_back(before, record)
    {
        let handlers = EVENTS.len();
        let gone = record.created_file && text.trim_start_matches('\u{feff}').trim().is_empty();
        let deny_rules = record.deny_rules.clone();
        return Ok(Removal { text: (!gone).then_some(text), changed: true, handlers, deny_rules });
    }
    let (text, bom, python_hooks) = without_python(before)?;
    let settings = Settings::parse(text.as_bytes());
    if !settings.is_json()
        || settings.problems().iter().any(|problem| problem.effect == Effect::BlocksEditing)
    {
        return Err(EditError::Rejected(settings.problems().to_vec()));
    }
    let is_ours = |handler: &Value<'_>| ours(handler, binary).is_some();
    let created = |name: &str| record.is_none_or(|record| record.created.iter().any(|made| made == name));
    let rules = record.map(|record| record.deny_rules.as_slice()).unwrap_or_default();
    let (edits, handlers, deny_rules) = removals(settings.root().as_ref(), &is_ours, rules, &created);
    let (after, _) = apply(&settings.text, edits).ok_or(EditError::Internal("ranges"))?;
    let check = Settings::parse(after.as_bytes());
    // A file that is void for a reason of its own stays so; it is no reason to keep our hooks in it.
    if check.is_void() != settings.is_void() || count_ours(&check, binary) > 0 {
        return Err(EditError::Internal("something is left"));
    }
    let gone = record.is_some_and(|record| record.created_file)
        && matches!(check.root(), Some(Value::Object(root)) if root.properties.is_empty());
    let after = if bom { format!("\u{feff}{after}") } else { after };
    let changed = after.as_bytes() != before;
    Ok(Removal { text: (!gone).then_some(after), changed, handlers: handlers + python_hooks, deny_rules })
}

fn all_containers() -> Vec<String> {
    ["hooks".to_owned()]
        .into_iter()
        .chain(EVENTS.iter().map(|event| format!("hooks.{}", event.name)))
        .collect()
}

/// The text before the installation, if the file is still exactly as installed.
fn way_back(text: &[u8], record: &Record) -> Option<String> {
    if record.undo.is_empty() || fingerprint(text) != record.installed {
        return None;
    }
    revert(std::str::from_utf8(text).ok()?, &record.undo)
}

fn fingerprint(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    Sha256::digest(bytes).iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn wires(settings: &Settings<'_>, binary: &Path) -> bool {
    let wiring = Wiring::of(settings, Some(binary));
    wiring
        .events
        .iter()
        .all(|event| matches!(&event.state, State::Full { command } if Path::new(command) == binary))
}

/// Problems that stop an edit are an error; the others are handed back.
fn editable(settings: &Settings<'_>) -> Result<Vec<Problem>, EditError> {
    let stops = |problem: &Problem| problem.effect != Effect::LosesEntry;
    if settings.problems().iter().any(stops) {
        return Err(EditError::Rejected(settings.problems().to_vec()));
    }
    Ok(settings.problems().to_vec())
}

fn count_ours(settings: &Settings<'_>, binary: Option<&Path>) -> usize {
    let root = settings.root();
    let (_, handlers, _) =
        removals(root.as_ref(), &|handler| ours(handler, binary).is_some(), &[], &|_| true);
    handlers
}

/// The text without the Python program's hooks, whether there was a byte order mark, and how many hooks went. That
/// program wrote `hooks` as a list, which voids the file, so this comes before any check.
fn without_python(bytes: &[u8]) -> Result<(String, bool, usize), EditError> {
    let settings = Settings::parse(bytes);
    if let Cow::Owned(_) = settings.text {
        return Err(EditError::Rejected(settings.problems().to_vec()));
    }
    let done = |text: String, hooks| Ok((text, settings.bom, hooks));
    let root = settings.root();
    let Some(Value::Object(object)) = &root else { return done(settings.text.to_string(), 0) };
    if let Some(hooks) = property(object, "hooks")
        && let Value::Array(list) = &hooks.value
        && !list.elements.is_empty()
    {
        if !list.elements.iter().all(is_python) {
            return Err(EditError::ForeignList);
        }
        let fields: Vec<_> =
            object.properties.iter().map(|field| (field.range(), field.range() == hooks.range())).collect();
        let (text, _) =
            apply(&settings.text, remove(object.range, &fields)).ok_or(EditError::Internal("ranges"))?;
        return done(text, list.elements.len());
    }
    if !settings.text.contains(PYTHON_MODULE) {
        return done(settings.text.to_string(), 0);
    }
    let (edits, handlers, _) = removals(root.as_ref(), &is_python, &[], &|_| true);
    let (text, _) = apply(&settings.text, edits).ok_or(EditError::Internal("ranges"))?;
    done(text, handlers)
}
