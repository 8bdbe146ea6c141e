//! The interpreter's frame: what it knows, what it has seen, what it may still spend.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use agentfirewall_sdk::Access;
use shuck_parser::parser::{ParseStatus, Parser};

use super::cases::with_brackets;
use super::files::Ran;
use super::made::Made;
use super::state::{Call, Folder, Item, Key, State, Variable};
use super::streams::Input;
use super::substitute::{Drain, is_read};
use super::value::{Out, Value};
use super::{limits, plain};
use crate::paths::Placed;
use crate::understand::{
    Contact, Doing, Effect, Fuel, Left, Origin, Taint, Touch, Touched, Understanding, Word, World,
};

/// Steps for one call: far more than any script of 64 KiB needs that is not made to exhaust them.
const FUEL: u32 = 300_000;
/// Steps for a path, which takes looks at the file system and at many patterns: a call may name a thousand different ones.
const PLACE: u32 = 200;
/// Steps for what it means to touch a path.
const TOUCH: u32 = 60;
/// Steps for each byte of a path beyond those that names have: each is looked at by many patterns.
const LONG_PATH: u32 = 16;
/// So many bytes of a path are in the steps for it.
const SHORT_PATH: usize = 256;
/// So many bytes of texts may be parsed at the price of ordinary scripts, as many as a script may have. Beyond that somebody
/// makes texts of texts.
const PARSED: usize = 64 * 1024;
/// Steps for a text that is parsed, however short it is.
const PARSE: u32 = 40;
/// Steps for each byte beyond.
const PARSED_AGAIN: usize = 8;
/// Steps for a call of the past that is looked at again.
const PAST: u32 = 50_000;
/// How deep scripts, functions and compound commands may be nested in one another.
const DEEPEST: usize = 64;

/// Runs scripts without doing anything.
pub(crate) struct Machine<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) state: State,
    pub(super) seen: Understanding,
    pub(super) fuel: Fuel,
    depth: usize,
    /// How many bytes of texts were parsed.
    pub(super) parsed: usize,
    /// `$1`, `$2`, …
    pub(super) arguments: Vec<Value>,
    /// `$0`, where a script is given one.
    pub(super) zero: Option<Value>,
    /// The variables that functions have as their own, with what they were before.
    pub(super) locals: Vec<(Key, Option<Item>)>,
    /// What is read from standard input.
    pub(super) input: Input,
    /// The functions that are being called.
    pub(super) calls: Vec<Call>,
    /// Names that are being expanded as aliases.
    pub(super) aliases: Vec<String>,
    /// The programs around the command, outermost first.
    pub(super) wrappers: Vec<String>,
    /// Whether what runs does so on another machine or in a container.
    pub(super) elsewhere: bool,
    /// Whether what runs was found in code of another language.
    pub(super) inside: bool,
    /// Whether what runs does so beside what comes after it: in the background or in a pipe.
    pub(super) beside: bool,
    /// How often the bodies of loops are run in all.
    pub(super) unrolled: usize,
    /// Whether `read` found nothing more.
    pub(super) ended: bool,
    /// The text of the script that is being run.
    pub(super) current: Rc<str>,
    /// The number of the next redirection, where the parser does not tell it.
    pub(super) descriptor: Option<i32>,
    /// How many `<(…)` and `>(…)` there were.
    pub(super) descriptors: usize,
    /// Hashes with keys of their own, so that nobody can write a path that passes for another.
    hashes: RandomState,
    /// What was touched, as a hash.
    touched: HashSet<u64>,
    /// The links that the script made, with where they lead.
    pub(super) links: Vec<(PathBuf, PathBuf)>,
    /// Where paths lead, by the hash of the path and the folder it starts from.
    placed: HashMap<u64, Rc<Placed>>,
    /// The `>(…)` that wait for what is written to them.
    pub(super) drains: Vec<Drain>,
    /// The files of code that were run.
    pub(super) ran: Vec<Ran>,
    /// The files that were read and that nobody here wrote, the last one at the end.
    pub(super) files_read: Vec<PathBuf>,
    /// Whether what came over the network was unpacked.
    pub(super) unpacked: bool,
    /// Names of remotes of git that the script has just given an address.
    pub(super) remotes: Vec<String>,
    /// What the script made to throw away.
    pub(super) made: Made,
    /// Whether the database that SQL goes to is there to be thrown away.
    pub(super) on_trial: bool,
    /// The commands, by their number, without whose success what runs now would not.
    pub(super) after: Vec<usize>,
}

