//! A flood told as one event, for sinks that people read.

use agentfirewall_sdk::{Action, Event};
use serde_json::{Map, Value, json};

/// How many rules a summary names.
const RULES: usize = 5;

/// The events of a window after the first few, as they are counted.
#[derive(Debug, Default)]
pub(super) struct Flood {
    count: u64,
    strictest: Option<Action>,
    actions: Map<String, Value>,
    rules: Map<String, Value>,
    first: Option<Event>,
    last: Option<Event>,
}

impl Flood {
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn add(&mut self, event: Event) {
        self.count += 1;
        self.strictest = self.strictest.max(Some(event.action));
        increase(&mut self.actions, event.action.as_str());
        if let Some(rule) = event.record.pointer("/rule/name").and_then(Value::as_str) {
            increase(&mut self.rules, rule);
        }
        if self.first.is_none() {
            self.first = Some(event);
        } else {
            self.last = Some(event);
        }
    }

    /// One event for all: the last one's hash is its key, since no event of that key was told before.
    pub(super) fn event(&self) -> Option<Event> {
        let first = self.first.as_ref()?;
        let Some(last) = self.last.as_ref() else { return Some(first.clone()) };
        let of = |event: &Event, member: &str| event.record.get(member).cloned().unwrap_or(Value::Null);
        let mut rules: Vec<(&String, u64)> =
            self.rules.iter().map(|(name, count)| (name, count.as_u64().unwrap_or_default())).collect();
        rules.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let more = rules.len().saturating_sub(RULES);
        let mut named: Vec<String> =
            rules.iter().take(RULES).map(|(name, count)| format!("{name} ({count})")).collect();
        if more > 0 {
            named.push(format!("{more} more rules"));
        }
        let actions: Vec<String> =
            self.actions.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let mut reason = format!("{} more events: {}", self.count, actions.join(", "));
        if !named.is_empty() {
            reason.push_str(&format!("; by {}", named.join(", ")));
        }
        let record = json!({
            "v": 1,
            "timestamp": of(last, "timestamp"),
            "event_type": "summary",
            "chain": last.chain,
            "seq": last.sequence,
            "action_taken": self.strictest,
            "reason": reason,
            "project": of(last, "project"),
            "metadata": {
                "count": self.count,
                "actions": self.actions,
                "rules": self.rules,
                "first": {"seq": first.sequence, "_hash": first.id, "timestamp": of(first, "timestamp")},
                "last": {"seq": last.sequence, "_hash": last.id, "timestamp": of(last, "timestamp")},
            },
        });
        let action = self.strictest.unwrap_or(last.action);
        let mut event = Event::new(last.id.clone(), last.chain.clone(), last.sequence, action, record);
        event.count = self.count;
        Some(event)
    }
}

fn increase(counts: &mut Map<String, Value>, name: &str) {
    let count = counts.get(name).and_then(Value::as_u64).unwrap_or_default() + 1;
    counts.insert(name.to_owned(), count.into());
}
