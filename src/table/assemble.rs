//! Blocks of packed columns become a table: one vector per column, texts as codes of their dictionary, rows in order.

use rayon::prelude::*;

use super::build::{BlockColumn, BlockData, LISTED_REJECTED, Lines};
use super::intern::Domain;
use super::order::{gather, order, repeated, same_value};
use super::plan::{PlannedColumn, TablePlan};
use super::read::FileRows;
use super::receipt::{self, Duplicates};
use super::{Bits, Column, Data, Dictionary, Origin, Receipt, Rejected, Table};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::schema::Type;

pub(super) struct Assembled {
    pub table: Table,
    pub receipt: Receipt,
    pub rejected: Vec<Rejected>,
    pub warnings: Diagnostics,
}

/// `as_of`: see `LoadOptions`.
pub(super) fn assemble(plan: &TablePlan, files: Vec<FileRows>, domains: &[Domain], as_of: Option<i32>) -> Result<Assembled, Diagnostics> {
    let mut warnings = Diagnostics::default();
    let rows: usize = files.iter().flat_map(|f| &f.blocks).map(|b| b.rows).sum();
    if u32::try_from(rows).is_err() || u16::try_from(files.len()).is_err() {
        let message = format!(
            "table `{}` has {rows} records in {} files; at most 4,294,967,295 records in 65,535 files fit",
            plan.name(),
            files.len()
        );
        return Err(Diagnostic::error("table-too-large", message)
            .at(plan.source.name.span.clone(), "")
            .help("split the table by year or region")
            .into());
    }
    let mut origin = Origin { files: vec![], file: Vec::with_capacity(rows), line: Vec::with_capacity(rows) };
    let mut rejected = vec![];
    let mut rejected_cells = vec![];
    let mut ragged = 0;
    let mut columns: Vec<Vec<BlockColumn>> = plan.columns.iter().map(|_| vec![]).collect();
    for (number, file) in files.into_iter().enumerate() {
        let mut bad_cells = 0;
        for block in file.blocks {
            origin.file.extend(std::iter::repeat_n(number as u16, block.rows));
            match block.lines {
                Lines::Each(lines) => origin.line.extend(lines),
                Lines::From(first) => origin.line.extend(first..first + block.rows as u32),
            }
            bad_cells += block.rejected_cells;
            ragged += block.ragged;
            for (all, column) in columns.iter_mut().zip(block.columns) {
                all.push(column);
            }
            for cell in block.rejected.into_iter().take(LISTED_REJECTED - rejected.len().min(LISTED_REJECTED)) {
                rejected.push(Rejected {
                    table: plan.name().to_owned(),
                    file: file.origin.path.clone(),
                    sheet: file.origin.sheet.clone(),
                    line: u64::from(cell.line),
                    column: cell.column.map(|c| plan.columns[c].name.clone()),
                    delivered: cell.delivered,
                    problem: cell.problem,
                });
            }
        }
        rejected_cells.push(bad_cells);
        origin.files.push(file.origin);
        warnings.extend(file.warnings);
    }
    let columns: Vec<Column> = columns
        .into_par_iter()
        .zip(&plan.columns)
        .map(|(blocks, planned)| column(planned, blocks, rows, planned.domain.map(|d| &domains[d])))
        .collect();

    let duplicates = duplicate_keys(plan, &columns, &origin, rows, &mut warnings);
    let receipt = receipt::build(plan, &columns, &origin, rows, ragged, &rejected_cells, &duplicates, &mut warnings);
    warn_of_rejected(plan, &receipt, rejected.len(), &mut warnings);

    let kept = plan.snapshot.and_then(|at| latest(plan, &columns, at, as_of, rows));
    let table = arrange(plan, columns, origin, rows, kept);
    let receipt = Receipt { rows: table.rows as u64, ..receipt };
    Ok(Assembled { table, receipt, rejected, warnings })
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
            Data::Code(codes, domain.map_or_else(|| std::sync::Arc::new(Dictionary::default()), |d| d.dictionary.clone()))
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

/// Records that share their key with another; of a snapshot table, within one delivery.
fn duplicate_keys(plan: &TablePlan, columns: &[Column], origin: &Origin, rows: usize, warnings: &mut Diagnostics) -> Duplicates {
    let mut by = plan.key.clone();
    by.extend(plan.snapshot.filter(|s| !plan.key.contains(s)));
    if plan.key.is_empty() {
        return Duplicates::default();
    }
    let groups = repeated(columns, &by, rows);
    let mut found = Duplicates { records: 0, by_file: vec![0; origin.files.len()] };
    for group in &groups {
        found.records += group.len() as u64;
        let mut files: Vec<u16> = group.iter().map(|&r| origin.file[r as usize]).collect();
        files.sort_unstable();
        for same in files.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
            found.by_file[same[0] as usize] += same.len() as u64;
        }
    }
    if !groups.is_empty() {
        let names: Vec<&str> = plan.key.iter().map(|&k| plan.columns[k].name.as_str()).collect();
        let message = format!("{} keys (`{}`) of table `{}` stand in more than one record", groups.len(), names.join(", "), plan.name());
        let mut warning = Diagnostic::warning("duplicate-key", message)
            .note(format!("{} records are concerned; all of them are kept", found.records))
            .help("if the records are honest, the key needs a further column; if not, ask the sender");
        for group in groups.iter().take(3) {
            for &row in group.iter().take(3) {
                let row = row as usize;
                let file = &origin.files[origin.file[row] as usize];
                let line = u64::from(origin.line[row]);
                warning = warning.place(
                    Place::Record { file: file.path.clone(), sheet: file.sheet.clone(), line, column: None },
                    key_text(plan, columns, row),
                );
            }
        }
        warnings.push(warning);
    }
    found
}

