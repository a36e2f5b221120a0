//! Parquet files into packed columns, row group by row group and column by column in parallel. Whole numbers, dates and flags go straight into
//! the packed vectors; everything else is read like a cell of text.

use parquet::basic::Type as Physical;
use rayon::prelude::*;

use super::build::{BlockRows, ColumnBuilder, Kept, Lines};
use super::read::{Reading, Sink};
use super::{Column, Data};
use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::schema::{BadCell, SemanticType, Value, dates, format, format_into, number};
use crate::source::{Cell, Columnar, Found, InputFile, Kind, MISSING, Texts, hash_file, map_headers, number_text, open_columnar};

/// Gives hash and size of the file.
pub(super) fn read(reading: &Reading, file: &InputFile, sink: Sink) -> Result<(String, u64), Diagnostics> {
    let parquet = open_columnar(file)?;
    let headers: Vec<String> = parquet.columns.iter().map(|c| c.name.clone()).collect();
    let found = map_headers(reading.plan.name(), &file.name, None, 1, &headers, false, &reading.plan.wanted())?;
    let mut messages = Diagnostics::default();
    for (slot, at) in found.at.iter().enumerate() {
        if let Some(at) = at
            && parquet.columns[*at].nested
        {
            let message = format!("column `{}` of `{}` holds lists or groups", parquet.columns[*at].name, file.name);
            messages.push(
                Diagnostic::error("nested-column", message)
                    .at(reading.plan.columns[slot].wanted.span.clone(), "read from there")
                    .place(Place::File(file.name.clone()), "")
                    .help("have the column written as plain values"),
            );
        }
    }
    messages.finish(())?;
    let (hash, read) = rayon::join(|| hash_file(file), || groups(reading, &parquet, &found, sink));
    let (sha256, bytes) = hash?;
    read?;
    reading.progress.bytes(reading.plan.name(), bytes);
    Ok((sha256, bytes))
}

/// A few row groups at a time, so that rows and not the file decide how much is held.
fn groups(reading: &Reading, parquet: &Columnar, found: &Found, sink: Sink) -> Result<(), Diagnostics> {
    let at_once = rayon::current_num_threads().max(1) * 2;
    let mut first = 1u32;
    let mut starts = vec![];
    for rows in &parquet.group_rows {
        starts.push(first);
        first = first.saturating_add(*rows as u32);
    }
    let width = found.at.len();
    let mut messages = Diagnostics::default();
    let all: Vec<usize> = (0..starts.len()).collect();
    let mut rest = &all[..];
    while let Some(&next) = rest.first() {
        let mut rows = 0;
        let fits = rest.iter().take(at_once).take_while(|&&group| {
            rows += parquet.group_rows[group];
            group == next || rows <= reading.block_bytes / 4
        });
        let (some, after) = rest.split_at(fits.count());
        rest = after;
        let tasks: Vec<(usize, usize)> = some.iter().flat_map(|&group| (0..width).map(move |slot| (group, slot))).collect();
        let parts: Vec<Result<_, Diagnostic>> = tasks
            .par_iter()
            .map(|&(group, slot)| {
                let rows = parquet.group_rows[group];
                let mut builder = ColumnBuilder::new(reading.plan, slot, reading.pool, rows);
                match found.at[slot] {
                    Some(column) => fill(&mut builder, parquet, group, column, starts[group])?,
                    None => (0..rows).for_each(|_| builder.missing()),
                }
                Ok(builder.finish(reading.pool))
            })
            .collect();
        let mut parts = parts.into_iter();
        let mut blocks = vec![];
        for &group in some {
            let columns: Vec<_> = parts.by_ref().take(width).filter_map(|p| messages.take(p.map_err(Diagnostics::from))).collect();
            blocks.push(BlockRows::new(parquet.group_rows[group], Lines::From(starts[group]), columns, vec![]));
        }
        if !messages.has_errors() {
            sink(blocks)?;
        }
    }
    messages.finish(())
}

fn fill(builder: &mut ColumnBuilder, parquet: &Columnar, group: usize, column: usize, first: u32) -> Result<(), Diagnostic> {
    if parquet.holds_texts(column) {
        return texts(builder, parquet, group, column, first);
    }
    let semantic = builder.semantic();
    let kind = parquet.columns[column].kind;
    let mut line = first;
    parquet.values(group, column, |cell| {
        match cell {
            None => builder.missing(),
            Some(cell) => one(builder, semantic, kind, cell, line),
        }
        line += 1;
    })
}

