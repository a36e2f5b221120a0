//! Syntax tree -> typed expression: names looked up, types checked, casts made explicit, constants folded.

use std::ops::Range;

use super::names::{Found, Lost, Many, Names, Pending};
use super::syntax::{Ast, Ident, Kind, Operator, SyntaxError};
use super::types::{Mismatch, Want, is_number, is_text, words};
use super::{BinaryOp, Catalog, Expr, ExprId, Function, Graph, Scope, UnaryOp};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned, nearest};
use crate::schema::{TextKind, Type, Value};

/// Levels an expression may have once `let` names and computed columns are written out.
const MAX_LEVELS: u32 = 400;

/// Parses `text` and types it against the catalog. All that is wrong with it is told at once.
pub fn parse(text: &Spanned<String>, scope: &Scope, catalog: &Catalog, graph: &mut Graph, want: Want) -> Result<ExprId, Diagnostics> {
    match parse_within(text, scope, catalog, None, graph, want) {
        Outcome::Done(id) => Ok(id),
        Outcome::Failed(errors) => Err(errors),
        // Only a catalog under construction has parts to wait for.
        Outcome::Later => Err(Diagnostic::error("cycle", "the expression needs itself").at(text.span.clone(), "here").into()),
    }
}

pub(crate) enum Outcome<T> {
    Done(T),
    Failed(Diagnostics),
    /// It names something of the catalog that is not built yet.
    Later,
}

pub(crate) fn parse_within(
    text: &Spanned<String>,
    scope: &Scope,
    catalog: &Catalog,
    pending: Option<&Pending>,
    graph: &mut Graph,
    want: Want,
) -> Outcome<ExprId> {
    let ast = match super::syntax::parse(&text.value) {
        Ok(ast) => ast,
        Err(error) => return Outcome::Failed(syntax_error(text, error).into()),
    };
    check(text, &ast, scope, catalog, pending, graph, want)
}

pub(crate) fn check(
    text: &Spanned<String>,
    ast: &Ast,
    scope: &Scope,
    catalog: &Catalog,
    pending: Option<&Pending>,
    graph: &mut Graph,
    want: Want,
) -> Outcome<ExprId> {
    let mut checker =
        Checker { text, scope, names: Names::new(catalog, pending, graph, scope), errors: Diagnostics::default(), later: false };
    let id = checker.wanted(ast, want);
    if let Some(id) = id
        && checker.names.graph.depth(id) > MAX_LEVELS
    {
        checker.fail::<()>(
            "too-deep",
            ast.range.clone(),
            "written out, the expression nests too deep",
            "too many levels",
            Some("use fewer `let` names that build on each other".into()),
        );
    }
    if checker.later {
        return Outcome::Later;
    }
    match id {
        Some(id) if !checker.errors.has_errors() => Outcome::Done(id),
        _ => Outcome::Failed(checker.errors),
    }
}

#[expect(clippy::boxed_local, reason = "errors of the syntax travel boxed")]
pub(crate) fn syntax_error(text: &Spanned<String>, error: Box<SyntaxError>) -> Diagnostic {
    let diagnostic = Diagnostic::error(error.code, error.message).at(place(text, error.range), error.label);
    match error.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

/// Where bytes `range` of an expression stand in its file.
pub(crate) fn place(text: &Spanned<String>, range: Range<usize>) -> Option<Span> {
    text.span.as_ref().map(|span| span.part(range))
}

/// A typed part: a value, or an interval that only stands beside dates.
#[derive(Clone, Copy)]
pub(crate) enum Typed {
    Value(ExprId),
    Days(ExprId),
    Months(ExprId),
}

pub(crate) struct Checker<'a> {
    pub text: &'a Spanned<String>,
    pub scope: &'a Scope,
    pub names: Names<'a>,
    pub errors: Diagnostics,
    pub later: bool,
}

