//! `recount run`: load, judge, write the run folder, tell what was found.

mod content;

use std::collections::BTreeMap;

use super::args::{AreaLevel, Language, RunArgs, SeverityWord};
use super::output::{Side, columns, print, thousands};
use super::progress::Progress;
use super::{Exit, Session, clock, interrupt, rules};
use crate::case::{Budget, Share};
use crate::diagnostic::Diagnostics;
use crate::engine::{self, Audit};
use crate::finding::{Severity, Status};
use crate::project::{self, Level, Project};
use crate::report::{self, Lang};
use crate::rule::RuleStatus;
use crate::run::{self, Journal, RunContent, Written};
use crate::table::staging_prefix;
use content::{Asked, assemble};

pub(super) fn run(arguments: &RunArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let progress = Progress::new(session);
    progress.stage("read rules");
    let mut project = session.project()?;
    let started = clock::now(&project.time_zone);
    let mut problems = Diagnostics::default();
    problems.take(rules::set(&mut project, &arguments.set));
    let as_of = problems.take(rules::as_of(arguments.as_of.as_deref(), &project));
    let region = arguments.region.as_deref().and_then(|text| problems.take(rules::region(text, &project)));
    let secret = problems.take(project::secret(&project.root));
    let (Some(as_of), Some(secret), false) = (as_of, secret, problems.has_errors()) else { return Err(problems) };
    let (mut files, unusable) = rules::read(&project, &arguments.rules, as_of)?;
    if !arguments.rules.is_empty() {
        files.extend(rules::unasked(&project, &files, as_of)?);
    }
    files.retain(|file| file.spec.status.as_ref().is_none_or(|s| s.value != RuleStatus::Retired));
    let mut exit = if rules::tell(session, &unusable) { Exit::Incomplete } else { Exit::Done };

    progress.stage("load and judge");
    let root = arguments.output.clone().unwrap_or_else(|| project.root.join("runs"));
    let store = project.root.join(super::load::STORE);
    let kept = "nothing of this run was kept; earlier runs are as they were";
    for folder in [&root, &store] {
        interrupt::removes(folder, &staging_prefix(), kept);
    }
    let options = engine::Options {
        region,
        store: (!arguments.no_store).then_some(store),
        restricted_ok: arguments.authority.is_some(),
        memory: arguments.memory,
        incremental: arguments.incremental,
        one_by_one: arguments.one_by_one,
        progress: &progress,
        ..engine::Options::new(as_of, secret)
    };
    let mut audit = engine::audit(&project, &files, &options)?;
    let messages = std::mem::take(&mut audit.messages);
    let profile = arguments.profile.then(|| profile(&audit));
    session.tell(&messages);
    if let Some(line) = super::load::store_line(&audit.loaded) {
        session.note(&line);
    }
    exit = exit.max(verdict(&audit, arguments));

    progress.stage("cases");
    let asked = Asked { as_of, options: asked_options(arguments), secret, budget: budget(arguments) };
    let content = assemble(&project, &files, audit, asked)?;

    progress.stage("report");
    let rendering = report::Options { lang: lang(arguments.lang), reveal: false };
    let journal = journal(&project, started, &progress, arguments);
    let written = run::write(&root, &content, &journal, |sink| report::files(&content, &rendering, &|name, bytes| sink.file(name, bytes)))?;
    interrupt::says("the run was complete by then");
    progress.end();
    if let Some(profile) = profile {
        eprint!("{profile}");
    }
    tell(&content, &rendering, &written, session)?;
    Ok(exit)
}

