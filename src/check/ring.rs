//! `ring`: people tied through what they share.

use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::{NamedKeys, named};
use super::planner::{Planner, Source};
use super::{Check, CheckPlan, Flag, Members, UnitKind};
use crate::diagnostic::yaml::{OneOrMany, Ordered};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, ExprId, Grouping, KeyPart, RING_COLUMNS, Rel, RowRef, Scope, Slot, Want};
use crate::schema::Type;

/// People from which a value is taken to tie nobody, when the rule does not say.
const MAX_SHARED: u8 = 10;

/// Flags connected sets of people.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RingCheck {
    /// Table or view of the people.
    pub table: Spanned<String>,
    /// Which of its records tie; all when absent.
    pub among: Option<Spanned<String>>,
    /// Who is tied: `household_id`, `id_no`.
    pub who: Spanned<String>,
    /// What ties two of them: columns, or names with expressions `{phone: phone, account: bank_account}`.
    pub edges: NamedKeys,
    /// Further tables that tie the same people.
    #[serde(default)]
    pub with: OneOrMany<Tied>,
    /// A value that more people share ties nobody: 2 to 100; 10 when absent.
    pub max_shared: Option<Spanned<u8>>,
    /// People from which a ring is flagged; 3 when absent.
    pub min_size: Option<Spanned<String>>,
    /// Part of all pairs that are tied directly from which a ring is flagged, 0 to 1.
    pub min_density: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the ring.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

/// A further table that ties.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tied {
    pub table: Spanned<String>,
    /// Which of its records tie; all when absent.
    pub among: Option<Spanned<String>>,
    /// Who, as in the first table.
    pub who: Spanned<String>,
    /// What ties; values of one name are compared over all tables.
    pub edges: NamedKeys,
}

impl Check for RingCheck {
    const NAME: &'static str = "ring";
    const TITLE: &'static str = "People tied through what they share";
    const FINDS: &'static str =
        "Sets of people or households tied through shared phones, accounts, addresses, firms or kin, directly or through others.";
    const POPULATION: &'static str =
        "Rings: people tied to each other; who is tied to nobody is one alone. A record without `who` belongs to none.";
    const DOC: &'static str = include_str!("../../docs/checks/ring.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn others(&self) -> Vec<Spanned<String>> {
        self.with.iter().map(|tied| tied.table.clone()).collect()
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let first = Written { table: &self.table, among: self.among.as_ref(), who: &self.who, edges: &self.edges };
        let with = self.with.iter().map(|t| Written { table: &t.table, among: t.among.as_ref(), who: &t.who, edges: &t.edges });
        let read: Vec<Option<Read>> = std::iter::once(first).chain(with).map(|written| written.read(planner)).collect();
        let read: Vec<Read> = read.into_iter().collect::<Option<_>>()?;
        let names = self.names(planner, &read)?;
        let max_shared = self.max_shared(planner)?;
        let parts = parts(planner, &read, &names);
        let rings = planner.graph.rel(Rel::Linked { parts, by: Grouping::Components { names, max_shared } });

        let source = read[0].source;
        let mut members = vec![];
        let mut evidence = vec![];
        for (part, read) in read.iter().enumerate() {
            let over = planner.members(rings, part, false);
            let name = planner.def(read.source).name.clone();
            members.push((vec![name.clone()], over.set, read.source.rel));
            evidence.push(Members { role: name, owner: over.owner, set: over.set, inner: 1, filter: None });
        }
        let slot = Slot { names: vec!["group".into()], rel: rings, row: RowRef::slot(0), bare: true, members };
        let mut scope = Scope { slots: vec![slot], ..Scope::default() };
        planner.group_frame(&mut scope, rings, 0, source);
        let own: Vec<(String, ExprId)> = RING_COLUMNS
            .into_iter()
            .enumerate()
            .map(|(position, (name, ty))| (name.to_owned(), planner.group_key(&RowRef::slot(0), position, ty)))
            .collect();
        // People whom the first table does not know tie others, but are no ring of it.
        let over = planner.members(rings, 0, false);
        let here = planner.exists(&over, None);
        let who = planner.at_row(read[0].who, &RowRef::slot(1));
        let identity = planner.aggregate(AggregateFunction::Min, &over, Some(who), None);
        scope.names.push(("first".into(), identity));
        scope.names.extend(own.clone());
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        figures.extend(own.clone());
        let flag = self.flag(planner, &scope, &own)?;

        Some(CheckPlan {
            rel: rings,
            population: vec![here],
            flag: Flag::Row(flag),
            measure: Some(own[0].1),
            members: evidence,
            figures,
            identity: vec![identity],
            ..CheckPlan::of(UnitKind::Group, format!("ring of {} in {}", self.who.value.trim(), self.table.value), source, scope)
        })
    }
}

