//! Numbers that equal what was planned, or each other, more often than chance lets them.

use rayon::prelude::*;
use statrs::function::gamma::ln_gamma;

use super::chart::Chart;
use super::judged::{Judged, NO_VALUE, TOO_FEW, output};
use super::kernel::{D2, D6, D9, INT, Inputs, MISSING, Output, SHOWN, TEXT, columns, decimal};
use super::share::wilson;
use super::tail::Tail;

/// How often a number lies within a slack of another one.
///
/// Values of a unit: members it needs, the number from which on a member counts, slack, keys of its family. Values of a member: the number, the other one, its date.
/// `half.p` and `double.p`: with half and with twice the slack, at least one more; `without_top.p`: without the largest member.
///
/// p is the probability of at least so many hits among the members, each with its own ([`hit_target`] or [`hit_balance`]): Poisson-binomial, exact.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hits {
    /// Two flows are held against each other; else a number against its target.
    pub balance: bool,
    pub families: usize,
}

pub const COLUMNS: &[(&str, crate::schema::Type)] = columns! {
    "n": INT, "n_excluded": INT, "excluded": TEXT, "hits": INT, "share": D6, "expected": D6, "effect": D6, "effect.low": D6, "effect.high": D6, "excess": D2,
    "half.p": D9, "double.p": D9, "without_top.p": D9, "chart": TEXT,
};

const REPEATED: usize = 0;
const MIN_N: usize = 1;
const SLACK: usize = 2;
const KEYS: usize = 3;

/// P(|X - target| <= slack) of a Poisson X with the target as its mean: no other mean makes an exact hit likelier.
pub fn hit_target(target: u64, slack: u64) -> f64 {
    if target == 0 {
        return 1.0;
    }
    let mean = target as f64;
    let term = |k: u64| (k as f64 * mean.ln() - mean - ln_gamma(k as f64 + 1.0)).exp();
    // Beyond ten thousand off nothing is left to add.
    let slack = slack.min(10_000);
    (target.saturating_sub(slack)..=target.saturating_add(slack)).map(term).sum::<f64>().min(1.0)
}

