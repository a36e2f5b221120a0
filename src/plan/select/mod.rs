//! A select statement over tables -> a logical plan: joins, groups, windows, order. Text is read by `sqlparser`; scalar expressions are
//! those of the rule language, typed by the same checker, over the rows of the tables in `from`.
//!
//! Slots of a frame: the tables of `from` in order, then [`GROUP`], [`WINDOW`], and single-row subqueries from [`CONSTANT`] on.

mod aggregate;
mod block;
mod convert;
mod from;
mod output;
mod personal;
mod pushed;
mod statement;
mod text;
mod window;

#[cfg(test)]
mod tests;

use super::{AggregateFunction, Catalog, ExprId, Graph, RelId};
use crate::diagnostic::Diagnostics;
use crate::schema::{Type, Value};
use crate::table::Needs;

pub use pushed::ColumnTest;

/// Slot of the groups of a grouped select: keys, then aggregates.
pub const GROUP: u8 = 16;
/// Slot of the results of window functions, one row per row of the frame.
pub const WINDOW: u8 = 17;
/// First slot of subqueries that give one row.
pub const CONSTANT: u8 = 18;
/// Number of slots.
pub const SLOTS: u8 = 24;

/// A typed statement: each step fills one derived table of the catalog, the last one is the answer.
#[derive(Debug)]
pub struct Query {
    pub steps: Vec<Step>,
    pub columns: Vec<OutputColumn>,
    /// Everything that is evaluated, each with the relations of its frame.
    pub roots: Vec<(Vec<RelId>, ExprId)>,
    /// What must be loaded.
    pub needs: Needs,
    /// Simple tests of columns that every row of a table must pass to matter: a loader may leave out the others.
    pub tests: Vec<ColumnTest>,
    /// Tables and views that are read, in order of first use.
    pub tables: Vec<usize>,
}

/// A column of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    pub name: String,
    pub ty: Type,
    /// Made from personal data though its type does not say so: masked like an account.
    pub personal: bool,
}

/// Fills table `table` of the catalog.
#[derive(Debug)]
pub struct Step {
    pub table: usize,
    pub kind: StepKind,
}

#[derive(Debug)]
pub enum StepKind {
    Select(Box<Select>),
    /// Rows of the tables (positions in the catalog) one after the other, columns alike in type.
    Union {
        parts: Vec<usize>,
        distinct: bool,
        order: Vec<Order>,
        limit: Limit,
    },
}

/// Rows that are joined, filtered, grouped, ranked, and given out. Order without `order`: that of the first table, then of the second ...;
/// groups by their first row.
#[derive(Debug)]
pub struct Select {
    pub first: Source,
    pub joins: Vec<Join>,
    /// Slot and table (position in the catalog) of subqueries that give one row.
    pub constants: Vec<(u8, usize)>,
    /// After the joins: all must be true.
    pub filter: Vec<ExprId>,
    pub group: Option<Group>,
    pub having: Vec<ExprId>,
    pub windows: Vec<Window>,
    /// Derived table the windows' results are kept in.
    pub window_table: usize,
    pub qualify: Vec<ExprId>,
    pub columns: Vec<ExprId>,
    pub distinct: bool,
    pub order: Vec<Order>,
    pub limit: Limit,
}

/// A table of `from` with the conditions on it alone.
#[derive(Debug, Clone)]
pub struct Source {
    pub slot: u8,
    pub rel: RelId,
    pub filters: Vec<ExprId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    /// Rows that have a partner, once each.
    Semi,
    /// Rows that have none.
    Anti,
}

/// Joins the rows so far with those of `right` where all keys are equal (a missing key has no partner) and the residual is true.
#[derive(Debug)]
pub struct Join {
    pub kind: JoinKind,
    pub right: Source,
    /// Rows so far, rows of `right`.
    pub keys: Vec<(ExprId, ExprId)>,
    pub residual: Vec<ExprId>,
}

#[derive(Debug)]
pub struct Group {
    /// Derived table: one column per key, then one per aggregate.
    pub table: usize,
    pub keys: Vec<ExprId>,
    pub aggregates: Vec<Aggregate>,
}

/// `count` without `arg` counts rows. Missing values are passed over; of no value count is 0, the others are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregate {
    pub function: AggregateFunction,
    pub distinct: bool,
    pub arg: Option<ExprId>,
    pub filter: Option<ExprId>,
    pub ty: Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub by: ExprId,
    pub descending: bool,
    pub nulls_first: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    pub skip: u64,
    pub take: Option<u64>,
}

/// A value for each row from the rows of its partition, in order; rows equal in order stand as in the frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub partition: Vec<ExprId>,
    pub order: Vec<Order>,
    pub function: WindowFunction,
    pub ty: Type,
}

#[derive(Debug, Clone, PartialEq)]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    /// The value `by` rows before (negative: after) in the partition, else `default`.
    Shift {
        arg: ExprId,
        by: i64,
        default: Option<Value>,
    },
    /// First or last value of the frame.
    Edge {
        arg: ExprId,
        last: bool,
        frame: Frame,
    },
    Over {
        aggregate: Aggregate,
        frame: Frame,
    },
}

/// Rows around the current one, closed. `None`: to the partition's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Rows from the current one: -1 is the row before.
    pub from: Option<i64>,
    pub to: Option<i64>,
    /// `range`: bounds at the current row take in all rows equal to it in order.
    pub peers: bool,
}

/// A table that belongs to no file: its name (`recount.findings`) and columns.
#[derive(Debug, Clone)]
pub struct Given {
    pub name: String,
    pub columns: Vec<(String, Type)>,
}

/// Reads and types `sql`. Adds derived tables to `catalog`, whose tables before them are the project's and then `given`.
/// `region`: the first table of each `from` is cut to records in or under it.
///
/// # Errors
/// What the statement cannot mean or is not part of the dialect, all at once, each with its place and the nearest form.
pub fn compile(sql: &str, catalog: &mut Catalog, graph: &mut Graph, given: &[Given], region: Option<i64>) -> Result<Query, Diagnostics> {
    let text = text::SqlText::new(sql);
    let statement = text.parse()?;
    block::Compiler::new(&text, catalog, graph, given, region).query(&statement)
}
