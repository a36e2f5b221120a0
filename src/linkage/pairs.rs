//! The stream of pairs: every pair that a rule meets, once, with the mask of all rules that meet it. No pair is stored; of a first pass a number of two bytes
//! is kept for each, so that a second one compares nothing again.

use std::hash::Hash;
use std::hint::black_box;
use std::ops::Range;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::block::Keys;
use super::compare::Comparer;
use super::records::Records;

/// Pairs that one task goes through, about.
const TASK: u64 = 100_000;
/// Records that are fetched into the cache together, at least.
const FETCHED: usize = 256;

/// Blocks of one rule, or some pairs of one large block.
struct Task {
    rule: usize,
    blocks: Range<usize>,
    /// Of one large block alone: places of the first record of the pairs.
    first: Option<Range<usize>>,
}

/// What pairs are made of.
#[derive(Clone, Copy)]
pub(crate) struct Meeting<'a> {
    pub records: &'a Records,
    pub keys: &'a Keys,
    pub comparer: &'a Comparer,
}

impl Meeting<'_> {
    /// Goes through all pairs of blocks and hands each to `visit` with one of several states; the states come back in no fixed order or
    /// number, so that only sums, or lists that are sorted afterwards, may be made of them. `kept`: pairs of two of these rows (by the caller's numbers) are left out; none when empty.
    pub fn fold<S: Send>(
        self,
        kept: &[bool],
        new: impl Fn() -> S + Sync + Send,
        visit: impl Fn(&mut S, usize, usize, u16) + Sync + Send,
    ) -> Vec<S> {
        let is_kept = |record: usize| kept.get(self.records.rows[record] as usize).copied().unwrap_or(false);
        let one = |mut state: S, task: &Task| {
            self.fetched(task, |a, b| {
                if !(is_kept(a) && is_kept(b))
                    && let Some(mask) = self.mask(task.rule, a, b)
                {
                    visit(&mut state, a, b, mask);
                }
            });
            state
        };
        self.tasks().par_iter().fold(&new, one).collect()
    }

    /// Goes through all pairs, gives each a cell, and counts the cells.
    pub fn trace<C: Copy + Eq + Hash + Send>(self, cell: impl Fn(usize, usize, u16) -> C + Sync) -> Trace<C> {
        let tasks = self.tasks();
        let one = |task: &Task| {
            let mut number_of: FxHashMap<C, usize> = FxHashMap::default();
            let mut traced = Traced { numbers: Vec::with_capacity(self.pairs(task)), cells: Vec::new() };
            self.fetched(task, |a, b| {
                let Some(mask) = self.mask(task.rule, a, b) else { return traced.numbers.push(SKIPPED) };
                let cell = cell(a, b, mask);
                let number = *number_of.entry(cell).or_insert(traced.cells.len());
                match traced.cells.get_mut(number) {
                    Some((_, count)) => *count += 1,
                    None => traced.cells.push((cell, 1)),
                }
                traced.numbers.push(u16::try_from(number).unwrap_or(UNNUMBERED).min(UNNUMBERED));
            });
            traced.cells.shrink_to_fit();
            traced
        };
        let traced = tasks.par_iter().map(one).collect();
        Trace { tasks, traced }
    }

    /// Goes through the pairs of a trace whose cell is `wanted`, as [`Meeting::fold`] does. `cell`: as it was given to each.
    pub fn again<C: Copy + Send + Sync, S: Send>(
        self,
        trace: &Trace<C>,
        wanted: impl Fn(C) -> bool + Sync,
        cell: impl Fn(usize, usize, u16) -> C + Sync,
        new: impl Fn() -> S + Sync + Send,
        visit: impl Fn(&mut S, usize, usize, C) + Sync + Send,
    ) -> Vec<S> {
        let one = |mut state: S, (task, traced): (&Task, &Traced<C>)| {
            let known: Vec<Option<C>> = traced.cells.iter().map(|(cell, _)| Some(*cell).filter(|cell| wanted(*cell))).collect();
            let mut numbers = traced.numbers.iter();
            let mut pair = |a: usize, b: usize| {
                let cell = match numbers.next().copied().unwrap_or(SKIPPED) {
                    SKIPPED => None,
                    UNNUMBERED => self.mask(task.rule, a, b).map(|mask| cell(a, b, mask)).filter(|cell| wanted(*cell)),
                    number => known[number as usize],
                };
                if let Some(cell) = cell {
                    visit(&mut state, a, b, cell);
                }
            };
            self.stretches(task, |_| (), &mut pair);
            state
        };
        trace.tasks.par_iter().zip(&trace.traced).fold(&new, one).collect()
    }

    /// All rules that meet a pair, if no rule before this one does.
    fn mask(self, rule: usize, a: usize, b: usize) -> Option<u16> {
        let mask = self.keys.mask(a, b);
        (mask & ((1 << rule) - 1) == 0 && self.records.admits(a, b)).then_some(mask)
    }

    /// The pairs of a task, when what is known of their records has been fetched. Records of a block lie far apart: asked for one after the other, each
    /// would be waited for.
    fn fetched(self, task: &Task, mut pair: impl FnMut(usize, usize)) {
        let fetch = |records: &[u32]| {
            let rows = records.iter().map(|r| self.keys.key(*r as usize, 0) as u64 ^ self.records.row(*r as usize).first().unwrap_or(&0));
            black_box(rows.fold(0, |sum, word| sum ^ word));
            black_box(records.iter().fold(0, |sum, r| sum ^ self.comparer.texts(self.records, *r as usize)));
        };
        self.stretches(task, fetch, &mut pair);
    }

    /// The pairs of a task, stretch by stretch of its records.
    fn stretches(self, task: &Task, before: impl Fn(&[u32]), pair: &mut impl FnMut(usize, usize)) {
        let blocks = &self.keys.blocks[task.rule];
        let mut pairs = |run: &[u32], first: Range<usize>| {
            for i in first {
                for b in &run[i + 1..] {
                    pair(run[i] as usize, *b as usize);
                }
            }
        };
        if let Some(first) = &task.first {
            let run = blocks.get(task.blocks.start);
            before(&run[first.start..]);
            return pairs(run, first.clone());
        }
        let mut at = task.blocks.start;
        while at < task.blocks.end {
            let mut end = at + 1;
            while end < task.blocks.end && blocks.between(at, end).len() < FETCHED {
                end += 1;
            }
            before(blocks.between(at, end));
            (at..end).for_each(|block| pairs(blocks.get(block), 0..blocks.get(block).len()));
            at = end;
        }
    }

    /// Pairs of a task.
    fn pairs(self, task: &Task) -> usize {
        let blocks = &self.keys.blocks[task.rule];
        let of = |run: &[u32], first: Range<usize>| first.map(|i| run.len() - 1 - i).sum::<usize>();
        match &task.first {
            Some(first) => of(blocks.get(task.blocks.start), first.clone()),
            None => task.blocks.clone().map(|block| of(blocks.get(block), 0..blocks.get(block).len())).sum(),
        }
    }

    fn tasks(self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (rule, blocks) in self.keys.blocks.iter().enumerate() {
            let (mut start, mut cost) = (0, 0u64);
            for (at, run) in blocks.iter().enumerate() {
                let k = run.len() as u64;
                let pairs = k * (k - 1) / 2;
                if pairs > 4 * TASK {
                    tasks.push(Task { rule, blocks: start..at, first: None });
                    let step = (TASK / k).max(1) as usize;
                    for first in (0..run.len()).step_by(step) {
                        tasks.push(Task { rule, blocks: at..at + 1, first: Some(first..(first + step).min(run.len())) });
                    }
                    (start, cost) = (at + 1, 0);
                    continue;
                }
                cost += pairs;
                if cost > TASK {
                    tasks.push(Task { rule, blocks: start..at + 1, first: None });
                    (start, cost) = (at + 1, 0);
                }
            }
            tasks.push(Task { rule, blocks: start..blocks.len(), first: None });
        }
        tasks
    }
}

