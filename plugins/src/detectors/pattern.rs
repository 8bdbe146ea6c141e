//! Detectors made of rules that people write: regular expressions, compiled when one of their literals stands in a text,
//! and run on a bounded piece around it.
//!
//! The engine behind them takes linear time for one search. For all matches of a text it could take the square of the text's
//! length, which is why no piece is longer than [`PIECE`].

mod literals;

use std::ops::Range;
use std::sync::OnceLock;

use agentfirewall_sdk::{
    Allow, AllowTarget, DetectionRule, Detector, Finding, PluginError, RuleFault, RuleMaker, Scan,
    register_rules,
};
use regex::bytes::{Captures, Regex, RegexBuilder};
use regex_syntax::hir::{Hir, HirKind};

use super::rules::{near, stands};
use super::text::{entropy, from, has_word, piece};

/// The longest expression, in bytes.
const MAX_PATTERN: usize = 4096;
/// The most elements an expression may have after its repetitions are written out.
const MAX_ELEMENTS: usize = 20_000;
/// The largest compiled expression, in bytes.
const MAX_COMPILED: usize = 4 << 20;
/// How much before and behind a keyword is looked at where the expression could be longer, in bytes.
const BEFORE: usize = 1024;
const BEHIND: usize = 8 * 1024;
/// The longest piece of a text that is searched at once, in bytes.
const PIECE: usize = 64 * 1024;
/// The longest value beside a name, and how much of a line counts for `target: line`, in bytes.
const LONGEST_VALUE: usize = 4096;
const LINE: usize = 4096;

/// Makes the detectors.
#[derive(Debug)]
struct Patterns;

static PATTERNS: Patterns = Patterns;

register_rules! { maker PATTERNS }

impl RuleMaker for Patterns {
    fn keywords(&self, rule: &DetectionRule) -> Result<Vec<String>, RuleFault> {
        let mut keywords = Vec::new();
        if rule.near.is_empty() != rule.values.is_empty() {
            let field = if rule.near.is_empty() { "values" } else { "near" };
            return Err(RuleFault::new(field, "`near` and `values` go together"));
        }
        if rule.pattern.is_none() && rule.values.is_empty() {
            return Err(RuleFault::new("pattern", "a rule has a `pattern`, or `near` and `values`"));
        }
        if let Some(short) = rule.near.iter().find(|name| name.len() < 3 || !name.is_ascii()) {
            return Err(RuleFault::new(
                "near",
                format!("`{short}` is no name of three ASCII characters or more"),
            ));
        }
        if rule.keywords.iter().any(String::is_empty) {
            return Err(RuleFault::new("keywords", "an empty keyword stands everywhere"));
        }
        if rule.entropy.is_some_and(|least| !(0.0..=8.0).contains(&least)) {
            return Err(RuleFault::new("entropy", "a character has between 0 and 8 bits"));
        }
        for value in &rule.values {
            parse(value).map_err(|fault| RuleFault::new("values", fault))?;
        }
        for allow in &rule.allow {
            if allow.patterns.is_empty() && allow.words.is_empty() {
                return Err(RuleFault::new("allow", "neither `patterns` nor `words`"));
            }
            if allow.both && (allow.patterns.is_empty() || allow.words.is_empty()) {
                return Err(RuleFault::new("allow", "`both` needs `patterns` and `words`"));
            }
            for pattern in &allow.patterns {
                parse(pattern).map_err(|fault| RuleFault::new("allow", fault))?;
            }
        }
        if let Some(pattern) = &rule.pattern {
            let (hir, _) = parse(pattern).map_err(|fault| RuleFault::new("pattern", fault))?;
            if hir.properties().minimum_len() == Some(0) {
                return Err(RuleFault::new("pattern", "it matches nothing at all, too"));
            }
            if let Some(group) = rule.secret_group
                && group as usize > hir.properties().explicit_captures_len()
            {
                return Err(RuleFault::new("secret_group", format!("the pattern has no group {group}")));
            }
            if rule.keywords.is_empty() {
                // Without a literal of its own the pattern has to see every text, whatever else would do for its values.
                match literals::of(&hir) {
                    Some(own) => keywords.extend(own),
                    None => return Ok(Vec::new()),
                }
            }
        } else if rule.secret_group.is_some() {
            return Err(RuleFault::new("secret_group", "there is no `pattern` that could have groups"));
        }
        keywords.extend(rule.keywords.iter().chain(&rule.near).map(|keyword| keyword.to_ascii_lowercase()));
        keywords.sort();
        keywords.dedup();
        Ok(keywords)
    }

