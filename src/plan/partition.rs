//! How a rule can be judged part by part where its tables do not fit into memory: by which column each table is cut, so that all rows that
//! belong together stand in one part; small tables are taken whole into every part, and of others the rows that a part asks for by another key.

use std::collections::{BTreeMap, BTreeSet};

use super::{BinaryOp, Catalog, Expr, ExprId, Graph, Hop, KeyPart, Node, Rel, RelId, RowSet, SetId, Walker};
use crate::schema::Type;

/// The column by which each table is cut (positions in the catalog); tables that are needed whole in each part; tables of which a part takes the
/// rows that its other rows ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partition {
    pub cut: BTreeMap<usize, usize>,
    pub whole: BTreeSet<usize>,
    /// A table comes after those that its rows are asked for by.
    pub fetched: Vec<Fetch>,
}

/// Rows of `table` whose columns `by` together hold what the columns `of` hold in some row of `from`. A table may be asked for by several others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    pub table: usize,
    pub by: Vec<usize>,
    pub from: usize,
    pub of: Vec<usize>,
}

impl Partition {
    /// Both at once, where they cut some table alike and do not contradict each other: only then are they cut by values of one kind.
    pub fn with(&self, other: &Partition) -> Option<Partition> {
        self.cut.iter().find(|(table, column)| other.cut.get(table) == Some(column))?;
        let mut both = self.clone();
        for (&table, &column) in &other.cut {
            if *both.cut.entry(table).or_insert(column) != column {
                return None;
            }
        }
        both.whole.extend(&other.whole);
        both.fetched.extend(other.fetched.iter().filter(|f| !self.fetched.contains(f)).cloned());
        let alike = |f: &Fetch| {
            let (own, theirs) = (keys_of(&self.fetched, f.table), keys_of(&other.fetched, f.table));
            own.is_empty() || theirs.is_empty() || own == theirs
        };
        let apart = |t: &usize| !both.cut.contains_key(t) && !both.whole.contains(t);
        let holds = both.whole.iter().all(|t| !both.cut.contains_key(t)) && both.fetched.iter().all(|f| apart(&f.table) && alike(f));
        both.fetched = in_order(std::mem::take(&mut both.fetched)).filter(|_| holds)?;
        Some(both)
    }
}

/// By which keys rows of a table are asked for.
fn keys_of(fetched: &[Fetch], table: usize) -> BTreeSet<&[usize]> {
    fetched.iter().filter(|f| f.table == table).map(|f| f.by.as_slice()).collect()
}

/// What a table is asked for by must be complete before; `None` where tables ask for each other in a circle.
fn in_order(mut open: Vec<Fetch>) -> Option<Vec<Fetch>> {
    let mut out = vec![];
    while !open.is_empty() {
        let (ready, rest): (Vec<Fetch>, Vec<Fetch>) = open.iter().cloned().partition(|f| open.iter().all(|o| o.table != f.from));
        if ready.is_empty() {
            return None;
        }
        out.extend(ready);
        open = rest;
    }
    Some(out)
}

/// What is asked to be judged: expressions with their frames, relations, sets, and the relation of the units.
pub struct Asked<'a> {
    pub roots: &'a [(Vec<RelId>, ExprId)],
    pub rels: &'a [RelId],
    pub sets: &'a [SetId],
    pub unit: RelId,
}

/// Rows of a table, and the stored columns that the parts of a key are (where they are nothing but a column).
type Side = Vec<(usize, Vec<Option<usize>>)>;

enum Tie {
    /// Rows of all sides with one key stand together.
    Together(Side),
    /// Every row of the first side finds its rows of the second.
    Finds(Side, Side),
}

struct Gather<'a> {
    catalog: &'a Catalog,
    graph: &'a Graph,
    ties: Vec<Tie>,
    tables: BTreeSet<usize>,
    /// Registers, whose rows are counted: they cannot be asked for piece by piece.
    counted: BTreeSet<usize>,
    /// Something looks at all rows of a table together.
    undivided: bool,
}

