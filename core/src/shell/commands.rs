//! Simple commands: aliases, functions, what the shell does itself, and everything else.

use agentfirewall_sdk::CommandFact;
use shuck_ast::{Redirect, SimpleCommand};

use super::machine::Machine;
use super::state::{Changes, Folder, Item, Key, Variable};
use super::texts;
use super::value::{Out, Value};
use crate::understand::{Doing, Language, Origin, Taint, Understood, Word};

/// Steps for each word of a command.
const WORD: u32 = 6;
/// Steps for an alias, whose text is parsed again.
const ALIAS: u32 = 64;

impl Machine<'_> {
    /// A simple command with its assignments and redirections.
    pub(super) fn simple(
        &mut self,
        source: &str,
        command: &SimpleCommand,
        redirects: &[Redirect],
        out: &mut Out,
    ) {
        let mut words: Vec<&shuck_ast::Word> = Vec::with_capacity(1 + command.args.len());
        let name = command.name.span;
        if name.end.offset() > name.start.offset() {
            words.push(&command.name);
        }
        words.extend(&command.args);
        // A number right before `<<<` or `<<` is a descriptor that the parser takes for a word.
        let descriptor = redirects.first().and_then(|redirect| {
            let word = words.last()?;
            let text = word.span.slice(source);
            let touching = word.span.end.offset() == redirect.span.start.offset() && redirect.fd.is_none();
            if touching && words.len() > 1 { text.parse::<i32>().ok() } else { None }
        });
        if descriptor.is_some() {
            words.pop();
        }
        self.descriptor = descriptor;
        let drains = self.drains.len();
        if words.is_empty() {
            for assignment in &command.assignments {
                self.assign(source, assignment);
            }
            self.redirected(source, redirects, out, |machine, out| {
                // `$(< file)` is what the file holds; `> file` alone empties it.
                if let Some(value) = machine.input.rest()
                    && out.wanted
                {
                    out.push(&value);
                }
            });
            return self.drain_all(drains);
        }
        let ways = self.argv(source, &words);
        // Assignments before a program hold for it alone.
        let mut kept = Vec::new();
        for assignment in &command.assignments {
            let name = assignment.target.name.as_str();
            let key = Key::Variable(name.to_owned());
            kept.push((key.clone(), self.state.get(&key).cloned()));
            self.assign(source, assignment);
            self.state.export(name);
            let value = self.variable(name);
            self.environment(name, &value, Origin::Call);
        }
        let raw = texts::without_end(command.span.slice(source));
        if let [argv] = ways.as_slice()
            && argv.first().is_some_and(|word| word.text == "exec")
            && argv.iter().skip(1).all(|word| word.text.starts_with('-'))
        {
            self.keep_redirected(source, redirects);
            self.builtin_seen(argv.clone(), Some(raw), out);
        } else {
            self.redirected(source, redirects, out, |machine, out| machine.ways(ways, raw, out));
        }
        for (key, item) in kept.into_iter().rev() {
            self.state.set(key, item.unwrap_or(Item::Gone));
        }
        self.drain_all(drains);
    }

    /// Runs a command that is nothing but its words.
    pub(super) fn plain_command(&mut self, argv: Vec<Word>, raw: &str, out: &mut Out) {
        if !self.step(1) {
            return;
        }
        self.descriptor = None;
        let drains = self.drains.len();
        self.redirected("", &[], out, |machine, out| machine.ways(vec![argv], raw, out));
        self.drain_all(drains);
    }

    /// Runs each reading of a command.
    fn ways(&mut self, ways: Vec<Vec<Word>>, raw: &str, out: &mut Out) {
        if ways.len() == 1 {
            for argv in ways {
                self.command(argv, Some(raw), out);
            }
            return;
        }
        let mut branches: Vec<Changes> = Vec::new();
        let mut first = true;
        for argv in ways {
            let mark = self.state.mark();
            let before = self.seen.commands.len();
            self.command(argv, Some(raw), out);
            if !std::mem::take(&mut first)
                && let Some(command) = self.seen.commands.get_mut(before)
            {
                command.mention = true;
            }
            branches.push(self.state.undo(mark));
        }
        self.state.join(branches);
    }

    /// Runs a command by its words.
    pub(super) fn command(&mut self, argv: Vec<Word>, raw: Option<&str>, out: &mut Out) {
        // Each word is copied and compared with the rows of the program, again for each program around it.
        let words = u32::try_from(argv.len()).unwrap_or(u32::MAX);
        if !self.step(words.saturating_mul(WORD).saturating_add(1)) {
            return;
        }
        let Some(program) = argv.first() else { return };
        let name = program.text.clone();
        if name.is_empty() {
            // Nothing: a variable that is empty stands where a program would.
            let rest = argv.get(1..).unwrap_or_default().to_vec();
            return self.deeper(|machine| machine.command(rest, raw, out));
        }
        if let Some(Item::Alias(text)) = self.state.get(&Key::Alias(name.clone())).cloned()
            && !self.aliases.contains(&name)
            && raw.is_some_and(|raw| raw.starts_with(&name))
        {
            let arguments: String =
                argv.iter().skip(1).map(|word| format!(" {}", texts::quoted(&word.text))).collect();
            if !self.step(ALIAS) {
                return;
            }
            self.aliases.push(name);
            let script = format!("{text}{arguments}");
            self.deeper(|machine| {
                machine.run_text(&script, out);
            });
            self.aliases.pop();
            return;
        }
        if let Some(Item::Functions(functions)) = self.state.get(&Key::Function(name.clone())).cloned() {
            let arguments = argv.into_iter().skip(1).map(Word::matched).map(Value::one).collect();
            return self.call(&name, &functions, arguments, out);
        }
        if let Some(Item::Hashed(path)) = self.state.get(&Key::Hashed(name.clone())).cloned() {
            let mut argv = argv;
            if let Some(first) = argv.first_mut() {
                *first = path;
            }
            return self.deeper(|machine| machine.program(argv, raw, out));
        }
        if !self.builtin(&name, &argv, raw, out) {
            self.program(argv, raw, out);
        }
    }

    /// What the shell does itself. `false` if it is not one of those.
    fn builtin(&mut self, name: &str, argv: &[Word], raw: Option<&str>, out: &mut Out) -> bool {
        let rest = argv.get(1..).unwrap_or_default();
        let is_option = |word: &&Word| word.text.starts_with('-') && word.text.len() > 1;
        match name {
            "cd" | "pushd" | "chdir" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                let target = rest.iter().find(|word| !is_option(word));
                self.change_folder(target);
            }
            "popd" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                self.change_folder(Some(&Word::unknown(Taint::PROGRAM)));
            }
            "echo" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                self.shows(rest, out);
                out.push(&texts::echo(rest));
            }
            "printf" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                if rest.first().is_some_and(|word| word.text != "-v") {
                    self.shows(rest, out);
                }
                match rest {
                    [option, name, rest @ ..] if option.text == "-v" => {
                        let value = texts::printf(rest);
                        self.state.assign(&name.text, value);
                    }
                    _ => out.push(&texts::printf(rest)),
                }
            }
            "pwd" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                let value = self.variable("PWD").then(&Value::text("\n"));
                out.push(&value);
            }
            "eval" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                let rest = match rest.split_first() {
                    Some((first, rest)) if first.text == "--" => rest,
                    _ => rest,
                };
                let values: Vec<Value> = rest.iter().cloned().map(Value::one).collect();
                let text = super::expand::spaced(&values);
                let origin = self.last_command();
                self.deeper(|machine| machine.run_code(Language::Shell, &text, &[], origin, out));
            }
            "set" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                if rest.is_empty() {
                    out.push(&Value::unknown(Taint::ENVIRONMENT | Taint::PROGRAM));
                }
                if let Some(at) = rest.iter().position(|word| word.text == "--") {
                    self.arguments =
                        rest.iter().skip(at + 1).cloned().map(Word::matched).map(Value::one).collect();
                } else if rest.first().is_some_and(|word| !word.text.starts_with(['-', '+'])) {
                    self.arguments = rest.iter().cloned().map(Word::matched).map(Value::one).collect();
                }
            }
            "shift" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                let count = rest.first().and_then(|word| word.text.parse().ok()).unwrap_or(1);
                self.arguments = self.arguments.iter().skip(count).cloned().collect();
            }
            "unset" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                let functions = rest.iter().any(|word| word.text == "-f");
                for word in rest.iter().filter(|word| !is_option(word)) {
                    let variable = (!functions).then(|| Key::Variable(word.text.clone()));
                    for key in variable.into_iter().chain([Key::Function(word.text.clone())]) {
                        if self.state.get(&key).is_some() {
                            self.state.set(key, Item::Gone);
                        }
                    }
                }
            }
            "read" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                self.read(rest);
            }
            "mapfile" | "readarray" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                if let Some(at) = rest.iter().position(|word| word.text == "-C")
                    && let Some(callback) = rest.get(at + 1)
                {
                    let origin = self.last_command();
                    let callback = Value::one(callback.clone());
                    self.deeper(|machine| machine.run_code(Language::Shell, &callback, &[], origin, out));
                }
                let name =
                    rest.iter().rev().find(|word| !is_option(word)).map_or("MAPFILE", |word| &word.text);
                let value = self.input.rest().unwrap_or_else(|| Value::unknown(Taint::NONE));
                let list = value.single().filter(|word| word.known()).map(|word| {
                    word.text
                        .lines()
                        .take(1_000)
                        .map(|line| Value::one(Word { text: line.to_owned(), ..word.clone() }))
                        .collect()
                });
                let variable = Variable { value, list, exported: false };
                self.state.set(Key::Variable(name.to_owned()), Item::Variable(variable));
            }
            "trap" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                if let Some(action) = rest.iter().find(|word| !is_option(word))
                    && !matches!(action.text.as_str(), "-" | "" | "--")
                    && rest.len() > 1
                {
                    let text = Value::one(action.clone());
                    let origin = self.last_command();
                    let mut none = Out::default();
                    self.deeper(|machine| {
                        machine.subshell(|machine| {
                            machine.run_code(Language::Shell, &text, &[], origin, &mut none);
                        });
                    });
                }
            }
            "alias" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                for word in rest {
                    if let Some((name, text)) = word.text.split_once('=') {
                        self.shadows_firewall(name);
                        self.state.set(Key::Alias(name.to_owned()), Item::Alias(text.to_owned()));
                    }
                }
            }
            "unalias" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                for word in rest {
                    self.state.set(Key::Alias(word.text.clone()), Item::Gone);
                }
            }
            "hash" if rest.first().is_some_and(|word| word.text == "-p") => {
                self.builtin_seen(argv.to_vec(), raw, out);
                if let [_, path, names @ ..] = rest {
                    for name in names {
                        self.state.set(Key::Hashed(name.text.clone()), Item::Hashed(path.clone()));
                    }
                }
            }
            "which" | "type" => {
                self.program(argv.to_vec(), raw, &mut Out::default());
                found(rest, out);
            }
            "command" if rest.first().is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V")) => {
                self.builtin_seen(argv.to_vec(), raw, out);
                found(rest, out);
            }
            "command" | "builtin" | "noglob" | "nocorrect" | "exec" => {
                self.builtin_seen(argv.to_vec(), raw, out);
                let mut rest = rest;
                while let Some((option, after)) = rest.split_first()
                    && option.text.starts_with('-')
                {
                    rest = if option.text == "-a" { after.get(1..).unwrap_or_default() } else { after };
                    if option.text == "--" {
                        break;
                    }
                }
                // `exec {fd[1]}>&-`: the variable of a redirection.
                let variable = |word: &Word| {
                    let inner = word.text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
                    inner.is_some_and(|name| !name.is_empty() && !name.contains([' ', ',', '/', '.']))
                };
                let inner: Vec<Word> = if name == "exec" {
                    rest.iter().filter(|word| !variable(word)).cloned().collect()
                } else {
                    rest.to_vec()
                };
                if !inner.is_empty() {
                    self.wrapped(name, |machine| machine.command_without_functions(inner, out));
                }
            }
            "export" | "declare" | "typeset" | "readonly" | "local" => {
                for word in rest {
                    if let Some((variable, text)) = word.text.split_once('=') {
                        let value = Value::one(Word { text: text.to_owned(), ..word.clone() });
                        self.state.assign(variable, value.clone());
                        self.environment(variable, &value, Origin::Call);
                    }
                }
                self.builtin_seen(argv.to_vec(), raw, out);
            }
            "source" | "." => {
                self.builtin_seen(argv.to_vec(), raw, out);
                if let Some((path, arguments)) = rest.split_first() {
                    let origin = self.last_command();
                    self.run_file(Language::Shell, path, arguments, true, origin, out);
                }
            }
            _ => return false,
        }
        true
    }

    /// Words that come out where the agent reads them.
    fn shows(&mut self, words: &[Word], out: &Out) {
        let secret = |word: &Word| {
            !word.known() && word.taint.has(Taint::SECRET) && word.taint.has(Taint::ENVIRONMENT)
        };
        if !out.wanted && !self.elsewhere && words.iter().any(secret) {
            let origin = self.last_command();
            self.effect("credentials.print-secret", "a variable that holds a secret", origin);
        }
    }

    /// A builtin in its own right, past functions of the same name.
    fn command_without_functions(&mut self, argv: Vec<Word>, out: &mut Out) {
        let Some(name) = argv.first().map(|word| word.text.clone()) else { return };
        self.deeper(|machine| {
            if !machine.builtin(&name, &argv, None, out) {
                machine.program(argv, None, out);
            }
        });
    }

    /// Does something inside a wrapper.
    pub(super) fn wrapped(&mut self, wrapper: &str, run: impl FnOnce(&mut Self)) {
        self.wrappers.push(wrapper.to_owned());
        self.deeper(run);
        self.wrappers.pop();
    }

    /// Where the command that was noted last stands.
    pub(super) fn last_command(&self) -> Origin {
        self.seen.commands.len().checked_sub(1).map_or(Origin::Call, Origin::Command)
    }

    /// Names with subscripts (`test -v 'a[$(x)]'`): the shell expands what stands between the brackets once more.
    pub(super) fn subscripts(&mut self, argv: &[Word]) {
        let names = argv.first().is_some_and(|word| {
            matches!(
                word.text.as_str(),
                "test"
                    | "["
                    | "printf"
                    | "let"
                    | "unset"
                    | "read"
                    | "declare"
                    | "typeset"
                    | "local"
                    | "export"
                    | "readonly"
                    | "wait"
                    | "mapfile"
                    | "readarray"
            )
        });
        // For anything else (a program of awk with ``/[`]/``) it is a text.
        let runs = |word: &&Word| word.text.contains("[$(") || word.text.contains("[`");
        for word in argv.iter().skip(1).filter(|word| names && runs(word)) {
            self.run_substitutions_of(&word.text);
        }
    }

    /// Notes a command that the interpreter itself acts on; what the table says of its effects holds.
    pub(super) fn builtin_seen(&mut self, argv: Vec<Word>, raw: Option<&str>, _out: &mut Out) {
        self.subscripts(&argv);
        let doing = self.world.knowledge.doing(&argv);
        let origin = self.note(argv, &doing, raw);
        // The interpreter itself goes to the folder and runs the file.
        if !matches!(doing.program.as_str(), "cd" | "pushd" | "source" | ".") {
            for touch in &doing.touches {
                self.touch(touch, origin);
            }
        }
        for effect in doing.effects {
            self.seen.effect(effect, origin);
        }
    }

    /// Notes a command.
    pub(super) fn note(&mut self, argv: Vec<Word>, doing: &Doing, raw: Option<&str>) -> Origin {
        let shown = |word: &Word| word.text.clone();
        let mut fact = CommandFact::default();
        fact.program = doing.program.clone();
        fact.subcommand = doing.subcommand.clone();
        fact.options =
            doing.options.iter().map(|(name, value)| (name.clone(), value.as_ref().map(shown))).collect();
        fact.operands = doing.operands.iter().map(shown).collect();
        fact.argv = argv.iter().map(shown).collect();
        fact.wrappers = self.wrappers.clone();
        fact.known = argv.iter().all(Word::known);
        let clear = argv.first().is_some_and(Word::known);
        let raw = raw.map_or_else(|| crate::understand::readable(&argv), str::to_owned);
        self.seen.commands.push(Understood {
            raw,
            argv,
            fact,
            elsewhere: self.elsewhere,
            clear,
            mention: self.elsewhere || self.inside,
        });
        Origin::Command(self.seen.commands.len() - 1)
    }

    /// Goes to the folder that a program is told to run another one in.
    pub(super) fn go_to(&mut self, target: &Word) {
        self.change_folder(Some(target));
    }

    fn change_folder(&mut self, target: Option<&Word>) {
        let folder = self.state.folder();
        let home = Word::plain(self.world.ground.home.to_string_lossy());
        let target = target.unwrap_or(&home);
        let next = if target.text == "-" {
            Folder { lost: true, ..folder }
        } else {
            let mut paths = Vec::new();
            let mut lost = folder.lost && !target.text.starts_with('/');
            for base in &folder.paths {
                let placed = self.place(target, base);
                if placed.known {
                    if !paths.contains(&placed.lexical) {
                        paths.push(placed.lexical.clone());
                    }
                } else {
                    lost = true;
                }
            }
            if paths.is_empty() {
                paths = folder.paths;
            }
            Folder { paths, lost }
        };
        self.state.set(Key::Folder, Item::Folder(next));
    }
}

/// What `which` and `command -v` print: a path that ends in the name.
fn found(words: &[Word], out: &mut Out) {
    for word in words.iter().filter(|word| !word.text.starts_with('-')) {
        out.push(&Value::one(Word { text: format!("/usr/local/bin/{}\n", word.text), ..word.clone() }));
    }
}
