//! The files of a run folder and their reading back. Tables carry plain columns for people and machines, and one column
//! `detail` (JSON) from which the record is read back exactly.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::folder::{Sink, unreadable};
use super::frame::{Cells, Frame};
use super::{FORMAT, InputText, Manifest, Place, Population, Receipt, Rejected, RunContent};
use crate::case::{Case, RuleCard, VisitPlan};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::finding::{
    Cell, Count, EvidenceRow, ExemptionCheck, Figure, Finding, Findings, Message, Name, Outcome, ParameterUse, Piece, Severity, Status,
    Subject,
};
use crate::schema::{self, Value};

/// What `context.json` holds: whatever a report needs besides the tables.
#[derive(Debug, Serialize, Deserialize)]
struct Context {
    rules: Vec<RuleCard>,
    visits: Option<VisitPlan>,
    receipts: Vec<Receipt>,
    places: Vec<Place>,
    populations: Vec<Population>,
    /// Paths of `inputs`, in order.
    inputs: Vec<String>,
}

/// Where an input lies in the folder: under `inputs/`, never outside.
fn input_path(path: &str) -> String {
    let parts: Vec<&str> = path
        .split(['/', '\\'])
        .filter(|p| !p.is_empty() && *p != "." && !p.ends_with(':'))
        .map(|p| if p == ".." { "up" } else { p })
        .collect();
    format!("inputs/{}", parts.join("/"))
}

fn json<T: Serialize>(value: &T) -> String {
    // Plain data with text keys always has a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

fn cell_text(value: &Value) -> Option<String> {
    (*value != Value::Null).then(|| schema::format(value))
}

fn message_text(message: &Message, lang: &str) -> Option<String> {
    let mut out = String::new();
    for piece in message.get(lang)? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Value(value) => schema::format_into(&mut out, value),
        }
    }
    Some(out)
}

/// `critical`, as files spell it.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn small(fen: Option<i128>) -> Option<i64> {
    fen.and_then(|f| i64::try_from(f).ok())
}
fn count(n: u64) -> Option<i64> {
    i64::try_from(n).ok()
}

type Texts<'a> = Option<Cow<'a, str>>;

/// A column of texts from rows.
fn text<'a, T>(rows: &'a [T], of: impl Fn(&'a T) -> Texts<'a>) -> Cells<'a> {
    Cells::Text(rows.iter().map(of).collect())
}

fn lent(text: &str) -> Texts<'_> {
    Some(Cow::Borrowed(text))
}

fn own<'a>(text: impl Into<String>) -> Texts<'a> {
    Some(Cow::Owned(text.into()))
}

fn region<'a>(code: Option<i64>) -> Texts<'a> {
    code.map(|r| schema::format(&Value::Region(r)).into())
}

/// A finding without its evidence, which has a file of its own.
#[derive(Serialize)]
struct Detail<'a> {
    key: &'a str,
    records_hash: &'a str,
    flag_hash: &'a str,
    rule: &'a str,
    severity: Severity,
    subjects: &'a [Subject],
    region: Option<i64>,
    date: Option<i32>,
    period: &'a Option<Value>,
    amount: Option<i64>,
    measure: &'a Option<Value>,
    message: &'a Message,
    exempt: bool,
    exemptions: &'a [ExemptionCheck],
    figures: &'a [Figure],
    parameters: &'a [ParameterUse],
    evidence: [(); 0],
    evidence_omitted: u64,
}

impl<'a> From<&'a Finding> for Detail<'a> {
    fn from(f: &'a Finding) -> Self {
        Detail {
            key: &f.key,
            records_hash: &f.records_hash,
            flag_hash: &f.flag_hash,
            rule: &f.rule,
            severity: f.severity,
            subjects: &f.subjects,
            region: f.region,
            date: f.date,
            period: &f.period,
            amount: f.amount,
            measure: &f.measure,
            message: &f.message,
            exempt: f.exempt,
            exemptions: &f.exemptions,
            figures: &f.figures,
            parameters: &f.parameters,
            evidence: [],
            evidence_omitted: f.evidence_omitted,
        }
    }
}

