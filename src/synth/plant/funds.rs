//! Money that does not arrive, arrives twice, or arrives elsewhere: FD05-12, FD15, FD23.

use super::{Planting, resize};
use crate::synth::calendar::day;
use crate::synth::household::entitlements;
use crate::synth::jobs::Job;
use crate::synth::model::{Account, Days, Payment, Trustee};
use crate::synth::truth::Case;
use crate::synth::village::{outsider, purchase};

impl Planting<'_, '_> {
    pub(super) fn funds(&mut self, job: &Job, at: &[usize]) {
        match job.kind {
            "FD05" => self.never_arrives(job, at[0]),
            "FD06" => self.foreign_account(job, at[0]),
            "FD07" => self.shared_account(job, at),
            "FD08" => self.shared_phone(job, at),
            "FD09" => self.paid_twice(job, at[0]),
            "FD10" => self.exclusive(job, at[0]),
            "FD11" if job.planted => self.not_in_register(job, at[0]),
            "FD11" => self.left_the_register(job, at[0]),
            "FD12" if job.planted => self.after_death(job, at[0]),
            "FD12" => self.death_in_order(job, at[0]),
            "FD15" => self.split(job),
            "FD16" => self.expenses(job),
            "FD23" => self.not_paid(job, at[0]),
            _ => {}
        }
    }

    /// The elder's pension payment of that half-year.
    fn pension(&self, at: usize, year: i32, month: i32) -> Option<Payment> {
        let is = |p: &&Payment| p.programme == "PENSION" && p.year == year && p.month == month;
        self.village.households[at].payments.iter().find(is).cloned()
    }

    fn payment(&mut self, at: usize, number: usize) -> Option<&mut Payment> {
        self.household(at).payments.iter_mut().find(|p| p.number == number)
    }

    fn send_back(&mut self, at: usize, number: usize, on: Days) {
        if let Some(p) = self.payment(at, number) {
            (p.status, p.returned_on) = ("returned", Some(on));
        }
    }

    fn reissue(&mut self, at: usize, first: &Payment, on: Days) -> usize {
        self.pay(at, first, |p| {
            (p.status, p.reissue_of, p.paid_on) = ("reissued", Some(first.number), on);
        })
    }

    fn never_arrives(&mut self, job: &Job, at: usize) {
        let n = self.elder(at);
        let recent = !job.planted && !job.variant.is_multiple_of(2);
        let (year, month) = if recent { (self.layout.last_year, 12) } else { (self.layout.first_year + job.variant as i32 % 3, 6) };
        let Some(p) = self.pension(at, year, month) else { return };
        let returned = p.paid_on + 5;
        self.send_back(at, p.number, returned);
        let note = match (job.planted, job.form(2, 1)) {
            (true, 0) => "returned by the bank and never reissued",
            (true, _) => {
                self.reissue(at, &p, returned + job.dose(95) as i32);
                "returned by the bank and reissued after three months"
            }
            (false, 0) => {
                self.reissue(at, &p, returned + 14);
                "returned and reissued within the month"
            }
            _ => "returned less than a month ago",
        };
        let case = self.person_case("FD05", job.planted, at, n, note);
        self.record_payment(&case, p.number);
    }

    fn foreign_account(&mut self, job: &Job, at: usize) {
        let n = self.elder(at);
        let ward = self.person(at, n);
        let other = outsider(self.layout, self.ids, self.draw, 30, 58);
        let number = self.village.new_account();
        let (mut holder, mut holder_name) = (Some(other.id), other.name.clone());
        let starts = day(self.layout.first_year, 1, 1);
        let trustee = |trustee, kind| Trustee { ward: ward.id, trustee, kind, starts };
        let note = match (job.planted, job.variant % 3) {
            (true, _) => "pension paid to an account of somebody outside the family",
            (false, 0) => {
                self.village.trustees.push(trustee(Some(other.id), "guardian"));
                "account of the appointed guardian"
            }
            (false, 1) => {
                self.village.trustees.push(trustee(None, "institution"));
                (holder, holder_name) = (None, "敬老院".to_string());
                "account of the home for the aged"
            }
            _ => {
                let spouse = self.person(at, 1);
                (holder, holder_name) = (Some(spouse.id), spouse.name);
                "account of another member of the household"
            }
        };
        self.village.accounts.push(Account { number, holder, holder_name });
        let from = self.layout.first_year + if job.planted { 1 + job.variant as i32 % 2 } else { 0 };
        let case = self.person_case("FD06", job.planted, at, n, note);
        for p in self.move_pension(at, from, number) {
            self.record_payment(&case, p);
        }
    }

