//! Expressions: operators, calls, members. A call is acted on where it stands.

use super::{DEEPEST, REPEATS, Reader, Stream};
use crate::inline::calls::Arguments;
use crate::inline::value::{Is, Marks, PATH, Value};
use crate::understand::{Language, UNKNOWN};

impl Reader<'_> {
    pub(super) fn expression(&mut self, s: &mut Stream) -> Value {
        self.depth += 1;
        let value = if self.depth > DEEPEST {
            self.lost = true;
            s.at += 1;
            Value::unknown(Marks::NONE)
        } else {
            self.choice(s)
        };
        self.depth -= 1;
        value
    }

    /// Operators that choose or compare, and assignments.
    fn choice(&mut self, s: &mut Stream) -> Value {
        let (mut value, place) = self.sum(s);
        if let Some(place) = place
            && s.continues(self.language)
        {
            match s.mark(0) {
                "=" | ":=" | "||=" | "??=" | "//=" => {
                    s.at += 1;
                    let right = self.expression(s);
                    self.assign(&place, right.clone(), s.conditional);
                    return right;
                }
                "+=" | ".=" | "/=" | "<<" => {
                    let below = s.mark(0) == "/=";
                    s.at += 1;
                    let right = self.expression(s);
                    value = if below { value.below(&right) } else { value.plus(&right) };
                    self.variables.insert(place, value.clone());
                    return value;
                }
                _ => {}
            }
        }
        while s.continues(self.language) && self.spend(1) {
            match (s.mark(0), s.name(0)) {
                ("||" | "??" | "?:", _) | ("", "or") => {
                    s.at += 1;
                    let other = self.operand_sum(s);
                    value = Value::either(vec![value, other]);
                }
                ("//", _) if self.language == Language::Perl => {
                    s.at += 1;
                    let other = self.operand_sum(s);
                    value = Value::either(vec![value, other]);
                }
                ("&&", _) | ("", "and") => {
                    s.at += 1;
                    value = self.expression(s);
                }
                ("?", _) => {
                    s.at += 1;
                    let one = self.expression(s);
                    if s.eat(":") {
                        let two = self.expression(s);
                        value = Value::either(vec![one, two]);
                    } else {
                        value = one;
                    }
                }
                ("", "if") if self.language == Language::Python && s.inside_or_same_line() => {
                    s.at += 1;
                    self.expression(s);
                    if s.name(0) == "else" {
                        s.at += 1;
                        let other = self.expression(s);
                        value = Value::either(vec![value, other]);
                    }
                }
                ("==" | "===" | "!=" | "!==" | "<=" | ">=" | "<" | ">" | "<=>" | "~=", _) => {
                    s.at += 1;
                    let other = self.operand_sum(s);
                    value = Value::unknown(value.marks.and(other.marks));
                }
                ("=~" | "!~", _) => {
                    s.at += 1;
                    self.operand_sum(s);
                }
                _ => break,
            }
        }
        value
    }

    fn operand_sum(&mut self, s: &mut Stream) -> Value {
        self.depth += 1;
        let value = if self.depth > DEEPEST {
            self.lost = true;
            s.at += 1;
            Value::unknown(Marks::NONE)
        } else {
            self.sum(s).0
        };
        self.depth -= 1;
        value
    }

    /// Concatenations, and the place that could be assigned to where it is one.
    fn sum(&mut self, s: &mut Stream) -> (Value, Option<String>) {
        let (mut value, mut place) = self.product(s);
        while s.continues(self.language) && self.spend(1 + value.shown().len() / 64) {
            match (s.mark(0), self.language) {
                ("+", _) | (".", Language::Perl | Language::Php) | ("..", Language::Lua) => {
                    s.at += 1;
                    let (other, _) = self.product(s);
                    value = value.plus(&other);
                    place = None;
                }
                ("-" | "|" | "&" | "^" | ">>" | "..", _) => {
                    s.at += 1;
                    let (other, _) = self.product(s);
                    value = match (s.mark(0), value.as_number(), other.as_number()) {
                        (_, Some(one), Some(two)) if matches!(&*value.is, Is::Number(_)) => {
                            Value::number(one.wrapping_sub(two))
                        }
                        _ => Value::unknown(value.marks.and(other.marks)),
                    };
                    place = None;
                }
                _ => break,
            }
        }
        (value, place)
    }

    fn product(&mut self, s: &mut Stream) -> (Value, Option<String>) {
        let (mut value, mut place) = self.postfix(s);
        while s.continues(self.language) && self.spend(1) {
            let mark = s.mark(0);
            let repeat = mark == "*" || (self.language == Language::Perl && s.name(0) == "x");
            if repeat {
                s.at += 1;
                let (count, _) = self.postfix(s);
                value = repeated(&value, &count);
            } else if mark == "/" {
                s.at += 1;
                let (other, _) = self.postfix(s);
                value = if self.is_path(&value) {
                    self.path(&value.below(&other))
                } else {
                    Value::unknown(value.marks)
                };
            } else if mark == "%" {
                s.at += 1;
                let (other, _) = self.postfix(s);
                value = formatted(&value, &other.items());
            } else if mark == "**" {
                s.at += 1;
                self.postfix(s);
                value = Value::unknown(Marks::NONE);
            } else {
                break;
            }
            place = None;
        }
        (value, place)
    }

    fn is_path(&self, value: &Value) -> bool {
        value.alternatives().iter().any(|one| matches!(&*one.is, Is::Made(by, _) if by == PATH))
    }

    /// A path object of a text.
    pub(in crate::inline) fn path(&self, text: &Value) -> Value {
        text.each(|one| match &*one.is {
            Is::Made(by, _) if by == PATH => one.clone(),
            _ => Value::new(Is::Made(PATH.to_owned(), vec![one.clone()]), one.marks),
        })
    }

    /// An operand with its members, subscripts and calls.
    fn postfix(&mut self, s: &mut Stream) -> (Value, Option<String>) {
        let (mut value, mut place) = self.operand(s);
        while s.continues(self.language) && self.spend(1) {
            let mark = s.mark(0);
            match mark {
                "." if matches!(self.language, Language::Perl | Language::Php) => break,
                "." | "?." | "&." | "->" | "::" if !s.name(1).is_empty() => {
                    let name = s.name(1).to_owned();
                    s.at += 2;
                    let called = s.mark(0) == "(" || self.language == Language::Python;
                    value = self.member_called(&value, &name, called);
                    place = place.map(|place| format!("{place}.{name}"));
                    if let Some(known) = place.as_ref().and_then(|place| self.variables.get(place)) {
                        value = known.clone();
                    }
                }
                ":" if self.language == Language::Lua && !s.name(1).is_empty() => {
                    let name = s.name(1).to_owned();
                    s.at += 2;
                    value = self.member_called(&value, &name, true);
                    place = None;
                }
                // `f?.(x)`, `$f->(x)`, `$x->{y}`
                "?." | "->" if matches!(s.mark(1), "(" | "[" | "{") => s.at += 1,
                "(" if !s.token(0).is_some_and(|token| token.fresh && s.inside == 0) => {
                    let key = self.key(&value);
                    let arguments = self.arguments(s, &key, &value);
                    value = self.call(&value, arguments);
                    place = None;
                }
                "[" | "{"
                    if mark == "[" && !self.spaced_list(s) || (mark == "{" && self.subscript(&value, s)) =>
                {
                    let index = self.subscripted(s);
                    value = self.indexed(&value, &index);
                    place = None;
                }
                "!" if self.language == Language::JavaScript && matches!(s.mark(1), "." | ")") => s.at += 1,
                "++" | "--" => s.at += 1,
                // A block that a call takes.
                "{" if self.language == Language::Ruby
                    && matches!(&*value.is, Is::Made(..) | Is::Member(..) | Is::Name(_)) =>
                {
                    let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
                    let fork = matches!(&*value.is, Is::Name(name) if name == "fork");
                    if let Is::Name(name) = &*value.is
                        && name == "loop"
                    {
                        self.seen.endless = true;
                    }
                    if fork || self.known_call(&value) {
                        value = self.call(&value.clone(), Arguments::default());
                    }
                    s.at += 1;
                    self.block_parameters(s, &value);
                    self.statements(s, Some(end));
                    s.at = end.saturating_add(1);
                }
                _ => {
                    if self.bare_call(s, &value) {
                        let arguments = self.bare_arguments(s, &value);
                        value = self.call(&value, arguments);
                        place = None;
                        continue;
                    }
                    break;
                }
            }
        }
        // `fork while fork`, `ARGV.clear`, `x.read`: a name alone is a call.
        if matches!(self.language, Language::Ruby | Language::Perl)
            && place.is_none_or_callable(&value)
            && self.known_call(&value)
        {
            let value = self.call(&value, Arguments::default());
            return (value, None);
        }
        (value, place)
    }

    fn block_parameters(&mut self, s: &mut Stream, receiver: &Value) {
        if !s.eat("|") {
            return;
        }
        let mut names = Vec::new();
        while !s.done() && s.mark(0) != "|" && names.len() < 16 {
            if !s.name(0).is_empty() {
                names.push(s.name(0).to_owned());
            }
            s.at += 1;
        }
        s.eat("|");
        let of = match &*receiver.is {
            Is::Member(of, _) => of.clone(),
            Is::Made(_, all) => all.first().cloned().unwrap_or_else(|| Value::unknown(receiver.marks)),
            _ => receiver.clone(),
        };
        self.bind(&names, &of.marked(receiver.marks));
    }

    /// `f [x]` is a list in Ruby and Perl, `f[x]` an element.
    fn spaced_list(&self, s: &Stream) -> bool {
        matches!(self.language, Language::Ruby | Language::Perl)
            && s.token(0).is_some_and(|token| token.spaced)
    }

    fn subscript(&self, value: &Value, s: &Stream) -> bool {
        self.language == Language::Perl
            && !s.token(0).is_some_and(|token| token.spaced)
            && !matches!(&*value.is, Is::Name(name) if !name.starts_with('$'))
    }

    /// What is in the brackets of a subscript.
    fn subscripted(&mut self, s: &mut Stream) -> Vec<Option<Value>> {
        let end = s.ends.get(s.at).copied().unwrap_or(usize::MAX).min(s.tokens.len());
        let braces = s.mark(0) == "{";
        s.at += 1;
        s.inside += 1;
        let mut all = Vec::new();
        if (braces || self.language == Language::Php)
            && s.at + 1 == end
            && !s.name(0).is_empty()
            && !s.name(0).starts_with('$')
        {
            all.push(Some(Value::plain(s.name(0))));
        } else {
            while s.at < end {
                let start = s.at;
                if s.eat(":") {
                    all.push(None);
                } else if s.eat("::") {
                    all.extend([None, None]);
                } else {
                    all.push(Some(self.expression(s)));
                }
                if s.at == start {
                    s.at += 1;
                }
                if !self.spend(1) {
                    break;
                }
            }
        }
        s.inside -= 1;
        s.at = end.saturating_add(1);
        all
    }

    /// An element of a value.
    fn indexed(&mut self, value: &Value, index: &[Option<Value>]) -> Value {
        // A slice.
        if index.iter().any(Option::is_none) {
            let reverse = matches!(index, [None, None, Some(step)] if step.as_number() == Some(-1));
            let whole = matches!(index, [None] | [None, None]);
            return value.each(|one| match &*one.is {
                Is::Text(text) if reverse => Value::text(text.chars().rev().collect::<String>(), one.marks),
                Is::List(all) if reverse => Value::list(all.iter().rev().cloned().collect()),
                _ if whole => one.clone(),
                Is::Text(_) => Value::text(UNKNOWN.to_string(), one.marks),
                _ => Value::unknown(one.marks),
            });
        }
        let [Some(index)] = index else { return Value::unknown(value.marks) };
        match (&*value.is, index.known(), index.as_number()) {
            (Is::List(all), _, Some(at)) => {
                let at = if at < 0 { i64::try_from(all.len()).unwrap_or(0) + at } else { at };
                let found = usize::try_from(at).ok().and_then(|at| all.get(at));
                found.cloned().unwrap_or_else(|| Value::unknown(value.marks))
            }
            (Is::Text(text), _, Some(at)) => usize::try_from(at)
                .ok()
                .and_then(|at| text.chars().nth(at))
                .map_or_else(|| Value::unknown(value.marks), |letter| Value::text(letter, value.marks)),
            (Is::Map(_), Some(key), _) => value.at(key).unwrap_or_else(|| Value::unknown(value.marks)),
            (Is::Name(name), Some(key), _) if name == "sys.modules" || name == "globals()" => {
                Value::name(key)
            }
            (Is::Name(_), Some(key), _) if self.is_environment(value) => self.variable(key),
            (_, Some(key), _) => self.member(value, key),
            _ if self.is_environment(value) => Value::unknown(Marks::NONE),
            _ => Value::unknown(value.marks.and(index.marks)),
        }
    }

    /// Reads one function's body for each of a few items.
    pub(in crate::inline) fn may_repeat(&mut self, items: usize, tokens: usize) -> bool {
        let cost = u32::try_from(items.saturating_mul(tokens)).unwrap_or(u32::MAX);
        if cost > self.repeats_left() {
            return false;
        }
        self.repeats += cost;
        true
    }

    fn repeats_left(&self) -> u32 {
        REPEATS.saturating_sub(self.repeats)
    }
}

