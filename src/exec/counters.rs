//! What is counted while expressions are evaluated, and what each node cost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

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
    /// Of all threads.
    pub cpu: Duration,
    /// Expressions or rules that use it.
    pub users: usize,
}

/// Wall and CPU time from its start on.
#[derive(Debug, Clone, Copy)]
pub struct Timer {
    wall: Instant,
    cpu: ProcessTime,
}

impl Timer {
    pub fn start() -> Timer {
        Timer { wall: Instant::now(), cpu: ProcessTime::now() }
    }
    /// What a node named so cost since.
    pub fn note(&self, name: String, rows_in: usize, rows_out: usize, bytes: usize, users: usize) -> NodeProfile {
        let (wall, cpu) = (self.wall.elapsed(), self.cpu.elapsed());
        tracing::debug!(node = name, rows = rows_out, ms = wall.as_millis(), cpu_ms = cpu.as_millis(), "done");
        NodeProfile { name, rows_in: rows_in as u64, rows_out: rows_out as u64, bytes: bytes as u64, wall, cpu, users }
    }
}
