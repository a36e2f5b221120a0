//! Parts of a rule that stand for themselves: whether each makes sense and fits the check.

use std::collections::BTreeSet;

use super::say::{TemplatePiece, part, template};
use super::spec::{Report, RuleSpec, texts_of};
use super::{Limits, Validates};
use crate::check::{CheckPlan, UnitKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::Catalog;
use crate::project::Project;

pub(super) fn subject(spec: &RuleSpec) -> Diagnostics {
    let mut problems = Diagnostics::default();
    if spec.subject.is_empty() {
        problems.push(
            Diagnostic::error("missing-subject", format!("rule `{}` does not say whom its findings are about", spec.id.value))
                .at(spec.id.span.clone(), "has no `subject`")
                .help("write e.g. `subject: {household: households.household_id}`"),
        );
    }
    problems
}

pub(super) fn templates(spec: &RuleSpec) -> Result<Vec<(String, Vec<TemplatePiece>)>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut templates = vec![];
    for (language, text) in spec.say.iter().flat_map(texts_of) {
        if let Some(pieces) = problems.take(template(&text)) {
            templates.push((language.to_owned(), pieces));
        }
    }
    problems.finish(templates)
}

pub(super) fn limits(spec: &RuleSpec) -> Result<Limits, Diagnostics> {
    let Some(rate) = spec.limits.as_ref().and_then(|l| l.max_flag_rate.as_ref()) else {
        return Ok(Limits::default());
    };
    match parts_per_million(&rate.value) {
        Some(ppm) => Ok(Limits { max_flag_rate: Some(ppm) }),
        None => Err(Diagnostic::error("bad-rate", format!("`{}` is not a share", rate.value))
            .at(rate.span.clone(), "a percentage from 0% to 100% was wanted")
            .help("write e.g. `5%` or `0.5%`")
            .into()),
    }
}

/// `5%`, `0.25%` as parts per million; at most four decimals, so that nothing is rounded.
fn parts_per_million(text: &str) -> Option<u32> {
    let number = text.trim().strip_suffix('%')?.trim();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || decimals.len() > 4 || !digits(whole) || !digits(decimals) || number.ends_with('.') {
        return None;
    }
    let ppm = format!("{whole}{decimals:0<4}").parse::<u32>().ok()?;
    (ppm <= 1_000_000).then_some(ppm)
}

/// The table whose records the rule may set aside, and by which columns.
pub(super) fn validates(spec: &RuleSpec, check: &CheckPlan, catalog: &Catalog) -> Result<Option<Validates>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut found: Option<Validates> = None;
    for name in &spec.validates {
        let (table_name, column) = name.value.split_once('.').map_or((name.value.as_str(), None), |(t, c)| (t, Some(c)));
        let Some((position, table)) = catalog.table(table_name) else {
            problems.push(
                Diagnostic::error("unknown-table", format!("there is no table `{table_name}`"))
                    .at(name.span.clone(), "not declared in recount.yaml")
                    .suggest(table_name, catalog.tables.iter().map(|t| t.name.as_str())),
            );
            continue;
        };
        if check.kind != UnitKind::Record || check.table != position || table.view_of.is_some() {
            let unit = catalog.tables.get(check.table).map_or("another table", |t| t.name.as_str());
            problems.push(
                Diagnostic::error("validates-other-table", format!("a rule that validates `{table_name}` must judge its records"))
                    .at(name.span.clone(), format!("the units of this rule: {} ({unit})", check.unit))
                    .help(format!("write a `row` or `match` check over the table `{table_name}`")),
            );
            continue;
        }
        let validates = found.get_or_insert_with(|| Validates { rel: table.rel, table: position, columns: BTreeSet::new() });
        match column {
            Some(column) if table.position(column).is_none() => problems.push(
                Diagnostic::error("unknown-column", format!("table `{table_name}` has no column `{column}`"))
                    .at(name.span.clone(), format!("not in `{table_name}`"))
                    .suggest(column, table.columns.iter().map(|c| c.name.as_str())),
            ),
            Some(column) => {
                validates.columns.insert(column.to_owned());
            }
            None if spec.validates.len() > 1 => problems.push(
                Diagnostic::error("validates-twice", "the record as a whole is named beside columns of it")
                    .at(name.span.clone(), "the whole record")
                    .help(format!("write `validates: {table_name}` alone, or columns alone")),
            ),
            None => {}
        }
    }
    problems.finish(found)
}

pub(super) fn report(spec: &RuleSpec, check: &CheckPlan) -> Diagnostics {
    let mut problems = Diagnostics::default();
    if let Some(report) = &spec.report
        && report.value == Report::Record
        && check.kind != UnitKind::Record
    {
        problems.push(
            Diagnostic::error("report-form", "`report: record` needs a check whose units are records")
                .at(report.span.clone(), format!("the unit is a {}", check.unit))
                .help("remove the line, or write `report: group`"),
        );
    }
    problems
}

/// A statistical test says something about an area, an enumerator, an office or an account, never about one person or household.
pub(super) fn subject_of_test(spec: &RuleSpec, check: &CheckPlan) -> Diagnostics {
    let mut problems = Diagnostics::default();
    if check.leads.is_none() {
        return problems;
    }
    for (entity, _) in spec.subject.iter().filter(|(entity, _)| ["person", "household"].contains(&entity.value.as_str())) {
        problems.push(
            Diagnostic::error("subject-of-test", format!("a statistical test says nothing about one {}", entity.value))
                .at(entity.span.clone(), format!("the unit is a {}", check.unit))
                .help("name the area, enumerator, office or account that the groups are: `subject: {area: village}`"),
        );
    }
    problems
}

/// Tables, columns and parameters that the tests name.
pub(super) fn names_in_tests(spec: &RuleSpec, project: &Project) -> Diagnostics {
    let mut problems = Diagnostics::default();
    for test in &spec.tests {
        for (name, rows) in &test.given {
            let Some(table) = project.tables.iter().find(|t| t.name.value == name.value) else {
                let mut problem = Diagnostic::error("unknown-table", format!("there is no table `{}`", name.value))
                    .at(name.span.clone(), "not in recount.yaml");
                problem = if project.views.iter().any(|v| v.name.value == name.value) {
                    problem.help("it is a view: give the rows it is made from")
                } else {
                    problem.suggest(&name.value, project.tables.iter().map(|t| t.name.value.as_str()))
                };
                problems.push(problem);
                continue;
            };
            let header = rows.value.lines().next().unwrap_or_default();
            let mut start = 0;
            for written in header.split(',') {
                let column = written.trim().trim_matches('"');
                if !table.columns.iter().any(|c| c.name.value == column) {
                    problems.push(
                        Diagnostic::error("unknown-column", format!("table `{}` has no column `{column}`", name.value))
                            .at(part(rows, start..start + written.len()), format!("not in `{}`", name.value))
                            .suggest(column, table.columns.iter().map(|c| c.name.value.as_str())),
                    );
                }
                start += written.len() + 1;
            }
        }
        for (name, _) in &test.set {
            if !project.parameters.all.iter().any(|p| p.name == name.value) {
                problems.push(
                    Diagnostic::error("unknown-parameter", format!("there is no parameter `{}`", name.value))
                        .at(name.span.clone(), "not in the parameter files")
                        .suggest(&name.value, project.parameters.all.iter().map(|p| p.name.as_str())),
                );
            }
        }
    }
    problems
}
