//! Figures that pile up on one side of a threshold.

use std::sync::Arc;

use rayon::prelude::*;

use super::beta_binomial::Peers;
use super::chart::{Bar, Chart};
use super::density::{Density, density};
use super::family::Family;
use super::kernel::{Column, D2, D6, D9, INT, Inputs, LEADS, MISSING, Output, SHOWN, TEXT, columns, decimal};
use super::limit::{self, Extrapolation, LEAST_BINS, extrapolate};
use super::mass::{self, Mass};
use super::tail::Tail;

/// How both sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BunchTest {
    /// Figures within a window on both sides, against the share of peers.
    Count,
    /// Densities just left and right of the threshold.
    Density,
    /// The last bin below a hard limit, against a curve through the bins before.
    Limit,
    /// The bins within the window on the good side, against a curve through the bins outside the window.
    Mass,
}

/// Values of a unit: figures it needs, the threshold, the window (millionths of the threshold), the unit of round figures to leave out (missing: none), keys of
/// its family, keys of its peers. Values of a member: the figure, its date (missing: none).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Bunching {
    pub test: BunchTest,
    /// Figures pile up from the threshold on, else below it.
    pub above: bool,
    /// A figure that equals the threshold belongs to that side.
    pub inclusive: bool,
    pub families: usize,
    pub peers: usize,
}

/// `effect` is the natural logarithm of the ratio of both sides; widths are in the smallest unit of the figures.
pub const COLUMNS: &[(&str, crate::schema::Type)] = columns! {
    "n": INT, "n_excluded": INT, "excluded": TEXT, "near.good": INT, "near.bad": INT, "statistic": D2, "effect": D6, "effect.low": D6, "effect.high": D6,
    "expected": D2, "excess": D2, "peer.n": INT, "width.left": INT, "width.right": INT, "placebo.n": INT, "placebo.beaten": INT, "half.p": D9,
    "double.p": D9, "without_top.p": D9, "chart": TEXT,
};

const MIN_N: usize = 0;
const THRESHOLD: usize = 1;
const WINDOW: usize = 2;
const ROUND: usize = 3;
const KEYS: usize = 4;
const LEAST_PEERS: u64 = 8;
const TOO_FEW: &str = "too few records";
const TOO_FEW_PEERS: &str = "too few peers";
const TOO_FEW_NEAR: &str = "too few different figures on a side";
const TOO_FEW_BINS: &str = "too few bins below the limit";
const ONE_FIGURE: &str = "the test does not apply: half of the figures near the threshold are one and the same";
const MISSES: &str = "a value is missing";

/// The figures of one unit, less the threshold, ascending.
struct Group {
    distances: Vec<i64>,
    excluded: [u64; 2],
    threshold: i64,
    window: i64,
    least: usize,
    /// The commonest figure near the threshold.
    commonest: Option<(i64, usize)>,
    gate: Option<&'static str>,
}

impl Bunching {
    /// Whether a figure that equals the threshold stands left of the cut.
    fn equal_is_left(&self) -> bool {
        self.above != self.inclusive
    }
    /// Figures within `width` left and right of the cut.
    fn near(&self, distances: &[i64], width: i64) -> [u64; 2] {
        let cut = self.cut(distances);
        let (from, to) = if self.equal_is_left() { (1 - width, width) } else { (-width, width - 1) };
        let start = distances.partition_point(|&d| d < from);
        let end = distances.partition_point(|&d| d <= to);
        [cut.saturating_sub(start) as u64, end.saturating_sub(cut) as u64]
    }
    fn cut(&self, distances: &[i64]) -> usize {
        distances.partition_point(|&d| if self.equal_is_left() { d <= 0 } else { d < 0 })
    }
    /// The good side, then the other.
    fn sides(&self, [left, right]: [u64; 2]) -> (u64, u64) {
        if self.above { (right, left) } else { (left, right) }
    }
    /// As numbers for a test at 0: half a unit further left where equals belong there.
    fn shifted(&self, distances: &[i64]) -> Vec<f64> {
        let shift = if self.equal_is_left() { 0.5 } else { 0.0 };
        distances.iter().map(|&d| d as f64 - shift).collect()
    }
}

