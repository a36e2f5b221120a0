//! Events of one kind over time: nothing done for long, a state that goes on and off, records entered long after they happened.

use schemars::JsonSchema;
use serde::Deserialize;

use super::OrderCheck;
use crate::check::build::Over;
use crate::check::keys::{self, Keys};
use crate::check::planner::{GroupKeys, Planner, Source};
use crate::check::{CheckPlan, Flag, Members, Precondition, Reason, UnitKind};
use crate::diagnostic::yaml::{OneOrMany, TextOr};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, ExprId, Function, Hop, KeyPart, Neighbour, RowRef, Scope, Want};
use crate::schema::{Type, Value};

/// Nothing done for more than `days` days after the anchor.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    /// Table or view of the events. Its columns are read as `other.column` or by its name.
    #[serde(rename = "in")]
    pub table: Spanned<String>,
    /// How the anchor's events are found: a column both have, or `{own: other}`; the columns of `per` when absent.
    pub keys: Option<Keys>,
    /// Which of them count.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
    /// The event's day; its governing date when absent.
    pub date: Option<Spanned<String>>,
    /// Idle days that are in order, e.g. `30`.
    pub days: Spanned<String>,
    /// The day on which waiting ends; the as-of date when absent or later.
    pub until: Option<Spanned<String>>,
}

/// A state that is turned off and on again.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cycle {
    /// Condition on a record: it turns the state on.
    pub on: Spanned<String>,
    /// Condition on a record: it turns the state off.
    pub off: Spanned<String>,
    /// From how many times on again after off a key is flagged, e.g. `2`.
    pub times: Spanned<String>,
}

/// Records entered long after they happened, or in a rush before a date.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackFilled {
    /// The day on which the record was entered.
    pub entered: Spanned<String>,
    /// Days after the record's `date` that are in order.
    pub days: Option<Spanned<String>>,
    /// Instead: most records of a key entered in the last days before a date.
    pub bulk: Option<Bulk>,
}

/// Much entered in the last days before a date.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bulk {
    /// The date, such as that of an inspection.
    pub before: Spanned<String>,
    /// The last days before it, the date left out.
    pub last: Spanned<String>,
    /// Part of the key's records, 0 to 1, from which it is flagged.
    pub share: Spanned<String>,
    /// Least number of records of a key.
    pub min: Spanned<String>,
}

pub(super) fn idle(spec: &OrderCheck, idle: &Idle, planner: &mut Planner) -> Option<CheckPlan> {
    let own = planner.source(&spec.table)?;
    let mut scope = planner.record_scope(own, &RowRef::slot(0));
    let among = planner.optional_bool(spec.among.as_ref(), &scope);
    let anchor = spec.day(planner, own, &scope);
    let days = planner.expr(&idle.days, &scope, Want::Type(Type::Int));
    let until = match &idle.until {
        Some(text) => planner.expr(text, &scope, Want::Type(Type::Date)).map(Some),
        None => Some(None),
    };
    let (among, anchor, days, until) = (among?, anchor?, days?, until?);
    scope.names.push(("anchor".into(), anchor));
    let events = idle.events(spec, planner, own, &scope, anchor)?;

    let next = planner.aggregate(AggregateFunction::Min, &events.over, Some(events.day), Some(events.filter));
    let as_of = planner.literal(Value::Date(planner.catalog.as_of));
    let stops: Vec<ExprId> = [Some(next), until, Some(as_of)].into_iter().flatten().collect();
    let stop = planner.call(Function::Least, stops, Type::Date);
    let waited = planner.days_between(anchor, stop);
    let own_names = [("idle".to_owned(), waited), ("next".to_owned(), next)];
    scope.names.extend(own_names.clone());
    let mut figures = planner.lets(&spec.lets, &mut scope)?;
    figures.extend(own_names);
    let mut parts = vec![planner.compare(BinaryOp::Greater, waited, days)];
    if let Some(text) = &spec.condition {
        parts.push(planner.bool(text, &scope)?);
    }
    // Without an event, and before the days have run out, nothing is said yet; waiting that ended before is over.
    let found = planner.not_null(next);
    let long = planner.compare(BinaryOp::Greater, waited, days);
    let ended = until.map(|until| planner.compare(BinaryOp::Less, until, as_of));
    let closed: Vec<ExprId> = [Some(found), Some(long), ended].into_iter().flatten().collect();
    let mut preconditions = vec![planner.complete(&events.keys), Precondition { holds: planner.any(&closed), reason: Reason::NotDue }];
    let due = planner.call(Function::AddDays, vec![anchor, days], Type::Date);
    let covers = [anchor, due].into_iter().filter_map(|day| planner.covered(events.source, Some(day), scope.place)).collect::<Vec<_>>();
    if !covers.is_empty() {
        let covered = planner.all(&covers);
        let short = planner.not(long);
        preconditions.push(Precondition { holds: planner.any(&[short, covered]), reason: Reason::NotCovered });
    }
    Some(CheckPlan {
        population: among.into_iter().collect(),
        preconditions,
        flag: Flag::Row(planner.all(&parts)),
        measure: Some(waited),
        members: vec![Members {
            role: idle.table.value.clone(),
            owner: events.over.owner,
            set: events.over.set,
            inner: 1,
            filter: Some(events.filter),
        }],
        figures,
        ..CheckPlan::of(UnitKind::Anchor, format!("record of {}", spec.table.value), own, scope)
    })
}

