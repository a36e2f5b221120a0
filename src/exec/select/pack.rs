//! Columns as one number per row: equal where all values are, and, for sorting, ordered as they are.

use std::sync::Arc;

use rayon::prelude::*;
use rdst::{RadixKey, RadixSort};
use rustc_hash::FxHashMap;

use super::rows::rows_of;
use crate::plan::select::Order;
use crate::table::{Column, Data};

const PART: usize = 1 << 16;

/// A key that has a missing part, where such keys have no partner.
pub(super) const MISSING: u64 = u64::MAX;

/// Calls `$f` with a function from row to number.
macro_rules! numbers {
    ($column:expr, $number:ident => $body:expr) => {
        match &$column.data {
            Data::I64(v) => {
                let $number = |i: usize| v[i];
                $body
            }
            Data::I32(v) => {
                let $number = |i: usize| i64::from(v[i]);
                $body
            }
            Data::Code(v, _) => {
                let $number = |i: usize| i64::from(v[i]);
                $body
            }
            Data::Bool(v) => {
                let $number = |i: usize| i64::from(v.get(i));
                $body
            }
        }
    };
}
pub(super) use numbers;

/// Smallest and largest value of a column; `None` without values.
pub(super) fn bounds(column: &Column) -> Option<(i64, i64)> {
    let len = rows_of(column);
    numbers!(column, number => {
        (0..len.div_ceil(PART))
            .into_par_iter()
            .filter_map(|k| {
                let rows = k * PART..(k * PART + PART).min(len);
                let mut found: Option<(i64, i64)> = None;
                for i in rows.filter(|&i| column.is_valid(i)) {
                    let v = number(i);
                    found = Some(found.map_or((v, v), |(low, high)| (low.min(v), high.max(v))));
                }
                found
            })
            .reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    })
}

fn width(low: i64, high: i64) -> Option<u64> {
    u64::try_from(i128::from(high) - i128::from(low) + 2).ok()
}

/// One part of a key: 0 for missing, else distance from the smallest value plus one.
fn part(column: &Column, low: i64) -> Vec<u64> {
    let len = rows_of(column);
    let mut out = vec![0u64; len];
    numbers!(column, number => {
        out.par_chunks_mut(PART).enumerate().for_each(|(k, out)| {
            for (j, out) in out.iter_mut().enumerate() {
                let i = k * PART + j;
                if column.is_valid(i) {
                    *out = (i128::from(number(i)) - i128::from(low) + 1) as u64;
                }
            }
        });
    });
    out
}

/// Keys of several columns on each of several sides. A missing value is a value like any other; see [`hide`].
pub(super) struct Packed {
    pub sides: Vec<Vec<u64>>,
    /// All keys are below.
    pub range: u64,
}

pub(super) fn pack(sides: &[Vec<&Column>], lens: &[usize]) -> Packed {
    let mut packed: Vec<Vec<u64>> = lens.iter().map(|&len| vec![0; len]).collect();
    let mut range = 1u64;
    for k in 0..sides.first().map_or(0, Vec::len) {
        let columns: Vec<&Column> = sides.iter().map(|s| s[k]).collect();
        let columns = alike(&columns);
        let columns: Vec<&Column> = columns.iter().map(|c| &**c).collect();
        let Some((low, high)) = columns.iter().filter_map(|c| bounds(c)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { continue };
        let mut parts: Vec<Vec<u64>> = vec![];
        let mut wide = width(low, high).unwrap_or(u64::MAX);
        if wide == u64::MAX {
            // Almost the whole range of numbers: there is no room for "missing" beside them.
            wide = dense_values(&columns, &mut parts);
        } else {
            parts.extend(columns.iter().map(|c| part(c, low)));
        }
        if range == 1 {
            packed = parts;
            range = wide;
            continue;
        }
        if range.checked_mul(wide).is_none_or(|r| r == u64::MAX) {
            wide = densify(&mut parts);
        }
        if range.checked_mul(wide).is_none_or(|r| r == u64::MAX) {
            range = densify(&mut packed);
        }
        for (packed, parts) in packed.iter_mut().zip(&parts) {
            packed.par_iter_mut().zip(parts.par_iter()).for_each(|(packed, part)| *packed = *packed * wide + part);
        }
        range = range.saturating_mul(wide);
    }
    Packed { sides: packed, range }
}

fn dense_values(columns: &[&Column], parts: &mut Vec<Vec<u64>>) -> u64 {
    let mut seen: FxHashMap<i64, u64> = FxHashMap::default();
    for column in columns {
        let len = rows_of(column);
        parts.push(numbers!(column, number => {
            (0..len)
                .map(|i| {
                    if !column.is_valid(i) {
                        return 0;
                    }
                    let next = seen.len() as u64 + 1;
                    *seen.entry(number(i)).or_insert(next)
                })
                .collect()
        }));
    }
    seen.len() as u64 + 1
}

/// Replaces numbers by their rank of first appearance.
fn densify(sides: &mut [Vec<u64>]) -> u64 {
    let mut seen: FxHashMap<u64, u64> = FxHashMap::default();
    for side in sides {
        for value in side {
            let next = seen.len() as u64;
            *value = *seen.entry(*value).or_insert(next);
        }
    }
    (seen.len() as u64).max(1)
}

/// Keys with a missing part have no partner.
pub(super) fn hide(keys: &mut [u64], columns: &[&Column]) {
    for column in columns {
        if let Some(valid) = &column.valid {
            keys.par_iter_mut().enumerate().filter(|(i, _)| !valid.get(*i)).for_each(|(_, key)| *key = MISSING);
        }
    }
}

/// Text columns with one dictionary.
fn alike<'c>(columns: &[&'c Column]) -> Vec<std::borrow::Cow<'c, Column>> {
    use std::borrow::Cow;
    let dictionaries: Vec<_> = columns.iter().filter_map(|c| if let Data::Code(_, d) = &c.data { Some(d) } else { None }).collect();
    let Some(first) = dictionaries.first() else { return columns.iter().map(|c| Cow::Borrowed(*c)).collect() };
    if dictionaries.iter().all(|d| Arc::ptr_eq(d, first)) {
        return columns.iter().map(|c| Cow::Borrowed(*c)).collect();
    }
    let mut all: Vec<Arc<str>> = dictionaries.iter().flat_map(|d| d.values.iter().cloned()).collect();
    all.sort_unstable();
    all.dedup();
    let union = Arc::new(crate::table::Dictionary::new(all));
    let mut out = vec![];
    for column in columns {
        let Data::Code(codes, dictionary) = &column.data else {
            out.push(Cow::Borrowed(*column));
            continue;
        };
        let there: Vec<u32> = dictionary.values.iter().map(|t| union.code(t).unwrap_or(0)).collect();
        let codes = codes.par_iter().map(|&c| there.get(c as usize).copied().unwrap_or(0)).collect();
        out.push(Cow::Owned(Column { data: Data::Code(codes, union.clone()), ..(*column).clone() }));
    }
    out
}

