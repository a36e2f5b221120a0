//! The columns of the files that are linked, as text.

use std::borrow::Cow;
use std::path::Path;

use rayon::prelude::*;

use super::spec::Question;
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Spanned};
use crate::project::Format;
use crate::schema::{Value, format, trim};
use crate::source::{
    Block, BlockReader, Cell, CsvRecords, Cut, Found, InputFile, Kind, Wanted, empty_file, expand, format_of, hash_file, map_headers,
    number_text, open_columnar, read_sheet,
};

/// Bytes of text that one worker cuts at once.
const BLOCK_BYTES: usize = 4 << 20;

/// Texts of one column, end to end. An empty text is a missing value.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    bytes: String,
    ends: Vec<u64>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.bytes.push_str(trim(text));
        self.ends.push(self.bytes.len() as u64);
    }
    /// Makes room for as much again as `part` holds, `times` over.
    fn reserve(&mut self, part: &Texts, times: f64) {
        self.bytes.reserve((part.bytes.len() as f64 * times) as usize);
        self.ends.reserve((part.ends.len() as f64 * times) as usize);
    }
    fn append(&mut self, other: &Texts) {
        let start = self.bytes.len() as u64;
        self.bytes.push_str(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| start + end));
    }
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.bytes[start..self.ends[row] as usize]
    }
    pub fn cell(&self, row: usize) -> Option<Cow<'_, str>> {
        let text = self.get(row);
        (!text.is_empty()).then_some(Cow::Borrowed(text))
    }
}

/// A file that was read.
#[derive(Debug, Clone, serde::Serialize)]
pub struct ReadFile {
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
    pub rows: u64,
    /// Whether it is one of `with`.
    pub second: bool,
}

/// All records: the key, then the fields in the order of the specification.
#[derive(Debug, Default)]
pub struct Delivered {
    pub key: Texts,
    pub fields: Vec<Texts>,
    /// Records of `from`; those of `with` come after.
    pub first: usize,
    pub files: Vec<ReadFile>,
}

/// Reads all files of the question; `root` is the folder of the link file.
///
/// # Errors
/// A missing or unreadable file, a missing column, an empty or repeated key: all at once where possible.
pub fn read(question: &Question, root: &Path) -> Result<Delivered, Diagnostics> {
    let mut wanted = vec![want(&question.file.key.value, question.file.key.span.clone())];
    wanted.extend(question.columns.iter().zip(question.file.fields.iter()).map(|(column, (name, _))| want(column, name.span.clone())));
    let mut all = Delivered { fields: vec![Texts::default(); question.columns.len()], ..Delivered::default() };
    for (second, from) in [(false, &question.file.from), (true, &question.file.with)] {
        if from.is_empty() {
            continue;
        }
        for file in expand(root, &from.0, false)? {
            let (columns, sha256, bytes) = read_file(&file, &wanted, question.file.encoding.as_ref())?;
            let rows = columns.first().map_or(0, Texts::len);
            for (to, from) in std::iter::once(&mut all.key).chain(&mut all.fields).zip(columns) {
                if to.is_empty() { *to = from } else { to.append(&from) }
            }
            all.files.push(ReadFile { name: file.name.clone(), sha256, bytes, rows: rows as u64, second });
        }
        if !second {
            all.first = all.key.len();
        }
    }
    check_keys(&all.key, &question.file.key)?;
    Ok(all)
}

fn want(column: &str, span: Option<crate::diagnostic::Span>) -> Wanted {
    Wanted { name: column.to_owned(), headers: vec![column.to_owned()], optional: false, span }
}

