//! `snapshot`: what was changed, removed or put in with an earlier date between two deliveries of a table.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::{NamedKeys, named};
use super::planner::{GroupKeys, Planner, Source};
use super::{Check, CheckPlan, Flag, Members, Precondition, Reason, UnitKind};
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, Expr, ExprId, Function, Hop, KeyPart, Neighbour, RelId, RowRef, Scope, Want};
use crate::schema::{TextKind, Type, Value};

/// What may become of a record between two deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Find {
    /// A watched column has another value.
    Changed,
    /// It is no longer there.
    Removed,
    /// It was not there before.
    Added,
    /// It was not there before, though by its own date it should have been.
    BackDated,
}

/// Flags records that were edited, deleted or back-dated between deliveries.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotCheck {
    /// Table or view that keeps its deliveries: the day of delivery is part of its key.
    pub table: Spanned<String>,
    /// Which of its records take part; all when absent.
    pub among: Option<Spanned<String>>,
    /// What makes a record the same in two deliveries.
    pub key: NamedKeys,
    /// The day of the delivery that holds the record; its governing date when absent.
    pub delivered: Option<Spanned<String>>,
    /// What one delivery holds: `county(region_code)` when every county delivers for itself. All records of a day when absent.
    pub area: Option<Spanned<String>>,
    /// What is watched for changes: columns, or names with expressions.
    pub columns: NamedKeys,
    /// The day on which the record says it began.
    pub happened: Option<Spanned<String>>,
    /// What is flagged: `changed`, `removed`, `added`, `back_dated`. When absent: `changed`, `removed`, and `back_dated` where `happened` stands.
    #[serde(default)]
    pub find: OneOrMany<Spanned<Find>>,
    /// Only deliveries from the first of these days to the second.
    pub between: Option<[Spanned<String>; 2]>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the unit.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for SnapshotCheck {
    const NAME: &'static str = "snapshot";
    const TITLE: &'static str = "Silent edits, deletions and back-dating between deliveries";
    const FINDS: &'static str =
        "Records whose watched columns changed, that vanished, or that were put in with an earlier date between two deliveries of a table.";
    const POPULATION: &'static str =
        "Keys over two consecutive deliveries of their area; a key that stands twice in a delivery is not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/snapshot.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        if planner.def(source).snapshot {
            let error = Diagnostic::error("snapshot-latest", format!("`{}` keeps its latest delivery alone", self.table.value));
            planner.error(
                error
                    .at(self.table.span.clone(), "declared with `snapshot:` in recount.yaml")
                    .help("declare the same files once more as a table with the day of delivery in its `key` and without `snapshot:`"),
            );
            return None;
        }
        let records = planner.record_scope(source, &RowRef::slot(0));
        let read = self.read(planner, source, &records)?;
        let units = read.units(planner, source);
        let unit = Unit::new(planner, units, &read);

        let mut keys = GroupKeys { names: read.keys.names.clone(), words: read.keys.words.clone(), exprs: read.keys.exprs.clone() };
        keys.names.push(Some("delivery".into()));
        keys.exprs.push(read.delivered);
        let parts = [(vec!["now".to_owned()], source), (vec!["before".to_owned()], source)];
        let mut scope = planner.group_scope(units, &keys, &parts);
        scope.at = Some(unit.delivery);
        scope.place = planner.def(source).region.map(|region| unit.either(planner, region));
        let own = unit.names(planner, &read, self.happened.is_some());
        scope.names.extend(own.names.clone());
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        figures.extend(own.names);
        let found: Vec<ExprId> = self.wanted().into_iter().map(|find| own.found[find as usize]).collect();
        let mut flag = vec![planner.any(&found)];
        if let Some(text) = &self.condition {
            flag.push(planner.bool(text, &scope)?);
        }
        let identity = planner.keys_of(units, &RowRef::slot(0), &keys);
        let members = [("now", unit.now), ("before", unit.before)].map(|(role, over)| Members {
            role: role.into(),
            owner: over.owner,
            set: over.set,
            inner: 1,
            filter: None,
        });
        let words = read.keys.words.join(", ");
        Some(CheckPlan {
            rel: units,
            preconditions: vec![Precondition { holds: unit.single, reason: Reason::Unreadable }],
            flag: Flag::Row(planner.all(&flag)),
            members: members.into(),
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, format!("{words} over two deliveries of {}", self.table.value), source, scope)
        })
    }
}

impl SnapshotCheck {
    fn wanted(&self) -> Vec<Find> {
        if !self.find.is_empty() {
            return self.find.iter().map(|find| find.value).collect();
        }
        let back_dated = self.happened.is_some().then_some(Find::BackDated);
        [Find::Changed, Find::Removed].into_iter().chain(back_dated).collect()
    }