    fn detector(&self, rule: &DetectionRule) -> Result<Box<dyn Detector>, PluginError> {
        let named = |field: &str, fault: String| PluginError::new(format!("`{field}`: {fault}"));
        let expression = |pattern: &str| compiled(pattern).map_err(|fault| named("pattern", fault));
        let reach = match &rule.pattern {
            None => 0..0,
            Some(pattern) => reach(&parse(pattern).map_err(|fault| named("pattern", fault))?.0),
        };
        let values = if rule.values.is_empty() {
            None
        } else {
            let forms: Vec<String> = rule.values.iter().map(|form| format!("(?:{form})")).collect();
            // What follows has to be the end of the value, or a shorter form would be taken for a longer one.
            let whole = format!("^({})(?:[^0-9A-Za-z_]|$)", forms.join("|"));
            Some(compiled(&whole).map_err(|fault| named("values", fault))?)
        };
        Ok(Box::new(Pattern {
            expression: rule.pattern.as_deref().map(expression).transpose()?,
            reach,
            values,
            allow: rule.allow.iter().map(|_| OnceLock::new()).collect(),
            rule: rule.clone(),
        }))
    }
}

/// The expressions of one allowance, compiled when there is something to allow.
type Allowed = OnceLock<Result<Vec<Regex>, PluginError>>;

/// Whether a finding is allowed.
fn allows(
    allow: &Allow,
    patterns: &Allowed,
    bytes: &[u8],
    whole: &Range<usize>,
    secret: &Range<usize>,
) -> Result<bool, PluginError> {
    let value = piece(bytes, secret.start, secret.end);
    let word = allow.words.iter().any(|word| has_word(value, &[word.to_ascii_lowercase().as_str()]));
    if allow.patterns.is_empty() || word != allow.both {
        return Ok(word);
    }
    let seen = match allow.target {
        AllowTarget::Secret => value,
        AllowTarget::Match => piece(bytes, whole.start, whole.end),
        AllowTarget::Line => lines(bytes, whole),
    };
    let patterns = patterns.get_or_init(|| {
        let all: Result<_, String> = allow.patterns.iter().map(|pattern| compiled(pattern)).collect();
        all.map_err(|fault| PluginError::new(format!("`allow`: {fault}")))
    });
    patterns.as_ref().map(|all| all.iter().any(|pattern| pattern.is_match(seen))).map_err(Clone::clone)
}

/// The detector of one rule.
struct Pattern {
    rule: DetectionRule,
    expression: Option<Regex>,
    /// How far before and behind a keyword a match can be.
    reach: Range<usize>,
    values: Option<Regex>,
    allow: Vec<Allowed>,
}

impl Detector for Pattern {
    fn detect(&self, scan: &mut Scan<'_>) -> Result<(), PluginError> {
        let text = scan.text();
        if let Some(expression) = &self.expression {
            let mut done = 0;
            for part in pieces(scan.hits(), &self.reach, text.len()) {
                let seen = piece(text.as_bytes(), 0, part.end);
                let mut at = part.start.max(done);
                while at <= seen.len()
                    && let Some(found) = expression.captures_at(seen, at)
                {
                    let Some(whole) = found.get(0).map(|whole| whole.range()) else { break };
                    at = whole.end.max(whole.start + 1);
                    done = at;
                    if let Some(secret) = self.secret(&found) {
                        self.report(scan, &whole, secret)?;
                    }
                }
            }
        }
        if let Some(values) = &self.values {
            self.beside(scan, values)?;
        }
        Ok(())
    }
}

impl Pattern {
    /// The secret in a match.
    fn secret(&self, found: &Captures<'_>) -> Option<Range<usize>> {
        let wanted = match self.rule.secret_group {
            Some(number) => found.get(number as usize),
            None => found.name("secret").or_else(|| {
                let mut groups = found.iter().skip(1).flatten().filter(|group| !group.is_empty());
                groups.next().or_else(|| found.get(0))
            }),
        };
        wanted.map(|secret| secret.range()).filter(|secret| !secret.is_empty())
    }

    /// Values beside a name.
    fn beside(&self, scan: &mut Scan<'_>, values: &Regex) -> Result<(), PluginError> {
        let bytes = scan.text().as_bytes();
        let form = Values { expression: values, entropy: self.rule.entropy.unwrap_or_default() };
        let mut done = 0;
        for &at in scan.hits() {
            for name in self.rule.near.iter().filter(|name| stands(bytes, at, name)) {
                let Some(found) = near::find(bytes, at..at + name.len(), &form) else { continue };
                if found.start >= done {
                    done = found.end;
                    self.report(scan, &found.clone(), found)?;
                }
                break;
            }
        }
        Ok(())
    }

