//! Reads code statement by statement: who holds which value, and what is called with it. Branches are all taken, loops
//! once, functions where they are defined.

mod expressions;
mod operands;
mod statements;

use std::collections::HashMap;

pub(super) use expressions::formatted;
pub(super) use operands::module;

use super::calls::Seen;
use super::lex::{self, Kind, Token};
use super::value::{Marks, Value};
use crate::understand::{Doing, Effect, Fuel, Language};

/// How deep brackets may nest, and code in texts.
const DEEPEST: u32 = 40;
const NESTED_CODE: u32 = 5;
/// How often loops of lists are followed item by item.
const REPEATS: u32 = 2048;

pub(super) struct Reader<'a> {
    pub(super) language: Language,
    pub(super) fuel: &'a mut Fuel,
    pub(super) doing: Doing,
    pub(super) variables: HashMap<String, Value>,
    pub(super) seen: Seen,
    /// The command line.
    pub(super) arguments: Vec<Value>,
    /// What the parameters of a function that is an argument are.
    pub(super) incoming: Option<Value>,
    depth: u32,
    nested: u32,
    repeats: u32,
    pub(super) lost: bool,
}

/// Tokens and where the reading is.
struct Stream {
    tokens: Vec<Token>,
    /// For each opening bracket the place of its end.
    ends: Vec<usize>,
    at: usize,
    /// In how many brackets it is, so that the end of a line is none of a statement.
    inside: u32,
    /// Whether the statement runs on a condition.
    conditional: bool,
    blocks: u32,
}

impl Stream {
    fn new(tokens: Vec<Token>) -> Self {
        let (mut ends, mut open) = (vec![usize::MAX; tokens.len()], Vec::new());
        for (at, token) in tokens.iter().enumerate() {
            match token.kind {
                Kind::Mark("(" | "[" | "{") => open.push(at),
                Kind::Mark(")" | "]" | "}") => {
                    if let Some(end) = open.pop().and_then(|start: usize| ends.get_mut(start)) {
                        *end = at;
                    }
                }
                _ => {}
            }
        }
        Self { tokens, ends, at: 0, inside: 0, conditional: false, blocks: 0 }
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn mark(&self, ahead: usize) -> &'static str {
        match self.token(ahead).map(|token| &token.kind) {
            Some(Kind::Mark(mark)) => mark,
            _ => "",
        }
    }

    fn name(&self, ahead: usize) -> &str {
        match self.token(ahead).map(|token| &token.kind) {
            Some(Kind::Name(name)) => name,
            _ => "",
        }
    }

    fn text(&self, ahead: usize) -> Option<String> {
        match self.token(ahead).map(|token| &token.kind) {
            Some(Kind::Text(parts)) => match parts.as_slice() {
                [lex::Part::Written(text)] => Some(text.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.mark(0) == mark;
        if found {
            self.at += 1;
        }
        found
    }

    fn done(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Whether the next token goes on with what stands before it.
    fn continues(&self, language: Language) -> bool {
        match self.token(0) {
            None => false,
            Some(token) if token.fresh && self.inside == 0 => match (language, &token.kind) {
                (Language::Python, _) => false,
                (Language::Ruby, kind) => matches!(kind, Kind::Mark("." | "&." | "&&" | "||")),
                (Language::JavaScript, kind) => !matches!(kind, Kind::Mark("(" | "[" | "{" | "++" | "--")),
                _ => true,
            },
            Some(_) => true,
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(language: Language, fuel: &'a mut Fuel) -> Self {
        Self {
            language,
            fuel,
            doing: Doing { recognised: true, ..Doing::default() },
            variables: HashMap::new(),
            seen: Seen::default(),
            arguments: Vec::new(),
            incoming: None,
            depth: 0,
            nested: 0,
            repeats: 0,
            lost: false,
        }
    }

    /// Reads a text of the language.
    pub(super) fn code(&mut self, text: &str) {
        if self.nested >= NESTED_CODE {
            self.lost = true;
            return;
        }
        self.nested += 1;
        // What is only in memory is gone anyway; a file that is attached is not.
        self.seen.memory |= text.contains(":memory:")
            && text.matches("connect(").count() <= 1
            && !text.contains("ttach ")
            && !text.contains("TTACH ");
        if self.nested == 1 {
            self.seen.trial = super::calls::only_trials(text);
        }
        let mut stream = self.stream(text);
        self.statements(&mut stream, None);
        self.nested -= 1;
    }

    /// The value of a text that is an expression.
    fn inner(&mut self, text: &str) -> Value {
        if self.nested >= NESTED_CODE {
            self.lost = true;
            return Value::unknown(Marks::NONE);
        }
        self.nested += 1;
        let mut stream = self.stream(text);
        stream.inside = 1;
        let value = self.expression(&mut stream);
        self.statements(&mut stream, None);
        self.nested -= 1;
        value
    }

    fn stream(&mut self, text: &str) -> Stream {
        let tokens = lex::tokens(self.language, text);
        self.spend(text.len() / 16);
        Stream::new(tokens)
    }

    pub(super) fn spend(&mut self, steps: usize) -> bool {
        let enough = self.fuel.spend(u32::try_from(steps).unwrap_or(u32::MAX));
        self.lost |= !enough;
        enough
    }

    pub(super) fn effect(&mut self, id: &str, detail: impl Into<String>) {
        let effect = Effect::new(id, detail);
        if !self.doing.effects.iter().any(|other| other.id == effect.id) {
            self.doing.effects.push(effect);
        }
    }

    pub(super) fn finish(mut self) -> Doing {
        self.conclude();
        if self.lost {
            self.effect("shell.undecidable", "code that is too long or too deep");
        }
        self.doing
    }
}
