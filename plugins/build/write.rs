//! What the crate includes: one text, one list of numbers a row, one blob of automata.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use crate::rule::Rule;
use crate::{automaton, pattern};

/// The checks that are code; `src/detectors/rules/check.rs` has them in the same order.
const CHECKS: [&str; 7] = ["github-crc", "npm-crc", "luhn", "jwt", "base64-json", "mod97", "discord"];

/// Texts one after the other, each once.
#[derive(Default)]
struct Texts {
    all: String,
    known: BTreeMap<String, usize>,
}

impl Texts {
    /// A text as `Span`.
    fn span(&mut self, text: &str) -> String {
        let at = *self.known.entry(text.to_owned()).or_insert_with(|| {
            let at = self.all.len();
            self.all.push_str(text);
            at
        });
        format!("Span({at}, {})", text.len())
    }
}

/// Automata one after the other, each once.
#[derive(Default)]
struct Blob {
    all: Vec<u8>,
    known: BTreeMap<Vec<u8>, usize>,
}

impl Blob {
    fn span(&mut self, bytes: Vec<u8>) -> String {
        let length = bytes.len();
        let all = &mut self.all;
        let at = *self.known.entry(bytes).or_insert_with_key(|bytes| {
            let at = all.len();
            all.extend(bytes);
            at
        });
        format!("Span({at}, {length})")
    }
}

pub(crate) fn tables(rules: &[Rule], out: &Path) -> Result<(), Box<dyn Error>> {
    let mut texts = Texts::default();
    let mut blob = Blob::default();
    let mut words = Vec::new();
    let mut rows = String::new();
    let mut faults = Vec::new();
    for rule in rules {
        if let Err(fault) = row(rule, &mut texts, &mut blob, &mut words, &mut rows) {
            faults.push(format!("rule {}: {fault}", rule.id));
        }
    }
    if !faults.is_empty() {
        return Err(faults.join("\n").into());
    }
    let words: String = words.iter().map(|span| format!("    {span},\n")).collect();
    let fingerprint = fnv(texts.all.as_bytes()) ^ fnv(&blob.all) ^ fnv(rows.as_bytes());
    let source = format!(
        "#[allow(clippy::unreadable_literal, reason = \"generated\")]\nstatic ROWS: &[Row] = &[\n{rows}];\n#[allow(clippy::unreadable_literal, reason = \"generated\")]\nstatic WORDS: &[(Span, u8)] = &[\n{words}];\n#[allow(clippy::unreadable_literal, reason = \"generated\")]\nconst FINGERPRINT: u64 = {fingerprint};\n"
    );
    std::fs::write(out.join("rules.txt"), &texts.all)?;
    std::fs::write(out.join("rules.bin"), &blob.all)?;
    std::fs::write(out.join("rules.rs"), source)?;
    Ok(())
}

fn row(
    rule: &Rule,
    texts: &mut Texts,
    blob: &mut Blob,
    words: &mut Vec<String>,
    rows: &mut String,
) -> Result<(), String> {
    let mut compiled = |patterns: &[String]| -> Result<String, String> {
        if patterns.is_empty() {
            return Ok("Span(0, 0)".to_owned());
        }
        let parsed: Vec<_> = patterns.iter().map(|text| pattern::parse(text)).collect::<Result<_, _>>()?;
        Ok(blob.span(automaton::compile(&parsed)?))
    };
    let token = compiled(&rule.tokens)?;
    let value = compiled(&rule.values)?;
    let mut literals: Vec<(String, u8)> = Vec::new();
    for text in &rule.tokens {
        let (found, distance) = pattern::anchors(text, &pattern::parse(text)?)?;
        literals.extend(found.into_iter().map(|literal| (literal, distance)));
    }
    literals.sort();
    literals.dedup();
    let mut placed = |texts: &mut Texts, all: &[(String, u8)]| {
        let first = words.len();
        words.extend(all.iter().map(|(word, distance)| format!("({}, {distance})", texts.span(word))));
        format!("Span({first}, {})", all.len())
    };
    let shortest = rule
        .tokens
        .iter()
        .chain(&rule.values)
        .filter_map(|text| pattern::parse(text).ok().and_then(|hir| hir.properties().minimum_len()))
        .min()
        .unwrap_or(0);
    let begins = literals;
    let literals = placed(texts, &begins);
    let mut list = |texts: &mut Texts, all: &[String]| {
        let all: Vec<(String, u8)> = all.iter().map(|word| (word.clone(), 0)).collect();
        placed(texts, &all)
    };
    let mut near: Vec<String> = rule.near.iter().map(|word| word.to_ascii_lowercase()).collect();
    let mut seen = BTreeSet::new();
    near.retain(|word| seen.insert(word.clone()));
    // What begins a token already is looked for already: such names stand last.
    let known = |word: &String| begins.iter().any(|(literal, _)| literal == word);
    near.sort_by_key(|word| known(word));
    let new = near.iter().filter(|word| !known(word)).count();
    let check = match &rule.check {
        None => 0,
        Some(name) => {
            CHECKS.iter().position(|known| known == name).ok_or_else(|| format!("no check `{name}`"))? + 1
        }
    };
    writeln!(
        rows,
        "    Row {{ id: {}, literals: {}, near: {}, new: {new}, with: {}, narrowed: {}, strict: {}, public: {}, shortest: {}, token: {token}, value: {value}, entropy: {:.2}, \
         check: {check}, off: {}, severity: Severity::{:?}, confidence: Confidence::{:?}, family: {}, summary: {}, why: {}, \
         leaked: {}, source: {}, examples: {}, negatives: {} }},",
        texts.span(&rule.id),
        literals,
        list(texts, &near),
        list(texts, rule.with.as_deref().unwrap_or_default()),
        rule.with.is_some(),
        rule.strict,
        list(texts, &rule.public),
        shortest,
        rule.entropy.unwrap_or(0.0),
        rule.off,
        rule.severity,
        rule.confidence,
        texts.span(&rule.family),
        texts.span(&rule.summary),
        texts.span(&rule.why),
        texts.span(&rule.leaked),
        texts.span(&rule.source),
        list(texts, &rule.examples),
        list(texts, &rule.negatives),
    )
    .map_err(|error| error.to_string())
}

/// FNV-1a: no security hangs on it.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
