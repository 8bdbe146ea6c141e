//! One pass over a text that finds where any detector's keyword begins, whatever its ASCII case.
//!
//! A hook lives for a millisecond, so the index has to cost next to nothing to build: see [`keywords`]. That of a table of
//! detectors was made by the compiler and is taken as it is; the keywords of all others are added beside it. An automaton reads no
//! faster on the short texts of a tool call and takes a thousand times longer to make.

use agentfirewall_sdk::Rows;
use agentfirewall_sdk::keywords::{self, CHAINS, KeywordIndex, MARKS, SHORTEST, places_of, stands};

/// How many positions are looked at between two branches.
const STEP: usize = 6;

/// A keyword of a detector at a place in the text. Sorts by detector, then by place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    /// The detector's number.
    pub owner: u16,
    /// The byte offset at which the keyword begins.
    pub at: usize,
}

#[derive(Debug)]
struct Entry {
    keyword: &'static str,
    gram: u32,
    owner: u16,
    /// The next entry of the same chain, counted from 1; 0 ends the chain.
    next: u16,
}

/// The keywords of all active detectors.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// Not zero where a keyword's first three bytes lead: all that is read of most texts.
    marks: Box<[u8; MARKS]>,
    /// The first entry of each chain, counted from 1; 0 where there is none.
    chains: [u16; CHAINS],
    entries: Vec<Entry>,
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
        // Memory that the system hands out zeroed is not written again.
        let marks = vec![0; MARKS].into_boxed_slice().try_into().unwrap_or_else(|_| Box::new([0; MARKS]));
        let mut prefilter = Self {
            marks,
            chains: [0; CHAINS],
            entries: Vec::with_capacity(128),
            tables: Vec::new(),
            short: Vec::new(),
        };
        for (rows, first) in tables {
            match rows.index() {
                Some(index) => prefilter.take(index, first),
                None => prefilter.add((0..rows.count()).flat_map(|row| {
                    (0..).map_while(move |number| Some((rows.keyword(row, number)?, first + row)))
                })),
            }
        }
        prefilter.add(keywords.filter(|(keyword, _)| !keyword.is_empty()));
        prefilter
    }

    fn take(&mut self, index: KeywordIndex, first: u16) {
        if self.tables.is_empty() {
            *self.marks = *index.marks();
        } else {
            for (mark, other) in self.marks.iter_mut().zip(index.marks()) {
                *mark |= other;
            }
        }
        self.tables.push((index, first));
    }

    fn add(&mut self, keywords: impl Iterator<Item = (&'static str, u16)>) {
        for (keyword, owner) in keywords {
            let number = u16::try_from(self.entries.len() + 1).ok().filter(|&number| number != u16::MAX);
            let (Some(start), Some(number)) = (keyword.as_bytes().first_chunk::<SHORTEST>(), number) else {
                self.short.push((keyword, owner));
                continue;
            };
            let gram = keywords::gram(*start);
            let (mark, chain) = places_of(gram);
            if let (Some(mark), Some(first)) = (self.marks.get_mut(mark), self.chains.get_mut(chain)) {
                *mark = 1;
                self.entries.push(Entry { keyword, gram, owner, next: *first });
                *first = number;
            }
        }
    }

    /// Appends every place at which a keyword begins.
    pub(super) fn find(&self, text: &str, hits: &mut Vec<Hit>) {
        let bytes = text.as_bytes();
        let mut at = 0;
        // Eight bytes hold six places to begin.
        while let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let folded = u64::from_le_bytes(*window) | 0x2020_2020_2020_2020;
            let grams = [0, 8, 16, 24, 32, 40].map(|shift| gram(folded >> shift));
            if grams.iter().fold(0, |any, gram| any | self.mark(*gram)) != 0 {
                self.confirm_all(bytes, at, folded, hits);
            }
            at += STEP;
        }
        while let Some(start) = bytes.get(at..).and_then(<[u8]>::first_chunk::<SHORTEST>) {
            let gram = keywords::gram(*start);
            if self.mark(gram) != 0 {
                self.confirm(bytes, at, gram, hits);
            }
            at += 1;
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

    fn mark(&self, gram: u32) -> u8 {
        self.marks.get(places_of(gram).0).copied().unwrap_or(0)
    }

    /// Out of line, so that the loop above keeps everything in registers.
    #[inline(never)]
    fn confirm_all(&self, bytes: &[u8], at: usize, folded: u64, hits: &mut Vec<Hit>) {
        for offset in 0..STEP {
            let gram = gram(folded >> (8 * offset));
            if self.mark(gram) != 0 {
                self.confirm(bytes, at + offset, gram, hits);
            }
        }
    }

    fn confirm(&self, bytes: &[u8], at: usize, gram: u32, hits: &mut Vec<Hit>) {
        let mut number = self.chains.get(places_of(gram).1).copied().unwrap_or(0);
        while let Some(entry) = usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index)) {
            if (entry.gram ^ gram) << 8 == 0 && stands(bytes, at, entry.keyword.as_bytes()) {
                hits.push(Hit { owner: entry.owner, at });
            }
            number = entry.next;
        }
        for (index, first) in &self.tables {
            index.at(bytes, at, gram, &mut |row| hits.push(Hit { owner: first + row, at }));
        }
    }
}

/// The four bytes that begin here; the last one counts for nothing.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
const fn gram(bytes: u64) -> u32 {
    bytes as u32
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
