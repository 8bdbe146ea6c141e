//! The strings of a JSON value, and the place of each.
//!
//! Walks without recursion: a value as deep as memory allows is still looked at to the bottom.

use std::fmt::Write;

use agentfirewall_sdk::{Finding, LocatedFinding};
use serde_json::{Map, Value};

use super::engine::{Engine, EngineError};
use crate::tolerance::Failure;

/// The last token of the place of a finding in a member's name.
pub(super) const NAME: &str = "#name";
/// Names longer than this many bytes are addressed by number: a place is repeated for every finding under it.
const LONGEST_NAME: usize = 200;

/// One token of a place.
enum Token<'v> {
    Index(usize),
    Name(&'v str),
    /// A member by its number among its object's members.
    Number(usize),
}

enum Frame<'v> {
    Array(std::iter::Enumerate<std::slice::Iter<'v, Value>>),
    Object(std::iter::Enumerate<serde_json::map::Iter<'v>>),
}

pub(super) fn scan(
    engine: &Engine<'_>,
    root: &Value,
    failures: &mut Vec<Failure>,
) -> Result<Vec<LocatedFinding>, EngineError> {
    let mut located = Vec::new();
    let mut path: Vec<Token<'_>> = Vec::new();
    let mut frames = Vec::new();
    match root {
        Value::String(text) => locate(engine.findings(text, failures)?, &path, &mut located),
        container => frames.extend(frame(container)),
    }
    while let Some(top) = frames.last_mut() {
        let next = match top {
            Frame::Array(items) => items.next().map(|(index, value)| (Token::Index(index), None, value)),
            Frame::Object(members) => match members.next() {
                None => None,
                Some((number, (name, value))) => {
                    let (findings, telling) = engine.findings_in_name(name, failures)?;
                    let plain = findings.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('#');
                    if !findings.is_empty() {
                        path.extend([Token::Number(number), Token::Name(NAME)]);
                        locate(findings, &path, &mut located);
                        path.truncate(path.len().saturating_sub(2));
                    }
                    let token = if plain { Token::Name(name) } else { Token::Number(number) };
                    Some((token, telling.then_some(name.as_str()), value))
                }
            },
        };
        let Some((token, name, value)) = next else {
            frames.pop();
            path.pop();
            continue;
        };
        path.push(token);
        if let Value::String(text) = value {
            let findings = match name {
                Some(name) => engine.findings_beside(name, text, failures)?,
                None => engine.findings(text, failures)?,
            };
            locate(findings, &path, &mut located);
        }
        match frame(value) {
            Some(inner) => frames.push(inner),
            None => drop(path.pop()),
        }
    }
    Ok(located)
}

fn frame(value: &Value) -> Option<Frame<'_>> {
    match value {
        Value::Array(items) => Some(Frame::Array(items.iter().enumerate())),
        Value::Object(members) => Some(Frame::Object(members.iter().enumerate())),
        _ => None,
    }
}

fn locate(findings: Vec<Finding>, path: &[Token<'_>], located: &mut Vec<LocatedFinding>) {
    if findings.is_empty() {
        return;
    }
    let mut pointer = String::new();
    for token in path {
        pointer.push('/');
        // Writing to a string cannot fail.
        let _written = match token {
            Token::Index(index) => write!(pointer, "{index}"),
            Token::Number(number) => write!(pointer, "#{number}"),
            Token::Name(name) => write!(pointer, "{}", name.replace('~', "~0").replace('/', "~1")),
        };
    }
    located.extend(findings.into_iter().map(|finding| LocatedFinding::new(pointer.as_str(), finding)));
}

/// What a place names.
pub(super) enum Target<'v> {
    /// A value.
    Value(&'v mut Value),
    /// The name of a member of an object, by the member's number.
    Name(&'v mut Map<String, Value>, usize),
}

/// Follows a place through a value. `None` if it leads nowhere.
pub(super) fn follow<'v>(root: &'v mut Value, pointer: &str) -> Option<Target<'v>> {
    let mut value = root;
    let mut tokens = match pointer.strip_prefix('/') {
        Some(rest) => rest.split('/'),
        None if pointer.is_empty() => return Some(Target::Value(value)),
        None => return None,
    }
    .peekable();
    while let Some(token) = tokens.next() {
        value = match value {
            Value::Array(items) => items.get_mut(token.parse::<usize>().ok()?)?,
            Value::Object(members) => {
                if let Some(number) = token.strip_prefix('#') {
                    let number = number.parse().ok()?;
                    if tokens.peek() == Some(&NAME) {
                        tokens.next();
                        let known = tokens.next().is_none() && number < members.len();
                        return known.then_some(Target::Name(members, number));
                    }
                    members.values_mut().nth(number)?
                } else if token.contains('~') {
                    members.get_mut(&token.replace("~1", "/").replace("~0", "~"))?
                } else {
                    members.get_mut(token)?
                }
            }
            _ => return None,
        };
    }
    Some(Target::Value(value))
}
