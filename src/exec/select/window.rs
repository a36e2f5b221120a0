//! Window functions over partitions of rows in order.

use std::collections::VecDeque;

use super::super::NONE;
use super::group::{Groups, finish_sums, of_numbers};
use super::pack::{numbers, sorted};
use super::rows::{made, take};
use crate::plan::select::{Aggregate, Frame, Order};
use crate::plan::{AggregateFunction, ExprId};
use crate::schema::Type;
use crate::table::{Bits, Column, Data};

/// Positions by partition and order, and where each partition and each run of rows equal in order ends.
#[derive(Debug)]
pub(super) struct Arranged {
    pub positions: Vec<u32>,
    /// Per place in `positions`: first place of the partition and the place after its last.
    bounds: Vec<(u32, u32)>,
    /// Likewise of the rows equal in order within the partition; empty when nothing asks for them.
    peers: Vec<(u32, u32)>,
}

fn stretches(len: usize, same: impl Fn(usize, usize) -> bool) -> Vec<(u32, u32)> {
    let mut out = vec![(0, 0); len];
    let mut from = 0;
    for at in 1..=len {
        if at == len || !same(at - 1, at) {
            out[from..at].fill((from as u32, at as u32));
            from = at;
        }
    }
    out
}

fn same(column: &Column, a: usize, b: usize) -> bool {
    match (column.is_valid(a), column.is_valid(b)) {
        (true, true) => numbers!(column, number => number(a) == number(b)),
        (a, b) => a == b,
    }
}

impl Arranged {
    /// `peers`: whether rows equal in order will be asked for.
    pub fn new(partition: &[&Column], order: &[(&Column, Order)], len: usize, peers: bool) -> Arranged {
        let group = Groups::by(partition, len);
        let own = made(Type::Int, Data::I64(group.of.iter().map(|&g| i64::from(g)).collect()), None);
        let mut keys: Vec<(&Column, Order)> = vec![];
        if group.len() > 1 {
            keys.push((&own, Order { by: ExprId(0), descending: false, nulls_first: false }));
        }
        keys.extend(order.iter().copied());
        let positions = sorted(&keys, len, None);
        let at = |place: usize| positions[place] as usize;
        let together = |a: usize, b: usize| group.of[at(a)] == group.of[at(b)];
        let bounds = stretches(len, together);
        let equal = |a: usize, b: usize| order.iter().all(|(column, _)| same(column, at(a), at(b)));
        let peers = if peers { stretches(len, |a, b| together(a, b) && equal(a, b)) } else { vec![] };
        Arranged { positions, bounds, peers }
    }

