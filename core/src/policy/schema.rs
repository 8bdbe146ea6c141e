//! A policy file as a JSON Schema (draft 2020-12), for editors and for programs that write policies.
//!
//! It says what the reader accepts with the plugins of this installation, as far as a schema can: what depends on the
//! layer, on another file or on a plugin's own judgement is said in a description and checked by `validate`.

use agentfirewall_sdk::{Action, DetectionRule, Item, Kind};
use serde_json::{Map, Value, json};

use super::{keys, packs};
use crate::delivery::Format;
use crate::registry::{Entry, Registry};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const NO_PROJECT: &str = "Not permitted in a project's policy.";

/// The schema. `installed` gives what an installed plugin's item says of itself; without a schema in it any configuration
/// passes.
pub fn schema(registry: &Registry, installed: &dyn Fn(Kind, &str) -> Option<Item>) -> Value {
    let mut definitions = Map::new();
    for entry in registry.all() {
        definitions.insert(definition(entry.kind(), entry.id()), options(entry, installed));
    }
    let sink = sink(registry, &definitions);
    definitions.insert("sink".to_owned(), sink);
    definitions.insert("rule".to_owned(), rule());
    definitions.insert("condition".to_owned(), condition(registry));
    definitions.insert("patterns".to_owned(), patterns());
    definitions.insert("detection".to_owned(), detection());
    json!({
        "$schema": DRAFT,
        "title": "Policy of agentfirewall",
        "description": format!(
            "As agentfirewall {} with its {} plugins understands it.",
            env!("CARGO_PKG_VERSION"),
            registry.all().len()
        ),
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "version": text("Your version of the policy, any text.", Some("1.0")),
            "name": text("A name for people.", Some("default")),
            "description": optional_text("What the policy is for."),
            "default_action": action("The answer for a part that no rule matches.", &Action::ALL, Action::Deny),
            "extends": {
                "description": "Built-in packs whose rules follow the policy's own.",
                "anyOf": [
                    {"enum": packs()},
                    {"type": "array", "items": {"enum": packs()}},
                    {"type": "null"},
                ],
            },
            "programs": {
                "description": format!(
                    "Rows of the table of programs: what a team's own programs read, write, delete, run and send. {NO_PROJECT}"
                ),
                "type": ["array", "null"],
                "items": {"type": "object", "required": ["program"]},
            },
            "rules": {
                "description": "The first rule that matches a part of a call judges it.",
                "type": ["array", "null"],
                "items": {"$ref": "#/$defs/rule"},
            },
            "mode": mode("`monitor` lets everything pass and records what would have happened."),
            "ask": {
                "description": "What `ask` becomes where no person can be asked.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "headless": action("In `claude -p`, an SDK, CI.", &keys::NO_PERSON, Action::Deny),
                    "bypass": action(
                        "Where the agent was told never to ask.", &keys::NO_PERSON, Action::Deny),
                },
            },
            "on_error": words(
                &format!("What a failure of the firewall itself becomes. {NO_PROJECT}"),
                keys::ON_ERROR_WORDS.iter().map(|(word, _)| *word),
                "deny",
            ),
            "on_audit_error": words(
                &format!(
                    "What becomes of a call whose record cannot be written; what was stopped stays stopped. A policy that only monitors lets it pass. {NO_PROJECT}"
                ),
                keys::ON_AUDIT_ERROR_WORDS.iter().map(|(word, _)| *word),
                "deny",
            ),
            "audit": audit(),
            "secrets": {
                "description": format!("What happens to found secrets. {NO_PROJECT}"),
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "parameters": action(
                        "In what the agent is about to send or write.", &keys::PARAMETERS, Action::Deny),
                    "results": words(
                        "In what a tool returned, before the model sees it.",
                        keys::RESULTS_WORDS.iter().map(|(word, _)| *word),
                        "mask",
                    ),
                    "prompts": action("In what a person typed.", &keys::PROMPTS, Action::Deny),
                    "rules": {
                        "description": "Detection rules of your own, each a detector with an id of its own.",
                        "type": ["array", "null"],
                        "items": {"$ref": "#/$defs/detection"},
                    },
                    "import": {
                        "description": "Files with further detection rules, in or below the policy's folder: in this form, or a \
                                        configuration of gitleaks (TOML).",
                        "type": ["array", "string", "null"],
                        "items": {"type": "string"},
                    },
                },
            },
            "plugins": plugins(registry),
            "detectors": detectors(registry),
            "sinks": {
                "description": format!("Who is told of decisions. {NO_PROJECT}"),
                "type": "array",
                "items": {"$ref": "#/$defs/sink"},
            },
        },
        "$defs": definitions,
    })
}

