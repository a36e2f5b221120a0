//! Term frequencies: the chance that another person has the value by accident. Rare values that agree weigh more.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::assumed;
use super::compare::{Comparer, Comparison};
use super::model::{FieldModel, TermFrequency};
use super::normalise::mix;
use super::records::Records;
use super::spec::{Kind, Spec};

/// Values listed per field.
const LISTED: usize = 5000;
/// Two people issued one id, as a share of people: an assumption, since a clean register shows none.
const ID_ISSUED_TWICE: f64 = 1e-4;
/// Ratios to the average chance are kept within 2^-31 to 2^31, so that they fit a cell of the counts.
pub(crate) const MOST: f64 = 31.0;

/// Whether exact agreement of a field is weighed by how rare the value is.
pub(crate) fn applies(spec: &Spec, field: &Comparison) -> bool {
    let kind = field.slot.kind;
    let usual = matches!(kind, Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Phone | Kind::Account | Kind::CitizenId);
    spec.fields[field.field].term_frequency.unwrap_or(usual) && !matches!(kind, Kind::Household) && field.names.first() == Some(&"exact")
}

/// Hash of a value as the tables list it.
fn value(records: &Records, field: &Comparison, record: usize) -> u64 {
    let slot = field.slot;
    let word = records.cell(record, slot.word);
    match slot.kind {
        Kind::CitizenId => match records.cell(record, slot.word + 1) & 0x1f_00_ffff_ffff {
            0 => 0,
            rest => mix(word ^ mix(rest)).max(1),
        },
        _ if word == 0 => 0,
        Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Code => records.dictionaries[slot.dictionary].hash(word as u32),
        Kind::Date | Kind::Sex => mix(word & 0xffff_ffff),
        _ => mix(word),
    }
}

fn sound(records: &Records, field: &Comparison, record: usize) -> u64 {
    let word = records.cell(record, field.slot.word);
    if word == 0 { 0 } else { records.dictionaries[field.slot.dictionary].entry(word as u32).sound }
}

/// Counts the values of a field. `doubles`: matching pairs per record, by which people are fewer than records.
pub(crate) fn count(records: &Records, spec: &Spec, field: &Comparison, doubles: f64) -> TermFrequency {
    let people = match field.slot.kind {
        Kind::Phone | Kind::Account | Kind::CitizenId => spec
            .first(Kind::PersonName)
            .map(|i| &records.slots[i])
            .map(|s| (s.word, 32))
            .or_else(|| spec.first(Kind::LatinName).map(|i| (records.slots[i].word, 32))),
        _ => None,
    };
    let values: Vec<(u64, u32)> = (0..records.len())
        .into_par_iter()
        .map(|r| (value(records, field, r), people.map_or(0, |(word, shift)| (records.cell(r, word) >> shift) as u32)))
        .collect();
    tabulate(values, people.is_some(), field.slot.kind, doubles)
}

/// The same of toneless pinyin.
pub(crate) fn count_sounds(records: &Records, field: &Comparison, doubles: f64) -> TermFrequency {
    let values: Vec<(u64, u32)> = (0..records.len()).into_par_iter().map(|r| (sound(records, field, r), 0)).collect();
    tabulate(values, false, field.slot.kind, doubles)
}

fn tabulate(mut values: Vec<(u64, u32)>, by_people: bool, kind: Kind, doubles: f64) -> TermFrequency {
    values.par_sort_unstable();
    let start = values.partition_point(|v| v.0 == 0);
    let values = &values[start..];
    let n = values.len().max(1) as f64;
    let persons = n / (1.0 + doubles);
    // Chance of a value, from the people on it or, where people are not told apart, from its records.
    let chance = |records: usize, people: usize| -> f64 {
        let others = match kind {
            Kind::CitizenId => (people as f64 - 2.0).max(ID_ISSUED_TWICE),
            _ if by_people => (people as f64 - 1.0).max(0.1),
            _ => (records as f64 / (1.0 + doubles) - 1.0).max(0.3),
        };
        ((others + assumed::PEOPLE * assumed::chance(kind)) / (persons + assumed::PEOPLE)).min(1.0)
    };
    let mut counted: Vec<(u64, usize, f64)> = values
        .chunk_by(|x, y| x.0 == y.0)
        .map(|run| {
            let people = if by_people { run.chunk_by(|x, y| x.1 == y.1).count() } else { 1 };
            (run[0].0, run.len(), chance(run.len(), people))
        })
        .collect();
    let average = counted.iter().map(|(_, k, c)| *k as f64 * c).sum::<f64>() / n;
    counted.sort_unstable_by(|x, y| y.2.total_cmp(&x.2).then(x.0.cmp(&y.0)));
    // A value at the floor needs no line: it is the rest.
    let listed = counted.iter().take(LISTED).take_while(|(_, k, c)| *c > chance(1, 1) || *k > 8).count();
    let rest = &counted[listed..];
    let weight: f64 = rest.iter().map(|(_, k, _)| *k as f64).sum();
    let rest = if weight > 0.0 { rest.iter().map(|(_, k, c)| *k as f64 * c).sum::<f64>() / weight } else { chance(1, 1) };
    let values = counted[..listed].iter().map(|(v, _, c)| (format!("{v:016x}"), *c)).collect::<BTreeMap<_, _>>();
    TermFrequency { total: n as u64, chance: average.max(1e-18), rest, values }
}

