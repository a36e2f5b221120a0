//! `reconcile`: totals that do not agree: detail against total, sent against received, parts against the whole.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::NamedKeys;
use super::planner::{GroupKeys, Planner, Source, comparable, type_name};
use super::{Check, CheckPlan, Flag, Members, UnitKind};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, ExprId, Function, KeyPart, RowRef, Scope, Want};
use crate::schema::Type;

/// Flags keys for which two sides do not agree.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileCheck {
    /// What is compared: a column, or a list of them, that every term has, or names that each term gives an expression for in its `keys`.
    pub per: NamedKeys,
    /// The terms of the left side, added up.
    pub left: Ordered<Term>,
    /// The terms of the right side, added up.
    pub right: Ordered<Term>,
    /// Which keys are compared: `union` (when absent), those of the `left`, of the `right`, or of `both`.
    pub over: Option<Spanned<Side>>,
    /// Which of the keys are compared, over the names of `per`; all when absent.
    pub among: Option<Spanned<String>>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// Largest difference that still agrees, e.g. `yuan(1)`; none when absent.
    pub tolerance: Option<Spanned<String>>,
    /// Instead of `tolerance`: what holds when the sides agree, e.g. `abs(difference) <= 0.01 * left`.
    pub expect: Option<Spanned<String>>,
    /// The day that governs a key (parameters), over the names of `per`; the latest date of the first left term's records when absent.
    pub date: Option<Spanned<String>>,
    /// The region that governs a key, over the names of `per`; the lowest code of the first left term's records when absent.
    pub place: Option<Spanned<String>>,
}

/// One number per key.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// Table or view whose records are added up.
    pub table: Spanned<String>,
    /// Which of its records; all when absent.
    pub among: Option<Spanned<String>>,
    /// Name of `per` and its expression in this table; names not given are columns of the table.
    #[serde(default)]
    pub keys: Ordered<Spanned<String>>,
    /// What is added up, per record; records are counted when absent.
    pub sum: Option<Spanned<String>>,
    /// What is counted, each value once; instead of `sum`.
    pub count: Option<Spanned<String>>,
    /// The term is taken off its side.
    #[serde(default)]
    pub minus: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    #[default]
    Union,
    Left,
    Right,
    Both,
}

impl Check for ReconcileCheck {
    const NAME: &'static str = "reconcile";
    const TITLE: &'static str = "Totals that do not agree";
    const FINDS: &'static str =
        "Keys for which two sides do not agree: detail against total, sent against received, parts against the whole.";
    const POPULATION: &'static str =
        "Keys that stand on either side (`over` and `among` narrow them); a side without records counts as zero.";
    const DOC: &'static str = include_str!("../../docs/checks/reconcile.md");

