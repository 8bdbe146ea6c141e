//! Wildcard patterns with the meaning of Python's `fnmatch`, which the original's policies are written in.
//!
//! `*` is any run of characters, `?` one character, `[seq]` and `[!seq]` one of a set; nothing else is special, `/` and
//! line breaks are characters like any other and case counts. The matcher keeps one place to go back to, so that its
//! time is at most the product of pattern and text, whatever the pattern.

use agentfirewall_sdk::{Anchors, Matcher, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;

/// The patterns, of which one has to match the whole text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Patterns(Vec<String>);

/// Matches texts by wildcard patterns.
#[derive(Debug)]
pub(crate) struct Glob {
    patterns: Vec<String>,
}

impl Plugin for Glob {
    type Config = Patterns;

    fn new(config: Patterns) -> Result<Self, PluginError> {
        if config.0.is_empty() {
            return Err(PluginError::new("an empty list of patterns matches nothing"));
        }
        Ok(Self { patterns: config.0 })
    }
}

impl Matcher for Glob {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        Ok(self.patterns.iter().any(|pattern| matches(pattern, subject.text)))
    }

    fn anchors(&self) -> Anchors {
        let literals: Option<Vec<_>> = self.patterns.iter().map(|pattern| longest_literal(pattern)).collect();
        literals.map_or(Anchors::Always, Anchors::AnyOf)
    }
}

register! {
    patterns Glob {
        id: "glob",
        summary: "wildcard patterns: `*` any run, `?` one character, `[a-z]` and `[!a-z]` one of a set",
        why: "serves `tools:` and `resources:`, and conditions that need a second list of patterns",
        examples: [
            r#"["rm -rf *"] => rm -rf /"#,
            r#"["mcp__*"] => mcp__github__create_issue"#,
            r#"["*.env", "*.pem"] => /home/me/project/.env"#,
            r#"["file?.txt"] => fileä.txt"#,
            r#"["[!a-c]x"] => dx"#,
            r#"["a[]]b"] => a]b"#,
            r#"["a[b"] => a[b"#,
        ],
        negatives: [
            r#"["rm -rf *"] => rm -r folder"#,
            r#"["Bash"] => bash"#,
            r#"["[!a-c]x"] => bx"#,
            r#"["*.env"] => .env.example"#,
        ],
        keywords: ["wildcard", "fnmatch", "pattern"],
        since: "0.2.0",
    }
}

/// Whether the whole text matches the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when a later part fails: behind the last `*`, with one character more given to it.
    let mut again: Option<(&str, &str)> = None;
    loop {
        if let Some(after) = pattern.strip_prefix('*') {
            if after.is_empty() {
                return true;
            }
            pattern = after;
            again = Some((after, text));
            continue;
        }
        if pattern.is_empty() && text.is_empty() {
            return true;
        }
        if let Some((rest_of_pattern, rest_of_text)) = one(pattern, text) {
            pattern = rest_of_pattern;
            text = rest_of_text;
            continue;
        }
        let Some((restart, from)) = again else { return false };
        let mut rest = from.chars();
        if rest.next().is_none() {
            return false;
        }
        pattern = restart;
        // With a plain first character, everything up to its next occurrence goes to the `*` at once.
        text = match restart.as_bytes().first() {
            Some(first) if !matches!(first, b'*' | b'?' | b'[') && first.is_ascii() => {
                match rest.as_str().find(char::from(*first)) {
                    Some(at) => rest.as_str().get(at..).unwrap_or_default(),
                    None => return false,
                }
            }
            _ => rest.as_str(),
        };
        again = Some((restart, text));
    }
}

/// Matches one character of the text with the pattern's first element; what is left of both.
#[inline]
fn one<'p, 't>(pattern: &'p str, text: &'t str) -> Option<(&'p str, &'t str)> {
    let mut pattern_chars = pattern.chars();
    let mut text_chars = text.chars();
    let element = pattern_chars.next()?;
    let character = text_chars.next()?;
    let rest = match element {
        '?' => pattern_chars.as_str(),
        '[' => match class(pattern_chars.as_str()) {
            Some((set, rest)) => {
                if !set.contains(character) {
                    return None;
                }
                rest
            }
            // An unclosed bracket is a character like any other.
            None if character == '[' => pattern_chars.as_str(),
            None => return None,
        },
        literal if literal == character => pattern_chars.as_str(),
        _ => return None,
    };
    Some((rest, text_chars.as_str()))
}

/// What stands between the brackets.
struct Set<'p> {
    members: &'p str,
    negated: bool,
}

