//! Spec -> [`Rule`]: everything a rule names becomes an expression of the graph; all that is wrong is said at once.

use std::collections::BTreeMap;

use super::folder::RuleFile;
use super::parts;
use super::say::TemplatePiece;
use super::spec::{ExemptSpec, Report, RuleSpec, SeveritySpec};
use super::{Basis, Exemption, Rule, RuleStatus, RuleText, SayPiece};
use crate::check::{CheckPlan, Flag, Planner};
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
    let limits = problems.take(parts::limits(spec)).unwrap_or_default();
    problems.extend(parts::subject(spec));
    let templates = problems.take(parts::templates(spec)).unwrap_or_default();
    let group = spec.report.as_ref().is_some_and(|r| r.value == Report::Group);
    let mut planner = Planner::new(catalog, graph).reporting_groups(group);
    let check = problems.take(spec.check.value.plan(&mut planner));
    problems.extend(planner.messages);
    problems.extend(parts::names_in_tests(spec, project));
    let Some(check) = check else {
        problems.extend(without_check(spec, &templates, catalog, graph));
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
                TemplatePiece::Text(text) => Some(SayPiece::Text(text.into())),
                TemplatePiece::Expression(text) => names.expression(&text, Want::Any).map(SayPiece::Value),
            })
            .collect();
        say.insert(language, pieces);
    }
    let decisive: Vec<ExprId> = spec.decisive.iter().filter_map(|text| names.expression(text, Want::Any)).collect();
    let exempt: Vec<Exemption> = spec.exempt.iter().filter_map(|e| names.exemption(e, &check)).collect();
    let mut problems = names.problems;
    let validates = problems.take(parts::validates(spec, &check, catalog)).flatten();
    problems.extend(parts::report(spec, &check));
    problems.extend(parts::subject_of_test(spec, &check));

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
        subjects: subjects.into_iter().map(|(entity, id)| (entity.into(), id)).collect(),
        amount,
        measure,
        exempt,
        unchecked: vec![],
        say,
        figures: figures.into_iter().map(|(name, id)| (name.into(), id)).collect(),
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
                            "`drop` takes records out of a group, and the unit of this check has none that it could do without",
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
    // A test is of all groups at once: it is not made again for one of them.
    if matches!(check.flag, Flag::Pairs(_)) || check.leads.is_some() {
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
        RowSet::Members { groups, part } => graph.get_rel(*groups).parts()?.get(*part).map(|p| p.of),
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

/// What is wrong in the other expressions of a rule whose check cannot be planned: mistakes whatever names the check would have given.
fn without_check(spec: &RuleSpec, templates: &[(String, Vec<TemplatePiece>)], catalog: &Catalog, graph: &mut Graph) -> Diagnostics {
    let tables = spec.check.value.tables();
    let known = tables.iter().filter_map(|name| catalog.table(&name.value)).zip(0u8..);
    let slot = |((_, table), slot): ((usize, &plan::TableDef), u8)| Slot {
        names: vec![table.name.clone()],
        rel: table.rel,
        row: RowRef::slot(slot),
        bare: false,
        members: vec![],
    };
    let scope = Scope { slots: known.map(slot).collect(), ..Scope::default() };
    let mut texts: Vec<&Spanned<String>> = spec.subject.iter().map(|(_, key)| key).collect();
    if let SeveritySpec::Steps(steps) = &spec.severity.value {
        texts.extend(steps.iter().map(|step| &step.when).filter(|when| when.value.trim() != "otherwise"));
    }
    texts.extend(spec.amount.iter().chain(&spec.measure).chain(&spec.decisive));
    texts.extend(spec.exempt.iter().flat_map(|e| e.when.iter().chain(&e.drop)));
    texts.extend(templates.iter().flat_map(|(_, pieces)| pieces).filter_map(|piece| match piece {
        TemplatePiece::Expression(text) => Some(text),
        TemplatePiece::Text(_) => None,
    }));
    let mut problems = Diagnostics::default();
    for text in texts {
        if let Err(found) = plan::parse(text, &scope, catalog, graph, Want::Any) {
            let sure = ["syntax", "unknown-column", "unknown-link", "unknown-function", "unknown-parameter", "unknown-code"];
            found.0.into_iter().filter(|d| sure.contains(&d.code)).for_each(|d| problems.push(d));
        }
    }
    problems
}
