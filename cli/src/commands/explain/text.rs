//! An explanation for a person: a line for each thing that was understood, for each part that a rule is about, and for
//! the decision.

use agentfirewall_core::interceptor::explain::{
    Answer, Asked, By, CommandExplained, Explanation, LayerExplained, PartExplained, PathExplained, RuleNamed,
};
use agentfirewall_sdk::{Action, Direction};
use anstyle::Style;

use crate::ui::{self, Ui};

/// How many lines of one kind are shown without `--all`.
const FEW: usize = 12;
/// How many rules that do not match are named for a part without `--all`.
const FEW_RULES: usize = 6;
/// How long a text of the call is shown.
const LONGEST: usize = 100;
/// How wide the column of kinds is.
const KIND: usize = 9;

pub(super) fn print(explanation: &Explanation, all: bool, ui: &Ui) {
    let page = Page { explanation, all, ui };
    page.understood();
    for layer in &explanation.layers {
        page.layer(layer);
    }
    page.secrets();
    page.decision();
}

struct Page<'e> {
    explanation: &'e Explanation,
    all: bool,
    ui: &'e Ui,
}

impl Page<'_> {
    fn title(&self, text: &str) {
        let bold = Style::new().bold();
        self.ui.line(format!("{bold}{text}{bold:#}"));
    }

    fn item(&self, kind: &str, text: &str) {
        self.ui.line(format!("  {kind:<KIND$} {}", text.trim_end()));
    }

    fn items(&self, kind: &str, texts: impl ExactSizeIterator<Item = String>) {
        let shown = if self.all { usize::MAX } else { FEW };
        let more = texts.len().saturating_sub(shown);
        texts.take(shown).for_each(|text| self.item(kind, &text));
        if more > 0 {
            self.item("", &format!("and {more} more (--all)"));
        }
    }

    fn understood(&self) {
        let seen = &self.explanation.understood;
        self.title(&format!("What is understood of this {} call", one_line(&self.explanation.tool)));
        self.items(
            "command",
            seen.commands.iter().enumerate().map(|(at, one)| format!("{} {}", at + 1, command(one))),
        );
        self.items("pipeline", seen.pipelines.iter().map(|text| one_line(text)));
        self.items(
            "path",
            seen.paths.iter().map(|one| format!("{}{}", path(one), self.by_command(one.command))),
        );
        self.items(
            "host",
            seen.hosts.iter().map(|one| {
                let name = if one.host.is_empty() { &one.written } else { &one.host };
                let port = one.port.map(|port| format!(":{port}")).unwrap_or_default();
                format!(
                    "{}{port}  {}{}",
                    one_line(name),
                    direction(one.direction),
                    self.by_command(one.command)
                )
            }),
        );
        self.items(
            "effect",
            seen.effects.iter().map(|one| {
                let detail = if one.detail.is_empty() {
                    String::new()
                } else {
                    format!("  {}", one_line(&one.detail))
                };
                format!("{}{detail}{}", one.id, self.by(one.by))
            }),
        );
        if let Some(why) = &seen.undecidable {
            self.item("unclear", why);
        }
        let nothing = seen.commands.is_empty()
            && seen.paths.is_empty()
            && seen.hosts.is_empty()
            && seen.effects.is_empty();
        if nothing && seen.undecidable.is_none() {
            self.item("nothing", "its parameters are judged as texts");
        }
    }

    /// Which command does it, where there are several.
    fn by_command(&self, at: Option<usize>) -> String {
        at.filter(|_| self.explanation.understood.commands.len() > 1)
            .map(|at| format!("  by command {}", at + 1))
            .unwrap_or_default()
    }

    fn by(&self, by: By) -> String {
        let seen = &self.explanation.understood;
        match by {
            By::Command(at) => self.by_command(Some(at)),
            By::Path(at) => match seen.paths.get(at) {
                Some(path) => format!("  on {}{}", one_line(&path.written), self.by_command(path.command)),
                None => String::new(),
            },
            By::Host(at) => match seen.hosts.get(at) {
                Some(host) => format!("  at {}{}", one_line(&host.written), self.by_command(host.command)),
                None => String::new(),
            },
            By::Call => String::new(),
        }
    }

    fn layer(&self, layer: &LayerExplained) {
        let monitor = if layer.monitor { ", monitor mode" } else { "" };
        self.title(&format!(
            "What the {} policy says ({}; {}; default action {}{monitor})",
            layer.layer,
            one_line(&layer.file),
            counted(layer.rules as usize, "rule"),
            layer.default_action
        ));
        // What nobody is about says nothing; what decides comes first.
        let told = |part: &&PartExplained| {
            self.all
                || part.action.is_some()
                || part.asked.iter().any(|asked| asked.result == Answer::Monitored)
        };
        let mut parts: Vec<&PartExplained> = layer.parts.iter().filter(told).collect();
        let silent = layer.parts.len() - parts.len();
        parts.sort_by_key(|part| (!part.decides, std::cmp::Reverse(part.action)));
        let shown = if self.all { usize::MAX } else { FEW };
        for part in parts.iter().take(shown) {
            self.part(layer, part);
        }
        let more = parts.len().saturating_sub(shown);
        if more > 0 {
            self.item("", &format!("and {} more (--all)", counted(more, "part")));
        }
        if silent > 0 {
            self.item("", &format!("no rule is about {} (--all)", counted(silent, "further part")));
        }
        if !layer.other_tools.is_empty() {
            let rules: Vec<String> = layer.other_tools.iter().map(rule).collect();
            self.listed("for other tools", &rules);
        }
    }

    fn part(&self, layer: &LayerExplained, part: &PartExplained) {
        let text = one_line(&part.text);
        let decides = if part.decides { "  <- the strictest" } else { "" };
        let answer = match (&part.rule, part.action) {
            (Some(named), Some(action)) => format!("{}: {}", styled(action), rule(named)),
            (None, Some(action)) if action == layer.default_action => {
                format!("{}: no rule matches, so the default action", styled(action))
            }
            (_, Some(action)) => styled(action),
            (_, None) => "nothing".to_owned(),
        };
        self.item(&part.kind, &format!("`{text}`  {answer}{decides}"));
        let of = |wanted: &[Answer]| -> Vec<String> {
            let asked = part.asked.iter().filter(|asked| wanted.contains(&asked.result));
            asked.map(|Asked { rule: named, .. }| rule(named)).collect()
        };
        self.listed("  monitored, would say so", &of(&[Answer::Monitored]));
        if part.decides || self.all {
            self.listed("  matches one reading of several", &of(&[Answer::MatchesPartly]));
            self.listed("  other resources", &of(&[Answer::Resources]));
            self.listed("  not all is known, so nothing is permitted", &of(&[Answer::NotUnderstood]));
            self.listed("  `match` does not hold", &of(&[Answer::Match]));
        }
        self.listed("  a plugin failed", &of(&[Answer::PluginFailed]));
    }

    /// Rules on one line, after what they have in common.
    fn listed(&self, what: &str, rules: &[String]) {
        if rules.is_empty() {
            return;
        }
        let shown = if self.all { usize::MAX } else { FEW_RULES };
        let named: Vec<&str> = rules.iter().take(shown).map(String::as_str).collect();
        let more = rules.len().saturating_sub(shown);
        let more = if more > 0 { format!(" and {more} more (--all)") } else { String::new() };
        let dim = Style::new().dimmed();
        self.item("", &format!("{dim}{what}: {}{more}{dim:#}", named.join(", ")));
    }

    fn secrets(&self) {
        let found = &self.explanation.decision.findings;
        if found.is_empty() {
            return;
        }
        self.title("Secrets");
        self.items(
            "secret",
            found.iter().map(|found| {
                let confidence = format!("{:?}", found.finding.confidence).to_lowercase();
                let place = one_line(found.pointer.trim_start_matches('/'));
                let span = &found.finding.span;
                format!(
                    "{} in `{place}`, bytes {} to {}, {confidence} confidence",
                    found.finding.detector, span.start, span.end
                )
            }),
        );
    }

    fn decision(&self) {
        let decision = &self.explanation.decision;
        let others = self.explanation.verdicts.iter().filter(|verdict| !verdict.decides);
        self.title("Decision");
        for verdict in others {
            let would =
                verdict.would.map(|would| format!(" (monitor mode: would be {would})")).unwrap_or_default();
            let name = &verdict.rule.name;
            self.item(
                &verdict.rule.layer,
                &format!("{}: `{name}`{}{would}", styled(verdict.action), at_line(verdict.rule.line)),
            );
        }
        let mut decision = decision.clone();
        decision.part = decision.part.as_deref().map(one_line);
        super::super::check::say(self.ui, &decision, "  ");
    }
}

