//! Parquet files: names and kinds of their columns, and the values of one column of one row group.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::serialized_reader::SerializedPageReader;
use sha2::{Digest, Sha256};

use super::files::{Fingerprint, InputFile, changed, unreadable};
use super::pages::{self, Texts};
use super::text::hex;
use crate::diagnostic::{Diagnostic, Place};

/// What the values of a column are, where their physical form alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// Days since 1970-01-01.
    Date,
    /// Time since 1970-01-01 00:00, so many units a day. The day is taken as it is written, without a time zone.
    Instant(i64),
    /// Units of 10^-scale.
    Decimal(u8),
}

/// A column of a file without nesting.
#[derive(Debug, Clone)]
pub struct FileColumn {
    pub name: String,
    pub kind: Kind,
    /// Lists and groups cannot be read as cells.
    pub nested: bool,
}

/// The description of a Parquet file.
#[derive(Debug, Clone)]
pub struct Columnar {
    pub file: InputFile,
    pub columns: Vec<FileColumn>,
    pub group_rows: Vec<usize>,
    meta: Arc<ParquetMetaData>,
}

/// Values of one column of a row group, as the file holds them.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(&'a [u8]),
    /// Milliseconds since 1970-01-01 (an old form of time stamps).
    Millis(i64),
}

/// Many values at once: readers may take whole runs of integers without a look at each.
const BATCH: usize = 1 << 15;

pub fn open_columnar(file: &InputFile) -> Result<Columnar, Diagnostic> {
    open(file, PageIndexPolicy::Skip)
}

/// With the statistics and places of pages, so that a reader can leave pages out.
pub fn open_indexed(file: &InputFile) -> Result<Columnar, Diagnostic> {
    open(file, PageIndexPolicy::Optional)
}

fn open(file: &InputFile, index: PageIndexPolicy) -> Result<Columnar, Diagnostic> {
    if Fingerprint::of(file)?.bytes == 0 {
        return Err(super::empty_file(file));
    }
    let input = File::open(&file.path).map_err(|e| unreadable(file, &e))?;
    let meta = ParquetMetaDataReader::new().with_page_index_policy(index).parse_and_finish(&input).map_err(|e| broken(file, &e))?;
    let columns = meta.file_metadata().schema_descr().columns().iter().map(|c| {
        let logical = c.logical_type_ref();
        let kind = match (logical, c.converted_type()) {
            (Some(LogicalType::Date), _) | (None, ConvertedType::DATE) => Kind::Date,
            (Some(LogicalType::Timestamp(t)), _) => Kind::Instant(match t.unit {
                TimeUnit::MILLIS => 86_400_000,
                TimeUnit::MICROS => 86_400_000_000,
                TimeUnit::NANOS => 86_400_000_000_000,
            }),
            (None, ConvertedType::TIMESTAMP_MILLIS) => Kind::Instant(86_400_000),
            (None, ConvertedType::TIMESTAMP_MICROS) => Kind::Instant(86_400_000_000),
            (Some(LogicalType::Decimal(_)), _) | (None, ConvertedType::DECIMAL) => Kind::Decimal(u8::try_from(c.type_scale()).unwrap_or(0)),
            _ => Kind::Plain,
        };
        FileColumn { name: c.path().string(), kind, nested: c.max_rep_level() > 0 || c.path().parts().len() > 1 }
    });
    let columns = columns.collect();
    let group_rows = meta.row_groups().iter().map(|g| usize::try_from(g.num_rows()).unwrap_or(0)).collect();
    Ok(Columnar { file: file.clone(), columns, group_rows, meta: Arc::new(meta) })
}

fn broken(file: &InputFile, error: &ParquetError) -> Diagnostic {
    Diagnostic::error("unreadable-parquet", format!("`{}` is not a Parquet file that can be read: {error}", file.name))
        .place(Place::File(file.name.clone()), "")
        .help("ask the sender for the file again (compressed with Snappy, Zstandard or not at all)")
}

impl Columnar {
    /// The pages of one column of a row group. Each reader has a file of its own: a shared one has one position for all.
    fn pages(&self, group: usize, column: usize) -> Result<SerializedPageReader<File>, Diagnostic> {
        let input = File::open(&self.file.path).map_err(|e| unreadable(&self.file, &e))?;
        let chunk = self.meta.row_group(group).column(column);
        let places = self.meta.page_index_for_row_group(group).offset_index(column).map(|i| i.page_locations().clone());
        SerializedPageReader::new(Arc::new(input), chunk, self.group_rows[group], places).map_err(|e| broken(&self.file, &e))
    }

    fn is_optional(&self, group: usize, column: usize) -> bool {
        self.meta.row_group(group).column(column).column_descr().max_def_level() > 0
    }

    /// The form in which the file holds the values of a column.
    pub fn physical(&self, column: usize) -> Physical {
        self.meta.file_metadata().schema_descr().column(column).physical_type()
    }

    /// Whether the column holds bytes of any length, so that [`Columnar::texts`] reads it.
    pub fn holds_texts(&self, column: usize) -> bool {
        self.columns[column].kind == Kind::Plain && self.physical(column) == Physical::BYTE_ARRAY
    }

    /// Statistics of row groups and pages, for readers that leave out what cannot hold what they look for.
    pub fn meta(&self) -> &ParquetMetaData {
        &self.meta
    }