/// The ways to cut; none when rows that belong together cannot be kept together. `small`: tables that may be needed whole.
pub fn partitions(catalog: &Catalog, graph: &Graph, asked: &Asked<'_>, small: &dyn Fn(usize) -> bool) -> Vec<Partition> {
    let mut gather = Gather { catalog, graph, ties: vec![], tables: BTreeSet::new(), counted: BTreeSet::new(), undivided: false };
    gather.counted = asked.sets.iter().filter_map(|set| gather.register(*set)).collect();
    let mut walker = Walker::new(catalog, graph);
    for (frame, root) in asked.roots {
        frame.iter().for_each(|rel| walker.rel(*rel, &mut |node| gather.node(node)));
        walker.expr(frame, *root, &mut |node| gather.node(node));
        gather.undivided |= matches!(graph.get(*root), Expr::RowNumber { .. });
    }
    asked.rels.iter().for_each(|rel| walker.rel(*rel, &mut |node| gather.node(node)));
    asked.sets.iter().for_each(|set| walker.set(*set, &mut |node| gather.node(node)));
    if gather.undivided {
        return vec![];
    }
    let mut found: Vec<Partition> = vec![];
    for seed in gather.seeds(asked.unit) {
        if let Some(partition) = gather.grown(seed, small)
            && !found.contains(&partition)
        {
            found.push(partition);
        }
    }
    found.sort_by_key(|partition| partition.fetched.len());
    found
}

