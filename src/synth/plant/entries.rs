//! How visits were recorded, and states that come and go: WA08-10, QS09, RB07.

use super::Planting;
use crate::synth::calendar::day;
use crate::synth::household::exit_chain;
use crate::synth::ids::Id;
use crate::synth::jobs::Job;
use crate::synth::model::{Days, Monitor, Visit};
use crate::synth::truth::Case;
use crate::synth::village::{resident, visit};

/// Days between the visits of a case that has many.
const STEP: Days = 2;
/// Visits of such a case.
const MANY: usize = 12;

impl Planting<'_, '_> {
    pub(super) fn entries(&mut self, job: &Job, at: &[usize]) {
        match job.kind {
            "WA08" => self.same_photo(job, at),
            "WA09" => self.same_device(job, at),
            "WA10" => self.late_entry(job, at[0]),
            "QS09" => self.by_turns(job, at[0]),
            "RB07" => self.watched_by_turns(job, at[0]),
            _ => {}
        }
    }

    fn visitor(&mut self) -> Id {
        let starts = day(self.layout.first_year, 1, 5);
        resident(self.layout, self.village, self.ids, self.draw, starts)
    }

    fn visitor_case(&mut self, job: &Job, cadre: Id, note: &'static str) -> Case {
        self.village.truth.case(job.kind, job.planted, "cadre", cadre.text().to_string(), note)
    }

    fn add_visit(&mut self, case: &Case, visit: Visit) {
        self.village.visits.push(visit);
        let key = self.village.key('V', self.village.visits.len());
        self.village.truth.record(case, "visits", key);
    }

    fn same_photo(&mut self, job: &Job, at: &[usize]) {
        let on = day(self.later_year(job), 8, 6);
        let cadre = self.visitor();
        let mut first = visit(self.village, self.draw, cadre, at[0], on);
        (first.minute, first.minutes) = (560, 20);
        let photo = format!("{:016x}", self.draw.range(1, i64::MAX));
        let mut second = Visit { photo: Some(photo.clone()), ..first.clone() };
        first.photo = Some(photo);
        let note = match (job.planted, job.variant % 3) {
            (true, 1) => {
                (second.on, second.entered) = (on + 21, on + 21);
                "one photo for two days"
            }
            (true, _) => {
                (second, second.minute) = (self.at_home(second, at[1]), 620);
                "one photo for two households"
            }
            (false, 0) => {
                (first.kind, second.kind) = ("meeting", "meeting");
                second = self.at_home(second, at[1]);
                "a group photo of a meeting"
            }
            (false, 1) => {
                second.cadre = self.visitor();
                "two helpers in one household"
            }
            _ => {
                self.household(at[1]).lodged_with = Some(at[0] + 1);
                (second, second.minute) = (self.at_home(second, at[1]), 585);
                "two households under one roof"
            }
        };
        let case = self.visitor_case(job, cadre, note);
        self.add_visit(&case, first);
        self.add_visit(&case, second);
    }

    /// The same visit in the home of another household.
    fn at_home(&mut self, like: Visit, household: usize) -> Visit {
        let made = visit(self.village, self.draw, like.cadre, household, like.on);
        Visit { kind: like.kind, minute: like.minute, minutes: like.minutes, photo: like.photo, entered: like.entered, ..made }
    }

