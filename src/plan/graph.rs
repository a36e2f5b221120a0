//! The hash-consed graph of expressions, relations, row sets and neighbours of all rules.

use hashbrown::HashMap;

use super::{Expr, Grouping, Keyed};
use crate::schema::Type;
use crate::stats::Kernel;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// An expression of the graph.
    ExprId,
    /// A relation of the graph.
    RelId,
    /// A set of member rows per owner row.
    SetId,
    /// A neighbouring row of the same relation.
    NeighbourId,
    /// A statistical test over all rows of a relation at once.
    TestId,
    /// A link of the catalog (position in `Catalog::links`).
    LinkId,
    /// A parameter of the catalog (position in `Catalog::parameters`).
    ParameterId,
    /// A list parameter of the catalog (position in `Catalog::parameters`).
    ListTag,
}

/// A row reached from the row at hand: `slot` 0 is the unit's row, 1 the member or other row of a pair, 2.. deeper ones;
/// `hops` are taken in order, each to exactly one row or none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RowRef {
    pub slot: u8,
    pub hops: Vec<Hop>,
}

impl RowRef {
    pub fn slot(slot: u8) -> Self {
        RowRef { slot, hops: vec![] }
    }
    #[must_use]
    pub fn then(&self, hop: Hop) -> Self {
        let mut hops = self.hops.clone();
        hops.push(hop);
        RowRef { slot: self.slot, hops }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hop {
    /// Along a declared link, many to one.
    Link(LinkId),
    /// To a neighbour in the same relation.
    Neighbour(NeighbourId),
    /// From a row of part `part` of a `Rel::Groups` to its group.
    Group { groups: RelId, part: usize },
    /// From a row of a `Rel::Rows` to the row of the relation it was taken from.
    Base,
}

/// A relation: rows that expressions are evaluated on. A row is one ordinal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Rel {
    /// A table of the catalog (position in `Catalog::tables`; never a view).
    Table(usize),
    /// One row per distinct key over all parts. A row with a missing key belongs to no group. Parts' keys have the same types.
    /// Rows ascend by first member (part 0 first), which the tables' order makes independent of file order.
    Groups { parts: Vec<KeyPart> },
    /// One row per group that a method finds in the rows of all parts, as linkage finds persons; a row that nothing is tied to is a group alone. Rows
    /// ascend by first member. `keys` of the parts are what the method looks at; parts have the same types. Columns are those of the method, then the keys.
    Linked { parts: Vec<KeyPart>, by: Grouping },
    /// Rows of `of` for which `filter` is true, in order; with `each`, one row per (row, period).
    /// Its columns are expressions on `of`, written out where they are used, so none are stored, except that column 0 is the period of `each`.
    Rows { of: RelId, filter: Option<ExprId>, each: Option<Each> },
}

impl Rel {
    /// The parts of groups, whatever makes them.
    pub fn parts(&self) -> Option<&[KeyPart]> {
        match self {
            Rel::Groups { parts } | Rel::Linked { parts, .. } => Some(parts),
            Rel::Table(_) | Rel::Rows { .. } => None,
        }
    }
    /// The keys of groups, and where a group has them.
    pub fn keyed(&self) -> Option<Keyed<'_>> {
        match self {
            Rel::Groups { parts } => Some(Keyed { parts, first: 0, equal: parts.first().map_or(0, |p| p.keys.len()) }),
            Rel::Linked { parts, by } => Some(Keyed { parts, first: by.columns().len(), equal: by.equal() }),
            Rel::Table(_) | Rel::Rows { .. } => None,
        }
    }
}

/// Rows of `of` (where `among` is true) with their key expressions, all in the frame of `of` (slot 0).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPart {
    pub of: RelId,
    pub keys: Vec<ExprId>,
    pub among: Option<ExprId>,
}

/// One row per month or year (`step`) from `first` to `last`, closed, of each base row; frame of the base.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Each {
    pub step: Step,
    pub first: ExprId,
    pub last: ExprId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// `first` and `last` are dates; the period is a `Month`.
    Months,
    /// `first` and `last` are ints; the period is an int.
    Years,
    /// `first` and `last` are dates; the period is a date.
    Days,
}

/// For each owner row, its member rows in ascending order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RowSet {
    /// Members: rows of the link's source table; owner: the row of its target they point to.
    Back(LinkId),
    /// Members: rows of part `part`; owner: their group.
    Members { groups: RelId, part: usize },
    /// Members: rows of `other.of` whose keys equal those of the owner row; owners are rows of `own.of`. Either side may be a view or table.
    Matching { own: KeyPart, other: KeyPart },
}

/// The row of the same relation with the same `keys` that comes before by `order` (Int, Date or Month; all in frame slot 0 of `of`), among the rows where `among` is true.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Neighbour {
    pub of: RelId,
    pub keys: Vec<ExprId>,
    pub order: ExprId,
    pub among: Option<ExprId>,
    /// `Some(n)`: exactly n before (`prior`, n = 1); several such rows: not assessable. `None`: the row just before, ties by row number.
    pub exactly: Option<i64>,
}

/// A test of all rows of `of` at once (mostly groups): its columns, read by [`Expr::Tested`], depend on every row, as the false-discovery rate of a
/// family does. Equal tests are one node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Test {
    pub of: RelId,
    /// What the kernel is told of each row, in the order it asks for; frame of `of` (slot 0).
    pub values: Vec<ExprId>,
    pub members: Option<TestMembers>,
    pub by: Kernel,
}

