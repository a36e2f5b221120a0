//! The delivery receipt: what the files hold, against what their sender says.

use rayon::prelude::*;

use super::build::LISTED_REJECTED;
use super::plan::{PlannedColumn, TablePlan};
use super::{Column, ColumnReceipt, ControlCheck, Data, FileOrigin, FileReceipt, Receipt};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{MoneyUnit, SemanticType, Type, Value, format, number};

#[derive(Debug, Default)]
pub(super) struct Duplicates {
    pub records: u64,
    pub by_file: Vec<u64>,
}

/// What a receipt says of the cells of a column, over some of its rows; further rows are added.
#[derive(Debug, Default)]
pub(super) struct Tally {
    without: u64,
    rejected: u64,
    sum: i128,
    range: Option<(i32, i32)>,
    /// Ascending, of regions.
    distinct: Vec<i64>,
}

impl Tally {
    pub fn of(column: &Column, rows: usize) -> Self {
        let mut tally = Tally {
            without: column.valid.as_ref().map_or(0, |v| rows - v.count_ones()) as u64,
            rejected: column.bad.as_ref().map_or(0, super::Bits::count_ones) as u64,
            ..Tally::default()
        };
        match (&column.data, column.value_type()) {
            (Data::I64(values), ty) => {
                // Slots without a value hold 0 and so add nothing.
                tally.sum = values.par_iter().map(|&v| i128::from(v)).sum();
                if ty == Type::Region {
                    tally.distinct = values.iter().enumerate().filter(|(row, _)| column.is_valid(*row)).map(|(_, v)| *v).collect();
                    tally.distinct.par_sort_unstable();
                    tally.distinct.dedup();
                }
            }
            (Data::I32(values), Type::Date | Type::Month) => {
                let present = values.par_iter().enumerate().filter(|(row, _)| column.is_valid(*row)).map(|(_, v)| Some((*v, *v)));
                tally.range = present.reduce(|| None, wider);
            }
            _ => {}
        }
        tally
    }
    pub fn add(&mut self, more: Tally) {
        self.without += more.without;
        self.rejected += more.rejected;
        self.sum += more.sum;
        self.range = wider(self.range, more.range);
        self.distinct.extend(more.distinct);
        self.distinct.sort_unstable();
        self.distinct.dedup();
    }
}

fn wider(a: Option<(i32, i32)>, b: Option<(i32, i32)>) -> Option<(i32, i32)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (one, other) => one.or(other),
    }
}

/// `tallies`: one per column of the plan.
pub(super) fn build(
    plan: &TablePlan,
    tallies: &[Tally],
    files: &[FileOrigin],
    rows: usize,
    ragged: u64,
    rejected_cells: &[Vec<u64>],
    duplicates: &Duplicates,
) -> Receipt {
    let files = files
        .iter()
        .enumerate()
        .map(|(i, f)| FileReceipt {
            path: f.path.clone(),
            sheet: f.sheet.clone(),
            sha256: f.sha256.clone(),
            bytes: f.bytes,
            rows: f.rows,
            rejected_cells: rejected_cells.iter().filter_map(|by_file| by_file.get(i)).sum(),
            duplicate_keys: duplicates.by_file.get(i).copied().unwrap_or(0),
        })
        .collect();
    let mut receipt = Receipt {
        table: plan.name().to_owned(),
        files,
        rows_delivered: rows as u64,
        rows: rows as u64,
        columns: plan.columns.iter().zip(tallies).map(|(planned, tally)| column(planned, tally)).collect(),
        duplicate_keys: duplicates.records,
        ragged,
        checks: vec![],
    };
    receipt.checks = checks(plan, tallies, &receipt);
    receipt
}

fn column(planned: &PlannedColumn, tally: &Tally) -> ColumnReceipt {
    let ty = planned.semantic.value_type();
    let text = |v: i32| format(&if ty == Type::Month { Value::Month(v) } else { Value::Date(v) });
    ColumnReceipt {
        column: planned.name.clone(),
        empty: tally.without - tally.rejected,
        rejected: tally.rejected,
        sum: (ty == Type::Money).then(|| sum_text(tally.sum)),
        first: tally.range.map(|(first, _)| text(first)),
        last: tally.range.map(|(_, last)| text(last)),
        distinct: (ty == Type::Region).then_some(tally.distinct.len() as u64),
    }
}

/// A sum of fen as yuan.
fn sum_text(fen: i128) -> String {
    format!("{}{}.{:02}", if fen < 0 { "-" } else { "" }, fen.unsigned_abs() / 100, fen.unsigned_abs() % 100)
}

