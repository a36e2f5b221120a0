//! Evaluates expressions over a batch of rows, each node once per batch.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::nodes::FrameKind;
use super::vector::{Values, Vector};
use super::{Env, MANY, NONE, is_row};
use crate::plan::{Expr, ExprId, Hop, Rel, RelId, RowRef, SetId};
use crate::schema::{Type, dates};
use crate::table::{Bits, Column, Data};

/// Ordinals of the rows of a slot: a stretch, or any list (with sentinels where a hop found no single row).
#[derive(Debug, Clone)]
pub enum Ids<'e> {
    Range(u32, u32),
    List(Cow<'e, [u32]>),
}

impl Ids<'_> {
    pub fn len(&self) -> usize {
        match self {
            Ids::Range(_, len) => *len as usize,
            Ids::List(list) => list.len(),
        }
    }
    #[inline]
    pub fn get(&self, i: usize) -> u32 {
        match self {
            // A range lies within a table, whose rows are counted in u32.
            Ids::Range(start, _) => start + i as u32,
            Ids::List(list) => list[i],
        }
    }
}

/// Rows of one relation.
#[derive(Debug, Clone)]
pub struct Reached<'e> {
    pub rel: RelId,
    pub ids: Rc<Ids<'e>>,
}

/// The rows at hand (slot 0 the unit, 1 the member ...) and what has been computed for them.
pub struct Batch<'e> {
    pub env: Env<'e>,
    pub slots: Vec<Reached<'e>>,
    pub len: usize,
    memo: RefCell<FxHashMap<ExprId, Rc<Vector<'e>>>>,
    reached: RefCell<FxHashMap<RowRef, Reached<'e>>>,
    pub(super) children: RefCell<FxHashMap<(SetId, RowRef, u8), Rc<super::aggregate::Children<'e>>>>,
}

impl<'e> Batch<'e> {
    pub fn new(env: Env<'e>, slots: Vec<Reached<'e>>) -> Self {
        let len = slots.first().map_or(0, |s| s.ids.len());
        Batch { env, slots, len, memo: RefCell::default(), reached: RefCell::default(), children: RefCell::default() }
    }
    /// Rows `start..start + len` of `rel` in slot 0.
    pub fn range(env: Env<'e>, rel: RelId, start: usize, len: usize) -> Self {
        Self::new(env, vec![Reached { rel, ids: Rc::new(Ids::Range(start as u32, len as u32)) }])
    }
    /// The listed rows of `rel` in slot 0.
    pub fn list(env: Env<'e>, rel: RelId, rows: Vec<u32>) -> Self {
        Self::new(env, vec![Reached { rel, ids: Rc::new(Ids::List(Cow::Owned(rows))) }])
    }

