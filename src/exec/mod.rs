//! Runs the graph: builds what several expressions need once (indexes of links and neighbours, groups, row sets, shared aggregates),
//! then evaluates all rules over one relation in one pass of row batches. No rules, no messages.

use std::sync::Arc;

use crate::plan::{Catalog, Graph, Hop, Rel, RelId};
use crate::project::{Parameter, Regions};
use crate::table::{Column, Table};

mod aggregate;
mod batch;
mod build;
mod call;
mod group;
mod grouped;
mod key;
mod linked;
mod nodes;
mod operate;
mod parameter;
mod pass;
mod profile;
mod schedule;
pub mod select;
mod set;
mod tested;
mod texts;
mod vector;

pub use aggregate::Children;
pub use batch::{Batch, Ids, Reached};
pub use key::chunked;
pub use nodes::{Frame, FrameKind, Nodes};
pub use parameter::as_key;
pub use pass::{JobFlag, PairFlag, Pass, REASONS, Tally, UnitJob, UnitResult, judge_unit, pairs_of, run_pass};
pub use profile::{NodeProfile, Timer};
pub use schedule::{Exec, Schedule};
pub use tested::Tested;
pub use texts::Texts;
pub use vector::{Values, Vector};

/// A hop that finds no row.
pub const NONE: u32 = u32::MAX;
/// A hop that finds several rows and has no way to choose, or whose key is unreadable.
pub const MANY: u32 = u32::MAX - 1;
/// A hop whose key is missing.
pub const NOKEY: u32 = u32::MAX - 2;

/// Whether a hop's result is a row at all.
#[inline]
pub fn is_row(id: u32) -> bool {
    id < NOKEY
}

/// Everything an expression's evaluation looks at.
#[derive(Clone, Copy)]
pub struct Env<'e> {
    pub catalog: &'e Catalog,
    pub graph: &'e Graph,
    pub tables: &'e [Arc<Table>],
    /// Per table of the catalog, per declared column: position in the loaded table.
    pub positions: &'e [Vec<Option<usize>>],
    /// By position in `Catalog::parameters`.
    pub parameters: &'e [Option<&'e Parameter>],
    pub regions: &'e Regions,
    pub nodes: &'e Nodes,
    pub texts: &'e Texts,
    /// Bytes that one linkage may take.
    pub memory: Option<u64>,
}

impl<'e> Env<'e> {
    pub fn column(&self, table: usize, column: usize) -> Option<&'e Column> {
        let position = (*self.positions.get(table)?.get(column)?)?;
        self.tables.get(table)?.columns.get(position)
    }
    pub fn parameter(&self, position: usize) -> Option<&'e Parameter> {
        self.parameters.get(position).copied().flatten()
    }
    /// The relation `hop` leads to from `rel`.
    pub fn rel_after(&self, rel: RelId, hop: Hop) -> RelId {
        match hop {
            Hop::Link(link) => self.catalog.tables[self.catalog.links[link.index()].target].rel,
            Hop::Neighbour(_) => rel,
            Hop::Group { groups, .. } => groups,
            Hop::Base => match self.graph.get_rel(rel) {
                Rel::Rows { of, .. } => *of,
                _ => rel,
            },
        }
    }
}
