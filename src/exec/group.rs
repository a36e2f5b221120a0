//! Rows with equal packed keys as groups, numbered by first appearance whatever way they are found: by runs where rows ascend by the key, in runs
//! of an equal first part, by a table where keys are dense, else by hash in partitions.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::key::{Packed, PackedSide, State};
use super::{NONE, is_row};

/// Rows that one thread takes at a time.
const BLOCK: usize = 1 << 16;
/// From so many rows up a hash is built in partitions.
const PARTITIONED: usize = 1 << 19;

/// The groups of the rows of all sides.
#[derive(Debug, PartialEq, Eq)]
pub struct Grouped {
    /// Per side and row: its group, or the state of a row without a complete key.
    pub of: Vec<Vec<u32>>,
    pub groups: usize,
    /// Per side: the first row of each group that first appears there. Groups that first appear on a side are numbered after those of the sides before.
    pub firsts: Vec<Vec<u32>>,
    /// How they were found, for the profile.
    pub way: &'static str,
}

/// From a packed key to its group.
pub enum KeyMap {
    /// By value: ranges not much larger than the number of rows.
    Dense(Vec<u32>),
    /// Distinct keys ascending: rows sorted by the key.
    Sorted(Vec<u64>),
    Hash(FxHashMap<u64, u32>),
}

/// Groups of all sides of `packed`; the first side's rows come first.
pub fn group_rows(packed: &Packed) -> Grouped {
    group_rows_from(packed, PARTITIONED)
}

fn group_rows_from(packed: &Packed, partitioned: usize) -> Grouped {
    let (range, first) = (packed.range, packed.first);
    match packed.sides.as_slice() {
        [one] => {
            if let Some(runs) = runs(one) {
                return Grouped { groups: runs.firsts.len(), of: vec![runs.of], firsts: vec![runs.firsts], way: "runs" };
            }
            if first > 1
                && let Some(found) = clusters(one, first)
            {
                return found;
            }
        }
        [a, b] => {
            if let (Some(left), Some(right)) = (runs(a), runs(b)) {
                return merge(a, left, b, right);
            }
        }
        _ => {}
    }
    let rows: usize = packed.sides.iter().map(|s| s.keys.len()).sum();
    if rows >= partitioned && range > 8 * rows as u64 {
        return by_partition(&packed.sides);
    }
    let sides: Vec<&PackedSide> = packed.sides.iter().collect();
    by_table(&sides, range).1
}

/// Groups of the rows of one side, and where each key is found.
pub fn group_map(side: &PackedSide, range: u64) -> (KeyMap, Grouped) {
    if let Some(runs) = runs(side) {
        let keys = runs.firsts.iter().map(|&row| side.keys[row as usize]).collect();
        return (KeyMap::Sorted(keys), Grouped { groups: runs.firsts.len(), of: vec![runs.of], firsts: vec![runs.firsts], way: "runs" });
    }
    by_table(&[side], range)
}

fn by_table(sides: &[&PackedSide], range: u64) -> (KeyMap, Grouped) {
    let rows: usize = sides.iter().map(|s| s.keys.len()).sum();
    let mut groups = 0u32;
    let mut firsts: Vec<Vec<u32>> = vec![];
    let mut of: Vec<Vec<u32>> = vec![];
    let mut fill = |slot: &mut dyn FnMut(u64, u32) -> u32| {
        for side in sides {
            let mut new = vec![];
            let mut side_of = Vec::with_capacity(side.keys.len());
            for (row, &key) in (0u32..).zip(&side.keys) {
                let state = side.state.get(row as usize);
                side_of.push(if state == 0 {
                    let group = slot(key, groups);
                    if group == groups {
                        groups += 1;
                        new.push(row);
                    }
                    group
                } else {
                    state
                });
            }
            firsts.push(new);
            of.push(side_of);
        }
    };
    let (map, way) = if range <= 8 * rows as u64 + 1024 {
        let mut table = vec![NONE; range as usize];
        fill(&mut |key, next| {
            let slot = &mut table[key as usize];
            if *slot == NONE {
                *slot = next;
            }
            *slot
        });
        (KeyMap::Dense(table), "table")
    } else {
        let mut table: FxHashMap<u64, u32> = FxHashMap::default();
        table.reserve(rows / 2);
        fill(&mut |key, next| *table.entry(key).or_insert(next));
        (KeyMap::Hash(table), "hash")
    };
    (map, Grouped { of, groups: groups as usize, firsts, way })
}

/// A stretch of rows, as seen by itself.
#[derive(Clone, Copy, Default)]
struct Stretch {
    first: Option<u64>,
    last: u64,
    /// Different keys in it.
    keys: u32,
}

/// Groups of rows whose keys never descend.
struct Runs {
    of: Vec<u32>,
    firsts: Vec<u32>,
}

