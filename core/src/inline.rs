//! Code of other languages than the shell's: `python -c`, `node -e`, awk and sed programs, SQL. It is not run and not
//! parsed in full: what is looked for is what reaches out of it (files, processes, hosts), with what its texts say.

mod awk;
mod calls;
mod decode;
mod lex;
pub(crate) mod manifest;
mod other;
mod powershell;
mod reader;
mod sed;
mod sql;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use decode::{Code, decode};

use crate::understand::{Doing, Fuel, Language, Run, Taint, Word};
use reader::Reader;
use value::{Marks, Value};

/// What a text of code does. `arguments` are what it sees as its own (`sys.argv`, awk's files).
pub(crate) fn read(language: Language, text: &Word, arguments: &[Word], fuel: &mut Fuel) -> Doing {
    match language {
        Language::Shell => Doing::default(),
        Language::Other => other::read(&text.text, fuel),
        Language::Awk => awk::read(&text.text, fuel),
        Language::Sed => sed::read(&text.text, fuel),
        Language::Sql => sql::read(&text.text, fuel),
        Language::PowerShell => powershell::read(&text.text, fuel),
        Language::Cmd => powershell::batch(&text.text, fuel),
        Language::Python
        | Language::JavaScript
        | Language::Perl
        | Language::Ruby
        | Language::Php
        | Language::Lua => code(language, text, arguments, fuel),
    }
}

/// Whether a text of which nobody says what language it is in, such as the argument of an MCP tool, is a statement of SQL.
pub(crate) fn is_sql(text: &str) -> bool {
    sql::looks_like(text)
}

fn code(language: Language, text: &Word, arguments: &[Word], fuel: &mut Fuel) -> Doing {
    let mut reader = Reader::new(language, fuel);
    reader.arguments = arguments
        .iter()
        .take(256)
        .map(|word| Value::text(word.text.clone(), Marks::of(word.taint)))
        .collect();
    reader.code(&text.text);
    // What was decoded or fetched and is not known cannot be read here.
    if text.taint.has(Taint::NETWORK) && !text.known() {
        reader.effect("remote-code.pipe", "what came over the network");
    }
    let mut doing = reader.finish();
    // All objects of a model, by the mappers of Django and of others.
    let plain: String = text.text.chars().filter(|letter| !letter.is_whitespace()).collect();
    if [
        ".objects.all().delete(",
        ".objects.delete(",
        ".query.delete(",
        ".deleteMany({})",
        ".delete_many({})",
        ".deleteMany()",
    ]
    .iter()
    .any(|call| plain.contains(call))
    {
        doing.effects.push(crate::understand::Effect::new("database.delete-all", "all objects"));
    }
    if let Some(run) = meant_for_a_shell(&text.text) {
        doing.runs.push(run);
    }
    doing
}

/// A command line where code of another language belongs, such as `node -e "rm -rf /"`: whoever wrote it wants it run.
fn meant_for_a_shell(text: &str) -> Option<Run> {
    let mut words = text.split_whitespace();
    let mut program = words.next()?;
    if program == "sudo" {
        program = words.next()?;
    }
    let option = words.next()?;
    let plain = program.len() > 1 && program.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let letters = option
        .strip_prefix('-')
        .is_some_and(|rest| rest.len() > 1 && rest.bytes().all(|byte| byte.is_ascii_alphabetic()));
    (plain && letters && words.next().is_some_and(|word| word.starts_with(['/', '~', '.', '*', '$'])))
        .then(|| Run::code(Language::Shell, Word::plain(text)))
}
