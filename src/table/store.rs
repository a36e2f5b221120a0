//! Loaded tables kept between runs, as long as the delivered files and the table's declaration are the same.
//!
//! `STORE/<table>/<inputs>-<declaration>-<columns>/` holds `rows.parquet`, `texts-N.parquet` per text column, `contents.json` (hashes by bucket)
//! and `table.json`. A folder appears whole (written beside, then renamed) and never changes; folders of earlier deliveries go when a new
//! one is stored. A run reads any folder that holds at least the columns it needs and gets what loading those columns alone would give.
//! A store that cannot be read or written costs a warning and time, nothing else: the delivered files decide.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::assemble::{Assembled, order_of, picked};
use super::build::LISTED_REJECTED;
use super::contents::{Contents, contents};
use super::intern::{Domain, Pool};
use super::order::order;
use super::packed::{Ranges, Stored, read_bits, read_i32, read_i64, read_texts, read_u16, read_u32, write};
use super::plan::TablePlan;
use super::prune::{self, Condition};
use super::seen::Seen;
use super::{Bits, Column, Data, FileOrigin, Freshness, Origin, Receipt, Rejected, Table, receipt};
use crate::diagnostic::{Diagnostic, Diagnostics, Label, Place, Severity};
use crate::schema::{SemanticType, Type};
use crate::source::{Columnar, InputFile, open_columnar, open_indexed};

/// Raised whenever what is stored, or how cells are read, changes.
const FORMAT: u32 = 2;

/// What is known of a stored table beside its vectors.
#[derive(Debug, Serialize, Deserialize)]
struct Card {
    rows: usize,
    columns: Vec<StoredColumn>,
    files: Vec<(String, Option<String>, String, u64, u64)>,
    receipt: Receipt,
    /// By column and file.
    rejected_cells: Vec<Vec<u64>>,
    rejected: Vec<Rejected>,
    warnings: Vec<StoredMessage>,
    /// Rows that agree in sort columns and key stand in the order of all these columns.
    ties: bool,
    /// Receipt of the delivery before this one.
    previous: Option<Receipt>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredColumn {
    name: String,
    /// How it was declared: type and headers.
    declared: String,
    valid: bool,
    bad: bool,
    part: bool,
    /// To be added to its numbers.
    base: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredMessage {
    note: bool,
    code: String,
    message: String,
    labels: Vec<(StoredPlace, String)>,
    help: Vec<String>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum StoredPlace {
    Record(String, Option<String>, u64, Option<String>),
    File(String),
}

/// Codes of the warnings a load gives beside those of the receipt.
const CODES: [&str; 4] = ["no-records", "ragged-record", "blank-record", "duplicate-key"];

/// Where a table is kept, or would be.
pub(super) struct Shelf<'a> {
    plan: &'a TablePlan<'a>,
    /// The table's folder.
    folder: PathBuf,
    declaration: String,
    files: &'a [InputFile],
    seen: Seen,
}

/// A table read from its store; texts still have the numbers of the pool.
pub(super) struct StoredTable {
    card: Card,
    /// Position in the card by column of the plan.
    at: Vec<usize>,
    origin: Origin,
    columns: Vec<(Column, Option<u32>)>,
    /// Without those that its pages rule out.
    rows: usize,
    /// Hashes of the table as it is stored.
    folder: PathBuf,
}

/// What looking for a stored table gave.
pub(super) enum Found {
    Fresh(Box<StoredTable>),
    /// The files must be read; why.
    Stale(Freshness),
}

fn declared(column: &super::plan::PlannedColumn) -> String {
    let headers: Vec<String> = column.wanted.headers.iter().map(|h| crate::source::normal_header(h)).collect();
    format!("{:?} {headers:?} {}", column.semantic, column.wanted.optional)
}

/// Everything but files and columns that decides what is loaded.
fn declaration(plan: &TablePlan, as_of: Option<i32>) -> String {
    let s = plan.source;
    let names = |list: &[crate::diagnostic::Spanned<String>]| list.iter().map(|n| n.value.clone()).collect::<Vec<_>>();
    let expect = s.expect.as_ref().map(|e| {
        let sums: Vec<_> = e.sums.iter().map(|(name, sum)| (&name.value, &sum.value)).collect();
        format!("{:?} {:?} {sums:?}", e.rows.as_ref().map(|r| r.value), e.files.as_ref().map(|f| f.value))
    });
    let one = |name: &Option<crate::diagnostic::Spanned<String>>| name.as_ref().map(|n| n.value.clone());
    let text = format!(
        "{FORMAT} {} {} {:?} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {expect:?}",
        env!("CARGO_PKG_VERSION"),
        plan.name(),
        s.format,
        one(&s.encoding),
        s.delimiter,
        one(&s.sheet),
        s.header_rows,
        s.skip_rows,
        names(&s.key),
        names(&s.sort),
        one(&s.snapshot),
        as_of.filter(|_| plan.snapshot.is_some()),
    );
    short(&blake3::hash(text.as_bytes()))
}

fn short(hash: &blake3::Hash) -> String {
    hash.to_hex()[..16].to_owned()
}

fn inputs_of<'f>(files: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let mut inputs = blake3::Hasher::new();
    for (path, sha256) in files {
        inputs.update(format!("{path}\0{sha256}\n").as_bytes());
    }
    short(&inputs.finalize())
}

impl<'a> Shelf<'a> {
    pub fn new(store: &Path, plan: &'a TablePlan<'a>, files: &'a [InputFile], as_of: Option<i32>) -> Self {
        let folder = store.join(plan.name());
        let seen = Seen::look(&folder, files);
        Shelf { plan, declaration: declaration(plan, as_of), files, seen, folder }
    }

