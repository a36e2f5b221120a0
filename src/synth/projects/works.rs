//! Records of the new tables and how an orderly project comes about.

use super::super::calendar::{as_of, civil, day};
use super::super::draw::Draw;
use super::super::files::{T, Tables};
use super::super::ids::Id;
use super::super::layout::{Layout, Site};
use super::super::model::*;

#[derive(Debug, Clone)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) year: i32,
    pub(super) budget: Fen,
    pub(super) approved: Days,
    pub(super) finished: Days,
    pub(super) accepted: Option<Days>,
    pub(super) lat: i64,
    pub(super) lon: i64,
    pub(super) seasonal: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Supplier {
    pub(super) trade: &'static str,
    pub(super) person: Id,
    pub(super) phone: u64,
    pub(super) registered: Days,
    pub(super) cancelled: Option<Days>,
    pub(super) barred: Option<(Days, Option<Days>)>,
}

#[derive(Debug, Clone)]
pub(super) struct Contract {
    pub(super) project: usize,
    pub(super) supplier: String,
    pub(super) method: &'static str,
    pub(super) amount: Fen,
    pub(super) change: Fen,
    pub(super) awarded: Days,
    pub(super) signed: Days,
    pub(super) progress: i64,
    pub(super) progress_on: Days,
}

#[derive(Debug, Clone)]
pub(super) struct Bid {
    pub(super) contract: usize,
    pub(super) supplier: String,
    pub(super) price: Fen,
    pub(super) result: &'static str,
    pub(super) device: String,
    pub(super) hash: String,
    pub(super) opened: Days,
}

#[derive(Debug, Clone)]
pub(super) struct Invoice {
    pub(super) serial: String,
    pub(super) contract: usize,
    pub(super) supplier: String,
    pub(super) kind: &'static str,
    pub(super) item: &'static str,
    pub(super) trade: &'static str,
    pub(super) unit_price: Fen,
    pub(super) amount: Fen,
    pub(super) issued: Days,
    pub(super) paid: Option<Days>,
    pub(super) state: &'static str,
}

#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) project: usize,
    pub(super) household: usize,
    pub(super) claimed: i64,
    pub(super) received: i64,
    pub(super) died: i64,
    pub(super) on: Days,
}

#[derive(Debug, Clone)]
pub(super) struct Loan {
    pub(super) household: usize,
    pub(super) borrower: Id,
    pub(super) amount: Fen,
    pub(super) lent: Days,
    pub(super) repaid: Option<Days>,
    pub(super) subsidised: bool,
    pub(super) paid_to: String,
}

#[derive(Debug, Clone)]
pub(super) struct OfficeAccount {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) region: i64,
    /// Year, opening and closing balance.
    pub(super) years: Vec<(i32, Fen, Fen)>,
    /// Money in, amount, day, document.
    pub(super) lines: Vec<(bool, Fen, Days, String)>,
}

#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) account: u64,
    pub(super) kind: &'static str,
    pub(super) amount: Fen,
    pub(super) on: Days,
    pub(super) minute: i64,
    pub(super) terminal: String,
    pub(super) counter: Option<u64>,
    pub(super) batch: String,
}

#[derive(Debug, Clone)]
pub(super) struct Opening {
    pub(super) account: u64,
    pub(super) branch: String,
    pub(super) on: Days,
    pub(super) sequence: i64,
    pub(super) mass: bool,
}

/// The new tables of one village.
#[derive(Debug, Default)]
pub(super) struct Works {
    pub(super) suppliers: Vec<Supplier>,
    pub(super) projects: Vec<Project>,
    pub(super) contracts: Vec<Contract>,
    pub(super) bids: Vec<Bid>,
    pub(super) invoices: Vec<Invoice>,
    pub(super) items: Vec<Item>,
    pub(super) loans: Vec<Loan>,
    pub(super) accounts: Vec<OfficeAccount>,
    pub(super) lines: Vec<Line>,
    pub(super) openings: Vec<Opening>,
    /// Project, month, hundredths of kWh, hundredths of cubic metres.
    pub(super) meters: Vec<(usize, (i32, i32), i64, i64)>,
}

/// Suppliers that every village has, in this order.
const TRADES: [&str; 3] = ["building", "livestock", "materials"];

