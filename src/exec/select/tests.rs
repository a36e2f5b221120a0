//! Kernels against the plain way, over small random columns with missing values, ties and no rows at all.

use std::cmp::Ordering;
use std::sync::Arc;

use proptest::prelude::*;

use super::group::{Groups, aggregate};
use super::join::pairs;
use super::pack::sorted;
use super::rows::made;
use super::window::Arranged;
use crate::plan::select::{Aggregate, Frame, Order};
use crate::plan::{AggregateFunction, ExprId};
use crate::schema::{TextKind, Type};
use crate::table::{Column, Data, Dictionary};

type Cells = Vec<Option<i64>>;

fn ints(cells: &[Option<i64>]) -> Column {
    made(Type::Int, Data::I64(cells.iter().map(|c| c.unwrap_or(7)).collect()), Some(cells.iter().map(Option::is_some).collect()))
}

/// The numbers as texts of a dictionary; `shift` gives each side another one.
fn texts(cells: &[Option<i64>], shift: i64) -> Column {
    let mut values: Vec<Arc<str>> = cells.iter().flatten().chain(&[shift]).map(|c| Arc::from(format!("t{c:05}"))).collect();
    values.sort();
    values.dedup();
    let dictionary = Arc::new(Dictionary::new(values));
    let codes = cells.iter().map(|c| c.and_then(|c| dictionary.code(&format!("t{c:05}"))).unwrap_or(0)).collect();
    made(Type::Text(TextKind::Plain), Data::Code(codes, dictionary), Some(cells.iter().map(Option::is_some).collect()))
}

fn numbers(column: &Column) -> Cells {
    let Data::I64(v) = &column.data else { panic!("numbers") };
    v.iter().enumerate().map(|(i, v)| column.is_valid(i).then_some(*v)).collect()
}

fn cell() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![2 => Just(None), 8 => (-4i64..5).prop_map(Some), 1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(1 << 40)].prop_map(Some)]
}
fn small() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![1 => Just(None), 6 => (0i64..6).prop_map(Some)]
}

fn naive_groups(rows: &[Vec<Option<i64>>]) -> Groups {
    let mut firsts: Vec<u32> = vec![];
    let of = (0..rows.len())
        .map(|i| {
            let known = firsts.iter().position(|&f| rows[f as usize] == rows[i]);
            known.unwrap_or_else(|| {
                firsts.push(i as u32);
                firsts.len() - 1
            }) as u32
        })
        .collect();
    Groups { of, firsts }
}

fn compare(a: Option<i64>, b: Option<i64>, order: Order) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) if order.nulls_first => Ordering::Less,
        (None, _) => Ordering::Greater,
        (_, None) => compare(b, a, order).reverse(),
        (Some(a), Some(b)) if order.descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
    }
}

fn order() -> impl Strategy<Value = Order> {
    (any::<bool>(), any::<bool>()).prop_map(|(descending, nulls_first)| Order { by: ExprId(0), descending, nulls_first })
}

fn spec(function: AggregateFunction, distinct: bool) -> Aggregate {
    Aggregate { function, distinct, arg: Some(ExprId(0)), filter: None, ty: Type::Int }
}

fn half_away(sum: i128, n: i128) -> i64 {
    let (q, r) = (sum / n, (sum % n).abs());
    (q + if 2 * r >= n { sum.signum() } else { 0 }) as i64
}

fn naive_aggregate(function: AggregateFunction, values: &[i64]) -> Option<i64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let sum: i128 = values.iter().map(|v| i128::from(*v)).sum();
    match function {
        AggregateFunction::Count => Some(values.len() as i64),
        _ if values.is_empty() => None,
        AggregateFunction::Sum => i64::try_from(sum).ok(),
        AggregateFunction::Min => sorted.first().copied(),
        AggregateFunction::Max => sorted.last().copied(),
        AggregateFunction::Average => Some(half_away(sum, values.len() as i128)),
        AggregateFunction::Median => {
            let n = sorted.len();
            Some(half_away(i128::from(sorted[(n - 1) / 2]) + i128::from(sorted[n / 2]), 2))
        }
        _ => sorted.iter().copied().find(|v| sorted.iter().filter(|x| **x <= *v).count() * 1000 >= 900 * sorted.len()),
    }
}

const FUNCTIONS: [AggregateFunction; 7] = [
    AggregateFunction::Count,
    AggregateFunction::Sum,
    AggregateFunction::Min,
    AggregateFunction::Max,
    AggregateFunction::Average,
    AggregateFunction::Median,
    AggregateFunction::Quantile(900),
];

