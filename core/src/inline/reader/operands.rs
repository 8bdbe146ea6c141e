//! Operands and the arguments of calls.

use super::statements::SKIPPED;
use super::{Reader, Stream};
use crate::inline::calls::Arguments;
use crate::inline::lex::{Kind, Part};
use crate::inline::value::{Is, Marks, Value};
use crate::understand::{Language, UNKNOWN};

/// The name of a module as the tables know it.
pub(in crate::inline) fn module(text: &str) -> String {
    let name = text.strip_prefix("node:").unwrap_or(text);
    match name {
        "fs/promises" | "fs-extra" | "graceful-fs" => "fs".to_owned(),
        "https" | "http2" | "follow-redirects" => "http".to_owned(),
        "tls" => "net".to_owned(),
        "node-fetch" | "cross-fetch" | "undici" => "fetch".to_owned(),
        _ => name.to_owned(),
    }
}

impl Reader<'_> {
    /// An operand, and the place it is kept in where it is a variable.
    pub(super) fn operand(&mut self, s: &mut Stream) -> (Value, Option<String>) {
        let mut skipped = 0;
        while SKIPPED.contains(&s.name(0))
            && skipped < 8
            && s.token(1).is_some()
            && !matches!(s.mark(1), ")" | "," | "=" | ".")
        {
            if matches!(s.name(0), "if" | "else" | "or" | "and" | "in" | "is" | "then" | "do" | "end") {
                break;
            }
            s.at += 1;
            skipped += 1;
        }
        let Some(token) = s.token(0).cloned() else { return (Value::unknown(Marks::NONE), None) };
        if !self.spend(1) {
            s.at = s.tokens.len();
            return (Value::unknown(Marks::NONE), None);
        }
        let value = match token.kind {
            Kind::Text(parts) => {
                s.at += 1;
                let mut value = self.parts(&parts);
                while self.language == Language::Python && s.continues(self.language) {
                    let Some(Kind::Text(more)) = s.token(0).map(|token| token.kind.clone()) else { break };
                    s.at += 1;
                    let more = self.parts(&more);
                    value = value.concat(&more);
                }
                value
            }
            Kind::Shell(parts) => {
                s.at += 1;
                let text = self.parts(&parts);
                self.shell(&text)
            }
            Kind::Words(words) => {
                s.at += 1;
                Value::list(words.into_iter().map(Value::plain).collect())
            }
            Kind::Number(number) => {
                s.at += 1;
                Value::number(number)
            }
            Kind::Pattern(code) => {
                s.at += 1;
                if let Some(code) = code {
                    self.inner(&code);
                }
                Value::unknown(Marks::NONE)
            }
            Kind::Name(name) => return self.named(s, &name),
            Kind::Mark(mark) => self.marked(s, mark),
        };
        (value, None)
    }

    pub(in crate::inline) fn parts(&mut self, parts: &[Part]) -> Value {
        let mut value: Option<Value> = None;
        for part in parts {
            let next = match part {
                Part::Written(text) if text.is_empty() && parts.len() > 1 => continue,
                Part::Written(text) => Value::plain(text.clone()),
                Part::Code(code) => {
                    let inner = self.inner(code);
                    // A list in a text is its words.
                    match &*inner.is {
                        Is::List(all) if self.language != Language::JavaScript => Value::text(
                            all.iter().map(Value::shown).collect::<Vec<_>>().join(" "),
                            inner.marks,
                        ),
                        _ => Value::plain("").concat(&inner),
                    }
                }
            };
            value = Some(match value {
                Some(before) => before.concat(&next),
                None => next,
            });
        }
        value.unwrap_or_else(|| Value::plain(""))
    }

    fn named(&mut self, s: &mut Stream, name: &str) -> (Value, Option<String>) {
        s.at += 1;
        match name {
            "lambda" if self.language == Language::Python => {
                let incoming = self.incoming();
                while !s.done() && s.mark(0) != ":" && self.spend(1) {
                    let its = s.name(0).to_owned();
                    self.assign(&its, incoming.clone(), false);
                    s.at += 1;
                }
                s.eat(":");
                return (self.expression(s), None);
            }
            "function" | "sub" | "fn" | "proc"
                if matches!(s.mark(0), "(" | "{" | "*") || s.mark(1) == "(" =>
            {
                while !s.done() && !matches!(s.mark(0), "(" | "{") {
                    s.at += 1;
                }
                let incoming = self.incoming();
                if s.mark(0) == "(" {
                    self.parameters(s, &incoming);
                }
                if self.language == Language::Php && s.name(0) == "use" {
                    s.at += 1;
                    s.at = s.ends.get(s.at).copied().unwrap_or(s.at).min(s.tokens.len()).saturating_add(1);
                }
                return (self.body(s), None);
            }
            "None" | "null" | "undefined" | "nil" | "True" | "true" | "False" | "false" | "undef" => {
                let text = matches!(name, "True" | "true");
                return (if text { Value::name("true") } else { Value::unknown(Marks::NONE) }, None);
            }
            _ => {}
        }
        if self.language == Language::JavaScript && s.mark(0) == "=>" {
            s.at += 1;
            let incoming = self.incoming();
            match &*incoming.is {
                Is::List(_) => self.bind(&[name.to_owned()], &incoming),
                _ => self.assign(name, incoming, false),
            }
            return (self.body(s), None);
        }
        // A key of a mapping is no variable.
        if matches!(self.language, Language::Perl | Language::Ruby) && s.mark(0) == "=>" {
            return (Value::plain(name), None);
        }
        let value = self.lookup(name);
        (value, Some(name.to_owned()))
    }

    fn incoming(&mut self) -> Value {
        self.incoming.take().unwrap_or_else(|| Value::unknown(Marks::NONE))
    }

    /// The body of a function that stands in an expression.
    fn body(&mut self, s: &mut Stream) -> Value {
        if s.mark(0) != "{" {
            return self.expression(s);
        }
        let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
        s.at += 1;
        self.depth += 1;
        if self.depth > super::DEEPEST {
            self.lost = true;
        } else {
            let inside = std::mem::take(&mut s.inside);
            self.statements(s, Some(end));
            s.inside = inside;
        }
        self.depth -= 1;
        s.at = end.saturating_add(1);
        Value::unknown(Marks::NONE)
    }

    fn marked(&mut self, s: &mut Stream, mark: &'static str) -> Value {
        let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
        match mark {
            "(" => {
                let arrow = self.language == Language::JavaScript
                    && s.tokens
                        .get(end.saturating_add(1))
                        .is_some_and(|token| token.kind == Kind::Mark("=>"));
                if arrow {
                    let incoming = self.incoming();
                    self.parameters(s, &incoming);
                    s.eat("=>");
                    return self.body(s);
                }
                let values = self.listed(s, end);
                match values.len() {
                    1 if !s
                        .tokens
                        .get(end.wrapping_sub(1))
                        .is_some_and(|token| token.kind == Kind::Mark(",")) =>
                    {
                        values.into_iter().next().unwrap_or_else(|| Value::unknown(Marks::NONE))
                    }
                    // The comma of JavaScript gives the last.
                    n if n > 1 && self.language == Language::JavaScript => {
                        values.into_iter().next_back().unwrap_or_else(|| Value::unknown(Marks::NONE))
                    }
                    _ => Value::list(values),
                }
            }
            "[" => Value::list(self.listed(s, end)),
            "{" if self.language == Language::Ruby
                || self.language == Language::Perl
                || self.language == Language::Lua =>
            {
                let mut arguments = Arguments::default();
                s.at += 1;
                self.collect(s, end, &mut arguments);
                s.at = end.saturating_add(1);
                let named = !arguments.named.is_empty();
                if named { Value::map(arguments.named) } else { Value::list(arguments.list) }
            }
            "{" => self.mapping(s, end),
            "-" | "+" => {
                s.at += 1;
                let value = self.operand(s).0;
                match value.as_number() {
                    Some(number) if mark == "-" => Value::number(number.wrapping_neg()),
                    _ => value,
                }
            }
            "!" | "~" | "*" | "**" | "&" | "@" | "\\" | "..." | "++" | "--" | "->" | "$" | "%" | "#"
            | "^" => {
                s.at += 1;
                if self.language == Language::Ruby && mark == "->" {
                    if s.mark(0) == "(" {
                        self.parameters(s, &Value::unknown(Marks::NONE));
                    }
                    return self.body(s);
                }
                if self.depth > super::DEEPEST {
                    self.lost = true;
                    return Value::unknown(Marks::NONE);
                }
                self.depth += 1;
                let value = match s.mark(0) {
                    "{" if self.language == Language::Perl => {
                        let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
                        Value::list(self.listed(s, end))
                    }
                    _ => self.expression_of(s),
                };
                self.depth -= 1;
                value
            }
            "<" if self.language == Language::Perl => {
                let stdin = matches!(s.name(1), "STDIN" | "$STDIN") || s.mark(1) == ">";
                let file = s.name(1).to_owned();
                let marks = if stdin { Marks::STDIN } else { self.lookup(&file).marks };
                if stdin {
                    self.seen.stdin = true;
                }
                while !s.done() && s.mark(0) != ">" {
                    s.at += 1;
                }
                s.at += 1;
                Value::unknown(marks)
            }
            _ => Value::unknown(Marks::NONE),
        }
    }

    fn expression_of(&mut self, s: &mut Stream) -> Value {
        self.operand(s).0
    }

    /// Values with commas between them, up to the end of a bracket; a comprehension is followed item by item.
    fn listed(&mut self, s: &mut Stream, end: usize) -> Vec<Value> {
        s.at += 1;
        let start = s.at;
        if self.language == Language::Python
            && let Some(values) = self.comprehension(s, end, start)
        {
            s.at = end.saturating_add(1);
            return values;
        }
        let mut arguments = Arguments::default();
        self.collect(s, end, &mut arguments);
        s.at = end.saturating_add(1);
        if arguments.named.is_empty() {
            arguments.list
        } else if arguments.list.is_empty() {
            vec![Value::map(arguments.named)]
        } else {
            arguments.list.into_iter().chain(arguments.named.into_iter().map(|(_, value)| value)).collect()
        }
    }

    /// `f(x) for x in y`
    fn comprehension(&mut self, s: &mut Stream, end: usize, start: usize) -> Option<Vec<Value>> {
        // Where the element ends; elements are short, so that nested ones cost little.
        let mut at = start;
        loop {
            if at >= end || at > start + 96 {
                return None;
            }
            match s.tokens.get(at).map(|token| &token.kind) {
                Some(Kind::Mark("(" | "[" | "{")) => {
                    at = s.ends.get(at).copied().filter(|end| *end != usize::MAX)? + 1;
                }
                Some(Kind::Name(name)) if name == "for" && at > start => break,
                Some(Kind::Mark(",")) | None => return None,
                _ => at += 1,
            }
        }
        s.at = at + 1;
        let mut names = Vec::new();
        while s.at < end && s.name(0) != "in" && names.len() < 8 {
            if !s.name(0).is_empty() {
                names.push(s.name(0).to_owned());
            }
            s.at += 1;
        }
        s.at += 1;
        s.inside += 1;
        let over = self.expression(s);
        let items = match &*over.is {
            Is::List(all) => Some(all.clone()),
            Is::Text(text) if over.known().is_some() && !over.marks.has(Marks::GLOB) => {
                Some(text.chars().map(|letter| Value::text(letter, over.marks)).collect())
            }
            _ => None,
        };
        let values = match items {
            Some(items) if items.len() <= 1024 && self.may_repeat(items.len(), at - start) => {
                let mut values = Vec::new();
                for item in items {
                    self.unpack(&names, &item, false);
                    s.at = start;
                    values.push(self.expression(s));
                }
                values
            }
            _ => {
                self.bind(&names, &over);
                s.at = start;
                vec![self.expression(s), Value::unknown(over.marks)]
            }
        };
        s.inside -= 1;
        Some(values)
    }

    fn mapping(&mut self, s: &mut Stream, end: usize) -> Value {
        let mut arguments = Arguments::default();
        s.at += 1;
        self.collect(s, end, &mut arguments);
        s.at = end.saturating_add(1);
        for value in arguments.list {
            // What is spread or only named is there under its own name, or under none.
            if let Is::Map(all) = &*value.is {
                arguments.named.extend(all.iter().cloned());
            } else {
                arguments.named.push((String::new(), value));
            }
        }
        Value::map(arguments.named)
    }

    /// The arguments of a call, at its bracket.
    pub(super) fn arguments(&mut self, s: &mut Stream, key: &str, callee: &Value) -> Arguments {
        let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
        let start = s.at + 1;
        s.at = start;
        let mut arguments = Arguments { function: self.is_function(s), ..Arguments::default() };
        if self.language == Language::Python
            && let Some(values) = self.comprehension(s, end, start)
        {
            arguments.list.push(Value::list(values));
        } else {
            s.at = start;
            let before = self.incoming.take();
            self.incoming = self.flows(key, callee);
            self.collect(s, end, &mut arguments);
            self.incoming = before;
        }
        s.at = end.saturating_add(1);
        arguments
    }

    /// Whether a function of JavaScript is written out next.
    fn is_function(&self, s: &Stream) -> bool {
        let arrow = |at: usize| s.tokens.get(at).is_some_and(|token| token.kind == Kind::Mark("=>"));
        self.language == Language::JavaScript
            && match s.name(0) {
                "function" | "async" => true,
                "" => s.mark(0) == "(" && s.ends.get(s.at).is_some_and(|end| arrow(end.saturating_add(1))),
                _ => arrow(s.at + 1),
            }
    }

    fn collect(&mut self, s: &mut Stream, end: usize, arguments: &mut Arguments) {
        s.inside += 1;
        while s.at < end {
            let start = s.at;
            if !self.spend(1) {
                s.at = end;
                break;
            }
            if matches!(s.mark(0), "," | ";" | "}" | ")" | "]") {
                s.at += 1;
                continue;
            }
            self.argument(s, arguments);
            if s.at == start {
                s.at += 1;
            }
        }
        s.inside -= 1;
    }

    fn argument(&mut self, s: &mut Stream, arguments: &mut Arguments) {
        let name = s.name(0).to_owned();
        let named = match self.language {
            Language::Python | Language::Lua => s.mark(1) == "=",
            _ => s.mark(1) == ":",
        };
        let perl = matches!(self.language, Language::Perl);
        if !name.is_empty() && named && !perl {
            s.at += 2;
            let value = self.expression(s);
            arguments.named.push((name, value));
            return;
        }
        let spread = matches!(s.mark(0), "*" | "..." | "**" | "@");
        let key = self.expression(s);
        let pair = match self.language {
            Language::Ruby | Language::Perl | Language::Php => matches!(s.mark(0), "=>" | ":"),
            Language::Python | Language::JavaScript => s.mark(0) == ":",
            _ => s.mark(0) == "=",
        };
        if pair {
            s.at += 1;
            let value = self.expression(s);
            arguments.named.push((key.known().unwrap_or_default().to_owned(), value));
        } else if let (true, Is::List(all)) = (spread, &*key.is) {
            arguments.list.extend(all.iter().cloned());
        } else {
            arguments.list.push(key);
        }
    }

    /// Whether a call without brackets begins here: `system "x"`.
    pub(super) fn bare_call(&self, s: &Stream, callee: &Value) -> bool {
        let Some(token) = s.token(0) else { return false };
        let begins = match &token.kind {
            Kind::Text(_) | Kind::Shell(_) | Kind::Words(_) | Kind::Number(_) => true,
            Kind::Name(name) => !matches!(
                name.as_str(),
                "if" | "unless"
                    | "while"
                    | "until"
                    | "for"
                    | "foreach"
                    | "and"
                    | "or"
                    | "do"
                    | "x"
                    | "eq"
                    | "ne"
                    | "in"
                    | "then"
                    | "rescue"
                    | "as"
                    | "is"
                    | "not"
                    | "else"
            ),
            Kind::Mark(mark) => match self.language {
                Language::Perl => matches!(*mark, "@" | "$" | "\\" | "<" | "["),
                Language::Ruby => token.spaced && matches!(*mark, "[" | "*" | "->"),
                Language::Lua => *mark == "{",
                _ => false,
            },
            Kind::Pattern(_) => false,
        };
        if !begins || token.fresh {
            return false;
        }
        match self.language {
            Language::Ruby | Language::Perl => {
                self.known_call(callee)
                    || matches!(&*callee.is, Is::Name(name) if matches!(name.as_str(), "require" | "return"))
            }
            Language::Lua => matches!(&*callee.is, Is::Name(_) | Is::Member(..)),
            Language::Php => {
                matches!(&*callee.is, Is::Name(name) if matches!(name.as_str(), "echo" | "print" | "include" | "require" | "include_once" | "require_once" | "eval"))
            }
            Language::Python => matches!(&*callee.is, Is::Name(name) if name == "exec"),
            _ => false,
        }
    }

    pub(super) fn bare_arguments(&mut self, s: &mut Stream, callee: &Value) -> Arguments {
        let mut arguments = Arguments::default();
        let key = self.key(callee);
        let before = self.incoming.take();
        self.incoming = self.flows(&key, callee);
        loop {
            if !self.spend(1) {
                break;
            }
            let start = s.at;
            self.argument(s, &mut arguments);
            if s.at == start {
                break;
            }
            if s.eat(",") || s.eat("=>") {
                continue;
            }
            // `print STDERR "x"`
            let handle = self.language == Language::Perl
                && arguments
                    .list
                    .last()
                    .is_some_and(|last| matches!(&*last.is, Is::Name(_) | Is::Unknown | Is::Made(..)))
                && matches!(s.token(0).map(|token| &token.kind), Some(Kind::Text(_)))
                && s.token(0).is_some_and(|token| !token.fresh);
            if !handle {
                break;
            }
        }
        self.incoming = before;
        arguments
    }

    /// The value of a name.
    pub(in crate::inline) fn lookup(&mut self, name: &str) -> Value {
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        self.global(name)
    }

    /// What a text is where only part of it is known.
    pub(in crate::inline) fn hidden(marks: Marks) -> Value {
        Value::text(UNKNOWN.to_string(), marks)
    }
}
