//! Programs that run another one with what they read: `xargs`, `parallel`; and `env`.

use super::super::parse::Parsed;
use super::super::words::{Content, Language, Output};
use crate::understand::{Doing, HOLE, Run, UNKNOWN, Word};

pub(super) fn xargs(parsed: &Parsed<'_>, doing: &mut Doing) {
    let argv = match parsed.operands.as_slice() {
        [] => vec![Word::plain("echo")],
        argv => argv.to_vec(),
    };
    let marker = parsed.value("-I").map(|value| value.text.clone()).or_else(|| {
        let given = parsed.given("--replace").last()?;
        Some(given.value.as_ref().map_or_else(|| "{}".to_owned(), |value| value.text.clone()))
    });
    doing.runs.push(command(argv, marker.as_deref()));
}

/// A command that gets words: at its end, or where a marker stands.
fn command(argv: Vec<Word>, marker: Option<&str>) -> Run {
    let Some(marker) = marker.filter(|marker| !marker.is_empty()) else {
        return Run::command(argv).with_more();
    };
    let argv = argv
        .into_iter()
        .map(|word| Word { text: word.text.replace(marker, &HOLE.to_string()), ..word })
        .collect();
    Run::command(argv).with_more()
}

pub(super) fn parallel(parsed: &Parsed<'_>, doing: &mut Doing) {
    let end = parsed
        .operands
        .iter()
        .position(|word| matches!(word.text.as_str(), ":::" | "::::" | ":::+" | "::::+"))
        .unwrap_or(parsed.operands.len());
    let (argv, given) = parsed.operands.split_at_checked(end).unwrap_or((&parsed.operands, &[]));
    let sources: Vec<&Word> = given
        .iter()
        .filter(|word| !matches!(word.text.as_str(), ":::" | ":::+" | "::::" | "::::+"))
        .collect();
    let elsewhere = parsed.has("--sshlogin");
    if argv.is_empty() {
        // Each line is a command of its own.
        for source in &sources {
            doing.runs.push(Run::code(Language::Shell, (*source).clone()).elsewhere(elsewhere));
        }
        if sources.is_empty() {
            doing.input = Content::Run(Language::Shell);
        }
        return;
    }
    // The words are joined and read by a shell once more.
    let text = argv.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let values: Vec<String> = if sources.is_empty() {
        vec![UNKNOWN.to_string()]
    } else {
        sources.iter().take(8).map(|word| word.text.clone()).collect()
    };
    // What is put in is quoted, so that it stays one word; what stands there already may be meant as it stands.
    for value in &values {
        let mut placed = false;
        let mut words: Vec<Word> = argv
            .iter()
            .map(|word| {
                placed |= word.text.contains("{}");
                Word { text: word.text.replace("{}", value), ..word.clone() }
            })
            .collect();
        if !placed {
            words.push(Word::plain(value.clone()));
        }
        // One word with blanks in it is a line of its own.
        if words.len() > 1 && !words.first().is_some_and(|word| word.text.contains(' ')) {
            doing.runs.push(Run::command(words).elsewhere(elsewhere));
        }
    }
    for value in values {
        let text = if text.contains("{}") { text.replace("{}", &value) } else { format!("{text} {value}") };
        doing.runs.push(Run::code(Language::Shell, Word::plain(text)).elsewhere(elsewhere));
    }
}

pub(super) fn env(parsed: &Parsed<'_>, doing: &mut Doing) {
    if let Some(text) = parsed.value("--split-string") {
        let mut text = text.clone();
        for word in parsed.command.iter().flatten() {
            text.text.push(' ');
            text.text.push_str(&word.text);
        }
        doing.runs.clear();
        doing.runs.push(Run::code(Language::Shell, text));
    }
    // `env - command` is `env -i command`.
    for run in &mut doing.runs {
        if let Run::Command { argv, .. } = run
            && argv.first().is_some_and(|word| word.text == "-")
        {
            argv.remove(0);
            while let Some((name, _)) = argv.first().and_then(|word| word.text.split_once('='))
                && !name.is_empty()
                && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
            {
                argv.remove(0);
            }
        }
    }
    doing.runs.retain(|run| !matches!(run, Run::Command { argv, .. } if argv.is_empty()));
    if doing.runs.is_empty() {
        doing.output = Output::Environment;
    }
}
