//! Takes the words of a command apart: subcommands, options with their values, operands.

use super::look_up;
use super::row::Row;
use super::words::{Role, Style};
use crate::understand::{UNKNOWN, Word};

/// An option that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Given {
    /// Its first spelling in the table; as it is written if the table does not have it.
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) value: Option<Word>,
}

/// A command taken apart.
#[derive(Debug, Default)]
pub(super) struct Parsed<'t> {
    /// The rows from the program's to the innermost subcommand's.
    pub(super) rows: Vec<Row<'t>>,
    pub(super) subcommand: Vec<String>,
    pub(super) options: Vec<Given>,
    pub(super) operands: Vec<Word>,
    /// All words after the program.
    pub(super) words: Vec<Word>,
    /// The words of the command that it runs, where an operand is one.
    pub(super) command: Option<Vec<Word>>,
    /// `NAME=VALUE` before that command.
    pub(super) assignments: Vec<(String, Word)>,
}

impl<'t> Parsed<'t> {
    /// The row that applies.
    pub(super) fn row(&self) -> Option<&Row<'t>> {
        self.rows.last()
    }

    /// Whether an option is given, in any spelling.
    pub(super) fn has(&self, spelling: &str) -> bool {
        self.given(spelling).next().is_some()
    }

    /// The times an option is given, by any of its spellings.
    pub(super) fn given(&self, spelling: &str) -> impl Iterator<Item = &Given> {
        let name = self.canonical(spelling).map_or_else(|| spelling.to_owned(), |(name, _)| name);
        self.options.iter().filter(move |given| given.name == name)
    }

    /// The last value of an option.
    pub(super) fn value(&self, spelling: &str) -> Option<&Word> {
        self.given(spelling).filter_map(|given| given.value.as_ref()).last()
    }

    /// An option's first spelling and role.
    fn canonical(&self, spelling: &str) -> Option<(String, Role)> {
        self.rows.iter().rev().find_map(|row| {
            let (names, role) = row.options.iter().find(|(names, _)| names.contains(&spelling))?;
            Some(((*names.first()?).to_owned(), *role))
        })
    }

    /// Whether options may begin with `+`, too, as those of shells do.
    fn knows_plus(&self) -> bool {
        self.row().is_some_and(|row| {
            row.options.iter().any(|(names, _)| names.iter().any(|name| name.starts_with('+')))
        })
    }

    /// The long option that a beginning stands for, if it is the only one in the innermost row that has such.
    fn abbreviated(&self, spelling: &str) -> Option<(String, Role)> {
        if spelling.len() < 3 {
            return None;
        }
        self.rows.iter().rev().find_map(|row| {
            let mut found = row.options.iter().filter(|(names, _)| {
                names.iter().any(|name| name.starts_with("--") && name.starts_with(spelling))
            });
            let (names, role) = found.next()?;
            Some(((*names.first()?).to_owned(), *role))
        })
    }

    fn add(&mut self, name: String, role: Role, value: Option<Word>) {
        self.options.push(Given { name, role, value });
    }
}

/// Takes a command apart by its row.
pub(super) fn parse<'t>(row: &Row<'t>, argv: &[Word]) -> Parsed<'t> {
    let mut parsed = Parsed { rows: vec![row.clone()], ..Parsed::default() };
    parsed.words = argv.iter().skip(1).cloned().collect();
    let words = parsed.words.clone();
    let mut rest = words.iter();
    let mut ended = false;
    while let Some(word) = rest.next() {
        let style = parsed.row().map_or(Style::None, |row| row.style);
        let text = word.text.as_str();
        let is_option = !ended
            && style != Style::None
            && text.len() > 1
            && match style {
                Style::Pairs => text.contains('=') || text.starts_with("--"),
                _ => text.starts_with('-') || text.starts_with('+') && parsed.knows_plus(),
            };
        if is_option {
            if text == "--" {
                ended = true;
                continue;
            }
            let before = parsed.options.len();
            option(&mut parsed, style, word, &mut rest);
            // All that follows is the module's.
            ended |= parsed.options.iter().skip(before).any(|given| matches!(given.role, Role::Module(_)));
            continue;
        }
        if parsed.operands.is_empty()
            && (!ended || parsed.rows.len() == 1 && !module(&parsed))
            && let Some((name, inner)) = subcommand(&parsed, text)
        {
            parsed.subcommand.push(name);
            parsed.rows.push(inner);
            ended = false;
            continue;
        }
        // A command begins here: what follows is its own.
        let at = parsed.operands.len();
        if parsed.row().is_some_and(|row| role_at(&row.operands, at) == Some(Role::Command)) {
            if let Some((name, value)) = assignment(word) {
                parsed.assignments.push((name, value));
                continue;
            }
            parsed.command = Some(std::iter::once(word).chain(rest).cloned().collect());
            return parsed;
        }
        parsed.operands.push(word.clone());
        let script = parsed
            .row()
            .is_some_and(|row| matches!(role_at(&row.operands, at), Some(Role::Script(_) | Role::Module(_))));
        if script || style == Style::First {
            // Options end at the first operand; a command may still follow where the roles say so.
            ended = true;
        }
    }
    parsed
}

