//! From persons to households: which listings are one household, how, and what is counted twice.

mod assign;
mod shared_id;

use rustc_hash::FxHashMap;

use super::compare::Comparer;
use super::model::{Class, Model};
use super::normalise::digits::RelationCode;
use super::outcome::{Band, HouseholdKind, HouseholdLink, Linkage, Member, Range, probability};
use super::parameters::{Parameters, millibits, product};
use super::records::{Groups, Records};
use super::spec::Kind;
pub use shared_id::shared_ids;

/// Listings larger than this are institutions; their members are not assigned to each other.
const LARGEST: usize = 64;
/// A member counts as surely counted twice from this probability up.
const SURE: f64 = 0.99;
/// Weight (millibits, with the prior of the pair of households) from which an unlinked member is linked by feedback.
const FEEDBACK: i32 = 2000;

/// Pairs of listings that share linked persons, sorted by first rows. Empty without a household field.
pub fn households(records: &Records, linkage: &Linkage) -> Vec<HouseholdLink> {
    let shared = shared_members(records, linkage);
    if shared.is_empty() {
        return Vec::new();
    }
    let members = Groups::of(&records.listing);
    let kin = Feedback::new(records, &linkage.model);
    let mut found: Vec<(HouseholdLink, [u32; 2])> = Vec::new();
    for run in shared.chunk_by(|x, y| (x.0, x.1) == (y.0, y.1)) {
        let (left, right) = (members.get(run[0].0), members.get(run[0].1));
        if left.len() <= LARGEST && right.len() <= LARGEST {
            found.push((pair_of(records, linkage, &kin, left, right, run), [run[0].0, run[0].1]));
        }
    }
    merged(&mut found);
    let mut found: Vec<HouseholdLink> = found.into_iter().map(|f| f.0).collect();
    for link in &mut found {
        if link.right.first() < link.left.first() {
            std::mem::swap(&mut link.left, &mut link.right);
            link.members.iter_mut().for_each(|m| std::mem::swap(&mut m.left, &mut m.right));
        }
        link.members.sort_unstable_by_key(|m| (m.left, m.right));
    }
    found.sort_by(|x, y| (&x.left, &x.right).cmp(&(&y.left, &y.right)));
    found
}

/// (listing, listing, record of the first, record of the second, weight), sorted.
fn shared_members(records: &Records, linkage: &Linkage) -> Vec<(u32, u32, u32, u32, i32)> {
    let mut shared = Vec::new();
    let mut add = |a: u32, b: u32, weight: i32| {
        let (Some(x), Some(y)) = (records.record_of(a), records.record_of(b)) else { return };
        let (p, q) = (records.listing[x], records.listing[y]);
        if p != 0 && q != 0 && p != q {
            let (x, y) = (x as u32, y as u32);
            shared.push(if p < q { (p, q, x, y, weight) } else { (q, p, y, x, weight) });
        }
    };
    for pair in linkage.pairs.iter().filter(|p| p.band == Band::Link) {
        add(pair.a, pair.b, pair.weight);
    }
    for cluster in linkage.clusters.iter().filter(|c| c.rows.len() <= LARGEST) {
        for (i, a) in cluster.rows.iter().enumerate() {
            for b in &cluster.rows[i + 1..] {
                if linkage.pairs.binary_search_by_key(&(*a, *b), |p| (p.a, p.b)).is_err() {
                    add(*a, *b, cluster.weakest);
                }
            }
        }
    }
    shared.sort_unstable();
    shared
}

/// Weighs members that are not linked inside a pair of households: kin are the only rivals, and the prior is that pair's own.
struct Feedback {
    comparer: Comparer,
    parameters: Parameters,
    kin: Option<usize>,
    household: Option<usize>,
}

impl Feedback {
    fn new(records: &Records, model: &Model) -> Feedback {
        let parameters = Parameters::of(model);
        let comparer = Comparer::new(&model.spec, records);
        Feedback {
            kin: parameters.classes.iter().position(|c| c.class == Class::Kin),
            household: comparer.fields.iter().position(|f| f.slot.kind == Kind::Household),
            comparer,
            parameters,
        }
    }

