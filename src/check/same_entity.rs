//! `same_entity`: one person or household under different ids, names or villages, by record linkage.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::{Names, word};
use super::planner::{Planner, Source};
use super::{Check, CheckPlan, Flag, Members, Precondition, Reason, UnitKind};
use crate::diagnostic::yaml::{OneOrMany, Ordered, TextOr};
use crate::diagnostic::{Diagnostic, Spanned};
use crate::linkage::{Accept, Blocking, Field, KeyPart as BlockPart, Kind, Part, Spec};
use crate::plan::{
    AggregateFunction, BinaryOp, ExprId, Grouping, Hop, KeyPart, LINKED_COLUMNS, LinkSpec, Rel, RelId, RowRef, Scope, SetId, Slot, Want,
};
use crate::schema::{TextKind, Type};

/// Flags records that describe one person (or household) although no key says so.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SameEntityCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Other tables: their records are sought for those of `table`, and links within `table` or among the others are not wanted.
    #[serde(default)]
    pub with: Names,
    /// Which records of `table` take part; all when absent.
    pub among: Option<Spanned<String>>,
    /// What is compared: columns, or names with what stands there: `[name, id_no, {born: birth_date, village: {of: region_code, kind: region}}]`.
    pub compare: OneOrMany<TextOr<Ordered<TextOr<Compared>>>>,
    /// Household or listing of a record of `table`: members of one listing are kin, not one person.
    pub household: Option<Spanned<String>>,
    /// Which pairs are compared at all: lists of compared fields that agree, each `field` or `field.part` (`name.pinyin`, `born.year`). Rules that suit
    /// the fields when absent.
    #[serde(default)]
    pub block: Vec<Names>,
    /// From which probability on two records are one: above 0, below 1. 0.95 when absent.
    pub threshold: Option<Spanned<f64>>,
    /// What inspectors said about pairs of records, as a table of the project: respected whatever the weight.
    pub judgements: Option<Judgements>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the unit.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

/// A table of judgements. The tables that are linked need a key of one column: by it records are named.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judgements {
    pub table: Spanned<String>,
    /// Column that names one record; `a` when absent.
    pub a: Option<Spanned<String>>,
    /// Column that names the other; `b` when absent.
    pub b: Option<Spanned<String>>,
    /// Column that says `same`, `different` or `unsure`; `verdict` when absent.
    pub verdict: Option<Spanned<String>>,
}

/// One field that is compared.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Expression of a record of `table`; the column of the field's name when absent.
    pub of: Option<Spanned<String>>,
    /// Expression of a record of `with` (of each of the tables); as `of` when absent.
    pub with: Option<Spanned<String>>,
    /// What the values mean; follows from the column's type when absent.
    pub kind: Option<Kind>,
    /// Agreement levels that are told apart, best first; all of the kind when absent.
    pub levels: Option<Vec<String>>,
    /// Whether rare values that agree count more; for names, ids, phones and accounts when absent.
    pub term_frequency: Option<bool>,
    /// Only used in `block`, never scored.
    #[serde(default)]
    pub block_only: bool,
    /// Of dates: one may be the other in the Chinese lunar calendar, which then counts as the level `lunar`.
    #[serde(default)]
    pub lunar: bool,
}

impl Check for SameEntityCheck {
    const NAME: &'static str = "same_entity";
    const TITLE: &'static str = "One person under several records";
    const FINDS: &'static str =
        "Records that describe the same person or household under different ids, names or villages, by probabilistic record linkage.";
    const POPULATION: &'static str = "Records of `table`, as narrowed by `among`; a record in which nothing compared but place and sex has a value is not assessable. With `report: group`: people, as linkage finds them.";
    const DOC: &'static str = include_str!("../../docs/checks/same_entity.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn others(&self) -> Vec<Spanned<String>> {
        self.with.iter().cloned().chain(self.judgements.as_ref().map(|j| j.table.clone())).collect()
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        let others: Vec<Option<Source>> = self.with.iter().map(|name| planner.source(name)).collect();
        let others: Vec<Source> = others.into_iter().collect::<Option<_>>()?;
        let unit = self.unit(planner, source, others)?;
        if planner.group { self.of_groups(planner, &unit) } else { self.of_records(planner, &unit) }
    }
}

