//! Regular expressions, for conditions that wildcards cannot say.

use std::sync::OnceLock;

use agentfirewall_sdk::{Matcher, Plugin, PluginError, Subject, register};
use regex::{Regex as Expression, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest pattern, in bytes.
const MAX_PATTERN: usize = 4096;
/// The most elements a pattern may have after its repetitions are written out: more would be slow to compile in a hook.
const MAX_ELEMENTS: usize = 20_000;
/// The largest compiled pattern, in bytes.
const MAX_COMPILED: usize = 4 * 1024 * 1024;

/// A pattern, or a pattern with options.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Config {
    /// The pattern alone.
    Pattern(String),
    /// The pattern and its options.
    Options(Options),
}

/// A pattern and its options.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    /// The regular expression, found anywhere in the text unless it is anchored with `^` and `$`.
    pattern: String,
    /// Whether upper and lower case are the same.
    #[serde(default)]
    ignore_case: bool,
}

/// Matches texts in which a regular expression is found.
#[derive(Debug)]
pub(crate) struct Regex {
    pattern: String,
    ignore_case: bool,
    // Compiling costs a hundred times what reading a policy does: only a text that gets this far pays it.
    compiled: OnceLock<Result<Expression, PluginError>>,
}

impl Plugin for Regex {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let Options { pattern, ignore_case } = match config {
            Config::Pattern(pattern) => Options { pattern, ignore_case: false },
            Config::Options(options) => options,
        };
        if pattern.len() > MAX_PATTERN {
            return Err(PluginError::new(format!(
                "the pattern has {} bytes, more than {MAX_PATTERN}",
                pattern.len()
            )));
        }
        let hir = regex_syntax::ParserBuilder::new()
            .case_insensitive(ignore_case)
            .nest_limit(64)
            .build()
            .parse(&pattern)
            .map_err(|error| PluginError::new(summary(&error)))?;
        if elements(&hir) > MAX_ELEMENTS {
            return Err(PluginError::new(
                "the pattern grows too large when its repetitions are written out: use smaller counts",
            ));
        }
        Ok(Self { pattern, ignore_case, compiled: OnceLock::new() })
    }
}

impl Matcher for Regex {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        let compiled = self.compiled.get_or_init(|| {
            RegexBuilder::new(&self.pattern)
                .case_insensitive(self.ignore_case)
                .size_limit(MAX_COMPILED)
                .nest_limit(64)
                .build()
                .map_err(|error| PluginError::new(error.to_string()))
        });
        match compiled {
            Ok(expression) => Ok(expression.is_match(subject.text)),
            Err(error) => Err(error.clone()),
        }
    }
}

register! {
    matcher Regex {
        id: "regex",
        summary: "a regular expression found anywhere in the text (linear time, no look-around)",
        why: "says what wildcards cannot: alternatives, counts, word boundaries",
        examples: [
            r#""git\\s+push\\b.*--force" => git  push origin main --force"#,
            r#"{"pattern": "^drop\\s+table", "ignore_case": true} => DROP TABLE users"#,
            r#""^\\w{2,3}$" => äöü"#,
        ],
        negatives: [
            r#""git\\s+push\\b.*--force" => git pushd --force"#,
            r#"{"pattern": "^drop\\s+table"} => DROP TABLE users"#,
        ],
        keywords: ["regular expression", "pattern"],
        since: "0.2.0",
    }
}

/// The last line of the parser's picture says what is wrong.
fn summary(error: &regex_syntax::Error) -> String {
    let text = error.to_string();
    let last = text.lines().next_back().unwrap_or_default();
    format!("not a valid pattern: {}", last.strip_prefix("error: ").unwrap_or(last))
}

/// How many elements the pattern has with its repetitions written out, up to a little more than the limit.
fn elements(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        // A class with many ranges, such as `\w`, compiles to a few hundred states.
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => class.ranges().len().clamp(1, 300),
        HirKind::Class(_) => 1,
        HirKind::Capture(capture) => elements(&capture.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            elements(&repetition.sub).saturating_mul(times as usize)
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().fold(0, |sum, part| elements(part).saturating_add(sum))
        }
    }
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, PartKind, ToolCall};

    use super::*;

    fn new(json: &str) -> Result<Regex, PluginError> {
        Regex::new(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_wrong_pattern_is_refused_before_it_is_compiled() {
        let error = new(r#""a(b""#).unwrap_err().to_string();
        assert!(error.contains("unclosed group"), "{error}");
        assert!(new(r#""(?=x)""#).is_err());
        assert!(new(r#""(a{1000}){1000}""#).unwrap_err().to_string().contains("too large"));
        assert!(new(&format!("\"{}\"", "a".repeat(5000))).is_err());
        assert!(new(&format!("\"{}\"", "(".repeat(500) + &")".repeat(500))).is_err());
    }

    #[test]
    fn nothing_is_compiled_before_the_first_text() {
        let matcher = new(r#""a+b""#).unwrap();
        assert!(matcher.compiled.get().is_none());
        let call = ToolCall::new("Bash", serde_json::json!({}));
        assert!(matcher.matches(&Subject::new(&call, PartKind::Call, "xaab", Access::Unknown)).unwrap());
        assert!(matcher.compiled.get().is_some());
    }

    #[test]
    fn what_passes_the_check_compiles() {
        for json in [r#""(\\w{1,60}-){1}""#, r#""(?i)(secret|token)[^\\n]{1,500}""#, r#""[a-z]{1,9000}""#] {
            let matcher = new(json).unwrap();
            let call = ToolCall::new("Bash", serde_json::json!({}));
            matcher.matches(&Subject::new(&call, PartKind::Call, "x", Access::Unknown)).unwrap();
        }
    }
}
