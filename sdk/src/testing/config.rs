//! Checks of how an item takes its configuration.

use serde_json::{Map, Value, json};

use super::asking::Trouble;
use super::judging::configurations;
use super::report::{Notes, Verdict, counted, quoted};
use super::specimen::Specimen;
use crate::Kind;

/// An option that nothing has.
const UNKNOWN: &str = "no-such-option-7f3a";
/// The longest message of a refusal, in bytes: it is shown in one line beside the policy.
const LONGEST_REFUSAL: usize = 500;
/// How far a schema's references are followed.
const DEEPEST: usize = 32;

pub(super) fn schema(schema: &Value) -> Verdict {
    if !schema.is_object() {
        return Verdict::Fail(
            "it is no JSON object: the options cannot be documented or completed".to_owned(),
        );
    }
    match open(schema, schema, 0) {
        None => Verdict::Pass("refuses unknown options".to_owned()),
        Some(why) => Verdict::Fail(format!(
            "{why}: put `#[serde(deny_unknown_fields)]` on the configuration, so that a typo in a policy is an error"
        )),
    }
}

/// Why a schema accepts unknown members of an object, if it does.
fn open(schema: &Value, root: &Value, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return Some("its references go in a circle".to_owned());
    }
    let Some(members) = schema.as_object() else {
        return (schema != &Value::Bool(false)).then(|| "it accepts anything".to_owned());
    };
    // Refusing where it stands is enough, whatever else must hold.
    let refuses = |name| members.get(name) == Some(&Value::Bool(false));
    if refuses("additionalProperties") || refuses("unevaluatedProperties") {
        return None;
    }
    if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
        return match reference.strip_prefix('#').and_then(|pointer| root.pointer(pointer)) {
            Some(target) => open(target, root, depth + 1),
            None => Some(format!("it refers to {}, which is not in it", quoted(reference))),
        };
    }
    for name in ["anyOf", "oneOf"] {
        if let Some(alternatives) = members.get(name).and_then(Value::as_array) {
            return alternatives.iter().find_map(|alternative| open(alternative, root, depth + 1));
        }
    }
    if let Some(all) = members.get("allOf").and_then(Value::as_array)
        && all.iter().any(|one| open(one, root, depth + 1).is_none())
    {
        return None;
    }
    let may_be_object = match members.get("type") {
        Some(Value::String(name)) => name == "object",
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        // A list of values is no place for options, unless one is an object.
        _ => match (members.get("const"), members.get("enum").and_then(Value::as_array)) {
            (Some(value), _) => value.is_object(),
            (_, Some(values)) => values.iter().any(Value::is_object),
            _ => true,
        },
    };
    may_be_object.then(|| "`additionalProperties` is not `false`".to_owned())
}

pub(super) fn unknown_option(specimen: &Specimen) -> Verdict {
    let mut notes = Notes::default();
    // Alone it may be refused for what is missing beside it: so it is tried beside what is accepted, too.
    let mut bases = vec![Map::new()];
    for config in configurations(specimen.item()) {
        if let Ok(Value::Object(members)) = serde_json::from_str(config)
            && specimen.accepts(config).is_ok()
        {
            bases.push(members);
        }
    }
    for mut members in bases {
        members.insert(UNKNOWN.to_owned(), json!(1));
        let config = Value::Object(members).to_string();
        match specimen.accepts(&config) {
            Ok(()) => notes.fail(format!(
                "{} is accepted: a typo in a policy would be an option that does nothing",
                quoted(&config)
            )),
            Err(trouble @ Trouble::Panic(_)) => notes.fail(format!("{}: {trouble}", quoted(&config))),
            Err(_) => {}
        }
    }
    notes.verdict(|| "refused".to_owned())
}

pub(super) fn default(specimen: &Specimen) -> Verdict {
    let message = match specimen.accepts("{}") {
        Ok(()) => return Verdict::Pass("`{}` is accepted".to_owned()),
        Err(Trouble::Error(message)) => message,
        Err(trouble) => return Verdict::Fail(format!("`{{}}`: {trouble}")),
    };
    if let Some(fault) = unclear(&message) {
        return Verdict::Fail(format!("`{{}}` is refused, but {fault}"));
    }
    if specimen.item().kind == Kind::Detector {
        return Verdict::Fail(format!(
            "`{{}}` is refused ({message}): a detector takes part in every policy that does not speak of it"
        ));
    }
    let accepted = configurations(specimen.item()).any(|config| specimen.accepts(config).is_ok());
    if accepted {
        Verdict::Pass(format!("`{{}}` is refused, and an example shows what is accepted: {message}"))
    } else {
        Verdict::Fail(format!("`{{}}` is refused ({message}), and so is the configuration of every example"))
    }
}

pub(super) fn odd(specimen: &Specimen) -> Verdict {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let mut configs: Vec<String> = [
        "",
        " ",
        "null",
        "true",
        "0",
        "-1",
        "1e999",
        "18446744073709551616",
        "\"\"",
        "\"x\"",
        "\"\\u0000\"",
        "\"é漢🦀\"",
        "[]",
        "[[]]",
        "[null]",
        "[\"\"]",
        "[0]",
        "{",
        "}",
        "{}{}",
        "{\"\": null}",
        "{\"\\ud800\": 1}",
        "nul",
    ]
    .map(str::to_owned)
    .into();
    configs.extend([deep("[", "]"), deep("{\"a\":", "}"), "[".repeat(10_000)]);
    // Every option with a value of every type.
    let properties = specimen.item().schema.get("properties").and_then(Value::as_object);
    for name in properties.into_iter().flat_map(Map::keys) {
        for value in
            [json!(null), json!(-1), json!(u64::MAX), json!(""), json!("\u{0}é"), json!([]), json!({})]
        {
            configs.push(json!({name: value}).to_string());
        }
    }
    let mut notes = Notes::default();
    for config in &configs {
        match specimen.accepts(config) {
            Err(Trouble::Error(message)) => {
                if let Some(fault) = unclear(&message) {
                    notes.fail(format!("{} is refused, but {fault}", quoted(config)));
                }
            }
            Err(trouble) => notes.fail(format!("{}: {trouble}", quoted(config))),
            Ok(()) => {}
        }
    }
    notes.verdict(|| format!("{} accepted or refused in one line", counted(configs.len(), "configuration")))
}

/// What is wrong with the message of a refusal.
fn unclear(message: &str) -> Option<String> {
    if message.trim().is_empty() {
        Some("without a word".to_owned())
    } else if message.contains(['\n', '\r']) {
        Some("in more than one line".to_owned())
    } else if message.len() > LONGEST_REFUSAL {
        Some(format!("in {} bytes, more than {LONGEST_REFUSAL}", message.len()))
    } else {
        None
    }
}
