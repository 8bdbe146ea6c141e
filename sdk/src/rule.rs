//! Detection rules that are text: what a team writes into its policy, and what another tool's file holds.
//!
//! The host reads and checks the text, a [`RuleMaker`] turns a rule into a detector, a [`RuleReader`] turns the file of
//! another tool into rules. Both are plugins: the host has no expression of its own.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::detector::{Confidence, Detector, Severity};
use crate::plugin::PluginError;

/// One kind of secret, as a person describes it. Either a `pattern`, or `near` with `values`, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DetectionRule {
    /// Lower-case words and numbers joined by hyphens; no other detector may have it.
    pub id: String,
    /// What it finds, in one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// What somebody can do who has such a secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What to do when one has leaked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub leaked: String,
    /// A regular expression whose match holds the secret: its group named `secret`, else the group of the number
    /// `secret_group`, else the first group that is not empty, else all of it. Letters, digits and classes are those of ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The number of the pattern's group that is the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_group: Option<u32>,
    /// Names beside which a value of one of the forms in `values` is the secret: `acme` in `acme_key = "..."`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
    /// Regular expressions of which one is the whole value beside a name of `near`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Literals of which one stands in or near every match of the pattern, whatever their case. Without them the literals
    /// of the pattern itself are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// The least Shannon entropy of the secret, in bits a character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entropy: Option<f32>,
    /// How bad a leak is.
    #[serde(default = "high")]
    pub severity: Severity,
    /// How sure a finding is: `high` denies a call.
    #[serde(default = "medium")]
    pub confidence: Confidence,
    /// What looks like the secret and is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allow>,
    /// Texts in which it must be found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Texts in which it must not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub negatives: Vec<String>,
}

const fn high() -> Severity {
    Severity::High
}

const fn medium() -> Confidence {
    Confidence::Medium
}

impl DetectionRule {
    /// A rule of this id that finds nothing yet.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            summary: String::new(),
            why: String::new(),
            leaked: String::new(),
            pattern: None,
            secret_group: None,
            near: Vec::new(),
            values: Vec::new(),
            keywords: Vec::new(),
            entropy: None,
            severity: high(),
            confidence: medium(),
            allow: Vec::new(),
            examples: Vec::new(),
            negatives: Vec::new(),
        }
    }
}

/// What looks like a rule's secret and is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Allow {
    /// Regular expressions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// What the patterns are looked for in.
    #[serde(default)]
    pub target: AllowTarget,
    /// Words in the secret, whatever their case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Whether one of the patterns *and* one of the words must be there, instead of any of them.
    #[serde(default)]
    pub both: bool,
}

/// What the patterns of an [`Allow`] are looked for in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AllowTarget {
    /// The secret.
    #[default]
    Secret,
    /// All that the rule's pattern matched.
    Match,
    /// The lines it stands in.
    Line,
}

/// What is wrong with a rule, and with which of its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The field's name, such as `pattern`.
    pub field: &'static str,
    /// What is wrong: one line, a lower-case fragment.
    pub message: String,
}

impl RuleFault {
    /// A fault of a field.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into().replace(['\n', '\r'], " ") }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.field, self.message)
    }
}

impl std::error::Error for RuleFault {}

/// Makes detectors out of rules. A host has exactly one.
///
/// ```
/// use agentfirewall_sdk::{DetectionRule, Detector, Finding, PluginError, RuleFault, RuleMaker, Scan};
///
/// /// Takes a pattern for the literal that it is.
/// #[derive(Debug)]
/// struct Literals;
///
/// struct Literal(DetectionRule);
///
/// impl Detector for Literal {
///     fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
///         let length = self.0.pattern.as_deref().unwrap_or_default().len();
///         for &at in scan.hits() {
///             scan.report(Finding::new(at..at + length, self.0.confidence, self.0.severity));
///         }
///         Ok(())
///     }
/// }
///
/// impl RuleMaker for Literals {
///     fn keywords(&self, rule: &DetectionRule) -> Result<Vec<String>, RuleFault> {
///         let pattern = rule.pattern.clone().ok_or_else(|| RuleFault::new("pattern", "it is missing"))?;
///         Ok(vec![pattern])
///     }
///
///     fn detector(&self, rule: &DetectionRule) -> Result<Box<dyn Detector>, PluginError> {
///         Ok(Box::new(Literal(rule.clone())))
///     }
/// }
///
/// let mut rule = DetectionRule::new("acme");
/// assert_eq!(Literals.keywords(&rule).unwrap_err().field, "pattern");
/// rule.pattern = Some("acme_1".to_owned());
/// assert_eq!(Literals.keywords(&rule).unwrap(), ["acme_1"]);
/// ```
pub trait RuleMaker: Sync + fmt::Debug {
    /// Checks a rule without the work of making its detector, and says for which literals the host looks before it asks the
    /// detector; see [`Meta::keywords`](crate::Meta). None means that the detector sees every text.
    fn keywords(&self, rule: &DetectionRule) -> Result<Vec<String>, RuleFault>;

