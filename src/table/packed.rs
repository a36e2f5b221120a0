//! Packed columns as Parquet files of the store: one file of rows, one of texts per text column. Every value is required, written plainly
//! and without compression, in table order, in pages of [`PAGE`] rows, with statistics of pages: reading a column is copying its bytes, and
//! a reader that looks for few rows leaves out the pages that cannot hold them.

use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type as SchemaType};
use rayon::prelude::*;

use super::Bits;
use crate::diagnostic::Diagnostic;
use crate::source::{Columnar, Texts};

/// Rows of a row group: a multiple of [`PAGE`].
pub(super) const GROUP: usize = 1 << 20;
/// Rows of a page, a multiple of 64.
pub(super) const PAGE: usize = 1 << 14;

/// A vector on its way to a file.
pub(super) enum Stored<'a> {
    I64(&'a [i64]),
    /// Numbers that lie close enough together to be written less a base.
    Near(&'a [i64], i64),
    Codes(&'a [u32]),
    OwnCodes(Vec<u32>),
    I32(&'a [i32]),
    Bits(&'a Bits),
    Texts(Vec<&'a str>),
}

impl<'a> Stored<'a> {
    /// Numbers with the base that is to be added to them again, if they were made small.
    pub fn numbers(values: &'a [i64]) -> (Self, Option<i64>) {
        let base = base((values.par_iter().copied().min().unwrap_or(0), values.par_iter().copied().max().unwrap_or(0)));
        (Stored::near(values, base), base)
    }
    pub fn near(values: &'a [i64], base: Option<i64>) -> Self {
        match base {
            Some(base) => Stored::Near(values, base),
            None => Stored::I64(values),
        }
    }
    fn len(&self) -> usize {
        match self {
            Stored::I64(v) => v.len(),
            Stored::I32(v) => v.len(),
            Stored::Near(v, _) => v.len(),
            Stored::Codes(v) => v.len(),
            Stored::OwnCodes(v) => v.len(),
            Stored::Bits(v) => v.len(),
            Stored::Texts(v) => v.len(),
        }
    }
    fn physical(&self) -> Physical {
        match self {
            Stored::I64(_) => Physical::INT64,
            Stored::I32(_) | Stored::Near(..) | Stored::Codes(_) | Stored::OwnCodes(_) => Physical::INT32,
            Stored::Bits(_) => Physical::BOOLEAN,
            Stored::Texts(_) => Physical::BYTE_ARRAY,
        }
    }
}

/// What numbers between the least and the most lose to become small; `None`: they do not.
pub(super) fn base((least, most): (i64, i64)) -> Option<i64> {
    let spread = most.checked_sub(least).filter(|spread| *spread <= i64::from(u32::MAX))?;
    // The middle, so that the order of the small numbers is that of the great ones.
    Some(least + (spread + 1) / 2)
}

fn signed(codes: &[u32]) -> Vec<i32> {
    codes.par_iter().map(|code| *code as i32).collect()
}

/// Writes vectors of one length as the columns of a file. `plain`: columns nobody looks for rows by.
pub(super) fn write(path: &Path, columns: &[(String, Stored)], plain: &[&str]) -> Result<(), ParquetError> {
    let mut writer = Writer::create(path, columns, plain)?;
    let rows = columns.first().map_or(0, |(_, stored)| stored.len());
    for start in (0..rows).step_by(GROUP) {
        writer.group(columns, start..(start + GROUP).min(rows))?;
    }
    writer.finish()
}

/// A file written row group by row group.
pub(super) struct Writer(SerializedFileWriter<BufWriter<File>>);

impl Writer {
    /// The names and kinds of `columns` are those of all row groups.
    pub fn create(path: &Path, columns: &[(String, Stored)], plain: &[&str]) -> Result<Self, ParquetError> {
        let fields = columns.iter().map(|(name, stored)| {
            SchemaType::primitive_type_builder(name, stored.physical()).with_repetition(Repetition::REQUIRED).build().map(Arc::new)
        });
        let schema = SchemaType::group_type_builder("table").with_fields(fields.collect::<Result<_, _>>()?).build()?;
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::UNCOMPRESSED)
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::PLAIN)
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_column_index_truncate_length(None)
            .set_statistics_truncate_length(None)
            .set_data_page_size_limit(usize::MAX)
            .set_data_page_row_count_limit(PAGE)
            .set_write_batch_size(PAGE)
            .set_max_row_group_row_count(Some(GROUP));
        for (name, stored) in columns {
            if plain.contains(&name.as_str()) || matches!(stored, Stored::Bits(_)) {
                let column = ColumnPath::new(vec![name.clone()]);
                properties = properties.set_column_statistics_enabled(column, EnabledStatistics::None);
            }
        }
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        Ok(Writer(SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties.build()))?))
    }

    /// [`GROUP`] rows, fewer only in the last group.
    pub fn group(&mut self, columns: &[(String, Stored)], rows: Range<usize>) -> Result<(), ParquetError> {
        let mut group = self.0.next_row_group()?;
        for (_, stored) in columns {
            let Some(mut column) = group.next_column()? else { break };
            match stored {
                Stored::I64(v) => column.typed::<Int64Type>().write_batch(&v[rows.clone()], None, None)?,
                Stored::I32(v) => column.typed::<Int32Type>().write_batch(&v[rows.clone()], None, None)?,
                Stored::Near(v, base) => {
                    let small: Vec<i32> = v[rows.clone()].par_iter().map(|v| (v - base) as i32).collect();
                    column.typed::<Int32Type>().write_batch(&small, None, None)?
                }
                Stored::Codes(v) => column.typed::<Int32Type>().write_batch(&signed(&v[rows.clone()]), None, None)?,
                Stored::OwnCodes(v) => column.typed::<Int32Type>().write_batch(&signed(&v[rows.clone()]), None, None)?,
                Stored::Bits(v) => {
                    let values: Vec<bool> = rows.clone().map(|i| v.get(i)).collect();
                    column.typed::<BoolType>().write_batch(&values, None, None)?
                }
                Stored::Texts(v) => {
                    let values: Vec<ByteArray> = v[rows.clone()].iter().map(|t| ByteArray::from(*t)).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, None, None)?
                }
            };
            column.close()?;
        }
        group.close().map(|_| ())
    }

    pub fn finish(self) -> Result<(), ParquetError> {
        self.0.into_inner()?.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        Ok(())
    }
}

