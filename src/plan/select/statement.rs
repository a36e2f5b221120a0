//! Whole statements: `with`, `union`, `order by` and `limit` around selects.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;

use super::block::{Block, Compiler, column, orders};
use super::text::FORM;
use super::{Limit, Step, StepKind};
use crate::plan::{ColumnDef, ExprId};
use crate::schema::{TextKind, Type};

impl Compiler<'_> {
    /// A statement with its `with`, `order by` and `limit`; the derived table it fills.
    pub fn statement(&mut self, query: &sql::Query) -> Option<usize> {
        let known = self.named.len();
        let mut good = true;
        if let Some(with) = &query.with {
            if with.recursive {
                good = false;
                self.unsupported::<()>(with.with_token.0.span, "`with recursive`", "follow declared links for chains of rows");
            }
            for cte in &with.cte_tables {
                good &= self.with(cte).is_some();
            }
        }
        let table = if good { self.body(query) } else { None };
        self.named.truncate(known);
        table
    }
    fn with(&mut self, cte: &sql::Cte) -> Option<()> {
        let name = &cte.alias.name;
        if self.catalog.tables[..self.base].iter().any(|t| t.name == name.value) || self.named.iter().any(|(n, _)| *n == name.value) {
            return self.fail(
                "name-clash",
                name.span,
                format!("a table is named `{}` already", name.value),
                "a second one",
                "choose another name",
            );
        }
        let table = self.statement(&cte.query)?;
        self.alias_columns(table, &cte.alias)?;
        self.catalog.tables[table].name.clone_from(&name.value);
        self.named.push((name.value.clone(), table));
        Some(())
    }
    /// `as name(a, b)`.
    pub fn alias_columns(&mut self, table: usize, alias: &sql::TableAlias) -> Option<()> {
        if alias.columns.is_empty() {
            return Some(());
        }
        let wanted = self.catalog.tables[table].columns.len();
        if alias.columns.len() != wanted {
            let message = format!("{} names for {wanted} columns", alias.columns.len());
            return self.fail("sql-columns", alias.name.span, message, "not as many as columns", "name all columns, or none");
        }
        for (def, named) in self.catalog.tables[table].columns.iter_mut().zip(&alias.columns) {
            def.name.clone_from(&named.name.value);
        }
        Some(())
    }

    fn body(&mut self, query: &sql::Query) -> Option<usize> {
        if !query.locks.is_empty() || query.for_clause.is_some() || query.settings.is_some() || query.format_clause.is_some() {
            return self.unsupported(query.span(), "a clause after the select", FORM);
        }
        let limit = self.limit(query)?;
        match &*query.body {
            sql::SetExpr::Select(select) => self.select(select, query.order_by.as_ref(), limit),
            body if query.order_by.is_none() && limit == Limit::default() => self.set(body),
            body => {
                let part = self.set(body)?;
                let (rel, columns) = (self.catalog.tables[part].rel, self.catalog.tables[part].columns.clone());
                let names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
                let ids: Vec<ExprId> = (0..names.len()).map(|c| self.column_of(0, part, c)).collect();
                let mut block = Block::new();
                self.show(&mut block, "", part, 0);
                let mut order = vec![];
                for by in orders(query.order_by.as_ref()) {
                    order.push(self.ordered(&mut block, by, &names, &ids)?);
                }
                let table = self.derived("", columns);
                for c in (0..names.len()).filter(|c| self.personal.contains(&(part, *c))).collect::<Vec<_>>() {
                    self.personal.insert((table, c));
                }
                for by in &order {
                    self.read(&[rel], by.by);
                }
                self.steps.push(Step { table, kind: StepKind::Union { parts: vec![part], distinct: false, order, limit } });
                Some(table)
            }
        }
    }
    fn set(&mut self, body: &sql::SetExpr) -> Option<usize> {
        match body {
            sql::SetExpr::Select(select) => self.select(select, None, Limit::default()),
            sql::SetExpr::Query(query) => self.statement(query),
            sql::SetExpr::SetOperation { left, op: sql::SetOperator::Union, set_quantifier, right } => {
                let distinct = match set_quantifier {
                    sql::SetQuantifier::All => false,
                    sql::SetQuantifier::None | sql::SetQuantifier::Distinct => true,
                    _ => return self.unsupported(body.span(), "`union by name`", "name the columns in one order on both sides"),
                };
                let (a, b) = (self.set(left), self.set(right));
                self.union(a?, b?, distinct, right.span())
            }
            sql::SetExpr::SetOperation { op, .. } => {
                let word = op.to_string().to_lowercase();
                let help = if matches!(op, sql::SetOperator::Intersect) {
                    "ask `where exists (select 1 from OTHER where OTHER.key = THIS.key)`"
                } else {
                    "ask `where not exists (select 1 from OTHER where OTHER.key = THIS.key)`"
                };
                self.unsupported(body.span(), &format!("`{word}`"), help)
            }
            _ => self.unsupported(body.span(), "this", FORM),
        }
    }
    fn union(&mut self, a: usize, b: usize, distinct: bool, span: sqlparser::tokenizer::Span) -> Option<usize> {
        let (left, right) = (self.catalog.tables[a].columns.clone(), self.catalog.tables[b].columns.clone());
        if left.len() != right.len() {
            let message = format!("{} columns here, {} before", right.len(), left.len());
            return self.fail("sql-columns", span, message, "both sides of `union` need as many", "");
        }
        for (one, other) in left.iter().zip(&right) {
            let texts = matches!((one.ty, other.ty), (Type::Text(_), Type::Text(_)));
            if one.ty != other.ty && !texts {
                let message = format!(
                    "`{}` is {} here, and `{}` is {} before",
                    other.name,
                    crate::plan::types::words(other.ty),
                    one.name,
                    crate::plan::types::words(one.ty)
                );
                return self.fail(
                    "type-mismatch",
                    span,
                    message,
                    "columns of `union` need one type",
                    "make both the same: `n * 1.0`, `yuan(n)`, `month_of(d)`",
                );
            }
        }
        let columns = left
            .iter()
            .zip(&right)
            .map(|(one, other)| if one.ty == other.ty { one.clone() } else { column(&one.name, Type::Text(TextKind::Plain)) });
        let columns: Vec<ColumnDef> = columns.collect();
        let table = self.derived("", columns);
        for c in 0..left.len() {
            let plain = left[c].ty != right[c].ty && [left[c].ty, right[c].ty].into_iter().any(super::personal::by_type);
            if plain || self.personal.contains(&(a, c)) || self.personal.contains(&(b, c)) {
                self.personal.insert((table, c));
            }
        }
        self.steps.push(Step { table, kind: StepKind::Union { parts: vec![a, b], distinct, order: vec![], limit: Limit::default() } });
        Some(table)
    }
    fn limit(&mut self, query: &sql::Query) -> Option<Limit> {
        let mut limit = Limit::default();
        let (take, skip) = match &query.limit_clause {
            None => (None, None),
            Some(sql::LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|o| &o.value))
            }
            Some(_) => return self.unsupported(query.span(), "this `limit`", "write `limit 20` or `limit 20 offset 40`"),
        };
        let take = match (&query.fetch, take) {
            (Some(fetch), None) if !fetch.percent && !fetch.with_ties => fetch.quantity.as_ref(),
            (None, take) => take,
            _ => return self.unsupported(query.span(), "this `fetch`", "write `limit 20`"),
        };
        for (expr, skips) in [(take, false), (skip, true)] {
            let Some(expr) = expr else { continue };
            let n = match expr {
                sql::Expr::Value(v) => match &v.value {
                    sql::Value::Number(n, _) => n.parse::<u64>().ok(),
                    _ => None,
                },
                _ => None,
            };
            let Some(n) = n else {
                return self.fail("sql-syntax", expr.span(), "`limit` takes a plain number", "not a plain number", "write `limit 20`");
            };
            if skips { limit.skip = n } else { limit.take = Some(n) }
        }
        Some(limit)
    }
}
