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
        Kind::CitizenId => match records.cell(record, slot.word + 1) & 0x1f00_ffff_ffff {
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

/// A field's values, counted once: (hash, records, people), sorted by hash.
pub(crate) struct Counts {
    kind: Kind,
    by_people: bool,
    values: Vec<(u64, u32, u32)>,
}

/// Counts the values of a field: of phones, accounts and ids the people on them, told apart by the sound of their names.
pub(crate) fn count(records: &Records, spec: &Spec, field: &Comparison) -> Counts {
    let slot = field.slot;
    if by_text(slot.kind) {
        let records_of = texts(records, field);
        let entries = &records.dictionaries[slot.dictionary].entries;
        let values = entries.iter().zip(records_of).skip(1).map(|(e, k)| (e.hash, k, 1)).collect();
        return Counts::new(slot.kind, false, values);
    }
    let name = spec.first(Kind::PersonName).or_else(|| spec.first(Kind::LatinName)).map(|i| records.slots[i].word);
    let by_people = name.is_some() && matches!(slot.kind, Kind::Phone | Kind::Account | Kind::CitizenId);
    let name = name.filter(|_| by_people);
    let mut all: Vec<(u64, u32)> = (0..records.len())
        .into_par_iter()
        .map(|r| (value(records, field, r), name.map_or(0, |word| (records.cell(r, word) >> 32) as u32)))
        .filter(|v| v.0 != 0)
        .collect();
    all.par_sort_unstable();
    let one = |run: &[(u64, u32)]| {
        let people = if by_people { run.chunk_by(|x, y| x.1 == y.1).count() } else { 1 };
        (run[0].0, run.len() as u32, people as u32)
    };
    Counts::new(slot.kind, by_people, all.chunk_by(|x, y| x.0 == y.0).map(one).collect())
}

/// The same of toneless pinyin.
pub(crate) fn count_sounds(records: &Records, field: &Comparison) -> Counts {
    let records_of = texts(records, field);
    let entries = &records.dictionaries[field.slot.dictionary].entries;
    let mut all: Vec<(u64, u32)> = entries.iter().zip(records_of).skip(1).map(|(e, k)| (e.sound, k)).collect();
    all.sort_unstable();
    let one = |run: &[(u64, u32)]| (run[0].0, run.iter().map(|r| r.1).sum(), 1);
    Counts::new(field.slot.kind, false, all.chunk_by(|x, y| x.0 == y.0).map(one).collect())
}

/// Records by number of the text.
fn texts(records: &Records, field: &Comparison) -> Vec<u32> {
    let mut counts = vec![0u32; records.dictionaries[field.slot.dictionary].entries.len().max(1)];
    for r in 0..records.len() {
        counts[records.cell(r, field.slot.word) as u32 as usize] += 1;
    }
    counts
}

impl Counts {
    fn new(kind: Kind, by_people: bool, mut values: Vec<(u64, u32, u32)>) -> Counts {
        values.sort_unstable();
        Counts { kind, by_people, values }
    }

    /// Chances of the values. `doubles`: matching pairs per record, by which people are fewer than records.
    pub fn table(&self, doubles: f64) -> TermFrequency {
        let n = self.values.iter().map(|v| f64::from(v.1)).sum::<f64>().max(1.0);
        let persons = n / (1.0 + doubles);
        // From the people on a value or, where people are not told apart, from its records.
        let chance = |records: u32, people: u32| -> f64 {
            let others = match self.kind {
                Kind::CitizenId => (f64::from(people) - 2.0).max(ID_ISSUED_TWICE),
                _ if self.by_people => (f64::from(people) - 1.0).max(0.1),
                _ => (f64::from(records) / (1.0 + doubles) - 1.0).max(0.3),
            };
            ((others + assumed::PEOPLE * assumed::chance(self.kind)) / (persons + assumed::PEOPLE)).min(1.0)
        };
        // A value at the floor needs no line: it is the rest.
        let floor = chance(1, 1);
        let mut listed: Vec<(u64, u32, f64)> = self
            .values
            .iter()
            .map(|(v, records, people)| (*v, *records, chance(*records, *people)))
            .filter(|(_, records, c)| *c > floor || *records > 8)
            .collect();
        listed.sort_unstable_by(|x, y| y.2.total_cmp(&x.2).then(x.0.cmp(&y.0)));
        listed.truncate(LISTED);
        let sum = |of: &mut dyn Iterator<Item = (f64, f64)>| of.fold((0.0, 0.0), |s, (k, c)| (s.0 + k, s.1 + k * c));
        let all = sum(&mut self.values.iter().map(|(_, k, p)| (f64::from(*k), chance(*k, *p))));
        let top = sum(&mut listed.iter().map(|(_, k, c)| (f64::from(*k), *c)));
        let rest = if all.0 - top.0 > 0.5 { ((all.1 - top.1) / (all.0 - top.0)).max(floor) } else { floor };
        let values = listed.iter().map(|(v, _, c)| (format!("{v:016x}"), *c)).collect::<BTreeMap<_, _>>();
        TermFrequency { total: n as u64, chance: (all.1 / n).max(1e-18), rest, values }
    }
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
                    let sixteenths = |ratio: f64| (ratio * 16.0).round() as i16;
                    let listed: FxHashMap<u64, i16> = listed.into_iter().map(|(value, ratio)| (value, sixteenths(ratio))).collect();
                    let rest = sixteenths(rest);
                    let of = |record| *listed.get(&value(records, comparison, record)).unwrap_or(&rest);
                    Ratio::ByRecord((0..records.len()).into_par_iter().map(of).collect())
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
