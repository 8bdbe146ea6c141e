//! From a word as it is written to the words a program gets: quotes, expansions, splitting.

use shuck_ast::{LiteralText, WordPart, WordPartNode};

use super::braces::{self, Atom};
use super::machine::Machine;
use super::value::Value;
use crate::understand::{Taint, Word};

/// How many ways of reading one command are followed.
const MOST: usize = 16;

/// So many characters of a word with braces are copied in a step.
const COPIED: usize = 6;

/// A part of a word after its expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Written out without quotes: may hold braces and wildcards.
    Bare(String),
    /// Taken as it is.
    Quoted(Value),
    /// The value of an expansion without quotes: split into words, may hold wildcards.
    Split(Value),
    /// `"$@"`: each is a word of its own.
    Each(Vec<Value>),
}

impl Machine<'_> {
    /// The words that a list of written words becomes, in every way that is possible.
    pub(super) fn argv(&mut self, source: &str, words: &[&shuck_ast::Word]) -> Vec<Vec<Word>> {
        let mut all: Vec<Vec<Word>> = vec![Vec::with_capacity(words.len())];
        for word in words {
            let mut ways = self.word(source, word);
            if all.len() * ways.len() > MOST {
                let taint = ways.iter().flatten().fold(Taint::NONE, |taint, word| taint | word.taint);
                ways = vec![vec![Word::unknown(taint)]];
            }
            if let [only] = ways.as_mut_slice() {
                for argv in &mut all {
                    argv.extend(only.iter().cloned());
                }
            } else {
                all = all
                    .iter()
                    .flat_map(|argv| ways.iter().map(|way| argv.iter().chain(way).cloned().collect()))
                    .collect();
            }
        }
        all
    }

    /// The words that one written word becomes, in every way that is possible.
    pub(super) fn word(&mut self, source: &str, word: &shuck_ast::Word) -> Vec<Vec<Word>> {
        // Most words are plain.
        if let [WordPartNode { kind: WordPart::Literal(literal), span }] = word.parts.as_slice()
            && let text = literal.as_str(source, *span)
            && !text.contains(['\\', '{', '~', '*', '?', '['])
        {
            return vec![vec![Word::plain(text)]];
        }
        let pieces = self.pieces(source, &word.parts, false);
        let mut ways: Vec<Vec<Word>> = Vec::new();
        let braced = pieces.iter().any(|piece| matches!(piece, Piece::Bare(text) if text.contains('{')));
        let splitters = self.splitters();
        let each = if braced { self.with_braces(pieces) } else { vec![pieces] };
        let single = each.len() == 1;
        for pieces in each {
            let fields = fields(pieces, &splitters);
            if single {
                return fields;
            }
            // Braces make words of one command, not ways of reading it.
            if ways.is_empty() {
                ways = fields;
            } else if let [only] = fields.as_slice() {
                for way in &mut ways {
                    way.extend(only.iter().cloned());
                }
            } else {
                let unknown = Word::unknown(Taint::NONE);
                for way in &mut ways {
                    way.push(unknown.clone());
                }
            }
        }
        ways
    }

    /// A word where nothing is split: the value of an assignment, a here-string, the target of a redirection.
    pub(super) fn text(&mut self, source: &str, word: &shuck_ast::Word) -> Value {
        let pieces = self.pieces(source, &word.parts, false);
        joined(&pieces)
    }

    /// The parts of a word, expanded.
    pub(super) fn pieces(&mut self, source: &str, parts: &[WordPartNode], quoted: bool) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            self.piece(source, part, quoted, &mut pieces);
        }
        if !quoted {
            self.tilde(&mut pieces);
        }
        pieces
    }

    fn piece(&mut self, source: &str, part: &WordPartNode, quoted: bool, out: &mut Vec<Piece>) {
        if !self.step(1) {
            return out.push(Piece::Quoted(Value::unknown(Taint::NONE)));
        }
        match &part.kind {
            WordPart::Literal(literal) => {
                let text = literal.as_str(source, part.span);
                let raw = matches!(literal, LiteralText::Source);
                if quoted {
                    let text = if raw { unescaped_in_quotes(text) } else { text.to_owned() };
                    out.push(Piece::Quoted(Value::text(text)));
                } else if raw {
                    unescaped(text, out);
                } else {
                    out.push(Piece::Bare(text.to_owned()));
                }
            }
            WordPart::SingleQuoted { value, .. } => {
                out.push(Piece::Quoted(Value::text(value.slice(source))));
            }
            WordPart::DoubleQuoted { parts, .. } => {
                let inner = self.pieces(source, parts, true);
                if inner.iter().any(|piece| matches!(piece, Piece::Each(_))) {
                    out.extend(inner);
                } else {
                    out.push(Piece::Quoted(joined(&inner)));
                }
            }
            WordPart::Variable(name) => {
                let piece = self.variable_piece(name.as_str(), quoted);
                out.push(piece);
            }
            WordPart::CommandSubstitution { .. } | WordPart::ProcessSubstitution { .. } => {
                let value = self.substitution(source, part);
                out.push(if quoted { Piece::Quoted(value) } else { Piece::Split(value) });
            }
            WordPart::ZshQualifiedGlob(_) => out.push(Piece::Bare(part.span.slice(source).to_owned())),
            _ => {
                let piece = self.parameter_piece(source, part, quoted);
                out.push(piece);
            }
        }
    }

    /// `$x` or `"$x"`.
    pub(super) fn variable_piece(&mut self, name: &str, quoted: bool) -> Piece {
        if matches!(name, "@" | "*") {
            let arguments = self.arguments.clone();
            return match (quoted, name) {
                (true, "@") | (false, _) => Piece::Each(arguments),
                _ => Piece::Quoted(spaced(&arguments)),
            };
        }
        let value = self.variable(name);
        if quoted { Piece::Quoted(value) } else { Piece::Split(value) }
    }

    fn tilde(&mut self, pieces: &mut [Piece]) {
        let Some(Piece::Bare(text)) = pieces.first() else { return };
        let home = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() && pieces.len() > 1 => return,
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                Piece::Bare(format!("{}{rest}", self.world.ground.home.to_string_lossy()))
            }
            // `~+` and `~-` are the working folder and the one before.
            Some(rest) if rest.starts_with(['+', '-']) => {
                let (name, rest) = rest.split_at(1);
                let value = self.variable(if name == "+" { "PWD" } else { "OLDPWD" });
                Piece::Quoted(value.then(&Value::text(rest)))
            }
            _ => return,
        };
        if let Some(first) = pieces.first_mut() {
            *first = home;
        }
    }

    fn with_braces(&mut self, pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
        with_braces(pieces, &mut |copied| self.step(u32::try_from(copied / COPIED).unwrap_or(u32::MAX)))
    }

    /// What separates words: `$IFS`, if it is known.
    fn splitters(&self) -> Vec<char> {
        let set = self.state.variable("IFS").and_then(|variable| variable.value.single().cloned());
        match set {
            Some(word) if word.known() => word.text.chars().collect(),
            Some(_) | None => vec![' ', '\t', '\n'],
        }
    }
}

