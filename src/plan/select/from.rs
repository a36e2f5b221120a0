//! `from`: tables, joins, and the conditions of `where`, each put where it is cheapest and still means the same.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;

use super::block::{Block, Compiler};
use super::convert::Level;
use super::{GROUP, Join, JoinKind, Source};
use crate::plan::syntax::{Ast, Ident, Kind, Operator};
use crate::plan::{BinaryOp, Expr, ExprId, Function, Graph, RowRef, Slot, Want};
use crate::schema::{Type, Value};

/// Name of the column an `in (select ..)` compares with.
const IN: &str = "\u{1}in";

impl Compiler<'_> {
    /// The tables of `from`, joined.
    pub fn from(&mut self, select: &sql::Select) -> Option<(Source, Block)> {
        let mut block = Block::new();
        let mut first = None;
        for item in &select.from {
            let source = self.source(&mut block, &item.relation)?;
            match first {
                None => first = Some(source),
                // A comma joins as `where` says.
                Some(_) => block.joins.push(Join { kind: JoinKind::Inner, right: source, keys: vec![], residual: vec![] }),
            }
            for join in &item.joins {
                self.join(&mut block, join)?;
            }
        }
        let mut first = first?;
        // Place and date of the first table's rows govern parameters, as those of a record do in rules.
        if let Some((_, table, slot)) = block.visible.iter().find(|(_, _, slot)| *slot == first.slot) {
            let (place, date) = (self.catalog.tables[*table].region, self.catalog.tables[*table].date);
            let own = |graph: &mut Graph, id: Option<ExprId>| id.map(|id| graph.rebase(id, 0, &RowRef::slot(*slot)));
            (block.scope.place, block.scope.at) = (own(self.graph, place), own(self.graph, date));
        }
        if let (Some(region), Some((_, table, _))) = (self.region, block.visible.first())
            && let Some(place) = self.catalog.tables[*table].region
        {
            let place = self.graph.rebase(place, 0, &RowRef::slot(first.slot));
            let region = self.graph.literal(Value::Region(region));
            first.filters.push(self.graph.expr(Expr::Call { function: Function::Under, args: vec![place, region] }, Type::Bool));
        }
        Some((first, block))
    }

    fn source(&mut self, block: &mut Block, factor: &sql::TableFactor) -> Option<Source> {
        let (table, alias) = match factor {
            sql::TableFactor::Table { name, alias, args: None, version: None, sample: None, .. } => {
                let table = self.table(name)?;
                let last = name.0.last().and_then(|part| part.as_ident()).map_or_else(String::new, |i| i.value.clone());
                (table, alias.as_ref().map_or(last, |a| a.name.value.clone()))
            }
            sql::TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                let table = self.statement(subquery)?;
                if let Some(alias) = alias {
                    self.alias_columns(table, alias)?;
                }
                (table, alias.as_ref().map_or_else(String::new, |a| a.name.value.clone()))
            }
            sql::TableFactor::NestedJoin { .. } => {
                return self.unsupported(factor.span(), "a join in brackets", "write the joins one after the other, or a `with` select");
            }
            _ => return self.unsupported(factor.span(), "this kind of table", "a table, a view, or `(select ..) as NAME`"),
        };
        if !alias.is_empty() && block.visible.iter().any(|(known, ..)| *known == alias) {
            let message = format!("two tables are called `{alias}` here");
            return self.fail("name-clash", factor.span(), message, "a second one", &format!("give it another name: `{alias} as other`"));
        }
        let slot = self.next_slot(block, factor.span())?;
        self.show(block, &alias, table, slot);
        block.places.push((slot, factor.span()));
        Some(Source { slot, rel: self.catalog.tables[table].rel, filters: vec![] })
    }

    /// A table by name: of `with`, of the project, or `recount.findings` and its like.
    fn table(&mut self, name: &sql::ObjectName) -> Option<usize> {
        let parts: Vec<&str> = name.0.iter().filter_map(|part| part.as_ident()).map(|i| i.value.as_str()).collect();
        let written = parts.join(".");
        let with = self.named.iter().rev().find(|(known, _)| *known == written).map(|(_, t)| *t);
        let found = with.or_else(|| self.catalog.tables[..self.base].iter().position(|t| t.name == written));
        if let Some(table) = found {
            if table < self.base && !self.tables.contains(&table) {
                self.tables.push(table);
            }
            return Some(table);
        }
        let known: Vec<&str> =
            self.named.iter().map(|(n, _)| n.as_str()).chain(self.catalog.tables[..self.base].iter().map(|t| t.name.as_str())).collect();
        let help = crate::diagnostic::nearest(&written, known.iter().copied());
        let help = help.map_or_else(
            || "`recount list tables` and `recount list views` show what there is".to_owned(),
            |n| format!("a similar name exists: `{n}`"),
        );
        self.fail("unknown-table", name.span(), format!("there is no table `{written}`"), "not declared", &help)
    }

    fn join(&mut self, block: &mut Block, join: &sql::Join) -> Option<()> {
        use sql::JoinOperator as J;
        let (kind, constraint) = match &join.join_operator {
            J::Join(c) | J::Inner(c) | J::CrossJoin(c) => (JoinKind::Inner, c),
            J::Left(c) | J::LeftOuter(c) => (JoinKind::Left, c),
            J::Right(c) | J::RightOuter(c) => (JoinKind::Right, c),
            J::FullOuter(c) => (JoinKind::Full, c),
            J::Semi(c) | J::LeftSemi(c) => (JoinKind::Semi, c),
            J::Anti(c) | J::LeftAnti(c) => (JoinKind::Anti, c),
            _ => {
                return self.unsupported(
                    join.span(),
                    "this join",
                    "`join`, `left join`, `right join`, `full join`, `semi join`, `anti join`",
                );
            }
        };
        let right = self.source(block, &join.relation)?;
        let slot = right.slot;
        let mut made = Join { kind, right, keys: vec![], residual: vec![] };
        match constraint {
            sql::JoinConstraint::On(on) => {
                for part in conjuncts(on) {
                    let id = self.condition(block, part, Level::Row)?;
                    self.on(id, &mut made);
                }
            }
            sql::JoinConstraint::Using(columns) => {
                if matches!(kind, JoinKind::Right | JoinKind::Full) {
                    return self.unsupported(
                        join.span(),
                        "`using` in this join",
                        "write `on a.key = b.key`, and `coalesce(a.key, b.key)` in the select",
                    );
                }
                for name in columns {
                    self.using(block, name, slot, &mut made)?;
                }
            }
            sql::JoinConstraint::None if kind == JoinKind::Inner => {}
            _ => return self.unsupported(join.span(), "a join without `on`", "write `on a.key = b.key` or `using (key)`"),
        }
        if made.keys.is_empty() && kind != JoinKind::Inner {
            return self.no_key(join.span());
        }
        if matches!(kind, JoinKind::Semi | JoinKind::Anti) {
            hide(block, slot);
        }
        block.joins.push(made);
        Some(())
    }
    fn no_key<T>(&mut self, span: sqlparser::tokenizer::Span) -> Option<T> {
        let help = "add an equality between a column of each: `on a.key = b.key and ..`; one value for all rows is a subquery: `(select avg(x) from t)`";
        self.fail("sql-join", span, "tables are joined by at least one equality", "no `=` between both sides", help)
    }
    fn using(&mut self, block: &mut Block, name: &sql::ObjectName, slot: u8, join: &mut Join) -> Option<()> {
        let ident = name.0.last()?.as_ident()?.clone();
        let range = self.text.range(ident.span);
        let path = |alias: &str| {
            let part = |n: &str| Ident { name: n.to_owned(), range: range.clone(), quoted: true };
            Ast { kind: Kind::Path(vec![part(alias), part(&ident.value)]), range: range.clone() }
        };
        let has = |t: usize| self.catalog.tables[t].position(&ident.value).is_some();
        let left = block.visible.iter().find(|(_, t, s)| *s != slot && has(*t)).map(|(a, ..)| a.clone());
        let right = block.visible.iter().find(|(_, _, s)| *s == slot).map(|(a, ..)| a.clone());
        let (Some(left), Some(right)) = (left, right) else {
            return self.fail(
                "unknown-column",
                ident.span,
                format!("no table before has a column `{}`", ident.value),
                "not on both sides",
                "write `on a.key = b.key`",
            );
        };
        let equal = Kind::Binary { op: Operator::Equal, left: Box::new(path(&left)), right: Box::new(path(&right)) };
        let id = self.typed(&Ast { kind: equal, range: range.clone() }, &block.scope, Want::Bool)?;
        self.on(id, join);
        block.using.push(ident.value);
        Some(())
    }
    /// One condition of a join: a key, a condition on the right side alone, or part of the residual.
    fn on(&mut self, id: ExprId, join: &mut Join) {
        for id in split(self.graph, id) {
            let own = 1u32 << join.right.slot;
            if let Some(pair) = key(self.graph, id, own) {
                join.keys.push(pair);
            } else if self.graph.reads(id) == own && !matches!(join.kind, JoinKind::Right | JoinKind::Full) {
                join.right.filters.push(id);
            } else {
                join.residual.push(id);
            }
        }
    }

    /// Conditions of one clause, `and` taken apart.
    pub fn conditions(&mut self, block: &mut Block, expr: Option<&sql::Expr>, level: Level) -> Option<Vec<ExprId>> {
        let mut ids = vec![];
        for part in expr.into_iter().flat_map(conjuncts) {
            let id = self.condition(block, part, level)?;
            ids.extend(split(self.graph, id));
        }
        Some(ids)
    }
    fn condition(&mut self, block: &mut Block, expr: &sql::Expr, level: Level) -> Option<ExprId> {
        let ast = self.ast(block, expr, level)?;
        self.typed(&ast, &block.scope, Want::Bool)
    }

    /// `where`: conditions on one table go to that table, equalities between two to their join; the rest is returned.
    pub fn filter(&mut self, block: &mut Block, mut first: Source, expr: Option<&sql::Expr>) -> Option<(Source, Vec<ExprId>)> {
        let mut rest = vec![];
        let mut members = vec![];
        for part in expr.into_iter().flat_map(conjuncts) {
            match part {
                sql::Expr::Exists { subquery, negated } => members.push((part, None, &**subquery, *negated)),
                sql::Expr::UnaryOp { op: sql::UnaryOperator::Not, expr } if matches!(stripped(expr), sql::Expr::Exists { .. }) => {
                    if let sql::Expr::Exists { subquery, negated } = stripped(expr) {
                        members.push((part, None, &**subquery, !*negated));
                    }
                }
                sql::Expr::In { expr, target: sql::InTarget::Subquery(subquery), negated, .. } => {
                    members.push((part, Some(&**expr), &**subquery, *negated));
                }
                _ => {
                    let id = self.condition(block, part, Level::Row)?;
                    rest.extend(split(self.graph, id));
                }
            }
        }
        let open = nullable(&block.joins, first.slot);
        rest.retain(|&id| {
            let reads = self.graph.reads(id);
            if reads & open != 0 || reads == 0 {
                return true;
            }
            if reads == 1 << first.slot {
                first.filters.push(id);
                return false;
            }
            for join in block.joins.iter_mut().filter(|j| j.kind == JoinKind::Inner) {
                let own = 1u32 << join.right.slot;
                if reads == own {
                    join.right.filters.push(id);
                    return false;
                }
                // Later tables are not there yet when this join is made.
                if reads & own != 0
                    && reads < own << 1
                    && let Some(pair) = key(self.graph, id, own)
                {
                    join.keys.push(pair);
                    return false;
                }
            }
            true
        });
        for position in 0..block.joins.len() {
            if block.joins[position].keys.is_empty() {
                let slot = block.joins[position].right.slot;
                let alias = block.visible.iter().find(|(_, _, s)| *s == slot).map(|(a, ..)| a.clone()).unwrap_or_default();
                let span = block.places.iter().find(|(s, _)| *s == slot).map_or_else(sqlparser::tokenizer::Span::empty, |(_, span)| *span);
                let help = format!("add `on .. = {alias}.KEY`; one value for all rows is a subquery: `(select avg(x) from t)`");
                return self.fail("sql-join", span, format!("`{alias}` is joined by no equality"), "no `=` between both sides", &help);
            }
        }
        for (whole, arg, subquery, negated) in members {
            self.member(block, whole, arg, subquery, negated)?;
        }
        Some((first, rest))
    }

    /// `exists (select ..)` and `x in (select ..)`: a semi join, with `not` an anti join.
    fn member(
        &mut self,
        block: &mut Block,
        whole: &sql::Expr,
        arg: Option<&sql::Expr>,
        subquery: &sql::Query,
        negated: bool,
    ) -> Option<()> {
        let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
        let join = match arg {
            Some(_) if negated => {
                let help =
                    "with one missing value in the list it would be true for no row; write `not exists (select 1 from t where t.key = x)`";
                return self.unsupported(whole.span(), "`not in (select ..)`", help);
            }
            Some(arg) => {
                let table = self.statement(subquery)?;
                if self.catalog.tables[table].columns.len() != 1 {
                    return self.fail("sql-columns", subquery.span(), "the list of `in` has one column", "several columns", "select one");
                }
                let slot = self.next_slot(block, whole.span())?;
                let rel = self.catalog.tables[table].rel;
                block.frame[usize::from(slot)] = rel;
                let other = self.column_of(slot, table, 0);
                let left = Box::new(self.ast(block, arg, Level::Row)?);
                let range = left.range.clone();
                let name = Ident { name: IN.to_owned(), range: range.clone(), quoted: true };
                let right = Box::new(Ast { kind: Kind::Path(vec![name]), range: range.clone() });
                let equal = Ast { kind: Kind::Binary { op: Operator::Equal, left, right }, range };
                block.scope.names.push((IN.to_owned(), other));
                let id = self.typed(&equal, &block.scope, Want::Bool);
                block.scope.names.retain(|(name, _)| name != IN);
                let mut join = Join { kind, right: Source { slot, rel, filters: vec![] }, keys: vec![], residual: vec![] };
                self.on(id?, &mut join);
                join
            }
            None => {
                let simple =
                    "one table and conditions: `exists (select 1 from t where t.key = this.key and ..)`; put the rest into a `with` select";
                let sql::SetExpr::Select(select) = &*subquery.body else {
                    return self.unsupported(subquery.span(), "this inside `exists`", simple);
                };
                let plain = subquery.with.is_none() && subquery.limit_clause.is_none() && select.having.is_none();
                let plain = plain && matches!(&select.group_by, sql::GroupByExpr::Expressions(keys, _) if keys.is_empty());
                let [sql::TableWithJoins { relation, joins }] = select.from.as_slice() else {
                    return self.unsupported(subquery.span(), "this inside `exists`", simple);
                };
                if !plain || !joins.is_empty() {
                    return self.unsupported(subquery.span(), "this inside `exists`", simple);
                }
                let right = self.source(block, relation)?;
                let slot = right.slot;
                // Names inside mean the inner table first.
                if let Some(inner) = block.scope.slots.pop() {
                    block.scope.slots.insert(0, inner);
                }
                let mut join = Join { kind, right, keys: vec![], residual: vec![] };
                for part in select.selection.iter().flat_map(conjuncts) {
                    let id = self.inner(block, part, slot)?;
                    self.on(id, &mut join);
                }
                hide(block, slot);
                join
            }
        };
        if join.keys.is_empty() {
            return self.no_key(whole.span());
        }
        block.joins.push(join);
        Some(())
    }
    fn inner(&mut self, block: &mut Block, expr: &sql::Expr, slot: u8) -> Option<ExprId> {
        // Only the inner table is searched for ambiguity: it hides the others.
        let visible = std::mem::take(&mut block.visible);
        let (own, others): (Vec<_>, Vec<_>) = visible.into_iter().partition(|(_, _, s)| *s == slot);
        block.visible = own;
        let ast = self.ast(block, expr, Level::Row);
        let own = std::mem::replace(&mut block.visible, others);
        block.visible.extend(own);
        let id = self.typed(&ast?, &block.scope, Want::Bool);
        // Put the list back in the order of slots.
        block.visible.sort_by_key(|(_, _, s)| *s);
        id
    }
}

