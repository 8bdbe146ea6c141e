//! The client's own checks of a settings file, all at once: what voids the file, what only costs an entry.
//!
//! The rule behind the harshness, in the client's words: a PreToolUse hook that cannot be loaded may be what guards the
//! permissions declared beside it, so nothing it sits in is applied.

use std::collections::HashSet;

use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::common::Ranged;

use super::schema::{self, Type};
use super::tree::{Effect, Problem, Settings, get, kind, problem_at, property, range, text_at};

/// Events whose hooks guard: one invalid entry voids the file.
const GUARDS: [&str; 2] = ["PreToolUse", "PermissionRequest"];

/// Every event of the client (2.1.330); an unknown one is dropped with a warning.
pub(crate) const CLIENT_EVENTS: [&str; 33] = [
    "PreToolUse",
    "PostToolUse",
    "PostToolUseFailure",
    "PostToolBatch",
    "Notification",
    "UserPromptSubmit",
    "UserPromptExpansion",
    "SessionStart",
    "SessionEnd",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "PreModelSwitch",
    "PostModelSwitch",
    "PermissionRequest",
    "PermissionDenied",
    "Setup",
    "TeammateIdle",
    "TaskCreated",
    "TaskCompleted",
    "Elicitation",
    "ElicitationResult",
    "ConfigChange",
    "WorktreeCreate",
    "WorktreeRemove",
    "InstructionsLoaded",
    "CwdChanged",
    "FileChanged",
    "DirectoryAdded",
    "MessageDisplay",
];

/// Top-level keys under which the client does not look for stray hooks.
const NOT_SEARCHED: [&str; 10] = [
    "hooks",
    "mcpServers",
    "managedMcpServers",
    "lspServers",
    "pluginConfigs",
    "enabledPlugins",
    "extraKnownMarketplaces",
    "env",
    "skillOverrides",
    "modelSettings",
];

struct Checker<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

/// Every problem of a file that is JSON.
pub(super) fn check(settings: &Settings<'_>) -> Vec<Problem> {
    let mut checker = Checker { text: &settings.text, problems: Vec::new() };
    let Some(root) = settings.root() else { return Vec::new() };
    checker.duplicates(&root);
    match &root {
        Value::Object(root) => checker.root(root),
        other => checker.add(
            other,
            Effect::VoidsFile,
            format!("the settings are {}", kind(other)),
            "write `{ ... }`",
        ),
    }
    checker.problems
}

