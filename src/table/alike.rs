//! What is the same in two deliveries of a table, by the values of one column: so that only what belongs to values under which something
//! changed is looked at again.

use rayon::prelude::*;
use rdst::{RadixKey, RadixSort};
use rustc_hash::FxHashSet;

use super::contents::{Values, mix};
use super::order::gather;
use super::{Bits, Origin, Table};

/// A value of the column, as a number that depends on nothing but the value, and the sum of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sum {
    value: u64,
    rows: u64,
}

impl RadixKey for Sum {
    const LEVELS: usize = 8;
    fn get_level(&self, level: usize) -> u8 {
        self.value.to_le_bytes()[level]
    }
}

/// Rows that are summed at once.
const CHUNK: usize = 1 << 16;

/// Numbers of the values of column `by` under which the rows of the two tables are not the same in `columns` (names), whatever their order.
pub fn changed(now: &Table, before: &Table, by: &str, columns: &[&str]) -> FxHashSet<u64> {
    let (now, before) = (sums(now, by, columns), sums(before, by, columns));
    let mut out = FxHashSet::default();
    let (mut i, mut j) = (0, 0);
    while i < now.len() || j < before.len() {
        let (a, b) = (now.get(i).map(|s| s.value), before.get(j).map(|s| s.value));
        match (a, b) {
            (Some(a), Some(b)) if a == b => {
                if now[i] != before[j] {
                    out.insert(a);
                }
                (i, j) = (i + 1, j + 1);
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                out.insert(a);
                i += 1;
            }
            (_, Some(b)) => {
                out.insert(b);
                j += 1;
            }
            (_, None) => i += 1,
        }
    }
    out
}

/// Whether the rows of the two tables are the same in `columns`, whatever their order.
pub fn alike(now: &Table, before: &Table, columns: &[&str]) -> bool {
    let total = |table: &Table| sums(table, "", columns).iter().fold(0u64, |sum, s| sum.wrapping_add(s.rows));
    now.rows == before.rows && total(now) == total(before)
}

/// By value of `by` ascending, each once; all rows under one value where the table has no such column.
fn sums(table: &Table, by: &str, columns: &[&str]) -> Vec<Sum> {
    let by = table.column(by).map(Values::new);
    let values: Vec<Values> = columns.iter().filter_map(|name| table.column(name)).map(Values::new).collect();
    let chunks: Vec<usize> = (0..table.rows).step_by(CHUNK).collect();
    let parts: Vec<Vec<Sum>> = chunks
        .into_par_iter()
        .map(|start| {
            let mut out: Vec<Sum> = vec![];
            for row in start..(start + CHUNK).min(table.rows) {
                let value = by.as_ref().map_or(0, |by| by.at(row));
                let hash = values.iter().fold(0x9e37_79b9_7f4a_7c15, |hash, v| mix(hash ^ v.at(row), 0xd6e8_feb8_6659_fd93));
                match out.last_mut() {
                    Some(last) if last.value == value => last.rows = last.rows.wrapping_add(hash),
                    _ => out.push(Sum { value, rows: hash }),
                }
            }
            out
        })
        .collect();
    let mut all = parts.concat();
    all.radix_sort_unstable();
    let mut out: Vec<Sum> = Vec::with_capacity(all.len());
    for sum in all {
        match out.last_mut() {
            Some(last) if last.value == sum.value => last.rows = last.rows.wrapping_add(sum.rows),
            _ => out.push(sum),
        }
    }
    out
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
