//! Spec -> [`Project`], all errors at once. Knows what is declared; expressions stay texts.

mod links;
mod names;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::parameters::{ListSource, TableSource as ParameterTable, read_table, read_values, settle};
use super::spec::{ParameterTableSpec, ParametersSpec, ProjectSpec, Text, TypeSpec};
use super::{Parameters, Project, Regions, TableSource, ViewSource, regions};
use crate::diagnostic::yaml::{Ordered, TextOr};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceText, Spanned, nearest};
use crate::schema::{MoneyUnit, SemanticType};

/// The version of the project format this program reads.
const VERSION: u32 = 1;

pub(super) fn resolve(spec: ProjectSpec, text: Arc<SourceText>, root: &Path) -> Result<Project, Diagnostics> {
    let mut problems = Diagnostics::default();
    if spec.recount.value != VERSION {
        problems.push(
            Diagnostic::error(
                "unknown-version",
                format!("the project is written for version {}, this program reads version {VERSION}", spec.recount.value),
            )
            .at(spec.recount.span.clone(), "version")
            .help("take a program of that version, or write `recount: 1` and follow what it says"),
        );
    }
    let regions = spec.regions.as_ref().map_or_else(Regions::default, |name| regions::read(root, name, &mut problems));
    let tables: Vec<TableSource> =
        spec.tables.into_iter().map(|(name, table)| tables::resolve(name, table, &regions, &mut problems)).collect();
    if tables.is_empty() {
        problems.push(Diagnostic::error("missing-value", "the project has no tables").help("add one under `tables:`"));
    }
    tables::same_files(&tables, &mut problems);
    let views: Vec<ViewSource> = spec.views.into_iter().map(|(name, view)| links::view(name, view, &regions, &mut problems)).collect();
    let mut known = names::Known::new(&tables);
    let views = links::settle_views(views, &mut known, &mut problems);
    let links = spec.links.into_iter().filter_map(|(name, link)| links::resolve(name, link, &known, &mut problems)).collect::<Vec<_>>();
    names::check(&tables, &views, &links, &known, &mut problems);
    let parameters = spec.parameters.map_or_else(Parameters::default, |p| parameters(p, root, &regions, &mut problems));
    let folders = |folders: Vec<Text>| {
        folders.into_iter().map(|f| Spanned { value: PathBuf::from(&f.value), span: f.span }).collect::<Vec<Spanned<PathBuf>>>()
    };
    let rules = spec.rules.map_or_else(|| vec![Spanned::without_place(PathBuf::from("rules/"))], |r| folders(r.0));
    let project = Project {
        root: root.to_path_buf(),
        text,
        time_zone: spec.time_zone.map_or_else(|| "Asia/Shanghai".into(), |z| z.value),
        tables,
        links,
        views,
        parameters,
        regions,
        rules,
        overlays: folders(spec.overlays.0),
    };
    problems.sort();
    problems.finish(project)
}

fn parameters(spec: ParametersSpec, root: &Path, regions: &Regions, problems: &mut Diagnostics) -> Parameters {
    let mut drafts = Vec::new();
    for from in &spec.values {
        read_values(root, from, regions, &mut drafts, problems);
    }
    for (name, table) in spec.tables {
        if let Some(source) = parameter_table(name, table, problems) {
            read_table(root, source, regions, &mut drafts, problems);
        }
    }
    settle(drafts, problems)
}

fn parameter_table(name: Text, spec: ParameterTableSpec, problems: &mut Diagnostics) -> Option<Result<ParameterTable, ListSource>> {
    let mut by = Vec::new();
    for item in spec.by {
        match item {
            TextOr::Text(column) => by.push((column, SemanticType::Code(vec![]))),
            TextOr::Other(columns) => {
                for (column, kind) in columns {
                    let semantic = column_type(&kind, problems)?;
                    by.push((column, semantic));
                }
            }
        }
    }
    match (spec.list, spec.value, spec.unit) {
        (true, None, None) => Some(Err(ListSource { name, from: spec.from, by })),
        (true, value, unit) => {
            let at = value.and_then(|v| v.span).or(unit.and_then(|u| u.span));
            problems.push(
                Diagnostic::error("list-with-value", format!("the list `{}` has no values", name.value))
                    .at(at, "not for a list")
                    .help("leave out `list: true`, or `value` and `unit`"),
            );
            None
        }
        (false, Some(value), Some(unit)) => Some(Ok(ParameterTable { name, from: spec.from, by, value: value.value, unit: unit.value })),
        (false, _, _) => {
            problems.push(
                Diagnostic::error("missing-key", format!("`{}` lacks `value` or `unit`", name.value))
                    .at(name.span, "a table of values")
                    .help("name the column of the value and its unit, or say `list: true`"),
            );
            None
        }
    }
}

/// A type written in one word, without options.
fn column_type(kind: &Text, problems: &mut Diagnostics) -> Option<SemanticType> {
    let names = || TypeSpec::ALL.into_iter().map(|(name, _)| name);
    let Some((_, spec)) = TypeSpec::ALL.into_iter().find(|(name, _)| *name == kind.value) else {
        let problem = Diagnostic::error("unknown-value", format!("`{}` is not a type", kind.value)).at(kind.span.clone(), "not a type");
        problems.push(match nearest(&kind.value, names()) {
            Some(near) => problem.help(format!("a similar type exists: `{near}`")),
            None => problem.help(format!("types: {}", names().collect::<Vec<_>>().join(", "))),
        });
        return None;
    };
    Some(plain_type(spec))
}

fn plain_type(spec: TypeSpec) -> SemanticType {
    match spec {
        TypeSpec::Text => SemanticType::Text,
        TypeSpec::PersonName => SemanticType::PersonName,
        TypeSpec::Phone => SemanticType::Phone,
        TypeSpec::Account => SemanticType::Account,
        TypeSpec::Code => SemanticType::Code(vec![]),
        TypeSpec::CitizenId => SemanticType::CitizenId,
        TypeSpec::Region => SemanticType::Region,
        TypeSpec::Money => SemanticType::Money(MoneyUnit::Yuan),
        TypeSpec::Date => SemanticType::Date,
        TypeSpec::Month => SemanticType::Month,
        TypeSpec::Int => SemanticType::Int,
        TypeSpec::Decimal => SemanticType::Decimal(2),
        TypeSpec::Bool => SemanticType::Bool,
    }
}

/// Entries of `keys:` or `columns:`: a bare name stands for `name: name`.
fn pairs(items: Vec<TextOr<Ordered<Text>>>) -> Vec<(Text, Text)> {
    let mut all = Vec::new();
    for item in items {
        match item {
            TextOr::Text(name) => all.push((name.clone(), name)),
            TextOr::Other(entries) => all.extend(entries),
        }
    }
    all
}
