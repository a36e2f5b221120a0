//! Exits that their own evidence speaks against: FE05-09, FE12-14.

use super::{Planting, resize};
use crate::synth::calendar::{civil, day, year_of};
use crate::synth::household;
use crate::synth::jobs::Job;
use crate::synth::model::*;
use crate::synth::offices::check;

impl Planting<'_, '_> {
    pub(super) fn evidence(&mut self, job: &Job, at: &[usize]) {
        match job.kind {
            "FE05" => self.consent(job, at[0]),
            "FE06" => self.without_help(job, at[0]),
            "FE07" => self.flash(job, at[0]),
            "FE08" => self.without_labour(job, at[0]),
            "FE09" => self.relief(job, at[0]),
            "FE12" => self.edited(job, at[0]),
            "FE13" => self.same_house(job, at),
            "FE14" => self.left_and_back(job, at[0]),
            _ => {}
        }
    }

    fn year_of_exit(&self, at: usize) -> i32 {
        self.village.households[at].exited_year.unwrap_or(self.layout.last_year)
    }

    fn consent(&mut self, job: &Job, at: usize) {
        let on = self.household(at).event("exit_consent").map_or(0, |e| e.on);
        let head = self.village.households[at].head;
        let elder = self.elder(at);
        let form = job.variant % 3;
        let note = match (job.planted, form) {
            (true, 0) => {
                let signer = self.person(at, elder).id;
                self.kill(at, elder, on - 25, Some(on + 40), on - 25);
                if let Some(consent) = self.household(at).event("exit_consent") {
                    consent.signer = Some(signer);
                }
                "consent signed by a member who had died"
            }
            (true, 1) => "consent signed while the head lay in hospital",
            (true, _) => "consent signed while the household was away",
            (false, 0) => "consent signed on the day of the discharge",
            (false, 1) => "some members had stayed at home",
            _ => "in hospital, a guardian may sign",
        };
        let case = self.household_case("FE05", job.planted, at, note);
        self.record_event(&case, at, "exit_consent");
        match (job.planted, form) {
            (true, 0) => self.last_registered(&case),
            (true, 1) | (false, 0 | 2) => {
                let discharged = if job.planted || form == 2 { on + 8 } else { on };
                self.village.claims.push(Claim { id: head, household: at, admitted: on - 5, discharged, total: 820_000, own: 110_000 });
                let key = self.village.key('C', self.village.claims.len());
                self.village.truth.record(&case, "claims", key);
            }
            _ => {
                let (starts, ends) = (on - 30, on + 40);
                self.village.absences.push(Absence { household: at, whole: job.planted, starts, ends, place: "广东" });
                let key = self.village.key('L', self.village.absences.len());
                self.village.truth.record(&case, "absences", key);
            }
        }
        if !job.planted && form == 2 {
            let trustee = self.person(at, 1).id;
            let starts = self.village.households[at].identified;
            self.village.trustees.push(Trustee { ward: head, trustee: Some(trustee), kind: "guardian", starts });
        }
    }

    fn without_help(&mut self, job: &Job, at: usize) {
        let marked = self.marked_on(at);
        let note = match (job.planted, job.variant % 2) {
            (true, _) => {
                self.household(at).measures.clear();
                "exited without any assistance"
            }
            (false, 0) => {
                let h = self.household(at);
                h.measures.truncate(1);
                for m in &mut h.measures {
                    (m.starts, m.ends) = (marked, None);
                }
                "assistance began on the day of the exit"
            }
            _ => {
                self.household(at).measures.clear();
                let paid = marked - 40;
                let (year, month, _) = civil(paid);
                self.new_payment(at, "HOUSE", "C", year, month, 100, paid);
                "the house was repaired with a grant"
            }
        };
        let case = self.household_case("FE06", job.planted, at, note);
        self.record_event(&case, at, "exit_mark");
    }

    /// The household enters the register on that day: what came before falls away.
    fn enter(&mut self, at: usize, on: Days) {
        let mut h = self.village.households[at].clone();
        h.identified = on;
        for p in &mut h.people {
            p.joined = on;
        }
        h.payments.retain(|p| p.paid_on > on + 10);
        h.entitlements = household::entitlements(&h.payments);
        h.incomes.retain(|i| i.surveyed >= on);
        h.guarantees.retain(|g| g.year >= year_of(on));
        for g in &mut h.guarantees {
            g.verified_at = g.verified_at.max(on + 5);
        }
        for m in &mut h.measures {
            m.starts = m.starts.max(on + 30);
        }
        h.events.retain(|e| e.kind.starts_with("exit_"));
        household::entry_chain(self.village, self.draw, &mut h);
        resize(&mut h);
        self.village.households[at] = h;
    }

