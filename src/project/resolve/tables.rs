//! Tables: files, formats, columns and their types, coverage, control totals.

use super::names::check_name;
use super::{column_type, plain_type};
use crate::diagnostic::yaml::TextOr;
use crate::diagnostic::{Diagnostic, Diagnostics, Spanned};
use crate::project::spec::{ColumnSpec, CoversSpec, ExpectSpec, FormatSpec, TableSpec, Text, TypeSpec};
use crate::project::{ColumnSource, Covers, Expect, Format, Regions, TableSource, Valid};
use crate::schema::{self, MoneyUnit, SemanticType};

const MAX_SCALE: u8 = 9;
const MAX_HEADER_ROWS: u32 = 20;

pub(super) fn resolve(name: Text, spec: TableSpec, regions: &Regions, problems: &mut Diagnostics) -> TableSource {
    check_name("table", &name, problems);
    let columns: Vec<ColumnSource> = spec.columns.into_iter().filter_map(|(name, column)| self::column(name, column, problems)).collect();
    let format = spec.format.map(|f| match f {
        FormatSpec::Csv => Format::Csv,
        FormatSpec::Parquet => Format::Parquet,
        FormatSpec::Xlsx => Format::Xlsx,
        FormatSpec::Ndjson => Format::Ndjson,
    });
    if spec.from.is_empty() {
        problems.push(Diagnostic::error("missing-value", format!("`{}` is read from no file", name.value)).at(name.span.clone(), ""));
    }
    let formats: Vec<Format> = spec.from.iter().filter_map(|from| format.or_else(|| by_extension(from, problems))).collect();
    let only = |wanted: Format| formats.iter().all(|f| *f == wanted);
    if let Some(encoding) = &spec.encoding {
        if encoding_rs::Encoding::for_label(encoding.value.as_bytes()).is_none() {
            problems.push(
                Diagnostic::error("unknown-value", format!("`{}` is not an encoding", encoding.value))
                    .at(encoding.span.clone(), "not known")
                    .help("usual ones: utf-8, gb18030, gbk, big5, utf-16le, windows-1252"),
            );
        }
        option_for(only(Format::Csv), "encoding", "CSV", encoding.span.clone(), problems);
    }
    if let Some(sheet) = &spec.sheet {
        option_for(only(Format::Xlsx), "sheet", "XLSX", sheet.span.clone(), problems);
    }
    let delimiter = spec.delimiter.and_then(|d| {
        option_for(only(Format::Csv), "delimiter", "CSV", d.span.clone(), problems);
        match d.value.as_bytes() {
            [one] if one.is_ascii() && !one.is_ascii_alphanumeric() && *one != b'"' => Some(*one),
            _ if d.value == "tab" || d.value == "\\t" => Some(b'\t'),
            _ => {
                problems.push(
                    Diagnostic::error("bad-value", format!("`{}` is not a delimiter; wanted one character such as `;`, or `tab`", d.value))
                        .at(d.span, ""),
                );
                None
            }
        }
    });
    let header_rows = spec.header_rows.map_or(1, |rows| {
        if rows.value == 0 || rows.value > MAX_HEADER_ROWS {
            problems.push(
                Diagnostic::error("bad-value", format!("found {} header rows, wanted 1 to {MAX_HEADER_ROWS}", rows.value))
                    .at(rows.span.clone(), "")
                    .help("files without a header are not read: add one"),
            );
        }
        rows.value.clamp(1, MAX_HEADER_ROWS)
    });
    let valid = spec.valid.map(|v| Valid { from: v.from, to: v.to });
    let table = TableSource {
        covers: spec.covers.map(|c| covers(c, regions, problems)),
        expect: spec.expect.map(expect),
        name,
        from: spec.from.0,
        optional: spec.optional,
        format,
        encoding: spec.encoding,
        delimiter,
        sheet: spec.sheet,
        header_rows,
        skip_rows: spec.skip_rows.unwrap_or(0),
        key: spec.key.0,
        sort: spec.sort.0,
        region: spec.region,
        date: spec.date,
        valid,
        snapshot: spec.snapshot,
        columns,
    };
    check_columns(&table, problems);
    table
}

