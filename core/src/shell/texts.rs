//! What programs make of texts: the few whose output can be told without running them.

use agentfirewall_sdk::Access;

use super::value::{LONGEST, Value};
use crate::understand::{Doing, Taint, UNKNOWN, Word, World};

/// What `echo` prints.
pub(super) fn echo(words: &[Word]) -> Value {
    let mut newline = true;
    let mut escapes = false;
    let mut words = words;
    while let Some((first, rest)) = words.split_first()
        && let Some(letters) = first.text.strip_prefix('-')
        && !letters.is_empty()
        && letters.chars().all(|c| matches!(c, 'n' | 'e' | 'E'))
    {
        newline &= !letters.contains('n');
        escapes = letters.rfind('e') > letters.rfind('E');
        words = rest;
    }
    let mut text = words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ");
    if escapes {
        text = ansi_c(&text);
    }
    if newline {
        text.push('\n');
    }
    Value::one(Word { text, wild: false, taint: taint(words) })
}

/// What `printf` prints, with the format applied as often as there are arguments.
pub(super) fn printf(words: &[Word]) -> Value {
    let words = match words.split_first() {
        Some((first, rest)) if first.text == "--" => rest,
        _ => words,
    };
    let Some((format, arguments)) = words.split_first() else { return Value::text("") };
    let taint = taint(words);
    let format: Vec<char> = ansi_c(&format.text).chars().collect();
    let mut out = String::new();
    let mut arguments = arguments.iter();
    loop {
        let before = arguments.len();
        let mut chars = format.iter();
        while let Some(c) = chars.next() {
            if *c != '%' {
                out.push(*c);
                continue;
            }
            // Flags, width and precision change the look, but for a precision that cuts a text.
            let mut precision: Option<usize> = None;
            let kind = loop {
                match chars.next() {
                    Some('.') => precision = Some(0),
                    Some(digit) if digit.is_ascii_digit() => {
                        precision = precision.map(|so_far| {
                            so_far.saturating_mul(10).saturating_add(digit.to_digit(10).unwrap_or(0) as usize)
                        });
                    }
                    Some('-' | '+' | ' ' | '#' | '0' | '*' | '\'') => {}
                    other => break other,
                }
            };
            match kind {
                Some('%') => out.push('%'),
                Some(kind) => {
                    let argument = arguments.next().map_or("", |word| word.text.as_str());
                    match kind {
                        'b' => out.push_str(&ansi_c(argument)),
                        'c' => out.extend(argument.chars().next()),
                        'x' | 'o' | 'X' => out.push(UNKNOWN),
                        _ => out.extend(argument.chars().take(precision.unwrap_or(usize::MAX))),
                    }
                }
                None => {}
            }
        }
        if arguments.len() == 0 || arguments.len() == before || out.len() > LONGEST {
            break;
        }
    }
    Value::one(Word { text: out, wild: false, taint })
}

fn taint(words: &[Word]) -> Taint {
    words.iter().fold(Taint::NONE, |taint, word| taint | word.taint)
}

/// Resolves the escapes of `$'…'`, `echo -e` and `printf`.
pub(super) fn ansi_c(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(kind) = chars.next() else {
            out.push('\\');
            break;
        };
        let mut digits = |radix: u32, most: usize, first: Option<char>| {
            let mut number = first.and_then(|c| c.to_digit(radix));
            let mut count = usize::from(first.is_some());
            while count < most
                && let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix))
            {
                number = Some(number.unwrap_or(0) * radix + digit);
                chars.next();
                count += 1;
            }
            number
        };
        let code = match kind {
            'a' => Some(7),
            'b' => Some(8),
            'e' | 'E' => Some(27),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            'x' => digits(16, 2, None),
            'u' => digits(16, 4, None),
            'U' => digits(16, 8, None),
            // `\0nnn` for echo, `\nnn` for the others.
            // A byte: what is more than eight bits falls away.
            '0' => Some(digits(8, 3, None).unwrap_or(0) & 0xff),
            '1'..='7' => digits(8, 3, Some(kind)).map(|code| code & 0xff),
            _ => {
                if !matches!(kind, '\\' | '\'' | '"' | '?') {
                    out.push('\\');
                }
                out.push(kind);
                continue;
            }
        };
        out.extend(code.and_then(char::from_u32));
    }
    out
}

