//! `digits`: first digits, last digits and round figures of an area, enumerator or office.

use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::{NamedKeys, Names};
use super::planner::Planner;
use super::tested::TestedGroups;
use super::{Check, CheckPlan};
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{ExprId, Scope, Want};
use crate::schema::Type;
use crate::stats::{DigitTest, Digits, Kernel, Side};

/// Flags groups whose figures have digits that figures do not have by themselves.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DigitsCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are looked at; all when absent.
    pub among: Option<Spanned<String>>,
    /// The figure: an int, decimal or money.
    pub measure: Spanned<String>,
    /// The groups: a column, a list of them, or names with expressions `{village: household.region_code, year: year}`.
    pub by: NamedKeys,
    /// Names of keys of `by` whose groups are one family: groups with the same values of them are judged together. All groups when absent.
    #[serde(default)]
    pub family: OneOrMany<Spanned<String>>,
    /// What is looked at.
    pub test: Spanned<TestName>,
    /// Why first digits should follow Benford's law; `first` and `first_two` need it.
    pub kind: Option<Spanned<FigureKind>>,
    /// The unit in which figures are written down, e.g. `yuan(1)`; found from the figures when absent.
    pub unit: Option<Spanned<String>>,
    /// `round`: of how many units a round figure is a multiple; 10 when absent.
    pub multiple: Option<Spanned<String>>,
    /// `round`, `heaping`: names of keys of `by`; groups with the same values of them (and of the family's) are peers. The whole family when absent.
    #[serde(default)]
    pub peers: OneOrMany<Spanned<String>>,
    /// Usable figures that a group needs; 300 (`first`), 1000 (`first_two`), 100 (`last`), 500 (`last_two`), 40 (`given_not_round`), 25 (`round`, `heaping`) when absent.
    pub min_n: Option<Spanned<String>>,
    /// `round`, `heaping`: whether a share that is `high`, `low` or `both` is flagged; `both` when absent.
    pub side: Option<Spanned<SideName>>,
    /// Flagged are groups with a false-discovery rate of at most this; 0.05 when absent.
    pub max_q: Option<Spanned<String>>,
    /// And with an effect of at least this; 0.1 when absent.
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
pub enum TestName {
    First,
    FirstTwo,
    Last,
    LastTwo,
    GivenNotRound,
    Round,
    Heaping,
}

/// Figures that are wide and not administered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureKind {
    Payment,
    Invoice,
    Population,
    Volume,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SideName {
    High,
    Low,
    Both,
}

impl SideName {
    pub fn side(self) -> Side {
        match self {
            SideName::High => Side::High,
            SideName::Low => Side::Low,
            SideName::Both => Side::Both,
        }
    }
}

impl TestName {
    /// The kernel's test, the usable figures a group needs, and the null in words.
    fn test(self) -> (DigitTest, i64, &'static str) {
        match self {
            TestName::First => (DigitTest::First, 300, "first digits follow Benford's law"),
            TestName::FirstTwo => (DigitTest::FirstTwo, 1000, "the first two digits follow Benford's law"),
            TestName::Last => (DigitTest::Last, 100, "each last digit is one in ten"),
            TestName::LastTwo => (DigitTest::LastTwo, 500, "each pair of last digits is one in a hundred"),
            TestName::GivenNotRound => (DigitTest::GivenNotRound, 40, "of last digits other than 0 and 5 each is one in eight"),
            TestName::Round => (DigitTest::Round, 25, "round figures are as frequent as among peers"),
            TestName::Heaping => (DigitTest::Heaping, 25, "figures that end in 0 or 5 are as frequent as among peers"),
        }
    }
}

impl Check for DigitsCheck {
    const NAME: &'static str = "digits";
    const TITLE: &'static str = "Figures made up rather than measured";
    const FINDS: &'static str = "Areas, enumerators, offices or accounts whose figures have first digits, last digits or round values that figures do not have by themselves.";
    const POPULATION: &'static str =
        "Groups of one key; those with too few figures, or figures that the test says nothing about, are not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/digits.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let (test, min_n, null) = self.test.value.test();
        if matches!(test, DigitTest::First | DigitTest::FirstTwo) && self.kind.is_none() {
            let error = Diagnostic::error("digits-kind", "nothing says why first digits should follow Benford's law");
            planner.error(error.at(self.test.span.clone(), "this test").help(
                "add `kind: payment`, `invoice`, `population` or `volume` if the figures are such; incomes, wages and fixed subsidies are not: take `given_not_round`",
            ));
        }
        let family: &Names = &self.family;
        let mut groups = TestedGroups::new(planner, &self.table, self.among.as_ref(), &self.by, family, &self.peers)?;
        groups.peered = matches!(test, DigitTest::Round | DigitTest::Heaping);
        let figure = planner.expr(&self.measure, &groups.records, Want::Numeric)?;
        let ty = planner.graph.type_of(figure);
        let least = match &self.min_n {
            Some(text) => planner.expr(text, &groups.scope, Want::Type(Type::Int))?,
            None => planner.int(min_n),
        };
        let unit = unit_of(planner, self.unit.as_ref(), &groups.scope, ty)?;
        let multiple = match &self.multiple {
            Some(text) => planner.expr(text, &groups.scope, Want::Type(Type::Int))?,
            None => planner.int(10),
        };
        let (families, peers) = groups.counts();
        let side = self.side.as_ref().map_or(Side::Both, |s| s.value.side());
        let kernel = Kernel::Digits(Digits { test, side, families, peers });
        let tested = groups.test(planner, kernel, vec![least, unit, multiple], figure, &["unit_found"]);
        let limits = (self.max_q.as_ref(), self.min_effect.as_ref(), 100_000);
        groups.plan(planner, tested, null, limits, &self.lets, self.condition.as_ref(), "effect")
    }
}

/// The unit of figures of type `ty`, missing when none is written.
pub(super) fn unit_of(planner: &mut Planner, text: Option<&Spanned<String>>, scope: &Scope, ty: Type) -> Option<ExprId> {
    match text {
        Some(text) => planner.expr(text, scope, Want::Type(ty)),
        None => Some(planner.null(ty)),
    }
}
