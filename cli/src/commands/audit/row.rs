//! One record as a line for a person. Whatever the log holds cannot drive the terminal.

use std::fmt::Write as _;

use agentfirewall_core::audit::{View, is_hidden};
use anstyle::{AnsiColor, Style};
use serde_json::Value;

/// The most characters of the parameters that are shown.
const SUMMARY: usize = 80;

/// The parameters that say most about a call, in the order in which they are looked for.
const TELLING: [&str; 9] =
    ["command", "file_path", "path", "notebook_path", "url", "query", "pattern", "prompt", "description"];

/// `time  action  tool  rule  parameters  reason`
pub(super) fn table(view: &View<'_>) -> String {
    let time = match view.time() {
        Some(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        None => escaped(&view.timestamp),
    };
    let action = if view.would.is_empty() {
        escaped(&view.action_taken)
    } else {
        format!("{} (would {})", escaped(&view.action_taken), escaped(&view.would))
    };
    let style = style(&view.action_taken);
    let tool = if view.tool_name.is_empty() { &view.event_type } else { &view.tool_name };
    let rule = view.rule.as_ref().map_or_else(|| "-".to_owned(), |rule| escaped(&rule.name));
    let mut line = format!("  {time}  {style}{action:<5}{style:#}  {:<12}  {rule:<16}", escaped(tool));
    for (label, text) in [("", summary(view)), ("", escaped(&view.reason)), ("", secrets(view))] {
        if !text.is_empty() {
            let _infallible = write!(line, "  {label}{text}");
        }
    }
    line
}

fn style(action: &str) -> Style {
    let colour = match action {
        "deny" => AnsiColor::Red,
        "ask" => AnsiColor::Yellow,
        "alert" => AnsiColor::Magenta,
        "allow" => AnsiColor::Green,
        _ => AnsiColor::Cyan,
    };
    Style::new().fg_color(Some(colour.into()))
}

/// What the call was about, in a few words.
pub(super) fn summary(view: &View<'_>) -> String {
    let value = |raw: &serde_json::value::RawValue| serde_json::from_str::<Value>(raw.get()).ok();
    let given = view.parameters.or(view.metadata).and_then(value).unwrap_or_default();
    let telling = TELLING.iter().find_map(|name| given.get(name)?.as_str());
    match (telling, &given) {
        (Some(text), _) => shortened(text),
        (None, Value::Object(members)) if members.is_empty() => String::new(),
        (None, Value::Null) => String::new(),
        _ => shortened(&given.to_string()),
    }
}

fn shortened(text: &str) -> String {
    let mut shown = escaped(&text.chars().take(SUMMARY).collect::<String>());
    if text.chars().nth(SUMMARY).is_some() {
        shown.push('…');
    }
    shown
}

fn secrets(view: &View<'_>) -> String {
    match view.violations.len() {
        0 => String::new(),
        1 => "[1 violation]".to_owned(),
        count => format!("[{count} violations]"),
    }
}

/// A text without anything that a terminal acts upon or that hides or reorders characters.
pub(in crate::commands) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            character if is_hidden(character) => {
                let _infallible = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            character => shown.push(character),
        }
    }
    shown
}

/// A record as it stands in the log. Records of ours hold nothing to escape; in a forged line it is escaped as JSON.
pub(super) fn raw(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end();
    if !text.chars().any(is_hidden) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut units = [0; 2];
    for character in text.chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut units) {
                let _infallible = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a name matches a shell pattern with `*`, `?` and `[...]`, with case, as a whole.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut seen) = (0, 0);
    // Where to go on if the text after the last star does not fit: that star may take one character more.
    let mut star: Option<(usize, usize)> = None;
    loop {
        let character = name.get(seen).copied();
        let (fits, width) = match (pattern.get(at), character) {
            (Some('*'), _) => {
                star = Some((at, seen));
                at += 1;
                continue;
            }
            (None, None) => return true,
            (Some('['), Some(character)) => class(pattern.get(at..).unwrap_or_default(), character),
            (Some('?'), Some(_)) => (true, 1),
            (Some(expected), Some(character)) => (*expected == character, 1),
            _ => (false, 0),
        };
        if fits {
            at += width;
            seen += 1;
        } else if let Some((star_at, taken)) = star
            && taken < name.len()
        {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            seen = taken + 1;
        } else {
            return false;
        }
    }
}

