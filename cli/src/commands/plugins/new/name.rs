//! A plugin's name, and what follows from it: the crate's, the type's.

use agentfirewall_sdk::{LONGEST_NAME, is_hyphenated};

use crate::failure::{Exit, Failure};

/// Names that Cargo or the compiler would refuse, or mistake for something else: the language's words, its own crates,
/// and the crates that the template needs.
const TAKEN: &[&str] = &[
    "abstract",
    "agentfirewall-sdk",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "schemars",
    "self",
    "serde",
    "serde-json",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Types that the template's source already knows by this name.
const KNOWN_TYPES: &[&str] = &[
    "Action",
    "Anchors",
    "Box",
    "Confidence",
    "Default",
    "Deserialize",
    "Detector",
    "Error",
    "Event",
    "File",
    "Finding",
    "JsonSchema",
    "Matcher",
    "Ok",
    "Err",
    "None",
    "Some",
    "OpenOptions",
    "Option",
    "Options",
    "PathBuf",
    "Plugin",
    "PluginError",
    "Result",
    "Scan",
    "Severity",
    "Sink",
    "SinkError",
    "String",
    "Subject",
    "Vec",
    "Write",
];

/// `[a-z][a-z0-9]*(-[a-z0-9]+)*`, at most 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name(String);

impl Name {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let refused = |why: &str| {
            let failure = Failure::new(Exit::Usage, format!("`{text}` cannot be a plugin's name: {why}"));
            match suggestion(text) {
                Some(better) => failure.help(format!("try `{better}`")),
                None => failure.help("a name is lower-case words joined by hyphens, such as `acme-token`"),
            }
        };
        if text.is_empty() {
            return Err(refused("it is empty"));
        }
        if text.len() > LONGEST_NAME {
            return Err(refused(&format!("it has {} bytes, {LONGEST_NAME} are the limit", text.len())));
        }
        if !text.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(refused("it does not begin with a lower-case letter"));
        }
        if !is_hyphenated(text) {
            return Err(refused(
                "only lower-case letters and digits, in words joined by single hyphens, can stand in it",
            ));
        }
        if TAKEN.contains(&text) {
            return Err(refused("Rust knows something else by it"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in Rust's paths and in the library's file name.
    pub(super) fn crate_name(&self) -> String {
        self.0.replace('-', "_")
    }

    /// The plugin's type.
    pub(super) fn type_name(&self) -> String {
        let mut name: String = self.0.split('-').map(capitalised).collect();
        if KNOWN_TYPES.contains(&name.as_str()) {
            name.insert_str(0, "My");
        }
        name
    }
}

fn capitalised(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

/// The nearest thing to a text that can be a name, unless it is the text itself or nothing is left of it.
fn suggestion(text: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside = false;
    let mut small_before = false;
    for character in text.chars() {
        if !character.is_ascii_alphanumeric() {
            inside = false;
            continue;
        }
        let starts = !inside || (character.is_ascii_uppercase() && small_before);
        small_before = character.is_ascii_lowercase() || character.is_ascii_digit();
        // A name begins with a letter.
        if words.is_empty() && character.is_ascii_digit() {
            continue;
        }
        inside = true;
        match words.last_mut() {
            Some(word) if !starts => word.push(character.to_ascii_lowercase()),
            _ => words.push(character.to_ascii_lowercase().to_string()),
        }
    }
    let mut name = String::new();
    for word in words {
        if name.len() + 1 + word.len() > LONGEST_NAME {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word);
    }
    if TAKEN.contains(&name.as_str()) {
        name.insert_str(0, "my-");
    }
    (!name.is_empty() && name != text).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(text: &str) -> String {
        let failure = Name::parse(text).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage, "{text}");
        assert!(failure.message.starts_with(&format!("`{text}` cannot be")), "{}", failure.message);
        failure.help.join(" ")
    }

    #[test]
    fn names_are_lower_case_words_joined_by_hyphens() {
        let longest = "a".repeat(LONGEST_NAME);
        for text in ["a", "acme", "acme-token", "a1-2b-c3", "x509", &longest] {
            assert_eq!(Name::parse(text).unwrap().as_str(), text);
        }
        let too_long = "a".repeat(LONGEST_NAME + 1);
        for text in [
            "", "-", "-a", "a-", "a--b", "1a", "A", "aB", "a_b", "a b", "a/b", "../a", "é", "a.b", "fn",
            &too_long,
        ] {
            assert!(Name::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refused_name_comes_with_one_that_is_accepted() {
        for (text, better) in [
            ("AcmeToken", "acme-token"),
            ("acme_token", "acme-token"),
            ("Acme  Token!", "acme-token"),
            ("-acme-", "acme"),
            ("2fa", "fa"),
            ("match", "my-match"),
            ("serde", "my-serde"),
            ("../../etc", "etc"),
        ] {
            assert_eq!(advice(text), format!("try `{better}`"), "{text}");
            Name::parse(better).unwrap();
        }
        let long = advice(&"abc-".repeat(30));
        Name::parse(long.trim_start_matches("try `").trim_end_matches('`')).unwrap();
        for text in ["", "é", "123"] {
            assert!(advice(text).contains("such as `acme-token`"), "{text}");
        }
    }

    #[test]
    fn the_type_is_camel_case_and_hides_none_that_the_source_uses() {
        for (text, name) in [
            ("acme-token", "AcmeToken"),
            ("x509-2key", "X5092key"),
            ("detector", "MyDetector"),
            ("plugin-error", "MyPluginError"),
            ("options", "MyOptions"),
        ] {
            assert_eq!(Name::parse(text).unwrap().type_name(), name);
        }
        assert_eq!(Name::parse("acme-token").unwrap().crate_name(), "acme_token");
    }
}
