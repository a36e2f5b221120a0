//! Expressions as `sqlparser` reads them -> the syntax tree of the rule language, which the checker types. Aggregates, windows and
//! subqueries become names for columns that the select computes.

use sqlparser::ast as sql;
use sqlparser::ast::Spanned as _;

use super::block::{Block, Compiler};
use crate::plan::syntax::{Arg, Ast, Ident, Kind, Operator};
use crate::plan::{Want, functions};

/// Where an expression stands, and so what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Rows of the tables: `where`, `on`, `group by`, inside aggregates.
    Row,
    /// After grouping; windows may stand here.
    Output,
    /// Inside a window function.
    Window,
}

impl Compiler<'_> {
    pub fn ast(&mut self, block: &mut Block, expr: &sql::Expr, level: Level) -> Option<Ast> {
        if level != Level::Row
            && let Some(name) = self.group_key(block, expr)
        {
            return Some(self.named_path(&name, expr.span()));
        }
        let range = self.text.range(expr.span());
        let boxed = |ast: Ast| Box::new(ast);
        let kind = match expr {
            sql::Expr::Nested(inner) => return self.ast(block, inner, level),
            sql::Expr::Identifier(ident) => return self.name(block, std::slice::from_ref(ident), expr, level),
            sql::Expr::CompoundIdentifier(path) => return self.name(block, path, expr, level),
            sql::Expr::Value(value) => match &value.value {
                sql::Value::Number(text, false) => Kind::Number(text.clone()),
                sql::Value::SingleQuotedString(text) => Kind::Text(text.clone()),
                sql::Value::Boolean(value) => Kind::Bool(*value),
                sql::Value::Null => Kind::Null,
                _ => return self.unsupported(expr.span(), "this literal", "numbers are written 12.5, texts 'so', dates date '2019-06-30'"),
            },
            sql::Expr::TypedString(typed) => match &typed.value.value {
                sql::Value::SingleQuotedString(text) => Kind::TypedText(typed.data_type.to_string().to_lowercase(), text.clone()),
                _ => return self.unsupported(expr.span(), "this literal", "write `date '2019-06-30'` or `month '2019-06'`"),
            },
            sql::Expr::Interval(interval) => {
                let text = match &*interval.value {
                    sql::Expr::Value(v) => match &v.value {
                        sql::Value::SingleQuotedString(text) | sql::Value::Number(text, _) => Some(text.clone()),
                        _ => None,
                    },
                    _ => None,
                };
                match (text, &interval.leading_field) {
                    (Some(text), None) => Kind::Interval(text),
                    (Some(text), Some(unit)) => Kind::Interval(format!("{text} {}", unit.to_string().to_lowercase())),
                    _ => return self.unsupported(expr.span(), "this interval", "write `interval '3 months'`, `months(n)` or `days(n)`"),
                }
            }
            sql::Expr::UnaryOp { op, expr: arg } => match op {
                sql::UnaryOperator::Not => Kind::Not(boxed(self.ast(block, arg, level)?)),
                sql::UnaryOperator::Minus => Kind::Negate(boxed(self.ast(block, arg, level)?)),
                sql::UnaryOperator::Plus => return self.ast(block, arg, level),
                _ => return self.unsupported(expr.span(), &format!("`{op}`"), "docs/functions.md lists the operators"),
            },
            sql::Expr::BinaryOp { left, op, right } => return self.operation(block, left, op, right, expr, level),
            sql::Expr::IsNull(arg) => Kind::IsNull { arg: boxed(self.ast(block, arg, level)?), negated: false },
            sql::Expr::IsNotNull(arg) => Kind::IsNull { arg: boxed(self.ast(block, arg, level)?), negated: true },
            sql::Expr::IsTrue(arg) => Kind::IsBool { arg: boxed(self.ast(block, arg, level)?), value: true, negated: false },
            sql::Expr::IsNotTrue(arg) => Kind::IsBool { arg: boxed(self.ast(block, arg, level)?), value: true, negated: true },
            sql::Expr::IsFalse(arg) => Kind::IsBool { arg: boxed(self.ast(block, arg, level)?), value: false, negated: false },
            sql::Expr::IsNotFalse(arg) => Kind::IsBool { arg: boxed(self.ast(block, arg, level)?), value: false, negated: true },
            sql::Expr::Between { expr: arg, negated, low, high } => {
                let (arg, low) = (boxed(self.ast(block, arg, level)?), boxed(self.ast(block, low, level)?));
                Kind::Between { arg, low, high: boxed(self.ast(block, high, level)?), negated: *negated }
            }
            sql::Expr::In { expr: arg, target: sql::InTarget::List(list), negated, .. } => {
                let arg = boxed(self.ast(block, arg, level)?);
                let list = list.iter().map(|item| self.ast(block, item, level)).collect::<Option<Vec<_>>>()?;
                Kind::In { arg, list, negated: *negated }
            }
            sql::Expr::Like { negated, any: false, expr: arg, pattern, escape_char: None } => {
                Kind::Like { arg: boxed(self.ast(block, arg, level)?), pattern: boxed(self.ast(block, pattern, level)?), negated: *negated }
            }
            sql::Expr::Case { operand, conditions, else_result, .. } => {
                let operand = match operand {
                    Some(operand) => Some(boxed(self.ast(block, operand, level)?)),
                    None => None,
                };
                let mut whens = vec![];
                for when in conditions {
                    whens.push((self.ast(block, &when.condition, level)?, self.ast(block, &when.result, level)?));
                }
                let otherwise = match else_result {
                    Some(otherwise) => Some(boxed(self.ast(block, otherwise, level)?)),
                    None => None,
                };
                Kind::Case { operand, whens, otherwise }
            }
            sql::Expr::Substring { expr: arg, substring_from, substring_for, .. } => {
                let parts: Vec<&sql::Expr> =
                    std::iter::once(&**arg).chain(substring_from.as_deref()).chain(substring_for.as_deref()).collect();
                let args =
                    parts.into_iter().map(|p| Some(Arg { name: None, value: self.ast(block, p, level)? })).collect::<Option<Vec<_>>>()?;
                let name = Ident { name: "substring".to_owned(), range: range.clone(), quoted: false };
                Kind::Call { name, distinct: false, args, filter: None }
            }
            sql::Expr::Function(function) => return self.function(block, function, expr, level),
            sql::Expr::Subquery(query) => {
                let name = self.constant(block, query)?;
                return Some(self.named_path(&name, expr.span()));
            }
            other => return self.not_an_expression(other),
        };
        Some(Ast { kind, range })
    }

    pub fn named_path(&self, name: &str, span: sqlparser::tokenizer::Span) -> Ast {
        let range = self.text.range(span);
        Ast { kind: Kind::Path(vec![Ident { name: name.to_owned(), range: range.clone(), quoted: true }]), range }
    }

    fn operation(
        &mut self,
        block: &mut Block,
        left: &sql::Expr,
        op: &sql::BinaryOperator,
        right: &sql::Expr,
        whole: &sql::Expr,
        level: Level,
    ) -> Option<Ast> {
        use sql::BinaryOperator as B;
        let range = self.text.range(whole.span());
        if matches!(op, B::And | B::Or) {
            // Long chains lean to the left: taken apart in a loop, not by recursion.
            let mut parts = vec![right];
            let mut rest = left;
            while let sql::Expr::BinaryOp { left, op: inner, right } = rest
                && inner == op
            {
                parts.push(right);
                rest = left;
            }
            parts.push(rest);
            let parts = parts.into_iter().rev().map(|p| self.ast(block, p, level)).collect::<Option<Vec<_>>>()?;
            return Some(Ast { kind: Kind::Chain { and: *op == B::And, parts }, range });
        }
        let operator = match op {
            B::Eq => Operator::Equal,
            B::NotEq => Operator::NotEqual,
            B::Lt => Operator::Less,
            B::LtEq => Operator::LessEqual,
            B::Gt => Operator::Greater,
            B::GtEq => Operator::GreaterEqual,
            B::Plus => Operator::Add,
            B::Minus => Operator::Subtract,
            B::Multiply => Operator::Multiply,
            B::Divide => Operator::Divide,
            B::Modulo => Operator::Remainder,
            B::StringConcat => Operator::Concat,
            other => return self.unsupported(whole.span(), &format!("`{other}`"), "docs/functions.md lists the operators"),
        };
        let (left, right) = (self.ast(block, left, level), self.ast(block, right, level));
        Some(Ast { kind: Kind::Binary { op: operator, left: Box::new(left?), right: Box::new(right?) }, range })
    }

    /// A column, along links or not.
    fn name(&mut self, block: &mut Block, path: &[sql::Ident], expr: &sql::Expr, level: Level) -> Option<Ast> {
        let words: Vec<Ident> =
            path.iter().map(|i| Ident { name: i.value.clone(), range: self.text.range(i.span), quoted: i.quote_style.is_some() }).collect();
        let ast = Ast { kind: Kind::Path(words), range: self.text.range(expr.span()) };
        if let [one] = path {
            let holders: Vec<&str> = block
                .visible
                .iter()
                .filter(|(_, table, _)| self.catalog.tables[*table].position(&one.value).is_some())
                .map(|(alias, ..)| alias.as_str())
                .collect();
            if holders.len() > 1 && !block.using.contains(&one.value) {
                let message = format!("`{}` stands in several tables", one.value);
                let help = format!("say which: {}", holders.iter().map(|a| format!("`{a}.{}`", one.value)).collect::<Vec<_>>().join(", "));
                return self.fail("ambiguous-name", one.span, message, "which one?", &help);
            }
            if holders.is_empty()
                && block.aliases
                && let Some((_, item)) = block.items.iter().find(|(name, _)| *name == one.value).cloned()
            {
                block.aliases = false;
                let ast = self.ast(block, &item, level);
                block.aliases = true;
                return ast;
            }
        }
        if level == Level::Row || block.group.is_none() {
            return Some(ast);
        }
        // After grouping only keys are left of a row.
        let id = self.typed(&ast, &block.scope, Want::Any)?;
        let position = block.group.as_ref().and_then(|g| g.keys.iter().position(|k| *k == id));
        if let Some(position) = position {
            return Some(self.named_path(&super::aggregate::key_name(position), expr.span()));
        }
        let written = self.text.whole.value.get(self.text.range(expr.span())).unwrap_or_default().to_owned();
        let help = format!("group by it too, or say which of its values: `min({written})`, `sum({written})`, `count(distinct {written})`");
        self.fail("not-grouped", expr.span(), format!("`{written}` has many values in a group"), "neither grouped nor aggregated", &help)
    }

    /// A call that is no aggregate of the select and no window.
    pub fn call(&mut self, block: &mut Block, function: &sql::Function, expr: &sql::Expr, level: Level) -> Option<Ast> {
        let range = self.text.range(expr.span());
        let Some(name) = plain_name(function) else {
            return self.unsupported(expr.span(), "this function", "docs/functions.md lists all functions");
        };
        let (args, distinct) = self.args(block, function, expr, level)?;
        let filter = match &function.filter {
            Some(filter) => Some(Box::new(self.ast(block, filter, level)?)),
            None => None,
        };
        let name = Ident { name: name.value.clone(), range: self.text.range(name.span), quoted: name.quote_style.is_some() };
        Some(Ast { kind: Kind::Call { name, distinct, args, filter }, range })
    }
    pub fn args(&mut self, block: &mut Block, function: &sql::Function, expr: &sql::Expr, level: Level) -> Option<(Vec<Arg>, bool)> {
        let list = match &function.args {
            sql::FunctionArguments::None => return Some((vec![], false)),
            sql::FunctionArguments::List(list) if list.clauses.is_empty() => list,
            _ => return self.unsupported(expr.span(), "this argument", "docs/functions.md lists all functions"),
        };
        let mut args = vec![];
        for arg in &list.args {
            let (name, value) = match arg {
                sql::FunctionArg::Named { name, arg, .. } => (Some(name), arg),
                sql::FunctionArg::Unnamed(arg) => (None, arg),
                sql::FunctionArg::ExprNamed { .. } => {
                    return self.unsupported(expr.span(), "this argument", "a name is written `name => value`");
                }
            };
            let value = match value {
                sql::FunctionArgExpr::Expr(value) => self.ast(block, value, level)?,
                sql::FunctionArgExpr::Wildcard => Ast { kind: Kind::Star, range: self.text.range(expr.span()) },
                _ => return self.unsupported(expr.span(), "this argument", "`count(*)` counts rows"),
            };
            let name = name.map(|n| Ident { name: n.value.clone(), range: self.text.range(n.span), quoted: n.quote_style.is_some() });
            args.push(Arg { name, value });
        }
        Some((args, matches!(list.duplicate_treatment, Some(sql::DuplicateTreatment::Distinct))))
    }

    fn not_an_expression<T>(&mut self, expr: &sql::Expr) -> Option<T> {
        let (what, help) = match expr {
            sql::Expr::Cast { .. } | sql::Expr::Convert { .. } => (
                "`cast`",
                "columns have the types of recount.yaml; `round(x)` makes a whole number, `yuan(n)` money, `month_of(d)` a month, `id_text(id)` a text",
            ),
            sql::Expr::Extract { .. } => ("`extract`", "write `year(d)`, `month_of_year(d)` or `day_of_month(d)`"),
            sql::Expr::Ceil { .. } | sql::Expr::Floor { .. } => ("rounding up or down", "`round(x)` rounds half away from zero"),
            sql::Expr::Trim { .. } => ("`trim`", "texts are trimmed when they are loaded"),
            sql::Expr::Position { .. } => ("`position`", "ask `contains(text, 'part')` or `text like '%part%'`"),
            sql::Expr::ILike { .. } => ("`ilike`", "write `lower(text) like '...'`"),
            sql::Expr::SimilarTo { .. } | sql::Expr::RLike { .. } => {
                ("a regular expression", "`like` knows `%` and `_`; `starts_with` and `contains` look for parts")
            }
            sql::Expr::IsDistinctFrom(..) | sql::Expr::IsNotDistinctFrom(..) => {
                ("`is distinct from`", "write `a <> b or (a is null and b is not null) or (a is not null and b is null)`")
            }
            sql::Expr::Exists { .. } => (
                "`exists` here",
                "`exists` stands in `where`, joined to other conditions by `and`; count the rows in a `with` select otherwise",
            ),
            sql::Expr::In { .. } => ("`in (select ..)` here", "it stands in `where`, joined to other conditions by `and`"),
            sql::Expr::AnyOp { .. } | sql::Expr::AllOp { .. } => {
                ("`any` or `all` of a subquery", "compare with `(select min(x) from t)` or `(select max(x) from t)`")
            }
            sql::Expr::GroupingSets(_) | sql::Expr::Cube(_) | sql::Expr::Rollup(_) => {
                ("`rollup`, `cube` and `grouping sets`", "write one select per grouping and join them with `union all`")
            }
            sql::Expr::Tuple(_) => ("a list of values here", "compare one by one: `a = 1 and b = 2`"),
            _ => ("this", "docs/functions.md lists operators and functions"),
        };
        self.unsupported(expr.span(), what, help)
    }
}

