//! The compiled form: one blob for all layers, read in place, of which a hook decodes the few rules it needs.
//!
//! ```text
//! magic 8 | length of the head 4 | checksum of the head 8 | head (postcard) | body
//! body:  per layer  index of resources | index of tools | always list | offsets of the rules | rules (checksum 4 + postcard)
//! ```
//!
//! Numbers are little-endian. The head and the always lists are checked when the blob is opened, an index where it is
//! visited and a rule when it is read, so that a damaged blob is an error and never another policy, and a hook pays
//! for what it uses.

use std::fs;
use std::path::{Path, PathBuf};

use agentfirewall_sdk::Action;
use serde::{Deserialize, Serialize};

use super::diagnostic::PolicyError;
use super::index::{Index, IndexPlace, RuleSet};
use super::layers::LayerKind;
use super::model::{AskFallback, AuditSettings, OnError, SecretsSettings};
use crate::delivery::{Filter, Format, Group};
use crate::private::checksum;
use crate::stamp::Stamp;
use crate::tolerance::PluginSetting;

/// Changes with every change of the format.
pub(super) const MAGIC: [u8; 8] = *b"AFWPOL05";
const PREFIX: usize = 20;
/// Conditions nest at most as deep as the YAML they come from.
const MAX_NESTING: usize = 40;

/// A path that can hold a layer's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSource<'a> {
    /// The layer.
    pub kind: LayerKind,
    /// The path, in the platform's encoding.
    pub path: &'a [u8],
    /// What it was.
    pub stamp: Stamp,
    /// SHA-256 of the content; zeros where there was none.
    pub sha256: [u8; 32],
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head<'a> {
    pub(super) version: &'a str,
    pub(super) fingerprint: u64,
    /// When the sources were read, in nanoseconds since 1970.
    pub(super) made_ns: i128,
    #[serde(borrow)]
    pub(super) sources: Vec<LayerSource<'a>>,
    #[serde(borrow)]
    pub(super) layers: Vec<LayerHead<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LayerHead<'a> {
    pub(super) kind: LayerKind,
    pub(super) source: &'a str,
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) description: &'a str,
    pub(super) default_action: Action,
    pub(super) monitor: bool,
    pub(super) ask: AskFallback,
    pub(super) on_error: OnError,
    pub(super) on_audit_error: Option<OnError>,
    pub(super) audit: Option<AuditSettings>,
    pub(super) secrets: SecretsSettings,
    #[serde(borrow)]
    pub(super) programs: &'a [u8],
    #[serde(borrow)]
    pub(super) plugins: Vec<PluginSetting<'a>>,
    #[serde(borrow)]
    pub(super) detectors: Vec<DetectorSetting<'a>>,
    #[serde(borrow)]
    pub(super) detection: Vec<DetectionSetting<'a>>,
    #[serde(borrow)]
    pub(super) sinks: Vec<SinkSetting<'a>>,
    pub(super) body: LayerPlace,
}

/// Where a layer lies in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LayerPlace {
    pub(super) start: u32,
    pub(super) resources: IndexPlace,
    pub(super) tools: IndexPlace,
    pub(super) always: u32,
    pub(super) rules: u32,
    /// Bytes of the rules' records.
    pub(super) records: u32,
    /// Checksum of the always list.
    pub(super) checksum: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RuleRecord<'a> {
    pub(super) name: &'a str,
    pub(super) action: Action,
    pub(super) reason: &'a str,
    pub(super) suggest: Option<&'a str>,
    pub(super) approve: bool,
    pub(super) monitor: bool,
    pub(super) tools: Option<&'a str>,
    pub(super) resources: Option<&'a str>,
    pub(super) effects: Option<&'a str>,
    pub(super) pack: &'a str,
    /// The condition in prefix order, so that reading it cannot recurse further than it may.
    #[serde(borrow)]
    pub(super) condition: Vec<Step<'a>>,
    pub(super) line: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Step<'a> {
    All(u32),
    Any(u32),
    Not,
    Matcher(&'a str, &'a str),
}

/// The settings of one detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectorSetting<'a> {
    /// The detector's id.
    pub id: &'a str,
    /// Whether it runs.
    pub enabled: bool,
    /// Its configuration, JSON.
    pub config: &'a str,
}

