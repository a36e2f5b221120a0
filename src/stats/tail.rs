//! Tail probabilities, also where they are too small for a floating-point number.

use statrs::function::gamma::{gamma_ur, ln_gamma};

/// A tail probability by its natural logarithm, so that 1e-500 stays apart from 1e-400.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Tail {
    pub ln: f64,
}

impl Tail {
    pub fn of(p: f64) -> Tail {
        Tail { ln: p.clamp(0.0, 1.0).ln() }
    }
    /// The probability itself; 0 below 1e-308.
    pub fn p(self) -> f64 {
        self.ln.exp()
    }
    pub fn log10(self) -> f64 {
        self.ln / std::f64::consts::LN_10
    }
    /// For people: `0.021` from a thousandth up, else `2e-9`.
    pub fn words(self) -> String {
        if self.p() >= 0.000_95 {
            let digits = (1.0 - self.log10().floor()).clamp(2.0, 4.0) as usize;
            return format!("{:.digits$}", self.p());
        }
        if self.ln == f64::NEG_INFINITY {
            return "0".to_owned();
        }
        let mut exponent = self.log10().floor();
        let mut first = 10f64.powf(self.log10() - exponent).round();
        if first >= 10.0 {
            (first, exponent) = (1.0, exponent + 1.0);
        }
        format!("{first}e{exponent}")
    }
    /// Twice as likely, at most 1: two one-sided tests in one.
    #[must_use]
    pub fn twice(self) -> Tail {
        Tail { ln: (self.ln + std::f64::consts::LN_2).min(0.0) }
    }
    #[must_use]
    pub fn min(self, other: Tail) -> Tail {
        if other.ln < self.ln { other } else { self }
    }
}

/// P(X >= x) of chi-square with `df` degrees of freedom: the regularised upper incomplete gamma Q(df / 2, x / 2).
pub fn chi_square(x: f64, df: f64) -> Tail {
    upper_gamma(df / 2.0, x / 2.0)
}

/// P(X <= x) of chi-square with `df` degrees of freedom: the series x^a e^-x / gamma(a + 1) (1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ...), a = df / 2, at x / 2
/// (Abramowitz and Stegun 6.5.29).
pub fn chi_square_below(x: f64, df: f64) -> Tail {
    let (a, x) = (df / 2.0, x / 2.0);
    if x.is_nan() || x <= 0.0 {
        return Tail { ln: f64::NEG_INFINITY };
    }
    if x > a + 1.0 {
        return Tail { ln: (-upper_gamma(a, x).p()).ln_1p() };
    }
    let (mut sum, mut term, mut next) = (1.0, 1.0, a + 1.0);
    while term > sum * 1e-17 {
        term *= x / next;
        sum += term;
        next += 1.0;
    }
    Tail { ln: (a * x.ln() - x - ln_gamma(a + 1.0) + f64::ln(sum)).min(0.0) }
}

/// P(|Z| >= |z|) of the standard normal: erfc(|z| / sqrt 2) = Q(1/2, z^2 / 2).
pub fn normal(z: f64) -> Tail {
    upper_gamma(0.5, z * z / 2.0)
}

