//! Loading: every needed table, once, in full.

use std::sync::Arc;

use rayon::prelude::*;

use super::among::asked_for;
use super::assemble::{assemble, picked};
use super::external::Storing;
use super::intern::Pool;
use super::plan::{TablePlan, plan};
use super::prune::matching;
use super::read::{BLOCK_BYTES, FileRows, Reading};
use super::store::{Found, Shelf, StoredTable};
use super::{Column, Data, Dictionary, Freshness, LoadOptions, Loaded, Needs, Origin, Table};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::project::{Project, TableSource};
use crate::schema::{SemanticType, Type};
use crate::source::{Fingerprint, InputFile, expand};

/// Reads the tables that `needs` names. Bad cells never stop a load; unreadable files and missing columns do, all of them told at once.
pub fn load(project: &Project, needs: &Needs, options: &LoadOptions) -> Result<Loaded, Diagnostics> {
    load_in_blocks(project, needs, options, BLOCK_BYTES)
}

/// [`load`] with a given size of the blocks that are packed at once; the result does not depend on it.
pub fn load_in_blocks(project: &Project, needs: &Needs, options: &LoadOptions, block_bytes: usize) -> Result<Loaded, Diagnostics> {
    let mut messages = Diagnostics::default();
    let mut needs = needs.clone();
    for (table, conditions) in &options.only {
        needs.columns.entry(table.clone()).or_default().extend(conditions.iter().map(|c| c.column.clone()));
    }
    for (table, among) in &options.among {
        needs.columns.entry(table.clone()).or_default().extend(among.iter().flat_map(|a| a.columns.iter().cloned()));
    }
    let (plans, domains) = plan(project, &needs, options.restricted_ok)?;
    let pool = Pool::new(domains);
    let mut files: Vec<Vec<InputFile>> = vec![];
    let mut missing: Vec<Diagnostics> = vec![];
    for plan in &plans {
        let (found, problems) = match expand(&project.root, &plan.source.from, plan.source.optional) {
            Ok(found) => (found, Diagnostics::default()),
            Err(problems) => (vec![], problems),
        };
        files.push(found);
        missing.push(problems);
    }
    let mut read: Vec<(&TablePlan, Option<Shelf>, Source)> = vec![];
    let mut store = vec![];
    for ((plan, files), missing) in plans.iter().zip(&files).zip(missing) {
        if !missing.is_empty() {
            messages.extend(missing);
            continue;
        }
        let bytes = files.iter().filter_map(|f| Fingerprint::of(f).ok()).map(|f| f.bytes).sum();
        options.progress.table(plan.name(), bytes);
        let only = options.only.get(plan.name()).map_or(&[][..], Vec::as_slice);
        let among = options.among.get(plan.name()).map_or(&[][..], Vec::as_slice);
        let shelf = options.store.as_ref().map(|store| Shelf::new(store, plan, files, options.as_of));
        if let Some(shelf) = &shelf {
            let freshness = match shelf.find(&pool, only, among, options.pages) {
                Ok(Found::Fresh(stored)) => {
                    options.progress.bytes(plan.name(), bytes);
                    store.push((plan.name().to_owned(), Freshness::Fresh));
                    read.push((plan, None, Source::Stored(stored)));
                    continue;
                }
                Ok(Found::Stale(why)) => why,
                Err(problems) => {
                    messages.extend(problems);
                    Freshness::Unreadable
                }
            };
            store.push((plan.name().to_owned(), freshness));
            if let Some(limit) = options.memory {
                let (as_of, progress) = (options.as_of, options.progress);
                let storing = Storing { plan, files, shelf, domains, as_of, limit, block_bytes, progress };
                // There is no other way to its rows: what would be a warning is an error.
                let error = |d: Diagnostic| Diagnostic { severity: Severity::Error, ..d };
                let lost = |Diagnostics(problems)| Diagnostics(problems.into_iter().map(error).collect());
                let stored = storing.store().and_then(|folder| shelf.kept(&folder, &pool, only, among, options.pages).map_err(lost));
                read.extend(messages.take(stored).map(|stored| (plan, None, Source::Stored(stored))));
                continue;
            }
        }
        let reading = Reading { plan, pool: &pool, progress: options.progress, block_bytes };
        let results: Vec<Result<FileRows, Diagnostics>> = files.par_iter().map(|f: &InputFile| reading.file(f)).collect();
        let files: Vec<FileRows> = results.into_iter().filter_map(|r| messages.take(r)).collect();
        read.push((plan, shelf, Source::Files(files)));
    }
    messages.clone().finish(())?;
    let domains = pool.finish();
    let mut loaded = Loaded { warnings: messages, store, ..Loaded::default() };
    loaded.tables = project.tables.iter().map(|t| Arc::new(not_needed(&t.name.value))).collect();
    for (plan, shelf, source) in read {
        let stored = matches!(source, Source::Stored(_));
        let (mut assembled, previous) = match source {
            Source::Stored(stored) => {
                loaded.contents.extend(stored.contents().map(|c| (plan.name().to_owned(), c)));
                stored.finish(plan, &domains)
            }
            Source::Files(files) => {
                let assembled = assemble(plan, files, &domains, options.as_of)?;
                let previous = shelf.and_then(|shelf| match shelf.write(&assembled) {
                    Ok((previous, contents)) => {
                        loaded.contents.push((plan.name().to_owned(), contents));
                        previous
                    }
                    Err(warning) => {
                        loaded.warnings.push(warning);
                        None
                    }
                });
                (assembled, previous)
            }
        };
        options.progress.done(plan.name(), if options.pages == Some(0) { assembled.receipt.rows } else { assembled.table.rows as u64 });
        if let Some(rows) = options.only.get(plan.name()).and_then(|only| matching(&assembled.table, only)) {
            assembled.table = picked(assembled.table, &rows);
        }
        // The store gives no others.
        if let Some(rows) = options.among.get(plan.name()).filter(|_| !stored).and_then(|among| asked_for(&assembled.table, among)) {
            assembled.table = picked(assembled.table, &rows);
        }
        loaded.take(plan, assembled);
        loaded.previous.extend(previous);
    }
    Ok(loaded)
}

