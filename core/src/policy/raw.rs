//! The reader: takes a tree apart by the schema, collecting every problem instead of stopping at the first.

use agentfirewall_sdk::Action;

use super::diagnostic::{Mark, Problems, advice, meant};
use super::keys::MODE_WORDS;
use super::yaml::{Key, Node, Value};
use crate::line;

/// A mapping that is being read: what nobody asks for by the end is an unknown key.
pub(super) struct Fields<'t> {
    entries: &'t [(Key, Node)],
    known: &'static [&'static str],
    /// Where the mapping stands.
    pub(super) at: &'t Mark,
}

impl<'t> Fields<'t> {
    /// Opens a mapping and reports the keys the schema does not have.
    pub(super) fn open(
        node: &'t Node,
        what: &str,
        known: &'static [&'static str],
        problems: &mut Problems,
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            wrong_type(node, what, "a mapping", None, problems);
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                problems.error(
                    "AF003",
                    &key.at,
                    format!("unknown key `{}` in {what}", key.text),
                    advice(&key.text, known.iter().copied()),
                );
            }
        }
        Some(Self { entries, known, at: &node.at })
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'t Node> {
        self.entry(key).map(|(_, node)| node)
    }

    /// A key and its value.
    pub(super) fn entry(&self, key: &str) -> Option<(&'t Key, &'t Node)> {
        debug_assert!(self.known.contains(&key), "a key that the schema does not list is read");
        self.entries.iter().find(|(entry, _)| entry.text == key).map(|(entry, node)| (entry, node))
    }

    /// Whether one of the keys present was probably meant to be this one; then its absence is not a problem of its own.
    pub(super) fn mistyped(&self, key: &str) -> bool {
        self.entries.iter().any(|(entry, _)| {
            !self.known.contains(&entry.text.as_str())
                && meant(&entry.text, self.known.iter().copied()) == Some(key)
        })
    }

    /// A text; a number or boolean counts as it is spelled.
    pub(super) fn text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        text(self.get(key)?, &format!("`{key}`"), problems)
    }

    /// A text that may be left blank after its key.
    pub(super) fn optional_text(&self, key: &str, problems: &mut Problems) -> Option<String> {
        match self.get(key)? {
            Node { value: Value::Null, .. } => None,
            node => text(node, &format!("`{key}`"), problems),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, key: &str, problems: &mut Problems) -> Option<bool> {
        let node = self.get(key)?;
        if let Value::Bool(value, _) = node.value {
            return Some(value);
        }
        let help = matches!(&node.value, Value::Text(word) if ["yes", "no", "on", "off"]
            .contains(&word.to_lowercase().as_str()))
        .then(|| "write `true` or `false`".to_owned());
        wrong_type(node, &format!("`{key}`"), "true or false", help, problems);
        None
    }

    /// A whole number between two.
    pub(super) fn number(&self, key: &str, least: u32, most: u32, problems: &mut Problems) -> Option<u32> {
        let node = self.get(key)?;
        let number = match &node.value {
            Value::Number(_, text) => text.parse().ok().filter(|number| (least..=most).contains(number)),
            _ => None,
        };
        if number.is_none() {
            wrong_type(
                node,
                &format!("`{key}`"),
                &format!("a whole number from {least} to {most}"),
                None,
                problems,
            );
        }
        number
    }

    /// One word of a list.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
        word(self.get(key)?, key, words, problems)
    }

    /// One of the given actions.
    pub(super) fn action(&self, key: &str, possible: &[Action], problems: &mut Problems) -> Option<Action> {
        action(self.get(key)?, key, possible, problems)
    }

    /// `mode: enforce | monitor`, as whether it is the latter.
    pub(super) fn monitor(&self, problems: &mut Problems) -> bool {
        self.word("mode", &MODE_WORDS, problems).unwrap_or_default()
    }

    /// A list of patterns; a single text is a list of one. An empty list can never match and is refused.
    pub(super) fn patterns(&self, key: &str, problems: &mut Problems) -> Option<(Vec<String>, &'t Mark)> {
        let node = self.get(key)?;
        let patterns = match &node.value {
            Value::List(items) if items.is_empty() => {
                problems.error(
                    "AF007",
                    &node.at,
                    format!("`{key}` is an empty list, so the rule can never match"),
                    Some(format!("leave `{key}` out to match everything, or list patterns such as [\"*\"]")),
                );
                return None;
            }
            Value::List(items) => {
                let read: Vec<_> = items
                    .iter()
                    .filter_map(|item| text(item, &format!("an element of `{key}`"), problems))
                    .collect();
                if read.len() < items.len() {
                    return None;
                }
                read
            }
            _ => {
                let Some(single) = scalar(node) else {
                    let help = Some(format!("leave `{key}` out to match everything"));
                    wrong_type(node, &format!("`{key}`"), "a list of patterns", help, problems);
                    return None;
                };
                vec![single]
            }
        };
        Some((patterns, &node.at))
    }
}

/// The spelling of a scalar.
fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) | Value::Bool(_, text) | Value::Number(_, text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// A text; a number or boolean counts as it is spelled.
pub(super) fn text(node: &Node, what: &str, problems: &mut Problems) -> Option<String> {
    let text = scalar(node);
    if text.is_none() {
        wrong_type(node, what, "a string", None, problems);
    }
    text
}

fn word<T: Copy>(node: &Node, key: &str, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let Some(text) = scalar(node) else {
        wrong_type(node, &format!("`{key}`"), "a word", None, problems);
        return None;
    };
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    if found.is_none() {
        problems.error(
            "AF006",
            &node.at,
            format!("unknown value `{}` for `{key}`", one_line(&text)),
            advice(&text, words.iter().map(|(word, _)| *word)),
        );
    }
    found
}

/// An action out of those that are possible at this place.
pub(super) fn action(node: &Node, key: &str, possible: &[Action], problems: &mut Problems) -> Option<Action> {
    let words: Vec<_> = possible.iter().map(|action| (action.as_str(), *action)).collect();
    if let Some(text) = scalar(node)
        && let Ok(other) = text.parse::<Action>()
        && !possible.contains(&other)
    {
        let all: Vec<_> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        problems.error(
            "AF006",
            &node.at,
            format!("`{other}` is no choice for `{key}`"),
            Some(format!("possible here: {}", all.join(", "))),
        );
        return None;
    }
    word(node, key, &words, problems)
}

/// The entries of a mapping with free keys.
pub(super) fn entries<'t>(node: &'t Node, what: &str, problems: &mut Problems) -> &'t [(Key, Node)] {
    if let Value::Map(entries) = &node.value {
        return entries;
    }
    wrong_type(node, what, "a mapping", None, problems);
    &[]
}

/// The elements of a list.
pub(super) fn elements<'t>(node: &'t Node, what: &str, problems: &mut Problems) -> &'t [Node] {
    if let Value::List(items) = &node.value {
        return items;
    }
    wrong_type(node, what, "a list", None, problems);
    &[]
}

/// Reports a value of another type than the one that is wanted.
pub(super) fn wrong_type(
    node: &Node,
    what: &str,
    wanted: &str,
    help: Option<String>,
    problems: &mut Problems,
) {
    problems.error("AF004", &node.at, format!("{what} must be {wanted}, not {}", node.kind()), help);
}

/// A text fit for a one-line message.
pub(super) fn one_line(text: &str) -> String {
    let line = line::one_line(text, 60);
    if text.chars().nth(60).is_some() { format!("{line}…") } else { line }
}

/// A plugin's message on one line; long enough for a regex error.
pub(super) fn one_line_long(text: &str) -> String {
    line::words(text, 300)
}
