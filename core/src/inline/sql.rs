//! SQL statements and the consoles of databases: what they remove for good, whom they let do what, and where they reach out
//! of the database. Comments and literals count for nothing.

mod consoles;

use agentfirewall_sdk::Access;

use crate::understand::{Content, Doing, Effect, Fuel, Language, Run, Touch, Word};

#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A word in capitals, or a mark.
    Word(String),
    /// A quoted name.
    Name(String),
    Text(String),
}

impl Token {
    fn word(&self) -> &str {
        match self {
            Self::Word(word) => word,
            _ => "",
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Word(text) | Self::Name(text) | Self::Text(text) => text,
        }
    }
}

/// What statements or commands of a console do.
pub(super) fn read(text: &str, fuel: &mut Fuel) -> Doing {
    let mut doing = Doing { recognised: true, ..Doing::default() };
    if !fuel.spend(u32::try_from(text.len() / 8 + 1).unwrap_or(u32::MAX)) {
        doing.effects.push(Effect::new("shell.undecidable", "statements that are too long"));
        return doing;
    }
    let rest = consoles::meta(text, &mut doing);
    if consoles::mongo(&rest, &mut doing) || consoles::redis(&rest, &mut doing) {
        return doing;
    }
    statements(&rest, &mut doing, 0);
    doing
}

/// Whether a text is likely SQL: it begins as a statement does.
pub(super) fn looks_like(text: &str) -> bool {
    const FIRST: &[&str] = &[
        "SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "TRUNCATE", "ALTER", "CREATE", "GRANT", "REVOKE",
        "WITH", "COPY", "EXEC", "EXECUTE", "BEGIN", "ATTACH", "LOAD", "DO", "REPLACE", "MERGE", "SET", "USE",
        "CALL", "VACUUM", "PRAGMA", "EXPLAIN",
    ];
    let tokens = tokens(text.get(..text.floor_char_boundary(4096)).unwrap_or(text));
    let mut words = tokens.iter().filter(|token| token.word() != "(");
    let first = words.next().is_some_and(|token| FIRST.contains(&token.word()));
    let second = words.next();
    // `Delete the table` is prose: a statement has a word that goes with its first one.
    first && second.is_some() && statement_words(&tokens)
}

/// What can be dropped.
const KINDS: &[&str] =
    &["TABLE", "DATABASE", "SCHEMA", "KEYSPACE", "USER", "ROLE", "LOGIN", "VIEW", "INDEX", "COLLECTION"];

fn statement_words(tokens: &[Token]) -> bool {
    let second = tokens.get(1).map(Token::word).unwrap_or_default();
    match tokens.first().map(Token::word).unwrap_or_default() {
        "DROP" => {
            let exists = tokens.get(2).is_some_and(|token| token.word() == "IF");
            KINDS.contains(&second) && ends_after_name(tokens, if exists { 4 } else { 2 })
        }
        "CREATE" | "ALTER" => matches!(
            second,
            "TABLE"
                | "DATABASE"
                | "SCHEMA"
                | "USER"
                | "ROLE"
                | "VIEW"
                | "INDEX"
                | "KEYSPACE"
                | "COLLECTION"
                | "OR"
                | "UNIQUE"
                | "EXTENSION"
                | "FUNCTION"
                | "PROCEDURE"
                | "TRIGGER"
                | "SYSTEM"
                | "TEMP"
                | "TEMPORARY"
                | "LOGIN"
                | "SEQUENCE"
        ),
        "DELETE" => second == "FROM" && ends_after_name(tokens, 2),
        "UPDATE" => {
            let set = tokens.iter().take(8).position(|token| token.word() == "SET");
            set.is_some_and(|at| tokens.iter().skip(at).take(6).any(|token| token.word() == "="))
        }
        "COPY" => tokens
            .iter()
            .take(8)
            .any(|token| matches!(token.word(), "STDIN" | "STDOUT" | "PROGRAM" | "WITH" | "(")),
        "DO" => matches!(tokens.get(1), Some(Token::Text(_))),
        "INSERT" | "REPLACE" => second == "INTO" || second == "OR" || second == "IGNORE",
        "GRANT" | "REVOKE" => tokens.iter().any(|token| matches!(token.word(), "TO" | "FROM")),
        "TRUNCATE" => {
            second == "TABLE"
                || tokens.len() <= 4
                || tokens.iter().any(|token| matches!(token.word(), "," | "." | "CASCADE" | "RESTRICT" | ";"))
        }
        _ => true,
    }
}

