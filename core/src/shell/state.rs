//! The state of the shell between commands: variables, functions, files it wrote, the working folder.
//!
//! Every change is noted in a journal, so that a branch or a subshell can be undone at the cost of what it changed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use shuck_ast::Stmt;

use super::value::Value;
use crate::understand::{Taint, Word};

/// What an item is found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Variable(String),
    Function(String),
    Alias(String),
    /// A file the script wrote, by its absolute path.
    File(PathBuf),
    Descriptor(i32),
    /// What `hash -p` says a name is.
    Hashed(String),
    Folder,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) value: Value,
    /// The elements, for an array.
    pub(super) list: Option<Vec<Value>>,
    pub(super) exported: bool,
}

/// A function's body and the text it stands in.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) source: Rc<str>,
    pub(super) body: Stmt,
}

/// A function that is being called: those that its name may stand for, and what they are given.
pub(super) struct Call {
    pub(super) functions: Vec<Rc<Function>>,
    pub(super) given: Vec<Value>,
}

impl Call {
    /// Whether it is a call of the same functions, even if they were defined again since.
    pub(super) fn is_of(&self, functions: &[Rc<Function>]) -> bool {
        let same = |(one, other): (&Rc<Function>, &Rc<Function>)| {
            Rc::ptr_eq(one, other) || one.body.span == other.body.span && one.source == other.source
        };
        self.functions.len() == functions.len() && self.functions.iter().zip(functions).all(same)
    }
}

/// Where a file descriptor leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Descriptor {
    /// Somebody's text can be read from it.
    Text(Value),
    /// A file, by the word that names it.
    File(Word),
    /// A connection to a host.
    Network(Word),
    /// The terminal or whatever the shell was started with.
    Inherited,
}

/// The folders the shell may be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folder {
    pub(super) paths: Vec<PathBuf>,
    /// Whether it may also be somewhere nobody knows.
    pub(super) lost: bool,
}

/// One piece of state.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Variable(Variable),
    /// What the name may call: more than one where branches define it.
    Functions(Vec<Rc<Function>>),
    Alias(String),
    File(Value),
    Descriptor(Descriptor),
    Hashed(Word),
    Folder(Folder),
    /// It was there and is no more.
    Gone,
}

/// What a branch changed.
pub(super) type Changes = HashMap<Key, Item>;

/// All state, with its journal.
#[derive(Debug, Default)]
pub(super) struct State {
    items: HashMap<Key, Item>,
    journal: Vec<(Key, Option<Item>)>,
}

/// A point to go back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

impl State {
    pub(super) fn get(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    pub(super) fn set(&mut self, key: Key, item: Item) {
        let old = self.items.insert(key.clone(), item);
        self.journal.push((key, old));
    }

    /// The files that were written or removed.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &Item)> {
        self.items.iter().filter_map(|(key, item)| match key {
            Key::File(path) => Some((path.as_path(), item)),
            _ => None,
        })
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        match self.items.get(&Key::Variable(name.to_owned()))? {
            Item::Variable(variable) => Some(variable),
            _ => None,
        }
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) {
        let exported = self.variable(name).is_some_and(|variable| variable.exported);
        let variable = Variable { value, list: None, exported };
        self.set(Key::Variable(name.to_owned()), Item::Variable(variable));
    }

    /// Hands a variable on to the programs that are started.
    pub(super) fn export(&mut self, name: &str) {
        if let Some(variable) = self.variable(name).filter(|variable| !variable.exported) {
            let variable = Variable { exported: true, ..variable.clone() };
            self.set(Key::Variable(name.to_owned()), Item::Variable(variable));
        }
    }

    /// The value of a variable that programs get, where it is known and there is but one.
    pub(super) fn handed_on(&self, name: &str) -> Option<&str> {
        let variable = self.variable(name).filter(|variable| variable.exported && variable.list.is_none())?;
        variable.value.single().filter(|word| word.known()).map(|word| word.text.as_str())
    }

    /// The folders the shell may be in.
    pub(super) fn folder(&self) -> Folder {
        match self.items.get(&Key::Folder) {
            Some(Item::Folder(folder)) => folder.clone(),
            _ => Folder { paths: Vec::new(), lost: true },
        }
    }

    /// Begins something that may be undone.
    pub(super) fn mark(&self) -> Mark {
        Mark(self.journal.len())
    }