/// What a program makes of its standard input, where it is a program of texts; `None` for all others.
pub(super) fn transformed(doing: &Doing, input: &Value) -> Option<Value> {
    let has = |names: &[&str]| doing.options.iter().any(|(option, _)| names.contains(&option.as_str()));
    let operand =
        |at: usize| doing.operands.get(at).filter(|word| word.known()).map(|word| word.text.as_str());
    let each = |change: &dyn Fn(&str) -> Option<String>| {
        let taint = input.taint();
        Some(Value::any(input.options().iter().map(|word| match change(&word.text) {
            Some(text) if word.known() => Word { text, wild: false, taint },
            _ => Word::unknown(taint | Taint::DECODED),
        })))
    };
    let lines = |change: &dyn Fn(&str) -> String| {
        each(&|text| Some(text.lines().map(|line| format!("{}\n", change(line))).collect()))
    };
    match doing.program.as_str() {
        // What passes unchanged, or in parts that are still there to be seen.
        "cat" | "tee" | "sponge" | "pv" | "head" | "tail" | "sort" | "uniq" | "grep" | "egrep" | "fgrep"
        | "rg" | "less" | "more" | "nl" | "fold" | "fmt" | "unbuffer" | "stdbuf" | "dd" | "ts"
        | "mbuffer" => Some(input.clone()),
        "rev" => lines(&|line| line.chars().rev().collect()),
        "tac" => each(&|text| Some(text.lines().rev().map(|line| format!("{line}\n")).collect())),
        "base64" | "gbase64" if has(&["--decode", "-D"]) => each(&base64),
        "base64" | "gbase64" => {
            let whole = doing.options.iter().any(|(option, value)| {
                matches!(option.as_str(), "--wrap" | "--break")
                    && value.as_ref().is_some_and(|width| width.text == "0")
            });
            each(&|text| Some(encoded(text, if whole { usize::MAX } else { 76 })))
        }
        "openssl"
            if has(&["-d"])
                && (has(&["-a", "-base64", "-A"])
                    || doing.subcommand.iter().any(|name| name == "base64")) =>
        {
            each(&base64)
        }
        "base32" => each(&|_| None),
        "xxd" if has(&["--revert"]) => each(&hex),
        "xxd" if has(&["--plain"]) => {
            each(&|text| Some(text.bytes().map(|byte| format!("{byte:02x}")).collect()))
        }
        "tr" => {
            let delete = has(&["--delete"]);
            let (from, to) = (operand(0)?, operand(1));
            each(&|text| translated(text, from, to, delete))
        }
        "cut" | "awk" | "gawk" | "mawk" | "sed" | "gsed" | "perl" | "column" | "paste" | "jq" | "yq" => None,
        "xargs" => None,
        _ => None,
    }
}

