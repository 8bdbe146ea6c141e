//! The subject a record is published under.

use agentfirewall_sdk::{Action, Event};

/// A subject with `{action}` and `{chain}` in it.
///
/// Nothing else can be put in: the rest of a record is written by a model, and a subject decides who reads a message.
pub(crate) struct Template(String);

impl Template {
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let template = Self(text.to_owned());
        // As good as any real event: actions and chains are of letters and digits alone.
        let subject = template.fill("deny", "0");
        let wrong = |why| Err(format!("`subject`: `{text}` {why}"));
        if subject.contains(['{', '}']) {
            return wrong("has a placeholder other than `{action}` and `{chain}`");
        }
        if subject.contains(['*', '>']) {
            return wrong("has a wildcard: only who listens may use one");
        }
        if subject.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return wrong("has white space in it");
        }
        if subject.split('.').any(str::is_empty) {
            return wrong("has an empty part");
        }
        if subject.starts_with('$') {
            return wrong("begins with `$`, which is for the server itself");
        }
        Ok(template)
    }

    pub(crate) fn of(&self, event: &Event) -> String {
        self.fill(event.action.as_str(), &event.chain)
    }

    /// The subjects of records with an action, for a check; the chain is not known there.
    pub(crate) fn of_action(&self, action: Action) -> String {
        self.fill(action.as_str(), "0")
    }

    fn fill(&self, action: &str, chain: &str) -> String {
        self.0.replace("{action}", action).replace("{chain}", chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_filled_from_the_event() {
        let event = Event::new("id", "c0ffee", 7, Action::Deny, serde_json::json!({}));
        let template = Template::new("audit.{chain}.{action}").unwrap();
        assert_eq!(template.of(&event), "audit.c0ffee.deny");
        assert_eq!(Template::new("audit").unwrap().of(&event), "audit");
    }

    #[test]
    fn what_no_server_would_take_is_refused() {
        for text in ["", "a..b", ".a", "a.", "a b", "a.*", "a.>", "$SYS.a", "a.{tool}", "a.{action", "a\n"] {
            assert!(Template::new(text).is_err(), "{text}");
        }
    }
}