    /// Rows that `row` reaches from each row of the batch.
    pub fn reach(&self, row: &RowRef) -> Reached<'e> {
        let Some((last, before)) = row.hops.split_last() else {
            return match self.slots.get(usize::from(row.slot)) {
                Some(slot) => slot.clone(),
                // The checker resolves slots against scopes; an unbound one reaches nothing.
                None => Reached { rel: RelId(0), ids: Rc::new(Ids::List(Cow::Owned(vec![NONE; self.len]))) },
            };
        };
        if let Some(found) = self.reached.borrow().get(row) {
            return found.clone();
        }
        let from = self.reach(&RowRef { slot: row.slot, hops: before.to_vec() });
        let reached = self.hop(&from, *last);
        self.reached.borrow_mut().insert(row.clone(), reached.clone());
        reached
    }

    fn hop(&self, from: &Reached<'e>, hop: Hop) -> Reached<'e> {
        let nodes = self.env.nodes;
        let index: Option<&'e [u32]> = match hop {
            Hop::Link(link) => nodes.link(link),
            Hop::Neighbour(neighbour) => nodes.neighbour(neighbour),
            Hop::Group { groups, part } => nodes.frame(groups).and_then(|f| f.group_of(part)),
            Hop::Base => nodes.frame(from.rel).and_then(|f| f.base()),
        };
        let rel = self.env.rel_after(from.rel, hop);
        if matches!(hop, Hop::Base) && index.is_none() {
            return Reached { rel, ids: from.ids.clone() };
        }
        let index = index.unwrap_or(&[]);
        let through = |id: u32| if is_row(id) { index.get(id as usize).copied().unwrap_or(NONE) } else { id };
        let ids = match &*from.ids {
            Ids::Range(start, len) if (*start + *len) as usize <= index.len() => {
                Ids::List(Cow::Borrowed(&index[*start as usize..(*start + *len) as usize]))
            }
            Ids::Range(start, len) => Ids::List((*start..*start + *len).map(through).collect()),
            Ids::List(list) => Ids::List(list.iter().map(|&id| through(id)).collect()),
        };
        Reached { rel, ids: Rc::new(ids) }
    }

    /// The values of `id` for the rows of the batch.
    pub fn eval(&self, id: ExprId) -> Rc<Vector<'e>> {
        if let Some(found) = self.memo.borrow().get(&id) {
            return found.clone();
        }
        let vector = Rc::new(self.compute(id));
        self.memo.borrow_mut().insert(id, vector.clone());
        vector
    }

    fn compute(&self, id: ExprId) -> Vector<'e> {
        let graph = self.env.graph;
        let ty = graph.type_of(id);
        match graph.get(id) {
            Expr::Literal(value) => Vector { ty, ..Vector::constant(value) },
            Expr::Column { row, column } => self.column(row, *column, ty),
            Expr::Has { row } => self.has(row),
            Expr::Unary { op, arg } => super::operate::unary(*op, &self.eval(*arg), self.len),
            Expr::Binary { op, left, right } => {
                let (left, right) = (self.eval(*left), self.eval(*right));
                super::operate::binary(&self.env, *op, &left, &right, ty, self.len)
            }
            Expr::Call { function, args } => {
                let args: Vec<Rc<Vector<'e>>> = args.iter().map(|&a| self.eval(a)).collect();
                let args: Vec<&Vector<'e>> = args.iter().map(|v| &**v).collect();
                super::call::call(&self.env, id, *function, &args, ty, self.len)
            }
            Expr::Case { whens, otherwise } => {
                let whens: Vec<_> = whens.iter().map(|&(when, then)| (self.eval(when), self.eval(then))).collect();
                let otherwise = otherwise.map_or_else(|| Rc::new(Vector::null(ty)), |e| self.eval(e));
                super::operate::case(&whens, &otherwise, ty, self.len)
            }
            Expr::Cast { arg, to } => super::operate::cast(&self.eval(*arg), *to, self.len),
            Expr::Parameter { parameter, args, at, place } => {
                let args: Vec<_> = args.iter().map(|&a| self.eval(a)).collect();
                let at = at.map(|e| self.eval(e));
                let place = place.map(|e| self.eval(e));
                super::parameter::look_up(&self.env, *parameter, &args, at.as_deref(), place.as_deref(), ty, self.len)
            }
            Expr::Aggregate { .. } => super::aggregate::aggregate(self, id),
            Expr::Tested { row, test, column } => {
                let reached = self.reach(row);
                match self.env.nodes.test(*test).and_then(|t| t.columns.get(*column)) {
                    Some(column) => take_vector(column, &reached.ids, ty),
                    None => Vector::null(ty),
                }
            }
            Expr::RowNumber { row } => {
                let reached = self.reach(row);
                let ids = reached.ids;
                let values = (0..self.len).map(|i| i64::from(ids.get(i))).collect();
                let valid = Bits::from_fn(self.len, |i| is_row(ids.get(i)));
                Vector::new(Values::I64(Cow::Owned(values)), Type::Int).with_valid(Some(valid))
            }
        }
    }

    fn column(&self, row: &RowRef, column: usize, ty: Type) -> Vector<'e> {
        let Reached { rel, ids } = self.reach(row);
        match self.env.graph.get_rel(rel) {
            Rel::Table(table) => match self.env.column(*table, column) {
                Some(column) => take(column, &ids, ty),
                None => Vector::null(ty),
            },
            Rel::Groups { .. } | Rel::Linked { .. } | Rel::Rows { .. } => match self.env.nodes.frame(rel).map(|f| &f.kind) {
                Some(FrameKind::Groups { firsts, .. }) => self.group_key(rel, firsts, column, &ids, ty),
                Some(FrameKind::Linked { columns, .. }) if column < columns.len() => take_vector(&columns[column], &ids, ty),
                Some(FrameKind::Linked { firsts, .. }) => match self.env.graph.get_rel(rel).keyed().and_then(|k| k.position(column)) {
                    Some(key) => self.group_key(rel, firsts, key, &ids, ty),
                    None => Vector::null(ty),
                },
                Some(FrameKind::Rows { period: Some(period), .. }) if column == 0 => take_vector(period, &ids, ty),
                _ => Vector::null(ty),
            },
        }
    }

    /// The key `column` of groups, read from the first row of each.
    fn group_key(&self, rel: RelId, firsts: &'e [Vec<u32>], column: usize, ids: &Ids<'e>, ty: Type) -> Vector<'e> {
        let Some(parts) = self.env.graph.get_rel(rel).parts() else { return Vector::null(ty) };
        let ends: Vec<u32> = firsts
            .iter()
            .scan(0u32, |end, f| {
                *end += f.len() as u32;
                Some(*end)
            })
            .collect();
        let part_of = |id: u32| ends.partition_point(|&end| end <= id);
        // Rows of each part that are asked about, and where in it each group's value will stand.
        let mut rows: Vec<Vec<u32>> = vec![vec![]; parts.len()];
        let mut places: Vec<(usize, u32)> = Vec::with_capacity(ids.len());
        for i in 0..ids.len() {
            let id = ids.get(i);
            let part = if is_row(id) { part_of(id) } else { parts.len() };
            match firsts.get(part) {
                Some(first) => {
                    places.push((part, rows[part].len() as u32));
                    rows[part].push(first[(id - (ends[part] - first.len() as u32)) as usize]);
                }
                None => places.push((0, id)),
            }
        }
        let value = |part: usize| {
            let key = parts[part].keys.get(column)?;
            Some((*Batch::list(self.env, parts[part].of, rows[part].clone()).eval(*key)).clone())
        };
        let used: Vec<usize> = (0..parts.len()).filter(|&p| !rows[p].is_empty()).collect();
        match used.as_slice() {
            [] => {
                let none = Vector::new(super::build::concat([], ty).values, ty);
                gather(&none, |i| ids.get(i), ids.len(), ty)
            }
            [part] if rows[*part].len() == ids.len() => value(*part).unwrap_or_else(|| Vector::null(ty)),
            _ => {
                let values: Vec<Vector<'e>> = (0..parts.len()).map(|p| value(p).unwrap_or_else(|| Vector::null(ty))).collect();
                let all = super::build::concat(values.iter().zip(rows.iter().map(Vec::len)), ty);
                let starts: Vec<u32> = rows
                    .iter()
                    .scan(0u32, |start, r| {
                        *start += r.len() as u32;
                        Some(*start - r.len() as u32)
                    })
                    .collect();
                gather(&all, |i| if is_row(ids.get(i)) { starts[places[i].0] + places[i].1 } else { places[i].1 }, ids.len(), ty)
            }
        }
    }

    fn has(&self, row: &RowRef) -> Vector<'e> {
        let reached = self.reach(row);
        let before = match row.hops.split_last() {
            Some((_, before)) => self.reach(&RowRef { slot: row.slot, hops: before.to_vec() }),
            None => reached.clone(),
        };
        let mut yes = Bits::new(self.len, false);
        let mut no = Bits::new(self.len, false);
        let mut bad = Bits::new(self.len, false);
        for i in 0..self.len {
            let (from, id) = (before.ids.get(i), reached.ids.get(i));
            if is_row(from) && (is_row(id) || id == MANY) {
                yes.set(i, true);
            } else if is_row(from) && id == NONE {
                no.set(i, true);
            } else if from == MANY || id == MANY {
                bad.set(i, true);
            }
        }
        let mut uncovered = None;
        if let Some(Hop::Link(link)) = row.hops.last()
            && no.any()
            && let Some(covered) = self.covered(*link, row)
        {
            let open = no.zip(&covered, |n, c| n & !c);
            no = no.and(&covered);
            uncovered = Some(open);
        }
        let mut vector = Vector::from_truth(yes, &no, &[]);
        vector.bad = bad.any().then_some(bad);
        vector.uncovered = uncovered.filter(Bits::any);
        vector
    }

    /// Where the target of `link` covers the place and date of the record the link starts from. `None`: everywhere.
    fn covered(&self, link: crate::plan::LinkId, row: &RowRef) -> Option<Bits> {
        let catalog = self.env.catalog;
        let link = catalog.links.get(link.index())?;
        let (source, target) = (&catalog.tables[link.source], &catalog.tables[link.target]);
        let covers = target.covers.as_ref()?;
        let origin = self.reach(&RowRef { slot: row.slot, hops: row.hops[..row.hops.len() - 1].to_vec() });
        // The source's own frame: rows that a hop did not find are asked about by nobody.
        let rows: Vec<u32> = (0..self.len).map(|i| origin.ids.get(i)).map(|id| if is_row(id) { id } else { 0 }).collect();
        if self.env.nodes.rows(&self.env, source.rel) == 0 {
            return None;
        }
        let frame = Batch::list(self.env, source.rel, rows);
        let date = source.date.map(|e| frame.eval(e));
        let place = source.region.map(|e| frame.eval(e));
        Some(Bits::from_fn(self.len, |i| {
            let in_time = match &date {
                Some(d) if covers.from.is_some() || covers.to.is_some() => {
                    d.is_valid(i)
                        && covers.from.is_none_or(|from| d.number(i) >= i64::from(from))
                        && covers.to.is_none_or(|to| i64::from(d.last_day(i)) <= i64::from(to))
                }
                _ => true,
            };
            let in_place = match &place {
                Some(p) if !covers.regions.is_empty() => {
                    // A record that does not say where it belongs is not known to lie outside.
                    !p.is_valid(i) || covers.regions.iter().any(|&region| self.env.regions.under(p.number(i), region))
                }
                _ => true,
            };
            in_time && in_place
        }))
    }
}

