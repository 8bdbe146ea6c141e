//! Acting out what a program does: its touches, its hosts, what it runs, where its bytes go.

use agentfirewall_sdk::{Access, Direction};

use super::files::is_of_files;
use super::machine::Machine;
use super::state::{Item, Key};
use super::texts;
use super::value::{Out, Value};
use crate::inline;
use crate::understand::{Content, Doing, HOLE, Language, Origin, Output, Run, Taint, Touch, UNKNOWN, Word};

/// How many words of a program that nobody knows are looked at as paths.
const MENTIONS: usize = 64;
/// The effect of running something as another user.
const ROOT: &str = "privilege.root";

/// Whether a program makes programs of its input.
fn is_compiler(program: &str) -> bool {
    matches!(
        program,
        "gcc"
            | "g++"
            | "cc"
            | "c++"
            | "clang"
            | "clang++"
            | "tcc"
            | "rustc"
            | "gfortran"
            | "nvcc"
            | "musl-gcc"
            | "nim"
            | "zig"
    )
}

impl Machine<'_> {
    /// Acts out a program by its words and what the table says of them.
    pub(super) fn acted(&mut self, argv: Vec<Word>, mut doing: Doing, raw: Option<&str>, out: &mut Out) {
        self.subscripts(&argv);
        let on_trial = self.spare_tests(&argv, &mut doing);
        self.spare_local(&argv, &mut doing);
        self.spare_made(&mut doing, raw);
        let removes = super::programs::removes_firewall(&argv) || self.ends_firewall(&argv);
        let program = argv.first().cloned().unwrap_or_default();
        let origin = self.note(argv, &doing, raw);
        self.name_of_program(&program, origin);
        if removes {
            self.effect("firewall.tamper", "agentfirewall", origin);
        }
        if !doing.recognised {
            self.mentioned(&doing, origin);
        }
        let outer = std::mem::replace(&mut self.on_trial, on_trial);
        self.perform(doing, origin, out);
        self.on_trial = outer;
    }

    /// The paths among the words of a program that the table does not know: what happens to them, nobody can say.
    fn mentioned(&mut self, doing: &Doing, origin: Origin) {
        let values = doing.options.iter().filter_map(|(_, value)| value.as_ref());
        let words: Vec<Word> = doing.operands.iter().chain(values).take(MENTIONS).cloned().collect();
        for word in words {
            let is_path = !word.text.is_empty()
                && word.text.len() <= 4_096
                && !word.text.contains(['\n', '\t', ' '])
                && !word.text.starts_with('-');
            if is_path && doing.touches.iter().all(|touch| touch.word != word) {
                self.touch(&Touch::new(word, Access::Unknown), origin);
            }
        }
    }

    /// What it means that the name of a program is not known.
    fn name_of_program(&mut self, program: &Word, origin: Origin) {
        let name = program.text.rsplit('/').next().unwrap_or_default();
        if matches!(name, "[" | "[[") {
            return;
        }
        if !name.contains(UNKNOWN) && !program.wild {
            return;
        }
        if let Some(command) = self.seen.commands.last_mut() {
            command.clear = false;
        }
        if program.taint.has(Taint::NETWORK) {
            self.effect("remote-code.pipe", "the name of the program comes from the network", origin);
        } else if program.taint.has(Taint::DECODED) {
            self.effect("remote-code.decoded", "the name of the program comes out of a decoder", origin);
        } else if !program.taint.has(Taint::PROGRAM) || program.wild {
            self.effect("shell.opaque", "the name of the program is not known before it runs", origin);
        }
    }

    /// Acts out what something does.
    pub(super) fn perform(&mut self, doing: Doing, origin: Origin, out: &mut Out) {
        if !self.step(1 + u32::try_from(doing.touches.len()).unwrap_or(u32::MAX)) {
            return;
        }
        let printed = if doing.program == "mktemp" || doing.program == "gmktemp" {
            self.fresh(&doing)
        } else {
            texts::printed(&doing, self.world)
        };
        let mut flow = Flow {
            loopback: !doing.contacts.is_empty()
                && doing.contacts.iter().all(|contact| self.is_loopback(&contact.word)),
            stored: None,
            shown: false,
            origin,
        };
        for contact in &doing.contacts {
            self.contact(contact, origin);
        }
        for word in &doing.sent {
            self.sent(&Value::one(word.clone()), flow.loopback, origin);
        }
        let input = if doing.input == Content::Unused { None } else { self.input.rest() };
        for touch in doing.touches.iter().filter(|touch| touch.access != Access::Write) {
            self.take(touch, &doing, &mut flow, out);
        }
        if let Some(value) = &input {
            self.consume(value, doing.input, &doing, &mut flow, out);
        } else if doing.input == Content::Run(Language::Shell) && doing.runs.is_empty() {
            // A shell that somebody else types into.
            out.push(&Value::unknown(Taint::SHELL | Taint::PROGRAM));
            flow.shown = true;
        } else if doing.input == Content::Decoded && doing.touches.is_empty() {
            // A decoder of what somebody else types or sends.
            out.push(&Value::unknown(Taint::DECODED));
            flow.shown = true;
        }
        let fetched = doing.output == Output::Network
            || doing.contacts.iter().any(|contact| contact.direction == Direction::Fetch);
        for touch in doing.touches.iter().filter(|touch| touch.access == Access::Write) {
            self.touch(touch, origin);
            let value = match &flow.stored {
                Some(value) => value.clone(),
                None if fetched => Value::unknown(Taint::NETWORK),
                // Code of another language: what it writes is in it, if anywhere.
                None if self.inside => Value::unknown(Taint::PROGRAM | Taint::CODE),
                None => continue,
            };
            self.store(&touch.word, &value, false);
        }
        self.copied(&doing);
        self.remote(&doing, origin);
        self.told(&doing, input.as_ref(), origin, out);
        for run in &doing.runs {
            self.start(run, &doing, input.as_ref(), &flow, out);
        }
        match doing.output {
            Output::Network => out.push(&Value::unknown(Taint::NETWORK)),
            Output::Environment => out.push(&Value::unknown(Taint::ENVIRONMENT | Taint::PROGRAM)),
            Output::Secret => {
                // Programs of the table say so by an effect of their own; code of other languages has none.
                if doing.program.is_empty() && !out.wanted && !self.elsewhere {
                    self.effect(
                        "credentials.print-secret",
                        "code that prints a variable with a secret",
                        origin,
                    );
                }
                out.push(&Value::unknown(Taint::SECRET));
            }
            Output::Names | Output::Report => match printed {
                Some(value) => out.push(&value),
                None if !flow.shown && doing.runs.is_empty() => out.push(&Value::unknown(Taint::PROGRAM)),
                None => {}
            },
        }
        // To become somebody else for something that changes nothing is harmless.
        let harmless =
            doing.effects.iter().any(|effect| effect.id == ROOT) && self.starts_harmless(&doing, 0);
        for effect in doing.effects {
            if effect.id != ROOT || !harmless {
                self.seen.effect(effect, origin);
            }
        }
    }

    /// Whether a program only starts others that change nothing.
    fn starts_harmless(&self, doing: &Doing, depth: usize) -> bool {
        !doing.runs.is_empty()
            && depth < 4
            && doing.runs.iter().all(|run| match run {
                Run::Command { argv, more: false, .. } => {
                    let inner = self.world.knowledge.doing(argv);
                    inner.harmless || (inner.effects.is_empty() && self.starts_harmless(&inner, depth + 1))
                }
                _ => false,
            })
    }

    fn is_loopback(&self, address: &Word) -> bool {
        crate::understand::Address::of(&address.text).is_loopback()
    }

    /// A path that is not written: where its content goes.
    fn take(&mut self, touch: &Touch, doing: &Doing, flow: &mut Flow, out: &mut Out) {
        let is_ours = touch.word.text.starts_with("/dev/fd/")
            && self.state.get(&Key::File(touch.word.text.clone().into())).is_some();
        if matches!(touch.word.text.as_str(), "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0") {
            if let Some(value) = self.input.rest() {
                self.consume(&value, touch.content, doing, flow, out);
            }
            return;
        }
        if !is_ours {
            let mut touch = touch.clone();
            if touch.content == Content::Sent && flow.loopback {
                touch.content = Content::Unused;
            }
            self.touch(&touch, flow.origin);
        }
        if touch.access == Access::Delete {
            let key = Key::File(std::path::PathBuf::from(&touch.word.text));
            if self.state.get(&key).is_some() {
                self.state.set(key, Item::Gone);
            }
        }
        if touch.content == Content::Unused {
            return;
        }
        let value = self.content(&touch.word);
        // What the path's own consequences say of a file that was there is not said twice.
        let own = value.taint() == Taint::FILE || value.taint() == Taint::FILE | Taint::SECRET;
        match touch.content {
            Content::Sent if own => {}
            Content::Run(_) if own && !value.taint().has(Taint::SECRET) && !is_ours => {}
            content => self.consume(&value, content, doing, flow, out),
        }
    }

    /// What becomes of bytes.
    fn consume(&mut self, value: &Value, content: Content, doing: &Doing, flow: &mut Flow, out: &mut Out) {
        if value.taint().has(Taint::ENVIRONMENT) && !self.elsewhere && picks_secrets(doing, content) {
            self.effect("credentials.print-secret", "variables whose names say secrets", flow.origin);
        }
        match content {
            Content::Unused | Content::Linked | Content::Arguments | Content::Names => {}
            Content::Shown | Content::Stored => {
                if content == Content::Shown {
                    flow.shown = true;
                    let seen = match texts::transformed(doing, value) {
                        Some(value) => value,
                        // A program that makes another text of it: what that is, nobody sees.
                        None => Value::unknown(value.taint() | made_of(value)),
                    };
                    out.push(&seen);
                    flow.keep(&seen);
                } else if !is_compiler(&doing.program) {
                    flow.keep(value);
                } else if value.taint().has(Taint::NETWORK) {
                    // What is made of a source is not its text.
                    flow.keep(&Value::unknown(Taint::NETWORK));
                }
            }
            Content::Encoded | Content::Decoded => {
                flow.shown = true;
                let seen = texts::transformed(doing, value)
                    .unwrap_or_else(|| Value::unknown(value.taint() | Taint::DECODED));
                out.push(&seen);
                flow.keep(&seen);
            }
            Content::Unpacked => {
                self.unpacked |= value.taint().has(Taint::NETWORK);
                flow.keep(&Value::unknown(value.taint() | Taint::DECODED));
            }
            Content::Sent => self.sent(value, flow.loopback, flow.origin),
            Content::Run(language) => {
                flow.shown = true;
                self.run_code(language, value, &[], flow.origin, out);
                out.push(&Value::unknown(Taint::PROGRAM));
            }
        }
    }

    /// What it means that a text leaves the machine.
    pub(super) fn sent(&mut self, value: &Value, loopback: bool, origin: Origin) {
        let taint = value.taint();
        if taint.has(Taint::SHELL) {
            self.effect("remote-code.reverse-shell", "a shell answers to another machine", origin);
        }
        if loopback {
            return;
        }
        if taint.has(Taint::SECRET) {
            self.effect("exfiltration.secret", "credentials go to another machine", origin);
        }
        if taint.has(Taint::ENVIRONMENT) {
            self.effect("exfiltration.environment", "the environment goes to another machine", origin);
        }
        if taint.has(Taint::FILE) || taint.has(Taint::PROGRAM) {
            self.effect("exfiltration.upload", "what was found on this machine goes to another", origin);
        }
    }

    /// Starts what a program runs.
    fn start(&mut self, run: &Run, doing: &Doing, input: Option<&Value>, flow: &Flow, out: &mut Out) {
        match run {
            Run::Command { argv, more, elsewhere, folder, environment } => {
                let commands =
                    if *more { filled(argv, appended(doing, argv, input)) } else { vec![argv.clone()] };
                let outer = self.elsewhere;
                self.elsewhere |= elsewhere;
                self.wrapped(&doing.program, |machine| {
                    machine.subshell(|machine| {
                        if let Some(folder) = folder {
                            machine.go_to(folder);
                        }
                        for (name, value) in environment {
                            let value = Value::one(value.clone());
                            machine.state.assign(name, value.clone());
                            machine.state.export(name);
                            machine.environment(name, &value, flow.origin);
                        }
                        for argv in commands {
                            machine.command(argv, None, out);
                        }
                    });
                });
                self.elsewhere = outer;
            }
            Run::Code { language, text, arguments, elsewhere } => {
                let outer = self.elsewhere;
                self.elsewhere |= elsewhere;
                let text = Value::one(text.clone());
                let (language, arguments) = (*language, arguments.clone());
                let origin = flow.origin;
                self.wrapped(&doing.program, |machine| {
                    machine.subshell(|machine| {
                        machine.run_code(language, &text, &arguments, origin, out);
                    });
                });
                self.elsewhere = outer;
            }
            Run::File { language, path, arguments, here } => {
                let (language, here, origin) = (*language, *here, flow.origin);
                self.deeper(|machine| {
                    machine.subshell(|machine| {
                        machine.run_file(language, path, arguments, here, origin, out);
                    });
                });
            }
        }
    }

    /// Runs code of any language.
    pub(super) fn run_code(
        &mut self,
        language: Language,
        value: &Value,
        arguments: &[Word],
        origin: Origin,
        out: &mut Out,
    ) {
        if is_of_files(value) {
            self.run_read(language, arguments, origin, out);
        }
        for word in value.options() {
            let void = word.text.trim().chars().all(|c| c == UNKNOWN) && !word.text.trim().is_empty();
            if word.taint.has(Taint::NETWORK) && !word.known() {
                if word.taint.has(Taint::SHELL) {
                    self.effect("remote-code.reverse-shell", "another machine says what runs", origin);
                } else {
                    self.effect("remote-code.pipe", "what runs comes from the network", origin);
                }
            } else if word.taint.has(Taint::DECODED) && !word.known() {
                self.effect("remote-code.decoded", "what runs comes out of a decoder", origin);
            } else if void
                && (word.taint.has(Taint::CODE)
                    || !word.taint.has(Taint::PROGRAM) && !word.taint.has(Taint::FILE))
            {
                self.effect("remote-code.eval", "what runs is not known before it runs", origin);
            }
            if void {
                continue;
            }
            if language == Language::Shell {
                let outer = self.arguments.clone();
                let zero = self.zero.clone();
                if let Some(first) = arguments.first() {
                    self.zero = Some(Value::one(first.clone()));
                    self.arguments = arguments.iter().skip(1).cloned().map(Value::one).collect();
                }
                let text = word.text.clone();
                self.deeper(|machine| {
                    machine.run_text(&text, out);
                });
                self.arguments = outer;
                self.zero = zero;
            } else {
                let mut doing = inline::read(language, word, arguments, &mut self.fuel);
                if language == Language::Sql && self.on_trial {
                    super::trials::spare_sql(&word.text, &mut doing);
                }
                if self.fuel.is_empty() {
                    self.seen.give_up("it takes too many steps to follow");
                }
                let outer = std::mem::replace(&mut self.inside, origin != Origin::Call);
                self.deeper(|machine| {
                    machine.subshell(|machine| machine.perform(doing, origin, out));
                });
                self.inside = outer;
                out.push(&Value::unknown(Taint::PROGRAM | Taint::CODE));
            }
        }
    }
}

