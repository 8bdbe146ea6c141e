//! From patterns to the smallest deterministic automaton, as bytes.
//!
//! Form, read by `src/detectors/rules/automaton.rs`: the number of states (2 bytes, little end first), the number of classes (1
//! byte), the length of the shortest match (1 byte; 255 for a longer one), the class of each of the 128 ASCII bytes (0 for those
//! that are in no match), one byte a state that is 1 where a match may end, and for each state the state that each class leads to
//! (2 bytes each). State 0 is the end of all hope, state 1 the beginning. A byte that is not ASCII ends every match.

use std::collections::BTreeMap;

use regex_automata::dfa::Automaton;
use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;

/// The most memory that making one automaton may take, in bytes. A pattern that needs more is written too loosely.
const LIMIT: usize = 8 << 20;

pub(crate) fn compile(patterns: &[Hir]) -> Result<Vec<u8>, String> {
    let nfa = thompson::Compiler::new()
        .configure(thompson::Config::new().utf8(false).which_captures(thompson::WhichCaptures::None))
        .build_many_from_hir(patterns)
        .map_err(|error| error.to_string())?;
    let dfa = dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(StartKind::Anchored)
                // The longest match is wanted, so none may end the search.
                .match_kind(MatchKind::All)
                .minimize(true)
                .byte_classes(true)
                .dfa_size_limit(Some(LIMIT))
                .determinize_size_limit(Some(LIMIT)),
        )
        .build_from_nfa(&nfa)
        .map_err(|error| error.to_string())?;
    let start =
        dfa.start_state(&start::Config::new().anchored(Anchored::Yes)).map_err(|error| error.to_string())?;
    // Their automaton tells of a match one byte late; ours tells at once, by asking what the end of the text would bring.
    let ends = |state: StateID| u8::from(dfa.is_match_state(dfa.next_eoi_state(state)));
    let mut numbers: BTreeMap<StateID, u16> = BTreeMap::from([(start, 1)]);
    let mut order = vec![start];
    let mut rows: Vec<[u16; 128]> = Vec::new();
    let mut next = 0;
    while let Some(&state) = order.get(next) {
        next += 1;
        let mut row = [0; 128];
        for byte in 0..128_u8 {
            let to = dfa.next_state(state, byte);
            if dfa.is_dead_state(to) {
                continue;
            }
            let known = u16::try_from(order.len() + 1).map_err(|_| "too many states".to_owned())?;
            let number = *numbers.entry(to).or_insert_with(|| {
                order.push(to);
                known
            });
            row[usize::from(byte)] = number;
        }
        rows.push(row);
    }
    let accepts: Vec<u8> = order.iter().map(|state| ends(*state)).collect();
    let (rows, accepts) = without_tails(rows, accepts);
    // What is in no match has the first number.
    let mut classes: BTreeMap<Vec<u16>, u8> = BTreeMap::from([(vec![0; rows.len()], 0)]);
    let mut class_of = [0_u8; 128];
    for byte in 0..128 {
        let column: Vec<u16> = rows.iter().map(|row| row[byte]).collect();
        let new = u8::try_from(classes.len()).map_err(|_| "too many classes".to_owned())?;
        class_of[byte] = *classes.entry(column).or_insert(new);
    }
    let columns: BTreeMap<u8, Vec<u16>> =
        classes.into_iter().map(|(column, class)| (class, column)).collect();
    let states = u16::try_from(rows.len() + 1).map_err(|_| "too many states".to_owned())?;
    let mut bytes = states.to_le_bytes().to_vec();
    bytes.push(u8::try_from(columns.len()).map_err(|_| "too many classes".to_owned())?);
    bytes.push(shortest(&rows, &accepts));
    bytes.extend(class_of);
    bytes.push(0);
    bytes.extend(accepts);
    bytes.extend(std::iter::repeat_n(0_u8, 2 * columns.len()));
    for state in 0..rows.len() {
        for column in columns.values() {
            bytes.extend(column[state].to_le_bytes());
        }
    }
    Ok(bytes)
}

/// The length of the shortest match, or the greatest number that a byte holds.
fn shortest(rows: &[[u16; 128]], accepts: &[u8]) -> u8 {
    let mut reached = vec![false; rows.len()];
    let mut now = vec![0_usize];
    for length in 0..u8::MAX {
        if now.iter().any(|state| accepts[*state] == 1) {
            return length;
        }
        let mut next = Vec::new();
        for to in now.iter().flat_map(|state| rows[*state]).filter(|to| *to > 0) {
            let to = usize::from(to) - 1;
            if !std::mem::replace(&mut reached[to], true) {
                next.push(to);
            }
        }
        now = next;
    }
    u8::MAX
}

/// The same automaton without the states that only carry their automaton's late news: they lead to nothing and end nothing.
fn without_tails(mut rows: Vec<[u16; 128]>, accepts: Vec<u8>) -> (Vec<[u16; 128]>, Vec<u8>) {
    loop {
        let idle: Vec<bool> = rows
            .iter()
            .zip(&accepts)
            .map(|(row, accepts)| *accepts == 0 && row.iter().all(|to| *to == 0))
            .collect();
        let mut changed = false;
        for row in &mut rows {
            for to in row.iter_mut() {
                if *to > 0 && idle[usize::from(*to) - 1] {
                    *to = 0;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    // What nothing leads to any more is left out.
    let mut reached = vec![false; rows.len()];
    let mut stack = vec![0_usize];
    while let Some(state) = stack.pop() {
        if std::mem::replace(&mut reached[state], true) {
            continue;
        }
        stack.extend(rows[state].iter().filter(|to| **to > 0).map(|to| usize::from(*to) - 1));
    }
    let mut renumbered = vec![0_u16; rows.len()];
    let mut count = 0;
    for (state, _) in reached.iter().enumerate().filter(|(_, reached)| **reached) {
        count += 1;
        renumbered[state] = count;
    }
    let kept = rows.into_iter().zip(accepts).zip(&reached).filter(|(_, reached)| **reached).map(
        |((row, accepts), _)| {
            (row.map(|to| if to == 0 { 0 } else { renumbered[usize::from(to) - 1] }), accepts)
        },
    );
    kept.unzip()
}
