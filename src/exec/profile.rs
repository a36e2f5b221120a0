//! What each node cost.

use std::time::{Duration, Instant};

use cpu_time::ProcessTime;

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
