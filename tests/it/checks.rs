//! Every form of check against a plain nested-loop implementation written from its page, on small random tables with empty and
//! unreadable cells; and the worked examples of the pages.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use recount::check::{CheckSpec, Flag, KINDS, Planner};
use recount::diagnostic::render::{RenderOptions, full};
use recount::diagnostic::{SourceText, Spanned, yaml};
use recount::engine::{Verdict, run_tests};
use recount::exec::{Batch, Exec, JobFlag, Schedule, UnitJob, run_pass};
use recount::plan::{Catalog, Expr, Graph, RowRef};
use recount::project::{self, Project};
use recount::rule::RuleFile;
use recount::schema::{Value, format};
use recount::table::{self, Needs};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wrapped {
    check: CheckSpec,
}

/// A cell: a value, empty, or one that does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Is(i64),
    Empty,
    Bad,
}
use Cell::{Bad, Empty, Is};

impl Cell {
    fn get(self) -> Option<i64> {
        match self {
            Is(value) => Some(value),
            Empty | Bad => None,
        }
    }
}

/// A record of `t` or `r`: ints k, g, y; money m; dates d, e.
#[derive(Debug, Clone)]
struct Row {
    id: String,
    k: Cell,
    g: Cell,
    y: Cell,
    m: Cell,
    d: Cell,
    e: Cell,
}

/// What becomes of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Flagged,
    Clear,
    NotAssessable,
    /// Not in the population.
    Out,
}
use Code::{Clear, Flagged, NotAssessable, Out};

/// Kleene's truth values.
type Truth = Option<bool>;

fn and(a: Truth, b: Truth) -> Truth {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}
fn or(a: Truth, b: Truth) -> Truth {
    and(a.map(|a| !a), b.map(|b| !b)).map(|c| !c)
}
fn less(a: Cell, b: Cell) -> Truth {
    Some(a.get()? < b.get()?)
}
fn code(flag: Truth) -> Code {
    match flag {
        Some(true) => Flagged,
        Some(false) => Clear,
        None => NotAssessable,
    }
}
/// The values of a key when all are there.
fn key(cells: &[Cell]) -> Option<Vec<i64>> {
    cells.iter().map(|c| c.get()).collect()
}

fn cell(range: std::ops::Range<i64>) -> impl Strategy<Value = Cell> {
    prop_oneof![10 => range.prop_map(Is), 1 => Just(Empty), 1 => Just(Bad)]
}
/// Tables of up to 14 records over few values, so that keys meet.
fn table(prefix: &'static str) -> impl Strategy<Value = Vec<Row>> {
    let row = (cell(0..3), cell(0..2), cell(0..4), cell(0..6), cell(0..30), cell(0..30));
    prop::collection::vec(row, 0..14).prop_map(move |rows| {
        rows.into_iter().enumerate().map(|(i, (k, g, y, m, d, e))| Row { id: format!("{prefix}{i:02}"), k, g, y, m, d, e }).collect()
    })
}

/// 2019-01-01.
const DAY: i64 = 17_897;
const PROJECT: &str = "
recount: 1
time_zone: Asia/Shanghai
tables:
  t:
    from: t.csv
    key: [id]
    date: d
    columns: &columns
      id: {type: text}
      k: {type: int}
      g: {type: int}
      p: {type: int}
      m: {type: money, unit: yuan}
      d: {type: date}
      e: {type: date}
  r:
    from: r.csv
    key: [id]
    date: d
    covers: {from: 2019-01-06, to: 2019-01-25}
    columns: *columns
";

fn project() -> Project {
    let columns = PROJECT.split("&columns").nth(1).unwrap().split("  r:").next().unwrap();
    let text = PROJECT.replace("&columns", "").replace("*columns", columns);
    let source = Arc::new(SourceText { name: "recount.yaml".into(), text });
    project::read_text(source, Path::new(".")).unwrap_or_else(|e| panic!("{e}"))
}

fn csv(rows: &[Row]) -> String {
    let mut text = String::from("id,k,g,p,m,d,e\n");
    let int = |c: Cell| match c {
        Is(value) => value.to_string(),
        Empty => String::new(),
        Bad => "?".into(),
    };
    let date = |c: Cell| match c {
        Is(value) => format(&Value::Date((DAY + value) as i32)),
        other => int(other),
    };
    for row in rows {
        let Row { id, k, g, y, m, d, e } = row;
        text += &format!("{id},{},{},{},{},{},{}\n", int(*k), int(*g), int(*y), int(*m), date(*d), date(*e));
    }
    text
}