/// Several values with blanks between them.
pub(super) fn spaced(values: &[Value]) -> Value {
    let mut all: Option<Value> = None;
    for value in values {
        all = Some(match all {
            Some(all) => all.then(&Value::text(" ")).then(value),
            None => value.clone(),
        });
    }
    all.unwrap_or_else(|| Value::text(""))
}

/// All pieces as one text.
pub(super) fn joined(pieces: &[Piece]) -> Value {
    let mut all = Value::text("");
    for piece in pieces {
        all = match piece {
            Piece::Bare(text) => {
                let wild = text.contains(['*', '?', '[']);
                all.then(&Value::one(Word { text: text.clone(), wild, taint: Taint::NONE }))
            }
            Piece::Quoted(value) | Piece::Split(value) => all.then(value),
            Piece::Each(values) => all.then(&spaced(values)),
        };
    }
    all
}

/// Applies the braces in what is written without quotes.
fn with_braces(pieces: Vec<Piece>, may: &mut dyn FnMut(usize) -> bool) -> Vec<Vec<Piece>> {
    let mut atoms = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Bare(text) => atoms.extend(text.chars().map(Atom::Char)),
            other => atoms.push(Atom::Other(other)),
        }
    }
    let words = braces::expand(atoms, may);
    words
        .into_iter()
        .map(|word| {
            let mut pieces: Vec<Piece> = Vec::new();
            for atom in word {
                match (atom, pieces.last_mut()) {
                    (Atom::Char(c), Some(Piece::Bare(text))) => text.push(c),
                    (Atom::Char(c), _) => pieces.push(Piece::Bare(c.to_string())),
                    (Atom::Other(piece), _) => pieces.push(piece),
                }
            }
            pieces
        })
        .collect()
}

