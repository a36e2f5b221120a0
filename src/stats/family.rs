//! Many tests at once: what share of those called are false.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::kernel::{Column, MISSING, decimal};
use super::tail::Tail;

/// q values of Benjamini and Hochberg (1995): q_i = min over j >= i of m p_j / j, at most 1, p ascending. What was not tested takes no part and has none.
pub fn benjamini_hochberg(p: &[Option<Tail>]) -> Vec<Option<Tail>> {
    step_up(p, 0.0)
}

/// Of Benjamini and Yekutieli (2001), valid for tests that depend on each other in any way: BH times 1 + 1/2 + ... + 1/m.
pub fn benjamini_yekutieli(p: &[Option<Tail>]) -> Vec<Option<Tail>> {
    let m = p.iter().flatten().count();
    step_up(p, (1..=m).rev().map(|i| 1.0 / i as f64).sum::<f64>().ln())
}

fn step_up(p: &[Option<Tail>], ln_factor: f64) -> Vec<Option<Tail>> {
    let mut order: Vec<(f64, usize)> = p.iter().enumerate().filter_map(|(i, p)| Some(((*p)?.ln, i))).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let m = order.len() as f64;
    let mut q = vec![None; p.len()];
    let mut least = 0.0f64;
    for (rank, &(ln, i)) in order.iter().enumerate().rev() {
        least = least.min(ln + (m / (rank + 1) as f64).ln() + ln_factor);
        q[i] = Some(Tail { ln: least });
    }
    q
}

/// One p value out of several that may depend on each other (Liu and Xie 2020): the mean of tan((1/2 - p) pi) against the Cauchy distribution.
/// `None` when there is none.
pub fn cauchy(p: &[f64]) -> Option<f64> {
    let tan = |p: &f64| ((0.5 - p.clamp(1e-15, 1.0 - 1e-15)) * std::f64::consts::PI).tan();
    (!p.is_empty()).then(|| 0.5 - (p.iter().map(tan).sum::<f64>() / p.len() as f64).atan() / std::f64::consts::PI)
}

/// What became of each unit of a test.
#[derive(Debug, Clone)]
pub struct Family {
    /// A unit's p value, or why it has none.
    pub p: Vec<Result<Tail, &'static str>>,
}

impl Family {
    /// q by family (units of one number are one family) and the number of tests in it.
    pub fn q(&self, families: &[i64]) -> (Vec<Option<Tail>>, Vec<i64>) {
        let mut members: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (i, &family) in families.iter().enumerate() {
            members.entry(family).or_default().push(i);
        }
        let (mut q, mut size) = (vec![None; self.p.len()], vec![0; self.p.len()]);
        for units in members.values() {
            let p: Vec<Option<Tail>> = units.iter().map(|&i| self.p[i].ok()).collect();
            let tested = p.iter().flatten().count() as i64;
            for (&i, of_unit) in units.iter().zip(benjamini_hochberg(&p)) {
                (q[i], size[i]) = (of_unit, tested);
            }
        }
        (q, size)
    }
    /// The columns `p`, `q`, `log10_p`, `p.words`, `q.words`, `family_size` and `reason`.
    pub fn columns(&self, families: &[i64]) -> Vec<Column> {
        let (q, size) = self.q(families);
        let p = || self.p.iter().map(|p| p.ok());
        let number = |of: &mut dyn Iterator<Item = Option<f64>>, scale| {
            Column::Number(of.map(|v| v.map_or(MISSING, |v| decimal(v, scale))).collect())
        };
        let words = |of: &mut dyn Iterator<Item = Option<Tail>>| Column::Text(of.map(|p| p.map(|p| Arc::from(p.words()))).collect());
        vec![
            number(&mut p().map(|p| p.map(Tail::p)), 9),
            number(&mut q.iter().map(|q| q.map(Tail::p)), 9),
            number(&mut p().map(|p| p.map(|p| p.log10().max(-1e9))), 2),
            words(&mut p()),
            words(&mut q.iter().copied()),
            Column::Number(size),
            Column::Text(self.p.iter().map(|p| p.err().map(Arc::from)).collect()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tails(p: &[f64]) -> Vec<Option<Tail>> {
        p.iter().map(|p| Some(Tail::of(*p))).collect()
    }

    /// The fifteen p values of Benjamini and Hochberg (1995), section 3.1: BH rejects four at 0.05, Bonferroni three. R: `p.adjust(p, "BH")`.
    #[test]
    fn the_example_of_1995() {
        let p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0];
        let q: Vec<f64> = benjamini_hochberg(&tails(&p)).into_iter().map(|q| q.unwrap().p()).collect();
        assert_eq!(q.iter().filter(|q| **q <= 0.05).count(), 4);
        let r = [
            0.0015,
            0.003,
            0.0095,
            0.035_625,
            0.0603,
            0.063_857_142_857_142_86,
            0.063_857_142_857_142_86,
            0.0645,
            0.0765,
            0.486,
            0.581_181_818_181_818_2,
            0.714_875,
            0.753_230_769_230_769_2,
            0.813_214_285_714_285_7,
            1.0,
        ];
        for (q, r) in q.iter().zip(r) {
            assert!((q - r).abs() < 1e-12, "{q} is not {r}");
        }
        let y: f64 = benjamini_yekutieli(&tails(&p))[0].unwrap().p();
        let harmonic: f64 = (1..=15).map(|i| 1.0 / f64::from(i)).sum();
        assert!((y - 0.0015 * harmonic).abs() < 1e-12);
    }

    #[test]
    fn what_was_not_tested_is_not_counted() {
        let family = Family { p: vec![Ok(Tail::of(0.01)), Err("too few records"), Ok(Tail::of(0.04)), Ok(Tail::of(0.5))] };
        let (q, size) = family.q(&[1, 1, 1, 2]);
        assert_eq!(size, [2, 2, 2, 1]);
        assert!((q[0].unwrap().p() - 0.02).abs() < 1e-12 && q[1].is_none());
        let columns = family.columns(&[1, 1, 1, 2]);
        assert_eq!(columns[0], Column::Number(vec![10_000_000, MISSING, 40_000_000, 500_000_000]));
        assert_eq!(columns[6], Column::Text(vec![None, Some("too few records".into()), None, None]));
    }

    #[test]
    fn one_of_several() {
        // `fdr.ref.json` of the reference data.
        assert_eq!(cauchy(&[]), None);
        assert!((cauchy(&[0.5]).unwrap() - 0.5).abs() < 1e-15);
        assert!((cauchy(&[0.2, 0.2, 0.2]).unwrap() - 0.2).abs() < 1e-12);
    }
}