/// Rows of a stored file: of each row group the ranges that are read, which begin with a page and end with one (or with the group).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(pub Vec<(usize, Range<usize>)>);

impl Ranges {
    pub fn all(file: &Columnar) -> Self {
        Ranges(file.group_rows.iter().enumerate().map(|(group, rows)| (group, 0..*rows)).collect())
    }
    pub fn rows(&self) -> usize {
        self.0.iter().map(|(_, r)| r.len()).sum()
    }
}

fn position(file: &Columnar, name: &str) -> Result<usize, Diagnostic> {
    let found = file.columns.iter().position(|c| c.name == name);
    found.ok_or_else(|| Diagnostic::error("unreadable-store", format!("`{}` has no column `{name}`", file.file.name)))
}

/// Values of `W` bytes in the file, each made into one of the vector.
fn read<T: Copy + Default + Send, const W: usize>(
    file: &Columnar,
    name: &str,
    ranges: &Ranges,
    value: impl Fn([u8; W]) -> T + Sync,
) -> Result<Vec<T>, Diagnostic> {
    let column = position(file, name)?;
    let mut out = vec![T::default(); ranges.rows()];
    let mut rest: &mut [T] = &mut out;
    let mut tasks = vec![];
    for (group, rows) in &ranges.0 {
        let (part, after) = std::mem::take(&mut rest).split_at_mut(rows.len());
        tasks.push((*group, rows.clone(), part));
        rest = after;
    }
    let done: Result<Vec<()>, Diagnostic> = tasks
        .into_par_iter()
        .map(|(group, rows, part)| {
            let mut at = 0;
            file.plain(group, column, W, rows, |bytes| {
                for (slot, bytes) in part[at..].iter_mut().zip(bytes.chunks_exact(W)) {
                    let mut own = [0; W];
                    own.copy_from_slice(bytes);
                    *slot = value(own);
                }
                at += bytes.len() / W;
            })
        })
        .collect();
    done.map(|_| out)
}

