//! Values of one expression over the rows of a batch.

use std::borrow::Cow;
use std::sync::Arc;

use crate::schema::{TextKind, Type, Value};
use crate::table::{Bits, Dictionary};

/// Packed values. Where there is no value the slot holds anything.
#[derive(Debug, Clone)]
pub enum Values<'a> {
    /// No row has a value.
    Null,
    I64(Cow<'a, [i64]>),
    I32(Cow<'a, [i32]>),
    Code(Cow<'a, [u32]>, Arc<Dictionary>),
    /// Texts that an expression made.
    Text(Vec<Arc<str>>),
    Bool(Bits),
}

/// One value per row of the batch, or one for all (`constant`: then everything here has length 1).
#[derive(Debug, Clone)]
pub struct Vector<'a> {
    pub values: Values<'a>,
    pub ty: Type,
    pub constant: bool,
    /// Set where there is a value; `None`: everywhere.
    pub valid: Option<Bits>,
    /// Set where the value is unreadable (never also valid): it stays unknown through `coalesce` and `is null`.
    pub bad: Option<Bits>,
    /// Set where the value is unknown because a register does not cover the record.
    pub uncovered: Option<Bits>,
    /// Dates that stand for a month: the last day (first day in `values`); equal to the value elsewhere.
    pub last_day: Option<Vec<i32>>,
}

/// Validity of a vector, whatever its form.
#[derive(Debug, Clone, Copy)]
pub enum Mask<'m> {
    All,
    None,
    Some(&'m Bits),
}

impl Mask<'_> {
    #[inline]
    pub fn get(&self, i: usize) -> bool {
        match self {
            Mask::All => true,
            Mask::None => false,
            Mask::Some(bits) => bits.get(i),
        }
    }
}

/// Access to a slice that may be a constant.
#[derive(Clone, Copy)]
pub struct Lane<'v, T> {
    pub slice: &'v [T],
    pub step: usize,
}

impl<T: Copy> Lane<'_, T> {
    #[inline]
    pub fn get(&self, i: usize) -> T {
        self.slice[i * self.step]
    }
}

pub fn and_mask(a: Option<Bits>, b: Option<Bits>) -> Option<Bits> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.and(&b)),
        (a, b) => a.or(b),
    }
}

pub fn or_mask(a: Option<Bits>, b: Option<Bits>) -> Option<Bits> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.or(&b)),
        (a, b) => a.or(b),
    }
}

fn without(bits: Option<Bits>, valid: Option<&Bits>) -> Option<Bits> {
    let bits = bits?;
    let left = match valid {
        Some(valid) => bits.zip(valid, |b, v| b & !v),
        None => return None,
    };
    left.any().then_some(left)
}