fn group(inputs: &Inputs<'_>, unit: usize) -> Group {
    let [least, threshold, window, round] = [MIN_N, THRESHOLD, WINDOW, ROUND].map(|v| inputs.unit_value(v, unit));
    let mut out = Group { distances: vec![], excluded: [0; 2], threshold, window: 0, least: 0, commonest: None, gate: None };
    if [least, threshold, window].contains(&MISSING) {
        out.gate = Some(MISSES);
    } else {
        out.window = (i128::from(threshold) * i128::from(window) / 1_000_000).clamp(1, i128::from(i64::MAX)) as i64;
        out.least = usize::try_from(least).unwrap_or(0).max(1);
    }
    for &figure in inputs.members_of(0, unit) {
        if figure == MISSING {
            out.excluded[0] += 1;
        } else if round != MISSING && round > 0 && figure % round == 0 {
            out.excluded[1] += 1;
        } else {
            out.distances.push(figure.saturating_sub(threshold.max(-i64::MAX)));
        }
    }
    out.distances.sort_unstable();
    out
}

/// The commonest of `distances` within `width` of the threshold.
fn commonest(distances: &[i64], left: i64, right: i64) -> Option<(i64, usize)> {
    let near = &distances[distances.partition_point(|&d| d < -left)..distances.partition_point(|&d| d <= right)];
    near.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).max().map(|(count, d)| (d, count))
}

/// One row of the result besides p.
struct Row {
    near: (u64, u64),
    statistic: f64,
    effect: (f64, f64),
    expected: f64,
    peer_n: i64,
    widths: (i64, i64),
    placebos: Option<(usize, usize)>,
    others: [Option<Tail>; 3],
    chart: Option<String>,
}

type Judged = Result<(Tail, Row), &'static str>;

/// Tests all units.
pub fn run(spec: &Bunching, inputs: &Inputs<'_>) -> Output {
    let mut groups: Vec<Group> = (0..inputs.len()).into_par_iter().with_min_len(64).map(|unit| group(inputs, unit)).collect();
    let families = inputs.ids(KEYS..KEYS + spec.families);
    let judged: Vec<Judged> = match spec.test {
        BunchTest::Count => counts(spec, &mut groups, &inputs.ids(KEYS..KEYS + spec.families + spec.peers)),
        BunchTest::Density => groups.par_iter_mut().map(|g| by_density(spec, g)).collect(),
        BunchTest::Limit => groups.par_iter_mut().map(|g| by_limit(spec, g)).collect(),
        BunchTest::Mass => groups.par_iter_mut().map(|g| by_mass(spec, g)).collect(),
    };
    let leads =
        (0..inputs.len()).into_par_iter().flat_map_iter(|unit| leads(spec, inputs, unit, groups[unit].threshold, &judged[unit])).collect();
    let family = Family { p: judged.iter().map(|j| j.as_ref().map(|(p, _)| *p).map_err(|why| *why)).collect() };
    let mut columns = figures(&groups, &judged);
    columns.extend(family.columns(&families));
    Output { columns, leads }
}

