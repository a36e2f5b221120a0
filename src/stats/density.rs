//! Whether a density jumps at a cut: the test of Cattaneo, Jansson and Ma (2020, JASA; arXiv 1811.11512), a clean-room version that agrees with `rddensity`.
//!
//! The empirical distribution function is fitted on each side of the cut by a local polynomial; its slope at the cut is the density there. Unrestricted model,
//! triangular kernel, jackknife variance, degree 2 for the bandwidths and 3 for the test.

use super::tail::{Tail, normal};

/// Degree of the polynomial that the bandwidth is best for; the test takes one more.
const P: usize = 2;
/// Different figures that a side must have, and figures that a bandwidth must reach.
pub const LEAST: usize = 20 + P + 1;

/// What a test at a cut says. Densities are per unit of the figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    pub t: f64,
    pub left: f64,
    pub right: f64,
    pub h_left: f64,
    pub h_right: f64,
    /// Figures within the bandwidths.
    pub n_left: usize,
    pub n_right: usize,
    /// Jackknife variances of the densities left and right, and of their difference.
    pub variance: [f64; 3],
    /// Coefficients of the distribution function on each side, of (x / h)^k.
    pub curves: [Vec<f64>; 2],
}

impl Density {
    /// Two-sided.
    pub fn p(&self) -> Tail {
        normal(self.t)
    }
    /// ln(right / left) and its standard error (delta method); none where a density is not positive.
    pub fn log_ratio(&self) -> Option<(f64, f64)> {
        if self.left <= 0.0 || self.right <= 0.0 {
            return None;
        }
        let [l, r, difference] = self.variance;
        let covariance = (l + r - difference) / 2.0;
        let variance = l / (self.left * self.left) + r / (self.right * self.right) - 2.0 * covariance / (self.left * self.right);
        Some(((self.right / self.left).ln(), variance.max(0.0).sqrt()))
    }
}

/// Figures less the cut, ascending, and their distribution function: i / (n - 1), of equal figures the last one's.
struct Sample<'x> {
    x: &'x [f64],
    f: Vec<f64>,
    /// For each figure the first that equals it.
    first: Vec<usize>,
    /// Figures below the cut.
    below: usize,
}

impl<'x> Sample<'x> {
    fn new(x: &'x [f64]) -> Self {
        let n = x.len();
        let mut f = vec![0.0; n];
        let mut first = vec![0; n];
        let mut start = 0;
        for run in x.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            f[start..end].fill((end - 1) as f64 / (n - 1) as f64);
            first[start..end].fill(start);
            start = end;
        }
        Sample { x, f, first, below: x.partition_point(|&x| x < 0.0) }
    }
    /// Distance from the cut to the `k`-th nearest figure, and to the `k`-th nearest different figure, of each side.
    fn nearest(&self, k: usize) -> [f64; 2] {
        let side = |values: &mut dyn Iterator<Item = f64>| {
            let (mut seen, mut different, mut last, mut at) = (0, 0, f64::NAN, 0.0);
            for x in values {
                if seen >= k && different >= k {
                    break;
                }
                seen += 1;
                different += usize::from(x != last);
                (last, at) = (x, x.abs());
            }
            at
        };
        [side(&mut self.x[..self.below].iter().rev().copied()), side(&mut self.x[self.below..].iter().copied())]
    }
}

/// One side's weighted least squares.
struct SideFit {
    /// Of (x / h)^k.
    coefficients: Vec<f64>,
    /// Row 1 of the inverse of X'WX.
    slope_row: Vec<f64>,
}

fn weight(x: f64, h: f64) -> f64 {
    (1.0 - (x / h).abs()) / h
}

fn side_fit(x: &[f64], f: &[f64], h: f64, degree: usize) -> Option<SideFit> {
    let k = degree + 1;
    let mut s = vec![0.0; k * k];
    let mut b = vec![0.0; k];
    for (&x, &f) in x.iter().zip(f) {
        let (w, u) = (weight(x, h), x / h);
        let powers: Vec<f64> = std::iter::successors(Some(1.0), |p| Some(p * u)).take(k).collect();
        for i in 0..k {
            b[i] += w * powers[i] * f;
            for j in 0..k {
                s[i * k + j] += w * powers[i] * powers[j];
            }
        }
    }
    let factor = cholesky(s, k)?;
    let mut row = vec![0.0; k];
    row[1] = 1.0;
    Some(SideFit { coefficients: solve(&factor, k, b), slope_row: solve(&factor, k, row) })
}

/// Lower triangle L of a symmetric positive matrix L L'; none where it is not positive.
pub(super) fn cholesky(mut a: Vec<f64>, k: usize) -> Option<Vec<f64>> {
    for j in 0..k {
        for i in j..k {
            let mut sum = a[i * k + j];
            for m in 0..j {
                sum -= a[i * k + m] * a[j * k + m];
            }
            if i == j {
                if sum.is_nan() || sum <= 0.0 {
                    return None;
                }
                a[i * k + i] = sum.sqrt();
            } else {
                a[i * k + j] = sum / a[j * k + j];
            }
        }
    }
    Some(a)
}

pub(super) fn solve(l: &[f64], k: usize, mut b: Vec<f64>) -> Vec<f64> {
    for i in 0..k {
        for m in 0..i {
            b[i] -= l[i * k + m] * b[m];
        }
        b[i] /= l[i * k + i];
    }
    for i in (0..k).rev() {
        for m in i + 1..k {
            b[i] -= l[m * k + i] * b[m];
        }
        b[i] /= l[i * k + i];
    }
    b
}

/// Fits of both sides and variances of the slopes: left, right, their difference and sum.
struct Fitted {
    sides: [SideFit; 2],
    window: std::ops::Range<usize>,
    variance: [f64; 4],
}

