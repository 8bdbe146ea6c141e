//! Splits a shell script into simple commands, conservatively and in linear time.
//!
//! This is a lexer with the grammar it needs to know where a command begins and ends: quotes, substitutions, heredocs,
//! separators, keywords. It runs nothing and expands only what it can prove: literal assignments of the script itself.
//! Whatever it cannot decide is marked, never guessed: a word that holds an expansion is `dynamic`, and a script over
//! its limits is `undecidable`.

mod words;

use std::collections::HashMap;

/// How deep substitutions and groups may nest before a script counts as undecidable.
const MAX_DEPTH: usize = 40;
/// How many simple commands a script may have before it counts as undecidable.
const MAX_COMMANDS: usize = 4_000;

/// A word of a command with its quotes removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word {
    /// The text, expansions kept as they were written.
    pub(crate) text: String,
    /// It holds an expansion whose value nobody knows.
    pub(crate) dynamic: bool,
    /// It holds an unquoted wildcard.
    pub(crate) wild: bool,
}

/// A redirection to or from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// Whether the file is written.
    pub(crate) writes: bool,
    /// The file.
    pub(crate) target: Word,
}

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Command {
    /// As it was written.
    pub(crate) raw: String,
    /// Program and arguments, without keywords, assignments and redirections.
    pub(crate) words: Vec<Word>,
    /// Redirections to files.
    pub(crate) redirects: Vec<Redirect>,
    /// Here-documents and here-strings on its standard input.
    pub(crate) input: Vec<String>,
    /// The pipeline it is a stage of; stages of one pipeline stand next to each other.
    pub(crate) pipeline: usize,
}

/// A script taken apart.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// Every simple command, those inside substitutions included.
    pub(crate) commands: Vec<Command>,
    /// Why the script was not understood to its end, if it was not.
    pub(crate) undecidable: Option<&'static str>,
}

/// Takes a script apart. `depth` counts the scripts it was found inside of.
pub(crate) fn split(source: &str, depth: usize) -> Script {
    let mut lexer = Lexer {
        source,
        at: 0,
        script: Script::default(),
        pipelines: 0,
        variables: HashMap::new(),
        heredocs: Vec::new(),
    };
    lexer.list(End::File, depth);
    let Lexer { mut script, heredocs, .. } = lexer;
    // A heredoc whose newline never came has no body.
    drop(heredocs);
    script.commands.retain(|command| !command.words.is_empty() || !command.redirects.is_empty());
    script
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    File,
    Parenthesis,
}

struct Heredoc {
    delimiter: String,
    literal: bool,
    strip_tabs: bool,
    command: usize,
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    script: Script,
    pipelines: usize,
    variables: HashMap<String, String>,
    heredocs: Vec<Heredoc>,
}

