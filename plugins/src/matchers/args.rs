//! Conditions on a call's parameters, by their place in its JSON.

use agentfirewall_sdk::{Matcher, Plugin, PluginError, Subject, register};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::glob;
use super::words::{self, OneOrMany};

/// The most names of a place.
const LONGEST_PLACE: usize = 32;

/// One condition, or several that must all hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Config {
    /// The only one.
    One(Box<Condition>),
    /// All of them.
    All(Vec<Condition>),
}

/// What must be at a place of the parameters. Of several places that are meant one has to satisfy all that is given.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Condition {
    /// The place as a JSON pointer: `/limit`, `/edits/0/path`.
    pointer: Option<String>,
    /// The places as names joined by `/`, each of which may be a wildcard; `*` is also any number in a list, `**` any
    /// number of names: `edits/*/path`, `**/url`.
    path: Option<String>,
    /// The value, exactly.
    equals: Option<Value>,
    /// Wildcards of which one matches the whole text; a number or a truth value is matched as it is written.
    glob: Option<OneOrMany>,
    /// A number that the value is below; a text that is a number is one.
    less: Option<f64>,
    /// A number that the value is above; a text that is a number is one.
    greater: Option<f64>,
    /// Whether there is such a place at all. `null` is a value like any other.
    exists: Option<bool>,
    /// The value is longer: a text in characters, a list or an object in members.
    length_greater: Option<usize>,
}

/// Matches calls by their parameters.
#[derive(Debug)]
pub(crate) struct Args {
    tests: Vec<Test>,
}

#[derive(Debug)]
struct Test {
    place: Place,
    equals: Option<Value>,
    glob: Option<Vec<String>>,
    less: Option<f64>,
    greater: Option<f64>,
    exists: Option<bool>,
    length_greater: Option<usize>,
}

#[derive(Debug)]
enum Place {
    Pointer(String),
    Names(Vec<String>),
}

impl Plugin for Args {
    type Config = Config;

    fn new(config: Config) -> Result<Self, PluginError> {
        let conditions = match config {
            Config::One(one) => vec![*one],
            Config::All(all) => all,
        };
        if conditions.is_empty() {
            return Err(words::says_nothing("{pointer: /limit, greater: 100}"));
        }
        let tests = conditions.into_iter().map(Test::new).collect::<Result<_, _>>()?;
        Ok(Self { tests })
    }
}

impl Matcher for Args {
    fn matches(&self, subject: &Subject<'_>) -> Result<bool, PluginError> {
        Ok(self.tests.iter().all(|test| test.holds(&subject.call.input)))
    }
}

register! {
    matcher Args {
        id: "args",
        summary: "a call's parameters: what stands at a place of its JSON, compared as text, number or length",
        why: "judges the tools of MCP servers, whose parameters are no commands, paths or hosts",
        examples: [
            r#"{"pointer": "/limit", "greater": 1000} => {"tool": "mcp__db__query", "input": {"limit": 5000}}"#,
            r#"{"path": "edits/*/path", "glob": "*.lock"} => {"tool": "mcp__files__edit", "input": {"edits": [{"path": "a.rs"}, {"path": "Cargo.lock"}]}}"#,
            r#"[{"path": "**/force", "equals": true}, {"pointer": "/reason", "exists": false}] => {"tool": "mcp__git__push", "input": {"options": {"force": true}}}"#,
            r#"{"pointer": "/content", "length_greater": 10} => {"tool": "Write", "input": {"file_path": "x", "content": "twelve chars"}}"#,
        ],
        negatives: [
            r#"{"pointer": "/limit", "greater": 1000} => {"tool": "mcp__db__query", "input": {"limit": 10}}"#,
            r#"{"pointer": "/limit", "greater": 1000} => {"tool": "mcp__db__query", "input": {"limit": "all"}}"#,
            r#"{"path": "edits/*/path", "glob": "*.lock"} => {"tool": "mcp__files__edit", "input": {"path": "Cargo.lock"}}"#,
        ],
        keywords: ["arguments", "parameters", "input", "JSON pointer"],
        since: "0.3.0",
    }
}

