//! The delivery receipt: what the files hold, against what their sender says.

use rayon::prelude::*;

use super::plan::TablePlan;
use super::{Column, ColumnReceipt, ControlCheck, Data, FileReceipt, Origin, Receipt};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::schema::{MoneyUnit, SemanticType, Type, Value, format, number};

#[derive(Debug, Default)]
pub(super) struct Duplicates {
    pub records: u64,
    pub by_file: Vec<u64>,
}

#[allow(clippy::too_many_arguments, reason = "all that is known of a delivery, once")]
pub(super) fn build(
    plan: &TablePlan,
    columns: &[Column],
    origin: &Origin,
    rows: usize,
    ragged: u64,
    rejected_cells: &[u64],
    duplicates: &Duplicates,
    warnings: &mut Diagnostics,
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
            rejected_cells: rejected_cells.get(i).copied().unwrap_or(0),
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
    receipt.checks = checks(plan, columns, &receipt, warnings);
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

fn checks(plan: &TablePlan, columns: &[Column], receipt: &Receipt, warnings: &mut Diagnostics) -> Vec<ControlCheck> {
    let mut checks = vec![];
    let Some(expect) = &plan.source.expect else { return checks };
    let mut compare = |what: String, expected: String, found: String, span: Option<Span>| {
        let agrees = expected == found;
        if !agrees {
            warnings.push(
                Diagnostic::warning("control-total", format!("{what} of table `{}`: {expected} expected, {found} found", plan.name()))
                    .at(span, "stated by the sender")
                    .help("ask the sender whether the delivery is complete before reading any finding"),
            );
        }
        checks.push(ControlCheck { what, expected, found, agrees });
    };
    if let Some(rows) = &expect.rows {
        compare("records".to_owned(), rows.value.to_string(), receipt.rows_delivered.to_string(), rows.span.clone());
    }
    if let Some(files) = &expect.files {
        compare("files".to_owned(), files.value.to_string(), receipt.files.len().to_string(), files.span.clone());
    }
    for (name, sum) in &expect.sums {
        let Some(column) = columns.iter().find(|c| c.name == name.value) else { continue };
        let Data::I64(values) = &column.data else { continue };
        let found: i128 = values.par_iter().map(|&v| i128::from(v)).sum();
        let what = format!("sum of `{}`", name.value);
        match column.semantic {
            SemanticType::Money(unit) => match number::parse_money(&sum.value, unit) {
                Ok(fen) => compare(what, sum_text(i128::from(fen)), sum_text(found), sum.span.clone()),
                Err(bad) => compare(what, format!("{} ({})", sum.value, bad.problem), sum_text(found), sum.span.clone()),
            },
            SemanticType::Decimal(scale) => match number::parse_decimal(&sum.value, scale) {
                Ok(units) => compare(what, units.to_string(), found.to_string(), sum.span.clone()),
                Err(bad) => compare(what, format!("{} ({})", sum.value, bad.problem), found.to_string(), sum.span.clone()),
            },
            _ => compare(what, sum.value.trim().replace(',', ""), found.to_string(), sum.span.clone()),
        }
    }
    checks
}

/// The unit in which rule tests state money: always yuan.
pub(super) const TEST_UNIT: MoneyUnit = MoneyUnit::Yuan;
