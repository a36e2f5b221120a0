//! Incomes whose sources do not bear them: CM04, CM06-13, CM19, CM21.

use super::{Planting, resize};
use crate::synth::calendar::{as_of, civil, day};
use crate::synth::farm::fields;
use crate::synth::household::transfers;
use crate::synth::jobs::Job;
use crate::synth::model::*;

impl Planting<'_, '_> {
    pub(super) fn sources(&mut self, job: &Job, at: usize) {
        match job.kind {
            "CM04" => self.marginal(job, at),
            "CM06" => self.peak(job, at),
            "CM07" => self.beyond_land(job, at),
            "CM08" => self.without_herd(job, at),
            "CM09" => self.wages(job, at),
            "CM10" => self.cannot_work(job, at),
            "CM11" => self.transfers_differ(job, at),
            "CM12" => self.not_income(job, at),
            "CM13" => self.dividend(job, at),
            "CM19" => self.smaller(job, at),
            "CM21" => self.rewritten(job, at),
            _ => {}
        }
    }

    fn exited(&self, at: usize) -> i32 {
        self.village.households[at].exited_year.unwrap_or(self.layout.last_year)
    }

    fn earns(&mut self, at: usize, year: i32, per_capita: Fen) {
        if let Some(i) = self.household(at).income(year) {
            i.set_per_capita(per_capita);
        }
    }

    fn marginal(&mut self, job: &Job, at: usize) {
        let year = self.exited(at);
        let line = self.line(year);
        let above = !job.planted && !job.variant.is_multiple_of(2);
        let per_mille = if above { 1062 } else { 1000 + job.dose(6 + job.variant as i64 * 7 % 38) };
        self.earns(at, year, line * per_mille / 1000);
        let note = match (job.planted, above) {
            (true, _) => "income of the exit year just above the line",
            (_, true) => "income of the exit year six per cent above the line",
            _ => "just above the line, well above it a year later",
        };
        let case = self.household_case("CM04", job.planted, at, note);
        self.record_income(&case, at, year);
    }

    fn peak(&mut self, job: &Job, at: usize) {
        let year = self.exited(at);
        let top = self.line(year) * 19 / 10;
        self.earns(at, year, top);
        let form = job.variant % 3;
        let next = match job.dose.filter(|_| job.planted) {
            Some(fall) => top * (100 - fall) / 100,
            None if !job.planted && form == 2 => top * 76 / 100,
            None => self.line(year + 1) * 112 / 100,
        };
        self.earns(at, year + 1, next);
        let mut surveyed = 0;
        if let Some(i) = self.household(at).income(year + 1) {
            surveyed = i.surveyed;
        }
        let note = match (job.planted, form) {
            (true, _) => "income peaked in the exit year and fell by a third",
            (false, 0) => {
                if let Some(i) = self.household(at).income(year) {
                    let paid = (i.net * 45 / 10_000 * 100).min(i.wage);
                    (i.wage, i.property, i.one_off) = (i.wage - paid, i.property + paid, paid);
                    i.total();
                }
                "a documented payment made the peak"
            }
            (false, 1) => {
                self.watch(at, "unstable", surveyed + 30, true);
                "the fall was noticed and the household monitored"
            }
            _ => "income fell by a quarter",
        };
        let case = self.household_case("CM06", job.planted, at, note);
        self.record_income(&case, at, year + 1);
    }

    fn beyond_land(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let rented = !job.planted && job.variant.is_multiple_of(2);
        let mut operating = 0;
        if let Some(i) = self.household(at).income(year) {
            // More turnover at more cost: the net income stays.
            let more = job.dose.map_or(2_000_000 + 100_000 * (job.variant as i64 % 7), |yuan| 100 * yuan);
            (i.operating, i.cost) = (i.operating + more, i.cost + more);
            i.total();
            operating = i.operating;
        }
        let leased = if rented { fields(self.draw, operating) } else { 0 };
        let h = self.household(at);
        h.farmed.push(year);
        h.land.push(Land { year, crop: 10, forest: 20, rented: leased });
        let note = match (job.planted, rented) {
            (true, _) => "farm income far beyond the land and without animals",
            (false, true) => "land rented from neighbours, on record",
            _ => "a member keeps a stall",
        };
        let case = self.household_case("CM07", job.planted, at, note);
        self.record_income(&case, at, year);
        if !job.planted && !rented {
            let person = self.person(at, 0);
            let starts = self.village.households[at].identified + 120;
            let stall = Fact::Business { kind: "stall", role: "legal_person", capital: 2_000_000, tax: 0 };
            self.register(&case, &person, starts, None, stall);
        }
    }

