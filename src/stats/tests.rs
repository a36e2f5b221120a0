//! Kernels on planted figures: what should be found is, what should not is not, and what cannot be told is not told.

use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Units laid end to end, with no dates.
struct Laid {
    units: Vec<Vec<i64>>,
    starts: Vec<usize>,
    members: Vec<Vec<i64>>,
}

impl Laid {
    fn new(groups: &[Vec<i64>], values: &[i64]) -> Laid {
        let starts = std::iter::once(0).chain(groups.iter().scan(0, |end, g| {
            *end += g.len();
            Some(*end)
        }));
        Laid { units: values.iter().map(|v| vec![*v; groups.len()]).collect(), starts: starts.collect(), members: vec![groups.concat()] }
    }
    fn run(&self, kernel: &Kernel) -> Output {
        kernel.run(&Inputs { units: &self.units, starts: &self.starts, members: &self.members, texts: &[] })
    }
}

struct Found(Output, Kernel);

impl Found {
    fn numbers(&self, name: &str) -> Vec<i64> {
        match &self.0.columns[self.place(name)] {
            Column::Number(v) => v.clone(),
            Column::Text(_) => panic!("{name} is a text"),
        }
    }
    fn texts(&self, name: &str) -> Vec<String> {
        match &self.0.columns[self.place(name)] {
            Column::Text(v) => v.iter().map(|t| t.as_deref().unwrap_or_default().to_owned()).collect(),
            Column::Number(_) => panic!("{name} is a number"),
        }
    }
    fn place(&self, name: &str) -> usize {
        self.1.columns().iter().position(|c| c.0 == name).expect("a column")
    }
}

fn digits(test: DigitTest, side: Side, groups: &[Vec<i64>], min_n: i64, unit: i64, multiple: i64) -> Found {
    let kernel = Kernel::Digits(Digits { test, side, families: 0, peers: 0 });
    Found(Laid::new(groups, &[min_n, unit, multiple]).run(&kernel), kernel)
}

fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Yuan figures between 1,000 and 60,000, in fen.
fn honest(random: &mut ChaCha8Rng, n: usize) -> Vec<i64> {
    (0..n).map(|_| (1000.0 * 60f64.powf(random.random())) as i64 * 100).collect()
}

proptest! {
    /// Classes by arithmetic are those of the figure written out.
    #[test]
    fn classes_are_those_of_the_text(m in 1u64..10_000_000_000_000) {
        let text = m.to_string();
        let digit = |i: usize| text.as_bytes()[i] as usize - 48;
        let n = text.len();
        let class = |test: DigitTest, unit: u64| test.class(m, unit, 100).ok();
        prop_assert_eq!(class(DigitTest::First, 1), (n > 1).then(|| digit(0) - 1));
        prop_assert_eq!(class(DigitTest::FirstTwo, 1), (n > 1).then(|| 10 * digit(0) + digit(1) - 10));
        prop_assert_eq!(class(DigitTest::Last, 100), (n > 5).then(|| digit(n - 3)));
        prop_assert_eq!(class(DigitTest::LastTwo, 100), (n > 5).then(|| 10 * digit(n - 4) + digit(n - 3)));
        prop_assert_eq!(class(DigitTest::Round, 100), Some(usize::from(text.ends_with("0000"))));
        prop_assert_eq!(class(DigitTest::Heaping, 10), Some(usize::from(text.ends_with("00") || text.ends_with("50"))));
        let last = (n > 3).then(|| digit(n - 1)).filter(|d| d % 5 != 0);
        prop_assert_eq!(class(DigitTest::GivenNotRound, 1), last.map(|d| if d < 5 { d - 1 } else { d - 2 }));
    }

    /// The order of rows changes nothing but which of equal records is named.
    #[test]
    fn the_order_of_rows_does_not_matter(seed in 0u64..50) {
        let mut r = random(seed);
        let groups: Vec<Vec<i64>> = (0..12).map(|_| honest(&mut r, 60)).collect();
        let mut shuffled = groups.clone();
        shuffled.iter_mut().for_each(|g| g.shuffle(&mut r));
        for test in [DigitTest::Last, DigitTest::GivenNotRound, DigitTest::Heaping] {
            let (a, b) = (digits(test, Side::Both, &groups, 20, 100, 10), digits(test, Side::Both, &shuffled, 20, 100, 10));
            prop_assert_eq!(&a.0.columns, &b.0.columns);
            let led = |r: &Found, groups: &[Vec<i64>]| -> Vec<i64> { r.0.leads.iter().map(|(i, _)| groups.concat()[*i]).collect() };
            prop_assert_eq!(led(&a, &groups), led(&b, &shuffled));
        }
    }
}