/// What a program prints of its own, where that can be told.
pub(super) fn printed(doing: &Doing, world: &World<'_>) -> Option<Value> {
    let has = |names: &[&str]| doing.options.iter().any(|(option, _)| names.contains(&option.as_str()));
    let path = |path: &std::path::Path| Some(Value::text(format!("{}\n", path.to_string_lossy())));
    let words = |change: &dyn Fn(&str) -> String| {
        let first = doing.operands.first()?;
        Some(Value::one(Word { text: format!("{}\n", change(&first.text)), ..first.clone() }))
    };
    match doing.program.as_str() {
        "mktemp" => Some(Value::text(format!("/tmp/tmp.{UNKNOWN}\n"))),
        "git"
            if doing.subcommand.first().is_some_and(|verb| verb == "rev-parse")
                && has(&["--show-toplevel"]) =>
        {
            path(world.ground.project)
        }
        // Where the repository's own files are.
        "git"
            if doing.subcommand.first().is_some_and(|verb| verb == "rev-parse")
                && has(&["--git-dir", "--absolute-git-dir", "--git-common-dir", "--git-path"]) =>
        {
            let below = doing.options.iter().find(|(name, _)| name == "--git-path");
            let name = below.and_then(|(_, value)| value.as_ref()).or_else(|| doing.operands.first());
            let name = name.filter(|_| below.is_some()).map_or("", |word| word.text.as_str());
            path(&world.ground.project.join(".git").join(name))
        }
        // The compiler's own library of that name.
        "gcc" | "g++" | "cc" | "c++" | "clang" | "clang++" if doing.operands.is_empty() => {
            let [(name, Some(file))] = doing.options.as_slice() else { return None };
            (name == "-print-file-name" && !file.text.contains('/'))
                .then(|| Value::one(Word { text: format!("/usr/lib/gcc/{}\n", file.text), ..file.clone() }))
        }
        "basename" => {
            let suffix = doing.operands.get(1).map(|word| word.text.clone()).unwrap_or_default();
            words(&|text| {
                let name = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                name.strip_suffix(suffix.as_str()).unwrap_or(name).to_owned()
            })
        }
        "dirname" => words(&|text| match text.trim_end_matches('/').rsplit_once('/') {
            Some(("", _)) => "/".to_owned(),
            Some((folder, _)) => folder.to_owned(),
            None => ".".to_owned(),
        }),
        "realpath" | "readlink" | "cygpath" => words(&str::to_owned),
        "whoami" => world.ground.user.map(|user| Value::text(format!("{user}\n"))),
        "yes" => words(&|text| text.to_owned()),
        "locate" | "mlocate" | "plocate" | "mdfind" => {
            let name = |word: &Word| word.text.trim_start_matches(['\\', '*', '/']).to_owned();
            let lines = doing.operands.iter().take(16).map(|word| format!("{UNKNOWN}/{}\n", name(word)));
            Some(Value::one(Word { text: lines.collect(), wild: false, taint: Taint::PROGRAM }))
        }
        "find" | "gfind" | "bfs" => {
            let lines: String =
                doing.operands.iter().take(16).map(|word| format!("{}\n", word.text)).collect();
            let wild = doing.operands.iter().any(|word| word.wild);
            Some(Value::one(Word { text: lines, wild, taint: Taint::PROGRAM }))
        }
        "ls" | "fd" | "fdfind" => {
            let below = doing.program != "ls";
            let mut lines = String::new();
            for touch in doing.touches.iter().filter(|touch| touch.access == Access::Read).take(16) {
                let name = &touch.word.text;
                if touch.word.wild && !below {
                    lines.push_str(name);
                } else {
                    lines.push_str(name.trim_end_matches('/'));
                    lines.push('/');
                    lines.push(UNKNOWN);
                }
                lines.push('\n');
            }
            if lines.is_empty() {
                lines = format!("./{UNKNOWN}\n");
            }
            Some(Value::one(Word { text: lines, wild: false, taint: Taint::PROGRAM }))
        }
        _ => None,
    }
}

/// Decodes base64 to text.
pub(super) fn base64(text: &str) -> Option<String> {
    String::from_utf8(base64_bytes(text)?).ok()
}

