//! The kinds of check: a closed set of forms, one file and one registry line each.
//!
//! A check is a pure plan: it turns its parameters into a unit relation, a three-valued flag and the names that the rule's other
//! expressions may use. It does no I/O, makes no ids and writes no messages.

use serde::{Deserialize, Serialize};

use crate::plan::{ExprId, RelId, RowRef, Scope, SetId};

/// Why a unit could not be assessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A cell that the rule reads did not parse, or a link found several rows and no `pick` decides.
    Unreadable,
    /// The register does not cover the record's place and date.
    NotCovered,
    /// The window is not closed at the as-of date.
    NotDue,
    /// An integrity rule flagged the record.
    FailedIntegrity,
    /// A value that the rule needs is missing.
    MissingValue,
}

/// What a unit of a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    Record,
    Group,
    KeyPeriod,
    Anchor,
    Area,
}

/// A condition on the unit's row under which the unit is not assessable, with the reason printed.
#[derive(Debug, Clone)]
pub struct Precondition {
    /// Bool in the unit's frame: not true -> not assessable.
    pub holds: ExprId,
    pub reason: Reason,
}

/// One register that `match` looks into.
#[derive(Debug, Clone)]
pub struct Register {
    pub name: String,
    /// Key ladder, strongest first: `RowSet::Matching` sets and how they are named in evidence (`id_no`). The first rung that finds rows is used.
    pub rungs: Vec<(SetId, String)>,
    /// Bool; slot 0 the unit's row, slot 1 the register's row.
    pub flag: ExprId,
    /// Bool in the unit's frame: the register covers the record's place and date. `None`: covers everything.
    pub covered: Option<ExprId>,
    /// Exprs whose missing value makes the unit not assessable: the unit's keys, per rung.
    pub keys: Vec<Vec<ExprId>>,
}

/// What flags a unit.
#[derive(Debug, Clone)]
pub enum Flag {
    /// Bool in the unit's frame: true flags, false clears, unknown is not assessable.
    Row(ExprId),
    /// Any pair that flags flags the unit; with none found the register must cover the record.
    Pairs(Vec<Register>),
}

/// Rows that belong to a unit's evidence besides its own row: member rows, rows counted.
#[derive(Debug, Clone)]
pub struct Members {
    /// Part the rows play in the evidence.
    pub role: String,
    /// Row of the unit's frame that owns the set.
    pub owner: RowRef,
    pub set: SetId,
    /// Slot of the member row in `filter` (1, or one past the owner's).
    pub inner: u8,
    pub filter: Option<ExprId>,
}

/// What a check compiles to.
#[derive(Debug, Clone)]
pub struct CheckPlan {
    pub kind: UnitKind,
    /// What a unit is, for the outcome table: `record of payments`.
    pub unit: String,
    /// Relation of the units; slot 0.
    pub rel: RelId,
    /// Position in `Catalog::tables` of the table the unit's records belong to.
    pub table: usize,
    /// Bools in the unit's frame: the population is where all are true. Unknown: not assessable (missing value).
    pub population: Vec<ExprId>,
    pub preconditions: Vec<Precondition>,
    pub flag: Flag,
    /// What `say`, `amount`, `measure`, `exempt`, `subject`, `severity` may name. With `Flag::Pairs` slot 1 is the register's row.
    pub scope: Scope,
    /// Money at stake when the rule gives no `amount:` (`reconcile`, `missing`).
    pub amount: Option<ExprId>,
    /// What ranks findings when the rule gives no `measure:`.
    pub measure: Option<ExprId>,
    /// Period of the unit, for the finding's identity.
    pub period: Option<ExprId>,
    /// Member rows that are evidence. The unit's own row (for a group: none), rows reached by hops and flagged pairs are added by the engine.
    pub members: Vec<Members>,
    /// Named numbers worth showing beside `let` names (`now`, `before`, `peer.p99`).
    pub figures: Vec<(String, ExprId)>,
    /// Exprs of the unit's identity besides its record key: group keys.
    pub identity: Vec<ExprId>,
}
