//! Each form against nested loops.

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn row(t in table("t")) {
        let want = by_id(&t, |i| inside(&t[i], || {
            let (a, b) = (less(t[i].m, t[i].y).map(|l| !l), less(t[i].e, t[i].d));
            code(and(t[i].k.get().map(|k| k > 0), or(a, b)))
        }));
        agrees("check: {row: {table: t, among: g = 1, where: k > 0 and (m >= yuan(p) or e < d)}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn duplicate_exact(t in table("t")) {
        let want = by_id(&t, |i| inside(&t[i], || match key(&[t[i].k, t[i].y]) {
            None => NotAssessable,
            own => code(Some(t.iter().filter(|o| among(o) == Some(true) && key(&[o.k, o.y]) == own).count() > 1)),
        }));
        agrees("check: {duplicate: {table: t, among: g = 1, keys: [k, p]}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn duplicate_different(t in table("t")) {
        let judge = |key: i64| {
            let values: Vec<Cell> = t.iter().filter(|o| o.k == Is(key)).map(|o| o.m).collect();
            if values.len() < 2 { return Clear; }
            // An unreadable cell leaves the count of different values open.
            if values.contains(&Bad) { return NotAssessable; }
            let mut known: Vec<i64> = values.iter().filter_map(|c| c.get()).collect();
            known.sort_unstable();
            known.dedup();
            if known.len() > 1 { Flagged } else if values.contains(&Empty) { NotAssessable } else { Clear }
        };
        let want = by_id(&t, |i| t[i].k.get().map_or(NotAssessable, judge));
        agrees("check: {duplicate: {table: t, keys: k, different: m}}\n", false, [&t, &[]], &want)?;
        let want = t.iter().filter_map(|row| row.k.get()).map(|k| (k.to_string(), judge(k))).collect();
        agrees("check: {duplicate: {table: t, keys: k, different: m}}\n", true, [&t, &[]], &want)?;
    }

    #[test]
    fn match_by_a_ladder(t in table("t"), r in table("r")) {
        let want = by_id(&t, |i| {
            let own = &t[i];
            let rungs: [(Vec<Cell>, fn(&Row) -> Vec<Cell>); 2] = [(vec![own.k, own.y], |o| vec![o.k, o.y]), (vec![own.g], |o| vec![o.g])];
            for (cells, other) in &rungs {
                let Some(wanted) = key(cells) else { continue };
                let found: Vec<&Row> = r.iter().filter(|o| key(&other(o)).as_ref() == Some(&wanted)).collect();
                if !found.is_empty() {
                    let flag = found.iter().map(|o| and(less(own.m, o.m), less(o.d, own.d))).fold(Some(false), or);
                    return code(flag);
                }
            }
            let unreadable = rungs.iter().any(|(cells, _)| cells.contains(&Bad));
            let complete = rungs.iter().any(|(cells, _)| key(cells).is_some());
            match own.d {
                Is(d) if complete && !unreadable && (5..=24).contains(&d) => Clear,
                _ => NotAssessable,
            }
        });
        agrees("check: {match: {table: t, with: r, keys: [{k: k, p: p}, {g: g}], where: other.m > m and other.d < d}}\n", false, [&t, &r], &want)?;
    }

    #[test]
    fn match_within_one_table(t in table("t")) {
        let want = by_id(&t, |i| match t[i].k {
            Is(_) => code((0..t.len()).filter(|&j| j != i && t[j].k == t[i].k).map(|j| less(t[i].m, t[j].m)).fold(Some(false), or)),
            _ => NotAssessable,
        });
        agrees("check: {match: {table: t, with: t, keys: k, where: other.m > t.m}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn missing(t in table("t"), r in table("r")) {
        // Due on e + 30 days; as of 2019-02-15, day 45.
        let want = by_id(&t, |i| inside(&t[i], || {
            let own = &t[i];
            if own.k.get().is_none() { return NotAssessable; }
            let Is(e) = own.e else { return NotAssessable };
            if e + 30 > 45 { return NotAssessable; }
            let found = r.iter().filter(|o| o.k == own.k).map(|o| less(own.m, o.m)).fold(Some(false), or);
            // The register ends before anything is due: absence is never covered.
            if found == Some(true) { Clear } else { NotAssessable }
        }));
        agrees("check: {missing: {table: t, among: g = 1, in: r, keys: k, where: other.m > m, due: e + days(30)}}\n", false, [&t, &r], &want)?;
        let want = by_id(&t, |i| {
            let own = &t[i];
            if own.k.get().is_none() { return NotAssessable; }
            match r.iter().filter(|o| o.k == own.k).map(|o| less(own.m, o.m)).fold(Some(false), or) {
                Some(true) => Clear,
                Some(false) if matches!(own.d, Is(5..=24)) => Flagged,
                _ => NotAssessable,
            }
        });
        agrees("check: {missing: {table: t, in: r, keys: k, where: other.m > m}}\n", false, [&t, &r], &want)?;
    }

    #[test]
    fn change(t in table("t")) {
        let want = by_id(&t, |i| {
            let own = &t[i];
            let (Is(_), Is(y)) = (own.k, own.y) else { return NotAssessable };
            let before: Vec<&Row> = t.iter().filter(|o| o.k == own.k && o.y == Is(y - 1)).collect();
            let same = t.iter().filter(|o| o.k == own.k && o.y == own.y).count();
            match before.as_slice() {
                [] => Out,
                [before] if same == 1 => match (own.m, before.m) {
                    (Is(now), Is(then)) => code(Some(now > 2 * then)),
                    _ => NotAssessable,
                },
                _ => NotAssessable,
            }
        });
        agrees("check: {change: {table: t, key: k, period: p, measure: m, where: now > 2 * before}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn change_of_totals(t in table("t")) {
        let mut sums: BTreeMap<(i64, i64), Option<i64>> = BTreeMap::new();
        for row in &t {
            let (Is(k), Is(y)) = (row.k, row.y) else { continue };
            let cells: Vec<Cell> = t.iter().filter(|o| o.k == Is(k) && o.y == Is(y)).map(|o| o.m).collect();
            let known: Vec<i64> = cells.iter().filter_map(|c| c.get()).collect();
            sums.insert((k, y), if cells.contains(&Bad) || known.is_empty() { None } else { Some(known.iter().sum()) });
        }
        let want = sums
            .iter()
            .filter_map(|(&(k, y), now)| {
                let before = sums.get(&(k, y - 1))?;
                Some((format!("{k}/{y}"), code(now.and_then(|now| Some(now > (*before)?)))))
            })
            .collect();
        agrees("check: {change: {table: t, key: k, period: p, total: m, where: now > before}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn change_against_peers(t in table("t")) {
        let pair = |row: &Row| -> Option<(i64, i64)> {
            let before: Vec<&Row> = t.iter().filter(|o| o.k == row.k && row.k.get().is_some() && o.y == Is(row.y.get().unwrap_or(-9) - 1)).collect();
            match before.as_slice() {
                [one] => Some((row.m.get()?, one.m.get()?)),
                _ => None,
            }
        };
        let want = by_id(&t, |i| {
            let own = &t[i];
            let (Is(_), Is(y)) = (own.k, own.y) else { return NotAssessable };
            if !t.iter().any(|o| o.k == own.k && o.y == Is(y - 1)) { return Out; }
            if t.iter().filter(|o| o.k == own.k && o.y == own.y).count() > 1 { return NotAssessable; }
            let Some((now, before)) = pair(own) else { return NotAssessable };
            let peers = |same: &dyn Fn(&Row) -> bool| {
                let mut all: Vec<i64> = t.iter().filter(|o| o.y == own.y && same(o)).filter_map(pair).map(|(now, before)| now - before).collect();
                all.sort_unstable();
                all
            };
            let near = if own.g.get().is_some() { peers(&|o| o.g == own.g) } else { vec![] };
            let all = if near.len() >= 2 { near } else { peers(&|_| true) };
            if own.g == Bad { return NotAssessable; }
            if all.len() < 2 { return NotAssessable; }
            let median = all[(500 * all.len()).div_ceil(1000).max(1) - 1];
            code(Some(now - before > median))
        });
        let check = "check: {change: {table: t, key: k, period: p, measure: m, compare: difference, peers: [g, 1], min_peers: 2, where: difference > peer.p50}}\n";
        agrees(check, false, [&t, &[]], &want)?;
    }

    #[test]
    fn reconcile(t in table("t"), r in table("r")) {
        let side = |rows: &[Row], k: i64, y: i64| {
            let cells: Vec<Cell> = rows.iter().filter(|o| o.k == Is(k) && o.y == Is(y)).map(|o| o.m).collect();
            let known: Vec<i64> = cells.iter().filter_map(|c| c.get()).collect();
            if cells.is_empty() { Some(0) } else if cells.contains(&Bad) || known.is_empty() { None } else { Some(known.iter().sum()) }
        };
        let keys = |rows: &[Row]| rows.iter().filter_map(|o| Some((o.k.get()?, o.y.get()?))).collect::<BTreeSet<_>>();
        let judge = |&(k, y): &(i64, i64)| {
            let difference = side(&t, k, y).and_then(|left| Some((left - side(&r, k, y)?).abs()));
            (format!("{k}/{y}"), code(difference.map(|d| d > 1)))
        };
        let check = |over: &str| format!(
            "check:\n  reconcile:\n    per: [k, p]\n    left: {{a: {{table: t, sum: m}}}}\n    right: {{b: {{table: r, sum: m}}}}\n    tolerance: yuan(1)\n    over: {over}\n"
        );
        let want = keys(&t).union(&keys(&r)).map(judge).collect();
        agrees(&check("union"), false, [&t, &r], &want)?;
        let want = keys(&t).intersection(&keys(&r)).map(judge).collect();
        agrees(&check("both"), false, [&t, &r], &want)?;
    }

    #[test]
    fn order_of_steps(t in table("t"), r in table("r")) {
        // Anchors: t, on d. Steps before it: a (r with g = 0), then b (r with g = 1), at least 2 days apart.
        let want = by_id(&t, |i| {
            let own = &t[i];
            let Is(_) = own.k else { return NotAssessable };
            let Is(anchor) = own.d else { return NotAssessable };
            let step = |g: i64| -> Result<Option<i64>, ()> {
                let rows: Vec<&Row> = r.iter().filter(|o| o.k == own.k).collect();
                if rows.iter().any(|o| o.g == Bad || (o.g == Is(g) && o.d == Bad)) { return Err(()); }
                Ok(rows.iter().filter(|o| o.g == Is(g)).filter_map(|o| o.d.get()).max())
            };
            let present = |g: i64| r.iter().filter(|o| o.k == own.k).map(|o| o.g.get().map(|v| v == g)).fold(Some(false), or);
            for g in [0, 1] {
                // Absence counts where the register covers the anchor.
                if present(g) != Some(true) && !(5..=24).contains(&anchor) { return NotAssessable; }
            }
            let missing = or(present(0).map(|p| !p), present(1).map(|p| !p));
            let between = |a: Result<Option<i64>, ()>, b: Result<Option<i64>, ()>, bad: &dyn Fn(i64) -> bool| match (a, b) {
                (Ok(None), _) | (_, Ok(None)) => Some(false),
                (Ok(Some(a)), Ok(Some(b))) => Some(bad(b - a)),
                _ => None,
            };
            let (a, b) = (step(0), step(1));
            let latest = match (a, b) {
                (Ok(a), Ok(b)) => Ok(a.max(b)),
                _ => Err(()),
            };
            let flags = [
                missing,
                between(a, b, &|days| days < 0),
                between(a, b, &|days| days < 2),
                between(latest, Ok(Some(anchor)), &|days| days < 0),
            ];
            code(flags.into_iter().fold(Some(false), or))
        });
        let check = "check: {order: {table: t, per: k, steps: {a: {in: r, where: other.g = 0}, b: {in: r, where: other.g = 1, at_least: 2}}}}\n";
        agrees(check, false, [&t, &r], &want)?;
    }

    #[test]
    fn order_overlap(t in table("t")) {
        let want = by_id(&t, |i| inside(&t[i], || {
            if t[i].k.get().is_none() { return NotAssessable; }
            let others = (0..t.len()).filter(|&j| j != i && t[j].k == t[i].k && among(&t[j]) == Some(true));
            code(others.map(|j| {
                let (a, b) = (&t[i], &t[j]);
                if [a.e, b.e].contains(&Bad) { return None; }
                let end = |c: Cell| c.get().unwrap_or(i64::MAX);
                let shared = end(a.e).min(end(b.e)).saturating_sub(a.d.get()?.max(b.d.get()?)).saturating_add(1).max(0);
                Some(shared > 1)
            }).fold(Some(false), or))
        }));
        agrees("check: {order: {table: t, among: g = 1, per: k, overlap: {first: d, last: e}}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn order_gap(t in table("t")) {
        // The table's order decides between intervals that start on one day: by key, here the id.
        let want = by_id(&t, |i| {
            let own = &t[i];
            let (Is(_), Is(first)) = (own.k, own.d) else { return NotAssessable };
            let same: Vec<&Row> = t.iter().filter(|o| o.k == own.k).collect();
            let earlier: Vec<&&Row> = same.iter().filter(|o| o.d.get().is_some_and(|d| d < first || (d == first && o.id < own.id))).collect();
            let unknown = same.iter().any(|o| o.d.get().is_none());
            if earlier.is_empty() { return if unknown { NotAssessable } else { Out }; }
            if earlier.iter().any(|o| o.e == Empty) { return Clear; }
            if earlier.iter().any(|o| o.e == Bad) || same.iter().any(|o| o.d == Bad) { return NotAssessable; }
            let until = earlier.iter().filter_map(|o| o.e.get()).max().unwrap_or(0);
            code(Some((first - until - 1).max(0) > 3))
        });
        agrees("check: {order: {table: t, per: k, gap: {first: d, last: e, allowed: 3}}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn concentration(t in table("t")) {
        let mut want = BTreeMap::new();
        for row in t.iter().filter(|o| among(o) == Some(true)) {
            let Is(k) = row.k else { continue };
            let values: Vec<Cell> = t.iter().filter(|o| among(o) == Some(true) && o.k == Is(k)).map(|o| o.y).collect();
            let mut known: Vec<i64> = values.iter().filter_map(|c| c.get()).collect();
            known.sort_unstable();
            known.dedup();
            want.insert(k.to_string(), if values.contains(&Bad) { NotAssessable } else { code(Some(known.len() >= 2)) });
        }
        agrees("check: {concentration: {table: t, among: g = 1, by: k, count: p, min: 2}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn concentration_of_shares(t in table("t")) {
        let mut want = BTreeMap::new();
        for row in &t {
            let (Is(g), Is(k)) = (row.g, row.k) else { continue };
            let sum = |of: &dyn Fn(&Row) -> bool| {
                let cells: Vec<Cell> = t.iter().filter(|o| of(o)).map(|o| o.m).collect();
                let known: Vec<i64> = cells.iter().filter_map(|c| c.get()).collect();
                if cells.contains(&Bad) || known.is_empty() { None } else { Some(known.iter().sum::<i64>()) }
            };
            let part = sum(&|o| o.g == Is(g) && o.k == Is(k));
            let whole = sum(&|o| o.g == Is(g));
            let share = part.and_then(|part| Some((part, whole.filter(|w| *w != 0)?)));
            want.insert(format!("{g}/{k}"), code(share.map(|(part, whole)| 2 * part >= whole)));
        }
        agrees("check: {concentration: {table: t, by: [g, k], share: {of: g, value: m, min: 0.5}}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn outlier(t in table("t")) {
        let want = by_id(&t, |i| {
            let own = &t[i];
            let (Is(value), Is(_)) = (own.m, own.g) else { return NotAssessable };
            let mut all: Vec<i64> = t.iter().filter(|o| o.g == own.g).filter_map(|o| o.m.get()).collect();
            if all.len() < 3 { return NotAssessable; }
            all.sort_unstable();
            let quartile = |permille: usize| all[(permille * all.len()).div_ceil(1000).max(1) - 1];
            let (low, high) = (quartile(250), quartile(750));
            let beyond = if value > high { value - high } else if value < low { low - value } else { return Clear };
            if high == low { return NotAssessable; }
            code(Some(beyond > high - low))
        });
        agrees("check: {outlier: {table: t, measure: m, peers: g, min_peers: 3, method: iqr, limit: 1}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn match_in_several_registers(t in table("t"), r in table("r")) {
        // `t` as a register covers everything but never matches a record with itself.
        let want = by_id(&t, |i| {
            let own = &t[i];
            if own.k.get().is_none() { return NotAssessable; }
            let others = (0..t.len()).filter(|&j| j != i && t[j].k == own.k).map(|j| less(own.m, t[j].m));
            let here = others.fold(Some(false), or);
            let found: Vec<&Row> = r.iter().filter(|o| o.k == own.k).collect();
            let there = found.iter().map(|o| less(own.m, o.m)).fold(Some(false), or);
            let absent = found.is_empty() && !matches!(own.d, Is(5..=24));
            match or(here, there) {
                Some(true) => Flagged,
                Some(false) if !absent => Clear,
                _ => NotAssessable,
            }
        });
        agrees("check: {match: {table: t, with: [r, t], keys: k, where: other.m > t.m}}\n", false, [&t, &r], &want)?;
    }

    #[test]
    fn missing_in_both_ways_and_places(t in table("t"), r in table("r")) {
        let want = by_id(&t, |i| {
            let own = &t[i];
            let ways: [(Cell, fn(&Row) -> Cell); 2] = [(own.k, |o| o.k), (own.y, |o| o.y)];
            if ways.iter().all(|(cell, _)| cell.get().is_none()) { return NotAssessable; }
            let found = ways.iter().any(|(cell, of)| cell.get().is_some() && r.iter().any(|o| of(o) == *cell));
            let unreadable = ways.iter().any(|(cell, _)| cell.get().is_none());
            if found { Clear } else if unreadable { NotAssessable } else { Flagged }
        });
        agrees("check: {missing: {table: t, in: r, keys: [{k: k}, {p: p}], complete: true}}\n", false, [&t, &r], &want)?;
    }

    #[test]
    fn reconcile_of_counts_and_a_term_taken_off(t in table("t"), r in table("r")) {
        let mut want = BTreeMap::new();
        for k in t.iter().chain(&r).filter_map(|o| o.k.get()) {
            let of = |rows: &[Row]| rows.iter().filter(|o| o.k == Is(k)).cloned().collect::<Vec<Row>>();
            let (left, right) = (of(&t), of(&r));
            let values: Vec<Cell> = right.iter().map(|o| o.y).collect();
            let different: BTreeSet<i64> = values.iter().filter_map(|c| c.get()).collect();
            let ones = left.iter().filter(|o| among(o) == Some(true)).count() as i64;
            let difference = (!values.contains(&Bad)).then(|| left.len() as i64 - ones - different.len() as i64);
            // A term's records outside its `among` are none of its: the key is there by the other terms.
            want.insert(k.to_string(), code(difference.map(|d| d.abs() > 1)));
        }
        let check = "check:
  reconcile:
    per: k
    left: {rows: {table: t}, ones: {table: t, among: g = 1, minus: true}}
    right: {values: {table: r, count: p}}
    expect: abs(difference) <= 1
";
        agrees(check, false, [&t, &r], &want)?;
    }

    #[test]
    fn order_of_a_step_to_come(t in table("t"), r in table("r")) {
        // Each t is to be followed by an r of its key, the first one after it, within 20 days; as of day 45.
        let want = by_id(&t, |i| {
            let own = &t[i];
            let (Is(_), Is(anchor)) = (own.k, own.d) else { return NotAssessable };
            let same: Vec<&Row> = r.iter().filter(|o| o.k == own.k).collect();
            let present = same.iter().map(|o| o.d.get().map(|d| d >= anchor)).fold(Some(false), or);
            if present != Some(true) {
                if anchor + 20 >= 45 { return NotAssessable; }
                if !(5..=24).contains(&anchor) { return NotAssessable; }
                return code(present.map(|p| !p));
            }
            if same.iter().any(|o| o.d == Bad) { return NotAssessable; }
            let first = same.iter().filter_map(|o| o.d.get()).filter(|d| *d >= anchor).min().unwrap_or(0);
            code(Some(first - anchor > 20))
        });
        let check = "check: {order: {table: t, anchor: first, per: k, steps: {next: {in: r, where: other.d >= anchor, take: first, at_most: 20}}}}\n";
        agrees(check, false, [&t, &r], &want)?;
    }

    #[test]
    fn concentration_in_the_whole(t in table("t")) {
        // Records without a key belong to no group, but to the whole.
        let n = t.len();
        let mut want = BTreeMap::new();
        for k in t.iter().filter_map(|o| o.k.get()) {
            let own = t.iter().filter(|o| o.k == Is(k)).count();
            want.insert(k.to_string(), code(Some(2 * own > n)));
        }
        agrees("check: {concentration: {table: t, by: k, where: share > 0.5, share: {min: 0}}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn query_of_groups(t in table("t")) {
        let mut want = BTreeMap::new();
        for k in t.iter().filter(|o| among(o) == Some(true)).filter_map(|o| o.k.get()) {
            let cells: Vec<Cell> = t.iter().filter(|o| among(o) == Some(true) && o.k == Is(k)).map(|o| o.m).collect();
            let known: Vec<i64> = cells.iter().filter_map(|c| c.get()).collect();
            let sum = if cells.contains(&Bad) || known.is_empty() { None } else { Some(known.iter().sum::<i64>()) };
            want.insert(k.to_string(), if cells.len() > 1 { code(sum.map(|s| s > 4)) } else { Out });
        }
        let check = "check: {query: {sql: 'select k, sum(t.m) as total, total > yuan(4) as flag from t where g = 1 group by k having count(*) > 1'}}\n";
        agrees(check, false, [&t, &[]], &want)?;
    }
}
