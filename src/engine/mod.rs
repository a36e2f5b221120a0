//! Runs rules: resolves them against the project, loads what they need, judges all units in shared passes, and builds findings for
//! flagged units alone. One outcome per rule, whatever happens to it.

use std::path::PathBuf;
use std::time::Instant;

use crate::diagnostic::Diagnostics;
use crate::exec::NodeProfile;
use crate::finding::{Finding, Outcome};
use crate::plan::Catalog;
use crate::project::Project;
use crate::rule::{RuleFile, RuleText};
use crate::table::{Loaded, Progress, Silent};

mod arithmetic;
mod ask;
mod evidence;
mod finding;
mod identity;
mod judge;
mod late;
mod needs;
mod population;
mod prepare;
mod records;
mod test;

pub use ask::{Question, Reply, ask};
pub use population::RegionCount;
pub use prepare::{Prepared, Resolved};
pub use records::{Found, Lookup, RecordOrigin, records_of};
pub use test::{TestResult, Verdict, run_tests};

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
    /// Records listed as evidence of one finding.
    pub evidence_rows: usize,
    pub progress: &'a dyn Progress,
}

impl Options<'_> {
    pub fn new(as_of: i32, secret: [u8; 32]) -> Self {
        Options { as_of, region: None, secret, store: None, restricted_ok: false, memory: None, evidence_rows: 40, progress: &Silent }
    }
}

/// What a run found.
#[derive(Debug)]
pub struct Audit {
    /// One per rule file, ascending by id.
    pub outcomes: Vec<Outcome>,
    /// By rule, subject, date, key.
    pub findings: Vec<Finding>,
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
    let prepared = Prepared::new(project, files, options.as_of, options.region)?;
    let start = Instant::now();
    let loaded = prepared.load(project, options)?;
    let rows = loaded.receipt.iter().map(|r| r.rows).sum();
    let load = NodeProfile { name: "load".to_owned(), rows_in: rows, rows_out: rows, bytes: 0, wall: start.elapsed(), users: files.len() };
    let mut audit = judge::judge(project, prepared, loaded, options)?;
    audit.profile.insert(0, load);
    Ok(audit)
}
