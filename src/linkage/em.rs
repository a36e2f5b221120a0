//! One EM over the counts of (rule mask, frequency, pattern): it learns m, the number of matches, and how many kin pairs stand across
//! listings. The u of the non-match classes are sampled and stay as they are.

use rustc_hash::FxHashMap;

use super::assumed;
use super::block::Keys;
use super::classes::Sample;
use super::compare::{Comparer, Comparison};
use super::frequency::{Frequencies, MOST};
use super::model::{Class, Convergence};
use super::pairs::{Meeting, Trace};
use super::parameters::{ClassParameters, Parameters, Table, product};
use super::records::Records;
use super::spec::Kind;

const MAX_ITERATIONS: u32 = 100;
/// Relative change of the log likelihood at which the EM stops.
const TOLERANCE: f64 = 1e-8;
/// Added to each level of a sample before u is taken.
const U_PSEUDO: f64 = 0.01;
/// A field needs so many matches found without it, or it learns from all.
const ENOUGH: f64 = 30.0;

/// Pairs that look the same to the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell {
    pub pattern: u64,
    pub mask: u16,
    /// Log2 ratio of term frequencies, rounded.
    pub frequency: i8,
    pub count: u64,
}

/// What the model sees of a pair: its pattern; the rules that met it and the frequency.
pub(crate) type Seen = (u64, u32);

/// Rules that met a pair.
pub(crate) fn mask_of(seen: Seen) -> u16 {
    (seen.1 >> 8) as u16
}

pub(crate) fn see(meeting: Meeting, frequencies: &Frequencies, a: usize, b: usize, mask: u16) -> Seen {
    let pattern = meeting.comparer.pattern(meeting.records, a, b);
    let frequency = frequencies.of_pair(meeting.records, meeting.comparer, pattern, a).round().clamp(-MOST, MOST) as i32;
    (pattern, u32::from(mask) << 8 | (frequency + 64) as u32)
}

/// Counts by (mask, frequency, pattern), sorted.
pub(crate) fn cells(trace: &Trace<Seen>) -> Vec<Cell> {
    let mut cells: Vec<Cell> = trace
        .counts()
        .into_iter()
        .map(|(seen, count)| Cell { pattern: seen.0, mask: mask_of(seen), frequency: ((seen.1 & 0xff) as i32 - 64) as i8, count })
        .collect();
    cells.sort_unstable_by_key(|c| (c.pattern, c.mask, c.frequency));
    cells
}

/// u of a class from its sample, each pattern weighed by how likely it is no match.
fn u_of(sample: &Sample, comparer: &Comparer, not_match: impl Fn(u64) -> f64) -> Table {
    let mut table: Table = comparer.fields.iter().map(|f| vec![U_PSEUDO; f.names.len()]).collect();
    if sample.class == Class::Stranger {
        table = assumed::strangers(comparer);
        table.iter_mut().flatten().for_each(|u| *u *= assumed::STRANGERS);
    }
    for (pattern, count) in &sample.patterns {
        let weight = *count as f64 * not_match(*pattern);
        for (field, levels) in comparer.fields.iter().zip(&mut table) {
            let level = (pattern >> field.shift & ((1 << field.bits) - 1)) as usize;
            if level > 0 {
                levels[level - 1] += weight;
            }
        }
    }
    for levels in &mut table {
        normalise(levels);
    }
    table
}

fn normalise(levels: &mut [f64]) {
    let sum: f64 = levels.iter().sum();
    levels.iter_mut().for_each(|l| *l /= sum);
}

/// Patterns that are matches by rule: every field that is there agrees, and at least three do.
fn surely_matches(comparer: &Comparer, pattern: u64) -> bool {
    let mut agree = 0;
    for field in comparer.fields.iter().filter(|f| f.slot.kind != Kind::Household) {
        match pattern >> field.shift & ((1 << field.bits) - 1) {
            0 => {}
            1 => agree += 1,
            _ => return false,
        }
    }
    agree >= 3
}

pub(crate) struct Fit {
    pub parameters: Parameters,
    pub convergence: Convergence,
    /// Fields whose m rests on few matches, with their number.
    pub thin: Vec<(usize, f64)>,
    pub messages: Vec<String>,
}