fn hide(block: &mut Block, slot: u8) {
    block.visible.retain(|(_, _, s)| *s != slot);
    block.scope.slots.retain(|s: &Slot| s.row.slot != slot);
}

/// Slots that a join may leave without a row.
fn nullable(joins: &[Join], first: u8) -> u32 {
    let (mut open, mut before) = (0, 1u32 << first);
    for join in joins {
        let own = 1u32 << join.right.slot;
        match join.kind {
            JoinKind::Left => open |= own,
            JoinKind::Right => open |= before,
            JoinKind::Full => open |= before | own,
            JoinKind::Inner | JoinKind::Semi | JoinKind::Anti => {}
        }
        before |= own;
    }
    open
}

/// The sides of an equality between the rows so far and the table whose bit is `own`.
fn key(graph: &Graph, id: ExprId, own: u32) -> Option<(ExprId, ExprId)> {
    let Expr::Binary { op: BinaryOp::Equal, left, right } = *graph.get(id) else { return None };
    let (a, b) = (graph.reads(left), graph.reads(right));
    // Groups and windows come later; constants are no key.
    let before = |reads: u32| reads != 0 && reads & own == 0 && reads >> GROUP == 0;
    if a == own && before(b) {
        Some((right, left))
    } else if b == own && before(a) {
        Some((left, right))
    } else {
        None
    }
}

