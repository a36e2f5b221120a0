//! Runs a typed select statement: step by step, each filling a derived table of packed columns. Every result is the same for any number
//! of threads: rows keep the order of the tables, sums are of whole numbers, ties are broken by position.

mod group;
mod join;
mod pack;
mod rows;
#[cfg(test)]
mod tests;
mod window;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Env, Exec, NONE, Schedule};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::select::{GROUP, Join, JoinKind, Limit, Order, Query, Select, Source, StepKind, WINDOW, Window, WindowFunction};
use crate::plan::{ExprId, RelId};
use crate::project::{Parameters, Regions};
use crate::schema::Value;
use crate::table::{Bits, Column, Data, Origin, Table};
use group::{Groups, aggregate};
use rows::{Kept, Rows, Taken, made, take};
use window::Arranged;

/// The answer: one column per column of the query, in its order.
#[derive(Debug)]
pub struct Answer {
    pub table: Arc<Table>,
    /// Values that division by zero or a number too large left without a result.
    pub lost: u64,
}

/// Runs `query` over `tables`, one per table of the catalog before the derived ones (views: anything).
///
/// # Errors
/// A join gives more rows than can be numbered.
pub fn run(
    query: &Query,
    schedule: &Schedule,
    env: (&crate::plan::Catalog, &crate::plan::Graph),
    mut tables: Vec<Arc<Table>>,
    parameters: &Parameters,
    regions: &Regions,
) -> Result<Answer, Diagnostics> {
    let (catalog, graph) = env;
    while tables.len() < catalog.tables.len() {
        tables.push(Arc::new(filled(vec![], 0)));
    }
    let given = tables.clone();
    let mut exec = Exec::new(catalog, graph, &given, parameters, regions);
    exec.prepare(schedule);
    let positions =
        catalog.tables.iter().zip(&tables).map(|(def, table)| def.columns.iter().map(|c| table.position(&c.name)).collect()).collect();
    let mut state = State { base: exec.env(), tables, positions, lost: AtomicU64::new(0) };
    for step in &query.steps {
        let columns = match &step.kind {
            StepKind::Select(select) => state.select(select)?,
            StepKind::Union { parts, distinct, order, limit } => state.union(parts, *distinct, order, *limit),
        };
        let rows = columns.first().map_or(0, rows::rows_of);
        state.fill(step.table, columns, rows);
    }
    let last = query.steps.last().map_or(0, |s| s.table);
    let lost = state.lost.load(Ordering::Relaxed);
    let table = state.tables.get(last).cloned().unwrap_or_else(|| Arc::new(filled(vec![], 0)));
    Ok(Answer { table, lost })
}

fn filled(columns: Vec<Column>, rows: usize) -> Table {
    Table { name: String::new(), rows, columns, sorted_by: vec![], origin: Origin::default() }
}

struct State<'e> {
    base: Env<'e>,
    tables: Vec<Arc<Table>>,
    positions: Vec<Vec<Option<usize>>>,
    lost: AtomicU64,
}

