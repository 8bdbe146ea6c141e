//! The commands of `cmd.exe` and of batch files.

use agentfirewall_sdk::Access;

use crate::understand::{Content, Doing, Effect, Fuel, Run, Touch, UNKNOWN, Word};

/// What a line or a file of commands does.
pub(in crate::inline) fn batch(text: &str, fuel: &mut Fuel) -> Doing {
    let mut doing = Doing { recognised: true, ..Doing::default() };
    let mut variables: Vec<(String, String)> = Vec::new();
    if !fuel.spend(u32::try_from(text.len() / 2 + 1).unwrap_or(u32::MAX)) {
        doing.effects.push(Effect::new("shell.undecidable", "a batch file that is too long"));
        return doing;
    }
    if text.split_whitespace().collect::<String>().contains("%0|%0") {
        doing.effects.push(Effect::new("filesystem.fork-bomb", "%0|%0"));
    }
    for words in commands(text).into_iter().take(1024) {
        let words: Vec<String> = words.iter().map(|word| expanded(word, &variables)).collect();
        one(&words, &mut variables, &mut doing, 0);
    }
    doing
}

/// The commands of a text, each its words; what is in quotes stays together and carets are gone.
fn commands(text: &str) -> Vec<Vec<String>> {
    let (mut all, mut words, mut current) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut any) = (false, false);
    let mut letters = text.chars().peekable();
    let flush = |current: &mut String, any: &mut bool, words: &mut Vec<String>| {
        if *any {
            words.push(std::mem::take(current));
        }
        *any = false;
    };
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            '^' if !quoted => {
                if let Some(next) = letters.next().filter(|next| *next != '\n') {
                    current.push(next);
                    any = true;
                }
            }
            '&' | '|' | '\n' | '(' | ')' if !quoted => {
                flush(&mut current, &mut any, &mut words);
                all.push(std::mem::take(&mut words));
            }
            '>' if !quoted => {
                // `2>nul`: the number is no word.
                if matches!(current.as_str(), "1" | "2") {
                    current.clear();
                    any = false;
                }
                flush(&mut current, &mut any, &mut words);
                letters.next_if_eq(&'>');
                if letters.next_if_eq(&'&').is_some() {
                    letters.next();
                } else {
                    words.push(">".to_owned());
                }
            }
            _ if !quoted
                && (letter.is_whitespace()
                    || letter == ','
                    || (letter == '@' && !any && words.is_empty())) =>
            {
                flush(&mut current, &mut any, &mut words);
            }
            _ => {
                current.push(letter);
                any = true;
            }
        }
        if letter == '\n' {
            quoted = false;
        }
    }
    flush(&mut current, &mut any, &mut words);
    all.push(words);
    all.retain(|words| !words.is_empty());
    all
}

