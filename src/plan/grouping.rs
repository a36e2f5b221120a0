//! How rows are grouped otherwise than by equal keys.

use std::sync::Arc;

use super::KeyPart;
use crate::linkage;
use crate::schema::{TextKind, Type};

/// A way to group. Equal ones over equal parts are one node. The keys of the parts ([`KeyPart::keys`]) are what it looks at, in the order given here;
/// keys after these are carried along: they are read from a group's first row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// Record linkage over the fields of the specification. Columns are [`LINKED_COLUMNS`].
    Linkage(LinkSpec),
    /// `equal` keys that are equal; amount, most that two differ, day, most days between. A scale that is not asked about is the number 0.
    Near { equal: usize },
    /// `equal` keys that are equal; a text of which two differ by at most `edits` characters.
    Similar { equal: usize, edits: u8 },
    /// `equal` keys that are equal; amount, its limit, day, days of a window. Column: the largest total of one window.
    Window { equal: usize },
    /// Someone and what ties them to others; the names of these. Columns are [`RING_COLUMNS`].
    Components { names: Vec<String>, max_shared: u8 },
}

/// What stands in a row that linkage made: weight of the weakest link that holds it together in bits, its probability, what agrees in it, and why a
/// person should look at it first. All but the last are missing where nothing is linked.
pub const LINKED_COLUMNS: [(&str, Type); 4] = [
    ("weight", Type::Decimal(3)),
    ("probability", Type::Decimal(6)),
    ("agreement", Type::Text(TextKind::Plain)),
    ("review", Type::Text(TextKind::Plain)),
];

/// What stands in a row of people tied together: how many; pairs that share a value; these of all pairs; values that are shared; kinds of these;
/// kinds and values in words. Density and words are missing for one alone.
pub const RING_COLUMNS: [(&str, Type); 6] = [
    ("size", Type::Int),
    ("ties", Type::Int),
    ("density", Type::Decimal(6)),
    ("values", Type::Int),
    ("kinds", Type::Int),
    ("through", Type::Text(TextKind::Plain)),
];

impl Grouping {
    /// Columns of a group that the method gives; its keys come after them.
    pub fn columns(&self) -> Vec<&'static str> {
        match self {
            Grouping::Linkage(_) => LINKED_COLUMNS.iter().map(|c| c.0).collect(),
            Grouping::Near { .. } | Grouping::Similar { .. } => vec![],
            Grouping::Window { .. } => vec!["peak"],
            Grouping::Components { .. } => RING_COLUMNS.iter().map(|c| c.0).collect(),
        }
    }
    /// How many of the keys are equal in all rows of a group; 0: any two rows may be one group.
    pub fn equal(&self) -> usize {
        match self {
            Grouping::Linkage(_) | Grouping::Components { .. } => 0,
            Grouping::Near { equal } | Grouping::Similar { equal, .. } | Grouping::Window { equal } => *equal,
        }
    }
    /// For the profile.
    pub fn name(&self) -> &'static str {
        match self {
            Grouping::Linkage(_) => "linkage",
            Grouping::Near { .. } => "near",
            Grouping::Similar { .. } => "similar",
            Grouping::Window { .. } => "windows",
            Grouping::Components { .. } => "components",
        }
    }
}

/// Rows that keys bring together: the parts, the column of a group in which its first key stands, and how many keys are equal.
pub struct Keyed<'r> {
    pub parts: &'r [KeyPart],
    pub first: usize,
    pub equal: usize,
}

impl Keyed<'_> {
    /// The key that stands in column `column` of a group.
    pub fn position(&self, column: usize) -> Option<usize> {
        column.checked_sub(self.first)
    }
}

/// The question that linkage answers. Equal specifications are one node.
#[derive(Debug, Clone)]
pub struct LinkSpec {
    pub spec: Arc<linkage::Spec>,
    /// The keys of the parts end with what names a record, and the last part holds judgements: two such names and a verdict each.
    pub judged: bool,
    /// The specification as text: what makes two of them equal.
    text: Arc<str>,
}

impl LinkSpec {
    pub fn new(spec: linkage::Spec, judged: bool) -> Self {
        let text = serde_json::to_string(&spec).unwrap_or_default();
        LinkSpec { spec: Arc::new(spec), judged, text: Arc::from(text) }
    }
}

impl PartialEq for LinkSpec {
    fn eq(&self, other: &Self) -> bool {
        self.judged == other.judged && self.text == other.text
    }
}
impl Eq for LinkSpec {}
impl std::hash::Hash for LinkSpec {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
