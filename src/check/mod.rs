//! The kinds of check: a closed set of forms, one file and one registry line each.
//!
//! A check is a pure plan: it turns its parameters into a unit relation, a three-valued flag and the names that the rule's other
//! expressions may use. It does no I/O, makes no ids and writes no messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostics, Spanned};
use crate::plan::{ExprId, RelId, RowRef, Scope, SetId, TestId};

mod build;
mod keys;
mod planner;

mod bunching;
mod change;
mod concentration;
mod digits;
mod duplicate;
mod matches;
mod missing;
mod order;
mod reconcile;
mod outlier;
mod query;
mod ring;
mod quota;
mod rate;
mod repeat;
mod row;
mod same_entity;
mod select;
mod snapshot;
mod split;
mod travel;
mod tested;

pub use keys::{Keys, NamedKeys, Names};
pub use planner::Planner;
pub use same_entity::block_part;

/// What a form of check is, for lists and pages.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// As written under `check:`.
    pub name: &'static str,
    pub title: &'static str,
    /// What it finds, in one sentence.
    pub finds: &'static str,
    /// What is counted: flagged + clear + exempt + not assessable.
    pub population: &'static str,
    /// The page `docs/checks/<name>.md`.
    pub doc: &'static str,
    /// JSON Schema of the parameters.
    pub parameters: fn() -> schemars::Schema,
}

/// What each form of check gives: its description and its plan.
trait Check: JsonSchema {
    const NAME: &'static str;
    const TITLE: &'static str;
    const FINDS: &'static str;
    const POPULATION: &'static str;
    const DOC: &'static str;

    /// The table whose records the units belong to.
    fn table(&self) -> &Spanned<String>;
    /// Every other table named.
    fn others(&self) -> Vec<Spanned<String>> {
        vec![]
    }
    /// The population as the rule narrows it, if it does.
    fn among(&self) -> Option<&Spanned<String>> {
        None
    }
    /// `None`: the planner holds the messages.
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan>;
}

macro_rules! registry {
    ($($variant:ident => $spec:ty),* $(,)?) => {
        /// The check of a rule: `check: {KIND: {parameters}}`.
        #[derive(Debug, Clone, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum CheckSpec {
            $($variant($spec),)*
        }

        /// All forms of check.
        pub const KINDS: &[Kind] = &[$(Kind {
            name: <$spec as Check>::NAME,
            title: <$spec as Check>::TITLE,
            finds: <$spec as Check>::FINDS,
            population: <$spec as Check>::POPULATION,
            doc: <$spec as Check>::DOC,
            parameters: || schemars::schema_for!($spec),
        }),*];

        impl CheckSpec {
            /// The name of its form.
            pub fn kind(&self) -> &'static str {
                match self { $(CheckSpec::$variant(_) => <$spec as Check>::NAME,)* }
            }
            /// The table whose records the units belong to.
            pub fn table(&self) -> &Spanned<String> {
                match self { $(CheckSpec::$variant(spec) => Check::table(spec),)* }
            }
            /// All tables and views it names, the units' table first.
            pub fn tables(&self) -> Vec<Spanned<String>> {
                let mut all = vec![self.table().clone()];
                all.extend(match self { $(CheckSpec::$variant(spec) => Check::others(spec),)* });
                all.retain(|name| !name.value.is_empty());
                all
            }
            /// The population as the rule narrows it, if it does.
            pub fn among(&self) -> Option<&Spanned<String>> {
                match self { $(CheckSpec::$variant(spec) => Check::among(spec),)* }
            }
            fn plan_of(&self, planner: &mut Planner) -> Option<CheckPlan> {
                match self { $(CheckSpec::$variant(spec) => Check::plan(spec, planner),)* }
            }
        }
    };
}

// One line per form of check.
registry! {
    Row => row::RowCheck,
    Duplicate => duplicate::DuplicateCheck,
    Change => change::ChangeCheck,
    Match => matches::MatchCheck,
    Missing => missing::MissingCheck,
    Reconcile => reconcile::ReconcileCheck,
    Order => order::OrderCheck,
    Concentration => concentration::ConcentrationCheck,
    Outlier => outlier::OutlierCheck,
    SameEntity => same_entity::SameEntityCheck,
    Split => split::SplitCheck,
    Travel => travel::TravelCheck,
    Ring => ring::RingCheck,
    Snapshot => snapshot::SnapshotCheck,
    Digits => digits::DigitsCheck,
    Bunching => bunching::BunchingCheck,
    Rate => rate::RateCheck,
    Quota => quota::QuotaCheck,
    Repeat => repeat::RepeatCheck,
    Query => query::QueryCheck,
}

impl CheckSpec {
    /// The plan of this check against the catalog, or everything that is wrong with it. Warnings stay with the planner.
    pub fn plan(&self, planner: &mut Planner) -> Result<CheckPlan, Diagnostics> {
        let plan = self.plan_of(planner);
        match plan {
            Some(plan) if !planner.messages.has_errors() => Ok(plan),
            _ => Err(std::mem::take(&mut planner.messages)),
        }
    }
}

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
    /// Too few records, or peers, to tell.
    TooFew,
    /// A statistical test says nothing about figures like these.
    NotApplicable,
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
    /// The test whose members of `members[0]` to look at first are listed instead of all; the finding is then about the group, never about one person or household.
    pub leads: Option<TestId>,
    /// Named values worth showing: the `let` names in order, then the check's own (`now`, `before`, `peer.p99`).
    pub figures: Vec<(String, ExprId)>,
    /// Exprs of the unit's identity besides its record key: group keys. For units that are groups they are the whole identity.
    pub identity: Vec<ExprId>,
}

impl CheckPlan {
    /// A plan over the rows of `source` that flags nothing yet; checks fill in what they have.
    fn of(kind: UnitKind, unit: String, source: planner::Source, scope: Scope) -> Self {
        CheckPlan {
            kind,
            unit,
            rel: source.rel,
            table: source.table,
            population: vec![],
            preconditions: vec![],
            flag: Flag::Pairs(vec![]),
            scope,
            amount: None,
            measure: None,
            period: None,
            members: vec![],
            leads: None,
            figures: vec![],
            identity: vec![],
        }
    }
}

#[cfg(test)]
mod tests;
