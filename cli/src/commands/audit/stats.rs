//! `agentfirewall audit stats`, and the counts that the report shows too.

use std::collections::BTreeMap;

use agentfirewall_core::audit::{View, scan};
use agentfirewall_sdk::Action;
use anstyle::Style;
use serde::Serialize;

use super::row::escaped;
use super::select::{Selection, bar};
use super::{failure, log_path};
use crate::args::AuditStatsArgs;
use crate::failure::{Exit, Failure};
use crate::ui::{Ui, style_of};

/// How wide the longest bar is, in characters.
const BAR: u64 = 40;

/// How many decisions there were of each action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Actions {
    pub(super) allow: u64,
    pub(super) log: u64,
    pub(super) alert: u64,
    pub(super) ask: u64,
    pub(super) deny: u64,
}

impl Actions {
    fn add(&mut self, action: Action) {
        match action {
            Action::Allow => self.allow += 1,
            Action::Log => self.log += 1,
            Action::Alert => self.alert += 1,
            Action::Ask => self.ask += 1,
            Action::Deny => self.deny += 1,
        }
    }

    pub(super) const fn of(&self, action: Action) -> u64 {
        match action {
            Action::Allow => self.allow,
            Action::Log => self.log,
            Action::Alert => self.alert,
            Action::Ask => self.ask,
            Action::Deny => self.deny,
        }
    }

    pub(super) const fn total(&self) -> u64 {
        self.allow + self.log + self.alert + self.ask + self.deny
    }
}

/// Decisions by what they have in common.
#[derive(Debug, Default, Serialize)]
pub(super) struct Counts {
    /// All records, decisions or not.
    pub(super) records: u64,
    /// Records in which a secret was found.
    pub(super) with_secrets: u64,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    pub(super) actions: Actions,
    pub(super) events: BTreeMap<String, u64>,
    pub(super) rules: BTreeMap<String, Actions>,
    pub(super) tools: BTreeMap<String, Actions>,
    pub(super) agents: BTreeMap<String, Actions>,
    pub(super) days: BTreeMap<String, Actions>,
    pub(super) sessions: BTreeMap<String, Actions>,
}

impl Counts {
    /// Counts a record.
    pub(super) fn add(&mut self, view: &View<'_>) {
        self.records += 1;
        count(&mut self.events, &view.event_type, |number| *number += 1);
        self.with_secrets += u64::from(!view.violations.is_empty());
        if self.first.is_none() {
            self.first = Some(view.timestamp.clone().into_owned());
        }
        match &mut self.last {
            Some(last) => view.timestamp.clone_into_string(last),
            None => self.last = Some(view.timestamp.clone().into_owned()),
        }
        // What ran after a decision, and what is no call, is no decision of its own.
        let Ok(action) = view.action_taken.parse::<Action>() else { return };
        if view.event_type != "policy_check" {
            return;
        }
        self.actions.add(action);
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let day: String = view.timestamp.chars().take(10).collect();
        let rule = view.rule.as_ref().map_or("-", |rule| rule.name.as_ref());
        for (group, name) in [
            (&mut self.rules, or_dash(rule)),
            (&mut self.tools, or_dash(&view.tool_name)),
            (&mut self.agents, or_dash(&view.agent)),
            (&mut self.days, day),
            (&mut self.sessions, or_dash(&view.session_id)),
        ] {
            count(group, &name, |actions: &mut Actions| actions.add(action));
        }
    }
}

fn count<T: Default>(group: &mut BTreeMap<String, T>, name: &str, add: impl FnOnce(&mut T)) {
    if !group.contains_key(name) {
        group.insert(name.to_owned(), T::default());
    }
    if let Some(value) = group.get_mut(name) {
        add(value);
    }
}

/// Writes into a string that is there, so that a scan of millions of records does not make millions of them.
trait CloneIntoString {
    fn clone_into_string(&self, target: &mut String);
}

impl CloneIntoString for std::borrow::Cow<'_, str> {
    fn clone_into_string(&self, target: &mut String) {
        target.clear();
        target.push_str(self);
    }
}

/// The groups with the most decisions, the largest first.
pub(super) fn top(group: &BTreeMap<String, Actions>, most: usize) -> Vec<(&str, &Actions)> {
    let mut all: Vec<_> = group.iter().map(|(name, actions)| (name.as_str(), actions)).collect();
    all.sort_by_key(|(_, actions)| std::cmp::Reverse(actions.total()));
    all.truncate(most);
    all
}

