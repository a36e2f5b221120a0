//! Cases rolled up along the region tree, and the visit plan.

use std::collections::BTreeMap;

use minijinja::Value as View;

use super::shown::context;

use super::Report;
use crate::case::{Case, Share, once};
use crate::project::Level;
use crate::report::charts::{SEVERITIES, Stack, slot};
use crate::report::show::{count, rate};
use crate::report::words::{fill, word};
use crate::run::Place;

/// Entities that can be a denominator, most wanted first.
const DENOMINATORS: [&str; 2] = ["household", "person"];

#[derive(Default)]
struct Area<'a> {
    cases: Vec<&'a Case>,
    units: u64,
}

impl<'a> Report<'a> {
    /// Areas on the path from `code` (its current successor) up to the county, lowest first.
    fn path(&self, code: i64) -> Vec<i64> {
        let code = self.regions.current(code);
        let mut path: Vec<i64> =
            [Level::Village, Level::Town, Level::County].into_iter().filter_map(|l| self.regions.at_level(code, l)).collect();
        path.dedup();
        path
    }

    fn row(&self, name: String, level: u8, area: &Area<'a>) -> View {
        let mut stack: Stack = [0; 5];
        for case in &area.cases {
            stack[slot(case.severity)] += 1;
        }
        let findings = || area.cases.iter().flat_map(|c| c.findings.iter().filter_map(|&i| self.brief(i)));
        context! {
            name,
            level,
            units => (area.units > 0).then(|| count(area.units)),
            cases => count(area.cases.len() as u64),
            rate => rate(area.cases.len() as u64, area.units, 1000),
            findings => count(findings().count() as u64),
            money => self.show.money(once(findings())),
            severities => stack.iter().map(|&n| (n > 0).then(|| count(n.into()))).collect::<Vec<_>>(),
        }
    }

    pub fn roll_up(&self) -> View {
        let lang = self.options.lang;
        let entity = DENOMINATORS.into_iter().find(|e| self.content.populations.iter().any(|p| p.entity == *e));
        let mut areas: BTreeMap<i64, Area<'a>> = BTreeMap::new();
        let mut unplaced = Area::default();
        for case in &self.content.cases {
            let path = case.region.map(|c| self.path(c)).unwrap_or_default();
            if path.is_empty() {
                unplaced.cases.push(case);
            }
            for code in path {
                areas.entry(code).or_default().cases.push(case);
            }
        }
        for population in self.content.populations.iter().filter(|p| Some(p.entity.as_str()) == entity) {
            for code in self.path(population.region) {
                areas.entry(code).or_default().units += population.units;
            }
        }
        // Towns under their county, villages in their own table; by code, so that a reader finds the place again.
        let place = |code: i64| -> Option<&'a Place> { self.show.places.get(&code).copied() };
        let of_level = |level: u8| areas.iter().filter(move |(code, _)| place(**code).is_some_and(|p| p.level == level));
        let mut rows = vec![];
        for (&county, area) in of_level(3) {
            rows.push(self.row(place(county).map(|p| p.name.clone()).unwrap_or_default(), 3, area));
            for (&town, area) in of_level(4).filter(|(t, _)| self.regions.at_level(**t, Level::County) == Some(county)) {
                rows.push(self.row(place(town).map(|p| p.name.clone()).unwrap_or_default(), 4, area));
            }
        }
        if !unplaced.cases.is_empty() {
            rows.push(self.row(self.show.word("no_place"), 3, &unplaced));
        }
        let villages: Vec<View> =
            of_level(5).filter(|(_, a)| !a.cases.is_empty()).map(|(&code, area)| self.row(self.show.place(Some(code)), 5, area)).collect();
        context! {
            lead => match entity {
                Some(e) => fill(lang, "regions_lead", &[("entity", word(lang, &format!("entities_{e}")))]),
                None => self.show.word("regions_lead_bare"),
            },
            denominator => entity.map(|e| self.show.word(&format!("denominator_{e}"))),
            severities => SEVERITIES.iter().map(|&s| self.severity(s)).collect::<Vec<_>>(),
            rows,
            villages,
        }
    }

    pub fn visit_plan(&self) -> Option<View> {
        let lang = self.options.lang;
        let plan = self.content.visits.as_ref()?;
        let by = self.show.word(&format!("level_{}", plan.by));
        let key = match plan.share {
            Share::Proportional => "visits_lead",
            Share::Rank => "visits_lead_rank",
        };
        let result = [
            ("visited", count(plan.chosen.len() as u64)),
            ("unvisited", count(plan.unvisited)),
            ("money", self.show.money(plan.unvisited_money)),
            ("total", self.show.money(plan.money)),
        ];
        let result: Vec<(&str, &str)> = result.iter().map(|(k, v)| (*k, v.as_str())).collect();
        Some(context! {
            lead => fill(lang, key, &[("visits", &count(plan.visits)), ("by", &by)]),
            result => fill(lang, "visits_result", &result),
            areas => plan.areas.iter().map(|a| context! {
                name => self.show.place(a.region),
                cases => count(a.cases),
                visited => count(a.visited),
                unvisited => count(a.cases - a.visited),
                first => a.first_unvisited.map(count),
                money => self.show.money(a.money),
                unvisited_money => self.show.money(a.unvisited_money),
            }).collect::<Vec<_>>(),
        })
    }
}
