//! Helpers and what becomes of a household after its exit: WA05, WA11-13, WA15, RB01, RB02, RB08, RB09, RB12.

use super::{Planting, entitlements, resize};
use crate::synth::calendar::{as_of, civil, day, month_days};
use crate::synth::files::T;
use crate::synth::ids::Id;
use crate::synth::jobs::Job;
use crate::synth::kept::Cell;
use crate::synth::model::{Absence, Cadre, Claim, Days, Entitlement, Measure, Posting};
use crate::synth::truth::Case;
use crate::synth::village::{attend, outsider, visit};

use Cell::{Day, Empty, Month};

impl Planting<'_, '_> {
    pub(super) fn helpers(&mut self, job: &Job, at: Option<usize>) {
        match (job.kind, at) {
            ("WA05", _) => self.elsewhere(job),
            ("WA11", Some(at)) => self.left_alone(job, at),
            ("WA12", Some(at)) => self.kin_helped(job, at),
            ("WA13", _) => self.paid_days(job),
            ("WA15", _) => self.one_weekday(job),
            ("RB01", Some(at)) => self.benefits_stop(job, at),
            ("RB02", Some(at)) => self.helper_leaves(job, at),
            ("RB08", Some(at)) => self.watched_only(job, at),
            ("RB09", Some(at)) => self.visits_drop(job, at),
            ("RB12", Some(at)) => self.job_ends(job, at),
            _ => {}
        }
    }

    /// A cadre from outside; gives the id.
    fn newcomer(&mut self, starts: Days) -> crate::synth::model::Person {
        let person = outsider(self.layout, self.ids, self.draw, 28, 50);
        let phone = self.village.new_phone();
        self.village.cadres.push(Cadre { id: person.id, name: person.name.clone(), resident: true, role: "resident", phone, starts });
        person
    }

    fn of_cadre(&mut self, job: &Job, cadre: Id, note: &'static str) -> Case {
        self.village.truth.case(job.kind, job.planted, "cadre", cadre.text().to_string(), note)
    }

