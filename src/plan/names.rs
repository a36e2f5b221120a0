//! What a dotted name of an expression means: a value, a row, or many rows.

use hashbrown::HashSet;

use super::syntax::Ident;
use super::{Catalog, Expr, ExprId, Graph, Hop, LinkId, Rel, RelId, RowRef, RowSet, SetId, Slot};
use crate::diagnostic::nearest;

/// Parts of a catalog that are declared but not built yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Computed columns by table and column.
    pub columns: HashSet<(usize, usize)>,
    /// Views whose rows and columns are not known.
    pub tables: HashSet<usize>,
    /// Tables whose governing place and date are not known.
    pub governed: HashSet<usize>,
}

/// A row that names lead to.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub row: RowRef,
    pub rel: RelId,
    /// Position in `Catalog::tables`.
    pub table: Option<usize>,
}

/// A row at hand under its names.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub names: Vec<String>,
    /// Member rows of an aggregate: the whole path that leads to them.
    pub prefix: Vec<String>,
    pub row: Row,
    pub bare: bool,
    pub members: Vec<(Vec<String>, SetId, RelId)>,
}

/// Many rows that belong to one.
#[derive(Debug, Clone)]
pub(crate) struct Many {
    pub owner: RowRef,
    pub set: SetId,
    pub names: Vec<String>,
    pub rel: RelId,
    pub table: Option<usize>,
    /// How many words of the path lead to it.
    pub words: usize,
    pub group: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Found {
    Value(ExprId),
    Row(Row),
    Many(Many),
}

/// Why a name means nothing.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It will, once more of the catalog is built.
    Later,
    /// Position in the path; message; label; help; table whose declaration may help.
    Unknown { code: &'static str, word: usize, message: String, label: String, help: Vec<String>, table: Option<usize> },
}

impl Lost {
    fn unknown(code: &'static str, word: usize, message: String, label: impl Into<String>) -> Self {
        Lost::Unknown { code, word, message, label: label.into(), help: vec![], table: None }
    }
    fn with_help(mut self, text: Option<String>) -> Self {
        if let (Lost::Unknown { help, .. }, Some(text)) = (&mut self, text) {
            help.push(text);
        }
        self
    }
}

/// Looks names up.
pub(crate) struct Names<'a> {
    pub catalog: &'a Catalog,
    pub pending: Option<&'a Pending>,
    pub graph: &'a mut Graph,
    pub values: &'a [(String, ExprId)],
    pub hints: &'a [(String, String)],
    /// Rows of the scope, then member rows of the aggregates around, innermost last.
    pub rows: Vec<Named>,
    /// How many of `rows` belong to the scope.
    pub outer: usize,
}

impl<'a> Names<'a> {
    pub fn new(catalog: &'a Catalog, pending: Option<&'a Pending>, graph: &'a mut Graph, scope: &'a super::Scope) -> Self {
        let mut names =
            Names { catalog, pending, graph, values: &scope.names, hints: &scope.hints, rows: vec![], outer: scope.slots.len() };
        names.rows = scope.slots.iter().map(|s| names.named(s)).collect();
        names
    }
    fn named(&self, slot: &Slot) -> Named {
        let row = self.row(slot.row.clone(), slot.rel, &slot.names);
        Named { names: slot.names.clone(), prefix: vec![], row, bare: slot.bare, members: slot.members.clone() }
    }
    /// The table or view whose columns a row of `rel` has. A relation that is none of the catalog's has those of the rows it was taken from.
    pub fn row(&self, row: RowRef, rel: RelId, names: &[String]) -> Row {
        let by_name = self.catalog.tables.iter().position(|t| t.rel == rel && names.contains(&t.name));
        if let Some(table) = by_name.or_else(|| self.catalog.table_of(rel).map(|(i, _)| i)) {
            return Row { row, rel, table: Some(table) };
        }
        match (rel != super::UNREAD).then(|| self.graph.get_rel(rel)) {
            Some(Rel::Rows { of, .. }) => self.row(row.then(Hop::Base), *of, names),
            _ => Row { row, rel, table: None },
        }
    }
    fn table_row(&self, row: RowRef, table: usize) -> Row {
        Row { row, rel: self.catalog.tables[table].rel, table: Some(table) }
    }