    fn table(&self) -> &Spanned<String> {
        // A rule without terms is refused when it is planned; until then the key stands in for the table.
        static NOWHERE: std::sync::LazyLock<Spanned<String>> = std::sync::LazyLock::new(|| Spanned::without_place(String::new()));
        self.left.iter().chain(self.right.iter()).next().map_or(&NOWHERE, |(_, term)| &term.table)
    }
    fn others(&self) -> Vec<Spanned<String>> {
        self.left.iter().chain(self.right.iter()).skip(1).map(|(_, term)| term.table.clone()).collect()
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        if self.left.is_empty() || self.right.is_empty() {
            planner.error(
                Diagnostic::error("reconcile-terms", "each side needs a term")
                    .help("e.g. `left: {stated: {table: transmittals, sum: stated_amount}}`"),
            );
            return None;
        }
        let terms: Vec<(&Spanned<String>, &Term)> = self.left.iter().chain(self.right.iter()).map(|(name, term)| (name, term)).collect();
        let planned: Vec<Option<Planned>> = terms.iter().map(|(_, term)| self.term(planner, term)).collect();
        let planned: Vec<Planned> = planned.into_iter().collect::<Option<_>>()?;
        if !self.same_keys(planner, &terms, &planned) {
            return None;
        }
        let first = planned.first()?;
        let named = super::keys::named(&self.per);
        let keys = GroupKeys {
            names: named.iter().map(|(name, _)| name.clone()).collect(),
            words: named.iter().map(|(name, text)| name.clone().unwrap_or_else(|| text.value.clone())).collect(),
            exprs: first.part.keys.clone(),
        };
        let source = first.source;
        let groups = planner.groups(planned.iter().map(|p| p.part.clone()).collect());
        let parts: Vec<(Vec<String>, Source)> = terms
            .iter()
            .zip(&planned)
            .map(|((name, term), p)| {
                let once = terms.iter().filter(|(_, other)| other.table.value == term.table.value).count() == 1;
                let mut names = vec![name.value.clone()];
                if once && term.table.value != name.value {
                    names.push(term.table.value.clone());
                }
                (names, p.source)
            })
            .collect();
        let mut scope = planner.group_scope(groups, &keys, &parts);
        planner.group_frame(&mut scope, groups, 0, source);
        if let Some(date) = &self.date {
            scope.at = Some(planner.expr(date, &scope, Want::Type(Type::Date))?);
        }
        if let Some(place) = &self.place {
            scope.place = Some(planner.expr(place, &scope, Want::Type(Type::Region))?);
        }

        let mut members = vec![];
        let mut values = vec![];
        let mut counts = vec![];
        for (i, ((name, term), p)) in terms.iter().zip(&planned).enumerate() {
            let over = planner.members(groups, i, false);
            counts.push(planner.count(&over, None));
            let value = p.value(planner, term, &over);
            values.push(value);
            scope.names.push((name.value.clone(), value));
            members.push(Members { role: name.value.clone(), owner: RowRef::slot(0), set: over.set, inner: 1, filter: None });
        }
        let split = self.left.len();
        let left = self.side(planner, &terms[..split], &values[..split])?;
        let right = self.side(planner, &terms[split..], &values[split..])?;
        if !comparable(planner.graph.type_of(left), planner.graph.type_of(right)) {
            let (l, r) = (type_name(planner.graph.type_of(left)), type_name(planner.graph.type_of(right)));
            let (l_span, r_span) = (terms[0].1.place(), terms[split].1.place());
            let error = Diagnostic::error("reconcile-types", format!("the left side is {l}, the right side {r}"));
            planner.error(
                error
                    .at(r_span, format!("this is {r}"))
                    .at(l_span, format!("this is {l}"))
                    .help("compare money with money, or counts with counts"),
            );
            return None;
        }
        let difference = planner.subtract(left, right);
        scope.names.extend([("left".to_owned(), left), ("right".to_owned(), right), ("difference".to_owned(), difference)]);
        let own: Vec<(String, ExprId)> = scope.names.iter().skip(keys.names.iter().flatten().count()).cloned().collect();
        let mut figures = planner.lets(&self.lets, &mut scope)?;
        figures.extend(own);

        let ty = planner.graph.type_of(difference);
        let absolute = planner.call(Function::Abs, vec![difference], ty);
        let flag = self.flag(planner, &scope, absolute)?;
        let population = self.population(planner, &scope, &counts, split)?;
        let identity = planner.key_columns(&RowRef::slot(0), &keys);
        let unit = format!("totals of the same {} over {}", keys.words.join(", "), tables(&terms));
        Some(CheckPlan {
            rel: groups,
            population,
            flag: Flag::Row(flag),
            amount: (ty == Type::Money).then_some(absolute),
            measure: Some(absolute),
            members,
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, unit, source, scope)
        })
    }
}

/// Names of the tables, each once, in order.
fn tables(terms: &[(&Spanned<String>, &Term)]) -> String {
    let mut names: Vec<&str> = vec![];
    for (_, term) in terms {
        if !names.contains(&term.table.value.as_str()) {
            names.push(&term.table.value);
        }
    }
    names.join(" and ")
}

/// A term against the catalog.
struct Planned {
    source: Source,
    part: KeyPart,
    /// In slot 1: what is summed or counted.
    arg: Option<ExprId>,
}

impl Term {
    fn place(&self) -> Option<crate::diagnostic::Span> {
        self.sum.as_ref().or(self.count.as_ref()).unwrap_or(&self.table).span.clone()
    }
}

impl Planned {
    /// Zero without records; unknown where records have no value.
    fn value(&self, planner: &mut Planner, term: &Term, over: &Over) -> ExprId {
        match self.arg {
            None => planner.count(over, None),
            Some(arg) if term.count.is_some() => planner.count_distinct(over, arg),
            Some(arg) => {
                let ty = planner.graph.type_of(arg);
                let (n, none, zero) = (planner.count(over, None), planner.int(0), planner.zero(ty));
                let empty = planner.compare(BinaryOp::Equal, n, none);
                let sum = planner.aggregate(AggregateFunction::Sum, over, Some(arg), None);
                planner.case(vec![(empty, zero)], Some(sum), ty)
            }
        }
    }
}

