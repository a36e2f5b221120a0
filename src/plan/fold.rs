//! Values of constant expressions: what each operator and function gives for literals, by its written meaning.
//! `None`: not constant, or the arithmetic overflows (then it is left to the run, which counts it).

use std::sync::Arc;

use super::{BinaryOp, Expr, Function, Graph, UnaryOp};
use crate::schema::place::metres_between;
use crate::schema::{TextKind, Type, Value, citizen_id, dates};

/// The value of `expr` when all its parts are literals.
pub(crate) fn fold(expr: &Expr, graph: &Graph) -> Option<Value> {
    let constant = matches!(expr, Expr::Unary { .. } | Expr::Binary { .. } | Expr::Call { .. } | Expr::Case { .. } | Expr::Cast { .. });
    if !constant {
        return None;
    }
    let args: Option<Vec<Value>> = expr.args().into_iter().map(|a| graph.literal_of(a).cloned()).collect();
    let args = args?;
    match expr {
        Expr::Unary { op, .. } => unary(*op, args.first()?),
        Expr::Binary { op, .. } => binary(*op, args.first()?, args.get(1)?),
        Expr::Call { function, .. } => call(*function, &args),
        Expr::Cast { to, .. } => cast(args.first()?, *to),
        Expr::Case { whens, otherwise } => {
            let taken = (0..whens.len()).find(|i| args.get(2 * i) == Some(&Value::Bool(true)));
            match taken {
                Some(i) => args.get(2 * i + 1).cloned(),
                None if otherwise.is_some() => args.last().cloned(),
                None => Some(Value::Null),
            }
        }
        _ => None,
    }
}

fn unary(op: UnaryOp, arg: &Value) -> Option<Value> {
    Some(match (op, arg) {
        (UnaryOp::IsNull, _) => Value::Bool(*arg == Value::Null),
        (_, Value::Null) => Value::Null,
        (UnaryOp::Not, Value::Bool(b)) => Value::Bool(!b),
        (UnaryOp::Negate, Value::Int(n)) => Value::Int(n.checked_neg()?),
        (UnaryOp::Negate, Value::Money(n)) => Value::Money(n.checked_neg()?),
        (UnaryOp::Negate, Value::Decimal { units, scale }) => Value::Decimal { units: units.checked_neg()?, scale: *scale },
        _ => return None,
    })
}

/// `a / b` rounded half away from zero.
pub(crate) fn divide_rounded(a: i128, b: i128) -> Option<i64> {
    let (quotient, rest) = (a.checked_div(b)?, a.checked_rem(b)?);
    let up = rest.unsigned_abs() * 2 >= b.unsigned_abs();
    let step = if (a < 0) == (b < 0) { 1 } else { -1 };
    i64::try_from(if up && rest != 0 { quotient + step } else { quotient }).ok()
}

fn power(scale: u8) -> i128 {
    10i128.pow(u32::from(scale.min(18)))
}

/// Units and scale of a number; money has none.
fn number(value: &Value) -> Option<(i128, u8)> {
    match value {
        Value::Int(n) => Some((i128::from(*n), 0)),
        Value::Decimal { units, scale } => Some((i128::from(*units), *scale)),
        _ => None,
    }
}

