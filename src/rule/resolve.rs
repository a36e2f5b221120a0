//! Spec -> [`Rule`]: everything a rule names becomes an expression of the graph; all that is wrong is said at once.

use std::collections::BTreeMap;

use super::folder::RuleFile;
use super::say::{TemplatePiece, part, template};
use super::spec::{ExemptSpec, Report, RuleSpec, SeveritySpec, texts_of};
use super::{Basis, Exemption, Limits, Rule, RuleStatus, RuleText, SayPiece};
use crate::check::{CheckPlan, Flag, Planner, UnitKind};
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::finding::Severity;
use crate::plan::{self, Catalog, ExprId, Graph, RelId, RowRef, RowSet, Scope, SetId, Slot, Want};
use crate::project::Project;
use crate::schema::Type;

impl RuleFile {
    /// What the rule says besides its logic.
    pub fn rule_text(&self) -> RuleText {
        let spec = &self.spec;
        RuleText {
            id: spec.id.value.clone(),
            title: spec.title.value.localised(),
            status: spec.status.as_ref().map_or(RuleStatus::Draft, |s| s.value),
            why: spec.why.as_ref().map(|t| t.value.localised()),
            basis: spec
                .basis
                .iter()
                .map(|b| Basis {
                    source: b.source.value.clone(),
                    clause: b.clause.as_ref().map(|c| c.value.clone()),
                    says: b.says.as_ref().map(|t| t.value.localised()),
                })
                .collect(),
            innocent: spec.innocent.iter().map(|t| t.value.localised()).collect(),
            next_step: spec.next_step.as_ref().map(|t| t.value.localised()),
            covers: spec.covers.iter().map(|c| c.value.clone()).collect(),
        }
    }
}

/// Resolves a rule against the tables and parameters of `catalog`; its expressions become nodes of `graph`.
///
/// # Errors
/// Everything in the file that names nothing, has the wrong type or makes no sense together.
pub fn resolve(file: &RuleFile, catalog: &Catalog, graph: &mut Graph, project: &Project) -> Result<Rule, Diagnostics> {
    let spec = &file.spec;
    let mut problems = Diagnostics::default();
    let limits = problems.take(limits(spec)).unwrap_or_default();
    problems.extend(subject(spec));
    let templates = problems.take(templates(spec)).unwrap_or_default();
    let group = spec.report.as_ref().is_some_and(|r| r.value == Report::Group);
    let mut planner = Planner::new(catalog, graph).reporting_groups(group);
    let check = problems.take(spec.check.value.plan(&mut planner));
    problems.extend(planner.messages);
    let Some(check) = check else {
        return Err(problems);
    };
    let mut names = Resolver { catalog, graph, scope: &check.scope, problems };

    let severity = names.severity(&spec.severity);
    let subjects: Vec<(String, ExprId)> =
        spec.subject.iter().filter_map(|(entity, key)| names.expression(key, Want::Key).map(|key| (entity.value.clone(), key))).collect();
    let amount = spec.amount.as_ref().map(|text| names.expression(text, Want::Type(Type::Money)));
    let measure = spec.measure.as_ref().map(|text| names.measure(text));
    let mut say = BTreeMap::new();
    for (language, pieces) in templates {
        let pieces = pieces
            .into_iter()
            .filter_map(|piece| match piece {
                TemplatePiece::Text(text) => Some(SayPiece::Text(text)),
                TemplatePiece::Expression(text) => names.expression(&text, Want::Any).map(SayPiece::Value),
            })
            .collect();
        say.insert(language, pieces);
    }
    let decisive: Vec<ExprId> = spec.decisive.iter().filter_map(|text| names.expression(text, Want::Any)).collect();
    let exempt: Vec<Exemption> = spec.exempt.iter().filter_map(|e| names.exemption(e, &check)).collect();
    let mut problems = names.problems;
    let validates = problems.take(validates(spec, &check, catalog)).flatten();
    problems.extend(report(spec, &check));
    problems.extend(names_in_tests(spec, project));

    let amount = amount.unwrap_or(check.amount);
    let measure = measure.unwrap_or(check.measure);
    let figures = check.figures.clone();
    let decisive = if decisive.is_empty() { default_decisive(&figures, amount, measure) } else { decisive };
    let unit_table = catalog.tables.get(check.table).filter(|table| table.rel == check.rel);
    let rule = Rule {
        text: file.rule_text(),
        path: file.path.clone(),
        file: file.text.clone(),
        family: file.pack().to_owned(),
        severity,
        subjects,
        amount,
        measure,
        exempt,
        say,
        figures,
        decisive,
        region: check.scope.place.or(unit_table.and_then(|t| t.region)),
        date: check.scope.at.or(unit_table.and_then(|t| t.date)),
        report: spec.report.as_ref().map(|r| r.value),
        limits,
        validates,
        overlays: file.overlays.iter().map(|change| change.in_words()).collect(),
        warnings: Diagnostics::default(),
        check,
    };
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(Rule { warnings: problems, ..rule })
}

