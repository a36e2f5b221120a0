//! Rows of a select as it goes on: for each table of `from` the row it stands at, and expressions over them as packed columns.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::super::batch::{Batch, Ids, Reached};
use super::super::key::CHUNK;
use super::super::pass::gaps_of;
use super::super::vector::{Mask, Values, Vector};
use super::super::{Env, NONE};
use crate::plan::{Expr, ExprId, Rel, RelId};
use crate::schema::{MoneyUnit, SemanticType, TextKind, Type};
use crate::table::{Bits, Column, Data, Dictionary};

/// Rows of one slot, by position in the frame.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// Row i at position i.
    All,
    List(Vec<u32>),
    /// The one row there is, everywhere.
    One,
}

/// Positions `0..len`; each slot that is bound says which row stands there ([`NONE`]: none, of an outer join).
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    pub len: usize,
    pub slots: Vec<Option<(RelId, Kept)>>,
}

/// Adds the values that arithmetic under `ids` leaves without a result, row by row.
fn count_lost(batch: &Batch<'_>, ids: &[ExprId], lost: &AtomicU64) {
    let graph = batch.env.graph;
    let mut seen = rustc_hash::FxHashSet::default();
    let mut open = ids.to_vec();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        if graph.is_arithmetic(id) {
            lost.fetch_add(gaps_of(batch, id, &Bits::new(batch.len, true)), Ordering::Relaxed);
        }
        open.extend(graph.get(id).args());
    }
}

impl Rows {
    pub fn of(slot: u8, rel: RelId, len: usize) -> Rows {
        let mut rows = Rows { len, slots: vec![] };
        rows.bind(slot, rel, Kept::All);
        rows
    }
    pub fn bind(&mut self, slot: u8, rel: RelId, kept: Kept) {
        let slot = usize::from(slot);
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, None);
        }
        self.slots[slot] = Some((rel, kept));
    }
    /// The rows at `positions`, in that order; [`NONE`] gives no row in any slot.
    pub fn pick(&self, positions: &[u32]) -> Rows {
        let slots = self.slots.iter().map(|slot| {
            let (rel, kept) = slot.as_ref()?;
            let kept = match kept {
                Kept::All => Kept::List(positions.to_vec()),
                Kept::List(list) => Kept::List(positions.par_iter().map(|&p| if p == NONE { NONE } else { list[p as usize] }).collect()),
                Kept::One => Kept::One,
            };
            Some((*rel, kept))
        });
        Rows { len: positions.len(), slots: slots.collect() }
    }
    /// Both side by side: slots of `self`, then those only `other` has.
    pub fn beside(mut self, other: Rows) -> Rows {
        for (slot, bound) in other.slots.into_iter().enumerate() {
            if self.slots.len() <= slot {
                self.slots.resize(slot + 1, None);
            }
            if self.slots[slot].is_none() {
                self.slots[slot] = bound;
            }
        }
        self
    }
    fn batch<'e>(&'e self, env: Env<'e>, start: usize, len: usize) -> Batch<'e> {
        let nothing = || Reached { rel: RelId(0), ids: Rc::new(Ids::Range(0, len as u32)) };
        let slots = self.slots.iter().map(|slot| {
            let Some((rel, kept)) = slot else { return nothing() };
            let ids = match kept {
                Kept::All => Ids::Range(start as u32, len as u32),
                Kept::List(list) => Ids::List(Cow::Borrowed(&list[start..start + len])),
                Kept::One => Ids::List(Cow::Owned(vec![0; len])),
            };
            Reached { rel: *rel, ids: Rc::new(ids) }
        });
        let mut batch = Batch::new(env, slots.collect());
        batch.len = len;
        batch
    }
    fn chunks<'e, T: Send>(&'e self, env: Env<'e>, f: impl Fn(usize, &Batch<'e>) -> T + Sync) -> Vec<T> {
        (0..self.len.div_ceil(CHUNK))
            .into_par_iter()
            .map(|k| {
                let start = k * CHUNK;
                f(start, &self.batch(env, start, CHUNK.min(self.len - start)))
            })
            .collect()
    }

    /// Positions where all conditions are true.
    pub fn positions(&self, env: Env<'_>, conditions: &[ExprId], lost: &AtomicU64) -> Vec<u32> {
        let parts = self.chunks(env, |start, batch| {
            let mut keep = Bits::new(batch.len, true);
            for &condition in conditions {
                keep = keep.and(&batch.eval(condition).truth(batch.len).0);
                if !keep.any() {
                    break;
                }
            }
            count_lost(batch, conditions, lost);
            keep.ones().map(|i| (start + i) as u32).collect::<Vec<u32>>()
        });
        parts.concat()
    }
    pub fn filter(self, env: Env<'_>, conditions: &[ExprId], lost: &AtomicU64) -> Rows {
        if conditions.is_empty() {
            return self;
        }
        let kept = self.positions(env, conditions, lost);
        if kept.len() == self.len { self } else { self.pick(&kept) }
    }

    /// The values of `ids`, all in one pass. A stored column that is taken as it stands is not copied.
    pub fn columns<'e>(&self, env: Env<'e>, ids: &[ExprId], lost: &AtomicU64) -> Vec<Taken<'e>> {
        let mut wanted: Vec<ExprId> = ids.iter().copied().filter(|&id| self.stored(env, id).is_none()).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let parts = if wanted.is_empty() {
            vec![]
        } else {
            self.chunks(env, |_, batch| {
                count_lost(batch, &wanted, lost);
                wanted.iter().map(|&id| Piece::new(&batch.eval(id), batch.len)).collect::<Vec<_>>()
            })
        };
        let mut by_column: Vec<Vec<Piece>> = wanted.iter().map(|_| Vec::with_capacity(parts.len())).collect();
        for part in parts {
            for (pieces, piece) in by_column.iter_mut().zip(part) {
                pieces.push(piece);
            }
        }
        let made: Vec<Arc<Column>> =
            by_column.into_par_iter().zip(&wanted).map(|(pieces, &id)| Arc::new(joined(pieces, env.graph.type_of(id), self.len))).collect();
        ids.iter()
            .map(|id| match self.stored(env, *id) {
                Some(column) => Taken::Stored(column),
                None => Taken::Made(made[wanted.partition_point(|w| w < id)].clone()),
            })
            .collect()
    }
    fn stored<'e>(&self, env: Env<'e>, id: ExprId) -> Option<&'e Column> {
        let Expr::Column { row, column } = env.graph.get(id) else { return None };
        let (rel, kept) = self.slots.get(usize::from(row.slot))?.as_ref()?;
        match (kept, env.graph.get_rel(*rel)) {
            (Kept::All, Rel::Table(table)) if row.hops.is_empty() => env.column(*table, *column).filter(|c| rows_of(c) == self.len),
            _ => None,
        }
    }
}