/// `base`: what [`Stored::numbers`] gave.
pub(super) fn read_i64(file: &Columnar, name: &str, ranges: &Ranges, base: Option<i64>) -> Result<Vec<i64>, Diagnostic> {
    match base {
        Some(base) => read(file, name, ranges, |b| base.wrapping_add(i64::from(i32::from_le_bytes(b)))),
        None => read(file, name, ranges, i64::from_le_bytes),
    }
}

pub(super) fn read_i32(file: &Columnar, name: &str, ranges: &Ranges) -> Result<Vec<i32>, Diagnostic> {
    read(file, name, ranges, i32::from_le_bytes)
}

pub(super) fn read_u32(file: &Columnar, name: &str, ranges: &Ranges) -> Result<Vec<u32>, Diagnostic> {
    read(file, name, ranges, u32::from_le_bytes)
}

pub(super) fn read_u16(file: &Columnar, name: &str, ranges: &Ranges) -> Result<Vec<u16>, Diagnostic> {
    read(file, name, ranges, |b| u32::from_le_bytes(b) as u16)
}

pub(super) fn read_bits(file: &Columnar, name: &str, ranges: &Ranges) -> Result<Bits, Diagnostic> {
    let column = position(file, name)?;
    let parts: Result<Vec<(Vec<u64>, usize)>, Diagnostic> = ranges
        .0
        .par_iter()
        .map(|(group, rows)| {
            let mut words: Vec<u64> = Vec::with_capacity(rows.len().div_ceil(64));
            // Pages hold whole words but for the last of a row group.
            file.plain(*group, column, 0, rows.clone(), |bytes| {
                words.extend(bytes.chunks(8).map(|b| b.iter().rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte))));
            })?;
            Ok((words, rows.len()))
        })
        .collect();
    let mut out = Bits::default();
    for (words, len) in parts? {
        out.append(&Bits::from_words(words, len));
    }
    Ok(out)
}

/// Texts at the positions `at`, which ascend; `None`: all of them.
pub(super) fn read_texts(file: &Columnar, at: Option<&[u32]>, mut text: impl FnMut(&str)) -> Result<(), Diagnostic> {
    let column = position(file, "text")?;
    let mut first = 0;
    for (group, rows) in file.group_rows.iter().enumerate() {
        let mut take = |bytes: Option<&[u8]>| text(std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default());
        match at {
            None => file.texts(
                group,
                column,
                |_| false,
                |rows| match rows {
                    Texts::Skipped(_) => {}
                    Texts::Plain(cells) => cells.iter().for_each(|c| take(*c)),
                    Texts::Coded(codes, dictionary) => codes.iter().for_each(|c| take(dictionary.get(*c as usize).copied())),
                },
            )?,
            Some(at) => {
                let from = at.partition_point(|p| (*p as usize) < first);
                let to = at.partition_point(|p| (*p as usize) < first + rows);
                let ranges = at[from..to].iter().map(|p| *p as usize - first).map(|p| p..p + 1);
                if from < to {
                    file.values_at(group, column, ranges, |cell| match cell {
                        Some(crate::source::Cell::Bytes(bytes)) => take(Some(bytes)),
                        _ => take(None),
                    })?;
                }
            }
        }
        first += rows;
    }
    Ok(())
}