/// What both forms of unit are made of.
struct Unit {
    source: Source,
    others: Vec<Source>,
    groups: RelId,
    among: Option<ExprId>,
    /// Expressions of a record of `table` that can tell people apart: one of them must have a value.
    scored: Vec<ExprId>,
}

/// One field as written, whatever the form.
struct Written<'a> {
    name: &'a Spanned<String>,
    of: &'a Spanned<String>,
    with: &'a Spanned<String>,
    more: Option<&'a Compared>,
}

impl Judgements {
    fn part(&self, planner: &mut Planner) -> Option<KeyPart> {
        let source = planner.source(&self.table)?;
        let scope = planner.record_scope(source, &RowRef::slot(0));
        let columns = [(&self.a, "a"), (&self.b, "b"), (&self.verdict, "verdict")];
        let keys = columns.map(|(given, usual)| {
            let usual = Spanned { value: usual.to_owned(), span: self.table.span.clone() };
            planner.expr(given.as_ref().unwrap_or(&usual), &scope, Want::Any)
        });
        Some(KeyPart { of: source.rel, keys: keys.into_iter().collect::<Option<_>>()?, among: None })
    }
}

impl SameEntityCheck {
    fn fields(&self) -> Vec<Written<'_>> {
        let mut all = vec![];
        for item in self.compare.iter() {
            match item {
                TextOr::Text(text) => all.push(Written { name: text, of: text, with: text, more: None }),
                TextOr::Other(named) => {
                    for (name, field) in named.iter() {
                        all.push(match field {
                            TextOr::Text(text) => Written { name, of: text, with: text, more: None },
                            TextOr::Other(field) => {
                                let of = field.of.as_ref().unwrap_or(name);
                                Written { name, of, with: field.with.as_ref().unwrap_or(of), more: Some(field) }
                            }
                        });
                    }
                }
            }
        }
        all
    }

    fn unit(&self, planner: &mut Planner, source: Source, others: Vec<Source>) -> Option<Unit> {
        let records = planner.record_scope(source, &RowRef::slot(0));
        let other_records: Vec<Scope> = others.iter().map(|&other| planner.record_scope(other, &RowRef::slot(0))).collect();
        let among = planner.optional_bool(self.among.as_ref(), &records);
        let (mut keys, mut fields, mut scored) = (vec![], vec![], vec![]);
        let mut other_keys: Vec<Vec<ExprId>> = vec![vec![]; others.len()];
        let mut good = true;
        for written in self.fields() {
            let own = planner.expr(written.of, &records, Want::Any);
            let there: Vec<Option<ExprId>> = other_records.iter().map(|scope| planner.expr(written.with, scope, Want::Any)).collect();
            let (Some(own), Some(there)) = (own, there.into_iter().collect::<Option<Vec<ExprId>>>()) else {
                good = false;
                continue;
            };
            let name = word(&written.name.value).unwrap_or_else(|| written.name.value.clone());
            let kind = written.more.and_then(|m| m.kind).unwrap_or_else(|| kind_of(planner.graph.type_of(own), &name));
            let mut field = Field::new(name, kind);
            if let Some(more) = written.more {
                (field.levels, field.term_frequency, field.block_only) = (more.levels.clone(), more.term_frequency, more.block_only);
                field.lunar = more.lunar;
            }
            // Nobody is told by a place or a sex alone.
            if kind.is_compared() && !field.block_only && !matches!(kind, Kind::Region | Kind::Sex) {
                scored.push(own);
            }
            keys.push(own);
            other_keys.iter_mut().zip(there).for_each(|(keys, there)| keys.push(there));
            fields.push(field);
        }
        if let Some(text) = &self.household {
            let own = planner.expr(text, &records, Want::Key)?;
            keys.push(own);
            let ty = planner.graph.type_of(own);
            let none = planner.null(ty);
            other_keys.iter_mut().for_each(|keys| keys.push(none));
            fields.push(Field::new("household", Kind::Household));
        }
        let block = self.blocking(planner)?;
        let accept = self.accept(planner)?;
        let spec = Spec { blocking: block, accept, across: !others.is_empty(), ..Spec::new(fields) };
        if let Err(problems) = spec.check() {
            for problem in problems.0 {
                let error = Diagnostic::error("linkage-spec", problem.message);
                planner.error(error.at(self.table.span.clone(), "linked by this check").help(problem.help));
            }
            return None;
        }
        let among = among?;
        let mut parts = vec![KeyPart { of: source.rel, keys, among }];
        parts.extend(others.iter().zip(other_keys).map(|(other, keys)| KeyPart { of: other.rel, keys, among: None }));
        if let Some(judgements) = &self.judgements {
            for (part, source) in parts.iter_mut().zip(std::iter::once(&source).chain(&others)) {
                part.keys.push(self.name_of(planner, *source)?);
            }
            parts.push(judgements.part(planner)?);
        }
        let judged = self.judgements.is_some();
        let groups = planner.graph.rel(Rel::Linked { parts, by: Grouping::Linkage(LinkSpec::new(spec, judged)) });
        good.then_some(Unit { source, others, groups, among, scored })
    }

    /// What names a record of a table in judgements: its key.
    fn name_of(&self, planner: &mut Planner, source: Source) -> Option<ExprId> {
        let def = planner.def(source);
        let [column] = def.key[..] else {
            let error = Diagnostic::error("linkage-key", format!("`{}` has no key of one column to name a record by", def.name));
            let at = self.judgements.as_ref().map_or(&self.table, |j| &j.table);
            planner.error(error.at(at.span.clone(), "judgements name records").help("declare `key:` with one column in recount.yaml"));
            return None;
        };
        let ty = def.columns[column].ty;
        Some(planner.group_key(&RowRef::slot(0), column, ty))
    }

    fn blocking(&self, planner: &mut Planner) -> Option<Vec<Blocking>> {
        let mut rules = vec![];
        let mut good = true;
        for names in &self.block {
            let mut on = vec![];
            for name in names.iter() {
                match block_part(name) {
                    Ok(part) => on.push(part),
                    Err(problem) => {
                        planner.error(*problem);
                        good = false;
                    }
                }
            }
            rules.push(Blocking { on, then: vec![] });
        }
        good.then_some(rules)
    }

    fn accept(&self, planner: &mut Planner) -> Option<Accept> {
        let Some(threshold) = &self.threshold else { return Some(Accept::Weight(weight_of(0.95))) };
        let p = threshold.value;
        if p > 0.0 && p < 1.0 {
            return Some(Accept::Weight(weight_of(p)));
        }
        let error = Diagnostic::error("linkage-threshold", format!("a threshold of {p} is no probability between 0 and 1"));
        planner.error(error.at(threshold.span.clone(), "0 < threshold < 1").help("write e.g. `threshold: 0.95`"));
        None
    }

    fn of_records(&self, planner: &mut Planner, unit: &Unit) -> Option<CheckPlan> {
        let mut scope = planner.record_scope(unit.source, &RowRef::slot(0));
        let row = RowRef::slot(0).then(Hop::Group { groups: unit.groups, part: 0 });
        let over = planner.members(unit.groups, 0, true);
        let mut members = vec![(vec!["same".to_owned()], over.set, unit.source.rel)];
        let with = self.with(planner, unit, &row, &mut members);
        scope.slots.push(Slot { names: vec!["group".into()], rel: unit.groups, row: row.clone(), bare: false, members });
        let (figures, flag) = self.judge(planner, &row, &over, &with, &mut scope)?;
        let text = format!("record of {}", self.table.value);
        Some(CheckPlan {
            population: unit.among.into_iter().collect(),
            preconditions: vec![anything(planner, &unit.scored)],
            flag: Flag::Row(flag),
            measure: figures.iter().find(|(name, _)| name == "weight").map(|(_, expr)| *expr),
            members: evidence(&over, &with),
            figures,
            ..CheckPlan::of(UnitKind::Record, text, unit.source, scope)
        })
    }

    fn of_groups(&self, planner: &mut Planner, unit: &Unit) -> Option<CheckPlan> {
        let row = RowRef::slot(0);
        let over = planner.members(unit.groups, 0, false);
        let mut members = vec![(vec![self.table.value.clone(), "same".to_owned()], over.set, unit.source.rel)];
        let with = self.with(planner, unit, &row, &mut members);
        let slot = Slot { names: vec!["group".into()], rel: unit.groups, row: row.clone(), bare: true, members };
        let mut scope = Scope { slots: vec![slot], ..Scope::default() };
        planner.group_frame(&mut scope, unit.groups, 0, unit.source);
        let identity = self.identity(planner, unit, &over)?;
        let (figures, flag) = self.judge(planner, &row, &over, &with, &mut scope)?;
        Some(CheckPlan {
            rel: unit.groups,
            flag: Flag::Row(flag),
            measure: figures.iter().find(|(name, _)| name == "weight").map(|(_, expr)| *expr),
            members: evidence(&over, &with),
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, format!("person in {}", self.table.value), unit.source, scope)
        })
    }

    /// The rows of each other table that belong to the person that `row` is or reaches, and their names inside aggregates.
    fn with(
        &self,
        planner: &mut Planner,
        unit: &Unit,
        row: &RowRef,
        members: &mut Vec<(Vec<String>, SetId, RelId)>,
    ) -> Vec<(String, Over)> {
        let mut all = vec![];
        for (i, &other) in unit.others.iter().enumerate() {
            let set = planner.members(unit.groups, i + 1, false).set;
            let name = planner.def(other).name.clone();
            members.push((vec![name.clone()], set, other.rel));
            all.push((name, Over { owner: row.clone(), set }));
        }
        all
    }

    /// A group goes by the smallest key among its records.
    fn identity(&self, planner: &mut Planner, unit: &Unit, over: &Over) -> Option<Vec<ExprId>> {
        let def = planner.def(unit.source);
        let [column] = def.key[..] else {
            let error = Diagnostic::error("linkage-key", format!("`{}` has no key of one column to name a group by", self.table.value));
            planner.error(
                error
                    .at(self.table.span.clone(), "reported by group")
                    .help("declare `key:` with one column in recount.yaml, or take out `report: group`"),
            );
            return None;
        };
        let ty = def.columns[column].ty;
        let key = planner.group_key(&RowRef::slot(1), column, ty);
        Some(vec![planner.aggregate(AggregateFunction::Min, over, Some(key), None)])
    }

    /// Names the figures and judges the person that `row` reaches.
    fn judge(
        &self,
        planner: &mut Planner,
        row: &RowRef,
        over: &Over,
        with: &[(String, Over)],
        scope: &mut Scope,
    ) -> Option<(Vec<(String, ExprId)>, ExprId)> {
        let n = planner.count(over, None);
        let mut own = vec![("n".to_owned(), n)];
        let (zero, one) = (planner.int(0), planner.int(1));
        let base = if with.is_empty() {
            planner.compare(BinaryOp::Greater, n, one)
        } else {
            let counts: Vec<ExprId> = with.iter().map(|(_, over)| planner.count(over, None)).collect();
            let there = counts.into_iter().fold(zero, |sum, n| planner.binary(BinaryOp::Add, sum, n, Type::Int));
            own.push(("n_with".to_owned(), there));
            let here = planner.compare(BinaryOp::Greater, n, zero);
            let found = planner.compare(BinaryOp::Greater, there, zero);
            planner.all(&[here, found])
        };
        for (position, (name, ty)) in LINKED_COLUMNS.into_iter().enumerate() {
            own.push((name.to_owned(), planner.group_key(row, position, ty)));
        }
        scope.names.extend(own.clone());
        let mut figures = planner.lets(&self.lets, scope)?;
        figures.extend(own);
        let condition = planner.optional_bool(self.condition.as_ref(), scope)?;
        let parts: Vec<ExprId> = std::iter::once(base).chain(condition).collect();
        Some((figures, planner.all(&parts)))
    }
}

