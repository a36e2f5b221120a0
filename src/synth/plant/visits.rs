//! Attendance and visits: WA01-04, WA06, WA07.

use super::Planting;
use crate::synth::calendar::{civil, day, month_days};
use crate::synth::ids::Id;
use crate::synth::jobs::Job;
use crate::synth::model::{Absence, Days, Posting, Visit};
use crate::synth::truth::Case;
use crate::synth::village::{attend, outsider, resident, visit};

impl Planting<'_, '_> {
    pub(super) fn visits(&mut self, job: &Job, at: &[usize]) {
        match job.kind {
            "WA01" => self.short_months(job),
            "WA02" => self.two_posts(job),
            "WA03" => self.too_fast(job, at),
            "WA04" => self.too_many(job),
            "WA06" => self.nobody_there(job, at[0]),
            "WA07" => self.same_note(job, at),
            _ => {}
        }
    }

    fn new_cadre(&mut self) -> Id {
        let starts = day(self.layout.first_year, 1, 5);
        resident(self.layout, self.village, self.ids, self.draw, starts)
    }

    fn cadre_case(&mut self, kind: &'static str, planted: bool, cadre: Id, note: &'static str) -> Case {
        self.village.truth.case(kind, planted, "cadre", cadre.text().to_string(), note)
    }

    fn posting(&mut self, cadre: Id, region: i64, full_time: bool, starts: Days, ends: Days) -> String {
        let role = if full_time { "team_member" } else { "adviser" };
        self.village.postings.push(Posting { cadre, region, role, full_time, starts, ends: Some(ends) });
        self.village.key('S', self.village.postings.len())
    }

