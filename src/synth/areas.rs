//! What is planted on counties and towns: targets hit exactly (QS01), surges before the deadline (QS03), heaps above the line (CM03).

use std::collections::BTreeMap;

use super::calendar::{day, year_of};
use super::draw::Draw;
use super::files::{T, Tables};
use super::layout::Layout;
use super::model::Village;
use super::truth::Truth;

/// Exits of one village: completed exits per year, those of the surge year and their events, incomes of the heap year.
pub(super) struct Exits {
    village: usize,
    per_year: Vec<i64>,
    surge_events: Vec<String>,
    surges: usize,
    heap_incomes: Vec<String>,
    /// Households entered, by year.
    entered: BTreeMap<i32, i64>,
}

pub(super) fn exits(layout: &Layout, village: &Village) -> Exits {
    let site = village.site;
    let mut per_year = vec![0; layout.years().count()];
    let (mut surge_events, mut heap_incomes) = (Vec::new(), Vec::new());
    let surge = layout.towns[site.town].surge.map(|s| s.year);
    let mut surges = 0;
    let heap = layout.counties[site.county].heap;
    let mut entered = BTreeMap::new();
    for h in &village.households {
        *entered.entry(year_of(h.identified)).or_default() += 1;
        for mark in h.events.iter().filter(|e| e.kind == "exit_mark") {
            per_year[(mark.year - layout.first_year) as usize] += 1;
            if surge == Some(mark.year) {
                let steps = h.events.iter().filter(|e| e.case_no == mark.case_no && matches!(e.kind, "exit_review" | "exit_mark"));
                surge_events.extend(steps.map(|e| village.event_id(e.number)));
                surges += 1;
            }
            if let Some(role) = heap.filter(|r| !h.taken && (r.year == mark.year || !r.planted)) {
                heap_incomes.push(format!("{}/{}", village.household_id(h.number), role.year));
            }
        }
    }
    Exits { village: site.index, per_year, surge_events, surges, heap_incomes, entered }
}

pub(super) struct Areas {
    exits: Vec<Vec<i64>>,
    /// By town; only towns that have a role keep any.
    surges: Vec<(usize, Vec<String>)>,
    heaps: Vec<Vec<String>>,
    entered: Vec<BTreeMap<i32, i64>>,
    towns: Vec<usize>,
    counties: Vec<usize>,
}

/// Fewest exits of a county and year that the catalogue's threshold for exact hits speaks of.
const QUOTA_EXITS: i64 = 30;
/// Fewest exits of a town and year for a surge to be one.
const SURGE_EXITS: usize = 10;
/// Stream of the draws made for areas.
const AREA_STREAM: u64 = (1 << 40) + 1;
const ALLOCATION_STREAM: u64 = (1 << 40) + 3;

impl Areas {
    pub(super) fn new(layout: &Layout) -> Self {
        Areas {
            exits: vec![vec![0; layout.years().count()]; layout.counties.len()],
            surges: vec![(0, vec![]); layout.towns.len()],
            heaps: vec![vec![]; layout.counties.len()],
            entered: vec![BTreeMap::new(); layout.counties.len()],
            towns: layout.sites.iter().map(|s| s.town).collect(),
            counties: layout.sites.iter().map(|s| s.county).collect(),
        }
    }

    pub(super) fn add(&mut self, exits: Exits) {
        let county = self.counties[exits.village];
        for (sum, n) in self.exits[county].iter_mut().zip(&exits.per_year) {
            *sum += n;
        }
        self.heaps[county].extend(exits.heap_incomes);
        for (year, n) in exits.entered {
            *self.entered[county].entry(year).or_default() += n;
        }
        let surge = &mut self.surges[self.towns[exits.village]];
        surge.0 += exits.surges;
        surge.1.extend(exits.surge_events);
    }

    /// Writes the targets and gives the truth about areas.
    /// Allocations of new entries: filled to the household in some counties (QS02); look-alike: allocated afterwards.
    fn allocations(&self, layout: &Layout, tables: &mut Tables, truth: &mut Truth) {
        let mut draw = Draw::new(layout.seed, ALLOCATION_STREAM);
        let share = (layout.counties.len() / 20).max(1);
        for (c, county) in layout.counties.iter().enumerate() {
            let role = if c / 3 >= share { None } else { [Some(false), None, Some(true)][c % 3] };
            let years: Vec<i32> = (layout.first_year - 3..layout.first_year).collect();
            let entered = |year: &i32| self.entered[c].get(year).copied().unwrap_or(0);
            // In 2014 the size of the register was set from above, so that an exact fit says nothing.
            let telling: Vec<i32> = years.iter().copied().filter(|y| *y != 2014 && entered(y) >= QUOTA_EXITS).collect();
            let note = if role == Some(true) { "entries equal the allocation" } else { "allocated afterwards" };
            let role = role.filter(|_| !telling.is_empty());
            let case = role.map(|planted| truth.case("QS02", planted, "area", county.code.to_string(), note));
            for year in years {
                let mut actual = entered(&year);
                if role.is_none() {
                    actual += 2 + draw.range(0, 4);
                }
                let deadline = day(year, 12, 1);
                let set_on = if role == Some(false) { deadline + 9 } else { day(year, 3, 1) };
                let mut row = tables.row(T::Targets);
                row.int(county.code).int(year.into()).text("identify").int(actual).date(set_on).date(deadline).text("prefecture");
                drop(row);
                if let Some(case) = case.as_ref().filter(|_| telling.contains(&year)) {
                    truth.record(case, "targets", format!("{}/{year}/identify", county.code));
                }
            }
        }
    }

