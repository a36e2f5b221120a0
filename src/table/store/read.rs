//! Reading a stored table: the columns and rows that are asked for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::super::among::Among;
use super::super::assemble::{Assembled, order_of, picked};
use super::super::contents::Contents;
use super::super::intern::{Domain, Pool};
use super::super::order::order;
use super::super::packed::{Ranges, read_bits, read_i32, read_i64, read_texts, read_u16, read_u32};
use super::super::plan::{PlannedColumn, TablePlan};
use super::super::prune::{self, Condition};
use super::super::{Bits, Column, Data, FileOrigin, Origin, Receipt, Table, receipt};
use super::card::{Card, restore_message};
use super::pick::{self, Place, Test};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{SemanticType, Type};
use crate::source::{Columnar, InputFile, open_columnar, open_indexed};

/// A table read from its store; texts still have the numbers of the pool.
pub(in crate::table) struct StoredTable {
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

pub(super) fn stored_file(folder: &Path, name: &str) -> InputFile {
    InputFile { path: folder.join(name), name: name.to_owned() }
}

pub(super) fn read(
    plan: &TablePlan,
    pool: &Pool,
    card: Card,
    folder: &Path,
    at: Vec<usize>,
    only: &[Condition],
    among: &[Among],
    pages: Option<usize>,
) -> Result<StoredTable, Diagnostic> {
    let file = stored_file(folder, "rows.parquet");
    let some = !only.is_empty() || !among.is_empty() || pages.is_some();
    let rows = if some { open_indexed(&file)? } else { open_columnar(&file)? };
    let (ranges, tests) = match pages {
        Some(pages) => (prune::spread(&rows, pages), vec![]),
        None => ranges(plan, &card, folder, &at, &rows, only)?,
    };
    let picks = Place { plan, card: &card, folder, at: &at, rows: &rows, ranges: &ranges }.picks(&tests, among)?;
    let picks = picks.as_deref();
    let columns: Vec<Result<(Column, Option<u32>), Diagnostic>> = plan
        .columns
        .par_iter()
        .zip(&at)
        .map(|(planned, &at)| column(planned, pool, folder, &rows, &ranges, picks, &card, at, some))
        .collect();
    let mut line = read_u32(&rows, "line", &ranges)?;
    let mut file = if card.files.len() > 1 { read_u16(&rows, "file", &ranges)? } else { vec![0; ranges.rows()] };
    if let Some(picks) = picks {
        line = picks.iter().map(|&row| line[row as usize]).collect();
        file = picks.iter().map(|&row| file[row as usize]).collect();
    }
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
    let taken = picks.map_or(ranges.rows(), <[u32]>::len);
    let rows = if whole == card.rows { taken } else { usize::MAX };
    Ok(StoredTable { at, origin, columns, rows, card, folder: folder.to_owned() })
}

/// Pages that may hold rows which meet the conditions, and what tells those rows.
fn ranges(
    plan: &TablePlan,
    card: &Card,
    folder: &Path,
    at: &[usize],
    rows: &Columnar,
    only: &[Condition],
) -> Result<(Ranges, Vec<Test>), Diagnostic> {
    let (mut spans, mut tests) = (vec![], vec![]);
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
        let span = (from.saturating_sub(base), to.saturating_sub(base));
        spans.push((column, span));
        tests.push(Test { at: at[i], compare: condition.compare, span });
    }
    let mut ranges = if spans.is_empty() { Ranges::all(rows) } else { prune::pages(rows, &spans) };
    for (column, span) in spans {
        ranges = prune::holding(rows, &ranges, column, span)?;
    }
    Ok((ranges, tests))
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

fn column(
    planned: &PlannedColumn,
    pool: &Pool,
    folder: &Path,
    rows: &Columnar,
    ranges: &Ranges,
    picks: Option<&[u32]>,
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
    column.data = match planned.semantic.value_type() {
        Type::Text(_) => Data::Code(read_u32(rows, &name, ranges)?, Arc::default()),
        Type::Date | Type::Month => Data::I32(read_i32(rows, &name, ranges)?),
        Type::Bool => Data::Bool(read_bits(rows, &name, ranges)?),
        _ => Data::I64(read_i64(rows, &name, ranges, stored.base)?),
    };
    if let Some(picks) = picks {
        pick::picked(&mut column, picks);
    }
    let mut interner_id = None;
    let Column { data, valid, .. } = &mut column;
    if let Data::Code(codes, _) = data {
        let file = stored_file(folder, &format!("texts-{at}.parquet"));
        // Of few rows only the texts they hold.
        let held = some.then(|| {
            let there = |r: &usize| valid.as_ref().is_none_or(|v| v.get(*r));
            let mut held: Vec<u32> = (0..codes.len()).filter(there).map(|r| codes[r]).collect();
            held.sort_unstable();
            held.dedup();
            for code in codes.iter_mut() {
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
    }
    Ok((column, interner_id))
}

impl StoredTable {
    pub(super) fn fits(&self) -> bool {
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
