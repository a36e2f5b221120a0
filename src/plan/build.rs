//! Project file -> catalog: tables, computed columns, links, views and parameters, every expression typed, all errors at once.
//!
//! Computed columns and views may build on each other in any order, so what names something unfinished is put back and tried again.

use super::checker::{Outcome, parse_within};
use super::names::Pending;
use super::{
    Catalog, ColumnDef, Coverage, ExprId, Graph, Hop, LinkDef, ParameterDef, ParameterKind, Pick, Rel, RowRef, Scope, Slot, TableDef,
    UNREAD, Want,
};
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::project::{Covers, ParameterForm, Project, TableSource};
use crate::schema::Type;

/// Something that stays to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    /// A computed column: table, column.
    Computed(usize, usize),
    /// Place and date of a table or view.
    Governed(usize),
    /// Rows and columns of a view: its place among the views.
    View(usize),
    Link(usize),
}

pub(super) struct Builder<'a> {
    pub(super) project: &'a Project,
    pub(super) catalog: Catalog,
    pub(super) graph: &'a mut Graph,
    pub(super) pending: Pending,
    errors: Diagnostics,
}

/// `Ok(None)`: later.
pub(super) type Tried<T> = Result<Option<T>, Diagnostics>;

impl Catalog {
    /// Everything the project declares. `as_of`: days since 1970-01-01.
    pub fn build(project: &Project, as_of: i32, graph: &mut Graph) -> Result<Catalog, Diagnostics> {
        let mut builder = Builder {
            project,
            catalog: Catalog { as_of, ..Catalog::default() },
            graph,
            pending: Pending::default(),
            errors: Diagnostics::default(),
        };
        builder.tables();
        builder.parameters();
        builder.links();
        builder.finish_items();
        builder.errors.finish(builder.catalog)
    }
}

fn coverage(covers: Option<&Covers>) -> Option<Coverage> {
    covers.map(|c| Coverage { from: c.from, to: c.to, regions: c.regions.clone() })
}

pub(super) fn duplicate(name: &Spanned<String>, what: &str, label: &str) -> Diagnostic {
    Diagnostic::error("duplicate-name", format!("{what} `{}` is declared twice", name.value)).at(name.span.clone(), label)
}