    /// Makes the detector.
    fn detector(&self, rule: &DetectionRule) -> Result<Box<dyn Detector>, PluginError>;
}

/// What the file of another tool holds.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ForeignRules {
    /// The rules that could be taken over.
    pub rules: Vec<DetectionRule>,
    /// What could not, one line each.
    pub notes: Vec<String>,
    /// A further file that the last of the texts builds upon, as it is written there.
    pub extends: Option<String>,
}

/// Reads the rules of another tool. It gets texts and opens no file.
///
/// ```
/// use agentfirewall_sdk::{DetectionRule, ForeignRules, PluginError, RuleReader};
///
/// /// A literal in each line.
/// #[derive(Debug)]
/// struct Lines;
///
/// impl RuleReader for Lines {
///     fn tool(&self) -> &'static str {
///         "lines"
///     }
///
///     fn recognises(&self, text: &str) -> bool {
///         text.starts_with("#!lines")
///     }
///
///     fn read(&self, texts: &[&str]) -> Result<ForeignRules, PluginError> {
///         let mut read = ForeignRules::default();
///         for (number, line) in texts.iter().flat_map(|text| text.lines().skip(1)).enumerate() {
///             let mut rule = DetectionRule::new(format!("line-{number}"));
///             rule.pattern = Some(line.to_owned());
///             read.rules.push(rule);
///         }
///         Ok(read)
///     }
/// }
///
/// assert_eq!(Lines.read(&["#!lines\nacme_1\nacme_2"]).unwrap().rules.len(), 2);
/// ```
pub trait RuleReader: Sync + fmt::Debug {
    /// The tool's name: lower-case words joined by hyphens.
    fn tool(&self) -> &'static str;

    /// Whether a text is in the tool's form, or was meant to be.
    fn recognises(&self, text: &str) -> bool;

    /// Reads a text and, behind it, those it builds upon. An error names the line.
    fn read(&self, texts: &[&str]) -> Result<ForeignRules, PluginError>;
}

/// A maker that is part of this binary. Made by [`register_rules!`](crate::register_rules).
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Maker(pub &'static dyn RuleMaker);

/// A reader that is part of this binary. Made by [`register_rules!`](crate::register_rules).
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Reader(pub &'static dyn RuleReader);

inventory::collect!(Maker);
inventory::collect!(Reader);

/// Every maker of detectors linked into this binary.
pub fn rule_makers() -> impl Iterator<Item = &'static dyn RuleMaker> {
    inventory::iter::<Maker>.into_iter().map(|maker| maker.0)
}

/// Every reader of other tools' rules linked into this binary.
pub fn rule_readers() -> impl Iterator<Item = &'static dyn RuleReader> {
    inventory::iter::<Reader>.into_iter().map(|reader| reader.0)
}

/// Registers a `static` as a maker of detectors, `register_rules!(maker MAKER)`, or as a reader of another tool's rules,
/// `register_rules!(reader READER)`. The program has a maker; a library's is not asked.
#[macro_export]
macro_rules! register_rules {
    (maker $maker:expr) => {
        $crate::__private::inventory::submit! { $crate::__private::Maker(&$maker) }
    };
    (reader $reader:expr) => {
        $crate::__private::inventory::submit! { $crate::__private::Reader(&$reader) }
    };
}
