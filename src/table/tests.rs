//! Loads of small hand-made deliveries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::diagnostic::{Diagnostics, SourceText, Spanned};
use crate::project::{ColumnSource, Parameters, Project, Regions, TableSource};
use crate::schema::{MoneyUnit, SemanticType, Value, format};

fn here(text: &str) -> Spanned<String> {
    Spanned::without_place(text.to_owned())
}

pub(super) fn column(name: &str, from: &[&str], semantic: SemanticType) -> ColumnSource {
    ColumnSource { name: here(name), from: from.iter().map(|h| here(h)).collect(), semantic, is: None, optional: false, restricted: false }
}

pub(super) fn table(name: &str, from: &str, key: &[&str], columns: Vec<ColumnSource>) -> TableSource {
    TableSource {
        name: here(name),
        from: vec![here(from)],
        format: None,
        encoding: None,
        delimiter: None,
        sheet: None,
        header_rows: 1,
        skip_rows: 0,
        key: key.iter().map(|k| here(k)).collect(),
        sort: vec![],
        region: None,
        date: None,
        covers: None,
        valid: None,
        optional: false,
        snapshot: None,
        expect: None,
        columns,
    }
}

pub(super) fn project(root: &Path, tables: Vec<TableSource>) -> Project {
    Project {
        root: root.to_owned(),
        text: Arc::new(SourceText { name: "recount.yaml".to_owned(), text: String::new() }),
        time_zone: "Asia/Shanghai".to_owned(),
        tables,
        links: vec![],
        views: vec![],
        parameters: Parameters::default(),
        regions: Regions::default(),
        rules: vec![],
        overlays: vec![],
    }
}

/// All columns of all tables.
pub(super) fn everything(project: &Project) -> Needs {
    let columns: BTreeMap<String, BTreeSet<String>> =
        project.tables.iter().map(|t| (t.name.value.clone(), t.columns.iter().map(|c| c.name.value.clone()).collect())).collect();
    Needs { columns, domains: vec![] }
}

fn payments() -> Vec<ColumnSource> {
    vec![
        column("payment_id", &["流水号"], SemanticType::Text),
        column("id_no", &["证件号码", "身份证号"], SemanticType::CitizenId),
        column("id_raw", &["证件号码", "身份证号"], SemanticType::Text),
        column("amount", &["金额"], SemanticType::Money(MoneyUnit::Yuan)),
        column("paid_on", &["发放日期"], SemanticType::Date),
    ]
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    folder
}

fn load_all(project: &Project) -> Result<Loaded, Diagnostics> {
    load(project, &everything(project), &LoadOptions::default())
}

fn codes(messages: &Diagnostics) -> Vec<&'static str> {
    messages.0.iter().map(|d| d.code).collect()
}

pub(super) fn texts(table: &Table, column: &str) -> Vec<String> {
    let column = table.column(column).expect("the column");
    (0..table.rows).map(|r| if column.is_bad(r) { "bad".to_owned() } else { format(&column.value(r)) }).collect()
}

const HEADER: &str = "流水号,证件号码,金额,发放日期\n";

#[test]
fn files_whose_headers_drifted_load_as_one() {
    let (gb, _, _) = encoding_rs::GB18030.encode("流水号,证件号码,金额,发放日期\nP2,34052419800101001X,\"1,200.50\",2018年3月\n");
    for gb18030 in [false, true] {
        let first: &[u8] = if gb18030 {
            &gb
        } else {
            "流水号,证件号码,金额,发放日期\nP2,34052419800101001X,\"1,200.50\",2018年3月\n".as_bytes()
        };
        let second = "\u{feff}发放日期,金 额,身份证号,流水号\r\n20190105,3,340524800101001,P1\r\n";
        let (second_gb, _, _) = encoding_rs::GB18030.encode(&second[3..]);
        let folder = folder(&[("p-1.csv", first), ("p-2.csv", if gb18030 { &second_gb } else { second.as_bytes() })]);
        let mut source = table("payments", "p-*.csv", &["payment_id"], payments());
        source.encoding = gb18030.then(|| here("gb18030"));
        let loaded = load_all(&project(folder.path(), vec![source])).expect("loads");
        let table = &loaded.tables[0];
        assert_eq!(texts(table, "payment_id"), ["P1", "P2"]);
        assert_eq!(texts(table, "id_no"), ["34052419800101001X", "34052419800101001X"]);
        assert_eq!(texts(table, "id_raw"), ["340524800101001", "34052419800101001X"]);
        assert_eq!(texts(table, "amount"), ["3.00", "1200.50"]);
        assert_eq!(texts(table, "paid_on"), ["2019-01-05", "2018-03-01"]);
        let dates = table.column("paid_on").expect("dates");
        assert_eq!(dates.part.as_ref().map(|p| p.ones().collect::<Vec<_>>()), Some(vec![1]));
        assert_eq!((table.origin.file.clone(), table.origin.line.clone()), (vec![1, 0], vec![2, 2]));
        assert!(loaded.rejected.is_empty() && loaded.warnings.is_empty(), "{:?}", loaded.warnings);
        assert_eq!(loaded.receipt[0].columns[3].sum.as_deref(), Some("1203.50"));
    }
}

