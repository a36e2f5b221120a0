//! Lists for machines and spreadsheets: CSV (UTF-8 with BOM) and JSON. Money in yuan, dates as 2019-06-10, values masked as in the report.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::Options;
use super::show::{Show, yuan};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::finding::{Count, EvidenceRow, ExemptionResult, Finding, Outcome, Status, Subject};
use crate::run::{RunContent, severity_name, status_name};
use crate::schema::{self, Value};

/// Spreadsheets take a text that starts so for a formula; an apostrophe keeps it text.
fn harmless(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err() { format!("'{text}") } else { text }
}

fn csv(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, Diagnostics> {
    let fault = |e: &dyn std::fmt::Display| Diagnostics::from(Diagnostic::error("internal", format!("the list could not be written: {e}")));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(head).map_err(|e| fault(&e))?;
    for row in rows {
        writer.write_record(row.into_iter().map(harmless)).map_err(|e| fault(&e))?;
    }
    writer.into_inner().map_err(|e| fault(&e))
}

fn region(code: Option<i64>) -> String {
    code.map(|r| schema::format(&Value::Region(r))).unwrap_or_default()
}

fn subjects(show: &Show<'_>, all: &[Subject]) -> String {
    all.iter().map(|s| format!("{}:{}", s.entity, show.machine(&s.value))).collect::<Vec<_>>().join("; ")
}

fn record(show: &Show<'_>, row: &EvidenceRow) -> String {
    row.key.iter().map(|(_, v)| show.machine(v)).collect::<Vec<_>>().join("/")
}

fn case_numbers(content: &RunContent) -> BTreeMap<usize, &str> {
    content.cases.iter().flat_map(|c| c.findings.iter().chain(&c.exempt).map(|&i| (i, c.number.as_str()))).collect()
}

/// One line per case, in rank order.
pub fn cases_csv(content: &RunContent, options: &Options) -> Result<Vec<u8>, Diagnostics> {
    let show = Show::new(options.lang, options.reveal, &content.places);
    let visited: std::collections::BTreeSet<usize> = content.visits.iter().flat_map(|v| v.chosen.iter().copied()).collect();
    let head =
        ["rank", "case", "severity", "score", "entity", "subject", "also", "region", "place", "amount_yuan", "findings", "exempt", "visit"];
    csv(
        &head,
        content.cases.iter().enumerate().map(|(i, c)| {
            vec![
                c.rank.to_string(),
                c.number.clone(),
                severity_name(c.severity).to_owned(),
                c.score.total.to_string(),
                c.subject.entity.to_string(),
                show.machine(&c.subject.value),
                subjects(&show, &c.also),
                region(c.region),
                show.place(c.region),
                c.amount.map(yuan).unwrap_or_default(),
                c.findings.len().to_string(),
                c.exempt.len().to_string(),
                content.visits.as_ref().map(|_| if visited.contains(&i) { "1" } else { "0" }.to_owned()).unwrap_or_default(),
            ]
        }),
    )
}

/// One line per finding, exempt ones too, in the order of the run.
pub fn findings_csv(content: &RunContent, options: &Options) -> Result<Vec<u8>, Diagnostics> {
    let show = Show::new(options.lang, options.reveal, &content.places);
    let cases = case_numbers(content);
    let head = [
        "finding",
        "case",
        "rule",
        "severity",
        "exempt",
        "subjects",
        "region",
        "place",
        "date",
        "period",
        "amount_yuan",
        "measure",
        "message",
        "records",
        "table",
        "record",
        "file",
        "line",
    ];
    csv(
        &head,
        content.findings.iter().enumerate().map(|(i, f)| {
            let first = f.evidence.first();
            vec![
                f.key.clone(),
                cases.get(&i).copied().unwrap_or_default().to_owned(),
                f.rule.to_string(),
                severity_name(f.severity).to_owned(),
                if f.exempt { "1" } else { "0" }.to_owned(),
                subjects(&show, &f.subjects),
                region(f.region),
                show.place(f.region),
                f.date.map(|d| show.date(d)).unwrap_or_default(),
                f.period.as_ref().map(|p| show.machine(p)).unwrap_or_default(),
                f.amount.map(|a| yuan(a.into())).unwrap_or_default(),
                f.measure.as_ref().map(|m| show.machine(m)).unwrap_or_default(),
                show.message(&f.message),
                (f.evidence.len() as u64 + f.evidence_omitted).to_string(),
                first.map(|e| e.table.to_string()).unwrap_or_default(),
                first.map(|e| record(&show, e)).unwrap_or_default(),
                first.map(|e| e.file.to_string()).unwrap_or_default(),
                first.map(|e| e.line.to_string()).unwrap_or_default(),
            ]
        }),
    )
}

fn reason(status: &Status) -> &str {
    match status {
        Status::Completed => "",
        Status::Quarantined { reason } | Status::Skipped { reason } | Status::Failed { reason } => reason,
    }
}

fn parts(o: &Outcome) -> [(&'static str, Count); 5] {
    [("population", o.population), ("flagged", o.flagged), ("clear", o.clear), ("exempt", o.exempt), ("not_assessable", o.not_assessable)]
}

/// One line per rule.
pub fn outcomes_csv(content: &RunContent) -> Result<Vec<u8>, Diagnostics> {
    let head = [
        "rule",
        "status",
        "reason",
        "unit",
        "population",
        "flagged",
        "clear",
        "exempt",
        "not_assessable",
        "population_yuan",
        "flagged_yuan",
        "clear_yuan",
        "exempt_yuan",
        "not_assessable_yuan",
    ];
    csv(
        &head,
        content.outcomes.iter().map(|o| {
            let mut row = vec![o.rule.clone(), status_name(&o.status).to_owned(), reason(&o.status).to_owned(), o.unit.clone()];
            row.extend(parts(o).iter().map(|(_, c)| c.units.to_string()));
            row.extend(parts(o).iter().map(|(_, c)| c.money.map(yuan).unwrap_or_default()));
            row
        }),
    )
}

fn finding_json(show: &Show<'_>, f: &Finding, case: Option<&str>) -> Json {
    let cell = |c: &crate::finding::Cell| json!({"column": c.column, "delivered": c.delivered.as_ref().map(|d| show.raw(d, &c.used)), "used": show.machine(&c.used)});
    json!({
        "finding": f.key,
        "case": case,
        "rule": f.rule,
        "severity": severity_name(f.severity),
        "exempt": f.exempt,
        "subjects": f.subjects.iter().map(|s| json!({"entity": s.entity, "value": show.machine(&s.value)})).collect::<Vec<_>>(),
        "region": f.region.map(|r| region(Some(r))),
        "date": f.date.map(|d| show.date(d)),
        "period": f.period.as_ref().map(|p| show.machine(p)),
        "amount_yuan": f.amount.map(|a| yuan(a.into())),
        "measure": f.measure.as_ref().map(|m| show.machine(m)),
        "message": show.message(&f.message),
        "figures": f.figures.iter().map(|g| json!({"name": g.name, "value": show.machine(&g.value), "arithmetic": g.arithmetic.as_ref().map(|a| show.pieces(a))})).collect::<Vec<_>>(),
        "parameters": f.parameters.iter().map(|p| json!({
            "name": p.name, "keys": p.keys.iter().map(|k| show.machine(k)).collect::<Vec<_>>(), "value": show.machine(&p.value), "region": p.region.map(|r| region(Some(r))),
            "valid_from": p.valid_from.map(|d| show.date(d)), "valid_to": p.valid_to.map(|d| show.date(d)), "source": p.source,
        })).collect::<Vec<_>>(),
        "exemptions": f.exemptions.iter().map(|e| json!({"says": show.local(&e.says), "result": match e.result {
            ExemptionResult::Holds => "holds", ExemptionResult::DoesNotHold => "does_not_hold", ExemptionResult::Unknown => "unknown", ExemptionResult::NotDelivered => "not_delivered",
        }})).collect::<Vec<_>>(),
        "evidence": f.evidence.iter().map(|e| json!({
            "table": e.table, "role": e.role, "file": e.file, "sheet": e.sheet, "line": e.line, "record": record(show, e), "cells": e.cells.iter().map(cell).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "evidence_omitted": f.evidence_omitted,
    })
}

/// The run as one JSON object: `run`, `outcomes`, `cases`, `findings`.
pub fn json(content: &RunContent, options: &Options) -> String {
    let show = Show::new(options.lang, options.reveal, &content.places);
    let cases = case_numbers(content);
    let whole = json!({
        "run": {"as_of": show.date(content.manifest.as_of), "manifest": content.manifest.hash(), "recount": content.manifest.recount, "masked": !options.reveal},
        "outcomes": content.outcomes.iter().map(|o| {
            let mut row = json!({"rule": o.rule, "status": status_name(&o.status), "reason": reason(&o.status), "unit": o.unit});
            for (name, part) in parts(o) {
                row[name] = json!({"units": part.units, "yuan": part.money.map(yuan)});
            }
            row
        }).collect::<Vec<_>>(),
        "cases": content.cases.iter().map(|c| json!({
            "case": c.number, "rank": c.rank, "severity": severity_name(c.severity), "score": c.score.total, "entity": c.subject.entity, "subject": show.machine(&c.subject.value),
            "region": c.region.map(|r| region(Some(r))), "amount_yuan": c.amount.map(yuan),
            "findings": c.findings.iter().filter_map(|&i| content.findings.briefs().get(i)).map(|f| &*f.key).collect::<Vec<_>>(),
            "exempt": c.exempt.iter().filter_map(|&i| content.findings.briefs().get(i)).map(|f| &*f.key).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "findings": content.findings.iter().enumerate().map(|(i, f)| finding_json(&show, &f, cases.get(&i).copied())).collect::<Vec<_>>(),
    });
    format!("{}\n", serde_json::to_string_pretty(&whole).unwrap_or_default())
}
