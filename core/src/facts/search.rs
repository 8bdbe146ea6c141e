//! `Glob` and `Grep`: a folder that is read, and a pattern that may name files elsewhere.

use agentfirewall_sdk::{Access, ToolCall};

use crate::shell::Machine;
use crate::understand::{Content, Doing, Touch, Understanding, Word, World};

/// How many patterns one with braces stands for at most. What has more is looked at as it is written.
const MOST: usize = 256;

/// What such a call does.
pub(super) fn understood(call: &ToolCall, world: &World<'_>) -> Understanding {
    let text = |name: &str| call.text(name).filter(|text| !text.is_empty());
    let path = text("path").or_else(|| text("dir_path")).unwrap_or(".");
    let shows = matches!(call.tool.as_str(), "Grep" | "search_file_content" | "grep_search");
    let folder = Touch {
        tree: true,
        content: if shows && text("output_mode") != Some("files_with_matches") {
            Content::Shown
        } else {
            Content::Names
        },
        ..Touch::new(Word::plain(path), Access::Read)
    };
    let mut touches = vec![folder];
    let names = if shows { ["glob", "include", "include_pattern"] } else { ["pattern", "glob", "include"] };
    for pattern in names.iter().filter_map(|name| text(name)).flat_map(alternatives) {
        touches.push(Touch {
            content: if shows { Content::Shown } else { Content::Names },
            tree: !shows,
            folder: Some(Word::plain(path)),
            ..Touch::new(Word { wild: true, ..Word::plain(pattern) }, Access::Read)
        });
    }
    Machine::new(world).doing(Doing { touches, ..Doing::default() })
}

/// The patterns that one with braces stands for: `{a,b{c,d}}.x`. The sets of paths know no braces.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut open = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = open.pop() {
        match first(&text) {
            Some((before, choices, after)) if open.len() + done.len() + choices.len() <= MOST => {
                open.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
            }
            _ => done.push(text),
        }
    }
    done
}

/// What stands before the first braces that hold a choice, the choices, and what stands behind.
fn first(text: &str) -> Option<(&str, Vec<&str>, &str)> {
    let start = text.find('{')?;
    let (mut depth, mut from, mut choices) = (0_u32, start + 1, Vec::new());
    for (at, letter) in text.char_indices().skip_while(|(at, _)| *at < start) {
        match letter {
            '{' => depth += 1,
            ',' if depth == 1 => {
                choices.push(text.get(from..at)?);
                from = at + 1;
            }
            '}' if depth == 1 => {
                choices.push(text.get(from..at)?);
                return Some((text.get(..start)?, choices, text.get(at + 1..)?));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_their_choices() {
        assert_eq!(alternatives("**/*.rs"), ["**/*.rs"]);
        assert_eq!(alternatives("**/{*.a,b}"), ["**/*.a", "**/b"]);
        assert_eq!(alternatives("{a,b{c,d}}.x"), ["a.x", "bc.x", "bd.x"]);
        assert_eq!(alternatives("{a,b}/{c,d}"), ["a/c", "a/d", "b/c", "b/d"]);
        assert_eq!(alternatives("{a"), ["{a"]);
        assert_eq!(alternatives("{}"), [""]);
    }
}
