//! Moving expressions between frames, finding the relation a row belongs to, walking all that an expression needs.

use hashbrown::{HashMap, HashSet};

use super::{Catalog, Each, Expr, ExprId, Graph, Hop, LinkId, NeighbourId, Rel, RelId, RowRef, RowSet, SetId, TestId};

type Map<K, V> = HashMap<K, V, rustc_hash::FxBuildHasher>;
type Set<K> = HashSet<K, rustc_hash::FxBuildHasher>;

/// Stands in a frame for a slot that is not read.
pub const UNREAD: RelId = RelId(u32::MAX);

impl Graph {
    /// `expr` with the row of slot `from` replaced by `to`: hops that started at slot `from` start where `to` ends.
    /// Owners of aggregates move along; their member rows keep apart from the new slots.
    pub fn rebase(&mut self, expr: ExprId, from: u8, to: &RowRef) -> ExprId {
        self.map_rows(expr, &|row| {
            if row.slot != from {
                return row.clone();
            }
            RowRef { slot: to.slot, hops: to.hops.iter().chain(&row.hops).copied().collect() }
        })
    }
    /// Several slots at once, `to[s]` for slot s: for an expression over a pair that moves to other slots. Slots past the end stay.
    pub fn rebase_all(&mut self, expr: ExprId, to: &[RowRef]) -> ExprId {
        self.map_rows(expr, &|row| match to.get(usize::from(row.slot)) {
            Some(to) => RowRef { slot: to.slot, hops: to.hops.iter().chain(&row.hops).copied().collect() },
            None => row.clone(),
        })
    }
    /// `expr` with every row that starts like `from` (slot and first hops) starting like `to` instead.
    pub fn rebase_prefix(&mut self, expr: ExprId, from: &RowRef, to: &RowRef) -> ExprId {
        self.map_rows(expr, &|row| match row.hops.strip_prefix(from.hops.as_slice()) {
            Some(rest) if row.slot == from.slot => RowRef { slot: to.slot, hops: to.hops.iter().chain(rest).copied().collect() },
            _ => row.clone(),
        })
    }
    /// `expr` over other rows. Slots of member rows are numbered anew, as low as possible, so that equal aggregates stay equal.
    pub fn map_rows(&mut self, expr: ExprId, map: &dyn Fn(&RowRef) -> RowRef) -> ExprId {
        self.map_rows_into(expr, map, &mut Map::default())
    }
    fn map_rows_into(&mut self, id: ExprId, map: &dyn Fn(&RowRef) -> RowRef, done: &mut Map<ExprId, ExprId>) -> ExprId {
        if self.reads(id) == 0 {
            return id;
        }
        if let Some(&found) = done.get(&id) {
            return found;
        }
        let ty = self.type_of(id);
        let new = match self.get(id).clone() {
            Expr::Column { row, column } => Expr::Column { row: map(&row), column },
            Expr::Has { row } => Expr::Has { row: map(&row) },
            Expr::RowNumber { row } => Expr::RowNumber { row: map(&row) },
            Expr::Tested { row, test, column } => Expr::Tested { row: map(&row), test, column },
            Expr::Aggregate { owner, set, inner, function, distinct, arg, filter } => {
                let mut outer = Set::default();
                for part in [arg, filter].into_iter().flatten() {
                    self.outer_rows(part, inner, &mut outer, &mut Set::default());
                }
                let new_inner = outer.iter().map(|row| map(row).slot + 1).max().unwrap_or(1).max(1);
                let member = RowRef::slot(new_inner);
                let inside = |row: &RowRef| {
                    if row.slot == inner { RowRef { slot: member.slot, hops: row.hops.clone() } } else { map(row) }
                };
                let mut inside_done = Map::default();
                let arg = arg.map(|a| self.map_rows_into(a, &inside, &mut inside_done));
                let filter = filter.map(|f| self.map_rows_into(f, &inside, &mut inside_done));
                Expr::Aggregate { owner: map(&owner), set, inner: new_inner, function, distinct, arg, filter }
            }
            other => {
                let args: Vec<ExprId> = other.args().into_iter().map(|a| self.map_rows_into(a, map, done)).collect();
                other.with_args(&args)
            }
        };
        let new = self.expr(new, ty);
        done.insert(id, new);
        new
    }
    /// Rows of slots below `inner` that an aggregate's part reads.
    fn outer_rows(&self, id: ExprId, inner: u8, rows: &mut Set<RowRef>, seen: &mut Set<(ExprId, u8)>) {
        if self.reads(id) & below(inner) == 0 || !seen.insert((id, inner)) {
            return;
        }
        let expr = self.get(id);
        rows.extend(expr.own_row().filter(|r| r.slot < inner).cloned());
        for arg in expr.args() {
            self.outer_rows(arg, inner, rows, seen);
        }
        if let Expr::Aggregate { inner: nested, arg, filter, .. } = expr {
            for part in [*arg, *filter].into_iter().flatten() {
                self.outer_rows(part, inner.min(*nested), rows, seen);
            }
        }
    }
    /// Bits of the slots below `inner` that an aggregate's parts read.
    pub(crate) fn outer_reads(&self, inner: u8, arg: Option<ExprId>, filter: Option<ExprId>) -> u32 {
        [arg, filter].into_iter().flatten().map(|e| self.reads(e)).fold(0, |a, b| a | b) & below(inner)
    }