/// The gate, and whether all was done that was asked.
fn verdict(audit: &Audit, arguments: &RunArgs) -> Exit {
    let mut exit = Exit::Done;
    let threshold = arguments.fail_on.map(severity);
    let apart = |rule: &str| audit.outcomes.iter().any(|o| o.rule == rule && matches!(o.status, Status::Quarantined { .. }));
    if threshold.is_some_and(|t| audit.findings.briefs().iter().any(|f| !f.exempt && f.severity >= t && !apart(&f.rule))) {
        exit = Exit::Gate;
    }
    for outcome in &audit.outcomes {
        match outcome.status {
            Status::Failed { .. } => exit = Exit::Incomplete,
            Status::Skipped { .. } if arguments.strict => exit = Exit::Incomplete,
            _ => {}
        }
    }
    exit
}

fn tell(content: &RunContent, rendering: &report::Options, written: &Written, session: &Session) -> Result<(), Diagnostics> {
    let mut text = report::summary(content, rendering, session.width());
    if let Written::Unchanged(_) = written {
        text.push_str("The same run was there already; nothing was written.\n");
    }
    text.push_str(&format!("Report  {}\n", written.path().join("report.html").display()));
    print(&text)
}

/// Whatever changes the result or its rendering, as the manifest keeps it.
fn asked_options(arguments: &RunArgs) -> BTreeMap<String, String> {
    let mut options = BTreeMap::from([("lang".to_string(), lang(arguments.lang).code().to_string())]);
    let mut several = |name: &str, values: &[String]| {
        if !values.is_empty() {
            options.insert(name.to_string(), values.join(" "));
        }
    };
    several("rule", &arguments.rules);
    several("set", &arguments.set);
    several("region", arguments.region.as_slice());
    if let Some(visits) = arguments.visits {
        options.insert("visits".into(), format!("{visits} by {}", level(arguments.by).name()));
    }
    if arguments.authority.is_some() {
        options.insert("restricted".into(), "read".into());
    }
    options
}

fn journal(project: &Project, started: String, progress: &Progress, arguments: &RunArgs) -> Journal {
    let mut notes = BTreeMap::from([("platform".to_string(), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH))]);
    if let Some(authority) = &arguments.authority {
        notes.insert("authority".into(), authority.clone());
    }
    Journal {
        started,
        finished: clock::now(&project.time_zone),
        host: clock::host(),
        operator: clock::operator(),
        threads: rayon::current_num_threads() as u64,
        peak_memory_bytes: clock::peak_memory(),
        stages: progress.stages(),
        notes,
    }
}

/// Steps of the shared graph: rows, time, memory, users.
fn profile(audit: &Audit) -> String {
    let head = ["rows in", "rows out", "memory", "wall ms", "cpu ms", "users", "step"].map(String::from).to_vec();
    let mut rows = vec![head];
    rows.extend(audit.profile.iter().map(|node| {
        vec![
            thousands(node.rows_in),
            thousands(node.rows_out),
            format!("{} KiB", thousands(node.bytes / 1024)),
            format!("{:.1}", node.wall.as_secs_f64() * 1000.0),
            format!("{:.1}", node.cpu.as_secs_f64() * 1000.0),
            node.users.to_string(),
            node.name.clone(),
        ]
    }));
    columns(&[Side::Right, Side::Right, Side::Right, Side::Right, Side::Right, Side::Right, Side::Left], &rows)
}

fn budget(arguments: &RunArgs) -> Option<Budget> {
    arguments.visits.map(|visits| Budget { visits, by: level(arguments.by), share: Share::Proportional })
}

fn level(word: AreaLevel) -> Level {
    match word {
        AreaLevel::Prefecture => Level::Prefecture,
        AreaLevel::County => Level::County,
        AreaLevel::Town => Level::Town,
        AreaLevel::Village => Level::Village,
    }
}

fn severity(word: SeverityWord) -> Severity {
    match word {
        SeverityWord::Info => Severity::Info,
        SeverityWord::Low => Severity::Low,
        SeverityWord::Medium => Severity::Medium,
        SeverityWord::High => Severity::High,
        SeverityWord::Critical => Severity::Critical,
    }
}

pub(super) fn lang(word: Language) -> Lang {
    match word {
        Language::En => Lang::En,
        Language::Zh => Lang::Zh,
    }
}
