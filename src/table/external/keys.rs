//! What needs all records of a key together, while rows come by sorted by it: keys that repeat, and of a snapshot table the latest rows.

use std::collections::BTreeMap;

use super::super::assemble::{REPEATED, key_of, latest_by};
use super::super::order::{compare, gather};
use super::super::plan::TablePlan;
use super::super::receipt::Duplicates;
use super::super::{Bits, Column, Data};

/// Where the columns of the key stand among those that come by.
pub(super) struct Repeats {
    /// The key as declared.
    by: Vec<usize>,
    line: usize,
    file: Option<usize>,
    /// The row before, alone.
    before: Option<Vec<Column>>,
    group: Option<Group>,
    pub groups: u64,
    pub found: Duplicates,
    /// The least keys.
    pub shown: Vec<Group>,
}

/// Records of one key.
pub(super) struct Group {
    /// One row.
    pub key: Vec<Column>,
    records: u64,
    by_file: BTreeMap<u16, u64>,
    /// File and line of the first, as they were delivered.
    pub places: Vec<(u16, u32)>,
}

pub(super) fn code(column: &Column, row: usize) -> u32 {
    if let Data::Code(v, _) = &column.data { v[row] } else { 0 }
}

impl Repeats {
    /// `by`: positions of the key's columns among those that come by, in the key's order; rows with equal keys stand together.
    pub fn new(by: Vec<usize>, line: usize, file: Option<usize>, files: usize) -> Self {
        let found = Duplicates { records: 0, by_file: vec![0; files] };
        Repeats { by, line, file, before: None, group: None, groups: 0, found, shown: vec![] }
    }

    /// The next rows.
    pub fn add(&mut self, columns: &[Column], rows: usize) {
        if self.by.is_empty() || rows == 0 {
            return;
        }
        let whole = |columns: &[Column], row: usize| self.by.iter().all(|&c| columns[c].is_valid(row));
        let same = |a: (&[Column], usize), b: (&[Column], usize)| compare(a, b, &self.by).is_eq() && whole(a.0, a.1);
        let first = self.before.as_ref().is_some_and(|before| same((before, 0), (columns, 0)));
        let again = Bits::from_fn(rows, |row| if row == 0 { first } else { same((columns, row - 1), (columns, row)) });
        // The row that would go on with the open group.
        let mut next = 0;
        for row in again.ones() {
            if row != next || self.group.is_none() {
                self.end();
                match (row.checked_sub(1), self.before.take()) {
                    (Some(before), _) => self.begin(columns, before),
                    (None, Some(before)) => self.begin(&before, 0),
                    (None, None) => {}
                }
            }
            self.record(columns, row);
            next = row + 1;
        }
        if next != rows {
            self.end();
        }
        self.before = Some(columns.iter().map(|c| gather(c, &[rows as u32 - 1])).collect());
    }

    fn begin(&mut self, columns: &[Column], row: usize) {
        let key = columns.iter().map(|c| gather(c, &[row as u32])).collect();
        self.group = Some(Group { key, records: 0, by_file: BTreeMap::new(), places: vec![] });
        self.record(columns, row);
    }

    fn record(&mut self, columns: &[Column], row: usize) {
        let (file, line) = (self.file.map_or(0, |f| code(&columns[f], row) as u16), code(&columns[self.line], row));
        let Some(group) = &mut self.group else { return };
        group.records += 1;
        *group.by_file.entry(file).or_default() += 1;
        let at = group.places.partition_point(|p| *p < (file, line));
        if at < REPEATED {
            group.places.insert(at, (file, line));
            group.places.truncate(REPEATED);
        }
    }

    /// No further row has the key of the one before.
    pub fn end(&mut self) {
        let Some(group) = self.group.take() else { return };
        self.groups += 1;
        self.found.records += group.records;
        for (&file, &records) in group.by_file.iter().filter(|(_, records)| **records > 1) {
            self.found.by_file[usize::from(file)] += records;
        }
        let at = self.shown.partition_point(|other| compare((&other.key, 0), (&group.key, 0), &self.by).is_lt());
        if at < REPEATED {
            self.shown.insert(at, group);
            self.shown.truncate(REPEATED);
        }
    }
}

/// The rows of a snapshot table that stay, while rows come by sorted by [`latest_by`].
pub(super) struct Latest {
    key: Vec<usize>,
    at: usize,
    /// Where the rows' numbers stand.
    number: usize,
    as_of: Option<i32>,
    kept: Bits,
    /// The key of the rows that are waiting, and their day.
    before: Option<(Vec<Column>, i32)>,
    /// Numbers of the rows of the latest day so far.
    waiting: Vec<u32>,
}

impl Latest {
    /// Positions are those of the columns that come by; `rows`: of the delivery.
    pub fn new(key: Vec<usize>, at: usize, number: usize, as_of: Option<i32>, rows: usize) -> Self {
        Latest { key, at, number, as_of, kept: Bits::new(rows, false), before: None, waiting: vec![] }
    }

    pub fn add(&mut self, columns: &[Column], rows: usize) {
        let Data::I32(taken) = &columns[self.at].data else { return };
        for row in 0..rows {
            let number = code(&columns[self.number], row);
            if !columns[self.at].is_valid(row) || self.key.iter().any(|&k| !columns[k].is_valid(row)) {
                self.kept.set(number as usize, true);
                continue;
            }
            if self.as_of.is_some_and(|day| taken[row] > day) {
                continue;
            }
            match &mut self.before {
                Some((key, day)) if compare((key, 0), (columns, row), &self.key).is_eq() => {
                    if *day < taken[row] {
                        self.waiting.clear();
                        *day = taken[row];
                    }
                }
                _ => {
                    self.keep();
                    self.before = Some((columns.iter().map(|c| gather(c, &[row as u32])).collect(), taken[row]));
                }
            }
            self.waiting.push(number);
        }
    }

    fn keep(&mut self) {
        for number in self.waiting.drain(..) {
            self.kept.set(number as usize, true);
        }
    }

    pub fn finish(mut self) -> Bits {
        self.keep();
        self.kept
    }
}

/// How a table's rows are sorted a second time, by columns of the plan; none when what needs all records of a key can be told in the table's own
/// order.
pub(super) fn second_order(plan: &TablePlan, first: &[usize]) -> Vec<usize> {
    let by = key_of(plan);
    let together = || first.get(..by.len()).is_some_and(|head| by.iter().all(|c| head.contains(c)));
    match plan.snapshot {
        Some(at) => latest_by(plan, at),
        None if together() => vec![],
        None => by,
    }
}
