//! Exits against the rules, and public lists that do not agree: FE01-04, QS13.

use super::Planting;
use crate::synth::calendar::{as_of, day};
use crate::synth::jobs::Job;
use crate::synth::model::Posted;

impl Planting<'_, '_> {
    pub(super) fn exits(&mut self, job: &Job, at: usize) {
        match (job.kind, job.planted) {
            ("FE01", true) => self.below_line(job, at),
            ("FE01", false) => self.above_line(job, at),
            ("FE02", true) => self.guarantee_unmet(job, at),
            ("FE02", false) => self.guarantee_met(job, at),
            ("FE03", true) => self.broken_chain(job, at),
            ("FE03", false) => self.sound_chain(job, at),
            ("FE04", planted) => self.publicity(job, at, planted),
            ("QS13", true) => self.lists_differ(job, at),
            ("QS13", false) => self.not_listed(job, at),
            _ => {}
        }
    }

    fn exit_year(&self, at: usize) -> i32 {
        self.village.households[at].exited_year.unwrap_or(self.layout.last_year)
    }

    fn set_income(&mut self, at: usize, year: i32, per_capita: i64) {
        if let Some(income) = self.household(at).income(year) {
            income.set_per_capita(per_capita);
        }
    }

    fn below_line(&mut self, job: &Job, at: usize) {
        let year = self.exit_year(at);
        let percent = self.draw.range(72, 93);
        let per_capita = self.line(year) * job.dose.map_or(percent, |under| 100 - under) / 100;
        self.set_income(at, year, per_capita);
        let case = self.household_case("FE01", true, at, "exited with an income under the line");
        self.record_event(&case, at, "exit_mark");
        self.record_income(&case, at, year);
    }

    fn above_line(&mut self, job: &Job, at: usize) {
        let year = self.exit_year(at);
        let line = self.line(year);
        let other = self.layout.policy.poverty_line(522_302_000_000, year);
        let (note, income) = match job.variant % 3 {
            1 => {
                self.withdraw(at);
                ("under the line, but the exit was withdrawn", line * 88 / 100)
            }
            // Above the own county's line and under that of the county with a line of its own.
            2 if other > line => ("above the line in force here, under another county's", (line + other) / 2),
            _ => ("just above the line", line + 3000),
        };
        self.set_income(at, year, income);
        let case = self.household_case("FE01", false, at, note);
        self.record_event(&case, at, "exit_mark");
        self.record_income(&case, at, year);
    }

    /// An objection ends the chain after its publicity; the household stays.
    fn withdraw(&mut self, at: usize) {
        let year = self.exit_year(at);
        let h = self.household(at);
        h.events.retain(|e| e.kind != "exit_announce");
        if let Some(mark) = h.event("exit_mark") {
            mark.kind = "exit_withdrawn";
            mark.reason = "公示期间有异议".into();
        }
        h.exited_year = None;
        debug_assert!(year > 0);
    }

    fn guarantee_unmet(&mut self, job: &Job, at: usize) {
        let year = self.exit_year(at);
        let notes = ["house graded dangerous", "child out of school", "member not insured", "no safe water"];
        let form = job.variant % 4;
        let spare = self.spare(at);
        let pupil = self.pupil(at);
        let h = self.household(at);
        if let Some(g) = h.guarantee(year) {
            match form {
                0 => g.house_grade = "D",
                1 => g.out_of_school = 1,
                2 => g.uninsured = 1,
                _ => g.safe_water = false,
            }
        }
        if form == 0 {
            // The snapshot agrees: the house stayed as it was.
            h.house_grade = "D";
            h.guarantees.iter_mut().filter(|g| g.year > year).for_each(|g| g.house_grade = "D");
        }
        if form == 1 {
            let id = h.people[pupil].id;
            h.people[pupil].school = "dropped";
            h.payments.retain(|p| !(p.payee == id && p.programme == "EDU"));
        }
        if form == 2 {
            h.people[spare].insured_from = None;
        }
        let case = self.household_case("FE02", true, at, notes[form]);
        self.record_event(&case, at, "exit_mark");
        let key = format!("{}/{year}", self.household_id(at));
        self.village.truth.record(&case, "guarantees", key);
    }

    fn guarantee_met(&mut self, job: &Job, at: usize) {
        let year = self.exit_year(at);
        let pupil = self.pupil(at);
        let h = self.household(at);
        let note = match job.variant % 3 {
            0 => {
                let id = h.people[pupil].id;
                h.people[pupil].school = "home_tuition";
                h.payments.retain(|p| !(p.payee == id && p.programme == "EDU"));
                if let Some(g) = h.guarantee(year) {
                    (g.out_of_school, g.home_tuition) = (1, 1);
                }
                "child taught at home for illness"
            }
            1 => {
                if let Some(g) = h.guarantee(year) {
                    (g.uninsured, g.insured_elsewhere) = (1, 1);
                }
                "member insured in another place"
            }
            _ => {
                if let Some(g) = h.guarantee(year - 1) {
                    g.house_grade = "D";
                }
                "house repaired before the exit"
            }
        };
        let case = self.household_case("FE02", false, at, note);
        self.record_event(&case, at, "exit_mark");
        let key = format!("{}/{year}", self.household_id(at));
        self.village.truth.record(&case, "guarantees", key);
    }

    fn pupil(&self, at: usize) -> usize {
        self.village.households[at].people.iter().position(|p| p.edu).unwrap_or(1)
    }

