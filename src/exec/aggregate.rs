//! Aggregates over row sets: the members of a batch's owners are laid end to end as one child batch, then reduced by segment.

use std::borrow::Cow;
use std::rc::Rc;

use super::batch::{Batch, Ids, Reached, gather};
use super::nodes::Shared;
use super::operate::{divide_rounded, scale, ten};
use super::set::Owned;
use super::vector::{Values, Vector};
use super::{Env, NONE, build};
use crate::plan::{AggregateFunction, Expr, ExprId, RowRef, SetId};
use crate::schema::Type;
use crate::table::Bits;

/// Member rows laid out at once; more are taken owner by owner so that memory stays bounded.
const PAIRS_AT_ONCE: usize = 1 << 20;

/// The members of all owners of a batch.
pub struct Children<'e> {
    pub batch: Batch<'e>,
    /// Members of owner i are rows `starts[i]..starts[i + 1]` of `batch`.
    pub starts: Vec<u32>,
    /// Owners whose key is missing (or that are no row), and whose key is unreadable.
    pub unknown: Option<Bits>,
    pub unreadable: Option<Bits>,
}

/// Places of the members of each owner, or how many there are in all if they are too many.
fn layout<'e>(batch: &Batch<'e>, set: SetId, owner: &RowRef, inner: u8) -> Result<Children<'e>, usize> {
    let env = batch.env;
    let owners = batch.reach(owner);
    let index = env.nodes.set(set);
    let mut starts = Vec::with_capacity(batch.len + 1);
    let mut stretches = Vec::with_capacity(batch.len);
    let (mut unknown, mut unreadable) = (None, None);
    let mut total = 0usize;
    starts.push(0u32);
    for i in 0..batch.len {
        let owned = index.map_or(Owned::Unknown, |set| set.of(owners.ids.get(i)));
        let (from, to) = match owned {
            Owned::Stretch(from, to) => (from, to),
            Owned::Unknown => {
                unknown.get_or_insert_with(|| Bits::new(batch.len, false)).set(i, true);
                (0, 0)
            }
            Owned::Unreadable => {
                unreadable.get_or_insert_with(|| Bits::new(batch.len, false)).set(i, true);
                (0, 0)
            }
        };
        total += (to - from) as usize;
        stretches.push((from, to));
        starts.push(total as u32);
    }
    if total > PAIRS_AT_ONCE && batch.len > 1 {
        return Err(total);
    }
    let joined = stretches.windows(2).all(|w| w[0].1 == w[1].0);
    let ids = match index {
        Some(set) if set.members.is_none() && joined && !stretches.is_empty() => Ids::Range(stretches[0].0, total as u32),
        Some(set) => match &set.members {
            Some(members) if joined && !stretches.is_empty() => {
                Ids::List(Cow::Borrowed(&members[stretches[0].0 as usize..stretches[0].0 as usize + total]))
            }
            _ => Ids::List(stretches.iter().flat_map(|&(from, to)| from..to).map(|place| set.member(place)).collect()),
        },
        None => Ids::List(Cow::Owned(vec![])),
    };
    let rel = env.member_rel(set);
    let members = Reached { rel, ids: Rc::new(ids) };
    let mut slots = Vec::with_capacity(usize::from(inner) + 1);
    for k in 0..usize::from(inner) {
        let outer = batch.slots.get(k).unwrap_or(&batch.slots[0]);
        let mut repeated = Vec::with_capacity(total);
        for (i, &(from, to)) in stretches.iter().enumerate() {
            let id = outer.ids.get(i);
            repeated.extend(std::iter::repeat_n(id, (to - from) as usize));
        }
        slots.push(Reached { rel: outer.rel, ids: Rc::new(Ids::List(Cow::Owned(repeated))) });
    }
    slots.push(members);
    let batch = Batch::new(env, slots);
    Ok(Children { batch, starts, unknown, unreadable })
}

