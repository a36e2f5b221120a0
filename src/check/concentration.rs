//! `concentration`: one account, phone, helper or operator shared by too many, or with too large a share.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::NamedKeys;
use super::planner::{GroupKeys, Planner, Source};
use super::{Check, CheckPlan, Flag, Members, UnitKind};
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, ExprId, KeyPart, RelId, RowRef, RowSet, Scope, Want};
use crate::schema::Type;

/// Flags keys that too many share, or that hold too large a share.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcentrationCheck {
    /// Table or view whose records are counted.
    pub table: Spanned<String>,
    /// Which of its records are counted; all when absent.
    pub among: Option<Spanned<String>>,
    /// What is shared: a column, a list of them, or names with expressions `{town: town(region_code), phone: phone}`.
    pub by: NamedKeys,
    /// What is counted, each value once (`household_id`); records when absent.
    pub count: Option<Spanned<String>>,
    /// From how many on a key is flagged: a number or an expression, e.g. `param('account_households')`.
    pub min: Option<Spanned<String>>,
    /// Share of an area's total.
    pub share: Option<Share>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the group.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

/// The key's part of the total of an area.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The area: names of one or more keys of `by`. All records are one area when absent.
    #[serde(default)]
    pub of: OneOrMany<Spanned<String>>,
    /// What is added up, per record; records are counted when absent.
    pub value: Option<Spanned<String>>,
    /// From which share on a key is flagged, e.g. `0.3`.
    pub min: Spanned<String>,
}

impl Check for ConcentrationCheck {
    const NAME: &'static str = "concentration";
    const TITLE: &'static str = "One key shared by too many";
    const FINDS: &'static str =
        "An account, phone, address, helper or operator that too many share, or that holds too large a share of an area's total.";
    const POPULATION: &'static str = "Groups of one key; records without a complete key belong to none.";
    const DOC: &'static str = include_str!("../../docs/checks/concentration.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        if self.min.is_none() && self.share.is_none() && self.condition.is_none() {
            let error = Diagnostic::error("concentration-limit", "nothing says from when on a key is flagged");
            planner.error(error.at(self.table.span.clone(), "this check").help("add `min:` (how many), `share:` or `where:`"));
        }
        let records = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &records);
        let keys = planner.group_keys(&self.by, &records);
        let member_scope = planner.record_scope(source, &RowRef::slot(1));
        let counted = match &self.count {
            Some(text) => planner.expr(text, &member_scope, Want::Key).map(Some),
            None => Some(None),
        };
        let (among, keys, counted) = (among?, keys?, counted?);
        let groups = planner.groups(vec![KeyPart { of: source.rel, keys: keys.exprs.clone(), among }]);
        let over = planner.members(groups, 0, false);
        let mut scope = planner.group_scope(groups, &keys, &[(vec![self.table.value.clone()], source)]);
        planner.group_frame(&mut scope, groups, 0, source);

        let n_rows = planner.count(&over, None);
        let n = counted.map_or(n_rows, |counted| planner.count_distinct(&over, counted));
        let mut own = vec![("n".to_owned(), n), ("n_rows".to_owned(), n_rows)];
        let mut measure = n;
        let mut share = None;
        if let Some(spec) = &self.share {
            let area = Area { source, groups, keys: &keys, among };
            let (total, area_total, part) = spec.plan(planner, &area, &over, &member_scope)?;
            own.extend([("total".to_owned(), total), ("area_total".to_owned(), area_total), ("share".to_owned(), part)]);
            share = Some(part);
            measure = part;
        }
        scope.names.extend(own.clone());
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        figures.extend(own);
        let flag = self.flag(planner, &scope, n, share)?;
        let identity = planner.key_columns(&RowRef::slot(0), &keys);
        let unit = format!("group of the same {} in {}", keys.words.join(", "), self.table.value);
        Some(CheckPlan {
            rel: groups,
            flag: Flag::Row(flag),
            measure: Some(measure),
            members: vec![Members { role: "counted".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, unit, source, scope)
        })
    }
}

impl ConcentrationCheck {
    fn flag(&self, planner: &mut Planner, scope: &Scope, n: ExprId, share: Option<ExprId>) -> Option<ExprId> {
        let mut parts = vec![];
        if let Some(min) = &self.min {
            let min = planner.expr(min, scope, Want::Type(Type::Int))?;
            parts.push(planner.compare(BinaryOp::GreaterEqual, n, min));
        }
        if let (Some(spec), Some(share)) = (&self.share, share) {
            let min = planner.expr(&spec.min, scope, Want::Type(Type::Decimal(6)))?;
            parts.push(planner.compare(BinaryOp::GreaterEqual, share, min));
        }
        if let Some(condition) = &self.condition {
            parts.push(planner.bool(condition, scope)?);
        }
        Some(planner.all(&parts))
    }
}

struct Area<'a> {
    source: Source,
    groups: RelId,
    keys: &'a GroupKeys,
    among: Option<ExprId>,
}

impl Share {
    /// The key's total, the area's total, and their ratio.
    fn plan(&self, planner: &mut Planner, area: &Area, over: &Over, member_scope: &Scope) -> Option<(ExprId, ExprId, ExprId)> {
        let value = match &self.value {
            Some(text) => Some(planner.expr(text, member_scope, Want::Numeric)?),
            None => None,
        };
        let positions = planner.key_positions(area.keys, &self.of)?;
        let columns = planner.key_columns(&RowRef::slot(0), area.keys);
        let one = planner.int(1);
        let pick = |all: &[ExprId]| if positions.is_empty() { vec![one] } else { positions.iter().map(|&i| all[i]).collect() };
        let set = planner.graph.set(RowSet::Matching {
            own: KeyPart { of: area.groups, keys: pick(&columns), among: None },
            other: KeyPart { of: area.source.rel, keys: pick(&area.keys.exprs), among: area.among },
        });
        let whole = Over { owner: RowRef::slot(0), set };
        let sum = |planner: &mut Planner, over: &Over| match value {
            Some(value) => planner.aggregate(AggregateFunction::Sum, over, Some(value), None),
            None => planner.count(over, None),
        };
        let (total, area_total) = (sum(planner, over), sum(planner, &whole));
        let ratio = planner.binary(BinaryOp::Divide, total, area_total, Type::Decimal(6));
        Some((total, area_total, ratio))
    }
}