/// Parses expressions in the scope of one check and gathers what is wrong.
struct Resolver<'a> {
    catalog: &'a Catalog,
    graph: &'a mut Graph,
    scope: &'a Scope,
    problems: Diagnostics,
}

impl Resolver<'_> {
    fn expression(&mut self, text: &Spanned<String>, want: Want) -> Option<ExprId> {
        let parsed = plan::parse(text, self.scope, self.catalog, self.graph, want);
        self.problems.take(parsed)
    }

    fn measure(&mut self, text: &Spanned<String>) -> Option<ExprId> {
        let measure = self.expression(text, Want::Any)?;
        if matches!(self.graph.type_of(measure), Type::Int | Type::Decimal(_) | Type::Money | Type::Date | Type::Month) {
            return Some(measure);
        }
        self.problems.push(
            Diagnostic::error("measure-type", "the measure ranks findings, and this has no size")
                .at(text.span.clone(), "a number, money, a date or a month was wanted")
                .help("write e.g. the days late, the amount or a count"),
        );
        None
    }

    fn severity(&mut self, spec: &Spanned<SeveritySpec>) -> Vec<(Severity, Option<ExprId>)> {
        let steps = match &spec.value {
            SeveritySpec::Word(severity) => return vec![(*severity, None)],
            SeveritySpec::Steps(steps) => steps,
        };
        let mut resolved = vec![];
        for (i, step) in steps.iter().enumerate() {
            let Some(severity) = super::spec::severity(&step.severity.value) else {
                self.problems.push(
                    Diagnostic::error("unknown-severity", format!("`{}` is no severity", step.severity.value))
                        .at(step.severity.span.clone(), "one of info, low, medium, high, critical was wanted")
                        .suggest(&step.severity.value, super::spec::SEVERITIES.iter().map(|(name, _)| *name)),
                );
                continue;
            };
            let last = i + 1 == steps.len();
            let otherwise = step.when.value.trim() == "otherwise";
            if otherwise != last {
                self.problems.push(
                    Diagnostic::error(
                        "severity-steps",
                        if last { "the last severity step has a condition" } else { "`otherwise` is not the last severity step" },
                    )
                    .at(step.when.span.clone(), if last { "`otherwise` was wanted" } else { "steps after it are never tried" })
                    .help("end the steps with `{low: otherwise}` (or another severity), so that every finding has one"),
                );
            }
            if otherwise {
                resolved.push((severity, None));
            } else if let Some(when) = self.expression(&step.when, Want::Bool) {
                resolved.push((severity, Some(when)));
            }
        }
        if steps.is_empty() {
            self.problems.push(
                Diagnostic::error("severity-steps", "there are no severity steps")
                    .at(spec.span.clone(), "empty")
                    .help("write a word: `severity: medium`"),
            );
        }
        resolved
    }

    fn exemption(&mut self, spec: &ExemptSpec, check: &CheckPlan) -> Option<Exemption> {
        let says = spec.says.value.localised();
        match (&spec.when, &spec.drop) {
            (Some(when), None) => Some(Exemption { when: self.expression(when, Want::Bool)?, drop: false, says }),
            (None, Some(drop)) => {
                let Some(scope) = member_scope(check, self.catalog, self.graph) else {
                    self.problems.push(
                        Diagnostic::error(
                            "drop-without-group",
                            "`drop` takes records out of a group, and the unit of this check has no member records",
                        )
                        .at(drop.span.clone(), format!("the unit is a {}", check.unit))
                        .help("write `when:` to exempt the finding as a whole"),
                    );
                    return None;
                };
                let parsed = plan::parse(drop, &scope, self.catalog, self.graph, Want::Bool);
                Some(Exemption { when: self.problems.take(parsed)?, drop: true, says })
            }
            (when, drop) => {
                let place = when.as_ref().or(drop.as_ref()).map_or(&spec.says.span, |text| &text.span);
                self.problems.push(
                    Diagnostic::error("exemption-form", "an exemption has either `when` or `drop`")
                        .at(place.clone(), if when.is_some() { "both are given" } else { "neither is given" })
                        .help("`when` judges the finding, `drop` takes a record out of the group and judges the group again"),
                );
                None
            }
        }
    }
}

