//! Runs rules: resolves them against the project, loads what they need, judges all units in shared passes, and builds findings for
//! flagged units alone. One outcome per rule, whatever happens to it.

use std::path::PathBuf;

use crate::diagnostic::Diagnostics;
use crate::exec::{NodeProfile, Timer};
use crate::finding::{Drawer, Findings, Outcome, Status};
use crate::plan::Catalog;
use crate::project::Project;
use crate::rule::{RuleFile, RuleText};
use crate::table::{self, Loaded, Progress, Silent};

mod aside;
mod ask;
mod deliver;
mod delivery;
mod diff;
mod evidence;
mod finding;
mod identity;
mod judge;
mod late;
mod needs;
mod night;
mod outcome;
mod parts;
mod population;
mod prepare;
mod records;
mod shape;
mod structure;
mod test;
mod why;
mod without;

pub use ask::{Question, Reply, ask};
pub use delivery::{Delivery, Hindered, Hindrance, delivery};
pub use diff::{RuleDiff, diff};
pub use population::RegionCount;
pub use prepare::{Prepared, Resolved};
pub use records::{Found, Lookup, RecordOrigin, records_of};
pub use test::{TestResult, Verdict, run_tests};
pub use why::{Became, Condition, Joined, Looked, UnitWhy, WhyNot, why_not};

/// What a run is asked for besides its rules.
pub struct Options<'a> {
    /// Day of the audit, days since 1970-01-01.
    pub as_of: i32,
    /// Only units in or under this region.
    pub region: Option<i64>,
    /// Key of finding keys and hashes.
    pub secret: [u8; 32],
    /// Folder of the Parquet store.
    pub store: Option<PathBuf>,
    pub restricted_ok: bool,
    /// Bytes that the run's nodes may take; a run that needs more is refused before it starts.
    pub memory: Option<u64>,
    /// Takes over what the run before judged, where nothing changed that it follows from, and leaves as much to the next. Needs a store; not with `memory`.
    pub incremental: bool,
    /// Each rule in a pass of its own over nodes of its own, for comparison: the result is the same.
    pub one_by_one: bool,
    /// Records listed as evidence of one finding.
    pub evidence_rows: usize,
    pub progress: &'a dyn Progress,
}

impl Options<'_> {
    pub fn new(as_of: i32, secret: [u8; 32]) -> Self {
        Options {
            as_of,
            region: None,
            secret,
            store: None,
            restricted_ok: false,
            memory: None,
            incremental: false,
            one_by_one: false,
            evidence_rows: 40,
            progress: &Silent,
        }
    }
}

/// What a run found.
#[derive(Debug)]
pub struct Audit {
    /// One per rule file, ascending by id.
    pub outcomes: Vec<Outcome>,
    /// By rule, subject, date, key.
    pub findings: Findings,
    /// One per rule, as the outcomes.
    pub rules: Vec<RuleText>,
    /// What overlays changed, per rule.
    pub overlays: Vec<Vec<String>>,
    pub loaded: Loaded,
    /// Records by region, of tables that have one: denominators of the roll-up.
    pub populations: Vec<RegionCount>,
    pub profile: Vec<NodeProfile>,
    /// Problems of rules (each of them Failed or Skipped in the outcomes) and warnings.
    pub messages: Diagnostics,
    pub catalog: Catalog,
}

/// Audits the project with `files`.
///
/// # Errors
/// The project does not hold together, its files cannot be loaded, or the run would need more memory than allowed. A rule that is
/// wrong is no error: it fails alone.
pub fn audit(project: &Project, files: &[RuleFile], options: &Options<'_>) -> Result<Audit, Diagnostics> {
    let mut prepared = Prepared::new(project, files, options.as_of, options.region)?;
    prepared.leave_out(table::not_delivered(project));
    let start = Timer::start();
    if let (true, Some(store)) = (options.incremental, &options.store) {
        let (loaded, part) = night::audit(project, &prepared, options, store)?;
        return Ok(finish(prepared, loaded, part));
    }
    // Parts are read from the store; without one all is held at once.
    if let (Some(limit), Some(_)) = (options.memory, &options.store) {
        let (loaded, part) = parts::audit(project, &prepared, options, limit)?;
        return Ok(finish(prepared, loaded, part));
    }
    let loaded = prepared.load(project, options)?;
    let rows = loaded.receipt.iter().map(|r| r.rows).sum::<u64>() as usize;
    let load = start.note("load".to_owned(), rows, rows, 0, files.len());
    let mut part = judge::judge(project, &prepared, &loaded, options, &prepared.all(), &Drawer::default())?;
    part.profile.insert(0, load);
    Ok(finish(prepared, loaded, part))
}

/// Weighs outcomes against their limits and puts everything in order.
fn finish(prepared: Prepared, loaded: Loaded, mut part: judge::Part) -> Audit {
    let mut messages = loaded.warnings.clone();
    for (_, rule) in prepared.ready() {
        messages.extend(rule.warnings.clone());
    }
    let (mut texts, mut overlays, mut outcomes) = (vec![], vec![], vec![]);
    for (i, (text, changes, resolved)) in prepared.rules.into_iter().enumerate() {
        if prepared.unasked[i] {
            if let Resolved::Failed(problems) = &resolved {
                messages.extend(prepare::about(&text.id, problems));
            }
            continue;
        }
        let not_run = |status| outcome::not_run(&text.id, status);
        let resolved = part.failed.remove(&i).map_or(resolved, Resolved::Failed);
        outcomes.push(match (part.outcomes.remove(&i), resolved) {
            (Some(outcome), Resolved::Ready(rule)) => {
                let status = outcome::too_many(&rule, outcome.flagged.units, outcome.population.units);
                Outcome { status: status.unwrap_or(outcome.status), ..outcome }
            }
            (_, Resolved::Skipped(reason)) => not_run(Status::Skipped { reason }),
            (_, Resolved::Failed(problems)) => {
                messages.extend(prepare::about(&text.id, &problems));
                not_run(Status::Failed { reason: problems.to_string() })
            }
            (None, Resolved::Ready(_)) => not_run(Status::Failed { reason: "the rule was not judged".to_owned() }),
        });
        texts.push(text);
        overlays.push(changes);
    }
    let judge::Part { mut findings, mut populations, profile, .. } = part;
    findings.sort();
    let place = |name: &str| prepared.catalog.table(name).map(|(t, _)| t);
    populations.sort_by_key(|count| (place(&count.table), count.region));
    Audit { outcomes, findings, rules: texts, overlays, loaded, populations, profile, messages, catalog: prepared.catalog }
}
