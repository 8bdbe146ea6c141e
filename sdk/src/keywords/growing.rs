//! The index of keywords that are known only when the program runs.

use super::{
    FILTER_BITS, Lengths, SHORTEST, alike, chain, code, code_of, first, head_of, mark, passes, stands,
};

/// How many bytes the filter of a [`GrowingIndex`] has, as a power of two. It is made by every process, so it is small: two pages
/// with its chains, where the filters of a table are twelve.
const GROWING_BITS: u32 = 12;
const GROWING_CHAIN_BITS: u32 = 10;

/// As a [`KeywordTable`](super::KeywordTable), of keywords that are added one by one.
#[derive(Debug)]
pub struct GrowingIndex {
    /// As the first filter of a table.
    marks: Box<[u8; 1 << GROWING_BITS]>,
    chains: Vec<u16>,
    pub(super) entries: Vec<Grown>,
}

/// As [`Entry`](super::Entry), of a [`GrowingIndex`].
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) keyword: &'static str,
    pub(super) head: u64,
    owner: u16,
    next: u16,
}

/// Where in its filter four bytes are.
const fn place(four: u32) -> usize {
    first(four) >> (FILTER_BITS - GROWING_BITS)
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
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
        let place = place(head as u32);
        if let (Some(first), Some(set)) =
            (self.chains.get_mut(chain(code, GROWING_CHAIN_BITS)), self.marks.get_mut(place))
        {
            *set |= mark(head, keyword.len());
            self.entries.push(Grown { keyword, head, owner, next: *first });
            *first = number;
        }
        true
    }

    /// Whether a keyword may begin with these four bytes; see [`KeywordIndex::may`](super::KeywordIndex::may).
    #[inline]
    pub fn may(&self, four: u32) -> bool {
        passes(self.marks.get(place(four)), four)
    }

    /// Calls back with the owner of each keyword of these lengths that stands at a place; see
    /// [`KeywordIndex::at`](super::KeywordIndex::at).
    pub fn at(&self, bytes: &[u8], at: usize, head: u64, lengths: Lengths, found: &mut dyn FnMut(u16)) {
        for counted in lengths.counted() {
            let mut number =
                self.chains.get(chain(code(head, counted), GROWING_CHAIN_BITS)).copied().unwrap_or(0);
            while let Some(entry) =
                usize::from(number).checked_sub(1).and_then(|index| self.entries.get(index))
            {
                if alike(entry.head, head, entry.keyword.len(), counted)
                    && stands(bytes, at, entry.keyword.as_bytes())
                {
                    found(entry.owner);
                }
                number = entry.next;
            }
        }
    }
}
