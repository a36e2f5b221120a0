//! Loads of real deliveries, as they came. They are not part of the repository: without them the tests say so and pass.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use recount::diagnostic::SourceText;
use recount::project::{Project, read_text};
use recount::schema::{Value, dates};
use recount::table::{LoadOptions, Loaded, Needs, WantedCells, delivered, load};

fn shared(folder: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = root.ancestors().skip(1).take(3).map(|p| p.join("shared/data").join(folder)).find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("skipped: no ../shared/data/{folder}");
    }
    found
}

fn project(text: &str, root: &Path) -> Project {
    let text = Arc::new(SourceText { name: "recount.yaml".to_owned(), text: text.to_owned() });
    read_text(text, root).unwrap_or_else(|e| panic!("{e}"))
}

fn needs(project: &Project) -> Needs {
    let columns: BTreeMap<String, BTreeSet<String>> = project
        .tables
        .iter()
        .map(|t| (t.name.value.clone(), t.columns.iter().filter(|c| c.is.is_none()).map(|c| c.name.value.clone()).collect()))
        .collect();
    Needs { columns, domains: vec![] }
}

fn load_all(project: &Project) -> Loaded {
    load(project, &needs(project), &LoadOptions::default()).unwrap_or_else(|e| panic!("{e}"))
}

const SPENDING: &str = r"
recount: 1
tables:
  payments:
    from: expenditure-over-500-*.csv
    columns:
      trans_no:      {type: text}
      area:          {type: text, from: [organisational unit, organisatonal unit, service area]}
      supplier_id:   {type: text}
      supplier_name: {type: text}
      amount:        {type: money, unit: yuan}
      paid_on:       {type: date, from: paid date}
      paid_text:     {type: text, from: paid date}
";

#[test]
fn seventeen_headers_load_as_one_table() {
    let Some(folder) = shared("spending") else { return };
    let project = project(SPENDING, &folder);
    let loaded = load_all(&project);
    let table = &loaded.tables[0];
    assert_eq!((table.rows, table.origin.files.len()), (61_529, 17));
    let column = |name: &str| table.column(name).expect("a column");

    let amounts: Vec<i64> =
        (0..table.rows).filter_map(|row| if let Value::Money(fen) = column("amount").value(row) { Some(fen) } else { None }).collect();
    assert_eq!(amounts.iter().filter(|a| **a < 0).count(), 84);
    assert_eq!(amounts.iter().filter(|a| **a == 0).count(), 1);
    assert_eq!(amounts.iter().filter(|a| a.abs() < 50_000).count(), 11_556);
    // The one record without a readable amount, with its file and line.
    let unread: Vec<usize> = (0..table.rows).filter(|&row| column("amount").value(row) == Value::Null).collect();
    assert_eq!(unread.len(), 1);
    let (file, line) = (table.origin.file[unread[0]], table.origin.line[unread[0]]);
    let path = &table.origin.files[usize::from(file)].path;
    let text = std::fs::read_to_string(folder.join(path)).expect("the file");
    let record = text.lines().nth(line as usize - 1).expect("the line");
    eprintln!("unread amount: {path}:{line}: {record}");
    assert!(path.ends_with("jan-mar-2014.csv") && record.contains(",,xxx,"), "{path}:{line}: {record}");

    // One quarter was delivered with times of day instead of dates; all of them are told, none is guessed.
    let by_column = |name: &str| loaded.rejected.iter().filter(|r| r.column.as_deref() == Some(name)).collect::<Vec<_>>();
    let dates_rejected = by_column("paid_on");
    assert_eq!(dates_rejected.len(), 3_836);
    assert!(dates_rejected.iter().all(|r| r.file.ends_with("apr-jun-2014.csv") && r.delivered == "00:00:00"));
    let receipt = &loaded.receipt[0];
    let paid = receipt.columns.iter().find(|c| c.column == "paid_on").expect("its receipt");
    eprintln!("paid between {:?} and {:?}", paid.first, paid.last);

    // Groups of the same supplier name, amount and date text.
    let mut groups: BTreeMap<(String, i64, String), usize> = BTreeMap::new();
    for row in 0..table.rows {
        if let (Value::Text(name, _), Value::Money(fen), Value::Text(day, _)) =
            (column("supplier_name").value(row), column("amount").value(row), column("paid_text").value(row))
        {
            *groups.entry((name.to_string(), fen, day.to_string())).or_default() += 1;
        }
    }
    eprintln!("groups: {}", groups.values().filter(|n| **n > 1).count());

    // The late look gives back what the files hold.
    let rows: Vec<u32> = (0..table.rows as u32).step_by(977).collect();
    let wanted = WantedCells { table: 0, column: "supplier_name".to_owned(), rows: rows.clone() };
    let cells = delivered(&project, &loaded, vec![wanted]).unwrap_or_else(|e| panic!("{e}"));
    for row in rows {
        if let Value::Text(text, _) = column("supplier_name").value(row as usize) {
            assert_eq!(cells.get(0, row).map(str::trim), Some(&*text));
        }
    }
}

#[test]
fn the_hospital_table_has_its_thousand_records() {
    let Some(folder) = shared("errors/hospital") else { return };
    let project = project(
        "recount: 1\ntables:\n  hospital:\n    from: dirty.csv\n    columns:\n      provider: {type: text, from: ProviderNumber}\n      phone: {type: phone, from: PhoneNumber}\n      zip: {type: text, from: ZipCode}\n",
        &folder,
    );
    let loaded = load_all(&project);
    assert_eq!(loaded.tables[0].rows, 1_000);
    // Letters typed into phone numbers are rejected cells, each with its line.
    assert!(!loaded.rejected.is_empty() && loaded.rejected.iter().all(|r| r.column.as_deref() == Some("phone") && r.line >= 2));
    assert!(loaded.rejected.iter().all(|r| r.delivered.chars().any(|c| c.is_ascii_alphabetic())));
}

#[test]
fn the_sample_programme_loads_the_same_from_its_store() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data");
    let project = recount::project::read(&root.join("recount.yaml")).unwrap_or_else(|e| panic!("{e}"));
    let fresh = load_all(&project);
    assert!(
        fresh.tables.iter().all(|t| t.rows > 0),
        "{:?}",
        fresh.tables.iter().filter(|t| t.rows == 0).map(|t| &t.name).collect::<Vec<_>>()
    );
    assert_eq!(fresh.receipt.len(), project.tables.len());
    let store = tempfile::tempdir().expect("a folder");
    for _ in 0..2 {
        let options = LoadOptions { store: Some(store.path().to_owned()), ..LoadOptions::default() };
        let stored = load(&project, &needs(&project), &options).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(fresh.tables, stored.tables);
        assert_eq!((&fresh.receipt, &fresh.rejected, &fresh.warnings), (&stored.receipt, &stored.rejected, &stored.warnings));
    }
    // What is rejected is an id, a phone or an account somebody planted, and each is found at its line.
    for rejected in &fresh.rejected {
        let text = std::fs::read_to_string(root.join(&rejected.file)).expect("the file");
        let line = text.lines().nth(rejected.line as usize - 1).expect("the line");
        assert!(line.contains(&rejected.delivered), "{rejected:?}: {line}");
    }
}

#[test]
fn a_day_is_a_day() {
    // The dates of the quarters are read day first.
    assert_eq!(dates::parse("07/04/2015").map(|d| d.0), Ok(dates::days_from_civil(2015, 4, 7)));
}