/// What came of the units of `check` over the two tables: flagged ones by key (or group keys), and how many of each outcome.
fn judged(check: &str, group: bool, tables: [&[Row]; 2]) -> (BTreeSet<String>, [u64; 4]) {
    let project = project();
    let mut graph = Graph::default();
    let catalog = Catalog::build(&project, 17_942, &mut graph).unwrap_or_else(|e| panic!("{e}"));
    let source = Arc::new(SourceText { name: "check".into(), text: check.into() });
    let spec: Wrapped = yaml::read(&source).unwrap_or_else(|e| panic!("{e}"));
    let mut planner = Planner::new(&catalog, &mut graph).reporting_groups(group);
    let plan = spec.check.plan(&mut planner).unwrap_or_else(|e| panic!("{e}"));

    let columns: BTreeSet<String> = ["id", "k", "g", "p", "m", "d", "e"].map(str::to_owned).into();
    let needs = Needs { columns: ["t", "r"].map(|t| (t.to_owned(), columns.clone())).into(), domains: vec![] };
    let given: Vec<(String, Spanned<String>)> =
        ["t", "r"].iter().zip(tables).map(|(name, rows)| ((*name).to_owned(), Spanned::without_place(csv(rows)))).collect();
    let loaded = table::from_text(&project, &given, &needs).unwrap_or_else(|e| panic!("{e}"));

    let mut exprs = plan.population.clone();
    exprs.extend(plan.preconditions.iter().map(|p| p.holds));
    let mut sets = vec![];
    match &plan.flag {
        Flag::Row(flag) => exprs.push(*flag),
        Flag::Pairs(registers) => {
            for register in registers {
                exprs.push(register.flag);
                exprs.extend(register.covered);
                exprs.extend(register.keys.iter().flatten());
                sets.extend(register.rungs.iter().map(|(set, _)| *set));
            }
        }
    }
    let def = &catalog.tables[plan.table];
    let mut key = plan.identity.clone();
    if key.is_empty() {
        key.push(graph.expr(Expr::Column { row: RowRef::slot(0), column: def.key[0] }, def.columns[def.key[0]].ty));
    }
    exprs.extend(&key);
    let schedule = Schedule::new(&mut graph, &catalog, &[plan.rel], &exprs, &sets);
    let mut exec = Exec::new(&catalog, &graph, &loaded.tables, &project.parameters, &project.regions);
    exec.prepare(&schedule);
    let env = exec.env();
    let flag = match &plan.flag {
        Flag::Row(flag) => JobFlag::Row(*flag),
        Flag::Pairs(registers) => JobFlag::Pairs(registers),
    };
    let preconditions = plan.preconditions.iter().map(|p| (p.holds, p.reason)).collect();
    let job = UnitJob { population: plan.population.clone(), preconditions, failed: None, flag, amount: None };
    let result = run_pass(env, plan.rel, &[job]).remove(0);
    let batch = Batch::list(env, plan.rel, result.flagged.clone());
    let parts: Vec<_> = key.iter().map(|&e| batch.eval(e)).collect();
    let flagged = (0..result.flagged.len()).map(|i| parts.iter().map(|p| format(&p.value(i))).collect::<Vec<_>>().join("/")).collect();
    let not: u64 = result.reasons.iter().map(|t| t.units).sum();
    (flagged, [result.population.units, result.flagged_tally.units, result.clear.units, not])
}

/// Whether `check` judges every unit as `want` says.
fn agrees(check: &str, group: bool, tables: [&[Row]; 2], want: &BTreeMap<String, Code>) -> Result<(), TestCaseError> {
    let (flagged, counts) = judged(check, group, tables);
    let of = |code: Code| want.values().filter(|c| **c == code).count() as u64;
    let expected: BTreeSet<String> = want.iter().filter(|(_, c)| **c == Flagged).map(|(id, _)| id.clone()).collect();
    prop_assert_eq!(&flagged, &expected, "{} {:?}", check, want);
    let population = want.len() as u64 - of(Out);
    prop_assert_eq!(counts, [population, of(Flagged), of(Clear), of(NotAssessable)], "{} {:?}", check, want);
    Ok(())
}

fn by_id(rows: &[Row], judge: impl Fn(usize) -> Code) -> BTreeMap<String, Code> {
    rows.iter().enumerate().map(|(i, row)| (row.id.clone(), judge(i))).collect()
}
/// Whether a record is in `among: g = 1`.
fn among(row: &Row) -> Truth {
    row.g.get().map(|g| g == 1)
}
/// Outcome of a record that is judged only inside `among`.
fn inside(row: &Row, judge: impl FnOnce() -> Code) -> Code {
    match among(row) {
        Some(true) => judge(),
        Some(false) => Out,
        None => NotAssessable,
    }
}

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
}

