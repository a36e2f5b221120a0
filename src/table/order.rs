//! The order of rows: the declared columns, then the record key, then everything else, so that the order of rows in the files does not matter.

use std::cmp::Ordering;

use rayon::prelude::*;
use rdst::RadixSort;

use super::{Bits, Column, Data};

/// A column as the order sees it: per row a rank that is 0 for missing, 1 for bad, and above that ascends with the value.
struct Ranks<'a> {
    column: &'a Column,
    least: i64,
    /// Bits a rank takes.
    bits: u32,
}

impl<'a> Ranks<'a> {
    fn new(column: &'a Column) -> Self {
        let (least, most) = match &column.data {
            Data::I64(v) => range(v.par_iter().copied()),
            Data::I32(v) => range(v.par_iter().map(|&x| i64::from(x))),
            Data::Code(v, _) => range(v.par_iter().map(|&x| i64::from(x))),
            Data::Bool(_) => (0, 1),
        };
        let spread = (i128::from(most) - i128::from(least)) * 2 + 5;
        let bits = 128 - (spread as u128).leading_zeros();
        Ranks { column, least, bits }
    }
    #[inline]
    fn rank(&self, row: usize) -> u128 {
        let column = self.column;
        if !column.is_valid(row) {
            return u128::from(column.is_bad(row));
        }
        let value = match &column.data {
            Data::I64(v) => v[row],
            Data::I32(v) => i64::from(v[row]),
            Data::Code(v, _) => i64::from(v[row]),
            Data::Bool(v) => i64::from(v.get(row)),
        };
        let part = column.part.as_ref().is_some_and(|p| p.get(row));
        (value.wrapping_sub(self.least) as u64 as u128) * 2 + u128::from(part) + 2
    }
}

fn range(values: impl ParallelIterator<Item = i64>) -> (i64, i64) {
    let (least, most) = values.map(|v| (v, v)).reduce(|| (i64::MAX, i64::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)));
    if least > most { (0, 0) } else { (least, most) }
}

/// The rows in ascending order of `by` (missing values first), rows that are equal in all of them as they stood. `None`: they stand so already.
pub(super) fn order(columns: &[Column], by: &[usize], rows: usize) -> Option<Vec<u32>> {
    if rows < 2 {
        return None;
    }
    let mut ranks: Vec<Ranks> = vec![];
    for &i in by {
        ranks.push(Ranks::new(&columns[i]));
    }
    // As many columns as fit stand in one number, with the row behind them.
    let mut bits = 0;
    let mut packed = 0;
    while packed < ranks.len() && bits + ranks[packed].bits <= 96 {
        bits += ranks[packed].bits;
        packed += 1;
    }
    let (head, rest) = ranks.split_at(packed);
    let mut keys: Vec<u128> = (0..rows)
        .into_par_iter()
        .with_min_len(4096)
        .map(|row| head.iter().fold(0u128, |key, r| key << r.bits | r.rank(row)) << 32 | row as u128)
        .collect();
    let by_rest = |a: usize, b: usize| rest.iter().map(|r| r.rank(a).cmp(&r.rank(b))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal);
    let sorted = |keys: &[u128]| {
        keys.par_windows(2)
            .with_min_len(4096)
            .all(|w| w[0] >> 32 < w[1] >> 32 || (w[0] >> 32 == w[1] >> 32 && by_rest(row_of(w[0]), row_of(w[1])).is_le()))
    };
    if sorted(&keys) {
        return None;
    }
    if rows < 4096 {
        keys.sort_unstable()
    } else {
        keys.radix_sort_unstable()
    }
    if !rest.is_empty() {
        let mut start = 0;
        while start < keys.len() {
            let mut end = start + 1;
            while end < keys.len() && keys[end] >> 32 == keys[start] >> 32 {
                end += 1;
            }
            if end - start > 1 {
                keys[start..end].sort_unstable_by(|&a, &b| by_rest(row_of(a), row_of(b)).then(a.cmp(&b)));
            }
            start = end;
        }
    }
    Some(keys.par_iter().map(|&k| k as u32).collect())
}

fn row_of(key: u128) -> usize {
    key as u32 as usize
}

/// Groups of two and more rows that agree on all columns `by`, none of them missing or bad; groups in the order of their values.
pub(super) fn repeated(columns: &[Column], by: &[usize], rows: usize) -> Vec<Vec<u32>> {
    if by.is_empty() || rows < 2 {
        return vec![];
    }
    let order = order(columns, by, rows);
    let row = |i: usize| order.as_ref().map_or(i, |o| o[i] as usize);
    let same = |a: usize, b: usize| by.iter().all(|&c| columns[c].is_valid(a)) && compare((columns, a), (columns, b), by).is_eq();
    let mut groups = vec![];
    let mut start = 0;
    while start + 1 < rows {
        let mut end = start + 1;
        while end < rows && same(row(end - 1), row(end)) {
            end += 1;
        }
        if end - start > 1 {
            groups.push((start..end).map(|i| row(i) as u32).collect());
        }
        start = end;
    }
    groups
}

