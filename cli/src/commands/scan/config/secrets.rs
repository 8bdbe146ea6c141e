//! Secrets in values that have a name: variables, headers, options, addresses.

use agentfirewall_core::secrets::EngineError;
use agentfirewall_sdk::Confidence;

use super::Audit;
use super::faults::INLINE_SECRET;
use super::tree::Node;

/// Words in a name that say that its value is a secret.
const TELLING: &[&str] = &[
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "AUTHORIZATION",
    "PRIVATE_KEY",
    "CONNECTION_STRING",
    "PAT",
];
/// A value that is shorter is a name, a number or a word.
const SHORTEST: usize = 8;

impl Audit<'_, '_> {
    /// Reports a value that is a secret, by the detectors' judgement or by its name. Says whether it was one.
    pub(super) fn secret(&mut self, name: &str, value: &str, at: &Node) -> Result<bool, EngineError> {
        if value.is_empty() || is_reference(value) {
            return Ok(false);
        }
        let quote = if value.contains('"') { "'" } else { "\"" };
        let composed = format!("{name}={quote}{value}{quote}");
        let start = name.len() + 2;
        let findings = self.scanner.engine.scan_text(&composed)?.findings;
        let inside = findings
            .iter()
            .filter(|finding| finding.span.start >= start && finding.confidence > Confidence::Low)
            .max_by_key(|finding| finding.confidence);
        let (kind, confidence) = match inside {
            Some(finding) => (finding.detector.clone(), finding.confidence),
            None if is_telling(name) && looks_secret(without_scheme(value)) => {
                ("a value".to_owned(), Confidence::Medium)
            }
            None => return Ok(false),
        };
        let tag = self.scanner.salt.tag(INLINE_SECRET.id, value);
        let message = format!("{kind} is written in the clear as `{name}`");
        self.report(INLINE_SECRET, at, message, value, format!("{name} = {tag}"), confidence);
        Ok(true)
    }
}

/// Whether a value stands for one that is somewhere else, or for none.
pub(super) fn is_reference(value: &str) -> bool {
    let value = without_scheme(value);
    let lower = value.to_ascii_lowercase();
    value.starts_with('$')
        || value.contains("${")
        || value.contains("{env:")
        || value.contains("{file:")
        || (value.starts_with('%') && value.ends_with('%'))
        || (value.starts_with('<') && value.ends_with('>'))
        || ["op://", "vault:", "keychain:", "aws-sm:", "file:"].iter().any(|scheme| lower.starts_with(scheme))
        || ["your", "xxx", "...", "***", "changeme", "placeholder", "example", "insert"]
            .iter()
            .any(|word| lower.starts_with(word))
}

/// A header's value without the kind of authorization before it.
fn without_scheme(value: &str) -> &str {
    let value = value.trim();
    ["Bearer ", "Basic ", "Token ", "token "]
        .iter()
        .find_map(|kind| value.strip_prefix(kind))
        .unwrap_or(value)
}

fn is_telling(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace('-', "_");
    let name = name.trim_start_matches('_');
    // `PAT` is a word of its own or none: PATH and PATTERN are not about secrets.
    TELLING.iter().any(|word| match *word {
        "PAT" => name.split('_').any(|part| part == "PAT"),
        // A file with the token in it, a number of tokens, an address that gives tokens.
        word => {
            name.contains(word)
                && !["_FILE", "_PATH", "_URL", "TOKENS", "_NAME", "_ID"].iter().any(|end| name.ends_with(end))
        }
    })
}

fn looks_secret(value: &str) -> bool {
    value.len() >= SHORTEST
        && !value.contains(char::is_whitespace)
        && !value.starts_with(['/', '~', '.'])
        && (value.bytes().any(|byte| byte.is_ascii_digit())
            || value.bytes().any(|byte| byte.is_ascii_punctuation()))
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_names() {
        for value in [
            "${TOKEN}",
            "Bearer ${TOKEN}",
            "$TOKEN",
            "{env:TOKEN}",
            "%TOKEN%",
            "<token>",
            "YOUR_KEY",
            "op://a/b",
        ] {
            assert!(is_reference(value), "{value}");
        }
        assert!(!is_reference("Bearer abcdef123456"));
        for name in ["API_KEY", "x-api-key", "Authorization", "GITHUB_PAT", "clientSecret"] {
            assert!(is_telling(name), "{name}");
        }
        for name in ["PATH", "TOKEN_FILE", "MAX_TOKENS", "HOST", "PATTERN", "TOKEN_URL"] {
            assert!(!is_telling(name), "{name}");
        }
        assert!(
            looks_secret("hunter2-hunter2")
                && !looks_secret("production")
                && !looks_secret("/run/secrets/x1")
        );
    }
}
