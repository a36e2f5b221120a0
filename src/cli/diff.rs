//! `recount diff-rules`: what a change of rules changes, before it is published.

use std::path::Path;
use std::sync::Arc;

use super::args::DiffRulesArgs;
use super::output::print;
use super::run::lang;
use super::{Exit, Session, rules, runs};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, SourceText, Spanned};
use crate::engine;
use crate::finding::Status;
use crate::project;
use crate::report::{self, Show};
use crate::rule::{self, RuleFile};
use crate::run;

pub(super) fn diff_rules(arguments: &DiffRulesArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let mut problems = Diagnostics::default();
    // A run says on which day and for which region it was; its data are those of the project.
    let of_run = match &arguments.on {
        Some(named) => Some(run::read(&runs::folder(Some(named), session)?)?.manifest),
        None => None,
    };
    let mut project = session.project()?;
    let option = |name: &str| of_run.as_ref().and_then(|m| m.options.get(name));
    if let Some(set) = option("set") {
        let all: Vec<String> = set.split(' ').map(str::to_owned).collect();
        problems.take(rules::set(&mut project, &all));
    }
    let region = match option("region") {
        Some(text) => problems.take(rules::region(text, &project)),
        None => None,
    };
    let as_of = match (&arguments.as_of, &of_run) {
        (None, Some(manifest)) => Some(manifest.as_of),
        (text, _) => problems.take(rules::as_of(text.as_deref(), &project)),
    };
    let (old, new) = (read(&arguments.old, &mut problems), read(&arguments.new, &mut problems));
    let secret = problems.take(project::secret(&project.root));
    let (Some(as_of), Some(secret), false) = (as_of, secret, problems.has_errors()) else { return Err(problems) };
    session.tell(&problems);
    let (old, mut new) = (old, new);
    // Two files are two states of one rule, whatever they are called.
    if let ([one], [other]) = (&old[..], &mut new[..]) {
        other.spec.id.value.clone_from(&one.spec.id.value);
    }
    let options = engine::Options { region, store: Some(project.root.join(super::load::STORE)), ..engine::Options::new(as_of, secret) };
    let diffs = engine::diff(&project, &old, &new, &options)?;
    let places = run::places(&project.regions);
    print(&report::rule_diff(&diffs, &Show::new(lang(arguments.lang), false, &places), arguments.samples))?;
    let failed = |outcome: &Option<crate::finding::Outcome>| outcome.as_ref().is_some_and(|o| matches!(o.status, Status::Failed { .. }));
    Ok(if diffs.iter().any(|d| failed(&d.before) || failed(&d.after)) { Exit::Incomplete } else { Exit::Done })
}

/// The rules of a folder, or of one file.
fn read(path: &Path, problems: &mut Diagnostics) -> Vec<RuleFile> {
    if path.is_dir() {
        let (files, found) = rule::read_folders(path, &[Spanned::without_place(".".into())]);
        problems.extend(found);
        return files;
    }
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let file = RuleFile::read(path.to_owned(), Arc::new(SourceText { name, text }));
            problems.take(file).into_iter().collect()
        }
        Err(error) => {
            problems.push(
                Diagnostic::error("unreadable-file", format!("`{name}` cannot be read: {error}"))
                    .place(Place::File(name), "")
                    .help("give a rule file, or a folder of rules"),
            );
            vec![]
        }
    }
}