/// Each text of the file's dictionary is read once, however many rows hold it.
fn texts(builder: &mut ColumnBuilder, parquet: &Columnar, group: usize, column: usize, first: u32) -> Result<(), Diagnostic> {
    let mut line = first;
    let mut known: Vec<Option<Kept>> = vec![];
    let cell = |builder: &mut ColumnBuilder, bytes: &[u8], line: u32| match std::str::from_utf8(bytes) {
        Ok(text) => builder.keep(text, line),
        Err(_) => {
            builder.bad(&String::from_utf8_lossy(bytes), BadCell::new("the value is not UTF-8 text"), line);
            None
        }
    };
    parquet.texts(
        group,
        column,
        |_| false,
        |rows| match rows {
            Texts::Skipped(_) => {}
            Texts::Plain(cells) => {
                for bytes in cells {
                    match bytes {
                        Some(bytes) => _ = cell(builder, bytes, line),
                        None => builder.missing(),
                    }
                    line += 1;
                }
            }
            Texts::Coded(codes, dictionary) => {
                known.resize(dictionary.len(), None);
                for &code in codes {
                    if code == MISSING {
                        builder.missing();
                    } else {
                        match known[code as usize] {
                            Some(kept) => builder.again(kept),
                            // A cell that does not parse is listed each time.
                            None => known[code as usize] = cell(builder, dictionary[code as usize], line),
                        }
                    }
                    line += 1;
                }
            }
        },
    )
}

#[inline]
fn one(builder: &mut ColumnBuilder, semantic: &SemanticType, kind: Kind, cell: Cell, line: u32) {
    match (cell, kind) {
        (Cell::Bytes(bytes), Kind::Plain) => match std::str::from_utf8(bytes) {
            Ok(text) => builder.cell(text, line),
            Err(_) => builder.bad(&String::from_utf8_lossy(bytes), BadCell::new("the value is not UTF-8 text"), line),
        },
        (Cell::Bytes(bytes), Kind::Decimal(scale)) => match big_endian(bytes) {
            Some(units) => decimal(builder, semantic, units, scale, line),
            None => builder.bad("", BadCell::new("the number is too large"), line),
        },
        (Cell::Bool(value), _) if *semantic == SemanticType::Bool => builder.packed_bool(value),
        (Cell::Bool(value), _) => builder.cell(if value { "true" } else { "false" }, line),
        (Cell::Int(value), Kind::Plain) => match semantic {
            SemanticType::Int => builder.packed_i64(value),
            SemanticType::Money(unit) => scaled(builder, value, unit.places(), line),
            SemanticType::Decimal(places) => scaled(builder, value, *places, line),
            _ => builder.cell(&value.to_string(), line),
        },
        (Cell::Int(value), Kind::Decimal(scale)) => decimal(builder, semantic, i128::from(value), scale, line),
        (Cell::Int(value), Kind::Date) => day(builder, semantic, value, line),
        (Cell::Int(value), Kind::Instant(per_day)) => day(builder, semantic, value.div_euclid(per_day), line),
        (Cell::Millis(value), _) => day(builder, semantic, value.div_euclid(86_400_000), line),
        (Cell::Float(value), _) => float(builder, semantic, value, line),
        (Cell::Bytes(_), _) => builder.bad("", BadCell::new("the value has a form that is not understood"), line),
    }
}

fn scaled(builder: &mut ColumnBuilder, value: i64, places: u8, line: u32) {
    match value.checked_mul(10i64.pow(u32::from(places))) {
        Some(value) => builder.packed_i64(value),
        None => builder.bad(&value.to_string(), BadCell::new(format!("`{value}` is too large")), line),
    }
}

fn day(builder: &mut ColumnBuilder, semantic: &SemanticType, days: i64, line: u32) {
    // The same years as for dates in text.
    let days = i32::try_from(days).ok().filter(|d| (-62_091..=84_005).contains(d));
    match (days, semantic) {
        (Some(days), SemanticType::Date) => builder.packed_i32(days),
        (Some(days), SemanticType::Month) => builder.packed_i32(dates::month_of(days)),
        (Some(days), _) => builder.cell(&format(&Value::Date(days)), line),
        (None, _) => builder.bad("", BadCell::new("the day lies outside the years 1800 to 2199"), line),
    }
}

