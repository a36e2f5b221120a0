use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::diagnostic::render::{RenderOptions, concise};
use crate::diagnostic::{Diagnostics, SourceText};

fn from_text(text: &str) -> Result<Project, Diagnostics> {
    read_text(Arc::new(SourceText { name: "recount.yaml".into(), text: text.into() }), Path::new("/nonexistent"))
}

fn problems(text: &str) -> String {
    concise(&from_text(text).expect_err("must not be read"), &RenderOptions::default())
}

#[test]
fn the_sample_project_reads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_data/recount.yaml");
    let project = read(&path).unwrap_or_else(|e| panic!("{}", concise(&e, &RenderOptions::default())));
    assert!(project.tables.len() > 20 && project.links.len() > 20 && project.views.len() >= 3);
    let line = project.parameters.get("poverty_line").unwrap();
    let day = crate::schema::dates::days_from_civil(2018, 6, 1);
    let Lookup::Found(entry) = line.lookup(&[], Some(522_302_000_000), Some(day), &project.regions) else { panic!("gap") };
    assert_eq!(entry.value, crate::schema::Value::Money(370_000));
    assert_eq!(project.parameters.get("standard").unwrap().keys.len(), 2);
    assert_eq!(project.parameters.get("excludes").unwrap().form, ParameterForm::List);
    let files = policy_files(&project).unwrap();
    let names: Vec<&str> = files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("policy/parameters.csv", "policy/regions.csv"));
    assert!(names.len() >= 4 && files.iter().filter(|f| f.kind == PolicyKind::Regions).count() == 1);
    assert_eq!(find(&path.parent().unwrap().join("policy")), Some(path));
}

#[test]
fn short_forms() {
    let project = from_text(
        "recount: 1\ntables:\n  a:\n    from: [x/*.csv, y.csv]\n    key: id_no\n    columns: {id_no: citizen_id, paid: {type: money, unit: wan, from: 金额}, y: int}\n",
    );
    assert_eq!(concise(&project.unwrap_err(), &RenderOptions::default()).matches("reserved-name").count(), 1);
    let project = from_text(
        "recount: 1\ntables:\n  a:\n    from: [x/*.csv, y.csv]\n    key: id_no\n    columns: {id_no: citizen_id, paid: {type: money, unit: wan, from: 金额}, kind: code}\n  b: {from: b.parquet, columns: {id_no: citizen_id, died_on: date}}\nlinks:\n  a.death: {to: b, keys: id_no, pick: earliest died_on}\nviews:\n  v: {from: a, where: paid > yuan(3)}\n  w: {from: v, columns: [id_no, {twice: paid * 2}]}\n",
    )
    .unwrap();
    let a = &project.tables[0];
    assert_eq!(a.columns[0].from[0].value, "id_no");
    assert_eq!(
        (a.columns[1].from[0].value.as_str(), &a.columns[1].semantic),
        ("金额", &SemanticType::Money(crate::schema::MoneyUnit::Wan))
    );
    assert_eq!(project.links[0].keys[0].0.value, project.links[0].keys[0].1.value);
    assert_eq!(project.views[0].columns.len(), 3);
    assert_eq!(project.views[1].columns.iter().map(|(c, _)| c.value.as_str()).collect::<Vec<_>>(), ["id_no", "twice"]);
    assert_eq!(project.rules[0].value, Path::new("rules/"));
}