fn by_extension(from: &Text, problems: &mut Diagnostics) -> Option<Format> {
    let extension = from.value.rsplit('/').next().and_then(|file| file.rsplit_once('.')).map_or("", |(_, e)| e).to_lowercase();
    match extension.as_str() {
        "csv" | "tsv" | "txt" => Some(Format::Csv),
        "parquet" => Some(Format::Parquet),
        "xlsx" | "xlsm" => Some(Format::Xlsx),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => {
            problems.push(
                Diagnostic::error("unknown-format", format!("the format of `{}` cannot be told from its name", from.value))
                    .at(from.span.clone(), "no known extension")
                    .help("say `format: csv`, `parquet`, `xlsx` or `ndjson`"),
            );
            None
        }
    }
}

fn option_for(fits: bool, option: &str, format: &str, span: Option<crate::diagnostic::Span>, problems: &mut Diagnostics) {
    if !fits {
        problems
            .push(Diagnostic::error("option-not-for", format!("`{option}` is for {format} files only")).at(span, "has no meaning here"));
    }
}

fn column(name: Text, spec: TextOr<ColumnSpec>, problems: &mut Diagnostics) -> Option<ColumnSource> {
    check_name("column", &name, problems);
    let spec = match spec {
        TextOr::Text(kind) => {
            let semantic = column_type(&kind, problems)?;
            return Some(ColumnSource { from: vec![name.clone()], name, semantic, is: None, optional: false, restricted: false });
        }
        TextOr::Other(spec) => spec,
    };
    let kind = spec.kind.value;
    let kind_name = TypeSpec::ALL.iter().find(|(_, k)| *k == kind).map_or("", |(name, _)| *name);
    let mut only = |option: &str, wanted: &str, fits: bool, span| {
        if !fits {
            problems.push(
                Diagnostic::error(
                    "option-not-for",
                    format!("`{option}` is for columns of type {wanted}; `{}` is of type {kind_name}", name.value),
                )
                .at(span, "has no meaning here"),
            );
        }
    };
    if let Some(unit) = &spec.unit {
        only("unit", "money", kind == TypeSpec::Money, unit.span.clone());
    }
    if let Some(scale) = &spec.scale {
        only("scale", "decimal", kind == TypeSpec::Decimal, scale.span.clone());
    }
    if let Some(values) = &spec.values {
        only("values", "code", kind == TypeSpec::Code, values.0.first().and_then(|v| v.span.clone()));
    }
    if let (Some(is), false) = (&spec.is, spec.from.is_empty()) {
        problems.push(
            Diagnostic::error("computed-column-from-file", format!("`{}` is computed and read from a file", name.value))
                .at(spec.from.0[0].span.clone(), "read from here")
                .at(is.span.clone(), "computed here")
                .help("keep `from` or `is`"),
        );
    }
    let semantic = match kind {
        TypeSpec::Money => SemanticType::Money(spec.unit.map_or(MoneyUnit::Yuan, |u| u.value)),
        TypeSpec::Decimal => SemanticType::Decimal(spec.scale.map_or(2, |s| {
            if s.value > MAX_SCALE {
                problems
                    .push(Diagnostic::error("bad-value", format!("found {} decimals, wanted at most {MAX_SCALE}", s.value)).at(s.span, ""));
            }
            s.value.min(MAX_SCALE)
        })),
        TypeSpec::Code => SemanticType::Code(spec.values.map(|v| v.into_iter().map(|code| code.value).collect()).unwrap_or_default()),
        other => plain_type(other),
    };
    let from = if spec.from.is_empty() && spec.is.is_none() { vec![name.clone()] } else { spec.from.0 };
    Some(ColumnSource { name, from, semantic, is: spec.is, optional: spec.optional, restricted: spec.restricted })
}

pub(super) fn covers(spec: Spanned<CoversSpec>, regions: &Regions, problems: &mut Diagnostics) -> Covers {
    let from = spec.value.from.as_ref().and_then(|d| day(d, false, problems));
    let to = spec.value.to.as_ref().and_then(|d| day(d, true, problems));
    if let (Some(first), Some(last), Some(text)) = (from, to, &spec.value.to)
        && first > last
    {
        problems.push(Diagnostic::error("dates-reversed", "`to` is before `from`").at(text.span.clone(), "earlier than `from`"));
    }
    let mut codes = Vec::new();
    for text in &spec.value.regions {
        match schema::region::parse(&text.value) {
            Ok(code) if regions.all.is_empty() || regions.get(code).is_some() => codes.push(code),
            Ok(code) => problems.push(
                Diagnostic::error("unknown-region", format!("the region {} is not in the region tree", schema::region::text(code)))
                    .at(text.span.clone(), "not known")
                    .help("add it to the region file, or correct the code"),
            ),
            Err(bad) => problems.push(Diagnostic::error("bad-value", bad.problem).at(text.span.clone(), "")),
        }
    }
    codes.sort_unstable();
    codes.dedup();
    Covers { from, to, regions: codes, span: spec.span }
}

