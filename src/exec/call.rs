//! Scalar functions. Their one written meaning stands at [`Function`].

use std::sync::Arc;

use super::batch::gather;
use super::operate::{self, divide_rounded, scale, ten};
use super::vector::{Values, Vector, text_kind};
use super::{Env, texts};
use crate::plan::{BinaryOp, ExprId, Function};
use crate::schema::place::metres_between;
use crate::schema::{Type, citizen_id, dates};
use crate::table::Bits;

pub fn call<'e>(env: &Env<'e>, id: ExprId, function: Function, args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    match function {
        Function::Coalesce => coalesce(args, ty, len),
        Function::NullIf => null_if(env, args, ty, len),
        Function::Greatest | Function::Least => extreme(function == Function::Greatest, args, ty, len),
        Function::Concat
        | Function::Lower
        | Function::Upper
        | Function::Length
        | Function::Substring
        | Function::Like
        | Function::StartsWith
        | Function::Contains
        | Function::Edits => text(env, id, function, args, ty, len),
        Function::IdValid if matches!(args[0].ty, Type::Text(_)) => text(env, id, function, args, ty, len),
        Function::IdText | Function::IdSex | Function::IdRegion => id_text(function, args, ty, len),
        Function::InWindow => {
            let after = operate::binary(env, BinaryOp::LessEqual, args[1], args[0], Type::Bool, len);
            let before = operate::binary(env, BinaryOp::LessEqual, args[0], args[2], Type::Bool, len);
            operate::binary(env, BinaryOp::And, &after, &before, Type::Bool, len)
        }
        Function::OverlapDays => overlap_days(args, ty, len),
        Function::Listed(list) => listed(env, list.index(), args, len),
        _ => numbers(env, function, args, ty, len),
    }
}

/// Functions of numbers, dates, ids and regions whose result is missing where an argument is.
fn numbers<'e>(env: &Env<'e>, function: Function, args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    let types: Vec<Type> = args.iter().map(|a| a.ty).collect();
    let day = |v: i64| i32::try_from(v).ok();
    match function {
        Function::Abs => strict(args, ty, len, false, |v| v[0].checked_abs()),
        Function::Round => {
            let by = ten(scale(types[0]));
            strict(args, ty, len, false, |v| divide_rounded(i128::from(v[0]), by).and_then(|v| i64::try_from(v).ok()))
        }
        Function::DistanceKm => {
            let by: Vec<f64> = types.iter().map(|ty| ten(scale(*ty)) as f64).collect();
            strict(args, ty, len, false, |v| {
                let degrees = |i: usize| v[i] as f64 / by[i];
                metres_between(degrees(0), degrees(1), degrees(2), degrees(3))
            })
        }
        Function::FirstDigits => strict(args, ty, len, false, |v| crate::plan::first_digits(v[0], v[1])),
        Function::DaysBetween => strict(args, ty, len, true, |v| v[1].checked_sub(v[0])),
        Function::MonthsBetween if types[0] == Type::Month => strict(args, ty, len, false, |v| v[1].checked_sub(v[0])),
        Function::MonthsBetween => strict(args, ty, len, true, |v| Some(i64::from(dates::months_between(day(v[0])?, day(v[1])?)))),
        Function::AddDays => strict(args, ty, len, true, |v| day(v[0].checked_add(v[1])?).map(i64::from)),
        Function::AddMonths if types[0] == Type::Month => strict(args, ty, len, false, |v| day(v[0].checked_add(v[1])?).map(i64::from)),
        Function::AddMonths => strict(args, ty, len, true, |v| {
            let months = day(v[1]).filter(|m| m.abs() < 120_000)?;
            Some(i64::from(dates::add_months(day(v[0])?, months)))
        }),
        Function::Year if types[0] == Type::Month => strict(args, ty, len, false, |v| Some(v[0].div_euclid(12))),
        Function::Year => strict(args, ty, len, false, |v| Some(i64::from(dates::civil_from_days(day(v[0])?).0))),
        Function::MonthOfYear if types[0] == Type::Month => strict(args, ty, len, false, |v| Some(v[0].rem_euclid(12) + 1)),
        Function::MonthOfYear => strict(args, ty, len, false, |v| Some(i64::from(dates::civil_from_days(day(v[0])?).1))),
        Function::DayOfMonth => strict(args, ty, len, true, |v| Some(i64::from(dates::civil_from_days(day(v[0])?).2))),
        Function::MonthOf if types[0] == Type::Month => args[0].clone(),
        Function::MonthOf => strict(args, ty, len, false, |v| Some(i64::from(dates::month_of(day(v[0])?)))),
        Function::MonthStart | Function::MonthEnd => {
            let of_month = types[0] == Type::Month;
            let month = move |v: i64| if of_month { day(v) } else { Some(dates::month_of(day(v)?)) };
            let edge = if function == Function::MonthStart { dates::month_start } else { dates::month_end };
            strict(args, ty, len, false, |v| Some(i64::from(edge(month(v[0])?))))
        }
        Function::MakeDate => strict(args, ty, len, false, |v| {
            let date = dates::checked_days(day(v[0])?, u32::try_from(v[1]).ok()?, u32::try_from(v[2]).ok()?)?;
            Some(i64::from(date))
        }),
        Function::InPeriod if types[1] == Type::Int => {
            strict(args, ty, len, false, |v| Some(i64::from(i64::from(dates::civil_from_days(day(v[0])?).0) == v[1])))
        }
        Function::InPeriod => strict(args, ty, len, false, |v| Some(i64::from(i64::from(dates::month_of(day(v[0])?)) == v[1]))),
        Function::Under => strict(args, ty, len, false, |v| Some(i64::from(env.regions.under(v[0], v[1])))),
        Function::RegionLevel(level) => {
            use crate::project::Level;
            let level = match level {
                1 => Level::Province,
                2 => Level::Prefecture,
                3 => Level::County,
                4 => Level::Town,
                _ => Level::Village,
            };
            strict(args, ty, len, false, |v| env.regions.at_level(v[0], level))
        }
        Function::IdValid => strict(args, ty, len, false, |v| Some(i64::from(citizen_id::is_valid(v[0])))),
        Function::IdBirth => strict(args, ty, len, false, |v| citizen_id::birth(v[0]).map(i64::from)),
        Function::IdPlaceholder => strict(args, ty, len, false, |v| Some(i64::from(citizen_id::is_placeholder(v[0])))),
        _ => Vector::null(ty),
    }
}