/// The words that pieces make, in every way that is possible.
fn fields(pieces: Vec<Piece>, splitters: &[char]) -> Vec<Vec<Word>> {
    let mut ways = vec![Fields::default()];
    for piece in pieces {
        match piece {
            Piece::Bare(text) => ways.iter_mut().for_each(|way| way.bare(&text)),
            Piece::Each(values) => {
                let words: Vec<Word> = values.iter().map(known_or_not).collect();
                ways.iter_mut().for_each(|way| way.each(&words));
            }
            Piece::Quoted(value) => ways = spread(ways, &value, Fields::quoted),
            Piece::Split(value) => ways = spread(ways, &value, |way, word| way.split(word, splitters)),
        }
    }
    ways.into_iter().map(Fields::end).collect()
}

/// Every way with every text of a value.
fn spread(mut ways: Vec<Fields>, value: &Value, add: impl Fn(&mut Fields, &Word)) -> Vec<Fields> {
    if let Some(word) = value.single() {
        ways.iter_mut().for_each(|way| add(way, word));
        return ways;
    }
    if ways.len() * value.options().len() > MOST {
        let unknown = Word::unknown(value.taint());
        ways.iter_mut().for_each(|way| add(way, &unknown));
        return ways;
    }
    ways.iter()
        .flat_map(|way| {
            value.options().iter().map(|word| {
                let mut way = way.clone();
                add(&mut way, word);
                way
            })
        })
        .collect()
}

fn known_or_not(value: &Value) -> Word {
    value.single().cloned().unwrap_or_else(|| Word::unknown(value.taint()))
}

/// Words in the making.
#[derive(Debug, Clone, Default)]
struct Fields {
    done: Vec<Word>,
    open: Word,
    /// Whether there is a word even if it is empty.
    begun: bool,
}

impl Fields {
    fn bare(&mut self, text: &str) {
        self.open.wild |= text.contains(['*', '?', '[']);
        self.open.text.push_str(text);
        self.begun |= !text.is_empty();
    }

    fn quoted(&mut self, word: &Word) {
        self.open.text.push_str(&word.text);
        self.open.taint |= word.taint;
        self.open.wild |= word.wild && (!word.known() || word.taint.has(Taint::MATCHED));
        self.begun = true;
    }

    fn each(&mut self, words: &[Word]) {
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                self.close();
            }
            self.quoted(word);
        }
    }

    fn split(&mut self, word: &Word, splitters: &[char]) {
        self.open.taint |= word.taint;
        for c in word.text.chars() {
            if splitters.contains(&c) {
                self.close();
                self.open.taint = word.taint;
            } else {
                // The characters stand for something longer that may be split and may hold wildcards.
                self.open.wild |= matches!(c, '*' | '?' | '[');
                self.open.text.push(c);
                self.begun = true;
            }
        }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.begun) {
            self.done.push(std::mem::take(&mut self.open));
        }
    }

    fn end(mut self) -> Vec<Word> {
        self.close();
        self.done
    }
}

/// Takes backslashes away where there are no quotes; what they protect is not looked into any more.
fn unescaped(text: &str, out: &mut Vec<Piece>) {
    if !text.contains('\\') {
        return out.push(Piece::Bare(text.to_owned()));
    }
    let mut bare = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            bare.push(c);
            continue;
        }
        match chars.next() {
            Some('\n') => {}
            Some(c) if c.is_ascii_alphanumeric() => {
                // `\rm`: nothing to protect, and one text is easier to read than three.
                bare.push(c);
            }
            Some(c) => {
                out.push(Piece::Bare(std::mem::take(&mut bare)));
                out.push(Piece::Quoted(Value::text(c)));
            }
            None => bare.push('\\'),
        }
    }
    if !bare.is_empty() {
        out.push(Piece::Bare(bare));
    }
}

/// Takes backslashes away inside double quotes.
pub(super) fn unescaped_in_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\n')) => {
                chars.next();
            }
            ('\\', Some('$' | '`' | '"' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// The words of a text that a program splits by blanks, as `xargs` does, with its quotes.
pub(super) fn split_text(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut open: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (Some(_), c) => open.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                open.get_or_insert_default();
            }
            (None, '\\') => open.get_or_insert_default().extend(chars.next()),
            (None, ' ' | '\t' | '\n' | '\0') => words.extend(open.take()),
            (None, c) => open.get_or_insert_default().push(c),
        }
    }
    words.extend(open);
    words
}
