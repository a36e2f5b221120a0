//! The late second look: cells of a few rows as their files hold them, for evidence. One pass per file, up to the last row that is asked for.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::read::{BLOCK_BYTES, csv_header, delimiter_of, join_headers};
use super::{FileOrigin, Loaded};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::project::{Format, Project, TableSource};
use crate::schema::{Value, format};
use crate::source::{
    BlockReader, Cell, CsvRecords, Cut, Found, InputFile, Kind, Wanted, format_of, map_headers, normal_header, number_text, open_columnar,
    read_sheet,
};

/// Rows of a table (ordinals) and the columns whose cells are wanted.
pub type WantedRows = (usize, Vec<(usize, Vec<String>)>);

/// Cells as delivered, by table, row and column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    cells: BTreeMap<(usize, usize, String), String>,
}

impl Delivered {
    /// The text of a cell, white space and all; `None` when it was not asked for or the file has no such column.
    pub fn get(&self, table: usize, row: usize, column: &str) -> Option<&str> {
        self.cells.get(&(table, row, column.to_owned())).map(String::as_str)
    }
    pub fn len(&self) -> usize {
        self.cells.len()
    }
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }
}

/// Lines of a file, and for each the rows with the columns wanted of them.
type Lines<'a> = BTreeMap<u64, Vec<(usize, &'a [String])>>;

/// Reads the wanted cells again. An error when a file is gone or is not the one that was loaded.
pub fn delivered(project: &Project, loaded: &Loaded, wanted: &[WantedRows]) -> Result<Delivered, Diagnostics> {
    let mut by_file: BTreeMap<(usize, usize), Lines> = BTreeMap::new();
    let mut out = Delivered::default();
    for (table_index, rows) in wanted {
        let Some(table) = loaded.tables.get(*table_index) else { continue };
        for (row, columns) in rows {
            let (Some(file), Some(line)) = (table.origin.file.get(*row), table.origin.line.get(*row)) else { continue };
            if table.origin.files[usize::from(*file)].sha256.is_empty() {
                // Given as text (a rule's test): there is no file, the values speak for themselves.
                for name in columns {
                    if let Some(column) = table.column(name) {
                        out.cells.insert((*table_index, *row, name.clone()), format(&column.value(*row)));
                    }
                }
                continue;
            }
            by_file.entry((*table_index, usize::from(*file))).or_default().entry(u64::from(*line)).or_default().push((*row, columns));
        }
    }
    let read: Vec<Result<Vec<((usize, usize, String), String)>, Diagnostics>> = by_file
        .par_iter()
        .map(|((table, file), lines)| {
            let source = &project.tables[*table];
            let look = Look { project, source, origin: &loaded.tables[*table].origin.files[*file], lines };
            Ok(look.read()?.into_iter().map(|(row, column, text)| ((*table, row, column), text)).collect())
        })
        .collect();
    let mut messages = Diagnostics::default();
    for cells in read {
        out.cells.extend(messages.take(cells).into_iter().flatten());
    }
    messages.finish(out)
}

struct Look<'a> {
    project: &'a Project,
    source: &'a TableSource,
    origin: &'a FileOrigin,
    lines: &'a Lines<'a>,
}

/// Row, column, text.
type Cells = Vec<(usize, String, String)>;