/// A detection rule, which becomes a detector when one of its keywords stands in a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetectionSetting<'a> {
    /// The detector's id.
    pub id: &'a str,
    /// Its keywords; none means every text.
    #[serde(borrow)]
    pub keywords: Vec<&'a str>,
    /// The rule, JSON; see [`DetectionRule`](agentfirewall_sdk::DetectionRule).
    pub rule: &'a str,
    /// The file it is from.
    pub file: &'a str,
}

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkSetting<'a> {
    /// The sink's own name, unique in its layer.
    pub name: &'a str,
    /// The id of the plugin that delivers.
    pub plugin: &'a str,
    /// The plugin's configuration, JSON.
    pub config: &'a str,
    /// What it is told of.
    pub filter: Filter,
    /// In which format.
    pub format: Format,
    /// When a flood is summed up.
    pub group: Option<Group>,
}

/// The patterns of a rule's `tools` or `resources`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patterns<'a> {
    /// None are given: everything matches.
    Any,
    /// The configuration of the pattern matcher: a JSON list of strings.
    Of(&'a str),
}

/// A condition of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<'a> {
    /// Every one holds.
    All(Vec<Condition<'a>>),
    /// At least one holds.
    Any(Vec<Condition<'a>>),
    /// It does not hold.
    Not(Box<Condition<'a>>),
    /// A matcher plugin says so.
    Matcher {
        /// The matcher's id.
        id: &'a str,
        /// Its configuration, JSON.
        config: &'a str,
    },
}

/// One rule, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<'a> {
    /// Its name.
    pub name: &'a str,
    /// What happens to a part it matches.
    pub action: Action,
    /// Why; empty if the author did not say.
    pub reason: &'a str,
    /// What the model is told to do instead.
    pub suggest: Option<&'a str>,
    /// Whether a match skips the agent's own prompt.
    pub approve: bool,
    /// Whether it only records what it would have done.
    pub monitor: bool,
    /// Which tools it is about.
    pub tools: Patterns<'a>,
    /// Which resources it is about.
    pub resources: Patterns<'a>,
    /// Which effects it is about; a rule with them is asked about effects alone.
    pub effects: Option<&'a str>,
    /// The built-in pack it comes from; empty for a rule of the file itself.
    pub pack: &'a str,
    /// What else has to hold.
    pub condition: Option<Condition<'a>>,
    /// Its line in the file, from 1.
    pub line: u32,
}

/// One layer of the compiled policy.
#[derive(Debug, Clone)]
pub struct Layer<'a> {
    /// Whose policy it is.
    pub kind: LayerKind,
    /// Its file.
    pub source: &'a str,
    /// The policy's name.
    pub name: &'a str,
    /// The policy's version, as its author wrote it.
    pub version: &'a str,
    /// What the policy is for.
    pub description: &'a str,
    /// What happens to a part no rule matches.
    pub default_action: Action,
    /// Whether the whole layer only records what it would have done.
    pub monitor: bool,
    /// What an `ask` becomes without a person.
    pub ask: AskFallback,
    /// What a failure becomes.
    pub on_error: OnError,
    /// What a record that cannot be written becomes; `None` if the policy does not say.
    pub on_audit_error: Option<OnError>,
    /// The log's files; `None` if the policy does not say.
    pub audit: Option<AuditSettings>,
    /// What a secret leads to.
    pub secrets: SecretsSettings,
    /// A team's rows of the table of programs; empty if there are none.
    pub(crate) programs: &'a [u8],
    /// The installed plugins it names, in the order of the file.
    pub plugins: Vec<PluginSetting<'a>>,
    /// Settings of detectors, in the order of the file.
    pub detectors: Vec<DetectorSetting<'a>>,
    /// The detection rules of its own.
    pub detection: Vec<DetectionSetting<'a>>,
    /// The sinks, in the order of the file.
    pub sinks: Vec<SinkSetting<'a>>,
    parts: Parts<'a>,
    compiled: &'a Compiled,
}

/// The log's files, as the first layer says that says anything of them: the machine's before the user's.
pub fn audit_settings(layers: &[Layer<'_>]) -> AuditSettings {
    layers.iter().find_map(|layer| layer.audit).unwrap_or_default()
}

/// Whether a call may pass though its record cannot be written. Every layer must permit it: a trusted one says so, or
/// lets all failures pass, or only monitors; a project's follows what a trusted one says.
pub fn may_pass_unrecorded(layers: &[Layer<'_>]) -> bool {
    let says = |layer: &Layer<'_>| match layer.on_audit_error {
        Some(word) => word == OnError::Allow,
        None => layer.on_error == OnError::Allow,
    };
    let trusted_says = layers.iter().any(|layer| layer.kind.is_trusted() && says(layer));
    layers.iter().all(|layer| match (layer.kind.is_trusted(), layer.on_audit_error) {
        (true, Some(word)) => word == OnError::Allow,
        (true, None) => layer.monitor || layer.on_error == OnError::Allow,
        (false, _) => layer.monitor || trusted_says,
    })
}

#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    resources: Index<'a>,
    tools: Index<'a>,
    always: &'a [u8],
    offsets: &'a [u8],
    records: &'a [u8],
    rules: u32,
}

