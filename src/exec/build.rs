//! Builds the nodes that expressions share: relations, links, neighbours, row sets, aggregates.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::aggregate::of_groups;
use super::batch::{Batch, gather};
use super::group::{group_map, group_rows};
use super::key::{CHUNK, Side, State, chunked, column, pack};
use super::nodes::{Frame, FrameKind, Shared};
use super::set::SetIndex;
use super::vector::{Mask, Values, Vector};
use super::{Env, MANY, NONE, is_row};
use crate::plan::{Each, ExprId, Graph, Grouping, KeyPart, LinkDef, LinkId, Neighbour, Rel, RelId, RowSet, SetId, Step};
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
        Rel::Linked { parts, by: Grouping::Linkage(by) } => Some(super::linked::linked(env, parts, by)),
        Rel::Linked { parts, by } => Some(super::grouped::grouped(env, parts, by)),
        Rel::Rows { of, filter, each } => Some(rows(env, *of, *filter, each.as_ref())),
    }
}

fn groups(env: Env<'_>, parts: &[KeyPart]) -> Frame {
    let sides: Vec<Side<'_>> = parts.iter().map(side_of).collect();
    let found = group_rows(&pack(env, &sides));
    Frame { rows: found.groups, kind: FrameKind::Groups { group_of: found.of, firsts: found.firsts, way: found.way } }
}

fn side_of(part: &KeyPart) -> Side<'_> {
    Side { rel: part.of, keys: &part.keys, among: part.among }
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
    let packed = pack(env, &[Side { rel: target, keys: &to, among: None }, Side { rel: source, keys: &from, among: None }]);
    let (map, found) = group_map(&packed.sides[0], packed.range);
    let wanted = map.look_up(&packed.sides[1]);
    drop(packed);
    let groups = found.groups;
    let set = SetIndex::new(&found.of[0], groups, None);
    let dated = def.at.is_some() && def.valid.is_some();
    let unique = (0..groups).all(|g| set.starts[g + 1] - set.starts[g] == 1);
    if unique && !dated {
        return wanted.into_iter().map(|g| if is_row(g) { set.member(set.starts[g as usize]) } else { g }).collect();
    }
    choose(env, def, source, target, &set, &wanted)
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
            Some((values, state)) if state.get(row) == 0 => Some(values[row]),
            Some((_, state)) => return state.get(row),
            None => None,
        };
        let (mut found, mut several, mut unclear) = (None::<u32>, false, false);
        for place in first..last {
            let there = set.member(place);
            let t = there as usize;
            if let Some(day) = day {
                let open = |bound: &Option<(Vec<i64>, State)>, holds: &dyn Fn(i64) -> bool| match bound {
                    Some((values, state)) if state.get(t) == 0 => Some(holds(values[t])),
                    Some((_, state)) if state.get(t) == MANY => None,
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
                    let better = match (state.get(t) == 0, state.get(b) == 0) {
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
    let side = Side { rel: neighbour.of, keys: &neighbour.keys, among: neighbour.among };
    let mut found = group_rows(&pack(env, &[side]));
    let (order, state) = column(env, neighbour.of, neighbour.order);
    let set = SetIndex::new(&found.of[0], found.groups, None);
    // Each row's group gives way to the row before it, or to why there is none.
    let mut out = found.of.swap_remove(0);
    out.par_iter_mut().enumerate().filter(|(_, g)| is_row(**g)).for_each(|(row, g)| {
        let state = state.get(row);
        *g = if state == 0 { NONE } else { state };
    });
    let before: Vec<Vec<(u32, u32)>> = (0..found.groups.div_ceil(CHUNK))
        .into_par_iter()
        .map(|block| {
            let mut rows: Vec<u32> = vec![];
            let mut before = vec![];
            for g in block * CHUNK..((block + 1) * CHUNK).min(found.groups) {
                rows.clear();
                rows.extend((set.starts[g]..set.starts[g + 1]).map(|p| set.member(p)).filter(|&r| state.get(r as usize) == 0));
                if !rows.is_sorted_by_key(|&r| order[r as usize]) {
                    rows.sort_by_key(|&r| (order[r as usize], r));
                }
                rows_before(&rows, &order, neighbour.exactly, &mut before);
            }
            before
        })
        .collect();
    for (row, before) in before.into_iter().flatten() {
        out[row as usize] = before;
    }
    out
}

/// For rows in order: each row with the one before it, or with the one whose order is exactly `n` less.
fn rows_before(rows: &[u32], order: &[i64], exactly: Option<i64>, out: &mut Vec<(u32, u32)>) {
    let Some(n) = exactly else {
        out.extend(rows.windows(2).map(|pair| (pair[1], pair[0])));
        return;
    };
    let mut low = 0;
    for &row in rows {
        let want = order[row as usize].saturating_sub(n);
        while low < rows.len() && order[rows[low] as usize] < want {
            low += 1;
        }
        let hit = |k: usize| k < rows.len() && order[rows[k] as usize] == want;
        if hit(low) {
            out.push((row, if hit(low + 1) { MANY } else { rows[low] }));
        }
    }
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
            let packed = pack(env, &[side_of(other), side_of(own)]);
            let (map, found) = group_map(&packed.sides[0], packed.range);
            SetIndex::new(&found.of[0], found.groups, Some(map.look_up(&packed.sides[1])))
        }
    }
}

/// Shared aggregates of one set, computed in one pass over its members, one row per owner.
pub fn shared(env: Env<'_>, set: SetId, wanted: &[(Shared, ExprId)]) -> Vec<Vector<'static>> {
    if let Some(index) = env.nodes.set(set)
        && let Some(group_of) = index.shared_by_owners()
    {
        return shared_by_group(env, set, index, group_of, wanted);
    }
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
    columns(env, wanted, &parts)
}

fn columns(env: Env<'_>, wanted: &[(Shared, ExprId)], parts: &[(Vec<Vector<'static>>, usize)]) -> Vec<Vector<'static>> {
    let column = |k: usize| concat(parts.iter().map(|(vectors, len)| (&vectors[k], *len)), env.graph.type_of(wanted[k].1));
    (0..wanted.len()).map(column).collect()
}

/// Owners of one key have the same members: each group is looked at once, and owners take over what it gives.
fn shared_by_group(env: Env<'_>, set: SetId, index: &SetIndex, group_of: &[u32], wanted: &[(Shared, ExprId)]) -> Vec<Vector<'static>> {
    let mut blocks = index.blocks(CHUNK as u32);
    // After all groups an empty one, for owners whose key no row has.
    let empty = index.starts.len() - 1;
    blocks.push(empty..empty + 1);
    let parts: Vec<(Vec<Vector<'static>>, usize)> = blocks
        .into_par_iter()
        .map(|block| {
            let len = block.len();
            let own = |(vector, (_, id)): (Vector<'_>, &(Shared, ExprId))| concat([(&vector, len)], env.graph.type_of(*id));
            (of_groups(env, set, block, wanted).into_iter().zip(wanted).map(own).collect(), len)
        })
        .collect();
    let by_group = columns(env, wanted, &parts);
    let parts: Vec<(Vec<Vector<'static>>, usize)> = group_of
        .par_chunks(CHUNK)
        .map(|owners| {
            let at = |i: usize| if owners[i] == NONE { empty as u32 } else { owners[i] };
            (by_group.iter().map(|column| gather(column, at, owners.len(), column.ty)).collect(), owners.len())
        })
        .collect();
    columns(env, wanted, &parts)
}
