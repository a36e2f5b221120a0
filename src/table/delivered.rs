//! The late second look: cells of a few rows as their files hold them, for evidence. One pass per file, up to the last row that is asked for.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::parquet::{cell_text, write_again};
use super::read::{BLOCK_BYTES, csv_header, delimiter_of, join_headers};
use super::{Column, FileOrigin, Loaded};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::{Format, Project, TableSource};
use crate::schema::format;
use crate::source::{
    Block, BlockReader, Columnar, CsvRecords, Cut, InputFile, Texts, Wanted, format_of, map_headers, normal_header, open_columnar,
    read_sheet,
};

/// Cells of one column that are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedCells {
    pub table: usize,
    pub column: String,
    /// Ordinals in the loaded table, ascending, each once.
    pub rows: Vec<u32>,
}

/// Cells as delivered, of the columns in the order they were asked for.
#[derive(Debug, Default)]
pub struct Delivered {
    columns: Vec<DeliveredColumn>,
    texts: Vec<String>,
}

#[derive(Debug)]
struct DeliveredColumn {
    rows: Vec<u32>,
    cells: Vec<Place>,
}

/// Where a text lies: in which of the texts, from which byte, how long.
#[derive(Debug, Clone, Copy)]
struct Place {
    text: u32,
    start: u32,
    length: u32,
}

const NOWHERE: Place = Place { text: u32::MAX, start: 0, length: 0 };

impl Delivered {
    /// The text of a cell of the column that was asked for as the `column`th, white space and all; `None` when it was not asked for or the
    /// file has no such column.
    pub fn get(&self, column: usize, row: u32) -> Option<&str> {
        self.at(column, self.columns.get(column)?.rows.binary_search(&row).ok()?)
    }
    /// The same by the position of the row among those that were asked for.
    pub fn at(&self, column: usize, position: usize) -> Option<&str> {
        let place = self.columns.get(column)?.cells.get(position)?;
        let text = self.texts.get(place.text as usize)?;
        text.get(place.start as usize..(place.start + place.length) as usize)
    }
    /// Takes over what was read of a file.
    fn add(&mut self, part: Part) {
        let text = self.texts.len() as u32;
        for (column, slot, start, length) in part.cells {
            self.columns[column as usize].cells[slot as usize] = Place { text, start, length };
        }
        self.texts.push(part.text);
    }
}

/// Cells read by one worker.
#[derive(Default)]
struct Part {
    /// Column asked for, position among its rows, place in the text.
    cells: Vec<(u32, u32, u32, u32)>,
    text: String,
}

impl Part {
    /// Whether there was a text to push.
    fn push_if(&mut self, column: u32, slot: u32, write: impl FnOnce(&mut String) -> Option<()>) -> bool {
        let start = self.text.len();
        let there = write(&mut self.text).is_some();
        if there {
            self.cells.push((column, slot, start as u32, (self.text.len() - start) as u32));
        } else {
            self.text.truncate(start);
        }
        there
    }
    fn push(&mut self, column: u32, slot: u32, cell: &str) {
        self.cells.push((column, slot, self.text.len() as u32, cell.len() as u32));
        self.text.push_str(cell);
    }
}

/// A column as one file is asked for it.
struct Asked<'a> {
    /// Position among all that was asked for.
    number: u32,
    column: &'a str,
    /// What was loaded of it, and the rows that are asked for.
    loaded: Option<&'a Column>,
    rows: &'a [u32],
    /// Lines of the file, ascending, and the position of their row.
    lines: Vec<(u32, u32)>,
}

impl Asked<'_> {
    /// Cells of the lines `from..to`.
    fn between(&self, from: u64, to: u64) -> &[(u32, u32)] {
        let at = |line: u64| self.lines.partition_point(|(l, _)| u64::from(*l) < line);
        &self.lines[at(from)..at(to)]
    }
}

