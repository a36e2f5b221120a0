//! The files of one table, read into blocks of packed columns.

use std::collections::HashMap;

use rayon::prelude::*;

use super::build::{BlockBuilder, BlockRows};
use super::intern::Pool;
use super::plan::TablePlan;
use super::{FileOrigin, Progress};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::project::{Format, TableSource};
use crate::schema::{BadCell, trim};
use crate::source::{
    Block, BlockReader, CsvRecords, Cut, Found, InputFile, empty_file, format_of, map_headers, missing_column, normal_header, number_text,
    read_sheet,
};

/// Bytes of text that are packed at once by one worker.
pub(super) const BLOCK_BYTES: usize = 4 << 20;

/// A file, read.
#[derive(Debug)]
pub(super) struct FileRows {
    pub origin: FileOrigin,
    pub blocks: Vec<BlockRows>,
    pub warnings: Diagnostics,
}

/// Takes blocks as they are packed, in the order of their records. When it is called no interner is lent.
pub(super) type Sink<'s> = &'s mut (dyn FnMut(Vec<BlockRows>) -> Result<(), Diagnostics> + Send);

/// What reading needs to know beside the file.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub plan: &'a TablePlan<'a>,
    pub pool: &'a Pool,
    pub progress: &'a dyn Progress,
    /// See [`BLOCK_BYTES`]; results do not depend on it.
    pub block_bytes: usize,
}