/// Tables that may be absent (`optional: true`) and of which no file is there, in the project's order.
pub fn not_delivered(project: &Project) -> Vec<String> {
    let absent = |source: &&TableSource| source.optional && expand(&project.root, &source.from, true).is_err_and(only_absent);
    project.tables.iter().filter(absent).map(|source| source.name.value.clone()).collect()
}

/// A folder that may not be read is no absence.
fn only_absent(problems: Diagnostics) -> bool {
    problems.0.iter().all(|p| p.code == "no-such-file")
}

/// What the store holds of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreState {
    pub table: String,
    pub freshness: Freshness,
    /// Of the stored table, when it is fresh.
    pub rows: u64,
    pub columns: usize,
}

/// The store of each table against the files as they are; nothing is loaded.
pub fn store_states(project: &Project, store: &std::path::Path, as_of: Option<i32>) -> Result<Vec<StoreState>, Diagnostics> {
    let needs = Needs { columns: project.tables.iter().map(|t| (t.name.value.clone(), Default::default())).collect(), domains: vec![] };
    let mut messages = Diagnostics::default();
    let (plans, _) = plan(project, &needs, true)?;
    let mut states = vec![];
    let absent = not_delivered(project);
    for plan in plans.iter().filter(|p| !absent.iter().any(|name| name == p.name())) {
        let Some(files) = messages.take(expand(&project.root, &plan.source.from, plan.source.optional)) else { continue };
        let state = Shelf::new(store, plan, &files, as_of).state();
        if let Some((freshness, rows, columns)) = messages.take(state) {
            states.push(StoreState { table: plan.name().to_owned(), freshness, rows, columns });
        }
    }
    messages.finish(states)
}

/// Where the rows of a table come from.
enum Source {
    Stored(Box<StoredTable>),
    Files(Vec<FileRows>),
}

fn not_needed(name: &str) -> Table {
    Table { name: name.to_owned(), rows: 0, columns: vec![], sorted_by: vec![], origin: Origin::default() }
}

impl Column {
    /// A column of this type without rows. Text columns may be given the dictionary of their domain.
    pub fn empty(name: &str, semantic: &SemanticType, dictionary: Option<&Arc<Dictionary>>) -> Column {
        let data = match semantic.value_type() {
            Type::Text(_) => Data::Code(vec![], dictionary.cloned().unwrap_or_default()),
            Type::Date | Type::Month => Data::I32(vec![]),
            Type::Bool => Data::Bool(super::Bits::default()),
            _ => Data::I64(vec![]),
        };
        Column { name: name.to_owned(), semantic: semantic.clone(), data, valid: None, bad: None, part: None }
    }
}
