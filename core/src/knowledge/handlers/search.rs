//! `find` and `fd`: what they run for what they find, and what they remove.

use agentfirewall_sdk::Access;

use super::super::parse::Parsed;
use super::super::words::Content;
use super::touch;
use crate::understand::{Doing, Run, Touch, UNKNOWN, Word};

pub(super) fn find(parsed: &Parsed<'_>, doing: &mut Doing) {
    let mut words = parsed.words.iter().peekable();
    while words.next_if(|word| matches!(word.text.as_str(), "-H" | "-L" | "-P")).is_some() {}
    let mut roots: Vec<Word> = Vec::new();
    while let Some(root) = words.next_if(|word| !word.text.starts_with(['-', '(', '!', ')'])) {
        roots.push(root.clone());
    }
    if roots.is_empty() {
        roots.push(Word::plain("."));
    }
    // What narrows the search decides whether all of a root is meant.
    let mut narrowed = false;
    let mut negated = false;
    let mut name: Option<Word> = None;
    let mut meant = false;
    let mut example: Option<String> = None;
    let mut deletes = false;
    let mut commands: Vec<Vec<Word>> = Vec::new();
    while let Some(word) = words.next() {
        let negates = std::mem::replace(&mut negated, matches!(word.text.as_str(), "!" | "-not"));
        match word.text.as_str() {
            "-delete" => deletes = true,
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                let mut argv = Vec::new();
                for word in words.by_ref() {
                    if word.text == ";"
                        || (word.text == "+" && argv.last().is_some_and(|last: &Word| last.text == "{}"))
                    {
                        break;
                    }
                    argv.push(word.clone());
                }
                if !argv.is_empty() {
                    commands.push(argv);
                }
            }
            "-fprint" | "-fprint0" | "-fls" => {
                if let Some(file) = words.next() {
                    touch(doing, file, Access::Write, false, Content::Unused);
                }
            }
            "-fprintf" => {
                if let Some(file) = words.next() {
                    touch(doing, file, Access::Write, false, Content::Unused);
                }
                let _format = words.next();
            }
            "-name" | "-iname" | "-path" | "-ipath" | "-wholename" | "-regex" | "-iregex" | "-lname" => {
                let Some(pattern) = words.next() else { continue };
                narrowed |= !matches!(pattern.text.as_str(), "*" | ".*" | "*.*");
                // What is negated or one of several is not what is found.
                let alone = !parsed
                    .words
                    .iter()
                    .any(|word| matches!(word.text.as_str(), "!" | "-not" | "-o" | "-or"));
                if alone && matches!(word.text.as_str(), "-name" | "-iname") && !pattern.text.contains('/') {
                    name = Some(pattern.clone());
                }
                meant |= !negates && names_own(&pattern.text);
                if matches!(word.text.as_str(), "-name" | "-iname" | "-path" | "-ipath" | "-wholename") {
                    example = witness(&pattern.text).or(example);
                }
            }
            "-newer" | "-mtime" | "-atime" | "-ctime" | "-mmin" | "-amin" | "-cmin" | "-size" | "-user"
            | "-group" | "-perm" | "-inum" | "-links" | "-uid" | "-gid" | "-samefile" => {
                narrowed |= words.next().is_some();
            }
            "-empty" | "-nouser" | "-nogroup" => narrowed = true,
            "-type" | "-maxdepth" | "-mindepth" | "-printf" | "-xtype" | "-fstype" | "-regextype" | "-D" => {
                let _value = words.next();
            }
            _ => {}
        }
    }
    let found: Vec<Word> = roots.iter().map(|root| named(below(root, narrowed), name.as_ref())).collect();
    doing.operands.clone_from(&found);
    for root in &roots {
        touch(doing, root, Access::Read, true, Content::Unused);
    }
    if meant && (deletes || commands.iter().any(|argv| removes(argv))) {
        doing.effects.push(crate::understand::Effect::new("firewall.tamper", "find"));
    }
    if deletes {
        for (root, found) in roots.iter().zip(&found) {
            let word = if narrowed { found } else { root };
            doing.touches.push(Touch { tree: true, ..Touch::new(word.clone(), Access::Delete) });
        }
    }
    for argv in commands {
        execute(&argv, &found, doing);
        // A file that the name says is found, for who reads it.
        if let Some(name) = example.as_ref().filter(|_| !removes(&argv)) {
            let named: Vec<Word> = roots.iter().map(|root| inside(root, name)).collect();
            execute(&argv, &named, doing);
        }
    }
}

