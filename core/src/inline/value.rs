//! What is known of a value while code is read: its text, as far as it is written out, and where it comes from.

use std::rc::Rc;

use crate::understand::{Taint, UNKNOWN, Word};

/// Where the bytes of a value come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks(u16);

impl Marks {
    pub(super) const NONE: Self = Self(0);
    pub(super) const SECRET: Self = Self(1);
    pub(super) const NETWORK: Self = Self(2);
    pub(super) const DECODED: Self = Self(4);
    pub(super) const FILE: Self = Self(8);
    /// All variables of the environment.
    pub(super) const ENVIRONMENT: Self = Self(16);
    pub(super) const STDIN: Self = Self(32);
    /// The command line.
    pub(super) const ARGUMENTS: Self = Self(64);

    /// A pattern that stands for the files it matches.
    pub(super) const GLOB: Self = Self(128);

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn taint(self) -> Taint {
        let mut taint = Taint::NONE;
        for (mark, its) in [
            (Self::SECRET, Taint::SECRET),
            (Self::NETWORK, Taint::NETWORK),
            (Self::DECODED, Taint::DECODED),
            (Self::FILE, Taint::FILE),
            (Self::ENVIRONMENT, Taint::ENVIRONMENT),
        ] {
            if self.has(mark) {
                taint |= its;
            }
        }
        taint
    }

    pub(super) fn of(taint: Taint) -> Self {
        [
            (Self::SECRET, Taint::SECRET),
            (Self::NETWORK, Taint::NETWORK),
            (Self::DECODED, Taint::DECODED),
            (Self::FILE, Taint::FILE),
            (Self::ENVIRONMENT, Taint::ENVIRONMENT),
        ]
        .into_iter()
        .filter(|(_, its)| taint.has(*its))
        .fold(Self::NONE, |all, (mark, _)| all.and(mark))
    }
}

/// What a value is, as far as the code says.
#[derive(Debug)]
pub(super) enum Is {
    Unknown,
    /// A text, with [`UNKNOWN`] for its unknown parts.
    Text(String),
    Number(i64),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
    /// Something with a name nobody assigned: a module, a function, a class.
    Name(String),
    /// Something of a value: a method.
    Member(Value, String),
    /// What a call of that name gives, with its arguments.
    Made(String, Vec<Value>),
    /// One of these.
    Either(Vec<Value>),
}

/// A value. Copies share what they hold.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) is: Rc<Is>,
    pub(super) marks: Marks,
    /// How much it holds, so that values that double with each line stay bounded.
    weight: u32,
    /// How deep it nests.
    depth: u8,
}

/// Beyond this a value is no longer followed.
const MOST_WEIGHT: u32 = 8192;
/// Beyond this depth it is not followed either, so that nothing that walks a value runs out of stack.
const DEEPEST: u8 = 24;
/// The longest text that is followed, in bytes.
const LONGEST: usize = 1 << 17;
/// How many alternatives are followed.
const ALTERNATIVES: usize = 24;

impl Value {
    pub(super) fn new(is: Is, marks: Marks) -> Self {
        let weight = match &is {
            Is::Unknown | Is::Number(_) => 1,
            Is::Name(name) => 1 + u32::try_from(name.len() / 64).unwrap_or(u32::MAX),
            Is::Text(text) if text.len() > LONGEST => u32::MAX,
            Is::Text(_) => 1,
            Is::List(all) | Is::Either(all) | Is::Made(_, all) => {
                all.iter().fold(1, |sum: u32, value| sum.saturating_add(value.weight))
            }
            Is::Map(all) => all.iter().fold(1, |sum: u32, (_, value)| sum.saturating_add(value.weight + 1)),
            Is::Member(value, _) => value.weight.saturating_add(1),
        };
        let deepest = |all: &[Self]| all.iter().map(|value| value.depth).max().unwrap_or(0) + 1;
        let depth = match &is {
            Is::Unknown | Is::Number(_) | Is::Name(_) | Is::Text(_) => 0,
            Is::List(all) | Is::Either(all) | Is::Made(_, all) => deepest(all),
            Is::Map(all) => all.iter().map(|(_, value)| value.depth).max().unwrap_or(0) + 1,
            Is::Member(value, _) => value.depth + 1,
        };
        if weight > MOST_WEIGHT || depth > DEEPEST {
            return Self { is: Rc::new(Is::Unknown), marks, weight: 1, depth: 0 };
        }
        Self { is: Rc::new(is), marks, weight, depth }
    }

    pub(super) fn unknown(marks: Marks) -> Self {
        Self::new(Is::Unknown, marks)
    }

    pub(super) fn text(text: impl Into<String>, marks: Marks) -> Self {
        Self::new(Is::Text(text.into()), marks)
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::text(text, Marks::NONE)
    }

    pub(super) fn number(number: i64) -> Self {
        Self::new(Is::Number(number), Marks::NONE)
    }

    pub(super) fn name(name: impl Into<String>) -> Self {
        Self::new(Is::Name(name.into()), Marks::NONE)
    }

    pub(super) fn list(values: Vec<Self>) -> Self {
        let marks = values.iter().fold(Marks::NONE, |all, value| all.and(value.marks));
        Self::new(Is::List(values), marks)
    }