/// A table as written, whether the first or a further one.
struct Written<'a> {
    table: &'a Spanned<String>,
    among: Option<&'a Spanned<String>>,
    who: &'a Spanned<String>,
    edges: &'a NamedKeys,
}

/// A table against the catalog, in the frame of its records.
struct Read {
    source: Source,
    among: Option<ExprId>,
    who: ExprId,
    /// By name, with the text it comes from.
    edges: Vec<(String, Spanned<String>, ExprId)>,
    who_text: Spanned<String>,
}

impl Written<'_> {
    fn read(&self, planner: &mut Planner) -> Option<Read> {
        let source = planner.source(self.table)?;
        let scope = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among, &scope);
        let who = planner.expr(self.who, &scope, Want::Key);
        let edges: Vec<Option<_>> = named(self.edges)
            .into_iter()
            .map(|(name, text)| {
                let expr = planner.expr(&text, &scope, Want::Key)?;
                Some((name.unwrap_or_else(|| text.value.trim().to_owned()), text, expr))
            })
            .collect();
        Some(Read { source, among: among?, who: who?, edges: edges.into_iter().collect::<Option<_>>()?, who_text: self.who.clone() })
    }
}

impl RingCheck {
    /// Names of all edges, in the order in which they are first written; each is of one type wherever it stands.
    fn names(&self, planner: &mut Planner, read: &[Read]) -> Option<Vec<String>> {
        let mut first: Vec<(String, Spanned<String>, ExprId)> = vec![];
        let mut good = true;
        for table in read {
            good &= planner.same_key_type((&read[0].who_text, read[0].who), (&table.who_text, table.who));
            for (name, text, expr) in &table.edges {
                match first.iter().find(|(known, ..)| known == name).cloned() {
                    Some((_, known, other)) => good &= planner.same_key_type((&known, other), (text, *expr)),
                    None => first.push((name.clone(), text.clone(), *expr)),
                }
            }
        }
        if first.is_empty() {
            let error = Diagnostic::error("ring-edges", "nothing ties two people");
            planner.error(error.at(self.table.span.clone(), "this check").help("add e.g. `edges: {phone: phone, account: bank_account}`"));
            return None;
        }
        good.then(|| first.into_iter().map(|(name, ..)| name).collect())
    }

    fn max_shared(&self, planner: &mut Planner) -> Option<u8> {
        let Some(written) = &self.max_shared else { return Some(MAX_SHARED) };
        if (2..=100).contains(&written.value) {
            return Some(written.value);
        }
        let error = Diagnostic::error("ring-shared", format!("`max_shared: {}` is out of reach", written.value));
        planner.error(
            error
                .at(written.span.clone(), "2 to 100")
                .help("a value that more people share ties nobody; `concentration` finds such values"),
        );
        None
    }

    fn flag(&self, planner: &mut Planner, scope: &Scope, own: &[(String, ExprId)]) -> Option<ExprId> {
        let min_size = match &self.min_size {
            Some(text) => planner.expr(text, scope, Want::Type(Type::Int))?,
            None => planner.int(3),
        };
        let mut parts = vec![planner.compare(BinaryOp::GreaterEqual, own[0].1, min_size)];
        // One alone has no density, and is no ring whatever `min_size` says.
        let two = planner.int(2);
        parts.push(planner.compare(BinaryOp::GreaterEqual, own[0].1, two));
        if let Some(text) = &self.min_density {
            let least = planner.expr(text, scope, Want::Type(Type::Decimal(6)))?;
            parts.push(planner.compare(BinaryOp::GreaterEqual, own[2].1, least));
        }
        if let Some(text) = &self.condition {
            parts.push(planner.bool(text, scope)?);
        }
        Some(planner.all(&parts))
    }
}

/// Who, then each kind of edge; missing where a table has none.
fn parts(planner: &mut Planner, read: &[Read], names: &[String]) -> Vec<KeyPart> {
    let types: Vec<Type> = names
        .iter()
        .map(|name| read.iter().flat_map(|r| &r.edges).find(|(n, ..)| n == name).map_or(Type::Null, |(.., e)| planner.graph.type_of(*e)))
        .collect();
    read.iter()
        .map(|table| {
            let edge = |(name, ty): (&String, &Type)| {
                table.edges.iter().find(|(n, ..)| n == name).map_or_else(|| planner.null(*ty), |(.., expr)| *expr)
            };
            let keys = std::iter::once(table.who).chain(names.iter().zip(&types).map(edge)).collect();
            KeyPart { of: table.source.rel, keys, among: table.among }
        })
        .collect()
}
