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

/// The tables of a run, in the order of [`TABLES`]. Without a run (`None`) they have columns and no rows.
pub fn tables(content: Option<&RunContent>, language: &str) -> Vec<(Given, Table)> {
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
            content.findings.iter().zip(case_of).map(|(f, case)| finding(f, case, language)).collect(),
            content.cases.iter().map(case).collect(),
            content.outcomes.iter().flat_map(outcome).collect(),
            content.rejected.iter().map(reject).collect(),
        )
    });
    let code = Type::Text(TextKind::Code);
    let text = Type::Text(TextKind::Plain);
    // Keys of subjects and delivered cells may be ids and names.
    let person = Type::Text(TextKind::Account);
    vec![
        build(
            TABLES[0],
            &FINDINGS.map(|n| {
                (
                    n,
                    match n {
                        "region" => Type::Region,
                        "date" => Type::Date,
                        "amount" => Type::Money,
                        "exempt" => Type::Bool,
                        "records" => Type::Int,
                        "subject" => person,
                        // The values in a message are masked when it is put together.
                        "period" | "measure" | "message" => text,
                        _ => code,
                    },
                )
            }),
            findings,
        ),
        build(
            TABLES[1],
            &CASES.map(|n| {
                (
                    n,
                    match n {
                        "region" => Type::Region,
                        "amount" => Type::Money,
                        "rank" | "score" | "findings" | "exempt" => Type::Int,
                        "subject" => person,
                        _ => code,
                    },
                )
            }),
            cases,
        ),
        build(
            TABLES[2],
            &OUTCOMES.map(|n| {
                (
                    n,
                    match n {
                        "units" => Type::Int,
                        "amount" => Type::Money,
                        "rule" | "status" | "outcome" => code,
                        _ => text,
                    },
                )
            }),
            outcomes,
        ),
        build(
            TABLES[3],
            &REJECTED.map(|n| {
                (
                    n,
                    match n {
                        "line" => Type::Int,
                        "delivered" => person,
                        "table_name" | "column_name" => code,
                        _ => text,
                    },
                )
            }),
            rejected,
        ),
    ]
}

const FINDINGS: [&str; 15] = [
    "key", "rule", "family", "severity", "entity", "subject", "case_no", "region", "date", "period", "amount", "measure", "exempt",
    "records", "message",
];
const CASES: [&str; 10] = ["case_no", "rank", "entity", "subject", "region", "severity", "amount", "score", "findings", "exempt"];
const OUTCOMES: [&str; 6] = ["rule", "status", "unit", "outcome", "units", "amount"];
const REJECTED: [&str; 7] = ["table_name", "file", "sheet", "line", "column_name", "delivered", "problem"];

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

fn finding(finding: &Finding, case: Option<&str>, language: &str) -> Vec<Value> {
    let subject = finding.subjects.first();
    let pieces = finding.message.get(language).or_else(|| finding.message.values().next());
    let message = pieces.map(|pieces| {
        let words = pieces.iter().map(|piece| match piece {
            crate::finding::Piece::Text(text) => text.clone(),
            crate::finding::Piece::Value(value) => schema::mask(value),
        });
        words.collect::<String>()
    });
    vec![
        text(&finding.key),
        text(&finding.rule),
        some(finding.rule.split('/').next()),
        text(severity_name(finding.severity)),
        some(subject.map(|s| &s.entity)),
        some(subject.map(|s| schema::format(&s.value))),
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

fn case(case: &crate::case::Case) -> Vec<Value> {
    vec![
        text(&case.number),
        int(case.rank),
        text(&case.subject.entity),
        text(schema::format(&case.subject.value)),
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

fn build(name: &str, columns: &[(&str, Type)], rows: Vec<Vec<Value>>) -> (Given, Table) {
    let described = columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
    let made = columns.iter().enumerate().map(|(c, (name, ty))| column(name, *ty, rows.iter().map(|row| &row[c]))).collect();
    let table = Table { name: name.to_owned(), rows: rows.len(), columns: made, sorted_by: vec![], origin: Origin::default() };
    (Given { name: name.to_owned(), columns: described }, table)
}

fn column<'v>(name: &str, ty: Type, values: impl Iterator<Item = &'v Value> + Clone) -> Column {
    let valid: Bits = values.clone().map(|v| *v != Value::Null).collect();
    let number = |v: &Value| match v {
        Value::Int(n) | Value::Money(n) | Value::Region(n) => *n,
        Value::Date(d) => i64::from(*d),
        _ => 0,
    };
    let (semantic, data) = match ty {
        Type::Bool => (SemanticType::Bool, Data::Bool(values.map(|v| *v == Value::Bool(true)).collect())),
        // Days were days when they came.
        Type::Date => (SemanticType::Date, Data::I32(values.map(|v| number(v) as i32).collect())),
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
            let dictionary = Dictionary { values: distinct.into_iter().collect() };
            let codes = values.map(|v| dictionary.code(&of(v)).unwrap_or(0)).collect();
            (semantic, Data::Code(codes, Arc::new(dictionary)))
        }
    };
    Column { name: name.to_owned(), semantic, data, valid: Some(valid).filter(|v| !v.all()), bad: None, part: None }
}
