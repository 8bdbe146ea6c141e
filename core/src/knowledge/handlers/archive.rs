//! `tar` in all its ways of writing options.

use agentfirewall_sdk::Access;

use super::super::filters::only_filters;
use super::super::parse::Parsed;
use super::super::words::{Content, Language};
use super::{effect, touch};
use crate::understand::{Doing, Run, Touch, Word};

/// Options of one letter that take a value.
const VALUED: &str = "fCTXbgIKLNVFH";

pub(super) fn tar(parsed: &Parsed<'_>, doing: &mut Doing) {
    let mut operation = None;
    let mut file: Option<Word> = None;
    let mut folder: Option<Word> = None;
    let mut members: Vec<(Word, Option<Word>)> = Vec::new();
    let mut to_output = false;
    let mut absolute = false;
    let mut removes = false;
    let mut words = parsed.words.iter();
    let mut first = true;
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        let old_style = std::mem::take(&mut first) && !text.starts_with('-') && !text.contains(['/', '.']);
        if let Some(long) = text.strip_prefix("--") {
            let (name, attached) = match long.split_once('=') {
                Some((name, _)) => (name, Some(word.after(name.len() + 3))),
                None => (long, None),
            };
            match name {
                "create" => operation = Some('c'),
                "extract" | "get" => operation = Some('x'),
                "list" => operation = Some('t'),
                "append" | "update" | "catenate" | "concatenate" => operation = Some('r'),
                "to-stdout" => to_output = true,
                "remove-files" => {
                    operation = operation.or(Some('c'));
                    removes = true;
                }
                name if name.len() >= 6 && "absolute-names".starts_with(name) => absolute = true,
                name if name.len() >= 8 && "absolute-paths".starts_with(name) => absolute = true,
                _ => {}
            }
            let valued = [
                "file",
                "directory",
                "files-from",
                "exclude-from",
                "use-compress-program",
                "to-command",
                "checkpoint-action",
                "info-script",
                "new-volume-script",
                "rsh-command",
                "rmt-command",
                "listed-incremental",
                "transform",
                "xform",
                "owner",
                "group",
                "mode",
                "mtime",
                "exclude",
                "strip-components",
            ];
            // Long options may be cut short.
            let Some(name) = valued.iter().find(|full| name.len() >= 4 && full.starts_with(name)) else {
                continue;
            };
            let Some(value) = attached.or_else(|| words.next().cloned()) else { continue };
            match *name {
                "file" => file = Some(value),
                "directory" => folder = Some(value),
                "files-from" => touch(doing, &value, Access::Read, false, Content::Names),
                "use-compress-program"
                | "to-command"
                | "info-script"
                | "new-volume-script"
                | "rsh-command"
                | "rmt-command" => runs(doing, name, &value),
                "checkpoint-action" => {
                    if let Some(command) = value.text.strip_prefix("exec=") {
                        let at = value.text.len() - command.len();
                        runs(doing, name, &value.after(at));
                    }
                }
                _ => {}
            }
            continue;
        }
        let letters = match text.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => letters,
            _ if old_style => text,
            _ => {
                members.push((word.clone(), folder.clone()));
                continue;
            }
        };
        for (at, letter) in letters.char_indices() {
            match letter {
                'c' | 'x' | 't' | 'r' | 'u' | 'A' | 'd' => operation = Some(letter),
                'O' => to_output = true,
                'P' => absolute = true,
                _ => {}
            }
            if VALUED.contains(letter) {
                let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
                let attached = !rest.is_empty() && !old_style;
                let value = if attached {
                    Some(Word { text: rest.to_owned(), ..word.clone() })
                } else {
                    words.next().cloned()
                };
                match (letter, value) {
                    ('f', Some(value)) => file = Some(value),
                    ('C', Some(value)) => folder = Some(value),
                    ('T', Some(value)) => touch(doing, &value, Access::Read, false, Content::Names),
                    ('I', Some(value)) => runs(doing, "-I", &value),
                    ('F', Some(value)) => runs(doing, "-F", &value),
                    _ => {}
                }
                if attached {
                    break;
                }
            }
        }
    }
    let stream = file.as_ref().is_none_or(|file| file.text == "-");
    match operation {
        Some('c' | 'r' | 'u' | 'A') => {
            if removes {
                for (member, folder) in &members {
                    doing.touches.push(Touch {
                        tree: true,
                        folder: folder.clone(),
                        ..Touch::new(member.clone(), Access::Delete)
                    });
                }
            }
            let content = if stream { Content::Encoded } else { Content::Stored };
            for (member, folder) in members {
                doing.touches.push(Touch { tree: true, content, folder, ..Touch::new(member, Access::Read) });
            }
            if let Some(file) = file.filter(|_| !stream) {
                touch(doing, &file, Access::Write, false, Content::Unused);
            }
        }
        Some('x') => {
            match file.filter(|_| !stream) {
                Some(file) => {
                    let content = if to_output { Content::Decoded } else { Content::Unpacked };
                    touch(doing, &file, Access::Read, false, content);
                }
                None => doing.input = if to_output { Content::Decoded } else { Content::Unpacked },
            }
            // The names in the archive say where its files go.
            if absolute && !to_output {
                effect(doing, "filesystem.write-outside", "--absolute-names");
            }
            if !to_output {
                let into = folder.unwrap_or_else(|| Word::plain("."));
                doing.touches.push(Touch { tree: false, ..Touch::new(into, Access::Write) });
            }
        }
        _ => {
            if let Some(file) = file.filter(|_| !stream) {
                touch(doing, &file, Access::Read, false, Content::Unused);
            }
        }
    }
}

/// A program that the archiver starts.
fn runs(doing: &mut Doing, option: &str, command: &Word) {
    if !only_filters(command) {
        effect(doing, "shell.runner-flag", option);
    } else if command.text.split_whitespace().skip(1).all(|word| word.starts_with('-')) {
        // A packer alone.
        return;
    }
    doing.runs.push(Run::code(Language::Shell, command.clone()));
}