fn runs(side: &PackedSide) -> Option<Runs> {
    let keys = side.keys.as_slice();
    let descends = AtomicBool::new(false);
    let stretches: Vec<Stretch> = keys
        .par_chunks(BLOCK)
        .enumerate()
        .map(|(block, keys)| {
            if descends.load(Ordering::Relaxed) {
                return Stretch::default();
            }
            let found = match &side.state.0 {
                None => stretch(keys.iter().copied()),
                Some(state) => stretch(keys.iter().zip(&state[block * BLOCK..]).filter(|(_, s)| **s == 0).map(|(&key, _)| key)),
            };
            found.unwrap_or_else(|| {
                descends.store(true, Ordering::Relaxed);
                Stretch::default()
            })
        })
        .collect();
    if descends.into_inner() {
        return None;
    }
    // The group of each stretch's first key, and whether it began in a stretch before.
    let mut before: Option<u64> = None;
    let mut groups = 0u32;
    let mut starts = Vec::with_capacity(stretches.len());
    for stretch in &stretches {
        let Some(first) = stretch.first else {
            starts.push((groups, before));
            continue;
        };
        if before.is_some_and(|b| b > first) {
            return None;
        }
        starts.push((groups, before));
        groups += stretch.keys - u32::from(before == Some(first));
        before = Some(stretch.last);
    }
    let mut of = vec![0u32; keys.len()];
    let firsts: Vec<Vec<u32>> = of
        .par_chunks_mut(BLOCK)
        .zip(keys.par_chunks(BLOCK))
        .enumerate()
        .map(|(block, (of, keys))| {
            let (mut groups, mut last) = starts[block];
            let mut firsts = Vec::with_capacity(stretches[block].keys as usize);
            let at = (block * BLOCK) as u32;
            let mut put = |i: usize, key: u64, of: &mut u32| {
                if last != Some(key) {
                    last = Some(key);
                    groups += 1;
                    firsts.push(at + i as u32);
                }
                *of = groups - 1;
            };
            match &side.state.0 {
                None => of.iter_mut().zip(keys).enumerate().for_each(|(i, (of, &key))| put(i, key, of)),
                Some(state) => {
                    for (i, ((of, &key), &state)) in of.iter_mut().zip(keys).zip(&state[block * BLOCK..]).enumerate() {
                        if state == 0 {
                            put(i, key, of);
                        } else {
                            *of = state;
                        }
                    }
                }
            }
            firsts
        })
        .collect();
    Some(Runs { of, firsts: firsts.concat() })
}

/// `None`: a key is smaller than the one before it.
fn stretch(keys: impl Iterator<Item = u64>) -> Option<Stretch> {
    let mut out = Stretch::default();
    for key in keys {
        if out.first.is_none() {
            out = Stretch { first: Some(key), last: key, keys: 1 };
            continue;
        }
        if key < out.last {
            return None;
        }
        out.keys += u32::from(key != out.last);
        out.last = key;
    }
    Some(out)
}

/// Two sides that ascend: one way along both.
fn merge(a: &PackedSide, left: Runs, b: &PackedSide, right: Runs) -> Grouped {
    let mut groups = left.firsts.len();
    let mut new = vec![];
    let key = |side: &PackedSide, row: u32| side.keys[row as usize];
    let mut at = 0;
    let ids: Vec<u32> = right
        .firsts
        .iter()
        .map(|&row| {
            let wanted = key(b, row);
            while at < left.firsts.len() && key(a, left.firsts[at]) < wanted {
                at += 1;
            }
            if left.firsts.get(at).is_some_and(|&first| key(a, first) == wanted) {
                return at as u32;
            }
            groups += 1;
            new.push(row);
            groups as u32 - 1
        })
        .collect();
    let mut of_right = right.of;
    of_right.par_iter_mut().filter(|g| is_row(**g)).for_each(|g| *g = ids[*g as usize]);
    Grouped { of: vec![left.of, of_right], groups, firsts: vec![left.firsts, new], way: "runs of both" }
}

