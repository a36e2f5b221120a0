//! Records by region: denominators of the roll-up.

use std::collections::BTreeMap;

use crate::exec::Exec;

/// Records of one table in one region (as the records say, before any roll-up).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct RegionCount {
    pub table: String,
    pub region: i64,
    pub records: u64,
}

/// Counts the records of `tables` (positions in the catalog) that have a region. The nodes of their region expressions must be built.
pub fn count(exec: &Exec<'_>, tables: &[usize]) -> Vec<RegionCount> {
    let env = exec.env();
    let mut out = vec![];
    for table in tables.iter().map(|&t| &exec.catalog.tables[t]) {
        let Some(region) = table.region else { continue };
        let parts = crate::exec::chunked(env, table.rel, |_, batch| {
            let vector = batch.eval(region);
            let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
            for i in (0..batch.len).filter(|&i| vector.is_valid(i)) {
                *counts.entry(vector.number(i)).or_default() += 1;
            }
            counts
        });
        let mut total: BTreeMap<i64, u64> = BTreeMap::new();
        for part in parts {
            for (region, n) in part {
                *total.entry(region).or_default() += n;
            }
        }
        out.extend(total.into_iter().map(|(region, records)| RegionCount { table: table.name.clone(), region, records }));
    }
    out
}