    /// The finished folders of this table, by name.
    fn siblings(&self) -> Vec<(String, PathBuf)> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
        let mut all: Vec<(String, PathBuf)> = entries
            .map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()))
            .filter(|(name, path)| !name.ends_with(".part") && path.join("table.json").is_file())
            .collect();
        all.sort();
        all
    }

    fn cards(&self) -> Result<Vec<(String, PathBuf, Card)>, Diagnostic> {
        let card = |(name, path): (String, PathBuf)| {
            let text = std::fs::read(path.join("table.json")).map_err(|e| self.unreadable(&path, &e.to_string()))?;
            let card: Card = serde_json::from_slice(&text).map_err(|e| self.unreadable(&path, &e.to_string()))?;
            Ok((name, path, card))
        };
        // Of another layout: neither read nor a fault.
        self.siblings().into_iter().filter(|(name, _)| name.matches('-').count() == 2).map(card).collect()
    }

    fn unreadable(&self, folder: &Path, why: &str) -> Diagnostic {
        Diagnostic::warning("unreadable-store", format!("the store of table `{}` cannot be read: {why}", self.plan.name()))
            .place(Place::File(folder.display().to_string()), "")
            .help("the delivered files were read instead; remove the folder to have it written again")
    }

    /// The stored table, if there is one that is fresh; an error when there is one that cannot be read (a warning), or a delivered file.
    pub fn find(&self, pool: &Pool, only: &[Condition], pages: Option<usize>) -> Result<Found, Diagnostics> {
        let cards = self.cards()?;
        let (mut names, mut columns_missing) = (vec![], vec![]);
        if cards.is_empty() {
            return Ok(Found::Stale(Freshness::Empty));
        }
        // Only files that could be the stored ones are worth hashing before they are read.
        let sizes: Vec<(String, u64)> =
            self.files.iter().map(|f| (f.name.clone(), std::fs::metadata(&f.path).map_or(0, |m| m.len()))).collect();
        let alike = |card: &Card| card.files.iter().map(|f| (f.0.clone(), f.3)).eq(sizes.iter().cloned());
        let mut hashes: Vec<String> = vec![];
        if cards.iter().any(|(_, _, card)| alike(card)) {
            hashes = self.seen.hashes(self.files)?;
        }
        let inputs = inputs_of(self.files.iter().map(|f| f.name.as_str()).zip(hashes.iter().map(String::as_str)));
        let prefix = format!("{inputs}-{}-", self.declaration);
        let mut best: Option<(Card, PathBuf, Vec<usize>)> = None;
        for (name, path, card) in cards {
            if hashes.is_empty() || !name.starts_with(&format!("{inputs}-")) {
                names.extend(self.differences(&card, &hashes));
                continue;
            }
            if !name.starts_with(&prefix) {
                continue;
            }
            let at = |c: &super::plan::PlannedColumn| card.columns.iter().position(|s| s.name == c.name && s.declared == declared(c));
            let places: Vec<Option<usize>> = self.plan.columns.iter().map(at).collect();
            let full = card.rejected.len() >= LISTED_REJECTED && card.columns.len() > self.plan.columns.len();
            match places.iter().copied().collect::<Option<Vec<usize>>>() {
                // Of a list that was cut it cannot be told what it would hold for fewer columns.
                Some(at) if !full => {
                    if best.as_ref().is_none_or(|(b, ..)| card.columns.len() < b.columns.len()) {
                        best = Some((card, path, at));
                    }
                }
                _ => {
                    let missing = self.plan.columns.iter().zip(&places).filter(|(_, p)| p.is_none());
                    columns_missing = missing.map(|(c, _)| c.name.clone()).collect();
                }
            }
        }
        let Some((card, path, at)) = best else {
            names.sort();
            names.dedup();
            return Ok(Found::Stale(match (names.is_empty(), columns_missing.is_empty()) {
                (_, false) => Freshness::Columns(columns_missing),
                (false, _) => Freshness::Files(names),
                (true, true) => Freshness::Declaration,
            }));
        };
        self.seen.remember(self.files, &hashes);
        let table = read(self.plan, pool, card, &path, at, only, pages);
        match table {
            Ok(table) if table.fits() => Ok(Found::Fresh(Box::new(table))),
            Ok(_) => Err(self.unreadable(&path, "it is not complete").into()),
            Err(error) => Err(self.unreadable(&path, &error.message).into()),
        }
    }

    /// Files that are not as the card has them.
    fn differences(&self, card: &Card, hashes: &[String]) -> Vec<String> {
        let stored = |name: &str| card.files.iter().find(|f| f.0 == name);
        let mut out = vec![];
        for (i, file) in self.files.iter().enumerate() {
            match stored(&file.name) {
                None => out.push(format!("{} is new", file.name)),
                Some(f) => {
                    let size = std::fs::metadata(&file.path).map_or(0, |m| m.len());
                    if size != f.3 || hashes.get(i).is_some_and(|h| *h != f.2) {
                        out.push(format!("{} changed", file.name));
                    }
                }
            }
        }
        out.extend(card.files.iter().filter(|f| !self.files.iter().any(|x| x.name == f.0)).map(|f| format!("{} is gone", f.0)));
        out
    }

    /// Stores a table; gives the receipt of the delivery before it and the hashes by bucket. The error is a warning.
    pub fn write(&self, assembled: &Assembled) -> Result<(Option<Receipt>, Contents), Diagnostic> {
        let hashes: Vec<String> = assembled.table.origin.files.iter().map(|f| f.sha256.clone()).collect();
        let inputs = inputs_of(self.files.iter().map(|f| f.name.as_str()).zip(hashes.iter().map(String::as_str)));
        let prefix = format!("{inputs}-{}-", self.declaration);
        let mut columns = blake3::Hasher::new();
        for column in &self.plan.columns {
            columns.update(format!("{} {}\n", column.name, declared(column)).as_bytes());
        }
        let target = self.folder.join(format!("{prefix}{}", short(&columns.finalize())));
        let cards = self.cards().unwrap_or_default();
        let previous = match cards.iter().find(|(name, ..)| !name.starts_with(&inputs)) {
            Some((_, _, card)) => Some(card.receipt.clone()),
            None => cards.iter().find_map(|(_, _, card)| card.previous.clone()),
        };
        let beside = target.with_extension("part");
        let contents = self.write_beside(&beside, &target, assembled, previous.clone()).map_err(|why| {
            // What is half written is of no use to anybody; that it may stay behind changes no result.
            let _ = std::fs::remove_dir_all(&beside);
            Diagnostic::warning("store-not-written", format!("table `{}` could not be stored: {why}", self.plan.name()))
                .place(Place::File(target.display().to_string()), "")
                .help("make room or give the right to write there, or run with `--no-store`; the result is the same")
        })?;
        // Earlier deliveries and declarations go, and what holds nothing that this one does not.
        let ours = |c: &StoredColumn| self.plan.columns.iter().any(|p| p.name == c.name && declared(p) == c.declared);
        for (name, path) in self.siblings().into_iter().filter(|(_, path)| *path != target) {
            let less = cards.iter().find(|(n, ..)| *n == name).is_none_or(|(_, _, card)| card.columns.iter().all(ours));
            if !name.starts_with(&prefix) || less {
                let _ = std::fs::remove_dir_all(path);
            }
        }
        self.seen.remember(self.files, &hashes);
        Ok((previous, contents))
    }

    fn write_beside(
        &self,
        beside: &Path,
        target: &Path,
        assembled: &Assembled,
        previous: Option<Receipt>,
    ) -> Result<Contents, Box<dyn std::error::Error>> {
        let table = &assembled.table;
        if beside.exists() {
            std::fs::remove_dir_all(beside)?;
        }
        std::fs::create_dir_all(beside)?;
        only_for_owner(beside)?;
        let files: Vec<i32> = table.origin.file.iter().map(|f| i32::from(*f)).collect();
        let lines: Vec<i32> = table.origin.line.iter().map(|l| *l as i32).collect();
        let mut vectors: Vec<(String, Stored)> = vec![("line".to_owned(), Stored::I32(&lines))];
        if table.origin.files.len() > 1 {
            vectors.push(("file".to_owned(), Stored::I32(&files)));
        }
        let mut columns = vec![];
        for (i, (column, planned)) in table.columns.iter().zip(&self.plan.columns).enumerate() {
            let mut base = None;
            let stored = match &column.data {
                Data::I64(v) => {
                    let (stored, middle) = Stored::numbers(v);
                    base = middle;
                    stored
                }
                Data::I32(v) => Stored::I32(v),
                Data::Bool(v) => Stored::Bits(v),
                Data::Code(codes, dictionary) => {
                    let (codes, texts) = own_codes(column, codes, dictionary.len());
                    let texts = texts.into_iter().map(|t| &*dictionary.values[t]).collect();
                    write(&beside.join(format!("texts-{i}.parquet")), &[("text".to_owned(), Stored::Texts(texts))], &[])?;
                    Stored::Near(codes)
                }
            };
            vectors.push((format!("value{i}"), stored));
            for (kind, bits) in [("valid", &column.valid), ("bad", &column.bad), ("part", &column.part)] {
                if let Some(bits) = bits {
                    vectors.push((format!("{kind}{i}"), Stored::Bits(bits)));
                }
            }
            let (valid, bad, part) = (column.valid.is_some(), column.bad.is_some(), column.part.is_some());
            columns.push(StoredColumn { name: column.name.clone(), declared: declared(planned), valid, bad, part, base });
        }
        let (written, hashes) = rayon::join(|| write(&beside.join("rows.parquet"), &vectors, &["line", "file"]), || contents(table));
        written?;
        std::fs::write(beside.join("contents.json"), serde_json::to_vec(&hashes)?)?;
        let card = Card {
            rows: table.rows,
            columns,
            files: table.origin.files.iter().map(|f| (f.path.clone(), f.sheet.clone(), f.sha256.clone(), f.bytes, f.rows)).collect(),
            receipt: assembled.receipt.clone(),
            rejected_cells: assembled.rejected_cells.clone(),
            rejected: assembled.rejected.clone(),
            warnings: assembled.warnings.0.iter().filter_map(store_message).collect(),
            ties: assembled.ties,
            previous,
        };
        std::fs::write(beside.join("table.json"), serde_json::to_vec(&card)?)?;
        if target.exists() {
            std::fs::remove_dir_all(target)?;
        }
        std::fs::rename(beside, target)?;
        Ok(hashes)
    }
}

