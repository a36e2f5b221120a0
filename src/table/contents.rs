//! What a table holds, bucket by bucket: so that the next night can tell which records to look at again. A record's bucket follows from the
//! value of the table's main key alone (never from a code or a position), so it is the same in every night and on every machine.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Column, Data, FileOrigin, Table};

/// Number of buckets; never changes.
pub const BUCKETS: usize = 256;

/// Hashes of a table's content. Comparable between loads of the same columns; where the key is unique (no rows tie in sort columns and key),
/// between loads of any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The main key: the first column by which rows are sorted. Without one all rows are in bucket 0.
    pub key: Option<String>,
    /// Rows by bucket.
    pub rows: Vec<u64>,
    /// Columns, and where rows come from as the last one under the name of ``.
    pub columns: Vec<(String, Vec<ContentHash>)>,
    /// Rows that agree in sort columns and key stand in an order that follows from all columns that are loaded.
    pub ties: bool,
}

/// 128 bits over the values of one column in one bucket, in table order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentHash(u64, u64);

impl ContentHash {
    #[inline]
    fn add(&mut self, value: u64) {
        self.0 = mix(self.0 ^ value, 0x9e37_79b9_7f4a_7c15);
        self.1 = mix(self.1.rotate_left(17) ^ value, 0xd6e8_feb8_6659_fd93);
    }
}

#[inline]
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0xa076_1d64_78bd_642f) * u128::from(b | 1);
    product as u64 ^ (product >> 64) as u64
}

/// Of a value without its row; the same for equal values of whatever dictionary.
pub(super) fn text_hash(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// The hash of a value that is known whole; apart from the marks of missing and bad cells.
#[inline]
pub(super) fn whole(value: u64) -> u64 {
    mix(value, 0x8cb9_2ba7_2f3d_8dd7)
}

/// Values of a column as numbers that depend on nothing but the value.
pub(super) struct Values<'a> {
    column: &'a Column,
    texts: &'a [u64],
}

impl<'a> Values<'a> {
    pub(super) fn new(column: &'a Column) -> Self {
        let texts = match &column.data {
            Data::Code(_, dictionary) => dictionary.hashes(),
            _ => &[],
        };
        Values { column, texts }
    }
    #[inline]
    pub(super) fn at(&self, row: usize) -> u64 {
        let column = self.column;
        if !column.is_valid(row) {
            return 0x5bd1_e995 + u64::from(column.is_bad(row));
        }
        let value = match &column.data {
            Data::I64(v) => v[row] as u64,
            Data::I32(v) => v[row] as u64,
            Data::Code(v, _) => self.texts[v[row] as usize],
            Data::Bool(v) => u64::from(v.get(row)),
        };
        if column.part.as_ref().is_some_and(|p| p.get(row)) { mix(value, 0x2545_f491_4f6c_dd1d) } else { whole(value) }
    }
}

/// Hashes of `table`, whose rows stand in their final order.
pub(super) fn contents(table: &Table, ties: bool) -> Contents {
    let names = table.columns.iter().map(|c| c.name.as_str());
    let mut contents = Contents::new(table.sorted_by.first().map(|&i| table.columns[i].name.as_str()), names);
    let files = origin_hashes(&table.origin.files);
    let origin = &table.origin;
    contents.add(&table.columns, table.rows, |row| files[usize::from(origin.file[row])] ^ u64::from(origin.line[row]));
    Contents { ties, ..contents }
}

/// Of where rows come from, by file.
pub(super) fn origin_hashes(files: &[FileOrigin]) -> Vec<u64> {
    files.iter().map(|f| text_hash(&format!("{}\0{:?}", f.path, f.sheet))).collect()
}

impl Contents {
    pub(super) fn new<'n>(key: Option<&str>, columns: impl Iterator<Item = &'n str>) -> Self {
        let columns = columns.chain([""]).map(|name| (name.to_owned(), vec![ContentHash::default(); BUCKETS])).collect();
        Contents { key: key.map(str::to_owned), rows: vec![0; BUCKETS], columns, ties: false }
    }

    /// Adds the next rows in table order. `origin`: a number for where a row comes from.
    pub(super) fn add(&mut self, columns: &[Column], rows: usize, origin: impl Fn(usize) -> u64 + Sync) {
        let key = self.key.as_ref().and_then(|key| columns.iter().find(|c| c.name == *key));
        let buckets: Vec<u8> = match key.map(Values::new) {
            None => vec![0; rows],
            Some(values) => (0..rows).into_par_iter().with_min_len(4096).map(|row| (values.at(row) >> 56) as u8).collect(),
        };
        for bucket in &buckets {
            self.rows[usize::from(*bucket)] += 1;
        }
        let add = |hashes: &mut [ContentHash], value: &dyn Fn(usize) -> u64| {
            for (row, bucket) in buckets.iter().enumerate() {
                hashes[usize::from(*bucket)].add(value(row));
            }
        };
        self.columns.par_iter_mut().enumerate().for_each(|(i, (_, hashes))| match columns.get(i).map(Values::new) {
            Some(values) => add(hashes, &|row| values.at(row)),
            None => add(hashes, &origin),
        });
    }

    /// One hash of what stands in `columns`, and where it comes from. `loaded`: all columns that are loaded, which say in what order rows that tie
    /// stand. `None` when one of them is not known.
    pub fn digest(&self, columns: &BTreeSet<String>, loaded: &BTreeSet<String>) -> Option<blake3::Hash> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{:?} {:?}", self.key, self.rows).as_bytes());
        let origin = String::new();
        for name in if self.ties { loaded } else { columns }.iter().chain([&origin]) {
            let (_, hashes) = self.columns.iter().find(|(c, _)| c == name)?;
            hasher.update(name.as_bytes());
            for ContentHash(a, b) in hashes {
                hasher.update(&a.to_le_bytes()).update(&b.to_le_bytes());
            }
        }
        Some(hasher.finalize())
    }

    /// Buckets in which `columns` do not hold the same as in `earlier`; all of them if the two cannot be compared.
    pub fn changed(&self, earlier: &Contents, columns: &[&str]) -> Vec<u8> {
        let of = |contents: &Contents, name: &str| contents.columns.iter().find(|(c, _)| c == name).map(|(_, h)| h.clone());
        let pairs: Vec<_> = columns.iter().map(|name| (of(self, name), of(earlier, name))).collect();
        let same = |bucket: usize| {
            self.key == earlier.key
                && self.rows.get(bucket) == earlier.rows.get(bucket)
                && pairs.iter().all(|(a, b)| match (a, b) {
                    (Some(a), Some(b)) => a.get(bucket) == b.get(bucket),
                    _ => false,
                })
        };
        (0..=u8::MAX).filter(|bucket| !same(usize::from(*bucket))).collect()
    }
}