impl ReconcileCheck {
    fn term(&self, planner: &mut Planner, term: &Term) -> Option<Planned> {
        let source = planner.source(&term.table)?;
        let scope = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(term.among.as_ref(), &scope);
        let named = super::keys::named(&self.per);
        for (name, _) in &term.keys {
            if !named.iter().any(|(known, _)| known.as_deref() == Some(name.value.as_str())) {
                let known: Vec<&str> = named.iter().filter_map(|(known, _)| known.as_deref()).collect();
                let error = Diagnostic::error("unknown-key-name", format!("`{}` is not a name of `per`", name.value));
                planner.error(
                    error
                        .at(name.span.clone(), "not in `per`")
                        .suggest(&name.value, known.iter().copied())
                        .help(format!("`per` has {}", known.join(", "))),
                );
            }
        }
        let keys: Vec<Option<ExprId>> = named
            .iter()
            .map(|(name, text)| {
                let own = name.as_ref().and_then(|name| term.keys.get(name));
                planner.expr(own.unwrap_or(text), &scope, Want::Key)
            })
            .collect();
        let member = planner.record_scope(source, &RowRef::slot(1));
        let arg = match (&term.sum, &term.count) {
            (Some(sum), None) => planner.expr(sum, &member, Want::Numeric).map(Some),
            (None, Some(count)) => planner.expr(count, &member, Want::Key).map(Some),
            (None, None) => Some(None),
            (Some(sum), Some(count)) => {
                let error = Diagnostic::error("reconcile-terms", "`sum` and `count` exclude each other");
                planner.error(error.at(count.span.clone(), "counts values").at(sum.span.clone(), "adds up").help("make two terms"));
                None
            }
        };
        let (among, keys, arg) = (among?, keys.into_iter().collect::<Option<Vec<_>>>()?, arg?);
        Some(Planned { source, part: KeyPart { of: source.rel, keys, among }, arg })
    }

    /// Whether the keys of all terms can be equal.
    fn same_keys(&self, planner: &mut Planner, terms: &[(&Spanned<String>, &Term)], planned: &[Planned]) -> bool {
        let named = super::keys::named(&self.per);
        let text = |term: &Term, i: usize| {
            let (name, text) = &named[i];
            name.as_ref().and_then(|name| term.keys.get(name)).unwrap_or(text).clone()
        };
        let mut good = true;
        for ((_, term), p) in terms.iter().zip(planned).skip(1) {
            for (i, (&a, &b)) in planned[0].part.keys.iter().zip(&p.part.keys).enumerate() {
                good &= planner.same_key_type((&text(terms[0].1, i), a), (&text(term, i), b));
            }
        }
        good
    }

    /// The sum of one side's terms.
    fn side(&self, planner: &mut Planner, terms: &[(&Spanned<String>, &Term)], values: &[ExprId]) -> Option<ExprId> {
        let ty = planner.graph.type_of(values[0]);
        let mut sum = None;
        for ((name, term), &value) in terms.iter().zip(values) {
            let other = planner.graph.type_of(value);
            if other != ty {
                let message = format!("`{}` is {}, `{}` is {}", terms[0].0.value, type_name(ty), name.value, type_name(other));
                let error = Diagnostic::error("reconcile-types", message);
                planner.error(
                    error
                        .at(term.place(), format!("this is {}", type_name(other)))
                        .help("terms of one side are added up: give them one type"),
                );
                return None;
            }
            sum = Some(match (sum, term.minus) {
                (None, false) => value,
                (None, true) => {
                    let zero = planner.zero(ty);
                    planner.subtract(zero, value)
                }
                (Some(sum), false) => planner.binary(BinaryOp::Add, sum, value, ty),
                (Some(sum), true) => planner.subtract(sum, value),
            });
        }
        sum
    }

    fn flag(&self, planner: &mut Planner, scope: &Scope, absolute: ExprId) -> Option<ExprId> {
        let ty = planner.graph.type_of(absolute);
        match (&self.expect, &self.tolerance) {
            (Some(expect), None) => {
                let holds = planner.bool(expect, scope)?;
                Some(planner.not(holds))
            }
            (None, tolerance) => {
                let limit = match tolerance {
                    Some(text) => planner.expr(text, scope, Want::Type(ty))?,
                    None => planner.zero(ty),
                };
                Some(planner.compare(BinaryOp::Greater, absolute, limit))
            }
            (Some(expect), Some(tolerance)) => {
                let error = Diagnostic::error("reconcile-expect", "`expect` and `tolerance` exclude each other");
                planner.error(
                    error
                        .at(tolerance.span.clone(), "a limit for the difference")
                        .at(expect.span.clone(), "a condition of its own")
                        .help("keep one of the two"),
                );
                None
            }
        }
    }

    fn population(&self, planner: &mut Planner, scope: &Scope, counts: &[ExprId], split: usize) -> Option<Vec<ExprId>> {
        let zero = planner.int(0);
        let stands = |planner: &mut Planner, counts: &[ExprId]| {
            let each: Vec<ExprId> = counts.iter().map(|&n| planner.compare(BinaryOp::Greater, n, zero)).collect();
            planner.any(&each)
        };
        let side = self.over.as_ref().map(|side| side.value).unwrap_or_default();
        let mut population = vec![];
        if matches!(side, Side::Left | Side::Both) {
            population.push(stands(planner, &counts[..split]));
        }
        if matches!(side, Side::Right | Side::Both) {
            population.push(stands(planner, &counts[split..]));
        }
        if let Some(among) = &self.among {
            population.push(planner.bool(among, scope)?);
        }
        Some(population)
    }
}
