//! An ad hoc question: one select statement over the project's tables and those of a run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::exec::{Schedule, select};
use crate::plan::select::{ColumnTest, Given, OutputColumn, compile};
use crate::plan::{BinaryOp, Catalog, Expr, ExprId, Graph, Node, RelId, UNREAD, Walker};
use crate::project::Project;
use crate::schema::Value;
use crate::table::{self, Compare, Condition, LoadOptions, Loaded, Progress, Table};

/// What a question is asked with.
pub struct Question<'a> {
    pub sql: &'a str,
    /// Days since 1970-01-01.
    pub as_of: i32,
    /// The first table of each `from` is cut to records in or under it.
    pub region: Option<i64>,
    /// Folder of the Parquet store.
    pub store: Option<PathBuf>,
    pub restricted_ok: bool,
    /// Tables besides the project's, such as `recount.findings`.
    pub given: Vec<(Given, Table)>,
    /// `row_number()` without `over` counts the rows that were loaded rather than those of the table.
    pub numbers_loaded: bool,
    pub progress: &'a dyn Progress,
}

/// Rows that answer a question.
#[derive(Debug)]
pub struct Reply {
    pub columns: Vec<OutputColumn>,
    /// Its columns stand in the order of `columns`.
    pub table: Arc<Table>,
    /// Values that division by zero or a number too large left without a result.
    pub lost: u64,
    pub loaded: Loaded,
}

/// Answers a question.
///
/// # Errors
/// A statement that means nothing or is not supported; files that are absent or unreadable; a join that gives too many rows.
pub fn ask(project: &Project, question: Question<'_>) -> Result<Reply, Diagnostics> {
    let mut graph = Graph::default();
    let mut catalog = Catalog::build(project, question.as_of, &mut graph)?;
    let views = catalog.tables.len() - project.tables.len();
    let (given, more): (Vec<Given>, Vec<Table>) = question.given.into_iter().unzip();
    let query = compile(question.sql, &mut catalog, &mut graph, &given, question.region)?;
    let exprs: Vec<ExprId> = query.roots.iter().map(|(_, id)| *id).collect();
    let mut rels: Vec<RelId> = query.roots.iter().flat_map(|(frame, _)| frame).copied().filter(|r| *r != UNREAD).collect();
    rels.sort_unstable();
    rels.dedup();
    let schedule = Schedule::new(&mut graph, &catalog, &rels, &exprs, &[]);
    // Rows are numbered as they are loaded: a question that shows numbers of its own is asked over all of them.
    let mut walker = Walker::new(&catalog, &graph);
    let mut numbered = false;
    for (frame, root) in &query.roots {
        walker.expr(frame, *root, &mut |node| {
            numbered |= matches!(node, Node::Expr(_, id) if matches!(graph.get(id), Expr::RowNumber { .. }));
        });
    }
    let prune = question.numbers_loaded || !numbered;
    let options = LoadOptions {
        store: question.store,
        restricted_ok: question.restricted_ok,
        as_of: Some(question.as_of),
        progress: question.progress,
        only: if prune { conditions(&query.tests) } else { BTreeMap::new() },
        ..LoadOptions::default()
    };
    let loaded = table::load(project, &query.needs, &options)?;
    let empty = || Arc::new(Table::empty());
    let mut tables = loaded.tables.clone();
    tables.extend((0..views).map(|_| empty()));
    tables.extend(more.into_iter().map(Arc::new));
    let answer = select::run(&query, &schedule, (&catalog, &graph), tables, &project.parameters, &project.regions)?;
    Ok(Reply { columns: query.columns, table: answer.table, lost: answer.lost, loaded })
}

/// What the loader may leave out: rows that fail a test do not reach the answer. Of several values it keeps all between the least and the largest.
fn conditions(tests: &[ColumnTest]) -> BTreeMap<String, Vec<Condition>> {
    let mut out: BTreeMap<String, Vec<Condition>> = BTreeMap::new();
    for test in tests {
        let (Some(least), Some(largest)) = (test.values.iter().min(), test.values.iter().max()) else { continue };
        let mut add = |compare, value: &Value| {
            out.entry(test.table.clone()).or_default().push(Condition { column: test.column.clone(), compare, value: value.clone() });
        };
        match test.op {
            BinaryOp::Equal if least == largest => add(Compare::Equal, least),
            BinaryOp::Equal => {
                add(Compare::AtLeast, least);
                add(Compare::AtMost, largest);
            }
            BinaryOp::Less => add(Compare::Less, largest),
            BinaryOp::LessEqual => add(Compare::AtMost, largest),
            BinaryOp::Greater => add(Compare::Greater, least),
            BinaryOp::GreaterEqual => add(Compare::AtLeast, least),
            _ => {}
        }
    }
    out
}