impl Checker<'_> {
    pub fn graph(&mut self) -> &mut Graph {
        self.names.graph
    }
    pub fn ty(&self, id: ExprId) -> Type {
        self.names.graph.type_of(id)
    }
    pub fn error(&mut self, diagnostic: Diagnostic) {
        self.errors.push(diagnostic);
    }
    pub fn fail<T>(
        &mut self,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) -> Option<T> {
        let diagnostic = Diagnostic::error(code, message).at(place(self.text, range), label);
        self.error(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
        None
    }
    pub fn written(&self, range: &Range<usize>) -> &str {
        self.text.value.get(range.clone()).unwrap_or_default()
    }

    fn wanted(&mut self, ast: &Ast, want: Want) -> Option<ExprId> {
        let id = self.value(ast)?;
        let ty = self.ty(id);
        let (fits, wanted) = match want {
            Want::Any => (ty != Type::Null, "a value"),
            Want::Bool => return self.bool_of(id, ast),
            Want::Type(to) => return self.coerced(id, to, &ast.range),
            Want::Key => (ty != Type::Null, "a key"),
            Want::Orderable => (matches!(ty, Type::Int | Type::Date | Type::Month), "a whole number, a date or a month"),
            Want::Numeric => (matches!(ty, Type::Int | Type::Decimal(_) | Type::Money), "a number or money"),
        };
        if fits {
            return Some(id);
        }
        self.fail(
            "type-mismatch",
            ast.range.clone(),
            format!("found {}, wanted {wanted}", words(ty)),
            format!("this is {}", words(ty)),
            None,
        )
    }
    /// A part that must be a value of some type.
    pub fn value(&mut self, ast: &Ast) -> Option<ExprId> {
        match self.typed(ast)? {
            Typed::Value(id) => Some(id),
            Typed::Days(_) | Typed::Months(_) => {
                let help = "add it to a date or take it off one: `d + days(30)`; a number of days is written plain: `days(a, b) > 30`";
                self.fail(
                    "type-mismatch",
                    ast.range.clone(),
                    "an interval stands only beside a date",
                    "not beside a date",
                    Some(help.to_owned()),
                )
            }
        }
    }
    pub fn bool(&mut self, ast: &Ast) -> Option<ExprId> {
        let id = self.value(ast)?;
        self.bool_of(id, ast)
    }
    fn bool_of(&mut self, id: ExprId, ast: &Ast) -> Option<ExprId> {
        let ty = self.ty(id);
        if matches!(ty, Type::Bool | Type::Null) {
            return Some(id);
        }
        let help = if is_number(ty) || ty == Type::Money { "compare it: `> 0`" } else { "compare it: `= ...`, or ask `is not null`" };
        self.fail(
            "type-mismatch",
            ast.range.clone(),
            format!("found {}, wanted a condition (true or false)", words(ty)),
            format!("this is {}", words(ty)),
            Some(help.to_owned()),
        )
    }
    pub fn value_as(&mut self, ast: &Ast, to: Type) -> Option<ExprId> {
        let id = self.value(ast)?;
        self.coerced(id, to, &ast.range)
    }
    /// `id`, written at `range`, as type `to`.
    pub fn coerced(&mut self, id: ExprId, to: Type, range: &Range<usize>) -> Option<ExprId> {
        let from = self.ty(id);
        match self.graph().coerce(id, to) {
            Ok(id) => Some(id),
            Err(Mismatch::Form(wanted)) => {
                let text = self.written(range).to_owned();
                self.fail("type-mismatch", range.clone(), format!("{text} cannot be read as {}", words(to)), wanted, None)
            }
            Err(Mismatch::Money) => self.money_mixed(id, from, to, range),
            Err(Mismatch::Types) => self.fail(
                "type-mismatch",
                range.clone(),
                format!("found {}, wanted {}", words(from), words(to)),
                format!("this is {}", words(from)),
                hint(from, to),
            ),
        }
    }
    pub fn money_mixed<T>(&mut self, id: ExprId, from: Type, to: Type, range: &Range<usize>) -> Option<T> {
        let help = if to == Type::Money && self.names.graph.literal_of(id).is_some() {
            format!("write yuan({})", self.written(range))
        } else {
            "make money of a number with yuan(n), a number of money with `/ yuan(1)`".to_owned()
        };
        self.fail(
            "money-and-number",
            range.clone(),
            format!("found {}, wanted {}", words(from), words(to)),
            "money never mixes with plain numbers",
            Some(help),
        )
    }

    pub fn typed(&mut self, ast: &Ast) -> Option<Typed> {
        let range = &ast.range;
        let id = match &ast.kind {
            Kind::Number(text) => self.number(text, range)?,
            Kind::Text(text) => self.graph().literal(Value::Text(text.as_str().into(), TextKind::Plain)),
            Kind::TypedText(word, text) => self.typed_text(word, text, range)?,
            Kind::Interval(text) => return self.interval(text, range),
            Kind::Bool(value) => self.graph().literal(Value::Bool(*value)),
            Kind::Null => self.graph().literal(Value::Null),
            Kind::Star => return self.fail("syntax", range.clone(), "`*` stands only in `count(*)`", "not expected here", None),
            Kind::Path(path) => self.path(path, range)?,
            Kind::Not(arg) => {
                let arg = self.bool(arg)?;
                self.not(arg)
            }
            Kind::Negate(arg) => return self.negate(arg),
            Kind::Binary { op, left, right } => return self.binary(*op, left, right, range),
            Kind::Chain { and, parts } => {
                let mut leaves = vec![];
                flatten(*and, parts, &mut leaves);
                let parts: Vec<Option<ExprId>> = leaves.into_iter().map(|p| self.bool(p)).collect();
                let op = if *and { BinaryOp::And } else { BinaryOp::Or };
                // A part may turn out to be such a chain itself, once what stands twice in it is gone.
                let mut all = vec![];
                for part in parts.into_iter().collect::<Option<Vec<_>>>()? {
                    self.links_of(op, part, &mut all);
                }
                let mut seen = hashbrown::HashSet::new();
                all.retain(|p| seen.insert(*p));
                self.chain(op, &all)
            }
            Kind::In { arg, list, negated } => {
                let id = self.in_list(arg, list)?;
                self.negated(id, *negated)
            }
            Kind::Between { arg, low, high, negated } => {
                let low = self.compare(BinaryOp::GreaterEqual, arg, low);
                let high = self.compare(BinaryOp::LessEqual, arg, high);
                let id = self.chain(BinaryOp::And, &[low?, high?]);
                self.negated(id, *negated)
            }
            Kind::Like { arg, pattern, negated } => {
                let (arg, pattern) = (self.text_arg(arg, "like"), self.text_arg(pattern, "like"));
                let id = self.call_node(Function::Like, vec![arg?, pattern?], Type::Bool);
                self.negated(id, *negated)
            }
            Kind::IsNull { arg, negated } => {
                let arg = self.value(arg)?;
                let id = self.unary(UnaryOp::IsNull, arg, Type::Bool);
                self.negated(id, *negated)
            }
            Kind::IsBool { arg, value, negated } => {
                let arg = self.bool(arg)?;
                let arg = self.negated(arg, !*value);
                let no = self.graph().literal(Value::Bool(false));
                let id = self.call_node(Function::Coalesce, vec![arg, no], Type::Bool);
                self.negated(id, *negated)
            }
            Kind::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise.as_deref())?,
            Kind::Call { name, distinct, args, filter } => return self.call(name, *distinct, args, filter.as_deref(), range),
        };
        Some(Typed::Value(id))
    }

    pub fn call_node(&mut self, function: Function, args: Vec<ExprId>, ty: Type) -> ExprId {
        self.graph().make(Expr::Call { function, args }, ty)
    }
    pub fn unary(&mut self, op: UnaryOp, arg: ExprId, ty: Type) -> ExprId {
        self.graph().make(Expr::Unary { op, arg }, ty)
    }
    pub fn binary_node(&mut self, op: BinaryOp, left: ExprId, right: ExprId, ty: Type) -> ExprId {
        self.graph().make(Expr::Binary { op, left, right }, ty)
    }
    fn not(&mut self, arg: ExprId) -> ExprId {
        if let Expr::Unary { op: UnaryOp::Not, arg } = self.names.graph.get(arg) {
            return *arg;
        }
        self.unary(UnaryOp::Not, arg, Type::Bool)
    }
    fn negated(&mut self, id: ExprId, negated: bool) -> ExprId {
        if negated { self.not(id) } else { id }
    }
    fn links_of(&self, op: BinaryOp, id: ExprId, out: &mut Vec<ExprId>) {
        match self.names.graph.get(id) {
            Expr::Binary { op: inner, left, right } if *inner == op => {
                self.links_of(op, *left, out);
                self.links_of(op, *right, out);
            }
            _ => out.push(id),
        }
    }
    /// A balanced tree, so that long lists stay shallow.
    pub fn chain(&mut self, op: BinaryOp, parts: &[ExprId]) -> ExprId {
        match parts {
            [one] => *one,
            [] => self.graph().literal(Value::Bool(op == BinaryOp::And)),
            _ => {
                let (left, right) = parts.split_at(parts.len().div_ceil(2));
                let (left, right) = (self.chain(op, left), self.chain(op, right));
                self.binary_node(op, left, right, Type::Bool)
            }
        }
    }

    fn number(&mut self, text: &str, range: &Range<usize>) -> Option<ExprId> {
        let (whole, places) = text.split_once('.').unwrap_or((text, ""));
        let value = format!("{whole}{places}").parse::<i64>().ok();
        match (value, u8::try_from(places.len())) {
            (Some(n), Ok(0)) => Some(self.graph().literal(Value::Int(n))),
            (Some(units), Ok(scale)) if scale <= 9 => Some(self.graph().literal(Value::Decimal { units, scale })),
            _ => self.fail(
                "bad-literal",
                range.clone(),
                format!("`{text}` is too long a number"),
                "at most 18 digits, 9 of them after the point",
                Some("an id or account number is text: write it in single quotes".to_owned()),
            ),
        }
    }
    fn typed_text(&mut self, word: &str, text: &str, range: &Range<usize>) -> Option<ExprId> {
        let ty = match word {
            "date" => Type::Date,
            "month" => Type::Month,
            "region" => Type::Region,
            "citizen_id" => Type::CitizenId,
            "text" => Type::Text(TextKind::Plain),
            _ => {
                let help =
                    nearest(word, ["date", "month", "region", "citizen_id", "interval"]).map(|n| format!("a similar word exists: `{n}`"));
                return self.fail(
                    "syntax",
                    range.clone(),
                    format!("`{word}` cannot stand before a text"),
                    "wanted an operator between them",
                    help,
                );
            }
        };
        match super::types::literal(text, ty) {
            Ok(value) => Some(self.graph().literal(value)),
            Err(wanted) => self.fail("bad-literal", range.clone(), format!("'{text}' cannot be read as {}", words(ty)), wanted, None),
        }
    }
    fn interval(&mut self, text: &str, range: &Range<usize>) -> Option<Typed> {
        let mut parts = text.split_whitespace();
        let (n, unit) = (parts.next().and_then(|n| n.parse::<i64>().ok()), parts.next());
        let (n, months) = match (n, unit) {
            (Some(n), Some("day" | "days")) => (Some(n), false),
            (Some(n), Some("month" | "months")) => (Some(n), true),
            (Some(n), Some("year" | "years")) => (n.checked_mul(12), true),
            _ => (None, false),
        };
        let Some(n) = n else {
            return self.fail(
                "bad-literal",
                range.clone(),
                format!("'{text}' is not an interval"),
                "not understood",
                Some("write `interval '3 months'`, `months(3)` or `days(30)`".to_owned()),
            );
        };
        let n = self.graph().literal(Value::Int(n));
        Some(if months { Typed::Months(n) } else { Typed::Days(n) })
    }

    fn path(&mut self, path: &[Ident], range: &Range<usize>) -> Option<ExprId> {
        match self.names.resolve(path) {
            Ok(Found::Value(id)) => Some(id),
            Ok(Found::Row(row)) => {
                let written = self.written(range).to_owned();
                let name = row.table.map(|t| self.names.catalog.tables[t].name.clone()).unwrap_or_default();
                let help = format!("name one of its columns (`{written}.COLUMN`), or ask whether it is there: `has({written})`");
                self.fail(
                    "not-a-column",
                    range.clone(),
                    format!("`{written}` is a row of `{name}`, not a value"),
                    "a column is missing",
                    Some(help),
                )
            }
            Ok(Found::Many(many)) => self.many_in_value(&many, path, range),
            Err(lost) => self.lost(lost, path),
        }
    }
    fn many_in_value<T>(&mut self, many: &Many, path: &[Ident], range: &Range<usize>) -> Option<T> {
        let written = self.written(range).to_owned();
        let set: Vec<&str> = path[..many.words.min(path.len())].iter().map(|p| p.name.as_str()).collect();
        let set = set.join(".");
        let help = if self.names.rows.len() > self.names.outer {
            format!("an aggregate goes back along one link; aggregate here once more, such as `count({set})`")
        } else if many.words < path.len() {
            format!("say which: `sum({written})`, `max({written})`, `any({written} ...)`")
        } else {
            format!("count them: `count({set})`, or ask `exists({set})`")
        };
        self.fail("many-rows", range.clone(), format!("`{set}` stands for many rows, here one value is wanted"), "many rows", Some(help))
    }
    pub fn lost<T>(&mut self, lost: Lost, path: &[Ident]) -> Option<T> {
        match lost {
            Lost::Later => self.later = true,
            Lost::Unknown { code, word, message, label, help, table } => {
                let range = path.get(word).or(path.last()).map_or(0..0, |w| w.range.clone());
                let mut diagnostic = Diagnostic::error(code, message).at(place(self.text, range), label);
                diagnostic.help = help;
                let declared = table.map(|t| &self.names.catalog.tables[t]).and_then(|t| Some((t, t.span.as_ref()?)));
                if let Some((table, span)) = declared {
                    let line = span.source.text.get(..span.range.start).map_or(1, |before| before.matches('\n').count() + 1);
                    diagnostic = diagnostic.note(format!("`{}` is declared in {}:{line}", table.name, span.source.name));
                }
                self.error(diagnostic);
            }
        }
        None
    }

    fn negate(&mut self, arg: &Ast) -> Option<Typed> {
        let id = match self.typed(arg)? {
            Typed::Value(id) => id,
            Typed::Days(n) => return Some(Typed::Days(self.unary(UnaryOp::Negate, n, Type::Int))),
            Typed::Months(n) => return Some(Typed::Months(self.unary(UnaryOp::Negate, n, Type::Int))),
        };
        let ty = self.ty(id);
        if !is_number(ty) && ty != Type::Money {
            return self.fail(
                "type-mismatch",
                arg.range.clone(),
                format!("`-` needs a number or money, found {}", words(ty)),
                format!("this is {}", words(ty)),
                None,
            );
        }
        Some(Typed::Value(self.unary(UnaryOp::Negate, id, ty)))
    }

    fn binary(&mut self, op: Operator, left: &Ast, right: &Ast, range: &Range<usize>) -> Option<Typed> {
        let compared = match op {
            Operator::Equal => BinaryOp::Equal,
            Operator::NotEqual => BinaryOp::NotEqual,
            Operator::Less => BinaryOp::Less,
            Operator::LessEqual => BinaryOp::LessEqual,
            Operator::Greater => BinaryOp::Greater,
            Operator::GreaterEqual => BinaryOp::GreaterEqual,
            Operator::Concat => {
                let (left, right) = (self.text_arg(left, "||"), self.text_arg(right, "||"));
                return Some(Typed::Value(self.call_node(Function::Concat, vec![left?, right?], Type::Text(TextKind::Plain))));
            }
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Remainder => {
                let (a, b) = (self.typed(left), self.typed(right));
                return self.arithmetic(op, a?, b?, left, right, range);
            }
        };
        self.compare(compared, left, right).map(Typed::Value)
    }
    /// A text, for the text functions; citizen ids have their own.
    pub fn text_arg(&mut self, ast: &Ast, who: &str) -> Option<ExprId> {
        let id = self.value(ast)?;
        let ty = self.ty(id);
        if is_text(ty) || ty == Type::Null {
            return Some(id);
        }
        self.fail(
            "type-mismatch",
            ast.range.clone(),
            format!("`{who}` needs text, found {}", words(ty)),
            format!("this is {}", words(ty)),
            hint(ty, Type::Text(TextKind::Plain)),
        )
    }

    fn in_list(&mut self, arg: &Ast, list: &[Ast]) -> Option<ExprId> {
        if list.is_empty() {
            return self.fail("syntax", arg.range.clone(), "the list of `in` is empty", "compared with nothing", None);
        }
        let id = self.value(arg)?;
        let mut parts = vec![];
        let mut good = true;
        for item in list {
            let part = self.value(item).and_then(|v| self.compared(BinaryOp::Equal, id, &arg.range, v, &item.range));
            good &= part.is_some();
            parts.extend(part);
        }
        good.then(|| self.chain(BinaryOp::Or, &parts))
    }

    fn case(&mut self, operand: Option<&Ast>, whens: &[(Ast, Ast)], otherwise: Option<&Ast>) -> Option<ExprId> {
        let mut conditions = vec![];
        for (when, _) in whens {
            conditions.push(match operand {
                Some(operand) => self.compare(BinaryOp::Equal, operand, when),
                None => self.bool(when),
            });
        }
        let mut results: Vec<(ExprId, Range<usize>)> = vec![];
        let mut good = true;
        for ast in whens.iter().map(|(_, then)| then).chain(otherwise) {
            match self.value(ast) {
                Some(id) => results.push((id, ast.range.clone())),
                None => good = false,
            }
        }
        let conditions = conditions.into_iter().collect::<Option<Vec<_>>>()?;
        if !good {
            return None;
        }
        let (results, ty) = self.unified(results)?;
        let last = otherwise.and(results.last().copied()).filter(|id| self.names.graph.literal_of(*id) != Some(&Value::Null));
        let whens = conditions.into_iter().zip(results).collect();
        Some(self.graph().make(Expr::Case { whens, otherwise: last }, ty))
    }
}

/// The parts of `a and (b and c)` in order: brackets between equal operators mean nothing.
fn flatten<'a>(and: bool, parts: &'a [Ast], leaves: &mut Vec<&'a Ast>) {
    for part in parts {
        match &part.kind {
            Kind::Chain { and: inner, parts } if *inner == and => flatten(and, parts, leaves),
            _ => leaves.push(part),
        }
    }
}

/// How a value of type `from` may be made into one of type `to`.
pub(crate) fn hint(from: Type, to: Type) -> Option<String> {
    let text = match (from, to) {
        (Type::Date, Type::Month) => "the month a date lies in is `month_of(d)`",
        (Type::Date, Type::Int) => "whole days between two dates are `days(a, b)`; the year of a date is `year(d)`",
        (Type::CitizenId, Type::Text(_)) => "the text of a citizen id is `id_text(x)`",
        (Type::Text(_), Type::CitizenId) => "a column that holds citizen ids is declared `type: citizen_id` in recount.yaml",
        (Type::Decimal(_), Type::Int) => "round it: `round(x)`",
        (Type::Bool, _) => "a condition becomes a value by `case when ... then ... else ... end`",
        _ => return None,
    };
    Some(text.to_owned())
}