/// `f` over rows where every argument has a value (`whole_days`: and no date stands for a month).
fn strict<'e>(args: &[&Vector<'e>], ty: Type, len: usize, whole_days: bool, f: impl Fn(&[i64; 4]) -> Option<i64>) -> Vector<'e> {
    let constant = args.iter().all(|a| a.constant);
    let n = if constant { 1 } else { len };
    let mut out = Vector::new(Values::Null, ty);
    out.strict(args, n);
    if args.iter().any(|a| matches!(a.values, Values::Null)) {
        return Vector { constant, ..Vector::null(ty) }.with_reasons(args, n);
    }
    let mut valid = out.valid.take().unwrap_or_else(|| Bits::new(n, true));
    let mut results = vec![0i64; n];
    let mut row = [0i64; 4];
    for (i, result) in results.iter_mut().enumerate() {
        if !valid.get(i) {
            continue;
        }
        let mut whole = true;
        for (slot, arg) in row.iter_mut().zip(args) {
            *slot = arg.number(i);
            whole &= !whole_days || arg.last_day.is_none() || i64::from(arg.last_day(i)) == *slot;
        }
        match f(&row) {
            Some(v) if whole => *result = v,
            _ => valid.set(i, false),
        }
    }
    out.values = match ty {
        Type::Bool => Values::Bool(Bits::from_fn(n, |i| results[i] != 0)),
        Type::Date | Type::Month => Values::I32(results.into_iter().map(|v| v as i32).collect()),
        _ => Values::I64(results.into()),
    };
    out.constant = constant;
    out.valid = Some(valid);
    out.settle();
    out
}

impl<'e> Vector<'e> {
    fn with_reasons(mut self, args: &[&Vector<'_>], n: usize) -> Self {
        self.inherit(args, n);
        if self.bad.is_some() || self.uncovered.is_some() {
            self.values = match self.ty {
                Type::Bool => Values::Bool(Bits::new(n, false)),
                _ => Values::I64(vec![0; n].into()),
            };
            self.valid = Some(Bits::new(n, false));
            self.constant = self.constant && n == 1;
        } else {
            self.constant = true;
        }
        self
    }
}

fn coalesce<'e>(args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    // The first with a value, or the first that is unreadable: what it would have been nobody knows.
    let pick: Vec<usize> =
        (0..len).map(|i| args.iter().position(|a| a.is_valid(i) || a.is_bad(i) || a.is_uncovered(i)).unwrap_or(args.len() - 1)).collect();
    operate::select(args, &pick, ty, len)
}