/// Reads the wanted cells again. An error when a file is gone or is not the one that was loaded.
pub fn delivered(project: &Project, loaded: &Loaded, wanted: Vec<WantedCells>) -> Result<Delivered, Diagnostics> {
    let mut by_file: BTreeMap<(usize, usize), Vec<Asked>> = BTreeMap::new();
    let mut given = Part::default();
    let asked: Vec<Vec<(usize, Asked)>> = wanted
        .par_iter()
        .enumerate()
        .map(|(number, cells)| {
            let Some(origin) = loaded.tables.get(cells.table).map(|t| &t.origin) else { return vec![] };
            let mut by_file: Vec<Vec<(u32, u32)>> = vec![vec![]; origin.files.len()];
            for (slot, &row) in cells.rows.iter().enumerate() {
                if let (Some(file), Some(line)) = (origin.file.get(row as usize), origin.line.get(row as usize)) {
                    by_file[usize::from(*file)].push((*line, slot as u32));
                }
            }
            let some = by_file.into_iter().enumerate().filter(|(_, lines)| !lines.is_empty());
            let loaded = loaded.tables[cells.table].column(&cells.column);
            some.map(|(file, lines)| (file, Asked { number: number as u32, column: &cells.column, loaded, rows: &cells.rows, lines }))
                .collect()
        })
        .collect();
    for (cells, asked) in wanted.iter().zip(asked) {
        for (file, asked) in asked {
            let table = &loaded.tables[cells.table];
            if table.origin.files[file].sha256.is_empty() {
                // Given as text (a rule's test): there is no file, the values speak for themselves.
                if let Some(column) = table.column(&cells.column) {
                    for (_, slot) in asked.lines {
                        given.push(asked.number, slot, &format(&column.value(cells.rows[slot as usize] as usize)));
                    }
                }
            } else {
                by_file.entry((cells.table, file)).or_default().push(asked);
            }
        }
    }
    let read: Vec<Result<Vec<Part>, Diagnostics>> = by_file
        .into_par_iter()
        .map(|((table, file), asked)| {
            let origin = &loaded.tables[table].origin.files[file];
            Look { project, source: &project.tables[table], origin, asked }.read()
        })
        .collect();
    let columns = wanted.into_iter().map(|w| DeliveredColumn { cells: vec![NOWHERE; w.rows.len()], rows: w.rows });
    let mut out = Delivered { columns: columns.collect(), texts: vec![] };
    let mut messages = Diagnostics::default();
    out.add(given);
    for part in read.into_iter().filter_map(|parts| messages.take(parts)).flatten() {
        out.add(part);
    }
    messages.finish(out)
}

struct Look<'a> {
    project: &'a Project,
    source: &'a TableSource,
    origin: &'a FileOrigin,
    asked: Vec<Asked<'a>>,
}

