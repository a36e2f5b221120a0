//! The project's rules with its overlays, and what the person asked of them in arguments.

use super::{Session, clock};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::Project;
use crate::rule::{self, RuleFile};
use crate::schema;

/// Rule files that match `patterns` (all when empty), overlays applied as of a day. Problems of files that cannot be used come beside:
/// they never hide the others.
///
/// # Errors
/// A pattern that matches no rule.
pub(super) fn read(project: &Project, patterns: &[String], as_of: i32) -> Result<(Vec<RuleFile>, Diagnostics), Diagnostics> {
    let (mut files, mut problems) = rule::read_folders(&project.root, &project.rules);
    let (changes, more) = rule::read_overlays(&project.root, &project.overlays);
    problems.extend(more);
    problems.extend(rule::apply(&mut files, &changes, as_of));
    match rule::select(files, patterns) {
        Ok(files) => Ok((files, problems)),
        Err(unmatched) => {
            // A file that cannot be read may be the one that was meant.
            problems.extend(unmatched);
            Err(problems)
        }
    }
}

/// Integrity rules that are not among `files` and may set records aside for them.
///
/// # Errors
/// As [`read`].
pub(super) fn unasked(project: &Project, files: &[RuleFile], as_of: i32) -> Result<Vec<RuleFile>, Diagnostics> {
    let (all, _) = read(project, &[], as_of)?;
    let more = all.into_iter().filter(|file| !file.spec.validates.is_empty() && !files.iter().any(|f| f.id() == file.id()));
    Ok(more.map(|file| RuleFile { unasked: true, ..file }).collect())
}

/// `--as-of`, else today in the project's time zone.
pub(super) fn as_of(text: Option<&str>, project: &Project) -> Result<i32, Diagnostics> {
    let Some(text) = text else { return Ok(clock::today(&project.time_zone)) };
    match schema::dates::parse(text) {
        Ok((day, false)) => Ok(day),
        _ => Err(Diagnostic::error("bad-argument", format!("`--as-of {text}` is not a day")).help("write it as 2020-12-31").into()),
    }
}

/// `--region`: a code, or the name of exactly one region.
pub(super) fn region(text: &str, project: &Project) -> Result<i64, Diagnostics> {
    if let Ok(code) = schema::region::parse(text) {
        return match project.regions.get(code) {
            Some(_) => Ok(code),
            None => Err(unknown_region(text)),
        };
    }
    let mut named = project.regions.all.iter().filter(|region| region.name == text);
    match (named.next(), named.next()) {
        (Some(region), None) => Ok(region.code),
        (Some(first), Some(second)) => Err(Diagnostic::error("bad-argument", format!("several regions are called `{text}`"))
            .help(format!("give a code, such as {} or {}", schema::region::text(first.code), schema::region::text(second.code)))
            .into()),
        (None, _) => Err(unknown_region(text)),
    }
}

fn unknown_region(text: &str) -> Diagnostics {
    Diagnostic::error("unknown-region", format!("the region `{text}` is not in the region tree"))
        .help("`recount list regions` shows codes and names")
        .into()
}

/// Applies each `--set NAME=VALUE`.
pub(super) fn set(project: &mut Project, arguments: &[String]) -> Result<(), Diagnostics> {
    let mut problems = Diagnostics::default();
    for argument in arguments {
        match argument.split_once('=') {
            Some((name, value)) => {
                problems.take(project.parameters.set(name.trim(), value.trim()));
            }
            None => {
                problems.push(Diagnostic::error("bad-argument", format!("`--set {argument}` sets nothing")).help("write --set NAME=VALUE"))
            }
        }
    }
    problems.finish(())
}

/// Shows what came beside a result and tells whether some of it is an error.
pub(super) fn tell(session: &Session, problems: &Diagnostics) -> bool {
    session.tell(problems);
    problems.has_errors()
}
