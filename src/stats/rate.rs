//! A share per group against that of its peers, which vary among themselves, or against a given one.

use rayon::prelude::*;

use super::beta_binomial::{BetaBinomial, Peers};
use super::chart::Chart;
use super::judged::{Judged, LEAST_PEERS, NO_VALUE, TOO_FEW, TOO_FEW_PEERS, by_id, later_half, output};
use super::kernel::{D2, D6, D9, INT, Inputs, LEADS, MISSING, Output, SHOWN, TEXT, columns, decimal};
use super::share::{Side, wilson};
use super::tail::Tail;

/// Hits among the members of a unit against the share of its peers (beta-binomial, the unit itself left out), or against a given share (binomial).
///
/// Values of a unit: members it needs, the given share in millionths, the largest q that is flagged in thousand-millionths, keys of its family, keys of its peers. Values of a
/// member: 1 a hit, 0 none, 2 out of time, missing unknown; with `windows` the same for half and for double the window; its date.
///
/// `half.p`, `double.p`: the test with these windows, peers likewise; `earlier.p`, `later.p`: among the unit's members before its median date and from it on (without `windows`);
/// `without_top.p`: without the date on which most of the members in excess lie.
///
/// A unit whose smallest possible p is above the largest q can never be flagged, whatever its hits: it is left out, which makes the family smaller (Tarone 1990).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rate {
    pub side: Side,
    /// A share is given; peers play no part.
    pub given: bool,
    /// Different dates on which the peers' members must lie; 0 when it does not matter.
    pub min_dates: u32,
    /// Members carry hits for half and double the window too.
    pub windows: bool,
    pub families: usize,
    pub peers: usize,
}

pub const COLUMNS: &[(&str, crate::schema::Type)] = columns! {
    "n": INT, "n_excluded": INT, "excluded": TEXT, "hits": INT, "share": D6, "expected": D6, "ratio": D2, "effect": D6, "effect.low": D6, "effect.high": D6,
    "excess": D2, "peer.n": INT, "half.p": D9, "double.p": D9, "earlier.p": D9, "later.p": D9, "without_top.p": D9, "chart": TEXT,
};

const MIN_N: usize = 0;
const GIVEN: usize = 1;
const MAX_Q: usize = 2;
const KEYS: usize = 3;
const BATCH: &str = "the test does not apply: acts of the peers fall on too few days";

impl Rate {
    /// Place of the date among the values of a member.
    fn date(&self) -> usize {
        if self.windows { 3 } else { 1 }
    }
}

/// Hits and members that count, of those for which `keep` holds.
fn tally(hits: &[i64], keep: impl Fn(usize) -> bool) -> (u64, u64) {
    let used = hits.iter().enumerate().filter(|(i, hit)| (0..=1).contains(*hit) && keep(*i));
    used.fold((0, 0), |(hits, n), (_, &hit)| (hits + hit as u64, n + 1))
}

struct Count {
    hits: u64,
    n: u64,
    unknown: u64,
    late: u64,
    gate: Option<&'static str>,
}

fn count(inputs: &Inputs<'_>, unit: usize) -> Count {
    let mut out = Count { hits: 0, n: 0, unknown: 0, late: 0, gate: None };
    for &hit in inputs.members_of(0, unit) {
        match hit {
            0 | 1 => {
                out.n += 1;
                out.hits += hit as u64;
            }
            MISSING => out.unknown += 1,
            _ => out.late += 1,
        }
    }
    out.gate = match inputs.unit_value(MIN_N, unit) {
        MISSING => Some(NO_VALUE),
        least if (out.n as i64) < least.max(1) => Some(TOO_FEW),
        _ => None,
    };
    out
}

