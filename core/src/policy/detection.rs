//! Files of detection rules: those that a policy imports, and one that a person names for a scan.

use std::path::{Component, Path, PathBuf};

use crate::sha256::Sha256;
use agentfirewall_sdk::rule_readers;

use super::diagnostic::{PolicyError, PolicyErrorKind, Problems, Severity};
use super::layers::{self, LayerKind};
use super::model::{ImportedFile, OwnedDetectionRule};
use super::validate::{Reader, Reading};
use super::{DetectionSetting, yaml};
use crate::registry::Registry;
use crate::stamp::stamp;

/// The largest file of rules, in bytes.
pub(super) const MAX_IMPORT: usize = 1024 * 1024;
/// The most files of another tool that build upon each other, as many as gitleaks follows.
const MOST_FILES: usize = 3;

/// What a file of rules holds.
#[derive(Debug)]
pub struct RulesFile {
    /// Its rules, and those of files that it builds upon.
    pub rules: Vec<OwnedDetectionRule>,
    /// What could not be taken over, one line each.
    pub notes: Vec<String>,
    pub(super) files: Vec<ImportedFile>,
    path: PathBuf,
    json: Vec<String>,
}

impl RulesFile {
    /// The rules as an engine takes them.
    pub fn settings(&self) -> Vec<DetectionSetting<'_>> {
        let file = self.path.to_str().unwrap_or("<file of rules>");
        self.rules
            .iter()
            .zip(&self.json)
            .map(|(own, rule)| DetectionSetting {
                id: &own.rule.id,
                keywords: own.keywords.iter().map(String::as_str).collect(),
                rule,
                file,
            })
            .collect()
    }
}

/// Reads a file of detection rules that a person names: the form of a policy in YAML, or that of a tool whose rules this
/// binary can read. Which of them it is, is told by the content.
pub fn rules_of_file(path: &Path, registry: &Registry) -> Result<RulesFile, PolicyError> {
    read(path, LayerKind::Default, registry)
}

/// The same for a policy of a layer.
pub(super) fn read(path: &Path, kind: LayerKind, registry: &Registry) -> Result<RulesFile, PolicyError> {
    let mut files = Vec::new();
    let first = text(path, kind, &mut files)?;
    let mut result = RulesFile {
        rules: Vec::new(),
        notes: Vec::new(),
        files: Vec::new(),
        path: path.to_owned(),
        json: Vec::new(),
    };
    match rule_readers().find(|reader| reader.recognises(&first)) {
        None => result.rules = of_yaml(&first, path, kind, registry)?,
        Some(reader) => {
            let mut texts = vec![first];
            let mut last = path.to_owned();
            let read = loop {
                let all: Vec<&str> = texts.iter().map(String::as_str).collect();
                let mut read = reader.read(&all).map_err(|error| {
                    PolicyError::new(
                        PolicyErrorKind::Plugin,
                        &last,
                        format!("the rules of {}: {error}", reader.tool()),
                    )
                })?;
                let Some(next) = read.extends.take() else { break read };
                if texts.len() >= MOST_FILES {
                    read.notes.push(format!(
                        "`{next}` is not read: no more than {MOST_FILES} files build upon each other"
                    ));
                    break read;
                }
                last = beside(&last, &next)
                    .map_err(|why| PolicyError::new(PolicyErrorKind::Plugin, path, why))?;
                texts.push(text(&last, kind, &mut files)?);
            };
            result.notes = read.notes;
            let maker = registry
                .rule_maker()
                .map_err(|error| PolicyError::new(PolicyErrorKind::Plugin, path, error.to_string()))?;
            for mut rule in read.rules {
                if registry.find(agentfirewall_sdk::Kind::Detector, &rule.id).is_some() {
                    rule.id = format!("{}-{}", reader.tool(), rule.id);
                }
                match maker.keywords(&rule) {
                    Ok(keywords) => {
                        if keywords.is_empty() {
                            result.notes.push(format!("`{}` has no literal, so it sees every text", rule.id));
                        }
                        result.rules.push(OwnedDetectionRule { rule, keywords, file: Some(path.to_owned()) });
                    }
                    Err(fault) => result.notes.push(format!("`{}` is left out: {fault}", rule.id)),
                }
            }
        }
    }
    result.json = result.rules.iter().filter_map(|own| serde_json::to_string(&own.rule).ok()).collect();
    result.files = files;
    Ok(result)
}

fn text(path: &Path, kind: LayerKind, files: &mut Vec<ImportedFile>) -> Result<String, PolicyError> {
    let file = layers::read_up_to(path, kind, MAX_IMPORT)?
        .ok_or_else(|| PolicyError::unreadable(path, "there is no such file"))?;
    if file.text.len() > MAX_IMPORT {
        return Err(PolicyError::unreadable(path, format!("it has more than {MAX_IMPORT} bytes")));
    }
    files.push(ImportedFile {
        path: path.to_owned(),
        stamp: stamp(&file.metadata),
        sha256: Sha256::digest(&file.text),
    });
    Ok(file.text)
}

/// A file in or below the folder of another one. Only there is it protected as that one is.
pub(super) fn beside(file: &Path, written: &str) -> Result<PathBuf, String> {
    let relative = Path::new(written);
    let inside =
        relative.components().all(|component| matches!(component, Component::Normal(_) | Component::CurDir));
    if !inside || written.is_empty() {
        return Err(format!(
            "`{written}` is not in the folder of the file that names it: nothing keeps an agent from changing it there"
        ));
    }
    Ok(file.parent().unwrap_or(Path::new("")).join(relative))
}

/// The rules of a file in the form of a policy: a list of them, or a mapping with `rules` or `secrets: {rules: ...}`.
fn of_yaml(
    text: &str,
    path: &Path,
    kind: LayerKind,
    registry: &Registry,
) -> Result<Vec<OwnedDetectionRule>, PolicyError> {
    let mut problems = Problems::default();
    let mut rules = Vec::new();
    if let Some(tree) = yaml::parse(text, &mut problems) {
        let mut list = &tree;
        for key in ["secrets", "rules"] {
            if let Some(inner) = list.member(key) {
                list = inner;
            }
        }
        let reading = Reading { kind, folder: path.parent(), thorough: false };
        rules = Reader::new(reading, registry, &mut problems).detection_rules(list);
    }
    if problems.errors() > 0 {
        let errors = problems.into_sorted();
        let errors = errors.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
        return Err(PolicyError::invalid(path, kind, text, errors));
    }
    for rule in &mut rules {
        rule.file = Some(path.to_owned());
    }
    Ok(rules)
}
