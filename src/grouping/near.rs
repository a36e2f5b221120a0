//! Rows of a block whose amounts and days lie close, directly or through others.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::union::Union;
use super::{Item, by_block};

/// A row with its place on two scales. A scale that is not asked about is 0 for all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Near {
    pub block: u32,
    pub day: i64,
    pub amount: i64,
    pub row: u32,
    /// Most that two amounts may differ; the smallest of a block counts.
    pub amount_within: i64,
    /// Most days between; the smallest of a block counts.
    pub days_within: i64,
}

impl Item for Near {
    fn block(&self) -> u32 {
        self.block
    }
}

/// Each row with the smallest row of its group. Two rows of a block are tied when both their amounts and their days differ by at most what is
/// allowed; a negative allowance ties nothing. n log n: of the rows of the last days only the next smaller and the next larger amount are looked at,
/// since rows on one side that both lie close to a third lie close to each other.
pub fn near(mut items: Vec<Near>) -> Vec<(u32, u32)> {
    items.par_sort_unstable();
    by_block(&items, |block| {
        let amount_within = block.iter().map(|i| i.amount_within).min().unwrap_or(0);
        let days_within = block.iter().map(|i| i.days_within).min().unwrap_or(0);
        let mut sets = Union::new(block.len());
        if amount_within >= 0 && days_within >= 0 {
            tie(block, amount_within, days_within, &mut sets);
        }
        labelled(block, sets, |i| i.row)
    })
}

fn tie(block: &[Near], amount_within: i64, days_within: i64, sets: &mut Union) {
    // Amounts of the last days, with their position.
    let mut last: BTreeSet<(i64, u32)> = BTreeSet::new();
    let mut first = 0;
    for (i, item) in (0u32..).zip(block) {
        while item.day.saturating_sub(block[first].day) > days_within {
            last.remove(&(block[first].amount, first as u32));
            first += 1;
        }
        let here = (item.amount, i);
        if let Some(&(amount, other)) = last.range(..here).next_back()
            && item.amount.saturating_sub(amount) <= amount_within
        {
            sets.join(i, other);
        }
        if let Some(&(amount, other)) = last.range(here..).next()
            && amount.saturating_sub(item.amount) <= amount_within
        {
            sets.join(i, other);
        }
        last.insert(here);
    }
}

/// Each item's row with the smallest row of its set.
pub(super) fn labelled<T>(block: &[T], sets: Union, row: impl Fn(&T) -> u32) -> Vec<(u32, u32)> {
    let roots = sets.roots();
    let mut smallest = vec![u32::MAX; block.len()];
    for (item, &root) in block.iter().zip(&roots) {
        let slot = &mut smallest[root as usize];
        *slot = (*slot).min(row(item));
    }
    block.iter().zip(&roots).map(|(item, &root)| (row(item), smallest[root as usize])).collect()
}
