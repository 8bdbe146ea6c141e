//! Places of a text that pass one filter after the other.
//!
//! There is no branch that hangs on a single place: a processor that guesses wrong as often as such a filter lets something
//! through does nothing else. Each filter is asked about all places of a chunk before the next one is.

use agentfirewall_sdk::keywords::{all_or_nothing, bits};

/// The bytes that are compared at once.
pub(super) const LANE: usize = 64;

/// Which of the first [`LANE`] bytes are of a kind, a bit each, the first one lowest. The question is asked without branches if it has
/// none; the compiler then compares many at once.
#[inline]
pub(super) fn marked(bytes: &[u8], is_wanted: impl Fn(u8) -> bool) -> u64 {
    let mut marks = [0; LANE];
    if let Some(block) = bytes.first_chunk::<LANE>() {
        marks.iter_mut().zip(block).for_each(|(mark, byte)| *mark = all_or_nothing(is_wanted(*byte)));
    } else {
        marks.iter_mut().zip(bytes).for_each(|(mark, byte)| *mark = all_or_nothing(is_wanted(*byte)));
    }
    bits(&marks)
}

/// Every place of a byte. For texts of a call: a library that does it faster asks the processor first what it can, which takes longer
/// than to read a text of a few kilobytes.
pub(super) fn each(bytes: &[u8], wanted: u8) -> impl Iterator<Item = usize> {
    bytes.chunks(LANE).enumerate().flat_map(move |(number, block)| {
        let mut left = marked(block, |byte| byte == wanted);
        std::iter::from_fn(move || {
            let place = (left != 0).then_some(LANE * number + left.trailing_zeros() as usize);
            left &= left.wrapping_sub(1);
            place
        })
    })
}

/// How many bytes of a text are looked at together, as a power of two.
pub(super) const CHUNK_BITS: u32 = 9;
/// The same as a number.
pub(super) const CHUNK: usize = 1 << CHUNK_BITS;

/// How many places are written down before it is asked whether there are more.
const AT_ONCE: usize = 4;

/// Places of a chunk, each as a number below [`CHUNK`] and what a filter adds in the bits above.
#[derive(Debug)]
pub(super) struct Places {
    /// With room for what is written behind the last one.
    all: [u16; CHUNK + AT_ONCE],
    count: usize,
}

impl Places {
    pub(super) const fn none() -> Self {
        Self { all: [0; CHUNK + AT_ONCE], count: 0 }
    }

    pub(super) const fn clear(&mut self) {
        self.count = 0;
    }

    /// Adds a place for each bit that is set: the first one stands for a place, the next for one so many steps behind it.
    #[inline]
    pub(super) fn add(&mut self, mut bits: u64, from: usize, step: usize) {
        let (mut next, all) = (self.count, self.count + bits.count_ones() as usize);
        while next < all
            && let Some(room) = self.all.get_mut(next..).and_then(<[u16]>::first_chunk_mut::<AT_ONCE>)
        {
            for place in room {
                #[expect(clippy::cast_possible_truncation, reason = "a chunk is short")]
                {
                    *place = (from + step * bits.trailing_zeros() as usize) as u16;
                }
                bits &= bits.wrapping_sub(1);
            }
            next += AT_ONCE;
        }
        self.count = all.min(CHUNK);
    }

    /// Instead of what was there, the places of a chunk for which the answer is yes, of answers in the order of the places.
    #[inline]
    pub(super) fn take(&mut self, answers: impl Iterator<Item = bool>) {
        self.count = 0;
        for (place, answer) in (0_u16..).zip(answers) {
            // There are no more places than the list has room for; the remainder spares the question.
            if let Some(next) = self.all.get_mut(self.count % CHUNK) {
                *next = place;
            }
            self.count += usize::from(answer);
        }
    }

    /// Leaves those that a filter lets through, as it writes them anew.
    #[inline]
    pub(super) fn sift(&mut self, keep: impl Fn(u16) -> (u16, bool)) {
        let mut kept = 0;
        for number in 0..self.count {
            let (place, keep) = keep(self.all.get(number).copied().unwrap_or(0));
            if let Some(next) = self.all.get_mut(kept) {
                *next = place;
            }
            kept += usize::from(keep);
        }
        self.count = kept;
    }

    pub(super) fn get(&self, number: usize) -> Option<u16> {
        self.all.get(number).copied().filter(|_| number < self.count)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u16> {
        self.all.iter().take(self.count).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_a_place_and_filters_keep_the_order() {
        let mut places = Places::none();
        places.add(0, 0, 1);
        places.add(1 | 1 << 5 | 1 << 63, 64, 1);
        places.add(u64::MAX, 128, 2);
        let mut wanted = vec![64, 69, 127];
        wanted.extend((0..64).map(|number| 128 + 2 * number));
        assert_eq!(places.iter().collect::<Vec<_>>(), wanted);
        places.sift(|place| (place | 1 << CHUNK_BITS, place % 3 == 0));
        wanted.retain(|place| place % 3 == 0);
        assert_eq!(places.iter().map(|place| place % (1 << CHUNK_BITS)).collect::<Vec<_>>(), wanted);
        assert_eq!(places.get(0), Some(69 + (1 << CHUNK_BITS)));
        assert_eq!(places.get(wanted.len()), None);
        places.clear();
        assert_eq!(places.get(0), None);
    }

    #[test]
    fn answers_are_taken_in_their_order() {
        let mut places = Places::none();
        places.add(u64::MAX, 0, 1);
        places.take((0..CHUNK).map(|place| place % 5 == 4));
        assert!(places.iter().map(usize::from).eq((4..CHUNK).step_by(5)));
        places.take(std::iter::repeat_n(true, CHUNK));
        assert!(places.iter().map(usize::from).eq(0..CHUNK));
    }

    #[test]
    fn each_place_of_a_byte_is_found() {
        for length in [0, 1, 63, 64, 65, 200] {
            let bytes: Vec<u8> =
                (0..length).map(|at| if at % 7 == 3 || at == length - 1 { b'$' } else { b'a' }).collect();
            let plain = (0..bytes.len()).filter(|at| bytes[*at] == b'$');
            assert!(each(&bytes, b'$').eq(plain), "{length}");
        }
    }

    #[test]
    fn a_chunk_in_which_every_place_counts_fits() {
        let mut places = Places::none();
        for block in 0..CHUNK / 64 {
            places.add(u64::MAX, 64 * block, 1);
        }
        assert!(places.iter().map(usize::from).eq(0..CHUNK));
    }
}
