//! One typed value, as literals, parameters and evidence hold it. Columns hold packed vectors instead.

use std::sync::Arc;

use super::{TextKind, Type};

/// A value with its type. Packed forms are those of [`Type`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Decimal {
        units: i64,
        scale: u8,
    },
    /// Fen.
    Money(i64),
    /// Days since 1970-01-01.
    Date(i32),
    /// year * 12 + month - 1.
    Month(i32),
    CitizenId(i64),
    Region(i64),
    Text(#[serde(with = "shared_text")] Arc<str>, TextKind),
}

/// serde's own support for `Arc` is a feature of the whole dependency tree; this is all we need of it.
mod shared_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        Ok(Arc::from(String::deserialize(deserializer)?))
    }
}

impl Value {
    pub fn value_type(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Decimal { scale, .. } => Type::Decimal(*scale),
            Value::Money(_) => Type::Money,
            Value::Date(_) => Type::Date,
            Value::Month(_) => Type::Month,
            Value::CitizenId(_) => Type::CitizenId,
            Value::Region(_) => Type::Region,
            Value::Text(_, kind) => Type::Text(*kind),
        }
    }
}
