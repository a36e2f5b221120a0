use crate::table::tests::{column, everything, project, table};
use crate::table::{Compare, Condition, Freshness, LoadOptions, Loaded, Needs, load};
use proptest::prelude::*;

use crate::diagnostic::Spanned;
use crate::schema::{MoneyUnit, SemanticType, Value};

const TEXT: &str = "id,name,amount,day,ok,id_no\nB,x,5.00,2019-03-01,Y,34052419800101001X\nA,,oops,201902,N,1.2E+17\nB,x,6,,,\n\nC,y\n";

fn run(folder: &std::path::Path, store: bool) -> Loaded {
    let columns = vec![
        column("id", &[], SemanticType::Text),
        column("name", &[], SemanticType::PersonName),
        column("amount", &[], SemanticType::Money(MoneyUnit::Yuan)),
        column("day", &[], SemanticType::Date),
        column("ok", &[], SemanticType::Bool),
        column("id_no", &[], SemanticType::CitizenId),
    ];
    let other = table("q", "q.csv", &["id"], vec![column("id", &[], SemanticType::Text)]);
    let project = project(folder, vec![table("p", "p.csv", &["id"], columns), other]);
    let mut needs = everything(&project);
    needs.domains = vec![vec![("p".to_owned(), "id".to_owned()), ("q".to_owned(), "id".to_owned())]];
    let options = LoadOptions { store: store.then(|| folder.join("store")), ..LoadOptions::default() };
    load(&project, &needs, &options).expect("loads")
}
fn same(a: &Loaded, b: &Loaded) {
    assert_eq!(a.tables, b.tables);
    assert_eq!((&a.rejected, &a.receipt, &a.warnings), (&b.rejected, &b.receipt, &b.warnings));
}

#[test]
fn what_comes_from_the_store_is_what_was_read() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
    std::fs::write(folder.path().join("q.csv"), "id\nD\nA\n").expect("written");
    let fresh = run(folder.path(), false);
    assert!(!fresh.warnings.is_empty() && !fresh.rejected.is_empty());
    same(&run(folder.path(), true), &fresh);
    let kept = std::fs::read_dir(folder.path().join("store/p")).expect("stored").count();
    assert_eq!(kept, 1);
    let again = run(folder.path(), true);
    same(&again, &fresh);
    assert!(again.previous.is_empty());

    // One table changes: it is read again, the dictionary it shares with the stored one grows, the old store goes.
    std::fs::write(folder.path().join("q.csv"), "id\nD\n0\n").expect("written");
    let changed = run(folder.path(), true);
    same(&changed, &run(folder.path(), false));
    assert_eq!(changed.previous.iter().map(|r| (r.table.as_str(), r.rows)).collect::<Vec<_>>(), [("q", 2)]);
    assert_eq!(std::fs::read_dir(folder.path().join("store/q")).expect("stored").count(), 1);
    assert_eq!(run(folder.path(), true).previous.len(), 1);
}

#[test]
fn a_damaged_store_costs_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
    std::fs::write(folder.path().join("q.csv"), "id\nD\n").expect("written");
    let fresh = run(folder.path(), true);
    let stored = std::fs::read_dir(folder.path().join("store/p")).expect("stored").next().expect("one").expect("one").path();
    std::fs::write(stored.join("rows.parquet"), "nonsense").expect("written");
    let again = run(folder.path(), true);
    assert_eq!(again.tables[0].columns, fresh.tables[0].columns);
    assert_eq!(again.warnings.0[0].code, "unreadable-store");
    // The next run finds it whole again.
    same(&run(folder.path(), true), &fresh);
}

#[test]
fn a_store_that_cannot_be_written_costs_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("p.csv"), TEXT).expect("written");
    std::fs::write(folder.path().join("q.csv"), "id\nD\n").expect("written");
    std::fs::write(folder.path().join("store"), "a file, not a folder").expect("written");
    let loaded = run(folder.path(), true);
    assert_eq!(loaded.tables[0].rows, 4);
    assert_eq!(loaded.warnings.0.iter().filter(|d| d.code == "store-not-written").count(), 2);
}