#[test]
fn bad_cells_are_kept_counted_and_told() {
    let text = format!("{HEADER}P1,1.2E+17,12.345,2019-01-05\nP2,3405241980O101001X,x,31/02/2019\nP3,,,\n");
    let folder = folder(&[("p.csv", text.as_bytes())]);
    let loaded = load_all(&project(folder.path(), vec![table("payments", "p.csv", &["payment_id"], payments())])).expect("loads");
    let table = &loaded.tables[0];
    assert_eq!(table.rows, 3);
    assert_eq!(texts(table, "id_no"), ["bad", "bad", ""]);
    assert_eq!(texts(table, "amount"), ["bad", "bad", ""]);
    assert_eq!(loaded.rejected.len(), 5);
    let first = &loaded.rejected[0];
    assert_eq!((first.line, first.column.as_deref(), first.delivered.as_str()), (2, Some("id_no"), "1.2E+17"));
    assert!(first.problem.contains("export the column as text"));
    let receipt = &loaded.receipt[0];
    assert_eq!((receipt.files[0].rejected_cells, receipt.columns[1].rejected, receipt.columns[1].empty), (5, 2, 1));
}

#[test]
fn ragged_records_are_kept_as_far_as_they_go() {
    let text = format!(
        "{HEADER}P1,340524800101001\nP2,340524800101001,5,2019-01-05,,\nP3,Smith, John,5,2019-01-05\n,,,\n\nP4,340524800101001,5,2019-01-05"
    );
    let folder = folder(&[("p.csv", text.as_bytes())]);
    let loaded = load_all(&project(folder.path(), vec![table("payments", "p.csv", &["payment_id"], payments())])).expect("loads");
    let table = &loaded.tables[0];
    assert_eq!(texts(table, "payment_id"), ["bad", "P1", "P2", "P4"]);
    assert_eq!(texts(table, "amount"), ["bad", "bad", "5.00", "5.00"]);
    assert_eq!(table.origin.line, [4, 2, 3, 7]);
    assert_eq!(loaded.receipt[0].ragged, 2);
    let records: Vec<(u64, &str)> = loaded.rejected.iter().filter(|r| r.column.is_none()).map(|r| (r.line, r.delivered.as_str())).collect();
    assert_eq!(records, [(2, ""), (4, "2019-01-05")]);
    assert!(codes(&loaded.warnings).contains(&"ragged-record") && codes(&loaded.warnings).contains(&"blank-record"));
}

#[test]
fn files_that_cannot_be_read_are_told_all_at_once() {
    let (gb, _, _) = encoding_rs::GB18030.encode("流水号,证件号码,金额,发放日期\n张,1,2,3\n");
    let folder = folder(&[
        ("p-1.csv", b""),
        ("p-2.csv", &gb),
        ("p-3.csv", "流水号,证件号码,发放日期\n".as_bytes()),
        ("p-4.csv", "流水号,证件号码,身份证号,金额,发放日期\n".as_bytes()),
        ("p-5.csv", format!("{HEADER}P1,\"34,5,2019\n").as_bytes()),
    ]);
    let source = table("payments", "p-*.csv", &["payment_id"], payments());
    let errors = load_all(&project(folder.path(), vec![source, table("other", "nowhere/*.csv", &[], vec![])])).expect_err("five faults");
    assert_eq!(
        codes(&errors),
        ["empty-file", "wrong-encoding", "missing-column", "column-twice", "column-twice", "open-quote", "no-such-file"]
    );
    assert!(errors.0[1].help[0].contains("gb18030"), "{:?}", errors.0[1]);
    assert!(errors.0[2].message.contains("`amount`") && errors.0[2].notes[0].contains("发放日期"), "{:?}", errors.0[2]);
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    let folder = folder(&[("p.csv", HEADER.as_bytes())]);
    let loaded = load_all(&project(folder.path(), vec![table("payments", "p.csv", &["payment_id"], payments())])).expect("loads");
    assert_eq!((loaded.tables[0].rows, loaded.tables[0].columns.len()), (0, 5));
    assert_eq!(codes(&loaded.warnings), ["no-records"]);
}