/// Whether two neighbours agree in all columns `by`, missing and bad cells among them.
pub(super) fn tied(columns: &[Column], by: &[usize], rows: usize) -> bool {
    (1..rows).into_par_iter().with_min_len(4096).any(|row| compare((columns, row - 1), (columns, row), by).is_eq())
}

/// The order of two rows, of the same columns or of others that hold the same kind, by the columns `by`: as [`order`] has it.
pub(super) fn compare(a: (&[Column], usize), b: (&[Column], usize), by: &[usize]) -> Ordering {
    let rank = |(columns, row): (&[Column], usize), i: usize| {
        let column: &Column = &columns[i];
        if !column.is_valid(row) {
            return (u8::from(column.is_bad(row)), 0, false);
        }
        let value = match &column.data {
            Data::I64(v) => v[row],
            Data::I32(v) => i64::from(v[row]),
            Data::Code(v, _) => i64::from(v[row]),
            Data::Bool(v) => i64::from(v.get(row)),
        };
        (2, value, column.part.as_ref().is_some_and(|p| p.get(row)))
    };
    by.iter().map(|&i| rank(a, i).cmp(&rank(b, i))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// `column` with its rows as `rows` says.
pub(super) fn gather(column: &Column, rows: &[u32]) -> Column {
    let bits = |b: &Bits| Bits::from_fn(rows.len(), |i| b.get(rows[i] as usize));
    let data = match &column.data {
        Data::I64(v) => Data::I64(rows.par_iter().with_min_len(4096).map(|&r| v[r as usize]).collect()),
        Data::I32(v) => Data::I32(rows.par_iter().with_min_len(4096).map(|&r| v[r as usize]).collect()),
        Data::Code(v, d) => Data::Code(rows.par_iter().with_min_len(4096).map(|&r| v[r as usize]).collect(), d.clone()),
        Data::Bool(v) => Data::Bool(bits(v)),
    };
    Column {
        name: column.name.clone(),
        semantic: column.semantic.clone(),
        data,
        valid: column.valid.as_ref().map(bits),
        bad: column.bad.as_ref().map(bits),
        part: column.part.as_ref().map(bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::SemanticType;
    use proptest::prelude::*;

    fn column(values: &[Option<i64>]) -> Column {
        Column {
            name: "c".to_owned(),
            semantic: SemanticType::Int,
            data: Data::I64(values.iter().map(|v| v.unwrap_or(0)).collect()),
            valid: Some(values.iter().map(Option::is_some).collect()),
            bad: None,
            part: None,
        }
    }
    fn value() -> impl Strategy<Value = Option<i64>> {
        prop_oneof![Just(None), (-2i64..3).prop_map(Some), Just(Some(i64::MAX)), Just(Some(i64::MIN))]
    }

    proptest! {
        #[test]
        fn agrees_with_a_comparison_sort(rows in prop::collection::vec((value(), value(), value()), 0..60)) {
            let columns = [
                column(&rows.iter().map(|r| r.0).collect::<Vec<_>>()),
                column(&rows.iter().map(|r| r.1).collect::<Vec<_>>()),
                column(&rows.iter().map(|r| r.2).collect::<Vec<_>>()),
            ];
            let mut expected: Vec<u32> = (0..rows.len() as u32).collect();
            expected.sort_by_key(|&r| (rows[r as usize], r));
            let ordered = order(&columns, &[0, 1, 2], rows.len());
            let in_order = expected.iter().copied().eq(0..rows.len() as u32);
            prop_assert_eq!(ordered.is_none(), in_order);
            prop_assert_eq!(ordered.unwrap_or_else(|| (0..rows.len() as u32).collect()), expected);
            for (a, b) in (0..rows.len()).flat_map(|a| (0..rows.len()).map(move |b| (a, b))) {
                prop_assert_eq!(compare((&columns, a), (&columns, b), &[0, 1, 2]), rows[a].cmp(&rows[b]));
            }
            let mut groups = 0usize;
            for (i, a) in rows.iter().enumerate() {
                let twins = rows.iter().filter(|b| a.0.is_some() && a.1.is_some() && (a.0, a.1) == (b.0, b.1)).count();
                let first = rows.iter().position(|b| (a.0, a.1) == (b.0, b.1)) == Some(i);
                groups += usize::from(twins > 1 && first);
            }
            prop_assert_eq!(repeated(&columns, &[0, 1], rows.len()).len(), groups);
        }
    }
}
