//! Judgements of inspectors: they override weights, carry over chains of `same`, and are checked against each other.

use rustc_hash::{FxHashMap, FxHashSet};

use super::cluster::{Union, key};
use super::outcome::{Contradiction, Judgement, Verdict};
use super::problem::{Problem, Problems};
use super::records::Records;

/// Judgements by record.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub same: Vec<(u32, u32)>,
    /// Also what follows: if a = b and b differs from c, a differs from c.
    pub different: FxHashSet<u64>,
    pub unsure: FxHashSet<u64>,
    pub contradictions: Vec<Contradiction>,
}

/// Reads judgements. Rows that do not exist are a problem; contradictions are reported, and `different` holds.
pub(crate) fn judge(records: &Records, judgements: &[Judgement]) -> Result<Judged, Problems> {
    let mut problems = Vec::new();
    let mut judged = Judged::default();
    let mut same: Vec<(u32, u32)> = Vec::new();
    let mut different: Vec<(u32, u32)> = Vec::new();
    for j in judgements {
        let (Some(a), Some(b)) = (records.record_of(j.a), records.record_of(j.b)) else {
            problems.push(Problem::new(
                format!("a judgement names rows {} and {}; there are {}", j.a, j.b, records.len()),
                "take it out of the file",
            ));
            continue;
        };
        if a == b {
            problems.push(Problem::new(format!("a judgement compares row {} with itself", j.a), "take it out of the file"));
            continue;
        }
        let pair = ((a as u32).min(b as u32), (a as u32).max(b as u32));
        match j.verdict {
            Verdict::Same => same.push(pair),
            Verdict::Different => different.push(pair),
            Verdict::Unsure => {
                judged.unsure.insert(key(pair.0, pair.1));
            }
        }
    }
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    for list in [&mut same, &mut different] {
        list.sort_unstable();
        list.dedup();
    }
    let mut union = Union::new(records.len());
    for (a, b) in &same {
        union.join(*a, *b);
    }
    for (a, b) in &different {
        if union.find(*a) == union.find(*b) {
            let chain = chain(&same, *a, *b).into_iter().map(|r| records.rows[r as usize]).collect();
            judged.contradictions.push(Contradiction { a: records.rows[*a as usize], b: records.rows[*b as usize], chain });
        }
    }
    // Of a contradiction, what was said of each pair itself holds, the chain does not: none of its `same` joins.
    let bad: FxHashSet<u32> = different.iter().filter(|(a, b)| union.find(*a) == union.find(*b)).map(|(a, _)| *a).collect();
    let bad: FxHashSet<u32> = bad.into_iter().map(|r| union.find(r)).collect();
    same.retain(|(a, _)| !bad.contains(&union.find(*a)));
    let mut groups: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for r in same.iter().flat_map(|(a, b)| [*a, *b]).collect::<FxHashSet<u32>>() {
        groups.entry(union.find(r)).or_default().push(r);
    }
    for (a, b) in different {
        let alone = |r: u32| vec![r];
        let (x, y) = (union.find(a), union.find(b));
        let left = if x == y { alone(a) } else { groups.get(&x).cloned().unwrap_or_else(|| alone(a)) };
        let right = if x == y { alone(b) } else { groups.get(&y).cloned().unwrap_or_else(|| alone(b)) };
        for p in &left {
            judged.different.extend(right.iter().map(|q| key(*p, *q)));
        }
    }
    judged.same = same;
    Ok(judged)
}

/// Shortest chain of `same` between two records.
fn chain(same: &[(u32, u32)], from: u32, to: u32) -> Vec<u32> {
    let mut next: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    for (a, b) in same {
        next.entry(*a).or_default().push(*b);
        next.entry(*b).or_default().push(*a);
    }
    let mut before: FxHashMap<u32, u32> = FxHashMap::default();
    let mut queue = std::collections::VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            break;
        }
        for n in next.get(&at).into_iter().flatten() {
            if *n != from && !before.contains_key(n) {
                before.insert(*n, at);
                queue.push_back(*n);
            }
        }
    }
    let mut chain = vec![to];
    while let Some(at) = chain.last().and_then(|r| before.get(r)) {
        chain.push(*at);
    }
    chain.reverse();
    chain
}