#[test]
fn duplicate_keys_are_kept_and_told_with_their_lines() {
    let text = format!("{HEADER}P1,,5,2019-01-05\nP2,,6,2019-01-05\nP1,,7,2019-01-06\n,,7,\n,,8,\n");
    let folder = folder(&[("p.csv", text.as_bytes())]);
    let loaded = load_all(&project(folder.path(), vec![table("payments", "p.csv", &["payment_id"], payments())])).expect("loads");
    assert_eq!(loaded.tables[0].rows, 5);
    assert_eq!(codes(&loaded.warnings), ["duplicate-key"]);
    let lines: Vec<String> = loaded.warnings.0[0].labels.iter().map(|l| format!("{:?}", l.place)).collect();
    assert!(lines.len() == 2 && lines[0].contains("line: 2") && lines[1].contains("line: 4"), "{lines:?}");
    assert_eq!((loaded.receipt[0].duplicate_keys, loaded.receipt[0].files[0].duplicate_keys), (2, 2));
}

#[test]
fn only_what_is_needed_is_read() {
    let folder = folder(&[("p.csv", "流水号,金额\nP1,5\n".as_bytes())]);
    let mut columns = payments();
    columns[1].restricted = true;
    let project =
        project(folder.path(), vec![table("payments", "p.csv", &["payment_id"], columns), table("other", "nowhere.csv", &[], vec![])]);
    let mut needs = Needs::default();
    needs.columns.insert("payments".to_owned(), BTreeSet::from(["amount".to_owned()]));
    let loaded = load(&project, &needs, &LoadOptions::default()).expect("loads");
    assert_eq!(loaded.tables[0].columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["payment_id", "amount"]);
    assert_eq!((loaded.tables[1].rows, loaded.tables[1].columns.len()), (0, 0));
    needs.columns.insert("payments".to_owned(), BTreeSet::from(["id_no".to_owned()]));
    assert_eq!(codes(&load(&project, &needs, &LoadOptions::default()).expect_err("restricted")), ["restricted-column"]);
    needs.columns.insert("paymets".to_owned(), BTreeSet::new());
    assert!(codes(&load(&project, &needs, &LoadOptions::default()).expect_err("unknown")).contains(&"unknown-table"));
}

#[test]
fn control_totals_are_compared() {
    let folder = folder(&[("p.csv", format!("{HEADER}P1,,5.50,\nP2,,6,\n").as_bytes())]);
    let mut source = table("payments", "p.csv", &["payment_id"], payments());
    source.expect = Some(crate::project::Expect {
        rows: Some(Spanned::without_place(3)),
        files: Some(Spanned::without_place(1)),
        sums: vec![(here("amount"), here("11.5"))],
        span: None,
    });
    let loaded = load_all(&project(folder.path(), vec![source])).expect("loads");
    let agrees: Vec<(&str, bool)> = loaded.receipt[0].checks.iter().map(|c| (c.what.as_str(), c.agrees)).collect();
    assert_eq!(agrees, [("records", false), ("files", true), ("sum of `amount`", true)]);
    assert_eq!(codes(&loaded.warnings), ["control-total"]);
}

#[test]
fn of_a_snapshot_table_the_latest_row_of_each_key_counts() {
    let text =
        "id,size,taken\nH1,3,2018-12-31\nH1,4,2019-12-31\nH1,5,2020-12-31\nH2,1,2018-12-31\nH3,9,2021-12-31\n,8,2019-12-31\nH4,7,soon\n";
    let folder = folder(&[("h.csv", text.as_bytes())]);
    let columns =
        || vec![column("id", &[], SemanticType::Text), column("size", &[], SemanticType::Int), column("taken", &[], SemanticType::Date)];
    let mut source = table("households", "h.csv", &["id"], columns());
    source.snapshot = Some(here("taken"));
    let project = project(folder.path(), vec![source]);
    let sizes = |as_of: Option<i32>| {
        let options = LoadOptions { as_of, ..LoadOptions::default() };
        let loaded = load(&project, &everything(&project), &options).expect("loads");
        assert_eq!(loaded.receipt[0].rows_delivered, 7);
        texts(&loaded.tables[0], "size")
    };
    assert_eq!(sizes(None), ["8", "5", "1", "9", "7"]);
    assert_eq!(sizes(Some(crate::schema::dates::days_from_civil(2020, 6, 30))), ["8", "4", "1", "7"]);
}