    fn read(&self, planner: &mut Planner, source: Source, records: &Scope) -> Option<Read> {
        let among = planner.optional_bool(self.among.as_ref(), records);
        let keys = planner.group_keys(&self.key, records);
        let delivered = match &self.delivered {
            Some(text) => planner.expr(text, records, Want::Type(Type::Date)),
            None => planner.governing_day(source, records, &self.table),
        };
        let area = match &self.area {
            Some(text) => planner.expr(text, records, Want::Key),
            None => Some(planner.int(1)),
        };
        let columns: Vec<Option<(String, ExprId)>> = named(&self.columns)
            .into_iter()
            .map(|(name, text)| {
                let expr = planner.expr(&text, records, Want::Key)?;
                Some((name.unwrap_or_else(|| text.value.trim().to_owned()), expr))
            })
            .collect();
        let happened = match &self.happened {
            Some(text) => planner.expr(text, records, Want::Type(Type::Date)).map(Some),
            None => Some(None),
        };
        let between = match &self.between {
            Some(days) => days.iter().map(|day| planner.expr(day, records, Want::Type(Type::Date))).collect::<Option<Vec<_>>>(),
            None => Some(vec![]),
        };
        let find = self.wanted();
        if find.contains(&Find::BackDated) && self.happened.is_none() {
            let error = Diagnostic::error("snapshot-happened", "`back_dated` needs `happened`: the day on which a record says it began");
            planner.error(error.at(self.table.span.clone(), "this check").help("add e.g. `happened: identified_at`"));
            return None;
        }
        let columns: Vec<(String, ExprId)> = columns.into_iter().collect::<Option<_>>()?;
        if find.contains(&Find::Changed) && columns.is_empty() {
            let error = Diagnostic::error("snapshot-columns", "nothing is watched for changes");
            planner.error(error.at(self.table.span.clone(), "this check").help("name some `columns`, or leave `changed` out of `find`"));
            return None;
        }
        let (among, keys, delivered, area, happened, between) = (among?, keys?, delivered?, area?, happened?, between?);
        let mut parts: Vec<ExprId> = among.into_iter().collect();
        if let [first, last] = between[..] {
            parts.push(planner.compare(BinaryOp::GreaterEqual, delivered, first));
            parts.push(planner.compare(BinaryOp::LessEqual, delivered, last));
        }
        let among = (!parts.is_empty()).then(|| planner.all(&parts));
        Some(Read { among, keys, delivered, area, columns, happened, before: RowRef::slot(0) }.with_deliveries(planner, source))
    }
}

/// What the rule says, in the frame of a record.
struct Read {
    among: Option<ExprId>,
    keys: GroupKeys,
    delivered: ExprId,
    area: ExprId,
    columns: Vec<(String, ExprId)>,
    happened: Option<ExprId>,
    /// From a record to the delivery before its own.
    before: RowRef,
}

/// Columns of a delivery of an area.
const DAY: usize = 1;

impl Read {
    fn deliveries(&self, planner: &mut Planner, source: Source) -> RelId {
        planner.groups(vec![KeyPart { of: source.rel, keys: vec![self.area, self.delivered], among: self.among }])
    }
    /// From a record to the delivery of its area before (`forward`: after) its own.
    fn step(&self, planner: &mut Planner, source: Source, forward: bool) -> RowRef {
        let of = self.deliveries(planner, source);
        let row = RowRef::slot(0);
        let area_type = planner.graph.type_of(self.area);
        let area = planner.group_key(&row, 0, area_type);
        let day = planner.group_key(&row, DAY, Type::Date);
        let order = if forward {
            let epoch = planner.literal(Value::Date(0));
            planner.days_between(day, epoch)
        } else {
            day
        };
        let neighbour = planner.graph.neighbour(Neighbour { of, keys: vec![area], order, among: None, exactly: None });
        row.then(Hop::Group { groups: of, part: 0 }).then(Hop::Neighbour(neighbour))
    }
    fn with_deliveries(mut self, planner: &mut Planner, source: Source) -> Self {
        self.before = self.step(planner, source, false);
        self
    }
    /// One row per key and delivery that has one before it: part 0 the record in it, part 1 the record in the one before.
    fn units(&self, planner: &mut Planner, source: Source) -> RelId {
        let next = self.step(planner, source, true);
        let next_day = planner.group_key(&next, DAY, Type::Date);
        let has_before = planner.graph.expr(Expr::Has { row: self.before.clone() }, Type::Bool);
        let has_next = planner.not_null(next_day);
        let mut part = |day: ExprId, has: ExprId| {
            let among: Vec<ExprId> = self.among.into_iter().chain([has]).collect();
            KeyPart { of: source.rel, keys: self.keys.exprs.iter().copied().chain([day]).collect(), among: Some(planner.all(&among)) }
        };
        let parts = vec![part(self.delivered, has_before), part(next_day, has_next)];
        planner.groups(parts)
    }
}

/// The two records of a unit.
struct Unit {
    now: Over,
    before: Over,
    delivery: ExprId,
    n_now: ExprId,
    n_before: ExprId,
    /// Neither delivery has the key twice.
    single: ExprId,
}

struct Named {
    names: Vec<(String, ExprId)>,
    /// By [`Find`].
    found: [ExprId; 4],
}

