//! Rows with equal keys, and aggregates over them.

use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::pack::{Packed, bounds, numbers, pack};
use super::rows::{made, rows_of, take};
use crate::plan::AggregateFunction;
use crate::plan::select::Aggregate;
use crate::schema::Type;
use crate::table::{Bits, Column, Data};

/// Rows above which keys are grouped in several parts at once.
const LARGE: usize = 1 << 20;
const PARTS: usize = 8;
/// Groups up to which each stretch of rows may have accumulators of its own.
const FEW: usize = 1 << 14;
const STRETCH: usize = 1 << 17;

/// The group of each row, numbered by first row; and these rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Groups {
    pub of: Vec<u32>,
    pub firsts: Vec<u32>,
}

impl Groups {
    /// All rows together; one group also when there is no row.
    pub fn whole(len: usize) -> Groups {
        Groups { of: vec![0; len], firsts: vec![0] }
    }
    pub fn by(columns: &[&Column], len: usize) -> Groups {
        let Packed { mut sides, range } = pack(&[columns.to_vec()], &[len]);
        let keys = sides.pop().unwrap_or_default();
        Groups::of_keys(&keys, range)
    }
    pub fn of_keys(keys: &[u64], range: u64) -> Groups {
        if keys.par_windows(2).all(|w| w[0] <= w[1]) {
            let mut firsts: Vec<u32> = vec![];
            let mut last = None;
            let of = keys.iter().enumerate().map(|(i, &key)| {
                if last != Some(key) {
                    last = Some(key);
                    firsts.push(i as u32);
                }
                firsts.len() as u32 - 1
            });
            let of = of.collect();
            return Groups { of, firsts };
        }
        if range <= 4 * keys.len() as u64 + 65_536 {
            let mut table = vec![u32::MAX; range as usize];
            return assigned(keys, |key, next| {
                let slot = &mut table[key as usize];
                if *slot == u32::MAX {
                    *slot = next;
                }
                *slot
            });
        }
        if keys.len() < LARGE {
            let mut table: FxHashMap<u64, u32> = FxHashMap::default();
            return assigned(keys, |key, next| *table.entry(key).or_insert(next));
        }
        in_parts(keys)
    }
    /// Whether every group has a row: not so where `of` holds a part of the rows that were grouped.
    fn without_empty(&self) -> bool {
        (0u32..).zip(&self.firsts).all(|(group, &first)| self.of.get(first as usize) == Some(&group))
    }
    pub fn len(&self) -> usize {
        self.firsts.len()
    }
}

fn assigned(keys: &[u64], mut slot: impl FnMut(u64, u32) -> u32) -> Groups {
    let mut firsts: Vec<u32> = vec![];
    let of = keys
        .iter()
        .enumerate()
        .map(|(i, &key)| {
            let next = firsts.len() as u32;
            let group = slot(key, next);
            if group == next {
                firsts.push(i as u32);
            }
            group
        })
        .collect();
    Groups { of, firsts }
}

fn part_of(key: u64) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61) as usize % PARTS
}

/// Each part takes the keys that fall to it, in row order; group numbers follow from the first rows of all parts together.
pub(super) fn in_parts(keys: &[u64]) -> Groups {
    let parts: Vec<(Vec<u32>, Vec<u32>)> = (0..PARTS)
        .into_par_iter()
        .map(|part| {
            let mut table: FxHashMap<u64, u32> = FxHashMap::with_capacity_and_hasher(1024, FxBuildHasher);
            let (mut of, mut firsts) = (Vec::with_capacity(keys.len() / PARTS), vec![]);
            for (i, &key) in keys.iter().enumerate().filter(|(_, key)| part_of(**key) == part) {
                let next = firsts.len() as u32;
                let group = *table.entry(key).or_insert(next);
                if group == next {
                    firsts.push(i as u32);
                }
                of.push(group);
            }
            (of, firsts)
        })
        .collect();
    let mut all: Vec<(u32, usize, u32)> =
        parts.iter().enumerate().flat_map(|(p, (_, firsts))| (0u32..).zip(firsts).map(move |(g, &first)| (first, p, g))).collect();
    all.par_sort_unstable();
    let mut numbers: Vec<Vec<u32>> = parts.iter().map(|(_, firsts)| vec![0; firsts.len()]).collect();
    for (number, &(_, part, group)) in (0u32..).zip(&all) {
        numbers[part][group as usize] = number;
    }
    let mut at = [0usize; PARTS];
    let of = keys.iter().map(|&key| {
        let part = part_of(key);
        let group = parts[part].0[at[part]];
        at[part] += 1;
        numbers[part][group as usize]
    });
    Groups { of: of.collect(), firsts: all.iter().map(|(first, ..)| *first).collect() }
}

