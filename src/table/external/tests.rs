//! The store that is written with little memory against the one that loading in memory writes: byte for byte.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::super::tests::{column, everything, project, table};
use super::super::{LoadOptions, Loaded, load_in_blocks};
use crate::diagnostic::{Diagnostics, Spanned};
use crate::project::Project;
use crate::schema::{MoneyUnit, SemanticType};

/// What a table is declared as: key, sort, snapshot.
type Shape = (&'static [&'static str], &'static [&'static str], Option<&'static str>);

const SHAPES: [Shape; 8] = [
    (&["id"], &[], None),
    (&["id", "day"], &[], None),
    (&["day", "id"], &["town", "name"], None),
    (&["serial"], &["id", "day", "serial"], None),
    (&[], &["town"], None),
    (&["id"], &["town", "far"], Some("day")),
    (&["day", "id"], &[], Some("day")),
    (&["id", "n"], &["n", "id"], None),
];

fn declared(folder: &Path, from: &str, (key, sort, snapshot): Shape) -> Project {
    let columns = vec![
        column("id", &[], SemanticType::Text),
        column("serial", &[], SemanticType::Text),
        column("name", &[], SemanticType::PersonName),
        column("n", &[], SemanticType::Int),
        column("far", &[], SemanticType::Int),
        column("day", &[], SemanticType::Date),
        column("town", &[], SemanticType::Region),
        column("ok", &[], SemanticType::Bool),
        column("amount", &[], SemanticType::Money(MoneyUnit::Yuan)),
    ];
    let mut source = table("p", from, key, columns);
    let here = |n: &&str| Spanned::without_place((*n).to_owned());
    source.sort = sort.iter().map(here).collect();
    source.snapshot = snapshot.as_ref().map(here);
    project(folder, vec![source])
}

fn load(project: &Project, store: &str, memory: Option<u64>, block_bytes: usize) -> Result<Loaded, Diagnostics> {
    let options = LoadOptions { store: Some(project.root.join(store)), as_of: Some(18_000), memory, ..LoadOptions::default() };
    load_in_blocks(project, &everything(project), &options, block_bytes)
}

/// All files of a store but what is remembered of the delivered files.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for table in std::fs::read_dir(folder).expect("a store").flatten() {
        assert!(table.path().is_dir(), "{:?} was left", table.path());
        for kept in std::fs::read_dir(table.path()).expect("a table").flatten().filter(|e| e.path().is_dir()) {
            for file in std::fs::read_dir(kept.path()).expect("files").flatten() {
                let name = file.path().strip_prefix(folder).expect("below").display().to_string();
                all.insert(name, std::fs::read(file.path()).expect("read"));
            }
        }
    }
    all
}

/// Loads with and without a budget, at several of them, and compares all there is.
fn compare(project: &Project, budgets: &[(u64, usize)]) {
    load(project, "full", None, 4 << 20).expect("loads");
    // From the store: without texts of records that were spoilt.
    let full = load(project, "full", None, 4 << 20).expect("loads");
    let wanted = bytes(&project.root.join("full"));
    assert_eq!(wanted.keys().filter(|name| name.ends_with("rows.parquet")).count(), 1);
    for (i, &(memory, block_bytes)) in budgets.iter().enumerate() {
        let store = format!("store{i}");
        let some = load(project, &store, Some(memory), block_bytes).expect("loads");
        let found = bytes(&project.root.join(&store));
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
        for (name, bytes) in &found {
            let text = |b: &[u8]| String::from_utf8_lossy(&b[..b.len().min(20_000)]).into_owned();
            assert!(bytes == &wanted[name], "{name} at {memory}, blocks of {block_bytes}:\n{}\n{}", text(bytes), text(&wanted[name]));
        }
        assert_eq!(some.tables, full.tables);
        assert_eq!(
            (&some.rejected, &some.receipt, &some.warnings, &some.contents),
            (&full.rejected, &full.receipt, &full.warnings, &full.contents)
        );
        std::fs::remove_dir_all(project.root.join(store)).expect("removed");
    }
}

const BUDGETS: [(u64, usize); 4] = [(1, 16), (1, 500), (100_000, 3_000), (1 << 30, 4 << 20)];

fn record(seed: (u16, u16, i64)) -> String {
    let (a, b, n) = seed;
    let id = if a % 29 == 0 { String::new() } else { format!("H{:03}", a % 40) };
    let day = match b % 19 {
        0 => String::new(),
        1 => "?".to_owned(),
        2 => format!("2019-{:02}", b % 12 + 1),
        _ => format!("20{:02}-{:02}-{:02}", 17 + b % 4, b % 11 + 1, b % 27 + 1),
    };
    let surplus = if a % 31 == 7 { ",too much" } else { "" };
    let ok = ["Y", "N", ""][usize::from(b % 3)];
    let amount = if b % 23 == 5 { "1.2.3".to_owned() } else { format!("{}.{:02}", n, a % 100) };
    let far = n.wrapping_mul(i64::MAX / 90);
    format!("{id},S{a:05}{b},\"n{}\n\",{n},{far},{day},5223{:02},{ok},{amount}{surplus}\n", b % 7, a % 50)
}

