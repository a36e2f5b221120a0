//! Steps around an anchor: present, in order, not too close, not too late.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OrderCheck;
use crate::check::build::Over;
use crate::check::keys::{self, Keys};
use crate::check::planner::{Planner, Source};
use crate::check::{CheckPlan, Flag, Members, Precondition, Reason, UnitKind};
use crate::diagnostic::yaml::{OneOrMany, TextOr};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, ExprId, Function, RowRef, Scope, Want};
use crate::schema::{TextKind, Type, Value};

/// Where the anchor stands among the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    First,
    #[default]
    Last,
}

/// Which of several events a step takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    First,
    #[default]
    Last,
}

/// One kind of event that belongs to the anchor. Its name stands for its day in the expressions of the rule.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Table or view of the events. Its columns are read as `other.column` or by its name.
    #[serde(rename = "in")]
    pub table: Spanned<String>,
    /// How the anchor's events are found: a column both have, or `{own: other}`; the columns of `per` when absent.
    pub keys: Option<Keys>,
    /// Which of them are this step.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
    /// The event's day; its governing date when absent.
    pub date: Option<Spanned<String>>,
    /// Which of several counts: the `last` (when absent) or the `first`.
    pub take: Option<Spanned<Take>>,
    /// Only events at most so many days before the anchor.
    pub look_back: Option<Spanned<String>>,
    /// Only events at most so many days after the anchor.
    pub look_ahead: Option<Spanned<String>>,
    /// Whether the step may not be missing; true when absent.
    #[serde(default = "yes")]
    pub required: bool,
    /// Least days since the step before.
    pub at_least: Option<Spanned<String>>,
    /// Most days since the step before; a step that has not come yet is due then.
    pub at_most: Option<Spanned<String>>,
}

fn yes() -> bool {
    true
}

/// A step, planned: everything in the frame of the anchor.
struct Planned {
    name: String,
    required: bool,
    over: Over,
    filter: Option<ExprId>,
    role: String,
    /// Its day; missing when the step is.
    day: ExprId,
    present: ExprId,
    at_least: Option<ExprId>,
    at_most: Option<ExprId>,
    /// Whether the table covers the anchor.
    covered: Option<ExprId>,
}

pub(super) fn plan(spec: &OrderCheck, planner: &mut Planner) -> Option<CheckPlan> {
    let own = planner.source(&spec.table)?;
    let mut scope = planner.record_scope(own, &RowRef::slot(0));
    let among = planner.optional_bool(spec.among.as_ref(), &scope);
    let anchor = spec.day(planner, own, &scope);
    let (among, anchor) = (among?, anchor?);
    scope.names.push(("anchor".into(), anchor));
    let planned: Vec<Option<Planned>> =
        spec.steps.iter().map(|(name, step)| step.plan(spec, planner, own, &scope, &name.value, anchor)).collect();
    let steps: Vec<Planned> = planned.into_iter().collect::<Option<_>>()?;
    for (name, _) in &spec.steps {
        if scope.names.iter().any(|(known, _)| *known == name.value) {
            planner.error(
                Diagnostic::error("name-clash", format!("the name `{}` has a meaning already", name.value))
                    .at(name.span.clone(), "choose another name"),
            );
        }
    }

    let judged = judge(planner, &steps, anchor, spec.anchor.as_ref().map(|a| a.value).unwrap_or_default());
    let mut own_names: Vec<(String, ExprId)> = steps.iter().map(|s| (s.name.clone(), s.day)).collect();
    own_names.extend(judged.gaps.iter().cloned());
    scope.names.extend(own_names.clone());
    scope.names.extend([
        ("missing".to_owned(), judged.missing),
        ("out_of_order".to_owned(), judged.out_of_order),
        ("too_close".to_owned(), judged.too_close),
        ("too_late".to_owned(), judged.too_late),
        ("problem".to_owned(), judged.problem),
    ]);
    let mut figures = vec![("anchor".to_owned(), anchor)];
    figures.extend(own_names);
    figures.push(("problem".into(), judged.problem));
    let mut all_figures = planner.lets(&spec.lets, &mut scope)?;
    all_figures.extend(figures);
    let flag = match &spec.condition {
        Some(text) => planner.bool(text, &scope)?,
        None => planner.any(&[judged.missing, judged.out_of_order, judged.too_close, judged.too_late]),
    };
    let mut preconditions = vec![planner.complete(&[anchor])];
    preconditions.extend(judged.preconditions);
    let members = steps
        .iter()
        .map(|s| Members { role: s.role.clone(), owner: RowRef::slot(0), set: s.over.set, inner: 1, filter: s.filter })
        .collect();
    Some(CheckPlan {
        population: among.into_iter().collect(),
        preconditions,
        flag: Flag::Row(flag),
        members,
        figures: all_figures,
        ..CheckPlan::of(UnitKind::Anchor, format!("record of {}, with its steps", spec.table.value), own, scope)
    })
}