/// The policy of every layer that applies, ready to decide.
#[derive(Debug, Clone)]
pub struct Compiled {
    bytes: Vec<u8>,
    body: usize,
    /// Where it was read from, so that a damaged blob is not read again.
    file: Option<PathBuf>,
}

impl Compiled {
    /// Opens a blob: checks its head and what every call reads. Indexes and rules are checked where they are
    /// read.
    pub(super) fn open(bytes: Vec<u8>, file: Option<PathBuf>) -> Result<Self, PolicyError> {
        let mut compiled = Self { bytes, body: 0, file };
        let (head, body) =
            compiled.split().ok_or_else(|| compiled.corrupt("it is cut short or of another format"))?;
        for layer in &head.layers {
            let parts = parts(&layer.body, body).ok_or_else(|| compiled.corrupt("a layer is cut short"))?;
            if checksum(parts.always) != layer.body.checksum {
                return Err(compiled.corrupt("the checksum of a layer is wrong"));
            }
        }
        compiled.body = compiled.bytes.len() - body.len();
        Ok(compiled)
    }

    /// Puts a head before a body.
    pub(super) fn assemble(head: &Head<'_>, body: &[u8]) -> Result<Vec<u8>, postcard::Error> {
        let head = postcard::to_stdvec(head)?;
        let length = u32::try_from(head.len()).map_err(|_| postcard::Error::SerializeBufferFull)?;
        let mut bytes = Vec::with_capacity(PREFIX + head.len() + body.len());
        bytes.extend(MAGIC);
        bytes.extend(length.to_le_bytes());
        bytes.extend(checksum(&head).to_le_bytes());
        bytes.extend(head);
        bytes.extend(body);
        Ok(bytes)
    }

    pub(super) fn head(&self) -> Result<Head<'_>, PolicyError> {
        self.split().map(|(head, _)| head).ok_or_else(|| self.corrupt("its head cannot be read"))
    }

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(self.body..).unwrap_or_default()
    }

    /// The blob: two policies are the same if theirs are.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn split(&self) -> Option<(Head<'_>, &[u8])> {
        let (magic, rest) = self.bytes.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (sum, rest) = rest.split_first_chunk::<8>()?;
        let (head, body) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        if *magic != MAGIC || checksum(head) != u64::from_le_bytes(*sum) {
            return None;
        }
        Some((postcard::from_bytes(head).ok()?, body))
    }

    /// The layers, in the order managed, user, project; the embedded default alone where there is none of them.
    pub fn layers(&self) -> Result<Vec<Layer<'_>>, PolicyError> {
        let head = self.head()?;
        let body = self.body();
        head.layers
            .into_iter()
            .map(|layer| {
                let parts = parts(&layer.body, body).ok_or_else(|| self.corrupt("a layer is cut short"))?;
                let LayerHead { kind, source, name, version, description, default_action, monitor, .. } =
                    layer;
                let LayerHead { on_audit_error, audit, .. } = layer;
                let LayerHead {
                    ask, on_error, secrets, programs, plugins, detectors, detection, sinks, ..
                } = layer;
                Ok(Layer {
                    kind,
                    source,
                    name,
                    version,
                    description,
                    default_action,
                    monitor,
                    ask,
                    on_error,
                    on_audit_error,
                    audit,
                    secrets,
                    programs,
                    plugins,
                    detectors,
                    detection,
                    sinks,
                    parts,
                    compiled: self,
                })
            })
            .collect()
    }

    /// The paths that can hold a policy, as they were when the policy was compiled, and behind them the files that their
    /// policies take detection rules from. Empty for a policy that was
    /// compiled from a text or one file.
    pub fn sources(&self) -> Result<Vec<LayerSource<'_>>, PolicyError> {
        Ok(self.head()?.sources)
    }

    /// Removes the file, so that the next call does not meet the same damage.
    fn discard(&self) {
        if let Some(file) = &self.file {
            let _already_gone = fs::remove_file(file);
        }
    }

    fn corrupt(&self, what: &str) -> PolicyError {
        self.discard();
        PolicyError::corrupt(self.file.as_deref().unwrap_or(Path::new("<text>")), what)
    }
}

