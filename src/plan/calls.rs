//! Typing of calls and arithmetic: what each function takes and gives.

use std::ops::Range;

use super::checker::{Checker, Typed};
use super::functions::{self, Family};
use super::names::Found;
use super::syntax::{Arg, Ast, Ident, Kind};
use super::types::{is_number, is_ordered, words};
use super::{BinaryOp, Expr, ExprId, Function, Hop, Neighbour};
use crate::diagnostic::{Diagnostic, nearest};
use crate::schema::{TextKind, Type, Value};

/// What a plain function takes in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Take {
    Date,
    Month,
    /// A month, or a date that stands for its month.
    MonthOf,
    Int,
    Decimal,
    /// Whole or decimal number, or money.
    Numeric,
    Region,
    Text,
    Id,
    /// A citizen id, or a text that should be one.
    IdOrText,
}

/// What a plain function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Give {
    Is(Type),
    /// The type of the first argument.
    First,
}

/// Functions with a fixed list of arguments: name, node, arguments, result.
pub(crate) const PLAIN: &[(&str, Function, &[Take], Give)] = {
    use Function as F;
    use Take as T;
    const INT: Give = Give::Is(Type::Int);
    const BOOL: Give = Give::Is(Type::Bool);
    const DATE: Give = Give::Is(Type::Date);
    const TEXT: Give = Give::Is(Type::Text(TextKind::Plain));
    const CODE: Give = Give::Is(Type::Text(TextKind::Code));
    const REGION: Give = Give::Is(Type::Region);
    &[
        ("abs", F::Abs, &[T::Numeric], Give::First),
        ("round", F::Round, &[T::Decimal], INT),
        ("first_digits", F::FirstDigits, &[T::Numeric, T::Int], INT),
        ("month_of_year", F::MonthOfYear, &[T::Date], INT),
        ("day_of_month", F::DayOfMonth, &[T::Date], INT),
        ("month_of", F::MonthOf, &[T::Date], Give::Is(Type::Month)),
        ("month_start", F::MonthStart, &[T::MonthOf], DATE),
        ("month_end", F::MonthEnd, &[T::MonthOf], DATE),
        ("date", F::MakeDate, &[T::Int, T::Int, T::Int], DATE),
        ("in_window", F::InWindow, &[T::Date, T::Date, T::Date], BOOL),
        ("in_period", F::InPeriod, &[T::Date, T::Month], BOOL),
        ("overlap_days", F::OverlapDays, &[T::Date, T::Date, T::Date, T::Date], INT),
        ("under", F::Under, &[T::Region, T::Region], BOOL),
        ("province", F::RegionLevel(1), &[T::Region], REGION),
        ("prefecture", F::RegionLevel(2), &[T::Region], REGION),
        ("county", F::RegionLevel(3), &[T::Region], REGION),
        ("town", F::RegionLevel(4), &[T::Region], REGION),
        ("village", F::RegionLevel(5), &[T::Region], REGION),
        ("distance_km", F::DistanceKm, &[T::Decimal, T::Decimal, T::Decimal, T::Decimal], Give::Is(Type::Decimal(3))),
        ("lower", F::Lower, &[T::Text], TEXT),
        ("upper", F::Upper, &[T::Text], TEXT),
        ("length", F::Length, &[T::Text], INT),
        ("substring", F::Substring, &[T::Text, T::Int, T::Int], TEXT),
        ("starts_with", F::StartsWith, &[T::Text, T::Text], BOOL),
        ("contains", F::Contains, &[T::Text, T::Text], BOOL),
        ("edits", F::Edits, &[T::Text, T::Text], INT),
        ("id_valid", F::IdValid, &[T::IdOrText], BOOL),
        ("id_birth", F::IdBirth, &[T::Id], DATE),
        ("id_sex", F::IdSex, &[T::Id], CODE),
        ("id_region", F::IdRegion, &[T::Id], CODE),
        ("id_placeholder", F::IdPlaceholder, &[T::Id], BOOL),
        ("id_text", F::IdText, &[T::Id], TEXT),
    ]
};

