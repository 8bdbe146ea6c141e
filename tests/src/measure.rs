//! What measures the understanding of calls: the tables of cases, a laid-out machine whose default policy judges them,
//! reports by class, scripts that are meant to break the judge, and a comparison with `bash`.

pub mod bombs;
pub mod cases;
pub mod differential;
pub mod machine;
pub mod mutations;
pub mod report;

/// A small generator, so that a failing run can be repeated by its seed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A generator for a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below a bound; 0 for the bound 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % bound.max(1)
    }

    /// One of several.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