pub(super) fn run(args: &AuditStatsArgs, ui: &Ui) -> Result<Exit, Failure> {
    let log = log_path(args.filter.log.as_deref())?;
    let selection = Selection::new(&args.filter)?;
    let mut counts = Counts::default();
    let bar = bar("counting", ui);
    let counted = scan(
        &log,
        &selection.filter(),
        &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
        },
        &mut |_, view| counts.add(view),
    );
    bar.finish_and_clear();
    counted.map_err(failure)?;
    if args.json {
        let json = serde_json::to_string_pretty(&counts);
        ui.line(json.map_err(|error| Failure::new(Exit::Internal, error.to_string()))?);
        return Ok(Exit::Success);
    }
    for line in text(&counts, args.top) {
        ui.line(line);
    }
    Ok(Exit::Success)
}

fn text(counts: &Counts, most: usize) -> Vec<String> {
    let bold = Style::new().bold();
    let (Some(first), Some(last)) = (&counts.first, &counts.last) else {
        return vec!["No matching events found.".to_owned()];
    };
    let mut lines = vec![format!(
        "{bold}{} decisions{bold:#} in {} records, {} to {}",
        counts.actions.total(),
        counts.records,
        escaped(first),
        escaped(last)
    )];
    let mut sum: Vec<String> = Vec::new();
    for action in Action::ALL.into_iter().rev() {
        let number = counts.actions.of(action);
        if number > 0 {
            let style = style_of(action);
            sum.push(format!("{style}{action}{style:#} {number}"));
        }
    }
    if counts.with_secrets > 0 {
        sum.push(format!("with secrets {}", counts.with_secrets));
    }
    lines.push(format!("  {}", sum.join(", ")));
    let mut days: Vec<_> =
        counts.days.iter().rev().take(most).map(|(day, actions)| (day.as_str(), actions)).collect();
    days.reverse();
    for (title, rows) in [
        ("By rule", top(&counts.rules, most)),
        ("By tool", top(&counts.tools, most)),
        ("By agent", top(&counts.agents, most)),
        ("By day", days),
    ] {
        lines.push(String::new());
        lines.push(format!("{bold}{title}{bold:#}"));
        lines.extend(table(&rows));
    }
    lines
}

fn table(rows: &[(&str, &Actions)]) -> Vec<String> {
    let names: Vec<String> =
        rows.iter().map(|(name, _)| escaped(&name.chars().take(32).collect::<String>())).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let largest = rows.iter().map(|(_, actions)| actions.total()).max().unwrap_or(1).max(1);
    let mut lines = Vec::new();
    for (name, (_, actions)) in names.iter().zip(rows) {
        let mut bar = String::new();
        for action in Action::ALL.into_iter().rev() {
            let number = actions.of(action);
            // What is there at all is seen: an action with one decision among thousands gets one character.
            let length = (number * BAR / largest).max(u64::from(number > 0));
            if length > 0 {
                let style = style_of(action);
                bar.push_str(&format!(
                    "{style}{}{style:#}",
                    "█".repeat(usize::try_from(length).unwrap_or(0))
                ));
            }
        }
        let pad = width.saturating_sub(name.chars().count());
        let denied = if actions.deny > 0 { format!("  ({} denied)", actions.deny) } else { String::new() };
        lines.push(format!("  {name}{:pad$}  {:>8}  {bar}{denied}", "", actions.total()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        let mut counts = Counts::default();
        for number in 0..10 {
            let action = if number < 3 { "deny" } else { "allow" };
            let line = format!(
                r#"{{"timestamp":"2026-11-0{}T09:30:01Z","event_type":"policy_check","tool_name":"Bash\u001b[2J",
                "action_taken":"{action}","rule":{{"layer":"user","name":"r{}"}},"agent":"claude-code"}}"#,
                1 + number % 2,
                number % 3
            );
            counts.add(&View::of(line.as_bytes()).unwrap());
        }
        let ran =
            r#"{"timestamp":"2026-11-09T09:30:01Z","event_type":"tool_execution","action_taken":"log"}"#;
        counts.add(&View::of(ran.as_bytes()).unwrap());
        counts
    }

    #[test]
    fn decisions_are_counted_by_what_they_have_in_common() {
        let counts = counts();
        assert_eq!((counts.records, counts.actions.total(), counts.actions.deny), (11, 10, 3));
        assert_eq!(counts.days.keys().collect::<Vec<_>>(), ["2026-11-01", "2026-11-02"]);
        assert_eq!(top(&counts.rules, 2)[0], ("r0", &Actions { allow: 3, deny: 1, ..Actions::default() }));
        assert_eq!(counts.events["tool_execution"], 1);
    }

    #[test]
    fn the_text_drives_no_terminal_and_shows_every_action() {
        let lines = text(&counts(), 10);
        let shown = anstream::adapter::strip_str(&lines.join("\n")).to_string();
        assert!(shown.starts_with("10 decisions in 11 records"), "{shown}");
        assert!(shown.contains("deny 3, allow 7") && shown.contains("(3 denied)"), "{shown}");
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        assert_eq!(text(&Counts::default(), 10), ["No matching events found."]);
    }
}
