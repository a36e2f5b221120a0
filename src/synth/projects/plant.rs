//! Planted cases and look-alikes of the new tables, made from the audit catalogue.

use super::super::draw::Draw;
use super::super::layout::Layout;
use super::super::model::*;
use super::super::truth::Case;
use super::works::{Invoice, Works, key};
use super::{Plan, free};

pub(super) struct Planting<'b, 'a> {
    pub(super) layout: &'b Layout,
    pub(super) village: &'b mut Village<'a>,
    pub(super) draw: &'b mut Draw,
    pub(super) works: &'b mut Works,
    pub(super) plan: Plan,
}

/// Tender limit for works from June 2018 on, in fen.
const TENDER_LIMIT: Fen = 400_000_000;

impl Planting<'_, '_> {
    pub(super) fn year(&self) -> i32 {
        self.layout.first_year + 1 + self.plan.variant as i32 % 2
    }

    fn work(&mut self, kind: &'static str, year: i32, method: &'static str) -> usize {
        self.works.project(self.layout, self.village.site, self.draw, kind, year, method)
    }

    pub(super) fn supplier(&mut self, trade: &'static str) -> String {
        self.works.supplier(self.village, trade)
    }

    pub(super) fn case(&mut self, entity: &'static str, subject: String, note: &'static str) -> Case {
        self.village.truth.case(self.plan.kind, self.plan.planted, entity, subject, note)
    }

    fn project_case(&mut self, project: usize, note: &'static str) -> Case {
        self.case("project", key("PR", self.village.site, project), note)
    }

    pub(super) fn record(&mut self, case: &Case, table: &'static str, record: String) {
        self.village.truth.record(case, table, record);
    }

    fn record_project(&mut self, case: &Case, n: usize) {
        self.record(case, "projects", key("PR", self.village.site, n));
    }

    fn record_contract(&mut self, case: &Case, n: usize) {
        self.record(case, "contracts", key("HT", self.village.site, n));
    }

    fn record_bids(&mut self, case: &Case, from: usize) {
        for n in from..self.works.bids.len() {
            self.record(case, "bids", key("TB", self.village.site, n));
        }
    }

    fn invoices_of(&self, contract: usize) -> Vec<usize> {
        (0..self.works.invoices.len()).filter(|&n| self.works.invoices[n].contract == contract).collect()
    }

    fn record_invoice(&mut self, case: &Case, n: usize) {
        self.record(case, "invoices", key("FP", self.village.site, n));
    }

    pub(super) fn project(&mut self) {
        match self.plan.kind {
            "FD04" => self.paid_early(),
            "PJ01" => self.lots(),
            "PJ02" => self.dominance(),
            "PJ03" => self.competition(),
            "PJ04" => self.standing(),
            "PJ05" => self.shared(),
            "PJ06" => self.kin(),
            "PJ07" => self.overpaid(),
            "PJ08" => self.goods(),
            "PJ09" => self.acceptance(),
            "PJ10" => self.twice(),
            "PJ11" => self.price(),
            "PJ12" => self.nobody(),
            "PJ13" => self.idle(),
            _ => self.paper(),
        }
    }

    fn paid_early(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let year = self.year();
        let n = self.work("road", year, "open");
        let invoices = self.invoices_of(n);
        let (signed, awarded) = (self.works.contracts[n].signed, self.works.contracts[n].awarded);
        let accepted = self.works.projects[n].accepted.unwrap_or(signed);
        let (which, on, note) = match (planted, form) {
            (true, 0) => (0, self.works.projects[n].approved - 12, "an instalment before the approval"),
            (true, _) => (2, accepted - 20, "the final instalment before the acceptance"),
            (false, 0) => (0, awarded + 2, "an advance between award and signature"),
            (false, _) => (2, accepted, "the final instalment on the day of the acceptance"),
        };
        let invoice = &mut self.works.invoices[invoices[which]];
        (invoice.issued, invoice.paid) = (on - 2, Some(on));
        let case = self.project_case(n, note);
        self.record_invoice(&case, invoices[which]);
    }

