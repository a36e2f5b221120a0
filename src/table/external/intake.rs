//! Records on their way to sorted runs: as many as the memory allowed takes are held, put in order, and written.

use std::io;

use rayon::prelude::*;

use super::super::assemble::{Gathered, fits, order_of};
use super::super::build::BlockRows;
use super::super::intern::{Domain, Pool, Unified, unify};
use super::super::order::order;
use super::super::plan::TablePlan;
use super::super::receipt::Tally;
use super::super::{Bits, Column, Data, Dictionary, FileOrigin, Spill};
use super::keys::second_order;
use super::run::{Form, Marks, Run};
use super::texts::TextList;
use crate::diagnostic::Diagnostics;
use crate::schema::SemanticType;

/// Rows that were held at one time, sorted.
pub(super) struct Sorted {
    /// All columns of the plan, then the row's line, file, and number among all rows, as far as there are such.
    pub rows: Run,
    /// By the second order: its columns, then the same.
    pub keys: Option<Run>,
    /// By column of the plan.
    pub texts: Vec<Option<TextList>>,
}

/// How the rows of a table are laid out on disk.
pub(super) struct Layout {
    pub rows: Form,
    pub by: Vec<usize>,
    pub keys: Form,
    /// Columns of the plan that the second order sorts by; none: there is no second order.
    pub second: Vec<usize>,
    pub has_file: bool,
    pub has_number: bool,
}

impl Layout {
    pub fn new(plan: &TablePlan, files: usize, limit: u64) -> Self {
        let own = |i: usize| Column::empty(&plan.columns[i].name, &plan.columns[i].semantic, None);
        let more = |name: &str| Column { data: Data::Code(vec![], Default::default()), ..Column::empty(name, &SemanticType::Int, None) };
        let (has_file, has_number) = (files > 1, plan.snapshot.is_some());
        let origin = || {
            let file = has_file.then(|| more("file"));
            [Some(more("line")), file, has_number.then(|| more("number"))].into_iter().flatten()
        };
        let by = order_of(plan);
        let second = second_order(plan, &by);
        let columns: Vec<Column> = (0..plan.columns.len()).map(own).chain(origin()).collect();
        // A hundred runs with two pieces each take the half of the memory.
        let piece = (limit / 400 / Form::row_bytes(&columns) as u64).clamp(64, 1 << 16) as usize / 64 * 64;
        let keys = Form { columns: second.iter().map(|&i| own(i)).chain(origin()).collect(), piece };
        Layout { rows: Form { columns, piece }, by, keys, second, has_file, has_number }
    }
    /// Positions of line, file and number behind so many columns.
    pub fn origin(&self, columns: usize) -> (usize, Option<usize>, Option<usize>) {
        let file = self.has_file.then_some(columns + 1);
        (columns, file, self.has_number.then_some(columns + 1 + usize::from(self.has_file)))
    }
}

pub(super) struct Intake<'a> {
    plan: &'a TablePlan<'a>,
    pub pool: &'a Pool,
    pub spill: &'a Spill,
    pub layout: &'a Layout,
    /// Bytes that what is held may need until it is written.
    limit: usize,
    pub gathered: Gathered<'a>,
    pub sorted: Vec<Sorted>,
    /// Rows in `sorted`.
    pub rows: usize,
    /// By column of the plan, over all rows written.
    pub tallies: Vec<Tally>,
    pub marks: Vec<Marks>,
    /// Of whole numbers: the least and the most.
    pub spans: Vec<Option<(i64, i64)>>,
    /// What is read further is not kept: a file could not be read.
    pub in_vain: bool,
}

impl<'a> Intake<'a> {
    pub fn new(plan: &'a TablePlan<'a>, pool: &'a Pool, spill: &'a Spill, layout: &'a Layout, files: usize, limit: usize) -> Self {
        let columns = plan.columns.len();
        Intake {
            plan,
            pool,
            spill,
            layout,
            limit,
            gathered: Gathered::new(plan, files),
            sorted: vec![],
            rows: 0,
            tallies: (0..columns).map(|_| Tally::default()).collect(),
            marks: vec![Marks::default(); columns],
            spans: vec![None; columns],
            in_vain: false,
        }
    }

    /// Takes blocks of the next file.
    pub fn take(&mut self, path: &str, blocks: Vec<BlockRows>) -> Result<(), Diagnostics> {
        if self.in_vain {
            return Ok(());
        }
        blocks.into_iter().for_each(|block| self.gathered.block(path, block));
        fits(self.plan, self.rows + self.gathered.rows(), 0)
    }

    pub fn end(&mut self, origin: FileOrigin) {
        if !self.in_vain {
            self.gathered.end(origin);
        }
    }

