//! Operators: comparison, Kleene logic, checked arithmetic, casts, `case`.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::Env;
use super::vector::{Lane, Values, Vector};
use crate::plan::{BinaryOp, UnaryOp};
use crate::schema::{Type, dates};
use crate::table::Bits;

pub fn unary<'e>(op: UnaryOp, arg: &Vector<'e>, len: usize) -> Vector<'e> {
    match op {
        UnaryOp::Not => {
            let (yes, no) = arg.truth(len);
            Vector::from_truth(no, &yes, &[arg])
        }
        UnaryOp::IsNull => {
            let yes = arg.valid_bits(len).map_or_else(|| Bits::new(len, false), |v| v.not());
            let unknown = super::vector::or_mask(arg.bad_bits(len), arg.uncovered_bits(len));
            match unknown {
                Some(unknown) if unknown.any() => {
                    let no = yes.or(&unknown).not();
                    let yes = yes.zip(&unknown, |y, u| y & !u);
                    Vector::from_truth(yes, &no, &[arg])
                }
                _ => Vector::bools(yes),
            }
        }
        UnaryOp::Negate => {
            let Some(lane) = arg.i64s() else { return Vector::null(arg.ty) };
            let n = if arg.constant { 1 } else { len };
            let values = (0..n).map(|i| lane.get(i).wrapping_neg()).collect();
            Vector { values: Values::I64(values), last_day: None, ..arg.clone() }
        }
    }
}

/// Result, and the number of rows without a value because of overflow or division by zero.
pub fn binary<'e>(env: &Env<'e>, op: BinaryOp, left: &Vector<'e>, right: &Vector<'e>, ty: Type, len: usize) -> Vector<'e> {
    match op {
        BinaryOp::And | BinaryOp::Or => logic(op, left, right, len),
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder => {
            arithmetic(op, left, right, ty, len)
        }
        _ => compare(env, op, left, right, len),
    }
}

fn logic<'e>(op: BinaryOp, left: &Vector<'e>, right: &Vector<'e>, len: usize) -> Vector<'e> {
    let (lt, lf) = left.truth(len);
    let (rt, rf) = right.truth(len);
    let (yes, no) = if op == BinaryOp::And { (lt.and(&rt), lf.or(&rf)) } else { (lt.or(&rt), lf.and(&rf)) };
    Vector::from_truth(yes, &no, &[left, right])
}

