//! What a test node runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bunching::{self, Bunching};
use super::digits::{self, Digits};
use super::hits::{self, Hits};
use super::rate::{self, Rate};
use super::repeat::{self, Repeat};
use super::share::{self, Share};
use super::spread::{self, Spread};
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
    /// By value of members: the texts that ranks stand for, ascending; none where the value is no text.
    pub texts: &'a [Vec<Arc<str>>],
}

impl Inputs<'_> {
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }
    /// Value `value` of each unit; missing where there is no such value.
    pub fn unit_value(&self, value: usize, unit: usize) -> i64 {
        self.units.get(value).map_or(MISSING, |values| values[unit])
    }
    /// One number per unit, equal where all of the given values are: families and peers.
    pub fn ids(&self, values: std::ops::Range<usize>) -> Vec<i64> {
        let mut known: BTreeMap<Vec<i64>, i64> = BTreeMap::new();
        let mut id = |unit| {
            let key = values.clone().map(|v| self.unit_value(v, unit)).collect();
            let next = known.len() as i64;
            *known.entry(key).or_insert(next)
        };
        (0..self.len()).map(&mut id).collect()
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

/// What a kernel gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// In the order of [`Kernel::columns`], each with one row per unit.
    pub columns: Vec<Column>,
    /// Members to look at first: position among all members, rank within its unit (from 0), at most [`LEADS`] of a unit and only of units with a p of at most [`SHOWN`].
    pub leads: Vec<(usize, u32)>,
}

/// Members of a unit to look at first.
pub const LEADS: usize = 25;
/// Up to which p what is only for show (chart, leads, sensitivity) is computed; q is never smaller than p.
pub const SHOWN: f64 = 0.2;

/// A test of all units at once. Equal kernels over equal values are one node of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kernel {
    Share(Share),
    Digits(Digits),
    Bunching(Bunching),
    Rate(Rate),
    Hits(Hits),
    Repeat(Repeat),
    Spread(Spread),
}

impl Kernel {
    /// For the profile.
    pub fn name(&self) -> &'static str {
        match self {
            Kernel::Share(_) => "share",
            Kernel::Digits(_) => "digits",
            Kernel::Bunching(_) => "bunching",
            Kernel::Rate(_) => "rate",
            Kernel::Hits(_) => "hits",
            Kernel::Repeat(_) => "repeat",
            Kernel::Spread(_) => "spread",
        }
    }
    /// Names and types of the columns it gives.
    pub fn columns(&self) -> &'static [(&'static str, Type)] {
        match self {
            Kernel::Share(_) => share::COLUMNS,
            Kernel::Digits(_) => digits::COLUMNS,
            Kernel::Bunching(_) => bunching::COLUMNS,
            Kernel::Rate(_) => rate::COLUMNS,
            Kernel::Hits(_) => hits::COLUMNS,
            Kernel::Repeat(_) => repeat::COLUMNS,
            Kernel::Spread(_) => spread::COLUMNS,
        }
    }
    pub fn run(&self, inputs: &Inputs<'_>) -> Output {
        match self {
            Kernel::Share(spec) => share::run(spec, inputs),
            Kernel::Digits(spec) => digits::run(spec, inputs),
            Kernel::Bunching(spec) => bunching::run(spec, inputs),
            Kernel::Rate(spec) => rate::run(spec, inputs),
            Kernel::Hits(spec) => hits::run(spec, inputs),
            Kernel::Repeat(spec) => repeat::run(spec, inputs),
            Kernel::Spread(spec) => spread::run(spec, inputs),
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
            ("p.words", TEXT),
            ("q.words", TEXT),
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
