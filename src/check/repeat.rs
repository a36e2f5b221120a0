//! `repeat`: identical or near-identical records and texts, one growth factor, collapsed spread.

use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::{self, NamedKeys};
use super::planner::Planner;
use super::tested::TestedGroups;
use super::{Check, CheckPlan, Flag};
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{BinaryOp, ExprId, Want};
use crate::schema::{Type, Value};
use crate::stats::{Kernel, Repeat, Spread};

/// Flags groups whose records repeat each other more than records of people do.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepeatCheck {
    /// Table or view whose records are compared.
    pub table: Spanned<String>,
    /// Which of its records are compared; all when absent.
    pub among: Option<Spanned<String>>,
    /// The groups: a column, a list of them, or names with expressions `{village: household.region_code, year: year}`.
    pub by: NamedKeys,
    /// Names of keys of `by` whose groups are one family: groups with the same values of them are judged together. All groups when absent.
    #[serde(default)]
    pub family: OneOrMany<Spanned<String>>,
    /// Names of keys of `by`; groups with the same values of them (and of the family's) are peers. The whole family when absent.
    #[serde(default)]
    pub peers: OneOrMany<Spanned<String>>,
    /// What must be equal: a column or expression of the record, a list, or names with expressions.
    pub columns: Option<NamedKeys>,
    /// A text that must be nearly the same.
    pub text: Option<Spanned<String>>,
    /// A positive figure whose spread is compared.
    pub spread: Option<Spanned<String>>,
    /// How many equal columns must say something; all when absent.
    pub min_columns: Option<Spanned<String>>,
    /// From which share of the peers' records on a value is a standard amount; 0.05 when absent.
    pub standard: Option<Spanned<String>>,
    /// Records with the same value of this count once; each record when absent.
    pub apart: Option<Spanned<String>>,
    /// From which similarity on records repeat each other, up to 1; `auto`: found from records of different groups.
    pub similar: Option<Spanned<String>>,
    /// Letters that a text needs; 12 when absent.
    pub min_length: Option<Spanned<String>>,
    /// How many records at least must repeat each other; 3 when absent.
    pub min: Option<Spanned<String>>,
    /// Records that a group needs; 8 when absent, 12 for `spread`.
    pub min_n: Option<Spanned<String>>,
    /// Flagged are groups with a false-discovery rate of at most this; 0.05 when absent.
    pub max_q: Option<Spanned<String>>,
    /// And with an effect of at least this: 0 when absent, 0.5 for `spread`.
    pub min_effect: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the group.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for RepeatCheck {
    const NAME: &'static str = "repeat";
    const TITLE: &'static str = "Records that repeat each other";
    const FINDS: &'static str = "Areas, enumerators or offices whose records are identical or nearly so, grew by one factor, or lie closer together than those of people do.";
    const POPULATION: &'static str =
        "Groups of one key; those with too few records that say something, or too few peers, are not assessable.";
    const DOC: &'static str = include_str!("../../docs/checks/repeat.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let groups = TestedGroups::new(planner, &self.table, self.among.as_ref(), &self.by, &self.family, &self.peers)?;
        match (&self.columns, &self.text, &self.spread) {
            (Some(columns), None, None) => {
                let texts: Vec<Spanned<String>> = keys::named(columns).into_iter().map(|(_, text)| text).collect();
                let columns = planner.keys(&texts, &groups.records)?;
                self.equal(planner, groups, columns, false)
            }
            (None, Some(text), None) => {
                let value = planner.expr(text, &groups.records, Want::Key)?;
                if !matches!(planner.graph.type_of(value), Type::Text(_)) {
                    let error = Diagnostic::error("repeat-form", format!("`{}` is no text", text.value.trim()));
                    planner.error(error.at(text.span.clone(), "this is compared letter by letter").help("write it under `columns:`"));
                    return None;
                }
                self.equal(planner, groups, vec![value], true)
            }
            (None, None, Some(figure)) => self.spread(planner, groups, figure),
            _ => {
                let error = Diagnostic::error("repeat-form", "it is not clear what should repeat itself");
                planner.error(error.at(self.table.span.clone(), "this check").help("write one of `columns:`, `text:` and `spread:`"));
                None
            }
        }
    }
}

impl RepeatCheck {
    fn equal(&self, planner: &mut Planner, groups: TestedGroups, mut figures: Vec<ExprId>, text: bool) -> Option<CheckPlan> {
        let columns = figures.len();
        figures.push(match &self.apart {
            Some(apart) => planner.expr(apart, &groups.records, Want::Key)?,
            None => planner.null(Type::Int),
        });
        let share = Type::Decimal(6);
        let (similar, near) = match &self.similar {
            Some(auto) if auto.value.trim() == "auto" => (planner.null(share), true),
            Some(given) => (planner.expr(given, &groups.scope, Want::Type(share))?, true),
            None => (planner.null(share), text),
        };
        let min = groups.setting(planner, self.min.as_ref(), Value::Int(3))?;
        let values = vec![
            min,
            groups.setting(planner, self.min_n.as_ref(), Value::Int(8))?,
            groups.setting(planner, self.min_columns.as_ref(), Value::Int(columns as i64))?,
            groups.setting(planner, self.standard.as_ref(), Value::Decimal { units: 50_000, scale: 6 })?,
            similar,
            groups.setting(planner, self.min_length.as_ref(), Value::Int(12))?,
        ];
        let (families, peers) = groups.counts();
        let kernel = Kernel::Repeat(Repeat { columns, near, families, peers });
        let tested = groups.test_of(planner, kernel, values, &figures, &[]);
        let same = tested.named("same")?;
        let enough = planner.compare(BinaryOp::GreaterEqual, same, min);
        let null = if near {
            "a record is near a given one as often as records of other groups are"
        } else {
            "values come about independently, each as often as in other groups"
        };
        let limits = (self.max_q.as_ref(), self.min_effect.as_ref(), 0);
        let mut plan = groups.plan(planner, tested, null, limits, &self.lets, self.condition.as_ref(), "repeated")?;
        if let Flag::Row(flag) = plan.flag {
            plan.flag = Flag::Row(planner.all(&[flag, enough]));
        }
        Some(plan)
    }

    fn spread(&self, planner: &mut Planner, groups: TestedGroups, figure: &Spanned<String>) -> Option<CheckPlan> {
        let figure = planner.expr(figure, &groups.records, Want::Numeric)?;
        let least = groups.setting(planner, self.min_n.as_ref(), Value::Int(12))?;
        let (families, peers) = groups.counts();
        let kernel = Kernel::Spread(Spread { families, peers });
        let tested = groups.test_of(planner, kernel, vec![least], &[figure], &[]);
        let null = "the figures spread as those of the peers do";
        let limits = (self.max_q.as_ref(), self.min_effect.as_ref(), 500_000);
        groups.plan(planner, tested, null, limits, &self.lets, self.condition.as_ref(), "effect")
    }
}
