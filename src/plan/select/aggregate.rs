//! `group by` and aggregates: each becomes a column of the groups, found by a name no person can write.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;

use super::block::{Block, Compiler, orders};
use super::convert::{Level, aggregates, parts, plain_name};
use super::{Aggregate, GROUP, Group};
use crate::plan::names::{Found, Names};
use crate::plan::syntax::{Arg, Ast, Ident, Kind};
use crate::plan::types::{is_number, words};
use crate::plan::{AggregateFunction, Expr, ExprId, RowRef, Want};
use crate::schema::Type;

/// Groups as far as they are known: aggregates are added when a column asks for one.
#[derive(Debug)]
pub(super) struct Grouping {
    pub table: usize,
    pub keys: Vec<ExprId>,
    key_exprs: Vec<sql::Expr>,
    aggregates: Vec<Aggregate>,
}

impl Grouping {
    pub fn finish(self) -> Group {
        Group { table: self.table, keys: self.keys, aggregates: self.aggregates }
    }
}

pub(super) fn key_name(position: usize) -> String {
    format!("\u{1}key {position}")
}

impl Compiler<'_> {
    /// Whether the select is grouped, and by what.
    pub fn grouping(
        &mut self,
        block: &mut Block,
        select: &sql::Select,
        items: &[(String, sql::Expr)],
        order_by: Option<&sql::OrderBy>,
    ) -> Option<()> {
        let keys = match &select.group_by {
            sql::GroupByExpr::Expressions(keys, modifiers) if modifiers.is_empty() => keys.as_slice(),
            _ => {
                return self.unsupported(
                    select.span(),
                    "this `group by`",
                    "name the columns: `group by a, b`; totals are a second select joined by `union all`",
                );
            }
        };
        let outputs =
            items.iter().map(|(_, e)| e).chain(&select.having).chain(&select.qualify).chain(orders(order_by).iter().map(|o| &o.expr));
        let mut grouped = !keys.is_empty() || select.having.is_some();
        for expr in outputs {
            grouped = grouped || self.holds_aggregate(block, expr);
        }
        if !grouped {
            return Some(());
        }
        let mut ids = vec![];
        let mut key_exprs = vec![];
        for key in keys {
            let key = match key {
                sql::Expr::Value(v) => match &v.value {
                    sql::Value::Number(n, _) => match n.parse::<usize>().ok().and_then(|n| items.get(n.checked_sub(1)?)) {
                        Some((_, item)) => item,
                        None => {
                            return self.fail(
                                "sql-columns",
                                key.span(),
                                format!("there is no column {n} in the select"),
                                "not that many",
                                "",
                            );
                        }
                    },
                    _ => key,
                },
                sql::Expr::Identifier(name) => match items.iter().find(|(item, _)| *item == name.value) {
                    // A column of the tables is meant before one of the select.
                    Some((_, item)) if !self.is_column(block, &name.value) => item,
                    _ => key,
                },
                _ => key,
            };
            let ast = self.ast(block, key, Level::Row)?;
            ids.push(self.typed(&ast, &block.scope, Want::Key)?);
            key_exprs.push(key.clone());
        }
        let table = self.derived("", vec![]);
        block.frame[usize::from(GROUP)] = self.catalog.tables[table].rel;
        for (k, &id) in ids.iter().enumerate() {
            let ty = self.graph.type_of(id);
            let column = self.graph.expr(Expr::Column { row: RowRef::slot(GROUP), column: k }, ty);
            block.scope.names.push((key_name(k), column));
        }
        block.group = Some(Grouping { table, keys: ids, key_exprs, aggregates: vec![] });
        Some(())
    }
    fn is_column(&self, block: &Block, name: &str) -> bool {
        block.visible.iter().any(|(_, table, _)| self.catalog.tables[*table].position(name).is_some())
    }
    /// The name of the key that is written like `expr`.
    pub fn group_key(&self, block: &Block, expr: &sql::Expr) -> Option<String> {
        let group = block.group.as_ref()?;
        group.key_exprs.iter().position(|key| key == expr).map(key_name)
    }
    fn holds_aggregate(&mut self, block: &Block, expr: &sql::Expr) -> bool {
        if let sql::Expr::Function(function) = expr
            && function.over.is_none()
            && self.is_aggregate(block, function)
        {
            return true;
        }
        parts(expr).into_iter().any(|part| self.holds_aggregate(block, part))
    }
    /// An aggregate over the rows of the select: not one over rows that a link leads back to.
    fn is_aggregate(&mut self, block: &Block, function: &sql::Function) -> bool {
        let Some(name) = plain_name(function) else { return false };
        aggregates(&name.value) && !self.names_many(block, &sql::Expr::Function(function.clone()))
    }
    fn names_many(&mut self, block: &Block, expr: &sql::Expr) -> bool {
        let path: &[sql::Ident] = match expr {
            sql::Expr::Identifier(one) => std::slice::from_ref(one),
            sql::Expr::CompoundIdentifier(path) => path,
            _ => &[],
        };
        if !path.is_empty() {
            let path: Vec<Ident> =
                path.iter().map(|i| Ident { name: i.value.clone(), range: 0..0, quoted: i.quote_style.is_some() }).collect();
            let mut names = Names::new(self.catalog, None, self.graph, &block.scope);
            return matches!(names.resolve(&path), Ok(Found::Many(_)));
        }
        parts(expr).into_iter().any(|part| self.names_many(block, part))
    }

    pub fn function(&mut self, block: &mut Block, function: &sql::Function, expr: &sql::Expr, level: Level) -> Option<Ast> {
        if function.over.is_some() {
            if level != Level::Output {
                let help = "compute it in a `with` select and use its column here, or filter by it with `qualify`";
                return self.unsupported(expr.span(), "a window function here", help);
            }
            return self.window(block, function, expr);
        }
        let Some(name) = plain_name(function) else { return self.call(block, function, expr, level) };
        if !aggregates(&name.value) {
            return self.call(block, function, expr, level);
        }
        if self.names_many(block, expr) {
            if block.group.is_some() && level != Level::Row {
                let help = "compute it per row in a `with` select, and group that";
                return self.unsupported(expr.span(), "an aggregate over linked rows beside groups", help);
            }
            return self.call(block, function, expr, level);
        }
        if level == Level::Row {
            let help = "conditions on groups stand after `having`; a value over all rows is a subquery: `(select avg(x) from t)`";
            return self.fail(
                "sql-aggregate",
                expr.span(),
                format!("`{}` runs over many rows, and here is one", name.value),
                "not here",
                help,
            );
        }
        let aggregate = self.aggregate(block, function, expr, Level::Row)?;
        let Some(group) = &mut block.group else { return None };
        let position = group.aggregates.iter().position(|a| *a == aggregate).unwrap_or_else(|| {
            group.aggregates.push(aggregate.clone());
            group.aggregates.len() - 1
        });
        let column = group.keys.len() + position;
        let id = self.graph.expr(Expr::Column { row: RowRef::slot(GROUP), column }, aggregate.ty);
        let name = format!("\u{1}aggregate {position}");
        if !block.scope.names.iter().any(|(known, _)| *known == name) {
            block.scope.names.push((name.clone(), id));
        }
        Some(self.named_path(&name, expr.span()))
    }

    /// The parts of an aggregate; its argument and filter stand at `level`.
    pub fn aggregate(&mut self, block: &mut Block, function: &sql::Function, expr: &sql::Expr, level: Level) -> Option<Aggregate> {
        let name = plain_name(function).map(|n| n.value.to_lowercase()).unwrap_or_default();
        let (args, distinct) = self.args(block, function, expr, level)?;
        let usage = |this: &mut Self, help: &str| {
            this.fail("wrong-arguments", expr.span(), format!("`{name}` is not written so"), "not understood", help)
        };
        let (wanted, kind) = match name.as_str() {
            "count" => (1, AggregateFunction::Count),
            "sum" => (1, AggregateFunction::Sum),
            "min" => (1, AggregateFunction::Min),
            "max" => (1, AggregateFunction::Max),
            "avg" => (1, AggregateFunction::Average),
            "median" => (1, AggregateFunction::Median),
            "percentile" => (2, AggregateFunction::Quantile(permille(&args).unwrap_or(u16::MAX))),
            _ => return usage(self, "count the rows for which it holds: `count(*) filter (where ..) > 0`"),
        };
        if kind == AggregateFunction::Quantile(u16::MAX) {
            return usage(self, "write `percentile(x, 99)`: a plain number from 0 to 100 with at most one digit after the point");
        }
        if args.len() != wanted || args.iter().any(|a| a.name.is_some()) {
            return usage(self, "it takes one value of each row: `sum(x)`; `count(*)` counts rows");
        }
        if distinct && !matches!(kind, AggregateFunction::Count | AggregateFunction::Sum) {
            return usage(self, "`distinct` stands in `count` and `sum`");
        }
        let ast = &args[0].value;
        let arg = match (&ast.kind, kind) {
            (Kind::Star, AggregateFunction::Count) if !distinct => None,
            (Kind::Star, _) => return usage(self, "it needs a value of each row: name a column"),
            _ => Some(self.typed(ast, &block.scope, Want::Any)?),
        };
        let filter = match &function.filter {
            Some(filter) => {
                let ast = self.ast(block, filter, level)?;
                Some(self.typed(&ast, &block.scope, Want::Bool)?)
            }
            None => None,
        };
        let ty = arg.map_or(Type::Int, |a| self.graph.type_of(a));
        let numeric = is_number(ty) || ty == Type::Money;
        let result = match kind {
            AggregateFunction::Count => Some(Type::Int),
            AggregateFunction::Average if ty == Type::Int => Some(Type::Decimal(6)),
            AggregateFunction::Sum | AggregateFunction::Average | AggregateFunction::Median => numeric.then_some(ty),
            _ => (ty != Type::Bool).then_some(ty),
        };
        let Some(result) = result else {
            let help = if ty == Type::Bool { "count the rows for which it holds: `count(*) filter (where ..)`" } else { "" };
            return self.fail("type-mismatch", expr.span(), format!("`{name}` cannot take {}", words(ty)), "not a number", help);
        };
        Some(Aggregate { function: kind, distinct, arg, filter, ty: result })
    }

    /// A subquery that gives one row; the name of its value.
    pub fn constant(&mut self, block: &mut Block, query: &sql::Query) -> Option<String> {
        let table = self.statement(query)?;
        let one = self.steps.last().is_some_and(|step| match &step.kind {
            super::StepKind::Select(select) => {
                let whole = select.group.as_ref().is_some_and(|g| g.keys.is_empty());
                whole && select.having.is_empty() && select.qualify.is_empty() && select.limit == super::Limit::default()
            }
            super::StepKind::Union { .. } => false,
        });
        if !one || self.catalog.tables[table].columns.len() != 1 {
            let help = "one aggregate without `group by`: `(select avg(x) from t)`; a list is asked with `in (select ..)`";
            return self.fail("sql-columns", query.span(), "a subquery here gives one value", "may give several", help);
        }
        let slot = self.next_constant(block, table, query.span())?;
        let column = self.column_of(slot, table, 0);
        let name = format!("\u{1}constant {slot}");
        block.scope.names.push((name.clone(), column));
        Some(name)
    }
}

/// The second argument of `percentile`, in thousandths.
fn permille(args: &[Arg]) -> Option<u16> {
    let Kind::Number(text) = &args.get(1)?.value.kind else { return None };
    let permille = match text.split_once('.') {
        None => text.parse::<u16>().ok()?.checked_mul(10)?,
        Some((whole, tenth)) if tenth.len() == 1 => format!("{whole}{tenth}").parse().ok()?,
        Some(_) => return None,
    };
    (permille <= 1000).then_some(permille)
}
