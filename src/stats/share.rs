//! A share per unit against the rest of its peers: exact binomial.

use super::family::Family;
use super::kernel::{Column, D2, D6, D9, INT, Inputs, MISSING, Output, TEXT, columns, decimal};
use super::tail::binomial;

/// Which departure is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Side {
    High,
    Low,
    #[default]
    Both,
}

/// Hits among trials of a unit against the share of all others of its peer group.
///
/// Values of a unit: hits, trials, hits and trials of its peer group with itself, family. Null: each trial is a hit with the share of the others,
/// (H - h + 1/2) / (N - n + 1). p is the exact binomial tail of the side, for both sides twice the smaller one.
/// `share` and `expected` are shares of 1; `low` and `high` are Wilson's 95 % interval of the unit's share (1927).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Share {
    pub side: Side,
    /// Trials a unit must have, and all others together likewise.
    pub min_n: u32,
}

pub const COLUMNS: &[(&str, crate::schema::Type)] = columns! { "share": D6, "expected": D6, "low": D6, "high": D6 };

pub fn run(spec: &Share, inputs: &Inputs<'_>) -> Output {
    let mut out: [Vec<i64>; 4] = Default::default();
    let mut family = Family { p: vec![] };
    for u in 0..inputs.len() {
        let read = [0, 1, 2, 3].map(|v| inputs.unit_value(v, u));
        let [hits, trials, peer_hits, peer_trials] = read;
        let given =
            !read.contains(&MISSING) && 0 <= hits && hits <= trials && hits <= peer_hits && trials - hits <= peer_trials - peer_hits;
        let others = peer_trials.saturating_sub(trials);
        let p = if !given {
            Err("a value is missing")
        } else if trials < i64::from(spec.min_n).max(1) {
            Err("too few records")
        } else if others < i64::from(spec.min_n).max(1) {
            Err("too few records of peers")
        } else {
            let expected = ((peer_hits - hits) as f64 + 0.5) / (others as f64 + 1.0);
            let (high, low) = binomial(hits as u64, trials as u64, expected);
            let (from, to) = wilson(hits, trials);
            for (out, value) in out.iter_mut().zip([hits as f64 / trials as f64, expected, from, to]) {
                out.push(decimal(value, 6));
            }
            Ok(match spec.side {
                Side::High => high,
                Side::Low => low,
                Side::Both => high.min(low).twice(),
            })
        };
        if p.is_err() {
            out.iter_mut().for_each(|out| out.push(MISSING));
        }
        family.p.push(p);
    }
    let columns = out.into_iter().map(Column::Number).chain(family.columns(&inputs.ids(4..5))).collect();
    Output { columns, leads: vec![] }
}

/// Wilson's 95 % interval of a share.
pub fn wilson(hits: i64, trials: i64) -> (f64, f64) {
    const Z: f64 = 1.959_963_984_540_054;
    let (n, share) = (trials as f64, hits as f64 / trials as f64);
    let middle = share + Z * Z / (2.0 * n);
    let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_far_from_the_others() {
        // 18 of 20 where the other 180 have 18; 2 of 20; two trials only; a missing count.
        let units = [vec![18, 2, 1, MISSING], vec![20, 20, 2, 20], vec![36, 36, 36, 36], vec![200; 4], vec![7; 4]];
        let run = |side| run(&Share { side, min_n: 10 }, &Inputs { units: &units, starts: &[0; 5], members: &[], texts: &[] }).columns;
        let columns = run(Side::High);
        assert_eq!(columns.len(), COLUMNS.len());
        assert_eq!(columns[0], Column::Number(vec![900_000, 100_000, MISSING, MISSING]));
        // R: binom.test(18, 20, 18.5 / 181, "greater") and 2 of 20 at 34.5 / 181.
        assert_eq!(columns[1], Column::Number(vec![102_210, 190_608, MISSING, MISSING]));
        // R: prop.test(18, 20, correct = FALSE)$conf.int.
        assert_eq!(columns[2], Column::Number(vec![698_966, 27_866, MISSING, MISSING]));
        let Column::Text(words) = &columns[7] else { panic!("words") };
        assert_eq!(words[0].as_deref(), Some("2e-16"));
        let Column::Number(p) = &columns[4] else { panic!("p") };
        assert!(p[1] > 900_000_000, "{}", p[1]);
        let Column::Text(reasons) = &columns[10] else { panic!("reasons") };
        assert_eq!(
            reasons.iter().map(|r| r.as_deref()).collect::<Vec<_>>(),
            [None, None, Some("too few records"), Some("a value is missing")]
        );
        let Column::Number(low) = &run(Side::Low)[4] else { panic!("p") };
        let Column::Number(both) = &run(Side::Both)[4] else { panic!("p") };
        assert!(low[1] < 500_000_000 && (both[1] - 2 * low[1]).abs() <= 1);
    }
}