    fn short_months(&mut self, job: &Job) {
        let year = self.later_year(job);
        let cadre = self.new_cadre();
        let region = self.village.site.code;
        let posting = self.posting(cadre, region, true, day(year, 3, 1), day(year, 8, 31));
        let excused = if job.variant.is_multiple_of(2) { "leave" } else { "training" };
        let note = match (job.planted, excused) {
            (true, _) => "too few days in the village, no leave",
            (false, "leave") => "the missing days were approved leave",
            _ => "the missing days were ordered training",
        };
        let case = self.cadre_case("WA01", job.planted, cadre, note);
        self.village.truth.record(&case, "postings", posting);
        for month in 3..=8 {
            let short = month == 4 + (job.variant % 2) as i32 || month == 7;
            let from = self.village.attendance.len();
            let states: &[(&'static str, i64)] = match (short, job.planted) {
                (false, _) => &[("present", 22)],
                (true, true) => &[("present", 20 - job.dose(8)), ("absent", 3)],
                (true, false) => &[("present", 12), (excused, 10)],
            };
            attend(self.village, self.draw, cadre, year, month, states);
            if short {
                for n in from..self.village.attendance.len() {
                    let (y, m, d) = civil(self.village.attendance[n].1);
                    let key = format!("{}/{y}-{m:02}-{d:02}", cadre.text());
                    self.village.truth.record(&case, "attendance", key);
                }
            }
        }
    }

    fn two_posts(&mut self, job: &Job) {
        let year = self.later_year(job);
        let sites = &self.layout.sites;
        let (here, there) = (self.village.site.code, sites[(self.village.site.index + 1) % sites.len()].code);
        let cadre = self.new_cadre();
        let adviser = !job.planted && !job.variant.is_multiple_of(2);
        let note = match (job.planted, adviser) {
            (true, _) => "two full-time posts at once",
            (_, true) => "the second post is that of an adviser",
            _ => "one shared day for the hand-over",
        };
        let case = self.cadre_case("WA02", job.planted, cadre, note);
        let handed = day(year, 6, 15);
        let first_ends = if job.planted || adviser { handed + 45 } else { handed };
        let first = self.posting(cadre, here, true, day(year, 3, 1), first_ends);
        let second = self.posting(cadre, there, !adviser, handed, day(year, 9, 30));
        self.village.truth.record(&case, "postings", first);
        self.village.truth.record(&case, "postings", second);
        for month in 3..=9 {
            attend(self.village, self.draw, cadre, year, month, &[("present", 22)]);
        }
        debug_assert_eq!(month_days(year, 9), 30);
    }

    fn record_visit(&mut self, case: &Case, visit: Visit) {
        self.village.visits.push(visit);
        let key = self.village.key('V', self.village.visits.len());
        self.village.truth.record(case, "visits", key);
    }

    fn visit(&mut self, cadre: Id, at: usize, on: Days, minute: i64, minutes: i64) -> Visit {
        let made = visit(self.village, self.draw, cadre, at, on);
        Visit { minute, minutes, ..made }
    }

    fn too_fast(&mut self, job: &Job, at: &[usize]) {
        let on = day(self.later_year(job), 11, 5);
        let cadre = self.new_cadre();
        let form = job.variant % 3;
        let first = self.visit(cadre, at[0], on, 560, 20);
        let mut second = self.visit(cadre, at[1], on, 600, 25);
        let note = match (job.planted, form) {
            (true, _) => {
                // About a hundred kilometres in twenty minutes.
                second.lat = first.lat + job.dose.map_or(900_000, |km| 9_009 * km);
                "farther than anyone can drive in the time"
            }
            (false, 0) => {
                (second.kind, second.lat) = ("phone", first.lat + 900_000);
                "the second was a call"
            }
            (false, 1) => {
                (second.minute, second.lat) = (581, first.lat + 18_000);
                "position off by two kilometres"
            }
            _ => {
                (second.minute, second.lat, second.entered) = (900, first.lat + 300_000, on + 12);
                "far, with hours to drive, uploaded late"
            }
        };
        let case = self.cadre_case("WA03", job.planted, cadre, note);
        self.record_visit(&case, first);
        self.record_visit(&case, second);
    }

    fn too_many(&mut self, job: &Job) {
        let on = day(self.later_year(job), 11, 12);
        let cadre = self.new_cadre();
        let brief = job.planted && job.form(2, 0) == 1;
        let count = if brief { 6 } else { job.dose(26) as usize }.min(self.village.households.len());
        let note = match (job.planted, brief) {
            (true, true) => "visits of two minutes",
            (true, _) => "more homes than a day has room for",
            _ => "one meeting for many households",
        };
        let case = self.cadre_case("WA04", job.planted, cadre, note);
        for at in 0..count {
            let (minute, minutes) = match (job.planted, brief) {
                (true, true) => (540 + 9 * at as i64, 2),
                (true, _) => (440 + 22 * at as i64, 9),
                _ => (570, 90),
            };
            let mut visit = self.visit(cadre, at, on, minute, minutes);
            if !job.planted {
                visit.kind = "meeting";
                (visit.lat, visit.lon) = (self.village.site.lat, self.village.site.lon);
            }
            self.record_visit(&case, visit);
        }
    }

    fn nobody_there(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let cadre = self.new_cadre();
        let on = day(year, 6, 12);
        let dead = job.planted && !job.variant.is_multiple_of(2);
        let mut visit = self.visit(cadre, at, on, 610, 30);
        if dead {
            let n = self.elder(at);
            let person = self.person(at, n);
            let died = day(year, 1, 25);
            self.kill(at, n, died, Some(died + 33), died);
            visit.met = Some(person.id);
            let case = self.cadre_case("WA06", true, cadre, "met a person who had died");
            self.last_registered(&case);
            self.record_visit(&case, visit);
            return;
        }
        let (starts, ends) = (day(year, 5, 28), day(year, 7, 6));
        // The helper's own visit of the year is not in that time.
        for v in self.village.visits.iter_mut().filter(|v| v.household == at && (starts..=ends).contains(&v.on)) {
            let delay = v.entered - v.on;
            v.on += 60;
            v.entered = v.on + delay;
        }
        let (whole, note) = match (job.planted, job.variant % 3) {
            (true, _) => (true, "the whole household was away"),
            (false, 0) => (false, "some members stayed at home"),
            (false, 1) => {
                visit.met_who = "relative";
                visit.met = Some(outsider(self.layout, self.ids, self.draw, 40, 60).id);
                (true, "a relative was met")
            }
            _ => {
                visit.kind = "phone";
                (true, "a call, not a visit")
            }
        };
        self.village.absences.push(Absence { household: at, whole, starts, ends, place: "广东" });
        let case = self.cadre_case("WA06", job.planted, cadre, note);
        let key = self.village.key('L', self.village.absences.len());
        self.village.truth.record(&case, "absences", key);
        self.record_visit(&case, visit);
    }

    fn same_note(&mut self, job: &Job, at: &[usize]) {
        let cadre = self.new_cadre();
        let on = day(self.later_year(job), 10, 9);
        let first = self.visit(cadre, at[0], on, 600, 30);
        let body = crate::synth::village::note(self.draw, "该户");
        let note = if job.planted { "the same note for three households" } else { "a short template heading" };
        let case = self.cadre_case("WA07", job.planted, cadre, note);
        for (n, &h) in at.iter().enumerate() {
            let mut visit = self.visit(cadre, h, on + 3 * n as i32, 600, 30);
            visit.note = match (job.planted, n) {
                (true, 1..) if job.dose.is_some() => partly(&body, &visit.note, job.dose(0)),
                (true, 2) => format!("{body}已拍照。"),
                (true, _) => body.clone(),
                _ => "入户走访政策宣传".to_string(),
            };
            self.record_visit(&case, visit);
        }
        debug_assert!(first.on == on);
    }
}

/// The first note with so many per cent of its characters, at the end, from another.
fn partly(first: &str, other: &str, percent: i64) -> String {
    let all = first.chars().count();
    let own = all * percent as usize / 100;
    let kept = first.chars().take(all - own);
    kept.chain(other.chars().rev().take(own).collect::<Vec<_>>().into_iter().rev()).collect()
}