fn counts(spec: &Bunching, groups: &mut [Group], peers: &[i64]) -> Vec<Judged> {
    // Half, once and double the window.
    let widths = |g: &Group| [(g.window / 2).max(1), g.window, g.window.saturating_mul(2)];
    let near: Vec<[(u64, u64); 3]> = groups.iter().map(|g| widths(g).map(|w| spec.sides(spec.near(&g.distances, w)))).collect();
    for (g, near) in groups.iter_mut().zip(&near) {
        let n = near[1].0 + near[1].1;
        g.commonest = commonest(&g.distances, g.window, g.window);
        if g.gate.is_none() && n < g.least as u64 {
            g.gate = Some(TOO_FEW);
        } else if g.gate.is_none() && g.commonest.is_some_and(|(_, count)| count as u64 * 2 > n) {
            g.gate = Some(ONE_FIGURE);
        }
    }
    let mut sums: Vec<[Peers; 3]> = vec![];
    for ((g, near), &id) in groups.iter().zip(&near).zip(peers) {
        if sums.len() <= id as usize {
            sums.resize(id as usize + 1, [Peers::default(); 3]);
        }
        if g.gate.is_none() {
            for (sum, (good, bad)) in sums[id as usize].iter_mut().zip(near) {
                if good + bad > 0 {
                    sum.add(*good, good + bad);
                }
            }
        }
    }
    let judge = |((g, near), &id): ((&Group, &[(u64, u64); 3]), &i64)| {
        if let Some(why) = g.gate {
            return Err(why);
        }
        let null = |w: usize| {
            let (good, bad) = near[w];
            (good + bad > 0).then(|| sums[id as usize][w].without(good, good + bad)).filter(|others| others.groups >= LEAST_PEERS)
        };
        let Some(others) = null(1) else { return Err(TOO_FEW_PEERS) };
        let law = others.fit();
        let (good, bad) = near[1];
        let n = good + bad;
        let p = law.tails(good, n).0;
        let odds = |good: f64, bad: f64| (good + 0.5).ln() - (bad + 0.5).ln();
        let effect = odds(good as f64, bad as f64) - (law.share / (1.0 - law.share)).ln();
        let error = (1.0 / (good as f64 + 0.5) + 1.0 / (bad as f64 + 0.5)).sqrt();
        let shown = p.p() <= SHOWN;
        let p_of = |w: usize| null(w).filter(|_| shown).map(|others| others.fit().tails(near[w].0, near[w].0 + near[w].1).0);
        let without_top = g.commonest.filter(|(_, count)| shown && (*count as u64) < n).map(|(d, count)| {
            let on_good = (if spec.equal_is_left() { d > 0 } else { d >= 0 }) == spec.above;
            law.tails(good - if on_good { count as u64 } else { 0 }, n - count as u64).0
        });
        let row = Row {
            near: (good, bad),
            statistic: f64::NAN,
            effect: (effect, error),
            expected: n as f64 * law.share,
            peer_n: others.groups as i64,
            widths: (g.window, g.window),
            placebos: None,
            others: [p_of(0), p_of(2), without_top],
            chart: shown.then(|| {
                Chart::of(["other side".to_owned(), "good side".to_owned()].into_iter(), &[bad, good], &[1.0 - law.share, law.share])
                    .to_string()
            }),
        };
        Ok((p, row))
    };
    groups.par_iter().zip(&near).zip(peers).map(judge).collect()
}

/// The one-sided p of a jump towards the good side.
fn towards(spec: &Bunching, found: &Density) -> Tail {
    limit::upper(if spec.above { found.t } else { -found.t })
}

fn by_density(spec: &Bunching, g: &mut Group) -> Judged {
    if let Some(why) = g.gate {
        return Err(why);
    }
    if g.distances.len() < g.least {
        return Err(TOO_FEW);
    }
    let x = spec.shifted(&g.distances);
    let found = density(&x, None).ok_or(TOO_FEW_NEAR)?;
    let (left, right) = (found.h_left.round() as i64, found.h_right.round() as i64);
    g.commonest = commonest(&g.distances, left, right);
    let n = found.n_left + found.n_right;
    if g.commonest.is_some_and(|(_, count)| count * 2 > n) {
        return Err(ONE_FIGURE);
    }
    let (ratio, error) = found.log_ratio().ok_or(TOO_FEW_NEAR)?;
    let sign = if spec.above { 1.0 } else { -1.0 };
    let p = towards(spec, &found);
    let (good, bad) = spec.sides([found.n_left as u64, found.n_right as u64]);
    let shown = p.p() <= SHOWN;
    let again =
        |factor: f64| density(&x, Some((found.h_left * factor, found.h_right * factor))).filter(|_| shown).map(|f| towards(spec, &f));
    let without_top = g.commonest.filter(|_| shown).and_then(|(d, _)| {
        let kept: Vec<i64> = g.distances.iter().copied().filter(|&other| other != d).collect();
        density(&spec.shifted(&kept), None).map(|f| towards(spec, &f))
    });
    let row = Row {
        near: (good, bad),
        statistic: found.t * sign,
        effect: (ratio * sign, error),
        expected: good as f64 * (-ratio * sign).exp(),
        peer_n: MISSING,
        widths: (left, right),
        placebos: shown.then(|| placebos(&x, &found)),
        others: [again(0.5), again(2.0), without_top],
        chart: shown.then(|| density_chart(&x, &found).to_string()),
    };
    Ok((p, row))
}

