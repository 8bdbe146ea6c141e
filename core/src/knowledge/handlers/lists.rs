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
        (parsed.has("-i") || parsed.has("--replace")).then(|| "{}".to_owned())
    });
    doing.runs.push(command(argv, marker.as_deref()));
}

/// A command that gets words: at its end, or where a marker stands.
fn command(argv: Vec<Word>, marker: Option<&str>) -> Run {
    let Some(marker) = marker.filter(|marker| !marker.is_empty()) else {
        return Run::Command { argv, more: true, elsewhere: false, folder: None, environment: Vec::new() };
    };
    let argv = argv
        .into_iter()
        .map(|word| Word { text: word.text.replace(marker, &HOLE.to_string()), ..word })
        .collect();
    Run::Command { argv, more: true, elsewhere: false, folder: None, environment: Vec::new() }
}

pub(super) fn parallel(parsed: &Parsed<'_>, doing: &mut Doing) {
    let end = parsed
        .operands
        .iter()
        .position(|word| matches!(word.text.as_str(), ":::" | "::::" | ":::+" | "::::+"))
        .unwrap_or(parsed.operands.len());
    let (argv, given) = parsed.operands.split_at_checked(end).unwrap_or((&parsed.operands, &[]));
    let sources: Vec<&Word> =
        given.iter().filter(|word| !matches!(word.text.as_str(), ":::" | ":::+" | "::::" | "::::+")).collect();
    let elsewhere = parsed.has("--sshlogin");
    if argv.is_empty() {
        // Each line is a command of its own.
        for source in &sources {
            doing.runs.push(Run::Code {
                language: Language::Shell,
                text: (*source).clone(),
                arguments: Vec::new(),
                elsewhere,
            });
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
    for value in values {
        let text = if text.contains("{}") { text.replace("{}", &value) } else { format!("{text} {value}") };
        doing.runs.push(Run::Code {
            language: Language::Shell,
            text: Word::plain(text),
            arguments: Vec::new(),
            elsewhere,
        });
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
        doing.runs.push(Run::Code { language: Language::Shell, text, arguments: Vec::new(), elsewhere: false });
    }
    if doing.runs.is_empty() {
        doing.output = Output::Environment;
    }
}