impl Set<'_> {
    fn contains(&self, character: char) -> bool {
        let mut members = self.members;
        let mut found = false;
        while !found {
            let mut chars = members.chars();
            let Some(first) = chars.next() else { break };
            let after_first = chars.as_str();
            if chars.next() == Some('-')
                && let Some(last) = chars.next()
            {
                // A range that ends before it begins holds nothing, as in Python.
                found = (first..=last).contains(&character);
                members = chars.as_str();
            } else {
                found = first == character;
                members = after_first;
            }
        }
        found != self.negated
    }
}

/// The set after an opening bracket, and what follows it; `None` if it is never closed.
fn class(after_bracket: &str) -> Option<(Set<'_>, &str)> {
    let negated = after_bracket.starts_with('!');
    let body = if negated { after_bracket.strip_prefix('!')? } else { after_bracket };
    // A bracket that closes at once is a member.
    let skip = usize::from(body.starts_with(']'));
    let end = body.get(skip..)?.find(']')? + skip;
    let (members, rest) = body.split_at_checked(end)?;
    Some((Set { members, negated }, rest.strip_prefix(']')?))
}

/// The longest run of plain characters, if it has two bytes.
pub(super) fn longest_literal(pattern: &str) -> Option<String> {
    let mut longest = "";
    let mut rest = pattern;
    let mut run = pattern;
    let mut length = 0;
    while let Some(element) = rest.chars().next() {
        let after = rest.get(element.len_utf8()..).unwrap_or_default();
        let special = match element {
            '*' | '?' => Some(after),
            '[' => class(after).map(|(_, rest)| rest),
            _ => None,
        };
        if let Some(next) = special {
            longest = longer(longest, run.get(..length).unwrap_or_default());
            (rest, run, length) = (next, next, 0);
        } else {
            length += element.len_utf8();
            rest = after;
        }
    }
    let longest = longer(longest, run.get(..length).unwrap_or_default());
    (longest.len() >= 2).then(|| longest.to_owned())
}

fn longer<'a>(one: &'a str, other: &'a str) -> &'a str {
    if other.len() > one.len() { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchors(patterns: &[&str]) -> Anchors {
        Glob::new(Patterns(patterns.iter().map(|&pattern| pattern.to_owned()).collect())).unwrap().anchors()
    }

    #[test]
    fn agrees_with_fnmatch_of_python() {
        // Every row was answered by `fnmatch.fnmatchcase` of Python 3.11.
        let cases = [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("?", "", false),
            ("a*b", "a/\n/b", true),
            ("*a", "ba", true),
            ("*ab*", "aab", true),
            ("a?c", "abc", true),
            ("a?c", "a\nc", true),
            ("[ab]c", "bc", true),
            ("[!ab]c", "bc", false),
            ("[a-c]", "b", true),
            ("[a-]", "-", true),
            ("[-a]", "-", true),
            ("[c-a]", "b", false),
            ("[!c-a]", "b", true),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[!]]", "a", true),
            ("[]", "[]", true),
            ("[!]", "[!]", true),
            ("[", "[", true),
            ("[*]", "*", true),
            ("[*]", "x", false),
            ("[^a]", "^", true),
            ("\\*", "\\x", true),
            ("*.*", "a", false),
            ("**", "x", true),
            ("*?", "", false),
            ("ü*ß", "über strasse", false),
            ("ü*ß", "über großß", true),
            ("A", "a", false),
            ("*abcd*efgh", "abcabcdefefgh", true),
            ("*a[bc]*?d", "xacad", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn many_stars_do_not_explode() {
        let text = "a".repeat(10_000);
        assert!(!matches("*a*a*a*a*b", &text));
        assert!(matches("*a*a*a*a*", &text));
        assert!(!matches(&"*a".repeat(100).replace("*a*a", "*aa?"), "b"));
        assert!(!matches(&format!("{}b", "*a".repeat(50)), &text));
    }

    #[test]
    fn anchors_are_the_longest_plain_run() {
        assert_eq!(anchors(&["rm -rf *", "*.env"]), Anchors::AnyOf(vec!["rm -rf ".into(), ".env".into()]));
        assert_eq!(anchors(&["a[bcdef]gh"]), Anchors::AnyOf(vec!["gh".into()]));
        assert_eq!(anchors(&["ab[cd"]), Anchors::AnyOf(vec!["ab[cd".into()]));
        assert_eq!(anchors(&["x?yz*"]), Anchors::AnyOf(vec!["yz".into()]));
        for always in [&["*"][..], &["abc", "?a*"], &["[ab][cd]"], &[""]] {
            assert_eq!(anchors(always), Anchors::Always, "{always:?}");
        }
    }

    #[test]
    fn nothing_is_not_a_pattern_list() {
        assert!(Glob::new(Patterns(Vec::new())).is_err());
    }
}
