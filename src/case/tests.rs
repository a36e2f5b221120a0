use proptest::prelude::*;

use super::*;
use crate::finding::{Cell, EvidenceRow, Finding, Findings};
use crate::schema::{TextKind, Value};

fn text(t: &str) -> Value {
    Value::Text(t.into(), TextKind::Plain)
}

fn subject(entity: &str, value: &str) -> Subject {
    Subject { entity: entity.into(), value: text(value) }
}

/// A finding of `rule` on `subjects` over payments (name, fen).
fn finding(key: &str, rule: &str, severity: Severity, subjects: &[(&str, &str)], amount: Option<i64>, payments: &[(&str, i64)]) -> Finding {
    Finding {
        key: key.into(),
        records_hash: String::new(),
        flag_hash: String::new(),
        rule: rule.into(),
        severity,
        subjects: subjects.iter().map(|(e, v)| subject(e, v)).collect(),
        region: None,
        date: None,
        period: None,
        amount,
        measure: None,
        message: crate::finding::Message::new(),
        exempt: false,
        exemptions: vec![],
        figures: vec![],
        parameters: vec![],
        evidence: payments
            .iter()
            .map(|(name, fen)| EvidenceRow {
                table: "payments".into(),
                role: "record".into(),
                file: "p.csv".into(),
                sheet: None,
                line: 2,
                key: vec![("payment_id".into(), text(name))],
                cells: vec![Cell { column: "amount".into(), delivered: None, used: Value::Money(*fen) }],
            })
            .collect(),
        evidence_omitted: 0,
    }
}

fn cases(findings: &[Finding]) -> Vec<Case> {
    build(Findings::from(findings.to_vec()).briefs(), &[], &Options::default())
}

const P: (&str, &str) = ("person", "P1");
const H: (&str, &str) = ("household", "H1");

#[test]
fn a_persons_findings_join_the_households_case() {
    let all = [
        finding("a", "funds/x", Severity::High, &[P, H], None, &[]),
        finding("b", "income/y", Severity::Low, &[H], None, &[]),
        finding("c", "data/z", Severity::Low, &[P], None, &[]),
        finding("d", "data/z", Severity::Low, &[("person", "P2")], None, &[]),
    ];
    let cases = cases(&all);
    assert_eq!(cases.len(), 2);
    assert_eq!((&cases[0].subject, &cases[0].findings), (&subject("household", "H1"), &vec![0, 2, 1]));
    assert_eq!(cases[0].also, [subject("person", "P1")]);
    assert_eq!(cases[1].subject, subject("person", "P2"));
}

#[test]
fn a_person_of_two_households_joins_neither_unless_the_finding_says_which() {
    let all = [
        finding("a", "funds/x", Severity::High, &[P, H], None, &[]),
        finding("b", "funds/x", Severity::High, &[P, ("household", "H2")], None, &[]),
        finding("c", "data/z", Severity::Low, &[P], None, &[]),
    ];
    let found: Vec<String> = cases(&all).iter().map(|c| format!("{} {:?}", c.subject.entity, c.findings)).collect();
    assert_eq!(found, ["household [0]", "household [1]", "person [2]"]);
}

#[test]
fn subjects_also_involved_do_not_merge() {
    let account = ("account", "A1");
    let all = [
        finding("a", "funds/x", Severity::High, &[H, account], None, &[]),
        finding("b", "funds/x", Severity::High, &[("household", "H2"), account], None, &[]),
        finding("c", "accounts/s", Severity::Low, &[account, H], None, &[]),
    ];
    assert_eq!(cases(&all).len(), 3);
}