/// Key of a supplier of the village with this index.
pub(super) fn supplier_id(village: usize, n: usize) -> String {
    format!("SU{:05}{:03}", village + 1, n + 1)
}

pub(super) fn key(prefix: &str, site: &Site, n: usize) -> String {
    format!("{prefix}{:05}{:04}", site.index + 1, n + 1)
}

/// What a kind of project buys: trade, item, usual unit price.
fn goods(kind: &str) -> (usize, &'static str, Fen) {
    match kind {
        "industry" => (1, "能繁母猪", 180_000),
        _ => (0, "水泥混凝土路面", 9_500),
    }
}

impl Works {
    /// A supplier of the village; gives its key. Legal persons live outside the programme.
    pub(super) fn supplier(&mut self, village: &mut Village, trade: &'static str) -> String {
        let (index, n) = (village.site.index, self.suppliers.len());
        let birth = day(1960, 1, 1) + (index % 9000) as i32;
        let person = Id::new(520_102, birth, (100 + index / 9000 * 40 + n) as u32);
        let registered = day(2009, 3, 1) + (index * 37 + n * 211) as i32 % 1500;
        self.suppliers.push(Supplier { trade, person, phone: village.new_phone(), registered, cancelled: None, barred: None });
        supplier_id(index, n)
    }

    /// A project in order from approval to final payment, with its one contract; gives its number, which is also the contract's.
    pub(super) fn project(
        &mut self,
        layout: &Layout,
        site: &Site,
        draw: &mut Draw,
        kind: &'static str,
        year: i32,
        method: &'static str,
    ) -> usize {
        let n = self.projects.len();
        let (trade, item, price) = goods(kind);
        let amount = draw.range(80, 300) * 100_000;
        let approved = day(year, 2, 1) + draw.days(0, 40);
        let awarded = approved + 25;
        let signed = awarded + 6;
        let finished = signed + 70 + draw.days(0, 30);
        let accepted = finished + 12;
        // Works of neighbouring villages differ in more than the village's name.
        let group = ["上坝", "下坝", "大湾", "小河", "新寨", "老屋", "石桥"][(site.index * 3 + n) % 7];
        let name = match kind {
            "industry" => format!("{}{year}年{group}组生猪养殖产业项目", site.name),
            _ => format!("{}{year}年{group}组第{}段道路硬化工程", site.name, n + 1),
        };
        // No two sites of a village lie within two hundred metres of one another.
        let (lat, lon) = (site.lat + 3_000 * (n as i64 + 1), site.lon + 1_000 * (n as i64 % 7));
        let budget = amount + amount / 20;
        self.projects.push(Project { name, kind, year, budget, approved, finished, accepted: Some(accepted), lat, lon, seasonal: false });
        let supplier = supplier_id(site.index, trade);
        self.contracts.push(Contract {
            project: n,
            supplier: supplier.clone(),
            method,
            amount,
            change: 0,
            awarded,
            signed,
            progress: 100,
            progress_on: accepted,
        });
        if method == "open" {
            self.bid(site, n, supplier.clone(), amount, "won");
            for other in 1..3 {
                let rival = (site.index + other) % layout.sites.len();
                let above = amount / 100 * draw.range(2 + other as i64 * 3, 4 + other as i64 * 3) + other as i64 * 1_037;
                self.bid(site, n, supplier_id(rival, trade), amount + above, "lost");
            }
        }
        let parts = [("advance", 30, signed + 5), ("progress", 50, finished - 10), ("final", 20, accepted + 10)];
        for (part, percent, on) in parts {
            let unit_price = price + price / 1000 * draw.range(-30, 30);
            self.invoice(site, n, part, amount * percent / 100, item, unit_price, on);
        }
        n
    }

