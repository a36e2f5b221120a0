//! Blocks of packed columns become a table: one vector per column, texts as codes of their dictionary, rows in order.

use std::sync::Arc;

use rayon::prelude::*;

use super::build::{BlockColumn, BlockData, BlockRows, LISTED_REJECTED, Lines};
use super::intern::Domain;
use super::order::{compare, gather, order, repeated, tied};
use super::plan::{PlannedColumn, TablePlan};
use super::read::FileRows;
use super::receipt::{self, Duplicates, Tally};
use super::{Bits, Column, Data, Dictionary, FileOrigin, Loaded, Origin, Receipt, Rejected, Table};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::schema::Type;

pub(super) struct Assembled {
    pub table: Table,
    pub receipt: Receipt,
    pub rejected: Vec<Rejected>,
    /// What the receipt does not say already; see [`receipt::warnings`].
    pub warnings: Diagnostics,
    /// Rejected cells by column and file.
    pub rejected_cells: Vec<Vec<u64>>,
    /// Whether two rows agree in the sort columns and the key, so that their order follows from the other columns.
    pub ties: bool,
}

impl Loaded {
    pub(super) fn take(&mut self, plan: &TablePlan, assembled: Assembled) {
        self.warnings.extend(assembled.warnings);
        self.warnings.extend(receipt::warnings(plan, &assembled.receipt, assembled.rejected.len()));
        self.tables[plan.index] = Arc::new(assembled.table);
        self.receipt.push(assembled.receipt);
        self.rejected.extend(assembled.rejected);
    }
}

/// Records of a table on their way from blocks to columns, and what is told of them.
pub(super) struct Gathered<'a> {
    plan: &'a TablePlan<'a>,
    blocks: Vec<Vec<BlockColumn>>,
    /// Of the rows that are held.
    pub file: Vec<u16>,
    pub line: Vec<u32>,
    /// Files that were read to their end.
    pub files: Vec<FileOrigin>,
    pub rejected: Vec<Rejected>,
    /// By column and file.
    pub rejected_cells: Vec<Vec<u64>>,
    pub ragged: u64,
    /// First rejected cell of the file that is being read.
    since: usize,
}

impl<'a> Gathered<'a> {
    /// `files`: how many there will be.
    pub fn new(plan: &'a TablePlan<'a>, files: usize) -> Self {
        Gathered {
            plan,
            blocks: plan.columns.iter().map(|_| vec![]).collect(),
            file: vec![],
            line: vec![],
            files: vec![],
            rejected: vec![],
            rejected_cells: vec![vec![0; files]; plan.columns.len()],
            ragged: 0,
            since: 0,
        }
    }
    /// A block of the next file, which has this path.
    pub fn block(&mut self, path: &str, block: BlockRows) {
        let number = self.files.len();
        self.file.extend(std::iter::repeat_n(number as u16, block.rows));
        match block.lines {
            Lines::Each(lines) => self.line.extend(lines),
            Lines::From(first) => self.line.extend(first..first + block.rows as u32),
        }
        self.ragged += block.ragged;
        for ((all, cells), column) in self.blocks.iter_mut().zip(&mut self.rejected_cells).zip(block.columns) {
            cells[number] += column.bad.len() as u64;
            all.push(column);
        }
        for cell in block.rejected.into_iter().take(LISTED_REJECTED - self.rejected.len().min(LISTED_REJECTED)) {
            self.rejected.push(Rejected {
                table: self.plan.name().to_owned(),
                file: path.to_owned(),
                sheet: None,
                line: u64::from(cell.line),
                column: cell.column.map(|c| self.plan.columns[c].name.clone()),
                delivered: cell.delivered,
                problem: cell.problem,
            });
        }
    }
    /// The file is read.
    pub fn end(&mut self, origin: FileOrigin) {
        for cell in &mut self.rejected[self.since..] {
            cell.sheet.clone_from(&origin.sheet);
        }
        self.since = self.rejected.len();
        self.files.push(origin);
    }
    pub fn rows(&self) -> usize {
        self.line.len()
    }
    /// The column at a position, of the rows that are held; its blocks are gone then.
    pub fn column(&mut self, i: usize, domain: Option<&Domain>) -> Column {
        column(&self.plan.columns[i], std::mem::take(&mut self.blocks[i]), self.rows(), domain)
    }
    /// All of them.
    fn columns(&mut self, domains: &[Domain]) -> Vec<Column> {
        let rows = self.rows();
        let blocks = std::mem::take(&mut self.blocks);
        blocks
            .into_par_iter()
            .zip(&self.plan.columns)
            .map(|(blocks, planned)| column(planned, blocks, rows, planned.domain.map(|d| &domains[d])))
            .collect()
    }
}

