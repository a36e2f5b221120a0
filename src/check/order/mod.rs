//! `order`: events missing, out of order, too close, too late; intervals that overlap; idle time; states that come and go; late entries.

mod events;
mod intervals;
mod steps;

use schemars::JsonSchema;
use serde::Deserialize;

pub use events::{BackFilled, Cycle, Idle};
pub use intervals::{Gap, Overlap};
pub use steps::{Anchor, Step};

use super::keys::NamedKeys;
use super::planner::{Planner, Source};
use super::{Check, CheckPlan};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{ExprId, Scope, Want};
use crate::schema::Type;

/// Flags events and intervals that do not stand in their order. One of `steps`, `overlap`, `gap`, `idle`, `cycle`, `back_filled`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderCheck {
    /// Table or view of the anchors (`steps`, `idle`), intervals (`overlap`, `gap`) or records (`cycle`, `back_filled`).
    pub table: Spanned<String>,
    /// Which of its records are the population; all when absent.
    pub among: Option<Spanned<String>>,
    /// Whose events or intervals belong together: a column, a list of them, or names with expressions. With `steps`: default of their `keys`.
    pub per: Option<NamedKeys>,
    /// The anchor's or record's day; its governing date when absent.
    pub date: Option<Spanned<String>>,
    /// Whether the anchor stands after the steps (`last`, when absent) or before them (`first`).
    pub anchor: Option<Spanned<Anchor>>,
    /// Events in the order in which they should stand, the anchor left out.
    #[serde(default)]
    pub steps: Ordered<Step>,
    /// Intervals of one key that share more days than a hand-over.
    pub overlap: Option<Overlap>,
    /// Idle days between intervals of one key.
    pub gap: Option<Gap>,
    /// Nothing done for long after the anchor.
    pub idle: Option<Idle>,
    /// A state that is turned off and on again.
    pub cycle: Option<Cycle>,
    /// Records entered long after they happened, or in a rush before a date.
    pub back_filled: Option<BackFilled>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// `steps`: what is flagged; when absent, a missing required step, a wrong order, and steps too close or too late.
    /// Other forms: a further condition.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for OrderCheck {
    const NAME: &'static str = "order";
    const TITLE: &'static str = "Events and intervals out of order";
    const FINDS: &'static str = "Steps that are missing, out of order, too close or too late; intervals of one key that overlap; idle time; a state that goes on and off; late entries.";
    const POPULATION: &'static str = "Anchors (`steps`, `idle`); records of the table (`overlap`, `back_filled`); records with an earlier one of their key (`gap`); keys (`cycle`, `bulk`).";
    const DOC: &'static str = include_str!("../../../docs/checks/order.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn others(&self) -> Vec<Spanned<String>> {
        self.steps.iter().map(|(_, step)| &step.table).chain(self.idle.iter().map(|idle| &idle.table)).cloned().collect()
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let forms: [(bool, fn(&Self, &mut Planner) -> Option<CheckPlan>); 6] = [
            (!self.steps.is_empty(), steps::plan),
            (self.overlap.is_some(), |spec, planner| intervals::overlap(spec, spec.overlap.as_ref()?, planner)),
            (self.gap.is_some(), |spec, planner| intervals::gap(spec, spec.gap.as_ref()?, planner)),
            (self.idle.is_some(), |spec, planner| events::idle(spec, spec.idle.as_ref()?, planner)),
            (self.cycle.is_some(), |spec, planner| events::cycle(spec, spec.cycle.as_ref()?, planner)),
            (self.back_filled.is_some(), |spec, planner| events::back_filled(spec, spec.back_filled.as_ref()?, planner)),
        ];
        let mut given = forms.iter().filter(|(given, _)| *given);
        match (given.next(), given.next()) {
            (Some((_, plan)), None) => plan(self, planner),
            _ => {
                let error =
                    Diagnostic::error("order-form", "`order` takes one of `steps`, `overlap`, `gap`, `idle`, `cycle`, `back_filled`");
                planner.error(error.at(self.table.span.clone(), "this check").help("write one rule for each"));
                None
            }
        }
    }
}

impl OrderCheck {
    /// The day of the anchor or record.
    fn day(&self, planner: &mut Planner, own: Source, scope: &Scope) -> Option<ExprId> {
        match &self.date {
            Some(text) => planner.expr(text, scope, Want::Type(Type::Date)),
            None => planner.governing_day(own, scope, &self.table),
        }
    }
}