/// Scope of `drop`: the member record beside the names of the unit.
fn member_scope(check: &CheckPlan, catalog: &Catalog, graph: &Graph) -> Option<Scope> {
    if matches!(check.flag, Flag::Pairs(_)) {
        return None;
    }
    let members = check.members.first()?;
    let rel = member_rel(members.set, catalog, graph)?;
    let mut scope = check.scope.clone();
    for slot in &mut scope.slots {
        slot.bare = false;
    }
    let names = catalog.table_of(rel).map(|(_, table)| table.name.clone()).into_iter().chain([members.role.clone()]).collect();
    scope.slots.insert(0, Slot { names, rel, row: RowRef::slot(members.inner), bare: true, members: vec![] });
    Some(scope)
}

fn member_rel(set: SetId, catalog: &Catalog, graph: &Graph) -> Option<RelId> {
    match graph.get_set(set) {
        RowSet::Back(link) => catalog.links.get(link.index()).and_then(|l| catalog.tables.get(l.source)).map(|t| t.rel),
        RowSet::Members { groups, part } => match graph.get_rel(*groups) {
            plan::Rel::Groups { parts } => parts.get(*part).map(|p| p.of),
            _ => None,
        },
        RowSet::Matching { other, .. } => Some(other.of),
    }
}

fn default_decisive(figures: &[(String, ExprId)], amount: Option<ExprId>, measure: Option<ExprId>) -> Vec<ExprId> {
    let mut decisive: Vec<ExprId> = vec![];
    for expr in figures.iter().map(|(_, expr)| *expr).chain(amount).chain(measure) {
        if !decisive.contains(&expr) {
            decisive.push(expr);
        }
    }
    decisive
}

fn subject(spec: &RuleSpec) -> Diagnostics {
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

fn templates(spec: &RuleSpec) -> Result<Vec<(String, Vec<TemplatePiece>)>, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut templates = vec![];
    for (language, text) in spec.say.iter().flat_map(texts_of) {
        if let Some(pieces) = problems.take(template(&text)) {
            templates.push((language.to_owned(), pieces));
        }
    }
    problems.finish(templates)
}

fn limits(spec: &RuleSpec) -> Result<Limits, Diagnostics> {
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

fn validates(spec: &RuleSpec, check: &CheckPlan, catalog: &Catalog) -> Result<Option<RelId>, Diagnostics> {
    let Some(name) = &spec.validates else { return Ok(None) };
    let Some((position, table)) = catalog.table(&name.value) else {
        return Err(Diagnostic::error("unknown-table", format!("there is no table `{}`", name.value))
            .at(name.span.clone(), "not declared in recount.yaml")
            .suggest(&name.value, catalog.tables.iter().map(|t| t.name.as_str()))
            .into());
    };
    if check.kind != UnitKind::Record || check.table != position {
        let unit = catalog.tables.get(check.table).map_or("another table", |t| t.name.as_str());
        return Err(Diagnostic::error("validates-other-table", format!("a rule that validates `{}` must judge its records", name.value))
            .at(name.span.clone(), format!("the units of this rule: {} ({unit})", check.unit))
            .help(format!("write a `row` or `match` check over `{}`", name.value))
            .into());
    }
    Ok(Some(table.rel))
}

fn report(spec: &RuleSpec, check: &CheckPlan) -> Diagnostics {
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

/// Tables, columns and parameters that the tests name.
fn names_in_tests(spec: &RuleSpec, project: &Project) -> Diagnostics {
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
