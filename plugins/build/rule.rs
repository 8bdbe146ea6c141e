//! A rule as it is written.

use std::error::Error;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Removed from examples and negatives: with it inside, a file of rules holds no token in clear.
const SEAM: &str = "(+)";

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Confidence {
    Low,
    Medium,
    #[default]
    High,
}

/// See `data/rules/README.md`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The file's name.
    #[serde(skip)]
    pub family: String,
    pub id: String,
    pub summary: String,
    pub why: String,
    pub leaked: String,
    pub source: String,
    pub severity: Severity,
    #[serde(default)]
    pub confidence: Confidence,
    #[serde(default)]
    pub tokens: Vec<String>,
    #[serde(default)]
    pub near: Vec<String>,
    pub with: Option<Vec<String>>,
    #[serde(default)]
    pub values: Vec<String>,
    pub entropy: Option<f32>,
    pub check: Option<String>,
    #[serde(default)]
    pub strict: bool,
    #[serde(default)]
    pub public: Vec<String>,
    #[serde(default)]
    pub off: bool,
    pub examples: Vec<String>,
    pub negatives: Vec<String>,
}

/// All rules of a folder by id.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Rule>, Box<dyn Error>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut rules: Vec<Rule> = Vec::new();
    let mut faults = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path)?;
        let read: Vec<Rule> =
            serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let family = path.file_stem().unwrap_or_default().to_string_lossy();
        for mut rule in read {
            rule.family = family.to_string();
            for text in rule.examples.iter_mut().chain(&mut rule.negatives) {
                *text = text.replace(SEAM, "");
            }
            if let Err(fault) = rule.sound() {
                faults.push(format!("{}: {}: {fault}", path.display(), rule.id));
            }
            rules.push(rule);
        }
    }
    rules.sort_by(|one, other| one.id.cmp(&other.id));
    for pair in rules.windows(2) {
        if let [one, other] = pair
            && one.id == other.id
        {
            faults.push(format!("two rules are called {}", one.id));
        }
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults.join("\n").into()) }
}

impl Rule {
    fn sound(&self) -> Result<(), String> {
        let hyphenated = self.id.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if !hyphenated {
            return Err("an id is lower-case words joined by hyphens".to_owned());
        }
        for (what, text) in [
            ("summary", &self.summary),
            ("why", &self.why),
            ("leaked", &self.leaked),
            ("source", &self.source),
        ] {
            if text.trim().is_empty() {
                return Err(format!("`{what}` is empty"));
            }
        }
        if self.tokens.is_empty() && self.values.is_empty() {
            return Err("neither `tokens` nor `values`".to_owned());
        }
        if self.values.is_empty() != self.near.is_empty() {
            return Err("`near` and `values` go together".to_owned());
        }
        if self.examples.len() < 2 || self.negatives.len() < 2 {
            return Err("two examples and two negatives are the least".to_owned());
        }
        for word in &self.near {
            if word.len() < 3 || !word.is_ascii() {
                return Err(format!("`{word}` is too short for a word of `near`"));
            }
        }
        Ok(())
    }
}
