//! Cells of a block of records, packed column by column.

use super::intern::{Interner, Pool};
use super::plan::{PlannedColumn, TablePlan};
use crate::schema::{BadCell, Packed, SemanticType, Type, pack};

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

/// What is kept of a cell that was read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kept {
    Missing,
    I64(i64),
    /// And whether it is known to the month alone.
    I32(i32, bool),
    Bool(bool),
    /// Number of the column's interner.
    Text(u32),
}

/// Packs the cells of one column.
pub(super) struct ColumnBuilder<'a> {
    planned: &'a PlannedColumn,
    slot: usize,
    interner: Option<Interner>,
    column: BlockColumn,
    rejected: Vec<RejectedCell>,
}

impl<'a> ColumnBuilder<'a> {
    pub fn new(plan: &'a TablePlan, slot: usize, pool: &Pool, capacity: usize) -> Self {
        let planned = &plan.columns[slot];
        let interner = planned.domain.map(|d| pool.borrow(d));
        let column = BlockColumn { data: BlockData::new(planned, interner.as_ref(), capacity), missing: vec![], bad: vec![], part: vec![] };
        ColumnBuilder { planned, slot, interner, column, rejected: vec![] }
    }
    pub fn semantic(&self) -> &'a SemanticType {
        &self.planned.semantic
    }
    #[inline]
    pub fn cell(&mut self, cell: &str, line: u32) {
        self.keep(cell, line);
    }
    /// Reads a cell; gives what was kept of it, unless it is bad.
    #[inline]
    pub fn keep(&mut self, cell: &str, line: u32) -> Option<Kept> {
        let kept = match (pack(cell, &self.planned.semantic), &mut self.interner) {
            (Ok(Packed::I64(value)), _) => Kept::I64(value),
            (Ok(Packed::I32(value, part)), _) => Kept::I32(value, part),
            (Ok(Packed::Bool(value)), _) => Kept::Bool(value),
            (Ok(Packed::Text(text)), Some(interner)) => Kept::Text(interner.number(&text)),
            (Ok(_), _) => Kept::Missing,
            (Err(bad), _) => {
                self.bad(cell, bad, line);
                return None;
            }
        };
        self.again(kept);
        Some(kept)
    }
    /// A cell with the same text as one before.
    #[inline]
    pub fn again(&mut self, kept: Kept) {
        match (kept, &mut self.column.data) {
            (Kept::Text(number), BlockData::Text(v, _)) => v.push(number),
            (Kept::I64(value), BlockData::I64(v)) => v.push(value),
            (Kept::I32(value, part), BlockData::I32(v)) => {
                if part {
                    self.column.part.push(v.len() as u32);
                }
                v.push(value);
            }
            (Kept::Bool(value), BlockData::Bool(v)) => v.push(value),
            _ => self.missing(),
        }
    }
    /// A value that needs no reading. The type of the column decides which of the three it takes.
    pub fn packed_i64(&mut self, value: i64) {
        match &mut self.column.data {
            BlockData::I64(v) => v.push(value),
            _ => self.missing(),
        }
    }
    pub fn packed_i32(&mut self, value: i32) {
        match &mut self.column.data {
            BlockData::I32(v) => v.push(value),
            _ => self.missing(),
        }
    }
    pub fn packed_bool(&mut self, value: bool) {
        match &mut self.column.data {
            BlockData::Bool(v) => v.push(value),
            _ => self.missing(),
        }
    }
    pub fn missing(&mut self) {
        self.column.missing.push(self.column.data.len() as u32);
        self.column.data.push_nothing();
    }
    pub fn bad(&mut self, delivered: &str, bad: BadCell, line: u32) {
        self.column.bad.push(self.column.data.len() as u32);
        self.column.data.push_nothing();
        if self.rejected.len() < LISTED_REJECTED {
            self.rejected.push(RejectedCell { line, column: Some(self.slot), delivered: shorten(delivered), problem: bad.problem });
        }
    }
    fn forget(&mut self, row: u32) {
        self.column.data.pop();
        self.column.missing.pop_if(|r| *r == row);
    }
    fn spoil(&mut self, row: u32, line: u32) {
        self.column.missing.pop_if(|r| *r == row);
        self.column.part.pop_if(|r| *r == row);
        if self.column.bad.last() != Some(&row) {
            self.column.bad.push(row);
        }
        self.column.data.pop();
        self.column.data.push_nothing();
        // The record is listed; its cells would only repeat that.
        self.rejected.pop_if(|r| r.line == line);
    }
    /// The column and its rejected cells.
    pub fn finish(self, pool: &Pool) -> (BlockColumn, Vec<RejectedCell>) {
        if let (Some(domain), Some(interner)) = (self.planned.domain, self.interner) {
            pool.give_back(domain, interner);
        }
        (self.column, self.rejected)
    }
}

