//! A small run made by hand, for tests of the run folder and of the report.

use std::collections::BTreeMap;

use super::*;
use crate::case::{self, BasisCard, Budget, Share, plan_visits};
use crate::finding::*;
use crate::project::Level;
use crate::schema::{TextKind, Value, citizen_id, dates::days_from_civil};
use crate::table::{ColumnReceipt, ControlCheck, FileReceipt};

pub const SECRET: [u8; 32] = [7; 32];
/// The full id of the person in the first finding: must never be shown unless revealed.
pub const FULL_ID: &str = "52230119450307241X";
pub const FULL_NAME: &str = "陆有田";
pub const FULL_ACCOUNT: &str = "6210985522301004417";

pub fn text(t: &str) -> Value {
    Value::Text(t.into(), TextKind::Plain)
}
pub fn code(t: &str) -> Value {
    Value::Text(t.into(), TextKind::Code)
}
pub fn day(y: i32, m: u32, d: u32) -> i32 {
    days_from_civil(y, m, d)
}
fn local(en: &str, zh: &str) -> Localised {
    Localised(BTreeMap::from([("en".into(), en.into()), ("zh".into(), zh.into())]))
}
fn id(t: &str) -> Value {
    Value::CitizenId(citizen_id::parse(t).expect("an id of the fixture"))
}
fn subject(entity: &str, value: Value) -> Subject {
    Subject { entity: entity.into(), value }
}
fn cell(column: &str, delivered: &str, used: Value) -> Cell {
    Cell { column: column.into(), delivered: Some(delivered.into()), used }
}
fn row(table: &str, role: &str, file: &str, line: u32, key: &str, cells: Vec<Cell>) -> EvidenceRow {
    EvidenceRow {
        table: table.into(),
        role: role.into(),
        file: file.into(),
        sheet: None,
        line,
        key: vec![(format!("{}_id", table.trim_end_matches('s')), text(key))],
        cells,
    }
}
fn say(en: Vec<Piece>, zh: Vec<Piece>) -> Message {
    BTreeMap::from([("en".into(), en), ("zh".into(), zh)])
}
fn t(s: &str) -> Piece {
    Piece::Text(s.into())
}
fn v(value: Value) -> Piece {
    Piece::Value(value)
}
fn hash(n: u32) -> String {
    sha256(&n.to_le_bytes())[..32].to_owned()
}

pub fn finding(n: u32, rule: &str, severity: Severity, subjects: Vec<Subject>, region: i64, date: i32, amount: Option<i64>) -> Finding {
    Finding {
        key: hash(n),
        records_hash: hash(n + 1_000_000),
        flag_hash: hash(n + 2_000_000),
        rule: rule.into(),
        severity,
        subjects,
        region: Some(region),
        date: Some(date),
        period: None,
        amount,
        measure: None,
        message: BTreeMap::new(),
        exempt: false,
        exemptions: vec![],
        figures: vec![],
        parameters: vec![],
        evidence: vec![],
        evidence_omitted: 0,
    }
}

fn payment(n: u32, line: u32, person: &str, amount: i64, paid: i32, account: &str) -> EvidenceRow {
    let yuan = crate::schema::format(&Value::Money(amount));
    row(
        "payments",
        "record",
        "data/payments-2019.csv",
        line,
        &format!("P{n:06}"),
        vec![
            cell("payee_id_no", &person.to_lowercase(), id(person)),
            cell("programme", "PENSION", code("PENSION")),
            cell("amount", &yuan, Value::Money(amount)),
            cell("paid_on", &crate::schema::format(&Value::Date(paid)).replace('-', "."), Value::Date(paid)),
            cell("account_no", account, Value::Text(account.into(), TextKind::Account)),
        ],
    )
}