/// More records or files than there are numbers for.
pub(super) fn fits(plan: &TablePlan, rows: usize, files: usize) -> Result<(), Diagnostics> {
    if u32::try_from(rows).is_ok() && u16::try_from(files).is_ok() {
        return Ok(());
    }
    let message = format!("table `{}` has {rows} records in {files} files; at most 4,294,967,295 records in 65,535 files fit", plan.name());
    Err(Diagnostic::error("table-too-large", message)
        .at(plan.source.name.span.clone(), "")
        .help("split the table by year or region")
        .into())
}

/// `as_of`: see `LoadOptions`.
pub(super) fn assemble(plan: &TablePlan, files: Vec<FileRows>, domains: &[Domain], as_of: Option<i32>) -> Result<Assembled, Diagnostics> {
    let mut warnings = Diagnostics::default();
    let rows: usize = files.iter().flat_map(|f| &f.blocks).map(|b| b.rows).sum();
    fits(plan, rows, files.len())?;
    let mut gathered = Gathered::new(plan, files.len());
    gathered.file.reserve_exact(rows);
    gathered.line.reserve_exact(rows);
    for file in files {
        file.blocks.into_iter().for_each(|block| gathered.block(&file.origin.path, block));
        gathered.end(file.origin);
        warnings.extend(file.warnings);
    }
    let columns = gathered.columns(domains);
    let Gathered { file, line, files, rejected, rejected_cells, ragged, .. } = gathered;
    let origin = Origin { files, file, line };

    let duplicates = duplicate_keys(plan, &columns, &origin, rows, &mut warnings);
    let tallies: Vec<Tally> = columns.par_iter().map(|c| Tally::of(c, rows)).collect();
    let receipt = receipt::build(plan, &tallies, &origin.files, rows, ragged, &rejected_cells, &duplicates);

    let kept = plan.snapshot.and_then(|at| latest(plan, &columns, at, as_of, rows));
    let table = arrange(plan, columns, origin, rows, kept);
    let receipt = Receipt { rows: table.rows as u64, ..receipt };
    let by: Vec<usize> = plan.sort.iter().chain(&plan.key).copied().collect();
    let whole = plan.key.iter().all(|&k| table.columns[k].valid.is_none());
    let unique = !plan.key.is_empty() && whole && receipt.duplicate_keys == 0;
    let ties = !unique && tied(&table.columns, &by, table.rows);
    Ok(Assembled { table, receipt, rejected, warnings, rejected_cells, ties })
}