impl Checker<'_> {
    fn add(&mut self, at: &Value<'_>, effect: Effect, message: String, advice: &str) {
        self.problems.push(problem_at(self.text, range(at).start, effect, message, advice));
    }

    fn root(&mut self, root: &Object<'_>) {
        for field in &root.properties {
            let name = field.name.as_str();
            if let Some(expected) = schema::top_level(name) {
                self.typed(name, &field.value, expected);
            }
            if GUARDS.contains(&name) && !is_nothing(&field.value)
                || !NOT_SEARCHED.contains(&name) && holds_guards(&field.value, 3)
            {
                self.problems.push(problem_at(
                    self.text,
                    field.range().start,
                    Effect::VoidsFile,
                    format!("PreToolUse or PermissionRequest hooks stand outside `hooks`, in `{name}`"),
                    "move them under `hooks`",
                ));
            }
        }
        if let Some(Value::Object(permissions)) = get(root, "permissions") {
            for field in &permissions.properties {
                let name = field.name.as_str();
                if let Some(expected) = schema::permissions(name) {
                    self.typed(&format!("permissions.{name}"), &field.value, expected);
                }
            }
        }
        if let Some(line @ Value::Object(fields)) = get(root, "statusLine")
            && (text_at(fields, "type") != Some("command") || text_at(fields, "command").is_none())
        {
            let message = "`statusLine` must hold `type` `command` and a `command`".into();
            self.add(line, Effect::VoidsFile, message, "complete it or remove it");
        }
        match get(root, "hooks") {
            None => {}
            Some(Value::Object(hooks)) => self.hooks(hooks),
            Some(list @ Value::Array(entries))
                if entries.elements.iter().any(|entry| entry.as_object().is_some()) =>
            {
                self.add(
                    list,
                    Effect::VoidsFile,
                    "`hooks` is a list; it must be an object of event names".into(),
                    "write `\"hooks\": { \"PreToolUse\": [ ... ] }`",
                );
            }
            Some(other) => self.add(
                other,
                Effect::LosesEntry,
                format!("`hooks` is {}; it must be an object of event names", kind(other)),
                "write `\"hooks\": { ... }` or remove it",
            ),
        }
    }

    fn typed(&mut self, name: &str, value: &Value<'_>, expected: Type) {
        let strings = |list: &Array<'_>| list.elements.iter().all(|item| item.as_string_lit().is_some());
        let right = match (expected, value) {
            (Type::Boolean, Value::BooleanLit(_))
            | (Type::Text, Value::StringLit(_))
            | (Type::List, Value::Array(_))
            | (Type::Object, Value::Object(_)) => true,
            (Type::Texts, Value::Array(list)) => strings(list),
            (Type::Positive, Value::NumberLit(number)) => {
                number.value.parse::<f64>().is_ok_and(|number| number > 0.0 && number.fract() == 0.0)
            }
            (Type::OneOf(words), Value::StringLit(word)) => words.contains(&word.value.as_ref()),
            _ => false,
        };
        if !right {
            let message = format!("`{name}` must be {}", expected.describe());
            self.add(value, Effect::VoidsFile, message, "correct the value or remove the field");
        }
    }

    fn hooks(&mut self, hooks: &Object<'_>) {
        if is_matcher_group(hooks) {
            self.problems.push(problem_at(
                self.text,
                hooks.range.start,
                Effect::VoidsFile,
                "`hooks` holds a matcher group where event names belong".into(),
                "put the group into a list under its event: `\"PreToolUse\": [ { ... } ]`",
            ));
            return;
        }
        for event in &hooks.properties {
            let name = event.name.as_str();
            let guards = GUARDS.contains(&name);
            if !CLIENT_EVENTS.contains(&name) {
                let stray = holds_guards(&event.value, 3);
                let effect = if stray { Effect::VoidsFile } else { Effect::LosesEntry };
                let message = format!("`{name}` is not an event of the client");
                self.add(&event.value, effect, message, "correct the name; upper and lower case count");
                continue;
            }
            let Value::Array(groups) = &event.value else {
                let null = matches!(event.value, Value::NullKeyword(_));
                let voids = guards && !null || holds_guards(&event.value, 3);
                let effect = if voids { Effect::VoidsFile } else { Effect::LosesEntry };
                let message =
                    format!("`{name}` is {}; it must be a list of matcher groups", kind(&event.value));
                self.add(&event.value, effect, message, "write `[ { \"hooks\": [ ... ] } ]`");
                continue;
            };
            let effect = if guards { Effect::VoidsFile } else { Effect::LosesEntry };
            for group in &groups.elements {
                self.group(name, group, effect);
            }
        }
    }

    fn group(&mut self, event: &str, group: &Value<'_>, effect: Effect) {
        let Value::Object(object) = group else {
            let message = format!("a matcher group of `{event}` is {}", kind(group));
            return self.add(group, effect, message, "write `{ \"hooks\": [ ... ] }`");
        };
        if let Some(matcher) = get(object, "matcher")
            && matcher.as_string_lit().is_none()
        {
            let message = format!("`matcher` is {}; it must be a string", kind(matcher));
            self.add(matcher, effect, message, "write `\"*\"` or leave it out");
        }
        match get(object, "hooks") {
            Some(Value::Array(handlers)) => {
                for handler in &handlers.elements {
                    self.handler(event, handler, effect);
                }
            }
            Some(other) => {
                let message = format!("`hooks` of a matcher group of `{event}` is {}", kind(other));
                self.add(other, effect, message, "write a list of handlers");
            }
            None => self.add(
                group,
                effect,
                format!("a matcher group of `{event}` has no `hooks`"),
                "wrap the handler: `{ \"hooks\": [ { \"type\": \"command\", ... } ] }`",
            ),
        }
    }

    fn handler(&mut self, event: &str, handler: &Value<'_>, effect: Effect) {
        let Value::Object(object) = handler else {
            let message = format!("a handler of `{event}` is {}", kind(handler));
            return self.add(handler, effect, message, "write `{ \"type\": \"command\", \"command\": ... }`");
        };
        let Some(which) = text_at(object, "type") else {
            let message = format!("a handler of `{event}` has no `type`");
            return self.add(handler, effect, message, "add `\"type\": \"command\"`");
        };
        let Some(required) = required_fields(which) else {
            let message = format!("`{which}` is not a type of handler");
            return self.add(handler, effect, message, "use command, http, mcp_tool, prompt or agent");
        };
        for field in required {
            if property(object, field).is_none() {
                let message = format!("a `{which}` handler of `{event}` has no `{field}`");
                self.add(handler, effect, message, "add it");
            }
        }
        for field in &object.properties {
            let name = field.name.as_str();
            if let Some((expected, right)) = handler_field(which, name, &field.value)
                && !right
            {
                let message = format!("`{name}` of a `{which}` handler must be {expected}");
                self.add(&field.value, effect, message, "correct the value or remove the field");
            }
        }
    }

    /// `JSON.parse` silently takes the last of two equal keys, so a file with them does something else than it shows.
    fn duplicates(&mut self, value: &Value<'_>) {
        match value {
            Value::Object(object) => {
                let mut seen = HashSet::new();
                for field in &object.properties {
                    if !seen.insert(field.name.as_str()) {
                        self.problems.push(problem_at(
                            self.text,
                            field.range().start,
                            Effect::BlocksEditing,
                            format!(
                                "`{}` stands here a second time; the client uses only the last",
                                field.name.as_str()
                            ),
                            "remove or merge the duplicate",
                        ));
                    }
                    self.duplicates(&field.value);
                }
            }
            Value::Array(array) => array.elements.iter().for_each(|item| self.duplicates(item)),
            _ => {}
        }
    }
}

