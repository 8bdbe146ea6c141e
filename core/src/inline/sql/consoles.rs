//! What is no SQL in the consoles of databases: their own commands, MongoDB's shell, Redis.

use agentfirewall_sdk::Access;

use super::{add, touch};
use crate::understand::{Content, Doing, Language, Run, Word};

/// Acts on the lines that are commands of the console and gives the others back.
pub(super) fn meta(text: &str, doing: &mut Doing) -> String {
    let mut rest = String::new();
    for line in text.lines() {
        let trimmed = line.trim_start();
        let (word, argument) = trimmed.split_once(char::is_whitespace).unwrap_or((trimmed, ""));
        let run = |doing: &mut Doing, code: &str| {
            doing.runs.push(Run::code(Language::Shell, Word::plain(code.trim())));
        };
        let argument = argument.trim().trim_matches('\'');
        match word {
            _ if trimmed.starts_with("\\!") => run(doing, trimmed.trim_start_matches("\\!")),
            ".shell" | ".system" | "system" | "!" => run(doing, argument),
            "\\i" | "\\ir" | ".read" | "source" | "\\." => {
                doing.runs.push(Run::File {
                    language: Language::Sql,
                    path: Word::plain(argument),
                    arguments: Vec::new(),
                    here: true,
                });
            }
            "\\o" | "\\w" | ".output" | ".once" | ".log" | ".backup" | ".save" | ".clone"
                if argument.starts_with('|') =>
            {
                run(doing, argument.trim_start_matches('|'));
            }
            "\\o" | "\\w" | ".output" | ".once" | ".log" | ".backup" | ".save" | ".clone" => {
                let file = argument.split_whitespace().next_back().unwrap_or_default();
                if !file.is_empty() && file != "stdout" && file != "off" {
                    touch(doing, file, Access::Write, Content::Unused);
                }
            }
            ".import" | ".open" | ".restore" => {
                let file =
                    argument.split_whitespace().find(|word| !word.starts_with('-')).unwrap_or_default();
                touch(
                    doing,
                    file,
                    if word == ".open" { Access::Write } else { Access::Read },
                    Content::Stored,
                );
            }
            ".load" => add(doing, "database.run-program", ".load"),
            "\\copy" => rest.extend(["copy ", argument, "\n"]),
            _ if word.starts_with('\\') && word.len() > 1 && trimmed.contains("\\!") => {
                let code = trimmed.split_once("\\!").map(|(_, code)| code).unwrap_or_default();
                run(doing, code);
            }
            // Any other command of psql ends with its line or with `\\`: what comes after it is a statement of its own.
            _ if word.len() > 1
                && word.starts_with('\\')
                && word
                    .chars()
                    .nth(1)
                    .is_some_and(|letter| letter.is_ascii_alphabetic() && letter != 'g') =>
            {
                let after = trimmed.split_once("\\\\").map_or("", |(_, after)| after);
                rest.extend([";", after, "\n"]);
            }
            _ => {
                // `SELECT 1 \g |sh`, `\gexec`
                if let Some((_, code)) = line.split_once("\\g |").or_else(|| line.split_once("\\g|")) {
                    run(doing, code);
                }
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    rest
}

/// MongoDB's shell, which is JavaScript; `false` where it is none.
pub(super) fn mongo(text: &str, doing: &mut Doing) -> bool {
    let code = without_texts(text);
    let squeezed: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    if !(squeezed.contains("db.") || squeezed.contains("rs.") || squeezed.contains("db["))
        || !squeezed.contains('(')
    {
        return false;
    }
    let words = ["SELECT ", "select ", "FROM ", "from ", "INSERT ", "UPDATE ", "DELETE "];
    if words.iter().any(|word| code.trim_start().starts_with(word)) {
        return false;
    }
    for (call, id) in [
        (".dropDatabase(", "database.drop"),
        (".drop(", "database.drop"),
        (".dropUser(", "database.privilege"),
        (".dropAllUsers(", "database.privilege"),
        (".createUser(", "database.privilege"),
        (".grantRolesToUser(", "database.privilege"),
        (".updateUser(", "database.privilege"),
        (".shutdownServer(", "system.shutdown"),
        (".deleteMany({})", "database.delete-all"),
        (".deleteMany()", "database.delete-all"),
        (".remove({})", "database.delete-all"),
        (".remove()", "database.delete-all"),
        (".updateMany({},", "database.delete-all"),
        ("dropDatabase:1", "database.drop"),
    ] {
        if squeezed.contains(call) {
            add(doing, id, call.trim_matches(['.', '(', ')', '{', '}', ',']));
        }
    }
    for call in ["run(", "runProgram(", "removeFile("] {
        if squeezed.starts_with(call) || squeezed.contains(&format!(";{call}")) {
            add(doing, "database.run-program", call.trim_end_matches('('));
        }
    }
    true
}

/// The code without what is in its quotes and comments.
fn without_texts(text: &str) -> String {
    let (mut out, mut quote, mut letters) = (String::new(), None, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(_), '\\') => {
                letters.next();
            }
            (Some(open), close) if open == close => {
                quote = None;
                out.push(close);
            }
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => {
                quote = Some(letter);
                out.push(letter);
            }
            (None, '/') if letters.peek() == Some(&'/') => {
                while letters.next().is_some_and(|letter| letter != '\n') {}
            }
            _ => out.push(letter),
        }
    }
    out
}

/// Redis; `false` where no line is one of its commands.
pub(super) fn redis(text: &str, doing: &mut Doing) -> bool {
    let mut found = false;
    for line in text.lines() {
        let words: Vec<String> = line.split_whitespace().map(str::to_ascii_uppercase).collect();
        let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
        let id = match (word(0), word(1)) {
            ("FLUSHALL" | "FLUSHDB", _) => "database.flush",
            ("CONFIG", "SET")
                if matches!(
                    word(2),
                    "DIR" | "DBFILENAME" | "MASTERAUTH" | "REQUIREPASS" | "PROTECTED-MODE"
                ) =>
            {
                "database.run-program"
            }
            ("SLAVEOF" | "REPLICAOF", host) if !host.is_empty() && host != "NO" && words.len() == 3 => {
                "database.run-program"
            }
            ("MODULE", "LOAD" | "LOADEX") => "database.run-program",
            ("EVAL", _)
                if line.contains("redis.") || line.contains("os.execute") || line.contains("io.popen") =>
            {
                let upper = line.to_ascii_uppercase();
                if upper.contains("FLUSHALL") || upper.contains("FLUSHDB") {
                    "database.flush"
                } else if line.contains("os.execute") || line.contains("io.popen") {
                    "database.run-program"
                } else {
                    found = true;
                    continue;
                }
            }
            ("SHUTDOWN", "" | "NOSAVE" | "SAVE") => "system.shutdown",
            ("ACL", "SETUSER" | "DELUSER") => "database.privilege",
            ("SCRIPT" | "DEBUG", "SEGFAULT") => "system.shutdown",
            _ => continue,
        };
        found = true;
        add(doing, id, words.iter().take(2).cloned().collect::<Vec<_>>().join(" "));
    }
    found
}