fn stored_file(folder: &Path, name: &str) -> InputFile {
    InputFile { path: folder.join(name), name: name.to_owned() }
}

fn read(
    plan: &TablePlan,
    pool: &Pool,
    card: Card,
    folder: &Path,
    at: Vec<usize>,
    only: &[Condition],
    pages: Option<usize>,
) -> Result<StoredTable, Diagnostic> {
    let file = stored_file(folder, "rows.parquet");
    let some = !only.is_empty() || pages.is_some();
    let rows = if some { open_indexed(&file)? } else { open_columnar(&file)? };
    let ranges = match pages {
        Some(pages) => prune::spread(&rows, pages),
        None if some => ranges(plan, &card, folder, &at, &rows, only)?,
        None => Ranges::all(&rows),
    };
    let columns: Vec<Result<(Column, Option<u32>), Diagnostic>> =
        plan.columns.par_iter().zip(&at).map(|(planned, &at)| column(planned, pool, folder, &rows, &ranges, &card, at, some)).collect();
    let line = read_u32(&rows, "line", &ranges)?;
    let file = if card.files.len() > 1 { read_u16(&rows, "file", &ranges)? } else { vec![0; ranges.rows()] };
    let files = card.files.iter().map(|(path, sheet, sha256, bytes, rows)| FileOrigin {
        path: path.clone(),
        sheet: sheet.clone(),
        sha256: sha256.clone(),
        bytes: *bytes,
        rows: *rows,
    });
    let origin = Origin { files: files.collect(), file, line };
    let columns = columns.into_iter().collect::<Result<_, _>>()?;
    let whole = rows.group_rows.iter().sum::<usize>();
    let rows = if whole == card.rows { ranges.rows() } else { usize::MAX };
    Ok(StoredTable { at, origin, columns, rows, card, folder: folder.to_owned() })
}

