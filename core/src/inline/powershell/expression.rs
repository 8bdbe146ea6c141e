//! Expressions of PowerShell: texts that are put together, methods of .NET types and objects.

use agentfirewall_sdk::{Access, Direction};

use super::words::{Token, tokens};
use super::{Shell, cmdlets};
use crate::inline::decode::{self, Code};
use crate::inline::lex::Part;
use crate::inline::value::{Is, Marks, Value};
use crate::understand::{Content, Language, Run, UNKNOWN, Word};

impl Shell<'_> {
    /// An expression and how many tokens it has.
    pub(super) fn expression(&mut self, all: &[Token]) -> (Value, usize) {
        let (mut value, mut at) = self.argument(all);
        while let Some(token) = all.get(at) {
            let Some(rest) = all.get(at + 1..) else { break };
            match token {
                Token::Operator(mark) if mark == "+" || mark == "," => {
                    let (other, used) = self.argument(rest);
                    value = if mark == "+" { value.plus(&other) } else { with(value, other) };
                    at += 1 + used.max(1);
                }
                Token::Parameter(name) => {
                    let name = name.to_ascii_lowercase();
                    let (other, used) = self.argument(rest);
                    value = operated(&name, &value, &other);
                    at += 1 + used.max(1);
                }
                _ => break,
            }
        }
        (value, at)
    }

    /// An operand with its members and subscripts, and further ones after commas.
    pub(super) fn argument(&mut self, all: &[Token]) -> (Value, usize) {
        let (mut value, mut at) = self.operand(all);
        while matches!(all.get(at), Some(Token::Operator(mark)) if mark == ",") {
            let (other, used) = self.operand(all.get(at + 1..).unwrap_or_default());
            value = with(value, other);
            at += 1 + used.max(1);
        }
        (value, at)
    }

    fn operand(&mut self, all: &[Token]) -> (Value, usize) {
        if self.depth >= super::DEEPEST {
            self.lost = true;
            return (Value::unknown(Marks::NONE), 1);
        }
        self.depth += 1;
        let found = self.operand_here(all);
        self.depth -= 1;
        found
    }

    fn operand_here(&mut self, all: &[Token]) -> (Value, usize) {
        let Some(first) = all.first() else { return (Value::unknown(Marks::NONE), 0) };
        let mut at = 1;
        let mut value = match first {
            Token::Text(parts) => self.text(parts),
            Token::Number(number) => Value::number(*number),
            Token::Variable(name) => self.variable(name),
            Token::Word(word) => self.bare(word),
            Token::Group(inner) => {
                let inner = inner.clone();
                self.script(&inner)
            }
            Token::Block(inner) => {
                let inner = inner.clone();
                self.script(&inner);
                Value::new(Is::Made("block".to_owned(), Vec::new()), Marks::NONE)
            }
            Token::Type(name) => {
                // `[char]105`, `[string]$x`; a type with a member is a name.
                if matches!(all.get(1), Some(Token::Member(_)) | None) {
                    Value::name(name.clone())
                } else {
                    let (inner, used) = self.operand(all.get(1..).unwrap_or_default());
                    return (cast(name, &inner), 1 + used);
                }
            }
            // `-join $x`, `-not $x`, `!$x`
            Token::Parameter(name) => {
                let (inner, used) = self.operand(all.get(1..).unwrap_or_default());
                let value = if name.eq_ignore_ascii_case("join") { joined("", &inner) } else { inner };
                return (value, 1 + used);
            }
            Token::Operator(_) => {
                let (inner, used) = self.operand(all.get(1..).unwrap_or_default());
                return (inner, 1 + used);
            }
            _ => Value::unknown(Marks::NONE),
        };
        loop {
            match all.get(at) {
                Some(Token::Member(name)) => {
                    at += 1;
                    let name = name.to_ascii_lowercase();
                    if let Some(Token::Group(inner)) = all.get(at) {
                        let inner = inner.clone();
                        let given = self.expression(&inner).0;
                        at += 1;
                        value = self.method(&value, &name, &given);
                    } else {
                        value = match &*value.is {
                            Is::Name(of) => Value::name(format!("{of}.{name}")),
                            // `$PROFILE.AllUsersAllHosts` is another of its files.
                            _ if matches!(first, Token::Variable(of) if of == "profile") => value.clone(),
                            // The number or the name of a process is the process.
                            Is::Made(by, _) if by == cmdlets::PROCESS => value.clone(),
                            _ => value.at(&name).unwrap_or_else(|| Value::unknown(value.marks)),
                        };
                    }
                }
                Some(Token::Index(inner)) => {
                    at += 1;
                    let inner = inner.clone();
                    let index = self.expression(&inner).0;
                    value = indexed(&value, &index);
                }
                _ => return (value, at),
            }
        }
    }

    /// A word that is written without quotes.
    pub(super) fn bare(&mut self, word: &str) -> Value {
        if !word.contains('$') {
            return Value::plain(word);
        }
        let (mut value, mut rest) = (Value::plain(""), word);
        while let Some((before, after)) = rest.split_once('$') {
            let lower = after.to_ascii_lowercase();
            let end = lower
                .find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | ':'))
                .unwrap_or(lower.len());
            let name = lower.get(..end).unwrap_or_default();
            let inner = self.variable(name);
            value = value.concat(&Value::plain(before)).concat(&inner);
            rest = after.get(end..).unwrap_or_default();
        }
        value.concat(&Value::plain(rest))
    }

    pub(super) fn text(&mut self, parts: &[Part]) -> Value {
        let mut value = Value::plain("");
        for part in parts {
            let next = match part {
                Part::Written(text) => Value::plain(text.clone()),
                Part::Code(code) => {
                    if !self.fuel.spend(u32::try_from(code.len() / 4 + 1).unwrap_or(u32::MAX)) {
                        self.lost = true;
                        return Value::unknown(Marks::NONE);
                    }
                    let inner = tokens(code);
                    self.expression(&inner).0
                }
            };
            value = value.concat(&next);
        }
        value
    }

    fn variable(&mut self, name: &str) -> Value {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        match name {
            "home" | "env:home" | "env:userprofile" => Value::plain("~"),
            "pwd" | "psscriptroot" | "env:pwd" => Value::plain("."),
            "env:temp" | "env:tmp" | "env:tmpdir" => Value::plain("/tmp"),
            "env:systemroot" | "env:windir" => Value::plain("C:\\Windows"),
            "env:systemdrive" => Value::plain("C:"),
            "env:programfiles" | "env:programfiles(x86)" => Value::plain("C:\\Program Files"),
            "env:appdata" => Value::plain("~\\AppData\\Roaming"),
            "env:localappdata" => Value::plain("~\\AppData\\Local"),
            "env:comspec" => Value::plain("cmd.exe"),
            "null" => Value::plain("$null"),
            "profile" => Value::plain("~/.config/powershell/profile.ps1"),
            // `$PSHome[4] + $PSHome[30] + 'x'` spells `iex`.
            "pshome" => Value::plain("C:\\Windows\\System32\\WindowsPowerShell\\v1.0"),
            "shellid" => Value::plain("Microsoft.PowerShell"),
            "verbosepreference" => Value::plain("SilentlyContinue"),
            "input" => {
                self.seen.input = Content::Shown;
                Value::unknown(Marks::STDIN)
            }
            _ => Value::unknown(Marks::NONE),
        }
    }

    /// A method of a type or of an object.
    fn method(&mut self, of: &Value, name: &str, given: &Value) -> Value {
        let arguments = given.items();
        let first = arguments.first().cloned().unwrap_or_else(|| Value::unknown(Marks::NONE));
        let second = arguments.get(1).cloned().unwrap_or_else(|| Value::unknown(Marks::NONE));
        let marks = of.marks.and(given.marks);
        let type_name = match &*of.is {
            Is::Name(name) => name.as_str(),
            Is::Made(by, _) => by.as_str(),
            _ => "",
        };
        match (type_name, name) {
            (com, "createshortcut") if com.starts_with("com:") => {
                self.touch(&first, Access::Write, false, Content::Unused);
                Value::unknown(Marks::NONE)
            }
            ("convert", "frombase64string") => decoded(Code::Base64, &first),
            (_, "unescapedatastring" | "urldecode") => decoded(Code::Url, &first),
            (encoding, "getstring" | "getbytes") if encoding.contains("encoding") => first,
            ("io.file", "delete") => {
                self.touch(&first, Access::Delete, false, Content::Unused);
                Value::unknown(Marks::NONE)
            }
            ("io.directory", "delete") => {
                self.touch(&first, Access::Delete, true, Content::Unused);
                Value::unknown(Marks::NONE)
            }
            ("io.file", "writealltext" | "writeallbytes" | "writealllines" | "appendalltext" | "create") => {
                self.touch(&first, Access::Write, false, Content::Unused);
                if marks.has(Marks::NETWORK) {
                    self.seen.downloads.push(first.shown());
                }
                Value::unknown(Marks::NONE)
            }
            ("io.file", "readalltext" | "readallbytes" | "readalllines" | "openread") => {
                self.touch(&first, Access::Read, false, Content::Shown);
                Value::unknown(Marks::FILE)
            }
            ("io.file", "copy" | "move") => {
                let access = if name == "move" { Access::Delete } else { Access::Read };
                self.touch(&first, access, false, Content::Stored);
                self.touch(&second, Access::Write, false, Content::Unused);
                Value::unknown(Marks::NONE)
            }
            (cmdlets::PROCESS, "kill" | "closemainwindow") => {
                self.kills(of);
                Value::unknown(Marks::NONE)
            }
            ("environment", "getenvironmentvariables") => Value::unknown(Marks::ENVIRONMENT),
            // For whoever logs in, not for this process.
            ("environment", "setenvironmentvariable")
                if arguments.iter().skip(1).any(|target| {
                    let target = target.shown().to_ascii_lowercase();
                    target.ends_with("user") || target.ends_with("machine")
                }) =>
            {
                self.effect("persistence.startup", "a variable of the account");
                Value::unknown(Marks::NONE)
            }
            ("environment", "getenvironmentvariable") => {
                let name = format!("env:{}", first.shown().to_ascii_lowercase());
                self.variable(&name)
            }
            ("environment", "getfolderpath") => Value::plain("~"),
            ("io.path", "combine") => {
                let mut all = arguments.into_iter();
                let start = all.next().unwrap_or_else(|| Value::plain("."));
                all.fold(start, |path, next| path.below(&next))
            }
            ("io.path", "gettemppath") => Value::plain("/tmp"),
            ("diagnostics.process", "start") => {
                let words = std::iter::once(first.word())
                    .chain(second.shown().split_whitespace().map(Word::plain))
                    .filter(|word| word.text != UNKNOWN.to_string() || arguments.len() > 1)
                    .collect();
                self.program(words);
                Value::unknown(Marks::NONE)
            }
            ("scriptblock", "create") => {
                Value::new(Is::Made("scriptblock".to_owned(), vec![first.clone()]), first.marks)
            }
            ("scriptblock", "invoke") => {
                let code = of.items();
                if let Some(Is::Made(_, inner)) = code.first().map(|code| &*code.is) {
                    let inner = inner.clone();
                    for code in inner {
                        self.evaluate(&code);
                    }
                }
                Value::unknown(Marks::NONE)
            }
            ("reflection.assembly", "load" | "loadfile" | "loadfrom") => {
                if marks.has(Marks::NETWORK) {
                    self.effect("remote-code.pipe", "a library that came over the network");
                } else if marks.has(Marks::DECODED) {
                    self.effect("remote-code.decoded", "a library that a decoder gave");
                } else {
                    self.effect("remote-code.eval", "a library that is loaded while it runs");
                }
                Value::unknown(Marks::NONE)
            }
            (_, "downloadstring" | "downloaddata" | "openread" | "getstringasync" | "getasync") => {
                self.contact(&first, Direction::Fetch);
                Value::unknown(Marks::NETWORK)
            }
            (_, "downloadfile" | "downloadfileasync") => {
                self.contact(&first, Direction::Fetch);
                self.touch(&second, Access::Write, false, Content::Unused);
                self.seen.downloads.push(second.shown());
                Value::unknown(Marks::NONE)
            }
            (_, "uploadstring" | "uploaddata" | "uploadvalues" | "postasync") => {
                self.contact(&first, Direction::Send);
                self.seen.sent = self.seen.sent.and(marks);
                Value::unknown(Marks::NETWORK)
            }
            (_, "uploadfile") => {
                self.contact(&first, Direction::Send);
                let file = arguments.last().cloned().unwrap_or(second);
                self.touch(&file, Access::Read, false, Content::Sent);
                Value::unknown(Marks::NETWORK)
            }
            (_, "invokescript" | "addscript") => {
                self.evaluate(&first);
                Value::unknown(Marks::NONE)
            }
            ("com:wscript.shell" | "com:shell.application", "run" | "exec" | "shellexecute") => {
                let (text, arguments) = (first.word(), Vec::new());
                self.run(Run::Code { language: Language::Cmd, text, arguments, elsewhere: false });
                Value::unknown(Marks::NONE)
            }
            (name, "new") => self.made(name, given),
            (_, "getstream" | "accepttcpclient" | "read" | "readline" | "readtoend")
                if of.marks.has(Marks::NETWORK) =>
            {
                Value::unknown(Marks::NETWORK)
            }
            (_, "write" | "send" | "writeline") if of.marks.has(Marks::NETWORK) => {
                self.seen.sent = self.seen.sent.and(given.marks);
                Value::unknown(Marks::NONE)
            }
            (
                _,
                "tostring" | "trim" | "getawaiter" | "getresult" | "trimend" | "trimstart" | "tochararray",
            ) => of.clone(),
            (_, "tolower" | "toupper") => of.each(|one| {
                let text = one.shown();
                Value::text(
                    if name == "tolower" { text.to_lowercase() } else { text.to_uppercase() },
                    one.marks,
                )
            }),
            (_, "replace") => operated("creplace", of, given),
            (_, "split") => operated("split", of, given),
            ("string", "join") => joined(
                &first.shown(),
                &Value::list(arguments.into_iter().skip(1).flat_map(|one| one.items()).collect()),
            ),
            ("string", "concat") => joined("", given),
            ("string", "format") => {
                operated("f", &first, &Value::list(arguments.into_iter().skip(1).collect()))
            }
            ("array", "reverse") => Value::unknown(marks),
            _ => Value::unknown(marks),
        }
    }

    /// An object of a type.
    pub(super) fn made(&mut self, name: &str, given: &Value) -> Value {
        let name = name.to_ascii_lowercase();
        let name = name.trim_start_matches("system.");
        let marks = match name {
            "net.sockets.tcpclient" | "net.sockets.udpclient" | "net.sockets.socket" => {
                self.seen.socket = true;
                let items = given.items();
                let (host, port) =
                    (items.first().map(Value::shown).unwrap_or_default(), items.get(1).map(Value::shown));
                let host = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
                if !matches!(&*given.is, Is::Unknown) {
                    self.contact(&Value::plain(host), Direction::Connect);
                }
                Marks::NETWORK
            }
            "net.sockets.tcplistener" | "net.httplistener" => {
                self.seen.listens = name != "net.httplistener";
                self.contact(&Value::plain("localhost"), Direction::Listen);
                Marks::NETWORK
            }
            _ => given.marks,
        };
        Value::new(Is::Made(name.to_owned(), vec![given.clone()]), marks)
    }
}