/// Whether a character is in the class at the beginning of a pattern, and how long the class is. Without its closing
/// bracket it is no class but a bracket.
fn class(pattern: &[char], character: char) -> (bool, usize) {
    let negated = pattern.get(1) == Some(&'!');
    let first = if negated { 2 } else { 1 };
    // A closing bracket in the first place is a member.
    let Some(members) = pattern.get(first + 1..).and_then(|rest| rest.iter().position(|c| *c == ']')) else {
        return (character == '[', 1);
    };
    let mut members = pattern.get(first..first + 1 + members).unwrap_or_default();
    let length = first + members.len() + 1;
    let mut found = false;
    loop {
        match members {
            [low, '-', high, rest @ ..] => {
                found |= (*low..=*high).contains(&character);
                members = rest;
            }
            [one, rest @ ..] => {
                found |= *one == character;
                members = rest;
            }
            [] => return (found != negated, length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(json: &str) -> String {
        anstream::adapter::strip_str(&table(&View::of(json.as_bytes()).unwrap())).to_string()
    }

    #[test]
    fn a_decision_on_one_line() {
        let json = r#"{"v":1,"timestamp":"2026-11-03T09:30:01.250000Z","event_type":"policy_check","tool_name":"Bash",
            "action_taken":"deny","rule":{"layer":"project","name":"no-push","line":3},"reason":"ask first",
            "violations":[{}],"parameters":{"description":"x","command":"git push\n--force"}}"#;
        assert_eq!(
            row(json),
            "  2026-11-03 09:30:01Z  deny   Bash          no-push           git push\\n--force  ask first  [1 violation]"
        );
    }

    #[test]
    fn a_record_of_the_original() {
        let json = r#"{"timestamp":"2026-11-03T09:30:01.250000Z","event_type":"tool_execution","tool_name":"Read",
            "action_taken":"log","violations":[],"parameters":{},"metadata":{},"_hash":"x"}"#;
        assert_eq!(row(json).trim_end(), "  2026-11-03 09:30:01Z  log    Read          -");
    }

    #[test]
    fn nothing_in_a_record_reaches_the_terminal_as_a_command() {
        let evil = r"\u001b]0;owned\u0007\u009b2J\u202eabc\r\n";
        let json = format!(
            r#"{{"timestamp":"{evil}","event_type":"{evil}","tool_name":"{evil}","action_taken":"{evil}","would":"{evil}",
            "rule":{{"name":"{evil}"}},"reason":"{evil}","parameters":{{"command":"{evil}"}}}}"#
        );
        let line = table(&View::of(json.as_bytes()).unwrap());
        let colours = style("").to_string();
        let reset = format!("{:#}", style(""));
        let rest = line.replace(&colours, "").replace(&reset, "");
        assert!(!rest.chars().any(is_hidden), "{rest:?}");
    }

    #[test]
    fn raw_lines_stay_as_they_are_unless_forged() {
        assert_eq!(raw("{\"a\":\"é\"}".as_bytes()), "{\"a\":\"é\"}");
        assert_eq!(raw("{\"a\":\"\u{9b}31m\u{e0041}\"}\n".as_bytes()), r#"{"a":"\u009b31m\udb40\udc41"}"#);
    }

    #[test]
    fn long_parameters_are_shortened_between_characters() {
        let shown = shortened(&"é".repeat(SUMMARY + 1));
        assert_eq!(shown.chars().count(), SUMMARY + 1);
        assert!(shown.ends_with('…'));
    }

    #[test]
    fn tool_patterns_are_shell_patterns() {
        for (pattern, name) in [
            ("Bash", "Bash"),
            ("mcp__*", "mcp__github__push"),
            ("*", ""),
            ("*push*", "mcp__push_it"),
            ("B?sh", "Bash"),
            ("[A-C]ash", "Bash"),
            ("[!x]ash", "Bash"),
            ("*a*b*c", "xxaxxbxxbc"),
            ("[", "["),
            ("[]]", "]"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("Bash", "bash"),
            ("Bash", "Bash2"),
            ("B?sh", "Bsh"),
            ("[!B]ash", "Bash"),
            ("*a", "b"),
            ("", "x"),
            ("?", ""),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
