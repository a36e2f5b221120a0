//! Records that repeat each other more than records of people do.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::chart::Chart;
use super::judged::{Judged, NO_VALUE, TOO_FEW, TOO_FEW_PEERS, output};
use super::kernel::{D2, D6, D9, INT, Inputs, MISSING, Output, TEXT, columns, decimal};
use super::share::wilson;
use super::similar::{self, Expected, Features};
use super::tail::{Tail, binomial};

/// The set of records of a group that agree in all columns and are least likely to do so by chance.
///
/// Values of a unit: records a set must have, records a group must have, columns that must say something, share of the peers from which on a value is a standard amount (millionths),
/// similarity from which on records repeat each other (millionths; missing: found from the data), letters a text must have, keys of its family, keys of its peers. Values of a member: the
/// columns; what makes records count once; its date. Zero and no value say nothing.
///
/// `peer.n` counts records of the other groups; `without_top.p` is that of the next set, were it not for the least likely one.
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
    "effect": D6, "effect.low": D6, "effect.high": D6, "peer.n": INT, "without_top.p": D9, "chart": TEXT,
};

const MIN: usize = 0;
const MIN_N: usize = 1;
const MIN_COLUMNS: usize = 2;
const STANDARD: usize = 3;
const SIMILAR: usize = 4;
const MIN_LENGTH: usize = 5;
const KEYS: usize = 6;
/// Of texts, where nothing else is known.
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
    let (values, near) = if spec.near { classes(spec, inputs) } else { (plain(spec, inputs), None) };
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
    let units: Vec<Judged<11>> = (0..inputs.len())
        .into_par_iter()
        .with_min_len(16)
        .map(|unit| judge(inputs, unit, &values, &totals[peers[unit] as usize], near))
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

fn judge(inputs: &Inputs<'_>, unit: usize, values: &[Cow<'_, [i64]>], total: &Counts, near: Option<Near>) -> Judged<11> {
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
    let elsewhere = |column: usize, value: i64| total.get(column, value) - own.get(column, value);
    let outside = (total.records - own.records) as f64 + 1.0;
    let (mut silent, mut usual) = (0u64, 0u64);
    let mut vectors: Vec<(Vec<i64>, i64, usize)> = vec![];
    for member in range {
        let vector: Vec<i64> = values.iter().map(|values| values[member]).collect();
        let says = |value: i64| value != 0 && value != MISSING;
        let rare = |column: usize, value: i64| elsewhere(column, value) as f64 * 1e6 <= standard as f64 * (outside - 1.0);
        let said = vector.iter().filter(|v| says(**v)).count();
        let told = vector.iter().enumerate().filter(|(column, v)| says(**v) && rare(*column, **v)).count();
        let asked = usize::try_from(min_columns).unwrap_or(values.len()).clamp(1, values.len());
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
    if [min, min_n, min_columns, standard].contains(&MISSING) {
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
            let chance = same[0].0.iter().enumerate().map(|(column, value)| (elsewhere(column, *value) as f64 + 0.5) / outside).product();
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
    sets.sort_by(|a, b| a.p.ln.total_cmp(&b.p.ln).then(b.members.len().cmp(&a.members.len())).then(a.members[0].1.cmp(&b.members[0].1)));
    let used = vectors.len() as u64;
    let repeated: u64 = sets.iter().map(|set| set.members.len() as u64).sum();
    let (p, same, expected) =
        sets.first().map_or((Tail { ln: 0.0 }, 1, 0.0), |set| (set.p, set.members.len() as u64, set.chance * trials as f64));
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
        (total.records - own.records) as i64,
        sets.get(1).map_or(MISSING, |set| decimal(set.p.p(), 9)),
    ];
    let share = ((1.0 + expected) / used as f64).min(1.0);
    let labels = ["same".to_owned(), "other".to_owned()];
    let chart = Chart::of(labels.into_iter(), &[same, used - same], &[share, 1.0 - share]);
    let leads = sets.iter().flat_map(|set| set.members.iter().map(|(_, member)| *member)).collect();
    Judged { n: used, excluded, p: Ok(p), figures, chart: Some(chart), leads }
}

/// The columns as they are. The first text of a column says something too: 0 is kept for what does not.
fn plain<'a>(spec: &Repeat, inputs: &Inputs<'a>) -> Vec<Cow<'a, [i64]>> {
    let column = |(column, values): (usize, &'a Vec<i64>)| match inputs.texts.get(column) {
        Some(texts) if !texts.is_empty() => {
            Cow::<[i64]>::Owned(values.iter().map(|rank| if *rank == MISSING { MISSING } else { rank + 1 }).collect())
        }
        _ => Cow::Borrowed(values.as_slice()),
    };
    inputs.members[..spec.columns].iter().enumerate().map(column).collect()
}

