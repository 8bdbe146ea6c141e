//! The only place that knows YAML: a text becomes a tree in which every key and value knows where it stands.
//!
//! Limits come first. A policy is read by a hook that has to answer, so a file that would take long to parse is
//! refused: size, nodes, nesting and alias expansion are capped before anything is built from the content.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::{AliasLimits, DuplicateKeyPolicy};
use serde_yaml::{Location, Spanned, UserMessageFormatter};

use super::diagnostic::{Mark, Problems};

/// The largest policy file, in bytes. A thousand rules take about 150 KB.
pub(super) const MAX_BYTES: usize = 256 * 1024;
const MAX_NODES: usize = 50_000;
const MAX_ALIASES: usize = 100;
const MAX_DEPTH: usize = 32;

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Mark,
}

/// A key and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) at: Mark,
}

/// What a value is. A scalar keeps its spelling, so that `version: 1.0` stays `1.0` where a text is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool, String),
    Number(serde_json::Number, String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

impl Node {
    /// What the value is, for a message.
    pub(super) const fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(..) => "a boolean",
            Value::Number(..) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The value of a key, if it is a mapping with that key.
    pub(super) fn member(&self, key: &str) -> Option<&Self> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|(entry, _)| entry.text == key).map(|(_, node)| node)
    }

    /// The value as JSON, for the configuration of a plugin.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value, _) => serde_json::Value::Bool(*value),
            Value::Number(value, _) => serde_json::Value::Number(value.clone()),
            Value::Text(value) => serde_json::Value::String(value.clone()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect(),
            ),
        }
    }
}

/// Parses one document. A syntax error or a breached limit is one problem and no tree; doubled keys are problems of
/// their own beside the tree.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    let start = Mark { span: 0..0, line: 1, column: 1 };
    if text.len() > MAX_BYTES {
        problems.error(
            "AF001",
            &start,
            format!("the file has {} bytes, more than the {MAX_BYTES} a policy may have", text.len()),
            Some("split it: the managed, user and project layers each hold a policy".to_owned()),
        );
        return None;
    }
    match serde_yaml::from_str_with_options::<Spanned<Raw>>(text, options()) {
        Ok(tree) => Some(place(tree, text, problems)),
        Err(error) => {
            let error = error.without_snippet();
            let at = error.location().map_or(start, |location| mark(location, text));
            problems.error("AF001", &at, message(error), None);
            None
        }
    }
}

fn options() -> serde_yaml::Options {
    let mut aliases = AliasLimits::default();
    aliases.max_total_replayed_events = MAX_NODES;
    aliases.max_replay_stack_depth = MAX_DEPTH;
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_nodes: MAX_NODES,
            max_events: 3 * MAX_NODES,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_ALIASES,
            max_merge_keys: MAX_ALIASES,
            max_recorded_anchor_events: MAX_NODES,
            max_recorded_anchor_bytes: 4 * MAX_BYTES,
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_documents: 1,
            max_total_scalar_bytes: MAX_BYTES,
        },
        // The tree keeps doubled keys so that each is reported, not only the first.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        alias_limits: aliases,
        // `no` and `on` are words to a person who writes a policy today.
        strict_booleans: true,
        with_snippet: false,
    }
}

/// The parser's message as one fragment; the place is told separately.
fn message(error: &serde_yaml::Error) -> String {
    if let serde_yaml::Error::Budget { breach, .. } = error {
        return match breach {
            BudgetBreach::Documents { .. } => {
                "a policy is one YAML document, and here another begins".to_owned()
            }
            BudgetBreach::Depth { .. } => format!("more than {MAX_DEPTH} levels of nesting"),
            BudgetBreach::Nodes { .. } => format!("more than {MAX_NODES} keys and values"),
            BudgetBreach::Aliases { .. }
            | BudgetBreach::Anchors { .. }
            | BudgetBreach::RecordedAnchorEvents { .. } => {
                format!("too many YAML anchors and aliases (`&x`, `*x`; at most {MAX_ALIASES})")
            }
            _ => "the YAML is too large or too complex for a policy".to_owned(),
        };
    }
    let text = error.render_with_formatter(&UserMessageFormatter);
    let line = text.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    let line = line.split_once(": line ").map_or(line, |(before, _)| before);
    let line = line.trim_end_matches(['.', ',']);
    let line = line.strip_prefix("error: ").unwrap_or(line);
    format!("not valid YAML: {line}")
}

fn mark(location: Location, text: &str) -> Mark {
    let span = location.span();
    let start = span.byte_offset().and_then(|at| usize::try_from(at).ok()).unwrap_or(0).min(text.len());
    let length = span.byte_len().and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut end = start.saturating_add(length).min(text.len());
    // A collection's mark is where it begins; its first line is enough to show.
    let part = text.get(start..end).unwrap_or_default();
    if let Some(line) = part.find('\n') {
        end = start + line;
    }
    Mark {
        span: start..end,
        line: u32::try_from(location.line()).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(location.column()).unwrap_or(u32::MAX).max(1),
    }
}

fn place(tree: Spanned<Raw>, text: &str, problems: &mut Problems) -> Node {
    let at = mark(tree.defined, text);
    let spelling = |fallback: String| {
        let raw = text.get(at.span.clone()).unwrap_or_default().trim();
        // A tag or an anchor before the scalar is not part of its spelling.
        if raw.is_empty() || raw.starts_with(['!', '&', '*', '"', '\'']) { fallback } else { raw.to_owned() }
    };
    let value = match tree.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(value, spelling(value.to_string())),
        Raw::Number(value) => {
            let spelling = spelling(value.to_string());
            Value::Number(value, spelling)
        }
        Raw::Text(value) => Value::Text(value),
        Raw::List(items) => Value::List(items.into_iter().map(|item| place(item, text, problems)).collect()),
        Raw::Map(entries) => {
            let mut seen = HashSet::new();
            let mut placed = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let key = Key { at: mark(key.defined, text), text: key.value };
                let value = place(value, text, problems);
                if seen.insert(key.text.clone()) {
                    placed.push((key, value));
                } else {
                    problems.error(
                        "AF002",
                        &key.at,
                        format!("the key `{}` stands here twice", key.text),
                        Some("keep one of them".to_owned()),
                    );
                }
            }
            Value::Map(placed)
        }
    };
    Node { value, at }
}

/// A value as the parser hands it out.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
        serde_json::Number::from_f64(value)
            .map(Raw::Number)
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

/// The text without a byte order mark, which some editors write and no span may count.
pub(super) fn without_bom(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text))
}
