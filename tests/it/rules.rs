//! The shipped rules against the sample programme's project file.

use std::path::Path;

use rayon::prelude::*;
use recount::diagnostic::render::{RenderOptions, full};
use recount::diagnostic::{Diagnostics, Spanned};
use recount::engine::{Verdict, run_tests};
use recount::plan::{Catalog, Graph};
use recount::rule::RuleStatus;
use recount::{project, rule, schema};

#[test]
fn the_shipped_rules_read_resolve_and_lint_clean() {
    let (project, files) = shipped();
    assert!(files.len() >= 30, "{} rules", files.len());
    let as_of = schema::dates::days_from_civil(2020, 12, 31);
    let mut graph = Graph::default();
    let catalog = Catalog::build(&project, as_of, &mut graph).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let mut problems = Diagnostics::default();
    for file in &files {
        problems.take(file.tests());
        if let Some(rule) = problems.take(rule::resolve(file, &catalog, &mut graph, &project)) {
            problems.extend(rule.warnings);
        }
    }
    problems.extend(rule::lint(&files, &project, &catalog));
    assert_eq!(problems, Diagnostics::default(), "{}", shown(&problems));
}

/// The sample's project, which declares every table the shipped rules read, and the rule files.
fn shipped() -> (project::Project, Vec<rule::RuleFile>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = project::read(&root.join("sample_data/recount.yaml")).unwrap_or_else(|problems| panic!("{}", shown(&problems)));
    let (files, problems) = rule::read_folders(root, &[Spanned::without_place("rules".into())]);
    assert!(!problems.has_errors(), "{}", shown(&problems));
    (project, files)
}

fn shown(problems: &Diagnostics) -> String {
    full(problems, &RenderOptions::default())
}

#[test]
fn every_test_of_the_shipped_rules_holds() {
    let (project, files) = shipped();
    let results: Vec<_> = files.par_iter().flat_map_iter(|file| run_tests(&project, file)).collect();
    assert!(results.len() >= 3 * files.len(), "{} tests of {} rules", results.len(), files.len());
    let wrong: Vec<String> = results
        .iter()
        .filter(|r| r.verdict != Verdict::Ok)
        .map(|r| {
            let why = match &r.verdict {
                Verdict::Failed(problems) => shown(problems),
                other => format!("{other:?}: {}", r.lines.join("; ")),
            };
            format!("{} / {}: {why}", r.rule, r.test)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// As `recount test --mutate`: a stable rule whose tests stay green when it is changed is refused.
#[test]
fn the_tests_of_stable_rules_notice_every_small_change() {
    let (project, files) = shipped();
    let stable: Vec<_> = files.iter().filter(|f| f.spec.status.as_ref().is_some_and(|s| s.value == RuleStatus::Stable)).collect();
    assert!(stable.len() >= 30, "{} stable rules", stable.len());
    let mutants: Vec<_> = stable.iter().flat_map(|file| rule::mutants(file)).collect();
    let unnoticed: Vec<String> = mutants
        .par_iter()
        .filter(|mutant| run_tests(&project, &mutant.file).iter().all(|r| r.verdict == Verdict::Ok))
        .map(|mutant| format!("{}: {}", mutant.file.id(), mutant.change))
        .collect();
    assert!(mutants.len() >= 5 * stable.len(), "{} changes of {} rules", mutants.len(), stable.len());
    assert!(unnoticed.is_empty(), "no test notices\n{}", unnoticed.join("\n"));
}
