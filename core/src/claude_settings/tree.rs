//! A settings file, parsed as the client parses it: `JSON.parse` and nothing laxer.

use std::borrow::Cow;

use jsonc_parser::ast::{Array, Object, ObjectProp, Value};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::check;

/// What a problem costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The client drops the whole file: hooks, permissions, everything.
    VoidsFile,
    /// The client drops this entry and keeps the rest.
    LosesEntry,
    /// The client reads the file, but we do not change it: an edit could do something else than it seems to.
    BlocksEditing,
}

/// Something wrong with a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What the client makes of it.
    pub effect: Effect,
    /// What to change.
    pub advice: String,
}

impl Problem {
    /// Whether the client drops the whole file for this.
    pub fn voids_file(&self) -> bool {
        self.effect == Effect::VoidsFile
    }
}

/// A settings file as the client reads it.
#[derive(Debug)]
pub struct Settings<'a> {
    /// The text without a byte order mark.
    pub(crate) text: Cow<'a, str>,
    /// Whether the file began with a byte order mark.
    pub(crate) bom: bool,
    problems: Vec<Problem>,
    valid_json: bool,
}

/// Exactly JSON.
const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

impl<'a> Settings<'a> {
    /// Parses and checks the bytes of a file. It never fails: what is wrong is in [`Settings::problems`].
    pub fn parse(bytes: &'a [u8]) -> Self {
        let (bom, bytes) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => (true, rest),
            None => (false, bytes),
        };
        let text = String::from_utf8_lossy(bytes);
        let mut settings = Self { bom, text, problems: Vec::new(), valid_json: true };
        if let Cow::Owned(_) = settings.text {
            settings.problems.push(Problem {
                line: 1,
                column: 1,
                message: "the file is not UTF-8".into(),
                effect: Effect::BlocksEditing,
                advice: "save it as UTF-8".into(),
            });
        }
        // An empty file counts as no settings at all, for the client too.
        if settings.text.trim().is_empty() {
            return settings;
        }
        if let Err(problem) = well_formed(&settings.text) {
            settings.valid_json = problem.effect != Effect::VoidsFile;
            settings.problems.push(problem);
            return settings;
        }
        let found = check::check(&settings);
        settings.problems.extend(found);
        settings.problems.sort_by_key(|problem| (problem.line, problem.column));
        settings
    }

    /// Everything that is wrong, from top to bottom.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether the client drops the whole file.
    pub fn is_void(&self) -> bool {
        self.problems.iter().any(Problem::voids_file)
    }

    /// Whether the text is JSON at all.
    pub fn is_json(&self) -> bool {
        self.valid_json
    }

    /// Whether the file has no content.
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The tree; none for an empty or malformed file.
    pub(crate) fn root(&self) -> Option<Value<'_>> {
        parse_to_ast(&self.text, &CollectOptions::default(), &STRICT).ok().and_then(|result| result.value)
    }
}

/// A problem at a byte offset of the text.
pub(crate) fn problem_at(
    text: &str,
    offset: usize,
    effect: Effect,
    message: String,
    advice: &str,
) -> Problem {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Problem {
        line: before.matches('\n').count() + 1,
        column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        message,
        effect,
        advice: advice.into(),
    }
}

/// Two parsers must agree that it is JSON: serde's decides (it reads what `JSON.parse` reads), the other knows what a
/// comment is and gives the positions that edits need.
fn well_formed(text: &str) -> Result<(), Problem> {
    let accepted = serde_json::from_str::<serde::de::IgnoredAny>(text);
    let parsed = parse_to_ast(text, &CollectOptions::default(), &STRICT);
    match (accepted, parsed) {
        (Ok(_), Ok(_)) => Ok(()),
        (Ok(_), Err(error)) => Err(problem_at(
            text,
            error.range().start,
            Effect::BlocksEditing,
            format!("this is JSON only for a lenient reader: {}", lower(&error.kind().to_string())),
            "write it in a form every JSON reader accepts",
        )),
        (Err(_), Err(error)) => {
            let (message, advice) = match error.kind() {
                ParseErrorKind::CommentsNotAllowed => {
                    ("comments are not allowed".into(), "remove the comment: the client reads plain JSON")
                }
                ParseErrorKind::TrailingCommasNotAllowed => {
                    ("a trailing comma is not allowed".into(), "remove the comma")
                }
                other => (lower(&other.to_string()), "correct the JSON"),
            };
            Err(problem_at(text, error.range().start, Effect::VoidsFile, message, advice))
        }
        (Err(error), Ok(_)) => Err(Problem {
            line: error.line(),
            column: error.column(),
            message: "this is not valid JSON".into(),
            effect: Effect::VoidsFile,
            advice: "correct the JSON".into(),
        }),
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// A property by its name; of several with one name the last, as `JSON.parse` takes it.
pub(crate) fn property<'t, 'a>(object: &'t Object<'a>, name: &str) -> Option<&'t ObjectProp<'a>> {
    object.properties.iter().rev().find(|property| property.name.as_str() == name)
}

/// A property's value.
pub(crate) fn get<'t, 'a>(object: &'t Object<'a>, name: &str) -> Option<&'t Value<'a>> {
    property(object, name).map(|property| &property.value)
}

pub(crate) fn object_at<'t, 'a>(object: &'t Object<'a>, name: &str) -> Option<&'t Object<'a>> {
    get(object, name).and_then(Value::as_object)
}

pub(crate) fn array_at<'t, 'a>(object: &'t Object<'a>, name: &str) -> Option<&'t Array<'a>> {
    get(object, name).and_then(Value::as_array)
}

pub(crate) fn text_at<'t>(object: &'t Object<'_>, name: &str) -> Option<&'t str> {
    get(object, name).and_then(Value::as_string_lit).map(|text| text.value.as_ref())
}

pub(crate) fn bool_at(object: &Object<'_>, name: &str) -> Option<bool> {
    get(object, name).and_then(Value::as_boolean_lit).map(|value| value.value)
}

/// A value in words, as the client words it.
pub(crate) fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a boolean",
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::NullKeyword(_) => "null",
    }
}

pub(crate) fn range(value: &Value<'_>) -> Range {
    value.range()
}
