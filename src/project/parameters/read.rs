//! Reads parameter files: values, tables by further keys, lists. Overlaps in time name both lines.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Entry, Parameter, ParameterForm, Parameters, Regions, Unit, compare_keys};
use crate::diagnostic::{Diagnostic, Diagnostics, Place, Span, Spanned, nearest};
use crate::project::policy_file::{PolicyFile, Record};
use crate::schema::{self, SemanticType, Type, Value};

/// A parameter on its way: each entry with the place it is written at.
pub(in crate::project) struct Draft {
    pub name: String,
    form: ParameterForm,
    unit: Unit,
    keys: Vec<Type>,
    entries: Vec<(Entry, Type, Place)>,
    declared: Option<Span>,
}

/// `parameters: tables: NAME:` with a value.
pub(in crate::project) struct TableSource {
    pub name: Spanned<String>,
    pub from: Spanned<String>,
    pub by: Vec<(Spanned<String>, SemanticType)>,
    pub value: String,
    pub unit: Unit,
}

/// `parameters: tables: NAME:` with `list: true`.
pub(in crate::project) struct ListSource {
    pub name: Spanned<String>,
    pub from: Spanned<String>,
    pub by: Vec<(Spanned<String>, SemanticType)>,
}

/// Reads a file of values: name, region, valid_from, valid_to, value, unit, source.
pub(in crate::project) fn read_values(
    root: &Path,
    from: &Spanned<String>,
    regions: &Regions,
    drafts: &mut Vec<Draft>,
    problems: &mut Diagnostics,
) {
    let optional = ["region", "valid_from", "valid_to", "source"];
    let Some(file) = PolicyFile::read(root, &from.value, from.span.clone(), &["name", "value", "unit"], &optional, problems) else {
        return;
    };
    let mut first_lines: BTreeMap<String, (u64, Unit)> = BTreeMap::new();
    for record in &file.records {
        let name = file.cell(record, "name").to_string();
        if name.is_empty() {
            problems.push(Diagnostic::error("bad-cell", "a parameter without a name").place(file.place(record.line, "name"), "empty"));
            continue;
        }
        let word = file.cell(record, "unit");
        let Some(unit) = Unit::from_name(word) else {
            let names = Unit::ALL.map(Unit::name);
            let problem = Diagnostic::error("unknown-value", format!("`{word}` is not a known unit"))
                .place(file.place(record.line, "unit"), "not known")
                .help(match nearest(word, names) {
                    Some(near) => format!("a similar unit exists: `{near}`"),
                    None => format!("known units: {}", names.join(", ")),
                });
            problems.push(problem);
            continue;
        };
        let (first, first_unit) = *first_lines.entry(name.clone()).or_insert((record.line, unit));
        if first_unit != unit {
            problems.push(
                Diagnostic::error("unit-clash", format!("`{name}` is stated in {} here and in {} before", unit.name(), first_unit.name()))
                    .place(file.place(record.line, "unit"), unit.name())
                    .place(file.place(first, "unit"), first_unit.name())
                    .help("one parameter has one unit; convert the value"),
            );
            continue;
        }
        let Some(entry) = entry(&file, record, vec![], "value", unit, regions, problems) else { continue };
        match drafts.iter_mut().find(|d| d.name == name && d.form == ParameterForm::Value) {
            Some(draft) => draft.entries.push(entry),
            None => drafts.push(Draft {
                name,
                form: ParameterForm::Value,
                unit,
                keys: vec![],
                entries: vec![entry],
                declared: from.span.clone(),
            }),
        }
    }
}

/// Reads a table of values by further keys.
pub(in crate::project) fn read_table(
    root: &Path,
    source: Result<TableSource, ListSource>,
    regions: &Regions,
    drafts: &mut Vec<Draft>,
    problems: &mut Diagnostics,
) {
    let (name, from, by, value) = match source {
        Ok(t) => (t.name, t.from, t.by, Some((t.value, t.unit))),
        Err(l) => (l.name, l.from, l.by, None),
    };
    let mut required: Vec<&str> = by.iter().map(|(name, _)| name.value.as_str()).collect();
    let optional: &[&str] = match &value {
        Some((column, _)) => {
            required.push(column);
            &["region", "valid_from", "valid_to", "source"]
        }
        None => &["source"],
    };
    let Some(file) = PolicyFile::read(root, &from.value, from.span.clone(), &required, optional, problems) else { return };
    let mut entries = Vec::new();
    for record in &file.records {
        let mut keys = Vec::new();
        for (column, semantic) in &by {
            match file.read_cell(record, &column.value, problems, |cell| schema::parse(cell, semantic)) {
                Some(parsed) => keys.push(parsed.value),
                None if file.cell(record, &column.value).is_empty() => {
                    problems.push(
                        Diagnostic::error("bad-cell", format!("the key `{}` is empty", column.value))
                            .place(file.place(record.line, &column.value), "empty"),
                    );
                }
                None => {}
            }
        }
        if keys.len() < by.len() {
            continue;
        }
        match &value {
            Some((column, unit)) => entries.extend(entry(&file, record, keys, column, *unit, regions, problems)),
            None => {
                let source = origin(&file, record);
                let entry = Entry { keys, value: Value::Null, region: None, valid_from: None, valid_to: None, source };
                entries.push((entry, Type::Null, file.place(record.line, "")));
            }
        }
    }
    let keys = by.iter().map(|(_, semantic)| semantic.value_type()).collect();
    let form = if value.is_some() { ParameterForm::Table } else { ParameterForm::List };
    let unit = value.map_or(Unit::Bool, |(_, unit)| unit);
    drafts.push(Draft { name: name.value, form, unit, keys, entries, declared: name.span });
}

