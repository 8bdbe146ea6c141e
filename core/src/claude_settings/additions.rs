//! Which edits put our hooks and permission rules into a settings file.

use std::path::Path;

use jsonc_parser::ast::{Array, Object, Value};
use jsonc_parser::common::{Range, Ranged};
use serde_json::{Value as Json, json};

use super::edit::{EditError, Request};
use super::style::{Style, indentation};
use super::surgery::{Edit, append, remove};
use super::tree::{array_at, get, property};
use super::wiring::{Handler, inspect, ours};
use super::{EVENTS, Event, TIMEOUT_SECONDS};

/// An installation in the making.
#[derive(Debug)]
pub(super) struct Additions<'t> {
    text: &'t str,
    style: Style,
    /// The edits.
    pub edits: Vec<Edit>,
    /// The containers that are made; see [`Record::created`](super::Record).
    pub created: Vec<String>,
    /// The permission rules that are added.
    pub deny_rules: Vec<String>,
}

/// Plans the edits that wire every event and add the permission rules.
pub(super) fn additions<'t>(
    text: &'t str,
    root: Option<&Value<'_>>,
    request: &Request<'_>,
) -> Result<Additions<'t>, EditError> {
    let mut additions = Additions {
        text,
        style: Style::of(text, root),
        edits: Vec::new(),
        created: Vec::new(),
        deny_rules: Vec::new(),
    };
    additions.install(root, request)?;
    Ok(additions)
}

