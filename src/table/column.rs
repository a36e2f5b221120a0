//! A loaded table: packed columns of one length, rows in the table's order, and where each row came from.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::Bits;
use crate::schema::{SemanticType, TextKind, Type, Value};

/// The distinct texts of a key domain or column, sorted by Unicode code points; a code is the position.
/// Codes serve equality, joins and grouping only: their order must never reach a result.
#[derive(Debug, Default)]
pub struct Dictionary {
    pub values: Vec<Arc<str>>,
    /// Hash of each text, once something asked for them.
    hashes: OnceLock<Vec<u64>>,
}

impl PartialEq for Dictionary {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}
impl Eq for Dictionary {}

impl Dictionary {
    pub fn new(values: Vec<Arc<str>>) -> Self {
        Dictionary { values, hashes: OnceLock::new() }
    }
    /// The hashes of texts that are not at hand.
    pub(super) fn of_hashes(hashes: Vec<u64>) -> Self {
        Dictionary { values: vec![], hashes: OnceLock::from(hashes) }
    }
    /// By code; the same for equal texts of whatever dictionary.
    pub fn hashes(&self) -> &[u64] {
        self.hashes.get_or_init(|| self.values.par_iter().with_min_len(1024).map(|t| super::contents::text_hash(t)).collect())
    }
    /// The code of `text`, if some cell holds it.
    pub fn code(&self, text: &str) -> Option<u32> {
        self.values.binary_search_by(|v| (**v).cmp(text)).ok().and_then(|i| u32::try_from(i).ok())
    }
    pub fn len(&self) -> usize {
        self.values.len()
    }
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Packed values; the physical form follows from the column's [`Type`]. Where a value is missing the slot holds 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// `Int`, `Decimal`, `Money`, `CitizenId`, `Region`.
    I64(Vec<i64>),
    /// `Date`, `Month`.
    I32(Vec<i32>),
    /// `Text`. Columns that are compared share one dictionary (the same `Arc`): their key domain.
    Code(Vec<u32>, Arc<Dictionary>),
    /// `Bool`.
    Bool(Bits),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub semantic: SemanticType,
    pub data: Data,
    /// Set where there is a value. `None`: everywhere.
    pub valid: Option<Bits>,
    /// Set where the delivered cell did not parse; such a row has no value here, and a rule that reads it is not assessable.
    pub bad: Option<Bits>,
    /// For dates: set where only year and month were delivered; the value is the first day of that month and stands for the whole month.
    pub part: Option<Bits>,
}

impl Column {
    pub fn value_type(&self) -> Type {
        self.semantic.value_type()
    }
    pub fn is_valid(&self, row: usize) -> bool {
        self.valid.as_ref().is_none_or(|v| v.get(row))
    }
    pub fn is_bad(&self, row: usize) -> bool {
        self.bad.as_ref().is_some_and(|b| b.get(row))
    }
    pub fn value(&self, row: usize) -> Value {
        if !self.is_valid(row) {
            return Value::Null;
        }
        match (&self.data, self.value_type()) {
            (Data::I64(v), Type::Decimal(scale)) => Value::Decimal { units: v[row], scale },
            (Data::I64(v), Type::Money) => Value::Money(v[row]),
            (Data::I64(v), Type::CitizenId) => Value::CitizenId(v[row]),
            (Data::I64(v), Type::Region) => Value::Region(v[row]),
            (Data::I64(v), _) => Value::Int(v[row]),
            (Data::I32(v), Type::Month) => Value::Month(v[row]),
            (Data::I32(v), _) => Value::Date(v[row]),
            (Data::Code(v, dictionary), ty) => {
                let kind = if let Type::Text(kind) = ty { kind } else { TextKind::Plain };
                Value::Text(dictionary.values[v[row] as usize].clone(), kind)
            }
            (Data::Bool(v), _) => Value::Bool(v.get(row)),
        }
    }
}

/// A delivered file (or sheet) that rows of a table came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOrigin {
    /// Path relative to the project file, `/` between folders.
    pub path: String,
    pub sheet: Option<String>,
    /// Hex SHA-256 of the file's bytes.
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
}

/// Where each row came from: `file[row]` indexes `files`, `line[row]` is the line of the record's first character as a person counts (header is line 1);
/// in a spreadsheet the row number, in Parquet and NDJSON the record number from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub files: Vec<FileOrigin>,
    pub file: Vec<u16>,
    pub line: Vec<u32>,
}

/// A loaded table. Rows are sorted by `sorted_by`, ties by record key, then by all columns, so that row order in the files does not matter.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub name: String,
    pub rows: usize,
    pub columns: Vec<Column>,
    /// Columns (positions) by which rows ascend, most significant first; missing values come first.
    /// Text columns ascend by dictionary code.
    pub sorted_by: Vec<usize>,
    pub origin: Origin,
}

impl Table {
    /// No rows, no columns.
    pub fn empty() -> Table {
        Table { name: String::new(), rows: 0, columns: vec![], sorted_by: vec![], origin: Origin::default() }
    }
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }
    pub fn column(&self, column: &str) -> Option<&Column> {
        self.position(column).map(|i| &self.columns[i])
    }
}