fn binary(op: BinaryOp, a: &Value, b: &Value) -> Option<Value> {
    use BinaryOp as O;
    match (op, a, b) {
        (O::And, Value::Bool(false), _) | (O::And, _, Value::Bool(false)) => return Some(Value::Bool(false)),
        (O::Or, Value::Bool(true), _) | (O::Or, _, Value::Bool(true)) => return Some(Value::Bool(true)),
        (_, Value::Null, _) | (_, _, Value::Null) => return Some(Value::Null),
        (O::And, ..) => return Some(Value::Bool(true)),
        (O::Or, ..) => return Some(Value::Bool(false)),
        _ => {}
    }
    Some(match op {
        O::Equal | O::NotEqual | O::Less | O::LessEqual | O::Greater | O::GreaterEqual => {
            let order = compare(a, b)?;
            Value::Bool(match op {
                O::Equal => order.is_eq(),
                O::NotEqual => order.is_ne(),
                O::Less => order.is_lt(),
                O::LessEqual => order.is_le(),
                O::Greater => order.is_gt(),
                _ => order.is_ge(),
            })
        }
        O::Add | O::Subtract => {
            let apply = |x: i64, y: i64| if op == O::Add { x.checked_add(y) } else { x.checked_sub(y) };
            same_unit(a, b, apply)?
        }
        O::Remainder => same_unit(a, b, i64::checked_rem)?,
        O::Multiply => match (a, b) {
            (Value::Int(x), Value::Int(y)) => Value::Int(x.checked_mul(*y)?),
            (Value::Money(x), y) => {
                let (units, scale) = number(y)?;
                Value::Money(divide_rounded(i128::from(*x).checked_mul(units)?, power(scale))?)
            }
            (x, y) => {
                let ((x, s), (y, t)) = (number(x)?, number(y)?);
                Value::Decimal {
                    units: divide_rounded(x.checked_mul(y)?.checked_mul(power(6))?, power(s).checked_mul(power(t))?)?,
                    scale: 6,
                }
            }
        },
        O::Divide => match (a, b) {
            (Value::Money(x), Value::Money(y)) => {
                Value::Decimal { units: divide_rounded(i128::from(*x) * power(6), i128::from(*y))?, scale: 6 }
            }
            (Value::Money(x), y) => {
                let (units, scale) = number(y)?;
                Value::Money(divide_rounded(i128::from(*x) * power(scale), units)?)
            }
            (x, y) => {
                let ((x, s), (y, t)) = (number(x)?, number(y)?);
                let up = x.checked_mul(power(t))?.checked_mul(power(6))?;
                Value::Decimal { units: divide_rounded(up, y.checked_mul(power(s))?)?, scale: 6 }
            }
        },
        O::And | O::Or => return None,
    })
}

/// The first `wanted` digits (1 to 9) of a number without its sign, if it has so many.
pub fn first_digits(number: i64, wanted: i64) -> Option<i64> {
    let number = number.unsigned_abs();
    let wanted = u32::try_from(wanted).ok().filter(|n| (1..10).contains(n))?;
    let digits = number.checked_ilog10()? + 1;
    i64::try_from(number / 10u64.pow(digits.checked_sub(wanted)?)).ok()
}

fn compare(a: &Value, b: &Value) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Text(x, _), Value::Text(y, _)) => Some(x.cmp(y)),
        _ if a.value_type() == b.value_type() => Some(a.cmp(b)),
        _ => None,
    }
}

fn same_unit(a: &Value, b: &Value, apply: impl Fn(i64, i64) -> Option<i64>) -> Option<Value> {
    Some(match (a, b) {
        (Value::Int(x), Value::Int(y)) => Value::Int(apply(*x, *y)?),
        (Value::Money(x), Value::Money(y)) => Value::Money(apply(*x, *y)?),
        (Value::Decimal { units: x, scale: s }, Value::Decimal { units: y, scale: t }) if s == t => {
            Value::Decimal { units: apply(*x, *y)?, scale: *s }
        }
        _ => return None,
    })
}

fn cast(value: &Value, to: Type) -> Option<Value> {
    Some(match (value, to) {
        (Value::Null, _) => Value::Null,
        (Value::Int(_) | Value::Decimal { .. }, Type::Decimal(scale)) => {
            let (units, from) = number(value)?;
            let up = power(scale.checked_sub(from)?);
            Value::Decimal { units: i64::try_from(units.checked_mul(up)?).ok()?, scale }
        }
        // A month as a date is a part date, which no literal can be.
        _ => return None,
    })
}