/// The test at the deciles of each side, each with the figures of that side alone: how many there are, and how many jump less than the threshold.
fn placebos(x: &[f64], found: &Density) -> (usize, usize) {
    let below = x.partition_point(|&x| x < 0.0);
    let mut ts: Vec<f64> = vec![];
    for side in [&x[..below], &x[below..]] {
        for decile in 1..10 {
            let cut = side[side.len() * decile / 10];
            let moved: Vec<f64> = side.iter().map(|x| x - cut).collect();
            ts.extend(density(&moved, None).map(|f| f.t.abs()));
        }
    }
    (ts.len(), ts.iter().filter(|t| **t < found.t.abs()).count())
}

/// Six bins on each side of the cut, with what the fitted curves say.
fn density_chart(x: &[f64], found: &Density) -> Chart {
    const BINS: i32 = 6;
    let n = (x.len() - 1) as f64;
    let value = |curve: &[f64], u: f64| curve.iter().rev().fold(0.0, |sum, c| sum * u + c);
    let bar = |side: usize, k: i32| {
        let (h, width) =
            if side == 0 { (found.h_left, found.h_left / f64::from(BINS)) } else { (found.h_right, found.h_right / f64::from(BINS)) };
        let (from, to) =
            if side == 0 { (-f64::from(k + 1) * width, -f64::from(k) * width) } else { (f64::from(k) * width, f64::from(k + 1) * width) };
        let observed = x.partition_point(|&x| x < to) - x.partition_point(|&x| x < from);
        let expected = (n * (value(&found.curves[side], to / h) - value(&found.curves[side], from / h))).max(0.0);
        let half = 1.959_963_984_540_054 * expected.sqrt() + 0.5;
        let label = format!("{}{}", if side == 0 { "<" } else { ">" }, k + 1);
        Bar { label, observed: observed as u64, expected, low: (expected - half).max(0.0), high: expected + half }
    };
    Chart { bars: (0..BINS).rev().map(|k| bar(0, k)).chain((0..BINS).map(|k| bar(1, k))).collect() }
}

/// Figures of the bins (b - w, b] below the limit, the last first.
fn bins(spec: &Bunching, distances: &[i64], width: i64, threshold: i64) -> Vec<u64> {
    let most = usize::try_from(threshold / width - 1).unwrap_or(0).min(48);
    let mut counts = vec![0u64; most];
    for &d in distances {
        // A limit that is itself out of bounds closes its bins on the left.
        let steps = if spec.equal_is_left() { -d } else { -d - 1 };
        if let Some(count) = usize::try_from(steps / width).ok().filter(|_| steps >= 0).and_then(|bin| counts.get_mut(bin)) {
            *count += 1;
        }
    }
    counts
}

fn by_limit(spec: &Bunching, g: &mut Group) -> Judged {
    if let Some(why) = g.gate {
        return Err(why);
    }
    let of_width = |distances: &[i64], width: i64| -> Option<(Vec<u64>, Extrapolation)> {
        let counts = bins(spec, distances, width, g.threshold);
        let found = extrapolate(&counts, 0, g.threshold / width)?;
        Some((counts, found))
    };
    let counts = bins(spec, &g.distances, g.window, g.threshold);
    if counts.len() <= LEAST_BINS {
        return Err(TOO_FEW_BINS);
    }
    if (counts.iter().sum::<u64>() as usize) < g.least {
        return Err(TOO_FEW);
    }
    let (counts, found) = of_width(&g.distances, g.window).ok_or(TOO_FEW_BINS)?;
    let top = commonest(&g.distances, g.window, 0);
    if top.is_some_and(|(_, count)| count as u64 * 2 > found.observed && found.observed > 2) {
        g.commonest = top;
        return Err(ONE_FIGURE);
    }
    let p = limit::upper(found.z);
    let shown = p.p() <= SHOWN;
    let again = |width: i64| of_width(&g.distances, width.max(1)).filter(|_| shown).map(|(_, f)| limit::upper(f.z));
    let without_top = top.filter(|_| shown).and_then(|(d, _)| {
        let kept: Vec<i64> = g.distances.iter().copied().filter(|&other| other != d).collect();
        of_width(&kept, g.window).map(|(_, f)| limit::upper(f.z))
    });
    let ratio = ((found.observed as f64 + 0.5) / (found.expected + 0.5)).ln();
    let placebos = shown.then(|| {
        let z = limit::placebos(&counts, g.threshold / g.window);
        (z.len(), z.iter().filter(|z| **z < found.z).count())
    });
    let row = Row {
        near: (found.observed, counts[1]),
        statistic: found.z,
        effect: (ratio, (found.log_error.powi(2) + 1.0 / (found.observed as f64 + 0.5)).sqrt()),
        expected: found.expected,
        peer_n: MISSING,
        widths: (g.window, 0),
        placebos,
        others: [again(g.window / 2), again(g.window.saturating_mul(2)), without_top],
        chart: shown.then(|| limit_chart(&counts, &found).to_string()),
    };
    Ok((p, row))
}