fn check_keys(key: &Texts, column: &Spanned<String>) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    let wrong = |message: String| {
        Diagnostic::error("link-key", message)
            .at(column.span.clone(), "names a record")
            .help("name a column that has one value of its own in each record")
    };
    // Registers are mostly delivered in the order of their numbers.
    if (0..key.len()).all(|row| !key.get(row).is_empty() && (row == 0 || key.get(row - 1) < key.get(row))) {
        return Ok(());
    }
    let empty = (0..key.len()).filter(|&row| key.get(row).is_empty()).count();
    if empty > 0 {
        problems.push(wrong(format!("{empty} of {} records have no `{}`", key.len(), column.value)));
    }
    let mut order: Vec<u32> = (0..key.len() as u32).collect();
    order.par_sort_unstable_by(|&a, &b| key.get(a as usize).cmp(key.get(b as usize)));
    let twice: Vec<&str> = order
        .windows(2)
        .filter(|pair| key.get(pair[0] as usize) == key.get(pair[1] as usize) && !key.get(pair[0] as usize).is_empty())
        .map(|pair| key.get(pair[0] as usize))
        .collect();
    if let Some(one) = twice.first() {
        problems.push(wrong(format!("`{}` is not unique: {} records repeat another's, e.g. {one}", column.value, twice.len())));
    }
    problems.finish(())
}

/// Where the columns stand in a file. A link file says `column:` where a project says `from:`.
fn place(file: &str, sheet: Option<&str>, line: u64, headers: &[String], wanted: &[Wanted]) -> Result<Found, Diagnostics> {
    map_headers("link", file, sheet, line, headers, false, wanted).map_err(|mut problems| {
        for problem in problems.0.iter_mut().filter(|p| p.code == "missing-column") {
            problem.help =
                vec!["write the file's header as `field: {kind: ..., column: HEADER}` (or as `key:`), or leave the field out".to_owned()];
        }
        problems
    })
}

type Columns = (Vec<Texts>, String, u64);

fn read_file(file: &InputFile, wanted: &[Wanted], encoding: Option<&Spanned<String>>) -> Result<Columns, Diagnostics> {
    match format_of(None, file)? {
        Format::Csv => csv(file, wanted, encoding),
        Format::Parquet => columnar(file, wanted),
        Format::Xlsx => sheet(file, wanted),
        Format::Ndjson => Err(Diagnostic::error("unknown-format", format!("`{}` is NDJSON, which cannot be linked", file.name))
            .place(Place::File(file.name.clone()), "")
            .help("export it as CSV or Parquet")
            .into()),
    }
}

fn csv(file: &InputFile, wanted: &[Wanted], encoding: Option<&Spanned<String>>) -> Result<Columns, Diagnostics> {
    let delimiter = if file.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv")) { b'\t' } else { b',' };
    let mut reader = BlockReader::open(file, encoding, Cut::Csv { delimiter }, BLOCK_BYTES)?;
    let Some(mut first) = reader.next_block()? else { return Err(empty_file(file).into()) };
    let mut headers = vec![];
    let (body, line) = {
        let mut records = CsvRecords::new(&first.text, first.first_line, delimiter);
        let line = records.next(|_, field| headers.push(field.into_owned())).map_or(1, |(line, _)| line);
        (records.position(), line)
    };
    let found = place(&file.name, None, line, &headers, wanted)?;
    let rest = first.text.split_off(body);
    first = Block { first_line: first.first_line + first.text.matches('\n').count() as u64, text: rest, bytes: 0 };
    let cut = |block: &Block| -> Result<Vec<Texts>, u64> {
        let mut columns = vec![Texts::default(); wanted.len()];
        let mut slots = vec![None; found.width];
        // Columns of a header that another takes too.
        let mut again = vec![];
        for (column, at) in found.at.iter().enumerate() {
            match at.and_then(|at| slots.get_mut(at)) {
                Some(Some(first)) => again.push((column, *first)),
                Some(slot) => *slot = Some(column),
                None => {}
            }
        }
        let mut records = CsvRecords::new(&block.text, block.first_line, delimiter);
        loop {
            let next = records.next(|at, field| {
                if let Some(Some(column)) = slots.get(at) {
                    columns[*column].push(&field);
                }
            });
            let Some((_, width)) = next else { break };
            // A short record lacks its last fields.
            if width >= slots.len() {
                continue;
            }
            let rows = columns.iter().map(Texts::len).max().unwrap_or(0);
            for column in slots.iter().flatten() {
                if columns[*column].len() < rows {
                    columns[*column].push("");
                }
            }
        }
        for (column, first) in again {
            columns[column] = columns[first].clone();
        }
        records.open_quote().map_or(Ok(columns), Err)
    };
    let mut all = vec![Texts::default(); wanted.len()];
    let blocks = std::fs::metadata(&file.path).map_or(0.0, |m| 1.02 * m.len() as f64 / first.text.len().max(1) as f64);
    let mut pending = vec![first];
    while !pending.is_empty() {
        for made in pending.par_iter().map(cut).collect::<Vec<_>>() {
            let made = made.map_err(|line| Diagnostics::from(reader.open_quote(line)))?;
            for (to, from) in all.iter_mut().zip(&made) {
                if to.is_empty() {
                    to.reserve(from, blocks);
                }
                to.append(from);
            }
        }
        pending.clear();
        while pending.len() < 2 * rayon::current_num_threads().max(1) {
            match reader.next_block()? {
                Some(block) => pending.push(block),
                None => break,
            }
        }
    }
    let (sha256, bytes) = reader.finish()?;
    Ok((all, sha256, bytes))
}

