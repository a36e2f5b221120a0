//! Statements and their selects: clauses in the order in which they mean something.

use std::collections::HashSet;

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;

use super::aggregate::Grouping;
use super::convert::Level;
use super::text::{FORM, SqlText};
use super::{CONSTANT, GROUP, Given, Join, Limit, OutputColumn, Query, SLOTS, Select, Step, StepKind, WINDOW, Window};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::checker::{Outcome, check};
use crate::plan::syntax::Ast;
use crate::plan::{Catalog, ColumnDef, Expr, ExprId, Graph, Rel, RelId, RowRef, Scope, TableDef, UNREAD, Want};
use crate::schema::Type;

/// Tables that one select may read.
const MAX_SOURCES: usize = GROUP as usize;

pub(super) struct Compiler<'a> {
    pub text: &'a SqlText,
    pub catalog: &'a mut Catalog,
    pub graph: &'a mut Graph,
    pub region: Option<i64>,
    /// Tables of the project and given ones; what follows is derived.
    pub base: usize,
    pub named: Vec<(String, usize)>,
    pub steps: Vec<Step>,
    pub errors: Diagnostics,
    pub roots: Vec<(Vec<RelId>, ExprId)>,
    /// Columns of derived tables that hold personal data under a type that does not say so.
    pub personal: HashSet<(usize, usize)>,
    pub tables: Vec<usize>,
    /// Each use of a table in a `from`, with the conditions on it alone.
    pub uses: Vec<(usize, Vec<ExprId>)>,
}

/// A select being compiled.
pub(super) struct Block {
    /// Tables at hand, and names that stand for groups' keys, aggregates, windows and single-row subqueries.
    pub scope: Scope,
    pub frame: Vec<RelId>,
    /// Alias, catalog table and slot of what is visible.
    pub visible: Vec<(String, usize, u8)>,
    pub slots: u8,
    pub joins: Vec<Join>,
    /// Columns of `using`: equal on both sides, so no ambiguity.
    pub using: Vec<String>,
    /// Where each slot's table is written.
    pub places: Vec<(u8, sqlparser::tokenizer::Span)>,
    pub constants: Vec<(u8, usize)>,
    pub group: Option<Grouping>,
    pub windows: Vec<Window>,
    /// Names of the select's columns, usable where `aliases` is set.
    pub items: Vec<(String, sql::Expr)>,
    pub aliases: bool,
}

impl<'a> Compiler<'a> {
    pub fn new(text: &'a SqlText, catalog: &'a mut Catalog, graph: &'a mut Graph, given: &[Given], region: Option<i64>) -> Self {
        let mut compiler = Compiler {
            text,
            catalog,
            graph,
            region,
            base: 0,
            named: vec![],
            steps: vec![],
            errors: Diagnostics::default(),
            roots: vec![],
            personal: HashSet::new(),
            tables: vec![],
            uses: vec![],
        };
        for table in given {
            let columns = table.columns.iter().map(|(name, ty)| column(name, *ty)).collect();
            compiler.derived(&table.name, columns);
        }
        compiler.base = compiler.catalog.tables.len();
        compiler
    }

    pub fn query(mut self, statement: &sql::Query) -> Result<Query, Diagnostics> {
        let table = self.statement(statement);
        let Some(table) = table.filter(|_| !self.errors.has_errors()) else {
            if !self.errors.has_errors() {
                self.unsupported::<()>(statement.span(), "this", FORM);
            }
            self.errors.sort();
            return Err(self.errors);
        };
        let personal = self.personal;
        let columns = self.catalog.tables[table].columns.iter().enumerate();
        let columns =
            columns.map(|(c, def)| OutputColumn { name: def.name.clone(), ty: def.ty, personal: personal.contains(&(table, c)) }).collect();
        let needs = super::pushed::needs(self.catalog, self.graph, &self.roots, self.base);
        let tests = super::pushed::tests(self.catalog, self.graph, &self.uses, &self.roots);
        Ok(Query { steps: self.steps, columns, roots: self.roots, needs, tests, tables: self.tables })
    }