/// Figures of the bins around the threshold, and the first bin right of it. As many bins left of it as figures above zero can fill.
fn both_sides(spec: &Bunching, g: &Group, distances: &[i64], width: i64) -> (Vec<u64>, usize) {
    let cut = usize::try_from(g.threshold / width).unwrap_or(0).min(mass::MOST);
    let mut counts = vec![0u64; cut + mass::MOST];
    for &d in distances {
        let left = if spec.equal_is_left() { d <= 0 } else { d < 0 };
        // The distance in whole widths, counted from the threshold to either side.
        let (from, equal) = if left { (-d, spec.equal_is_left()) } else { (d, !spec.equal_is_left()) };
        let steps = usize::try_from((from - i64::from(!equal)) / width).unwrap_or(usize::MAX);
        let bin = if left { cut.checked_sub(steps.saturating_add(1)) } else { cut.checked_add(steps) };
        if let Some(count) = bin.and_then(|bin| counts.get_mut(bin)) {
            *count += 1;
        }
    }
    (counts, cut)
}

fn by_mass(spec: &Bunching, g: &mut Group) -> Judged {
    if let Some(why) = g.gate {
        return Err(why);
    }
    let test = |g: &Group, distances: &[i64], window: i64| {
        let (counts, cut) = both_sides(spec, g, distances, (window / mass::HOLE as i64).max(1));
        let found = mass::mass(&counts, cut, spec.above)?;
        Some((counts, cut, found))
    };
    let (counts, cut) = both_sides(spec, g, &g.distances, (g.window / mass::HOLE as i64).max(1));
    if cut < mass::HOLE || counts.len() < mass::LEAST_BINS + 2 * mass::HOLE {
        return Err(TOO_FEW_BINS);
    }
    if (counts.iter().sum::<u64>() as usize) < g.least {
        return Err(TOO_FEW);
    }
    let (counts, cut, found) = test(g, &g.distances, g.window).ok_or(TOO_FEW_BINS)?;
    let (left, right) = if spec.above { (0, g.window) } else { (g.window, 0) };
    g.commonest = commonest(&g.distances, left, right);
    if g.commonest.is_some_and(|(_, count)| count as u64 * 2 > found.observed && found.observed > 2) {
        return Err(ONE_FIGURE);
    }
    let p = limit::upper(found.z);
    let shown = p.p() <= SHOWN;
    let again = |window: i64| test(g, &g.distances, window.max(1)).filter(|_| shown).map(|(.., f)| limit::upper(f.z));
    let without_top = g.commonest.filter(|_| shown).and_then(|(d, _)| {
        let kept: Vec<i64> = g.distances.iter().copied().filter(|&other| other != d).collect();
        test(g, &kept, g.window).map(|(.., f)| limit::upper(f.z))
    });
    let ratio = ((found.observed as f64 + 0.5) / (found.expected + 0.5)).ln();
    let beaten = found.placebos.iter().filter(|z| **z < found.z).count();
    let row = Row {
        near: (found.observed, found.opposite),
        statistic: found.z,
        effect: (ratio, found.log_error),
        expected: found.expected,
        peer_n: MISSING,
        widths: (g.window, g.window),
        placebos: shown.then_some((found.placebos.len(), beaten)),
        others: [again(g.window / 2), again(g.window.saturating_mul(2)), without_top],
        chart: shown.then(|| mass_chart(&counts, cut, &found).to_string()),
    };
    Ok((p, row))
}

