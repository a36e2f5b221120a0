//! Loading: every needed table, once, in full.

use std::sync::Arc;

use rayon::prelude::*;

use super::assemble::assemble;
use super::intern::Pool;
use super::plan::{TablePlan, plan};
use super::read::{BLOCK_BYTES, FileRows, Reading};
use super::store::{Shelf, StoredTable};
use super::{Column, Data, Dictionary, LoadOptions, Loaded, Needs, Origin, Table};
use crate::diagnostic::Diagnostics;
use crate::project::Project;
use crate::schema::{SemanticType, Type};
use crate::source::{Fingerprint, InputFile, expand};

/// Reads the tables that `needs` names. Bad cells never stop a load; unreadable files and missing columns do, all of them told at once.
pub fn load(project: &Project, needs: &Needs, options: &LoadOptions) -> Result<Loaded, Diagnostics> {
    load_in_blocks(project, needs, options, BLOCK_BYTES)
}

/// [`load`] with a given size of the blocks that are packed at once; the result does not depend on it.
pub fn load_in_blocks(project: &Project, needs: &Needs, options: &LoadOptions, block_bytes: usize) -> Result<Loaded, Diagnostics> {
    let mut messages = Diagnostics::default();
    let (plans, domains) = plan(project, needs, options.restricted_ok)?;
    let pool = Pool::new(domains);
    let mut read: Vec<(TablePlan, Option<Shelf>, Source)> = vec![];
    for plan in plans {
        let Some(files) = messages.take(expand(&project.root, &plan.source.from)) else { continue };
        let bytes = files.iter().filter_map(|f| Fingerprint::of(f).ok()).map(|f| f.bytes).sum();
        options.progress.table(plan.name(), bytes);
        let shelf = match &options.store {
            None => None,
            Some(store) => match messages.take(Shelf::new(store, project, &plan, &files, options.as_of)) {
                Some(shelf) => Some(shelf),
                None => continue,
            },
        };
        match shelf.as_ref().map_or(Ok(None), |s| s.read(&plan, &pool)) {
            Ok(Some(stored)) => {
                options.progress.bytes(plan.name(), bytes);
                read.push((plan, None, Source::Stored(Box::new(stored))));
                continue;
            }
            Ok(None) => {}
            Err(warning) => messages.push(warning),
        }
        let reading = Reading { plan: &plan, pool: &pool, progress: options.progress, block_bytes };
        let results: Vec<Result<FileRows, Diagnostics>> = files.par_iter().map(|f: &InputFile| reading.file(f)).collect();
        let files: Vec<FileRows> = results.into_iter().filter_map(|r| messages.take(r)).collect();
        read.push((plan, shelf, Source::Files(files)));
    }
    messages.clone().finish(())?;
    let domains = pool.finish();
    let mut loaded = Loaded { warnings: messages, ..Loaded::default() };
    loaded.tables = project.tables.iter().map(|t| Arc::new(not_needed(&t.name.value))).collect();
    for (plan, shelf, source) in read {
        let (assembled, previous) = match source {
            Source::Stored(stored) => stored.finish(&plan, project, &domains),
            Source::Files(files) => {
                let assembled = assemble(&plan, files, &domains, options.as_of)?;
                let previous = shelf.and_then(|shelf| match shelf.write(&plan, &assembled) {
                    Ok(previous) => previous,
                    Err(warning) => {
                        loaded.warnings.push(warning);
                        None
                    }
                });
                (assembled, previous)
            }
        };
        options.progress.done(plan.name(), assembled.table.rows as u64);
        loaded.tables[plan.index] = Arc::new(assembled.table);
        loaded.receipt.push(assembled.receipt);
        loaded.rejected.extend(assembled.rejected);
        loaded.warnings.extend(assembled.warnings);
        loaded.previous.extend(previous);
    }
    Ok(loaded)
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