fn evidence(over: &Over, with: &[(String, Over)]) -> Vec<Members> {
    let member = |over: &Over, role: &str| Members { role: role.into(), owner: over.owner.clone(), set: over.set, inner: 1, filter: None };
    std::iter::once(member(over, "same person")).chain(with.iter().map(|(name, over)| member(over, name))).collect()
}

/// Something that is compared has a value.
fn anything(planner: &mut Planner, scored: &[ExprId]) -> Precondition {
    let parts: Vec<ExprId> = scored.iter().map(|&expr| planner.not_null(expr)).collect();
    let holds = if parts.is_empty() { planner.truth(true) } else { planner.any(&parts) };
    Precondition { holds, reason: Reason::MissingValue }
}

/// Log2 odds of a probability, in thousandths.
fn weight_of(p: f64) -> i32 {
    ((p / (1.0 - p)).log2() * 1000.0).round() as i32
}

/// The kind of a field whose values have type `ty`.
fn kind_of(ty: Type, name: &str) -> Kind {
    match ty {
        Type::CitizenId => Kind::CitizenId,
        Type::Region => Kind::Region,
        Type::Date => Kind::Date,
        Type::Text(TextKind::PersonName) => Kind::PersonName,
        Type::Text(TextKind::Phone) => Kind::Phone,
        Type::Text(TextKind::Account) => Kind::Account,
        Type::Text(TextKind::Plain) if name != "sex" => Kind::Text,
        Type::Int | Type::Decimal(_) | Type::Money => Kind::Number,
        _ if name == "sex" => Kind::Sex,
        _ => Kind::Code,
    }
}

