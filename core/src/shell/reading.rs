//! `read`: a line of standard input, taken apart into variables.

use super::machine::Machine;
use super::state::{Item, Key, Variable};
use super::streams::Line;
use super::value::Value;
use crate::understand::Word;

impl Machine<'_> {
    /// Reads a line into the variables that the words name.
    pub(super) fn read(&mut self, words: &[Word]) {
        let value = match self.input.line() {
            Line::Text(value) => value,
            Line::End => {
                self.ended = true;
                Value::text("")
            }
        };
        let mut names = Vec::new();
        let mut words = words.iter();
        let mut array = false;
        while let Some(word) = words.next() {
            match word.text.strip_prefix('-') {
                Some(letters) if !letters.is_empty() => {
                    array |= letters.contains('a');
                    // The letter's value is the rest of the word or the next one.
                    if letters.ends_with(['d', 'i', 'n', 'N', 'p', 't', 'u']) {
                        let _value = words.next();
                    }
                }
                _ => names.push(word.text.clone()),
            }
        }
        if names.is_empty() {
            names.push("REPLY".to_owned());
        }
        let taint = value.taint();
        let Some(line) = value.single().filter(|word| word.known()).cloned() else {
            for name in names {
                self.state.assign(&name, value.clone());
            }
            return;
        };
        let separators: Vec<char> =
            match self.state.variable("IFS").and_then(|ifs| ifs.value.single().cloned()) {
                Some(ifs) => ifs.text.chars().collect(),
                None => vec![' ', '\t', '\n'],
            };
        let mut fields = line.text.trim_matches(separators.as_slice());
        if array {
            let list = fields
                .split(separators.as_slice())
                .filter(|field| !field.is_empty())
                .map(|field| Value::one(Word { text: field.to_owned(), wild: false, taint }))
                .collect();
            if let Some(name) = names.first() {
                let variable = Variable { value, list: Some(list), exported: false };
                self.state.set(Key::Variable(name.clone()), Item::Variable(variable));
            }
            return;
        }
        let last = names.len() - 1;
        for (at, name) in names.iter().enumerate() {
            let (field, rest) = if at == last {
                (fields, "")
            } else {
                fields.split_once(separators.as_slice()).unwrap_or((fields, ""))
            };
            fields = rest.trim_start_matches(separators.as_slice());
            self.state.assign(name, Value::one(Word { text: field.to_owned(), wild: false, taint }));
        }
    }
}
