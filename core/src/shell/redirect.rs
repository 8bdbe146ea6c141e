//! Redirections: where standard input comes from, where standard output goes, what is written on the way.

use agentfirewall_sdk::{Access, Direction};
use shuck_ast::{HeredocBodyPart, Redirect, RedirectKind, RedirectTarget};

use super::machine::Machine;
use super::state::{Descriptor, Item, Key};
use super::streams::Input;
use super::value::{Out, Value};
use crate::understand::{Contact, Content, Origin, Taint, Touch, Word};

/// The descriptors that redirections change, by number; the last of a number counts.
#[derive(Debug, Default)]
pub(super) struct Plumbing {
    ends: Vec<(i32, End)>,
    /// Those that stay after the command.
    lasting: Vec<i32>,
}

#[derive(Debug, Clone)]
struct End {
    descriptor: Descriptor,
    append: bool,
}

impl Plumbing {
    fn get(&self, number: i32) -> Option<&End> {
        self.ends.iter().rev().find(|(of, _)| *of == number).map(|(_, end)| end)
    }

    fn set(&mut self, number: i32, descriptor: Descriptor, append: bool) {
        self.ends.push((number, End { descriptor, append }));
    }
}

impl Machine<'_> {
    /// Runs something with its redirections.
    pub(super) fn redirected(
        &mut self,
        source: &str,
        redirects: &[Redirect],
        out: &mut Out,
        run: impl FnOnce(&mut Self, &mut Out),
    ) {
        if redirects.is_empty() {
            // What `exec > file` set stays in force.
            return match self.state.get(&Key::Descriptor(1)).cloned() {
                Some(Item::Descriptor(descriptor)) if !out.wanted => {
                    let mut inner = Out::wanted();
                    run(self, &mut inner);
                    self.deliver(&End { descriptor, append: true }, &inner.into_value());
                }
                _ => run(self, out),
            };
        }
        let plumbing = self.plumb(source, redirects);
        let outer_input = self.input.clone();
        if let Some(end) = plumbing.get(0) {
            self.input = self.opened(&end.descriptor);
        }
        let mut kept = Vec::new();
        for (number, end) in plumbing.ends.iter().filter(|(number, _)| *number > 2) {
            let key = Key::Descriptor(*number);
            if !plumbing.lasting.contains(number) {
                kept.push((key.clone(), self.state.get(&key).cloned()));
            }
            self.state.set(key, Item::Descriptor(end.descriptor.clone()));
        }
        match plumbing.get(1) {
            Some(end) => {
                let mut inner = Out::wanted();
                run(self, &mut inner);
                self.deliver(end, &inner.into_value());
            }
            None => run(self, out),
        }
        for (key, item) in kept.into_iter().rev() {
            self.state.set(key, item.unwrap_or(Item::Gone));
        }
        self.input = outer_input;
    }

    /// `exec` without a program: the redirections stay.
    pub(super) fn keep_redirected(&mut self, source: &str, redirects: &[Redirect]) {
        let plumbing = self.plumb(source, redirects);
        for (number, end) in plumbing.ends {
            if number == 0 {
                self.input = self.opened(&end.descriptor);
            }
            self.state.set(Key::Descriptor(number), Item::Descriptor(end.descriptor));
        }
    }

    /// The lowest free number from ten on.
    fn take_descriptor(&self, taken: &[i32]) -> i32 {
        let is_free = |number: &i32| {
            !taken.contains(number)
                && matches!(self.state.get(&Key::Descriptor(*number)), None | Some(Item::Gone))
        };
        (10..64).find(is_free).unwrap_or(64)
    }

    /// Evaluates redirections, in their order.
    pub(super) fn plumb(&mut self, source: &str, redirects: &[Redirect]) -> Plumbing {
        let mut plumbing = Plumbing::default();
        for redirect in redirects {
            // `{name}>`: the shell takes a free number, which stays open after the command.
            let taken = redirect.fd_var.as_ref().map(|name| {
                let number = self.take_descriptor(&plumbing.lasting);
                self.state.assign(name.as_str(), Value::text(number.to_string()));
                plumbing.lasting.push(number);
                number
            });
            let told = self.descriptor.take();
            let of = |standard: i32| taken.or(told).or(redirect.fd).unwrap_or(standard);
            match (&redirect.kind, &redirect.target) {
                (_, RedirectTarget::Heredoc(heredoc)) => {
                    if heredoc.delimiter.expands_body && hides_code(source, heredoc) {
                        self.seen.give_up("a substitution in a here-document cannot be read");
                    }
                    if !is_ended(source, heredoc) {
                        self.seen.give_up("a here-document has no end");
                    }
                    let mut text = Value::text("");
                    for part in &heredoc.body.parts {
                        let next = if heredoc.delimiter.expands_body {
                            self.heredoc_part(source, part)
                        } else {
                            Value::text(part.span.slice(source))
                        };
                        text = text.then(&next);
                    }
                    if heredoc.delimiter.strip_tabs {
                        text = text.map(|text| {
                            text.lines().map(|line| format!("{}\n", line.trim_start_matches('\t'))).collect()
                        });
                    }
                    plumbing.set(of(0), Descriptor::Text(text), false);
                }
                (RedirectKind::HereString, RedirectTarget::Word(word)) => {
                    let text = self.text(source, word).then(&Value::text("\n"));
                    plumbing.set(of(0), Descriptor::Text(text), false);
                }
                (RedirectKind::DupInput | RedirectKind::DupOutput, RedirectTarget::Word(word)) => {
                    let output = matches!(redirect.kind, RedirectKind::DupOutput);
                    let target = self.text(source, word).first();
                    let to = of(i32::from(output));
                    match target.text.trim_end_matches('-').parse::<i32>() {
                        Ok(number) => {
                            let end = self.end_of(&plumbing, number);
                            plumbing.ends.push((to, end));
                        }
                        Err(_) if target.text == "-" => plumbing.set(to, Descriptor::Inherited, false),
                        // `>&file` is `&>file`.
                        Err(_) => self.open(&mut plumbing, to, target, output, false),
                    }
                }
                (kind, RedirectTarget::Word(word)) => {
                    let value = self.text(source, word);
                    let output = !matches!(kind, RedirectKind::Input);
                    let append = matches!(kind, RedirectKind::Append);
                    // `<>` reads and writes, so both of its ends lead there.
                    let both = matches!(kind, RedirectKind::ReadWrite);
                    let to = of(i32::from(output && !both));
                    for word in value.options() {
                        self.open(&mut plumbing, to, word.clone(), output && !both, append);
                        if both && !is_socket(&word.text) {
                            let touch = Touch::new(word.clone(), Access::Write);
                            self.touch(&touch, Origin::Call);
                        }
                    }
                }
            }
        }
        plumbing
    }

    fn end_of(&self, plumbing: &Plumbing, number: i32) -> End {
        if let Some(end) = plumbing.get(number) {
            return end.clone();
        }
        let descriptor = match self.state.get(&Key::Descriptor(number)) {
            Some(Item::Descriptor(descriptor)) => descriptor.clone(),
            _ => Descriptor::Inherited,
        };
        End { descriptor, append: true }
    }

    fn open(&mut self, plumbing: &mut Plumbing, number: i32, word: Word, output: bool, append: bool) {
        if let Some(address) = socket(&word.text) {
            let contact =
                Contact { word: Word { text: address, ..word.clone() }, direction: Direction::Connect };
            self.contact(&contact, Origin::Call);
            return plumbing.set(number, Descriptor::Network(word), append);
        }
        if is_nowhere(&word.text) {
            return plumbing.set(number, Descriptor::Inherited, append);
        }
        let ours = self.drains.iter().any(|drain| drain.path == std::path::Path::new(&word.text))
            || self.state.get(&Key::File(word.text.clone().into())).is_some()
                && word.text.starts_with("/dev/fd/");
        if !ours {
            let access = if output { Access::Write } else { Access::Read };
            let mut touch = Touch::new(word.clone(), access);
            if !output {
                touch.content = Content::Shown;
            }
            self.touch(&touch, Origin::Call);
        }
        plumbing.set(number, Descriptor::File(word), append);
    }

    /// What can be read from a descriptor.
    fn opened(&mut self, descriptor: &Descriptor) -> Input {
        match descriptor {
            Descriptor::Text(value) => Input::of(value.clone()),
            Descriptor::File(word) => {
                let value = self.content(word);
                Input::of(value)
            }
            Descriptor::Network(_) => Input::of(Value::unknown(Taint::NETWORK | Taint::SHELL)),
            Descriptor::Inherited => Input::default(),
        }
    }

    /// What a file holds: what the script wrote there, or something nobody here knows.
    pub(super) fn content(&mut self, word: &Word) -> Value {
        if let Some(Item::Descriptor(descriptor)) =
            descriptor_of(&word.text).and_then(|number| self.state.get(&Key::Descriptor(number))).cloned()
        {
            return self.opened(&descriptor).rest().unwrap_or_else(|| Value::unknown(Taint::PROGRAM));
        }
        let folders = self.state.folder().paths;
        let folder = folders.first().cloned().unwrap_or_else(|| self.world.folder.to_owned());
        let placed = self.place(word, &folder);
        if placed.known
            && let Some(Item::File(value)) = self.state.get(&Key::File(placed.lexical.clone()))
        {
            return value.clone();
        }
        let secret = !self.elsewhere && self.world.ground.is_secret(&placed);
        if placed.known && !placed.wild && !secret {
            self.opened_file(&placed.canonical);
        }
        Value::unknown(if secret { Taint::FILE | Taint::SECRET } else { Taint::FILE })
    }

    /// Puts what was written to standard output where it goes.
    fn deliver(&mut self, end: &End, value: &Value) {
        match &end.descriptor {
            Descriptor::File(word) => self.store(word, value, end.append),
            Descriptor::Network(_) => self.sent(value, false, Origin::Call),
            Descriptor::Text(_) | Descriptor::Inherited => {}
        }
    }

    /// Notes what a file holds from now on.
    pub(super) fn store(&mut self, word: &Word, value: &Value, append: bool) {
        if self.drain(std::path::Path::new(&word.text), value) {
            return;
        }
        if let Some(number) = descriptor_of(&word.text)
            && let Some(Item::Descriptor(Descriptor::Network(_))) = self.state.get(&Key::Descriptor(number))
        {
            return self.sent(value, false, Origin::Call);
        }
        for folder in self.state.folder().paths {
            let placed = self.place(word, &folder);
            if placed.known {
                let key = Key::File(placed.lexical.clone());
                let value = match self.state.get(&key) {
                    Some(Item::File(old)) if append => old.then(value),
                    _ => value.clone(),
                };
                self.state.set(key, Item::File(value));
            }
        }
    }
}

