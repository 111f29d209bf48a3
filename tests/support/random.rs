//! Random numbers that are the same each time, so that what fails can be had again; `DMZ_SEED` sets others.
#![allow(dead_code)] // no test file uses all of it

/// A generator (xorshift64*).
pub struct Random(u64);

impl Random {
    pub fn new() -> Random {
        let seed = std::env::var("DMZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1_u64);
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// One of these.
    pub fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Less than `end` bytes of any value.
    pub fn bytes(&mut self, end: usize) -> Vec<u8> {
        (0..self.below(end + 1)).map(|_| self.number() as u8).collect()
    }
}
