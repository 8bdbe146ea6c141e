//! Assignments of variables.

use shuck_ast::{ArrayElem, Assignment, AssignmentValue, Span};

use super::machine::Machine;
use super::state::{Item, Key, Variable};
use super::value::Value;
use crate::understand::{Origin, Word};

impl Machine<'_> {
    /// Where the parser does not understand the elements of an array, it says that there are none, and the end may be missing.
    fn elements_lost(&mut self, source: &str, span: Span) {
        let rest = source.get(span.start.offset()..).unwrap_or_default();
        let empty = rest.strip_prefix('(').is_none_or(|rest| rest.trim_start().starts_with([')', '#']));
        if !empty {
            self.seen.give_up("the elements of an array cannot be read");
            self.run_substitutions_of(rest);
        }
    }

    /// `x=…`, `x+=…`, `x=(…)`, `x[i]=…`.
    pub(super) fn assign(&mut self, source: &str, assignment: &Assignment) {
        let name = assignment.target.name.as_str();
        self.look_into_subscript(source, assignment.target.subscript.as_deref());
        let exported = self.state.variable(name).is_some_and(|variable| variable.exported);
        match &assignment.value {
            AssignmentValue::Scalar(word) => {
                let mut value = self.text(source, word);
                if assignment.target.subscript.is_some() {
                    // Which element is not followed: the array holds it somewhere.
                    let old = self.state.variable(name).cloned();
                    let mut list = old.and_then(|variable| variable.list).unwrap_or_default();
                    let index = assignment
                        .target
                        .subscript
                        .as_deref()
                        .and_then(|subscript| subscript.arithmetic_ast.as_ref())
                        .and_then(|ast| self.arithmetic(source, ast))
                        .and_then(|index| usize::try_from(index).ok());
                    let room = list.len() < 256;
                    match index.and_then(|index| list.get_mut(index)) {
                        Some(slot) => *slot = value.clone(),
                        None if room => list.push(value.clone()),
                        None => {}
                    }
                    let variable = Variable { value, list: Some(list), exported };
                    return self.state.set(Key::Variable(name.to_owned()), Item::Variable(variable));
                }
                if assignment.append {
                    value = self.variable(name).then(&value);
                }
                let variable = Variable { value, list: None, exported };
                self.state.set(Key::Variable(name.to_owned()), Item::Variable(variable));
            }
            AssignmentValue::Compound(array) => {
                let mut list: Vec<Value> = Vec::new();
                if assignment.append
                    && let Some(variable) = self.state.variable(name)
                {
                    list = variable.list.clone().unwrap_or_else(|| vec![variable.value.clone()]);
                }
                if array.elements.is_empty() {
                    self.elements_lost(source, array.span);
                }
                for element in &array.elements {
                    match element {
                        ArrayElem::Sequential(word) => {
                            let mut ways = self.word(source, word);
                            match ways.len() {
                                1 => {
                                    list.extend(
                                        ways.remove(0).into_iter().map(Word::matched).map(Value::one),
                                    );
                                }
                                _ => list.push(Value::any(ways.into_iter().flatten().map(Word::matched))),
                            }
                        }
                        ArrayElem::Keyed { key, value } | ArrayElem::KeyedAppend { key, value } => {
                            self.look_into_subscript(source, Some(key));
                            let value = self.text(source, value);
                            list.push(value);
                        }
                    }
                }
                let value = list.first().cloned().unwrap_or_else(|| Value::text(""));
                let variable = Variable { value, list: Some(list), exported };
                self.state.set(Key::Variable(name.to_owned()), Item::Variable(variable));
            }
        }
        // These are run by the shell itself, exported or not.
        if matches!(name, "PROMPT_COMMAND" | "BASH_ENV" | "PS0" | "PS1" | "PS4") {
            let value = self.variable(name);
            self.environment(name, &value, Origin::Call);
        }
    }
}
