//! `duplicate`: the same key counted more than once, exactly or nearly.

use schemars::JsonSchema;
use serde::Deserialize;

use super::build::Over;
use super::keys::NamedKeys;
use super::planner::{GroupKeys, Planner, Source, type_name};
use super::{Check, CheckPlan, Flag, Members, UnitKind};
use crate::diagnostic::yaml::Ordered;
use crate::diagnostic::{Diagnostic, Spanned};
use crate::plan::{AggregateFunction, BinaryOp, Expr, ExprId, Grouping, Hop, KeyPart, Rel, RelId, RowRef, Scope, Slot, Want};
use crate::schema::Type;

/// When rows of one key are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// More than one row has the key.
    #[default]
    Exact,
    /// Rows of one key have more than one value of `different`.
    Different,
    /// Rows of one key whose amounts and days lie close.
    Near,
    /// Rows of one key whose texts are almost the same.
    Similar,
}

/// How close two records of a key are: one scale or both.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// An amount or number of a record.
    pub amount: Option<Spanned<String>>,
    /// Most that two amounts may differ, e.g. `yuan(1)`.
    pub amount_within: Option<Spanned<String>>,
    /// The record's day; its governing date when absent and `days_within` stands.
    pub date: Option<Spanned<String>>,
    /// Most days between two records.
    pub days_within: Option<Spanned<String>>,
}

/// How alike the texts of two records of a key are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Similar {
    /// A text of a record.
    pub text: Spanned<String>,
    /// Most characters that are put in, left out, replaced or swapped: 1, 2 or 3.
    pub edits: Spanned<u8>,
}

/// Flags records that share a key which only one may have.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateCheck {
    /// Table or view whose records are looked at.
    pub table: Spanned<String>,
    /// Which of its records are the population and are counted; all when absent.
    pub among: Option<Spanned<String>>,
    /// What may stand only once: a column, a list of them, or names with expressions `{month: month_of(paid_on)}`.
    pub keys: NamedKeys,
    /// `exact`: the key stands more than once. `different`, `near`, `similar` (the default where that parameter stands): with different values, with
    /// amounts and days that lie close, with texts almost the same.
    pub mode: Option<Spanned<Mode>>,
    /// Expression of a record that must be the same in all records of a key.
    pub different: Option<Spanned<String>>,
    /// `mode: near` (the default with it): how close records of a key lie.
    pub near: Option<Near>,
    /// `mode: similar` (the default with it): how alike texts of a key are.
    pub similar: Option<Similar>,
    /// Names for the expressions of the rule, in order; each may use those before it.
    #[serde(default, rename = "let")]
    pub lets: Ordered<Spanned<String>>,
    /// A further condition on the unit.
    #[serde(rename = "where")]
    pub condition: Option<Spanned<String>>,
}

impl Check for DuplicateCheck {
    const NAME: &'static str = "duplicate";
    const TITLE: &'static str = "The same key counted more than once";
    const FINDS: &'static str = "Records that share a key which only one may have, or that share a key and differ where they must agree, lie close, or read almost alike.";
    const POPULATION: &'static str = "Records of the table, as narrowed by `among`; a record without a complete key is not assessable. With `report: group`: groups of one key, or of what lies close in it.";
    const DOC: &'static str = include_str!("../../docs/checks/duplicate.md");

