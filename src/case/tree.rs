//! Walks over the region tree.

use crate::project::{Level, Region, Regions};

/// Steps bound the walk where a tree that was put together by hand has a cycle.
const STEPS: usize = 16;

pub trait Tree {
    fn get(&self, code: i64) -> Option<&Region>;
    fn current(&self, code: i64) -> i64;
    fn at_level(&self, code: i64, level: Level) -> Option<i64>;
}

impl Tree for Regions {
    fn get(&self, code: i64) -> Option<&Region> {
        self.by_code.get(&code).and_then(|&i| self.all.get(i as usize))
    }
    fn current(&self, code: i64) -> i64 {
        (0..STEPS).fold(code, |code, _| Tree::get(self, code).and_then(|r| r.successor).unwrap_or(code))
    }
    fn at_level(&self, code: i64, level: Level) -> Option<i64> {
        let mut at = Tree::get(self, code)?;
        for _ in 0..STEPS {
            if at.level == level {
                return Some(at.code);
            }
            at = Tree::get(self, at.parent?)?;
        }
        None
    }
}