/// Rows that belong to each row of a test, and what the kernel is told of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TestMembers {
    /// Owners are the test's rows.
    pub set: SetId,
    /// Frame of the member (slot 0), like `filter`: where it is not true the member takes no part.
    pub values: Vec<ExprId>,
    pub filter: Option<ExprId>,
}

#[derive(Debug, Clone)]
struct Node {
    expr: Expr,
    ty: Type,
    /// Bit s is set when slot s is read.
    reads: u32,
    /// Longest way down to a leaf.
    depth: u32,
}

/// All nodes, each once.
#[derive(Debug, Default, Clone)]
pub struct Graph {
    exprs: Vec<Node>,
    rels: Vec<Rel>,
    sets: Vec<RowSet>,
    neighbours: Vec<Neighbour>,
    tests: Vec<Test>,
    expr_ids: HashMap<(Expr, Type), ExprId, rustc_hash::FxBuildHasher>,
    rel_ids: HashMap<Rel, RelId, rustc_hash::FxBuildHasher>,
    set_ids: HashMap<RowSet, SetId, rustc_hash::FxBuildHasher>,
    neighbour_ids: HashMap<Neighbour, NeighbourId, rustc_hash::FxBuildHasher>,
    test_ids: HashMap<Test, TestId, rustc_hash::FxBuildHasher>,
}

/// Slots are few (units, pairs, one per nested aggregate); the parser refuses more than 30.
fn bit(slot: u8) -> u32 {
    1u32 << u32::from(slot).min(31)
}

fn id(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl Graph {
    /// The node of `expr`, made if new. The same `expr` has another type in the frame of another relation, so the type is part of what it is;
    /// one node may serve frames of several relations, hence results are kept per frame.
    pub fn expr(&mut self, expr: Expr, ty: Type) -> ExprId {
        let next = ExprId(id(self.exprs.len()));
        let found = *self.expr_ids.entry((expr.clone(), ty)).or_insert(next);
        if found == next {
            let (mut reads, mut depth) = expr.own_row().map_or((0, 0), |row| (bit(row.slot), 0));
            for arg in expr.args() {
                reads |= self.reads(arg);
                depth = depth.max(self.depth(arg) + 1);
            }
            if let Expr::Aggregate { inner, arg, filter, .. } = &expr {
                for part in [*arg, *filter].into_iter().flatten() {
                    reads |= self.reads(part) & (bit(*inner) - 1);
                    depth = depth.max(self.depth(part) + 1);
                }
            }
            self.exprs.push(Node { expr, ty, reads, depth });
        }
        found
    }
    /// The slots an expression reads: bit s for slot s. Slots of member rows inside its aggregates do not count.
    pub fn reads(&self, id: ExprId) -> u32 {
        self.exprs[id.index()].reads
    }
    /// Levels of the expression under this one.
    pub fn depth(&self, id: ExprId) -> u32 {
        self.exprs[id.index()].depth
    }
    pub fn rel(&mut self, rel: Rel) -> RelId {
        let next = RelId(id(self.rels.len()));
        let found = *self.rel_ids.entry(rel.clone()).or_insert(next);
        if found == next {
            self.rels.push(rel);
        }
        found
    }
    pub fn set(&mut self, set: RowSet) -> SetId {
        let next = SetId(id(self.sets.len()));
        let found = *self.set_ids.entry(set.clone()).or_insert(next);
        if found == next {
            self.sets.push(set);
        }
        found
    }
    pub fn neighbour(&mut self, neighbour: Neighbour) -> NeighbourId {
        let next = NeighbourId(id(self.neighbours.len()));
        let found = *self.neighbour_ids.entry(neighbour.clone()).or_insert(next);
        if found == next {
            self.neighbours.push(neighbour);
        }
        found
    }
    pub fn test(&mut self, test: Test) -> TestId {
        let next = TestId(id(self.tests.len()));
        let found = *self.test_ids.entry(test.clone()).or_insert(next);
        if found == next {
            self.tests.push(test);
        }
        found
    }
    pub fn get(&self, id: ExprId) -> &Expr {
        &self.exprs[id.index()].expr
    }
    pub fn type_of(&self, id: ExprId) -> Type {
        self.exprs[id.index()].ty
    }
    pub fn get_rel(&self, id: RelId) -> &Rel {
        &self.rels[id.index()]
    }
    pub fn get_set(&self, id: SetId) -> &RowSet {
        &self.sets[id.index()]
    }
    pub fn get_neighbour(&self, id: NeighbourId) -> &Neighbour {
        &self.neighbours[id.index()]
    }
    pub fn get_test(&self, id: TestId) -> &Test {
        &self.tests[id.index()]
    }
    /// Whether a node computes a number that may have no result: division by zero, too large a number.
    pub fn is_arithmetic(&self, id: ExprId) -> bool {
        use super::BinaryOp as Op;
        let op = |op: &Op| matches!(op, Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Remainder);
        matches!(self.get(id), Expr::Cast { .. }) || matches!(self.get(id), Expr::Binary { op: o, .. } if op(o))
    }
    pub fn expr_count(&self) -> usize {
        self.exprs.len()
    }
    pub fn rel_count(&self) -> usize {
        self.rels.len()
    }
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }
    pub fn test_count(&self) -> usize {
        self.tests.len()
    }
    pub fn neighbour_count(&self) -> usize {
        self.neighbours.len()
    }
}
