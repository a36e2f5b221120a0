//! Every form of check against a plain nested-loop implementation written from its page, on small random tables with empty and
//! unreadable cells; and the worked examples of the pages.

mod grouped;
mod naive;

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
    let job = UnitJob { population: plan.population.clone(), preconditions, failed: None, flag, amount: None, watched: vec![] };
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