fn column(planned: &PlannedColumn, blocks: Vec<BlockColumn>, rows: usize, domain: Option<&Domain>) -> Column {
    let mut column = Column {
        name: planned.name.clone(),
        semantic: planned.semantic.clone(),
        data: Data::I64(vec![]),
        valid: None,
        bad: None,
        part: None,
    };
    let (mut start, mut whole) = (0, true);
    let (mut valid, mut bad, mut part) = (Bits::new(rows, true), None, None);
    for block in &blocks {
        for &row in &block.missing {
            whole = false;
            valid.set(start + row as usize, false);
        }
        for &row in &block.bad {
            whole = false;
            valid.set(start + row as usize, false);
            bad.get_or_insert_with(|| Bits::new(rows, false)).set(start + row as usize, true);
        }
        for &row in &block.part {
            part.get_or_insert_with(|| Bits::new(rows, false)).set(start + row as usize, true);
        }
        start += block.data.len();
    }
    column.valid = (!whole).then_some(valid);
    column.bad = bad;
    column.part = part;
    column.data = match planned.semantic.value_type() {
        Type::Text(_) => {
            let mut codes = Vec::with_capacity(rows);
            for block in &blocks {
                if let BlockData::Text(numbers, interner) = &block.data {
                    let of = domain.and_then(|d| d.codes.get(*interner as usize));
                    // Where there is no value the number is 0, which may name no text at all.
                    codes.extend(numbers.iter().map(|&n| of.and_then(|of| of.get(n as usize)).copied().unwrap_or(0)));
                }
            }
            Data::Code(codes, domain.map_or_else(|| Arc::new(Dictionary::default()), |d| d.dictionary.clone()))
        }
        Type::Bool => Data::Bool(
            blocks.iter().filter_map(|b| if let BlockData::Bool(v) = &b.data { Some(v) } else { None }).flatten().copied().collect(),
        ),
        Type::Date | Type::Month => {
            Data::I32(join(blocks.into_iter().filter_map(|b| if let BlockData::I32(v) = b.data { Some(v) } else { None }), rows))
        }
        _ => Data::I64(join(blocks.into_iter().filter_map(|b| if let BlockData::I64(v) = b.data { Some(v) } else { None }), rows)),
    };
    // A slot without a value holds 0, also where the text's number 0 was translated.
    if let (Data::Code(codes, _), Some(valid)) = (&mut column.data, &column.valid) {
        for row in valid.not().ones() {
            codes[row] = 0;
        }
    }
    column
}

fn join<T: Copy>(mut blocks: impl Iterator<Item = Vec<T>>, rows: usize) -> Vec<T> {
    let mut all = blocks.next().unwrap_or_default();
    all.reserve_exact(rows.saturating_sub(all.len()));
    for block in blocks {
        all.extend_from_slice(&block);
    }
    all
}

/// Columns by which two records are the same: the key; of a snapshot table, within one delivery. None without a key.
pub(super) fn key_of(plan: &TablePlan) -> Vec<usize> {
    let mut by = plan.key.clone();
    if !by.is_empty() {
        by.extend(plan.snapshot.filter(|s| !plan.key.contains(s)));
    }
    by
}

/// Records that share their key with another.
fn duplicate_keys(plan: &TablePlan, columns: &[Column], origin: &Origin, rows: usize, warnings: &mut Diagnostics) -> Duplicates {
    let groups = repeated(columns, &key_of(plan), rows);
    let mut found = Duplicates { records: 0, by_file: vec![0; origin.files.len()] };
    for group in &groups {
        found.records += group.len() as u64;
        let mut files: Vec<u16> = group.iter().map(|&r| origin.file[r as usize]).collect();
        files.sort_unstable();
        for same in files.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
            found.by_file[same[0] as usize] += same.len() as u64;
        }
    }
    let shown = groups.iter().take(REPEATED).map(|group| {
        let places = group.iter().take(REPEATED).map(|&row| (origin.file[row as usize], origin.line[row as usize])).collect();
        (key_text(plan, columns, group[0] as usize), places)
    });
    warnings.extend(repeated_warning(plan, groups.len() as u64, &found, &origin.files, shown));
    found
}

/// So many repeated keys are shown, with so many of their records each.
pub(super) const REPEATED: usize = 3;

/// What is told of keys that stand in several records. `shown`: keys and where their records stand.
pub(super) fn repeated_warning(
    plan: &TablePlan,
    groups: u64,
    found: &Duplicates,
    files: &[FileOrigin],
    shown: impl Iterator<Item = (String, Vec<(u16, u32)>)>,
) -> Diagnostics {
    if groups == 0 {
        return Diagnostics::default();
    }
    let names: Vec<&str> = plan.key.iter().map(|&k| plan.columns[k].name.as_str()).collect();
    let message = format!("{groups} keys (`{}`) of table `{}` stand in more than one record", names.join(", "), plan.name());
    let mut warning = Diagnostic::warning("duplicate-key", message)
        .note(format!("{} records are concerned; all of them are kept", found.records))
        .help("if the records are honest, the key needs a further column; if not, ask the sender");
    for (key, places) in shown {
        for (file, line) in places {
            let file = &files[usize::from(file)];
            let place = Place::Record { file: file.path.clone(), sheet: file.sheet.clone(), line: u64::from(line), column: None };
            warning = warning.place(place, key.clone());
        }
    }
    warning.into()
}