    fn weight(&self, records: &Records, a: u32, b: u32, prior: f64) -> Option<i32> {
        let kin = self.kin?;
        let mut pattern = self.comparer.pattern(records, a.min(b) as usize, a.max(b) as usize);
        let mut agreeing = 0;
        for (f, field) in self.comparer.fields.iter().enumerate() {
            let mask = ((1u64 << field.bits) - 1) << field.shift;
            // Two listings: that they are not one listing says nothing here; nor does what the household shares.
            if Some(f) == self.household || matches!(field.slot.kind, Kind::Region | Kind::Phone | Kind::Account) {
                pattern &= !mask;
            } else if matches!(field.slot.kind, Kind::PersonName | Kind::LatinName) {
                agreeing = (pattern & mask) >> field.shift;
            }
        }
        // Without a name that agrees somehow nobody is found again.
        if !(1..=4).contains(&agreeing) {
            return None;
        }
        let (m, u) =
            (product(&self.parameters.m, &self.comparer, pattern), product(&self.parameters.classes[kin].u, &self.comparer, pattern));
        Some(millibits((prior * m / u).log2()))
    }
}

fn pair_of(
    records: &Records,
    linkage: &Linkage,
    feedback: &Feedback,
    left: &[u32],
    right: &[u32],
    shared: &[(u32, u32, u32, u32, i32)],
) -> HouseholdLink {
    let at = |group: &[u32], record: u32| group.binary_search(&record).unwrap_or(0);
    let mut weights = vec![vec![None; right.len()]; left.len()];
    for (_, _, x, y, weight) in shared {
        // Every accepted link is worth something, also one with a negative weight.
        let cell: &mut Option<i64> = &mut weights[at(left, *x)][at(right, *y)];
        *cell = (*cell).max(Some(i64::from(*weight) + 1_000_000_000));
    }
    let mut members: Vec<(usize, usize, i32, bool)> =
        assign::assign(&weights).into_iter().map(|(i, j)| (i, j, (weights[i][j].unwrap_or(0) - 1_000_000_000) as i32, false)).collect();
    // One round of feedback to those who are left.
    let linked = members.len();
    let free = |taken: &dyn Fn(usize) -> bool, n: usize| (0..n).filter(|i| !taken(*i)).collect::<Vec<_>>();
    let free_left = free(&|i| members.iter().any(|m| m.0 == i), left.len());
    let free_right = free(&|j| members.iter().any(|m| m.1 == j), right.len());
    if !free_left.is_empty() && !free_right.is_empty() {
        let share = (linked as f64 + 0.5) / (left.len().min(right.len()) as f64 + 1.0);
        let expected = share * free_left.len().min(free_right.len()) as f64;
        let others = (free_left.len() * free_right.len()) as f64 - expected;
        let prior = expected / others.max(0.5);
        let more: Vec<Vec<Option<i64>>> = free_left
            .iter()
            .map(|i| {
                let weigh = |j: &usize| {
                    let pair = (left[*i], right[*j]);
                    let rows = (records.rows[pair.0 as usize], records.rows[pair.1 as usize]);
                    let judged = linkage.pairs.binary_search_by_key(&(rows.0.min(rows.1), rows.0.max(rows.1)), |p| (p.a, p.b));
                    let no = judged.is_ok_and(|k| linkage.pairs[k].band == Band::No);
                    feedback.weight(records, pair.0, pair.1, prior).filter(|w| *w >= FEEDBACK && !no).map(i64::from)
                };
                free_right.iter().map(weigh).collect()
            })
            .collect();
        members.extend(assign::assign(&more).into_iter().map(|(i, j)| (free_left[i], free_right[j], more[i][j].unwrap_or(0) as i32, true)));
    }
    let relation = |record: u32, code: RelationCode| records.relation.get(record as usize).is_some_and(|r| *r == code as u8);
    let both = |code: RelationCode| members.iter().any(|m| relation(left[m.0], code) && relation(right[m.1], code));
    let head_moved = members.iter().any(|m| relation(left[m.0], RelationCode::Head) != relation(right[m.1], RelationCode::Head));
    let place = place_of(records, left).zip(place_of(records, right)).map(|(x, y)| x == y);
    let features = Features {
        left: left.len(),
        right: right.len(),
        linked: members.len(),
        head_linked: both(RelationCode::Head),
        head_moved,
        place,
        shares: share(records, Kind::Account, left, right) || share(records, Kind::Phone, left, right),
        weak: members.iter().all(|m| m.2 < linkage.model.accept),
    };
    let sure = |weight: i32| probability(weight) >= SURE;
    let money = (!records.money.is_empty()).then(|| {
        let mut range = Range::default();
        for m in &members {
            let twice = records.money[left[m.0] as usize].min(records.money[right[m.1] as usize]).max(0);
            range.min = range.min.saturating_add(if sure(m.2) { twice } else { 0 });
            range.expected += twice as f64 * probability(m.2);
            range.max = range.max.saturating_add(twice);
        }
        range
    });
    let row = |record: u32| records.rows[record as usize];
    let rows = |group: &[u32]| {
        let mut rows: Vec<u32> = group.iter().map(|r| row(*r)).collect();
        rows.sort_unstable();
        rows
    };
    HouseholdLink {
        left: rows(left),
        right: rows(right),
        kind: features.kind(),
        weight: members.iter().map(|m| m.2).max().unwrap_or(0),
        head_linked: features.head_linked,
        spouse_linked: both(RelationCode::Spouse),
        same_place: place == Some(true),
        same_account: share(records, Kind::Account, left, right),
        same_phone: share(records, Kind::Phone, left, right),
        heads: Range {
            min: members.iter().filter(|m| sure(m.2)).count() as i64,
            expected: members.iter().map(|m| probability(m.2)).sum(),
            max: members.len() as i64,
        },
        money,
        members: members
            .iter()
            .map(|(i, j, weight, by_feedback)| Member {
                left: row(left[*i]),
                right: row(right[*j]),
                weight: *weight,
                by_feedback: *by_feedback,
            })
            .collect(),
    }
}

