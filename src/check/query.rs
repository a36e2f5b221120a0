//! `query`: anything else, as one select over one table that says of every row, or every group, whether it is flagged.

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;

use super::planner::{GroupKeys, Planner, Source};
use super::select::{self, Select};
use super::{Check, CheckPlan, Flag, Members, UnitKind};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{ExprId, KeyPart, RowRef, Scope, Want};

/// Flags what a select says is to be flagged.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryCheck {
    /// `select NAME, EXPRESSION as NAME, CONDITION as flag from TABLE [where ..] [group by ..] [having ..]`. Every row, or with `group by` every
    /// group, is a unit; `flag` is true, false or unknown for each.
    pub sql: Spanned<String>,
    #[serde(skip)]
    parsed: OnceLock<Result<Select, Box<Diagnostic>>>,
}

impl QueryCheck {
    fn select(&self) -> &Result<Select, Box<Diagnostic>> {
        self.parsed.get_or_init(|| select::parse(&self.sql))
    }
}

impl Check for QueryCheck {
    const NAME: &'static str = "query";
    const TITLE: &'static str = "A query of its own";
    const FINDS: &'static str = "What one select statement over a table says is to be flagged.";
    const POPULATION: &'static str = "Rows of the select, or its groups with `group by`.";
    const DOC: &'static str = include_str!("../../docs/checks/query.md");

    fn table(&self) -> &Spanned<String> {
        // A query that cannot be read is refused when it is planned; until then it names no table.
        static NOWHERE: std::sync::LazyLock<Spanned<String>> = std::sync::LazyLock::new(|| Spanned::without_place(String::new()));
        self.select().as_ref().map_or(&NOWHERE, |select| &select.from)
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.select().as_ref().ok()?.filter.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let select = match self.select() {
            Ok(select) => select,
            Err(error) => {
                planner.error((**error).clone());
                return None;
            }
        };
        if !select.columns.iter().any(|(name, _)| name.value == "flag") {
            let error = Diagnostic::error("query-flag", "no column is named `flag`");
            planner.error(
                error.at(self.sql.span.clone(), "nothing says what is flagged").help("add a condition, `amount > yuan(500) as flag`"),
            );
        }
        let source = planner.source(&select.from)?;
        if select.group_by.is_empty() { of_records(planner, select, source) } else { of_groups(planner, select, source) }
    }
}

fn of_records(planner: &mut Planner, select: &Select, source: Source) -> Option<CheckPlan> {
    let mut scope = planner.record_scope(source, &RowRef::slot(0));
    let filter = planner.optional_bool(select.filter.as_ref(), &scope);
    if let Some(having) = &select.having {
        let error = Diagnostic::error("query-syntax", "`having` needs `group by`");
        planner.error(error.at(having.span.clone(), "a condition on groups").help("conditions on rows stand after `where`"));
    }
    let (figures, flag) = columns(planner, select, &mut scope)?;
    Some(CheckPlan {
        population: filter?.into_iter().collect(),
        flag: Flag::Row(flag),
        figures,
        ..CheckPlan::of(UnitKind::Record, format!("record of {}", select.from.value), source, scope)
    })
}

fn of_groups(planner: &mut Planner, select: &Select, source: Source) -> Option<CheckPlan> {
    let records = planner.record_scope(source, &RowRef::slot(0));
    let filter = planner.optional_bool(select.filter.as_ref(), &records);
    let keys: Vec<Option<ExprId>> = select.group_by.iter().map(|key| planner.expr(key, &records, Want::Key)).collect();
    let (filter, keys) = (filter?, keys.into_iter().collect::<Option<Vec<_>>>()?);
    let words: Vec<String> = select.group_by.iter().map(|key| key.value.trim().to_owned()).collect();
    // A key goes by the name its column has in the select, else by its last word.
    let name = |key: &Spanned<String>| {
        let same = |text: &str| text.split_whitespace().eq(key.value.split_whitespace());
        let column = select.columns.iter().find(|(_, text)| same(&text.value)).map(|(name, _)| name.value.clone());
        column.or_else(|| super::keys::word(&key.value))
    };
    let keys = GroupKeys { names: select.group_by.iter().map(name).collect(), words, exprs: keys };
    let groups = planner.groups(vec![KeyPart { of: source.rel, keys: keys.exprs.clone(), among: filter }]);
    let mut scope = planner.group_scope(groups, &keys, &[(vec![select.from.value.clone()], source)]);
    planner.group_frame(&mut scope, groups, 0, source);
    let (figures, flag) = columns(planner, select, &mut scope)?;
    let population = match &select.having {
        Some(having) => vec![planner.bool(having, &scope)?],
        None => vec![],
    };
    let over = planner.members(groups, 0, false);
    let identity = planner.key_columns(&RowRef::slot(0), &keys);
    let unit = format!("group of the same {} in {}", keys.words.join(", "), select.from.value);
    Some(CheckPlan {
        rel: groups,
        population,
        flag: Flag::Row(flag),
        members: vec![Members { role: "counted".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
        figures,
        identity,
        ..CheckPlan::of(UnitKind::Group, unit, source, scope)
    })
}

/// The select's columns as names of the rule, and its flag.
fn columns(planner: &mut Planner, select: &Select, scope: &mut Scope) -> Option<(Vec<(String, ExprId)>, ExprId)> {
    let mut figures = vec![];
    let mut flag = None;
    let keys = scope.names.len();
    for (name, text) in &select.columns {
        if name.value == "flag" {
            flag = Some(planner.bool(text, scope)?);
            continue;
        }
        // A key is known by its name already, under which alone it can be read.
        if let Some(position) = scope.names.iter().position(|(known, _)| *known == name.value) {
            if position >= keys {
                let message = format!("two columns are named `{}`", name.value);
                planner.error(Diagnostic::error("name-clash", message).at(name.span.clone(), "a second time").help("choose another name"));
                return None;
            }
            figures.push((name.value.clone(), scope.names[position].1));
            continue;
        }
        let expr = planner.expr(text, scope, Want::Any)?;
        scope.names.push((name.value.clone(), expr));
        figures.push((name.value.clone(), expr));
    }
    Some((figures, flag?))
}
