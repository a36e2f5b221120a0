//! The outcome of a rule: what became of its units, and of parts of them put together.

use std::collections::BTreeMap;

use super::Prepared;
use super::judge::stated;
use super::late::Packed;
use super::needs::flag_expressions;
use crate::check::{CheckPlan, Flag};
use crate::exec::{Env, REASONS, UnitResult};
use crate::finding::{Count, Coverage, Outcome, Status};
use crate::plan::{Expr, ExprId, Graph, Partition};
use crate::rule::Rule;

/// Rules from this many units up may be set apart for flagging too many.
const RATE_FROM: u64 = 200;

/// Look-ups of parameters and arithmetic in what decides the outcome, outside aggregates.
pub fn watched(graph: &Graph, check: &CheckPlan) -> Vec<ExprId> {
    let mut out = vec![];
    let mut seen = rustc_hash::FxHashSet::default();
    let mut todo = flag_expressions(check);
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        let expr = graph.get(id);
        if matches!(expr, Expr::Parameter { .. }) || graph.is_arithmetic(id) {
            out.push(id);
        }
        todo.extend(expr.args());
    }
    out.sort_unstable();
    out
}

/// The outcome of a rule over the units of one part; its status does not yet say whether it flags too many.
pub fn outcome(env: Env<'_>, prepared: &Prepared, rule: &Rule, result: &UnitResult, watched: &[ExprId], found: &[Packed]) -> Outcome {
    let money = stated(env, rule).is_some();
    let count = |units: u64, amount: i128| Count { units, money: money.then_some(amount) };
    let tally = |t: crate::exec::Tally| count(t.units, t.money);
    let exempt = || found.iter().flat_map(|p| &p.briefs).filter(|f| f.exempt);
    let exempt_units = exempt().count() as u64;
    let exempt_money: i128 = exempt().map(|f| i128::from(f.amount.unwrap_or(0))).sum();
    let flagged = count(result.flagged_tally.units - exempt_units, result.flagged_tally.money - exempt_money);
    let reasons: Vec<_> = REASONS.iter().zip(result.reasons).filter(|(_, t)| t.units > 0).map(|(&reason, t)| (reason, tally(t))).collect();
    let not_assessable = count(result.reasons.iter().map(|t| t.units).sum(), result.reasons.iter().map(|t| t.money).sum());
    let population = tally(result.population);
    let mut parameter_gaps: BTreeMap<String, u64> = BTreeMap::new();
    let mut arithmetic_gaps = 0;
    for (id, &units) in watched.iter().zip(&result.gaps) {
        match env.graph.get(*id) {
            Expr::Parameter { parameter, .. } => {
                let gaps = parameter_gaps.entry(env.catalog.parameters[parameter.index()].name.clone()).or_default();
                *gaps = (*gaps).max(units);
            }
            _ => arithmetic_gaps += units,
        }
    }
    Outcome {
        rule: rule.text.id.clone(),
        status: Status::Completed,
        unit: rule.check.unit.clone(),
        population,
        flagged,
        clear: tally(result.clear),
        exempt: count(exempt_units, exempt_money),
        not_assessable,
        reasons,
        coverage: coverage(env, &rule.check),
        parameter_gaps: parameter_gaps.into_iter().filter(|(_, n)| *n > 0).collect(),
        arithmetic_gaps,
        sets_aside: sets_aside(prepared, rule),
        unchecked: rule.unchecked.clone(),
    }
}

/// What the records that an integrity rule flags are unfit for: `members`, or columns of it.
fn sets_aside(prepared: &Prepared, rule: &Rule) -> Vec<String> {
    let Some(validates) = &rule.validates else { return vec![] };
    let table = &prepared.catalog.tables[validates.table].name;
    if validates.columns.is_empty() {
        return vec![table.clone()];
    }
    validates.columns.iter().map(|column| format!("{table}.{column}")).collect()
}

