//! Tools nobody knows, such as those of MCP servers: what their names say and what their strings are.
//!
//! A tool's name is made of words, and one of them says what it does. Its parameters have names that say what a string
//! is: a command, a statement of SQL, a path, an address, or a text that is only passed on. Only the last kind is not
//! looked into.

use agentfirewall_sdk::{Access, Direction, ToolCall};
use serde_json::{Map, Value};

mod meaning;
mod program;
mod remote;

use super::notebook;
use crate::shell::{Machine, quoted};
use crate::understand::{
    Address, Contact, Content, Doing, Effect, Language, Run, Touch, Understanding, Word, World,
};

/// How many strings of a call are looked at. What has more is not understood.
const MOST: usize = 2_000;

/// Words of a tool's name that say in which language its command lines are; a shell's where none of them does.
const POWERSHELL: [&str; 2] = ["powershell", "pwsh"];
const APPLESCRIPT: [&str; 3] = ["applescript", "osascript", "jxa"];

/// What a tool does, by the words of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Read,
    Write,
    Delete,
    Execute,
    /// Sends a message or makes something public.
    Send,
    /// Moves money.
    Pay,
    Unknown,
}

/// What a string is, by the name of its parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Command,
    Code,
    Sql,
    Path,
    Address,
    /// A text that is passed on: never a path, a command or an address to the tool.
    Prose,
    Unknown,
}

/// What such a call does.
pub(super) fn understood(call: &ToolCall, world: &World<'_>) -> Understanding {
    let mut names = call.tool.rsplit("__");
    let mut all = words_of(names.next().unwrap_or(&call.tool));
    let own = all.len();
    all.append(&mut words_of(names.next().filter(|name| *name != "mcp").unwrap_or_default()));
    // The language that a call names counts like a word of the server's name.
    all.append(&mut words_of(call.text("language").unwrap_or_default()));
    let (words, server) = all.split_at(own);
    let verb = verb_of(words);
    let mut found = Found { doing: Doing::default(), verb, words, all: &all, left: MOST, local: false };
    if let Some(line) = program::line(words, server, &call.input) {
        found.command(&line);
    }
    found.tool(&call.input);
    found.elsewhere(&call.input);
    found.walk(&call.input, "");
    let Found { mut doing, left, local, .. } = found;
    // A path in a repository or a bucket elsewhere is no file of this machine.
    let local = local && !call.input.as_object().is_some_and(is_elsewhere) && !is_store(server);
    let tool = || call.tool.clone();
    match verb {
        // Files of the project may go; whether they may is said by where they are.
        Verb::Delete if !local => doing.effects.push(Effect::new("mcp.destructive", tool())),
        Verb::Pay => doing.effects.push(Effect::new("mcp.money", tool())),
        Verb::Execute => doing.effects.push(Effect::new("mcp.execute", tool())),
        Verb::Write | Verb::Send => doing.effects.push(Effect::new("mcp.write", tool())),
        _ => {}
    }
    // Most calls do nothing that has to be followed.
    let mut seen =
        if doing == Doing::default() { Understanding::default() } else { Machine::new(world).doing(doing) };
    if left == 0 {
        seen.give_up("it has more than 2,000 strings");
    }
    seen
}

/// Whether parameters name a repository or a bucket elsewhere.
fn is_elsewhere(parameters: &Map<String, Value>) -> bool {
    parameters.keys().any(|name| {
        matches!(
            name.as_str(),
            "repo" | "owner" | "repository" | "bucket" | "namespace" | "project_id" | "projectId" | "branch"
        )
    })
}

/// Whether a server keeps things elsewhere under names like paths.
fn is_store(server: &[String]) -> bool {
    server.iter().any(|word| {
        matches!(
            word.as_str(),
            "vault"
                | "s3"
                | "gcs"
                | "storage"
                | "drive"
                | "gdrive"
                | "dropbox"
                | "onedrive"
                | "sharepoint"
                | "box"
        )
    })
}

struct Found<'t> {
    doing: Doing,
    verb: Verb,
    words: &'t [String],
    /// The words of the tool's and of the server's name.
    all: &'t [String],
    left: usize,
    /// Whether what it works on is a file of this machine.
    local: bool,
}