    /// A value per place, put back where its row stands.
    fn back<T: Copy + Default>(&self, value: impl Fn(usize) -> T) -> Vec<T> {
        let mut out = vec![T::default(); self.positions.len()];
        for (place, &position) in self.positions.iter().enumerate() {
            out[position as usize] = value(place);
        }
        out
    }
    fn ints(&self, value: impl Fn(usize) -> i64) -> Column {
        made(Type::Int, Data::I64(self.back(value)), None)
    }
    pub fn row_number(&self) -> Column {
        self.ints(|place| place as i64 - i64::from(self.bounds[place].0) + 1)
    }
    pub fn rank(&self) -> Column {
        self.ints(|place| i64::from(self.peers[place].0) - i64::from(self.bounds[place].0) + 1)
    }
    pub fn dense_rank(&self) -> Column {
        let mut ranks = vec![0i64; self.positions.len()];
        for place in 0..ranks.len() {
            ranks[place] =
                if place as u32 == self.bounds[place].0 { 1 } else { ranks[place - 1] + i64::from(self.peers[place].0 as usize == place) };
        }
        self.ints(|place| ranks[place])
    }
    /// The value `by` places before, within the partition. Second: whether there is such a row.
    pub fn shift(&self, arg: &Column, by: i64) -> (Column, Bits) {
        let from = self.back(|place| {
            let (first, end) = self.bounds[place];
            let there = i64::try_from(place).unwrap_or(i64::MAX).saturating_sub(by);
            if there >= i64::from(first) && there < i64::from(end) { self.positions[there as usize] } else { NONE }
        });
        (take(arg, &from), from.iter().map(|&p| p != NONE).collect())
    }
    /// Places of the frame around a place: from, and the one after the last.
    fn frame(&self, frame: Frame, place: usize) -> (usize, usize) {
        let (first, end) = self.bounds[place];
        let (first, end) = (first as usize, end as usize);
        let shifted = |by: i64| i64::try_from(place).unwrap_or(i64::MAX).saturating_add(by);
        let clamp = |at: i64| usize::try_from(at).unwrap_or(0).clamp(first, end);
        let from = match frame.from {
            None => first,
            Some(0) if frame.peers => self.peers[place].0 as usize,
            Some(by) => clamp(shifted(by)),
        };
        let to = match frame.to {
            None => end,
            Some(0) if frame.peers => self.peers[place].1 as usize,
            Some(by) => clamp(shifted(by).saturating_add(1)),
        };
        (from, to.max(from))
    }
    pub fn edge(&self, arg: &Column, last: bool, frame: Frame) -> Column {
        let from = self.back(|place| {
            let (from, to) = self.frame(frame, place);
            if from == to { NONE } else { self.positions[if last { to - 1 } else { from }] }
        });
        take(arg, &from)
    }
    /// An aggregate over the frame of each row; second: results that were too large.
    pub fn over(&self, spec: &Aggregate, arg: Option<&Column>, filter: Option<&Column>, frame: Frame) -> (Column, u64) {
        let len = self.positions.len();
        let counts = |place: usize| {
            let i = self.positions[place] as usize;
            arg.is_none_or(|a| a.is_valid(i)) && filter.is_none_or(|f| f.is_valid(i) && matches!(&f.data, Data::Bool(b) if b.get(i)))
        };
        let value = |place: usize| arg.map_or(0, |a| numbers!(a, number => number(self.positions[place] as usize)));
        match (spec.function, arg) {
            (AggregateFunction::Min | AggregateFunction::Max, Some(arg)) => {
                let least = spec.function == AggregateFunction::Min;
                let mut best: Vec<Option<i64>> = Vec::with_capacity(len);
                // Both ends of the frame only move on: a queue of candidates, each better than those behind it.
                let mut queue: VecDeque<usize> = VecDeque::new();
                let mut next = 0;
                for place in 0..len {
                    if place as u32 == self.bounds[place].0 {
                        queue.clear();
                        next = place;
                    }
                    let (from, to) = self.frame(frame, place);
                    next = next.max(self.bounds[place].0 as usize);
                    while next < to {
                        if counts(next) {
                            let v = value(next);
                            while queue.back().is_some_and(|&b| if least { value(b) >= v } else { value(b) <= v }) {
                                queue.pop_back();
                            }
                            queue.push_back(next);
                        }
                        next += 1;
                    }
                    while queue.front().is_some_and(|&f| f < from) {
                        queue.pop_front();
                    }
                    best.push(queue.front().filter(|_| from < to).map(|&f| value(f)));
                }
                (of_numbers(arg, spec.ty, self.back(|place| best[place])), 0)
            }
            _ => {
                let mut sums: Vec<(i128, i64)> = Vec::with_capacity(len + 1);
                sums.push((0, 0));
                for place in 0..len {
                    let (sum, n) = sums[place];
                    sums.push(if counts(place) { (sum + i128::from(value(place)), n + 1) } else { (sum, n) });
                }
                let within = self.back(|place| {
                    let (from, to) = self.frame(frame, place);
                    (sums[to].0 - sums[from].0, sums[to].1 - sums[from].1)
                });
                if spec.function == AggregateFunction::Count {
                    return (made(Type::Int, Data::I64(within.into_iter().map(|(_, n)| n).collect()), None), 0);
                }
                finish_sums(spec, arg.map_or(Type::Int, Column::value_type), within)
            }
        }
    }
}