#[test]
fn exempt_findings_are_counted_never_scored_and_make_no_case_alone() {
    let mut exempt = finding("b", "funds/x", Severity::Critical, &[H], Some(1_000_000), &[("1", 1_000_000)]);
    exempt.exempt = true;
    assert_eq!(cases(std::slice::from_ref(&exempt)), []);
    let flagged = finding("a", "data/z", Severity::Low, &[H], None, &[]);
    let with = cases(&[flagged.clone(), exempt]);
    let without = cases(&[flagged]);
    assert_eq!(with[0].exempt, [1]);
    assert_eq!((&with[0].score, with[0].severity, with[0].amount), (&without[0].score, Severity::Low, None));
}

#[test]
fn quarantined_rules_make_no_case() {
    let all =
        [finding("a", "funds/x", Severity::High, &[H], None, &[]), finding("b", "data/z", Severity::Low, &[("phone", "1")], None, &[])];
    let options = Options { set_apart: ["data/z".to_owned()].into(), ..Options::default() };
    assert_eq!(
        build(Findings::from(all.to_vec()).briefs(), &[], &options).iter().map(|c| c.findings.clone()).collect::<Vec<_>>(),
        [vec![0]]
    );
}

#[test]
fn a_finding_without_a_known_subject_is_a_case_of_its_own() {
    let mut nobody = finding("a", "funds/x", Severity::High, &[], None, &[]);
    nobody.subjects = vec![Subject { entity: "person".into(), value: Value::Null }];
    let other = Finding { key: "b".into(), ..nobody.clone() };
    assert_eq!(cases(&[nobody, other]).len(), 2);
}

#[test]
fn families_that_agree_weigh_more_than_repetition() {
    let one = |key: &str, rule: &str| finding(key, rule, Severity::High, &[H], None, &[]);
    let score = |all: &[Finding]| cases(all)[0].score.total;
    let single = score(&[one("a", "funds/x")]);
    let repeated = score(&(0..40).map(|i| one(&i.to_string(), "funds/x")).collect::<Vec<_>>());
    let agreeing = score(&[one("a", "funds/x"), one("b", "income/y")]);
    assert_eq!((single, repeated, agreeing), (60, 75, 90));
    let parts: Vec<(PartKind, u32)> =
        cases(&[one("a", "funds/x"), one("b", "income/y")])[0].score.parts.iter().map(|p| (p.kind, p.points)).collect();
    assert_eq!(parts, [(PartKind::Severity, 60), (PartKind::Independence, 30)]);
}

#[test]
fn each_record_counts_once() {
    let records = [("1", 100_00), ("2", 300_00)];
    let single = finding("a", "funds/x", Severity::High, &[H], Some(100_00), &records[..1]);
    let group = finding("b", "funds/y", Severity::High, &[H], Some(400_00), &records);
    // Two thirds of the sum: cannot be laid out over the records.
    let lump = finding("c", "funds/z", Severity::High, &[H], Some(250_00), &records);
    let apart = finding("d", "funds/q", Severity::High, &[H], Some(50_00), &[]);
    let total = |findings: &[&Finding]| once(Findings::from(findings.iter().copied().cloned().collect::<Vec<_>>()).briefs().iter());
    assert_eq!(total(&[&single, &single]), Some(100_00));
    assert_eq!(total(&[&single, &group]), Some(400_00));
    assert_eq!(total(&[&single, &lump]), Some(250_00));
    assert_eq!(total(&[&group, &lump]), Some(400_00));
    assert_eq!(total(&[&lump, &lump]), Some(250_00));
    assert_eq!(total(&[&group, &apart, &apart]), Some(500_00));
    assert_eq!(total(&[]), None);
    let mut silent = single.clone();
    silent.amount = None;
    assert_eq!(total(&[&silent]), None);
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let severity = prop::sample::select(vec![Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]);
    let subjects = prop::sample::select(vec![
        vec![("person", "P1")],
        vec![("person", "P1"), ("household", "H1")],
        vec![("person", "P2"), ("household", "H1"), ("account", "A1")],
        vec![("person", "P3"), ("household", "H2")],
        vec![("person", "P3"), ("household", "H3")],
        vec![("person", "P3")],
        vec![("household", "H2")],
        vec![("account", "A1"), ("household", "H1")],
        vec![],
    ]);
    let rule = prop::sample::select(vec!["funds/x", "funds/y", "income/z", "data/q"]);
    let payments = prop::collection::vec((0usize..4, 1i64..100_000), 0..4);
    (severity, subjects, rule, prop::option::of(0i64..300_000), payments, any::<bool>()).prop_map(
        |(severity, subjects, rule, amount, payments, exempt)| {
            let payments: Vec<(&str, i64)> = payments.into_iter().map(|(i, fen)| (["1", "2", "3", "4"][i], fen)).collect();
            Finding { exempt, ..finding("", rule, severity, &subjects, amount, &payments) }
        },
    )
}