impl Test {
    fn new(condition: Condition) -> Result<Self, PluginError> {
        let place = match (condition.pointer, condition.path) {
            (Some(pointer), None) if pointer.is_empty() || pointer.starts_with('/') => {
                Place::Pointer(pointer)
            }
            (Some(pointer), None) => {
                return Err(PluginError::new(format!(
                    "`{}` is no JSON pointer: one begins with `/`",
                    pointer.escape_debug()
                )));
            }
            (None, Some(path)) => Place::Names(names(&path)?),
            _ => {
                return Err(PluginError::new(
                    "it needs either `pointer` or `path`, such as `pointer: /limit`",
                ));
            }
        };
        let made = Self {
            place,
            equals: condition.equals,
            glob: words::list("glob", condition.glob)?,
            less: condition.less,
            greater: condition.greater,
            exists: condition.exists,
            length_greater: condition.length_greater,
        };
        let asks_of_value = made.equals.is_some()
            || made.glob.is_some()
            || made.less.is_some()
            || made.greater.is_some()
            || made.length_greater.is_some();
        match (made.exists, asks_of_value) {
            (None, false) => Err(PluginError::new(
                "it does not say what must be there, such as `exists: true` or `equals: 1`",
            )),
            (Some(false), true) => Err(PluginError::new("what is not there has no value to compare")),
            _ => Ok(made),
        }
    }

    fn holds(&self, input: &Value) -> bool {
        let mut found = false;
        let mut fits = |value: &Value| {
            found = true;
            // For `exists: false` the first place found decides.
            self.exists == Some(false) || self.fits(value)
        };
        let fit = match &self.place {
            Place::Pointer(pointer) => input.pointer(pointer).is_some_and(&mut fits),
            Place::Names(names) => walk(input, names, start(names), &mut fits),
        };
        if self.exists == Some(false) { !found } else { fit }
    }

    fn fits(&self, value: &Value) -> bool {
        self.equals.as_ref().is_none_or(|equal| same(equal, value))
            && self.glob.as_ref().is_none_or(|globs| {
                text(value).is_some_and(|text| globs.iter().any(|pattern| glob::matches(pattern, &text)))
            })
            && self.less.is_none_or(|bound| number(value).is_some_and(|number| number < bound))
            && self.greater.is_none_or(|bound| number(value).is_some_and(|number| number > bound))
            && self.length_greater.is_none_or(|bound| length(value).is_some_and(|length| length > bound))
    }
}

fn names(path: &str) -> Result<Vec<String>, PluginError> {
    let names: Vec<String> = path.split('/').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        return Err(PluginError::new(format!(
            "`{}` has an empty name: a path is like `edits/*/path`",
            path.escape_debug()
        )));
    }
    if names.len() > LONGEST_PLACE {
        return Err(PluginError::new(format!("a path has at most {LONGEST_PLACE} names")));
    }
    Ok(names)
}

/// The names of a place that may come next, as bits; the bit after the last says that the place is reached. A name `**`
/// may also be left out.
type Next = u64;

fn start(names: &[String]) -> Next {
    skipping(names, 0)
}

fn skipping(names: &[String], from: usize) -> Next {
    let mut next = 1 << from;
    for (at, name) in names.iter().enumerate().skip(from) {
        if name != "**" {
            break;
        }
        next |= 1 << (at + 1);
    }
    next
}

/// Goes down to every place that the names mean until one fits. Each value is looked at once, whatever the names.
fn walk(value: &Value, names: &[String], next: Next, fits: &mut dyn FnMut(&Value) -> bool) -> bool {
    if next & (1 << names.len()) != 0 && fits(value) {
        return true;
    }
    let mut below = |name: &str, index: bool, value: &Value| {
        let mut after: Next = 0;
        for (at, pattern) in names.iter().enumerate().filter(|(at, _)| next & (1 << at) != 0) {
            if pattern == "**" {
                after |= skipping(names, at);
            } else if (index && pattern == "*") || glob::matches(pattern, name) {
                after |= skipping(names, at + 1);
            }
        }
        after != 0 && walk(value, names, after, fits)
    };
    // The parser bounds the nesting, so recursion is bounded too.
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| below(name, false, value)),
        Value::Array(items) => {
            items.iter().enumerate().any(|(at, value)| below(&at.to_string(), true, value))
        }
        _ => false,
    }
}