#[test]
fn invented_endings_are_found_among_honest_ones() {
    let mut r = random(1);
    let mut groups: Vec<Vec<i64>> = (0..40).map(|_| honest(&mut r, 400)).collect();
    // People avoid 0 and 5 and like 3, 7 and 8.
    let weights = [2u32, 12, 12, 15, 10, 4, 11, 16, 13, 5];
    for figure in &mut groups[7] {
        let mut at = r.random_range(0..weights.iter().sum());
        let digit = weights.iter().position(|w| {
            let hit = at < *w;
            at = at.saturating_sub(*w);
            hit
        });
        *figure = *figure / 1000 * 1000 + digit.unwrap_or(0) as i64 * 100;
    }
    for test in [DigitTest::Last, DigitTest::GivenNotRound] {
        let found = digits(test, Side::Both, &groups, 40, MISSING, 10);
        let q = found.numbers("q");
        let flagged: Vec<usize> = (0..40).filter(|&u| q[u] <= 50_000_000).collect();
        assert_eq!(flagged, [7], "{test:?}");
        assert_eq!(found.numbers("unit_found"), vec![100; 40], "figures are whole yuan");
        assert_eq!(found.numbers("family_size"), vec![40; 40]);
        let leads: Vec<usize> = found.0.leads.iter().filter(|(i, _)| i / 400 == 7).map(|(i, _)| *i).collect();
        assert_eq!(leads.len(), LEADS);
        let top = found.numbers("top")[7];
        let figures = groups.concat();
        assert!(leads.iter().all(|&i| figures[i] / 100 % 10 == top), "the commonest ending comes first");
        assert!(leads.windows(2).all(|w| figures[w[0]] >= figures[w[1]]), "the largest come first");
        let chart: Chart = found.texts("chart")[7].parse().expect("a chart");
        assert_eq!(chart.bars.iter().map(|b| b.observed as i64).sum::<i64>(), found.numbers("n")[7]);
        let (low, w, high) = (found.numbers("effect.low")[7], found.numbers("effect")[7], found.numbers("effect.high")[7]);
        assert!(0 < low && low < w && w < high);
    }
}

#[test]
fn rounded_and_too_smooth_groups_stand_out_on_their_sides() {
    let mut r = random(2);
    // Everyone rounds about a third of the figures to 50 yuan, villages more or less.
    let mut groups: Vec<Vec<i64>> = (0..60)
        .map(|_| {
            let habit = 0.2 + 0.25 * r.random::<f64>();
            honest(&mut r, 120).into_iter().map(|f| if r.random::<f64>() < habit { f / 5000 * 5000 } else { f }).collect()
        })
        .collect();
    groups[3] = groups[3].iter().map(|f| f / 5000 * 5000).collect();
    groups[4] = groups[4].iter().map(|f| if f / 100 % 5 == 0 { f + 300 } else { *f }).collect();
    let flagged = |side| {
        let found = digits(DigitTest::Heaping, side, &groups, 25, 100, 10);
        let q = found.numbers("q");
        (0..60).filter(|&u| q[u] <= 50_000_000).collect::<Vec<usize>>()
    };
    assert_eq!(flagged(Side::High), [3]);
    assert_eq!(flagged(Side::Low), [4]);
    assert_eq!(flagged(Side::Both), [3, 4]);
}

