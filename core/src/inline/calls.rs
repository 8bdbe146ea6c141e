//! What a call means: the tables of names say it, and here it is acted on.

mod act;
mod names;
mod processes;
mod tables;

pub(super) use act::only_trials;

use crate::inline::decode::Code;
use crate::inline::value::{Marks, Value};
use crate::understand::Content;

/// What the content of a file is made by.
pub(super) const CONTENT: &str = "content";

/// What a call is given.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) list: Vec<Value>,
    pub(super) named: Vec<(String, Value)>,
    /// Whether the first is a function that is written out there.
    pub(super) function: bool,
}

impl Arguments {
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        self.named.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(super) fn marks(&self) -> Marks {
        let named = self.named.iter().map(|(_, value)| value);
        self.list.iter().chain(named).fold(Marks::NONE, |all, value| all.and(value.marks))
    }
}

/// What was seen anywhere in the code and means something together.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) endless: bool,
    /// The only database is one in memory.
    pub(super) memory: bool,
    /// All databases it opens are for tests.
    pub(super) trial: bool,
    pub(super) forks: bool,
    /// A connection of its own making, and waiting for one.
    pub(super) socket: bool,
    pub(super) listens: bool,
    /// Standard streams that are put on something else.
    pub(super) duplicates: bool,
    /// A shell without a command.
    pub(super) shell: bool,
    pub(super) stdin: bool,
    pub(super) input: Content,
    /// What has left the machine.
    pub(super) sent: Marks,
    /// Files that hold what came over the network.
    pub(super) downloads: Vec<String>,
    /// Modules all of whose names were imported.
    pub(super) wildcards: Vec<String>,
}

/// The place of an argument; [`SELF`] is the value whose method is called.
pub(super) type Place = i8;
pub(super) const SELF: Place = -1;

/// What a call means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Means {
    Delete(Place),
    DeleteTree(Place),
    Write(Place),
    WriteTree(Place),
    Read(Place),
    Copy(Place, Place),
    Move(Place, Place),
    Link(Place, Place),
    /// A path and a mode.
    Open(Place),
    /// Perl's `open`.
    Handle,
    /// An archive is unpacked from and to.
    Unpack(Place, Place),
    /// A base name without `.zip`, a kind, a folder.
    Pack,
    /// A text for a shell.
    Shell(Place),
    /// A list of words, or a text.
    Argv(Place),
    /// A program and the list of its arguments.
    Spawn,
    /// A program and its arguments, one after the other.
    Exec,
    /// A program and its arguments with its own name first.
    ExecNamed,
    Eval(Place),
    RunFile(Place),
    /// Objects that run code when they are made again.
    Unpickle(Place),
    Fetch(Place),
    /// An address and data.
    Send(Place),
    /// A method, an address.
    Request,
    /// An address and options that may hold data.
    Options(Place),
    Connect,
    Listen,
    /// Data for a connection or a file.
    Put,
    /// An address and a file it goes to.
    Download(Place, Place),
    Decode(Code, Place),
    Buffer,
    Pass(Place),
    Join(Place, Place),
    PathJoin,
    PathOf(Place),
    Child,
    Home,
    Cwd,
    Temp,
    /// A new file or folder in the temporary one.
    Fresh,
    Variable(Place),
    Variables,
    Stdin,
    Show,
    /// Codes of letters.
    Letters,
    /// A function for the value whose method is called.
    Then,
    /// A function for each item.
    Map(Place, Place),
    Import(Place),
    Attribute,
    Glob(Place),
    Children,
    Walk(Place),
    Replace,
    Format,
    Split,
    Reverse,
    Upper(bool),
    Duplicate,
    Terminal,
    Fork,
    Kill(Place),
    Translate,
    Shift,
    Partial,
    /// Bytes by a form, as `pack` of Perl has it.
    Bytes,
    Effect(&'static str),
    /// Statements for a database.
    Sql(Place),
    /// An object that is filled from files by its methods.
    FileReader,
    /// A client of a cloud.
    Cloud,
    /// A magic of a notebook, for a line or for a cell.
    Magic(bool),
    /// A keyring or a store of cookies: credentials come out.
    Credentials,
    Nothing,
}
