//! Which events a sink is told of, and in which shape. A policy says so for every sink alike, whoever wrote the plugin.

use agentfirewall_sdk::{Action, Event, Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::Entry;

/// Which events a sink is told of: those for which every condition holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// What was decided is one of these.
    pub actions: Vec<Action>,
    /// It is at least so serious; see [`Event::severity`].
    pub severity: Severity,
    /// The rule that decided is one of these, with `*` and `?`; none means all.
    pub rules: Vec<String>,
    /// The tool is one of these, with `*` and `?`; none means all.
    pub tools: Vec<String>,
}

impl Default for Filter {
    fn default() -> Self {
        Self { actions: vec![Action::Alert], severity: Severity::Info, rules: Vec::new(), tools: Vec::new() }
    }
}

impl Filter {
    /// Events with these actions, whatever they are about.
    pub fn of(actions: Vec<Action>) -> Self {
        Self { actions, ..Self::default() }
    }

    /// Whether an event that is about to be recorded is wanted. Nearly every call ends with the first question.
    pub fn wants_entry(&self, entry: &Entry<'_>) -> bool {
        self.actions.contains(&entry.action)
            && (self.severity == Severity::Info || {
                let found = entry.findings.iter().map(|located| located.finding.severity);
                found.fold(entry.action.severity(), Severity::max) >= self.severity
            })
            && any(&self.rules, entry.rule.map_or("", |rule| rule.name.as_str()))
            && any(&self.tools, entry.tool)
    }

    /// Whether an event of the log is wanted.
    pub(super) fn wants(&self, event: &Event) -> bool {
        let text = |pointer: &str| event.record.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        self.actions.contains(&event.action)
            && (self.severity == Severity::Info || event.severity() >= self.severity)
            && any(&self.rules, text("/rule/name"))
            && any(&self.tools, text("/tool_name"))
    }
}

fn any(patterns: &[String], text: &str) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern.as_bytes(), text.as_bytes()))
}

/// Whether a text is what a pattern with `*` and `?` says. Goes back to the last star alone, so it takes no longer than
/// the product of both lengths.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(want) if *want == b'?' || want == byte => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// When a flood is summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// So many events of a window are told one by one; 0: all.
    pub after: u32,
    /// The window's length in seconds. What else happens in it is told at its end, as one event.
    pub seconds: u32,
}

impl Group {
    /// What a sink that people read gets if the policy says nothing.
    pub const PEOPLE: Self = Self { after: 5, seconds: 60 };
    /// Every event by itself.
    pub const NEVER: Self = Self { after: 0, seconds: 0 };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::EventType;
    use agentfirewall_sdk::RuleRef;
    use jiff::Timestamp;
    use serde_json::json;

    #[test]
    fn patterns_are_whole_texts_with_stars() {
        for (pattern, text) in [
            ("*", ""),
            ("Bash", "Bash"),
            ("mcp__*", "mcp__a__b"),
            ("*-push", "no-force-push"),
            ("a?c*", "abc"),
            ("*a*b*", "xaxbx"),
        ] {
            assert!(fits(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("Bash", "bash"), ("Bas", "Bash"), ("?", ""), ("*a*b", "ba"), ("a*", "ba")]
        {
            assert!(!fits(pattern.as_bytes(), text.as_bytes()), "{pattern} {text}");
        }
    }

    #[test]
    fn the_hook_and_the_delivery_want_the_same() {
        let rule = RuleRef::new("user", "no-force-push", 3);
        let cases = [
            (Filter::of(vec![Action::Deny]), true),
            (Filter::of(vec![Action::Alert]), false),
            (Filter { severity: Severity::High, ..Filter::of(vec![Action::Deny]) }, true),
            (Filter { severity: Severity::Critical, ..Filter::of(vec![Action::Deny]) }, false),
            (
                Filter { rules: vec!["x".to_owned(), "*push".to_owned()], ..Filter::of(vec![Action::Deny]) },
                true,
            ),
            (Filter { rules: vec!["push".to_owned()], ..Filter::of(vec![Action::Deny]) }, false),
            (Filter { tools: vec!["Bash".to_owned()], ..Filter::of(vec![Action::Deny]) }, true),
            (Filter { tools: vec!["mcp__*".to_owned()], ..Filter::of(vec![Action::Deny]) }, false),
        ];
        let entry = Entry {
            action: Action::Deny,
            tool: "Bash",
            rule: Some(&rule),
            ..Entry::new(EventType::PolicyCheck, Timestamp::UNIX_EPOCH)
        };
        let record = json!({"tool_name": "Bash", "rule": {"name": "no-force-push"}});
        let event = Event::new("id", "chain", 1, Action::Deny, record);
        for (filter, wanted) in cases {
            assert_eq!((filter.wants_entry(&entry), filter.wants(&event)), (wanted, wanted), "{filter:?}");
        }
    }
}
