//! Expressions as text, in the language they are written in; and as arithmetic whose parts can be filled with values.

use super::{AggregateFunction, BinaryOp, Catalog, Expr, ExprId, Function, Graph, Hop, Rel, RelId, RowRef, RowSet, UNREAD, UnaryOp};
use crate::schema::Value;

/// Longer texts end in an ellipsis.
const LIMIT: usize = 1500;
/// Operations that arithmetic writes out; deeper ones are shown by their value.
const ARITHMETIC_LEVELS: u8 = 4;

/// Piece of an arithmetic: text, or an expression whose value stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    Value(ExprId),
}

// Strength of binding, weakest first.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARE: u8 = 4;
const CONCAT: u8 = 5;
const ADD: u8 = 6;
const MULTIPLY: u8 = 7;
const UNARY: u8 = 8;
const ATOM: u8 = 9;

impl Graph {
    /// `expr` as a person would write it, in a frame with the given relations. Columns of slot 0 stand bare, those of others after their table's name.
    pub fn show(&self, catalog: &Catalog, frame: &[RelId], expr: ExprId) -> String {
        let mut show = Show { graph: self, catalog, out: String::new(), members: vec![] };
        show.expr(frame, expr, 0);
        if show.out.len() > LIMIT {
            let end = (0..=LIMIT).rev().find(|i| show.out.is_char_boundary(*i)).unwrap_or(0);
            show.out.truncate(end);
            show.out.push_str(" ...");
        }
        show.out
    }
    /// How a number was computed: operators and the two to twelve parts whose values stand between them. `None` when there is nothing to show.
    pub fn arithmetic(&self, expr: ExprId) -> Option<Vec<Part>> {
        let mut parts = vec![];
        self.arithmetic_into(expr, 0, ARITHMETIC_LEVELS, &mut parts);
        let values = parts.iter().filter(|part| matches!(part, Part::Value(_))).count();
        (2..=12).contains(&values).then_some(parts)
    }
    fn arithmetic_into(&self, id: ExprId, outer: u8, levels: u8, parts: &mut Vec<Part>) {
        let text = |t: &str| Part::Text(t.to_owned());
        let own = match self.get(id) {
            Expr::Binary { op, .. } => strength(*op),
            Expr::Call { function: Function::DaysBetween | Function::MonthsBetween, .. } => ADD,
            _ => ATOM,
        };
        let bracket = own < outer;
        match self.get(id) {
            _ if levels == 0 => parts.push(Part::Value(id)),
            Expr::Cast { arg, .. } => self.arithmetic_into(*arg, outer, levels, parts),
            Expr::Unary { op: UnaryOp::Negate, arg } => {
                parts.push(text("-"));
                self.arithmetic_into(*arg, UNARY, levels - 1, parts);
            }
            Expr::Binary {
                op: op @ (BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder),
                left,
                right,
            } => {
                if bracket {
                    parts.push(text("("));
                }
                self.arithmetic_into(*left, own, levels - 1, parts);
                parts.push(Part::Text(format!(" {} ", if *op == BinaryOp::Multiply { "×" } else { symbol(*op) })));
                self.arithmetic_into(*right, own + 1, levels - 1, parts);
                if bracket {
                    parts.push(text(")"));
                }
            }
            Expr::Call { function: Function::DaysBetween | Function::MonthsBetween, args } if args.len() == 2 => {
                if bracket {
                    parts.push(text("("));
                }
                parts.extend([Part::Value(args[1]), text(" - "), Part::Value(args[0])]);
                if bracket {
                    parts.push(text(")"));
                }
            }
            Expr::Call { function: function @ (Function::Round | Function::Abs), args } if args.len() == 1 => {
                let (open, close) = if *function == Function::Abs { ("|", "|") } else { ("round(", ")") };
                parts.push(text(open));
                self.arithmetic_into(args[0], 0, levels - 1, parts);
                parts.push(text(close));
            }
            _ => parts.push(Part::Value(id)),
        }
    }
}

fn strength(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => OR,
        BinaryOp::And => AND,
        BinaryOp::Add | BinaryOp::Subtract => ADD,
        BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => MULTIPLY,
        _ => COMPARE,
    }
}

