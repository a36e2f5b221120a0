//! The stream of pairs: every pair that a rule meets, once, with the mask of all rules that meet it. Nothing is stored.

use std::ops::Range;

use rayon::prelude::*;

use super::block::Keys;
use super::records::Records;

/// Pairs that one task goes through, about.
const TASK: u64 = 100_000;

/// Goes through all pairs of blocks and hands each to `visit` with one of several states; the states come back in no fixed order or
/// number, so that only sums, or lists that are sorted afterwards, may be made of them. `kept`: pairs of two of these rows (by the caller's numbers) are left out; none when empty.
pub(crate) fn fold<S: Send>(
    records: &Records,
    keys: &Keys,
    kept: &[bool],
    new: impl Fn() -> S + Sync + Send,
    visit: impl Fn(&mut S, usize, usize, u16) + Sync + Send,
) -> Vec<S> {
    let is_kept = |record: usize| kept.get(records.rows[record] as usize).copied().unwrap_or(false);
    let mut states = Vec::new();
    for rule in 0..keys.rules {
        let sorted = keys.sorted(rule);
        let lower = (1u16 << rule) - 1;
        let one = |state: &mut S, a: usize, b: usize| {
            if !records.admits(a, b) || (is_kept(a) && is_kept(b)) {
                return;
            }
            let mask = keys.mask(a, b);
            if mask & lower == 0 {
                visit(state, a, b, mask);
            }
        };
        let tasks = tasks(&sorted);
        let more: Vec<S> = tasks
            .par_iter()
            .fold(&new, |mut state, task| {
                match task {
                    Task::Blocks(range) => {
                        for run in super::block::runs(&sorted[range.clone()]) {
                            for (i, x) in run.iter().enumerate() {
                                for y in &run[i + 1..] {
                                    one(&mut state, *x as u32 as usize, *y as u32 as usize);
                                }
                            }
                        }
                    }
                    Task::Part { block, first } => {
                        let run = &sorted[block.clone()];
                        for i in first.clone() {
                            for y in &run[i + 1..] {
                                one(&mut state, run[i] as u32 as usize, *y as u32 as usize);
                            }
                        }
                    }
                }
                state
            })
            .collect();
        states.extend(more);
    }
    states
}

enum Task {
    /// Whole blocks.
    Blocks(Range<usize>),
    /// Pairs of one large block whose first record is in `first`.
    Part { block: Range<usize>, first: Range<usize> },
}

fn tasks(sorted: &[u64]) -> Vec<Task> {
    let mut tasks = Vec::new();
    let (mut start, mut cost, mut at) = (0, 0u64, 0);
    for run in super::block::runs(sorted) {
        let k = run.len() as u64;
        let pairs = k * (k - 1) / 2;
        if pairs > 4 * TASK {
            if at > start {
                tasks.push(Task::Blocks(start..at));
            }
            let step = (TASK / k).max(1) as usize;
            for first in (0..run.len()).step_by(step) {
                tasks.push(Task::Part { block: at..at + run.len(), first: first..(first + step).min(run.len()) });
            }
            at += run.len();
            (start, cost) = (at, 0);
            continue;
        }
        at += run.len();
        cost += pairs + 1;
        if cost > TASK {
            tasks.push(Task::Blocks(start..at));
            (start, cost) = (at, 0);
        }
    }
    if at > start {
        tasks.push(Task::Blocks(start..at));
    }
    tasks
}
