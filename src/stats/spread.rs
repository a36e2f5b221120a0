//! Groups whose figures lie closer together than those of their peers.

use rayon::prelude::*;

use super::chart::Chart;
use super::judged::{Judged, LEAST_PEERS, NO_VALUE, TOO_FEW, TOO_FEW_PEERS, by_id, output};
use super::kernel::{D2, D6, D9, INT, Inputs, LEADS, MISSING, Output, SHOWN, TEXT, columns, decimal};
use super::tail::chi_square_below;

/// The variance of the logarithms of a group's figures against the median variance of its peers: lower tail.
///
/// Values of a unit: figures it needs, keys of its family, keys of its peers. Values of a member: the figure, what makes records count once (not read), its date (not read).
/// `without_top.p`: without the commonest figure, where one is there twice or more.
///
/// Null: (n - 1) s2 / s0 follows chi-square with n - 1 degrees of freedom for normal logarithms. Long tails make s2 vary more: its variance is (k - 1) / 2 times as large where k is the
/// kurtosis (of residuals pooled over all groups, at least 3), so both are multiplied by 2 / (k - 1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spread {
    pub families: usize,
    pub peers: usize,
}

pub const COLUMNS: &[(&str, crate::schema::Type)] = columns! {
    "n": INT, "n_excluded": INT, "excluded": TEXT, "sd": D6, "peer.sd": D6, "ratio": D2, "effect": D6, "effect.low": D6, "effect.high": D6, "peer.n": INT, "without_top.p": D9, "chart": TEXT,
};

const MIN_N: usize = 0;
const KEYS: usize = 1;
const FIXED: &str = "the test does not apply: half of the figures are one and the same";

struct Group {
    n: u64,
    excluded: [u64; 2],
    logs: Vec<f64>,
    mean: f64,
    variance: f64,
    gate: Option<&'static str>,
}

fn group(inputs: &Inputs<'_>, unit: usize) -> Group {
    let figures = inputs.members_of(0, unit);
    let missing = figures.iter().filter(|f| **f == MISSING).count() as u64;
    let mut used: Vec<i64> = figures.iter().copied().filter(|f| *f > 0).collect();
    // In the order of the figures, so that the sums do not depend on that of the rows.
    used.sort_unstable();
    let n = used.len() as u64;
    let most = used.chunk_by(|a, b| a == b).map(<[i64]>::len).max().unwrap_or(0) as u64;
    let logs: Vec<f64> = used.iter().map(|f| (*f as f64).ln()).collect();
    let mean = logs.iter().sum::<f64>() / n as f64;
    let variance = logs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n as f64 - 1.0);
    let gate = match inputs.unit_value(MIN_N, unit) {
        MISSING => Some(NO_VALUE),
        least if (n as i64) < least.max(3) => Some(TOO_FEW),
        _ if most * 2 >= n => Some(FIXED),
        _ => None,
    };
    Group { n, excluded: [missing, figures.len() as u64 - missing - n], logs, mean, variance, gate }
}

/// p without the commonest figure, which narrows a group most.
fn without_commonest(group: &Group, usual: f64, factor: f64) -> i64 {
    let runs = group.logs.chunk_by(|a, b| a == b);
    let Some((count, value)) = runs.map(|run| (run.len(), run[0])).max_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1))) else {
        return MISSING;
    };
    let left: Vec<f64> = group.logs.iter().copied().filter(|x| x.total_cmp(&value).is_ne()).collect();
    let n = left.len() as f64;
    if count < 2 || n < 3.0 {
        return MISSING;
    }
    let mean = left.iter().sum::<f64>() / n;
    let variance = left.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let df = (n - 1.0) * factor;
    decimal(chi_square_below(df * variance / usual, df).p(), 9)
}