fn module(parsed: &Parsed<'_>) -> bool {
    parsed.options.iter().any(|given| matches!(given.role, Role::Module(_)))
}

/// `NAME=VALUE`.
fn assignment(word: &Word) -> Option<(String, Word)> {
    let (name, _) = word.text.split_once('=')?;
    let valid = !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
    valid.then(|| (name.to_owned(), word.after(name.len() + 1)))
}

fn subcommand<'t>(parsed: &Parsed<'t>, text: &str) -> Option<(String, Row<'t>)> {
    Some((text.to_owned(), look_up(parsed.row()?.subcommands, text)?))
}

/// The role of the operand at a place, as far as it can be told before the end is known.
fn role_at(operands: &[(Role, bool)], at: usize) -> Option<Role> {
    let mut before = operands.iter().take_while(|(_, many)| !many);
    match before.nth(at) {
        Some((role, _)) => Some(*role),
        None => operands.iter().find(|(_, many)| *many).map(|(role, _)| *role),
    }
}

fn option<'w>(
    parsed: &mut Parsed<'_>,
    style: Style,
    word: &Word,
    rest: &mut (impl Iterator<Item = &'w Word> + Clone),
) {
    let text = word.text.as_str();
    let takes_next = |role: Role| !matches!(role, Role::Flag | Role::Optional);
    // `dd if=x`.
    if style == Style::Pairs
        && !text.starts_with('-')
        && let Some((name, value)) = text.split_once('=')
    {
        let (name, role) = parsed.canonical(name).unwrap_or((name.to_owned(), Role::Value));
        return parsed.add(name, role, Some(Word { text: value.to_owned(), ..word.clone() }));
    }
    let (name, attached) = match text.split_once('=') {
        Some((name, _)) if text.starts_with("--") || style == Style::Long => {
            (name, Some(word.after(name.len() + 1)))
        }
        _ => (text, None),
    };
    let exact = parsed.canonical(name).or_else(|| {
        // `terraform --auto-approve` is `-auto-approve`.
        (style == Style::Long && name.starts_with("--")).then(|| parsed.canonical(name.get(1..)?)).flatten()
    });
    let known = exact.or_else(|| {
        (name.starts_with("--") && style != Style::Long).then(|| parsed.abbreviated(name)).flatten()
    });
    if let Some((name, role)) = known {
        let value = match attached {
            Some(value) => Some(value),
            None if takes_next(role) => rest.next().cloned(),
            None => None,
        };
        return parsed.add(name, role, value);
    }
    if name.starts_with("--") || name.starts_with('+') || style == Style::Long {
        return parsed.add(name.to_owned(), Role::Flag, attached);
    }
    cluster(parsed, word, rest, takes_next);
}

/// `-xzf file`, `-ofile`.
fn cluster<'w>(
    parsed: &mut Parsed<'_>,
    word: &Word,
    rest: &mut impl Iterator<Item = &'w Word>,
    takes_next: impl Fn(Role) -> bool,
) {
    let mut letters = word.text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let name = format!("-{letter}");
        if letter == UNKNOWN {
            parsed.add(name, Role::Flag, None);
            continue;
        }
        let Some((name, role)) = parsed.canonical(&name) else {
            parsed.add(name, Role::Flag, None);
            continue;
        };
        if role == Role::Flag {
            parsed.add(name, role, None);
            continue;
        }
        let after = at + letter.len_utf8();
        let value = if letters.peek().is_some() {
            let value = word.after(after);
            let stripped = value.text.strip_prefix('=').map(str::to_owned);
            Some(match stripped {
                Some(text) => Word { text, ..value },
                None => value,
            })
        } else if takes_next(role) {
            rest.next().cloned()
        } else {
            None
        };
        return parsed.add(name, role, value);
    }
}
