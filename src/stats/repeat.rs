//! Records that repeat each other more than records of people do.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::chart::Chart;
use super::judged::{Judged, NO_VALUE, TOO_FEW, TOO_FEW_PEERS, output};
use super::kernel::{Column, D2, D6, D9, INT, Inputs, MISSING, Output, TEXT, columns, decimal};
use super::share::wilson;
use super::similar::{self, Expected, Features};
use super::tail::{Tail, binomial};

/// The set of records of a group that agree in all columns and are least likely to do so by chance.
///
/// Values of a unit: records a set must have, records a group must have, columns that must say something, share of the peers from which on a value is a standard amount (millionths),
/// similarity from which on records repeat each other (millionths; missing: found from the data), letters a text must have, keys of its family, keys of its peers. Values of a member: the
/// columns; what makes records count once; its date. Zero and no value say nothing.
///
/// Null: columns come about independently, each value as often as among the peers' records outside the group, half a record added: f = (C - c + 1/2) / (N - n + 1). A record equals a
/// given one with the product of them; p of a set of m among n is P(Bin(n - 1, product) >= m - 1) times the number of different records, at most 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repeat {
    pub columns: usize,
    /// Near records are one; else equal ones only. A single text column is compared by its letters.
    pub near: bool,
    pub families: usize,
    pub peers: usize,
}

pub const COLUMNS: &[(&str, crate::schema::Type)] = columns! {
    "n": INT, "n_excluded": INT, "excluded": TEXT, "same": INT, "sets": INT, "repeated": INT, "expected": D6, "similar": D2, "expected_similar": D2,
    "effect": D6, "effect.low": D6, "effect.high": D6, "chart": TEXT,
};

const MIN: usize = 0;
const MIN_N: usize = 1;
const MIN_COLUMNS: usize = 2;
const STANDARD: usize = 3;
const SIMILAR: usize = 4;
const MIN_LENGTH: usize = 5;
const KEYS: usize = 6;
/// Where nothing else is known.
const USUAL: f64 = 0.8;
/// Less similar records do not repeat each other, however rare that is.
const LEAST: f64 = 0.6;

/// How often each value of each column is there.
#[derive(Default)]
struct Counts {
    of: FxHashMap<(usize, i64), u64>,
    records: u64,
}

impl Counts {
    fn get(&self, column: usize, value: i64) -> u64 {
        self.of.get(&(column, value)).copied().unwrap_or(0)
    }
}

pub fn run(spec: &Repeat, inputs: &Inputs<'_>) -> Output {
    let (values, near) = if spec.near { classes(spec, inputs) } else { (inputs.members[..spec.columns].iter().map(Cow::Borrowed).collect(), None) };
    let peers = inputs.ids(KEYS..KEYS + spec.families + spec.peers);
    let mut totals: Vec<Counts> = vec![];
    for (unit, &id) in peers.iter().enumerate() {
        while totals.len() <= id as usize {
            totals.push(Counts::default());
        }
        let total = &mut totals[id as usize];
        for member in inputs.starts[unit]..inputs.starts[unit + 1] {
            total.records += 1;
            for (column, values) in values.iter().enumerate() {
                *total.of.entry((column, values[member])).or_default() += 1;
            }
        }
    }
    let units: Vec<Judged<9>> = (0..inputs.len())
        .into_par_iter()
        .with_min_len(16)
        .map(|unit| judge(spec, inputs, unit, &values, &totals[peers[unit] as usize], near))
        .collect();
    output(&units, &inputs.ids(KEYS..KEYS + spec.families))
}

/// Records of one vector: how likely another one is, and its members by what makes them count once.
struct Set {
    chance: f64,
    /// What makes a member count once, and the first such member.
    members: Vec<(i64, usize)>,
    p: Tail,
}