/// What an aggregate gives per group, and how many sums were too large for a number (they have no value).
pub(super) fn aggregate(spec: &Aggregate, groups: &Groups, arg: Option<&Column>, filter: Option<&Column>) -> (Column, u64) {
    if spec.distinct
        && let Some(arg) = arg
    {
        // The first row of each (group, value) stands for it.
        let rows: Vec<u32> = (0..groups.of.len() as u32).filter(|&i| counts(Some(arg), filter, i as usize)).collect();
        let own = made(Type::Int, Data::I64(rows.iter().map(|&i| i64::from(groups.of[i as usize])).collect()), None);
        let values = take(arg, &rows);
        let pairs = Groups::by(&[&own, &values], rows.len());
        let of = pairs.firsts.iter().map(|&f| groups.of[rows[f as usize] as usize]).collect();
        let distinct = Groups { of, firsts: groups.firsts.clone() };
        let plain = Aggregate { distinct: false, filter: None, ..spec.clone() };
        return aggregate(&plain, &distinct, Some(&take(&values, &pairs.firsts)), None);
    }
    match (spec.function, arg) {
        (AggregateFunction::Count, _) | (_, None) => {
            let counted = fold(groups, 0i64, |i, n| *n += i64::from(counts(arg, filter, i)), |a, b| *a += b);
            (made(Type::Int, Data::I64(counted), None), 0)
        }
        (AggregateFunction::Sum | AggregateFunction::Average, Some(arg)) => {
            finish_sums(spec, arg.value_type(), sums(spec, groups, arg, filter))
        }
        (AggregateFunction::Min | AggregateFunction::Max, Some(arg)) => {
            let least = spec.function == AggregateFunction::Min;
            let best = numbers!(arg, number => fold(
                groups,
                None,
                |i, best: &mut Option<i64>| if counts(Some(arg), filter, i) {
                    let v = number(i);
                    *best = Some(best.map_or(v, |b| if least { b.min(v) } else { b.max(v) }));
                },
                |a, b| *a = match (*a, b) {
                    (Some(x), Some(y)) => Some(if least { x.min(y) } else { x.max(y) }),
                    (x, y) => x.or(y),
                },
            ));
            (of_numbers(arg, spec.ty, best), 0)
        }
        (_, Some(arg)) => ranked(spec, groups, arg, filter),
    }
}

/// Whether row `i` counts: it has a value, and the filter is true.
fn counts(arg: Option<&Column>, filter: Option<&Column>, i: usize) -> bool {
    arg.is_none_or(|a| a.is_valid(i)) && filter.is_none_or(|f| f.is_valid(i) && matches!(&f.data, Data::Bool(b) if b.get(i)))
}

/// An accumulator per group. Few groups: stretches of rows side by side, put together in order.
fn fold<A: Clone + Send + Sync>(groups: &Groups, zero: A, add: impl Fn(usize, &mut A) + Sync, merge: impl Fn(&mut A, A) + Sync) -> Vec<A> {
    let n = groups.len();
    let over = |from: usize, to: usize| {
        let mut own = vec![zero.clone(); n];
        for i in from..to {
            add(i, &mut own[groups.of[i] as usize]);
        }
        own
    };
    let rows = groups.of.len();
    if n > FEW || rows <= STRETCH {
        return over(0, rows);
    }
    let parts: Vec<Vec<A>> =
        (0..rows.div_ceil(STRETCH)).into_par_iter().map(|k| over(k * STRETCH, (k * STRETCH + STRETCH).min(rows))).collect();
    let mut total = vec![zero.clone(); n];
    for part in parts {
        for (a, b) in total.iter_mut().zip(part) {
            merge(a, b);
        }
    }
    total
}

