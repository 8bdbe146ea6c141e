//! What is wrong with a policy and where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::layers::LayerKind;

/// Whether a problem makes a policy unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The policy is refused, and the hook denies.
    Error,
    /// The policy works, though hardly as its author meant.
    Warning,
}

impl Severity {
    /// The word used in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One problem of a policy file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The stable code, `AF` and three digits.
    pub code: &'static str,
    /// Whether the policy is refused because of it.
    pub severity: Severity,
    /// What is wrong: a lower-case fragment, one line.
    pub message: String,
    /// The bytes of the text that it is about; empty where only a position is known.
    pub span: Range<usize>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What to do about it, one line.
    pub help: Option<String>,
}

/// A policy file that does not say what it means, with everything needed to show where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidPolicy {
    /// The layer it would have been.
    pub layer: LayerKind,
    /// The text that the spans point into.
    pub text: String,
    /// Every problem, in the order of the text; at least one is an error.
    pub diagnostics: Vec<Diagnostic>,
}

/// The classes of failure, for the exit code of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// The file exists and cannot be read as text.
    Unreadable,
    /// Somebody else could have written the file.
    Insecure,
    /// The file's content is refused.
    Invalid(Box<InvalidPolicy>),
    /// The compiled form does not hold together; it is made anew by the next load.
    Corrupt,
    /// A plugin failed or is missing where the validated policy needs it.
    Plugin,
}

/// Why there is no policy to decide by. Displayed as one line: the hook denies with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    /// The file, or `<text>` for a policy that came from none.
    pub file: PathBuf,
    /// What class of failure it is.
    pub kind: PolicyErrorKind,
    message: String,
}

impl PolicyError {
    pub(super) fn new(kind: PolicyErrorKind, file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        let message = message.into();
        let message =
            if message.contains(['\n', '\r']) { message.replace(['\n', '\r'], " ") } else { message };
        Self { file: file.into(), kind, message }
    }

    pub(super) fn unreadable(file: &Path, problem: impl fmt::Display) -> Self {
        Self::new(PolicyErrorKind::Unreadable, file, format!("cannot be read: {problem}"))
    }

    pub(super) fn corrupt(file: &Path, what: &str) -> Self {
        Self::new(
            PolicyErrorKind::Corrupt,
            file,
            format!("the compiled policy is damaged ({what}); it is made anew by the next call"),
        )
    }

    pub(super) fn invalid(file: &Path, layer: LayerKind, text: &str, diagnostics: Vec<Diagnostic>) -> Self {
        let errors = diagnostics.iter().filter(|problem| problem.severity == Severity::Error).count();
        let mut message = String::new();
        if let Some(first) = diagnostics.iter().find(|problem| problem.severity == Severity::Error) {
            message = format!("line {}:{}: {}", first.line, first.column, first.message);
            if let Some(help) = &first.help {
                message = format!("{message} ({help})");
            }
        }
        match errors.saturating_sub(1) {
            0 => message.push_str("; run `agentfirewall validate`"),
            more => message = format!("{message}; and {more} more; run `agentfirewall validate`"),
        }
        let invalid = InvalidPolicy { layer, text: text.to_owned(), diagnostics };
        Self::new(PolicyErrorKind::Invalid(Box::new(invalid)), file, message)
    }

    /// Every problem of the file, empty unless its content is what was refused.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        match &self.kind {
            PolicyErrorKind::Invalid(invalid) => &invalid.diagnostics,
            _ => &[],
        }
    }

    /// The text the diagnostics point into, empty unless the content is what was refused.
    pub fn source_text(&self) -> &str {
        match &self.kind {
            PolicyErrorKind::Invalid(invalid) => &invalid.text,
            _ => "",
        }
    }

    /// The problem of a file of detection rules, on one line with its name.
    pub fn message_of_rules(&self) -> String {
        let message = self.message.trim_end_matches("; run `agentfirewall validate`");
        format!("rules `{}`: {message}", self.file.display().to_string().replace(['\n', '\r'], " "))
    }

    /// The problem without the file's name.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display().to_string();
        write!(f, "policy `{}`: {}", file.replace(['\n', '\r'], " "), self.message)
    }
}

impl std::error::Error for PolicyError {}

/// Where something stands in a policy's text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Mark {
    pub(super) span: Range<usize>,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Collects the problems of one file.
#[derive(Debug, Default)]
pub(super) struct Problems {
    all: Vec<Diagnostic>,
    errors: usize,
}

impl Problems {
    pub(super) fn error(&mut self, code: &'static str, at: &Mark, message: String, help: Option<String>) {
        self.push(Severity::Error, code, at, message, help);
    }

    pub(super) fn warning(&mut self, code: &'static str, at: &Mark, message: String, help: Option<String>) {
        self.push(Severity::Warning, code, at, message, help);
    }

    fn push(
        &mut self,
        severity: Severity,
        code: &'static str,
        at: &Mark,
        message: String,
        help: Option<String>,
    ) {
        let Mark { span, line, column } = at.clone();
        self.errors += usize::from(severity == Severity::Error);
        self.all.push(Diagnostic { code, severity, message, span, line, column, help });
    }

    /// How many errors there are so far.
    pub(super) const fn errors(&self) -> usize {
        self.errors
    }

    /// The problems in the order of the text.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.all.sort_by_key(|problem| (problem.line, problem.column));
        self.all
    }
}

/// The candidate that a mistyped word most likely meant.
pub(super) fn meant<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().min(word.len()) / 3))
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...?` for a mistyped word, or else the list of what is possible.
pub(super) fn advice<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(candidate) = meant(word, candidates.clone()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    let all: Vec<_> = candidates.into_iter().map(|candidate| format!("`{candidate}`")).collect();
    (!all.is_empty()).then(|| format!("possible here: {}", all.join(", ")))
}
