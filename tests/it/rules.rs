//! The shipped rules against the sample programme's project file.

use std::path::Path;

use recount::diagnostic::render::{RenderOptions, full};
use recount::diagnostic::{Diagnostics, Spanned};
use recount::plan::{Catalog, Graph};
use recount::{project, rule, schema};

#[test]
fn the_shipped_rules_read_resolve_and_lint_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let options = RenderOptions::default();
    let project = project::read(&root.join("sample_data/recount.yaml")).unwrap_or_else(|problems| panic!("{}", full(&problems, &options)));
    let as_of = schema::dates::days_from_civil(2020, 12, 31);
    let mut graph = Graph::default();
    let catalog = Catalog::build(&project, as_of, &mut graph).unwrap_or_else(|problems| panic!("{}", full(&problems, &options)));
    let (files, mut problems) = rule::read_folders(root, &[Spanned::without_place("rules".into())]);
    assert!(files.len() >= 30, "{} rules", files.len());
    for file in &files {
        problems.take(file.tests());
        if let Some(rule) = problems.take(rule::resolve(file, &catalog, &mut graph, &project)) {
            problems.extend(rule.warnings);
        }
    }
    problems.extend(rule::lint(&files, &project, &catalog));
    assert_eq!(problems, Diagnostics::default(), "{}", full(&problems, &options));
}

#[test]
fn every_test_of_the_shipped_rules_holds() {
    use rayon::prelude::*;
    use recount::engine::{Verdict, run_tests};

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let options = RenderOptions::default();
    let project = project::read(&root.join("sample_data/recount.yaml")).unwrap_or_else(|problems| panic!("{}", full(&problems, &options)));
    let (files, _) = rule::read_folders(root, &[Spanned::without_place("rules".into())]);
    let results: Vec<_> = files.par_iter().flat_map_iter(|file| run_tests(&project, file)).collect();
    assert!(results.len() >= 3 * files.len(), "{} tests of {} rules", results.len(), files.len());
    let wrong: Vec<String> = results
        .iter()
        .filter(|r| r.verdict != Verdict::Ok)
        .map(|r| {
            let why = match &r.verdict {
                Verdict::Failed(problems) => full(problems, &options),
                other => format!("{other:?}: {}", r.lines.join("; ")),
            };
            format!("{} / {}: {why}", r.rule, r.test)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
