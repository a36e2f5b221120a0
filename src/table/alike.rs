//! What is the same in two deliveries of a table, and the rows that stand under some values of a column: so that only what belongs together with
//! something that changed is looked at again.

use rayon::prelude::*;
use rdst::{RadixKey, RadixSort};
use rustc_hash::FxHashSet;

use super::contents::{Values, mix};
use super::order::gather;
use super::{Bits, Origin, Table};

/// A row's number with the hash of its values; ordered by the hash.
#[derive(Debug, Clone, Copy)]
struct Hashed {
    hash: u64,
    row: u32,
}

impl RadixKey for Hashed {
    const LEVELS: usize = 8;
    fn get_level(&self, level: usize) -> u8 {
        self.hash.to_le_bytes()[level]
    }
}

/// Rows of `now` that stand in no row of `before`, and the reverse: by their values in `columns` (names), each as often as it occurs.
pub fn changed(now: &Table, before: &Table, columns: &[&str]) -> (Vec<u32>, Vec<u32>) {
    let (a, b) = (hashed(now, columns), hashed(before, columns));
    // Most rows are the same and stand in the same order: only what lies between is put in order.
    let head = a.iter().zip(&b).take_while(|(a, b)| a.hash == b.hash).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(a, b)| a.hash == b.hash).count();
    let (mut a, mut b) = (a[head..a.len() - tail].to_vec(), b[head..b.len() - tail].to_vec());
    a.radix_sort_unstable();
    b.radix_sort_unstable();
    let (mut i, mut j) = (0, 0);
    let (mut only_now, mut only_before) = (vec![], vec![]);
    while i < a.len() || j < b.len() {
        match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) if x.hash == y.hash => (i, j) = (i + 1, j + 1),
            (Some(x), y) if y.is_none_or(|y| x.hash < y.hash) => {
                only_now.push(x.row);
                i += 1;
            }
            (_, Some(y)) => {
                only_before.push(y.row);
                j += 1;
            }
            (_, None) => i += 1,
        }
    }
    (only_now, only_before)
}

fn hashed(table: &Table, columns: &[&str]) -> Vec<Hashed> {
    let values: Vec<Values> = columns.iter().filter_map(|name| table.column(name)).map(Values::new).collect();
    (0..table.rows)
        .into_par_iter()
        .with_min_len(1 << 14)
        .map(|row| {
            let hash = values.iter().fold(0x9e37_79b9_7f4a_7c15, |hash, v| mix(hash ^ v.at(row), 0xd6e8_feb8_6659_fd93));
            Hashed { hash, row: row as u32 }
        })
        .collect()
}

/// Numbers of the values that the rows have in column `by`.
pub fn numbers(table: &Table, by: &str, rows: impl Iterator<Item = u32>) -> FxHashSet<u64> {
    let Some(values) = table.column(by).map(Values::new) else { return FxHashSet::default() };
    rows.map(|row| values.at(row as usize)).collect()
}

impl Table {
    /// The rows whose value in column `by` has one of these numbers.
    #[must_use]
    pub fn under(&self, by: &str, numbers: &FxHashSet<u64>) -> Table {
        let Some(values) = self.column(by).map(Values::new) else { return self.clone() };
        let rows: Vec<u32> = Bits::from_fn(self.rows, |row| numbers.contains(&values.at(row))).ones().map(|row| row as u32).collect();
        let origin = &self.origin;
        Table {
            name: self.name.clone(),
            rows: rows.len(),
            columns: self.columns.par_iter().map(|c| gather(c, &rows)).collect(),
            sorted_by: self.sorted_by.clone(),
            origin: Origin {
                files: origin.files.clone(),
                file: rows.iter().map(|&r| origin.file[r as usize]).collect(),
                line: rows.iter().map(|&r| origin.line[r as usize]).collect(),
            },
        }
    }
}
