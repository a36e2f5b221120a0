//! Expressions seen from outside: how a figure was computed, and what a flag says once some records are left out.

use crate::check::{CheckPlan, Flag};
use crate::plan::{BinaryOp, Expr, ExprId, Function, Graph, UnaryOp};
use crate::schema::{Type, Value};

/// Piece of a computation written out: text, or the value of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    Text(&'static str),
    Value(ExprId),
}

/// The computation behind a figure in at most a dozen terms, when there is one to show.
pub fn written_out(graph: &Graph, id: ExprId) -> Option<Vec<Term>> {
    let mut terms = vec![];
    write(graph, id, false, &mut terms);
    let values = terms.iter().filter(|t| matches!(t, Term::Value(_))).count();
    (2..=12).contains(&values).then_some(terms)
}

fn write(graph: &Graph, id: ExprId, inner: bool, out: &mut Vec<Term>) {
    let sign = |op: BinaryOp| match op {
        BinaryOp::Add => Some(" + "),
        BinaryOp::Subtract => Some(" - "),
        BinaryOp::Multiply => Some(" × "),
        BinaryOp::Divide => Some(" ÷ "),
        _ => None,
    };
    match graph.get(id) {
        Expr::Binary { op, left, right } if sign(*op).is_some() => {
            if inner {
                out.push(Term::Text("("));
            }
            write(graph, *left, true, out);
            out.extend(sign(*op).map(Term::Text));
            write(graph, *right, true, out);
            if inner {
                out.push(Term::Text(")"));
            }
        }
        Expr::Call { function: Function::DaysBetween, args } => {
            out.extend([Term::Text("days from "), Term::Value(args[0]), Term::Text(" to "), Term::Value(args[1])]);
        }
        Expr::Call { function: Function::MonthsBetween, args } => {
            out.extend([Term::Text("months from "), Term::Value(args[0]), Term::Text(" to "), Term::Value(args[1])]);
        }
        Expr::Call { function: Function::Abs, args } => {
            out.push(Term::Text("|"));
            write(graph, args[0], false, out);
            out.push(Term::Text("|"));
        }
        Expr::Cast { arg, .. } => write(graph, *arg, inner, out),
        _ => out.push(Term::Value(id)),
    }
}

/// The check's flag when member records for which `drop` is true (member in slot 1) are left out of every count and sum over the
/// check's own member sets. `None`: the flag does not count members.
pub fn flag_without(graph: &mut Graph, check: &CheckPlan, drop: ExprId) -> Option<ExprId> {
    let Flag::Row(flag) = &check.flag else { return None };
    let sets: Vec<_> = check.members.iter().map(|m| m.set).collect();
    let no = graph.expr(Expr::Literal(Value::Bool(false)), Type::Bool);
    let dropped = graph.expr(Expr::Call { function: Function::Coalesce, args: vec![drop, no] }, Type::Bool);
    let kept = graph.expr(Expr::Unary { op: UnaryOp::Not, arg: dropped }, Type::Bool);
    let changed = rewrite(graph, *flag, &mut |graph, expr| match expr {
        Expr::Aggregate { owner, set, inner: 1, function, distinct, arg, filter } if sets.contains(set) => {
            let filter = match filter {
                Some(filter) => graph.expr(Expr::Binary { op: BinaryOp::And, left: *filter, right: kept }, Type::Bool),
                None => kept,
            };
            let (owner, set, function, distinct, arg) = (owner.clone(), *set, *function, *distinct, *arg);
            Some(Expr::Aggregate { owner, set, inner: 1, function, distinct, arg, filter: Some(filter) })
        }
        _ => None,
    });
    (changed != *flag).then_some(changed)
}

/// Replaces nodes of one frame (not the insides of aggregates), innermost first.
fn rewrite(graph: &mut Graph, id: ExprId, change: &mut impl FnMut(&mut Graph, &Expr) -> Option<Expr>) -> ExprId {
    let expr = graph.get(id).clone();
    if matches!(expr, Expr::Parameter { .. }) {
        // The policy number stays that of the group as it is: without its records it would have neither place nor date.
        return id;
    }
    let ty = graph.type_of(id);
    let args = expr.args();
    let new: Vec<ExprId> = args.iter().map(|&a| rewrite(graph, a, change)).collect();
    let expr = if new == args { expr } else { expr.with_args(&new) };
    let expr = change(graph, &expr).unwrap_or(expr);
    graph.expr(expr, ty)
}