    fn same_device(&mut self, job: &Job, at: &[usize]) {
        let from = day(self.later_year(job), 5, 8);
        let form = job.variant % 3;
        let one_place = if job.planted { form == 1 } else { form == 2 };
        let people = match (job.planted, form) {
            _ if one_place => 1,
            (false, 1) => 2,
            _ => 3,
        };
        let cadres: Vec<Id> = (0..people).map(|_| self.visitor()).collect();
        let note = match (job.planted, form) {
            (true, 1) => "one place to the metre for weeks",
            (true, _) => "three people on one device",
            (false, 0) => "the terminal of the office, for meetings",
            (false, 1) => "two helpers share a phone",
            _ => "one household visited again and again",
        };
        let case = self.visitor_case(job, cadres[0], note);
        let device = format!("SB{:05}X{}", self.village.site.index + 1, self.village.visits.len());
        for n in 0..MANY {
            // One household alone is visited where the case says so.
            let household = at[if job.planted || form != 2 { n % 2 } else { 0 }];
            let mut made = visit(self.village, self.draw, cadres[n % people], household, from + STEP * n as Days);
            if one_place {
                (made.lat, made.lon) = self.village.home(at[0] + 1);
            } else {
                made.device = Some(device.clone());
            }
            if !job.planted && form == 0 {
                made.kind = "meeting";
                (made.lat, made.lon) = (self.village.site.lat, self.village.site.lon);
            }
            self.add_visit(&case, made);
        }
    }

    fn late_entry(&mut self, job: &Job, at: usize) {
        let from = day(self.later_year(job), 6, 3);
        let form = job.form(3, 0);
        let many = if job.planted { form == 1 } else { form == 2 };
        let cadre = self.visitor();
        let note = match (job.planted, form) {
            (true, 1) => "visits of weeks entered on one day",
            (true, _) => "entered after a month and a half",
            (false, 0) => "entered after thirty days",
            (false, 1) => "a call entered late",
            _ => "many visits, each entered in time",
        };
        let case = self.visitor_case(job, cadre, note);
        for n in 0..if many { MANY } else { 1 } {
            let on = from + STEP * n as Days;
            let mut made = visit(self.village, self.draw, cadre, at, on);
            made.entered = match (job.planted, form) {
                (true, 1) => from + STEP * MANY as Days,
                (true, _) => on + job.dose(45) as i32,
                (false, 0) => on + 30,
                (false, 1) => on + 60,
                _ => made.entered,
            };
            if !job.planted && form == 1 {
                made.kind = "phone";
            }
            self.add_visit(&case, made);
        }
    }

    fn by_turns(&mut self, job: &Job, at: usize) {
        let first = self.layout.first_year;
        let marked = self.household(at).event("exit_mark").map_or(day(first, 12, 1), |e| e.on);
        self.event(at, "return", marked + 190);
        self.household(at).returned = true;
        if job.planted {
            let again = self.village.households[at].clone();
            let steps = exit_chain(self.layout, self.village, self.draw, &again, first + 2);
            let last = steps.last().map_or(marked + 700, |e| e.on);
            self.household(at).events.extend(steps);
            self.event(at, "return", last + 160);
        }
        let note = if job.planted { "exited twice and back twice" } else { "exited once and back once" };
        let case = self.household_case("QS09", job.planted, at, note);
        self.record_states(&case, at, &["identify", "return", "exit_mark"]);
    }

    fn watched_by_turns(&mut self, job: &Job, at: usize) {
        let first = self.layout.first_year;
        let marked = self.household(at).event("exit_mark").map_or(day(first, 12, 1), |e| e.on);
        let spells = if job.planted { 3 } else { 2 };
        // Each spell lasts longer than the half-year that a clearing takes.
        for spell in 0..spells {
            let found = marked + 40 + 290 * spell;
            if spell + 1 < spells {
                self.event(at, "risk_on", found);
                self.event(at, "risk_off", found + 200);
            } else {
                self.watch(at, "unstable", found, true);
            }
        }
        debug_assert!(matches!(self.household(at).monitor, Some(Monitor { cleared: None, .. })));
        let note = if job.planted { "monitored three times" } else { "monitored twice" };
        let case = self.household_case("RB07", job.planted, at, note);
        self.record_states(&case, at, &["risk_on", "risk_off"]);
    }

    fn record_states(&mut self, case: &Case, at: usize, kinds: &[&str]) {
        let numbers: Vec<usize> = self.village.households[at].events.iter().filter(|e| kinds.contains(&e.kind)).map(|e| e.number).collect();
        for number in numbers {
            let key = self.village.event_id(number);
            self.village.truth.record(case, "events", key);
        }
    }
}