/// P(|X - (n - X)| <= slack) when each of n movements goes either way like a coin.
pub fn hit_balance(n: u64, slack: u64) -> f64 {
    let nf = n as f64;
    let term = |k: u64| (ln_gamma(nf + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma(nf - k as f64 + 1.0) - nf * std::f64::consts::LN_2).exp();
    let first = n.saturating_sub(slack).div_ceil(2);
    let last = (n.saturating_add(slack) / 2).min(n);
    (first..=last).map(term).sum::<f64>().min(1.0)
}

/// P(at least `hits`) of independent trials with these probabilities, by adding one trial after the other.
pub fn at_least(hits: usize, probabilities: &[f64]) -> Tail {
    let mut of = vec![0.0; probabilities.len() + 1];
    of[0] = 1.0;
    for (done, p) in probabilities.iter().enumerate() {
        for k in (0..=done).rev() {
            of[k + 1] += of[k] * p;
            of[k] *= 1.0 - p;
        }
    }
    Tail::of(of[hits.min(of.len())..].iter().rev().sum())
}

pub fn run(spec: &Hits, inputs: &Inputs<'_>) -> Output {
    let units: Vec<Judged<10>> = (0..inputs.len()).into_par_iter().with_min_len(64).map(|unit| judge(spec, inputs, unit)).collect();
    output(&units, &inputs.ids(KEYS..KEYS + spec.families))
}

fn judge(spec: &Hits, inputs: &Inputs<'_>, unit: usize) -> Judged<10> {
    let start = inputs.starts[unit];
    let [repeated, min_n, slack] = [REPEATED, MIN_N, SLACK].map(|value| inputs.unit_value(value, unit));
    let (numbers, others, dates) = (inputs.members_of(0, unit), inputs.members_of(1, unit), inputs.members_of(2, unit));
    let (mut unknown, mut small) = (0, 0);
    let mut probabilities = vec![];
    let mut counted: Vec<(u64, u64)> = vec![];
    // Size, date and place of those that were hit.
    let mut hit: Vec<(i64, i64, usize)> = vec![];
    for (i, (&number, &other)) in numbers.iter().zip(others).enumerate() {
        if number < 0 || other < 0 {
            unknown += 1;
            continue;
        }
        let size = if spec.balance { number.saturating_add(other) } else { other };
        if size < min_n {
            small += 1;
            continue;
        }
        let (size_of, slack_of) = (size as u64, slack.max(0) as u64);
        probabilities.push(if spec.balance { hit_balance(size_of, slack_of) } else { hit_target(size_of, slack_of) });
        counted.push((size_of, number.abs_diff(other)));
        if number.abs_diff(other) <= slack_of {
            hit.push((size, dates[i], start + i));
        }
    }
    let n = probabilities.len() as u64;
    let excluded = vec![(unknown, "without a number"), (small, "too small")];
    if [repeated, min_n, slack].contains(&MISSING) {
        return Judged::untested(n, excluded, NO_VALUE);
    }
    if (n as i64) < repeated.max(1) {
        return Judged::untested(n, excluded, TOO_FEW);
    }
    hit.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
    let hits = hit.len() as u64;
    let expected = probabilities.iter().sum::<f64>() / n as f64;
    let (low, high) = wilson(hits as i64, n as i64);
    let share = decimal(hits as f64 / n as f64, 6);
    let p = at_least(hits as usize, &probabilities);
    let again = |counted: &[(u64, u64)], slack: u64| {
        let chances: Vec<f64> =
            counted.iter().map(|&(size, _)| if spec.balance { hit_balance(size, slack) } else { hit_target(size, slack) }).collect();
        let hits = counted.iter().filter(|(_, off)| *off <= slack).count();
        if counted.is_empty() { MISSING } else { decimal(at_least(hits, &chances).p(), 9) }
    };
    let mut others = [MISSING; 3];
    if p.p() <= SHOWN {
        let slack = slack.max(0) as u64;
        let largest = (0..counted.len()).max_by_key(|&i| (counted[i].0, i));
        let rest: Vec<(u64, u64)> = (0..counted.len()).filter(|i| Some(*i) != largest).map(|i| counted[i]).collect();
        others = [again(&counted, slack / 2), again(&counted, (2 * slack).max(slack + 1)), again(&rest, slack)];
    }
    let figures = [
        hits as i64,
        share,
        decimal(expected, 6),
        share,
        decimal(low, 6),
        decimal(high, 6),
        decimal(hits as f64 - expected * n as f64, 2),
        others[0],
        others[1],
        others[2],
    ];
    let labels = ["hit".to_owned(), "missed".to_owned()];
    let chart = Chart::of(labels.into_iter(), &[hits, n - hits], &[expected, 1.0 - expected]);
    let leads = hit.into_iter().map(|(_, _, member)| member).collect();
    Judged { n, excluded, p: Ok(p), figures, chart: Some(chart), leads }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Column;

    #[test]
    fn a_target_is_hit_as_often_as_poisson_says() {
        // R: dpois(100, 100), dpois(10, 10).
        assert!((hit_target(100, 0) - 0.039_860_996_809_147_13).abs() < 1e-12);
        assert!((hit_target(100, 1) - 0.039_860_996_809_147_13 * (2.0 + 100.0 / 101.0)).abs() < 1e-12);
        assert!((hit_target(10, 0) - 0.125_110_035_721_133_3).abs() < 1e-12);
        // Everything from 0 to 4 of a mean of 2.
        let naive: f64 = [1.0, 2.0, 2.0, 4.0 / 3.0, 2.0 / 3.0].iter().sum::<f64>() * (-2f64).exp();
        assert!((hit_target(2, 2) - naive).abs() < 1e-12);
        assert!((hit_target(2, 4) - hit_target(2, 3) - (-2f64).exp() * 64.0 / 720.0).abs() < 1e-12);
        for target in [1u64, 5, 40] {
            for other in [0.5f64, 0.9, 1.1, 2.0] {
                let mean = target as f64 * other;
                let there = (target as f64 * mean.ln() - mean - ln_gamma(target as f64 + 1.0)).exp();
                assert!(there < hit_target(target, 0), "no other mean makes a hit likelier");
            }
        }
    }

    #[test]
    fn balance_is_that_of_coins() {
        assert!((hit_balance(4, 0) - 6.0 / 16.0).abs() < 1e-12);
        assert_eq!(hit_balance(5, 0), 0.0, "an odd number cannot be halved");
        assert!((hit_balance(5, 1) - 20.0 / 32.0).abs() < 1e-12);
        assert!((hit_balance(6, 2) - (15.0 + 20.0 + 15.0) / 64.0).abs() < 1e-12);
        assert!((hit_balance(3, 9) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn hits_are_counted_over_all_ways() {
        let p = [0.1, 0.5, 0.3, 0.9];
        for hits in 0..=5 {
            let naive: f64 = (0u32..16)
                .filter(|ways| ways.count_ones() as usize >= hits)
                .map(|ways| (0..4).map(|i| if ways >> i & 1 == 1 { p[i] } else { 1.0 - p[i] }).product::<f64>())
                .sum();
            assert!((at_least(hits, &p).p() - naive).abs() < 1e-12, "{hits}");
        }
    }

    #[test]
    fn areas_that_hit_their_targets() {
        // Three exact hits of 40; two of three; one record too small to count and one without a number.
        let numbers = vec![40, 40, 40, 40, 40, 43, 3, MISSING];
        let others = vec![40, 40, 40, 40, 40, 40, 3, 40];
        let units = [vec![3; 3], vec![10; 3], vec![0; 3]];
        let members = [numbers, others, vec![MISSING; 8]];
        let inputs = Inputs { units: &units, starts: &[0, 3, 6, 8], members: &members, texts: &[] };
        let out = run(&Hits { balance: false, families: 0 }, &inputs);
        assert_eq!(out.columns.len(), COLUMNS.len());
        let Column::Number(hits) = &out.columns[3] else { panic!("hits") };
        assert_eq!(hits, &[3, 2, MISSING]);
        let at = |name: &str| COLUMNS.iter().position(|c| c.0 == name).unwrap();
        let Column::Number(p) = &out.columns[at("p")] else { panic!("p") };
        let once = hit_target(40, 0);
        assert_eq!(p[0], decimal(once.powi(3), 9));
        assert_eq!(p[1], decimal(3.0 * once.powi(2) * (1.0 - once) + once.powi(3), 9));
        let Column::Text(excluded) = &out.columns[2] else { panic!("words") };
        assert_eq!(excluded[2].as_deref(), Some("1 without a number, 1 too small"));
        assert_eq!(out.leads, [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1)]);
    }
}
