//! Small Parquet tables with nullable columns: written with fixed settings, so that equal content is equal bytes.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Rows per row group.
const GROUP: usize = 1 << 14;
/// Name of the entry in the file's metadata that holds the manifest's hash.
pub const MANIFEST_KEY: &str = "recount.manifest.sha256";

#[derive(Debug, Clone, PartialEq)]
pub enum Cells<'a> {
    Text(Vec<Option<Cow<'a, str>>>),
    Int(Vec<Option<i64>>),
    /// Days since 1970-01-01.
    Date(Vec<Option<i32>>),
    Bool(Vec<Option<bool>>),
}

impl Cells<'_> {
    fn len(&self) -> usize {
        match self {
            Cells::Text(v) => v.len(),
            Cells::Int(v) => v.len(),
            Cells::Date(v) => v.len(),
            Cells::Bool(v) => v.len(),
        }
    }
    fn parquet_type(&self) -> (&'static str, &'static str) {
        match self {
            Cells::Text(_) => ("BYTE_ARRAY", " (UTF8)"),
            Cells::Int(_) => ("INT64", ""),
            Cells::Date(_) => ("INT32", " (DATE)"),
            Cells::Bool(_) => ("BOOLEAN", ""),
        }
    }
}

/// Named columns of one length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frame<'a>(pub Vec<(String, Cells<'a>)>);

impl<'a> Frame<'a> {
    #[must_use]
    pub fn with(mut self, name: &str, cells: Cells<'a>) -> Self {
        self.0.push((name.to_owned(), cells));
        self
    }
    pub fn rows(&self) -> usize {
        self.0.first().map_or(0, |(_, c)| c.len())
    }
    pub fn text(&self, name: &str) -> Result<&[Option<Cow<'a, str>>]> {
        match self.0.iter().find(|(n, _)| n == name) {
            Some((_, Cells::Text(v))) => Ok(v),
            _ => Err(ParquetError::General(format!("no text column `{name}`"))),
        }
    }

    fn schema(&self, name: &str) -> Result<Arc<parquet::schema::types::Type>> {
        let fields: Vec<String> = self
            .0
            .iter()
            .map(|(column, cells)| {
                let (physical, logical) = cells.parquet_type();
                format!("  OPTIONAL {physical} {column}{logical};")
            })
            .collect();
        Ok(Arc::new(parse_message_type(&format!("message {name} {{\n{}\n}}", fields.join("\n")))?))
    }

    fn write_group<W: Write + Send>(&self, writer: &mut SerializedFileWriter<W>) -> Result<()> {
        let mut group = writer.next_row_group()?;
        for (_, cells) in &self.0 {
            let Some(mut column) = group.next_column()? else { break };
            match cells {
                Cells::Text(v) => {
                    let (levels, values) = texts(v);
                    column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
                }
                Cells::Int(v) => {
                    let (levels, values) = split(v, |i| *i);
                    column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
                }
                Cells::Date(v) => {
                    let (levels, values) = split(v, |i| *i);
                    column.typed::<Int32Type>().write_batch(&values, Some(&levels), None)?;
                }
                Cells::Bool(v) => {
                    let (levels, values) = split(v, |i| *i);
                    column.typed::<BoolType>().write_batch(&values, Some(&levels), None)?;
                }
            }
            column.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// All columns of a file that `write` made, and the manifest hash in its metadata.
    pub fn read(from: File) -> Result<(Frame<'static>, Option<String>)> {
        let reader = SerializedFileReader::new(from)?;
        let metadata = reader.metadata().file_metadata();
        let manifest =
            metadata.key_value_metadata().and_then(|all| all.iter().find(|kv| kv.key == MANIFEST_KEY)).and_then(|kv| kv.value.clone());
        let names: Vec<String> = metadata.schema_descr().columns().iter().map(|c| c.name().to_owned()).collect();
        let mut columns: Vec<Option<Cells>> = names.iter().map(|_| None).collect();
        for g in 0..reader.num_row_groups() {
            let group = reader.get_row_group(g)?;
            let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            for (c, slot) in columns.iter_mut().enumerate() {
                let cells = match group.get_column_reader(c)? {
                    ColumnReader::ByteArrayColumnReader(mut r) => {
                        let (mut levels, mut values) = (vec![], vec![]);
                        drain(rows, &mut levels, |n, l| r.read_records(n, Some(l), None, &mut values))?;
                        let texts: Result<Vec<Cow<str>>> =
                            values.iter().map(|v: &ByteArray| v.as_utf8().map(|t| t.to_owned().into())).collect();
                        Cells::Text(merge(&levels, texts?))
                    }
                    ColumnReader::Int64ColumnReader(mut r) => {
                        let (mut levels, mut values) = (vec![], vec![]);
                        drain(rows, &mut levels, |n, l| r.read_records(n, Some(l), None, &mut values))?;
                        Cells::Int(merge(&levels, values))
                    }
                    ColumnReader::Int32ColumnReader(mut r) => {
                        let (mut levels, mut values) = (vec![], vec![]);
                        drain(rows, &mut levels, |n, l| r.read_records(n, Some(l), None, &mut values))?;
                        Cells::Date(merge(&levels, values))
                    }
                    ColumnReader::BoolColumnReader(mut r) => {
                        let (mut levels, mut values) = (vec![], vec![]);
                        drain(rows, &mut levels, |n, l| r.read_records(n, Some(l), None, &mut values))?;
                        Cells::Bool(merge(&levels, values))
                    }
                    _ => return Err(ParquetError::General(format!("column `{}` has a type that run folders do not use", names[c]))),
                };
                match (slot.as_mut(), cells) {
                    (Some(Cells::Text(all)), Cells::Text(more)) => all.extend(more),
                    (Some(Cells::Int(all)), Cells::Int(more)) => all.extend(more),
                    (Some(Cells::Date(all)), Cells::Date(more)) => all.extend(more),
                    (Some(Cells::Bool(all)), Cells::Bool(more)) => all.extend(more),
                    (_, cells) => *slot = Some(cells),
                }
            }
        }
        Ok((Frame(names.into_iter().zip(columns).filter_map(|(n, c)| Some((n, c?))).collect()), manifest))
    }
}

impl Frame<'_> {
    /// Writes all rows; see [`write`].
    pub fn write<W: Write + Send>(&self, name: &str, manifest: &str, to: W) -> Result<()> {
        write(name, manifest, to, self.rows(), |rows| self.part(rows))
    }
    fn part(&self, rows: Range<usize>) -> Frame<'_> {
        Frame(self.0.iter().map(|(name, column)| (name.clone(), column.part(rows.clone()))).collect())
    }
}

