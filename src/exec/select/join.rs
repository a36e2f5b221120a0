//! Pairs of rows with equal keys.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::pack::{MISSING, hide, pack};
use crate::table::Column;

/// Rows of one side by key: those of number k are `rows[starts[k]..starts[k + 1]]`, ascending.
struct Index {
    slot: Slots,
    starts: Vec<u32>,
    rows: Vec<u32>,
}

enum Slots {
    /// Key k has number k.
    Dense,
    Hash(FxHashMap<u64, u32>),
}

impl Index {
    fn new(keys: &[u64], range: u64) -> Index {
        let (slot, numbers, count) = if range <= 4 * keys.len() as u64 + 65_536 {
            (Slots::Dense, keys.iter().map(|&k| if k == MISSING { u32::MAX } else { k as u32 }).collect::<Vec<u32>>(), range as usize)
        } else {
            let mut table: FxHashMap<u64, u32> = FxHashMap::default();
            table.reserve(keys.len());
            let mut numbers = Vec::with_capacity(keys.len());
            for &key in keys {
                let next = table.len() as u32;
                numbers.push(if key == MISSING { u32::MAX } else { *table.entry(key).or_insert(next) });
            }
            let count = table.len();
            (Slots::Hash(table), numbers, count)
        };
        let mut starts = vec![0u32; count + 1];
        for &number in numbers.iter().filter(|n| **n != u32::MAX) {
            starts[number as usize + 1] += 1;
        }
        for k in 0..count {
            starts[k + 1] += starts[k];
        }
        let mut places = starts.clone();
        let mut rows = vec![0u32; starts[count] as usize];
        for (row, &number) in numbers.iter().enumerate().filter(|(_, n)| **n != u32::MAX) {
            let place = &mut places[number as usize];
            rows[*place as usize] = row as u32;
            *place += 1;
        }
        Index { slot, starts, rows }
    }
    fn of(&self, key: u64) -> &[u32] {
        if key == MISSING {
            return &[];
        }
        let number = match &self.slot {
            Slots::Dense => Some(key as usize),
            Slots::Hash(table) => table.get(&key).map(|&n| n as usize),
        };
        match number.and_then(|n| Some((*self.starts.get(n)?, *self.starts.get(n + 1)?))) {
            Some((from, to)) => &self.rows[from as usize..to as usize],
            None => &[],
        }
    }
}

const PART: usize = 1 << 15;

/// Pairs of positions with equal keys, by left, then by right position. A missing key has no partner. `None`: more than 2^32.
pub(super) fn pairs(left: &[&Column], right: &[&Column], lens: (usize, usize)) -> Option<(Vec<u32>, Vec<u32>)> {
    let mut packed = pack(&[left.to_vec(), right.to_vec()], &[lens.0, lens.1]);
    hide(&mut packed.sides[0], left);
    hide(&mut packed.sides[1], right);
    let [left, right] = packed.sides.as_slice() else { return None };
    // The smaller side is indexed; the other is looked up in parallel, in order.
    let swapped = left.len() < right.len();
    let (index, probe) = if swapped { (Index::new(left, packed.range), right) } else { (Index::new(right, packed.range), left) };
    let total: u64 = probe.par_chunks(PART).map(|keys| keys.iter().map(|&k| index.of(k).len() as u64).sum::<u64>()).sum();
    if total >= u64::from(u32::MAX) {
        return None;
    }
    let parts: Vec<(Vec<u32>, Vec<u32>)> = probe
        .par_chunks(PART)
        .enumerate()
        .map(|(k, keys)| {
            let (mut own, mut others) = (vec![], vec![]);
            for (j, &key) in keys.iter().enumerate() {
                let found = index.of(key);
                own.extend(std::iter::repeat_n((k * PART + j) as u32, found.len()));
                others.extend_from_slice(found);
            }
            (own, others)
        })
        .collect();
    let (mut own, mut others) = (Vec::with_capacity(total as usize), Vec::with_capacity(total as usize));
    for (a, b) in parts {
        own.extend(a);
        others.extend(b);
    }
    if !swapped {
        return Some((own, others));
    }
    // Back to the order of the left side: places by counting, which keeps the right positions ascending.
    let mut starts = vec![0u32; left.len() + 1];
    for &l in &others {
        starts[l as usize + 1] += 1;
    }
    for k in 0..left.len() {
        starts[k + 1] += starts[k];
    }
    let (mut lefts, mut rights) = (vec![0u32; others.len()], vec![0u32; others.len()]);
    for (&r, &l) in own.iter().zip(&others) {
        let place = &mut starts[l as usize];
        lefts[*place as usize] = l;
        rights[*place as usize] = r;
        *place += 1;
    }
    Some((lefts, rights))
}
