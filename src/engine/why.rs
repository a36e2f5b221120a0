//! Why a subject was not flagged by a rule: which condition is not true, by which value, and what would have to change.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Options;
use super::aside::{Aside, based_on};
use super::judge::{Asked, groups, job};
use super::late::{self, LateJob};
use super::prepare::{Prepared, Resolved};
use super::shape::{Names, Shapes};
use crate::check::{Flag, Reason};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::exec::{Batch, Env, Exec, Ids, PairFlag, REASONS, Reached, Schedule, judge_unit, pairs_of, run_pass};
use crate::finding::{Drawer, ExemptionCheck, ParameterUse};
use crate::plan::{BinaryOp, Catalog, Expr, ExprId, Graph, Hop, Rel, RelId, RowRef, UnaryOp};
use crate::project::Project;
use crate::rule::{Rule, RuleFile};
use crate::schema::{self, Type, Value};
use crate::table::{self, Bits};

/// Units that are explained at most; the others are counted.
const UNITS: usize = 20;
/// Rows of a register that are explained for one unit.
const ROWS: usize = 5;

/// A condition with what it comes to for one unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// In the rule language.
    pub text: String,
    /// `None`: unknown.
    pub holds: Option<bool>,
    /// `and`, `or`, or a condition without parts.
    pub joined: Joined,
    pub parts: Vec<Condition>,
    /// What it reads: text or name, and value.
    pub values: Vec<(String, Value)>,
    /// Of a comparison of numbers or dates that is false: how far the two sides are apart.
    pub distance: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    All,
    Any,
    Alone,
}

impl Condition {
    /// The fewest conditions without parts that would have to become true for this one to be; none when it is.
    pub fn to_change(&self) -> Vec<&Condition> {
        match self.joined {
            _ if self.holds == Some(true) => vec![],
            Joined::Alone => vec![self],
            Joined::All => self.parts.iter().flat_map(Condition::to_change).collect(),
            Joined::Any => self.parts.iter().map(Condition::to_change).min_by_key(Vec::len).unwrap_or_default(),
        }
    }
}

/// What became of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// Not in the population.
    Outside,
    Clear,
    NotAssessable(Reason),
    Exempt,
    Flagged,
}

/// A register that the unit was looked up in.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    pub register: String,
    pub rows: usize,
    /// Whether the register covers the record's place and day; without rows it then says that there is none.
    pub covered: Option<bool>,
    /// The rows found (the first few): the condition between unit and row.
    pub pairs: Vec<Condition>,
}

/// One unit of the rule.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitWhy {
    /// Key of the record, or of the group.
    pub key: Vec<Value>,
    pub became: Became,
    pub population: Vec<Condition>,
    /// Conditions under which it can be assessed at all, with the reason given otherwise.
    pub assessable: Vec<(Condition, Reason)>,
    pub flag: Option<Condition>,
    pub registers: Vec<Looked>,
    pub exemptions: Vec<ExemptionCheck>,
    pub figures: Vec<(String, Value)>,
    pub parameters: Vec<ParameterUse>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct WhyNot {
    pub rule: String,
    /// What a unit is: `record of payments`.
    pub unit: String,
    /// Units that were looked at, and those that are the subject's.
    pub searched: usize,
    pub matching: usize,
    /// The first of them.
    pub units: Vec<UnitWhy>,
    /// Values of the subject or key that begin alike, where none is equal.
    pub near: Vec<Vec<Value>>,
    /// The rule did not run: why.
    pub not_run: Option<String>,
}

