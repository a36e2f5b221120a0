use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::diagnostic::Spanned;
use crate::diagnostic::render::{RenderOptions, concise};
use crate::project::regions::{Level, Region};
use crate::schema::{SemanticType, TextKind, dates};

fn regions() -> Regions {
    let region =
        |code, level, parent| Region { code, name: String::new(), level, parent, valid_from: None, valid_to: None, successor: None };
    Regions::new(vec![
        region(520_000_000_000, Level::Province, None),
        region(522_300_000_000, Level::Prefecture, Some(520_000_000_000)),
        region(522_301_000_000, Level::County, Some(522_300_000_000)),
        region(522_302_000_000, Level::County, Some(522_300_000_000)),
    ])
}

fn values(text: &str) -> (Parameters, String) {
    with_file(text, |root, name, drafts, problems| read_values(root, &name, &regions(), drafts, problems))
}

fn with_file(text: &str, read: impl Fn(&Path, Spanned<String>, &mut Vec<read::Draft>, &mut Diagnostics)) -> (Parameters, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("p.csv"), text).unwrap();
    let (mut problems, mut drafts) = (Diagnostics::default(), Vec::new());
    read(folder.path(), Spanned::without_place("p.csv".into()), &mut drafts, &mut problems);
    let parameters = settle(drafts, &mut problems);
    (parameters, concise(&problems, &RenderOptions::default()))
}

fn day(y: i32, m: u32, d: u32) -> Option<i32> {
    Some(dates::days_from_civil(y, m, d))
}

fn text(text: &str) -> Value {
    Value::Text(Arc::from(text), TextKind::Plain)
}

const LINES: &str = "name,region,valid_from,valid_to,value,unit,source
line,52,2018-01-01,2018-12-31,3535,yuan,A
line,52,2020-01-01,,4000,yuan,B
line,522301,2018-03,2018-06,3700,yuan,C
base,,,,1.5,percent,D
base,52,,,2,percent,E
cap,,,,2.5,wan,F
grace,,,,30,days,G
";

#[test]
fn nearest_ancestor_in_force() {
    let (parameters, problems) = values(LINES);
    assert_eq!(problems, "");
    let regions = regions();
    let line = parameters.get("line").unwrap();
    let find = |place: i64, at| match line.lookup(&[], Some(place), at, &regions) {
        Lookup::Found(entry) => entry.source.as_str(),
        Lookup::Gap => "gap",
    };
    let county = 522_301_000_000;
    assert_eq!(find(county, day(2018, 2, 28)), "A");
    assert_eq!(find(county, day(2018, 3, 1)), "C");
    assert_eq!(find(county, day(2018, 6, 30)), "C");
    assert_eq!(find(county, day(2018, 7, 1)), "A");
    assert_eq!(find(522_302_000_000, day(2018, 4, 1)), "A");
    assert_eq!(find(county, day(2019, 6, 1)), "gap");
    assert_eq!(find(county, day(2031, 6, 1)), "B");
    assert_eq!(find(county, None), "gap");
    assert_eq!(find(999, day(2018, 4, 1)), "gap");
    assert_eq!(line.lookup(&[], None, day(2018, 4, 1), &regions), Lookup::Gap);
    assert!(line.varies_by_region() && line.varies_by_date());
}

#[test]
fn units_become_types() {
    let (parameters, _) = values(LINES);
    let first = |name: &str| (parameters.get(name).unwrap().ty, parameters.get(name).unwrap().entries[0].value.clone());
    assert_eq!(first("cap"), (Type::Money, Value::Money(2_500_000)));
    assert_eq!(first("grace"), (Type::Int, Value::Int(30)));
    assert_eq!(first("base"), (Type::Decimal(1), Value::Decimal { units: 15, scale: 1 }));
    assert_eq!(parameters.get("base").unwrap().entries[1].value, Value::Decimal { units: 20, scale: 1 });
    assert!(parameters.get("lin").is_none());
}