/// The values of a loaded column for rows `ids`.
pub fn take<'e>(column: &'e Column, ids: &Ids<'e>, ty: Type) -> Vector<'e> {
    match ids {
        Ids::Range(start, len) => {
            let (start, len) = (*start as usize, *len as usize);
            let values = match &column.data {
                Data::I64(v) => Values::I64(Cow::Borrowed(&v[start..start + len])),
                Data::I32(v) => Values::I32(Cow::Borrowed(&v[start..start + len])),
                Data::Code(v, dictionary) => Values::Code(Cow::Borrowed(&v[start..start + len]), dictionary.clone()),
                Data::Bool(bits) => Values::Bool(bits.slice(start, len)),
            };
            let mut vector = Vector::new(values, ty).with_valid(column.valid.as_ref().map(|v| v.slice(start, len)));
            vector.bad = column.bad.as_ref().map(|b| b.slice(start, len)).filter(Bits::any);
            if let (Some(part), Data::I32(v)) = (&column.part, &column.data) {
                let part = part.slice(start, len);
                if part.any() {
                    vector.last_day = Some((0..len).map(|i| last_day(v[start + i], part.get(i))).collect());
                }
            }
            vector
        }
        Ids::List(list) => {
            let at = |id: u32| if is_row(id) { id as usize } else { 0 };
            let rows = match &column.data {
                Data::I64(v) => v.len(),
                Data::I32(v) => v.len(),
                Data::Code(v, _) => v.len(),
                Data::Bool(v) => v.len(),
            };
            if rows == 0 {
                return Vector { bad: sentinels(list, MANY), constant: false, ..Vector::new(Values::Null, ty) }.shaped(list.len());
            }
            let values = match &column.data {
                Data::I64(v) => Values::I64(list.iter().map(|&id| v[at(id)]).collect()),
                Data::I32(v) => Values::I32(list.iter().map(|&id| v[at(id)]).collect()),
                Data::Code(v, dictionary) => Values::Code(list.iter().map(|&id| v[at(id)]).collect(), dictionary.clone()),
                Data::Bool(bits) => Values::Bool(Bits::from_fn(list.len(), |i| bits.get(at(list[i])))),
            };
            let valid = Bits::from_fn(list.len(), |i| is_row(list[i]) && column.is_valid(list[i] as usize));
            let mut vector = Vector::new(values, ty).with_valid(Some(valid));
            let bad = Bits::from_fn(list.len(), |i| list[i] == MANY || is_row(list[i]) && column.is_bad(list[i] as usize));
            vector.bad = bad.any().then_some(bad);
            if let (Some(part), Data::I32(v)) = (&column.part, &column.data) {
                vector.last_day = Some(list.iter().map(|&id| last_day(v[at(id)], is_row(id) && part.get(at(id)))).collect());
            }
            vector
        }
    }
}