    fn lots(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let supplier = self.supplier("building");
        let note = match (planted, form) {
            (true, _) => "three lots of one work to one supplier without a tender",
            (false, 0) => "three lots to one supplier, each after an open tender",
            (false, _) => "lots to different suppliers",
        };
        let case = self.case("supplier", supplier.clone(), note);
        let method = if !planted && form == 0 { "open" } else { "negotiated" };
        for lot in 0..self.plan.dose(3) {
            let n = self.work("house", self.layout.first_year + 2, method);
            let amount = TENDER_LIMIT / 100 * self.draw.range(40, 60);
            self.works.resize(n, amount);
            let to = if !planted && form == 1 && lot > 0 { self.supplier("building") } else { supplier.clone() };
            self.works.award(n, &to, "building");
            self.record_contract(&case, n);
        }
    }

    /// One kind of work in a county, which nobody else there orders: most of it to one supplier, or to several.
    fn dominance(&mut self) {
        let planted = self.plan.planted;
        if super::earlier_in_county(self.layout, self.village.site.index, self.plan) {
            return;
        }
        let kind = if planted { "water" } else { "school" };
        let suppliers: Vec<String> = (0..4).map(|_| self.supplier("building")).collect();
        let note = if planted { "six of eight works of a kind to one supplier" } else { "eight works of a kind to four suppliers" };
        let case = self.case("supplier", suppliers[0].clone(), note);
        for n in 0..8 {
            let year = self.layout.first_year + n as i32 % 4;
            let work = self.work(kind, year, "open");
            self.works.resize(work, 20_000_000);
            let to = match self.plan.dose {
                Some(to_one) if planted => {
                    if (n as i64) < to_one {
                        0
                    } else {
                        1 + n % 3
                    }
                }
                _ if planted => [0, 0, 0, 1, 0, 0, 2, 0][n],
                _ => n % 4,
            };
            self.works.award(work, &suppliers[to], "building");
            if to == 0 {
                self.record_contract(&case, work);
            }
        }
    }

