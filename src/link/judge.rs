//! What inspectors said about pairs, kept in a file and respected by every later run.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::read::Texts;
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::linkage::{Judgement, Verdict};
use crate::source::{CsvRecords, normal_header};

/// Reads the file `name` (columns a, b, verdict; further columns such as who and when are for people) against the keys of this run.
/// Gives the judgements and how many name a record that is not in the files: those are kept in the file and count again when it comes back.
///
/// # Errors
/// An unreadable file, a missing column, a verdict that is not known: all at once.
pub fn read_judgements(path: &Path, keys: &Texts) -> Result<(Vec<Judgement>, usize), Diagnostics> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| {
        Diagnostic::error("unreadable-file", format!("`{name}` cannot be read: {e}"))
            .place(Place::File(name.clone()), "")
            .help("give a CSV file in UTF-8 with the columns a, b, verdict")
    })?;
    let text = text.trim_start_matches('\u{feff}');
    let mut records = CsvRecords::new(text, 1, b',');
    let mut headers = vec![];
    records.next(|_, field| headers.push(normal_header(&field)));
    let at = |wanted: &str| headers.iter().position(|h| h == wanted);
    let mut problems = Diagnostics::default();
    let (Some(a), Some(b), Some(verdict)) = (at("a"), at("b"), at("verdict")) else {
        return Err(Diagnostic::error("missing-column", format!("`{name}` lacks a column: it needs a, b and verdict"))
            .place(Place::File(name.clone()), format!("it has {}", headers.join(", ")))
            .help("name the columns a, b (keys of two records) and verdict (same, different or unsure)")
            .into());
    };
    let rows: FxHashMap<&str, u32> = (0..keys.len()).map(|row| (keys.get(row), row as u32)).collect();
    let (mut all, mut absent) = (vec![], 0);
    loop {
        let mut cells = vec![];
        let Some((line, _)) = records.next(|_, field| cells.push(field.trim().to_owned())) else { break };
        let cell = |at: usize| cells.get(at).map_or("", String::as_str);
        let said = match cell(verdict) {
            "same" => Verdict::Same,
            "different" => Verdict::Different,
            "unsure" => Verdict::Unsure,
            other => {
                let place = Place::Record { file: name.clone(), sheet: None, line, column: Some("verdict".into()) };
                let error = Diagnostic::error("judgement-verdict", format!("`{other}` is no verdict"));
                problems.push(error.place(place, "").help("write same, different or unsure"));
                continue;
            }
        };
        match (rows.get(cell(a)), rows.get(cell(b))) {
            (Some(&a), Some(&b)) if a != b => all.push(Judgement { a: a.min(b), b: a.max(b), verdict: said }),
            _ => absent += 1,
        }
    }
    problems.finish((all, absent))
}
