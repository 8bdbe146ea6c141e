//! Names of functions and what they mean, a table a language. `*.name` is a method of whatever; `x().name` of what `x`
//! gives; `path.name` of an object that is a path; `''.name` of a text.

mod javascript;
mod others;
mod perl;
mod python;
mod ruby;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Means;
use crate::understand::Language;

type Table = HashMap<&'static str, Means>;

fn table(rows: &[&[(&'static str, Means)]]) -> Table {
    rows.iter().flat_map(|rows| rows.iter().copied()).collect()
}

/// What a call of that name means in a language.
pub(super) fn find(language: Language, name: &str) -> Option<Means> {
    static PYTHON: LazyLock<Table> = LazyLock::new(|| table(&[python::FILES, python::REACH, python::VALUES]));
    static JAVASCRIPT: LazyLock<Table> =
        LazyLock::new(|| table(&[javascript::FILES, javascript::REACH, javascript::VALUES]));
    static PERL: LazyLock<Table> = LazyLock::new(|| table(&[perl::ROWS]));
    static RUBY: LazyLock<Table> = LazyLock::new(|| table(&[ruby::ROWS]));
    static PHP: LazyLock<Table> = LazyLock::new(|| table(&[others::PHP]));
    static LUA: LazyLock<Table> = LazyLock::new(|| table(&[others::LUA]));
    let table = match language {
        Language::Python => &PYTHON,
        Language::JavaScript => &JAVASCRIPT,
        Language::Perl => &PERL,
        Language::Ruby => &RUBY,
        Language::Php => &PHP,
        Language::Lua => &LUA,
        _ => return None,
    };
    table.get(name).copied()
}