    /// A table of the catalog that a step will fill.
    pub fn derived(&mut self, name: &str, columns: Vec<ColumnDef>) -> usize {
        let position = self.catalog.tables.len();
        let rel = self.graph.rel(Rel::Table(position));
        let name = if name.is_empty() { format!("(rows {position})") } else { name.to_owned() };
        let def = TableDef {
            name,
            rel,
            columns,
            key: vec![],
            region: None,
            date: None,
            covers: None,
            snapshot: false,
            view_of: None,
            span: None,
        };
        self.catalog.tables.push(def);
        position
    }
    pub fn read(&mut self, frame: &[RelId], id: ExprId) -> ExprId {
        self.roots.push((frame.to_vec(), id));
        id
    }

    pub fn fail<T>(
        &mut self,
        code: &'static str,
        span: sqlparser::tokenizer::Span,
        message: impl Into<String>,
        label: &str,
        help: &str,
    ) -> Option<T> {
        let range = self.text.range(span);
        let diagnostic = Diagnostic::error(code, message).at(self.text.place(range), label);
        self.errors.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
        None
    }
    pub fn unsupported<T>(&mut self, span: sqlparser::tokenizer::Span, what: &str, help: &str) -> Option<T> {
        self.fail("sql-unsupported", span, format!("{what} is not part of this SQL"), "not supported", help)
    }
    /// Types an expression over the rows at hand.
    pub fn typed(&mut self, ast: &Ast, scope: &Scope, want: Want) -> Option<ExprId> {
        let id = match check(&self.text.whole, ast, scope, self.catalog, None, self.graph, want) {
            Outcome::Done(id) => id,
            Outcome::Failed(errors) => {
                self.errors.extend(errors);
                return None;
            }
            Outcome::Later => return None,
        };
        if let Some(inside) = super::from::aggregate_over_constant(self.graph, id) {
            let error = Diagnostic::error("sql-unsupported", format!("`{inside}` over linked rows cannot read a subquery or group"));
            self.errors.push(error.at(self.text.place(ast.range.clone()), "not supported").help("put one of the two into a `with` select"));
            return None;
        }
        Some(id)
    }

    pub fn select(&mut self, select: &sql::Select, order_by: Option<&sql::OrderBy>, limit: Limit) -> Option<usize> {
        self.refused(select)?;
        let (first, mut block) = self.from(select)?;
        let (first, filter) = self.filter(&mut block, first, select.selection.as_ref())?;
        let items = self.items(&block, &select.projection)?;
        block.items = items.clone();
        // From here on names of the tables at hand are complete: what is named is a column, or not there.
        self.grouping(&mut block, select, &items, order_by)?;
        let mut ids = vec![];
        for (_, expr) in &items {
            ids.push(self.output(&mut block, expr, Want::Any));
        }
        let ids = ids.into_iter().collect::<Option<Vec<ExprId>>>()?;
        block.aliases = true;
        let having = self.conditions(&mut block, select.having.as_ref(), Level::Output)?;
        let qualify = self.conditions(&mut block, select.qualify.as_ref(), Level::Output)?;
        let names: Vec<String> = items.iter().map(|(name, _)| name.clone()).collect();
        let mut order = vec![];
        for by in orders(order_by) {
            let by_id = self.ordered(&mut block, by, &names, &ids)?;
            if select.distinct.is_some() && !ids.contains(&by_id.by) {
                return self.fail(
                    "sql-order",
                    by.expr.span(),
                    "with `distinct` the order is by columns of the select",
                    "not selected",
                    "select it too",
                );
            }
            order.push(by_id);
        }
        let distinct = match &select.distinct {
            None | Some(sql::Distinct::All) => false,
            Some(sql::Distinct::Distinct) => true,
            Some(sql::Distinct::On(_)) => {
                return self.unsupported(
                    select.span(),
                    "`distinct on`",
                    "number the rows: `row_number() over (partition by .. order by ..) as n`, and keep n = 1 in an outer select",
                );
            }
        };
        if self.errors.has_errors() {
            return None;
        }
        let select = Select {
            first,
            joins: vec![],
            constants: vec![],
            filter,
            group: None,
            having,
            windows: vec![],
            window_table: 0,
            qualify,
            columns: ids,
            distinct,
            order,
            limit,
        };
        self.finish(block, select, &names)
    }