    fn table(&self) -> &Spanned<String> {
        &self.table
    }
    fn among(&self) -> Option<&Spanned<String>> {
        self.among.as_ref()
    }
    fn plan(&self, planner: &mut Planner) -> Option<CheckPlan> {
        let source = planner.source(&self.table)?;
        let records = planner.record_scope(source, &RowRef::slot(0));
        let among = planner.optional_bool(self.among.as_ref(), &records);
        let keys = planner.group_keys(&self.keys, &records);
        let members_scope = planner.record_scope(source, &RowRef::slot(1));
        let different = match &self.different {
            Some(text) => planner.expr(text, &members_scope, Want::Key).map(Some),
            None => Some(None),
        };
        let mode = self.mode(planner)?;
        let way = self.way(planner, source, mode, &records);
        let (among, keys, different, way) = (among?, keys?, different?, way?);
        let identity = match planner.group && !matches!(way, Way::Equal) {
            true => planner.record_key(source, &records, &self.table)?,
            false => GroupKeys { names: vec![], words: vec![], exprs: vec![] },
        };
        let of = source.rel;
        let equal = keys.exprs.len();
        let part =
            |more: Vec<ExprId>| vec![KeyPart { of, keys: keys.exprs.iter().chain(&more).chain(&identity.exprs).copied().collect(), among }];
        let groups = match way {
            Way::Equal => planner.groups(part(vec![])),
            Way::Near(scales) => planner.graph.rel(Rel::Linked { parts: part(scales.to_vec()), by: Grouping::Near { equal } }),
            Way::Similar(text, edits) => planner.graph.rel(Rel::Linked { parts: part(vec![text]), by: Grouping::Similar { equal, edits } }),
        };
        let unit = Unit { source, groups, keys, among, mode, different, way, identity };
        if planner.group { self.of_groups(planner, unit) } else { self.of_records(planner, unit, records) }
    }
}

struct Unit {
    source: Source,
    groups: RelId,
    keys: GroupKeys,
    among: Option<ExprId>,
    mode: Mode,
    different: Option<ExprId>,
    way: Way,
    /// Key of the record that names a group, where equal keys do not.
    identity: GroupKeys,
}

/// What makes records of a key one group; expressions in the frame of the records.
#[derive(Debug, Clone, Copy)]
enum Way {
    Equal,
    /// Amount, most that two differ, day, most days between; 0 and 0 for a scale that is not asked about.
    Near([ExprId; 4]),
    Similar(ExprId, u8),
}

impl DuplicateCheck {
    fn mode(&self, planner: &mut Planner) -> Option<Mode> {
        let given: Vec<Mode> =
            [(self.different.is_some(), Mode::Different), (self.near.is_some(), Mode::Near), (self.similar.is_some(), Mode::Similar)]
                .into_iter()
                .filter_map(|(given, mode)| given.then_some(mode))
                .collect();
        let error = match (self.mode.as_ref(), given.as_slice()) {
            (None, []) => return Some(Mode::Exact),
            (None, [mode]) => return Some(*mode),
            (Some(mode), given) if *given == [mode.value] || given.is_empty() && mode.value == Mode::Exact => return Some(mode.value),
            (Some(mode), []) => {
                let (name, what) = match mode.value {
                    Mode::Near => ("near", "how close records of a key lie"),
                    Mode::Similar => ("similar", "which text is compared, and how many edits are allowed"),
                    _ => ("different", "what must be the same in all records of a key"),
                };
                Diagnostic::error("duplicate-mode", format!("`mode: {name}` needs `{name}`: {what}"))
                    .at(mode.span.clone(), "nothing to compare")
                    .help(format!("add `{name}:`"))
            }
            (Some(mode), _) => Diagnostic::error("duplicate-mode", "this mode takes no other parameter of comparison than its own")
                .at(mode.span.clone(), "says one thing, the parameters another")
                .help("leave out `mode`, or the parameter that does not belong to it"),
            (None, _) => Diagnostic::error("duplicate-mode", "`different`, `near` and `similar` exclude each other")
                .at(self.table.span.clone(), "this check")
                .help("write one rule for each"),
        };
        planner.error(error);
        None
    }