/// Decodes base64.
pub(crate) fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for byte in text.bytes() {
        if matches!(byte, b'=' | b'\n' | b'\r' | b' ') {
            continue;
        }
        let digit = Some(crate::base64::value(byte)).filter(|value| *value < 64)?;
        buffer = (buffer << 6 | u32::from(digit)) & 0x00ff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// What `base64` prints of a text, in lines of so many characters.
fn encoded(text: &str, width: usize) -> String {
    let digits = crate::audit::note::base64(text.as_bytes());
    digits.as_bytes().chunks(width).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

/// Decodes plain hexadecimal digits to text.
pub(super) fn hex(text: &str) -> Option<String> {
    let digits: Option<Vec<u32>> =
        text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect();
    let digits = digits?;
    let bytes: Option<Vec<u8>> = digits
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect();
    String::from_utf8(bytes?).ok()
}

/// What `tr` makes of a text.
fn translated(text: &str, from: &str, to: Option<&str>, delete: bool) -> Option<String> {
    let from = letters(from)?;
    if delete {
        return Some(text.chars().filter(|c| !from.contains(c)).collect());
    }
    let to = letters(to?)?;
    let last = *to.last()?;
    Some(
        text.chars()
            .map(|c| match from.iter().position(|letter| *letter == c) {
                Some(at) => to.get(at).copied().unwrap_or(last),
                None => c,
            })
            .collect(),
    )
}

/// The letters a set of `tr` names, in order; `None` for sets nobody writes by hand.
fn letters(set: &str) -> Option<Vec<char>> {
    let set = ansi_c(set);
    let set = set
        .replace("[:lower:]", "a-z")
        .replace("[:upper:]", "A-Z")
        .replace("[:digit:]", "0-9")
        .replace("[:space:]", " \t\n\r")
        .replace("[:blank:]", " \t");
    if set.contains("[:") || set.contains("[=") {
        return None;
    }
    let chars: Vec<char> = set.chars().collect();
    let mut letters = Vec::new();
    let mut at = 0;
    while let Some(low) = chars.get(at) {
        match (chars.get(at + 1), chars.get(at + 2)) {
            (Some('-'), Some(high)) if low <= high => {
                letters.extend(*low..=*high);
                at += 3;
            }
            _ => {
                letters.push(*low);
                at += 1;
            }
        }
        if letters.len() > 512 {
            return None;
        }
    }
    Some(letters)
}

/// A command without what ends it, which the parser takes into it at times. An escaped one is a word.
pub(super) fn without_end(command: &str) -> &str {
    let mut text = command.trim();
    while let Some(before) = text.strip_suffix([';', '&', '|'])
        && !before.ends_with('\\')
    {
        text = before.trim_end();
    }
    text
}

/// A word as the shell reads it back.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '=' | ',' | '+' | '@' | '%')
    };
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(texts: &[&str]) -> Vec<Word> {
        texts.iter().map(|text| Word::plain(*text)).collect()
    }

    fn text(value: &Value) -> String {
        value.first().text
    }

    #[test]
    fn echo_and_printf() {
        assert_eq!(text(&echo(&words(&["-n", "a", "b"]))), "a b");
        assert_eq!(text(&echo(&words(&["-e", r"\x72m"]))), "rm\n");
        assert_eq!(text(&echo(&words(&["-x"]))), "-x\n");
        assert_eq!(text(&printf(&words(&[r"\162\155 %s\n", "-rf"]))), "rm -rf\n");
        assert_eq!(text(&printf(&words(&["%s", "r", "m"]))), "rm");
        assert_eq!(text(&printf(&words(&["%s %s\n", "a"]))), "a \n");
        assert_eq!(text(&printf(&words(&["%.2s", "rmx"]))), "rm");
        assert_eq!(text(&printf(&words(&["no arguments"]))), "no arguments");
    }

    #[test]
    fn decoders() {
        assert_eq!(base64("cm0gLXJmIC8K").as_deref(), Some("rm -rf /\n"));
        assert_eq!(base64("!"), None);
        assert_eq!(hex("726d").as_deref(), Some("rm"));
        assert_eq!(translated("eno", "a-z", Some("n-za-m"), false).as_deref(), Some("rab"));
        assert_eq!(translated("r-m", "-", None, true).as_deref(), Some("rm"));
    }

    #[test]
    fn a_command_does_not_include_what_ends_it() {
        assert_eq!(without_end("git status;"), "git status");
        assert_eq!(without_end(" a & "), "a");
        assert_eq!(without_end("git push -f ||"), "git push -f");
        assert_eq!(without_end("a |&"), "a");
        assert_eq!(without_end("echo \\|"), "echo \\|");
        assert_eq!(without_end("find . -exec rm {} \\;"), "find . -exec rm {} \\;");
    }

    #[test]
    fn a_quoted_word_is_one_word() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted("--x=y"), "--x=y");
    }
}
