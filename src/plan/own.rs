//! What an expression reads of the record a unit is, or was taken from: its columns, and the keys by which it is linked, grouped or looked up.

use std::collections::{BTreeSet, HashSet};

use super::{Catalog, Expr, ExprId, Graph, Hop, Rel, RelId, RowRef, RowSet, SetId};

/// Columns (positions in the table) that `exprs` (units in slot 0) and `sets` (owned by units) read of the record behind a row of `rel`. What they read of other records
/// of the same table does not count. None where the rows of `rel` are not taken from a table.
pub fn own_columns(catalog: &Catalog, graph: &Graph, rel: RelId, exprs: &[ExprId], sets: &[SetId]) -> BTreeSet<usize> {
    let mut own = Own { catalog, graph, columns: BTreeSet::new(), seen: HashSet::new() };
    let mut at = rel;
    while let Rel::Rows { of, filter, each } = graph.get_rel(at) {
        let bounds = each.iter().flat_map(|each| [each.first, each.last]);
        filter.iter().copied().chain(bounds).for_each(|expr| own.expr(*of, expr));
        at = *of;
    }
    exprs.iter().for_each(|&expr| own.expr(rel, expr));
    sets.iter().for_each(|&set| own.owner(rel, set));
    own.columns
}

struct Own<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    columns: BTreeSet<usize>,
    seen: HashSet<(RelId, ExprId)>,
}

impl Own<'_> {
    fn expr(&mut self, rel: RelId, id: ExprId) {
        if self.graph.reads(id) & 1 == 0 || !self.seen.insert((rel, id)) {
            return;
        }
        let graph = self.graph;
        let expr = graph.get(id);
        expr.args().into_iter().for_each(|arg| self.expr(rel, arg));
        match expr {
            Expr::Column { row, column } => {
                if let Some(Rel::Table(_)) = self.row(rel, row).map(|rel| graph.get_rel(rel)) {
                    self.columns.insert(*column);
                }
            }
            Expr::Aggregate { owner, set, arg, filter, .. } => {
                if let Some(rel) = self.row(rel, owner) {
                    self.owner(rel, *set);
                }
                // Inside, slot 0 is the unit only where the members have a slot of their own above it.
                let correlated = matches!(expr, Expr::Aggregate { inner, .. } if *inner > 0);
                [*arg, *filter].into_iter().flatten().filter(|_| correlated).for_each(|part| self.expr(rel, part));
            }
            Expr::Has { row } | Expr::RowNumber { row } | Expr::Tested { row, .. } => {
                self.row(rel, row);
            }
            _ => {}
        }
    }

    /// Follows `row` as far as it stays with the record; the relation, where it does to the end.
    fn row(&mut self, rel: RelId, row: &RowRef) -> Option<RelId> {
        if row.slot != 0 {
            return None;
        }
        let (mut at, graph) = (rel, self.graph);
        for hop in &row.hops {
            match hop {
                Hop::Base => at = graph.hop(self.catalog, at, *hop)?,
                Hop::Link(link) => {
                    let link = self.catalog.links.get(link.index())?;
                    link.keys.iter().map(|(own, _)| *own).chain(link.at).for_each(|key| self.expr(at, key));
                    return None;
                }
                Hop::Neighbour(neighbour) => {
                    let n = graph.get_neighbour(*neighbour);
                    n.keys.iter().copied().chain([n.order]).chain(n.among).for_each(|key| self.expr(at, key));
                    return None;
                }
                Hop::Group { groups, part } => {
                    let part = graph.get_rel(*groups).parts()?.get(*part)?;
                    part.keys.iter().copied().chain(part.among).for_each(|key| self.expr(at, key));
                    return None;
                }
            }
        }
        Some(at)
    }

    /// What decides which rows of `set` belong to the record.
    fn owner(&mut self, rel: RelId, set: SetId) {
        match self.graph.get_set(set) {
            RowSet::Back(link) => {
                let Some(link) = self.catalog.links.get(link.index()) else { return };
                let (from, to) = link.valid.unwrap_or((None, None));
                link.keys.iter().map(|(_, other)| *other).chain(from).chain(to).for_each(|key| self.expr(rel, key));
            }
            RowSet::Matching { own, .. } if own.of == rel => {
                own.keys.iter().copied().chain(own.among).for_each(|key| self.expr(rel, key));
            }
            RowSet::Members { .. } | RowSet::Matching { .. } => {}
        }
    }
}
