//! `recount lint`: rule files against the project, without data.

use super::args::{DataForm, LintArgs};
use super::output::print;
use super::run::lang;
use super::session::plural;
use super::{Exit, Session, clock, rules};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::engine;
use crate::plan::{Catalog, Graph};
use crate::report;
use crate::rule;

pub(super) fn lint(arguments: &LintArgs, session: &Session) -> Result<Exit, Diagnostics> {
    if arguments.data {
        return data(arguments, session);
    }
    let path = session.project_path()?;
    if !path.is_file() {
        // Not a mistake in a file but none at all.
        session.project()?;
    }
    let mut problems = Diagnostics::default();
    let mut count = 0;
    if let Some(project) = problems.take(session.project()) {
        let today = clock::today(&project.time_zone);
        if let Some((files, unusable)) = problems.take(rules::read(&project, &arguments.rules, today)) {
            count = files.len();
            problems.extend(unusable);
            let mut graph = Graph::default();
            if let Some(catalog) = problems.take(Catalog::build(&project, today, &mut graph)) {
                for file in &files {
                    problems.take(rule::resolve(file, &catalog, &mut graph, &project));
                }
                problems.extend(rule::lint(&files, &project, &catalog));
            }
        }
    }
    problems.sort();
    session.tell(&problems);
    let of = |severity: Severity| problems.0.iter().filter(|p| p.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    print(&format!("{}, {} in {}\n", plural(errors, "error"), plural(warnings, "warning"), plural(count, "rule")))?;
    Ok(if errors > 0 { Exit::Gate } else { Exit::Done })
}

/// The files that are there against tables and rules.
fn data(arguments: &LintArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let project = session.project()?;
    let today = clock::today(&project.time_zone);
    let (files, unusable) = rules::read(&project, &arguments.rules, today)?;
    session.tell(&unusable);
    let delivery = engine::delivery(&project, &files, today)?;
    match arguments.format {
        DataForm::Text => print(&report::delivery(&delivery, lang(arguments.lang), session.width()))?,
        DataForm::Json => {
            let text = serde_json::to_string_pretty(&delivery)
                .map_err(|error| Diagnostic::error("cannot-write", format!("the result cannot be written as JSON: {error}")))?;
            print(&format!("{text}\n"))?;
        }
    }
    Ok(if delivery.has_faults() { Exit::Gate } else { Exit::Done })
}