impl Additions<'_> {
    fn install(&mut self, root: Option<&Value<'_>>, request: &Request<'_>) -> Result<(), EditError> {
        let rules = json!(request.deny_rules);
        let mut fields = Vec::new();
        let empty = Object { range: Range { start: 0, end: 0 }, properties: Vec::new() };
        let object = match root {
            None => &empty,
            Some(Value::Object(object)) => object,
            Some(_) => return Err(EditError::Internal("the root is no object")),
        };
        match property(object, "hooks") {
            None => {
                self.created.push("hooks".into());
                self.created.extend(EVENTS.iter().map(|event| format!("hooks.{}", event.name)));
                fields.push(("hooks", all_events(request)));
            }
            Some(hooks) => match &hooks.value {
                Value::Object(hooks) => self.hooks(hooks, request)?,
                // The client ignores null, an empty list and the like: nothing is lost with them.
                Value::NullKeyword(_) => self.replace(hooks.value.range(), &all_events(request)),
                Value::Array(list) if list.elements.is_empty() => {
                    self.replace(list.range, &all_events(request));
                }
                _ => return Err(EditError::ForeignList),
            },
        }
        if !request.deny_rules.is_empty() {
            match get(object, "permissions") {
                None => {
                    self.created.extend(["permissions".into(), "permissions.deny".into()]);
                    self.deny_rules = request.deny_rules.to_vec();
                    fields.push(("permissions", json!({ "deny": rules })));
                }
                Some(Value::Object(permissions)) => self.permissions(permissions, request),
                Some(_) => return Err(EditError::Internal("permissions is no object")),
            }
        }
        if root.is_none() {
            let style = &self.style;
            let object: serde_json::Map<String, Json> =
                fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let text = format!("{}{}", style.render(&Json::Object(object), ""), style.line(""));
            self.edits.push(Edit { start: 0, end: self.text.len(), insert: text });
        } else {
            self.append(
                object.range,
                &object.properties.iter().map(Ranged::range).collect::<Vec<_>>(),
                &fields,
            );
        }
        Ok(())
    }

    fn hooks(&mut self, hooks: &Object<'_>, request: &Request<'_>) -> Result<(), EditError> {
        let mut missing = Vec::new();
        for event in &EVENTS {
            match property(hooks, event.name) {
                None => {
                    self.created.push(format!("hooks.{}", event.name));
                    missing.push((event.name, json!([group(event, request)])));
                }
                Some(field) => match &field.value {
                    Value::Array(groups) => self.event(event, groups, request),
                    Value::NullKeyword(_) => {
                        self.replace(field.value.range(), &json!([group(event, request)]));
                    }
                    _ => return Err(EditError::Internal("an event is no list")),
                },
            }
        }
        let fields: Vec<_> = hooks.properties.iter().map(Ranged::range).collect();
        self.append(hooks.range, &fields, &missing);
        Ok(())
    }

    /// Wires one event: a hook at full strength stays as it is, one of ours that is not is written anew in its place.
    fn event(&mut self, event: &Event, groups: &Array<'_>, request: &Request<'_>) {
        let binary = Path::new(request.command);
        let full = |group: &Object<'_>, handler: &Value<'_>| {
            matches!(inspect(group, handler, event, Some(binary)),
                Handler::Ours { command, faults } if faults.is_empty() && command == request.command)
        };
        let mut kept = false;
        let mut replaced = false;
        let mut ranges = Vec::new();
        let mut inner = Vec::new();
        for element in &groups.elements {
            let list = element.as_object().and_then(|object| Some((object, array_at(object, "hooks")?)));
            let Some((object, list)) = list else {
                ranges.push((element.range(), false));
                continue;
            };
            let items: Vec<_> = list
                .elements
                .iter()
                .map(|handler| {
                    let stays = ours(handler, Some(binary)).is_none() || !kept && full(object, handler);
                    kept |= stays && full(object, handler);
                    (handler.range(), !stays)
                })
                .collect();
            let going = items.iter().filter(|(_, goes)| *goes).count();
            ranges.push((element.range(), going > 0 && going == items.len()));
            if going > 0 && going < items.len() {
                inner.extend(remove(list.range, &items));
            }
        }
        self.edits.extend(inner);
        if !kept && let Some((range, dies)) = ranges.iter_mut().find(|(_, dies)| *dies) {
            *dies = false;
            replaced = true;
            let range = *range;
            self.replace(range, &group(event, request));
        }
        if ranges.iter().any(|(_, dies)| *dies) {
            self.edits.extend(remove(groups.range, &ranges));
        }
        if !kept && !replaced {
            let items: Vec<_> = ranges.iter().map(|(range, _)| *range).collect();
            let style = &self.style;
            let new = |indent: &str| vec![style.render(&group(event, request), indent)];
            self.edits.push(append(self.text, style, groups.range, &items, &new));
        }
    }

    fn permissions(&mut self, permissions: &Object<'_>, request: &Request<'_>) {
        let Some(deny) = array_at(permissions, "deny") else {
            self.created.push("permissions.deny".into());
            self.deny_rules = request.deny_rules.to_vec();
            let fields: Vec<_> = permissions.properties.iter().map(Ranged::range).collect();
            return self.append(permissions.range, &fields, &[("deny", json!(request.deny_rules))]);
        };
        let has = |rule: &String| {
            deny.elements.iter().any(|item| item.as_string_lit().is_some_and(|text| text.value == *rule))
        };
        self.deny_rules = request.deny_rules.iter().filter(|rule| !has(rule)).cloned().collect();
        if self.deny_rules.is_empty() {
            return;
        }
        let items: Vec<_> = deny.elements.iter().map(Ranged::range).collect();
        let new =
            |_: &str| self.deny_rules.iter().map(|rule| Json::from(rule.as_str()).to_string()).collect();
        let edit = append(self.text, &self.style, deny.range, &items, &new);
        self.edits.push(edit);
    }

    fn append(&mut self, container: Range, items: &[Range], fields: &[(&str, Json)]) {
        if fields.is_empty() {
            return;
        }
        let style = &self.style;
        let new =
            |indent: &str| fields.iter().map(|(name, value)| style.field(name, value, indent)).collect();
        let edit = append(self.text, style, container, items, &new);
        self.edits.push(edit);
    }

    fn replace(&mut self, range: Range, value: &Json) {
        let indent = indentation(self.text, range.start);
        let insert = self.style.render(value, indent);
        self.edits.push(Edit { start: range.start, end: range.end, insert });
    }
}

fn all_events(request: &Request<'_>) -> Json {
    Json::Object(EVENTS.iter().map(|event| (event.name.to_owned(), json!([group(event, request)]))).collect())
}

/// Our matcher group for an event. `args` makes the client start the program itself, without a shell.
fn group(event: &Event, request: &Request<'_>) -> Json {
    let mut handler = json!({
        "type": "command",
        "command": request.command,
        "args": ["hook", event.argument],
        "timeout": TIMEOUT_SECONDS,
    });
    if event.blocks_on_failure
        && let Some(fields) = handler.as_object_mut()
    {
        fields.insert("onFailure".into(), "block".into());
    }
    if event.matches_tools {
        json!({ "matcher": "*", "hooks": [handler] })
    } else {
        json!({ "hooks": [handler] })
    }
}
