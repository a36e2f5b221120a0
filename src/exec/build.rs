//! Builds the nodes that expressions share: relations, links, neighbours, row sets, aggregates.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::batch::Batch;
use super::key::{CHUNK, KeySpace, chunked, group, group_rows, pack};
use super::nodes::{Frame, FrameKind, Shared};
use super::set::SetIndex;
use super::vector::{Mask, Values, Vector};
use super::{Env, MANY, NOKEY, NONE, is_row};
use crate::plan::{Each, ExprId, Graph, KeyPart, LinkDef, LinkId, Neighbour, Rel, RelId, RowSet, SetId, Step};
use crate::schema::{Type, dates};
use crate::table::Dictionary;

impl Env<'_> {
    /// Relation of the members of a set.
    pub fn member_rel(&self, set: SetId) -> RelId {
        match self.graph.get_set(set) {
            RowSet::Back(link) => self.catalog.tables[self.catalog.links[link.index()].source].rel,
            RowSet::Members { groups, part } => part_of(self.graph, *groups, *part).map_or(*groups, |p| p.of),
            RowSet::Matching { other, .. } => other.of,
        }
    }
    /// Relation of the owners of a set.
    pub fn owner_rel(&self, set: SetId) -> RelId {
        match self.graph.get_set(set) {
            RowSet::Back(link) => self.catalog.tables[self.catalog.links[link.index()].target].rel,
            RowSet::Members { groups, .. } => *groups,
            RowSet::Matching { own, .. } => own.of,
        }
    }
}

pub fn part_of(graph: &Graph, groups: RelId, part: usize) -> Option<&KeyPart> {
    graph.get_rel(groups).parts()?.get(part)
}

/// Vectors end to end.
pub fn concat<'v, 'x: 'v, 'e>(parts: impl IntoIterator<Item = (&'v Vector<'x>, usize)>, ty: Type) -> Vector<'e> {
    let parts: Vec<(&Vector<'_>, usize)> = parts.into_iter().filter(|(_, len)| *len > 0).collect();
    let total: usize = parts.iter().map(|(_, len)| len).sum();
    let rows = || parts.iter().flat_map(|(v, len)| (0..*len).map(move |i| (*v, i)));
    let mut home: Option<&Arc<Dictionary>> = None;
    let one = parts.iter().all(|(v, _)| match (&v.values, home) {
        (Values::Null, _) => true,
        (Values::Code(_, d), None) => {
            home = Some(d);
            true
        }
        (Values::Code(_, d), Some(h)) => Arc::ptr_eq(d, h),
        _ => false,
    });
    let values = match ty {
        Type::Null => Values::Null,
        Type::Bool => Values::Bool(rows().map(|(v, i)| v.number(i) != 0).collect()),
        Type::Date | Type::Month => {
            let mut all = Vec::with_capacity(total);
            for (v, len) in &parts {
                match &v.values {
                    Values::I32(slice) if !v.constant => all.extend_from_slice(slice),
                    _ => all.extend((0..*len).map(|i| v.number(i) as i32)),
                }
            }
            Values::I32(Cow::Owned(all))
        }
        Type::Text(_) => match home {
            Some(dictionary) if one => {
                let mut all = Vec::with_capacity(total);
                for (v, len) in &parts {
                    match &v.values {
                        Values::Code(slice, _) if !v.constant => all.extend_from_slice(slice),
                        _ => all.extend((0..*len).map(|i| v.number(i) as u32)),
                    }
                }
                Values::Code(Cow::Owned(all), dictionary.clone())
            }
            _ => {
                let empty: Arc<str> = Arc::from("");
                Values::Text(rows().map(|(v, i)| if v.is_valid(i) { v.shared_text(i) } else { empty.clone() }).collect())
            }
        },
        _ => {
            let mut all = Vec::with_capacity(total);
            for (v, len) in &parts {
                match &v.values {
                    Values::I64(slice) if !v.constant => all.extend_from_slice(slice),
                    _ => all.extend((0..*len).map(|i| v.number(i))),
                }
            }
            Values::I64(Cow::Owned(all))
        }
    };
    let whole = parts.iter().all(|(v, _)| matches!(v.mask(), Mask::All));
    let valid = (!whole).then(|| rows().map(|(v, i)| v.is_valid(i)).collect());
    let mut out = Vector::new(values, ty).with_valid(valid);
    if parts.iter().any(|(v, _)| v.bad.is_some()) {
        out.bad = Some(rows().map(|(v, i)| v.is_bad(i)).collect());
    }
    if parts.iter().any(|(v, _)| v.uncovered.is_some()) {
        out.uncovered = Some(rows().map(|(v, i)| v.is_uncovered(i)).collect());
    }
    if parts.iter().any(|(v, _)| v.last_day.is_some()) {
        out.last_day = Some(rows().map(|(v, i)| v.last_day(i)).collect());
    }
    out
}