    /// Sends the household's pension payments from a year on to another account; gives their numbers.
    fn move_pension(&mut self, at: usize, from: i32, account: u64) -> Vec<usize> {
        let mut moved = Vec::new();
        for p in self.household(at).payments.iter_mut().filter(|p| p.programme == "PENSION" && p.year >= from) {
            p.account = account;
            moved.push(p.number);
        }
        moved
    }

    fn shared_account(&mut self, job: &Job, at: &[usize]) {
        let from = self.later_year(job).min(self.layout.last_year - 1);
        if job.planted {
            let account = self.village.households[at[0]].account;
            let shared = self.village.truth.case("FD07", true, "account", account.to_string(), "one account for four households");
            for &h in at {
                let foreign = (h != at[0]).then(|| {
                    let n = self.elder(h);
                    self.person_case("FD06", true, h, n, "pension paid to another household's account")
                });
                for p in self.move_pension(h, from, account) {
                    self.record_payment(&shared, p);
                    if let Some(case) = &foreign {
                        self.record_payment(case, p);
                    }
                }
            }
        } else if job.variant.is_multiple_of(2) {
            let account = self.village.collective;
            let case = self.village.truth.case("FD07", false, "account", account.to_string(), "the village's collective account");
            for &h in at {
                for p in self.move_pension(h, from, account) {
                    self.record_payment(&case, p);
                }
            }
        } else {
            // Two rural households share a relative's account, and the delegation is on record.
            let account = self.village.households[at[0]].account;
            let relative = self.village.households[at[0]].head;
            let ward = self.person(at[1], self.elder(at[1])).id;
            let starts = day(self.layout.first_year, 1, 1);
            self.village.trustees.push(Trustee { ward, trustee: Some(relative), kind: "guardian", starts });
            let note = "a relative's account for two households, delegation recorded";
            let case = self.village.truth.case("FD07", false, "account", account.to_string(), note);
            for &h in &at[..2] {
                for p in self.move_pension(h, from, account) {
                    self.record_payment(&case, p);
                }
            }
        }
    }

    fn shared_phone(&mut self, job: &Job, at: &[usize]) {
        let phone = if job.planted { self.village.households[at[0]].phone } else { self.village.office_phone };
        let note = if job.planted { "one phone for five households" } else { "phone of the village office" };
        let case = self.village.truth.case("FD08", job.planted, "phone", phone.to_string(), note);
        for &h in at {
            self.household(h).phone = phone;
            self.record_household(&case, h);
        }
    }

    fn paid_twice(&mut self, job: &Job, at: usize) {
        let n = self.elder(at);
        let year = self.later_year(job);
        if job.planted {
            let Some(p) = self.pension(at, year, 6) else { return };
            let (again, note) = if job.variant % 3 == 1 {
                let near = |x: &mut Payment| (x.month, x.paid_on) = (5, p.paid_on + 5);
                (self.pay(at, &p, near), "the same amount again five days later")
            } else {
                (self.pay(at, &p, |x| x.paid_on += 21), "paid twice for one period")
            };
            let case = self.person_case("FD09", true, at, n, note);
            self.record_payment(&case, p.number);
            self.record_payment(&case, again);
        } else if job.variant.is_multiple_of(2) {
            let paid = day(year, 8, 14);
            let first = self.new_payment(at, "HOUSE", "D", year, 8, 50, paid);
            let second = self.new_payment(at, "HOUSE", "D", year, 8, 50, paid + 4);
            if let Some(p) = self.payment(at, second) {
                p.part = 2;
            }
            let case = self.household_case("FD09", false, at, "two instalments of one grant");
            self.record_payment(&case, first);
            self.record_payment(&case, second);
        } else {
            let Some(p) = self.pension(at, year, 6) else { return };
            self.send_back(at, p.number, p.paid_on + 3);
            let again = self.reissue(at, &p, p.paid_on + 6);
            let case = self.person_case("FD09", false, at, n, "returned by the bank and reissued");
            self.record_payment(&case, p.number);
            self.record_payment(&case, again);
        }
    }

