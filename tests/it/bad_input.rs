//! What goes wrong with files, rules and machines: each is told with place and next step, with the right exit code, and never touches
//! earlier runs.

use std::path::Path;

use crate::cli::recount;

/// A fresh project as `recount init` makes it.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(recount(folder.path(), &["init"]).starts_with("exit 0"));
    folder
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

/// Replaces `from` by `to` in a file; it must be there.
fn edit(folder: &Path, name: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(from), "{name} has no `{from}`");
    write(folder, name, text.replacen(from, to, 1).as_bytes());
}

const RUN: [&str; 4] = ["run", "--as-of", "2019-12-31", "--messages=concise"];

/// The output of a run, the hash in the run folder's name left out.
fn run_with(folder: &Path, more: &[&str]) -> String {
    let text = recount(folder, &[&RUN, more].concat());
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("2019-12-31-") {
        out.push_str(&rest[..at + 11]);
        rest = rest[at + 11..].trim_start_matches(|c: char| c.is_ascii_hexdigit());
        out.push_str("HASH");
    }
    out + rest
}

fn run(folder: &Path) -> String {
    run_with(folder, &[])
}

const PAYMENTS: &str = "data/payments-2019.csv";

#[test]
fn all_in_order() {
    let folder = project();
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  critical  funds/payment-after-death  2 findings  630.00  1 case
  high      funds/paid-twice            1 finding  110.00  1 case
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
3 findings in 2 cases, 740.00 yuan at stake, 1 exempt
Report  ./runs/2019-12-31-HASH/report.html
"#);
    // The same again writes nothing.
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  critical  funds/payment-after-death  2 findings  630.00  1 case
  high      funds/paid-twice            1 finding  110.00  1 case
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
3 findings in 2 cases, 740.00 yuan at stake, 1 exempt
The same run was there already; nothing was written.
Report  ./runs/2019-12-31-HASH/report.html
"#);
    assert_eq!(std::fs::read_dir(folder.path().join("runs")).unwrap().count(), 1);
}

#[test]
fn empty_file() {
    let folder = project();
    write(folder.path(), PAYMENTS, b"");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
data/payments-2019.csv: error[empty-file]: `data/payments-2019.csv` is empty: it has no header
"#);
}

#[test]
fn header_only() {
    let folder = project();
    write(folder.path(), "data/deaths.csv", "登记编号,身份证号,死亡日期,户籍地代码\n".as_bytes());
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  high  funds/paid-twice  1 finding  110.00  1 case
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
1 finding in 1 case, 110.00 yuan at stake, 0 exempt
Report  ./runs/2019-12-31-HASH/report.html
-- stderr
data/deaths.csv: warning[no-records]: `data/deaths.csv` has a header and no records
"#);
}

#[test]
fn wrong_encoding() {
    let folder = project();
    let text = std::fs::read_to_string(folder.path().join(PAYMENTS)).unwrap();
    let (bytes, _, _) = encoding_rs::GB18030.encode(&text);
    write(folder.path(), PAYMENTS, &bytes);
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
data/payments-2019.csv:1: error[wrong-encoding]: `data/payments-2019.csv` is not UTF-8: byte 0 (c1 f7 cb ae) in line 1 is not part of a character
"#);
}

#[test]
fn ragged_rows() {
    let folder = project();
    edit(folder.path(), PAYMENTS, "P03,", "P03,extra,");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  critical  funds/payment-after-death  2 findings  630.00  1 case
  high      funds/paid-twice            1 finding  110.00  1 case
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
3 findings in 2 cases, 740.00 yuan at stake, 1 exempt
Report  ./runs/2019-12-31-HASH/report.html
-- stderr
data/payments-2019.csv: warning[ragged-record]: 1 records of `data/payments-2019.csv` do not fit its header
recount.yaml:29:7: warning[rejected-cells]: 1 of 15 cells of `payments.payment_id` could not be read
recount.yaml:30:7: warning[rejected-cells]: 1 of 15 cells of `payments.payee_id_no` could not be read
recount.yaml:31:7: warning[rejected-cells]: 1 of 15 cells of `payments.programme` could not be read
recount.yaml:32:7: warning[rejected-cells]: 1 of 15 cells of `payments.status` could not be read
recount.yaml:33:7: warning[rejected-cells]: 1 of 15 cells of `payments.amount` could not be read
recount.yaml:34:7: warning[rejected-cells]: 1 of 15 cells of `payments.paid_on` could not be read
recount.yaml:35:7: warning[rejected-cells]: 1 of 15 cells of `payments.period_end` could not be read
"#);
}

