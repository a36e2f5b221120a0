//! Which nodes a set of expressions needs, in which order they are built, and when they can be freed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::nodes::{Frame, Nodes, Shared};
use super::profile::{NodeProfile, Timer};
use super::{Env, Texts, build};
use crate::diagnostic::Diagnostics;
use crate::plan::{Catalog, Expr, ExprId, Graph, Hop, LinkId, NeighbourId, Rel, RelId, RowRef, RowSet, SetId, TestId};
use crate::project::{Parameter, Regions};
use crate::table::Table;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Node {
    Frame(RelId),
    Link(LinkId),
    Neighbour(NeighbourId),
    Set(SetId),
    /// Position in `Schedule::shared`.
    Shared(usize),
    Test(TestId),
}

/// What must be there before expressions can be evaluated: a node can be built when all nodes of lower levels are.
#[derive(Debug, Default, Clone)]
pub struct Schedule {
    /// By level.
    needs: BTreeSet<(u32, Node)>,
    shared: Vec<(Shared, ExprId)>,
    users: FxHashMap<Node, usize>,
}

/// Walks expressions and gathers the nodes they need. Adds to the graph only aggregates asked from their own owner.
struct Walk<'g> {
    graph: &'g mut Graph,
    catalog: &'g Catalog,
    /// By expression, and whether it stands inside an aggregate.
    exprs: FxHashMap<(ExprId, bool), u32>,
    inside: bool,
    levels: FxHashMap<Node, u32>,
    shared_ids: FxHashMap<Shared, usize>,
    schedule: Schedule,
}

impl Schedule {
    /// The schedule of expressions that are evaluated on rows of `rels`.
    pub fn new(graph: &mut Graph, catalog: &Catalog, rels: &[RelId], exprs: &[ExprId], sets: &[SetId]) -> Schedule {
        let mut walk = Walk {
            graph,
            catalog,
            exprs: FxHashMap::default(),
            inside: false,
            levels: FxHashMap::default(),
            shared_ids: FxHashMap::default(),
            schedule: Schedule::default(),
        };
        for &rel in rels {
            walk.rel(rel);
        }
        for &set in sets {
            walk.set(set);
        }
        for &expr in exprs {
            walk.expr(expr);
        }
        walk.schedule
    }
    fn has(&self, node: &Node, shared: &[(Shared, ExprId)]) -> bool {
        match node {
            Node::Shared(at) => self.shared.contains(&shared[*at]),
            other => self.needs.iter().any(|(_, n)| n == other),
        }
    }
}

