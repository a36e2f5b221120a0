//! `recount query`: the findings of a run for which a condition holds, a question in SQL, or the records of one subject. Personal data
//! are masked unless someone answers for showing them.

use std::io::Write;
use std::path::Path;

use super::args::{QueryArgs, TableForm};
use super::output::{Side, columns, print};
use super::session::plural;
use super::{Exit, Session, ask, clock};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::report;
use crate::run::{self, Filter, RunContent};

/// Columns of the list that a terminal shows.
const SHOWN: [&str; 7] = ["case", "severity", "rule", "subjects", "date", "amount_yuan", "message"];

pub(super) fn query(arguments: &QueryArgs, session: &Session) -> Result<Exit, Diagnostics> {
    if arguments.subject.is_some() {
        return ask::subject(arguments, session);
    }
    if let Some(sql) = ask::statement(arguments)? {
        return ask::ask(&sql, arguments, session);
    }
    let filter = Filter::parse(arguments.condition.as_deref().unwrap_or("not exempt"))?;
    let folder = super::runs::folder(arguments.run.as_ref(), session)?;
    let content = run::read(&folder)?;
    let chosen = filter.select(&content);
    let count = chosen.len();
    let content = only(content, &chosen);
    if let (true, Some(authority)) = (arguments.reveal, &arguments.authority) {
        let run = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let condition = arguments.condition.as_deref().unwrap_or_default();
        log_access(folder.parent().unwrap_or(&folder), authority, &run, condition, &content.manifest.time_zone)?;
    }
    let options = report::Options { lang: super::run::lang(arguments.lang), reveal: arguments.reveal };
    match arguments.format.unwrap_or(TableForm::Table) {
        TableForm::Csv => print(&String::from_utf8_lossy(&report::findings_csv(&content, &options)?))?,
        TableForm::Json => print(&report::json(&content, &options))?,
        TableForm::Table => {
            print(&table(&report::findings_csv(&content, &options)?, session.width()))?;
            print(&format!("{} of run {}\n", plural(count, "finding"), folder.file_name().unwrap_or_default().to_string_lossy()))?;
        }
    }
    Ok(Exit::Done)
}

/// The run with the chosen findings alone, in their order.
fn only(mut content: RunContent, chosen: &[(usize, Option<usize>)]) -> RunContent {
    let place = |old: usize| chosen.iter().position(|&(finding, _)| finding == old);
    for case in &mut content.cases {
        case.findings = case.findings.iter().filter_map(|&f| place(f)).collect();
        case.exempt = case.exempt.iter().filter_map(|&f| place(f)).collect();
    }
    content.cases.retain(|case| !case.findings.is_empty() || !case.exempt.is_empty());
    content.visits = None;
    content.findings = chosen.iter().filter_map(|&(finding, _)| content.findings.get(finding)).collect::<Vec<_>>().into();
    content
}

/// The list as a plain table; the last column takes what is left of the width.
fn table(csv: &[u8], width: usize) -> String {
    let text = String::from_utf8_lossy(csv);
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let head = reader.headers().cloned().unwrap_or_default();
    let positions: Vec<(usize, &str)> = SHOWN.iter().filter_map(|&name| head.iter().position(|h| h == name).map(|i| (i, name))).collect();
    let mut rows = vec![positions.iter().map(|(_, name)| (*name).to_string()).collect::<Vec<String>>()];
    for record in reader.records().flatten() {
        rows.push(positions.iter().map(|&(i, _)| record.get(i).unwrap_or_default().replace('\n', " ")).collect());
    }
    let sides: Vec<Side> = positions.iter().map(|(_, name)| if *name == "amount_yuan" { Side::Right } else { Side::Left }).collect();
    columns(&sides, &rows).lines().map(|line| format!("{}\n", super::output::cut(line, width))).collect()
}

/// One line per look at unmasked data, beside the runs: time, operator, authority, run, condition.
pub(super) fn log_access(runs: &Path, authority: &str, run: &str, condition: &str, time_zone: &str) -> Result<(), Diagnostics> {
    let path = runs.join("access.log");
    let entry = serde_json::json!({
        "time": clock::now(time_zone), "operator": clock::operator(), "host": clock::host(), "authority": authority,
        "run": run, "command": "query", "condition": condition,
    });
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    std::fs::create_dir_all(runs).and_then(|()| options.open(&path)).and_then(|mut file| writeln!(file, "{entry}")).map_err(|error| {
        Diagnostic::error("cannot-write", format!("the access log cannot be written: {error}"))
            .place(Place::File(path.display().to_string()), "")
            .help("personal data are shown only when the access is logged")
            .into()
    })
}
