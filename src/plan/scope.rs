//! What the names of one expression mean: the rows at hand and the names a check or a `let` gives.

use super::{ExprId, RelId, RowRef, SetId};

/// A row at hand.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Names that may stand before a column of this row: the table's or view's name, `other`.
    pub names: Vec<String>,
    pub rel: RelId,
    pub row: RowRef,
    /// Whether its columns may be named without a prefix.
    pub bare: bool,
    /// For a group: its member rows, so that `count(*)`, `sum(payments.amount)` aggregate over them. The string names are the members'.
    pub members: Vec<(Vec<String>, SetId, RelId)>,
}

/// Names are looked up in this order: `names`, slots' names, columns and links of bare slots (first slot first).
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub slots: Vec<Slot>,
    /// Names that stand for an expression: `let` names, `now`, `before`, dotted ones such as `peer.p99`.
    pub names: Vec<(String, ExprId)>,
    /// Names that exist but have no meaning here, with the reason ("`other.` needs `with:`"); for messages.
    pub hints: Vec<(String, String)>,
    /// Governing date and place of `param()` without `at`/`place`: those of the unit's own record.
    pub at: Option<ExprId>,
    pub place: Option<ExprId>,
}