/// `name.pinyin`: a part of a compared field. Without a part the whole value.
///
/// # Errors
/// The part is not known.
pub fn block_part(text: &Spanned<String>) -> Result<BlockPart, Box<Diagnostic>> {
    let (field, part) = text.value.split_once('.').unwrap_or((&text.value, "whole"));
    let Some(part) = part_of(part) else {
        let known = "whole, pinyin, surname, given, sound, year, year-month, month-day, town, county, head3, tail4";
        let error = Diagnostic::error("linkage-part", format!("`{part}` is no part of a value"));
        return Err(Box::new(
            error.at(text.span.clone(), "not known").suggest(part, known.split(", ")).help(format!("use one of {known}")),
        ));
    };
    Ok(BlockPart { field: field.trim().to_owned(), part })
}

fn part_of(name: &str) -> Option<Part> {
    let counted = |word: &str| name.strip_prefix(word).and_then(|n| n.parse::<u8>().ok()).filter(|n| *n > 0);
    Some(match name.trim() {
        "whole" => Part::Whole,
        "pinyin" => Part::Pinyin,
        "surname" => Part::Surname,
        "given" => Part::Given,
        "sound" => Part::Sound,
        "year" => Part::Year,
        "year-month" => Part::YearMonth,
        "month-day" => Part::MonthDay,
        "town" => Part::Town,
        "county" => Part::County,
        _ => match (counted("head"), counted("tail")) {
            (Some(n), _) => Part::Head(n),
            (_, Some(n)) => Part::Tail(n),
            _ => return None,
        },
    })
}