pub fn run(spec: &Rate, inputs: &Inputs<'_>) -> Output {
    let counts: Vec<Count> = (0..inputs.len()).into_par_iter().with_min_len(64).map(|unit| count(inputs, unit)).collect();
    let peers = inputs.ids(KEYS..KEYS + spec.families + spec.peers);
    let sums: Vec<Peers> = by_id(&peers, |sum: &mut Peers, unit| {
        if counts[unit].gate.is_none() {
            sum.add(counts[unit].hits, counts[unit].n);
        }
    });
    let dates: Vec<Vec<i64>> = if spec.min_dates == 0 {
        vec![]
    } else {
        by_id(&peers, |dates: &mut Vec<i64>, unit| {
            // A few different ones are enough to know.
            let missing = |dates: &Vec<i64>| (dates.len() as u32) < spec.min_dates;
            for &date in inputs.members_of(spec.date(), unit) {
                if date != MISSING && missing(dates) && !dates.contains(&date) {
                    dates.push(date);
                }
            }
        })
    };
    // Half and double the window.
    let windows: Vec<(usize, Vec<Peers>)> = (1..spec.date())
        .map(|value| {
            let sums = by_id(&peers, |sum: &mut Peers, unit| {
                if counts[unit].gate.is_none() {
                    let (hits, n) = tally(inputs.members_of(value, unit), |_| true);
                    sum.add(hits, n);
                }
            });
            (value, sums)
        })
        .collect();
    let few_dates = |id: i64| dates.get(id as usize).is_some_and(|d| (d.len() as u32) < spec.min_dates);
    let units: Vec<Judged<14>> = (0..inputs.len())
        .into_par_iter()
        .with_min_len(64)
        .map(|unit| {
            let c = &counts[unit];
            let excluded = vec![(c.unknown, "unknown"), (c.late, "after the deadline")];
            let untested = |why| Judged::untested(c.n, excluded.clone(), why);
            if let Some(why) = c.gate {
                return untested(why);
            }
            let (null, peer_n) = if spec.given {
                match inputs.unit_value(GIVEN, unit) {
                    share @ 0..=1_000_000 => (BetaBinomial { share: share as f64 / 1e6, rho: 0.0 }, MISSING),
                    _ => return untested(NO_VALUE),
                }
            } else {
                let others = sums[peers[unit] as usize].without(c.hits, c.n);
                if others.groups < LEAST_PEERS {
                    return untested(TOO_FEW_PEERS);
                }
                (others.fit(), others.groups as i64)
            };
            if few_dates(peers[unit]) {
                return untested(BATCH);
            }
            let p_of = |hits: u64| of_side(spec.side, null.tails(hits, c.n));
            let best = match spec.side {
                Side::High => p_of(c.n),
                Side::Low => p_of(0),
                Side::Both => p_of(0).min(p_of(c.n)),
            };
            let max_q = inputs.unit_value(MAX_Q, unit);
            if max_q != MISSING && best.p() > max_q as f64 / 1e9 {
                return untested(TOO_FEW);
            }
            let p = p_of(c.hits);
            let surplus = i64::from(c.hits as f64 > c.n as f64 * null.share);
            let none = [MISSING; 2];
            let (mut wide, mut halves, mut without_top) = (none, none, MISSING);
            if p.p() <= SHOWN {
                let p_of = |law: &BetaBinomial, (hits, n): (u64, u64)| {
                    if n == 0 { MISSING } else { decimal(of_side(spec.side, law.tails(hits, n)).p(), 9) }
                };
                for (out, (value, sums)) in wide.iter_mut().zip(&windows) {
                    let own = tally(inputs.members_of(*value, unit), |_| true);
                    let others = sums[peers[unit] as usize].without(own.0, own.1);
                    *out = if others.groups < LEAST_PEERS { MISSING } else { p_of(&others.fit(), own) };
                }
                let (hits, dates) = (inputs.members_of(0, unit), inputs.members_of(spec.date(), unit));
                if let Some(middle) = median(hits, dates).filter(|_| !spec.windows) {
                    halves = [false, true].map(|later| p_of(&null, tally(hits, |i| dates[i] != MISSING && (dates[i] >= middle) == later)));
                }
                if let Some(top) = commonest(hits, dates, surplus) {
                    without_top = p_of(&null, tally(hits, |i| dates[i] != top));
                }
            }
            let share = c.hits as f64 / c.n as f64;
            let expected = c.n as f64 * null.share;
            let (low, high) = wilson(c.hits as i64, c.n as i64);
            let figures = [
                c.hits as i64,
                decimal(share, 6),
                decimal(null.share, 6),
                decimal(share / null.share, 2),
                decimal(share - null.share, 6),
                decimal(low - null.share, 6),
                decimal(high - null.share, 6),
                decimal(c.hits as f64 - expected, 2),
                peer_n,
                wide[0],
                wide[1],
                halves[0],
                halves[1],
                without_top,
            ];
            let labels = ["yes".to_owned(), "no".to_owned()];
            let chart = Chart::of(labels.into_iter(), &[c.hits, c.n - c.hits], &[null.share, 1.0 - null.share]);
            let leads = newest(spec, inputs, unit, surplus);
            Judged { n: c.n, excluded, p: Ok(p), figures, chart: Some(chart), leads }
        })
        .collect();
    output(&units, &inputs.ids(KEYS..KEYS + spec.families))
}