/// The receipt as it would be had only `columns` been loaded. `rejected_cells`: by column of the receipt and file.
pub(super) fn narrow(receipt: &Receipt, columns: &[&str], rejected_cells: &[Vec<u64>]) -> Receipt {
    let mut out = receipt.clone();
    let wanted = |name: &str| columns.contains(&name);
    for (i, file) in out.files.iter_mut().enumerate() {
        let of = receipt.columns.iter().zip(rejected_cells).filter(|(c, _)| wanted(&c.column));
        file.rejected_cells = of.filter_map(|(_, by_file)| by_file.get(i)).sum();
    }
    out.columns.retain(|c| wanted(&c.column));
    out.checks.retain(|c| receipt.columns.iter().all(|column| c.what != sum_of(&column.column) || wanted(&column.column)));
    out
}

/// What the receipt gives reason to warn of; `listed`: how many rejected cells are listed.
pub(super) fn warnings(plan: &TablePlan, receipt: &Receipt, listed: usize) -> Diagnostics {
    let mut warnings = Diagnostics::default();
    for check in receipt.checks.iter().filter(|c| !c.agrees) {
        let ControlCheck { what, expected, found, .. } = check;
        let expect = plan.source.expect.as_ref();
        let span = match what.as_str() {
            "records" => expect.and_then(|e| e.rows.as_ref()?.span.clone()),
            "files" => expect.and_then(|e| e.files.as_ref()?.span.clone()),
            what => expect.and_then(|e| e.sums.iter().find(|(name, _)| sum_of(&name.value) == what)?.1.span.clone()),
        };
        warnings.push(
            Diagnostic::warning("control-total", format!("{what} of table `{}`: {expected} expected, {found} found", plan.name()))
                .at(span, "stated by the sender")
                .help("ask the sender whether the delivery is complete before reading any finding"),
        );
    }
    for column in receipt.columns.iter().filter(|c| c.rejected > 0) {
        warnings.push(
            Diagnostic::warning(
                "rejected-cells",
                format!("{} of {} cells of `{}.{}` could not be read", column.rejected, receipt.rows_delivered, plan.name(), column.column),
            )
            .at(plan.columns.iter().find(|c| c.name == column.column).and_then(|c| c.wanted.span.clone()), "")
            .note("the records are kept; rules that read the cell report them as not assessable")
            .help("the cells are listed with file and line in the report and in `rejected.parquet` of the run folder"),
        );
    }
    if listed == LISTED_REJECTED {
        warnings.push(
            Diagnostic::warning(
                "rejected-not-listed",
                format!("only the first {LISTED_REJECTED} rejected cells of table `{}` are listed", plan.name()),
            )
            .help("check the declared types of its columns against the files"),
        );
    }
    warnings
}

fn sum_of(column: &str) -> String {
    format!("sum of `{column}`")
}

fn checks(plan: &TablePlan, tallies: &[Tally], receipt: &Receipt) -> Vec<ControlCheck> {
    let mut checks = vec![];
    let Some(expect) = &plan.source.expect else { return checks };
    let mut compare = |what: &str, expected: String, found: String| {
        let agrees = expected == found;
        checks.push(ControlCheck { what: what.to_owned(), expected, found, agrees });
    };
    if let Some(rows) = &expect.rows {
        compare("records", rows.value.to_string(), receipt.rows_delivered.to_string());
    }
    if let Some(files) = &expect.files {
        compare("files", files.value.to_string(), receipt.files.len().to_string());
    }
    for (name, sum) in &expect.sums {
        let Some((column, tally)) = plan.columns.iter().zip(tallies).find(|(c, _)| c.name == name.value) else { continue };
        // Of other kinds there is nothing to add up.
        if matches!(column.semantic.value_type(), Type::Text(_) | Type::Date | Type::Month | Type::Bool) {
            continue;
        }
        let found = tally.sum;
        let what = &sum_of(&name.value);
        match column.semantic {
            SemanticType::Money(unit) => match number::parse_money(&sum.value, unit) {
                Ok(fen) => compare(what, sum_text(i128::from(fen)), sum_text(found)),
                Err(bad) => compare(what, format!("{} ({})", sum.value, bad.problem), sum_text(found)),
            },
            SemanticType::Decimal(scale) => match number::parse_decimal(&sum.value, scale) {
                Ok(units) => compare(what, units.to_string(), found.to_string()),
                Err(bad) => compare(what, format!("{} ({})", sum.value, bad.problem), found.to_string()),
            },
            _ => compare(what, sum.value.trim().replace(',', ""), found.to_string()),
        }
    }
    checks
}

/// The unit in which rule tests state money: always yuan.
pub(super) const TEST_UNIT: MoneyUnit = MoneyUnit::Yuan;