/// Whether the statement is over after a name, or goes on as one does; prose does not.
fn ends_after_name(tokens: &[Token], at: usize) -> bool {
    let mut at = at + 1;
    // `??` stands for a name that is filled in.
    at += usize::from(tokens.get(at).is_some_and(|token| token.word() == "?"));
    while matches!(tokens.get(at).map(Token::word), Some("." | ",")) {
        at += 2;
    }
    let next = tokens.get(at).map(Token::word).unwrap_or_default();
    matches!(
        next,
        "" | ";"
            | "WHERE"
            | "USING"
            | "RETURNING"
            | "LIMIT"
            | "AS"
            | "CASCADE"
            | "RESTRICT"
            | "PURGE"
            | "ORDER"
            | "ALLOW"
            | "FORCE"
            | "SYNC"
    ) && !matches!(tokens.get(at), Some(Token::Name(_) | Token::Text(_)))
}

fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let (mut tokens, mut at) = (Vec::new(), 0);
    let get = |at: usize| letters.get(at).copied().unwrap_or('\0');
    while at < letters.len() {
        let letter = get(at);
        match (letter, get(at + 1)) {
            ('-', '-') => {
                while at < letters.len() && get(at) != '\n' {
                    at += 1;
                }
            }
            // MySQL runs what is in `/*! */`.
            ('/', '*') if get(at + 2) == '!' => {
                at += 3;
                while get(at).is_ascii_digit() {
                    at += 1;
                }
            }
            ('/', '*') => {
                at += 2;
                while at < letters.len() && !(get(at) == '*' && get(at + 1) == '/') {
                    at += 1;
                }
                at += 2;
            }
            ('*', '/') => at += 2,
            ('\'' | '"' | '`' | '[', _) => {
                let close = if letter == '[' { ']' } else { letter };
                let mut quoted = String::new();
                at += 1;
                while at < letters.len() {
                    if get(at) == close && get(at + 1) == close && close != ']' {
                        at += 1;
                    } else if get(at) == close {
                        break;
                    } else if get(at) == '\\'
                        && close == '\''
                        && get(at + 1) == '\''
                        && at + 2 < letters.len()
                    {
                        at += 1;
                    }
                    quoted.push(get(at));
                    at += 1;
                }
                at += 1;
                tokens.push(if letter == '\'' { Token::Text(quoted) } else { Token::Name(quoted) });
            }
            ('$', next) if next == '$' || next.is_alphabetic() => {
                let tag: String = letters
                    .iter()
                    .skip(at + 1)
                    .take(64)
                    .take_while(|letter| letter.is_alphanumeric() || **letter == '_')
                    .collect();
                let length = tag.chars().count();
                if get(at + 1 + length) != '$' {
                    at += 1;
                    continue;
                }
                let mark: Vec<char> =
                    std::iter::once('$').chain(tag.chars()).chain(std::iter::once('$')).collect();
                at += mark.len();
                let start = at;
                while at < letters.len() && !letters.get(at..).is_some_and(|rest| rest.starts_with(&mark)) {
                    at += 1;
                }
                tokens.push(Token::Text(letters.iter().skip(start).take(at - start).collect()));
                at += mark.len();
            }
            _ if letter.is_alphanumeric()
                || matches!(letter, '_' | '@' | '#')
                || letter == crate::understand::UNKNOWN =>
            {
                let mut word = String::new();
                while at < letters.len()
                    && (get(at).is_alphanumeric()
                        || matches!(get(at), '_' | '@' | '#' | '$')
                        || get(at) == crate::understand::UNKNOWN)
                {
                    word.extend(get(at).to_uppercase());
                    at += 1;
                }
                tokens.push(Token::Word(word));
            }
            _ if letter.is_whitespace() => at += 1,
            _ => {
                tokens.push(Token::Word(letter.to_string()));
                at += 1;
            }
        }
    }
    tokens
}