impl Walk<'_> {
    fn node(&mut self, node: Node, level: impl FnOnce(&mut Self) -> u32) -> u32 {
        *self.schedule.users.entry(node).or_default() += 1;
        if let Some(&level) = self.levels.get(&node) {
            return level;
        }
        // A definition that reaches itself would be built without its own part; the catalog refuses such.
        self.levels.insert(node, 0);
        let level = level(self) + 1;
        self.levels.insert(node, level);
        self.schedule.needs.insert((level, node));
        level
    }
    fn all(&mut self, exprs: impl IntoIterator<Item = ExprId>) -> u32 {
        exprs.into_iter().map(|e| self.expr(e)).max().unwrap_or(0)
    }
    fn rel(&mut self, rel: RelId) -> u32 {
        match self.graph.get_rel(rel).clone() {
            Rel::Table(_) => 0,
            Rel::Groups { parts } | Rel::Linked { parts, .. } => self.node(Node::Frame(rel), |w| {
                parts.iter().map(|p| w.rel(p.of).max(w.all(p.keys.iter().copied().chain(p.among)))).max().unwrap_or(0)
            }),
            Rel::Rows { of, filter, each } => self.node(Node::Frame(rel), |w| {
                let ends = each.iter().flat_map(|e| [e.first, e.last]).collect::<Vec<_>>();
                w.rel(of).max(w.all(filter.into_iter().chain(ends)))
            }),
        }
    }
    fn link(&mut self, link: LinkId) -> u32 {
        self.node(Node::Link(link), |w| {
            let def = w.catalog.links[link.index()].clone();
            let (source, target) = (w.catalog.tables[def.source].rel, w.catalog.tables[def.target].rel);
            let valid = def.valid.map_or([None, None], |(a, b)| [a, b]);
            let exprs: Vec<ExprId> = def.keys.iter().flat_map(|&(a, b)| [a, b]).collect();
            let more = def.at.into_iter().chain(valid.into_iter().flatten()).chain(def.pick.map(|p| p.by));
            w.rel(source).max(w.rel(target)).max(w.all(exprs)).max(w.all(more))
        })
    }
    fn hops(&mut self, row: &RowRef) -> u32 {
        row.hops
            .iter()
            .map(|&hop| match hop {
                Hop::Link(link) => self.link(link),
                Hop::Neighbour(id) => self.node(Node::Neighbour(id), |w| {
                    let n = w.graph.get_neighbour(id).clone();
                    w.rel(n.of).max(w.all(n.keys.iter().copied().chain([n.order]).chain(n.among)))
                }),
                Hop::Group { groups, .. } => self.rel(groups),
                Hop::Base => 0,
            })
            .max()
            .unwrap_or(0)
    }
    fn set(&mut self, set: SetId) -> u32 {
        self.node(Node::Set(set), |w| match w.graph.get_set(set).clone() {
            RowSet::Back(link) => w.link(link),
            RowSet::Members { groups, .. } => w.rel(groups),
            RowSet::Matching { own, other } => {
                let exprs = own.keys.iter().chain(&other.keys).copied().chain(own.among).chain(other.among);
                w.rel(own.of).max(w.rel(other.of)).max(w.all(exprs.collect::<Vec<_>>()))
            }
        })
    }
    /// A test looks at every row of its relation, and at every member of each.
    fn test(&mut self, id: TestId) -> u32 {
        self.node(Node::Test(id), |w| {
            let test = w.graph.get_test(id).clone();
            let around = std::mem::replace(&mut w.inside, false);
            let mut level = w.rel(test.of).max(w.all(test.values));
            if let Some(members) = test.members {
                w.inside = true;
                level = level.max(w.set(members.set)).max(w.all(members.values.into_iter().chain(members.filter)));
            }
            w.inside = around;
            level
        })
    }
    fn expr(&mut self, id: ExprId) -> u32 {
        if let Some(&level) = self.exprs.get(&(id, self.inside)) {
            return level;
        }
        let level = match self.graph.get(id).clone() {
            Expr::Literal(_) => 0,
            Expr::Column { row, .. } | Expr::RowNumber { row } => self.hops(&row),
            Expr::Tested { row, test, .. } => self.hops(&row).max(self.test(test)),
            Expr::Has { row } => {
                let coverage = match row.hops.last() {
                    Some(Hop::Link(link)) => {
                        let source = &self.catalog.tables[self.catalog.links[link.index()].source];
                        let exprs: Vec<ExprId> = source.date.into_iter().chain(source.region).collect();
                        self.all(exprs)
                    }
                    _ => 0,
                };
                self.hops(&row).max(coverage)
            }
            Expr::Unary { arg, .. } | Expr::Cast { arg, .. } => self.expr(arg),
            Expr::Binary { left, right, .. } => self.expr(left).max(self.expr(right)),
            Expr::Call { args, .. } => self.all(args),
            Expr::Case { whens, otherwise } => {
                let exprs: Vec<ExprId> = whens.iter().flat_map(|&(a, b)| [a, b]).chain(otherwise).collect();
                self.all(exprs)
            }
            Expr::Parameter { args, at, place, .. } => self.all(args.into_iter().chain(at).chain(place).collect::<Vec<_>>()),
            Expr::Aggregate { owner, set, inner, function, distinct, arg, filter } => {
                let around = std::mem::replace(&mut self.inside, true);
                let inside = self.set(set).max(self.all(arg.into_iter().chain(filter)));
                self.inside = around;
                let outside = self.hops(&owner);
                // Rows inside an aggregate ask of one owner many times, and owners that are matched by a key may share their members.
                let shares = !owner.hops.is_empty() || around || matches!(self.graph.get_set(set), RowSet::Matching { .. });
                if shares && !correlated(self.graph, arg, filter, inner) {
                    let shared = Shared { set, function, distinct, arg, filter };
                    self.share(shared, id, inside).max(outside)
                } else {
                    inside.max(outside)
                }
            }
        };
        self.exprs.insert((id, self.inside), level);
        level
    }
    /// An aggregate that many rows ask of one owner is computed once per owner.
    fn share(&mut self, shared: Shared, id: ExprId, inside: u32) -> u32 {
        let at = match self.shared_ids.get(&shared) {
            Some(&at) => at,
            None => {
                let ty = self.graph.type_of(id);
                let Shared { set, function, distinct, arg, filter } = shared.clone();
                let own = Expr::Aggregate { owner: RowRef::slot(0), set, inner: 1, function, distinct, arg, filter };
                let own = self.graph.expr(own, ty);
                self.schedule.shared.push((shared.clone(), own));
                self.shared_ids.insert(shared, self.schedule.shared.len() - 1);
                self.schedule.shared.len() - 1
            }
        };
        self.node(Node::Shared(at), |_| inside)
    }
}

