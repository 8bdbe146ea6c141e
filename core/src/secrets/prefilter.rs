//! One pass over a text that finds where any detector's keyword begins, whatever its ASCII case.
//!
//! A hook lives for a millisecond, so the index has to cost next to nothing to build: see [`agentfirewall_sdk::keywords`]. That
//! of a table of detectors was made by the compiler and is taken as it is; the keywords of all others are added beside it. A text
//! that is long enough pays for one filter of both. An automaton reads no faster and takes a thousand times longer to make.

use std::sync::OnceLock;

use agentfirewall_sdk::Rows;
use agentfirewall_sdk::keywords::{BLOCK, GrowingIndex, KeywordIndex, Lengths, Together, head};

use super::places::{CHUNK, CHUNK_BITS, Places};

/// From this length on (in bytes) a text pays for one filter of all keywords.
const LONG: usize = 4096;

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
    /// The filter of all of them for long texts, made for the first one.
    together: OnceLock<Together>,
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
        let mut prefilter = Self {
            index: GrowingIndex::default(),
            tables: Vec::new(),
            together: OnceLock::new(),
            short: Vec::new(),
        };
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
        let make = || Together::of(self.tables.iter().map(|(table, _)| table), &self.index);
        let together =
            if bytes.len() < LONG { self.together.get() } else { Some(self.together.get_or_init(make)) };
        let mut at = together.map_or(0, |together| self.find_together(together, bytes, hits));
        let mut places = Places::none();
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() > 3) {
            self.look(rest, &mut places);
            for place in places.iter() {
                let at = at + usize::from(place);
                self.confirm(bytes, at, head(bytes, at), hits);
            }
            at += CHUNK;
        }
        // At the last place three bytes are left: too few for the first filter.
        if let Some(last) = bytes.len().checked_sub(3) {
            self.confirm(bytes, last, head(bytes, last), hits);
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

    /// Looks at a text as far as whole blocks go, and says how far that is.
    fn find_together(&self, together: &Together, bytes: &[u8], hits: &mut Vec<Hit>) -> usize {
        let mut at = 0;
        let mut places = Places::none();
        loop {
            let begin = at;
            places.clear();
            while at < begin + CHUNK
                && let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<{ BLOCK + 4 }>)
            {
                for (odd, bits) in together.places(block).into_iter().enumerate() {
                    places.add(bits, at - begin + odd, 2);
                }
                at += BLOCK;
            }
            if at == begin {
                return at;
            }
            places.sift(|place| (place, together.may(head(bytes, begin + usize::from(place)))));
            places.sift(|place| {
                let lengths = together.lengths(head(bytes, begin + usize::from(place)));
                (place | u16::from(lengths.number()) << CHUNK_BITS, !lengths.is_none())
            });
            for place in places.iter() {
                let at = begin + usize::from(place) % CHUNK;
                let (head, lengths) = (head(bytes, at), Lengths::of((place >> CHUNK_BITS) as u8));
                self.here(bytes, at, head, lengths, |_| lengths, hits);
            }
        }
    }

    /// Where in the next block something may begin, asked of each index.
    fn look(&self, rest: &[u8], found: &mut Places) {
        let block = rest.get(..CHUNK + 3).unwrap_or(rest);
        let fours = block.windows(4).map(|four| four.first_chunk().copied().map_or(0, u32::from_le_bytes));
        // One table is what there is but for programs with tables of their own.
        match self.tables.as_slice() {
            [] => found.take(fours.map(|four| self.index.may(four))),
            [(table, _)] => found.take(fours.map(|four| self.index.may(four) | table.may(four))),
            tables => found.take(
                fours.map(|four| self.index.may(four) || tables.iter().any(|(table, _)| table.may(four))),
            ),
        }
    }

    fn confirm(&self, bytes: &[u8], at: usize, head: u64, hits: &mut Vec<Hit>) {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
        let own = if self.index.may(head as u32) { Lengths::ALL } else { Lengths::NONE };
        self.here(bytes, at, head, own, |table| table.lengths(head), hits);
    }

    /// Appends the keywords that stand at a place, of the lengths that filters let through.
    fn here(
        &self,
        bytes: &[u8],
        at: usize,
        head: u64,
        own: Lengths,
        of: impl Fn(&KeywordIndex) -> Lengths,
        hits: &mut Vec<Hit>,
    ) {
        self.index.at(bytes, at, head, own, &mut |owner| hits.push(Hit { owner, at }));
        for (table, first) in &self.tables {
            table.at(bytes, at, head, of(table), &mut |row| hits.push(Hit { owner: first + row, at }));
        }
    }
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
        /// Long texts go through the filter of all keywords.
        #[test]
        fn a_long_text_is_searched_as_a_short_one(parts in prop::collection::vec(
            prop_oneof![Just("ghp_".to_owned()), Just("Key".to_owned()), Just("akIa".to_owned()),
                        Just("-----BEGIN".to_owned()), "[a-z \\n=\"]{0,90}", "\\PC{0,5}"], 40..80)) {
            let text = parts.concat().repeat(1 + LONG / 600);
            prop_assert_eq!(found(&text), plainly(&text));
        }

        #[test]
        fn agrees_with_a_plain_search(parts in prop::collection::vec(
            prop_oneof![Just("ghp_".to_owned()), Just("Key".to_owned()), Just("AAAA".to_owned()),
                        Just("sEcReT".to_owned()), Just("xoxb".to_owned()), "\\PC{0,5}"], 0..12)) {
            let text = parts.concat();
            prop_assert_eq!(found(&text), plainly(&text));
        }
    }
}