fn call(function: Function, args: &[Value]) -> Option<Value> {
    use Function as F;
    match function {
        F::Coalesce => return Some(args.iter().find(|a| **a != Value::Null).cloned().unwrap_or(Value::Null)),
        F::Greatest => return args.iter().filter(|a| **a != Value::Null).max().cloned().or(Some(Value::Null)),
        F::Least => return args.iter().filter(|a| **a != Value::Null).min().cloned().or(Some(Value::Null)),
        F::NullIf => {
            let equal = binary(BinaryOp::Equal, args.first()?, args.get(1)?)? == Value::Bool(true);
            return Some(if equal { Value::Null } else { args.first()?.clone() });
        }
        F::OverlapDays => return overlap(args),
        _ if args.contains(&Value::Null) => return Some(Value::Null),
        _ => {}
    }
    match args {
        [Value::Date(_), ..] | [Value::Month(_), ..] => on_dates(function, args),
        [Value::Text(..), ..] => on_texts(function, args),
        [Value::CitizenId(id)] => on_id(function, *id),
        [Value::Int(year), Value::Int(month), Value::Int(day)] if function == F::MakeDate => {
            let days = dates::checked_days(i32::try_from(*year).ok()?, u32::try_from(*month).ok()?, u32::try_from(*day).ok()?);
            Some(days.map_or(Value::Null, Value::Date))
        }
        [Value::Int(n) | Value::Money(n) | Value::Decimal { units: n, .. }, Value::Int(wanted)] if function == F::FirstDigits => {
            Some(first_digits(*n, *wanted).map_or(Value::Null, Value::Int))
        }
        [_, _, _, _] if function == F::DistanceKm => {
            let degrees = |i: usize| number(&args[i]).map(|(units, scale)| units as f64 / power(scale) as f64);
            let metres = metres_between(degrees(0)?, degrees(1)?, degrees(2)?, degrees(3)?);
            Some(metres.map_or(Value::Null, |units| Value::Decimal { units, scale: 3 }))
        }
        [value] => Some(match (function, value) {
            (F::Abs, Value::Int(n)) => Value::Int(n.checked_abs()?),
            (F::Abs, Value::Money(n)) => Value::Money(n.checked_abs()?),
            (F::Abs, Value::Decimal { units, scale }) => Value::Decimal { units: units.checked_abs()?, scale: *scale },
            (F::Round, Value::Decimal { units, scale }) => Value::Int(divide_rounded(i128::from(*units), power(*scale))?),
            _ => return None,
        }),
        _ => None,
    }
}

fn overlap(args: &[Value]) -> Option<Value> {
    let bound = |i: usize, open: i64| match args.get(i) {
        Some(Value::Date(d)) => Some(i64::from(*d)),
        Some(Value::Null) => Some(open),
        _ => None,
    };
    let (a1, a2, b1, b2) = (bound(0, i64::MIN)?, bound(1, i64::MAX)?, bound(2, i64::MIN)?, bound(3, i64::MAX)?);
    let (start, end) = (a1.max(b1), a2.min(b2));
    if start == i64::MIN || end == i64::MAX {
        return None;
    }
    Some(Value::Int((end - start + 1).max(0)))
}

