//! Acts on a call as its row says, and gives the value that comes back.

use agentfirewall_sdk::{Access, Direction};

use super::{Arguments, CONTENT, Means, Place, SELF};
use crate::inline::decode::{self, Code};
use crate::inline::reader::{Reader, formatted};
use crate::inline::value::{Is, Marks, PATH, Value};
use crate::understand::{Content, Language, Run, UNKNOWN, Word};

/// A call: what is called on what, and with what.
struct Call<'c> {
    of: Option<Value>,
    arguments: &'c Arguments,
    marks: Marks,
}

impl Call<'_> {
    fn at(&self, place: Place) -> Value {
        let found = if place == SELF {
            self.of.clone()
        } else {
            usize::try_from(place).ok().and_then(|at| self.arguments.list.get(at).cloned())
        };
        found.unwrap_or_else(|| Value::unknown(Marks::NONE))
    }

    /// The first argument, under one of the names where it has no place.
    fn named(&self, place: Place, names: &[&str]) -> Value {
        let given = usize::try_from(place).is_ok_and(|at| at < self.arguments.list.len());
        let named = names.iter().find_map(|name| self.arguments.named(name));
        match (given, named) {
            (false, Some(value)) => value.clone(),
            _ => self.at(place),
        }
    }

    fn rest(&self, from: usize) -> Vec<Value> {
        self.arguments.list.iter().skip(from).cloned().collect()
    }
}