/// The command being read.
struct Open {
    /// Its place in the list, taken when it began so that the order is that of the text.
    index: usize,
    start: usize,
    header: bool,
    test: bool,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.source.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn ended(&self) -> bool {
        self.at >= self.source.len()
    }

    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or("")
    }

    fn slice(&self, from: usize, to: usize) -> &str {
        self.source.get(from..to).unwrap_or("")
    }

    fn give_up(&mut self, why: &'static str) {
        self.script.undecidable.get_or_insert(why);
        self.at = self.source.len();
    }

    fn open(&mut self) -> Open {
        if self.script.commands.len() >= MAX_COMMANDS {
            self.give_up("it has too many commands");
        }
        let index = self.script.commands.len();
        self.script.commands.push(Command { pipeline: self.pipelines, ..Command::default() });
        Open { index, start: self.at, header: false, test: false }
    }

    fn command(&mut self, open: &Open) -> Option<&mut Command> {
        self.script.commands.get_mut(open.index)
    }

    fn close(&mut self, open: &Open) {
        let raw = self.slice(open.start, self.at).trim().to_owned();
        let header = open.header;
        if let Some(command) = self.command(open) {
            command.raw = raw;
            if header {
                command.words.clear();
            }
        }
    }

    /// A list of commands up to its end, which is consumed.
    fn list(&mut self, end: End, depth: usize) {
        if depth > MAX_DEPTH {
            self.give_up("it is nested too deeply");
            return;
        }
        self.pipelines += 1;
        let mut parentheses = 0_usize;
        let mut open = self.open();
        loop {
            self.blanks();
            if self.ended() {
                self.close(&open);
                return;
            }
            let (one, two) = (self.peek(0), self.peek(1));
            if open.test && matches!(one, b'&' | b'|' | b'(' | b')' | b'<' | b'>') {
                self.at += 1;
                continue;
            }
            let separator = match (one, two) {
                (b'\n', _) => {
                    self.close(&open);
                    self.at += 1;
                    self.heredoc_bodies(depth);
                    self.pipelines += 1;
                    open = self.open();
                    continue;
                }
                (b'&', b'&') | (b'|', b'|') | (b';', b';') => 2,
                (b'|', b'&') => 2,
                (b'&', b'>') => 0,
                (b'&' | b'|' | b';', _) => 1,
                _ => 0,
            };
            if separator > 0 {
                self.close(&open);
                if !(one == b'|' && two != b'|') {
                    self.pipelines += 1;
                }
                self.at += separator;
                open = self.open();
                continue;
            }
            match one {
                b'(' if self.function_parentheses() => {
                    // `name ()`: a definition, not a call; its body is read like any group.
                    open.header = true;
                    self.close(&open);
                    self.at += self.rest().find(')').map_or(1, |offset| offset + 1);
                    open = self.open();
                }
                b'(' if two == b'(' && self.is_empty(&open) => self.arithmetic(depth),
                b'(' => {
                    self.close(&open);
                    self.at += 1;
                    parentheses += 1;
                    if parentheses > MAX_DEPTH {
                        self.give_up("it is nested too deeply");
                    }
                    self.pipelines += 1;
                    open = self.open();
                }
                b')' => {
                    if parentheses == 0 && end == End::Parenthesis {
                        self.close(&open);
                        self.at += 1;
                        return;
                    }
                    if parentheses == 0 {
                        // The pattern of a `case` branch.
                        open.header = true;
                    }
                    parentheses = parentheses.saturating_sub(1);
                    self.close(&open);
                    self.at += 1;
                    self.pipelines += 1;
                    open = self.open();
                }
                b'<' | b'>' | b'&' => self.redirect(&open, depth),
                b'#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                _ => self.argument(&mut open, depth),
            }
        }
    }

    fn is_empty(&self, open: &Open) -> bool {
        self.script.commands.get(open.index).is_none_or(|command| command.words.is_empty())
    }

    fn function_parentheses(&self) -> bool {
        let inner = self.rest().get(1..).unwrap_or("");
        inner.trim_start_matches([' ', '\t']).starts_with(')')
    }

    fn blanks(&mut self) {
        loop {
            match (self.peek(0), self.peek(1)) {
                (b' ' | b'\t' | b'\r', _) => self.at += 1,
                (b'\\', b'\n') => self.at += 2,
                _ => return,
            }
        }
    }

    /// A word, put where it belongs: keyword, assignment, descriptor of a redirection or argument.
    fn argument(&mut self, open: &mut Open, depth: usize) {
        let start = self.at;
        let word = self.word(depth);
        if self.at == start {
            // A byte that begins nothing this lexer knows: skipped, so that it always comes to an end.
            self.at += 1;
            return;
        }
        let written = self.slice(start, self.at).to_owned();
        if matches!(self.peek(0), b'<' | b'>') && written.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let first = self.is_empty(open);
        if first && !open.header {
            match written.as_str() {
                "then" | "do" | "else" | "elif" | "if" | "while" | "until" | "{" | "}" | "!" | "time"
                | "coproc" | "done" | "fi" | "esac" => {
                    open.start = self.at;
                    return;
                }
                "for" | "select" | "case" | "function" => open.header = true,
                "[[" => open.test = true,
                _ => {}
            }
        } else if open.header && (written == "{" || written == "do") {
            *open = Open { header: false, start: self.at, ..*open };
            if let Some(command) = self.command(open) {
                command.words.clear();
            }
            return;
        }
        if open.test && written == "]]" {
            open.test = false;
        }
        if first
            && let Some((name, _)) = written.split_once('=')
            && is_name(name.trim_end_matches('+'))
        {
            self.assignment(name, &word);
            return;
        }
        if let Some(command) = self.command(open) {
            command.words.push(word);
        }
    }

    fn assignment(&mut self, name: &str, word: &Word) {
        match word.text.split_once('=') {
            Some((_, value)) if !word.dynamic && !name.ends_with('+') => {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
            _ => {
                self.variables.remove(name.trim_end_matches('+'));
            }
        }
    }

    fn redirect(&mut self, open: &Open, depth: usize) {
        let rest = self.rest();
        let operator = ["<<<", "&>>", "<<-", "<<", "<>", "<&", ">>", ">|", ">&", "&>", "<(", ">(", "<", ">"]
            .into_iter()
            .find(|operator| rest.starts_with(operator));
        let Some(operator) = operator else {
            self.at += 1;
            return;
        };
        self.at += operator.len();
        if operator.ends_with('(') {
            self.list(End::Parenthesis, depth + 1);
            if let Some(command) = self.command(open) {
                command.words.push(Word { text: format!("{operator})"), dynamic: true, wild: false });
            }
            return;
        }
        self.blanks();
        if matches!(operator, "<<" | "<<-") {
            let start = self.at;
            let word = self.word(depth);
            let literal = self.slice(start, self.at).contains(['\'', '"', '\\']);
            let strip_tabs = operator == "<<-";
            self.heredocs.push(Heredoc { delimiter: word.text, literal, strip_tabs, command: open.index });
            return;
        }
        let target = self.word(depth);
        let descriptor =
            operator.ends_with('&') && target.text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        if target.text.is_empty() || descriptor {
            return;
        }
        if let Some(command) = self.command(open) {
            if operator == "<<<" {
                command.input.push(target.text);
            } else {
                command.redirects.push(Redirect { writes: operator.contains('>'), target });
            }
        }
    }

    /// The bodies of the heredocs announced on the line that just ended.
    fn heredoc_bodies(&mut self, depth: usize) {
        for heredoc in std::mem::take(&mut self.heredocs) {
            let mut body = String::new();
            while !self.ended() {
                let rest = self.rest();
                let (line, next) = match rest.split_once('\n') {
                    Some((line, _)) => (line, line.len() + 1),
                    None => (rest, rest.len()),
                };
                let line = if heredoc.strip_tabs { line.trim_start_matches('\t') } else { line };
                let last = line == heredoc.delimiter;
                if !last {
                    body.push_str(line);
                    body.push('\n');
                }
                self.at += next;
                if last {
                    break;
                }
            }
            if !heredoc.literal && body.contains(['$', '`']) {
                self.substitutions_of(&body, depth + 1);
            }
            if let Some(command) = self.script.commands.get_mut(heredoc.command) {
                command.input.push(body);
            }
        }
    }

    /// The commands substituted into a text that is otherwise data.
    fn substitutions_of(&mut self, text: &str, depth: usize) {
        if depth > MAX_DEPTH {
            self.give_up("it is nested too deeply");
            return;
        }
        let mut inner = Lexer {
            source: text,
            at: 0,
            script: Script::default(),
            pipelines: self.pipelines + 1,
            variables: HashMap::new(),
            heredocs: Vec::new(),
        };
        let mut sink = Word::default();
        while !inner.ended() {
            match inner.peek(0) {
                b'\\' => inner.escaped(),
                b'$' => inner.dollar(&mut sink, depth),
                b'`' => inner.backticks(&mut sink, depth),
                _ => inner.at += 1,
            }
        }
        self.adopt(inner.script, inner.pipelines);
    }

    fn adopt(&mut self, script: Script, pipelines: usize) {
        self.pipelines = self.pipelines.max(pipelines) + 1;
        self.script.commands.extend(script.commands);
        if let Some(why) = script.undecidable {
            self.give_up(why);
        }
    }
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic())
        && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