    /// The relation of the row that `row` reaches, when slot s of the frame has relation `slots[s]`.
    pub fn rel_of(&self, catalog: &Catalog, row: &RowRef, slots: &[RelId]) -> Option<RelId> {
        let start = *slots.get(usize::from(row.slot))?;
        row.hops.iter().try_fold(start, |rel, hop| self.hop(catalog, rel, *hop))
    }
    /// The relation that `hop` leads to from a row of `rel`.
    pub fn hop(&self, catalog: &Catalog, rel: RelId, hop: Hop) -> Option<RelId> {
        match hop {
            Hop::Link(link) => Some(catalog.tables.get(catalog.links.get(link.index())?.target)?.rel),
            Hop::Neighbour(neighbour) => Some(self.get_neighbour(neighbour).of),
            Hop::Group { groups, .. } => Some(groups),
            Hop::Base if rel == UNREAD => None,
            Hop::Base => match self.get_rel(rel) {
                Rel::Rows { of, .. } => Some(*of),
                Rel::Table(_) | Rel::Groups { .. } | Rel::Linked { .. } => None,
            },
        }
    }
    /// The relation of the member rows of `set`.
    pub fn members_of(&self, catalog: &Catalog, set: SetId) -> Option<RelId> {
        match self.get_set(set) {
            RowSet::Back(link) => Some(catalog.tables.get(catalog.links.get(link.index())?.source)?.rel),
            RowSet::Members { groups, part } => Some(self.get_rel(*groups).parts()?.get(*part)?.of),
            RowSet::Matching { other, .. } => Some(other.of),
        }
    }
    /// Frame of `arg` and `filter` of an aggregate that stands in frame `slots`: the slots below `inner` that they read, then the members' relation.
    /// Slots that are not read are [`UNREAD`], so that equal aggregates have one frame wherever they stand.
    pub fn aggregate_frame(
        &self,
        catalog: &Catalog,
        slots: &[RelId],
        set: SetId,
        inner: u8,
        arg: Option<ExprId>,
        filter: Option<ExprId>,
    ) -> Vec<RelId> {
        let outer = self.outer_reads(inner, arg, filter);
        let mut frame: Vec<RelId> =
            (0..inner).map(|s| if outer >> s & 1 == 1 { slots.get(usize::from(s)).copied().unwrap_or(UNREAD) } else { UNREAD }).collect();
        frame.push(self.members_of(catalog, set).unwrap_or(UNREAD));
        frame
    }
}

/// Bits of the slots below `slot`.
fn below(slot: u8) -> u32 {
    (1u32 << u32::from(slot).min(31)) - 1
}

/// Something that an expression needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node<'a> {
    /// An expression and the relations of its frame (slots it does not read may be [`UNREAD`]).
    Expr(&'a [RelId], ExprId),
    Rel(RelId),
    Set(SetId),
    Neighbour(NeighbourId),
    /// The link and the relation of its source.
    Link(LinkId),
    Test(TestId),
}

/// Visits everything that expressions, relations and sets need, each once, what is needed before what needs it.
pub struct Walker<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    exprs: Set<(Vec<RelId>, ExprId)>,
    rels: Set<RelId>,
    sets: Set<SetId>,
    neighbours: Set<NeighbourId>,
    links: Set<LinkId>,
    tests: Set<TestId>,
}

