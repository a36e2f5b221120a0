//! An ad hoc question: one select statement over the project's tables and those of a run.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::exec::{Schedule, select};
use crate::plan::select::{Given, OutputColumn, compile};
use crate::plan::{Catalog, ExprId, Graph, RelId, UNREAD};
use crate::project::Project;
use crate::table::{self, LoadOptions, Loaded, Progress, Table};

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
    let options = LoadOptions {
        store: question.store,
        restricted_ok: question.restricted_ok,
        as_of: Some(question.as_of),
        progress: question.progress,
    };
    let loaded = table::load(project, &query.needs, &options)?;
    let empty = || Arc::new(Table { name: String::new(), rows: 0, columns: vec![], sorted_by: vec![], origin: table::Origin::default() });
    let mut tables = loaded.tables.clone();
    tables.extend((0..views).map(|_| empty()));
    tables.extend(more.into_iter().map(Arc::new));
    let answer = select::run(&query, &schedule, (&catalog, &graph), tables, &project.parameters, &project.regions)?;
    Ok(Reply { columns: query.columns, table: answer.table, lost: answer.lost, loaded })
}