    /// Undoes everything since the mark and says what it was.
    pub(super) fn undo(&mut self, mark: Mark) -> Changes {
        let mut changes = Changes::new();
        while self.journal.len() > mark.0 {
            let Some((key, old)) = self.journal.pop() else { break };
            let new = match old {
                Some(old) => self.items.insert(key.clone(), old),
                None => self.items.remove(&key),
            };
            changes.entry(key).or_insert(new.unwrap_or(Item::Gone));
        }
        changes
    }

    /// Ends a subshell: its variables are gone, the files it wrote are not.
    pub(super) fn leave(&mut self, mark: Mark) {
        for (key, item) in self.undo(mark) {
            if matches!(key, Key::File(_)) {
                self.set(key, item);
            }
        }
    }

    /// Goes on where one of several branches was taken.
    pub(super) fn join(&mut self, branches: Vec<Changes>) {
        let mut branches = branches;
        let Some(first) = branches.pop() else { return };
        let mut merged: HashMap<Key, (Item, usize)> =
            first.into_iter().map(|(key, item)| (key, (item, 1))).collect();
        let count = branches.len() + 1;
        for branch in branches {
            for (key, item) in branch {
                match merged.get_mut(&key) {
                    Some((all, seen)) => {
                        *all = either(all, &item);
                        *seen += 1;
                    }
                    None => {
                        merged.insert(key, (item, 1));
                    }
                }
            }
        }
        for (key, (item, seen)) in merged {
            // A branch that did not change it leaves it as it was.
            let item = match self.items.get(&key) {
                Some(base) if seen < count => either(base, &item),
                None if seen < count => either(&Item::Gone, &item),
                _ => item,
            };
            self.set(key, item);
        }
    }
}

/// One or the other. What is gone in one branch is kept from the other: it may be there.
fn either(left: &Item, right: &Item) -> Item {
    match (left, right) {
        (Item::Gone, Item::Variable(variable)) | (Item::Variable(variable), Item::Gone) => {
            Item::Variable(Variable { value: variable.value.or(&Value::text("")), ..variable.clone() })
        }
        (Item::Gone, other) | (other, Item::Gone) => other.clone(),
        (Item::Variable(left), Item::Variable(right)) => Item::Variable(Variable {
            value: left.value.or(&right.value),
            list: if left.list == right.list { left.list.clone() } else { None },
            exported: left.exported || right.exported,
        }),
        (Item::File(left), Item::File(right)) => Item::File(left.or(right)),
        (Item::Folder(left), Item::Folder(right)) => {
            let mut paths = left.paths.clone();
            paths.extend(right.paths.iter().filter(|path| !left.paths.contains(path)).cloned());
            let lost = left.lost || right.lost || paths.len() > 4;
            paths.truncate(4);
            Item::Folder(Folder { paths, lost })
        }
        (Item::Descriptor(left), Item::Descriptor(right)) if left != right => match (left, right) {
            (network @ Descriptor::Network(_), _) | (_, network @ Descriptor::Network(_)) => {
                Item::Descriptor(network.clone())
            }
            _ => Item::Descriptor(Descriptor::Text(Value::unknown(Taint::NONE))),
        },
        (Item::Functions(left), Item::Functions(right)) => {
            let mut all = left.clone();
            all.extend(right.iter().filter(|new| !left.iter().any(|old| Rc::ptr_eq(old, new))).cloned());
            all.truncate(4);
            Item::Functions(all)
        }
        (_, right) => right.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(state: &State, name: &str) -> Vec<String> {
        let variable = state.variable(name);
        variable.map_or_else(Vec::new, |variable| {
            variable.value.options().iter().map(|word| word.text.clone()).collect()
        })
    }

    #[test]
    fn a_branch_is_undone_and_joined() {
        let mut state = State::default();
        state.assign("A", Value::text("1"));
        let mark = state.mark();
        state.assign("A", Value::text("2"));
        state.assign("B", Value::text("x"));
        let left = state.undo(mark);
        assert_eq!(value(&state, "A"), ["1"]);
        assert!(state.variable("B").is_none());
        state.join(vec![left, Changes::new()]);
        let mut both = value(&state, "A");
        both.sort();
        assert_eq!(both, ["1", "2"]);
        assert_eq!(value(&state, "B").len(), 2, "set or not");
    }

    #[test]
    fn a_subshell_keeps_the_files_it_wrote() {
        let mut state = State::default();
        let mark = state.mark();
        state.assign("A", Value::text("1"));
        state.set(Key::File("/x".into()), Item::File(Value::text("rm")));
        state.leave(mark);
        assert!(state.variable("A").is_none());
        assert!(state.get(&Key::File("/x".into())).is_some());
    }
}
