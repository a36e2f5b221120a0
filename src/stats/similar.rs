//! Near-identical texts and records: sets of features, candidates by MinHash, verified by the exact Jaccard index.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// Features of a text or record: hashes, ascending, each once.
pub type Features = Vec<u64>;

/// Splitmix64 (Steele, Lea and Flood 2014): mixes the bits of a number.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A feature made of a place and a value.
pub fn feature(place: usize, value: i64) -> u64 {
    mix(mix(value as u64).wrapping_add(place as u64 + 1))
}

fn sorted(mut features: Features) -> Features {
    features.sort_unstable();
    features.dedup();
    features
}

/// A record by its values that say something: `(column, value)`.
pub fn of_values(values: impl Iterator<Item = (usize, i64)>) -> Features {
    sorted(values.map(|(column, value)| feature(column, value)).collect())
}

/// Letters and digits of a text, half width and small.
pub fn letters(text: &str) -> Vec<char> {
    let narrow = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().map(narrow).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A text by its pairs of neighbouring letters; a single letter is a feature of its own.
pub fn of_letters(letters: &[char]) -> Features {
    if let [one] = letters {
        return vec![feature(0, i64::from(u32::from(*one)))];
    }
    sorted(letters.windows(2).map(|pair| feature(1, (i64::from(u32::from(pair[0])) << 32) | i64::from(u32::from(pair[1])))).collect())
}

/// What two sets have in common, as a share of what they have together; 0 when both are empty.
pub fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut i, mut j, mut common) = (0, 0, 0usize);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                (i, j, common) = (i + 1, j + 1, common + 1);
            }
        }
    }
    let all = a.len() + b.len() - common;
    if all == 0 { 0.0 } else { common as f64 / all as f64 }
}

/// Signatures have `BANDS` bands of `ROWS` minima: sets with a Jaccard index of 0.6 share a band with probability 0.9996, of 0.8 always but once in 10^10.
const BANDS: usize = 32;
const ROWS: usize = 3;

fn bands(features: &[u64]) -> Vec<u64> {
    (0..BANDS)
        .map(|band| {
            (0..ROWS).fold(band as u64, |hash, row| {
                let salt = mix((band * ROWS + row) as u64 + 0x9e37_79b9_7f4a_7c15);
                let least = features.iter().map(|f| mix(f ^ salt)).min().unwrap_or(0);
                mix(hash ^ least)
            })
        })
        .collect()
}

/// The class of each set, by number of its first set: sets in order join the most similar set before them that began a class, if it is at least `similar`,
/// else begin one. So every member of a class is near its first, and nothing is chained together. `sets` in an order that does not depend on the rows.
pub fn classes(sets: &[Features], similar: f64) -> Vec<usize> {
    let signatures: Vec<Vec<u64>> = sets.par_iter().map(|set| bands(set)).collect();
    let mut first: FxHashMap<u64, Vec<u32>> = FxHashMap::default();
    let mut class = Vec::with_capacity(sets.len());
    for (at, set) in sets.iter().enumerate() {
        let mut candidates: Vec<u32> = signatures[at].iter().filter_map(|band| first.get(band)).flatten().copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        let mut best: Option<(f64, usize)> = None;
        for candidate in candidates {
            let candidate = candidate as usize;
            let alike = jaccard(&sets[candidate], set);
            if alike >= similar && best.is_none_or(|(most, _)| alike > most) {
                best = Some((alike, candidate));
            }
        }
        if let Some((_, candidate)) = best {
            class.push(candidate);
            continue;
        }
        class.push(at);
        for band in &signatures[at] {
            first.entry(*band).or_default().push(at as u32);
        }
    }
    class
}

/// How similar sets of different groups are: the mean of their Jaccard indices, and the index that one pair in a thousand exceeds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    pub mean: f64,
    pub high: f64,
}

/// Pairs looked at; all when there are no more, else drawn with a fixed generator (ChaCha8).
const PAIRS: usize = 20_000;
/// Pairs without which nothing is known about a thousandth of them.
const LEAST_PAIRS: usize = 1_000;

