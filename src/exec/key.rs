//! Keys of several columns as one number per row, alike on all sides that are compared.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::batch::Batch;
use super::vector::{Mask, Values, Vector};
use super::{Env, MANY, NOKEY, NONE};
use crate::plan::{Expr, ExprId, Rel, RelId};
use crate::table::Dictionary;

/// Rows per batch: vectors of a few dozen expressions stay in cache.
pub const CHUNK: usize = 8192;

/// Rows of `rel` that are evaluated at once.
fn chunk_of(env: Env<'_>, rel: RelId, rows: usize) -> usize {
    match env.graph.get_rel(rel) {
        // A few groups of many members each are as much work as many rows: they are shared out too.
        Rel::Groups { parts } | Rel::Linked { parts, .. } => {
            let members: usize = parts.iter().map(|p| env.nodes.rows(&env, p.of)).sum();
            (CHUNK / (members / rows.max(1)).max(1)).clamp(64, CHUNK)
        }
        _ => CHUNK,
    }
}

/// `exprs` over all rows of `rel`, in chunks: (start of chunk, vectors' product of `f`).
pub fn chunked<'e, T: Send>(env: Env<'e>, rel: RelId, f: impl Fn(usize, &Batch<'e>) -> T + Sync) -> Vec<T> {
    let rows = env.nodes.rows(&env, rel);
    let chunk = chunk_of(env, rel, rows);
    (0..rows.div_ceil(chunk))
        .into_par_iter()
        .map(|k| {
            let start = k * chunk;
            f(start, &Batch::range(env, rel, start, chunk.min(rows - start)))
        })
        .collect()
}

/// As [`chunked`], each chunk (by number) filling its own stretch of one vector besides.
fn chunked_into<'e, V: Send + Clone, T: Send>(
    env: Env<'e>,
    rel: RelId,
    blank: V,
    f: impl Fn(usize, &Batch<'e>, &mut [V]) -> T + Sync,
) -> (Vec<V>, Vec<T>) {
    let rows = env.nodes.rows(&env, rel);
    let chunk = chunk_of(env, rel, rows);
    let mut out = vec![blank; rows];
    let products = out.par_chunks_mut(chunk).enumerate().map(|(k, out)| f(k, &Batch::range(env, rel, k * chunk, out.len()), out)).collect();
    (out, products)
}

/// Rows of `rel` where `among` is true, with their keys.
#[derive(Clone, Copy)]
pub struct Side<'k> {
    pub rel: RelId,
    pub keys: &'k [ExprId],
    pub among: Option<ExprId>,
}

/// `NONE` where a row takes no part, `NOKEY` where a part of its key is missing, `MANY` where one is unreadable, 0 where it is complete.
/// No list: all rows are complete.
#[derive(Debug, Default)]
pub struct State(pub Option<Vec<u32>>);

impl State {
    #[inline]
    pub fn get(&self, row: usize) -> u32 {
        self.0.as_ref().map_or(0, |s| s[row])
    }
    /// From chunks end to end; `None` for a chunk of complete rows.
    pub fn join(chunks: Vec<(usize, Option<Vec<u32>>)>) -> State {
        if chunks.iter().all(|(_, state)| state.is_none()) {
            return State(None);
        }
        let mut all = Vec::with_capacity(chunks.iter().map(|(len, _)| len).sum());
        for (len, state) in chunks {
            match state {
                Some(state) => all.extend(state),
                None => all.resize(all.len() + len, 0),
            }
        }
        State(Some(all))
    }
}

/// One number per row, equal where all parts of the key are; 0 where the key is not complete.
pub struct PackedSide {
    pub keys: Vec<u64>,
    pub state: State,
}

pub struct Packed {
    pub sides: Vec<PackedSide>,
    /// Number of values a key can take.
    pub range: u64,
    /// A key divided by this is its first part; 0 when that is not known.
    pub first: u64,
}

/// What one key expression gives over all sides.
#[derive(Default)]
struct Survey {
    /// Smallest and largest number.
    bounds: Option<(i64, i64)>,
    dictionaries: Vec<Arc<Dictionary>>,
    /// Texts that an expression made: they have no codes.
    texts: bool,
}

