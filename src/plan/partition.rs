//! How a rule can be judged part by part where its tables do not fit into memory: by which column each table is cut, so that all rows that
//! belong together stand in one part; small tables are taken whole into every part.

use std::collections::{BTreeMap, BTreeSet};

use super::{BinaryOp, Catalog, Expr, ExprId, Graph, Hop, KeyPart, Node, Rel, RelId, RowSet, SetId, Walker};

/// The column by which each table is cut (positions in the catalog); tables that are needed whole in each part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Partition {
    pub cut: BTreeMap<usize, usize>,
    pub whole: BTreeSet<usize>,
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
        both.whole.iter().all(|t| !both.cut.contains_key(t)).then_some(both)
    }
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
    /// Something looks at all rows of a table together.
    undivided: bool,
}

/// The ways to cut; none when rows that belong together cannot be kept together. `small`: tables that may be needed whole.
pub fn partitions(catalog: &Catalog, graph: &Graph, asked: &Asked<'_>, small: &dyn Fn(usize) -> bool) -> Vec<Partition> {
    let mut gather = Gather { catalog, graph, ties: vec![], tables: BTreeSet::new(), undivided: false };
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
        loop {
            let cut = self.spread(&seed, &held);
            let broken = self.ties.iter().find(|tie| !holds(tie, &cut));
            let Some(broken) = broken else {
                let whole: BTreeSet<usize> = self.tables.iter().copied().filter(|t| !cut.contains_key(t)).collect();
                return whole.iter().all(|&t| small(t)).then_some(Partition { cut, whole });
            };
            // A small table that does not fit in is taken whole.
            let sides: Vec<&Side> = match broken {
                Tie::Together(side) => vec![side],
                Tie::Finds(a, b) => vec![b, a],
            };
            let other =
                sides.into_iter().flatten().map(|(t, _)| *t).find(|t| cut.contains_key(t) && !units.contains(t) && *t != usize::MAX)?;
            if !small(other) || !held.insert(other) {
                return None;
            }
        }
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

fn holds(tie: &Tie, cut: &BTreeMap<usize, usize>) -> bool {
    let whole = |side: &Side| side.iter().all(|(table, _)| *table != usize::MAX && !cut.contains_key(table));
    let together = |sides: &[&Side]| {
        let all: Vec<_> = sides.iter().copied().flatten().collect();
        let width = all.iter().map(|(_, keys)| keys.len()).min().unwrap_or(0);
        (0..width).any(|k| all.iter().all(|(table, keys)| keys[k].is_some() && keys[k] == cut.get(table).copied()))
    };
    match tie {
        Tie::Together(side) => whole(side) || together(&[side]),
        Tie::Finds(from, to) => whole(to) || together(&[from, to]),
    }
}