/// Events of an anchor on or after its day; the event is slot 1.
struct Events {
    source: Source,
    over: Over,
    day: ExprId,
    filter: ExprId,
    /// The anchor's keys.
    keys: Vec<ExprId>,
}

impl Idle {
    fn events(&self, spec: &OrderCheck, planner: &mut Planner, own: Source, scope: &Scope, anchor: ExprId) -> Option<Events> {
        let source = planner.source(&self.table)?;
        let keys = match (&self.keys, &spec.per) {
            (Some(keys), _) => keys.clone(),
            (None, Some(per)) => OneOrMany(keys::named(per).into_iter().map(|(_, text)| TextOr::Text(text)).collect()),
            (None, None) => {
                let error = Diagnostic::error("order-keys", "nothing says which events belong to the anchor");
                planner.error(error.at(self.table.span.clone(), "these events").help("add `per:` to the check or `keys:` to `idle`"));
                return None;
            }
        };
        let rungs = planner.ladder(&keys, own, source)?;
        let [rung] = rungs.as_slice() else {
            let error = Diagnostic::error("order-keys", "events are found in one way, not by a ladder of keys");
            planner.error(error.at(self.table.span.clone(), "these events"));
            return None;
        };
        let mut pair = scope.clone();
        planner.add_other(&mut pair, source, 1, &["other"]);
        let member = planner.record_scope(source, &RowRef::slot(1));
        let day = match &self.date {
            Some(text) => planner.expr(text, &member, Want::Type(Type::Date)),
            None => planner.governing_day(source, &member, &self.table),
        };
        let condition = planner.optional_bool(self.condition.as_ref(), &pair);
        let (day, condition) = (day?, condition?);
        let mut parts = vec![planner.compare(BinaryOp::GreaterEqual, day, anchor)];
        parts.extend(condition);
        if source.rel == own.rel {
            // The anchor is no event of itself.
            let (left, right) = (planner.row_number(RowRef::slot(0)), planner.row_number(RowRef::slot(1)));
            parts.push(planner.compare(BinaryOp::NotEqual, left, right));
        }
        let filter = planner.all(&parts);
        Some(Events { source, over: Over { owner: RowRef::slot(0), set: rung.set }, day, filter, keys: rung.keys.clone() })
    }
}

/// Records of a key: what `cycle` and `bulk` are about.
struct Keyed {
    own: Source,
    records: Scope,
    among: Option<ExprId>,
    keys: GroupKeys,
    day: ExprId,
}