#[test]
fn what_cannot_be_told_is_not_told() {
    let mut r = random(3);
    let wide = |r: &mut ChaCha8Rng| (0..400).map(|_| (10f64.powf(2.0 + 4.0 * r.random::<f64>())) as i64).collect::<Vec<i64>>();
    let good = wide(&mut r);
    let subsidies: Vec<i64> = (0..400).map(|i| 1_200 * (1 + i % 6)).collect();
    let narrow: Vec<i64> = (0..400).map(|_| r.random_range(100_000..900_000)).collect();
    let mut spike = good.clone();
    spike[..30].fill(3_620);
    let capped: Vec<i64> = good.iter().enumerate().map(|(i, f)| if i % 8 == 0 { 980_000 + i as i64 } else { *f }).collect();
    let found = digits(DigitTest::First, Side::Both, &[good, subsidies, narrow, spike, capped, vec![1, 0, -5, MISSING]], 300, 1, 10);
    let reasons = found.texts("reason");
    assert_eq!(reasons[0], "");
    for (reason, want) in reasons[1..].iter().zip(["fixed amounts", "two powers of ten", "one figure", "a cap", "too few records"]) {
        assert!(reason.contains(want), "{reason}: {want}");
    }
    assert_eq!(found.numbers("p")[1..], [MISSING; 5]);
    assert_eq!(found.numbers("family_size"), [1; 6], "what was not tested is not counted");
    assert_eq!(found.texts("excluded")[5], "1 without a value, 1 zero, 1 negative, 1 too small");
    assert_eq!(found.numbers("n_excluded")[5], 4);
    let alone = digits(DigitTest::Heaping, Side::Both, &vec![vec![1050; 30]; 8], 25, 1, 10);
    assert!(alone.texts("reason").iter().all(|r| r == "too few peers"), "seven others are not eight");
}

/// With the law exactly true about one in twenty has a p below 0.05 at every size, also where chi-square alone would not hold.
#[test]
fn sizes_hold_at_small_n() {
    let mut r = random(4);
    for (test, n) in [(DigitTest::Last, 30), (DigitTest::LastTwo, 60)] {
        let groups: Vec<Vec<i64>> = (0..2000).map(|_| (0..n).map(|_| r.random_range(100_000..10_000_000)).collect()).collect();
        let found = digits(test, Side::Both, &groups, 25, 1, 10);
        let below = found.numbers("p").iter().filter(|p| **p <= 50_000_000).count();
        assert!((60..=140).contains(&below), "{test:?}: {below} of 2000");
        let gated = found.texts("reason").iter().filter(|r| !r.is_empty()).count();
        assert_eq!(gated, 0);
    }
}

fn bunching(test: BunchTest, above: bool, groups: &[Vec<i64>], values: [i64; 4]) -> Found {
    let kernel = Kernel::Bunching(Bunching { test, above, inclusive: above, families: 0, peers: 0 });
    Found(Laid::new(groups, &values).run(&kernel), kernel)
}

/// Incomes around 4,000 yuan, in fen, of any ending.
fn incomes(r: &mut ChaCha8Rng, n: usize) -> Vec<i64> {
    (0..n).map(|_| (250_000.0 + 350_000.0 * (r.random::<f64>() + r.random::<f64>()) / 2.0) as i64).collect()
}

/// Most of those within a tenth below the line are moved just above it.
fn lifted(r: &mut ChaCha8Rng, group: &mut [i64], line: i64) {
    for figure in group.iter_mut().filter(|f| (line * 9 / 10..line).contains(*f)) {
        if r.random::<f64>() < 0.85 {
            *figure = line + r.random_range(0..line / 30);
        }
    }
}

#[test]
fn a_county_that_lifts_its_poor_over_the_line_is_found() {
    let line = 400_000;
    let mut r = random(5);
    let mut groups: Vec<Vec<i64>> = (0..30).map(|_| incomes(&mut r, 600)).collect();
    lifted(&mut r, &mut groups[11], line);
    for test in [BunchTest::Count, BunchTest::Density, BunchTest::Mass] {
        let found = bunching(test, true, &groups, [20, line, 50_000, MISSING]);
        let (q, placebo, beaten) = (found.numbers("q"), found.numbers("placebo.n"), found.numbers("placebo.beaten"));
        let flagged: Vec<usize> = (0..30).filter(|&u| q[u] <= 50_000_000 && placebo[u] == beaten[u]).collect();
        assert_eq!(flagged, [11], "{test:?}");
        assert!(found.numbers("effect.low")[11] > 200_000, "{test:?}: {:?}", found.numbers("effect.low")[11]);
        assert!(found.numbers("excess")[11] > 0);
        let figures = groups.concat();
        let leads: Vec<i64> = found.0.leads.iter().filter(|(i, _)| i / 600 == 11).map(|(i, _)| figures[*i]).collect();
        assert_eq!(leads.len(), LEADS);
        assert!(leads.iter().all(|f| *f >= line) && leads.is_sorted(), "nearest above the line first: {leads:?}");
        assert!(found.texts("chart")[11].parse::<Chart>().is_ok());
    }
    // The other side, and the same figures seen from there.
    let below: Vec<Vec<i64>> = groups.iter().map(|g| g.iter().map(|f| 2 * line - f).collect()).collect();
    let found = bunching(BunchTest::Count, false, &below, [20, line, 50_000, MISSING]);
    assert_eq!((0..30).filter(|&u| found.numbers("q")[u] <= 50_000_000).collect::<Vec<_>>(), [11]);
}

