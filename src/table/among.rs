//! Rows of one table that rows of another ask for by a key.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::contents::{Values, mix};
use super::{Bits, Table};

/// Keys of one column or several, as hashes of their values: two keys that fall together only take in rows that nobody asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(FxHashSet<u64>);

/// Rows whose `columns` (names) together hold one of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Among {
    pub columns: Vec<String>,
    pub keys: Arc<Keys>,
}

/// The hash of no column.
pub(super) const NO_COLUMN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of some columns, from that of the columns before and that of the next one's value.
pub(super) fn with_next(hash: u64, value: u64) -> u64 {
    mix(hash ^ value, 0xd6e8_feb8_6659_fd93)
}

impl Keys {
    /// Of the rows of `table` in `columns`; not of rows that lack one of them.
    pub fn of(table: &Table, columns: &[String]) -> Keys {
        let mut keys = FxHashSet::default();
        each(table, columns, |_, key| {
            keys.insert(key);
        });
        Keys(keys)
    }
    pub(super) fn contains(&self, key: u64) -> bool {
        self.0.contains(&key)
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn each(table: &Table, columns: &[String], mut take: impl FnMut(usize, u64)) {
    let columns: Option<Vec<_>> = columns.iter().map(|name| table.column(name)).collect();
    let Some(columns) = columns else { return };
    let values: Vec<Values<'_>> = columns.iter().map(|c| Values::new(c)).collect();
    for row in (0..table.rows).filter(|&row| columns.iter().all(|c| c.is_valid(row))) {
        take(row, values.iter().fold(NO_COLUMN, |hash, v| with_next(hash, v.at(row))));
    }
}

/// Rows of `table` that any of `among` asks for; `None`: all of them.
pub(super) fn asked_for(table: &Table, among: &[Among]) -> Option<Vec<u32>> {
    let mut kept = Bits::new(table.rows, among.is_empty());
    for among in among {
        each(table, &among.columns, |row, key| {
            if among.keys.contains(key) {
                kept.set(row, true);
            }
        });
    }
    (!kept.all()).then(|| kept.ones().map(|row| row as u32).collect())
}
