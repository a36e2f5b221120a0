//! `change`: implausible change between adjacent periods, absolute, relative, and against peers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::{NamedKeys, Names};
use super::planner::{GroupKeys, Planner, Source};
use super::{Check, CheckPlan, Flag, Members, Precondition, Reason, UnitKind};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, Expr, ExprId, Hop, KeyPart, Neighbour, RelId, RowRef, RowSet, Scope, Want};
use crate::schema::{TextKind, Type, Value};

/// Flags periods whose value cannot be reconciled with that of the period before.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCheck {
    /// Table or view with one record per key and period (or several, with `total`).
    pub table: Spanned<String>,
    /// Which of its records take part; all when absent.
    pub among: Option<Spanned<String>>,
    /// Whose values are followed: a column, a list of them, or names with expressions.
    pub key: NamedKeys,
    /// The period: an int (year), month or date.
    pub period: Spanned<String>,
    /// How many periods lie between the two values; 1 when absent.
    pub step: Option<Spanned<u16>>,
    /// The value that is followed, of the one record of a key and period.
    pub measure: Option<Spanned<String>>,
    /// Instead of `measure`, when a key has several records in a period: what is added up over them.
    pub total: Option<Spanned<String>>,
    /// Who is compared: an expression of the record (`village(region_code)`), or several, narrowest first: where a peer group has fewer than
    /// `min_peers`, the next is taken. Within the same period.
    #[serde(default)]
    pub peers: Names,
    /// Least number of peers, the record itself included; 30 when absent.
    pub min_peers: Option<Spanned<String>>,
    /// What is compared with the peers: `ratio` (when absent) or `difference`.
    pub compare: Option<Spanned<Compare>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// The suspicious condition over `now`, `before`, `ratio`, `difference`, `peer.p99` ...
    #[serde(rename = "where")]
    pub condition: Spanned<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    #[default]
    Ratio,
    Difference,
}

impl Check for ChangeCheck {
    const NAME: &'static str = "change";
    const TITLE: &'static str = "Implausible change between periods";
    const FINDS: &'static str = "Periods whose value changed implausibly since the period before, in itself or against peers.";
    const POPULATION: &'static str = "Pairs of a key and a period that has the period before.";
    const DOC: &'static str = include_str!("../../docs/checks/change.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        match (&self.measure, &self.total) {
            (Some(measure), None) => self.of_records(planner, source, measure),
            (None, Some(total)) => self.of_groups(planner, source, total),
            (Some(measure), Some(total)) => {
                let error = Diagnostic::error("change-measure", "`measure` and `total` exclude each other");
                planner.error(
                    error
                        .at(measure.span.clone(), "value of one record")
                        .at(total.span.clone(), "sum over several records")
                        .help("keep one of the two"),
                );
                None
            }
            (None, None) => {
                let error = Diagnostic::error("change-measure", "nothing says which value is followed");
                planner.error(
                    error
                        .at(self.table.span.clone(), "this check")
                        .help("add `measure:` (one record per key and period) or `total:` (several)"),
                );
                None
            }
        }
    }
}

/// What the two forms have in common: units in slot 0 of `rel`, each with its value and that of the period before.
struct Series {
    rel: RelId,
    /// In the frame of the unit.
    keys: Vec<ExprId>,
    period: ExprId,
    among: Option<ExprId>,
    value: ExprId,
    before: RowRef,
}

impl ChangeCheck {
    fn of_records(&self, planner: &mut Planner, source: Source, measure: &Spanned<String>) -> Option<CheckPlan> {
        let row = RowRef::slot(0);
        let scope = planner.record_scope(source, &row);
        let among = planner.optional_bool(self.among.as_ref(), &scope);
        let keys = planner.group_keys(&self.key, &scope);
        let period = planner.expr(&self.period, &scope, Want::Orderable);
        let value = planner.expr(measure, &scope, Want::Numeric);
        let (among, keys, period, value) = (among?, keys?, period?, value?);
        let series = self.series(planner, source.rel, keys.exprs.clone(), period, among, value);
        let (figures, flag, scope) = self.judge(planner, &series, scope)?;
        let preconditions = self.one_before(planner, &series);
        let population = self.population(planner, &series);
        let unit = format!("{} and period in {}, with the period before", keys.words.join(", "), self.table.value);
        Some(CheckPlan {
            population,
            preconditions,
            flag: Flag::Row(flag),
            period: Some(period),
            figures,
            ..CheckPlan::of(UnitKind::KeyPeriod, unit, source, scope)
        })
    }