    fn report(
        &self,
        scan: &mut Scan<'_>,
        whole: &Range<usize>,
        secret: Range<usize>,
    ) -> Result<(), PluginError> {
        let text = scan.text();
        let bytes = text.as_bytes();
        let value = piece(bytes, secret.start, secret.end);
        if self.rule.entropy.is_some_and(|least| entropy(value) < least) {
            return Ok(());
        }
        for (allow, patterns) in self.rule.allow.iter().zip(&self.allow) {
            if allows(allow, patterns, bytes, whole, &secret)? {
                return Ok(());
            }
        }
        // An expression of bytes may end inside a character.
        let start = (0..=secret.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (secret.end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        scan.report(Finding::new(start..end, self.rule.confidence, self.rule.severity));
        Ok(())
    }
}

/// The values beside the names of a rule.
struct Values<'r> {
    expression: &'r Regex,
    entropy: f32,
}

impl near::Form for Values<'_> {
    fn longest(&self, bytes: &[u8]) -> Option<usize> {
        let seen = piece(bytes, 0, bytes.len().min(LONGEST_VALUE));
        self.expression.captures(seen)?.get(1).map(|value| value.end())
    }

    fn entropy(&self) -> f32 {
        self.entropy
    }

    fn accepts(&self, _value: &[u8]) -> bool {
        true
    }

    fn telling(&self, _context: &[u8]) -> Option<bool> {
        None
    }
}

/// The pieces of a text in which a match can stand: around the keywords, joined where they meet, and none longer than
/// [`PIECE`] and what it takes to reach from one to the next. Without keywords, all of it.
fn pieces(hits: &[usize], reach: &Range<usize>, length: usize) -> Vec<Range<usize>> {
    let everywhere: Vec<usize>;
    let hits = if hits.is_empty() {
        everywhere = (0..length).step_by(reach.end.max(1)).collect();
        &everywhere
    } else {
        hits
    };
    let mut pieces: Vec<Range<usize>> = Vec::new();
    for &at in hits {
        let part = at.saturating_sub(reach.start)..at.saturating_add(reach.end).min(length);
        match pieces.last_mut() {
            Some(last) if part.start <= last.end && part.end - last.start <= PIECE => last.end = part.end,
            _ => pieces.push(part),
        }
    }
    pieces
}

/// How far before and behind one of its literals a match can be.
fn reach(hir: &Hir) -> Range<usize> {
    match hir.properties().maximum_len() {
        // A keyword that somebody named may stand beside the match instead of in it.
        Some(length) => length.clamp(BEFORE, BEHIND)..length.clamp(BEFORE, BEHIND),
        None => BEFORE..BEHIND,
    }
}

/// The lines that a place is in, as far as they are near.
fn lines<'t>(bytes: &'t [u8], whole: &Range<usize>) -> &'t [u8] {
    let before = piece(bytes, whole.start.saturating_sub(LINE), whole.start);
    let start = whole.start - before.iter().rev().take_while(|byte| **byte != b'\n').count();
    let behind = from(bytes, whole.end);
    let end = whole.end + behind.iter().take(LINE).take_while(|byte| **byte != b'\n').count();
    piece(bytes, start, end)
}

/// Reads an expression, and whether it needs more than ASCII.
fn parse(pattern: &str) -> Result<(Hir, bool), String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("it has {} bytes, more than {MAX_PATTERN}", pattern.len()));
    }
    let read = |unicode: bool| {
        let mut parser = regex_syntax::ParserBuilder::new();
        parser
            .unicode(unicode)
            .utf8(false)
            .nest_limit(64)
            .build()
            .parse(pattern)
            .map_err(|error| summary(&error))
    };
    let (hir, unicode) = match read(false) {
        Ok(hir) => (hir, false),
        // `é` in a class, say, is two bytes: such a pattern has to count characters.
        Err(error) => match read(true) {
            Ok(hir) => (hir, true),
            Err(_) => return Err(error),
        },
    };
    if elements(&hir) > MAX_ELEMENTS {
        return Err("it grows too large when its repetitions are written out: use smaller counts".to_owned());
    }
    Ok((hir, unicode))
}

fn compiled(pattern: &str) -> Result<Regex, String> {
    let (_, unicode) = parse(pattern)?;
    RegexBuilder::new(pattern).unicode(unicode).size_limit(MAX_COMPILED).nest_limit(64).build().map_err(
        |error| match error {
            regex::Error::CompiledTooBig(limit) => {
                format!("it needs more than {limit} bytes when it is compiled")
            }
            other => last_line(&other.to_string()),
        },
    )
}

/// The last line of the parser's picture says what is wrong.
fn summary(error: &regex_syntax::Error) -> String {
    last_line(&error.to_string())
}

fn last_line(text: &str) -> String {
    let last = text.lines().next_back().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// How many elements an expression has with its repetitions written out, up to a little more than the limit.
fn elements(hir: &Hir) -> usize {
    let several = |parts: &[Hir]| parts.iter().map(elements).fold(0, usize::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Capture(capture) => elements(&capture.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)) as usize;
            elements(&repetition.sub).saturating_mul(times.max(1))
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => several(parts),
    }
}

#[cfg(test)]
mod tests;