/// Sum and number of values per group: in 64 bits where no sum can be larger.
fn sums(spec: &Aggregate, groups: &Groups, arg: &Column, filter: Option<&Column>) -> Vec<(i128, i64)> {
    let largest = bounds(arg).map_or(0, |(low, high)| low.unsigned_abs().max(high.unsigned_abs()));
    let small = u128::from(largest) * (groups.of.len() as u128 + 1) < i64::MAX as u128;
    let all = arg.valid.is_none() && filter.is_none() && groups.without_empty();
    numbers!(arg, number => match (small, all) {
        // Every row has a value, every group a row: only an average asks how many.
        (true, true) if spec.function == AggregateFunction::Sum => {
            fold(groups, 0i64, |i, sum| *sum += number(i), |a, b| *a += b).into_iter().map(|sum| (i128::from(sum), 1)).collect()
        }
        (true, _) => {
            let add = |i: usize, (sum, n): &mut (i64, i64)| if counts(Some(arg), filter, i) {
                *sum += number(i);
                *n += 1;
            };
            fold(groups, (0i64, 0i64), add, |a, b| *a = (a.0 + b.0, a.1 + b.1)).into_iter().map(|(sum, n)| (i128::from(sum), n)).collect()
        }
        _ => {
            let add = |i: usize, (sum, n): &mut (i128, i64)| if counts(Some(arg), filter, i) {
                *sum += i128::from(number(i));
                *n += 1;
            };
            fold(groups, (0i128, 0i64), add, |a, b| *a = (a.0 + b.0, a.1 + b.1))
        }
    })
}

pub(super) fn finish_sums(spec: &Aggregate, from: Type, sums: Vec<(i128, i64)>) -> (Column, u64) {
    let average = spec.function == AggregateFunction::Average;
    let up = super::super::operate::ten(super::super::operate::scale(spec.ty).saturating_sub(super::super::operate::scale(from)));
    let mut lost = 0;
    let values: Vec<Option<i64>> = sums
        .into_iter()
        .map(|(sum, n)| {
            if n == 0 {
                return None;
            }
            let value =
                if average { super::super::operate::divide_rounded(sum.checked_mul(up).unwrap_or(0), i128::from(n)) } else { Some(sum) };
            let value = value.and_then(|v| i64::try_from(v).ok());
            lost += u64::from(value.is_none());
            value
        })
        .collect();
    let valid = values.iter().map(Option::is_some).collect();
    (made(spec.ty, Data::I64(values.into_iter().map(Option::unwrap_or_default).collect()), Some(valid)), lost)
}

/// Numbers back in the form of the column they came from.
pub(super) fn of_numbers(like: &Column, ty: Type, values: Vec<Option<i64>>) -> Column {
    let valid: Bits = values.iter().map(Option::is_some).collect();
    let numbers = values.into_iter().map(Option::unwrap_or_default);
    let data = match &like.data {
        Data::I64(_) => Data::I64(numbers.collect()),
        // They were of these types when they came.
        Data::I32(_) => Data::I32(numbers.map(|v| v as i32).collect()),
        Data::Code(_, d) => Data::Code(numbers.map(|v| v as u32).collect(), d.clone()),
        Data::Bool(_) => Data::Bool(numbers.map(|v| v != 0).collect()),
    };
    made(ty, data, Some(valid))
}

/// Median and percentiles: the values of each group together, then sorted.
fn ranked(spec: &Aggregate, groups: &Groups, arg: &Column, filter: Option<&Column>) -> (Column, u64) {
    let n = groups.len();
    let mut starts = vec![0usize; n + 1];
    let used = |i: &usize| counts(Some(arg), filter, *i);
    for i in (0..rows_of(arg)).filter(used) {
        starts[groups.of[i] as usize + 1] += 1;
    }
    for g in 0..n {
        starts[g + 1] += starts[g];
    }
    let mut places = starts.clone();
    let mut values = vec![0i64; starts[n]];
    numbers!(arg, number => {
        for i in (0..rows_of(arg)).filter(used) {
            let place = &mut places[groups.of[i] as usize];
            values[*place] = number(i);
            *place += 1;
        }
    });
    let results: Vec<Option<i64>> = (0..n)
        .into_par_iter()
        .map(|g| {
            let mut own = values[starts[g]..starts[g + 1]].to_vec();
            own.sort_unstable();
            let count = own.len();
            if count == 0 {
                return None;
            }
            match spec.function {
                AggregateFunction::Quantile(permille) => {
                    let rank = (count * usize::from(permille)).div_ceil(1000).max(1);
                    own.get(rank - 1).copied()
                }
                _ => {
                    let (low, high) = (own[(count - 1) / 2], own[count / 2]);
                    super::super::operate::divide_rounded(i128::from(low) + i128::from(high), 2).and_then(|v| i64::try_from(v).ok())
                }
            }
        })
        .collect();
    (of_numbers(arg, spec.ty, results), 0)
}
