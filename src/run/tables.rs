//! A run's findings, cases, outcomes and rejected cells as tables that a question can name: `recount.findings` and its like.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{RunContent, severity_name, status_name};
use crate::finding::{Count, Finding};
use crate::plan::select::Given;
use crate::schema::{self, MoneyUnit, SemanticType, TextKind, Type, Value};
use crate::table::{Bits, Column, Data, Dictionary, Origin, Table};

/// Names of the tables a run gives.
pub const TABLES: [&str; 4] = ["recount.findings", "recount.cases", "recount.outcomes", "recount.rejected"];

/// The tables of a run, in the order of [`TABLES`]. Without a run (`None`) they have columns and no rows. Subjects and messages are texts of
/// many kinds of values: each is masked as what it is, unless `reveal`.
pub fn tables(content: Option<&RunContent>, language: &str, reveal: bool) -> Vec<(Given, Table)> {
    let shown: Shown = if reveal { schema::format } else { schema::mask };
    let nothing = (vec![], vec![], vec![], vec![]);
    let (findings, cases, outcomes, rejected) = content.map_or(nothing, |content| {
        let mut case_of = vec![None; content.findings.len()];
        for case in &content.cases {
            for &finding in case.findings.iter().chain(&case.exempt) {
                if let Some(slot) = case_of.get_mut(finding) {
                    *slot = Some(case.number.as_str());
                }
            }
        }
        (
            content.findings.iter().zip(case_of).map(|(f, case)| finding(&f, case, language, shown)).collect::<Vec<_>>(),
            content.cases.iter().map(|c| case(c, shown)).collect::<Vec<_>>(),
            content.outcomes.iter().flat_map(outcome).collect::<Vec<_>>(),
            content.rejected.iter().map(reject).collect::<Vec<_>>(),
        )
    });
    vec![
        build(TABLES[0], &FINDINGS, &findings),
        build(TABLES[1], &CASES, &cases),
        build(TABLES[2], &OUTCOMES, &outcomes),
        build(TABLES[3], &REJECTED, &rejected),
    ]
}

const CODE: Type = Type::Text(TextKind::Code);
const TEXT: Type = Type::Text(TextKind::Plain);
/// Cells that could not be read may be ids and names.
const HIDDEN: Type = Type::Text(TextKind::Account);

const FINDINGS: [(&str, Type); 16] = [
    ("key", CODE),
    ("rule", CODE),
    ("family", CODE),
    ("severity", CODE),
    ("entity", CODE),
    ("subject", TEXT),
    ("person", Type::CitizenId),
    ("case_no", CODE),
    ("region", Type::Region),
    ("date", Type::Date),
    ("period", TEXT),
    ("amount", Type::Money),
    ("measure", TEXT),
    ("exempt", Type::Bool),
    ("records", Type::Int),
    ("message", TEXT),
];
const CASES: [(&str, Type); 11] = [
    ("case_no", CODE),
    ("rank", Type::Int),
    ("entity", CODE),
    ("subject", TEXT),
    ("person", Type::CitizenId),
    ("region", Type::Region),
    ("severity", CODE),
    ("amount", Type::Money),
    ("score", Type::Int),
    ("findings", Type::Int),
    ("exempt", Type::Int),
];
const OUTCOMES: [(&str, Type); 6] =
    [("rule", CODE), ("status", CODE), ("unit", TEXT), ("outcome", CODE), ("units", Type::Int), ("amount", Type::Money)];
const REJECTED: [(&str, Type); 7] = [
    ("table_name", CODE),
    ("file", TEXT),
    ("sheet", TEXT),
    ("line", Type::Int),
    ("column_name", CODE),
    ("delivered", HIDDEN),
    ("problem", TEXT),
];

fn text(text: impl AsRef<str>) -> Value {
    Value::Text(Arc::from(text.as_ref()), TextKind::Plain)
}
fn some(value: Option<impl AsRef<str>>) -> Value {
    value.map_or(Value::Null, text)
}
fn money(fen: Option<i128>) -> Value {
    fen.and_then(|fen| i64::try_from(fen).ok()).map_or(Value::Null, Value::Money)
}
fn int(n: impl TryInto<i64>) -> Value {
    n.try_into().map_or(Value::Null, Value::Int)
}

/// The text of a value as it may be seen.
type Shown = fn(&Value) -> String;

/// A subject that is a person by id: joins with ids, and is masked like them.
fn person(subject: Option<&crate::finding::Subject>) -> Value {
    match subject.map(|s| &s.value) {
        Some(Value::CitizenId(id)) => Value::CitizenId(*id),
        _ => Value::Null,
    }
}

