//! What a rule's outcome follows from, besides the rows: a hash of all it evaluates, whatever numbers the nodes have in this run's graph.

use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::needs::roots;
use super::{Options, Prepared};
use crate::diagnostic::{Diagnostics, SourceText};
use crate::plan::{ExprId, Graph, NeighbourId, RelId, SetId, TestId};
use crate::project::Project;
use crate::rule::Rule;

/// A node that stands in the text of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Expr(ExprId),
    Rel(RelId),
    Set(SetId),
    Neighbour(NeighbourId),
    Test(TestId),
    Link(u32),
    Parameter(u32),
}

/// Names that numbers of nodes have in the text of a node.
const NAMES: [&str; 8] = ["ExprId", "RelId", "SetId", "NeighbourId", "TestId", "LinkId", "ParameterId", "ListTag"];

pub struct Structures<'p> {
    project: &'p Project,
    prepared: &'p Prepared,
    known: FxHashMap<Part, blake3::Hash>,
}

impl<'p> Structures<'p> {
    pub fn new(project: &'p Project, prepared: &'p Prepared) -> Self {
        Structures { project, prepared, known: FxHashMap::default() }
    }

    /// What every rule follows from: the program, the project file, the regions, the secret that names findings, how much evidence is listed.
    pub fn base(project: &Project, options: &Options<'_>) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&options.secret);
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.update(project.text.text.as_bytes());
        hasher.update(format!("{:?} {}", project.regions.all, options.evidence_rows).as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    /// Of one rule: what it evaluates and says, the policy it looks up.
    pub fn rule(&mut self, position: usize, rule: &Rule) -> String {
        // The text itself is no part of it: comments change nothing.
        let nothing = Arc::new(SourceText { name: String::new(), text: String::new() });
        let rule = Rule { file: nothing, path: PathBuf::new(), warnings: Diagnostics::default(), ..rule.clone() };
        let (within, dropped) = (self.prepared.within[position], &self.prepared.without_dropped[position]);
        let text = format!("{rule:?} {within:?} {dropped:?} {:?}", roots(self.prepared, position, &rule));
        self.hash(&text).to_hex().to_string()
    }

    /// Of the count of a table's records by region.
    pub fn counted(&mut self, table: usize) -> String {
        let def = &self.prepared.catalog.tables[table];
        self.hash(&format!("{:?} {:?}", def.rel, def.region)).to_hex().to_string()
    }

    /// Hash of a text in which nodes are replaced by their own hashes.
    fn hash(&mut self, text: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        let mut rest = text;
        let mut from = 0;
        while let Some(at) = rest[from..].find('(').map(|at| from + at) {
            let Some(name) = NAMES.iter().find(|name| rest[..at].ends_with(**name)) else {
                from = at + 1;
                continue;
            };
            let after = &rest[at + 1..];
            let end = after.find(')').unwrap_or(after.len());
            hasher.update(&rest.as_bytes()[..at - name.len()]);
            match after[..end].parse::<u32>() {
                Ok(number) => {
                    let part = match *name {
                        "ExprId" => Part::Expr(ExprId(number)),
                        "RelId" => Part::Rel(RelId(number)),
                        "SetId" => Part::Set(SetId(number)),
                        "NeighbourId" => Part::Neighbour(NeighbourId(number)),
                        "TestId" => Part::Test(TestId(number)),
                        "LinkId" => Part::Link(number),
                        _ => Part::Parameter(number),
                    };
                    hasher.update(self.part(part).as_bytes());
                }
                // A text of the rule that happens to read like one.
                Err(_) => {
                    hasher.update(&after.as_bytes()[..end]);
                }
            }
            rest = &after[end..];
            from = 0;
        }
        hasher.update(rest.as_bytes());
        hasher.finalize()
    }

    fn part(&mut self, part: Part) -> blake3::Hash {
        if let Some(known) = self.known.get(&part) {
            return *known;
        }
        let graph: &Graph = &self.prepared.graph;
        let catalog = &self.prepared.catalog;
        let text = match part {
            Part::Expr(id) if id.index() < graph.expr_count() => format!("{:?} {:?}", graph.get(id), graph.type_of(id)),
            Part::Rel(id) if id.index() < graph.rel_count() => format!("{:?}", graph.get_rel(id)),
            Part::Set(id) if id.index() < graph.set_count() => format!("{:?}", graph.get_set(id)),
            Part::Neighbour(id) if id.index() < graph.neighbour_count() => format!("{:?}", graph.get_neighbour(id)),
            Part::Test(id) if id.index() < graph.test_count() => format!("{:?}", graph.get_test(id)),
            Part::Link(i) => catalog
                .links
                .get(i as usize)
                .map_or_else(String::new, |l| format!("{} {} {:?} {:?} {:?} {:?}", l.source, l.target, l.keys, l.at, l.valid, l.pick)),
            Part::Parameter(i) => {
                let name = catalog.parameters.get(i as usize).map_or("", |p| p.name.as_str());
                format!("{:?}", self.project.parameters.get(name))
            }
            // A text of the rule that happens to read like a node that is not there.
            other => format!("{other:?}").replace('(', "["),
        };
        let hash = self.hash(&text);
        self.known.insert(part, hash);
        hash
    }
}