    /// What `path` means. When it leads to many rows the rest of the path is left.
    pub fn resolve(&mut self, path: &[Ident]) -> Result<Found, Lost> {
        let Some(first) = path.first() else { return Err(Lost::unknown("unknown-name", 0, "a name is missing".into(), "empty")) };
        // Member rows of the aggregates around come first: what is nearest is meant.
        for i in (self.outer..self.rows.len()).rev() {
            let named = &self.rows[i];
            let prefix = named.prefix.len();
            if prefix > 0 && path.len() >= prefix && named.prefix.iter().zip(path).all(|(a, b)| *a == b.name) {
                return self.walk(named.row.clone(), path, prefix);
            }
            if path.len() > 1 && named.names.contains(&first.name) {
                return self.walk(named.row.clone(), path, 1);
            }
            if named.bare
                && let Some(found) = self.within(&named.row.clone(), path, 0)
            {
                return found;
            }
        }
        let dotted = path.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(".");
        if let Some((_, value)) = self.values.iter().find(|(name, _)| *name == dotted) {
            return Ok(Found::Value(*value));
        }
        if let Some(i) = (0..self.outer).find(|&i| self.rows[i].names.contains(&first.name))
            && (path.len() > 1 || self.bare(path).is_none())
        {
            return self.walk(self.rows[i].row.clone(), path, 1);
        }
        for named in &self.rows {
            if let Some((names, set, rel)) = named.members.iter().find(|(names, ..)| names.contains(&first.name)) {
                let member = self.row(RowRef::slot(0), *rel, names);
                let many = Many {
                    owner: named.row.row.clone(),
                    set: *set,
                    names: names.clone(),
                    rel: *rel,
                    table: member.table,
                    words: 1,
                    group: true,
                };
                return Ok(Found::Many(many));
            }
        }
        match self.bare(path) {
            Some(found) => found,
            None => Err(self.unknown_first(path, &dotted)),
        }
    }
    fn bare(&mut self, path: &[Ident]) -> Option<Result<Found, Lost>> {
        for i in 0..self.outer {
            if self.rows[i].bare
                && let Some(found) = self.within(&self.rows[i].row.clone(), path, 0)
            {
                return Some(found);
            }
        }
        None
    }