impl<'a> Walker<'a> {
    pub fn new(catalog: &'a Catalog, graph: &'a Graph) -> Self {
        Walker {
            catalog,
            graph,
            exprs: Set::default(),
            rels: Set::default(),
            sets: Set::default(),
            neighbours: Set::default(),
            links: Set::default(),
            tests: Set::default(),
        }
    }
    pub fn expr(&mut self, frame: &[RelId], id: ExprId, visit: &mut dyn FnMut(Node<'_>)) {
        let reads = self.graph.reads(id);
        let frame: Vec<RelId> =
            frame.iter().enumerate().map(|(s, rel)| if s < 32 && reads >> s & 1 == 1 { *rel } else { UNREAD }).collect();
        self.expr_in(&frame, id, visit);
    }
    fn expr_in(&mut self, frame: &[RelId], id: ExprId, visit: &mut dyn FnMut(Node<'_>)) {
        let graph = self.graph;
        if !self.exprs.insert((frame.to_vec(), id)) {
            return;
        }
        let expr = graph.get(id);
        for arg in expr.args() {
            self.expr(frame, arg, visit);
        }
        if let Some(row) = expr.own_row() {
            self.row(frame, row, visit);
        }
        if let Expr::Aggregate { set, inner, arg, filter, .. } = expr {
            self.set(*set, visit);
            let inside = graph.aggregate_frame(self.catalog, frame, *set, *inner, *arg, *filter);
            for part in [*arg, *filter].into_iter().flatten() {
                self.expr(&inside, part, visit);
            }
        }
        if let Expr::Tested { test, .. } = expr {
            self.test(*test, visit);
        }
        visit(Node::Expr(frame, id));
    }
    /// The relation `row` starts at and all it passes.
    pub fn row(&mut self, frame: &[RelId], row: &RowRef, visit: &mut dyn FnMut(Node<'_>)) {
        let Some(mut rel) = frame.get(usize::from(row.slot)).copied().filter(|r| *r != UNREAD) else { return };
        self.rel(rel, visit);
        for hop in &row.hops {
            match *hop {
                Hop::Link(link) => self.link(link, visit),
                Hop::Neighbour(neighbour) => self.neighbour(neighbour, visit),
                Hop::Group { groups, .. } => self.rel(groups, visit),
                Hop::Base => {}
            }
            match self.graph.hop(self.catalog, rel, *hop) {
                Some(next) => rel = next,
                None => return,
            }
            self.rel(rel, visit);
        }
    }
    pub fn rel(&mut self, id: RelId, visit: &mut dyn FnMut(Node<'_>)) {
        if id == UNREAD || !self.rels.insert(id) {
            return;
        }
        match self.graph.get_rel(id) {
            Rel::Table(_) => {}
            Rel::Groups { parts } | Rel::Linked { parts, .. } => {
                for part in parts {
                    self.part(part.of, part.keys.iter().copied().chain(part.among), visit);
                }
            }
            Rel::Rows { of, filter, each } => {
                let bounds = each.iter().flat_map(|Each { first, last, .. }| [*first, *last]);
                self.part(*of, filter.iter().copied().chain(bounds), visit);
            }
        }
        visit(Node::Rel(id));
    }
    fn part(&mut self, of: RelId, exprs: impl Iterator<Item = ExprId>, visit: &mut dyn FnMut(Node<'_>)) {
        self.rel(of, visit);
        for expr in exprs {
            self.expr(&[of], expr, visit);
        }
    }
    pub fn set(&mut self, id: SetId, visit: &mut dyn FnMut(Node<'_>)) {
        if !self.sets.insert(id) {
            return;
        }
        match self.graph.get_set(id) {
            RowSet::Back(link) => self.link(*link, visit),
            RowSet::Members { groups, .. } => self.rel(*groups, visit),
            RowSet::Matching { own, other } => {
                for part in [own, other] {
                    self.part(part.of, part.keys.iter().copied().chain(part.among), visit);
                }
            }
        }
        visit(Node::Set(id));
    }
    pub fn neighbour(&mut self, id: NeighbourId, visit: &mut dyn FnMut(Node<'_>)) {
        if !self.neighbours.insert(id) {
            return;
        }
        let n = self.graph.get_neighbour(id);
        self.part(n.of, n.keys.iter().copied().chain([n.order]).chain(n.among), visit);
        visit(Node::Neighbour(id));
    }
    pub fn test(&mut self, id: TestId, visit: &mut dyn FnMut(Node<'_>)) {
        if !self.tests.insert(id) {
            return;
        }
        let test = self.graph.get_test(id);
        self.part(test.of, test.values.iter().copied(), visit);
        if let Some(members) = &test.members {
            self.set(members.set, visit);
            let of = self.graph.members_of(self.catalog, members.set).unwrap_or(UNREAD);
            self.part(of, members.values.iter().copied().chain(members.filter), visit);
        }
        visit(Node::Test(id));
    }
    pub fn link(&mut self, id: LinkId, visit: &mut dyn FnMut(Node<'_>)) {
        if !self.links.insert(id) {
            return;
        }
        let catalog = self.catalog;
        let Some(link) = catalog.links.get(id.index()) else { return };
        let (Some(source), Some(target)) = (catalog.tables.get(link.source), catalog.tables.get(link.target)) else { return };
        let (from, to) = link.valid.unwrap_or((None, None));
        let own = link.keys.iter().map(|(own, _)| *own).chain(link.at);
        let other = link.keys.iter().map(|(_, other)| *other).chain(from).chain(to).chain(link.pick.as_ref().map(|p| p.by));
        self.part(source.rel, own, visit);
        self.part(target.rel, other, visit);
        visit(Node::Link(id));
    }
}
