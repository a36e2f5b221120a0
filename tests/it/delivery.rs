//! Projects for files that are there: the canonical programme, what of a delivery maps, why a subject was not flagged, what a change of
//! rules changes.

use std::path::Path;

use super::cli::recount;

fn copy(from: &Path, to: &Path, change: impl Fn(String) -> String) {
    let bytes = std::fs::read(from).expect("readable");
    let text = String::from_utf8(bytes).unwrap_or_else(|e| encoding_rs::GB18030.decode(e.as_bytes()).0.into_owned());
    std::fs::write(to, change(text)).expect("written");
}

fn sample() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/sample_data"))
}

/// The canonical project in `county/`, with four of the sample's files under names of their own.
fn county() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let made = recount(folder.path(), &["init", "county", "--canonical", "--years", "2017-2020", "--region", "522301"]);
    assert!(made.starts_with("exit 0\n"), "{made}");
    let data = folder.path().join("county/data");
    copy(&sample().join("data/households.csv"), &data.join("户信息.csv"), |t| t);
    copy(&sample().join("data/members.csv"), &data.join("members.csv"), |t| t.replacen("户编号,证件号码", "户编号,身份证号码", 1));
    copy(&sample().join("data/payments-2019.csv"), &data.join("payments-2019.csv"), |t| t.replacen("标准,金额,", "标准,发放金额元,", 1));
    copy(&sample().join("data/deaths.csv"), &data.join("deaths.csv"), |t| t);
    copy(&sample().join("policy/regions.csv"), &folder.path().join("county/policy/regions.csv"), |t| t);
    folder
}

#[test]
fn a_county_that_drops_four_files_in_has_a_working_audit() {
    let folder = county();
    let lint = recount(folder.path(), &["lint", "-p", "county"]);
    assert!(lint.starts_with("exit 0\n"), "{lint}");
    let run = recount(folder.path(), &["run", "-p", "county", "--as-of", "2020-12-31"]);
    assert!(run.starts_with("exit 0\n"), "{run}");
    assert!(run.contains("funds/payment-after-death") && run.contains("integrity/malformed-id"), "{run}");
    assert!(run.contains("no file of `vehicles`") && run.contains("Not looked for: "), "{run}");
    // A kind that another rule still looks for is not unseen; one whose rules all lack a table is.
    let unseen = run.split("Not looked for: ").nth(1).and_then(|t| t.split(" rules: ").next()).unwrap_or_default();
    assert!(unseen.contains("XR03") && unseen.contains("WA01") && !unseen.contains("DI01") && !unseen.contains("FD12"), "{unseen}");
    let strict = recount(folder.path(), &["run", "-p", "county", "--as-of", "2020-12-31", "--strict"]);
    assert!(strict.starts_with("exit 2\n"), "{strict}");
    let report = std::fs::read_dir(folder.path().join("county/runs")).expect("runs").flatten().next().expect("a run").path();
    let html = std::fs::read_to_string(report.join("report.html")).expect("report");
    assert!(html.contains("What the catalogue calls") && html.contains("rules were not run: no file of"), "the report says what is unseen");
    // What is there can be loaded and asked; a table that is not there is told.
    let load = recount(folder.path(), &["load", "-p", "county", "--as-of", "2020-12-31"]);
    assert!(load.starts_with("exit 0\n") && load.contains("households  1,") && load.contains(" records in 1 files"), "{load}");
    let load = recount(folder.path(), &["load", "vehicles", "-p", "county"]);
    assert!(load.starts_with("exit 2\n") && load.contains("no-such-file"), "{load}");
    let records = recount(folder.path(), &["query", "-p", "county", "--subject", "household=H00001001", "--as-of", "2020-12-31"]);
    assert!(records.starts_with("exit 0\n") && records.contains("members"), "{records}");
}

#[test]
fn a_rule_runs_without_an_exemption_whose_table_was_not_delivered() {
    let folder = county();
    // Whether the household is reported away stands in `absences`, which was not delivered.
    let rule = "integrity/record-not-refreshed";
    let run = recount(folder.path(), &["run", "-p", "county", "--as-of", "2020-12-31", "--rule", rule]);
    assert!(run.starts_with("exit 0\n") && run.contains("1 completed"), "{run}");
    assert!(run.contains("1 exemptions of 1 rules: their tables were not delivered"), "{run}");
    let report = std::fs::read_dir(folder.path().join("county/runs")).expect("runs").flatten().next().expect("a run").path();
    let html = std::fs::read_to_string(report.join("report.html")).expect("report");
    assert!(html.contains("could not be checked: its table was not delivered"), "every finding says so");
    assert!(
        html.contains("not checked, because no file of absences was delivered: the whole household is reported away"),
        "the outcome too"
    );
    let lint = recount(folder.path(), &["lint", "--data", "-p", "county"]);
    assert!(!lint.contains(rule), "it is not among the rules that cannot run: {lint}");
    let zh = recount(folder.path(), &["run", "-p", "county", "--as-of", "2020-12-31", "--rule", rule, "--lang", "zh"]);
    assert!(zh.contains("1 条规则的 1 项豁免情形未核对"), "{zh}");
}