impl Reader<'_> {
    /// A call and what it gives.
    pub(in crate::inline) fn call(&mut self, callee: &Value, arguments: Arguments) -> Value {
        if let Is::Either(all) = &*callee.is {
            let arguments = &arguments;
            let made = all.iter().take(4).map(|one| self.call_one(one, arguments)).collect();
            return Value::either(made);
        }
        self.call_one(callee, &arguments)
    }

    fn call_one(&mut self, callee: &Value, arguments: &Arguments) -> Value {
        let key = self.key(callee);
        let of = match &*callee.is {
            Is::Member(of, _) => Some(of.clone()),
            _ => None,
        };
        let marks = arguments.marks().and(callee.marks);
        // A name that was put together is called as what it says.
        let named = matches!(&*callee.is, Is::Text(_)) && self.language != Language::Php;
        let means = if named { None } else { self.means(&key) };
        let call = Call { of, arguments, marks };
        match means {
            Some(means) => {
                let value = self.act(means, &key, &call);
                if let Is::Text(text) = &*value.is {
                    self.spend(text.len() / 64);
                }
                value
            }
            None => {
                // A function of nobody's knowledge holds what it is given.
                let of = call.of.iter().cloned();
                Value::new(Is::Made(key, of.chain(arguments.list.iter().cloned()).take(8).collect()), marks)
            }
        }
    }

    fn act(&mut self, means: Means, key: &str, call: &Call<'_>) -> Value {
        let nothing = Value::unknown(Marks::NONE);
        match means {
            Means::Delete(place) => self.paths(call, place, Access::Delete, false),
            Means::DeleteTree(place) => self.paths(call, place, Access::Delete, true),
            Means::Write(place) => {
                self.paths(call, place, Access::Write, false);
                self.stored(&call.at(place), call.marks);
                if call.marks.has(Marks::STDIN) {
                    self.takes(Content::Stored);
                }
                nothing
            }
            Means::WriteTree(place) => self.paths(call, place, Access::Write, true),
            Means::Read(place) => self.reads(&call.named(place, &["file", "path", "filename"])),
            Means::Open(place) => {
                let by = if key.contains("tarfile") || key.contains("zipfile") { "archive" } else { "open" };
                self.opens(call, place, by)
            }
            Means::Handle => self.handle(call),
            Means::Copy(from, to)
            | Means::Unpack(from, to)
            | Means::Move(from, to)
            | Means::Link(from, to) => {
                let (from, to) =
                    (call.named(from, &["src", "source"]), call.named(to, &["dst", "dest", "path"]));
                match means {
                    Means::Copy(..) => self.touch(
                        &from,
                        Access::Read,
                        key.contains("tree") || key.contains("_r"),
                        Content::Stored,
                    ),
                    Means::Unpack(..) => self.touch(&from, Access::Read, false, Content::Unpacked),
                    Means::Move(..) => self.touch(&from, Access::Delete, false, Content::Unused),
                    _ => self.touch(&from, Access::Read, false, Content::Linked),
                }
                if !matches!(&*to.is, Is::Unknown) {
                    self.touch(&to, Access::Write, false, Content::Unused);
                }
                nothing
            }
            Means::Pack => {
                let folder = call.named(2, &["root_dir"]);
                let whole = if matches!(&*folder.is, Is::Unknown) { Value::plain(".") } else { folder };
                self.touch(&whole, Access::Read, true, Content::Stored);
                self.touch(&call.at(0), Access::Write, false, Content::Unused);
                nothing
            }
            Means::Shell(place) => {
                let value = call.named(place, &["cmd", "args", "command"]);
                match &*value.is {
                    Is::List(all) => self.command(all, call.arguments),
                    _ => {
                        self.shell(&value);
                    }
                }
                // Several words are a list for `system`.
                Value::unknown(Marks::NONE)
            }
            Means::Argv(place) => {
                let value = call.named(place, &["args", "cmd"]);
                match &*value.is {
                    Is::List(all) => self.command(all, call.arguments),
                    Is::Made(by, inner) if by == "shlex.split" => {
                        let text = inner.first().cloned().unwrap_or(nothing);
                        self.shell(&text);
                    }
                    _ => self.command(&[value], call.arguments),
                }
                Value::unknown(Marks::NONE)
            }
            Means::Spawn => {
                let mut argv = vec![call.at(0)];
                match &*call.at(1).is {
                    Is::List(all) => argv.extend(all.iter().cloned()),
                    Is::Text(_) | Is::Made(..) | Is::Either(_) | Is::Name(_) => argv.extend(call.rest(1)),
                    _ => {}
                }
                self.command(&argv, call.arguments);
                Value::new(Is::Made("process".to_owned(), Vec::new()), Marks::NONE)
            }
            Means::Exec => {
                let argv: Vec<Value> = call.rest(0).iter().flat_map(spread).collect();
                self.command(&argv, call.arguments);
                Value::unknown(Marks::NONE)
            }
            Means::ExecNamed => {
                let given: Vec<Value> = call.rest(1).iter().flat_map(spread).collect();
                let argv: Vec<Value> = std::iter::once(call.at(0)).chain(given.into_iter().skip(1)).collect();
                self.command(&argv, call.arguments);
                Value::unknown(Marks::NONE)
            }
            Means::Eval(place) => {
                let value = call.at(place);
                // A function that is called later is code that stands there already.
                if !matches!(&*value.is, Is::Unknown if value.marks == Marks::NONE && key != "eval" && key != "exec")
                {
                    self.evaluate(&value);
                }
                Value::unknown(call.marks)
            }
            Means::RunFile(place) => {
                let path = call.at(place).word();
                self.run(Run::File { language: self.language, path, arguments: Vec::new(), here: true });
                Value::unknown(Marks::NONE)
            }
            Means::Fetch(_)
            | Means::Send(_)
            | Means::Request
            | Means::Options(_)
            | Means::Connect
            | Means::Listen
            | Means::Put
            | Means::Download(..) => self.network(means, key, call),
            Means::Stdin => {
                self.seen.stdin = true;
                Value::unknown(Marks::STDIN)
            }
            Means::Show => {
                self.shown(&call.arguments.list);
                nothing
            }
            Means::Fork => {
                self.seen.forks = true;
                if self.seen.endless {
                    self.effect("filesystem.fork-bomb", "fork in an endless loop");
                }
                nothing
            }
            Means::Kill(place) => {
                let all = call.arguments.list.iter().any(|value| value.as_number() == Some(-1));
                let group = call.at(place).as_number() == Some(0);
                self.effect(if all || group { "process.kill-all" } else { "process.kill" }, key);
                nothing
            }
            Means::Duplicate => {
                self.seen.duplicates = true;
                nothing
            }
            Means::Terminal => {
                let program = call.at(0);
                self.seen.duplicates |= self.seen.socket || self.seen.listens;
                self.command(&program.items(), call.arguments);
                nothing
            }
            Means::Effect(id) => {
                self.effect(id, key);
                nothing
            }
            Means::Credentials => {
                self.effect("credentials.dump", key);
                Value::unknown(Marks::SECRET)
            }
            Means::Nothing => nothing,
            _ => self.value_of(means, call),
        }
    }

    /// Paths at a place, each of its items where it is a list, and all that follow it for functions that take many.
    fn paths(&mut self, call: &Call<'_>, place: Place, access: Access, tree: bool) -> Value {
        let mut values = vec![call.named(place, &["path", "dst", "name", "file", "filename"])];
        let many = matches!(self.language, Language::Ruby | Language::Perl)
            && access == Access::Delete
            && place == 0;
        if many {
            values.extend(
                call.rest(1).into_iter().filter(|value| matches!(&*value.is, Is::Text(_) | Is::List(_))),
            );
        }
        let recursive = call.arguments.list.iter().filter_map(|value| value.at("recursive")).next();
        let recursive = recursive.or_else(|| call.arguments.named("recursive").cloned());
        let tree = tree
            && recursive.is_none_or(|value| {
                matches!(&*value.is, Is::Name(name) if name == "true") || matches!(&*value.is, Is::Number(1))
            });
        for value in values.iter().flat_map(Value::items) {
            self.touch(&value, access, tree, Content::Unused);
        }
        Value::unknown(Marks::NONE)
    }

    /// A file's content.
    pub(in crate::inline) fn reads(&mut self, value: &Value) -> Value {
        let text = value.shown();
        if matches!(text.as_str(), "/dev/stdin" | "php://stdin" | "0" | "-") {
            self.seen.stdin = true;
            return Value::unknown(Marks::STDIN);
        }
        if is_url(&text) {
            self.contact(value.word(), Direction::Fetch);
            return Value::unknown(Marks::NETWORK);
        }
        self.touch(value, Access::Read, false, Content::Shown);
        Value::new(Is::Made(CONTENT.to_owned(), vec![value.clone()]), Marks::FILE)
    }

    fn opens(&mut self, call: &Call<'_>, place: Place, by: &str) -> Value {
        let value = call.named(place, &["file", "path"]);
        let mode = call.named(place + 1, &["mode"]);
        let mode = mode.known().unwrap_or_default();
        if mode.contains(['w', 'a', 'x', '+']) {
            self.touch(&value, Access::Write, false, Content::Unused);
            return Value::new(Is::Made(by.to_owned(), vec![value]), Marks::NONE);
        }
        let read = self.reads(&value);
        match &*read.is {
            Is::Made(_, inner) => Value::new(Is::Made(by.to_owned(), inner.clone()), read.marks),
            _ => read,
        }
    }

    /// `open` of Perl: a handle, a mode and a path or a command, the latter two maybe in one text.
    fn handle(&mut self, call: &Call<'_>) -> Value {
        let (mode, path) = (call.at(1), call.at(2));
        let text = mode.shown();
        let text = text.trim();
        let one = call.arguments.list.len() < 3;
        let part = |text: &str| Value::text(text.trim(), mode.marks);
        if text.contains('&') && !text.contains('|') {
            self.seen.duplicates = true;
        } else if matches!(text, "|-" | "-|") {
            let argv = call.rest(2);
            self.command(&argv, call.arguments);
        } else if let Some(command) = text.strip_prefix('|').or_else(|| text.strip_suffix('|')) {
            self.shell(&part(command));
        } else if text.contains('>') || text.starts_with("+<") {
            let file = if one { part(text.trim_start_matches(['+', '<', '>'])) } else { path };
            self.touch(&file, Access::Write, false, Content::Unused);
        } else {
            let file = if one { part(text.trim_start_matches('<')) } else { path };
            return self.reads(&file);
        }
        Value::unknown(Marks::NONE)
    }

    fn stored(&mut self, path: &Value, marks: Marks) {
        if marks.has(Marks::NETWORK) {
            self.seen.downloads.extend(path.words().into_iter().map(|word| word.text).take(16));
        }
    }

    /// What is printed.
    pub(in crate::inline) fn shown(&mut self, values: &[Value]) {
        for value in values {
            if value.marks.has(Marks::STDIN) {
                self.takes(if value.marks.has(Marks::DECODED) { Content::Decoded } else { Content::Shown });
            }
            if value.marks.has(Marks::ENVIRONMENT) {
                self.doing.output = crate::understand::Output::Environment;
            } else if value.marks.has(Marks::SECRET) {
                self.doing.output = crate::understand::Output::Secret;
            } else if value.marks.has(Marks::NETWORK) {
                self.doing.output = crate::understand::Output::Network;
            }
        }
    }

    /// Hosts and what goes there.
    fn network(&mut self, means: Means, key: &str, call: &Call<'_>) -> Value {
        let answer = Value::new(Is::Made(key.to_owned(), Vec::new()), Marks::NETWORK);
        match means {
            Means::Fetch(place) | Means::Options(place) | Means::Send(place) => {
                let address = call.named(place, &["url", "uri"]);
                let parts = address_of(&address);
                let data: Vec<Value> = call
                    .rest(usize::try_from(place).unwrap_or(0) + 1)
                    .iter()
                    .chain(
                        call.arguments
                            .named
                            .iter()
                            .filter(|(name, _)| {
                                !name.contains("header") && name != "auth" && name != "cookies"
                            })
                            .map(|(_, value)| value),
                    )
                    .flat_map(body)
                    .collect();
                let posts = matches!(means, Means::Send(_))
                    || call.arguments.named("data").is_some()
                    || call.arguments.list.iter().chain(std::iter::once(&address)).any(|value| {
                        value.at("method").is_some_and(|method| {
                            !matches!(method.shown().to_ascii_uppercase().as_str(), "GET" | "HEAD")
                        }) || value.at("body").is_some()
                    })
                    || matches!(&*address.is, Is::Made(_, all) if all.len() > 1);
                let marks = data.iter().fold(address.marks, |all, value| all.and(value.marks));
                self.sends(&parts, marks, posts);
                answer
            }
            Means::Request => {
                let method = call.named(0, &["method"]).shown().to_ascii_uppercase();
                let marks = call
                    .rest(1)
                    .iter()
                    .chain(
                        call.arguments
                            .named
                            .iter()
                            .filter(|(name, _)| name != "headers" && name != "auth")
                            .map(|(_, value)| value),
                    )
                    .fold(Marks::NONE, |all, value| all.and(value.marks));
                let address = call.named(1, &["url"]);
                // `connection.request("POST", "/path", body)` names no host; the connection did.
                if is_url(&address.shown()) || !address.shown().starts_with('/') {
                    self.sends(&address, marks, !matches!(method.as_str(), "GET" | "HEAD"));
                } else {
                    self.leaves(marks);
                }
                answer
            }
            Means::Connect | Means::Listen => {
                let mut values: Vec<Value> = call.rest(0).iter().flat_map(Value::items).collect();
                values.extend(
                    call.arguments
                        .named
                        .iter()
                        .filter(|(name, _)| {
                            matches!(
                                name.to_ascii_lowercase().as_str(),
                                "host"
                                    | "hostname"
                                    | "port"
                                    | "peeraddr"
                                    | "peerport"
                                    | "address"
                                    | "url"
                                    | "uri"
                            )
                        })
                        .map(|(_, value)| value.clone()),
                );
                let host = host_of(&values);
                let raw = !key.contains("smtp")
                    && !key.contains("ftp")
                    && !key.contains("HTTP")
                    && !key.contains("http");
                if matches!(means, Means::Listen) {
                    self.seen.listens |= raw;
                    self.contact(host, Direction::Listen);
                } else {
                    self.seen.socket |= raw;
                    self.contact(host, Direction::Connect);
                }
                answer
            }
            Means::Put => {
                let of = call.of.clone().unwrap_or_else(|| Value::unknown(Marks::NONE));
                let marks = call.arguments.marks();
                match &*of.is {
                    Is::Made(by, inner) if by == "open" || by == "archive" => {
                        let path = inner.first().cloned().unwrap_or_else(|| Value::unknown(Marks::NONE));
                        self.stored(&path, marks);
                        if marks.has(Marks::STDIN) {
                            self.takes(Content::Stored);
                        }
                    }
                    Is::Name(name)
                        if matches!(
                            name.as_str(),
                            "sys.stdout"
                                | "process.stdout"
                                | "STDOUT"
                                | "$stdout"
                                | "sys.stderr"
                                | "process.stderr"
                                | "io"
                                | "sys.stdout.buffer"
                        ) =>
                    {
                        self.shown(&call.arguments.list);
                    }
                    _ if of.marks.has(Marks::NETWORK) || self.seen.socket => self.leaves(marks),
                    _ => {}
                }
                Value::unknown(Marks::NONE)
            }
            Means::Download(from, to) => {
                let (from, to) = (call.named(from, &["url"]), call.named(to, &["filename"]));
                self.sends(&from, Marks::NONE, false);
                self.touch(&to, Access::Write, false, Content::Unused);
                self.stored(&to, Marks::NETWORK);
                answer
            }
            _ => answer,
        }
    }

    /// Something goes to an address, or only comes from there.
    fn sends(&mut self, address: &Value, marks: Marks, posts: bool) {
        for word in address.words() {
            let local = is_local(&word.text);
            if word.text.starts_with("file:") {
                self.effect("exfiltration.local-file-url", "a local file by its address");
            }
            let carries = marks.has(Marks::FILE.and(Marks::ENVIRONMENT).and(Marks::STDIN).and(Marks::SECRET));
            let direction = if posts || carries { Direction::Send } else { Direction::Fetch };
            if !local {
                self.leaves(marks);
            }
            self.contact(word, direction);
        }
    }

    fn leaves(&mut self, marks: Marks) {
        self.seen.sent = self.seen.sent.and(marks);
    }

    /// Calls that only make values.
    fn value_of(&mut self, means: Means, call: &Call<'_>) -> Value {
        let hidden = || Self::hidden(call.marks);
        match means {
            Means::Decode(code, place) => decoded(code, &call.named(place, &["s", "data"])),
            Means::Buffer => {
                let (value, kind) = (call.at(0), call.at(1));
                match kind.known() {
                    Some("base64" | "base64url") => decoded(Code::Base64, &value),
                    Some("hex") => decoded(Code::Hex, &value),
                    _ => letters(&value),
                }
            }
            Means::Pass(place) => {
                let value = call.at(place);
                // `bytes.decode("base64")`, `codecs.decode(x, "rot13")`, `buffer.toString("utf8")`
                let coding =
                    call.arguments.list.iter().filter_map(Value::known).find_map(|name| match name {
                        "rot13" | "rot_13" | "rot-13" => Some(Code::Rot13),
                        "base64" if place != SELF || self.language == Language::Python => Some(Code::Base64),
                        "hex" if self.language == Language::Python => Some(Code::Hex),
                        _ => None,
                    });
                match (coding, &*value.is) {
                    (Some(code), _) => decoded(code, &value),
                    (None, Is::List(_)) => letters(&value),
                    _ => value,
                }
            }
            Means::Join(glue, list) => {
                let (glue, list) = (call.at(glue), call.at(list));
                let glue = if matches!(&*glue.is, Is::Unknown) {
                    Value::plain(if self.language == Language::JavaScript { "," } else { "" })
                } else {
                    glue
                };
                join(&glue, &list)
            }
            Means::PathJoin => {
                let values: Vec<Value> =
                    call.rest(0)
                        .iter()
                        .flat_map(|value| {
                            if let Is::List(all) = &*value.is { all.clone() } else { vec![value.clone()] }
                        })
                        .collect();
                let mut values = values.into_iter();
                let first = values.next().unwrap_or_else(|| Value::plain("."));
                let first = first.each(|one| Value::text(one.shown(), one.marks));
                values.fold(first, |path, next| path.below(&next))
            }
            Means::PathOf(place) => {
                let values = call.rest(usize::try_from(place).unwrap_or(0));
                let mut values = values.into_iter();
                let first = values.next().unwrap_or_else(|| Value::plain("."));
                let whole = values.fold(first, |path, next| path.below(&next));
                self.path(&whole)
            }
            Means::Child => {
                let of = call.at(SELF);
                let whole = call.rest(0).into_iter().fold(of, |path, next| path.below(&next));
                self.path(&whole)
            }
            Means::Home => self.path(&Value::plain("~")),
            Means::Cwd => self.path(&Value::plain(".")),
            Means::Temp => self.path(&Value::plain("/tmp")),
            Means::Variable(place) => {
                let name = call.at(place);
                let value = match name.known() {
                    Some(name) => self.variable(name),
                    None if call.arguments.list.is_empty() => Value::unknown(Marks::ENVIRONMENT),
                    None => hidden(),
                };
                match call.arguments.list.get(1) {
                    Some(default) if !value.shown().starts_with('~') => {
                        Value::either(vec![value, default.clone()])
                    }
                    _ => value,
                }
            }
            Means::Variables => Value::unknown(Marks::ENVIRONMENT),
            Means::Letters => letters(&Value::list(call.rest(0).iter().flat_map(Value::items).collect())),
            Means::Map(function, list) => {
                let (function, list) = (call.at(function), call.at(list));
                let items = list.items();
                let by_text = self.language == Language::Php && matches!(&*function.is, Is::Text(_));
                let called = by_text || matches!(&*function.is, Is::Name(_) | Is::Member(..));
                if called && items.len() <= 1024 && self.may_repeat(items.len(), 1) {
                    let made = items
                        .into_iter()
                        .map(|item| self.call(&function, Arguments { list: vec![item], named: Vec::new() }))
                        .collect();
                    return Value::list(made);
                }
                Value::unknown(call.marks)
            }
            Means::Import(place) => match call.at(place).known() {
                Some(name) => self.import(name),
                None => {
                    if !matches!(&*call.at(place).is, Is::Name(_) | Is::Made(..) | Is::Member(..))
                        && call.marks.has(Marks::NETWORK.and(Marks::DECODED))
                    {
                        self.effect("remote-code.eval", "a module whose name nobody knows");
                    }
                    Value::unknown(call.marks)
                }
            },
            Means::Attribute => {
                let (of, name) = (call.at(0), call.at(1));
                match name.known() {
                    Some(name) => self.member_called(&of, name, true),
                    None => Value::unknown(call.marks),
                }
            }
            Means::Glob(place) => {
                call.at(place).each(|one| Value::text(one.shown(), one.marks.and(Marks::GLOB)))
            }
            Means::Children => {
                let below = call.at(SELF).below(&Value::plain(
                    call.arguments.list.first().map_or_else(|| "*".to_owned(), Value::shown),
                ));
                self.path(&below.marked(Marks::GLOB))
            }
            Means::Walk(place) => {
                let root = call.at(place);
                let root = if matches!(&*root.is, Is::Unknown) { Value::plain(".") } else { root };
                Value::list(vec![Value::list(vec![
                    root.below(&Self::hidden(Marks::NONE)),
                    hidden(),
                    hidden(),
                ])])
            }
            Means::Replace => {
                call.at(SELF).each(|one| match (&*one.is, call.at(0).known(), call.at(1).known()) {
                    (Is::Text(text), Some(from), Some(to)) if !from.is_empty() => {
                        Value::text(text.replace(from, to), one.marks)
                    }
                    _ => Self::hidden(one.marks),
                })
            }
            Means::Format => self.format(call),
            Means::Split => {
                let of = call.at(SELF);
                match (&*of.is, call.at(0).known()) {
                    (Is::Text(text), Some("")) => {
                        Value::list(text.chars().map(|letter| Value::text(letter, of.marks)).collect())
                    }
                    (Is::Text(text), Some(at)) => {
                        Value::list(text.split(at).map(|part| Value::text(part, of.marks)).collect())
                    }
                    (Is::Text(text), None) => {
                        Value::list(text.split_whitespace().map(|part| Value::text(part, of.marks)).collect())
                    }
                    _ => Value::unknown(of.marks),
                }
            }
            Means::Reverse => {
                let place = if call.of.is_some() { SELF } else { 0 };
                call.at(place).each(|one| match &*one.is {
                    Is::Text(text) => Value::text(text.chars().rev().collect::<String>(), one.marks),
                    Is::List(all) => Value::list(all.iter().rev().cloned().collect()),
                    _ => one.clone(),
                })
            }
            Means::Upper(upper) => {
                let value = if call.of.is_some() { call.at(SELF) } else { call.at(0) };
                value.each(|one| match &*one.is {
                    Is::Text(text) => {
                        Value::text(if upper { text.to_uppercase() } else { text.to_lowercase() }, one.marks)
                    }
                    _ => one.clone(),
                })
            }
            Means::Pack2 => match call.at(0).known() {
                Some(form) if form.starts_with(['H', 'h']) => decoded(Code::Hex, &call.at(1)),
                Some(form) if form.starts_with(['C', 'U', 'c', 'W']) => {
                    letters(&Value::list(call.rest(1).iter().flat_map(Value::items).collect()))
                }
                Some(form) if form.starts_with('u') => Self::hidden(Marks::DECODED),
                _ => hidden(),
            },
            Means::Shift => self.arguments.first().cloned().unwrap_or_else(|| Self::hidden(Marks::ARGUMENTS)),
            Means::Partial => Value::unknown(call.marks),
            _ => Value::unknown(call.marks),
        }
    }

    /// `'{}{x}'.format(a, x=b)`
    fn format(&mut self, call: &Call<'_>) -> Value {
        let of = call.at(SELF);
        let Is::Text(text) = &*of.is else {
            let form = call.at(0);
            return formatted(&form, &call.rest(1));
        };
        let (mut out, mut next) = (String::new(), 0);
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '{' {
                out.push(letter);
                continue;
            }
            let field: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
            let name = field.split([':', '!', '.', '[']).next().unwrap_or_default();
            let value = if name.is_empty() {
                next += 1;
                call.arguments.list.get(next - 1)
            } else {
                name.parse()
                    .ok()
                    .and_then(|at: usize| call.arguments.list.get(at))
                    .or_else(|| call.arguments.named(name))
            };
            out.push_str(&value.map_or_else(|| UNKNOWN.to_string(), Value::shown));
        }
        Value::text(out, call.marks)
    }

    pub(in crate::inline) fn import(&mut self, name: &str) -> Value {
        if self.language == Language::JavaScript
            && name.ends_with(".json")
            && name.starts_with(['.', '/', '~'])
        {
            let path = Value::plain(name);
            return self.reads(&path);
        }
        Value::name(crate::inline::reader::module(name))
    }
}

