//! Typing of aggregates: which rows they run over, their member row, whether they need rows outside.

use std::ops::Range;

use super::checker::Checker;
use super::functions::{self, Family};
use super::names::{Found, Many, Named, Row};
use super::syntax::{Arg, Ast, Ident, Kind};
use super::types::{is_number, is_ordered, words};
use super::{AggregateFunction, BinaryOp, Expr, ExprId, RowRef};
use crate::schema::{Type, Value};

/// Member rows may nest so deep.
const MAX_SLOTS: u8 = 24;

impl Checker<'_> {
    pub(crate) fn aggregate(
        &mut self,
        name: &str,
        distinct: bool,
        args: &[Arg],
        filter: Option<&Ast>,
        range: &Range<usize>,
    ) -> Option<ExprId> {
        let asts: Vec<&Ast> = args.iter().map(|a| &a.value).collect();
        if let Some(label) = args.iter().find_map(|a| a.name.as_ref()) {
            return self.fail(
                "wrong-arguments",
                label.range.clone(),
                format!("`{name}` has no argument named `{}`", label.name),
                "not expected here",
                None,
            );
        }
        let wanted = if name == "percentile" { 2 } else { 1 };
        if asts.len() == 2 && matches!(name, "min" | "max") {
            let other = if name == "min" { "least" } else { "greatest" };
            return self.fail(
                "wrong-arguments",
                range.clone(),
                format!("`{name}` runs over many rows and takes one argument"),
                "two arguments",
                Some(format!("of two values it is `{other}(a, b)`")),
            );
        }
        self.count(name, &asts, wanted..=wanted, range)?;
        let arg = asts[0];
        let many = self.members(name, arg, range)?;
        let function = self.function(name, &asts)?;
        if distinct && !matches!(name, "count" | "sum") {
            return self.fail("wrong-arguments", range.clone(), format!("`distinct` has no meaning in `{name}`"), "leave it out", None);
        }
        let inner = self.names.rows.iter().map(|r| r.row.row.slot + 1).max().unwrap_or(1).max(1);
        if inner > MAX_SLOTS {
            return self.fail("too-deep", range.clone(), "aggregates stand too deep inside each other", "one too many", None);
        }
        let whole = match &arg.kind {
            Kind::Star => true,
            Kind::Path(path) => path.len() == many.words && self.leads_to(path, &many),
            _ => false,
        };
        let prefix = match self.prefix_of(arg, &many) {
            Some(prefix) => prefix,
            None => many.names.first().cloned().into_iter().collect(),
        };
        let member = Row { row: RowRef::slot(inner), rel: many.rel, table: many.table };
        let member = match many.table {
            Some(_) => member,
            None => self.names.row(member.row, many.rel, &many.names),
        };
        self.names.rows.push(Named { names: many.names.clone(), prefix, row: member, bare: many.group, members: vec![] });
        let value = if whole { None } else { Some(self.value(arg)) };
        let filter = filter.map(|f| self.bool(f));
        self.names.rows.pop();
        let filter = match filter {
            Some(filter) => Some(filter?),
            None => None,
        };
        if whole {
            if !matches!(name, "count" | "exists") {
                let set = many.names.first().cloned().unwrap_or_default();
                return self.fail(
                    "wrong-arguments",
                    arg.range.clone(),
                    format!("`{name}` needs a value of each row"),
                    "a column is missing",
                    Some(format!("name a column of the rows: `{name}({set}.COLUMN)`")),
                );
            }
            if distinct {
                return self.fail(
                    "wrong-arguments",
                    arg.range.clone(),
                    "`count(distinct ...)` needs a value of each row",
                    "a column is missing",
                    None,
                );
            }
        }
        let value = match value {
            Some(value) => Some(value?),
            None => None,
        };
        let (value, filter) = match (name, value) {
            // `exists(members.age > 60)` asks for rows where it is true.
            ("exists", Some(condition)) if self.ty(condition) == Type::Bool => {
                (None, Some(filter.map_or(condition, |f| self.binary_node(BinaryOp::And, f, condition, Type::Bool))))
            }
            (_, value) => (value, filter),
        };
        let (value, ty) = self.checked(name, function, value, arg)?;
        let outer = self.names.graph.outer_reads(inner, value, filter);
        let low = (0..inner).rev().find(|s| outer >> s & 1 == 1).map_or(1, |s| s + 1).max(1);
        let down = |row: &RowRef| if row.slot == inner { RowRef { slot: low, hops: row.hops.clone() } } else { row.clone() };
        let value = value.map(|v| self.names.graph.map_rows(v, &down));
        let filter = filter.map(|f| self.names.graph.map_rows(f, &down));
        let node = Expr::Aggregate { owner: many.owner, set: many.set, inner: low, function, distinct, arg: value, filter };
        let id = self.graph().expr(node, ty);
        if name != "exists" {
            return Some(id);
        }
        let zero = self.graph().literal(Value::Int(0));
        Some(self.binary_node(BinaryOp::Greater, id, zero, Type::Bool))
    }

    fn function(&mut self, name: &str, asts: &[&Ast]) -> Option<AggregateFunction> {
        Some(match name {
            "count" | "exists" => AggregateFunction::Count,
            "sum" => AggregateFunction::Sum,
            "min" => AggregateFunction::Min,
            "max" => AggregateFunction::Max,
            "median" => AggregateFunction::Median,
            "avg" => AggregateFunction::Average,
            "any" => AggregateFunction::Any,
            "every" => AggregateFunction::Every,
            _ => {
                let permille = match &asts.get(1)?.kind {
                    Kind::Number(text) => match text.split_once('.') {
                        None => text.parse::<u16>().ok().and_then(|n| n.checked_mul(10)),
                        Some((whole, tenth)) if tenth.len() == 1 => format!("{whole}{tenth}").parse().ok(),
                        Some(_) => None,
                    },
                    _ => None,
                };
                match permille {
                    Some(p) if p <= 1000 => AggregateFunction::Quantile(p),
                    _ => {
                        return self.fail(
                            "wrong-arguments",
                            asts.get(1)?.range.clone(),
                            "a percentile is a plain number from 0 to 100 with at most one digit after the point",
                            "not a percentile",
                            None,
                        );
                    }
                }
            }
        })
    }
    /// The type of the result, and the argument as it is taken.
    fn checked(&mut self, name: &str, function: AggregateFunction, value: Option<ExprId>, arg: &Ast) -> Option<(Option<ExprId>, Type)> {
        let Some(id) = value else { return Some((None, Type::Int)) };
        let ty = self.ty(id);
        let result = match function {
            AggregateFunction::Count => (ty != Type::Null).then_some(Type::Int),
            AggregateFunction::Sum => (is_number(ty) || ty == Type::Money).then_some(ty),
            AggregateFunction::Average if ty == Type::Int => Some(Type::Decimal(6)),
            AggregateFunction::Average => (is_number(ty) || ty == Type::Money).then_some(ty),
            AggregateFunction::Median => (is_number(ty) || ty == Type::Money).then_some(ty),
            AggregateFunction::Min | AggregateFunction::Max | AggregateFunction::Quantile(_) => is_ordered(ty).then_some(ty),
            AggregateFunction::Any | AggregateFunction::Every => (ty == Type::Bool).then_some(ty),
        };
        if let Some(result) = result {
            return Some((Some(id), result));
        }
        let help = match function {
            AggregateFunction::Any | AggregateFunction::Every => Some("write a condition: `any(members.age > 60)`".to_owned()),
            AggregateFunction::Sum if ty == Type::Bool => {
                Some("count the rows for which it holds: `count(rows) filter (where ...)`".to_owned())
            }
            _ => None,
        };
        self.fail("type-mismatch", arg.range.clone(), format!("`{name}` cannot take {}", words(ty)), format!("this is {}", words(ty)), help)
    }

    /// The rows an aggregate runs over: those its argument names.
    fn members(&mut self, name: &str, arg: &Ast, range: &Range<usize>) -> Option<Many> {
        if arg.kind != Kind::Star {
            for nested in [false, true] {
                if let Some(many) = self.find_many(arg, nested) {
                    return Some(many);
                }
            }
            if self.later {
                return None;
            }
        }
        let groups: Vec<_> = self
            .names
            .rows
            .iter()
            .rev()
            .find(|r| !r.members.is_empty())
            .into_iter()
            .flat_map(|r| r.members.iter().map(|m| (r.row.row.clone(), m.clone())))
            .collect();
        match groups.as_slice() {
            [(owner, (names, set, rel))] => {
                let table = self.names.row(RowRef::slot(0), *rel, names).table;
                Some(Many { owner: owner.clone(), set: *set, names: names.clone(), rel: *rel, table, words: 0, group: true })
            }
            [] => {
                // A wrong name inside says more than that no rows were found.
                let before = self.errors.0.len();
                if arg.kind != Kind::Star {
                    self.typed(arg);
                }
                if self.errors.0.len() > before || self.later {
                    return None;
                }
                let backs = self.back_names();
                let help = if backs.is_empty() {
                    "rows that belong to one are named by `back:` of a link in recount.yaml, or by the group of a check".to_owned()
                } else {
                    format!("rows that belong to this one: {}", backs.iter().map(|b| format!("`{b}`")).collect::<Vec<_>>().join(", "))
                };
                self.fail(
                    "no-rows",
                    range.clone(),
                    format!("`{name}` runs over many rows, and here is only one"),
                    "which rows?",
                    Some(help),
                )
            }
            several => {
                let names: Vec<String> =
                    several.iter().filter_map(|(_, (names, ..))| names.first()).map(|n| format!("`{name}({n}...)`")).collect();
                self.fail(
                    "no-rows",
                    range.clone(),
                    format!("`{name}` could run over several kinds of rows"),
                    "which rows?",
                    Some(format!("say which: {}", names.join(", "))),
                )
            }
        }
    }
    fn back_names(&self) -> Vec<String> {
        let bare = self.names.rows.iter().filter(|r| r.bare).filter_map(|r| r.row.table);
        let catalog = self.names.catalog;
        let mut names: Vec<String> =
            bare.flat_map(|t| catalog.links.iter().filter(move |l| l.target == t)).filter_map(|l| l.back.clone()).collect();
        names.truncate(8);
        names
    }
    fn find_many(&mut self, ast: &Ast, nested: bool) -> Option<Many> {
        match &ast.kind {
            Kind::Path(path) => match self.names.resolve(path) {
                Ok(Found::Many(many)) => Some(many),
                Err(super::names::Lost::Later) => {
                    self.later = true;
                    None
                }
                _ => None,
            },
            Kind::Call { name, .. }
                if !nested && functions::find(&name.name.to_lowercase()).is_some_and(|f| f.family == Family::Aggregate) =>
            {
                None
            }
            _ => ast.children().into_iter().find_map(|child| self.find_many(child, nested)),
        }
    }
    fn leads_to(&mut self, path: &[Ident], many: &Many) -> bool {
        matches!(self.names.resolve(path), Ok(Found::Many(found)) if found.set == many.set && found.owner == many.owner)
    }
    /// The words that lead to the rows, as written.
    fn prefix_of(&mut self, ast: &Ast, many: &Many) -> Option<Vec<String>> {
        if many.words == 0 {
            return None;
        }
        if let Kind::Path(path) = &ast.kind {
            let found = self.leads_to(path, many);
            return found.then(|| path[..many.words].iter().map(|p| p.name.clone()).collect());
        }
        ast.children().into_iter().find_map(|child| self.prefix_of(child, many))
    }
}