impl Look<'_> {
    fn read(&self) -> Result<Cells, Diagnostics> {
        let file = InputFile { path: self.project.root.join(&self.origin.path), name: self.origin.path.clone() };
        let size = std::fs::metadata(&file.path).map(|m| m.len());
        if size.as_ref().ok() != Some(&self.origin.bytes) {
            let found = size.map_or_else(|e| e.to_string(), |bytes| format!("{bytes} bytes now, {} when it was loaded", self.origin.bytes));
            return Err(Diagnostic::error("file-changed", format!("`{}` is not the file that was loaded", file.name))
                .place(Place::File(file.name.clone()), found)
                .help("run again over the present files")
                .into());
        }
        match format_of(self.source.format, &file)? {
            Format::Csv => self.csv(&file),
            Format::Ndjson => self.ndjson(&file),
            Format::Xlsx => self.sheet(&file),
            Format::Parquet => self.parquet(&file),
        }
    }

    fn wanted(&self) -> Vec<Wanted> {
        let mut names: Vec<&String> = self.lines.values().flatten().flat_map(|(_, columns)| columns.iter()).collect();
        names.sort_unstable();
        names.dedup();
        let declared = |name: &String| self.source.columns.iter().find(|c| c.name.value == *name && c.is.is_none());
        let wanted = |column: &crate::project::ColumnSource| {
            let mut headers: Vec<String> = column.from.iter().map(|h| h.value.clone()).collect();
            if headers.is_empty() {
                headers.push(column.name.value.clone());
            }
            Wanted { name: column.name.value.clone(), headers, optional: true, span: column.name.span.clone() }
        };
        names.into_iter().filter_map(declared).map(wanted).collect()
    }

    fn map(&self, file: &InputFile, headers: &[String]) -> Result<(Vec<Wanted>, Found), Diagnostics> {
        let wanted = self.wanted();
        let found = map_headers(&self.source.name.value, &file.name, None, 1, headers, self.source.header_rows > 1, &wanted)?;
        Ok((wanted, found))
    }

    /// The cells of the record at `line`, whose fields `cell` knows.
    fn take<'c>(&self, line: u64, wanted: &[Wanted], found: &Found, out: &mut Cells, cell: impl Fn(usize) -> Option<&'c str>) {
        for (row, columns) in self.lines.get(&line).into_iter().flatten() {
            for (column, at) in wanted.iter().zip(&found.at) {
                if columns.contains(&column.name)
                    && let Some(text) = at.and_then(&cell)
                {
                    out.push((*row, column.name.clone(), text.to_owned()));
                }
            }
        }
    }

    fn csv(&self, file: &InputFile) -> Result<Cells, Diagnostics> {
        let delimiter = delimiter_of(self.source, file);
        let mut reader = BlockReader::open(file, self.source.encoding.as_ref(), Cut::Csv { delimiter }, BLOCK_BYTES)?;
        let mut out = vec![];
        let mut head = String::new();
        let mut mapped = None;
        let last = self.lines.keys().next_back().copied().unwrap_or(0);
        while let Some(block) = reader.next_block()? {
            let end = block.first_line + memchr::memchr_iter(b'\n', block.text.as_bytes()).count() as u64;
            if mapped.is_none() {
                head.push_str(&block.text);
                if let Some((headers, _, _)) = csv_header(&head, self.source.skip_rows, self.source.header_rows, delimiter) {
                    mapped = Some(self.map(file, &headers)?);
                }
            }
            if let Some((wanted, found)) = &mapped
                && self.lines.range(block.first_line..=end).next().is_some()
            {
                let mut records = CsvRecords::new(&block.text, block.first_line, delimiter);
                let mut fields = vec![];
                loop {
                    let here = self.lines.contains_key(&records.next_line());
                    fields.clear();
                    let Some((line, _)) = records.next(|_, field| {
                        if here {
                            fields.push(field)
                        }
                    }) else {
                        break;
                    };
                    if here {
                        self.take(line, wanted, found, &mut out, |i| fields.get(i).map(|f| &**f));
                    }
                }
            }
            if end > last {
                break;
            }
        }
        Ok(out)
    }

    fn ndjson(&self, file: &InputFile) -> Result<Cells, Diagnostics> {
        let mut reader = BlockReader::open(file, self.source.encoding.as_ref(), Cut::Lines, BLOCK_BYTES)?;
        let wanted = self.wanted();
        let found = Found { at: (0..wanted.len()).map(Some).collect(), width: wanted.len() };
        let mut out = vec![];
        while let Some(block) = reader.next_block()? {
            for (i, text) in block.text.lines().enumerate() {
                let line = block.first_line + i as u64;
                if !self.lines.contains_key(&line) {
                    continue;
                }
                let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
                let cells: Vec<Option<String>> = wanted
                    .iter()
                    .map(|column| {
                        let (_, value) =
                            object.iter().find(|(name, _)| column.headers.iter().any(|h| normal_header(h) == normal_header(name)))?;
                        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    })
                    .collect();
                self.take(line, &wanted, &found, &mut out, |i| cells[i].as_deref());
            }
        }
        Ok(out)
    }

    fn sheet(&self, file: &InputFile) -> Result<Cells, Diagnostics> {
        let sheet = read_sheet(file, self.source.sheet.as_ref())?;
        let skip = (self.source.skip_rows + 1).saturating_sub(sheet.first_row) as usize;
        let depth = self.source.header_rows.max(1) as usize;
        let headers = join_headers(sheet.rows.get(skip..skip + depth).unwrap_or_default());
        let (wanted, found) = self.map(file, &headers)?;
        let mut out = vec![];
        for line in self.lines.keys() {
            if let Some(row) = line.checked_sub(u64::from(sheet.first_row)).and_then(|i| sheet.rows.get(usize::try_from(i).ok()?)) {
                self.take(*line, &wanted, &found, &mut out, |i| row.get(i).map(String::as_str));
            }
        }
        Ok(out)
    }

    fn parquet(&self, file: &InputFile) -> Result<Cells, Diagnostics> {
        let parquet = open_columnar(file)?;
        let headers: Vec<String> = parquet.columns.iter().map(|c| c.name.clone()).collect();
        let (wanted, found) = self.map(file, &headers)?;
        let mut out = vec![];
        let mut first = 1u64;
        for (group, rows) in parquet.group_rows.iter().enumerate() {
            let lines: Vec<u64> = self.lines.range(first..first + *rows as u64).map(|(line, _)| *line).collect();
            for (column, at) in wanted.iter().zip(&found.at) {
                let Some(at) = at.filter(|_| !lines.is_empty()) else { continue };
                let kind = parquet.columns[at].kind;
                let mut line = first;
                let mut next = lines.iter().peekable();
                parquet.values(group, at, |cell| {
                    if next.peek() == Some(&&line) {
                        next.next();
                        let rows = self.lines.get(&line).into_iter().flatten();
                        for (row, _) in rows.filter(|(_, columns)| columns.contains(&column.name)) {
                            out.push((*row, column.name.clone(), cell.map_or_else(String::new, |c| cell_text(c, kind))));
                        }
                    }
                    line += 1;
                })?;
            }
            first += *rows as u64;
        }
        Ok(out)
    }
}

