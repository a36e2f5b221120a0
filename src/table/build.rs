//! Cells of a block of records, packed column by column.

use super::intern::{Interner, Pool};
use super::plan::{PlannedColumn, TablePlan};
use crate::schema::{BadCell, Packed, Type, pack};

/// At most so many rejected cells of a table are listed; all are counted.
pub(super) const LISTED_REJECTED: usize = 1_000_000;
const DELIVERED_CHARS: usize = 200;

#[derive(Debug)]
pub(super) enum BlockData {
    I64(Vec<i64>),
    I32(Vec<i32>),
    Bool(Vec<bool>),
    /// Numbers of the interner with this id.
    Text(Vec<u32>, u32),
}

#[derive(Debug)]
pub(super) struct BlockColumn {
    pub data: BlockData,
    /// Rows of the block, ascending.
    pub missing: Vec<u32>,
    pub bad: Vec<u32>,
    pub part: Vec<u32>,
}

/// Where the rows of a block stand in their file.
#[derive(Debug)]
pub(super) enum Lines {
    Each(Vec<u32>),
    /// One after the other from here.
    From(u32),
}

#[derive(Debug)]
pub(super) struct RejectedCell {
    pub line: u32,
    /// Position among the planned columns; `None`: the record.
    pub column: Option<usize>,
    pub delivered: String,
    pub problem: String,
}

#[derive(Debug)]
pub(super) struct BlockRows {
    pub rows: usize,
    pub lines: Lines,
    pub columns: Vec<BlockColumn>,
    pub rejected: Vec<RejectedCell>,
    pub rejected_cells: u64,
    pub ragged: u64,
    /// Records without any content, left out.
    pub blank: u64,
}

impl BlockData {
    pub fn new(column: &PlannedColumn, interner: Option<&Interner>, capacity: usize) -> Self {
        match column.semantic.value_type() {
            Type::Text(_) => BlockData::Text(Vec::with_capacity(capacity), interner.map_or(0, |i| i.id)),
            Type::Date | Type::Month => BlockData::I32(Vec::with_capacity(capacity)),
            Type::Bool => BlockData::Bool(Vec::with_capacity(capacity)),
            _ => BlockData::I64(Vec::with_capacity(capacity)),
        }
    }
    pub fn len(&self) -> usize {
        match self {
            BlockData::I64(v) => v.len(),
            BlockData::I32(v) => v.len(),
            BlockData::Bool(v) => v.len(),
            BlockData::Text(v, _) => v.len(),
        }
    }
    pub fn push_nothing(&mut self) {
        match self {
            BlockData::I64(v) => v.push(0),
            BlockData::I32(v) => v.push(0),
            BlockData::Bool(v) => v.push(false),
            BlockData::Text(v, _) => v.push(0),
        }
    }
    fn pop(&mut self) {
        match self {
            BlockData::I64(v) => drop(v.pop()),
            BlockData::I32(v) => drop(v.pop()),
            BlockData::Bool(v) => drop(v.pop()),
            BlockData::Text(v, _) => drop(v.pop()),
        }
    }
}

/// Packs records into columns. Each row gives each column one cell, then [`BlockBuilder::end_row`].
pub(super) struct BlockBuilder<'a> {
    plan: &'a TablePlan<'a>,
    pool: &'a Pool,
    /// By column, for text columns.
    interners: Vec<Option<Interner>>,
    columns: Vec<BlockColumn>,
    lines: Vec<u32>,
    rejected: Vec<RejectedCell>,
    rejected_cells: u64,
    ragged: u64,
    blank: u64,
}

