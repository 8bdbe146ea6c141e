//! `export`, `declare`, `local`, `readonly`, `typeset`.

use shuck_ast::{AssignmentValue, DeclClause, DeclOperand};

use super::machine::Machine;
use super::state::{Item, Key, Variable};
use super::value::{Out, Value};
use crate::understand::{Origin, Taint};

impl Machine<'_> {
    /// A declaration of variables.
    pub(super) fn declare(&mut self, source: &str, declaration: &DeclClause, out: &mut Out) {
        let variant = declaration.variant.as_str();
        let mut exported = variant == "export";
        let mut reference = false;
        let mut global = matches!(variant, "export" | "readonly");
        let (mut lower, mut upper) = (false, false);
        let mut words = vec![crate::understand::Word::plain(variant)];
        // All values are made before the first variable is set.
        let values: Vec<Option<Value>> = declaration
            .operands
            .iter()
            .map(|operand| match operand {
                DeclOperand::Assignment(assignment)
                    if !assignment.append && assignment.target.subscript.is_none() =>
                {
                    match &assignment.value {
                        // Braces make several assignments of it, of which the last one stays.
                        AssignmentValue::Scalar(word) if word.span.slice(source).contains('{') => {
                            let ways = self.word(source, word);
                            Some(Value::any(ways.into_iter().filter_map(|mut fields| fields.pop())))
                        }
                        AssignmentValue::Scalar(word) => Some(self.text(source, word)),
                        AssignmentValue::Compound(_) => None,
                    }
                }
                _ => None,
            })
            .collect();
        for (operand, value) in declaration.operands.iter().zip(values) {
            match operand {
                DeclOperand::Flag(word) => {
                    let flag = self.text(source, word).first();
                    global |= flag.text.contains('g');
                    lower |= flag.text.contains('l');
                    upper |= flag.text.contains('u');
                    exported |= flag.text.contains('x') && !flag.text.starts_with('+');
                    reference |= flag.text.contains('n') && variant != "export";
                    words.push(flag);
                }
                DeclOperand::Name(name) => {
                    let name = name.name.as_str();
                    if exported && let Some(variable) = self.state.variable(name) {
                        let variable = Variable { exported: true, ..variable.clone() };
                        self.state.set(Key::Variable(name.to_owned()), Item::Variable(variable));
                    }
                    words.push(crate::understand::Word::plain(name));
                }
                DeclOperand::Assignment(assignment) => {
                    let name = assignment.target.name.as_str();
                    if !global && !self.calls.is_empty() {
                        let key = Key::Variable(name.to_owned());
                        let before = self.state.get(&key).cloned();
                        self.locals.push((key, before));
                    }
                    match value {
                        Some(value) => {
                            let value = match (lower, upper) {
                                (true, _) => value.map(str::to_lowercase),
                                (_, true) => value.map(str::to_uppercase),
                                _ => value,
                            };
                            self.state.assign(name, value);
                        }
                        None => self.assign(source, assignment),
                    }
                    let value = self.variable(name);
                    if reference {
                        // A name for another variable: whoever reads it reads that one.
                        let target = value.first().text;
                        let value = self.variable(&target);
                        self.state.assign(name, value);
                    }
                    if exported {
                        if let Some(variable) = self.state.variable(name) {
                            let variable = Variable { exported: true, ..variable.clone() };
                            self.state.set(Key::Variable(name.to_owned()), Item::Variable(variable));
                        }
                        self.environment(name, &value, Origin::Call);
                    }
                    let mut word = value.first();
                    word.text = format!("{name}={}", word.text);
                    words.push(word);
                }
                DeclOperand::Dynamic(word) => {
                    for fields in self.word(source, word) {
                        for field in fields {
                            if let Some((name, value)) = field.text.split_once('=') {
                                let value = Value::one(crate::understand::Word {
                                    text: value.to_owned(),
                                    ..field.clone()
                                });
                                self.state.assign(name, value.clone());
                                if exported {
                                    self.environment(name, &value, Origin::Call);
                                }
                            }
                            words.push(field);
                        }
                    }
                }
            }
        }
        let raw = super::texts::without_end(declaration.span.slice(source));
        let lists = words.iter().skip(1).all(|word| word.text.starts_with('-'));
        if lists {
            out.push(&Value::unknown(Taint::ENVIRONMENT | Taint::PROGRAM));
        }
        self.builtin_seen(words, Some(raw), out);
    }
}