impl Survey {
    fn of(vector: &Vector<'_>, len: usize) -> Survey {
        let mut survey = Survey::default();
        let valid = |i: &usize| vector.is_valid(*i);
        let n = if vector.constant { len.min(1) } else { len };
        match &vector.values {
            Values::Null => {}
            Values::Code(_, dictionary) => survey.dictionaries.push(dictionary.clone()),
            Values::Text(_) => survey.texts = (0..n).any(|i| valid(&i)),
            Values::I64(v) if matches!(vector.mask(), Mask::All) => survey.bounds = bounds(v[..n].iter().copied()),
            Values::I32(v) if matches!(vector.mask(), Mask::All) => survey.bounds = bounds(v[..n].iter().map(|&v| i64::from(v))),
            _ => survey.bounds = bounds((0..n).filter(valid).map(|i| vector.number(i))),
        }
        survey
    }
    fn merge(&mut self, other: Survey) {
        self.bounds = match (self.bounds, other.bounds) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        for dictionary in other.dictionaries {
            if !self.dictionaries.iter().any(|d| Arc::ptr_eq(d, &dictionary)) {
                self.dictionaries.push(dictionary);
            }
        }
        self.texts |= other.texts;
    }
}

fn bounds(values: impl Iterator<Item = i64>) -> Option<(i64, i64)> {
    let (low, high) = values.fold((i64::MAX, i64::MIN), |(low, high), v| (low.min(v), high.max(v)));
    (low <= high).then_some((low, high))
}

/// How values of one key expression become numbers from 0 up.
struct Numbering {
    low: i64,
    /// Numbers are below this; 0 when even 64 bits do not hold how many there are.
    width: u64,
    /// Numbers of codes, by dictionary; `None`: the code itself.
    codes: Vec<(Arc<Dictionary>, Option<Vec<u64>>)>,
    texts: FxHashMap<Arc<str>, u64>,
}

impl Numbering {
    fn new(survey: Survey, texts: FxHashMap<Arc<str>, u64>) -> Numbering {
        let Survey { bounds, dictionaries, .. } = survey;
        let Some(home) = dictionaries.first().cloned() else {
            let (low, high) = bounds.unwrap_or((0, 0));
            let width = u64::try_from(i128::from(high) - i128::from(low) + 1).unwrap_or(0).max(texts.len() as u64);
            return Numbering { low, width, codes: vec![], texts };
        };
        // Texts that the home dictionary lacks are numbered after its codes.
        let mut others = FxHashMap::default();
        let mut number = |text: &Arc<str>| match home.code(text) {
            Some(code) => u64::from(code),
            None => {
                let next = (home.len() + others.len()) as u64;
                *others.entry(text.clone()).or_insert(next)
            }
        };
        let codes = dictionaries
            .iter()
            .map(|d| (d.clone(), (!Arc::ptr_eq(d, &home)).then(|| d.values.iter().map(&mut number).collect())))
            .collect();
        let texts = texts.into_keys().map(|text| (text.clone(), number(&text))).collect();
        Numbering { low: 0, width: (home.len() + others.len()).max(1) as u64, codes, texts }
    }
    /// `put(i, number)` for each of the `len` rows; rows without a value get any number.
    fn each(&self, vector: &Vector<'_>, len: usize, mut put: impl FnMut(usize, u64)) {
        match &vector.values {
            Values::I64(v) if !vector.constant => {
                v[..len].iter().enumerate().for_each(|(i, v)| put(i, v.wrapping_sub(self.low) as u64));
            }
            Values::I32(v) if !vector.constant => {
                v[..len].iter().enumerate().for_each(|(i, v)| put(i, i64::from(*v).wrapping_sub(self.low) as u64));
            }
            Values::Code(codes, dictionary) => {
                let step = vector.step();
                match self.codes.iter().find(|(d, _)| Arc::ptr_eq(d, dictionary)) {
                    Some((_, Some(numbers))) => {
                        (0..len).for_each(|i| put(i, numbers.get(codes[i * step] as usize).copied().unwrap_or(0)));
                    }
                    _ => (0..len).for_each(|i| put(i, u64::from(codes[i * step]))),
                }
            }
            Values::Text(texts) => {
                let step = vector.step();
                (0..len).for_each(|i| put(i, self.texts.get(&texts[i * step]).copied().unwrap_or(0)));
            }
            _ => (0..len).for_each(|i| put(i, vector.number(i).wrapping_sub(self.low) as u64)),
        }
    }
}