/// The name of a function that is not qualified.
pub(super) fn plain_name(function: &sql::Function) -> Option<&sql::Ident> {
    match function.name.0.as_slice() {
        [part] if function.within_group.is_empty() && function.null_treatment.is_none() => part.as_ident(),
        _ => None,
    }
}

/// Whether a function of this name runs over many rows.
pub(super) fn aggregates(name: &str) -> bool {
    functions::find(&name.to_lowercase()).is_some_and(|f| f.family == functions::Family::Aggregate)
}

/// The parts of an expression, for the forms that can be written.
pub(super) fn parts(expr: &sql::Expr) -> Vec<&sql::Expr> {
    match expr {
        sql::Expr::Nested(a)
        | sql::Expr::UnaryOp { expr: a, .. }
        | sql::Expr::IsNull(a)
        | sql::Expr::IsNotNull(a)
        | sql::Expr::IsTrue(a)
        | sql::Expr::IsNotTrue(a)
        | sql::Expr::IsFalse(a)
        | sql::Expr::IsNotFalse(a) => vec![a],
        sql::Expr::BinaryOp { left, right, .. } => vec![left, right],
        sql::Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        sql::Expr::In { expr, target: sql::InTarget::List(list), .. } => std::iter::once(&**expr).chain(list).collect(),
        sql::Expr::Like { expr, pattern, .. } => vec![expr, pattern],
        sql::Expr::Case { operand, conditions, else_result, .. } => {
            let whens = conditions.iter().flat_map(|w| [&w.condition, &w.result]);
            operand.as_deref().into_iter().chain(whens).chain(else_result.as_deref()).collect()
        }
        sql::Expr::Substring { expr, substring_from, substring_for, .. } => {
            std::iter::once(&**expr).chain(substring_from.as_deref()).chain(substring_for.as_deref()).collect()
        }
        sql::Expr::Function(function) => function_parts(function),
        _ => vec![],
    }
}

/// Arguments, filter and window of a call.
fn function_parts(function: &sql::Function) -> Vec<&sql::Expr> {
    let mut out: Vec<&sql::Expr> = function.filter.as_deref().into_iter().collect();
    if let sql::FunctionArguments::List(list) = &function.args {
        out.extend(list.args.iter().filter_map(|arg| match arg {
            sql::FunctionArg::Named { arg: sql::FunctionArgExpr::Expr(e), .. }
            | sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(e)) => Some(e),
            _ => None,
        }));
    }
    if let Some(sql::WindowType::WindowSpec(spec)) = &function.over {
        out.extend(&spec.partition_by);
        out.extend(spec.order_by.iter().map(|o| &o.expr));
    }
    out
}
