//! Semantic column types: what a cell means, how it is parsed, normalised, packed, masked. No I/O.

mod cell;
pub mod citizen_id;
pub mod dates;
mod mask;
pub mod number;
pub mod place;
pub mod region;
pub mod text;
mod value;

use std::borrow::Cow;
use std::sync::Arc;

pub use cell::{fold, is_scientific, trim};
pub use mask::mask;
pub use value::Value;

/// Why a delivered cell has no value: what stands there, what was wanted, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadCell {
    pub problem: String,
}

impl BadCell {
    pub fn new(problem: impl Into<String>) -> Self {
        BadCell { problem: problem.into() }
    }
}

/// A cell that was read. `part`: a date of which only year and month were given; it is the first of the month and stands for all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    pub value: Value,
    pub part: bool,
}

/// A cell in packed form, as columns hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packed<'a> {
    Missing,
    I64(i64),
    /// Date or month; `true`: a part date.
    I32(i32, bool),
    Bool(bool),
    Text(Cow<'a, str>),
}

/// Reads a cell as `semantic`. White space around it is ignored; an empty cell is `Missing`.
pub fn pack<'a>(cell: &'a str, semantic: &SemanticType) -> Result<Packed<'a>, BadCell> {
    let cell = trim(cell);
    if cell.is_empty() {
        return Ok(Packed::Missing);
    }
    Ok(match semantic {
        SemanticType::Text => Packed::Text(Cow::Borrowed(cell)),
        SemanticType::PersonName => Packed::Text(text::parse_name(cell)),
        SemanticType::Phone => Packed::Text(text::parse_phone(cell)?),
        SemanticType::Account => Packed::Text(text::parse_account(cell)?),
        SemanticType::Code(codes) => Packed::Text(text::parse_code(cell, codes)?),
        SemanticType::CitizenId => Packed::I64(citizen_id::parse(cell)?),
        SemanticType::Region => Packed::I64(region::parse(cell)?),
        SemanticType::Money(unit) => Packed::I64(number::parse_money(cell, *unit)?),
        SemanticType::Int => Packed::I64(number::parse_int(cell)?),
        SemanticType::Decimal(scale) => Packed::I64(number::parse_decimal(cell, *scale)?),
        SemanticType::Date => {
            let (days, part) = dates::parse(cell)?;
            Packed::I32(days, part)
        }
        SemanticType::Month => Packed::I32(dates::parse_month(cell)?, false),
        SemanticType::Bool => Packed::Bool(text::parse_bool(cell)?),
    })
}

/// Reads a cell as `semantic`; an empty cell is `Value::Null`.
pub fn parse(cell: &str, semantic: &SemanticType) -> Result<Parsed, BadCell> {
    let whole = |value| Ok(Parsed { value, part: false });
    match pack(cell, semantic)? {
        Packed::Missing => whole(Value::Null),
        Packed::Bool(value) => whole(Value::Bool(value)),
        Packed::I32(value, part) => Ok(match semantic {
            SemanticType::Month => Parsed { value: Value::Month(value), part: false },
            _ => Parsed { value: Value::Date(value), part },
        }),
        Packed::I64(value) => whole(match semantic.value_type() {
            Type::CitizenId => Value::CitizenId(value),
            Type::Region => Value::Region(value),
            Type::Money => Value::Money(value),
            Type::Decimal(scale) => Value::Decimal { units: value, scale },
            _ => Value::Int(value),
        }),
        Packed::Text(value) => {
            let kind = if let Type::Text(kind) = semantic.value_type() { kind } else { TextKind::Plain };
            whole(Value::Text(Arc::from(&*value), kind))
        }
    }
}

/// Canonical text of a value; [`parse`] reads it back (money as yuan): money `4120.00`, dates `2019-06-10`, months `2019-06`, ids with 18
/// characters, regions with 12 digits, `true` and `false`, missing as the empty text.
pub fn format(value: &Value) -> String {
    let mut out = String::new();
    format_into(&mut out, value);
    out
}

/// Appends the canonical text of a value; see [`format`].
pub fn format_into(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => number::write_int(out, *value, 1),
        Value::Decimal { units, scale } => number::write_decimal(out, *units, *scale),
        Value::Money(fen) => number::write_decimal(out, *fen, 2),
        Value::Date(days) => {
            let (year, month, day) = dates::civil_from_days(*days);
            number::write_int(out, year.into(), 4);
            for part in [month, day] {
                out.push('-');
                number::write_int(out, part.into(), 2);
            }
        }
        Value::Month(month) => {
            number::write_int(out, month.div_euclid(12).into(), 4);
            out.push('-');
            number::write_int(out, (month.rem_euclid(12) + 1).into(), 2);
        }
        Value::CitizenId(id) => out.push_str(&citizen_id::text(*id)),
        Value::Region(code) => number::write_int(out, *code, 12),
        Value::Text(text, _) => out.push_str(text),
    }
}

