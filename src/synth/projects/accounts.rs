//! Planted cases and look-alikes about accounts, bank lines and loans.

use super::super::calendar::day;
use super::super::model::*;
use super::super::truth::Case;
use super::free;
use super::plant::Planting;
use super::works::{Line, Loan, OfficeAccount, Opening, key};

impl Planting<'_, '_> {
    pub(super) fn money(&mut self) {
        match self.plan.kind {
            "FD01" | "FD02" | "FD22" => self.office(),
            "FD14" => self.loans(),
            "FD17" => self.passed_on(),
            "FD18" => self.cards(),
            "FD19" => self.firm(),
            "FD27" => self.accounts(),
            _ => {}
        }
    }

    /// An account of the village office for one project.
    fn office(&mut self) {
        let (planted, kind) = (self.plan.planted, self.plan.kind);
        let year = self.year();
        let amount = self.draw.range(50, 200) * 100_000;
        let doc = format!("XMK{year}-{:05}", self.village.site.index + 1);
        let mut account = OfficeAccount {
            number: self.village.new_account(),
            name: format!("{}村委会", self.village.site.name),
            kind: "special",
            region: self.village.site.code,
            years: vec![(year, 0, 0)],
            lines: vec![(true, amount, day(year, 3, 9), doc)],
        };
        let spend = |account: &mut OfficeAccount, on: Days| account.lines.push((false, amount, on, String::new()));
        let note = match (kind, planted) {
            ("FD01", true) => {
                spend(&mut account, day(year, 9, 2));
                account.years[0].2 = 100 * self.plan.dose(12_600);
                "more at the end than the lines explain"
            }
            ("FD01", false) => {
                account.lines.push((false, amount - 800_000, day(year, 9, 2), String::new()));
                account.years[0].2 = 800_000;
                "a rest that the lines explain"
            }
            ("FD02", true) => {
                account.years = vec![(year, 0, amount), (year + 1, amount, amount)];
                "nothing was paid out for more than a year"
            }
            ("FD02", false) => {
                account.lines[0].2 = day(year, 11, 20);
                account.years[0].2 = amount;
                "received in November, still there at the end of the year"
            }
            (_, true) => {
                account.kind = if self.plan.variant % 2 == 0 { "personal" } else { "off_treasury" };
                spend(&mut account, day(year, 9, 2));
                "programme money on an account of another kind"
            }
            _ => {
                account.kind = "off_treasury";
                account.lines[0].3 = String::new();
                spend(&mut account, day(year, 9, 2));
                "rents of the village on its own account"
            }
        };
        let case = self.case("account", account.number.to_string(), note);
        let offset: usize = self.works.accounts.iter().map(|a| a.lines.len()).sum();
        if kind == "FD22" {
            self.record(&case, "org_lines", key("OL", self.village.site, offset));
        } else {
            let last = account.years.last().map_or(year, |y| y.0);
            self.record(&case, "org_balances", format!("{}/{last}", account.number));
        }
        self.works.accounts.push(account);
    }

    /// Households without a loan so far, from one that no case has taken.
    fn borrowers(&self, count: usize) -> Vec<usize> {
        let without = |n: &usize| !self.works.loans.iter().any(|l| l.household == *n);
        let mut all: Vec<usize> = free(self.village).into_iter().filter(without).collect();
        all.extend((0..self.village.households.len()).filter(|n| without(n)).filter(|n| !all.contains(n)).collect::<Vec<_>>());
        all.truncate(count);
        all
    }

    fn lend(&mut self, household: usize, amount: Fen, lent: Days, repaid: Option<Days>, subsidised: bool, paid_to: &str) -> usize {
        let borrower = self.village.households[household].head;
        self.works.loans.push(Loan { household, borrower, amount, lent, repaid, subsidised, paid_to: paid_to.to_string() });
        self.works.loans.len() - 1
    }

