//! Passes over relations for all rules, then findings of the flagged units, then one outcome per rule.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::aside::{Aside, Places};
use super::deliver::deliver;
use super::late::{self, LateJob, Packed};
use super::needs::{expressions, sets};
use super::outcome::{outcome, watched};
use super::population::RegionCount;
use super::prepare::Prepared;
use super::shape::Names;
use super::{Options, parts::refuse, population};
use crate::check::Flag;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::exec::{Env, Exec, JobFlag, NodeProfile, Schedule, Timer, UnitJob, run_pass};
use crate::finding::{Drawer, Findings, Outcome};
use crate::plan::{ExprId, Graph, RelId};
use crate::project::Project;
use crate::rule::Rule;
use crate::table::{Bits, Loaded};

/// Rules whose units are rows of one relation, judged in one pass.
pub struct Group {
    pub rel: RelId,
    rules: Vec<usize>,
    pub schedule: Schedule,
}

impl Group {
    pub fn rules(&self) -> &[usize] {
        &self.rules
    }
}

/// What is judged together: rules (positions in [`Prepared::rules`]), and tables (positions in the catalog) whose records are counted by region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    pub rules: Vec<usize>,
    pub counted: Vec<usize>,
    /// Records that integrity rules judged elsewhere set aside.
    pub aside: Arc<Places>,
}

/// What one set of rows gives. Outcomes are not yet weighed against their limits: further parts may add to them.
#[derive(Debug, Default)]
pub struct Part {
    pub outcomes: BTreeMap<usize, Outcome>,
    pub findings: Findings,
    pub populations: Vec<RegionCount>,
    pub profile: Vec<NodeProfile>,
    /// Rules that could not be judged over these rows, and why.
    pub failed: BTreeMap<usize, Diagnostics>,
    /// Records that integrity rules set aside.
    pub aside: Places,
}

impl Part {
    /// Takes in what other rules gave.
    pub fn extend(&mut self, other: Part) {
        self.outcomes.extend(other.outcomes);
        self.failed.extend(other.failed);
        self.findings.append(other.findings);
        self.populations.extend(other.populations);
        self.profile.extend(other.profile);
        self.aside.extend(other.aside);
    }
}

/// Judges the rows that are loaded.
///
/// # Errors
/// The nodes would need more memory than allowed, or delivered files can no longer be read.
pub fn judge(
    project: &Project,
    prepared: &Prepared,
    loaded: &Loaded,
    options: &Options<'_>,
    asked: &Asked,
    drawer: &Drawer,
) -> Result<Part, Diagnostics> {
    let Prepared { catalog, within, .. } = prepared;
    let mut graph = prepared.graph.clone();
    let ready: BTreeMap<usize, &Rule> = prepared.ready().filter(|(i, _)| asked.rules.contains(i)).collect();
    let groups = groups(prepared, &mut graph, &ready, options.one_by_one);
    let regions: Vec<_> = asked.counted.iter().filter_map(|&t| Some((catalog.tables[t].rel, catalog.tables[t].region?))).collect();
    let (rels, exprs): (Vec<RelId>, Vec<_>) = regions.into_iter().unzip();
    let for_regions = Schedule::new(&mut graph, catalog, &rels, &exprs, &[]);

    let mut exec = Exec::new(catalog, &graph, &loaded.tables, &project.parameters, &project.regions).within(options.memory);
    if let Some(limit) = options.memory {
        refuse(&exec, &groups, limit)?;
    }
    let names = Names::new(catalog, &loaded.tables);
    let mut part = Part { findings: Findings::on(drawer), ..Part::default() };
    let mut packed: Vec<Packed> = vec![];
    let mut aside = Aside::known(prepared, &loaded.tables, &asked.aside);
    for (number, group) in groups.iter().enumerate() {
        exec.prepare(&group.schedule);
        let mut judged = group.rules.clone();
        if !exec.failed(&group.schedule).0.is_empty() {
            // Some node could not be made: the rules that need it are not judged, the others are.
            judged.retain(|&i| {
                let own = schedule(prepared, &mut graph.clone(), &ready, group.rel, &[i]);
                let problems = exec.failed(&own);
                let fine = problems.0.is_empty();
                if !fine {
                    part.failed.insert(i, problems);
                }
                fine
            });
        }
        let start = Timer::start();
        let env = exec.env();
        let failed = |i: usize| aside.units(env, group.rel, prepared.set_aside_by(i));
        let jobs: Vec<UnitJob<'_>> = judged.iter().map(|&i| job(env, ready[&i], within[i], failed(i))).collect();
        let results = run_pass(env, group.rel, &jobs);
        let watched: Vec<Vec<ExprId>> = jobs.into_iter().map(|job| job.watched).collect();
        let rows = env.nodes.rows(&env, group.rel);
        let flagged: usize = results.iter().map(|r| r.flagged.len()).sum();
        let name = exec.rel_name(group.rel);
        let pass = start.note(format!("pass over {name}"), rows, flagged, 0, judged.len());
        let start = Timer::start();
        for ((&i, result), watched) in judged.iter().zip(results).zip(watched) {
            let rule = ready[&i];
            let late = LateJob::new(&graph, prepared, i, rule, &names, options, drawer);
            let found = late::findings(env, project, &late, &result.flagged).map_err(|e| no_room(&e))?;
            if rule.validates.is_some() {
                // What speaks for a record speaks for its use too.
                let briefs = found.iter().flat_map(|p| &p.briefs);
                let units: Vec<u32> = result.flagged.iter().zip(briefs).filter(|(_, brief)| !brief.exempt).map(|(&unit, _)| unit).collect();
                part.aside.entry(i).or_default().extend(aside.set(env, &loaded.tables, i, rule, &units));
            }
            if prepared.unasked[i] {
                continue;
            }
            part.outcomes.insert(i, outcome(env, prepared, rule, &result, &watched, &found));
            packed.extend(found);
        }
        let late = start.note(format!("findings over {name}"), flagged, flagged, 0, judged.len());
        exec.profile.extend([pass, late]);
        let to_come: Vec<&Schedule> = match options.one_by_one {
            true => vec![],
            false => groups[number + 1..].iter().map(|g| &g.schedule).chain([&for_regions]).collect(),
        };
        exec.free(&to_come);
    }
    exec.prepare(&for_regions);
    part.populations = population::count(&exec, &asked.counted);
    part.profile = std::mem::take(&mut exec.profile);
    drop(exec);

    let start = Timer::start();
    let records = packed.iter().map(|p| p.records.len()).sum();
    deliver(project, catalog, loaded, &mut packed, drawer)?.map_err(|e| no_room(&e))?;
    part.profile.push(start.note("cells as delivered".to_owned(), records, records, 0, ready.len()));
    packed.into_iter().for_each(|p| part.findings.add(p.batch, p.briefs));
    Ok(part)
}