    /// Adds to the clauses what their expressions asked for, and declares the derived tables.
    fn finish(&mut self, block: Block, mut select: Select, names: &[String]) -> Option<usize> {
        let Select { first, filter, having, qualify, columns, order, .. } = &select;
        let frame = block.frame;
        let after = having.iter().chain(qualify).chain(columns).copied().chain(order.iter().map(|o| o.by));
        let mut after = after.chain(block.windows.iter().flat_map(Window::reads));
        if block.group.is_some() && after.any(|id| self.graph.reads(id) & ((1 << GROUP) - 1) != 0) {
            let help = "compute what belongs to one row in a `with` select, and group that";
            return self.fail(
                "not-grouped",
                sqlparser::tokenizer::Span::empty(),
                "a grouped select reads a row that is in no group's key",
                "after grouping",
                help,
            );
        }
        let mut all: Vec<ExprId> = first.filters.iter().chain(filter).chain(having).chain(qualify).chain(columns).copied().collect();
        all.extend(order.iter().map(|o| o.by));
        for join in &block.joins {
            all.extend(join.right.filters.iter().chain(&join.residual));
            // Keys are compared: texts of both sides share a dictionary.
            all.extend(
                join.keys
                    .iter()
                    .map(|&(a, b)| self.graph.expr(Expr::Binary { op: crate::plan::BinaryOp::Equal, left: a, right: b }, Type::Bool)),
            );
            self.uses.push((self.table_of(join.right.rel), join.right.filters.clone()));
        }
        self.uses.push((self.table_of(first.rel), first.filters.clone()));
        let group = block.group.map(Grouping::finish);
        if let Some(group) = &group {
            all.extend(&group.keys);
            all.extend(group.aggregates.iter().flat_map(|a| a.arg.into_iter().chain(a.filter)));
            let mut defs = vec![];
            for (k, &key) in group.keys.iter().enumerate() {
                defs.push(column(&format!("key {k}"), self.graph.type_of(key)));
                if self.is_personal(&frame, key) {
                    self.personal.insert((group.table, k));
                }
            }
            for (a, aggregate) in group.aggregates.iter().enumerate() {
                defs.push(column(&format!("aggregate {a}"), aggregate.ty));
                if matches!(aggregate.ty, Type::Text(_)) && aggregate.arg.is_some_and(|arg| self.is_personal(&frame, arg)) {
                    self.personal.insert((group.table, group.keys.len() + a));
                }
            }
            self.catalog.tables[group.table].columns = defs;
        }
        let mut window_table = 0;
        if let Some(rel) = frame.get(usize::from(WINDOW)).copied().filter(|r| *r != UNREAD) {
            window_table = self.table_of(rel);
            let defs = block.windows.iter().enumerate().map(|(w, window)| column(&format!("window {w}"), window.ty)).collect();
            self.catalog.tables[window_table].columns = defs;
            for (w, window) in block.windows.iter().enumerate() {
                all.extend(window.reads());
                if matches!(window.ty, Type::Text(_)) && window.value().is_some_and(|arg| self.is_personal(&frame, arg)) {
                    self.personal.insert((window_table, w));
                }
            }
        }
        let defs = names.iter().zip(columns).map(|(name, &id)| column(name, self.graph.type_of(id))).collect();
        let table = self.derived("", defs);
        for (c, &id) in columns.iter().enumerate() {
            if self.is_personal(&frame, id) && !super::personal::by_type(self.graph.type_of(id)) {
                self.personal.insert((table, c));
            }
        }
        for id in all {
            self.read(&frame, id);
        }
        (select.joins, select.constants, select.windows) = (block.joins, block.constants, block.windows);
        (select.group, select.window_table) = (group, window_table);
        self.steps.push(Step { table, kind: StepKind::Select(Box::new(select)) });
        Some(table)
    }