fn on_dates(function: Function, args: &[Value]) -> Option<Value> {
    use Function as F;
    Some(match (function, args) {
        (F::DaysBetween, [Value::Date(a), Value::Date(b)]) => Value::Int(i64::from(*b) - i64::from(*a)),
        (F::MonthsBetween, [Value::Date(a), Value::Date(b)]) => Value::Int(i64::from(dates::months_between(*a, *b))),
        (F::MonthsBetween, [Value::Month(a), Value::Month(b)]) => Value::Int(i64::from(*b) - i64::from(*a)),
        (F::AddDays, [Value::Date(d), Value::Int(n)]) => Value::Date(i32::try_from(i64::from(*d).checked_add(*n)?).ok()?),
        (F::AddMonths, [Value::Date(d), Value::Int(n)]) => Value::Date(dates::add_months(*d, i32::try_from(*n).ok()?)),
        (F::AddMonths, [Value::Month(m), Value::Int(n)]) => Value::Month(m.checked_add(i32::try_from(*n).ok()?)?),
        (F::Year, [Value::Date(d)]) => Value::Int(i64::from(dates::civil_from_days(*d).0)),
        (F::MonthOfYear, [Value::Date(d)]) => Value::Int(i64::from(dates::civil_from_days(*d).1)),
        (F::DayOfMonth, [Value::Date(d)]) => Value::Int(i64::from(dates::civil_from_days(*d).2)),
        (F::MonthOf, [Value::Date(d)]) => Value::Month(dates::month_of(*d)),
        (F::MonthStart, [Value::Month(m)]) => Value::Date(dates::month_start(*m)),
        (F::MonthEnd, [Value::Month(m)]) => Value::Date(dates::month_end(*m)),
        (F::InWindow, [Value::Date(d), Value::Date(a), Value::Date(b)]) => Value::Bool(a <= d && d <= b),
        (F::InPeriod, [Value::Date(d), Value::Month(m)]) => Value::Bool(dates::month_of(*d) == *m),
        _ => return None,
    })
}

fn on_texts(function: Function, args: &[Value]) -> Option<Value> {
    use Function as F;
    let text = |i: usize| match args.get(i) {
        Some(Value::Text(t, _)) => Some(&**t),
        _ => None,
    };
    let int = |i: usize| match args.get(i) {
        Some(Value::Int(n)) => Some(*n),
        _ => None,
    };
    let made = |t: String| Some(Value::Text(Arc::from(t), TextKind::Plain));
    let a = text(0)?;
    match function {
        F::Lower => made(a.to_lowercase()),
        F::Upper => made(a.to_uppercase()),
        F::Length => Some(Value::Int(i64::try_from(a.chars().count()).ok()?)),
        F::Substring => {
            let (start, length) = (int(1)?, int(2)?);
            let skip = usize::try_from(start.max(1) - 1).ok()?;
            let end = start.saturating_add(length).max(1) - 1;
            let take = usize::try_from(end).ok()?.saturating_sub(skip);
            made(a.chars().skip(skip).take(take).collect())
        }
        F::Concat => made((0..args.len()).map(text).collect::<Option<Vec<_>>>()?.concat()),
        F::Like => Some(Value::Bool(like(a, text(1)?))),
        F::StartsWith => Some(Value::Bool(a.starts_with(text(1)?))),
        F::Contains => Some(Value::Bool(a.contains(text(1)?))),
        F::Edits => Some(Value::Int(i64::try_from(strsim::damerau_levenshtein(a, text(1)?)).ok()?)),
        F::IdValid => Some(Value::Bool(citizen_id::parse(a).is_ok_and(citizen_id::is_valid))),
        _ => None,
    }
}

fn on_id(function: Function, id: i64) -> Option<Value> {
    let code = |t: String| Value::Text(Arc::from(t), TextKind::Code);
    Some(match function {
        Function::IdValid => Value::Bool(citizen_id::is_valid(id)),
        Function::IdBirth => citizen_id::birth(id).map_or(Value::Null, Value::Date),
        Function::IdSex => code(citizen_id::sex(id).code().to_owned()),
        Function::IdRegion => code(format!("{:06}", citizen_id::region6(id))),
        Function::IdPlaceholder => Value::Bool(citizen_id::is_placeholder(id)),
        Function::IdText => Value::Text(Arc::from(citizen_id::text(id)), TextKind::Plain),
        _ => return None,
    })
}

/// SQL's `like`: `%` any characters, `_` one character, everything else itself.
pub fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '%' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '_' || pattern[p] == text[t]) {
            t += 1;
            p += 1;
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            p = star_p + 1;
            t = star_t + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}