    /// Hands the rows of a text column of row group `group` to `rows`, in order. `skip` is asked of the rows of each page to come whether
    /// they may be left out.
    pub fn texts(
        &self,
        group: usize,
        column: usize,
        skip: impl FnMut(usize) -> bool,
        mut rows: impl FnMut(Texts),
    ) -> Result<(), Diagnostic> {
        let optional = self.is_optional(group, column);
        if pages::readable(self.meta.row_group(group).column(column).encodings(), optional) {
            let mut reader = self.pages(group, column)?;
            return pages::read(&mut reader, optional, skip, rows).map_err(|e| broken(&self.file, &e));
        }
        self.values(group, column, |cell| match cell {
            Some(Cell::Bytes(bytes)) => rows(Texts::Plain(&[Some(bytes)])),
            _ => rows(Texts::Plain(&[None])),
        })
    }

    /// Values of a column that has one in every row, `rows` of row group `group`; `value` takes them page by page as they lie in the file:
    /// `width` bytes each, little endian; with a `width` of 0 as bits, the lowest first, where pages begin at multiples of eight rows.
    pub fn plain(
        &self,
        group: usize,
        column: usize,
        width: usize,
        rows: Range<usize>,
        mut value: impl FnMut(&[u8]),
    ) -> Result<(), Diagnostic> {
        let there = match self.physical(column) {
            Physical::INT64 => 8,
            Physical::INT32 => 4,
            Physical::BOOLEAN => 0,
            _ => usize::MAX,
        };
        if there != width || self.is_optional(group, column) {
            return Err(broken(&self.file, &ParquetError::General(format!("column {column} is not of {width} bytes"))));
        }
        let mut reader = self.pages(group, column)?;
        pages::plain(&mut reader, width, rows, &mut value).map_err(|e| broken(&self.file, &e))
    }

    /// Hands each value of column `column` in row group `group` to `value`, a missing one as `None`, in order.
    pub fn values(&self, group: usize, column: usize, value: impl FnMut(Option<Cell>)) -> Result<(), Diagnostic> {
        self.values_at(group, column, std::iter::once(0..self.group_rows[group]), value)
    }

    /// As [`Columnar::values`], of the rows in `ranges` alone, which ascend.
    pub fn values_at(
        &self,
        group: usize,
        column: usize,
        ranges: impl Iterator<Item = Range<usize>>,
        value: impl FnMut(Option<Cell>),
    ) -> Result<(), Diagnostic> {
        let optional = self.is_optional(group, column);
        let descr = self.meta.row_group(group).column(column).column_descr_ptr();
        let run = match get_column_reader(descr, Box::new(self.pages(group, column)?)) {
            ColumnReader::BoolColumnReader(r) => each(r, optional, ranges, value, |v: &bool| Cell::Bool(*v)),
            ColumnReader::Int32ColumnReader(r) => each(r, optional, ranges, value, |v: &i32| Cell::Int(i64::from(*v))),
            ColumnReader::Int64ColumnReader(r) => each(r, optional, ranges, value, |v: &i64| Cell::Int(*v)),
            ColumnReader::Int96ColumnReader(r) => {
                each(r, optional, ranges, value, |v: &parquet::data_type::Int96| Cell::Millis(v.to_millis()))
            }
            ColumnReader::FloatColumnReader(r) => {
                // By way of its shortest text: 0.1 stays 0.1.
                each(r, optional, ranges, value, |v: &f32| Cell::Float(v.to_string().parse().unwrap_or_else(|_| f64::from(*v))))
            }
            ColumnReader::DoubleColumnReader(r) => each(r, optional, ranges, value, |v: &f64| Cell::Float(*v)),
            ColumnReader::ByteArrayColumnReader(r) => each(r, optional, ranges, value, |v: &ByteArray| Cell::Bytes(bytes_of(v))),
            ColumnReader::FixedLenByteArrayColumnReader(r) => {
                each(r, optional, ranges, value, |v: &FixedLenByteArray| Cell::Bytes(bytes_of(v)))
            }
        };
        run.map_err(|e| broken(&self.file, &e))
    }
}

fn bytes_of(value: &ByteArray) -> &[u8] {
    if value.is_empty() { &[] } else { value.data() }
}

fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    optional: bool,
    ranges: impl Iterator<Item = Range<usize>>,
    mut value: impl FnMut(Option<Cell>),
    cell: impl for<'a> Fn(&'a T::T) -> Cell<'a>,
) -> Result<(), ParquetError> {
    let mut values: Vec<T::T> = Vec::with_capacity(BATCH);
    let mut levels: Vec<i16> = Vec::with_capacity(if optional { BATCH } else { 0 });
    let mut at = 0;
    for range in ranges {
        if range.start > at {
            at += reader.skip_records(range.start - at)?;
        }
        while at < range.end {
            values.clear();
            levels.clear();
            let (records, _, _) = reader.read_records(BATCH.min(range.end - at), Some(&mut levels), None, &mut values)?;
            if records == 0 {
                return Err(ParquetError::General(format!("{at} of {} rows could be read", range.end)));
            }
            at += records;
            if optional && values.len() < records {
                let mut present = values.iter();
                for level in &levels {
                    value(if *level > 0 { present.next().map(&cell) } else { None });
                }
            } else {
                for v in &values {
                    value(Some(cell(v)));
                }
            }
        }
    }
    Ok(())
}

/// SHA-256 (hex) and size of a file.
pub fn hash_file(file: &InputFile) -> Result<(String, u64), Diagnostic> {
    let before = Fingerprint::of(file)?;
    let mut input = File::open(&file.path).map_err(|e| unreadable(file, &e))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = input.read(&mut buffer).map_err(|e| unreadable(file, &e))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
    let after = Fingerprint::of(file)?;
    match changed(file, &before, &after) {
        Some(message) => Err(message),
        None => Ok((hex(&hasher.finalize()), bytes)),
    }
}
