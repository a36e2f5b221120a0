//! Exact nulls at small n: chi-square of many drawn groups of the same size.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::tail::{Tail, chi_square};

/// Groups drawn per size.
const DRAWS: usize = 9_999;

/// Chi-square of drawn groups by size, ascending.
#[derive(Debug, Default)]
pub struct Drawn {
    by_size: BTreeMap<u64, Vec<f64>>,
    df: f64,
}

impl Drawn {
    /// Draws for each of the sizes from the law. The generator is fixed (ChaCha8, seeded by the size and the number of classes): the same p on every machine.
    pub fn new(law: &[f64], sizes: impl IntoIterator<Item = u64>) -> Drawn {
        let mut sizes: Vec<u64> = sizes.into_iter().collect();
        sizes.sort_unstable();
        sizes.dedup();
        let by_size = sizes.into_par_iter().map(|n| (n, draw(law, n))).collect();
        Drawn { by_size, df: law.len() as f64 - 1.0 }
    }
    /// Share of draws at least as far out, the group itself counted among them (Davison and Hinkley 1997). Beyond all draws: the chi-square tail, scaled so that
    /// it meets the draws where a thousandth of them lies beyond.
    pub fn p(&self, n: u64, chi2: f64) -> Option<Tail> {
        let draws = self.by_size.get(&n)?;
        let within = draws.partition_point(|&d| d < chi2 - 1e-9);
        let beyond = draws.len() - within;
        let floor = Tail::of(1.0 / (draws.len() + 1) as f64);
        if beyond > 0 {
            return Some(Tail::of((beyond + 1) as f64 / (draws.len() + 1) as f64));
        }
        let tenth = draws[draws.len() - draws.len() / 1000 - 1];
        let scale = 1e-3f64.ln() - chi_square(tenth, self.df).ln;
        Some(Tail { ln: chi_square(chi2, self.df).ln + scale }.min(floor))
    }
}

fn draw(law: &[f64], n: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(n << 16 | law.len() as u64);
    let ends: Vec<f64> = law
        .iter()
        .scan(0.0, |sum, p| {
            *sum += p;
            Some(*sum)
        })
        .collect();
    // Where to begin looking for the class of a draw.
    const STEPS: usize = 1024;
    let guide: Vec<usize> = (0..STEPS).map(|i| ends.partition_point(|&e| e <= i as f64 / STEPS as f64)).collect();
    let mut all: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let mut counts = vec![0u64; law.len()];
            for _ in 0..n {
                let u: f64 = random.random();
                let mut class = guide[(u * STEPS as f64) as usize];
                while class + 1 < law.len() && ends[class] <= u {
                    class += 1;
                }
                counts[class.min(law.len() - 1)] += 1;
            }
            super::benford::fit(&counts, law).chi2
        })
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

#[cfg(test)]
mod tests {
    use super::super::benford::law;
    use super::*;

    #[test]
    fn two_draws_of_two_classes_are_known() {
        // Of two draws with shares 1/2 the statistic is 0 or 2, each with probability 1/2.
        let drawn = Drawn::new(&[0.5, 0.5], [2, 2]);
        let p = drawn.p(2, 2.0).unwrap().p();
        assert!((p - 0.5).abs() < 0.02, "{p}");
        assert_eq!(drawn.p(2, 0.0).unwrap().p(), 1.0);
        assert_eq!(drawn.p(3, 0.0), None);
    }

    #[test]
    fn the_same_on_every_run_and_smooth_beyond_the_draws() {
        let (a, b) = (Drawn::new(&law(1), [30, 60]), Drawn::new(&law(1), [60]));
        assert_eq!(a.p(60, 20.0), b.p(60, 20.0));
        let ps: Vec<f64> = (0..60).map(|x| a.p(60, f64::from(x)).unwrap().ln).collect();
        assert!(ps.windows(2).all(|w| w[0] >= w[1]), "{ps:?}");
        assert!(ps[59] < -15.0, "{}", ps[59]);
    }
}