    pub(super) fn bid(&mut self, site: &Site, contract: usize, supplier: String, price: Fen, result: &'static str) {
        let n = self.bids.len();
        let (device, hash) =
            (key("DV", site, n), format!("{:016x}", ((site.index * 10_000 + n + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        self.bids.push(Bid { contract, supplier, price, result, device, hash, opened: self.contracts[contract].awarded - 3 });
    }

    pub(super) fn invoice(
        &mut self,
        site: &Site,
        contract: usize,
        kind: &'static str,
        amount: Fen,
        item: &'static str,
        unit_price: Fen,
        on: Days,
    ) {
        let n = self.invoices.len();
        let supplier = self.contracts[contract].supplier.clone();
        let trade = TRADES[goods(self.projects[self.contracts[contract].project].kind).0];
        let serial = format!("{:09}", site.index * 1000 + n + 10_000_000);
        let (issued, paid) = (on - 2, Some(on));
        self.invoices.push(Invoice { serial, contract, supplier, kind, item, trade, unit_price, amount, issued, paid, state: "valid" });
    }

    /// Moves contract, bids and invoices to another supplier.
    pub(super) fn award(&mut self, contract: usize, supplier: &str, trade: &'static str) {
        let before = std::mem::replace(&mut self.contracts[contract].supplier, supplier.to_string());
        for b in self.bids.iter_mut().filter(|b| b.contract == contract && b.supplier == before) {
            b.supplier = supplier.to_string();
        }
        for i in self.invoices.iter_mut().filter(|i| i.contract == contract) {
            (i.supplier, i.trade) = (supplier.to_string(), trade);
        }
    }

    /// Changes the contract's amount with everything that follows from it.
    pub(super) fn resize(&mut self, contract: usize, amount: Fen) {
        let before = std::mem::replace(&mut self.contracts[contract].amount, amount);
        let scaled = |fen: Fen| (i128::from(fen) * i128::from(amount) / i128::from(before)) as Fen;
        for b in self.bids.iter_mut().filter(|b| b.contract == contract) {
            b.price = scaled(b.price);
        }
        for i in self.invoices.iter_mut().filter(|i| i.contract == contract) {
            i.amount = scaled(i.amount);
        }
        self.projects[contract].budget = amount + amount / 20;
    }

    /// Hands out goods of a project to households, all that was claimed.
    pub(super) fn hand_out(&mut self, project: usize, households: impl Iterator<Item = usize>, claimed: i64) {
        let on = self.projects[project].finished - 5;
        self.items.extend(households.map(|household| Item { project, household, claimed, received: claimed, died: 0, on }));
    }

    /// Readings of the programme's last `months` months.
    pub(super) fn meter(&mut self, project: usize, months: i32, kwh: i64, water: i64) {
        let (year, _, _) = civil(as_of());
        for back in (0..months).rev() {
            let m = 11 - back;
            let month = (year + m.div_euclid(12), m.rem_euclid(12) + 1);
            let use_of = |unit: i64| unit * (80 + i64::from(m.rem_euclid(5)) * 10) / 100;
            self.meters.push((project, month, use_of(kwh), use_of(water)));
        }
    }

    pub(super) fn emit(&self, village: &Village, tables: &mut Tables) {
        let site = village.site;
        let v = site.index + 1;
        for (n, s) in self.suppliers.iter().enumerate() {
            let mut row = tables.row(T::Suppliers);
            row.text(&supplier_id(site.index, n))
                .text(&format!("9152{:05}{:03}MA", v, n + 1))
                .text(&format!("{}{}号经营部", site.name, n + 1))
                .text(s.trade);
            row.id(&s.person)
                .number(s.phone)
                .text(&format!("{}集镇{}号", site.name, n + 11))
                .int(site.code)
                .date(s.registered)
                .opt_date(s.cancelled);
            row.opt_date(s.barred.map(|b| b.0)).opt_date(s.barred.and_then(|b| b.1));
        }
        for (n, p) in self.projects.iter().enumerate() {
            let mut row = tables.row(T::Projects);
            row.text(&key("PR", site, n)).text(&p.name).text(p.kind).text("ZXFP").int(site.code).int(p.year.into()).hundredths(p.budget);
            row.date(p.approved)
                .date(p.approved + 35)
                .date(p.finished)
                .opt_date(p.accepted)
                .hundredths(p.budget)
                .degrees(p.lat)
                .degrees(p.lon);
            row.text(&format!("{}村委会", site.name)).yes_no(p.seasonal);
        }
        for (n, c) in self.contracts.iter().enumerate() {
            let mut row = tables.row(T::Contracts);
            row.text(&key("HT", site, n)).text(&key("PR", site, c.project)).text(&c.supplier).text(c.method).hundredths(c.amount);
            row.hundredths(c.change).date(c.awarded).date(c.signed).int(c.progress).date(c.progress_on);
        }
        for (n, b) in self.bids.iter().enumerate() {
            let mut row = tables.row(T::Bids);
            row.text(&key("TB", site, n)).text(&key("HT", site, b.contract)).text(&b.supplier).hundredths(b.price).text(b.result);
            row.text(&b.device).text(&b.hash).date(b.opened);
        }
        for (n, i) in self.invoices.iter().enumerate() {
            let mut row = tables.row(T::Invoices);
            row.text(&key("FP", site, n))
                .text(&i.serial)
                .text(&key("HT", site, i.contract))
                .int(civil(i.issued).0.into())
                .text(&i.supplier)
                .text(i.kind);
            row.text(i.item).text(i.trade).hundredths(i.amount * 100 / i.unit_price.max(1)).hundredths(i.unit_price).hundredths(i.amount);
            row.date(i.issued).opt_date(i.paid).text(i.state);
        }
        for i in &self.items {
            let mut row = tables.row(T::ProjectItems);
            row.text(&key("PR", site, i.project)).text(&village.household_id(i.household + 1)).text("能繁母猪");
            row.int(i.claimed).int(i.received).int(i.died).hundredths(180_000).date(i.on);
        }
        for (n, l) in self.loans.iter().enumerate() {
            let mut row = tables.row(T::Loans);
            row.text(&key("DK", site, n)).text(&village.household_id(l.household + 1)).id(&l.borrower).hundredths(l.amount).date(l.lent);
            row.date(l.lent + 1095).opt_date(l.repaid).yes_no(l.subsidised).text(&l.paid_to).text("发展养殖");
        }
        let mut line = 0;
        for a in &self.accounts {
            tables.row(T::OrgAccounts).number(a.number).text(&a.name).text(a.kind).int(a.region).date(day(2013, 6, 3));
            for (year, opening, closing) in &a.years {
                let mut row = tables.row(T::OrgBalances);
                row.number(a.number).int((*year).into()).hundredths(*opening).hundredths(*closing).date(day(*year, 12, 31));
            }
            for (inward, amount, on, doc) in &a.lines {
                let mut row = tables.row(T::OrgLines);
                row.text(&key("OL", site, line)).number(a.number).text(if *inward { "in" } else { "out" }).hundredths(*amount).date(*on);
                row.text("").text(doc).text(if *inward { "专项资金" } else { "项目支出" });
                line += 1;
            }
        }
        for (n, l) in self.lines.iter().enumerate() {
            let mut row = tables.row(T::AccountLines);
            row.text(&key("AL", site, n))
                .int(site.code)
                .number(l.account)
                .text(l.kind)
                .hundredths(l.amount)
                .date(l.on)
                .int(l.minute)
                .text(&l.terminal);
            match l.counter {
                Some(account) => row.number(account),
                None => row.text(""),
            };
            row.text(&l.batch);
        }
        for o in &self.openings {
            let mut row = tables.row(T::AccountOpenings);
            row.number(o.account).int(site.code).text(&o.branch).date(o.on).int(o.sequence).yes_no(o.mass);
        }
        for (project, (year, month), kwh, water) in &self.meters {
            let mut row = tables.row(T::Meters);
            row.text(&key("MT", site, *project))
                .month(*year, *month)
                .text("")
                .text(&key("PR", site, *project))
                .hundredths(*kwh)
                .hundredths(*water);
        }
    }
}

/// A road and an industry project for each year, all in order.
pub(super) fn background(layout: &Layout, village: &mut Village, draw: &mut Draw, works: &mut Works) {
    for trade in TRADES {
        works.supplier(village, trade);
    }
    let site = village.site;
    let households = village.households.len();
    for year in layout.years() {
        works.project(layout, site, draw, "road", year, "open");
        let n = works.project(layout, site, draw, "industry", year, "negotiated");
        let start = draw.below(households);
        let claimed = draw.range(2, 6);
        works.hand_out(n, (0..4).map(|i| (start + i * 3) % households).collect::<std::collections::BTreeSet<_>>().into_iter(), claimed);
        if year >= layout.last_year - 1 {
            works.meter(n, 8, 12_000, 900);
        }
    }
}