    fn without_herd(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let small = !job.planted && job.variant.is_multiple_of(2);
        let operating = self.household(at).income(year).map_or(0, |i| i.operating);
        let amount = if small { 30_000 } else { (operating * 45 / 10_000 * 100).max(90_000) };
        let crop = fields(self.draw, operating);
        let h = self.household(at);
        h.farmed.push(year);
        h.land.push(Land { year, crop, forest: 10, rented: 0 });
        h.items.push(Item { year, item: "livestock", amount, counted: true });
        if !job.planted && !small {
            h.herds.push(Herd { year, species: "pig", heads: 0, vaccinated: 4, insured: 0 });
        }
        let note = match (job.planted, small) {
            (true, _) => "income from animals that no list holds",
            (false, true) => "a small income from backyard birds",
            _ => "vaccinated in spring, sold before the count",
        };
        let case = self.household_case("CM08", job.planted, at, note);
        let key = format!("{}/{year}/livestock", self.household_id(at));
        self.village.truth.record(&case, "income_items", key);
    }

    fn wages(&mut self, job: &Job, at: usize) {
        let year = self.layout.last_year;
        let none = job.form(2, 1) == 0;
        let h = self.household(at);
        for p in &mut h.people {
            p.work_months = 0;
        }
        if !none {
            h.people[0].work_months = 1;
        }
        if let Some(i) = h.income(year) {
            i.wage = match (none, job.planted) {
                (true, _) => 640_000,
                (false, true) => 100 * job.dose(16_500),
                (false, false) => 820_000,
            };
            i.migrant_months = if none && !job.planted { 5 } else { 0 };
            i.total();
        }
        let note = match (job.planted, none) {
            (true, true) => "wages and no month of work",
            (true, false) if job.dose.is_some() => "wages for a month of work, by dose",
            (true, false) => "16,500 yuan for a month of work",
            (false, true) => "months of migrant work stand on the form",
            (false, false) => "8,200 yuan for a month of work",
        };
        let case = self.household_case("CM09", job.planted, at, note);
        self.record_income(&case, at, year);
    }

    fn cannot_work(&mut self, job: &Job, at: usize) {
        let spare = self.spare(at);
        let pupil = self.village.households[at].people.iter().position(|p| p.school == "in_school");
        let (n, note) = match (job.planted, job.variant % 3) {
            (true, 0) => (pupil.unwrap_or(spare), "months of work of a pupil"),
            (true, 1) => (spare, "months of work of a dead person"),
            (true, _) => (spare, "months of work of a severely disabled person"),
            (false, 0) => (spare, "cannot hear, and works"),
            (false, 1) => (spare, "severely disabled, on a public welfare post"),
            _ => (spare, "died within the year of the work"),
        };
        let case = self.person_case("CM10", job.planted, at, n, note);
        self.record_member(&case, at, n);
        let person = self.person(at, n);
        let disabled = |kind| Disability { id: person.id, kind, grade: 1, issued: day(2015, 5, 20) };
        match (job.planted, job.variant % 3) {
            (true, 0) => self.household(at).people[n].work_months = 6,
            (true, 1) => self.kill(at, n, as_of() - 560, Some(as_of() - 220), as_of() - 560),
            (true, _) => self.village.disabilities.push(disabled("mental")),
            (false, 0) => self.village.disabilities.push(disabled("hearing")),
            (false, 1) => {
                self.village.disabilities.push(disabled("physical"));
                let starts = self.village.households[at].identified + 200;
                self.register(&case, &person, starts, None, Fact::Payroll { kind: "temporary" });
            }
            _ => self.kill(at, n, as_of() - 200, Some(as_of() - 150), as_of() - 200),
        }
    }

    fn transfers_differ(&mut self, job: &Job, at: usize) {
        let (first, last) = (self.layout.first_year, self.layout.last_year);
        let year = first + job.variant as i32 % (last - first).max(1);
        let paid = transfers(&self.village.households[at], year);
        let note = match (job.planted, job.variant % 2) {
            (true, _) => "declared transfers were not paid",
            (false, 0) => "a difference below two hundred yuan",
            _ => "the rest was paid in January",
        };
        if let Some(i) = self.household(at).income(year) {
            i.transfer = match (job.planted, job.variant % 2) {
                (true, _) => paid + job.dose.map_or(paid / 1000 * 100 + 240_000, |yuan| 100 * yuan),
                (false, 0) => paid + 19_000,
                _ => paid + 4000,
            };
            i.total();
        }
        let case = self.household_case("CM11", job.planted, at, note);
        self.record_income(&case, at, year);
        if !job.planted && job.variant % 2 == 1 {
            let number = self.new_payment(at, "ECO", "MU", year, 12, 4000, day(year + 1, 1, 20));
            self.record_payment(&case, number);
        }
    }