    fn exclusive(&mut self, job: &Job, at: usize) {
        let (first, last) = (self.layout.first_year, self.layout.last_year);
        let year = self.later_year(job).min(last - 1);
        let other = if job.planted { year } else { year + 1 };
        debug_assert!(first < year);
        let numbers = if job.variant.is_multiple_of(2) {
            let size = self.village.households[at].size();
            [
                self.new_payment(at, "HOUSE", "C", year, 8, 100, day(year, 8, 18)),
                self.new_payment(at, "RELOC", "PERSON", other, 10, size * 100, day(other, 10, 22)),
            ]
        } else {
            [
                self.new_payment(at, "DIBAO", "C", year, 6, 600, day(year, 6, 22)),
                self.new_payment(at, "TEKUN", "FULL", other, 12, 600, day(other, 12, 17)),
            ]
        };
        let note =
            if job.planted { "two programmes that exclude one another in one year" } else { "excluding programmes in different years" };
        let case = self.household_case("FD10", job.planted, at, note);
        for number in numbers {
            self.record_payment(&case, number);
        }
    }

    fn not_in_register(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let n = self.elder(at);
        if job.variant.is_multiple_of(2) {
            let Some(like) = self.pension(at, year, 12) else { return };
            let other = outsider(self.layout, self.ids, self.draw, 66, 80);
            let number = self.pay(at, &like, |p| (p.payee, p.payee_name) = (other.id, other.name.clone()));
            let subject = other.id.text().to_string();
            let case = self.village.truth.case("FD11", true, "person", subject, "paid to a person who is in no household");
            self.record_payment(&case, number);
        } else {
            let case = self.person_case("FD11", true, at, n, "paid after the person had left the register");
            let kept = self.leave(at, n, day(year, 2, 10), day(year, 6, 30));
            for number in kept {
                self.record_payment(&case, number);
            }
        }
    }

    /// The person moves away; benefits for periods up to `paid_to` stay. Gives the payments for periods after leaving.
    fn leave(&mut self, at: usize, n: usize, on: Days, paid_to: Days) -> Vec<usize> {
        let id = self.person(at, n).id;
        let h = self.household(at);
        h.people[n].left = Some((on, "moved"));
        h.payments.retain(|p| !(p.payee == id && p.per_person() && p.period_end() > paid_to));
        let due: Vec<Payment> = h.payments.iter().filter(|p| p.period_end() <= on || p.payee != id).cloned().collect();
        h.entitlements = entitlements(&due);
        resize(h);
        h.payments.iter().filter(|p| p.payee == id && p.period_end() > on).map(|p| p.number).collect()
    }

    fn left_the_register(&mut self, job: &Job, at: usize) {
        let year = self.later_year(job);
        let n = self.elder(at);
        if job.variant.is_multiple_of(2) {
            let Some(arrears) = self.pension(at, year - 1, 12) else { return };
            self.leave(at, n, day(year, 1, 8), day(year - 1, 12, 31));
            if let Some(p) = self.payment(at, arrears.number) {
                p.paid_on = day(year, 1, 20);
            }
            let case = self.person_case("FD11", false, at, n, "arrears for a period before the person left");
            self.record_payment(&case, arrears.number);
        } else {
            let died = day(year, 8, 3);
            self.kill(at, n, died, Some(died + 25), died);
            let number = self.funeral(at, n, died + 40);
            let case = self.person_case("FD11", false, at, n, "funeral grant in the name of the deceased");
            self.record_payment(&case, number);
        }
    }

    fn funeral(&mut self, at: usize, n: usize, on: Days) -> usize {
        let (year, month, _) = crate::synth::calendar::civil(on);
        let person = self.person(at, n);
        let number = self.new_payment(at, "FUNERAL", "ONCE", year, month, 100, on);
        if let Some(p) = self.payment(at, number) {
            (p.payee, p.payee_name) = (person.id, person.name);
        }
        number
    }

