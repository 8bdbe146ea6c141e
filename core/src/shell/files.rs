//! Files of code that are run: what this call put into them, or what they hold now.

use std::path::{Path, PathBuf};

use agentfirewall_sdk::Access;

use super::machine::Machine;
use super::state::Key;
use super::value::{Out, Value};
use crate::understand::{Content, Fuel, Language, Origin, Script, Taint, Touch, Word};

/// How many steps each file that is run may take in a call, however often it is run.
const STEPS: u32 = 100_000;
/// How often a file is followed into itself.
const AGAIN: usize = 2;
/// How many of the files that were read last are looked at where what runs came out of one of them.
const READ: usize = 4;

/// A file that was run.
pub(super) struct Ran {
    path: PathBuf,
    /// What is left of its steps while it does not run.
    fuel: Fuel,
    /// How often it is running.
    open: usize,
}

impl Machine<'_> {
    /// Runs a file of code.
    pub(super) fn run_file(
        &mut self,
        language: Language,
        path: &Word,
        arguments: &[Word],
        here: bool,
        origin: Origin,
        out: &mut Out,
    ) {
        if matches!(path.text.as_str(), "-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0") {
            let value = self.input.rest().unwrap_or_else(|| Value::unknown(Taint::PROGRAM));
            return self.run_code(language, &value, &[], origin, out);
        }
        let ours = path.text.starts_with("/dev/fd/");
        if !ours && here {
            let mut touch = Touch::new(path.clone(), Access::Execute);
            touch.content = Content::Run(language);
            self.touch(&touch, origin);
        }
        let value = self.content(path);
        let decoded = value.taint().has(Taint::DECODED) || value.taint().has(Taint::NETWORK);
        if value.taint().has(Taint::FILE) && value.is_void() && !decoded {
            return self.run_present(language, path, arguments, origin, out);
        }
        if value.taint().has(Taint::NETWORK) && !ours {
            self.effect("remote-code.download-run", &path.text, origin);
        }
        let language = if language == Language::Other { by_first_line(&value) } else { language };
        if value.taint().has(Taint::NETWORK) && !ours && value.is_void() {
            return;
        }
        let arguments: Vec<Word> = std::iter::once(path.clone()).chain(arguments.iter().cloned()).collect();
        self.run_code(language, &value, &arguments, origin, out);
    }

    /// Runs what a file holds now, where it is the project's.
    fn run_present(
        &mut self,
        language: Language,
        path: &Word,
        arguments: &[Word],
        origin: Origin,
        out: &mut Out,
    ) {
        let Some(folder) = self.state.folder().paths.first().cloned() else { return };
        let placed = self.place(path, &folder);
        if !placed.known || self.elsewhere {
            return;
        }
        let arguments: Vec<Word> = std::iter::once(path.clone()).chain(arguments.iter().cloned()).collect();
        self.run_text_of(&placed.canonical, language, &arguments, origin, out);
        // A copy that this call makes holds what was read.
        if self.state.get(&Key::File(placed.lexical.clone())).is_some() {
            self.run_read(language, &arguments, origin, out);
        }
    }

    /// Notes that a file was read.
    pub(super) fn opened_file(&mut self, path: &Path) {
        self.files_read.retain(|read| read.as_os_str() != path.as_os_str());
        // Nobody asks for more of them.
        if self.files_read.len() >= READ {
            self.files_read.remove(0);
        }
        self.files_read.push(path.to_owned());
    }

    /// Runs the files that were read: what runs came out of one of them (`cat x | sh`, `eval "$(cat x)"`, a copy).
    pub(super) fn run_read(&mut self, language: Language, arguments: &[Word], origin: Origin, out: &mut Out) {
        if self.elsewhere {
            return;
        }
        for path in std::mem::take(&mut self.files_read).into_iter().rev().take(READ) {
            self.subshell(|machine| machine.run_text_of(&path, language, arguments, origin, out));
        }
    }

    fn run_text_of(
        &mut self,
        path: &Path,
        language: Language,
        arguments: &[Word],
        origin: Origin,
        out: &mut Out,
    ) {
        let text = match (self.world.scripts)(path) {
            Some(Script::Here(text)) => text,
            Some(Script::Gone(text)) => {
                // What was written then may deny; that it is what runs now, nobody can say.
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                self.effect("remote-code.unseen-script", name, origin);
                let Some(text) = text else { return };
                text
            }
            None => {
                if self.unpacked && !path.exists() {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    self.effect("remote-code.unseen-script", name, origin);
                }
                return;
            }
        };
        let at = self.ran.iter().position(|ran| ran.path == path).unwrap_or_else(|| {
            self.ran.push(Ran { path: path.to_owned(), fuel: Fuel::new(STEPS), open: 0 });
            self.ran.len() - 1
        });
        let Some(ran) = self.ran.get_mut(at).filter(|ran| ran.open <= AGAIN) else { return };
        // What is in a file can tighten the answer. That it cannot be followed says no more than that it was not read
        // at all, and its steps are its own. Where it runs itself there are none but those that are left.
        let none = || Fuel::new(0);
        let outer = (ran.open == 0)
            .then(|| std::mem::replace(&mut self.fuel, std::mem::replace(&mut ran.fuel, none())));
        ran.open += 1;
        let undecidable = self.seen.undecidable;
        let parsed = std::mem::take(&mut self.parsed);
        let value = Value::text(text);
        let language = if language == Language::Other { by_first_line(&value) } else { language };
        self.run_code(language, &value, arguments, origin, out);
        self.seen.undecidable = undecidable;
        self.parsed = parsed;
        if let Some(ran) = self.ran.get_mut(at) {
            ran.open -= 1;
            if let Some(outer) = outer {
                ran.fuel = std::mem::replace(&mut self.fuel, outer);
            }
        }
    }
}

/// Whether a text has the unchanged content of a file in it.
pub(super) fn is_of_files(value: &Value) -> bool {
    value.options().iter().any(|word| {
        let changed = [Taint::PROGRAM, Taint::DECODED, Taint::NETWORK, Taint::SECRET];
        !word.known() && word.taint.has(Taint::FILE) && !changed.into_iter().any(|by| word.taint.has(by))
    })
}

/// The language that the first line of a file names; the shell's if it names none.
fn by_first_line(value: &Value) -> Language {
    let text = value.first().text;
    let Some(line) = text.lines().next().and_then(|line| line.strip_prefix("#!")) else {
        return Language::Shell;
    };
    let name = line
        .split_whitespace()
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .find(|word| *word != "env" && !word.starts_with('-') && !word.contains('='))
        .unwrap_or_default();
    match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "python" | "pypy" => Language::Python,
        "node" | "deno" | "bun" => Language::JavaScript,
        "perl" => Language::Perl,
        "ruby" => Language::Ruby,
        "php" => Language::Php,
        "lua" => Language::Lua,
        "awk" | "gawk" | "mawk" => Language::Awk,
        "sed" => Language::Sed,
        "pwsh" | "powershell" => Language::PowerShell,
        _ => Language::Shell,
    }
}