fn null_if<'e>(env: &Env<'e>, args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    let equal = operate::binary(env, BinaryOp::Equal, args[0], args[1], Type::Bool, len);
    let (yes, _) = equal.truth(len);
    let null = Vector::null(ty);
    let pick: Vec<usize> = (0..len).map(|i| usize::from(yes.get(i))).collect();
    operate::select(&[args[0], &null], &pick, ty, len)
}

fn extreme<'e>(largest: bool, args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    let pick: Vec<usize> = (0..len)
        .map(|i| {
            let mut best = args.iter().position(|a| a.is_bad(i)).unwrap_or(0);
            if args[best].is_bad(i) {
                return best;
            }
            for (k, arg) in args.iter().enumerate() {
                if !arg.is_valid(i) {
                    continue;
                }
                let better = if matches!(ty, Type::Text(_)) {
                    arg.text(i).cmp(if args[best].is_valid(i) { args[best].text(i) } else { "" })
                } else {
                    arg.number(i).cmp(&args[best].number(i))
                };
                if !args[best].is_valid(i) || (if largest { better.is_gt() } else { better.is_lt() }) {
                    best = k;
                }
            }
            best
        })
        .collect();
    operate::select(args, &pick, ty, len)
}

fn overlap_days<'e>(args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    let mut valid = Bits::new(len, true);
    let values: Vec<i64> = (0..len)
        .map(|i| {
            let part = args.iter().any(|a| a.is_valid(i) && i64::from(a.last_day(i)) != a.number(i));
            let unknown = args.iter().any(|a| a.is_bad(i) || a.is_uncovered(i));
            if part || unknown || !args[0].is_valid(i) || !args[2].is_valid(i) {
                valid.set(i, false);
                return 0;
            }
            let end = |k: usize| if args[k].is_valid(i) { args[k].number(i) } else { i64::from(i32::MAX) };
            (end(1).min(end(3)) - args[0].number(i).max(args[2].number(i)) + 1).max(0)
        })
        .collect();
    let mut out = Vector::new(Values::I64(values.into()), ty).with_valid(Some(valid));
    out.inherit(args, len);
    out.settle();
    out
}

fn listed<'e>(env: &Env<'e>, list: usize, args: &[&Vector<'e>], len: usize) -> Vector<'e> {
    let Some(parameter) = env.parameter(list) else { return Vector::null(Type::Bool) };
    let mut out = Vector::bools(Bits::from_fn(len, |i| {
        args.iter().all(|a| a.is_valid(i))
            && parameter.contains(&args.iter().map(|a| super::parameter::as_key(a.value(i))).collect::<Vec<_>>())
    }));
    out.strict(args, len);
    out
}

/// Functions of a text: over the dictionary once where the text is a loaded column and the other arguments are constants.
fn text<'e>(env: &Env<'e>, id: ExprId, function: Function, args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    let Some((first, rest)) = args.split_first() else { return Vector::null(ty) };
    if let Values::Code(codes, dictionary) = &first.values
        && !first.constant
        && rest.iter().all(|a| a.constant)
        && dictionary.len() <= 4 * codes.len().max(65_536)
    {
        let table = env.texts.table(dictionary, id, || {
            let column = Vector::new(Values::Code((0..dictionary.len() as u32).collect(), dictionary.clone()), first.ty);
            let mut args: Vec<&Vector<'_>> = vec![&column];
            args.extend(rest);
            let vector = texts::rows(function, &args, ty, dictionary.len());
            texts::with_dictionary(vector)
        });
        let mut out = gather(&table, |i| if first.is_valid(i) { codes[i] } else { super::NONE }, len, ty);
        out.inherit(args, len);
        out.settle();
        return out;
    }
    texts::rows(function, args, ty, len)
}

fn id_text<'e>(function: Function, args: &[&Vector<'e>], ty: Type, len: usize) -> Vector<'e> {
    let arg = args[0];
    let texts = (0..len)
        .map(|i| {
            let id = arg.number(i);
            let text = match function {
                _ if !arg.is_valid(i) => String::new(),
                Function::IdText => citizen_id::text(id),
                Function::IdRegion => format!("{:06}", citizen_id::region6(id)),
                _ => citizen_id::sex(id).code().to_owned(),
            };
            Arc::from(text)
        })
        .collect();
    let mut out = Vector::new(Values::Text(texts), Type::Text(text_kind(ty)));
    out.strict(args, len);
    out
}
