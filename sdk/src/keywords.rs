//! The index of keywords by which a host finds out which detectors a text concerns.
//!
//! Three filters, each asked about what the one before let through: a byte for a hash of a keyword's first three bytes, with a bit
//! for each kind of fourth byte; two bits for a hash of the first eight, or of the first six, four or three of shorter keywords,
//! each in a table of its own, so that most places are asked about one; chains of the keywords behind them, of which only those are
//! followed whose bits were set. The index of a
//! [table](crate::Rows) is made by the compiler: a process that lives for a millisecond cannot pay for thousands of keywords.

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

/// Whether the first bytes of a keyword of a length are those of a place, but for what folding confuses. Eight bytes are compared at
/// once before the rest is looked at.
const fn alike(keyword: u64, head: u64, length: usize) -> bool {
    let length = if length < 8 { length } else { 8 };
    (keyword ^ head) << (64 - 8 * length) == 0
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

/// Where keywords may begin: the first filter, and the two tables of the second one with a bit for each of [`LENGTHS`].
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

/// Lets a keyword through.
#[expect(clippy::indexing_slicing, reason = "shifts and a mask keep the numbers in the bounds of the arrays")]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
const fn let_through(filters: &mut Filters, keyword: &[u8]) {
    let four = head_of(keyword) as u32;
    filters[0][first(four)] |= if keyword.len() > SHORTEST { 1 << (four >> 24 & 7) } else { u8::MAX };
    let number = number_of(keyword.len());
    let code = code(head_of(keyword), LENGTHS[number]);
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

/// Keywords of which lengths may stand at a place: a bit for each of [`LENGTHS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths(u8);

impl Lengths {
    /// Of all lengths, where no filter was asked.
    pub const ALL: Self = Self((1 << LENGTHS.len()) - 1);

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
        let mut table =
            Self { filters: [[0; 1 << FILTER_BITS]; 3], chains: [0; CHAINS], entries: [nothing; N] };
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
        let mark = first_filter.get(first(four)).copied().unwrap_or(0);
        let bit = BITS.get((four >> 24) as usize).copied().unwrap_or(0);
        mark & bit != 0
    }

    /// Of which lengths its keywords may stand at a place. `head` is what [`head`] says of it.
    #[inline]
    pub fn lengths(&self, head: u64) -> Lengths {
        lengths(self.filters, head)
    }

    /// Calls back with the row of each keyword of these lengths that stands at a place and counts there, whatever its ASCII case.
    /// `head` is what [`head`] says of the place.
    pub fn at(&self, bytes: &[u8], at: usize, head: u64, lengths: Lengths, found: &mut dyn FnMut(u16)) {
        for counted in lengths.counted() {
            let mut number = self.chains.get(chain(code(head, counted), CHAIN_BITS)).copied().unwrap_or(0);
            while let Some(entry) =
                usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index))
            {
                let length = usize::from(entry.length);
                if alike(entry.head, head, length)
                    && counting(length) == counted
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

/// How many bytes the filter of a [`GrowingIndex`] has, as a power of two. It is made by every process, so it is small: two pages
/// with its chains, where the filters of a table are twelve.
const GROWING_BITS: u32 = 12;
const GROWING_CHAIN_BITS: u32 = 10;

/// The same for keywords that are known only when the program runs.
#[derive(Debug)]
pub struct GrowingIndex {
    /// As the first filter of a table.
    marks: Box<[u8; 1 << GROWING_BITS]>,
    chains: Vec<u16>,
    entries: Vec<Grown>,
}

/// As [`Entry`], of a [`GrowingIndex`].
#[derive(Debug)]
struct Grown {
    keyword: &'static str,
    head: u64,
    owner: u16,
    next: u16,
}

impl Default for GrowingIndex {
    fn default() -> Self {
        Self {
            marks: Box::new([0; 1 << GROWING_BITS]),
            chains: vec![0; 1 << GROWING_CHAIN_BITS],
            entries: Vec::with_capacity(128),
        }
    }
}

impl GrowingIndex {
    /// Takes a keyword of an owner. `false` if it has no place for it: the keyword is shorter than [`SHORTEST`], or one of more than
    /// 65,534.
    pub fn add(&mut self, keyword: &'static str, owner: u16) -> bool {
        let number = u16::try_from(self.entries.len() + 1).ok().filter(|&number| number != u16::MAX);
        let Some(number) = number.filter(|_| keyword.len() >= SHORTEST) else { return false };
        let (code, head) = (code_of(keyword.as_bytes()), head_of(keyword.as_bytes()));
        let [one, two, three, four, ..] = head.to_le_bytes();
        let place = first(u32::from_le_bytes([one, two, three, four])) >> (FILTER_BITS - GROWING_BITS);
        if let (Some(first), Some(mark)) =
            (self.chains.get_mut(chain(code, GROWING_CHAIN_BITS)), self.marks.get_mut(place))
        {
            *mark |= if keyword.len() > SHORTEST { 1 << (four & 7) } else { u8::MAX };
            self.entries.push(Grown { keyword, head, owner, next: *first });
            *first = number;
        }
        true
    }

    /// Whether a keyword may begin with these four bytes; see [`KeywordIndex::may`].
    #[inline]
    pub fn may(&self, four: u32) -> bool {
        let mark = self.marks.get(first(four) >> (FILTER_BITS - GROWING_BITS)).copied().unwrap_or(0);
        let bit = BITS.get((four >> 24) as usize).copied().unwrap_or(0);
        mark & bit != 0
    }

    /// Calls back with the owner of each keyword of these lengths that stands at a place; see [`KeywordIndex::at`].
    pub fn at(&self, bytes: &[u8], at: usize, head: u64, lengths: Lengths, found: &mut dyn FnMut(u16)) {
        for counted in lengths.counted() {
            let mut number =
                self.chains.get(chain(code(head, counted), GROWING_CHAIN_BITS)).copied().unwrap_or(0);
            while let Some(entry) =
                usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index))
            {
                let length = entry.keyword.len();
                if alike(entry.head, head, length)
                    && counting(length) == counted
                    && stands(bytes, at, entry.keyword.as_bytes())
                {
                    found(entry.owner);
                }
                number = entry.next;
            }
        }
    }
}

/// The filters of several indexes in one, for a text that is long enough to pay for their making.
#[derive(Debug)]
pub struct Together(Box<Filters>);

/// How many places [`Together::places`] looks at.
pub const BLOCK: usize = 128;

impl Together {
    /// One filter of all.
    #[expect(clippy::large_stack_arrays, reason = "on the way that is not taken")]
    pub fn of<'i>(tables: impl Iterator<Item = &'i KeywordIndex>, growing: &GrowingIndex) -> Self {
        const NOTHING: Filter = [0; 1 << FILTER_BITS];
        // As a list first, because it is never on the stack then. It has as many as it is asked for.
        let zeros: Box<[Filter]> = vec![NOTHING; 3].into();
        let mut all: Box<Filters> = zeros.try_into().unwrap_or_else(|_| Box::new([NOTHING; 3]));
        for table in tables {
            for (all, table) in all.iter_mut().zip(table.filters) {
                all.iter_mut().zip(table).for_each(|(mark, other)| *mark |= other);
            }
        }
        growing.entries.iter().for_each(|entry| let_through(&mut all, entry.keyword.as_bytes()));
        Self(all)
    }

    /// At which of the first [`BLOCK`] places of a piece of text a keyword may begin: a bit for every second place from the first
    /// one on, and for every second from the one behind it; the earlier a place, the lower its bit.
    ///
    /// Without a branch: a keyword may begin at every fourteenth place of ordinary text, and a processor that guesses wrong that
    /// often does nothing else.
    #[inline]
    pub fn places(&self, text: &[u8; BLOCK + 4]) -> [u64; 2] {
        [0, 1].map(|from| {
            let piece = text.get(from..).and_then(<[u8]>::first_chunk);
            piece.map_or(0, |piece| self.every_second(piece))
        })
    }

    fn every_second(&self, text: &[u8; BLOCK + 2]) -> u64 {
        // In steps of one kind each, so that the compiler does eight or sixteen places at once wherever no table is read.
        let (twos, _) = text.as_chunks::<2>();
        let mut products = [0_u16; BLOCK / 2];
        let mut fourths = [0_u16; BLOCK / 2];
        for (((product, bit), two), next) in
            products.iter_mut().zip(&mut fourths).zip(twos).zip(twos.iter().skip(1))
        {
            let next = u16::from_le_bytes(*next);
            *product = product_of(u16::from_le_bytes(*two), next & 0xff);
            // One shifted by the fourth byte's lowest three bits: times two, four and sixteen. There is no instruction that shifts
            // each of eight numbers by its own, and to write it so would bring one that makes fractions of them.
            let (one, two, four) = (next >> 8 & 1, next >> 8 & 2, next >> 8 & 4);
            *bit = (one + 1) * (two + (two >> 1) + 1) * ((four << 2) - (four >> 2) + 1);
        }
        let mut marks = [0_u16; BLOCK / 2];
        for (mark, product) in marks.iter_mut().zip(&products) {
            let [first_filter, ..] = &*self.0;
            let first = first_filter.get(usize::from(product >> PRODUCT));
            *mark = first.copied().map_or(0, u16::from);
        }
        let mut places = [0_u8; BLOCK / 2];
        for ((place, mark), bit) in places.iter_mut().zip(&marks).zip(&fourths) {
            *place = all_or_nothing(mark & bit != 0);
        }
        bits(&places)
    }

    /// Whether the second filter's first table lets through a place that the first filter did. `head` is what [`head`] says of it.
    #[inline]
    pub fn may(&self, head: u64) -> bool {
        lengths_in(&self.0, 1, head) != 0
    }

    /// Of which lengths keywords may stand there by both tables.
    #[inline]
    pub fn lengths(&self, head: u64) -> Lengths {
        lengths(&self.0, head)
    }
}