#[test]
fn json_lines_and_headers_of_several_rows() {
    let json = "{\"流水号\": \"P1\", \"金额\": 5.5, \"发放日期\": \"2019-01-05\", \"身份证号\": 340524198001010010}\n\n{\"流水号\": \"P2\", \"金额\": [1]}\nnonsense\n";
    let csv = "title of the sheet,,\n,收款人,,支付,\n流水号,身份证号,姓名,金额,发放日期\nP1,340524800101001,李,5,2019-01-05\n";
    let folder = folder(&[("p.ndjson", json.as_bytes()), ("q.csv", csv.as_bytes())]);
    let mut q = table(
        "q",
        "q.csv",
        &["payment_id"],
        vec![
            column("payment_id", &["流水号"], SemanticType::Text),
            column("id_no", &["收款人/身份证号"], SemanticType::CitizenId),
            column("amount", &["支付/金额"], SemanticType::Money(MoneyUnit::Yuan)),
        ],
    );
    (q.header_rows, q.skip_rows) = (2, 1);
    let loaded = load_all(&project(folder.path(), vec![table("p", "p.ndjson", &["payment_id"], payments()), q])).expect("loads");
    assert_eq!(texts(&loaded.tables[0], "payment_id"), ["bad", "P1", "P2"]);
    assert_eq!(texts(&loaded.tables[0], "amount"), ["bad", "5.50", "bad"]);
    assert_eq!(loaded.tables[0].origin.line, [4, 1, 3]);
    assert_eq!(texts(&loaded.tables[0], "id_raw"), ["bad", "340524198001010010", ""]);
    assert_eq!(texts(&loaded.tables[1], "id_no"), ["34052419800101001X"]);
    assert_eq!(loaded.tables[1].origin.line, [4]);
}

#[test]
fn compared_columns_share_their_dictionary() {
    let folder = folder(&[("a.csv", b"x,y\nb,q\na,r\n"), ("b.csv", b"x,z\nc,1\nb,2\n")]);
    let a = vec![column("x", &[], SemanticType::Text), column("y", &[], SemanticType::Text)];
    let b = vec![column("x", &[], SemanticType::Text), column("z", &[], SemanticType::Text)];
    let project = project(folder.path(), vec![table("a", "a.csv", &["x"], a), table("b", "b.csv", &["x"], b)]);
    let mut needs = everything(&project);
    needs.domains = vec![vec![("a".to_owned(), "x".to_owned()), ("b".to_owned(), "x".to_owned())]];
    let loaded = load(&project, &needs, &LoadOptions::default()).expect("loads");
    let (Data::Code(left, one), Data::Code(right, two)) = (&loaded.tables[0].columns[0].data, &loaded.tables[1].columns[0].data) else {
        panic!("texts are codes")
    };
    assert!(Arc::ptr_eq(one, two));
    assert_eq!((left, right, one.code("c")), (&vec![0, 1], &vec![1, 2], Some(2)));
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[ab]{1,2}",
        "[0-9]{1,3}",
        Just("\"q,\"\"x\ny\"".to_owned()),
        Just("2019-01-0x".to_owned()),
        Just("201903".to_owned())
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn order_of_records_names_of_files_and_size_of_blocks_do_not_matter(
        rows in prop::collection::vec((cell(), cell(), cell()), 1..30).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        cut in 0usize..30, block in 16usize..200,
    ) {
        let columns = || vec![column("k", &[], SemanticType::Text), column("n", &[], SemanticType::Int), column("d", &[], SemanticType::Date)];
        let write = |rows: &[(String, String, String)], names: [&str; 2], cut: usize| {
            let cut = cut.min(rows.len());
            let text = |rows: &[(String, String, String)]| rows.iter().fold("k,n,d\n".to_owned(), |t, r| t + &format!("{},{},{}\n", r.0, r.1, r.2));
            folder(&[(names[0], text(&rows[..cut]).as_bytes()), (names[1], text(&rows[cut..]).as_bytes())])
        };
        let one = write(&rows.0, ["a.csv", "b.csv"], cut);
        let two = write(&rows.1, ["x.csv", "b.csv"], rows.0.len() / 2);
        let load = |folder: &tempfile::TempDir, block: usize| {
            let project = project(folder.path(), vec![table("t", "*.csv", &["k"], columns())]);
            let loaded = load_in_blocks(&project, &everything(&project), &LoadOptions::default(), block).expect("loads");
            (loaded.tables[0].clone(), loaded.rejected)
        };
        let (whole, rejected) = load(&one, BLOCK_FOR_TESTS);
        let (parts, rejected_parts) = load(&one, block);
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(&rejected, &rejected_parts);
        let (shuffled, rejected_shuffled) = load(&two, block);
        prop_assert_eq!(&whole.columns, &shuffled.columns);
        prop_assert_eq!(rejected.len(), rejected_shuffled.len());
        // Every cell agrees with what its line holds.
        for row in 0..whole.rows {
            let origin = &whole.origin;
            let text = std::fs::read_to_string(one.path().join(&origin.files[origin.file[row] as usize].path)).expect("text");
            let record = text.lines().nth(origin.line[row] as usize - 1).expect("a line");
            if let Value::Text(key, _) = whole.columns[0].value(row) {
                prop_assert!(record.trim_start_matches('"').starts_with(&key[..1]), "{record} {key}");
            }
        }
    }
}

