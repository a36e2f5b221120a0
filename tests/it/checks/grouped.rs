//! Forms whose groups no equal key makes, and forms over deliveries and neighbours, against nested loops.

use super::*;

/// Sets of rows that are tied, directly or through others: the number of its first row for each.
fn sets(n: usize, tied: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut set: Vec<usize> = (0..n).collect();
    for _ in 0..n {
        for i in 0..n {
            for j in 0..n {
                if i != j && tied(i, j) {
                    let least = set[i].min(set[j]);
                    (set[i], set[j]) = (least, least);
                }
            }
        }
    }
    set
}

/// Rows of a group, by the first of them.
fn by_set(set: &[usize], takes_part: impl Fn(usize) -> bool) -> BTreeMap<usize, Vec<usize>> {
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (row, &first) in set.iter().enumerate() {
        if takes_part(row) {
            groups.entry(first).or_default().push(row);
        }
    }
    groups
}

/// Rows with all of these cells, inside `among`.
fn with<'r>(rows: &'r [Row], cells: impl Fn(&Row) -> Vec<Cell> + 'r) -> impl Fn(usize) -> bool + 'r {
    move |i| among(&rows[i]) == Some(true) && key(&cells(&rows[i])).is_some()
}

fn edits(a: &str, b: &str) -> usize {
    strsim::damerau_levenshtein(a, b)
}

