//! Random numbers that depend only on a seed.

/// A random number generator: Marsaglia's xorshift.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// A generator that returns the same numbers for the same seed.
    #[must_use]
    pub fn new(seed: u32) -> Self {
        Self(u64::from(seed) << 1 | 1)
    }

    /// A number below `count`, which must not be zero.
    pub fn below(&mut self, count: usize) -> usize {
        for shift in [13, -7, 17_i32] {
            let shifted = if shift > 0 { self.0 << shift } else { self.0 >> -shift };
            self.0 ^= shifted;
        }
        (self.0 >> 11) as usize % count
    }
}
