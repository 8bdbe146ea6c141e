//! What code starts: shells, programs, further code; and what all of it means together.

use agentfirewall_sdk::{Access, Direction};

use super::Arguments;
use crate::inline::reader::Reader;
use crate::inline::value::{Is, Marks, Value};
use crate::understand::{Contact, Content, Language, Run, Touch, UNKNOWN, Word};

/// How much is reported at most of one kind; code with more is not everyday.
const MOST: usize = 512;

const SHELLS: &[&str] = &[
    "sh",
    "bash",
    "zsh",
    "dash",
    "ksh",
    "ash",
    "fish",
    "cmd",
    "cmd.exe",
    "powershell",
    "powershell.exe",
    "pwsh",
];

impl Reader<'_> {
    /// A text that a shell runs. What comes back is not known.
    pub(in crate::inline) fn shell(&mut self, text: &Value) -> Value {
        for one in text.alternatives() {
            let word = one.word();
            self.judged(&one, Language::Shell);
            self.seen.shell |= self.is_shell(word.text.trim());
            self.run(Run::code(Language::Shell, word));
        }
        Value::unknown(Marks::NONE)
    }

    fn is_shell(&self, text: &str) -> bool {
        let mut words = text.split_whitespace();
        let program = words.next().and_then(|word| word.rsplit(['/', '\\']).next()).unwrap_or_default();
        SHELLS.contains(&program.to_ascii_lowercase().as_str())
            && words.all(|word| matches!(word, "-i" | "-l" | "-li" | "-il") || word.contains(['<', '>', '&']))
    }

    pub(in crate::inline) fn run(&mut self, run: Run) {
        if self.doing.runs.len() >= MOST {
            self.lost = true;
        } else if self.doing.runs.len() > 32 || !self.doing.runs.contains(&run) {
            self.doing.runs.push(run);
        }
    }

    pub(in crate::inline) fn touch(&mut self, value: &Value, access: Access, tree: bool, content: Content) {
        for word in value.words() {
            let touch = Touch { word, access, tree, content, folder: None };
            if self.doing.touches.len() >= MOST {
                self.lost = true;
            } else if self.doing.touches.len() > 32 || !self.doing.touches.contains(&touch) {
                self.doing.touches.push(touch);
            }
        }
    }

    /// Code whose text is not known, by where it comes from.
    fn judged(&mut self, value: &Value, language: Language) {
        if value.marks.has(Marks::STDIN) {
            self.takes(Content::Run(language));
        }
        if value.known().is_some() {
            return;
        }
        if value.marks.has(Marks::NETWORK) {
            self.effect("remote-code.pipe", "what came over the network");
            self.seen.shell |= self.seen.socket || self.seen.listens;
        } else if value.marks.has(Marks::DECODED) {
            self.effect("remote-code.decoded", "what a decoder gave");
        }
    }

    /// Code of the language itself.
    pub(in crate::inline) fn evaluate(&mut self, value: &Value) {
        for one in value.alternatives() {
            self.judged(&one, self.language);
            match &*one.is {
                Is::Text(text) if !text.contains(UNKNOWN) => self.code(text),
                Is::Text(text) if text.chars().any(|letter| letter != UNKNOWN) => {
                    // What is written out of it is read, and the rest is asked about.
                    self.code(&text.replace(UNKNOWN, " "));
                    self.effect("remote-code.eval", "code with an unknown part");
                }
                Is::Made(by, arguments)
                    if (by == super::CONTENT || by == "open") && !one.marks.has(Marks::DECODED) =>
                {
                    let path = arguments.first().map(Value::word).unwrap_or_default();
                    self.run(Run::File { language: self.language, path, arguments: Vec::new(), here: true });
                }
                Is::Number(_) => {}
                _ if one.marks.has(Marks::STDIN) => {}
                _ => self.effect("remote-code.eval", "code that is made while it runs"),
            }
        }
    }

    /// Bytes that may run anything when they are read (<https://docs.python.org/3/library/pickle.html>). Those that nobody
    /// brought here a moment ago are somebody's own cache.
    pub(in crate::inline) fn unpickle(&mut self, value: &Value) {
        for one in value.alternatives() {
            if one.marks.has(Marks::NETWORK) {
                self.effect("remote-code.pipe", "objects that came over the network");
            } else if one.marks.has(Marks::STDIN) {
                self.takes(Content::Run(Language::Other));
            }
            let path = match &*one.is {
                Is::Made(by, arguments) if by == super::CONTENT || by == "open" => {
                    arguments.first().map(Value::word)
                }
                Is::Text(_) => Some(one.word()),
                _ => None,
            };
            if let Some(path) = path.filter(|_| !one.marks.has(Marks::DECODED)) {
                self.run(Run::File { language: Language::Other, path, arguments: Vec::new(), here: true });
            }
        }
    }

    /// A program with its arguments.
    pub(in crate::inline) fn command(&mut self, argv: &[Value], arguments: &Arguments) {
        let argv: Vec<Value> =
            argv.iter().filter(|value| !matches!(&*value.is, Is::Map(_))).cloned().collect();
        let Some(first) = argv.first() else { return };
        if let ([one], Is::Either(all)) = (argv.as_slice(), &*first.is) {
            for choice in all {
                self.command(std::slice::from_ref(choice), arguments);
            }
            self.judged(one, Language::Shell);
            return;
        }
        if let ([one], Is::Text(text)) = (argv.as_slice(), &*first.is)
            && text.trim().contains(char::is_whitespace)
        {
            self.shell(one);
            return;
        }
        let options = arguments.list.iter().find(|value| matches!(&*value.is, Is::Map(_)));
        let option =
            |name: &str| arguments.named(name).cloned().or_else(|| options.and_then(|map| map.at(name)));
        let program = first.shown();
        if self.is_shell(&argv.iter().map(Value::shown).collect::<Vec<_>>().join(" ")) {
            self.seen.shell = true;
            if let Some(input) = option("input") {
                self.shell(&input);
                return;
            }
        }
        if option("stdin").is_some_and(|stream| self.key(&stream).contains("fileno")) {
            self.seen.duplicates = true;
        }
        let shell =
            option("shell").is_some_and(|value| matches!(&*value.is, Is::Name(name) if name == "true"));
        if shell && !program.contains(UNKNOWN) {
            let blank = Value::plain(" ");
            let text = argv.iter().skip(1).fold(first.clone(), |text, next| text.concat(&blank).concat(next));
            self.shell(&text);
            return;
        }
        self.judged(first, Language::Shell);
        // One argument with alternatives is told for each of them.
        let several = argv.iter().position(|value| matches!(&*value.is, Is::Either(_)));
        let choices = several.and_then(|at| argv.get(at)).map_or_else(|| vec![Word::default()], Value::words);
        let folder = option("cwd").map(|value| value.word());
        for choice in choices {
            let words = argv
                .iter()
                .enumerate()
                .map(|(at, value)| if Some(at) == several { choice.clone() } else { value.word() })
                .collect();
            self.run(Run::command(words).in_folder(folder.clone()));
        }
    }

    pub(in crate::inline) fn contact(&mut self, word: Word, direction: Direction) {
        let contact = Contact { word, direction };
        if self.doing.contacts.len() >= MOST {
            self.lost = true;
        } else if self.doing.contacts.len() > 32 || !self.doing.contacts.contains(&contact) {
            self.doing.contacts.push(contact);
        }
    }

    /// What comes of standard input; the gravest stays.
    pub(in crate::inline) fn takes(&mut self, content: Content) {
        let rank = |content: Content| match content {
            Content::Unused => 0,
            Content::Stored => 2,
            Content::Decoded => 3,
            Content::Sent => 4,
            Content::Run(_) => 5,
            _ => 1,
        };
        if rank(content) > rank(self.seen.input) {
            self.seen.input = content;
        }
    }

    /// What all that was seen means together.
    pub(in crate::inline) fn conclude(&mut self) {
        if (self.seen.socket || self.seen.listens) && (self.seen.duplicates || self.seen.shell) {
            self.effect("remote-code.reverse-shell", "a shell on a connection");
        }
        if self.seen.sent.has(Marks::ENVIRONMENT) {
            self.effect("exfiltration.environment", "all variables");
        }
        if self.seen.sent.has(Marks::SECRET) {
            self.effect("exfiltration.secret", "a variable that holds a credential");
        }
        if self.seen.sent.has(Marks::FILE) {
            for touch in &mut self.doing.touches {
                if touch.access == Access::Read && touch.content == Content::Shown {
                    touch.content = Content::Sent;
                }
            }
        }
        if self.seen.stdin {
            self.takes(Content::Shown);
        }
        if self.seen.sent.has(Marks::STDIN) {
            self.takes(Content::Sent);
        }
        self.doing.input = self.seen.input;
        let runs_download = self.seen.downloads.iter().any(|file| {
            let name = file.rsplit('/').next().unwrap_or(file);
            !name.is_empty()
                && !name.contains(UNKNOWN)
                && self.doing.runs.iter().any(|run| match run {
                    Run::Code { text, .. } => text.text.contains(name),
                    Run::Command { argv, .. } => argv.iter().any(|word| word.text.contains(name)),
                    Run::File { path, .. } => path.text.contains(name),
                })
        });
        if runs_download {
            self.effect("remote-code.download-run", "a file that the code has fetched");
        }
    }
}
