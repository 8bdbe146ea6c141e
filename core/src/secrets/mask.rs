//! Puts a tag where a secret stood, and cuts what is too long for a record.

use std::collections::{BTreeMap, HashMap};

use agentfirewall_sdk::{Confidence, Finding, LocatedFinding};
use serde_json::{Map, Value};

use super::salt::{Salt, hex};
use super::value::{Target, follow};
use crate::sha256::Sha256;

/// Secrets under this many bytes are masked where they were found and nowhere else: `abc` is everywhere.
const KNOWN_LENGTH: usize = 6;

/// Findings that do not belong to the value. Whoever gets this must not record the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// A finding's place is not in the value.
    #[error("a finding stands at a place that the value does not have")]
    Place,
    /// A finding's bytes are not in the string.
    #[error("a finding covers bytes that the string does not have")]
    Span,
}

/// A line of a secret of several lines is masked for itself if it has this many bytes.
const TELLING_LINE: usize = 16;

/// The secrets of one value and their tags, to be masked wherever they stand.
#[derive(Default)]
struct Known(HashMap<[u8; KNOWN_LENGTH], Vec<(String, String)>>);

impl Known {
    /// Remembers a secret. One that is merely possible is masked where it stands and not elsewhere.
    fn learn(&mut self, secret: &str, tag: &str, confidence: Confidence) {
        let Some(start) = secret.as_bytes().first_chunk::<KNOWN_LENGTH>() else { return };
        let same = self.0.entry(*start).or_default();
        if confidence > Confidence::Low && !same.iter().any(|(known, _)| known == secret) {
            same.push((secret.to_owned(), tag.to_owned()));
            same.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
        }
    }

    /// Appends a text to `masked`, the secrets in it replaced.
    fn append(&self, mut text: &str, masked: &mut String) {
        let mut at = 0;
        while !self.0.is_empty()
            && let Some(start) = text.as_bytes().get(at..).and_then(<[u8]>::first_chunk::<KNOWN_LENGTH>)
        {
            let here = self.0.get(start).into_iter().flatten().find_map(|(secret, tag)| {
                let (before, rest) = text.split_at_checked(at)?;
                Some((before, tag, rest.strip_prefix(secret.as_str())?))
            });
            if let Some((before, tag, rest)) = here {
                masked.push_str(before);
                masked.push_str(tag);
                text = rest;
                at = 0;
            } else {
                at += 1;
            }
        }
        masked.push_str(text);
    }
}

/// The text with a tag in the place of each finding and of every repetition of the same secret. A finding that does not
/// fit the text masks the whole text: too much is the safe side.
pub fn mask_text(text: &str, findings: &[Finding], salt: &Salt) -> String {
    let findings: Vec<&Finding> = findings.iter().collect();
    let mut known = Known::default();
    let masked = learn(text, &findings, salt, &mut known).and_then(|()| mask(text, &findings, salt, &known));
    masked.unwrap_or_else(|_| salt.tag("unplaced", text))
}

/// Puts a tag in the place of every finding of a value, and of every repetition of the same secrets anywhere in it.
/// The value keeps its shape: no member is lost, even where two names become the same tag.
pub fn mask_value(value: &mut Value, findings: &[LocatedFinding], salt: &Salt) -> Result<(), MaskError> {
    if findings.is_empty() {
        return Ok(());
    }
    // The longest place first: names are changed after everything that is reached through them.
    let mut places: BTreeMap<std::cmp::Reverse<(usize, &str)>, Vec<&Finding>> = BTreeMap::new();
    for located in findings {
        let pointer = located.pointer.as_str();
        let depth = pointer.matches('/').count();
        places.entry(std::cmp::Reverse((depth, pointer))).or_default().push(&located.finding);
    }
    let mut known = Known::default();
    for (std::cmp::Reverse((_, pointer)), findings) in &mut places {
        findings.sort_by_key(|finding| finding.span.start);
        match follow(value, pointer).ok_or(MaskError::Place)? {
            Target::Value(Value::String(text)) => learn(text, findings, salt, &mut known)?,
            Target::Name(members, number) => {
                let name = members.keys().nth(number).ok_or(MaskError::Place)?;
                learn(name, findings, salt, &mut known)?;
            }
            Target::Value(_) => return Err(MaskError::Place),
        }
    }
    for (std::cmp::Reverse((_, pointer)), findings) in &places {
        match follow(value, pointer).ok_or(MaskError::Place)? {
            Target::Value(Value::String(text)) => *text = mask(text, findings, salt, &known)?,
            Target::Name(members, number) => {
                let name = members.keys().nth(number).ok_or(MaskError::Place)?;
                let masked = mask(name, findings, salt, &known)?;
                rename(members, |at, _| (at == number).then(|| masked.clone()));
            }
            Target::Value(_) => return Err(MaskError::Place),
        }
    }
    for_every_container(value, &mut |container| match container {
        Value::String(text) => {
            let mut masked = String::with_capacity(text.len());
            known.append(text, &mut masked);
            *text = masked;
        }
        Value::Object(members) => rename(members, |_, name| {
            let mut masked = String::with_capacity(name.len());
            known.append(name, &mut masked);
            (masked != name).then_some(masked)
        }),
        _ => {}
    });
    Ok(())
}

