//! Whether a result rests on a window, on one half of the records or on one value: p of the same test over less or more.

use super::*;

/// Groups of members with several values each.
fn run(kernel: &Kernel, groups: &[Vec<Vec<i64>>], values: &[i64]) -> impl Fn(&str) -> Vec<i64> + use<> {
    let mut starts = vec![0];
    let mut members: Vec<Vec<i64>> = vec![vec![]; groups[0][0].len()];
    for group in groups {
        for member in group {
            member.iter().zip(&mut members).for_each(|(value, column)| column.push(*value));
        }
        starts.push(members[0].len());
    }
    let units: Vec<Vec<i64>> = values.iter().map(|v| vec![*v; groups.len()]).collect();
    let out = kernel.run(&Inputs { units: &units, starts: &starts, members: &members, texts: &[] });
    let columns = kernel.columns();
    move |name| match &out.columns[columns.iter().position(|c| c.0 == name).expect("a column")] {
        Column::Number(v) => v.clone(),
        Column::Text(_) => panic!("{name} is a text"),
    }
}

const SURE: i64 = 1_000_000;

/// Thirty groups of forty with six hits each, spread over time, and one to be looked at.
fn among(odd: Vec<Vec<i64>>, usual: impl Fn(i64) -> Vec<i64>) -> Vec<Vec<Vec<i64>>> {
    let honest = (0..30).map(|g| (0..40).map(|i| usual((i + g) % 40)).collect());
    honest.chain([odd]).collect()
}

#[test]
fn a_share_that_rests_on_one_half_or_one_day() {
    let kernel = Kernel::Rate(Rate { side: Side::High, given: false, min_dates: 0, windows: false, families: 0, peers: 0 });
    let usual = |i: i64| vec![i64::from(i % 7 == 0), i];
    // Thirty of forty, all of them in the later half.
    let late = (0..40).map(|i| vec![i64::from(i >= 10 && (i >= 20 || i % 7 == 0)), i]).collect();
    let of = run(&kernel, &among(late, usual), &[30, MISSING, 50_000_000]);
    assert!(of("p")[30] < SURE && of("later.p")[30] < SURE, "{:?} {:?}", of("p"), of("later.p"));
    assert!(of("earlier.p")[30] > 100 * SURE, "{}", of("earlier.p")[30]);
    assert_eq!((of("half.p")[30], of("double.p")[30]), (MISSING, MISSING), "there is no window");
    assert_eq!(of("later.p")[0], MISSING, "nothing is shown of what is usual");
    // Twenty hits of forty, all on one day: without it nothing is left.
    let once = (0..40).map(|i| vec![i64::from(i < 20), if i < 20 { 100 } else { i }]).collect();
    let of = run(&kernel, &among(once, usual), &[30, MISSING, 50_000_000]);
    assert!(of("p")[30] < SURE && of("without_top.p")[30] == 1_000_000_000, "{} {}", of("p")[30], of("without_top.p")[30]);
    // All on one day: there is no earlier half, and nothing without that day.
    let of = run(&kernel, &among(vec![vec![1, 5]; 40], usual), &[30, MISSING, 50_000_000]);
    assert_eq!(["earlier.p", "later.p", "without_top.p"].map(|name| of(name)[30]), [MISSING; 3]);
}

#[test]
fn a_surge_that_a_wider_window_does_not_show() {
    let kernel = Kernel::Rate(Rate { side: Side::High, given: false, min_dates: 0, windows: true, families: 0, peers: 0 });
    // Peers act within double the window as this group does, but not within it.
    let usual = |i: i64| vec![i64::from(i % 7 == 0), i64::from(i % 10 == 0), i64::from(i < 30), i];
    let odd = (0..40).map(|i| vec![i64::from(i < 28), i64::from(i < 28), i64::from(i < 30), i]).collect();
    let of = run(&kernel, &among(odd, usual), &[30, MISSING, 50_000_000]);
    assert!(of("p")[30] < SURE && of("half.p")[30] < SURE, "{} {}", of("p")[30], of("half.p")[30]);
    assert!(of("double.p")[30] > 100 * SURE, "{}", of("double.p")[30]);
    assert_eq!(of("earlier.p")[30], MISSING, "the window is one of time");
}