/// Rows of several batches, with keys that meet across them.
fn many(prefix: &str, rows: usize, seed: u64) -> Vec<Row> {
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    let mut cell = |n: i64| match random.random_range(0..40) {
        0 => Empty,
        1 => Bad,
        _ => Is(random.random_range(0..n)),
    };
    let keys = rows as i64 / 2;
    (0..rows)
        .map(|i| Row { id: format!("{prefix}{i:06}"), k: cell(keys), g: cell(2), y: cell(4), m: cell(6), d: cell(30), e: cell(30) })
        .collect()
}

#[test]
fn over_many_batches() -> Result<(), TestCaseError> {
    let (t, r) = (many("t", 20_000, 1), many("r", 10_000, 2));
    let mut by_key: BTreeMap<(i64, i64), Vec<&Row>> = BTreeMap::new();
    for row in &t {
        if let (Is(k), Is(y)) = (row.k, row.y) {
            by_key.entry((k, y)).or_default().push(row);
        }
    }
    let mut register: BTreeMap<i64, Vec<&Row>> = BTreeMap::new();
    for row in &r {
        if let Is(k) = row.k {
            register.entry(k).or_default().push(row);
        }
    }
    let own = |row: &Row| Some((row.k.get()?, row.y.get()?));

    let want = by_id(&t, |i| own(&t[i]).map_or(NotAssessable, |key| code(Some(by_key[&key].len() > 1))));
    agrees("check: {duplicate: {table: t, keys: [k, p]}}\n", false, [&t, &r], &want)?;

    let want = by_id(&t, |i| {
        let row = &t[i];
        let Is(k) = row.k else { return NotAssessable };
        match register.get(&k) {
            Some(found) => code(found.iter().map(|o| less(row.m, o.m)).fold(Some(false), or)),
            None if matches!(row.d, Is(5..=24)) => Clear,
            None => NotAssessable,
        }
    });
    agrees("check: {match: {table: t, with: r, keys: k, where: other.m > m}}\n", false, [&t, &r], &want)?;

    let want = by_id(&t, |i| {
        let Some((k, y)) = own(&t[i]) else { return NotAssessable };
        match by_key.get(&(k, y - 1)).map(Vec::as_slice) {
            None => Out,
            Some([before]) if by_key[&(k, y)].len() == 1 => code(less(before.m, t[i].m)),
            Some(_) => NotAssessable,
        }
    });
    agrees("check: {change: {table: t, key: k, period: p, measure: m, where: now > before}}\n", false, [&t, &r], &want)?;

    let mut shared: BTreeMap<i64, Vec<Cell>> = BTreeMap::new();
    for row in &t {
        if let Is(k) = row.k {
            shared.entry(k).or_default().push(row.y);
        }
    }
    let want = shared
        .iter()
        .map(|(k, cells)| {
            let known: BTreeSet<i64> = cells.iter().filter_map(|c| c.get()).collect();
            (k.to_string(), if cells.contains(&Bad) { NotAssessable } else { code(Some(known.len() >= 3)) })
        })
        .collect();
    agrees("check: {concentration: {table: t, by: k, count: p, min: 3}}\n", false, [&t, &r], &want)
}

/// The worked examples of the pages, run as the rule tests they are over the sample programme's tables.
#[test]
fn the_pages_examples_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = project::read(&root.join("sample_data/recount.yaml")).unwrap_or_else(|e| panic!("{e}"));
    let mut wrong = String::new();
    let mut examples = 0;
    for kind in KINDS {
        for example in kind.doc.split("```yaml rule\n").skip(1) {
            examples += 1;
            let text = example.split("```").next().unwrap_or_default().to_owned();
            let id = text.lines().find_map(|l| l.strip_prefix("id: ")).unwrap_or_default();
            let source = Arc::new(SourceText { name: format!("rules/{id}.yaml"), text: text.clone() });
            let file = RuleFile::read(source.name.clone().into(), source).unwrap_or_else(|e| panic!("{id}: {e}"));
            for result in run_tests(&project, &file) {
                match result.verdict {
                    Verdict::Ok => {}
                    Verdict::Failed(problems) => wrong += &format!("{id}: {}\n", full(&problems, &RenderOptions::default())),
                    verdict => wrong += &format!("{id}: {verdict:?}\n  {}\n", result.lines.join("\n  ")),
                }
            }
        }
    }
    assert!(examples >= KINDS.len());
    assert!(wrong.is_empty(), "{wrong}");
}