/// Findings could not be put aside.
pub fn no_room(error: &std::io::Error) -> Diagnostics {
    Diagnostic::error("cannot-write", format!("the findings of this run could not be put aside: {error}"))
        .help("free some space where the store lies (`.recount`), or run without --memory")
        .into()
}

/// Integrity rules first, then by relation.
pub fn groups(prepared: &Prepared, graph: &mut Graph, ready: &BTreeMap<usize, &Rule>, one_by_one: bool) -> Vec<Group> {
    let mut by_rel: BTreeMap<(bool, RelId, Option<usize>), Vec<usize>> = BTreeMap::new();
    for (&i, rule) in ready {
        by_rel.entry((rule.validates.is_none(), rule.check.rel, one_by_one.then_some(i))).or_default().push(i);
    }
    by_rel
        .into_iter()
        .map(|((_, rel, _), rules)| {
            let schedule = schedule(prepared, graph, ready, rel, &rules);
            Group { rel, rules, schedule }
        })
        .collect()
}

/// What some rules over `rel` need.
fn schedule(prepared: &Prepared, graph: &mut Graph, ready: &BTreeMap<usize, &Rule>, rel: RelId, rules: &[usize]) -> Schedule {
    let mut exprs = vec![];
    let mut all_sets = vec![];
    for i in rules {
        let rule = ready[i];
        exprs.extend(expressions(rule));
        exprs.extend(rule.exempt.iter().map(|e| e.when));
        exprs.extend(rule.check.members.iter().filter_map(|m| m.filter));
        exprs.extend(prepared.within[*i]);
        exprs.extend(prepared.without_dropped[*i].iter().flatten());
        all_sets.extend(sets(&rule.check));
    }
    Schedule::new(graph, &prepared.catalog, &[rel], &exprs, &all_sets)
}

/// Expressions whose columns are worth showing.
pub fn shown(rule: &Rule) -> Vec<crate::plan::ExprId> {
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

/// `failed`: units whose record an integrity rule set aside.
pub fn job<'j>(env: Env<'_>, rule: &'j Rule, within: Option<ExprId>, failed: Option<Arc<Bits>>) -> UnitJob<'j> {
    let check = &rule.check;
    let mut population = check.population.clone();
    population.extend(within);
    UnitJob {
        population,
        preconditions: check.preconditions.iter().map(|p| (p.holds, p.reason)).collect(),
        failed,
        flag: match &check.flag {
            Flag::Row(flag) => JobFlag::Row(*flag),
            Flag::Pairs(registers) => JobFlag::Pairs(registers),
        },
        amount: stated(env, rule),
        watched: watched(env.graph, check),
    }
}

/// The amount of every unit: not one that only a pair has.
pub fn stated(env: Env<'_>, rule: &Rule) -> Option<crate::plan::ExprId> {
    rule.amount.filter(|&amount| env.graph.reads(amount) & !1 == 0)
}
