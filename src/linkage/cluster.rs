//! Pairs become clusters: union-find from the heaviest edge down, which refuses a merge whose two sides contradict each other.

use rustc_hash::{FxHashMap, FxHashSet};

use super::outcome::{ClusterReview, Conflict};
use super::score::{Candidate, Scorer};
use super::spec::Kind;

/// Merges that would need more comparisons of members than this are refused.
const CHECKS: usize = 4096;
/// A cut edge this close over the accepted weight (millibits) is shown.
const NEAR: i32 = 3000;

/// A field that differs in this share of matches contradicts nothing.
const UNRELIABLE: f64 = 0.02;
/// An edge between two valid ids that differ needs this much more than the accepted weight (millibits).
const AGAINST_IDS: i32 = 8000;

/// Smaller record wins; path halving.
pub(crate) struct Union(Vec<u32>);

impl Union {
    pub fn new(n: usize) -> Union {
        Union((0..n as u32).collect())
    }

    pub fn find(&mut self, mut x: u32) -> u32 {
        while self.0[x as usize] != x {
            self.0[x as usize] = self.0[self.0[x as usize] as usize];
            x = self.0[x as usize];
        }
        x
    }

    /// The root of both.
    pub fn join(&mut self, a: u32, b: u32) -> u32 {
        let (a, b) = (self.find(a), self.find(b));
        let (root, child) = (a.min(b), a.max(b));
        self.0[child as usize] = root;
        root
    }
}

/// What keeps two records from being one person, apart from the weight of their own edge.
pub(crate) struct Guards<'a> {
    scorer: &'a Scorer<'a>,
    different: FxHashSet<u64>,
    fields: Vec<(Conflict, u32, u32, u64, u64)>,
    name: Option<(u32, u32, u64)>,
}

pub(crate) fn key(a: u32, b: u32) -> u64 {
    u64::from(a.min(b)) << 32 | u64::from(a.max(b))
}

impl<'a> Guards<'a> {
    /// `different`: pairs (of records) that were judged so.
    pub fn new(scorer: &'a Scorer<'a>, different: FxHashSet<u64>) -> Guards<'a> {
        let (comparer, parameters) = (scorer.comparer, scorer.parameters);
        let mut guards = Guards { scorer, different, fields: Vec::new(), name: None };
        let (mut birth, mut sex) = (false, false);
        for (i, f) in comparer.fields.iter().enumerate() {
            // A contradiction is one only where matches hardly ever show it.
            let reliable = parameters.m[i].last().is_some_and(|m| *m < UNRELIABLE);
            let level = |name: &str| f.names.iter().position(|n| *n == name).map_or(u64::MAX, |i| i as u64 + 1);
            let differ = f.names.len() as u64;
            match f.slot.kind {
                // Valid ids that differ; without the level nothing is known of validity.
                Kind::CitizenId if level("near-valid") != u64::MAX => {
                    guards.fields.push((Conflict::Ids, f.shift, f.bits, level("near-valid"), differ));
                }
                Kind::Sex if !std::mem::replace(&mut sex, true) && reliable => {
                    guards.fields.push((Conflict::Sex, f.shift, f.bits, differ, differ))
                }
                Kind::Date if !std::mem::replace(&mut birth, true) && reliable => {
                    guards.fields.push((Conflict::Birth, f.shift, f.bits, differ, differ))
                }
                Kind::PersonName if guards.name.is_none() => {
                    let from = ["part", "given", "surname"].iter().map(|n| level(n)).min().unwrap_or(u64::MAX);
                    guards.name = Some((f.shift, f.bits, from.min(differ)));
                }
                Kind::LatinName if guards.name.is_none() => guards.name = Some((f.shift, f.bits, differ)),
                _ => {}
            }
        }
        guards
    }

    /// Mean weight of all pairs between two groups, each kept within ten bits of even odds, so that none decides alone.
    fn mean(&self, left: &[u32], right: &[u32]) -> i64 {
        const MOST: i32 = 10_000;
        let weight = |x: u32, y: u32| {
            let pattern = self.scorer.comparer.pattern(self.scorer.records, x as usize, y as usize);
            i64::from(self.scorer.weight(pattern, x as usize).clamp(-MOST, MOST))
        };
        let sum: i64 = left.iter().flat_map(|x| right.iter().map(|y| weight(*x, *y))).sum();
        sum / (left.len() * right.len()) as i64
    }

    pub fn judged(&self, a: u32, b: u32) -> bool {
        self.different.contains(&key(a, b))
    }

    pub fn conflict(&self, a: u32, b: u32) -> Option<Conflict> {
        if self.judged(a, b) {
            return Some(Conflict::Judged);
        }
        let pattern = self.scorer.comparer.pattern(self.scorer.records, a as usize, b as usize);
        let level = |shift: u32, bits: u32| pattern >> shift & ((1 << bits) - 1);
        for (conflict, shift, bits, from, to) in &self.fields {
            if (*from..=*to).contains(&level(*shift, *bits)) {
                return Some(*conflict);
            }
        }
        let listing = &self.scorer.records.listing;
        let (x, y) = (listing[a as usize], listing[b as usize]);
        if x != 0 && x == y && self.name.is_some_and(|(shift, bits, from)| level(shift, bits) >= from) {
            return Some(Conflict::Household);
        }
        None
    }
}