#[test]
fn all_mistakes_at_once() {
    let shape = problems("recount: one\ntables:\n  a: {from: a.csv, columns: {b: {type: mony}, c: {}}, covrs: {}}\nlink: {}\n");
    insta::assert_snapshot!(shape, @r#"
recount.yaml:1:10: error[wrong-type]: found `one`, wanted a whole number of at least 0
recount.yaml:3:40: error[unknown-value]: `mony` is not known here; wanted one of `text`, `person_name`, `phone`, `account`, `code`, `citizen_id`, `region`, `money`, `date`, `month`, `int`, `decimal`, `bool`
recount.yaml:3:47: error[missing-key]: `c` lacks `type`
recount.yaml:3:55: error[unknown-key]: `covrs` is not a known key of `a`
recount.yaml:4:1: error[unknown-key]: `link` is not a known key
"#);
    let meaning = problems(
        "recount: 2
regions: none.csv
parameters: {values: none.csv, tables: {t: {from: t.csv, by: [a]}, l: {from: t.csv, by: {a: txt}, list: true}, m: {from: t.csv, by: [a], list: true, value: x}}}
tables:
  pay-ments: {from: data/payments.dat, columns: {a: text}}
  payments:
    from: data/payments-*.csv
    encoding: gb18031
    delimiter: ';;'
    header_rows: 0
    key: [paymnt_id, payment_id, payment_id]
    sheet: A
    snapshot: amount
    valid: {from: joined}
    covers: {from: 2020-02-30, to: 2019-01, regions: ['52', x]}
    expect: {rows: 5, sums: {payment_id: 3, amount: much}}
    columns:
      payment_id: {type: text, unit: wan}
      amount: {type: money}
      paid: {type: date, scale: 2, values: [a], from: b, is: c}
      to: date
  old: {from: data/payments-2019.csv, columns: {a: text}}
links:
  payments.payee: {to: member, keys: {payee_no: id_no}}
  payments: {to: old, keys: a}
  old.a: {to: payments, keys: {a: payment_id}, pick: newest paid, back: paid}
  olds.b: {to: payments, keys: a}
views:
  old: {from: payments}
  v: {from: w}
  w: {from: v}
  x: {from: nothing, each: {a: b, c: d}}
",
    );
    insta::assert_snapshot!(meaning, @r#"
recount.yaml:1:10: error[unknown-version]: the project is written for version 2, this program reads version 1
recount.yaml:2:10: error[unreadable-file]: `none.csv` cannot be read: No such file or directory (os error 2)
recount.yaml:3:22: error[unreadable-file]: `none.csv` cannot be read: No such file or directory (os error 2)
recount.yaml:3:41: error[missing-key]: `t` lacks `value` or `unit`
recount.yaml:3:93: error[unknown-value]: `txt` is not a type
recount.yaml:3:157: error[list-with-value]: the list `m` has no values
recount.yaml:5:3: error[bad-name]: `pay-ments` cannot be the name of a table
recount.yaml:5:21: error[unknown-format]: the format of `data/payments.dat` cannot be told from its name
recount.yaml:8:15: error[unknown-value]: `gb18031` is not an encoding
recount.yaml:9:17: error[bad-value]: `;;` is not a delimiter; wanted one character such as `;`, or `tab`
recount.yaml:10:18: error[bad-value]: found 0 header rows, wanted 1 to 20
recount.yaml:11:11: error[unknown-column]: table `payments` has no column `paymnt_id`
recount.yaml:11:34: error[name-clash]: `payment_id` stands twice in the key
recount.yaml:12:12: error[option-not-for]: `sheet` is for XLSX files only
recount.yaml:13:15: error[wrong-type]: `amount` dates deliveries, so it must be a date
recount.yaml:14:19: error[unknown-column]: table `payments` has no column `joined`
recount.yaml:15:20: error[bad-value]: `2020-02-30` names no day of the calendar (read as year 2020, month 2, day 30)
recount.yaml:15:61: error[bad-value]: `x` is not a region code; wanted 12 digits
recount.yaml:16:30: error[wrong-type]: `payment_id` is summed, so it must be a number or money
recount.yaml:16:53: error[bad-value]: `much` is not a sum
recount.yaml:18:38: error[option-not-for]: `unit` is for columns of type money; `payment_id` is of type text
recount.yaml:20:33: error[option-not-for]: `scale` is for columns of type decimal; `paid` is of type date
recount.yaml:20:45: error[option-not-for]: `values` is for columns of type code; `paid` is of type date
recount.yaml:20:55: error[computed-column-from-file]: `paid` is computed and read from a file
recount.yaml:21:7: error[reserved-name]: `to` cannot be the name of a column: expressions or YAML give it a meaning
recount.yaml:24:24: error[unknown-table]: there is no table or view `member`
recount.yaml:24:39: error[unknown-column]: table `payments` has no column `payee_no`
recount.yaml:25:3: error[bad-name]: `payments` cannot be the name of a link
recount.yaml:26:54: error[bad-value]: `newest paid` does not say which row to take
recount.yaml:27:3: error[unknown-table]: there is no table or view `olds`
recount.yaml:27:32: error[unknown-column]: table `payments` has no column `a`
recount.yaml:29:3: error[name-clash]: a table and a view are called `old`
recount.yaml:30:13: error[view-cycle]: the view `v` takes its rows from itself, through others
recount.yaml:31:13: error[view-cycle]: the view `w` takes its rows from itself, through others
recount.yaml:32:13: error[unknown-table]: there is no table or view `nothing`
recount.yaml:32:29: error[bad-value]: `each` makes one period column
"#);
}

#[test]
fn the_secret_is_kept_or_derived() {
    let folder = tempfile::tempdir().unwrap();
    let derived = secret(folder.path()).unwrap();
    assert_eq!(derived, secret(folder.path()).unwrap());
    std::fs::write(folder.path().join(FILE_NAME), "recount: 1\n").unwrap();
    assert_ne!(derived, secret(folder.path()).unwrap());
    std::fs::write(folder.path().join(SECRET_FILE), format!("{}\n", "ab".repeat(32))).unwrap();
    assert_eq!(secret(folder.path()).unwrap(), [0xab; 32]);
    std::fs::write(folder.path().join(SECRET_FILE), "short").unwrap();
    assert!(secret(folder.path()).unwrap_err().to_string().contains("bad-secret"));
}

#[test]
fn the_schema_names_every_key() {
    let text = schema().to_string();
    for key in ["header_rows", "snapshot", "restricted", "overlays", "citizen_id", "\"wan\""] {
        assert!(text.contains(key), "{key}");
    }
}
