//! `missing`: a record that should stand in another table and does not.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::{Keys, Names};
use super::planner::{Planner, Rung, Source};
use super::{Check, CheckPlan, Flag, Members, Precondition, Reason, UnitKind};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;
use crate::plan::{BinaryOp, ExprId, RowRef, Scope, Want};
use crate::schema::{Type, Value};

/// Flags records that have no counterpart where they should have one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MissingCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are the population; all when absent.
    pub among: Option<Spanned<String>>,
    /// Where the counterpart should stand; with several tables, in at least one of them. Its columns are read as `other.column`.
    #[serde(rename = "in")]
    pub within: Names,
    /// How the counterpart is found: a column both have, `{own: other}`, or several such ways, any of which will do.
    pub keys: Keys,
    /// Names for the expressions of the rule over the record, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// What a row must fulfil to count as the counterpart; any row when absent.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
    /// Last day by which the counterpart must stand. After the as-of date: not assessable yet.
    pub due: Option<Spanned<String>>,
    /// Day on which the other table must cover the record; the record's governing date when absent.
    pub covered_on: Option<Spanned<String>>,
    /// `true`: the other table holds a row for every record, whatever its coverage: references within one delivery.
    #[serde(default)]
    pub complete: bool,
}

impl Check for MissingCheck {
    const NAME: &'static str = "missing";
    const TITLE: &'static str = "Should stand in another table and does not";
    const FINDS: &'static str =
        "Records without the counterpart that another table should hold, once it is due and where that table covers them.";
    const POPULATION: &'static str = "Records of the table, as narrowed by `among`; those not due or not covered are not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/missing.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn others(&self) -> Vec<Spanned<String>> {
        self.within.iter().cloned().collect()
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let own = planner.source(&self.table);
        let others: Vec<Option<Source>> = self.within.iter().map(|name| planner.source(name)).collect();
        let own = own?;
        let others: Vec<Source> = others.into_iter().collect::<Option<_>>()?;
        let mut scope = planner.record_scope(own, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &scope);
        let figures = planner.lets(&self.lets, &mut scope)?;
        let due = self.date(planner, &self.due, &scope);
        let covered_on = self.date(planner, &self.covered_on, &scope);
        let looked: Vec<Option<Looked>> = others.iter().map(|&other| self.look(planner, own, other, &scope)).collect();
        let looked: Vec<Looked> = looked.into_iter().collect::<Option<_>>()?;
        let (among, due, covered_on) = (among?, due?, covered_on?);

        let found: Vec<ExprId> = looked.iter().map(|l| l.found).collect();
        let found = planner.any(&found);
        let keys = self.some_key_complete(planner, &looked);
        let mut preconditions = vec![keys];
        if let Some(due) = due {
            let as_of = planner.literal(Value::Date(planner.catalog.as_of));
            preconditions.push(Precondition { holds: planner.compare(BinaryOp::LessEqual, due, as_of), reason: Reason::NotDue });
        }
        for looked in looked.iter().filter(|_| !self.complete) {
            // The whole window must be covered: the record's own day and the day it is due. What was found is found all the same.
            let days: Vec<Option<ExprId>> = if due.is_some() { vec![covered_on.or(scope.at), due] } else { vec![covered_on.or(scope.at)] };
            let covered: Vec<ExprId> = days.into_iter().filter_map(|day| planner.covered(looked.source, day, scope.place)).collect();
            if !covered.is_empty() {
                let covered = planner.all(&covered);
                preconditions.push(Precondition { holds: planner.any(&[found, covered]), reason: Reason::NotCovered });
            }
        }
        let members = looked
            .iter()
            .flat_map(|l| {
                let role = planner.def(l.source).name.clone();
                l.rungs.iter().map(move |rung| Members {
                    role: role.clone(),
                    owner: RowRef::slot(0),
                    set: rung.set,
                    inner: 1,
                    filter: None,
                })
            })
            .collect();
        let candidates = self.candidates(planner, &looked);
        scope.names.push(("candidates".into(), candidates));
        let reason = "nothing was found, so there is no row to read; `candidates` counts the rows with the same key";
        scope.hints = vec![("other".into(), reason.into())];
        Some(CheckPlan {
            population: among.into_iter().collect(),
            preconditions,
            flag: Flag::Row(planner.not(found)),
            members,
            figures,
            ..CheckPlan::of(UnitKind::Record, format!("record of {}", self.table.value), own, scope)
        })
    }
}

struct Looked {
    source: Source,
    rungs: Vec<Rung>,
    /// Whether a counterpart stands there.
    found: ExprId,
}

impl MissingCheck {
    fn date(&self, planner: &mut Planner, text: &Option<Spanned<String>>, scope: &Scope) -> Option<Option<ExprId>> {
        match text {
            Some(text) => planner.expr(text, scope, Want::Type(Type::Date)).map(Some),
            None => Some(None),
        }
    }

    fn look(&self, planner: &mut Planner, own: Source, source: Source, scope: &Scope) -> Option<Looked> {
        let rungs = planner.ladder(&self.keys, own, source);
        let mut pair = scope.clone();
        planner.add_other(&mut pair, source, 1, &["other"]);
        let condition = planner.optional_bool(self.condition.as_ref(), &pair);
        let (rungs, mut condition) = (rungs?, condition?);
        if source.rel == own.rel {
            // A record is no counterpart of itself.
            let (left, right) = (planner.row_number(RowRef::slot(0)), planner.row_number(RowRef::slot(1)));
            let another = planner.compare(BinaryOp::NotEqual, left, right);
            let parts: Vec<ExprId> = condition.into_iter().chain([another]).collect();
            condition = Some(planner.all(&parts));
        }
        let each: Vec<ExprId> =
            rungs.iter().map(|rung| planner.exists(&Over { owner: RowRef::slot(0), set: rung.set }, condition)).collect();
        Some(Looked { source, found: planner.any(&each), rungs })
    }

    /// At least one way of finding the counterpart has all its keys.
    fn some_key_complete(&self, planner: &mut Planner, looked: &[Looked]) -> Precondition {
        let mut ways: Vec<ExprId> = vec![];
        for rung in looked.iter().flat_map(|l| &l.rungs) {
            let way = planner.complete(&rung.keys).holds;
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
        Precondition { holds: planner.any(&ways), reason: Reason::MissingValue }
    }

    /// Rows with the same key, whether or not they fulfil the condition.
    fn candidates(&self, planner: &mut Planner, looked: &[Looked]) -> ExprId {
        let counts: Vec<ExprId> =
            looked.iter().flat_map(|l| &l.rungs).map(|rung| planner.count(&Over { owner: RowRef::slot(0), set: rung.set }, None)).collect();
        let mut sum = counts[0];
        for &count in &counts[1..] {
            sum = planner.binary(BinaryOp::Add, sum, count, Type::Int);
        }
        sum
    }
}