/// Pages that may hold rows which meet the conditions.
fn ranges(plan: &TablePlan, card: &Card, folder: &Path, at: &[usize], rows: &Columnar, only: &[Condition]) -> Result<Ranges, Diagnostic> {
    let mut spans = vec![];
    for condition in only {
        let Some(i) = plan.columns.iter().position(|c| c.name == condition.column) else { continue };
        let stored = &card.columns[at[i]];
        let Some(column) = rows.columns.iter().position(|c| c.name == format!("value{}", at[i])) else { continue };
        if plan.columns[i].semantic == SemanticType::Bool {
            continue;
        }
        let mut code = (0, false);
        if let crate::schema::Value::Text(text, _) = &condition.value {
            code = code_of(&open_indexed(&stored_file(folder, &format!("texts-{}.parquet", at[i])))?, text)?;
        }
        let base = stored.base.unwrap_or(0);
        let (from, to) = condition.span(|_| code);
        spans.push((column, (from.saturating_sub(base), to.saturating_sub(base))));
    }
    Ok(prune::pages(rows, &spans))
}

/// How many texts of a sorted file come before `text`, and whether it is there itself.
fn code_of(texts: &Columnar, text: &str) -> Result<(i64, bool), Diagnostic> {
    let (mut low, mut high) = (0, texts.group_rows.iter().sum::<usize>());
    while low < high {
        let middle = low + (high - low) / 2;
        let mut order = std::cmp::Ordering::Equal;
        read_texts(texts, Some(&[middle as u32]), |there| order = there.cmp(text))?;
        match order {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return Ok((middle as i64, true)),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Ok((low as i64, false))
}

#[allow(clippy::too_many_arguments, reason = "where a column lies, and which rows of it")]
fn column(
    planned: &super::plan::PlannedColumn,
    pool: &Pool,
    folder: &Path,
    rows: &Columnar,
    ranges: &Ranges,
    card: &Card,
    at: usize,
    some: bool,
) -> Result<(Column, Option<u32>), Diagnostic> {
    let stored = &card.columns[at];
    let bits = |has: bool, kind: &str| if has { read_bits(rows, &format!("{kind}{at}"), ranges).map(Some) } else { Ok(None) };
    let mut column = Column::empty(&planned.name, &planned.semantic, None);
    column.valid = bits(stored.valid, "valid")?;
    column.bad = bits(stored.bad, "bad")?;
    column.part = bits(stored.part, "part")?;
    let name = format!("value{at}");
    let mut interner_id = None;
    column.data = match planned.semantic.value_type() {
        Type::Text(_) => {
            let file = stored_file(folder, &format!("texts-{at}.parquet"));
            let mut codes = read_u32(rows, &name, ranges)?;
            // Of few rows only the texts they hold.
            let held = some.then(|| {
                let mut held: Vec<u32> = (0..codes.len()).filter(|&r| column.is_valid(r)).map(|r| codes[r]).collect();
                held.sort_unstable();
                held.dedup();
                for code in &mut codes {
                    *code = held.binary_search(code).unwrap_or(0) as u32;
                }
                held
            });
            if let Some(domain) = planned.domain {
                let mut interner = pool.fresh(domain);
                interner_id = Some(interner.id);
                let texts = if some { open_indexed(&file)? } else { open_columnar(&file)? };
                read_texts(&texts, held.as_deref(), |text| interner.append(text))?;
                pool.put_by(domain, interner);
            }
            Data::Code(codes, Arc::default())
        }
        Type::Date | Type::Month => Data::I32(read_i32(rows, &name, ranges)?),
        Type::Bool => Data::Bool(read_bits(rows, &name, ranges)?),
        _ => Data::I64(read_i64(rows, &name, ranges, stored.base)?),
    };
    Ok((column, interner_id))
}

#[cfg(unix)]
fn only_for_owner(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn only_for_owner(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Codes counted over the texts this column holds, and those texts (their codes in the dictionary), ascending.
fn own_codes(column: &Column, codes: &[u32], texts: usize) -> (Vec<i32>, Vec<usize>) {
    let mut used = Bits::new(texts, false);
    for (row, code) in codes.iter().enumerate() {
        if column.is_valid(row) {
            used.set(*code as usize, true);
        }
    }
    let mut own = vec![0i32; texts];
    let held: Vec<usize> = used.ones().collect();
    for (number, code) in held.iter().enumerate() {
        own[*code] = number as i32;
    }
    let codes = codes.par_iter().enumerate().map(|(row, code)| if column.is_valid(row) { own[*code as usize] } else { 0 }).collect();
    (codes, held)
}

impl StoredTable {
    fn fits(&self) -> bool {
        let len = |data: &Data| match data {
            Data::I64(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::Code(v, _) => v.len(),
            Data::Bool(v) => v.len(),
        };
        let bits = |bits: &Option<Bits>| bits.as_ref().is_none_or(|b| b.len() == self.rows);
        self.origin.file.len() == self.rows
            && self.origin.line.len() == self.rows
            && self.columns.iter().all(|(c, _)| len(&c.data) == self.rows && bits(&c.valid) && bits(&c.bad) && bits(&c.part))
    }

    /// Hashes of the table as it is stored, by bucket; of all its columns.
    pub fn contents(&self) -> Option<Contents> {
        serde_json::from_slice(&std::fs::read(self.folder.join("contents.json")).ok()?).ok()
    }

    /// The table, once the dictionaries stand; and the receipt of the delivery before.
    pub fn finish(self, plan: &TablePlan, domains: &[Domain]) -> (Assembled, Option<Receipt>) {
        let columns: Vec<Column> = self
            .columns
            .into_par_iter()
            .zip(&plan.columns)
            .map(|((mut column, interner), planned)| {
                if let (Data::Code(codes, dictionary), Some(domain)) = (&mut column.data, planned.domain.map(|d| &domains[d])) {
                    *dictionary = domain.dictionary.clone();
                    let of: &[u32] = interner.and_then(|i| domain.codes.get(i as usize)).map_or(&[], Vec::as_slice);
                    let same = of.iter().enumerate().all(|(i, code)| *code as usize == i);
                    if !same || column.valid.is_some() || of.is_empty() {
                        let valid = column.valid.as_ref();
                        codes.par_iter_mut().with_min_len(4096).enumerate().for_each(|(row, code)| {
                            let there = valid.is_none_or(|v| v.get(row));
                            *code = if there { of.get(*code as usize).copied().unwrap_or(0) } else { 0 };
                        });
                    }
                }
                column
            })
            .collect();
        let card = self.card;
        let mut table = Table { name: plan.name().to_owned(), rows: self.rows, columns, sorted_by: plan.sort.clone(), origin: self.origin };
        if card.ties && card.columns.len() > plan.columns.len() {
            table = without_other_columns(plan, table);
        }
        let names: Vec<&str> = plan.columns.iter().map(|c| c.name.as_str()).collect();
        let rejected = card.rejected.into_iter().filter(|r| r.column.as_ref().is_none_or(|c| names.contains(&c.as_str()))).collect();
        let assembled = Assembled {
            table,
            receipt: receipt::narrow(&card.receipt, &names, &card.rejected_cells),
            rejected,
            warnings: Diagnostics(card.warnings.into_iter().filter_map(restore_message).collect()),
            rejected_cells: self.at.iter().filter_map(|&at| card.rejected_cells.get(at).cloned()).collect(),
            ties: card.ties,
        };
        (assembled, card.previous)
    }
}

/// Rows that agree in sort columns and key were ordered by columns that were not asked for: now by those that were, then as they stood in
/// the files.
fn without_other_columns(plan: &TablePlan, mut table: Table) -> Table {
    let place = |row: usize| i64::from(table.origin.file[row]) << 32 | i64::from(table.origin.line[row]);
    let origin = Column { data: Data::I64((0..table.rows).map(place).collect()), ..Column::empty("", &SemanticType::Int, None) };
    table.columns.push(origin);
    let mut by = order_of(plan);
    by.push(table.columns.len() - 1);
    let sorted = order(&table.columns, &by, table.rows);
    table.columns.pop();
    match sorted {
        Some(sorted) => picked(table, &sorted),
        None => table,
    }
}

fn store_message(d: &Diagnostic) -> Option<StoredMessage> {
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

fn restore_message(m: StoredMessage) -> Option<Diagnostic> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::{column, everything, project, table};
    use super::super::{LoadOptions, Loaded, load};
    use crate::schema::{MoneyUnit, SemanticType};

    const TEXT: &str = "id,name,amount,day,ok,id_no\nB,x,5.00,2019-03-01,Y,34052419800101001X\nA,,oops,201902,N,1.2E+17\nB,x,6,,,\n\nC,y\n";

    fn run(folder: &std::path::Path, store: bool) -> Loaded {
        let columns = vec![
            column("id", &[], SemanticType::Text),
            column("name", &[], SemanticType::PersonName),
            column("amount", &[], SemanticType::Money(MoneyUnit::Yuan)),
            column("day", &[], SemanticType::Date),
            column("ok", &[], SemanticType::Bool),
            column("id_no", &[], SemanticType::CitizenId),
        ];
        let other = table("q", "q.csv", &["id"], vec![column("id", &[], SemanticType::Text)]);
        let project = project(folder, vec![table("p", "p.csv", &["id"], columns), other]);
        let mut needs = everything(&project);
        needs.domains = vec![vec![("p".to_owned(), "id".to_owned()), ("q".to_owned(), "id".to_owned())]];
        let options = LoadOptions { store: store.then(|| folder.join("store")), ..LoadOptions::default() };
        load(&project, &needs, &options).expect("loads")
    }
    fn same(a: &Loaded, b: &Loaded) {
        assert_eq!(a.tables, b.tables);
        assert_eq!((&a.rejected, &a.receipt, &a.warnings), (&b.rejected, &b.receipt, &b.warnings));
    }

    #[test]
    fn what_comes_from_the_store_is_what_was_read() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
        std::fs::write(folder.path().join("q.csv"), "id\nD\nA\n").expect("written");
        let fresh = run(folder.path(), false);
        assert!(!fresh.warnings.is_empty() && !fresh.rejected.is_empty());
        same(&run(folder.path(), true), &fresh);
        let kept = std::fs::read_dir(folder.path().join("store/p")).expect("stored").count();
        assert_eq!(kept, 1);
        let again = run(folder.path(), true);
        same(&again, &fresh);
        assert!(again.previous.is_empty());

        // One table changes: it is read again, the dictionary it shares with the stored one grows, the old store goes.
        std::fs::write(folder.path().join("q.csv"), "id\nD\n0\n").expect("written");
        let changed = run(folder.path(), true);
        same(&changed, &run(folder.path(), false));
        assert_eq!(changed.previous.iter().map(|r| (r.table.as_str(), r.rows)).collect::<Vec<_>>(), [("q", 2)]);
        assert_eq!(std::fs::read_dir(folder.path().join("store/q")).expect("stored").count(), 1);
        assert_eq!(run(folder.path(), true).previous.len(), 1);
    }

    #[test]
    fn a_damaged_store_costs_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
        std::fs::write(folder.path().join("q.csv"), "id\nD\n").expect("written");
        let fresh = run(folder.path(), true);
        let stored = std::fs::read_dir(folder.path().join("store/p")).expect("stored").next().expect("one").expect("one").path();
        std::fs::write(stored.join("rows.parquet"), "nonsense").expect("written");
        let again = run(folder.path(), true);
        assert_eq!(again.tables[0].columns, fresh.tables[0].columns);
        assert_eq!(again.warnings.0[0].code, "unreadable-store");
        // The next run finds it whole again.
        same(&run(folder.path(), true), &fresh);
    }

    #[test]
    fn a_store_that_cannot_be_written_costs_a_warning() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
        std::fs::write(folder.path().join("q.csv"), "id\nD\n").expect("written");
        std::fs::write(folder.path().join("store"), "a file, not a folder").expect("written");
        let loaded = run(folder.path(), true);
        assert_eq!(loaded.tables[0].rows, 4);
        assert_eq!(loaded.warnings.0.iter().filter(|d| d.code == "store-not-written").count(), 2);
    }
}
