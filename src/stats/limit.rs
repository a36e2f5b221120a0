//! Figures that pile up in the last bin below a limit above which hardly any are lawful: a curve through the bins before says how many there should be.
//! Two-sided density tests only say that there is a limit.

use super::density::{cholesky, solve};
use super::tail::{Tail, normal};

/// Bins that the curve needs.
pub const LEAST_BINS: usize = 6;
/// Bins that are looked at.
const MOST_BINS: usize = 40;
/// Bins before the last at which the test is repeated as a placebo.
const PLACEBOS: usize = 5;

/// What the curve says of one bin.
#[derive(Debug, Clone, PartialEq)]
pub struct Extrapolation {
    pub observed: u64,
    pub expected: f64,
    /// (observed - expected) / sqrt(phi expected + phi var), phi the dispersion of the bins, at least 1, var that of the curve there.
    pub z: f64,
    /// Standard error of the logarithm of `expected`, dispersion included.
    pub log_error: f64,
    /// Expected in each bin, the last first, as far as they were fitted.
    pub curve: Vec<f64>,
    pub dispersion: f64,
}

/// The bin `at` (0 is the last before the limit) of `counts`, extrapolated from all bins farther off. `last`: the number of the bin that ends at the limit, in widths
/// from zero: bins that end at a multiple of 10 or 5 widths have levels of their own where at least two of them are there to tell. The weaker of a straight and a bent
/// line (Poisson, in logarithms) speaks.
pub fn extrapolate(counts: &[u64], at: usize, last: i64) -> Option<Extrapolation> {
    let one = poisson(counts, at, last, 1)?;
    let two = poisson(counts, at, last, 2)?;
    Some(if two.z < one.z { two } else { one })
}

fn poisson(counts: &[u64], at: usize, last: i64, degree: usize) -> Option<Extrapolation> {
    let bins: Vec<usize> = (at + 1..counts.len().min(at + 1 + MOST_BINS)).collect();
    if bins.len() < LEAST_BINS {
        return None;
    }
    let multiple = |bin: usize, of: i64| (last - bin as i64) % of == 0;
    let levels: Vec<i64> = [10, 5].into_iter().filter(|&of| bins.iter().filter(|&&b| multiple(b, of)).count() >= 2).collect();
    let scale = bins.len() as f64;
    let row = |bin: usize| -> Vec<f64> {
        let u = (bin - at) as f64 / scale;
        let curve = std::iter::successors(Some(1.0), move |p| Some(p * u)).take(degree + 1);
        curve.chain(levels.iter().map(|&of| f64::from(u8::from(multiple(bin, of))))).collect()
    };
    let rows: Vec<Vec<f64>> = bins.iter().map(|&b| row(b)).collect();
    let k = rows[0].len();
    if bins.len() <= k {
        return None;
    }
    let mut mu: Vec<f64> = bins.iter().map(|&b| counts[b] as f64 + 0.5).collect();
    let mut factor = vec![];
    let mut beta = vec![0.0; k];
    for _ in 0..50 {
        let mut s = vec![0.0; k * k];
        let mut b = vec![0.0; k];
        for ((row, &mu), &bin) in rows.iter().zip(&mu).zip(&bins) {
            let working = mu.ln() + (counts[bin] as f64 - mu) / mu;
            for i in 0..k {
                b[i] += mu * row[i] * working;
                for j in 0..k {
                    s[i * k + j] += mu * row[i] * row[j];
                }
            }
        }
        factor = cholesky(s, k)?;
        let next = solve(&factor, k, b);
        let change = next.iter().zip(&beta).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        beta = next;
        for (mu, row) in mu.iter_mut().zip(&rows) {
            *mu = eta(row, &beta).clamp(-30.0, 30.0).exp();
        }
        if change < 1e-10 {
            break;
        }
    }
    let pearson: f64 = bins.iter().zip(&mu).map(|(&b, mu)| (counts[b] as f64 - mu).powi(2) / mu).sum();
    let dispersion = (pearson / (bins.len() - k) as f64).max(1.0);
    let target = row(at);
    let expected = eta(&target, &beta).clamp(-30.0, 30.0).exp();
    let spread: f64 = solve(&factor, k, target.clone()).iter().zip(&target).map(|(a, b)| a * b).sum();
    let observed = counts[at];
    let variance = dispersion * (expected + expected * expected * spread);
    let z = (observed as f64 - expected) / variance.sqrt();
    let log_error = (dispersion * (1.0 / expected + spread)).sqrt();
    z.is_finite().then(|| Extrapolation {
        observed,
        expected,
        z,
        log_error,
        curve: std::iter::once(expected).chain(mu).collect(),
        dispersion,
    })
}

fn eta(row: &[f64], beta: &[f64]) -> f64 {
    row.iter().zip(beta).map(|(a, b)| a * b).sum()
}

/// One-sided p: more than the curve says.
pub fn upper(z: f64) -> Tail {
    let two_sided = normal(z);
    if z > 0.0 { Tail { ln: two_sided.ln - std::f64::consts::LN_2 } } else { Tail::of(1.0 - two_sided.p() / 2.0) }
}

/// z of the test at the bins before the last.
pub fn placebos(counts: &[u64], last: i64) -> Vec<f64> {
    (1..=PLACEBOS).filter_map(|at| Some(extrapolate(counts, at, last)?.z)).collect()
}