/// A row and its key, ordered by key, then by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    key: u64,
    position: u32,
}

impl RadixKey for Place {
    const LEVELS: usize = 12;
    fn get_level(&self, level: usize) -> u8 {
        (if level < 4 { u64::from(self.position) >> (8 * level) } else { self.key >> (8 * (level - 4)) }) as u8
    }
}

/// Positions of the rows in order, ties by position; the first `take` of them. `keys` all have `len` rows.
pub(super) fn sorted(keys: &[(&Column, Order)], len: usize, take: Option<usize>) -> Vec<u32> {
    let take = take.unwrap_or(len).min(len);
    let mut lanes: Vec<(Vec<u64>, u64)> = vec![];
    for (column, order) in keys {
        let Some((low, high)) = bounds(column) else { continue };
        let missing = column.valid.is_some();
        let range = u128::try_from(i128::from(high) - i128::from(low)).unwrap_or(0);
        let first = u64::from(missing && order.nulls_first);
        let mut out = vec![0u64; len];
        // With 2^64 values there is no number left for a missing one: those go to a lane of their own.
        let apart = range + 2 > u128::from(u64::MAX);
        if missing && apart {
            let lane = (0..len).map(|i| u64::from(column.is_valid(i) == order.nulls_first)).collect();
            lanes.push((lane, 2));
        }
        let shift = if apart { 0 } else { first };
        let none = if apart || order.nulls_first { 0 } else { range as u64 + 1 };
        numbers!(column, number => {
            out.par_chunks_mut(PART).enumerate().for_each(|(k, out)| {
                for (j, out) in out.iter_mut().enumerate() {
                    let i = k * PART + j;
                    *out = if column.is_valid(i) {
                        let from = if order.descending { i128::from(high) - i128::from(number(i)) } else { i128::from(number(i)) - i128::from(low) };
                        from as u64 + shift
                    } else {
                        none
                    };
                }
            });
        });
        let wide = if apart { u64::MAX } else { range as u64 + 2 };
        match lanes.last_mut() {
            Some((last, width)) if width.checked_mul(wide).is_some() => {
                last.par_iter_mut().zip(out.par_iter()).for_each(|(last, out)| *last = *last * wide + out);
                *width *= wide;
            }
            _ => lanes.push((out, wide)),
        }
    }
    match lanes.as_slice() {
        [] => (0..take as u32).collect(),
        [(lane, _)] => {
            if lane.par_windows(2).all(|w| w[0] <= w[1]) {
                return (0..take as u32).collect();
            }
            let mut pairs: Vec<Place> = lane.par_iter().enumerate().map(|(i, &key)| Place { key, position: i as u32 }).collect();
            if take < len / 8 {
                if take == 0 {
                    return vec![];
                }
                pairs.select_nth_unstable(take - 1);
                pairs.truncate(take);
            }
            if pairs.len() > PART {
                pairs.radix_sort_unstable()
            } else {
                pairs.sort_unstable()
            }
            pairs.truncate(take);
            pairs.into_iter().map(|p| p.position).collect()
        }
        lanes => {
            let mut positions: Vec<u32> = (0..len as u32).collect();
            positions.par_sort_unstable_by(|&a, &b| {
                let order = lanes.iter().map(|(lane, _)| lane[a as usize].cmp(&lane[b as usize])).find(|o| o.is_ne());
                order.unwrap_or_else(|| a.cmp(&b))
            });
            positions.truncate(take);
            positions
        }
    }
}