/// Whether a program that reads all variables looks for those with secrets, or hides all of them from who reads along:
/// `env | grep -i token`, `printenv | base64`.
fn picks_secrets(doing: &Doing, content: Content) -> bool {
    const SECRETS: [&str; 9] = [
        "token",
        "secret",
        "passw",
        "passphrase",
        "api_key",
        "apikey",
        "access_key",
        "private_key",
        "credential",
    ];
    match content {
        Content::Encoded => true,
        Content::Shown => {
            let searches = matches!(
                doing.program.as_str(),
                "grep" | "egrep" | "fgrep" | "rg" | "ag" | "ack" | "awk" | "gawk" | "sed"
            );
            let excludes =
                doing.options.iter().any(|(name, _)| matches!(name.as_str(), "-v" | "--invert-match"));
            searches
                && !excludes
                && doing
                    .operands
                    .iter()
                    .chain(doing.options.iter().filter_map(|(_, value)| value.as_ref()))
                    .any(|word| {
                        let text = word.text.to_ascii_lowercase();
                        SECRETS.iter().any(|secret| text.contains(secret))
                    })
        }
        _ => false,
    }
}

/// Where a program's bytes go.
struct Flow {
    /// Whether all it talks to is this machine.
    loopback: bool,
    /// What goes into the files it writes.
    stored: Option<Value>,
    /// Whether something of what it read came out.
    shown: bool,
    origin: Origin,
}

