//! `recount.yaml`, resolved: tables and their files, links, views, policy parameters, regions, rule folders. No rules.
//!
//! Expressions stay texts with their place: `plan` parses them, where tables and types are known.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::{SourceText, Span, Spanned};
use crate::schema::SemanticType;

/// A project file, read and checked as far as it can be without its data. Order is as written everywhere.
#[derive(Debug, Clone)]
pub struct Project {
    /// Folder of `recount.yaml`; the paths below are relative to it.
    pub root: PathBuf,
    pub text: Arc<SourceText>,
    pub time_zone: String,
    pub tables: Vec<TableSource>,
    pub links: Vec<LinkSource>,
    pub views: Vec<ViewSource>,
    pub parameters: Parameters,
    pub regions: Regions,
    /// Folders of rule files, and of overlays.
    pub rules: Vec<Spanned<PathBuf>>,
    pub overlays: Vec<Spanned<PathBuf>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    Parquet,
    Xlsx,
    Ndjson,
}

/// A declared table and the files it is read from.
#[derive(Debug, Clone)]
pub struct TableSource {
    pub name: Spanned<String>,
    /// Paths or globs; all files together are one table.
    pub from: Vec<Spanned<String>>,
    /// Its files may be absent: then the rules that read it are not run.
    pub optional: bool,
    /// `None`: by the file's extension.
    pub format: Option<Format>,
    /// Label of a WHATWG encoding (`gb18030`); `None`: UTF-8, BOM honoured.
    pub encoding: Option<Spanned<String>>,
    pub delimiter: Option<u8>,
    /// Sheet by name; `None`: the first.
    pub sheet: Option<Spanned<String>>,
    /// Rows of the header (joined by `/`, merged cells carried on), 1 by default; lines before it to skip.
    pub header_rows: u32,
    pub skip_rows: u32,
    /// Names of columns.
    pub key: Vec<Spanned<String>>,
    /// Order of the rows; default: the key with date columns last.
    pub sort: Vec<Spanned<String>>,
    /// Expressions in the frame of the table.
    pub region: Option<Spanned<String>>,
    pub date: Option<Spanned<String>>,
    pub covers: Option<Covers>,
    /// Columns between which (closed, missing: open) a row is true.
    pub valid: Option<Valid>,
    /// Date column of deliveries: of each key only the latest row up to the as-of date is used.
    pub snapshot: Option<Spanned<String>>,
    pub expect: Option<Expect>,
    pub columns: Vec<ColumnSource>,
}

#[derive(Debug, Clone)]
pub struct ColumnSource {
    pub name: Spanned<String>,
    /// Headers it may have in the files, case, width and white space ignored. Its own name when none is given.
    pub from: Vec<Spanned<String>>,
    pub semantic: SemanticType,
    /// Computed columns: the expression, in the frame of the table.
    pub is: Option<Spanned<String>>,
    /// May be absent from a file: then all its cells are missing.
    pub optional: bool,
    pub restricted: bool,
}

/// Time and place in which absence says something. Days since 1970-01-01, closed; regions as written (`52`, 12 digits) widened to 12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covers {
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub regions: Vec<i64>,
    pub span: Option<Span>,
}

#[derive(Debug, Clone)]
pub struct Valid {
    pub from: Option<Spanned<String>>,
    pub to: Option<Spanned<String>>,
}

/// Control totals of a delivery: what the sender says is in it. Compared in the receipt before any finding.
#[derive(Debug, Clone, Default)]
pub struct Expect {
    pub rows: Option<Spanned<u64>>,
    pub files: Option<Spanned<u64>>,
    /// Column and its sum as written, in the column's delivered unit.
    pub sums: Vec<(Spanned<String>, Spanned<String>)>,
    pub span: Option<Span>,
}

#[derive(Debug, Clone)]
pub struct LinkSource {
    /// `payments.payee`: source table (or view) and the link's name.
    pub source: Spanned<String>,
    pub name: Spanned<String>,
    pub to: Spanned<String>,
    /// Pairs (expression in the source's frame, expression in the target's frame).
    pub keys: Vec<(Spanned<String>, Spanned<String>)>,
    /// Date in the source's frame at which the target row must be valid.
    pub at: Option<Spanned<String>>,
    pub pick: Option<PickSource>,
    pub back: Option<Spanned<String>>,
}

#[derive(Debug, Clone)]
pub struct PickSource {
    /// `latest`, `highest`: true; `earliest`, `lowest`: false.
    pub largest: bool,
    pub by: Spanned<String>,
}

#[derive(Debug, Clone)]
pub struct ViewSource {
    pub name: Spanned<String>,
    /// Table or view the rows come from.
    pub from: Spanned<String>,
    pub filter: Option<Spanned<String>>,
    /// Name of the period column and its expression: `months(a, b)`, `years(a, b)`, `days(a, b)`.
    pub each: Option<(Spanned<String>, Spanned<String>)>,
    pub key: Vec<Spanned<String>>,
    pub region: Option<Spanned<String>>,
    pub date: Option<Spanned<String>>,
    pub covers: Option<Covers>,
    /// Name and expression.
    pub columns: Vec<(Spanned<String>, Spanned<String>)>,
}

mod parameters;
mod policy_file;
mod read;
mod regions;
mod resolve;
mod spec;

pub use parameters::{Entry, Lookup, Parameter, ParameterForm, Parameters, Unit};
pub use read::{FILE_NAME, PolicyFile, PolicyKind, SECRET_FILE, find, policy_files, read, read_text, schema, secret};
pub use regions::{Level, Region, Regions};

#[cfg(test)]
mod tests;