fn after_death(n: u32, line: u32, person: &str, name: &str, household: &str, region: i64, amount: i64, paid: i32, died: i32) -> Finding {
    let days = Value::Int(i64::from(paid - died));
    let mut f = finding(
        n,
        "funds/payment-after-death",
        Severity::Critical,
        vec![
            subject("person", id(person)),
            subject("household", text(household)),
            subject("account", Value::Text(FULL_ACCOUNT.into(), TextKind::Account)),
        ],
        region,
        paid,
        Some(amount),
    );
    f.measure = Some(days.clone());
    f.message = say(
        vec![
            v(Value::Money(amount)),
            t(" yuan was paid on "),
            v(Value::Date(paid)),
            t(", "),
            v(days.clone()),
            t(" days after the death recorded on "),
            v(Value::Date(died)),
        ],
        vec![
            v(Value::Date(paid)),
            t("发放"),
            v(Value::Money(amount)),
            t("元，距登记死亡日期"),
            v(Value::Date(died)),
            t("已"),
            v(days.clone()),
            t("天"),
        ],
    );
    f.figures = vec![Figure {
        name: "days".into(),
        value: days.clone(),
        arithmetic: Some(vec![v(Value::Date(paid)), t(" − "), v(Value::Date(died)), t(" = "), v(days)]),
    }];
    f.parameters = vec![ParameterUse {
        name: "death_grace_days".into(),
        keys: vec![],
        value: Value::Int(31),
        region: Some(520000000000),
        valid_from: Some(day(2016, 1, 1)),
        valid_to: None,
        source: "Provincial subsidy card rules (2016) No. 14, art. 22".into(),
    }];
    f.exemptions = vec![
        ExemptionCheck {
            says: local("funeral grant is payable to the family", "丧葬费可由家属领取"),
            result: ExemptionResult::DoesNotHold,
        },
        ExemptionCheck { says: local("arrears for months before the death", "补发死亡前的月份"), result: ExemptionResult::Unknown },
    ];
    f.evidence = vec![
        payment(n, line, person, amount, paid, FULL_ACCOUNT),
        row(
            "deaths",
            "deaths",
            "data/deaths.csv",
            40 + n,
            &format!("D{n:04}"),
            vec![
                cell("id_no", person, id(person)),
                cell("name", name, Value::Text(name.into(), TextKind::PersonName)),
                cell("died_on", &crate::schema::format(&Value::Date(died)).replace('-', ""), Value::Date(died)),
            ],
        ),
        row(
            "members",
            "payee",
            "data/members.csv",
            300 + n,
            &format!("M{n:05}"),
            vec![
                cell("name", name, Value::Text(name.into(), TextKind::PersonName)),
                cell("relation", "head", code("head")),
                Cell { column: "age".into(), delivered: None, used: Value::Int(74) },
            ],
        ),
    ];
    f
}

fn rule(id: &str, check: &str, en: &str, zh: &str, why: (&str, &str)) -> RuleCard {
    RuleCard {
        id: id.into(),
        family: id.split('/').next().unwrap_or_default().into(),
        title: local(en, zh),
        status: "stable".into(),
        check: check.into(),
        why: Some(local(why.0, why.1)),
        basis: vec![BasisCard {
            source: "Provincial subsidy card rules".into(),
            clause: Some("art. 22".into()),
            says: Some(local("payment stops the month after death", "死亡次月起停发")),
        }],
        innocent: vec![local("death filed late", "死亡登记滞后"), local("namesake with a mistyped id", "同名且证件号录入有误")],
        next_step: Some(local("Ask the bank who withdrew, and the village who holds the card.", "向银行了解取款人，向村里了解持卡人。")),
        covers: vec!["FD01".into()],
        overlays: vec![],
    }
}

fn count(units: u64, yuan: Option<i128>) -> Count {
    Count { units, money: yuan.map(|y| y * 100) }
}

fn place(code: i64, name: &str, level: u8, parent: Option<i64>) -> Place {
    Place { code, name: name.into(), level, parent, valid_from: Some(day(2000, 1, 1)), valid_to: None, successor: None }
}

