//! One filter for the keywords of several indexes.

use super::{
    Filter, Filters, GrowingIndex, KeywordIndex, Lengths, NOTHING, PRODUCT, all_or_nothing, bits, lengths,
    lengths_in, let_through, product_of,
};

/// The filters of several indexes in one, for a text that is long enough to pay for their making.
#[derive(Debug)]
pub struct Together(pub(super) All);

#[derive(Debug)]
pub(super) enum All {
    /// Those of a table that let through the keywords of all others.
    Table(&'static Filters),
    Made(Box<Filters>),
}

/// How many places [`Together::places`] looks at.
pub const BLOCK: usize = 128;

impl Together {
    /// One filter of all.
    #[expect(clippy::large_stack_arrays, reason = "on the way that is not taken")]
    pub fn of<'i>(tables: impl Iterator<Item = &'i KeywordIndex> + Clone, growing: &GrowingIndex) -> Self {
        let mut first = tables.clone();
        if let (Some(table), None) = (first.next(), first.next())
            && growing.entries.iter().all(|entry| table.lets_through(entry.keyword))
        {
            return Self(All::Table(table.filters));
        }
        // As a list first, because it is never on the stack then. It has as many as it is asked for.
        let zeros: Box<[Filter]> = vec![NOTHING; 3].into();
        let mut all: Box<Filters> = zeros.try_into().unwrap_or_else(|_| Box::new([NOTHING; 3]));
        for table in tables {
            for (all, table) in all.iter_mut().zip(table.filters) {
                all.iter_mut().zip(table).for_each(|(mark, other)| *mark |= other);
            }
        }
        growing.entries.iter().for_each(|entry| let_through(&mut all, entry.keyword.as_bytes()));
        Self(All::Made(all))
    }

    fn filters(&self) -> &Filters {
        match &self.0 {
            All::Table(filters) => filters,
            All::Made(filters) => filters,
        }
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
        let [first_filter, ..] = self.filters();
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
            let first = first_filter.get(usize::from(product >> PRODUCT));
            *mark = first.copied().map_or(0, u16::from);
        }
        let mut places = [0_u8; BLOCK / 2];
        for ((place, mark), bit) in places.iter_mut().zip(&marks).zip(&fourths) {
            *place = all_or_nothing(mark & bit != 0);
        }
        bits(&places)
    }

    /// Whether the second filter's first table lets through a place that the first filter did. `head` is what [`head`](super::head)
    /// says of it.
    #[inline]
    pub fn may(&self, head: u64) -> bool {
        lengths_in(self.filters(), 1, head) != 0
    }

    /// Of which lengths keywords may stand there by both tables.
    #[inline]
    pub fn lengths(&self, head: u64) -> Lengths {
        lengths(self.filters(), head)
    }
}