/// Six bins on each side of the threshold.
fn mass_chart(counts: &[u64], cut: usize, found: &Mass) -> Chart {
    let bars = (cut.saturating_sub(6)..(cut + 6).min(counts.len())).map(|bin| {
        let label = if bin < cut { format!("<{}", cut - bin) } else { format!(">{}", bin - cut + 1) };
        let expected = found.curve[bin].max(0.0);
        let half = 1.959_963_984_540_054 * (found.dispersion * expected).sqrt() + 0.5;
        Bar { label, observed: counts[bin], expected, low: (expected - half).max(0.0), high: expected + half }
    });
    Chart { bars: bars.collect() }
}

fn limit_chart(counts: &[u64], found: &Extrapolation) -> Chart {
    let bars = (0..found.curve.len().min(12)).rev().map(|bin| {
        let expected = found.curve[bin];
        let half = 1.959_963_984_540_054 * (found.dispersion * expected).sqrt() + 0.5;
        Bar { label: format!("<{}", bin + 1), observed: counts[bin], expected, low: (expected - half).max(0.0), high: expected + half }
    });
    Chart { bars: bars.collect() }
}

/// Members on the good side nearest to the threshold, then the newest.
fn leads(spec: &Bunching, inputs: &Inputs<'_>, unit: usize, threshold: i64, judged: &Judged) -> Vec<(usize, u32)> {
    let Ok((p, row)) = judged else { return vec![] };
    if p.p() > SHOWN {
        return vec![];
    }
    let start = inputs.starts[unit];
    let reach = if spec.above { row.widths.1 } else { row.widths.0 };
    let mut found: Vec<(i64, std::cmp::Reverse<i64>, usize)> = vec![];
    for (i, &figure) in inputs.members_of(0, unit).iter().enumerate().filter(|(_, f)| **f != MISSING) {
        let d = figure.saturating_sub(threshold);
        let right = if spec.equal_is_left() { d > 0 } else { d >= 0 };
        if right == spec.above && d.saturating_abs() <= reach {
            let date = inputs.members.get(1).map_or(MISSING, |dates| dates[start + i]);
            found.push((d.saturating_abs(), std::cmp::Reverse(date), i));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, _, i)| start + i).take(LEADS).zip(0u32..).collect()
}

fn figures(groups: &[Group], judged: &[Judged]) -> Vec<Column> {
    let of_groups = |f: &dyn Fn(&Group) -> i64| Column::Number(groups.iter().map(f).collect());
    let number = |f: &dyn Fn(&Row) -> i64| Column::Number(judged.iter().map(|j| j.as_ref().map_or(MISSING, |(_, row)| f(row))).collect());
    let tail = |k: usize| number(&move |r: &Row| r.others[k].map_or(MISSING, |p| decimal(p.p(), 9)));
    let excluded = |g: &Group| {
        let words: Vec<String> =
            g.excluded.iter().zip(["without a value", "round"]).filter(|(n, _)| **n > 0).map(|(n, why)| format!("{n} {why}")).collect();
        Some(Arc::from(if words.is_empty() { "none".to_owned() } else { words.join(", ") }))
    };
    const Z: f64 = 1.959_963_984_540_054;
    vec![
        of_groups(&|g| g.distances.len() as i64),
        of_groups(&|g| g.excluded.iter().sum::<u64>() as i64),
        Column::Text(groups.iter().map(excluded).collect()),
        number(&|r| r.near.0 as i64),
        number(&|r| r.near.1 as i64),
        number(&|r| decimal(r.statistic, 2)),
        number(&|r| decimal(r.effect.0, 6)),
        number(&|r| decimal(r.effect.0 - Z * r.effect.1, 6)),
        number(&|r| decimal(r.effect.0 + Z * r.effect.1, 6)),
        number(&|r| decimal(r.expected, 2)),
        number(&|r| decimal(r.near.0 as f64 - r.expected, 2)),
        number(&|r| r.peer_n),
        number(&|r| r.widths.0),
        number(&|r| r.widths.1),
        number(&|r| r.placebos.map_or(MISSING, |p| p.0 as i64)),
        number(&|r| r.placebos.map_or(MISSING, |p| p.1 as i64)),
        tail(0),
        tail(1),
        tail(2),
        Column::Text(judged.iter().map(|j| j.as_ref().ok().and_then(|(_, row)| row.chart.as_deref()).map(Arc::from)).collect()),
    ]
}