    fn flash(&mut self, job: &Job, at: usize) {
        let marked = self.marked_on(at);
        let days = job.dose(200 + job.variant as i64 % 5 * 25) as i32;
        let note = match (job.planted, job.variant % 2) {
            (true, _) => {
                self.enter(at, marked - days);
                "identified and exited within a year"
            }
            (false, 0) => {
                self.enter(at, marked - 372);
                "exited a year and a week after the entry"
            }
            _ => {
                self.enter(at, marked - days);
                self.event(at, "restore", marked - days);
                "entered again after a wrong removal"
            }
        };
        let case = self.household_case("FE07", job.planted, at, note);
        self.record_event(&case, at, "exit_mark");
    }

    fn without_labour(&mut self, job: &Job, at: usize) {
        let year = self.year_of_exit(at);
        let able = !job.planted && job.variant % 2 == 1;
        let h = self.household(at);
        for (n, p) in h.people.iter_mut().enumerate() {
            if able && n == 0 {
                (p.health, p.work_months) = ("chronic", 8);
            } else if p.school == "none" {
                (p.health, p.work_months) = ("severe", 0);
            }
        }
        let before = h.income(year - 1).map_or(300_000, |i| i.per_capita);
        let mut share = job.dose(218);
        for i in h.incomes.iter_mut() {
            if i.year >= year {
                i.set_per_capita(before * share / 100);
                share += 9;
            }
            if !able {
                (i.operating, i.wage) = (i.operating + i.wage, 0);
            }
            i.migrant_months = 0;
            if i.year == year && !job.planted && !able {
                let paid = i.net * 45 / 10_000 * 100;
                let moved = paid.min(i.operating - 10_000);
                (i.operating, i.property, i.one_off) = (i.operating - moved, i.property + moved, moved);
            }
            i.total();
        }
        let note = match (job.planted, able) {
            (true, _) => "income doubled in the exit year, nobody able to work",
            (false, true) => "the head is able to work",
            _ => "a documented payment explains the rise",
        };
        let case = self.household_case("FE08", job.planted, at, note);
        self.record_income(&case, at, year);
    }

    /// A month of the minimum allowance, declared as a transfer.
    fn allowance(&mut self, at: usize, on: Days) -> usize {
        let (year, month, _) = civil(on);
        let size = self.village.households[at].size();
        let number = self.new_payment(at, "DIBAO", "C", year, month, size * 100, on);
        let amount = self.village.households[at].payments.last().map_or(0, Payment::amount);
        if let Some(i) = self.household(at).income(year) {
            i.transfer += amount;
            i.total();
        }
        number
    }

    fn relief(&mut self, job: &Job, at: usize) {
        let (marked, year) = (self.marked_on(at), self.year_of_exit(at));
        let graded = day(year + 1, 1, 8);
        let house = job.planted && job.form(2, 0) == 1 && graded - marked <= 175;
        let note = match (job.planted, house, job.variant % 3) {
            (true, true, _) => "the house was graded dangerous soon after the exit",
            (true, false, _) => "the minimum allowance began soon after the exit",
            (false, _, 0) => "the allowance began more than half a year later",
            (false, _, 1) => "put on the watch list first, then the allowance",
            _ => "the allowance went on as before",
        };
        let case = self.household_case("FE09", job.planted, at, note);
        self.record_event(&case, at, "exit_mark");
        if house {
            let h = self.household(at);
            h.house_grade = "D";
            for g in h.guarantees.iter_mut().filter(|g| g.year > year) {
                g.house_grade = "D";
                if g.year == year + 1 {
                    g.verified_at = graded;
                }
            }
            return;
        }
        if !job.planted && job.variant % 3 == 1 {
            self.watch(at, "sudden", marked + 30, true);
        }
        if !job.planted && job.variant % 3 == 2 {
            self.allowance(at, marked - 90);
        }
        let after = if !job.planted && job.variant % 3 == 0 { 215 } else { job.dose(100) as i32 };
        let number = self.allowance(at, marked + after);
        self.record_payment(&case, number);
    }

