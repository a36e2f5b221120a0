//! `recount list`: what the project declares, and the runs there are.

use super::args::{ListArgs, Listed};
use super::output::{Side, columns, print, thousands};
use super::{Exit, Session, clock, pages, rules, runs};
use crate::check;
use crate::diagnostic::Diagnostics;
use crate::project::{ParameterForm, Project};
use crate::rule::RuleFile;
use crate::schema::{self, MoneyUnit, SemanticType, Value};
use crate::table;

pub(super) fn list(arguments: &ListArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let rows = match arguments.what {
        Listed::Errors => errors(),
        Listed::Runs => runs::all(&session.project()?.root.join("runs"))
            .iter()
            .map(|run| {
                vec![run.file_name().unwrap_or_default().to_string_lossy().into_owned(), run.join("report.html").display().to_string()]
            })
            .collect(),
        Listed::Checks => check::KINDS.iter().map(|kind| vec![kind.name.to_string(), kind.title.to_string()]).collect(),
        Listed::Rules => {
            let project = session.project()?;
            let (files, unusable) = rules::read(&project, &[], clock::today(&project.time_zone))?;
            session.tell(&unusable);
            files.iter().map(rule).collect()
        }
        Listed::Store => store(&session.project()?)?,
        what => of_project(what, &session.project()?),
    };
    if arguments.names {
        print(&rows.iter().map(|row| format!("{}\n", row[0])).collect::<String>())?;
    } else {
        let width = rows.iter().map(Vec::len).max().unwrap_or(0);
        print(&columns(&vec![Side::Left; width], &rows))?;
    }
    Ok(Exit::Done)
}

/// Table, and whether what is stored of it is what the files hold today.
fn store(project: &Project) -> Result<Vec<Vec<String>>, Diagnostics> {
    let states = table::store_states(project, &project.root.join(super::load::STORE), Some(clock::today(&project.time_zone)))?;
    let row = |state: &table::StoreState| match state.freshness.reason() {
        None => vec![
            state.table.clone(),
            "fresh".to_owned(),
            format!("{} records", thousands(state.rows)),
            format!("{} columns", state.columns),
        ],
        Some(why) => vec![state.table.clone(), "to be read".to_owned(), why],
    };
    Ok(states.iter().map(row).collect())
}

/// Code and the first sentence of its page.
fn errors() -> Vec<Vec<String>> {
    pages::error_codes()
        .map(|code| {
            let text = pages::error(code).unwrap_or_default().lines().skip(1).find(|line| !line.trim().is_empty()).unwrap_or_default();
            let sentence = text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.');
            vec![code.to_string(), sentence.to_string()]
        })
        .collect()
}

/// Id, status, kind of check, severity, title.
fn rule(file: &RuleFile) -> Vec<String> {
    let text = file.rule_text();
    let status = format!("{:?}", text.status).to_lowercase();
    vec![text.id, status, file.spec.check.value.kind().to_string(), text.title.get("en").to_string()]
}

/// A column's type as the project file writes it.
fn type_word(semantic: &SemanticType) -> String {
    match semantic {
        SemanticType::Text => "text".into(),
        SemanticType::PersonName => "person_name".into(),
        SemanticType::Phone => "phone".into(),
        SemanticType::Account => "account".into(),
        SemanticType::Code(_) => "code".into(),
        SemanticType::CitizenId => "citizen_id".into(),
        SemanticType::Region => "region".into(),
        SemanticType::Money(MoneyUnit::Fen) => "money, fen".into(),
        SemanticType::Money(MoneyUnit::Yuan) => "money, yuan".into(),
        SemanticType::Money(MoneyUnit::Wan) => "money, wan".into(),
        SemanticType::Date => "date".into(),
        SemanticType::Month => "month".into(),
        SemanticType::Int => "int".into(),
        SemanticType::Decimal(scale) => format!("decimal, scale {scale}"),
        SemanticType::Bool => "bool".into(),
    }
}

fn of_project(what: Listed, project: &Project) -> Vec<Vec<String>> {
    let texts = |parts: &[&str]| parts.iter().map(ToString::to_string).collect::<Vec<_>>();
    match what {
        Listed::Tables => project
            .tables
            .iter()
            .map(|t| {
                let from: Vec<&str> = t.from.iter().map(|f| f.value.as_str()).collect();
                let key: Vec<&str> = t.key.iter().map(|k| k.value.as_str()).collect();
                vec![t.name.value.clone(), from.join(", "), format!("key {}", key.join(", ")), format!("{} columns", t.columns.len())]
            })
            .collect(),
        Listed::Columns => project
            .tables
            .iter()
            .flat_map(|t| {
                t.columns.iter().map(|c| {
                    let from: Vec<&str> = c.from.iter().map(|f| f.value.as_str()).collect();
                    let source = c.is.as_ref().map_or_else(|| from.join(", "), |is| format!("= {}", is.value));
                    vec![format!("{}.{}", t.name.value, c.name.value), type_word(&c.semantic), source]
                })
            })
            .collect(),
        Listed::Links => project
            .links
            .iter()
            .map(|l| {
                let keys: Vec<String> = l.keys.iter().map(|(here, there)| format!("{} = {}", here.value, there.value)).collect();
                let back = l.back.as_ref().map_or(String::new(), |b| format!("back as {}.{}", l.to.value, b.value));
                vec![format!("{}.{}", l.source.value, l.name.value), l.to.value.clone(), keys.join(", "), back]
            })
            .collect(),
        Listed::Views => project
            .views
            .iter()
            .map(|v| texts(&[&v.name.value, &v.from.value, v.filter.as_ref().map_or("", |f| f.value.as_str())]))
            .collect(),
        Listed::Parameters => project.parameters.all.iter().flat_map(|p| parameter(p, project)).collect(),
        Listed::Regions => project.regions.all.iter().map(|r| texts(&[&schema::region::text(r.code), r.level.name(), &r.name])).collect(),
        Listed::Errors | Listed::Runs | Listed::Rules | Listed::Checks | Listed::Store => vec![],
    }
}

fn parameter(parameter: &crate::project::Parameter, project: &Project) -> Vec<Vec<String>> {
    if parameter.form == ParameterForm::List {
        return vec![vec![parameter.name.clone(), format!("list of {}", thousands(parameter.entries.len() as u64))]];
    }
    let day = |d: Option<i32>| d.map_or("..".to_string(), |d| schema::format(&Value::Date(d)));
    parameter
        .entries
        .iter()
        .map(|entry| {
            let keys: Vec<String> = entry.keys.iter().map(schema::format).collect();
            let name = if keys.is_empty() { parameter.name.clone() } else { format!("{}({})", parameter.name, keys.join(", ")) };
            let place = entry.region.map_or("everywhere".to_string(), |code| {
                project.regions.get(code).map_or_else(|| schema::region::text(code), |region| region.name.clone())
            });
            // Money is shown in yuan whatever unit its file states.
            let unit = if matches!(entry.value, Value::Money(_)) { "yuan" } else { parameter.unit.name() };
            vec![
                name,
                format!("{} {unit}", schema::format(&entry.value)),
                format!("{} to {}", day(entry.valid_from), day(entry.valid_to)),
                place,
                entry.source.clone(),
            ]
        })
        .collect()
}
