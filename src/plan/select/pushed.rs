//! What a statement asks of the loader: columns, and tests that rows must pass to matter.

use super::super::{BinaryOp, Catalog, Expr, ExprId, Graph, Hop, Node, Rel, RelId, RowRef, UNREAD, Walker};
use crate::schema::Value;
use crate::table::Needs;

/// A stored column against a constant: rows for which it is not true cannot reach the answer. Values are of the column's own type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnTest {
    pub table: String,
    pub column: String,
    /// `Equal`, `Less`, `LessEqual`, `Greater` or `GreaterEqual`; the column stands on the left.
    pub op: BinaryOp,
    /// One of these; several only with `Equal` (a list of `in`).
    pub values: Vec<Value>,
}

/// Columns to load. Place and date of a table are read only where something asks whether a register covers them.
pub(super) fn needs(catalog: &mut Catalog, graph: &Graph, roots: &[(Vec<RelId>, ExprId)], base: usize) -> Needs {
    let asks = {
        let mut walker = Walker::new(catalog, graph);
        let mut found = false;
        for (frame, root) in roots {
            walker.expr(frame, *root, &mut |node| found |= matches!(node, Node::Expr(_, id) if matches!(graph.get(id), Expr::Has { .. })));
        }
        found
    };
    let governed: Vec<_> = catalog.tables.iter().map(|t| (t.region, t.date)).collect();
    if !asks {
        catalog.tables.iter_mut().for_each(|t| (t.region, t.date) = (None, None));
    }
    let mut needs = super::super::needs(catalog, graph, roots, &[], &[]);
    for (table, (region, date)) in catalog.tables.iter_mut().zip(governed) {
        (table.region, table.date) = (region, date);
    }
    // Derived tables have no files; what they share a dictionary with does.
    let stored = |name: &str| catalog.tables[..base].iter().any(|t| t.name == name && !name.contains('.') && t.view_of.is_none());
    needs.columns.retain(|name, _| stored(name));
    for group in &mut needs.domains {
        group.retain(|(table, _)| stored(table));
    }
    needs.domains.retain(|group| group.len() > 1);
    needs
}

/// Tests of tables that are read once, by this `from` and by no link or view.
pub(super) fn tests(catalog: &Catalog, graph: &Graph, uses: &[(usize, Vec<ExprId>)], roots: &[(Vec<RelId>, ExprId)]) -> Vec<ColumnTest> {
    let mut reached: Vec<RelId> = vec![];
    let mut walker = Walker::new(catalog, graph);
    for (frame, root) in roots {
        walker.expr(frame, *root, &mut |node| match node {
            Node::Link(link) => reached.extend(
                catalog.links.get(link.index()).into_iter().flat_map(|l| [catalog.tables[l.source].rel, catalog.tables[l.target].rel]),
            ),
            Node::Expr(frame, id) => reached.extend(
                graph
                    .get(id)
                    .own_row()
                    .filter(|row| row.hops.iter().any(|h| *h != Hop::Base))
                    .and_then(|row| frame.get(usize::from(row.slot))),
            ),
            _ => {}
        });
        for rel in frame.iter().filter(|r| **r != UNREAD) {
            if let Rel::Rows { of, .. } = graph.get_rel(*rel) {
                reached.push(*of);
            }
        }
    }
    let mut tests = vec![];
    for (table, filters) in uses {
        let Some(def) = catalog.tables.get(*table).filter(|t| matches!(graph.get_rel(t.rel), Rel::Table(_))) else { continue };
        if uses.iter().filter(|(t, _)| t == table).count() > 1 || reached.contains(&def.rel) {
            continue;
        }
        tests.extend(filters.iter().filter_map(|&id| {
            let (column, op, values) = simple(graph, id)?;
            let column = def.columns.get(column).filter(|c| c.semantic.is_some())?;
            Some(ColumnTest { table: def.name.clone(), column: column.name.clone(), op, values })
        }));
    }
    tests
}

/// A column of the row itself against literals.
fn simple(graph: &Graph, id: ExprId) -> Option<(usize, BinaryOp, Vec<Value>)> {
    let Expr::Binary { op, left, right } = graph.get(id) else { return None };
    let column = |id: &ExprId| match graph.get(*id) {
        Expr::Column { row: RowRef { hops, .. }, column } if hops.is_empty() => Some(*column),
        _ => None,
    };
    if *op == BinaryOp::Or {
        let (a, first, mut values) = simple(graph, *left)?;
        let (b, second, more) = simple(graph, *right)?;
        values.extend(more);
        return (a == b && first == BinaryOp::Equal && second == BinaryOp::Equal).then_some((a, first, values));
    }
    let turned = match op {
        BinaryOp::Equal => BinaryOp::Equal,
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        _ => return None,
    };
    let literal = |id: &ExprId| graph.literal_of(*id).filter(|v| **v != Value::Null).cloned();
    match (column(left), column(right)) {
        (Some(c), None) => Some((c, *op, vec![literal(right)?])),
        (None, Some(c)) => Some((c, turned, vec![literal(left)?])),
        _ => None,
    }
}
