//! What a load is asked for and what it gives.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Among, Condition, Contents, Table};
use crate::diagnostic::Diagnostics;

/// Columns that must be loaded, by table and column name, and groups of text columns that are compared and so share a dictionary.
/// A table that is not named is not read; a named table is always read with its key and sort columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    pub columns: BTreeMap<String, BTreeSet<String>>,
    /// Each group: (table, column). Groups that share a column are one group.
    pub domains: Vec<Vec<(String, String)>>,
}

/// Told how far a load is. Called from several threads.
pub trait Progress: Sync {
    /// Reading of a table begins; `bytes` is the size of its files.
    fn table(&self, name: &str, bytes: u64);
    /// So many further bytes of its files are read.
    fn bytes(&self, name: &str, bytes: u64);
    /// The table stands, with so many rows.
    fn done(&self, name: &str, rows: u64);
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn table(&self, _: &str, _: u64) {}
    fn bytes(&self, _: &str, _: u64) {}
    fn done(&self, _: &str, _: u64) {}
}

pub struct LoadOptions<'a> {
    /// Folder of the Parquet store; `None`: read the delivered files each time.
    pub store: Option<PathBuf>,
    /// Columns marked `restricted:` may be read (an authority was named).
    pub restricted_ok: bool,
    /// Day of the audit, days since 1970-01-01: of a snapshot table the latest row of each key up to this day is taken. `None`: the latest of all.
    pub as_of: Option<i32>,
    /// Conditions by table: rows that do not meet all of them are left out. Receipts are those of the whole delivery.
    pub only: BTreeMap<String, Vec<Condition>>,
    /// By table: rows that none of these asks for are left out too.
    pub among: BTreeMap<String, Vec<Among>>,
    /// Of tables in the store at most so many pages, spread evenly: a sample. With 0 only what is known of each table.
    pub pages: Option<usize>,
    /// Bytes that reading delivered files may take: tables that are not in the store are then put in order on disk and stored before they are
    /// read from there, and one that cannot be stored is an error. Needs a store.
    pub memory: Option<u64>,
    pub progress: &'a dyn Progress,
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        LoadOptions {
            store: None,
            restricted_ok: false,
            as_of: None,
            only: BTreeMap::new(),
            among: BTreeMap::new(),
            pages: None,
            memory: None,
            progress: &Silent,
        }
    }
}

/// A delivered cell that has no value, or a record that does not fit its header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Rejected {
    pub table: String,
    /// Path relative to the project file.
    pub file: String,
    pub sheet: Option<String>,
    /// As in [`super::Origin`].
    pub line: u64,
    /// `None`: the record as a whole (ragged).
    pub column: Option<String>,
    /// As delivered, at most 200 characters.
    pub delivered: String,
    pub problem: String,
}

/// What a delivery holds, to be set against what its sender says: the first answer to a finding is "you loaded it wrong".
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Receipt {
    pub table: String,
    pub files: Vec<FileReceipt>,
    /// Rows in the files, and rows of the table (fewer for a snapshot table).
    pub rows_delivered: u64,
    pub rows: u64,
    pub columns: Vec<ColumnReceipt>,
    /// Records whose key stands in another record as well; 0 without a key.
    pub duplicate_keys: u64,
    /// Rows whose number of cells is not that of the header.
    pub ragged: u64,
    pub checks: Vec<ControlCheck>,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileReceipt {
    pub path: String,
    pub sheet: Option<String>,
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
    pub rejected_cells: u64,
    /// Records whose key stands in another record of the same file.
    pub duplicate_keys: u64,
}

/// One loaded column. Sums and ranges are texts in the canonical form of `schema::format`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ColumnReceipt {
    pub column: String,
    /// Cells without a delivered text.
    pub empty: u64,
    /// Cells that did not parse.
    pub rejected: u64,
    /// Money columns, over all delivered rows.
    pub sum: Option<String>,
    /// Dates and months.
    pub first: Option<String>,
    pub last: Option<String>,
    /// Distinct values, for regions.
    pub distinct: Option<u64>,
}

/// A control total of `expect:` against what was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ControlCheck {
    pub what: String,
    pub expected: String,
    pub found: String,
    pub agrees: bool,
}

/// What the store had for a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freshness {
    /// The stored table was read.
    Fresh,
    /// Nothing was stored yet.
    Empty,
    /// Delivered files are not the stored ones; what of which file.
    Files(Vec<String>),
    /// The table is declared otherwise than it was stored.
    Declaration,
    /// These columns were not stored, or under another declaration.
    Columns(Vec<String>),
    /// It could not be read; a warning says why.
    Unreadable,
}

impl Freshness {
    /// Why the delivered files were read, in words; `None` if they were not.
    pub fn reason(&self) -> Option<String> {
        Some(match self {
            Freshness::Fresh => return None,
            Freshness::Empty => "not stored yet".to_owned(),
            Freshness::Files(files) if files.len() > 3 => format!("{} and {} more", files[..3].join(", "), files.len() - 3),
            Freshness::Files(files) => files.join(", "),
            Freshness::Declaration => "declared otherwise, or for another day".to_owned(),
            Freshness::Columns(columns) => format!("without {}", columns.join(", ")),
            Freshness::Unreadable => "the store cannot be read".to_owned(),
        })
    }
}

/// A project's tables, loaded.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// One per table of the project, in its order. A table that was not needed has no columns and no rows.
    pub tables: Vec<Arc<Table>>,
    /// By table, file, line.
    pub rejected: Vec<Rejected>,
    /// One per table that was read.
    pub receipt: Vec<Receipt>,
    pub warnings: Diagnostics,
    /// Receipts of the deliveries before these, of the tables whose store still holds one. Never part of a result: it depends on the store.
    pub previous: Vec<Receipt>,
    /// By table that was needed, when there is a store. Never part of a result.
    pub store: Vec<(String, Freshness)>,
    /// Hashes of what each table holds, as stored (maybe with further columns). Never part of a result.
    pub contents: Vec<(String, Contents)>,
}