/// Fits the model to the counts. `chances`: by field, the chance of exact agreement among strangers where a frequency table gives it.
pub(crate) fn fit(records: &Records, keys: &Keys, comparer: &Comparer, cells: &[Cell], samples: &[Sample], chances: &[Option<f64>]) -> Fit {
    let mut messages = Vec::new();
    let mut parameters = start(records, comparer, samples, chances, cells);
    let mut convergence = Convergence { iterations: 0, converged: false, log_likelihood: Vec::new(), cells: cells.len() as u64 };
    let met = samples.iter().find(|s| s.class == Class::Kin).map_or(1.0, |s| (s.met as f64 + 1.0) / (s.sampled as f64 + 1.0));
    for round in 0..3 {
        if round > 0 {
            refine_u(&mut parameters, comparer, samples, chances);
        }
        iterate(&mut parameters, keys, comparer, cells, met, &mut convergence);
    }
    if !convergence.converged {
        messages.push(format!("the EM had not settled after {MAX_ITERATIONS} iterations; read the parameters before you use them"));
    }
    let count = |f: usize| parameters.m_count[f].iter().sum::<f64>();
    let thin = comparer.fields.iter().enumerate().map(|(f, field)| (field.field, count(f))).filter(|(_, n)| *n < ENOUGH).collect();
    Fit { thin, parameters, convergence, messages }
}

fn start(records: &Records, comparer: &Comparer, samples: &[Sample], chances: &[Option<f64>], cells: &[Cell]) -> Parameters {
    let m = assumed::m(comparer);
    let alike: u64 = cells.iter().filter(|c| surely_matches(comparer, c.pattern)).map(|c| c.count).sum();
    let mut parameters = Parameters {
        matches: (2.0 * alike as f64).max(records.len() as f64 * 0.02).max(1.0),
        m_count: m.iter().map(|l| vec![0.0; l.len()]).collect(),
        m,
        classes: Vec::new(),
    };
    for sample in samples {
        let u = u_of(sample, comparer, |pattern| f64::from(!surely_matches(comparer, pattern)));
        parameters.classes.push(ClassParameters { class: sample.class, pairs: sample.pairs, sampled: sample.sampled, u });
    }
    if records.len() < assumed::FEW && !samples.iter().any(|s| s.class == Class::Kin) {
        let pairs = (records.len() as f64 * 0.5).max(1.0);
        parameters.classes.push(ClassParameters { class: Class::Kin, pairs, sampled: 0, u: assumed::kin(comparer) });
    } else if let Some(kin) = samples.iter().find(|s| s.class == Class::Kin) {
        let u = parameters.classes.last().map(|c| c.u.clone()).unwrap_or_default();
        let pairs = (kin.pairs * 0.1).max(1.0);
        parameters.classes.push(ClassParameters { class: Class::KinAcross, pairs, sampled: 0, u });
    }
    adjust(&mut parameters, comparer, chances);
    parameters
}

/// Samples again without what the fit holds for matches.
fn refine_u(parameters: &mut Parameters, comparer: &Comparer, samples: &[Sample], chances: &[Option<f64>]) {
    let before = parameters.clone();
    for sample in samples {
        let Some(class) = parameters.classes.iter_mut().find(|c| c.class == sample.class) else { continue };
        let old = class.u.clone();
        class.u = u_of(sample, comparer, |pattern| {
            let matching = before.matches * product(&before.m, comparer, pattern);
            let other = sample.pairs * product(&old, comparer, pattern);
            other / (matching + other)
        });
    }
    adjust(parameters, comparer, chances);
}