/// Explains `rule` for `subject`: `ENTITY=VALUE` (an entity of the rule), `COLUMN=VALUE` of the unit's table, or the key of a record or
/// group, parts joined by `/`. `files` are all rules of the project: those with `validates` may set the record aside.
///
/// # Errors
/// A rule that does not resolve, a subject that names nothing, and what loading may say.
pub fn why_not(project: &Project, files: &[RuleFile], rule: &str, subject: &str, options: &Options<'_>) -> Result<WhyNot, Diagnostics> {
    let needed: Vec<RuleFile> = files.iter().filter(|f| f.id() == rule || !f.spec.validates.is_empty()).cloned().collect();
    let mut prepared = Prepared::new(project, &needed, options.as_of, options.region)?;
    prepared.leave_out(table::not_delivered(project));
    let Some(position) = prepared.rules.iter().position(|(text, ..)| text.id == rule) else { return Err(Diagnostics::default()) };
    let answer = |unit: &str| WhyNot {
        rule: rule.to_owned(),
        unit: unit.to_owned(),
        searched: 0,
        matching: 0,
        units: vec![],
        near: vec![],
        not_run: None,
    };
    let asked = match &prepared.rules[position].2 {
        Resolved::Skipped(reason) => return Ok(WhyNot { not_run: Some(reason.clone()), ..answer("") }),
        Resolved::Failed(problems) => return Err(problems.clone()),
        Resolved::Ready(asked) => (**asked).clone(),
    };
    let mut graph = std::mem::take(&mut prepared.graph);
    let (sought, wanted) = sought(&mut graph, &prepared.catalog, &asked, subject)?;
    let key = key(&mut graph, &prepared.catalog, &asked);
    prepared.graph = graph;

    let by = prepared.set_aside_by(position).to_vec();
    let ready: BTreeMap<usize, &Rule> = prepared.ready().filter(|(i, _)| *i == position || by.contains(i)).collect();
    let rules = Asked { rules: ready.keys().copied().collect(), ..Asked::default() };
    let loaded = table::load(project, &prepared.needs_of(&rules), &prepared.load_options(options))?;
    let mut graph = prepared.graph.clone();
    let groups = groups(&prepared, &mut graph, &ready, false);
    let own: Vec<ExprId> = sought.iter().chain(&key).copied().collect();
    let for_keys = Schedule::new(&mut graph, &prepared.catalog, &[asked.check.rel], &own, &[]);
    let mut exec = Exec::new(&prepared.catalog, &graph, &loaded.tables, &project.parameters, &project.regions);
    let (names, drawer) = (Names::new(&prepared.catalog, &loaded.tables), Drawer::default());
    let mut aside = Aside::default();
    let mut out = answer(&asked.check.unit);
    for group in &groups {
        exec.prepare(&group.schedule);
        for &i in group.rules().iter().filter(|i| **i != position) {
            let env = exec.env();
            let rule = ready[&i];
            let results = run_pass(env, group.rel, &[job(env, rule, prepared.within[i], None)]);
            let flagged = results.into_iter().next().map(|r| r.flagged).unwrap_or_default();
            let late = LateJob::new(&graph, &prepared, i, rule, &names, options, &drawer);
            let mut shapes = Shapes::new(&prepared.catalog, &names, &loaded.tables);
            let drafts = flagged.chunks(8192).flat_map(|rows| late::chunk(env, project, &late, rows, &mut shapes));
            let exempt: Vec<bool> = drafts.map(|(finding, _)| finding.exempt).collect();
            let units: Vec<u32> = flagged.iter().zip(exempt).filter(|(_, exempt)| !exempt).map(|(&unit, _)| unit).collect();
            aside.set(env, &loaded.tables, i, rule, &units);
        }
        if !group.rules().contains(&position) {
            continue;
        }
        exec.prepare(&for_keys);
        let env = exec.env();
        let rule = ready[&position];
        let rows = env.nodes.rows(&env, rule.check.rel);
        out.searched = rows;
        let (found, near) = units(env, rule.check.rel, rows, &sought, &wanted);
        out.matching = found.len();
        out.near = near;
        let why = Why {
            env,
            project,
            prepared: &prepared,
            rule,
            position,
            names: &names,
            options,
            key: &key,
            failed: aside.units(env, rule.check.rel, &by),
        };
        out.units = found.iter().take(UNITS).map(|&row| why.unit(row)).collect();
    }
    Ok(out)
}