    /// Catalog position of a table or view.
    pub fn table_of(&self, rel: RelId) -> usize {
        self.catalog.table_of(rel).map_or(usize::MAX, |(t, _)| t)
    }
    pub fn column_of(&mut self, slot: u8, table: usize, column: usize) -> ExprId {
        let ty = self.catalog.tables[table].columns[column].ty;
        self.graph.expr(Expr::Column { row: RowRef::slot(slot), column }, ty)
    }
    /// Makes a table of the catalog visible as `alias` in `slot`.
    pub fn show(&mut self, block: &mut Block, alias: &str, table: usize, slot: u8) {
        let rel = self.catalog.tables[table].rel;
        block.frame[usize::from(slot)] = rel;
        let names = if alias.is_empty() { vec![] } else { vec![alias.to_owned()] };
        block.scope.slots.push(crate::plan::Slot { names, rel, row: RowRef::slot(slot), bare: true, members: vec![] });
        block.visible.push((alias.to_owned(), table, slot));
    }
    pub fn next_slot(&mut self, block: &mut Block, span: sqlparser::tokenizer::Span) -> Option<u8> {
        if usize::from(block.slots) >= MAX_SOURCES {
            return self.fail(
                "too-deep",
                span,
                format!("a select reads at most {MAX_SOURCES} tables"),
                "one too many",
                "put some of them into a `with` select",
            );
        }
        block.slots += 1;
        Some(block.slots - 1)
    }
    pub fn next_constant(&mut self, block: &mut Block, table: usize, span: sqlparser::tokenizer::Span) -> Option<u8> {
        let slot = CONSTANT + u8::try_from(block.constants.len()).unwrap_or(u8::MAX);
        if slot >= SLOTS {
            return self.fail(
                "too-deep",
                span,
                format!("a select holds at most {} subqueries", SLOTS - CONSTANT),
                "one too many",
                "put some of them into a `with` select",
            );
        }
        block.frame[usize::from(slot)] = self.catalog.tables[table].rel;
        block.constants.push((slot, table));
        Some(slot)
    }

    fn refused(&mut self, select: &sql::Select) -> Option<()> {
        let span = select.span();
        if select.into.is_some() {
            return self.unsupported(span, "`select into`", "write the answer to a file: `--format csv > FILE`");
        }
        if select.top.is_some() {
            return self.unsupported(span, "`top`", "write `limit 20` at the end");
        }
        if !select.lateral_views.is_empty() || select.prewhere.is_some() || !select.connect_by.is_empty() {
            return self.unsupported(span, "a clause of this select", FORM);
        }
        if let Some(window) = select.named_window.first() {
            return self.unsupported(window.0.span, "a named window", "write it out after `over`: `over (partition by .. order by ..)`");
        }
        if select.from.is_empty() {
            return self.fail("sql-syntax", span, "`from` is missing", "which table?", "`recount list tables` shows the tables");
        }
        Some(())
    }
}

impl Block {
    pub fn new() -> Self {
        Block {
            scope: Scope::default(),
            frame: vec![UNREAD; usize::from(SLOTS)],
            visible: vec![],
            slots: 0,
            joins: vec![],
            using: vec![],
            places: vec![],
            constants: vec![],
            group: None,
            windows: vec![],
            items: vec![],
            aliases: false,
        }
    }
}

pub(super) fn column(name: &str, ty: Type) -> ColumnDef {
    ColumnDef { name: name.to_owned(), ty, semantic: None, is: None, restricted: false }
}

pub(super) fn orders(order_by: Option<&sql::OrderBy>) -> &[sql::OrderByExpr] {
    match order_by.map(|o| &o.kind) {
        Some(sql::OrderByKind::Expressions(list)) => list,
        _ => &[],
    }
}