#[test]
fn mistakes_name_their_lines() {
    let (_, problems) = values(
        "name,region,valid_from,valid_to,value,unit,source
line,52,2018-01-01,2018-12-31,3535,yuan,A
line,52,2018-12-31,,4000,yuan,B
line,52,2030-01-01,,4000,wan,B
grace,,,,2.5,days,C
limit,,2019-02-30,,5,count,C
limit,99,,,5,count,C
limit,,2020,2019,5,count,C
kind,,,,5,bushel,C
,,,,5,days,C
open,,,,1,count,C
open,,2020-01-01,,2,count,C
void,,,,,count,C
",
    );
    insta::assert_snapshot!(problems, @r#"
p.csv:4 (column unit): error[unit-clash]: `line` is stated in wan here and in yuan before
p.csv:5 (column value): error[bad-cell]: `2.5` has more decimals than a whole number can hold
p.csv:6 (column valid_from): error[bad-cell]: `2019-02-30` names no day of the calendar (read as year 2019, month 2, day 30)
p.csv:7 (column region): error[unknown-region]: the region 990000000000 is not in the region tree
p.csv:8 (column valid_from): error[bad-cell]: `2020` is a year only; wanted at least year and month, such as 2017-12
p.csv:8 (column valid_to): error[bad-cell]: `2019` is a year only; wanted at least year and month, such as 2017-12
p.csv:9 (column unit): error[unknown-value]: `bushel` is not a known unit
p.csv:10 (column name): error[bad-cell]: a parameter without a name
p.csv:13 (column value): error[bad-cell]: the value is missing
p.csv:3: error[parameter-overlap]: two values of `line` are in force on the same day in the same region
p.csv:12: error[parameter-overlap]: two values of `open` are in force on the same day in the same region
"#);
}

#[test]
fn tables_and_lists() {
    let by = || {
        vec![
            (Spanned::without_place("programme".to_string()), SemanticType::Code(vec![])),
            (Spanned::without_place("year".to_string()), SemanticType::Int),
        ]
    };
    let (parameters, problems) =
        with_file("programme,year,amount\nDIBAO,2019,350\nDIBAO,2020,360.50\nTEKUN,2019,1\n", |root, from, drafts, problems| {
            let source =
                TableSource { name: Spanned::without_place("standard".into()), from, by: by(), value: "amount".into(), unit: Unit::Yuan };
            read_table(root, Ok(source), &regions(), drafts, problems);
        });
    assert_eq!(problems, "");
    let standard = parameters.get("standard").unwrap();
    let find = |programme: &str, year| match standard.lookup(
        &[text(programme), Value::Int(year)],
        Some(522_301_000_000),
        day(2019, 1, 1),
        &regions(),
    ) {
        Lookup::Found(entry) => Some(entry.value.clone()),
        Lookup::Gap => None,
    };
    assert_eq!(find("DIBAO", 2020), Some(Value::Money(36050)));
    assert_eq!(find("TEKUN", 2020), None);
    assert_eq!(standard.entries[0].source, "p.csv");

    let (parameters, problems) = with_file("programme,year\nB,2\nA,1\nA,1\n", |root, from, drafts, problems| {
        read_table(root, Err(ListSource { name: Spanned::without_place("excludes".into()), from, by: by() }), &regions(), drafts, problems);
    });
    assert_eq!(problems, "p.csv:4: error[duplicate-entry]: the list `excludes` has an entry twice\n");
    let list = parameters.get("excludes").unwrap();
    assert!(list.contains(&[text("A"), Value::Int(1)]) && list.contains(&[text("B"), Value::Int(2)]));
    assert!(!list.contains(&[text("A"), Value::Int(2)]));
}

#[test]
fn one_value_everywhere() {
    let (mut parameters, _) = values(LINES);
    parameters.set("line", "5000").unwrap();
    parameters.set("grace", "7").unwrap();
    parameters.set("base", "2.25%").unwrap();
    let line = parameters.get("line").unwrap();
    for (place, at) in [(Some(522_301_000_000), day(2018, 4, 1)), (None, None), (Some(1), day(1990, 1, 1))] {
        assert!(matches!(line.lookup(&[], place, at, &regions()), Lookup::Found(Entry { value: Value::Money(500_000), .. })));
    }
    assert_eq!(line.entries[0].source, "command line");
    assert_eq!(parameters.get("base").unwrap().ty, Type::Decimal(2));
    let problem = |result: Result<(), Diagnostics>| concise(&result.unwrap_err(), &RenderOptions::default());
    assert_eq!(problem(parameters.set("lines", "1")), "error[unknown-parameter]: there is no parameter `lines`\n");
    assert_eq!(problem(parameters.set("grace", "x")), "error[bad-value]: `grace` is stated in days: `x` is not a whole number\n");
}