/// The log's files.
fn audit() -> Value {
    let amount = |what: &str| json!({"description": what, "type": ["string", "integer"]});
    json!({
        "description": format!("The files of the audit log. {NO_PROJECT}"),
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "rotate": {
                "description": "When a new file is begun: whichever comes first.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "size": amount("At this size, such as `64MiB` (the default)."),
                    "age": amount("So long after a file's first record, such as `7d`."),
                    "records": amount("At this number of records."),
                },
            },
            "retain": {
                "description": "Which old files are kept; without it all of them.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "segments": amount("So many, besides the one that is written."),
                    "age": amount("Those whose last record is younger, such as `52w`."),
                    "undelivered": amount("A file that a sink has not received stays all the same; at most so much, such as `4GiB`."),
                },
            },
        },
    })
}

fn packs() -> Vec<&'static str> {
    packs::ALL.iter().map(|pack| pack.name).collect()
}

fn rule() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": name("Named in answers and in the log."),
            "tools": described("#/$defs/patterns", "Patterns over the tool's name; without them every tool."),
            "resources": described(
                "#/$defs/patterns", "Patterns over what the call touches; without them everything."),
            "effects": described(
                "#/$defs/patterns",
                "Patterns over what the call does, such as `git.force-push`; a rule with them is about nothing else."),
            "action": action("What happens to a part the rule matches.", &Action::ALL, Action::Deny),
            "reason": optional_text("Told to the model: say what is wrong in words it can act on."),
            "mode": mode("`monitor`: this rule only records what it would have done."),
            "suggest": optional_text("Told to the model: what to do instead."),
            "approve": {
                "description": format!(
                    "Only with `action: allow`: also skip the agent's own question. {NO_PROJECT}"),
                "type": "boolean",
                "default": false,
            },
            "match": described("#/$defs/condition", "Further conditions; several beside each other must all hold."),
        },
        "if": {"required": ["approve"], "properties": {"approve": {"const": true}}},
        "then": {"required": ["action"], "properties": {"action": {"const": "allow"}}},
    })
}

fn condition(registry: &Registry) -> Value {
    let several = |what: &str| {
        json!({
            "description": what,
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/condition"},
        })
    };
    let mut properties = Map::new();
    properties.insert("all".to_owned(), several("Every one of these holds."));
    properties.insert("any".to_owned(), several("At least one of these holds."));
    properties.insert("not".to_owned(), described("#/$defs/condition", "This does not hold."));
    for entry in registry.of(Kind::Matcher) {
        properties.insert(entry.id().to_owned(), described_by(entry));
    }
    json!({
        "type": "object",
        "additionalProperties": false,
        "minProperties": 1,
        "properties": properties,
    })
}

fn plugins(registry: &Registry) -> Value {
    let mut properties = Map::new();
    let mut names = Vec::new();
    for library in registry.libraries() {
        let plugin = library.plugin;
        let items: Vec<String> =
            plugin.items.iter().map(|item| format!("{} `{}`", item.kind.as_str(), item.id)).collect();
        names.push(plugin.name);
        properties.insert(
            plugin.name.to_owned(),
            json!({
                "description": format!("Version {}: {}.", plugin.version, items.join(", ")),
                "type": ["object", "null"],
                "additionalProperties": false,
                "properties": {
                    "enabled": {
                        "description": format!("Whether its detectors run. {NO_PROJECT}"),
                        "type": "boolean",
                        "default": true,
                    },
                    "on_error": words(
                        &format!("What a failure of the plugin becomes. {NO_PROJECT}"),
                        keys::ON_FAILURE_WORDS.iter().map(|(word, _)| *word),
                        "deny",
                    ),
                },
            }),
        );
    }
    // Without any plugin an `enum` would be empty, which a validator may refuse.
    let items = if names.is_empty() { json!(false) } else { json!({"enum": names}) };
    json!({
        "description": "The installed plugins that this policy needs; `agentfirewall plugins list` shows them.",
        "anyOf": [
            {"type": "array", "uniqueItems": true, "items": items},
            {"type": "object", "additionalProperties": false, "properties": properties},
        ],
    })
}