/// Findings of several rules with distinct keys, and an order to shuffle them into.
fn runs() -> impl Strategy<Value = (Vec<Finding>, Vec<usize>)> {
    prop::collection::vec(any_finding(), 0..16).prop_flat_map(|mut all| {
        for (i, finding) in all.iter_mut().enumerate() {
            finding.key = format!("{i:04}");
        }
        let order = Just((0..all.len()).collect::<Vec<_>>()).prop_shuffle();
        (Just(all), order)
    })
}

proptest! {
    #[test]
    fn the_order_of_findings_changes_nothing((all, order) in runs()) {
        let shuffled: Vec<Finding> = order.iter().map(|&i| all[i].clone()).collect();
        let mut moved = cases(&shuffled);
        for case in &mut moved {
            for list in [&mut case.findings, &mut case.exempt] {
                list.iter_mut().for_each(|i| *i = order[*i]);
            }
        }
        prop_assert_eq!(moved, cases(&all));
    }

    #[test]
    fn every_flagged_finding_is_in_one_case_and_ranks_fall((all, _) in runs()) {
        let cases = cases(&all);
        let mut seen: Vec<usize> = cases.iter().flat_map(|c| c.findings.iter().copied()).collect();
        seen.sort_unstable();
        let flagged: Vec<usize> = all.iter().enumerate().filter(|(_, f)| !f.exempt).map(|(i, _)| i).collect();
        prop_assert_eq!(seen, flagged);
        prop_assert!(cases.iter().flat_map(|c| &c.exempt).all(|&i| all[i].exempt));
        prop_assert!(cases.windows(2).all(|w| w[0].score.total >= w[1].score.total));
        prop_assert!(cases.iter().all(|c| c.score.total == c.score.parts.iter().map(|p| p.points).sum::<u32>()));
        prop_assert!(cases.iter().zip(1..).all(|(c, rank)| c.rank == rank));
    }

    #[test]
    fn money_lies_between_the_largest_amount_and_the_sum((all, _) in runs()) {
        let stated: Vec<i128> = all.iter().filter_map(|f| f.amount.map(i128::from)).collect();
        let total = once(Findings::from(all).briefs().iter());
        prop_assert_eq!(total.is_some(), !stated.is_empty());
        if let Some(total) = total {
            prop_assert!(total <= stated.iter().sum::<i128>());
            prop_assert!(total >= stated.iter().copied().max().unwrap_or(0));
        }
    }

    #[test]
    fn a_further_finding_never_lowers_a_score((all, _) in runs()) {
        let by_subject = |findings: &[Finding]| cases(findings).into_iter().map(|c| (c.subject, c.score.total)).collect::<std::collections::BTreeMap<_, _>>();
        // Persons may move into a household's case when a finding names it: only household findings here.
        let all: Vec<Finding> = all.into_iter().filter(|f| f.subjects.first().is_some_and(|s| s.entity == "household")).collect();
        if let Some((_, fewer)) = all.split_last() {
            let more = by_subject(&all);
            prop_assert!(by_subject(fewer).iter().all(|(subject, score)| more[subject] >= *score));
        }
    }
}