/// The aggregate `id` for each row of the batch.
pub fn aggregate<'e>(batch: &Batch<'e>, id: ExprId) -> Vector<'e> {
    let graph = batch.env.graph;
    let ty = graph.type_of(id);
    let Expr::Aggregate { owner, set, inner, function, distinct, arg, filter } = graph.get(id) else { return Vector::null(ty) };
    let shared = Shared { set: *set, function: *function, distinct: *distinct, arg: *arg, filter: *filter };
    if let Some(column) = batch.env.nodes.shared(&shared) {
        let owners = batch.reach(owner);
        return super::batch::take_vector(column, &owners.ids, ty);
    }
    if *function == AggregateFunction::Count && arg.is_none() && filter.is_none() {
        return members_counted(batch, *set, owner);
    }
    let key = (*set, owner.clone(), *inner);
    let known = batch.children.borrow().get(&key).cloned();
    let children = match known {
        Some(children) => children,
        None => match layout(batch, *set, owner, *inner) {
            Ok(children) => {
                let children = Rc::new(children);
                batch.children.borrow_mut().insert(key, children.clone());
                children
            }
            Err(_) => {
                // Half the owners at a time, down to one.
                let middle = batch.len / 2;
                let parts: Vec<Vector<'e>> = [(0, middle), (middle, batch.len)]
                    .into_iter()
                    .map(|(from, to)| {
                        let part = batch.part(from, to);
                        (*part.eval(id)).clone()
                    })
                    .collect();
                let lens = [middle, batch.len - middle];
                return build::concat(parts.iter().zip(lens), ty);
            }
        },
    };
    reduce(&children, *function, *distinct, *arg, *filter, ty)
}

/// How many members each owner has: nothing of them is looked at.
fn members_counted<'e>(batch: &Batch<'e>, set: SetId, owner: &RowRef) -> Vector<'e> {
    let owners = batch.reach(owner);
    let index = batch.env.nodes.set(set);
    let mut bad = None;
    let mut valid = None;
    let counts = (0..batch.len)
        .map(|i| match index.map_or(Owned::Unknown, |set| set.of(owners.ids.get(i))) {
            Owned::Stretch(from, to) => i64::from(to - from),
            other => {
                valid.get_or_insert_with(|| Bits::new(batch.len, true)).set(i, false);
                if matches!(other, Owned::Unreadable) {
                    bad.get_or_insert_with(|| Bits::new(batch.len, false)).set(i, true);
                }
                0
            }
        })
        .collect();
    Vector { bad, ..Vector::new(Values::I64(counts), Type::Int) }.with_valid(valid)
}

/// Uncorrelated aggregates `wanted` (arguments and filters in slot 1) of the groups `groups` of a set, one row per group; groups past the last are empty.
pub fn of_groups<'e>(env: Env<'e>, set: SetId, groups: std::ops::Range<usize>, wanted: &[(Shared, ExprId)]) -> Vec<Vector<'e>> {
    let Some(index) = env.nodes.set(set) else { return vec![] };
    let start = |group: usize| index.starts[group.min(index.starts.len() - 1)];
    let (from, to) = (start(groups.start), start(groups.end));
    let ids = match &index.members {
        Some(members) => Ids::List(Cow::Borrowed(&members[from as usize..to as usize])),
        None => Ids::Range(from, to - from),
    };
    // Slot 0 is read by none of them.
    let outer = Reached { rel: env.owner_rel(set), ids: Rc::new(Ids::Range(0, to - from)) };
    let batch = Batch::new(env, vec![outer, Reached { rel: env.member_rel(set), ids: Rc::new(ids) }]);
    let starts = (groups.start..=groups.end).map(|group| start(group) - from).collect();
    let children = Children { batch, starts, unknown: None, unreadable: None };
    wanted.iter().map(|(s, id)| reduce(&children, s.function, s.distinct, s.arg, s.filter, env.graph.type_of(*id))).collect()
}

