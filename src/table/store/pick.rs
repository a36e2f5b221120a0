//! Which rows of a stored table a load takes: told from the columns that decide it, so that of every other column no more is kept than these rows.

use std::path::Path;

use super::super::among::{Among, NO_COLUMN, with_next};
use super::super::contents::{text_hash, whole};
use super::super::packed::{Ranges, read_bits, read_i32, read_i64, read_texts, read_u32};
use super::super::plan::TablePlan;
use super::super::prune::{Compare, Span};
use super::super::{Bits, Column, Data};
use super::card::Card;
use super::read::stored_file;
use crate::diagnostic::Diagnostic;
use crate::schema::Type;
use crate::source::{Columnar, open_columnar};

/// A column (position in the card) whose stored numbers must lie in a span.
pub(super) struct Test {
    pub at: usize,
    pub compare: Compare,
    pub span: Span,
}

/// Where a load reads.
pub(super) struct Place<'p> {
    pub plan: &'p TablePlan<'p>,
    pub card: &'p Card,
    pub folder: &'p Path,
    /// Position in the card by column of the plan.
    pub at: &'p [usize],
    pub rows: &'p Columnar,
    pub ranges: &'p Ranges,
}

impl Place<'_> {
    /// Rows of the ranges that pass all tests and that something asks for; `None`: all of them.
    pub(super) fn picks(&self, tests: &[Test], among: &[Among]) -> Result<Option<Vec<u32>>, Diagnostic> {
        if tests.is_empty() && among.is_empty() {
            return Ok(None);
        }
        let mut kept = Bits::new(self.ranges.rows(), true);
        for test in tests {
            let passes = self.passing(test)?;
            kept = kept.and(&passes);
        }
        if !among.is_empty() {
            let mut asked = Bits::new(self.ranges.rows(), false);
            for among in among {
                self.ask(among, &mut asked)?;
            }
            kept = kept.and(&asked);
        }
        Ok((!kept.all()).then(|| kept.ones().map(|row| row as u32).collect()))
    }

    fn valid(&self, at: usize) -> Result<Option<Bits>, Diagnostic> {
        if self.card.columns[at].valid { read_bits(self.rows, &format!("valid{at}"), self.ranges).map(Some) } else { Ok(None) }
    }

    fn passing(&self, test: &Test) -> Result<Bits, Diagnostic> {
        let rows = self.ranges.rows();
        let valid = self.valid(test.at)?;
        let there = |row: usize| valid.as_ref().is_none_or(|v| v.get(row));
        match test.compare {
            Compare::Missing => return Ok(Bits::from_fn(rows, |row| !there(row))),
            Compare::Present => return Ok(Bits::from_fn(rows, there)),
            _ => {}
        }
        let (from, to) = test.span;
        let name = format!("value{}", test.at);
        Ok(match read_i32(self.rows, &name, self.ranges) {
            Ok(values) => Bits::from_fn(rows, |row| there(row) && (from..=to).contains(&i64::from(values[row]))),
            Err(_) => {
                let values = read_i64(self.rows, &name, self.ranges, None)?;
                Bits::from_fn(rows, |row| there(row) && (from..=to).contains(&values[row]))
            }
        })
    }

    fn ask(&self, among: &Among, asked: &mut Bits) -> Result<(), Diagnostic> {
        let rows = self.ranges.rows();
        let mut hashes = vec![NO_COLUMN; rows];
        let mut there = Bits::new(rows, true);
        for name in &among.columns {
            let Some(i) = self.plan.columns.iter().position(|c| c.name == *name) else { return Ok(()) };
            let (planned, at) = (&self.plan.columns[i], self.at[i]);
            let stored = &self.card.columns[at];
            if let Some(valid) = self.valid(at)? {
                there = there.and(&valid);
            }
            let value = format!("value{at}");
            let mut take = |of: &dyn Fn(usize) -> u64| {
                hashes.iter_mut().enumerate().filter(|(row, _)| there.get(*row)).for_each(|(row, hash)| *hash = with_next(*hash, of(row)));
            };
            match planned.semantic.value_type() {
                Type::Text(_) => {
                    let codes = read_u32(self.rows, &value, self.ranges)?;
                    let mut texts: Vec<u64> = vec![];
                    read_texts(&open_columnar(&stored_file(self.folder, &format!("texts-{at}.parquet")))?, None, |text| {
                        texts.push(whole(text_hash(text)));
                    })?;
                    take(&|row| texts.get(codes[row] as usize).copied().unwrap_or_default());
                }
                Type::Date | Type::Month => {
                    let values = read_i32(self.rows, &value, self.ranges)?;
                    take(&|row| whole(values[row] as u64));
                }
                Type::Bool => {
                    let values = read_bits(self.rows, &value, self.ranges)?;
                    take(&|row| whole(u64::from(values.get(row))));
                }
                _ => {
                    let values = read_i64(self.rows, &value, self.ranges, stored.base)?;
                    take(&|row| whole(values[row] as u64));
                }
            }
        }
        for row in there.ones() {
            if among.keys.contains(hashes[row]) {
                asked.set(row, true);
            }
        }
        Ok(())
    }
}

/// The picked rows of a column that was read.
pub(super) fn picked(column: &mut Column, picks: &[u32]) {
    fn of<T: Copy>(values: &[T], picks: &[u32]) -> Vec<T> {
        picks.iter().map(|&row| values[row as usize]).collect()
    }
    for bits in [&mut column.valid, &mut column.bad, &mut column.part].into_iter().flatten() {
        *bits = picked_bits(bits, picks);
    }
    match &mut column.data {
        Data::I64(v) => *v = of(v, picks),
        Data::I32(v) => *v = of(v, picks),
        Data::Code(v, _) => *v = of(v, picks),
        Data::Bool(v) => *v = picked_bits(v, picks),
    }
}

fn picked_bits(bits: &Bits, picks: &[u32]) -> Bits {
    Bits::from_fn(picks.len(), |i| bits.get(picks[i] as usize))
}