/// From which similarity on, and what is usual among records of different groups.
#[derive(Clone, Copy)]
struct Near {
    similar: f64,
    usual: Option<Expected>,
}

/// The class of near-identical ones that each member belongs to as the one column that is compared; 0 (it says nothing) where it is too short.
fn classes<'a>(spec: &Repeat, inputs: &Inputs<'a>) -> (Vec<Cow<'a, [i64]>>, Option<Near>) {
    let count = inputs.members[0].len();
    let texts = inputs.texts.first().filter(|texts| !texts.is_empty());
    // Settings of the rule are the same for all groups.
    let setting = |value: usize| (0..inputs.len()).map(|unit| inputs.unit_value(value, unit)).find(|v| *v != MISSING);
    let least = setting(MIN_LENGTH).unwrap_or(0).max(1) as usize;
    let (sets, of_member) = match texts {
        Some(texts) => of_texts(texts, &inputs.members[0], least),
        None => of_records(&inputs.members[..spec.columns], count, setting(MIN_COLUMNS).unwrap_or(1).max(1) as usize),
    };
    let units = (0..inputs.len())
        .flat_map(|unit| inputs.starts[unit]..inputs.starts[unit + 1])
        .zip((0..inputs.len()).flat_map(|unit| std::iter::repeat_n(unit, inputs.starts[unit + 1] - inputs.starts[unit])));
    let members: Vec<(usize, usize)> = units.filter_map(|(member, unit)| Some((unit, of_member[member]?))).collect();
    let usual = similar::expected(&members, &sets);
    let unknown = if texts.is_some() { USUAL } else { LEAST };
    let found = usual.map_or(unknown, |usual| usual.high.max(LEAST));
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
fn of_records(columns: &[Vec<i64>], count: usize, least: usize) -> (Vec<Features>, Vec<Option<usize>>) {
    let vector = |member: usize| columns.iter().map(|values| values[member]).collect::<Vec<i64>>();
    let mut known: Vec<Vec<i64>> = (0..count).map(vector).collect();
    known.sort_unstable();
    known.dedup();
    let sets: Vec<Features> = known
        .par_iter()
        .map(|vector| similar::of_values(vector.iter().copied().enumerate().filter(|(_, value)| *value != 0 && *value != MISSING)))
        .collect();
    let of_member = (0..count).map(|member| known.binary_search(&vector(member)).ok().filter(|&at| sets[at].len() >= least)).collect();
    (sets, of_member)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::Column;

    fn units(groups: usize, values: [i64; 6]) -> Vec<Vec<i64>> {
        values.iter().map(|v| vec![*v; groups]).collect()
    }
    fn run_on(groups: &[Vec<[i64; 2]>], values: [i64; 6], near: bool) -> Output {
        let starts: Vec<usize> = std::iter::once(0)
            .chain(groups.iter().scan(0, |end, g| {
                *end += g.len();
                Some(*end)
            }))
            .collect();
        let all = groups.concat();
        let mut members: Vec<Vec<i64>> = (0..2).map(|c| all.iter().map(|r| r[c]).collect()).collect();
        members.extend([vec![MISSING; all.len()], vec![MISSING; all.len()]]);
        let units = units(groups.len(), values);
        run(&Repeat { columns: 2, near, families: 0, peers: 0 }, &Inputs { units: &units, starts: &starts, members: &members, texts: &[] })
    }
    fn numbers(out: &Output, name: &str) -> Vec<i64> {
        match &out.columns[COLUMNS.iter().position(|c| c.0 == name).unwrap()] {
            Column::Number(v) => v.clone(),
            Column::Text(_) => panic!("{name}"),
        }
    }
    /// Sets of 3, groups of 4, both columns, standard from 20 % on.
    const VALUES: [i64; 6] = [3, 4, 2, 200_000, MISSING, 1];

    proptest! {
        /// Against the page's words, record by record.
        #[test]
        fn sets_are_those_of_a_plain_count(groups in prop::collection::vec(prop::collection::vec([0i64..4, 1i64..40], 4..10), 2..5)) {
            let out = run_on(&groups, VALUES, false);
            let p = numbers(&out, "p");
            for (g, own) in groups.iter().enumerate() {
                let outside: Vec<[i64; 2]> = groups.iter().enumerate().filter(|(o, _)| *o != g).flat_map(|(_, r)| r.clone()).collect();
                let with = |c: usize, v: i64| outside.iter().filter(|r| r[c] == v).count() as f64;
                let total = outside.len() as f64;
                let used: Vec<[i64; 2]> =
                    own.iter().copied().filter(|r| (0..2).all(|c| r[c] != 0 && with(c, r[c]) * 5.0 <= total)).collect();
                if used.len() < 4 {
                    prop_assert_eq!(p[g], MISSING);
                    continue;
                }
                let mut kinds = used.clone();
                kinds.sort_unstable();
                kinds.dedup();
                let mut best = 1.0f64;
                for kind in &kinds {
                    let m = used.iter().filter(|r| *r == kind).count();
                    if m >= 3 {
                        let chance: f64 = (0..2).map(|c| (with(c, kind[c]) + 0.5) / (total + 1.0)).product();
                        best = best.min(binomial(m as u64 - 1, own.len() as u64 - 1, chance).0.p() * kinds.len() as f64);
                    }
                }
                prop_assert!((p[g] as f64 / 1e9 - best).abs() < 1e-8, "{} {}", p[g], best);
            }
        }
    }

    #[test]
    fn what_many_have_elsewhere_is_a_standard_amount() {
        let mut random = 1i64;
        let mut next = || {
            random = random * 48_271 % 2_147_483_647;
            random % 9_000 + 1_000
        };
        // Four alike among ten; a rent that half of all have; everything one's own.
        let mut groups: Vec<Vec<[i64; 2]>> = (0..6).map(|_| (0..10).map(|_| [next(), next()]).collect()).collect();
        for record in &mut groups[0][..4] {
            *record = [5_120, 3_310];
        }
        for group in &mut groups[1..] {
            for record in &mut group[..5] {
                *record = [600, 1_260];
            }
        }
        let out = run_on(&groups, VALUES, false);
        assert_eq!(numbers(&out, "same"), [4, 1, 1, 1, 1, 1]);
        assert_eq!(numbers(&out, "n"), [10, 5, 5, 5, 5, 5]);
        assert_eq!(numbers(&out, "n_excluded"), [0, 5, 5, 5, 5, 5]);
        let q = numbers(&out, "q");
        assert!(q[0] < 1_000_000 && q[1..].iter().all(|q| *q == 1_000_000_000), "{q:?}");
        assert_eq!(out.leads, [(0, 0), (1, 1), (2, 2), (3, 3)]);
    }

    #[test]
    fn records_of_one_household_count_once_and_near_texts_are_one() {
        let texts: Vec<Arc<str>> = [
            "本户种植玉米两亩，收入三千元，无异议",
            "该户种植辣椒三亩，收入三千元，表示满意",
            "该户种植辣椒三亩，收入五千元，表示满意",
            "短",
            "老人住院两周，子女照看，已报销费用",
        ]
        .map(Arc::from)
        .to_vec();
        // Group 0: three near notes on two households, then on three. Group 1: others.
        let run_of = |third: i64| {
            let members = vec![vec![1, 2, 1, 3, 0, 4, 4, 0], vec![7, 8, third, 9, 1, 2, 3, 4], vec![MISSING; 8]];
            let inputs = Inputs {
                units: &units(2, [3, 2, 1, 500_000, 700_000, 5]),
                starts: &[0, 4, 8],
                members: &members,
                texts: &[texts.clone(), vec![], vec![]],
            };
            run(&Repeat { columns: 1, near: true, families: 0, peers: 0 }, &inputs)
        };
        let (twice, thrice) = (run_of(7), run_of(9));
        assert_eq!(numbers(&twice, "same")[0], 1, "two households are no set of three");
        assert_eq!(numbers(&thrice, "same")[0], 3);
        assert_eq!(numbers(&thrice, "n_excluded")[0], 1, "too short");
        assert_eq!(numbers(&thrice, "similar")[0], 70);
        let unset = run_on(&[vec![[1, 2]; 5], vec![[3, 4]; 5]], [3, 4, 2, 200_000, MISSING, 1], true);
        assert_eq!(numbers(&unset, "similar"), [60, 60], "too few pairs to know what is usual");
        assert_eq!(numbers(&unset, "same"), [5, 5]);
    }
}