impl Gather<'_> {
    /// Rows of `rel` are these rows of tables; groups are the rows of their parts.
    fn side(&self, rel: RelId, keys: &[ExprId]) -> Side {
        match self.graph.get_rel(rel).keyed() {
            Some(keyed) => keyed
                .parts
                .iter()
                .flat_map(|part| {
                    let keys: Vec<Option<ExprId>> = keys
                        .iter()
                        .map(|&key| match self.graph.get(key) {
                            Expr::Column { row, column } if row.slot == 0 && row.hops.is_empty() => {
                                let position = keyed.position(*column).filter(|&k| k < keyed.equal)?;
                                part.keys.get(position).copied()
                            }
                            _ => None,
                        })
                        .collect();
                    self.side_of(part.of, &keys)
                })
                .collect(),
            None => self.side_of(rel, &keys.iter().map(|k| Some(*k)).collect::<Vec<_>>()),
        }
    }
    fn side_of(&self, rel: RelId, keys: &[Option<ExprId>]) -> Side {
        match self.graph.get_rel(rel) {
            Rel::Groups { .. } | Rel::Linked { .. } => {
                // Groups of groups: only keys that are keys again are followed, the rest belong nowhere.
                let known: Vec<ExprId> = keys.iter().flatten().copied().collect();
                if known.len() == keys.len() { self.side(rel, &known) } else { vec![(usize::MAX, vec![])] }
            }
            _ => match self.table(rel) {
                Some(table) => vec![(table, keys.iter().map(|key| self.stored(table, (*key)?)).collect())],
                None => vec![(usize::MAX, vec![])],
            },
        }
    }
    /// The table whose rows, one or several times, those of `rel` are.
    fn table(&self, mut rel: RelId) -> Option<usize> {
        loop {
            match self.graph.get_rel(rel) {
                Rel::Table(table) => return Some(*table),
                Rel::Rows { of, .. } => rel = *of,
                _ => return None,
            }
        }
    }
    fn stored(&self, table: usize, key: ExprId) -> Option<usize> {
        let Expr::Column { row, column } = self.graph.get(key) else { return None };
        let own = row.slot == 0 && row.hops.iter().all(|hop| matches!(hop, Hop::Base));
        let def = self.catalog.tables.get(table)?.columns.get(*column)?;
        (own && def.is.is_none()).then_some(*column)
    }
    /// Rows that stand in one group, with the keys that are equal in them; `None` when any two rows may.
    fn together(&self, rel: &Rel) -> Option<Side> {
        let keyed = rel.keyed().filter(|keyed| keyed.equal > 0 || matches!(rel, Rel::Groups { .. }))?;
        Some(keyed.parts.iter().flat_map(|part| self.side(part.of, &part.keys[..keyed.equal])).collect())
    }
    fn register(&self, set: SetId) -> Option<usize> {
        let RowSet::Matching { other, .. } = self.graph.get_set(set) else { return None };
        self.table(other.of)
    }
    fn part(&self, part: &KeyPart) -> Side {
        self.side(part.of, &part.keys)
    }

    fn node(&mut self, node: Node<'_>) {
        match node {
            Node::Rel(rel) => match self.graph.get_rel(rel) {
                Rel::Table(table) => {
                    self.tables.insert(*table);
                }
                Rel::Rows { .. } => {}
                rel @ (Rel::Groups { .. } | Rel::Linked { .. }) => match self.together(rel) {
                    Some(sides) => self.ties.push(Tie::Together(sides)),
                    // Linkage weighs every row against all.
                    None => self.undivided = true,
                },
            },
            Node::Set(set) => match self.graph.get_set(set) {
                RowSet::Back(link) => {
                    if let Some((source, target)) = self.link(*link) {
                        self.ties.push(Tie::Finds(target, source));
                    }
                }
                RowSet::Members { .. } => {}
                RowSet::Matching { own, other } => self.ties.push(Tie::Finds(self.part(own), self.part(other))),
            },
            Node::Neighbour(id) => {
                let n = self.graph.get_neighbour(id);
                self.ties.push(Tie::Together(self.side(n.of, &n.keys)));
            }
            // A family is judged as a whole.
            Node::Test(_) => self.undivided = true,
            Node::Link(link) => {
                if let Some((source, target)) = self.link(link) {
                    self.ties.push(Tie::Finds(source, target));
                }
            }
            Node::Expr(_, id) => {
                // Row numbers hold within a part only: enough to tell which of two rows comes first, for nothing else.
                let expr = self.graph.get(id);
                let numbers = expr.args().into_iter().filter(|a| matches!(self.graph.get(*a), Expr::RowNumber { .. })).count();
                let compares = matches!(expr, Expr::Binary { op, .. } if matches!(op, BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual | BinaryOp::Equal | BinaryOp::NotEqual));
                self.undivided |= numbers > 0 && !(compares && numbers == 2);
                if let Expr::Aggregate { arg, filter, .. } = expr {
                    self.undivided |= arg.iter().chain(filter).any(|a| matches!(self.graph.get(*a), Expr::RowNumber { .. }));
                }
            }
        }
    }
    fn link(&self, link: super::LinkId) -> Option<(Side, Side)> {
        let def = self.catalog.links.get(link.index())?;
        let (from, to): (Vec<ExprId>, Vec<ExprId>) = def.keys.iter().copied().unzip();
        Some((self.side(self.catalog.tables[def.source].rel, &from), self.side(self.catalog.tables[def.target].rel, &to)))
    }

    /// First cuts to try: of the tables of the units, by each key they take part in.
    fn seeds(&self, unit: RelId) -> Vec<BTreeMap<usize, usize>> {
        if let Some(sides) = self.together(self.graph.get_rel(unit)) {
            let width = sides.iter().map(|(_, keys)| keys.len()).min().unwrap_or(0);
            let seed = |k: usize| sides.iter().map(|(table, keys)| Some((*table, keys[k]?))).collect::<Option<BTreeMap<_, _>>>();
            return (0..width).filter_map(seed).collect();
        }
        let Some(table) = self.table(unit) else { return vec![] };
        let mut columns: Vec<usize> = vec![];
        for tie in &self.ties {
            let sides: Vec<&Side> = match tie {
                Tie::Together(side) => vec![side],
                Tie::Finds(a, b) => vec![a, b],
            };
            for (_, keys) in sides.into_iter().flatten().filter(|(t, _)| *t == table) {
                columns.extend(keys.iter().flatten());
            }
        }
        // Units that need nobody else may be cut anywhere.
        columns.extend(self.catalog.tables[table].key.iter().copied().filter(|&k| self.catalog.tables[table].columns[k].is.is_none()));
        let mut seen = BTreeSet::new();
        columns.into_iter().filter(|c| seen.insert(*c)).map(|c| BTreeMap::from([(table, c)])).collect()
    }

    fn grown(&self, seed: BTreeMap<usize, usize>, small: &dyn Fn(usize) -> bool) -> Option<Partition> {
        let units: BTreeSet<usize> = seed.keys().copied().collect();
        let mut held: BTreeSet<usize> = BTreeSet::new();
        let mut fetched: Vec<Fetch> = vec![];
        loop {
            let cut = self.spread(&seed, &held);
            let state = State { cut: &cut, fetched: &fetched, small };
            let broken: Vec<&Tie> = self.ties.iter().filter(|tie| !state.holds(tie)).collect();
            if broken.is_empty() {
                let there = fetched.iter().all(|f| state.taken(f.from));
                let whole: BTreeSet<usize> = self.tables.iter().copied().filter(|t| !state.taken(*t)).collect();
                let fetched = in_order(fetched).filter(|_| there && whole.iter().all(|&t| small(t)))?;
                return Some(Partition { cut, whole, fetched });
            }
            // A small table that does not fit in is taken whole.
            let does_not_fit = |t: &usize| *t != usize::MAX && cut.contains_key(t) && !units.contains(t) && small(*t);
            if let Some(other) = broken.iter().flat_map(|tie| tie.tables()).find(does_not_fit) {
                held.insert(other);
                continue;
            }
            // Of a large one the rows that are asked for.
            let asked_for = |tie: &&Tie| self.asked_for(tie, &state, &units).filter(|new| new.iter().any(|f| !fetched.contains(f)));
            let new = broken.iter().find_map(asked_for)?;
            for fetch in new {
                held.insert(fetch.table);
                if !fetched.contains(&fetch) {
                    fetched.push(fetch);
                }
            }
        }
    }
    /// The rows that hold a tie when they are asked for.
    fn asked_for(&self, tie: &Tie, state: &State<'_>, units: &BTreeSet<usize>) -> Option<Vec<Fetch>> {
        let Tie::Finds(from, to) = tie else { return None };
        let [(table, by)] = to.as_slice() else { return None };
        if *table == usize::MAX || units.contains(table) || self.counted.contains(table) {
            return None;
        }
        let by: Vec<usize> = by.iter().copied().collect::<Option<_>>()?;
        // A date of which only the month is known equals a day.
        if by.iter().any(|&c| self.catalog.tables[*table].columns[c].ty == Type::Date) {
            return None;
        }
        // All rows of a whole table would ask for all.
        let fetch = |(from, of): &(usize, Vec<Option<usize>>)| {
            let of: Vec<usize> = of.iter().copied().collect::<Option<_>>()?;
            (state.taken(*from) && from != table).then(|| Fetch { table: *table, by: by.clone(), from: *from, of })
        };
        from.iter().map(fetch).collect()
    }
    /// Tables that stand together with those that are cut are cut alike.
    fn spread(&self, seed: &BTreeMap<usize, usize>, held: &BTreeSet<usize>) -> BTreeMap<usize, usize> {
        let mut cut = seed.clone();
        loop {
            let before = cut.len();
            for tie in &self.ties {
                let all: Vec<&(usize, Vec<Option<usize>>)> = match tie {
                    Tie::Together(side) => side.iter().collect(),
                    Tie::Finds(a, b) => a.iter().chain(b).collect(),
                };
                let width = all.iter().map(|(_, keys)| keys.len()).min().unwrap_or(0);
                let at = (0..width).find(|&k| {
                    let own: Vec<_> = all.iter().filter(|(t, _)| cut.contains_key(t)).collect();
                    !own.is_empty() && own.iter().all(|(t, keys)| keys[k].is_some() && keys[k] == cut.get(t).copied())
                });
                let Some(k) = at else { continue };
                for (table, keys) in all {
                    if let Some(column) = keys[k]
                        && !held.contains(table)
                    {
                        cut.entry(*table).or_insert(column);
                    }
                }
            }
            if cut.len() == before {
                return cut;
            }
        }
    }
}

