//! The ledger for the desk: a workbook with cases, findings and outcomes, ready to filter.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

use super::sheet::{Columns, Done, Fault, Layout, Sheet, pack};
use super::show::Show;
use super::words::{fill, word};
use super::{Options, view};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::finding::{Count, ExemptionResult, Finding, Status};
use crate::run::{RunContent, severity_name, status_name};
use crate::schema::{self, Value, dates};

/// Rows of a sheet below its header; what is beyond is in findings.parquet.
const ROWS: usize = 1_000_000;

/// Excel counts from 1900; earlier days stay text.
fn excel_date(days: i32) -> Option<ExcelDateTime> {
    let (year, month, day) = dates::civil_from_days(days);
    ExcelDateTime::from_ymd(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?).ok()
}

const CASES: Columns = &[
    ("rank", 6.0),
    ("case", 11.0),
    ("severity", 9.0),
    ("score", 7.0),
    ("subject", 22.0),
    ("place", 26.0),
    ("region_code", 14.0),
    ("amount_yuan", 13.0),
    ("findings_short", 9.0),
    ("rule", 34.0),
    ("message", 60.0),
    ("also", 30.0),
    ("visit", 7.0),
    ("verdict", 14.0),
    ("verdict_by", 12.0),
    ("verdict_on", 11.0),
];
const FINDINGS: Columns = &[
    ("case", 11.0),
    ("severity", 9.0),
    ("rule", 28.0),
    ("rule_title", 28.0),
    ("subject", 24.0),
    ("place", 26.0),
    ("region_code", 14.0),
    ("date", 11.0),
    ("period", 10.0),
    ("amount_yuan", 13.0),
    ("message", 60.0),
    ("exempt", 24.0),
    ("first_record", 36.0),
    ("finding_key", 34.0),
];
const OUTCOMES: Columns = &[
    ("rule", 28.0),
    ("rule_title", 30.0),
    ("status", 12.0),
    ("reason", 40.0),
    ("unit", 34.0),
    ("population", 11.0),
    ("flagged", 9.0),
    ("clear", 11.0),
    ("exempt", 9.0),
    ("not_assessable", 13.0),
    ("money", 15.0),
    ("flagged", 13.0),
    ("clear", 15.0),
    ("exempt", 13.0),
    ("not_assessable", 13.0),
];

/// The workbook's bytes: equal content gives equal bytes.
pub fn ledger(content: &RunContent, options: &Options) -> Result<Vec<u8>, Diagnostics> {
    write(content, options).map_err(|e| Diagnostic::error("internal", format!("the ledger could not be written: {e}")).into())
}

fn write(content: &RunContent, options: &Options) -> Result<Vec<u8>, Fault> {
    let mut book = Workbook::new();
    let mut properties = DocProperties::new().set_title(word(options.lang, "title"));
    // The run's own date, not the clock's: the same run gives the same file.
    let made = excel_date(content.manifest.as_of).map_or_else(|| ExcelDateTime::from_ymd(2000, 1, 1), Ok)?;
    properties = properties.set_creation_datetime(&made);
    book.set_properties(&properties);
    let cut = content.findings.len() > ROWS;
    let layouts = [
        Layout { name: "ledger_cases", columns: CASES, rows: content.cases.len().min(ROWS) },
        Layout { name: "ledger_findings", columns: FINDINGS, rows: content.findings.len().min(ROWS) + usize::from(cut) },
        Layout { name: "ledger_outcomes", columns: OUTCOMES, rows: content.outcomes.len() },
    ];
    let (report, _) = view::Report::new(content, options);
    pack(book, &layouts, options.lang, |number, sheet| match number {
        0 => cases(sheet, &report),
        1 => findings(sheet, &report),
        _ => outcomes(sheet, &report),
    })
}

