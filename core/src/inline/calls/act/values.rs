//! Calls that only make values: texts, paths, lists.

use super::Call;
use crate::inline::calls::{Arguments, Means, SELF};
use crate::inline::decode::{self, Code};
use crate::inline::reader::{Reader, formatted};
use crate::inline::value::{Is, Marks, Value};
use crate::understand::{Language, UNKNOWN};

impl Reader<'_> {
    /// Calls that only make values.
    pub(super) fn value_of(&mut self, means: Means, call: &Call<'_>) -> Value {
        let hidden = || Self::hidden(call.marks);
        match means {
            Means::Decode(code, place) => decoded(code, &call.named(place, &["s", "data"])),
            Means::Buffer => {
                let (value, kind) = (call.at(0), call.at(1));
                match kind.known() {
                    Some("base64" | "base64url") => decoded(Code::Base64, &value),
                    Some("hex") => decoded(Code::Hex, &value),
                    _ => letters(&value),
                }
            }
            Means::Pass(place) => {
                let value = call.at(place);
                // All variables as another object are no longer asked for by their names.
                if place == 0
                    && matches!(&*value.is, Is::Name(name) if matches!(name.as_str(), "process.env" | "Deno.env" | "Bun.env"))
                {
                    return Value::unknown(Marks::ENVIRONMENT);
                }
                // `bytes.decode("base64")`, `codecs.decode(x, "rot13")`, `buffer.toString("utf8")`
                let coding =
                    call.arguments.list.iter().filter_map(Value::known).find_map(|name| match name {
                        "rot13" | "rot_13" | "rot-13" => Some(Code::Rot13),
                        "base64" if place != SELF || self.language == Language::Python => Some(Code::Base64),
                        "hex" if self.language == Language::Python => Some(Code::Hex),
                        _ => None,
                    });
                match (coding, &*value.is) {
                    (Some(code), _) => decoded(code, &value),
                    (None, Is::List(_)) => letters(&value),
                    _ => value,
                }
            }
            Means::Join(glue, list) => {
                let (glue, list) = (call.at(glue), call.at(list));
                let glue = if matches!(&*glue.is, Is::Unknown) {
                    Value::plain(if self.language == Language::JavaScript { "," } else { "" })
                } else {
                    glue
                };
                join(&glue, &list)
            }
            Means::PathJoin => {
                let values: Vec<Value> =
                    call.rest(0)
                        .iter()
                        .flat_map(|value| {
                            if let Is::List(all) = &*value.is { all.clone() } else { vec![value.clone()] }
                        })
                        .collect();
                let mut values = values.into_iter();
                let first = values.next().unwrap_or_else(|| Value::plain("."));
                let first = first.each(|one| Value::text(one.shown(), one.marks));
                values.fold(first, |path, next| path.below(&next))
            }
            Means::PathOf(place) => {
                let values = call.rest(usize::try_from(place).unwrap_or(0));
                let mut values = values.into_iter();
                let first = values.next().unwrap_or_else(|| Value::plain("."));
                let whole = values.fold(first, |path, next| path.below(&next));
                self.path(&whole)
            }
            Means::Child => {
                let of = call.at(SELF);
                let whole = call.rest(0).into_iter().fold(of, |path, next| path.below(&next));
                self.path(&whole)
            }
            Means::Home => self.path(&Value::plain("~")),
            Means::Cwd => self.path(&Value::plain(".")),
            Means::Temp => self.path(&Value::plain("/tmp")),
            Means::Fresh => self.path(&Value::plain("/tmp/new")),
            Means::Variable(place) => {
                let name = call.at(place);
                let value = match name.known() {
                    Some(name) => self.variable(name),
                    None if call.arguments.list.is_empty() => Value::unknown(Marks::ENVIRONMENT),
                    None => hidden(),
                };
                match call.arguments.list.get(1) {
                    Some(default) if !value.shown().starts_with('~') => {
                        Value::either(vec![value, default.clone()])
                    }
                    _ => value,
                }
            }
            Means::Variables => Value::unknown(Marks::ENVIRONMENT),
            Means::Letters => letters(&Value::list(call.rest(0).iter().flat_map(Value::items).collect())),
            Means::Map(function, list) => {
                let (function, list) = (call.at(function), call.at(list));
                let items = list.items();
                let by_text = self.language == Language::Php && matches!(&*function.is, Is::Text(_));
                let called = by_text || matches!(&*function.is, Is::Name(_) | Is::Member(..));
                if called && items.len() <= 1024 && self.may_repeat(items.len(), 1) {
                    let made = items
                        .into_iter()
                        .map(|item| {
                            self.call(&function, Arguments { list: vec![item], ..Arguments::default() })
                        })
                        .collect();
                    return Value::list(made);
                }
                Value::unknown(call.marks)
            }
            Means::Then => {
                let (function, value) = (call.at(0), call.at(SELF));
                if matches!(&*function.is, Is::Name(name) if matches!(name.as_str(), "eval" | "Function" | "execSync" | "exec"))
                {
                    return self.call(&function, Arguments { list: vec![value], ..Arguments::default() });
                }
                value
            }
            Means::Import(place) => {
                if let Some(name) = call.at(place).known() {
                    return self.import(name);
                }
                if !matches!(&*call.at(place).is, Is::Name(_) | Is::Made(..) | Is::Member(..))
                    && call.marks.has(Marks::NETWORK.and(Marks::DECODED))
                {
                    self.effect("remote-code.eval", "a module whose name nobody knows");
                }
                Value::unknown(call.marks)
            }
            Means::Attribute => {
                let (of, name) = (call.at(0), call.at(1));
                match name.known() {
                    Some(name) => self.member_called(&of, name, true),
                    None => Value::unknown(call.marks),
                }
            }
            Means::Glob(place) => {
                call.at(place).each(|one| Value::text(one.shown(), one.marks.and(Marks::GLOB)))
            }
            Means::Children => {
                let below = call.at(SELF).below(&Value::plain(
                    call.arguments.list.first().map_or_else(|| "*".to_owned(), Value::shown),
                ));
                self.path(&below.marked(Marks::GLOB))
            }
            Means::Walk(place) => {
                let root = call.at(place);
                let root = if matches!(&*root.is, Is::Unknown) { Value::plain(".") } else { root };
                Value::list(vec![Value::list(vec![
                    root.below(&Self::hidden(Marks::NONE)),
                    hidden(),
                    hidden(),
                ])])
            }
            Means::Replace => {
                call.at(SELF).each(|one| match (&*one.is, call.at(0).known(), call.at(1).known()) {
                    (Is::Text(text), Some(from), Some(to)) if !from.is_empty() => {
                        Value::text(text.replace(from, to), one.marks)
                    }
                    _ => Self::hidden(one.marks),
                })
            }
            Means::Format => self.format(call),
            Means::Split => {
                let of = call.at(SELF);
                match (&*of.is, call.at(0).known()) {
                    (Is::Text(text), Some("")) => {
                        Value::list(text.chars().map(|letter| Value::text(letter, of.marks)).collect())
                    }
                    (Is::Text(text), Some(at)) => {
                        Value::list(text.split(at).map(|part| Value::text(part, of.marks)).collect())
                    }
                    (Is::Text(text), None) => {
                        Value::list(text.split_whitespace().map(|part| Value::text(part, of.marks)).collect())
                    }
                    _ => Value::unknown(of.marks),
                }
            }
            Means::Reverse => {
                let place = if call.of.is_some() { SELF } else { 0 };
                call.at(place).each(|one| match &*one.is {
                    Is::Text(text) => Value::text(text.chars().rev().collect::<String>(), one.marks),
                    Is::List(all) => Value::list(all.iter().rev().cloned().collect()),
                    _ => one.clone(),
                })
            }
            Means::Upper(upper) => {
                let value = if call.of.is_some() { call.at(SELF) } else { call.at(0) };
                value.each(|one| match &*one.is {
                    Is::Text(text) => {
                        Value::text(if upper { text.to_uppercase() } else { text.to_lowercase() }, one.marks)
                    }
                    _ => one.clone(),
                })
            }
            Means::Bytes => match call.at(0).known() {
                Some(form) if form.starts_with(['H', 'h']) => decoded(Code::Hex, &call.at(1)),
                Some(form) if form.starts_with(['C', 'U', 'c', 'W']) => {
                    letters(&Value::list(call.rest(1).iter().flat_map(Value::items).collect()))
                }
                Some(form) if form.starts_with('u') => Self::hidden(Marks::DECODED),
                _ => hidden(),
            },
            Means::Shift => self.arguments.first().cloned().unwrap_or_else(|| Self::hidden(Marks::ARGUMENTS)),
            Means::Partial => Value::unknown(call.marks),
            _ => Value::unknown(call.marks),
        }
    }

    /// `'{}{x}'.format(a, x=b)`
    fn format(&mut self, call: &Call<'_>) -> Value {
        let of = call.at(SELF);
        let Is::Text(text) = &*of.is else {
            let form = call.at(0);
            return formatted(&form, &call.rest(1));
        };
        let (mut out, mut next) = (String::new(), 0);
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '{' {
                out.push(letter);
                continue;
            }
            let field: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
            let name = field.split([':', '!', '.', '[']).next().unwrap_or_default();
            let value = if name.is_empty() {
                next += 1;
                call.arguments.list.get(next - 1)
            } else {
                name.parse()
                    .ok()
                    .and_then(|at: usize| call.arguments.list.get(at))
                    .or_else(|| call.arguments.named(name))
            };
            out.push_str(&value.map_or_else(|| UNKNOWN.to_string(), Value::shown));
        }
        Value::text(out, call.marks)
    }

    pub(in crate::inline) fn import(&mut self, name: &str) -> Value {
        if self.language == Language::JavaScript
            && name.rsplit_once('.').is_some_and(|(_, end)| end == "json")
            && name.starts_with(['.', '/', '~'])
        {
            let path = Value::plain(name);
            return self.reads(&path);
        }
        Value::name(crate::inline::reader::module(name))
    }
}

