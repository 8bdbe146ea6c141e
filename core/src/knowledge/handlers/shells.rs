//! Shells whose options are their own, and programs that put a command together.

use super::super::parse::Parsed;
use super::super::words::{Content, Language};
use crate::understand::{Doing, Effect, Run, Touch, UNKNOWN, Word};
use agentfirewall_sdk::Access;

/// `powershell -Command …`: options in any case, abbreviated at will, and all that follows `-Command` is code.
pub(super) fn powershell(parsed: &Parsed<'_>, doing: &mut Doing) {
    let mut words = parsed.words.iter();
    doing.touches.clear();
    while let Some(word) = words.next() {
        let lower = word.text.to_lowercase();
        if lower == "-" {
            doing.input = Content::Run(Language::PowerShell);
            return;
        }
        let Some(option) = lower.strip_prefix(['-', '/']).filter(|option| !option.is_empty()) else {
            // Without an option Windows PowerShell reads a command, PowerShell 7 a file.
            let rest: Vec<Word> = std::iter::once(word).chain(words).cloned().collect();
            let is_file = lower.ends_with(".ps1") && doing.program != "powershell";
            return if is_file { file(&rest, doing) } else { code(Language::PowerShell, &rest, doing) };
        };
        let is = |whole: &str| whole.starts_with(option);
        let rest = || words.as_slice().to_vec();
        if is("encodedcommand") || option == "ec" {
            let Some(word) = words.next() else { return };
            // Nobody encodes what may be read.
            doing.effects.push(Effect::new("remote-code.decoded", "an encoded command"));
            if let Some(text) = utf16(&word.text).filter(|_| word.known()) {
                code(Language::PowerShell, &[Word { text, ..word.clone() }], doing);
            }
            return;
        }
        if is("command") || option == "commandwithargs" || option == "cwa" {
            if words.as_slice().first().is_some_and(|word| word.text == "-") {
                doing.input = Content::Run(Language::PowerShell);
                return;
            }
            return code(Language::PowerShell, &rest(), doing);
        }
        if is("file") {
            return file(&rest(), doing);
        }
        // Those with a value.
        if [
            "executionpolicy",
            "ep",
            "version",
            "windowstyle",
            "inputformat",
            "outputformat",
            "workingdirectory",
            "wd",
            "configurationname",
            "custompipename",
            "settingsfile",
            "psconsolefile",
        ]
        .iter()
        .any(|whole| whole.starts_with(option))
            && !is("noprofile")
        {
            words.next();
        }
    }
    doing.input = Content::Run(Language::PowerShell);
}

/// `cmd /c …`: all that follows is the command.
pub(super) fn cmd(parsed: &Parsed<'_>, doing: &mut Doing) {
    doing.touches.clear();
    let at = parsed.words.iter().position(|word| {
        let lower = word.text.to_lowercase();
        lower.starts_with("/c")
            || lower.starts_with("/k")
            || lower.starts_with("/r")
            || lower.starts_with("//c")
    });
    let Some(at) = at else { return };
    let attached = parsed.words.get(at).map(|word| {
        word.after(word.text.trim_start_matches('/').get(1..).map_or(0, |rest| word.text.len() - rest.len()))
    });
    let mut rest: Vec<Word> = attached.into_iter().filter(|word| !word.text.is_empty()).collect();
    rest.extend(parsed.words.get(at + 1..).unwrap_or_default().iter().cloned());
    code(Language::Cmd, &rest, doing);
}

/// `watch rm x`: the words are joined and read by a shell.
pub(super) fn join(parsed: &Parsed<'_>, doing: &mut Doing) {
    if parsed.has("--exec") {
        doing.runs.push(Run::command(parsed.operands.clone()));
        return;
    }
    code(Language::Shell, &parsed.operands, doing);
}

/// `node -p EXPRESSION` prints what the expression is.
pub(super) fn node(parsed: &Parsed<'_>, doing: &mut Doing) {
    let Some(expression) = parsed.value("--print") else { return };
    let text = Word { text: format!("console.log({})", expression.text), ..expression.clone() };
    doing.runs.push(Run::code(Language::JavaScript, text));
}

/// `bwrap --bind / / bash`: options with two values or one, then the command.
pub(super) fn bwrap(parsed: &Parsed<'_>, doing: &mut Doing) {
    let mut words = parsed.words.iter();
    while let Some(word) = words.next() {
        let values = match word.text.as_str() {
            "--" => 0,
            "--bind" | "--bind-try" | "--dev-bind" | "--dev-bind-try" | "--ro-bind" | "--ro-bind-try"
            | "--symlink" | "--setenv" | "--file" | "--bind-data" | "--ro-bind-data" | "--chmod" => 2,
            text if text.starts_with("--unshare")
                || matches!(
                    text,
                    "--die-with-parent" | "--new-session" | "--as-pid-1" | "--clearenv" | "--share-net"
                ) =>
            {
                0
            }
            text if text.starts_with("--") => 1,
            _ => {
                let argv = std::iter::once(word).chain(words).cloned().collect();
                doing.runs.push(Run::command(argv));
                return;
            }
        };
        for _ in 0..values {
            words.next();
        }
    }
}

fn file(words: &[Word], doing: &mut Doing) {
    let Some((path, arguments)) = words.split_first() else { return };
    if path.text == "-" {
        doing.input = Content::Run(Language::PowerShell);
        return;
    }
    // A share of another machine, or an address.
    if path.text.starts_with('\\') || path.text.starts_with("//") || path.text.contains("://") {
        doing.effects.push(Effect::new("remote-code.download-run", path.text.clone()));
    }
    doing.touches.push(Touch {
        content: Content::Run(Language::PowerShell),
        ..Touch::new(path.clone(), Access::Read)
    });
    doing.runs.push(Run::File {
        language: Language::PowerShell,
        path: path.clone(),
        arguments: arguments.to_vec(),
        here: true,
    });
}

fn code(language: Language, words: &[Word], doing: &mut Doing) {
    let text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    let taint = words.iter().fold(crate::understand::Taint::NONE, |taint, word| taint | word.taint);
    if !text.is_empty() {
        doing.runs.push(Run::Code {
            language,
            text: Word { text, wild: false, taint },
            arguments: Vec::new(),
            elsewhere: false,
        });
    }
}

/// The text of an encoded command: UTF-16 in base64.
fn utf16(text: &str) -> Option<String> {
    let bytes = crate::shell::base64_bytes(text)?;
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
        .map(u16::from_le_bytes)
        .collect();
    String::from_utf16(&units).ok().filter(|text| !text.is_empty() && !text.contains(UNKNOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_command_is_read() {
        assert_eq!(utf16("bABzAA==").as_deref(), Some("ls"));
        assert_eq!(utf16("!"), None);
    }
}
