//! Runs the tests that stand in rule files: small tables, who must be flagged, exempt, not assessable, and nobody else.

use std::collections::BTreeSet;

use super::prepare::{Prepared, Resolved};
use super::{Options, judge};
use crate::diagnostic::Diagnostics;
use crate::finding::{Drawer, Finding, Status};
use crate::project::Project;
use crate::rule::{RuleFile, RuleTest};
use crate::schema::{self, Value};
use crate::table;

/// How a test of a rule ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// Units were flagged (or exempt, or not assessable) that should not be.
    Noisy,
    /// Units that should be are not.
    Missing,
    /// Both, or the wrong outcome for a unit.
    Wrong,
    /// The test could not run.
    Failed(Diagnostics),
}

#[derive(Debug, Clone)]
pub struct TestResult {
    pub rule: String,
    pub test: String,
    pub verdict: Verdict,
    /// What was wanted and found, line by line, when they differ.
    pub lines: Vec<String>,
}

/// Runs all tests of `file`; one result per test.
pub fn run_tests(project: &Project, file: &RuleFile) -> Vec<TestResult> {
    let tests = match file.tests() {
        Ok(tests) => tests,
        Err(problems) => {
            return vec![TestResult { rule: file.id().to_owned(), test: String::new(), verdict: Verdict::Failed(problems), lines: vec![] }];
        }
    };
    tests.iter().map(|test| run_test(project, file, test)).collect()
}

fn run_test(project: &Project, file: &RuleFile, test: &RuleTest) -> TestResult {
    let result = |verdict, lines| TestResult { rule: file.id().to_owned(), test: test.name.clone(), verdict, lines };
    match findings(project, file, test) {
        Ok((findings, not_assessable)) => {
            let keys = |exempt: bool| -> BTreeSet<String> {
                findings.iter().filter(|f| f.exempt == exempt).flat_map(|f| own_keys(f, test)).collect()
            };
            let sides = [
                ("flagged", test.flags.iter().cloned().collect(), keys(false)),
                ("exempt", test.exempt.iter().cloned().collect(), keys(true)),
            ];
            let (mut noisy, mut missing, mut lines) = (false, false, vec![]);
            for (name, wanted, found) in &sides {
                let (wanted, found): (&BTreeSet<String>, &BTreeSet<String>) = (wanted, found);
                for key in found.difference(wanted) {
                    noisy = true;
                    lines.push(format!("{key} is {name} and should not be"));
                }
                for key in wanted.difference(found) {
                    missing = true;
                    lines.push(format!("{key} should be {name} and is not"));
                }
            }
            if let Some(wanted) = test.not_assessable.as_ref().map(|units| units.len() as u64).filter(|n| *n != not_assessable) {
                missing |= not_assessable < wanted;
                noisy |= not_assessable > wanted;
                lines.push(format!("{wanted} units should be not assessable and {not_assessable} are"));
            }
            let verdict = match (noisy, missing) {
                (false, false) => Verdict::Ok,
                (true, false) => Verdict::Noisy,
                (false, true) => Verdict::Missing,
                (true, true) => Verdict::Wrong,
            };
            result(verdict, lines)
        }
        Err(problems) => result(Verdict::Failed(problems), vec![]),
    }
}

fn findings(project: &Project, file: &RuleFile, test: &RuleTest) -> Result<(Vec<Finding>, u64), Diagnostics> {
    let mut project = project.clone();
    for (name, value) in &test.set {
        project.parameters.set(name, value)?;
    }
    let as_of = test.as_of.unwrap_or_else(|| latest(&project, test));
    let mut file = file.clone();
    file.overlays.clear();
    let mut prepared = Prepared::new(&project, std::slice::from_ref(&file), as_of, None)?;
    if let Some((_, _, Resolved::Failed(problems))) = prepared.rules.first() {
        return Err(problems.clone());
    }
    for (_, _, resolved) in &mut prepared.rules {
        if let Resolved::Ready(rule) = resolved {
            rule.limits.max_flag_rate = None;
        }
    }
    let loaded = table::from_text(&project, &test.given, &prepared.needs())?;
    let part = judge::judge(&project, &prepared, &loaded, &Options::new(as_of, [0; 32]), &prepared.all(), &Drawer::default())?;
    let audit = super::finish(prepared, loaded, part);
    let Some(outcome) = audit.outcomes.first() else { return Err(Diagnostics::default()) };
    match &outcome.status {
        Status::Failed { reason } | Status::Skipped { reason } => {
            Err(crate::diagnostic::Diagnostic::error("rule-did-not-run", reason.clone()).into())
        }
        _ => Ok((audit.findings.to_vec(), outcome.not_assessable.units)),
    }
}

/// The records a finding is about: the unit's own, else (for a group) all its members, else the subject.
fn own_keys(finding: &Finding, test: &RuleTest) -> Vec<String> {
    let key = |row: &crate::finding::EvidenceRow| {
        let parts: Vec<String> = row.key.iter().map(|(_, value)| schema::format(value)).collect();
        if parts.is_empty() { row.line.to_string() } else { parts.join("/") }
    };
    let wanted: BTreeSet<&String> = test.flags.iter().chain(&test.exempt).collect();
    let own: Vec<String> = finding.evidence.iter().filter(|r| r.role == "record").map(key).collect();
    // A unit that is one period of a record may be named with it.
    let of_period = |key: &String| Some(format!("{key}/{}", schema::format(finding.period.as_ref()?)));
    let periods: Vec<String> = own.iter().filter_map(of_period).collect();
    if periods.iter().any(|p| wanted.contains(p)) {
        return periods;
    }
    if !own.is_empty() {
        return own;
    }
    // A group or area: named by a member record or by its subject, whichever the test uses.
    let members: Vec<String> = finding.evidence.iter().map(key).collect();
    let subject = finding.subjects.first().map(|s| schema::format(&s.value));
    match subject {
        Some(subject) if wanted.contains(&subject) || members.is_empty() => vec![subject],
        _ => members,
    }
}

/// The latest date that stands in the test's tables: what an audit of just these records would be as of.
fn latest(project: &Project, test: &RuleTest) -> i32 {
    let mut latest = None;
    for (name, text) in &test.given {
        let Some(table) = project.tables.iter().find(|t| t.name.value == *name) else { continue };
        let mut lines = text.value.lines();
        let header: Vec<&str> = lines.next().unwrap_or("").split(',').map(str::trim).collect();
        for line in lines {
            for (cell, column) in line.split(',').zip(&header) {
                let semantic = table.columns.iter().find(|c| c.name.value == *column).map(|c| &c.semantic);
                if let Some(crate::schema::SemanticType::Date) = semantic
                    && let Ok(parsed) = schema::parse(cell, &crate::schema::SemanticType::Date)
                    && let Value::Date(day) = parsed.value
                {
                    latest = latest.max(Some(day));
                }
            }
        }
    }
    latest.unwrap_or(0)
}