/// A byte of ones or of zeros, for [`bits`].
#[inline]
pub const fn all_or_nothing(yes: bool) -> u8 {
    0_u8.wrapping_sub(yes as u8)
}

/// A bit for each of 64 bytes that are [all or nothing](all_or_nothing), the first one lowest. Where the bytes come from a comparison
/// in a loop, the compiler makes sixteen of them at once, and one instruction takes their bits.
#[inline]
pub fn bits(bytes: &[u8; 64]) -> u64 {
    let (sixteens, _) = bytes.as_chunks::<16>();
    sixteens.iter().rev().fold(0, |all, sixteen| all << 16 | u64::from(sixteen_bits(*sixteen)))
}

#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline]
#[expect(unsafe_code, reason = "an instruction that the language has no other name for")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "each half, and sixteen bits")]
fn sixteen_bits(bytes: [u8; 16]) -> u16 {
    use std::arch::x86_64::{_mm_movemask_epi8, _mm_set_epi64x};

    let number = u128::from_le_bytes(bytes);
    // SAFETY: every processor that this is compiled for has the instructions, and they touch no memory.
    unsafe { _mm_movemask_epi8(_mm_set_epi64x((number >> 64) as i64, number as i64)) as u16 }
}

#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline]
fn sixteen_bits(bytes: [u8; 16]) -> u16 {
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().rev().fold(0, |all, eight| {
        // The lowest bits of eight bytes, side by side in the highest byte of the product.
        let ones = u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101;
        all << 8 | (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u16
    })
}

/// Whether a keyword stands at a place, whatever its ASCII case.
pub fn stands(bytes: &[u8], at: usize, keyword: &[u8]) -> bool {
    bytes.get(at..at + keyword.len()).is_some_and(|here| here.eq_ignore_ascii_case(keyword))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ghp_AKIAtokennpm_";
    static TABLE: KeywordTable<5> = KeywordTable::of(
        &[(0, 4, 0, true), (4, 4, 1, true), (8, 5, 2, true), (8, 3, 3, true), (13, 4, 4, false)],
        TEXT,
    );

    fn rows(text: &str) -> Vec<u16> {
        let mut rows = Vec::new();
        let head = head(text.as_bytes(), 0);
        let index = TABLE.index(TEXT);
        index.at(text.as_bytes(), 0, head, index.lengths(head), &mut |row| rows.push(row));
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
    fn one_filter_of_all_lets_through_what_each_lets_through() {
        let mut growing = GrowingIndex::default();
        ["xoxb", "pwd", "é~9", "-----BEGIN"].into_iter().for_each(|keyword| assert!(growing.add(keyword, 0)));
        let together = Together::of([TABLE.index(TEXT)].iter(), &growing);
        // Random bytes, and keywords on every side of the end of a block.
        let mut text: Vec<u8> = Vec::new();
        for number in 0..400_u32 {
            text.extend(number.wrapping_mul(0x9E37_79B1).to_le_bytes());
            if number % 7 == 0 {
                let words = ["ghp_", "TOK", "akia", "xOxB", "PWD", "-----begin", "é~9"];
                text.extend(words[number as usize % words.len()].as_bytes());
            }
        }
        let mut found = 0;
        for (from, piece) in text.windows(BLOCK + 4).enumerate() {
            let [even, odd] = together.places(piece.first_chunk().unwrap());
            for at in 0..BLOCK {
                let four = u32::from_le_bytes(*piece[at..].first_chunk().unwrap());
                let places = if at % 2 == 0 { even } else { odd };
                let plain = growing.exactly(four) || TABLE.index(TEXT).may(four);
                assert_eq!(places >> (at / 2) & 1 == 1, plain, "{from} and {at}");
            }
        }
        for at in 0..text.len() {
            let head = head(&text, at);
            let mut stands = 0;
            growing.at(&text, at, head, Lengths::ALL, &mut |_| stands += 1);
            TABLE.index(TEXT).at(&text, at, head, Lengths::ALL, &mut |_| stands += 1);
            let mut again = 0;
            growing.at(&text, at, head, together.lengths(head), &mut |_| again += 1);
            TABLE.index(TEXT).at(&text, at, head, together.lengths(head), &mut |_| again += 1);
            assert_eq!(again, stands, "{at}");
            found += stands;
        }
        assert!(found > 50, "{found}");
    }

    impl GrowingIndex {
        /// [`GrowingIndex::may`] as a filter of the full size says it.
        fn exactly(&self, four: u32) -> bool {
            self.entries.iter().any(|entry| {
                let [one, two, three, last, ..] = entry.head.to_le_bytes();
                first(u32::from_le_bytes([one, two, three, last])) == first(four)
                    && (entry.keyword.len() == SHORTEST || (four >> 24) as u8 & 7 == last & 7)
            })
        }
    }

    #[test]
    fn bits_are_in_the_order_of_their_bytes() {
        for number in [0, 1, 1 << 63, 0x8000_8001_0100_0101, u64::MAX, 0x0123_4567_89AB_CDEF] {
            let bytes = std::array::from_fn(|at| all_or_nothing(number >> at & 1 == 1));
            assert_eq!(bits(&bytes), number);
        }
    }

    #[test]
    fn every_keyword_is_listed_with_its_row() {
        let mut all: Vec<_> = TABLE.index(TEXT).keywords().collect();
        all.sort_unstable();
        assert_eq!(all, [(0, "ghp_"), (1, "AKIA"), (2, "token"), (3, "tok"), (4, "npm_")]);
    }

    #[test]
    fn words_count_where_they_begin() {
        let found = |text: &str, at: usize| {
            let mut rows = Vec::new();
            let bytes = text.as_bytes();
            TABLE.index(TEXT).at(bytes, at, head(bytes, at), Lengths::ALL, &mut |row| rows.push(row));
            rows == [4]
        };
        for (text, at) in [
            ("npm_x", 0),
            ("=NPM_x", 1),
            ("_npm_x", 1),
            (".npm_x", 1),
            ("énpm_x", 2),
            ("\\nnpm_x", 2),
            ("%3Dnpm_x", 3),
            ("\\x3dnpm_x", 4),
            ("\\u003dnpm_x", 6),
            ("a long text before\\nnpm_x", 20),
            ("a long text before%3Dnpm_x", 21),
            ("a long text before\\u003dnpm_x", 24),
        ] {
            assert!(found(text, at), "{text}");
        }
        for (text, at) in [
            ("anpm_", 1),
            ("9npm_x", 1),
            ("nnpm_x", 1),
            ("3Dnpm_x", 2),
            ("x3dnpm_x", 3),
            ("u003dnpm_x", 5),
            ("\\u00dnpm_x", 5),
        ] {
            assert!(!found(text, at), "{text}");
        }
    }
}
