//! Weights of pairs under a model; which are kept; where the line between link and review is drawn.

use rustc_hash::FxHashMap;

use super::block::Keys;
use super::compare::Comparer;
use super::em;
use super::frequency::{Frequencies, MOST};
use super::outcome::{CurvePoint, probability};
use super::pairs::{Meeting, Trace};
use super::parameters::{Likelihood, Parameters, millibits};
use super::records::Records;
use super::spec::Accept;

/// A pair by record (canonical order), `a < b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub a: u32,
    pub b: u32,
    pub weight: i32,
    pub mask: u16,
    pub pattern: u64,
}

pub(crate) struct Scorer<'a> {
    pub records: &'a Records,
    pub comparer: &'a Comparer,
    pub parameters: &'a Parameters,
    pub frequencies: &'a Frequencies,
}

#[derive(Default)]
struct State {
    known: FxHashMap<u64, Option<Likelihood>>,
    found: Vec<Candidate>,
    compared: u64,
}

impl Scorer<'_> {
    pub fn weight(&self, pattern: u64, a: usize) -> i32 {
        let frequency = self.frequencies.of_pair(self.records, self.comparer, pattern, a);
        millibits(self.parameters.likelihood(self.comparer, pattern).odds(frequency))
    }

    /// Of patterns that may reach the review weight, were the values as rare as can be.
    fn hopeful(&self, pattern: u64, review: i32) -> Option<Likelihood> {
        let likelihood = self.parameters.likelihood(self.comparer, pattern);
        (millibits(likelihood.odds(-MOST)) >= review).then_some(likelihood)
    }

    fn take(&self, state: &mut State, a: usize, b: usize, mask: u16, pattern: u64, review: i32) {
        if let Some(likelihood) = state.known.entry(pattern).or_insert_with(|| self.hopeful(pattern, review)) {
            let weight = millibits(likelihood.odds(self.frequencies.of_pair(self.records, self.comparer, pattern, a)));
            if weight >= review {
                state.found.push(Candidate { a: a as u32, b: b as u32, weight, mask, pattern });
            }
        }
    }

    fn meeting<'a>(&'a self, keys: &'a Keys) -> Meeting<'a> {
        Meeting { records: self.records, keys, comparer: self.comparer }
    }

    /// All pairs that rules meet with at least the review weight, sorted, and how many were compared. `kept`: see [`Meeting::fold`].
    pub fn candidates(&self, keys: &Keys, kept: &[bool], review: i32) -> (Vec<Candidate>, u64) {
        let states = self.meeting(keys).fold(kept, State::default, |state, a, b, mask| {
            state.compared += 1;
            self.take(state, a, b, mask, self.comparer.pattern(self.records, a, b), review);
        });
        let compared = states.iter().map(|s| s.compared).sum();
        (sorted(states), compared)
    }

    /// The same of pairs that were compared already. `first`: the frequencies they were seen with.
    pub fn candidates_of(&self, keys: &Keys, trace: &Trace<em::Seen>, first: &Frequencies, review: i32) -> (Vec<Candidate>, u64) {
        let meeting = self.meeting(keys);
        let states = meeting.again(
            trace,
            |seen| self.hopeful(seen.0, review).is_some(),
            |a, b, mask| em::see(meeting, first, a, b, mask),
            State::default,
            |state, a, b, seen| self.take(state, a, b, em::mask_of(seen), seen.0, review),
        );
        (sorted(states), trace.compared())
    }
}

fn sorted(states: Vec<State>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::with_capacity(states.iter().map(|s| s.found.len()).sum());
    for state in states {
        found.extend(state.found);
    }
    found.sort_unstable_by_key(|c| (c.a, c.b));
    found
}

/// Estimated precision and recall by weight, in steps of half a bit from the review weight up. `matches`: all matching pairs.
pub(crate) fn curve(candidates: &[Candidate], review: i32, matches: f64) -> Vec<CurvePoint> {
    const STEP: i32 = 500;
    const STEPS: usize = 160;
    let mut bins = vec![(0u64, 0.0f64); STEPS];
    for c in candidates {
        let bin = &mut bins[(((c.weight - review) / STEP).max(0) as usize).min(STEPS - 1)];
        bin.0 += 1;
    }
    // Sums of probabilities by weight, so that the order of pairs plays no part.
    let mut weights: Vec<i32> = candidates.iter().map(|c| c.weight).collect();
    weights.sort_unstable();
    for w in weights {
        bins[(((w - review) / STEP).max(0) as usize).min(STEPS - 1)].1 += probability(w);
    }
    let total = matches.max(bins.iter().map(|b| b.1).sum());
    let (mut pairs, mut right) = (0, 0.0);
    let mut curve = Vec::new();
    for (i, bin) in bins.iter().enumerate().rev() {
        pairs += bin.0;
        right += bin.1;
        if pairs > 0 {
            let precision = (right / pairs as f64).min(1.0);
            let recall = if total > 0.0 { right / total } else { 0.0 };
            let f1 = if right > 0.0 { 2.0 * right / (pairs as f64 + total) } else { 0.0 };
            curve.push(CurvePoint { weight: review + i as i32 * STEP, pairs, precision, recall, f1 });
        }
    }
    curve.reverse();
    curve
}

