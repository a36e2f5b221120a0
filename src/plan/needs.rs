//! Which columns a run must load, and which text columns are compared and so share a dictionary.

use std::collections::{BTreeMap, BTreeSet};

use hashbrown::HashMap;

use super::{BinaryOp, Catalog, Expr, ExprId, Function, Graph, Grouping, KeyPart, Node, Rel, RelId, RowSet, SetId, UNREAD, Walker};
use crate::schema::Type;
use crate::table::Needs;

/// A stored column: positions of table and column.
type Stored = (usize, usize);

/// What must be loaded for expressions (each with the relations of its frame, slot by slot), relations and sets: the columns they read, the
/// keys of links and records, the place and date of every relation that stands in a frame, is given in `rels` or is asked about by `has`.
pub fn needs(catalog: &Catalog, graph: &Graph, roots: &[(Vec<RelId>, ExprId)], rels: &[RelId], sets: &[SetId]) -> Needs {
    let (mut gather, mut walker) = gathered(catalog, graph, roots, rels, sets);
    gather.governed.extend(roots.iter().flat_map(|(frame, _)| frame).chain(rels).filter(|r| **r != UNREAD));
    // Place and date may lie behind links, whose tables have places of their own only where a `has` asks: so this comes to an end.
    let mut done = BTreeSet::new();
    while let Some(rel) = gather.governed.iter().copied().find(|r| !done.contains(r)) {
        done.insert(rel);
        let Some((frame, exprs)) = governing(catalog, graph, rel, &mut gather.governed) else { continue };
        for expr in exprs {
            walker.expr(&[frame], expr, &mut |node| gather.node(node));
        }
    }
    gather.finish()
}

/// Columns that expressions, relations and sets read by themselves, by table: without the place and date of rows that nothing asks for.
pub fn reads(
    catalog: &Catalog,
    graph: &Graph,
    roots: &[(Vec<RelId>, ExprId)],
    rels: &[RelId],
    sets: &[SetId],
) -> BTreeMap<String, BTreeSet<String>> {
    gathered(catalog, graph, roots, rels, sets).0.finish().columns
}

fn gathered<'a>(
    catalog: &'a Catalog,
    graph: &'a Graph,
    roots: &[(Vec<RelId>, ExprId)],
    rels: &[RelId],
    sets: &[SetId],
) -> (Gather<'a>, Walker<'a>) {
    let mut gather = Gather {
        catalog,
        graph,
        columns: BTreeMap::new(),
        domains: Domains::default(),
        sources: HashMap::default(),
        governed: BTreeSet::new(),
    };
    let mut walker = Walker::new(catalog, graph);
    let mut visit = |node: Node<'_>| gather.node(node);
    for (frame, root) in roots {
        for rel in frame {
            walker.rel(*rel, &mut visit);
        }
        walker.expr(frame, *root, &mut visit);
    }
    for rel in rels {
        walker.rel(*rel, &mut visit);
    }
    for set in sets {
        walker.set(*set, &mut visit);
    }
    (gather, walker)
}

/// The place and date of a relation's rows. Relations that checks make take those of the rows they are made of.
fn governing(catalog: &Catalog, graph: &Graph, rel: RelId, more: &mut BTreeSet<RelId>) -> Option<(RelId, Vec<ExprId>)> {
    if let Some((_, table)) = catalog.table_of(rel) {
        return Some((rel, table.region.into_iter().chain(table.date).collect()));
    }
    match graph.get_rel(rel) {
        Rel::Rows { of, .. } => {
            more.insert(*of);
        }
        Rel::Groups { parts } | Rel::Linked { parts, .. } => more.extend(parts.iter().map(|p| p.of)),
        Rel::Table(_) => {}
    }
    None
}

struct Gather<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    columns: BTreeMap<usize, BTreeSet<usize>>,
    domains: Domains,
    /// Stored text columns whose values an expression may give.
    sources: HashMap<(Vec<RelId>, ExprId), Vec<Stored>>,
    governed: BTreeSet<RelId>,
}

