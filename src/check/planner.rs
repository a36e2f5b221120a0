//! What a check needs to turn its texts into nodes of the graph, gathering everything that is wrong on the way.

use super::keys::{self, Keys, NamedKeys, Names, Pairs};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::plan::{self, AggregateFunction, Catalog, ExprId, Graph, KeyPart, RelId, RowRef, RowSet, Scope, SetId, Slot, TableDef, Want};
use crate::schema::Type;

/// The catalog and the graph a check is planned into, and what the rule around it asks for.
pub struct Planner<'a> {
    pub catalog: &'a Catalog,
    pub graph: &'a mut Graph,
    /// The rule says `report: group`: where the check knows groups, its units are groups instead of their records.
    pub group: bool,
    /// What is wrong so far.
    pub messages: Diagnostics,
}

/// A table or view found in the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Position in `Catalog::tables`.
    pub table: usize,
    pub rel: RelId,
}

impl<'a> Planner<'a> {
    pub fn new(catalog: &'a Catalog, graph: &'a mut Graph) -> Self {
        Planner { catalog, graph, group: false, messages: Diagnostics::default() }
    }
    /// Sets whether the rule reports groups.
    #[must_use]
    pub fn reporting_groups(mut self, group: bool) -> Self {
        self.group = group;
        self
    }

    pub fn error(&mut self, diagnostic: Diagnostic) {
        self.messages.push(diagnostic);
    }