/// Whether values are equal; numbers by what they are worth (`1` is `1.0`).
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use agentfirewall_sdk::{Access, PartKind, ToolCall};
    use serde_json::json;

    use super::*;

    fn new(config: Value) -> Result<Args, PluginError> {
        Args::new(serde_json::from_value(config).map_err(|error| PluginError::new(error.to_string()))?)
    }

    fn matches(config: Value, input: &Value) -> bool {
        let call = ToolCall::new("mcp__x__y", input.clone());
        new(config).unwrap().matches(&Subject::new(&call, PartKind::Call, "", Access::Unknown)).unwrap()
    }

    #[test]
    fn places_are_found_by_wildcards() {
        let input =
            json!({"edits": [{"path": "a"}, {"path": "b", "x": {"path": "c"}}], "path": "d", "a/b": 1});
        for (path, found) in [
            ("path", &["d"][..]),
            ("edits/*/path", &["a", "b"]),
            ("edits/1/path", &["b"]),
            ("**/path", &["a", "b", "c", "d"]),
            ("edits/**/path", &["a", "b", "c"]),
            ("**/x/**/path", &["c"]),
            ("edit?/**/p*", &["a", "b", "c"]),
        ] {
            for value in ["a", "b", "c", "d"] {
                let hit = matches(json!({"path": path, "equals": value}), &input);
                assert_eq!(hit, found.contains(&value), "{path} {value}");
            }
        }
        assert!(matches(json!({"pointer": "/a~1b", "equals": 1.0}), &input));
        assert!(matches(json!({"pointer": "/edits/1/x/path", "glob": ["z", "?"]}), &input));
        assert!(matches(json!({"path": "**", "equals": "c"}), &input));
    }

    #[test]
    fn values_are_compared_by_what_they_are() {
        let input = json!({"n": 5, "text": "7", "word": "many", "list": [1, 2], "yes": true, "none": null, "s": "äöü"});
        for (config, expected) in [
            (json!({"pointer": "/n", "greater": 4, "less": 6}), true),
            (json!({"pointer": "/n", "greater": 5}), false),
            (json!({"pointer": "/text", "greater": 6}), true),
            (json!({"pointer": "/word", "less": 6}), false),
            (json!({"pointer": "/list", "length_greater": 1}), true),
            (json!({"pointer": "/list", "length_greater": 2}), false),
            (json!({"pointer": "/s", "length_greater": 3}), false),
            (json!({"pointer": "/n", "length_greater": 0}), false),
            (json!({"pointer": "/yes", "equals": true}), true),
            (json!({"pointer": "/yes", "glob": "tr*"}), true),
            (json!({"pointer": "/text", "equals": 7}), false),
            (json!({"pointer": "/none", "exists": true}), true),
            (json!({"pointer": "/none", "exists": false}), false),
            (json!({"path": "**/nowhere", "exists": false}), true),
            (json!({"path": "l*/*", "exists": false}), false),
            (json!([{"pointer": "/n", "equals": 5}, {"pointer": "/yes", "equals": false}]), false),
        ] {
            assert_eq!(matches(config.clone(), &input), expected, "{config}");
        }
    }

    #[test]
    fn one_value_has_to_satisfy_all_of_a_condition() {
        let input = json!({"list": [1, 10]});
        assert!(!matches(json!({"path": "list/*", "greater": 5, "less": 5}), &input));
        assert!(matches(json!([{"path": "list/*", "greater": 5}, {"path": "list/*", "less": 5}]), &input));
    }

    #[test]
    fn many_wildcards_do_not_explode() {
        let mut input = json!("x");
        for _ in 0..100 {
            input = json!({"a": input, "b": [1, 2, 3]});
        }
        let path = vec!["**"; 16].join("/a/") + "/z";
        assert!(!matches(json!({"path": path.as_str(), "exists": true}), &input));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for config in [
            json!({}),
            json!([]),
            json!({"pointer": "/x"}),
            json!({"equals": 1}),
            json!({"pointer": "x", "equals": 1}),
            json!({"pointer": "/x", "path": "x", "equals": 1}),
            json!({"path": "a//b", "exists": true}),
            json!({"path": "a", "exists": false, "equals": 1}),
            json!({"path": "a", "glob": []}),
            json!({"path": vec!["a"; 33].join("/"), "exists": true}),
        ] {
            assert!(new(config.clone()).is_err(), "{config}");
        }
    }
}
