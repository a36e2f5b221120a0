//! `recount load`: the tables into the store ahead of the night, and what each delivery holds.

use std::collections::{BTreeMap, BTreeSet};

use super::args::LoadArgs;
use super::output::{Side, columns, print, thousands};
use super::progress::Progress;
use super::{Exit, Session, interrupt, rules};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::table::{self, Freshness, LoadOptions, Loaded, Needs, Receipt, staging_prefix};

/// Folder of the store, beside the project file.
pub(super) const STORE: &str = ".recount/store";

pub(super) fn load(arguments: &LoadArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let project = session.project()?;
    let as_of = rules::as_of(arguments.as_of.as_deref(), &project)?;
    let names = tables(&project, &arguments.tables)?;
    let progress = Progress::new(session);
    progress.stage("load");
    let store = project.root.join(STORE);
    interrupt::removes(&store, &staging_prefix(), "the table being stored was not kept; those before it are in the store");
    let options = LoadOptions {
        store: Some(store),
        restricted_ok: arguments.authority.is_some(),
        as_of: Some(as_of),
        memory: arguments.memory,
        // What the store tells of a table is enough.
        pages: Some(0),
        progress: &progress,
        ..LoadOptions::default()
    };
    let mut problems = Diagnostics::default();
    let mut text = String::new();
    let mut exit = Exit::Done;
    for name in names {
        // One after the other: the memory of one table is enough. A table that cannot be read does not keep the others from the store.
        let needs = Needs { columns: BTreeMap::from([(name.clone(), stored(&project, &name, &options))]), domains: vec![] };
        match table::load(&project, &needs, &options) {
            Ok(loaded) => {
                session.tell(&loaded.warnings);
                for receipt in &loaded.receipt {
                    text.push_str(&shown(receipt, &loaded));
                    if receipt.checks.iter().any(|c| !c.agrees) {
                        exit = exit.max(Exit::Gate);
                    }
                }
            }
            Err(found) => problems.extend(found),
        }
    }
    progress.end();
    print(&text)?;
    if problems.has_errors() {
        return Err(problems);
    }
    Ok(exit)
}

fn tables(project: &Project, asked: &[String]) -> Result<Vec<String>, Diagnostics> {
    let known = || project.tables.iter().map(|t| t.name.value.as_str());
    let mut problems = Diagnostics::default();
    for name in asked.iter().filter(|name| !known().any(|k| k == name.as_str())) {
        problems.push(Diagnostic::error("unknown-table", format!("no table `{name}` is declared")).suggest(name, known()));
    }
    // A table that may be absent is only missed by whoever asks for it.
    let absent = table::not_delivered(project);
    let wanted = |k: &&str| if asked.is_empty() { !absent.iter().any(|a| a == k) } else { asked.iter().any(|a| a == k) };
    problems.finish(known().filter(wanted).map(str::to_owned).collect())
}

/// Every column that stands in the files; restricted ones with an authority.
fn stored(project: &Project, name: &str, options: &LoadOptions) -> BTreeSet<String> {
    let source = project.tables.iter().filter(|t| t.name.value == name).flat_map(|t| &t.columns);
    source.filter(|c| c.is.is_none() && (options.restricted_ok || !c.restricted)).map(|c| c.name.value.clone()).collect()
}

/// The delivery in a few lines: what stands against the sender's word.
fn shown(receipt: &Receipt, loaded: &Loaded) -> String {
    let state = loaded.store.iter().find(|(table, _)| *table == receipt.table).map(|(_, f)| f);
    let state = match state {
        Some(Freshness::Fresh) => "fresh".to_owned(),
        Some(other) => format!("stored ({})", other.reason().unwrap_or_default()),
        None => String::new(),
    };
    let mut text = format!("{}  {} records in {} files  {state}\n", receipt.table, thousands(receipt.rows), receipt.files.len());
    let mut rows: Vec<Vec<String>> = vec![];
    let mut row = |what: &str, value: String| rows.push(vec!["  ".to_owned() + what, value]);
    if receipt.rows != receipt.rows_delivered {
        row("delivered", thousands(receipt.rows_delivered));
    }
    for column in &receipt.columns {
        let mut said = vec![];
        said.extend(column.sum.as_ref().map(|sum| format!("sum {sum}")));
        said.extend(column.first.as_ref().zip(column.last.as_ref()).map(|(first, last)| format!("{first} to {last}")));
        said.extend(column.distinct.map(|n| format!("{} regions", thousands(n))));
        said.extend((column.rejected > 0).then(|| format!("{} not readable", thousands(column.rejected))));
        if !said.is_empty() {
            row(&column.column, said.join(", "));
        }
    }
    if receipt.duplicate_keys > 0 {
        row("duplicate keys", thousands(receipt.duplicate_keys));
    }
    if receipt.ragged > 0 {
        row("ragged records", thousands(receipt.ragged));
    }
    for check in &receipt.checks {
        let agrees = if check.agrees { "as stated".to_owned() } else { format!("{} stated: does not agree", check.expected) };
        row(&check.what, format!("{}, {agrees}", check.found));
    }
    text.push_str(&columns(&[Side::Left, Side::Left], &rows));
    text
}

/// One line on what the store gave to a run; `None` without a store.
pub(super) fn store_line(loaded: &Loaded) -> Option<String> {
    if loaded.store.is_empty() {
        return None;
    }
    let stale: Vec<String> =
        loaded.store.iter().filter_map(|(table, state)| state.reason().map(|why| format!("{table} ({why})"))).collect();
    let fresh = loaded.store.len() - stale.len();
    Some(match stale.is_empty() {
        true => format!("Store: all {fresh} tables are fresh"),
        false => format!("Store: {fresh} tables fresh; read again: {}", stale.join("; ")),
    })
}