impl<'e> State<'e> {
    fn env(&self) -> Env<'_> {
        Env { tables: &self.tables, positions: &self.positions, ..self.base }
    }
    fn fill(&mut self, table: usize, columns: Vec<Column>, rows: usize) {
        self.positions[table] = (0..columns.len()).map(Some).collect();
        self.tables[table] = Arc::new(filled(columns, rows));
    }
    fn rel(&self, table: usize) -> RelId {
        self.base.catalog.tables[table].rel
    }
    fn count(&self, rel: RelId) -> usize {
        self.base.nodes.rows(&self.env(), rel)
    }
    fn source(&self, source: &Source) -> Rows {
        Rows::of(source.slot, source.rel, self.count(source.rel)).filter(self.env(), &source.filters, &self.lost)
    }

    fn select(&mut self, select: &Select) -> Result<Vec<Column>, Diagnostics> {
        let mut rows = self.source(&select.first);
        let constants: Vec<_> = select.constants.iter().map(|&(slot, table)| (slot, self.rel(table))).collect();
        let bind = |rows: &mut Rows| constants.iter().for_each(|&(slot, rel)| rows.bind(slot, rel, Kept::One));
        bind(&mut rows);
        // Semi and anti joins were written in `where`, after the other joins.
        for join in &select.joins {
            rows = self.join(rows, join)?;
        }
        rows = rows.filter(self.env(), &select.filter, &self.lost);
        if let Some(group) = &select.group {
            let (columns, lost, count) = self.group(&rows, group);
            *self.lost.get_mut() += lost;
            self.fill(group.table, columns, count);
            rows = Rows::of(GROUP, self.rel(group.table), count);
            bind(&mut rows);
        }
        rows = rows.filter(self.env(), &select.having, &self.lost);
        if !select.windows.is_empty() {
            let (columns, lost) = self.windows(&rows, &select.windows);
            *self.lost.get_mut() += lost;
            self.fill(select.window_table, columns, rows.len);
            rows.bind(WINDOW, self.rel(select.window_table), Kept::All);
        }
        rows = rows.filter(self.env(), &select.qualify, &self.lost);
        if select.distinct {
            let columns = rows.columns(self.env(), &select.columns, &self.lost);
            let firsts = Groups::by(&borrowed(&columns), rows.len).firsts;
            rows = rows.pick(&firsts);
        }
        let rows = self.arranged(rows, &select.order, select.limit);
        Ok(owned(rows.columns(self.env(), &select.columns, &self.lost)))
    }

    fn arranged(&self, rows: Rows, order: &[Order], limit: Limit) -> Rows {
        let skip = usize::try_from(limit.skip).unwrap_or(usize::MAX).min(rows.len);
        let take = limit.take.map_or(rows.len, |n| usize::try_from(n).unwrap_or(usize::MAX)).min(rows.len - skip);
        if order.is_empty() {
            if skip == 0 && take == rows.len {
                return rows;
            }
            let positions: Vec<u32> = (skip as u32..(skip + take) as u32).collect();
            return rows.pick(&positions);
        }
        let columns = rows.columns(self.env(), &order.iter().map(|o| o.by).collect::<Vec<_>>(), &self.lost);
        let keys: Vec<(&Column, Order)> = columns.iter().map(|c| &**c).zip(order.iter().copied()).collect();
        let positions = pack::sorted(&keys, rows.len, Some(skip + take));
        rows.pick(&positions[skip.min(positions.len())..])
    }

    fn group(&self, rows: &Rows, group: &crate::plan::select::Group) -> (Vec<Column>, u64, usize) {
        let env = self.env();
        let mut ids = group.keys.clone();
        ids.extend(group.aggregates.iter().flat_map(|a| a.arg.into_iter().chain(a.filter)));
        let columns = rows.columns(env, &ids, &self.lost);
        let place = |id: ExprId| ids.iter().position(|i| *i == id).map(|at| &*columns[at]);
        let keys: Vec<&Column> = columns[..group.keys.len()].iter().map(|c| &**c).collect();
        let groups = if keys.is_empty() { Groups::whole(rows.len) } else { Groups::by(&keys, rows.len) };
        let mut out: Vec<Column> = keys.iter().map(|key| take(key, &groups.firsts)).collect();
        use rayon::prelude::*;
        let made: Vec<(Column, u64)> =
            group.aggregates.par_iter().map(|a| aggregate(a, &groups, a.arg.and_then(place), a.filter.and_then(place))).collect();
        let lost = made.iter().map(|(_, lost)| lost).sum();
        out.extend(made.into_iter().map(|(column, _)| column));
        (out, lost, groups.len())
    }

    fn windows(&self, rows: &Rows, windows: &[Window]) -> (Vec<Column>, u64) {
        let env = self.env();
        let mut ids: Vec<ExprId> = windows.iter().flat_map(Window::reads).collect();
        ids.sort_unstable();
        ids.dedup();
        let columns = rows.columns(env, &ids, &self.lost);
        let place = |id: ExprId| &*columns[ids.partition_point(|i| *i < id)];
        let mut arranged: Vec<(&Window, Arranged)> = vec![];
        let mut out = vec![];
        let mut lost = 0;
        for window in windows {
            let alike = |other: &Window| other.partition == window.partition && other.order == window.order;
            let known = arranged.iter().position(|(other, _)| alike(other)).unwrap_or_else(|| {
                let partition: Vec<&Column> = window.partition.iter().map(|&id| place(id)).collect();
                let order: Vec<(&Column, Order)> = window.order.iter().map(|o| (place(o.by), *o)).collect();
                let peers = windows.iter().any(|w| alike(w) && w.function.asks_peers());
                arranged.push((window, Arranged::new(&partition, &order, rows.len, peers)));
                arranged.len() - 1
            });
            let arranged = &arranged[known].1;
            out.push(match &window.function {
                WindowFunction::RowNumber => arranged.row_number(),
                WindowFunction::Rank => arranged.rank(),
                WindowFunction::DenseRank => arranged.dense_rank(),
                WindowFunction::Shift { arg, by, default } => {
                    let (column, there) = arranged.shift(place(*arg), *by);
                    match default {
                        Some(value) => with_default(column, &there, value),
                        None => column,
                    }
                }
                WindowFunction::Edge { arg, last, frame } => arranged.edge(place(*arg), *last, *frame),
                WindowFunction::Over { aggregate, frame } => {
                    let (column, more) = arranged.over(aggregate, aggregate.arg.map(place), aggregate.filter.map(place), *frame);
                    lost += more;
                    column
                }
            });
        }
        (out, lost)
    }

    fn join(&self, left: Rows, join: &Join) -> Result<Rows, Diagnostics> {
        let env = self.env();
        let right = self.source(&join.right);
        let keys = |rows: &Rows, ids: Vec<ExprId>| rows.columns(env, &ids, &self.lost);
        let (a, b) = (keys(&left, join.keys.iter().map(|k| k.0).collect()), keys(&right, join.keys.iter().map(|k| k.1).collect()));
        let Some((mut l, mut r)) = join::pairs(&borrowed(&a), &borrowed(&b), (left.len, right.len)) else {
            let error = Diagnostic::error("sql-too-many-rows", "a join of this query gives more than 4,294,967,294 rows");
            return Err(error.help("join by more columns, or group one side first").into());
        };
        drop((a, b));
        if !join.residual.is_empty() {
            let both = left.pick(&l).beside(right.pick(&r));
            let kept = both.positions(env, &join.residual, &self.lost);
            (l, r) = (kept.iter().map(|&k| l[k as usize]).collect(), kept.iter().map(|&k| r[k as usize]).collect());
        }
        let has = |side: &[u32], len: usize| {
            let mut has = Bits::new(len, false);
            side.iter().for_each(|&row| has.set(row as usize, true));
            has
        };
        match join.kind {
            JoinKind::Semi => Ok(left.pick(&has(&l, left.len).ones().map(|i| i as u32).collect::<Vec<_>>())),
            JoinKind::Anti => Ok(left.pick(&has(&l, left.len).not().ones().map(|i| i as u32).collect::<Vec<_>>())),
            JoinKind::Inner => Ok(left.pick(&l).beside(right.pick(&r))),
            JoinKind::Left | JoinKind::Full => {
                let (mut lefts, mut rights) = with_alone(&l, &r, left.len);
                if join.kind == JoinKind::Full {
                    // Rows of the right side without a partner stand at the end.
                    let alone: Vec<u32> = has(&r, right.len).not().ones().map(|i| i as u32).collect();
                    lefts.extend(std::iter::repeat_n(NONE, alone.len()));
                    rights.extend(alone);
                }
                Ok(left.pick(&lefts).beside(right.pick(&rights)))
            }
            JoinKind::Right => {
                // In the order of the right side, whose rows all stay.
                let mut both: Vec<(u32, u32)> = r.iter().copied().zip(l.iter().copied()).collect();
                both.sort_unstable();
                let (r, l): (Vec<u32>, Vec<u32>) = both.into_iter().unzip();
                let (rights, lefts) = with_alone(&r, &l, right.len);
                Ok(left.pick(&lefts).beside(right.pick(&rights)))
            }
        }
    }

    fn union(&self, parts: &[usize], distinct: bool, order: &[Order], limit: Limit) -> Vec<Column> {
        let tables: Vec<&Arc<Table>> = parts.iter().map(|&t| &self.tables[t]).collect();
        let width = tables.first().map_or(0, |t| t.columns.len());
        if let ([part], false) = (parts, distinct) {
            // An order over a finished table.
            let rows = self.arranged(Rows::of(0, self.rel(*part), tables[0].rows), order, limit);
            return match &rows.slots[0] {
                Some((_, Kept::List(list))) => tables[0].columns.iter().map(|c| take(c, list)).collect(),
                _ => tables[0].columns.clone(),
            };
        }
        let columns: Vec<Column> = (0..width).map(|c| rows::stacked(&tables.iter().map(|t| &t.columns[c]).collect::<Vec<_>>())).collect();
        if !distinct {
            return columns;
        }
        let len = tables.iter().map(|t| t.rows).sum();
        let firsts = Groups::by(&columns.iter().collect::<Vec<_>>(), len).firsts;
        columns.iter().map(|c| take(c, &firsts)).collect()
    }
}