/// Loads `columns` of a table whose key repeats, with all there is or with a store.
fn of(folder: &std::path::Path, columns: &[&str], options: LoadOptions) -> Loaded {
    let all = vec![
        column("id", &[], SemanticType::Text),
        column("n", &[], SemanticType::Int),
        column("day", &[], SemanticType::Date),
        column("town", &[], SemanticType::Region),
        column("ok", &[], SemanticType::Bool),
        column("far", &[], SemanticType::Int),
    ];
    let mut source = table("p", "*.csv", &["id"], all);
    source.expect = Some(crate::project::Expect {
        sums: ["n", "far"].map(|n| (Spanned::without_place(n.to_owned()), Spanned::without_place("12".to_owned()))).to_vec(),
        ..Default::default()
    });
    let project = project(folder, vec![source]);
    let columns = columns.iter().map(|c| (*c).to_owned()).collect();
    let needs = Needs { columns: std::collections::BTreeMap::from([("p".to_owned(), columns)]), domains: vec![] };
    load(&project, &needs, &options).expect("loads")
}

const ALL: [&str; 6] = ["id", "n", "day", "town", "ok", "far"];

fn with_store(folder: &std::path::Path) -> LoadOptions<'static> {
    LoadOptions { store: Some(folder.join("store")), ..LoadOptions::default() }
}

fn write_rows(folder: &std::path::Path, rows: &[(u8, i64, u16, bool)]) {
    let mut files = [String::from("id,n,day,town,ok,far\n"), String::from("id,n,day,town,ok,far\n")];
    for (i, (id, n, day, ok)) in rows.iter().enumerate() {
        let id = if id % 23 == 0 { String::new() } else { format!("H{:02}", id % 23) };
        let day = if day % 17 == 0 { "?".to_owned() } else { crate::schema::format(&crate::schema::Value::Date(i32::from(*day))) };
        let ok = if *ok { "Y" } else { "" };
        files[i % 2].push_str(&format!("{id},{},{day},5223{:02},{ok},{}\n", n % 50, n.rem_euclid(40), n.wrapping_mul(i64::MAX / 60)));
    }
    for (name, text) in ["a.csv", "b.csv"].iter().zip(files) {
        std::fs::write(folder.join(name), text).expect("written");
    }
}

fn some_rows() -> impl Strategy<Value = Vec<(u8, i64, u16, bool)>> {
    prop::collection::vec((any::<u8>(), -60i64..60, any::<u16>(), any::<bool>()), 1..80)
}

