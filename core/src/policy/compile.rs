//! From validated policies to the blob.

use std::path::Path;

use agentfirewall_sdk::{Anchors, Kind};

use super::compiled::{
    Compiled, DetectionSetting, DetectorSetting, Head, LayerHead, LayerPlace, LayerSource, RuleRecord,
    SinkSetting, Step, short_checksum,
};
use super::diagnostic::{PolicyError, PolicyErrorKind};
use super::index::IndexBuilder;
use super::layers::{self, LayerKind, Source};
use super::model::{OwnedCondition, OwnedRule, Policy};
use super::packs;
use super::validate::check_errors;
use crate::private::checksum;
use crate::registry::Registry;
use crate::tolerance::PluginSetting;

/// The part of the cache's key that no file says: this version, with the policy it embeds.
pub(super) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "/7");

/// Reads and compiles one file as the only layer. Nothing is cached.
pub fn load_file(path: &Path, kind: LayerKind, registry: &Registry) -> Result<Compiled, PolicyError> {
    let file =
        layers::read(path, kind)?.ok_or_else(|| PolicyError::unreadable(path, "there is no such file"))?;
    compile_one(Source { kind, path: path.to_owned(), text: file.text }, registry)
}

/// Compiles a text as the only layer.
pub fn compile_text(text: &str, kind: LayerKind, registry: &Registry) -> Result<Compiled, PolicyError> {
    compile_one(Source { kind, path: "<text>".into(), text: text.to_owned() }, registry)
}

fn compile_one(source: Source, registry: &Registry) -> Result<Compiled, PolicyError> {
    Compiled::open(compile(&[source], &[], 0, registry)?, None)
}

/// Checks the sources and makes the blob of all of them. The first file with an error is the error.
pub(super) fn compile(
    sources: &[Source],
    stamps: &[LayerSource<'_>],
    made_ns: i128,
    registry: &Registry,
) -> Result<Vec<u8>, PolicyError> {
    let mut policies = Vec::with_capacity(sources.len());
    for source in sources {
        let policy = check_errors(source, registry)
            .map_err(|problems| PolicyError::invalid(&source.path, source.kind, &source.text, problems))?;
        let rules: Vec<String> =
            policy.detection.iter().filter_map(|own| serde_json::to_string(&own.rule).ok()).collect();
        policies.push((source, source.path.display().to_string(), policy, rules));
    }
    let mut body = Vec::new();
    let mut heads = Vec::with_capacity(policies.len());
    for (source, path, policy, rules) in &policies {
        let failed = |error: String| PolicyError::new(PolicyErrorKind::Plugin, &source.path, error);
        let place = layer(policy, registry, &mut body).map_err(failed)?;
        heads.push(head(source.kind, path, policy, rules, place));
    }
    let mut sources = stamps.to_vec();
    // A policy that is not cached has no use for them.
    if !stamps.is_empty() {
        for (source, _, policy, _) in &policies {
            sources.extend(policy.imports.iter().map(|import| LayerSource {
                kind: source.kind,
                path: import.path.as_os_str().as_encoded_bytes(),
                stamp: import.stamp,
                sha256: import.sha256,
            }));
        }
    }
    let head = Head { version: VERSION, fingerprint: fingerprint(registry), made_ns, sources, layers: heads };
    let too_large = |error: postcard::Error| {
        PolicyError::new(PolicyErrorKind::Corrupt, "<compiled policy>", format!("cannot be made: {error}"))
    };
    Compiled::assemble(&head, &body).map_err(too_large)
}

/// Changes with the set of plugins and with the embedded policies.
pub(super) fn fingerprint(registry: &Registry) -> u64 {
    const EMBEDDED: u64 =
        fnv(layers::DEFAULT_POLICY.as_bytes()) ^ fnv(layers::FLOOR_POLICY.as_bytes()).rotate_left(32);
    let packs = packs::ALL.iter().fold(EMBEDDED, |sum, pack| sum.rotate_left(7) ^ pack.checksum);
    registry.fingerprint() ^ packs.rotate_left(1)
}

/// FNV-1a, computed by the compiler.
pub(super) const fn fnv(mut bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while let Some((byte, rest)) = bytes.split_first() {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        bytes = rest;
    }
    hash
}

fn head<'a>(
    kind: LayerKind,
    path: &'a str,
    policy: &'a Policy,
    rules: &'a [String],
    body: LayerPlace,
) -> LayerHead<'a> {
    LayerHead {
        kind,
        source: path,
        name: &policy.name,
        version: &policy.version,
        description: &policy.description,
        default_action: policy.default_action,
        monitor: policy.monitor,
        ask: policy.ask,
        on_error: policy.on_error,
        on_audit_error: policy.on_audit_error,
        audit: policy.audit,
        secrets: policy.secrets,
        programs: &policy.programs,
        plugins: policy
            .plugins
            .iter()
            .map(|plugin| PluginSetting {
                name: &plugin.name,
                enabled: plugin.enabled,
                on_error: plugin.on_error,
            })
            .collect(),
        detectors: policy
            .detectors
            .iter()
            .map(|detector| DetectorSetting {
                id: &detector.id,
                enabled: detector.enabled,
                config: &detector.config,
            })
            .collect(),
        detection: policy
            .detection
            .iter()
            .zip(rules)
            .map(|(own, rule)| DetectionSetting {
                id: &own.rule.id,
                keywords: own.keywords.iter().map(String::as_str).collect(),
                rule,
                file: own.file.as_deref().and_then(Path::to_str).unwrap_or(path),
            })
            .collect(),
        sinks: policy
            .sinks
            .iter()
            .map(|sink| SinkSetting {
                name: &sink.name,
                plugin: &sink.plugin,
                config: &sink.config,
                filter: sink.filter.clone(),
                format: sink.format,
                group: sink.group,
            })
            .collect(),
        body,
    }
}