/// The key of a row as people may see it in a log: masked.
pub(super) fn key_text(plan: &TablePlan, columns: &[Column], row: usize) -> String {
    plan.key.iter().map(|&k| crate::schema::mask(&columns[k].value(row))).collect::<Vec<_>>().join(", ")
}

/// The key of a snapshot table without the day of delivery, then that day.
pub(super) fn latest_by(plan: &TablePlan, at: usize) -> Vec<usize> {
    plan.key.iter().copied().filter(|k| *k != at).chain([at]).collect()
}

/// The latest row of each key up to `as_of`: all rows of the key's latest delivery. Rows whose key or delivery date cannot be read stay.
/// `None`: all rows.
fn latest(plan: &TablePlan, columns: &[Column], at: usize, as_of: Option<i32>, rows: usize) -> Option<Bits> {
    let Data::I32(taken) = &columns[at].data else { return None };
    let by = latest_by(plan, at);
    let key = &by[..by.len() - 1];
    let readable = |row: usize| columns[at].is_valid(row) && key.iter().all(|&k| columns[k].is_valid(row));
    let in_time = |row: usize| as_of.is_none_or(|day| taken[row] <= day);
    let mut keep = Bits::from_fn(rows, |row| !readable(row) || in_time(row));
    // Rows of one key stand together, latest last.
    let sorted = order(columns, &by, rows);
    let row = |i: usize| sorted.as_ref().map_or(i, |s| s[i] as usize);
    let same_key = |a: usize, b: usize| compare((columns, a), (columns, b), key).is_eq();
    let mut newest: Option<usize> = None;
    for i in (0..rows).rev() {
        let this = row(i);
        if !readable(this) || !in_time(this) {
            continue;
        }
        match newest {
            Some(n) if same_key(n, this) => {
                if taken[this] < taken[n] {
                    keep.set(this, false);
                }
            }
            _ => newest = Some(this),
        }
    }
    Some(keep)
}

/// Columns by which rows are ordered: the sort columns, the key, everything else.
pub(super) fn order_of(plan: &TablePlan) -> Vec<usize> {
    let mut by = plan.sort.clone();
    for i in plan.key.iter().copied().chain(0..plan.columns.len()) {
        if !by.contains(&i) {
            by.push(i);
        }
    }
    by
}

/// Rows in order, without those that are not kept.
pub(super) fn arrange(plan: &TablePlan, columns: Vec<Column>, origin: Origin, rows: usize, kept: Option<Bits>) -> Table {
    let by = order_of(plan);
    let mut sorted = order(&columns, &by, rows);
    if let Some(kept) = kept.filter(|k| !k.all()) {
        sorted = Some(match sorted {
            Some(rows) => rows.into_iter().filter(|&r| kept.get(r as usize)).collect(),
            None => kept.ones().map(|r| r as u32).collect(),
        });
    }
    let sorted_by = plan.sort.clone();
    let name = plan.name().to_owned();
    match sorted {
        None => Table { name, rows, columns, sorted_by, origin },
        Some(order) => picked(Table { name, rows, columns, sorted_by, origin }, &order),
    }
}

/// The rows `order` of a table, in that order.
pub(super) fn picked(table: Table, order: &[u32]) -> Table {
    let Table { name, columns, sorted_by, origin, .. } = table;
    let columns = columns.into_par_iter().map(|c| gather(&c, order)).collect();
    let origin = Origin {
        files: origin.files,
        file: order.par_iter().with_min_len(4096).map(|&r| origin.file[r as usize]).collect(),
        line: order.par_iter().with_min_len(4096).map(|&r| origin.line[r as usize]).collect(),
    };
    Table { name, rows: order.len(), columns, sorted_by, origin }
}
