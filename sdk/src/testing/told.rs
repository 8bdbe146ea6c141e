//! Examples that write down more than a text: a whole call, or a part and what is known of it.

use serde_json::{Map, Value, json};

use crate::{Access, CommandFact, Fact, HostFact, PartKind, PathFact, ToolCall};

/// What an example writes down beside a text.
#[derive(Debug)]
pub(super) enum Told {
    /// The call as a whole.
    Call(ToolCall),
    /// One part with its fact.
    Part(Box<Part>),
}

/// A part of a call with what is known of it.
#[derive(Debug)]
pub(super) struct Part {
    pub call: ToolCall,
    pub kind: PartKind,
    pub access: Access,
    pub text: String,
    pub fact: Fact,
}

/// What an example is, if it is more than a text.
pub(super) fn of(text: &str) -> Option<Told> {
    if !text.starts_with('{') {
        return None;
    }
    let members: Map<String, Value> = serde_json::from_str(text).ok()?;
    match members.contains_key("tool") {
        true => whole_call(members).map(Told::Call),
        false => part(members).map(|part| Told::Part(Box::new(part))),
    }
}

/// An object with `tool`, `input` and whatever else a call has.
fn whole_call(members: Map<String, Value>) -> Option<ToolCall> {
    let tool = members.get("tool")?.as_str()?;
    let input = members.get("input").filter(|input| input.is_object())?;
    let mut whole = serde_json::to_value(ToolCall::new(tool, input.clone())).ok()?;
    whole.as_object_mut()?.extend(members);
    serde_json::from_value(whole).ok()
}

/// `{"command": FACT}`, `{"path": FACT}`, `{"host": FACT}` or `{"effect": ID, "detail": TEXT, "by": {...}}`, and beside
/// it `access`, `text` and `call`, where they are not what follows from the fact.
fn part(mut members: Map<String, Value>) -> Option<Part> {
    let access = match members.remove("access").as_ref().map(Value::as_str) {
        None => Access::Unknown,
        Some(Some("read")) => Access::Read,
        Some(Some("write")) => Access::Write,
        Some(Some("delete")) => Access::Delete,
        Some(Some("execute")) => Access::Execute,
        Some(_) => return None,
    };
    let text = match members.remove("text") {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return None,
    };
    let call = match members.remove("call") {
        None => None,
        Some(Value::Object(call)) => Some(whole_call(call)?),
        Some(_) => return None,
    };
    let (kind, own_text, fact) = if let Some(id) = members.remove("effect") {
        let detail = members
            .remove("detail")
            .map_or(Some(String::new()), |detail| detail.as_str().map(str::to_owned))?;
        let by = members.remove("by").map(serde_json::from_value).transpose().ok()?;
        (PartKind::Effect, id.as_str()?.to_owned(), Fact::Effect { detail, by })
    } else if let Some(fact) = members.remove("command") {
        let fact: CommandFact = serde_json::from_value(fact).ok()?;
        (PartKind::Command, fact.argv.join(" "), Fact::Command(fact))
    } else if let Some(fact) = members.remove("path") {
        let fact: PathFact = serde_json::from_value(fact).ok()?;
        (PartKind::Path, fact.lexical.to_str()?.to_owned(), Fact::Path(fact))
    } else {
        let fact: HostFact = serde_json::from_value(members.remove("host")?).ok()?;
        (PartKind::Host, fact.host.clone(), Fact::Host(fact))
    };
    if !members.is_empty() {
        return None;
    }
    let text = text.unwrap_or(own_text);
    let call = call.unwrap_or_else(|| match kind {
        PartKind::Path => ToolCall::new("Write", json!({"file_path": text, "content": ""})),
        PartKind::Host => ToolCall::new("WebFetch", json!({"url": text})),
        _ => ToolCall::new("Bash", json!({"command": text})),
    });
    Some(Part { call, kind, access, text, fact })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_can_be_a_part_with_its_fact() {
        let part = |text: &str| match of(text) {
            Some(Told::Part(part)) => part,
            other => panic!("{other:?}"),
        };
        let command = part(r#"{"command": {"program": "rm", "argv": ["rm", "-r", "x"]}}"#);
        assert_eq!((command.kind, command.text.as_str()), (PartKind::Command, "rm -r x"));
        let path = part(
            r#"{"path": {"lexical": "/p/x"}, "access": "delete", "call": {"tool": "Bash", "input": {}, "project": "/p"}}"#,
        );
        assert_eq!((path.access, path.call.project.to_str()), (Access::Delete, Some("/p")));
        assert_eq!(part(r#"{"host": {"host": "a.example", "direction": "send"}}"#).kind, PartKind::Host);
        let effect = part(r#"{"effect": "git.discard", "by": {"command": {"program": "git"}}}"#);
        assert!(matches!(effect.fact, Fact::Effect { by: Some(_), .. }));
        assert_eq!(effect.text, "git.discard");
    }

    #[test]
    fn what_is_neither_is_a_text() {
        for text in [
            "{}",
            "{",
            r#"{"tool": "Bash"}"#,
            r#"{"command": "ls"}"#,
            r#"{"path": {}, "access": "other"}"#,
            r#"{"host": {}, "more": 1}"#,
        ] {
            assert!(of(text).is_none(), "{text}");
        }
    }
}
