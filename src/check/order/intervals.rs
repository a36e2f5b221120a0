//! Intervals of one key: overlapping by more than a hand-over, or with idle time between them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OrderCheck;
use crate::check::build::Over;
use crate::check::keys::NamedKeys;
use crate::check::planner::{GroupKeys, Planner, Source};
use crate::check::{CheckPlan, Flag, Members, Register, UnitKind};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, ExprId, Function, KeyPart, RowRef, RowSet, Scope, SetId, Want};
use crate::schema::Type;

/// Intervals, closed; a missing end is open.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Overlap {
    /// First day of the interval.
    pub first: Spanned<String>,
    /// Last day of the interval.
    pub last: Spanned<String>,
    /// How many shared days are in order; 1, a hand-over, when absent.
    pub allowed: Option<Spanned<String>>,
}

/// Time between the end of all earlier intervals of the key and the start of the next.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// First day of the interval.
    pub first: Spanned<String>,
    /// Last day of the interval; the first day when absent.
    pub last: Option<Spanned<String>>,
    /// Idle days that are in order, e.g. `30`.
    pub allowed: Spanned<String>,
}

/// What both forms begin with: the units and the other intervals of their keys.
struct Series {
    own: Source,
    keys: GroupKeys,
    among: Option<ExprId>,
    /// Other rows of the same key that are in the population too.
    set: SetId,
    scope: Scope,
}

fn series(spec: &OrderCheck, planner: &mut Planner) -> Option<Series> {
    let own = planner.source(&spec.table)?;
    let scope = planner.record_scope(own, &RowRef::slot(0));
    let among = planner.optional_bool(spec.among.as_ref(), &scope);
    let keys = match &spec.per {
        Some(per) => planner.group_keys(per as &NamedKeys, &scope),
        None => {
            let error = Diagnostic::error("order-keys", "nothing says whose intervals belong together");
            planner.error(error.at(spec.table.span.clone(), "this check").help("add e.g. `per: cadre_id_no`"));
            None
        }
    };
    let (among, keys) = (among?, keys?);
    let part = |among| KeyPart { of: own.rel, keys: keys.exprs.clone(), among };
    let set = planner.graph.set(RowSet::Matching { own: part(None), other: part(among) });
    Some(Series { own, among, set, scope, keys })
}

pub(super) fn overlap(spec: &OrderCheck, overlap: &Overlap, planner: &mut Planner) -> Option<CheckPlan> {
    let Series { own, keys, among, set, mut scope } = series(spec, planner)?;
    let first = planner.expr(&overlap.first, &scope, Want::Type(Type::Date));
    let last = planner.expr(&overlap.last, &scope, Want::Type(Type::Date));
    let allowed = match &overlap.allowed {
        Some(text) => planner.expr(text, &scope, Want::Type(Type::Int)),
        None => Some(planner.int(1)),
    };
    planner.add_other(&mut scope, own, 1, &["other"]);
    let (first, last, allowed) = (first?, last?, allowed?);
    let other = RowRef::slot(1);
    let (other_first, other_last) = (planner.at_row(first, &other), planner.at_row(last, &other));
    let shared = planner.call(Function::OverlapDays, vec![first, last, other_first, other_last], Type::Int);
    scope.names.push(("shared".into(), shared));
    let mut figures = planner.lets(&spec.lets, &mut scope)?;
    figures.push(("shared".into(), shared));
    let (left, right) = (planner.row_number(RowRef::slot(0)), planner.row_number(other));
    let mut parts = vec![planner.compare(BinaryOp::NotEqual, left, right), planner.compare(BinaryOp::Greater, shared, allowed)];
    if let Some(text) = &spec.condition {
        parts.push(planner.bool(text, &scope)?);
    }
    let register = Register {
        name: spec.table.value.clone(),
        rungs: vec![(set, keys.words.join(", "))],
        flag: planner.all(&parts),
        covered: None,
        keys: vec![keys.exprs.clone()],
    };
    Some(CheckPlan {
        population: among.into_iter().collect(),
        flag: Flag::Pairs(vec![register]),
        measure: Some(shared),
        figures,
        ..CheckPlan::of(UnitKind::Record, format!("record of {}", spec.table.value), own, scope)
    })
}

pub(super) fn gap(spec: &OrderCheck, gap: &Gap, planner: &mut Planner) -> Option<CheckPlan> {
    let Series { own, keys, among, set, mut scope } = series(spec, planner)?;
    let first = planner.expr(&gap.first, &scope, Want::Type(Type::Date));
    let last = planner.expr(gap.last.as_ref().unwrap_or(&gap.first), &scope, Want::Type(Type::Date));
    let allowed = planner.expr(&gap.allowed, &scope, Want::Type(Type::Int));
    let (first, last, allowed) = (first?, last?, allowed?);
    let other = RowRef::slot(1);
    let (other_first, other_last) = (planner.at_row(first, &other), planner.at_row(last, &other));

    // Earlier: starts before; of those that start on one day, the first in the table's order.
    let (own_number, other_number) = (planner.row_number(RowRef::slot(0)), planner.row_number(other));
    let before = planner.compare(BinaryOp::Less, other_first, first);
    let same = planner.compare(BinaryOp::Equal, other_first, first);
    let above = planner.compare(BinaryOp::Less, other_number, own_number);
    let tie = planner.all(&[same, above]);
    let earlier = planner.any(&[before, tie]);
    let over = Over { owner: RowRef::slot(0), set };
    let has_earlier = planner.exists(&over, Some(earlier));
    // An earlier interval without an end is still going on.
    let no_end = planner.is_null(other_last);
    let open = planner.aggregate(AggregateFunction::Any, &over, Some(no_end), Some(earlier));
    let until = planner.aggregate(AggregateFunction::Max, &over, Some(other_last), Some(earlier));
    let between = planner.days_between(until, first);
    let one = planner.int(1);
    let days = planner.binary(BinaryOp::Subtract, between, one, Type::Int);
    let zero = planner.int(0);
    let none = planner.compare(BinaryOp::Less, days, zero);
    let none = planner.any(&[open, none]);
    let idle = planner.case(vec![(none, zero)], Some(days), Type::Int);

    let own_names = [("idle".to_owned(), idle), ("until".to_owned(), until)];
    scope.names.extend(own_names.clone());
    let mut figures = planner.lets(&spec.lets, &mut scope)?;
    figures.extend(own_names);
    let mut parts = vec![planner.compare(BinaryOp::Greater, idle, allowed)];
    if let Some(text) = &spec.condition {
        parts.push(planner.bool(text, &scope)?);
    }
    let complete = planner.complete(&keys.exprs);
    let flag = planner.all(&parts);
    Some(CheckPlan {
        population: among.into_iter().chain([has_earlier]).collect(),
        preconditions: vec![complete],
        flag: Flag::Row(flag),
        measure: Some(idle),
        members: vec![Members { role: "before".into(), owner: RowRef::slot(0), set, inner: 1, filter: Some(earlier) }],
        figures,
        ..CheckPlan::of(
            UnitKind::Record,
            format!("record of {} with an earlier one of the same {}", spec.table.value, keys.words.join(", ")),
            own,
            scope,
        )
    })
}