/// Q(a, x) by Legendre's continued fraction in logarithms where x is beyond the middle (Abramowitz and Stegun 6.5.31, modified Lentz), else by `statrs`.
fn upper_gamma(a: f64, x: f64) -> Tail {
    if x.is_nan() || x <= 0.0 {
        return Tail { ln: 0.0 };
    }
    if x < a + 1.0 {
        return Tail { ln: gamma_ur(a, x).ln() };
    }
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..10_000 {
        let i = f64::from(i);
        let an = -i * (i - a);
        b += 2.0;
        d = an * d + b;
        d = 1.0 / if d.abs() < tiny { tiny } else { d };
        c = b + an / c;
        c = if c.abs() < tiny { tiny } else { c };
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    Tail { ln: (a * x.ln() - x - ln_gamma(a) + h.ln()).min(0.0) }
}

/// P(X >= k) and P(X <= k) of a binomial with `n` draws of share `p`: its terms from k outwards, each from the one before, until they no longer count.
pub fn binomial(k: u64, n: u64, p: f64) -> (Tail, Tail) {
    (upper(k, n, p), if k >= n { Tail { ln: 0.0 } } else { upper(n - k, n, 1.0 - p) })
}

fn upper(k: u64, n: u64, p: f64) -> Tail {
    if k == 0 || p >= 1.0 {
        return Tail { ln: 0.0 };
    }
    if k > n || p <= 0.0 {
        return Tail { ln: f64::NEG_INFINITY };
    }
    if (k as f64) <= n as f64 * p {
        // The small side is the other one.
        return Tail { ln: (-outwards(n - k + 1, n, 1.0 - p).ln.exp()).ln_1p() };
    }
    outwards(k, n, p)
}

/// Sum of the terms k, k + 1, ... n, where k lies above the mean, so that they only fall.
fn outwards(k: u64, n: u64, p: f64) -> Tail {
    let (kf, nf) = (k as f64, n as f64);
    let ln_first = ln_gamma(nf + 1.0) - ln_gamma(kf + 1.0) - ln_gamma(nf - kf + 1.0) + kf * p.ln() + (nf - kf) * (-p).ln_1p();
    let odds = p / (1.0 - p);
    let (mut sum, mut term) = (1.0, 1.0);
    for i in k..n {
        term *= (n - i) as f64 / (i + 1) as f64 * odds;
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    Tail { ln: (ln_first + f64::ln(sum)).min(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(tail: Tail, p: f64, relative: f64) {
        assert!((tail.p() / p - 1.0).abs() < relative, "{} is not {p}", tail.p());
    }

    /// R 4.5: `pchisq(x, df, lower = FALSE)`, `2 * pnorm(-z)`, `pbinom`.
    #[test]
    fn tails_agree_with_r() {
        close(chi_square(3.841_458_820_694_124, 1.0), 0.05, 1e-12);
        close(chi_square(15.507_313_055_865_453, 8.0), 0.05, 1e-12);
        close(normal(1.959_963_984_540_054), 0.05, 1e-12);
        close(normal(6.0), 1.973_175_290_075_396e-9, 1e-10);
        close(chi_square(2.0, 2.0), (-1f64).exp(), 1e-13);
        // With two degrees of freedom the tail is exp(-x / 2) wherever it lies.
        assert!((chi_square(5000.0, 2.0).ln + 2500.0).abs() < 1e-9);
        assert!((chi_square(32_100.0, 2.0).log10() + 16_050.0 / std::f64::consts::LN_10).abs() < 1e-8);
    }

    #[test]
    fn what_lies_below_and_above_is_all() {
        for df in [1.0, 2.0, 3.7, 40.0] {
            for x in [0.01, 0.5, 2.0, 7.0, 30.0, 90.0] {
                assert!((chi_square_below(x, df).p() + chi_square(x, df).p() - 1.0).abs() < 1e-12, "{x} {df}");
            }
        }
        // R: pchisq(1, 30, log.p = TRUE); with two degrees of freedom 1 - exp(-x / 2).
        assert!((chi_square_below(1e-3, 2.0).p() / 4.998_750_208_307_295e-4 - 1.0).abs() < 1e-12);
        assert!(chi_square_below(1e-9, 800.0).ln < -9000.0, "far below the smallest number");
    }

    #[test]
    fn binomial_tails_are_the_sums_of_their_terms() {
        for n in [1u64, 2, 7, 30, 61] {
            for p in [0.01, 0.3, 0.5, 0.97] {
                let term = |k: u64| {
                    let choose = (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
                    choose * f64::powi(p, k as i32) * f64::powi(1.0 - p, (n - k) as i32)
                };
                for k in 0..=n {
                    let (up, low) = binomial(k, n, p);
                    let naive: f64 = (k..=n).rev().map(term).sum();
                    assert!((up.p() - naive).abs() < 1e-12 + 1e-9 * naive, "P(X >= {k}) of {n} at {p}: {} is not {naive}", up.p());
                    let naive: f64 = (0..=k).map(term).sum();
                    assert!((low.p() - naive).abs() < 1e-12 + 1e-9 * naive, "P(X <= {k}) of {n} at {p}: {} is not {naive}", low.p());
                }
            }
        }
        // All of a thousand heads.
        assert!((binomial(1000, 1000, 0.5).0.ln + 1000.0 * std::f64::consts::LN_2).abs() < 1e-9);
    }

    #[test]
    fn words_are_short() {
        for (p, want) in
            [(0.5, "0.50"), (0.0512, "0.051"), (0.001, "0.0010"), (0.000_94, "9e-4"), (0.000_096, "1e-4"), (1.2e-9, "1e-9"), (1.0, "1.00")]
        {
            assert_eq!(Tail::of(p).words(), want, "{p}");
        }
        assert_eq!(Tail { ln: -2000.0 }.words(), "3e-869");
        assert_eq!(Tail::of(0.0).words(), "0");
    }
}
