//! Views of the project: their rows, periods and columns.

use super::build::{Builder, Tried, duplicate};
use super::checker::{Outcome, check, place, syntax_error};
use super::syntax::{Ast, Kind};
use super::{ColumnDef, Each, Expr, ExprId, Graph, Hop, Rel, RelId, RowRef, Scope, Slot, Step, UNREAD, Want};
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::project::ViewSource;
use crate::schema::Type;

impl Builder<'_> {
    pub(super) fn view(&mut self, v: usize) -> Tried<()> {
        let source = &self.project.views[v];
        let t = self.project.tables.len() + v;
        let Some(base) = self.catalog.tables[t].view_of else { return Err(Diagnostics::default()) };
        if self.pending.tables.contains(&base) {
            return Ok(None);
        }
        let base_frame = self.frame(base);
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
        let filter = match &source.filter {
            Some(text) => gather(self.parse(text, &base_frame, Want::Bool)),
            None => None,
        };
        let mut each = None;
        if let Some((_, text)) = &source.each {
            match self.each(text, &base_frame) {
                Ok(found) => each = Some(found),
                Err(None) => later = true,
                Err(Some(more)) => errors.extend(more),
            }
        }
        if errors.has_errors() {
            return Err(errors);
        }
        if later {
            return Ok(None);
        }
        let rel = self.graph.rel(Rel::Rows { of: self.catalog.tables[base].rel, filter, each: each.clone() });
        let columns = match self.view_columns(source, base, rel, each.as_ref()) {
            Ok(Some(columns)) => columns,
            other => return other.map(|_| None),
        };
        self.catalog.tables[t].rel = rel;
        self.catalog.tables[t].columns = columns;
        self.pending.tables.remove(&t);
        let key = if source.key.is_empty() {
            self.inherited_key(t, base)
        } else {
            let def = self.catalog.tables[t].clone();
            self.key(&def, &source.key)
        };
        self.catalog.tables[t].key = key;
        Ok(Some(()))
    }
    /// The columns of a view in its own frame: the row it was taken from is reached by `Hop::Base`.
    fn view_columns(&mut self, source: &ViewSource, base: usize, rel: RelId, each: Option<&Each>) -> Tried<Vec<ColumnDef>> {
        let base_row = RowRef::slot(0).then(Hop::Base);
        let base_def = self.catalog.tables[base].clone();
        let mut columns: Vec<ColumnDef> = vec![];
        let made = |graph: &Graph, name: &str, is: ExprId, restricted: bool| ColumnDef {
            name: name.to_owned(),
            ty: graph.type_of(is),
            semantic: None,
            is: Some(is),
            restricted,
        };
        let mut names = vec![];
        if let (Some((name, _)), Some(each)) = (&source.each, each) {
            let ty = match each.step {
                Step::Months => Type::Month,
                Step::Years => Type::Int,
                Step::Days => Type::Date,
            };
            let period = self.graph.expr(Expr::Column { row: RowRef::slot(0), column: 0 }, ty);
            columns.push(made(self.graph, &name.value, period, false));
            names.push((name.value.clone(), period));
        }
        let govern = |graph: &mut Graph, id: Option<ExprId>| id.map(|id| graph.rebase(id, 0, &base_row));
        let (at, place) = (govern(self.graph, base_def.date), govern(self.graph, base_def.region));
        let slot = Slot { names: vec![base_def.name.clone()], rel: base_def.rel, row: base_row.clone(), bare: true, members: vec![] };
        let scope = Scope { slots: vec![slot], names, hints: vec![], at, place };
        let mut errors = Diagnostics::default();
        let mut later = false;
        for (name, text) in &source.columns {
            if columns.iter().any(|c| c.name == name.value) {
                errors.push(duplicate(name, &format!("column of `{}`", source.name.value), "second declaration"));
            }
            match self.parse(text, &scope, Want::Any) {
                Ok(Some(is)) => {
                    let restricted = self.restricted(is, rel);
                    columns.push(made(self.graph, &name.value, is, restricted));
                }
                Ok(None) => later = true,
                Err(more) => errors.extend(more),
            }
        }
        // A view that lists no columns has those of its base.
        if source.columns.is_empty() {
            for (c, column) in base_def.columns.iter().enumerate() {
                if self.pending.columns.contains(&(base, c)) {
                    return Ok(None);
                }
                let is = match column.is {
                    Some(is) => self.graph.rebase(is, 0, &base_row),
                    None => self.graph.expr(Expr::Column { row: base_row.clone(), column: c }, column.ty),
                };
                if !columns.iter().any(|known| known.name == column.name) {
                    columns.push(made(self.graph, &column.name, is, column.restricted));
                }
            }
        }
        if errors.has_errors() {
            return Err(errors);
        }
        Ok((!later).then_some(columns))
    }
    /// Whether a view's column is a restricted column of a table as it is.
    fn restricted(&self, is: ExprId, rel: RelId) -> bool {
        let Expr::Column { row, column } = self.graph.get(is) else { return false };
        let table = self.graph.rel_of(&self.catalog, row, &[rel]).filter(|r| *r != UNREAD).and_then(|r| self.catalog.table_of(r));
        table.and_then(|(_, t)| t.columns.get(*column)).is_some_and(|c| c.restricted)
    }
    /// The period column and the columns that hold the base's key, if all of it is there.
    fn inherited_key(&mut self, t: usize, base: usize) -> Vec<usize> {
        let base_row = super::names::Row { row: RowRef::slot(0).then(Hop::Base), rel: self.catalog.tables[base].rel, table: Some(base) };
        let key = self.catalog.tables[base].key.clone();
        let scope = Scope::default();
        let mut names = super::names::Names::new(&self.catalog, None, self.graph, &scope);
        let wanted: Vec<Option<ExprId>> = key.iter().map(|c| names.column(&base_row, base, *c).ok()).collect();
        let columns = &self.catalog.tables[t].columns;
        let found: Option<Vec<usize>> = wanted.iter().map(|w| columns.iter().position(|c| c.is.is_some() && c.is == *w)).collect();
        let Some(mut found) = found.filter(|f| !f.is_empty()) else { return vec![] };
        if matches!(self.graph.get_rel(self.catalog.tables[t].rel), Rel::Rows { each: Some(_), .. }) {
            found.push(0);
        }
        found
    }

    /// `months(a, b)`, `years(a, b)` or `days(a, b)`. `Err(None)`: later.
    fn each(&mut self, text: &Spanned<String>, frame: &Scope) -> Result<Each, Option<Diagnostics>> {
        let ast = super::syntax::parse(&text.value).map_err(|e| Some(syntax_error(text, e).into()))?;
        let wrong = |range| {
            let error = Diagnostic::error("wrong-arguments", "`each` takes one period per row from a first to a last one")
                .at(place(text, range), "not a range of periods");
            Some(error.help("write `months(starts_on, ends_on)`, `years(first_year, last_year)` or `days(starts_on, ends_on)`").into())
        };
        let Kind::Call { name, args, distinct: false, filter: None } = &ast.kind else { return Err(wrong(ast.range.clone())) };
        let (step, want) = match name.name.to_lowercase().as_str() {
            "months" => (Step::Months, Type::Date),
            "years" => (Step::Years, Type::Int),
            "days" => (Step::Days, Type::Date),
            _ => return Err(wrong(name.range.clone())),
        };
        let [first, last] = args.as_slice() else { return Err(wrong(ast.range.clone())) };
        let mut bound = |ast: &Ast| match check(text, ast, frame, &self.catalog, Some(&self.pending), self.graph, Want::Type(want)) {
            Outcome::Done(id) => Ok(id),
            Outcome::Later => Err(None),
            Outcome::Failed(errors) => Err(Some(errors)),
        };
        let (first, last) = (bound(&first.value), bound(&last.value));
        match (first, last) {
            (Ok(first), Ok(last)) => Ok(Each { step, first, last }),
            (Err(Some(mut a)), Err(Some(b))) => {
                a.extend(b);
                Err(Some(a))
            }
            (Err(Some(e)), _) | (_, Err(Some(e))) => Err(Some(e)),
            _ => Err(None),
        }
    }
}