/// Similarity of members of different groups whose sets differ: how often equal ones occur is counted apart. `members`: group and set of each. `None`: too few pairs.
pub fn expected(members: &[(usize, usize)], sets: &[Features]) -> Option<Expected> {
    let n = members.len();
    let all = n.saturating_mul(n.saturating_sub(1)) / 2;
    let pairs: Vec<(usize, usize)> = if all <= PAIRS {
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect()
    } else {
        let mut random = ChaCha8Rng::seed_from_u64(0x5eed);
        (0..PAIRS).map(|_| (random.random_range(0..n), random.random_range(0..n))).collect()
    };
    let mut found: Vec<f64> = pairs
        .into_par_iter()
        .filter(|&(i, j)| members[i].0 != members[j].0 && members[i].1 != members[j].1)
        .map(|(i, j)| jaccard(&sets[members[i].1], &sets[members[j].1]))
        .collect();
    if found.len() < LEAST_PAIRS {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let mean = found.iter().sum::<f64>() / found.len() as f64;
    Some(Expected { mean, high: found[found.len() - 1 - found.len() / 1000] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn width_case_and_punctuation_do_not_count() {
        assert_eq!(letters("Ａ户 ，ＯＫ。3"), ['a', '户', 'o', 'k', '3']);
        assert_eq!(of_letters(&letters("表示满意。")), of_letters(&letters(" 表示，满意")));
        assert!(of_letters(&[]).is_empty());
        assert_eq!(of_letters(&['a']).len(), 1);
        assert_eq!(of_letters(&['a', 'a', 'a']).len(), 1, "a pair counts once");
    }

    proptest! {
        #[test]
        fn jaccard_is_that_of_sets(a in prop::collection::btree_set(0u64..12, 0..8), b in prop::collection::btree_set(0u64..12, 0..8)) {
            let naive = if a.is_empty() && b.is_empty() { 0.0 } else { a.intersection(&b).count() as f64 / a.union(&b).count() as f64 };
            let (a, b): (Features, Features) = (a.into_iter().collect(), b.into_iter().collect());
            prop_assert!((jaccard(&a, &b) - naive).abs() < 1e-12);
        }

        /// Against comparing every set with every first one.
        #[test]
        fn classes_are_those_of_comparing_all(texts in prop::collection::vec("[ab]{3,9}", 0..30)) {
            let sets: Vec<Features> = texts.iter().map(|t| of_letters(&letters(t))).collect();
            let mut naive: Vec<usize> = vec![];
            for (at, set) in sets.iter().enumerate() {
                let mut best = (0.0, at);
                for (other, _) in naive.iter().enumerate().filter(|(i, c)| i == *c) {
                    let alike = jaccard(&sets[other], set);
                    if alike >= 0.9 && alike > best.0 {
                        best = (alike, other);
                    }
                }
                naive.push(best.1);
            }
            prop_assert_eq!(classes(&sets, 0.9), naive);
        }
    }

    #[test]
    fn near_texts_are_one_and_far_ones_are_not() {
        let texts = [
            "该户今年种植辣椒三亩，预计收入四千元，表示满意。",
            "该户今年种植辣椒三亩，预计收入五千元，表示满意。",
            "老人住院两周，子女轮流照看，已协助报销费用。",
            "该户今年种植辣椒三亩，预计收入四千元，表示很满意",
        ];
        let sets: Vec<Features> = texts.iter().map(|t| of_letters(&letters(t))).collect();
        assert_eq!(classes(&sets, 0.7), [0, 0, 2, 0]);
        assert_eq!(classes(&sets, 1.0), [0, 1, 2, 3]);
    }

    #[test]
    fn what_is_usual_is_that_of_different_groups() {
        // A form of 16 words that all share, and two of 64 of one's own: within a group all are equal.
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let sets: Vec<Features> =
            (0..60).map(|_| of_values((0..16).map(|c| (c, 1)).chain((16..18).map(|c| (c, random.random_range(1..65)))))).collect();
        let members: Vec<(usize, usize)> = (0..60).flat_map(|group| [(group, group); 3]).collect();
        let usual = expected(&members, &sets).expect("pairs enough");
        assert!((usual.mean - 0.8).abs() < 0.02, "{usual:?}");
        assert!(usual.high < 1.0 && usual.high >= 17.0 / 19.0 - 1e-12, "{usual:?}");
        assert_eq!(expected(&members[..9], &sets), None);
    }
}