/// Unit in which a delivered file states money. Inside, money is always fen (1/100 yuan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MoneyUnit {
    Fen,
    Yuan,
    /// 万元, ten thousand yuan.
    Wan,
}

/// What kind of text a text value is: decides normalisation at load and masking when rendered, nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextKind {
    Plain,
    PersonName,
    Phone,
    Account,
    Code,
}

/// The type of a value, column or expression.
///
/// | type | physical | meaning |
/// |---|---|---|
/// | `Bool` | bits | |
/// | `Int` | i64 | plain whole number |
/// | `Decimal(s)` | i64 | units of 10^-s, s <= 9 |
/// | `Money` | i64 | fen |
/// | `Date` | i32 | days since 1970-01-01 |
/// | `Month` | i32 | year * 12 + month - 1 |
/// | `CitizenId` | i64 | 17 digits * 11 + check character (X = 10); 15-digit ids are widened to 18 |
/// | `Region` | i64 | 12-digit code as a number |
/// | `Text` | u32 dictionary code | trimmed of Unicode white space |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Type {
    /// The type of a bare `null`; unifies with any type.
    Null,
    Bool,
    Int,
    Decimal(u8),
    Money,
    Date,
    Month,
    CitizenId,
    Region,
    Text(TextKind),
}

/// A column's type as declared in the project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SemanticType {
    Text,
    PersonName,
    Phone,
    Account,
    /// A closed list of codes (empty: open). A cell outside a closed list is rejected.
    Code(Vec<String>),
    CitizenId,
    Region,
    Money(MoneyUnit),
    Date,
    Month,
    Int,
    Decimal(u8),
    Bool,
}

impl SemanticType {
    /// The type values of this column have once loaded.
    pub fn value_type(&self) -> Type {
        match self {
            SemanticType::Text => Type::Text(TextKind::Plain),
            SemanticType::PersonName => Type::Text(TextKind::PersonName),
            SemanticType::Phone => Type::Text(TextKind::Phone),
            SemanticType::Account => Type::Text(TextKind::Account),
            SemanticType::Code(_) => Type::Text(TextKind::Code),
            SemanticType::CitizenId => Type::CitizenId,
            SemanticType::Region => Type::Region,
            SemanticType::Money(_) => Type::Money,
            SemanticType::Date => Type::Date,
            SemanticType::Month => Type::Month,
            SemanticType::Int => Type::Int,
            SemanticType::Decimal(scale) => Type::Decimal(*scale),
            SemanticType::Bool => Type::Bool,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn comes_back(value: Value, semantic: &SemanticType) -> Result<(), TestCaseError> {
        prop_assert_eq!(parse(&format(&value), semantic), Ok(Parsed { value, part: false }));
        Ok(())
    }

    proptest! {
        #[test]
        fn what_is_formatted_is_read_back(n in -i64::MAX..=i64::MAX, days in -60_000i32..80_000, month in 1800i32 * 12..2199 * 12, flag: bool,
            body in 0i64..100_000_000_000_000_000, check in 0i64..11, region in 0i64..1_000_000_000_000, scale in 0u8..=9, text in "\\PC{1,30}") {
            comes_back(Value::Int(n), &SemanticType::Int)?;
            comes_back(Value::Money(n), &SemanticType::Money(MoneyUnit::Yuan))?;
            comes_back(Value::Decimal { units: n, scale }, &SemanticType::Decimal(scale))?;
            comes_back(Value::Date(days), &SemanticType::Date)?;
            comes_back(Value::Month(month), &SemanticType::Month)?;
            comes_back(Value::Bool(flag), &SemanticType::Bool)?;
            comes_back(Value::CitizenId(body * 11 + check), &SemanticType::CitizenId)?;
            comes_back(Value::Region(region), &SemanticType::Region)?;
            for semantic in [SemanticType::Text, SemanticType::PersonName, SemanticType::Phone, SemanticType::Account, SemanticType::Code(vec![])] {
                if let Ok(Parsed { value, .. }) = parse(&text, &semantic) {
                    comes_back(value, &semantic)?;
                }
            }
        }
        #[test]
        fn never_panics(cell in "\\PC{0,24}", hostile in any::<String>()) {
            for semantic in [SemanticType::Date, SemanticType::Month, SemanticType::CitizenId, SemanticType::Region, SemanticType::Bool,
                SemanticType::Money(MoneyUnit::Wan), SemanticType::Int, SemanticType::Decimal(6), SemanticType::PersonName, SemanticType::Phone] {
                for cell in [&cell, &hostile] {
                    if let Ok(parsed) = parse(cell, &semantic) {
                        let _ = (format(&parsed.value), mask(&parsed.value));
                    }
                }
            }
        }
    }

    #[test]
    fn empty_cells_are_missing() {
        for cell in ["", "  ", "\u{3000}", "\u{feff}"] {
            assert_eq!(parse(cell, &SemanticType::Int), Ok(Parsed { value: Value::Null, part: false }));
        }
        assert_eq!(parse("201712", &SemanticType::Date).map(|p| p.part), Ok(true));
    }
}
