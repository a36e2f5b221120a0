//! The ledger for the desk: a workbook with cases, findings and outcomes, ready to filter.

use std::collections::BTreeMap;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError};

use super::show::Show;
use super::words::{fill, word};
use super::{Options, view};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::finding::{Count, ExemptionResult, Finding, Status};
use crate::run::{RunContent, severity_name, status_name};
use crate::schema::{self, Value, dates};

/// Rows of a sheet below its header; what is beyond is in findings.parquet.
const ROWS: usize = 1_000_000;
/// Characters Excel takes in a cell.
const CELL: usize = 32_000;

/// A column: its title (a catalogue key) and width in characters.
type Columns = &'static [(&'static str, f64)];

struct Sheet<'w> {
    sheet: &'w mut Worksheet,
    formats: &'w Formats,
    row: u32,
    column: u16,
}

struct Formats {
    head: Format,
    text: Format,
    wrap: Format,
    count: Format,
    money: Format,
    date: Format,
}

impl Formats {
    fn new() -> Self {
        let base = || Format::new().set_font_size(10).set_align(FormatAlign::Top);
        Formats {
            head: base().set_bold().set_text_wrap().set_border_bottom(FormatBorder::Medium),
            text: base(),
            wrap: base().set_text_wrap(),
            count: base().set_num_format("#,##0"),
            money: base().set_num_format("#,##0.00"),
            date: base().set_num_format("yyyy-mm-dd"),
        }
    }
}

type Done = Result<(), XlsxError>;

impl<'w> Sheet<'w> {
    fn start(book: &'w mut Workbook, formats: &'w Formats, options: &Options, name: &str, columns: Columns) -> Result<Self, XlsxError> {
        let sheet = book.add_worksheet();
        sheet.set_name(word(options.lang, name))?;
        sheet.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
        sheet.set_freeze_panes(1, 2)?;
        for (i, (title, width)) in (0u16..).zip(columns) {
            sheet.set_column_width(i, *width)?;
            sheet.write_string_with_format(0, i, word(options.lang, title), &formats.head)?;
        }
        Ok(Sheet { sheet, formats, row: 0, column: 0 })
    }
    fn next_row(&mut self) {
        self.row += 1;
        self.column = 0;
    }
    fn skip(&mut self) {
        self.column += 1;
    }
    fn text(&mut self, text: &str) -> Done {
        self.put(text, false)
    }
    fn wrapped(&mut self, text: &str) -> Done {
        self.put(text, true)
    }
    fn put(&mut self, text: &str, wrap: bool) -> Done {
        if !text.is_empty() {
            let cut: String;
            let text = if text.chars().count() > CELL {
                cut = text.chars().take(CELL).collect();
                &cut
            } else {
                text
            };
            self.sheet.write_string_with_format(self.row, self.column, text, if wrap { &self.formats.wrap } else { &self.formats.text })?;
        }
        self.skip();
        Ok(())
    }
    fn count(&mut self, n: u64) -> Done {
        self.sheet.write_number_with_format(self.row, self.column, n as f64, &self.formats.count)?;
        self.skip();
        Ok(())
    }
    /// Fen, as a number of yuan.
    fn money(&mut self, fen: Option<i128>) -> Done {
        if let Some(fen) = fen {
            self.sheet.write_number_with_format(self.row, self.column, fen as f64 / 100.0, &self.formats.money)?;
        }
        self.skip();
        Ok(())
    }
    fn date(&mut self, days: Option<i32>) -> Done {
        if let Some(days) = days {
            match excel_date(days) {
                Some(date) => {
                    self.sheet.write_datetime_with_format(self.row, self.column, &date, &self.formats.date)?;
                }
                None => return self.text(&schema::format(&Value::Date(days))),
            }
        }
        self.skip();
        Ok(())
    }
    fn finish(self, columns: Columns) -> Done {
        let last = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0);
        self.sheet.autofilter(0, 0, self.row.max(1), last)?;
        Ok(())
    }
}

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