#[test]
fn column_missing() {
    let folder = project();
    edit(folder.path(), PAYMENTS, "金额", "款额");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
recount.yaml:33:7: error[missing-column]: `data/payments-2019.csv` has no column for `amount` of table `payments`
"#);
}

#[test]
fn column_twice() {
    let folder = project();
    edit(folder.path(), PAYMENTS, "状态", "金额");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
recount.yaml:32:7: error[missing-column]: `data/payments-2019.csv` has no column for `status` of table `payments`
recount.yaml:33:7: error[column-twice]: column `amount` of table `payments` stands 2 times in `data/payments-2019.csv`
"#);
}

#[test]
fn file_absent() {
    let folder = project();
    std::fs::remove_file(folder.path().join(PAYMENTS)).unwrap();
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
recount.yaml:23:11: error[no-such-file]: no file matches `data/payments-*.csv`
"#);
}

#[test]
fn a_rule_names_a_table_that_is_not_declared() {
    let folder = project();
    edit(folder.path(), "rules/funds/payment-after-death.yaml", "with: deaths", "with: burials");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  high     funds/paid-twice           1 finding  110.00  1 case
  not run  funds/payment-after-death  recount.yaml declares no table `burials`
2 rules: 1 completed, 0 set apart, 1 not run, 0 failed
1 finding in 1 case, 110.00 yuan at stake, 0 exempt
Report  ./runs/2019-12-31-HASH/report.html
"#);
    assert!(run_with(folder.path(), &["--strict"]).starts_with("exit 2"));
}

#[test]
fn duplicate_keys() {
    let folder = project();
    edit(folder.path(), PAYMENTS, "P02,", "P01,");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  critical  funds/payment-after-death  2 findings  630.00  1 case
  high      funds/paid-twice            1 finding  110.00  1 case
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
3 findings in 2 cases, 740.00 yuan at stake, 1 exempt
Report  ./runs/2019-12-31-HASH/report.html
-- stderr
data/payments-2019.csv:2: warning[duplicate-key]: 1 keys (`payment_id`) of table `payments` stand in more than one record
"#);
}

#[test]
fn an_id_with_letters_and_one_that_a_spreadsheet_spoiled() {
    let folder = project();
    edit(folder.path(), PAYMENTS, "P05,522301195011200251", "P05,52230119501120O251");
    edit(folder.path(), PAYMENTS, "P06,522301195011200251", "P06,5.22301E+17");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  high  funds/paid-twice  1 finding  110.00  1 case
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
1 finding in 1 case, 110.00 yuan at stake, 1 exempt
Report  ./runs/2019-12-31-HASH/report.html
-- stderr
recount.yaml:30:7: warning[rejected-cells]: 2 of 15 cells of `payments.payee_id_no` could not be read
"#);
}

#[test]
fn a_parameter_with_a_gap() {
    // In time: from 2019 on nothing is in force.
    let folder = project();
    edit(folder.path(), "policy/parameters.csv", "2015-01-01,,", "2015-01-01,2018-12-31,");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  high  funds/paid-twice           1 finding  110.00  1 case
  gap   funds/payment-after-death  not assessable: no value of death_grace_days in force (units: 5)
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
1 finding in 1 case, 110.00 yuan at stake, 0 exempt
Report  ./runs/2019-12-31-HASH/report.html
"#);
    // In region: one town alone has a value.
    let folder = project();
    edit(folder.path(), "policy/parameters.csv", "death_grace_days,52,", "death_grace_days,522301002000,");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  high  funds/paid-twice           1 finding  110.00  1 case
  gap   funds/payment-after-death  not assessable: no value of death_grace_days in force (units: 3)
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
1 finding in 1 case, 110.00 yuan at stake, 1 exempt
Report  ./runs/2019-12-31-HASH/report.html
"#);
}

#[test]
fn a_division_by_zero() {
    let folder = project();
    edit(folder.path(), "rules/funds/payment-after-death.yaml", "where: days > param", "where: 3000 / (days - 89) > param");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 0
-- stdout
  critical  funds/payment-after-death  1 finding  315.00  1 case
  high      funds/paid-twice           1 finding  110.00  1 case
  gap       funds/payment-after-death  not assessable: division by zero or overflow (units: 1)
2 rules: 2 completed, 0 set apart, 0 not run, 0 failed
2 findings in 2 cases, 425.00 yuan at stake, 1 exempt
Report  ./runs/2019-12-31-HASH/report.html
"#);
}

