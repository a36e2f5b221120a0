//! Keys of several columns as one number per row, alike on all sides that are compared.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::batch::Batch;
use super::vector::{Mask, Values, Vector};
use super::{Env, MANY, NOKEY, NONE, is_row};
use crate::plan::{ExprId, Rel, RelId};
use crate::table::Dictionary;

/// Rows per batch: vectors of a few dozen expressions stay in cache.
pub const CHUNK: usize = 8192;

/// `exprs` over all rows of `rel`, in chunks: (start of chunk, vectors' product of `f`).
pub fn chunked<T: Send>(env: Env<'_>, rel: RelId, f: impl Fn(usize, &Batch<'_>) -> T + Sync) -> Vec<T> {
    let rows = env.nodes.rows(&env, rel);
    let chunk = match env.graph.get_rel(rel) {
        // A few groups of many members each are as much work as many rows: they are shared out too.
        Rel::Groups { parts } | Rel::Linked { parts, .. } => {
            let members: usize = parts.iter().map(|p| env.nodes.rows(&env, p.of)).sum();
            (CHUNK / (members / rows.max(1)).max(1)).clamp(64, CHUNK)
        }
        _ => CHUNK,
    };
    (0..rows.div_ceil(chunk))
        .into_par_iter()
        .map(|k| {
            let start = k * chunk;
            f(start, &Batch::range(env, rel, start, chunk.min(rows - start)))
        })
        .collect()
}

/// What a key is for each row of one side.
pub struct Side {
    /// Per key expression: a number that stands for the value.
    values: Vec<Vec<i64>>,
    /// `NONE` where the row takes no part, `NOKEY` where a part is missing, `MANY` where one is unreadable, 0 where complete.
    pub state: Vec<u32>,
}

/// Numbers for the texts of one key expression, the same on all sides.
#[derive(Default)]
struct TextSpace {
    dictionary: Option<Arc<Dictionary>>,
    others: FxHashMap<Arc<str>, i64>,
}

impl TextSpace {
    fn number(&mut self, text: Arc<str>) -> i64 {
        if let Some(code) = self.dictionary.as_ref().and_then(|d| d.code(&text)) {
            return i64::from(code);
        }
        let next = (1 << 33) + self.others.len() as i64;
        *self.others.entry(text).or_insert(next)
    }
}

/// Makes the sides of one comparison.
#[derive(Default)]
pub struct KeySpace {
    texts: Vec<TextSpace>,
}

enum Piece {
    Numbers(Vec<i64>),
    Codes(Vec<u32>, Arc<Dictionary>),
    Texts(Vec<Arc<str>>),
}

fn piece(vector: &Vector<'_>, len: usize) -> Piece {
    match &vector.values {
        Values::Code(codes, dictionary) if !vector.constant => Piece::Codes(codes.to_vec(), dictionary.clone()),
        Values::Code(..) | Values::Text(_) => {
            let empty: Arc<str> = Arc::from("");
            Piece::Texts((0..len).map(|i| if vector.is_valid(i) { vector.shared_text(i) } else { empty.clone() }).collect())
        }
        Values::I64(values) if !vector.constant => Piece::Numbers(values.to_vec()),
        Values::I32(values) if !vector.constant => Piece::Numbers(values.iter().map(|&v| i64::from(v)).collect()),
        _ => Piece::Numbers((0..len).map(|i| vector.number(i)).collect()),
    }
}