fn columnar(file: &InputFile, wanted: &[Wanted]) -> Result<Columns, Diagnostics> {
    let table = open_columnar(file)?;
    let headers: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
    let found = place(&file.name, None, 1, &headers, wanted)?;
    let read = |at: &Option<usize>| -> Result<Texts, Diagnostic> {
        let mut texts = Texts::default();
        let Some(at) = *at else { return Ok(texts) };
        for group in 0..table.group_rows.len() {
            let kind = table.columns[at].kind;
            table.values(group, at, |cell| texts.push(&cell.map_or(Cow::Borrowed(""), |cell| text_of(cell, kind))))?;
        }
        Ok(texts)
    };
    let columns: Result<Vec<Texts>, Diagnostic> = found.at.par_iter().map(read).collect();
    let (sha256, bytes) = hash_file(file)?;
    Ok((columns?, sha256, bytes))
}

fn text_of(cell: Cell<'_>, kind: Kind) -> Cow<'_, str> {
    match (cell, kind) {
        (Cell::Bytes(bytes), _) => String::from_utf8_lossy(bytes),
        (Cell::Bool(value), _) => Cow::Owned(value.to_string()),
        (Cell::Int(days), Kind::Date) => Cow::Owned(format(&Value::Date(days as i32))),
        (Cell::Int(time), Kind::Instant(per_day)) => Cow::Owned(format(&Value::Date(time.div_euclid(per_day) as i32))),
        (Cell::Int(units), Kind::Decimal(scale)) => Cow::Owned(format(&Value::Decimal { units, scale })),
        (Cell::Int(value), Kind::Plain) => Cow::Owned(value.to_string()),
        (Cell::Float(value), _) => Cow::Owned(number_text(value)),
        (Cell::Millis(time), _) => Cow::Owned(format(&Value::Date(time.div_euclid(86_400_000) as i32))),
    }
}

fn sheet(file: &InputFile, wanted: &[Wanted]) -> Result<Columns, Diagnostics> {
    let sheet = read_sheet(file, None)?;
    let Some((headers, rows)) = sheet.rows.split_first() else { return Err(empty_file(file).into()) };
    let found: Found = place(&file.name, Some(&sheet.name), u64::from(sheet.first_row), headers, wanted)?;
    let columns = found
        .at
        .iter()
        .map(|at| {
            let mut texts = Texts::default();
            for row in rows {
                texts.push(at.and_then(|at| row.get(at)).map_or("", String::as_str));
            }
            texts
        })
        .collect();
    Ok((columns, sheet.sha256, sheet.bytes))
}