/// Eight bytes that are 0 or 1 to eight bits, first byte lowest.
#[inline]
fn pack8(bytes: [u8; 8]) -> u64 {
    u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[inline]
fn pack_word(bytes: &[u8; 64]) -> u64 {
    let mut word = 0;
    for (k, eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        word |= pack8(*eight) << (8 * k);
    }
    word
}

#[inline]
pub fn pack_one<T: Copy>(values: &[T], f: impl Fn(T) -> bool) -> Bits {
    let mut words = Vec::with_capacity(values.len().div_ceil(64));
    for chunk in values.chunks(64) {
        let mut bytes = [0u8; 64];
        for (byte, &value) in bytes.iter_mut().zip(chunk) {
            *byte = u8::from(f(value));
        }
        words.push(pack_word(&bytes));
    }
    Bits::from_words(words, values.len())
}

#[inline]
fn pack_two<T: Copy>(left: &[T], right: &[T], f: impl Fn(T, T) -> bool) -> Bits {
    let mut words = Vec::with_capacity(left.len().div_ceil(64));
    for (a, b) in left.chunks(64).zip(right.chunks(64)) {
        let mut bytes = [0u8; 64];
        for ((byte, &x), &y) in bytes.iter_mut().zip(a).zip(b) {
            *byte = u8::from(f(x, y));
        }
        words.push(pack_word(&bytes));
    }
    Bits::from_words(words, left.len())
}

fn lanes<T: Copy>(a: Lane<'_, T>, b: Lane<'_, T>, len: usize, f: impl Fn(T, T) -> bool) -> Bits {
    match (a.step, b.step) {
        (1, 1) => pack_two(a.slice, b.slice, f),
        (1, _) => {
            let k = b.slice[0];
            pack_one(a.slice, |x| f(x, k))
        }
        (_, 1) => {
            let k = a.slice[0];
            pack_one(b.slice, |y| f(k, y))
        }
        _ => Bits::new(len, f(a.slice[0], b.slice[0])),
    }
}

fn ordered<T: Copy + PartialOrd>(op: BinaryOp, a: Lane<'_, T>, b: Lane<'_, T>, len: usize) -> Bits {
    match op {
        BinaryOp::Equal => lanes(a, b, len, |x, y| x == y),
        BinaryOp::NotEqual => lanes(a, b, len, |x, y| x != y),
        BinaryOp::Less => lanes(a, b, len, |x, y| x < y),
        BinaryOp::LessEqual => lanes(a, b, len, |x, y| x <= y),
        BinaryOp::Greater => lanes(a, b, len, |x, y| x > y),
        _ => lanes(a, b, len, |x, y| x >= y),
    }
}

fn holds(op: BinaryOp, order: std::cmp::Ordering) -> bool {
    match op {
        BinaryOp::Equal => order.is_eq(),
        BinaryOp::NotEqual => order.is_ne(),
        BinaryOp::Less => order.is_lt(),
        BinaryOp::LessEqual => order.is_le(),
        BinaryOp::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn compare<'e>(env: &Env<'e>, op: BinaryOp, left: &Vector<'e>, right: &Vector<'e>, len: usize) -> Vector<'e> {
    if left.last_day.is_some() || right.last_day.is_some() {
        return compare_part_dates(op, left, right, len);
    }
    let bits = match (&left.values, &right.values) {
        (Values::Null, _) | (_, Values::Null) => Bits::new(len, false),
        (Values::I64(_), Values::I64(_)) => match (left.i64s(), right.i64s()) {
            (Some(a), Some(b)) => ordered(op, a, b, len),
            _ => Bits::new(len, false),
        },
        (Values::I32(_), Values::I32(_)) => match (left.i32s(), right.i32s()) {
            (Some(a), Some(b)) => ordered(op, a, b, len),
            _ => Bits::new(len, false),
        },
        (Values::Bool(_), Values::Bool(_)) => Bits::from_fn(len, |i| holds(op, left.number(i).cmp(&right.number(i)))),
        (Values::Code(codes, dictionary), Values::Text(text)) if right.constant => {
            // The dictionary is sorted by code points, as texts are compared.
            let below = dictionary.values.partition_point(|v| **v < *text[0]) as u32;
            let found = dictionary.values.get(below as usize).is_some_and(|v| *v == text[0]);
            code_against(op, codes, below, found)
        }
        (Values::Code(a, da), Values::Code(b, db)) if Arc::ptr_eq(da, db) => {
            ordered(op, Lane { slice: a, step: left.step() }, Lane { slice: b, step: right.step() }, len)
        }
        (Values::Code(a, da), Values::Code(b, db))
            if matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) && !left.constant && !right.constant =>
        {
            let translation = env.texts.translation(da, db);
            let want = op == BinaryOp::Equal;
            Bits::from_fn(len, |i| (translation[a[i] as usize] == b[i]) == want)
        }
        _ => Bits::from_fn(len, |i| left.is_valid(i) && right.is_valid(i) && holds(op, left.text(i).cmp(right.text(i)))),
    };
    let bits = if left.constant && right.constant { Bits::new(1, bits.get(0)) } else { bits };
    let constant = left.constant && right.constant;
    let mut out = Vector { constant, ..Vector::bools(bits) };
    out.strict(&[left, right], if constant { 1 } else { len });
    out
}

fn code_against(op: BinaryOp, codes: &[u32], below: u32, found: bool) -> Bits {
    let above = below + u32::from(found);
    match op {
        BinaryOp::Equal if !found => Bits::new(codes.len(), false),
        BinaryOp::NotEqual if !found => Bits::new(codes.len(), true),
        BinaryOp::Equal => pack_one(codes, |c| c == below),
        BinaryOp::NotEqual => pack_one(codes, |c| c != below),
        BinaryOp::Less => pack_one(codes, |c| c < below),
        BinaryOp::LessEqual => pack_one(codes, |c| c < above),
        BinaryOp::Greater => pack_one(codes, |c| c >= above),
        _ => pack_one(codes, |c| c >= below),
    }
}