impl<'a> Machine<'a> {
    pub(crate) fn new(world: &'a World<'a>) -> Self {
        let mut state = State::default();
        let folder = Folder { paths: vec![world.folder.to_owned()], lost: false };
        state.set(Key::Folder, Item::Folder(folder));
        Self {
            world,
            state,
            seen: Understanding::default(),
            fuel: Fuel::new(FUEL),
            depth: 0,
            parsed: 0,
            arguments: Vec::new(),
            zero: None,
            locals: Vec::new(),
            input: Input::default(),
            calls: Vec::new(),
            aliases: Vec::new(),
            wrappers: Vec::new(),
            elsewhere: false,
            inside: false,
            beside: false,
            unrolled: 1,
            ended: false,
            current: Rc::from(""),
            descriptor: None,
            descriptors: 0,
            hashes: RandomState::new(),
            touched: HashSet::new(),
            links: Vec::new(),
            placed: HashMap::new(),
            drains: Vec::new(),
            ran: Vec::new(),
            files_read: Vec::new(),
            unpacked: false,
            remotes: Vec::new(),
            made: Made::default(),
            on_trial: false,
            after: Vec::new(),
        }
    }

    /// Runs a whole call's script and says what was seen.
    pub(crate) fn script(mut self, source: &str) -> Understanding {
        let mut out = Out::default();
        self.run_text(source, &mut out);
        self.seen
    }

    /// What a whole call's script leaves in a file, by its path without links: its text, or nothing where that is not known;
    /// `None` if it does not write it as a text.
    pub(crate) fn leaves(mut self, source: &str, path: &Path) -> Option<Left> {
        self.fuel = Fuel::new(PAST);
        let mut out = Out::default();
        self.run_text(source, &mut out);
        let ground = &self.world.ground;
        let is_it = |lexical: &Path| lexical == path || ground.links.path(lexical) == path;
        let last = self.state.files().find(|(file, _)| is_it(file)).map(|(_, item)| item);
        match last {
            // What a program made of other files, as a compiler does, is no text of the call.
            Some(Item::File(value)) if !value.known() && value.taint().has(Taint::FILE) => None,
            Some(Item::File(value)) => {
                Some(Left::Wrote(value.single().filter(|word| word.known()).map(|word| word.text.clone())))
            }
            Some(_) => Some(Left::Removed),
            None => {
                let removed = |touched: &Touched| {
                    touched.access == Access::Delete && path.starts_with(&touched.placed.canonical)
                };
                self.seen.paths.iter().any(removed).then_some(Left::Removed)
            }
        }
    }

    /// Acts out what something other than a script does, such as a tool of files.
    pub(crate) fn doing(mut self, doing: Doing) -> Understanding {
        let mut out = Out::default();
        self.perform(doing, Origin::Call, &mut out);
        self.seen
    }

    /// Parses and runs a text in the present state. `false` if it could not be read.
    pub(super) fn run_text(&mut self, source: &str, out: &mut Out) -> bool {
        if let Some(why) = limits::exceeded(source) {
            self.seen.give_up(why);
            return false;
        }
        self.parsed = self.parsed.saturating_add(source.len());
        let beyond = self.parsed.saturating_sub(PARSED).min(source.len()).saturating_mul(PARSED_AGAIN);
        let steps = u32::try_from(source.len() / 16 + beyond).unwrap_or(u32::MAX);
        if !self.step(steps.saturating_add(PARSE)) {
            return false;
        }
        if let Some((raw, argv)) = plain::command(source) {
            let source = Rc::from(source);
            self.deeper(|machine| machine.within(&source, |machine| machine.plain_command(argv, raw, out)));
            return true;
        }
        let source: Rc<str> = Rc::from(&*with_brackets(source));
        let parsed = Parser::new(&source).parse();
        if parsed.status != ParseStatus::Clean {
            // What could be read is looked at all the same: a deny is more useful than a question.
            self.seen.give_up("it is not valid shell syntax");
        } else if !is_read(&source, &parsed.file.body) {
            self.seen.give_up("a part of it cannot be read");
        }
        self.deeper(|machine| {
            machine.within(&source, |machine| machine.sequence(&source, &parsed.file.body, out));
        });
        parsed.status == ParseStatus::Clean
    }