impl Found<'_> {
    /// Goes through a value. The JSON parser bounds the nesting.
    fn walk(&mut self, value: &Value, name: &str) {
        match value {
            Value::String(text) => self.string(text, name),
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, name)),
            Value::Object(members) => {
                if let Some(argv) = program::command_line(members) {
                    return self.line(&argv);
                }
                members.iter().for_each(|(name, value)| {
                    self.member(name, value);
                    match program::words_of_command(name, value) {
                        Some(argv) => self.line(&argv),
                        None => self.walk(value, name),
                    }
                });
            }
            _ => {}
        }
    }

    /// A command line for whatever the tool's name says: a console, PowerShell, a shell.
    fn line(&mut self, text: &str) {
        let says = |names: &[&str]| self.all.iter().any(|word| names.contains(&word.as_str()));
        if says(&POWERSHELL) {
            self.doing.runs.push(Run::code(Language::PowerShell, Word::plain(text)));
        } else if says(&APPLESCRIPT) {
            self.command(&format!("osascript -e {}", quoted(text)));
        } else if let Some(inside) = program::inside(self.words, self.all, text) {
            self.command(&inside);
        } else {
            match program::console(self.all) {
                Some(console) if !text.starts_with(console) => self.command(&format!("{console} {text}")),
                _ => self.command(text),
            }
        }
    }

    fn command(&mut self, script: &str) {
        self.doing.runs.push(Run::code(Language::Shell, Word::plain(script)));
    }

    fn string(&mut self, text: &str, name: &str) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        if text.is_empty() {
            return;
        }
        if matches!(text, "0.0.0.0/0" | "::/0")
            && matches!(self.verb, Verb::Write | Verb::Send | Verb::Execute)
        {
            self.doing.effects.push(Effect::new("cloud.public", format!("{name}: {text}")));
        }
        self.mutation(name, text);
        match role_of(name, text, self.all, self.verb) {
            Role::Command => self.line(text),
            Role::Code => {
                let language = language_of(self.all, text);
                self.page_script(language, text);
                match language {
                    Language::Python => notebook::cell(text, Language::Python, &mut self.doing),
                    language => self.doing.runs.push(Run::code(language, Word::plain(text))),
                }
            }
            Role::Sql => self.doing.runs.push(Run::code(Language::Sql, Word::plain(text))),
            Role::Path => self.path(text, name),
            Role::Address => {
                let calls_back =
                    name.to_lowercase().contains("callback") || name.to_lowercase().contains("webhook");
                let sends = matches!(self.verb, Verb::Send) || calls_back;
                if sends && !Address::of(text).is_loopback() {
                    self.doing.effects.push(Effect::new("exfiltration.upload", "a tool that sends"));
                }
                let direction = if sends { Direction::Send } else { Direction::Fetch };
                if let Some(path) = text.strip_prefix("file://").or_else(|| text.strip_prefix("file:")) {
                    self.path(path, name);
                    // For a tool of the web it is an address all the same.
                    let fetches = |word: &String| {
                        matches!(
                            word.as_str(),
                            "fetch" | "navigate" | "browse" | "goto" | "browser" | "web" | "http"
                        )
                    };
                    if !self.all.iter().any(fetches) {
                        return;
                    }
                }
                self.doing.contacts.push(Contact { word: Word::plain(text), direction });
            }
            Role::Prose | Role::Unknown => {}
        }
    }

    fn path(&mut self, text: &str, name: &str) {
        self.local = true;
        let source = matches!(name, "source" | "src" | "from" | "old_path" | "oldPath" | "source_path");
        let access = match self.verb {
            Verb::Read | Verb::Send => Access::Read,
            Verb::Delete => Access::Delete,
            Verb::Write if source => Access::Read,
            Verb::Write => Access::Write,
            Verb::Execute | Verb::Pay | Verb::Unknown => Access::Unknown,
        };
        let lists = self.words.iter().any(|word| {
            matches!(word.as_str(), "list" | "stat" | "info" | "exists" | "tree" | "search" | "find")
        });
        let content = match self.verb {
            Verb::Send => Content::Sent,
            Verb::Write if source => Content::Stored,
            _ if lists => Content::Names,
            Verb::Read | Verb::Unknown => Content::Shown,
            _ => Content::Unused,
        };
        let moves = source && self.words.iter().any(|word| word == "move" || word == "rename");
        self.doing.touches.push(Touch {
            tree: access == Access::Delete || lists,
            content,
            ..Touch::new(Word::plain(text), if moves { Access::Delete } else { access })
        });
    }
}

/// The words of a name: `delete_file`, `deleteFile`, `delete-file`.
fn words_of(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut open = String::new();
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower) {
            words.extend((!open.is_empty()).then(|| std::mem::take(&mut open)));
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
        if c.is_ascii_alphanumeric() {
            open.push(c.to_ascii_lowercase());
        } else if c.is_alphanumeric() {
            open.extend(c.to_lowercase());
        }
    }
    words.extend((!open.is_empty()).then_some(open));
    words
}