impl Builder<'_> {
    fn tables(&mut self) {
        let project = self.project;
        for (i, source) in project.tables.iter().enumerate() {
            if self.catalog.table(&source.name.value).is_some() {
                self.errors.push(duplicate(&source.name, "table", "second declaration"));
            }
            let rel = self.graph.rel(Rel::Table(i));
            let columns: Vec<ColumnDef> = source
                .columns
                .iter()
                .map(|c| ColumnDef {
                    name: c.name.value.clone(),
                    ty: c.semantic.value_type(),
                    semantic: c.is.is_none().then(|| c.semantic.clone()),
                    is: None,
                    restricted: c.restricted,
                })
                .collect();
            self.pending.columns.extend(source.columns.iter().enumerate().filter(|(_, c)| c.is.is_some()).map(|(j, _)| (i, j)));
            let mut def = TableDef {
                name: source.name.value.clone(),
                rel,
                columns,
                key: vec![],
                region: None,
                date: None,
                covers: coverage(source.covers.as_ref()),
                snapshot: source.snapshot.is_some(),
                view_of: None,
                span: source.name.span.clone(),
            };
            def.key = self.key(&def, &source.key);
            self.catalog.tables.push(def);
        }
        for (v, view) in project.views.iter().enumerate() {
            let i = project.tables.len() + v;
            if self.catalog.table(&view.name.value).is_some() {
                self.errors.push(duplicate(&view.name, "table or view", "second declaration"));
            }
            let view_of = project.tables.iter().map(|t| &t.name.value).chain(project.views.iter().map(|v| &v.name.value));
            let view_of = view_of.clone().position(|name| *name == view.from.value);
            if view_of.is_none() {
                let names = project.tables.iter().map(|t| t.name.value.as_str()).chain(project.views.iter().map(|v| v.name.value.as_str()));
                let error = Diagnostic::error("unknown-table", format!("there is no table `{}`", view.from.value));
                self.errors.push(error.at(view.from.span.clone(), "not declared").suggest(&view.from.value, names));
            }
            self.pending.tables.insert(i);
            self.catalog.tables.push(TableDef {
                name: view.name.value.clone(),
                rel: UNREAD,
                columns: vec![],
                key: vec![],
                region: None,
                date: None,
                covers: coverage(view.covers.as_ref()),
                snapshot: view_of.and_then(|of| project.tables.get(of)).is_some_and(|t| t.snapshot.is_some()),
                view_of,
                span: view.name.span.clone(),
            });
        }
        self.pending.governed.extend(0..self.catalog.tables.len());
    }
    pub(super) fn key(&mut self, def: &TableDef, names: &[Spanned<String>]) -> Vec<usize> {
        let mut key = vec![];
        for name in names {
            match def.position(&name.value) {
                Some(i) => key.push(i),
                None => {
                    let error = Diagnostic::error(
                        "unknown-column",
                        format!("the key of `{}` names `{}`, which is not one of its columns", def.name, name.value),
                    );
                    let known = def.columns.iter().map(|c| c.name.as_str());
                    self.errors.push(error.at(name.span.clone(), format!("not in `{}`", def.name)).suggest(&name.value, known));
                }
            }
        }
        key
    }

    fn parameters(&mut self) {
        for parameter in &self.project.parameters.all {
            let kind = match parameter.form {
                ParameterForm::Value => ParameterKind::Value,
                ParameterForm::Table => ParameterKind::Table(parameter.keys.clone()),
                ParameterForm::List => ParameterKind::List(parameter.keys.clone()),
            };
            self.catalog.parameters.push(ParameterDef {
                name: parameter.name.clone(),
                ty: parameter.ty,
                kind,
                varies_by_region: parameter.entries.iter().any(|e| e.region.is_some()),
                varies_by_date: parameter.entries.iter().any(|e| e.valid_from.is_some() || e.valid_to.is_some()),
            });
        }
    }

    /// Names and ends of all links, so that paths can be followed; their keys come later.
    fn links(&mut self) {
        for link in &self.project.links {
            let mut ends = vec![];
            for end in [&link.source, &link.to] {
                ends.push(self.catalog.table(&end.value).map(|(i, _)| i));
                if ends.last() == Some(&None) {
                    let error = Diagnostic::error("unknown-table", format!("there is no table `{}`", end.value))
                        .at(end.span.clone(), "not declared");
                    self.errors.push(error.suggest(&end.value, self.catalog.tables.iter().map(|t| t.name.as_str())));
                }
            }
            // A link without ends keeps its place, so that positions stay those of the project; nothing can reach it.
            let (source, target) = (ends[0].unwrap_or(usize::MAX), ends[1].unwrap_or(usize::MAX));
            if self.catalog.links.iter().any(|l| l.source == source && l.name == link.name.value) {
                self.errors.push(duplicate(&link.name, &format!("link of `{}`", link.source.value), "second declaration"));
            }
            if let Some(back) = &link.back {
                let taken = self.catalog.links.iter().any(|l| l.target == target && l.back.as_ref() == Some(&back.value));
                let link_named = self.project.links.iter().any(|l| l.source.value == link.to.value && l.name.value == back.value);
                let column = self.catalog.tables.get(target).is_some_and(|t| t.position(&back.value).is_some());
                if taken || link_named || column {
                    let what = if column { "a column" } else { "another link" };
                    let error = Diagnostic::error(
                        "duplicate-name",
                        format!("`{}` is the name of {what} of `{}` already", back.value, link.to.value),
                    );
                    self.errors.push(error.at(back.span.clone(), "give the way back another name"));
                }
            }
            self.catalog.links.push(LinkDef {
                name: link.name.value.clone(),
                source,
                target,
                keys: vec![],
                at: None,
                valid: None,
                pick: None,
                back: link.back.as_ref().map(|b| b.value.clone()),
                span: link.name.span.clone(),
            });
        }
    }

    fn finish_items(&mut self) {
        let tables = self.project.tables.len();
        let mut items: Vec<Item> = vec![];
        for (t, source) in self.project.tables.iter().enumerate() {
            items.extend(source.columns.iter().enumerate().filter(|(_, c)| c.is.is_some()).map(|(c, _)| Item::Computed(t, c)));
            items.push(Item::Governed(t));
        }
        for v in 0..self.project.views.len() {
            items.extend([Item::View(v), Item::Governed(tables + v)]);
        }
        items.extend((0..self.project.links.len()).map(Item::Link));
        loop {
            let before = items.len();
            let mut waiting = vec![];
            for item in items {
                match self.build_item(item) {
                    Ok(Some(())) => {}
                    Ok(None) => waiting.push(item),
                    Err(errors) => {
                        self.errors.extend(errors);
                        self.give_up(item);
                    }
                }
            }
            items = waiting;
            if items.is_empty() {
                return;
            }
            if items.len() == before {
                break;
            }
        }
        // What names a part that failed waits too: only without errors is it a circle.
        if !self.errors.has_errors() {
            for item in items {
                self.circle(item);
            }
        }
    }
    /// A failed part stays pending, so that those who name it wait instead of complaining after it.
    fn give_up(&mut self, item: Item) {
        if let Item::Governed(t) = item {
            self.pending.governed.insert(t);
        }
    }
    fn circle(&mut self, item: Item) {
        let project = self.project;
        let (name, span) = match item {
            Item::Computed(t, c) => {
                let column = &project.tables[t].columns[c];
                (format!("column `{}` of `{}`", column.name.value, project.tables[t].name.value), column.name.span.clone())
            }
            Item::View(v) => (format!("view `{}`", project.views[v].name.value), project.views[v].name.span.clone()),
            Item::Governed(t) => (format!("`region` or `date` of `{}`", self.catalog.tables[t].name), self.catalog.tables[t].span.clone()),
            Item::Link(l) => (format!("link `{}`", project.links[l].name.value), project.links[l].name.span.clone()),
        };
        self.errors
            .push(Diagnostic::error("cycle", format!("{name} needs itself")).at(span, "follows from itself").help("break the circle"));
    }

    fn build_item(&mut self, item: Item) -> Tried<()> {
        match item {
            Item::Computed(t, c) => self.computed(t, c),
            Item::Governed(t) => self.governed(t),
            Item::View(v) => self.view(v),
            Item::Link(l) => self.link(l),
        }
    }

    pub(super) fn parse(&mut self, text: &Spanned<String>, scope: &Scope, want: Want) -> Tried<ExprId> {
        match parse_within(text, scope, &self.catalog, Some(&self.pending), self.graph, want) {
            Outcome::Done(id) => Ok(Some(id)),
            Outcome::Later => Ok(None),
            Outcome::Failed(errors) => Err(errors),
        }
    }
    /// Slot 0 is a row of `table`.
    pub(super) fn frame(&self, table: usize) -> Scope {
        let def = &self.catalog.tables[table];
        let slot = Slot { names: vec![def.name.clone()], rel: def.rel, row: RowRef::slot(0), bare: true, members: vec![] };
        Scope { slots: vec![slot], names: vec![], hints: vec![], at: def.date, place: def.region }
    }

    fn computed(&mut self, t: usize, c: usize) -> Tried<()> {
        let source = &self.project.tables[t].columns[c];
        let Some(text) = &source.is else { return Ok(Some(())) };
        let want = Want::Type(source.semantic.value_type());
        let Some(id) = self.parse(text, &self.frame(t), want)? else { return Ok(None) };
        self.catalog.tables[t].columns[c].is = Some(id);
        self.pending.columns.remove(&(t, c));
        Ok(Some(()))
    }

    fn governed(&mut self, t: usize) -> Tried<()> {
        let project = self.project;
        let (region, date) = match project.tables.get(t) {
            Some(table) => (&table.region, &table.date),
            None => {
                let view = &project.views[t - project.tables.len()];
                (&view.region, &view.date)
            }
        };
        if self.pending.tables.contains(&t) {
            return Ok(None);
        }
        // They govern the parameters that they name themselves no more than nothing does.
        let scope = Scope { at: None, place: None, ..self.frame(t) };
        let mut errors = Diagnostics::default();
        let mut found = [None, None];
        let mut later = false;
        for (found, (text, want)) in found.iter_mut().zip([(region, Type::Region), (date, Type::Date)]) {
            let Some(text) = text else { continue };
            match self.parse(text, &scope, Want::Type(want)) {
                Ok(Some(id)) => *found = Some(id),
                Ok(None) => later = true,
                Err(more) => errors.extend(more),
            }
        }
        if errors.has_errors() {
            return Err(errors);
        }
        let [mut own_region, mut own_date] = found;
        if let Some(base) = self.catalog.tables[t].view_of {
            if (region.is_none() || date.is_none()) && self.pending.governed.contains(&base) {
                return Ok(None);
            }
            let to = RowRef::slot(0).then(Hop::Base);
            let inherited = |graph: &mut Graph, id: Option<ExprId>| id.map(|id| graph.rebase(id, 0, &to));
            if region.is_none() {
                own_region = inherited(self.graph, self.catalog.tables[base].region);
            }
            if date.is_none() {
                own_date = inherited(self.graph, self.catalog.tables[base].date);
            }
            if self.catalog.tables[t].covers.is_none() {
                self.catalog.tables[t].covers = self.catalog.tables[base].covers.clone();
            }
        }
        if later {
            return Ok(None);
        }
        let def = &mut self.catalog.tables[t];
        (def.region, def.date) = (own_region, own_date);
        self.pending.governed.remove(&t);
        Ok(Some(()))
    }

    fn link(&mut self, l: usize) -> Tried<()> {
        let link = &self.project.links[l];
        let (source, target) = (self.catalog.links[l].source, self.catalog.links[l].target);
        if source == usize::MAX || target == usize::MAX {
            return Ok(Some(()));
        }
        if self.pending.tables.contains(&source) || self.pending.tables.contains(&target) {
            return Ok(None);
        }
        let (own, other) = (self.frame(source), self.frame(target));
        let mut errors = Diagnostics::default();
        let mut later = false;
        let mut gather = |tried: Tried<ExprId>| match tried {
            Ok(Some(id)) => Some(id),
            Ok(None) => {
                later = true;
                None
            }
            Err(more) => {
                errors.extend(more);
                None
            }
        };
        let mut pairs = vec![];
        for (left, right) in &link.keys {
            let a = gather(self.parse(left, &own, Want::Key));
            let b = gather(self.parse(right, &other, Want::Key));
            if let (Some(a), Some(b)) = (a, b) {
                pairs.push((a, b, left, right));
            }
        }
        let at = link.at.as_ref().map(|text| gather(self.parse(text, &own, Want::Type(Type::Date))));
        let pick = link.pick.as_ref().map(|p| (gather(self.parse(&p.by, &other, Want::Orderable)), p.largest));
        let valid = match (&link.at, self.valid_of(target)) {
            (None, _) => None,
            (Some(_), Some(valid)) => {
                let mut bound =
                    |text: &Option<Spanned<String>>| text.as_ref().and_then(|t| gather(self.parse(t, &other, Want::Type(Type::Date))));
                Some((bound(&valid.from), bound(&valid.to)))
            }
            (Some(at), None) => {
                let error = Diagnostic::error("no-validity", format!("`{}` does not say when its rows are valid", link.to.value))
                    .at(at.span.clone(), "needs `valid:`");
                errors.push(error.help(format!("declare `valid: {{from: ..., to: ...}}` for `{}`, or leave out `at:`", link.to.value)));
                None
            }
        };
        let mut keys = vec![];
        for (a, b, left, right) in pairs {
            match self.same_type(a, b) {
                Some(pair) => keys.push(pair),
                None => {
                    let (ta, tb) = (super::types::words(self.graph.type_of(a)), super::types::words(self.graph.type_of(b)));
                    let error = Diagnostic::error("type-mismatch", format!("link `{}` compares {ta} with {tb}", link.name.value));
                    errors.push(error.at(left.span.clone(), format!("this is {ta}")).at(right.span.clone(), format!("this is {tb}")));
                }
            }
        }
        if errors.has_errors() {
            return Err(errors);
        }
        if later {
            return Ok(None);
        }
        let def = &mut self.catalog.links[l];
        def.keys = keys;
        def.at = at.flatten();
        def.valid = valid;
        def.pick = pick.and_then(|(by, largest)| Some(Pick { by: by?, largest }));
        Ok(Some(()))
    }
    fn valid_of(&self, target: usize) -> Option<crate::project::Valid> {
        let mut at = target;
        while let Some(base) = self.catalog.tables[at].view_of {
            at = base;
        }
        self.project.tables.get(at).and_then(|t: &TableSource| t.valid.clone())
    }
    fn same_type(&mut self, a: ExprId, b: ExprId) -> Option<(ExprId, ExprId)> {
        let ty = super::types::common(self.graph.type_of(a), self.graph.type_of(b))?;
        let cast = |graph: &mut Graph, id: ExprId| graph.coerce(id, ty).ok();
        Some((cast(self.graph, a)?, cast(self.graph, b)?))
    }
}
