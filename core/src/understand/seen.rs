//! What was understood of a call, in the order in which it was found.

use std::rc::Rc;

use agentfirewall_sdk::{Access, CommandFact, Direction};

use super::doing::{Effect, UNKNOWN, Word};
use crate::paths::Placed;

/// One simple command.
#[derive(Debug, Clone)]
pub(crate) struct Understood {
    /// As it is written, for a command that stands in the script; otherwise its words.
    pub(crate) raw: String,
    pub(crate) argv: Vec<Word>,
    pub(crate) fact: CommandFact,
    /// Whether it runs on another machine or in a container.
    pub(crate) elsewhere: bool,
    /// Whether the program's name is known and what it is given to run, too.
    pub(crate) clear: bool,
    /// Whether only rules that restrict are asked about it: it is one reading of several of a command, or found in the
    /// code of another language or on another machine, where the command around it is what a rule allows.
    pub(crate) mention: bool,
}

/// A path that is touched.
#[derive(Debug, Clone)]
pub(crate) struct Touched {
    pub(crate) written: Word,
    pub(crate) placed: Rc<Placed>,
    pub(crate) access: Access,
    pub(crate) tree: bool,
    /// The command it belongs to.
    pub(crate) by: Option<usize>,
}

/// A host that is talked to.
#[derive(Debug, Clone)]
pub(crate) struct Contacted {
    /// The address as it is written.
    pub(crate) written: String,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) direction: Direction,
    pub(crate) by: Option<usize>,
}

/// Where an effect comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Command(usize),
    Path(usize),
    Host(usize),
    Call,
}

/// Everything that was understood.
#[derive(Debug, Default)]
pub(crate) struct Understanding {
    pub(crate) commands: Vec<Understood>,
    pub(crate) paths: Vec<Touched>,
    pub(crate) hosts: Vec<Contacted>,
    pub(crate) effects: Vec<(Effect, Origin)>,
    /// Pipelines as texts, with and without the wrappers of their commands.
    pub(crate) pipelines: Vec<String>,
    /// Why it was not understood in full, if so.
    pub(crate) undecidable: Option<&'static str>,
}

impl Understanding {
    /// Notes an effect once for each origin's kind and detail.
    pub(crate) fn effect(&mut self, effect: Effect, origin: Origin) {
        if !self.effects.iter().any(|(known, _)| *known == effect) {
            self.effects.push((effect, origin));
        }
    }

    /// Says that it was not understood; the first reason stays.
    pub(crate) fn give_up(&mut self, why: &'static str) {
        self.undecidable.get_or_insert(why);
    }
}

/// Words as one text, for patterns and people; `…` stands for what is not known.
pub(crate) fn readable(words: &[Word]) -> String {
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push(' ');
        }
        text.extend(word.text.chars().map(|c| if c == UNKNOWN { '…' } else { c }));
    }
    text
}