impl<'a> Vector<'a> {
    pub fn new(values: Values<'a>, ty: Type) -> Self {
        Vector { values, ty, constant: false, valid: None, bad: None, uncovered: None, last_day: None }
    }
    pub fn null(ty: Type) -> Self {
        Vector { constant: true, ..Self::new(Values::Null, ty) }
    }
    /// All rows unreadable.
    pub fn all_bad(ty: Type) -> Self {
        Vector { constant: true, bad: Some(Bits::new(1, true)), ..Self::new(Values::Null, ty) }
    }
    pub fn bools(values: Bits) -> Self {
        Self::new(Values::Bool(values), Type::Bool)
    }
    #[must_use]
    pub fn with_valid(mut self, valid: Option<Bits>) -> Self {
        self.valid = valid.filter(|v| !v.all());
        self
    }
    pub fn constant(value: &Value) -> Self {
        let ty = value.value_type();
        let values = match value {
            Value::Null => Values::Null,
            Value::Bool(b) => Values::Bool(Bits::new(1, *b)),
            Value::Int(v) | Value::Decimal { units: v, .. } | Value::Money(v) | Value::CitizenId(v) | Value::Region(v) => {
                Values::I64(Cow::Owned(vec![*v]))
            }
            Value::Date(v) | Value::Month(v) => Values::I32(Cow::Owned(vec![*v])),
            Value::Text(text, _) => Values::Text(vec![text.clone()]),
        };
        Vector { constant: true, ..Self::new(values, ty) }
    }
    pub fn step(&self) -> usize {
        usize::from(!self.constant)
    }
    pub fn mask(&self) -> Mask<'_> {
        match (&self.values, &self.valid) {
            (Values::Null, _) => Mask::None,
            (_, None) => Mask::All,
            (_, Some(bits)) => Mask::Some(bits),
        }
    }
    #[inline]
    pub fn is_valid(&self, i: usize) -> bool {
        self.mask().get(i * self.step())
    }
    #[inline]
    pub fn is_bad(&self, i: usize) -> bool {
        self.bad.as_ref().is_some_and(|b| b.get(i * self.step()))
    }
    #[inline]
    pub fn is_uncovered(&self, i: usize) -> bool {
        self.uncovered.as_ref().is_some_and(|b| b.get(i * self.step()))
    }
    /// Validity over `len` rows; `None`: all.
    pub fn valid_bits(&self, len: usize) -> Option<Bits> {
        match self.mask() {
            Mask::All => None,
            Mask::None => Some(Bits::new(len, false)),
            Mask::Some(bits) => Some(self.spread(bits, len)),
        }
    }
    fn spread(&self, bits: &Bits, len: usize) -> Bits {
        if self.constant { Bits::new(len, bits.get(0)) } else { bits.clone() }
    }
    pub fn bad_bits(&self, len: usize) -> Option<Bits> {
        self.bad.as_ref().map(|b| self.spread(b, len))
    }
    pub fn uncovered_bits(&self, len: usize) -> Option<Bits> {
        self.uncovered.as_ref().map(|b| self.spread(b, len))
    }
    pub fn i64s(&self) -> Option<Lane<'_, i64>> {
        match &self.values {
            Values::I64(v) => Some(Lane { slice: v, step: self.step() }),
            _ => None,
        }
    }
    pub fn i32s(&self) -> Option<Lane<'_, i32>> {
        match &self.values {
            Values::I32(v) => Some(Lane { slice: v, step: self.step() }),
            _ => None,
        }
    }
    /// A whole-number reading of any numeric, date or coded value, for keys, order and arithmetic.
    #[inline]
    pub fn number(&self, i: usize) -> i64 {
        let i = i * self.step();
        match &self.values {
            Values::I64(v) => v[i],
            Values::I32(v) => i64::from(v[i]),
            Values::Code(v, _) => i64::from(v[i]),
            Values::Bool(v) => i64::from(v.get(i)),
            Values::Text(_) | Values::Null => 0,
        }
    }
    pub fn text(&self, i: usize) -> &str {
        let i = i * self.step();
        match &self.values {
            Values::Code(v, dictionary) => &dictionary.values[v[i] as usize],
            Values::Text(v) => &v[i],
            _ => "",
        }
    }
    pub fn shared_text(&self, i: usize) -> Arc<str> {
        let i = i * self.step();
        match &self.values {
            Values::Code(v, dictionary) => dictionary.values[v[i] as usize].clone(),
            Values::Text(v) => v[i].clone(),
            _ => Arc::from(""),
        }
    }
    /// Bits where the value is true and where it is false, over `len` rows.
    pub fn truth(&self, len: usize) -> (Bits, Bits) {
        let value = match &self.values {
            Values::Bool(bits) => self.spread(bits, len),
            _ => return (Bits::new(len, false), Bits::new(len, false)),
        };
        match &self.valid {
            None => {
                let no = value.not();
                (value, no)
            }
            Some(valid) => {
                let valid = self.spread(valid, len);
                (value.and(&valid), valid.zip(&value, |v, b| v & !b))
            }
        }
    }
    /// Bool vector from where it is true and where it is false; unknown elsewhere, with the reasons that `from` give.
    pub fn from_truth(yes: Bits, no: &Bits, from: &[&Vector<'_>]) -> Vector<'a> {
        let len = yes.len();
        let valid = yes.or(no);
        if valid.all() {
            return Vector::bools(yes);
        }
        let mut out = Vector::bools(yes);
        out.inherit(from, len);
        out.bad = without(out.bad, Some(&valid));
        out.uncovered = without(out.uncovered, Some(&valid));
        out.valid = Some(valid);
        out
    }
    /// Takes over the reasons for which arguments are unknown.
    pub fn inherit(&mut self, from: &[&Vector<'_>], len: usize) {
        for v in from {
            self.bad = or_mask(self.bad.take(), v.bad_bits(len));
            self.uncovered = or_mask(self.uncovered.take(), v.uncovered_bits(len));
        }
    }
    /// Validity that follows from all arguments having a value, with their reasons.
    pub fn strict(&mut self, from: &[&Vector<'_>], len: usize) {
        for v in from {
            self.valid = and_mask(self.valid.take(), v.valid_bits(len));
        }
        self.inherit(from, len);
        self.settle();
    }
    /// Restores that nothing is both valid and unknown, and drops empty masks.
    pub fn settle(&mut self) {
        if self.valid.as_ref().is_some_and(Bits::all) {
            self.valid = None;
        }
        if !matches!(self.values, Values::Null) {
            self.bad = without(self.bad.take(), self.valid.as_ref());
            self.uncovered = without(self.uncovered.take(), self.valid.as_ref());
        }
    }
    /// The value of row `i`.
    pub fn value(&self, i: usize) -> Value {
        if !self.is_valid(i) {
            return Value::Null;
        }
        match self.ty {
            Type::Null => Value::Null,
            Type::Bool => Value::Bool(self.number(i) != 0),
            Type::Int => Value::Int(self.number(i)),
            Type::Decimal(scale) => Value::Decimal { units: self.number(i), scale },
            Type::Money => Value::Money(self.number(i)),
            Type::CitizenId => Value::CitizenId(self.number(i)),
            Type::Region => Value::Region(self.number(i)),
            // Dates and months are stored as i32.
            Type::Date => Value::Date(i32::try_from(self.number(i)).unwrap_or_default()),
            Type::Month => Value::Month(i32::try_from(self.number(i)).unwrap_or_default()),
            Type::Text(kind) => Value::Text(self.shared_text(i), kind),
        }
    }
    pub fn last_day(&self, i: usize) -> i32 {
        match (&self.last_day, &self.values) {
            (Some(last), _) => last[i * self.step()],
            (None, Values::I32(v)) => v[i * self.step()],
            _ => 0,
        }
    }
    /// A vector of `len` rows from values row by row.
    pub fn from_values(values: &[Value], ty: Type) -> Vector<'a> {
        let valid: Bits = values.iter().map(|v| !matches!(v, Value::Null)).collect();
        let number = |v: &Value| match v {
            Value::Int(v) | Value::Money(v) | Value::CitizenId(v) | Value::Region(v) | Value::Decimal { units: v, .. } => *v,
            Value::Date(v) | Value::Month(v) => i64::from(*v),
            Value::Bool(b) => i64::from(*b),
            _ => 0,
        };
        let data = match ty {
            Type::Null => Values::Null,
            Type::Bool => Values::Bool(values.iter().map(|v| number(v) != 0).collect()),
            Type::Date | Type::Month => Values::I32(values.iter().map(|v| i32::try_from(number(v)).unwrap_or_default()).collect()),
            Type::Text(_) => {
                let empty: Arc<str> = Arc::from("");
                Values::Text(values.iter().map(|v| if let Value::Text(t, _) = v { t.clone() } else { empty.clone() }).collect())
            }
            _ => Values::I64(values.iter().map(number).collect()),
        };
        Vector::new(data, ty).with_valid(Some(valid))
    }
}

/// Kind of the text, plain for anything else.
pub fn text_kind(ty: Type) -> TextKind {
    if let Type::Text(kind) = ty { kind } else { TextKind::Plain }
}