fn cases(sheet: &mut Sheet<'_>, report: &view::Report<'_>) -> Done {
    let (content, show) = (report.content, &report.show);
    for (i, case) in content.cases.iter().enumerate().take(ROWS) {
        sheet.next_row()?;
        let rules = case.findings.iter().filter_map(|&f| report.brief(f)).map(|f| f.rule.as_str());
        let rules: std::collections::BTreeSet<&str> = rules.collect();
        sheet.count(case.rank);
        sheet.text(&case.number);
        sheet.text(&show.word(&format!("severity_{}", severity_name(case.severity))));
        sheet.count(case.score.total.into());
        sheet.text(&show.subject(&case.subject));
        sheet.text(&show.place(case.region));
        sheet.text(&case.region.map(|r| schema::format(&Value::Region(r))).unwrap_or_default());
        sheet.money(case.amount);
        sheet.count(case.findings.len() as u64);
        sheet.wrapped(&rules.iter().map(|r| report.rule_title(r)).collect::<Vec<_>>().join("\n"));
        let first = case.findings.first().and_then(|&f| content.findings.told(f));
        sheet.wrapped(&first.map(|f| show.message(&f.message)).unwrap_or_default());
        sheet.wrapped(&case.also.iter().map(|s| show.subject(s)).collect::<Vec<_>>().join("\n"));
        match content.visits.is_some() {
            true => sheet.text(&show.word(if report.visited.contains(&i) { "yes" } else { "no" })),
            false => sheet.skip(),
        }
    }
    Ok(())
}

fn findings(sheet: &mut Sheet<'_>, report: &view::Report<'_>) -> Done {
    let content = report.content;
    let mut case_of: Vec<Option<&str>> = vec![None; content.findings.len()];
    for case in &content.cases {
        for &i in case.findings.iter().chain(&case.exempt) {
            case_of[i] = Some(&case.number);
        }
    }
    for (f, case) in content.findings.iter().zip(case_of).take(ROWS) {
        sheet.next_row()?;
        sheet.text(case.unwrap_or_default());
        finding_row(sheet, report, &report.show, &f);
    }
    if content.findings.len() > ROWS {
        sheet.next_row()?;
        let counts = [("n", &*ROWS.to_string()), ("total", &*content.findings.len().to_string())];
        sheet.text(&fill(report.options.lang, "ledger_cut", &counts));
    }
    Ok(())
}

fn outcomes(sheet: &mut Sheet<'_>, report: &view::Report<'_>) -> Done {
    let show = &report.show;
    for o in &report.content.outcomes {
        sheet.next_row()?;
        sheet.text(&o.rule);
        sheet.text(&report.rule_title(&o.rule));
        sheet.text(&show.word(&format!("status_{}", status_name(&o.status))));
        sheet.wrapped(&match &o.status {
            Status::Completed => String::new(),
            Status::Quarantined { reason } | Status::Skipped { reason } | Status::Failed { reason } => show.said(reason),
        });
        sheet.wrapped(&show.said(&o.unit));
        let parts: [Count; 5] = [o.population, o.flagged, o.clear, o.exempt, o.not_assessable];
        for part in parts {
            sheet.count(part.units);
        }
        for part in parts {
            sheet.money(part.money);
        }
    }
    Ok(())
}

fn finding_row(sheet: &mut Sheet<'_>, report: &view::Report<'_>, show: &Show<'_>, f: &Finding) {
    sheet.text(&show.word(&format!("severity_{}", severity_name(f.severity))));
    sheet.text(&f.rule);
    sheet.text(&report.rule_title(&f.rule));
    sheet.wrapped(&f.subjects.iter().map(|s| show.subject(s)).collect::<Vec<_>>().join("\n"));
    sheet.text(&show.place(f.region));
    sheet.text(&f.region.map(|r| schema::format(&Value::Region(r))).unwrap_or_default());
    sheet.date(f.date);
    sheet.text(&f.period.as_ref().map(|p| show.value(p)).unwrap_or_default());
    sheet.money(f.amount.map(i128::from));
    sheet.wrapped(&show.message(&f.message));
    let holds: Vec<&str> = f.exemptions.iter().filter(|e| e.result == ExemptionResult::Holds).map(|e| show.local(&e.says)).collect();
    sheet.wrapped(&match (f.exempt, holds.is_empty()) {
        (false, _) => String::new(),
        (true, true) => show.word("yes"),
        (true, false) => holds.join("\n"),
    });
    let first = f.evidence.first().map(|e| {
        let key: Vec<String> = e.key.iter().map(|(_, v)| show.value(v)).collect();
        format!("{} {} ({}:{})", e.table, key.join("/"), e.file, e.line)
    });
    sheet.text(&first.unwrap_or_default());
    sheet.text(&f.key);
}