fn write(content: &RunContent, options: &Options) -> Result<Vec<u8>, XlsxError> {
    let formats = Formats::new();
    let mut book = Workbook::new();
    let mut properties = DocProperties::new().set_title(word(options.lang, "title"));
    // The run's own date, not the clock's: the same run gives the same file.
    let made = excel_date(content.manifest.as_of).map_or_else(|| ExcelDateTime::from_ymd(2000, 1, 1), Ok)?;
    properties = properties.set_creation_datetime(&made);
    book.set_properties(&properties);
    let (report, _) = view::Report::new(content, options);
    let show = &report.show;

    let mut sheet = Sheet::start(&mut book, &formats, options, "ledger_cases", CASES)?;
    for (i, case) in content.cases.iter().enumerate().take(ROWS) {
        sheet.next_row();
        let rules = case.findings.iter().filter_map(|&f| report.brief(f)).map(|f| f.rule.as_str());
        let rules: std::collections::BTreeSet<&str> = rules.collect();
        sheet.count(case.rank)?;
        sheet.text(&case.number)?;
        sheet.text(&show.word(&format!("severity_{}", severity_name(case.severity))))?;
        sheet.count(case.score.total.into())?;
        sheet.text(&show.subject(&case.subject))?;
        sheet.text(&show.place(case.region))?;
        sheet.text(&case.region.map(|r| schema::format(&Value::Region(r))).unwrap_or_default())?;
        sheet.money(case.amount)?;
        sheet.count(case.findings.len() as u64)?;
        sheet.wrapped(&rules.iter().map(|r| report.rule_title(r)).collect::<Vec<_>>().join("\n"))?;
        sheet.wrapped(
            &case.findings.first().and_then(|&f| content.findings.told(f)).map(|f| show.message(&f.message)).unwrap_or_default(),
        )?;
        sheet.wrapped(&case.also.iter().map(|s| show.subject(s)).collect::<Vec<_>>().join("\n"))?;
        match content.visits.is_some() {
            true => sheet.text(&show.word(if report.visited.contains(&i) { "yes" } else { "no" }))?,
            false => sheet.skip(),
        }
    }
    sheet.finish(CASES)?;

    let mut case_of: BTreeMap<usize, &str> = BTreeMap::new();
    for case in &content.cases {
        case_of.extend(case.findings.iter().chain(&case.exempt).map(|&i| (i, case.number.as_str())));
    }
    let mut sheet = Sheet::start(&mut book, &formats, options, "ledger_findings", FINDINGS)?;
    for (i, f) in content.findings.iter().enumerate().take(ROWS) {
        sheet.next_row();
        sheet.text(case_of.get(&i).copied().unwrap_or_default())?;
        finding_row(&mut sheet, &report, show, &f)?;
    }
    if content.findings.len() > ROWS {
        sheet.next_row();
        sheet.text(&fill(options.lang, "ledger_cut", &[("n", &ROWS.to_string()), ("total", &content.findings.len().to_string())]))?;
    }
    sheet.finish(FINDINGS)?;

    let mut sheet = Sheet::start(&mut book, &formats, options, "ledger_outcomes", OUTCOMES)?;
    for o in &content.outcomes {
        sheet.next_row();
        sheet.text(&o.rule)?;
        sheet.text(&report.rule_title(&o.rule))?;
        sheet.text(&show.word(&format!("status_{}", status_name(&o.status))))?;
        sheet.wrapped(&match &o.status {
            Status::Completed => String::new(),
            Status::Quarantined { reason } | Status::Skipped { reason } | Status::Failed { reason } => show.said(reason),
        })?;
        sheet.wrapped(&show.said(&o.unit))?;
        let parts: [Count; 5] = [o.population, o.flagged, o.clear, o.exempt, o.not_assessable];
        for part in parts {
            sheet.count(part.units)?;
        }
        for part in parts {
            sheet.money(part.money)?;
        }
    }
    sheet.finish(OUTCOMES)?;
    book.save_to_buffer()
}

fn finding_row(sheet: &mut Sheet<'_>, report: &view::Report<'_>, show: &Show<'_>, f: &Finding) -> Done {
    sheet.text(&show.word(&format!("severity_{}", severity_name(f.severity))))?;
    sheet.text(&f.rule)?;
    sheet.text(&report.rule_title(&f.rule))?;
    sheet.wrapped(&f.subjects.iter().map(|s| show.subject(s)).collect::<Vec<_>>().join("\n"))?;
    sheet.text(&show.place(f.region))?;
    sheet.text(&f.region.map(|r| schema::format(&Value::Region(r))).unwrap_or_default())?;
    sheet.date(f.date)?;
    sheet.text(&f.period.as_ref().map(|p| show.value(p)).unwrap_or_default())?;
    sheet.money(f.amount.map(i128::from))?;
    sheet.wrapped(&show.message(&f.message))?;
    let holds: Vec<&str> = f.exemptions.iter().filter(|e| e.result == ExemptionResult::Holds).map(|e| show.local(&e.says)).collect();
    sheet.wrapped(&match (f.exempt, holds.is_empty()) {
        (false, _) => String::new(),
        (true, true) => show.word("yes"),
        (true, false) => holds.join("\n"),
    })?;
    let first = f.evidence.first().map(|e| {
        let key: Vec<String> = e.key.iter().map(|(_, v)| show.value(v)).collect();
        format!("{} {} ({}:{})", e.table, key.join("/"), e.file, e.line)
    });
    sheet.text(&first.unwrap_or_default())?;
    sheet.text(&f.key)
}
