//! Questions in SQL and all records of one subject: `recount query`.

use std::io::{IsTerminal, Read};

use super::args::{QueryArgs, TableForm};
use super::output::{Side, columns, cut, print, thousands};
use super::progress::Progress;
use super::query::log_access;
use super::session::plural;
use super::{Exit, Session, rules, runs};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::engine::{self, Question, Reply};
use crate::project::Project;
use crate::{report, run};

/// Widest cell of a column that is not the last.
const CELL: usize = 48;

/// The question, when one is asked and no condition.
pub(super) fn statement(arguments: &QueryArgs) -> Result<Option<String>, Diagnostics> {
    let text = match (&arguments.sql, &arguments.condition) {
        (Some(sql), _) if sql == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(|error| {
                Diagnostics::from(Diagnostic::error("unreadable-file", format!("the standard input cannot be read: {error}")))
            })?;
            text
        }
        (Some(sql), _) => sql.clone(),
        (None, Some(text)) => {
            let word = text.trim_start().split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_lowercase();
            if !matches!(word.as_str(), "select" | "with") && !text.trim_start().starts_with("(select") {
                return Ok(None);
            }
            text.clone()
        }
        _ => return Ok(None),
    };
    Ok(Some(text))
}

/// What both forms need: the project with `--set`, and the day.
fn prepared(arguments: &QueryArgs, session: &Session) -> Result<(Project, i32, Option<i64>), Diagnostics> {
    let mut project = session.project()?;
    let mut problems = Diagnostics::default();
    problems.take(rules::set(&mut project, &arguments.set));
    let as_of = problems.take(rules::as_of(arguments.as_of.as_deref(), &project));
    let region = arguments.region.as_deref().and_then(|text| problems.take(rules::region(text, &project)));
    match as_of {
        Some(as_of) if !problems.has_errors() => Ok((project, as_of, region)),
        _ => Err(problems),
    }
}

pub(super) fn ask(sql: &str, arguments: &QueryArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let (project, as_of, region) = prepared(arguments, session)?;
    let progress = Progress::new(session);
    progress.stage("ask");
    let content = match sql.contains("recount.") {
        true => Some(run::read(&runs::folder(arguments.run.as_ref(), session)?)?),
        false => None,
    };
    let language = super::run::lang(arguments.lang).code();
    let question = Question {
        sql,
        as_of,
        region,
        store: (!arguments.no_store).then(|| project.root.join(super::load::STORE)),
        restricted_ok: arguments.authority.is_some(),
        given: run::tables(content.as_ref(), language, arguments.reveal),
        numbers_loaded: false,
        progress: &progress,
    };
    let reply = engine::ask(&project, question)?;
    progress.end();
    tell(&reply, session);
    reveal(&project, arguments, sql)?;
    show(&reply, arguments, session)?;
    Ok(Exit::Done)
}

/// Warnings of the load, and values that arithmetic lost.
fn tell(reply: &Reply, session: &Session) {
    let mut messages = reply.loaded.warnings.clone();
    if reply.lost > 0 {
        let text = format!(
            "{} without a value: divided by zero, or too large a number",
            plural(usize::try_from(reply.lost).unwrap_or(usize::MAX), "result")
        );
        messages.push(Diagnostic::warning("sql-lost-values", text).help("ask for them: `where divisor = 0`"));
    }
    session.tell(&messages);
}

/// Personal data in full go to the access log.
fn reveal(project: &Project, arguments: &QueryArgs, what: &str) -> Result<(), Diagnostics> {
    match (arguments.reveal, &arguments.authority) {
        (true, Some(authority)) => log_access(&project.root.join("runs"), authority, "", what, &project.time_zone),
        _ => Ok(()),
    }
}

fn form(arguments: &QueryArgs) -> TableForm {
    arguments.format.unwrap_or(if std::io::stdout().is_terminal() { TableForm::Table } else { TableForm::Csv })
}