    /// What the mode compares.
    fn way(&self, planner: &mut Planner, source: Source, mode: Mode, records: &Scope) -> Option<Way> {
        match (mode, &self.near, &self.similar) {
            (Mode::Near, Some(near), _) => near.scales(planner, source, records, &self.table).map(Way::Near),
            (Mode::Similar, _, Some(similar)) => {
                let text = planner.expr(&similar.text, records, Want::Any)?;
                if !matches!(planner.graph.type_of(text), Type::Text(_)) {
                    let error = Diagnostic::error(
                        "wrong-type",
                        format!("`{}` is {}, and edits are those of a text", similar.text.value, type_name(planner.graph.type_of(text))),
                    );
                    planner.error(error.at(similar.text.span.clone(), "no text").help("a citizen id becomes one with `id_text(id_no)`"));
                    return None;
                }
                if !(1..=3).contains(&similar.edits.value) {
                    let error = Diagnostic::error("duplicate-edits", format!("{} edits cannot be asked for", similar.edits.value));
                    planner.error(
                        error.at(similar.edits.span.clone(), "1, 2 or 3").help("equal texts are found with the text among the `keys`"),
                    );
                    return None;
                }
                Some(Way::Similar(text, similar.edits.value))
            }
            _ => Some(Way::Equal),
        }
    }