/// Groups of rows whose first key part (`key / first`) never descends: equal keys are looked for in a run of equal first parts only.
fn clusters(side: &PackedSide, first: u64) -> Option<Grouped> {
    let keys = side.keys.as_slice();
    let rows = keys.len();
    // Blocks begin where the first part changes, so that no group crosses them.
    let mut cuts = vec![0usize];
    let mut last: Option<u64> = None;
    for (row, &key) in keys.iter().enumerate() {
        if side.state.get(row) != 0 {
            continue;
        }
        let full = row - cuts[cuts.len() - 1] >= BLOCK;
        if full && last.is_some_and(|last| last / first != key / first) {
            cuts.push(row);
        }
        last = Some(key);
    }
    cuts.push(rows);
    let mut of = vec![0u32; rows];
    let mut slices = vec![];
    let mut rest = of.as_mut_slice();
    for cut in cuts.windows(2) {
        let (own, after) = rest.split_at_mut(cut[1] - cut[0]);
        slices.push((cut[0], own));
        rest = after;
    }
    let blocks: Vec<Option<ClusterBlock>> =
        slices.into_par_iter().map(|(start, of)| cluster_block(&keys[start..start + of.len()], &side.state, start, first, of)).collect();
    let blocks: Vec<ClusterBlock> = blocks.into_iter().collect::<Option<_>>()?;
    let mut highest = 0;
    for block in &blocks {
        if let Some((low, high)) = block.heads {
            if low < highest {
                return None;
            }
            highest = high;
        }
    }
    let mut offset = 0u32;
    let mut rest = of.as_mut_slice();
    for (block, cut) in blocks.iter().zip(cuts.windows(2)) {
        let (own, after) = rest.split_at_mut(cut[1] - cut[0]);
        if offset > 0 {
            own.par_iter_mut().filter(|g| is_row(**g)).for_each(|g| *g += offset);
        }
        offset += block.firsts.len() as u32;
        rest = after;
    }
    let firsts: Vec<Vec<u32>> = blocks.into_iter().map(|b| b.firsts).collect();
    Some(Grouped { of: vec![of], groups: offset as usize, firsts: vec![firsts.concat()], way: "runs of the first key" })
}

struct ClusterBlock {
    firsts: Vec<u32>,
    /// First and last first part.
    heads: Option<(u64, u64)>,
}

fn cluster_block(keys: &[u64], state: &State, start: usize, first: u64, of: &mut [u32]) -> Option<ClusterBlock> {
    let mut firsts: Vec<u32> = vec![];
    let mut heads: Option<(u64, u64)> = None;
    // Keys of the run at hand lie in `low..=high`.
    let (mut low, mut high) = (u64::MAX, 0u64);
    let mut run: Vec<(u64, u32)> = vec![];
    let mut table: FxHashMap<u64, u32> = FxHashMap::default();
    for (i, (&key, of)) in keys.iter().zip(of).enumerate() {
        let state = state.get(start + i);
        if state != 0 {
            *of = state;
            continue;
        }
        if key < low || key > high {
            let head = key / first;
            if heads.is_some_and(|(_, last)| head < last) {
                return None;
            }
            heads = Some((heads.map_or(head, |(low, _)| low), head));
            low = head.saturating_mul(first);
            high = low.saturating_add(first - 1);
            run.clear();
            table.clear();
        }
        let known = if table.is_empty() { run.iter().find(|(k, _)| *k == key).map(|(_, g)| *g) } else { table.get(&key).copied() };
        *of = known.unwrap_or_else(|| {
            let group = firsts.len() as u32;
            firsts.push((start + i) as u32);
            if !table.is_empty() {
                table.insert(key, group);
            } else {
                run.push((key, group));
                if run.len() > 32 {
                    table.extend(run.iter().copied());
                }
            }
            group
        });
    }
    Some(ClusterBlock { firsts, heads })
}