    /// Writes what is held if it takes more than is allowed. No interner may be lent.
    pub fn settle(&mut self) -> io::Result<()> {
        if self.in_vain {
            (0..self.pool.domains()).for_each(|domain| drop(self.pool.take(domain)));
            return Ok(());
        }
        // Columns while they are joined; then the key that is sorted, with as much again to move it in, and the order.
        let row = Form::row_bytes(&self.layout.rows.columns) * 3 / 2 + 16 * 2 + 8;
        if self.gathered.rows() * row + self.pool.bytes() >= self.limit { self.write() } else { Ok(()) }
    }

    /// Writes what is held as a run.
    pub fn write(&mut self) -> io::Result<()> {
        let rows = self.gathered.rows();
        if rows == 0 {
            return Ok(());
        }
        let (columns, texts) = self.columns()?;
        let tallies: Vec<Tally> = columns.par_iter().map(|c| Tally::of(c, rows)).collect();
        self.tallies.iter_mut().zip(tallies).for_each(|(all, more)| all.add(more));
        for (i, column) in columns.iter().enumerate() {
            self.marks[i] = self.marks[i].or(Marks::of(column));
            self.spans[i] = wider(self.spans[i], span(column));
        }
        let mut all = columns;
        let code =
            |values: Vec<u32>| Column { data: Data::Code(values, Default::default()), ..Column::empty("", &SemanticType::Int, None) };
        all.push(code(std::mem::take(&mut self.gathered.line)));
        let file = std::mem::take(&mut self.gathered.file);
        if self.layout.has_file {
            all.push(code(file.into_iter().map(u32::from).collect()));
        }
        if self.layout.has_number {
            all.push(code((self.rows..self.rows + rows).map(|n| n as u32).collect()));
        }
        let sorted = order(&all, &self.layout.by, rows);
        let run = Run::write(self.spill, &self.layout.rows, &all, sorted.as_deref(), rows)?;
        drop(sorted);
        let mut keys = None;
        if !self.layout.second.is_empty() {
            let own = self.plan.columns.len();
            let origin = all.split_off(own);
            let narrow: Vec<Column> = self.layout.second.iter().map(|&i| all[i].clone()).chain(origin).collect();
            drop(all);
            let by: Vec<usize> = (0..self.layout.second.len()).collect();
            let sorted = order(&narrow, &by, rows);
            keys = Some(Run::write(self.spill, &self.layout.keys, &narrow, sorted.as_deref(), rows)?);
        }
        self.sorted.push(Sorted { rows: run, keys, texts });
        self.rows += rows;
        Ok(())
    }

    /// The columns that are held; texts as codes of a list of this column alone, which is written.
    fn columns(&mut self) -> io::Result<(Vec<Column>, Vec<Option<TextList>>)> {
        let count = self.plan.columns.len();
        let mut columns: Vec<Option<Column>> = (0..count).map(|_| None).collect();
        let mut texts = vec![None; count];
        for domain in 0..self.pool.domains() {
            let interners = self.pool.take(domain);
            let mut unified = unify(&interners);
            let codes = std::mem::take(&mut unified.codes);
            let codes = Domain { dictionary: Dictionary::default().into(), codes };
            for i in (0..count).filter(|i| self.plan.columns[*i].domain == Some(domain)) {
                let mut column = self.gathered.column(i, Some(&codes));
                texts[i] = Some(own_list(self.spill, &unified, &mut column)?);
                columns[i] = Some(column);
            }
        }
        let columns = columns.into_iter().enumerate().map(|(i, c)| c.unwrap_or_else(|| self.gathered.column(i, None)));
        Ok((columns.collect(), texts))
    }
}

/// Writes the texts that rows of the column hold, whose codes it then has.
fn own_list(spill: &Spill, all: &Unified, column: &mut Column) -> io::Result<TextList> {
    let Column { data: Data::Code(codes, _), valid, .. } = column else { return Ok(TextList::default()) };
    let mut used = Bits::new(all.len(), false);
    for (row, code) in codes.iter().enumerate() {
        if valid.as_ref().is_none_or(|v| v.get(row)) {
            used.set(*code as usize, true);
        }
    }
    let held: Vec<u32> = used.ones().map(|code| code as u32).collect();
    if held.len() < all.len() {
        let mut own = vec![0; all.len()];
        held.iter().enumerate().for_each(|(number, code)| own[*code as usize] = number as u32);
        let there = |row: usize| valid.as_ref().is_none_or(|v| v.get(row));
        let code = |(row, code): (usize, &mut u32)| *code = if there(row) { own[*code as usize] } else { 0 };
        codes.par_iter_mut().with_min_len(4096).enumerate().for_each(code);
    }
    TextList::write(spill, held.len(), |i, put| all.text(held[i] as usize, put))
}

/// The least and the most of a column of whole numbers, slots without a value among them.
pub(super) fn span(column: &Column) -> Option<(i64, i64)> {
    let Data::I64(values) = &column.data else { return None };
    Some((values.par_iter().copied().min()?, values.par_iter().copied().max()?))
}

pub(super) fn wider(a: Option<(i64, i64)>, b: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}