fn last_day(day: i32, part: bool) -> i32 {
    if part { dates::month_end(dates::month_of(day)) } else { day }
}

fn sentinels(list: &[u32], which: u32) -> Option<Bits> {
    let bits = Bits::from_fn(list.len(), |i| list[i] == which);
    bits.any().then_some(bits)
}

impl<'e> Vector<'e> {
    /// A null vector whose masks have `len` rows.
    fn shaped(self, len: usize) -> Self {
        if self.bad.is_some() {
            Vector { values: Values::I64(Cow::Owned(vec![0; len])), valid: Some(Bits::new(len, false)), ..self }
        } else {
            Vector::null(self.ty)
        }
    }
}

/// The values of a computed column for rows `ids`.
pub fn take_vector<'e>(from: &'e Vector<'static>, ids: &Ids<'e>, ty: Type) -> Vector<'e> {
    if let (Ids::Range(start, n), Values::I64(v), None, None, None) = (ids, &from.values, &from.bad, &from.uncovered, &from.last_day)
        && !from.constant
    {
        let (start, n) = (*start as usize, *n as usize);
        let values = Values::I64(Cow::Borrowed(&v[start..start + n]));
        return Vector::new(values, ty).with_valid(from.valid.as_ref().map(|v| v.slice(start, n)));
    }
    gather(from, |i| ids.get(i), ids.len(), ty)
}