#[test]
fn equals_stand_where_they_are_said_to() {
    let counts = |above, inclusive| {
        let kernel = Kernel::Bunching(Bunching { test: BunchTest::Count, above, inclusive, families: 0, peers: 0 });
        let groups = vec![vec![95, 99, 100, 101, 104, 105]; 9];
        let found = Found(Laid::new(&groups, &[1, 100, 50_000, MISSING]).run(&kernel), kernel);
        (found.numbers("near.good")[0], found.numbers("near.bad")[0])
    };
    // Windows [95, 100) and [100, 105), or (95, 100] and (100, 105].
    assert_eq!(counts(true, true), (3, 2));
    assert_eq!(counts(false, false), (2, 3));
    assert_eq!(counts(true, false), (3, 2));
    assert_eq!(counts(false, true), (2, 3));
}

#[test]
fn a_hard_limit_alone_is_no_finding() {
    let limit = 250_000;
    let mut r = random(6);
    // Amounts that thin out, nothing above the limit; one office moves a part of what would lie above it just below.
    let amount = |r: &mut ChaCha8Rng| (-(r.random::<f64>()).ln() * 150_000.0) as i64;
    let mut groups: Vec<Vec<i64>> = (0..12).map(|_| (0..3000).map(|_| amount(&mut r)).filter(|a| *a < limit).collect()).collect();
    groups[5] = (0..3000)
        .filter_map(|_| {
            let a = amount(&mut r);
            if a < limit { Some(a) } else { (r.random::<f64>() < 0.35).then(|| limit - 1 - r.random_range(0..6_000)) }
        })
        .collect();
    let found = bunching(BunchTest::Limit, false, &groups, [100, limit, 40_000, MISSING]);
    let (q, placebo, beaten) = (found.numbers("q"), found.numbers("placebo.n"), found.numbers("placebo.beaten"));
    assert_eq!((0..12).filter(|&u| q[u] <= 50_000_000 && placebo[u] == beaten[u]).collect::<Vec<_>>(), [5]);
    assert!(placebo[5] >= 3);
}

#[test]
fn a_threshold_that_everyone_rounds_to_does_not_count_without_round_figures() {
    let line = 400_000;
    let mut r = random(7);
    let mut groups: Vec<Vec<i64>> = (0..20).map(|_| incomes(&mut r, 500)).collect();
    // One county writes 4,000 for a fifth of all figures near it.
    for (i, figure) in groups[3].iter_mut().enumerate() {
        if i % 5 == 0 && (line - 20_000..line + 20_000).contains(figure) {
            *figure = line;
        }
    }
    let with = bunching(BunchTest::Count, true, &groups, [20, line, 50_000, MISSING]);
    let without = bunching(BunchTest::Count, true, &groups, [20, line, 50_000, 10_000]);
    assert!(without.numbers("p")[3] > with.numbers("p")[3]);
    assert!(without.numbers("q")[3] > 50_000_000);
    assert!(without.texts("excluded")[3].ends_with("round"), "{}", without.texts("excluded")[3]);
    // Where half of all figures near the line are the line there is nothing to compare.
    groups[3].iter_mut().filter(|f| (line - 20_000..line + 20_000).contains(*f)).for_each(|f| *f = line);
    let found = bunching(BunchTest::Count, true, &groups, [20, line, 50_000, MISSING]);
    assert!(found.texts("reason")[3].contains("one and the same"));
}
