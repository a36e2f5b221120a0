//! What is counted while expressions are evaluated, and what each node cost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::plan::ExprId;

/// Counts per expression, over all rows it was evaluated for.
#[derive(Debug, Default)]
pub struct Counters {
    gaps: Vec<AtomicU64>,
    lost: Vec<AtomicU64>,
}

impl Counters {
    pub fn new(exprs: usize) -> Self {
        let zeros = || (0..exprs).map(|_| AtomicU64::new(0)).collect();
        Counters { gaps: zeros(), lost: zeros() }
    }
    /// Rows for which no value of a parameter was in force.
    pub fn gap(&self, id: ExprId, rows: u64) {
        add(&self.gaps, id, rows);
    }
    /// Rows without a value because of division by zero or overflow.
    pub fn lost(&self, id: ExprId, rows: u64) {
        add(&self.lost, id, rows);
    }
    pub fn gaps_of(&self, id: ExprId) -> u64 {
        self.gaps.get(id.index()).map_or(0, |n| n.load(Ordering::Relaxed))
    }
    pub fn lost_of(&self, id: ExprId) -> u64 {
        self.lost.get(id.index()).map_or(0, |n| n.load(Ordering::Relaxed))
    }
}

fn add(counts: &[AtomicU64], id: ExprId, rows: u64) {
    if rows > 0
        && let Some(count) = counts.get(id.index())
    {
        count.fetch_add(rows, Ordering::Relaxed);
    }
}

/// One node of the physical graph as it ran.
#[derive(Debug, Clone)]
pub struct NodeProfile {
    pub name: String,
    pub rows_in: u64,
    pub rows_out: u64,
    /// Memory the node holds when done.
    pub bytes: u64,
    pub wall: Duration,
    /// Expressions or rules that use it.
    pub users: usize,
}
