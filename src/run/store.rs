//! The files of a run folder and their reading back. Tables carry plain columns for people and machines, and one column
//! `detail` (JSON) from which the record is read back exactly.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::folder::{Sink, unreadable};
use super::frame::{Cells, Frame};
use super::{FORMAT, InputText, Manifest, Place, Population, Receipt, Rejected, RunContent};
use crate::case::{RuleCard, VisitPlan};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::finding::{Cell, Count, EvidenceRow, Finding, Message, Piece, Severity, Status};
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
    let pieces = message.get(lang)?;
    Some(
        pieces
            .iter()
            .map(|p| match p {
                Piece::Text(text) => text.clone(),
                Piece::Value(value) => schema::format(value),
            })
            .collect(),
    )
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

fn findings_frame(content: &RunContent) -> Frame {
    let mut case_of: BTreeMap<usize, &str> = BTreeMap::new();
    for case in &content.cases {
        case_of.extend(case.findings.iter().chain(&case.exempt).map(|&i| (i, case.number.as_str())));
    }
    let all = &content.findings;
    let text = |f: &dyn Fn(usize, &Finding) -> Option<String>| Cells::Text(all.iter().enumerate().map(|(i, x)| f(i, x)).collect());
    let langs: std::collections::BTreeSet<&String> = all.iter().flat_map(|f| f.message.keys()).collect();
    let mut frame = Frame::default()
        .with("key", text(&|_, f| Some(f.key.clone())))
        .with("rule", text(&|_, f| Some(f.rule.clone())))
        .with("severity", text(&|_, f| Some(severity_name(f.severity).to_owned())))
        .with("exempt", Cells::Bool(all.iter().map(|f| Some(f.exempt)).collect()))
        .with("case_number", text(&|i, _| case_of.get(&i).map(|n| (*n).to_owned())))
        .with("subject_entity", text(&|_, f| f.subjects.first().map(|s| s.entity.clone())))
        .with("subject", text(&|_, f| f.subjects.first().and_then(|s| cell_text(&s.value))))
        .with("region", text(&|_, f| f.region.map(|r| schema::format(&Value::Region(r)))))
        .with("date", Cells::Date(all.iter().map(|f| f.date).collect()))
        .with("period", text(&|_, f| f.period.as_ref().and_then(cell_text)))
        .with("amount_fen", Cells::Int(all.iter().map(|f| f.amount).collect()))
        .with("measure", text(&|_, f| f.measure.as_ref().and_then(cell_text)))
        .with("evidence_rows", Cells::Int(all.iter().map(|f| count(f.evidence.len() as u64 + f.evidence_omitted)).collect()))
        .with("records_hash", text(&|_, f| Some(f.records_hash.clone())))
        .with("flag_hash", text(&|_, f| Some(f.flag_hash.clone())));
    for lang in langs {
        frame = frame.with(
            &format!("message_{}", lang.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
            text(&|_, f| message_text(&f.message, lang)),
        );
    }
    frame.with("detail", text(&|_, f| Some(json(&Finding { evidence: vec![], ..f.clone() }))))
}

fn evidence_frame(findings: &[Finding]) -> Frame {
    let all: Vec<(&Finding, usize, &EvidenceRow)> =
        findings.iter().flat_map(|f| f.evidence.iter().enumerate().map(move |(i, e)| (f, i, e))).collect();
    let text = |f: &dyn Fn(&(&Finding, usize, &EvidenceRow)) -> Option<String>| Cells::Text(all.iter().map(f).collect());
    Frame::default()
        .with("finding", text(&|(f, _, _)| Some(f.key.clone())))
        .with("position", Cells::Int(all.iter().map(|(_, i, _)| count(*i as u64)).collect()))
        .with("table_name", text(&|(_, _, e)| Some(e.table.clone())))
        .with("role", text(&|(_, _, e)| Some(e.role.clone())))
        .with("file", text(&|(_, _, e)| Some(e.file.clone())))
        .with("sheet", text(&|(_, _, e)| e.sheet.clone()))
        .with("line", Cells::Int(all.iter().map(|(_, _, e)| Some(i64::from(e.line))).collect()))
        .with("record", text(&|(_, _, e)| Some(e.key.iter().map(|(_, v)| schema::format(v)).collect::<Vec<_>>().join("/"))))
        .with("record_key", text(&|(_, _, e)| Some(json(&e.key))))
        .with("cells", text(&|(_, _, e)| Some(json(&e.cells))))
}

fn cases_frame(content: &RunContent) -> Frame {
    let all = &content.cases;
    let text = |f: &dyn Fn(&crate::case::Case) -> Option<String>| Cells::Text(all.iter().map(f).collect());
    Frame::default()
        .with("number", text(&|c| Some(c.number.clone())))
        .with("rank", Cells::Int(all.iter().map(|c| count(c.rank)).collect()))
        .with("subject_entity", text(&|c| Some(c.subject.entity.clone())))
        .with("subject", text(&|c| cell_text(&c.subject.value)))
        .with("region", text(&|c| c.region.map(|r| schema::format(&Value::Region(r)))))
        .with("severity", text(&|c| Some(severity_name(c.severity).to_owned())))
        .with("score", Cells::Int(all.iter().map(|c| Some(i64::from(c.score.total))).collect()))
        .with("amount_fen", Cells::Int(all.iter().map(|c| small(c.amount)).collect()))
        .with("findings", Cells::Int(all.iter().map(|c| count(c.findings.len() as u64)).collect()))
        .with("exempt", Cells::Int(all.iter().map(|c| count(c.exempt.len() as u64)).collect()))
        .with("detail", text(&|c| Some(json(c))))
}

fn outcomes_frame(content: &RunContent) -> Frame {
    let all = &content.outcomes;
    let mut frame = Frame::default()
        .with("rule", Cells::Text(all.iter().map(|o| Some(o.rule.clone())).collect()))
        .with("status", Cells::Text(all.iter().map(|o| Some(status_name(&o.status).to_owned())).collect()))
        .with(
            "reason",
            Cells::Text(
                all.iter()
                    .map(|o| match &o.status {
                        Status::Completed => None,
                        Status::Quarantined { reason } | Status::Skipped { reason } | Status::Failed { reason } => Some(reason.clone()),
                    })
                    .collect(),
            ),
        )
        .with("unit", Cells::Text(all.iter().map(|o| Some(o.unit.clone())).collect()));
    let parts: [(&str, &dyn Fn(&crate::finding::Outcome) -> Count); 5] = [
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
    frame.with("detail", Cells::Text(all.iter().map(|o| Some(json(o))).collect()))
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

fn rejected_frame(all: &[Rejected]) -> Frame {
    let text = |f: &dyn Fn(&Rejected) -> Option<String>| Cells::Text(all.iter().map(f).collect());
    Frame::default()
        .with("table_name", text(&|r| Some(r.table.clone())))
        .with("file", text(&|r| Some(r.file.clone())))
        .with("sheet", text(&|r| r.sheet.clone()))
        .with("line", Cells::Int(all.iter().map(|r| count(r.line)).collect()))
        .with("column_name", text(&|r| r.column.clone()))
        .with("delivered", text(&|r| Some(r.delivered.clone())))
        .with("problem", text(&|r| Some(r.problem.clone())))
        .with("detail", text(&|r| Some(json(r))))
}

/// Writes everything but the manifest, the journal and the rendered files.
pub(super) fn write_content(content: &RunContent, hash: &str, sink: &mut Sink<'_>) -> Result<(), Diagnostics> {
    for (name, frame) in [
        ("outcomes", outcomes_frame(content)),
        ("findings", findings_frame(content)),
        ("evidence", evidence_frame(&content.findings)),
        ("cases", cases_frame(content)),
        ("rejected", rejected_frame(&content.rejected)),
    ] {
        sink.parquet(name, &frame, hash)?;
    }
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
    let frame = |name: &str| -> Result<Frame, Diagnostics> {
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
        findings,
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

fn details<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str, frame: &Frame) -> Result<Vec<T>, Diagnostics> {
    let column = frame.text("detail").map_err(|e| unreadable(&folder.join(name), &e.to_string()))?;
    column.iter().map(|d| parse(folder, name, d.as_deref().unwrap_or_default())).collect()
}

fn evidence(folder: &Path, frame: &Frame) -> Result<Vec<(String, EvidenceRow)>, Diagnostics> {
    let name = "evidence.parquet";
    let bad = |what: &str| unreadable(&folder.join(name), what);
    let text = |column: &str| frame.text(column).map_err(|e| bad(&e.to_string()));
    let (finding, table, role, file, sheet) = (text("finding")?, text("table_name")?, text("role")?, text("file")?, text("sheet")?);
    let (keys, cells) = (text("record_key")?, text("cells")?);
    let Some((_, Cells::Int(line))) = frame.0.iter().find(|(n, _)| n == "line") else { return Err(bad("no column `line`")) };
    (0..frame.rows())
        .map(|i| {
            let key: Vec<(String, Value)> = parse(folder, name, keys[i].as_deref().unwrap_or_default())?;
            let cells: Vec<Cell> = parse(folder, name, cells[i].as_deref().unwrap_or_default())?;
            let row = EvidenceRow {
                table: table[i].clone().unwrap_or_default(),
                role: role[i].clone().unwrap_or_default(),
                file: file[i].clone().unwrap_or_default(),
                sheet: sheet[i].clone(),
                line: line[i].and_then(|l| u32::try_from(l).ok()).unwrap_or(0),
                key,
                cells,
            };
            Ok((finding[i].clone().unwrap_or_default(), row))
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