/// Keys of all sides, whose expressions have the same types side by side.
pub fn pack(env: Env<'_>, sides: &[Side<'_>]) -> Packed {
    let width = sides.first().map_or(0, |s| s.keys.len());
    let mut surveys: Vec<Survey> = (0..width).map(|_| Survey::default()).collect();
    let mut kept: Vec<Kept<'_>> = vec![];
    for side in sides {
        let parts = chunked(env, side.rel, |_, batch| {
            let one = |&key: &ExprId| {
                let vector = batch.eval(key);
                (Survey::of(&vector, batch.len), (!stored(env, key)).then(|| (*vector).clone()))
            };
            side.keys.iter().map(one).unzip::<_, _, Vec<_>, Vec<_>>()
        });
        let mut chunks = Vec::with_capacity(parts.len());
        for (part, vectors) in parts {
            surveys.iter_mut().zip(part).for_each(|(all, one)| all.merge(one));
            chunks.push(vectors);
        }
        kept.push(chunks);
    }
    let numberings: Vec<Numbering> = surveys
        .into_iter()
        .enumerate()
        .map(|(k, survey)| {
            let texts = if survey.texts { made_texts(env, sides, k) } else { FxHashMap::default() };
            Numbering::new(survey, texts)
        })
        .collect();
    let product = |widths: &[Numbering]| widths.iter().try_fold(1u64, |all, n| if n.width == 0 { None } else { all.checked_mul(n.width) });
    match product(&numberings) {
        Some(range) => {
            let first = product(numberings.get(1..).unwrap_or_default()).unwrap_or(0);
            Packed { sides: sides.iter().zip(&kept).map(|(s, kept)| packed_side(env, s, &numberings, kept)).collect(), range, first }
        }
        None if width == 1 => {
            // One key wider than 63 bits: the number itself is the packed key.
            Packed {
                sides: sides.iter().zip(&kept).map(|(s, kept)| packed_side(env, s, &numberings, kept)).collect(),
                range: u64::MAX,
                first: 1,
            }
        }
        None => packed_densely(env, sides, &numberings, &kept),
    }
}

/// Key values of a side, by chunk and key: those that were computed are not computed again.
type Kept<'e> = Vec<Vec<Option<Vector<'e>>>>;

/// Whether a key stands in the relation as it is.
fn stored(env: Env<'_>, key: ExprId) -> bool {
    matches!(env.graph.get(key), Expr::Column { row, .. } if row.hops.is_empty())
}

/// The values of key `k`, kept or read again.
fn values<'v, 'e>(batch: &Batch<'e>, key: ExprId, kept: Option<&'v Vector<'e>>, read: &'v mut Option<Rc<Vector<'e>>>) -> &'v Vector<'e> {
    match kept {
        Some(vector) => vector,
        None => read.insert(batch.eval(key)),
    }
}

/// Numbers for the texts that expressions made, by first appearance.
fn made_texts(env: Env<'_>, sides: &[Side<'_>], k: usize) -> FxHashMap<Arc<str>, u64> {
    let mut texts = FxHashMap::default();
    for side in sides {
        let parts = chunked(env, side.rel, |_, batch| {
            let vector = batch.eval(side.keys[k]);
            let n = if vector.constant { batch.len.min(1) } else { batch.len };
            match &vector.values {
                Values::Text(texts) => (0..n).filter(|&i| vector.is_valid(i)).map(|i| texts[i].clone()).collect(),
                _ => vec![],
            }
        });
        for text in parts.into_iter().flatten() {
            let next = texts.len() as u64;
            texts.entry(text).or_insert(next);
        }
    }
    texts
}

/// Lowers `state` to what the vector's rows lack.
fn lacking(vector: &Vector<'_>, state: &mut Option<Vec<u32>>, len: usize) {
    if matches!(vector.mask(), Mask::All) {
        return;
    }
    let state = state.get_or_insert_with(|| vec![0; len]);
    for (i, state) in state.iter_mut().enumerate() {
        if vector.is_bad(i) {
            *state = MANY;
        } else if !vector.is_valid(i) && *state == 0 {
            *state = NOKEY;
        }
    }
}

fn outside(batch: &Batch<'_>, among: Option<ExprId>, state: &mut Option<Vec<u32>>) {
    let Some(among) = among else { return };
    let (yes, _) = batch.eval(among).truth(batch.len);
    if !yes.all() {
        let state = state.get_or_insert_with(|| vec![0; batch.len]);
        yes.not().ones().for_each(|i| state[i] = NONE);
    }
}

fn packed_side<'e>(env: Env<'e>, side: &Side<'_>, numberings: &[Numbering], kept: &Kept<'e>) -> PackedSide {
    let (keys, states) = chunked_into(env, side.rel, 0u64, |chunk, batch, out| {
        let len = batch.len;
        let mut state = None;
        for (k, (&key, numbering)) in side.keys.iter().zip(numberings).enumerate() {
            let mut read = None;
            let vector = values(batch, key, kept[chunk][k].as_ref(), &mut read);
            lacking(vector, &mut state, len);
            if k == 0 {
                numbering.each(vector, len, |i, n| out[i] = n);
            } else {
                let width = numbering.width;
                numbering.each(vector, len, |i, n| out[i] = out[i].wrapping_mul(width).wrapping_add(n));
            }
        }
        outside(batch, side.among, &mut state);
        let state = state.filter(|s| s.iter().any(|&s| s != 0));
        if let Some(state) = &state {
            out.iter_mut().zip(state).filter(|(_, s)| **s != 0).for_each(|(key, _)| *key = 0);
        }
        (len, state)
    });
    PackedSide { keys, state: State::join(states) }
}