/// Findings `rows`. `case_of`: the number of each finding's case; `langs`: languages that any finding speaks.
fn findings_frame<'a>(findings: &Findings, rows: Range<usize>, case_of: &[Option<&'a str>], langs: &BTreeSet<String>) -> Frame<'a> {
    let all: Vec<Finding> = rows.clone().into_par_iter().filter_map(|i| findings.told(i)).collect();
    let text = |of: &dyn Fn(&Finding) -> Texts<'static>| Cells::Text(all.iter().map(of).collect());
    let briefs = &findings.briefs()[rows.clone()];
    let mut frame = Frame::default()
        .with("key", text(&|f| own(&*f.key)))
        .with("rule", text(&|f| own(&*f.rule)))
        .with("severity", text(&|f| lent(severity_name(f.severity))))
        .with("exempt", Cells::Bool(all.iter().map(|f| Some(f.exempt)).collect()))
        .with("case_number", Cells::Text(case_of[rows].iter().map(|n| n.map(Cow::Borrowed)).collect()))
        .with("subject_entity", text(&|f| f.subjects.first().and_then(|s| own(&*s.entity))))
        .with("subject", text(&|f| f.subjects.first().and_then(|s| cell_text(&s.value)).map(Cow::Owned)))
        .with("region", text(&|f| region(f.region)))
        .with("date", Cells::Date(all.iter().map(|f| f.date).collect()))
        .with("period", text(&|f| f.period.as_ref().and_then(cell_text).map(Cow::Owned)))
        .with("amount_fen", Cells::Int(all.iter().map(|f| f.amount).collect()))
        .with("measure", text(&|f| f.measure.as_ref().and_then(cell_text).map(Cow::Owned)))
        .with("evidence_rows", Cells::Int(all.iter().zip(briefs).map(|(f, b)| count(u64::from(b.records) + f.evidence_omitted)).collect()))
        .with("records_hash", text(&|f| own(&*f.records_hash)))
        .with("flag_hash", text(&|f| own(&*f.flag_hash)));
    for lang in langs {
        frame = frame.with(
            &format!("message_{}", lang.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
            text(&|f| message_text(&f.message, lang).map(Cow::Owned)),
        );
    }
    frame.with("detail", Cells::Text(all.par_iter().map(|f| own(json(&Detail::from(f)))).collect()))
}

/// Evidence rows `rows`, counted over all findings; `before`: how many rows the findings before each one have.
fn evidence_frame(findings: &Findings, before: &[usize], rows: Range<usize>) -> Frame<'static> {
    let first = before.partition_point(|n| *n <= rows.start).saturating_sub(1);
    let last = before.partition_point(|n| *n < rows.end);
    let some: Vec<(usize, Finding)> = (first..last).into_par_iter().filter_map(|i| Some((before[i], findings.get(i)?))).collect();
    let all: Vec<(&Finding, usize, &EvidenceRow)> = some
        .iter()
        .flat_map(|(n, f)| f.evidence.iter().enumerate().map(move |(i, e)| (n + i, f, i, e)))
        .filter(|(n, ..)| rows.contains(n))
        .map(|(_, f, i, e)| (f, i, e))
        .collect();
    type Listed<'l> = (&'l Finding, usize, &'l EvidenceRow);
    let text = |of: &(dyn Fn(&Listed<'_>) -> Texts<'static> + Sync)| Cells::Text(all.par_iter().map(of).collect());
    Frame::default()
        .with("finding", text(&|(f, _, _)| own(&*f.key)))
        .with("position", Cells::Int(all.iter().map(|(_, i, _)| count(*i as u64)).collect()))
        .with("table_name", text(&|(_, _, e)| own(&*e.table)))
        .with("role", text(&|(_, _, e)| own(&*e.role)))
        .with("file", text(&|(_, _, e)| own(&*e.file)))
        .with("sheet", text(&|(_, _, e)| e.sheet.as_deref().and_then(own)))
        .with("line", Cells::Int(all.iter().map(|(_, _, e)| Some(i64::from(e.line))).collect()))
        .with("record", text(&|(_, _, e)| own(e.key.iter().map(|(_, v)| schema::format(v)).collect::<Vec<_>>().join("/"))))
        .with("record_key", text(&|(_, _, e)| own(json(&e.key))))
        .with("cells", text(&|(_, _, e)| own(json(&e.cells))))
}

fn cases_frame(all: &[Case]) -> Frame<'_> {
    Frame::default()
        .with("number", text(all, |c| lent(&c.number)))
        .with("rank", Cells::Int(all.iter().map(|c| count(c.rank)).collect()))
        .with("subject_entity", text(all, |c| lent(&c.subject.entity)))
        .with("subject", text(all, |c| cell_text(&c.subject.value).map(Cow::Owned)))
        .with("region", text(all, |c| region(c.region)))
        .with("severity", text(all, |c| lent(severity_name(c.severity))))
        .with("score", Cells::Int(all.iter().map(|c| Some(i64::from(c.score.total))).collect()))
        .with("amount_fen", Cells::Int(all.iter().map(|c| small(c.amount)).collect()))
        .with("findings", Cells::Int(all.iter().map(|c| count(c.findings.len() as u64)).collect()))
        .with("exempt", Cells::Int(all.iter().map(|c| count(c.exempt.len() as u64)).collect()))
        .with("detail", text(all, |c| own(json(c))))
}

