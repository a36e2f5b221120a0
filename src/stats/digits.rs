//! Digits of all figures of a unit: against Benford's law, against equal shares, or against the unit's peers.

use std::sync::Arc;

use rayon::prelude::*;

use super::benford::{self, Fit, first_digits, fit, mad_moments};
use super::beta_binomial::Peers;
use super::chart::Chart;
use super::draws::Drawn;
use super::family::Family;
use super::judged::later_half;
use super::kernel::{Column, D2, D6, D9, INT, Inputs, LEADS, MISSING, Output, SHOWN, TEXT, columns, decimal};
use super::share::{Side, wilson};
use super::tail::Tail;

/// What is looked at. Money is counted in fen, so digits are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DigitTest {
    /// The first digit against Benford's law; figures from 10 of the smallest unit up.
    First,
    FirstTwo,
    /// The last digit in units against one in ten; figures from 1,000 units up, so that the digit is free.
    Last,
    LastTwo,
    /// Last digits other than 0 and 5 against one in eight: rounding does not move it.
    GivenNotRound,
    /// Multiples of `multiple` units, against peers.
    Round,
    /// Last digit 0 or 5, against peers.
    Heaping,
}

/// Values of a unit: usable figures it needs, the unit figures are written in (missing: found from the figures), units of which a round figure is a multiple (`Round`),
/// keys of its family, keys of its peers. Values of a member: the figure, its date (missing: none).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Digits {
    pub test: DigitTest,
    /// Of `Round` and `Heaping`.
    pub side: Side,
    /// Numbers of key values.
    pub families: usize,
    pub peers: usize,
}

/// `unit` is in the smallest unit of the figures, `expected` and `effect` of shares are shares of 1.
pub const COLUMNS: &[(&str, crate::schema::Type)] = columns! {
    "n": INT, "n_excluded": INT, "excluded": TEXT, "statistic": D2, "effect": D6, "effect.low": D6, "effect.high": D6, "excess_mad": D2,
    "top": INT, "top.n": INT, "top.expected": D2, "expected": D6, "peer.n": INT, "earlier.p": D9, "later.p": D9, "without_top.p": D9, "unit_found": INT, "chart": TEXT,
};

/// Places of the values of a unit.
const MIN_N: usize = 0;
const UNIT: usize = 1;
const MULTIPLE: usize = 2;
const KEYS: usize = 3;
/// Peers that a share needs.
const LEAST_PEERS: u64 = 8;
const TOO_FEW: &str = "too few records";
const TOO_FEW_PEERS: &str = "too few peers";
const FIXED: &str = "the test does not apply: fixed amounts";
const NARROW: &str = "the test does not apply: figures span less than two powers of ten";
const ONE_FIGURE: &str = "the test does not apply: one figure makes up more than 5 %";
const CAPPED: &str = "the test does not apply: figures end at a cap";

impl DigitTest {
    /// Shares that the classes should have; none where peers say it.
    pub fn law(self) -> Vec<f64> {
        match self {
            DigitTest::First => benford::law(1),
            DigitTest::FirstTwo => benford::law(2),
            DigitTest::Last => vec![0.1; 10],
            DigitTest::LastTwo => vec![0.01; 100],
            DigitTest::GivenNotRound => vec![0.125; 8],
            DigitTest::Round | DigitTest::Heaping => vec![],
        }
    }
    /// The digits of class `class`.
    fn label(self, class: usize) -> i64 {
        let class = class as i64;
        match self {
            DigitTest::First => class + 1,
            DigitTest::FirstTwo => class + 10,
            DigitTest::GivenNotRound => class + if class < 4 { 1 } else { 2 },
            _ => class,
        }
    }
    fn is_benford(self) -> bool {
        matches!(self, DigitTest::First | DigitTest::FirstTwo)
    }
    fn is_share(self) -> bool {
        matches!(self, DigitTest::Round | DigitTest::Heaping)
    }
    /// The class of a positive figure `m`, or why it is left out. Shares have class 1 (round) and 0.
    pub fn class(self, m: u64, unit: u64, multiple: u64) -> Result<usize, Excluded> {
        let units = m / unit;
        match self {
            DigitTest::First | DigitTest::FirstTwo if m < 10 => Err(Excluded::Small),
            DigitTest::First => Ok(first_digits(m, 1) as usize - 1),
            DigitTest::FirstTwo => Ok(first_digits(m, 2) as usize - 10),
            DigitTest::Round => Ok(usize::from(m % unit.saturating_mul(multiple) == 0)),
            DigitTest::Heaping => Ok(usize::from(m % unit.saturating_mul(5) == 0)),
            _ if units < 1000 => Err(Excluded::Small),
            DigitTest::Last => Ok((units % 10) as usize),
            DigitTest::LastTwo => Ok((units % 100) as usize),
            DigitTest::GivenNotRound => match (units % 10) as usize {
                0 | 5 => Err(Excluded::Round),
                d if d < 5 => Ok(d - 1),
                d => Ok(d - 2),
            },
        }
    }
}