trait Callable {
    fn is_none_or_callable(&self, value: &Value) -> bool;
}

impl Callable for Option<String> {
    fn is_none_or_callable(&self, value: &Value) -> bool {
        matches!(&*value.is, Is::Name(name) if !name.starts_with('$')) || matches!(&*value.is, Is::Member(..))
    }
}

impl Stream {
    fn inside_or_same_line(&self) -> bool {
        self.inside > 0 || self.token(0).is_some_and(|token| !token.fresh)
    }
}

fn repeated(value: &Value, count: &Value) -> Value {
    match (&*value.is, count.as_number()) {
        (Is::Number(one), Some(two)) => Value::number(one.wrapping_mul(two)),
        (Is::Text(text), Some(count)) => match usize::try_from(count) {
            Ok(count) if text.len().saturating_mul(count) <= 4096 => {
                Value::text(text.repeat(count), value.marks)
            }
            _ => Value::text(UNKNOWN.to_string(), value.marks),
        },
        _ => Value::unknown(value.marks),
    }
}

/// `%s` and its like, replaced in their order.
pub(in crate::inline) fn formatted(form: &Value, values: &[Value]) -> Value {
    let marks = values.iter().fold(form.marks, |all, value| all.and(value.marks));
    let Is::Text(text) = &*form.is else { return Value::unknown(marks) };
    let (mut out, mut next) = (String::new(), values.iter());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        while letters.peek().is_some_and(|form| form.is_ascii_digit() || matches!(form, '-' | '.' | '+')) {
            letters.next();
        }
        match letters.next() {
            Some('%') => out.push('%'),
            Some('(') => {
                let mut key = String::new();
                while let Some(part) = letters.next().filter(|part| *part != ')') {
                    key.push(part);
                }
                letters.next();
                let found = values.first().and_then(|map| map.at(&key));
                out.push_str(&found.map_or_else(|| UNKNOWN.to_string(), |value| value.shown()));
            }
            Some('c') => {
                match next.next().and_then(Value::as_number).and_then(|code| u32::try_from(code).ok()) {
                    Some(code) => out.push(char::from_u32(code).unwrap_or(UNKNOWN)),
                    None => out.push(UNKNOWN),
                }
            }
            Some(_) => out.push_str(&next.next().map_or_else(|| UNKNOWN.to_string(), Value::shown)),
            None => out.push('%'),
        }
    }
    Value::text(out, marks)
}
