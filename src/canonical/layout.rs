//! Tables and columns of the canonical project file with the lines they stand on, and the headers they may have.

use std::collections::BTreeMap;
use std::ops::Range;

/// A column as the project file writes it: one line, `name: {type: ..., from: ...}`.
#[derive(Debug)]
pub(super) struct Column {
    pub name: String,
    pub line: usize,
    /// The key, the place, the date: without them no record can be used.
    pub required: bool,
    /// All headers it may have, the canonical name among them.
    pub headers: Vec<String>,
    /// What stands in the braces besides `from:` and `optional:`.
    options: String,
}

#[derive(Debug)]
pub(super) struct Table {
    pub name: String,
    /// Line of its name, and the lines of its declaration.
    pub line: usize,
    pub lines: Range<usize>,
    pub from_line: usize,
    /// Its files come from the county, and not from the project's policy.
    pub delivered: bool,
    pub columns: Vec<Column>,
    /// Chinese names its file may have.
    titles: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Layout {
    pub tables: Vec<Table>,
}

impl Layout {
    /// `project`: the sample's project file, whose columns stand one to a line. `headers`: see the file.
    pub fn new(project: &str, headers: &str) -> Layout {
        let common = common(headers);
        let mut tables: Vec<Table> = vec![];
        let mut within = false;
        for (number, line) in project.lines().enumerate() {
            if !line.starts_with([' ', '#']) && !line.is_empty() {
                within = line.starts_with("tables:");
                continue;
            }
            if !within {
                continue;
            }
            let (indent, text) = (line.len() - line.trim_start().len(), line.trim());
            if indent == 2 && text.ends_with(':') {
                let name = text.trim_end_matches(':').to_owned();
                let titles = common.get(&format!("file {name}")).cloned().unwrap_or_default();
                tables.push(Table {
                    name,
                    line: number,
                    lines: number..number,
                    from_line: number,
                    delivered: true,
                    columns: vec![],
                    titles,
                });
            }
            let Some(table) = tables.last_mut() else { continue };
            table.lines.end = number + 1;
            if indent == 4 && text.starts_with("from:") {
                table.from_line = number;
                table.delivered = text.contains("data/");
            }
            if indent == 6
                && let Some((name, rest)) = text.split_once(": ")
            {
                table.columns.push(Column::new(&table.name, name, rest.trim(), number, &common));
            }
        }
        for table in &mut tables {
            let head: Vec<&str> = project.lines().skip(table.line).take(table.lines.len()).filter(|l| !l.starts_with("      ")).collect();
            let names = |key: &str| {
                let line = head.iter().find_map(|l| l.trim().strip_prefix(key)).unwrap_or_default();
                line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).map(str::to_owned).collect::<Vec<_>>()
            };
            let required: Vec<String> = ["key:", "region:", "date:"].into_iter().flat_map(names).collect();
            for column in &mut table.columns {
                column.required = required.contains(&column.name);
            }
        }
        Layout { tables }
    }
}

impl Table {
    /// Files it is read from: one, or several with what tells them apart after a dash.
    pub fn files(&self) -> Vec<String> {
        let names = std::iter::once(&self.name).chain(&self.titles);
        names.flat_map(|n| ["csv", "xlsx"].map(|ending| [format!("data/{n}.{ending}"), format!("data/{n}-*.{ending}")])).flatten().collect()
    }
}

impl Column {
    fn new(table: &str, name: &str, spec: &str, line: usize, common: &BTreeMap<String, Vec<String>>) -> Column {
        let inner = spec.trim_start_matches('{').trim_end_matches('}');
        let mut options: Vec<&str> = vec![];
        let mut headers: Vec<String> = vec![];
        for part in split(inner) {
            match part.split_once(": ") {
                Some(("from", list)) => headers.extend(list.trim_matches(['[', ']']).split(',').map(|h| h.trim().to_owned())),
                Some(("optional", _)) => {}
                _ => options.push(part),
            }
        }
        // The name alone does not say in which unit a price is.
        if !options.contains(&"unit: wan") && !headers.iter().any(|h| h == name) {
            headers.push(name.to_owned());
        }
        let own = common.get(&format!("{table}.{name}"));
        for header in own.or_else(|| common.get(name)).into_iter().flatten() {
            if !headers.contains(header) {
                headers.push(header.clone());
            }
        }
        let options = if inner == spec { format!("type: {spec}") } else { options.join(", ") };
        Column { name: name.to_owned(), line, required: false, headers, options }
    }

    pub fn written(&self) -> String {
        let optional = if self.required { "" } else { ", optional: true" };
        format!("      {}: {{{}, from: [{}]{optional}}}", self.name, self.options, self.headers.join(", "))
    }
}

/// Parts of a flow mapping: commas inside brackets do not part.
fn split(inner: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (vec![], 0, 0);
    for (i, c) in inner.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(inner[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(inner[start..].trim());
    parts
}

/// `name: a, b` by name.
fn common(headers: &str) -> BTreeMap<String, Vec<String>> {
    let lines = headers.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty());
    lines
        .filter_map(|l| l.split_once(':'))
        .map(|(name, list)| (name.trim().to_owned(), list.split(',').map(|h| h.trim().to_owned()).collect()))
        .collect()
}
