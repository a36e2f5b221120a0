//! Falling back into poverty, shocks, and risks cleared: RB03-05.

use super::Planting;
use crate::synth::calendar::{day, year_of};
use crate::synth::jobs::Job;
use crate::synth::model::{Claim, Days};

impl Planting<'_, '_> {
    pub(super) fn returns(&mut self, job: &Job, at: usize) {
        match job.kind {
            "RB03" => self.fell_back(job, at),
            "RB04" => self.shock(job, at),
            "RB05" => self.risk_cleared(job, at),
            _ => {}
        }
    }

    fn fell_back(&mut self, job: &Job, at: usize) {
        let exited = self.village.households[at].exited_year.unwrap_or(self.layout.first_year);
        // The window for marking closes before the as-of date, except for the late survey.
        let late = !job.planted && job.variant % 3 == 2;
        let year = if late { self.layout.last_year } else { (exited + 1).min(self.layout.last_year - 1) };
        let percent = self.draw.range(74, 94);
        let per_capita = self.line(year) * if job.planted { job.dose.map_or(percent, |under| 100 - under) } else { percent } / 100;
        let mut surveyed = day(year, 10, 1);
        if let Some(income) = self.household(at).income(year) {
            income.set_per_capita(per_capita);
            if late {
                income.surveyed = day(year, 11, 20);
                income.entered = day(year, 11, 25);
            }
            surveyed = income.surveyed;
        }
        let note = match (job.planted, job.variant % 3) {
            (true, _) => "income under the line after the exit, nothing marked",
            (false, 0) => {
                self.event(at, "return", surveyed + 30);
                self.household(at).returned = true;
                "marked as returned in time"
            }
            (false, 1) => {
                self.watch(at, "unstable", surveyed + 20, true);
                "on the watch list in time"
            }
            _ => "survey too recent to be marked already",
        };
        let case = self.household_case("RB03", job.planted, at, note);
        self.record_income(&case, at, year);
    }

    fn shock(&mut self, job: &Job, at: usize) {
        let year = self.layout.last_year;
        let head = self.village.households[at].head;
        let recent = !job.planted && job.variant % 3 == 2;
        let discharged: Days = if recent { day(year, 12, 12) } else { day(year, 3 + (job.variant % 5) as i32, 14) };
        let covered = !job.planted && job.variant % 3 == 1;
        let own = if covered { 640_000 } else { self.draw.range(26, 60) * 100_000 };
        let own = job.dose.filter(|_| job.planted).map_or(own, |yuan| 100 * yuan);
        let total = if covered { 8_400_000 } else { own * 16 / 10 };
        self.village.claims.push(Claim { id: head, household: at, admitted: discharged - 18, discharged, total, own });
        let note = match (job.planted, job.variant % 3) {
            (true, _) => "high hospital cost, not on the watch list",
            (false, 0) => {
                self.watch(at, "sudden", discharged + 18, true);
                "on the watch list within the month"
            }
            (false, 1) => "most of the cost was covered",
            _ => "discharged less than a month ago",
        };
        let case = self.household_case("RB04", job.planted, at, note);
        let key = self.village.key('C', self.village.claims.len());
        self.village.truth.record(&case, "claims", key);
    }

    fn risk_cleared(&mut self, job: &Job, at: usize) {
        let form = job.variant % 3;
        let first = self.layout.first_year;
        let marked = self.household(at).event("exit_mark").map_or(day(first, 12, 1), |e| e.on);
        let found = marked + 40 + (job.variant % 30) as i32;
        // Income above the monitoring line from the exit on, so that only what the case says is out of order.
        for year in self.layout.years() {
            let enough = self.monitoring_line(year) * (108 + i64::from(year - first)) / 100;
            if let Some(income) = self.household(at).income(year)
                && income.per_capita < enough
            {
                income.set_per_capita(enough);
            }
        }
        let (days, reason, help, note) = match (job.planted, form) {
            (true, 0) => (60, "income_stable", true, "cleared after two months"),
            (true, 1) => (215, "income_stable", false, "cleared without any help"),
            (true, _) => (215, "income_stable", true, "cleared with an income under the monitoring line"),
            (false, 0) => (30, "natural_end", true, "the household ended"),
            (false, 1) => (220, "income_stable", true, "cleared in order"),
            (false, _) => (185, "income_stable", true, "cleared a few days after the half-year"),
        };
        self.watch(at, "marginal", found, help);
        let cleared = found + days;
        self.event(at, "risk_off", cleared);
        let h = self.household(at);
        if let Some(m) = &mut h.monitor {
            m.cleared = Some((cleared, reason));
        }
        if !help {
            // Earlier help had ended before the risk was found.
            h.measures.truncate(1);
            for m in &mut h.measures {
                m.starts = m.starts.min(found - 200);
                m.ends = Some(found - 30);
            }
        }
        if job.planted && form == 2 {
            let year = year_of(cleared);
            let low = self.monitoring_line(year) * 84 / 100;
            if let Some(income) = self.household(at).income(year) {
                income.set_per_capita(low);
            }
        }
        let case = self.household_case("RB05", job.planted, at, note);
        self.record_household(&case, at);
        self.record_event(&case, at, "risk_off");
    }
}