    fn loans(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.form(2, 0));
        let Some(&h) = self.borrowers(1).first() else { return };
        let start = day(self.year(), 3, 4);
        let (records, note) = match (planted, form) {
            (true, 0) => {
                let amount = 5_000_000 + 100 * self.plan.dose(30_000);
                let note = if self.plan.dose.is_some() { "a subsidised loan above the cap" } else { "a subsidised loan of 80000 yuan" };
                (vec![self.lend(h, amount, start, None, true, "")], note)
            }
            (true, _) => {
                let first = self.lend(h, 3_000_000, start, Some(start + 400), true, "");
                (vec![first, self.lend(h, 3_000_000, start + 200, None, true, "")], "two subsidised loans at once")
            }
            (false, 0) => (vec![self.lend(h, 8_000_000, start, None, false, "")], "a large loan without subsidy"),
            (false, _) => {
                let first = self.lend(h, 3_000_000, start, Some(start + 400), true, "");
                (vec![first, self.lend(h, 3_000_000, start + 400, None, true, "")], "repaid and lent again")
            }
        };
        let subject = self.village.household_id(h + 1);
        let case = self.case("household", subject, note);
        for n in records {
            self.record(&case, "loans", key("DK", self.village.site, n));
        }
    }

    fn firm(&mut self) {
        let planted = self.plan.planted;
        let firm = self.supplier("services");
        let start = day(self.year(), 4, 2);
        let note = if planted { "four household loans drawn to one firm within days" } else { "loans drawn to one firm months apart" };
        let case = self.case("supplier", firm.clone(), note);
        for (i, h) in self.borrowers(self.plan.dose(4) as usize).into_iter().enumerate() {
            let lent = start + i as i32 * if planted { 1 } else { 61 };
            let n = self.lend(h, 5_000_000, lent, None, true, &firm);
            self.record(&case, "loans", key("DK", self.village.site, n));
        }
    }

    fn line(&mut self, account: u64, kind: &'static str, amount: Fen, on: Days, minute: i64) -> usize {
        let line = Line { account, kind, amount, on, minute, terminal: String::new(), counter: None, batch: String::new() };
        self.works.lines.push(line);
        self.works.lines.len() - 1
    }

    fn record_line(&mut self, case: &Case, n: usize) {
        self.record(case, "account_lines", key("AL", self.village.site, n));
    }

    /// Households that can stand for people who bank together: those no case has taken first.
    fn neighbours(&self, count: usize) -> Vec<usize> {
        let mut all = free(self.village);
        all.extend((0..self.village.households.len()).filter(|n| !all.contains(n)).collect::<Vec<_>>());
        all.truncate(count);
        all
    }

    fn passed_on(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let common = self.village.new_account();
        let (count, percent, note) = match (planted, form) {
            (true, _) => (self.plan.dose(5) as usize, 95, "most of a benefit of five households goes on to one account"),
            (false, 0) => (2, 95, "two households send money to a relative"),
            (false, _) => (5, 30, "five households pay at one shop"),
        };
        let case = self.case("account", common.to_string(), note);
        // Before the years of which the bank delivered all lines, so that no other credit lies within the days.
        let on = day(self.layout.first_year + 1, 5, 6 + self.plan.variant as i32 % 20);
        for h in self.neighbours(count) {
            let account = self.village.households[h].account;
            self.line(account, "credit", 120_000, on, 540);
            let n = self.line(account, "transfer_out", 1_200 * percent, on + 1, 600);
            self.works.lines[n].counter = Some(common);
            self.record_line(&case, n);
        }
    }

    fn cards(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let (count, gap, note) = match (planted, form) {
            (true, _) => (self.plan.dose(7) as usize, 3, "seven cards at one machine within half an hour"),
            (false, 0) => (7, 55, "seven cards over a day"),
            (false, _) => (4, 3, "four cards of neighbours"),
        };
        let terminal = key("AT", self.village.site, 2);
        let case = self.case("org", terminal.clone(), note);
        let on = day(self.layout.first_year + 1, 7, 6 + self.plan.variant as i32 % 20);
        for (i, h) in self.neighbours(count).into_iter().enumerate() {
            let account = self.village.households[h].account;
            let n = self.line(account, "withdrawal", 90_000, on, 600 + i as i64 * gap);
            self.works.lines[n].terminal = terminal.clone();
            self.record_line(&case, n);
        }
    }

    fn accounts(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let note = match (planted, form) {
            (true, _) => "twelve accounts opened in a row and only credited",
            (false, 0) => "twelve accounts issued under an agreement",
            (false, _) => "twelve accounts opened in a row and used",
        };
        let branch = format!("{}二分社", self.village.site.name);
        let case = self.case("org", branch.clone(), note);
        let (opened, paid) = (day(self.layout.first_year, 4, 18), day(self.layout.first_year + 1, 6, 8));
        for (i, h) in self.neighbours(self.plan.dose(12) as usize).into_iter().enumerate() {
            let account = self.village.new_account();
            let head = self.village.households[h].head_person();
            let (holder, holder_name) = (Some(head.id), head.name.clone());
            self.village.accounts.push(Account { number: account, holder, holder_name });
            let mass = !planted && form == 0;
            self.works.openings.push(Opening { account, branch: branch.clone(), on: opened, sequence: 20 + i as i64, mass });
            self.line(account, "credit", 60_000, paid, 540);
            if !planted && form == 1 {
                self.line(account, "withdrawal", 60_000, paid + 3 + i as i32, 700);
            }
            self.record(&case, "account_openings", account.to_string());
        }
    }
}