fn symbol(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Equal => "=",
        BinaryOp::NotEqual => "<>",
        BinaryOp::Less => "<",
        BinaryOp::LessEqual => "<=",
        BinaryOp::Greater => ">",
        BinaryOp::GreaterEqual => ">=",
        BinaryOp::Add => "+",
        BinaryOp::Subtract => "-",
        BinaryOp::Multiply => "*",
        BinaryOp::Divide => "/",
        BinaryOp::Remainder => "%",
    }
}

fn literal(value: &Value) -> String {
    let text = crate::schema::format(value);
    match value {
        Value::Null => "null".to_owned(),
        Value::Text(..) => format!("'{}'", text.replace('\'', "''")),
        Value::Date(_) => format!("date '{text}'"),
        Value::Month(_) => format!("month '{text}'"),
        Value::Region(_) => format!("region '{text}'"),
        Value::CitizenId(_) => format!("citizen_id '{text}'"),
        Value::Money(_) => format!("yuan({})", text.strip_suffix(".00").unwrap_or(&text)),
        Value::Bool(_) | Value::Int(_) | Value::Decimal { .. } => text,
    }
}

struct Show<'a> {
    graph: &'a Graph,
    catalog: &'a Catalog,
    out: String,
    /// Names of the member rows of the aggregates around, with their slots.
    members: Vec<(u8, String)>,
}