/// Packs records into columns. Each row gives each column one cell, then [`BlockBuilder::end_row`].
pub(super) struct BlockBuilder<'a> {
    pool: &'a Pool,
    columns: Vec<ColumnBuilder<'a>>,
    lines: Vec<u32>,
    records: Vec<RejectedCell>,
    ragged: u64,
    blank: u64,
}

impl<'a> BlockBuilder<'a> {
    pub fn new(plan: &'a TablePlan<'a>, pool: &'a Pool, capacity: usize) -> Self {
        let columns = (0..plan.columns.len()).map(|slot| ColumnBuilder::new(plan, slot, pool, capacity)).collect();
        BlockBuilder { pool, columns, lines: Vec::with_capacity(capacity), records: vec![], ragged: 0, blank: 0 }
    }
    #[inline]
    pub fn cell(&mut self, slot: usize, cell: &str, line: u32) {
        self.columns[slot].cell(cell, line);
    }
    pub fn missing(&mut self, slot: usize) {
        self.columns[slot].missing();
    }
    pub fn bad(&mut self, slot: usize, delivered: &str, bad: BadCell, line: u32) {
        self.columns[slot].bad(delivered, bad, line);
    }
    pub fn end_row(&mut self, line: u32) {
        self.lines.push(line);
    }
    /// The record as a whole does not fit the header: listed beside its cells.
    pub fn ragged(&mut self, delivered: &str, problem: String, line: u32) {
        self.ragged += 1;
        if self.records.len() < LISTED_REJECTED {
            self.records.push(RejectedCell { line, column: None, delivered: shorten(delivered), problem });
        }
    }
    /// Takes the cells of the row under way back: the record has no content.
    pub fn forget_row(&mut self) {
        self.blank += 1;
        let row = self.lines.len() as u32;
        for column in &mut self.columns {
            column.forget(row);
        }
    }
    /// Makes all cells of the row under way bad: which cell belongs to which column cannot be told.
    pub fn spoil_row(&mut self, line: u32) {
        let row = self.lines.len() as u32;
        for column in &mut self.columns {
            column.spoil(row, line);
        }
    }
    pub fn finish(self) -> BlockRows {
        let columns = self.columns.into_iter().map(|c| c.finish(self.pool)).collect();
        BlockRows {
            ragged: self.ragged,
            blank: self.blank,
            ..BlockRows::new(self.lines.len(), Lines::Each(self.lines), columns, self.records)
        }
    }
}

impl BlockRows {
    /// Columns with their rejected cells, and rejected records.
    pub fn new(rows: usize, lines: Lines, parts: Vec<(BlockColumn, Vec<RejectedCell>)>, records: Vec<RejectedCell>) -> Self {
        let mut block = BlockRows { rows, lines, columns: Vec::with_capacity(parts.len()), rejected: records, ragged: 0, blank: 0 };
        for (column, rejected) in parts {
            block.columns.push(column);
            block.rejected.extend(rejected);
        }
        block.rejected.sort_by_key(|r| (r.line, r.column.unwrap_or(usize::MAX)));
        block
    }
}

pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(DELIVERED_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