#[test]
fn a_table_that_must_be_there_is_still_missed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    recount(folder.path(), &["init", "audit"]);
    std::fs::remove_file(folder.path().join("audit/data/deaths.csv")).expect("removed");
    let run = recount(folder.path(), &["run", "-p", "audit", "--as-of", "2019-12-31"]);
    assert!(run.starts_with("exit 2\n") && run.contains("no-such-file"), "{run}");
}

#[test]
fn a_delivery_is_held_against_tables_and_rules() {
    let folder = county();
    std::fs::write(folder.path().join("county/data/vehicle.csv"), "a,b\n1,2\n").expect("written");
    let text = recount(folder.path(), &["lint", "--data", "-p", "county", "funds/*", "registers/vehicle*"]);
    // The rules of a pack change with the pack: what is shown of them is held in the JSON below.
    let tables = text.split("Tables without a file").next().unwrap_or_default();
    insta::assert_snapshot!(tables, @r#"
exit 0
-- stdout
households
  data/户信息.csv
    read      household_id ← 户编号, region_code ← 行政区划代码, head_id_no ← 户主证件号码, size ← 家庭人口数, hh_type ← 户类型,
              cause ← 主要致贫原因, status ← 脱贫状态, identified_at ← 首次识别时间, exited_year ← 脱贫年度, monitor_type ← 监测对象类型,
              risk_found_at ← 风险识别时间, risk_cleared ← 风险是否消除, risk_cleared_at ← 风险消除时间, risk_clear_reason ← 风险消除原因,
              house_grade ← 住房等级, safe_water ← 是否安全饮用水, phone ← 联系电话, phone_raw ← 联系电话, bank_account ← 银行账号,
              address ← 住址, privacy_protected ← 隐私保护, taken_on ← 数据日期, checked_on ← 最近核查日期
members
  data/members.csv
    read      person_id ← 人编号, household_id ← 户编号, id_no ← 身份证号码, id_no_raw ← 身份证号码, name ← 姓名, name_raw ← 姓名,
              relation ← 与户主关系, sex ← 性别, birth ← 出生日期, health ← 健康状况, school_state ← 在校生状况, work_months ← 务工时间,
              joined_at ← 人员识别时间, left_at ← 减少时间, left_reason ← 减少原因
payments
  data/payments-2019.csv
    read      payment_id ← 支付编号, household_id ← 农户编号, programme ← 项目代码, grade ← 补贴档次, unit_kind ← 对象类型, year ← 年度,
              period ← 所属期, period_end ← 期末日期, part ← 期次, payee_name ← 收款人姓名, payee_id_no ← 身份证号, account_no ← 卡号,
              quantity ← 计发数量, standard ← 标准, paid_on ← 支付日期, status ← 状态, returned_on ← 退回日期, reissue_of ← 补发原编号,
              batch_no ← 批次
    without   amount (like 发放金额元)
    not used  发放金额元 (like amount)
deaths
  data/deaths.csv
    read      death_no ← 登记编号, id_no ← 身份证号, name ← 姓名, died_on ← 死亡日期, registered_on ← 登记日期, home_region ← 户籍地代码
purpose_words
  policy/purpose_words.csv
    read      scope, word, meaning
"#);
    assert!(text.contains("Files that no table takes\n  data/vehicle.csv (like vehicles)\n"), "{text}");
    assert!(text.contains("Not run, as vehicles has no file (1)\n  registers/vehicle-before-identification\n"), "{text}");
    assert!(text.contains("Judge nothing, as payments.amount stands in no file"), "{text}");
    let chinese = recount(folder.path(), &["lint", "--data", "-p", "county", "registers/vehicle*", "--lang", "zh"]);
    assert!(chinese.contains("没有 vehicles 的文件，不运行（1）") && chinese.contains("1 条规则中 0 条可用"), "{chinese}");
    let json = recount(folder.path(), &["lint", "--data", "-p", "county", "registers/vehicle*", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(json.split_once("-- stdout\n").expect("a result").1).expect("JSON");
    assert_eq!(json["unseen"], serde_json::json!(["XR03"]));
    assert_eq!((json["rules"].as_u64(), json["ready"].as_u64()), (Some(1), Some(0)));
    assert_eq!(json["strays"][0]["near"], "vehicles");
    assert!(json["hindered"].as_array().expect("a list").iter().any(|h| h["because"] == "no_table" && h["table"] == "vehicles"));
}

#[test]
fn a_file_that_cannot_be_used_trips_the_gate() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    recount(folder.path(), &["init", "audit"]);
    insta::assert_snapshot!(recount(folder.path(), &["lint", "--data", "-p", "audit"]), @r#"
exit 0
-- stdout
members
  data/members.csv
    read      person_id ← 人编号, household_id ← 户编号, id_no ← 证件号码, name ← 姓名, region_code ← 行政区划代码, joined_at ← 增加时间,
              left_at ← 减少时间
payments
  data/payments-2019.csv
    read      payment_id ← 流水号, payee_id_no ← 身份证号, programme ← 补贴项目, status ← 状态, amount ← 金额, paid_on ← 发放日期,
              period_end ← 所属期止
deaths
  data/deaths.csv
    read      death_no ← 登记编号, id_no ← 身份证号, died_on ← 死亡日期, home_region ← 户籍地代码
3 of 3 tables have files; 2 of 2 rules can do their work; 0 kinds are not looked for
"#);
    let deaths = folder.path().join("audit/data/deaths.csv");
    copy(&deaths.clone(), &deaths, |t| t.replace("死亡日期", "死亡日"));
    std::fs::write(folder.path().join("audit/data/members.csv"), "").expect("written");
    insta::assert_snapshot!(recount(folder.path(), &["lint", "--data", "-p", "audit"]), @r#"
exit 1
-- stdout
members
  data/members.csv
    unusable  `data/members.csv` is empty: it has no header
payments
  data/payments-2019.csv
    read      payment_id ← 流水号, payee_id_no ← 身份证号, programme ← 补贴项目, status ← 状态, amount ← 金额, paid_on ← 发放日期,
              period_end ← 所属期止
deaths
  data/deaths.csv
    read      death_no ← 登记编号, id_no ← 身份证号, home_region ← 户籍地代码
    missing   died_on (like 死亡日)
    not used  死亡日 (like died_on)
Cannot be loaded, as deaths.died_on cannot be read (1)
  funds/payment-after-death
Cannot be loaded, as members cannot be read (2)
  funds/paid-twice, funds/payment-after-death
3 of 3 tables have files; 0 of 2 rules can do their work; 0 kinds are not looked for
"#);
}

#[test]
fn why_a_subject_was_not_flagged() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    recount(folder.path(), &["init", "audit"]);
    let why = |rule: &str, subject: &str| {
        recount(folder.path(), &["explain", rule, "--why-not", subject, "-p", "audit", "--as-of", "2019-12-31"])
    };
    let after_death = "funds/payment-after-death";
    // Before the death, within the grace, after it, exempt, returned and so outside, without a death, nobody.
    insta::assert_snapshot!(why(after_death, "P04"), @r#"
exit 0
-- stdout
funds/payment-after-death · record of payments P04
  not flagged: the condition is false
  deaths: 1 row
    false    days(deaths.died_on, period_end) > param('death_grace_days')   (days = -2; param('death_grace_days') = 30; 32 apart)
"#);
    insta::assert_snapshot!(why(after_death, "P05"), @r#"
exit 0
-- stdout
funds/payment-after-death · record of payments P05
  flagged
  deaths: 1 row
    true     days(deaths.died_on, period_end) > param('death_grace_days')   (days = 89; param('death_grace_days') = 30)
  exemption does not hold: the funeral grant is payable to the family
  values: days = 89
  parameter death_grace_days = 30 (Subsidy card rules: pay-out may end with the month after the death)
"#);
    insta::assert_snapshot!(why(after_death, "P15"), @r#"
exit 0
-- stdout
funds/payment-after-death · record of payments P15
  not flagged: exempt
  deaths: 1 row
    true     days(deaths.died_on, period_end) > param('death_grace_days')   (days = 122; param('death_grace_days') = 30)
  exemption holds: the funeral grant is payable to the family
  values: days = 122
  parameter death_grace_days = 30 (Subsidy card rules: pay-out may end with the month after the death)
"#);
    insta::assert_snapshot!(why(after_death, "P13"), @r#"
exit 0
-- stdout
funds/payment-after-death · record of payments P13
  not in the population: its conditions do not hold
  To be in the population would have to hold
  false    status = 'ok'   (status = reissued)
"#);
    insta::assert_snapshot!(why(after_death, "person=522301197209180443"), @r#"
exit 0
-- stdout
funds/payment-after-death · record of payments P10
  not flagged: no register holds a row for it
  deaths: no row, in a register which covers the record
funds/payment-after-death · record of payments P11
  not flagged: no register holds a row for it
  deaths: no row, in a register which covers the record
"#);
    insta::assert_snapshot!(why(after_death, "P99"), @r#"
exit 2
-- stdout
funds/payment-after-death: no record of payments among 15 is the subject's.
"#);
    insta::assert_snapshot!(why(after_death, "village=1"), @r#"
exit 2
-- stderr
error[bad-argument]: a finding of `funds/payment-after-death` names no `village`
 |
help: it names person, household; write `person=VALUE`, or the key of a record of payments
"#);
    insta::assert_snapshot!(why("funds/paid-twice", "P01"), @r#"
exit 2
-- stdout
funds/paid-twice: no group of the same payee_id_no, programme, period_end in payments among 13 is the subject's.
"#);
    // In Chinese nothing of the program's own is left in English.
    for (subject, english) in [
        ("P04", "not flagged"),
        ("P05", "exemption "),
        ("P13", "To be in the population"),
        ("person=522301197209180443", "no row"),
        ("P99", "is the subject's"),
    ] {
        let arguments = ["explain", after_death, "--why-not", subject, "-p", "audit", "--as-of", "2019-12-31", "--lang"];
        let of = |lang| recount(folder.path(), &[&arguments[..], &[lang]].concat());
        let (en, zh) = (of("en"), of("zh"));
        assert!(en.contains(english) && !zh.contains(english), "{en}{zh}");
        let words =
            ["flagged", "holds", "false ", "true ", " row", "register", "parameter ", "values:", " apart", "record of", "would have"];
        assert!(!words.iter().any(|word| zh.contains(word)), "{zh}");
    }
    let unknown = why("funds/nothing", "P01");
    assert!(unknown.starts_with("exit 2\n") && unknown.contains("unknown-name"), "{unknown}");
}

#[test]
fn a_change_of_rules_is_seen_before_it_is_published() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    recount(folder.path(), &["init", "audit"]);
    let audit = folder.path().join("audit");
    std::fs::create_dir_all(audit.join("next/funds")).expect("a folder");
    for name in ["payment-after-death", "paid-twice"] {
        copy(&audit.join(format!("rules/funds/{name}.yaml")), &audit.join(format!("next/funds/{name}.yaml")), |t| {
            t.replace("days > param('death_grace_days')", "days > 100")
                .replace("payments.programme = 'FUNERAL'", "payments.programme = 'NONE'")
        });
    }
    insta::assert_snapshot!(recount(folder.path(), &["diff-rules", "audit/rules", "audit/next", "-p", "audit", "--as-of", "2019-12-31"]), @r#"
exit 0
-- stdout
funds/payment-after-death
  before  2 flagged, 11 clear, 1 exempt, 0 not assessable of 14
  after   2 flagged, 12 clear, 0 exempt, 0 not assessable of 14
  gained  1 finding, 1,200.00 yuan
            payments P15: 1,200.00 was paid on 2019-08-20 for a period that ended 122 days after the death recorded on 2019-04-20
  lost    1 finding, 315.00 yuan
            payments P05: 315.00 was paid on 2019-06-15 for a period that ended 89 days after the death recorded on 2019-04-02
  same    1
1 rule compared, 1 with other findings: 1 gained, 1 lost
"#);
    recount(folder.path(), &["run", "-p", "audit", "--as-of", "2019-12-31"]);
    let run = std::fs::read_dir(audit.join("runs")).expect("runs").flatten().next().expect("a run").file_name();
    let run = run.to_string_lossy();
    let of_run = format!("audit/runs/{run}/inputs/rules");
    let same = recount(folder.path(), &["diff-rules", &of_run, "audit/rules", "-p", "audit", "--on", &run]);
    assert_eq!(same, "exit 0\n-- stdout\n0 rules compared, 0 with other findings: 0 gained, 0 lost\n");
    let files = ["audit/rules/funds/payment-after-death.yaml", "audit/next/funds/payment-after-death.yaml"];
    let one = recount(folder.path(), &["diff-rules", files[1], files[0], "-p", "audit", "--on", &run, "--samples", "0"]);
    assert!(one.contains("1 rule compared, 1 with other findings: 1 gained, 1 lost"), "{one}");
    let missing = recount(folder.path(), &["diff-rules", "audit/rules", "nowhere", "-p", "audit"]);
    assert!(missing.starts_with("exit 2\n") && missing.contains("unreadable-file"), "{missing}");
}
