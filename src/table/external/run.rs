//! Sorted rows on disk: pieces of so many rows, of each piece one column after the other, so that a piece is read at once and a column of it
//! can be changed where it lies.

use std::io;
use std::ops::Range;

use rayon::prelude::*;

use super::super::order::gather;
use super::super::{Bits, Column, Data, Spill};

/// Columns of a run, without rows, and the rows of a piece (a multiple of 64).
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub columns: Vec<Column>,
    pub piece: usize,
}

/// Which marks a column of a run has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub valid: bool,
    pub bad: bool,
    pub part: bool,
}

impl Marks {
    pub fn of(column: &Column) -> Self {
        Marks { valid: column.valid.is_some(), bad: column.bad.is_some(), part: column.part.is_some() }
    }
    pub fn or(self, other: Marks) -> Marks {
        Marks { valid: self.valid || other.valid, bad: self.bad || other.bad, part: self.part || other.part }
    }
    fn count(self) -> usize {
        usize::from(self.valid) + usize::from(self.bad) + usize::from(self.part)
    }
}

/// Rows in order, at a place in the spill file.
#[derive(Debug)]
pub(super) struct Run {
    at: u64,
    pub rows: usize,
    /// By column.
    pub marks: Vec<Marks>,
}

/// Bytes of the values of so many rows.
fn value_bytes(data: &Data, rows: usize) -> usize {
    match data {
        Data::I64(_) => rows * 8,
        Data::I32(_) | Data::Code(..) => rows * 4,
        Data::Bool(_) => words(rows) * 8,
    }
}

fn words(rows: usize) -> usize {
    rows.div_ceil(64)
}

impl Form {
    /// Bytes of a row, marks among them.
    pub fn row_bytes(columns: &[Column]) -> usize {
        columns.iter().map(|c| value_bytes(&c.data, 64) / 64 + 1).sum::<usize>()
    }
    fn bytes(&self, marks: &[Marks], rows: usize) -> usize {
        self.columns.iter().zip(marks).map(|(c, m)| value_bytes(&c.data, rows) + m.count() * words(rows) * 8).sum()
    }
}

fn put_words(out: &mut Vec<u8>, bits: &Bits) {
    bits.words().iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
}

fn put<const W: usize, T: Copy>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(T) -> [u8; W]) {
    let start = out.len();
    out.resize(start + values.len() * W, 0);
    for (slot, value) in out[start..].chunks_exact_mut(W).zip(values) {
        slot.copy_from_slice(&bytes(*value));
    }
}

fn get<const W: usize, T>(bytes: &[u8], value: impl Fn([u8; W]) -> T) -> Vec<T> {
    let each = bytes.chunks_exact(W).map(|b| {
        let mut own = [0; W];
        own.copy_from_slice(b);
        value(own)
    });
    each.collect()
}

fn encode(out: &mut Vec<u8>, column: &Column) {
    match &column.data {
        Data::I64(v) => put(out, v, i64::to_le_bytes),
        Data::I32(v) => put(out, v, i32::to_le_bytes),
        Data::Code(v, _) => put(out, v, u32::to_le_bytes),
        Data::Bool(v) => put_words(out, v),
    }
    for bits in [&column.valid, &column.bad, &column.part].into_iter().flatten() {
        put_words(out, bits);
    }
}

/// The next column of a piece; `bytes` moves behind it.
fn decode(form: &Column, marks: Marks, rows: usize, bytes: &mut &[u8]) -> Column {
    let mut take = |n: usize| {
        let (own, rest) = bytes.split_at(n);
        *bytes = rest;
        own
    };
    let values = take(value_bytes(&form.data, rows));
    let bits = |bytes: &[u8]| Bits::from_words(get(bytes, u64::from_le_bytes), rows);
    let data = match &form.data {
        Data::I64(_) => Data::I64(get(values, i64::from_le_bytes)),
        Data::I32(_) => Data::I32(get(values, i32::from_le_bytes)),
        Data::Code(_, dictionary) => Data::Code(get(values, u32::from_le_bytes), dictionary.clone()),
        Data::Bool(_) => Data::Bool(bits(values)),
    };
    let mut mark = |there: bool| there.then(|| bits(take(words(rows) * 8)));
    Column {
        name: form.name.clone(),
        semantic: form.semantic.clone(),
        data,
        valid: mark(marks.valid),
        bad: mark(marks.bad),
        part: mark(marks.part),
    }
}

