//! Rule files: spec as written -> [`Rule`] resolved, all errors at once; rule folders, overlays, tests as data, lint. Runs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::check::CheckPlan;
use crate::diagnostic::{SourceText, Span};
use crate::finding::{Localised, Name, Severity, Unchecked};
use crate::plan::{ExprId, RelId};

mod dates;
mod folder;
mod form;
mod lint;
mod mutate;
mod overlay;
mod parts;
mod resolve;
mod say;
mod spec;
mod test;
mod tree;
mod words;

#[cfg(test)]
mod tests;

pub use folder::{RuleFile, read_folders, select};
pub use lint::{CODES as LINT_CODES, lint};
pub use mutate::{Mutant, mutants};
pub use overlay::{Change, OverlaySpec, apply, read_overlays};
pub use resolve::resolve;
pub use say::{TemplatePiece, template};
pub use spec::{Report, RuleSpec, SeveritySpec, Text};

/// JSON Schema of rule files.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(RuleSpec).to_value()
}

/// JSON Schema of overlay files.
pub fn overlay_schema() -> serde_json::Value {
    schemars::schema_for!(OverlaySpec).to_value()
}

/// How far a rule may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleStatus {
    Draft,
    Trial,
    Stable,
    Retired,
}

/// What a rule says besides its logic: for lists, the reading guide and the report's rule cards.
#[derive(Debug, Clone)]
pub struct RuleText {
    pub id: String,
    pub title: Localised,
    pub status: RuleStatus,
    pub why: Option<Localised>,
    pub basis: Vec<Basis>,
    pub innocent: Vec<Localised>,
    pub next_step: Option<Localised>,
    /// Catalogue ids the rule covers (`FD12`).
    pub covers: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    pub source: String,
    pub clause: Option<String>,
    pub says: Option<Localised>,
}

/// A rule resolved against the catalog: everything it names is an expression of the graph, in the frame of its units
/// (with `Flag::Pairs` slot 1 is the register's row).
#[derive(Debug, Clone)]
pub struct Rule {
    pub text: RuleText,
    pub path: PathBuf,
    pub file: Arc<SourceText>,
    /// `funds` of `funds/payment-after-death`: rules of one pack are one family when cases are scored.
    pub family: String,
    pub check: CheckPlan,
    /// The first whose condition holds; the last has none.
    pub severity: Vec<(Severity, Option<ExprId>)>,
    /// Entity and key; the first is the case key.
    pub subjects: Vec<(Name, ExprId)>,
    /// Money at stake, fen. Of the rule, else of the check.
    pub amount: Option<ExprId>,
    pub measure: Option<ExprId>,
    pub exempt: Vec<Exemption>,
    /// Exemptions left out because a table that they need was not delivered.
    pub unchecked: Vec<Unchecked>,
    pub say: BTreeMap<String, Vec<SayPiece>>,
    /// `let` names of the check and its own figures (`now`, `peer.p99`): shown with the finding.
    pub figures: Vec<(Name, ExprId)>,
    /// Values the flag hash is made of; default: the figures, the amount and the measure.
    pub decisive: Vec<ExprId>,
    /// Which place and date govern a unit.
    pub region: Option<ExprId>,
    pub date: Option<ExprId>,
    /// One finding per record or one for all records of the group. Absent: as the check's unit is.
    pub report: Option<Report>,
    pub limits: Limits,
    /// Runs first; records it flags are not assessable for others.
    pub validates: Option<Validates>,
    /// Overlays that were applied, in words, for the reading guide.
    pub overlays: Vec<String>,
    /// What is odd but understood.
    pub warnings: crate::diagnostic::Diagnostics,
}

/// Which records a rule may set aside, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validates {
    pub rel: RelId,
    /// Position of the table in the catalog.
    pub table: usize,
    /// A record is set aside for rules that decide by one of these; for all when there are none.
    pub columns: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub struct Exemption {
    /// Bool: exempts the finding where true.
    pub when: ExprId,
    /// `drop:` instead of `when:`: records (slot of the members) for which it is true are taken out and the unit is judged again.
    pub drop: bool,
    pub says: Localised,
}

#[derive(Debug, Clone)]
pub enum SayPiece {
    Text(Name),
    Value(ExprId),
}

#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Parts per million of the population.
    pub max_flag_rate: Option<u32>,
}

/// A test written in a rule file.
#[derive(Debug, Clone)]
pub struct RuleTest {
    pub name: String,
    pub span: Option<Span>,
    /// Table name and its rows as CSV text with header (the place of the text in the rule file, for messages).
    pub given: Vec<(String, crate::diagnostic::Spanned<String>)>,
    /// `name,region,valid_from,value` overrides: parameter name and value as written, in force everywhere and always.
    pub set: Vec<(String, String)>,
    /// Days since 1970-01-01; default: the latest date in `given`.
    pub as_of: Option<i32>,
    /// Record keys (parts joined by `/`) that are flagged and exempt; nothing else may be.
    pub flags: Vec<String>,
    pub exempt: Vec<String>,
    /// As many units are not assessable, if stated.
    pub not_assessable: Option<Vec<String>>,
}