impl Reading<'_> {
    pub fn file(&self, file: &InputFile) -> Result<FileRows, Diagnostics> {
        let mut blocks = vec![];
        let (origin, warnings) = self.stream(file, &mut |more| {
            blocks.extend(more);
            Ok(())
        })?;
        Ok(FileRows { origin, blocks, warnings })
    }

    /// Hands the file's blocks to `sink`.
    pub fn stream(&self, file: &InputFile, sink: Sink) -> Result<(FileOrigin, Diagnostics), Diagnostics> {
        let (mut rows, mut ragged, mut blank) = (0, 0, 0);
        let counted: Sink = &mut |blocks: Vec<BlockRows>| {
            for block in &blocks {
                rows += block.rows as u64;
                ragged += block.ragged;
                blank += block.blank;
            }
            sink(blocks)
        };
        let (sheet, (sha256, bytes)) = match format_of(self.plan.source.format, file)? {
            Format::Csv => (None, self.csv(file, counted)?),
            Format::Ndjson => (None, self.ndjson(file, counted)?),
            Format::Xlsx => self.sheet(file, counted)?,
            Format::Parquet => (None, super::parquet::read(self, file, counted)?),
        };
        let origin = FileOrigin { path: file.name.clone(), sheet, sha256, bytes, rows };
        Ok((origin, noted(file, rows, ragged, blank)))
    }

    fn csv(&self, file: &InputFile, sink: Sink) -> Result<(String, u64), Diagnostics> {
        let source = self.plan.source;
        let delimiter = delimiter_of(source, file);
        let mut reader = BlockReader::open(file, source.encoding.as_ref(), Cut::Csv { delimiter }, self.block_bytes)?;
        let mut head = String::new();
        let (headers, header_line, body) = loop {
            match reader.next_block()? {
                Some(block) => {
                    self.progress.bytes(self.plan.name(), block.bytes);
                    head.push_str(&block.text);
                    if let Some(found) = csv_header(&head, source.skip_rows, source.header_rows, delimiter)
                        && found.2 < head.len()
                    {
                        break found;
                    }
                }
                None => match csv_header(&head, source.skip_rows, source.header_rows, delimiter) {
                    Some(found) => break found,
                    None => return Err(empty_file(file).into()),
                },
            }
        };
        let found = map_headers(self.plan.name(), &file.name, None, header_line, &headers, source.header_rows > 1, &self.plan.wanted())?;
        let slots = Slots::new(&found);
        let first_line = 1 + head[..body].matches('\n').count() as u64;
        let first = Block { text: head.split_off(body), first_line, bytes: 0 };
        let parse = |block: &Block| self.csv_block(block, &slots, delimiter);
        Ok(self.blocks(reader, first, parse, sink)?.finish()?)
    }

    /// Packs blocks in parallel while the next ones are read.
    fn blocks<F>(&self, mut reader: BlockReader, first: Block, parse: F, sink: Sink) -> Result<BlockReader, Diagnostics>
    where
        F: Fn(&Block) -> Result<BlockRows, u64> + Sync,
    {
        let at_once = rayon::current_num_threads().max(1) * 2;
        let mut pending = vec![first];
        while !pending.is_empty() {
            let (packed, next) = rayon::join(
                || pending.par_iter().map(&parse).collect::<Vec<Result<BlockRows, u64>>>(),
                || {
                    let mut next = Vec::with_capacity(at_once);
                    while next.len() < at_once {
                        match reader.next_block()? {
                            Some(block) => {
                                self.progress.bytes(self.plan.name(), block.bytes);
                                next.push(block);
                            }
                            None => break,
                        }
                    }
                    Ok::<_, Diagnostic>(next)
                },
            );
            let packed: Result<Vec<BlockRows>, Diagnostic> =
                packed.into_iter().map(|block| block.map_err(|line| reader.open_quote(line))).collect();
            sink(packed?)?;
            pending = next?;
        }
        Ok(reader)
    }

    /// The error is the line of a record whose quote is never closed.
    fn csv_block(&self, block: &Block, slots: &Slots, delimiter: u8) -> Result<BlockRows, u64> {
        let mut builder = BlockBuilder::new(self.plan, self.pool, block.text.len() / 64);
        let mut records = CsvRecords::new(&block.text, block.first_line, delimiter);
        loop {
            let mut row = RowCells::new(&mut builder, slots);
            // The line is known before the record is: cells are reported at its first character.
            let line = records.next_line() as u32;
            match records.next(|i, cell| row.cell(i, &cell, line)) {
                Some((_, fields)) => row.end(fields, line),
                None => break,
            }
        }
        match records.open_quote() {
            Some(line) => {
                builder.finish();
                Err(line)
            }
            None => Ok(builder.finish()),
        }
    }

    fn sheet(&self, file: &InputFile, sink: Sink) -> Result<(Option<String>, (String, u64)), Diagnostics> {
        let source = self.plan.source;
        let sheet = read_sheet(file, source.sheet.as_ref())?;
        self.progress.bytes(self.plan.name(), sheet.bytes);
        let skip = (source.skip_rows + 1).saturating_sub(sheet.first_row) as usize;
        let depth = source.header_rows.max(1) as usize;
        let Some(rows) = sheet.rows.get(skip..).filter(|r| r.len() >= depth) else { return Err(empty_file(file).into()) };
        let header_row = sheet.first_row + skip as u32;
        let headers = join_headers(&rows[..depth]);
        let found =
            map_headers(self.plan.name(), &file.name, Some(&sheet.name), u64::from(header_row), &headers, depth > 1, &self.plan.wanted())?;
        let slots = Slots::new(&found);
        let first = header_row + depth as u32;
        let body = &rows[depth..];
        let per_block = (self.block_bytes / 256).max(1);
        let blocks: Vec<BlockRows> = body
            .par_chunks(per_block)
            .enumerate()
            .map(|(b, rows)| {
                let mut builder = BlockBuilder::new(self.plan, self.pool, rows.len());
                for (i, cells) in rows.iter().enumerate() {
                    let line = first + (b * per_block + i) as u32;
                    let mut row = RowCells::new(&mut builder, &slots);
                    for (at, cell) in cells.iter().enumerate() {
                        row.cell(at, cell, line);
                    }
                    row.end(cells.len(), line);
                }
                builder.finish()
            })
            .collect();
        sink(blocks)?;
        Ok((Some(sheet.name), (sheet.sha256, sheet.bytes)))
    }

    fn ndjson(&self, file: &InputFile, sink: Sink) -> Result<(String, u64), Diagnostics> {
        let mut reader = BlockReader::open(file, self.plan.source.encoding.as_ref(), Cut::Lines, self.block_bytes)?;
        let Some(first) = reader.next_block()? else { return Err(empty_file(file).into()) };
        self.progress.bytes(self.plan.name(), first.bytes);
        let names: HashMap<String, Vec<usize>> = {
            let mut names: HashMap<String, Vec<usize>> = HashMap::new();
            for (slot, column) in self.plan.columns.iter().enumerate() {
                for header in &column.wanted.headers {
                    let slots = names.entry(normal_header(header)).or_default();
                    if !slots.contains(&slot) {
                        slots.push(slot);
                    }
                }
            }
            names
        };
        let seen = std::sync::Mutex::new(JsonSeen::default());
        let mut rows = 0;
        let counted: Sink = &mut |blocks: Vec<BlockRows>| {
            rows += blocks.iter().map(|b| b.rows).sum::<usize>();
            sink(blocks)
        };
        let reader = self.blocks(reader, first, |block| Ok(self.json_block(block, &names, &seen)), counted)?;
        let seen = seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut messages = Diagnostics::default();
        if rows > 0 {
            let known: Vec<String> = seen.names.iter().cloned().collect();
            for (slot, column) in self.plan.columns.iter().enumerate() {
                if !seen.slots.contains(&slot) && !column.wanted.optional {
                    messages.push(
                        missing_column(self.plan.name(), &file.name, &column.wanted, &known).place(Place::File(file.name.clone()), ""),
                    );
                }
            }
        }
        let read = reader.finish()?;
        messages.finish(read)
    }

    fn json_block(&self, block: &Block, names: &HashMap<String, Vec<usize>>, seen: &std::sync::Mutex<JsonSeen>) -> BlockRows {
        let mut builder = BlockBuilder::new(self.plan, self.pool, block.text.len() / 128);
        let mut met = JsonSeen::default();
        let mut filled = vec![false; self.plan.columns.len()];
        for (i, line) in block.text.lines().enumerate() {
            let number = (block.first_line + i as u64) as u32;
            if trim(line).is_empty() {
                continue;
            }
            let object = match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line) {
                Ok(object) => object,
                Err(error) => {
                    for slot in 0..filled.len() {
                        builder.missing(slot);
                    }
                    builder.spoil_row(number);
                    builder.ragged(line, format!("the line is not a JSON object: {error}"), number);
                    builder.end_row(number);
                    continue;
                }
            };
            filled.fill(false);
            for (name, value) in &object {
                if !met.names.contains(name) {
                    met.names.insert(name.clone());
                }
                let Some(slots) = names.get(&normal_header(name)) else { continue };
                for &slot in slots {
                    met.slots.insert(slot);
                    if std::mem::replace(&mut filled[slot], true) {
                        continue;
                    }
                    match value {
                        serde_json::Value::Null => builder.missing(slot),
                        serde_json::Value::String(text) => builder.cell(slot, text, number),
                        serde_json::Value::Bool(value) => builder.cell(slot, if *value { "true" } else { "false" }, number),
                        serde_json::Value::Number(value) => match value.as_f64() {
                            Some(float) if value.is_f64() => builder.cell(slot, &number_text(float), number),
                            _ => builder.cell(slot, &value.to_string(), number),
                        },
                        nested => {
                            let problem = BadCell::new("the value is a list or an object; wanted a text or a number");
                            builder.bad(slot, &nested.to_string(), problem, number);
                        }
                    }
                }
            }
            for (slot, filled) in filled.iter().enumerate() {
                if !filled {
                    builder.missing(slot);
                }
            }
            builder.end_row(number);
        }
        let mut all = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        all.names.extend(met.names);
        all.slots.extend(met.slots);
        builder.finish()
    }
}

