//! People tied through what they share: connected sets of them, and how tightly each is tied.

use rayon::prelude::*;

use super::union::Union;

/// What ties a connected set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// People.
    pub size: u64,
    /// Pairs of them that share a value.
    pub ties: u64,
    /// Per kind of edge: values that at least two of them share.
    pub values: Vec<u64>,
}

/// Connected sets, numbered by their smallest person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// Per person: the set.
    pub of: Vec<u32>,
    pub rings: Vec<Ring>,
}

/// Ties people `0..people` who share a value. `edges`: per kind, pairs of a value and a person, in any order, several times or once.
/// A value that more than `max_shared` people share ties nobody. n log n and, for the ties, at most `max_shared` / 2 per person and kind.
pub fn components(people: usize, edges: Vec<Vec<(u32, u32)>>, max_shared: usize) -> Components {
    let mut sets = Union::new(people);
    let mut pairs: Vec<(u32, u32)> = vec![];
    // Per kind: a person of each value that ties.
    let mut values: Vec<Vec<u32>> = vec![];
    for mut edges in edges {
        edges.par_sort_unstable();
        edges.dedup();
        let mut tying = vec![];
        for run in edges.chunk_by(|a, b| a.0 == b.0) {
            if run.len() < 2 || run.len() > max_shared {
                continue;
            }
            tying.push(run[0].1);
            for (i, &(_, a)) in run.iter().enumerate() {
                run[i + 1..].iter().for_each(|&(_, b)| pairs.push((a, b)));
            }
            run.windows(2).for_each(|two| sets.join(two[0].1, two[1].1));
        }
        values.push(tying);
    }
    pairs.par_sort_unstable();
    pairs.dedup();
    let roots = sets.roots();
    let mut number = vec![u32::MAX; people];
    let mut rings: Vec<Ring> = vec![];
    let mut of = Vec::with_capacity(people);
    for &root in &roots {
        // A set's smallest person comes first.
        let slot = &mut number[root as usize];
        if *slot == u32::MAX {
            *slot = rings.len() as u32;
            rings.push(Ring { size: 0, ties: 0, values: vec![0; values.len()] });
        }
        rings[*slot as usize].size += 1;
        of.push(*slot);
    }
    for (a, _) in pairs {
        rings[of[a as usize] as usize].ties += 1;
    }
    for (kind, tying) in values.iter().enumerate() {
        tying.iter().for_each(|&person| rings[of[person as usize] as usize].values[kind] += 1);
    }
    Components { of, rings }
}
