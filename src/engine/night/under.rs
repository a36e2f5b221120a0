//! Under which values of a cut's columns units stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::exec::Env;
use crate::plan::{Rel, RelId};
use crate::table::{self, Table};

/// Numbers of the cut's values under which units of `rel` stand.
pub fn stand_under(env: Env<'_>, tables: &[Arc<Table>], rel: RelId, rows: &[u32], cut: &BTreeMap<usize, usize>) -> FxHashSet<u64> {
    match env.graph.get_rel(rel) {
        Rel::Table(t) => match cut.get(t) {
            Some(&c) => table::numbers(&tables[*t], &env.catalog.tables[*t].columns[c].name, rows.iter().copied()),
            None => FxHashSet::default(),
        },
        Rel::Rows { of, .. } => {
            let base = env.nodes.frame(rel).and_then(|f| f.base());
            let rows: Vec<u32> = rows.iter().map(|&row| base.map_or(row, |base| base[row as usize])).collect();
            stand_under(env, tables, *of, &rows, cut)
        }
        other => {
            let Some(frame) = env.nodes.frame(rel) else { return FxHashSet::default() };
            let mut out = FxHashSet::default();
            let mut start = 0u32;
            for (part, firsts) in other.parts().unwrap_or_default().iter().zip(frame.firsts()) {
                let end = start + firsts.len() as u32;
                let members: Vec<u32> = rows.iter().filter(|r| (start..end).contains(r)).map(|r| firsts[(r - start) as usize]).collect();
                out.extend(stand_under(env, tables, part.of, &members, cut));
                start = end;
            }
            out
        }
    }
}