    fn after_death(&mut self, job: &Job, at: usize) {
        let n = self.elder(at);
        let year = self.later_year(job);
        if job.variant % 3 == 1 {
            // Never removed, and paid to the end.
            let died = day(year.min(self.layout.last_year - 1), 2, 10);
            let case = self.person_case("FD12", true, at, n, "pension went on for years after the death");
            self.kill(at, n, died, None, i32::MAX);
            self.record_payments_after(&case, at, n, died);
            self.last_registered(&case);
            let case = self.person_case("XR06", true, at, n, "deceased and still in the register");
            self.record_member(&case, at, n);
            self.last_registered(&case);
        } else {
            // Removed within ninety days, one payment too many.
            let died = day(year, 4, 20);
            let Some(p) = self.pension(at, year, 6) else { return };
            self.kill(at, n, died, Some(died + 82), p.period_end());
            let case = self.person_case("FD12", true, at, n, "benefits for a half-year that ended after the death");
            self.record_payments_after(&case, at, n, died);
            self.last_registered(&case);
        }
    }

    /// Records the person's payments for periods that end after the death.
    fn record_payments_after(&mut self, case: &Case, at: usize, n: usize, died: Days) {
        let id = self.person(at, n).id;
        let after = |p: &&Payment| p.payee == id && p.period_end() > died;
        let numbers: Vec<usize> = self.village.households[at].payments.iter().filter(after).map(|p| p.number).collect();
        for number in numbers {
            self.record_payment(case, number);
        }
    }

    fn death_in_order(&mut self, job: &Job, at: usize) {
        let n = self.elder(at);
        let year = self.later_year(job);
        match job.variant % 3 {
            0 => {
                let died = day(year, 7, 20);
                self.kill(at, n, died, Some(died + 30), died);
                let case = self.person_case("FD12", false, at, n, "funeral grant after the death");
                self.last_registered(&case);
                let number = self.funeral(at, n, died + 45);
                self.record_payment(&case, number);
            }
            1 => {
                let Some(p) = self.pension(at, year, 6) else { return };
                let died = day(year, 7, 5);
                self.kill(at, n, died, Some(died + 60), died);
                if let Some(p) = self.payment(at, p.number) {
                    p.paid_on = day(year, 8, 20);
                }
                let case = self.person_case("FD12", false, at, n, "arrears for a period before the death");
                self.last_registered(&case);
                self.record_payment(&case, p.number);
            }
            _ => self.old_head(at, year),
        }
    }

    /// A household benefit is paid in the old head's name until the change of name goes through, within the year.
    fn old_head(&mut self, at: usize, year: i32) {
        let died = day(year, 3, 12);
        let old = self.person(at, 0);
        self.kill(at, 0, died, Some(died + 40), died);
        let case = self.person_case("FD12", false, at, 0, "household benefit still in the old head's name");
        self.last_registered(&case);
        let h = &mut self.village.households[at];
        h.people[0].relation = "spouse";
        h.people[1].relation = "head";
        h.people.swap(0, 1);
        let new = h.people[0].clone();
        h.head = new.id;
        let mut kept = Vec::new();
        for p in h.payments.iter_mut().filter(|p| p.payee == old.id) {
            if p.year > year {
                (p.payee, p.payee_name) = (new.id, new.name.clone());
            } else if p.year == year && p.period_end() > died {
                kept.push(p.number);
            }
        }
        h.entitlements = entitlements(&h.payments);
        for e in h.events.iter_mut().filter(|e| e.signer == Some(old.id) && e.on > died) {
            e.signer = Some(new.id);
        }
        for v in self.village.visits.iter_mut().filter(|v| v.household == at && v.met == Some(old.id) && v.on > died) {
            v.met = Some(new.id);
        }
        for number in kept {
            self.record_payment(&case, number);
        }
    }

