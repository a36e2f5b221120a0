//! `quota`: results that equal a target year after year, flows that equal each other, work done in the last days before a deadline.

use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::NamedKeys;
use super::planner::Planner;
use super::tested::{Tested, TestedGroups};
use super::{Check, CheckPlan, Flag};
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{BinaryOp, ExprId, Want};
use crate::schema::{Type, Value};
use crate::stats::{Hits, Kernel, Rate, Side};

/// Flags groups whose numbers fit a target, each other or a deadline better than lives do.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are looked at; all when absent.
    pub among: Option<Spanned<String>>,
    /// The groups: a column, a list of them, or names with expressions.
    pub by: NamedKeys,
    /// Names of keys of `by` whose groups are one family: groups with the same values of them are judged together. All groups when absent.
    #[serde(default)]
    pub family: OneOrMany<Spanned<String>>,
    /// `deadline`: names of keys of `by`; groups with the same values of them (and of the family's) are peers. The whole family when absent.
    #[serde(default)]
    pub peers: OneOrMany<Spanned<String>>,
    /// What came about, a whole number per record.
    pub actual: Option<Spanned<String>>,
    /// What was planned, a whole number per record.
    pub target: Option<Spanned<String>>,
    /// The flow the other way, a whole number per record.
    pub balance: Option<Spanned<String>>,
    /// How far `actual` may be off; 0 when absent.
    pub slack: Option<Spanned<String>>,
    /// In how many records at least it must be hit; 3 when absent.
    pub repeated: Option<Spanned<String>>,
    /// A date of the record, until which its act is due.
    pub deadline: Option<Spanned<String>>,
    /// The date of the act; the table's date when absent.
    pub acted_on: Option<Spanned<String>>,
    /// Days before the deadline, its own day included, that are the last ones; 10 when absent.
    pub within: Option<Spanned<String>>,
    /// The number from which on a record is counted (`target`, `balance`; 10 when absent), or the records that a group needs (`deadline`; 30 when absent).
    pub min_n: Option<Spanned<String>>,
    /// Flagged are groups with a false-discovery rate of at most this; 0.05 when absent.
    pub max_q: Option<Spanned<String>>,
    /// And with an effect of at least this: 0.5 (`target`, `balance`) or 0.2 (`deadline`) when absent.
    pub min_effect: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the group.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

/// Different days on which acts of peers must lie: what is paid out in a few batches is never spread over the year.
const LEAST_DAYS: u32 = 5;

impl Check for QuotaCheck {
    const NAME: &'static str = "quota";
    const TITLE: &'static str = "Numbers made to fit";
    const FINDS: &'static str = "Areas or offices whose results equal their target year after year, whose additions equal their removals, or whose work falls into the last days before a deadline.";
    const POPULATION: &'static str = "Groups of one key; those with too few records or peers are not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/quota.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let groups = TestedGroups::new(planner, &self.table, self.among.as_ref(), &self.by, &self.family, &self.peers)?;
        match (&self.target, &self.balance, &self.deadline, &self.actual) {
            (Some(target), None, None, Some(actual)) => self.hits(planner, groups, actual, target, false),
            (None, Some(balance), None, Some(actual)) => self.hits(planner, groups, actual, balance, true),
            (None, None, Some(deadline), None) => self.surge(planner, groups, deadline),
            _ => {
                let error = Diagnostic::error("quota-form", "it is not clear what the numbers should fit");
                planner.error(
                    error
                        .at(self.table.span.clone(), "this check")
                        .help("write `actual:` with `target:`, or `actual:` with `balance:`, or `deadline:` alone"),
                );
                None
            }
        }
    }
}

