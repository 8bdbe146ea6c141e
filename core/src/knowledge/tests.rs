//! The table as a whole, and what the tests of its parts share.

use std::collections::BTreeSet;

use super::*;

/// What the built-in table says of a command line without any syntax of the shell but quotes.
pub(super) fn doing(text: &str) -> Doing {
    Knowledge::default().doing(&words(text))
}

/// Splits at blanks outside of quotes, which are taken away.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in text.chars() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take().map(Word::plain)),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word.map(Word::plain));
    words
}

fn effects(text: &str) -> BTreeSet<String> {
    doing(text).effects.into_iter().map(|effect| effect.id).collect()
}

/// Each of these commands has the effect beside it.
pub(super) fn have_their_effects(attacks: &[(&str, &str)]) {
    let wrong: Vec<_> = attacks
        .iter()
        .map(|(text, effect)| (text, effect, effects(text)))
        .filter(|(_, effect, found)| !found.contains(**effect))
        .map(|(text, effect, found)| format!("{text}: {effect} is not in {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// None of these commands has an effect that is not among the silent ones.
pub(super) fn have_no_other_effects(everyday: &[&str], silent: &[&str]) {
    let wrong: Vec<_> = everyday
        .iter()
        .map(|text| (text, effects(text)))
        .filter(|(_, found)| found.iter().any(|id| !silent.contains(&id.as_str())))
        .map(|(text, found)| format!("{text}: {found:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table knows each of these commands.
pub(super) fn are_known<'t>(texts: impl Iterator<Item = &'t str>) {
    let unknown: Vec<_> = texts.filter(|text| !doing(text).recognised).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn the_handlers_of_the_build_script_are_those_of_the_crate() {
    let listed: Vec<&str> = include_str!("../../knowledge/handlers.txt").lines().collect();
    assert_eq!(listed, handlers::NAMES);
}

#[test]
fn every_row_of_the_table_can_be_read() {
    fn read(table: &[u8], path: &str) -> usize {
        let Some((count, rest)) = table.split_first_chunk::<4>() else { return 0 };
        let count = u32::from_le_bytes(*count) as usize;
        let (index, body) = rest.split_at(count * 16);
        let read_one = |entry: &[u8]| {
            let number =
                |at: usize| u32::from_le_bytes(entry[at * 4..at * 4 + 4].try_into().unwrap()) as usize;
            let name = std::str::from_utf8(&body[number(0)..number(0) + number(1)]).unwrap();
            let path = format!("{path} {name}");
            let row = look_up(table, name).unwrap_or_else(|| panic!("{path}"));
            1 + read(row.subcommands, &path)
        };
        index.chunks_exact(16).map(read_one).sum()
    }
    assert!(read(BUILT_IN, "") > 2_000);
}