    fn split(&mut self, job: &Job) {
        let year = self.later_year(job);
        let start = day(year, 3 + (job.variant % 5) as i32, 6);
        let count = job.dose((3 + job.variant % 2) as i64) as usize;
        let form = job.variant % 3;
        let name = |n: usize| format!("{}宏达建筑工程队{}{n}", self.village.site.name, self.village.transfers.len());
        let one = name(0);
        let mut rows = Vec::new();
        for n in 0..count {
            let (supplier, gap, stage, approval) = match (job.planted, form) {
                (true, _) => (one.clone(), 13, 0, None),
                (false, 0) => (one.clone(), 20, n as i64 + 1, Some(format!("CG{year}-HT{:05}", self.village.site.index + 1))),
                (false, 1) => (name(n + 1), 13, 0, None),
                _ => (one.clone(), 75, 0, None),
            };
            let amount = self.draw.range(4150, 4980) * 1000;
            let issued = start + gap * n as i32;
            rows.push((supplier, issued, amount, stage, approval));
        }
        let note = match (job.planted, form) {
            (true, _) => "payments to one supplier, each just under the approval limit",
            (false, 0) => "approved stages of one contract",
            (false, 1) => "different suppliers",
            _ => "months apart",
        };
        let case = self.village.truth.case("FD15", job.planted, "supplier", one, note);
        for (supplier, issued, amount, stage, approval) in rows {
            let index = purchase(self.village, self.layout, supplier, issued, amount, stage, approval);
            let key = self.village.key('F', index + 1);
            self.village.truth.record(&case, "fund_flow", key);
        }
    }

    /// A year of small purchases by the village committee: with endings that people invent, or from a price list.
    fn expenses(&mut self, job: &Job) {
        const LINES: i64 = 120;
        /// Last digits 1 to 9 as invented ones come: many 3, 7 and 8, no 0 and 5.
        const INVENTED: [(i64, usize); 8] = [(1, 2), (2, 3), (3, 8), (4, 2), (6, 3), (7, 9), (8, 7), (9, 2)];
        const PRICES: [i64; 12] = [1286, 1348, 1457, 1623, 1768, 1894, 2136, 2347, 2578, 2863, 3194, 3642];
        let year = self.later_year(job);
        let from = format!("{}村委会", self.village.site.name);
        let note = if job.planted { "expenses with invented endings" } else { "expenses from a price list" };
        let case = self.village.truth.case("FD16", job.planted, "org", from.clone(), note);
        let digits: Vec<i64> = INVENTED.iter().flat_map(|&(digit, times)| std::iter::repeat_n(digit, times)).collect();
        for line in 0..LINES {
            let invented = job.planted && job.dose.is_none_or(|percent| self.draw.per_mille(10 * percent as usize));
            let yuan = if job.planted && !invented {
                self.draw.range(1100, 24_000)
            } else if invented {
                self.draw.range(110, 2400) * 10 + digits[self.draw.below(digits.len())]
            } else {
                PRICES[self.draw.below(PRICES.len())]
            };
            let issued = day(year, 1, 10) + (line * 340 / LINES) as i32;
            let supplier = format!("{}零星采购{line}", self.village.site.name);
            let index = purchase(self.village, self.layout, supplier, issued, yuan * 100, 0, None);
            self.village.transfers[index].from.clone_from(&from);
            let key = self.village.key('F', index + 1);
            self.village.truth.record(&case, "fund_flow", key);
        }
    }

    fn not_paid(&mut self, job: &Job, at: usize) {
        let n = self.elder(at);
        let year = self.later_year(job);
        let state = match (job.planted, job.variant % 2) {
            (true, _) => "active",
            (false, 0) => "refused",
            _ => "suspended",
        };
        let h = self.household(at);
        h.payments.retain(|p| !(p.programme == "PENSION" && p.year == year));
        let mut key = None;
        for (n, e) in h.entitlements.iter_mut().enumerate() {
            if e.programme == "PENSION" && e.year == year {
                e.state = state;
                key = Some(h.number * 100 + n);
            }
        }
        let note = if job.planted { "entitled and not paid" } else { "declined, or paused by decision" };
        let case = self.person_case("FD23", job.planted, at, n, note);
        if let Some(number) = key {
            let key = self.village.key('Y', number);
            self.village.truth.record(&case, "entitlements", key);
        }
    }
}