impl<'e> Batch<'e> {
    /// Member rows per row of the batch where `filter` is true, followed along `hops`.
    pub fn members(&self, owner: &RowRef, set: SetId, inner: u8, filter: Option<ExprId>, hops: &[crate::plan::Hop]) -> Vec<Vec<u32>> {
        let Ok(children) = layout(self, set, owner, inner) else {
            let middle = self.len / 2;
            return [(0, middle), (middle, self.len)]
                .map(|(from, to)| self.part(from, to).members(owner, set, inner, filter, hops))
                .concat();
        };
        let child = &children.batch;
        let yes = filter.map(|f| child.eval(f).truth(child.len).0);
        let reached = child.reach(&RowRef { slot: inner, hops: hops.to_vec() });
        children
            .starts
            .windows(2)
            .map(|w| {
                let rows = (w[0] as usize..w[1] as usize).filter(|&r| yes.as_ref().is_none_or(|y| y.get(r)));
                rows.map(|r| reached.ids.get(r)).filter(|&id| super::is_row(id)).collect()
            })
            .collect()
    }
    /// Rows `from..to` of this batch as one of their own.
    fn part(&self, from: usize, to: usize) -> Batch<'e> {
        let slots = self
            .slots
            .iter()
            .map(|slot| {
                let ids = match &*slot.ids {
                    Ids::Range(start, _) => Ids::Range(start + from as u32, (to - from) as u32),
                    Ids::List(list) => Ids::List(Cow::Owned(list[from..to].to_vec())),
                };
                Reached { rel: slot.rel, ids: Rc::new(ids) }
            })
            .collect();
        Batch::new(self.env, slots)
    }
}

/// Rows of a segment that count, and why some could not be judged.
struct Segments<'v, 'e> {
    starts: &'v [u32],
    arg: Option<&'v Vector<'e>>,
    yes: Option<Bits>,
    doubt: Option<Bits>,
    doubt_uncovered: Option<Bits>,
}

impl Segments<'_, '_> {
    fn rows(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        (self.starts[i] as usize..self.starts[i + 1] as usize).filter(|&r| self.yes.as_ref().is_none_or(|y| y.get(r)))
    }
    /// Rows that count and have a value.
    fn valued(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        self.rows(i).filter(|&r| self.arg.is_none_or(|a| a.is_valid(r)))
    }
    fn all(&self, i: usize) -> std::ops::Range<usize> {
        self.starts[i] as usize..self.starts[i + 1] as usize
    }
}