/// The items of a list, or the value itself with all its alternatives.
fn spread(value: &Value) -> Vec<Value> {
    match &*value.is {
        Is::List(all) => all.clone(),
        _ => vec![value.clone()],
    }
}

/// The values in which something is sent: not the headers of a request.
fn body(value: &Value) -> Vec<Value> {
    match &*value.is {
        Is::Map(all) => all
            .iter()
            .filter(|(name, _)| !name.to_ascii_lowercase().contains("header") && name != "auth")
            .map(|(_, value)| value.clone())
            .collect(),
        _ => vec![value.clone()],
    }
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "ftp://", "ws://", "wss://"].iter().any(|scheme| text.starts_with(scheme))
}

fn is_local(text: &str) -> bool {
    let host = text.split_once("://").map_or(text, |(_, rest)| rest);
    let host = host.split(['/', '?']).next().unwrap_or(host);
    let host = host.rsplit('@').next().unwrap_or(host);
    let name = host.split(':').next().unwrap_or(host);
    matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0") || host.starts_with("[::1]")
}

/// The address in a value: a text, options with a host, a request.
fn address_of(value: &Value) -> Value {
    match &*value.is {
        Is::Map(_) => {
            let whole = value.at("url").or_else(|| value.at("uri"));
            let host = || value.at("hostname").or_else(|| value.at("host"));
            whole.or_else(host).unwrap_or_else(|| Value::unknown(value.marks))
        }
        Is::Made(by, all) if by != CONTENT && by != PATH => {
            all.first().cloned().unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}

fn host_of(values: &[Value]) -> Word {
    let port = values.iter().find_map(|value| {
        value.at("port").or_else(|| matches!(&*value.is, Is::Number(_)).then(|| value.clone()))
    });
    let host = values.iter().find_map(|value| match &*value.is {
        Is::Map(_) => value.at("host").or_else(|| value.at("hostname")),
        Is::Text(_) | Is::Either(_) => Some(value.clone()),
        _ => None,
    });
    let word = match (host, port) {
        (Some(host), Some(port)) => host.concat(&Value::plain(":")).concat(&port),
        (Some(host), None) => host,
        // Without a host it is this machine.
        (None, Some(port)) if values.len() == 1 => Value::plain("localhost:").concat(&port),
        _ => Value::unknown(Marks::NONE),
    };
    word.words().into_iter().next().unwrap_or_default()
}

fn decoded(code: Code, value: &Value) -> Value {
    let marks = value.marks.and(Marks::DECODED);
    value.each(|one| match one.known().and_then(|text| decode::decode(code, text)) {
        Some(text) => Value::text(text, marks),
        None => Value::text(UNKNOWN.to_string(), marks),
    })
}

/// A text from the codes of its letters.
fn letters(value: &Value) -> Value {
    let Is::List(all) = &*value.is else {
        return match &*value.is {
            Is::Number(code) => Value::text(letter(*code), Marks::DECODED),
            _ => value.clone(),
        };
    };
    if !all.iter().all(|one| matches!(&*one.is, Is::Number(_))) {
        return value.clone();
    }
    let text: String = all.iter().filter_map(Value::as_number).map(letter).collect();
    Value::text(text, value.marks.and(Marks::DECODED))
}

fn letter(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn join(glue: &Value, list: &Value) -> Value {
    match &*list.is {
        Is::List(all) if !all.iter().any(|value| matches!(&*value.is, Is::Either(_))) => {
            let texts: Vec<String> = all.iter().map(Value::shown).collect();
            let text = texts.join(&glue.shown());
            Value::text(text, list.marks.and(glue.marks))
        }
        Is::List(all) => {
            let mut whole: Option<Value> = None;
            for next in all {
                whole = Some(match whole {
                    Some(before) if glue.known() == Some("") => before.concat(next),
                    Some(before) => before.concat(glue).concat(next),
                    None => next.clone(),
                });
            }
            whole.unwrap_or_else(|| Value::plain(""))
        }
        Is::Text(_) => list.clone(),
        _ => Value::text(UNKNOWN.to_string(), list.marks),
    }
}
