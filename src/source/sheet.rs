//! Spreadsheets: the cells of one sheet as the texts a person would type.

use std::io::Cursor;

use calamine::{Data, ExcelDateTime, Reader, open_workbook_auto_from_rs};
use sha2::{Digest, Sha256};

use super::files::{Fingerprint, InputFile, changed, unreadable};
use super::text::hex;
use crate::diagnostic::{Diagnostic, Place, Spanned};

/// One sheet, read. `rows[i]` is row `first_row + i` of the sheet, counted from 1; all rows are of one length.
#[derive(Debug)]
pub struct Sheet {
    pub name: String,
    pub first_row: u32,
    pub rows: Vec<Vec<String>>,
    pub sha256: String,
    pub bytes: u64,
}

/// Reads a sheet by name, or the first.
pub fn read_sheet(file: &InputFile, sheet: Option<&Spanned<String>>) -> Result<Sheet, Diagnostic> {
    let before = Fingerprint::of(file)?;
    let content = std::fs::read(&file.path).map_err(|e| unreadable(file, &e))?;
    let after = Fingerprint::of(file)?;
    if let Some(message) = changed(file, &before, &after) {
        return Err(message);
    }
    let sha256 = hex(&Sha256::digest(&content));
    let bytes = content.len() as u64;
    let broken = |error: &dyn std::fmt::Display| {
        Diagnostic::error("unreadable-sheet", format!("`{}` is not a spreadsheet that can be read: {error}", file.name))
            .place(Place::File(file.name.clone()), "")
            .help("open it in a spreadsheet program and save it as .xlsx, or export the sheet as CSV")
    };
    if bytes == 0 {
        return Err(super::empty_file(file));
    }
    let mut book = open_workbook_auto_from_rs(Cursor::new(content)).map_err(|e| broken(&e))?;
    let names = book.sheet_names();
    let name = match sheet {
        Some(wanted) => names.iter().find(|n| n.trim() == wanted.value.trim()).cloned().ok_or_else(|| {
            Diagnostic::error("no-such-sheet", format!("`{}` has no sheet `{}`", file.name, wanted.value))
                .at(wanted.span.clone(), "not found")
                .place(Place::File(file.name.clone()), "")
                .note(format!("sheets of the file: {}", names.join(", ")))
                .suggest(&wanted.value, names.iter().map(String::as_str))
        })?,
        None => names.first().cloned().ok_or_else(|| broken(&"it has no sheet"))?,
    };
    let range = book.worksheet_range(&name).map_err(|e| broken(&e))?;
    let (top, left) = range.start().unwrap_or((0, 0));
    let rows = range
        .rows()
        .map(|cells| {
            let mut row = vec![String::new(); left as usize];
            row.extend(cells.iter().map(cell_text));
            row
        })
        .collect();
    Ok(Sheet { name, first_row: top + 1, rows, sha256, bytes })
}

fn cell_text(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(value) => value.to_string(),
        Data::Float(value) => number_text(*value),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(value) => date_text(value),
        Data::Error(error) => error.to_string(),
    }
}

/// A spreadsheet number with the 15 digits it holds, without an exponent: 0.1 + 0.2 is `0.3`. What is too long for them shows as such.
pub fn number_text(value: f64) -> String {
    if value == value.trunc() && value.abs() < 1e15 {
        return format!("{value:.0}");
    }
    if value.abs() >= 1e15 {
        // More digits than a spreadsheet keeps: an id that was typed as a number is damaged.
        return format!("{value:E}").replacen('E', "E+", 1);
    }
    format!("{value:.14e}").parse::<f64>().map_or_else(|_| value.to_string(), |rounded| rounded.to_string())
}

fn date_text(value: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = value.to_ymd_hms_milli();
    if value.is_duration() || value.as_f64() < 1.0 {
        return format!("{hour:02}:{minute:02}:{second:02}");
    }
    if (hour, minute, second) == (0, 0, 0) {
        format!("{year:04}-{month:02}-{day:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_a_person_sees_them() {
        for (value, text) in [
            (4120.0, "4120"),
            (0.1 + 0.2, "0.3"),
            (4120.55, "4120.55"),
            (-0.5, "-0.5"),
            (5.2e17, "5.2E+17"),
            (1e-7, "0.0000001"),
            (123_456_789_012_345.0, "123456789012345"),
        ] {
            assert_eq!(number_text(value), text);
        }
    }
}
