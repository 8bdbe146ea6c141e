//! The index of keywords by which a host finds out which detectors a text concerns.
//!
//! Three filters, each asked about what the one before let through: a byte for a hash of a keyword's first three bytes, with a bit
//! for each kind of fourth byte; a bit for a hash of the first six; chains of the keywords behind them. The index of a
//! [table](crate::Rows) is made by the compiler: a process that lives for a millisecond cannot pay for thousands of keywords.

/// How many bytes the first filter has and how many bits each of the second ones, as powers of two.
const FIRST_BITS: u32 = 14;
const SECOND_BITS: u32 = 16;
/// How many chains of entries there are, as a power of two.
const CHAIN_BITS: u32 = 11;
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

/// How many of a keyword's first bytes count in the second filter and in the chains: six, or what it has.
const LENGTHS: [usize; 3] = [6, 4, 3];

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
    let mask = (1 << (8 * length)) - 1;
    // Two to the power of 64 divided by the golden ratio (Knuth's multiplicative hash).
    ((head & mask).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The number of a keyword.
const fn code_of(keyword: &[u8]) -> u32 {
    code(head_of(keyword), counting(keyword.len()))
}

/// How many of the first bytes count, of a keyword of a length.
const fn counting(length: usize) -> usize {
    match length {
        ..=3 => 3,
        4 | 5 => 4,
        _ => 6,
    }
}

/// The number of the chain in which keywords with such a number are.
const fn chain(code: u32) -> usize {
    (code >> (u32::BITS - CHAIN_BITS)) as usize
}

/// Where in the first filter three bytes are, the first one lowest.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
const fn first(three: u32) -> usize {
    (product_of(three as u16, (three >> 16 & 0xff) as u16) >> PRODUCT) as usize
}

/// How many bits the product of three bytes has too many for the first filter.
const PRODUCT: u32 = u16::BITS - FIRST_BITS;

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

/// Where keywords may begin.
#[derive(Debug, Clone)]
pub struct Marks {
    first: [u8; 1 << FIRST_BITS],
    /// Two bits a number: [`ANYWHERE`], [`WORD`].
    second: [u8; 1 << (SECOND_BITS - 2)],
}

/// There is a keyword that counts wherever it stands.
const ANYWHERE: u8 = 1;
/// There is one that counts where a word begins.
const WORD: u8 = 2;

impl Default for Marks {
    fn default() -> Self {
        Self::NONE
    }
}

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

impl Marks {
    const NONE: Self = Self { first: [0; 1 << FIRST_BITS], second: [0; 1 << (SECOND_BITS - 2)] };

    #[expect(
        clippy::indexing_slicing,
        reason = "shifts and a mask keep the numbers in the bounds of the arrays"
    )]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
    const fn set(&mut self, keyword: &[u8], anywhere: bool) {
        let four = head_of(keyword) as u32;
        self.first[first(four)] |= if keyword.len() > SHORTEST { 1 << (four >> 24 & 7) } else { u8::MAX };
        let (byte, shift) = pair(code_of(keyword));
        self.second[byte] |= if anywhere { ANYWHERE } else { WORD } << shift;
    }

    /// Whether a keyword may begin with these four bytes, the first one lowest. Quick, and wrong for one place in ten.
    #[inline]
    pub fn at(&self, four: u32) -> bool {
        let mark = self.first.get(first(four)).copied().unwrap_or(0);
        let bit = BITS.get((four >> 24) as usize).copied().unwrap_or(0);
        mark & bit != 0
    }
}

/// Where in the second filter the bits of a number are: the byte, and how far they are shifted there.
const fn pair(code: u32) -> (usize, u32) {
    let pair = code >> (u32::BITS - SECOND_BITS);
    ((pair >> 2) as usize, 2 * (pair & 3))
}

