//! One pass over a text that finds where any detector's keyword begins, whatever its ASCII case.
//!
//! A hook lives for a millisecond, so the index has to cost next to nothing to build: a table of 8,192 marks,
//! numbered by a hash of a keyword's first three bytes, and chains of the keywords behind them. An automaton reads no faster on the
//! short texts of a tool call and takes a thousand times longer to make.

/// How many marks there are, as a power of two: 8 KiB, with a few hundred keywords one in thirty set.
const MARK_BITS: u32 = 13;
const MARKS: usize = 1 << MARK_BITS;
/// How many chains of entries there are, as a power of two. Marks whose numbers begin alike share one.
const CHAIN_BITS: u32 = 10;
const CHAINS: usize = 1 << CHAIN_BITS;
/// Two to the power of 32 divided by the golden ratio (Knuth's multiplicative hash), moved up by a byte: whatever stands
/// in the highest byte of what it multiplies has no part in the product, so four bytes hash as their first three.
const MULTIPLIER: u32 = 0x9E37_79B1 << 8;
/// Sets the bit in which ASCII letters differ by case. Other bytes lose a bit too, which costs a comparison and never
/// a hit.
const FOLD: u32 = 0x2020_2020;
/// The shortest keyword the table can hold.
const GRAM: usize = 3;
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
    /// Keywords too short for the table. They are searched one after the other: no built-in detector has one.
    short: Vec<(&'static str, u16)>,
}

impl Prefilter {
    /// Indexes keywords with the number of the detector each belongs to. Past 65,534 keywords the rest are searched
    /// one after the other, slowly and correctly.
    pub(super) fn new(keywords: impl Iterator<Item = (&'static str, u16)>) -> Self {
        // Memory that the system hands out zeroed is not written again.
        let marks = vec![0; MARKS].into_boxed_slice().try_into().unwrap_or_else(|_| Box::new([0; MARKS]));
        let mut prefilter =
            Self { marks, chains: [0; CHAINS], entries: Vec::with_capacity(512), short: Vec::new() };
        for (keyword, owner) in keywords {
            let number = u16::try_from(prefilter.entries.len() + 1).ok().filter(|&number| number != u16::MAX);
            let (Some(&[a, b, c]), Some(number)) = (keyword.as_bytes().first_chunk::<GRAM>(), number) else {
                prefilter.short.push((keyword, owner));
                continue;
            };
            let gram = u32::from_le_bytes([a, b, c, 0]) | FOLD;
            let (mark, chain) = places_of(gram);
            if let (Some(mark), Some(first)) =
                (prefilter.marks.get_mut(mark), prefilter.chains.get_mut(chain))
            {
                *mark = 1;
                prefilter.entries.push(Entry { keyword, gram, owner, next: *first });
                *first = number;
            }
        }
        prefilter
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
        while let Some(&[a, b, c]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<GRAM>) {
            let gram = u32::from_le_bytes([a, b, c, 0]) | FOLD;
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
            if (entry.gram ^ gram) << 8 == 0
                && bytes
                    .get(at..at + entry.keyword.len())
                    .is_some_and(|here| here.eq_ignore_ascii_case(entry.keyword.as_bytes()))
            {
                hits.push(Hit { owner: entry.owner, at });
            }
            number = entry.next;
        }
    }
}

/// The four bytes that begin here; the last one counts for nothing.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
const fn gram(bytes: u64) -> u32 {
    bytes as u32
}

/// The numbers of the mark and of the chain.
const fn places_of(gram: u32) -> (usize, usize) {
    let hash = gram.wrapping_mul(MULTIPLIER);
    ((hash >> (u32::BITS - MARK_BITS)) as usize, (hash >> (u32::BITS - CHAIN_BITS)) as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYWORDS: [&str; 9] =
        ["ghp_", "AKIA", "-----BEGIN", "key", "xoxb-", "éclair", "k", "Secret", "aaa"];

    fn found(text: &str) -> Vec<Hit> {
        let prefilter = Prefilter::new(KEYWORDS.into_iter().zip(0..));
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