fn outcome(rule: &str, unit: &str, status: Status, parts: [Count; 4], reasons: Vec<(Reason, Count)>) -> Outcome {
    let [flagged, clear, exempt, not_assessable] = parts;
    let units = parts.iter().map(|p| p.units).sum();
    let money = parts.iter().map(|p| p.money).sum::<Option<i128>>();
    Outcome {
        rule: rule.into(),
        status,
        unit: unit.into(),
        population: Count { units, money },
        flagged,
        clear,
        exempt,
        not_assessable,
        reasons,
        coverage: vec![],
        parameter_gaps: vec![],
        arithmetic_gaps: 0,
    }
}

pub fn towns() -> [i64; 4] {
    [522301100000, 522301101000, 522302100000, 522302101000]
}

fn findings() -> Vec<Finding> {
    let [a, b, c, d] = towns();
    let mut all = vec![
        after_death(1, 1042, FULL_ID, FULL_NAME, "H00017", a + 1, 10_500, day(2019, 6, 10), day(2019, 3, 1)),
        after_death(2, 1371, FULL_ID, FULL_NAME, "H00017", a + 1, 10_500, day(2019, 7, 10), day(2019, 3, 1)),
        after_death(3, 2210, "522301193811030022", "冉光秀", "H00104", b + 2, 10_500, day(2019, 9, 10), day(2019, 1, 20)),
    ];
    let mut f = finding(
        4,
        "register/vehicle-owner",
        Severity::High,
        vec![subject("household", text("H00017"))],
        a + 1,
        day(2019, 3, 14),
        Some(8_600_000),
    );
    f.message = say(
        vec![
            t("a vehicle bought on "),
            v(Value::Date(day(2019, 3, 14))),
            t(" for "),
            v(Value::Money(8_600_000)),
            t(" yuan is registered to a member of a household on full support"),
        ],
        vec![t("特困供养户成员名下有"), v(Value::Date(day(2019, 3, 14))), t("购置的车辆，价格"), v(Value::Money(8_600_000)), t("元")],
    );
    f.figures = vec![Figure {
        name: "price over the year's net income".into(),
        value: Value::Decimal { units: 1_873, scale: 2 },
        arithmetic: Some(vec![
            v(Value::Money(8_600_000)),
            t(" / "),
            v(Value::Money(459_200)),
            t(" = "),
            v(Value::Decimal { units: 1_873, scale: 2 }),
        ]),
    }];
    f.exemptions = vec![ExemptionCheck {
        says: local("sold or scrapped before support began", "享受补助前已转让或报废"),
        result: ExemptionResult::DoesNotHold,
    }];
    f.evidence = vec![row(
        "vehicles",
        "record",
        "data/vehicles.xlsx",
        88,
        "V0088",
        vec![
            cell("plate", "贵E·3K712", text("贵E·3K712")),
            cell("owner_id_no", "52230119720511241X ", id("52230119720511241X")),
            cell("price", "8.6", Value::Money(8_600_000)),
            cell("bought_on", "43538", Value::Date(day(2019, 3, 14))),
            cell("owner_id_no_raw", FULL_ID, text(FULL_ID)),
        ],
    )];
    f.evidence[0].sheet = Some("登记".into());
    all.push(f);
    let mut f = finding(
        5,
        "accounts/shared-account",
        Severity::Medium,
        vec![subject("account", Value::Text(FULL_ACCOUNT.into(), TextKind::Account))],
        a + 1,
        day(2019, 6, 10),
        Some(63_000),
    );
    f.message = say(
        vec![v(Value::Int(4)), t(" persons of "), v(Value::Int(3)), t(" households were paid to one account")],
        vec![v(Value::Int(3)), t("户共"), v(Value::Int(4)), t("人的补助发至同一账户")],
    );
    f.evidence = vec![
        payment(1, 1042, FULL_ID, 10_500, day(2019, 6, 10), FULL_ACCOUNT),
        payment(2, 1371, FULL_ID, 10_500, day(2019, 7, 10), FULL_ACCOUNT),
        payment(31, 1450, "522301195511120037", 21_000, day(2019, 7, 10), FULL_ACCOUNT),
        payment(32, 1451, "522301196002280048", 21_000, day(2019, 7, 10), FULL_ACCOUNT),
    ];
    f.evidence_omitted = 0;
    all.push(f);
    let mut f = finding(
        6,
        "funds/duplicate-payment",
        Severity::High,
        vec![subject("person", id("522302196604120066")), subject("household", text("H00233"))],
        c + 1,
        day(2019, 11, 5),
        Some(35_000),
    );
    f.period = Some(Value::Month(2019 * 12 + 10));
    f.message = say(
        vec![t("two payments of "), v(Value::Money(35_000)), t(" yuan for "), v(Value::Month(2019 * 12 + 10))],
        vec![v(Value::Month(2019 * 12 + 10)), t("有两笔"), v(Value::Money(35_000)), t("元的相同发放")],
    );
    f.parameters = vec![ParameterUse {
        name: "standard".into(),
        keys: vec![code("DIBAO"), code("A")],
        value: Value::Money(35_000),
        region: Some(522302000000),
        valid_from: Some(day(2019, 1, 1)),
        valid_to: Some(day(2019, 12, 31)),
        source: "County civil affairs notice 2019-07".into(),
    }];
    f.evidence = vec![
        payment(61, 3310, "522302196604120066", 35_000, day(2019, 11, 5), "6210985522302007788"),
        payment(62, 3398, "522302196604120066", 35_000, day(2019, 11, 19), "6210985522302007788"),
    ];
    all.push(f);
    let mut f = finding(7, "income/jump", Severity::Low, vec![subject("household", text("H00233"))], c + 1, day(2020, 1, 15), None);
    f.period = Some(Value::Int(2019));
    f.measure = Some(Value::Decimal { units: 412, scale: 2 });
    f.message = say(
        vec![t("income per head rose from "), v(Value::Money(259_700)), t(" to "), v(Value::Money(1_070_000)), t(" yuan within a year")],
        vec![t("人均纯收入一年内由"), v(Value::Money(259_700)), t("元增至"), v(Value::Money(1_070_000)), t("元")],
    );
    f.figures = vec![
        Figure {
            name: "ratio".into(),
            value: Value::Decimal { units: 412, scale: 2 },
            arithmetic: Some(vec![
                v(Value::Money(1_070_000)),
                t(" / "),
                v(Value::Money(259_700)),
                t(" = "),
                v(Value::Decimal { units: 412, scale: 2 }),
            ]),
        },
        Figure { name: "peer.p99".into(), value: Value::Decimal { units: 217, scale: 2 }, arithmetic: None },
        Figure { name: "peer.n".into(), value: Value::Int(1_812), arithmetic: None },
    ];
    f.evidence = vec![
        row("incomes", "record", "data/incomes-2019.csv", 512, "H00233/2019", vec![cell("per_capita", "10700", Value::Money(1_070_000))]),
        row(
            "incomes",
            "before",
            "data/incomes-2018.csv",
            498,
            "H00233/2018",
            vec![cell("per_capita", "２５９７.00", Value::Money(259_700))],
        ),
    ];
    all.push(f);
    let mut f = after_death(8, 4012, "522302194102030074", "罗正英", "H00310", d + 3, 48_000, day(2019, 5, 10), day(2019, 4, 28));
    f.exempt = true;
    f.exemptions[0].result = ExemptionResult::Holds;
    all.push(f);
    let mut f =
        finding(9, "process/visit-missing", Severity::Info, vec![subject("household", text("H00310"))], d + 3, day(2020, 12, 31), None);
    f.message = say(vec![t("no visit on record in "), v(Value::Int(14)), t(" months")], vec![v(Value::Int(14)), t("个月内无走访记录")]);
    f.exemptions = vec![ExemptionCheck {
        says: local("household away for work with a registered contact", "全户外出务工并留有联系方式"),
        result: ExemptionResult::Unknown,
    }];
    all.push(f);
    let mut f =
        finding(10, "process/visit-missing", Severity::Info, vec![subject("household", text("H00411"))], d + 1, day(2020, 12, 31), None);
    f.message = say(vec![t("no visit on record in "), v(Value::Int(13)), t(" months")], vec![v(Value::Int(13)), t("个月内无走访记录")]);
    all.push(f);
    for n in 0..3 {
        let mut f = finding(
            20 + n,
            "data/phone-shared",
            Severity::Low,
            vec![subject("phone", Value::Text(format!("1398513{n:04}").as_str().into(), TextKind::Phone))],
            b + 1,
            day(2020, 6, 30),
            None,
        );
        f.message =
            say(vec![t("one phone number for "), v(Value::Int(9)), t(" households")], vec![v(Value::Int(9)), t("户登记同一电话号码")]);
        all.push(f);
    }
    all
}