fn styled(action: Action) -> String {
    let style = ui::style_of(action);
    format!("{style}{action}{style:#}")
}

fn rule(rule: &RuleNamed) -> String {
    let place = match (rule.pack.as_str(), rule.line) {
        (_, 0) => String::new(),
        ("", line) => format!(":{line}"),
        (pack, line) => format!(" ({pack}:{line})"),
    };
    format!("{}{place}", one_line(&rule.name))
}

fn at_line(line: u32) -> String {
    if line > 0 { format!(", line {line}") } else { String::new() }
}

fn command(command: &CommandExplained) -> String {
    let mut notes = Vec::new();
    let mut name = std::iter::once(&command.program).chain(&command.subcommand);
    // Said only where it is not what one reads anyway.
    let plain = command.argv.join(" ");
    if plain != command.text {
        notes.push(format!("read as `{}`", one_line(&plain)));
    }
    if !name.all(|word| command.argv.contains(word)) && !command.program.is_empty() {
        notes.push(format!("program {}", one_line(&command.program)));
    }
    let written_out: Vec<String> = command
        .options
        .iter()
        .filter(|option| !command.argv.iter().any(|word| word.starts_with(&option.name)))
        .map(|option| one_line(&option.name))
        .collect();
    if !written_out.is_empty() {
        notes.push(format!("options {}", written_out.join(" ")));
    }
    if !command.wrappers.is_empty() {
        notes.push(format!("run by {}", one_line(&command.wrappers.join(" "))));
    }
    if command.elsewhere {
        notes.push("elsewhere: another machine or a container".to_owned());
    }
    if !command.clear {
        notes.push("what it runs is not known".to_owned());
    } else if !command.known {
        notes.push("not every word is known".to_owned());
    }
    let notes = if notes.is_empty() { String::new() } else { format!("  ({})", notes.join("; ")) };
    format!("{}{notes}", one_line(&command.text))
}