/// An edge that was not used: records a, b, weight, why, and the two that contradict each other.
pub(crate) type Refusal = (u32, u32, i32, Conflict, (u32, u32));

pub(crate) struct Clusters {
    /// Members (two or more, ascending) by cluster, ordered by first member.
    pub members: Vec<Vec<u32>>,
    /// By cluster: edge of the spanning tree with the least weight.
    pub weakest: Vec<(u32, u32, i32)>,
    pub refused: Vec<Refusal>,
}

/// `links`: edges at or over the accepted weight, in any order. `same`: pairs judged the same; they join first, whatever contradicts.
pub(crate) fn cluster(guards: &Guards, links: &[Candidate], same: &[(u32, u32)], accept: i32) -> Clusters {
    let mut union = Union::new(guards.scorer.records.len());
    let mut members: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let mut weakest: FxHashMap<u32, (u32, u32, i32)> = FxHashMap::default();
    let mut order: Vec<&Candidate> = links.iter().collect();
    order.sort_unstable_by_key(|c| (std::cmp::Reverse(c.weight), c.a, c.b));
    let held = Held::new(links, same);
    let mut refused = Vec::new();
    let judged = same.iter().map(|(a, b)| (*a, *b, i32::MAX));
    for (a, b, weight) in judged.chain(order.iter().map(|c| (c.a, c.b, c.weight))) {
        let (x, y) = (union.find(a), union.find(b));
        if x == y {
            continue;
        }
        let single = |members: &FxHashMap<u32, Vec<u32>>, root: u32| members.get(&root).cloned().unwrap_or_else(|| vec![root]);
        let (left, right) = (single(&members, x), single(&members, y));
        if weight < accept.saturating_add(AGAINST_IDS) && guards.conflict(a, b) == Some(Conflict::Ids) {
            refused.push((a, b, weight, Conflict::Ids, (a, b)));
            continue;
        }
        if weight != i32::MAX
            && let Some((conflict, between)) = contradiction(guards, &left, &right, &held, accept)
        {
            refused.push((a, b, weight, conflict, between));
            continue;
        }
        members.remove(&x);
        members.remove(&y);
        let edges = [weakest.remove(&x), weakest.remove(&y), Some((a, b, weight))];
        let least = edges.into_iter().flatten().min_by_key(|e| (e.2, e.0, e.1));
        let root = union.join(x, y);
        if let Some(least) = least {
            weakest.insert(root, least);
        }
        members.insert(root, [left, right].concat());
    }
    let mut clusters: Vec<(Vec<u32>, u32)> = members
        .into_iter()
        .map(|(root, mut members)| {
            members.sort_unstable();
            (members, root)
        })
        .collect();
    clusters.sort_unstable();
    refused.sort_unstable_by_key(|r: &Refusal| (r.0, r.1));
    let weakest = clusters.iter().map(|(m, root)| weakest.get(root).copied().unwrap_or((m[0], m[1], i32::MAX))).collect();
    Clusters { members: clusters.into_iter().map(|(m, _)| m).collect(), weakest, refused }
}