pub fn frame(env: Env<'_>, rel: RelId) -> Option<Frame> {
    match env.graph.get_rel(rel) {
        Rel::Table(_) => None,
        Rel::Groups { parts } => Some(groups(env, parts)),
        Rel::Linked { parts, by } => Some(super::linked::linked(env, parts, by)),
        Rel::Rows { of, filter, each } => Some(rows(env, *of, *filter, each.as_ref())),
    }
}

fn groups(env: Env<'_>, parts: &[KeyPart]) -> Frame {
    let mut space = KeySpace::default();
    let sides: Vec<_> = parts.iter().map(|p| space.side(env, p.of, &p.keys, p.among)).collect();
    let packed = pack(&sides.iter().collect::<Vec<_>>());
    let states: Vec<&[u32]> = sides.iter().map(|s| s.state.as_slice()).collect();
    let (group_of, n) = group_rows(&packed, &states);
    // Values of the key, read from the first member.
    let mut firsts: Vec<Vec<u32>> = vec![vec![]; parts.len()];
    let mut next = 0;
    for (part, of) in group_of.iter().enumerate() {
        for (row, &g) in (0u32..).zip(of) {
            if is_row(g) && g as usize == next {
                firsts[part].push(row);
                next += 1;
            }
        }
    }
    let width = parts.first().map_or(0, |p| p.keys.len());
    let keys = (0..width)
        .map(|k| {
            let ty = env.graph.type_of(parts[0].keys[k]);
            let chunks: Vec<(&KeyPart, &[u32])> =
                parts.iter().zip(&firsts).flat_map(|(part, rows)| rows.chunks(CHUNK).map(move |rows| (part, rows))).collect();
            let pieces: Vec<(Vector<'static>, usize)> = chunks
                .into_par_iter()
                .map(|(part, rows)| {
                    let batch = Batch::list(env, part.of, rows.to_vec());
                    (concat([(&*batch.eval(part.keys[k]), rows.len())], ty), rows.len())
                })
                .collect();
            concat(pieces.iter().map(|(v, n)| (v, *n)), ty)
        })
        .collect();
    Frame { rows: n, kind: FrameKind::Groups { group_of, keys } }
}

fn rows(env: Env<'_>, of: RelId, filter: Option<ExprId>, each: Option<&Each>) -> Frame {
    let total = env.nodes.rows(&env, of);
    let base: Option<Vec<u32>> = filter.map(|filter| {
        chunked(env, of, |start, batch| {
            let (yes, _) = batch.eval(filter).truth(batch.len);
            yes.ones().map(|i| (start + i) as u32).collect::<Vec<u32>>()
        })
        .concat()
    });
    let Some(each) = each else {
        return Frame { rows: base.as_ref().map_or(total, Vec::len), kind: FrameKind::Rows { base, period: None } };
    };
    let from: Vec<u32> = base.unwrap_or_else(|| (0..total as u32).collect());
    let pieces: Vec<(Vec<u32>, Vec<i64>)> = from
        .par_chunks(CHUNK)
        .map(|rows| {
            let batch = Batch::list(env, of, rows.to_vec());
            let (first, last) = (batch.eval(each.first), batch.eval(each.last));
            let (mut base, mut periods) = (vec![], vec![]);
            for (i, &row) in rows.iter().enumerate() {
                if !first.is_valid(i) || !last.is_valid(i) {
                    continue;
                }
                let step = |v: i64| match each.step {
                    Step::Months => i64::from(dates::month_of(v as i32)),
                    _ => v,
                };
                for period in step(first.number(i))..=step(last.number(i)) {
                    base.push(row);
                    periods.push(period);
                }
            }
            (base, periods)
        })
        .collect();
    let (mut base, mut periods) = (vec![], vec![]);
    for (b, p) in pieces {
        base.extend(b);
        periods.extend(p);
    }
    let period = match each.step {
        Step::Months => Vector::new(Values::I32(periods.iter().map(|&p| p as i32).collect()), Type::Month),
        Step::Days => Vector::new(Values::I32(periods.iter().map(|&p| p as i32).collect()), Type::Date),
        Step::Years => Vector::new(Values::I64(Cow::Owned(periods)), Type::Int),
    };
    Frame { rows: base.len(), kind: FrameKind::Rows { base: Some(base), period: Some(period) } }
}

pub fn link(env: Env<'_>, id: LinkId) -> Vec<u32> {
    let def = &env.catalog.links[id.index()];
    let (source, target) = (env.catalog.tables[def.source].rel, env.catalog.tables[def.target].rel);
    let (from, to): (Vec<ExprId>, Vec<ExprId>) = def.keys.iter().copied().unzip();
    let mut space = KeySpace::default();
    let there = space.side(env, target, &to, None);
    let here = space.side(env, source, &from, None);
    let packed = pack(&[&there, &here]);
    let (map, group_of, groups) = group(&packed.sides[..1], &[&there.state], packed.range);
    let wanted = map.look_up(&packed.sides[1], &here.state);
    let set = SetIndex::new(&group_of[0], groups, None);
    let dated = def.at.is_some() && def.valid.is_some();
    let unique = (0..groups).all(|g| set.starts[g + 1] - set.starts[g] == 1);
    if unique && !dated {
        return wanted.into_iter().map(|g| if is_row(g) { set.member(set.starts[g as usize]) } else { g }).collect();
    }
    choose(env, def, source, target, &set, &wanted)
}

/// Numbers of one expression over a whole relation, with the sentinel of rows that have none.
fn column(env: Env<'_>, rel: RelId, expr: ExprId) -> (Vec<i64>, Vec<u32>) {
    let parts = chunked(env, rel, |_, batch| {
        let vector = batch.eval(expr);
        let values: Vec<i64> = (0..batch.len).map(|i| vector.number(i)).collect();
        let state: Vec<u32> = (0..batch.len)
            .map(|i| {
                if vector.is_valid(i) {
                    0
                } else if vector.is_bad(i) {
                    MANY
                } else {
                    NOKEY
                }
            })
            .collect();
        (values, state)
    });
    let (mut values, mut state) = (vec![], vec![]);
    for (v, s) in parts {
        values.extend(v);
        state.extend(s);
    }
    (values, state)
}

/// Takes the one row that is valid at the link's date, or the one its `pick` chooses.
fn choose(env: Env<'_>, def: &LinkDef, source: RelId, target: RelId, set: &SetIndex, wanted: &[u32]) -> Vec<u32> {
    let at = def.at.filter(|_| def.valid.is_some()).map(|e| column(env, source, e));
    let (valid_from, valid_to) = def.valid.unwrap_or((None, None));
    let from = valid_from.filter(|_| at.is_some()).map(|e| column(env, target, e));
    let to = valid_to.filter(|_| at.is_some()).map(|e| column(env, target, e));
    let order = def.pick.as_ref().map(|p| (column(env, target, p.by), p.largest));
    let choose = |row: usize, group: u32| -> u32 {
        if !is_row(group) {
            return group;
        }
        let (first, last) = (set.starts[group as usize], set.starts[group as usize + 1]);
        let day = match &at {
            Some((values, state)) if state[row] == 0 => Some(values[row]),
            Some((_, state)) => return state[row],
            None => None,
        };
        let (mut found, mut several, mut unclear) = (None::<u32>, false, false);
        for place in first..last {
            let there = set.member(place);
            let t = there as usize;
            if let Some(day) = day {
                let open = |bound: &Option<(Vec<i64>, Vec<u32>)>, holds: &dyn Fn(i64) -> bool| match bound {
                    Some((values, state)) if state[t] == 0 => Some(holds(values[t])),
                    Some((_, state)) if state[t] == MANY => None,
                    _ => Some(true),
                };
                match (open(&from, &|v| v <= day), open(&to, &|v| v >= day)) {
                    (Some(true), Some(true)) => {}
                    (Some(false), _) | (_, Some(false)) => continue,
                    _ => {
                        unclear = true;
                        continue;
                    }
                }
            }
            let Some(best) = found else {
                found = Some(there);
                continue;
            };
            match &order {
                Some(((values, state), largest)) => {
                    let b = best as usize;
                    let better = match (state[t] == 0, state[b] == 0) {
                        (true, true) if *largest => values[t] > values[b],
                        (true, true) => values[t] < values[b],
                        (takes, has) => takes && !has,
                    };
                    if better {
                        found = Some(there);
                    }
                }
                None => several = true,
            }
        }
        match found {
            _ if several || unclear => MANY,
            Some(row) => row,
            None => NONE,
        }
    };
    wanted.par_iter().enumerate().map(|(row, &group)| choose(row, group)).collect()
}

pub fn neighbour(env: Env<'_>, neighbour: &Neighbour) -> Vec<u32> {
    let mut space = KeySpace::default();
    let side = space.side(env, neighbour.of, &neighbour.keys, neighbour.among);
    let (order, order_state) = column(env, neighbour.of, neighbour.order);
    let packed = pack(&[&side]);
    let (group_of, groups) = group_rows(&packed, &[&side.state]);
    let mut out: Vec<u32> =
        group_of[0].iter().zip(&order_state).map(|(&g, &s)| if is_row(g) { if s == 0 { NONE } else { s } } else { g }).collect();
    let set = SetIndex::new(&group_of[0], groups, None);
    let mut rows: Vec<u32> = vec![];
    for g in 0..groups {
        rows.clear();
        rows.extend((set.starts[g]..set.starts[g + 1]).map(|p| set.member(p)).filter(|&r| order_state[r as usize] == 0));
        if !rows.is_sorted_by_key(|&r| order[r as usize]) {
            rows.sort_by_key(|&r| (order[r as usize], r));
        }
        match neighbour.exactly {
            None => {
                for pair in rows.windows(2) {
                    out[pair[1] as usize] = pair[0];
                }
            }
            Some(n) => {
                let mut low = 0;
                for i in 0..rows.len() {
                    let want = order[rows[i] as usize].saturating_sub(n);
                    while low < rows.len() && order[rows[low] as usize] < want {
                        low += 1;
                    }
                    let hit = |k: usize| k < rows.len() && order[rows[k] as usize] == want;
                    if hit(low) {
                        out[rows[i] as usize] = if hit(low + 1) { MANY } else { rows[low] };
                    }
                }
            }
        }
    }
    out
}

pub fn set(env: Env<'_>, id: SetId) -> SetIndex {
    match env.graph.get_set(id) {
        RowSet::Back(link) => {
            let owners = env.nodes.rows(&env, env.owner_rel(id));
            SetIndex::new(env.nodes.link(*link).unwrap_or(&[]), owners, None)
        }
        RowSet::Members { groups, part } => {
            let frame = env.nodes.frame(*groups);
            let group_of = frame.and_then(|f| f.group_of(*part)).unwrap_or(&[]);
            SetIndex::new(group_of, frame.map_or(0, |f| f.rows), None)
        }
        RowSet::Matching { own, other } => {
            let mut space = KeySpace::default();
            let there = space.side(env, other.of, &other.keys, other.among);
            let here = space.side(env, own.of, &own.keys, own.among);
            let packed = pack(&[&there, &here]);
            let (map, group_of, groups) = group(&packed.sides[..1], &[&there.state], packed.range);
            let wanted = map.look_up(&packed.sides[1], &here.state);
            SetIndex::new(&group_of[0], groups, Some(wanted))
        }
    }
}

/// Shared aggregates of one set, computed in one pass over its members, one row per owner.
pub fn shared(env: Env<'_>, set: SetId, wanted: &[(Shared, ExprId)]) -> Vec<Vector<'static>> {
    let rel = env.owner_rel(set);
    let parts = chunked(env, rel, |_, batch| {
        let vectors: Vec<Vector<'static>> = wanted
            .iter()
            .map(|(_, id)| {
                let vector = batch.eval(*id);
                concat([(&*vector, batch.len)], env.graph.type_of(*id))
            })
            .collect();
        (vectors, batch.len)
    });
    (0..wanted.len()).map(|k| concat(parts.iter().map(|(vectors, len)| (&vectors[k], *len)), env.graph.type_of(wanted[k].1))).collect()
}