proptest! {
    #[test]
    fn groups_are_the_plain_groups(rows in prop::collection::vec(prop::collection::vec(cell(), 3), 0..60), as_text: bool, sort: bool) {
        let mut rows = rows;
        if sort {
            rows.sort();
        }
        let lane = |k: usize| -> Cells { rows.iter().map(|r| r[k]).collect() };
        let columns = [ints(&lane(0)), if as_text { texts(&lane(1), 0) } else { ints(&lane(1)) }, ints(&lane(2))];
        let found = Groups::by(&columns.iter().collect::<Vec<_>>(), rows.len());
        prop_assert_eq!(found, naive_groups(&rows));
    }

    /// Large tables are grouped in parts: the same groups in the same order.
    #[test]
    fn groups_in_parts(keys in prop::collection::vec(0u64..40, 0..200)) {
        let rows: Vec<Cells> = keys.iter().map(|&k| vec![Some(k as i64)]).collect();
        prop_assert_eq!(super::group::in_parts(&keys), naive_groups(&rows));
    }

    #[test]
    fn aggregates_are_the_plain_ones(rows in prop::collection::vec((small(), cell(), any::<bool>()), 0..60), distinct: bool, filtered: bool) {
        let keys: Cells = rows.iter().map(|r| r.0).collect();
        let values: Cells = rows.iter().map(|r| r.1).collect();
        let groups = Groups::by(&[&ints(&keys)], rows.len());
        let filter = made(Type::Bool, Data::Bool(rows.iter().map(|r| r.2).collect()), None);
        for function in FUNCTIONS {
            let distinct = distinct && matches!(function, AggregateFunction::Count | AggregateFunction::Sum);
            let (column, lost) = aggregate(&spec(function, distinct), &groups, Some(&ints(&values)), filtered.then_some(&filter));
            let mut too_large = 0;
            let wanted: Cells = (0..groups.len() as u32)
                .map(|g| {
                    let mut own: Vec<i64> = (0..rows.len()).filter(|&i| groups.of[i] == g && (!filtered || rows[i].2)).filter_map(|i| values[i]).collect();
                    if distinct {
                        own.sort_unstable();
                        own.dedup();
                    }
                    let value = naive_aggregate(function, &own);
                    too_large += u64::from(value.is_none() && !own.is_empty());
                    value
                })
                .collect();
            prop_assert_eq!(numbers(&column), wanted, "{:?}", function);
            prop_assert_eq!(lost, too_large);
        }
    }

    #[test]
    fn pairs_are_those_of_two_loops(left in prop::collection::vec((cell(), small()), 0..40), right in prop::collection::vec((cell(), small()), 0..40), keys in 1usize..3) {
        let side = |rows: &[(Option<i64>, Option<i64>)], shift| {
            let (a, b): (Cells, Cells) = rows.iter().copied().unzip();
            [ints(&a), texts(&b, shift)]
        };
        let (a, b) = (side(&left, 11), side(&right, 3));
        let columns = |c: &[Column; 2]| c.iter().take(keys).cloned().collect::<Vec<_>>();
        let (a, b) = (columns(&a), columns(&b));
        let found = pairs(&a.iter().collect::<Vec<_>>(), &b.iter().collect::<Vec<_>>(), (left.len(), right.len()));
        let mut wanted = (vec![], vec![]);
        for (i, l) in left.iter().enumerate() {
            for (j, r) in right.iter().enumerate() {
                let first = l.0.is_some() && l.0 == r.0;
                if first && (keys == 1 || l.1.is_some() && l.1 == r.1) {
                    wanted.0.push(i as u32);
                    wanted.1.push(j as u32);
                }
            }
        }
        prop_assert_eq!(found, Some(wanted));
    }

    #[test]
    fn order_is_the_plain_order(rows in prop::collection::vec((cell(), cell(), small()), 0..60), orders in prop::array::uniform3(order()), take in prop::option::of(0usize..70)) {
        let lanes: [Cells; 3] = [rows.iter().map(|r| r.0).collect(), rows.iter().map(|r| r.1).collect(), rows.iter().map(|r| r.2).collect()];
        let columns = [ints(&lanes[0]), ints(&lanes[1]), texts(&lanes[2], 0)];
        for first in 0..3 {
            let keys: Vec<(&Column, Order)> = (first..3).map(|k| (&columns[k], orders[k])).collect();
            let mut wanted: Vec<u32> = (0..rows.len() as u32).collect();
            wanted.sort_by(|&a, &b| {
                (first..3).map(|k| compare(lanes[k][a as usize], lanes[k][b as usize], orders[k])).find(|o| o.is_ne()).unwrap_or(a.cmp(&b))
            });
            wanted.truncate(take.unwrap_or(usize::MAX));
            prop_assert_eq!(sorted(&keys, rows.len(), take), wanted);
        }
    }

    #[test]
    fn windows_are_the_plain_ones(
        rows in prop::collection::vec((small(), small(), cell()), 0..40), by in order(),
        from in prop::option::of(-3i64..3), to in prop::option::of(-3i64..3), peers: bool, shift in -3i64..4,
    ) {
        let lane = |f: fn(&(Option<i64>, Option<i64>, Option<i64>)) -> Option<i64>| -> Cells { rows.iter().map(f).collect() };
        let (keys, order, values) = (lane(|r| r.0), lane(|r| r.1), lane(|r| r.2));
        let arranged = Arranged::new(&[&ints(&keys)], &[(&ints(&order), by)], rows.len(), true);
        // The rows of each row's partition in order, and its place among them.
        let partition = |i: usize| -> (Vec<usize>, usize) {
            let mut own: Vec<usize> = (0..rows.len()).filter(|&j| keys[j] == keys[i]).collect();
            own.sort_by(|&a, &b| compare(order[a], order[b], by).then(a.cmp(&b)));
            let place = own.iter().position(|&j| j == i).unwrap();
            (own, place)
        };
        let all = |f: &dyn Fn(&[usize], usize) -> Option<i64>| -> Cells {
            (0..rows.len()).map(|i| { let (own, place) = partition(i); f(&own, place) }).collect()
        };
        prop_assert_eq!(numbers(&arranged.row_number()), all(&|_, place| Some(place as i64 + 1)));
        prop_assert_eq!(numbers(&arranged.rank()), all(&|own, place| {
            Some(own.iter().take_while(|&&j| order[j] != order[own[place]]).count() as i64 + 1)
        }));
        prop_assert_eq!(numbers(&arranged.dense_rank()), all(&|own, place| {
            let mut before: Vec<Option<i64>> = own[..=place].iter().map(|&j| order[j]).collect();
            before.dedup();
            Some(before.len() as i64)
        }));
        let (column, there) = arranged.shift(&ints(&values), shift);
        prop_assert_eq!(numbers(&column), all(&|own, place| own.get(usize::try_from(place as i64 - shift).ok()?).and_then(|&j| values[j])));
        prop_assert_eq!(there.count_ones(), all(&|own, place| own.get(usize::try_from(place as i64 - shift).ok()?).map(|_| 1)).iter().flatten().count());
        // With `range` only the current row and the ends are bounds.
        let bound = |b: Option<i64>| if peers { b.map(|_| 0) } else { b };
        let frame = Frame { from: bound(from), to: bound(to), peers };
        prop_assume!(frame.from.zip(frame.to).is_none_or(|(a, b)| a <= b));
        let within = |own: &[usize], place: usize| -> Vec<usize> {
            (0..own.len())
                .filter(|&at| {
                    let same = frame.peers && order[own[at]] == order[own[place]];
                    let distance = at as i64 - place as i64;
                    frame.from.is_none_or(|f| distance >= f || same) && frame.to.is_none_or(|t| distance <= t || same)
                })
                .map(|at| own[at])
                .collect()
        };
        for function in &FUNCTIONS[..5] {
            let (column, _) = arranged.over(&spec(*function, false), Some(&ints(&values)), None, frame);
            let wanted = all(&|own, place| {
                naive_aggregate(*function, &within(own, place).into_iter().filter_map(|j| values[j]).collect::<Vec<_>>())
            });
            prop_assert_eq!(numbers(&column), wanted, "{:?} {:?}", function, frame);
        }
        for last in [false, true] {
            let wanted = all(&|own, place| {
                let rows = within(own, place);
                values[*(if last { rows.last() } else { rows.first() })?]
            });
            prop_assert_eq!(numbers(&arranged.edge(&ints(&values), last, frame)), wanted);
        }
    }
}

#[test]
fn no_rows_have_one_sum_and_no_groups() {
    let none = ints(&[]);
    let (count, _) = aggregate(&Aggregate { arg: None, ..spec(AggregateFunction::Count, false) }, &Groups::whole(0), None, None);
    assert_eq!(numbers(&count), [Some(0)]);
    assert_eq!(numbers(&aggregate(&spec(AggregateFunction::Sum, false), &Groups::whole(0), Some(&none), None).0), [None]);
    assert_eq!(Groups::by(&[&none], 0).len(), 0);
}
