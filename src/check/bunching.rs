//! `bunching`: too many figures just on the good side of a threshold.

use schemars::JsonSchema;
use serde::Deserialize;

use super::digits::unit_of;
use super::keys::NamedKeys;
use super::planner::Planner;
use super::tested::TestedGroups;
use super::{Check, CheckPlan, Flag};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::plan::{BinaryOp, Want};
use crate::schema::{Type, Value};
use crate::stats::{BunchTest, Bunching, Kernel};

/// Flags groups whose figures pile up on one side of a threshold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BunchingCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are looked at; all when absent.
    pub among: Option<Spanned<String>>,
    /// The figure that decides: an int, decimal or money.
    pub measure: Spanned<String>,
    /// The limit, an expression of the group.
    pub threshold: Spanned<String>,
    /// The groups: a column, a list of them, or names with expressions `{county: county(household.region_code), year: year}`.
    pub by: NamedKeys,
    /// Names of keys of `by` whose groups are one family: groups with the same values of them are judged together. All groups when absent.
    #[serde(default)]
    pub family: OneOrMany<Spanned<String>>,
    /// Where figures pile up; `above` when absent.
    pub side: Option<Spanned<GoodSide>>,
    /// Whether a figure that equals the threshold belongs to that side; true when absent for `above`, false for `below`.
    pub inclusive: Option<Spanned<bool>>,
    /// How both sides are compared; `count` when absent.
    pub test: Option<Spanned<BunchName>>,
    /// `count`: how far from the threshold figures are counted, `limit`: width of a bin, `mass`: two bins, all in shares of the threshold; 0.05 when absent.
    pub window: Option<Spanned<String>>,
    /// Figures that are multiples of this are left out, e.g. `yuan(100)`; none when absent.
    pub unit: Option<Spanned<String>>,
    /// `count`: names of keys of `by`; groups with the same values of them (and of the family's) are peers. The whole family when absent.
    #[serde(default)]
    pub peers: OneOrMany<Spanned<String>>,
    /// Figures that are needed; 20 in both windows (`count`), 200 in all (`density`), 100 in the bins (`limit`), 200 in the bins (`mass`) when absent.
    pub min_n: Option<Spanned<String>>,
    /// Flagged are groups with a false-discovery rate of at most this; 0.05 when absent.
    pub max_q: Option<Spanned<String>>,
    /// And with an effect of at least this; 0.2 when absent.
    pub min_effect: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the group.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GoodSide {
    Above,
    Below,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BunchName {
    Count,
    Density,
    Limit,
    Mass,
}

impl BunchName {
    /// The kernel's test, the figures it needs, and the null in words.
    fn test(self) -> (BunchTest, i64, &'static str) {
        match self {
            BunchName::Count => (BunchTest::Count, 20, "near the threshold as many stand on this side as among peers"),
            BunchName::Density => (BunchTest::Density, 200, "one smooth distribution runs through the threshold"),
            BunchName::Limit => (BunchTest::Limit, 100, "the last bin below the limit continues those before it"),
            BunchName::Mass => {
                (BunchTest::Mass, 200, "outside the window the bins follow a smooth curve, and it runs on through the window")
            }
        }
    }
}

impl Check for BunchingCheck {
    const NAME: &'static str = "bunching";
    const TITLE: &'static str = "Too many just on the good side of a threshold";
    const FINDS: &'static str = "Areas, enumerators or offices whose figures pile up on one side of a limit and are missing on the other.";
    const POPULATION: &'static str =
        "Groups of one key; those with too few figures near the threshold, or too few peers, are not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/bunching.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let (test, min_n, null) = self.test.as_ref().map_or(BunchName::Count, |t| t.value).test();
        let above = self.side.as_ref().is_none_or(|s| s.value == GoodSide::Above);
        let inclusive = self.inclusive.as_ref().map_or(above, |i| i.value);
        let mut groups = TestedGroups::new(planner, &self.table, self.among.as_ref(), &self.by, &self.family, &self.peers)?;
        groups.peered = test == BunchTest::Count;
        let figure = planner.expr(&self.measure, &groups.records, Want::Numeric)?;
        let ty = planner.graph.type_of(figure);
        let threshold = planner.expr(&self.threshold, &groups.scope, Want::Type(ty))?;
        let least = match &self.min_n {
            Some(text) => planner.expr(text, &groups.scope, Want::Type(Type::Int))?,
            None => planner.int(min_n),
        };
        let window = match &self.window {
            Some(text) => planner.expr(text, &groups.scope, Want::Type(Type::Decimal(6)))?,
            None => planner.literal(Value::Decimal { units: 50_000, scale: 6 }),
        };
        let unit = unit_of(planner, self.unit.as_ref(), &groups.scope, ty)?;
        let (families, peers) = groups.counts();
        let kernel = Kernel::Bunching(Bunching { test, above, inclusive, families, peers });
        let mut tested = groups.test(planner, kernel, vec![least, threshold, window, unit], figure, &["width.left", "width.right"]);
        tested.names.insert(0, ("threshold".to_owned(), threshold));
        let beaten = (test != BunchTest::Count).then(|| {
            let named = |name: &str| tested.names.iter().find(|(known, _)| known == name).map(|(_, expr)| *expr);
            Some((named("placebo.beaten")?, named("placebo.n")?))
        });
        let limits = (self.max_q.as_ref(), self.min_effect.as_ref(), 200_000);
        let mut plan = groups.plan(planner, tested, null, limits, &self.lets, self.condition.as_ref(), "excess")?;
        if let (Flag::Row(flag), Some((beaten, n))) = (&mut plan.flag, beaten.flatten()) {
            let all = planner.compare(BinaryOp::GreaterEqual, beaten, n);
            *flag = planner.all(&[*flag, all]);
        }
        Some(plan)
    }
}