fn detectors(registry: &Registry) -> Value {
    let mut properties = Map::new();
    for entry in registry.of(Kind::Detector) {
        properties.insert(
            entry.id().to_owned(),
            json!({
                "description": summary(entry),
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "enabled": {"description": "Whether it runs.", "type": "boolean", "default": true},
                    "with": described(&reference(entry), "Its configuration."),
                },
            }),
        );
    }
    json!({
        "description": format!("Settings of single detectors; all others run with their defaults. {NO_PROJECT}"),
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}

fn sink(registry: &Registry, definitions: &Map<String, Value>) -> Value {
    let ids: Vec<&str> = registry.of(Kind::Sink).map(Entry::id).collect();
    let each: Vec<Value> = registry
        .of(Kind::Sink)
        .map(|entry| {
            let options = definitions.get(&definition(entry.kind(), entry.id()));
            let compulsory: &[&str] = if options.is_some_and(wants_options) { &["with"] } else { &[] };
            json!({
                "if": {"required": ["use"], "properties": {"use": {"const": entry.id()}}},
                "then": {
                    "description": summary(entry),
                    "required": compulsory,
                    "properties": {"with": {"$ref": reference(entry)}},
                },
            })
        })
        .collect();
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "use"],
        "properties": {
            "name": name("Your name for it; the place it has reached in the log hangs on it."),
            "use": {"description": "The plugin that delivers.", "enum": ids},
            "with": {"description": "The plugin's configuration."},
            "severity": {
                "description": "It is told of nothing less serious.",
                "default": "info",
                "enum": keys::SEVERITY.map(|(word, _)| word),
            },
            "rules": {"description": "It is told of these rules alone; `*` and `?` stand for anything.", "$ref": "#/$defs/patterns"},
            "tools": {"description": "It is told of calls of these tools alone.", "$ref": "#/$defs/patterns"},
            "format": {
                "description": "The format of the documents it sends, where it sends any.",
                "default": "native",
                "enum": Format::WORDS.map(|(word, _)| word),
            },
            "group": {
                "description": "When a flood is summed up as one event.",
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "after": {
                        "description": "So many events of a window are told one by one; 0: all. The default is 5 for sinks that people read, else 0.",
                        "type": "integer", "minimum": 0, "maximum": 1000,
                    },
                    "seconds": {"description": "The window's length.", "default": 60, "type": "integer", "minimum": 1, "maximum": 3600},
                },
            },
            "actions": {
                "description": "What it is told of.",
                "default": [Action::Alert],
                "anyOf": [
                    {"enum": Action::ALL},
                    {"type": "array", "minItems": 1, "items": {"enum": Action::ALL}},
                ],
            },
        },
        "allOf": each,
    })
}

/// A detection rule, as the type that its maker gets says it, with the reader's liberties: a single text is a list of one.
fn detection() -> Value {
    let mut schema = schemars::schema_for!(DetectionRule).to_value();
    relocate(&mut schema, "#/$defs/detection");
    let texts = json!({"type": ["string", "number", "boolean"]});
    for place in ["/properties", "/$defs/Allow/properties"] {
        let Some(Value::Object(properties)) = schema.pointer_mut(place) else { continue };
        for (name, property) in properties {
            let Value::Object(members) = property else { continue };
            let kind = match name.as_str() {
                "id" | "pattern" => json!(["string", "number", "boolean"]),
                "summary" | "why" | "leaked" => json!(["string", "number", "boolean", "null"]),
                "secret_group" => json!("integer"),
                "entropy" => json!("number"),
                "allow" => json!(["array", "object", "null"]),
                "near" | "values" | "keywords" | "examples" | "negatives" | "patterns" | "words" => {
                    members.insert("items".to_owned(), texts.clone());
                    json!(["array", "string", "number", "boolean", "null"])
                }
                _ => continue,
            };
            members.insert("type".to_owned(), kind);
            // One allowance may stand alone, and is then what an element would be.
            if name == "allow"
                && let Some(one) = members.get("items").and_then(|items| items.get("$ref")).cloned()
            {
                members.insert("if".to_owned(), json!({"type": "object"}));
                members.insert("then".to_owned(), json!({"$ref": one}));
            }
        }
    }
    if let Value::Object(members) = &mut schema {
        for of_the_document in ["$schema", "$id", "title"] {
            members.shift_remove(of_the_document);
        }
    }
    schema
}

