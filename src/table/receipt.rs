//! The delivery receipt: what the files hold, against what their sender says.

use rayon::prelude::*;

use super::build::LISTED_REJECTED;
use super::plan::TablePlan;
use super::{Column, ColumnReceipt, ControlCheck, Data, FileReceipt, Origin, Receipt};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{MoneyUnit, SemanticType, Type, Value, format, number};

#[derive(Debug, Default)]
pub(super) struct Duplicates {
    pub records: u64,
    pub by_file: Vec<u64>,
}

pub(super) fn build(
    plan: &TablePlan,
    columns: &[Column],
    origin: &Origin,
    rows: usize,
    ragged: u64,
    rejected_cells: &[Vec<u64>],
    duplicates: &Duplicates,
) -> Receipt {
    let files = origin
        .files
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
        columns: columns.par_iter().map(|c| column(c, rows)).collect(),
        duplicate_keys: duplicates.records,
        ragged,
        checks: vec![],
    };
    receipt.checks = checks(plan, columns, &receipt);
    receipt
}

fn column(column: &Column, rows: usize) -> ColumnReceipt {
    let without = column.valid.as_ref().map_or(0, |v| rows - v.count_ones()) as u64;
    let rejected = column.bad.as_ref().map_or(0, super::Bits::count_ones) as u64;
    let mut receipt = ColumnReceipt {
        column: column.name.clone(),
        empty: without - rejected,
        rejected,
        sum: None,
        first: None,
        last: None,
        distinct: None,
    };
    match (&column.data, column.value_type()) {
        // Slots without a value hold 0 and so add nothing.
        (Data::I64(values), Type::Money) => receipt.sum = Some(sum_text(values.par_iter().map(|&v| i128::from(v)).sum())),
        (Data::I32(values), ty @ (Type::Date | Type::Month)) => {
            let present = || values.par_iter().enumerate().filter(|(row, _)| column.is_valid(*row)).map(|(_, v)| *v);
            let text = |v: i32| format(&if ty == Type::Month { Value::Month(v) } else { Value::Date(v) });
            receipt.first = present().min().map(text);
            receipt.last = present().max().map(text);
        }
        (Data::I64(values), Type::Region) => {
            let mut seen: Vec<i64> = values.iter().enumerate().filter(|(row, _)| column.is_valid(*row)).map(|(_, v)| *v).collect();
            seen.par_sort_unstable();
            seen.dedup();
            receipt.distinct = Some(seen.len() as u64);
        }
        _ => {}
    }
    receipt
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

fn checks(plan: &TablePlan, columns: &[Column], receipt: &Receipt) -> Vec<ControlCheck> {
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
        let Some(column) = columns.iter().find(|c| c.name == name.value) else { continue };
        let Data::I64(values) = &column.data else { continue };
        let found: i128 = values.par_iter().map(|&v| i128::from(v)).sum();
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