fn outcomes_frame(all: &[Outcome]) -> Frame<'_> {
    let mut frame = Frame::default()
        .with("rule", text(all, |o| lent(&o.rule)))
        .with("status", text(all, |o| lent(status_name(&o.status))))
        .with(
            "reason",
            text(all, |o| match &o.status {
                Status::Completed => None,
                Status::Quarantined { reason } | Status::Skipped { reason } | Status::Failed { reason } => lent(reason),
            }),
        )
        .with("unit", text(all, |o| lent(&o.unit)));
    let parts: [(&str, &dyn Fn(&Outcome) -> Count); 5] = [
        ("population", &|o| o.population),
        ("flagged", &|o| o.flagged),
        ("clear", &|o| o.clear),
        ("exempt", &|o| o.exempt),
        ("not_assessable", &|o| o.not_assessable),
    ];
    for (name, part) in parts {
        frame = frame
            .with(&format!("{name}_units"), Cells::Int(all.iter().map(|o| count(part(o).units)).collect()))
            .with(&format!("{name}_fen"), Cells::Int(all.iter().map(|o| small(part(o).money)).collect()));
    }
    frame.with("detail", text(all, |o| own(json(o))))
}

/// `completed`, as files spell it.
pub fn status_name(status: &Status) -> &'static str {
    match status {
        Status::Completed => "completed",
        Status::Quarantined { .. } => "quarantined",
        Status::Skipped { .. } => "skipped",
        Status::Failed { .. } => "failed",
    }
}

fn rejected_frame(all: &[Rejected]) -> Frame<'_> {
    Frame::default()
        .with("table_name", text(all, |r| lent(&r.table)))
        .with("file", text(all, |r| lent(&r.file)))
        .with("sheet", text(all, |r| r.sheet.as_deref().and_then(lent)))
        .with("line", Cells::Int(all.iter().map(|r| count(r.line)).collect()))
        .with("column_name", text(all, |r| r.column.as_deref().and_then(lent)))
        .with("delivered", text(all, |r| lent(&r.delivered)))
        .with("problem", text(all, |r| lent(&r.problem)))
        .with("detail", text(all, |r| own(json(r))))
}

/// Writes everything but the manifest, the journal and the rendered files.
pub(super) fn write_content(content: &RunContent, hash: &str, sink: &Sink<'_>) -> Result<(), Diagnostics> {
    let mut case_of: Vec<Option<&str>> = vec![None; content.findings.len()];
    for case in &content.cases {
        for &i in case.findings.iter().chain(&case.exempt) {
            case_of[i] = Some(&case.number);
        }
    }
    let all = &content.findings;
    let mut before = Vec::with_capacity(all.len());
    let mut rows = 0;
    for finding in all.briefs() {
        before.push(rows);
        rows += finding.records as usize;
    }
    // All findings of a rule speak its languages.
    let firsts = (0..all.len()).filter(|&i| i == 0 || all.briefs()[i].rule != all.briefs()[i - 1].rule);
    let langs: BTreeSet<String> = firsts.filter_map(|i| all.told(i)).flat_map(|f| f.message.into_keys()).collect();
    // The large files side by side.
    let (evidence, others) = rayon::join(
        || sink.parquet("evidence", hash, rows, |rows| evidence_frame(all, &before, rows)),
        || {
            sink.parquet("findings", hash, all.len(), |rows| findings_frame(all, rows, &case_of, &langs))?;
            sink.parquet("outcomes", hash, content.outcomes.len(), |rows| outcomes_frame(&content.outcomes[rows]))?;
            sink.parquet("cases", hash, content.cases.len(), |rows| cases_frame(&content.cases[rows]))?;
            sink.parquet("rejected", hash, content.rejected.len(), |rows| rejected_frame(&content.rejected[rows]))
        },
    );
    evidence.and(others)?;
    let context = Context {
        rules: content.rules.clone(),
        visits: content.visits.clone(),
        receipts: content.receipts.clone(),
        places: content.places.clone(),
        populations: content.populations.clone(),
        inputs: content.inputs.iter().map(|i| i.path.clone()).collect(),
    };
    sink.file("context.json", format!("{}\n", serde_json::to_string_pretty(&context).unwrap_or_default()).as_bytes())?;
    for input in &content.inputs {
        sink.file(&input_path(&input.path), input.text.as_bytes())?;
    }
    Ok(())
}

