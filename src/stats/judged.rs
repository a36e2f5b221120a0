//! What became of each unit, written down the same way by every kernel over groups.

use std::sync::Arc;

use super::chart::Chart;
use super::family::Family;
use super::kernel::{Column, LEADS, MISSING, Output, SHOWN};
use super::tail::Tail;

/// A unit of a test: what was counted, and what came out. `N` figures of the kernel's own follow `n`, `n_excluded` and `excluded`; then comes the chart.
pub(super) struct Judged<const N: usize> {
    pub n: u64,
    /// How many members take no part, and why.
    pub excluded: Vec<(u64, &'static str)>,
    pub p: Result<Tail, &'static str>,
    /// In the smallest unit of each column; missing where there is no p.
    pub figures: [i64; N],
    pub chart: Option<Chart>,
    /// Members to look at first, in order.
    pub leads: Vec<usize>,
}

impl<const N: usize> Judged<N> {
    /// A unit that cannot be tested.
    pub fn untested(n: u64, excluded: Vec<(u64, &'static str)>, why: &'static str) -> Self {
        Judged { n, excluded, p: Err(why), figures: [MISSING; N], chart: None, leads: vec![] }
    }
}

/// The columns of all units. `families`: units of one number are one family.
pub(super) fn output<const N: usize>(units: &[Judged<N>], families: &[i64]) -> Output {
    let shown = |unit: &Judged<N>| unit.p.is_ok_and(|p| p.p() <= SHOWN);
    let number = |of: &dyn Fn(&Judged<N>) -> i64| Column::Number(units.iter().map(of).collect());
    let words = |unit: &Judged<N>| {
        let parts: Vec<String> = unit.excluded.iter().filter(|(n, _)| *n > 0).map(|(n, why)| format!("{n} {why}")).collect();
        Some(Arc::from(if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }))
    };
    let mut columns = vec![
        number(&|u| u.n as i64),
        number(&|u| u.excluded.iter().map(|(n, _)| *n as i64).sum()),
        Column::Text(units.iter().map(words).collect()),
    ];
    columns.extend((0..N).map(|i| number(&|u| u.figures[i])));
    let chart = |unit: &Judged<N>| unit.chart.as_ref().filter(|_| shown(unit)).map(|c| Arc::from(c.to_string()));
    columns.push(Column::Text(units.iter().map(chart).collect()));
    columns.extend(Family { p: units.iter().map(|u| u.p).collect() }.columns(families));
    let leads = units.iter().filter(|u| shown(u)).flat_map(|u| u.leads.iter().copied().take(LEADS).zip(0u32..)).collect();
    Output { columns, leads }
}

/// Each unit's total over the others of its number in `ids`, as `add` sums them.
pub(super) fn by_id<T: Default>(ids: &[i64], mut add: impl FnMut(&mut T, usize)) -> Vec<T> {
    let mut sums: Vec<T> = vec![];
    for (unit, &id) in ids.iter().enumerate() {
        while sums.len() <= id as usize {
            sums.push(T::default());
        }
        add(&mut sums[id as usize], unit);
    }
    sums
}

/// The date from which the later half of `dates` lies; none where there is no earlier one.
pub(super) fn later_half(mut dates: Vec<i64>) -> Option<i64> {
    dates.sort_unstable();
    let middle = *dates.get(dates.len() / 2)?;
    (dates[0] < middle).then_some(middle)
}

/// Why there is no p; the first words are those that outcomes tell apart.
pub(super) const TOO_FEW: &str = "too few records";
pub(super) const TOO_FEW_PEERS: &str = "too few peers";
pub(super) const NO_VALUE: &str = "a value is missing";
/// Peers that a group is held against.
pub(super) const LEAST_PEERS: u64 = 8;