const HEAD: &str = "id,serial,name,n,far,day,town,ok,amount\n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_budget_stores_the_same(
        rows in prop::collection::vec((any::<u16>(), any::<u16>(), -60i64..60), 1..300),
        twice in 0usize..4, shape in prop::sample::select(&SHAPES[..]), files in 1usize..4, sorted in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut records: Vec<String> = rows.iter().map(|row| record(*row)).collect();
        // Equal records, near and far.
        for i in 0..twice.min(records.len()) {
            let again = records[i].clone();
            records.push(again.clone());
            records.push(again);
        }
        if sorted {
            records.sort();
        }
        for (i, some) in records.chunks(records.len().div_ceil(files)).enumerate() {
            std::fs::write(folder.path().join(format!("{i}.csv")), format!("{HEAD}{}", some.concat())).expect("written");
        }
        compare(&declared(folder.path(), "*.csv", shape), &BUDGETS);
    }
}

#[test]
fn many_pieces_and_threads_make_no_difference() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = |from: u32, to: u32| {
        (from..to).map(|i| record(((i * 7919) as u16, ((i * 104_729) >> 3) as u16, i64::from(i % 97)))).collect::<String>()
    };
    std::fs::write(folder.path().join("a.csv"), format!("{HEAD}{}", rows(0, 5_000))).expect("written");
    std::fs::write(folder.path().join("b.csv"), format!("{HEAD}{}", rows(4_000, 6_000))).expect("written");
    for shape in [SHAPES[3], SHAPES[5]] {
        let project = declared(folder.path(), "*.csv", shape);
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
            pool.install(|| compare(&project, &[(1, 9_000), (1, 60_000), (600_000, 30_000)]));
        }
        std::fs::remove_dir_all(folder.path().join("full")).expect("removed");
    }
}

#[test]
fn other_forms_of_files_are_stored_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines: String = (0..400)
        .map(|i| format!("{{\"id\":\"H{}\",\"serial\":\"{}\",\"n\":{},\"day\":\"2019-01-{:02}\"}}\n", i % 90, i * 7, i % 11, i % 28 + 1))
        .collect();
    std::fs::write(folder.path().join("a.ndjson"), lines).expect("written");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    for (i, name) in ["id", "serial", "name", "n", "far", "day", "town", "ok", "amount"].iter().enumerate() {
        sheet.write(0, i as u16, *name).expect("a cell");
    }
    for row in 1..300u32 {
        sheet.write(row, 0, format!("H{}", row * 37 % 200)).expect("a cell");
        sheet.write(row, 3, row % 13).expect("a cell");
        sheet.write(row, 5, if row % 50 == 0 { "no day" } else { "2018-05-06" }).expect("a cell");
        sheet.write(row, 8, f64::from(row) / 4.0).expect("a cell");
    }
    book.save(folder.path().join("b.xlsx")).expect("saved");
    let mut project = declared(folder.path(), "?.*", SHAPES[3]);
    for column in &mut project.tables[0].columns {
        column.optional = true;
    }
    compare(&project, &BUDGETS);
    assert!(load(&project, "again", Some(1), 100).expect("loads").rejected.iter().all(|r| r.sheet.as_deref() == Some("Sheet1")));
}

#[test]
fn files_that_cannot_be_read_are_told_together_and_leave_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("a.csv", "id\nA\n"), ("b.csv", HEAD), ("c.csv", "\"open"), ("d.csv", "id,serial\nA,1\n")] {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    let project = declared(folder.path(), "*.csv", SHAPES[0]);
    let told =
        |memory| load(&project, "store", memory, 100).expect_err("unreadable").0.iter().map(|d| d.message.clone()).collect::<Vec<_>>();
    assert_eq!(told(Some(1)), told(None));
    assert!(bytes(&folder.path().join("store")).is_empty());
}

#[test]
fn a_store_that_cannot_be_written_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.csv"), format!("{HEAD}{}", record((1, 2, 3)))).expect("written");
    std::fs::write(folder.path().join("store"), "a file, not a folder").expect("written");
    let problems = load(&declared(folder.path(), "*.csv", SHAPES[0]), "store", Some(1), 100).expect_err("no store");
    assert_eq!(problems.0.iter().map(|d| d.code).collect::<Vec<_>>(), ["store-not-written"]);
    assert!(problems.has_errors() && problems.0[0].help[0].contains("--memory"), "{problems}");
}