    pub fn def(&self, source: Source) -> &'a TableDef {
        &self.catalog.tables[source.table]
    }

    /// The table or view `name`.
    pub fn source(&mut self, name: &Spanned<String>) -> Option<Source> {
        if let Some((table, def)) = self.catalog.table(&name.value) {
            return Some(Source { table, rel: def.rel });
        }
        let known: Vec<&str> = self.catalog.tables.iter().map(|t| t.name.as_str()).collect();
        let message = format!("there is no table or view `{}`", name.value);
        let mut error = Diagnostic::error("unknown-table", message)
            .at(name.span.clone(), "not in recount.yaml")
            .suggest(&name.value, known.iter().copied());
        if !known.is_empty() {
            error = error.note(format!("declared: {}", known.join(", ")));
        }
        self.error(error);
        None
    }

    /// The expression `text` in `scope`.
    pub fn expr(&mut self, text: &Spanned<String>, scope: &Scope, want: Want) -> Option<ExprId> {
        let parsed = plan::parse(text, scope, self.catalog, self.graph, want);
        self.messages.take(parsed)
    }
    pub fn bool(&mut self, text: &Spanned<String>, scope: &Scope) -> Option<ExprId> {
        self.expr(text, scope, Want::Bool)
    }
    /// `Some(None)` when nothing is written.
    pub fn optional_bool(&mut self, text: Option<&Spanned<String>>, scope: &Scope) -> Option<Option<ExprId>> {
        match text {
            Some(text) => self.bool(text, scope).map(Some),
            None => Some(None),
        }
    }
    /// Adds the names of `lets` to `scope`, each readable by those after it. Gives them as figures.
    pub fn lets(&mut self, lets: &Ordered<Spanned<String>>, scope: &mut Scope) -> Option<Vec<(String, ExprId)>> {
        let mut figures = vec![];
        let mut good = true;
        for (name, text) in lets.iter() {
            if scope.names.iter().any(|(known, _)| *known == name.value) {
                let message = format!("the name `{}` has a meaning already", name.value);
                self.error(
                    Diagnostic::error("name-clash", message)
                        .at(name.span.clone(), "given twice, or by the check itself")
                        .help("choose another name"),
                );
                good = false;
                continue;
            }
            match self.expr(text, scope, Want::Any) {
                Some(expr) => {
                    scope.names.push((name.value.clone(), expr));
                    figures.push((name.value.clone(), expr));
                }
                None => {
                    // Later texts would only repeat that the name is unknown.
                    good = false;
                    break;
                }
            }
        }
        good.then_some(figures)
    }

    /// Names and columns of one row of a table: the frame of records. Its own place and date govern parameters.
    pub fn record_scope(&mut self, source: Source, row: &RowRef) -> Scope {
        let def = self.def(source);
        let slot = Slot { names: vec![def.name.clone()], rel: source.rel, row: row.clone(), bare: true, members: vec![] };
        let at = def.date.map(|date| self.at_row(date, row));
        let place = def.region.map(|region| self.at_row(region, row));
        Scope {
            slots: vec![slot],
            names: vec![],
            hints: vec![("other".into(), "it needs a second table (`match`, `missing`, `order`)".into())],
            at,
            place,
        }
    }
    /// `expr`, written for slot 0, read at `row` instead.
    pub fn at_row(&mut self, expr: ExprId, row: &RowRef) -> ExprId {
        if *row == RowRef::slot(0) { expr } else { self.graph.rebase(expr, 0, row) }
    }
    /// Adds the row of slot `slot` of a second table, under `names`, its columns with prefix only.
    pub fn add_other(&mut self, scope: &mut Scope, source: Source, slot: u8, extra: &[&str]) {
        let def = self.def(source);
        let mut names: Vec<String> = extra.iter().map(|n| (*n).to_owned()).collect();
        // The table's own name stays with the first row that bears it.
        if !scope.slots.iter().any(|s| s.names.contains(&def.name)) {
            names.push(def.name.clone());
        }
        scope.hints.retain(|(name, _)| !names.contains(name));
        scope.slots.push(Slot { names, rel: source.rel, row: RowRef::slot(slot), bare: false, members: vec![] });
    }

    /// Key expressions of one table, and whether each is one.
    pub fn keys(&mut self, texts: &[Spanned<String>], scope: &Scope) -> Option<Vec<ExprId>> {
        let parsed: Vec<Option<ExprId>> = texts.iter().map(|text| self.expr(text, scope, Want::Key)).collect();
        parsed.into_iter().collect()
    }

    /// The ladder of keys between rows of `own` and rows of `other`: for each rung the set of other rows, its name and the own keys.
    pub fn ladder(&mut self, keys: &Keys, own: Source, other: Source) -> Option<Vec<Rung>> {
        let row = RowRef::slot(0);
        let own_scope = self.record_scope(own, &row);
        let other_scope = self.record_scope(other, &row);
        let rungs: Vec<Option<Rung>> =
            keys::rungs(keys).iter().map(|pairs| self.rung(pairs, own, &own_scope, other, &other_scope)).collect();
        rungs.into_iter().collect()
    }

    fn rung(&mut self, pairs: &Pairs, own: Source, own_scope: &Scope, other: Source, other_scope: &Scope) -> Option<Rung> {
        let mut own_keys = vec![];
        let mut other_keys = vec![];
        let mut good = true;
        for (left, right) in pairs {
            let l = self.expr(left, own_scope, Want::Key);
            let r = self.expr(right, other_scope, Want::Key);
            let (Some(l), Some(r)) = (l, r) else {
                good = false;
                continue;
            };
            good &= self.same_key_type((left, l), (right, r));
            own_keys.push(l);
            other_keys.push(r);
        }
        if !good {
            return None;
        }
        let set = self.graph.set(RowSet::Matching {
            own: KeyPart { of: own.rel, keys: own_keys.clone(), among: None },
            other: KeyPart { of: other.rel, keys: other_keys, among: None },
        });
        let name = pairs.iter().map(|(left, _)| left.value.trim()).collect::<Vec<_>>().join(", ");
        Some(Rung { set, name, keys: own_keys })
    }

    /// Group keys in the frame of the records (`scope`), each with the name it goes by in the frame of the group.
    pub fn group_keys(&mut self, keys: &NamedKeys, scope: &Scope) -> Option<GroupKeys> {
        let named = keys::named(keys);
        let exprs: Vec<Option<ExprId>> = named.iter().map(|(_, text)| self.expr(text, scope, Want::Key)).collect();
        let exprs: Vec<ExprId> = exprs.into_iter().collect::<Option<_>>()?;
        let words = named.iter().map(|(name, text)| name.clone().unwrap_or_else(|| text.value.trim().to_owned())).collect();
        Some(GroupKeys { names: named.into_iter().map(|(name, _)| name).collect(), words, exprs })
    }
    /// Positions of the keys named so.
    pub fn key_positions(&mut self, keys: &GroupKeys, names: &Names) -> Option<Vec<usize>> {
        let mut positions = vec![];
        for name in names {
            match keys.names.iter().position(|known| known.as_deref() == Some(name.value.as_str())) {
                Some(position) => positions.push(position),
                None => {
                    let known: Vec<&str> = keys.names.iter().flatten().map(String::as_str).collect();
                    let error = Diagnostic::error("unknown-key-name", format!("`{}` is not a key of `by`", name.value))
                        .at(name.span.clone(), "it must be part of the key")
                        .suggest(&name.value, known.iter().copied())
                        .help(format!("add it to `by`, which has {}", known.join(", ")));
                    self.error(error);
                    return None;
                }
            }
        }
        Some(positions)
    }
    /// Names and values of the group in slot 0 of `groups`, whose part `i` has its rows from `parts[i]` (names, table).
    /// Keys go by their names; the members of each part by the part's names, inside aggregates.
    pub fn group_scope(&mut self, groups: RelId, keys: &GroupKeys, parts: &[(Vec<String>, Source)]) -> Scope {
        let row = RowRef::slot(0);
        let values = self.keys_of(groups, &row, keys);
        let names = keys.names.iter().zip(&values).filter_map(|(name, &value)| Some((name.clone()?, value))).collect();
        let members = parts
            .iter()
            .enumerate()
            .map(|(part, (names, source))| (names.clone(), self.members(groups, part, false).set, source.rel))
            .collect();
        let slot = Slot { names: vec!["group".into()], rel: groups, row, bare: true, members };
        Scope { slots: vec![slot], names, hints: vec![], at: None, place: None }
    }
    /// The keys of the group that `row` is.
    pub fn key_columns(&mut self, row: &RowRef, keys: &GroupKeys) -> Vec<ExprId> {
        let types: Vec<Type> = keys.exprs.iter().map(|&key| self.graph.type_of(key)).collect();
        types.into_iter().enumerate().map(|(i, ty)| self.group_key(row, i, ty)).collect()
    }
    /// The keys of the group of `groups` that `row` is, whatever made it.
    pub fn keys_of(&mut self, groups: RelId, row: &RowRef, keys: &GroupKeys) -> Vec<ExprId> {
        let first = self.graph.get_rel(groups).keyed().map_or(0, |keyed| keyed.first);
        let types: Vec<Type> = keys.exprs.iter().map(|&key| self.graph.type_of(key)).collect();
        types.into_iter().enumerate().map(|(i, ty)| self.group_key(row, first + i, ty)).collect()
    }
    /// The key of a record of `source`, in the frame of its records: what a group that no key makes goes by, read from its first record.
    pub fn record_key(&mut self, source: Source, records: &Scope, at: &Spanned<String>) -> Option<GroupKeys> {
        let def = self.def(source);
        let names: Vec<String> = def.key.iter().filter_map(|&column| def.columns.get(column)).map(|c| c.name.clone()).collect();
        if names.is_empty() {
            let error = Diagnostic::error("group-key", format!("`{}` has no key to name a group by", at.value));
            self.error(error.at(at.span.clone(), "reported by group").help("declare `key:` in recount.yaml"));
            return None;
        }
        let texts: Vec<Spanned<String>> = names.iter().map(|name| Spanned::without_place(name.clone())).collect();
        let exprs = self.keys(&texts, records)?;
        Some(GroupKeys { names: vec![None; names.len()], words: names, exprs })
    }
    /// The carried key `key` ([`Planner::record_key`], the last keys of the part) of the first record of the group in slot 0.
    pub fn first_record(&mut self, groups: RelId, key: &GroupKeys) -> Vec<ExprId> {
        let keyed = self.graph.get_rel(groups).keyed().map_or(0, |k| k.first + k.parts.first().map_or(0, |p| p.keys.len()));
        let start = keyed - key.exprs.len().min(keyed);
        let types: Vec<Type> = key.exprs.iter().map(|&key| self.graph.type_of(key)).collect();
        types.into_iter().enumerate().map(|(i, ty)| self.group_key(&RowRef::slot(0), start + i, ty)).collect()
    }
    /// The day on which a record of `source` stands by its declaration.
    pub fn governing_day(&mut self, source: Source, records: &Scope, table: &Spanned<String>) -> Option<ExprId> {
        match records.at {
            Some(date) if self.graph.type_of(date) == Type::Date => Some(date),
            _ => {
                let error =
                    Diagnostic::error("no-day", format!("nothing says on which day a record of `{}` stands", self.def(source).name));
                self.error(error.at(table.span.clone(), "has no `date:` in recount.yaml").help("add `date:` to this check"));
                None
            }
        }
    }
    /// Governing date and place of a group: the latest date and the lowest place of its records in part `part`.
    pub fn group_frame(&mut self, scope: &mut Scope, groups: RelId, part: usize, source: Source) {
        let def = self.def(source);
        let member = RowRef::slot(1);
        let over = self.members(groups, part, false);
        let date = def.date.map(|date| self.at_row(date, &member));
        let place = def.region.map(|region| self.at_row(region, &member));
        scope.at = date.map(|date| self.aggregate(AggregateFunction::Max, &over, Some(date), None));
        scope.place = place.map(|place| self.aggregate(AggregateFunction::Min, &over, Some(place), None));
    }

    /// Whether two keys can be equal at all; a message if not.
    pub fn same_key_type(&mut self, left: (&Spanned<String>, ExprId), right: (&Spanned<String>, ExprId)) -> bool {
        let (l, r) = (self.graph.type_of(left.1), self.graph.type_of(right.1));
        if comparable(l, r) {
            return true;
        }
        let message = format!("`{}` and `{}` cannot be compared: {} and {}", left.0.value, right.0.value, type_name(l), type_name(r));
        self.error(
            Diagnostic::error("key-types", message)
                .at(right.0.span.clone(), format!("this is {}", type_name(r)))
                .at(left.0.span.clone(), format!("this is {}", type_name(l)))
                .help("declare both columns with one type in recount.yaml, or compare other columns"),
        );
        false
    }
}

