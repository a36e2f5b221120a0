//! What a flag says once some records are left out.

use crate::check::{CheckPlan, Flag};
use crate::plan::{BinaryOp, Expr, ExprId, Function, Graph, UnaryOp};
use crate::schema::{Type, Value};

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