/// Row `i` of the result is row `at(i)` of `from`; sentinels give what they stand for.
pub fn gather<'e>(from: &Vector<'_>, at: impl Fn(usize) -> u32, len: usize, ty: Type) -> Vector<'e> {
    let row = |i: usize| {
        let id = at(i);
        if is_row(id) { id as usize } else { 0 }
    };
    let rows = match &from.values {
        Values::Null => 0,
        Values::I64(v) => v.len(),
        Values::I32(v) => v.len(),
        Values::Code(v, _) => v.len(),
        Values::Text(v) => v.len(),
        Values::Bool(v) => v.len(),
    };
    let bad = Bits::from_fn(len, |i| at(i) == MANY || is_row(at(i)) && from.is_bad(row(i)));
    let bad = bad.any().then_some(bad);
    if rows == 0 {
        return Vector { bad, constant: false, ..Vector::null(ty) }.shaped(len);
    }
    let step = from.step();
    let values = match &from.values {
        Values::Null => Values::Null,
        Values::I64(v) => Values::I64((0..len).map(|i| v[row(i) * step]).collect()),
        Values::I32(v) => Values::I32((0..len).map(|i| v[row(i) * step]).collect()),
        Values::Code(v, dictionary) => Values::Code((0..len).map(|i| v[row(i) * step]).collect(), dictionary.clone()),
        Values::Text(v) => Values::Text((0..len).map(|i| v[row(i) * step].clone()).collect()),
        Values::Bool(v) => Values::Bool(Bits::from_fn(len, |i| v.get(row(i) * step))),
    };
    let valid = Bits::from_fn(len, |i| is_row(at(i)) && from.is_valid(row(i)));
    let mut vector = Vector::new(values, ty).with_valid(Some(valid));
    vector.bad = bad;
    let uncovered = Bits::from_fn(len, |i| is_row(at(i)) && from.is_uncovered(row(i)));
    vector.uncovered = uncovered.any().then_some(uncovered);
    if from.last_day.is_some() {
        vector.last_day = Some((0..len).map(|i| from.last_day(row(i))).collect());
    }
    vector
}
