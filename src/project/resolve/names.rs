//! What is called what: names that cannot be used, clashes, and the columns of every table and view.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::project::spec::Text;
use crate::project::{LinkSource, TableSource, ViewSource};

/// Words that mean something in expressions, or that YAML 1.1 takes for a truth value.
const RESERVED: [&str; 51] = [
    "all",
    "and",
    "any",
    "as",
    "asc",
    "at",
    "between",
    "by",
    "case",
    "cast",
    "desc",
    "distinct",
    "else",
    "end",
    "escape",
    "exists",
    "false",
    "filter",
    "from",
    "group",
    "having",
    "in",
    "interval",
    "is",
    "join",
    "like",
    "limit",
    "n",
    "no",
    "not",
    "null",
    "off",
    "on",
    "or",
    "order",
    "other",
    "over",
    "partition",
    "recount",
    "select",
    "then",
    "to",
    "true",
    "union",
    "using",
    "values",
    "when",
    "where",
    "with",
    "y",
    "yes",
];

/// A name must be usable in an expression without quotes.
pub(super) fn check_name(what: &str, name: &Text, problems: &mut Diagnostics) {
    let mut chars = name.value.chars();
    let well_formed = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_');
    if !well_formed {
        problems.push(
            Diagnostic::error("bad-name", format!("`{}` cannot be the name of a {what}", name.value))
                .at(name.span.clone(), "wanted letters, digits and `_`, not a digit first")
                .help("headers of any form go under `from:`"),
        );
    } else if RESERVED.contains(&name.value.to_lowercase().as_str()) {
        problems.push(
            Diagnostic::error(
                "reserved-name",
                format!("`{}` cannot be the name of a {what}: expressions or YAML give it a meaning", name.value),
            )
            .at(name.span.clone(), "reserved")
            .help(format!("call it `{}_on`, `{}_no` or the like, and give the header under `from:`", name.value, name.value)),
        );
    }
}

/// Columns of every table and view by name.
pub(super) struct Known<'a> {
    columns: BTreeMap<String, Vec<String>>,
    declared: BTreeMap<&'a str, &'a Text>,
}

impl<'a> Known<'a> {
    pub fn new(tables: &'a [TableSource]) -> Self {
        let columns = tables.iter().map(|t| (t.name.value.clone(), t.columns.iter().map(|c| c.name.value.clone()).collect())).collect();
        Known { columns, declared: tables.iter().map(|t| (t.name.value.as_str(), &t.name)).collect() }
    }
    pub fn add_view(&mut self, name: &str, columns: Vec<String>) {
        self.columns.entry(name.into()).or_insert(columns);
    }
    pub fn columns(&self, table: &str) -> Option<&[String]> {
        self.columns.get(table).map(Vec::as_slice)
    }
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }
    pub fn declaration(&self, table: &str) -> Option<&'a Text> {
        self.declared.get(table).copied()
    }
}

pub(super) fn unknown_table<'a>(name: &Text, known: impl IntoIterator<Item = &'a str>) -> Diagnostic {
    let problem =
        Diagnostic::error("unknown-table", format!("there is no table or view `{}`", name.value)).at(name.span.clone(), "not declared");
    match nearest(&name.value, known) {
        Some(near) => problem.help(format!("a similar table exists: `{near}`")),
        None => problem.help("declare it under `tables:`"),
    }
}

pub(super) fn unknown_column<'a>(table: &str, known: impl IntoIterator<Item = &'a str>, name: &Text) -> Diagnostic {
    let problem = Diagnostic::error("unknown-column", format!("table `{table}` has no column `{}`", name.value))
        .at(name.span.clone(), format!("not in `{table}`"));
    match nearest(&name.value, known) {
        Some(near) => problem.help(format!("a similar column exists: `{near}`")),
        None => problem,
    }
}

/// Whether `text` is one name, so that it can be looked up before expressions are parsed.
pub(super) fn simple_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// Two things that would be written alike in an expression.
pub(super) fn check(tables: &[TableSource], views: &[ViewSource], links: &[LinkSource], known: &Known<'_>, problems: &mut Diagnostics) {
    let clash = |problems: &mut Diagnostics, name: &Text, other: Option<&Text>, text: String| {
        problems.push(
            Diagnostic::error("name-clash", text)
                .at(name.span.clone(), "second")
                .at(other.and_then(|o| o.span.clone()), "first")
                .help("give one of them another name"),
        );
    };
    for (i, view) in views.iter().enumerate() {
        let before =
            known.declaration(&view.name.value).or_else(|| views[..i].iter().map(|v| &v.name).find(|n| n.value == view.name.value));
        if before.is_some() {
            clash(problems, &view.name, before, format!("a table and a view are called `{}`", view.name.value));
        }
    }
    // Names seen from one table: its columns, its links, the back names of links that lead to it.
    let mut seen: BTreeMap<(&str, &str), Option<&Text>> = BTreeMap::new();
    for table in tables {
        seen.extend(table.columns.iter().map(|c| ((table.name.value.as_str(), c.name.value.as_str()), Some(&c.name))));
    }
    for view in views {
        seen.extend(view.columns.iter().map(|(c, _)| ((view.name.value.as_str(), c.value.as_str()), Some(c))));
    }
    for link in links {
        let ends = [(&link.source.value, Some(&link.name)), (&link.to.value, link.back.as_ref())];
        for (table, name) in ends.into_iter().filter_map(|(t, n)| n.map(|n| (t, n))) {
            if let Some(first) = seen.insert((table, &name.value), Some(name)) {
                clash(problems, name, first, format!("`{}.{}` could be two things", table, name.value));
            }
        }
    }
}