/// A column of a table, or one made for the occasion.
pub(super) enum Taken<'e> {
    Stored(&'e Column),
    Made(Arc<Column>),
}

impl Deref for Taken<'_> {
    type Target = Column;
    fn deref(&self) -> &Column {
        match self {
            Taken::Stored(column) => column,
            Taken::Made(column) => column,
        }
    }
}

pub(super) fn rows_of(column: &Column) -> usize {
    match &column.data {
        Data::I64(v) => v.len(),
        Data::I32(v) => v.len(),
        Data::Code(v, _) => v.len(),
        Data::Bool(v) => v.len(),
    }
}

/// The declared form of a type, for columns that no file declares.
pub(super) fn semantic(ty: Type) -> SemanticType {
    match ty {
        Type::Null | Type::Text(TextKind::Plain) => SemanticType::Text,
        Type::Text(TextKind::PersonName) => SemanticType::PersonName,
        Type::Text(TextKind::Phone) => SemanticType::Phone,
        Type::Text(TextKind::Account) => SemanticType::Account,
        Type::Text(TextKind::Code) => SemanticType::Code(vec![]),
        Type::Bool => SemanticType::Bool,
        Type::Int => SemanticType::Int,
        Type::Decimal(scale) => SemanticType::Decimal(scale),
        Type::Money => SemanticType::Money(MoneyUnit::Yuan),
        Type::Date => SemanticType::Date,
        Type::Month => SemanticType::Month,
        Type::CitizenId => SemanticType::CitizenId,
        Type::Region => SemanticType::Region,
    }
}

pub(super) fn made(ty: Type, data: Data, valid: Option<Bits>) -> Column {
    let valid = valid.filter(|v| !v.all());
    Column { name: String::new(), semantic: semantic(ty), data, valid, bad: None, part: None }
}

enum Cells {
    Null,
    I64(Vec<i64>),
    I32(Vec<i32>),
    Code(Vec<u32>, Arc<Dictionary>),
    Text(Vec<Arc<str>>),
    Bool(Bits),
}

/// The values of one chunk, free of what they were borrowed from.
struct Piece {
    len: usize,
    cells: Cells,
    valid: Option<Bits>,
    bad: Option<Bits>,
    part: Option<Bits>,
}