impl Run {
    /// Writes the rows of `columns` in the order `sorted`; `None`: as they stand.
    pub fn write(spill: &Spill, form: &Form, columns: &[Column], sorted: Option<&[u32]>, rows: usize) -> io::Result<Run> {
        let marks: Vec<Marks> = columns.iter().map(Marks::of).collect();
        let mut run = Run { at: 0, rows, marks };
        run.at = spill.reserve((0..run.pieces(form)).map(|piece| form.bytes(&run.marks, run.range(form, piece).len()) as u64).sum());
        (0..run.pieces(form)).into_par_iter().try_for_each(|piece| {
            let range = run.range(form, piece);
            let mut bytes = Vec::with_capacity(form.bytes(&run.marks, range.len()));
            let rows: Vec<u32> = match sorted {
                Some(sorted) => sorted[range].to_vec(),
                None => range.map(|row| row as u32).collect(),
            };
            columns.iter().for_each(|column| encode(&mut bytes, &gather(column, &rows)));
            spill.write(&bytes, run.place(form, piece))
        })?;
        Ok(run)
    }
    pub fn pieces(&self, form: &Form) -> usize {
        self.rows.div_ceil(form.piece)
    }
    /// Rows of a piece.
    pub fn range(&self, form: &Form, piece: usize) -> Range<usize> {
        piece * form.piece..((piece + 1) * form.piece).min(self.rows)
    }
    fn place(&self, form: &Form, piece: usize) -> u64 {
        // All pieces before it are whole.
        self.at + (piece * form.bytes(&self.marks, form.piece)) as u64
    }
    pub fn read(&self, spill: &Spill, form: &Form, piece: usize) -> io::Result<Vec<Column>> {
        let rows = self.range(form, piece).len();
        let mut bytes = vec![0; form.bytes(&self.marks, rows)];
        spill.read(&mut bytes, self.place(form, piece))?;
        let mut rest = &bytes[..];
        Ok(form.columns.iter().zip(&self.marks).map(|(form, marks)| decode(form, *marks, rows, &mut rest)).collect())
    }
    /// One column of a piece, and where it lies.
    pub fn column(&self, spill: &Spill, form: &Form, piece: usize, i: usize) -> io::Result<(Column, u64)> {
        let rows = self.range(form, piece).len();
        let bytes_of = |i: usize| value_bytes(&form.columns[i].data, rows) + self.marks[i].count() * words(rows) * 8;
        let at = self.place(form, piece) + (0..i).map(bytes_of).sum::<usize>() as u64;
        let mut bytes = vec![0; bytes_of(i)];
        spill.read(&mut bytes, at)?;
        Ok((decode(&form.columns[i], self.marks[i], rows, &mut &bytes[..]), at))
    }
    /// Puts `new[code]` in place of each code of column `i`, 0 where there is no value.
    pub fn recode(&self, spill: &Spill, form: &Form, i: usize, new: &[u32]) -> io::Result<()> {
        (0..self.pieces(form)).into_par_iter().try_for_each(|piece| {
            let (column, at) = self.column(spill, form, piece, i)?;
            let Data::Code(codes, _) = &column.data else { return Ok(()) };
            let mut bytes = vec![];
            let code = |row: usize| if column.is_valid(row) { new.get(codes[row] as usize).copied().unwrap_or(0) } else { 0 };
            let codes: Vec<u32> = (0..codes.len()).map(code).collect();
            put(&mut bytes, &codes, u32::to_le_bytes);
            spill.write(&bytes, at)
        })
    }
}

/// Puts rows of `more` behind those of `column`, which has `rows` of them.
pub(super) fn append(column: &mut Column, rows: usize, more: &Column, range: Range<usize>) {
    match (&mut column.data, &more.data) {
        (Data::I64(a), Data::I64(b)) => a.extend_from_slice(&b[range.clone()]),
        (Data::I32(a), Data::I32(b)) => a.extend_from_slice(&b[range.clone()]),
        (Data::Code(a, _), Data::Code(b, _)) => a.extend_from_slice(&b[range.clone()]),
        (Data::Bool(a), Data::Bool(b)) => a.append(&b.slice(range.start, range.len())),
        _ => {}
    }
    let marks = [(&mut column.valid, &more.valid, true), (&mut column.bad, &more.bad, false), (&mut column.part, &more.part, false)];
    for (own, other, otherwise) in marks {
        if own.is_none() && other.is_none() {
            continue;
        }
        let own = own.get_or_insert_with(|| Bits::new(rows, otherwise));
        match other {
            Some(other) => own.append(&other.slice(range.start, range.len())),
            None => own.append(&Bits::new(range.len(), otherwise)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SemanticType;

    #[test]
    fn pieces_come_back_as_they_were_put() {
        let folder = tempfile::tempdir().expect("a folder");
        let spill = Spill::in_folder(folder.path()).expect("a file");
        let rows = 200;
        let bits = |step: usize| Bits::from_fn(rows, |i| i % step != 0);
        let column = |data: Data, valid: Option<Bits>, bad: Option<Bits>| Column {
            data,
            valid,
            bad,
            ..Column::empty("c", &SemanticType::Int, None)
        };
        let columns = vec![
            column(Data::I64((0..rows as i64).map(|i| i * i - 7).collect()), Some(bits(3)), None),
            column(Data::Bool(bits(5)), Some(bits(7)), Some(bits(2))),
            column(Data::Code((0..rows as u32).collect(), Default::default()), Some(bits(11)), None),
            column(Data::I32((0..rows as i32).rev().collect()), None, None),
        ];
        let empty = |c: &Column| Column { valid: None, bad: None, ..gather(c, &[]) };
        let form = Form { columns: columns.iter().map(empty).collect(), piece: 64 };
        let sorted: Vec<u32> = (0..rows as u32).map(|i| (i * 77) % rows as u32).collect();
        let first = Run::write(&spill, &form, &columns, None, rows).expect("written");
        let second = Run::write(&spill, &form, &columns, Some(&sorted), rows).expect("written");
        for (run, wanted) in [(&first, columns.clone()), (&second, columns.iter().map(|c| gather(c, &sorted)).collect())] {
            let mut back: Vec<Column> = form.columns.clone();
            for piece in 0..run.pieces(&form) {
                let (from, range) = (piece * 64, run.range(&form, piece));
                let columns = run.read(&spill, &form, piece).expect("read");
                back.iter_mut().zip(&columns).for_each(|(back, c)| append(back, from, c, 0..range.len()));
            }
            assert_eq!(back, wanted);
        }
        let twice: Vec<u32> = (0..rows as u32).map(|i| i * 2).collect();
        second.recode(&spill, &form, 2, &twice).expect("written");
        let (column, _) = second.column(&spill, &form, 3, 2).expect("read");
        let Data::Code(codes, _) = &column.data else { panic!("codes") };
        for (row, code) in codes.iter().enumerate() {
            let before = sorted[192 + row];
            assert_eq!(*code, if before % 11 == 0 { 0 } else { before * 2 });
        }
    }
}