/// Which kinds of keywords with such a number there may be, by a second filter.
#[inline]
fn kinds(second: &[u8; 1 << (SECOND_BITS - 2)], code: u32) -> u8 {
    let (byte, shift) = pair(code);
    second.get(byte).copied().unwrap_or(0) >> shift & (ANYWHERE | WORD)
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
    marks: Marks,
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
        let nothing = Entry { at: 0, length: 0, row: 0, anywhere: false, head: 0, next: 0 };
        let mut table = Self { marks: Marks::NONE, chains: [0; CHAINS], entries: [nothing; N] };
        let mut number = 0;
        while number < N {
            let (at, length, row, anywhere) = listed[number];
            assert!(length as usize >= SHORTEST, "a keyword is too short for the index");
            let begin = at as usize;
            assert!(begin + length as usize <= bytes.len(), "a keyword is outside the text");
            let (_, keyword) = bytes.split_at(begin);
            let (keyword, _) = keyword.split_at(length as usize);
            let chain = chain(code_of(keyword));
            let head = head_of(keyword);
            table.marks.set(keyword, anywhere);
            table.entries[number] = Entry { at, length, row, anywhere, head, next: table.chains[chain] };
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
    marks: &'static Marks,
    chains: &'static [u16; CHAINS],
    entries: &'static [Entry],
    text: &'static str,
}

impl KeywordIndex {
    /// Where its keywords may begin.
    pub const fn marks(&self) -> &'static Marks {
        self.marks
    }

    /// Calls back with the row of each keyword that stands at a place and counts there, whatever its ASCII case. `head` is what
    /// [`head`] says of the place.
    pub fn at(&self, bytes: &[u8], at: usize, head: u64, found: &mut dyn FnMut(u16)) {
        let kinds = LENGTHS.map(|length| {
            let code = code(head, length);
            (length, chain(code), kinds(&self.marks.second, code))
        });
        let all = kinds.iter().fold(0, |all, (_, _, kinds)| all | kinds);
        if all == 0 {
            return;
        }
        let counts = if all & WORD != 0 && begins(bytes, at) { ANYWHERE | WORD } else { ANYWHERE };
        for (counted, chain, kinds) in kinds {
            if kinds & counts == 0 {
                continue;
            }
            let mut number = self.chains.get(chain).copied().unwrap_or(0);
            while let Some(entry) =
                usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index))
            {
                // Eight bytes are compared at once before the rest is looked at.
                let behind = 64 - 8 * u32::from(entry.length.min(8));
                if (entry.head ^ head) << behind == 0
                    && counting(usize::from(entry.length)) == counted
                    && (entry.anywhere || counts & WORD != 0)
                    && stands(bytes, at, self.keyword(entry).as_bytes())
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
/// with its chains, where the [`Marks`] of a table are eight.
const GROWING_BITS: u32 = 12;

/// The same for keywords that are known only when the program runs.
#[derive(Debug)]
pub struct GrowingIndex {
    /// As the first filter of [`Marks`].
    marks: Box<[u8; 1 << GROWING_BITS]>,
    chains: Vec<u16>,
    entries: Vec<(&'static str, u32, u16, u16)>,
}

impl Default for GrowingIndex {
    fn default() -> Self {
        Self {
            marks: Box::new([0; 1 << GROWING_BITS]),
            chains: vec![0; CHAINS],
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
        let code = code_of(keyword.as_bytes());
        let [one, two, three, four, ..] = head_of(keyword.as_bytes()).to_le_bytes();
        let place = first(u32::from_le_bytes([one, two, three, four])) >> (FIRST_BITS - GROWING_BITS);
        if let (Some(first), Some(mark)) = (self.chains.get_mut(chain(code)), self.marks.get_mut(place)) {
            *mark |= if keyword.len() > SHORTEST { 1 << (four & 7) } else { u8::MAX };
            self.entries.push((keyword, code, owner, *first));
            *first = number;
        }
        true
    }

    /// Whether a keyword may begin with these four bytes; see [`Marks::at`].
    #[inline]
    pub fn may(&self, four: u32) -> bool {
        let mark = self.marks.get(first(four) >> (FIRST_BITS - GROWING_BITS)).copied().unwrap_or(0);
        let bit = BITS.get((four >> 24) as usize).copied().unwrap_or(0);
        mark & bit != 0
    }

    /// Calls back with the owner of each keyword that stands at a place; see [`KeywordIndex::at`].
    pub fn at(&self, bytes: &[u8], at: usize, head: u64, found: &mut dyn FnMut(u16)) {
        for code in LENGTHS.map(|length| code(head, length)) {
            let mut number = self.chains.get(chain(code)).copied().unwrap_or(0);
            while let Some((keyword, other, owner, next)) =
                usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index))
            {
                if *other == code && stands(bytes, at, keyword.as_bytes()) {
                    found(*owner);
                }
                number = *next;
            }
        }
    }
}

/// The filters of several indexes in one, for a text that is long enough to pay for their making.
#[derive(Debug)]
pub struct Together(Box<Marks>);

/// How many places [`Together::places`] looks at.
pub const BLOCK: usize = 128;

impl Together {
    /// One filter of all.
    pub fn of<'i>(tables: impl Iterator<Item = &'i KeywordIndex>, growing: &GrowingIndex) -> Self {
        let mut all = Box::new(Marks::NONE);
        for table in tables {
            all.first.iter_mut().zip(&table.marks.first).for_each(|(mark, other)| *mark |= other);
            all.second.iter_mut().zip(&table.marks.second).for_each(|(mark, other)| *mark |= other);
        }
        growing.entries.iter().for_each(|(keyword, ..)| all.set(keyword.as_bytes(), true));
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
        let mut bits = [0_u16; BLOCK / 2];
        for (((product, bit), two), next) in
            products.iter_mut().zip(&mut bits).zip(twos).zip(twos.iter().skip(1))
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
            let first = self.0.first.get(usize::from(product >> PRODUCT));
            *mark = first.copied().map_or(0, u16::from);
        }
        let mut places = [0_u8; BLOCK / 2];
        for ((place, mark), bit) in places.iter_mut().zip(&marks).zip(&bits) {
            *place = u8::from(mark & bit != 0);
        }
        let (eights, _) = places.as_chunks::<8>();
        eights.iter().rev().fold(0, |all, eight| {
            // The lowest bits of eight bytes, side by side in the highest byte of the product.
            all << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56
        })
    }

    /// Whether a keyword may stand and count at a place that the first filter let through. `head` is what [`head`] says of it.
    #[inline]
    pub fn may(&self, bytes: &[u8], at: usize, head: u64) -> bool {
        let all = LENGTHS.into_iter().fold(0, |all, length| all | kinds(&self.0.second, code(head, length)));
        all & ANYWHERE != 0 || (all != 0 && begins(bytes, at))
    }
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
        TABLE.index(TEXT).at(text.as_bytes(), 0, head(text.as_bytes(), 0), &mut |row| rows.push(row));
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
                let plain = growing.exactly(four) || TABLE.marks.at(four);
                assert_eq!(places >> (at / 2) & 1 == 1, plain, "{from} and {at}");
            }
        }
        for at in 0..text.len() {
            let head = head(&text, at);
            let mut stands = 0;
            growing.at(&text, at, head, &mut |_| stands += 1);
            TABLE.index(TEXT).at(&text, at, head, &mut |_| stands += 1);
            assert!(stands == 0 || together.may(&text, at, head), "{at}");
            found += stands;
        }
        assert!(found > 50, "{found}");
    }

    impl GrowingIndex {
        /// [`GrowingIndex::may`] as a filter of the full size says it.
        fn exactly(&self, four: u32) -> bool {
            self.entries.iter().any(|(keyword, ..)| {
                let [one, two, three, last, ..] = head_of(keyword.as_bytes()).to_le_bytes();
                first(u32::from_le_bytes([one, two, three, last])) == first(four)
                    && (keyword.len() == SHORTEST || (four >> 24) as u8 & 7 == last & 7)
            })
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
            TABLE.index(TEXT).at(bytes, at, head(bytes, at), &mut |row| rows.push(row));
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