/// Pairs with an edge of their own; records judged the same lend theirs to each other.
struct Held {
    edges: FxHashSet<u64>,
    /// Records judged the same as a record, itself included.
    same: FxHashMap<u32, Vec<u32>>,
}

impl Held {
    fn new(links: &[Candidate], same: &[(u32, u32)]) -> Held {
        let edges = links.iter().map(|c| key(c.a, c.b)).chain(same.iter().map(|(a, b)| key(*a, *b))).collect();
        let mut groups: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
        for (a, b) in same {
            let mut all: Vec<u32> = [a, b].iter().flat_map(|r| groups.get(r).cloned().unwrap_or_else(|| vec![**r])).collect();
            all.sort_unstable();
            all.dedup();
            for r in all.clone() {
                groups.insert(r, all.clone());
            }
        }
        Held { edges, same: groups }
    }

    fn holds(&self, x: u32, y: u32) -> bool {
        let (left, right) = (self.same.get(&x), self.same.get(&y));
        let alone = ([x], [y]);
        let left = left.map_or(&alone.0[..], Vec::as_slice);
        let right = right.map_or(&alone.1[..], Vec::as_slice);
        left.iter().any(|p| right.iter().any(|q| self.edges.contains(&key(*p, *q))))
    }
}

fn contradiction(guards: &Guards, left: &[u32], right: &[u32], held: &Held, accept: i32) -> Option<(Conflict, (u32, u32))> {
    if left.len() * right.len() > CHECKS {
        return Some((Conflict::Size, (left[0], right[0])));
    }
    for x in left {
        for y in right {
            match guards.conflict(*x, *y) {
                // An edge of their own that is heavy enough has weighed the contradiction already; a judgement has not.
                Some(conflict) if conflict == Conflict::Judged || !held.holds(*x, *y) => {
                    return Some((conflict, (*x.min(y), *x.max(y))));
                }
                _ => {}
            }
        }
    }
    (left.len() + right.len() > 2 && guards.mean(left, right) < i64::from(accept)).then_some((Conflict::Group, (left[0], right[0])))
}

/// Reasons to look at a cluster. `edges`: links inside it.
pub(crate) fn review(guards: &Guards, members: &[u32], edges: &[Candidate], accept: i32, most: u32) -> Vec<ClusterReview> {
    let mut reasons = Vec::new();
    if members.len() > most as usize {
        reasons.push(ClusterReview::Large);
    }
    if members.len() >= 3 && edges.iter().any(|e| e.weight < accept.saturating_add(NEAR) && cuts(members, edges, e)) {
        reasons.push(ClusterReview::Bridge);
    }
    let contradicts = |i: usize| members[i + 1..].iter().any(|y| guards.conflict(members[i], *y).is_some());
    if members.len() <= 64 && (0..members.len()).any(contradicts) {
        reasons.push(ClusterReview::Contradiction);
    }
    reasons
}

/// Whether the cluster falls in two without the edge.
fn cuts(members: &[u32], edges: &[Candidate], cut: &Candidate) -> bool {
    let at = |r: u32| members.binary_search(&r).unwrap_or(0) as u32;
    let mut union = Union::new(members.len());
    for e in edges.iter().filter(|e| (e.a, e.b) != (cut.a, cut.b)) {
        union.join(at(e.a), at(e.b));
    }
    let (a, b) = (at(cut.a), at(cut.b));
    union.find(a) != union.find(b)
}