fn patterns() -> Value {
    let scalar = json!({"type": ["string", "number", "boolean"]});
    json!({"anyOf": [scalar, {"type": "array", "minItems": 1, "items": scalar}]})
}

/// The configuration of a matcher, detector or sink. Left blank in YAML, it is an empty mapping.
fn options(entry: &Entry, installed: &dyn Fn(Kind, &str) -> Option<Item>) -> Value {
    let (given, summary) = match (entry.linked(), installed(entry.kind(), entry.id())) {
        (Some(linked), _) => (Some((linked.schema)().to_value()), None),
        (None, Some(item)) => (Some(item.schema), Some(item.summary)),
        (None, None) => (None, None),
    };
    // A manifest without a schema holds `null` there.
    let Some(mut options) = given.filter(|schema| !schema.is_null()) else { return json!(true) };
    if let (Some(summary), Value::Object(members)) = (summary, &mut options) {
        members.entry("description").or_insert_with(|| summary.into());
    }
    let place = format!("#/$defs/{}", definition(entry.kind(), entry.id()));
    relocate(&mut options, &place);
    let Value::Object(members) = &mut options else { return options };
    for of_the_document in ["$schema", "$id", "title"] {
        members.shift_remove(of_the_document);
    }
    if !wants_options(&options)
        && let Some(kind) = options.get_mut("type").filter(|kind| *kind == "object")
    {
        *kind = json!(["object", "null"]);
    }
    options
}

/// Whether a configuration has a compulsory member, so that it cannot be left out.
fn wants_options(schema: &Value) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|required| !required.is_empty())
}

/// Makes the references inside a schema that was a document of its own fit the place it has now.
fn relocate(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(reference) if name == "$ref" => {
                        if let Some(inside) = reference.strip_prefix('#') {
                            *reference = format!("{place}{inside}");
                        }
                    }
                    // What stands there is data.
                    _ if ["const", "enum", "default", "examples"].contains(&name.as_str()) => {}
                    _ => relocate(value, place),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| relocate(item, place)),
        _ => {}
    }
}

fn definition(kind: Kind, id: &str) -> String {
    format!("{}.{id}", kind.as_str())
}

fn reference(entry: &Entry) -> String {
    format!("#/$defs/{}", definition(entry.kind(), entry.id()))
}

fn summary(entry: &Entry) -> String {
    // What an installed one does is in the description of its own schema.
    match entry.meta() {
        Some(meta) => meta.summary.to_owned(),
        None => format!("from the {}", entry.origin()),
    }
}

fn described_by(entry: &Entry) -> Value {
    described(&reference(entry), &summary(entry))
}

fn described(reference: &str, description: &str) -> Value {
    json!({"description": description, "$ref": reference})
}

/// A text as the reader takes it: a number counts as it is spelled.
fn text(description: &str, default: Option<&str>) -> Value {
    let mut schema = json!({"description": description, "type": ["string", "number", "boolean"]});
    if let (Some(default), Some(members)) = (default, schema.as_object_mut()) {
        members.insert("default".to_owned(), default.into());
    }
    schema
}

fn optional_text(description: &str) -> Value {
    json!({"description": description, "type": ["string", "number", "boolean", "null"]})
}

fn name(description: &str) -> Value {
    json!({"description": description, "type": ["string", "number", "boolean"], "pattern": "\\S"})
}