/// True only if true for every day of the month, false only if for none.
fn compare_part_dates<'e>(op: BinaryOp, left: &Vector<'e>, right: &Vector<'e>, len: usize) -> Vector<'e> {
    let (mut yes, mut no) = (Bits::new(len, false), Bits::new(len, false));
    for i in 0..len {
        if !left.is_valid(i) || !right.is_valid(i) {
            continue;
        }
        let (a1, a2) = (left.number(i), i64::from(left.last_day(i)));
        let (b1, b2) = (right.number(i), i64::from(right.last_day(i)));
        let whole = a1 == a2 && b1 == b2;
        let (surely, possibly) = match op {
            BinaryOp::Less => (a2 < b1, a1 < b2),
            BinaryOp::LessEqual => (a2 <= b1, a1 <= b2),
            BinaryOp::Greater => (a1 > b2, a2 > b1),
            BinaryOp::GreaterEqual => (a1 >= b2, a2 >= b1),
            BinaryOp::Equal => (whole && a1 == b1, a1 <= b2 && b1 <= a2),
            _ => (a2 < b1 || b2 < a1, !(whole && a1 == b1)),
        };
        yes.set(i, surely);
        no.set(i, !possibly);
    }
    Vector::from_truth(yes, &no, &[left, right])
}

/// 10^n; the scales of types keep `n` small.
pub fn ten(n: u32) -> i128 {
    10i128.pow(n.min(36))
}

pub fn scale(ty: Type) -> u32 {
    if let Type::Decimal(s) = ty { u32::from(s) } else { 0 }
}

/// Rounded half away from zero; `None` for a zero divisor.
pub fn divide_rounded(n: i128, d: i128) -> Option<i128> {
    // Most numbers are small, and division of 128 bits costs ten times as much.
    if let (Ok(n), Ok(d @ 1..)) = (i64::try_from(n), i64::try_from(d)) {
        let (quotient, rest) = (n / d, n % d);
        let up = rest.unsigned_abs() >= d.unsigned_abs().div_ceil(2);
        return Some(i128::from(if up { quotient + n.signum() } else { quotient }));
    }
    if d == 0 {
        return None;
    }
    let (n, d) = if d < 0 { (n.checked_neg()?, d.checked_neg()?) } else { (n, d) };
    let (quotient, rest) = (n / d, n % d);
    Some(if rest.unsigned_abs() >= d.unsigned_abs().div_ceil(2) { quotient + n.signum() } else { quotient })
}

fn arithmetic<'e>(op: BinaryOp, left: &Vector<'e>, right: &Vector<'e>, ty: Type, len: usize) -> Vector<'e> {
    let constant = left.constant && right.constant;
    let n = if constant { 1 } else { len };
    let (Some(a), Some(b)) = (left.i64s(), right.i64s()) else {
        let mut out = Vector::new(Values::I64(vec![0; n].into()), ty);
        out.constant = constant;
        out.strict(&[left, right], n);
        return out;
    };
    let out_scale = scale(ty);
    let (sa, sb) = (scale(left.ty), scale(right.ty));
    let mut lost = None::<Bits>;
    let mut lose = |i: usize| {
        lost.get_or_insert_with(|| Bits::new(n, false)).set(i, true);
        0i64
    };
    let values: Vec<i64> = match op {
        BinaryOp::Add => (0..n).map(|i| a.get(i).checked_add(b.get(i)).unwrap_or_else(|| lose(i))).collect(),
        BinaryOp::Subtract => (0..n).map(|i| a.get(i).checked_sub(b.get(i)).unwrap_or_else(|| lose(i))).collect(),
        BinaryOp::Remainder => (0..n).map(|i| a.get(i).checked_rem(b.get(i)).unwrap_or_else(|| lose(i))).collect(),
        BinaryOp::Multiply if sa + sb == out_scale => (0..n).map(|i| a.get(i).checked_mul(b.get(i)).unwrap_or_else(|| lose(i))).collect(),
        BinaryOp::Multiply => {
            let (up, down) = if out_scale >= sa + sb { (ten(out_scale - sa - sb), 1) } else { (1, ten(sa + sb - out_scale)) };
            let small_down = i64::try_from(down).ok().filter(|_| up == 1);
            (0..n)
                .map(|i| {
                    if let (Some(product), Some(down)) = (a.get(i).checked_mul(b.get(i)), small_down) {
                        let (quotient, rest) = (product / down, product % down);
                        let up = rest.unsigned_abs() >= down.unsigned_abs().div_ceil(2);
                        return if up { quotient + product.signum() } else { quotient };
                    }
                    let product = i128::from(a.get(i)) * i128::from(b.get(i));
                    product
                        .checked_mul(up)
                        .and_then(|p| divide_rounded(p, down))
                        .and_then(|v| i64::try_from(v).ok())
                        .unwrap_or_else(|| lose(i))
                })
                .collect()
        }
        _ => {
            let (up, down) = if out_scale + sb >= sa { (ten(out_scale + sb - sa), 1) } else { (1, ten(sa - out_scale - sb)) };
            let small_up = i64::try_from(up).ok().filter(|_| down == 1);
            (0..n)
                .map(|i| {
                    let (a, b) = (a.get(i), b.get(i));
                    // Most quotients stay within 64 bits all the way.
                    if let Some(scaled) = small_up.and_then(|up| a.checked_mul(up))
                        && b > 0
                    {
                        let (quotient, rest) = (scaled / b, scaled % b);
                        let up = rest.unsigned_abs() >= b.unsigned_abs().div_ceil(2);
                        return if up { quotient + scaled.signum() } else { quotient };
                    }
                    i128::from(a)
                        .checked_mul(up)
                        .and_then(|p| divide_rounded(p, i128::from(b) * down))
                        .and_then(|v| i64::try_from(v).ok())
                        .unwrap_or_else(|| lose(i))
                })
                .collect()
        }
    };
    let mut out = Vector::new(Values::I64(Cow::Owned(values)), ty);
    out.constant = constant;
    out.strict(&[left, right], n);
    if let Some(lost) = lost {
        // Rows without a value hold anything; only rows with two values can lose one.
        let valid = out.valid.take().unwrap_or_else(|| Bits::new(n, true));
        out.valid = Some(valid.zip(&lost, |v, l| v & !l));
        out.settle();
    }
    out
}

