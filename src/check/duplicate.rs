//! `duplicate`: the same key counted more than once.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::NamedKeys;
use super::planner::{GroupKeys, Planner, Source};
use super::{Check, CheckPlan, Flag, Members, UnitKind};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{BinaryOp, ExprId, Hop, KeyPart, RelId, RowRef, Scope, Slot, Want};

/// When rows of one key are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// More than one row has the key.
    #[default]
    Exact,
    /// Rows of one key have more than one value of `different`.
    Different,
}

/// Flags records that share a key which only one may have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are the population and are counted; all when absent.
    pub among: Option<Spanned<String>>,
    /// What may stand only once: a column, a list of them, or names with expressions `{month: month_of(paid_on)}`.
    pub keys: NamedKeys,
    /// `exact` (the default without `different`): the key stands more than once. `different` (the default with it): with different values.
    pub mode: Option<Spanned<Mode>>,
    /// Expression of a record that must be the same in all records of a key.
    pub different: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the unit.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for DuplicateCheck {
    const NAME: &'static str = "duplicate";
    const TITLE: &'static str = "The same key counted more than once";
    const FINDS: &'static str = "Records that share a key which only one may have, or that share a key and differ where they must agree.";
    const POPULATION: &'static str = "Records of the table, as narrowed by `among`; a record without a complete key is not assessable. With `report: group`: groups of one key.";
    const DOC: &'static str = include_str!("../../docs/checks/duplicate.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        let records = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &records);
        let keys = planner.group_keys(&self.keys, &records);
        let members_scope = planner.record_scope(source, &RowRef::slot(1));
        let different = match &self.different {
            Some(text) => planner.expr(text, &members_scope, Want::Key).map(Some),
            None => Some(None),
        };
        let mode = self.mode(planner)?;
        let (among, keys, different) = (among?, keys?, different?);
        let groups = planner.groups(vec![KeyPart { of: source.rel, keys: keys.exprs.clone(), among }]);
        let unit = Unit { source, groups, keys, among, mode, different };
        if planner.group { self.of_groups(planner, unit) } else { self.of_records(planner, unit, records) }
    }
}

struct Unit {
    source: Source,
    groups: RelId,
    keys: GroupKeys,
    among: Option<ExprId>,
    mode: Mode,
    different: Option<ExprId>,
}

impl DuplicateCheck {
    fn mode(&self, planner: &mut Planner) -> Option<Mode> {
        match (&self.mode, &self.different) {
            (None, None) => Some(Mode::Exact),
            (None, Some(_)) => Some(Mode::Different),
            (Some(mode), Some(_)) if mode.value == Mode::Different => Some(Mode::Different),
            (Some(mode), None) if mode.value == Mode::Exact => Some(Mode::Exact),
            (Some(mode), Some(different)) => {
                let error = Diagnostic::error("duplicate-mode", "`mode: exact` looks at the key alone and takes no `different`");
                planner.error(
                    error
                        .at(mode.span.clone(), "exact")
                        .at(different.span.clone(), "not used")
                        .help("write `mode: different` or take out `different`"),
                );
                None
            }
            (Some(mode), None) => {
                let error = Diagnostic::error(
                    "duplicate-mode",
                    "`mode: different` needs `different`: what must be the same in all records of a key",
                );
                planner.error(error.at(mode.span.clone(), "nothing to compare").help("add e.g. `different: id_no`"));
                None
            }
        }
    }

    fn of_records(&self, planner: &mut Planner, unit: Unit, mut scope: Scope) -> Option<CheckPlan> {
        let over = planner.members(unit.groups, 0, true);
        let row = RowRef::slot(0).then(Hop::Group { groups: unit.groups, part: 0 });
        scope.slots.push(Slot {
            names: vec!["group".into()],
            rel: unit.groups,
            row,
            bare: false,
            members: vec![(vec!["same".into()], over.set, unit.source.rel)],
        });
        let complete = planner.complete(&unit.keys.exprs);
        let (figures, flag) = self.judge(planner, &unit, &over, &mut scope)?;
        let text = format!("record of {}", self.table.value);
        Some(CheckPlan {
            population: unit.among.into_iter().collect(),
            preconditions: vec![complete],
            flag: Flag::Row(flag),
            members: vec![Members { role: "same key".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
            figures,
            ..CheckPlan::of(UnitKind::Record, text, unit.source, scope)
        })
    }

    fn of_groups(&self, planner: &mut Planner, unit: Unit) -> Option<CheckPlan> {
        let over = planner.members(unit.groups, 0, false);
        let mut scope = planner.group_scope(unit.groups, &unit.keys, &[(vec![self.table.value.clone()], unit.source)]);
        planner.group_frame(&mut scope, unit.groups, 0, unit.source);
        let identity = planner.key_columns(&RowRef::slot(0), &unit.keys);
        let (figures, flag) = self.judge(planner, &unit, &over, &mut scope)?;
        let text = format!("group of the same {} in {}", unit.keys.words.join(", "), self.table.value);
        Some(CheckPlan {
            rel: unit.groups,
            flag: Flag::Row(flag),
            members: vec![Members { role: "same key".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, text, unit.source, scope)
        })
    }

    /// Names the figures and judges the group that `over` runs over.
    fn judge(&self, planner: &mut Planner, unit: &Unit, over: &Over, scope: &mut Scope) -> Option<(Vec<(String, ExprId)>, ExprId)> {
        let n = planner.count(over, None);
        let one = planner.int(1);
        let several = planner.compare(BinaryOp::Greater, n, one);
        let mut own = vec![("n".to_owned(), n)];
        let base = match (unit.mode, unit.different) {
            (Mode::Different, Some(different)) => {
                let values = planner.count_distinct(over, different);
                own.push(("n_different".to_owned(), values));
                let differ = planner.compare(BinaryOp::Greater, values, one);
                // A missing value beside others leaves it open, unless two known values differ.
                let missing = planner.is_null(different);
                let any_missing = planner.exists(over, Some(missing));
                let unknown = planner.unknown();
                let open = planner.all(&[any_missing, unknown]);
                let differ = planner.any(&[differ, open]);
                planner.all(&[several, differ])
            }
            _ => several,
        };
        scope.names.extend(own.clone());
        let mut figures = planner.lets(&self.lets, scope)?;
        figures.extend(own);
        let condition = planner.optional_bool(self.condition.as_ref(), scope)?;
        let parts: Vec<ExprId> = std::iter::once(base).chain(condition).collect();
        Some((figures, planner.all(&parts)))
    }
}
