//! The opposite question: one id used by several people.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::linkage::cluster::Union;
use crate::linkage::compare::Comparer;
use crate::linkage::normalise::id::VALID;
use crate::linkage::outcome::{Linkage, SharedId};
use crate::linkage::records::Records;
use crate::linkage::spec::Kind;

/// Ids with more rows than this are placeholders that nobody listed; their people are told apart by name alone.
const MANY: usize = 200;

/// Valid ids on records whose names do not agree and that are not linked, sorted by first row. Empty without an id and a name field.
pub fn shared_ids(records: &Records, linkage: &Linkage) -> Vec<SharedId> {
    let comparer = Comparer::new(&linkage.model.spec, records);
    let find = |kind: Kind| comparer.fields.iter().find(|f| f.slot.kind == kind);
    let Some(slot) = records.slots.iter().find(|s| s.kind == Kind::CitizenId) else { return Vec::new() };
    let Some(name) = find(Kind::PersonName).or_else(|| find(Kind::LatinName)) else { return Vec::new() };
    // Names that agree at least in all but one character.
    let alike = name.names.iter().filter(|n| matches!(**n, "exact" | "pinyin" | "one-character" | "one-edit" | "close")).count() as u64;
    let mut cluster_of: FxHashMap<u32, u32> = FxHashMap::default();
    for (i, cluster) in linkage.clusters.iter().enumerate() {
        cluster_of.extend(cluster.rows.iter().map(|row| (*row, i as u32)));
    }
    let mut ids: Vec<(u64, u64, u32)> = (0..records.len())
        .map(|r| (records.cell(r, slot.word), records.cell(r, slot.word + 1), r as u32))
        .filter(|(_, w1, _)| w1 & VALID != 0)
        .map(|(w0, w1, r)| (w0, w1 & 0xffff_ffff, r))
        .collect();
    ids.par_sort_unstable();
    let mut shared = Vec::new();
    for run in ids.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)).filter(|run| run.len() > 1) {
        let members: Vec<u32> = run.iter().map(|id| id.2).collect();
        let mut union = Union::new(members.len());
        // Of many records, neighbours in the order of their names stand for all pairs.
        let all = members.len() <= MANY;
        for i in 0..members.len() {
            for j in i + 1..if all { members.len() } else { (i + 2).min(members.len()) } {
                let (a, b) = (members[i], members[j]);
                let pattern = comparer.pattern(records, a as usize, b as usize);
                let level = pattern >> name.shift & ((1 << name.bits) - 1);
                let (x, y) = (cluster_of.get(&records.rows[a as usize]), cluster_of.get(&records.rows[b as usize]));
                if level <= alike || (x.is_some() && x == y) {
                    union.join(i as u32, j as u32);
                }
            }
        }
        let mut people: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (i, member) in members.iter().enumerate() {
            people.entry(union.find(i as u32)).or_default().push(records.rows[*member as usize]);
        }
        if people.len() > 1 {
            let mut people: Vec<Vec<u32>> = people.into_values().collect();
            people.iter_mut().for_each(|p| p.sort_unstable());
            people.sort_unstable();
            let mut rows: Vec<u32> = people.concat();
            rows.sort_unstable();
            shared.push(SharedId { rows, people });
        }
    }
    shared.sort_unstable_by(|x, y| x.rows.cmp(&y.rows));
    shared
}
