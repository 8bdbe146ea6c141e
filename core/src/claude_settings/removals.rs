//! Which ranges of a settings file go when our hooks and permission rules are taken out.

use jsonc_parser::ast::{Array, Value};
use jsonc_parser::common::Ranged;

use super::surgery::{Edit, remove};
use super::tree::{array_at, object_at};

/// The edits that take out handlers and permission rules, how many handlers there are, and which rules were found.
pub(super) fn removals(
    root: Option<&Value<'_>>,
    goes: &dyn Fn(&Value<'_>) -> bool,
    rules: &[String],
    created: &dyn Fn(&str) -> bool,
) -> (Vec<Edit>, usize, Vec<String>) {
    let Some(Value::Object(root)) = root else { return Default::default() };
    let mut edits = Vec::new();
    let mut handlers = 0;
    let mut dying = Vec::new();
    if let Some(hooks) = object_at(root, "hooks") {
        let mut events = Vec::new();
        for event in &hooks.properties {
            let before = handlers;
            let empty = event.value.as_array().is_some_and(|groups| {
                let (inner, found, empty) = group_removals(groups, goes);
                handlers += found;
                let dies = empty && created(&format!("hooks.{}", event.name.as_str()));
                if !dies {
                    edits.extend(inner);
                }
                dies
            });
            events.push((event.range(), empty && handlers > before));
        }
        if !events.is_empty() && events.iter().all(|(_, dies)| *dies) && created("hooks") {
            dying.push("hooks");
            edits.clear();
        } else if events.iter().any(|(_, dies)| *dies) {
            edits.extend(remove(hooks.range, &events));
        }
    }
    let mut found = Vec::new();
    if let Some(permissions) = object_at(root, "permissions")
        && let Some(deny) = array_at(permissions, "deny")
    {
        let is_rule = |item: &Value<'_>| {
            item.as_string_lit()
                .filter(|text| rules.iter().any(|rule| *rule == text.value))
                .map(|t| t.value.to_string())
        };
        found = deny.elements.iter().filter_map(is_rule).collect();
        let items: Vec<_> =
            deny.elements.iter().map(|item| (item.range(), is_rule(item).is_some())).collect();
        if !found.is_empty() {
            let emptied = items.iter().all(|(_, goes)| *goes) && created("permissions.deny");
            if emptied && permissions.properties.len() == 1 && created("permissions") {
                dying.push("permissions");
            } else if emptied {
                let fields: Vec<_> = permissions
                    .properties
                    .iter()
                    .map(|field| (field.range(), field.name.as_str() == "deny"))
                    .collect();
                edits.extend(remove(permissions.range, &fields));
            } else {
                edits.extend(remove(deny.range, &items));
            }
        }
    }
    if !dying.is_empty() {
        let fields: Vec<_> = root
            .properties
            .iter()
            .map(|field| (field.range(), dying.contains(&field.name.as_str())))
            .collect();
        edits.extend(remove(root.range, &fields));
    }
    (edits, handlers, found)
}

/// For the groups of one event: the edits, how many handlers go, and whether nothing is left.
fn group_removals(groups: &Array<'_>, goes: &dyn Fn(&Value<'_>) -> bool) -> (Vec<Edit>, usize, bool) {
    let mut edits = Vec::new();
    let mut handlers = 0;
    let mut ranges = Vec::new();
    for group in &groups.elements {
        let list = group.as_object().and_then(|group| array_at(group, "hooks"));
        let items: Vec<_> = list
            .map(|list| list.elements.iter().map(|handler| (handler.range(), goes(handler))).collect())
            .unwrap_or_default();
        let found = items.iter().filter(|(_, goes)| *goes).count();
        handlers += found;
        let dies = found > 0 && found == items.len();
        if let Some(list) = list
            && found > 0
            && !dies
        {
            edits.extend(remove(list.range, &items));
        }
        ranges.push((group.range(), dies));
    }
    let empty = !ranges.is_empty() && ranges.iter().all(|(_, dies)| *dies);
    if ranges.iter().any(|(_, dies)| *dies) {
        edits.extend(remove(groups.range, &ranges));
    }
    (edits, handlers, empty)
}