impl Piece {
    fn new(vector: &Vector<'_>, len: usize) -> Piece {
        let whole = !vector.constant;
        let cells = match &vector.values {
            Values::Null => Cells::Null,
            Values::I64(v) if whole => Cells::I64(v.to_vec()),
            Values::I64(v) => Cells::I64(vec![v[0]; len]),
            Values::I32(v) if whole => Cells::I32(v.to_vec()),
            Values::I32(v) => Cells::I32(vec![v[0]; len]),
            Values::Code(v, d) if whole => Cells::Code(v.to_vec(), d.clone()),
            Values::Code(v, d) => Cells::Code(vec![v[0]; len], d.clone()),
            Values::Text(v) if whole => Cells::Text(v.clone()),
            Values::Text(v) => Cells::Text(vec![v[0].clone(); len]),
            Values::Bool(v) if whole => Cells::Bool(v.clone()),
            Values::Bool(v) => Cells::Bool(Bits::new(len, v.get(0))),
        };
        let valid = match vector.mask() {
            Mask::All => None,
            _ => vector.valid_bits(len),
        };
        let part = vector
            .last_day
            .as_ref()
            .map(|_| Bits::from_fn(len, |i| vector.is_valid(i) && i64::from(vector.last_day(i)) != vector.number(i)));
        Piece { len, cells, valid, bad: vector.bad_bits(len), part: part.filter(Bits::any) }
    }
}

fn masks(pieces: &[Piece], of: impl Fn(&Piece) -> Option<&Bits>, default: bool) -> Option<Bits> {
    if pieces.iter().all(|p| of(p).is_none()) {
        return None;
    }
    let mut words = vec![];
    let mut len = 0;
    for piece in pieces {
        // Chunks are a multiple of 64 rows long, but for the last.
        match of(piece) {
            Some(bits) => words.extend_from_slice(bits.words()),
            None => words.extend_from_slice(Bits::new(piece.len, default).words()),
        }
        len += piece.len;
    }
    Some(Bits::from_words(words, len))
}

/// Chunks end to end as a column of type `ty`. Texts get one dictionary, sorted.
fn joined(pieces: Vec<Piece>, ty: Type, len: usize) -> Column {
    let valid = masks(&pieces, |p| p.valid.as_ref(), true);
    let bad = masks(&pieces, |p| p.bad.as_ref(), false);
    let part = masks(&pieces, |p| p.part.as_ref(), false);
    let data = match ty {
        Type::Bool => {
            let mut words = vec![];
            for piece in &pieces {
                match &piece.cells {
                    Cells::Bool(bits) => words.extend_from_slice(bits.words()),
                    _ => words.extend_from_slice(Bits::new(piece.len, false).words()),
                }
            }
            Data::Bool(Bits::from_words(words, len))
        }
        Type::Date | Type::Month => {
            let mut all = Vec::with_capacity(len);
            for piece in &pieces {
                match &piece.cells {
                    Cells::I32(v) => all.extend_from_slice(v),
                    _ => all.resize(all.len() + piece.len, 0),
                }
            }
            Data::I32(all)
        }
        Type::Text(_) | Type::Null => texts(&pieces, len),
        _ => {
            let mut all = Vec::with_capacity(len);
            for piece in &pieces {
                match &piece.cells {
                    Cells::I64(v) => all.extend_from_slice(v),
                    _ => all.resize(all.len() + piece.len, 0),
                }
            }
            Data::I64(all)
        }
    };
    let mut column = made(ty, data, valid);
    (column.bad, column.part) = (bad.filter(Bits::any), part.filter(Bits::any));
    column
}