/// What samples cannot tell: exact agreement of rare values comes from the frequency table, kin across listings from kin.
fn adjust(parameters: &mut Parameters, comparer: &Comparer, chances: &[Option<f64>]) {
    if let Some(stranger) = parameters.classes.iter_mut().find(|c| c.class == Class::Stranger) {
        for (levels, chance) in stranger.u.iter_mut().zip(chances) {
            if let Some(chance) = chance {
                let rest: f64 = levels[1..].iter().sum();
                let chance = chance.clamp(1e-15, 0.999);
                levels[1..].iter_mut().for_each(|l| *l *= (1.0 - chance) / rest);
                levels[0] = chance;
            }
        }
    }
    let of = |parameters: &Parameters, class: Class| parameters.classes.iter().find(|c| c.class == class).map(|c| c.u.clone());
    let strangers = of(parameters, Class::Stranger);
    let kin = of(parameters, Class::Kin);
    tie(parameters, comparer);
    for class in &mut parameters.classes {
        match class.class {
            // People of one village share a value at least as often as people at large.
            Class::Neighbour => {
                for ((levels, wide), _) in class.u.iter_mut().zip(strangers.iter().flatten()).zip(chances).filter(|(_, c)| c.is_some()) {
                    levels[0] = levels[0].max(wide[0]);
                    normalise(levels);
                }
            }
            Class::KinAcross => {
                class.u = kin.clone().unwrap_or_default();
                for (field, (levels, m)) in comparer.fields.iter().zip(class.u.iter_mut().zip(&parameters.m)) {
                    match field.slot.kind {
                        Kind::Household => *levels = vec![1e-6, 1.0 - 1e-6],
                        // The second listing lies where matches of the household lie.
                        Kind::Region => *levels = m.clone(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn iterate(parameters: &mut Parameters, keys: &Keys, comparer: &Comparer, cells: &[Cell], met: f64, convergence: &mut Convergence) {
    let across = parameters.classes.iter().position(|c| c.class == Class::KinAcross);
    let most_across = parameters.classes.iter().find(|c| c.class == Class::Kin).map_or(0.0, |c| 2.0 * c.pairs);
    // u does not move: what classes but kin across say of each cell, once.
    let fixed: Vec<(f64, f64)> = cells
        .iter()
        .map(|cell| {
            let mut sum = (0.0, 0.0);
            for class in &parameters.classes {
                let density = product(&class.u, comparer, cell.pattern);
                match class.class {
                    Class::KinAcross => sum.1 = density,
                    c if c.has_frequencies() => sum.0 += class.pairs * density * f64::from(cell.frequency).exp2(),
                    _ => sum.0 += class.pairs * density,
                }
            }
            sum
        })
        .collect();
    let mut without: FxHashMap<u16, u64> = FxHashMap::default();
    for cell in cells {
        without
            .entry(cell.mask)
            .or_insert_with(|| (0..keys.rules).filter(|r| cell.mask >> r & 1 == 1).fold(0, |fields, r| fields | !keys.uses[r]));
    }
    let eligible: Vec<u64> = cells.iter().map(|c| without[&c.mask]).collect();
    let before = assumed::m(comparer);
    let weight = assumed::matches(cells.iter().map(|c| c.count).sum());
    convergence.converged = false;
    let mut last = f64::NEG_INFINITY;
    for _ in 0..MAX_ITERATIONS {
        let mut apart: Table = parameters.m.iter().map(|l| vec![0.0; l.len()]).collect();
        let mut all = apart.clone();
        let (mut matches, mut kin, mut likelihood) = (0.0, 0.0, 0.0);
        let pairs_across = across.map_or(0.0, |c| parameters.classes[c].pairs);
        for ((cell, (others, density)), eligible) in cells.iter().zip(&fixed).zip(&eligible) {
            let count = cell.count as f64;
            let matching = parameters.matches * product(&parameters.m, comparer, cell.pattern);
            let kin_across = pairs_across * density;
            let total = (matching + kin_across + others).max(f64::MIN_POSITIVE);
            likelihood += count * total.ln();
            kin += count * kin_across / total;
            let weight = count * matching / total;
            if weight < 1e-9 {
                continue;
            }
            matches += weight;
            for (f, field) in comparer.fields.iter().enumerate() {
                let level = (cell.pattern >> field.shift & ((1 << field.bits) - 1)) as usize;
                if level > 0 {
                    all[f][level - 1] += weight;
                    if eligible >> f & 1 == 1 {
                        apart[f][level - 1] += weight;
                    }
                }
            }
        }
        likelihood -= parameters.matches;
        parameters.matches = matches.max(0.5);
        if let Some(c) = across {
            parameters.classes[c].pairs = (kin / met).clamp(1.0, most_across);
        }
        for (f, field) in comparer.fields.iter().enumerate() {
            let enough = apart[f].iter().sum::<f64>() >= ENOUGH.min(all[f].iter().sum::<f64>() * 0.02);
            let counts = if enough { &apart[f] } else { &all[f] };
            parameters.m_count[f].clone_from(counts);
            parameters.m[f] = counts.iter().zip(&before[f]).map(|(c, m)| c + weight * m).collect();
            normalise(&mut parameters.m[f]);
            order(field, &mut parameters.m[f], &parameters.classes[0].u[f]);
        }
        convergence.iterations += 1;
        convergence.log_likelihood.push(likelihood);
        if (likelihood - last).abs() <= TOLERANCE * likelihood.abs() {
            convergence.converged = true;
            break;
        }
        last = likelihood;
    }
}

/// Id levels of records that share the birth day: sampled over all pairs their u would count the birth a second time. What is left is the
/// chance that the last four digits agree, or nearly do, so the weights are bounded: about 1 in 1,000 and 1 in 30 among strangers, more
/// among people whose ids were issued in one place, and twins have ids in a row.
fn tie(parameters: &mut Parameters, comparer: &Comparer) {
    for (f, field) in comparer.fields.iter().enumerate().filter(|(_, f)| f.slot.kind == Kind::CitizenId) {
        for class in &mut parameters.classes {
            let (typo, near) = match class.class {
                Class::Stranger => (1024.0, 16.0),
                Class::Neighbour => (256.0, 8.0),
                Class::Kin | Class::KinAcross => (64.0, 0.5),
            };
            for (name, ratio) in [("typo-of-one-birth", typo), ("near-of-one-birth", near)] {
                if let Some(l) = field.names.iter().position(|n| *n == name) {
                    class.u[f][l] = (parameters.m[f][l] / ratio).min(0.9);
                }
            }
        }
    }
}

/// Two valid ids that are nearly the same are two numbers issued in a row: at most this ratio of m to u.
const NEAR_VALID: f64 = 1.0 / 1024.0;

/// Levels in order of weight, where the order means something.
pub(crate) fn order(field: &Comparison, m: &mut [f64], u: &[f64]) {
    if field.slot.kind == Kind::Household {
        return;
    }
    let Some(near) = field.names.iter().position(|n| *n == "near-valid") else { return monotone(m, u) };
    let without = |levels: &[f64]| [&levels[..near], &levels[near + 1..]].concat();
    let mut rest = without(m);
    monotone(&mut rest, &without(u));
    m[..near].copy_from_slice(&rest[..near]);
    m[near + 1..].copy_from_slice(&rest[near..]);
    m[near] = m[near].min(u[near] * NEAR_VALID);
}

/// Makes m / u fall from level to level: levels out of order share one ratio (pool adjacent violators).
pub(crate) fn monotone(m: &mut [f64], u: &[f64]) {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (m, u) in m.iter().zip(u) {
        let mut pool = (*m, *u, 1);
        while let Some(last) = pools.last().copied().filter(|last| last.0 * pool.1 < pool.0 * last.1) {
            pool = (last.0 + pool.0, last.1 + pool.1, last.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let mut at = 0;
    for (sum_m, sum_u, n) in pools {
        for i in at..at + n {
            m[i] = u[i] * sum_m / sum_u;
        }
        at += n;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn levels_fall_and_still_sum_to_one(raw in proptest::collection::vec((0.001f64..1.0, 0.001f64..1.0), 1..8)) {
            let mut m: Vec<f64> = raw.iter().map(|p| p.0).collect();
            let mut u: Vec<f64> = raw.iter().map(|p| p.1).collect();
            normalise(&mut m);
            normalise(&mut u);
            let before = m.clone();
            monotone(&mut m, &u);
            prop_assert!((m.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            prop_assert!(m.windows(2).zip(u.windows(2)).all(|(m, u)| m[0] / u[0] >= m[1] / u[1] * (1.0 - 1e-9)));
            if before.windows(2).zip(u.windows(2)).all(|(m, u)| m[0] / u[0] >= m[1] / u[1]) {
                prop_assert!(m.iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-12));
            }
        }
    }
}
