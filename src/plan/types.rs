//! How values of two types meet: common types, explicit casts, literals read as the type they are compared with.

use std::sync::Arc;

use super::{Expr, ExprId, Graph};
use crate::schema::{TextKind, Type, Value};

/// What an expression must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    Any,
    Bool,
    /// Exactly this type; whole numbers become decimals, months dates, texts in quotes are read as the type.
    Type(Type),
    /// Something rows can be matched or grouped by: any type but null.
    Key,
    /// A whole number, date or month.
    Orderable,
    /// A whole number, decimal or money.
    Numeric,
}

/// A type in words, with its article.
pub(crate) fn words(ty: Type) -> &'static str {
    match ty {
        Type::Null => "null",
        Type::Bool => "a condition (true or false)",
        Type::Int => "a whole number",
        Type::Decimal(_) => "a decimal number",
        Type::Money => "money",
        Type::Date => "a date",
        Type::Month => "a month",
        Type::CitizenId => "a citizen id",
        Type::Region => "a region",
        Type::Text(_) => "text",
    }
}

pub(crate) fn is_number(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal(_))
}

pub(crate) fn is_text(ty: Type) -> bool {
    matches!(ty, Type::Text(_))
}

/// Types that have an order which may reach a result.
pub(crate) fn is_ordered(ty: Type) -> bool {
    matches!(ty, Type::Int | Type::Decimal(_) | Type::Money | Type::Date | Type::Month)
}

/// The type both sides are cast to, if they can meet.
pub(crate) fn common(a: Type, b: Type) -> Option<Type> {
    Some(match (a, b) {
        _ if a == b => a,
        (Type::Null, t) | (t, Type::Null) => t,
        (Type::Int, Type::Decimal(s)) | (Type::Decimal(s), Type::Int) => Type::Decimal(s),
        (Type::Decimal(s), Type::Decimal(t)) => Type::Decimal(s.max(t)),
        (Type::Month, Type::Date) | (Type::Date, Type::Month) => Type::Date,
        (Type::Text(k), Type::Text(TextKind::Plain)) | (Type::Text(TextKind::Plain), Type::Text(k)) => Type::Text(k),
        (Type::Text(_), Type::Text(_)) => Type::Text(TextKind::Plain),
        _ => return None,
    })
}

/// Why a value of one type cannot stand for another.
pub(crate) enum Mismatch {
    Types,
    /// A plain number where money is wanted, or money where a number is.
    Money,
    /// A text in quotes that is not of the form: what is wanted.
    Form(String),
}

/// Reads the text of a literal as `ty`. `Err`: the form that is wanted.
pub(crate) fn literal(text: &str, ty: Type) -> Result<Value, String> {
    use crate::schema::SemanticType as S;
    let (semantic, wanted) = match ty {
        Type::Date => (S::Date, "a date is written '2019-06-30'"),
        Type::Month => (S::Month, "a month is written '2019-06'"),
        Type::CitizenId => (S::CitizenId, "a citizen id has 18 (or 15) characters and a right check character"),
        Type::Region => return region(text).ok_or_else(|| "a region code has 2, 4, 6, 9 or 12 digits".to_owned()),
        Type::Text(kind) => return Ok(Value::Text(Arc::from(text), kind)),
        _ => return Err(format!("{} is written without quotes", words(ty))),
    };
    match crate::schema::parse(text, &semantic) {
        Ok(parsed) if !parsed.part && parsed.value != Value::Null => Ok(parsed.value),
        _ => Err(wanted.to_owned()),
    }
}

/// A region code of any level, as 12 digits.
fn region(text: &str) -> Option<Value> {
    if !matches!(text.len(), 2 | 4 | 6 | 9 | 12) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    format!("{text:0<12}").parse().ok().map(Value::Region)
}

impl Graph {
    pub(crate) fn literal(&mut self, value: Value) -> ExprId {
        let ty = value.value_type();
        self.expr(Expr::Literal(value), ty)
    }
    pub(crate) fn literal_of(&self, id: ExprId) -> Option<&Value> {
        match self.get(id) {
            Expr::Literal(value) => Some(value),
            _ => None,
        }
    }
    /// `id` as a value of type `to`.
    pub(crate) fn coerce(&mut self, id: ExprId, to: Type) -> Result<ExprId, Mismatch> {
        let from = self.type_of(id);
        if from == to || from == Type::Null {
            return Ok(id);
        }
        match (from, to) {
            (Type::Text(_), _) => {
                if let Some(Value::Text(text, _)) = self.literal_of(id) {
                    let value = literal(&text.clone(), to).map_err(Mismatch::Form)?;
                    return Ok(self.literal(value));
                }
                if is_text(to) { Ok(id) } else { Err(Mismatch::Types) }
            }
            (Type::Int, Type::Decimal(_)) | (Type::Month, Type::Date) => Ok(self.make(Expr::Cast { arg: id, to }, to)),
            (Type::Decimal(s), Type::Decimal(t)) if s < t => Ok(self.make(Expr::Cast { arg: id, to }, to)),
            (Type::Int, Type::Money) if self.literal_of(id) == Some(&Value::Int(0)) => Ok(self.literal(Value::Money(0))),
            (Type::Money, t) if is_number(t) => Err(Mismatch::Money),
            (t, Type::Money) if is_number(t) => Err(Mismatch::Money),
            _ => Err(Mismatch::Types),
        }
    }
    /// The node of `expr`, folded to a literal when its parts are.
    pub(crate) fn make(&mut self, expr: Expr, ty: Type) -> ExprId {
        if let Some(value) = super::fold::fold(&expr, self)
            && value != Value::Null
        {
            return self.expr(Expr::Literal(value), ty);
        }
        self.expr(expr, ty)
    }
}
