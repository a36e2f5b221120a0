//! `match`: a record that stands in a register where it should not, dates considered.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::{Keys, Names};
use super::planner::{Planner, Source};
use super::{Check, CheckPlan, Flag, Register, UnitKind};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;
use crate::plan::{BinaryOp, ExprId, RowRef, Scope, Want};
use crate::schema::{TextKind, Type, Value};

/// Flags records for which a register holds a row that contradicts them.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are the population; all when absent.
    pub among: Option<Spanned<String>>,
    /// The register, or several of them. Its columns are read as `other.column`, with one register also by its name.
    pub with: Names,
    /// How a record is found in the register: a column both have, `{own: other}`, or a ladder of such pairs, strongest first.
    pub keys: Keys,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub lets: Ordered<Spanned<String>>,
    /// The suspicious condition between the record and the register's row; any row when absent.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
    /// Day on which the register must cover the record for absence to clear it; the record's governing date when absent.
    pub covered_on: Option<Spanned<String>>,
}

impl Check for MatchCheck {
    const NAME: &'static str = "match";
    const TITLE: &'static str = "Stands in a register where it should not";
    const FINDS: &'static str = "Records for which another table holds a row that contradicts them, dates considered.";
    const POPULATION: &'static str = "Records of the table, as narrowed by `among`.";
    const DOC: &'static str = include_str!("../../docs/checks/match.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn others(&self) -> Vec<Spanned<String>> {
        self.with.iter().cloned().collect()
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let own = planner.source(&self.table);
        let registers: Vec<Option<Source>> = self.with.iter().map(|name| planner.source(name)).collect();
        let own = own?;
        let registers: Vec<Source> = registers.into_iter().collect::<Option<_>>()?;
        let base = planner.record_scope(own, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &base);
        let date = match &self.covered_on {
            Some(text) => planner.expr(text, &base, Want::Type(Type::Date)).map(Some),
            None => Some(base.at),
        };
        let looked: Vec<Option<Looked>> =
            registers.iter().zip(&self.with).map(|(&register, name)| self.look(planner, own, register, name, &base, date.flatten())).collect();
        let looked: Vec<Looked> = looked.into_iter().collect::<Option<_>>()?;
        let (among, _) = (among?, date?);

        let (scope, figures) = match looked.as_slice() {
            [only] => (only.scope.clone(), only.figures.clone()),
            _ => several(planner, base, &looked),
        };
        Some(CheckPlan {
            population: among.into_iter().collect(),
            flag: Flag::Pairs(looked.into_iter().map(|l| l.register).collect()),
            figures,
            ..CheckPlan::of(UnitKind::Record, format!("record of {}", self.table.value), own, scope)
        })
    }
}

/// One register, planned.
struct Looked {
    register: Register,
    scope: Scope,
    figures: Vec<(String, ExprId)>,
}

impl MatchCheck {
    fn look(&self, planner: &mut Planner, own: Source, source: Source, name: &Spanned<String>, base: &Scope, date: Option<ExprId>) -> Option<Looked> {
        let rungs = planner.ladder(&self.keys, own, source);
        let mut scope = base.clone();
        planner.add_other(&mut scope, source, 1, &["other"]);
        let figures = planner.lets(&self.lets, &mut scope);
        let condition = match (&figures, &self.condition) {
            (Some(_), Some(text)) => planner.bool(text, &scope).map(Some),
            _ => Some(None),
        };
        let (rungs, figures, condition) = (rungs?, figures?, condition?);
        let mut parts: Vec<ExprId> = condition.into_iter().collect();
        if source.rel == own.rel {
            // A record is no match of itself.
            let (left, right) = (planner.row_number(RowRef::slot(0)), planner.row_number(RowRef::slot(1)));
            parts.push(planner.compare(BinaryOp::NotEqual, left, right));
        }
        let flag = planner.all(&parts);
        let covered = planner.covered(source, date, base.place);
        let keys = rungs.iter().map(|rung| rung.keys.clone()).collect();
        let rungs = rungs.into_iter().map(|rung| (rung.set, rung.name)).collect();
        Some(Looked { register: Register { name: name.value.clone(), rungs, flag, covered, keys }, scope, figures })
    }
}

/// Names of a record looked up in several registers. Rows of different registers have no columns in common, so the record's
/// frame is left, with `register` (name of the first that flags) and `REGISTER.rows` (how many of its rows flag).
fn several(planner: &mut Planner, mut scope: Scope, looked: &[Looked]) -> (Scope, Vec<(String, ExprId)>) {
    let mut figures = vec![];
    let mut whens = vec![];
    for Looked { register, .. } in looked {
        let rows = flagging_rows(planner, register);
        let zero = planner.int(0);
        let found = planner.compare(BinaryOp::Greater, rows, zero);
        let name = planner.literal(Value::Text(register.name.as_str().into(), TextKind::Plain));
        whens.push((found, name));
        figures.push((format!("{}.rows", register.name), rows));
    }
    let first = planner.case(whens, None, Type::Text(TextKind::Plain));
    figures.insert(0, ("register".into(), first));
    scope.names.extend(figures.clone());
    let reason = "several registers have no columns in common; `register` names the one that flags";
    scope.hints.push(("other".into(), reason.into()));
    (scope, figures)
}

/// How many rows of the first rung that finds any fulfil the flag.
fn flagging_rows(planner: &mut Planner, register: &Register) -> ExprId {
    let zero = planner.int(0);
    let mut whens = vec![];
    for (set, _) in &register.rungs {
        let over = Over { owner: RowRef::slot(0), set: *set };
        let found = planner.exists(&over, None);
        whens.push((found, planner.count(&over, Some(register.flag))));
    }
    match whens.as_slice() {
        [(_, only)] => *only,
        _ => planner.case(whens, Some(zero), Type::Int),
    }
}