/// Keys anywhere: rows are dealt out by a hash of their key, each part is grouped by itself, and groups are numbered by their first rows.
fn by_partition(sides: &[PackedSide]) -> Grouped {
    const PARTS: usize = 64;
    let total: usize = sides.iter().map(|s| s.keys.len()).sum();
    let part_of = |key: u64| (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize;
    // Rows of all sides are numbered one after the other.
    let mut dealt: Vec<Vec<(u64, u32)>> = (0..PARTS).map(|_| Vec::with_capacity(total / PARTS + total / (4 * PARTS))).collect();
    let mut at = 0u32;
    for side in sides {
        for (row, &key) in side.keys.iter().enumerate() {
            if side.state.get(row) == 0 {
                dealt[part_of(key)].push((key, at + row as u32));
            }
        }
        at += side.keys.len() as u32;
    }
    let grouped: Vec<Vec<(u32, u32)>> = dealt
        .into_par_iter()
        .map(|rows| {
            let mut first: FxHashMap<u64, u32> = FxHashMap::default();
            first.reserve(rows.len() / 2);
            rows.into_iter().map(|(key, row)| (row, *first.entry(key).or_insert(row))).collect()
        })
        .collect();
    let mut first_of = vec![NONE; total];
    for &(row, first) in grouped.iter().flatten() {
        first_of[row as usize] = first;
    }
    drop(grouped);
    // A group's number is how many groups began before it.
    let mut number = vec![0u32; total];
    let mut groups = 0u32;
    let mut of = vec![];
    let mut firsts = vec![];
    let mut at = 0usize;
    for side in sides {
        let (mut side_of, mut new) = (Vec::with_capacity(side.keys.len()), vec![]);
        for row in 0..side.keys.len() {
            let first = first_of[at + row];
            side_of.push(if first == NONE {
                side.state.get(row)
            } else {
                if first as usize == at + row {
                    number[at + row] = groups;
                    groups += 1;
                    new.push(row as u32);
                }
                number[first as usize]
            });
        }
        at += side.keys.len();
        of.push(side_of);
        firsts.push(new);
    }
    Grouped { of, groups: groups as usize, firsts, way: "hash in parts" }
}

impl KeyMap {
    /// The groups of many keys: `NONE` where no row has the key, the state where the key is not complete.
    pub fn look_up(&self, side: &PackedSide) -> Vec<u32> {
        let mut out = vec![NONE; side.keys.len()];
        out.par_chunks_mut(BLOCK).enumerate().for_each(|(block, out)| {
            let start = block * BLOCK;
            let mut near = 0;
            for (i, out) in out.iter_mut().enumerate() {
                let state = side.state.get(start + i);
                *out = if state == 0 { self.find(side.keys[start + i], &mut near) } else { state };
            }
        });
        out
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
    use crate::exec::NOKEY;
    use proptest::prelude::*;

    /// Group numbers by first appearance, by comparing with all rows before.
    fn naive(sides: &[PackedSide]) -> (Vec<Vec<u32>>, usize, Vec<Vec<u32>>) {
        let mut seen: Vec<u64> = vec![];
        let (mut of, mut firsts) = (vec![], vec![]);
        for side in sides {
            let mut new = vec![];
            of.push(
                side.keys
                    .iter()
                    .enumerate()
                    .map(|(row, key)| {
                        if side.state.get(row) != 0 {
                            return side.state.get(row);
                        }
                        seen.iter().position(|k| k == key).unwrap_or_else(|| {
                            seen.push(*key);
                            new.push(row as u32);
                            seen.len() - 1
                        }) as u32
                    })
                    .collect(),
            );
            firsts.push(new);
        }
        (of, seen.len(), firsts)
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

    fn side(rows: &[(u64, u32)], whole: bool) -> PackedSide {
        let state = (!whole).then(|| rows.iter().map(|r| r.1).collect());
        PackedSide { keys: rows.iter().map(|r| if whole || r.1 == 0 { r.0 } else { 0 }).collect(), state: State(state) }
    }

    proptest! {
        #[test]
        fn grouping_agrees_with_the_naive_way(left in rows(false), right in rows(false), a in rows(true), b in rows(true),
            first in prop_oneof![Just(10u64), Just(1), Just(0)], whole in any::<bool>(), range in prop_oneof![Just(120u64), Just(1 << 40)]) {
            for sides in [vec![&left], vec![&a], vec![&left, &right], vec![&a, &b]] {
                let packed = Packed { sides: sides.iter().map(|s| side(s, whole)).collect(), range, first };
                let want = naive(&packed.sides);
                for partitioned in [0, PARTITIONED] {
                    let found = group_rows_from(&packed, partitioned);
                    prop_assert_eq!((found.of, found.groups, found.firsts), want.clone());
                }
                let (map, found) = group_map(&packed.sides[0], range);
                prop_assert_eq!(map.look_up(&packed.sides[0]), found.of[0].clone());
                prop_assert_eq!(&found.of[0], &naive(&packed.sides[..1]).0[0]);
            }
        }
    }
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn blocks_agree_with_one_way_through(steps in prop::collection::vec(0u64..3, BLOCK * 2..BLOCK * 2 + 500)) {
            let mut key = 0;
            let keys: Vec<u64> = steps.iter().map(|s| { key += s; key }).collect();
            let one = PackedSide { keys: keys.clone(), state: State(None) };
            let by_runs = group_rows(&Packed { sides: vec![one], range: u64::MAX, first: 1 });
            prop_assert_eq!(by_runs.way, "runs");
            let one = PackedSide { keys: keys.clone(), state: State(None) };
            let by_table = by_table(&[&one], u64::MAX).1;
            prop_assert_eq!(&by_runs.of, &by_table.of);
            prop_assert_eq!(&by_runs.firsts, &by_table.firsts);
            let twisted = keys.chunks(2).flat_map(|pair| pair.iter().rev().copied().collect::<Vec<_>>()).collect();
            let one = [PackedSide { keys: twisted, state: State(None) }];
            let by_clusters = clusters(&one[0], 64);
            let by_table = super::by_table(&[&one[0]], u64::MAX).1;
            if let Some(found) = by_clusters {
                prop_assert_eq!(found.of, by_table.of);
                prop_assert_eq!(found.firsts, by_table.firsts);
            }
        }
    }
}