fn decimal(builder: &mut ColumnBuilder, semantic: &SemanticType, units: i128, scale: u8, line: u32) {
    let places = match semantic {
        SemanticType::Money(unit) => Some(unit.places()),
        SemanticType::Decimal(places) => Some(*places),
        _ => None,
    };
    if let Some(places) = places
        && places >= scale
        && let Some(value) = units.checked_mul(10i128.pow(u32::from(places - scale))).and_then(|v| i64::try_from(v).ok())
    {
        return builder.packed_i64(value);
    }
    match i64::try_from(units) {
        Ok(units) => builder.cell(&number::format_decimal(units, scale), line),
        Err(_) => builder.bad("", BadCell::new("the number is too large"), line),
    }
}

/// A float stands for the decimal it is nearest to, when that has few enough digits.
fn float(builder: &mut ColumnBuilder, semantic: &SemanticType, value: f64, line: u32) {
    let places = match semantic {
        SemanticType::Money(unit) => unit.places(),
        SemanticType::Decimal(places) => *places,
        SemanticType::Int => 0,
        _ => return builder.cell(&number_text(value), line),
    };
    let power = 10f64.powi(i32::from(places));
    let units = (value * power).round();
    // Division rounds once, so equality means that the decimal's nearest float is this one.
    if units.abs() < 9e14 && units / power == value {
        return builder.packed_i64(units as i64);
    }
    builder.cell(&if value.is_finite() { number_text(value) } else { value.to_string() }, line);
}

fn big_endian(bytes: &[u8]) -> Option<i128> {
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let negative = bytes[0] & 0x80 != 0;
    Some(bytes.iter().fold(if negative { -1i128 } else { 0 }, |n, b| n << 8 | i128::from(*b)))
}