fn metres(a: (i64, i64), b: (i64, i64)) -> i64 {
    let radians = |degrees: i64| (degrees as f64).to_radians();
    let half = |x: f64| (x / 2.0).sin().powi(2);
    let h = half(radians(b.0 - a.0)) + radians(a.0).cos() * radians(b.0).cos() * half(radians(b.1 - a.1));
    (2.0 * 6_371_008.8 * h.sqrt().asin()).round() as i64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn duplicate_near(t in table("t")) {
        let part = with(&t, |r| vec![r.k, r.m, r.d]);
        let set = sets(t.len(), |i, j| {
            let close = |a: Cell, b: Cell, within: i64| a.get().zip(b.get()).is_some_and(|(a, b)| (a - b).abs() <= within);
            part(i) && part(j) && t[i].k == t[j].k && close(t[i].m, t[j].m, 1) && close(t[i].d, t[j].d, 6)
        });
        let groups = by_set(&set, &part);
        let near = "table: t, among: g = 1, keys: k, near: {amount: m, amount_within: yuan(1), days_within: 6}";
        let want = by_id(&t, |i| inside(&t[i], || if part(i) { code(Some(groups[&set[i]].len() > 1)) } else { NotAssessable }));
        agrees(&format!("check: {{duplicate: {{{near}}}}}\n"), false, [&t, &[]], &want)?;

        // The same by group, with the figures: farther apart than one tie reaches.
        let want = groups.iter().map(|(&first, rows)| {
            let span = |cell: fn(&Row) -> Cell| {
                let values: Vec<i64> = rows.iter().filter_map(|&i| cell(&t[i]).get()).collect();
                values.iter().max().unwrap() - values.iter().min().unwrap()
            };
            let far = span(|r| r.m) >= 2 || span(|r| r.d) >= 7;
            (format!("{}/{}", t[first].k.get().unwrap(), t[first].id), code(Some(rows.len() > 1 && far)))
        }).collect();
        agrees(&format!("check: {{duplicate: {{{near}, where: apart >= yuan(2) or days >= 7}}}}\n"), true, [&t, &[]], &want)?;
    }

    #[test]
    fn duplicate_near_on_one_scale(t in table("t")) {
        let part = with(&t, |r| vec![r.k, r.e]);
        let set = sets(t.len(), |i, j| {
            let close = t[i].e.get().zip(t[j].e.get()).is_some_and(|(a, b)| (a - b).abs() <= 2);
            part(i) && part(j) && t[i].k == t[j].k && close
        });
        let groups = by_set(&set, &part);
        let want = by_id(&t, |i| inside(&t[i], || if part(i) { code(Some(groups[&set[i]].len() > 1)) } else { NotAssessable }));
        agrees("check: {duplicate: {table: t, among: g = 1, keys: k, mode: near, near: {date: e, days_within: 2}}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn duplicate_similar(t in table("t"), most in 1usize..=2) {
        let part = with(&t, |r| vec![r.k]);
        let set = sets(t.len(), |i, j| part(i) && part(j) && t[i].k == t[j].k && edits(&t[i].id, &t[j].id) <= most);
        let groups = by_set(&set, &part);
        let want = by_id(&t, |i| inside(&t[i], || if part(i) { code(Some(groups[&set[i]].len() > 1)) } else { NotAssessable }));
        let similar = format!("table: t, among: g = 1, keys: k, similar: {{text: id, edits: {most}}}, where: n_texts = n");
        agrees(&format!("check: {{duplicate: {{{similar}}}}}\n"), false, [&t, &[]], &want)?;
        let want = groups.iter().map(|(&first, rows)| {
            (format!("{}/{}", t[first].k.get().unwrap(), t[first].id), code(Some(rows.len() > 1)))
        }).collect();
        agrees(&format!("check: {{duplicate: {{{similar}}}}}\n"), true, [&t, &[]], &want)?;
    }

    #[test]
    fn split(t in table("t")) {
        // Limits of 3 to 6 yuan, by the record.
        let limit = |i: usize| t[i].y.get().map(|y| 3 + y);
        let fits = |i: usize| t[i].m.get().zip(limit(i)).is_some_and(|(m, limit)| m >= 2 && m <= limit);
        let part = |i: usize| with(&t, |r| vec![r.k, r.m, r.d, r.y])(i) && fits(i);
        let day = |i: usize| (t[i].d.get().unwrap(), i);
        let windows: Vec<Vec<usize>> = (0..t.len()).filter(|&last| part(last)).filter_map(|last| {
            let rows: Vec<usize> = (0..t.len())
                .filter(|&i| part(i) && t[i].k == t[last].k && day(i) <= day(last) && day(last).0 - day(i).0 <= 5).collect();
            let total: i64 = rows.iter().filter_map(|&i| t[i].m.get()).sum();
            (total > limit(last).unwrap()).then_some(rows)
        }).collect();
        let set = sets(t.len(), |i, j| windows.iter().any(|w| w.contains(&i) && w.contains(&j)));
        let groups = by_set(&set, part);
        let name = |first: usize| format!("{}/{}", t[first].k.get().unwrap(), t[first].id);
        let want = groups.iter().map(|(&first, rows)| (name(first), code(Some(rows.len() > 1)))).collect();
        let check = "table: t, among: g = 1, key: k, amount: m, limit: yuan(3 + p), near: limit - yuan(1 + p), within: 5";
        agrees(&format!("check: {{split: {{{check}}}}}\n"), false, [&t, &[]], &want)?;
        // One more than the largest window of the chain, and no day more than the chain has.
        let want = groups.iter().map(|(&first, rows)| {
            let peak = windows.iter().filter(|w| w.contains(&first) || rows.iter().any(|i| w.contains(i)))
                .map(|w| w.iter().filter_map(|&i| t[i].m.get()).sum::<i64>()).max().unwrap_or(0);
            let total: i64 = rows.iter().filter_map(|&i| t[i].m.get()).sum();
            let days = rows.iter().map(|&i| day(i).0).max().unwrap() - rows.iter().map(|&i| day(i).0).min().unwrap();
            (name(first), code(Some(rows.len() > 1 && peak < total && days > 5)))
        }).collect();
        agrees(&format!("check: {{split: {{{check}, where: peak < total and days > 5}}}}\n"), false, [&t, &[]], &want)?;
    }

    #[test]
    fn travel(t in table("t")) {
        let part = with(&t, |r| vec![r.k, r.d, r.y, r.m]);
        let begins = |i: usize| t[i].d.get().unwrap() * 1440 + t[i].y.get().unwrap() * 300;
        let want = by_id(&t, |i| inside(&t[i], || {
            if !part(i) { return NotAssessable; }
            let earlier = (0..t.len()).filter(|&j| j != i && part(j) && t[j].k == t[i].k && (begins(j), j) < (begins(i), i)).max_by_key(|&j| (begins(j), j));
            let Some(before) = earlier else { return Out };
            let place = |i: usize| (t[i].y.get().unwrap(), t[i].y.get().unwrap() * 2);
            let metres = metres(place(before), place(i));
            let minutes = (begins(i) - begins(before) - 100).max(0);
            code(Some(metres > 150_000 && metres * 60 > 60_000 * minutes))
        }));
        // Money is no duration: only whether it is there matters, by a condition that always holds.
        let check = "table: t, among: g = 1, who: k, minute: 'p * 300', minutes: 100, lat: p, lon: 'case when m >= yuan(0) then p * 2 end', max_kmh: 60, min_km: 150";
        agrees(&format!("check: {{travel: {{{check}}}}}\n"), false, [&t, &[]], &want)?;
    }

    #[test]
    fn travel_by_whole_days(t in table("t")) {
        let part = with(&t, |r| vec![r.k, r.d, r.y]);
        let want = by_id(&t, |i| inside(&t[i], || {
            if !part(i) { return NotAssessable; }
            let day = |i: usize| t[i].d.get().unwrap();
            let earlier = (0..t.len()).filter(|&j| j != i && part(j) && t[j].k == t[i].k && (day(j), j) < (day(i), i)).max_by_key(|&j| (day(j), j));
            let Some(before) = earlier else { return Out };
            let place = |i: usize| (t[i].y.get().unwrap(), 0);
            code(Some(metres(place(before), place(i)) > 100_000 * (day(i) - day(before) + 1)))
        }));
        let check = "table: t, among: g = 1, who: k, lat: p, lon: 0, max_kmh: 100.0 / 24, min_km: 0";
        agrees(&format!("check: {{travel: {{{check}}}}}\n"), false, [&t, &[]], &want)?;
    }

    #[test]
    fn ring(t in table("t"), r in table("r"), most in 2usize..4) {
        // People: k of t and of r. Edges: `a` is p in both, `b` is the day d in t alone.
        let people = |rows: &[Row], among_too: bool| -> BTreeSet<i64> {
            rows.iter().filter(|o| !among_too || among(o) == Some(true)).filter_map(|o| o.k.get()).collect()
        };
        let all: Vec<i64> = people(&t, true).union(&people(&r, false)).copied().collect();
        let mut values: BTreeMap<(char, i64), BTreeSet<i64>> = BTreeMap::new();
        let mut tie = |kind: char, row: &Row, cell: Cell| {
            if let (Is(who), Is(value)) = (row.k, cell) { values.entry((kind, value)).or_default().insert(who); }
        };
        for row in t.iter().filter(|o| among(o) == Some(true)) {
            tie('a', row, row.y);
            tie('b', row, row.d);
        }
        r.iter().for_each(|row| tie('a', row, row.y));
        values.retain(|_, who| who.len() >= 2 && who.len() <= most);
        let tied = |i: usize, j: usize| values.values().any(|who| who.contains(&all[i]) && who.contains(&all[j]));
        let set = sets(all.len(), tied);
        let want = by_set(&set, |_| true).values().filter_map(|ring| {
            let here = people(&t, true);
            let first = ring.iter().map(|&i| all[i]).filter(|who| here.contains(who)).min()?;
            let pairs = ring.iter().flat_map(|&i| ring.iter().map(move |&j| (i, j))).filter(|&(i, j)| i < j && tied(i, j)).count();
            let possible = ring.len() * (ring.len() - 1) / 2;
            let shared: Vec<char> = values.iter().filter(|(_, who)| who.contains(&all[ring[0]]) || ring.iter().any(|&i| who.contains(&all[i]))).map(|(v, _)| v.0).collect();
            let kinds: BTreeSet<&char> = shared.iter().collect();
            let flagged = ring.len() >= 2 && 10 * pairs >= 7 * possible && shared.len() >= kinds.len() && pairs >= 1;
            Some((first.to_string(), code(Some(flagged && (kinds.len() == 2 || shared.len() == 1)))))
        }).collect();
        let check = format!(
            "table: t, among: g = 1, who: k, edges: {{a: p, b: d}}, with: {{table: r, who: k, edges: {{a: p}}}}, max_shared: {most}, \
             min_size: 2, min_density: 0.7, where: '(kinds = 2 or values = 1) and ties >= 1'"
        );
        agrees(&format!("check: {{ring: {{{check}}}}}\n"), false, [&t, &r], &want)?;
    }

    #[test]
    fn order_idle(t in table("t"), r in table("r")) {
        // 45 days after the first the audit stands; r covers day 5 to 24.
        let as_of = 45;
        let want = by_id(&t, |i| inside(&t[i], || {
            let (Is(k), Is(d)) = (t[i].k, t[i].d) else { return NotAssessable };
            let events: Vec<&Row> = r.iter().filter(|o| o.k == Is(k)).collect();
            // An event whose day cannot be read may be the one.
            let next = events.iter().filter_map(|o| o.d.get()).filter(|&e| e >= d).min();
            if events.iter().any(|o| o.d == Bad) { return NotAssessable; }
            let until = match t[i].e { Bad => return NotAssessable, e => e.get() };
            let stop = [next, until, Some(as_of)].into_iter().flatten().min().unwrap();
            let idle = stop - d;
            if next.is_none() && idle <= 12 && until.is_none_or(|until| until >= as_of) { return NotAssessable; }
            if idle > 12 && !(5..=24).contains(&d) | !(5..=24).contains(&(d + 12)) { return NotAssessable; }
            code(Some(idle > 12))
        }));
        agrees("check: {order: {table: t, among: g = 1, idle: {in: r, keys: k, days: 12, until: e}}}\n", false, [&t, &r], &want)?;
    }

    #[test]
    fn order_cycle(t in table("t")) {
        let mut want = BTreeMap::new();
        for k in 0..3 {
            let mut events: Vec<(i64, usize)> = (0..t.len())
                .filter(|&i| among(&t[i]) == Some(true) && t[i].k == Is(k) && matches!(t[i].y, Is(1 | 2)))
                .filter_map(|i| Some((t[i].d.get()?, i))).collect();
            events.sort_unstable();
            if events.is_empty() { continue; }
            let cycles = events.windows(2).filter(|w| t[w[0].1].y == Is(2) && t[w[1].1].y == Is(1)).count();
            want.insert(k.to_string(), code(Some(cycles >= 2)));
        }
        agrees("check: {order: {table: t, among: g = 1, per: k, cycle: {on: p = 1, off: p = 2, times: 2}}}\n", false, [&t, &[]], &want)?;
    }

    #[test]
    fn order_back_filled(t in table("t")) {
        let want = by_id(&t, |i| inside(&t[i], || match (t[i].d, t[i].e) {
            (Is(d), Is(e)) => code(Some(e - d > 4)),
            _ => NotAssessable,
        }));
        agrees("check: {order: {table: t, among: g = 1, back_filled: {entered: e, days: 4}}}\n", false, [&t, &[]], &want)?;

        let mut want = BTreeMap::new();
        for k in 0..3 {
            let rows: Vec<(i64, i64)> = t.iter().filter(|o| among(o) == Some(true) && o.k == Is(k))
                .filter_map(|o| Some((o.d.get()?, o.e.get()?))).filter(|(d, _)| *d < 20).collect();
            if rows.is_empty() { continue; }
            let bulk = rows.iter().filter(|(d, e)| *d < 8 && (8..20).contains(e)).count();
            want.insert(k.to_string(), if rows.len() < 2 { Out } else { code(Some(3 * bulk >= rows.len())) });
        }
        let check = "table: t, among: g = 1, per: k, back_filled: {entered: e, bulk: {before: \"date '2019-01-21'\", last: 12, share: 1.0 / 3 - 0.000001, min: 2}}";
        agrees(&format!("check: {{order: {{{check}}}}}\n"), false, [&t, &[]], &want)?;
    }

    #[test]
    fn snapshot(t in table("t")) {
        // Delivered on four days (y), areas g.
        let mut days: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for row in &t {
            if let (Is(g), Is(y)) = (row.g, row.y) { days.entry(g).or_default().insert(y); }
        }
        let mut units: BTreeMap<(i64, i64), [Vec<&Row>; 2]> = BTreeMap::new();
        let mut before_of: BTreeMap<(i64, i64), BTreeSet<i64>> = BTreeMap::new();
        for row in &t {
            let (Is(k), Is(g), Is(y)) = (row.k, row.g, row.y) else { continue };
            if let Some(&earlier) = days[&g].range(..y).next_back() {
                units.entry((k, y)).or_default()[0].push(row);
                before_of.entry((k, y)).or_default().insert(earlier);
            }
            if let Some(&next) = days[&g].range(y + 1..).next() {
                units.entry((k, next)).or_default()[1].push(row);
            }
        }
        let want = units.iter().map(|(unit @ (k, y), [now, before])| {
            let name = format!("{k}/{}", format(&Value::Date((DAY + y) as i32)));
            let judged = match (now.as_slice(), before.as_slice()) {
                ([now], [before]) => match (now.m, before.m) {
                    (Bad, _) | (_, Bad) => NotAssessable,
                    (a, b) => code(Some(a != b)),
                },
                ([], [_]) => Flagged,
                ([now], []) => {
                    let before = *before_of[unit].iter().next().unwrap();
                    code(now.e.get().map(|e| e < before))
                }
                _ => NotAssessable,
            };
            (name, judged)
        }).collect();
        let check = "table: t, key: k, delivered: 'date(2019, 1, 1 + p)', area: g, columns: m, happened: e";
        agrees(&format!("check: {{snapshot: {{{check}}}}}\n"), false, [&t, &[]], &want)?;

        // One delivery for all: removals alone.
        let all: BTreeSet<i64> = t.iter().filter(|o| among(o) == Some(true)).filter_map(|o| o.y.get()).collect();
        let keys: BTreeSet<i64> = t.iter().filter_map(|o| o.k.get()).collect();
        let mut want = BTreeMap::new();
        for (&before, &now) in all.iter().zip(all.iter().skip(1)) {
            for k in &keys {
                let on = |day: i64| t.iter().filter(|o| among(o) == Some(true) && o.k == Is(*k) && o.y == Is(day)).count();
                let name = format!("{k}/{}", format(&Value::Date((DAY + now) as i32)));
                match (on(now), on(before)) {
                    (0, 0) => {}
                    (a, b) if a > 1 || b > 1 => { want.insert(name, NotAssessable); }
                    (a, _) => { want.insert(name, code(Some(a == 0))); }
                }
            }
        }
        let check = "table: t, among: g = 1, key: k, delivered: 'date(2019, 1, 1 + p)', columns: m, find: removed";
        agrees(&format!("check: {{snapshot: {{{check}}}}}\n"), false, [&t, &[]], &want)?;
    }
}