    /// Follows `path` from word `at` on, starting at `row`.
    fn walk(&mut self, row: Row, path: &[Ident], at: usize) -> Result<Found, Lost> {
        if at >= path.len() {
            return Ok(Found::Row(row));
        }
        match self.within(&row, path, at) {
            Some(found) => found,
            None => Err(self.unknown_in(&row, path, at)),
        }
    }
    /// Word `at` of the path as a column, link or back link of `row`, and the rest; `None` if it is none of these.
    fn within(&mut self, row: &Row, path: &[Ident], at: usize) -> Option<Result<Found, Lost>> {
        let catalog = self.catalog;
        let table = row.table?;
        let name = &path[at].name;
        let last = at + 1 == path.len();
        let column = catalog.tables[table].position(name);
        let link = self.link_at(row, name);
        if let Some(column) = column
            && (last || link.is_none())
        {
            if !last {
                let text = format!("`{name}` is a column of `{}`, not a link: nothing can follow it", catalog.tables[table].name);
                return Some(Err(Lost::unknown("not-a-link", at + 1, text, "cannot be followed")));
            }
            return Some(self.column(row, table, column).map(Found::Value));
        }
        if let Some(next) = link {
            return Some(self.walk(next, path, at + 1));
        }
        if let Some((owner, id)) = self.back_at(row, name) {
            let link = &catalog.links[id.index()];
            let set = self.graph.set(RowSet::Back(id));
            let source = &catalog.tables[link.source];
            let names = vec![name.clone(), source.name.clone()];
            let many = Many { owner, set, names, rel: source.rel, table: Some(link.source), words: at + 1, group: false };
            return Some(Ok(Found::Many(many)));
        }
        self.pending.is_some_and(|p| p.tables.contains(&table)).then_some(Err(Lost::Later))
    }
    /// A link of the row's table, or for a view of the table its rows are taken from.
    fn link_at(&self, row: &Row, name: &str) -> Option<Row> {
        let table = row.table?;
        if let Some((id, link)) = self.catalog.link(table, name) {
            return Some(self.table_row(row.row.then(Hop::Link(id)), link.target));
        }
        let base = self.catalog.tables[table].view_of?;
        self.link_at(&self.table_row(row.row.then(Hop::Base), base), name)
    }
    fn back_at(&self, row: &Row, name: &str) -> Option<(RowRef, LinkId)> {
        let table = row.table?;
        if let Some((id, _)) = self.catalog.back_link(table, name) {
            return Some((row.row.clone(), id));
        }
        let base = self.catalog.tables[table].view_of?;
        self.back_at(&self.table_row(row.row.then(Hop::Base), base), name)
    }
    /// The value of a column of `row`: stored, or the expression it stands for.
    pub fn column(&mut self, row: &Row, table: usize, column: usize) -> Result<ExprId, Lost> {
        if self.pending.is_some_and(|p| p.columns.contains(&(table, column)) || p.tables.contains(&table)) {
            return Err(Lost::Later);
        }
        let def = &self.catalog.tables[table].columns[column];
        Ok(match def.is {
            Some(is) => self.graph.rebase(is, 0, &row.row),
            None => self.graph.expr(Expr::Column { row: row.row.clone(), column }, def.ty),
        })
    }