fn a_condition() -> impl Strategy<Value = Condition> {
    let compare = prop_oneof![
        Just(Compare::Equal),
        Just(Compare::Less),
        Just(Compare::AtMost),
        Just(Compare::Greater),
        Just(Compare::AtLeast),
        Just(Compare::Missing),
        Just(Compare::Present)
    ];
    let value = prop_oneof![
        (0u8..30).prop_map(|i| ("id", Value::Text(format!("H{i:02}").into(), crate::schema::TextKind::Plain))),
        (-60i64..60).prop_map(|n| ("n", Value::Int(n))),
        any::<u16>().prop_map(|d| ("day", Value::Date(i32::from(d)))),
        (0i64..45).prop_map(|n| ("town", Value::Region(522_300_000_000 + n * 1_000_000))),
        any::<bool>().prop_map(|b| ("ok", Value::Bool(b))),
        any::<i64>().prop_map(|n| ("far", Value::Int(n))),
        Just(("n", Value::Null)),
    ];
    (compare, value).prop_map(|(compare, (column, value))| Condition { column: column.to_owned(), compare, value })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn conditions_leave_out_what_a_filter_would(rows in some_rows(), only in prop::collection::vec(a_condition(), 1..3)) {
        let folder = tempfile::tempdir().expect("a folder");
        write_rows(folder.path(), &rows);
        let full = of(folder.path(), &ALL, LoadOptions::default());
        let whole = &full.tables[0];
        // The reference: row by row on values.
        let holds = |c: &Condition, row: usize| {
            let value = whole.column(&c.column).map_or(Value::Null, |column| column.value(row));
            if matches!(c.compare, Compare::Missing | Compare::Present) {
                return (value == Value::Null) == (c.compare == Compare::Missing);
            }
            value != Value::Null && c.value != Value::Null && match c.compare {
                Compare::Equal => value == c.value,
                Compare::Less => value < c.value,
                Compare::AtMost => value <= c.value,
                Compare::Greater => value > c.value,
                Compare::AtLeast => value >= c.value,
                Compare::Missing | Compare::Present => false,
            }
        };
        let expected: Vec<usize> = (0..whole.rows).filter(|&row| only.iter().all(|c| holds(c, row))).collect();
        let shown = |loaded: &Loaded, rows: Vec<usize>| -> Vec<String> {
            let t = &loaded.tables[0];
            let cells = |row: usize| t.columns.iter().map(move |c| format!("{:?}{}", c.value(row), c.is_bad(row))).collect::<String>();
            rows.into_iter().map(|row| format!("{} {}:{}", cells(row), t.origin.file[row], t.origin.line[row])).collect()
        };
        let expected = shown(&full, expected);
        let conditions = std::collections::BTreeMap::from([("p".to_owned(), only)]);
        for store in [None, Some(folder.path().join("store")), Some(folder.path().join("store"))] {
            let some = of(folder.path(), &ALL, LoadOptions { store, only: conditions.clone(), ..LoadOptions::default() });
            prop_assert_eq!(shown(&some, (0..some.tables[0].rows).collect()), expected.clone());
            prop_assert_eq!(&some.receipt, &full.receipt);
        }
    }
    #[test]
    fn a_wider_store_gives_what_the_columns_alone_would(rows in some_rows(), wanted in prop::sample::subsequence(&ALL[..], 0..6)) {
        let folder = tempfile::tempdir().expect("a folder");
        write_rows(folder.path(), &rows);
        of(folder.path(), &ALL, with_store(folder.path()));
        let stored = of(folder.path(), &wanted, with_store(folder.path()));
        prop_assert_eq!(&stored.store, &[("p".to_owned(), Freshness::Fresh)]);
        let fresh = of(folder.path(), &wanted, LoadOptions::default());
        prop_assert_eq!(&stored.tables, &fresh.tables);
        prop_assert_eq!((&stored.rejected, &stored.receipt, &stored.warnings), (&fresh.rejected, &fresh.receipt, &fresh.warnings));
    }
}

#[test]
fn pages_that_cannot_match_are_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = 3 * crate::table::packed::PAGE + 5;
    let mut text = String::from("id,n,day,town,ok,far\n");
    for i in 0..rows {
        text.push_str(&format!("H{i:07},{},2019-01-01,522301,Y,{}\n", i / 1000, i * 7919 % rows * 2));
    }
    std::fs::write(folder.path().join("a.csv"), text).expect("written");
    of(folder.path(), &ALL, with_store(folder.path()));
    let stored = std::fs::read_dir(folder.path().join("store/p")).expect("stored").filter_map(Result::ok);
    let path = stored.map(|e| e.path().join("rows.parquet")).find(|p| p.is_file()).expect("rows");
    let file = crate::source::open_indexed(&crate::source::InputFile { path, name: "rows".to_owned() }).expect("opens");
    let column = file.columns.iter().position(|c| c.name == "value0").expect("ids as codes");
    let pages = |span| crate::table::prune::pages(&file, &[(column, span)]).rows();
    assert_eq!(pages((20_000, 20_000)), crate::table::packed::PAGE);
    assert_eq!(pages((rows as i64 - 1, i64::MAX)), 5);
    assert_eq!((pages((0, -1)), pages((i64::MIN, i64::MAX))), (0, rows));
    // Statistics of an unsorted column say nothing; its values do.
    let far = file.columns.iter().position(|c| c.name == "value5").expect("numbers");
    let odd = |all: crate::table::packed::Ranges, n: i64| crate::table::prune::holding(&file, &all, far, (n, n)).expect("read").rows();
    let all = || crate::table::packed::Ranges::all(&file);
    let near = |n: i64| n - (rows as i64 - 1);
    assert_eq!((odd(all(), near(20_001)), odd(all(), near(7919 * 2 * 2))), (0, crate::table::packed::PAGE));
    let only = vec![Condition {
        column: "id".to_owned(),
        compare: Compare::Equal,
        value: Value::Text("H0020000".into(), crate::schema::TextKind::Plain),
    }];
    let one = of(
        folder.path(),
        &ALL,
        LoadOptions { only: std::collections::BTreeMap::from([("p".to_owned(), only)]), ..with_store(folder.path()) },
    );
    assert_eq!((one.tables[0].rows, one.tables[0].origin.line[0], one.receipt[0].rows), (1, 20_002, rows as u64));
}

