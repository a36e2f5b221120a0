//! Laws of digits, and how far counts lie from one.

use std::f64::consts::PI;

use super::tail::{Tail, chi_square};

/// The first `k` digits of a positive number, exact. A number with fewer digits is filled up with zeros: 5 has the first two digits 50.
pub fn first_digits(mut m: u64, k: u32) -> u64 {
    let end = 10u64.pow(k);
    while m >= end {
        m /= 10;
    }
    while m > 0 && m < end / 10 {
        m *= 10;
    }
    m
}

/// Benford's law of the first `k` digits, from 10^(k-1) to 10^k - 1: P(d) = log10(1 + 1/d).
pub fn law(k: u32) -> Vec<f64> {
    (10u64.pow(k - 1)..10u64.pow(k)).map(|d| (1.0 / d as f64).ln_1p() / std::f64::consts::LN_10).collect()
}

/// Benford's law of digit `k` alone (2 or more), 0 to 9: the sum over all digits before it.
pub fn law_of_digit(k: u32) -> Vec<f64> {
    let before = 10u64.pow(k - 2)..10u64.pow(k - 1);
    (0..10u64).map(|d| before.clone().map(|j| (1.0 / (10 * j + d) as f64).ln_1p() / std::f64::consts::LN_10).sum()).collect()
}

/// How far counts lie from a law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    pub n: u64,
    /// Sum of (c - e)^2 / e.
    pub chi2: f64,
    /// Likelihood ratio, 2 sum c ln(c / e).
    pub g: f64,
    /// Mean absolute deviation of shares.
    pub mad: f64,
    /// Classes less one.
    pub df: f64,
}

/// Counts `c` against the shares `p` of a law.
pub fn fit(c: &[u64], p: &[f64]) -> Fit {
    let n: u64 = c.iter().sum();
    let total = n as f64;
    let (mut chi2, mut g, mut mad) = (0.0, 0.0, 0.0);
    for (&c, &p) in c.iter().zip(p) {
        let (c, e) = (c as f64, total * p);
        chi2 += (c - e) * (c - e) / e;
        if c > 0.0 {
            g += 2.0 * c * (c / e).ln();
        }
        mad += (c / total - p).abs();
    }
    Fit { n, chi2, g, mad: mad / p.len() as f64, df: p.len() as f64 - 1.0 }
}

impl Fit {
    pub fn p(&self) -> Tail {
        chi_square(self.chi2, self.df)
    }
    /// Cohen's w, the root of chi-square by n.
    pub fn w(&self) -> f64 {
        (self.chi2 / self.n as f64).sqrt()
    }
    /// 95 % interval of Cohen's w: the non-centralities L for which chi-square lies 1.96 standard deviations from its mean, chi2 having mean df + L and variance
    /// 2 (df + 2 L): L = d + 2 z^2 -+ sqrt((d + 2 z^2)^2 - d^2 + 2 z^2 df), d = chi2 - df; w = sqrt(L / n), 0 where L is negative.
    pub fn w_interval(&self) -> (f64, f64) {
        const Z2: f64 = 3.841_458_820_694_124;
        let d = self.chi2 - self.df;
        let middle = d + 2.0 * Z2;
        let root = (middle * middle - d * d + 2.0 * Z2 * self.df).max(0.0).sqrt();
        let w = |l: f64| (l.max(0.0) / self.n as f64).sqrt();
        (if self.chi2 > self.df { w(middle - root) } else { 0.0 }, w(middle + root))
    }
}

/// Mean and standard deviation of the mean absolute deviation of n draws from a law, both times the root of n (Cerqueti and Lupi 2021, arXiv 2202.05237):
/// E = sqrt(2/pi) mean(s_i), s_i = sqrt(p_i (1 - p_i)); Var = 1/k^2 sum_ij s_i s_j (2/pi) (sqrt(1 - r^2) + r asin r - 1), r_ij = -sqrt(p_i p_j / ((1-p_i)(1-p_j))), r_ii = 1.
pub fn mad_moments(p: &[f64]) -> (f64, f64) {
    let k = p.len() as f64;
    let s: Vec<f64> = p.iter().map(|p| (p * (1.0 - p)).sqrt()).collect();
    let mean = (2.0 / PI).sqrt() * s.iter().sum::<f64>() / k;
    let mut variance = 0.0;
    for i in 0..p.len() {
        for j in 0..p.len() {
            let r = if i == j { 1.0 } else { -(p[i] * p[j] / ((1.0 - p[i]) * (1.0 - p[j]))).sqrt() };
            variance += s[i] * s[j] * (2.0 / PI) * ((1.0 - r * r).max(0.0).sqrt() + r * r.asin() - 1.0);
        }
    }
    (mean, (variance / (k * k)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn first_digits_are_those_of_the_text(m in 1u64.., k in 1u32..4) {
            let text = m.to_string();
            let want: String = text.chars().chain("000".chars()).take(k as usize).collect();
            prop_assert_eq!(first_digits(m, k).to_string(), want);
        }
    }

    #[test]
    fn laws_sum_to_one() {
        for law in [law(1), law(2), law(3), law_of_digit(2), law_of_digit(3)] {
            assert!((law.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!((law(1)[0] - 2f64.log10()).abs() < 1e-15);
        // The second digit, as printed by Nigrini.
        for (p, want) in
            law_of_digit(2).iter().zip([0.11968, 0.11389, 0.10882, 0.10433, 0.10031, 0.09668, 0.09337, 0.09035, 0.08757, 0.08500])
        {
            assert!((p - want).abs() < 5e-6);
        }
    }

    #[test]
    fn moments_of_the_deviation() {
        // Monte Carlo means of the reference tables times the root of n.
        for (law, mean, sd) in [
            (law(1), 0.234847, 0.065525),
            (law(2), 0.079347, 0.006686),
            (vec![0.1; 10], 0.239365, 0.059909),
            (vec![0.01; 100], 0.079389, 0.006024),
        ] {
            let (m, s) = mad_moments(&law);
            assert!((m - mean).abs() < 1e-6 && (s - sd).abs() < 1e-6, "{m} {s}, not {mean} {sd}");
        }
    }

    #[test]
    fn counts_of_a_law_fit_it() {
        let f = fit(&[20, 30, 50], &[0.2, 0.3, 0.5]);
        assert!(f.chi2 < 1e-12 && f.mad < 1e-12 && (f.p().p() - 1.0).abs() < 1e-12);
        assert_eq!(f.w_interval().0, 0.0);
        // (10 - 20)^2 / 20 + (40 - 30)^2 / 30 + 0 = 5 + 10/3.
        let f = fit(&[10, 40, 50], &[0.2, 0.3, 0.5]);
        assert!((f.chi2 - 25.0 / 3.0).abs() < 1e-9 && (f.mad - 0.2 / 3.0).abs() < 1e-12);
        assert!((f.p().p() - (-25f64 / 6.0).exp()).abs() < 1e-12);
        let (low, high) = f.w_interval();
        assert!(low < f.w() && f.w() < high, "{low} {} {high}", f.w());
    }
}