fn cell_text(cell: Cell, kind: Kind) -> String {
    let day = |days: i64| i32::try_from(days).map_or_else(|_| days.to_string(), |d| format(&Value::Date(d)));
    match (cell, kind) {
        (Cell::Bool(value), _) => value.to_string(),
        (Cell::Int(value), Kind::Plain) => value.to_string(),
        (Cell::Int(value), Kind::Date) => day(value),
        (Cell::Int(value), Kind::Instant(per_day)) => day(value.div_euclid(per_day)),
        (Cell::Int(value), Kind::Decimal(scale)) => crate::schema::number::format_decimal(value, scale),
        (Cell::Millis(value), _) => day(value.div_euclid(86_400_000)),
        (Cell::Float(value), _) if value.is_finite() => number_text(value),
        (Cell::Float(value), _) => value.to_string(),
        (Cell::Bytes(bytes), Kind::Decimal(scale)) => super::parquet::big_endian(bytes)
            .and_then(|units| i64::try_from(units).ok())
            .map_or_else(|| "too large a number".to_owned(), |units| crate::schema::number::format_decimal(units, scale)),
        (Cell::Bytes(bytes), _) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{column, everything, project, table};
    use super::super::{LoadOptions, load};
    use super::*;
    use crate::schema::{MoneyUnit, SemanticType};

    #[test]
    fn cells_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = [
            ("p.csv", "编号,金额\nB,\" 1,200.50 \"\n\"A\nA\",¥3\n"),
            ("p.ndjson", "{\"编号\": \"B\", \"金额\": \" 1,200.50 \"}\n{\"编号\": \"A\\nA\", \"金额\": \"¥3\"}\n"),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("written");
            let columns =
                vec![column("id", &["编号"], SemanticType::Text), column("amount", &["金额"], SemanticType::Money(MoneyUnit::Yuan))];
            let project = project(folder.path(), vec![table("p", name, &["id"], columns)]);
            let loaded = load(&project, &everything(&project), &LoadOptions::default()).expect("loads");
            let both = vec!["id".to_owned(), "amount".to_owned()];
            let cells = delivered(&project, &loaded, &[(0, vec![(1, both.clone()), (0, vec!["amount".to_owned()])])]).expect("reads");
            assert_eq!((cells.get(0, 1, "id"), cells.get(0, 1, "amount")), (Some("B"), Some(" 1,200.50 ")));
            assert_eq!((cells.get(0, 0, "id"), cells.get(0, 0, "amount")), (None, Some("¥3")));
            std::fs::write(folder.path().join(name), "编号,金额\n").expect("written");
            let error = delivered(&project, &loaded, &[(0, vec![(1, both)])]).expect_err("changed");
            assert_eq!(error.0[0].code, "file-changed");
        }
    }
}