fn judge(spec: &Repeat, inputs: &Inputs<'_>, unit: usize, values: &[Cow<'_, Vec<i64>>], total: &Counts, near: Option<Near>) -> Judged<9> {
    let range = inputs.starts[unit]..inputs.starts[unit + 1];
    let [min, min_n, min_columns, standard] = [MIN, MIN_N, MIN_COLUMNS, STANDARD].map(|value| inputs.unit_value(value, unit));
    let apart = &inputs.members[inputs.members.len() - 2];
    let mut own = Counts::default();
    for member in range.clone() {
        own.records += 1;
        for (column, values) in values.iter().enumerate() {
            *own.of.entry((column, values[member])).or_default() += 1;
        }
    }
    let frequency = |column: usize, value: i64| {
        (total.get(column, value) - own.get(column, value)) as f64 + 0.5
    };
    let outside = (total.records - own.records) as f64 + 1.0;
    let (mut silent, mut usual) = (0u64, 0u64);
    let mut vectors: Vec<(Vec<i64>, i64, usize)> = vec![];
    for member in range {
        let vector: Vec<i64> = values.iter().map(|values| values[member]).collect();
        let says = |value: i64| value != 0 && value != MISSING;
        let rare = |column: usize, value: i64| frequency(column, value) * 1e6 <= standard as f64 * outside;
        let said = vector.iter().filter(|v| says(**v)).count();
        let told = vector.iter().enumerate().filter(|(column, v)| says(**v) && rare(*column, **v)).count();
        let asked = usize::try_from(min_columns).unwrap_or(spec.columns).clamp(1, spec.columns);
        if said < asked {
            silent += 1;
        } else if told < asked {
            usual += 1;
        } else {
            let once = if apart[member] == MISSING { -1 - member as i64 } else { apart[member] };
            vectors.push((vector, once, member));
        }
    }
    let n = vectors.len() as u64;
    let excluded = vec![(silent, "without enough values"), (usual, "with standard amounts")];
    if [min, min_n, standard].contains(&MISSING) {
        return Judged::untested(n, excluded, NO_VALUE);
    }
    if (n as i64) < min_n.max(2) {
        return Judged::untested(n, excluded, TOO_FEW);
    }
    if (total.records - own.records) < min_n.max(2) as u64 {
        return Judged::untested(n, excluded, TOO_FEW_PEERS);
    }
    vectors.sort_unstable();
    // A record that repeats one of its own counts once.
    vectors.dedup_by(|a, b| a.0 == b.0 && a.1 == b.1);
    let mut sets: Vec<Set> = vectors
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| {
            let chance = same[0].0.iter().enumerate().map(|(column, value)| frequency(column, *value) / outside).product();
            Set { chance, members: same.iter().map(|(_, once, member)| (*once, *member)).collect(), p: Tail { ln: 0.0 } }
        })
        .collect();
    let (different, trials) = (sets.len() as f64, vectors.len() as u64 + silent + usual - 1);
    sets.retain(|set| set.members.len() as i64 >= min.max(2));
    for set in &mut sets {
        let chance = binomial(set.members.len() as u64 - 1, trials, set.chance).0;
        set.p = Tail { ln: (chance.ln + different.ln()).min(0.0) };
        set.members.sort_unstable_by_key(|(_, member)| *member);
    }
    // The least likely first, of these the largest.
    sets.sort_by(|a, b| {
        a.p.ln.total_cmp(&b.p.ln).then(b.members.len().cmp(&a.members.len())).then(a.members[0].1.cmp(&b.members[0].1))
    });
    let used = vectors.len() as u64;
    let repeated: u64 = sets.iter().map(|set| set.members.len() as u64).sum();
    let (p, same, expected) = sets.first().map_or((Tail { ln: 0.0 }, 1, 0.0), |set| (set.p, set.members.len() as u64, set.chance * trials as f64));
    let (low, high) = wilson(repeated as i64, used as i64);
    let figures = [
        same as i64,
        sets.len() as i64,
        repeated as i64,
        decimal(expected, 6),
        near.map_or(decimal(1.0, 2), |near| decimal(near.similar, 2)),
        near.and_then(|near| near.usual).map_or(MISSING, |usual| decimal(usual.mean, 2)),
        decimal(repeated as f64 / used as f64, 6),
        decimal(low, 6),
        decimal(high, 6),
    ];
    let share = ((1.0 + expected) / used as f64).min(1.0);
    let labels = ["same".to_owned(), "other".to_owned()];
    let chart = Chart::of(labels.into_iter(), &[same, used - same], &[share, 1.0 - share]);
    let leads = sets.iter().flat_map(|set| set.members.iter().map(|(_, member)| *member)).collect();
    Judged { n: used, excluded, p: Ok(p), figures, chart: Some(chart), leads }
}

