//! Non-matching pairs by how they come about: counted, and sampled for u. Samples are drawn by counters over the canonical order, so
//! they are the same for any order of delivery and number of threads.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::block::Keys;
use super::compare::Comparer;
use super::model::Class;
use super::normalise::mix;
use super::records::{Groups, Records};

/// Pairs sampled per class, about.
const KIN: u64 = 300_000;
const NEIGHBOURS: u64 = 400_000;
/// Records on each side of the cross product of strangers.
const STRANGERS: usize = 1_415;
/// Records of one village that are paired.
const OF_VILLAGE: usize = 250;

/// One class with its sample.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub class: Class,
    /// Pairs in all records.
    pub pairs: f64,
    /// Counts by pattern, sorted.
    pub patterns: Vec<(u64, u64)>,
    pub sampled: u64,
    /// Of those, met by a blocking rule.
    pub met: u64,
}

/// Pairs of a group that the question admits.
fn pairs_in(records: &Records, group: &[u32]) -> u64 {
    let n = group.len() as u64;
    if !records.across {
        return n * n.saturating_sub(1) / 2;
    }
    let left = group.iter().filter(|r| records.side[**r as usize] == 0).count() as u64;
    left * (n - left)
}

/// Counts and samples all classes that the records have. `has_listing`: a household field is compared.
pub(crate) fn sample(records: &Records, comparer: &Comparer, keys: &Keys) -> Vec<Sample> {
    let n = records.len();
    let everyone: Vec<u32> = (0..n as u32).collect();
    let all = pairs_in(records, &everyone);
    drop(everyone);
    let mut samples = vec![draw(records, comparer, keys, Class::Stranger, all as f64, &strangers(n))];
    let villages = Groups::of(&records.place);
    let listings = Groups::of(&records.listing);
    let kin: u64 = listings.iter().map(|g| pairs_in(records, g)).sum();
    let neighbours: u64 = villages.iter().map(|g| pairs_in(records, g)).sum::<u64>().saturating_sub(kin);
    // A village that is everybody is no class of its own.
    if neighbours >= 200 && neighbours * 10 < all * 9 {
        samples.push(draw(records, comparer, keys, Class::Neighbour, neighbours as f64, &of_villages(records, &villages)));
    }
    if kin >= 50 && kin * 10 < all {
        samples.push(draw(records, comparer, keys, Class::Kin, kin as f64, &of_listings(&listings, kin)));
    }
    samples.retain(|s| s.sampled > 0 || s.class == Class::Stranger);
    samples
}

/// Rows spread over all records, each once; for few records all pairs.
fn strangers(n: usize) -> Vec<(u32, u32)> {
    let mut pairs = Vec::new();
    if n <= STRANGERS {
        for a in 0..n as u32 {
            pairs.extend((a + 1..n as u32).map(|b| (a, b)));
        }
        return pairs;
    }
    let side = |seed: u64| -> Vec<u32> {
        let mut rows: Vec<u32> = (0..STRANGERS as u64).map(|i| (mix(seed + i) % n as u64) as u32).collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    };
    let (left, right) = (side(0x5eed), side(0x5eed_0000_0000));
    pairs.reserve(left.len() * right.len());
    for a in &left {
        pairs.extend(right.iter().filter(|b| *b != a).map(|b| (*a, *b)));
    }
    pairs
}

fn of_villages(records: &Records, villages: &Groups) -> Vec<(u32, u32)> {
    let villages: Vec<&[u32]> = villages.iter().collect();
    let mut order: Vec<(u64, usize)> = (0..villages.len()).map(|v| (mix(v as u64 ^ 0x7111), v)).collect();
    order.sort_unstable();
    let mut pairs = Vec::new();
    for (_, v) in order {
        let village = villages[v];
        let step = village.len().div_ceil(OF_VILLAGE);
        let some: Vec<u32> = village.iter().step_by(step).copied().collect();
        for (i, a) in some.iter().enumerate() {
            let stranger = |b: &&u32| {
                let (x, y) = (records.listing[*a as usize], records.listing[**b as usize]);
                x != y || x == 0
            };
            pairs.extend(some[i + 1..].iter().filter(stranger).map(|b| (*a, *b)));
        }
        if pairs.len() as u64 >= NEIGHBOURS {
            break;
        }
    }
    pairs
}

fn of_listings(listings: &Groups, all: u64) -> Vec<(u32, u32)> {
    let keep = all.div_ceil(KIN);
    let mut pairs = Vec::new();
    let mut counter = 0u64;
    for listing in listings.iter() {
        // A "listing" of hundreds is no household; a few of its pairs do.
        for (i, a) in listing.iter().enumerate().take(60) {
            for b in listing[i + 1..].iter().take(60) {
                counter += 1;
                if mix(counter).is_multiple_of(keep) {
                    pairs.push((*a, *b));
                }
            }
        }
    }
    pairs
}

fn draw(records: &Records, comparer: &Comparer, keys: &Keys, class: Class, pairs: f64, chosen: &[(u32, u32)]) -> Sample {
    let parts: Vec<(FxHashMap<u64, u64>, u64)> = chosen
        .par_chunks(1 << 14)
        .map(|chunk| {
            let mut counts: FxHashMap<u64, u64> = FxHashMap::default();
            let mut met = 0;
            for (a, b) in chunk {
                let (a, b) = (*a as usize, *b as usize);
                if records.admits(a, b) {
                    *counts.entry(comparer.pattern(records, a, b)).or_default() += 1;
                    met += u64::from(class == Class::Kin && keys.mask(a, b) != 0);
                }
            }
            (counts, met)
        })
        .collect();
    let mut sum: FxHashMap<u64, u64> = FxHashMap::default();
    let mut met = 0;
    for (part, m) in parts {
        met += m;
        for (pattern, count) in part {
            *sum.entry(pattern).or_default() += count;
        }
    }
    let mut patterns: Vec<(u64, u64)> = sum.into_iter().collect();
    patterns.sort_unstable();
    let sampled = patterns.iter().map(|(_, c)| c).sum();
    Sample { class, pairs, patterns, sampled, met }
}
