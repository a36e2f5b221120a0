//! What is assumed of m and u before anything is counted: orders of magnitude of national registers. They carry tables of a few rows,
//! where nothing can be sampled, and are outweighed by the counts of larger ones.

use super::compare::{Comparer, Comparison, LUNAR, known_levels};
use super::parameters::Table;
use super::spec::Kind;

/// Matches, stranger pairs and people that the assumptions stand for.
const MATCHES: f64 = 20.0;
const MATCHES_OF_FEW: f64 = 200.0;
/// Under this many compared pairs m is hardly learnt: one or two pairs would teach themselves.
const FEW_PAIRS: u64 = 20_000;
pub(crate) const STRANGERS: f64 = 10_000.0;
pub(crate) const PEOPLE: f64 = 1000.0;
/// Under this many records kin are not sampled but assumed.
pub(crate) const FEW: usize = 200;

struct Levels {
    m: &'static [f64],
    strangers: &'static [f64],
    kin: &'static [f64],
}

/// By known level of the kind, then `differ`.
fn of(kind: Kind) -> Levels {
    let levels = |m, strangers, kin| Levels { m, strangers, kin };
    match kind {
        Kind::CitizenId => levels(
            &[0.896, 0.01, 0.01, 0.005, 0.04, 0.015, 0.02, 1e-6, 0.003999],
            &[1e-9, 1e-7, 1e-6, 2e-5, 4e-5, 1e-3, 0.07, 1e-4, 0.93],
            &[2e-3, 1e-4, 3e-5, 5e-5, 6e-4, 0.03, 0.07, 1.5e-3, 0.896],
        ),
        Kind::PersonName => levels(
            &[0.86, 0.05, 0.03, 0.015, 0.01, 0.02, 0.015],
            &[1e-4, 2e-5, 4e-4, 2e-4, 5e-4, 0.03, 0.97],
            &[5e-4, 2e-4, 0.02, 4e-3, 3e-4, 0.43, 0.545],
        ),
        Kind::LatinName => levels(&[0.75, 0.1, 0.06, 0.03, 0.06], &[3e-3, 2e-3, 5e-3, 0.02, 0.97], &[0.25, 0.01, 0.02, 0.03, 0.69]),
        Kind::Text => levels(&[0.7, 0.08, 0.08, 0.06, 0.08], &[2e-3, 1e-3, 4e-3, 0.02, 0.973], &[0.5, 0.02, 0.03, 0.03, 0.42]),
        Kind::Date => levels(
            &[0.92, 0.008, 0.03, 0.025, 0.018, 0.002, 0.005],
            &[5e-5, 8e-5, 3e-4, 1e-3, 2.5e-3, 0.012, 0.984],
            &[2.5e-3, 1e-4, 5e-4, 2e-3, 4e-3, 0.015, 0.976],
        ),
        Kind::Sex => levels(&[0.99, 0.01], &[0.5, 0.5], &[0.44, 0.56]),
        Kind::Code => levels(&[0.85, 0.15], &[0.1, 0.9], &[0.6, 0.4]),
        Kind::Region => levels(&[0.7, 0.12, 0.1, 0.08], &[1e-3, 0.01, 0.1, 0.889], &[0.99, 6e-3, 3e-3, 1e-3]),
        Kind::Phone => levels(&[0.7, 0.02, 0.28], &[1e-6, 1e-7, 1.0], &[0.4, 4e-3, 0.596]),
        Kind::Account => levels(&[0.75, 0.01, 0.24], &[1e-6, 1e-7, 1.0], &[0.65, 1e-4, 0.35]),
        Kind::Number => levels(&[0.8, 0.08, 0.06, 0.06], &[0.01, 0.02, 0.1, 0.87], &[0.2, 0.05, 0.1, 0.65]),
        Kind::Household => levels(&[0.02, 0.98], &[1e-3, 0.999], &[0.5, 0.5]),
        Kind::Register | Kind::Relation | Kind::Money => levels(&[], &[], &[]),
    }
}

/// Sums of known levels into the declared ones, as probabilities.
fn declared(field: &Comparison, known: &[f64]) -> Vec<f64> {
    let mut levels = vec![0.0; field.names.len()];
    for (i, p) in known.iter().enumerate() {
        // A date that is not read by the lunar calendar never reaches that level.
        if known_levels(field.slot.kind).get(i) == Some(&LUNAR) && !field.lunar {
            continue;
        }
        levels[field.remap[i + 1] as usize - 1] += p;
    }
    let sum: f64 = levels.iter().sum();
    levels.iter_mut().for_each(|l| *l = (*l / sum).max(1e-12));
    levels
}

pub(crate) fn m(comparer: &Comparer) -> Table {
    comparer.fields.iter().map(|f| declared(f, of(f.slot.kind).m)).collect()
}

/// Matches that the assumed m stands for, by the number of compared pairs.
pub(crate) fn matches(compared: u64) -> f64 {
    if compared < FEW_PAIRS { MATCHES_OF_FEW } else { MATCHES }
}

pub(crate) fn strangers(comparer: &Comparer) -> Table {
    comparer.fields.iter().map(|f| declared(f, of(f.slot.kind).strangers)).collect()
}

pub(crate) fn kin(comparer: &Comparer) -> Table {
    comparer.fields.iter().map(|f| declared(f, of(f.slot.kind).kin)).collect()
}

/// Chance that two strangers share a value of the kind.
pub(crate) fn chance(kind: Kind) -> f64 {
    of(kind).strangers.first().copied().unwrap_or(0.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_its_figures() {
        for kind in [
            Kind::CitizenId,
            Kind::PersonName,
            Kind::LatinName,
            Kind::Date,
            Kind::Sex,
            Kind::Region,
            Kind::Phone,
            Kind::Account,
            Kind::Text,
            Kind::Number,
            Kind::Code,
            Kind::Household,
        ] {
            let levels = of(kind);
            for figures in [levels.m, levels.strangers, levels.kin] {
                assert_eq!(figures.len(), known_levels(kind).len() + 1, "{kind:?}");
                assert!((figures.iter().sum::<f64>() - 1.0).abs() < 0.01, "{kind:?} {}", figures.iter().sum::<f64>());
            }
        }
    }
}