/// The number of a descriptor that a path stands for.
fn descriptor_of(path: &str) -> Option<i32> {
    ["/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"]
        .iter()
        .find_map(|folder| path.strip_prefix(folder))
        .and_then(|number| number.parse().ok())
        .filter(|number| *number > 2)
}

/// `/dev/tcp/host/port` as `host:port`.
fn socket(path: &str) -> Option<String> {
    let rest = path.strip_prefix("/dev/tcp/").or_else(|| path.strip_prefix("/dev/udp/"))?;
    Some(match rest.split_once('/') {
        Some((host, port)) => format!("{host}:{port}"),
        None => rest.to_owned(),
    })
}

fn is_socket(path: &str) -> bool {
    socket(path).is_some()
}

/// Where what is written leaves no trace.
fn is_nowhere(path: &str) -> bool {
    matches!(path, "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/tty" | "/dev/stdin" | "NUL" | "nul")
        || matches!(path, "/dev/fd/0" | "/dev/fd/1" | "/dev/fd/2")
}

/// Whether the line that ends it follows its body. Otherwise what comes after the command is text for the parser, while a shell
/// looks for the end elsewhere.
fn is_ended(source: &str, heredoc: &shuck_ast::Heredoc) -> bool {
    let rest = source.get(heredoc.body.span.end.offset()..).unwrap_or_default();
    let line = rest.strip_prefix('\n').unwrap_or(rest).lines().next().unwrap_or_default();
    line.trim_start_matches('\t') == heredoc.delimiter.cooked
}

/// Whether the parser took a body for mere text that has substitutions in it: it does not see into the second one of a line.
fn hides_code(source: &str, heredoc: &shuck_ast::Heredoc) -> bool {
    let parts = &heredoc.body.parts;
    if !parts.iter().all(|part| matches!(part.kind, HeredocBodyPart::Literal(_))) {
        return false;
    }
    parts.iter().any(|part| {
        let text = part.span.slice(source);
        let begins = |(at, _): (usize, &str)| {
            text.get(..at)
                .is_some_and(|before| before.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 0)
        };
        text.match_indices("$(").any(begins) || text.match_indices('`').any(begins)
    })
}
