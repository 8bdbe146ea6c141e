//! Acts on a call as its row says, and gives the value that comes back.

mod clouds;
mod databases;
mod network;
mod notebooks;
mod values;

use agentfirewall_sdk::{Access, Direction};

pub(in crate::inline) use databases::only_trials;

use super::{Arguments, CONTENT, Means, Place, SELF};
use crate::inline::reader::Reader;
use crate::inline::value::{Is, Marks, Value};
use crate::understand::{Content, Language, Run};
use network::is_url;

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
        if self.deletes_in_cloud(callee) {
            return Value::unknown(marks);
        }
        if let Some(means) = means {
            let value = self.act(means, &key, &call);
            if let Is::Text(text) = &*value.is {
                self.spend(text.len() / 64);
            }
            value
        } else {
            // A function of nobody's knowledge holds what it is given.
            let of = call.of.iter().cloned();
            Value::new(Is::Made(key, of.chain(arguments.list.iter().cloned()).take(8).collect()), marks)
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
            Means::Read(place) => {
                let files = call.named(place, &["file", "path", "filename", "filenames"]);
                let mut read = Value::unknown(Marks::FILE);
                for file in files.items() {
                    read = self.reads(&file);
                }
                read
            }
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
                // The last of what makes a function is its code.
                let makes = matches!(key, "Function" | "AsyncFunction");
                let last = call.rest(0).pop().filter(|_| makes);
                let value = last.unwrap_or_else(|| call.at(place));
                // A function that is called later is code that stands there already.
                let stands = call.arguments.function
                    || matches!(&*value.is, Is::Unknown if value.marks == Marks::NONE && !makes && key != "eval" && key != "exec");
                if !stands {
                    // Whoever hides code from its reader means something by it, whatever it says.
                    if value.marks.has(Marks::DECODED) {
                        self.effect("remote-code.eval", "code that was hidden by an encoding");
                    }
                    self.evaluate(&value);
                }
                Value::unknown(call.marks)
            }
            Means::Unpickle(place) => {
                let is =
                    |value: &Value, name: &str| matches!(&*value.is, Is::Name(its) if its.ends_with(name));
                let runs = match key {
                    // Both are safe unless somebody says otherwise.
                    "torch.load" => {
                        call.arguments.named("weights_only").is_some_and(|value| !is(value, "true"))
                    }
                    "yaml.load" => {
                        let loader = call.named(1, &["Loader"]);
                        is(&loader, "UnsafeLoader") || is(&loader, ".Loader") || is(&loader, "CLoader")
                    }
                    _ => true,
                };
                if runs {
                    self.unpickle(&call.at(place));
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
            Means::Sql(place) => {
                self.sql(&call.at(place));
                Value::unknown(call.marks)
            }
            // What it holds comes from the files it reads later.
            Means::FileReader => Value::new(Is::Made(key.to_owned(), Vec::new()), Marks::FILE),
            Means::Cloud => Self::cloud_client(key, call),
            Means::Magic(cell) => {
                self.magic(call, cell);
                Value::unknown(Marks::NONE)
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
        let recursive = call.arguments.list.iter().find_map(|value| value.at("recursive"));
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
}

/// The items of a list, or the value itself with all its alternatives.
fn spread(value: &Value) -> Vec<Value> {
    match &*value.is {
        Is::List(all) => all.clone(),
        _ => vec![value.clone()],
    }
}
