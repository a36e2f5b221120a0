//! What a test node runs.

use std::sync::Arc;

use super::share::{self, Share};
use crate::schema::{TextKind, Type};

/// A value that a unit or member does not have, or a result that could not be computed.
pub const MISSING: i64 = i64::MIN;

/// What a kernel is told. Numbers are counted in the smallest unit of their type (money in fen, dates in days, truth as 0 and 1); texts are ranks, equal
/// where the texts are equal.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// By value, then unit.
    pub units: &'a [Vec<i64>],
    /// Members of unit u are `starts[u]..starts[u + 1]`; one more than there are units.
    pub starts: &'a [usize],
    /// By value, then member.
    pub members: &'a [Vec<i64>],
}

impl Inputs<'_> {
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
    /// Value `value` of the members of `unit`.
    pub fn members_of(&self, value: usize, unit: usize) -> &[i64] {
        &self.members[value][self.starts[unit]..self.starts[unit + 1]]
    }
}

/// A column of results, one row per unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// In the smallest unit of the column's type; [`MISSING`] where there is none.
    Number(Vec<i64>),
    Text(Vec<Option<Arc<str>>>),
}

/// A test of all units at once. Equal kernels over equal values are one node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kernel {
    Share(Share),
}

impl Kernel {
    /// For the profile.
    pub fn name(&self) -> &'static str {
        match self {
            Kernel::Share(_) => "share",
        }
    }
    /// Names and types of the columns it gives.
    pub fn columns(&self) -> &'static [(&'static str, Type)] {
        match self {
            Kernel::Share(_) => share::COLUMNS,
        }
    }
    /// The columns, each with one row per unit.
    pub fn run(&self, inputs: &Inputs<'_>) -> Vec<Column> {
        match self {
            Kernel::Share(spec) => share::run(spec, inputs),
        }
    }
}

pub(super) const INT: Type = Type::Int;
pub(super) const TEXT: Type = Type::Text(TextKind::Plain);
pub(super) const D2: Type = Type::Decimal(2);
pub(super) const D6: Type = Type::Decimal(6);
pub(super) const D9: Type = Type::Decimal(9);

/// A kernel's own columns, and after them those that [`super::Family::columns`] gives.
macro_rules! columns {
    ($($name:literal: $ty:expr),* $(,)?) => {
        &[
            $(($name, $ty),)*
            ("p", D9),
            ("q", D9),
            ("log10_p", D2),
            ("p_words", TEXT),
            ("q_words", TEXT),
            ("family_size", INT),
            ("reason", TEXT),
        ]
    };
}
pub(super) use columns;

/// Rounded half away from zero to `scale` decimals; none for what is not a number or does not fit.
pub(super) fn decimal(value: f64, scale: i32) -> i64 {
    let units = (value * 10f64.powi(scale)).round();
    // Beyond 2^62 nothing the programme counts is exact any more.
    if units.is_finite() && units.abs() < 4.6e18 { units as i64 } else { MISSING }
}