/// Kinds whose ratios are kept by text, in 32 bits; the others by record, in sixteenths of a bit.
fn by_text(kind: Kind) -> bool {
    matches!(kind, Kind::PersonName | Kind::LatinName | Kind::Text | Kind::Code)
}

/// Log2 ratio of one field of a pair, as [`Frequencies::of_field`] has it, without tables for all records.
pub(crate) fn of_one(records: &Records, comparison: &Comparison, field: &FieldModel, level: u64, record: usize) -> f64 {
    let (table, value) = match level {
        1 => (&field.term_frequency, value(records, comparison, record)),
        2 => match &field.sound_frequency {
            Some(_) => (&field.sound_frequency, sound(records, comparison, record)),
            None => return 0.0,
        },
        _ => return 0.0,
    };
    let Some(table) = table else { return 0.0 };
    let chance = table.values.get(&format!("{value:016x}")).copied().unwrap_or(table.rest);
    let ratio = (chance / table.chance).log2().clamp(-MOST, MOST);
    if by_text(comparison.slot.kind) { f64::from(ratio as f32) } else { (ratio * 16.0).round() / 16.0 }
}

/// Log2 of (chance of a record's value / average chance), for all records and fields of a model.
pub(crate) struct Frequencies {
    /// By comparison: values, and sounds.
    exact: Vec<Option<Ratio>>,
    sounds: Vec<Option<Ratio>>,
}

enum Ratio {
    /// By number in the dictionary.
    ByText(Vec<f32>),
    /// By record; stored in sixteenths of a bit.
    ByRecord(Vec<i16>),
}

impl Ratio {
    fn at(&self, records: &Records, field: &Comparison, record: usize) -> f64 {
        match self {
            Ratio::ByText(ratios) => f64::from(ratios[records.cell(record, field.slot.word) as u32 as usize]),
            Ratio::ByRecord(ratios) => f64::from(ratios[record]) / 16.0,
        }
    }
}

impl Frequencies {
    pub fn new(records: &Records, comparer: &Comparer, fields: &[FieldModel]) -> Frequencies {
        let of = |table: &TermFrequency| -> (FxHashMap<u64, f64>, f64) {
            let ratio = |c: f64| (c / table.chance).log2().clamp(-MOST, MOST);
            let listed = table.values.iter().filter_map(|(v, c)| u64::from_str_radix(v, 16).ok().map(|v| (v, ratio(*c)))).collect();
            (listed, ratio(table.rest))
        };
        let mut all = Frequencies { exact: Vec::new(), sounds: Vec::new() };
        for (comparison, field) in comparer.fields.iter().zip(fields) {
            let slot = comparison.slot;
            let texts = by_text(slot.kind);
            all.exact.push(field.term_frequency.as_ref().map(|table| {
                let (listed, rest) = of(table);
                if texts {
                    let entries = &records.dictionaries[slot.dictionary].entries;
                    Ratio::ByText(entries.iter().map(|e| *listed.get(&e.hash).unwrap_or(&rest) as f32).collect())
                } else {
                    let sixteenths = |record| (*listed.get(&value(records, comparison, record)).unwrap_or(&rest) * 16.0).round() as i16;
                    Ratio::ByRecord((0..records.len()).into_par_iter().map(sixteenths).collect())
                }
            }));
            all.sounds.push(field.sound_frequency.as_ref().map(|table| {
                let (listed, rest) = of(table);
                let entries = &records.dictionaries[slot.dictionary].entries;
                Ratio::ByText(entries.iter().map(|e| *listed.get(&e.sound).unwrap_or(&rest) as f32).collect())
            }));
        }
        all
    }

    /// Log2 ratio of one field of a pair, given its level; 0 where frequency plays no part.
    pub fn of_field(&self, records: &Records, comparison: &Comparison, at: usize, level: u64, a: usize) -> f64 {
        let ratios = match level {
            1 => &self.exact[at],
            2 => &self.sounds[at],
            _ => return 0.0,
        };
        ratios.as_ref().map_or(0.0, |r| r.at(records, comparison, a))
    }

    /// Of all fields together.
    pub fn of_pair(&self, records: &Records, comparer: &Comparer, pattern: u64, a: usize) -> f64 {
        let mut sum = 0.0;
        for (at, field) in comparer.fields.iter().enumerate() {
            let level = pattern >> field.shift & ((1 << field.bits) - 1);
            if level == 1 || level == 2 {
                sum += self.of_field(records, field, at, level, a);
            }
        }
        sum
    }
}