/// A day; of a month its first or `last` day.
fn day(text: &Text, last: bool, problems: &mut Diagnostics) -> Option<i32> {
    match schema::dates::parse(&text.value) {
        Ok((day, true)) if last => Some(schema::dates::month_end(schema::dates::month_of(day))),
        Ok((day, _)) => Some(day),
        Err(bad) => {
            problems.push(Diagnostic::error("bad-value", bad.problem).at(text.span.clone(), "wanted a date such as 2017-01-31"));
            None
        }
    }
}

fn expect(spec: Spanned<ExpectSpec>) -> Expect {
    Expect { rows: spec.value.rows, files: spec.value.files, sums: spec.value.sums.0, span: spec.span }
}

/// Columns that the table itself names must be declared and fit.
fn check_columns(table: &TableSource, problems: &mut Diagnostics) {
    let named = |problems: &mut Diagnostics, name: &Text, dated: bool, numeric: bool, role: &str| {
        let Some(column) = table.columns.iter().find(|c| c.name.value == name.value) else {
            problems.push(super::names::unknown_column(&table.name.value, table.columns.iter().map(|c| c.name.value.as_str()), name));
            return;
        };
        let date = matches!(column.semantic, SemanticType::Date | SemanticType::Month);
        let number = matches!(column.semantic, SemanticType::Money(_) | SemanticType::Int | SemanticType::Decimal(_));
        if (dated && !date) || (numeric && !number) {
            let wanted = if dated { "a date" } else { "a number or money" };
            problems.push(
                Diagnostic::error("wrong-type", format!("`{}` {role}, so it must be {wanted}", name.value))
                    .at(name.span.clone(), format!("not {wanted}"))
                    .at(column.name.span.clone(), "declared here"),
            );
        }
    };
    table.key.iter().for_each(|k| named(problems, k, false, false, ""));
    table.sort.iter().for_each(|k| named(problems, k, false, false, ""));
    table.snapshot.iter().for_each(|k| named(problems, k, true, false, "dates deliveries"));
    for end in table.valid.iter().flat_map(|v| [&v.from, &v.to]).flatten() {
        named(problems, end, true, false, "bounds the validity of a row");
    }
    for (column, sum) in table.expect.iter().flat_map(|e| &e.sums) {
        named(problems, column, false, true, "is summed");
        if schema::number::parse_decimal(&sum.value, MAX_SCALE).is_err() {
            problems.push(Diagnostic::error("bad-value", format!("`{}` is not a sum", sum.value)).at(sum.span.clone(), "wanted a number"));
        }
    }
    for (i, key) in table.key.iter().enumerate() {
        if table.key[..i].iter().any(|k| k.value == key.value) {
            problems
                .push(Diagnostic::error("name-clash", format!("`{}` stands twice in the key", key.value)).at(key.span.clone(), "second"));
        }
    }
    if table.snapshot.is_some() && table.key.is_empty() {
        problems.push(
            Diagnostic::error("missing-key", format!("`{}` has snapshots but no key", table.name.value))
                .at(table.snapshot.as_ref().and_then(|s| s.span.clone()), "the latest row of what?")
                .help("name the columns that stay the same between deliveries: `key: [...]`"),
        );
    }
}

/// Two tables that read the same files would count every record twice.
pub(super) fn same_files(tables: &[TableSource], problems: &mut Diagnostics) {
    let overlap = |a: &str, b: &str| {
        let matches = |pattern: &str, path: &str| glob::Pattern::new(pattern).is_ok_and(|p| p.matches(path));
        a == b || matches(a, b) || matches(b, a)
    };
    for (i, later) in tables.iter().enumerate() {
        for earlier in &tables[..i] {
            let sheet = |t: &TableSource| t.sheet.as_ref().map(|s| s.value.clone());
            if sheet(earlier) != sheet(later) {
                continue;
            }
            let clash = later.from.iter().find_map(|b| earlier.from.iter().find(|a| overlap(&a.value, &b.value)).map(|a| (a, b)));
            if let Some((a, b)) = clash {
                problems.push(
                    Diagnostic::error(
                        "same-files",
                        format!("`{}` and `{}` are read from the same files", earlier.name.value, later.name.value),
                    )
                    .at(b.span.clone(), "read here")
                    .at(a.span.clone(), "and here")
                    .help("declare one table, and a view for another look at it"),
                );
            }
        }
    }
}
