//! `recount test`: the tests that stand in rule files, and whether they would notice a changed rule.

use super::args::TestArgs;
use super::output::{Side, columns, print};
use super::session::plural;
use super::{Exit, Session, clock, rules};
use crate::diagnostic::Diagnostics;
use crate::engine::{TestResult, Verdict, run_tests};
use crate::project::Project;
use crate::rule::{self, RuleFile, RuleStatus};

pub(super) fn test(arguments: &TestArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let project = session.project()?;
    let (files, unusable) = rules::read(&project, &arguments.rules, clock::today(&project.time_zone))?;
    let mut exit = if rules::tell(session, &unusable) { Exit::Incomplete } else { Exit::Done };
    let results: Vec<TestResult> = files.iter().flat_map(|file| run_tests(&project, file)).collect();
    for result in &results {
        if let Verdict::Failed(problems) = &result.verdict {
            session.tell(problems);
        }
    }
    print(&table(&results))?;
    let of = |word: &str| results.iter().filter(|r| verdict(&r.verdict) == word).count();
    let counts: Vec<String> = ["ok", "noisy", "missing", "wrong", "failed"].iter().map(|w| format!("{} {w}", of(w))).collect();
    print(&format!("{} of {}: {}\n", plural(results.len(), "test"), plural(files.len(), "rule"), counts.join(", ")))?;
    if of("ok") < results.len() {
        exit = exit.max(Exit::Gate);
    }
    if arguments.mutate {
        exit = exit.max(mutate(&project, &files)?);
    }
    Ok(exit)
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Noisy => "noisy",
        Verdict::Missing => "missing",
        Verdict::Wrong => "wrong",
        Verdict::Failed(_) => "failed",
    }
}

fn table(results: &[TestResult]) -> String {
    let rows: Vec<Vec<String>> = results.iter().map(|r| vec![verdict(&r.verdict).to_string(), r.rule.clone(), r.test.clone()]).collect();
    let laid_out = columns(&[Side::Left, Side::Left, Side::Left], &rows);
    let mut out = String::new();
    for (line, result) in laid_out.lines().zip(results) {
        out.push_str(line);
        out.push('\n');
        for difference in &result.lines {
            out.push_str(&format!("         {difference}\n"));
        }
    }
    out
}

/// A stable rule whose tests stay green when it is changed has not shown what it claims.
fn mutate(project: &Project, files: &[RuleFile]) -> Result<Exit, Diagnostics> {
    let (mut tried, mut survivors) = (0, Vec::new());
    for file in files.iter().filter(|f| f.spec.status.as_ref().is_some_and(|s| s.value == RuleStatus::Stable)) {
        for mutant in rule::mutants(file) {
            let results = run_tests(project, &mutant.file);
            // A variant that does not even resolve says nothing about the tests.
            if results.iter().any(|r| matches!(r.verdict, Verdict::Failed(_))) {
                continue;
            }
            tried += 1;
            if results.iter().all(|r| r.verdict == Verdict::Ok) {
                survivors.push(vec!["unnoticed".to_string(), file.id().to_string(), mutant.change]);
            }
        }
    }
    print(&columns(&[Side::Left, Side::Left, Side::Left], &survivors))?;
    print(&format!("{} tried, {} not noticed by any test\n", plural(tried, "change"), survivors.len()))?;
    Ok(if survivors.is_empty() { Exit::Done } else { Exit::Gate })
}