impl Step {
    fn plan(&self, spec: &OrderCheck, planner: &mut Planner, own: Source, scope: &Scope, name: &str, anchor: ExprId) -> Option<Planned> {
        let source = planner.source(&self.table)?;
        let keys = self.keys_or(spec, planner)?;
        let rungs = planner.ladder(&keys, own, source)?;
        let [rung] = rungs.as_slice() else {
            let error = Diagnostic::error("order-keys", format!("step `{name}` takes one way to find its events, not a ladder of keys"));
            planner.error(error.at(self.table.span.clone(), "this step"));
            return None;
        };
        let mut pair = scope.clone();
        planner.add_other(&mut pair, source, 1, &["other"]);
        let mut member = planner.record_scope(source, &RowRef::slot(1));
        member.names = scope.names.clone();
        let day = match &self.date {
            Some(text) => planner.expr(text, &member, Want::Type(Type::Date))?,
            None => planner.governing_day(source, &member, &self.table)?,
        };
        let mut parts = vec![];
        if let Some(text) = &self.condition {
            parts.push(planner.bool(text, &pair)?);
        }
        if let Some(text) = &self.look_back {
            let limit = planner.expr(text, scope, Want::Type(Type::Int))?;
            let days = planner.days_between(day, anchor);
            parts.push(planner.compare(BinaryOp::LessEqual, days, limit));
        }
        if let Some(text) = &self.look_ahead {
            let limit = planner.expr(text, scope, Want::Type(Type::Int))?;
            let days = planner.days_between(anchor, day);
            parts.push(planner.compare(BinaryOp::LessEqual, days, limit));
        }
        if source.rel == own.rel {
            // The anchor is no step of itself.
            let (left, right) = (planner.row_number(RowRef::slot(0)), planner.row_number(RowRef::slot(1)));
            parts.push(planner.compare(BinaryOp::NotEqual, left, right));
        }
        let filter = (!parts.is_empty()).then(|| planner.all(&parts));
        let over = Over { owner: RowRef::slot(0), set: rung.set };
        let take = match self.take.as_ref().map(|t| t.value).unwrap_or_default() {
            Take::First => AggregateFunction::Min,
            Take::Last => AggregateFunction::Max,
        };
        let at_least = self.limit(planner, &self.at_least, scope)?;
        let at_most = self.limit(planner, &self.at_most, scope)?;
        Some(Planned {
            name: name.to_owned(),
            required: self.required,
            role: name.to_owned(),
            day: planner.aggregate(take, &over, Some(day), filter),
            present: planner.exists(&over, filter),
            over,
            filter,
            at_least,
            at_most,
            covered: planner.covered(source, Some(anchor), scope.place),
        })
    }

    fn limit(&self, planner: &mut Planner, text: &Option<Spanned<String>>, scope: &Scope) -> Option<Option<ExprId>> {
        match text {
            Some(text) => planner.expr(text, scope, Want::Type(Type::Int)).map(Some),
            None => Some(None),
        }
    }

    fn keys_or(&self, spec: &OrderCheck, planner: &mut Planner) -> Option<Keys> {
        match (&self.keys, &spec.per) {
            (Some(keys), _) => Some(keys.clone()),
            (None, Some(per)) => Some(OneOrMany(keys::named(per).into_iter().map(|(_, text)| TextOr::Text(text)).collect())),
            (None, None) => {
                let error = Diagnostic::error("order-keys", "nothing says which events belong to the anchor");
                planner.error(error.at(self.table.span.clone(), "this step").help("add `per:` to the check or `keys:` to the step"));
                None
            }
        }
    }
}

