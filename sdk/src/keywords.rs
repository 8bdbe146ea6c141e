//! The index of keywords by which a host finds out which detectors a text concerns.
//!
//! Three filters, each asked about what the one before let through: a byte for a hash of a keyword's first three bytes, with a bit
//! for each kind of fourth byte; two bits for a hash of the first eight, or of the first six, four or three of shorter keywords,
//! each in a table of its own, so that most places are asked about one; chains of the keywords behind them, of which only those are
//! followed whose bits were set. The index of a
//! [table](crate::Rows) is made by the compiler: a process that lives for a millisecond cannot pay for thousands of keywords.

mod bits;
mod growing;
mod together;

pub use bits::{all_or_nothing, bits};
pub use growing::GrowingIndex;
pub use together::{BLOCK, Together};

/// How many bytes the first filter has and each of the two tables of the second one, as a power of two.
const FILTER_BITS: u32 = 14;
/// How many chains of entries there are, as a power of two.
const CHAIN_BITS: u32 = 12;
/// How many chains there are.
pub const CHAINS: usize = 1 << CHAIN_BITS;
/// For the number of three bytes: what the first two and the third are multiplied with. Chosen of a few by how much ordinary text the
/// first filter lets through.
const MULTIPLIERS: (u16, u16) = (0x9E37, 0x6A4D);
/// Sets the bit in which ASCII letters differ by case. Other bytes lose a bit too, which costs a comparison and never
/// a hit.
const FOLD: u16 = 0x2020;
const FOLD_ALL: u64 = 0x2020_2020_2020_2020;
/// The shortest keyword the index can hold, in bytes.
pub const SHORTEST: usize = 3;

/// How many of a keyword's first bytes may count in the second filter and in the chains. Of the first six many are those of ordinary
/// words: `github`, `stream`, `defaul`.
const LENGTHS: [usize; 4] = [8, 6, 4, 3];

/// The first eight bytes of what begins at a place, folded; zeros where the text ends.
#[inline]
pub fn head(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    let eight = rest.first_chunk().copied().unwrap_or_else(|| {
        let mut eight = [0; 8];
        rest.iter().zip(&mut eight).for_each(|(byte, to)| *to = *byte);
        eight
    });
    u64::from_le_bytes(eight) | FOLD_ALL
}

/// The same of a keyword, for the compiler.
#[expect(clippy::indexing_slicing, reason = "in the bounds of its loop")]
const fn head_of(keyword: &[u8]) -> u64 {
    let mut eight = [0; 8];
    let mut at = 0;
    while at < keyword.len() && at < eight.len() {
        eight[at] = keyword[at];
        at += 1;
    }
    u64::from_le_bytes(eight) | FOLD_ALL
}