fn action(description: &str, possible: &[Action], default: Action) -> Value {
    words(description, possible.iter().rev().map(|action| action.as_str()), default.as_str())
}

fn mode(description: &str) -> Value {
    words(description, keys::MODE_WORDS.iter().map(|(word, _)| *word), "enforce")
}

fn words<'w>(description: &str, words: impl Iterator<Item = &'w str>, default: &str) -> Value {
    json!({"description": description, "enum": words.collect::<Vec<_>>(), "default": default})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry() -> Registry {
        agentfirewall_plugins::link();
        Registry::from_linked().unwrap()
    }

    fn keys_of<'s>(schema: &'s Value, pointer: &str) -> Vec<&'s str> {
        let properties = schema.pointer(pointer).and_then(Value::as_object).unwrap();
        let mut keys: Vec<_> = properties.keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    fn sorted<'k>(keys: &[&'k str]) -> Vec<&'k str> {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_readers_keys_are_the_schemas_keys() {
        let registry = registry();
        let schema = schema(&registry, &|_, _| None);
        for (pointer, known) in [
            ("/properties", keys::POLICY),
            ("/properties/ask/properties", keys::ASK),
            ("/properties/secrets/properties", keys::SECRETS),
            ("/$defs/rule/properties", keys::RULE),
            ("/$defs/sink/properties", keys::SINK),
            ("/$defs/detection/properties", keys::DETECTION_RULE),
            ("/$defs/detection/$defs/Allow/properties", keys::ALLOW),
            ("/$defs/sink/properties/group/properties", keys::GROUP),
        ] {
            assert_eq!(keys_of(&schema, pointer), sorted(known), "{pointer}");
        }
        let detectors = schema.pointer("/properties/detectors/properties").unwrap().as_object().unwrap();
        assert_eq!(detectors.len(), registry.of(Kind::Detector).count());
        for detector in detectors.values() {
            assert_eq!(keys_of(detector, "/properties"), sorted(keys::DETECTOR));
        }
        let mut conditions: Vec<_> = registry.of(Kind::Matcher).map(Entry::id).collect();
        conditions.extend(keys::CONDITION);
        assert_eq!(keys_of(&schema, "/$defs/condition/properties"), sorted(&conditions));
        for key in keys::NOT_IN_PROJECT {
            let told = schema.pointer(&format!("/properties/{key}/description")).unwrap().as_str().unwrap();
            assert!(told.ends_with(NO_PROJECT), "{key}: {told}");
        }
    }

    #[test]
    fn every_property_has_a_description() {
        fn walk(value: &Value, path: &str, missing: &mut Vec<String>) {
            match value {
                Value::Object(members) => {
                    for (name, inner) in members {
                        let here = format!("{path}/{name}");
                        if name == "properties" && !path.contains("/if") && !path.contains("/then") {
                            for (key, schema) in inner.as_object().into_iter().flatten() {
                                if schema.get("description").is_none() {
                                    missing.push(format!("{here}/{key}"));
                                }
                            }
                        }
                        walk(inner, &here, missing);
                    }
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, path, missing)),
                _ => {}
            }
        }
        let mut missing = Vec::new();
        let mut schema = schema(&registry(), &|_, _| None);
        // The authors of plugins describe their own options.
        let definitions = schema.get_mut("$defs").and_then(Value::as_object_mut).unwrap();
        definitions.retain(|name, _| !name.contains('.'));
        walk(&schema, "", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn references_move_with_their_schema_and_data_stays() {
        let mut schema = json!({
            "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#"}, "c": {"$ref": "https://x/y"}},
            "default": {"$ref": "#/data"},
            "$defs": {"A": {"type": "string"}},
        });
        relocate(&mut schema, "#/$defs/sink.x");
        assert_eq!(schema.pointer("/properties/a/$ref"), Some(&json!("#/$defs/sink.x/$defs/A")));
        assert_eq!(schema.pointer("/properties/b/$ref"), Some(&json!("#/$defs/sink.x")));
        assert_eq!(schema.pointer("/properties/c/$ref"), Some(&json!("https://x/y")));
        assert_eq!(schema.pointer("/default/$ref"), Some(&json!("#/data")));
    }
}