/// The delivered text of a cell.
pub(super) fn cell_text(cell: Cell, kind: Kind) -> String {
    let day = |days: i64| i32::try_from(days).map_or_else(|_| days.to_string(), |d| format(&Value::Date(d)));
    match (cell, kind) {
        (Cell::Bool(value), _) => value.to_string(),
        (Cell::Int(value), Kind::Plain) => value.to_string(),
        (Cell::Int(value), Kind::Date) => day(value),
        (Cell::Int(value), Kind::Instant(per_day)) => day(value.div_euclid(per_day)),
        (Cell::Int(value), Kind::Decimal(scale)) => number::format_decimal(value, scale),
        (Cell::Millis(value), _) => day(value.div_euclid(86_400_000)),
        (Cell::Float(value), _) if value.is_finite() => number_text(value),
        (Cell::Float(value), _) => value.to_string(),
        (Cell::Bytes(bytes), Kind::Decimal(scale)) => big_endian(bytes)
            .and_then(|units| i64::try_from(units).ok())
            .map_or_else(|| "too large a number".to_owned(), |units| number::format_decimal(units, scale)),
        (Cell::Bytes(bytes), _) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Writes what [`cell_text`] would give of a cell from the value that [`one`] made of it: `None` where this value may stand for several delivered ones,
/// so that the file has to be looked at.
pub(super) fn write_again(physical: Physical, kind: Kind, column: &Column, row: usize, out: &mut String) -> Option<()> {
    let places = match &column.semantic {
        SemanticType::Money(unit) => unit.places(),
        SemanticType::Decimal(places) => *places,
        _ => 0,
    };
    let scaled = matches!(column.semantic, SemanticType::Int | SemanticType::Money(_) | SemanticType::Decimal(_));
    let is_whole = matches!(physical, Physical::INT32 | Physical::INT64);
    if !column.is_valid(row) {
        // No value at all, unless it was one that could not be read.
        let plain = is_whole && kind == Kind::Plain && scaled && !column.is_bad(row);
        return plain.then_some(());
    }
    match (&column.data, kind) {
        (Data::I64(units), Kind::Plain) if is_whole && scaled => number::write_int(out, units[row] / 10i64.pow(places.into()), 1),
        (Data::I64(units), Kind::Decimal(scale)) if is_whole && scaled && places >= scale => {
            number::write_decimal(out, units[row] / 10i64.pow((places - scale).into()), scale);
        }
        // 15 digits tell a float from all others; nought has two signs.
        (Data::I64(units), Kind::Plain)
            if matches!(physical, Physical::FLOAT | Physical::DOUBLE) && scaled && (1..900_000_000_000_000).contains(&units[row].abs()) =>
        {
            number::write_decimal(out, units[row], places);
            if places > 0 {
                out.truncate(out.trim_end_matches('0').trim_end_matches('.').len());
            }
        }
        (Data::I32(days), Kind::Date | Kind::Instant(_)) if is_whole && column.semantic == SemanticType::Date => {
            format_into(out, &Value::Date(days[row]));
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::super::tests::{column, everything, project, table, texts};
    use super::super::{LoadOptions, WantedCells, delivered, load};
    use super::*;
    use crate::schema::MoneyUnit;

    #[test]
    fn values_of_all_kinds_are_read_exactly() {
        let schema = "message m {
            required binary id (UTF8); optional int64 fen; optional double yuan; required int32 day (DATE); optional int64 at (TIMESTAMP(MILLIS,false));
            required boolean ok; required int64 amount (DECIMAL(18,2)); optional binary paid (UTF8); required int64 region; }";
        let folder = tempfile::tempdir().expect("a folder");
        let file = std::fs::File::create(folder.path().join("p.parquet")).expect("created");
        let schema = Arc::new(parse_message_type(schema).expect("a schema"));
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).expect("a writer");
        for part in 0..2i64 {
            let mut group = writer.next_row_group().expect("a group");
            let mut number = 0;
            while let Some(mut column) = group.next_column().expect("a column") {
                let day = 17_531 + part;
                match number {
                    0 => column.typed::<ByteArrayType>().write_batch(
                        &["a", "b"].map(|t| ByteArray::from(format!("{t}{part}").as_str())),
                        None,
                        None,
                    ),
                    1 => column.typed::<Int64Type>().write_batch(&[412_000 + part], Some(&[1, 0]), None),
                    2 => column.typed::<DoubleType>().write_batch(&[4120.1, 12.345], Some(&[1, 1]), None),
                    3 => column.typed::<Int32Type>().write_batch(&[day as i32, -1], None, None),
                    4 => column.typed::<Int64Type>().write_batch(&[day * 86_400_000 + 5], Some(&[0, 1]), None),
                    5 => column.typed::<BoolType>().write_batch(&[true, false], None, None),
                    6 => column.typed::<Int64Type>().write_batch(&[1, -250], None, None),
                    7 => column.typed::<ByteArrayType>().write_batch(&["201712", "x"].map(ByteArray::from), Some(&[1, 1]), None),
                    _ => column.typed::<Int64Type>().write_batch(&[522_301, 52], None, None),
                }
                .expect("written");
                column.close().expect("closed");
                number += 1;
            }
            group.close().expect("closed");
        }
        writer.close().expect("closed");
        let columns = vec![
            column("id", &[], SemanticType::Text),
            column("fen", &[], SemanticType::Money(MoneyUnit::Fen)),
            column("yuan", &[], SemanticType::Money(MoneyUnit::Yuan)),
            column("day", &[], SemanticType::Date),
            column("at", &[], SemanticType::Month),
            column("ok", &[], SemanticType::Bool),
            column("amount", &[], SemanticType::Money(MoneyUnit::Yuan)),
            column("paid", &[], SemanticType::Date),
            column("region", &[], SemanticType::Region),
        ];
        let project = project(folder.path(), vec![table("p", "p.parquet", &["id"], columns)]);
        let loaded = load(&project, &everything(&project), &LoadOptions::default()).expect("loads");
        let table = &loaded.tables[0];
        let expected = [
            ("id", ["a0", "a1", "b0", "b1"]),
            ("fen", ["4120.00", "4120.01", "", ""]),
            ("yuan", ["4120.10", "4120.10", "bad", "bad"]),
            ("day", ["2017-12-31", "2018-01-01", "1969-12-31", "1969-12-31"]),
            ("at", ["", "", "2017-12", "2018-01"]),
            ("ok", ["true", "true", "false", "false"]),
            ("amount", ["0.01", "0.01", "-2.50", "-2.50"]),
            ("paid", ["2017-12-01", "2017-12-01", "bad", "bad"]),
            ("region", ["522301000000", "522301000000", "520000000000", "520000000000"]),
        ];
        for (name, values) in expected {
            assert_eq!(texts(table, name), values, "{name}");
        }
        assert_eq!(table.origin.line, [1, 3, 2, 4]);
        assert_eq!(table.column("paid").and_then(|c| c.part.as_ref()).map(super::super::Bits::count_ones), Some(2));
        assert_eq!(loaded.rejected.iter().map(|r| r.line).collect::<Vec<_>>(), [2, 2, 4, 4]);
    }

    /// Whether it is written again from the value or looked up in the file: what evidence quotes is what the file says.
    #[test]
    fn cells_are_quoted_as_the_file_holds_them() {
        let schema = "message m { required int64 id; optional double yuan; optional int64 fen; required int32 day (DATE);
            required int64 amount (DECIMAL(18,1)); required int64 region; optional float wan; }";
        let yuan = [0.0, -0.0, 4120.5, -3.0, 0.1 + 0.2, 12.345, 8_999_999_999_999.99, 1e15, f64::NAN, 100.0, -0.01];
        let fen = [0, -5, 100, i64::MAX, 7];
        let wan = [0.25f32, 3.0, 0.1];
        let rows = yuan.len() + 1;
        let levels = |n: usize| (0..rows).map(|i| i16::from(i < n)).collect::<Vec<_>>();
        let folder = tempfile::tempdir().expect("a folder");
        let file = std::fs::File::create(folder.path().join("p.parquet")).expect("created");
        let schema = Arc::new(parse_message_type(schema).expect("a schema"));
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).expect("a writer");
        let mut group = writer.next_row_group().expect("a group");
        let mut number = 0;
        while let Some(mut column) = group.next_column().expect("a column") {
            let counted: Vec<i64> = (0..rows as i64).collect();
            match number {
                0 => column.typed::<Int64Type>().write_batch(&counted, None, None),
                1 => column.typed::<DoubleType>().write_batch(&yuan, Some(&levels(yuan.len())), None),
                2 => column.typed::<Int64Type>().write_batch(&fen, Some(&levels(fen.len())), None),
                3 => column.typed::<Int32Type>().write_batch(&counted.iter().map(|i| *i as i32 * 9000).collect::<Vec<_>>(), None, None),
                4 => column.typed::<Int64Type>().write_batch(&counted.iter().map(|i| i * i - 9).collect::<Vec<_>>(), None, None),
                5 => column.typed::<Int64Type>().write_batch(&counted.iter().map(|i| 522_301 + i).collect::<Vec<_>>(), None, None),
                _ => column.typed::<parquet::data_type::FloatType>().write_batch(&wan, Some(&levels(wan.len())), None),
            }
            .expect("written");
            column.close().expect("closed");
            number += 1;
        }
        group.close().expect("closed");
        writer.close().expect("closed");
        let columns = vec![
            column("id", &[], SemanticType::Int),
            column("yuan", &[], SemanticType::Money(MoneyUnit::Yuan)),
            column("fen", &[], SemanticType::Money(MoneyUnit::Yuan)),
            column("day", &[], SemanticType::Date),
            column("amount", &[], SemanticType::Money(MoneyUnit::Yuan)),
            column("region", &[], SemanticType::Region),
            column("wan", &[], SemanticType::Money(MoneyUnit::Wan)),
        ];
        let names: Vec<String> = columns.iter().map(|c| c.name.value.clone()).collect();
        let project = project(folder.path(), vec![table("p", "p.parquet", &["id"], columns)]);
        let loaded = load(&project, &everything(&project), &LoadOptions::default()).expect("loads");
        let parquet = open_columnar(&InputFile { path: folder.path().join("p.parquet"), name: "p.parquet".to_owned() }).expect("opens");
        let all: Vec<u32> = (0..rows as u32).collect();
        let wanted = |(_, column): (usize, &String)| WantedCells { table: 0, column: column.clone(), rows: all.clone() };
        let cells = delivered(&project, &loaded, names.iter().enumerate().map(wanted).collect()).expect("reads");
        let mut again = vec![0; names.len()];
        for (number, name) in names.iter().enumerate() {
            let mut in_file = vec![];
            let kind = parquet.columns[number].kind;
            parquet.values(0, number, |cell| in_file.push(cell.map_or_else(String::new, |c| cell_text(c, kind)))).expect("reads");
            let column = loaded.tables[0].column(name).expect("loaded");
            for (row, text) in in_file.iter().enumerate() {
                let mut out = String::new();
                if write_again(parquet.physical(number), kind, column, row, &mut out).is_some() {
                    assert_eq!(out, *text, "{name}");
                    again[number] += 1;
                }
                assert_eq!(cells.get(number, row as u32), Some(text.as_str()), "{name}");
            }
        }
        assert_eq!(again, [12, 6, 11, 10, 12, 0, 3], "all but noughts, what did not parse, and regions");
    }

    #[test]
    fn what_is_no_parquet_file_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("p.parquet"), b"id\n1\n").expect("written");
        let project = project(folder.path(), vec![table("p", "p.parquet", &["id"], vec![column("id", &[], SemanticType::Text)])]);
        let errors = load(&project, &everything(&project), &LoadOptions::default()).expect_err("not Parquet");
        assert_eq!(errors.0[0].code, "unreadable-parquet");
    }
}
