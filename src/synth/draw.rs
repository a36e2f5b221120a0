//! Random draws. One stream per village, so that no result depends on the order in which villages are made.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub(super) struct Draw {
    rng: ChaCha8Rng,
}

impl Draw {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        Draw { rng }
    }

    /// `0..n`; `n` of zero counts as one. The bias of the multiply-shift is below 2^-32 for every `n` used here.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.rng.next_u64()) * n.max(1) as u128;
        (wide >> 64) as usize
    }

    /// `low..=high`.
    pub(super) fn range(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1).max(1) as usize) as i64
    }

    pub(super) fn days(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as usize) as i32
    }

    pub(super) fn per_mille(&mut self, chance: usize) -> bool {
        self.below(1000) < chance
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Near-normal with mean 0 and standard deviation `sd`, in whole units (sum of six uniform draws, so no platform's `ln`).
    pub(super) fn bell(&mut self, sd: i64) -> i64 {
        let sum: i64 = (0..6).map(|_| self.range(-1000, 1000)).sum();
        // The sum of six has a standard deviation of 1414.
        sum * sd / 1414
    }
}
