//! Excess mass at a threshold (Chetty, Friedman, Olsen and Pistaferri 2011; Kleven 2016): a polynomial through the bins outside a window around the threshold says
//! how many figures there should be inside.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::density::{cholesky, solve};

/// Degree of the polynomial.
const DEGREE: usize = 5;
/// Bins of the window on each side.
pub const HOLE: usize = 2;
/// Bins on each side that are looked at, the window's included.
pub const MOST: usize = 22;
/// Bins outside the window that the polynomial needs.
pub const LEAST_BINS: usize = 16;
/// Draws of the bootstrap, with a fixed generator (ChaCha8).
const DRAWS: usize = 999;

/// What the polynomial says of the window's bins on the good side.
#[derive(Debug, Clone, PartialEq)]
pub struct Mass {
    pub observed: u64,
    pub expected: f64,
    /// Figures of the window's bins on the other side.
    pub opposite: u64,
    /// (observed - expected) / sqrt(phi expected + v), phi the dispersion of the bins outside, at least 1, v the variance of `expected` by the bootstrap of residuals.
    pub z: f64,
    /// Standard error of the logarithm of `expected`, from v.
    pub log_error: f64,
    /// Expected in each bin.
    pub curve: Vec<f64>,
    pub dispersion: f64,
    /// The same statistic at stretches of as many bins outside the window.
    pub placebos: Vec<f64>,
}

