//! Income forms that do not add up, jump or were copied: CM01, CM05, CM15, CM16, CM17.

use super::Planting;
use crate::synth::jobs::Job;
use crate::synth::model::{Fen, Income};

impl Planting<'_, '_> {
    pub(super) fn incomes(&mut self, job: &Job, at: &[usize]) {
        match job.kind {
            "CM01" => self.sums(job, at[0]),
            "CM05" => self.jump(job, at[0]),
            "CM16" => self.copies(job, at),
            "CM17" => self.one_factor(job, at),
            "CM15" => self.rounded(job, at),
            _ => {}
        }
    }

    /// Net incomes of one year cut to the hundred; or to the ten, as many people answer.
    fn rounded(&mut self, job: &Job, at: &[usize]) {
        // Not in a year in which a whole county rounds.
        let rounds = |year: i32| self.layout.counties.iter().any(|c| c.heap.is_some_and(|h| !h.planted && h.year == year));
        let free: Vec<i32> = self.layout.years().filter(|&y| !rounds(y)).collect();
        let year = free.get(job.variant % free.len().max(1)).copied().unwrap_or_else(|| self.later_year(job));
        let note = if job.planted { "net incomes cut to the hundred" } else { "net incomes cut to the ten" };
        let case = self.village_case("CM15", job.planted, note);
        for &n in at {
            let Some(income) = self.household(n).incomes.iter_mut().find(|i| i.year == year) else { continue };
            let mut cut = income.net.rem_euclid(if job.planted { 10_000 } else { 1000 });
            if !job.planted && (income.net - cut) % 10_000 == 0 {
                cut += 1000;
            }
            income.cost += cut;
            income.total();
            let key = format!("{}/{year}", self.household_id(n));
            self.village.truth.record(&case, "incomes", key);
        }
    }

    fn sums(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let mut note = "";
        if let Some(i) = self.household(at).income(year) {
            note = match (job.planted, job.form(3, 0)) {
                (true, 0) => {
                    // Net and per capita agree with each other, not with the sources.
                    i.net += job.dose.map_or(i.net / 1000 * 100 + 20_000, |percent| i.net * percent / 10_000 * 100);
                    i.per_capita = crate::synth::model::round_yuan(i.net, i.size);
                    "net income is not the sum of its sources"
                }
                (true, 1) => {
                    i.per_capita = i.per_capita * 112 / 10_000 * 100;
                    "per-capita income is not net income by size"
                }
                (true, _) => {
                    i.net -= i.net / 1000 * 100 + 30_000;
                    i.per_capita = crate::synth::model::round_yuan(i.net, i.size);
                    "net income is not the sum of its sources"
                }
                (false, 0) => {
                    i.per_capita = i.net / i.size / 100 * 100;
                    "cut to the yuan instead of rounded"
                }
                (false, _) => {
                    i.net += 60;
                    "some fen lost in rounding"
                }
            };
        }
        let case = self.household_case("CM01", job.planted, at, note);
        self.record_income(&case, at, year);
    }

    fn jump(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let before = self.village.households[at].incomes.iter().find(|i| i.year == year - 1).map_or(300_000, |i| i.per_capita);
        let percent = if job.planted { job.dose(self.draw.range(390, 520)) } else { 330 };
        let target: Fen = before * percent / 100;
        let one_off = !job.planted && !job.variant.is_multiple_of(2);
        for i in self.household(at).incomes.iter_mut().filter(|i| i.year >= year) {
            if i.year > year && one_off {
                continue;
            }
            let was = i.net;
            // Later years stay on the new level.
            i.set_per_capita(target + target / 20 * i64::from(i.year - year));
            if one_off {
                let gain = (i.net - was).max(0);
                i.wage -= gain;
                i.property += gain;
                i.one_off = gain;
                i.total();
            } else if !job.planted {
                i.migrant_months += 9;
            }
        }
        let note = match (job.planted, one_off) {
            (true, _) => "per-capita income more than trebled without a reason on record",
            (_, true) => "land compensation, paid once and documented",
            _ => "new migrant work",
        };
        let case = self.household_case("CM05", job.planted, at, note);
        self.record_income(&case, at, year);
        self.record_income(&case, at, year - 1);
    }

    fn copies(&mut self, job: &Job, at: &[usize]) {
        // The last year, so that no later year jumps; the lowest net income, so that nobody's income rises.
        let year = self.layout.last_year;
        let lowest = at.iter().copied().min_by_key(|&h| self.village.households[h].incomes.last().map_or(0, |i| i.net)).unwrap_or(at[0]);
        let Some(mut source) = self.village.households[lowest].incomes.last().cloned() else { return };
        let used: Vec<usize> = match (job.planted, job.variant % 2) {
            (true, _) => at.to_vec(),
            // Two alike may be chance; three on the same pension scale differ in all else.
            (false, 0) => vec![lowest, if at[0] == lowest { at[1] } else { at[0] }],
            _ => vec![],
        };
        source.property += 30_000;
        if source.wage == 0 {
            (source.wage, source.operating) = (source.operating / 200 * 100, source.operating - source.operating / 200 * 100);
        }
        for &h in &used {
            copy(self.village.households[h].income(year), &source);
        }
        if used.is_empty() {
            for &h in at {
                if let Some(i) = self.village.households[h].income(year) {
                    i.transfer = 126_000;
                    i.total();
                }
            }
        }
        let note = match (job.planted, used.len()) {
            (true, _) => "the same income record in three households",
            (_, 0) => "the same benefit scale, all else different",
            _ => "two households alike",
        };
        let subject = self.household_id(at[0]);
        let case = self.village.truth.case("CM16", job.planted, "household", subject, note);
        for &h in if used.is_empty() { at } else { &used } {
            self.record_income(&case, h, year);
        }
    }

    fn one_factor(&mut self, job: &Job, at: &[usize]) {
        let year = self.later_year(job);
        let factor = self.draw.range(1061, 1239);
        let indexed = self.draw.range(1031, 1059);
        for &h in at {
            let incomes = &mut self.village.households[h].incomes;
            let Some(before) = incomes.iter().find(|i| i.year == year - 1).cloned() else { continue };
            let Some(now) = incomes.iter_mut().find(|i| i.year == year) else { continue };
            if job.planted {
                let grown = |fen: Fen| (fen * factor + 500) / 1000;
                now.wage = grown(before.wage);
                now.operating = grown(before.operating);
                now.property = grown(before.property);
                now.transfer = grown(before.transfer);
                now.cost = grown(before.cost);
            } else {
                now.transfer = (before.transfer * indexed + 500) / 1000;
            }
            now.total();
        }
        let note = if job.planted { "incomes of many households grew by one factor" } else { "only the transfers were indexed" };
        let case = self.village_case("CM17", job.planted, note);
        for &h in at {
            self.record_income(&case, h, year);
        }
    }
}

fn copy(to: Option<&mut Income>, source: &Income) {
    if let Some(i) = to {
        (i.wage, i.operating, i.property) = (source.wage, source.operating, source.property);
        (i.transfer, i.cost) = (source.transfer, source.cost);
        i.total();
    }
}
