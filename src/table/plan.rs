//! Which columns of a table are read, in which order its rows stand, which texts share a dictionary.

use std::collections::{BTreeMap, BTreeSet};

use super::Needs;
use crate::diagnostic::{Diagnostic, Diagnostics, Span, Spanned};
use crate::project::{ColumnSource, Project, TableSource};
use crate::schema::{SemanticType, Type};
use crate::source::Wanted;

#[derive(Debug)]
pub(super) struct PlannedColumn {
    pub name: String,
    pub semantic: SemanticType,
    /// Of text columns.
    pub domain: Option<usize>,
    pub wanted: Wanted,
}

/// How one table is read.
#[derive(Debug)]
pub(super) struct TablePlan<'a> {
    /// Position among the project's tables.
    pub index: usize,
    pub source: &'a TableSource,
    /// In the order of their declaration.
    pub columns: Vec<PlannedColumn>,
    /// Positions in `columns`.
    pub key: Vec<usize>,
    pub sort: Vec<usize>,
    pub snapshot: Option<usize>,
}

impl TablePlan<'_> {
    pub fn name(&self) -> &str {
        &self.source.name.value
    }
    pub fn wanted(&self) -> Vec<Wanted> {
        self.columns.iter().map(|c| c.wanted.clone()).collect()
    }
}

/// Plans of the tables that `needs` names, in the project's order, and the number of text domains.
pub(super) fn plan<'a>(project: &'a Project, needs: &Needs, restricted_ok: bool) -> Result<(Vec<TablePlan<'a>>, usize), Diagnostics> {
    let mut messages = Diagnostics::default();
    for name in needs.columns.keys() {
        if !project.tables.iter().any(|t| t.name.value == *name) {
            messages.push(
                Diagnostic::error("unknown-table", format!("no table `{name}` is declared"))
                    .suggest(name, project.tables.iter().map(|t| t.name.value.as_str())),
            );
        }
    }
    let mut plans = vec![];
    let mut domains = Domains::new(needs);
    for (index, source) in project.tables.iter().enumerate() {
        let Some(needed) = needs.columns.get(&source.name.value) else { continue };
        if let Some(plan) = messages.take(plan_table(index, source, needed, restricted_ok, &mut domains)) {
            plans.push(plan);
        }
    }
    let count = domains.count;
    messages.finish((plans, count))
}

fn plan_table<'a>(
    index: usize,
    source: &'a TableSource,
    needed: &BTreeSet<String>,
    restricted_ok: bool,
    domains: &mut Domains,
) -> Result<TablePlan<'a>, Diagnostics> {
    let mut messages = Diagnostics::default();
    let table = &source.name.value;
    // Key and order are part of every load: ties between rows break by them.
    let mut read = needed.clone();
    for name in source.key.iter().chain(&source.sort).chain(&source.snapshot) {
        read.insert(name.value.clone());
    }
    for name in &read {
        if !source.columns.iter().any(|c| c.name.value == *name) {
            messages.push(
                Diagnostic::error("unknown-column", format!("table `{table}` has no column `{name}`"))
                    .at(span_of(source, name), "")
                    .suggest(name, source.columns.iter().map(|c| c.name.value.as_str())),
            );
        }
    }
    let mut columns = vec![];
    for column in &source.columns {
        let name = &column.name.value;
        if !read.contains(name) || column.is.is_some() {
            continue;
        }
        if column.restricted && !restricted_ok {
            messages.push(
                Diagnostic::error("restricted-column", format!("column `{name}` of table `{table}` is restricted"))
                    .at(column.name.span.clone(), "declared `restricted: true`")
                    .help("name the authority for reading it (`--authority REF`), or leave out the rules that use it"),
            );
        }
        columns.push(PlannedColumn {
            name: name.clone(),
            semantic: column.semantic.clone(),
            domain: matches!(column.semantic.value_type(), Type::Text(_)).then(|| domains.of(table, name)),
            wanted: wanted_of(column),
        });
    }
    let position = |name: &Spanned<String>| columns.iter().position(|c: &PlannedColumn| c.name == name.value);
    let key: Vec<usize> = source.key.iter().filter_map(position).collect();
    let sort = if source.sort.is_empty() {
        let is_time = |&i: &usize| matches!(columns[i].semantic.value_type(), Type::Date | Type::Month);
        key.iter().copied().filter(|i| !is_time(i)).chain(key.iter().copied().filter(is_time)).collect()
    } else {
        source.sort.iter().filter_map(position).collect()
    };
    let snapshot = source.snapshot.as_ref().and_then(position);
    if let (Some(at), Some(i)) = (&source.snapshot, snapshot)
        && columns[i].semantic != SemanticType::Date
    {
        messages.push(
            Diagnostic::error("wrong-type", format!("`snapshot` of table `{table}` names `{}`, which is no date", at.value))
                .at(at.span.clone(), ""),
        );
    }
    messages.finish(TablePlan { index, source, columns, key, sort, snapshot })
}

/// The headers a column may have.
pub(super) fn wanted_of(column: &ColumnSource) -> Wanted {
    let mut headers: Vec<String> = column.from.iter().map(|h| h.value.clone()).collect();
    if headers.is_empty() {
        headers.push(column.name.value.clone());
    }
    Wanted { name: column.name.value.clone(), headers, optional: column.optional, span: column.name.span.clone() }
}

fn span_of(source: &TableSource, name: &str) -> Option<Span> {
    source.key.iter().chain(&source.sort).chain(&source.snapshot).find(|n| n.value == name).and_then(|n| n.span.clone())
}

/// Text columns and the dictionary each of them uses.
struct Domains {
    /// Columns of groups, by group; groups that share a column are one.
    groups: BTreeMap<(String, String), usize>,
    numbers: BTreeMap<usize, usize>,
    count: usize,
}

impl Domains {
    fn new(needs: &Needs) -> Self {
        let mut groups: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (i, group) in needs.domains.iter().enumerate() {
            let joined: BTreeSet<usize> = group.iter().filter_map(|c| groups.get(c).copied()).collect();
            let into = joined.first().copied().unwrap_or(i);
            for member in groups.values_mut() {
                if joined.contains(member) {
                    *member = into;
                }
            }
            for column in group {
                groups.insert(column.clone(), into);
            }
        }
        Domains { groups, numbers: BTreeMap::new(), count: 0 }
    }
    fn of(&mut self, table: &str, column: &str) -> usize {
        let number = self.count;
        let of = match self.groups.get(&(table.to_owned(), column.to_owned())) {
            Some(group) => *self.numbers.entry(*group).or_insert(number),
            None => number,
        };
        if of == number {
            self.count += 1;
        }
        of
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_share_a_column_share_a_dictionary() {
        let pair = |a: &str, b: &str| vec![("t".to_owned(), a.to_owned()), ("t".to_owned(), b.to_owned())];
        let needs = Needs { columns: BTreeMap::new(), domains: vec![pair("a", "b"), pair("c", "d"), pair("b", "c")] };
        let mut domains = Domains::new(&needs);
        let of: Vec<usize> = ["a", "b", "x", "c", "d", "y"].iter().map(|c| domains.of("t", c)).collect();
        assert_eq!(of, [0, 0, 1, 0, 0, 2]);
        assert_eq!(domains.count, 3);
    }
}