/// Excess in the bins `cut..cut + HOLE` (`above`) or `cut - HOLE..cut` of `counts`; the window are both. `None`: too few bins, or the curve says that there should be none.
pub fn mass(counts: &[u64], cut: usize, above: bool) -> Option<Mass> {
    let window = cut.checked_sub(HOLE)?..cut + HOLE;
    if window.end > counts.len() {
        return None;
    }
    let outside: Vec<usize> = (0..counts.len()).filter(|bin| !window.contains(bin)).collect();
    if outside.len() < LEAST_BINS {
        return None;
    }
    let k = DEGREE + 1;
    // From -1 to 1, so that powers stay of one size.
    let row = |bin: usize| -> Vec<f64> {
        let x = 2.0 * bin as f64 / (counts.len() - 1) as f64 - 1.0;
        std::iter::successors(Some(1.0), |power| Some(power * x)).take(k).collect()
    };
    let rows: Vec<Vec<f64>> = (0..counts.len()).map(row).collect();
    let (mut s, mut b) = (vec![0.0; k * k], vec![0.0; k]);
    for &bin in &outside {
        for i in 0..k {
            b[i] += rows[bin][i] * counts[bin] as f64;
            for j in 0..k {
                s[i * k + j] += rows[bin][i] * rows[bin][j];
            }
        }
    }
    let factor = cholesky(s, k)?;
    let beta = solve(&factor, k, b);
    let at = |row: &[f64]| -> f64 { row.iter().zip(&beta).map(|(x, beta)| x * beta).sum() };
    let curve: Vec<f64> = rows.iter().map(|row| at(row)).collect();
    let pearson: f64 = outside.iter().map(|&bin| (counts[bin] as f64 - curve[bin]).powi(2) / curve[bin].max(1.0)).sum();
    let free = (outside.len() - k) as f64;
    let dispersion = (pearson / free).max(1.0);
    // `expected` is a weighted sum of the counts outside: a draw of residuals moves it by the same sum of them.
    let residuals: Vec<f64> = outside.iter().map(|&bin| (counts[bin] as f64 - curve[bin]) * (outside.len() as f64 / free).sqrt()).collect();
    let stretch = |bins: std::ops::Range<usize>| -> Option<(u64, f64, f64)> {
        let expected: f64 = bins.clone().map(|bin| curve[bin]).sum();
        let sum: Vec<f64> = (0..k).map(|i| bins.clone().map(|bin| rows[bin][i]).sum()).collect();
        let solved = solve(&factor, k, sum);
        let weights: Vec<f64> = outside.iter().map(|&bin| rows[bin].iter().zip(&solved).map(|(x, s)| x * s).sum()).collect();
        let mut random = ChaCha8Rng::seed_from_u64(0x5eed);
        let drawn: Vec<f64> =
            (0..DRAWS).map(|_| weights.iter().map(|w| w * residuals[random.random_range(0..residuals.len())]).sum()).collect();
        let mean = drawn.iter().sum::<f64>() / DRAWS as f64;
        let variance = drawn.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (DRAWS - 1) as f64;
        (expected >= 1.0).then(|| (bins.map(|bin| counts[bin]).sum(), expected, variance))
    };
    let z_of = |(observed, expected, variance): (u64, f64, f64)| (observed as f64 - expected) / (dispersion * expected + variance).sqrt();
    let (good, other) = if above { (cut..cut + HOLE, cut - HOLE..cut) } else { (cut - HOLE..cut, cut..cut + HOLE) };
    let found = stretch(good)?;
    let left = (HOLE..=window.start).rev().step_by(HOLE).map(|end| end - HOLE..end);
    let right = (window.end..).step_by(HOLE).map(|start| start..start + HOLE).take_while(|bins| bins.end <= counts.len());
    let placebos = left.chain(right).filter_map(|bins| stretch(bins).map(z_of)).collect();
    Some(Mass {
        observed: found.0,
        expected: found.1,
        opposite: other.map(|bin| counts[bin]).sum(),
        z: z_of(found),
        log_error: (found.2 + dispersion * found.1).sqrt() / found.1,
        curve,
        dispersion,
        placebos,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 bins of a smooth curve of degree 3, rounded.
    fn smooth() -> Vec<u64> {
        let x = |bin: usize| bin as f64 / 39.0;
        (0..40).map(|bin| (400.0 - 500.0 * x(bin) + 300.0 * x(bin).powi(2) + 40.0 * x(bin).powi(3)).round() as u64).collect()
    }

    #[test]
    fn what_is_smooth_has_no_excess_and_what_is_added_is_found() {
        let mut counts = smooth();
        let none = mass(&counts, 20, true).expect("bins enough");
        assert!(none.z.abs() < 0.2 && (none.expected - none.observed as f64).abs() < 2.0, "{none:?}");
        let usual: u64 = counts[20..22].iter().sum();
        counts[20] += 70;
        counts[21] += 30;
        counts[18] -= 40;
        let found = mass(&counts, 20, true).expect("bins enough");
        // The window takes no part in the curve: all that was added is excess.
        assert_eq!(found.observed, usual + 100);
        assert!((found.expected - none.expected).abs() < 1e-9 && found.curve == none.curve);
        assert!((found.observed as f64 - found.expected - 100.0).abs() < 2.0 && found.z > 3.0, "{found:?}");
        assert!(found.placebos.len() == 18 && found.placebos.iter().all(|z| *z < found.z));
        // The other side.
        let mirrored: Vec<u64> = counts.iter().rev().copied().collect();
        let below = mass(&mirrored, 20, false).expect("bins enough");
        assert_eq!((below.observed, below.opposite), (found.observed, found.opposite));
        assert!((below.expected - found.expected).abs() < 1e-6);
    }

    #[test]
    fn too_few_bins_and_empty_curves_are_not_told() {
        assert_eq!(mass(&smooth()[..19], 10, true), None);
        assert_eq!(mass(&smooth(), 1, true), None);
        assert_eq!(mass(&smooth(), 39, true), None);
        assert_eq!(mass(&[0; 40], 20, true), None);
    }

    /// Under the null about one in twenty exceeds 1.645.
    #[test]
    fn the_statistic_has_its_size() {
        let mut random = ChaCha8Rng::seed_from_u64(9);
        let curve = smooth();
        let runs = 400;
        let over = (0..runs)
            .filter(|_| {
                let counts: Vec<u64> = curve
                    .iter()
                    .map(|&mean| {
                        // A sum of uniform numbers is near enough to a Poisson number of hundreds.
                        let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
                        (mean as f64 + normal * (mean as f64).sqrt()).round().max(0.0) as u64
                    })
                    .collect();
                mass(&counts, 20, true).is_some_and(|m| m.z > 1.645)
            })
            .count();
        assert!((8..=36).contains(&over), "{over} of {runs}");
    }
}
