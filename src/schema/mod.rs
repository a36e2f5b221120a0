//! Semantic column types: what a cell means, how it is parsed, normalised, packed, masked. No I/O.

mod value;

pub use value::Value;

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