impl Tie {
    /// The tables that find, after those that are found.
    fn tables(&self) -> impl Iterator<Item = usize> {
        let sides: Vec<&Side> = match self {
            Tie::Together(side) => vec![side],
            Tie::Finds(a, b) => vec![b, a],
        };
        sides.into_iter().flatten().map(|(t, _)| *t)
    }
}

/// How far a partition has come.
struct State<'s> {
    cut: &'s BTreeMap<usize, usize>,
    fetched: &'s [Fetch],
    small: &'s dyn Fn(usize) -> bool,
}

impl State<'_> {
    /// Whether a part holds some rows of the table.
    fn taken(&self, table: usize) -> bool {
        self.cut.contains_key(&table) || self.fetched.iter().any(|f| f.table == table)
    }
    fn whole(&self, side: &Side) -> bool {
        side.iter().all(|(table, _)| *table != usize::MAX && !self.taken(*table) && (self.small)(*table))
    }
    fn together(&self, sides: &[&Side]) -> bool {
        let all: Vec<_> = sides.iter().copied().flatten().collect();
        let width = all.iter().map(|(_, keys)| keys.len()).min().unwrap_or(0);
        (0..width).any(|k| all.iter().all(|(table, keys)| keys[k].is_some() && keys[k] == self.cut.get(table).copied()))
    }
    /// Of all rows of the table with one key a part holds all or none.
    fn closed(&self, table: usize, keys: &[Option<usize>]) -> bool {
        if let Some(column) = self.cut.get(&table) {
            return keys.contains(&Some(*column));
        }
        let asked = keys_of(self.fetched, table);
        asked.len() == 1 && asked.iter().all(|by| by.iter().all(|c| keys.contains(&Some(*c))))
    }
    fn holds(&self, tie: &Tie) -> bool {
        match tie {
            Tie::Together(side) => {
                self.whole(side) || self.together(&[side]) || matches!(side.as_slice(), [(table, keys)] if self.closed(*table, keys))
            }
            Tie::Finds(from, to) => self.whole(to) || self.together(&[from, to]) || self.asked(from, to) || self.asked_back(from, to),
        }
    }
    fn fetches(&self, table: &(usize, Vec<Option<usize>>), from: &(usize, Vec<Option<usize>>)) -> bool {
        let same = |a: &[usize], b: &[Option<usize>]| a.iter().map(|c| Some(*c)).eq(b.iter().copied());
        self.fetched.iter().any(|f| (f.table, f.from) == (table.0, from.0) && same(&f.by, &table.1) && same(&f.of, &from.1))
    }
    /// What is found is asked for.
    fn asked(&self, from: &Side, to: &Side) -> bool {
        matches!(to.as_slice(), [to] if from.iter().all(|from| self.fetches(to, from)))
    }
    /// What finds was itself asked for, by what it finds and by nothing else.
    fn asked_back(&self, from: &Side, to: &Side) -> bool {
        let ([from], [to]) = (from.as_slice(), to.as_slice()) else { return false };
        let alone = self.fetched.iter().filter(|f| f.table == from.0).count() == 1;
        alone && self.fetches(from, to) && self.closed(to.0, &to.1)
    }
}