/// The parts of a typed `a and b`.
fn split(graph: &Graph, id: ExprId) -> Vec<ExprId> {
    match *graph.get(id) {
        Expr::Binary { op: BinaryOp::And, left, right } => [split(graph, left), split(graph, right)].concat(),
        _ => vec![id],
    }
}

fn stripped(expr: &sql::Expr) -> &sql::Expr {
    match expr {
        sql::Expr::Nested(inner) => stripped(inner),
        _ => expr,
    }
}

/// The parts of a written `a and b`.
fn conjuncts(expr: &sql::Expr) -> Vec<&sql::Expr> {
    match stripped(expr) {
        sql::Expr::BinaryOp { left, op: sql::BinaryOperator::And, right } => [conjuncts(left), conjuncts(right)].concat(),
        other => vec![other],
    }
}

/// An aggregate over linked rows that reads a slot beyond those of `from`: its member row would stand in that place.
pub(super) fn aggregate_over_constant(graph: &Graph, id: ExprId) -> Option<&'static str> {
    let mut open = vec![id];
    while let Some(id) = open.pop() {
        if let Expr::Aggregate { arg, filter, .. } = graph.get(id)
            && arg.iter().chain(filter).any(|&part| graph.reads(part) >> GROUP != 0)
        {
            return Some("an aggregate");
        }
        open.extend(graph.get(id).args());
    }
    None
}