/// The key of a row as people may see it in a log: masked.
fn key_text(plan: &TablePlan, columns: &[Column], row: usize) -> String {
    plan.key.iter().map(|&k| crate::schema::mask(&columns[k].value(row))).collect::<Vec<_>>().join(", ")
}

fn warn_of_rejected(plan: &TablePlan, receipt: &Receipt, listed: usize, warnings: &mut Diagnostics) {
    for column in receipt.columns.iter().filter(|c| c.rejected > 0) {
        warnings.push(
            Diagnostic::warning(
                "rejected-cells",
                format!("{} of {} cells of `{}.{}` could not be read", column.rejected, receipt.rows_delivered, plan.name(), column.column),
            )
            .at(plan.columns.iter().find(|c| c.name == column.column).and_then(|c| c.wanted.span.clone()), "")
            .note("the records are kept; rules that read the cell report them as not assessable")
            .help("the cells are listed with file and line in the report and in `rejected.parquet` of the run folder"),
        );
    }
    if listed == LISTED_REJECTED {
        warnings.push(
            Diagnostic::warning(
                "rejected-not-listed",
                format!("only the first {LISTED_REJECTED} rejected cells of table `{}` are listed", plan.name()),
            )
            .help("check the declared types of its columns against the files"),
        );
    }
}

/// The latest row of each key up to `as_of`: all rows of the key's latest delivery. Rows whose key or delivery date cannot be read stay.
/// `None`: all rows.
fn latest(plan: &TablePlan, columns: &[Column], at: usize, as_of: Option<i32>, rows: usize) -> Option<Bits> {
    let Data::I32(taken) = &columns[at].data else { return None };
    let key: Vec<usize> = plan.key.iter().copied().filter(|k| *k != at).collect();
    let readable = |row: usize| columns[at].is_valid(row) && key.iter().all(|&k| columns[k].is_valid(row));
    let in_time = |row: usize| as_of.is_none_or(|day| taken[row] <= day);
    let mut keep = Bits::from_fn(rows, |row| !readable(row) || in_time(row));
    // Rows of one key stand together, latest last.
    let by: Vec<usize> = key.iter().copied().chain([at]).collect();
    let sorted = order(columns, &by, rows);
    let row = |i: usize| sorted.as_ref().map_or(i, |s| s[i] as usize);
    let same_key = |a: usize, b: usize| key.iter().all(|&k| same_value(&columns[k].data, a, b));
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

/// Rows in order: the sort columns, the key, everything else.
pub(super) fn arrange(plan: &TablePlan, columns: Vec<Column>, origin: Origin, rows: usize, kept: Option<Bits>) -> Table {
    let mut by = plan.sort.clone();
    for i in plan.key.iter().copied().chain(0..columns.len()) {
        if !by.contains(&i) {
            by.push(i);
        }
    }
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
        Some(order) => {
            let columns = columns.into_par_iter().map(|c| gather(&c, &order)).collect();
            let origin = Origin {
                files: origin.files,
                file: order.par_iter().with_min_len(4096).map(|&r| origin.file[r as usize]).collect(),
                line: order.par_iter().with_min_len(4096).map(|&r| origin.line[r as usize]).collect(),
            };
            Table { name, rows: order.len(), columns, sorted_by, origin }
        }
    }
}
