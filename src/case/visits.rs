//! A visit budget over the ranked list: whom the staff can see, and what stays unvisited.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Case, once};
use crate::finding::Brief;
use crate::project::{Level, Regions};

/// How visits are laid out over areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Every area gets its share of the visits, by its number of cases (largest remainders).
    Proportional,
    /// The highest ranks, wherever they are.
    Rank,
}

#[derive(Debug, Clone, Copy)]
pub struct Budget {
    pub visits: u64,
    /// Level of the areas.
    pub by: Level,
    pub share: Share,
}

/// Who is visited, and what is not. Money is fen, each source record counted once; visited + unvisited = all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitPlan {
    pub visits: u64,
    /// `town`
    pub by: String,
    pub share: Share,
    /// Ascending by region; cases without a known place come first, under none.
    pub areas: Vec<AreaVisits>,
    /// Positions of the cases to be visited, in rank order.
    pub chosen: Vec<usize>,
    pub unvisited: u64,
    pub money: Option<i128>,
    pub unvisited_money: Option<i128>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaVisits {
    pub region: Option<i64>,
    pub cases: u64,
    pub visited: u64,
    /// Best rank that stays unvisited.
    pub first_unvisited: Option<u64>,
    pub money: Option<i128>,
    pub unvisited_money: Option<i128>,
}

/// `visits` over areas of `counts` cases: whole parts, then one each to the largest remainders, ties in order of the areas.
fn proportional(visits: u64, counts: &[u64]) -> Vec<u64> {
    let total: u128 = counts.iter().map(|&c| u128::from(c)).sum();
    if total == 0 {
        return vec![0; counts.len()];
    }
    let visits = u128::from(visits).min(total);
    let mut given: Vec<u64> = counts.iter().map(|&c| u64::try_from(visits * u128::from(c) / total).unwrap_or(c)).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(visits * u128::from(counts[i]) % total), i));
    let left = visits - given.iter().map(|&g| u128::from(g)).sum::<u128>();
    for &i in order.iter().take(usize::try_from(left).unwrap_or(0)) {
        given[i] += 1;
    }
    given
}

/// Money over `cases`, and over those of them not in `chosen`. What both share is counted as visited.
fn money(cases: &[&Case], findings: &[Brief], chosen: &BTreeSet<u64>) -> (Option<i128>, Option<i128>) {
    let of = |visited_only: bool| {
        once(
            cases
                .iter()
                .filter(|c| !visited_only || chosen.contains(&c.rank))
                .flat_map(|c| c.findings.iter().filter_map(|&i| findings.get(i))),
        )
    };
    let all = of(false);
    (all, all.map(|all| all - of(true).unwrap_or(0)))
}

/// Lays the budget over ranked `cases`, whose positions refer to `findings`.
pub fn plan_visits(cases: &[Case], findings: &[Brief], regions: &Regions, budget: &Budget) -> VisitPlan {
    let mut by_area: BTreeMap<Option<i64>, Vec<usize>> = BTreeMap::new();
    for (i, case) in cases.iter().enumerate() {
        let area = case.region.and_then(|code| regions.at_level(regions.current(code), budget.by));
        by_area.entry(area).or_default().push(i);
    }
    let mut chosen: Vec<usize> = match budget.share {
        Share::Rank => (0..cases.len()).take(usize::try_from(budget.visits).unwrap_or(usize::MAX)).collect(),
        Share::Proportional => {
            let counts: Vec<u64> = by_area.values().map(|c| c.len() as u64).collect();
            let given = proportional(budget.visits, &counts);
            by_area.values().zip(given).flat_map(|(c, n)| c.iter().copied().take(usize::try_from(n).unwrap_or(usize::MAX))).collect()
        }
    };
    chosen.sort_unstable();
    let ranks: BTreeSet<u64> = chosen.iter().map(|&i| cases[i].rank).collect();
    let areas = by_area
        .into_iter()
        .map(|(region, members)| {
            let members: Vec<&Case> = members.into_iter().map(|i| &cases[i]).collect();
            let (all, unvisited_money) = money(&members, findings, &ranks);
            AreaVisits {
                region,
                cases: members.len() as u64,
                visited: members.iter().filter(|c| ranks.contains(&c.rank)).count() as u64,
                first_unvisited: members.iter().map(|c| c.rank).filter(|r| !ranks.contains(r)).min(),
                money: all,
                unvisited_money,
            }
        })
        .collect();
    let (all, unvisited_money) = money(&cases.iter().collect::<Vec<_>>(), findings, &ranks);
    VisitPlan {
        visits: budget.visits,
        by: budget.by.name().to_owned(),
        share: budget.share,
        areas,
        unvisited: (cases.len() - chosen.len()) as u64,
        chosen,
        money: all,
        unvisited_money,
    }
}

#[cfg(test)]
mod tests {
    use super::proportional;
    use proptest::prelude::*;

    #[test]
    fn largest_remainders() {
        assert_eq!(proportional(10, &[50, 30, 20]), [5, 3, 2]);
        assert_eq!(proportional(1, &[1, 1, 1]), [1, 0, 0]);
        assert_eq!(proportional(100, &[3, 2]), [3, 2]);
        assert_eq!(proportional(5, &[]), Vec::<u64>::new());
    }

    proptest! {
        #[test]
        fn uses_the_whole_budget_and_never_more_than_there_is(visits in 0u64..500, counts in prop::collection::vec(0u64..100, 0..12)) {
            let given = proportional(visits, &counts);
            prop_assert_eq!(given.iter().sum::<u64>(), visits.min(counts.iter().sum()));
            prop_assert!(given.iter().zip(&counts).all(|(g, c)| g <= c));
        }
    }
}