impl QuotaCheck {
    fn hits(
        &self,
        planner: &mut Planner,
        mut groups: TestedGroups,
        actual: &Spanned<String>,
        other: &Spanned<String>,
        balance: bool,
    ) -> Option<CheckPlan> {
        let int = Want::Type(Type::Int);
        let (actual, other) = (planner.expr(actual, &groups.records, int), planner.expr(other, &groups.records, int));
        let (actual, other) = (actual?, other?);
        let repeated = groups.setting(planner, self.repeated.as_ref(), Value::Int(3))?;
        let least = groups.setting(planner, self.min_n.as_ref(), Value::Int(10))?;
        let slack = groups.setting(planner, self.slack.as_ref(), Value::Int(0))?;
        let (families, _) = groups.counts();
        let kernel = Kernel::Hits(Hits { balance, families });
        groups.peered = false;
        let tested = groups.test_of(planner, kernel, vec![repeated, least, slack], &[actual, other], &[]);
        let null = if balance {
            "each movement goes either way like a coin"
        } else {
            "the target is what is to be expected, and numbers vary around it by chance (Poisson)"
        };
        let hits = tested.named("hits")?;
        let often = planner.compare(BinaryOp::GreaterEqual, hits, repeated);
        self.finish(planner, groups, tested, null, 500_000, Some(often))
    }

    fn surge(&self, planner: &mut Planner, groups: TestedGroups, deadline: &Spanned<String>) -> Option<CheckPlan> {
        let date = Want::Type(Type::Date);
        let deadline = planner.expr(deadline, &groups.records, date);
        let acted = match &self.acted_on {
            Some(text) => planner.expr(text, &groups.records, date),
            None => groups.date(planner),
        };
        let Some(acted) = acted else {
            if self.acted_on.is_none() {
                let error = Diagnostic::error("quota-form", format!("`{}` has no date of its own", self.table.value));
                planner.error(error.at(self.table.span.clone(), "this table").help("write `acted_on:`"));
            }
            return None;
        };
        let deadline = deadline?;
        let within = match &self.within {
            Some(text) => planner.expr(text, &groups.records, Want::Type(Type::Int))?,
            None => planner.int(10),
        };
        let left = planner.days_between(acted, deadline);
        let (zero, one, two) = (planner.int(0), planner.int(1), planner.int(2));
        let late = planner.compare(BinaryOp::Less, left, zero);
        let last = planner.compare(BinaryOp::Less, left, within);
        let before = planner.compare(BinaryOp::GreaterEqual, left, within);
        let hit = planner.case(vec![(late, two), (last, one), (before, zero)], None, Type::Int);
        // The same with half (rounded up) and double the window.
        let double = planner.binary(BinaryOp::Multiply, within, two, Type::Int);
        let twice = planner.binary(BinaryOp::Multiply, left, two, Type::Int);
        let within_half = planner.compare(BinaryOp::Less, twice, within);
        let within_double = planner.compare(BinaryOp::Less, left, double);
        let [half, double] = [within_half, within_double].map(|last| {
            let before = planner.not(last);
            planner.case(vec![(late, two), (last, one), (before, zero)], None, Type::Int)
        });
        let least = groups.setting(planner, self.min_n.as_ref(), Value::Int(30))?;
        let max_q = groups.setting(planner, self.max_q.as_ref(), Value::Decimal { units: 50_000_000, scale: 9 })?;
        let none = planner.null(Type::Decimal(6));
        let (families, peers) = groups.counts();
        let kernel = Kernel::Rate(Rate { side: Side::High, given: false, min_dates: LEAST_DAYS, windows: true, families, peers });
        let tested = groups.test_of(planner, kernel, vec![least, none, max_q], &[hit, half, double, acted], &[]);
        let null = "the share in the last days is one of those that the peers have, which vary among themselves";
        self.finish(planner, groups, tested, null, 200_000, None)
    }

    fn finish(
        &self,
        planner: &mut Planner,
        groups: TestedGroups,
        tested: Tested,
        null: &str,
        usual: i64,
        also: Option<ExprId>,
    ) -> Option<CheckPlan> {
        let limits = (self.max_q.as_ref(), self.min_effect.as_ref(), usual);
        let mut plan = groups.plan(planner, tested, null, limits, &self.lets, self.condition.as_ref(), "hits")?;
        if let (Some(also), Flag::Row(flag)) = (also, &plan.flag) {
            plan.flag = Flag::Row(planner.all(&[*flag, also]));
        }
        Some(plan)
    }
}
