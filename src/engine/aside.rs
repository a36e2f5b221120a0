//! Records that integrity rules set aside: rules that decide by them do not judge them.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::Prepared;
use super::needs::{flag_expressions, frames, sets};
use crate::exec::Env;
use crate::plan::{self, Graph, Rel, RelId};
use crate::rule::Rule;
use crate::table::{Bits, Table};

/// Records by the rule (its position) that set them aside, each by file and line: the same record whatever part of a table is loaded.
pub type Places = BTreeMap<usize, FxHashSet<u64>>;

/// What has been set aside so far.
#[derive(Debug, Default)]
pub struct Aside {
    /// Rows of the validated table, by the rule's position.
    rows: BTreeMap<usize, (RelId, Arc<Bits>)>,
}

impl Aside {
    /// Rows of the loaded tables that stand at known places.
    pub fn known(prepared: &Prepared, tables: &[Arc<Table>], places: &Places) -> Self {
        let of = |(i, rule): (usize, &Rule)| {
            let validates = rule.validates.as_ref()?;
            let (table, places) = (tables.get(validates.table)?, places.get(&i).filter(|places| !places.is_empty())?);
            let bits = Bits::from_fn(table.rows, |row| places.contains(&place(table, row)));
            Some((i, (validates.rel, Arc::new(bits))))
        };
        Aside { rows: prepared.ready().filter_map(of).collect() }
    }

    /// Sets aside the records behind `units` of the integrity rule at `position`; gives their places.
    pub fn set(&mut self, env: Env<'_>, tables: &[Arc<Table>], position: usize, rule: &Rule, units: &[u32]) -> FxHashSet<u64> {
        let Some(validates) = &rule.validates else { return FxHashSet::default() };
        let mut rel = rule.check.rel;
        let mut rows: Vec<u32> = units.to_vec();
        while rel != validates.rel {
            let Rel::Rows { of, .. } = env.graph.get_rel(rel) else { return FxHashSet::default() };
            if let Some(base) = env.nodes.frame(rel).and_then(|f| f.base()) {
                rows = rows.iter().map(|&row| base[row as usize]).collect();
            }
            rel = *of;
        }
        let (_, bits) =
            self.rows.entry(position).or_insert_with(|| (validates.rel, Arc::new(Bits::new(env.nodes.rows(&env, validates.rel), false))));
        let bits = Arc::make_mut(bits);
        rows.iter().for_each(|&row| bits.set(row as usize, true));
        let Some(table) = tables.get(validates.table) else { return FxHashSet::default() };
        rows.into_iter().map(|row| place(table, row as usize)).collect()
    }

    /// Units of `rel` whose record was set aside by one of the rules `by`: the record itself, or the one a view's row was taken from.
    pub fn units(&self, env: Env<'_>, rel: RelId, by: &[usize]) -> Option<Arc<Bits>> {
        let either = |a: Arc<Bits>, b: Arc<Bits>| Arc::new(a.or(&b));
        by.iter().filter_map(|i| self.rows.get(i)).filter_map(|(table, bits)| below(env, rel, *table, bits)).reduce(either)
    }
}

fn below(env: Env<'_>, rel: RelId, table: RelId, bits: &Arc<Bits>) -> Option<Arc<Bits>> {
    if rel == table {
        return Some(bits.clone());
    }
    let Rel::Rows { of, .. } = env.graph.get_rel(rel) else { return None };
    let below = below(env, *of, table, bits)?;
    match env.nodes.frame(rel)?.base() {
        None => Some(below),
        Some(base) => Some(Arc::new(Bits::from_fn(base.len(), |i| below.get(base[i] as usize)))),
    }
}

fn place(table: &Table, row: usize) -> u64 {
    let of = |places: &[u32]| places.get(row).copied().unwrap_or_default();
    u64::from(table.origin.file.get(row).copied().unwrap_or_default()) << 32 | u64::from(of(&table.origin.line))
}

/// Whether the rows of `rel` are records of `table`, or were taken from some.
pub fn based_on(graph: &Graph, rel: RelId, table: RelId) -> bool {
    let mut at = rel;
    while at != table {
        let Rel::Rows { of, .. } = graph.get_rel(at) else { return false };
        at = *of;
    }
    true
}

impl Prepared {
    /// The integrity rules whose records the rule at `position` does not judge. One integrity rule is not subject to another.
    pub fn set_aside_by(&self, position: usize) -> Vec<usize> {
        let Some((_, rule)) = self.ready().find(|(i, _)| *i == position).filter(|(_, rule)| rule.validates.is_none()) else {
            return vec![];
        };
        let (catalog, graph, check) = (&self.catalog, &self.graph, &rule.check);
        let mut read = None;
        let mut of = |(i, other): (usize, &Rule)| {
            let validates = other.validates.as_ref().filter(|v| based_on(graph, check.rel, v.rel))?;
            let read = read.get_or_insert_with(|| {
                let (frames, exprs) = (frames(graph, catalog, check), flag_expressions(check));
                let roots: Vec<_> = frames.iter().flat_map(|f| exprs.iter().map(move |&e| (f.clone(), e))).collect();
                plan::reads(catalog, graph, &roots, &[check.rel], &sets(check))
            });
            let columns = read.get(&catalog.tables[validates.table].name);
            let decides = validates.columns.is_empty() || columns.is_some_and(|columns| !columns.is_disjoint(&validates.columns));
            decides.then_some(i)
        };
        self.ready().filter_map(&mut of).collect()
    }
}
