//! Reading the rows alone that can matter: simple conditions that are told to a load. From the store, row groups and pages whose
//! statistics rule them out are not read; what is read is tested row by row, so the rows are those that meet all conditions, no others.

use std::cmp::Ordering;

use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use rayon::prelude::*;

use super::packed::{PAGE, Ranges, read_i32, read_i64};
use super::{Bits, Column, Data, Table};
use crate::diagnostic::Diagnostic;
use crate::schema::Value;
use crate::source::Columnar;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    /// The row has no value in the column; the condition's own value says nothing.
    Missing,
    /// The row has a value in the column.
    Present,
}

impl Compare {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Compare::Equal => order.is_eq(),
            Compare::Less => order.is_lt(),
            Compare::AtMost => order.is_le(),
            Compare::Greater => order.is_gt(),
            Compare::AtLeast => order.is_ge(),
            Compare::Missing => false,
            Compare::Present => true,
        }
    }
}

/// A column compared with a constant of its own type. Rows without a value (missing or unreadable) meet `Missing` alone; a date of which only
/// the month is known counts as the first of the month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub column: String,
    pub compare: Compare,
    pub value: Value,
}

/// Closed range of numbers; empty where `0 > 1`.
pub(super) type Span = (i64, i64);

const NOTHING: Span = (0, -1);

impl Condition {
    /// Values of the packed column that meet it; texts by the codes that `texts` says are below and equal.
    pub(super) fn span(&self, texts: impl FnOnce(&str) -> (i64, bool)) -> Span {
        // Where a value is missing its place holds any number.
        if matches!(self.compare, Compare::Missing | Compare::Present) {
            return (i64::MIN, i64::MAX);
        }
        let (at, there) = match &self.value {
            Value::Int(n) | Value::Money(n) | Value::CitizenId(n) | Value::Region(n) | Value::Decimal { units: n, .. } => (*n, true),
            Value::Date(n) | Value::Month(n) => (i64::from(*n), true),
            Value::Bool(b) => (i64::from(*b), true),
            Value::Text(text, _) => texts(text),
            Value::Null => return NOTHING,
        };
        // A text that is not there lies between two codes: below `at`.
        match self.compare {
            Compare::Equal if there => (at, at),
            Compare::Equal => NOTHING,
            Compare::Less => at.checked_sub(1).map_or(NOTHING, |to| (i64::MIN, to)),
            Compare::AtMost if there => (i64::MIN, at),
            Compare::AtMost => at.checked_sub(1).map_or(NOTHING, |to| (i64::MIN, to)),
            Compare::Greater if there => at.checked_add(1).map_or(NOTHING, |from| (from, i64::MAX)),
            Compare::Greater | Compare::AtLeast | Compare::Missing | Compare::Present => (at, i64::MAX),
        }
    }

    fn meets(&self, column: &Column, row: usize) -> bool {
        match self.compare {
            Compare::Missing => return !column.is_valid(row),
            Compare::Present => return column.is_valid(row),
            _ if !column.is_valid(row) => return false,
            _ => {}
        }
        match (&column.data, &self.value) {
            (Data::Code(codes, dictionary), Value::Text(text, _)) => {
                self.compare.holds((*dictionary.values[codes[row] as usize]).cmp(&**text))
            }
            (Data::Code(..), _) | (_, Value::Text(..)) => false,
            (Data::I64(v), _) => within(v[row], self.span(|_| (0, false))),
            (Data::I32(v), _) => within(i64::from(v[row]), self.span(|_| (0, false))),
            (Data::Bool(v), _) => within(i64::from(v.get(row)), self.span(|_| (0, false))),
        }
    }
}

fn within(value: i64, (from, to): Span) -> bool {
    from <= value && value <= to
}

/// Rows of `table` that meet all conditions; `None`: all of them.
pub(super) fn matching(table: &Table, conditions: &[Condition]) -> Option<Vec<u32>> {
    let tests: Vec<(&Condition, &Column)> = conditions.iter().filter_map(|c| Some((c, table.column(&c.column)?))).collect();
    if tests.is_empty() {
        return None;
    }
    let kept = Bits::from_fn(table.rows, |row| tests.iter().all(|(condition, column)| condition.meets(column, row)));
    (!kept.all()).then(|| kept.ones().map(|row| row as u32).collect())
}