fn fitted(sample: &Sample<'_>, h: [f64; 2], degree: usize) -> Option<Fitted> {
    let x = sample.x;
    let window = x.partition_point(|&x| x < -h[0])..x.partition_point(|&x| x <= h[1]);
    let (left, right) = (window.start..sample.below, sample.below..window.end);
    if left.len() <= degree || right.len() <= degree {
        return None;
    }
    let sides =
        [side_fit(&x[left.clone()], &sample.f[left.clone()], h[0], degree)?, side_fit(&x[right.clone()], &sample.f[right], h[1], degree)?];
    // What each figure adds to the slope of its side; the jackknife sums it over the figures above.
    let adds = |j: usize| {
        let side = usize::from(j >= sample.below);
        let u = x[j] / h[side];
        let value = sides[side].slope_row.iter().rev().fold(0.0, |sum, c| sum * u + c);
        (side, value * weight(x[j], h[side]) / h[side])
    };
    let n = (x.len() - 1) as f64;
    let mut above: Vec<[f64; 2]> = vec![[0.0; 2]; window.len() + 1];
    for j in window.clone().rev() {
        let (side, value) = adds(j);
        let place = j - window.start;
        above[place] = above[place + 1];
        above[place][side] += value;
    }
    let mut variance = [0.0; 4];
    for i in window.clone() {
        let first = sample.first[i].max(window.start) - window.start;
        let [l, r] = above[first + 1].map(|sum| sum / n);
        for (sum, contrast) in variance.iter_mut().zip([l, r, r - l, r + l]) {
            *sum += contrast * contrast;
        }
    }
    Some(Fitted { sides, window, variance })
}

/// Bandwidths that are best for the left density, the right one, their difference and their sum.
///
/// Pilots from the normal density with the sample's mean and standard deviation, their constants for the uniform kernel; bias from a fit of degree p + 2, variance
/// from one of degree p. Floors: [`LEAST`] figures and different figures on a side; ceiling: the range of the figures.
fn bandwidths(sample: &Sample<'_>) -> Option<[f64; 4]> {
    let x = sample.x;
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let sd = (x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    let u = mean / sd;
    let phi = (-u * u / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    let (he2, he4) = (u * u - 1.0, u.powi(4) - 6.0 * u * u + 3.0);
    const C_C: f64 = 3840.0 / 7.0;
    const C_B: f64 = 116_480.0 / 99.0 / (400.0 / 81.0) * 120.0 * 120.0;
    let p = P as f64;
    let range = x[0].abs().max(x[x.len() - 1].abs());
    let pilot = |value: f64, least: usize| {
        let [l, r] = sample.nearest(least);
        // Where the normal density has no curvature the pilot is as wide as the figures are.
        let value = if value.is_finite() { value.min(range) } else { range };
        value.max(l).max(r)
    };
    let c = pilot(sd * (C_C / (2.0 * p * n * he2 * he2 * phi)).powf(1.0 / (2.0 * p + 1.0)), LEAST);
    let b = pilot(sd * ((2.0 * p + 1.0) * C_B / (4.0 * n * he4 * he4 * phi)).powf(1.0 / (2.0 * p + 5.0)), LEAST + 2);
    let of_bias = fitted(sample, [b, b], P + 2)?;
    let of_variance = fitted(sample, [c, c], P)?;
    const B: f64 = -3.0 / 7.0;
    let [l, r] = [0, 1].map(|side: usize| of_bias.sides[side].coefficients[P + 1] / b.powi(P as i32 + 1) * B);
    let [least_l, least_r] = sample.nearest(LEAST);
    let (range_l, range_r) = (x[0].abs(), x[x.len() - 1].abs());
    let bounds = [(least_l, range_l), (least_r, range_r), (least_l.max(least_r), range), (least_l.max(least_r), range)];
    let mut out = [0.0; 4];
    for (k, (bias, (least, most))) in [l, r, r - l, r + l].into_iter().zip(bounds).enumerate() {
        let v = n * c * of_variance.variance[k];
        let h = (v / (2.0 * p * bias * bias * n)).powf(1.0 / (2.0 * p + 1.0));
        out[k] = if h.is_finite() { h.min(most) } else { most }.max(least);
    }
    Some(out)
}

/// The test at 0 of figures less the cut, ascending; `h`: bandwidths left and right, by the data when absent (the medians of left or right, difference and sum).
/// `None`: without bandwidths fewer than [`LEAST`] different figures on a side, with them too few to fit.
pub fn density(x: &[f64], h: Option<(f64, f64)>) -> Option<Density> {
    let sample = Sample::new(x);
    let different = |x: &[f64]| x.chunk_by(|a, b| a == b).count();
    if x.len() < 3 || h.is_none() && (different(&x[..sample.below]) < LEAST || different(&x[sample.below..]) < LEAST) {
        return None;
    }
    let (h_left, h_right) = match h {
        Some(h) => h,
        None => {
            let [left, right, difference, sum] = bandwidths(&sample)?;
            let median = |a: f64| a.max(difference.min(sum)).min(difference.max(sum));
            (median(left), median(right))
        }
    };
    let found = fitted(&sample, [h_left, h_right], P + 1)?;
    let [left, right] = [(0, h_left), (1, h_right)].map(|(side, h): (usize, f64)| found.sides[side].coefficients[1] / h);
    let [l, r] = found.sides;
    let t = (right - left) / found.variance[2].sqrt();
    t.is_finite().then(|| Density {
        t,
        left,
        right,
        h_left,
        h_right,
        n_left: sample.below - found.window.start,
        n_right: found.window.end - sample.below,
        variance: [found.variance[0], found.variance[1], found.variance[2]],
        curves: [l.coefficients, r.coefficients],
    })
}