/// Why a figure takes no part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excluded {
    NoValue,
    Zero,
    Negative,
    Small,
    Round,
}

/// What the figures of one unit say.
struct Group {
    n: u64,
    multiple: u64,
    excluded: [u64; 5],
    counts: Vec<u64>,
    unit: u64,
    /// The commonest figure: its class and how often it is there.
    commonest: (usize, u64),
    gate: Option<&'static str>,
}

/// The largest power of ten of which 99 % of all positive figures are multiples.
fn unit_of(figures: &[i64]) -> u64 {
    let zeros = |chunk: &[i64]| {
        let mut counts = [0u64; 19];
        for &figure in chunk.iter().filter(|f| **f > 0) {
            let (mut m, mut zeros) = (figure, 0);
            while m % 10 == 0 {
                m /= 10;
                zeros += 1;
            }
            counts[zeros] += 1;
        }
        counts
    };
    let counts = figures.par_chunks(1 << 16).map(zeros).reduce(|| [0; 19], |a, b| std::array::from_fn(|i| a[i] + b[i]));
    let all: u64 = counts.iter().sum();
    let mut with = all;
    for (zeros, count) in counts.iter().enumerate() {
        with -= count;
        if with * 100 < all * 99 || all == 0 {
            return 10u64.pow(zeros as u32);
        }
    }
    1
}

fn group(spec: &Digits, inputs: &Inputs<'_>, unit: usize, found: u64) -> Group {
    let asked = |value| u64::try_from(inputs.unit_value(value, unit)).ok().filter(|v| *v > 0);
    let written = asked(UNIT).unwrap_or(found);
    let classes = if spec.test.is_share() { 2 } else { spec.test.law().len() };
    let multiple = if spec.test == DigitTest::Heaping { 5 } else { asked(MULTIPLE).unwrap_or(1) };
    let mut out = Group { n: 0, multiple, excluded: [0; 5], counts: vec![0; classes], unit: written, commonest: (0, 0), gate: None };
    let mut used: Vec<u64> = vec![];
    for &figure in inputs.members_of(0, unit) {
        let class = match figure {
            MISSING => Err(Excluded::NoValue),
            0 => Err(Excluded::Zero),
            m if m < 0 => Err(Excluded::Negative),
            m => spec.test.class(m.unsigned_abs(), written, multiple),
        };
        match class {
            Ok(class) => {
                out.counts[class] += 1;
                used.push(figure.unsigned_abs());
            }
            Err(why) => out.excluded[why as usize] += 1,
        }
    }
    out.n = used.len() as u64;
    let Some(least) = asked(MIN_N) else {
        out.gate = Some("a value is missing");
        return out;
    };
    if out.n < least {
        out.gate = Some(TOO_FEW);
        return out;
    }
    used.sort_unstable();
    let mut runs: Vec<(u64, u64)> = used.chunk_by(|a, b| a == b).map(|run| (run.len() as u64, run[0])).collect();
    runs.sort_unstable_by(|a, b| b.cmp(a));
    let (count, figure) = runs[0];
    out.commonest = (spec.test.class(figure, written, multiple).unwrap_or(0), count);
    let often: u64 = runs.iter().take(20).map(|(count, _)| count).sum();
    let fixed = often * 10 >= out.n * 8 && often >= 3 * runs.len().min(20) as u64;
    let at = |share: f64| used[((used.len() - 1) as f64 * share).round() as usize];
    out.gate = if spec.test.is_share() {
        None
    } else if fixed {
        Some(FIXED)
    } else if !spec.test.is_benford() {
        None
    } else if at(0.99) / at(0.01).max(1) < 100 {
        Some(NARROW)
    } else if count * 20 > out.n {
        Some(ONE_FIGURE)
    } else if u128::from(at(0.9)) * 105 >= u128::from(used[used.len() - 1]) * 100 {
        Some(CAPPED)
    } else {
        None
    };
    out
}

