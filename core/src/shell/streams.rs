//! Standard input: what is read from it, line by line or whole.

use std::cell::RefCell;
use std::rc::Rc;

use super::value::Value;
use crate::understand::{Taint, Word};

/// What standard input is. Clones read on where the others stopped, as processes do that share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Input(Option<Rc<RefCell<Source>>>);

#[derive(Debug)]
struct Source {
    value: Value,
    /// How much of a single known text has been read, in bytes.
    at: usize,
}

/// What `read` gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// This.
    Text(Value),
    /// Nothing more.
    End,
}

impl Input {
    /// Something that can be read.
    pub(super) fn of(value: Value) -> Self {
        Self(Some(Rc::new(RefCell::new(Source { value, at: 0 }))))
    }

    /// All that is left.
    pub(super) fn rest(&self) -> Option<Value> {
        let source = self.0.as_ref()?;
        let mut source = source.borrow_mut();
        let at = std::mem::replace(&mut source.at, usize::MAX);
        Some(match source.value.single() {
            Some(word) if at > 0 => {
                Value::one(Word { text: word.text.get(at..).unwrap_or_default().to_owned(), ..word.clone() })
            }
            _ => source.value.clone(),
        })
    }

    /// The next line.
    pub(super) fn line(&self) -> Line {
        let Some(source) = &self.0 else { return Line::Text(Value::unknown(Taint::NONE)) };
        let mut source = source.borrow_mut();
        let taint = source.value.taint();
        let at = source.at;
        let Some(word) = source.value.single().cloned() else {
            return Line::Text(Value::unknown(taint));
        };
        let Some(rest) = word.text.get(at..).filter(|rest| !rest.is_empty()) else { return Line::End };
        let (line, used) = match rest.split_once('\n') {
            Some((line, _)) => (line, line.len() + 1),
            None => (rest, rest.len()),
        };
        let line = Word { text: line.to_owned(), wild: false, taint };
        // What is not known may be many lines.
        if line.known() {
            source.at = at + used;
        }
        Line::Text(Value::one(line))
    }

    /// Whether the next lines can be told one by one.
    pub(super) fn is_text(&self) -> bool {
        self.0.as_ref().is_some_and(|source| {
            let source = source.borrow();
            source.value.single().is_some_and(Word::known)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_one_after_the_other_and_end() {
        let input = Input::of(Value::text("a\nb"));
        let other = input.clone();
        assert_eq!(input.line(), Line::Text(Value::text("a")));
        assert_eq!(other.line(), Line::Text(Value::text("b")));
        assert_eq!(input.line(), Line::End);
    }

    #[test]
    fn the_rest_is_what_nobody_read() {
        let input = Input::of(Value::text("a\nb\nc"));
        let _first = input.line();
        assert_eq!(input.rest(), Some(Value::text("b\nc")));
    }
}