impl Look<'_> {
    fn read(mut self) -> Result<Vec<Part>, Diagnostics> {
        let file = InputFile { path: self.project.root.join(&self.origin.path), name: self.origin.path.clone() };
        let size = std::fs::metadata(&file.path).map(|m| m.len());
        if size.as_ref().ok() != Some(&self.origin.bytes) {
            let found = size.map_or_else(|e| e.to_string(), |bytes| format!("{bytes} bytes now, {} when it was loaded", self.origin.bytes));
            return Err(Diagnostic::error("file-changed", format!("`{}` is not the file that was loaded", file.name))
                .place(crate::diagnostic::Place::File(file.name.clone()), found)
                .help("run again over the present files")
                .into());
        }
        let format = format_of(self.source.format, &file)?;
        if format == Format::Parquet {
            return self.parquet(&file);
        }
        self.asked.iter_mut().for_each(|asked| asked.lines.sort_unstable());
        match format {
            Format::Csv => self.csv(&file),
            Format::Ndjson => self.ndjson(&file),
            Format::Xlsx => self.sheet(&file),
            Format::Parquet => Ok(vec![]),
        }
    }

    /// What is asked for, as columns of the file; computed columns have none.
    fn wanted(&self) -> Vec<(&Asked<'_>, Wanted)> {
        let declared = |name: &str| self.source.columns.iter().find(|c| c.name.value == name && c.is.is_none());
        let wanted = |column: &crate::project::ColumnSource| {
            let mut headers: Vec<String> = column.from.iter().map(|h| h.value.clone()).collect();
            if headers.is_empty() {
                headers.push(column.name.value.clone());
            }
            Wanted { name: column.name.value.clone(), headers, optional: true, span: column.name.span.clone() }
        };
        self.asked.iter().filter_map(|asked| Some((asked, wanted(declared(asked.column)?)))).collect()
    }

    /// What is asked for and where it stands in the file.
    fn map(&self, file: &InputFile, headers: &[String]) -> Result<Vec<(&Asked<'_>, usize)>, Diagnostics> {
        let (asked, wanted): (Vec<&Asked>, Vec<Wanted>) = self.wanted().into_iter().unzip();
        let found = map_headers(&self.source.name.value, &file.name, None, 1, headers, self.source.header_rows > 1, &wanted)?;
        Ok(asked.into_iter().zip(found.at).filter_map(|(asked, at)| Some((asked, at?))).collect())
    }

    fn last_line(&self) -> u64 {
        self.asked.iter().filter_map(|a| a.lines.last()).map(|(line, _)| u64::from(*line)).max().unwrap_or(0)
    }

    /// Hands blocks with wanted lines to `look`, some at once, while the next ones are read.
    fn blocks(
        &self,
        mut reader: BlockReader,
        first: Option<Block>,
        look: impl Fn(&Block, u64) -> Part + Sync,
    ) -> Result<Vec<Part>, Diagnostics> {
        let at_once = rayon::current_num_threads().max(1) * 2;
        let last = self.last_line();
        let mut parts = vec![];
        let mut pending: Vec<Block> = first.into_iter().collect();
        let mut ended = false;
        while !pending.is_empty() || !ended {
            let (looked, next) = rayon::join(
                || {
                    let look = |block: &Block| {
                        let end = block.first_line + memchr::memchr_iter(b'\n', block.text.as_bytes()).count() as u64 + 1;
                        let some = self.asked.iter().any(|a| !a.between(block.first_line, end).is_empty());
                        some.then(|| look(block, end))
                    };
                    pending.par_iter().filter_map(look).collect::<Vec<Part>>()
                },
                || {
                    let mut next: Vec<Block> = Vec::with_capacity(at_once);
                    while next.len() < at_once {
                        match reader.next_block()? {
                            Some(block) if block.first_line <= last => next.push(block),
                            _ => return Ok((next, true)),
                        }
                    }
                    Ok::<_, Diagnostic>((next, false))
                },
            );
            parts.extend(looked);
            (pending, ended) = next?;
        }
        Ok(parts)
    }

    fn csv(&self, file: &InputFile) -> Result<Vec<Part>, Diagnostics> {
        let delimiter = delimiter_of(self.source, file);
        let mut reader = BlockReader::open(file, self.source.encoding.as_ref(), Cut::Csv { delimiter }, BLOCK_BYTES)?.unhashed();
        let mut head: Option<Block> = None;
        // The header may be longer than a block.
        let mapped = loop {
            let Some(block) = reader.next_block()? else { return Ok(vec![]) };
            match &mut head {
                Some(head) => head.text.push_str(&block.text),
                None => head = Some(block),
            }
            let text = head.as_ref().map_or("", |b| b.text.as_str());
            if let Some((headers, _, _)) = csv_header(text, self.source.skip_rows, self.source.header_rows, delimiter) {
                break self.map(file, &headers)?;
            }
        };
        self.blocks(reader, head, |block, end| csv_cells(block, end, delimiter, &mapped))
    }

    fn ndjson(&self, file: &InputFile) -> Result<Vec<Part>, Diagnostics> {
        let reader = BlockReader::open(file, self.source.encoding.as_ref(), Cut::Lines, BLOCK_BYTES)?.unhashed();
        let wanted = self.wanted();
        let names: Vec<Vec<String>> = wanted.iter().map(|(_, w)| w.headers.iter().map(|h| normal_header(h)).collect()).collect();
        self.blocks(reader, None, |block, end| {
            let mut part = Part::default();
            let mut cells: Vec<_> = wanted.iter().map(|(asked, _)| asked.between(block.first_line, end).iter().peekable()).collect();
            for (line, text) in (block.first_line..).zip(block.text.lines()) {
                if !cells.iter_mut().any(|c| c.peek().is_some_and(|(l, _)| u64::from(*l) == line)) {
                    continue;
                }
                let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
                for (((asked, _), names), cells) in wanted.iter().zip(&names).zip(&mut cells) {
                    let Some((_, slot)) = cells.next_if(|(l, _)| u64::from(*l) == line) else { continue };
                    if let Some((_, value)) = object.iter().find(|(name, _)| names.contains(&normal_header(name))) {
                        part.push(asked.number, *slot, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                    }
                }
            }
            part
        })
    }

    fn sheet(&self, file: &InputFile) -> Result<Vec<Part>, Diagnostics> {
        let sheet = read_sheet(file, self.source.sheet.as_ref())?;
        let skip = (self.source.skip_rows + 1).saturating_sub(sheet.first_row) as usize;
        let depth = self.source.header_rows.max(1) as usize;
        let headers = join_headers(sheet.rows.get(skip..skip + depth).unwrap_or_default());
        let mut part = Part::default();
        for (asked, at) in self.map(file, &headers)? {
            for (line, slot) in &asked.lines {
                let row = line.checked_sub(sheet.first_row).and_then(|i| sheet.rows.get(i as usize));
                if let Some(cell) = row.and_then(|row| row.get(at)) {
                    part.push(asked.number, *slot, cell);
                }
            }
        }
        Ok(vec![part])
    }

    fn parquet(&mut self, file: &InputFile) -> Result<Vec<Part>, Diagnostics> {
        let parquet = open_columnar(file)?;
        let headers: Vec<String> = parquet.columns.iter().map(|c| c.name.clone()).collect();
        let places: BTreeMap<u32, usize> = self.map(file, &headers)?.into_iter().map(|(asked, at)| (asked.number, at)).collect();
        let written = |asked: &mut Asked| {
            let mut part = Part::default();
            if let (Some(&at), Some(column)) = (places.get(&asked.number), asked.loaded) {
                let (physical, kind) = (parquet.physical(at), parquet.columns[at].kind);
                let (number, rows) = (asked.number, asked.rows);
                asked.lines.retain(|(_, slot)| {
                    !part.push_if(number, *slot, |text| write_again(physical, kind, column, rows[*slot as usize] as usize, text))
                });
            }
            asked.lines.sort_unstable();
            part
        };
        let mut written: Vec<Part> = self.asked.par_iter_mut().map(written).collect();
        let mapped = self.asked.iter().filter_map(|asked| Some((asked, places.get(&asked.number)?)));
        let mut first = 1u64;
        let mut tasks = vec![];
        for (group, rows) in parquet.group_rows.iter().enumerate() {
            for (asked, at) in mapped.clone() {
                let cells = asked.between(first, first + *rows as u64);
                if !cells.is_empty() {
                    tasks.push((group, first as u32, asked.number, *at, cells));
                }
            }
            first += *rows as u64;
        }
        let parts: Vec<Result<Part, Diagnostic>> = tasks
            .into_par_iter()
            .map(|(group, first, number, at, cells)| columnar_cells(&parquet, group, at, first, number, cells))
            .collect();
        for part in parts {
            written.push(part?);
        }
        Ok(written)
    }
}

