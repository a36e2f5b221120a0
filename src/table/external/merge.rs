//! Sorted runs become one, a window of rows at a time.

use std::cmp::Ordering;
use std::io;

use rayon::prelude::*;

use super::super::order::{compare, order};
use super::super::{Column, Spill};
use super::run::{Form, Run, append};

/// Merges runs of one form. Rows that are equal in `by` come in the order of the runs, and within a run as they stand there.
pub(super) struct Merge<'r> {
    spill: &'r Spill,
    form: &'r Form,
    by: &'r [usize],
    heads: Vec<Head<'r>>,
}

/// The rows of a run that are at hand, and the piece that follows them.
struct Head<'r> {
    run: &'r Run,
    columns: Vec<Column>,
    rows: usize,
    /// Rows before it are given out.
    from: usize,
    next: usize,
}

/// Rows that come next, and their order; `None`: as they stand.
pub(super) struct Window {
    pub columns: Vec<Column>,
    pub rows: usize,
    pub sorted: Option<Vec<u32>>,
}

impl Head<'_> {
    /// Half a piece at least is at hand, unless the run ends.
    fn fill(&mut self, spill: &Spill, form: &Form) -> io::Result<()> {
        while self.rows - self.from < form.piece.div_ceil(2) && self.next < self.run.pieces(form) {
            let more = self.run.read(spill, form, self.next)?;
            let rows = self.run.range(form, self.next).len();
            self.next += 1;
            if self.from == self.rows {
                (self.columns, self.rows) = (more, rows);
            } else {
                let mut columns = form.columns.clone();
                for ((own, before), more) in columns.iter_mut().zip(&self.columns).zip(&more) {
                    append(own, 0, before, self.from..self.rows);
                    append(own, self.rows - self.from, more, 0..rows);
                }
                (self.columns, self.rows) = (columns, self.rows - self.from + rows);
            }
            self.from = 0;
        }
        Ok(())
    }
    fn ends(&self, form: &Form) -> bool {
        self.next >= self.run.pieces(form)
    }
}

impl<'r> Merge<'r> {
    pub fn new(spill: &'r Spill, form: &'r Form, by: &'r [usize], runs: impl Iterator<Item = &'r Run>) -> Self {
        let heads = runs.map(|run| Head { run, columns: form.columns.clone(), rows: 0, from: 0, next: 0 }).collect();
        Merge { spill, form, by, heads }
    }

    pub fn next(&mut self) -> io::Result<Option<Window>> {
        let (spill, form, by) = (self.spill, self.form, self.by);
        self.heads.par_iter_mut().try_for_each(|head| head.fill(spill, form))?;
        self.heads.retain(|head| head.from < head.rows);
        if self.heads.is_empty() {
            return Ok(None);
        }
        // What is still on disk comes after the last row at hand of its run: rows up to the least of these are complete.
        let last = |i: &usize| (&self.heads[*i].columns[..], self.heads[*i].rows - 1);
        let open = (0..self.heads.len()).filter(|i| !self.heads[*i].ends(form));
        let bound = open.min_by(|a, b| compare(last(a), last(b), by).then(a.cmp(b)));
        let takes: Vec<usize> = self
            .heads
            .iter()
            .enumerate()
            .map(|(i, head)| {
                let Some(bound) = bound else { return head.rows };
                let within = |row: usize| match compare((&head.columns, row), last(&bound), by) {
                    Ordering::Less => true,
                    Ordering::Equal => i <= bound,
                    Ordering::Greater => false,
                };
                let (mut low, mut high) = (head.from, head.rows);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if within(middle) { low = middle + 1 } else { high = middle }
                }
                low
            })
            .collect();
        let mut columns = form.columns.clone();
        columns.par_iter_mut().enumerate().for_each(|(c, column)| {
            let mut rows = 0;
            for (head, to) in self.heads.iter().zip(&takes) {
                append(column, rows, &head.columns[c], head.from..*to);
                rows += to - head.from;
            }
        });
        let mut rows = 0;
        for (head, to) in self.heads.iter_mut().zip(&takes) {
            rows += to - head.from;
            head.from = *to;
        }
        let sorted = order(&columns, by, rows);
        Ok(Some(Window { columns, rows, sorted }))
    }
}
