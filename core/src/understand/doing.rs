//! What one simple command does: the answer that the table of programs gives and that the shell's interpreter acts on.

use std::ops::{BitOr, BitOrAssign};

use agentfirewall_sdk::{Access, Direction};

pub(crate) use crate::knowledge::{Content, Language, Output};

/// Stands in a text for what is not known before the command runs.
pub(crate) const UNKNOWN: char = '\u{fffc}';

/// Stands in the words of a command for each of what it gets later (`xargs -I`).
pub(crate) const HOLE: char = '\u{fffb}';

/// Where the bytes of a text come from, as far as it matters to whoever judges where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Taint(u16);

impl Taint {
    /// Written out in the script.
    pub(crate) const NONE: Self = Self(0);
    /// Content of a file that holds credentials.
    pub(crate) const SECRET: Self = Self(1);
    /// Came over the network.
    pub(crate) const NETWORK: Self = Self(2);
    /// Came out of a decoder, so that nobody could read it before.
    pub(crate) const DECODED: Self = Self(4);
    /// Content of a local file.
    pub(crate) const FILE: Self = Self(8);
    /// Values of the environment.
    pub(crate) const ENVIRONMENT: Self = Self(16);
    /// Printed by a program, from what it found on the machine.
    pub(crate) const PROGRAM: Self = Self(32);
    /// Printed by a shell that runs what somebody else types.
    pub(crate) const SHELL: Self = Self(64);

    /// Printed by code of another language that was written out, so that somebody may have made it there.
    pub(crate) const CODE: Self = Self(128);
    /// Its wildcards were expanded when the variable got it: quotes around the variable do not take them away.
    pub(crate) const MATCHED: Self = Self(256);

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Taint {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Taint {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A word of a command after all expansions that could be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Word {
    /// Its text, with [`UNKNOWN`] where something is not known.
    pub(crate) text: String,
    /// Whether it holds unquoted `*`, `?` or `[`.
    pub(crate) wild: bool,
    /// Where its text comes from.
    pub(crate) taint: Taint,
}

impl Word {
    /// A word that is written out.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), wild: false, taint: Taint::NONE }
    }

    /// A word nothing is known of.
    pub(crate) fn unknown(taint: Taint) -> Self {
        Self { text: UNKNOWN.to_string(), wild: false, taint }
    }

    /// The word as a variable holds it whose wildcards were expanded before: an item of a loop, an argument.
    pub(crate) fn matched(self) -> Self {
        let taint = if self.wild { self.taint | Taint::MATCHED } else { self.taint };
        Self { taint, ..self }
    }

    /// Whether the whole text is known.
    pub(crate) fn known(&self) -> bool {
        !self.text.contains(UNKNOWN)
    }

    /// The word without its first bytes, as for the value in `--option=value`.
    pub(crate) fn after(&self, prefix: usize) -> Self {
        Self { text: self.text.get(prefix..).unwrap_or_default().to_owned(), ..*self }
    }
}

/// A path that a command touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Touch {
    /// The path as the command gets it.
    pub(crate) word: Word,
    pub(crate) access: Access,
    /// Whether all that lies below it is touched too.
    pub(crate) tree: bool,
    /// What comes of its content. For something written: ignored.
    pub(crate) content: Content,
    /// The folder it is relative to, where the command says so (`tar -C`, `git -C`, `make -C`).
    pub(crate) folder: Option<Word>,
}

impl Touch {
    /// A path that is touched alone, with no use of its content.
    pub(crate) fn new(word: Word, access: Access) -> Self {
        Self { word, access, tree: false, content: Content::Unused, folder: None }
    }
}

/// A host that a command talks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    /// A URL, or a host with or without a user and a port.
    pub(crate) word: Word,
    pub(crate) direction: Direction,
}

/// Something that a command runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Run {
    /// Another command: `sudo rm x`.
    Command {
        argv: Vec<Word>,
        /// Whether further arguments that nobody knows are appended (`xargs rm`).
        more: bool,
        /// Whether it runs on another machine or in a container.
        elsewhere: bool,
        /// The folder it runs in, where the wrapper changes it (`env -C`, `sudo -D`).
        folder: Option<Word>,
        /// Variables the wrapper sets for it (`env A=1`).
        environment: Vec<(String, Word)>,
    },
    /// A text of code: `bash -c TEXT`, `python -c TEXT`.
    Code { language: Language, text: Word, arguments: Vec<Word>, elsewhere: bool },
    /// A file of code: `bash x.sh`, `./x.sh`, `source x`.
    File { language: Language, path: Word, arguments: Vec<Word>, here: bool },
}

impl Run {
    /// A command that runs here as it is: no further arguments, in the same folder and environment.
    pub(crate) const fn command(argv: Vec<Word>) -> Self {
        Self::Command { argv, more: false, elsewhere: false, folder: None, environment: Vec::new() }
    }

    /// A text of code that runs here, without arguments.
    pub(crate) const fn code(language: Language, text: Word) -> Self {
        Self::Code { language, text, arguments: Vec::new(), elsewhere: false }
    }

    /// It gets further arguments that nobody knows yet.
    pub(crate) fn with_more(mut self) -> Self {
        if let Self::Command { more, .. } = &mut self {
            *more = true;
        }
        self
    }

    /// Whether it runs on another machine or in a container.
    pub(crate) fn elsewhere(mut self, there: bool) -> Self {
        if let Self::Command { elsewhere, .. } | Self::Code { elsewhere, .. } = &mut self {
            *elsewhere = there;
        }
        self
    }

    /// The folder it runs in, if it is told one.
    pub(crate) fn in_folder(mut self, place: Option<Word>) -> Self {
        if let Self::Command { folder, .. } = &mut self {
            *folder = place;
        }
        self
    }

    /// The variables that are set for it.
    pub(crate) fn with_environment(mut self, variables: Vec<(String, Word)>) -> Self {
        if let Self::Command { environment, .. } = &mut self {
            *environment = variables;
        }
        self
    }
}

/// Something a command does that a policy can be about, by its name in `knowledge/effects.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Such as `git.force-push`.
    pub(crate) id: String,
    /// What exactly, for the reason: a target, an option. Never the content of anything.
    pub(crate) detail: String,
}

impl Effect {
    pub(crate) fn new(id: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { id: id.into(), detail: detail.into() }
    }
}

/// What one simple command does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Doing {
    /// The program's name without its folder, its version and `.exe`, as the table knows it.
    pub(crate) program: String,
    /// Its subcommands, such as `["compute", "instances", "delete"]`; empty where the table knows of none.
    pub(crate) subcommand: Vec<String>,
    /// Its options in their first spelling of the table (`--force` for `-f` and `--forc`), with their values.
    pub(crate) options: Vec<(String, Option<Word>)>,
    /// What is neither an option, nor its value, nor a subcommand.
    pub(crate) operands: Vec<Word>,
    pub(crate) touches: Vec<Touch>,
    pub(crate) contacts: Vec<Contact>,
    /// Texts that are sent to where the contacts are.
    pub(crate) sent: Vec<Word>,
    pub(crate) runs: Vec<Run>,
    pub(crate) effects: Vec<Effect>,
    /// What comes of standard input.
    pub(crate) input: Content,
    pub(crate) output: Output,
    /// Whether the table knows the program (and its subcommand, where it has some).
    pub(crate) recognised: bool,
    /// Whether it changes nothing, sends nothing and runs nothing, however it is called here.
    pub(crate) harmless: bool,
}