fn statements(text: &str, doing: &mut Doing, depth: u32) {
    let all = tokens(text);
    for statement in all.split(|token| token.word() == ";") {
        one(statement, doing, depth);
    }
}

fn add(doing: &mut Doing, id: &str, detail: impl Into<String>) {
    let effect = Effect::new(id, detail);
    if !doing.effects.iter().any(|other| other.id == effect.id) {
        doing.effects.push(effect);
    }
}

/// A file of the machine the database runs on, which may be this one.
fn touch(doing: &mut Doing, path: &str, access: Access, content: Content) {
    doing.touches.push(Touch { content, ..Touch::new(Word::plain(path), access) });
}

fn one(statement: &[Token], doing: &mut Doing, depth: u32) {
    // What leads to the statement: `EXPLAIN`, `BEGIN`, a `WITH`.
    let mut words = statement;
    while let Some((first, rest)) = words.split_first() {
        let plan = first.word() == "EXPLAIN" && !rest.iter().take(3).any(|token| token.word() == "ANALYZE");
        if plan {
            return;
        }
        if !matches!(
            first.word(),
            "BEGIN" | "THEN" | "ELSE" | "LOOP" | "EXPLAIN" | "ANALYZE" | "TRANSACTION" | "WORK" | "GO" | "("
        ) {
            break;
        }
        words = rest;
    }
    let word = |at: usize| words.get(at).map(Token::word).unwrap_or_default();
    match word(0) {
        "DROP" => dropped(words, doing),
        "TRUNCATE" => add(doing, "database.drop", "TRUNCATE"),
        "ALTER" => altered(words, doing),
        "CREATE"
            if matches!(word(1), "USER" | "ROLE" | "LOGIN")
                && words
                    .iter()
                    .any(|token| matches!(token.word(), "SUPERUSER" | "CREATEROLE" | "BYPASSRLS")) =>
        {
            add(doing, "database.privilege", "CREATE USER SUPERUSER");
        }
        "GRANT" => granted(words, doing),
        "SET"
            if word(1) == "PASSWORD"
                || (word(1) == "GLOBAL" && matches!(word(2), "GENERAL_LOG_FILE" | "LOCAL_INFILE")) =>
        {
            add(doing, "database.privilege", "SET");
        }
        "COPY" => copied(words, doing),
        "ATTACH" => {
            if let Some(Token::Text(path)) = words.iter().find(|token| matches!(token, Token::Text(_))) {
                touch(doing, path, Access::Write, Content::Unused);
            }
        }
        "LOAD" => {
            if let (true, Some(Token::Text(path))) =
                (word(1) == "DATA", words.iter().find(|token| matches!(token, Token::Text(_))))
            {
                touch(doing, path, Access::Read, Content::Stored);
            }
        }
        "DO" if depth < 3 => {
            for token in words {
                if let Token::Text(code) = token {
                    statements(code, doing, depth + 1);
                }
            }
        }
        "EXEC" | "EXECUTE" | "CALL" | "PREPARE" if depth < 3 => {
            for token in words {
                if let Token::Text(code) = token
                    && code.contains(' ')
                {
                    statements(code, doing, depth + 1);
                }
            }
        }
        _ => {}
    }
    rows(words, doing);
    anywhere(words, doing);
}

fn dropped(words: &[Token], doing: &mut Doing) {
    let at = usize::from(
        words.get(1).is_some_and(|token| matches!(token.word(), "TEMPORARY" | "MATERIALIZED" | "FOREIGN")),
    );
    let kind = words.get(1 + at).map(Token::word).unwrap_or_default();
    if matches!(
        kind,
        "DATABASE"
            | "SCHEMA"
            | "TABLE"
            | "KEYSPACE"
            | "TABLESPACE"
            | "COLLECTION"
            | "OWNED"
            | "CATALOG"
            | "BUCKET"
    ) {
        // A temporary table is gone with the session anyway.
        if at == 1 && words.get(1).is_some_and(|token| token.word() == "TEMPORARY") {
            return;
        }
        add(doing, "database.drop", format!("DROP {kind}"));
    } else if matches!(kind, "USER" | "ROLE" | "LOGIN") {
        add(doing, "database.privilege", format!("DROP {kind}"));
    }
}