impl KeySpace {
    /// Keys of all rows of `rel` where `among` is true.
    pub fn side(&mut self, env: Env<'_>, rel: RelId, keys: &[ExprId], among: Option<ExprId>) -> Side {
        self.texts.resize_with(keys.len().max(self.texts.len()), TextSpace::default);
        let parts = chunked(env, rel, |_, batch| {
            let mut state = vec![0; batch.len];
            let pieces: Vec<Piece> = keys
                .iter()
                .map(|&key| {
                    let vector = batch.eval(key);
                    let whole = matches!(vector.mask(), Mask::All);
                    for (i, state) in state.iter_mut().enumerate().filter(|_| !whole) {
                        if vector.is_bad(i) {
                            *state = MANY;
                        } else if !vector.is_valid(i) && *state == 0 {
                            *state = NOKEY;
                        }
                    }
                    piece(&vector, batch.len)
                })
                .collect();
            if let Some(among) = among {
                let (yes, _) = batch.eval(among).truth(batch.len);
                for i in yes.not().ones() {
                    state[i] = NONE;
                }
            }
            (pieces, state)
        });
        let mut side = Side { values: vec![vec![]; keys.len()], state: vec![] };
        for (pieces, state) in parts {
            side.state.extend(state);
            for (k, piece) in pieces.into_iter().enumerate() {
                let into = &mut side.values[k];
                let space = &mut self.texts[k];
                match piece {
                    Piece::Numbers(numbers) => into.extend(numbers),
                    Piece::Codes(codes, dictionary) => {
                        let home = space.dictionary.get_or_insert_with(|| dictionary.clone()).clone();
                        if Arc::ptr_eq(&home, &dictionary) {
                            into.extend(codes.into_iter().map(i64::from));
                        } else {
                            let translation = env.texts.translation(&dictionary, &home);
                            for code in codes {
                                let there = translation.get(code as usize).copied().unwrap_or(u32::MAX);
                                into.push(match dictionary.values.get(code as usize) {
                                    Some(text) if there == u32::MAX => space.number(text.clone()),
                                    _ => i64::from(there),
                                });
                            }
                        }
                    }
                    Piece::Texts(texts) => into.extend(texts.into_iter().map(|text| space.number(text))),
                }
            }
        }
        side
    }
}

/// Keys as one number per row and side, equal where all key parts are.
pub struct Packed {
    pub sides: Vec<Vec<u64>>,
    /// Number of values a key can take.
    pub range: u64,
    /// A key divided by this is its first part; 0 when that is not known.
    first: u64,
}

