//! The whole way of the sample programme: load, judge, findings, score; the same bytes whatever the threads and the order of the rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use recount::diagnostic::render::{RenderOptions, full};
use recount::diagnostic::{Diagnostics, Spanned};
use recount::engine::{Audit, Options, audit};
use recount::finding::Status;
use recount::synth::{SynthOptions, Truth, score, write};
use recount::{project, rule, schema};

fn shown(problems: &Diagnostics) -> String {
    full(problems, &RenderOptions::default())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn run(project_file: &Path) -> Audit {
    run_with(project_file, |_| {})
}

fn run_with(project_file: &Path, change: impl FnOnce(&mut Options<'_>)) -> Audit {
    let project = project::read(project_file).unwrap_or_else(|p| panic!("{}", shown(&p)));
    let (files, problems) = rule::read_folders(&root(), &[Spanned::without_place("rules".into())]);
    assert!(!problems.has_errors(), "{}", shown(&problems));
    let as_of = schema::dates::days_from_civil(2020, 12, 31);
    let mut options = Options::new(as_of, [7; 32]);
    change(&mut options);
    audit(&project, &files, &options).unwrap_or_else(|p| panic!("{}", shown(&p)))
}

#[test]
fn rules_one_by_one_find_the_same() {
    let together = run(&root().join("sample_data/recount.yaml"));
    let alone = run_with(&root().join("sample_data/recount.yaml"), |options| options.one_by_one = true);
    assert_eq!(together.findings, alone.findings);
    let counts = |audit: &Audit| {
        audit.outcomes.iter().map(|o| (o.rule.clone(), o.population, o.flagged, o.clear, o.not_assessable)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&together), counts(&alone));
    // Together, nodes are built once for all rules that use them; alone, again for each.
    let nodes = |audit: &Audit| audit.profile.iter().filter(|n| !n.name.contains(" over ")).count();
    assert!(nodes(&together) * 3 < nodes(&alone) * 2, "{} {}", nodes(&together), nodes(&alone));
}

#[test]
fn a_run_in_parts_finds_the_same_whatever_the_memory() {
    let whole = run(&root().join("sample_data/recount.yaml"));
    let store = tempfile::tempdir().expect("a temporary folder");
    let mut counts = std::collections::BTreeSet::new();
    for memory in [16_000_000u64, 8_000_000, 5_000_000] {
        let parts = run_with(&root().join("sample_data/recount.yaml"), |options| {
            options.memory = Some(memory);
            options.store = Some(store.path().to_owned());
        });
        for (a, b) in whole.outcomes.iter().zip(&parts.outcomes) {
            assert_eq!(a, b, "{memory}");
        }
        assert_eq!(whole.findings.len(), parts.findings.len());
        for (a, b) in whole.findings.iter().zip(parts.findings.iter()) {
            assert_eq!(a, b, "{memory}");
        }
        assert_eq!(whole.populations, parts.populations, "{memory}");
        assert_eq!(whole.loaded.receipt, parts.loaded.receipt, "{memory}");
        counts.extend(parts.profile.iter().filter_map(|n| n.name.split_once("(in ")?.1.split_once(' ')?.0.parse::<usize>().ok()));
    }
    assert!(counts.len() > 2 && counts.last().is_some_and(|n| *n >= 6), "{counts:?}");
}

/// Every planted case found, no innocent look-alike flagged by a rule without its exemption saying why.
fn assert_score(audit: &Audit, truth: &Path) {
    let truth = Truth::read(truth).unwrap_or_else(|p| panic!("{}", shown(&p)));
    let covers: BTreeMap<String, Vec<String>> = audit.rules.iter().map(|r| (r.id.clone(), r.covers.clone())).collect();
    let score = score(&audit.findings.to_vec(), &covers, &truth);
    for kind in score.kinds.iter().filter(|k| k.covered) {
        assert!(kind.recall.is_none_or(|r| r >= 0.95), "{}: {:?} missed\n{score}", kind.kind, kind.missed);
        assert_eq!(kind.lookalikes_flagged, 0, "{}: {:?} flagged", kind.kind, kind.wrong);
    }
    assert!(score.totals.covered >= 30, "{} kinds are covered", score.totals.covered);
}

#[test]
fn the_sample_adds_up_and_finds_what_was_planted() {
    let audit = run(&root().join("sample_data/recount.yaml"));
    for outcome in &audit.outcomes {
        assert_eq!(outcome.status, Status::Completed, "{}", outcome.rule);
        let sum = outcome.flagged.units + outcome.clear.units + outcome.exempt.units + outcome.not_assessable.units;
        assert_eq!(sum, outcome.population.units, "{}", outcome.rule);
        if let Some(money) = outcome.population.money {
            let parts = [&outcome.flagged, &outcome.clear, &outcome.exempt, &outcome.not_assessable];
            assert_eq!(parts.iter().filter_map(|c| c.money).sum::<i128>(), money, "{}", outcome.rule);
        }
    }
    assert_score(&audit, &root().join("sample_data/truth.csv"));
}

#[test]
fn a_fresh_programme_is_found_out_too() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(&SynthOptions::new(900, 4, 20_261), dir.path()).unwrap_or_else(|p| panic!("{}", shown(&p)));
    let audit = run(&dir.path().join("recount.yaml"));
    assert_score(&audit, &dir.path().join("truth.csv"));
}

/// A copy of the sample whose rows stand in another order, in files with other names where a glob allows them.
fn shuffled(to: &Path) {
    let from = root().join("sample_data");
    for folder in ["data", "policy"] {
        std::fs::create_dir_all(to.join(folder)).expect("a folder");
        for entry in std::fs::read_dir(from.join(folder)).expect("the sample").map(|e| e.expect("an entry").path()) {
            let name = entry.file_name().expect("a name").to_owned();
            let bytes = std::fs::read(&entry).expect("a file");
            let text = String::from_utf8(bytes.clone());
            let bytes = match text {
                // Quoted line breaks would be torn apart: such a file stays as it is.
                Ok(text) if folder == "data" && !text.contains('"') => {
                    let mut lines: Vec<&str> = text.lines().collect();
                    lines[1..].reverse();
                    let middle = lines.len() / 3;
                    lines[1..].rotate_left(middle);
                    (lines.join("\n") + "\n").into_bytes()
                }
                _ => bytes,
            };
            std::fs::write(to.join(folder).join(name), bytes).expect("written");
        }
    }
    std::fs::copy(from.join("recount.yaml"), to.join("recount.yaml")).expect("copied");
}

#[test]
fn the_order_of_the_rows_and_the_number_of_threads_change_nothing_but_the_lines() {
    let plain = run(&root().join("sample_data/recount.yaml"));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    let alone = one.install(|| run(&root().join("sample_data/recount.yaml")));
    assert_eq!(plain.findings, alone.findings);
    assert_eq!(plain.outcomes, alone.outcomes);

    let dir = tempfile::tempdir().expect("a temporary folder");
    shuffled(dir.path());
    let mut other = run(&dir.path().join("recount.yaml")).findings.to_vec();
    let mut findings = plain.findings.to_vec();
    for finding in findings.iter_mut().chain(&mut other) {
        for row in &mut finding.evidence {
            (row.file, row.line) = ("".into(), 0);
        }
    }
    assert_eq!(findings.len(), other.len());
    for (a, b) in findings.iter().zip(&other) {
        assert_eq!(a, b);
    }
}

#[test]
fn the_flag_hash_of_a_pair_follows_its_register() {
    // Two findings of one rule over registers differ in what decides them, though both units are payments of one amount.
    let audit = run(&root().join("sample_data/recount.yaml"));
    let hashes: Vec<(Vec<recount::finding::Figure>, String)> =
        audit.findings.iter().filter(|f| f.rule == "funds/payment-after-death").map(|f| (f.figures, f.flag_hash)).collect();
    for (figures, hash) in &hashes {
        assert!(hashes.iter().all(|(other, h)| h != hash || other == figures), "one flag hash for different figures");
    }
    assert!(hashes.len() > 5);
}
