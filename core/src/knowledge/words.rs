//! The words of the table: languages, what comes of content, what is printed. Read by the build script, too, so they
//! depend on nothing.

use serde::{Deserialize, Serialize};

/// A language whose code is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// POSIX shells and their relatives.
    Shell,
    /// PowerShell.
    PowerShell,
    /// `cmd.exe` and batch files.
    Cmd,
    Python,
    /// Node, Deno, Bun.
    JavaScript,
    Perl,
    Ruby,
    Php,
    Lua,
    Awk,
    Sed,
    /// SQL and the consoles of databases.
    Sql,
    /// Something that runs code nobody here reads.
    Other,
}

impl Language {
    pub(crate) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "shell" => Self::Shell,
            "powershell" => Self::PowerShell,
            "cmd" => Self::Cmd,
            "python" => Self::Python,
            "javascript" => Self::JavaScript,
            "perl" => Self::Perl,
            "ruby" => Self::Ruby,
            "php" => Self::Php,
            "lua" => Self::Lua,
            "awk" => Self::Awk,
            "sed" => Self::Sed,
            "sql" => Self::Sql,
            "other" => Self::Other,
            _ => return None,
        })
    }
}

/// What comes of the content of a file or a stream that a command reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(crate) enum Content {
    /// Nothing that anybody sees, such as with `rm` or `chmod`.
    #[default]
    Unused,
    /// It comes out on standard output, whole or in part.
    Shown,
    /// It comes out on standard output encoded (base64, gzip), so that its letters are no longer there.
    Encoded,
    /// It comes out on standard output decoded.
    Decoded,
    /// It goes into the files that the command writes.
    Stored,
    /// It is decoded into the files that the command writes.
    Unpacked,
    /// It leaves the machine.
    Sent,
    /// It is run.
    Run(Language),
    /// Its lines are the names of further files, which are read.
    Names,
    /// Its words become arguments of the command that is run.
    Arguments,
    /// Another name for it is made (`ln`), so that whoever writes there writes here.
    Linked,
}

impl Content {
    pub(crate) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "unused" => Self::Unused,
            "shown" => Self::Shown,
            "encoded" => Self::Encoded,
            "decoded" => Self::Decoded,
            "stored" => Self::Stored,
            "unpacked" => Self::Unpacked,
            "sent" => Self::Sent,
            "names" => Self::Names,
            "arguments" => Self::Arguments,
            "linked" => Self::Linked,
            _ => Self::Run(Language::named(word.strip_prefix("run:")?)?),
        })
    }
}

/// What standard output holds beside what is shown of files and of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(crate) enum Output {
    /// Something about files or the system, harmless as text.
    #[default]
    Report,
    /// What a host answered.
    Network,
    /// The environment's variables.
    Environment,
    /// Credentials, such as `gh auth token` prints.
    Secret,
    /// Lines with names of files, such as `find` prints.
    Names,
}

impl Output {
    pub(crate) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "report" => Self::Report,
            "network" => Self::Network,
            "environment" => Self::Environment,
            "secret" => Self::Secret,
            "names" => Self::Names,
            _ => return None,
        })
    }
}

/// How a program's options are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Style {
    /// Clusters of letters, `--long[=value]`, abbreviations, options also after operands.
    #[default]
    Gnu,
    /// The same, but options end at the first operand.
    First,
    /// `-name value`, no clusters.
    Long,
    /// `name=value`.
    Pairs,
    /// No options.
    None,
}

impl Style {
    pub(crate) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "gnu" => Self::Gnu,
            "first" => Self::First,
            "long" => Self::Long,
            "pairs" => Self::Pairs,
            "none" => Self::None,
            _ => return None,
        })
    }
}

/// In which direction a host is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    Fetch,
    Send,
    Connect,
    Listen,
}

/// What an option's value or an operand means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    Flag,
    Value,
    Optional,
    Stat,
    Read(Option<Content>),
    ReadTree(Option<Content>),
    Write,
    Append,
    WriteTree,
    Delete,
    DeleteTree,
    Move,
    Link,
    Folder,
    NamesFile,
    Code(Language),
    Script(Language),
    Module(Language),
    Command,
    Host(Way),
    Url(Way),
    RemoteRead,
    RemoteWrite,
    Data,
    DataFile,
    Environment,
}

impl Role {
    pub(crate) fn named(word: &str) -> Option<Self> {
        let (name, more) = match word.split_once(':') {
            Some((name, more)) => (name, Some(more)),
            None => (word, None),
        };
        let language = || Language::named(more?);
        let content = || match more {
            Some(word) => Content::named(word).map(Some),
            None => Some(None),
        };
        let way = |usual: Way| {
            Some(match more {
                None => usual,
                Some("send") => Way::Send,
                Some("fetch") => Way::Fetch,
                Some("connect") => Way::Connect,
                Some("listen") => Way::Listen,
                Some(_) => return None,
            })
        };
        let role = match name {
            "read" => return Some(Self::Read(content()?)),
            "read-tree" => return Some(Self::ReadTree(content()?)),
            "code" => return Some(Self::Code(language()?)),
            "script" => return Some(Self::Script(language()?)),
            "module" => return Some(Self::Module(language()?)),
            "host" => return Some(Self::Host(way(Way::Connect)?)),
            "url" => return Some(Self::Url(way(Way::Fetch)?)),
            "flag" => Self::Flag,
            "value" | "text" | "package" => Self::Value,
            "optional" => Self::Optional,
            "stat" => Self::Stat,
            "write" => Self::Write,
            "append" => Self::Append,
            "write-tree" => Self::WriteTree,
            "delete" => Self::Delete,
            "delete-tree" => Self::DeleteTree,
            "move" => Self::Move,
            "link" => Self::Link,
            "folder" => Self::Folder,
            "names-file" => Self::NamesFile,
            "command" => Self::Command,
            "command-text" => Self::Code(Language::Shell),
            "remote-read" => Self::RemoteRead,
            "remote-write" => Self::RemoteWrite,
            "data" => Self::Data,
            "data-file" => Self::DataFile,
            "environment" => Self::Environment,
            _ => return None,
        };
        more.is_none().then_some(role)
    }
}