fn of_side(side: Side, (up, down): (Tail, Tail)) -> Tail {
    match side {
        Side::High => up,
        Side::Low => down,
        Side::Both => up.min(down).twice(),
    }
}

/// The date from which the later half of the members that count lie; none where all lie on one.
fn median(hits: &[i64], dates: &[i64]) -> Option<i64> {
    let used = hits.iter().zip(dates).filter(|(hit, date)| (0..=1).contains(*hit) && **date != MISSING);
    later_half(used.map(|(_, date)| *date).collect())
}

/// The date on which most members of that kind lie, the latest of several.
fn commonest(hits: &[i64], dates: &[i64], kind: i64) -> Option<i64> {
    let mut of: Vec<i64> = hits.iter().zip(dates).filter(|(hit, date)| **hit == kind && **date != MISSING).map(|(_, date)| *date).collect();
    of.sort_unstable();
    of.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).max().map(|(_, date)| date)
}

/// Members that are hits (1) or none (0), the newest first.
fn newest(spec: &Rate, inputs: &Inputs<'_>, unit: usize, hit: i64) -> Vec<usize> {
    let start = inputs.starts[unit];
    let dates = inputs.members_of(spec.date(), unit);
    let mut found: Vec<usize> = (0..dates.len()).filter(|&i| inputs.members_of(0, unit)[i] == hit).collect();
    found.sort_by(|&a, &b| dates[b].cmp(&dates[a]).then(a.cmp(&b)));
    found.into_iter().take(LEADS).map(|i| start + i).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Column, Kernel, binomial};

    /// Groups of (hits, members), members dated 1, 2, ...
    fn run_on(groups: &[(usize, usize)], spec: Rate, values: [i64; 3]) -> Output {
        let mut starts = vec![0];
        let mut members = [vec![], vec![]];
        for &(hits, n) in groups {
            members[0].extend((0..n).map(|i| i64::from(i < hits)));
            members[1].extend((0..n).map(|i| i as i64));
            starts.push(members[0].len());
        }
        let units: Vec<Vec<i64>> = values.iter().map(|v| vec![*v; groups.len()]).collect();
        Kernel::Rate(spec).run(&Inputs { units: &units, starts: &starts, members: &members, texts: &[] })
    }
    fn numbers(out: &Output, name: &str) -> Vec<i64> {
        match &out.columns[COLUMNS.iter().position(|c| c.0 == name).unwrap()] {
            Column::Number(v) => v.clone(),
            Column::Text(_) => panic!("{name}"),
        }
    }
    fn reasons(out: &Output) -> Vec<String> {
        match out.columns.last() {
            Some(Column::Text(v)) => v.iter().map(|t| t.as_deref().unwrap_or_default().to_owned()).collect(),
            _ => panic!("reasons"),
        }
    }
    fn spec(side: Side) -> Rate {
        Rate { side, given: false, min_dates: 0, windows: false, families: 0, peers: 0 }
    }

    #[test]
    fn one_group_among_peers_that_vary() {
        // Twelve groups of 40 with 4 to 9 hits, and one with 28.
        let mut groups: Vec<(usize, usize)> = (0..12).map(|i| (4 + i % 6, 40)).collect();
        groups.push((28, 40));
        let out = run_on(&groups, spec(Side::High), [30, MISSING, 50_000_000]);
        let q = numbers(&out, "q");
        assert!(q[12] < 50_000_000 && q[..12].iter().all(|q| *q > 500_000_000), "{q:?}");
        let mut peers = Peers::default();
        for &(hits, n) in &groups[..12] {
            peers.add(hits as u64, n as u64);
        }
        let (want, _) = peers.fit().tails(28, 40);
        assert_eq!(numbers(&out, "p")[12], decimal(want.p(), 9));
        assert_eq!(numbers(&out, "peer.n"), vec![12; 13]);
        // Records to look at: hits, the newest first.
        let first: Vec<usize> = out.leads.iter().filter(|(member, _)| *member >= 480).map(|(member, _)| *member).collect();
        assert_eq!(first, (480..508).rev().take(25).collect::<Vec<_>>());
        let low = run_on(&groups, spec(Side::Low), [30, MISSING, 50_000_000]);
        assert!(numbers(&low, "q").iter().all(|q| *q == MISSING || *q > 50_000_000), "nobody is low");
    }

    #[test]
    fn against_a_given_share_peers_do_not_matter() {
        let given = Rate { given: true, ..spec(Side::High) };
        let out = run_on(&[(5, 6), (1, 6), (5, 5)], given, [6, 100_000, 50_000_000]);
        let p = numbers(&out, "p");
        assert_eq!(p[0], decimal(binomial(5, 6, 0.1).0.p(), 9));
        assert_eq!(p[1], decimal(1.0 - 0.9f64.powi(6), 9));
        assert_eq!(reasons(&out), ["", "", "too few records"]);
        assert_eq!(numbers(&out, "effect")[0], 833_333 - 100_000);
        assert_eq!(numbers(&out, "family_size")[..2], [2, 2]);
    }

    #[test]
    fn what_can_never_be_flagged_is_not_tested() {
        // Four of four at one half are at best 0.0625.
        let given = Rate { given: true, ..spec(Side::High) };
        let out = run_on(&[(4, 4), (9, 9)], given, [3, 500_000, 50_000_000]);
        assert_eq!(reasons(&out), ["too few records", ""]);
        assert_eq!(numbers(&out, "family_size")[1], 1);
    }

    #[test]
    fn too_few_peers_and_batches() {
        let groups = vec![(3, 30); 8];
        assert!(reasons(&run_on(&groups, spec(Side::High), [30, MISSING, 50_000_000])).iter().all(|r| r == TOO_FEW_PEERS));
        let groups = vec![(3, 30); 9];
        let dated = |min_dates| reasons(&run_on(&groups, Rate { min_dates, ..spec(Side::High) }, [30, MISSING, 50_000_000]));
        assert!(dated(30).iter().all(String::is_empty), "thirty days");
        assert!(dated(31).iter().all(|r| r == BATCH));
    }

    #[test]
    fn unknown_and_late_members_are_counted_apart() {
        let members = [vec![1, 0, MISSING, 2, 2, 1], vec![0; 6]];
        let units = [vec![3], vec![500_000], vec![MISSING]];
        let out = run(&Rate { given: true, ..spec(Side::Both) }, &Inputs { units: &units, starts: &[0, 6], members: &members, texts: &[] });
        assert_eq!((numbers(&out, "n")[0], numbers(&out, "hits")[0], numbers(&out, "n_excluded")[0]), (3, 2, 3));
        let Column::Text(words) = &out.columns[2] else { panic!("words") };
        assert_eq!(words[0].as_deref(), Some("1 unknown, 2 after the deadline"));
        // Twice the smaller tail of two or more of three, at most 1.
        assert_eq!(numbers(&out, "p")[0], 1_000_000_000);
    }
}