fn reduce<'e>(
    children: &Children<'e>,
    function: AggregateFunction,
    distinct: bool,
    arg: Option<ExprId>,
    filter: Option<ExprId>,
    ty: Type,
) -> Vector<'e> {
    let child = &children.batch;
    let owners = children.starts.len() - 1;
    let arg_vector = arg.map(|e| child.eval(e));
    let filter_vector = filter.map(|e| child.eval(e));
    let yes = filter_vector.as_ref().map(|f| f.truth(child.len).0);
    let of = |pick: fn(&Vector<'e>, usize) -> Option<Bits>| {
        let from_filter = filter_vector.as_ref().and_then(|f| pick(f, child.len));
        let from_arg = arg_vector.as_ref().and_then(|a| pick(a, child.len)).map(|bad| match &yes {
            Some(yes) => bad.and(yes),
            None => bad,
        });
        super::vector::or_mask(from_filter, from_arg).filter(Bits::any)
    };
    let segments = Segments {
        starts: &children.starts,
        arg: arg_vector.as_deref(),
        doubt: of(Vector::bad_bits),
        doubt_uncovered: of(Vector::uncovered_bits),
        yes,
    };
    let mut out = match function {
        AggregateFunction::Count => count(&segments, owners, distinct),
        AggregateFunction::Any | AggregateFunction::Every => any_every(&segments, owners, function == AggregateFunction::Any),
        AggregateFunction::Min | AggregateFunction::Max => {
            let largest = function == AggregateFunction::Max;
            let Some(arg) = segments.arg else { return Vector::null(ty) };
            let at: Vec<u32> = (0..owners).map(|i| best(arg, segments.valued(i), largest).map_or(NONE, |r| r as u32)).collect();
            gather(arg, |i| at[i], owners, ty)
        }
        _ => numeric(&segments, owners, function, distinct, ty),
    };
    let spoil = |doubt: &Option<Bits>| {
        doubt.as_ref().map(|doubt| Bits::from_fn(owners, |i| segments.all(i).any(|r| doubt.get(r)))).filter(Bits::any)
    };
    // A true `any` and a false `every` stand whatever the doubtful rows are.
    let decided = match function {
        AggregateFunction::Any => Some(out.truth(owners).0),
        AggregateFunction::Every => Some(out.truth(owners).1),
        _ => None,
    };
    let undecided = |bits: Bits| match &decided {
        Some(decided) => bits.zip(decided, |b, d| b & !d),
        None => bits,
    };
    let bad = super::vector::or_mask(spoil(&segments.doubt).map(undecided), children.unreadable.clone()).filter(Bits::any);
    let uncovered = spoil(&segments.doubt_uncovered).map(undecided).filter(Bits::any);
    if bad.is_some() || uncovered.is_some() || children.unknown.is_some() {
        out = expand(out, owners, ty);
        let mut valid = out.valid.take().unwrap_or_else(|| Bits::new(owners, true));
        for mask in [&bad, &uncovered, &children.unknown].into_iter().flatten() {
            valid = valid.zip(mask, |v, m| v & !m);
        }
        out.valid = Some(valid);
        out.bad = super::vector::or_mask(out.bad.take(), bad);
        out.uncovered = super::vector::or_mask(out.uncovered.take(), uncovered);
        out.settle();
    }
    out
}

/// A constant null as rows, so that masks can be set.
fn expand<'e>(vector: Vector<'e>, len: usize, ty: Type) -> Vector<'e> {
    if !vector.constant {
        return vector;
    }
    Vector::new(Values::I64(vec![0; len].into()), ty).with_valid(Some(Bits::new(len, false)))
}

fn best(arg: &Vector<'_>, rows: impl Iterator<Item = usize>, largest: bool) -> Option<usize> {
    let text = matches!(arg.values, Values::Text(_));
    let mut best: Option<usize> = None;
    for r in rows {
        let Some(b) = best else {
            best = Some(r);
            continue;
        };
        let order = if text { arg.text(r).cmp(arg.text(b)) } else { arg.number(r).cmp(&arg.number(b)) };
        if (largest && order.is_gt()) || (!largest && order.is_lt()) {
            best = Some(r);
        }
    }
    best
}

fn count<'e>(segments: &Segments<'_, 'e>, owners: usize, distinct: bool) -> Vector<'e> {
    let plain = segments.yes.is_none() && segments.arg.is_none_or(|a| matches!(a.mask(), super::vector::Mask::All));
    let values: Vec<i64> = match segments.arg {
        Some(arg) if distinct => {
            let text = matches!(arg.values, Values::Text(_));
            let mut numbers: Vec<i64> = vec![];
            (0..owners)
                .map(|i| {
                    if text {
                        let mut texts: Vec<&str> = segments.valued(i).map(|r| arg.text(r)).collect();
                        texts.sort_unstable();
                        texts.dedup();
                        return texts.len() as i64;
                    }
                    numbers.clear();
                    numbers.extend(segments.valued(i).map(|r| arg.number(r)));
                    numbers.sort_unstable();
                    numbers.dedup();
                    numbers.len() as i64
                })
                .collect()
        }
        _ if plain => (0..owners).map(|i| segments.all(i).len() as i64).collect(),
        _ => (0..owners).map(|i| segments.valued(i).count() as i64).collect(),
    };
    Vector::new(Values::I64(values.into()), Type::Int)
}