fn verb_of(words: &[String]) -> Verb {
    let verbs = words.iter().map(|word| match word.as_str() {
        "read" | "get" | "list" | "search" | "find" | "view" | "show" | "fetch" | "describe" | "stat"
        | "info" | "query" | "lookup" | "resolve" | "check" | "status" | "count" | "tree" | "ls" | "grep"
        | "glob" | "screenshot" | "snapshot" | "navigate" | "open" | "browse" | "crawl" | "scrape"
        | "think" | "diff" | "log" | "explain" | "analyze" | "validate" | "export" => Verb::Read,
        "delete" | "remove" | "drop" | "destroy" | "purge" | "truncate" | "wipe" | "terminate" | "erase"
        | "unlink" | "rmdir" | "rm" | "flush" | "deprovision" | "teardown" | "nuke" | "revoke" | "kick"
        | "ban" | "uninstall" | "factory" | "empty" | "clear" | "trash" | "discard" => Verb::Delete,
        "write" | "create" | "edit" | "update" | "append" | "save" | "move" | "rename" | "copy" | "set"
        | "put" | "insert" | "replace" | "patch" | "add" | "modify" | "upsert" | "commit" | "push"
        | "merge" | "apply" | "fork" | "assign" | "close" | "reopen" | "mkdir" | "touch" | "download" => {
            Verb::Write
        }
        "execute" | "exec" | "run" | "shell" | "bash" | "terminal" | "command" | "eval" | "evaluate"
        | "spawn" | "invoke" | "script" | "ssh" => Verb::Execute,
        word if POWERSHELL.contains(&word) || APPLESCRIPT.contains(&word) => Verb::Execute,
        "send" | "submit" | "post" | "publish" | "upload" | "share" | "email" | "reply" | "tweet"
        | "broadcast" | "notify" => Verb::Send,
        "pay" | "charge" | "refund" | "transfer" | "payout" | "purchase" | "buy" | "withdraw" | "wire" => {
            Verb::Pay
        }
        _ => Verb::Unknown,
    });
    // The word that says most wins, wherever it stands: `files_delete`, `get_and_delete`.
    let mut found = Verb::Unknown;
    for verb in verbs {
        found = match (found, verb) {
            (_, Verb::Delete | Verb::Pay) => return verb,
            (Verb::Execute, _) | (_, Verb::Execute) => Verb::Execute,
            (found, Verb::Unknown) => found,
            (Verb::Unknown, verb) => verb,
            // `get_push_status` reads: the first word is the verb.
            (found, _) => found,
        };
    }
    found
}

/// What a string is.
fn role_of(name: &str, text: &str, words: &[String], verb: Verb) -> Role {
    let name_words = words_of(name);
    let last = name_words.last().map_or("", String::as_str);
    let runs = verb == Verb::Execute;
    let is_code =
        |word: &str| matches!(word, "script" | "code" | "expression" | "function" | "source" | "snippet");
    // `script_content`, `code_snippet`
    let first = name_words.first().map_or("", String::as_str);
    match last {
        "command" | "cmd" | "commands" | "shell" | "bash" => return Role::Command,
        _ if runs && (is_code(last) || is_code(first) && matches!(last, "content" | "text" | "body")) => {
            let shell = words.iter().map(String::as_str).any(|word| {
                matches!(word, "shell" | "bash" | "command" | "terminal" | "ssh")
                    || POWERSHELL.contains(&word)
                    || APPLESCRIPT.contains(&word)
            });
            return if shell { Role::Command } else { Role::Code };
        }
        "sql" | "statement" | "statements" => return Role::Sql,
        _ if says_sql(&name_words) && crate::inline::is_sql(text) => return Role::Sql,
        "content" | "contents" | "text" | "body" | "message" | "title" | "description" | "prompt"
        | "comment" | "summary" | "subject" | "string" | "thought" | "reason" | "note" | "notes"
        | "observation" | "query" | "question" | "answer" | "label" | "labels" | "markdown" | "html"
        | "data" | "value" | "topic" => {
            return Role::Prose;
        }
        _ => {}
    }
    if (text.contains("://") || text.starts_with("file:")) && !text.contains(char::is_whitespace) {
        return Role::Address;
    }
    let says_path = matches!(
        last,
        "path"
            | "paths"
            | "file"
            | "files"
            | "filename"
            | "filepath"
            | "directory"
            | "dir"
            | "folder"
            | "cwd"
    );
    // Words that stand for people, accounts and records, too: the text has to look like a path.
    let may_say_path = matches!(
        last,
        "source" | "destination" | "dest" | "src" | "from" | "to" | "target" | "location" | "root"
    );
    let says_path = says_path || may_say_path && text.contains(['/', '\\']) && !text.contains('@');
    if looks_like_path(text, says_path) { Role::Path } else { Role::Unknown }
}