fn expanded(word: &str, variables: &[(String, String)]) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('%') else {
            // `%1`, `%~dp0`, `%i`
            out.push(UNKNOWN);
            rest = after
                .trim_start_matches(['%', '~'])
                .trim_start_matches(|letter: char| letter.is_ascii_alphanumeric());
            continue;
        };
        let upper = name.split(':').next().unwrap_or_default().to_ascii_uppercase();
        let own = variables.iter().rev().find(|(own, _)| *own == upper).map(|(_, value)| value.as_str());
        match own.filter(|_| !name.contains(':')) {
            Some(value) if out.len() < 8192 => out.push_str(value),
            _ => out.push_str(match upper.as_str() {
                "USERPROFILE" | "HOMEPATH" | "HOME" => "~",
                "TEMP" | "TMP" => "/tmp",
                "SYSTEMDRIVE" | "HOMEDRIVE" => "C:",
                "SYSTEMROOT" | "WINDIR" => "C:\\Windows",
                "CD" => ".",
                "COMSPEC" => "cmd.exe",
                "APPDATA" => "~\\AppData\\Roaming",
                "LOCALAPPDATA" => "~\\AppData\\Local",
                _ => "\u{fffc}",
            }),
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn one(words: &[String], variables: &mut Vec<(String, String)>, doing: &mut Doing, depth: u32) {
    let redirect = words.iter().position(|word| word == ">");
    if let Some(file) = redirect.and_then(|at| words.get(at + 1))
        && !file.eq_ignore_ascii_case("nul")
    {
        doing.touches.push(Touch::new(Word::plain(super::slashes(file)), Access::Write));
    }
    let words: Vec<&String> = words.iter().take(redirect.unwrap_or(words.len())).collect();
    let Some((first, rest)) = words.split_first() else { return };
    let name = first.to_ascii_lowercase();
    let name = name.trim_end_matches(".exe");
    let flag =
        |flag: &str| rest.iter().any(|word| word.to_ascii_lowercase().split('/').any(|part| part == flag));
    let paths = || rest.iter().filter(|word| !word.starts_with('/') || word.len() > 4);
    let owned = |words: &[&String]| words.iter().map(|word| (*word).clone()).collect::<Vec<String>>();
    let touch = |doing: &mut Doing, path: &str, access, tree, content| {
        let word = Word { wild: path.contains(['*', '?']), ..Word::plain(super::slashes(path)) };
        doing.touches.push(Touch { tree, content, ..Touch::new(word, access) });
    };
    if flag("?") {
        return;
    }
    match name {
        "del" | "erase" => {
            for path in paths() {
                touch(doing, path, Access::Delete, flag("s"), Content::Unused);
            }
        }
        "rd" | "rmdir" => {
            for path in paths() {
                touch(doing, path, Access::Delete, flag("s"), Content::Unused);
            }
        }
        "format" if rest.iter().any(|word| word.ends_with(':')) => {
            doing.effects.push(Effect::new("filesystem.overwrite-device", "format"));
        }
        "type" | "more" => {
            for path in paths() {
                touch(doing, path, Access::Read, false, Content::Shown);
            }
        }
        "copy" | "xcopy" | "robocopy" | "move" | "ren" | "rename" => {
            let all: Vec<_> = paths().collect();
            if let Some((to, from)) = all.split_last().filter(|(_, from)| !from.is_empty()) {
                let access =
                    if matches!(name, "move" | "ren" | "rename") { Access::Delete } else { Access::Read };
                for path in from.iter().take(1) {
                    touch(doing, path, access, flag("s") || flag("e") || flag("mir"), Content::Stored);
                }
                touch(doing, to, Access::Write, false, Content::Unused);
            }
        }
        "md" | "mkdir" => {
            for path in paths() {
                touch(doing, path, Access::Write, false, Content::Unused);
            }
        }
        "set" => {
            if let Some((key, value)) = rest.first().and_then(|word| word.split_once('=')) {
                let tail = rest.iter().skip(1).fold(value.to_owned(), |text, word| format!("{text} {word}"));
                if variables.len() < 256 {
                    variables.push((key.to_ascii_uppercase(), tail));
                }
            }
        }
        "echo" | "rem" | "::" | "cd" | "chdir" | "dir" | "cls" | "pause" | "title" | "ver" | "vol"
        | "exit" | "goto" | "setlocal" | "endlocal" | "pushd" | "popd" | "path" | "prompt" | "color"
        | "date" | "time" | "find" | "findstr" | "where" | "shift" | "verify" | "assoc" | "ftype"
        | "timeout" | "else" => {}
        "if" | "for" | "call" | "start" | "do" if depth < 16 => {
            // The command begins behind the condition; where it does is a guess, so each later word may be it.
            let known = [
                "del",
                "erase",
                "rd",
                "rmdir",
                "format",
                "type",
                "copy",
                "xcopy",
                "move",
                "powershell",
                "cmd",
                "call",
                "start",
                "do",
                "echo",
            ];
            let at = match name {
                "if" | "for" => {
                    rest.iter().position(|word| known.contains(&word.to_ascii_lowercase().as_str()))
                }
                "start" => rest.iter().position(|word| !word.starts_with('/')),
                _ => Some(0),
            };
            if let Some(at) = at {
                let inner = owned(rest.get(at..).unwrap_or_default());
                one(&inner, variables, doing, depth + 1);
            }
        }
        _ if name.starts_with(':') => {}
        _ => {
            let argv = words.iter().map(|word| Word::plain(word.as_str())).collect();
            doing.runs.push(Run::command(argv));
        }
    }
}
