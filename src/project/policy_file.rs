//! Small CSV files of policy data (parameters, regions) with the line of each record, all problems noted.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Diagnostics, Place, Span, nearest};
use crate::schema;

/// A record: its line as a person counts it, header included, and its cells by column name.
pub(super) struct Record {
    pub line: u64,
    cells: Vec<String>,
}

pub(super) struct PolicyFile {
    /// Path as written in the project file.
    pub name: String,
    columns: BTreeMap<String, usize>,
    pub records: Vec<Record>,
}

impl PolicyFile {
    /// Reads `name` below `root`. Columns of `required` must be there, those of `optional` may, others are refused.
    pub fn read(
        root: &Path,
        name: &str,
        named_at: Option<Span>,
        required: &[&str],
        optional: &[&str],
        problems: &mut Diagnostics,
    ) -> Option<PolicyFile> {
        let bytes = match std::fs::read(root.join(name)) {
            Ok(bytes) => bytes,
            Err(error) => {
                problems.push(
                    Diagnostic::error("unreadable-file", format!("`{name}` cannot be read: {error}"))
                        .at(named_at, "named here")
                        .help(format!("paths are relative to the folder of the project file, {}", root.display())),
                );
                return None;
            }
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let line = error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count() as u64 + 1;
                problems.push(
                    Diagnostic::error("wrong-encoding", format!("`{name}` is not UTF-8"))
                        .place(record(name, line, None), "first bytes that are not UTF-8")
                        .help("save the file as `CSV UTF-8`"),
                );
                return None;
            }
        };
        Self::parse(name, text.trim_start_matches('\u{feff}'), required, optional, problems)
    }

    fn parse(name: &str, text: &str, required: &[&str], optional: &[&str], problems: &mut Diagnostics) -> Option<PolicyFile> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut rows = reader.records();
        let header = match rows.next() {
            Some(Ok(header)) => header,
            _ => {
                problems.push(
                    Diagnostic::error("empty-file", format!("`{name}` is empty"))
                        .place(Place::File(name.into()), "no header")
                        .help(format!("the first line names the columns: {}", required.join(","))),
                );
                return None;
            }
        };
        let before = problems.0.len();
        let mut columns = BTreeMap::new();
        for (i, column) in header.iter().enumerate() {
            let column = schema::trim(column);
            if !required.contains(&column) && !optional.contains(&column) {
                let known = || required.iter().chain(optional).copied();
                let mut problem = Diagnostic::error("unknown-column", format!("`{name}` has a column `{column}` that is not known here"))
                    .place(record(name, 1, Some(column)), "not known");
                problem = match nearest(column, known()) {
                    Some(near) => problem.help(format!("a similar column is known: `{near}`")),
                    None => problem.help(format!("known columns: {}", known().collect::<Vec<_>>().join(", "))),
                };
                problems.push(problem);
            } else if columns.insert(column.to_string(), i).is_some() {
                problems.push(
                    Diagnostic::error("duplicate-column", format!("`{name}` has the column `{column}` twice"))
                        .place(record(name, 1, Some(column)), "second"),
                );
            }
        }
        for column in required.iter().filter(|c| !columns.contains_key(**c)) {
            problems.push(
                Diagnostic::error("missing-column", format!("`{name}` lacks the column `{column}`"))
                    .place(record(name, 1, None), "header")
                    .help(format!("the first line names the columns: {}", required.join(","))),
            );
        }
        if problems.0.len() > before {
            return None;
        }
        let mut records = Vec::new();
        for row in rows {
            match row {
                Ok(row) if row.iter().all(|cell| schema::trim(cell).is_empty()) => {}
                Ok(row) => {
                    let line = row.position().map_or(0, csv::Position::line);
                    if row.len() != header.len() {
                        problems.push(
                            Diagnostic::error(
                                "ragged-row",
                                format!("found {} cells, the header of `{name}` has {}", row.len(), header.len()),
                            )
                            .place(record(name, line, None), "this record")
                            .help("a text with a comma needs quotes"),
                        );
                        continue;
                    }
                    records.push(Record { line, cells: row.iter().map(|cell| schema::trim(cell).to_string()).collect() });
                }
                Err(error) => {
                    problems.push(
                        Diagnostic::error("unreadable-file", format!("`{name}` cannot be read: {error}"))
                            .place(Place::File(name.into()), ""),
                    );
                    break;
                }
            }
        }
        Some(PolicyFile { name: name.into(), columns, records })
    }

    /// The trimmed cell; empty when the file has no such column.
    pub fn cell<'a>(&self, record: &'a Record, column: &str) -> &'a str {
        self.columns.get(column).map_or("", |&i| &record.cells[i])
    }

    pub fn place(&self, line: u64, column: &str) -> Place {
        record(&self.name, line, (!column.is_empty()).then_some(column))
    }

    /// The cell read by `parse`, `None` when empty; a cell that cannot be read is noted.
    pub fn read_cell<T>(
        &self,
        record: &Record,
        column: &str,
        problems: &mut Diagnostics,
        parse: impl Fn(&str) -> Result<T, schema::BadCell>,
    ) -> Option<T> {
        let cell = self.cell(record, column);
        if cell.is_empty() {
            return None;
        }
        match parse(cell) {
            Ok(value) => Some(value),
            Err(bad) => {
                problems.push(Diagnostic::error("bad-cell", bad.problem).place(self.place(record.line, column), ""));
                None
            }
        }
    }

    /// First and last day of a validity: a month stands for its first day in `valid_from` and its last in `valid_to`.
    pub fn validity(&self, record: &Record, problems: &mut Diagnostics) -> (Option<i32>, Option<i32>) {
        let from = self.read_cell(record, "valid_from", problems, |cell| schema::dates::parse(cell).map(|(day, _)| day));
        let to = self.read_cell(record, "valid_to", problems, |cell| {
            schema::dates::parse(cell).map(|(day, part)| if part { schema::dates::month_end(schema::dates::month_of(day)) } else { day })
        });
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            problems.push(
                Diagnostic::error("dates-reversed", "`valid_from` is after `valid_to`")
                    .place(self.place(record.line, "valid_to"), "earlier"),
            );
        }
        (from, to)
    }
}

fn record(name: &str, line: u64, column: Option<&str>) -> Place {
    Place::Record { file: name.into(), sheet: None, line, column: column.map(Into::into) }
}