struct Judged {
    missing: ExprId,
    out_of_order: ExprId,
    too_close: ExprId,
    too_late: ExprId,
    problem: ExprId,
    /// `STEP.days`: days since the latest step before it.
    gaps: Vec<(String, ExprId)>,
    preconditions: Vec<Precondition>,
}

/// Every step against the latest of those before it that are there.
fn judge(planner: &mut Planner, steps: &[Planned], anchor: ExprId, place: Anchor) -> Judged {
    let no = planner.truth(false);
    let mut missing = vec![];
    let mut out_of_order = vec![];
    let mut too_close = vec![];
    let mut too_late = vec![];
    let mut gaps = vec![];
    let mut preconditions = vec![];
    let mut before: Vec<ExprId> = if place == Anchor::First { vec![anchor] } else { vec![] };
    let as_of = planner.literal(Value::Date(planner.catalog.as_of));
    for step in steps {
        if step.required {
            missing.push(planner.not(step.present));
        }
        let latest = latest(planner, &before);
        if step.required && place == Anchor::First {
            // What is still to come is not missing before its time.
            if let (Some(latest), Some(at_most)) = (latest, step.at_most) {
                let due = planner.call(Function::AddDays, vec![latest, at_most], Type::Date);
                let closed = planner.compare(BinaryOp::Less, due, as_of);
                preconditions.push(Precondition { holds: planner.any(&[step.present, closed]), reason: Reason::NotDue });
            }
        }
        if let Some(covered) = step.covered.filter(|_| step.required) {
            preconditions.push(Precondition { holds: planner.any(&[step.present, covered]), reason: Reason::NotCovered });
        }
        if let Some(latest) = latest {
            compare(planner, latest, step.day, (step.at_least, step.at_most), (&mut out_of_order, &mut too_close, &mut too_late));
            gaps.push((format!("{}.days", step.name), planner.days_between(latest, step.day)));
        }
        before.push(step.day);
    }
    if place == Anchor::Last
        && let Some(latest) = latest(planner, &before)
    {
        compare(planner, latest, anchor, (None, None), (&mut out_of_order, &mut too_close, &mut too_late));
        gaps.push(("anchor.days".into(), planner.days_between(latest, anchor)));
    }
    let [missing, out_of_order, too_close, too_late] = [missing, out_of_order, too_close, too_late].map(|parts| planner.any(&parts));
    let words = [(missing, "missing"), (out_of_order, "out of order"), (too_close, "too close"), (too_late, "too late")];
    let whens = words
        .into_iter()
        .filter(|(part, _)| *part != no)
        .map(|(part, word)| (part, planner.literal(Value::Text(word.into(), TextKind::Plain))));
    let whens: Vec<_> = whens.collect();
    let problem =
        if whens.is_empty() { planner.null(Type::Text(TextKind::Plain)) } else { planner.case(whens, None, Type::Text(TextKind::Plain)) };
    Judged { missing, out_of_order, too_close, too_late, problem, gaps, preconditions }
}

/// The latest of the days that are known.
fn latest(planner: &mut Planner, days: &[ExprId]) -> Option<ExprId> {
    match days {
        [] => None,
        [one] => Some(*one),
        several => Some(planner.call(Function::Greatest, several.to_vec(), Type::Date)),
    }
}

/// A step that is missing, or has none before it, is neither out of order nor too close nor too late.
fn compare(
    planner: &mut Planner,
    before: ExprId,
    day: ExprId,
    limits: (Option<ExprId>, Option<ExprId>),
    into: (&mut Vec<ExprId>, &mut Vec<ExprId>, &mut Vec<ExprId>),
) {
    let (no_before, no_day) = (planner.is_null(before), planner.is_null(day));
    let absent = planner.any(&[no_before, no_day]);
    let no = planner.truth(false);
    let days = planner.days_between(before, day);
    let push = |planner: &mut Planner, op: BinaryOp, limit: ExprId, list: &mut Vec<ExprId>| {
        let holds = planner.compare(op, days, limit);
        list.push(planner.case(vec![(absent, no)], Some(holds), Type::Bool));
    };
    let zero = planner.int(0);
    push(planner, BinaryOp::Less, zero, into.0);
    if let Some(limit) = limits.0 {
        push(planner, BinaryOp::Less, limit, into.1);
    }
    if let Some(limit) = limits.1 {
        push(planner, BinaryOp::Greater, limit, into.2);
    }
}
