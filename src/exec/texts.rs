//! Text functions, and what they give for whole dictionaries, computed once per run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::vector::{Values, Vector};
use crate::plan::{ExprId, Function};
use crate::schema::{Type, citizen_id};
use crate::table::{Bits, Dictionary};

/// Dictionary results are kept with the dictionary itself, so that an address cannot come to mean another one.
type Kept<T> = Mutex<FxHashMap<(usize, usize), (Arc<Dictionary>, Option<Arc<Dictionary>>, Arc<T>)>>;

/// Results of text functions by dictionary, and translations between dictionaries.
#[derive(Debug, Default)]
pub struct Texts {
    tables: Kept<Vector<'static>>,
    translations: Kept<Vec<u32>>,
}

impl Texts {
    /// The result of expression `id` for every entry of `dictionary`.
    pub fn table(&self, dictionary: &Arc<Dictionary>, id: ExprId, make: impl FnOnce() -> Vector<'static>) -> Arc<Vector<'static>> {
        let key = (Arc::as_ptr(dictionary) as usize, id.index());
        let mut kept = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(key).or_insert_with(|| (dictionary.clone(), None, Arc::new(make()))).2.clone()
    }
    /// For each code of `from` the code of the same text in `to`, or `u32::MAX`.
    pub fn translation(&self, from: &Arc<Dictionary>, to: &Arc<Dictionary>) -> Arc<Vec<u32>> {
        let key = (Arc::as_ptr(from) as usize, Arc::as_ptr(to) as usize);
        let mut kept = self.translations.lock().unwrap_or_else(PoisonError::into_inner);
        kept.entry(key)
            .or_insert_with(|| {
                let codes = from.values.iter().map(|text| to.code(text).unwrap_or(u32::MAX)).collect();
                (from.clone(), Some(to.clone()), Arc::new(codes))
            })
            .2
            .clone()
    }
}

/// Texts as codes of a dictionary of their own.
pub fn with_dictionary(vector: Vector<'static>) -> Vector<'static> {
    let Values::Text(texts) = &vector.values else { return vector };
    let mut distinct: BTreeMap<Arc<str>, u32> = texts.iter().map(|t| (t.clone(), 0)).collect();
    for (code, slot) in (0u32..).zip(distinct.values_mut()) {
        *slot = code;
    }
    let codes = texts.iter().map(|t| distinct[t]).collect();
    let dictionary = Arc::new(Dictionary::new(distinct.into_keys().collect()));
    Vector { values: Values::Code(codes, dictionary), ..vector }
}

/// `function` row by row. Missing where an argument is.
pub fn rows(function: Function, args: &[&Vector<'_>], ty: Type, len: usize) -> Vector<'static> {
    let constant = args.iter().all(|a| a.constant);
    let n = if constant { 1 } else { len };
    let present = |i: usize| args.iter().all(|a| a.is_valid(i));
    let values = match ty {
        Type::Bool => Values::Bool(Bits::from_fn(n, |i| present(i) && holds(function, args, i))),
        Type::Text(_) => {
            Values::Text((0..n).map(|i| if present(i) { Arc::from(text(function, args, i)) } else { Arc::from("") }).collect())
        }
        _ => Values::I64((0..n).map(|i| if present(i) { number(function, args, i) } else { 0 }).collect()),
    };
    let mut out = Vector::new(values, ty);
    out.constant = constant;
    out.strict(args, n);
    out
}

fn holds(function: Function, args: &[&Vector<'_>], i: usize) -> bool {
    let text = args[0].text(i);
    if function == Function::IdValid {
        return citizen_id::parse(text).is_ok_and(citizen_id::is_valid);
    }
    let other = args[1].text(i);
    match function {
        Function::StartsWith => text.starts_with(other),
        Function::Contains => text.contains(other),
        _ => like(text, other),
    }
}

fn number(function: Function, args: &[&Vector<'_>], i: usize) -> i64 {
    let count = match function {
        Function::Edits => match (args[0].text(i), args[1].text(i)) {
            // A record that is compared with its own table meets itself first.
            (a, b) if a == b => 0,
            (a, b) => strsim::damerau_levenshtein(a, b),
        },
        _ => args[0].text(i).chars().count(),
    };
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn text(function: Function, args: &[&Vector<'_>], i: usize) -> String {
    match function {
        Function::Lower => args[0].text(i).to_lowercase(),
        Function::Upper => args[0].text(i).to_uppercase(),
        Function::Substring => {
            // SQL counts from 1; what lies before the text is passed over but counts.
            let start = args[1].number(i);
            let end = args.get(2).map_or(i64::MAX, |n| start.saturating_add(n.number(i).max(0)));
            let skip = usize::try_from(start - 1).unwrap_or(0);
            let count = usize::try_from(end.saturating_sub(start.max(1))).unwrap_or(0);
            args[0].text(i).chars().skip(skip).take(count).collect()
        }
        _ => args.iter().map(|a| a.text(i)).collect(),
    }
}

/// `%` any run, `_` one character.
fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '%' {
            back = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '_' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star, from)) = back {
            back = Some((star, from + 1));
            p = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_is_sql_like() {
        for (text, pattern, want) in [
            ("贵阳市", "贵%", true),
            ("贵阳市", "_阳_", true),
            ("贵阳市", "_阳", false),
            ("", "%", true),
            ("abcabc", "%bc", true),
            ("abcab", "%bc", false),
            ("a%b", "a%b", true),
        ] {
            assert_eq!(like(text, pattern), want, "{text} like {pattern}");
        }
    }
}
