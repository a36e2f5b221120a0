//! From merged runs to the files of the store.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use super::super::contents::{Contents, origin_hashes, text_hash};
use super::super::order::{compare, gather};
use super::super::packed::{GROUP, Stored, Writer, base};
use super::super::plan::TablePlan;
use super::super::store::{PLAIN, StoredColumn, push_vectors};
use super::super::{Bits, Column, Data, Dictionary, FileOrigin, Spill};
use super::keys::code;
use super::run::{Marks, append};
use super::texts::TextList;

/// Writes the texts at the positions `used` (`None`: all) as a file of the store. Gives their hashes by the position each has there.
pub(super) fn write_texts(spill: &Spill, list: &TextList, used: Option<&Bits>, path: &Path) -> Result<Vec<u64>, Box<dyn Error>> {
    let form = [("text".to_owned(), Stored::Texts(vec![]))];
    let mut writer = Writer::create(path, &form, &[])?;
    let mut reader = list.read(spill);
    let mut hashes = Vec::with_capacity(used.map_or(list.count, Bits::count_ones));
    let (mut arena, mut ends) = (String::new(), vec![]);
    let mut position = 0;
    loop {
        let more = reader.next()?;
        if more && used.is_none_or(|used| used.get(position)) {
            arena.push_str(std::str::from_utf8(reader.text())?);
            ends.push(arena.len());
        }
        position += 1;
        if ends.len() == GROUP || (!more && !ends.is_empty()) {
            let start = |i: usize| if i == 0 { 0 } else { ends[i - 1] };
            let texts: Vec<&str> = (0..ends.len()).map(|i| &arena[start(i)..ends[i]]).collect();
            hashes.par_extend(texts.par_iter().with_min_len(1024).map(|t| text_hash(t)));
            let rows = texts.len();
            writer.group(&[("text".to_owned(), Stored::Texts(texts))], 0..rows)?;
            arena.clear();
            ends.clear();
        }
        if !more {
            writer.finish()?;
            return Ok(hashes);
        }
    }
}

/// What is known of the table before its rows are written.
pub(super) struct Known<'k> {
    pub plan: &'k TablePlan<'k>,
    pub files: &'k [FileOrigin],
    pub marks: &'k [Marks],
    pub spans: &'k [Option<(i64, i64)>],
    /// Hashes of the texts, by column of the plan.
    pub hashes: Vec<Vec<u64>>,
}

/// Rows in their final order, on the way to `rows.parquet`.
pub(super) struct Output<'k> {
    plan: &'k TablePlan<'k>,
    files: usize,
    bases: Vec<Option<i64>>,
    marks: &'k [Marks],
    origins: Vec<u64>,
    writer: Writer,
    pub contents: Contents,
    /// Rows of the group that is being filled: columns of the plan, line, file.
    columns: Vec<Column>,
    held: usize,
    pub rows: usize,
    /// Columns by which rows may tie.
    by: Vec<usize>,
    last: Option<Vec<Column>>,
    pub ties: bool,
}

impl<'k> Output<'k> {
    /// `form`: columns of the plan, line, file.
    pub fn create(path: &Path, known: Known<'k>, form: &[Column]) -> Result<Self, Box<dyn Error>> {
        let Known { plan, files, marks, spans, hashes } = known;
        let mut columns = form.to_vec();
        for (column, hashes) in columns.iter_mut().zip(hashes) {
            if let Data::Code(_, dictionary) = &mut column.data {
                *dictionary = Arc::new(Dictionary::of_hashes(hashes));
            }
        }
        let by = plan.sort.iter().chain(&plan.key).copied().collect();
        let ints = |i: usize| matches!(form[i].data, Data::I64(_));
        let bases: Vec<Option<i64>> =
            (0..plan.columns.len()).map(|i| if ints(i) { base(spans[i].unwrap_or((0, 0))) } else { None }).collect();
        let contents =
            Contents::new(plan.sort.first().map(|&i| plan.columns[i].name.as_str()), plan.columns.iter().map(|c| c.name.as_str()));
        complete(&mut columns, 0, marks);
        let writer = Writer::create(path, &vectors(&columns, &bases, files.len()), &PLAIN)?;
        Ok(Output {
            plan,
            files: files.len(),
            bases,
            marks,
            origins: origin_hashes(files),
            writer,
            contents,
            columns,
            held: 0,
            rows: 0,
            by,
            last: None,
            ties: false,
        })
    }

