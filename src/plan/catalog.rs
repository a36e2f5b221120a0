//! What can be named in an expression: tables, views, links, parameters. Built once from the project file.

use super::{ExprId, LinkId, ParameterId, RelId};
use crate::diagnostic::Span;
use crate::schema::{SemanticType, Type};

/// A declared column. Computed columns (`is:`) and the columns of views carry the expression they stand for.
#[derive(Debug, Clone)]
pub struct ColumnDef {
    pub name: String,
    pub ty: Type,
    /// `None` for computed columns.
    pub semantic: Option<SemanticType>,
    /// In the frame of the table or view itself (slot 0). Every column of a view has one: it reaches the row it was taken from by `Hop::Base`;
    /// the period of a view with `each` is its own column 0.
    pub is: Option<ExprId>,
    pub restricted: bool,
}

/// Time and place in which absence from a table means something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Days since 1970-01-01, closed.
    pub from: Option<i32>,
    pub to: Option<i32>,
    /// 12-digit codes; empty: everywhere.
    pub regions: Vec<i64>,
}

#[derive(Debug, Clone)]
pub struct TableDef {
    pub name: String,
    /// `Rel::Table(i)` for a table, `Rel::Rows`/`Rel::Groups` for a view.
    pub rel: RelId,
    pub columns: Vec<ColumnDef>,
    /// Positions of the record key; empty when none is declared (then records are named by file and line).
    pub key: Vec<usize>,
    /// Which place and date govern a record; frame of the table or view (slot 0).
    pub region: Option<ExprId>,
    pub date: Option<ExprId>,
    pub covers: Option<Coverage>,
    /// Of several deliveries the latest record of each key alone is kept.
    pub snapshot: bool,
    /// Views: the table or view the rows are taken from.
    pub view_of: Option<usize>,
    pub span: Option<Span>,
}

impl TableDef {
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == column)
    }
}

/// Which of several rows a link takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// Frame of the target table (slot 0).
    pub by: ExprId,
    /// Smallest (`earliest`, `lowest`) or largest (`latest`, `highest`). Ties: the first row in table order.
    pub largest: bool,
}

/// A named many-to-one step from one table to another.
#[derive(Debug, Clone)]
pub struct LinkDef {
    pub name: String,
    /// Positions in `Catalog::tables`.
    pub source: usize,
    pub target: usize,
    /// Pairs (frame of source, frame of target), each slot 0.
    pub keys: Vec<(ExprId, ExprId)>,
    /// Date (frame of source) at which the target row must be valid: `valid_from <= at <= valid_to` (frame of target, missing: open).
    pub at: Option<ExprId>,
    pub valid: Option<(Option<ExprId>, Option<ExprId>)>,
    pub pick: Option<Pick>,
    /// Name under which the target's rows see the source rows.
    pub back: Option<String>,
    pub span: Option<Span>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterKind {
    /// A value by region and date.
    Value,
    /// A value by further keys (their types), region and date.
    Table(Vec<Type>),
    /// A set of tuples (types).
    List(Vec<Type>),
}

/// A policy parameter. Its values are held by the project (`project::parameters`), by the same name.
#[derive(Debug, Clone)]
pub struct ParameterDef {
    pub name: String,
    pub ty: Type,
    pub kind: ParameterKind,
    /// Whether any value is bound to a place or to a time.
    pub varies_by_region: bool,
    pub varies_by_date: bool,
}

/// Everything an expression can name.
#[derive(Debug, Default)]
pub struct Catalog {
    /// Tables first, then views.
    pub tables: Vec<TableDef>,
    pub links: Vec<LinkDef>,
    pub parameters: Vec<ParameterDef>,
    /// Days since 1970-01-01.
    pub as_of: i32,
}

impl Catalog {
    pub fn table(&self, name: &str) -> Option<(usize, &TableDef)> {
        self.tables.iter().enumerate().find(|(_, t)| t.name == name)
    }
    pub fn table_of(&self, rel: RelId) -> Option<(usize, &TableDef)> {
        self.tables.iter().enumerate().find(|(_, t)| t.rel == rel)
    }
    pub fn parameter(&self, name: &str) -> Option<(ParameterId, &ParameterDef)> {
        let i = self.parameters.iter().position(|p| p.name == name)?;
        Some((ParameterId(u32::try_from(i).ok()?), &self.parameters[i]))
    }
    /// The link `name` that starts at table `source`.
    pub fn link(&self, source: usize, name: &str) -> Option<(LinkId, &LinkDef)> {
        let i = self.links.iter().position(|l| l.source == source && l.name == name)?;
        Some((LinkId(u32::try_from(i).ok()?), &self.links[i]))
    }
    /// The link that ends at table `target` and is seen from there as `name`.
    pub fn back_link(&self, target: usize, name: &str) -> Option<(LinkId, &LinkDef)> {
        let i = self.links.iter().position(|l| l.target == target && l.back.as_deref() == Some(name))?;
        Some((LinkId(u32::try_from(i).ok()?), &self.links[i]))
    }
}