impl Checker<'_> {
    pub(crate) fn call(&mut self, name: &Ident, distinct: bool, args: &[Arg], filter: Option<&Ast>, range: &Range<usize>) -> Option<Typed> {
        let lower = name.name.to_lowercase();
        let Some(known) = functions::find(&lower) else { return self.unknown_function(name, &lower) };
        if known.family == Family::Aggregate {
            return self.aggregate(&lower, distinct, args, filter, range).map(Typed::Value);
        }
        if distinct || filter.is_some() {
            let what = if distinct { "distinct" } else { "filter" };
            return self.fail(
                "wrong-arguments",
                range.clone(),
                format!("`{what}` belongs to aggregates, and `{lower}` is none"),
                "not an aggregate",
                Some(format!("it is written `{}`", known.usage)),
            );
        }
        if let Some(named) = args.iter().find_map(|a| a.name.as_ref())
            && lower != "param"
        {
            return self.fail(
                "wrong-arguments",
                named.range.clone(),
                format!("`{lower}` has no argument named `{}`", named.name),
                "not expected here",
                Some(format!("it is written `{}`", known.usage)),
            );
        }
        let asts: Vec<&Ast> = args.iter().map(|a| &a.value).collect();
        if let Some(&(_, function, takes, gives)) = PLAIN.iter().find(|(n, ..)| *n == lower) {
            self.count(&lower, &asts, takes.len()..=takes.len(), range)?;
            let ids: Vec<Option<ExprId>> = asts.iter().zip(takes).map(|(ast, take)| self.taken(&lower, ast, *take)).collect();
            let ids = ids.into_iter().collect::<Option<Vec<_>>>()?;
            let ty = match gives {
                Give::Is(ty) => ty,
                Give::First => self.ty(*ids.first()?),
            };
            return Some(Typed::Value(self.call_node(function, ids, ty)));
        }
        self.special(&lower, &asts, args, range)
    }

    fn special(&mut self, name: &str, asts: &[&Ast], args: &[Arg], range: &Range<usize>) -> Option<Typed> {
        let id = match name {
            "coalesce" | "greatest" | "least" => {
                self.count(name, asts, 1..=usize::MAX, range)?;
                self.alternatives(name, asts)?
            }
            "nullif" => {
                self.count(name, asts, 2..=2, range)?;
                let (a, b) = (self.value(asts[0]), self.value(asts[1]));
                let (a, b) = self.met(a?, &asts[0].range, b?, &asts[1].range)?;
                let ty = self.ty(a);
                self.call_node(Function::NullIf, vec![a, b], ty)
            }
            "concat" => {
                self.count(name, asts, 1..=usize::MAX, range)?;
                let ids: Vec<Option<ExprId>> = asts.iter().map(|a| self.text_arg(a, name)).collect();
                self.call_node(Function::Concat, ids.into_iter().collect::<Option<Vec<_>>>()?, Type::Text(TextKind::Plain))
            }
            "days" | "months" | "years" => return self.interval_or_distance(name, asts, range),
            "months_between" => {
                self.count(name, asts, 2..=2, range)?;
                self.distance_in_months(asts)?
            }
            "year" => {
                self.count(name, asts, 1..=1, range)?;
                self.year(asts[0])?
            }
            "yuan" | "wan" | "fen" => {
                self.count(name, asts, 1..=1, range)?;
                self.money(name, asts[0])?
            }
            "as_of" => {
                self.count(name, asts, 0..=0, range)?;
                let day = self.names.catalog.as_of;
                self.graph().literal(Value::Date(day))
            }
            "row_number" => {
                self.count(name, asts, 0..=1, range)?;
                self.row_number(asts.first().copied(), range)?
            }
            "has" => {
                self.count(name, asts, 1..=1, range)?;
                self.has(asts[0])?
            }
            "prior" => {
                self.count(name, asts, 1..=1, range)?;
                self.prior(asts[0])?
            }
            "param" => self.param(args, range)?,
            "listed" => self.listed(asts, range)?,
            _ => return self.fail("unknown-function", range.clone(), format!("`{name}` cannot be used here"), "not usable here", None),
        };
        Some(Typed::Value(id))
    }

    fn unknown_function<T>(&mut self, name: &Ident, lower: &str) -> Option<T> {
        let other = match lower {
            "now" | "today" | "current_date" | "sysdate" | "getdate" => Some("the day of the audit is `as_of()`"),
            "datediff" | "date_diff" | "days_between" => Some("whole days between two dates are `days(a, b)`"),
            "dateadd" | "date_add" => Some("write `d + days(30)` or `d + months(3)`"),
            "ifnull" | "nvl" | "isnull" | "if_null" => Some("write `coalesce(a, b)`, or `a is null`"),
            "if" | "iif" => Some("write `case when ... then ... else ... end`"),
            "len" | "char_length" => Some("write `length(text)`"),
            "substr" | "mid" | "left" => Some("write `substring(text, start, length)`"),
            "month" => Some("the month a date lies in is `month_of(d)`, its number `month_of_year(d)`"),
            "day" => Some("the day of the month is `day_of_month(d)`"),
            "lag" | "lead" | "previous" => Some("the value one period before is `prior(x)`"),
            "mean" | "average" => Some("write `avg(x)`"),
            "stddev" | "stddev_samp" | "variance" => Some("spread is measured by the check `outlier`"),
            "none" | "all" => Some("write `every(x)` or `not any(x)`"),
            _ => None,
        };
        let diagnostic = Diagnostic::error("unknown-function", format!("there is no function `{}`", name.name))
            .at(super::checker::place(self.text, name.range.clone()), "not known");
        self.error(match other {
            Some(other) => diagnostic.help(other),
            None => match nearest(lower, functions::names()) {
                Some(near) => diagnostic.help(format!("a similar function exists: `{}`", functions::find(near).map_or(near, |f| f.usage))),
                None => diagnostic.help("all functions are listed in docs/functions.md"),
            },
        });
        None
    }
    pub(crate) fn count(&mut self, name: &str, asts: &[&Ast], wanted: std::ops::RangeInclusive<usize>, range: &Range<usize>) -> Option<()> {
        if wanted.contains(&asts.len()) {
            return Some(());
        }
        let usage = functions::find(name).map_or(name, |f| f.usage);
        let n = asts.len();
        let found = if n == 1 { "1 argument".to_owned() } else { format!("{n} arguments") };
        self.fail(
            "wrong-arguments",
            range.clone(),
            format!("`{name}` has {found} here"),
            "wrong number of arguments",
            Some(format!("it is written `{usage}`")),
        )
    }
    fn taken(&mut self, name: &str, ast: &Ast, take: Take) -> Option<ExprId> {
        let fixed = match take {
            Take::Date => Some(Type::Date),
            Take::Int => Some(Type::Int),
            Take::Region => Some(Type::Region),
            Take::Id => Some(Type::CitizenId),
            Take::Text => return self.text_arg(ast, name),
            _ => None,
        };
        if let Some(ty) = fixed {
            return self.value_as(ast, ty);
        }
        let id = self.value(ast)?;
        let ty = self.ty(id);
        match (take, ty) {
            (_, Type::Null) | (Take::Month | Take::MonthOf, Type::Month) | (Take::IdOrText, Type::CitizenId | Type::Text(_)) => Some(id),
            (Take::MonthOf, Type::Date) => Some(self.call_node(Function::MonthOf, vec![id], Type::Month)),
            (Take::Month | Take::MonthOf, _) => self.coerced(id, Type::Month, &ast.range),
            (Take::Decimal, Type::Decimal(_)) => Some(id),
            (Take::Decimal, Type::Int) => self.coerced(id, Type::Decimal(0), &ast.range),
            (Take::Numeric, t) if is_number(t) || t == Type::Money => Some(id),
            (_, t) => {
                let wanted = match take {
                    Take::Numeric => "a number or money",
                    Take::Decimal => "a decimal number",
                    _ => "a citizen id or text",
                };
                self.fail(
                    "type-mismatch",
                    ast.range.clone(),
                    format!("`{name}` needs {wanted}, found {}", words(t)),
                    format!("this is {}", words(t)),
                    None,
                )
            }
        }
    }

    fn alternatives(&mut self, name: &str, asts: &[&Ast]) -> Option<ExprId> {
        let ids: Vec<Option<(ExprId, Range<usize>)>> = asts.iter().map(|a| Some((self.value(a)?, a.range.clone()))).collect();
        let mut ids = ids.into_iter().collect::<Option<Vec<_>>>()?;
        if ids.len() > 1 {
            ids.retain(|(id, _)| self.names.graph.literal_of(*id) != Some(&Value::Null));
        }
        let (ids, ty) = self.unified(ids)?;
        if ids.len() == 1 {
            return ids.first().copied();
        }
        let function = match name {
            "coalesce" => Function::Coalesce,
            "greatest" => Function::Greatest,
            _ => Function::Least,
        };
        if function != Function::Coalesce && !is_ordered(ty) {
            let at = asts[0].range.start..asts[asts.len() - 1].range.end;
            return self.fail("type-mismatch", at, format!("{} has no order", words(ty)), "cannot be ranked", None);
        }
        Some(self.call_node(function, ids, ty))
    }

    fn interval_or_distance(&mut self, name: &str, asts: &[&Ast], range: &Range<usize>) -> Option<Typed> {
        if let [a, b] = asts {
            if name == "days" {
                let (a, b) = (self.value_as(a, Type::Date), self.value_as(b, Type::Date));
                return Some(Typed::Value(self.call_node(Function::DaysBetween, vec![a?, b?], Type::Int)));
            }
            let help = if name == "months" {
                "complete months between two dates are `months_between(a, b)`"
            } else {
                "years between two dates are `months_between(a, b) / 12`"
            };
            return self.fail(
                "wrong-arguments",
                range.clone(),
                format!("`{name}(a, b)` stands only under `each:` of a view"),
                "not expected here",
                Some(help.to_owned()),
            );
        }
        self.count(name, asts, 1..=1, range)?;
        let n = self.value_as(asts[0], Type::Int)?;
        Some(match name {
            "days" => Typed::Days(n),
            "months" => Typed::Months(n),
            _ => {
                let twelve = self.graph().literal(Value::Int(12));
                Typed::Months(self.binary_node(BinaryOp::Multiply, n, twelve, Type::Int))
            }
        })
    }
    fn distance_in_months(&mut self, asts: &[&Ast]) -> Option<ExprId> {
        let (a, b) = (self.value(asts[0]), self.value(asts[1]));
        let (a, b) = (a?, b?);
        if self.ty(a) == Type::Month && self.ty(b) == Type::Month {
            return Some(self.call_node(Function::MonthsBetween, vec![a, b], Type::Int));
        }
        let (a, b) = (self.coerced(a, Type::Date, &asts[0].range), self.coerced(b, Type::Date, &asts[1].range));
        Some(self.call_node(Function::MonthsBetween, vec![a?, b?], Type::Int))
    }
    fn year(&mut self, ast: &Ast) -> Option<ExprId> {
        let id = self.value(ast)?;
        let id = if self.ty(id) == Type::Month {
            self.call_node(Function::MonthStart, vec![id], Type::Date)
        } else {
            self.coerced(id, Type::Date, &ast.range)?
        };
        Some(self.call_node(Function::Year, vec![id], Type::Int))
    }
    fn money(&mut self, name: &str, ast: &Ast) -> Option<ExprId> {
        let id = self.value(ast)?;
        let ty = self.ty(id);
        if !is_number(ty) {
            let label = if ty == Type::Money { "this is money already".to_owned() } else { format!("this is {}", words(ty)) };
            return self.fail(
                "type-mismatch",
                ast.range.clone(),
                format!("`{name}` makes money of a number, found {}", words(ty)),
                label,
                None,
            );
        }
        let fen = match name {
            "yuan" => 100,
            "wan" => 1_000_000,
            _ => 1,
        };
        let unit = self.graph().literal(Value::Money(fen));
        Some(self.binary_node(BinaryOp::Multiply, unit, id, Type::Money))
    }

    fn row_number(&mut self, ast: Option<&Ast>, range: &Range<usize>) -> Option<ExprId> {
        let row = match ast {
            None => {
                let rows = &self.names.rows;
                rows.iter().find(|r| r.bare).or(rows.first()).map(|r| r.row.row.clone())
            }
            Some(ast) => Some(self.row_of(ast, "row_number")?.row),
        };
        let Some(row) = row else { return self.fail("wrong-arguments", range.clone(), "no row is at hand here", "no row", None) };
        Some(self.graph().expr(Expr::RowNumber { row }, Type::Int))
    }
    fn row_of(&mut self, ast: &Ast, who: &str) -> Option<super::names::Row> {
        let Kind::Path(path) = &ast.kind else {
            return self.fail("wrong-arguments", ast.range.clone(), format!("`{who}` needs the name of a row or link"), "not a name", None);
        };
        let written = self.written(&ast.range).to_owned();
        match self.names.resolve(path) {
            Ok(Found::Row(row)) => Some(row),
            Ok(Found::Many(_)) => {
                let help = format!("ask `exists({written})` or count them: `count({written})`");
                self.fail("many-rows", ast.range.clone(), format!("`{written}` stands for many rows"), "many rows", Some(help))
            }
            Ok(Found::Value(_)) => {
                let help = format!("ask for a missing value with `{written} is not null`");
                self.fail(
                    "not-a-link",
                    ast.range.clone(),
                    format!("`{who}` asks about a link, and `{written}` is a value"),
                    "a value",
                    Some(help),
                )
            }
            Err(lost) => self.lost(lost, path),
        }
    }
    fn has(&mut self, ast: &Ast) -> Option<ExprId> {
        let row = self.row_of(ast, "has")?.row;
        if !matches!(row.hops.last(), Some(Hop::Link(_))) {
            return self.fail("not-a-link", ast.range.clone(), "this row is always there", "not reached by a link", None);
        }
        Some(self.graph().expr(Expr::Has { row }, Type::Bool))
    }

    /// `prior(x)`: x of the row of the same table with the same key but the period, which is one less.
    fn prior(&mut self, ast: &Ast) -> Option<ExprId> {
        let id = self.value(ast)?;
        let reads = self.names.graph.reads(id);
        let named: Vec<_> =
            self.names.rows.iter().rev().filter(|r| r.row.row.slot < 31 && reads >> r.row.row.slot & 1 == 1).cloned().collect();
        let written = self.written(&ast.range).to_owned();
        let Some(named) = named.iter().find(|r| r.prefix.is_empty() || reads.count_ones() == 1).or(named.first()) else {
            return self.fail(
                "wrong-arguments",
                ast.range.clone(),
                format!("`{written}` does not change over time"),
                "no column of a row",
                None,
            );
        };
        let Some(table) = named.row.table else {
            return self.fail("wrong-arguments", ast.range.clone(), "`prior` needs a row of a table or view", "not of a table", None);
        };
        let def = &self.names.catalog.tables[table];
        let period = [Type::Month, Type::Date, Type::Int].iter().find_map(|ty| def.key.iter().rev().find(|c| def.columns[**c].ty == *ty));
        let Some(&period) = period else {
            let help = format!("declare a key with a period: `key: [..., year]` for `{}` in recount.yaml", def.name);
            return self.fail(
                "no-period",
                ast.range.clone(),
                format!("the key of `{}` has no period, so nothing comes before", def.name),
                "needs a year, month or day in the key",
                Some(help),
            );
        };
        let own = super::names::Row { row: super::RowRef::slot(0), rel: def.rel, table: Some(table) };
        let keys: Vec<_> = def.key.iter().filter(|c| **c != period).map(|c| self.names.column(&own, table, *c)).collect();
        let order = self.names.column(&own, table, period);
        let (Ok(keys), Ok(order)) = (keys.into_iter().collect::<Result<Vec<_>, _>>(), order) else {
            self.later = true;
            return None;
        };
        let neighbour = Neighbour { of: def.rel, keys, order, among: None, exactly: Some(1) };
        let neighbour = self.graph().neighbour(neighbour);
        let from = named.row.row.clone();
        Some(self.graph().rebase_prefix(id, &from, &from.then(Hop::Neighbour(neighbour))))
    }
}
