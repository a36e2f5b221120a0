//! Policy parameters for the rows of a batch: the value in force at each row's place and date.

use rustc_hash::FxHashMap;

use super::Env;
use super::vector::Vector;
use crate::plan::ParameterId;
use crate::project::Lookup;
use crate::schema::{TextKind, Type, Value};

/// A value as parameter keys hold it: the kind of a text says nothing about which key it is.
pub fn as_key(value: Value) -> Value {
    match value {
        Value::Text(text, _) => Value::Text(text, TextKind::Plain),
        other => other,
    }
}

/// Values; missing for rows for which none is in force.
pub fn look_up<'e>(
    env: &Env<'e>,
    parameter: ParameterId,
    args: &[std::rc::Rc<Vector<'e>>],
    at: Option<&Vector<'e>>,
    place: Option<&Vector<'e>>,
    ty: Type,
    len: usize,
) -> Vector<'e> {
    let Some(values) = env.parameter(parameter.index()) else { return Vector::null(ty) };
    let mut sources: Vec<&Vector<'e>> = args.iter().map(|a| &**a).collect();
    sources.extend(at);
    sources.extend(place);
    let constant = sources.iter().all(|v| v.constant);
    let n = if constant { 1 } else { len };
    let mut known: FxHashMap<(Vec<Value>, Option<i64>, Option<i32>), Value> = FxHashMap::default();
    let mut found = Vec::with_capacity(n);
    let mut last: Option<((Option<i64>, Option<i32>), Value)> = None;
    for i in 0..n {
        // A date that stands for a month is taken at its first day if the value is the same on its last, else unknown.
        let unknown = sources.iter().any(|v| !v.is_valid(i));
        let day = at.map(|v| v.number(i) as i32);
        let where_ = place.map(|v| v.number(i));
        if unknown {
            found.push(Value::Null);
            continue;
        }
        if args.is_empty()
            && let Some((key, value)) = &last
            && *key == (where_, day)
        {
            found.push(value.clone());
            continue;
        }
        let keys: Vec<Value> = args.iter().map(|a| as_key(a.value(i))).collect();
        let last_day = at.map(|v| v.last_day(i));
        let mut get = |day: Option<i32>, keys: &Vec<Value>| {
            known
                .entry((keys.clone(), where_, day))
                .or_insert_with(|| match values.lookup(keys, where_, day, env.regions) {
                    Lookup::Found(entry) => entry.value.clone(),
                    Lookup::Gap => Value::Null,
                })
                .clone()
        };
        let value = get(day, &keys);
        let value = if last_day != day && get(last_day, &keys) != value { Value::Null } else { value };
        if last_day == day {
            last = Some(((where_, day), value.clone()));
        }
        found.push(value);
    }
    let mut out = Vector::from_values(&found, ty);
    out.constant = constant;
    out.inherit(&sources, n);
    out.settle();
    if constant && out.valid.as_ref().is_some_and(|v| !v.get(0)) {
        return Vector::null(ty);
    }
    out
}