/// The place most members name; the smaller number of equals.
fn place_of(records: &Records, group: &[u32]) -> Option<u32> {
    let mut places: Vec<u32> = group.iter().map(|r| records.place[*r as usize]).filter(|p| *p != 0).collect();
    places.sort_unstable();
    places
        .chunk_by(|x, y| x == y)
        .fold(None, |best: Option<&[u32]>, run| match best {
            Some(best) if best.len() >= run.len() => Some(best),
            _ => Some(run),
        })
        .map(|run| run[0])
}

/// Whether somebody of the one shares a phone or account with somebody of the other.
fn share(records: &Records, kind: Kind, left: &[u32], right: &[u32]) -> bool {
    records.slots.iter().filter(|s| s.kind == kind).any(|slot| {
        let value = |r: &u32| records.cell(*r as usize, slot.word);
        left.iter().map(value).filter(|v| *v != 0).any(|v| right.iter().any(|r| value(r) == v))
    })
}

/// What tells the kinds apart.
struct Features {
    left: usize,
    right: usize,
    linked: usize,
    head_linked: bool,
    /// Somebody is head in one listing and not in the other.
    head_moved: bool,
    place: Option<bool>,
    shares: bool,
    weak: bool,
}

impl Features {
    fn kind(&self) -> HouseholdKind {
        let (small, large) = (self.left.min(self.right), self.left.max(self.right));
        let united = self.left + self.right - self.linked;
        if self.weak {
            return HouseholdKind::Unrelated;
        }
        if self.linked == large || (self.linked >= 2 && self.linked * 5 >= united * 3 && (self.head_linked || !self.head_moved)) {
            return HouseholdKind::ListedTwice;
        }
        // One person with nobody of the old family: at the same place a household was split, elsewhere the person moved.
        if self.linked == 1 {
            let together = self.place.unwrap_or(self.shares);
            return if small == 1 && together { HouseholdKind::Split } else { HouseholdKind::MovedMember };
        }
        if self.linked == small {
            return if self.head_linked { HouseholdKind::Merged } else { HouseholdKind::Split };
        }
        if self.linked * 2 >= small { HouseholdKind::Split } else { HouseholdKind::MovedMember }
    }
}

/// A listing that two others lie in, side by side, is a merged household, whoever is its head.
fn merged(found: &mut [(HouseholdLink, [u32; 2])]) {
    let mut inside: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (i, (link, listings)) in found.iter().enumerate() {
        let (left, right) = (link.left.len(), link.right.len());
        if link.members.len() >= 2 && link.members.len() == left.min(right) && left != right {
            inside.entry(listings[usize::from(right > left)]).or_default().push(i);
        }
    }
    for parts in inside.values().filter(|p| p.len() >= 2) {
        for i in parts {
            if found[*i].0.kind == HouseholdKind::Split && parts.iter().any(|j| j != i && found[*j].0.kind == HouseholdKind::Merged) {
                found[*i].0.kind = HouseholdKind::Merged;
            }
        }
    }
}

#[cfg(test)]
mod tests;