    fn broken_chain(&mut self, job: &Job, at: usize) {
        let case_note = ["verification missing", "consent after the publicity", "marked before the announcement"];
        let form = job.variant % 3;
        let case = self.household_case("FE03", true, at, case_note[form]);
        let h = self.household(at);
        match form {
            0 => h.events.retain(|e| e.kind != "exit_verify"),
            1 => {
                let ended = h.event("exit_publicity").and_then(|e| e.ended).unwrap_or_default();
                if let Some(consent) = h.event("exit_consent") {
                    // Between the end of the publicity and the announcement, at the earliest the next day.
                    (consent.on, consent.minute) = (ended, 1200);
                    consent.system_on = ended;
                }
            }
            _ => {
                let announced = h.event("exit_announce").map_or(0, |e| e.on);
                if let Some(mark) = h.event("exit_mark") {
                    mark.on = announced - 1;
                    mark.system_on = mark.on;
                }
            }
        }
        self.record_event(&case, at, "exit_mark");
        for kind in ["exit_review", "exit_consent", "exit_announce"] {
            self.record_event(&case, at, kind);
        }
    }

    fn sound_chain(&mut self, job: &Job, at: usize) {
        let note = match job.variant % 3 {
            0 => {
                let h = self.household(at);
                let marked = h.event("exit_mark").map_or(0, |e| e.on);
                if let Some(step) = h.event("exit_verify") {
                    (step.paper, step.system_on) = (true, (marked + 20).min(as_of()));
                }
                "verification done on paper and keyed late"
            }
            1 => {
                let h = self.household(at);
                let announced = h.event("exit_announce").map_or(0, |e| e.on);
                if let Some(step) = h.event("exit_announce") {
                    step.minute = 545;
                }
                if let Some(mark) = h.event("exit_mark") {
                    (mark.on, mark.minute, mark.system_on) = (announced, 930, announced);
                }
                "two steps on one day, in order"
            }
            _ => {
                self.withdraw(at);
                "exit withdrawn after an objection"
            }
        };
        let case = self.household_case("FE03", false, at, note);
        self.record_event(&case, at, "exit_mark");
        self.record_event(&case, at, "exit_withdrawn");
        self.record_event(&case, at, "exit_verify");
    }

    fn publicity(&mut self, job: &Job, at: usize, planted: bool) {
        let form = job.form(3, 0);
        let h = self.household(at);
        let note = match (planted, form) {
            (true, 1) => {
                let day = h.event("exit_review").map_or(0, |e| e.on);
                for (n, e) in h.events.iter_mut().filter(|e| e.kind.starts_with("exit_")).enumerate() {
                    (e.on, e.system_on, e.minute) = (day, day, 540 + 40 * n as i64);
                    e.ended = e.ended.map(|_| day);
                }
                "whole exit on one day"
            }
            (true, _) => {
                if let Some(e) = h.event("exit_publicity") {
                    let missing = job.dose(if form == 0 { 4 } else { 2 });
                    e.ended = Some(e.on + 7 - missing as i32);
                }
                "posted for too few days"
            }
            (false, 1) => {
                let keyed = h.event("exit_mark").map_or(0, |e| e.on) + 6;
                for e in h.events.iter_mut().filter(|e| e.kind.starts_with("exit_")) {
                    (e.paper, e.system_on) = (true, keyed);
                }
                "done on paper in time, keyed in one batch"
            }
            (false, _) => {
                if let Some(e) = h.event("exit_publicity") {
                    e.ended = Some(e.on + 7);
                }
                "posted for exactly seven days"
            }
        };
        let case = self.household_case("FE04", planted, at, note);
        self.record_event(&case, at, "exit_publicity");
        self.record_event(&case, at, "exit_review");
        self.record_event(&case, at, "exit_mark");
    }

    fn lists_differ(&mut self, job: &Job, at: usize) {
        let year = self.exit_year(at);
        match job.variant % 4 {
            0 => {
                self.household(at).unlisted_exit = true;
                let case = self.household_case("QS13", true, at, "exit was not posted");
                self.record_event(&case, at, "exit_mark");
            }
            1 => {
                let case = self.household_case("QS13", true, at, "posted as exited, no exit in the register");
                self.post(&case, at, None, year);
            }
            2 => {
                let paid = day(year, 8, 20);
                let number = self.new_payment(at, "HOUSE", "C", year, 8, 100, paid);
                self.household(at).unlisted_grant = true;
                let case = self.household_case("QS13", true, at, "grant was not posted");
                self.record_payment(&case, number);
            }
            _ => {
                let case = self.household_case("QS13", true, at, "grant posted, none paid");
                self.post(&case, at, Some(("HOUSE", 1_200_000)), year);
            }
        }
    }

    fn post(&mut self, case: &crate::synth::truth::Case, at: usize, programme: Option<(&'static str, i64)>, year: i32) {
        let on = day(year, 7, 12);
        self.village.posted.push(Posted { household: at, programme, year, on });
        let key = self.village.key('L', self.village.posted.len());
        self.village.truth.record(case, "public_list", key);
    }

    fn not_listed(&mut self, job: &Job, at: usize) {
        let year = self.exit_year(at);
        self.household(at).private = true;
        let case = self.household_case("QS13", false, at, "not named for the protection of a member");
        self.record_event(&case, at, "exit_mark");
        if !job.variant.is_multiple_of(2) {
            let number = self.new_payment(at, "HOUSE", "C", year, 8, 100, day(year, 8, 21));
            self.record_payment(&case, number);
        }
    }
}