fn keyed(spec: &OrderCheck, planner: &mut Planner) -> Option<Keyed> {
    let own = planner.source(&spec.table)?;
    let records = planner.record_scope(own, &RowRef::slot(0));
    let among = planner.optional_bool(spec.among.as_ref(), &records);
    let day = spec.day(planner, own, &records);
    let keys = match &spec.per {
        Some(per) => planner.group_keys(per, &records),
        None => {
            let error = Diagnostic::error("order-keys", "nothing says whose records belong together");
            planner.error(error.at(spec.table.span.clone(), "this check").help("add e.g. `per: household_id`"));
            None
        }
    };
    Some(Keyed { own, records, among: among?, keys: keys?, day: day? })
}

impl Keyed {
    /// A plan over the groups of records where all of `conditions` hold. `judge` gives the check's own names, which measures, and the flag.
    fn plan(
        self,
        spec: &OrderCheck,
        planner: &mut Planner,
        conditions: &[ExprId],
        judge: impl FnOnce(&mut Planner, &Keyed, &Over, ExprId, &Scope) -> Option<Judged>,
    ) -> Option<CheckPlan> {
        let among: Vec<ExprId> = self.among.into_iter().chain(conditions.iter().copied()).collect();
        let among = planner.all(&among);
        let groups = planner.groups(vec![KeyPart { of: self.own.rel, keys: self.keys.exprs.clone(), among: Some(among) }]);
        let over = planner.members(groups, 0, false);
        let mut scope = planner.group_scope(groups, &self.keys, &[(vec![spec.table.value.clone()], self.own)]);
        planner.group_frame(&mut scope, groups, 0, self.own);
        let judged = judge(planner, &self, &over, among, &scope)?;
        scope.names.extend(judged.names.clone());
        let mut figures = planner.lets(&spec.lets, &mut scope)?;
        figures.extend(judged.names);
        let condition = planner.optional_bool(spec.condition.as_ref(), &scope)?;
        let flag: Vec<ExprId> = std::iter::once(judged.flag).chain(condition).collect();
        let identity = planner.key_columns(&RowRef::slot(0), &self.keys);
        let unit = format!("records of the same {} in {}", self.keys.words.join(", "), spec.table.value);
        Some(CheckPlan {
            rel: groups,
            population: judged.population,
            flag: Flag::Row(planner.all(&flag)),
            measure: Some(judged.measure),
            members: vec![Members { role: "counted".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, unit, self.own, scope)
        })
    }
}

struct Judged {
    names: Vec<(String, ExprId)>,
    population: Vec<ExprId>,
    measure: ExprId,
    flag: ExprId,
}

pub(super) fn cycle(spec: &OrderCheck, cycle: &Cycle, planner: &mut Planner) -> Option<CheckPlan> {
    let keyed = keyed(spec, planner)?;
    let on = planner.bool(&cycle.on, &keyed.records);
    let off = planner.bool(&cycle.off, &keyed.records);
    let (on, off) = (on?, off?);
    let either = planner.any(&[on, off]);
    let dated = planner.not_null(keyed.day);
    keyed.plan(spec, planner, &[either, dated], |planner, keyed, over, among, scope| {
        let neighbour =
            Neighbour { of: keyed.own.rel, keys: keyed.keys.exprs.clone(), order: keyed.day, among: Some(among), exactly: None };
        let member = RowRef::slot(1);
        let before = member.then(Hop::Neighbour(planner.graph.neighbour(neighbour)));
        let (on, was_off, day) = (planner.at_row(on, &member), planner.at_row(off, &before), planner.at_row(keyed.day, &member));
        let again = planner.all(&[on, was_off]);
        let cycles = planner.count(over, Some(again));
        let first = planner.aggregate(AggregateFunction::Min, over, Some(day), Some(on));
        let last = planner.aggregate(AggregateFunction::Max, over, Some(day), Some(on));
        let times = planner.expr(&cycle.times, scope, Want::Type(Type::Int))?;
        Some(Judged {
            names: vec![("cycles".into(), cycles), ("first_on".into(), first), ("last_on".into(), last)],
            population: vec![],
            measure: cycles,
            flag: planner.compare(BinaryOp::GreaterEqual, cycles, times),
        })
    })
}

pub(super) fn back_filled(spec: &OrderCheck, filled: &BackFilled, planner: &mut Planner) -> Option<CheckPlan> {
    match (&filled.days, &filled.bulk) {
        (Some(days), None) => late(spec, filled, days, planner),
        (None, Some(bulk)) => in_bulk(spec, filled, bulk, planner),
        _ => {
            let error = Diagnostic::error("order-form", "`back_filled` takes one of `days` and `bulk`");
            planner.error(error.at(filled.entered.span.clone(), "this form").help("write one rule for each"));
            None
        }
    }
}

fn late(spec: &OrderCheck, filled: &BackFilled, days: &Spanned<String>, planner: &mut Planner) -> Option<CheckPlan> {
    let own = planner.source(&spec.table)?;
    let mut scope = planner.record_scope(own, &RowRef::slot(0));
    let among = planner.optional_bool(spec.among.as_ref(), &scope);
    let day = spec.day(planner, own, &scope);
    let entered = planner.expr(&filled.entered, &scope, Want::Type(Type::Date));
    let days = planner.expr(days, &scope, Want::Type(Type::Int));
    let (among, day, entered, days) = (among?, day?, entered?, days?);
    let late = planner.days_between(day, entered);
    scope.names.push(("late".into(), late));
    let mut figures = planner.lets(&spec.lets, &mut scope)?;
    figures.push(("late".into(), late));
    let mut parts = vec![planner.compare(BinaryOp::Greater, late, days)];
    if let Some(text) = &spec.condition {
        parts.push(planner.bool(text, &scope)?);
    }
    let complete = planner.complete(&[day, entered]);
    Some(CheckPlan {
        population: among.into_iter().collect(),
        preconditions: vec![complete],
        flag: Flag::Row(planner.all(&parts)),
        measure: Some(late),
        figures,
        ..CheckPlan::of(UnitKind::Record, format!("record of {}", spec.table.value), own, scope)
    })
}

fn in_bulk(spec: &OrderCheck, filled: &BackFilled, bulk: &Bulk, planner: &mut Planner) -> Option<CheckPlan> {
    let keyed = keyed(spec, planner)?;
    let entered = planner.expr(&filled.entered, &keyed.records, Want::Type(Type::Date));
    let before = planner.expr(&bulk.before, &keyed.records, Want::Type(Type::Date));
    let last = planner.expr(&bulk.last, &keyed.records, Want::Type(Type::Int));
    let (entered, before, last) = (entered?, before?, last?);
    let known = [planner.not_null(keyed.day), planner.not_null(entered)];
    let zero = planner.int(0);
    let back = planner.subtract(zero, last);
    let opens = planner.call(Function::AddDays, vec![before, back], Type::Date);
    // Happened before the date; of these: entered in its last days, though it happened before them.
    let happened = planner.compare(BinaryOp::Less, keyed.day, before);
    let rushed = [
        planner.compare(BinaryOp::Less, keyed.day, opens),
        planner.compare(BinaryOp::GreaterEqual, entered, opens),
        planner.compare(BinaryOp::Less, entered, before),
    ];
    let rushed = planner.all(&rushed);
    let conditions = [known[0], known[1], happened];
    keyed.plan(spec, planner, &conditions, |planner, _, over, _, scope| {
        let rushed = planner.at_row(rushed, &RowRef::slot(1));
        let n = planner.count(over, None);
        let n_bulk = planner.count(over, Some(rushed));
        let share = planner.binary(BinaryOp::Divide, n_bulk, n, Type::Decimal(6));
        let least = planner.expr(&bulk.share, scope, Want::Type(Type::Decimal(6)))?;
        let min = planner.expr(&bulk.min, scope, Want::Type(Type::Int))?;
        Some(Judged {
            names: vec![("n".into(), n), ("n_bulk".into(), n_bulk), ("share".into(), share)],
            population: vec![planner.compare(BinaryOp::GreaterEqual, n, min)],
            measure: share,
            flag: planner.compare(BinaryOp::GreaterEqual, share, least),
        })
    })
}
