//! What must be loaded for a set of rules: all they read, the keys of records that become evidence, regions for the roll-up.

use std::collections::{BTreeMap, BTreeSet};

use super::Prepared;
use super::judge::Asked;
use crate::check::{CheckPlan, Flag};
use crate::plan::{self, Catalog, Expr, ExprId, Graph, Hop, Rel, RelId, RowRef, SetId, Step, TableDef};
use crate::rule::{Rule, SayPiece};
use crate::schema::Type;
use crate::table::Needs;

/// Expressions in the frame of the unit alone, and those in the frame of unit and register row.
pub fn expressions(rule: &Rule) -> Vec<ExprId> {
    let check = &rule.check;
    let mut out: Vec<ExprId> = flag_expressions(check);
    out.extend(rule.severity.iter().filter_map(|(_, when)| *when));
    out.extend(rule.subjects.iter().map(|(_, key)| *key));
    out.extend(rule.exempt.iter().filter(|e| !e.drop).map(|e| e.when));
    out.extend(rule.figures.iter().map(|(_, e)| *e));
    out.extend(rule.say.values().flatten().filter_map(|piece| match piece {
        SayPiece::Value(e) => Some(*e),
        SayPiece::Text(_) => None,
    }));
    out.extend(&rule.decisive);
    out.extend([rule.amount, rule.measure, rule.region, rule.date, check.period].into_iter().flatten());
    out.extend(&check.identity);
    out
}

/// What decides the outcome of a unit.
pub fn flag_expressions(check: &CheckPlan) -> Vec<ExprId> {
    let mut out: Vec<ExprId> = check.population.clone();
    out.extend(check.preconditions.iter().map(|p| p.holds));
    match &check.flag {
        Flag::Row(flag) => out.push(*flag),
        Flag::Pairs(registers) => {
            for register in registers {
                out.push(register.flag);
                out.extend(register.covered);
                out.extend(register.keys.iter().flatten());
            }
        }
    }
    out
}

/// Sets that the engine asks for itself: registers' rungs, member rows.
pub fn sets(check: &CheckPlan) -> Vec<SetId> {
    let mut out: Vec<SetId> = check.members.iter().map(|m| m.set).collect();
    if let Flag::Pairs(registers) = &check.flag {
        out.extend(registers.iter().flat_map(|r| r.rungs.iter().map(|(set, _)| *set)));
    }
    out
}

/// The period of a unit: what the check says, else that of the view with `each` the unit is a row of.
pub fn period(graph: &mut Graph, check: &CheckPlan) -> Option<ExprId> {
    if check.period.is_some() {
        return check.period;
    }
    let mut row = RowRef::slot(0);
    let mut rel = check.rel;
    while let Rel::Rows { of, each, .. } = graph.get_rel(rel) {
        if let Some(each) = each {
            let ty = match each.step {
                Step::Months => Type::Month,
                Step::Years => Type::Int,
                Step::Days => Type::Date,
            };
            return Some(graph.expr(Expr::Column { row, column: 0 }, ty));
        }
        rel = *of;
        row = row.then(Hop::Base);
    }
    None
}

/// Frames of a rule's expressions: the unit's relation, and with registers each register's.
pub fn frames(graph: &Graph, catalog: &Catalog, check: &CheckPlan) -> Vec<Vec<RelId>> {
    match &check.flag {
        Flag::Row(_) => vec![vec![check.rel]],
        Flag::Pairs(registers) => registers
            .iter()
            .map(|r| {
                let other = r.rungs.first().and_then(|(set, _)| graph.members_of(catalog, *set)).unwrap_or(check.rel);
                vec![check.rel, other]
            })
            .collect(),
    }
}

/// All expressions of a rule that are evaluated, with the relations of their frames.
pub fn roots(prepared: &Prepared, position: usize, rule: &Rule) -> Vec<(Vec<RelId>, ExprId)> {
    let (catalog, graph) = (&prepared.catalog, &prepared.graph);
    let mut roots: Vec<(Vec<RelId>, ExprId)> = vec![];
    for frame in frames(graph, catalog, &rule.check) {
        let dropped = prepared.without_dropped[position].iter().flatten();
        roots.extend(expressions(rule).into_iter().chain(prepared.within[position]).chain(dropped.copied()).map(|e| (frame.clone(), e)));
    }
    for members in &rule.check.members {
        let mut frame = vec![rule.check.rel; usize::from(members.inner)];
        frame.push(graph.members_of(catalog, members.set).unwrap_or(rule.check.rel));
        roots.extend(members.filter.map(|filter| (frame, filter)));
    }
    let member = rule.check.members.first().and_then(|m| graph.members_of(catalog, m.set)).unwrap_or(rule.check.rel);
    roots.extend(rule.exempt.iter().filter(|e| e.drop).map(|e| (vec![rule.check.rel, member], e.when)));
    roots
}

