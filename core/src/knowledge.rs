//! The table of programs: what their arguments read, write, delete, run and send. See `core/knowledge/README.md`.

mod apply;
mod compile;
mod condition;
mod filters;
mod handlers;
mod parse;
mod row;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_system;
#[cfg(test)]
mod tests_tools;
mod words;

use std::borrow::Cow;

pub(crate) use condition::matches;
use row::Row;
pub(crate) use words::{Content, Language, Output};

use crate::understand::{Doing, Word};

/// The built-in rows.
static BUILT_IN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/programs.bin"));
/// What each of them means.
static MEANINGS: &[&str] = include!(concat!(env!("OUT_DIR"), "/effects_about.rs"));
/// The ids of all effects, sorted.
pub(crate) static EFFECTS: &[&str] = include!(concat!(env!("OUT_DIR"), "/effects.rs"));

/// The built-in table and, before it, the rows of a team.
#[derive(Debug, Clone, Default)]
pub(crate) struct Knowledge {
    own: Vec<Vec<u8>>,
}

impl Knowledge {
    /// Asks these tables first.
    pub(crate) fn with(own: Vec<Vec<u8>>) -> Self {
        Self { own }
    }

    /// What a command does.
    pub(crate) fn doing(&self, argv: &[Word]) -> Doing {
        let Some(first) = argv.first() else { return Doing::default() };
        let name = program_name(&first.text);
        // One binary of many programs: the next word is the program.
        if matches!(name.as_ref(), "busybox" | "toybox")
            && let Some(next) = argv.get(1)
            && !next.text.starts_with('-')
        {
            return self.doing(argv.get(1..).unwrap_or_default());
        }
        match self.find(&name) {
            Some((name, row)) => apply::doing(name, &row, argv),
            None => apply::unknown(&name, argv),
        }
    }

    /// The row of a program: by its name, else without a version at its end.
    fn find(&self, name: &str) -> Option<(String, Row<'_>)> {
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
        // `mkfs.ext4` is a kind of `mkfs`, `test.sh` is no kind of `test`.
        let major = if is_script(name) { name } else { name.split('.').next().unwrap_or(name) };
        for name in [name, major, plain] {
            for table in self.own.iter().map(Vec::as_slice).chain([BUILT_IN]) {
                if let Some(row) = look_up(table, name) {
                    return Some((name.to_owned(), row));
                }
            }
        }
        None
    }
}

/// Checks a team's rows (a list as under `programs:`) and makes a table of them.
pub(crate) fn parse_rows(programs: &serde_json::Value) -> Result<Vec<u8>, String> {
    let names = compile::Names {
        effect: &|id| EFFECTS.binary_search(&id).is_ok(),
        handler: &|name| handlers::NAMES.contains(&name),
    };
    let mut table = std::collections::BTreeMap::new();
    compile::rows(&compile::spelled(programs), &names, &mut table)?;
    Ok(compile::blob(&table))
}

/// Whether a file is called as a script is.
fn is_script(name: &str) -> bool {
    const ENDS: [&str; 14] =
        ["sh", "bash", "zsh", "fish", "py", "js", "mjs", "cjs", "ts", "rb", "pl", "php", "lua", "ps1"];
    name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end))
}

/// A program's name without folder, extension and the case that Windows does not mind.
fn program_name(text: &str) -> Cow<'_, str> {
    let base = text.rsplit(['/', '\\']).next().unwrap_or(text);
    for extension in [".exe", ".cmd", ".bat", ".EXE", ".com"] {
        if let Some(name) = base.strip_suffix(extension)
            && !name.is_empty()
        {
            return Cow::Owned(name.to_ascii_lowercase());
        }
    }
    Cow::Borrowed(base)
}

/// Every effect with what it means, sorted by its id.
pub(crate) fn effects() -> impl Iterator<Item = (&'static str, &'static str)> {
    EFFECTS.iter().copied().zip(MEANINGS.iter().copied())
}

/// Finds a row in a table by halving.
fn look_up<'t>(table: &'t [u8], name: &str) -> Option<Row<'t>> {
    let (count, rest) = table.split_first_chunk::<4>()?;
    let count = u32::from_le_bytes(*count) as usize;
    let (index, body) = rest.split_at_checked(count.checked_mul(16)?)?;
    let entry = |at: usize| -> Option<[usize; 4]> {
        let bytes = index.get(at * 16..at * 16 + 16)?;
        let mut numbers =
            bytes.chunks_exact(4).filter_map(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
        Some([
            numbers.next()? as usize,
            numbers.next()? as usize,
            numbers.next()? as usize,
            numbers.next()? as usize,
        ])
    };
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        let [name_at, name_length, row_at, row_length] = entry(middle)?;
        let found = body.get(name_at..name_at.checked_add(name_length)?)?;
        match found.cmp(name.as_bytes()) {
            std::cmp::Ordering::Equal => {
                return postcard::from_bytes(body.get(row_at..row_at.checked_add(row_length)?)?).ok();
            }
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}
