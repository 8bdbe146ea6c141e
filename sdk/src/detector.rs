//! Detectors: what finds secrets in a text.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plugin::PluginError;

/// How sure a detector is that a finding is a live secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It could be one: recorded, never stops a call.
    Low,
    /// It looks like one: an alert.
    Medium,
    /// Its structure or checksum says so: the call is denied.
    High,
}

impl Confidence {
    /// The word used in files and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How bad it is if the secret leaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Little harm alone.
    Low,
    /// Harm in the wrong hands.
    Medium,
    /// Access to data or money.
    High,
    /// Control of an account or a system.
    Critical,
}

impl Severity {
    /// The word used in files and listings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A secret in a text. It names where it is and what it is, never what it says: there is no way from a finding back to
/// the secret but the text itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// The detector's id; the host fills it in.
    pub detector: String,
    /// The bytes of the secret in the text.
    pub span: Range<usize>,
    /// How sure the detector is.
    pub confidence: Confidence,
    /// How bad a leak is.
    pub severity: Severity,
}

impl Finding {
    /// A finding of a detector that the host names later.
    pub fn new(span: Range<usize>, confidence: Confidence, severity: Severity) -> Self {
        Self { detector: String::new(), span, confidence, severity }
    }
}

/// One text and the places in it that the host's prefilter found worth a look.
#[derive(Debug)]
pub struct Scan<'a> {
    text: &'a str,
    hits: &'a [usize],
    findings: &'a mut Vec<Finding>,
}

impl<'a> Scan<'a> {
    /// A scan as the host makes it. `hits` are the byte offsets at which one of the detector's keywords begins, in
    /// ascending order; for a detector without keywords it is empty.
    pub const fn new(text: &'a str, hits: &'a [usize], findings: &'a mut Vec<Finding>) -> Self {
        Self { text, hits, findings }
    }

    /// The whole text.
    pub const fn text(&self) -> &'a str {
        self.text
    }

    /// Where the detector's keywords (compared without ASCII case) begin.
    pub const fn hits(&self) -> &'a [usize] {
        self.hits
    }

    /// Reports a secret. A span outside the text or inside a character is an error of the plugin.
    pub fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Finds one kind of secret.
///
/// The host calls [`Detector::detect`] only for texts in which one of the registered keywords occurs.
///
/// ```
/// use agentfirewall_sdk::{Confidence, Detector, Finding, NoConfig, Plugin, PluginError, Scan, Severity};
///
/// /// `acme_` and eight digits.
/// struct Acme;
///
/// impl Plugin for Acme {
///     type Config = NoConfig;
///     fn new(_: NoConfig) -> Result<Self, PluginError> {
///         Ok(Self)
///     }
/// }
///
/// impl Detector for Acme {
///     fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
///         for &at in scan.hits() {
///             let digits = scan.text()[at + 5..].bytes().take_while(u8::is_ascii_digit).count();
///             if digits == 8 {
///                 scan.report(Finding::new(at..at + 13, Confidence::High, Severity::High));
///             }
///         }
///         Ok(())
///     }
/// }
///
/// let mut findings = Vec::new();
/// Acme.detect(&mut Scan::new("key acme_12345678", &[4], &mut findings)).unwrap();
/// assert_eq!(findings[0].span, 4..17);
/// ```
pub trait Detector: Send + Sync {
    /// Looks at the text and reports what it finds. An error is a refusal of the call, never "nothing found".
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError>;
}