    pub(super) fn finish(self, layout: &Layout, tables: &mut Tables) -> Truth {
        let mut truth = Truth::of_areas();
        let mut draw = Draw::new(layout.seed, AREA_STREAM);
        let mut passed_down = Vec::new();
        for (c, county) in layout.counties.iter().enumerate() {
            let enough = self.exits[c].iter().filter(|&&n| n >= QUOTA_EXITS).count() >= 3;
            let role = county.quota.filter(|_| enough);
            let note = if role == Some(true) { "exits equal the target every year" } else { "targets were set afterwards" };
            let case = role.map(|planted| truth.case("QS01", planted, "area", county.code.to_string(), note));
            for (year, &actual) in layout.years().zip(&self.exits[c]) {
                // Elsewhere the target is missed by more than one, either way.
                let miss = 3 + actual / 25 + draw.range(0, 4);
                let other = if draw.per_mille(600) { actual + miss } else { (actual - miss).max(0) };
                let planned = if county.quota.is_some() { actual } else { other };
                let deadline = day(year, 12, 20);
                let set_on = if county.quota == Some(false) { deadline + 8 } else { day(year, 2, 15) + draw.days(0, 20) };
                tables
                    .row(T::Targets)
                    .int(county.code)
                    .int(year.into())
                    .text("exit")
                    .int(planned)
                    .date(set_on)
                    .date(deadline)
                    .text("prefecture");
                passed_down.push((c, year, planned));
                if let Some(case) = &case {
                    truth.record(case, "targets", format!("{}/{year}/exit", county.code));
                }
            }
        }
        self.allocations(layout, tables, &mut truth);
        town_targets(layout, &passed_down, tables, &mut truth);
        for (t, town) in layout.towns.iter().enumerate() {
            let Some(role) = town.surge.filter(|_| self.surges[t].0 >= SURGE_EXITS) else { continue };
            truth.dosed("QS03", role.dose);
            let note = if role.planted {
                "exits reviewed and marked in the last days before the deadline"
            } else {
                "reviewed in time, marked before the deadline"
            };
            let case = truth.case("QS03", role.planted, "area", town.code.to_string(), note);
            for key in &self.surges[t].1 {
                truth.record(&case, "events", key.clone());
            }
        }
        for (c, county) in layout.counties.iter().enumerate() {
            let Some(role) = county.heap else { continue };
            truth.dosed("CM03", role.dose);
            let note = if role.planted {
                "incomes heaped just above the line"
            } else {
                "incomes rounded to the hundred on both sides of the line"
            };
            let case = truth.case("CM03", role.planted, "area", county.code.to_string(), note);
            for key in &self.heaps[c] {
                truth.record(&case, "incomes", key.clone());
            }
        }
        truth
    }
}

/// Exit targets of the towns: together at most those of the county; in some counties a quarter more in the last year, and in one town a
/// deadline a month earlier (QS06). Look-alikes: a reserve of four per cent, ten days earlier.
fn town_targets(layout: &Layout, passed_down: &[(usize, i32, i64)], tables: &mut Tables, truth: &mut Truth) {
    let share = (layout.counties.len() / 20).max(1);
    for &(c, year, planned) in passed_down {
        let county = &layout.counties[c];
        let towns: Vec<i64> = layout.towns.iter().filter(|t| t.county == c).map(|t| t.code).collect();
        let role = if c / 3 >= share || year != layout.last_year { None } else { [Some(false), Some(true), None][c % 3] };
        let base = planned / towns.len().max(1) as i64;
        let part = match role {
            Some(true) => base * 125 / 100 + 1,
            Some(false) => base * 104 / 100,
            None => base,
        };
        let raised = role.map(|planted| {
            let note = if planted { "town targets a quarter above the county's" } else { "town targets with a small reserve" };
            truth.case("QS06", planted, "area", county.code.to_string(), note)
        });
        for (n, &town) in towns.iter().enumerate() {
            let early = c % 3 == 2 && c / 3 < share && year == layout.last_year && n < 2;
            let deadline = match (early, n) {
                (true, 0) => day(year, 11, 18),
                (true, _) => day(year, 12, 10),
                _ => day(year, 12, 16),
            };
            let mut row = tables.row(T::Targets);
            row.int(town).int(year.into()).text("exit").int(part).date(day(year, 3, 20)).date(deadline).text("county");
            drop(row);
            let key = format!("{town}/{year}/exit");
            if let Some(case) = &raised {
                truth.record(case, "targets", key.clone());
            }
            if early {
                let note =
                    if n == 0 { "deadline a month before that of the county" } else { "deadline ten days before that of the county" };
                let case = truth.case("QS06", n == 0, "area", town.to_string(), note);
                truth.record(&case, "targets", key);
            }
        }
    }
}
