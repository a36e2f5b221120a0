//! Real files as delivered (council payments, hospital records) through the whole program. Skipped where `../shared` is absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use recount::diagnostic::Diagnostics;
use recount::diagnostic::render::{RenderOptions, full};
use recount::engine::{self, Audit, Options, Verdict};
use recount::finding::{EvidenceRow, Finding, Status};
use recount::plan::{Catalog, Graph};
use recount::project::{self, Project};
use recount::rule::{self, RuleFile};
use recount::schema::dates::days_from_civil;

fn home(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

fn good<T>(result: Result<T, Diagnostics>) -> T {
    result.unwrap_or_else(|problems| panic!("{}", full(&problems, &RenderOptions::default())))
}

fn read(folder: &str) -> (Project, Vec<RuleFile>) {
    let root = home(folder);
    let project = good(project::read(&root.join("recount.yaml")));
    let (files, problems) = rule::read_folders(&root, &project.rules);
    assert!(problems.is_empty(), "{}", full(&problems, &RenderOptions::default()));
    (project, files)
}

/// Everything the rule files name is there, and no two of their tests contradict one another.
fn resolves(folder: &str, least: usize) {
    let (project, files) = read(folder);
    let mut graph = Graph::default();
    let catalog = good(Catalog::build(&project, days_from_civil(2020, 12, 31), &mut graph));
    assert!(files.len() >= least, "{} rules", files.len());
    let mut problems = Diagnostics::default();
    for file in &files {
        problems.take(file.tests());
        problems.take(rule::resolve(file, &catalog, &mut graph, &project));
    }
    assert!(!problems.has_errors(), "{}", full(&problems, &RenderOptions::default()));
}

#[test]
fn the_rules_over_council_payments_resolve() {
    resolves("tests/projects/spending", 6);
}

#[test]
fn the_rules_over_hospital_records_resolve() {
    resolves("tests/projects/hospital", 6);
}

#[test]
fn the_nine_rules_of_the_speed_floor_resolve() {
    resolves("benches/floor", 9);
}

fn shared(path: &str) -> Option<PathBuf> {
    let found = home("../shared/data").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: {} is absent", found.display());
    None
}

fn audited(folder: &str) -> Audit {
    let (project, files) = read(folder);
    let options = Options { evidence_rows: 100_000, ..Options::new(days_from_civil(2020, 12, 31), [0; 32]) };
    let audit = good(engine::audit(&project, &files, &options));
    for outcome in &audit.outcomes {
        assert_eq!(outcome.status, Status::Completed, "{}: {}", outcome.rule, full(&audit.messages, &RenderOptions::default()));
        let parts = [&outcome.flagged, &outcome.clear, &outcome.exempt, &outcome.not_assessable];
        assert_eq!(parts.iter().map(|c| c.units).sum::<u64>(), outcome.population.units, "{}", outcome.rule);
    }
    audit
}

fn flagged(audit: &Audit, rule: &str) -> u64 {
    audit.outcomes.iter().find(|o| o.rule == rule).unwrap_or_else(|| panic!("no outcome of {rule}")).flagged.units
}

fn of<'a>(audit: &'a Audit, rule: &'a str) -> impl Iterator<Item = Finding> + 'a {
    audit.findings.iter().filter(move |f| f.rule == rule)
}

fn delivered(row: &EvidenceRow, column: &str) -> String {
    row.cells.iter().find(|c| c.column == column).and_then(|c| c.delivered.clone()).unwrap_or_default()
}

#[test]
fn council_payments_give_the_known_figures() {
    if shared("spending").is_none() {
        return;
    }
    let audit = audited("tests/projects/spending");
    assert_eq!(audit.loaded.receipt.iter().map(|r| r.rows).sum::<u64>(), 61_529);
    let known = [
        ("spending/same-supplier-amount-date", 3_099),
        ("spending/same-supplier-id-amount-date", 3_028),
        ("spending/amount-missing", 1),
        ("spending/amount-not-positive", 85),
        ("spending/below-publication-limit", 11_556),
        ("spending/date-damaged", 3_836),
        ("spending/supplier-missing", 201),
        ("spending/transaction-twice", 2),
        ("spending/split-under-limit", 283),
        ("spending/round-amount", 168),
        ("spending/many-payments-to-one", 7),
    ];
    for (rule, units) in known {
        assert_eq!(flagged(&audit, rule), units, "{rule}");
    }

    // Names are trimmed when they are read, which joins one group; of the cells as delivered 3,098 groups agree.
    let mut groups = 0;
    for finding in of(&audit, "spending/same-supplier-amount-date") {
        assert_eq!(finding.evidence_omitted, 0);
        let mut exact: BTreeMap<(String, String, String), u32> = BTreeMap::new();
        for row in &finding.evidence {
            *exact.entry((delivered(row, "supplier"), delivered(row, "amount_text"), delivered(row, "paid_text"))).or_default() += 1;
        }
        groups += exact.values().filter(|n| **n > 1).count();
    }
    assert_eq!(groups, 3_098);

    // The one amount that does not parse: an empty cell in the last line of a file.
    let missing: Vec<Finding> = of(&audit, "spending/amount-missing").collect();
    let row = &missing[0].evidence[0];
    assert!(row.file.ends_with("expenditure-over-500-jan-mar-2014.csv"), "{}", row.file);
    assert_eq!(row.line, 3_861);
}

#[test]
fn hospital_records_violate_the_known_pairs() {
    let Some(truth) = shared("errors/hospital/truth.ref.json") else { return };
    let truth: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(truth).unwrap()).unwrap();
    let audit = audited("tests/projects/hospital");
    let (_, files) = read("tests/projects/hospital");
    let rules = truth["rules"].as_array().unwrap();
    assert_eq!(files.len(), rules.len());
    for constraint in rules {
        let text = constraint["rule"].as_str().unwrap();
        let file = files.iter().find(|f| f.spec.basis[0].source.value == text).unwrap_or_else(|| panic!("no rule for {text}"));
        assert_eq!(flagged(&audit, file.id()), constraint["tuples_in_violation"].as_u64().unwrap(), "{text}");
        // Every pair is evidence of both of its records.
        let others: u64 = of(&audit, file.id()).map(|f| f.evidence.len() as u64 - 1 + f.evidence_omitted).sum();
        assert_eq!(others, 2 * constraint["unordered_violating_pairs"].as_u64().unwrap(), "{text}");
    }
}

/// The tests written in the rule files of a project hold.
fn own_tests_pass(folder: &str) {
    let (project, files) = read(folder);
    let mut told = String::new();
    for result in files.iter().flat_map(|file| engine::run_tests(&project, file)) {
        if let Verdict::Failed(problems) = &result.verdict {
            told.push_str(&format!("{} / {}:\n{}\n", result.rule, result.test, full(problems, &RenderOptions::default())));
        } else if result.verdict != Verdict::Ok {
            told.push_str(&format!("{} / {}: {:?}\n  {}\n", result.rule, result.test, result.verdict, result.lines.join("\n  ")));
        }
    }
    assert!(told.is_empty(), "{told}");
}

#[test]
fn the_tests_of_the_rules_over_council_payments_pass() {
    own_tests_pass("tests/projects/spending");
}

#[test]
fn the_tests_of_the_rules_over_hospital_records_pass() {
    own_tests_pass("tests/projects/hospital");
}

#[test]
fn the_tests_of_the_nine_floor_rules_pass() {
    own_tests_pass("benches/floor");
}