fn any_every<'e>(segments: &Segments<'_, 'e>, owners: usize, any: bool) -> Vector<'e> {
    let len = *segments.starts.last().unwrap_or(&0) as usize;
    let Some(arg) = segments.arg else {
        // `any` without an argument asks whether a row counts at all.
        let yes = Bits::from_fn(owners, |i| segments.rows(i).next().is_some() == any);
        return Vector::bools(yes);
    };
    let (yes, no) = arg.truth(len);
    let decisive = if any { &yes } else { &no };
    let hit = Bits::from_fn(owners, |i| segments.rows(i).any(|r| decisive.get(r)));
    let all_known = Bits::from_fn(owners, |i| segments.rows(i).all(|r| yes.get(r) || no.get(r)));
    let rest = all_known.zip(&hit, |k, h| k & !h);
    if any { Vector::from_truth(hit, &rest, &[]) } else { Vector::from_truth(rest, &hit, &[]) }
}

fn numeric<'e>(segments: &Segments<'_, 'e>, owners: usize, function: AggregateFunction, distinct: bool, ty: Type) -> Vector<'e> {
    let Some(arg) = segments.arg else { return Vector::null(ty) };
    let up = ten(scale(ty).saturating_sub(scale(arg.ty)));
    let mut valid = Bits::new(owners, true);
    let mut sorted: Vec<i64> = vec![];
    let plain = segments.yes.is_none() && !arg.constant && matches!(arg.mask(), super::vector::Mask::All);
    let values: Vec<i64> = (0..owners)
        .map(|i| {
            if function == AggregateFunction::Sum && !distinct {
                let mut n = 0usize;
                let mut total = 0i128;
                match (&arg.values, plain) {
                    (Values::I64(v), true) => {
                        let rows = segments.all(i);
                        n = rows.len();
                        total = v[rows].iter().map(|&x| i128::from(x)).sum();
                    }
                    _ => {
                        for r in segments.valued(i) {
                            n += 1;
                            total += i128::from(arg.number(r));
                        }
                    }
                }
                return match i64::try_from(total) {
                    Ok(total) if n > 0 => total,
                    Ok(_) => {
                        valid.set(i, false);
                        0
                    }
                    Err(_) => {
                        valid.set(i, false);
                        0
                    }
                };
            }
            sorted.clear();
            sorted.extend(segments.valued(i).map(|r| arg.number(r)));
            sorted.sort_unstable();
            if distinct {
                sorted.dedup();
            }
            let n = sorted.len();
            if n == 0 {
                valid.set(i, false);
                return 0;
            }
            let result = match function {
                AggregateFunction::Quantile(permille) => {
                    let rank = (usize::from(permille) * n).div_ceil(1000).clamp(1, n);
                    Some(i128::from(sorted[rank - 1]) * up)
                }
                AggregateFunction::Median if n % 2 == 1 => Some(i128::from(sorted[n / 2]) * up),
                AggregateFunction::Median => divide_rounded((i128::from(sorted[n / 2 - 1]) + i128::from(sorted[n / 2])) * up, 2),
                AggregateFunction::Average => divide_rounded(sorted.iter().map(|&v| i128::from(v)).sum::<i128>() * up, n as i128),
                _ => Some(sorted.iter().map(|&v| i128::from(v)).sum::<i128>()),
            };
            result.and_then(|v| i64::try_from(v).ok()).unwrap_or_else(|| {
                valid.set(i, false);
                0
            })
        })
        .collect();
    let values = match ty {
        Type::Date | Type::Month => Values::I32(values.into_iter().map(|v| v as i32).collect()),
        _ => Values::I64(values.into()),
    };
    Vector::new(values, ty).with_valid(Some(valid))
}
