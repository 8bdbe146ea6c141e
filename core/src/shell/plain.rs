//! Scripts that are the words of one command and nothing else, as most of an agent's are: they need no parser, whose code and tables
//! are a good part of what a process of a millisecond does.

use crate::understand::Word;

/// The longest such script, in bytes. A longer one pays for a parser.
const LONGEST: usize = 1024;

/// First words that are no command but a part of the shell's grammar, or commands that have a form of their own in it. Those of other
/// shells than bash are among them: what is left out here costs a little time, what is not would be misread.
const GRAMMAR: [&str; 36] = [
    "always",
    "break",
    "case",
    "continue",
    "coproc",
    "declare",
    "do",
    "done",
    "elif",
    "else",
    "end",
    "esac",
    "exec",
    "exit",
    "export",
    "fi",
    "float",
    "for",
    "foreach",
    "function",
    "if",
    "in",
    "integer",
    "local",
    "logout",
    "nocorrect",
    "noglob",
    "readonly",
    "repeat",
    "return",
    "select",
    "then",
    "time",
    "typeset",
    "until",
    "while",
];

/// The command of a script that is one, as it is written and by its words; `None` where only a parser can tell.
pub(super) fn command(source: &str) -> Option<(&str, Vec<Word>)> {
    let raw = source.trim_matches(' ');
    if raw.is_empty() || raw.len() > LONGEST || !raw.bytes().all(|byte| byte == b' ' || is_plain(byte)) {
        return None;
    }
    let first = raw.split(' ').next().unwrap_or_default();
    // A first word with a `=` sets a variable.
    if first.contains('=') || GRAMMAR.contains(&first) {
        return None;
    }
    Some((raw, raw.split(' ').filter(|word| !word.is_empty()).map(Word::plain).collect()))
}

/// Whether a byte stands for itself wherever it is written in a word.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'/' | b':' | b',' | b'@' | b'%' | b'+' | b'=')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shuck_parser::parser::{ParseStatus, Parser};

    use super::*;

    /// The words of a script that the parser takes for one command without anything else.
    fn parsed(script: &str) -> Option<Vec<String>> {
        let parsed = Parser::new(script).parse();
        if parsed.status != ParseStatus::Clean {
            return None;
        }
        let [statement] = parsed.file.body.as_slice() else { return None };
        let shuck_ast::Command::Simple(simple) = &statement.command else { return None };
        let bare = statement.redirects.is_empty()
            && simple.assignments.is_empty()
            && statement.terminator.is_none()
            && !statement.negated;
        let words = std::iter::once(&simple.name).chain(&simple.args);
        bare.then(|| words.map(|word| word.span.slice(script).to_owned()).collect())
    }

    #[test]
    fn what_is_grammar_is_left_to_the_parser() {
        for word in GRAMMAR {
            assert!(command(word).is_none() && command(&format!("{word} x")).is_none(), "{word}");
        }
        for script in [
            "", " ", "a=b", "a=b c", "a b\n", "a 'b'", "a $b", "a ~", "a *", "a > b", "! a", "a; b",
            "a {b,c}", "a #b", "é",
        ] {
            assert!(command(script).is_none(), "{script:?}");
        }
        assert_eq!(command(" git  status ").unwrap().0, "git  status");
        let (long, longest) = ("a".repeat(LONGEST + 1), "a".repeat(LONGEST));
        assert!(command(&long).is_none() && command(&longest).is_some());
    }

    proptest! {
        #[test]
        fn the_parser_agrees(
            words in prop::collection::vec(prop_oneof![
                "[A-Za-z0-9_./:,@%+=-]{1,8}",
                prop::sample::select(&GRAMMAR[..]).prop_map(str::to_owned),
                prop::sample::select(vec!["[[", "git", "-c", "a=b", "=", "-", "--", ".", ":", "test", "eval", "command",
                    "builtin", "trap", "alias", "set", "let", "1", "a+=1", "%1", "@", "cd", "source", "unset"]).prop_map(str::to_owned),
            ], 1..6),
            gap in " {1,2}",
        ) {
            let script = words.join(&gap);
            if let Some((raw, plain)) = command(&script) {
                let plain: Vec<String> = plain.into_iter().map(|word| word.text).collect();
                prop_assert_eq!(raw, script.as_str());
                prop_assert_eq!(Some(plain), parsed(&script), "{}", script);
            }
        }
    }
}