fn borrowed<'t>(columns: &'t [Taken<'_>]) -> Vec<&'t Column> {
    columns.iter().map(|c| &**c).collect()
}

fn owned(columns: Vec<Taken<'_>>) -> Vec<Column> {
    columns
        .into_iter()
        .map(|c| match c {
            Taken::Stored(column) => column.clone(),
            Taken::Made(column) => Arc::unwrap_or_clone(column),
        })
        .collect()
}

/// Pairs by their first side, with those of its rows that have no partner in their place.
fn with_alone(own: &[u32], others: &[u32], len: usize) -> (Vec<u32>, Vec<u32>) {
    let (mut a, mut b) = (Vec::with_capacity(own.len().max(len)), Vec::with_capacity(own.len().max(len)));
    let mut at = 0;
    for row in 0..len as u32 {
        if own.get(at) != Some(&row) {
            a.push(row);
            b.push(NONE);
        }
        while own.get(at) == Some(&row) {
            a.push(row);
            b.push(others[at]);
            at += 1;
        }
    }
    (a, b)
}

/// `value` where there is no row.
fn with_default(column: Column, there: &Bits, value: &Value) -> Column {
    let ty = column.value_type();
    let rows: Vec<u32> = (0..there.len()).map(|i| if there.get(i) { 0 } else { 1 }).collect();
    let vector = super::Vector::constant(value);
    let default = match (&column.data, value) {
        (Data::Code(..), Value::Text(text, _)) => Data::Code(vec![0], Arc::new(crate::table::Dictionary::new(vec![text.clone()]))),
        (Data::I32(_), _) => Data::I32(vec![vector.number(0) as i32]),
        (Data::Bool(_), _) => Data::Bool(Bits::new(1, vector.number(0) != 0)),
        _ => Data::I64(vec![vector.number(0)]),
    };
    let both = rows::stacked(&[&column, &made(ty, default, None)]);
    let last = there.len() as u32;
    let positions: Vec<u32> = rows.iter().enumerate().map(|(i, &d)| if d == 0 { i as u32 } else { last }).collect();
    take(&both, &positions)
}