    /// Names of columns, links and back links of a table, bases of views included.
    pub fn known_in(&self, table: usize) -> (Vec<&'a str>, Vec<&'a str>) {
        let catalog = self.catalog;
        let columns = catalog.tables[table].columns.iter().map(|c| c.name.as_str()).collect();
        let mut others: Vec<&str> = vec![];
        let mut at = Some(table);
        while let Some(t) = at {
            others.extend(catalog.links.iter().filter(|l| l.source == t).map(|l| l.name.as_str()));
            others.extend(catalog.links.iter().filter(|l| l.target == t).filter_map(|l| l.back.as_deref()));
            at = catalog.tables[t].view_of;
        }
        (columns, others)
    }
    fn unknown_in(&self, row: &Row, path: &[Ident], at: usize) -> Lost {
        let word = &path[at];
        let Some(table) = row.table else {
            let message = format!("`{}` names a group, which has no column `{}`", path[at.saturating_sub(1)].name, word.name);
            return Lost::unknown("unknown-column", at, message, "not known here");
        };
        let def = &self.catalog.tables[table];
        let kind = if def.view_of.is_some() { "view" } else { "table" };
        let (columns, links) = self.known_in(table);
        let what = if at + 1 == path.len() { "column" } else { "link" };
        let message = format!("{kind} `{}` has no {what} `{}`", def.name, word.name);
        let near = nearest(&word.name, columns.iter().copied()).map(|n| format!("a similar column exists: `{n}`"));
        let near = near.or_else(|| nearest(&word.name, links.iter().copied()).map(|n| format!("a similar link exists: `{n}`")));
        let code = if what == "column" { "unknown-column" } else { "unknown-link" };
        let mut lost = Lost::unknown(code, at, message, format!("not in `{}`", def.name)).with_help(near);
        if let Lost::Unknown { table: place, .. } = &mut lost {
            *place = Some(table);
        }
        lost
    }
    fn unknown_first(&self, path: &[Ident], dotted: &str) -> Lost {
        let first = &path[0];
        if let Some((_, reason)) = self.hints.iter().find(|(name, _)| name == dotted || *name == first.name) {
            return Lost::unknown("unknown-name", 0, format!("`{dotted}` has no meaning here"), reason.clone());
        }
        // One bare row and nothing else: then its table is what the name was looked for in.
        let bare: Vec<&Named> = self.rows[..self.outer].iter().filter(|r| r.bare).collect();
        let words = self.rows.iter().flat_map(|r| &r.names).chain(self.values.iter().map(|(n, _)| n));
        let words = words.chain(self.rows.iter().flat_map(|r| r.members.iter().flat_map(|(n, ..)| n))).map(String::as_str);
        if path.len() == 1 && first.quoted && !bare.is_empty() && nearest(&first.name, words.clone()).is_none() {
            let message = format!("no column is named \"{}\"", first.name);
            return Lost::unknown("unknown-column", 0, message, "between double quotes this is a name")
                .with_help(Some(format!("text stands in single quotes: '{}'", first.name)));
        }
        let mut near =
            nearest(if path.len() == 1 { dotted } else { &first.name }, words.clone()).map(|n| format!("a similar name exists: `{n}`"));
        if let [one] = bare.as_slice()
            && let Some(table) = one.row.table
            && near.is_none()
            && path.len() == 1
        {
            return self.elsewhere(self.unknown_in(&one.row, path, 0), &first.name, table);
        }
        if near.is_none() {
            let columns: Vec<&str> = bare
                .iter()
                .filter_map(|r| r.row.table)
                .flat_map(|t| {
                    let (c, l) = self.known_in(t);
                    c.into_iter().chain(l)
                })
                .collect();
            near = nearest(&first.name, columns).map(|n| format!("a similar name exists: `{n}`"));
        }
        let other_table = self.catalog.table(&first.name).is_some();
        let lost = if other_table && path.len() > 1 {
            let known: Vec<String> = self.rows.iter().flat_map(|r| &r.names).map(|n| format!("`{n}`")).collect();
            let label = if known.is_empty() { "no row is at hand here".to_owned() } else { format!("rows at hand: {}", known.join(", ")) };
            Lost::unknown("unknown-name", 0, format!("no row of `{}` is at hand here", first.name), label)
                .with_help(Some("reach it by a link of the row at hand, or declare one under `links:` in recount.yaml".to_owned()))
        } else {
            Lost::unknown("unknown-name", 0, format!("nothing here is named `{}`", first.name), "not known here").with_help(near)
        };
        match self.rows.iter().rev().find(|r| self.outer < self.rows.len() && r.row.table.is_some_and(|t| self.has_name(t, &first.name))) {
            Some(named) if path.len() == 1 => {
                let text = named.names.first().map(|n| format!("the counted rows have it: write `{n}.{}`", first.name));
                lost.with_help(text)
            }
            _ => lost,
        }
    }
    fn has_name(&self, table: usize, name: &str) -> bool {
        let (columns, links) = self.known_in(table);
        columns.contains(&name) || links.contains(&name)
    }
    /// Adds which member row or link has the column that a table lacks.
    fn elsewhere(&self, lost: Lost, name: &str, table: usize) -> Lost {
        if let Some(member) = self.rows[self.outer..].iter().rev().find(|r| r.row.table.is_some_and(|t| self.has_name(t, name))) {
            return lost.with_help(member.names.first().map(|n| format!("the counted rows have it: write `{n}.{name}`")));
        }
        if matches!(&lost, Lost::Unknown { help, .. } if !help.is_empty()) {
            return lost;
        }
        let by_link = self.catalog.links.iter().find(|l| l.source == table && self.catalog.tables[l.target].position(name).is_some());
        lost.with_help(by_link.map(|l| format!("`{}` has it: write `{}.{name}`", self.catalog.tables[l.target].name, l.name)))
    }
}