/// Whether a parameter's name may stand for SQL: `query`, `queries`, `sql_text`, `statementText`.
fn says_sql(name_words: &[String]) -> bool {
    name_words
        .iter()
        .any(|word| matches!(word.as_str(), "sql" | "query" | "queries" | "statement" | "statements"))
}

fn language_of(words: &[String], text: &str) -> Language {
    for word in words {
        return match word.as_str() {
            "python" | "jupyter" | "notebook" | "ipython" => Language::Python,
            "javascript" | "js" | "node" | "browser" | "playwright" | "puppeteer" | "page" => {
                Language::JavaScript
            }
            "ruby" => Language::Ruby,
            "sql" | "query" | "database" | "db" => Language::Sql,
            "powershell" => Language::PowerShell,
            _ => continue,
        };
    }
    let magic = text.trim_start().starts_with(['!', '%']);
    let python = magic || ["import ", "def ", "print("].iter().any(|sign| text.contains(sign));
    if python { Language::Python } else { Language::JavaScript }
}

fn looks_like_path(text: &str, says_path: bool) -> bool {
    if text.is_empty() || text.len() > 4_096 || text.contains(['\n', '\t']) || text.contains("://") {
        return false;
    }
    let begins = text.starts_with(['/', '~', '.', '$', '\\'])
        || text.get(1..3).is_some_and(|rest| rest == ":\\" || rest == ":/");
    says_path || begins && !text.contains(' ')
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn names_are_made_of_words() {
        assert_eq!(words_of("deleteFile"), ["delete", "file"]);
        assert_eq!(words_of("delete_file-now"), ["delete", "file", "now"]);
        assert_eq!(verb_of(&words_of("get_push_status")), Verb::Read);
        assert_eq!(verb_of(&words_of("files_delete")), Verb::Delete);
        assert_eq!(verb_of(&words_of("run_command")), Verb::Execute);
        assert_eq!(verb_of(&words_of("browser_navigate")), Verb::Read);
    }

    #[test]
    fn what_does_nothing_is_not_followed_and_would_show_nothing() {
        let knowledge = crate::knowledge::Knowledge::default();
        let ground = crate::paths::Ground {
            project: Path::new("/p"),
            home: Path::new("/home/u"),
            user: None,
            own: None,
            links: crate::paths::Links::default(),
        };
        let world = World { knowledge: &knowledge, ground, folder: Path::new("/p"), scripts: &|_| None };
        let followed = Machine::new(&world).doing(Doing::default());
        assert_eq!(format!("{followed:?}"), format!("{:?}", Understanding::default()));
    }

    #[test]
    fn parameters_say_what_their_strings_are() {
        let role = |name: &str, text: &str, tool: &str| {
            let words = words_of(tool);
            role_of(name, text, &words, verb_of(&words))
        };
        assert_eq!(role("command", "rm -rf /", "x"), Role::Command);
        assert_eq!(role("query", "DROP TABLE x", "query"), Role::Sql);
        assert_eq!(role("queries", "DROP TABLE x", "batch"), Role::Sql);
        assert_eq!(role("sql_text", "DROP TABLE x", "x"), Role::Sql);
        assert_eq!(role("queryString", "DELETE FROM x", "x"), Role::Sql);
        assert_eq!(role("query", "how to drop a table", "search"), Role::Prose);
        assert_eq!(role("query_text", "drop what you do", "search"), Role::Prose);
        assert_eq!(role("body", "run rm -rf / to clean", "create_issue"), Role::Prose);
        assert_eq!(role("path", "notes", "read_file"), Role::Path);
        assert_eq!(role("url", "http://x/y", "navigate"), Role::Address);
        assert_eq!(role("owner", "acme", "get_repo"), Role::Unknown);
        assert_eq!(role("code", "import os", "run_python"), Role::Code);
        // A person is no file.
        assert_eq!(role("to", "a@example.org", "send_mail"), Role::Unknown);
        assert_eq!(role("destination", "src/a.rs", "move_file"), Role::Path);
    }
}