    fn edited(&mut self, job: &Job, at: usize) {
        let year = self.year_of_exit(at);
        let form = job.variant % 3;
        let exit = ("households", "exited_year");
        let values = (String::new(), year.to_string());
        let (note, key) = match (job.planted, form) {
            (true, 2) => {
                let key =
                    self.revise(at, ("households", "status"), year, ("not_exited".into(), "exited".into()), day(year + 1, 6, 11), false);
                ("exit status changed during an inspection", key)
            }
            (true, _) => ("exit year changed after the close", self.revise(at, exit, year, values, day(year + 1, 2, 10), false)),
            (false, 0) => ("changed after the close with an approval", self.revise(at, exit, year, values, day(year + 1, 2, 10), true)),
            (false, 1) => ("changed before the close", self.revise(at, exit, year, values, day(year + 1, 1, 8), false)),
            _ => {
                let phones = ("households", "phone");
                ("a phone changed after the close", self.revise(at, phones, year, ("1".into(), "2".into()), day(year + 1, 2, 10), false))
            }
        };
        let case = self.household_case("FE12", job.planted, at, note);
        self.village.truth.record(&case, "revisions", key);
    }

    fn same_house(&mut self, job: &Job, at: &[usize]) {
        let form = job.variant % 3;
        let dates: Vec<(i32, Days)> = at.iter().map(|&h| (self.year_of_exit(h), self.marked_on(h) - 6)).collect();
        let first = check(self.village, at[0], dates[0].0, dates[0].1);
        let mut second = check(self.village, at[1], dates[1].0, dates[1].1);
        let note = match (job.planted, form) {
            (true, 0) | (false, 0) => {
                second.photo.clone_from(&first.photo);
                if !job.planted {
                    self.household(at[1]).lodged_with = Some(at[0] + 1);
                }
                if job.planted { "one photo for two houses" } else { "two households in one courtyard" }
            }
            (true, 1) => {
                second.sheet.clone_from(&first.sheet);
                "one sheet for two houses"
            }
            (true, _) => {
                (second.lat, second.lon) = (first.lat + 8, first.lon - 6);
                "two checks at one place"
            }
            (false, 1) => {
                // The same household, checked again a month before.
                second = HouseCheck { on: first.on - 30, ..first.clone() };
                "one household checked twice with one photo"
            }
            _ => {
                (second.lat, second.lon) = (first.lat + 90, first.lon + 90);
                "houses side by side"
            }
        };
        let case = self.household_case("FE13", job.planted, at[0], note);
        for one in [first, second] {
            self.village.checks.push(one);
            let key = self.village.key('O', self.village.checks.len());
            self.village.truth.record(&case, "house_checks", key);
        }
    }

    fn left_and_back(&mut self, job: &Job, at: usize) {
        let year = self.year_of_exit(at);
        let n = self.spare(at);
        let left = day(year, 4, 10);
        let back = day(year + 1, 3, 1) + job.variant as i32 % 40;
        let (reason, returns, note) = match (job.planted, job.variant % 3) {
            (true, 0) => ("moved", true, "moved away on paper in the exit year and came back"),
            (true, 1) => ("death", true, "dead on paper in the exit year and came back"),
            (true, _) => ("death", false, "dead on paper in the exit year, no death registered"),
            (false, 0) => ("deleted", true, "a wrong removal, put right by a restore"),
            (false, 1) => ("marriage", true, "left by marriage and came back"),
            _ => ("death", false, "died in the exit year"),
        };
        let case = self.person_case("FE14", job.planted, at, n, note);
        if !job.planted && reason == "death" {
            self.kill(at, n, left, Some(left + 30), left);
        } else {
            self.household(at).people[n].left = Some((left, reason));
        }
        self.record_member(&case, at, n);
        if returns {
            let number = self.village.next_person();
            // Registers keep the one person they know.
            let again = Person { number, joined: back, left: None, in_registers: false, ..self.person(at, n) };
            self.household(at).people.push(again);
            if !job.planted && reason == "deleted" {
                self.event(at, "restore", back);
            }
        }
        resize(self.household(at));
    }
}