/// Kurtosis of all residuals together.
fn kurtosis(groups: &[Group]) -> f64 {
    let (mut n, mut second, mut fourth) = (0.0, 0.0, 0.0);
    for group in groups.iter().filter(|g| g.gate.is_none()) {
        for x in &group.logs {
            let square = (x - group.mean) * (x - group.mean);
            n += 1.0;
            second += square;
            fourth += square * square;
        }
    }
    if second > 0.0 { (n * fourth / (second * second)).max(3.0) } else { 3.0 }
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

pub fn run(spec: &Spread, inputs: &Inputs<'_>) -> Output {
    let groups: Vec<Group> = (0..inputs.len()).into_par_iter().with_min_len(64).map(|unit| group(inputs, unit)).collect();
    let peers = inputs.ids(KEYS..KEYS + spec.families + spec.peers);
    let mut variances: Vec<Vec<f64>> = by_id(&peers, |of: &mut Vec<f64>, unit| {
        if groups[unit].gate.is_none() {
            of.push(groups[unit].variance);
        }
    });
    for of in &mut variances {
        of.sort_by(f64::total_cmp);
    }
    let factor = 2.0 / (kurtosis(&groups) - 1.0);
    let units: Vec<Judged<8>> = (0..inputs.len())
        .into_par_iter()
        .with_min_len(64)
        .map(|unit| {
            let g = &groups[unit];
            let excluded = vec![(g.excluded[0], "without a value"), (g.excluded[1], "zero or negative")];
            if let Some(why) = g.gate {
                return Judged::untested(g.n, excluded, why);
            }
            let of = &variances[peers[unit] as usize];
            if of.len() as u64 <= LEAST_PEERS {
                return Judged::untested(g.n, excluded, TOO_FEW_PEERS);
            }
            let mut others = of.clone();
            others.remove(others.partition_point(|v| v.total_cmp(&g.variance).is_lt()));
            let usual = median(&others);
            let df = (g.n as f64 - 1.0) * factor;
            let p = chi_square_below(df * g.variance / usual, df);
            let ratio = (g.variance / usual).sqrt();
            // ln s has a standard deviation of about 1 / sqrt(2 df).
            let half = (1.959_963_984_540_054 / (2.0 * df).sqrt()).exp();
            let figures = [
                decimal(g.variance.sqrt(), 6),
                decimal(usual.sqrt(), 6),
                decimal(ratio, 2),
                decimal(1.0 - ratio, 6),
                decimal(1.0 - ratio * half, 6),
                decimal(1.0 - ratio / half, 6),
                others.len() as i64,
                if p.p() <= SHOWN { without_commonest(g, usual, factor) } else { MISSING },
            ];
            Judged { n: g.n, excluded, p: Ok(p), figures, chart: Some(chart(g, usual.sqrt())), leads: nearest(inputs, unit, g) }
        })
        .collect();
    output(&units, &inputs.ids(KEYS..KEYS + spec.families))
}

/// How far figures lie from the group's mean, in standard deviations of the peers, against the normal law.
fn chart(group: &Group, sd: f64) -> Chart {
    let mut counts = [0u64; 4];
    for x in &group.logs {
        let z = (x - group.mean).abs() / sd;
        counts[[0.5, 1.0, 2.0].iter().filter(|end| z > **end).count()] += 1;
    }
    // P(|Z| < 0.5), then up to 1, up to 2, beyond.
    let law = [0.382_924_923, 0.299_764_570, 0.271_810_244, 0.045_500_263];
    Chart::of(["to .5 sd", "to 1 sd", "to 2 sd", "beyond"].iter().map(|l| (*l).to_owned()), &counts, &law)
}

/// Members whose figures lie nearest to the middle one.
fn nearest(inputs: &Inputs<'_>, unit: usize, group: &Group) -> Vec<usize> {
    let figures = inputs.members_of(0, unit);
    let middle = group.logs[group.logs.len() / 2].exp().round() as i64;
    let mut found: Vec<(u64, usize)> =
        figures.iter().enumerate().filter(|(_, f)| **f > 0).map(|(i, f)| (f.abs_diff(middle), inputs.starts[unit] + i)).collect();
    found.sort_unstable();
    found.into_iter().take(LEADS).map(|(_, member)| member).collect()
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::stats::Column;

    /// exp(mean + sd z), z about normal (sum of twelve).
    fn group_of(random: &mut ChaCha8Rng, n: usize, sd: f64) -> Vec<i64> {
        (0..n)
            .map(|_| {
                let z: f64 = (0..12).map(|_| random.random_range(0.0..1.0)).sum::<f64>() - 6.0;
                (13.0 + sd * z).exp().round() as i64
            })
            .collect()
    }
    fn run_on(groups: &[Vec<i64>], least: i64) -> Output {
        let starts: Vec<usize> = std::iter::once(0)
            .chain(groups.iter().scan(0, |end, g| {
                *end += g.len();
                Some(*end)
            }))
            .collect();
        let units = [vec![least; groups.len()]];
        let members = [groups.concat(), vec![MISSING; starts[groups.len()]]];
        run(&Spread { families: 0, peers: 0 }, &Inputs { units: &units, starts: &starts, members: &members, texts: &[] })
    }
    fn numbers(out: &Output, name: &str) -> Vec<i64> {
        match &out.columns[COLUMNS.iter().position(|c| c.0 == name).unwrap()] {
            Column::Number(v) => v.clone(),
            Column::Text(_) => panic!("{name}"),
        }
    }

    #[test]
    fn a_collapsed_group_is_found_and_honest_ones_are_not() {
        let mut false_ones = 0;
        for seed in 0..10 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let mut groups: Vec<Vec<i64>> = (0..60).map(|i| group_of(&mut random, 20 + i, 0.5)).collect();
            groups[7] = group_of(&mut random, 30, 0.03);
            let out = run_on(&groups, 12);
            let q = numbers(&out, "q");
            assert!(q[7] < 1_000_000, "seed {seed}: {}", q[7]);
            assert!(numbers(&out, "effect")[7] > 900_000);
            assert_eq!(numbers(&out, "peer.n")[7], 59);
            false_ones += q.iter().enumerate().filter(|(i, q)| *i != 7 && **q <= 50_000_000).count();
        }
        assert!(false_ones <= 3, "{false_ones} of 590 honest groups");
    }

    #[test]
    fn few_figures_fixed_ones_and_few_peers_are_not_tested() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut groups: Vec<Vec<i64>> = (0..12).map(|_| group_of(&mut random, 20, 0.5)).collect();
        groups[0].truncate(11);
        groups[1] = vec![126_000; 20];
        groups[2].extend([0, -5, MISSING]);
        let out = run_on(&groups, 12);
        let Some(Column::Text(reasons)) = out.columns.last() else { panic!("reasons") };
        assert_eq!(reasons[0].as_deref(), Some(TOO_FEW));
        assert_eq!(reasons[1].as_deref(), Some(FIXED));
        assert!(reasons[2..].iter().all(Option::is_none));
        let Column::Text(words) = &out.columns[2] else { panic!("words") };
        assert_eq!(words[2].as_deref(), Some("1 without a value, 2 zero or negative"));
        let few = run_on(&groups[2..10], 12);
        let Some(Column::Text(reasons)) = few.columns.last() else { panic!("reasons") };
        assert!(reasons.iter().all(|r| r.as_deref() == Some(TOO_FEW_PEERS)));
    }

    #[test]
    fn the_order_of_the_rows_changes_nothing() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let groups: Vec<Vec<i64>> = (0..12).map(|_| group_of(&mut random, 25, 0.4)).collect();
        let turned: Vec<Vec<i64>> = groups.iter().map(|g| g.iter().rev().copied().collect()).collect();
        assert_eq!(run_on(&groups, 12).columns, run_on(&turned, 12).columns);
    }
}
