//! One pass over a text that finds where any detector's keyword begins, whatever its ASCII case.
//!
//! A hook lives for a millisecond, so the index has to cost next to nothing to build: a table of 4,096 slots, keyed by
//! a hash of a keyword's first three bytes, with the keywords of one slot chained. An automaton reads no faster on the
//! short texts of a tool call and takes a thousand times longer to make.

/// The table has two to this power slots: 8 KiB, with a few hundred keywords one slot in ten taken.
const SLOT_BITS: u32 = 12;
const SLOTS: usize = 1 << SLOT_BITS;
/// Two to the power of 32 divided by the golden ratio: Knuth's multiplicative hash.
const MULTIPLIER: u32 = 0x9E37_79B1;
/// Sets the bit in which ASCII letters differ by case, in three bytes above an empty one. Other bytes lose a bit too,
/// which costs a comparison and never a hit.
const FOLD: u32 = 0x2020_2000;
/// The shortest keyword the table can hold.
const GRAM: usize = 3;
/// How many positions are looked at between two branches.
const STEP: usize = 4;

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
    keyword: &'static [u8],
    gram: u32,
    owner: u16,
    /// The next entry of the same slot, counted from 1; 0 ends the chain.
    next: u16,
}

/// The keywords of all active detectors.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// The first entry of each slot, counted from 1; 0 where there is none.
    slots: Box<[u16; SLOTS]>,
    entries: Vec<Entry>,
    /// Keywords too short for the table. They are searched one after the other: no built-in detector has one.
    short: Vec<(&'static [u8], u16)>,
}

impl Prefilter {
    /// Indexes keywords with the number of the detector each belongs to. Past 65,534 keywords the rest are searched
    /// one after the other, slowly and correctly.
    pub(super) fn new(keywords: impl Iterator<Item = (&'static str, u16)>) -> Self {
        let mut prefilter =
            Self { slots: Box::new([0; SLOTS]), entries: Vec::with_capacity(512), short: Vec::new() };
        for (keyword, owner) in keywords {
            let keyword = keyword.as_bytes();
            let number = u16::try_from(prefilter.entries.len() + 1).ok().filter(|&number| number != u16::MAX);
            let (Some(&[a, b, c]), Some(number)) = (keyword.first_chunk::<GRAM>(), number) else {
                prefilter.short.push((keyword, owner));
                continue;
            };
            let gram = u32::from_le_bytes([0, a, b, c]) | FOLD;
            if let Some(slot) = prefilter.slots.get_mut(slot_of(gram)) {
                prefilter.entries.push(Entry { keyword, gram, owner, next: *slot });
                *slot = number;
            }
        }
        prefilter
    }

    /// Appends every place at which a keyword begins.
    pub(super) fn find(&self, text: &str, hits: &mut Vec<Hit>) {
        let bytes = text.as_bytes();
        let mut at = 0;
        // Eight bytes hold six places to begin; four are used so that the step is a power of two.
        while let Some(window) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let low = u64::from_le_bytes(*window) | 0x2020_2020_2020_2020;
            let grams = [gram(low << 8), gram(low), gram(low >> 8), gram(low >> 16)];
            let heads = grams.map(|gram| self.head(gram));
            if heads.iter().fold(0, |all, head| all | head) != 0 {
                for (offset, (gram, head)) in grams.into_iter().zip(heads).enumerate() {
                    self.confirm(bytes, at + offset, gram, head, hits);
                }
            }
            at += STEP;
        }
        while let Some(&[a, b, c]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<GRAM>) {
            let gram = u32::from_le_bytes([0, a, b, c]) | FOLD;
            self.confirm(bytes, at, gram, self.head(gram), hits);
            at += 1;
        }
        for &(keyword, owner) in &self.short {
            let places = bytes.windows(keyword.len().max(1)).enumerate();
            hits.extend(
                places
                    .filter(|(_, window)| window.eq_ignore_ascii_case(keyword))
                    .map(|(at, _)| Hit { owner, at }),
            );
        }
    }

    fn head(&self, gram: u32) -> u16 {
        self.slots.get(slot_of(gram)).copied().unwrap_or(0)
    }

    fn confirm(&self, bytes: &[u8], at: usize, gram: u32, head: u16, hits: &mut Vec<Hit>) {
        let mut number = head;
        while let Some(entry) = usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index)) {
            if entry.gram == gram
                && bytes
                    .get(at..at + entry.keyword.len())
                    .is_some_and(|here| here.eq_ignore_ascii_case(entry.keyword))
            {
                hits.push(Hit { owner: entry.owner, at });
            }
            number = entry.next;
        }
    }
}

/// Three bytes above an empty one.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
const fn gram(bytes: u64) -> u32 {
    bytes as u32 & 0xFFFF_FF00
}

const fn slot_of(gram: u32) -> usize {
    (gram.wrapping_mul(MULTIPLIER) >> (u32::BITS - SLOT_BITS)) as usize
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
