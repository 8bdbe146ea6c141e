//! PowerShell and the commands of `cmd.exe`: commands with parameters, and expressions between them.

mod batch;
mod cmdlets;
mod expression;
mod words;

use std::collections::HashMap;

use agentfirewall_sdk::{Access, Direction};

pub(super) use batch::batch;

use super::calls::Seen;
use super::value::{Marks, Value};
use crate::understand::{Contact, Content, Doing, Effect, Fuel, Language, Run, Touch, UNKNOWN, Word};
use words::{Token, tokens};

/// How deep brackets and code in texts may nest.
const DEEPEST: u32 = 48;

/// What a PowerShell script does.
pub(super) fn read(text: &str, fuel: &mut Fuel) -> Doing {
    let mut shell = Shell {
        doing: Doing { recognised: true, ..Doing::default() },
        variables: HashMap::new(),
        seen: Seen::default(),
        fuel,
        depth: 0,
        lost: false,
    };
    shell.code(text);
    shell.finish()
}

struct Shell<'a> {
    doing: Doing,
    variables: HashMap<String, Value>,
    seen: Seen,
    fuel: &'a mut Fuel,
    depth: u32,
    lost: bool,
}

impl Shell<'_> {
    fn code(&mut self, text: &str) {
        if self.depth >= DEEPEST || !self.fuel.spend(u32::try_from(text.len() / 4 + 1).unwrap_or(u32::MAX)) {
            self.lost = true;
            return;
        }
        self.depth += 1;
        self.signs(text);
        self.script(&tokens(text));
        self.depth -= 1;
    }

    /// What is told by names that stand together, whatever the code around them is.
    fn signs(&mut self, text: &str) {
        let text = text.to_ascii_lowercase();
        let has = |name: &str| text.contains(name);
        if has("dllimport")
            && ["virtualalloc", "createthread", "writeprocessmemory"].iter().any(|name| has(name))
        {
            self.effect("remote-code.eval", "code that is put into memory");
        }
        if has("win32_shadowcopy") && (has("delete") || has("remove-")) {
            self.effect("filesystem.destroy-storage", "shadow copies");
        }
        // A filter in a block or a query says whom it is about.
        let ends = ["stop-process", "spps", ".kill(", "terminate"];
        let about_us = |line: &str| {
            line.contains("agentfirewall")
                && ["get-process", "gps ", "win32_process"].iter().any(|name| line.contains(name))
                && ends.iter().any(|name| line.contains(name))
        };
        if has("agentfirewall") && text.split(['\n', ';']).any(about_us) {
            self.effect("firewall.tamper", "a process of the firewall");
        }
        if has("passwordvault") && has("retrieve") {
            self.effect("credentials.dump", "the vault of passwords");
        }
    }

    /// Pipelines one after the other; what comes out of the last one.
    fn script(&mut self, tokens: &[Token]) -> Value {
        let mut last = Value::unknown(Marks::NONE);
        if self.depth >= DEEPEST || !self.fuel.spend(1 + u32::try_from(tokens.len()).unwrap_or(u32::MAX)) {
            self.lost = true;
            return last;
        }
        self.depth += 1;
        for pipeline in tokens.split(|token| matches!(token, Token::End)) {
            let mut input: Option<Value> = None;
            for command in pipeline.split(|token| matches!(token, Token::Pipe)) {
                input = Some(self.command(command, input));
            }
            last = input.unwrap_or(last);
        }
        self.depth -= 1;
        last
    }

    /// A command or an expression, and what comes out of it.
    fn command(&mut self, all: &[Token], input: Option<Value>) -> Value {
        if self.depth >= DEEPEST {
            self.lost = true;
            return Value::unknown(Marks::NONE);
        }
        self.depth += 1;
        let value = self.command_here(all, input);
        self.depth -= 1;
        value
    }

    fn command_here(&mut self, all: &[Token], input: Option<Value>) -> Value {
        let Some(first) = all.first() else { return Value::unknown(Marks::NONE) };
        match first {
            // `if (x) {...} else {...}`, `foreach ($x in ...) {...}`
            Token::Word(word) if cmdlets::is_keyword(word) => self.keyword(&word.to_ascii_lowercase(), all),
            Token::Variable(name) if matches!(all.get(1), Some(Token::Operator(mark)) if matches!(mark.as_str(), "=" | "+=")) =>
            {
                let value = self.script(all.get(2..).unwrap_or_default());
                let old =
                    self.variables.get(name).filter(|_| all.get(1) != Some(&Token::Operator("=".to_owned())));
                let value = old.map_or_else(|| value.clone(), |old| old.plus(&value));
                self.variables.insert(name.clone(), value.clone());
                value
            }
            // `$x[1] = ...`: the variable holds it.
            Token::Variable(name) if matches!(all.get(1..3), Some([Token::Index(_) | Token::Member(_), Token::Operator(mark)]) if mark == "=") =>
            {
                let value = self.script(all.get(3..).unwrap_or_default());
                let old = self.variables.get(name).cloned().unwrap_or_else(|| Value::unknown(Marks::NONE));
                let marks = old.marks.and(value.marks);
                if marks != old.marks {
                    self.variables.insert(name.clone(), Value::unknown(marks));
                }
                value
            }
            Token::Operator(mark) if matches!(mark.as_str(), "&" | ".") => {
                let rest = all.get(1..).unwrap_or_default();
                if let Some(Token::Block(inner)) = rest.first() {
                    let inner = inner.clone();
                    return self.script(&inner);
                }
                let words = self.arguments(rest);
                self.run_words(words, input, mark == ".")
            }
            // `1..5`
            Token::Word(word) if word.starts_with(|letter: char| letter.is_ascii_digit()) => {
                Value::unknown(Marks::NONE)
            }
            Token::Word(_) => {
                // What a block of the command calls `$_`.
                if let Some(input) = &input {
                    self.variables.insert("_".to_owned(), input.clone());
                }
                let words = self.arguments(all);
                self.run_words(words, input, false)
            }
            Token::Block(inner) => self.script(&inner.clone()),
            _ => {
                let (value, used) = self.expression(all);
                // What stands behind an expression is read as well.
                let rest = all.get(used.max(1)..).unwrap_or_default();
                if !rest.is_empty() && used > 0 {
                    self.command(rest, None);
                }
                value
            }
        }
    }

    fn keyword(&mut self, word: &str, all: &[Token]) -> Value {
        let rest = all.get(1..).unwrap_or_default();
        if word == "foreach"
            && let Some(Token::Group(inner)) = rest.first()
            && let Some(Token::Variable(name)) = inner.first()
        {
            let (value, _) = self.expression(inner.get(2..).unwrap_or_default());
            self.variables.insert(name.clone(), Value::either(value.items()));
        } else if let Some(Token::Group(inner)) = rest.first() {
            self.seen.endless |=
                word == "while" && matches!(inner.first(), Some(Token::Variable(name)) if name == "true");
            self.script(&inner.clone());
        }
        let mut value = Value::unknown(Marks::NONE);
        let blocks = rest.iter().filter(|token| matches!(token, Token::Block(_)));
        let mut any = false;
        for token in blocks {
            any = true;
            if let Token::Block(inner) = token {
                value = self.script(&inner.clone());
            }
        }
        if !any && matches!(word, "return" | "throw" | "exit") {
            return self.command(rest, None);
        }
        value
    }

    /// The words of a command: parameters keep their `-`.
    fn arguments(&mut self, all: &[Token]) -> Vec<Argument> {
        let (mut words, mut at) = (Vec::new(), 0);
        while let Some(token) = all.get(at) {
            match token {
                Token::Word(word) => {
                    words.push(Argument::Value(self.bare(word)));
                    at += 1;
                }
                Token::Parameter(name) => {
                    words.push(Argument::Parameter(name.to_ascii_lowercase()));
                    at += 1;
                }
                Token::Redirect => {
                    let (value, used) = self.argument(all.get(at + 1..).unwrap_or_default());
                    let file = value.shown();
                    if !file.eq_ignore_ascii_case("$null")
                        && !file.starts_with('&')
                        && !matches!(&*value.is, super::value::Is::Unknown)
                    {
                        self.touch(&value, Access::Write, false, Content::Unused);
                    }
                    at += 1 + used.max(1);
                }
                Token::Block(inner) => {
                    // A block that a command takes runs, most likely.
                    let inner = inner.clone();
                    self.script(&inner);
                    words.push(Argument::Block);
                    at += 1;
                }
                // `a, b` is one list.
                Token::Operator(mark) if mark == "," && matches!(words.last(), Some(Argument::Value(_))) => {
                    let rest = all.get(at + 1..).unwrap_or_default();
                    let (next, used) = match rest.first() {
                        Some(Token::Word(word)) => (self.bare(word), 1),
                        _ => self.argument(rest),
                    };
                    if let Some(Argument::Value(list)) = words.last_mut() {
                        *list = Value::list(list.items().into_iter().chain(next.items()).collect());
                    }
                    at += 1 + used.max(1);
                }
                Token::Operator(mark) if mark == "," => at += 1,
                // The folder the script is in.
                Token::Operator(mark) if mark == "." => {
                    words.push(Argument::Value(Value::plain(".")));
                    at += 1;
                }
                _ => {
                    let (value, used) = self.argument(all.get(at..).unwrap_or_default());
                    words.push(Argument::Value(value));
                    at += used.max(1);
                }
            }
        }
        words
    }

    fn effect(&mut self, id: &str, detail: &str) {
        if !self.doing.effects.iter().any(|other| other.id == id) {
            self.doing.effects.push(Effect::new(id, detail));
        }
    }

    fn touch(&mut self, value: &Value, access: Access, tree: bool, content: Content) {
        for mut word in value.items().iter().flat_map(Value::words) {
            word.wild = word.text.contains(['*', '?']);
            word.text = slashes(&word.text);
            if self.doing.touches.len() < 512 {
                self.doing.touches.push(Touch { tree, content, ..Touch::new(word, access) });
            }
        }
    }

    fn contact(&mut self, value: &Value, direction: Direction) {
        for word in value.words() {
            if self.doing.contacts.len() < 512 {
                self.doing.contacts.push(Contact { word, direction });
            }
        }
    }

    fn run(&mut self, run: Run) {
        if self.doing.runs.len() < 512 {
            self.doing.runs.push(run);
        } else {
            self.lost = true;
        }
    }

    /// `Invoke-Expression` and its like.
    fn evaluate(&mut self, value: &Value) {
        if value.marks.has(Marks::STDIN) {
            self.seen.input = Content::Run(Language::PowerShell);
        }
        for one in value.alternatives() {
            let text = one.shown();
            if !text.contains(UNKNOWN) {
                self.code(&text);
            } else if one.marks.has(Marks::NETWORK) {
                self.effect("remote-code.pipe", "what came over the network");
                self.seen.shell |= self.seen.socket;
            } else if one.marks.has(Marks::DECODED) {
                self.effect("remote-code.decoded", "what a decoder gave");
            } else {
                self.effect("remote-code.eval", "code that is made while it runs");
                self.seen.shell |= self.seen.socket;
            }
        }
    }

    fn finish(mut self) -> Doing {
        if (self.seen.socket || self.seen.listens) && self.seen.shell {
            self.effect("remote-code.reverse-shell", "commands from a connection");
        }
        if self.seen.sent.has(Marks::ENVIRONMENT) {
            self.effect("exfiltration.environment", "all variables");
        }
        if self.seen.sent.has(Marks::FILE) {
            for touch in &mut self.doing.touches {
                if touch.access == Access::Read && touch.content == Content::Shown {
                    touch.content = Content::Sent;
                }
            }
        }
        self.doing.input = self.seen.input;
        let downloads = std::mem::take(&mut self.seen.downloads);
        let runs_one = downloads.iter().any(|file| {
            let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
            !name.is_empty()
                && !name.contains(UNKNOWN)
                && self.doing.runs.iter().any(|run| match run {
                    Run::Command { argv, .. } => argv.iter().any(|word| word.text.contains(name)),
                    Run::Code { text, .. } => text.text.contains(name),
                    Run::File { path, .. } => path.text.contains(name),
                })
        });
        if runs_one {
            self.effect("remote-code.download-run", "a file that the script has fetched");
        }
        if self.lost {
            self.effect("shell.undecidable", "a script that is too long or too deep");
        }
        self.doing
    }
}

/// A word of a command.
enum Argument {
    Value(Value),
    Parameter(String),
    Block,
}

/// `.\x\y`, and `$env:TEMP\x.log`, where the folder is named as other systems do: a backslash is no part of a name here, on
/// any system. Drives, shares and the registry have a form of their own.
fn slashes(path: &str) -> String {
    if path.contains(':') || path.starts_with(r"\\") { path.to_owned() } else { path.replace('\\', "/") }
}

fn word(text: &str) -> Word {
    Word::plain(text)
}