impl Unit {
    fn new(planner: &mut Planner, units: RelId, read: &Read) -> Unit {
        let now = planner.members(units, 0, false);
        let before = planner.members(units, 1, false);
        let delivery = planner.group_key(&RowRef::slot(0), read.keys.exprs.len(), Type::Date);
        let (n_now, n_before) = (planner.count(&now, None), planner.count(&before, None));
        let one = planner.int(1);
        let each = [n_now, n_before].map(|n| planner.compare(BinaryOp::LessEqual, n, one));
        let single = planner.all(&each);
        Unit { now, before, delivery, n_now, n_before, single }
    }
    /// The value of `expr` in the record of `over`; missing when there is none.
    fn value(planner: &mut Planner, over: &Over, expr: ExprId) -> ExprId {
        let expr = planner.at_row(expr, &RowRef::slot(1));
        planner.aggregate(AggregateFunction::Min, over, Some(expr), None)
    }
    fn either(&self, planner: &mut Planner, expr: ExprId) -> ExprId {
        let values = [&self.now, &self.before].map(|over| Unit::value(planner, over, expr));
        let ty = planner.graph.type_of(expr);
        planner.call(Function::Coalesce, values.into(), ty)
    }

    fn names(&self, planner: &mut Planner, read: &Read, dated: bool) -> Named {
        let zero = planner.int(0);
        let here = planner.compare(BinaryOp::Greater, self.n_now, zero);
        let was_here = planner.compare(BinaryOp::Greater, self.n_before, zero);
        let (gone, new) = (planner.not(here), planner.not(was_here));
        let both = planner.all(&[here, was_here]);
        let mut names = vec![];
        let mut differ = vec![];
        for (name, expr) in &read.columns {
            let (now, before) = (Unit::value(planner, &self.now, *expr), Unit::value(planner, &self.before, *expr));
            differ.push((name.clone(), differs(planner, now, before)));
            names.extend([(format!("now.{name}"), now), (format!("before.{name}"), before)]);
        }
        let any: Vec<ExprId> = differ.iter().map(|(_, differs)| *differs).collect();
        let any = planner.any(&any);
        let changed = planner.all(&[both, any]);

        let day_type = Type::Date;
        let now_before = planner.group_key(&read.before, DAY, day_type);
        let from_now = Unit::value(planner, &self.now, now_before);
        let from_before = Unit::value(planner, &self.before, read.delivered);
        let delivery_before = planner.call(Function::Coalesce, vec![from_before, from_now], day_type);
        let back_dated = match read.happened {
            Some(happened) => {
                let happened = Unit::value(planner, &self.now, happened);
                let earlier = planner.compare(BinaryOp::Less, happened, delivery_before);
                planner.all(&[new, earlier])
            }
            None => planner.truth(false),
        };
        let what = words(planner, &[(changed, "changed"), (gone, "removed"), (back_dated, "back-dated"), (new, "added")]);
        let list = listed(planner, both, &differ);
        names.extend([("delivery_before", delivery_before), ("changed", changed), ("removed", gone), ("added", new)].map(named_as));
        if dated {
            names.push(("back_dated".into(), back_dated));
        }
        names.extend([("what", what), ("differs", list)].map(named_as));
        Named { names, found: [changed, gone, new, back_dated] }
    }
}

fn named_as((name, expr): (&str, ExprId)) -> (String, ExprId) {
    (name.to_owned(), expr)
}

/// Whether two values differ; a value and none do, none and none do not.
fn differs(planner: &mut Planner, now: ExprId, before: ExprId) -> ExprId {
    let (no_now, no_before) = (planner.is_null(now), planner.is_null(before));
    let (yes, no) = (planner.truth(true), planner.truth(false));
    let neither = planner.all(&[no_now, no_before]);
    let one = planner.any(&[no_now, no_before]);
    let unequal = planner.compare(BinaryOp::NotEqual, now, before);
    planner.case(vec![(neither, no), (one, yes)], Some(unequal), Type::Bool)
}

/// The word of the first condition that holds.
fn words(planner: &mut Planner, conditions: &[(ExprId, &str)]) -> ExprId {
    let whens = conditions.iter().map(|(when, word)| (*when, planner.literal(Value::Text((*word).into(), TextKind::Plain)))).collect();
    planner.case(whens, None, Type::Text(TextKind::Plain))
}

/// Names of the columns that differ, with commas; missing where a record has no other to compare with.
fn listed(planner: &mut Planner, both: ExprId, differ: &[(String, ExprId)]) -> ExprId {
    let text = Type::Text(TextKind::Plain);
    let literal = |planner: &mut Planner, value: String| planner.literal(Value::Text(value.into(), TextKind::Plain));
    let none = literal(planner, String::new());
    let mut all = vec![];
    for (name, differs) in differ {
        let name = literal(planner, format!(", {name}"));
        all.push(planner.case(vec![(*differs, name)], Some(none), text));
    }
    let joined = if all.is_empty() { none } else { planner.call(Function::Concat, all, text) };
    let (start, length) = (planner.int(3), planner.int(10_000));
    let list = planner.call(Function::Substring, vec![joined, start, length], text);
    planner.case(vec![(both, list)], None, text)
}