/// A number for so many first bytes.
const fn code(head: u64, length: usize) -> u32 {
    let mask = u64::MAX >> (64 - 8 * length);
    // Two to the power of 64 divided by the golden ratio (Knuth's multiplicative hash).
    ((head & mask).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The number of a keyword.
const fn code_of(keyword: &[u8]) -> u32 {
    code(head_of(keyword), counting(keyword.len()))
}

/// Whether the first bytes of a keyword of a length are those of a place, but for what folding confuses, and so many of them count.
/// Eight bytes are compared at once before the rest is looked at.
const fn alike(keyword: u64, head: u64, length: usize, counted: usize) -> bool {
    let begin = if length < 8 { length } else { 8 };
    (keyword ^ head) << (64 - 8 * begin) == 0 && counting(length) == counted
}

/// How many of the first bytes count, of a keyword of a length.
#[expect(clippy::indexing_slicing, reason = "the numbers are those of the list")]
const fn counting(length: usize) -> usize {
    LENGTHS[number_of(length)]
}

/// Which of [`LENGTHS`] that is.
const fn number_of(length: usize) -> usize {
    match length {
        ..=3 => 3,
        4 | 5 => 2,
        6 | 7 => 1,
        _ => 0,
    }
}

/// The number of the chain in which keywords with such a number are, of so many (as a power of two).
const fn chain(code: u32, bits: u32) -> usize {
    (code >> (u32::BITS - bits)) as usize
}

/// Where in the first filter three bytes are, the first one lowest.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
const fn first(three: u32) -> usize {
    (product_of(three as u16, (three >> 16 & 0xff) as u16) >> PRODUCT) as usize
}

/// How many bits the product of three bytes has too many for the first filter.
const PRODUCT: u32 = u16::BITS - FILTER_BITS;

/// A number for the first two bytes and the third. Of sixteen bits, because the compiler makes eight of them at once.
#[inline]
const fn product_of(two: u16, third: u16) -> u16 {
    let (one, other) = MULTIPLIERS;
    (two | FOLD).wrapping_mul(one).wrapping_add((third | FOLD & 0xff).wrapping_mul(other))
}

/// Whether a word may begin at a place: no letter and no digit stands before it, or one that is the end of an escape (`\n`, `%3D`,
/// `\x3d`, `\u003d`).
#[inline]
pub fn begins(bytes: &[u8], at: usize) -> bool {
    let last = at.checked_sub(1).and_then(|at| bytes.get(at));
    last.is_none_or(|last| !last.is_ascii_alphanumeric()) || escaped(bytes, at)
}

/// Whether an escape ends before a place.
fn escaped(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let six = before.last_chunk().copied().unwrap_or_else(|| {
        let mut six = [0; 6];
        six.iter_mut().rev().zip(before.iter().rev()).for_each(|(to, byte)| *to = *byte);
        six
    });
    let hexadecimal = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    match six {
        [.., b'\\', last] => matches!(last, b'n' | b't' | b'r'),
        [.., b'%', a, b] | [.., b'\\', b'x', a, b] => hexadecimal(&[a, b]),
        [b'\\', b'u', a, b, c, d] => hexadecimal(&[a, b, c, d]),
        _ => false,
    }
}

/// One table of a filter.
type Filter = [u8; 1 << FILTER_BITS];
const NOTHING: Filter = [0; 1 << FILTER_BITS];

/// Where keywords may begin: the first filter, and the two tables of the second one with a bit for each of the lengths that count.
type Filters = [Filter; 3];

/// The bit of a byte, whatever its case. Looked up: to shift by a number costs more.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in the bounds of its loop")]
static BITS: [u8; 256] = {
    let mut bits = [0; 256];
    let mut byte = 0;
    while byte < bits.len() {
        bits[byte] = 1 << (byte & 7);
        byte += 1;
    }
    bits
};

/// What a keyword of a length sets in a first filter: the bit of its fourth byte, or all where any byte may follow.
const fn mark(head: u64, length: usize) -> u8 {
    if length > SHORTEST { 1 << (head >> 24 & 7) } else { u8::MAX }
}

/// Whether a mark of a first filter lets four bytes through, the first one lowest.
#[inline]
fn passes(mark: Option<&u8>, four: u32) -> bool {
    let bit = BITS.get((four >> 24) as usize).copied().unwrap_or(0);
    mark.copied().unwrap_or(0) & bit != 0
}

/// Lets a keyword through.
#[expect(clippy::indexing_slicing, reason = "shifts and a mask keep the numbers in the bounds of the arrays")]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
const fn let_through(filters: &mut Filters, keyword: &[u8]) {
    let head = head_of(keyword);
    filters[0][first(head as u32)] |= mark(head, keyword.len());
    let number = number_of(keyword.len());
    let code = code(head, LENGTHS[number]);
    filters[1][second(code, 1)] |= 1 << number;
    filters[2][second(code, 2)] |= 1 << number;
}

/// Of which lengths one of the second filter's tables, the first or the second, has keywords that may stand at a place. `head` is what
/// [`head`] says of it.
#[inline]
fn lengths_in(filters: &Filters, table: u32, head: u64) -> u8 {
    let Some(bits) = filters.get(table as usize) else { return 0 };
    let of = |number: usize, length: usize| {
        bits.get(second(code(head, length), table)).copied().unwrap_or(0) & 1 << number
    };
    LENGTHS.into_iter().enumerate().fold(0, |all, (number, length)| all | of(number, length))
}

/// Of which lengths both have.
#[inline]
fn lengths(filters: &Filters, head: u64) -> Lengths {
    match lengths_in(filters, 1, head) {
        0 => Lengths(0),
        lengths => Lengths(lengths & lengths_in(filters, 2, head)),
    }
}

/// Where in a table of the second filter a number is: by its highest bits in the first, by those below them in the second.
const fn second(code: u32, table: u32) -> usize {
    (code << (FILTER_BITS * (table - 1)) >> (u32::BITS - FILTER_BITS)) as usize
}

/// Keywords of which lengths may stand at a place: a bit for each of the lengths that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths(u8);

impl Lengths {
    /// Of all lengths, where no filter was asked.
    pub const ALL: Self = Self((1 << LENGTHS.len()) - 1);

    /// Of none.
    pub const NONE: Self = Self(0);

    /// Whether none may.
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// As a number below 16, of which [`Lengths::of`] makes them again.
    #[inline]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The lengths with this number.
    #[inline]
    pub const fn of(number: u8) -> Self {
        Self(number & Self::ALL.0)
    }

    /// How many bytes count, of each of these lengths.
    fn counted(self) -> impl Iterator<Item = usize> {
        LENGTHS
            .into_iter()
            .enumerate()
            .filter(move |(number, _)| self.0 >> number & 1 == 1)
            .map(|(_, length)| length)
    }
}

/// A keyword as a table lists it: where it begins in the table's text, its length, its row, and whether it counts anywhere or only
/// where a word [begins].
pub type Keyword = (u32, u16, u16, bool);

/// A keyword in an index.
#[derive(Debug, Clone, Copy)]
struct Entry {
    at: u32,
    length: u16,
    row: u16,
    anywhere: bool,
    /// Its first bytes as [`head`] says them.
    head: u64,
    /// The next entry of the same chain, counted from 1; 0 ends the chain.
    next: u16,
}

/// The index of a table's keywords. Holds no pointer, so that the loader of the system has nothing to do for it.
#[derive(Debug)]
pub struct KeywordTable<const N: usize> {
    filters: Filters,
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
    #[expect(clippy::large_stack_arrays, reason = "evaluated by the compiler")]
    pub const fn of(listed: &[Keyword; N], text: &str) -> Self {
        assert!(N < u16::MAX as usize, "too many keywords");
        let bytes = text.as_bytes();
        let nothing = Entry { at: 0, length: 0, row: 0, anywhere: false, head: 0, next: 0 };
        let mut table = Self { filters: [NOTHING; 3], chains: [0; CHAINS], entries: [nothing; N] };
        let mut number = 0;
        while number < N {
            let (at, length, row, anywhere) = listed[number];
            assert!(length as usize >= SHORTEST, "a keyword is too short for the index");
            let begin = at as usize;
            assert!(begin + length as usize <= bytes.len(), "a keyword is outside the text");
            let (_, keyword) = bytes.split_at(begin);
            let (keyword, _) = keyword.split_at(length as usize);
            let chain = chain(code_of(keyword), CHAIN_BITS);
            let head = head_of(keyword);
            let_through(&mut table.filters, keyword);
            table.entries[number] = Entry { at, length, row, anywhere, head, next: table.chains[chain] };
            number += 1;
            table.chains[chain] = number as u16;
        }
        table
    }

    /// The same with a filter that lets through other keywords too: a host that has no others but these and the table's needs no filter
    /// of its own.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, in the bounds of its loops")]
    pub const fn and_let_through(mut self, others: &[&[&str]]) -> Self {
        let mut list = 0;
        while list < others.len() {
            let mut number = 0;
            while number < others[list].len() {
                let_through(&mut self.filters, others[list][number].as_bytes());
                number += 1;
            }
            list += 1;
        }
        self
    }

    /// The index as a host uses it.
    pub const fn index(&'static self, text: &'static str) -> KeywordIndex {
        KeywordIndex { filters: &self.filters, chains: &self.chains, entries: &self.entries, text }
    }
}

/// The index of a table's keywords, whatever their number.
#[derive(Debug, Clone, Copy)]
pub struct KeywordIndex {
    filters: &'static Filters,
    chains: &'static [u16; CHAINS],
    entries: &'static [Entry],
    text: &'static str,
}

impl KeywordIndex {
    /// Whether one of its keywords may begin with these four bytes, the first one lowest. Quick, and wrong for one place in twenty.
    #[inline]
    pub fn may(&self, four: u32) -> bool {
        let [first_filter, ..] = self.filters;
        passes(first_filter.get(first(four)), four)
    }

    /// Of which lengths its keywords may stand at a place. `head` is what [`head`] says of it.
    #[inline]
    pub fn lengths(&self, head: u64) -> Lengths {
        lengths(self.filters, head)
    }

    /// Whether its filters let a keyword through wherever it stands.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
    pub fn lets_through(&self, keyword: &str) -> bool {
        let bytes = keyword.as_bytes();
        let (head, number) = (head_of(bytes), number_of(bytes.len()));
        let [first_filter, ..] = self.filters;
        let (set, wanted) = (first_filter.get(first(head as u32)), mark(head, bytes.len()));
        // What stands behind a short keyword is any byte, and no part of its number.
        set.is_some_and(|set| set & wanted == wanted) && lengths(self.filters, head).0 >> number & 1 == 1
    }

    /// Calls back with the row of each keyword of these lengths that stands at a place and counts there, whatever its ASCII case.
    /// `head` is what [`head`] says of the place.
    pub fn at(&self, bytes: &[u8], at: usize, head: u64, lengths: Lengths, found: &mut dyn FnMut(u16)) {
        for counted in lengths.counted() {
            let mut number = self.chains.get(chain(code(head, counted), CHAIN_BITS)).copied().unwrap_or(0);
            while let Some(entry) =
                usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index))
            {
                if alike(entry.head, head, usize::from(entry.length), counted)
                    && stands(bytes, at, self.keyword(entry).as_bytes())
                    && (entry.anywhere || begins(bytes, at))
                {
                    found(entry.row);
                }
                number = entry.next;
            }
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

/// Whether a keyword stands at a place, whatever its ASCII case. Most are told apart by their first letter.
pub fn stands(bytes: &[u8], at: usize, keyword: &[u8]) -> bool {
    bytes.get(at..at + keyword.len()).is_some_and(|here| {
        here.first().zip(keyword.first()).is_none_or(|(here, first)| (here ^ first) & !0x20 == 0)
            && here.eq_ignore_ascii_case(keyword)
    })
}

#[cfg(test)]
mod tests;