/// From which similarity on, and what is usual among records of different groups.
#[derive(Clone, Copy)]
struct Near {
    similar: f64,
    usual: Option<Expected>,
}

/// The class of near-identical ones that each member belongs to as the one column that is compared; 0 (it says nothing) where it is too short.
fn classes<'a>(spec: &Repeat, inputs: &Inputs<'a>) -> (Vec<Cow<'a, Vec<i64>>>, Option<Near>) {
    let count = inputs.members[0].len();
    let texts = inputs.texts.first().filter(|texts| !texts.is_empty());
    // Settings of the rule are the same for all groups.
    let setting = |value: usize| (0..inputs.len()).map(|unit| inputs.unit_value(value, unit)).find(|v| *v != MISSING);
    let least = setting(MIN_LENGTH).unwrap_or(0).max(1) as usize;
    let (sets, of_member) = match texts {
        Some(texts) => of_texts(texts, &inputs.members[0], least),
        None => of_records(&inputs.members[..spec.columns], count),
    };
    let units = (0..inputs.len()).flat_map(|unit| inputs.starts[unit]..inputs.starts[unit + 1]).zip(
        (0..inputs.len()).flat_map(|unit| std::iter::repeat_n(unit, inputs.starts[unit + 1] - inputs.starts[unit])),
    );
    let members: Vec<(usize, usize)> = units.filter_map(|(member, unit)| Some((unit, of_member[member]?))).collect();
    let usual = similar::expected(&members, &sets);
    let found = usual.map_or(USUAL, |usual| usual.high.max(LEAST));
    let similar = setting(SIMILAR).map_or(found, |millionths| millionths as f64 / 1e6);
    let class = similar::classes(&sets, similar);
    // 0 is kept for what says nothing.
    let column = of_member.iter().map(|set| set.map_or(0, |set| class[set] as i64 + 1)).collect();
    (vec![Cow::Owned(column)], Some(Near { similar, usual }))
}

/// Sets of features in the order of the texts, and that of each member.
fn of_texts(texts: &[Arc<str>], ranks: &[i64], least: usize) -> (Vec<Features>, Vec<Option<usize>>) {
    let letters: Vec<Option<Features>> = texts
        .par_iter()
        .map(|text| {
            let letters = similar::letters(text);
            (letters.len() >= least).then(|| similar::of_letters(&letters))
        })
        .collect();
    let mut place = vec![None; texts.len()];
    let mut sets = vec![];
    for (at, features) in letters.into_iter().enumerate() {
        if let Some(features) = features {
            place[at] = Some(sets.len());
            sets.push(features);
        }
    }
    let of_member = ranks.iter().map(|&rank| usize::try_from(rank).ok().and_then(|rank| place[rank])).collect();
    (sets, of_member)
}

/// The same of records by their values, in the order of the values.
fn of_records(columns: &[Vec<i64>], count: usize) -> (Vec<Features>, Vec<Option<usize>>) {
    let vector = |member: usize| columns.iter().map(|values| values[member]).collect::<Vec<i64>>();
    let mut known: Vec<Vec<i64>> = (0..count).map(vector).collect();
    known.sort_unstable();
    known.dedup();
    let sets: Vec<Features> = known
        .par_iter()
        .map(|vector| similar::of_values(vector.iter().copied().enumerate().filter(|(_, value)| *value != 0 && *value != MISSING)))
        .collect();
    let of_member = (0..count).map(|member| known.binary_search(&vector(member)).ok().filter(|&at| !sets[at].is_empty())).collect();
    (sets, of_member)
}