/// Cuts every string (and member name) of a value that is longer than `max` bytes, and says what was cut:
/// `… (+N bytes, sha256:0123456789abcdef)`, the start of the hash of the whole string. Mask before cutting: the hash of
/// a text with a secret in it would be a way to try out the secret.
pub fn truncate_strings(value: &mut Value, max: usize) {
    for_every_container(value, &mut |container| match container {
        Value::String(text) => {
            if let Some(cut) = truncated(text, max) {
                *text = cut;
            }
        }
        Value::Object(members) => rename(members, |_, name| truncated(name, max)),
        _ => {}
    });
}

fn truncated(text: &str, max: usize) -> Option<String> {
    if text.len() <= max {
        return None;
    }
    let (kept, cut) = text.split_at_checked(text.floor_char_boundary(max))?;
    // Of all that is hashed here this alone may be megabytes, and what signs checkpoints is the quicker at it where a processor has no
    // instructions for it.
    let hash = hex(&Sha256::digest(text), 8);
    Some(format!("{kept}… (+{} bytes, sha256:{hash})", cut.len()))
}

/// Calls for every value inside a value and for the value itself, without recursion.
fn for_every_container(value: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        change(value);
        match value {
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => rest.extend(members.values_mut()),
            _ => {}
        }
    }
}

/// Gives members new names in their old order; a name that is taken gets a number.
fn rename(members: &mut Map<String, Value>, new: impl Fn(usize, &str) -> Option<String>) {
    if !members.keys().enumerate().any(|(at, name)| new(at, name).is_some()) {
        return;
    }
    // Names that stay are never the ones to give way.
    let taken: std::collections::HashSet<String> = members
        .keys()
        .enumerate()
        .filter(|(at, name)| new(*at, name).is_none())
        .map(|(_, name)| name.clone())
        .collect();
    let old = std::mem::take(members);
    for (at, (name, value)) in old.into_iter().enumerate() {
        let Some(wanted) = new(at, &name) else {
            members.insert(name, value);
            continue;
        };
        let free = |name: &String| !taken.contains(name) && !members.contains_key(name);
        let name = std::iter::once(wanted.clone())
            .chain((2..=u32::MAX).map(|number| format!("{wanted}~{number}")))
            .find(free)
            .unwrap_or(wanted);
        members.insert(name, value);
    }
}

fn learn(text: &str, findings: &[&Finding], salt: &Salt, known: &mut Known) -> Result<(), MaskError> {
    for finding in findings {
        let secret = text.get(finding.span.clone()).ok_or(MaskError::Span)?;
        let tag = salt.tag(&finding.detector, secret);
        known.learn(secret, &tag, finding.confidence);
        // A patch shows a key line by line, each in a string of its own.
        if secret.contains('\n') {
            let lines = secret.lines().map(str::trim);
            lines
                .filter(|line| line.len() >= TELLING_LINE && !line.starts_with("-----"))
                .for_each(|line| known.learn(line, &tag, finding.confidence));
        }
    }
    Ok(())
}

/// `findings` in ascending order; one that begins inside the one before is joined to it.
fn mask(text: &str, findings: &[&Finding], salt: &Salt, known: &Known) -> Result<String, MaskError> {
    let mut masked = String::with_capacity(text.len());
    let mut done = 0;
    for finding in findings {
        let secret = text.get(finding.span.clone()).ok_or(MaskError::Span)?;
        if let Some(between) = text.get(done..finding.span.start) {
            known.append(between, &mut masked);
            masked.push_str(&salt.tag(&finding.detector, secret));
        }
        done = done.max(finding.span.end);
    }
    known.append(text.get(done..).ok_or(MaskError::Span)?, &mut masked);
    Ok(masked)
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