/// The expressions that name the subject, and the value that is sought. Several expressions: their values joined by `/`.
fn sought(graph: &mut Graph, catalog: &Catalog, rule: &Rule, subject: &str) -> Result<(Vec<ExprId>, String), Diagnostics> {
    let Some((name, value)) = subject.split_once('=').map(|(n, v)| (n.trim(), v.trim())) else {
        return Ok((key(graph, catalog, rule), subject.trim().to_owned()));
    };
    if let Some((_, expr)) = rule.subjects.iter().find(|(entity, _)| entity == name) {
        return Ok((vec![*expr], value.to_owned()));
    }
    let table = &catalog.tables[rule.check.table];
    if let Some(column) = table.position(name).filter(|_| is_record(graph, catalog, rule)) {
        return Ok((vec![column_of(graph, catalog, rule, column)], value.to_owned()));
    }
    let entities: Vec<&str> = rule.subjects.iter().map(|(entity, _)| entity.as_str()).collect();
    Err(Diagnostic::error("bad-argument", format!("a finding of `{}` names no `{name}`", rule.text.id))
        .help(format!(
            "it names {}; write `{}=VALUE`, or the key of a {}",
            entities.join(", "),
            entities.first().unwrap_or(&"person"),
            rule.check.unit
        ))
        .into())
}

/// Whether a unit is a record of the table (or of the view), and not a group of some.
fn is_record(graph: &Graph, catalog: &Catalog, rule: &Rule) -> bool {
    based_on(graph, rule.check.rel, catalog.tables[rule.check.table].rel)
}

/// What names a unit: the key of its record, else the keys of its group.
fn key(graph: &mut Graph, catalog: &Catalog, rule: &Rule) -> Vec<ExprId> {
    if !is_record(graph, catalog, rule) {
        return rule.check.identity.iter().copied().chain(rule.check.period.filter(|p| !rule.check.identity.contains(p))).collect();
    }
    let columns = catalog.tables[rule.check.table].key.clone();
    let mut key: Vec<ExprId> = columns.into_iter().map(|column| column_of(graph, catalog, rule, column)).collect();
    key.extend(rule.check.identity.iter().filter(|e| !key.contains(e)).copied().collect::<Vec<_>>());
    key
}

/// A column of the table or view that the unit's rows are, or were taken from.
fn column_of(graph: &mut Graph, catalog: &Catalog, rule: &Rule, column: usize) -> ExprId {
    let table = &catalog.tables[rule.check.table];
    let mut row = RowRef::slot(0);
    let mut rel = rule.check.rel;
    while rel != table.rel {
        let Rel::Rows { of, .. } = graph.get_rel(rel) else { break };
        rel = *of;
        row = row.then(Hop::Base);
    }
    match table.columns[column].is {
        Some(expr) if row.hops.is_empty() => expr,
        _ => graph.expr(Expr::Column { row, column }, table.columns[column].ty),
    }
}

/// Rows whose `sought` values are `wanted`; where there is none, values that begin alike.
fn units(env: Env<'_>, rel: RelId, rows: usize, sought: &[ExprId], wanted: &str) -> (Vec<u32>, Vec<Vec<Value>>) {
    let plain = |text: &str| text.trim().to_uppercase();
    let wanted = plain(wanted);
    let start: String = wanted.chars().take(wanted.chars().count().saturating_sub(2).max(2)).collect();
    let (mut found, mut near): (Vec<u32>, BTreeMap<String, Vec<Value>>) = (vec![], BTreeMap::new());
    for first in (0..rows).step_by(8192) {
        let batch = Batch::range(env, rel, first, (rows - first).min(8192));
        let vectors: Vec<_> = sought.iter().map(|&e| batch.eval(e)).collect();
        for i in 0..batch.len {
            let values: Vec<Value> = vectors.iter().map(|v| v.value(i)).collect();
            let text = values.iter().map(schema::format).collect::<Vec<_>>().join("/");
            if plain(&text) == wanted {
                found.push((first + i) as u32);
            } else if found.is_empty() && near.len() < 200 && plain(&text).starts_with(&start) {
                near.insert(text, values);
            }
        }
    }
    let near = if found.is_empty() { near.into_values().take(3).collect() } else { vec![] };
    (found, near)
}