fn with(value: Value, other: Value) -> Value {
    match &*value.is {
        Is::List(all) if all.len() < 4096 => {
            Value::list(all.iter().cloned().chain(std::iter::once(other)).collect())
        }
        Is::List(_) => value,
        _ => Value::list(vec![value, other]),
    }
}

fn decoded(code: Code, value: &Value) -> Value {
    let marks = value.marks.and(Marks::DECODED);
    value.each(|one| match one.known().and_then(|text| decode::decode(code, text)) {
        Some(text) => Value::text(text, marks),
        None => Value::unknown(marks),
    })
}

fn joined(glue: &str, value: &Value) -> Value {
    match &*value.is {
        Is::List(all) => {
            Value::text(all.iter().map(Value::shown).collect::<Vec<_>>().join(glue), value.marks)
        }
        _ => value.clone(),
    }
}

/// `[char]105`, `[char[]](105, 101)`
fn cast(name: &str, value: &Value) -> Value {
    match (name, &*value.is) {
        ("char" | "char[", Is::Number(_)) | ("char[" | "char[]", Is::List(_)) => {
            let letter = |one: &Value| {
                one.as_number()
                    .and_then(|code| u32::try_from(code).ok())
                    .and_then(char::from_u32)
                    .unwrap_or(UNKNOWN)
            };
            let all: Vec<Value> = value.items().iter().map(|one| Value::plain(letter(one))).collect();
            if all.len() == 1 {
                all.into_iter().next().unwrap_or_else(|| value.clone())
            } else {
                Value::list(all)
            }
        }
        ("char[" | "char[]", Is::Text(text)) => Value::list(text.chars().map(Value::plain).collect()),
        ("string", Is::List(_)) => joined(" ", value),
        ("string", Is::Number(number)) => Value::plain(number.to_string()),
        ("type", Is::Text(text)) => Value::name(text.to_ascii_lowercase().trim_start_matches("system.")),
        _ => value.clone(),
    }
}