#[test]
fn digits_of_one_half_of_the_year() {
    let kernel = Kernel::Digits(Digits { test: DigitTest::Last, side: Side::Both, families: 0, peers: 0 });
    // Endings 0 to 9 by turns, in the later half mostly 7.
    let figures = (0..400i64).map(|i| {
        let ending = if i >= 200 && i % 4 != 0 { 7 } else { i % 10 };
        vec![(10_000 + i * 130 + ending - (i * 130) % 10) * 100, i]
    });
    let of = run(&kernel, &[figures.collect()], &[100, 100, MISSING]);
    assert!(of("p")[0] < SURE && of("later.p")[0] < SURE, "{} {}", of("p")[0], of("later.p")[0]);
    assert!(of("earlier.p")[0] > 500 * SURE, "{}", of("earlier.p")[0]);
    let kernel = Kernel::Digits(Digits { test: DigitTest::Round, side: Side::High, families: 0, peers: 0 });
    let honest = |g: i64| (0..60).map(|i| vec![(1_001 + g + 7 * i) * 100, i]).collect::<Vec<_>>();
    let mut groups: Vec<Vec<Vec<i64>>> = (0..30).map(honest).collect();
    groups.push((0..60).map(|i| vec![if i < 30 { 1_000 + 10 * i } else { 1_001 + 7 * i } * 100, i]).collect());
    let of = run(&kernel, &groups, &[25, 100, 10]);
    assert!(of("p")[30] < SURE && of("earlier.p")[30] < SURE && of("later.p")[30] > 100 * SURE);
}

#[test]
fn targets_hit_with_less_and_with_more_slack() {
    let kernel = Kernel::Hits(Hits { balance: false, families: 0 });
    // Four targets of 50, each missed by two: hit with a slack of two or four, not of one.
    let of = run(&kernel, &[vec![vec![52, 50, 0]; 4]], &[3, 10, 2]);
    assert_eq!(of("hits")[0], 4);
    assert_eq!(of("half.p")[0], 1_000_000_000);
    assert!(of("double.p")[0] > of("p")[0], "a wider slack is easier to hit");
    let one = hit_target(50, 2);
    assert!((of("without_top.p")[0] as f64 / 1e9 - one.powi(3)).abs() < 1e-9);
    // Without slack the double is one.
    let of = run(&kernel, &[vec![vec![50, 50, 0]; 4]], &[3, 10, 0]);
    assert!((of("double.p")[0] as f64 / 1e9 - hit_target(50, 1).powi(4)).abs() < 1e-9);
    assert_eq!(of("half.p"), of("p"));
}

#[test]
fn sets_and_spreads_without_their_strongest_part() {
    let kernel = Kernel::Repeat(Repeat { columns: 2, near: false, families: 0, peers: 0 });
    let mut groups: Vec<Vec<Vec<i64>>> =
        (0..12).map(|g| (0..20).map(|i| vec![1_000 + 37 * (20 * g + i), 5_000 + 91 * (20 * g + i), MISSING, MISSING]).collect()).collect();
    (0..5).for_each(|i| groups[3][i] = vec![7, 8, MISSING, MISSING]);
    (5..8).for_each(|i| groups[3][i] = vec![9, 10, MISSING, MISSING]);
    (0..4).for_each(|i| groups[4][i] = vec![11, 12, MISSING, MISSING]);
    let of = run(&kernel, &groups, &[3, 8, 2, 50_000, MISSING, 12]);
    assert!(of("p")[3] < of("without_top.p")[3] && of("without_top.p")[3] < SURE, "{} {}", of("p")[3], of("without_top.p")[3]);
    assert_eq!((of("without_top.p")[4], of("peer.n")[4]), (MISSING, 220), "one set only");

    let kernel = Kernel::Spread(Spread { families: 0, peers: 0 });
    let wide = |g: i64| (0..20).map(|i| vec![1_000 + (i * 997 + g * 131) % 9_000, MISSING]).collect::<Vec<_>>();
    let mut groups: Vec<Vec<Vec<i64>>> = (0..14).map(wide).collect();
    // Nine of twenty are one figure (the 15th by chance); the rest are as wide as anywhere.
    groups.push((0..20).map(|i| vec![if i < 8 { 3_000 } else { 3_000 + (i - 14) * 160 }, MISSING]).collect());
    let of = run(&kernel, &groups, &[12]);
    assert!(of("p")[14] < SURE && of("without_top.p")[14] > of("p")[14], "{} {}", of("p")[14], of("without_top.p")[14]);
}
