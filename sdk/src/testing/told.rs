//! Examples that write down more than a text: a whole call, or a part and what is known of it.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    Access, Action, CommandFact, Fact, History, HostFact, PartKind, PastCall, PathFact, PluginError, ToolCall,
};

/// What an example writes down beside a text.
#[derive(Debug)]
pub(super) enum Told {
    /// The call as a whole, and the calls before it.
    Call(Box<ToolCall>, Option<Past>),
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

/// The calls before an example's, which is made at the time 0.
#[derive(Debug)]
pub(super) struct Past(Vec<Before>);

/// A call before an example's. What is not given is as in the example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    seconds_ago: i64,
    #[serde(default)]
    tool: String,
    #[serde(default)]
    session: String,
    #[serde(default)]
    project: String,
    #[serde(default = "allowed")]
    action: Action,
}

const fn allowed() -> Action {
    Action::Allow
}

impl History for Past {
    fn now_ms(&self) -> i64 {
        0
    }

    fn recent(&self, newest_first: &mut dyn FnMut(&PastCall<'_>) -> bool) -> Result<(), PluginError> {
        for before in &self.0 {
            let mut call = PastCall::new(before.seconds_ago.saturating_mul(-1000), &before.tool);
            call.action = Some(before.action);
            call.session = &before.session;
            call.project = &before.project;
            if !newest_first(&call) {
                break;
            }
        }
        Ok(())
    }
}

/// Whether an example writes down calls before its own. They do not cross the border of a library.
pub(super) fn has_past(text: &str) -> bool {
    matches!(of(text), Some(Told::Call(_, Some(_))))
}

/// What an example is, if it is more than a text.
pub(super) fn of(text: &str) -> Option<Told> {
    if !text.starts_with('{') {
        return None;
    }
    let mut members: Map<String, Value> = serde_json::from_str(text).ok()?;
    if !members.contains_key("tool") {
        return part(members).map(|part| Told::Part(Box::new(part)));
    }
    let past = members.remove("past");
    let call = whole_call(members)?;
    let past = match past {
        None => None,
        Some(past) => {
            let mut past: Vec<Before> = serde_json::from_value(past).ok()?;
            let project = call.project.to_string_lossy();
            for before in &mut past {
                for (own, of_call) in [
                    (&mut before.tool, call.tool.as_str()),
                    (&mut before.session, call.session.as_str()),
                    (&mut before.project, project.as_ref()),
                ] {
                    if own.is_empty() {
                        of_call.clone_into(own);
                    }
                }
            }
            Some(Past(past))
        }
    };
    Some(Told::Call(Box::new(call), past))
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