impl<'a> Layer<'a> {
    /// How many rules there are; their ids count from 0 in the order of the file.
    pub fn rule_count(&self) -> u32 {
        self.parts.rules
    }

    /// Writes the ids of the rules that can match any of these names and any of these texts, ascending. It is a
    /// superset: a rule that is not listed cannot match. `names` are every name of the tool, `texts` every spelling
    /// of every part that is going to be judged.
    pub fn candidates(&self, names: &[&str], texts: &[&str], out: &mut Vec<u32>) {
        out.clear();
        let mut rules = RuleSet::new(self.parts.rules);
        for rule in self.parts.always.chunks_exact(4) {
            rules.insert(rule.try_into().map_or(u32::MAX, u32::from_le_bytes));
        }
        let sound = self.parts.tools.look_up(names, &mut rules)
            && self.parts.resources.look_up(texts, &mut rules)
            && rules.is_sound();
        if sound {
            rules.write(out);
        } else {
            // An index that does not hold together must not hide a rule, and is not needed a second time.
            self.compiled.discard();
            out.extend(0..self.parts.rules);
        }
    }

    /// Decodes one rule.
    pub fn rule(&self, id: u32) -> Result<Rule<'a>, PolicyError> {
        let record = self.record(id).ok_or_else(|| self.compiled.corrupt("a rule is damaged"))?;
        let condition = if record.condition.is_empty() {
            None
        } else {
            let mut steps = record.condition.iter();
            let condition = condition(&mut steps, MAX_NESTING).filter(|_| steps.next().is_none());
            Some(condition.ok_or_else(|| self.compiled.corrupt("a condition is damaged"))?)
        };
        Ok(Rule {
            name: record.name,
            action: record.action,
            reason: record.reason,
            suggest: record.suggest,
            approve: record.approve,
            monitor: record.monitor,
            tools: record.tools.map_or(Patterns::Any, Patterns::Of),
            resources: record.resources.map_or(Patterns::Any, Patterns::Of),
            effects: record.effects,
            pack: record.pack,
            condition,
            line: record.line,
        })
    }

    fn record(&self, id: u32) -> Option<RuleRecord<'a>> {
        let at = (id as usize).checked_mul(4)?;
        let offset = |at: usize| -> Option<usize> {
            let bytes: [u8; 4] = self.parts.offsets.get(at..at.checked_add(4)?)?.try_into().ok()?;
            Some(u32::from_le_bytes(bytes) as usize)
        };
        let record = self.parts.records.get(offset(at)?..offset(at.checked_add(4)?)?)?;
        let (sum, record) = record.split_first_chunk::<4>()?;
        if short_checksum(id, record) != u32::from_le_bytes(*sum) {
            return None;
        }
        postcard::from_bytes(record).ok()
    }
}

fn condition<'a>(steps: &mut std::slice::Iter<'_, Step<'a>>, nesting: usize) -> Option<Condition<'a>> {
    let nesting = nesting.checked_sub(1)?;
    let several = |count: u32, steps: &mut std::slice::Iter<'_, Step<'a>>| {
        (0..count).map(|_| condition(steps, nesting)).collect::<Option<Vec<_>>>()
    };
    Some(match *steps.next()? {
        Step::All(count) => Condition::All(several(count, steps)?),
        Step::Any(count) => Condition::Any(several(count, steps)?),
        Step::Not => Condition::Not(Box::new(condition(steps, nesting)?)),
        Step::Matcher(id, config) => Condition::Matcher { id, config },
    })
}

fn parts<'a>(place: &LayerPlace, body: &'a [u8]) -> Option<Parts<'a>> {
    let layer = body.get(place.start as usize..)?;
    let (resources, rest) = layer.split_at_checked(place.resources.bytes()?)?;
    let (tools, rest) = rest.split_at_checked(place.tools.bytes()?)?;
    let (always, rest) = rest.split_at_checked((place.always as usize).checked_mul(4)?)?;
    let (offsets, rest) = rest.split_at_checked((place.rules as usize).checked_add(1)?.checked_mul(4)?)?;
    let (records, _) = rest.split_at_checked(place.records as usize)?;
    Some(Parts {
        resources: Index::new(&place.resources, resources)?,
        tools: Index::new(&place.tools, tools)?,
        always,
        offsets,
        records,
        rules: place.rules,
    })
}

/// The checksum of a rule's record, which also tells it from every other rule's.
pub(super) fn short_checksum(id: u32, bytes: &[u8]) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the checksum folds its upper half into the lower")]
    let short = checksum(bytes) as u32;
    short ^ id.wrapping_mul(0x9e37_79b9)
}