    fn not_income(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let (item, amount) = [("house_grant", 1_200_000), ("loan", 800_000), ("gift", 150_000)][job.variant % 3];
        let h = self.household(at);
        h.items.push(Item { year, item, amount, counted: job.planted });
        if let Some(i) = h.income(year).filter(|_| job.planted) {
            i.property += amount;
            i.total();
        }
        let note = if job.planted { "a grant, loan or gift counted as income" } else { "listed on the form and not counted" };
        let case = self.household_case("CM12", job.planted, at, note);
        let key = format!("{}/{year}/{item}", self.household_id(at));
        self.village.truth.record(&case, "income_items", key);
    }

    fn dividend(&mut self, job: &Job, at: usize) {
        let (first, last) = (self.layout.first_year, self.layout.last_year);
        let year = first + job.variant as i32 % (last - first).max(1);
        let (kind, amount) = ([("dividend"), ("rent")][job.variant % 2], 150_000);
        let h = self.household(at);
        let mut promised = amount;
        if let Some(i) = h.income(year) {
            i.property += amount;
            i.total();
            promised = i.property;
        }
        h.items.push(Item { year, item: kind, amount: promised, counted: true });
        let form = job.variant % 3;
        let (paid, paid_on, note) = match (job.planted, form) {
            (true, _) if job.dose.is_some() => (promised * (100 - job.dose(0)) / 100, day(year, 12, 10), "not all of it was paid"),
            (true, 0) => (promised * 3 / 10, day(year, 12, 10), "less than a third of it was paid"),
            (true, _) => (0, day(year, 12, 10), "promised, counted and not paid"),
            (false, 0) => (promised * 96 / 100, day(year, 12, 10), "nearly all of it was paid"),
            (false, _) => (promised, day(year + 1, 2, 8), "paid after the new year"),
        };
        let case = self.household_case("CM13", job.planted, at, note);
        let key = format!("{}/{year}/{kind}", self.household_id(at));
        self.village.truth.record(&case, "income_items", key);
        self.village.dividends.push(Dividend { household: at, year, kind, promised, paid, paid_on });
        let key = self.village.key('T', self.village.dividends.len());
        self.village.truth.record(&case, "dividends", key);
    }

    /// Over the line for one member fewer, under it for all.
    fn smaller(&mut self, job: &Job, at: usize) {
        let year = self.exited(at);
        let n = self.spare(at);
        let line = self.line(year);
        let surveyed = self.household(at).income(year).map_or(0, |i| i.surveyed);
        let note = match (job.planted, job.variant % 2) {
            (true, _) => "one member fewer on the form, nobody left",
            (false, 0) => {
                self.household(at).people[n].left = Some((surveyed - 50, "marriage"));
                "a daughter or son married before the survey"
            }
            _ => {
                self.household(at).people[n].left = Some((surveyed + 40, "moved"));
                "moved out, entered some weeks late"
            }
        };
        resize(self.household(at));
        let before = self.household(at).income(year - 1).map_or(4, |i| i.size);
        if let Some(i) = self.household(at).income(year) {
            i.size = before - 1;
            let per_capita = (line * before * 94 / 100 / i.size.max(1)).max(line + 100);
            i.set_per_capita(per_capita);
        }
        let case = self.household_case("CM19", job.planted, at, note);
        self.record_income(&case, at, year);
    }

    fn rewritten(&mut self, job: &Job, at: usize) {
        let year = self.exited(at);
        let per_capita = self.household(at).income(year).map_or(400_000, |i| i.per_capita);
        let values = ((per_capita * 82 / 10_000).to_string(), (per_capita / 100).to_string());
        let what = ("incomes", "per_capita");
        let during = day(year, 9, 12) + job.variant as i32 % 10;
        let (note, key) = match (job.planted, job.variant % 3) {
            (true, _) => ("income rewritten around a cross-check", self.revise(at, what, year, values, during, false)),
            (false, 0) => ("rewritten with an approval", self.revise(at, what, year, values, during, true)),
            (false, 1) => ("rewritten two months after the cross-check", self.revise(at, what, year, values, day(year, 11, 20), false)),
            _ => ("a phone changed during the cross-check", self.revise(at, ("households", "phone"), year, values, during, false)),
        };
        debug_assert!(civil(during).0 == year);
        let case = self.household_case("CM21", job.planted, at, note);
        self.village.truth.record(&case, "revisions", key);
    }
}
