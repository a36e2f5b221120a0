//! Rows of a block each under a limit and, within some days, together over it.

use rayon::prelude::*;

use super::near::labelled;
use super::union::Union;
use super::{Item, by_block};

/// A row that takes part: its amount is above 0 and at most its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    pub block: u32,
    pub day: i64,
    pub row: u32,
    pub amount: i64,
    pub limit: i64,
    /// Days from the first to the last row of a window; the smallest of a block counts.
    pub within: i64,
}

impl Item for Window {
    fn block(&self) -> u32 {
        self.block
    }
}

/// Each row with the smallest row of its chain and the largest total of one window of the chain (of a row alone, its amount).
///
/// A window is a row and those of its block before it (by day, then number) at most `within` days earlier; it is over the limit when its amounts
/// together are above the limit of that row. Windows over the limit that share rows are one chain. Amounts are above 0, so the longest window that
/// ends with a row is over the limit if any is: one pass with two ends.
pub fn window(mut items: Vec<Window>) -> Vec<(u32, u32, i64)> {
    items.par_sort_unstable();
    by_block(&items, |block| {
        let within = block.iter().map(|i| i.within).min().unwrap_or(0);
        let mut sets = Union::new(block.len());
        let (mut first, mut total) = (0usize, 0i128);
        let mut totals = vec![0i128; block.len()];
        // Rows from here on are not yet in the chain of the row before them.
        let mut joined = 0usize;
        for (i, item) in block.iter().enumerate() {
            total += i128::from(item.amount);
            while first < i && item.day.saturating_sub(block[first].day) > within {
                total -= i128::from(block[first].amount);
                first += 1;
            }
            if total > i128::from(item.limit) {
                (first.max(joined) + 1..=i).for_each(|k| sets.join(k as u32 - 1, k as u32));
                joined = i;
                totals[i] = total;
            }
        }
        let mut peak: Vec<i128> = block.iter().map(|item| i128::from(item.amount)).collect();
        let roots: Vec<u32> = (0..block.len() as u32).map(|i| sets.find(i)).collect();
        for (&root, &total) in roots.iter().zip(&totals) {
            let slot = &mut peak[root as usize];
            *slot = (*slot).max(total);
        }
        let labels = labelled(block, sets, |item| item.row);
        let money = |total: i128| i64::try_from(total).unwrap_or(i64::MAX);
        labels.into_iter().zip(roots).map(|((row, label), root)| (row, label, money(peak[root as usize]))).collect()
    })
}