pub(super) fn fd(parsed: &Parsed<'_>, doing: &mut Doing) {
    let command_at = parsed
        .words
        .iter()
        .position(|word| matches!(word.text.as_str(), "-x" | "-X" | "--exec" | "--exec-batch"));
    let operands: Vec<Word> = parsed
        .words
        .iter()
        .take(command_at.unwrap_or(usize::MAX))
        .filter(|word| !word.text.starts_with('-'))
        .cloned()
        .collect();
    let roots: Vec<Word> = match operands.get(1..) {
        Some(roots) if !roots.is_empty() => roots.to_vec(),
        _ => vec![Word::plain(".")],
    };
    let narrowed = operands.first().is_some_and(|pattern| pattern.text != ".");
    for root in &roots {
        touch(doing, root, Access::Read, true, Content::Unused);
    }
    if let Some(argv) = command_at.and_then(|at| parsed.words.get(at + 1..)).filter(|argv| !argv.is_empty()) {
        let mut argv = argv.to_vec();
        if !argv.iter().any(|word| word.text.contains('{')) {
            argv.push(Word::plain("{}"));
        }
        let found: Vec<Word> = roots.iter().map(|root| below(root, narrowed)).collect();
        execute(&argv, &found, doing);
        let simple =
            operands.first().map(|pattern| pattern.text.trim_matches(['^', '$']).replace("\\.", "."));
        let plain = |text: &str| {
            text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if let Some(name) = simple.filter(|name| plain(name) && !removes(&argv)) {
            let named: Vec<Word> = roots.iter().map(|root| inside(root, &name)).collect();
            execute(&argv, &named, doing);
        }
    }
}

/// Whether a pattern of names finds the firewall's own folder or the one of the settings that wire it.
fn names_own(pattern: &str) -> bool {
    const OWN: [&str; 2] = [".agentfirewall", ".claude"];
    if ["agentfirewall", ".claude"].iter().any(|own| pattern.contains(own)) {
        return true;
    }
    // `*firewall*`: a part of the name, with the rest of it and of the path left open.
    let part = |text: &str| text.len() >= 5 && OWN.iter().any(|own| own.contains(text));
    let finds = ["./.agentfirewall/policy.yaml", ".agentfirewall", "./.claude/settings.json", ".claude"];
    if pattern.split(['*', '?', '/']).any(|text| part(&text.to_ascii_lowercase()))
        && finds.iter().any(|path| super::super::matches(pattern, path))
    {
        return true;
    }
    let name = pattern.rsplit('/').next().unwrap_or_default();
    let begins = name.strip_suffix('*').filter(|start| start.len() > 2 && !start.contains(['*', '?', '[']));
    begins.is_some_and(|start| OWN.iter().any(|own| own.starts_with(&start.to_ascii_lowercase())))
}

/// A name that a pattern matches.
fn witness(pattern: &str) -> Option<String> {
    let simple = !pattern.contains(['[', '\\', UNKNOWN]);
    let name = pattern.trim_start_matches("*/").trim_start_matches("./");
    let name = name.trim_end_matches('*').replace(['*', '?'], "x");
    (simple && name.chars().any(|letter| letter != 'x')).then_some(name)
}

fn inside(root: &Word, name: &str) -> Word {
    Word { text: format!("{}/{name}", root.text.trim_end_matches('/')), ..root.clone() }
}

/// Whether a command removes what it is given.
fn removes(argv: &[Word]) -> bool {
    let program = argv.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
    matches!(
        program,
        "rm" | "grm" | "unlink" | "shred" | "srm" | "trash" | "trash-put" | "truncate" | "rimraf"
    )
}

/// What is found below a root: something unknown in it; all of it if nothing narrows the search.
fn below(root: &Word, narrowed: bool) -> Word {
    if !narrowed {
        return root.clone();
    }
    Word { text: format!("{}/{UNKNOWN}", root.text.trim_end_matches('/')), ..root.clone() }
}

/// What is found, by the name it was looked for.
fn named(found: Word, name: Option<&Word>) -> Word {
    match name {
        Some(name) if !found.known() => Word {
            text: format!("{}/{}", found.text, name.text),
            wild: found.wild || name.text.contains(['*', '?', '[']),
            ..found
        },
        _ => found,
    }
}

/// Runs a command for what is found: `{}` is each of it.
fn execute(argv: &[Word], found: &[Word], doing: &mut Doing) {
    if removes(argv) {
        for found in found.iter().filter(|found| !found.known()) {
            doing.touches.push(Touch { tree: true, ..Touch::new(found.clone(), Access::Delete) });
        }
    }
    for found in found.iter().take(8) {
        let argv = argv
            .iter()
            .map(|word| match word.text.as_str() {
                "{}" | "{.}" => found.clone(),
                // Inside a text of code it is only a part.
                text if text.contains("{}") => Word { text: text.replace("{}", &found.text), ..word.clone() },
                _ => word.clone(),
            })
            .collect();
        doing.runs.push(Run::command(argv));
    }
}