fn csv_cells(block: &Block, end: u64, delimiter: u8, mapped: &[(&Asked<'_>, usize)]) -> Part {
    let mut part = Part::default();
    let mut cells: Vec<_> =
        mapped.iter().map(|(asked, at)| (asked.number, *at, asked.between(block.first_line, end).iter().peekable())).collect();
    let mut fields = vec![];
    let mut take = |records: &mut CsvRecords, line: u64, part: &mut Part| {
        fields.clear();
        records.next(|_, field| fields.push(field.into_owned()));
        for (number, at, cells) in &mut cells {
            if let Some((_, slot)) = cells.next_if(|(l, _)| u64::from(*l) == line)
                && let Some(field) = fields.get(*at)
            {
                part.push(*number, *slot, field);
            }
        }
    };
    let mut lines: Vec<u64> =
        mapped.iter().flat_map(|(asked, _)| asked.between(block.first_line, end)).map(|(l, _)| u64::from(*l)).collect();
    lines.sort_unstable();
    lines.dedup();
    let bytes = block.text.as_bytes();
    if memchr::memchr(b'"', bytes).is_none() {
        // Every line is a record: the others need no look.
        let mut starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|i| i + 1));
        let mut at = block.first_line;
        for line in lines {
            let Some(start) = starts.nth((line - at) as usize) else { break };
            at = line + 1;
            take(&mut CsvRecords::new(&block.text[start..], line, delimiter), line, &mut part);
        }
        return part;
    }
    let mut records = CsvRecords::new(&block.text, block.first_line, delimiter);
    let mut lines = lines.into_iter().peekable();
    while lines.peek().is_some() {
        let line = records.next_line();
        if lines.next_if(|l| *l <= line).is_some_and(|l| l == line) {
            take(&mut records, line, &mut part);
        } else if records.next(|_, _| ()).is_none() {
            break;
        }
    }
    part
}

