//! `match`: a record that stands in a register where it should not, dates considered.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::{Keys, Names};
use super::planner::{Planner, Source};
use super::{Check, CheckPlan, Flag, Register, UnitKind};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;
use crate::plan::{AggregateFunction, BinaryOp, ExprId, RowRef, Scope, Want};
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
    pub lets: Ordered<Spanned<String>>,
    /// The suspicious condition between the record and the register's row; any row when absent.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
    /// Day on which the register must cover the record for absence to clear it; the record's governing date when absent.
    pub covered_on: Option<Spanned<String>>,
    /// `true`: the register is complete for these records, whatever its coverage: a record that is not in it is clear.
    #[serde(default)]
    pub complete: bool,
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
        let looked: Vec<Option<Looked>> = registers
            .iter()
            .zip(&self.with)
            .map(|(&register, name)| self.look(planner, own, register, name, &base, date.flatten()))
            .collect();
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
    fn look(
        &self,
        planner: &mut Planner,
        own: Source,
        source: Source,
        name: &Spanned<String>,
        base: &Scope,
        date: Option<ExprId>,
    ) -> Option<Looked> {
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
        let covered = if self.complete { None } else { planner.covered(source, date, base.place) };
        let keys = rungs.iter().map(|rung| rung.keys.clone()).collect();
        let rungs = rungs.into_iter().map(|rung| (rung.set, rung.name)).collect();
        Some(Looked { register: Register { name: name.value.clone(), rungs, flag, covered, keys }, scope, figures })
    }
}

/// Names of a record looked up in several registers. Rows of different registers have no columns in common, so the record's
/// frame is left, with `register` (name of the first that flags), `REGISTER.rows` (how many of its rows flag) and the `let` names:
/// those over the register's row stand for the largest value among the rows of that first register that flag.
fn several(planner: &mut Planner, mut scope: Scope, looked: &[Looked]) -> (Scope, Vec<(String, ExprId)>) {
    let zero = planner.int(0);
    let mut own = vec![];
    let mut found = vec![];
    let mut whens = vec![];
    for Looked { register, .. } in looked {
        let rows = over_first_rung(planner, register, Type::Int, &|planner, over| planner.count(over, Some(register.flag)));
        let flags = planner.compare(BinaryOp::Greater, rows, zero);
        let name = planner.literal(Value::Text(register.name.as_str().into(), TextKind::Plain));
        whens.push((flags, name));
        found.push(flags);
        own.push((format!("{}.rows", register.name), rows));
    }
    let first = planner.case(whens, None, Type::Text(TextKind::Plain));
    own.insert(0, ("register".to_owned(), first));

    let mut figures = vec![];
    let count = looked.iter().map(|l| l.figures.len()).min().unwrap_or(0);
    for position in 0..count {
        let each: Vec<(&Looked, ExprId)> = looked.iter().map(|l| (l, l.figures[position].1)).collect();
        let (name, expr) = looked[0].figures[position].clone();
        if each.iter().all(|(_, e)| planner.graph.reads(*e) <= 1) {
            scope.names.push((name.clone(), expr));
            figures.push((name, expr));
            continue;
        }
        let ty = planner.graph.type_of(expr);
        let same = each.iter().all(|(_, e)| planner.graph.type_of(*e) == ty);
        if !same || !matches!(ty, Type::Int | Type::Money | Type::Decimal(_) | Type::Date | Type::Month) {
            scope.hints.push((name, "with several registers only numbers, money and dates of their rows can be shown".into()));
            continue;
        }
        let whens = each
            .iter()
            .zip(&found)
            .map(|((l, e), &flags)| {
                let largest = over_first_rung(planner, &l.register, ty, &|planner, over| {
                    planner.aggregate(AggregateFunction::Max, over, Some(*e), Some(l.register.flag))
                });
                (flags, largest)
            })
            .collect();
        let value = planner.case(whens, None, ty);
        scope.names.push((name.clone(), value));
        figures.push((name, value));
    }
    scope.names.extend(own.clone());
    figures.extend(own);
    let reason = "several registers have no columns in common; `register` names the one that flags";
    scope.hints.retain(|(name, _)| name != "other");
    scope.hints.push(("other".into(), reason.into()));
    (scope, figures)
}

/// `value` over the rows of the first rung that finds any.
fn over_first_rung(planner: &mut Planner, register: &Register, ty: Type, value: &dyn Fn(&mut Planner, &Over) -> ExprId) -> ExprId {
    let mut whens = vec![];
    for (set, _) in &register.rungs {
        let over = Over { owner: RowRef::slot(0), set: *set };
        let found = planner.exists(&over, None);
        whens.push((found, value(planner, &over)));
    }
    match whens.as_slice() {
        [(_, only)] => *only,
        [.., (_, last)] => {
            let last = *last;
            whens.pop();
            planner.case(whens, Some(last), ty)
        }
        [] => planner.null(ty),
    }
}