    /// Does something while another text is the one that is being run.
    pub(super) fn within(&mut self, source: &Rc<str>, run: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.current, Rc::clone(source));
        run(self);
        self.current = outer;
    }

    /// Does something with another standard input.
    pub(super) fn with_input(&mut self, input: Input, run: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.input, input);
        run(self);
        self.input = outer;
    }

    /// Takes steps; `false` if there are none left, and then the call is undecidable.
    pub(super) fn step(&mut self, steps: u32) -> bool {
        let enough = self.fuel.spend(steps);
        if !enough {
            self.seen.give_up("it takes too many steps to follow");
        }
        enough
    }

    /// Does something one level deeper, if there may be one.
    pub(super) fn deeper(&mut self, run: impl FnOnce(&mut Self)) {
        if self.depth >= DEEPEST {
            return self.seen.give_up("it is nested too deeply");
        }
        self.depth += 1;
        run(self);
        self.depth -= 1;
    }

    /// Does something whose changes of the shell's state are forgotten afterwards.
    pub(super) fn subshell<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let mark = self.state.mark();
        let arguments = self.arguments.clone();
        let result = run(self);
        self.state.leave(mark);
        self.arguments = arguments;
        result
    }

    /// The value of a variable.
    pub(super) fn variable(&mut self, name: &str) -> Value {
        if let Ok(number) = name.parse::<usize>() {
            return match number.checked_sub(1) {
                Some(index) => self.arguments.get(index).cloned().unwrap_or_else(|| Value::text("")),
                None => self.zero.clone().unwrap_or_else(|| Value::text("bash")),
            };
        }
        if let Some(Variable { value, list, .. }) = self.state.variable(name) {
            return list.as_ref().and_then(|list| list.first()).unwrap_or(value).clone();
        }
        let path = |path: &std::path::Path| Value::text(path.to_string_lossy().into_owned());
        match name {
            "@" | "*" => super::expand::spaced(&self.arguments),
            "#" => Value::text(self.arguments.len().to_string()),
            "?" => Value::text("0"),
            // Which number it is says nothing; that it is one and the same may.
            "$" => Value::text("32767"),
            "HOME" => path(self.world.ground.home),
            "CLAUDE_PROJECT_DIR" => path(self.world.ground.project),
            "PWD" => {
                let folder = self.state.folder();
                let unknown = folder.lost.then(|| Word::unknown(Taint::NONE));
                Value::any(folder.paths.iter().map(|path| Word::plain(path.to_string_lossy())).chain(unknown))
            }
            "SHELL" | "BASH" => Value::text("/bin/bash"),
            "TMPDIR" | "TMP" | "TEMP" => Value::text("/tmp"),
            "IFS" => Value::text(" \t\n"),
            "USER" | "LOGNAME" => match self.world.ground.user {
                Some(user) => Value::text(user),
                None => Value::unknown(Taint::NONE),
            },
            _ if is_secret_name(name) => Value::unknown(Taint::SECRET | Taint::ENVIRONMENT),
            _ => Value::unknown(Taint::NONE),
        }
    }

    /// Whether a variable is set; `None` if only the environment knows.
    pub(super) fn is_set(&self, name: &str) -> Option<bool> {
        if let Ok(number) = name.parse::<usize>() {
            return Some(number <= self.arguments.len());
        }
        if matches!(name, "@" | "*") {
            return Some(!self.arguments.is_empty());
        }
        match name {
            "HOME" | "PWD" | "SHELL" | "USER" => Some(true),
            _ => self.state.variable(name).map(|_| true),
        }
    }

    /// Notes an effect.
    pub(super) fn effect(&mut self, id: &str, detail: impl Into<String>, origin: Origin) {
        self.seen.effect(Effect::new(id, detail.into()), origin);
    }

    /// Where a path leads from a folder. The same one is asked for by who touches it, who reads it and who writes to it, but
    /// looked at once. Without steps for it nobody knows.
    pub(super) fn place(&mut self, word: &Word, folder: &Path) -> Rc<Placed> {
        let key = self.hashes.hash_one((&word.text, word.wild, folder));
        if let Some(placed) = self.placed.get(&key) {
            return Rc::clone(placed);
        }
        let length = word.text.len().saturating_add(folder.as_os_str().len());
        let long = u32::try_from(length.saturating_sub(SHORT_PATH)).unwrap_or(u32::MAX);
        if !self.step(PLACE.saturating_add(long.saturating_mul(LONG_PATH))) {
            return Rc::default();
        }
        let mut placed = self.world.ground.place(word, folder);
        if let Some(target) = self.through_links(&placed) {
            placed = placed.leading_to(&self.world.ground.place(&target, folder));
        }
        let placed = Rc::new(placed);
        self.placed.insert(key, Rc::clone(&placed));
        placed
    }

    /// Looks at every path again.
    pub(super) fn forget_places(&mut self) {
        self.placed.clear();
        self.touched.clear();
    }

    /// Where a path leads by the links that the script made before.
    fn through_links(&self, placed: &Placed) -> Option<Word> {
        let (link, target) = self.links.iter().rfind(|(link, _)| placed.lexical.starts_with(link))?;
        let below = placed.lexical.strip_prefix(link).ok()?;
        let path = if below.as_os_str().is_empty() { target.clone() } else { target.join(below) };
        Some(Word { wild: placed.wild, ..Word::plain(path.to_string_lossy()) })
    }

    /// Notes a path that is touched, wherever it may lie, and what that means.
    pub(super) fn touch(&mut self, touch: &Touch, origin: Origin) {
        let folder = self.state.folder();
        // The same command may name the same path thousands of times.
        let how = (origin_number(origin), touch.access, touch.tree, touch.content, touch.word.wild);
        let path = (&touch.word.text, touch.folder.as_ref().map(|word| &word.text), &folder.paths);
        if !self.touched.insert(self.hashes.hash_one((how, path))) || !self.step(TOUCH) {
            return;
        }
        let by = match origin {
            Origin::Command(index) => Some(index),
            _ => None,
        };
        let mut folders = folder.paths;
        if let Some(word) = &touch.folder {
            folders = folders
                .iter()
                .map(|folder| self.place(word, folder))
                .map(|placed| if placed.known { placed.lexical.clone() } else { PathBuf::new() })
                .collect();
        }
        if folders.is_empty() {
            folders.push(self.world.folder.to_owned());
        }
        let lost = folder.lost && touch.folder.is_none() && !touch.word.text.starts_with(['/', '~']);
        if lost
            && touch.access == Access::Delete
            && (touch.word.wild || matches!(touch.word.text.as_str(), "." | "./" | ".."))
        {
            self.effect("filesystem.delete-unknown", &touch.word.text, origin);
        }
        for folder in folders {
            let placed = self.place(&touch.word, &folder);
            let effects = self.world.ground.consequences(touch, &placed, self.elsewhere);
            let touched =
                Touched { written: touch.word.clone(), placed, access: touch.access, tree: touch.tree, by };
            let place = Origin::Path(self.seen.paths.len());
            if !self.elsewhere {
                self.seen.paths.push(touched);
            }
            for effect in effects {
                self.seen.effect(effect, if self.elsewhere { origin } else { place });
            }
        }
    }

    /// Notes a host that is talked to, and what that means.
    pub(super) fn contact(&mut self, contact: &Contact, origin: Origin) {
        let by = match origin {
            Origin::Command(index) => Some(index),
            _ => None,
        };
        self.seen.contact(contact, by, origin);
    }
}

/// Something that tells origins apart.
const fn origin_number(origin: Origin) -> usize {
    match origin {
        Origin::Command(at) => at,
        Origin::Path(_) | Origin::Host(_) | Origin::Call => usize::MAX,
    }
}

/// Names of variables that hold secrets by custom.
fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.split('_').any(|word| {
        matches!(word, "TOKEN" | "SECRET" | "PASSWORD" | "PASSWD" | "CREDENTIALS" | "APIKEY" | "PAT" | "PASS")
    }) || name.ends_with("_KEY")
        || name.ends_with("ACCESS_KEY_ID")
}