/// Where the parts of a key do not fit side by side into 64 bits: wide parts are replaced by ranks.
fn packed_densely<'e>(env: Env<'e>, sides: &[Side<'_>], numberings: &[Numbering], kept: &[Kept<'e>]) -> Packed {
    let mut packed: Vec<PackedSide> = sides
        .iter()
        .zip(kept)
        .map(|(side, kept)| {
            let (keys, states) = chunked_into(env, side.rel, 0u64, |chunk, batch, _| {
                let mut state = None;
                for (&key, kept) in side.keys.iter().zip(&kept[chunk]) {
                    lacking(values(batch, key, kept.as_ref(), &mut None), &mut state, batch.len);
                }
                outside(batch, side.among, &mut state);
                (batch.len, state)
            });
            PackedSide { keys, state: State::join(states) }
        })
        .collect();
    let (mut range, mut first) = (1u64, 1u64);
    for (k, numbering) in numberings.iter().enumerate() {
        let mut part: Vec<Vec<u64>> = sides
            .iter()
            .zip(kept)
            .map(|(side, kept)| {
                let fill = |chunk: usize, batch: &Batch<'e>, out: &mut [u64]| {
                    let mut read = None;
                    let vector = values(batch, side.keys[k], kept[chunk][k].as_ref(), &mut read);
                    numbering.each(vector, batch.len, |i, n| out[i] = n);
                };
                chunked_into(env, side.rel, 0u64, fill).0
            })
            .collect();
        let mut width = numbering.width;
        if width == 0 || range.checked_mul(width).is_none() {
            width = densify(part.iter_mut().map(Vec::as_mut_slice), packed.iter().map(|s| &s.state));
        }
        if range.checked_mul(width).is_none() {
            let states: Vec<State> = packed.iter_mut().map(|s| std::mem::take(&mut s.state)).collect();
            range = densify(packed.iter_mut().map(|s| s.keys.as_mut_slice()), states.iter());
            packed.iter_mut().zip(states).for_each(|(side, state)| side.state = state);
            first = 0;
        }
        for (side, part) in packed.iter_mut().zip(&part) {
            let state = &side.state;
            side.keys.par_iter_mut().zip(part).enumerate().for_each(|(i, (key, part))| {
                *key = if state.get(i) == 0 { *key * width + part } else { 0 };
            });
        }
        // Two dense ranges are below 2^32 each.
        range = range.saturating_mul(width);
        if k > 0 {
            first = first.saturating_mul(width);
        }
    }
    Packed { sides: packed, range, first }
}

/// Replaces values by their rank of first appearance; returns how many there are. A side that ascends needs no table.
fn densify<'s>(values: impl Iterator<Item = &'s mut [u64]>, states: impl Iterator<Item = &'s State>) -> u64 {
    let mut sides: Vec<(&mut [u64], &State)> = values.zip(states).collect();
    if let [(values, State(None))] = sides.as_mut_slice()
        && values.is_sorted()
    {
        let mut rank = 0;
        let mut last = None;
        for value in values.iter_mut() {
            rank += u64::from(last.is_some_and(|last| last != *value));
            last = Some(*value);
            *value = rank;
        }
        return rank + 1;
    }
    let mut seen: FxHashMap<u64, u64> = FxHashMap::default();
    for (values, state) in &mut sides {
        for (i, value) in values.iter_mut().enumerate() {
            if state.get(i) == 0 {
                let next = seen.len() as u64;
                *value = *seen.entry(*value).or_insert(next);
            }
        }
    }
    (seen.len() as u64).max(1)
}

/// Numbers of one expression over a whole relation, and the state of rows that have none.
pub fn column(env: Env<'_>, rel: RelId, expr: ExprId) -> (Vec<i64>, State) {
    let (values, states) = chunked_into(env, rel, 0i64, |_, batch, out| {
        let vector = batch.eval(expr);
        match &vector.values {
            Values::I64(Cow::Borrowed(v)) if !vector.constant => out.copy_from_slice(v),
            _ => out.iter_mut().enumerate().for_each(|(i, out)| *out = vector.number(i)),
        }
        let mut state = None;
        lacking(&vector, &mut state, batch.len);
        (batch.len, state)
    });
    (values, State::join(states))
}