/// How labelled pairs stand at a weight: of those at least as heavy, how many are one person; of those that are, how many are at least as heavy.
/// A pair under the review weight, or that no rule met, weighs `i32::MIN`. One point per weight that occurs, ascending.
pub(crate) fn labelled_curve(weights: &[(i32, bool)]) -> Vec<CurvePoint> {
    let same = weights.iter().filter(|w| w.1).count() as f64;
    let mut levels: Vec<i32> = weights.iter().map(|w| w.0).filter(|w| *w > i32::MIN).collect();
    levels.sort_unstable();
    levels.dedup();
    let point = |weight: i32| {
        let pairs = weights.iter().filter(|w| w.0 >= weight).count() as u64;
        let right = weights.iter().filter(|w| w.0 >= weight && w.1).count() as f64;
        let recall = if same > 0.0 { right / same } else { 0.0 };
        CurvePoint { weight, pairs, precision: right / pairs as f64, recall, f1: 2.0 * right / (pairs as f64 + same) }
    };
    levels.into_iter().map(point).collect()
}

/// The weight from which pairs are links.
pub(crate) fn accept(curve: &[CurvePoint], labelled: &[CurvePoint], accept: Accept) -> i32 {
    /// Where nothing was found: two to one.
    const NONE: i32 = 1000;
    match accept {
        Accept::Weight(weight) => weight,
        // From the top: the point after which the share of errors is exceeded for good is the lowest that keeps it.
        Accept::Error(error) => curve.iter().find(|p| 1.0 - p.precision <= error).map_or(i32::MAX, |p| p.weight),
        Accept::Labels => best(labelled).map_or(NONE, |p| p.weight),
        Accept::Balanced => best(curve).map_or(NONE, |p| p.weight.max(0)),
    }
}

/// The point of the highest F1, the lowest of equals.
fn best(curve: &[CurvePoint]) -> Option<&CurvePoint> {
    curve.iter().fold(None, |best: Option<&CurvePoint>, p| match best {
        Some(best) if best.f1 >= p.f1 => Some(best),
        _ => Some(p),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_follows_what_is_asked() {
        let candidate = |weight| Candidate { a: 0, b: 1, weight, mask: 1, pattern: 0 };
        let mut all: Vec<Candidate> = (0..90).map(|_| candidate(12_000)).collect();
        all.extend((0..20).map(|_| candidate(0)));
        all.extend((0..200).map(|_| candidate(-2_900)));
        let curve = curve(&all, -3000, 100.0);
        assert_eq!(curve.first().map(|p| p.pairs), Some(310));
        assert!(curve.windows(2).all(|w| w[0].precision <= w[1].precision + 1e-12 && w[0].recall >= w[1].recall));
        let balanced = accept(&curve, &[], Accept::Balanced);
        assert!((-2900..=12_000).contains(&balanced), "{balanced}");
        assert!(accept(&curve, &[], Accept::Error(0.001)) > 0);
        assert!(accept(&curve, &[], Accept::Error(0.3)) <= 0);
        assert_eq!(accept(&curve, &[], Accept::Weight(7)), 7);
        assert_eq!(accept(&[], &[], Accept::Balanced), 1000);
        // Labels: 3 of 4 found at 5,000 with one wrong; nothing lower helps.
        let weights = [(9000, true), (7000, true), (6000, false), (5000, true), (2000, false), (1000, false), (i32::MIN, true)];
        let labelled = labelled_curve(&weights);
        let at: Vec<(i32, u64, f64, f64)> = labelled.iter().map(|p| (p.weight, p.pairs, p.precision, p.recall)).collect();
        assert_eq!(at[2], (5000, 4, 0.75, 0.75));
        assert_eq!(at.last(), Some(&(9000, 1, 1.0, 0.25)));
        assert_eq!(accept(&curve, &labelled, Accept::Labels), 5000);
    }
}
