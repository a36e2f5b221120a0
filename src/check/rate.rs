//! `rate`: a share of an area, enumerator or office far from that of its peers.

use schemars::JsonSchema;
use serde::Deserialize;

use super::digits::SideName;
use super::keys::NamedKeys;
use super::planner::Planner;
use super::tested::TestedGroups;
use super::{Check, CheckPlan};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::plan::Want;
use crate::schema::{Type, Value};
use crate::stats::{Kernel, Rate};

/// Flags groups in which the share of records that fulfil a condition is far from that of their peers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateCheck {
    /// Table or view whose records are counted.
    pub table: Spanned<String>,
    /// Which of its records are counted; all when absent.
    pub among: Option<Spanned<String>>,
    /// Condition of the record; the share for which it is true is tested.
    pub share: Spanned<String>,
    /// The groups: a column, a list of them, or names with expressions `{town: household.village.town_code, year: year}`.
    pub by: NamedKeys,
    /// Names of keys of `by` whose groups are one family: groups with the same values of them are judged together. All groups when absent.
    #[serde(default)]
    pub family: OneOrMany<Spanned<String>>,
    /// Names of keys of `by`; groups with the same values of them (and of the family's) are peers. The whole family when absent.
    #[serde(default)]
    pub peers: OneOrMany<Spanned<String>>,
    /// A share that is to be expected instead of that of the peers.
    pub against: Option<Spanned<String>>,
    /// Whether a share that is `high` (when absent), `low` or `both` is flagged.
    pub side: Option<Spanned<SideName>>,
    /// Records that a group needs; 30 when absent.
    pub min_n: Option<Spanned<String>>,
    /// Flagged are groups with a false-discovery rate of at most this; 0.05 when absent.
    pub max_q: Option<Spanned<String>>,
    /// And with a share at least this far from the expected one; 0.1 when absent.
    pub min_effect: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the group.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for RateCheck {
    const NAME: &'static str = "rate";
    const TITLE: &'static str = "A share far from that of the peers";
    const FINDS: &'static str = "Areas, enumerators, offices or accounts in which the share of records that fulfil a condition is far from that of their peers, or from a given one.";
    const POPULATION: &'static str = "Groups of one key; those with too few records or peers are not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/rate.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let mut groups = TestedGroups::new(planner, &self.table, self.among.as_ref(), &self.by, &self.family, &self.peers)?;
        groups.peered = self.against.is_none();
        let hit = planner.bool(&self.share, &groups.records)?;
        let (miss, one, zero) = (planner.not(hit), planner.int(1), planner.int(0));
        let hit = planner.case(vec![(hit, one), (miss, zero)], None, Type::Int);
        let least = groups.setting(planner, self.min_n.as_ref(), Value::Int(30))?;
        let given = match &self.against {
            Some(text) => planner.expr(text, &groups.scope, Want::Type(Type::Decimal(6)))?,
            None => planner.null(Type::Decimal(6)),
        };
        let max_q = groups.setting(planner, self.max_q.as_ref(), Value::Decimal { units: 50_000_000, scale: 9 })?;
        let (families, peers) = groups.counts();
        let side = self.side.as_ref().map_or(SideName::High, |s| s.value).side();
        let kernel = Kernel::Rate(Rate { side, given: self.against.is_some(), min_dates: 0, windows: false, families, peers });
        let tested = groups.test_of(planner, kernel, vec![least, given, max_q], &[hit], &[]);
        let null = if self.against.is_some() {
            "each record counts with the expected share"
        } else {
            "the share is one of those that the peers have, which vary among themselves"
        };
        let limits = (self.max_q.as_ref(), self.min_effect.as_ref(), 100_000);
        groups.plan(planner, tested, null, limits, &self.lets, self.condition.as_ref(), "effect")
    }
}
