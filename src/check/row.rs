//! `row`: records that contradict themselves or a policy.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Check, CheckPlan, Flag, Planner, UnitKind};
use crate::diagnostic::Spanned;
use crate::diagnostic::yaml::Ordered;
use crate::plan::RowRef;

/// Flags the records for which a condition holds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are the population; all when absent.
    pub among: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// The suspicious condition.
    #[serde(rename = "where")]
    pub condition: Spanned<String>,
}

impl Check for RowCheck {
    const NAME: &'static str = "row";
    const TITLE: &'static str = "Records that contradict themselves or a policy";
    const FINDS: &'static str = "Records for which a condition over the record and what it links to holds.";
    const POPULATION: &'static str = "Records of the table, as narrowed by `among`.";
    const DOC: &'static str = include_str!("../../docs/checks/row.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        let mut scope = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &scope);
        let figures = planner.lets(&self.lets, &mut scope)?;
        let flag = planner.bool(&self.condition, &scope)?;
        Some(CheckPlan {
            population: among?.into_iter().collect(),
            flag: Flag::Row(flag),
            figures,
            ..CheckPlan::of(UnitKind::Record, format!("record of {}", self.table.value), source, scope)
        })
    }
}