impl Prepared {
    /// Columns to load for all rules, and text columns that share a dictionary.
    pub fn needs(&self) -> Needs {
        self.needs_of(&self.all())
    }
    /// All rules that can run, and the tables they read that have a region.
    pub fn all(&self) -> Asked {
        let rules = Asked { rules: self.ready().map(|(i, _)| i).collect(), ..Asked::default() };
        let asked = rules.rules.iter().copied().filter(|&i| !self.unasked[i]).collect();
        let read = self.needs_of(&Asked { rules: asked, ..Asked::default() }).columns;
        // The region may stand in a table that was not delivered.
        let there = |t: &TableDef, region| {
            let needed = plan::needs(&self.catalog, &self.graph, &[(vec![t.rel], region)], &[], &[]).columns;
            !self.absent.iter().any(|a| needed.contains_key(a))
        };
        let counts = |t: &TableDef| t.view_of.is_none() && t.region.is_some_and(|r| read.contains_key(&t.name) && there(t, r));
        let counted = self.catalog.tables.iter().enumerate().filter(|(_, t)| counts(t)).map(|(i, _)| i).collect();
        Asked { counted, ..rules }
    }
    /// Columns that a rule reads, by table: all that a finding of it says.
    pub fn reads(&self, position: usize) -> BTreeMap<String, BTreeSet<String>> {
        self.needs_of(&Asked { rules: vec![position], ..Asked::default() }).columns
    }
    /// Columns by which a rule decides, by table: its population, its conditions, the keys it looks records up by.
    pub fn decides_by(&self, position: usize) -> BTreeMap<String, BTreeSet<String>> {
        let Some((_, rule)) = self.ready().find(|(i, _)| *i == position) else { return BTreeMap::new() };
        let frames = frames(&self.graph, &self.catalog, &rule.check);
        let exprs = flag_expressions(&rule.check);
        let roots: Vec<(Vec<RelId>, ExprId)> = frames.iter().flat_map(|f| exprs.iter().map(move |&e| (f.clone(), e))).collect();
        plan::needs(&self.catalog, &self.graph, &roots, &[rule.check.rel], &sets(&rule.check)).columns
    }
    /// Columns to load for some rules and counts.
    pub fn needs_of(&self, asked: &Asked) -> Needs {
        let (catalog, graph) = (&self.catalog, &self.graph);
        let mut all_roots: Vec<(Vec<RelId>, ExprId)> = vec![];
        let (mut rels, mut all_sets) = (vec![], vec![]);
        for (position, rule) in self.ready().filter(|(i, _)| asked.rules.contains(i)) {
            rels.push(rule.check.rel);
            all_sets.extend(sets(&rule.check));
            all_roots.extend(roots(self, position, rule));
        }
        let mut needs = plan::needs(catalog, graph, &all_roots, &rels, &all_sets);
        // Records that become evidence are named by their key, and tables are counted by region.
        let counted: Vec<&TableDef> = asked.counted.iter().map(|&t| &catalog.tables[t]).collect();
        let regions: Vec<(Vec<RelId>, ExprId)> = counted.iter().filter_map(|t| Some((vec![t.rel], t.region?))).collect();
        for table in &counted {
            needs.columns.entry(table.name.clone()).or_default();
        }
        for table in catalog.tables.iter().filter(|t| t.view_of.is_none() && needs.columns.contains_key(&t.name)).collect::<Vec<_>>() {
            let columns = needs.columns.entry(table.name.clone()).or_default();
            columns.extend(table.key.iter().map(|&k| table.columns[k].name.clone()));
        }
        let more = plan::needs(catalog, graph, &regions, &[], &[]);
        for (table, columns) in more.columns {
            needs.columns.entry(table).or_default().extend(columns);
        }
        needs.domains.extend(more.domains);
        needs
    }
}
