//! The best one-to-one assignment of members.

/// Pairs (row, column) of the assignment with the greatest sum of weights; a weight that is `None`, or not over zero, is never used.
/// Hungarian method with potentials, O(n^3); `weights[row][column]`.
pub(super) fn assign(weights: &[Vec<Option<i64>>]) -> Vec<(usize, usize)> {
    let rows = weights.len();
    let columns = weights.first().map_or(0, Vec::len);
    let n = rows.max(columns);
    let gain = |i: usize, j: usize| -> i64 { weights.get(i).and_then(|r| r.get(j)).copied().flatten().unwrap_or(0).max(0) };
    // Minimises cost = -gain over the square; index 0 is the unmatched start.
    let (mut u, mut v) = (vec![0i64; n + 1], vec![0i64; n + 1]);
    let mut row_of = vec![0usize; n + 1];
    for i in 1..=n {
        row_of[0] = i;
        let mut at = 0;
        let mut least = vec![i64::MAX; n + 1];
        let mut from = vec![0usize; n + 1];
        let mut used = vec![false; n + 1];
        while row_of[at] != 0 {
            used[at] = true;
            let row = row_of[at];
            let (mut delta, mut next) = (i64::MAX, 0);
            for j in 1..=n {
                if used[j] {
                    continue;
                }
                let cost = -gain(row - 1, j - 1) - u[row] - v[j];
                if cost < least[j] {
                    (least[j], from[j]) = (cost, at);
                }
                if least[j] < delta {
                    (delta, next) = (least[j], j);
                }
            }
            for j in 0..=n {
                if used[j] {
                    u[row_of[j]] += delta;
                    v[j] -= delta;
                } else if least[j] != i64::MAX {
                    least[j] -= delta;
                }
            }
            at = next;
        }
        while at != 0 {
            let before = from[at];
            row_of[at] = row_of[before];
            at = before;
        }
    }
    let mut pairs: Vec<(usize, usize)> = (1..=n).map(|j| (row_of[j] - 1, j - 1)).filter(|(i, j)| gain(*i, *j) > 0).collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All assignments, one after the other.
    fn best(weights: &[Vec<Option<i64>>], row: usize, taken: u32) -> i64 {
        let Some(cells) = weights.get(row) else { return 0 };
        let with = cells.iter().enumerate().filter(|(j, w)| taken >> j & 1 == 0 && w.is_some_and(|w| w > 0));
        let most = with.map(|(j, w)| w.unwrap_or(0) + best(weights, row + 1, taken | 1 << j)).max().unwrap_or(0);
        most.max(best(weights, row + 1, taken))
    }

    proptest! {
        #[test]
        fn no_assignment_is_better(rows in 0usize..5, columns in 1usize..6, cells in proptest::collection::vec(proptest::option::of(-5i64..20), 30)) {
            let weights: Vec<Vec<Option<i64>>> = (0..rows).map(|i| cells[i * columns..(i + 1) * columns].to_vec()).collect();
            let pairs = assign(&weights);
            let sum: i64 = pairs.iter().map(|(i, j)| weights[*i][*j].unwrap_or(0)).sum();
            prop_assert_eq!(sum, best(&weights, 0, 0));
            let (mut left, mut right): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
            left.dedup();
            right.sort_unstable();
            right.dedup();
            prop_assert_eq!((left.len(), right.len()), (pairs.len(), pairs.len()));
        }
    }
}