fn show(reply: &Reply, arguments: &QueryArgs, session: &Session) -> Result<(), Diagnostics> {
    match form(arguments) {
        TableForm::Csv => report::reply_csv(reply, arguments.reveal, &mut |text| print(text)),
        TableForm::Json => report::reply_json(reply, arguments.reveal, &mut |text| print(text)),
        TableForm::Table => print(&table(reply, &[], arguments.reveal, session.width())),
    }
}

/// A plain table, and the number of rows. `more`: names and cells of columns that stand before.
fn table(reply: &Reply, more: &[(String, Vec<String>)], reveal: bool, width: usize) -> String {
    let named = more.iter().map(|(name, _)| name.clone()).chain(reply.columns.iter().map(|c| c.name.clone()));
    let mut rows: Vec<Vec<String>> = vec![named.collect()];
    for row in 0..reply.table.rows {
        let before = more.iter().map(|(_, cells)| cells.get(row).cloned().unwrap_or_default());
        let own = (0..reply.columns.len()).map(|c| report::cell(reply, c, row, reveal).unwrap_or_default().replace('\n', " "));
        rows.push(before.chain(own).map(|cell| cut(&cell, CELL.max(width / 2))).collect());
    }
    let mut sides = vec![Side::Left; more.len()];
    sides.extend(reply.columns.iter().map(|c| if report::numeric(c.ty) { Side::Right } else { Side::Left }));
    let mut text: String = columns(&sides, &rows).lines().map(|line| format!("{}\n", cut(line, width))).collect();
    text.push_str(&format!("{} {}\n", thousands(reply.table.rows as u64), if reply.table.rows == 1 { "row" } else { "rows" }));
    text
}

pub(super) fn subject(arguments: &QueryArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let asked = arguments.subject.as_deref().unwrap_or_default();
    let (project, as_of, _) = prepared(arguments, session)?;
    let (files, _) = rules::read(&project, &[], as_of)?;
    let progress = Progress::new(session);
    progress.stage("look up");
    let options = engine::Lookup {
        as_of,
        store: (!arguments.no_store).then(|| project.root.join(super::load::STORE)),
        restricted_ok: arguments.authority.is_some(),
        progress: &progress,
    };
    let records = engine::records_of(&project, &files, asked, &options)?;
    progress.end();
    reveal(&project, arguments, asked)?;
    let form = form(arguments);
    let mut text = String::new();
    for (position, found) in records.iter().enumerate() {
        tell(&found.reply, session);
        let origin: Vec<(String, Vec<String>)> = vec![
            ("file".to_owned(), found.origin.iter().map(|o| o.file.clone()).collect()),
            ("line".to_owned(), found.origin.iter().map(|o| o.line.to_string()).collect()),
        ];
        match form {
            TableForm::Table => {
                text.push_str(&format!("{}{} ({})\n", if position > 0 { "\n" } else { "" }, found.table, found.by.join(", ")));
                text.push_str(&table(&found.reply, &origin, arguments.reveal, session.width()));
            }
            _ => {
                for (row, origin) in found.origin.iter().enumerate() {
                    let cells = found.reply.columns.iter().enumerate();
                    let cells = cells.map(|(c, column)| (column.name.as_str(), report::cell(&found.reply, c, row, arguments.reveal)));
                    if form == TableForm::Json {
                        let record: serde_json::Map<String, serde_json::Value> =
                            cells.map(|(name, v)| (name.to_owned(), v.into())).collect();
                        let line = serde_json::json!({
                            "table": found.table, "file": origin.file, "sheet": origin.sheet, "line": origin.line, "record": record,
                        });
                        text.push_str(&format!("{line}\n"));
                        continue;
                    }
                    for (column, value) in cells {
                        let line = origin.line.to_string();
                        let parts = [&found.table, &origin.file, &line, column, value.as_deref().unwrap_or_default()];
                        text.push_str(&format!("{}\n", parts.map(report::quoted).join(",")));
                    }
                }
            }
        }
    }
    if form == TableForm::Csv {
        text.insert_str(0, "table,file,line,column,value\n");
    }
    print(&text)?;
    Ok(Exit::Done)
}