impl Flow {
    fn keep(&mut self, value: &Value) {
        self.stored = Some(match self.stored.take() {
            Some(old) => old.then(value),
            None => value.clone(),
        });
    }
}

/// What a text becomes that a program of texts works on: of a text that was written out, something nobody reads.
fn made_of(value: &Value) -> Taint {
    if value.known() && value.options().iter().any(|word| !word.text.trim().is_empty()) {
        Taint::DECODED
    } else {
        Taint::PROGRAM
    }
}

/// The command with the words it gets: at its end, or one after the other where its holes are.
fn filled(argv: &[Word], words: Vec<Word>) -> Vec<Vec<Word>> {
    if !argv.iter().any(|word| word.text.contains(HOLE)) {
        return vec![argv.iter().cloned().chain(words).collect()];
    }
    words
        .iter()
        .take(8)
        .map(|found| {
            argv.iter()
                .map(|word| Word {
                    text: word.text.replace(HOLE, &found.text),
                    taint: if word.text.contains(HOLE) { word.taint | found.taint } else { word.taint },
                    ..word.clone()
                })
                .collect()
        })
        .collect()
}

/// The arguments that a program such as `xargs` takes from its standard input.
fn appended(doing: &Doing, argv: &[Word], input: Option<&Value>) -> Vec<Word> {
    let from_input = doing.input == Content::Arguments;
    match input.filter(|_| from_input).and_then(Value::single) {
        Some(word) => {
            // Where a hole is to be filled, each line fills it whole.
            let lines = argv.iter().any(|word| word.text.contains(HOLE));
            let texts = if lines {
                word.text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
            } else {
                super::expand::split_text(&word.text)
            };
            let mut words: Vec<Word> =
                texts.into_iter().map(|text| Word { text, wild: word.wild, taint: word.taint }).collect();
            words.truncate(64);
            words
        }
        None => vec![Word::unknown(input.map_or(Taint::NONE, Value::taint))],
    }
}
