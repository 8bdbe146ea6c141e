//! `acme-token`: a company's own access tokens. The example of a detector.
//!
//! A token is `acme_live_` or `acme_test_`, 24 characters drawn at random, `_`, and a checksum of all that:
//!
//! ```text
//! acme_live_4fQz0LxW9rTb2HnKc7VdYm3s_1a2B3c
//! └────────── CRC-32 of this ──────┘ └ as six digits to the base 62
//! ```

use std::collections::BTreeSet;

use agentfirewall_sdk::{Confidence, Detector, Finding, Plugin, PluginError, Scan, Severity, register};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest, Sha256};

mod checksum;

#[cfg(feature = "export")]
agentfirewall_sdk::export!();

/// For binaries and tests that link this crate: the linker drops a crate that nothing refers to.
pub fn link() {}

/// What a policy may set under `detectors: acme-token: with:`.
// An option that is misspelt and passed over would be one that someone relies on in vain.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Config {
    /// Pass over the tokens of the test environment. Otherwise they are reported with medium confidence: an alert.
    ignore_test: bool,
    /// Tokens that are no secret, such as those of your documentation: the SHA-256 of each in hexadecimal. The tokens
    /// themselves do not belong into a policy, where every scan would find them.
    known: Vec<String>,
}

struct AcmeToken {
    ignore_test: bool,
    known: BTreeSet<[u8; 32]>,
}

impl Plugin for AcmeToken {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let known = config.known.iter().map(|text| sha256(text)).collect::<Result<_, _>>()?;
        Ok(Self { ignore_test: config.ignore_test, known })
    }
}

/// The bytes behind 64 hexadecimal digits.
fn sha256(text: &str) -> Result<[u8; 32], PluginError> {
    let wrong = || PluginError::new(format!("`known`: `{text}` is not a SHA-256 of 64 hexadecimal digits"));
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|pair| {
            let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
            u8::try_from(high? << 4 | low?).ok()
        })
        .collect();
    bytes.filter(|_| rest.is_empty()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or_else(wrong)
}

/// All of a token: its environment, its random part, its checksum and what joins them.
const LENGTH: usize = "acme_live_".len() + 24 + "_".len() + checksum::DIGITS;

impl Detector for AcmeToken {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        // The host has found the keywords already: look there and nowhere else.
        for &at in scan.hits() {
            let rest = scan.text().as_bytes().get(at..).unwrap_or_default();
            let Some(token) = rest.first_chunk::<LENGTH>() else { continue };
            let Some(environment) = environment(token) else { continue };
            let (confidence, severity) = match environment {
                Environment::Live => (Confidence::High, Severity::Critical),
                Environment::Test if self.ignore_test => continue,
                Environment::Test => (Confidence::Medium, Severity::Low),
            };
            if self.known.contains(&<[u8; 32]>::from(Sha256::digest(token))) {
                continue;
            }
            // A place, never the text: a finding goes into logs.
            scan.report(Finding::new(at..at + LENGTH, confidence, severity));
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Environment {
    Live,
    Test,
}

/// Whose token this is, if it is one.
///
/// Nothing is asked of the characters around it: a token glued to other text is as good as one that stands alone, and
/// only one text in four thousand million has a right checksum by accident.
fn environment(token: &[u8; LENGTH]) -> Option<Environment> {
    let (environment, body) = None
        .or_else(|| Some((Environment::Live, token.strip_prefix(b"acme_live_")?)))
        .or_else(|| Some((Environment::Test, token.strip_prefix(b"acme_test_")?)))?;
    let (random, tail) = body.split_first_chunk::<24>()?;
    let checksum = tail.strip_prefix(b"_")?;
    let signed = token.strip_suffix(tail)?;
    let holds = random.iter().all(u8::is_ascii_alphanumeric) && checksum == checksum::of(signed);
    holds.then_some(environment)
}

register! {
    detector AcmeToken {
        id: "acme-token",
        summary: "access tokens of Acme (acme_live_..., acme_test_...)",
        why: "a live token places orders in its owner's name; no other detector knows the format",
        // In two pieces, so that a scan of this file finds nothing.
        examples: [
            concat!("export ACME_TOKEN=acme", "_live_4fQz0LxW9rTb2HnKc7VdYm3s_176Skg"),
            concat!("{\"token\":\"acme", "_test_00aB1cD2eF3gH4iJ5kL6mN7o_1hmgLs\"}"),
        ],
        negatives: [
            // What people write who show how a token looks, and one with a wrong checksum.
            "ACME_TOKEN=acme_live_XXXXXXXXXXXXXXXXXXXXXXXX_XXXXXX",
            "acme_live_4fQz0LxW9rTb2HnKc7VdYm3s_000000",
            "let acme_test_client = Client::new();",
        ],
        // As telling as can be: `acme` alone would call this detector for every mention of the company.
        keywords: ["acme_live_", "acme_test_"],
        since: "1.0.0",
    }
}

#[cfg(test)]
mod tests;