fn altered(words: &[Token], doing: &mut Doing) {
    let has = |name: &str| words.iter().any(|token| token.word() == name);
    match words.get(1).map(Token::word).unwrap_or_default() {
        "USER" | "ROLE" | "LOGIN" => add(doing, "database.privilege", "ALTER USER"),
        "SYSTEM" => add(doing, "database.privilege", "ALTER SYSTEM"),
        "TABLE" if has("DROP") && words.windows(2).any(|pair| matches!(pair, [one, two] if one.word() == "DROP" && matches!(two.word(), "COLUMN" | "PARTITION"))) => {
            add(doing, "database.delete-all", "ALTER TABLE DROP COLUMN");
        }
        "TABLE" if has("DISABLE") && has("SECURITY") => add(doing, "database.privilege", "DISABLE ROW LEVEL SECURITY"),
        _ => {}
    }
}

fn granted(words: &[Token], doing: &mut Doing) {
    let privileges: Vec<&str> =
        words.iter().skip(1).map(Token::word).take_while(|word| !matches!(*word, "ON" | "TO")).collect();
    let on = words.iter().any(|token| token.word() == "ON");
    let public =
        words.windows(2).any(|pair| matches!(pair, [to, who] if to.word() == "TO" && who.word() == "PUBLIC"));
    let broad = privileges
        .iter()
        .any(|word| matches!(*word, "ALL" | "SUPER" | "SUPERUSER" | "DBA" | "FILE" | "SYSADMIN" | "CONTROL"));
    let option = words.windows(3).any(|three| matches!(three, [with, grant, _] if with.word() == "WITH" && matches!(grant.word(), "GRANT" | "ADMIN")));
    // A role for somebody, such as `GRANT rds_superuser TO x`.
    if broad || public || option || !on {
        add(doing, "database.privilege", "GRANT");
    }
}

fn copied(words: &[Token], doing: &mut Doing) {
    let mut program = None;
    let mut file = None;
    for pair in words.windows(2) {
        match pair {
            [one, Token::Text(text)] if one.word() == "PROGRAM" => program = Some(text.clone()),
            [one, Token::Text(text)] if matches!(one.word(), "FROM" | "TO") => {
                file = Some((one.word() == "TO", text.clone()));
            }
            _ => {}
        }
    }
    if let Some(program) = program {
        add(doing, "database.run-program", "COPY PROGRAM");
        doing.runs.push(Run::code(Language::Shell, Word::plain(program)).elsewhere(true));
    }
    if let Some((out, path)) = file {
        touch(doing, &path, if out { Access::Write } else { Access::Read }, Content::Stored);
    }
}

/// `DELETE` and `UPDATE` that name no rows.
fn rows(words: &[Token], doing: &mut Doing) {
    let mut depth = 0_i32;
    for (at, token) in words.iter().enumerate() {
        match token.word() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        let next = words.get(at + 1).map(Token::word).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map(Token::word).unwrap_or_default();
        // At the start, in a CTE, or after the condition of a `MERGE`.
        let starts = at == 0 || matches!(before, "(" | ")" | "THEN" | "AS");
        let deletes = token.word() == "DELETE" && next == "FROM" && starts;
        let updates = token.word() == "UPDATE"
            && starts
            && words.iter().skip(at).take(12).any(|token| token.word() == "SET");
        if !deletes && !updates {
            continue;
        }
        let mut inner = 0_i32;
        let own: Vec<&Token> = words
            .iter()
            .skip(at + 1)
            .take_while(|token| {
                match token.word() {
                    "(" => inner += 1,
                    ")" => inner -= 1,
                    _ => {}
                }
                inner >= 0
            })
            .collect();
        let condition = own.iter().position(|token| token.word() == "WHERE");
        let always =
            condition.is_some_and(|at| always(&own.iter().skip(at + 1).copied().collect::<Vec<_>>()));
        let limited = own.iter().any(|token| matches!(token.word(), "LIMIT" | "USING" | "JOIN" | "CURRENT"));
        if always || (condition.is_none() && !limited) {
            add(
                doing,
                "database.delete-all",
                if deletes { "DELETE without WHERE" } else { "UPDATE without WHERE" },
            );
        }
        if depth == 0 {
            return;
        }
    }
}