/// What is told of a file that could be read.
fn noted(file: &InputFile, rows: u64, ragged: u64, blank: u64) -> Diagnostics {
    let mut warnings = Diagnostics::default();
    let place = || Place::File(file.name.clone());
    if rows == 0 {
        let message = format!("`{}` has a header and no records", file.name);
        warnings
            .push(Diagnostic::warning("no-records", message).place(place(), "").help("ask the sender whether the delivery is complete"));
    }
    if ragged > 0 {
        let message = format!("{ragged} records of `{}` do not fit its header", file.name);
        warnings.push(
            Diagnostic::warning("ragged-record", message)
                .place(place(), "")
                .help("they are kept, without the cells that cannot be told, and listed among the rejected cells"),
        );
    }
    if blank > 0 {
        let mut note = Diagnostic::warning("blank-record", format!("{blank} records of `{}` have no content and were left out", file.name));
        note.severity = crate::diagnostic::Severity::Note;
        warnings.push(note.place(place(), ""));
    }
    warnings
}

/// Names that the objects of a file have, and columns they were found for.
#[derive(Default)]
struct JsonSeen {
    names: std::collections::BTreeSet<String>,
    slots: std::collections::BTreeSet<usize>,
}

/// The declared delimiter, or the one the file's extension names.
pub(super) fn delimiter_of(source: &TableSource, file: &InputFile) -> u8 {
    let is_tsv = file.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv"));
    source.delimiter.unwrap_or(if is_tsv { b'\t' } else { b',' })
}