fn required_fields(handler: &str) -> Option<&'static [&'static str]> {
    Some(match handler {
        "command" => &["command"],
        "http" => &["url"],
        "mcp_tool" => &["server", "tool"],
        "prompt" | "agent" => &["prompt"],
        _ => return None,
    })
}

/// What a handler's field must be, and whether it is. None: the client does not look at it.
fn handler_field(handler: &str, name: &str, value: &Value<'_>) -> Option<(&'static str, bool)> {
    let text = value.as_string_lit().map(|text| text.value.as_ref());
    let is_text = ("a string", text.is_some());
    let is_boolean = ("true or false", value.as_boolean_lit().is_some());
    let texts = |value: &Value<'_>| {
        value.as_array().is_some_and(|list| list.elements.iter().all(|item| item.as_string_lit().is_some()))
    };
    Some(match (handler, name) {
        (_, "if" | "statusMessage") => is_text,
        (_, "once") => is_boolean,
        (_, "timeout") => (
            "a number of seconds above 0",
            value
                .as_number_lit()
                .is_some_and(|number| number.value.parse::<f64>().is_ok_and(|seconds| seconds > 0.0)),
        ),
        ("command" | "http", "onFailure") => {
            ("`block` or `continue`", matches!(text, Some("block" | "continue")))
        }
        ("command", "command") | ("mcp_tool", "server" | "tool") => is_text,
        ("prompt" | "agent", "prompt" | "model") => is_text,
        ("prompt", "continueOnBlock") => is_boolean,
        ("command", "args") | ("http", "allowedEnvVars") => ("a list of strings", texts(value)),
        ("command", "shell") => ("`bash` or `powershell`", matches!(text, Some("bash" | "powershell"))),
        ("command", "async" | "asyncRewake") => is_boolean,
        ("http", "url") => ("a URL", text.is_some_and(is_url)),
        ("http", "headers") => (
            "an object of strings",
            value.as_object().is_some_and(|headers| {
                headers.properties.iter().all(|header| header.value.as_string_lit().is_some())
            }),
        ),
        ("mcp_tool", "input") => ("an object", value.as_object().is_some()),
        _ => return None,
    })
}

fn is_url(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.trim_start_matches('/').is_empty()
    })
}

fn is_nothing(value: &Value<'_>) -> bool {
    match value {
        Value::NullKeyword(_) => true,
        Value::Array(list) => list.elements.is_empty(),
        _ => false,
    }
}

/// A matcher group standing where something else belongs.
fn is_matcher_group(object: &Object<'_>) -> bool {
    let matcher = property(object, "matcher").is_some();
    if !matcher && object.properties.iter().any(|field| CLIENT_EVENTS.contains(&field.name.as_str())) {
        return false;
    }
    match get(object, "hooks") {
        Some(Value::Array(list)) => !list.elements.is_empty(),
        Some(Value::Object(inner)) => matcher || text_at(inner, "type").is_some(),
        _ => false,
    }
}

/// Whether guarding hooks hide in a value, as deep as the client looks.
fn holds_guards(value: &Value<'_>, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return value.as_object().is_some_and(names_guard);
    };
    match value {
        Value::Object(object) => {
            names_guard(object) || object.properties.iter().any(|field| holds_guards(&field.value, depth))
        }
        Value::Array(list) => list.elements.iter().any(|item| holds_guards(item, depth)),
        _ => false,
    }
}

fn names_guard(object: &Object<'_>) -> bool {
    object.properties.iter().any(|field| GUARDS.contains(&field.name.as_str()) && !is_nothing(&field.value))
}
