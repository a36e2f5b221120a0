//! `recount link`: records of files linked to people and households.

use std::path::{Path, PathBuf};

use super::args::{LinkArgs, LinkForm};
use super::output::{print, write_file};
use super::progress::Progress;
use super::{Exit, Session, interrupt};
use crate::diagnostic::Diagnostics;
use crate::link::{self, LinkOptions, TableFormat};
use crate::table::staging_prefix;

pub(super) fn link(arguments: &LinkArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let progress = Progress::new(session);
    let options = options(arguments);
    progress.stage("read the files");
    let prepared = link::prepare(&options)?;
    if let Some(keys) = arguments.pair.as_ref().filter(|keys| keys.len() == 2) {
        progress.stage("explain the pair");
        let text = link::explain(&prepared, &options.file, [&keys[0], &keys[1]])?;
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
    let beside = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    interrupt::removes(beside, &staging_prefix(), "nothing of this linkage was kept");
    link::write(&found, &folder, format, arguments.keep)?;
    interrupt::says("the linkage was complete by then");
    progress.end();
    print(&link::found_text(&found))?;
    print(&format!("\nWritten to {}\n", folder.display()))?;
    Ok(Exit::Done)
}

fn options(arguments: &LinkArgs) -> LinkOptions {
    // With `--train` the model is what is made, not what is used.
    let model = if arguments.train { None } else { arguments.model.clone() };
    LinkOptions {
        file: arguments.file.clone(),
        model,
        judgements: arguments.judgements.clone(),
        labels: arguments.labels.clone(),
        since: arguments.since.clone(),
    }
}

/// `people.link` beside `people.yaml`.
fn folder(arguments: &LinkArgs) -> PathBuf {
    arguments.output.clone().unwrap_or_else(|| arguments.file.with_extension("link"))
}