fn indexed(value: &Value, index: &Value) -> Value {
    let at = |number: i64, length: usize| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        usize::try_from(if number < 0 { length + number } else { number }).ok()
    };
    // `[-1..-9]`, which is written to turn a text round.
    let range = index
        .known()
        .and_then(|text| text.split_once(".."))
        .map(|(from, to)| (from.parse::<i64>(), to.trim_start_matches('.').parse::<i64>()));
    match (&*value.is, index.as_number()) {
        (Is::Text(text), Some(number)) => at(number, text.chars().count())
            .and_then(|at| text.chars().nth(at))
            .map_or_else(|| Value::unknown(value.marks), |letter| Value::text(letter, value.marks)),
        (Is::List(all), Some(number)) => at(number, all.len())
            .and_then(|at| all.get(at))
            .cloned()
            .unwrap_or_else(|| Value::unknown(value.marks)),
        (Is::Text(text), None) if matches!(range, Some((Ok(-1), _))) => {
            Value::text(text.chars().rev().collect::<String>(), value.marks)
        }
        (Is::Text(text), None) if text.len() < 4096 => {
            let items = index.items();
            if items.len() < 2 || items.len() > 4096 {
                return Value::unknown(value.marks);
            }
            let letters: Vec<char> = text.chars().collect();
            let picked = items.iter().map(|one| {
                one.as_number()
                    .and_then(|number| at(number, letters.len()))
                    .and_then(|at| letters.get(at))
                    .copied()
                    .unwrap_or(UNKNOWN)
            });
            Value::list(picked.map(Value::plain).collect())
        }
        _ => index.known().and_then(|key| value.at(key)).unwrap_or_else(|| Value::unknown(value.marks)),
    }
}

