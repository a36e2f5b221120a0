//! `order`: events missing, out of order, too close, too late; intervals that overlap; idle time.

mod intervals;
mod steps;

use schemars::JsonSchema;
use serde::Deserialize;

pub use intervals::{Gap, Overlap};
pub use steps::{Anchor, Step};

use super::keys::NamedKeys;
use super::planner::Planner;
use super::{Check, CheckPlan};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Spanned};

/// Flags events and intervals that do not stand in their order. One of `steps`, `overlap`, `gap`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderCheck {
    /// Table or view of the anchors (`steps`) or intervals (`overlap`, `gap`).
    pub table: Spanned<String>,
    /// Which of its records are the population; all when absent.
    pub among: Option<Spanned<String>>,
    /// Whose events or intervals belong together: a column, a list of them, or names with expressions. With `steps`: default of their `keys`.
    pub per: Option<NamedKeys>,
    /// The anchor's day; its governing date when absent.
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
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// `steps`: what is flagged; when absent, a missing required step, a wrong order, and steps too close or too late.
    /// `overlap`, `gap`: a further condition.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for OrderCheck {
    const NAME: &'static str = "order";
    const TITLE: &'static str = "Events and intervals out of order";
    const FINDS: &'static str =
        "Steps that are missing, out of order, too close or too late; intervals of one key that overlap; idle time between them.";
    const POPULATION: &'static str =
        "Anchors (`steps`); records of the table (`overlap`); records with an earlier one of their key (`gap`).";
    const DOC: &'static str = include_str!("../../../docs/checks/order.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn others(&self) -> Vec<Spanned<String>> {
        self.steps.iter().map(|(_, step)| step.table.clone()).collect()
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        match (self.steps.is_empty(), &self.overlap, &self.gap) {
            (false, None, None) => steps::plan(self, planner),
            (true, Some(overlap), None) => intervals::overlap(self, overlap, planner),
            (true, None, Some(gap)) => intervals::gap(self, gap, planner),
            _ => {
                let error = Diagnostic::error("order-form", "`order` takes one of `steps`, `overlap`, `gap`");
                planner.error(error.at(self.table.span.clone(), "this check").help("write one rule for each"));
                None
            }
        }
    }
}