pub fn cast<'e>(arg: &Vector<'e>, to: Type, len: usize) -> Vector<'e> {
    let n = if arg.constant { 1 } else { len };
    match (arg.ty, to) {
        (Type::Int | Type::Decimal(_), Type::Int | Type::Decimal(_)) => {
            let Some(lane) = arg.i64s() else { return Vector { ty: to, ..arg.clone() } };
            let (from, into) = (scale(arg.ty), scale(to));
            let mut failed = Bits::new(n, false);
            let values = (0..n)
                .map(|i| {
                    let v = i128::from(lane.get(i));
                    let scaled = if into >= from { v.checked_mul(ten(into - from)) } else { divide_rounded(v, ten(from - into)) };
                    scaled.and_then(|v| i64::try_from(v).ok()).unwrap_or_else(|| {
                        failed.set(i, true);
                        0
                    })
                })
                .collect();
            let mut out = Vector { values: Values::I64(values), ty: to, ..arg.clone() };
            if failed.any() {
                let valid = out.valid.take().unwrap_or_else(|| Bits::new(n, true));
                out.valid = Some(valid.zip(&failed, |v, f| v & !f));
            }
            out
        }
        (Type::Month, Type::Date) => {
            let Some(lane) = arg.i32s() else { return Vector { ty: to, ..arg.clone() } };
            let first: Vec<i32> = (0..n).map(|i| dates::month_start(lane.get(i))).collect();
            let last = first.iter().map(|&d| dates::month_end(d)).collect();
            Vector { values: Values::I32(Cow::Owned(first)), last_day: Some(last), ty: to, ..arg.clone() }
        }
        _ => Vector { ty: to, ..arg.clone() },
    }
}

/// The value of the first branch whose condition is true. A condition that is unreadable makes the row so.
pub fn case<'e>(whens: &[(Rc<Vector<'e>>, Rc<Vector<'e>>)], otherwise: &Vector<'e>, ty: Type, len: usize) -> Vector<'e> {
    let mut pick = vec![whens.len(); len];
    let mut bad = Bits::new(len, false);
    let mut open = Bits::new(len, true);
    for (k, (when, _)) in whens.iter().enumerate() {
        let (yes, _) = when.truth(len);
        for i in open.and(&yes).ones() {
            pick[i] = k;
        }
        open = open.zip(&yes, |o, y| o & !y);
        if let Some(unknown) = when.bad_bits(len) {
            let stop = open.and(&unknown);
            bad = bad.or(&stop);
            open = open.zip(&unknown, |o, u| o & !u);
        }
    }
    let mut choices: Vec<&Vector<'e>> = whens.iter().map(|(_, then)| &**then).collect();
    choices.push(otherwise);
    let mut out = select(&choices, &pick, ty, len);
    if bad.any() {
        let valid = out.valid.take().unwrap_or_else(|| Bits::new(len, true));
        out.valid = Some(valid.zip(&bad, |v, b| v & !b));
        out.bad = super::vector::or_mask(out.bad.take(), Some(bad));
    }
    out
}

