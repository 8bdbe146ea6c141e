//! One pass over a text that finds where any detector's keyword begins, whatever its ASCII case.
//!
//! A hook lives for a millisecond, so the index has to cost next to nothing to build: see [`agentfirewall_sdk::keywords`]. That of a table of
//! detectors was made by the compiler and is taken as it is; the keywords of all others are added beside it. An automaton reads no
//! faster on the short texts of a tool call and takes a thousand times longer to make.

use agentfirewall_sdk::Rows;
use agentfirewall_sdk::keywords::{GrowingIndex, KeywordIndex, head};

/// How many places are looked at before what was seen there is judged. Where something may begin is written down without a
/// branch: in ordinary text it is every tenth place, and a processor that guesses wrong that often does nothing else.
const BLOCK: usize = 512;

/// A keyword of a detector at a place in the text. Sorts by detector, then by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// The detector's number.
    pub owner: u16,
    /// The byte offset at which the keyword begins.
    pub at: usize,
}

/// The keywords of all active detectors.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// The keywords of detectors that are no rows.
    index: GrowingIndex,
    /// The indexes of tables, each with the number of its first row among the detectors.
    tables: Vec<(KeywordIndex, u16)>,
    /// Keywords too short for an index. They are searched one after the other: no built-in detector has one.
    short: Vec<(&'static str, u16)>,
}

impl Prefilter {
    /// Indexes keywords with the number of the detector each belongs to, beside tables with the number of their first row. Past
    /// 65,534 keywords the rest are searched one after the other, slowly and correctly.
    pub(super) fn new(
        tables: impl Iterator<Item = (&'static dyn Rows, u16)>,
        keywords: impl Iterator<Item = (&'static str, u16)>,
    ) -> Self {
        let mut prefilter = Self { index: GrowingIndex::default(), tables: Vec::new(), short: Vec::new() };
        for (rows, first) in tables {
            match rows.index() {
                Some(index) => prefilter.tables.push((index, first)),
                None => prefilter.add((0..rows.count()).flat_map(|row| {
                    (0..).map_while(move |number| Some((rows.keyword(row, number)?, first + row)))
                })),
            }
        }
        prefilter.add(keywords.filter(|(keyword, _)| !keyword.is_empty()));
        prefilter
    }

    fn add(&mut self, keywords: impl Iterator<Item = (&'static str, u16)>) {
        for (keyword, owner) in keywords {
            if !self.index.add(keyword, owner) {
                self.short.push((keyword, owner));
            }
        }
    }

    /// Appends every place at which a keyword begins.
    pub(super) fn find(&self, text: &str, hits: &mut Vec<Hit>) {
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(block) =
            bytes.get(at..(at + BLOCK + 3).min(bytes.len())).filter(|block| block.len() > 3)
        {
            self.look(bytes, at, block, hits);
            at += block.len() - 3;
        }
        // Three bytes are left, or fewer: too few for the first filter.
        if at + 3 <= bytes.len() {
            self.confirm(bytes, at, hits);
        }
        for (keyword, owner) in &self.short {
            let (keyword, owner) = (keyword.as_bytes(), *owner);
            let places = bytes.windows(keyword.len().max(1)).enumerate();
            hits.extend(
                places
                    .filter(|(_, window)| window.eq_ignore_ascii_case(keyword))
                    .map(|(at, _)| Hit { owner, at }),
            );
        }
    }

    fn look(&self, bytes: &[u8], from: usize, block: &[u8], hits: &mut Vec<Hit>) {
        let mut seen = [0_u16; BLOCK];
        // One table is what there is but for programs with tables of their own.
        let count = match self.tables.as_slice() {
            [] => places(block, &mut seen, |four| self.index.may(four)),
            [(table, _)] => {
                let marks = table.marks();
                places(block, &mut seen, |four| self.index.may(four) | marks.at(four))
            }
            tables => places(block, &mut seen, |four| {
                self.index.may(four) || tables.iter().any(|(table, _)| table.marks().at(four))
            }),
        };
        for place in seen.iter().take(count) {
            let at = from + usize::from(*place);
            self.confirm(bytes, at, hits);
        }
    }

    fn confirm(&self, bytes: &[u8], at: usize, hits: &mut Vec<Hit>) {
        let head = head(bytes, at);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
        let four = head as u32;
        if self.index.may(four) {
            self.index.at(bytes, at, head, &mut |owner| hits.push(Hit { owner, at }));
        }
        for (index, first) in &self.tables {
            index.at(bytes, at, head, &mut |row| hits.push(Hit { owner: first + row, at }));
        }
    }
}

/// Writes down where four bytes pass a filter, and says how often they do.
#[inline]
fn places(block: &[u8], seen: &mut [u16; BLOCK], may: impl Fn(u32) -> bool) -> usize {
    let mut count = 0;
    for (window, place) in block.windows(4).zip(0_u16..) {
        let four = window.first_chunk().copied().map_or(0, u32::from_le_bytes);
        // There are no more places than the list has; the remainder spares the question.
        if let Some(next) = seen.get_mut(count % BLOCK) {
            *next = place;
        }
        count += usize::from(may(four));
    }
    count
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYWORDS: [&str; 9] =
        ["ghp_", "AKIA", "-----BEGIN", "key", "xoxb-", "éclair", "k", "Secret", "aaa"];

    fn found(text: &str) -> Vec<Hit> {
        let prefilter = Prefilter::new(std::iter::empty(), KEYWORDS.into_iter().zip(0..));
        let mut hits = Vec::new();
        prefilter.find(text, &mut hits);
        hits.sort_unstable();
        hits
    }

    fn plainly(text: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        for (keyword, owner) in KEYWORDS.into_iter().zip(0..) {
            for (at, window) in text.as_bytes().windows(keyword.len()).enumerate() {
                if window.eq_ignore_ascii_case(keyword.as_bytes()) {
                    hits.push(Hit { owner, at });
                }
            }
        }
        hits
    }

    #[test]
    fn finds_every_keyword_at_every_alignment_and_at_both_ends() {
        for padding in 0..17 {
            for keyword in KEYWORDS {
                let text = format!(
                    "{}{}{}",
                    " ".repeat(padding),
                    keyword.to_ascii_uppercase(),
                    " ".repeat(padding / 2)
                );
                assert_eq!(found(&text), plainly(&text), "{text:?}");
                assert!(found(&text).iter().any(|hit| hit.at == padding), "{text:?}");
            }
        }
    }

    #[test]
    fn nothing_in_texts_without_keywords() {
        for text in ["", "a", "gh", "no such thing", "gh_p", "----- BEGIN", "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}"]
        {
            assert_eq!(found(text), [], "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_plain_search(parts in prop::collection::vec(
            prop_oneof![Just("ghp_".to_owned()), Just("Key".to_owned()), Just("AAAA".to_owned()),
                        Just("sEcReT".to_owned()), Just("xoxb".to_owned()), "\\PC{0,5}"], 0..12)) {
            let text = parts.concat();
            prop_assert_eq!(found(&text), plainly(&text));
        }
    }
}