fn finding(finding: &Finding, case: Option<&str>, language: &str, shown: Shown) -> Vec<Value> {
    let subject = finding.subjects.first();
    let pieces = finding.message.get(language).or_else(|| finding.message.values().next());
    let message = pieces.map(|pieces| {
        let words = pieces.iter().map(|piece| match piece {
            crate::finding::Piece::Text(text) => text.to_string(),
            crate::finding::Piece::Value(value) => shown(value),
        });
        words.collect::<String>()
    });
    vec![
        text(&finding.key),
        text(&finding.rule),
        some(finding.rule.split('/').next()),
        text(severity_name(finding.severity)),
        some(subject.map(|s| &s.entity)),
        some(subject.map(|s| shown(&s.value))),
        person(subject),
        some(case),
        finding.region.map_or(Value::Null, Value::Region),
        finding.date.map_or(Value::Null, Value::Date),
        some(finding.period.as_ref().map(schema::format)),
        money(finding.amount.map(i128::from)),
        some(finding.measure.as_ref().map(schema::format)),
        Value::Bool(finding.exempt),
        int(finding.evidence.len() as u64 + finding.evidence_omitted),
        some(message),
    ]
}

fn case(case: &crate::case::Case, shown: Shown) -> Vec<Value> {
    vec![
        text(&case.number),
        int(case.rank),
        text(&case.subject.entity),
        text(shown(&case.subject.value)),
        person(Some(&case.subject)),
        case.region.map_or(Value::Null, Value::Region),
        text(severity_name(case.severity)),
        money(case.amount),
        int(case.score.total),
        int(case.findings.len()),
        int(case.exempt.len()),
    ]
}

/// One row per outcome; they add up to the population.
fn outcome(outcome: &crate::finding::Outcome) -> Vec<Vec<Value>> {
    let status = status_name(&outcome.status);
    let row = |name: &str, count: &Count| {
        vec![text(&outcome.rule), text(status), text(&outcome.unit), text(name), int(count.units), money(count.money)]
    };
    vec![
        row("flagged", &outcome.flagged),
        row("clear", &outcome.clear),
        row("exempt", &outcome.exempt),
        row("not assessable", &outcome.not_assessable),
    ]
}

fn reject(rejected: &super::Rejected) -> Vec<Value> {
    vec![
        text(&rejected.table),
        text(&rejected.file),
        some(rejected.sheet.as_ref()),
        int(rejected.line),
        some(rejected.column.as_ref()),
        text(&rejected.delivered),
        text(&rejected.problem),
    ]
}

fn build(name: &str, columns: &[(&str, Type)], rows: &[Vec<Value>]) -> (Given, Table) {
    let described = columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
    let made = columns.iter().enumerate().map(|(c, (name, ty))| column(name, *ty, rows.iter().map(|row| &row[c]))).collect();
    let table = Table { name: name.to_owned(), rows: rows.len(), columns: made, sorted_by: vec![], origin: Origin::default() };
    (Given { name: name.to_owned(), columns: described }, table)
}

fn column<'v>(name: &str, ty: Type, values: impl Iterator<Item = &'v Value> + Clone) -> Column {
    let valid: Bits = values.clone().map(|v| *v != Value::Null).collect();
    let number = |v: &Value| match v {
        Value::Int(n) | Value::Money(n) | Value::Region(n) | Value::CitizenId(n) => *n,
        Value::Date(d) => i64::from(*d),
        _ => 0,
    };
    let (semantic, data) = match ty {
        Type::Bool => (SemanticType::Bool, Data::Bool(values.map(|v| *v == Value::Bool(true)).collect())),
        // Days were days when they came.
        Type::Date => (SemanticType::Date, Data::I32(values.map(|v| number(v) as i32).collect())),
        Type::CitizenId => (SemanticType::CitizenId, Data::I64(values.map(number).collect())),
        Type::Region => (SemanticType::Region, Data::I64(values.map(number).collect())),
        Type::Money => (SemanticType::Money(MoneyUnit::Yuan), Data::I64(values.map(number).collect())),
        Type::Int => (SemanticType::Int, Data::I64(values.map(number).collect())),
        _ => {
            let semantic = match ty {
                Type::Text(TextKind::Account) => SemanticType::Account,
                Type::Text(TextKind::Code) => SemanticType::Code(vec![]),
                _ => SemanticType::Text,
            };
            let of = |v: &Value| if let Value::Text(text, _) = v { text.clone() } else { Arc::from("") };
            let distinct: BTreeSet<Arc<str>> = values.clone().map(of).collect();
            let dictionary = Dictionary::new(distinct.into_iter().collect());
            let codes = values.map(|v| dictionary.code(&of(v)).unwrap_or(0)).collect();
            (semantic, Data::Code(codes, Arc::new(dictionary)))
        }
    };
    Column { name: name.to_owned(), semantic, data, valid: Some(valid).filter(|v| !v.all()), bad: None, part: None }
}
