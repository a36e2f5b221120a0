//! `recount explain`: a rule, the page of a kind of check, the page of an error code.

use super::args::ExplainArgs;
use super::output::print;
use super::{Exit, Session, clock, pages, rules};
use crate::check;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::engine;
use crate::link::{self, LinkOptions};
use crate::plan::{Catalog, Graph};
use crate::project::Project;
use crate::report::{self, Show};
use crate::rule::{self, RuleFile};
use crate::run;

pub(super) fn explain(arguments: &ExplainArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let name = arguments.name.as_str();
    if let Some(keys) = arguments.pair.as_ref().filter(|keys| keys.len() == 2) {
        let options = LinkOptions { file: name.into(), model: arguments.model.clone(), ..LinkOptions::default() };
        let prepared = link::prepare(&options)?;
        print(&link::explain(&prepared, &options.file, [&keys[0], &keys[1]])?)?;
        return Ok(Exit::Done);
    }
    if let Some(subject) = &arguments.why_not {
        return why_not(name, subject, arguments, session);
    }
    let lint = rule::LINT_CODES.iter().find(|(code, _)| *code == name);
    if let Some(kind) = check::KINDS.iter().find(|kind| kind.name == name) {
        print(&format!("{}\n", kind.doc.trim_end()))?;
    } else if let Some(page) = pages::error(name) {
        print(&format!("{page}\n"))?;
    } else if let Some((code, meaning)) = lint {
        print(&format!("## {code}\n\nA message of `recount lint`: {meaning}.\n"))?;
    } else {
        // Only now a project is needed: pages are there without one.
        let files = match session.project() {
            Ok(project) => {
                let (files, unusable) = rules::read(&project, &[], clock::today(&project.time_zone))?;
                if let Some(file) = files.iter().find(|file| file.id() == name) {
                    print(&about(file))?;
                    if arguments.plan {
                        print(&plan(file, &project)?)?;
                    }
                    return Ok(Exit::Done);
                }
                session.tell(&unusable);
                files
            }
            Err(problems) if name.contains('/') => return Err(problems),
            Err(_) => vec![],
        };
        return Err(unknown(name, &files).into());
    }
    Ok(Exit::Done)
}

/// Why a subject was not flagged by a rule.
fn why_not(name: &str, subject: &str, arguments: &ExplainArgs, session: &Session) -> Result<Exit, Diagnostics> {
    let project = session.project()?;
    let as_of = rules::as_of(arguments.as_of.as_deref(), &project)?;
    let (files, unusable) = rules::read(&project, &[], as_of)?;
    if !files.iter().any(|file| file.id() == name) {
        session.tell(&unusable);
        return Err(unknown(name, &files).into());
    }
    let options = engine::Options { store: Some(project.root.join(super::load::STORE)), ..engine::Options::new(as_of, [0; 32]) };
    let why = engine::why_not(&project, &files, name, subject, &options)?;
    let places = run::places(&project.regions);
    print(&report::why_not(&why, &Show::new(super::run::lang(arguments.lang), false, &places)))?;
    Ok(if why.matching == 0 { Exit::Incomplete } else { Exit::Done })
}

fn unknown(name: &str, files: &[RuleFile]) -> Diagnostic {
    let mut known: Vec<&str> = pages::error_codes().collect();
    known.extend(check::KINDS.iter().map(|kind| kind.name));
    known.extend(files.iter().map(RuleFile::id));
    let problem = Diagnostic::error("unknown-name", format!("`{name}` is no rule, check or error code"));
    match nearest(name, known) {
        Some(near) => problem.help(format!("a similar name exists: `{near}`")),
        None => problem.help("`recount list rules`, `list checks` and `list errors` show the names"),
    }
}

/// A rule in its own words.
fn about(file: &RuleFile) -> String {
    let text = file.rule_text();
    let mut out = format!("{}  {}\n", text.id, text.title.get("en"));
    for (_, other) in text.title.0.iter().filter(|(language, _)| *language != "en") {
        out.push_str(&format!("{other}\n"));
    }
    let status = format!("{:?}", text.status).to_lowercase();
    let kind = file.spec.check.value.kind();
    let finds = check::KINDS.iter().find(|k| k.name == kind).map_or("", |k| k.finds);
    out.push_str(&format!("\nstatus    {status}\ncheck     {kind}: {finds}\nfile      {}\n", file.path.display()));
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n{title}\n"));
            lines.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
        }
    };
    section("Why", text.why.iter().map(|why| why.get("en").to_string()).collect());
    let basis = |b: &rule::Basis| {
        let clause = b.clause.as_ref().map_or(String::new(), |c| format!(", {c}"));
        let says = b.says.as_ref().map_or(String::new(), |s| format!(": {}", s.get("en")));
        format!("{}{clause}{says}", b.source)
    };
    section("Basis", text.basis.iter().map(basis).collect());
    section(
        "What speaks for the person, checked by the data",
        file.spec.exempt.iter().map(|e| e.says.value.localised().get("en").to_string()).collect(),
    );
    section("Innocent reasons to keep in mind", text.innocent.iter().map(|i| i.get("en").to_string()).collect());
    section("Next step", text.next_step.iter().map(|n| n.get("en").to_string()).collect());
    section("Tests", file.spec.tests.iter().map(|t| t.name.value.clone()).collect());
    section("Changes by overlays", file.overlays.iter().map(|change| change.in_words()).collect());
    out
}

/// What the rule compiles to: its expressions as the engine sees them.
fn plan(file: &RuleFile, project: &Project) -> Result<String, Diagnostics> {
    let mut graph = Graph::default();
    let catalog = Catalog::build(project, clock::today(&project.time_zone), &mut graph)?;
    let rule = rule::resolve(file, &catalog, &mut graph, project)?;
    let frame: Vec<_> = rule.check.scope.slots.iter().map(|slot| slot.rel).collect();
    let mut out = format!("\nPlan\n  unit        {}\n", rule.check.unit);
    let mut line = |name: &str, expr| out.push_str(&format!("  {name:<11} {}\n", graph.show(&catalog, &frame, expr)));
    rule.check.population.iter().for_each(|&e| line("population", e));
    rule.check.preconditions.iter().for_each(|p| line("assessable", p.holds));
    match &rule.check.flag {
        check::Flag::Row(expr) => line("flag", *expr),
        check::Flag::Pairs(registers) => registers.iter().for_each(|r| line(&format!("in {}", r.name), r.flag)),
    }
    rule.exempt.iter().for_each(|e| line(if e.drop { "drop" } else { "exempt" }, e.when));
    rule.subjects.iter().for_each(|(entity, e)| line(entity, *e));
    rule.amount.into_iter().for_each(|e| line("amount", e));
    rule.measure.into_iter().for_each(|e| line("measure", e));
    Ok(out)
}