impl Gather<'_> {
    fn node(&mut self, node: Node<'_>) {
        let graph = self.graph;
        match node {
            Node::Rel(rel) => match graph.get_rel(rel) {
                Rel::Table(t) => {
                    let key = self.catalog.tables.get(*t).map(|d| d.key.clone()).unwrap_or_default();
                    self.columns.entry(*t).or_default().extend(key);
                }
                // Linkage compares texts by what they mean, not by their codes.
                Rel::Linked { by: Grouping::Linkage(_), .. } | Rel::Rows { .. } => {}
                Rel::Groups { parts } | Rel::Linked { parts, .. } => {
                    let keys = parts.first().map_or(0, |p| p.keys.len());
                    for k in 0..keys {
                        let same: Vec<_> = parts.iter().filter_map(|p| Some((p.of, *p.keys.get(k)?))).collect();
                        self.same(&same);
                    }
                }
            },
            Node::Set(set) => {
                if let RowSet::Matching { own, other } = graph.get_set(set) {
                    self.pairs(own, other);
                }
            }
            Node::Link(link) => {
                let Some(def) = self.catalog.links.get(link.index()) else { return };
                let (Some(source), Some(target)) = (self.catalog.tables.get(def.source), self.catalog.tables.get(def.target)) else {
                    return;
                };
                for (own, other) in &def.keys {
                    self.same(&[(source.rel, *own), (target.rel, *other)]);
                }
            }
            Node::Neighbour(_) | Node::Test(_) => {}
            Node::Expr(frame, id) => self.expr(frame, id),
        }
    }
    fn expr(&mut self, frame: &[RelId], id: ExprId) {
        let graph = self.graph;
        let expr = graph.get(id);
        match expr {
            Expr::Column { .. } => {
                if let Some((table, column)) = self.stored(frame, id) {
                    self.columns.entry(table).or_default().insert(column);
                }
            }
            Expr::Has { row } => {
                let mut from = row.clone();
                from.hops.pop();
                self.governed.extend(graph.rel_of(self.catalog, &from, frame).filter(|r| *r != UNREAD));
            }
            Expr::Binary { op, left, right } => {
                let compares = !matches!(op, BinaryOp::And | BinaryOp::Or);
                if compares && matches!(graph.type_of(*left), Type::Text(_)) {
                    self.same_in(frame, &[*left, *right]);
                }
            }
            Expr::Call { function, args } => {
                let texts = args.first().is_some_and(|a| matches!(graph.type_of(*a), Type::Text(_)));
                if texts && matches!(function, Function::Coalesce | Function::NullIf | Function::Greatest | Function::Least) {
                    self.same_in(frame, args);
                }
            }
            Expr::Case { whens, otherwise } if matches!(graph.type_of(id), Type::Text(_)) => {
                let results: Vec<ExprId> = whens.iter().map(|(_, then)| *then).chain(*otherwise).collect();
                self.same_in(frame, &results);
            }
            _ => {}
        }
    }
    /// The stored column that a column node reads: none for keys of groups and periods of views.
    fn stored(&self, frame: &[RelId], id: ExprId) -> Option<Stored> {
        let Expr::Column { row, column } = self.graph.get(id) else { return None };
        let rel = self.graph.rel_of(self.catalog, row, frame).filter(|r| *r != UNREAD)?;
        match self.graph.get_rel(rel) {
            Rel::Table(t) => Some((*t, *column)),
            Rel::Groups { .. } | Rel::Linked { .. } | Rel::Rows { .. } => None,
        }
    }
    /// Stored text columns whose codes the value of an expression may be.
    fn sources(&mut self, frame: &[RelId], id: ExprId) -> Vec<Stored> {
        let graph = self.graph;
        if !matches!(graph.type_of(id), Type::Text(_)) {
            return vec![];
        }
        let memo = (frame.to_vec(), id);
        if let Some(found) = self.sources.get(&memo) {
            return found.clone();
        }
        let mut found = match graph.get(id) {
            Expr::Column { row, column } => match self.stored(frame, id) {
                Some(stored) => vec![stored],
                None => self.group_key(frame, row, *column),
            },
            Expr::Call { function: Function::Coalesce | Function::Greatest | Function::Least, args } => {
                args.iter().flat_map(|a| self.sources(frame, *a)).collect()
            }
            Expr::Call { function: Function::NullIf, args } => args.first().map(|a| self.sources(frame, *a)).unwrap_or_default(),
            Expr::Case { whens, otherwise } => {
                whens.iter().map(|(_, t)| *t).chain(*otherwise).flat_map(|t| self.sources(frame, t)).collect()
            }
            _ => vec![],
        };
        found.sort_unstable();
        found.dedup();
        self.sources.insert(memo, found.clone());
        found
    }
    /// The key of a group has the dictionary of its parts' columns.
    fn group_key(&mut self, frame: &[RelId], row: &super::RowRef, column: usize) -> Vec<Stored> {
        let graph = self.graph;
        let Some(rel) = graph.rel_of(self.catalog, row, frame).filter(|r| *r != UNREAD) else { return vec![] };
        let Rel::Groups { parts } = graph.get_rel(rel) else { return vec![] };
        parts.iter().filter_map(|p| Some((p.of, *p.keys.get(column)?))).flat_map(|(of, key)| self.sources(&[of], key)).collect()
    }
    fn same_in(&mut self, frame: &[RelId], ids: &[ExprId]) {
        let sources: Vec<Stored> = ids.iter().flat_map(|id| self.sources(frame, *id)).collect();
        self.domains.join(&sources);
    }
    fn same(&mut self, exprs: &[(RelId, ExprId)]) {
        let sources: Vec<Stored> = exprs.iter().flat_map(|(of, id)| self.sources(&[*of], *id)).collect();
        self.domains.join(&sources);
    }
    fn pairs(&mut self, own: &KeyPart, other: &KeyPart) {
        for (a, b) in own.keys.iter().zip(&other.keys) {
            self.same(&[(own.of, *a), (other.of, *b)]);
        }
    }

    fn finish(self) -> Needs {
        let name = |(t, c): Stored| {
            let table = self.catalog.tables.get(t)?;
            Some((table.name.clone(), table.columns.get(c)?.name.clone()))
        };
        let mut needs = Needs::default();
        for (t, columns) in &self.columns {
            let Some(table) = self.catalog.tables.get(*t) else { continue };
            let names = columns.iter().filter_map(|c| name((*t, *c))).map(|(_, column)| column);
            needs.columns.entry(table.name.clone()).or_default().extend(names);
        }
        needs.domains = self.domains.groups().into_iter().map(|group| group.into_iter().filter_map(name).collect()).collect();
        needs
    }
}

/// Disjoint groups of columns.
#[derive(Debug, Default)]
struct Domains {
    parent: BTreeMap<Stored, Stored>,
}

impl Domains {
    fn root(&self, mut at: Stored) -> Stored {
        while let Some(&up) = self.parent.get(&at) {
            if up == at {
                break;
            }
            at = up;
        }
        at
    }
    /// The columns belong together. The smallest speaks for its group.
    fn join(&mut self, columns: &[Stored]) {
        let Some(&first) = columns.first() else { return };
        for &column in columns {
            self.parent.entry(column).or_insert(column);
            let (a, b) = (self.root(first), self.root(column));
            self.parent.insert(a.max(b), a.min(b));
        }
    }
    /// Groups of at least two.
    fn groups(&self) -> Vec<Vec<Stored>> {
        let mut groups: BTreeMap<Stored, Vec<Stored>> = BTreeMap::new();
        for &column in self.parent.keys() {
            groups.entry(self.root(column)).or_default().push(column);
        }
        groups.into_values().filter(|g| g.len() > 1).collect()
    }
}