impl<'a> BlockBuilder<'a> {
    pub fn new(plan: &'a TablePlan<'a>, pool: &'a Pool, capacity: usize) -> Self {
        let interners: Vec<Option<Interner>> = plan.columns.iter().map(|c| c.domain.map(|d| pool.borrow(d))).collect();
        let columns = plan
            .columns
            .iter()
            .zip(&interners)
            .map(|(c, i)| BlockColumn { data: BlockData::new(c, i.as_ref(), capacity), missing: vec![], bad: vec![], part: vec![] })
            .collect();
        BlockBuilder {
            plan,
            pool,
            interners,
            columns,
            lines: Vec::with_capacity(capacity),
            rejected: vec![],
            rejected_cells: 0,
            ragged: 0,
            blank: 0,
        }
    }

    #[inline]
    pub fn cell(&mut self, slot: usize, cell: &str, line: u32) {
        let column = &mut self.columns[slot];
        match (pack(cell, &self.plan.columns[slot].semantic), &mut column.data) {
            (Ok(Packed::I64(value)), BlockData::I64(v)) => v.push(value),
            (Ok(Packed::I32(value, part)), BlockData::I32(v)) => {
                if part {
                    column.part.push(v.len() as u32);
                }
                v.push(value);
            }
            (Ok(Packed::Bool(value)), BlockData::Bool(v)) => v.push(value),
            (Ok(Packed::Text(text)), BlockData::Text(v, _)) => match &mut self.interners[slot] {
                Some(interner) => v.push(interner.number(&text)),
                None => self.missing(slot),
            },
            (Err(bad), _) => self.bad(slot, cell, bad, line),
            (Ok(_), _) => self.missing(slot),
        }
    }
    pub fn missing(&mut self, slot: usize) {
        let column = &mut self.columns[slot];
        column.missing.push(column.data.len() as u32);
        column.data.push_nothing();
    }
    pub fn bad(&mut self, slot: usize, delivered: &str, bad: BadCell, line: u32) {
        let column = &mut self.columns[slot];
        column.bad.push(column.data.len() as u32);
        column.data.push_nothing();
        self.rejected_cells += 1;
        self.list(RejectedCell { line, column: Some(slot), delivered: shorten(delivered), problem: bad.problem });
    }
    fn list(&mut self, cell: RejectedCell) {
        if self.rejected.len() < LISTED_REJECTED {
            self.rejected.push(cell);
        }
    }
    pub fn end_row(&mut self, line: u32) {
        self.lines.push(line);
    }
    /// The record as a whole does not fit the header: listed beside its cells.
    pub fn ragged(&mut self, delivered: &str, problem: String, line: u32) {
        self.ragged += 1;
        self.list(RejectedCell { line, column: None, delivered: shorten(delivered), problem });
    }
    /// Takes the cells of the row under way back: the record has no content.
    pub fn forget_row(&mut self) {
        self.blank += 1;
        let row = self.lines.len() as u32;
        for column in &mut self.columns {
            column.data.pop();
            column.missing.pop_if(|r| *r == row);
        }
    }
    /// Makes all cells of the row under way bad: which cell belongs to which column cannot be told.
    pub fn spoil_row(&mut self, line: u32) {
        let row = self.lines.len() as u32;
        for column in &mut self.columns {
            column.missing.pop_if(|r| *r == row);
            column.part.pop_if(|r| *r == row);
            if column.bad.last() != Some(&row) {
                column.bad.push(row);
                self.rejected_cells += 1;
            }
            column.data.pop();
            column.data.push_nothing();
        }
        // The record is listed; its cells would only repeat that.
        while self.rejected.pop_if(|r| r.line == line && r.column.is_some()).is_some() {}
    }
    pub fn finish(self) -> BlockRows {
        for (column, interner) in self.plan.columns.iter().zip(self.interners) {
            if let (Some(domain), Some(interner)) = (column.domain, interner) {
                self.pool.give_back(domain, interner);
            }
        }
        BlockRows {
            rows: self.lines.len(),
            lines: Lines::Each(self.lines),
            columns: self.columns,
            rejected: self.rejected,
            rejected_cells: self.rejected_cells,
            ragged: self.ragged,
            blank: self.blank,
        }
    }
}

pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(DELIVERED_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
