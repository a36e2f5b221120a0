//! Resolving and lint against a small project.

use super::*;
use crate::diagnostic::render;
use crate::plan::{Catalog, Graph};
use crate::project::{self, Project};
use crate::schema::Type;

const PROJECT: &str = "recount: 1
time_zone: Asia/Shanghai
tables:
  payments:
    from: payments.csv
    key: [payment_id]
    region: region_code
    date: paid_on
    columns:
      payment_id: {type: text}
      payee_id_no: {type: citizen_id}
      region_code: {type: region}
      amount: {type: money, unit: yuan}
      paid_on: {type: date}
      status: {type: code, values: [ok, returned]}
  deaths:
    from: deaths.csv
    key: [id_no]
    columns:
      id_no: {type: citizen_id}
      died_on: {type: date}
parameters:
  values: parameters.csv
regions: regions.csv
rules: [rules]
";

struct Sample {
    project: Project,
    catalog: Catalog,
    graph: Graph,
    _root: tempfile::TempDir,
}

fn sample() -> Sample {
    let root = folder(&[
        ("recount.yaml", PROJECT),
        ("rules/none.txt", ""),
        (
            "parameters.csv",
            "name,region,valid_from,valid_to,value,unit,source\ngrace_days,,2015-01-01,,30,days,Card rules\nlarge_payment,,2015-01-01,,500,yuan,Fund rules\nfactor,,2015-01-01,,1.6,ratio,Guide\n",
        ),
        ("regions.csv", "code,name,level,parent,valid_from,valid_to,successor\n520000000000,Guizhou,province,,,,\n"),
    ]);
    let project = project::read(&root.path().join("recount.yaml")).unwrap_or_else(|problems| panic!("{problems}"));
    let mut graph = Graph::default();
    let catalog = Catalog::build(&project, day(2020, 12, 31), &mut graph).unwrap_or_else(|problems| panic!("{problems}"));
    Sample { project, catalog, graph, _root: root }
}

impl Sample {
    fn resolve(&mut self, text: &str) -> Result<Rule, Diagnostics> {
        resolve(&read(text)?, &self.catalog, &mut self.graph, &self.project)
    }
    fn lint(&self, texts: &[&str]) -> Diagnostics {
        let files: Vec<RuleFile> = texts.iter().map(|text| file(text)).collect();
        lint(&files, &self.project, &self.catalog)
    }
}

const FULL: &str = "id: p/r
title: {en: Payment after the registered death, zh: 死亡后仍有发放}
status: stable
severity: {steps: [{critical: days > 365}, {high: otherwise}]}
why: {en: Nothing is due after a death., zh: 死亡后不再享受待遇。}
basis: [{source: Card rules}]
covers: [FD12]
check:
  match:
    table: payments
    among: payments.status = 'ok'
    with: deaths
    keys: {payee_id_no: id_no}
    let: {days: 'days(deaths.died_on, payments.paid_on)'}
    where: days > param('grace_days')
measure: days
subject: {person: payments.payee_id_no}
amount: payments.amount
exempt: [{when: payments.amount < yuan(1), says: {en: small, zh: 金额很小}}]
innocent: [{en: filed late, zh: 登记较晚}]
say: {en: '{payments.amount} paid {days} days after {{death}}', zh: '{payments.amount} 于死亡后 {days} 天发放'}
next_step: {en: Ask the bank., zh: 向银行核实。}
limits: {max_flag_rate: 0.5%}
tests:
  - name: late
    given: {payments: payment_id, deaths: id_no}
    flags: [P1]
  - name: in time
    given: {payments: payment_id, deaths: id_no}
    flags: []
";