    pub(super) fn map(values: Vec<(String, Self)>) -> Self {
        let marks = values.iter().fold(Marks::NONE, |all, (_, value)| all.and(value.marks));
        Self::new(Is::Map(values), marks)
    }

    pub(super) fn either(values: Vec<Self>) -> Self {
        let mut flat: Vec<Self> = Vec::new();
        for value in values {
            match &*value.is {
                Is::Either(inner) => flat.extend(inner.iter().cloned()),
                _ => flat.push(value),
            }
        }
        let marks = flat.iter().fold(Marks::NONE, |all, value| all.and(value.marks));
        if flat.len() > ALTERNATIVES {
            return Self::unknown(marks);
        }
        match flat.len() {
            0 => Self::unknown(marks),
            1 => flat.pop().unwrap_or_else(|| Self::unknown(marks)),
            _ => Self::new(Is::Either(flat), marks),
        }
    }

    pub(super) fn marked(&self, marks: Marks) -> Self {
        Self { is: Rc::clone(&self.is), marks: self.marks.and(marks), weight: self.weight, depth: self.depth }
    }

    /// The value each of whose alternatives went through `change`.
    pub(super) fn each(&self, change: impl Fn(&Self) -> Self) -> Self {
        match &*self.is {
            Is::Either(all) => Self::either(all.iter().map(change).collect()),
            _ => change(self),
        }
    }

    /// The text where the value is one text and wholly known.
    pub(super) fn known(&self) -> Option<&str> {
        match &*self.is {
            Is::Text(text) if !text.contains(UNKNOWN) => Some(text),
            _ => None,
        }
    }

    /// The number, also of a text of digits.
    pub(super) fn as_number(&self) -> Option<i64> {
        match &*self.is {
            Is::Number(number) => Some(*number),
            Is::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// How the value reads as a text.
    pub(super) fn shown(&self) -> String {
        match &*self.is {
            Is::Text(text) => text.clone(),
            Is::Number(number) => number.to_string(),
            // A path object reads as its path.
            Is::Made(by, arguments) if by == PATH => {
                arguments.first().map_or_else(|| UNKNOWN.to_string(), Self::shown)
            }
            _ => UNKNOWN.to_string(),
        }
    }

    /// All its alternatives.
    pub(super) fn alternatives(&self) -> Vec<Self> {
        match &*self.is {
            Is::Either(all) => all.clone(),
            _ => vec![self.clone()],
        }
    }

    /// What it holds one after the other, where it is a list; else itself.
    pub(super) fn items(&self) -> Vec<Self> {
        match &*self.is {
            Is::List(all) => all.clone(),
            Is::Either(all) => all.iter().flat_map(Self::items).collect(),
            _ => vec![self.clone()],
        }
    }

    pub(super) fn words(&self) -> Vec<Word> {
        self.alternatives().iter().map(Self::word).collect()
    }

    pub(super) fn word(&self) -> Word {
        let text = match &*self.is {
            Is::Either(_) => UNKNOWN.to_string(),
            _ => self.shown(),
        };
        Word { text, wild: self.marks.has(Marks::GLOB), taint: self.marks.taint() }
    }

    /// The value under a key.
    pub(super) fn at(&self, key: &str) -> Option<Self> {
        match &*self.is {
            Is::Map(all) => all.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone()),
            _ => None,
        }
    }

    /// Two texts one after the other, for all alternatives.
    pub(super) fn concat(&self, other: &Self) -> Self {
        let marks = self.marks.and(other.marks);
        if let (Is::List(one), Is::List(two)) = (&*self.is, &*other.is) {
            return Self::new(Is::List(one.iter().chain(two).cloned().collect()), marks);
        }
        let (left, right) = (self.alternatives(), other.alternatives());
        if left.len() * right.len() > ALTERNATIVES {
            return Self::text(UNKNOWN.to_string(), marks);
        }
        let mut all = Vec::new();
        for one in &left {
            for two in &right {
                all.push(Self::text(one.shown() + &two.shown(), marks));
            }
        }
        Self::either(all)
    }

    /// A sum of numbers, else a concatenation.
    pub(super) fn plus(&self, other: &Self) -> Self {
        match (&*self.is, &*other.is) {
            (Is::Number(one), Is::Number(two)) => Self::number(one.wrapping_add(*two)),
            _ => self.concat(other),
        }
    }

    /// A path below another, for all alternatives.
    pub(super) fn below(&self, other: &Self) -> Self {
        let marks = self.marks.and(other.marks);
        let mut all = Vec::new();
        for one in self.alternatives() {
            for two in other.alternatives() {
                let (one, two) = (one.shown(), two.shown());
                let absolute = two.starts_with('/') || two.starts_with('~') || one.is_empty();
                let text = if absolute { two } else { format!("{}/{two}", one.trim_end_matches('/')) };
                all.push(Self::text(text, marks));
                if all.len() > ALTERNATIVES {
                    return Self::text(UNKNOWN.to_string(), marks);
                }
            }
        }
        Self::either(all)
    }
}

/// What objects of paths are made by, in all languages.
pub(super) const PATH: &str = "path";
