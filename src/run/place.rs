//! The region tree as plain data.

use serde::{Deserialize, Serialize};

use crate::project::{Level, Region, Regions};

/// A region of the tree that a run used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub code: i64,
    pub name: String,
    /// 1 province, 2 prefecture, 3 county, 4 town, 5 village.
    pub level: u8,
    pub parent: Option<i64>,
    pub valid_from: Option<i32>,
    pub valid_to: Option<i32>,
    pub successor: Option<i64>,
}

/// The region table as plain data, ascending by code.
pub fn places(regions: &Regions) -> Vec<Place> {
    regions
        .all
        .iter()
        .map(|r| Place {
            code: r.code,
            name: r.name.clone(),
            level: r.level as u8,
            parent: r.parent,
            valid_from: r.valid_from,
            valid_to: r.valid_to,
            successor: r.successor,
        })
        .collect()
}

/// The region tree of `places`; a level out of range counts as a village.
pub fn regions(places: &[Place]) -> Regions {
    let all: Vec<Region> = places
        .iter()
        .map(|p| Region {
            code: p.code,
            name: p.name.clone(),
            level: match p.level {
                1 => Level::Province,
                2 => Level::Prefecture,
                3 => Level::County,
                4 => Level::Town,
                _ => Level::Village,
            },
            parent: p.parent,
            valid_from: p.valid_from,
            valid_to: p.valid_to,
            successor: p.successor,
        })
        .collect();
    Regions::new(all)
}