/// Cells of one column of a row group whose first record is `first`.
fn columnar_cells(
    parquet: &Columnar,
    group: usize,
    column: usize,
    first: u32,
    number: u32,
    cells: &[(u32, u32)],
) -> Result<Part, Diagnostic> {
    let mut part = Part::default();
    let at = |i: usize| cells.get(i).map(|(line, _)| (line - first) as usize);
    let mut next = 0;
    if parquet.holds_texts(column) {
        let (mut row, mut ahead) = (0, 0);
        let skip = |rows: usize| {
            ahead += rows;
            let before = |row: usize| cells.partition_point(|(line, _)| ((*line - first) as usize) < row);
            before(ahead - rows) == before(ahead)
        };
        parquet.texts(group, column, skip, |texts| {
            let count = match texts {
                Texts::Skipped(n) => n,
                Texts::Coded(codes, _) => codes.len(),
                Texts::Plain(cells) => cells.len(),
            };
            while let Some(wanted) = at(next).filter(|w| *w < row + count) {
                let bytes = match texts {
                    Texts::Skipped(_) => None,
                    Texts::Coded(codes, dictionary) => dictionary.get(codes[wanted - row] as usize).copied(),
                    Texts::Plain(cells) => cells[wanted - row],
                };
                part.push(number, cells[next].1, &String::from_utf8_lossy(bytes.unwrap_or_default()));
                next += 1;
            }
            row += count;
        })?;
        return Ok(part);
    }
    let kind = parquet.columns[column].kind;
    parquet.values_at(group, column, cells.iter().map(|(line, _)| (line - first) as usize).map(|row| row..row + 1), |cell| {
        part.push(number, cells[next].1, &cell.map_or_else(String::new, |c| cell_text(c, kind)));
        next += 1;
    })?;
    Ok(part)
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
            let of = |column: &str, rows: &[u32]| WantedCells { table: 0, column: column.to_owned(), rows: rows.to_vec() };
            let cells = delivered(&project, &loaded, vec![of("id", &[1]), of("amount", &[0, 1])]).expect("reads");
            assert_eq!((cells.get(0, 1), cells.get(1, 1)), (Some("B"), Some(" 1,200.50 ")));
            assert_eq!((cells.get(0, 0), cells.get(1, 0)), (None, Some("¥3")));
            std::fs::write(folder.path().join(name), "编号,金额\n").expect("written");
            let error = delivered(&project, &loaded, vec![of("id", &[1])]).expect_err("changed");
            assert_eq!(error.0[0].code, "file-changed");
        }
    }
}
