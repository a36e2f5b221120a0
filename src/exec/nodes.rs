//! Realised nodes of the graph: relations, hop indexes, row sets, shared aggregates.

use rustc_hash::FxHashMap;

use super::Env;
use super::set::SetIndex;
use super::tested::Tested;
use super::vector::Vector;
use crate::diagnostic::Diagnostics;
use crate::plan::{AggregateFunction, ExprId, LinkId, NeighbourId, Rel, RelId, SetId, TestId};

/// Rows of a relation that is not a table.
#[derive(Debug)]
pub struct Frame {
    pub rows: usize,
    pub kind: FrameKind,
}

#[derive(Debug)]
pub enum FrameKind {
    Groups {
        /// Per part, per row of its relation: the group, or a sentinel.
        group_of: Vec<Vec<u32>>,
        /// Per part: the first row of each group that first appears there. Groups are numbered part after part; the values of their keys are
        /// read from these rows when asked for.
        firsts: Vec<Vec<u32>>,
        /// How groups were found.
        way: &'static str,
    },
    /// What a method found: groups that no key makes.
    Linked {
        /// Per part, per row of its relation: the group, or a sentinel.
        group_of: Vec<Vec<u32>>,
        /// As for `Groups`.
        firsts: Vec<Vec<u32>>,
        /// One row per group.
        columns: Vec<Vector<'static>>,
        /// The method, for the profile.
        way: &'static str,
        /// Why nothing could be found: rules that look at these groups are not judged.
        failed: Option<Diagnostics>,
    },
    Rows {
        /// Ordinals in the base relation; `None`: all, in order.
        base: Option<Vec<u32>>,
        /// The period of `each`.
        period: Option<Vector<'static>>,
    },
}

impl Frame {
    pub fn group_of(&self, part: usize) -> Option<&[u32]> {
        match &self.kind {
            FrameKind::Groups { group_of, .. } | FrameKind::Linked { group_of, .. } => group_of.get(part).map(Vec::as_slice),
            FrameKind::Rows { .. } => None,
        }
    }
    /// Per part of groups: the first row of each group that first appears there.
    pub fn firsts(&self) -> &[Vec<u32>] {
        match &self.kind {
            FrameKind::Groups { firsts, .. } | FrameKind::Linked { firsts, .. } => firsts,
            FrameKind::Rows { .. } => &[],
        }
    }
    pub fn base(&self) -> Option<&[u32]> {
        match &self.kind {
            FrameKind::Rows { base, .. } => base.as_deref(),
            FrameKind::Groups { .. } | FrameKind::Linked { .. } => None,
        }
    }
    /// How groups were found, for the profile.
    pub fn way(&self) -> String {
        match &self.kind {
            FrameKind::Groups { way, .. } | FrameKind::Linked { way, .. } => format!(" ({way})"),
            FrameKind::Rows { .. } => String::new(),
        }
    }
    /// Why the frame could not be made.
    pub fn failed(&self) -> Option<&Diagnostics> {
        match &self.kind {
            FrameKind::Linked { failed, .. } => failed.as_ref(),
            FrameKind::Groups { .. } | FrameKind::Rows { .. } => None,
        }
    }
    pub fn bytes(&self) -> u64 {
        let ids = match &self.kind {
            FrameKind::Groups { group_of, firsts, .. } => group_of.iter().chain(firsts).map(Vec::len).sum::<usize>(),
            FrameKind::Linked { group_of, firsts, columns, .. } => {
                group_of.iter().chain(firsts).map(Vec::len).sum::<usize>() + 2 * columns.len() * self.rows
            }
            FrameKind::Rows { base, period } => base.as_ref().map_or(0, Vec::len) + if period.is_some() { 2 * self.rows } else { 0 },
        };
        4 * ids as u64
    }
}

/// An uncorrelated aggregate, whatever row it is asked from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shared {
    pub set: SetId,
    pub function: AggregateFunction,
    pub distinct: bool,
    pub arg: Option<ExprId>,
    pub filter: Option<ExprId>,
}

#[derive(Debug, Default)]
pub struct Nodes {
    pub(super) frames: FxHashMap<RelId, Frame>,
    pub(super) links: FxHashMap<LinkId, Vec<u32>>,
    pub(super) neighbours: FxHashMap<NeighbourId, Vec<u32>>,
    pub(super) sets: FxHashMap<SetId, SetIndex>,
    pub(super) shared: FxHashMap<Shared, Vector<'static>>,
    pub(super) tests: FxHashMap<TestId, Tested>,
}

impl Nodes {
    pub fn frame(&self, rel: RelId) -> Option<&Frame> {
        self.frames.get(&rel)
    }
    pub fn link(&self, link: LinkId) -> Option<&[u32]> {
        self.links.get(&link).map(Vec::as_slice)
    }
    pub fn neighbour(&self, neighbour: NeighbourId) -> Option<&[u32]> {
        self.neighbours.get(&neighbour).map(Vec::as_slice)
    }
    pub fn set(&self, set: SetId) -> Option<&SetIndex> {
        self.sets.get(&set)
    }
    pub fn shared(&self, shared: &Shared) -> Option<&Vector<'static>> {
        self.shared.get(shared)
    }
    pub fn test(&self, test: TestId) -> Option<&Tested> {
        self.tests.get(&test)
    }
    /// Number of rows of `rel`.
    pub fn rows(&self, env: &Env<'_>, rel: RelId) -> usize {
        match env.graph.get_rel(rel) {
            Rel::Table(table) => env.tables.get(*table).map_or(0, |t| t.rows),
            _ => self.frames.get(&rel).map_or(0, |f| f.rows),
        }
    }
}