    fn of_records(&self, planner: &mut Planner, unit: Unit, mut scope: Scope) -> Option<CheckPlan> {
        let over = planner.members(unit.groups, 0, true);
        let row = RowRef::slot(0).then(Hop::Group { groups: unit.groups, part: 0 });
        scope.slots.push(Slot {
            names: vec!["group".into()],
            rel: unit.groups,
            row,
            bare: false,
            members: vec![(vec!["same".into()], over.set, unit.source.rel)],
        });
        let mut needed = unit.keys.exprs.clone();
        match unit.way {
            Way::Equal => {}
            Way::Near([amount, _, day, _]) => needed.extend([amount, day]),
            Way::Similar(text, _) => needed.push(text),
        }
        let complete = planner.complete(&needed);
        let (figures, flag) = self.judge(planner, &unit, &over, &mut scope)?;
        let text = format!("record of {}", self.table.value);
        Some(CheckPlan {
            population: unit.among.into_iter().collect(),
            preconditions: vec![complete],
            flag: Flag::Row(flag),
            members: vec![Members { role: "same key".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
            figures,
            ..CheckPlan::of(UnitKind::Record, text, unit.source, scope)
        })
    }

    fn of_groups(&self, planner: &mut Planner, unit: Unit) -> Option<CheckPlan> {
        let over = planner.members(unit.groups, 0, false);
        let mut scope = planner.group_scope(unit.groups, &unit.keys, &[(vec![self.table.value.clone()], unit.source)]);
        planner.group_frame(&mut scope, unit.groups, 0, unit.source);
        let mut identity = planner.keys_of(unit.groups, &RowRef::slot(0), &unit.keys);
        identity.extend(planner.first_record(unit.groups, &unit.identity));
        let (figures, flag) = self.judge(planner, &unit, &over, &mut scope)?;
        let text = format!("group of the same {} in {}", unit.keys.words.join(", "), self.table.value);
        Some(CheckPlan {
            rel: unit.groups,
            flag: Flag::Row(flag),
            members: vec![Members { role: "same key".into(), owner: over.owner, set: over.set, inner: 1, filter: None }],
            figures,
            identity,
            ..CheckPlan::of(UnitKind::Group, text, unit.source, scope)
        })
    }

    /// Names the figures and judges the group that `over` runs over.
    fn judge(&self, planner: &mut Planner, unit: &Unit, over: &Over, scope: &mut Scope) -> Option<(Vec<(String, ExprId)>, ExprId)> {
        let n = planner.count(over, None);
        let one = planner.int(1);
        let several = planner.compare(BinaryOp::Greater, n, one);
        let mut own = vec![("n".to_owned(), n)];
        let base = match (unit.mode, unit.different) {
            (Mode::Different, Some(different)) => {
                let values = planner.count_distinct(over, different);
                own.push(("n_different".to_owned(), values));
                let differ = planner.compare(BinaryOp::Greater, values, one);
                // A missing value beside others leaves it open, unless two known values differ.
                let missing = planner.is_null(different);
                let any_missing = planner.exists(over, Some(missing));
                let unknown = planner.unknown();
                let open = planner.all(&[any_missing, unknown]);
                let differ = planner.any(&[differ, open]);
                planner.all(&[several, differ])
            }
            _ => several,
        };
        own.extend(unit.figures(planner, over));
        scope.names.extend(own.clone());
        let mut figures = planner.lets(&self.lets, scope)?;
        figures.extend(own);
        let condition = planner.optional_bool(self.condition.as_ref(), scope)?;
        let parts: Vec<ExprId> = std::iter::once(base).chain(condition).collect();
        Some((figures, planner.all(&parts)))
    }
}

impl Unit {
    /// What the group's records tell beside their number.
    fn figures(&self, planner: &mut Planner, over: &Over) -> Vec<(String, ExprId)> {
        let member = RowRef::slot(1);
        let span = |planner: &mut Planner, expr: ExprId| {
            let expr = planner.at_row(expr, &member);
            let most = planner.aggregate(AggregateFunction::Max, over, Some(expr), None);
            (planner.aggregate(AggregateFunction::Min, over, Some(expr), None), most)
        };
        match self.way {
            Way::Equal => vec![],
            Way::Near([amount, _, day, _]) => {
                let mut own = vec![];
                if !matches!(planner.graph.get(amount), Expr::Literal(_)) {
                    let (least, most) = span(planner, amount);
                    own.push(("apart".to_owned(), planner.subtract(most, least)));
                }
                if planner.graph.type_of(day) == Type::Date {
                    let (first, last) = span(planner, day);
                    own.push(("days".to_owned(), planner.days_between(first, last)));
                }
                own
            }
            Way::Similar(text, _) => {
                let text = planner.at_row(text, &member);
                vec![("n_texts".to_owned(), planner.count_distinct(over, text))]
            }
        }
    }
}

impl Near {
    /// Amount, most that two differ, day, most days between.
    fn scales(&self, planner: &mut Planner, source: Source, records: &Scope, table: &Spanned<String>) -> Option<[ExprId; 4]> {
        let zero = planner.int(0);
        let (mut amounts, mut days) = ([zero, zero], [zero, zero]);
        match (&self.amount, &self.amount_within) {
            (Some(amount), Some(within)) => {
                let amount = planner.expr(amount, records, Want::Numeric)?;
                let within = planner.expr(within, records, Want::Type(planner.graph.type_of(amount)))?;
                amounts = [amount, within];
            }
            (None, None) => {}
            (amount, within) => {
                let place = amount.as_ref().or(within.as_ref())?;
                let error = Diagnostic::error("duplicate-near", "`amount` and `amount_within` stand together");
                planner.error(error.at(place.span.clone(), "alone").help("write e.g. `{amount: amount, amount_within: yuan(1)}`"));
                return None;
            }
        }
        match (&self.date, &self.days_within) {
            (date, Some(within)) => {
                let date = match date {
                    Some(date) => planner.expr(date, records, Want::Type(Type::Date))?,
                    None => planner.governing_day(source, records, table)?,
                };
                days = [date, planner.expr(within, records, Want::Type(Type::Int))?];
            }
            (Some(date), None) => {
                let error = Diagnostic::error("duplicate-near", "`date` needs `days_within`");
                planner.error(error.at(date.span.clone(), "alone").help("write e.g. `{date: paid_on, days_within: 7}`"));
                return None;
            }
            (None, None) if self.amount.is_none() => {
                let error = Diagnostic::error("duplicate-near", "`near` says neither how close amounts lie nor how close days");
                planner.error(error.at(table.span.clone(), "this check").help("write e.g. `{date: paid_on, days_within: 7}`"));
                return None;
            }
            (None, None) => {}
        }
        Some([amounts[0], amounts[1], days[0], days[1]])
    }
}
