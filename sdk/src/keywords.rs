//! The index of keywords by which a host finds out which detectors a text concerns.
//!
//! A table of 8,192 marks, numbered by a hash of a keyword's first three bytes, and chains of the keywords behind them. The index of
//! a [table](crate::Rows) is made by the compiler: a process that lives for a millisecond cannot pay for thousands of keywords.

/// How many marks there are, as a power of two.
const MARK_BITS: u32 = 13;
/// How many marks there are.
pub const MARKS: usize = 1 << MARK_BITS;
/// How many chains of entries there are, as a power of two. Marks whose numbers begin alike share one.
const CHAIN_BITS: u32 = 10;
/// How many chains there are.
pub const CHAINS: usize = 1 << CHAIN_BITS;
/// Two to the power of 32 divided by the golden ratio (Knuth's multiplicative hash), moved up by a byte: whatever stands
/// in the highest byte of what it multiplies has no part in the product, so four bytes hash as their first three.
const MULTIPLIER: u32 = 0x9E37_79B1 << 8;
/// Sets the bit in which ASCII letters differ by case. Other bytes lose a bit too, which costs a comparison and never
/// a hit.
const FOLD: u32 = 0x2020_2020;
/// The shortest keyword the index can hold, in bytes.
pub const SHORTEST: usize = 3;

/// The first three bytes of a keyword or a place, as the index compares them.
pub const fn gram(bytes: [u8; SHORTEST]) -> u32 {
    let [a, b, c] = bytes;
    u32::from_le_bytes([a, b, c, 0]) | FOLD
}

/// The numbers of a gram's mark and of its chain. The highest byte of a gram has no part in them.
pub const fn places_of(gram: u32) -> (usize, usize) {
    let hash = gram.wrapping_mul(MULTIPLIER);
    ((hash >> (u32::BITS - MARK_BITS)) as usize, (hash >> (u32::BITS - CHAIN_BITS)) as usize)
}

/// A keyword as a table lists it: where it begins in the table's text, its length, and its row.
pub type Keyword = (u32, u16, u16);

/// A keyword in an index.
#[derive(Debug, Clone, Copy)]
struct Entry {
    at: u32,
    length: u16,
    row: u16,
    /// See [`gram`].
    gram: u32,
    /// The next entry of the same chain, counted from 1; 0 ends the chain.
    next: u16,
}

/// The index of a table's keywords. Holds no pointer, so that the loader of the system has nothing to do for it.
#[derive(Debug)]
pub struct KeywordTable<const N: usize> {
    marks: [u8; MARKS],
    chains: [u16; CHAINS],
    entries: [Entry; N],
}

impl<const N: usize> KeywordTable<N> {
    /// Indexes keywords, each a piece of the text. For a `static`: what is wrong with a list is told by the compiler.
    ///
    /// # Panics
    ///
    /// If a keyword is shorter than [`SHORTEST`] or outside the text, or if there are more than 65,534.
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which stops at a panic")]
    #[expect(clippy::cast_possible_truncation, reason = "the number of keywords is asked about first")]
    pub const fn of(listed: &[Keyword; N], text: &str) -> Self {
        assert!(N < u16::MAX as usize, "too many keywords");
        let bytes = text.as_bytes();
        let nothing = Entry { at: 0, length: 0, row: 0, gram: 0, next: 0 };
        let mut table = Self { marks: [0; MARKS], chains: [0; CHAINS], entries: [nothing; N] };
        let mut number = 0;
        while number < N {
            let (at, length, row) = listed[number];
            assert!(length as usize >= SHORTEST, "a keyword is too short for the index");
            let begin = at as usize;
            assert!(begin + length as usize <= bytes.len(), "a keyword is outside the text");
            let gram = gram([bytes[begin], bytes[begin + 1], bytes[begin + 2]]);
            let (mark, chain) = places_of(gram);
            table.marks[mark] = 1;
            table.entries[number] = Entry { at, length, row, gram, next: table.chains[chain] };
            number += 1;
            table.chains[chain] = number as u16;
        }
        table
    }

    /// The index as a host uses it.
    pub const fn index(&'static self, text: &'static str) -> KeywordIndex {
        KeywordIndex { marks: &self.marks, chains: &self.chains, entries: &self.entries, text }
    }
}

/// The index of a table's keywords, whatever their number.
#[derive(Debug, Clone, Copy)]
pub struct KeywordIndex {
    marks: &'static [u8; MARKS],
    chains: &'static [u16; CHAINS],
    entries: &'static [Entry],
    text: &'static str,
}

impl KeywordIndex {
    /// Not zero where the first three bytes of a keyword lead.
    pub const fn marks(&self) -> &'static [u8; MARKS] {
        self.marks
    }

    /// Calls back with the row of each keyword that stands at a place whose gram this is, whatever its ASCII case.
    pub fn at(&self, bytes: &[u8], at: usize, gram: u32, found: &mut dyn FnMut(u16)) {
        let mut number = self.chains.get(places_of(gram).1).copied().unwrap_or(0);
        while let Some(entry) = usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index)) {
            if (entry.gram ^ gram) << 8 == 0 && stands(bytes, at, self.keyword(entry).as_bytes()) {
                found(entry.row);
            }
            number = entry.next;
        }
    }

    /// Every row with each of its keywords.
    pub fn keywords(&self) -> impl Iterator<Item = (u16, &'static str)> + use<'_> {
        self.entries.iter().map(|entry| (entry.row, self.keyword(entry)))
    }

    fn keyword(&self, entry: &Entry) -> &'static str {
        let begin = entry.at as usize;
        self.text.get(begin..begin + usize::from(entry.length)).unwrap_or_default()
    }
}

/// Whether a keyword stands at a place, whatever its ASCII case.
pub fn stands(bytes: &[u8], at: usize, keyword: &[u8]) -> bool {
    bytes.get(at..at + keyword.len()).is_some_and(|here| here.eq_ignore_ascii_case(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ghp_AKIAtoken";
    static TABLE: KeywordTable<4> = KeywordTable::of(&[(0, 4, 0), (4, 4, 1), (8, 5, 2), (8, 3, 3)], TEXT);

    fn rows(text: &str) -> Vec<u16> {
        let mut rows = Vec::new();
        if let Some(first) = text.as_bytes().first_chunk() {
            TABLE.index(TEXT).at(text.as_bytes(), 0, gram(*first), &mut |row| rows.push(row));
        }
        rows.sort_unstable();
        rows
    }

    #[test]
    fn keywords_are_found_whatever_their_case_and_only_whole() {
        assert_eq!(rows("ghp_x"), [0]);
        assert_eq!(rows("akia"), [1]);
        assert_eq!(rows("TOKEN="), [2, 3]);
        assert_eq!(rows("toke"), [3]);
        assert!(rows("ghp").is_empty() && rows("no").is_empty() && rows("other").is_empty());
    }

    #[test]
    fn every_keyword_is_listed_with_its_row() {
        let mut all: Vec<_> = TABLE.index(TEXT).keywords().collect();
        all.sort_unstable();
        assert_eq!(all, [(0, "ghp_"), (1, "AKIA"), (2, "token"), (3, "tok")]);
    }
}