    /// Takes rows, in the order `sorted` (`None`: all, as they stand).
    pub fn add(&mut self, columns: &[Column], rows: usize, sorted: Option<&[u32]>) -> Result<(), Box<dyn Error>> {
        let count = sorted.map_or(rows, <[u32]>::len);
        let mut at = 0;
        while at < count {
            let some = at..(at + GROUP - self.held).min(count);
            let held = self.held;
            self.columns.par_iter_mut().zip(columns).for_each(|(own, more)| match sorted {
                Some(sorted) => append(own, held, &gather(more, &sorted[some.clone()]), 0..some.len()),
                None => append(own, held, more, some.clone()),
            });
            self.held += some.len();
            at = some.end;
            if self.held == GROUP {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Box<dyn Error>> {
        if self.held == 0 {
            return Ok(());
        }
        complete(&mut self.columns, self.held, self.marks);
        let (rows, columns) = (self.held, &self.columns);
        let same = |a: (&[Column], usize), b: (&[Column], usize)| compare(a, b, &self.by).is_eq();
        self.ties = self.ties
            || self.last.as_ref().is_some_and(|last| same((last, 0), (columns, 0)))
            || (1..rows).into_par_iter().with_min_len(4096).any(|row| same((columns, row - 1), (columns, row)));
        self.last = Some(columns.iter().map(|c| gather(c, &[rows as u32 - 1])).collect());
        let own = self.plan.columns.len();
        let file = |row: usize| if self.files > 1 { code(&columns[own + 1], row) as usize } else { 0 };
        let origin = |row: usize| self.origins[file(row)] ^ u64::from(code(&columns[own], row));
        let vectors = vectors(columns, &self.bases, self.files);
        let (writer, contents) = (&mut self.writer, &mut self.contents);
        let (written, ()) = rayon::join(|| writer.group(&vectors, 0..rows), || contents.add(&columns[..own], rows, origin));
        written?;
        self.rows += rows;
        for column in &mut self.columns {
            match &mut column.data {
                Data::I64(v) => v.clear(),
                Data::I32(v) => v.clear(),
                Data::Code(v, _) => v.clear(),
                Data::Bool(v) => *v = Bits::default(),
            }
            (column.valid, column.bad, column.part) = (None, None, None);
        }
        self.held = 0;
        Ok(())
    }

    /// Writes what is left and the end of the file.
    pub fn finish(mut self) -> Result<Written, Box<dyn Error>> {
        self.flush()?;
        complete(&mut self.columns, 0, self.marks);
        let columns = self.plan.columns.iter().zip(&self.columns).zip(&self.bases).map(|((p, c), base)| StoredColumn::of(p, c, *base));
        let columns = columns.collect();
        self.writer.finish()?;
        Ok(Written { rows: self.rows, ties: self.ties, contents: self.contents, columns })
    }
}

pub(super) struct Written {
    pub rows: usize,
    pub ties: bool,
    pub contents: Contents,
    pub columns: Vec<StoredColumn>,
}

/// Gives the columns, which have `rows` of them, all marks that some row of the table has.
fn complete(columns: &mut [Column], rows: usize, marks: &[Marks]) {
    for (column, marks) in columns.iter_mut().zip(marks) {
        let all = [(marks.valid, &mut column.valid, true), (marks.bad, &mut column.bad, false), (marks.part, &mut column.part, false)];
        for (_, bits, otherwise) in all.into_iter().filter(|(there, bits, _)| *there && bits.is_none()) {
            *bits = Some(Bits::new(rows, otherwise));
        }
    }
}

/// Columns of the plan, line and file as columns of `rows.parquet`.
fn vectors<'c>(columns: &'c [Column], bases: &[Option<i64>], files: usize) -> Vec<(String, Stored<'c>)> {
    let own = bases.len();
    let codes = |column: &'c Column| match &column.data {
        Data::Code(v, _) => Stored::Codes(v),
        _ => Stored::Codes(&[]),
    };
    let mut vectors = vec![("line".to_owned(), codes(&columns[own]))];
    if files > 1 {
        vectors.push(("file".to_owned(), codes(&columns[own + 1])));
    }
    for (i, column) in columns[..own].iter().enumerate() {
        let stored = match &column.data {
            Data::I64(v) => Stored::near(v, bases[i]),
            Data::I32(v) => Stored::I32(v),
            Data::Bool(v) => Stored::Bits(v),
            Data::Code(..) => codes(column),
        };
        push_vectors(&mut vectors, i, column, stored);
    }
    vectors
}