impl Cells<'_> {
    fn part(&self, rows: Range<usize>) -> Cells<'_> {
        match self {
            Cells::Text(v) => Cells::Text(v[rows].iter().map(|text| text.as_deref().map(Cow::Borrowed)).collect()),
            Cells::Int(v) => Cells::Int(v[rows].to_vec()),
            Cells::Date(v) => Cells::Date(v[rows].to_vec()),
            Cells::Bool(v) => Cells::Bool(v[rows].to_vec()),
        }
    }
}

/// Writes `rows` rows, a row group at a time: `part` gives the columns of a range of rows, so that only a few groups are there at once.
/// `manifest` goes into the file's metadata.
pub fn write<'a, W: Write + Send>(
    name: &str,
    manifest: &str,
    to: W,
    rows: usize,
    part: impl Fn(Range<usize>) -> Frame<'a> + Sync,
) -> Result<()> {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_created_by(format!("recount {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(vec![KeyValue::new(MANIFEST_KEY.to_owned(), manifest.to_owned())]))
        .build();
    let mut frame = part(0..rows.min(GROUP));
    let mut writer = SerializedFileWriter::new(to, frame.schema(name)?, Arc::new(properties))?;
    let mut start = 0;
    loop {
        start += frame.rows();
        // The next group is made while this one is written.
        let next = start..(start + GROUP).min(rows);
        let (written, following) = rayon::join(|| frame.write_group(&mut writer), || (!next.is_empty()).then(|| part(next)));
        written?;
        match following {
            Some(following) => frame = following,
            None => break,
        }
    }
    writer.close()?;
    Ok(())
}

/// The texts of a column lie in one piece of memory.
fn texts(cells: &[Option<Cow<str>>]) -> (Vec<i16>, Vec<ByteArray>) {
    let mut all = Vec::with_capacity(cells.iter().flatten().map(|t| t.len()).sum());
    let mut ends = Vec::with_capacity(cells.len());
    for text in cells.iter().flatten() {
        all.extend_from_slice(text.as_bytes());
        ends.push(all.len());
    }
    let all = ByteArray::from(all);
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let values = starts.zip(&ends).map(|(start, end)| if start == *end { ByteArray::from("") } else { all.slice(start, end - start) });
    (cells.iter().map(|c| i16::from(c.is_some())).collect(), values.collect())
}

fn split<T, V>(cells: &[Option<T>], value: impl Fn(&T) -> V) -> (Vec<i16>, Vec<V>) {
    (cells.iter().map(|c| i16::from(c.is_some())).collect(), cells.iter().flatten().map(value).collect())
}

fn merge<V>(levels: &[i16], values: Vec<V>) -> Vec<Option<V>> {
    let mut values = values.into_iter();
    levels.iter().map(|&l| if l > 0 { values.next() } else { None }).collect()
}

/// Calls `read` until all `rows` records are there.
fn drain(rows: usize, levels: &mut Vec<i16>, mut read: impl FnMut(usize, &mut Vec<i16>) -> Result<(usize, usize, usize)>) -> Result<()> {
    let mut done = 0;
    while done < rows {
        let (records, _, _) = read(rows - done, levels)?;
        if records == 0 {
            return Err(ParquetError::General(format!("{done} of {rows} rows could be read")));
        }
        done += records;
    }
    Ok(())
}
