//! Real files as delivered (council payments, hospital records) through the whole program. Skipped where `../shared` is absent.

use std::path::{Path, PathBuf};

use recount::diagnostic::Diagnostics;
use recount::diagnostic::render::{RenderOptions, full};
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