const BLOCK_FOR_TESTS: usize = 1 << 20;

#[test]
fn sheets_are_read_by_name_with_headers_of_several_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut book = rust_xlsxwriter::Workbook::new();
    book.add_worksheet().set_name("notes").expect("named").write(0, 0, "nothing here").expect("written");
    let sheet = book.add_worksheet().set_name("支付").expect("named");
    let date = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    sheet.merge_range(0, 1, 0, 2, "收款人", &rust_xlsxwriter::Format::new()).expect("merged");
    for (column, header) in ["流水号", "身份证号", "姓名", "金额", "发放日期"].iter().enumerate() {
        sheet.write(1, column as u16, *header).expect("written");
    }
    sheet.write(2, 0, "P1").expect("written");
    sheet.write(2, 1, "34052419800101001X").expect("written");
    sheet.write(2, 3, 4120.55).expect("written");
    sheet.write_with_format(2, 4, 43100, &date).expect("written");
    sheet.write(4, 0, "P2").expect("written");
    sheet.write(4, 1, 340_524_198_001_010_010_f64).expect("written");
    sheet.write(4, 4, 43100).expect("written");
    book.save(folder.path().join("p.xlsx")).expect("saved");
    let columns = vec![
        column("payment_id", &["流水号"], SemanticType::Text),
        column("id_no", &["收款人/身份证号"], SemanticType::CitizenId),
        column("amount", &["金额"], SemanticType::Money(MoneyUnit::Yuan)),
        column("paid_on", &["发放日期"], SemanticType::Date),
    ];
    let mut source = table("payments", "p.xlsx", &["payment_id"], columns);
    source.header_rows = 2;
    let mut with_sheet = project(folder.path(), vec![source]);
    assert_eq!(codes(&load_all(&with_sheet).expect_err("the first sheet is another")), ["empty-file"]);
    with_sheet.tables[0].sheet = Some(here("支付"));
    let loaded = load_all(&with_sheet).expect("loads");
    let table = &loaded.tables[0];
    assert_eq!(texts(table, "id_no"), ["34052419800101001X", "bad"]);
    assert_eq!(texts(table, "amount"), ["4120.55", ""]);
    assert_eq!(texts(table, "paid_on"), ["2017-12-31", "2017-12-31"]);
    assert_eq!(table.origin.line, [3, 5]);
    assert_eq!(table.origin.files[0].sheet.as_deref(), Some("支付"));
    assert!(loaded.rejected[0].problem.contains("export the column as text"), "{:?}", loaded.rejected);
    with_sheet.tables[0].sheet = Some(here("支付表"));
    assert_eq!(codes(&load_all(&with_sheet).expect_err("no such sheet")), ["no-such-sheet"]);
}
