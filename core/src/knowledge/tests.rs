//! The table as a whole.

use super::*;

#[test]
fn the_handlers_of_the_build_script_are_those_of_the_crate() {
    let listed: Vec<&str> = include_str!("../../knowledge/handlers.txt").lines().collect();
    assert_eq!(listed, handlers::NAMES);
}

#[test]
fn every_row_of_the_table_can_be_read() {
    fn read(row: &Row<'_>, path: &str) -> usize {
        row.subcommands
            .iter()
            .map(|(names, bytes)| {
                let inner: Row<'_> =
                    postcard::from_bytes(bytes).unwrap_or_else(|_| panic!("{path} {names:?}"));
                read(&inner, path)
            })
            .sum::<usize>()
            + 1
    }
    let (count, rest) = BUILT_IN.split_first_chunk::<4>().unwrap();
    let count = u32::from_le_bytes(*count) as usize;
    let (index, body) = rest.split_at(count * 16);
    for entry in index.chunks_exact(16) {
        let number = |at: usize| u32::from_le_bytes(entry[at * 4..at * 4 + 4].try_into().unwrap()) as usize;
        let name = std::str::from_utf8(&body[number(0)..number(0) + number(1)]).unwrap();
        let row = look_up(BUILT_IN, name).unwrap_or_else(|| panic!("{name}"));
        assert!(read(&row, name) > 0);
    }
}
