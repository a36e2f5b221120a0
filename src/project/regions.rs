//! The region tree: 12-digit codes, names, parents, successors. Roll-ups follow its pointers, never a code's prefix.

use rustc_hash::FxHashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Province = 1,
    Prefecture = 2,
    County = 3,
    Town = 4,
    Village = 5,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    pub code: i64,
    pub name: String,
    pub level: Level,
    pub parent: Option<i64>,
    pub valid_from: Option<i32>,
    pub valid_to: Option<i32>,
    /// The code that took its place.
    pub successor: Option<i64>,
}

/// All regions, ascending by code; `by_code` gives the position.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    pub all: Vec<Region>,
    pub by_code: FxHashMap<i64, u32>,
}