pub fn pack(sides: &[&Side]) -> Packed {
    let keys = sides.first().map_or(0, |s| s.values.len());
    let mut packed: Vec<Vec<u64>> = sides.iter().map(|s| vec![0; s.state.len()]).collect();
    let mut range = 1u64;
    let mut first = 1u64;
    for k in 0..keys {
        let bounds = |side: &&Side| {
            let used = side.values[k].par_iter().zip(side.state.par_iter()).filter(|(_, state)| **state == 0);
            used.map(|(&v, _)| (v, v)).reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let Some((low, high)) = sides.iter().filter_map(bounds).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { continue };
        let from_low = |v: &i64| (i128::from(*v) - i128::from(low)).max(0) as u64;
        let mut part: Vec<Vec<u64>> = sides.iter().map(|s| s.values[k].par_iter().map(from_low).collect()).collect();
        let mut width = u64::try_from(i128::from(high) - i128::from(low) + 1).unwrap_or(u64::MAX);
        if range.checked_mul(width).is_none() {
            width = densify(&mut part, sides);
        }
        if range.checked_mul(width).is_none() {
            range = densify(&mut packed, sides);
            first = 0;
        }
        for ((packed, part), side) in packed.iter_mut().zip(&part).zip(sides) {
            packed.par_iter_mut().zip(part.par_iter()).zip(side.state.par_iter()).for_each(|((packed, part), state)| {
                if *state == 0 {
                    *packed = *packed * width + part;
                }
            });
        }
        // Two dense ranges are below 2^32 each.
        range = range.saturating_mul(width);
        if k > 0 {
            first = first.saturating_mul(width);
        }
    }
    Packed { sides: packed, range, first }
}

/// Replaces values by their rank of first appearance; returns how many there are.
fn densify(values: &mut [Vec<u64>], sides: &[&Side]) -> u64 {
    let mut seen: FxHashMap<u64, u64> = FxHashMap::default();
    for (values, side) in values.iter_mut().zip(sides) {
        for (value, state) in values.iter_mut().zip(&side.state) {
            if *state == 0 {
                let next = seen.len() as u64;
                *value = *seen.entry(*value).or_insert(next);
            }
        }
    }
    (seen.len() as u64).max(1)
}

/// From a packed key to its group.
pub enum KeyMap {
    /// By value: ranges not much larger than the number of rows.
    Dense(Vec<u32>),
    /// Distinct keys ascending: rows sorted by the key.
    Sorted(Vec<u64>),
    Hash(FxHashMap<u64, u32>),
}

/// Groups the rows of one or more sides by packed key; the first side's rows come first.
pub fn group(packed: &[Vec<u64>], states: &[&[u32]], range: u64) -> (KeyMap, Vec<Vec<u32>>, usize) {
    let rows: usize = packed.iter().map(Vec::len).sum();
    let mut groups = 0u32;
    let mut next = || {
        groups += 1;
        groups - 1
    };
    let single = packed.len() == 1;
    if single && let Some((keys, of)) = runs(&packed[0], states[0]) {
        let n = keys.len();
        return (KeyMap::Sorted(keys), vec![of], n);
    }
    let mut of: Vec<Vec<u32>> = Vec::with_capacity(packed.len());
    let map = if range <= 8 * rows as u64 + 1024 {
        let mut table = vec![NONE; range as usize];
        for (packed, states) in packed.iter().zip(states) {
            of.push(assign(packed, states, |key| {
                let slot = &mut table[key as usize];
                if *slot == NONE {
                    *slot = next();
                }
                *slot
            }));
        }
        KeyMap::Dense(table)
    } else {
        let mut table: FxHashMap<u64, u32> = FxHashMap::default();
        table.reserve(rows / 2);
        for (packed, states) in packed.iter().zip(states) {
            of.push(assign(packed, states, |key| *table.entry(key).or_insert_with(&mut next)));
        }
        KeyMap::Hash(table)
    };
    (map, of, groups as usize)
}

/// As [`group`] where keys are not looked up afterwards: rows that are sorted, or lie together by the first part of the key, need no table.
pub fn group_rows(packed: &Packed, states: &[&[u32]]) -> (Vec<Vec<u32>>, usize) {
    match packed.sides.as_slice() {
        [one] => {
            if let Some((keys, of)) = runs(one, states[0]) {
                return (vec![of], keys.len());
            }
            if packed.first > 1
                && let Some((of, groups)) = clusters(one, states[0], packed.first)
            {
                return (vec![of], groups);
            }
        }
        [a, b] => {
            if let (Some((left, of_left)), Some((right, of_right))) = (runs(a, states[0]), runs(b, states[1])) {
                let (ids, groups) = merge(&left, &right);
                let of_right = of_right.into_iter().map(|g| if is_row(g) { ids[g as usize] } else { g }).collect();
                return (vec![of_left, of_right], groups);
            }
        }
        _ => {}
    }
    let (_, of, groups) = group(&packed.sides, states, packed.range);
    (of, groups)
}

/// For each of the ascending keys `right` its position in `left`, or the next number after those.
fn merge(left: &[u64], right: &[u64]) -> (Vec<u32>, usize) {
    let mut at = 0;
    let mut groups = left.len();
    let ids = right.iter().map(|key| {
        while at < left.len() && left[at] < *key {
            at += 1;
        }
        if left.get(at) == Some(key) {
            return at as u32;
        }
        groups += 1;
        groups as u32 - 1
    });
    let ids = ids.collect();
    (ids, groups)
}

/// Groups of rows whose first key part (`key / first`) never descends: equal keys are looked for in a run of equal first parts only.
fn clusters(packed: &[u64], states: &[u32], first: u64) -> Option<(Vec<u32>, usize)> {
    let mut of = Vec::with_capacity(packed.len());
    let mut groups = 0u32;
    let mut last = 0;
    let mut run: Vec<(u64, u32)> = vec![];
    let mut table: FxHashMap<u64, u32> = FxHashMap::default();
    for (&key, &state) in packed.iter().zip(states) {
        if state != 0 {
            of.push(state);
            continue;
        }
        let head = key / first;
        if head < last {
            return None;
        }
        if head > last {
            last = head;
            run.clear();
            table.clear();
        }
        let known = if table.is_empty() { run.iter().find(|(k, _)| *k == key).map(|(_, g)| *g) } else { table.get(&key).copied() };
        of.push(known.unwrap_or_else(|| {
            groups += 1;
            if !table.is_empty() {
                table.insert(key, groups - 1);
            } else {
                run.push((key, groups - 1));
                if run.len() > 32 {
                    table.extend(run.iter().copied());
                }
            }
            groups - 1
        }));
    }
    Some((of, groups as usize))
}

fn assign(packed: &[u64], states: &[u32], mut group: impl FnMut(u64) -> u32) -> Vec<u32> {
    packed.iter().zip(states).map(|(&key, &state)| if state == 0 { group(key) } else { state }).collect()
}

/// Groups of rows whose keys never descend, or `None`.
fn runs(packed: &[u64], states: &[u32]) -> Option<(Vec<u64>, Vec<u32>)> {
    let mut keys: Vec<u64> = vec![];
    let mut of = Vec::with_capacity(packed.len());
    for (&key, &state) in packed.iter().zip(states) {
        if state != 0 {
            of.push(state);
            continue;
        }
        match keys.last() {
            Some(&last) if last == key => {}
            Some(&last) if last > key => return None,
            _ => keys.push(key),
        }
        of.push(keys.len() as u32 - 1);
    }
    Some((keys, of))
}

impl KeyMap {
    /// The groups of many keys: `NONE` where no row has the key, the state where the key is not complete.
    pub fn look_up(&self, packed: &[u64], states: &[u32]) -> Vec<u32> {
        packed
            .par_chunks(1 << 16)
            .zip(states.par_chunks(1 << 16))
            .flat_map_iter(|(packed, states)| {
                let mut near = 0;
                packed.iter().zip(states).map(move |(&key, &state)| if state == 0 { self.find(key, &mut near) } else { state })
            })
            .collect()
    }
    fn find(&self, key: u64, near: &mut usize) -> u32 {
        match self {
            KeyMap::Dense(table) => table.get(key as usize).copied().unwrap_or(NONE),
            KeyMap::Hash(table) => table.get(&key).copied().unwrap_or(NONE),
            KeyMap::Sorted(keys) => {
                // Callers are mostly sorted too: look near the last place before searching everywhere.
                let at = match keys.get(*near) {
                    Some(&k) if k == key => *near,
                    Some(&k) if k < key && keys.get(*near + 1).is_some_and(|&n| n >= key) => *near + 1,
                    _ => keys.partition_point(|&k| k < key),
                };
                *near = at;
                if keys.get(at) == Some(&key) { at as u32 } else { NONE }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Group numbers by first appearance, by comparing with all rows before.
    fn naive(keys: &[&[u64]], states: &[&[u32]]) -> (Vec<Vec<u32>>, usize) {
        let mut seen: Vec<u64> = vec![];
        let mut of = vec![];
        for (keys, states) in keys.iter().zip(states) {
            of.push(
                keys.iter()
                    .zip(*states)
                    .map(|(key, &state)| {
                        if state != 0 {
                            return state;
                        }
                        seen.iter().position(|k| k == key).unwrap_or_else(|| {
                            seen.push(*key);
                            seen.len() - 1
                        }) as u32
                    })
                    .collect(),
            );
        }
        let n = seen.len();
        (of, n)
    }

    fn rows(sorted: bool) -> impl Strategy<Value = Vec<(u64, u32)>> {
        let state = prop_oneof![6 => Just(0), 1 => Just(NOKEY), 1 => Just(NONE)];
        prop::collection::vec((0u64..120, state), 0..150).prop_map(move |mut rows| {
            if sorted {
                rows.sort_by_key(|(key, _)| *key);
            } else {
                rows.sort_by_key(|(key, _)| key / 10);
            }
            rows
        })
    }

    proptest! {
        #[test]
        fn grouping_agrees_with_the_naive_way(left in rows(false), right in rows(false), a in rows(true), b in rows(true), first in prop_oneof![Just(10u64), Just(1), Just(0)]) {
            for sides in [vec![&left], vec![&a], vec![&left, &right], vec![&a, &b]] {
                let keys: Vec<Vec<u64>> = sides.iter().map(|s| s.iter().map(|r| r.0).collect()).collect();
                let states: Vec<Vec<u32>> = sides.iter().map(|s| s.iter().map(|r| r.1).collect()).collect();
                let states: Vec<&[u32]> = states.iter().map(Vec::as_slice).collect();
                let want = naive(&keys.iter().map(Vec::as_slice).collect::<Vec<_>>(), &states);
                let packed = Packed { sides: keys, range: 120, first };
                prop_assert_eq!(group_rows(&packed, &states), want);
            }
        }
    }
}
