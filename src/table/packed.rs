//! Packed columns as Parquet files of the store: one file of rows, one of texts per text column. Everything is required and in table order.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as SchemaType;

use super::Bits;
use crate::diagnostic::Diagnostic;
use crate::source::{Cell, Columnar};

/// Rows of a row group.
const GROUP: usize = 1 << 20;

/// A vector on its way to a file.
pub(super) enum Stored<'a> {
    I64(&'a [i64]),
    I32(&'a [i32]),
    Codes(Vec<i32>),
    Bits(&'a Bits),
    Texts(Vec<&'a str>),
}

impl Stored<'_> {
    fn len(&self) -> usize {
        match self {
            Stored::I64(v) => v.len(),
            Stored::I32(v) => v.len(),
            Stored::Codes(v) => v.len(),
            Stored::Bits(v) => v.len(),
            Stored::Texts(v) => v.len(),
        }
    }
    fn physical(&self) -> Physical {
        match self {
            Stored::I64(_) => Physical::INT64,
            Stored::I32(_) | Stored::Codes(_) => Physical::INT32,
            Stored::Bits(_) => Physical::BOOLEAN,
            Stored::Texts(_) => Physical::BYTE_ARRAY,
        }
    }
}

/// Writes vectors of one length as the columns of a file.
pub(super) fn write(path: &Path, columns: &[(String, Stored)]) -> Result<(), ParquetError> {
    let fields = columns.iter().map(|(name, stored)| {
        SchemaType::primitive_type_builder(name, stored.physical()).with_repetition(Repetition::REQUIRED).build().map(Arc::new)
    });
    let schema = SchemaType::group_type_builder("table").with_fields(fields.collect::<Result<_, _>>()?).build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    let mut writer = SerializedFileWriter::new(File::create(path)?, Arc::new(schema), Arc::new(properties))?;
    let rows = columns.first().map_or(0, |(_, stored)| stored.len());
    for start in (0..rows).step_by(GROUP) {
        let end = (start + GROUP).min(rows);
        let mut group = writer.next_row_group()?;
        for (_, stored) in columns {
            let Some(mut column) = group.next_column()? else { break };
            match stored {
                Stored::I64(v) => column.typed::<Int64Type>().write_batch(&v[start..end], None, None)?,
                Stored::I32(v) => column.typed::<Int32Type>().write_batch(&v[start..end], None, None)?,
                Stored::Codes(v) => column.typed::<Int32Type>().write_batch(&v[start..end], None, None)?,
                Stored::Bits(v) => {
                    let values: Vec<<BoolType as DataType>::T> = (start..end).map(|i| v.get(i)).collect();
                    column.typed::<BoolType>().write_batch(&values, None, None)?
                }
                Stored::Texts(v) => {
                    let values: Vec<ByteArray> = v[start..end].iter().map(|t| ByteArray::from(*t)).collect();
                    column.typed::<ByteArrayType>().write_batch(&values, None, None)?
                }
            };
            column.close()?;
        }
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// All values of a column of a stored file, one after the other.
fn each(file: &Columnar, name: &str, mut value: impl FnMut(Cell)) -> Result<(), Diagnostic> {
    let Some(column) = file.columns.iter().position(|c| c.name == name) else {
        return Err(Diagnostic::error("unreadable-store", format!("`{}` has no column `{name}`", file.file.name)));
    };
    for group in 0..file.group_rows.len() {
        file.values(group, column, |cell| {
            if let Some(cell) = cell {
                value(cell);
            }
        })?;
    }
    Ok(())
}

pub(super) fn read_i64(file: &Columnar, name: &str) -> Result<Vec<i64>, Diagnostic> {
    let mut out = Vec::with_capacity(file.group_rows.iter().sum());
    each(file, name, |cell| {
        if let Cell::Int(v) = cell {
            out.push(v);
        }
    })?;
    Ok(out)
}

pub(super) fn read_i32(file: &Columnar, name: &str) -> Result<Vec<i32>, Diagnostic> {
    let mut out = Vec::with_capacity(file.group_rows.iter().sum());
    each(file, name, |cell| {
        if let Cell::Int(v) = cell {
            out.push(v as i32);
        }
    })?;
    Ok(out)
}

pub(super) fn read_bits(file: &Columnar, name: &str) -> Result<Bits, Diagnostic> {
    let mut out = Bits::default();
    each(file, name, |cell| {
        if let Cell::Bool(v) = cell {
            out.push(v);
        }
    })?;
    Ok(out)
}

pub(super) fn read_texts(file: &Columnar, name: &str, mut text: impl FnMut(&str)) -> Result<(), Diagnostic> {
    each(file, name, |cell| {
        if let Cell::Bytes(bytes) = cell {
            text(std::str::from_utf8(bytes).unwrap_or_default());
        }
    })
}