#[test]
fn the_store_says_what_made_it_stale() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    write_rows(path, &[(1, 1, 1, true), (2, 2, 2, false), (3, 3, 3, true)]);
    let state = |columns: &[&str]| of(path, columns, with_store(path)).store[0].1.clone();
    assert_eq!(state(&["n"]), Freshness::Empty);
    assert_eq!(state(&["n"]), Freshness::Fresh);
    assert_eq!(state(&["n", "day"]), Freshness::Columns(vec!["day".to_owned()]));
    assert_eq!(state(&["n"]), Freshness::Fresh);
    // The wider table took the place of the narrower one.
    let folders = || std::fs::read_dir(path.join("store/p")).expect("stored").filter_map(Result::ok).filter(|e| e.path().is_dir()).count();
    assert_eq!(folders(), 1);
    // Of the same size, and with its old date.
    let text = std::fs::read_to_string(path.join("a.csv")).expect("read");
    let date = std::fs::metadata(path.join("a.csv")).and_then(|m| m.modified()).expect("a date");
    std::fs::write(path.join("a.csv"), text.replace("H01", "H09")).expect("written");
    std::fs::File::options().write(true).open(path.join("a.csv")).and_then(|f| f.set_modified(date)).expect("dated");
    assert_eq!(state(&["n"]), Freshness::Files(vec!["a.csv changed".to_owned()]));
    assert_eq!(of(path, &["id"], with_store(path)).tables, of(path, &["id"], LoadOptions::default()).tables);
    std::fs::write(path.join("c.csv"), "id,n,day,town,ok,far\n").expect("written");
    std::fs::remove_file(path.join("b.csv")).expect("removed");
    assert_eq!(state(&["n"]), Freshness::Files(vec!["b.csv is gone".to_owned(), "c.csv is new".to_owned()]));
}

#[test]
fn buckets_follow_the_key_and_tell_what_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: Vec<(u8, i64, u16, bool)> = (1..60).map(|i| (i, i64::from(i), u16::from(i), true)).collect();
    let contents = |rows: &[(u8, i64, u16, bool)], columns: &[&str]| {
        write_rows(folder.path(), rows);
        of(folder.path(), columns, with_store(folder.path())).contents[0].1.clone()
    };
    let first = contents(&rows, &ALL);
    assert_eq!(first.key.as_deref(), Some("id"));
    assert_eq!((first.rows.len(), first.rows.iter().sum::<u64>()), (crate::table::BUCKETS, 59));
    // Other columns loaded beside, or rows delivered in another order: the same.
    assert!(contents(&rows, &["id", "n"]).changed(&first, &["id", "n"]).is_empty());
    let mut turned = rows.clone();
    turned.swap(0, 2);
    assert!(contents(&turned, &ALL).changed(&first, &["id", "day"]).is_empty());
    // One record's cell: its bucket alone, and for rules that read it alone.
    let mut edited = rows.clone();
    edited[7].2 = 4000;
    let second = contents(&edited, &ALL);
    assert_eq!((second.changed(&first, &["id", "day"]).len(), second.changed(&first, &["id", "n"]).len()), (1, 0));
    let mut shorter = rows;
    shorter.remove(7);
    let third = contents(&shorter, &ALL);
    assert_eq!(third.changed(&first, &["n"]), second.changed(&first, &["day"]));
}