/// Whether an aggregate's argument or filter reads rows outside the member's own.
fn correlated(graph: &Graph, arg: Option<ExprId>, filter: Option<ExprId>, inner: u8) -> bool {
    arg.into_iter().chain(filter).map(|e| graph.reads(e)).fold(0, |a, b| a | b) & ((1u32 << inner) - 1) != 0
}

/// Executes schedules: holds the nodes that are built.
pub struct Exec<'e> {
    pub catalog: &'e Catalog,
    pub graph: &'e Graph,
    pub tables: &'e [Arc<Table>],
    positions: Vec<Vec<Option<usize>>>,
    parameters: Vec<Option<&'e Parameter>>,
    regions: &'e Regions,
    texts: Texts,
    nodes: Nodes,
    memory: Option<u64>,
    pub profile: Vec<NodeProfile>,
}

impl<'e> Exec<'e> {
    pub fn new(
        catalog: &'e Catalog,
        graph: &'e Graph,
        tables: &'e [Arc<Table>],
        parameters: &'e crate::project::Parameters,
        regions: &'e Regions,
    ) -> Self {
        let positions =
            catalog.tables.iter().zip(tables).map(|(def, table)| def.columns.iter().map(|c| table.position(&c.name)).collect()).collect();
        let parameters = catalog.parameters.iter().map(|def| parameters.get(&def.name)).collect();
        let (texts, nodes) = (Texts::default(), Nodes::default());
        Exec { catalog, graph, tables, positions, parameters, regions, texts, nodes, memory: None, profile: vec![] }
    }
    /// Nodes whose size is known before they are built fail when one would take more.
    #[must_use]
    pub fn within(self, memory: Option<u64>) -> Self {
        Exec { memory, ..self }
    }
    pub fn env(&self) -> Env<'_> {
        Env {
            catalog: self.catalog,
            graph: self.graph,
            tables: self.tables,
            positions: &self.positions,
            parameters: &self.parameters,
            regions: self.regions,
            nodes: &self.nodes,
            texts: &self.texts,
            memory: self.memory,
        }
    }

    /// Builds what `schedule` needs and is not there yet.
    pub fn prepare(&mut self, schedule: &Schedule) {
        let mut by_set: BTreeMap<(u32, SetId), Vec<(Shared, ExprId)>> = BTreeMap::new();
        for &(level, node) in &schedule.needs {
            if let Node::Shared(at) = node {
                let (shared, id) = &schedule.shared[at];
                if !self.nodes.shared.contains_key(shared) {
                    by_set.entry((level, shared.set)).or_default().push((shared.clone(), *id));
                }
            }
        }
        let top = schedule.needs.last().map_or(0, |(level, _)| *level);
        for level in 1..=top {
            for &(_, node) in schedule.needs.range((level, Node::Frame(RelId(0)))..(level + 1, Node::Frame(RelId(0)))) {
                let users = schedule.users.get(&node).copied().unwrap_or(0);
                self.build(node, users);
            }
            let of_level: Vec<_> = by_set.range((level, SetId(0))..(level + 1, SetId(0))).map(|((_, set), w)| (*set, w.clone())).collect();
            for (set, wanted) in of_level {
                let start = Timer::start();
                let env = self.env();
                let owners = env.nodes.rows(&env, env.owner_rel(set));
                let members = env.nodes.rows(&env, env.member_rel(set));
                let columns = build::shared(env, set, &wanted);
                let name = format!("aggregates of {}", self.set_name(set));
                self.note(name, members, owners, 9 * owners * columns.len(), start, wanted.len());
                for ((shared, _), column) in wanted.into_iter().zip(columns) {
                    self.nodes.shared.insert(shared, column);
                }
            }
        }
    }

    fn build(&mut self, node: Node, users: usize) {
        let start = Timer::start();
        let env = self.env();
        match node {
            Node::Frame(rel) if !self.nodes.frames.contains_key(&rel) => {
                if let Some(frame) = build::frame(env, rel) {
                    let rows_in = match self.graph.get_rel(rel) {
                        Rel::Groups { parts } | Rel::Linked { parts, .. } => parts.iter().map(|p| env.nodes.rows(&env, p.of)).sum(),
                        Rel::Rows { of, .. } => env.nodes.rows(&env, *of),
                        Rel::Table(_) => 0,
                    };
                    self.note(format!("{}{}", self.rel_name(rel), frame.way()), rows_in, frame.rows, frame.bytes() as usize, start, users);
                    self.nodes.frames.insert(rel, frame);
                }
            }
            Node::Link(link) if !self.nodes.links.contains_key(&link) => {
                let index = build::link(env, link);
                let def = &self.catalog.links[link.index()];
                let name = format!("link {}.{}", self.catalog.tables[def.source].name, def.name);
                self.note(name, index.len(), index.len(), 4 * index.len(), start, users);
                self.nodes.links.insert(link, index);
            }
            Node::Neighbour(id) if !self.nodes.neighbours.contains_key(&id) => {
                let neighbour = self.graph.get_neighbour(id);
                let index = build::neighbour(env, neighbour);
                let name = format!("row before in {}", self.rel_name(neighbour.of));
                self.note(name, index.len(), index.len(), 4 * index.len(), start, users);
                self.nodes.neighbours.insert(id, index);
            }
            Node::Set(id) if !self.nodes.sets.contains_key(&id) => {
                let rows_in = env.nodes.rows(&env, env.member_rel(id));
                let rows_out = env.nodes.rows(&env, env.owner_rel(id));
                let set = build::set(env, id);
                self.note(self.set_name(id), rows_in, rows_out, set.bytes() as usize, start, users);
                self.nodes.sets.insert(id, set);
            }
            Node::Test(id) if !self.nodes.tests.contains_key(&id) => {
                let test = self.graph.get_test(id);
                let rows_in = test.members.as_ref().map_or(0, |m| env.nodes.rows(&env, env.member_rel(m.set)));
                let rows_out = env.nodes.rows(&env, test.of);
                let tested = super::tested::tested(env, test);
                let name = format!("{} test of {}", test.by.name(), self.rel_name(test.of));
                self.note(name, rows_in, rows_out, 9 * rows_out * tested.columns.len() + 8 * tested.leads.len(), start, users);
                self.nodes.tests.insert(id, tested);
            }
            _ => {}
        }
    }

    fn note(&mut self, name: String, rows_in: usize, rows_out: usize, bytes: usize, start: Timer, users: usize) {
        self.profile.push(start.note(name, rows_in, rows_out, bytes, users));
    }

    /// Why nodes that `schedule` needs could not be made.
    pub fn failed(&self, schedule: &Schedule) -> Diagnostics {
        let mut out = Diagnostics::default();
        for (_, node) in &schedule.needs {
            if let Node::Frame(rel) = node
                && let Some(problems) = self.nodes.frame(*rel).and_then(Frame::failed)
            {
                out.extend(problems.clone());
            }
        }
        out
    }

    /// Drops nodes that none of the schedules to come needs.
    pub fn free(&mut self, to_come: &[&Schedule]) {
        let wanted = |node: Node| to_come.iter().any(|s| s.has(&node, &s.shared));
        self.nodes.frames.retain(|rel, _| wanted(Node::Frame(*rel)));
        self.nodes.links.retain(|link, _| wanted(Node::Link(*link)));
        self.nodes.neighbours.retain(|id, _| wanted(Node::Neighbour(*id)));
        self.nodes.sets.retain(|id, _| wanted(Node::Set(*id)));
        self.nodes.tests.retain(|id, _| wanted(Node::Test(*id)));
        self.nodes.shared.retain(|shared, _| to_come.iter().any(|s| s.shared.iter().any(|(kept, _)| kept == shared)));
    }

    /// Memory that building `schedule` will take at most, by node, largest first.
    pub fn estimate(&self, schedule: &Schedule) -> Vec<(String, u64)> {
        let rows = |rel: RelId| self.rows_at_most(rel) as u64;
        let env = self.env();
        let mut out: Vec<(String, u64)> = schedule
            .needs
            .iter()
            .map(|&(_, node)| match node {
                Node::Frame(rel) => (self.rel_name(rel), 12 * rows(rel)),
                Node::Link(link) => {
                    let def = &self.catalog.links[link.index()];
                    let (source, target) = (&self.catalog.tables[def.source], &self.catalog.tables[def.target]);
                    (format!("link {}.{}", source.name, def.name), 4 * rows(source.rel) + 20 * (rows(source.rel) + rows(target.rel)))
                }
                Node::Neighbour(id) => {
                    let of = self.graph.get_neighbour(id).of;
                    (format!("row before in {}", self.rel_name(of)), 4 * rows(of) + 28 * rows(of))
                }
                Node::Set(id) => (self.set_name(id), 8 * rows(env.member_rel(id)) + 8 * rows(env.owner_rel(id))),
                Node::Shared(at) => {
                    let set = schedule.shared[at].0.set;
                    (format!("aggregates of {}", self.set_name(set)), 9 * rows(env.owner_rel(set)))
                }
                Node::Test(id) => {
                    let test = self.graph.get_test(id);
                    let members = test.members.as_ref().map_or(0, |m| (4 + 8 * m.values.len() as u64) * rows(env.member_rel(m.set)));
                    let columns = test.values.len() + test.by.columns().len();
                    (format!("{} test of {}", test.by.name(), self.rel_name(test.of)), members + 9 * columns as u64 * rows(test.of))
                }
            })
            .collect();
        out.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        out
    }

    fn rows_at_most(&self, rel: RelId) -> usize {
        match self.graph.get_rel(rel) {
            Rel::Table(table) => self.tables.get(*table).map_or(0, |t| t.rows),
            Rel::Groups { parts } | Rel::Linked { parts, .. } => parts.iter().map(|p| self.rows_at_most(p.of)).sum(),
            Rel::Rows { of, .. } => self.rows_at_most(*of),
        }
    }

    pub fn rel_name(&self, rel: RelId) -> String {
        if let Some((_, table)) = self.catalog.table_of(rel) {
            return table.name.clone();
        }
        match self.graph.get_rel(rel) {
            Rel::Table(table) => self.catalog.tables.get(*table).map_or_else(String::new, |t| t.name.clone()),
            Rel::Groups { parts } => {
                let of: Vec<String> = parts.iter().map(|p| self.rel_name(p.of)).collect();
                format!("groups of {}", of.join(" and "))
            }
            Rel::Linked { parts, .. } => {
                let of: Vec<String> = parts.iter().map(|p| self.rel_name(p.of)).collect();
                format!("groups of {}", of.join(" and "))
            }
            Rel::Rows { of, each, .. } => format!("{} of {}", if each.is_some() { "periods" } else { "rows" }, self.rel_name(*of)),
        }
    }

    fn set_name(&self, set: SetId) -> String {
        let env = self.env();
        format!("{} by {}", self.rel_name(env.member_rel(set)), self.rel_name(env.owner_rel(set)))
    }
}