#[test]
fn a_whole_rule_resolves() {
    let mut sample = sample();
    let rule = sample.resolve(FULL).unwrap_or_else(|problems| panic!("{}", render::full(&problems, &render::RenderOptions::default())));
    let graph = &sample.graph;
    assert_eq!(rule.family, "p");
    assert_eq!(
        rule.severity.iter().map(|(s, when)| (*s, when.is_some())).collect::<Vec<_>>(),
        [(Severity::Critical, true), (Severity::High, false)]
    );
    assert_eq!(rule.subjects.iter().map(|(e, key)| (e.as_str(), graph.type_of(*key))).collect::<Vec<_>>(), [("person", Type::CitizenId)]);
    assert_eq!(graph.type_of(rule.amount.unwrap()), Type::Money);
    assert_eq!(graph.type_of(rule.measure.unwrap()), Type::Int);
    assert_eq!(rule.figures.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["days"]);
    assert_eq!(rule.decisive, [rule.measure.unwrap(), rule.amount.unwrap()]);
    assert_eq!(rule.exempt.len(), 1);
    assert_eq!(rule.limits.max_flag_rate, Some(5_000));
    let table = &sample.catalog.tables[rule.check.table];
    assert_eq!((rule.region, rule.date), (table.region, table.date));
    assert_eq!(rule.say.keys().collect::<Vec<_>>(), ["en", "zh"]);
    match rule.say["en"].as_slice() {
        [SayPiece::Value(amount), SayPiece::Text(_), SayPiece::Value(days), SayPiece::Text(rest)] => {
            assert_eq!((Some(*amount), Some(*days)), (rule.amount, rule.measure));
            assert_eq!(rest, " days after {death}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let mut sample = sample();
    let text = FULL
        .replace("amount: payments.amount\n", "amount: days\n")
        .replace("{payments.amount} paid", "{payments.amont} paid")
        .replace("payments.amount < yuan(1)", "payments.amount")
        .replace("{high: otherwise}", "{high: days > 5}")
        .replace("0.5%", "0.5");
    let text = text.replace(
        "given: {payments: payment_id, deaths: id_no}\n    flags: [P1]",
        "given: {payment: payment_id, deaths: 'id_no,died'}\n    set: {grace: 3}\n    flags: [P1]",
    );
    let problems = sample.resolve(&text).unwrap_err();
    assert_eq!(problems.0.len(), 8, "{problems}");
    assert_eq!(problems.0[0].code, "bad-rate");
    assert!(problems.0.iter().any(|d| d.code == "severity-steps"));
    let column = problems.0.iter().find(|d| d.message.contains("amont")).unwrap();
    let crate::diagnostic::Place::Text(span) = &column.labels[0].place else { panic!("a place") };
    assert!(span.source.text[span.range.clone()].contains("amont"), "{column:?}");
    assert!(span.range.len() < 20, "the place is the name, not the sentence: {column:?}");
}

#[test]
fn a_broken_check_hides_no_mistake_that_is_one_anyway() {
    let mut sample = sample();
    let text = FULL
        .replace("{payee_id_no: id_no}", "{paye_id_no: id_no}")
        .replace("amount: payments.amount\n", "amount: payments.amont\n")
        .replace("{days} days after", "{dyas} days after {nosuch(days)}")
        .replace("days > 365", "days >");
    let problems = sample.resolve(&text).unwrap_err();
    // `dyas` may be a name that the check would have given; the column, the function and the syntax cannot be right.
    assert_eq!(codes(&problems), ["unknown-column", "syntax", "unknown-column", "unknown-function"], "{problems}");
    assert_eq!(pointed(&problems), "paye_id_no");
}

#[test]
fn forms_that_make_no_sense_are_refused() {
    let mut sample = sample();
    for (from, to, code) in [
        ("{when: payments.amount < yuan(1), says", "{says", "exemption-form"),
        ("{when: payments.amount < yuan(1), says", "{drop: payments.amount < yuan(1), says", "drop-without-group"),
        ("subject: {person: payments.payee_id_no}\n", "", "missing-subject"),
        ("{critical: days > 365}", "{critical: otherwise}", "severity-steps"),
        ("{critical: days > 365}", "{grave: days > 365}", "unknown-severity"),
        ("say: {en: '{payments.amount} paid", "say: {en: '{payments.amount paid", "open-brace"),
        ("measure: days", "measure: payments.payment_id", "measure-type"),
        ("measure: days", "measure: days\nvalidates: payment", "unknown-table"),
        ("measure: days", "measure: days\nvalidates: deaths", "validates-other-table"),
    ] {
        let text = FULL.replace(from, to);
        assert_ne!(text, FULL, "{from}");
        let problems = sample.resolve(&text).unwrap_err();
        assert!(codes(&problems).contains(&code), "{code}: {problems}");
    }
    let rule = sample.resolve(&FULL.replace("measure: days", "measure: days\nvalidates: payments")).unwrap();
    assert_eq!(rule.validates.map(|v| v.rel), Some(sample.catalog.table("payments").unwrap().1.rel));
}

#[test]
fn a_complete_rule_is_clean() {
    assert_eq!(sample().lint(&[FULL]), Diagnostics::default());
}

#[test]
fn each_lint_finds_its_case() {
    let sample = sample();
    let flagging = FULL.find("  - name: late").unwrap();
    let quiet = FULL.find("  - name: in time").unwrap();
    let without_flagging = format!("{}{}", &FULL[..flagging], &FULL[quiet..]);
    for (text, code, level, place) in [
        (without_flagging, "no-flagging-test", Level::Error, "stable"),
        (FULL[..quiet].to_owned(), "no-quiet-test", Level::Error, "stable"),
        (FULL.replace("why: {en: Nothing is due after a death., zh: 死亡后不再享受待遇。}\n", ""), "no-why", Level::Error, "stable"),
        (FULL.replace("basis: [{source: Card rules}]\n", ""), "no-basis", Level::Error, "stable"),
        (FULL.lines().filter(|l| !l.starts_with("say:")).map(|l| format!("{l}\n")).collect(), "no-say", Level::Error, "stable"),
        (FULL.replace("days > param('grace_days')", "days > 30"), "bare-number", Level::Error, "30"),
        (FULL.replace("yuan(1)", "yuan(500)"), "bare-number", Level::Error, "500"),
        (FULL.replace("days > param('grace_days')", "days / 4 > 1.60"), "bare-number", Level::Error, "1.60"),
        (FULL.replace("{days} days after", "{days + 30} days after"), "bare-number", Level::Error, "30"),
        (FULL.replace("Ask the bank.", "Ask who cheated the bank."), "accusing-word", Level::Error, "cheated"),
        (FULL.replace("登记较晚", "涉嫌骗取"), "accusing-word", Level::Error, "骗"),
        (FULL.replace("    among: payments.status = 'ok'\n", ""), "no-among", Level::Warning, "payments"),
        (FULL.replace("days > param('grace_days')", "lag(days) > param('grace_days')"), "lag-over-period", Level::Warning, "lag"),
        (
            FULL.replace("days > param('grace_days')", "days > 1 or (days < 0 or days = 5) or days = 3"),
            "many-branches",
            Level::Warning,
            "days > 1 or (days < 0 or days = 5) or days = 3",
        ),
        (FULL.replace("{en: Ask the bank., zh: 向银行核实。}", "Ask the bank."), "missing-language", Level::Warning, "Ask the bank."),
        (FULL.replace("[FD12]", "[FD12, fd1]"), "catalogue-id", Level::Warning, "fd1"),
    ] {
        assert_ne!(text, FULL, "{code}");
        let problems = sample.lint(&[&text]);
        assert_eq!(codes(&problems), [code], "{problems}");
        assert_eq!((problems.0[0].severity, pointed(&problems)), (level, place), "{problems:?}");
        assert!(LINT_CODES.iter().any(|(known, _)| *known == code));
    }
}

#[test]
fn lint_is_milder_before_stable_and_silent_about_retired_rules() {
    let sample = sample();
    let draft = FULL.replace("status: stable", "status: draft").replace("days > param('grace_days')", "days > 30");
    let problems = sample.lint(&[&draft[..draft.find("tests:").unwrap()]]);
    assert_eq!(codes(&problems), ["bare-number"]);
    assert_eq!(problems.0[0].severity, Level::Warning);
    assert!(sample.lint(&[&draft.replace("status: draft", "status: retired")]).is_empty());
    // Two branches, years, small counts and 100 are in order; a number in a text is no number.
    let fine = FULL.replace("days > 365", "days > 30");
    let fine = fine.replace(
        "days > param('grace_days')",
        "days > 12 or paid_on > date(2019, 1, 1) and days * 100 > 3 and status <> '30' and length(status) = 30",
    );
    assert!(sample.lint(&[&fine]).is_empty(), "{}", sample.lint(&[&fine]));
}

#[test]
fn the_example_of_the_page_reads_and_fits_the_sample_programme() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(manifest.join("docs/rule-language.md")).unwrap();
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
    let [rule, overlay] = blocks.as_slice() else { panic!("two examples") };
    let mut rule = file(rule);
    assert_eq!(rule.id(), "funds/payment-after-death");
    assert_eq!(rule.tests().unwrap().len(), 3);
    let project = project::read(&manifest.join("sample_data/recount.yaml")).unwrap_or_else(|problems| panic!("{problems}"));
    let mut graph = Graph::default();
    let catalog = Catalog::build(&project, day(2020, 12, 31), &mut graph).unwrap_or_else(|problems| panic!("{problems}"));
    let changes = overlays(overlay);
    let problems = apply(std::slice::from_mut(&mut rule), &changes, day(2020, 6, 30));
    assert!(problems.is_empty(), "{problems}");
    let resolved = resolve(&rule, &catalog, &mut graph, &project).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((resolved.exempt.len(), resolved.overlays.len(), resolved.limits.max_flag_rate), (2, 1, Some(100_000)));
    assert_eq!(lint(&[rule], &project, &catalog), Diagnostics::default());
}