/// Reads a run folder back.
///
/// # Errors
/// A file that is missing, unreadable, of a later format, or of another run (its manifest hash differs).
pub fn read(folder: &Path) -> Result<RunContent, Diagnostics> {
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|e| unreadable(&folder.join(name), &e.to_string()));
    let manifest_text = text("manifest.json")?;
    let manifest: Manifest = parse(folder, "manifest.json", &manifest_text)?;
    if manifest.format > FORMAT {
        return Err(Diagnostic::error(
            "run-format",
            format!(
                "`{}` has layout {}, this recount {} reads up to {FORMAT}",
                folder.display(),
                manifest.format,
                env!("CARGO_PKG_VERSION")
            ),
        )
        .help(format!("read it with recount {} or later", manifest.recount))
        .into());
    }
    let hash = super::sha256(manifest_text.as_bytes());
    let frame = |name: &str| -> Result<Frame<'static>, Diagnostics> {
        let path = folder.join(format!("{name}.parquet"));
        let file = File::open(&path).map_err(|e| unreadable(&path, &e.to_string()))?;
        let (frame, found) = Frame::read(file).map_err(|e| unreadable(&path, &e.to_string()))?;
        if found.as_deref() != Some(&hash) {
            return Err(Diagnostic::error("run-mixed", format!("`{}` belongs to another run than the manifest beside it", path.display()))
                .note(format!("manifest {hash}, file {}", found.as_deref().unwrap_or("without a hash")))
                .help("restore the folder from its copy, or run again into an empty place")
                .into());
        }
        Ok(frame)
    };
    let mut findings: Vec<Finding> = details(folder, "findings.parquet", &frame("findings")?)?;
    let positions: BTreeMap<String, usize> = findings.iter().enumerate().map(|(i, f)| (f.key.clone(), i)).collect();
    for (key, row) in evidence(folder, &frame("evidence")?)? {
        let finding = positions.get(&key).and_then(|&i| findings.get_mut(i));
        finding
            .ok_or_else(|| {
                unreadable(&folder.join("evidence.parquet"), &format!("evidence of `{key}`, which findings.parquet does not hold"))
            })?
            .evidence
            .push(row);
    }
    let context: Context = parse(folder, "context.json", &text("context.json")?)?;
    let mut inputs = vec![];
    for path in context.inputs {
        inputs.push(InputText { text: text(&input_path(&path))?, path });
    }
    Ok(RunContent {
        manifest,
        outcomes: details(folder, "outcomes.parquet", &frame("outcomes")?)?,
        findings: findings.into(),
        rules: context.rules,
        cases: details(folder, "cases.parquet", &frame("cases")?)?,
        visits: context.visits,
        receipts: context.receipts,
        rejected: details(folder, "rejected.parquet", &frame("rejected")?)?,
        places: context.places,
        populations: context.populations,
        inputs,
    })
}

fn parse<'de, T: Deserialize<'de>>(folder: &Path, name: &str, text: &'de str) -> Result<T, Diagnostics> {
    serde_json::from_str(text).map_err(|e| unreadable(&folder.join(name), &e.to_string()))
}

fn details<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str, frame: &Frame<'_>) -> Result<Vec<T>, Diagnostics> {
    let column = frame.text("detail").map_err(|e| unreadable(&folder.join(name), &e.to_string()))?;
    column.iter().map(|d| parse(folder, name, d.as_deref().unwrap_or_default())).collect()
}

fn evidence(folder: &Path, frame: &Frame<'_>) -> Result<Vec<(String, EvidenceRow)>, Diagnostics> {
    let name = "evidence.parquet";
    let bad = |what: &str| unreadable(&folder.join(name), what);
    let text = |column: &str| frame.text(column).map_err(|e| bad(&e.to_string()));
    let (finding, table, role, file, sheet) = (text("finding")?, text("table_name")?, text("role")?, text("file")?, text("sheet")?);
    let (keys, cells) = (text("record_key")?, text("cells")?);
    let Some((_, Cells::Int(line))) = frame.0.iter().find(|(n, _)| n == "line") else { return Err(bad("no column `line`")) };
    let name_of = |text: &Option<Cow<'_, str>>| Name::from(text.as_deref().unwrap_or_default());
    (0..frame.rows())
        .map(|i| {
            let key: Vec<(Name, Value)> = parse(folder, name, keys[i].as_deref().unwrap_or_default())?;
            let cells: Vec<Cell> = parse(folder, name, cells[i].as_deref().unwrap_or_default())?;
            let row = EvidenceRow {
                table: name_of(&table[i]),
                role: name_of(&role[i]),
                file: name_of(&file[i]),
                sheet: sheet[i].as_ref().map(|_| name_of(&sheet[i])),
                line: line[i].and_then(|l| u32::try_from(l).ok()).unwrap_or(0),
                key,
                cells,
            };
            Ok((finding[i].as_deref().unwrap_or_default().to_owned(), row))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::input_path;

    #[test]
    fn inputs_never_leave_the_folder() {
        assert_eq!(input_path("rules/a.yaml"), "inputs/rules/a.yaml");
        assert_eq!(input_path("../../etc/x"), "inputs/up/up/etc/x");
        assert_eq!(input_path("/etc/x"), "inputs/etc/x");
        assert_eq!(input_path("C:\\rules\\a.yaml"), "inputs/rules/a.yaml");
    }
}
