//! Units of policy numbers: how a value is read, and its type.

use crate::schema::{self, BadCell, MoneyUnit, SemanticType, Type, Value};

/// Unit a parameter's values are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Fen,
    Yuan,
    Wan,
    Days,
    Months,
    Years,
    Minutes,
    Hours,
    Count,
    Percent,
    Ratio,
    Km,
    KmPerHour,
    Date,
    Text,
    Code,
    Region,
    Bool,
}

impl Unit {
    pub const ALL: [Unit; 18] = [
        Unit::Fen,
        Unit::Yuan,
        Unit::Wan,
        Unit::Days,
        Unit::Months,
        Unit::Years,
        Unit::Minutes,
        Unit::Hours,
        Unit::Count,
        Unit::Percent,
        Unit::Ratio,
        Unit::Km,
        Unit::KmPerHour,
        Unit::Date,
        Unit::Text,
        Unit::Code,
        Unit::Region,
        Unit::Bool,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Unit::Fen => "fen",
            Unit::Yuan => "yuan",
            Unit::Wan => "wan",
            Unit::Days => "days",
            Unit::Months => "months",
            Unit::Years => "years",
            Unit::Minutes => "minutes",
            Unit::Hours => "hours",
            Unit::Count => "count",
            Unit::Percent => "percent",
            Unit::Ratio => "ratio",
            Unit::Km => "km",
            Unit::KmPerHour => "km_per_hour",
            Unit::Date => "date",
            Unit::Text => "text",
            Unit::Code => "code",
            Unit::Region => "region",
            Unit::Bool => "bool",
        }
    }

    pub fn from_name(name: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// The value of `text` and its type. Money is fen; days and other counts are whole numbers; percent, ratio and lengths are whole
    /// numbers or decimals with as many places as written (`5%` and `5` are both five percent).
    pub fn read(self, text: &str) -> Result<(Value, Type), BadCell> {
        let semantic = match self {
            Unit::Fen => SemanticType::Money(MoneyUnit::Fen),
            Unit::Yuan => SemanticType::Money(MoneyUnit::Yuan),
            Unit::Wan => SemanticType::Money(MoneyUnit::Wan),
            Unit::Days | Unit::Months | Unit::Years | Unit::Minutes | Unit::Hours | Unit::Count => SemanticType::Int,
            Unit::Percent | Unit::Ratio | Unit::Km | Unit::KmPerHour => return decimal(text, self == Unit::Percent),
            Unit::Date => SemanticType::Date,
            Unit::Text => SemanticType::Text,
            Unit::Code => SemanticType::Code(vec![]),
            Unit::Region => SemanticType::Region,
            Unit::Bool => SemanticType::Bool,
        };
        match schema::parse(text, &semantic)?.value {
            Value::Null => Err(BadCell::new("the value is missing")),
            value => Ok((value, semantic.value_type())),
        }
    }
}

fn decimal(text: &str, percent: bool) -> Result<(Value, Type), BadCell> {
    let mut text = schema::trim(text);
    if percent {
        text = text.trim_end_matches('%').trim_end();
    }
    if text.is_empty() {
        return Err(BadCell::new("the value is missing"));
    }
    let places = text.rsplit_once('.').map_or(0, |(_, decimals)| decimals.trim_end_matches('0').len());
    let scale = u8::try_from(places).ok().filter(|&s| s <= 9).ok_or_else(|| BadCell::new(format!("`{text}` has more than 9 decimals")))?;
    let units = schema::number::parse_decimal(text, scale)?;
    Ok(if scale == 0 { (Value::Int(units), Type::Int) } else { (Value::Decimal { units, scale }, Type::Decimal(scale)) })
}