    fn of_groups(&self, planner: &mut Planner, source: Source, total: &Spanned<String>) -> Option<CheckPlan> {
        let records = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &records);
        let keys = planner.group_keys(&self.key, &records);
        let period = planner.expr(&self.period, &records, Want::Orderable);
        let member_scope = planner.record_scope(source, &RowRef::slot(1));
        let arg = planner.expr(total, &member_scope, Want::Numeric);
        let (among, keys, period, arg) = (among?, keys?, period?, arg?);
        let with_period = GroupKeys {
            names: keys.names.iter().cloned().chain([Some("period".to_owned())]).collect(),
            words: keys.words.clone(),
            exprs: keys.exprs.iter().copied().chain([period]).collect(),
        };
        let groups = planner.groups(vec![KeyPart { of: source.rel, keys: with_period.exprs.clone(), among }]);
        let mut scope = planner.group_scope(groups, &with_period, &[(vec![self.table.value.clone()], source)]);
        planner.group_frame(&mut scope, groups, 0, source);
        let over = planner.members(groups, 0, false);
        let value = planner.aggregate(AggregateFunction::Sum, &over, Some(arg), None);
        let columns = planner.key_columns(&RowRef::slot(0), &with_period);
        let (&period, own_keys) = columns.split_last()?;
        let series = self.series(planner, groups, own_keys.to_vec(), period, None, value);
        let (figures, flag, scope) = self.judge(planner, &series, scope)?;
        let population = self.population(planner, &series);
        let unit = format!("{} and period in {}, with the period before", keys.words.join(", "), self.table.value);
        let members = vec![
            Members { role: "now".into(), owner: RowRef::slot(0), set: over.set, inner: 1, filter: None },
            Members { role: "before".into(), owner: series.before.clone(), set: over.set, inner: 1, filter: None },
        ];
        Some(CheckPlan {
            rel: groups,
            population,
            flag: Flag::Row(flag),
            period: Some(period),
            members,
            figures,
            identity: columns,
            ..CheckPlan::of(UnitKind::KeyPeriod, unit, source, scope)
        })
    }

    fn series(&self, planner: &mut Planner, rel: RelId, keys: Vec<ExprId>, period: ExprId, among: Option<ExprId>, value: ExprId) -> Series {
        let exactly = Some(self.step.as_ref().map_or(1, |step| i64::from(step.value)));
        let neighbour = planner.graph.neighbour(Neighbour { of: rel, keys: keys.clone(), order: period, among, exactly });
        Series { rel, keys, period, among, value, before: RowRef::slot(0).then(Hop::Neighbour(neighbour)) }
    }

    /// Units: `among`, and the period before stands among them too.
    fn population(&self, planner: &mut Planner, series: &Series) -> Vec<ExprId> {
        let has = planner.graph.expr(Expr::Has { row: series.before.clone() }, Type::Bool);
        series.among.into_iter().chain([has]).collect()
    }

    /// One record per key and period, or it is open which value counts.
    fn one_before(&self, planner: &mut Planner, series: &Series) -> Vec<Precondition> {
        let mut keys = series.keys.clone();
        keys.push(series.period);
        let part = KeyPart { of: series.rel, keys, among: series.among };
        let groups = planner.groups(vec![part]);
        let over = planner.members(groups, 0, true);
        let n = planner.count(&over, None);
        let one = planner.int(1);
        vec![Precondition { holds: planner.compare(BinaryOp::LessEqual, n, one), reason: Reason::Unreadable }]
    }

    /// Names `now`, `before`, `ratio`, `difference` and the peers', then the rule's own.
    fn judge(&self, planner: &mut Planner, series: &Series, mut scope: Scope) -> Option<(Vec<(String, ExprId)>, ExprId, Scope)> {
        let (now, before, difference, ratio) = self.values(planner, series, &RowRef::slot(0));
        let own = vec![
            ("now".to_owned(), now),
            ("before".to_owned(), before),
            ("difference".to_owned(), difference),
            ("ratio".to_owned(), ratio),
        ];
        scope.names.extend(own.clone());
        let peers = if self.peers.is_empty() { vec![] } else { self.peers(planner, series, &scope)? };
        if self.peers.is_empty() {
            scope.hints.push(("peer".into(), "it needs `peers:`".into()));
        }
        scope.names.extend(peers.clone());
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        let flag = planner.bool(&self.condition, &scope)?;
        figures.extend(own);
        // Percentiles cost a pass over the peers: only those the rule names are shown.
        let texts: Vec<&str> = self.lets.iter().map(|(_, text)| text.value.as_str()).chain([self.condition.value.as_str()]).collect();
        let named = |name: &str| texts.iter().any(|text| text.contains(name));
        figures.extend(peers.into_iter().filter(|(name, _)| named(name) || (name == "peer.n" && named("peer."))));
        Some((figures, flag, scope))
    }

    /// Value now, before, their difference and ratio, of the unit that `row` is.
    fn values(&self, planner: &mut Planner, series: &Series, row: &RowRef) -> (ExprId, ExprId, ExprId, ExprId) {
        let mut hops = row.clone();
        hops.hops.extend(series.before.hops.iter().copied());
        let now = planner.at_row(series.value, row);
        let before = planner.at_row(series.value, &hops);
        let difference = planner.subtract(now, before);
        let ratio = planner.binary(BinaryOp::Divide, now, before, Type::Decimal(6));
        (now, before, difference, ratio)
    }

    /// The peers' figures by name, from the first group that is large enough.
    fn peers(&self, planner: &mut Planner, series: &Series, scope: &Scope) -> Option<Vec<(String, ExprId)>> {
        let min = match &self.min_peers {
            Some(text) => planner.expr(text, scope, Want::Type(Type::Int))?,
            None => planner.int(30),
        };
        let compared = |(_, _, difference, ratio): (ExprId, ExprId, ExprId, ExprId)| match self
            .compare
            .as_ref()
            .map(|c| c.value)
            .unwrap_or_default()
        {
            Compare::Ratio => ratio,
            Compare::Difference => difference,
        };
        let own = compared(self.values(planner, series, &RowRef::slot(0)));
        let arg = compared(self.values(planner, series, &RowRef::slot(1)));
        let known = planner.not_null(own);
        let ty = planner.graph.type_of(arg);
        let mut levels = vec![];
        for text in &self.peers {
            let key = planner.expr(text, scope, Want::Key)?;
            let among: Vec<ExprId> = series.among.into_iter().chain([known]).collect();
            let among = Some(planner.all(&among));
            let groups = planner.groups(vec![KeyPart { of: series.rel, keys: vec![key, series.period], among }]);
            let set = planner.graph.set(RowSet::Members { groups, part: 0 });
            let over = Over { owner: RowRef::slot(0).then(Hop::Group { groups, part: 0 }), set };
            let n = planner.count(&over, None);
            levels.push((text, planner.compare(BinaryOp::GreaterEqual, n, min), n, over));
        }
        let mut names = vec![];
        use AggregateFunction as F;
        let figures = [
            ("p1", F::Quantile(10)),
            ("p5", F::Quantile(50)),
            ("p50", F::Quantile(500)),
            ("p95", F::Quantile(950)),
            ("p99", F::Quantile(990)),
            ("median", F::Median),
        ];
        for (name, function) in figures {
            let whens = levels.iter().map(|(_, enough, _, over)| (*enough, planner.aggregate(function, over, Some(arg), None))).collect();
            names.push((format!("peer.{name}"), planner.case(whens, None, ty)));
        }
        let n = planner.case(levels.iter().map(|(_, enough, n, _)| (*enough, *n)).collect(), None, Type::Int);
        names.push(("peer.n".into(), n));
        let plain = TextKind::Plain;
        let whens =
            levels.iter().map(|(text, enough, _, _)| (*enough, planner.literal(Value::Text(text.value.trim().into(), plain)))).collect();
        names.push(("peer.group".into(), planner.case(whens, None, Type::Text(plain))));
        Some(names)
    }
}