/// The pages of a stored file that may hold rows whose numbers lie in all `spans`, each of a column (by position) as it is stored.
pub(super) fn pages(file: &Columnar, spans: &[(usize, Span)]) -> Ranges {
    let mut out = vec![];
    for (group, &rows) in file.group_rows.iter().enumerate() {
        let mut open = vec![true; rows.div_ceil(PAGE)];
        for &(column, span) in spans {
            let chunk = file.meta().row_group(group).column(column);
            let whole = chunk.statistics().and_then(range_of);
            if whole.is_some_and(|r| apart(r, span)) {
                open.fill(false);
                break;
            }
            let index = file.meta().page_index_for_row_group(group);
            for (page, range) in index.column_index(column).map(page_ranges).unwrap_or_default().into_iter().enumerate() {
                if let (Some(range), Some(open)) = (range, open.get_mut(page)) {
                    *open = *open && !apart(range, span);
                }
            }
        }
        let mut start = 0;
        for run in open.chunk_by(|a, b| a == b) {
            let end = start + run.len();
            if run[0] {
                out.push((group, start * PAGE..(end * PAGE).min(rows)));
            }
            start = end;
        }
    }
    Ranges(out)
}

/// At most `pages` pages of a stored file, spread evenly: a sample.
pub(super) fn spread(file: &Columnar, pages: usize) -> Ranges {
    if pages == 0 {
        return Ranges(vec![]);
    }
    let all: Vec<(usize, std::ops::Range<usize>)> = file
        .group_rows
        .iter()
        .enumerate()
        .flat_map(|(group, &rows)| (0..rows).step_by(PAGE).map(move |start| (group, start..(start + PAGE).min(rows))))
        .collect();
    let step = all.len().div_ceil(pages).max(1);
    Ranges(all.into_iter().step_by(step).collect())
}

/// Those of the pages `ranges` in which some row's number does lie in the span: where a column is not sorted statistics say little, and
/// reading it alone is cheap beside reading all columns.
pub(super) fn holding(file: &Columnar, ranges: &Ranges, column: usize, span: Span) -> Result<Ranges, Diagnostic> {
    let name = &file.columns[column].name;
    let mut hits = match read_i32(file, name, ranges) {
        Ok(values) => values.par_chunks(PAGE).map(|page| page.iter().any(|v| within(i64::from(*v), span))).collect::<Vec<bool>>(),
        Err(_) => read_i64(file, name, ranges, None)?.par_chunks(PAGE).map(|page| page.iter().any(|v| within(*v, span))).collect(),
    }
    .into_iter();
    // Only the last page of a row group may be shorter, so that pages and chunks agree group by group.
    let mut out = vec![];
    for (group, rows) in &ranges.0 {
        for start in rows.clone().step_by(PAGE) {
            if hits.next() == Some(true) {
                out.push((*group, start..(start + PAGE).min(rows.end)));
            }
        }
    }
    Ok(Ranges(out))
}

fn apart((from, to): Span, (least, most): Span) -> bool {
    to < least || most < from
}

fn range_of(statistics: &Statistics) -> Option<Span> {
    match statistics {
        Statistics::Int32(s) => Some((i64::from(*s.min_opt()?), i64::from(*s.max_opt()?))),
        Statistics::Int64(s) => Some((*s.min_opt()?, *s.max_opt()?)),
        _ => None,
    }
}

fn page_ranges(index: &ColumnIndexMetaData) -> Vec<Option<Span>> {
    match index {
        ColumnIndexMetaData::INT32(i) => {
            i.min_values_iter().zip(i.max_values_iter()).map(|(a, b)| Some((i64::from(*a?), i64::from(*b?)))).collect()
        }
        ColumnIndexMetaData::INT64(i) => i.min_values_iter().zip(i.max_values_iter()).map(|(a, b)| Some((*a?, *b?))).collect(),
        _ => vec![],
    }
}