fn path(path: &PathExplained) -> String {
    let mut text = if path.lexical.is_empty() { one_line(&path.written) } else { one_line(&path.lexical) };
    if path.canonical != path.lexical && !path.canonical.is_empty() {
        text.push_str(" -> ");
        text.push_str(&one_line(&path.canonical));
    }
    text.push_str("  ");
    text.push_str(if path.access == "unknown" { "named" } else { &path.access });
    if path.tree {
        text.push_str(" with all below");
    }
    if path.wild {
        text.push_str(", a pattern");
    } else if !path.known {
        text.push_str(", or somewhere below");
    }
    if !path.sets.is_empty() {
        text.push_str("  in ");
        text.push_str(&path.sets.join(", "));
    }
    text
}

const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Fetch => "fetch",
        Direction::Send => "send",
        Direction::Connect => "connect",
        Direction::Listen => "listen",
        _ => "talk",
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A text of the call on one line, and nothing in it that a terminal acts on.
fn one_line(text: &str) -> String {
    let mut line: String = text.chars().take(LONGEST).map(|c| if is_shown(c) { c } else { '·' }).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Whether a character is neither a control nor one that changes the direction of writing.
fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_act_on_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\nc\u{202e}d"), "a·[2Jb·c·d");
        assert_eq!(one_line(&"x".repeat(LONGEST + 1)), format!("{}…", "x".repeat(LONGEST)));
    }
}