/// Keys of groups.
#[derive(Debug, Clone)]
pub struct GroupKeys {
    /// The name of each, if it can be named.
    pub names: Vec<Option<String>>,
    /// For people: the name, or the expression as written.
    pub words: Vec<String>,
    /// In the frame of the records.
    pub exprs: Vec<ExprId>,
}

/// One rung of a ladder of keys.
#[derive(Debug, Clone)]
pub struct Rung {
    /// Rows of the other table with the same keys.
    pub set: SetId,
    /// For people: the own keys as written.
    pub name: String,
    /// In the frame of the unit.
    pub keys: Vec<ExprId>,
}

/// Whether values of the two types may be equal: texts of every kind are texts.
pub fn comparable(left: Type, right: Type) -> bool {
    left == right || matches!((left, right), (Type::Text(_), Type::Text(_)))
}

/// The type in the words of `recount.yaml`.
pub fn type_name(ty: Type) -> String {
    match ty {
        Type::Null => "null".into(),
        Type::Bool => "a condition".into(),
        Type::Int => "an int".into(),
        Type::Decimal(scale) => format!("a decimal({scale})"),
        Type::Money => "money".into(),
        Type::Date => "a date".into(),
        Type::Month => "a month".into(),
        Type::CitizenId => "a citizen id".into(),
        Type::Region => "a region".into(),
        Type::Text(_) => "text".into(),
    }
}