/// Operators that are words.
fn operated(name: &str, value: &Value, other: &Value) -> Value {
    match name {
        "join" => joined(&other.shown(), value),
        "f" => {
            let Is::Text(form) = &*value.is else { return Value::unknown(value.marks) };
            let items = other.items();
            let mut text = String::new();
            let mut letters = form.chars();
            while let Some(letter) = letters.next() {
                if letter == '{' {
                    let field: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                    let index =
                        field.split([':', ',']).next().and_then(|digits| digits.parse::<usize>().ok());
                    text +=
                        &index.and_then(|at| items.get(at)).map_or_else(|| UNKNOWN.to_string(), Value::shown);
                } else {
                    text.push(letter);
                }
            }
            Value::text(text, value.marks.and(other.marks))
        }
        "replace" | "creplace" | "ireplace" => {
            let items = other.items();
            let (from, to) = (
                items.first().map(Value::shown).unwrap_or_default(),
                items.get(1).map(Value::shown).unwrap_or_default(),
            );
            value.each(|one| match &*one.is {
                Is::Text(text) if !from.is_empty() => {
                    Value::text(text.replace(&from.replace('\\', ""), &to), one.marks)
                }
                _ => one.clone(),
            })
        }
        "split" | "csplit" | "isplit" => {
            let glue = other.items().first().map(Value::shown).unwrap_or_default();
            match &*value.is {
                Is::Text(text) if !glue.is_empty() => {
                    Value::list(text.split(&glue).map(|part| Value::text(part, value.marks)).collect())
                }
                _ => Value::unknown(value.marks),
            }
        }
        "as" => value.clone(),
        "bxor" | "band" | "bor" => Value::unknown(value.marks.and(Marks::DECODED)),
        _ if cmdlets::is_comparison(name) => Value::unknown(Marks::NONE),
        _ => value.clone(),
    }
}
