//! Shares of peers that vary among themselves.

use statrs::function::gamma::ln_gamma;

use super::tail::{Tail, binomial};

/// Hits and trials of many groups, added up so that one group can be taken out again.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Peers {
    pub groups: u64,
    pub hits: u64,
    pub trials: u64,
    /// Sum of n^2.
    squares: u128,
    /// Sum of k^2 / n.
    spread: f64,
}

/// A share and how much of its variance is between groups (0: binomial).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BetaBinomial {
    pub share: f64,
    pub rho: f64,
}

impl Peers {
    pub fn add(&mut self, hits: u64, trials: u64) {
        self.groups += 1;
        self.hits += hits;
        self.trials += trials;
        self.squares += u128::from(trials) * u128::from(trials);
        self.spread += (hits as f64) * (hits as f64) / trials as f64;
    }
    /// All but one group that was added.
    #[must_use]
    pub fn without(&self, hits: u64, trials: u64) -> Peers {
        Peers {
            groups: self.groups - 1,
            hits: self.hits - hits,
            trials: self.trials - trials,
            squares: self.squares - u128::from(trials) * u128::from(trials),
            spread: self.spread - (hits as f64) * (hits as f64) / trials as f64,
        }
    }
    /// By moments (Kleinman 1973, weights n): with S = sum n (k/n - p)^2 and N the sum of n, E S = p (1-p) (m - 1 + rho (N - sum n^2 / N - (m - 1))).
    /// Half a hit is added, so that a share that no peer has is not impossible.
    pub fn fit(&self) -> BetaBinomial {
        let (m, n, k) = (self.groups as f64, self.trials as f64, self.hits as f64);
        let share = (k + 0.5) / (n + 1.0);
        let raw = k / n;
        let s = self.spread - k * raw;
        let room = n - self.squares as f64 / n - (m - 1.0);
        let rho = if raw > 0.0 && raw < 1.0 && room > 0.0 { (s / (raw * (1.0 - raw)) - (m - 1.0)) / room } else { 0.0 };
        BetaBinomial { share, rho: rho.clamp(0.0, 0.95) }
    }
}

impl BetaBinomial {
    /// P(X >= k) and P(X <= k) among n trials.
    pub fn tails(&self, k: u64, n: u64) -> (Tail, Tail) {
        if self.rho < 1e-9 {
            return binomial(k, n, self.share);
        }
        let scale = 1.0 / self.rho - 1.0;
        let (a, b) = (self.share * scale, (1.0 - self.share) * scale);
        let ln_beta = |x: f64, y: f64| ln_gamma(x) + ln_gamma(y) - ln_gamma(x + y);
        let (kf, nf) = (k as f64, n as f64);
        let ln_k = ln_gamma(nf + 1.0) - ln_gamma(kf + 1.0) - ln_gamma(nf - kf + 1.0) + ln_beta(kf + a, nf - kf + b) - ln_beta(a, b);
        let (mut up, mut term) = (1.0, 1.0);
        for i in k..n {
            let i = i as f64;
            term *= (nf - i) / (i + 1.0) * (i + a) / (nf - i - 1.0 + b);
            up += term;
        }
        let (mut down, mut term) = (1.0, 1.0);
        for i in (1..=k).rev() {
            let i = i as f64;
            term *= i / (nf - i + 1.0) * (nf - i + b) / (i - 1.0 + a);
            down += term;
        }
        (Tail { ln: (ln_k + f64::ln(up)).min(0.0) }, Tail { ln: (ln_k + f64::ln(down)).min(0.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_add_up() {
        for rho in [0.0, 0.01, 0.2] {
            let law = BetaBinomial { share: 0.3, rho };
            for k in 0..=12u64 {
                let (up, down) = law.tails(k, 12);
                let next = if k < 12 { law.tails(k + 1, 12).0.p() } else { 0.0 };
                assert!((up.p() + down.p() - (up.p() - next) - 1.0).abs() < 1e-9, "rho {rho}, k {k}");
            }
        }
        // a = b = 1: every count of n trials is equally likely.
        let flat = BetaBinomial { share: 0.5, rho: 1.0 / 3.0 };
        assert!((flat.tails(9, 9).0.p() - 0.1).abs() < 1e-12);
        assert!((flat.tails(3, 9).1.p() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn a_group_is_taken_out_again() {
        let mut all = Peers::default();
        for (k, n) in [(3, 10), (9, 12), (1, 30), (20, 41)] {
            all.add(k, n);
        }
        let mut rest = Peers::default();
        for (k, n) in [(3, 10), (1, 30), (20, 41)] {
            rest.add(k, n);
        }
        let without = all.without(9, 12);
        assert_eq!((without.groups, without.hits, without.trials, without.squares), (3, 24, 81, 2681));
        assert!((without.spread - rest.spread).abs() < 1e-9);
    }

    #[test]
    fn the_spread_between_groups_is_found() {
        // 200 groups of 50, half with a share of 0.2 and half with 0.4: variance 0.01 between, of 0.3 x 0.7.
        let mut peers = Peers::default();
        for _ in 0..100 {
            peers.add(10, 50);
            peers.add(20, 50);
        }
        let fit = peers.fit();
        assert!((fit.share - 0.3).abs() < 1e-3);
        // Without binomial noise S is smaller than expected by it: rho = (50 x 0.01 / 0.21 - 1) / 49.
        assert!((fit.rho - (50.0 * 0.01 / 0.21 - 1.0) / 49.0).abs() < 1e-3, "{}", fit.rho);
    }
}