fn layer(policy: &Policy, registry: &Registry, body: &mut Vec<u8>) -> Result<LayerPlace, String> {
    let mut resources = IndexBuilder::default();
    let mut tools = IndexBuilder::default();
    let mut always: Vec<u32> = Vec::new();
    let mut offsets: Vec<u32> = vec![0];
    let mut records = Vec::new();
    for (id, rule) in (0_u32..).zip(&policy.rules) {
        let (tools_json, resources_json) = (json(rule.tools.as_deref()), json(rule.resources.as_deref()));
        let effects_json = json(rule.effects.as_deref());
        // The texts that are looked up in the index of resources include the names of effects.
        let texts = effects_json.as_deref().or(resources_json.as_deref());
        if let Some(literals) = anchors(texts, registry)? {
            resources.add(id, literals);
        } else if let Some(literals) = rule.condition.as_ref().and_then(|tree| needed(tree, registry)) {
            resources.add(id, literals);
        } else if let Some(literals) = anchors(tools_json.as_deref(), registry)? {
            tools.add(id, literals);
        } else {
            always.push(id);
        }
        let patterns = [&tools_json, &resources_json, &effects_json].map(Option::as_deref);
        record(id, rule, patterns, &mut records)
            .map_err(|error| format!("the rule `{}` cannot be compiled: {error}", rule.name))?;
        offsets.push(count(records.len())?);
    }
    let start = body.len();
    let resources = resources.write(body);
    let tools = tools.write(body);
    let always_bytes: Vec<u8> = always.iter().flat_map(|id| id.to_le_bytes()).collect();
    body.extend_from_slice(&always_bytes);
    for offset in &offsets {
        body.extend(offset.to_le_bytes());
    }
    body.extend_from_slice(&records);
    Ok(LayerPlace {
        start: count(start)?,
        resources,
        tools,
        always: count(always.len())?,
        rules: count(policy.rules.len())?,
        records: count(records.len())?,
        checksum: checksum(&always_bytes),
    })
}

fn record(
    id: u32,
    rule: &OwnedRule,
    [tools, resources, effects]: [Option<&str>; 3],
    records: &mut Vec<u8>,
) -> Result<(), postcard::Error> {
    let mut condition = Vec::new();
    if let Some(tree) = &rule.condition {
        steps(tree, &mut condition);
    }
    let bytes = postcard::to_stdvec(&RuleRecord {
        name: &rule.name,
        action: rule.action,
        reason: &rule.reason,
        suggest: rule.suggest.as_deref(),
        approve: rule.approve,
        monitor: rule.monitor,
        tools,
        resources,
        effects,
        pack: rule.pack,
        condition,
        line: rule.line,
    })?;
    records.extend(short_checksum(id, &bytes).to_le_bytes());
    records.extend(bytes);
    Ok(())
}

fn steps<'a>(tree: &'a OwnedCondition, out: &mut Vec<Step<'a>>) {
    let length = |inner: &Vec<_>| u32::try_from(inner.len()).unwrap_or(u32::MAX);
    match tree {
        OwnedCondition::All(inner) => {
            out.push(Step::All(length(inner)));
            for tree in inner {
                steps(tree, out);
            }
        }
        OwnedCondition::Any(inner) => {
            out.push(Step::Any(length(inner)));
            for tree in inner {
                steps(tree, out);
            }
        }
        OwnedCondition::Not(inner) => {
            out.push(Step::Not);
            steps(inner, out);
        }
        OwnedCondition::Matcher { id, config } => out.push(Step::Matcher(id, config)),
    }
}

fn json(patterns: Option<&[String]>) -> Option<String> {
    patterns.map(|patterns| serde_json::Value::from(patterns.to_vec()).to_string())
}

/// The literals of which a text has to contain one; `None` if nothing is known of what matches.
fn anchors(patterns: Option<&str>, registry: &Registry) -> Result<Option<Vec<String>>, String> {
    let Some(patterns) = patterns else { return Ok(None) };
    let plugin = registry.patterns().map_err(|error| error.to_string())?;
    Ok(usable(plugin.anchors(patterns).map_err(|error| error.to_string())?))
}

fn usable(anchors: Anchors) -> Option<Vec<String>> {
    match anchors {
        // A literal of one byte is everywhere, and none at all would say that nothing ever matches.
        Anchors::AnyOf(literals)
            if !literals.is_empty() && literals.iter().all(|literal| literal.len() >= 2) =>
        {
            Some(literals)
        }
        Anchors::AnyOf(_) | Anchors::Always => None,
    }
}

/// The literals of which one of the texts of a call has to contain one for the condition to hold. A matcher of a library
/// is not asked: it would be loaded by a policy that only names it.
fn needed(tree: &OwnedCondition, registry: &Registry) -> Option<Vec<String>> {
    match tree {
        OwnedCondition::All(inner) => inner.iter().find_map(|tree| needed(tree, registry)),
        OwnedCondition::Any(inner) => {
            let all: Option<Vec<_>> = inner.iter().map(|tree| needed(tree, registry)).collect();
            all.map(|all| all.concat()).filter(|literals| !literals.is_empty())
        }
        OwnedCondition::Not(_) => None,
        OwnedCondition::Matcher { id, config } => {
            let entry = registry.find(Kind::Matcher, id).filter(|entry| entry.linked().is_some())?;
            usable(entry.anchors(config).ok()?)
        }
    }
}

fn count(number: usize) -> Result<u32, String> {
    u32::try_from(number).map_err(|_| "the policy is too large to compile".to_owned())
}