/// One row of the result besides p.
struct Row {
    statistic: f64,
    effect: [f64; 3],
    excess_mad: f64,
    top: i64,
    top_n: u64,
    top_expected: f64,
    expected: f64,
    peer_n: i64,
    /// Among the figures before the median date of the unit's, and from it on.
    halves: [Option<Tail>; 2],
    without_top: Option<Tail>,
    chart: Option<String>,
    /// Classes whose members are to be looked at first, in order.
    lead: Vec<usize>,
}

/// Tests all units.
pub fn run(spec: &Digits, inputs: &Inputs<'_>) -> Output {
    let found = if inputs.members.is_empty() { 1 } else { unit_of(&inputs.members[0]) };
    let groups: Vec<Group> = (0..inputs.len()).into_par_iter().with_min_len(64).map(|unit| group(spec, inputs, unit, found)).collect();
    let families = inputs.ids(KEYS..KEYS + spec.families);
    let judged: Vec<Result<(Tail, Row), &'static str>> = if spec.test.is_share() {
        let peers = inputs.ids(KEYS..KEYS + spec.families + spec.peers);
        shares(spec, inputs, &groups, &peers)
    } else {
        digits(spec, inputs, &groups)
    };
    let leads = (0..inputs.len()).into_par_iter().flat_map_iter(|unit| leads(spec, inputs, unit, &groups[unit], &judged[unit])).collect();
    let family = Family { p: judged.iter().map(|j| j.as_ref().map(|(p, _)| *p).map_err(|why| *why)).collect() };
    let mut columns = figures(&groups, &judged);
    columns.extend(family.columns(&families));
    Output { columns, leads }
}