#[test]
fn a_parameter_with_an_overlap() {
    let folder = project();
    let mut text = std::fs::read_to_string(folder.path().join("policy/parameters.csv")).unwrap();
    text.push_str("death_grace_days,52,2019-01-01,,60,days,New rules\n");
    write(folder.path(), "policy/parameters.csv", text.as_bytes());
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
policy/parameters.csv:3: error[parameter-overlap]: two values of `death_grace_days` are in force on the same day in the same region
"#);
}

#[test]
fn an_unknown_region() {
    let folder = project();
    insta::assert_snapshot!(run_with(folder.path(), &["--region", "5299"]), @r#"
exit 2
-- stderr
error[unknown-region]: the region `5299` is not in the region tree
"#);
    edit(folder.path(), "recount.yaml", r#"regions: ["522301"]"#, r#"regions: ["5299"]"#);
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
recount.yaml:27:59: error[unknown-region]: the region 529900000000 is not in the region tree
"#);
}

#[test]
fn views_that_need_each_other_and_names_that_clash() {
    let folder = project();
    edit(
        folder.path(),
        "recount.yaml",
        "parameters:\n",
        "views:\n  a: {from: b}\n  b: {from: a}\n  payments: {from: deaths}\nparameters:\n",
    );
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stderr
recount.yaml:53:13: error[view-cycle]: the view `a` takes its rows from itself, through others
recount.yaml:54:13: error[view-cycle]: the view `b` takes its rows from itself, through others
recount.yaml:55:3: error[name-clash]: a table and a view are called `payments`
"#);
}

#[test]
fn a_rule_whose_test_fails() {
    let folder = project();
    edit(folder.path(), "rules/funds/paid-twice.yaml", "flags: []", "flags: [P2]");
    insta::assert_snapshot!(recount(folder.path(), &["test"]), @r#"
exit 1
-- stdout
ok       funds/paid-twice           two payments of one period
missing  funds/paid-twice           a reissued payment is none
         P2 should be flagged and is not
ok       funds/payment-after-death  paid three months after death
ok       funds/payment-after-death  the month of the death is in order
ok       funds/payment-after-death  the funeral grant is exempt
5 tests of 2 rules: 4 ok, 0 noisy, 1 missing, 0 wrong, 0 failed
"#);
}

#[test]
fn a_rule_with_mistakes_never_hides_the_others() {
    let folder = project();
    edit(folder.path(), "rules/funds/payment-after-death.yaml", "keys: {payee_id_no: id_no}", "keys: {paye_id_no: id_no}");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stdout
  high    funds/paid-twice           1 finding  110.00  1 case
  failed  funds/payment-after-death  [unknown-column] table `payments` has no column `paye_id_no`
2 rules: 1 completed, 0 set apart, 0 not run, 1 failed
1 finding in 1 case, 110.00 yuan at stake, 0 exempt
Report  ./runs/2019-12-31-HASH/report.html
-- stderr
rules/funds/payment-after-death.yaml:13:12: error[unknown-column]: table `payments` has no column `paye_id_no`
"#);
    insta::assert_snapshot!(recount(folder.path(), &["lint"]), @r#"
exit 1
-- stdout
1 error, 2 warnings in 2 rules
-- stderr
warning[missing-language]: `innocent`, `next_step`, `say`, `why` of `funds/paid-twice` is not written in `zh`
 --> rules/funds/paid-twice.yaml:5:6
  |
5 | why: One person is due one payment of a programme for one period.
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ no `zh` text
  |
help: write `{en: ..., zh: ...}`; a report in the missing language shows the other one

warning[missing-language]: `exempt`, `innocent`, `next_step`, `say`, `why` of `funds/payment-after-death` is not written in `zh`
 --> rules/funds/payment-after-death.yaml:5:6
  |
5 | why: A benefit is not due to a person who has died; repeated payments suggest that someone else holds the card.
  |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ no `zh` text
  |
help: write `{en: ..., zh: ...}`; a report in the missing language shows the other one

error[unknown-column]: table `payments` has no column `paye_id_no`
  --> rules/funds/payment-after-death.yaml:13:12
   |
13 |     keys: {paye_id_no: id_no}
   |            ^^^^^^^^^^ not in `payments`
   |
help: a similar column exists: `payee_id_no`
note: `payments` is declared in recount.yaml:22

1 error and 2 warnings
"#);
    edit(folder.path(), "rules/funds/payment-after-death.yaml", "check:", "chekc:");
    insta::assert_snapshot!(run(folder.path()), @r#"
exit 2
-- stdout
  high  funds/paid-twice  1 finding  110.00  1 case
1 rules: 1 completed, 0 set apart, 0 not run, 0 failed
1 finding in 1 case, 110.00 yuan at stake, 0 exempt
Report  ./runs/2019-12-31-HASH/report.html
-- stderr
rules/funds/payment-after-death.yaml:1:1: error[missing-key]: this mapping lacks `check`
rules/funds/payment-after-death.yaml:8:1: error[unknown-key]: `chekc` is not a known key
"#);
}

#[test]
fn a_run_folder_that_cannot_be_written() {
    let folder = project();
    insta::assert_snapshot!(run_with(folder.path(), &["-o", "recount.yaml"]), @r#"
exit 2
-- stderr
recount.yaml: error[cannot-write]: `recount.yaml` cannot be written: File exists (os error 17)
"#);
}

#[test]
fn arguments_that_make_no_sense() {
    let folder = project();
    insta::assert_snapshot!(run_with(folder.path(), &["--as-of", "2019-13-01"]), @r#"
exit 2
-- stderr
error: the argument '--as-of <DATE>' cannot be used multiple times

Usage: recount run [OPTIONS]

For more information, try '--help'.
"#);
    insta::assert_snapshot!(run_with(folder.path(), &["--set", "death_grace=3", "--set", "death_grace_days=long", "--set", "x"]), @r#"
exit 2
-- stderr
error[unknown-parameter]: there is no parameter `death_grace`
error[bad-value]: `death_grace_days` is stated in days: `long` is not a whole number
error[bad-argument]: `--set x` sets nothing
"#);
    insta::assert_snapshot!(run_with(folder.path(), &["--rule", "funds/payment-after-deth"]), @r#"
exit 2
-- stderr
error[unknown-rule]: no rule matches `funds/payment-after-deth`
"#);
}

#[test]
fn the_gate_trips_only_from_its_severity_on() {
    let folder = project();
    assert!(run_with(folder.path(), &["--fail-on", "critical"]).starts_with("exit 1"));
    assert!(run_with(folder.path(), &["--rule", "funds/paid-twice", "--fail-on", "critical"]).starts_with("exit 0"));
}

#[test]
fn one_question_in_seconds() {
    let folder = project();
    let text = run_with(folder.path(), &["--rule", "*death*", "--region", "青岩县", "--set", "death_grace_days=100"]);
    insta::assert_snapshot!(text, @r#"
exit 0
-- stdout
  critical  funds/payment-after-death  1 finding  315.00  1 case
1 rules: 1 completed, 0 set apart, 0 not run, 0 failed
1 finding in 1 case, 315.00 yuan at stake, 1 exempt
Report  ./runs/2019-12-31-HASH/report.html
"#);
}

#[test]
fn two_rules_of_one_name() {
    let folder = project();
    edit(folder.path(), "recount.yaml", "rules: [rules/]", "rules: [rules/, more/]");
    std::fs::create_dir_all(folder.path().join("more/funds")).unwrap();
    std::fs::copy(folder.path().join("rules/funds/paid-twice.yaml"), folder.path().join("more/funds/paid-twice.yaml")).unwrap();
    let told = run(folder.path());
    assert!(told.starts_with("exit 2\n"), "{told}");
    for says in ["error[duplicate-rule]", "more/funds/paid-twice.yaml:1:", "2 rules: 2 completed"] {
        assert!(told.contains(says), "{says}: {told}");
    }
}

#[test]
fn a_column_that_needs_itself() {
    let folder = project();
    edit(
        folder.path(),
        "recount.yaml",
        "amount:",
        "twice: {type: money, is: half + half}\n      half: {type: money, is: twice / 2}\n      amount:",
    );
    let told = run(folder.path());
    assert!(told.starts_with("exit 2\n"), "{told}");
    assert!(told.contains("error[cycle]") && told.contains("recount.yaml:"), "{told}");
}
