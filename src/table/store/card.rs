//! What is known of a stored table beside its vectors: `table.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::plan::PlannedColumn;
use super::super::{Column, Contents, FileOrigin, Receipt, Rejected};
use crate::diagnostic::{Diagnostic, Label, Place, Severity};

/// What is known of a stored table beside its vectors.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::table) struct Card {
    pub rows: usize,
    pub columns: Vec<StoredColumn>,
    pub files: Vec<(String, Option<String>, String, u64, u64)>,
    pub receipt: Receipt,
    /// By column and file.
    pub rejected_cells: Vec<Vec<u64>>,
    pub rejected: Vec<Rejected>,
    pub warnings: Vec<StoredMessage>,
    /// Rows that agree in sort columns and key stand in the order of all these columns.
    pub ties: bool,
    /// Receipt of the delivery before this one.
    pub previous: Option<Receipt>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::table) struct StoredColumn {
    pub name: String,
    /// How it was declared: type and headers.
    pub declared: String,
    pub valid: bool,
    pub bad: bool,
    pub part: bool,
    /// To be added to its numbers.
    pub base: Option<i64>,
}

impl Card {
    /// Into the folder of the table, with the hashes of its content.
    pub fn write(&self, folder: &Path, contents: &Contents) -> Result<(), Box<dyn std::error::Error>> {
        std::fs::write(folder.join("contents.json"), serde_json::to_vec(contents)?)?;
        Ok(std::fs::write(folder.join("table.json"), serde_json::to_vec(self)?)?)
    }
}

impl StoredColumn {
    /// `column`: some of its rows, with all marks that any of them has.
    pub fn of(planned: &PlannedColumn, column: &Column, base: Option<i64>) -> Self {
        let (valid, bad, part) = (column.valid.is_some(), column.bad.is_some(), column.part.is_some());
        StoredColumn { name: planned.name.clone(), declared: declared(planned), valid, bad, part, base }
    }
}

pub(in crate::table) fn files(files: &[FileOrigin]) -> Vec<(String, Option<String>, String, u64, u64)> {
    files.iter().map(|f| (f.path.clone(), f.sheet.clone(), f.sha256.clone(), f.bytes, f.rows)).collect()
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::table) struct StoredMessage {
    pub note: bool,
    pub code: String,
    pub message: String,
    pub labels: Vec<(StoredPlace, String)>,
    pub help: Vec<String>,
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::table) enum StoredPlace {
    Record(String, Option<String>, u64, Option<String>),
    File(String),
}

/// Codes of the warnings a load gives beside those of the receipt.
const CODES: [&str; 4] = ["no-records", "ragged-record", "blank-record", "duplicate-key"];

pub(super) fn declared(column: &PlannedColumn) -> String {
    let headers: Vec<String> = column.wanted.headers.iter().map(|h| crate::source::normal_header(h)).collect();
    format!("{:?} {headers:?} {}", column.semantic, column.wanted.optional)
}

pub(in crate::table) fn store_message(d: &Diagnostic) -> Option<StoredMessage> {
    let labels = d.labels.iter().filter_map(|label| {
        let place = match &label.place {
            Place::Text(_) => return None,
            Place::Record { file, sheet, line, column } => StoredPlace::Record(file.clone(), sheet.clone(), *line, column.clone()),
            Place::File(file) => StoredPlace::File(file.clone()),
        };
        Some((place, label.text.clone()))
    });
    Some(StoredMessage {
        note: d.severity == Severity::Note,
        code: d.code.to_owned(),
        message: d.message.clone(),
        labels: labels.collect(),
        help: d.help.clone(),
        notes: d.notes.clone(),
    })
}

pub(super) fn restore_message(m: StoredMessage) -> Option<Diagnostic> {
    let labels = m.labels.into_iter().map(|(place, label)| {
        let place = match place {
            StoredPlace::Record(file, sheet, line, column) => Place::Record { file, sheet, line, column },
            StoredPlace::File(file) => Place::File(file),
        };
        Label { place, text: label }
    });
    Some(Diagnostic {
        severity: if m.note { Severity::Note } else { Severity::Warning },
        code: CODES.iter().find(|c| **c == m.code)?,
        message: m.message,
        labels: labels.collect(),
        help: m.help,
        notes: m.notes,
    })
}