/// Everything at hand for one rule.
struct Why<'w> {
    env: Env<'w>,
    project: &'w Project,
    prepared: &'w Prepared,
    rule: &'w Rule,
    position: usize,
    names: &'w Names,
    options: &'w Options<'w>,
    key: &'w [ExprId],
    failed: Option<Arc<Bits>>,
}

impl Why<'_> {
    fn unit(&self, row: u32) -> UnitWhy {
        let check = &self.rule.check;
        let batch = Batch::list(self.env, check.rel, vec![row]);
        let frame = [check.rel];
        let unit = job(self.env, self.rule, self.prepared.within[self.position], self.failed.clone());
        let result = judge_unit(self.env, check.rel, row, &unit);
        let reason = REASONS.iter().zip(result.reasons).find(|(_, tally)| tally.units > 0).map(|(reason, _)| *reason);
        let mut became = match reason {
            Some(reason) => Became::NotAssessable(reason),
            None if result.population.units == 0 => Became::Outside,
            None if result.flagged.is_empty() => Became::Clear,
            None => Became::Flagged,
        };
        let population = unit.population.iter().map(|&e| self.condition(&batch, &frame, e)).collect();
        let assessable = check.preconditions.iter().map(|p| (self.condition(&batch, &frame, p.holds), p.reason)).collect();
        let (flag, registers) = match &check.flag {
            Flag::Row(flag) => (Some(self.condition(&batch, &frame, *flag)), vec![]),
            Flag::Pairs(_) => (None, self.registers(row, &batch)),
        };
        // Whatever was flagged has a finding; of a row's own condition the figures are there anyway.
        let mut out = UnitWhy {
            key: self.key.iter().map(|&e| batch.eval(e).value(0)).collect(),
            became,
            population,
            assessable,
            flag,
            registers,
            exemptions: vec![],
            figures: vec![],
            parameters: vec![],
        };
        if became == Became::Flagged || matches!(check.flag, Flag::Row(_)) {
            let drawer = Drawer::default();
            let late = LateJob::new(self.env.graph, self.prepared, self.position, self.rule, self.names, self.options, &drawer);
            let mut shapes = Shapes::new(self.env.catalog, self.names, self.env.tables);
            if let Some((finding, _)) = late::chunk(self.env, self.project, &late, &[row], &mut shapes).into_iter().next() {
                if became == Became::Flagged {
                    became = if finding.exempt { Became::Exempt } else { Became::Flagged };
                    out.exemptions = finding.exemptions;
                }
                out.became = became;
                out.figures = finding.figures.into_iter().map(|f| (f.name.to_string(), f.value)).collect();
                out.parameters = finding.parameters;
            }
        }
        out
    }

    fn registers(&self, row: u32, batch: &Batch<'_>) -> Vec<Looked> {
        let check = &self.rule.check;
        let Flag::Pairs(registers) = &check.flag else { return vec![] };
        let pairs = pairs_of(self.env, check.rel, &[row], registers);
        registers
            .iter()
            .enumerate()
            .map(|(number, register)| {
                let found: Vec<&PairFlag> = pairs.iter().filter(|p| p.register == number).collect();
                let other = register.rungs.first().map_or(check.rel, |(set, _)| self.env.member_rel(*set));
                let frame = [check.rel, other];
                let conditions = found.iter().take(ROWS).map(|pair| {
                    let slot = |rel, row| Reached { rel, ids: Rc::new(Ids::List(Cow::Owned(vec![row]))) };
                    let pair = Batch::new(self.env, vec![slot(check.rel, row), slot(other, pair.row)]);
                    self.condition(&pair, &frame, register.flag)
                });
                Looked {
                    register: register.name.clone(),
                    rows: found.len(),
                    covered: register.covered.map_or(Some(true), |covered| truth(batch, covered)),
                    pairs: conditions.collect(),
                }
            })
            .collect()
    }

    fn condition(&self, batch: &Batch<'_>, frame: &[RelId], id: ExprId) -> Condition {
        let graph = self.env.graph;
        let holds = truth(batch, id);
        let text = graph.show(self.env.catalog, frame, id);
        let alone = |values, distance| Condition { text: text.clone(), holds, joined: Joined::Alone, parts: vec![], values, distance };
        match graph.get(id) {
            Expr::Binary { op: op @ (BinaryOp::And | BinaryOp::Or), .. } => {
                let mut parts = vec![];
                chain(graph, id, *op, &mut parts);
                Condition {
                    text,
                    holds,
                    joined: if *op == BinaryOp::And { Joined::All } else { Joined::Any },
                    parts: parts.into_iter().map(|e| self.condition(batch, frame, e)).collect(),
                    values: vec![],
                    distance: None,
                }
            }
            Expr::Binary { op, left, right } if graph.type_of(id) == Type::Bool => {
                let (a, b) = (batch.eval(*left).value(0), batch.eval(*right).value(0));
                let distance = if holds == Some(false) && *op != BinaryOp::NotEqual { apart(&a, &b) } else { None };
                let sides =
                    [(*left, a), (*right, b)].into_iter().filter(|(e, _)| !matches!(graph.get(uncast(graph, *e)), Expr::Literal(_)));
                alone(sides.map(|(e, value)| (self.name(frame, e), value)).collect(), distance)
            }
            _ => {
                let mut read = vec![];
                leaves(graph, id, &mut read);
                read.truncate(6);
                let values = read.into_iter().map(|e| (self.name(frame, e), batch.eval(e).value(0)));
                alone(values.filter(|(name, _)| *name != text).collect(), None)
            }
        }
    }

    /// The name that the rule gives an expression, else its text.
    fn name(&self, frame: &[RelId], id: ExprId) -> String {
        let graph = self.env.graph;
        let id = uncast(graph, id);
        let named = self.rule.figures.iter().find(|(_, e)| uncast(graph, *e) == id).map(|(name, _)| name.to_string());
        named.unwrap_or_else(|| graph.show(self.env.catalog, frame, id))
    }
}