fn texts(pieces: &[Piece], len: usize) -> Data {
    let mut home: Option<&Arc<Dictionary>> = None;
    let one = pieces.iter().all(|p| match (&p.cells, home) {
        (Cells::Null, _) => true,
        (Cells::Code(_, d), None) => {
            home = Some(d);
            true
        }
        (Cells::Code(_, d), Some(h)) => Arc::ptr_eq(d, h),
        _ => false,
    });
    let mut codes: Vec<u32> = Vec::with_capacity(len);
    if one && let Some(home) = home {
        for piece in pieces {
            match &piece.cells {
                Cells::Code(v, _) => codes.extend_from_slice(v),
                _ => codes.resize(codes.len() + piece.len, 0),
            }
        }
        return Data::Code(codes, home.clone());
    }
    let mut distinct: BTreeSet<Arc<str>> = BTreeSet::new();
    let valid = |piece: &Piece, i: usize| piece.valid.as_ref().is_none_or(|v| v.get(i));
    for piece in pieces {
        match &piece.cells {
            Cells::Code(v, d) => {
                let mut seen = vec![false; d.len()];
                for (i, &code) in v.iter().enumerate() {
                    if valid(piece, i) && !std::mem::replace(&mut seen[code as usize], true) {
                        distinct.insert(d.values[code as usize].clone());
                    }
                }
            }
            Cells::Text(v) => distinct.extend(v.iter().enumerate().filter(|(i, _)| valid(piece, *i)).map(|(_, t)| t.clone())),
            _ => {}
        }
    }
    let dictionary = Arc::new(Dictionary::new(distinct.into_iter().collect()));
    for piece in pieces {
        match &piece.cells {
            Cells::Code(v, d) => codes.extend(
                v.iter().enumerate().map(
                    |(i, &code)| {
                        if valid(piece, i) { dictionary.code(&d.values[code as usize]).unwrap_or(0) } else { 0 }
                    },
                ),
            ),
            Cells::Text(v) => {
                codes.extend(v.iter().enumerate().map(|(i, t)| if valid(piece, i) { dictionary.code(t).unwrap_or(0) } else { 0 }))
            }
            _ => codes.resize(codes.len() + piece.len, 0),
        }
    }
    Data::Code(codes, dictionary)
}

/// Rows `positions` of a column; [`NONE`] gives a missing value.
pub(super) fn take(column: &Column, positions: &[u32]) -> Column {
    let at = |p: u32| if p == NONE || rows_of(column) == 0 { 0 } else { p as usize };
    let none = rows_of(column) == 0;
    let data = match &column.data {
        Data::I64(v) => Data::I64(positions.iter().map(|&p| if none { 0 } else { v[at(p)] }).collect()),
        Data::I32(v) => Data::I32(positions.iter().map(|&p| if none { 0 } else { v[at(p)] }).collect()),
        Data::Code(v, d) => Data::Code(positions.iter().map(|&p| if none { 0 } else { v[at(p)] }).collect(), d.clone()),
        Data::Bool(v) => Data::Bool(Bits::from_fn(positions.len(), |i| !none && v.get(at(positions[i])))),
    };
    let lost = none || column.valid.is_some() || positions.contains(&NONE);
    let valid = lost.then(|| Bits::from_fn(positions.len(), |i| !none && positions[i] != NONE && column.is_valid(at(positions[i]))));
    let mut out = made(column.value_type(), data, valid);
    let mask = |bits: &Bits| {
        Some(Bits::from_fn(positions.len(), |i| !none && positions[i] != NONE && bits.get(at(positions[i])))).filter(Bits::any)
    };
    out.bad = column.bad.as_ref().and_then(mask);
    out.part = column.part.as_ref().and_then(mask);
    out
}

/// Columns of one type, one below the other.
pub(super) fn stacked(columns: &[&Column]) -> Column {
    let len = columns.iter().map(|c| rows_of(c)).sum();
    let ty = columns.first().map_or(Type::Null, |c| c.value_type());
    let rows = || columns.iter().flat_map(|c| (0..rows_of(c)).map(move |i| (*c, i)));
    let data = match columns.first().map(|c| &c.data) {
        Some(Data::I64(_)) => {
            Data::I64(columns.iter().flat_map(|c| if let Data::I64(v) = &c.data { v.as_slice() } else { &[] }).copied().collect())
        }
        Some(Data::I32(_)) => {
            Data::I32(columns.iter().flat_map(|c| if let Data::I32(v) = &c.data { v.as_slice() } else { &[] }).copied().collect())
        }
        Some(Data::Bool(_)) => Data::Bool(rows().map(|(c, i)| matches!(&c.data, Data::Bool(b) if b.get(i))).collect()),
        _ => {
            let pieces: Vec<Piece> = columns
                .iter()
                .map(|c| {
                    let cells = if let Data::Code(v, d) = &c.data { Cells::Code(v.clone(), d.clone()) } else { Cells::Null };
                    Piece { len: rows_of(c), cells, valid: c.valid.clone(), bad: None, part: None }
                })
                .collect();
            texts(&pieces, len)
        }
    };
    let valid = columns.iter().any(|c| c.valid.is_some()).then(|| rows().map(|(c, i)| c.is_valid(i)).collect());
    let mut out = made(ty, data, valid);
    let mask = |of: fn(&Column) -> Option<&Bits>| {
        columns.iter().any(|c| of(c).is_some()).then(|| rows().map(|(c, i)| of(c).is_some_and(|b| b.get(i))).collect())
    };
    out.bad = mask(|c| c.bad.as_ref());
    out.part = mask(|c| c.part.as_ref());
    out
}