/// A pair that an earlier rule met, or that the question does not admit.
const SKIPPED: u16 = u16::MAX;
/// A pair whose cell has too large a number.
const UNNUMBERED: u16 = u16::MAX - 1;

/// The cells of all pairs of a pass, to go through them again.
pub(crate) struct Trace<C> {
    tasks: Vec<Task>,
    traced: Vec<Traced<C>>,
}

struct Traced<C> {
    /// Of each pair, in order.
    numbers: Vec<u16>,
    /// By number, with how many pairs have it.
    cells: Vec<(C, u64)>,
}

impl<C: Copy + Eq + Hash> Trace<C> {
    /// How many pairs each cell has, in no fixed order.
    pub fn counts(&self) -> FxHashMap<C, u64> {
        let mut sum = FxHashMap::default();
        for (cell, count) in self.traced.iter().flat_map(|t| &t.cells) {
            *sum.entry(*cell).or_default() += count;
        }
        sum
    }

    /// Pairs that were compared.
    pub fn compared(&self) -> u64 {
        self.traced.iter().flat_map(|t| &t.cells).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linkage::spec::{Blocking, Field, KeyPart, Kind, Limits, Part, Spec};
    use proptest::prelude::*;

    proptest! {
        /// Every pair that a rule meets comes once, with all its rules, in both passes.
        #[test]
        fn pairs_come_once_and_again(rows in proptest::collection::vec(("[a-d]", "[a-c]?", "[a-z]"), 2..60), modulus in 1u64..4) {
            let mut spec = Spec::new(["a", "b", "c"].map(|name| Field::new(name, Kind::Code)).to_vec());
            let rule = |field: &str| Blocking { on: vec![KeyPart { field: field.into(), part: Part::Whole }], then: vec![] };
            spec.blocking = vec![rule("a"), rule("b")];
            spec.limits = Limits { small_block: 1000, ..Limits::default() };
            let mut builder = Records::builder(&spec, rows.len()).expect("a sound spec");
            builder.column(0, |row| Some(rows[row].0.as_str().into()));
            builder.column(1, |row| Some(rows[row].1.as_str().into()));
            builder.column(2, |row| Some(rows[row].2.as_str().into()));
            let records = builder.finish();
            let comparer = Comparer::new(&spec, &records);
            let keys = Keys::build(&spec, &records, &comparer, None);
            let meeting = Meeting { records: &records, keys: &keys, comparer: &comparer };
            let sorted = |lists: Vec<Vec<(usize, usize, u16)>>| {
                let mut all = lists.concat();
                all.sort_unstable();
                all
            };
            let first = sorted(meeting.fold(&[], Vec::new, |list, a, b, mask| list.push((a, b, mask))));
            let mut wanted = vec![];
            for a in 0..rows.len() {
                wanted.extend((a + 1..rows.len()).map(|b| (a, b, keys.mask(a, b))).filter(|p| p.2 != 0));
            }
            prop_assert_eq!(&first, &wanted);
            let cell = |a: usize, b: usize, mask: u16| ((a + b) as u64 % 5, mask);
            let trace = meeting.trace(cell);
            prop_assert_eq!(trace.compared(), first.len() as u64);
            let again = meeting.again(&trace, |c| c.0 % modulus == 0, cell, Vec::new, |list, a, b, c| list.push((a, b, c.1)));
            let wanted: Vec<_> = first.iter().filter(|(a, b, _)| (a + b) as u64 % 5 % modulus == 0).copied().collect();
            prop_assert_eq!(sorted(again), wanted);
        }
    }
}