    /// A full-time posting of one month with attendance; gives the days present.
    fn month_on_post(&mut self, cadre: Id, year: i32, month: i32, states: &[(&'static str, i64)]) -> Vec<Days> {
        let region = self.village.site.code;
        let (starts, ends) = (day(year, month, 1), day(year, month, month_days(year, month)));
        self.village.postings.push(Posting { cadre, region, role: "team_member", full_time: true, starts, ends: Some(ends) });
        let from = self.village.attendance.len();
        attend(self.village, self.draw, cadre, year, month, states);
        self.village.attendance[from..].iter().filter(|a| a.2 == "present").map(|a| a.1).collect()
    }

    fn record_attendance(&mut self, case: &Case, cadre: Id, on: Days) {
        let (y, m, d) = civil(on);
        self.village.truth.record(case, "attendance", format!("{}/{y}-{m:02}-{d:02}", cadre.text()));
    }

    fn elsewhere(&mut self, job: &Job) {
        let year = self.later_year(job);
        let cadre = self.newcomer(day(self.layout.first_year, 1, 5));
        let present = self.month_on_post(cadre.id, year, 9, &[("present", 24)]);
        let on = present[10];
        let (here, counties) = (self.village.site.county, self.layout.counties.len());
        let (from, to) = (self.layout.counties[here].code, self.layout.counties[(here + 1) % counties].code);
        let note = match (job.planted, job.variant % 3) {
            (true, 0) => "present on days in hospital",
            (true, 1) => "present on a day of travel to another county",
            (true, _) => "present on days abroad",
            (false, 0) => "present again on the day of the discharge",
            (false, 1) => "left in the evening",
            _ => "by bus within the county",
        };
        let case = self.of_cadre(job, cadre.id, note);
        match (job.planted, job.variant % 3) {
            (planted, 0) => {
                let (admitted, discharged) = if planted { (on - 3, on + 3) } else { (on - 1, on) };
                self.village.claims.push(Claim { id: cadre.id, household: 0, admitted, discharged, total: 510_000, own: 46_000 });
                let key = self.village.key('C', self.village.claims.len());
                self.village.truth.record(&case, "claims", key);
            }
            (true, 1) => self.trip(&case, cadre.id, "rail", from, to, on, 560),
            (true, _) => {
                let cells = vec![cadre.id.into(), (&cadre.name).into(), "abroad".into(), Day(on - 3), Day(on + 3)];
                self.keep_numbered(&case, T::Custody, 'U', cells);
            }
            (false, 1) => self.trip(&case, cadre.id, "rail", from, to, on, 1_110),
            _ => self.trip(&case, cadre.id, "bus", from, from, on, 560),
        }
        let clashes: Vec<Days> =
            present.into_iter().filter(|&d| if job.variant % 3 == 1 { d == on } else { (on - 2..=on + 2).contains(&d) }).collect();
        for d in clashes {
            self.record_attendance(&case, cadre.id, d);
        }
    }

    fn helper_of(&self, at: usize) -> Id {
        self.village.cadres[2 + (at + 1) % 2].id
    }

    /// An assignment instead of the household's ordinary one.
    fn assign(&mut self, case: &Case, at: usize, helper: Id, starts: Days, ends: Option<Days>) {
        if !self.village.unassigned.contains(&at) {
            self.village.unassigned.push(at);
        }
        let household = self.household_id(at);
        let cells = vec![helper.into(), (&household).into(), Day(starts), ends.map_or(Empty, Day)];
        self.keep_numbered(case, T::Assignments, 'A', cells);
    }

    fn left_alone(&mut self, job: &Job, at: usize) {
        let (first, last) = (self.layout.first_year, self.layout.last_year);
        let gone = !job.variant.is_multiple_of(2);
        let note = match (job.planted, gone) {
            (true, true) => "the helper died and was not replaced",
            (true, false) => "nobody has come for years",
            (false, true) => "the helper died and was replaced within two weeks",
            (false, false) => "the whole household is away",
        };
        let case = self.household_case("WA11", job.planted, at, note);
        if gone {
            let helper = self.newcomer(day(first, 1, 5));
            let died = day(last - 1, 3, 12);
            self.village.died(&helper, died, died + 8);
            self.last_registered(&case);
            let ends = (!job.planted).then_some(died + 12);
            self.assign(&case, at, helper.id, day(first, 2, 1), ends);
            if !job.planted {
                let next = self.helper_of(at);
                self.assign(&case, at, next, died + 12, None);
            }
            return;
        }
        self.village.unvisited.push(at);
        let key = self.village.key('A', at + 1);
        self.village.truth.record(&case, "assignments", key);
        if !job.planted {
            self.village.absences.push(Absence { household: at, whole: true, starts: day(last, 2, 25), ends: as_of(), place: "广东" });
        }
    }

    fn kin_helped(&mut self, job: &Job, at: usize) {
        let n = self.spare(at);
        let relative = self.person(at, n);
        let mut helper = self.helper_of(at);
        let note = match (job.planted, job.variant % 2) {
            (true, _) => "the helper's sister or brother is a member",
            (false, 0) => {
                helper = self.village.cadres[2 + at % 2].id;
                "a relative of another household's helper"
            }
            _ => {
                let h = self.household(at);
                h.people[n].left = Some((h.identified + 20, "marriage"));
                resize(h);
                "the relative had left before the assignment"
            }
        };
        self.village.relatives.push((helper, relative.id, "sibling"));
        let case = self.household_case("WA12", job.planted, at, note);
        let (assigned, tie) = (self.village.key('A', at + 1), self.village.key('X', self.village.relatives.len()));
        self.village.truth.record(&case, "assignments", assigned);
        self.village.truth.record(&case, "relatives", tie);
    }

    fn paid_days(&mut self, job: &Job) {
        let (year, month) = (self.later_year(job), 6 + (job.variant % 5) as i32);
        let cadre = self.newcomer(day(self.layout.first_year, 1, 5)).id;
        let (states, paid, note): (&[(&'static str, i64)], i64, _) = match (job.planted, job.variant % 2) {
            (true, _) => (&[("present", 21), ("absent", 3)], 21 + job.dose(6), "paid for six days more than on post"),
            (false, 0) => (&[("present", 18), ("training", 5)], 23, "the other days were training"),
            _ => (&[("present", 22)], 22, "paid for the days on post"),
        };
        self.month_on_post(cadre, year, month, states);
        let case = self.of_cadre(job, cadre, note);
        let cells = vec![cadre.into(), Month(year, month), paid.into(), Cell::Fen(8_000), Cell::Fen(paid * 8_000)];
        self.keep(&case, T::Allowances, format!("{}/{year}-{month:02}", cadre.text()), cells);
    }

    fn one_weekday(&mut self, job: &Job) {
        let year = self.later_year(job);
        let cadre = self.newcomer(day(self.layout.first_year, 1, 5)).id;
        let meeting = !job.planted && job.variant.is_multiple_of(2);
        let note = match (job.planted, meeting) {
            (true, _) => "twenty-six weeks, always the same weekday",
            (_, true) => "a meeting on the office day",
            _ => "on all days of the working week",
        };
        let case = self.of_cadre(job, cadre, note);
        let away = |h: &usize| self.village.absences.iter().any(|a| a.household == *h);
        let homes: Vec<usize> = (0..self.village.site.households).filter(|h| !away(h)).collect();
        for week in 0..job.dose(26) as usize {
            let spread = if job.planted || meeting { 0 } else { week % 5 };
            let on = day(year, 2, 6) + 7 * week as i32 + spread as i32;
            let mut made = visit(self.village, self.draw, cadre, homes[week % homes.len()], on);
            (made.met, made.met_who) = (None, "");
            if meeting {
                made.kind = "meeting";
            }
            self.village.visits.push(made);
            let key = self.village.key('V', self.village.visits.len());
            self.village.truth.record(&case, "visits", key);
        }
    }

    fn benefits_stop(&mut self, job: &Job, at: usize) {
        let marked = self.marked_on(at);
        let elder = self.elder(at);
        let id = self.village.households[at].people[elder].id;
        let form = job.variant % 3;
        let note = match (job.planted, form) {
            (true, _) => "no benefit is paid after the exit",
            (false, 0) => "paused by decision",
            (false, 1) => "one half-year of two is paid",
            _ => "the elder who drew the pension died",
        };
        if !job.planted && form == 2 {
            self.kill(at, elder, marked + 20, Some(marked + 50), marked + 20);
        } else {
            let regular = |programme: &str| !matches!(programme, "EDU" | "FUNERAL" | "HOUSE" | "RELOC");
            let mut kept = usize::from(!job.planted && form == 1);
            let h = self.household(at);
            h.payments.retain(|p| {
                let after = regular(p.programme) && p.paid_on > marked;
                let pension = p.programme == "PENSION";
                !after || (pension && std::mem::take(&mut kept) > 0)
            });
            h.entitlements = entitlements(&h.payments);
            if !job.planted && form == 0 {
                let year = civil(marked).0 + 1;
                h.entitlements.retain(|e| e.year < year);
                h.entitlements.push(Entitlement {
                    payee: id,
                    programme: "PENSION",
                    grade: "BASIC",
                    year,
                    months: 12,
                    amount: 126_000,
                    state: "suspended",
                });
            }
        }
        let case = self.household_case("RB01", job.planted, at, note);
        self.record_event(&case, at, "exit_mark");
    }

    fn helper_leaves(&mut self, job: &Job, at: usize) {
        let marked = self.marked_on(at);
        let (helper, next) = (self.helper_of(at), self.village.cadres[2 + at % 2].id);
        let starts = self.village.households[at].identified.max(day(self.layout.first_year, 1, 1));
        let (ends, again, note) = match (job.planted, job.form(2, 1)) {
            (true, 0) => (marked + 5, None, "the helper left with the exit, nobody came"),
            (true, _) => (marked, Some(marked + job.dose(120) as i32), "the next helper came after four months"),
            (false, 0) => (marked + 5, Some(marked + 20), "the next helper came within two weeks"),
            _ => (marked + 200, Some(marked + 201), "changed over half a year after the exit"),
        };
        let case = self.household_case("RB02", job.planted, at, note);
        self.record_event(&case, at, "exit_mark");
        self.assign(&case, at, helper, starts, Some(ends));
        if let Some(from) = again {
            self.assign(&case, at, next, from, None);
        }
    }

    fn watched_only(&mut self, job: &Job, at: usize) {
        let form = job.variant % 3;
        let lately = !job.planted && form == 2;
        let found = if lately { as_of() - 12 } else { day(self.layout.last_year, 3, 10) + job.variant as i32 % 40 };
        let found = job.dose.filter(|_| job.planted).map_or(found, |days| as_of() - days as i32);
        // Earlier help had ended before the exit.
        let ended = self.marked_on(at) - 20;
        for m in &mut self.household(at).measures {
            m.starts = m.starts.min(ended - 200);
            m.ends = Some(ended);
        }
        let note = match (job.planted, form) {
            (true, _) => "on the watch list for months without any measure",
            (false, 0) => "helped within the month",
            (false, 1) => "the household ended within the month",
            _ => "on the watch list for less than a month",
        };
        self.watch(at, "marginal", found, !job.planted && form == 0);
        if !job.planted && form == 1 {
            self.event(at, "risk_off", found + 20);
            if let Some(m) = &mut self.household(at).monitor {
                m.cleared = Some((found + 20, "natural_end"));
            }
        }
        let case = self.household_case("RB08", job.planted, at, note);
        self.record_household(&case, at);
        self.record_event(&case, at, "risk_on");
    }

    fn visits_drop(&mut self, job: &Job, at: usize) {
        let marked = self.marked_on(at);
        let helper = self.helper_of(at);
        let away = !job.planted && !job.variant.is_multiple_of(2);
        let (after, note) = match (job.planted, away) {
            (true, _) => (6 - job.dose(5), "six visits in the year before the exit, one in the year after"),
            (false, false) => (5, "nearly as many visits as before"),
            (false, true) => (1, "the whole household was away"),
        };
        let case = self.household_case("RB09", job.planted, at, note);
        self.record_event(&case, at, "exit_mark");
        let before = (0..6).map(|n| marked - 20 - 45 * n);
        let days: Vec<Days> = before.chain((0..after as i32).map(|n| marked + 25 + 60 * n)).collect();
        for on in days {
            let made = visit(self.village, self.draw, helper, at, on);
            self.village.visits.push(made);
            let key = self.village.key('V', self.village.visits.len());
            self.village.truth.record(&case, "visits", key);
        }
        if away {
            let (starts, ends) = (marked + 60, (marked + 420).min(as_of()));
            self.village.absences.push(Absence { household: at, whole: true, starts, ends, place: "福建" });
        }
    }

    fn job_ends(&mut self, job: &Job, at: usize) {
        let marked = self.marked_on(at);
        let year = civil(marked).0 + 1;
        let form = job.variant % 2;
        let in_time = !job.planted && form == 1;
        let ended = if in_time { day(year, 8, 20) } else { day(year, 11, 15) };
        let note = match (job.planted, form) {
            (true, _) => "a job ended after the exit, income not assessed again",
            (false, 0) => "another measure took its place",
            _ => "income was surveyed within the time",
        };
        let helper = Some(self.helper_of(at));
        for m in self.household(at).measures.iter_mut().filter(|m| matches!(m.kind, "job" | "industry")) {
            m.ends = Some(marked - 30);
        }
        let case = self.household_case("RB12", job.planted, at, note);
        let add = |planting: &mut Self, kind: &'static str, starts: Days, ends: Option<Days>| {
            let number = planting.village.next_measure();
            planting.household(at).measures.push(Measure { number, kind, starts, ends, amount: 480_000, helper });
            let key = planting.village.key('M', number);
            planting.village.truth.record(&case, "measures", key);
        };
        add(self, "job", marked - 300, Some(ended));
        if !job.planted && form == 0 {
            add(self, "industry", ended + 20, None);
        }
    }
}