/// Why a rule's findings are set apart, if they are.
pub fn too_many(rule: &Rule, flagged: u64, population: u64) -> Option<Status> {
    let limit = rule.limits.max_flag_rate?;
    if population < RATE_FROM || u128::from(flagged) * 1_000_000 <= u128::from(population) * u128::from(limit) {
        return None;
    }
    let percent = |parts: u128, scale: u128| {
        let hundredths = (parts * 10_000 + scale / 2) / scale;
        format!("{}.{:02} %", hundredths / 100, hundredths % 100)
    };
    let reason = format!(
        "{flagged} of {population} units are flagged, {}; the rule allows {}. Its findings are set apart: look at the rule and the data first.",
        percent(u128::from(flagged), u128::from(population)),
        percent(u128::from(limit), 1_000_000),
    );
    Some(Status::Quarantined { reason })
}

/// Registers the rule looks into: rows, and rows that no key can find.
fn coverage(env: Env<'_>, check: &CheckPlan) -> Vec<Coverage> {
    let Flag::Pairs(registers) = &check.flag else { return vec![] };
    registers
        .iter()
        .filter_map(|register| {
            let rel = env.member_rel(register.rungs.first()?.0);
            let (_, def) = env.catalog.table_of(rel)?;
            let keys: Vec<_> = register
                .rungs
                .iter()
                .filter_map(|(set, _)| match env.graph.get_set(*set) {
                    crate::plan::RowSet::Matching { other, .. } => Some(other.keys.clone()),
                    _ => None,
                })
                .collect();
            let without: u64 = crate::exec::chunked(env, rel, |_, batch| {
                let vectors: Vec<Vec<_>> = keys.iter().map(|rung| rung.iter().map(|&k| batch.eval(k)).collect()).collect();
                (0..batch.len).filter(|&i| !vectors.iter().any(|rung| rung.iter().all(|v| v.is_valid(i)))).count() as u64
            })
            .into_iter()
            .sum();
            Some(Coverage {
                table: def.name.clone(),
                rows: env.nodes.rows(&env, rel) as u64,
                without_key: without,
                from: def.covers.as_ref().and_then(|c| c.from),
                to: def.covers.as_ref().and_then(|c| c.to),
            })
        })
        .collect()
}

/// Adds what a further part of the rows gave. Registers that stand whole in every part are counted once.
pub fn add(sum: &mut Outcome, part: Outcome, partition: &Partition, table: impl Fn(&str) -> Option<usize>) {
    let count = |a: &mut Count, b: Count| {
        a.units += b.units;
        a.money = a.money.zip(b.money).map(|(a, b)| a + b);
    };
    count(&mut sum.population, part.population);
    count(&mut sum.flagged, part.flagged);
    count(&mut sum.clear, part.clear);
    count(&mut sum.exempt, part.exempt);
    count(&mut sum.not_assessable, part.not_assessable);
    for (reason, units) in part.reasons {
        match sum.reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, known)) => count(known, units),
            None => sum.reasons.push((reason, units)),
        }
    }
    let place = |reason| REASONS.iter().position(|r| *r == reason);
    sum.reasons.sort_by_key(|(reason, _)| place(*reason));
    for (known, part) in sum.coverage.iter_mut().zip(part.coverage) {
        if table(&known.table).is_some_and(|t| partition.cut.contains_key(&t)) {
            known.rows += part.rows;
            known.without_key += part.without_key;
        }
    }
    let mut gaps: BTreeMap<String, u64> = std::mem::take(&mut sum.parameter_gaps).into_iter().collect();
    part.parameter_gaps.into_iter().for_each(|(name, n)| *gaps.entry(name).or_default() += n);
    sum.parameter_gaps = gaps.into_iter().collect();
    sum.arithmetic_gaps += part.arithmetic_gaps;
}

/// The outcome of a rule that judged nothing.
pub fn not_run(rule: &str, status: Status) -> Outcome {
    Outcome {
        rule: rule.to_owned(),
        status,
        unit: String::new(),
        population: Count::default(),
        flagged: Count::default(),
        clear: Count::default(),
        exempt: Count::default(),
        not_assessable: Count::default(),
        reasons: vec![],
        coverage: vec![],
        parameter_gaps: vec![],
        arithmetic_gaps: 0,
        sets_aside: vec![],
        unchecked: vec![],
    }
}
