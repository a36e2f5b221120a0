//! Passes over relations for all rules, then findings of the flagged units, then one outcome per rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::finding::{identify, order};
use super::late::{self, Draft, LateJob};
use super::needs::{expressions, flag_expressions, frames, sets};
use super::prepare::{Prepared, Resolved, about};
use super::{Audit, Options, evidence, population};
use crate::check::{CheckPlan, Flag, UnitKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::exec::{Batch, Env, Exec, JobFlag, REASONS, Schedule, Timer, UnitJob, UnitResult, run_pass};
use crate::finding::{Count, Coverage, Finding, Outcome, Status};
use crate::plan::{Catalog, Expr, Graph, Rel, RelId};
use crate::project::Project;
use crate::rule::Rule;
use crate::schema::Value;
use crate::table::{Bits, Loaded};

/// Rules from this many units up may be set apart for flagging too many.
const RATE_FROM: u64 = 200;

/// Rules whose units are rows of one relation, judged in one pass.
struct Group {
    rel: RelId,
    rules: Vec<usize>,
    schedule: Schedule,
}

pub fn judge(project: &Project, prepared: Prepared, loaded: Loaded, options: &Options<'_>) -> Result<Audit, Diagnostics> {
    let Prepared { catalog, mut graph, rules, within, without_dropped } = prepared;
    let ready: BTreeMap<usize, &Rule> = rules
        .iter()
        .enumerate()
        .filter_map(|(i, (_, _, resolved))| match resolved {
            Resolved::Ready(rule) => Some((i, &**rule)),
            _ => None,
        })
        .collect();
    let groups = groups(&catalog, &mut graph, &ready, &within, &without_dropped, options.one_by_one);
    let regions: Vec<_> = catalog.tables.iter().filter(|t| t.view_of.is_none()).filter_map(|t| Some((t.rel, t.region?))).collect();
    let (rels, exprs): (Vec<RelId>, Vec<_>) = regions.into_iter().unzip();
    let for_regions = Schedule::new(&mut graph, &catalog, &rels, &exprs, &[]);

    let mut exec = Exec::new(&catalog, &graph, &loaded.tables, &project.parameters, &project.regions);
    if let Some(limit) = options.memory {
        refuse(&exec, &groups, limit)?;
    }
    let names = evidence::Names::new(&catalog, &loaded.tables);
    let mut outcomes: Vec<Option<Outcome>> = rules.iter().map(|_| None).collect();
    let mut drafts: Vec<(usize, Draft, Vec<Value>)> = vec![];
    let mut failed: FxHashMap<RelId, Arc<Bits>> = FxHashMap::default();
    for (number, group) in groups.iter().enumerate() {
        exec.prepare(&group.schedule);
        let start = Timer::start();
        let env = exec.env();
        let jobs: Vec<UnitJob<'_>> = group.rules.iter().map(|&i| job(env, ready[&i], within[i], &failed)).collect();
        let before = counts(env, &ready, &group.rules);
        let results = run_pass(env, group.rel, &jobs);
        let after = counts(env, &ready, &group.rules);
        drop(jobs);
        let rows = env.nodes.rows(&env, group.rel);
        let flagged: usize = results.iter().map(|r| r.flagged.len()).sum();
        let name = exec.rel_name(group.rel);
        let pass = start.note(format!("pass over {name}"), rows, flagged, 0, group.rules.len());
        let start = Timer::start();
        for (((&i, result), before), after) in group.rules.iter().zip(results).zip(before).zip(after) {
            let rule = ready[&i];
            if let Some(rel) = rule.validates {
                mark(env, rel, rule.check.rel, &result.flagged, &mut failed);
            }
            let frames = frames(&graph, &catalog, &rule.check);
            let mut own = flag_expressions(&rule.check);
            own.extend(expressions(rule));
            let late = LateJob {
                rule,
                without_dropped: &without_dropped[i],
                plans: evidence::plans(&graph, &catalog, &rule.check, &frames, &shown(rule)),
                parameters: late::parameters(&graph, &own),
                frames,
                evidence_rows: options.evidence_rows,
                names: &names,
                secret: &options.secret,
            };
            let found = late::findings(env, project, &late, &result.flagged);
            let identified = identities(env, rule, &result.flagged);
            outcomes[i] = Some(outcome(env, project, rule, &result, &found, &before, &after));
            drafts.extend(found.into_iter().zip(identified).map(|(draft, identified)| (i, draft, identified)));
        }
        let late = start.note(format!("findings over {name}"), flagged, flagged, 0, group.rules.len());
        exec.profile.extend([pass, late]);
        let to_come: Vec<&Schedule> = match options.one_by_one {
            true => vec![],
            false => groups[number + 1..].iter().map(|g| &g.schedule).chain([&for_regions]).collect(),
        };
        exec.free(&to_come);
    }
    exec.prepare(&for_regions);
    let populations = population::count(&exec);
    let mut profile = std::mem::take(&mut exec.profile);
    drop(exec);

    let mut messages = loaded.warnings.clone();
    let mut pairs: Vec<Draft> = vec![];
    let mut keys: Vec<(usize, Vec<Value>)> = vec![];
    for (i, draft, identified) in drafts {
        pairs.push(draft);
        keys.push((i, identified));
    }
    let start = Timer::start();
    let records = pairs.iter().map(|(_, records)| records.len()).sum();
    evidence::deliver(project, &catalog, &loaded, &mut pairs)?;
    profile.push(start.note("cells as delivered".to_owned(), records, records, 0, ready.len()));
    let start = Timer::start();
    let mut findings: Vec<Finding> = pairs
        .into_par_iter()
        .zip(keys)
        .map(|((mut finding, _), (i, identified))| {
            identify(&options.secret, ready[&i], &mut finding, &identified);
            finding
        })
        .collect();
    findings.par_sort_by(order);
    profile.push(start.note("identities of findings".to_owned(), findings.len(), findings.len(), 0, ready.len()));
    for rule in ready.values() {
        messages.extend(rule.warnings.clone());
    }
    drop(ready);
    let mut texts = vec![];
    let mut overlays = vec![];
    let mut all = vec![];
    for ((text, changes, resolved), outcome) in rules.into_iter().zip(outcomes) {
        all.push(match (outcome, resolved) {
            (Some(outcome), _) => outcome,
            (None, Resolved::Skipped(reason)) => not_run(&text.id, Status::Skipped { reason }),
            (None, Resolved::Failed(problems)) => {
                let status = Status::Failed { reason: problems.to_string() };
                messages.extend(about(&text.id, &problems));
                not_run(&text.id, status)
            }
            (None, Resolved::Ready(_)) => not_run(&text.id, Status::Failed { reason: "the rule was not judged".to_owned() }),
        });
        texts.push(text);
        overlays.push(changes);
    }
    Ok(Audit { outcomes: all, findings, rules: texts, overlays, loaded, populations, profile, messages, catalog })
}

/// Integrity rules first, then by relation.
fn groups(
    catalog: &Catalog,
    graph: &mut Graph,
    ready: &BTreeMap<usize, &Rule>,
    within: &[Option<crate::plan::ExprId>],
    without_dropped: &[Vec<Option<crate::plan::ExprId>>],
    one_by_one: bool,
) -> Vec<Group> {
    let mut by_rel: BTreeMap<(bool, RelId, Option<usize>), Vec<usize>> = BTreeMap::new();
    for (&i, rule) in ready {
        by_rel.entry((rule.validates.is_none(), rule.check.rel, one_by_one.then_some(i))).or_default().push(i);
    }
    by_rel
        .into_iter()
        .map(|((_, rel, _), rules)| {
            let mut exprs = vec![];
            let mut all_sets = vec![];
            for &i in &rules {
                let rule = ready[&i];
                exprs.extend(expressions(rule));
                exprs.extend(rule.exempt.iter().map(|e| e.when));
                exprs.extend(rule.check.members.iter().filter_map(|m| m.filter));
                exprs.extend(within[i]);
                exprs.extend(without_dropped[i].iter().flatten());
                all_sets.extend(sets(&rule.check));
            }
            let schedule = Schedule::new(graph, catalog, &[rel], &exprs, &all_sets);
            Group { rel, rules, schedule }
        })
        .collect()
}

fn refuse(exec: &Exec<'_>, groups: &[Group], limit: u64) -> Result<(), Diagnostics> {
    let mut out = Diagnostics::default();
    for group in groups {
        let estimate = exec.estimate(&group.schedule);
        let total: u64 = estimate.iter().map(|(_, bytes)| bytes).sum();
        if total > limit {
            let mib = |bytes: u64| format!("{} MiB", bytes.div_ceil(1 << 20));
            let mut error = Diagnostic::error(
                "memory",
                format!("the rules over {} would need about {}, and {} are allowed", exec.rel_name(group.rel), mib(total), mib(limit)),
            );
            for (name, bytes) in estimate.iter().take(3) {
                error = error.note(format!("{name}: about {}", mib(*bytes)));
            }
            out.push(error.help("allow more with --memory, or run fewer rules at a time with --rule"));
        }
    }
    out.finish(())
}

/// Expressions whose columns are worth showing.
fn shown(rule: &Rule) -> Vec<crate::plan::ExprId> {
    let mut out = vec![];
    if let Flag::Row(flag) = &rule.check.flag {
        out.push(*flag);
    }
    out.extend(rule.check.population.iter().copied());
    out.extend(rule.figures.iter().map(|(_, e)| *e));
    out.extend(rule.say.values().flatten().filter_map(|piece| match piece {
        crate::rule::SayPiece::Value(e) => Some(*e),
        crate::rule::SayPiece::Text(_) => None,
    }));
    out.extend(rule.exempt.iter().filter(|e| !e.drop).map(|e| e.when));
    out.extend([rule.amount, rule.measure].into_iter().flatten());
    out
}

fn job<'j>(env: Env<'_>, rule: &'j Rule, within: Option<crate::plan::ExprId>, failed: &FxHashMap<RelId, Arc<Bits>>) -> UnitJob<'j> {
    let check = &rule.check;
    let mut population = check.population.clone();
    population.extend(within);
    UnitJob {
        population,
        preconditions: check.preconditions.iter().map(|p| (p.holds, p.reason)).collect(),
        failed: if rule.validates.is_some() { None } else { failed_units(env, check.rel, failed) },
        flag: match &check.flag {
            Flag::Row(flag) => JobFlag::Row(*flag),
            Flag::Pairs(registers) => JobFlag::Pairs(registers),
        },
        amount: stated(env, rule),
    }
}

/// The amount of every unit: not one that only a pair has.
fn stated(env: Env<'_>, rule: &Rule) -> Option<crate::plan::ExprId> {
    rule.amount.filter(|&amount| env.graph.reads(amount) & !1 == 0)
}

/// Units whose record failed an integrity rule: the record itself, or the one a view's row was taken from.
fn failed_units(env: Env<'_>, rel: RelId, failed: &FxHashMap<RelId, Arc<Bits>>) -> Option<Arc<Bits>> {
    if let Some(bits) = failed.get(&rel) {
        return Some(bits.clone());
    }
    let Rel::Rows { of, .. } = env.graph.get_rel(rel) else { return None };
    let below = failed_units(env, *of, failed)?;
    match env.nodes.frame(rel)?.base() {
        None => Some(below),
        Some(base) => Some(Arc::new(Bits::from_fn(base.len(), |i| below.get(base[i] as usize)))),
    }
}

/// Marks the records of `table` behind the flagged units of an integrity rule.
fn mark(env: Env<'_>, table: RelId, unit: RelId, flagged: &[u32], failed: &mut FxHashMap<RelId, Arc<Bits>>) {
    let mut rel = unit;
    let mut rows: Vec<u32> = flagged.to_vec();
    while rel != table {
        let Rel::Rows { of, .. } = env.graph.get_rel(rel) else { return };
        if let Some(base) = env.nodes.frame(rel).and_then(|f| f.base()) {
            rows = rows.iter().map(|&row| base[row as usize]).collect();
        }
        rel = *of;
    }
    let mut bits = failed.get(&table).map_or_else(|| Bits::new(env.nodes.rows(&env, table), false), |bits| (**bits).clone());
    for row in rows {
        bits.set(row as usize, true);
    }
    failed.insert(table, Arc::new(bits));
}

/// Gaps of parameters by name, and of arithmetic, per rule as counted so far.
type Gaps = (BTreeMap<String, u64>, u64);

fn counts(env: Env<'_>, ready: &BTreeMap<usize, &Rule>, rules: &[usize]) -> Vec<Gaps> {
    rules
        .iter()
        .map(|i| {
            let mut parameters: BTreeMap<String, u64> = BTreeMap::new();
            let mut lost = 0;
            let mut seen = rustc_hash::FxHashSet::default();
            let mut todo = flag_expressions(&ready[i].check);
            while let Some(id) = todo.pop() {
                if !seen.insert(id) {
                    continue;
                }
                let expr = env.graph.get(id);
                lost += env.counters.lost_of(id);
                if let Expr::Parameter { parameter, .. } = expr {
                    let gaps = parameters.entry(env.catalog.parameters[parameter.index()].name.clone()).or_default();
                    *gaps = (*gaps).max(env.counters.gaps_of(id));
                }
                todo.extend(expr.args());
                if let Expr::Aggregate { arg, filter, .. } = expr {
                    todo.extend(arg.iter().chain(filter));
                }
            }
            (parameters, lost)
        })
        .collect()
}

fn outcome(env: Env<'_>, project: &Project, rule: &Rule, result: &UnitResult, found: &[Draft], before: &Gaps, after: &Gaps) -> Outcome {
    let money = stated(env, rule).is_some();
    let count = |units: u64, amount: i128| Count { units, money: money.then_some(amount) };
    let tally = |t: crate::exec::Tally| count(t.units, t.money);
    let exempt_units = found.iter().filter(|(f, _)| f.exempt).count() as u64;
    let exempt_money: i128 = found.iter().filter(|(f, _)| f.exempt).map(|(f, _)| i128::from(f.amount.unwrap_or(0))).sum();
    let flagged = count(result.flagged_tally.units - exempt_units, result.flagged_tally.money - exempt_money);
    let reasons: Vec<_> = REASONS.iter().zip(result.reasons).filter(|(_, t)| t.units > 0).map(|(&reason, t)| (reason, tally(t))).collect();
    let not_assessable = count(result.reasons.iter().map(|t| t.units).sum(), result.reasons.iter().map(|t| t.money).sum());
    let population = tally(result.population);
    let parameter_gaps =
        after.0.iter().map(|(name, n)| (name.clone(), n - before.0.get(name).copied().unwrap_or(0))).filter(|(_, n)| *n > 0).collect();
    Outcome {
        rule: rule.text.id.clone(),
        status: too_many(rule, flagged.units, population.units).unwrap_or(Status::Completed),
        unit: rule.check.unit.clone(),
        population,
        flagged,
        clear: tally(result.clear),
        exempt: count(exempt_units, exempt_money),
        not_assessable,
        reasons,
        coverage: coverage(env, project, &rule.check),
        parameter_gaps,
        arithmetic_gaps: after.1 - before.1,
    }
}

fn too_many(rule: &Rule, flagged: u64, population: u64) -> Option<Status> {
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
fn coverage(env: Env<'_>, _project: &Project, check: &CheckPlan) -> Vec<Coverage> {
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

/// Keys of the flagged units that are groups; empty for records.
fn identities(env: Env<'_>, rule: &Rule, rows: &[u32]) -> Vec<Vec<Value>> {
    let check = &rule.check;
    if !matches!(check.kind, UnitKind::Group | UnitKind::Area | UnitKind::KeyPeriod) {
        return vec![vec![]; rows.len()];
    }
    rows.chunks(8192)
        .flat_map(|rows| {
            let batch = Batch::list(env, check.rel, rows.to_vec());
            let group: Vec<_> = check.identity.iter().map(|&e| batch.eval(e)).collect();
            (0..rows.len()).map(|i| group.iter().map(|v| v.value(i)).collect()).collect::<Vec<_>>()
        })
        .collect()
}

fn not_run(rule: &str, status: Status) -> Outcome {
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
    }
}
