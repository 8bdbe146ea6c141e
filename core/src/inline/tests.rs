//! Attack and benign cases of all languages, told by a short line each: what is touched, run, talked to, and the effects.

mod code;
mod languages;
mod more;
mod others;
mod sql;
mod windows;

use agentfirewall_sdk::{Access, Direction};
use proptest::prelude::*;

use super::*;
use crate::understand::{Content, UNKNOWN};

/// What a text does, in words that a table can hold: `delete-tree /x`, `run-shell id`, `run rm -rf x`, `!effect`.
fn told(language: Language, text: &str, arguments: &[&str]) -> Vec<String> {
    let arguments: Vec<Word> = arguments.iter().map(|text| Word::plain(*text)).collect();
    let doing = read(language, &Word::plain(text), &arguments, &mut Fuel::new(100_000));
    assert!(doing.recognised, "{text}");
    tell(&doing)
}

fn tell(doing: &Doing) -> Vec<String> {
    let word = |word: &Word| word.text.replace(UNKNOWN, "?");
    let mut told = Vec::new();
    for touch in &doing.touches {
        let access = match (touch.access, touch.content) {
            (Access::Delete, _) => "delete",
            (Access::Write, _) => "write",
            (_, Content::Sent) => "send",
            (_, Content::Stored) => "store",
            _ => "read",
        };
        let tree = if touch.tree { "-tree" } else { "" };
        told.push(format!("{access}{tree} {}", word(&touch.word)));
    }
    for contact in &doing.contacts {
        let direction = match contact.direction {
            Direction::Fetch => "fetch",
            Direction::Send => "post",
            Direction::Connect => "connect",
            _ => "listen",
        };
        told.push(format!("{direction} {}", word(&contact.word)));
    }
    for run in &doing.runs {
        told.push(match run {
            Run::Command { argv, .. } => {
                format!("run {}", argv.iter().map(&word).collect::<Vec<_>>().join(" "))
            }
            Run::Code { language: Language::Shell, text, .. } => format!("shell {}", word(text)),
            Run::Code { language, text, .. } => format!("code {language:?} {}", word(text)),
            Run::File { path, .. } => format!("file {}", word(path)),
        });
    }
    if matches!(doing.input, Content::Run(_)) {
        told.push("runs input".to_owned());
    }
    told.extend(doing.effects.iter().map(|effect| format!("!{}", effect.id)));
    told
}

/// Each text must tell all of the lines that stand after it.
#[track_caller]
fn attacks(language: Language, cases: &[(&str, &[&str])]) {
    let mut faults = Vec::new();
    for (text, expected) in cases {
        let told = told(language, text, &[]);
        for line in *expected {
            if !told.iter().any(|other| other == line) {
                faults.push(format!("{text}\n    expected {line:?}, told {told:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Each text tells nothing but what stands after it.
#[track_caller]
fn everyday(language: Language, cases: &[(&str, &[&str])]) {
    let mut faults = Vec::new();
    for (text, expected) in cases {
        let told = told(language, text, &[]);
        if told.iter().map(String::as_str).ne(expected.iter().copied()) {
            faults.push(format!("{text}\n    expected {expected:?}, told {told:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

const ALL: &[Language] = &[
    Language::Python,
    Language::JavaScript,
    Language::Perl,
    Language::Ruby,
    Language::Php,
    Language::Lua,
    Language::Awk,
    Language::Sed,
    Language::Sql,
    Language::PowerShell,
    Language::Cmd,
];

proptest! {
    #[test]
    fn any_text_has_an_answer(text in "[a-z \n\t'\"`(){}\\[\\].,;:=+*/%$@#&|<>!?\\\\0-9-]{0,200}") {
        for language in ALL {
            read(*language, &Word::plain(text.clone()), &[], &mut Fuel::new(20_000));
        }
    }

    #[test]
    fn soup_of_words_has_an_answer(words in proptest::collection::vec(prop::sample::select(vec![
        "eval", "os.system", "(", ")", "{", "}", "[", "]", "'a'", "\"b\"", "`", "for", "x", "in", "=", "+", ".", "lambda", ":",
        ",", "=>", "function", "import", "from", "as", "f'{", "${", "#{", "s/a/b/e", "<<EOF", "\n", "q{", "|", "-enc", "DROP",
        "TABLE", "$x", "@y", "%", "->", "while", "if", ";", "getline", "é", "\u{fffc}",
    ]), 0..60)) {
        let text = words.join(" ");
        for language in ALL {
            read(*language, &Word::plain(text.clone()), &[], &mut Fuel::new(20_000));
        }
    }
}

#[test]
fn nesting_ends_and_is_told() {
    for bomb in [
        "(",
        "[",
        "{",
        "f'{",
        "a(",
        "eval(",
        "lambda:",
        "-",
        "!",
        "x=",
        "[x for x in ",
        "`",
        "${",
        "x+",
        "x?",
        "not ",
    ] {
        let text = bomb.repeat(20_000 / bomb.len());
        for language in ALL {
            read(*language, &Word::plain(text.clone()), &[], &mut Fuel::new(200_000));
        }
    }
    let deep = format!("x = {}1{}\n", "(".repeat(200), ")".repeat(200));
    assert!(told(Language::Python, &deep, &[]).contains(&"!shell.undecidable".to_owned()));
}

#[test]
fn without_fuel_nothing_is_understood() {
    for language in ALL {
        let doing = read(*language, &Word::plain("print(1)"), &[], &mut Fuel::new(0));
        assert!(doing.effects.iter().any(|effect| effect.id == "shell.undecidable"), "{language:?}");
    }
}