fn decoded(code: Code, value: &Value) -> Value {
    let marks = value.marks.and(Marks::DECODED);
    value.each(|one| match one.known().and_then(|text| decode::decode(code, text)) {
        Some(text) => Value::text(text, marks),
        None => Value::text(UNKNOWN.to_string(), marks),
    })
}

/// A text from the codes of its letters.
fn letters(value: &Value) -> Value {
    let Is::List(all) = &*value.is else {
        return match &*value.is {
            Is::Number(code) => Value::text(letter(*code), Marks::DECODED),
            _ => value.clone(),
        };
    };
    if !all.iter().all(|one| matches!(&*one.is, Is::Number(_))) {
        return value.clone();
    }
    let text: String = all.iter().filter_map(Value::as_number).map(letter).collect();
    Value::text(text, value.marks.and(Marks::DECODED))
}

fn letter(code: i64) -> char {
    u32::try_from(code).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn join(glue: &Value, list: &Value) -> Value {
    match &*list.is {
        Is::List(all) if !all.iter().any(|value| matches!(&*value.is, Is::Either(_))) => {
            let texts: Vec<String> = all.iter().map(Value::shown).collect();
            let text = texts.join(&glue.shown());
            Value::text(text, list.marks.and(glue.marks))
        }
        Is::List(all) => {
            let mut whole: Option<Value> = None;
            for next in all {
                whole = Some(match whole {
                    Some(before) if glue.known() == Some("") => before.concat(next),
                    Some(before) => before.concat(glue).concat(next),
                    None => next.clone(),
                });
            }
            whole.unwrap_or_else(|| Value::plain(""))
        }
        Is::Text(_) => list.clone(),
        _ => Value::text(UNKNOWN.to_string(), list.marks),
    }
}