/// Against a law.
fn digits(spec: &Digits, inputs: &Inputs<'_>, groups: &[Group]) -> Vec<Result<(Tail, Row), &'static str>> {
    let law = spec.test.law();
    let least = law.iter().copied().fold(1.0, f64::min);
    let fits: Vec<Result<Fit, &'static str>> = groups.iter().map(|g| g.gate.map_or_else(|| Ok(fit(&g.counts, &law)), Err)).collect();
    let small = |f: &Fit| f.n < 300 && f.n as f64 * least < 5.0 && f.p().p() < SHOWN;
    let drawn = Drawn::new(&law, fits.iter().flatten().filter(|f| small(f)).map(|f| f.n));
    let (mean, sd) = mad_moments(&law);
    groups
        .par_iter()
        .enumerate()
        .zip(fits)
        .map(|((unit, g), f)| {
            let f = f?;
            let p = if small(&f) { drawn.p(f.n, f.chi2).unwrap_or(f.p()) } else { f.p() };
            let n = f.n as f64;
            let z: Vec<f64> = g.counts.iter().zip(&law).map(|(&c, p)| (c as f64 - n * p) / (n * p * (1.0 - p)).sqrt()).collect();
            let mut order: Vec<usize> = (0..z.len()).collect();
            order.sort_by(|&a, &b| z[b].total_cmp(&z[a]).then(a.cmp(&b)));
            let top = order[0];
            let (low, high) = f.w_interval();
            let shown = p.p() <= SHOWN;
            let without_top = shown.then(|| {
                let mut counts = g.counts.clone();
                counts[g.commonest.0] -= g.commonest.1;
                fit(&counts, &law)
            });
            let row = Row {
                statistic: f.chi2,
                effect: [f.w(), low, high],
                excess_mad: (f.mad - mean / n.sqrt()) / (sd / n.sqrt()),
                top: spec.test.label(top),
                top_n: g.counts[top],
                top_expected: n * law[top],
                expected: law[top],
                peer_n: MISSING,
                // Chi-square needs five of each class.
                halves: if shown { halves(spec, inputs, unit, g) } else { [const { None }; 2] }
                    .map(|counts| counts.map(|counts| fit(&counts, &law)).filter(|f| f.n as f64 * least >= 5.0).map(|f| f.p())),
                without_top: without_top.filter(|f| f.n > 0).map(|f| f.p()),
                chart: shown.then(|| Chart::of((0..z.len()).map(|c| spec.test.label(c).to_string()), &g.counts, &law).to_string()),
                lead: order.into_iter().take(2).filter(|&c| z[c] > 0.0).collect(),
            };
            Ok((p, row))
        })
        .collect()
}

/// Against the other groups of the same number in `peers`.
fn shares(spec: &Digits, inputs: &Inputs<'_>, groups: &[Group], peers: &[i64]) -> Vec<Result<(Tail, Row), &'static str>> {
    let mut sums: Vec<Peers> = vec![];
    for (g, &id) in groups.iter().zip(peers) {
        if sums.len() <= id as usize {
            sums.resize(id as usize + 1, Peers::default());
        }
        if g.gate.is_none() {
            sums[id as usize].add(g.counts[1], g.n);
        }
    }
    groups
        .par_iter()
        .enumerate()
        .zip(peers)
        .map(|((unit, g), &id)| {
            if let Some(why) = g.gate {
                return Err(why);
            }
            let hits = g.counts[1];
            let others = sums[id as usize].without(hits, g.n);
            if others.groups < LEAST_PEERS {
                return Err(TOO_FEW_PEERS);
            }
            let null = others.fit();
            let p_of = |k: u64, n: u64| {
                let (up, down) = null.tails(k, n);
                match spec.side {
                    Side::High => up,
                    Side::Low => down,
                    Side::Both => up.min(down).twice(),
                }
            };
            let p = p_of(hits, g.n);
            let n = g.n as f64;
            let (low, high) = wilson(hits as i64, g.n as i64);
            let shown = p.p() <= SHOWN;
            let (class, count) = g.commonest;
            let row = Row {
                statistic: f64::NAN,
                effect: [hits as f64 / n, low, high].map(|share| share - null.share),
                excess_mad: f64::NAN,
                top: g.multiple as i64,
                top_n: hits,
                top_expected: n * null.share,
                expected: null.share,
                peer_n: others.groups as i64,
                halves: if shown { halves(spec, inputs, unit, g) } else { [const { None }; 2] }
                    .map(|counts| counts.map(|counts| p_of(counts[1], counts.iter().sum()))),
                without_top: (shown && count < g.n).then(|| p_of(hits - if class == 1 { count } else { 0 }, g.n - count)),
                chart: shown.then(|| {
                    let labels = ["other".to_owned(), format!("x{}", g.multiple)];
                    Chart::of(labels.into_iter(), &g.counts, &[1.0 - null.share, null.share]).to_string()
                }),
                lead: vec![usize::from(hits as f64 > n * null.share)],
            };
            Ok((p, row))
        })
        .collect()
}

/// Classes of the figures before the median date of the unit's, and of those from it on; none where all lie on one day.
fn halves(spec: &Digits, inputs: &Inputs<'_>, unit: usize, group: &Group) -> [Option<Vec<u64>>; 2] {
    let Some(dates) = inputs.members.get(1).map(|_| inputs.members_of(1, unit)) else { return [None, None] };
    let used = inputs.members_of(0, unit).iter().zip(dates).filter(|(figure, date)| **figure > 0 && **date != MISSING);
    let used: Vec<(usize, i64)> =
        used.filter_map(|(figure, date)| Some((spec.test.class(figure.unsigned_abs(), group.unit, group.multiple).ok()?, *date))).collect();
    let Some(middle) = later_half(used.iter().map(|(_, date)| *date).collect()) else { return [None, None] };
    [false, true].map(|later| {
        let mut counts = vec![0; group.counts.len()];
        used.iter().filter(|(_, date)| (*date >= middle) == later).for_each(|(class, _)| counts[*class] += 1);
        Some(counts)
    })
}

/// Members of the classes most in excess: of these the largest, then the newest.
fn leads(spec: &Digits, inputs: &Inputs<'_>, unit: usize, group: &Group, judged: &Result<(Tail, Row), &'static str>) -> Vec<(usize, u32)> {
    let Ok((p, row)) = judged else { return vec![] };
    if p.p() > SHOWN {
        return vec![];
    }
    let start = inputs.starts[unit];
    let date = |i: usize| inputs.members.get(1).map_or(MISSING, |dates| dates[start + i]);
    let figures = inputs.members_of(0, unit);
    let of_class = |class: usize| {
        let mut found: Vec<(i64, i64, usize)> = (0..figures.len())
            .filter(|&i| figures[i] > 0 && spec.test.class(figures[i].unsigned_abs(), group.unit, group.multiple) == Ok(class))
            .map(|i| (figures[i], date(i), i))
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.into_iter().map(move |(_, _, i)| start + i)
    };
    row.lead.iter().flat_map(|&class| of_class(class)).take(LEADS).zip(0u32..).collect()
}

fn figures(groups: &[Group], judged: &[Result<(Tail, Row), &'static str>]) -> Vec<Column> {
    const WHY: [&str; 5] = ["without a value", "zero", "negative", "too small", "round"];
    let of_groups = |f: &dyn Fn(&Group) -> i64| Column::Number(groups.iter().map(f).collect());
    let number = |f: &dyn Fn(&Row) -> i64| Column::Number(judged.iter().map(|j| j.as_ref().map_or(MISSING, |(_, row)| f(row))).collect());
    let excluded = |g: &Group| {
        let words: Vec<String> = g.excluded.iter().zip(WHY).filter(|(n, _)| **n > 0).map(|(n, why)| format!("{n} {why}")).collect();
        Some(Arc::from(if words.is_empty() { "none".to_owned() } else { words.join(", ") }))
    };
    vec![
        of_groups(&|g| g.n as i64),
        of_groups(&|g| g.excluded.iter().sum::<u64>() as i64),
        Column::Text(groups.iter().map(excluded).collect()),
        number(&|r| decimal(r.statistic, 2)),
        number(&|r| decimal(r.effect[0], 6)),
        number(&|r| decimal(r.effect[1], 6)),
        number(&|r| decimal(r.effect[2], 6)),
        number(&|r| decimal(r.excess_mad, 2)),
        number(&|r| r.top),
        number(&|r| r.top_n as i64),
        number(&|r| decimal(r.top_expected, 2)),
        number(&|r| decimal(r.expected, 6)),
        number(&|r| r.peer_n),
        number(&|r| r.halves[0].map_or(MISSING, |p| decimal(p.p(), 9))),
        number(&|r| r.halves[1].map_or(MISSING, |p| decimal(p.p(), 9))),
        number(&|r| r.without_top.map_or(MISSING, |p| decimal(p.p(), 9))),
        of_groups(&|g| g.unit as i64),
        Column::Text(judged.iter().map(|j| j.as_ref().ok().and_then(|(_, row)| row.chart.as_deref()).map(Arc::from)).collect()),
    ]
}
