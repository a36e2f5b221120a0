//! Every method against a comparison of all pairs.

use proptest::prelude::*;

use super::*;

/// Smallest number of each connected set, by going over all ties until nothing changes.
fn connected(n: usize, tied: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut label: Vec<usize> = (0..n).collect();
    loop {
        let before = label.clone();
        for i in 0..n {
            for j in 0..n {
                if i != j && tied(i, j) {
                    let least = label[i].min(label[j]);
                    (label[i], label[j]) = (least, least);
                }
            }
        }
        if label == before {
            return label;
        }
    }
}

/// Labels by row; rows are numbered apart from their place, so that order cannot help.
fn by_row(mut found: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    found.sort_unstable();
    found
}

/// As the kernels say it: row and smallest row of its set.
fn expected(rows: &[u32], sets: &[usize]) -> Vec<(u32, u32)> {
    let least = |set: usize| (0..rows.len()).filter(|&i| sets[i] == set).map(|i| rows[i]).min().unwrap();
    by_row((0..rows.len()).map(|i| (rows[i], least(sets[i]))).collect())
}

/// Numbers of rows in some order.
fn rows(n: usize) -> impl Strategy<Value = Vec<u32>> {
    Just((0..n as u32).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #[test]
    fn near_is_what_all_pairs_say(
        (items, rows) in prop::collection::vec((0u32..3, 0i64..12, 0i64..12, 0i64..3, 0i64..3), 0..24)
            .prop_flat_map(|items| { let n = items.len(); (Just(items), rows(n)) })
    ) {
        let least = |block: u32, f: fn(&(u32, i64, i64, i64, i64)) -> i64| items.iter().filter(|i| i.0 == block).map(f).min().unwrap();
        let sets = connected(items.len(), |i, j| {
            let (a, b) = (items[i], items[j]);
            a.0 == b.0 && (a.1 - b.1).abs() <= least(a.0, |i| i.3) && (a.2 - b.2).abs() <= least(a.0, |i| i.4)
        });
        let given = items.iter().zip(&rows).map(|(&(block, amount, day, amount_within, days_within), &row)| {
            Near { block, day, amount, row, amount_within, days_within }
        }).collect();
        prop_assert_eq!(by_row(near(given)), expected(&rows, &sets));
    }

    #[test]
    fn similar_is_what_all_pairs_say(
        (items, rows) in prop::collection::vec((0u32..2, "[ab丙]{0,5}"), 0..40)
            .prop_flat_map(|items| { let n = items.len(); (Just(items), rows(n)) }),
        edits in 1usize..=3,
        pairs in any::<bool>(),
    ) {
        // Long common starts make comparing pairs dearer than shortened texts, or the other way round.
        let texts: Vec<String> = items.iter().map(|(_, t)| if pairs { format!("{t}{}", "x".repeat(40)) } else { t.clone() }).collect();
        let edits = if pairs { edits } else { edits.min(2) };
        let sets = connected(items.len(), |i, j| {
            items[i].0 == items[j].0 && strsim::damerau_levenshtein(&texts[i], &texts[j]) <= edits
        });
        let given = (0..items.len()).map(|i| Similar { block: items[i].0, text: &texts[i], row: rows[i] }).collect();
        prop_assert_eq!(by_row(similar(given, edits)), expected(&rows, &sets));
    }

    #[test]
    fn windows_are_what_all_pairs_say(
        (items, rows) in prop::collection::vec((0u32..2, 0i64..20, 1i64..10, 0i64..4), 0..16)
            .prop_flat_map(|items| { let n = items.len(); (Just(items), rows(n)) }),
        within in 0i64..8,
    ) {
        // A limit of its own for every row.
        let item = |i: usize| {
            let (block, day, amount, more) = items[i];
            Window { block, day, row: rows[i], amount, limit: 10 + more, within: within + more }
        };
        let all: Vec<Window> = (0..items.len()).map(item).collect();
        let within = |block: u32| all.iter().filter(|w| w.block == block).map(|w| w.within).min().unwrap();
        // Every set of rows that ends with `last` and begins at some day, be it the longest or not.
        let windows: Vec<Vec<usize>> = (0..all.len()).flat_map(|last| {
            let all = &all;
            let end = all[last];
            let before = move |i: &usize| all[*i].block == end.block && (all[*i].day, all[*i].row) <= (end.day, end.row);
            (0..=within(end.block)).map(move |days| {
                (0..all.len()).filter(before).filter(|&i| end.day - all[i].day <= days).collect::<Vec<usize>>()
            }).filter(move |w| w.iter().map(|&i| all[i].amount).sum::<i64>() > end.limit)
        }).collect();
        let sets = connected(all.len(), |i, j| windows.iter().any(|w| w.contains(&i) && w.contains(&j)));
        let found = window(all.clone());
        prop_assert_eq!(by_row(found.iter().map(|f| (f.0, f.1)).collect()), expected(&rows, &sets));
        for (row, _, peak) in found {
            let i = rows.iter().position(|r| *r == row).unwrap();
            let largest = windows.iter().filter(|w| w.iter().any(|&k| sets[k] == sets[i]))
                .map(|w| w.iter().map(|&k| all[k].amount).sum::<i64>()).max();
            prop_assert_eq!(peak, largest.unwrap_or(all[i].amount));
        }
    }

    #[test]
    fn components_are_what_all_pairs_say(
        people in 1usize..14,
        edges in prop::collection::vec(prop::collection::vec((0u32..6, 0u32..14), 0..20), 0..3),
        max_shared in 2usize..5,
    ) {
        let edges: Vec<Vec<(u32, u32)>> = edges.into_iter().map(|kind| {
            kind.into_iter().filter(|(_, p)| (*p as usize) < people).collect()
        }).collect();
        let sharing = |kind: usize, value: u32| -> Vec<usize> {
            (0..people).filter(|&p| edges[kind].contains(&(value, p as u32))).collect()
        };
        let tying: Vec<(usize, Vec<usize>)> = (0..edges.len()).flat_map(|kind| (0..6).map(move |v| (kind, v)))
            .map(|(kind, v)| (kind, sharing(kind, v))).filter(|(_, s)| s.len() >= 2 && s.len() <= max_shared).collect();
        let tied = |i: usize, j: usize| tying.iter().any(|(_, s)| s.contains(&i) && s.contains(&j));
        let sets = connected(people, tied);
        let found = components(people, edges.clone(), max_shared);
        for i in 0..people {
            for j in 0..people {
                prop_assert_eq!(found.of[i] == found.of[j], sets[i] == sets[j]);
            }
            let ring = &found.rings[found.of[i] as usize];
            let own: Vec<usize> = (0..people).filter(|&p| sets[p] == sets[i]).collect();
            prop_assert_eq!(ring.size as usize, own.len());
            let pairs = own.iter().flat_map(|&a| own.iter().map(move |&b| (a, b))).filter(|&(a, b)| a < b && tied(a, b)).count();
            prop_assert_eq!(ring.ties as usize, pairs);
            for kind in 0..edges.len() {
                let values = tying.iter().filter(|(k, s)| *k == kind && own.contains(&s[0])).count();
                prop_assert_eq!(ring.values[kind] as usize, values);
            }
        }
        // Sets are numbered by their smallest person.
        let mut next = 0;
        for &ring in &found.of {
            prop_assert!(ring <= next);
            next = next.max(ring + 1);
        }
    }
}

/// Many rows of one block: what takes the square of their number does not come to an end.
#[test]
fn a_large_block_is_grouped() {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let n = 60_000u32;
    let near_items = (0..n).map(|row| Near {
        block: 0,
        day: random.random_range(0..3_000),
        amount: random.random_range(0..1_000_000_000),
        row,
        amount_within: 10,
        days_within: 30,
    });
    assert_eq!(near(near_items.collect()).len(), n as usize);
    let windows = (0..n).map(|row| Window { block: 0, day: i64::from(row), row, amount: 1, limit: 30_000, within: 40_000 });
    let found = window(windows.collect());
    assert!(found.iter().all(|f| f.1 == 0));
    assert_eq!(found[0].2, 40_001);
    let texts: Vec<String> = (0..n).map(|_| (0..12).map(|_| char::from(b'0' + random.random_range(0..10u8))).collect()).collect();
    let mut similar_items: Vec<Similar<'_>> = texts.iter().zip(0..).map(|(text, row)| Similar { block: 0, text, row }).collect();
    let swapped = format!("{}{}{}", &texts[5][1..2], &texts[5][..1], &texts[5][2..]);
    similar_items.push(Similar { block: 0, text: &swapped, row: n });
    let found = similar(similar_items, 1);
    assert!(found.contains(&(n, 5)));
}

#[test]
fn everything_is_passed_over_in_parts_alike() {
    let texts: Vec<String> = (0..200).map(|i| format!("户{:03}", i * 7 % 200)).collect();
    let distinct: Vec<(u32, Vec<char>)> = (0u32..).zip(&texts).map(|(i, t)| (i, t.chars().collect())).collect();
    let run = |passes| {
        let mut sets = union::Union::new(distinct.len());
        similar::meet(&distinct, 1, passes, &mut sets);
        sets.roots()
    };
    assert_eq!(run(1), run(7));
}
