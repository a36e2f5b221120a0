//! `split`: amounts each under a limit, together over it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::NamedKeys;
use super::planner::Planner;
use super::{Check, CheckPlan, Flag, Members, UnitKind};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;
use crate::plan::{AggregateFunction, BinaryOp, ExprId, Grouping, KeyPart, Rel, RowRef, Want};
use crate::schema::Type;

/// Flags chains of records that each stay under a limit and are over it together.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitCheck {
    /// Table or view of the amounts.
    pub table: Spanned<String>,
    /// Which of its records count; all when absent.
    pub among: Option<Spanned<String>>,
    /// Whose amounts belong together: a column, a list of them, or names with expressions `{from: from_org, to: to_org}`.
    pub key: NamedKeys,
    /// What is added up.
    pub amount: Spanned<String>,
    /// The limit for one amount, e.g. `param('approval_limit')`.
    pub limit: Spanned<String>,
    /// Least amount that counts; may name `limit`: `limit * 80 / 100`. Every amount above zero when absent.
    pub near: Option<Spanned<String>>,
    /// The record's day; its governing date when absent.
    pub date: Option<Spanned<String>>,
    /// Days in which the amounts stand together: the last at most so many after the first.
    pub within: Spanned<String>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the chain.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for SplitCheck {
    const NAME: &'static str = "split";
    const TITLE: &'static str = "Amounts each under a limit, together over it";
    const FINDS: &'static str = "Records of one key that each stay under a limit and, within some days, are over it together.";
    const POPULATION: &'static str = "Chains of records of one key that stay under the limit; a record with an incomplete key, or without amount, limit or day, belongs to none.";
    const DOC: &'static str = include_str!("../../docs/checks/split.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        let mut records = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &records);
        let keys = planner.group_keys(&self.key, &records);
        let amount = planner.expr(&self.amount, &records, Want::Numeric)?;
        let ty = planner.graph.type_of(amount);
        let limit = planner.expr(&self.limit, &records, Want::Type(ty));
        let day = match &self.date {
            Some(date) => planner.expr(date, &records, Want::Type(Type::Date)),
            None => planner.governing_day(source, &records, &self.table),
        };
        let within = planner.expr(&self.within, &records, Want::Type(Type::Int));
        let named = planner.record_key(source, &records, &self.table);
        let limit = limit?;
        records.names.push(("limit".into(), limit));
        let near = match &self.near {
            Some(text) => planner.expr(text, &records, Want::Type(ty)).map(Some),
            None => Some(None),
        };
        let (among, keys, day, within, named, near) = (among?, keys?, day?, within?, named?, near?);
        // What is too small to count is left out before chains are made.
        let large = near.map(|near| planner.compare(BinaryOp::GreaterEqual, amount, near));
        let among: Vec<ExprId> = among.into_iter().chain(large).collect();
        let among = (!among.is_empty()).then(|| planner.all(&among));
        let equal = keys.exprs.len();
        let part = KeyPart {
            of: source.rel,
            keys: keys.exprs.iter().chain(&[amount, limit, day, within]).chain(&named.exprs).copied().collect(),
            among,
        };
        let chains = planner.graph.rel(Rel::Linked { parts: vec![part], by: Grouping::Window { equal } });
        let over = planner.members(chains, 0, false);
        let mut scope = planner.group_scope(chains, &keys, &[(vec![self.table.value.clone()], source)]);
        planner.group_frame(&mut scope, chains, 0, source);

        let member = |planner: &mut Planner, expr| planner.at_row(expr, &RowRef::slot(1));
        let (amount, limit, day) = (member(planner, amount), member(planner, limit), member(planner, day));
        let n = planner.count(&over, None);
        let total = planner.aggregate(AggregateFunction::Sum, &over, Some(amount), None);
        let peak = planner.group_key(&RowRef::slot(0), 0, ty);
        let limit = planner.aggregate(AggregateFunction::Max, &over, Some(limit), None);
        let first = planner.aggregate(AggregateFunction::Min, &over, Some(day), None);
        let last = planner.aggregate(AggregateFunction::Max, &over, Some(day), None);
        let days = planner.days_between(first, last);
        let own = [("n", n), ("total", total), ("peak", peak), ("limit", limit), ("first_day", first), ("last_day", last), ("days", days)]
            .map(|(name, expr)| (name.to_owned(), expr));
        scope.names.extend(own.clone());
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        figures.extend(own);
        // A record that takes part is under its limit: only together are they over it.
        let one = planner.int(1);
        let several = planner.compare(BinaryOp::Greater, n, one);
        let condition = planner.optional_bool(self.condition.as_ref(), &scope)?;
        let flag: Vec<ExprId> = std::iter::once(several).chain(condition).collect();
        let mut identity = planner.keys_of(chains, &RowRef::slot(0), &keys);
        identity.extend(planner.first_record(chains, &named));
        let unit = format!("chain of the same {} in {}", keys.words.join(", "), self.table.value);
        Some(CheckPlan {
            rel: chains,
            flag: Flag::Row(planner.all(&flag)),
            amount: (ty == Type::Money).then_some(total),
            measure: Some(peak),
            members: vec![Members { role: "part".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, unit, source, scope)
        })
    }
}