/// Row `i` of the result is row `i` of `choices[pick[i]]`.
pub fn select<'e>(choices: &[&Vector<'e>], pick: &[usize], ty: Type, len: usize) -> Vector<'e> {
    let number = |i: usize| choices[pick[i]].number(i);
    let values = match ty {
        Type::Null => Values::Null,
        Type::Bool => Values::Bool(Bits::from_fn(len, |i| number(i) != 0)),
        Type::Date | Type::Month => Values::I32((0..len).map(|i| number(i) as i32).collect()),
        Type::Text(_) => match one_dictionary(choices) {
            Some(dictionary) => {
                let codes = (0..len).map(|i| number(i) as u32).collect();
                Values::Code(codes, dictionary)
            }
            None => {
                let empty: Arc<str> = Arc::from("");
                let text = |i: usize| if choices[pick[i]].is_valid(i) { choices[pick[i]].shared_text(i) } else { empty.clone() };
                Values::Text((0..len).map(text).collect())
            }
        },
        _ => match choices.iter().map(|c| c.i64s()).collect::<Option<Vec<_>>>() {
            Some(lanes) => Values::I64(pick.iter().enumerate().map(|(i, &k)| lanes[k].get(i)).collect()),
            None => Values::I64((0..len).map(number).collect()),
        },
    };
    let mut out = Vector::new(values, ty);
    if choices.iter().any(|c| !matches!(c.mask(), super::vector::Mask::All)) {
        out = out.with_valid(Some(Bits::from_fn(len, |i| choices[pick[i]].is_valid(i))));
    }
    let where_any = |has: fn(&Vector<'e>) -> bool, at: fn(&Vector<'e>, usize) -> bool| {
        let bits = choices.iter().any(|c| has(c)).then(|| Bits::from_fn(len, |i| at(choices[pick[i]], i)));
        bits.filter(Bits::any)
    };
    out.bad = where_any(|c| c.bad.is_some(), Vector::is_bad);
    out.uncovered = where_any(|c| c.uncovered.is_some(), Vector::is_uncovered);
    if choices.iter().any(|c| c.last_day.is_some()) {
        out.last_day = Some((0..len).map(|i| choices[pick[i]].last_day(i)).collect());
    }
    out
}

/// The dictionary that all non-null choices share.
fn one_dictionary(choices: &[&Vector<'_>]) -> Option<Arc<crate::table::Dictionary>> {
    let mut found: Option<Arc<crate::table::Dictionary>> = None;
    for choice in choices {
        match (&choice.values, &found) {
            (Values::Null, _) => {}
            (Values::Code(_, d), None) => found = Some(d.clone()),
            (Values::Code(_, d), Some(f)) if Arc::ptr_eq(d, f) => {}
            _ => return None,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_half_away_from_zero() {
        let big = i128::from(i64::MAX);
        for (n, d, want) in [
            (big, 1, big),
            (-big - 1, 1, -big - 1),
            (big * 5, big * 2, 3),
            (big * 3, 2, (big * 3 + 1) / 2),
            (5, 2, 3),
            (-5, 2, -3),
            (4, 3, 1),
            (5, 3, 2),
            (-4, 3, -1),
            (1, 2, 1),
            (1, 3, 0),
            (7, -2, -4),
        ] {
            assert_eq!(divide_rounded(n, d), Some(want), "{n} / {d}");
        }
        assert_eq!(divide_rounded(1, 0), None);
    }

    #[test]
    fn packs_comparisons_to_bits() {
        let values: Vec<i64> = (0..200).collect();
        let bits = pack_one(&values, |v| v % 3 == 0);
        assert_eq!(bits, Bits::from_fn(200, |i| i % 3 == 0));
    }
}