fn receipt(table: &str, path: &str, rows: u64, rejected: u64, sum: Option<&str>, checks: Vec<ControlCheck>) -> Receipt {
    let file = FileReceipt {
        path: path.into(),
        sheet: None,
        sha256: sha256(path.as_bytes()),
        bytes: rows * 71,
        rows,
        rejected_cells: rejected,
        duplicate_keys: u64::from(rejected > 0),
    };
    let mut columns = vec![
        ColumnReceipt {
            column: "paid_on".into(),
            empty: 0,
            rejected,
            sum: None,
            first: Some("2019-01-10".into()),
            last: Some("2020-12-10".into()),
            distinct: None,
        },
        ColumnReceipt { column: "region_code".into(), empty: 12, rejected: 0, sum: None, first: None, last: None, distinct: Some(8) },
    ];
    columns.extend(sum.map(|s| ColumnReceipt {
        column: "amount".into(),
        empty: 0,
        rejected: 0,
        sum: Some(s.into()),
        first: None,
        last: None,
        distinct: None,
    }));
    Receipt {
        table: table.into(),
        files: vec![file],
        rows_delivered: rows,
        rows,
        columns,
        duplicate_keys: u64::from(rejected > 0),
        ragged: 0,
        checks,
    }
}

/// A run with everything a report shows.
pub fn small() -> RunContent {
    with_findings(findings())
}