impl Show<'_> {
    fn expr(&mut self, frame: &[RelId], id: ExprId, outer: u8) {
        if self.out.len() > LIMIT {
            return;
        }
        let graph = self.graph;
        let own = self.own_strength(id);
        if own < outer {
            self.out.push('(');
        }
        match graph.get(id) {
            Expr::Literal(value) => self.out.push_str(&literal(value)),
            Expr::Column { row, column } => self.column(frame, row, *column),
            Expr::Has { row } => {
                let (mut names, before) = self.path(frame, row);
                names.extend(before.map(str::to_owned));
                self.out.push_str(&format!("has({})", names.join(".")));
            }
            Expr::RowNumber { row } => {
                let path = self.path(frame, row).0.join(".");
                self.out.push_str(&format!("row_number({path})"));
            }
            Expr::Unary { op: UnaryOp::IsNull, arg } => {
                self.expr(frame, *arg, own + 1);
                self.out.push_str(" is null");
            }
            Expr::Unary { op: UnaryOp::Negate, arg } => {
                self.out.push('-');
                self.expr(frame, *arg, own);
            }
            Expr::Unary { op: UnaryOp::Not, arg } => match graph.get(*arg) {
                Expr::Unary { op: UnaryOp::IsNull, arg } => {
                    self.expr(frame, *arg, own + 1);
                    self.out.push_str(" is not null");
                }
                _ => {
                    self.out.push_str("not ");
                    self.expr(frame, *arg, own);
                }
            },
            Expr::Binary { op, left, right } => {
                self.expr(frame, *left, if own == COMPARE { own + 1 } else { own });
                self.out.push_str(&format!(" {} ", symbol(*op)));
                // `and` and `or` are associative, so that chains need no brackets.
                self.expr(frame, *right, if own <= AND { own } else { own + 1 });
            }
            Expr::Cast { arg, .. } => self.expr(frame, *arg, outer),
            Expr::Case { whens, otherwise } => {
                self.out.push_str("case");
                for (when, then) in whens {
                    self.out.push_str(" when ");
                    self.expr(frame, *when, 0);
                    self.out.push_str(" then ");
                    self.expr(frame, *then, 0);
                }
                if let Some(otherwise) = otherwise {
                    self.out.push_str(" else ");
                    self.expr(frame, *otherwise, 0);
                }
                self.out.push_str(" end");
            }
            Expr::Parameter { parameter, args, .. } => {
                let name = self.catalog.parameters.get(parameter.index()).map_or("?", |p| p.name.as_str());
                self.out.push_str(&format!("param('{name}'"));
                for arg in args {
                    self.out.push_str(", ");
                    self.expr(frame, *arg, 0);
                }
                self.out.push(')');
            }
            Expr::Call { function, args } => self.call(frame, *function, args, own),
            Expr::Tested { row, test, column } => {
                let mut path = self.path(frame, row).0;
                path.push(graph.get_test(*test).by.columns().get(*column).map_or("test", |c| c.0).to_owned());
                self.out.push_str(&path.join("."));
            }
            Expr::Aggregate { owner, set, inner, function, distinct, arg, filter } => {
                let inside = graph.aggregate_frame(self.catalog, frame, *set, *inner, *arg, *filter);
                let mut rows = self.path(frame, owner).0;
                rows.push(self.set_name(*set));
                self.members.push((*inner, self.set_name(*set)));
                let name = match function {
                    AggregateFunction::Count => "count",
                    AggregateFunction::Sum => "sum",
                    AggregateFunction::Min => "min",
                    AggregateFunction::Max => "max",
                    AggregateFunction::Median => "median",
                    AggregateFunction::Quantile(_) => "percentile",
                    AggregateFunction::Average => "avg",
                    AggregateFunction::Any => "any",
                    AggregateFunction::Every => "every",
                };
                self.out.push_str(&format!("{name}({}", if *distinct { "distinct " } else { "" }));
                match arg {
                    Some(arg) => self.expr(&inside, *arg, 0),
                    None => self.out.push_str(&rows.join(".")),
                }
                if let AggregateFunction::Quantile(p) = function {
                    self.out.push_str(&if p % 10 == 0 { format!(", {}", p / 10) } else { format!(", {}.{}", p / 10, p % 10) });
                }
                self.out.push(')');
                if let Some(filter) = filter {
                    self.out.push_str(" filter (where ");
                    self.expr(&inside, *filter, 0);
                    self.out.push(')');
                }
                self.members.pop();
            }
        }
        if own < outer {
            self.out.push(')');
        }
    }
    fn own_strength(&self, id: ExprId) -> u8 {
        match self.graph.get(id) {
            Expr::Binary { op, .. } => strength(*op),
            Expr::Unary { op: UnaryOp::Not, arg } if !matches!(self.graph.get(*arg), Expr::Unary { op: UnaryOp::IsNull, .. }) => NOT,
            Expr::Unary { op: UnaryOp::Negate, .. } => UNARY,
            Expr::Unary { .. } | Expr::Call { function: Function::Like, .. } => COMPARE,
            Expr::Call { function: Function::Concat, .. } => CONCAT,
            Expr::Call { function: Function::AddDays | Function::AddMonths, .. } => ADD,
            Expr::Literal(Value::Int(n) | Value::Decimal { units: n, .. }) if *n < 0 => UNARY,
            Expr::Cast { arg, .. } => self.own_strength(*arg),
            _ => ATOM,
        }
    }

    fn call(&mut self, frame: &[RelId], function: Function, args: &[ExprId], own: u8) {
        let infix = match function {
            Function::Like => Some(" like "),
            Function::Concat => Some(" || "),
            _ => None,
        };
        if let Some(symbol) = infix {
            for (i, arg) in args.iter().enumerate() {
                if i > 0 {
                    self.out.push_str(symbol);
                }
                self.expr(frame, *arg, own + 1);
            }
            return;
        }
        if let (Function::AddDays | Function::AddMonths, [date, n]) = (function, args) {
            let unit = if function == Function::AddDays { "days" } else { "months" };
            self.expr(frame, *date, own);
            match self.graph.literal_of(*n) {
                Some(Value::Int(n)) if *n < 0 => self.out.push_str(&format!(" - {unit}({})", n.unsigned_abs())),
                _ => {
                    self.out.push_str(&format!(" + {unit}("));
                    self.expr(frame, *n, 0);
                    self.out.push(')');
                }
            }
            return;
        }
        let plain = super::calls::PLAIN.iter().find(|(_, f, ..)| *f == function).map(|(name, ..)| *name);
        let name = plain.unwrap_or(match function {
            Function::Coalesce => "coalesce",
            Function::NullIf => "nullif",
            Function::Greatest => "greatest",
            Function::Least => "least",
            Function::DaysBetween => "days",
            Function::MonthsBetween => "months_between",
            Function::FirstDigits => "first_digits",
            Function::Year => "year",
            Function::Listed(_) => "listed",
            _ => "?",
        });
        self.out.push_str(&format!("{name}("));
        let mut first = true;
        if let Function::Listed(tag) = function {
            let list = self.catalog.parameters.get(tag.index()).map_or("?", |p| p.name.as_str());
            self.out.push_str(&format!("'{list}'"));
            first = false;
        }
        for arg in args {
            if !first {
                self.out.push_str(", ");
            }
            first = false;
            self.expr(frame, *arg, 0);
        }
        self.out.push(')');
    }

    fn column(&mut self, frame: &[RelId], row: &RowRef, column: usize) {
        let (mut path, prior) = self.path(frame, row);
        let graph = self.graph;
        let rel = graph.rel_of(self.catalog, row, frame).filter(|r| *r != UNREAD);
        let named = rel.and_then(|r| self.catalog.table_of(r)).and_then(|(_, t)| t.columns.get(column)).map(|c| c.name.clone());
        let name = match (named, rel.map(|r| graph.get_rel(r))) {
            (Some(name), _) => name,
            (None, Some(rel @ (Rel::Groups { .. } | Rel::Linked { .. }))) => {
                let given = if let Rel::Linked { by, .. } = rel { by.columns().get(column).copied() } else { None };
                let key = rel.keyed().and_then(|keyed| {
                    let part = keyed.parts.first()?;
                    Some((part.of, *part.keys.get(keyed.position(column)?)?))
                });
                match (given, key) {
                    (Some(name), _) => name.to_owned(),
                    (None, Some((of, key))) => graph.show(self.catalog, &[of], key),
                    (None, None) => "key".to_owned(),
                }
            }
            (None, Some(Rel::Rows { .. })) => "period".to_owned(),
            _ => format!("column {}", column + 1),
        };
        path.push(name);
        let path = path.join(".");
        let prior = prior.map_or(path.clone(), |word| format!("{word}({path})"));
        self.out.push_str(&prior);
    }
    /// Names along the way to a row, and the word for a row before on it.
    fn path(&self, frame: &[RelId], row: &RowRef) -> (Vec<String>, Option<&'static str>) {
        let mut names = vec![];
        let mut before = None;
        if let Some((_, name)) = self.members.iter().rev().find(|(slot, _)| *slot == row.slot) {
            names.push(name.clone());
        } else if row.slot > 0 {
            let rel = frame.get(usize::from(row.slot)).copied();
            names.extend(rel.map(|r| self.rel_name(r)));
        }
        for hop in &row.hops {
            match hop {
                Hop::Link(link) => names.extend(self.catalog.links.get(link.index()).map(|l| l.name.clone())),
                Hop::Neighbour(n) => before = Some(if self.graph.get_neighbour(*n).exactly.is_some() { "prior" } else { "before" }),
                Hop::Group { .. } | Hop::Base => {}
            }
        }
        (names, before)
    }
    fn rel_name(&self, rel: RelId) -> String {
        if rel == UNREAD {
            return "row".to_owned();
        }
        if let Some((_, table)) = self.catalog.table_of(rel) {
            return table.name.clone();
        }
        match self.graph.get_rel(rel) {
            Rel::Rows { of, .. } => self.rel_name(*of),
            Rel::Groups { .. } | Rel::Linked { .. } => "group".to_owned(),
            Rel::Table(t) => self.catalog.tables.get(*t).map_or("row".to_owned(), |t| t.name.clone()),
        }
    }
    fn set_name(&self, set: super::SetId) -> String {
        match self.graph.get_set(set) {
            RowSet::Back(link) => self.catalog.links.get(link.index()).and_then(|l| l.back.clone()).unwrap_or_else(|| "rows".to_owned()),
            RowSet::Members { .. } | RowSet::Matching { .. } => {
                self.graph.members_of(self.catalog, set).map_or("rows".to_owned(), |r| self.rel_name(r))
            }
        }
    }
}