/// Whether a condition holds for every row.
fn always(condition: &[&Token]) -> bool {
    let all: Vec<&str> = condition.iter().map(|token| token.name()).collect();
    let end = all.iter().position(|word| matches!(*word, "RETURNING" | "ORDER" | "--")).unwrap_or(all.len());
    let all: Vec<&str> = all.into_iter().take(end).filter(|word| !matches!(*word, "(" | ")")).collect();
    let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    match all.as_slice() {
        ["TRUE" | "true" | "1"] => true,
        [one, "=", two] => one == two,
        [one, "<" | ">" | "!", ..] if digits(one) => {
            all.iter().skip(1).all(|word| digits(word) || matches!(*word, "<" | ">" | "=" | "!"))
        }
        [.., "OR", one, "=", two] => one == two,
        [.., "OR", "TRUE"] => true,
        _ => false,
    }
}

/// What reaches out of the database wherever it stands.
fn anywhere(words: &[Token], doing: &mut Doing) {
    let called = |at: usize| words.get(at + 1).is_some_and(|token| token.word() == "(");
    let text = |at: usize| {
        words
            .iter()
            .skip(at)
            .take(4)
            .find_map(|token| if let Token::Text(text) = token { Some(text.clone()) } else { None })
    };
    for (at, token) in words.iter().enumerate() {
        match token.word() {
            // Where databases keep the hashes of passwords and what was given them to keep.
            "PG_SHADOW" | "PG_AUTHID" | "DECRYPTED_SECRETS" | "AUTHENTICATION_STRING" => {
                add(doing, "credentials.dump", token.word().to_ascii_lowercase());
            }
            "FUNCTION"
                if words.get(at + 1).is_some_and(|token| matches!(token.word(), "URL" | "S3" | "REMOTE")) =>
            {
                add(doing, "exfiltration.upload", "INSERT INTO FUNCTION");
            }
            "XP_CMDSHELL" | "SP_OACREATE" | "XP_REGWRITE" | "XP_DIRTREE" => {
                add(doing, "database.run-program", token.word().to_ascii_lowercase());
                if let (true, Some(code)) = (token.word() == "XP_CMDSHELL", text(at + 1)) {
                    doing.runs.push(Run::code(Language::Cmd, Word::plain(code)).elsewhere(true));
                }
            }
            name @ ("LOAD_FILE"
            | "PG_READ_FILE"
            | "PG_READ_BINARY_FILE"
            | "LO_IMPORT"
            | "PG_LS_DIR"
            | "LO_EXPORT"
            | "READFILE"
            | "WRITEFILE"
            | "LOAD_EXTENSION"
            | "SYS_EXEC"
            | "SYS_EVAL"
            | "DBLINK_CONNECT"
            | "EDIT")
                if called(at) =>
            {
                add(doing, "database.run-program", name.to_ascii_lowercase());
                if let Some(path) = text(at + 1) {
                    let writes = matches!(name, "LO_EXPORT" | "WRITEFILE");
                    touch(doing, &path, if writes { Access::Write } else { Access::Read }, Content::Shown);
                }
            }
            "OUTFILE" | "DUMPFILE" => {
                add(doing, "database.run-program", "INTO OUTFILE");
                if let Some(path) = text(at + 1) {
                    touch(doing, &path, Access::Write, Content::Unused);
                }
            }
            "LANGUAGE"
                if words.get(at + 1).is_some_and(|next| {
                    matches!(next.word(), "PLPYTHON3U" | "PLPYTHONU" | "PLPERLU" | "PLSH")
                }) =>
            {
                add(doing, "database.run-program", "a function of an untrusted language");
            }
            _ => {}
        }
    }
}
