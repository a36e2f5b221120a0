//! `recount link`: records of files linked to people and households.

use std::path::PathBuf;

use super::args::{LinkArgs, LinkForm};
use super::output::{print, write_file};
use super::progress::Progress;
use super::{Exit, Session};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::link::{self, LinkOptions, TableFormat};
use crate::linkage;

pub(super) fn link(arguments: &LinkArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let progress = Progress::new(session);
    let options = options(arguments);
    progress.stage("read the files");
    let prepared = link::prepare(&options)?;
    if let Some(keys) = &arguments.pair {
        progress.stage("explain the pair");
        let text = pair(&prepared, &options, keys)?;
        progress.end();
        print(&text)?;
        return Ok(Exit::Done);
    }
    if arguments.train {
        progress.stage("train");
        let model = link::train(&prepared, &options.file)?;
        progress.end();
        print(&link::model_text(&model))?;
        let path = folder(arguments).join("model.json");
        let path = arguments.model.clone().unwrap_or(path);
        write_file(&path, model.to_json().as_bytes())?;
        print(&format!("\nModel: {}\n", path.display()))?;
        return Ok(Exit::Done);
    }
    progress.stage("link");
    let found = link::run(prepared, &options.file)?;
    progress.stage("write");
    let format = match arguments.format {
        LinkForm::Csv => TableFormat::Csv,
        LinkForm::Parquet => TableFormat::Parquet,
        LinkForm::Json => TableFormat::Json,
    };
    let folder = folder(arguments);
    link::write(&found, &folder, format)?;
    progress.end();
    print(&link::found_text(&found))?;
    print(&format!("\nWritten to {}\n", folder.display()))?;
    Ok(Exit::Done)
}

fn options(arguments: &LinkArgs) -> LinkOptions {
    // With `--train` the model is what is made, not what is used.
    let model = if arguments.train { None } else { arguments.model.clone() };
    LinkOptions { file: arguments.file.clone(), model, judgements: arguments.judgements.clone() }
}

/// `people.link` beside `people.yaml`.
fn folder(arguments: &LinkArgs) -> PathBuf {
    arguments.output.clone().unwrap_or_else(|| arguments.file.with_extension("link"))
}

fn pair(prepared: &link::Prepared, options: &LinkOptions, keys: &[String]) -> Result<String, Diagnostics> {
    let mut problems = Diagnostics::default();
    let mut rows = vec![];
    for key in keys {
        match (0..prepared.keys.len()).find(|&row| prepared.keys.get(row) == key) {
            Some(row) => rows.push(row as u32),
            None => problems.push(
                Diagnostic::error("unknown-record", format!("no record has the key `{key}`"))
                    .help(format!("give two values of `{}`, the key of the link file", prepared.question.file.key.value)),
            ),
        }
    }
    problems.finish(())?;
    let trained;
    let model = match &prepared.model {
        Some((model, _)) => model,
        None => {
            trained = link::train(prepared, &options.file)?;
            &trained
        }
    };
    match linkage::explain(&prepared.records, model, rows[0], rows[1]) {
        Some(explanation) => Ok(link::pair_text(prepared, &explanation)),
        None => {
            Err(Diagnostic::error("unknown-record", "the two keys name one record").help("give the keys of two different records").into())
        }
    }
}