/// A run with `n` further households of one finding each.
pub fn many(n: u32) -> RunContent {
    let mut all = findings();
    for i in 0..n {
        let town = towns()[i as usize % 4] + i64::from(i % 3) + 1;
        let severity = [Severity::Low, Severity::Medium, Severity::Medium, Severity::High][i as usize % 4];
        let mut f = finding(
            1_000 + i,
            "income/jump",
            severity,
            vec![subject("household", text(&format!("H1{i:04}")))],
            town,
            day(2017 + i32::try_from(i % 4).unwrap_or(0), 1 + i % 12, 1 + i % 28),
            Some(i64::from(i) * 1_700 + 1_200),
        );
        f.message = say(
            vec![t("income per head rose to "), v(Value::Money(900_000 + i64::from(i)))],
            vec![t("人均纯收入增至"), v(Value::Money(900_000 + i64::from(i))), t("元")],
        );
        f.evidence = vec![row(
            "incomes",
            "record",
            "data/incomes-2019.csv",
            600 + i,
            &format!("H1{i:04}/2019"),
            vec![cell("per_capita", "9000", Value::Money(900_000))],
        )];
        all.push(f);
    }
    with_findings(all)
}

fn with_findings(findings: Vec<Finding>) -> RunContent {
    let rules = vec![
        rule(
            "accounts/shared-account",
            "concentration",
            "One account for many households",
            "多户共用一个账户",
            (
                "One account that collects the benefits of several households may be in one person's hands.",
                "一个账户归集多户补助，资金可能由一人掌握。",
            ),
        ),
        rule(
            "data/phone-shared",
            "concentration",
            "One phone number for many households",
            "多户共用一个电话",
            ("The contact may not be the household's own.", "联系方式可能不是农户本人的。"),
        ),
        rule(
            "funds/duplicate-payment",
            "duplicate",
            "The same payment twice",
            "同一补助重复发放",
            ("A benefit is due once a month.", "补助按月发放一次。"),
        ),
        rule(
            "funds/payment-after-death",
            "match",
            "Payment after the payee's death",
            "死亡后仍发放补助",
            (
                "A benefit is not due to a person who has died; repeated payments suggest that someone else holds the card.",
                "人员死亡后不再享受补助；持续发放说明可能由他人持卡。",
            ),
        ),
        rule(
            "income/jump",
            "change",
            "Implausible rise of income",
            "收入异常增长",
            ("An income that jumps within a year should be explained by its sources.", "一年内大幅增长的收入应有来源支撑。"),
        ),
        rule(
            "process/visit-missing",
            "missing",
            "No visit on record",
            "无走访记录",
            ("Each household is to be visited once a quarter.", "每户每季度应走访一次。"),
        ),
        rule(
            "register/business-owner",
            "match",
            "Owner of a registered business",
            "名下有工商登记",
            ("A business owner should not receive full support.", "经营业主不应享受特困供养。"),
        ),
        rule(
            "register/vehicle-owner",
            "match",
            "Owner of a motor vehicle",
            "名下有机动车",
            ("A car bought while on full support should be explained.", "享受特困供养期间购车应作说明。"),
        ),
    ];
    let n = |rule: &str| findings.iter().filter(|f| f.rule == rule && !f.exempt).count() as u64;
    let none = count(0, None);
    let zero = count(0, Some(0));
    let mut outcomes = vec![
        outcome(
            "accounts/shared-account",
            "group of payments with the same account_no",
            Status::Completed,
            [count(n("accounts/shared-account"), None), count(2_207, None), none, none],
            vec![],
        ),
        outcome(
            "data/phone-shared",
            "group of households with the same phone",
            Status::Quarantined { reason: "3 of 41 units flagged (7.3 %), more than the limit of 5 %".into() },
            [count(n("data/phone-shared"), None), count(38, None), none, none],
            vec![],
        ),
        outcome(
            "funds/duplicate-payment",
            "group of payments with the same payee_id_no, programme, month",
            Status::Completed,
            [count(n("funds/duplicate-payment"), Some(350)), count(19_870, Some(3_511_020)), zero, count(2, Some(700))],
            vec![(Reason::MissingValue, count(2, Some(700)))],
        ),
        outcome(
            "funds/payment-after-death",
            "record of payments",
            Status::Completed,
            [count(3, Some(315)), count(19_240, Some(3_402_118)), count(1, Some(480)), count(630, Some(109_157))],
            vec![(Reason::NotCovered, count(612, Some(106_240))), (Reason::Unreadable, count(18, Some(2_917)))],
        ),
        outcome(
            "income/jump",
            "household_id × adjacent year",
            Status::Completed,
            [count(n("income/jump"), None), count(6_104, None), none, count(211, None)],
            vec![(Reason::MissingValue, count(211, None))],
        ),
        outcome(
            "process/visit-missing",
            "record of households",
            Status::Completed,
            [count(n("process/visit-missing"), None), count(2_203, None), none, count(35, None)],
            vec![(Reason::NotDue, count(31, None)), (Reason::FailedIntegrity, count(4, None))],
        ),
        outcome(
            "register/business-owner",
            "record of households",
            Status::Skipped { reason: "table `businesses` is not declared in recount.yaml".into() },
            [none, none, none, none],
            vec![],
        ),
        outcome(
            "register/vehicle-owner",
            "record of households",
            Status::Completed,
            [count(n("register/vehicle-owner"), None), count(2_239, None), none, none],
            vec![],
        ),
    ];
    outcomes[3].coverage =
        vec![Coverage { table: "deaths".into(), rows: 188, without_key: 3, from: Some(day(2017, 1, 1)), to: Some(day(2020, 12, 31)) }];
    outcomes[3].parameter_gaps = vec![("death_grace_days".into(), 4)];
    outcomes[4].arithmetic_gaps = 7;
    let [a, b, c, d] = towns();
    let mut places = vec![
        place(520000000000, "黔地省", 1, None),
        place(522300000000, "云岭州", 2, Some(520000000000)),
        place(522301000000, "青岩县", 3, Some(522300000000)),
        place(522302000000, "白水县", 3, Some(522300000000)),
        place(a, "石门镇", 4, Some(522301000000)),
        place(b, "马场乡", 4, Some(522301000000)),
        place(c, "双河镇", 4, Some(522302000000)),
        place(d, "木桥乡", 4, Some(522302000000)),
    ];
    let mut populations = vec![];
    for (town, names) in [
        (a, ["上寨村", "下寨村", "大坪村"]),
        (b, ["团坡村", "新场村", "老街村"]),
        (c, ["河湾村", "岩脚村", "龙井村"]),
        (d, ["桥头村", "云盘村", "竹林村"]),
    ] {
        for (i, name) in (1i64..).zip(names) {
            places.push(place(town + i, name, 5, Some(town)));
            populations.push(Population { entity: "household".into(), region: town + i, units: 170 + 11 * i.unsigned_abs() });
            populations.push(Population { entity: "person".into(), region: town + i, units: 600 + 37 * i.unsigned_abs() });
        }
    }
    places.sort_by_key(|p| p.code);
    let options = case::Options { key: SECRET, set_apart: ["data/phone-shared".to_owned()].into() };
    let cases = case::build(&findings, &rules, &options);
    let visits = plan_visits(
        &cases,
        &findings,
        &regions(&places),
        &Budget { visits: (cases.len() as u64 * 2).div_ceil(3), by: Level::Town, share: Share::Proportional },
    );
    let inputs = vec![
        InputText { path: "recount.yaml".into(), text: "recount: 1\n".into() },
        InputText { path: "rules/funds/payment-after-death.yaml".into(), text: "id: funds/payment-after-death\n".into() },
    ];
    let receipts = vec![
        receipt("deaths", "data/deaths.csv", 188, 0, None, vec![]),
        receipt(
            "payments",
            "data/payments-2019.csv",
            19_874,
            18,
            Some("3512070.00"),
            vec![
                ControlCheck { what: "rows".into(), expected: "19874".into(), found: "19874".into(), agrees: true },
                ControlCheck { what: "sum of amount".into(), expected: "3512090.00".into(), found: "3512070.00".into(), agrees: false },
            ],
        ),
    ];
    let rejected = vec![
        Rejected {
            table: "payments".into(),
            file: "data/payments-2019.csv".into(),
            sheet: None,
            line: 77,
            column: Some("payee_id_no".into()),
            delivered: "5.22302E+17".into(),
            problem: "a number that a spreadsheet shortened, not an id".into(),
        },
        Rejected {
            table: "payments".into(),
            file: "data/payments-2019.csv".into(),
            sheet: None,
            line: 78,
            column: Some("payee_id_no".into()),
            delivered: "522302194102030079X".into(),
            problem: "19 characters, an id has 18".into(),
        },
        Rejected {
            table: "payments".into(),
            file: "data/payments-2019.csv".into(),
            sheet: None,
            line: 912,
            column: None,
            delivered: "P000911,PENSION".into(),
            problem: "2 cells, the header has 7".into(),
        },
    ];
    let manifest = Manifest {
        format: FORMAT,
        recount: "0.1.0".into(),
        programme: Some("青岩、白水两县社会救助".into()),
        as_of: day(2020, 12, 31),
        time_zone: "Asia/Shanghai".into(),
        seed: 1,
        options: BTreeMap::from([("visits".into(), "6 by town".into())]),
        project: sha256(b"project"),
        parameters: sha256(b"parameters"),
        regions: sha256(b"regions"),
        rules: rules.iter().map(|r| (r.id.clone(), sha256(r.id.as_bytes()))).collect(),
        files: receipts
            .iter()
            .flat_map(|r| {
                r.files.iter().map(|f| InputFile {
                    table: r.table.clone(),
                    path: f.path.clone(),
                    sheet: f.sheet.clone(),
                    sha256: f.sha256.clone(),
                    bytes: f.bytes,
                    rows: f.rows,
                })
            })
            .collect(),
        coverage: vec![Coverage {
            table: "deaths".into(),
            rows: 188,
            without_key: 3,
            from: Some(day(2017, 1, 1)),
            to: Some(day(2020, 12, 31)),
        }],
    };
    RunContent { manifest, outcomes, findings, rules, cases, visits: Some(visits), receipts, rejected, places, populations, inputs }
}