fn origin(file: &PolicyFile, record: &Record) -> String {
    match file.cell(record, "source") {
        "" => file.name.clone(),
        source => source.to_string(),
    }
}

fn entry(
    file: &PolicyFile,
    record: &Record,
    keys: Vec<Value>,
    column: &str,
    unit: Unit,
    regions: &Regions,
    problems: &mut Diagnostics,
) -> Option<(Entry, Type, Place)> {
    let before = problems.0.len();
    let region = file.read_cell(record, "region", problems, schema::region::parse);
    if let Some(code) = region
        && regions.get(code).is_none()
    {
        let help = if regions.all.is_empty() {
            "declare a region file: `regions: policy/regions.csv`"
        } else {
            "add it to the region file, or correct the code"
        };
        problems.push(
            Diagnostic::error("unknown-region", format!("the region {} is not in the region tree", schema::region::text(code)))
                .place(file.place(record.line, "region"), "not known")
                .help(help),
        );
    }
    let (valid_from, valid_to) = file.validity(record, problems);
    let value = match unit.read(file.cell(record, column)) {
        Ok(value) => Some(value),
        Err(bad) => {
            problems.push(
                Diagnostic::error("bad-cell", bad.problem).place(file.place(record.line, column), format!("stated in {}", unit.name())),
            );
            None
        }
    };
    let (value, ty) = value.filter(|_| problems.0.len() == before)?;
    let source = origin(file, record);
    Some((Entry { keys, value, region, valid_from, valid_to, source }, ty, file.place(record.line, "")))
}

/// Sorts, brings the values of each parameter to one type, and finds clashes of names and overlaps in time.
pub(in crate::project) fn settle(mut drafts: Vec<Draft>, problems: &mut Diagnostics) -> Parameters {
    drafts.sort_by(|a, b| a.name.cmp(&b.name));
    for pair in drafts.windows(2) {
        if pair[0].name == pair[1].name {
            problems.push(
                Diagnostic::error("name-clash", format!("two parameters are called `{}`", pair[1].name))
                    .at(pair[1].declared.clone(), "declared here")
                    .at(pair[0].declared.clone(), "and here"),
            );
        }
    }
    Parameters { all: drafts.into_iter().map(|draft| finish(draft, problems)).collect() }
}

fn finish(mut draft: Draft, problems: &mut Diagnostics) -> Parameter {
    let order = |a: &Entry, b: &Entry| {
        compare_keys(&a.keys, &b.keys).then(a.region.cmp(&b.region)).then(a.valid_from.cmp(&b.valid_from)).then(a.valid_to.cmp(&b.valid_to))
    };
    draft.entries.sort_by(|(a, _, _), (b, _, _)| order(a, b));
    for pair in draft.entries.windows(2) {
        let ((a, _, first), (b, _, second)) = (&pair[0], &pair[1]);
        if compare_keys(&a.keys, &b.keys).is_ne() || a.region != b.region {
            continue;
        }
        if draft.form == ParameterForm::List {
            problems.push(
                Diagnostic::error("duplicate-entry", format!("the list `{}` has an entry twice", draft.name))
                    .place(second.clone(), "second")
                    .place(first.clone(), "first"),
            );
        } else if b.valid_from.is_none() || a.valid_to.is_none_or(|to| b.valid_from.is_some_and(|from| from <= to)) {
            problems.push(
                Diagnostic::error(
                    "parameter-overlap",
                    format!("two values of `{}` are in force on the same day in the same region", draft.name),
                )
                .place(second.clone(), format!("in force {}", period(b)))
                .place(first.clone(), format!("in force {}", period(a)))
                .help("end the earlier value (`valid_to`) on the day before the later one begins"),
            );
        }
    }
    // 5 and 2.5 percent are of one type: the widest scale that occurs.
    let scale = draft.entries.iter().filter_map(|(_, ty, _)| if let Type::Decimal(s) = ty { Some(*s) } else { None }).max();
    let ty = match scale {
        Some(scale) => Type::Decimal(scale),
        None => draft.entries.first().map_or(Type::Null, |(_, ty, _)| *ty),
    };
    let mut entries = Vec::with_capacity(draft.entries.len());
    for (mut entry, _, place) in draft.entries {
        if let Some(scale) = scale {
            match rescale(&entry.value, scale) {
                Some(value) => entry.value = value,
                None => problems.push(Diagnostic::error("bad-cell", "the number is too large").place(place, "")),
            }
        }
        entries.push(entry);
    }
    Parameter { name: draft.name, form: draft.form, ty, unit: draft.unit, keys: draft.keys, entries }
}

fn rescale(value: &Value, to: u8) -> Option<Value> {
    let (units, scale) = match value {
        Value::Int(units) => (*units, 0),
        Value::Decimal { units, scale } => (*units, *scale),
        other => return Some(other.clone()),
    };
    let factor = 10i64.checked_pow(u32::from(to.saturating_sub(scale)))?;
    units.checked_mul(factor).map(|units| Value::Decimal { units, scale: to })
}

fn period(entry: &Entry) -> String {
    let day = |d: Option<i32>| d.map(|d| schema::format(&Value::Date(d)));
    match (day(entry.valid_from), day(entry.valid_to)) {
        (Some(from), Some(to)) => format!("from {from} to {to}"),
        (Some(from), None) => format!("from {from} on"),
        (None, Some(to)) => format!("up to {to}"),
        (None, None) => "always".into(),
    }
}