    fn competition(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 3);
        let year = self.year();
        let from = self.works.bids.len();
        let n = self.work("road", year, if !planted && form == 0 { "negotiated" } else { "open" });
        let bids = &mut self.works.bids;
        let note = match (planted, form) {
            (true, 0) => {
                bids.truncate(from + 1);
                "one bidder in an open tender"
            }
            (true, 1) => {
                bids[from + 2].price = bids[from + 1].price;
                "two bidders with the same price"
            }
            (true, _) => {
                (bids[from + 1].result, bids[from + 2].result) = ("disqualified", "disqualified");
                "all others disqualified"
            }
            (false, 0) => "negotiated with one supplier, as approved",
            (false, 1) => {
                bids[from + 2].price = bids[from + 1].price + 1_300;
                "prices near one another"
            }
            (false, _) => {
                bids[from + 2].result = "disqualified";
                "one of three disqualified"
            }
        };
        let case = self.project_case(n, note);
        self.record_contract(&case, n);
        self.record_bids(&case, from);
    }

    fn standing(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 3);
        let year = self.year();
        let n = self.work("road", year, "open");
        let supplier = self.supplier("building");
        self.works.award(n, &supplier, "building");
        let awarded = self.works.contracts[n].awarded;
        let last = self.works.suppliers.len() - 1;
        let s = &mut self.works.suppliers[last];
        let note = match (planted, form) {
            (true, 0) => {
                s.registered = awarded - 35;
                "registered five weeks before the award"
            }
            (true, 1) => {
                s.cancelled = Some(awarded - 100);
                "cancelled before the award"
            }
            (true, _) => {
                s.barred = Some((awarded - 200, Some(awarded + 160)));
                "barred at the time of the award"
            }
            (false, 0) => {
                s.registered = awarded - 95;
                "registered a little longer than ninety days before"
            }
            (false, 1) => {
                s.cancelled = Some(awarded + 100);
                "cancelled afterwards"
            }
            (false, _) => {
                s.barred = Some((awarded - 600, Some(awarded - 20)));
                "no longer barred"
            }
        };
        let case = self.case("supplier", supplier, note);
        self.record_contract(&case, n);
    }

    fn shared(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 4);
        let year = self.year();
        let from = self.works.bids.len();
        let n = self.work("road", year, "open");
        // The second bidder is one of the village's own.
        let rival = self.supplier("building");
        self.works.bids[from + 1].supplier = rival;
        let winner = self.supplier("building");
        self.works.award(n, &winner, "building");
        let last = self.works.suppliers.len() - 1;
        if planted {
            match form {
                0 => self.works.bids[from + 1].device = self.works.bids[from].device.clone(),
                1 => self.works.bids[from + 1].hash = self.works.bids[from].hash.clone(),
                2 => self.works.suppliers[last - 1].person = self.works.suppliers[last].person,
                _ => self.works.suppliers[last - 1].phone = self.works.suppliers[last].phone,
            }
        } else {
            // One computer of the trading centre for two tenders of one bidder.
            let (year, own) = (year + 1, self.works.bids[from].device.clone());
            let second = self.works.bids.len();
            let other = self.work("road", year, "open");
            self.works.award(other, &winner, "building");
            self.works.bids[second].device = own;
        }
        let note = match (planted, form) {
            (true, 0) => "two bidders on one device",
            (true, 1) => "two bidders with one document",
            (true, 2) => "two bidders with one legal person",
            (true, _) => "two bidders with one phone",
            _ => "one bidder with one device in two tenders",
        };
        let case = self.project_case(n, note);
        self.record_bids(&case, from);
    }

    fn kin(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let n = self.work("road", self.layout.last_year, "open");
        let supplier = self.supplier("building");
        self.works.award(n, &supplier, "building");
        let last = self.works.suppliers.len() - 1;
        let awarded = self.works.contracts[n].awarded;
        let cadre = self.village.cadres.iter().find(|c| c.starts < awarded).map(|c| c.id);
        let relative =
            self.village.relatives.iter().find(|r| self.village.cadres.iter().any(|c| c.id == r.0 && c.starts < awarded)).map(|r| r.1);
        let tie = if form == 0 { cadre } else { relative.or(cadre) };
        if planted && let Some(person) = tie {
            self.works.suppliers[last].person = person;
        }
        let note = if planted {
            "the supplier's legal person is a cadre or a declared relative"
        } else {
            "a supplier of the village without such a tie"
        };
        let case = self.case("supplier", supplier, note);
        self.record_contract(&case, n);
    }

    fn overpaid(&mut self) {
        let (planted, form, percent) = (self.plan.planted, self.plan.form(2, 1), self.plan.dose(30));
        let year = self.year();
        let n = self.work("road", year, "open");
        let invoices = self.invoices_of(n);
        let amount = self.works.contracts[n].amount;
        let paid_on = self.works.invoices[invoices[1]].paid.unwrap_or(self.works.contracts[n].signed);
        let (c, progress) = (&mut self.works.contracts[n], &mut self.works.invoices[invoices[1]]);
        let note = match (planted, form) {
            (true, 0) => {
                (c.progress, c.progress_on) = (35, paid_on);
                "four fifths paid where a third is done"
            }
            (true, _) => {
                progress.amount += amount * percent / 100;
                "paid three tenths more than the contract"
            }
            (false, 0) => {
                (c.progress, c.progress_on) = (55, paid_on);
                "paid up to the progress and the advance"
            }
            (false, _) => {
                progress.amount += amount * 3 / 10;
                c.change = amount * 3 / 10;
                "more work was approved"
            }
        };
        let case = self.project_case(n, note);
        self.record_contract(&case, n);
    }

    fn goods(&mut self) {
        let planted = self.plan.planted;
        let year = self.year();
        let n = self.work("industry", year, "negotiated");
        let from = self.works.items.len();
        let households: Vec<usize> = free(self.village).into_iter().take(4).collect();
        self.works.hand_out(n, households.into_iter(), 20);
        let missing = self.plan.dose(9);
        for item in &mut self.works.items[from..] {
            item.received = if planted { 20 - missing } else { 17 };
            item.died = if planted { 0 } else { 3 };
        }
        let note = if planted { "twenty animals claimed, eleven received" } else { "some animals died after the hand-out" };
        let case = self.project_case(n, note);
        for i in from..self.works.items.len() {
            let household = self.village.household_id(self.works.items[i].household + 1);
            self.record(&case, "project_items", format!("{}/{household}/能繁母猪", key("PR", self.village.site, n)));
        }
    }

    fn acceptance(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let year = self.year();
        let n = self.work("road", year, "open");
        let (finished, signed) = (self.works.projects[n].finished, self.works.contracts[n].signed);
        let (on, note) = match (planted, form) {
            (true, 0) => (finished - 15, "accepted before completion"),
            (true, _) => (signed, "accepted on the day of the contract"),
            _ => (finished, "accepted on the day of completion"),
        };
        self.works.projects[n].accepted = Some(on);
        let case = self.project_case(n, note);
        self.record_project(&case, n);
    }

    fn twice(&mut self) {
        let planted = self.plan.planted;
        let first = self.work("road", self.layout.first_year + 1, "open");
        let second = self.work("road", self.layout.first_year + 2, "open");
        let site = &self.village.site.name;
        let names = if planted {
            [format!("{site}大塘组产业路路面硬化工程"), format!("{site}大塘组产业路路面硬化项目")]
        } else {
            [format!("{site}下坝组机耕道工程一期"), format!("{site}下坝组机耕道工程二期")]
        };
        let [one, two] = names;
        (self.works.projects[first].name, self.works.projects[second].name) = (one, two);
        (self.works.projects[second].lat, self.works.projects[second].lon) =
            (self.works.projects[first].lat + 300, self.works.projects[first].lon - 200);
        let note = if planted { "one work under two projects" } else { "two phases of one work" };
        let case = self.project_case(first, note);
        self.record_project(&case, first);
        self.record_project(&case, second);
    }

    fn price(&mut self) {
        let planted = self.plan.planted;
        let year = self.year();
        let n = self.work("road", year, "open");
        let invoice = self.invoices_of(n)[1];
        let percent = self.plan.dose(260);
        let price = &mut self.works.invoices[invoice].unit_price;
        *price = *price * if planted { percent } else { 102 } / 100;
        let note = if planted { "a unit price far above the others" } else { "a unit price a little above the others" };
        let case = self.project_case(n, note);
        self.record_invoice(&case, invoice);
    }

    fn nobody(&mut self) {
        let planted = self.plan.planted;
        let n = self.work("industry", if planted { self.year() } else { self.layout.last_year }, "negotiated");
        let note = if planted { "an industry project without a household" } else { "approved less than a year ago" };
        let case = self.project_case(n, note);
        self.record_project(&case, n);
    }

    fn idle(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 2);
        let year = self.year();
        let n = self.work("house", year, "open");
        let note = match (planted, form) {
            (true, _) => "no power and no water for eight months",
            (false, 0) => "used in its season",
            (false, _) => "little power, no water",
        };
        let kwh = if !planted && form == 1 { 300 } else { 0 };
        self.works.meter(n, self.plan.dose(8) as i32, kwh, 0);
        self.works.projects[n].seasonal = !planted && form == 0;
        let case = self.project_case(n, note);
        self.record_project(&case, n);
    }

    fn paper(&mut self) {
        let (planted, form) = (self.plan.planted, self.plan.variant % 3);
        let year = self.year();
        let n = self.work("road", year, "open");
        let invoices = self.invoices_of(n);
        let which = invoices[1];
        let mut records = vec![which];
        let note = match (planted, form) {
            (true, 0) => {
                let other = self.work("road", year + 1, "open");
                let again = self.invoices_of(other)[1];
                self.works.invoices[again].serial = self.works.invoices[which].serial.clone();
                records.push(again);
                "one invoice number under two contracts"
            }
            (true, 1) => {
                self.works.invoices[which].state = "void";
                "paid on a void invoice"
            }
            (true, _) => {
                let caterer = self.supplier("catering");
                self.works.invoices[which].supplier = caterer;
                "concrete billed by a caterer"
            }
            (false, 0) => {
                let replaced: Invoice = self.works.invoices[which].clone();
                self.works.invoices[which].state = "void";
                let serial = format!("{:09}", self.village.site.index * 1000 + 990 + 10_000_000);
                self.works.invoices.push(Invoice { serial, issued: replaced.issued + 9, paid: None, ..replaced });
                "a void invoice was replaced by a valid one"
            }
            (false, _) => {
                let dealer = self.supplier("materials");
                self.works.invoices[which].supplier = dealer;
                "a dealer in materials bills the concrete"
            }
        };
        let case = self.project_case(n, note);
        for record in records {
            self.record_invoice(&case, record);
        }
    }
}
