//! Groups that no equal key makes: rows that lie close, read almost alike, stand in one window, or are tied through what they share.
//!
//! Pure, on slices: no tables, no rules. Rows come with the number of their block (equal keys), and no method ties rows of two blocks, but for
//! [`components`], which has none. What a method gives depends on the rows alone, not on their order or on the number of threads: a group goes by
//! the smallest number among its rows.

mod components;
mod near;
mod similar;
mod union;
mod window;

#[cfg(test)]
mod tests;

use rayon::prelude::*;

pub use components::{Components, Ring, components};
pub use near::{Near, near};
pub use similar::{Similar, similar};
pub use window::{Window, window};

/// A row that a method puts into a group.
pub trait Item: Send + Sync {
    /// Rows of different blocks are never one group.
    fn block(&self) -> u32;
}

/// Runs `within` on the items of each block, which stand side by side. What it gives is put end to end.
fn by_block<T: Item, R: Send>(items: &[T], within: impl Fn(&[T]) -> Vec<R> + Send + Sync) -> Vec<R> {
    items.par_chunk_by(|a, b| a.block() == b.block()).map(within).collect::<Vec<Vec<R>>>().into_iter().flatten().collect()
}