/// Headers, the line of the first header row, and where the records begin; `None` when the text is too short for that.
pub(super) fn csv_header(text: &str, skip: u32, depth: u32, delimiter: u8) -> Option<(Vec<String>, u64, usize)> {
    let mut start = 0;
    for _ in 0..skip {
        start += text[start..].find('\n')? + 1;
    }
    let mut records = CsvRecords::new(&text[start..], u64::from(skip) + 1, delimiter);
    let mut rows = vec![];
    let mut first = None;
    for _ in 0..depth.max(1) {
        let mut row = vec![];
        let (line, _) = records.next(|_, cell| row.push(cell.into_owned()))?;
        first.get_or_insert(line);
        rows.push(row);
    }
    Some((join_headers(&rows), first.unwrap_or(1), start + records.position()))
}

/// One header per column: the rows of a header of several rows joined by `/`. An empty cell of an upper row belongs to the merged cell on its left.
pub(super) fn join_headers(rows: &[Vec<String>]) -> Vec<String> {
    if let [row] = rows {
        return row.clone();
    }
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut joined: Vec<Vec<String>> = vec![vec![]; width];
    for (depth, row) in rows.iter().enumerate() {
        let mut carried = String::new();
        for (i, parts) in joined.iter_mut().enumerate() {
            let cell = row.get(i).map_or("", |c| trim(c));
            if depth + 1 < rows.len() {
                if !cell.is_empty() {
                    carried = cell.to_owned();
                }
                if !carried.is_empty() {
                    parts.push(carried.clone());
                }
            } else if !cell.is_empty() {
                parts.push(cell.to_owned());
            }
        }
    }
    joined.into_iter().map(|parts| parts.join("/")).collect()
}

/// Which columns each field of a record goes to.
pub(super) struct Slots {
    by_field: Vec<Vec<usize>>,
    /// Columns no field gives.
    absent: Vec<usize>,
    width: usize,
}

impl Slots {
    pub fn new(found: &Found) -> Self {
        let mut by_field = vec![vec![]; found.width];
        let mut absent = vec![];
        for (slot, at) in found.at.iter().enumerate() {
            match at {
                Some(field) => by_field[*field].push(slot),
                None => absent.push(slot),
            }
        }
        Slots { by_field, absent, width: found.width }
    }
}

/// The cells of one record on their way to the columns.
pub(super) struct RowCells<'b, 'a, 's> {
    builder: &'b mut BlockBuilder<'a>,
    slots: &'s Slots,
    content: bool,
    surplus: Option<String>,
}

impl<'b, 'a, 's> RowCells<'b, 'a, 's> {
    pub fn new(builder: &'b mut BlockBuilder<'a>, slots: &'s Slots) -> Self {
        RowCells { builder, slots, content: false, surplus: None }
    }
    #[inline]
    pub fn cell(&mut self, field: usize, cell: &str, line: u32) {
        self.content = self.content || !trim(cell).is_empty();
        match self.slots.by_field.get(field) {
            Some(slots) => {
                for &slot in slots {
                    self.builder.cell(slot, cell, line);
                }
            }
            None if !trim(cell).is_empty() => {
                self.surplus.get_or_insert_with(|| cell.to_owned());
            }
            None => {}
        }
    }
    pub fn end(self, fields: usize, line: u32) {
        let width = self.slots.width;
        for &slot in &self.slots.absent {
            self.builder.missing(slot);
        }
        if !self.content {
            for slot in self.slots.by_field.iter().skip(fields).flatten() {
                self.builder.missing(*slot);
            }
            return self.builder.forget_row();
        }
        if fields < width {
            for slot in self.slots.by_field.iter().skip(fields).flatten() {
                self.builder.bad(*slot, "", BadCell::new("the record ends before this cell"), line);
            }
            self.builder.ragged("", format!("the record has {fields} cells, the header {width}"), line);
        } else if let Some(surplus) = self.surplus {
            self.builder.spoil_row(line);
            let problem = format!(
                "the record has {fields} cells, the header {width}: which cell belongs to which column cannot be told; is a comma not quoted?"
            );
            self.builder.ragged(&surplus, problem, line);
        }
        self.builder.end_row(line);
    }
}