fn truth(batch: &Batch<'_>, id: ExprId) -> Option<bool> {
    let vector = batch.eval(id);
    vector.is_valid(0).then(|| vector.number(0) != 0)
}

fn uncast(graph: &Graph, id: ExprId) -> ExprId {
    match graph.get(id) {
        Expr::Cast { arg, .. } => uncast(graph, *arg),
        _ => id,
    }
}

/// The parts of a chain of one operator.
fn chain(graph: &Graph, id: ExprId, op: BinaryOp, parts: &mut Vec<ExprId>) {
    match graph.get(id) {
        Expr::Binary { op: own, left, right } if *own == op => {
            chain(graph, *left, op, parts);
            chain(graph, *right, op, parts);
        }
        _ => parts.push(id),
    }
}

/// What a condition reads: columns, aggregates, parameters.
fn leaves(graph: &Graph, id: ExprId, out: &mut Vec<ExprId>) {
    match graph.get(id) {
        Expr::Literal(_) => {}
        Expr::Column { .. } | Expr::Aggregate { .. } | Expr::Parameter { .. } | Expr::Has { .. } => {
            if !out.contains(&id) {
                out.push(id);
            }
        }
        Expr::Unary { op: UnaryOp::Not | UnaryOp::IsNull | UnaryOp::Negate, arg } => leaves(graph, *arg, out),
        other => other.args().into_iter().for_each(|e| leaves(graph, e, out)),
    }
}

/// How far two values are apart; days between dates.
fn apart(a: &Value, b: &Value) -> Option<Value> {
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_sub(*b)?.checked_abs()?),
        (Value::Money(a), Value::Money(b)) => Value::Money(a.checked_sub(*b)?.checked_abs()?),
        (Value::Date(a), Value::Date(b)) => Value::Int(i64::from(*a).checked_sub(i64::from(*b))?.abs()),
        (Value::Decimal { units: a, scale: s }, Value::Decimal { units: b, scale: t }) if s == t => {
            Value::Decimal { units: a.checked_sub(*b)?.checked_abs()?, scale: *s }
        }
        _ => return None,
    })
}
